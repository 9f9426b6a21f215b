/* SPDX-License-Identifier: BSD-2-Clause */
/* The fingerprint of world `ring`. Written out field by field: states that no continuation can tell apart are
 * equal. Slots are renamed in the order in which the driver would meet them; free-running indices are rebased
 * by multiples of the queue size, except near 0x8000 and 0x10000, where the exact value counts. Counters that
 * only grow are left out. */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "abi/assert.h"
#include "sim/explore/ring_world.h"

#define RENAMED_SLOTS 64u
#define DESC_NEXT     1u /* 2.7.5 */
/* Of 64 bits: each slot's, each waiting store's and earlier value's, the values read, the rest. */
#define CANON_WORDS (9u * RENAMED_SLOTS + 2u * XP_STORES_MAX + XP_OLD_MAX + XP_LOG_MAX / 2u + 8u)

const char *ring_field_name(enum ring_field field)
{
    static const char *const names[RING_F_COUNT] = {
        "avail index",  "free list",      "used index seen", "used ready", "broken",
        "posted slots", "device indices", "device mood",     "holders",    "descriptors",
        "avail ring",   "used ring",      "used words",      "payload",    "stores",
        "old values",   "call",           "values read",     "lies told",
    };

    return names[field];
}

struct canon {
    const struct ring_world *r;
    uint16_t name[RENAMED_SLOTS]; /* of each slot */
    uint16_t slot[RENAMED_SLOTS]; /* of each name */
    uint16_t named;
    uint16_t base; /* used_seen: what indices are told against */
    uint16_t base_shown; /* what stands for it */
};

/* At an offset of the layout: known to lie inside. */
static uint64_t word_at(const uint8_t *memory, uint32_t offset, uint8_t width)
{
    return xp_load(memory + offset, width);
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
    for (uint8_t left = c->r->slots[head].count; left > 0 && slot < c->r->config.size; left--) {
        name_slot(c, slot);
        if (left > 1)
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
    if (r->world.unrenamed) {
        for (uint16_t i = 0; i < size; i++)
            name_slot(c, i);
        return;
    }
    for (uint16_t i = 0; i < q->free_count && at < size; i++, at = r->slots[at].next)
        name_slot(c, at);
    for (uint16_t i = q->used_seen; i != r->queue_state.used_next && (uint16_t)(i - q->used_seen) < size; i++)
        name_chain(c, (uint32_t)word_at(r->memory, r->device.device + 4u + 8u * (i & mask), 4));
    for (uint16_t i = r->queue_state.fetched; i != r->queue_state.exposed; i++)
        name_chain(c, (uint32_t)word_at(r->memory, r->device.driver + 4u + 2u * (i & mask), 2));
    for (uint8_t count = 1; count <= 2 && c->named < size;
         count++) /* those in flight: alike but for their shape */
        for (uint16_t i = 0; i < size; i++)
            if (r->slots[i].state == VIRTQ_SLOT_HEAD && r->slots[i].count == count)
                name_chain(c, i);
    for (uint16_t i = 0; i < size && c->named < size; i++)
        name_slot(c, i);
}

static uint32_t renamed(const struct canon *c, uint32_t slot)
{
    return slot < c->r->config.size ? c->name[slot] : slot;
}

/* Rebasing. */

static bool within(uint16_t distance, uint16_t size)
{
    const uint16_t window = (uint16_t)(2u * size + 2u);

    return (uint16_t)(distance + window) <= 2u * window;
}

/* Where the value itself counts: at the wraps of 16 bits, signed or not; in a run that starts there, at that
 * of 8. */
static bool near(const struct canon *c, uint16_t index)
{
    const uint16_t size = c->r->config.size;

    return within(index, size) || within((uint16_t)(index - 0x8000u), size) ||
           (within((uint16_t)(c->r->config.start - 0x100u), size) &&
            within((uint16_t)(index - 0x100u), size));
}

static uint16_t shown_base(const struct canon *c)
{
    const uint16_t size = c->r->config.size;

    if (c->r->world.unrebased || near(c, c->base))
        return c->base;
    return (uint16_t)(0x4000u + c->base % size);
}

/* An index near the base keeps its distance; any other (a lie) keeps its value. */
static uint16_t rebased(const struct canon *c, uint32_t index)
{
    const uint16_t distance = (uint16_t)(index - c->base);

    return within(distance, c->r->config.size) ? (uint16_t)(c->base_shown + distance) : (uint16_t)index;
}

/* An address lies in the buffer of a slot: told as that slot's name and the rest. */
static uint64_t address(const struct canon *c, uint64_t value)
{
    const struct xp_queue *d = &c->r->device;
    const uint64_t first = d->bus + d->buffers;

    if (value < first || value >= d->bus + d->buffers_end)
        return value;
    const uint32_t slot = (uint32_t)((value - first) / RING_STRIDE);
    return 1ull << 40 | (uint64_t)renamed(c, slot) << 8 | (value - first) % RING_STRIDE;
}

/* The second word of a descriptor: length, flags, next. Without NEXT the last is not a slot. */
static uint64_t lengths_and_next(const struct canon *c, uint64_t word)
{
    if ((word >> 32 & DESC_NEXT) == 0)
        return word;
    return (word & 0xffffffffffffull) | (uint64_t)renamed(c, (uint32_t)(word >> 48)) << 48;
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
        return (offset - d->desc) % 16u == 0 ? address(c, value) : lengths_and_next(c, value);
    }
    if (offset == d->driver + 2u || offset == d->device + 2u)
        return rebased(c, (uint32_t)value);
    if (offset >= d->driver + 4u && offset < d->driver + 4u + 2u * size)
        return renamed(c, (uint32_t)value);
    if (offset >= d->device + 4u && offset < d->device + 4u + 8u * size &&
        (offset - d->device - 4u) % 8u == 0)
        return renamed(c, (uint32_t)value);
    if (offset >= d->buffers && offset < d->buffers_end) {
        const uint32_t slot = (offset - d->buffers) / RING_STRIDE;

        *place = d->buffers + renamed(c, slot) * RING_STRIDE + (offset - d->buffers) % RING_STRIDE;
        return value == xp_payload(slot) ? 1u : value;
    }
    return value;
}

