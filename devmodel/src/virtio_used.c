/* SPDX-License-Identifier: BSD-2-Clause */
/* Split virtqueue, device side: which chain is completed next, moving its bytes, the used ring, the
 * interrupt. Trusts only the private copies that virtio_queue.c made. */
#include <assert.h>

#include "net_model.h"

static inline uint8_t *used_area(struct dm_net *net, const struct dm_queue *q, uint32_t offset,
                                 uint32_t bytes)
{
    if (q->device_host)
        return q->device_host + offset;
    return dm_dma_window(net->memory, net->config.bdf, (dm_addr){q->device + offset}, bytes, true);
}

static inline const uint8_t *driver_area(struct dm_net *net, const struct dm_queue *q, uint32_t offset,
                                         uint32_t bytes)
{
    if (q->driver_host)
        return q->driver_host + offset;
    return dm_dma_window(net->memory, net->config.bdf, (dm_addr){q->driver + offset}, bytes, false);
}

uint16_t dm_queue_pick(struct dm_net *net, struct dm_queue *q)
{
    uint16_t mask = (uint16_t)(q->size - 1u);
    uint32_t chosen = 0;
    uint16_t head;
    assert(q->fifo_count > 0);
    if (q->fifo_count > 1 && !net->config.in_order) {
        chosen = dm_bus_choose(net->bus, q->fifo_count, "complete");
        assert(chosen < q->fifo_count);
    }
    head = q->fifo[(q->fifo_at + chosen) & mask];
    for (uint32_t i = chosen; i > 0; i--) /* older ones move up one place: at most q->size moves */
        q->fifo[(q->fifo_at + i) & mask] = q->fifo[(q->fifo_at + i - 1u) & mask];
    q->fifo_at = (uint16_t)((q->fifo_at + 1u) & mask);
    q->fifo_count--;
    return head;
}

void dm_queue_release(struct dm_net *net, struct dm_queue *q, uint16_t head)
{
    uint16_t slot = head;
    uint16_t count = q->chains[head].count;
    assert(count >= 1);
    assert(q->in_flight >= 1);
    for (uint16_t i = 0; i < count; i++) {
        const struct dm_descriptor *d = &q->copy[slot];
        if (net->ledger && !q->disowned)
            dm_memory_return(net->memory, net->config.bdf, (dm_addr){d->address}, d->length);
        q->slots[slot] = DM_SLOT_FREE;
        slot = d->next;
    }
    q->chains[head].count = 0;
    q->in_flight--;
}

void dm_queue_unpick(struct dm_queue *q, uint16_t head)
{
    assert(q->fifo_count < q->size);
    q->fifo_at = (uint16_t)((q->fifo_at - 1u) & (q->size - 1u));
    q->fifo[q->fifo_at] = head;
    q->fifo_count++;
}

/* What the driver promised not to touch is as it was when it was exposed (3.3.1). */
static void check_unchanged(struct dm_net *net, struct dm_queue *q, uint16_t head)
{
    uint16_t slot = head;
    if (net->hostile.arms[DM_ATTACK_SCRIBBLE_DESCRIPTOR].fired)
        return;
    for (uint16_t i = 0; i < q->chains[head].count; i++) {
        const uint8_t *now = q->desc_host ? q->desc_host + 16u * slot
                                          : dm_dma_window(net->memory, net->config.bdf,
                                                          (dm_addr){q->desc + 16u * slot}, 16, false);
        if (now)
            dm_check(net, DM_RULE_EXPOSED_UNCHANGED, memcmp(now, &q->copy[slot], 16) == 0,
                     "queue %u: slot %u changed while exposed", q->index, slot);
        slot = q->copy[slot].next;
    }
}

void dm_queue_write_element(struct dm_net *net, struct dm_queue *q, uint16_t at, uint32_t id, uint32_t length)
{
    uint8_t *element = used_area(net, q, 4u + 8u * (at & (q->size - 1u)), 8);
    if (!element)
        return;
    dm_store32(element, id);
    dm_store32(element + 4, length);
}

