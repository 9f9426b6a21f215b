/* SPDX-License-Identifier: BSD-2-Clause */
/* World `ring` at random: the first step of a run draws what the run leaves in, each run begins in a copy of
 * the first state. Only what the run before could have touched is put back: queues are large, runs are short.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/ring_parts.h"

/* The first state, whole. */
struct ring_copy {
    uint8_t *memory; /* ring and buffers */
    uint8_t *own; /* with virtq's slots */
    uint8_t *device_slots; /* with the list of those in flight */
    uint8_t *scribbled;
    struct xp_queue_state queue_state;
    size_t own_bytes, device_bytes;
};

static size_t device_bytes(const struct ring_world *r)
{
    return r->config.size * (sizeof *r->device.slots + sizeof *r->device.flight);
}

static void copy_free(struct ring_copy *c)
{
    if (!c)
        return;
    free(c->memory);
    free(c->own);
    free(c->device_slots);
    free(c->scribbled);
    free(c);
}

static uint8_t *copy_of(const void *at, size_t bytes)
{
    uint8_t *copy = malloc(bytes);

    if (copy)
        memcpy(copy, at, bytes);
    return copy;
}

static struct ring_copy *copy_take(const struct ring_world *r)
{
    struct ring_copy *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->own_bytes = r->driver.private_memory.bytes;
    c->device_bytes = device_bytes(r);
    c->memory = copy_of(r->memory, r->memory_bytes);
    c->own = copy_of(r->own, c->own_bytes);
    c->device_slots = copy_of(r->device.slots, c->device_bytes);
    c->scribbled = copy_of(r->scribbled, r->layout.device_offset);
    c->queue_state = r->queue_state;
    if (c->memory && c->own && c->device_slots && c->scribbled)
        return c;
    copy_free(c);
    return NULL;
}

static void put_back_all(struct ring_world *r, const struct ring_copy *c)
{
    memcpy(r->memory, c->memory, r->memory_bytes);
    memcpy(r->own, c->own, c->own_bytes);
    memcpy(r->device.slots, c->device_slots, c->device_bytes);
    memcpy(r->scribbled, c->scribbled, r->layout.device_offset);
}

static void put_back(uint8_t *to, const uint8_t *from, uint32_t offset, uint32_t bytes)
{
    memcpy(to + offset, from + offset, bytes);
}

/* Entries of a ring from free-running index `first` on. */
static void put_back_entries(const struct ring_world *r, uint8_t *to, const uint8_t *from, uint32_t offset,
                             uint16_t first, uint32_t count, uint32_t bytes)
{
    for (uint32_t i = 0; i < count; i++)
        put_back(to, from, offset + bytes * ((first + i) & (r->config.size - 1u)), bytes);
}

/* An honest run without a reset: of the slots, as many as it posted, counted from the free list's head; of
 * the rings, as many entries from where it began. */
static void put_back_touched(struct ring_world *r, const struct ring_copy *c)
{
    const uint32_t slots = r->posted < r->config.size ? r->posted : r->config.size;
    const struct xp_queue *d = &r->device;
    const uint16_t first = c->queue_state.exposed;

    put_back(r->memory, c->memory, d->desc, 16u * slots);
    put_back(r->memory, c->memory, d->driver, 4);
    put_back_entries(r, r->memory, c->memory, d->driver + 4u, first, slots, 2);
    put_back(r->memory, c->memory, d->device, 4);
    put_back_entries(r, r->memory, c->memory, d->device + 4u, first, slots, 8);
    put_back(r->memory, c->memory, d->buffers, RING_STRIDE * slots);
    put_back(r->scribbled, c->scribbled, d->desc, 16u * slots);
    put_back(r->scribbled, c->scribbled, d->driver, 4);
    put_back_entries(r, r->scribbled, c->scribbled, d->driver + 4u, first, slots, 2);
    put_back((uint8_t *)r->own, c->own, 0, (uint32_t)(sizeof *r->own + slots * sizeof *r->slots));
    put_back((uint8_t *)d->slots, c->device_slots, 0, (uint32_t)(slots * sizeof *d->slots));
    put_back((uint8_t *)d->slots, c->device_slots, (uint32_t)(r->config.size * sizeof *d->slots),
             (uint32_t)(slots * sizeof *d->flight));
}

