/* SPDX-License-Identifier: BSD-2-Clause */
/* World `ring`: the caller's three operations, who may act, and how it all comes to rest. The caller is the
 * explorer's own; what it calls is the provider's. */
#include "sim/explore/ring_parts.h"

#include <stdio.h>
#include <string.h>

#include "abi/assert.h"
#include "provider/tables.h"

#define READ_OFFSET 16u
#define READ_BYTES  8u
#define STATUS_AT   20u

/* registers and bells */

static uint32_t register_access(struct xp_driver *d, const struct xp_access *a)
{
    struct ring_world *r = ring_of(d->world);
    const uint64_t at = a->address - RING_BAR;

    if (a->kind == XP_ACCESS_REGISTER_READ)
        return at == STATUS_AT ? r->status : 0;
    if (at == RING_NOTIFY_AT)
        xp_queue_kick(&r->device);
    else if (at == STATUS_AT)
        r->status = (uint8_t)a->value;
    if (at == STATUS_AT && a->value == 0)
        xp_queue_reset(&r->device);
    return 0;
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

void ring_poison_free(struct ring_world *r)
{
    for (uint16_t i = 0; i < r->config.size && r->config.size <= RING_POISON_SLOTS; i++) {
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

    if (q->size > RING_POISON_SLOTS)
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
        xp_violate(&r->world, XP_P4,
                   "%u slots listed free, %u counted free, %u in %u chains, %u counted: %u in all", listed,
                   q->free_count, chained, heads, q->in_flight, q->size);
}

static void fill_chain(struct ring_world *r, struct author_segment *s, enum ring_chain kind)
{
    const uint64_t buffer = r->own->buffer.handle;
    struct author_segment writable = {
        .buffer = buffer, .length = XP_BUFFER_BYTES, .direction = DMA_FROM_DEVICE};
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
        if (error == PROVIDER_E_FULL && free < count) {
            xp_mark(&r->world, XP_M_POST_FULL);
            break;
        }
        if (error != PROVIDER_OK)
            xp_violate(&r->world, XP_P3, "a chain of %u is refused with %u slots free", count, free);
        if (free < count)
            xp_violate(&r->world, XP_P1, "a chain of %u is taken with %u slots free", count, free);
        place_chain(&segments[used], count);
        xp_mark(&r->world, XP_M_POST_WRITABLE + (unsigned)kind);
    }
    r->posted += used;
    if (used > 0 && r->author_ops.ops->publish(r->author_ops.ctx, &q->ring, segments, used) != PROVIDER_OK)
        xp_violate(&r->world, XP_P3, "the author refuses a publication");
    conserved(r);
}

/* What was taken must be what an honest device wrote; of a liar it must be within what was posted. */
static void judge_taken(struct ring_world *r, const struct virtq_done *done, uint32_t id, uint32_t length,
                        uint32_t posted)
{
    uint32_t payload = 0;

    if (done->cookie >= r->config.size || done->written > posted)
        xp_violate(&r->world, XP_I7, "%u bytes are delivered for buffer %u, %u were posted", done->written,
                   done->cookie, posted);
    /* Whether it loads must follow from what the call read: the call is run again after a lie was told. */
    if (done->written > 0)
        payload = ring_load32(r->memory + r->buffers + RING_STRIDE * done->cookie).untrusted;
    if (r->queue_state.lies > 0)
        return;
    if (done->cookie != id || done->written != length)
        xp_violate(&r->world, XP_P7, "buffer %u with %u bytes is delivered, the device gave %u with %u",
                   done->cookie, done->written, id, length);
    if (length > 0 && payload != xp_payload(id))
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
        const uint32_t length =
            (uint32_t)xp_order_peek(&r->driver.order, element_at(r, q->used_seen) + 4u, 4);
        const uint32_t posted = id < r->config.size ? r->slots[id].writable : 0;
        struct virtq_done done;

        if (!virtq_take(q, &done, false))
            break;
        judge_taken(r, &done, id, length, r->queue_state.lies > 0 ? XP_BUFFER_BYTES : posted);
        cookies[taken] = done.cookie;
        xp_mark(&r->world, q->used_seen == 0 ? XP_M_WRAP : XP_M_REAP);
    }
    if (q->broken)
        xp_mark(&r->world, XP_M_FAULT_INDEX + (unsigned)q->first_fault - VIRTQ_FAULT_INDEX);
    for (uint16_t i = 0; i < taken && r->queue_state.lies > 0; i++)
        xp_queue_let_go(&r->device, cookies[i]);
    if (q->broken && r->queue_state.lies == 0)
        xp_violate(&r->world, XP_P7, "an honest device's completion is refused: %s",
                   virtq_fault_name(q->first_fault));
    for (uint16_t i = first; i != q->used_seen; i++)
        poison_element(r, i);
    ring_poison_free(r);
    conserved(r);
}

