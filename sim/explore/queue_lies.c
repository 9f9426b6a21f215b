/* SPDX-License-Identifier: BSD-2-Clause */
/* The lies, kind by kind. Each lie costs one of the budget; the values are those of the bounds in
 * docs/exploring.md. */
#include "sim/explore/queue_lies.h"

#include "abi/assert.h"

#define USED_FLAGS(q) ((q)->device)
#define USED_INDEX(q) ((q)->device + 2u)

static const uint32_t bad_lengths[] = {0, 1, XP_BUFFER_BYTES, XP_BUFFER_BYTES + 1u, 0xffff, 0xffffffffu};
static const uint16_t bad_flags[] = {0, 1, 0xffff};

/* used.idx: 1, 2, size, size + 1 and -1 beyond what is true; 0; 0xffff. */
static uint16_t index_lie(const struct xp_queue *q, uint32_t which)
{
    const uint16_t away[] = {1, 2, q->size, (uint16_t)(q->size + 1u), 0xffff};

    if (which < 5)
        return (uint16_t)(q->state->used_shown + away[which]);
    return which == 5 ? 0 : 0xffff;
}

/* Element ids: each slot, in flight or not; then size, 0xffff, all ones. */
static uint32_t id_lies(const struct xp_queue *q)
{
    return q->size + 3u;
}

static uint32_t id_lie(const struct xp_queue *q, uint32_t which)
{
    if (which < q->size)
        return which;
    return which == q->size ? q->size : which == q->size + 1u ? 0xffffu : 0xffffffffu;
}

static uint32_t lies_of(const struct xp_queue *q, enum xp_lie kind)
{
    const bool room = (uint16_t)(q->state->used_next - q->state->used_shown) < q->size;

    if ((q->lie_kinds & 1u << kind) == 0)
        return 0;
    switch (kind) {
    case XP_LIE_INDEX:
        return 7;
    case XP_LIE_ID:
        return room ? id_lies(q) : 0;
    case XP_LIE_LENGTH:
        return (q->idle ? 0u : q->state->flight) * (uint32_t)(sizeof bad_lengths / sizeof *bad_lengths);
    case XP_LIE_FLAGS:
        return 3;
    case XP_LIE_SCRIBBLE: /* two words a descriptor, one an available entry, two values each */
        return (3u * q->size) * 2u;
    case XP_LIE_CHANGE:
        return 3u;
    case XP_LIE_COUNT:
        break;
    }
    return 0;
}

uint32_t xp_lies(const struct xp_queue *q)
{
    uint32_t count = 0;

    for (unsigned kind = 0; kind < XP_LIE_COUNT; kind++)
        count += lies_of(q, (enum xp_lie)kind);
    return count;
}

static void scribble(struct xp_queue *q, uint32_t which)
{
    const uint64_t value = which & 1u ? UINT64_MAX : 0;
    const uint32_t word = which / 2u;

    if (word < 2u * q->size)
        xp_order_device_store(q->order, q->desc + 8u * word, 8, value);
    else
        xp_order_device_store(q->order, q->driver + 4u + 2u * (word - 2u * q->size), 2, value & 0xffffu);
    xp_note(q->world, XP_LANE_DEVICE, "LIE: scribbles over word %u of the driver's areas", word);
}

/* The element last shown becomes another: its id out of range, or its length. */
static void change(struct xp_queue *q, uint32_t which)
{
    const uint16_t at = (uint16_t)(q->state->used_shown - 1u);
    const uint32_t offset = q->device + 4u + 8u * (at & (q->size - 1u));
    const uint32_t id = (uint32_t)xp_order_peek(q->order, offset, 4);

    if (which == 0)
        xp_queue_element(q, at, q->size, 0);
    else if (which == 1)
        xp_queue_element(q, at, 0xffffu, 0);
    else
        xp_queue_element(q, at, id, 0xffffffffu);
    xp_note(q->world, XP_LANE_DEVICE, "LIE: the element of index %u changes (%u)", at, which);
}

static void tell(struct xp_queue *q, enum xp_lie kind, uint32_t which)
{
    const uint32_t count = (uint32_t)(sizeof bad_lengths / sizeof *bad_lengths);

    switch (kind) {
    case XP_LIE_INDEX:
        xp_order_device_store(q->order, USED_INDEX(q), 2, index_lie(q, which));
        q->state->index_lie = 1;
        xp_note(q->world, XP_LANE_DEVICE, "LIE: used.idx becomes %u", index_lie(q, which));
        break;
    case XP_LIE_ID:
        xp_note(q->world, XP_LANE_DEVICE, "LIE: an element names %u", id_lie(q, which));
        xp_queue_element(q, q->state->used_next, id_lie(q, which), 0);
        q->state->used_next++;
        break;
    case XP_LIE_LENGTH:
        xp_note(q->world, XP_LANE_DEVICE, "LIE: the next completion's length");
        xp_queue_complete(q, which / count, bad_lengths[which % count]);
        break;
    case XP_LIE_FLAGS:
        xp_order_device_store(q->order, USED_FLAGS(q), 2, bad_flags[which]);
        xp_note(q->world, XP_LANE_DEVICE, "LIE: used.flags becomes 0x%x", bad_flags[which]);
        break;
    case XP_LIE_SCRIBBLE:
        scribble(q, which);
        break;
    case XP_LIE_CHANGE:
        change(q, which);
        break;
    case XP_LIE_COUNT:
        break;
    }
}

void xp_lie(struct xp_queue *q, uint32_t which)
{
    ASSERT(q->state->lies < q->lies_max);
    q->state->lies++;
    for (unsigned kind = 0; kind < XP_LIE_COUNT; kind++) {
        const uint32_t count = lies_of(q, (enum xp_lie)kind);

        if (which < count) {
            tell(q, (enum xp_lie)kind, which);
            return;
        }
        which -= count;
    }
    ASSERT(false);
}