/* The same, by a device that may lie about it. */
static void complete_lying(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t length)
{
    struct dm_lie said = {.id = head, .length = length};
    dm_lie_element(net, q, &said);
    if (!said.lost)
        dm_queue_release(net, q, head);
    if (said.late)
        q->late = (struct dm_late_element){true, q->used_index, said.id, said.length};
    else
        dm_queue_write_element(net, q, q->used_index, said.id, said.length);
    q->used_index++;
    if (!said.twice)
        return;
    if (q->fifo_count)
        (void)dm_queue_pick(net, q); /* this one is lost: its element says the first head again */
    dm_queue_write_element(net, q, q->used_index, said.id, said.length);
    q->used_index++;
}

void dm_queue_complete(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t length)
{
    assert(q->chains[head].count >= 1);
    if (net->monitor.enabled)
        check_unchanged(net, q, head);
    net->counts.completions++;
    if (net->hostile_touched) {
        complete_lying(net, q, head, length);
        return;
    }
    dm_queue_release(net, q, head);
    dm_queue_write_element(net, q, q->used_index, head, length);
    q->used_index++;
}

/* 2.7.10: does the driver want to hear of the step from `old` to `fresh`? */
static bool wanted(struct dm_net *net, const struct dm_queue *q, uint16_t old, uint16_t fresh)
{
    const uint8_t *at;
    if (dm_negotiated(net, DM_F_EVENT_IDX)) {
        at = driver_area(net, q, 4u + 2u * q->size, 2);
        return at && (uint16_t)(fresh - dm_load16(at) - 1u) < (uint16_t)(fresh - old);
    }
    at = driver_area(net, q, 0, 2);
    return at && !(dm_load16(at) & 1u);
}

void dm_queue_publish(struct dm_net *net, struct dm_queue *q)
{
    uint16_t old = q->used_published;
    uint8_t *index;
    if (q->used_index == old || !q->enabled)
        return;
    if (net->hostile_touched)
        dm_lie_index(net, q);
    index = used_area(net, q, 2, 2);
    if (!index)
        return;
    dm_store16(index, q->used_index); /* after the elements (2.7.8.2) */
    q->used_published = q->used_index;
    if (!dm_attacks(net, DM_ATTACK_NEVER_NOTIFY) && wanted(net, q, old, q->used_index))
        dm_interrupt(net, q->vector, 1u);
}

void dm_queue_want_kick(struct dm_net *net, struct dm_queue *q)
{
    uint8_t *event;
    if (!dm_negotiated(net, DM_F_EVENT_IDX) || !q->enabled)
        return;
    event = used_area(net, q, 4u + 8u * q->size, 2);
    if (event)
        dm_store16(event, q->avail_known);
}

/* The shared walk of gather and scatter: parts of one direction only. */
static uint32_t move(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t skip, uint8_t *out,
                     const uint8_t *in, uint32_t bytes)
{
    uint16_t slot = head;
    uint32_t moved = 0;
    for (uint16_t i = 0; i < q->chains[head].count && moved < bytes; i++, slot = q->copy[slot].next) {
        const struct dm_descriptor *d = &q->copy[slot];
        uint32_t part;
        uint8_t *at;
        if (((d->flags & DM_DESC_WRITE) != 0) != (in != NULL))
            continue;
        if (skip >= d->length) {
            skip -= d->length;
            continue;
        }
        part = d->length - skip;
        if (part > bytes - moved)
            part = bytes - moved;
        at = dm_dma_window(net->memory, net->config.bdf, (dm_addr){d->address + skip}, part, in != NULL);
        if (!at)
            return moved;
        if (in)
            memcpy(at, in + moved, part);
        else
            memcpy(out + moved, at, part);
        moved += part;
        skip = 0;
    }
    return moved;
}

uint32_t dm_queue_gather(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t skip, uint8_t *data,
                         uint32_t bytes)
{
    return move(net, q, head, skip, data, NULL, bytes);
}

uint32_t dm_queue_scatter(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t skip,
                          const uint8_t *data, uint32_t bytes)
{
    return move(net, q, head, skip, NULL, data, bytes);
}
