/* SPDX-License-Identifier: BSD-2-Clause */
/* Charges: what a record costs its owner, refunded exactly once (I16), also when the owner is gone by then.
 */
#include "kernel/device/device.h"

bool charge_covered(const struct owner *o, enum budget_kind kind, uint32_t amount)
{
    return budget_covers(&o->budget, kind, amount);
}

void charge_take(struct owner *o, enum budget_kind kind, uint32_t amount, struct charge *out)
{
    bool reserved = budget_reserve(&o->budget, kind, amount);

    ASSERT(reserved); /* the caller decided before it acts */
    *out = (struct charge){o->epoch, amount, o->index, (uint8_t)kind, 1};
}

/* The owner's life that was charged, or NULL when it is over. */
static struct owner *charged_owner(struct kernel *k, const struct charge *charge)
{
    struct owner *o = &k->core.owners[charge->owner];

    return o->state != OWNER_FREE && o->epoch == charge->owner_epoch ? o : NULL;
}

void charge_refund(struct kernel *k, struct charge *charge)
{
    struct owner *o = charged_owner(k, charge);

    ASSERT(charge->active); /* I16: once */
    charge->active = 0;
    ASSERT(o != NULL); /* an owner outlives everything charged to it but quarantined pages */
    budget_refund(&o->budget, (enum budget_kind)charge->kind, charge->amount);
}

void charge_hold_pages(struct kernel *k, struct charge *charge, uint32_t kept)
{
    struct owner *o = charged_owner(k, charge);

    ASSERT(charge->active);
    ASSERT(kept <= charge->amount);
    ASSERT(o != NULL);
    budget_refund(&o->budget, BUDGET_POOL_PAGES, charge->amount - kept);
    charge->amount = kept;
    o->held_pages += kept;
}

void charge_refund_held(struct kernel *k, struct charge *charge)
{
    struct owner *o = charged_owner(k, charge);

    ASSERT(charge->active);
    charge->active = 0;
    if (o == NULL) /* ended since: its budget ended with it */
        return;
    ASSERT(o->held_pages >= charge->amount);
    o->held_pages -= charge->amount;
    budget_refund(&o->budget, BUDGET_POOL_PAGES, charge->amount);
}
