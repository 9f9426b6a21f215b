/* SPDX-License-Identifier: BSD-2-Clause */
/* The fingerprint of world `ring`. Written out field by field: states that no continuation can tell apart are equal.
 * Slots are renamed in the order in which the driver would meet them; free-running indices are rebased by
 * multiples of the queue size, except near 0x8000 and 0x10000, where the exact distance counts. Counters that
 * only grow are left out. */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "abi/assert.h"
#include "sim/explore/ring_world.h"

#define CANON_BYTES   8192u
#define RENAMED_SLOTS 64u

const char *ring_field_name(enum ring_field field)
{
    static const char *const names[RING_F_COUNT] = {
        "avail index", "free list",   "used index seen", "used ready",   "broken",     "posted slots", "device indices",
        "device mood", "holders",     "descriptors",     "avail ring",   "used ring",  "used words",   "payload",
        "stores",      "old values",  "call",            "values read",  "lies told",
    };

    return names[field];
}

struct canon {
    const struct ring_world *r;
    uint16_t name[RENAMED_SLOTS]; /* of each slot */
    uint16_t slot[RENAMED_SLOTS]; /* of each name */
    uint16_t named;
    uint16_t base;                /* used_seen: what indices are told against */
    uint16_t base_shown;          /* what stands for it */
    size_t used;
    uint8_t bytes[CANON_BYTES];
};

static void put(struct canon *c, const void *at, size_t bytes)
{
    ASSERT(c->used + bytes <= sizeof c->bytes);
    memcpy(c->bytes + c->used, at, bytes);
    c->used += bytes;
}

static void put16(struct canon *c, uint32_t value)
{
    const uint16_t v = (uint16_t)value;

    put(c, &v, sizeof v);
}

static void put32(struct canon *c, uint32_t value)
{
    put(c, &value, sizeof value);
}

static void put64(struct canon *c, uint64_t value)
{
    put(c, &value, sizeof value);
}

/* Renaming. */

static void name_slot(struct canon *c, uint32_t slot)
{
    if (slot >= c->r->config.size || c->name[slot] != UINT16_MAX)
        return;
    c->name[slot] = c->named;
    c->slot[c->named++] = (uint16_t)slot;
}

static void name_chain(struct canon *c, uint32_t head)
{
    uint16_t slot = (uint16_t)head;

    if (head >= c->r->config.size)
        return;
    for (uint8_t i = 0; i < c->r->slots[head].count && slot < c->r->config.size; i++) {
        name_slot(c, slot);
        slot = c->r->slots[slot].next;
    }
}

static void name_all(struct canon *c)
{
    const struct ring_world *r = c->r;
    const struct virtq *q = &r->own->queue;
    const uint16_t size = r->config.size;
    const uint16_t mask = (uint16_t)(size - 1u);
    uint16_t at = q->free_head;

    memset(c->name, 0xff, size * sizeof c->name[0]);
    if (r->world.unreduced) {
        for (uint16_t i = 0; i < size; i++)
            name_slot(c, i);
        return;
    }
    for (uint16_t i = 0; i < q->free_count && at < size; i++, at = r->slots[at].next)
        name_slot(c, at);
    for (uint16_t i = q->used_seen; i != r->queue_state.used_next && (uint16_t)(i - q->used_seen) < size; i++)
        name_chain(c, (uint32_t)xp_order_peek(&r->driver.order, r->device.device + 4u + 8u * (i & mask), 4));
    for (uint16_t i = r->queue_state.fetched; i != r->queue_state.exposed; i++)
        name_chain(c, (uint32_t)xp_order_peek(&r->driver.order, r->device.driver + 4u + 2u * (i & mask), 2));
    for (uint8_t count = 0; count <= 2; count++) /* those in flight: alike but for their shape */
        for (uint16_t i = 0; i < size; i++)
            if (r->slots[i].state == VIRTQ_SLOT_HEAD && r->slots[i].count == count)
                name_chain(c, i);
    for (uint16_t i = 0; i < size; i++)
        name_slot(c, i);
}

static uint32_t renamed(const struct canon *c, uint32_t slot)
{
    return slot < c->r->config.size ? c->name[slot] : slot;
}

/* Rebasing. */

static bool near(uint16_t index, uint16_t size)
{
    const uint16_t window = (uint16_t)(2u * size + 2u);
    const uint16_t half = (uint16_t)(index + 0x8000u);

    return (uint16_t)(index + window) <= 2u * window || (uint16_t)(half + window) <= 2u * window;
}

static uint16_t shown_base(const struct canon *c)
{
    const uint16_t size = c->r->config.size;

    if (c->r->world.unreduced || near(c->base, size))
        return c->base;
    return (uint16_t)(0x4000u + c->base % size);
}

/* An index near the base keeps its distance; any other (a lie) keeps its value. */
static uint16_t rebased(const struct canon *c, uint32_t index)
{
    return (uint16_t)(c->base_shown + (uint16_t)(index - c->base));
}

