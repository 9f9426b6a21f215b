/* SPDX-License-Identifier: BSD-2-Clause */
/* Judging the driver's stores, and the honest moves. Trusts nothing that the driver wrote before it was
 * judged; after that its own record of chains, so that what it scribbled over itself does not count against
 * the driver. */
#include "sim/explore/queue.h"

#include <stdio.h>
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/queue_lies.h"

#define DESC_BYTES     16u
#define FLAG_NEXT      1u
#define FLAG_WRITE     2u
#define AVAIL_INDEX(q) ((q)->driver + 2u)
#define AVAIL_RING(q)  ((q)->driver + 4u)
#define USED_FLAGS(q)  ((q)->device)
#define USED_INDEX(q)  ((q)->device + 2u)
#define USED_RING(q)   ((q)->device + 4u)
#define NO_NOTIFY      1u

void xp_queue_reset(struct xp_queue *q)
{
    const uint8_t lies = q->state->lies;

    memset(q->state, 0, sizeof *q->state);
    memset(q->slots, 0, q->size * sizeof *q->slots);
    memset(q->flight, 0, q->size * sizeof *q->flight);
    q->state->lies = lies;
    q->state->mood = XP_ASLEEP;
}

void xp_queue_enable(struct xp_queue *q)
{
    memmove(q->written, q->order->memory + q->desc, xp_queue_written_bytes(q));
    q->state->enabled = 1;
}

void xp_queue_put(struct xp_queue *q, uint32_t offset, uint8_t width, uint64_t value)
{
    ASSERT(offset >= q->desc && offset + width <= q->desc + xp_queue_written_bytes(q));
    xp_store(q->written + (offset - q->desc), width, value);
    xp_order_put(q->order, offset, width, value);
}

static uint16_t mask(const struct xp_queue *q)
{
    return (uint16_t)(q->size - 1u);
}

/* One descriptor of a chain that has just become available. Returns its flags. */
static uint32_t judge_descriptor(struct xp_queue *q, uint16_t slot, struct xp_slot *head, bool *wrote)
{
    const uint32_t at = q->desc + slot * DESC_BYTES;
    const uint64_t address = xp_queue_written(q, at, 8);
    const uint32_t length = (uint32_t)xp_queue_written(q, at + 8, 4);
    const uint32_t flags = (uint32_t)xp_queue_written(q, at + 12, 2);
    const uint64_t first = q->bus + q->buffers;
    const uint64_t end = q->bus + q->buffers_end;

    if (address == XP_POISON64 || (address == 0 && length == 0))
        xp_violate(q->world, XP_P2, "descriptor %u is not written although its entry is available", slot);
    if (flags & ~(FLAG_NEXT | FLAG_WRITE))
        xp_violate(q->world, XP_P2, "descriptor %u has flags 0x%x", slot, flags);
    if (length == 0 || address < first || address >= end || length > end - address)
        xp_violate(q->world, XP_P10, "descriptor %u points at 0x%llx, %u bytes: outside every buffer", slot,
                   (unsigned long long)address, length);
    if (*wrote && !(flags & FLAG_WRITE))
        xp_violate(q->world, XP_I19, "descriptor %u: a readable one after a writable one", slot);
    if (flags & FLAG_WRITE) {
        if (!*wrote)
            head->data = (uint32_t)(address - q->bus);
        *wrote = true;
        head->writable += length;
    }
    return flags;
}

static void judge_chain(struct xp_queue *q, uint16_t entry)
{
    const uint16_t head = (uint16_t)xp_queue_written(q, AVAIL_RING(q) + 2u * (entry & mask(q)), 2);
    uint16_t slot = head;
    struct xp_slot shape = {0};
    bool wrote = false;
    uint8_t count = 0;

    if (head == XP_POISON16 && q->size < XP_POISON16)
        xp_violate(q->world, XP_P2, "available entry %u is not written although the index covers it",
                   entry & mask(q));
    if (head >= q->size)
        xp_violate(q->world, XP_P2, "available entry %u names descriptor %u of %u", entry & mask(q), head,
                   q->size);
    for (uint32_t flags = FLAG_NEXT; flags & FLAG_NEXT;) {
        if (q->slots[slot].holder != XP_DRIVERS)
            xp_violate(q->world, XP_P1, "descriptor %u is made available while the device has it", slot);
        if (count++ == q->size)
            xp_violate(q->world, XP_I19, "the chain at %u is longer than its queue", head);
        flags = judge_descriptor(q, slot, &shape, &wrote);
        q->slots[slot].holder = XP_EXPOSED;
        q->slots[slot].head = slot == head;
        if (!(flags & FLAG_NEXT))
            break;
        q->slots[slot].next = (uint16_t)xp_queue_written(q, q->desc + slot * DESC_BYTES + 14u, 2);
        slot = q->slots[slot].next;
        if (slot >= q->size)
            xp_violate(q->world, XP_I19, "the chain at %u goes on at %u of %u", head, slot, q->size);
    }
    q->slots[head].writable = shape.writable;
    q->slots[head].data = shape.data;
    q->slots[head].count = count;
}

