/* SPDX-License-Identifier: BSD-2-Clause */
/* Fingerprints of world `authority`, grants: equal for states that differ only in what no continuation can
 * tell apart. Left out beside what authority_canon.h leaves out: which number an owner has, which slot of its
 * table and which entry of the object pool holds what. */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "abi/assert.h"
#include "sim/explore/authority_canon.h"
#include "sim/explore/authority_world.h"

struct owner_blob {
    uint64_t slots[AUTH_SLOTS];
    uint32_t budget[BUDGET_COUNT];
    uint32_t held_pages;
    uint32_t created; /* bit per object's name */
    uint32_t charged; /* bit per pool in quarantine */
    uint8_t state;
    uint8_t held[AUTH_FUNCTIONS];
    uint8_t index; /* last: not compared */
};

static uint8_t name_of(const struct object *o)
{
    static const uint8_t first[CAP_IF_COUNT] = {
        [CAP_IF_DEVICE] = AUTH_DEVICES,   [CAP_IF_DEVICE_MMIO] = AUTH_REGISTERS,
        [CAP_IF_DMA_POOL] = AUTH_POOLS,   [CAP_IF_DMA_BUFFER] = AUTH_BUFFERS,
        [CAP_IF_DMA_QUEUE] = AUTH_QUEUES, [CAP_IF_INTERRUPT] = AUTH_INTERRUPTS};

    return (uint8_t)(first[o->interface] + o->payload);
}

/* owners */

static int by_word(const void *x, const void *y)
{
    const uint64_t a = *(const uint64_t *)x;
    const uint64_t b = *(const uint64_t *)y;

    return a < b ? -1 : a > b;
}

static uint32_t place_in_free_list(const struct captable *t, uint32_t slot, uint32_t slots)
{
    uint32_t place = 1;

    for (uint16_t at = t->free_head; at != 0 && place <= slots; at = t->slots[at].next_free, place++) {
        if (at == slot)
            return place;
    }
    return 0;
}

static uint64_t content(const struct auth_world *a, const struct cap_slot *slot)
{
    const struct object_pool *objects = &a->machine.kernel->core.objects;
    const bool live = object_live(objects, slot->object);

    return (uint64_t)slot->state << 40 | (uint64_t)slot->interface << 8 |
           (uint64_t)(live ? name_of(&objects->entries[slot->object.index]) : 0u) << 16;
}

/* No slot retires: which of them holds what makes no difference. */
static void put_slots_sorted(const struct auth_world *a, const struct owner *o, struct owner_blob *b)
{
    for (uint32_t s = 1; s <= a->config.slots && s < o->caps.fresh; s++)
        b->slots[s - 1u] = o->caps.slots[s].state == CAP_SLOT_LIVE ? content(a, &o->caps.slots[s]) : 0;
    qsort(b->slots, AUTH_SLOTS, sizeof b->slots[0], by_word);
}

/* How much of a slot is left and which is next counts; and what a revocation frees goes back in the order of
 * the slots: they stay in that order, retired ones taken out. */
static void put_slots_in_order(const struct auth_world *a, const struct owner *o, struct owner_blob *b)
{
    uint32_t count = 0;

    for (uint32_t s = 1; s <= a->config.slots; s++) {
        const struct cap_slot *slot = &o->caps.slots[s];

        if (slot->state != CAP_SLOT_RETIRED)
            b->slots[count++] = content(a, slot) | (uint64_t)slot->generation << 32 |
                                place_in_free_list(&o->caps, s, a->config.slots);
    }
}

