/* SPDX-License-Identifier: BSD-2-Clause */
/* World `ring`: the caller's three operations, who may act, and how it all comes to rest. The caller is the explorer's
 * own; what it calls is the provider's. */
#include "sim/explore/ring_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"
#include "provider/tables.h"

#define READ_OFFSET  16u
#define READ_BYTES   8u
#define BUS_BASE     0x100000000ull
#define BAR_BASE     0x10000000ull
#define NOTIFY_AT    0x1000u
#define DEVICE_AT    0x2000u
#define STATUS_AT    20u
#define BUFFER_REGIONS 8u /* up to so many buffers the rest of each is left out: nobody writes it */
#define POISON_SLOTS 64u /* larger queues are run at random only: their free descriptors are not poisoned */

enum op { OP_POST = 0, OP_REAP, OP_RESET };

static struct ring_world *ring_of(struct xp_world *w)
{
    return (struct ring_world *)(void *)w;
}

/* registers and bells */

static uint32_t register_access(struct xp_driver *d, const struct xp_access *a)
{
    struct ring_world *r = ring_of(d->world);
    const uint64_t at = a->address - BAR_BASE;

    if (a->kind == XP_ACCESS_REGISTER_READ)
        return at == STATUS_AT ? r->status : 0;
    if (at == NOTIFY_AT)
        xp_queue_kick(&r->device);
    else if (at == STATUS_AT)
        r->status = (uint8_t)a->value;
    if (at == STATUS_AT && a->value == 0)
        xp_queue_reset(&r->device);
    return 0;
}