void ring_queue_up(struct ring_world *r)
{
    struct ring_private *own = r->own;
    struct provider_ring ring;

    const enum provider_error error =
        r->author_ops.ops->queue_create(r->author_ops.ctx, 0, r->config.size, 0, 1, &ring);
    if (error != PROVIDER_OK)
        xp_violate(&r->world, XP_P4, "the ring cannot be made again: error %d", error);
    virtq_init(&own->queue, &ring, r->slots);
    (void)r->register_ops.ops->write_address(r->register_ops.ctx, MODERN_QUEUE_DESC_LOW, &own->queue.ring);
    xp_queue_reset(&r->device);
    for (uint16_t i = 0; i < r->config.size; i++) {
        poison_element(r, i);
        xp_queue_put(&r->device, r->device.driver + 4u + 2u * i, 2, XP_POISON16);
    }
    ring_poison_free(r);
    xp_queue_enable(&r->device);
}

/* P5: both sides of a new ring begin at 0 (2.7.6, 2.7.8), with nothing out. */
static void begins_anew(struct ring_world *r)
{
    const struct virtq *q = &r->own->queue;
    const uint16_t avail = r->own->author.queues[0].ring.avail_idx;

    if (avail != 0 || q->used_seen != 0 || q->used_ready != 0 || q->broken)
        xp_violate(&r->world, XP_P5,
                   "after a reset the driver goes on at available index %u, used index %u, %u known", avail,
                   q->used_seen, q->used_ready);
    if (q->in_flight != 0)
        xp_violate(&r->world, XP_P4, "after a reset %u chains are out", q->in_flight);
    conserved(r);
}

/* Reset, confirmed; the ring goes and comes again. Nobody comes between: the device is at rest. */
static void reset(struct ring_world *r)
{
    const struct registers *registers = &r->register_ops;

    xp_note(&r->world, XP_LANE_DRIVER, "resets the queue");
    xp_mark(&r->world, XP_M_RESET);
    r->resets++;
    r->driver.immediate = true;
    (void)registers->ops->write(registers->ctx, MODERN_STATUS, 0, 0);
    (void)registers->ops->read(registers->ctx, MODERN_STATUS, 0);
    if (r->author_ops.ops->queue_destroy(r->author_ops.ctx, &r->own->queue.ring) != PROVIDER_OK)
        xp_violate(&r->world, XP_P4, "the ring is not given back after a confirmed reset");
    xp_order_forget(&r->driver.order);
    ring_queue_up(r);
    ASSERT(r->own->queue.ring.device_area == r->memory + r->layout.device_offset); /* where it was before */
    begins_anew(r);
    r->driver.immediate = false;
}

static void run_call(struct xp_driver *d, const struct xp_call *call)
{
    struct ring_world *r = ring_of(d->world);

    if (call->op == RING_POST)
        run_post(r, (enum ring_chain)call->arguments[0], call->arguments[1]);
    else
        run_reap(r, call->arguments[0] ? r->config.size : 1);
}

/* who acts */