/* Groups: each writes its words to `out` and returns the end. One that is left out is all zero. */

#define INLINE                                                                                               \
    static inline __attribute__((always_inline)) /* `without` is a constant when nothing is left out */

INLINE uint64_t mask_of(uint64_t without, enum ring_field field)
{
    return (without >> field & 1u) - 1u;
}

static uint64_t four(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return (uint64_t)(uint16_t)a | (uint64_t)(uint16_t)b << 16 | (uint64_t)(uint16_t)c << 32 |
           (uint64_t)(uint16_t)d << 48;
}

static uint64_t two(uint32_t a, uint32_t b)
{
    return (uint64_t)a | (uint64_t)b << 32;
}

/* The link of a chain's last slot leads nowhere: it is what was left of the free list when the chain was
 * taken. */
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

INLINE uint64_t *put_driver(const struct canon *c, uint64_t without, uint64_t *out)
{
    bool tail[RENAMED_SLOTS] = {false};
    const struct ring_world *r = c->r;
    const struct virtq *q = &r->own->queue;
    const uint64_t free_list = mask_of(without, RING_F_FREE_LIST);
    const uint64_t posted = mask_of(without, RING_F_POSTED);

    *out++ = (four(rebased(c, r->own->author.queues[0].ring.avail_idx), 0, 0, 0) &
              mask_of(without, RING_F_AVAIL)) |
             (four(0, q->free_count, renamed(c, q->free_head), 0) & free_list) |
             (four(0, 0, 0, c->base_shown) & mask_of(without, RING_F_USED_SEEN));
    *out++ = (four(q->used_ready, 0, 0, 0) & mask_of(without, RING_F_USED_READY)) |
             (four(0, q->broken, 0, 0) & mask_of(without, RING_F_BROKEN));
    mark_tails(r, tail);
    for (uint16_t n = 0; n < r->config.size; n++) {
        const struct virtq_slot *s = &r->slots[c->slot[n]];
        const bool head = s->state == VIRTQ_SLOT_HEAD;

        *out++ =
            (four(tail[c->slot[n]] ? VIRTQ_NO_SLOT : renamed(c, s->next), 0, 0, 0) & free_list) |
            (two((uint32_t)s->state << 16 | (head ? (uint32_t)s->count << 24 : 0u), head ? s->writable : 0u) &
             posted);
    }
    return out;
}