static uint32_t door_read(void *ctx, enum platform_space space, uint64_t address, uint8_t width)
{
    struct ring_world *r = ctx;

    if (space != PLATFORM_MMIO)
        return 0;
    return (uint32_t)xp_access(&r->driver, (struct xp_access){.address = address,
                                                              .kind = XP_ACCESS_REGISTER_READ,
                                                              .width = width});
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

/* the caller's operations */

static uint32_t element_at(const struct ring_world *r, uint16_t index)
{
    return r->device.device + 4u + 8u * (index & (r->config.size - 1u));
}

static uint32_t element_id(const struct ring_world *r, uint16_t index)
{
    return (uint32_t)xp_order_peek(&r->driver.order, element_at(r, index), 4);
}

static void poison_element(struct ring_world *r, uint16_t index)
{
    xp_order_put(&r->driver.order, element_at(r, index), 4, XP_POISON32);
    xp_order_put(&r->driver.order, element_at(r, index) + 4u, 4, XP_POISON32);
}

static void poison_free(struct ring_world *r)
{
    for (uint16_t i = 0; i < r->config.size && r->config.size <= POISON_SLOTS; i++) {
        if (r->slots[i].state != VIRTQ_SLOT_FREE)
            continue;
        xp_queue_put(&r->device, r->device.desc + 16u * i, 8, XP_POISON64);
        xp_queue_put(&r->device, r->device.desc + 16u * i + 8u, 8, XP_POISON64);
        xp_order_put(&r->driver.order, r->buffers + RING_STRIDE * i, 4, XP_POISON32);
    }
}

/* P4: every slot is free once, or part of one chain in flight. */
static void conserved(struct ring_world *r)
{
    const struct virtq *q = &r->own->queue;
    uint32_t listed = 0;
    uint32_t chained = 0;
    uint32_t heads = 0;

    if (q->size > POISON_SLOTS)
        return;
    for (uint16_t at = q->free_head; at != VIRTQ_NO_SLOT; at = r->slots[at].next) {
        if (at >= q->size || r->slots[at].state != VIRTQ_SLOT_FREE || listed++ == q->size)
            xp_violate(&r->world, XP_P4, "the free list goes through slot %u, state %u, after %u", at,
                       at < q->size ? r->slots[at].state : 0, listed);
    }
    for (uint16_t i = 0; i < q->size; i++) {
        heads += r->slots[i].state == VIRTQ_SLOT_HEAD;
        chained += r->slots[i].state == VIRTQ_SLOT_HEAD ? r->slots[i].count : 0;
    }
    if (listed != q->free_count || listed + chained != q->size || heads != q->in_flight)
        xp_violate(&r->world, XP_P4, "%u slots listed free, %u counted free, %u in %u chains, %u counted: %u in all",
                   listed, q->free_count, chained, heads, q->in_flight, q->size);
}

static void fill_chain(struct ring_world *r, struct author_segment *s, enum ring_chain kind)
{
    const uint64_t buffer = r->own->buffer.handle;
    struct author_segment writable = {.buffer = buffer, .length = XP_BUFFER_BYTES, .direction = DMA_FROM_DEVICE};
    struct author_segment readable = {.buffer = buffer, .length = READ_BYTES, .direction = DMA_TO_DEVICE};

    s[0] = kind == RING_CHAIN_WRITABLE ? writable : readable;
    s[1] = writable;
}

static void place_chain(struct author_segment *s, uint8_t count)
{
    for (uint8_t i = 0; i < count; i++)
        s[i].offset = s[0].slot * RING_STRIDE + (s[i].direction == DMA_TO_DEVICE ? READ_OFFSET : 0u);
}

static void run_post(struct ring_world *r, enum ring_chain kind, uint16_t chains)
{
    struct author_segment segments[2u * NIC_BATCH_MAX];
    struct virtq *q = &r->own->queue;
    const uint8_t count = kind == RING_CHAIN_BOTH ? 2 : 1;
    uint16_t used = 0;

    for (uint16_t i = 0; i < chains; i++, used = (uint16_t)(used + count)) {
        const uint16_t free = q->free_count;
        const uint16_t head = q->free_head;

        fill_chain(r, &segments[used], kind);
        const enum provider_error error = virtq_prepare(q, &segments[used], count, head);
        if (error == PROVIDER_E_FULL && free < count)
            break;
        if (error != PROVIDER_OK)
            xp_violate(&r->world, XP_P3, "a chain of %u is refused with %u slots free", count, free);
        if (free < count)
            xp_violate(&r->world, XP_P1, "a chain of %u is taken with %u slots free", count, free);
        place_chain(&segments[used], count);
    }
    if (used > 0 && r->author_ops.ops->publish(r->author_ops.ctx, &q->ring, segments, used) != PROVIDER_OK)
        xp_violate(&r->world, XP_P3, "the author refuses a publication");
    conserved(r);
}

/* What was taken must be what an honest device wrote; of a liar it must be within what was posted. */
static void judge_taken(struct ring_world *r, const struct virtq_done *done, uint32_t id, uint32_t length,
                        uint32_t posted)
{
    uint32_t payload;

    if (done->cookie >= r->config.size || done->written > posted)
        xp_violate(&r->world, XP_I7, "%u bytes are delivered for buffer %u, %u were posted", done->written,
                   done->cookie, posted);
    if (r->queue_state.lies > 0)
        return;
    if (done->cookie != id || done->written != length)
        xp_violate(&r->world, XP_P7, "buffer %u with %u bytes is delivered, the device gave %u with %u",
                   done->cookie, done->written, id, length);
    if (length == 0)
        return;
    payload = ring_load32(r->memory + r->buffers + RING_STRIDE * id).untrusted;
    if (payload != xp_payload(id))
        xp_violate(&r->world, XP_P7, "buffer %u is read as 0x%x, the device wrote 0x%x", id, payload,
                   xp_payload(id));
}

static void run_reap(struct ring_world *r, uint16_t max)
{
    struct virtq *q = &r->own->queue;
    const uint16_t first = q->used_seen;
    const uint16_t ready = virtq_ready(q, max < NIC_BATCH_MAX ? max : NIC_BATCH_MAX);
    uint32_t cookies[NIC_BATCH_MAX];
    uint16_t taken = 0;

    for (; taken < ready; taken++) {
        const uint32_t id = element_id(r, q->used_seen);
        const uint32_t length = (uint32_t)xp_order_peek(&r->driver.order, element_at(r, q->used_seen) + 4u, 4);
        const uint32_t posted = id < r->config.size ? r->slots[id].writable : 0;
        struct virtq_done done;

        if (!virtq_take(q, &done, false))
            break;
        judge_taken(r, &done, id, length, r->queue_state.lies > 0 ? XP_BUFFER_BYTES : posted);
        cookies[taken] = done.cookie;
    }
    for (uint16_t i = 0; i < taken && r->queue_state.lies > 0; i++)
        xp_queue_let_go(&r->device, cookies[i]);
    if (q->broken && r->queue_state.lies == 0)
        xp_violate(&r->world, XP_P7, "an honest device's completion is refused: %s",
                   virtq_fault_name(q->first_fault));
    for (uint16_t i = first; i != q->used_seen; i++)
        poison_element(r, i);
    poison_free(r);
    conserved(r);
}

static void queue_up(struct ring_world *r)
{
    struct ring_private *own = r->own;
    struct provider_ring ring;

    const enum provider_error error = r->author_ops.ops->queue_create(r->author_ops.ctx, 0, r->config.size, 0, 1, &ring);
    if (error != PROVIDER_OK)
        xp_violate(&r->world, XP_P4, "the ring cannot be made again: error %d", error);
    virtq_init(&own->queue, &ring, r->slots);
    (void)r->register_ops.ops->write_address(r->register_ops.ctx, MODERN_QUEUE_DESC_LOW, &own->queue.ring);
    xp_queue_reset(&r->device);
    for (uint16_t i = 0; i < r->config.size; i++)
        poison_element(r, i);
    poison_free(r);
    xp_queue_enable(&r->device);
}

/* Reset, confirmed; the ring goes and comes again. Nobody comes between: the device is at rest. */
static void reset(struct ring_world *r)
{
    const struct registers *registers = &r->register_ops;

    xp_note(&r->world, XP_LANE_DRIVER, "resets the queue");
    r->driver.immediate = true;
    (void)registers->ops->write(registers->ctx, MODERN_STATUS, 0, 0);
    (void)registers->ops->read(registers->ctx, MODERN_STATUS, 0);
    if (r->author_ops.ops->queue_destroy(r->author_ops.ctx, &r->own->queue.ring) != PROVIDER_OK)
        xp_violate(&r->world, XP_P4, "the ring is not given back after a confirmed reset");
    xp_order_forget(&r->driver.order);
    queue_up(r);
    ASSERT(r->own->queue.ring.device_area == r->memory + r->layout.device_offset); /* where it was before */
    r->driver.immediate = false;
}

static void run_call(struct xp_driver *d, const struct xp_call *call)
{
    struct ring_world *r = ring_of(d->world);

    if (call->op == OP_POST)
        run_post(r, (enum ring_chain)call->arguments[0], call->arguments[1]);
    else
        run_reap(r, call->arguments[0] ? r->config.size : 1);
}

/* who acts */

static bool pick_actor(struct ring_world *r)
{
    const uint32_t flush = xp_order_ready(&r->driver.order) > 0;
    const uint32_t moves = xp_queue_moves(&r->device);
    uint32_t who = xp_choose_actor(&r->world, 1u + flush + moves);

    if (who == 0)
        return true;
    if (flush && who == 1)
        xp_order_flush(&r->driver.order, xp_choose(&r->world, xp_order_ready(&r->driver.order), "order.flush"));
    else
        xp_queue_move(&r->device, who - 1u - flush);
    return false;
}

static uint32_t post_ops(const struct ring_world *r)
{
    return (uint32_t)__builtin_popcount(r->config.chains) * r->config.batch_max;
}

static void begin_op(struct ring_world *r)
{
    const bool broken = r->own->queue.broken;
    const uint32_t posts = broken ? 0 : post_ops(r);
    const uint32_t reaps = broken ? 0 : r->config.size == 1 ? 1 : 2;
    const uint32_t resets = r->config.resets || broken;
    uint8_t arguments[XP_ARGUMENTS] = {0};
    uint32_t op;

    op = xp_choose(&r->world, posts + reaps + resets, "op");
    if (op >= posts + reaps) {
        reset(r);
        return;
    }
    if (op >= posts) {
        arguments[0] = (uint8_t)(op - posts);
        xp_note(&r->world, XP_LANE_DRIVER, "call: take in at most %u", arguments[0] ? r->config.size : 1);
        xp_call_begin(&r->driver, OP_REAP, arguments);
        return;
    }
    for (uint32_t kind = op / r->config.batch_max; arguments[0] < RING_CHAIN_COUNT; arguments[0]++) {
        if ((r->config.chains >> arguments[0] & 1u) && kind-- == 0)
            break;
    }
    arguments[1] = (uint8_t)(1u + op % r->config.batch_max);
    xp_note(&r->world, XP_LANE_DRIVER, "call: post %u chains of kind %u", arguments[1], arguments[0]);
    xp_call_begin(&r->driver, OP_POST, arguments);
}

static enum xp_step ring_step(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);

    if (!pick_actor(r))
        return XP_STEP_DONE;
    if (r->call.active)
        xp_call_resume(&r->driver);
    else
        begin_op(r);
    return XP_STEP_DONE;
}