static bool pick_actor(struct ring_world *r)
{
    if (r->swarm)
        ring_swarm_turn(r);
    const uint32_t flush = xp_order_ready(&r->driver.order) > 0;
    const uint32_t moves = xp_queue_moves(&r->device);
    uint32_t who = xp_choose_actor(&r->world, 1u + flush + moves);

    if (who == 0)
        return true;
    if (flush && who == 1)
        xp_order_flush(&r->driver.order,
                       xp_choose(&r->world, xp_order_ready(&r->driver.order), "order.flush"));
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
        xp_call_begin(&r->driver, RING_REAP, arguments);
        return;
    }
    for (uint32_t kind = op / r->config.batch_max; arguments[0] < RING_CHAIN_COUNT; arguments[0]++) {
        if (((uint32_t)r->config.chains >> arguments[0] & 1u) && kind-- == 0)
            break;
    }
    arguments[1] = (uint8_t)(1u + op % r->config.batch_max);
    xp_note(&r->world, XP_LANE_DRIVER, "call: post %u chains of kind %u", arguments[1], arguments[0]);
    xp_call_begin(&r->driver, RING_POST, arguments);
}

static enum xp_step ring_step(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);

    xp_driver_rest(&r->driver);
    r->driver.unattended = false;
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

    xp_driver_rest(&r->driver);
    r->driver.unattended = true; /* it is not asked who comes between */
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
        xp_call_begin(&r->driver, RING_REAP, take_all);
    } else if (r->own->queue.in_flight > 0) {
        if (r->queue_state.lies == 0)
            xp_violate(w, XP_P3,
                       "everything is at rest with %u chains out and %u available entries unfetched",
                       r->own->queue.in_flight, (uint16_t)(r->queue_state.exposed - r->queue_state.fetched));
        reset(r); /* what a liar lost or named early: only a reset helps */
    } else {
        return XP_HEAL_QUIET;
    }
    return XP_HEAL_ON;
}

/* for the driver, and for show */

static void place(struct xp_driver *d, uint32_t offset, char *text, size_t bytes)
{
    if (!xp_queue_place(&ring_of(d->world)->device, offset, text, bytes))
        snprintf(text, bytes, "offset %u", offset);
}

void ring_show(const struct xp_world *w, char *line, size_t bytes)
{
    const struct ring_world *r = (const struct ring_world *)(const void *)w;
    const struct xp_queue_state *s = &r->queue_state;
    static const char *const moods[] = {"awake", "looking", "asleep"};

    snprintf(line, bytes,
             "driver: avail %u used %u free %u out %u%s | device: sees %u fetched %u done %u shown %u holds "
             "%u %s%s "
             "| waiting %u",
             r->own->author.queues[0].ring.avail_idx, r->own->queue.used_seen, r->own->queue.free_count,
             r->own->queue.in_flight, r->own->queue.broken ? " BROKEN" : "", s->exposed, s->fetched,
             s->used_next, s->used_shown, s->flight, moods[s->mood], s->kicked ? " kicked" : "",
             r->order_state.waiting);
}

/* The last three regions: stores waiting, earlier values, the call; without a memory order only the call. */
size_t ring_live(const struct xp_world *w, uint32_t region)
{
    const struct ring_world *r = (const struct ring_world *)(const void *)w;

    if (region + 1u == w->region_count)
        return xp_call_bytes(&r->call);
    if (region + 2u == w->region_count)
        return r->order_state.old_count * sizeof r->order_state.old[0];
    return r->order_state.waiting * sizeof r->order_state.stores[0];
}

const struct xp_world_ops ring_ops = {
    .name = "ring",
    .start = ring_start,
    .step = ring_step,
    .heal = ring_heal,
    .fingerprint = ring_fingerprint,
    .show = ring_show,
    .live = ring_live,
};

/* P6: what a driver may read is the used ring, and the buffers; its own areas a liar has scribbled over. */
static void loaded(struct xp_driver *d, uint32_t offset, uint64_t value)
{
    const struct ring_world *r = ring_of(d->world);
    const uint32_t used = r->device.device;

    (void)value;
    if (!(offset >= used && offset < used + 4u + 8u * r->config.size) && offset < r->buffers)
        xp_violate(d->world, XP_P6, "offset %u is loaded, which is not in the used ring", offset);
}

const struct xp_driver_ops ring_driver_ops = {
    .run = run_call,
    .loaded = loaded,
    .registers = register_access,
    .turn = turn,
    .place = place,
};
