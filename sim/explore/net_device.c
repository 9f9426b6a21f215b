/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves of the network device, and what it shares with its registers (net_registers.c). */
#include "sim/explore/net_registers.h"

#include <stdio.h>
#include <string.h>

#include "abi/assert.h"

#define PAGE 4096u

uint32_t xp_net_header_bytes(const struct xp_net *n)
{
    return n->legacy ? 10u : 12u;
}

/* A frame into a receive buffer: header, addresses, a number. Read back by the caller of the driver. */
static void fill(struct xp_queue *q, uint16_t head, uint32_t data, uint32_t length)
{
    struct xp_net *n = (struct xp_net *)(void *)((uint8_t *)q - offsetof(struct xp_net, queues));
    const uint32_t frame = data + xp_net_header_bytes(n);

    (void)head;
    (void)length;
    if (!n->legacy)
        xp_order_device_store(n->order, data + 10u, 2, 1); /* num_buffers (5.1.6.4.1) */
    xp_order_device_store(n->order, frame, 4, xp_payload(n->state->sequence));
    n->state->sequence = (uint8_t)((n->state->sequence + 1u) % XP_NET_SEQUENCE);
}

void xp_net_bind(struct xp_net *n)
{
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        struct xp_queue *q = &n->queues[i];
        const struct xp_net_ring *ring = &n->state->rings[i];

        q->state = &n->queue_states[i];
        q->size = ring->enabled ? ring->size : n->size;
        q->desc = (uint32_t)(ring->desc - n->bus);
        q->driver = (uint32_t)(ring->driver - n->bus);
        q->device = (uint32_t)(ring->device - n->bus);
    }
}

void xp_net_power_on(struct xp_net *n)
{
    memset(n->state, 0, sizeof *n->state);
    n->state->link = 1;
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        struct xp_queue *q = &n->queues[i];

        memset(&n->queue_states[i], 0, sizeof n->queue_states[i]);
        q->world = n->world;
        q->order = n->order;
        q->size = n->size;
        q->bus = n->bus;
        q->buffers = n->buffers;
        q->buffers_end = n->memory_bytes;
        q->stride = 2048u;
        q->fill = i == 0 ? fill : NULL;
        q->fills = i == 0 ? xp_net_header_bytes(n) + XP_NET_FRAME : 0;
        q->state = &n->queue_states[i];
        xp_queue_reset(q);
    }
}

uint32_t xp_net_lies(const struct xp_net *n)
{
    return (uint32_t)n->state->lies + n->queue_states[0].lies + n->queue_states[1].lies;
}

/* The ring lies in shared memory, aligned (2.7.1). */
static bool inside(const struct xp_net *n, uint64_t address, uint32_t bytes, uint32_t align)
{
    return address >= n->bus && address + bytes <= n->bus + n->buffers && address % align == 0;
}

void xp_net_enable_queue(struct xp_net *n, uint32_t index)
{
    struct xp_net_ring *ring = &n->state->rings[index];
    const uint32_t size = ring->size;

    if (size == 0 || size > n->size * 2u)
        xp_violate(n->world, XP_P8, "queue %u is enabled with a size of %u", index, size);
    if (!inside(n, ring->desc, 16u * size, 16) || !inside(n, ring->driver, 6u + 2u * size, 2) ||
        !inside(n, ring->device, 6u + 8u * size, 4))
        xp_violate(n->world, XP_P10, "queue %u is enabled with areas at 0x%llx, 0x%llx, 0x%llx", index,
                   (unsigned long long)ring->desc, (unsigned long long)ring->driver,
                   (unsigned long long)ring->device);
    ring->enabled = 1;
    xp_net_bind(n);
    xp_queue_reset(&n->queues[index]);
    for (uint32_t i = 0; i < size; i++)
        xp_order_put(n->order, n->queues[index].device + 4u + 8u * i, 8, XP_POISON64);
    if (xp_order_peek(n->order, n->queues[index].device, 4) != 0)
        xp_violate(n->world, XP_P8, "queue %u is enabled with a used ring that is not zero", index);
    xp_queue_enable(&n->queues[index]);
    n->queues[index].state->mood = XP_ASLEEP;
}

/* Everything it held is the driver's again. */
void xp_net_reset_done(struct xp_net *n)
{
    struct xp_net_state *s = n->state;

    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        xp_queue_reset(&n->queues[i]);
        s->rings[i] = (struct xp_net_ring){0};
    }
    s->shown = s->accepted = 0;
    s->offer_half = s->accept_half = 0;
    s->selected = 0;
    s->sent = s->delivered = 0;
    s->sequence = 0;
    s->status = 0;
    s->resetting = 0;
    s->reset_left = 0;
    s->failed = 0;
}

bool xp_net_quiet(const struct xp_net *n)
{
    /* A reset that is not confirmed leaves the rings as they were; without rings there is nothing to reach.
     */
    return n->state->removed || (!n->state->rings[0].enabled && !n->state->rings[1].enabled);
}

static bool running(const struct xp_net *n)
{
    return !n->state->removed && (n->state->status & 0xc4u) == 4u;
}

void xp_net_seen(struct xp_net *n, uint32_t offset, uint8_t width, uint64_t value)
{
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        struct xp_queue *q = &n->queues[i];

        if (n->state->rings[i].enabled && offset >= q->desc && offset < q->device + 6u + 8u * q->size)
            xp_queue_seen(q, offset, width, value);
    }
}

void xp_net_loaded(struct xp_net *n, uint32_t offset, uint32_t value)
{
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        struct xp_queue *q = &n->queues[i];
        const uint32_t elements = q->device + 4u;

        if (n->state->rings[i].enabled && offset >= elements && offset < elements + 8u * q->size &&
            (offset - elements) % 8u == 0)
            xp_queue_let_go(q, value);
    }
}