static void index_seen(struct xp_queue *q, uint16_t index)
{
    struct xp_queue_state *s = q->state;
    const uint16_t advance = (uint16_t)(index - s->exposed);

    /* 2.7.6.1: never backwards; and never past what was completed. */
    if (advance > q->size || (s->lies == 0 && (uint16_t)(index - s->used_next) > q->size))
        xp_violate(q->world, XP_P5, "the available index goes from %u to %u, %u of %u being out", s->exposed,
                   index, (uint16_t)(s->exposed - s->used_next), q->size);
    for (uint16_t i = 0; i < advance; i++)
        judge_chain(q, (uint16_t)(s->exposed + i));
    s->exposed = index;
}

static bool entry_exposed(const struct xp_queue *q, uint32_t entry)
{
    const uint16_t ahead = (uint16_t)((entry - q->state->fetched) & mask(q));

    /* Once it gave a chain back unfetched, it cannot blame the driver for using the entry. */
    if (q->state->voids > 0)
        return false;
    return ahead < (uint16_t)(q->state->exposed - q->state->fetched);
}

bool xp_queue_hidden(const struct xp_queue *q, uint32_t offset)
{
    if (!q->state->enabled)
        return true;
    if (offset >= q->desc && offset < q->desc + q->size * DESC_BYTES)
        return q->slots[(offset - q->desc) / DESC_BYTES].holder == XP_DRIVERS;
    if (offset >= AVAIL_RING(q) && offset < AVAIL_RING(q) + 2u * q->size)
        return !entry_exposed(q, (offset - AVAIL_RING(q)) / 2u);
    return false;
}

void xp_queue_seen(struct xp_queue *q, uint32_t offset, uint8_t width, uint64_t value)
{
    if (!q->state->enabled)
        return;
    if (offset >= q->desc && offset + width <= q->desc + xp_queue_written_bytes(q))
        xp_store(q->written + (offset - q->desc), width, value);
    if (offset == AVAIL_INDEX(q) && width == 2)
        index_seen(q, (uint16_t)value);
    else if (offset >= q->desc && offset < q->desc + q->size * DESC_BYTES &&
             q->slots[(offset - q->desc) / DESC_BYTES].holder != XP_DRIVERS)
        xp_violate(q->world, XP_P1, "descriptor %u is written while the device has it",
                   (offset - q->desc) / DESC_BYTES);
    else if (offset >= AVAIL_RING(q) && offset < AVAIL_RING(q) + 2u * q->size &&
             entry_exposed(q, (offset - AVAIL_RING(q)) / 2u))
        xp_violate(q->world, XP_P1, "available entry %u is written while the device has it",
                   (offset - AVAIL_RING(q)) / 2u);
    else if (offset >= q->device && offset < USED_RING(q) + 8u * q->size)
        xp_violate(q->world, XP_P1, "the driver writes the used ring at offset %u", offset - q->device);
}

void xp_queue_kick(struct xp_queue *q)
{
    /* A bell while it is awake tells it nothing: it looks again before it sleeps. */
    if (q->state->enabled && q->state->mood != XP_AWAKE)
        q->state->kicked = 1;
}

static uint16_t waiting(const struct xp_queue *q)
{
    return (uint16_t)(q->state->exposed - q->state->fetched);
}

static uint64_t flags_now(const struct xp_queue *q)
{
    return xp_order_peek(q->order, USED_FLAGS(q), 2);
}

static bool waits(const struct xp_queue *q, uint16_t slot)
{
    return q->slots[slot].holder == XP_EXPOSED && q->slots[slot].head;
}

static void fetch(struct xp_queue *q)
{
    struct xp_queue_state *s = q->state;
    const uint32_t at = AVAIL_RING(q) + 2u * (s->fetched & mask(q));
    uint16_t head = (uint16_t)xp_queue_written(q, at, 2);

    s->fetched++;
    if (head < q->size && waits(q, head)) {
        xp_queue_put(q, at, 2, XP_POISON16); /* consumed */
    } else {
        /* It gave the chain back unfetched: any other that waits, if there is one. */
        ASSERT(s->voids > 0);
        for (head = 0; head < q->size && !waits(q, head); head++)
            ;
        if (head == q->size)
            return;
    }
    for (uint16_t i = 0, slot = head; i < q->slots[head].count; i++, slot = q->slots[slot].next)
        q->slots[slot].holder = XP_FETCHED;
    q->flight[s->flight++] = head;
    xp_note(q->world, XP_LANE_DEVICE, "fetches the chain at descriptor %u", head);
}

