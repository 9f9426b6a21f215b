/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues: ring memory and its life. A ring is made, its address written by the kernel, enabled, and ends at a
 * confirmed reset; until then its pages stay where they are. */
#include "kernel/device/device.h"

static uint16_t free_queue(const struct kernel *k)
{
    for (uint16_t i = 0; i < QUEUES_MAX; i++) {
        if (!k->devices.queues[i].used)
            return i;
    }
    return NO_RECORD;
}

struct dma_queue *queue_of(struct kernel *k, const struct claim *claim, uint16_t number)
{
    if (number >= DMA_QUEUES_MAX || claim->queues[number] == NO_RECORD)
        return NULL;
    return &k->devices.queues[claim->queues[number]];
}

/* Where the bell will ring must lie inside its window (virtio 1.2, 4.1.4.4.1): the offset is the device's
 * word. */
static bool bell_inside(const struct register_grant *r, uint32_t bell_index)
{
    const struct reg_row *row = &r->table->rows[r->bell_row];
    const struct reg_window *w = &r->windows[row->section];
    const uint64_t offset = row->offset + (uint64_t)bell_index * w->bell_multiplier;

    return offset % row->width == 0 && offset + row->width <= w->length;
}

static enum device_error decide(const struct kernel *k, const struct dma_pool *pool,
                                const struct register_grant *r, const struct queue_request *request,
                                struct split_layout *layout)
{
    const struct claim *claim = &k->devices.claims[pool->claim];

    if (r->claim != pool->claim)
        return DEV_E_FOREIGN;
    if (r->address_rows == 0 || r->bell_row == NO_RECORD)
        return DEV_E_REGISTER;
    if (k->devices.functions[pool->function].state == DEVICE_RESETTING)
        return DEV_E_STATE;
    if (request->queue >= DMA_QUEUES_MAX)
        return DEV_E_QUEUE;
    if (claim->queues[request->queue] != NO_RECORD)
        return DEV_E_BUSY;
    ASSERT(r->table->ring_align <= SPLIT_ALIGN_LEGACY);
    const bool pair = r->table->ring_format == RING_PAIR;
    if (pair ? !pair_layout_for(request->size, layout)
             : !split_layout_for(request->size,
                                 k->devices.packed_rings ? r->table->ring_align : SPLIT_ALIGN_LEGACY, layout))
        return DEV_E_QUEUE_SIZE;
    if (pair) /* NVM Express 1.4, 3.1.24: the tail's doorbell, behind it the head's */
        return request->avail_flags == 0 && request->bell_index == 2u * request->queue &&
                       bell_inside(r, request->bell_index) && bell_inside(r, request->bell_index + 1u)
                   ? DEV_OK
                   : DEV_E_VALUE;
    if (request->avail_flags > 1 || !bell_inside(r, request->bell_index))
        return DEV_E_VALUE;
    return DEV_OK;
}

static enum cap_exception room(const struct kernel *k, const struct owner *o)
{
    if (!charge_covered(o, BUDGET_QUEUES, 1))
        return CAP_EX_BUDGET;
    if (free_queue(k) == NO_RECORD)
        return CAP_EX_EXHAUSTED;
    return core_grant_check(&k->core, o);
}

static void fill(struct kernel *k, struct dma_queue *q, uint16_t record, const struct queue_request *request,
                 struct split_layout layout)
{
    q->slots = k->devices.slots[record];
    memset(q->slots, 0, request->size * sizeof q->slots[0]);
    q->addresses_written = 0;
    q->epoch++; /* I5: nothing published to an earlier ring of this record counts */
    q->number = request->queue;
    q->bell_index = request->bell_index;
    q->outstanding = 0;
    q->used_seen = 0;
    q->used = 1;
    q->enabled = 0;
    q->over = 0;
    q->broken = 0;
    q->bell_owed = 0;
    q->first_fault = BROKER_FAULT_NONE;
    q->pair = NULL;
    split_ring_init(&q->ring, page_cpu(k, q->run.first), request->size, layout, request->avail_flags);
    if (k->devices.registers[k->devices.claims[q->claim].registers].table->ring_format == RING_PAIR)
        pair_init(k, q, record);
}

struct two_records {
    enum cap_exception exception;
    uint16_t pool;
    uint16_t registers;
};

static struct two_records find_both(struct kernel *k, const struct owner *o,
                                    const struct queue_request *request)
{
    const struct found pool = find(k, o, request->pool, CAP_IF_DMA_POOL);
    struct found r = find(k, o, request->registers, CAP_IF_DEVICE_MMIO);

    if (r.exception == CAP_EX_INTERFACE)
        r = find(k, o, request->registers, CAP_IF_DEVICE_PORTS);
    return (struct two_records){pool.exception != CAP_EX_NONE ? pool.exception : r.exception, pool.record,
                                r.record};
}