bool xp_net_hidden(const struct xp_net *n, uint32_t offset)
{
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        const struct xp_queue *q = &n->queues[i];

        if (n->state->rings[i].enabled && offset >= q->desc && offset < q->device + 6u + 8u * q->size)
            return xp_queue_hidden(q, offset);
    }
    return true;
}

bool xp_net_place(const struct xp_net *n, uint32_t offset, char *text, size_t bytes)
{
    static const char *const names[XP_NET_QUEUES] = {"rx ", "tx "};

    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        const int used = snprintf(text, bytes, "%s", names[i]);

        if (n->state->rings[i].enabled && offset < n->queues[i].buffers &&
            xp_queue_place(&n->queues[i], offset, text + used, bytes - (size_t)used))
            return true;
    }
    return false;
}

/* Receive buffers are filled while there are frames to deliver; transmit chains always complete. */
static bool may_complete(const struct xp_net *n, uint32_t queue)
{
    return queue != 0 || n->state->delivered < n->frames_max;
}

static uint32_t queue_moves(struct xp_net *n, uint32_t index)
{
    struct xp_queue *q = &n->queues[index];

    if (!running(n) || !n->state->rings[index].enabled)
        return 0;
    q->lies_max = (uint8_t)(q->state->lies + n->lies_max - xp_net_lies(n));
    q->idle = !may_complete(n, index);
    return xp_queue_moves(q);
}

static void queue_move(struct xp_net *n, uint32_t index, uint32_t which)
{
    const uint16_t before = n->queues[index].state->used_next;

    xp_queue_move(&n->queues[index], which);
    if (index == 0)
        n->state->delivered =
            (uint16_t)(n->state->delivered + (uint16_t)(n->queues[0].state->used_next - before));
}

static uint32_t lie_moves(const struct xp_net *n)
{
    uint32_t count = 0;

    if (xp_net_lies(n) >= n->lies_max || n->state->removed)
        return 0;
    for (uint32_t kind = 0; kind < XP_NET_LIE_COUNT; kind++) {
        if ((n->lie_kinds & 1u << kind) && !(n->state->armed & 1u << kind))
            count += xp_net_lie_values((enum xp_net_lie)kind);
    }
    return count;
}

static void arm_lie(struct xp_net *n, uint32_t which)
{
    for (uint32_t kind = 0; kind < XP_NET_LIE_COUNT; kind++) {
        if (!(n->lie_kinds & 1u << kind) || (n->state->armed & 1u << kind))
            continue;
        if (which >= xp_net_lie_values((enum xp_net_lie)kind)) {
            which -= xp_net_lie_values((enum xp_net_lie)kind);
            continue;
        }
        n->state->lies++;
        n->state->armed = (uint8_t)(n->state->armed | 1u << kind);
        n->state->variant[kind] = (uint8_t)which;
        xp_note(n->world, XP_LANE_DEVICE, "LIE: will be told of kind %u, value %u", kind, which);
        return;
    }
    ASSERT(false);
}

static bool may_event(const struct xp_net *n, enum xp_net_event event)
{
    const struct xp_net_state *s = n->state;

    if (!(n->event_kinds & 1u << event) || s->removed || s->events >= n->events_max)
        return false;
    return event == XP_NET_REMOVED || (s->status & 4u) != 0;
}

static void happen(struct xp_net *n, enum xp_net_event event)
{
    static const char *const names[] = {"the link changes", "asks for a reset", "resets itself", "is pulled"};
    struct xp_net_state *s = n->state;

    xp_note(n->world, XP_LANE_DEVICE, "%s", names[event]);
    s->events++;
    switch (event) {
    case XP_NET_LINK:
        s->link = !s->link;
        s->generation++;
        break;
    case XP_NET_NEEDS_RESET:
        s->status |= 0x40u;
        break;
    case XP_NET_SELF_RESET:
        xp_net_reset_done(n);
        break;
    case XP_NET_REMOVED:
        xp_net_reset_done(n);
        s->removed = 1;
        break;
    case XP_NET_EVENT_COUNT:
        break;
    }
}

uint32_t xp_net_moves(struct xp_net *n)
{
    uint32_t moves = queue_moves(n, 0) + queue_moves(n, 1) + lie_moves(n);

    for (uint32_t e = 0; e < XP_NET_EVENT_COUNT; e++)
        moves += may_event(n, (enum xp_net_event)e);
    return moves;
}

void xp_net_move(struct xp_net *n, uint32_t which)
{
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        const uint32_t moves = queue_moves(n, i);

        if (which < moves) {
            queue_move(n, i, which);
            return;
        }
        which -= moves;
    }
    for (uint32_t e = 0; e < XP_NET_EVENT_COUNT; e++) {
        if (may_event(n, (enum xp_net_event)e) && which-- == 0) {
            happen(n, (enum xp_net_event)e);
            return;
        }
    }
    arm_lie(n, which);
}

static bool go_on(struct xp_net *n, bool silent)
{
    if (!running(n))
        return false;
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        const uint16_t before = n->queue_states[i].used_next;

        n->queues[i].idle = i == 0 && (silent || !may_complete(n, 0));
        if (!n->state->rings[i].enabled || !xp_queue_heal(&n->queues[i]))
            continue;
        if (i == 0)
            n->state->delivered =
                (uint16_t)(n->state->delivered + (uint16_t)(n->queue_states[0].used_next - before));
        return true;
    }
    return false;
}

bool xp_net_heal(struct xp_net *n)
{
    return go_on(n, true);
}

bool xp_net_deliver(struct xp_net *n)
{
    return go_on(n, false);
}
