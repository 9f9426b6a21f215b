/* SPDX-License-Identifier: BSD-2-Clause */
/* World `ring`: its memory, what of it a step can change, and how it gets to its first state. Owns all that a
 * world holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"
#include "provider/tables.h"
#include "sim/explore/ring_parts.h"

#define BUFFER_REGIONS 8u /* up to so many buffers the rest of each is left out: nobody writes it */

/* doors */

static uint32_t door_read(void *ctx, enum platform_space space, uint64_t address, uint8_t width)
{
    struct ring_world *r = ctx;

    if (space != PLATFORM_MMIO)
        return 0;
    return (uint32_t)xp_access(
        &r->driver, (struct xp_access){.address = address, .kind = XP_ACCESS_REGISTER_READ, .width = width});
}

static void door_write(void *ctx, enum platform_space space, uint64_t address, uint8_t width, uint32_t value)
{
    struct ring_world *r = ctx;

    if (space == PLATFORM_MMIO)
        (void)xp_access(&r->driver, (struct xp_access){.address = address,
                                                       .value = value,
                                                       .kind = XP_ACCESS_REGISTER_WRITE,
                                                       .width = width});
}

/* the first state */

/* Has `what` done with nobody coming between, in program order, untold. */
static void alone(struct ring_world *r, void (*what)(struct ring_world *r))
{
    const enum xp_model model = r->driver.order.model;
    const bool inline_calls = r->world.inline_calls;
    void (*note)(void *ctx, enum xp_lane lane, const char *text) = r->world.note;

    r->driver.order.model = XP_SEQUENTIAL;
    r->driver.unattended = true;
    r->world.inline_calls = true;
    r->world.note = NULL;
    what(r);
    r->driver.order.model = model;
    r->driver.unattended = false;
    r->world.inline_calls = inline_calls;
    r->world.note = note;
}

/* Chain by chain, round after round: how the indices get to where a run starts. */
static void traffic(struct ring_world *r)
{
    const uint8_t kind = (uint8_t)__builtin_ctz(r->config.chains);
    const uint8_t post[XP_ARGUMENTS] = {kind, 1};
    const uint8_t take[XP_ARGUMENTS] = {0};

    for (uint32_t i = 0; i < r->config.start; i++) {
        xp_call_begin(&r->driver, RING_POST, post);
        while (xp_queue_heal(&r->device))
            ;
        xp_call_begin(&r->driver, RING_REAP, take);
    }
}

static void fill(struct ring_world *r)
{
    const uint8_t kind = (uint8_t)__builtin_ctz(r->config.chains);
    const uint8_t post[XP_ARGUMENTS] = {kind, NIC_BATCH_MAX};

    while (r->own->queue.free_count > 1u) /* the rest may be too small for a chain of two */
        xp_call_begin(&r->driver, RING_POST, post);
}

void ring_fill(struct ring_world *r)
{
    alone(r, fill);
}

static void bring_up(struct ring_world *r)
{
    static const struct reg_window windows[REG_SECTIONS_MAX] = {
        [MODERN_COMMON] = {.bar = 0, .offset = 0, .length = MODERN_COMMON_BYTES},
        [MODERN_NOTIFY] = {.bar = 0, .offset = RING_NOTIFY_AT, .length = 4},
        [MODERN_DEVICE] = {.bar = 0, .offset = RING_DEVICE_AT, .length = 16},
    };
    const uint64_t bars[PCI_BARS] = {RING_BAR};
    const struct direct_memory block = {r->memory, {RING_BUS}, r->memory_bytes};

    r->register_ops = registers_direct_init(&r->own->registers, &r->platform, 0x20, bars, false);
    r->author_ops = author_direct_init(&r->own->author, &r->own->registers, block);
    (void)r->register_ops.ops->open(r->register_ops.ctx, &virtio_net_modern_table, windows);
    ring_queue_up(r);
    if (r->author_ops.ops->buffer_create(r->author_ops.ctx, r->config.size * RING_STRIDE, DMA_FROM_DEVICE,
                                         &r->own->buffer) != PROVIDER_OK)
        xp_violate(&r->world, XP_P4, "no room for %u buffers", r->config.size);
    ASSERT(r->own->buffer.cpu == r->memory + r->buffers);
    ring_poison_free(r);
}

void ring_start(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);

    memset(r->memory, 0, r->memory_bytes);
    memset(r->own, 0, r->driver.private_memory.bytes);
    memset(&r->call, 0, sizeof r->call);
    memset(&r->queue_state, 0, sizeof r->queue_state);
    xp_driver_rest(&r->driver);
    r->driver.immediate = true;
    xp_driver_current = &r->driver;
    xp_order_forget(&r->driver.order);
    bring_up(r);
    r->driver.immediate = false;
    alone(r, traffic);
}

/* memory */

static bool hidden(void *ctx, uint32_t offset, uint8_t width)
{
    const struct ring_world *r = ctx;

    (void)width;
    return !r->config.unhidden && xp_queue_hidden(&r->device, offset);
}

static void place_of(void *ctx, uint32_t offset, char *text, size_t bytes)
{
    ring_driver_ops.place(&((struct ring_world *)ctx)->driver, offset, text, bytes);
}

static void seen(void *ctx, uint32_t offset, uint8_t width, uint64_t value)
{
    struct ring_world *r = ctx;

    xp_queue_seen(&r->device, offset, width, value);
}

static uint32_t pages(uint32_t bytes)
{
    return (bytes + DMA_PAGE_BYTES - 1u) & ~(DMA_PAGE_BYTES - 1u);
}

static size_t whole_words(size_t bytes)
{
    return (bytes + 7u) & ~(size_t)7;
}