struct device_reply queue_create(struct kernel *k, struct owner *o, const struct queue_request *request,
                                 struct dma_queue_view *out)
{
    const struct two_records found = find_both(k, o, request);
    struct split_layout layout;
    struct dma_pool *pool;
    struct dma_queue *q;
    struct dma_run run;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    pool = &k->devices.pools[found.pool];
    const enum device_error error = decide(k, pool, &k->devices.registers[found.registers], request, &layout);
    if (error != DEV_OK)
        return reply_error(error);
    const enum cap_exception exception = room(k, o);
    if (exception != CAP_EX_NONE)
        return reply_exception(exception);
    const uint32_t pages = (layout.bytes + DMA_PAGE_BYTES - 1u) / DMA_PAGE_BYTES;
    if (pages > pool->pages_max - pool->pages_used ||
        !dma_pages_take(k, pool->function, found.pool, pages, &run))
        return reply_error(DEV_E_NO_MEMORY); /* I17: the last thing that can fail */

    const uint16_t record = free_queue(k);
    q = &k->devices.queues[record];
    q->run = run;
    q->claim = pool->claim;
    q->pool = found.pool;
    fill(k, q, record, request, layout);
    pool->pages_used += pages;
    k->devices.claims[pool->claim].queues[request->queue] = record;
    charge_take(o, BUDGET_QUEUES, 1, &q->charge);
    *out = (struct dma_queue_view){q->ring.base + layout.device_offset, NULL, request->size};
    return reply_cap(core_grant(&k->core, o, CAP_IF_DMA_QUEUE, record, pool->object.index,
                                k->devices.functions[pool->function].info.bdf, &q->object));
}

void queue_drop(struct kernel *k, struct dma_queue *q, bool confirmed)
{
    struct dma_pool *pool = &k->devices.pools[q->pool];
    struct claim *claim = &k->devices.claims[q->claim];

    ASSERT(q->used);
    ASSERT(q->outstanding == 0); /* queues_forget came first, confirmed or not */
    memory_leaves(k, CAP_IF_DMA_QUEUE, (uint16_t)(q - k->devices.queues));
    if (confirmed) {
        dma_pages_give(k, pool->function, q->run);
        pool->pages_used -= q->run.count;
    } else {
        dma_pages_quarantine(k, pool->function, q->run);
    }
    claim->queues[q->number] = NO_RECORD;
    charge_refund(k, &q->charge);
    q->used = 0;
}

struct device_reply queue_destroy(struct kernel *k, struct owner *o, cap_id id, enum audit_kind kind)
{
    const struct found found = find(k, o, id, CAP_IF_DMA_QUEUE);
    struct dma_queue *q;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    q = &k->devices.queues[found.record];
    /* I4: a device that knows the ring's address may use it until a reset is confirmed. */
    if (q->addresses_written != 0 && !q->over)
        return reply_error(DEV_E_BUSY);
    ASSERT(q->outstanding == 0);
    core_revoke(&k->core, q->object.index, kind,
                k->devices.functions[k->devices.pools[q->pool].function].info.bdf);
    queue_drop(k, q, true);
    return reply_value(0);
}

void queues_stop(struct kernel *k, struct claim *claim)
{
    for (uint16_t n = 0; n < DMA_QUEUES_MAX; n++) {
        struct dma_queue *q = queue_of(k, claim, n);

        if (q == NULL)
            continue;
        (void)broker_take_in(k, q); /* what was done before the reset still counts */
        q->enabled = 0;
        q->bell_owed = 0;
    }
}

void queues_forget(struct kernel *k, const struct claim *claim)
{
    for (uint16_t n = 0; n < DMA_QUEUES_MAX; n++) {
        struct dma_queue *q = queue_of(k, claim, n);

        if (q != NULL)
            k->stats.leftovers += broker_forget(k, q);
    }
}

void queues_after_reset(struct kernel *k, struct claim *claim)
{
    queues_forget(k, claim);
    for (uint16_t n = 0; n < DMA_QUEUES_MAX; n++) {
        struct dma_queue *q = queue_of(k, claim, n);

        if (q == NULL)
            continue;
        q->enabled = 0;
        q->epoch++;
        if (q->addresses_written != 0)
            q->over = 1; /* its indices belong to the life that ended: only destroy is left */
    }
    claim->nsid = 0;
}