/* A value with the meaning of the place that it stands in. */
static uint64_t value_at(const struct canon *c, uint32_t offset, uint64_t value, uint32_t *place)
{
    const struct xp_queue *d = &c->r->device;
    const uint16_t size = d->size;

    *place = offset;
    if (offset < d->desc + 16u * size) {
        const uint32_t slot = (offset - d->desc) / 16u;

        *place = d->desc + 16u * renamed(c, slot) + (offset - d->desc) % 16u;
        if ((offset - d->desc) % 16u == 0)
            return value;
        return value;
    }
    if (offset == d->driver + 2u || offset == d->device + 2u)
        return rebased(c, (uint32_t)value);
    if (offset >= d->driver + 4u && offset < d->driver + 4u + 2u * size)
        return renamed(c, (uint32_t)value);
    if (offset >= d->device + 4u && offset < d->device + 4u + 8u * size && (offset - d->device - 4u) % 8u == 0)
        return renamed(c, (uint32_t)value);
    if (offset >= d->buffers && offset < d->buffers_end) {
        const uint32_t slot = (offset - d->buffers) / d->stride;

        *place = d->buffers + renamed(c, slot) * d->stride + (offset - d->buffers) % d->stride;
        return value == xp_payload(slot) ? 1u : value;
    }
    return value;
}

/* An address lies in the buffer of a slot: told as that slot's name and the rest. */
static uint64_t address(const struct canon *c, uint64_t value)
{
    const struct xp_queue *d = &c->r->device;

    const uint64_t first = d->bus + d->buffers;

    if (value < first || value >= d->bus + d->buffers_end)
        return value;
    const uint32_t slot = (uint32_t)((value - first) / d->stride);
    return 1ull << 40 | (uint64_t)renamed(c, slot) << 8 | (value - first) % d->stride;
}

/* Groups. */

static bool group(const struct canon *c, enum ring_field field)
{
    return (c->r->world.hash_without & 1ull << field) == 0;
}

/* The link of a chain's last slot leads nowhere: it is what was left of the free list when the chain was taken. */
static void mark_tails(const struct ring_world *r, bool *tail)
{
    for (uint16_t i = 0; i < r->config.size; i++) {
        uint16_t slot = i;

        if (r->slots[i].state != VIRTQ_SLOT_HEAD)
            continue;
        for (uint8_t n = 1; n < r->slots[i].count && slot < r->config.size; n++)
            slot = r->slots[slot].next;
        if (slot < r->config.size)
            tail[slot] = true;
    }
}

static void put_driver(struct canon *c)
{
    bool tail[RENAMED_SLOTS] = {false};
    const struct ring_world *r = c->r;
    const struct virtq *q = &r->own->queue;

    if (group(c, RING_F_AVAIL))
        put16(c, rebased(c, r->own->author.queues[0].ring.avail_idx));
    if (group(c, RING_F_FREE_LIST)) {
        put16(c, q->free_count);
        put16(c, renamed(c, q->free_head));
    }
    if (group(c, RING_F_USED_SEEN))
        put16(c, c->base_shown);
    if (group(c, RING_F_USED_READY))
        put16(c, q->used_ready);
    if (group(c, RING_F_BROKEN))
        put16(c, q->broken);
    mark_tails(r, tail);
    for (uint16_t n = 0; n < r->config.size; n++) {
        const struct virtq_slot *s = &r->slots[c->slot[n]];

        if (group(c, RING_F_FREE_LIST))
            put16(c, tail[c->slot[n]] ? VIRTQ_NO_SLOT : renamed(c, s->next));
        if (group(c, RING_F_POSTED)) {
            put16(c, s->state);
            put16(c, s->state == VIRTQ_SLOT_HEAD ? s->count : 0u);
            put32(c, s->state == VIRTQ_SLOT_HEAD ? s->writable : 0u);
        }
    }
}

static void put_device(struct canon *c)
{
    const struct ring_world *r = c->r;
    const struct xp_queue_state *s = &r->queue_state;

    if (group(c, RING_F_DEVICE_INDEX)) {
        put16(c, rebased(c, s->exposed));
        put16(c, rebased(c, s->fetched));
        put16(c, rebased(c, s->used_next));
        put16(c, rebased(c, s->used_shown));
    }
    if (group(c, RING_F_DEVICE_MOOD)) {
        put16(c, (uint32_t)s->mood << 8 | s->kicked);
        put16(c, s->index_lie);
    }
    if (group(c, RING_F_LIES))
        put16(c, (uint32_t)s->lies << 8 | s->voids);
    for (uint16_t n = 0; n < r->config.size && group(c, RING_F_HOLDERS); n++) {
        const struct xp_slot *slot = &r->device.slots[c->slot[n]];

        put16(c, (uint32_t)slot->holder << 8 | slot->head);
        put16(c, slot->holder == XP_DRIVERS ? 0 : renamed(c, slot->next));
        put32(c, slot->writable << 8 | slot->count); /* `data` follows from the name */
    }
}