static void add(struct ring_world *r, void *at, size_t bytes, bool varies)
{
    ASSERT(r->world.region_count < XP_REGIONS_MAX);
    r->world.regions[r->world.region_count++] = (struct xp_region){at, bytes, varies};
}

/* Of shared memory: the ring, and of each buffer the word that the device writes. */
static void list_memory(struct ring_world *r)
{
    add(r, r->memory, r->layout.bytes, false);
    if (r->config.size > BUFFER_REGIONS) {
        add(r, r->memory + r->buffers, r->config.size * RING_STRIDE, false);
        return;
    }
    for (uint32_t i = 0; i < r->config.size; i++)
        add(r, r->memory + r->buffers + i * RING_STRIDE, sizeof(uint64_t), false);
}

/* All that a step can change; the rest of the driver's own memory is as bring_up made it, which
 * tests/explore checks. */
static void list_regions(struct ring_world *r, size_t device_bytes)
{
    struct virtq *q = &r->own->queue;

    list_memory(r);
    add(r, &r->own->registers.reset_written, 2, false); /* and `quiet` behind it */
    add(r, &r->own->author.queues[0].ring.avail_idx, 2, false);
    add(r, &q->size, sizeof *q - offsetof(struct virtq, size), false);
    add(r, r->slots, r->config.size * sizeof *r->slots, false);
    add(r, r->device.slots, device_bytes, false);
    if (r->config.lies_max > 0)
        add(r, r->scribbled, r->layout.device_offset, false);
    add(r, &r->queue_state, sizeof r->queue_state, false);
    if (r->swarm)
        add(r, &r->swarm->features, sizeof r->swarm->features, false);
    if (r->config.model != XP_SEQUENTIAL || r->swarm) {
        add(r, &r->order_state, offsetof(struct xp_order_state, stores), false);
        add(r, r->order_state.stores, sizeof r->order_state.stores, true);
        add(r, r->order_state.old, sizeof r->order_state.old, true);
    }
    add(r, &r->call, sizeof r->call, true);
}

static bool allocate(struct ring_world *r)
{
    const size_t own = whole_words(sizeof *r->own + r->config.size * sizeof *r->slots);
    const size_t device = whole_words(r->config.size * (sizeof *r->device.slots + sizeof *r->device.flight));

    r->buffers = pages(r->layout.bytes);
    r->memory_bytes = r->buffers + pages(r->config.size * RING_STRIDE);
    r->memory = aligned_alloc(DMA_PAGE_BYTES, r->memory_bytes);
    r->own = calloc(1, own);
    r->device.slots = calloc(1, device);
    r->scribbled = calloc(1, whole_words(r->layout.device_offset)); /* more than the two areas */
    r->swarm = r->config.swarm ? calloc(1, sizeof *r->swarm) : NULL;
    if ((r->config.swarm && !r->swarm) || !r->memory || !r->own || !r->device.slots || !r->scribbled)
        return false;
    r->slots = (struct virtq_slot *)(void *)(r->own + 1);
    r->device.flight = (uint16_t *)(void *)(r->device.slots + r->config.size);
    r->driver.private_memory = (struct xp_region){r->own, own, 0};
    list_regions(r, device);
    return true;
}

struct ring_world *ring_world_make(const struct ring_config *config)
{
    struct ring_world *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    ASSERT(config->batch_max >= 1 && config->batch_max <= NIC_BATCH_MAX);
    ASSERT(config->chains != 0);
    r->config = *config;
    r->world.ops = config->swarm ? &ring_swarm_ops : &ring_ops;
    r->world.unrenamed = config->unrenamed;
    r->world.unrebased = config->unrebased;
    ASSERT(split_layout_for(config->size, SPLIT_ALIGN_MODERN, &r->layout));
    if (!allocate(r)) {
        ring_world_free(r);
        return NULL;
    }
    r->platform = (struct platform){.ctx = r, .read = door_read, .write = door_write};
    r->driver.ops = &ring_driver_ops;
    r->driver.world = &r->world;
    r->driver.call = &r->call;
    r->driver.order = (struct xp_order){.world = &r->world,
                                        .state = &r->order_state,
                                        .memory = r->memory,
                                        .bytes = r->memory_bytes,
                                        .model = config->model,
                                        .forgets = config->swarm,
                                        .ctx = r,
                                        .seen = seen,
                                        .hidden = hidden,
                                        .place = place_of};
    r->device = (struct xp_queue){.world = &r->world,
                                  .order = &r->driver.order,
                                  .state = &r->queue_state,
                                  .slots = r->device.slots,
                                  .flight = r->device.flight,
                                  /* without lies memory says the same */
                                  .written = config->lies_max > 0 ? r->scribbled : r->memory,
                                  .size = config->size,
                                  .desc = 0,
                                  .driver = r->layout.driver_offset,
                                  .device = r->layout.device_offset,
                                  .bus = RING_BUS,
                                  .buffers = r->buffers,
                                  .buffers_end = r->buffers + config->size * RING_STRIDE,
                                  .stride = RING_STRIDE,
                                  .suppress = config->suppress,
                                  .short_writes = config->short_writes,
                                  .in_order = config->in_order,
                                  .lies_max = config->lies_max,
                                  .lie_kinds = config->lie_kinds};
    if (!xp_driver_prepare(&r->driver)) {
        ring_world_free(r);
        return NULL;
    }
    return r;
}

void ring_world_free(struct ring_world *r)
{
    if (!r)
        return;
    free(r->memory);
    free(r->own);
    xp_driver_free(&r->driver);
    free(r->device.slots);
    free(r->scribbled);
    ring_swarm_free(r);
    free(r);
}