static bool turn(struct xp_driver *d)
{
    return d->unattended || pick_actor(ring_of(d->world));
}

static enum xp_heal ring_heal(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);
    const uint8_t take_all[XP_ARGUMENTS] = {1};

    if (r->call.active) {
        xp_call_resume(&r->driver);
    } else if (r->order_state.waiting > 0) {
        xp_order_drain(&r->driver.order);
    } else if (xp_queue_heal(&r->device)) {
        ;
    } else if (r->own->queue.broken) {
        reset(r);
    } else if (r->own->queue.used_seen != r->queue_state.used_shown && r->own->queue.in_flight > 0 &&
               r->queue_state.lies == 0) {
        xp_call_begin(&r->driver, OP_REAP, take_all);
    } else if (r->own->queue.in_flight > 0) {
        if (r->queue_state.lies == 0)
            xp_violate(w, XP_P3, "everything is at rest with %u chains out and %u available entries unfetched",
                       r->own->queue.in_flight, (uint16_t)(r->queue_state.exposed - r->queue_state.fetched));
        reset(r); /* what a liar lost or named early: only a reset helps */
    } else {
        return XP_HEAL_QUIET;
    }
    return XP_HEAL_ON;
}

/* set-up */

static bool hidden(void *ctx, uint32_t offset, uint8_t width)
{
    const struct ring_world *r = ctx;

    (void)width;
    return !r->config.unhidden && xp_queue_hidden(&r->device, offset);
}