void xp_queue_element(struct xp_queue *q, uint16_t at, uint32_t id, uint32_t length)
{
    const uint32_t offset = USED_RING(q) + 8u * (at & mask(q));

    xp_order_device_store(q->order, offset, 4, id);
    xp_order_device_store(q->order, offset + 4, 4, length);
}

void xp_queue_void(struct xp_queue *q, uint16_t head)
{
    const uint8_t count = q->slots[head].count;

    for (uint16_t i = 0, slot = head; i < count; i++) {
        const uint16_t next = q->slots[slot].next;

        q->slots[slot] = (struct xp_slot){0};
        slot = next;
    }
}

void xp_queue_give_back(struct xp_queue *q, uint32_t which)
{
    xp_queue_void(q, q->flight[which]);
    q->state->flight--;
    memmove(&q->flight[which], &q->flight[which + 1u], (q->state->flight - which) * sizeof *q->flight);
    q->flight[q->state->flight] = 0;
}

void xp_queue_complete(struct xp_queue *q, uint32_t which, uint32_t length)
{
    const uint16_t head = q->flight[which];
    const uint32_t data = q->slots[head].data;

    xp_mark(q->world, length < q->slots[head].writable ? XP_M_COMPLETE_SHORT : XP_M_COMPLETE);
    /* 2.7.8.2: the bytes, then the element, then the index. */
    if (q->slots[head].writable > 0 && length > 0 && q->fill)
        q->fill(q, head, data, length);
    else if (q->slots[head].writable > 0 && length > 0)
        xp_order_device_store(q->order, data, 4, xp_payload(head));
    xp_queue_element(q, q->state->used_next, head, length);
    q->state->used_next++;
    xp_queue_give_back(q, which);
    xp_note(q->world, XP_LANE_DEVICE, "completes descriptor %u, length %u", head, length);
}

void xp_queue_let_go(struct xp_queue *q, uint32_t id)
{
    if (id >= q->size || q->slots[id].holder == XP_DRIVERS || !q->slots[id].head)
        return;
    for (uint32_t i = 0; i < q->state->flight; i++) {
        if (q->flight[i] == id) {
            xp_queue_give_back(q, i);
            return;
        }
    }
    xp_queue_void(q, (uint16_t)id);
    q->state->voids = 1;
}

void xp_queue_show_index(struct xp_queue *q)
{
    q->state->used_shown = q->state->used_next;
    q->state->index_lie = 0;
    xp_order_device_store(q->order, USED_INDEX(q), 2, q->state->used_shown);
    xp_note(q->world, XP_LANE_DEVICE, "used index becomes %u", q->state->used_shown);
}

static void set_flags(struct xp_queue *q, uint16_t value)
{
    xp_order_device_store(q->order, USED_FLAGS(q), 2, value);
    xp_note(q->world, XP_LANE_DEVICE, value ? "asks for no bells" : "asks for bells");
}

/* What an honest device writes into the chain when it does not write less. */
static uint32_t filled(const struct xp_queue *q, uint16_t head)
{
    const uint32_t writable = q->slots[head].writable;

    return q->fills != 0 && q->fills < writable ? q->fills : writable;
}

/* Lengths that an honest device may report for the chain: what fills it, or 1 byte. */
static uint32_t lengths(const struct xp_queue *q, uint16_t head)
{
    return q->short_writes && q->slots[head].writable > 1 ? 2 : 1;
}

enum honest { FETCH, SHOW, QUIET_ON, QUIET_OFF, LOOK, WAKE, HONEST_COUNT };

static bool may(const struct xp_queue *q, enum honest move)
{
    const struct xp_queue_state *s = q->state;

    switch (move) {
    case FETCH:
        return s->mood == XP_AWAKE && waiting(q) > 0;
    case SHOW:
        return s->used_next != s->used_shown || s->index_lie;
    case QUIET_ON:
        return q->suppress && s->mood == XP_AWAKE && flags_now(q) == 0;
    case QUIET_OFF: /* on its way to sleep */
        return s->mood == XP_AWAKE;
    case LOOK:
        return s->mood == XP_CHECKING;
    case WAKE:
        return s->mood == XP_ASLEEP && s->kicked;
    case HONEST_COUNT:
        break;
    }
    return false;
}