static void rewind_to(struct ring_world *r, const struct ring_copy *c)
{
    if (r->resets > 0 || r->queue_state.lies > 0 || r->posted >= r->config.size)
        put_back_all(r, c);
    else
        put_back_touched(r, c);
    r->queue_state = c->queue_state;
    memset(&r->order_state, 0, xp_order_state_bytes(&r->order_state));
    memset(&r->call, 0, xp_call_bytes(&r->call));
}

static void swarm_start(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);
    struct ring_swarm *s = r->swarm;

    r->driver.unattended = false;
    if (s->copy) {
        xp_driver_rest(&r->driver);
        xp_driver_current = &r->driver;
        rewind_to(r, s->copy);
    } else {
        if (s->bounds.size == 0)
            s->bounds = r->config;
        r->config = s->bounds;
        r->driver.order.model = XP_SEQUENTIAL;
        r->device.lies_max = 0;
        ring_start(w);
        s->copy = copy_take(r); /* NULL: it starts anew each time */
    }
    memset(&s->features, 0, sizeof s->features);
    r->posted = 0;
    r->resets = 0;
}

/* The features of a run: the first pick of each is the plainest. */
static void draw(struct ring_world *r)
{
    static const uint8_t batches[] = {1, 2, 4, 16, 64};
    static const uint32_t lies_from[] = {0, 8, 32, 128, 512};
    const struct ring_config *b = &r->swarm->bounds;
    struct ring_features *f = &r->swarm->features;
    uint32_t kinds;

    f->drawn = 1;
    f->model = (uint8_t)xp_choose(&r->world, XP_MODEL_COUNT, "swarm.memory");
    f->suppress = (uint8_t)xp_choose(&r->world, 2, "swarm.suppress");
    f->short_writes = (uint8_t)xp_choose(&r->world, 2, "swarm.short");
    f->in_order = xp_choose(&r->world, 2, "swarm.order") == 0;
    f->chains = (uint8_t)(1u + xp_choose(&r->world, (1u << RING_CHAIN_COUNT) - 1u, "swarm.chains"));
    f->batch = batches[xp_choose(&r->world, sizeof batches, "swarm.batch")];
    f->batch = f->batch > b->size ? (uint8_t)b->size : f->batch;
    f->resets = xp_choose(&r->world, 4, "swarm.resets") == 3;
    f->full = xp_choose(&r->world, 16, "swarm.full") == 15; /* rarely: a full large queue takes its time */
    if (b->lies_max == 0)
        return;
    kinds = xp_choose(&r->world, (1u << XP_LIE_COUNT) - 1u, "swarm.lies");
    f->lie_kinds = (uint8_t)(((1u << XP_LIE_COUNT) - 1u) - kinds); /* all, or some left out */
    f->lies_from = lies_from[xp_choose(&r->world, sizeof lies_from / sizeof *lies_from, "swarm.from")];
}

/* Puts the features to work: after each rewinding, too. */
static void apply(struct ring_world *r)
{
    const struct ring_features *f = &r->swarm->features;

    r->driver.order.model = (enum xp_model)f->model;
    r->device.suppress = f->suppress;
    r->device.short_writes = f->short_writes;
    r->device.in_order = f->in_order;
    r->device.lie_kinds = f->lie_kinds;
    r->device.lies_max = f->asked > f->lies_from ? r->swarm->bounds.lies_max : 0;
    r->config.chains = f->chains;
    r->config.batch_max = f->batch;
    r->config.resets = f->resets;
}

void ring_swarm_turn(struct ring_world *r)
{
    struct ring_features *f = &r->swarm->features;

    f->asked++;
    r->device.lies_max = f->asked > f->lies_from ? r->swarm->bounds.lies_max : 0;
}

static enum xp_step swarm_step(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);

    if (r->swarm->features.drawn) {
        apply(r);
        return ring_ops.step(w);
    }
    (void)xp_choose_actor(w, 1);
    xp_note(w, XP_LANE_WORLD, "what this run leaves in");
    draw(r);
    apply(r);
    if (r->swarm->features.full)
        ring_fill(r);
    return XP_STEP_DONE;
}

static enum xp_heal swarm_heal(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);

    if (!r->swarm->features.drawn)
        return XP_HEAL_QUIET;
    apply(r);
    return ring_ops.heal(w);
}

const struct xp_world_ops ring_swarm_ops = {
    .name = "ring",
    .start = swarm_start,
    .step = swarm_step,
    .heal = swarm_heal,
    .show = ring_show,
    .live = ring_live,
};

void ring_swarm_free(struct ring_world *r)
{
    if (r->swarm)
        copy_free(r->swarm->copy);
    free(r->swarm);
}