static void place(struct xp_driver *d, uint32_t offset, char *text, size_t bytes)
{
    if (!xp_queue_place(&ring_of(d->world)->device, offset, text, bytes))
        snprintf(text, bytes, "offset %u", offset);
}

static void place_of(void *ctx, uint32_t offset, char *text, size_t bytes)
{
    place(&((struct ring_world *)ctx)->driver, offset, text, bytes);
}

static void seen(void *ctx, uint32_t offset, uint8_t width, uint64_t value)
{
    struct ring_world *r = ctx;

    xp_queue_seen(&r->device, offset, width, value);
}

/* One chain round, nobody coming between: how the indices get to where a run starts. */
static void traffic(struct ring_world *r)
{
    const enum xp_model model = r->driver.order.model;
    const bool inline_calls = r->world.inline_calls;
    const uint8_t kind = (uint8_t)__builtin_ctz(r->config.chains);
    const uint8_t post[XP_ARGUMENTS] = {kind, 1};
    const uint8_t take[XP_ARGUMENTS] = {0};

    r->driver.order.model = XP_SEQUENTIAL;
    r->driver.unattended = true;
    r->world.inline_calls = true;
    for (uint32_t i = 0; i < r->config.start; i++) {
        xp_call_begin(&r->driver, OP_POST, post);
        while (xp_queue_heal(&r->device))
            ;
        xp_call_begin(&r->driver, OP_REAP, take);
    }
    r->driver.order.model = model;
    r->driver.unattended = false;
    r->world.inline_calls = inline_calls;
}

static void bring_up(struct ring_world *r)
{
    static const struct reg_window windows[REG_SECTIONS_MAX] = {
        [MODERN_COMMON] = {.bar = 0, .offset = 0, .length = MODERN_COMMON_BYTES},
        [MODERN_NOTIFY] = {.bar = 0, .offset = NOTIFY_AT, .length = 4},
        [MODERN_DEVICE] = {.bar = 0, .offset = DEVICE_AT, .length = 16},
    };
    const uint64_t bars[PCI_BARS] = {BAR_BASE};
    const struct direct_memory block = {r->memory, {BUS_BASE}, r->memory_bytes};

    r->register_ops = registers_direct_init(&r->own->registers, &r->platform, 0x20, bars, false);
    r->author_ops = author_direct_init(&r->own->author, &r->own->registers, block);
    (void)r->register_ops.ops->open(r->register_ops.ctx, &virtio_net_modern_table, windows);
    queue_up(r);
    if (r->author_ops.ops->buffer_create(r->author_ops.ctx, r->config.size * RING_STRIDE, DMA_FROM_DEVICE,
                                         &r->own->buffer) != PROVIDER_OK)
        xp_violate(&r->world, XP_P4, "no room for %u buffers", r->config.size);
    ASSERT(r->own->buffer.cpu == r->memory + r->buffers);
    poison_free(r);
}