/* A descriptor's link counts where its chain goes on. */
static void mark_links(const struct xp_queue *d, bool *goes_on)
{
    for (uint16_t i = 0; i < d->size; i++) {
        uint16_t slot = i;

        for (uint8_t n = 1; d->slots[i].head && n < d->slots[i].count && slot < d->size; n++) {
            goes_on[slot] = true;
            slot = d->slots[slot].next;
        }
    }
}

INLINE uint64_t *put_device(const struct canon *c, uint64_t without, uint64_t *out)
{
    bool goes_on[RENAMED_SLOTS] = {false};
    const struct ring_world *r = c->r;
    const struct xp_queue_state *s = &r->queue_state;
    const uint64_t holders = mask_of(without, RING_F_HOLDERS);

    *out++ = four(rebased(c, s->exposed), rebased(c, s->fetched), rebased(c, s->used_next),
                  rebased(c, s->used_shown)) &
             mask_of(without, RING_F_DEVICE_INDEX);
    *out++ = (four((uint32_t)s->mood << 8 | s->kicked, s->index_lie, 0, 0) &
              mask_of(without, RING_F_DEVICE_MOOD)) |
             (four(0, 0, (uint32_t)s->lies << 8 | s->voids, 0) & mask_of(without, RING_F_LIES));
    mark_links(&r->device, goes_on);
    for (uint16_t n = 0; n < r->config.size; n++) {
        const struct xp_slot *slot = &r->device.slots[c->slot[n]];
        const uint32_t next = goes_on[c->slot[n]] ? renamed(c, slot->next) : VIRTQ_NO_SLOT;

        /* `data` follows from the name */
        *out++ = two((uint32_t)slot->holder | (uint32_t)slot->head << 8 | next << 16,
                     slot->writable << 8 | slot->count) &
                 holders;
    }
    return out;
}

/* What the driver wrote, where a liar may have scribbled over it since. */
INLINE uint64_t *put_written(const struct canon *c, uint64_t without, uint64_t *out)
{
    const struct xp_queue *d = &c->r->device;
    const uint64_t descriptors = mask_of(without, RING_F_DESCRIPTORS);

    for (uint16_t n = 0; n < d->size; n++) {
        const uint32_t at = d->desc + 16u * c->slot[n];

        *out++ = address(c, xp_queue_written(d, at, 8)) & descriptors;
        *out++ = lengths_and_next(c, xp_queue_written(d, at + 8u, 8)) & descriptors;
        *out++ = renamed(c, (uint32_t)xp_queue_written(d, d->driver + 4u + 2u * n, 2)) & descriptors;
    }
    return out;
}

INLINE uint64_t *put_memory(const struct canon *c, uint64_t without, uint64_t *out)
{
    const struct xp_queue *d = &c->r->device;
    const uint8_t *m = c->r->memory;
    const uint64_t descriptors = mask_of(without, RING_F_DESCRIPTORS);
    const uint64_t elements = mask_of(without, RING_F_ELEMENTS);
    const uint64_t payload_and_entry =
        (mask_of(without, RING_F_PAYLOAD) & UINT32_MAX) | mask_of(without, RING_F_ENTRIES) << 32;

    for (uint16_t n = 0; n < d->size; n++) {
        const uint32_t at = d->desc + 16u * c->slot[n];
        const uint32_t payload = (uint32_t)word_at(m, d->buffers + RING_STRIDE * c->slot[n], 4);
        const uint32_t entry = (uint32_t)word_at(m, d->driver + 4u + 2u * n, 2);
        const uint32_t id = (uint32_t)word_at(m, d->device + 4u + 8u * n, 4);
        const uint32_t length = (uint32_t)word_at(m, d->device + 8u + 8u * n, 4);

        *out++ = address(c, word_at(m, at, 8)) & descriptors;
        *out++ = lengths_and_next(c, word_at(m, at + 8u, 8)) & descriptors;
        *out++ = two(payload == xp_payload(c->slot[n]) ? 1u : payload, renamed(c, entry)) & payload_and_entry;
        *out++ = two(renamed(c, id), length) & elements;
    }
    *out++ = four((uint32_t)word_at(m, d->device, 2), rebased(c, (uint32_t)word_at(m, d->device + 2u, 2)),
                  rebased(c, (uint32_t)word_at(m, d->driver + 2u, 2)), 0) &
             mask_of(without, RING_F_USED_WORDS);
    return out;
}