static void blob_of(struct auth_world *a, uint32_t index, struct owner_blob *b)
{
    const struct core *core = &a->machine.kernel->core;
    const struct owner *o = &core->owners[index];

    memset(b, 0, sizeof *b);
    b->state = o->state;
    b->index = (uint8_t)index;
    if (o->state == OWNER_FREE)
        return;
    if (a->config.generations)
        put_slots_in_order(a, o, b);
    else
        put_slots_sorted(a, o, b);
    memcpy(b->budget, o->budget.used, sizeof b->budget);
    memcpy(b->held, a->ghost.owners[index].held, sizeof b->held);
    b->held_pages = o->held_pages;
    for (uint32_t i = 1; i < core->objects.fresh; i++) {
        if (core->objects.entries[i].live && core->objects.entries[i].owner == index)
            b->created |= 1u << name_of(&core->objects.entries[i]);
    }
    for (uint32_t i = 0; i < a->machine.limits.pools; i++) {
        const struct dma_pool *p = &a->machine.kernel->devices.pools[i];

        if (p->state == POOL_QUARANTINED && p->pages_charge.owner == index &&
            p->pages_charge.owner_epoch == o->epoch)
            b->charged |= 1u << i;
    }
}

static int by_blob(const void *x, const void *y)
{
    return memcmp(x, y, offsetof(struct owner_blob, index));
}

static void put_owners(struct auth_canon *c, struct auth_world *a)
{
    struct owner_blob blobs[AUTH_OWNERS];

    for (uint32_t i = 0; i < a->config.owners; i++)
        blob_of(a, i, &blobs[i]);
    qsort(blobs, a->config.owners, sizeof blobs[0], by_blob);
    for (uint32_t i = 0; i < a->config.owners; i++) {
        auth_put(c, &blobs[i], offsetof(struct owner_blob, index));
        c->rank[blobs[i].index] = (uint8_t)i;
    }
}

static void put_ghost(struct auth_canon *c, const struct auth_world *a)
{
    for (uint32_t i = 1; i < AUTH_OBJECTS; i++) {
        struct auth_object o = a->ghost.objects[i];

        auth_put8(c, o.kind);
        if (!o.kind)
            continue;
        o.owner = c->rank[o.owner];
        o.seen = 0; /* the broker's, judged equal */
        auth_put(c, &o, sizeof o);
    }
    auth_put(c, a->ghost.functions, sizeof a->ghost.functions);
}

/* Its indices are told from where the broker stands in the ring that it knows. */
static void put_devices(struct auth_canon *c, const struct auth_world *a)
{
    for (uint32_t f = 0; f < a->config.functions; f++) {
        struct auth_device d = a->devices[f];

        for (uint32_t i = AUTH_QUEUES; d.page && i < AUTH_INTERRUPTS; i++) {
            const struct dma_queue *q = &a->machine.kernel->devices.queues[i - AUTH_QUEUES];

            if (a->ghost.objects[i].kind && a->ghost.objects[i].first == d.page) {
                d.fetched = (uint16_t)(d.fetched - auth_ring_base(q));
                d.used = (uint16_t)(d.used - auth_ring_base(q));
            }
        }
        auth_put(c, &d, sizeof d);
    }
}

static void put_raw(struct auth_canon *c, const struct xp_world *w)
{
    for (uint32_t i = 0; i < w->region_count; i++) {
        if (w->regions[i].at != (void *)&c->m->kernel->core.audit.head)
            auth_put(c, w->regions[i].at, w->regions[i].bytes);
    }
}

uint64_t auth_fingerprint(struct xp_world *w)
{
    struct auth_world *a = auth_of(w);
    const struct audit *log = &a->machine.kernel->core.audit;
    struct auth_canon c;

    c.m = &a->machine;
    c.used = 0;
    auth_put8(&c, a->small.run_out);
    auth_put8(&c, a->machine_state.log_full);
    auth_put32(&c, a->machine_state.log_full ? log->head - log->tail + log->reserved : 0);
    auth_put8(&c, log->denials_pending != 0);
    if (w->unrenamed) {
        put_raw(&c, w);
        return XXH3_64bits(c.bytes, c.used);
    }
    put_owners(&c, a);
    auth_put_records(&c);
    auth_put_pages(&c);
    put_devices(&c, a);
    put_ghost(&c, a);
    return XXH3_64bits(c.bytes, c.used);
}