static void ring_start(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);

    memset(r->memory, 0, r->memory_bytes);
    memset(r->own, 0, r->driver.private_memory.bytes);
    memset(&r->call, 0, sizeof r->call);
    memset(&r->queue_state, 0, sizeof r->queue_state);
    r->driver.running = false;
    r->driver.immediate = true;
    xp_driver_current = &r->driver;
    xp_order_forget(&r->driver.order);
    bring_up(r);
    r->driver.immediate = false;
    traffic(r);
}

static void ring_show(const struct xp_world *w, char *line, size_t bytes)
{
    const struct ring_world *r = (const struct ring_world *)(const void *)w;
    const struct xp_queue_state *s = &r->queue_state;
    static const char *const moods[] = {"awake", "looking", "asleep"};

    snprintf(line, bytes,
             "driver: avail %u used %u free %u out %u%s | device: sees %u fetched %u done %u shown %u holds %u %s%s "
             "| waiting %u",
             r->own->author.queues[0].ring.avail_idx, r->own->queue.used_seen, r->own->queue.free_count,
             r->own->queue.in_flight, r->own->queue.broken ? " BROKEN" : "", s->exposed, s->fetched, s->used_next,
             s->used_shown, s->flight, moods[s->mood], s->kicked ? " kicked" : "", r->order_state.waiting);
}

/* The last three regions: stores waiting, earlier values, the call; without a memory order only the call. */
static size_t live(const struct xp_world *w, uint32_t region)
{
    const struct ring_world *r = (const struct ring_world *)(const void *)w;

    if (region + 1u == w->region_count)
        return xp_call_bytes(&r->call);
    if (region + 2u == w->region_count)
        return r->order_state.old_count * sizeof r->order_state.old[0];
    return r->order_state.waiting * sizeof r->order_state.stores[0];
}

static const struct xp_world_ops ring_ops = {
    .name = "ring",
    .start = ring_start,
    .step = ring_step,
    .heal = ring_heal,
    .fingerprint = ring_fingerprint,
    .show = ring_show,
    .live = live,
};

static const struct xp_driver_ops driver_ops = {
    .run = run_call,
    .registers = register_access,
    .turn = turn,
    .place = place,
};

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
    if (r->config.model != XP_SEQUENTIAL) {
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
    if (!r->memory || !r->own || !r->device.slots || !r->scribbled)
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
    r->world.ops = &ring_ops;
    r->world.unrenamed = config->unrenamed;
    r->world.unrebased = config->unrebased;
    ASSERT(split_layout_for(config->size, SPLIT_ALIGN_MODERN, &r->layout));
    if (!allocate(r)) {
        ring_world_free(r);
        return NULL;
    }
    r->platform = (struct platform){.ctx = r, .read = door_read, .write = door_write};
    r->driver.ops = &driver_ops;
    r->driver.world = &r->world;
    r->driver.call = &r->call;
    r->driver.order = (struct xp_order){.world = &r->world, .state = &r->order_state, .memory = r->memory,
                                        .bytes = r->memory_bytes, .model = config->model, .ctx = r, .seen = seen,
                                        .hidden = hidden, .place = place_of};
    r->device = (struct xp_queue){.world = &r->world, .order = &r->driver.order, .state = &r->queue_state,
                                  .slots = r->device.slots, .flight = r->device.flight,
                                  /* without lies memory says the same */
                                  .written = config->lies_max > 0 ? r->scribbled : r->memory, .size = config->size,
                                  .desc = 0, .driver = r->layout.driver_offset, .device = r->layout.device_offset,
                                  .bus = BUS_BASE, .buffers = r->buffers,
                                  .buffers_end = r->buffers + config->size * RING_STRIDE, .stride = RING_STRIDE,
                                  .suppress = config->suppress, .short_writes = config->short_writes,
                                  .in_order = config->in_order, .lies_max = config->lies_max,
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
    free(r);
}
