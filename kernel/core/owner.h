/* SPDX-License-Identifier: BSD-2-Clause */
/* Owners: a capability table and a budget set, standing where processes will. An owner ends in one way,
 * whether it exits or is killed: everything charged to it is destroyed by the room that owns it, then its
 * table is cleared. */
#ifndef CAPOS_KERNEL_CORE_OWNER_H
#define CAPOS_KERNEL_CORE_OWNER_H

#include "kernel/core/audit.h"
#include "kernel/core/budget.h"
#include "kernel/core/captable.h"

#define OWNERS_MAX 16u

enum owner_state { OWNER_FREE = 0, OWNER_LIVE, OWNER_ENDING };

struct owner {
    uint32_t epoch; /* rises at each life: a binding of an earlier life is stale */
    uint16_t index;
    uint8_t state; /* enum owner_state */
    uint8_t end_result; /* of the record of its end: an exception vector */
    bool reads_log; /* was started to read the audit log: may use the room that is kept for it */
    uint32_t held_pages; /* of its page budget, kept by quarantine */
    struct budget budget;
    struct captable caps;
};

/* The core's whole state. */
struct core {
    struct object_pool objects;
    struct audit audit;
    struct owner owners[OWNERS_MAX];
};

/* Destroys the object in its room's teardown order; it is dead afterwards. */
typedef void (*object_destroy)(void *ctx, uint16_t object);

void core_init(struct core *core);
/* NULL: no owner free, or the audit log is full. */
struct owner *core_owner_create(struct core *core, const struct budget_limits *limits,
                                uint32_t generation_limit);
/* The same for a process; its record says which. */
struct owner *core_owner_spawn(struct core *core, const struct budget_limits *limits, uint32_t number,
                               bool reads_log);
/* The one way out (P16). `kind`: AUDIT_KILL, AUDIT_EXIT or AUDIT_FAULT. The pointer is dead afterwards. */
void core_owner_end(struct core *core, struct owner *owner, enum audit_kind kind, object_destroy destroy,
                    void *ctx);

/* Would core_grant succeed for this owner: object entry, table slot, slot budget, audit room? */
enum cap_exception core_grant_check(const struct core *core, const struct owner *owner);
/* The same for who starts a process with `grants` capabilities, one that `reads_log` or another: its own
 * object, and room in the log for all of it. */
enum cap_exception core_start_check(const struct core *core, const struct owner *owner, uint32_t grants,
                                    bool reads_log);
/* An object and the owner's handle to it, after core_grant_check said CAP_EX_NONE (asserted). */
cap_id core_grant(struct core *core, struct owner *owner, uint8_t interface, uint16_t payload,
                  uint16_t parent, uint16_t bdf, struct object_ref *out);
/* The object and all derived ones die; every handle to them, in every table, is stale when this returns, and
 * the slot budgets are back (I9). `kind`: AUDIT_RELEASE or AUDIT_REVOKE, for the object itself; derived ones
 * are AUDIT_REVOKE. */
void core_revoke(struct core *core, uint16_t object, enum audit_kind kind, uint16_t bdf);
/* Copies or moves a capability to another owner: whole or not at all. The charge stays with the object's
 * owner. */
enum cap_exception core_transfer(struct core *core, struct owner *from, cap_id id, struct owner *to,
                                 bool move, cap_id *out);

/* Takes one live slot out of an owner's table; the object lives on (a holder of a copy gives it back). */
void core_drop_cap(struct core *core, struct owner *owner, uint16_t slot, uint16_t bdf);

const char *cap_exception_name(enum cap_exception exception);

#endif