/* What the driver wrote, where a liar may have scribbled over it since. */
static void put_written(struct canon *c)
{
    const struct xp_queue *d = &c->r->device;

    for (uint16_t n = 0; n < d->size; n++) {
        const uint32_t at = d->desc + 16u * c->slot[n];

        put64(c, address(c, xp_queue_written(d, at, 8)));
        put64(c, xp_queue_written(d, at + 8u, 4) << 32 | xp_queue_written(d, at + 12u, 2) << 16 |
                     renamed(c, (uint32_t)xp_queue_written(d, at + 14u, 2)));
        put16(c, renamed(c, (uint32_t)xp_queue_written(d, d->driver + 4u + 2u * n, 2)));
    }
}

static void put_memory(struct canon *c)
{
    const struct ring_world *r = c->r;
    const struct xp_queue *d = &r->device;
    const struct xp_order *o = &r->driver.order;

    for (uint16_t n = 0; n < d->size; n++) {
        const uint32_t at = d->desc + 16u * c->slot[n];
        const uint32_t next = (uint32_t)xp_order_peek(o, at + 14u, 2);

        if (group(c, RING_F_DESCRIPTORS)) {
            put64(c, address(c, xp_order_peek(o, at, 8)));
            put64(c, xp_order_peek(o, at + 8u, 4) << 32 | xp_order_peek(o, at + 12u, 2) << 16 | renamed(c, next));
        }
        if (group(c, RING_F_PAYLOAD)) {
            const uint32_t value = (uint32_t)xp_order_peek(o, d->buffers + d->stride * c->slot[n], 4);

            put32(c, value == xp_payload(c->slot[n]) ? 1u : value);
        }
    }
    for (uint16_t i = 0; i < d->size; i++) {
        if (group(c, RING_F_ENTRIES))
            put16(c, renamed(c, (uint32_t)xp_order_peek(o, d->driver + 4u + 2u * i, 2)));
        if (group(c, RING_F_ELEMENTS)) {
            put32(c, renamed(c, (uint32_t)xp_order_peek(o, d->device + 4u + 8u * i, 4)));
            put32(c, (uint32_t)xp_order_peek(o, d->device + 8u + 8u * i, 4));
        }
    }
    if (group(c, RING_F_USED_WORDS)) {
        put16(c, (uint32_t)xp_order_peek(o, d->device, 2));
        put16(c, rebased(c, (uint32_t)xp_order_peek(o, d->device + 2u, 2)));
        put16(c, rebased(c, (uint32_t)xp_order_peek(o, d->driver + 2u, 2)));
    }
}

static void put_order(struct canon *c)
{
    const struct xp_order_state *s = &c->r->order_state;
    uint32_t place;

    if (group(c, RING_F_STORES)) {
        put16(c, (uint32_t)s->waiting << 8 | s->epoch);
        for (uint32_t i = 0; i < s->waiting; i++) {
            uint64_t value = value_at(c, s->stores[i].offset, s->stores[i].value, &place);

            put32(c, place);
            put64(c, place % 16u == 0 ? address(c, s->stores[i].value) : value);
            put16(c, s->stores[i].epoch);
        }
    }
    if (!group(c, RING_F_OLD))
        return;
    put16(c, s->old_count);
    for (uint32_t i = 0; i < s->old_count; i++) {
        uint64_t value = value_at(c, s->old[i].offset, s->old[i].value, &place);

        put32(c, place);
        put32(c, (uint32_t)value);
    }
}

static void put_call(struct canon *c)
{
    const struct xp_call *call = &c->r->call;

    if (group(c, RING_F_CALL)) {
        put(c, call, offsetof(struct xp_call, reads));
    }
    if (!group(c, RING_F_LOG))
        return;
    put16(c, call->reads);
    for (uint16_t i = 0; i < call->reads; i++) {
        uint32_t place;
        const uint64_t value = value_at(c, call->log[i].from, call->log[i].value, &place);

        put32(c, (uint32_t)value);
    }
}

uint64_t ring_fingerprint(struct xp_world *w)
{
    struct canon c;

    c.r = (const struct ring_world *)(const void *)w;
    c.named = 0;
    c.used = 0;
    ASSERT(c.r->config.size <= RENAMED_SLOTS);
    name_all(&c);
    c.base = c.r->own->queue.used_seen;
    c.base_shown = shown_base(&c);
    put_driver(&c);
    put_device(&c);
    put_memory(&c);
    if (c.r->config.lies_max > 0 && group(&c, RING_F_DESCRIPTORS))
        put_written(&c);
    put_order(&c);
    put_call(&c);
    return XXH3_64bits(c.bytes, c.used);
}
