/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA buffers: whole pages of a pool, contiguous, guarded, and the record of which bytes are published: one
 * bit for 64 bytes, in the page's own record, so that overlap is found without a search. */
#include "kernel/device/device.h"

#define BUFFER_BYTES_MAX                                                                                     \
    0x10000000u /* 256 MiB: no sum of a chain's lengths can overflow (virtio 1.2, 2.7.5.2) */

static uint16_t free_buffer(const struct kernel *k)
{
    for (uint16_t i = 0; i < BUFFERS_MAX; i++) {
        if (k->devices.buffers[i].state == BUFFER_FREE)
            return i;
    }
    return NO_RECORD;
}

static enum cap_exception room(const struct kernel *k, const struct owner *o)
{
    if (!charge_covered(o, BUDGET_BUFFERS, 1))
        return CAP_EX_BUDGET;
    if (free_buffer(k) == NO_RECORD)
        return CAP_EX_EXHAUSTED;
    return core_grant_check(&k->core, o);
}

struct device_reply buffer_create(struct kernel *k, struct owner *o, cap_id pool_id, uint32_t bytes,
                                  uint8_t direction)
{
    const struct found found = find(k, o, pool_id, CAP_IF_DMA_POOL);
    const uint32_t pages = bytes / DMA_PAGE_BYTES + (bytes % DMA_PAGE_BYTES != 0);
    struct dma_pool *pool;
    struct dma_buffer *b;
    struct dma_run run;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    pool = &k->devices.pools[found.record];
    ASSERT(pool->state == POOL_LIVE);
    if (direction != DMA_TO_DEVICE && direction != DMA_FROM_DEVICE)
        return reply_error(DEV_E_DIRECTION);
    if (bytes == 0 || bytes > BUFFER_BYTES_MAX)
        return reply_error(DEV_E_RANGE);
    if (k->devices.functions[pool->function].state == DEVICE_RESETTING)
        return reply_error(DEV_E_STATE);
    const enum cap_exception exception = room(k, o);
    if (exception != CAP_EX_NONE)
        return reply_exception(exception);
    if (pages > pool->pages_max - pool->pages_used)
        return reply_error(DEV_E_NO_MEMORY);
    if (!dma_pages_take(k, pool->function, found.record, pages, &run)) /* I17, T11: the last to fail */
        return reply_error(DEV_E_NO_MEMORY);

    const uint16_t record = free_buffer(k);
    b = &k->devices.buffers[record];
    *b = (struct dma_buffer){.run = run,
                             .bytes = bytes,
                             .claim = pool->claim,
                             .pool = found.record,
                             .state = BUFFER_ALLOCATED,
                             .direction = direction};
    pool->pages_used += pages;
    charge_take(o, BUDGET_BUFFERS, 1, &b->charge);
    return reply_cap(core_grant(&k->core, o, CAP_IF_DMA_BUFFER, record, pool->object.index,
                                k->devices.functions[pool->function].info.bdf, &b->object));
}

struct device_reply buffer_map(struct kernel *k, struct owner *o, cap_id id)
{
    const struct found found = find(k, o, id, CAP_IF_DMA_BUFFER);
    struct dma_buffer *b;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    b = &k->devices.buffers[found.record];
    b->mapped = 1;
    if (b->state == BUFFER_ALLOCATED)
        b->state = BUFFER_MAPPED;
    /* The holder's own view of the memory; never the device's (I1). */
    return reply_value((uint64_t)(uintptr_t)page_cpu(k, b->run.first));
}

void buffer_drop(struct kernel *k, struct dma_buffer *b, bool confirmed)
{
    struct dma_pool *pool = &k->devices.pools[b->pool];

    ASSERT(b->state != BUFFER_FREE);
    memory_leaves(k, CAP_IF_DMA_BUFFER, (uint16_t)(b - k->devices.buffers));
    if (confirmed) {
        ASSERT(b->publications == 0); /* I4 */
        dma_pages_give(k, pool->function, b->run);
        pool->pages_used -= b->run.count;
    } else {
        dma_pages_quarantine(k, pool->function, b->run);
    }
    if (b->charge.active) /* kernel code's own is charged to nobody */
        charge_refund(k, &b->charge);
    b->state = BUFFER_FREE;
}

/* What completed meanwhile counts: one look at each queue before saying no. */
static void look_once(struct kernel *k, const struct claim *claim)
{
    for (uint16_t n = 0; n < DMA_QUEUES_MAX; n++) {
        struct dma_queue *q = queue_of(k, claim, n);

        if (q != NULL)
            (void)broker_take_in(k, q);
    }
}

struct device_reply buffer_destroy(struct kernel *k, struct owner *o, cap_id id, enum audit_kind kind)
{
    const struct found found = find(k, o, id, CAP_IF_DMA_BUFFER);
    struct dma_buffer *b;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    b = &k->devices.buffers[found.record];
    if (b->publications != 0)
        look_once(k, &k->devices.claims[b->claim]);
    if (b->publications != 0)
        return reply_error(DEV_E_BUSY); /* I4 */

    core_revoke(&k->core, b->object.index, kind,
                k->devices.functions[k->devices.pools[b->pool].function].info.bdf);
    buffer_drop(k, b, true);
    return reply_value(0);
}