static void act(struct xp_queue *q, enum honest move)
{
    struct xp_queue_state *s = q->state;

    _Static_assert(XP_M_FETCH + (unsigned)HONEST_COUNT == XP_M_COMPLETE, "marks are in the order of moves");
    xp_mark(q->world, XP_M_FETCH + (unsigned)move);
    switch (move) {
    case FETCH:
        fetch(q);
        break;
    case SHOW:
        xp_queue_show_index(q);
        break;
    case QUIET_ON:
        set_flags(q, NO_NOTIFY);
        break;
    case QUIET_OFF:
        if (flags_now(q) != 0)
            set_flags(q, 0);
        s->mood = XP_CHECKING;
        break;
    case LOOK: /* after its own full barrier: what became available meanwhile is seen */
        s->mood = waiting(q) > 0 || s->kicked ? XP_AWAKE : XP_ASLEEP;
        s->kicked = 0;
        xp_note(q->world, XP_LANE_DEVICE,
                s->mood == XP_AWAKE ? "looks again: there is work" : "goes to sleep");
        break;
    case WAKE:
        s->kicked = 0;
        s->mood = XP_AWAKE;
        xp_note(q->world, XP_LANE_DEVICE, "wakes at the bell");
        break;
    case HONEST_COUNT:
        break;
    }
}

/* Chains in flight that it may complete next. */
static uint16_t open_chains(const struct xp_queue *q)
{
    if (q->idle || q->state->flight == 0)
        return 0;
    return q->in_order ? 1 : q->state->flight;
}

static uint32_t completions(const struct xp_queue *q)
{
    uint32_t moves = 0;

    for (uint16_t i = 0; i < open_chains(q); i++)
        moves += lengths(q, q->flight[i]);
    return moves;
}

uint32_t xp_queue_moves(const struct xp_queue *q)
{
    uint32_t moves = 0;

    if (!q->state->enabled)
        return 0;
    for (unsigned m = 0; m < HONEST_COUNT; m++)
        moves += may(q, (enum honest)m);
    return moves + completions(q) + xp_can_lie(q);
}

void xp_queue_move(struct xp_queue *q, uint32_t which)
{
    for (unsigned m = 0; m < HONEST_COUNT; m++) {
        if (may(q, (enum honest)m) && which-- == 0) {
            act(q, (enum honest)m);
            return;
        }
    }
    for (uint16_t i = 0; i < open_chains(q); i++) {
        const uint32_t kinds = lengths(q, q->flight[i]);

        if (which < kinds) {
            xp_queue_complete(q, i, which == 0 ? filled(q, q->flight[i]) : 1u);
            return;
        }
        which -= kinds;
    }
    xp_lie(q); /* which one is a choice of its own */
}

bool xp_queue_heal(struct xp_queue *q)
{
    static const enum honest order[] = {WAKE, FETCH, LOOK};

    if (!q->state->enabled)
        return false;
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
        if (may(q, order[i])) {
            act(q, order[i]);
            return true;
        }
    }
    if (open_chains(q) > 0)
        xp_queue_complete(q, 0, filled(q, q->flight[0]));
    else if (may(q, SHOW))
        act(q, SHOW);
    else if (may(q, QUIET_OFF))
        act(q, QUIET_OFF);
    else
        return false;
    return true;
}

bool xp_queue_place(const struct xp_queue *q, uint32_t offset, char *text, size_t bytes)
{
    if (offset >= q->desc && offset < q->desc + q->size * DESC_BYTES)
        snprintf(text, bytes, "desc[%u].%s", (offset - q->desc) / DESC_BYTES,
                 (offset - q->desc) % DESC_BYTES == 0 ? "address" : "length,flags,next");
    else if (offset == q->driver)
        snprintf(text, bytes, "avail.flags");
    else if (offset == AVAIL_INDEX(q))
        snprintf(text, bytes, "avail.idx");
    else if (offset >= AVAIL_RING(q) && offset < AVAIL_RING(q) + 2u * q->size)
        snprintf(text, bytes, "avail.ring[%u]", (offset - AVAIL_RING(q)) / 2u);
    else if (offset == USED_FLAGS(q))
        snprintf(text, bytes, "used.flags");
    else if (offset == USED_INDEX(q))
        snprintf(text, bytes, "used.idx");
    else if (offset >= USED_RING(q) && offset < USED_RING(q) + 8u * q->size)
        snprintf(text, bytes, "used.ring[%u].%s", (offset - USED_RING(q)) / 8u,
                 (offset - USED_RING(q)) % 8u == 0 ? "id" : "len");
    else if (offset >= q->buffers && offset < q->buffers_end)
        snprintf(text, bytes, "buffer[%u]", (offset - q->buffers) / q->stride);
    else
        return false;
    return true;
}