INLINE uint64_t *put_order(const struct canon *c, uint64_t without, uint64_t *out)
{
    const struct xp_order_state *s = &c->r->order_state;
    const uint64_t stores = mask_of(without, RING_F_STORES);
    const uint64_t old = mask_of(without, RING_F_OLD);
    uint32_t place;

    *out++ = (four(s->waiting, s->epoch, 0, 0) & stores) | (four(0, 0, s->old_count, 0) & old);
    for (uint32_t i = 0; i < s->waiting; i++) {
        const uint64_t value = value_at(c, s->stores[i].offset, s->stores[i].value, &place);

        *out++ = two(place, s->stores[i].epoch) & stores;
        *out++ = value & stores;
    }
    for (uint32_t i = 0; i < s->old_count; i++) {
        const uint64_t value = value_at(c, s->old[i].offset, s->old[i].value, &place);

        *out++ = two(place, (uint32_t)value) & old;
    }
    return out;
}

INLINE uint64_t *put_call(const struct canon *c, uint64_t without, uint64_t *out)
{
    const struct xp_call *call = &c->r->call;
    const uint64_t log = mask_of(without, RING_F_LOG);
    uint32_t values[2] = {0};
    uint32_t place;

    _Static_assert(offsetof(struct xp_call, reads) == sizeof *out, "what comes before is one word");
    memcpy(out, call, sizeof *out);
    *out++ &= mask_of(without, RING_F_CALL);
    *out++ = call->reads & log;
    for (uint16_t i = 0; i < call->reads; i++) {
        values[i & 1u] = (uint32_t)value_at(c, call->log[i].from, call->log[i].value, &place);
        out[i / 2u] = two(values[0], i & 1u ? values[1] : 0u) & log;
    }
    return out + (call->reads + 1u) / 2u;
}

/* In pieces of at most 240 bytes, each the seed of the next: longer ones cost it a set-up. */
static uint64_t hash(const uint64_t *words, size_t count, uint64_t h)
{

    for (size_t n; count > 0; words += n, count -= n) {
        n = count < 30u ? count : 30u;
        h = XXH3_64bits_withSeed(words, n * sizeof *words, h);
    }
    return h;
}

INLINE uint64_t fingerprint(const struct ring_world *r, uint64_t without)
{
    struct canon c;
    uint64_t words[CANON_WORDS];
    uint64_t *end;

    c.r = r;
    c.named = 0;
    ASSERT(r->config.size <= RENAMED_SLOTS);
    name_all(&c);
    c.base = r->own->queue.used_seen;
    c.base_shown = shown_base(&c);
    end = put_driver(&c, without, words);
    end = put_device(&c, without, end);
    end = put_memory(&c, without, end);
    if (r->config.lies_max > 0)
        end = put_written(&c, without, end);
    end = put_order(&c, without, end);
    end = put_call(&c, without, end);
    return hash(words, (size_t)(end - words), r->world.hash_seed);
}

uint64_t ring_fingerprint(struct xp_world *w)
{
    const struct ring_world *r = (const struct ring_world *)(const void *)w;

    return w->hash_without == 0 ? fingerprint(r, 0) : fingerprint(r, w->hash_without);
}
