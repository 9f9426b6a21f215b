/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA pools: a function's budget of pages. Charged whole when made; refunded when every page is free again,
 * so that quarantined pages go on costing the owner whose device would not stop (T12). */
#include "kernel/device/device.h"

static uint16_t free_pool(const struct kernel *k)
{
    for (uint16_t i = 0; i < POOLS_MAX; i++) {
        if (k->devices.pools[i].state == POOL_UNUSED)
            return i;
    }
    return NO_RECORD;
}

uint16_t pool_take_record(struct kernel *k, uint16_t claim, uint32_t pages)
{
    const uint16_t record = free_pool(k);
    struct dma_pool *pool;

    if (record == NO_RECORD)
        return NO_RECORD;
    pool = &k->devices.pools[record];
    *pool = (struct dma_pool){.claim = claim,
                              .function = k->devices.claims[claim].function,
                              .pages_max = pages,
                              .state = POOL_LIVE};
    k->devices.claims[claim].pool_count++;
    k->devices.pages.promised += pages;
    return record;
}

static enum device_error decide(const struct kernel *k, const struct claim *claim, uint32_t pages)
{
    const struct pages *p = &k->devices.pages;

    if (pages == 0)
        return DEV_E_RANGE;
    if (k->devices.functions[claim->function].state == DEVICE_RESETTING)
        return DEV_E_STATE;
    if (p->quarantined >= p->quarantine_cap) /* T12 */
        return DEV_E_LIMIT;
    if (p->promised + p->quarantined > p->count || pages > p->count - p->promised - p->quarantined)
        return DEV_E_NO_MEMORY;
    return DEV_OK;
}

static enum cap_exception room(const struct kernel *k, const struct owner *o, const struct claim *claim,
                               uint32_t pages)
{
    if (!charge_covered(o, BUDGET_POOLS, 1) || !charge_covered(o, BUDGET_POOL_PAGES, pages))
        return CAP_EX_BUDGET;
    if (free_pool(k) == NO_RECORD || claim->pool_count >= CLAIM_POOLS_MAX)
        return CAP_EX_EXHAUSTED;
    return core_grant_check(&k->core, o);
}

struct device_reply pool_create(struct kernel *k, struct owner *o, cap_id device, uint32_t pages)
{
    const struct found found = find(k, o, device, CAP_IF_DEVICE);
    const struct claim *claim;
    struct dma_pool *pool;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    claim = &k->devices.claims[found.record];
    const enum device_error error = decide(k, claim, pages);
    if (error != DEV_OK)
        return reply_error(error);
    const enum cap_exception exception = room(k, o, claim, pages);
    if (exception != CAP_EX_NONE)
        return reply_exception(exception);

    const uint16_t record = pool_take_record(k, found.record, pages);
    ASSERT(record != NO_RECORD);
    pool = &k->devices.pools[record];
    charge_take(o, BUDGET_POOLS, 1, &pool->charge);
    charge_take(o, BUDGET_POOL_PAGES, pages, &pool->pages_charge);
    return reply_cap(core_grant(&k->core, o, CAP_IF_DMA_POOL, record, claim->object.index,
                                k->devices.functions[claim->function].info.bdf, &pool->object));
}

/* Buffers and rings of the pool, each by its own way out. */
static void drop_contents(struct kernel *k, uint16_t record, bool confirmed)
{
    for (uint16_t i = 0; i < QUEUES_MAX; i++) {
        struct dma_queue *q = &k->devices.queues[i];

        if (q->used && q->pool == record)
            queue_drop(k, q, confirmed);
    }
    for (uint16_t i = 0; i < BUFFERS_MAX; i++) {
        struct dma_buffer *b = &k->devices.buffers[i];

        if (b->state != BUFFER_FREE && b->pool == record)
            buffer_drop(k, b, confirmed);
    }
}

static void leave_claim(struct kernel *k, struct dma_pool *pool)
{
    struct claim *claim = &k->devices.claims[pool->claim];

    ASSERT(claim->pool_count > 0);
    claim->pool_count--;
    ASSERT(k->devices.pages.promised >= pool->pages_max);
    k->devices.pages.promised -= pool->pages_max;
    if (pool->charge.active)
        charge_refund(k, &pool->charge);
}

void pool_free(struct kernel *k, uint16_t record)
{
    struct dma_pool *pool = &k->devices.pools[record];

    ASSERT(pool->state == POOL_LIVE);
    drop_contents(k, record, true);
    ASSERT(pool->pages_used == 0);
    leave_claim(k, pool);
    if (pool->pages_charge.active)
        charge_refund(k, &pool->pages_charge);
    pool->state = POOL_UNUSED;
}

void pool_quarantine(struct kernel *k, uint16_t record)
{
    struct dma_pool *pool = &k->devices.pools[record];

    ASSERT(pool->state == POOL_LIVE);
    drop_contents(k, record, false);
    leave_claim(k, pool);
    if (pool->pages_used == 0) {
        if (pool->pages_charge.active)
            charge_refund(k, &pool->pages_charge);
        pool->state = POOL_UNUSED;
        return;
    }
    if (pool->pages_charge.active)
        charge_hold_pages(k, &pool->pages_charge, pool->pages_used);
    pool->state = POOL_QUARANTINED;
}
