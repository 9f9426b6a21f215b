/* SPDX-License-Identifier: BSD-2-Clause */
/* Budgets: what an owner may hold at once. Reserved before the effect, refunded exactly once (I16). */
#ifndef CAPOS_KERNEL_CORE_BUDGET_H
#define CAPOS_KERNEL_CORE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum budget_kind {
    BUDGET_DEVICES = 0, /* claimed functions */
    BUDGET_REGISTERS, /* DeviceMmio and DevicePorts */
    BUDGET_POOLS,
    BUDGET_POOL_PAGES, /* pages of 4096 bytes, charged when the pool is made */
    BUDGET_BUFFERS,
    BUDGET_QUEUES,
    BUDGET_INTERRUPTS,
    BUDGET_CAP_SLOTS,
    BUDGET_PROCESSES, /* Process objects, charged to who started the process */
    BUDGET_MEMORY_PAGES, /* the program's own pages, and its MemoryObjects */
    BUDGET_ENDPOINTS, /* endpoints and their client capabilities */
    BUDGET_CALLS, /* what waits: calls, receives, timers */
    BUDGET_COUNT
};

struct budget_limits {
    uint32_t limit[BUDGET_COUNT];
};

struct budget {
    struct budget_limits limits;
    uint32_t used[BUDGET_COUNT];
};

/* Limits that no sensible driver meets: for the kernel's own drivers and for tests. */
struct budget_limits budget_limits_generous(void);

void budget_init(struct budget *budget, const struct budget_limits *limits);
bool budget_covers(const struct budget *budget, enum budget_kind kind, uint32_t amount);
/* False, and nothing charged, when the limit does not cover it. */
bool budget_reserve(struct budget *budget, enum budget_kind kind, uint32_t amount);
/* Charges without asking the limit: for what its holder has accepted and whose first owner is gone. Nothing
 * more is covered until enough was refunded. */
void budget_take_over(struct budget *budget, enum budget_kind kind, uint32_t amount);
/* Asserts that the amount is charged: a double refund is our own bug (I16). */
void budget_refund(struct budget *budget, enum budget_kind kind, uint32_t amount);

#endif
