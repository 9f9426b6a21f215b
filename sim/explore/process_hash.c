/* SPDX-License-Identifier: BSD-2-Clause */
/* Fingerprints of world `process`: the book in canonical form. The kernel's records were just judged to be
 * the book's; what they hold beyond it only grows (generations, orders, numbers, indices) or is a place in a
 * pool. Left out: which slot of a table holds what, where none retires; which record of the ring is which. */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sim/explore/process_world.h"

#define ITEMS (PW_PROCESSES * PW_ENTRIES)

struct item {
    uint64_t order;
    uint8_t process, state, op, object, extra, server, due, alive;
    uint32_t from; /* last: not compared */
};

struct canon {
    struct item items[ITEMS];
    uint64_t slots[PW_PROCESSES][PW_SLOTS];
    uint8_t processes[PW_PROCESSES][4];
    struct pw_object objects[PW_OBJECTS];
};

static int by_order(const void *x, const void *y)
{
    const struct item *a = x, *b = y;

    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return memcmp(&a->process, &b->process, offsetof(struct item, from) - offsetof(struct item, process));
}

static int by_word(const void *x, const void *y)
{
    const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

    return a < b ? -1 : a > b;
}

static struct item item_of(const struct pw_world *p, uint32_t at)
{
    const uint32_t process = at / PW_ENTRIES;
    const struct pw_entry *e = &p->book.processes[process].entries[at % PW_ENTRIES];
    struct item i = {.process = (uint8_t)process, .state = e->state, .from = at};

    if (e->state == PW_FREE)
        return (struct item){.from = at};
    i.object = e->object;
    if (e->state == PW_RECEIVED) {
        i.server = e->server;
        return i;
    }
    i.alive = pw_alive(p, process, e->cap);
    i.due = e->state == PW_TIMED && p->book.now >= e->until;
    if (e->state == PW_QUEUED || e->state == PW_WRITTEN) {
        i.op = e->op;
        i.extra = pw_alive(p, process, e->extra_cap)
                      ? p->book.processes[process].slot_object[e->extra_cap.index]
                      : (uint8_t)PW_NO_OBJECT;
    }
    if (e->state == PW_WRITTEN)
        i.order = UINT64_MAX / 2u + e->user;
    else if (e->state == PW_QUEUED || e->state == PW_RECEIVING)
        i.order = 1u + e->order;
    return i;
}

/* Which records name the slot, each a bit: called by it, and along with it. */
static uint64_t named_by(const struct pw_world *p, const struct canon *c, uint32_t process, uint32_t slot)
{
    const cap_id cap = pw_cap(p, process, slot);
    uint64_t mask = 0;

    for (uint32_t i = 0; i < ITEMS; i++) {
        const struct pw_entry *e = &p->book.processes[process].entries[c->items[i].from % PW_ENTRIES];

        if (c->items[i].from / PW_ENTRIES != process || e->state == PW_FREE || e->state == PW_RECEIVED)
            continue;
        mask |= (uint64_t)cap_same(e->cap, cap) << i;
        mask |= (uint64_t)cap_same(e->extra_cap, cap) << (i + ITEMS);
    }
    return mask;
}

static uint64_t place_in_free_list(const struct captable *t, uint32_t slot)
{
    uint64_t place = 1;

    for (uint16_t at = t->free_head; at != 0 && place <= PW_SLOTS; at = t->slots[at].next_free, place++) {
        if (at == slot)
            return place;
    }
    return 0;
}

static void put_slots(const struct pw_world *p, struct canon *c, uint32_t process)
{
    const struct pw_process *q = &p->book.processes[process];

    for (uint32_t s = 1; s <= PW_SLOTS; s++) {
        uint64_t *word = &c->slots[process][s - 1u];

        if (q->slot_object[s] != PW_NO_OBJECT)
            *word = q->slot_object[s] | named_by(p, c, process, s) << 8;
        if (p->config.generations)
            *word |= (uint64_t)q->slot_generation[s] << 40 |
                     place_in_free_list(&p->core.owners[process].caps, s) << 48;
    }
    if (!p->config.generations)
        qsort(c->slots[process], PW_SLOTS, sizeof c->slots[process][0], by_word);
}

/* All that a step can change, the counters of the log apart. */
static uint64_t raw(const struct pw_world *p)
{
    XXH3_state_t state;

    XXH3_64bits_reset(&state);
    for (uint32_t i = 0; i < p->world.region_count; i++) {
        if (p->world.regions[i].at != (const void *)&p->core.audit.head)
            XXH3_64bits_update(&state, p->world.regions[i].at, p->world.regions[i].bytes);
    }
    return XXH3_64bits_digest(&state);
}

uint64_t pw_fingerprint(struct xp_world *w)
{
    const struct pw_world *p = pw_of(w);
    struct canon c;

    if (w->unrenamed)
        return raw(p);
    memset(&c, 0, sizeof c);
    for (uint32_t i = 0; i < ITEMS; i++)
        c.items[i] = item_of(p, i);
    qsort(c.items, ITEMS, sizeof c.items[0], by_order);
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        const struct pw_process *q = &p->book.processes[i];

        put_slots(p, &c, i);
        c.processes[i][0] = q->alive;
        c.processes[i][1] = q->waiting;
        c.processes[i][2] = q->waiting && q->posted;
        c.processes[i][3] = q->unread;
    }
    for (uint32_t i = 0; i < ITEMS; i++) { /* only the order counts, and that is theirs in the list */
        c.items[i].from = 0;
        c.items[i].order = c.items[i].order != 0;
    }
    for (uint32_t o = 0; o < PW_OBJECTS; o++) {
        c.objects[o] = p->book.objects[o];
        c.objects[o].ref = (struct object_ref){0, 0};
    }
    return XXH3_64bits(&c, sizeof c);
}
