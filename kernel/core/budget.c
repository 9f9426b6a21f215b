/* SPDX-License-Identifier: BSD-2-Clause */
/* Budgets: exact reservation and refund. Owns the counters; trusts its callers to refund what they reserved,
 * and asserts that they do so once. */
#include "kernel/core/budget.h"

#include <stddef.h>

#include "abi/assert.h"

struct budget_limits budget_limits_generous(void)
{
    struct budget_limits limits;

    for (uint32_t kind = 0; kind < BUDGET_COUNT; kind++)
        limits.limit[kind] = 0xffffffffu;
    return limits;
}

void budget_init(struct budget *budget, const struct budget_limits *limits)
{
    ASSERT(budget != NULL);
    ASSERT(limits != NULL);
    budget->limits = *limits;
    for (uint32_t kind = 0; kind < BUDGET_COUNT; kind++)
        budget->used[kind] = 0;
}

bool budget_covers(const struct budget *budget, enum budget_kind kind, uint32_t amount)
{
    ASSERT(kind < BUDGET_COUNT);
    if (budget->used[kind] > budget->limits.limit[kind])
        return false;
    return amount <= budget->limits.limit[kind] - budget->used[kind];
}

bool budget_reserve(struct budget *budget, enum budget_kind kind, uint32_t amount)
{
    if (!budget_covers(budget, kind, amount))
        return false;
    budget->used[kind] += amount;
    ASSERT(budget->used[kind] <= budget->limits.limit[kind]);
    return true;
}

void budget_take_over(struct budget *budget, enum budget_kind kind, uint32_t amount)
{
    ASSERT(kind < BUDGET_COUNT);
    ASSERT(amount <= 0xffffffffu - budget->used[kind]);
    budget->used[kind] += amount;
}

void budget_refund(struct budget *budget, enum budget_kind kind, uint32_t amount)
{
    ASSERT(kind < BUDGET_COUNT);
    ASSERT(amount <= budget->used[kind]); /* I16: refunded once */
    budget->used[kind] -= amount;
}
