/* SPDX-License-Identifier: BSD-2-Clause */
/* What can run out in the kernel, made to: once, for one call, or for good. */
#ifndef CAPOS_EXPLORE_AUTHORITY_WITHHOLD_H
#define CAPOS_EXPLORE_AUTHORITY_WITHHOLD_H

#include "sim/explore/authority_machine.h"

/* What can run out. */
enum auth_resource {
    AUTH_R_SLOTS = 0,
    AUTH_R_OBJECTS,
    AUTH_R_LOG,
    AUTH_R_PAGES,
    AUTH_R_CLAIMS,
    AUTH_R_REGISTERS,
    AUTH_R_POOLS,
    AUTH_R_BUFFERS,
    AUTH_R_QUEUES,
    AUTH_R_INTERRUPTS,
    AUTH_R_OWNERS,
    AUTH_R_BUDGETS, /* + enum budget_kind, up to what a device needs */
    AUTH_RESOURCES = AUTH_R_BUDGETS + BUDGET_PROCESSES
};
const char *auth_resource_name(enum auth_resource r);

/* Only as many records as the world's regions hold. */
void auth_few_records(struct auth_machine *m);
/* For the next call of the owner. Ended with auth_withhold_end, which undoes whatever the call did. */
void auth_withhold(struct auth_machine *m, uint32_t owner, enum auth_resource r);
void auth_withhold_end(struct auth_machine *m, enum auth_resource r);
/* For good, for everybody; `base` counts what nobody of the world holds. */
void auth_run_out(struct auth_machine *m, enum auth_resource r, struct kernel_usage *base);

#endif
