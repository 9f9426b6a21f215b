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

/* Element ids: of a head that the device has, of another slot of a chain, of a slot that it has not; and no
 * slot. */
enum id_class { ID_HEAD = 0, ID_PART, ID_FREE, ID_NONE, ID_CLASS_COUNT };
static const uint32_t no_ids[] = {0xffffu, 0xffffffffu}; /* and the size */
#define NO_IDS (1u + (uint32_t)(sizeof no_ids / sizeof *no_ids))

static enum id_class class_of(const struct xp_queue *q, uint16_t slot)
{
    if (q->slots[slot].holder == XP_DRIVERS)
        return ID_FREE;
    return q->slots[slot].head ? ID_HEAD : ID_PART;
}

static uint32_t id_lie(const struct xp_queue *q)
{
    uint32_t many[ID_CLASS_COUNT] = {[ID_NONE] = NO_IDS};
    uint32_t classes = 0;
    uint32_t which;
    unsigned class = 0;

    for (uint16_t slot = 0; slot < q->size; slot++)
        many[class_of(q, slot)]++;
    for (unsigned i = 0; i < ID_CLASS_COUNT; i++)
        classes += many[i] > 0;
    which = xp_choose(q->world, classes, "lie.id.class");
    for (; many[class] == 0 || which-- > 0; class ++)
        ;
    which = xp_choose(q->world, many[class], "lie.id");
    if (class == ID_NONE)
        return which == 0 ? q->size : no_ids[which - 1u];
    for (uint16_t slot = 0; slot < q->size; slot++) {
        if (class_of(q, slot) == class && which-- == 0)
            return slot;
    }
    ASSERT(false);
    return 0;
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
        return room; /* which id: id_lie */
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

bool xp_can_lie(const struct xp_queue *q)
{
    if (q->state->lies >= q->lies_max)
        return false;
    for (unsigned kind = 0; kind < XP_LIE_COUNT; kind++) {
        if (lies_of(q, (enum xp_lie)kind) > 0)
            return true;
    }
    return false;
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

static void name_another(struct xp_queue *q)
{
    const uint32_t id = id_lie(q);

    xp_note(q->world, XP_LANE_DEVICE, "LIE: an element names %u", id);
    xp_queue_element(q, q->state->used_next, id, 0);
    q->state->used_next++;
}

static void tell(struct xp_queue *q, enum xp_lie kind, uint32_t which)
{
    const uint32_t count = (uint32_t)(sizeof bad_lengths / sizeof *bad_lengths);

    _Static_assert(XP_M_LIE_INDEX + (unsigned)XP_LIE_COUNT == XP_M_STORE_LEAVES,
                   "marks are in the order of lies");
    xp_mark(q->world, XP_M_LIE_INDEX + (unsigned)kind);
    switch (kind) {
    case XP_LIE_INDEX:
        xp_order_device_store(q->order, USED_INDEX(q), 2, index_lie(q, which));
        q->state->index_lie = 1;
        xp_note(q->world, XP_LANE_DEVICE, "LIE: used.idx becomes %u", index_lie(q, which));
        break;
    case XP_LIE_ID:
        name_another(q);
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

void xp_lie(struct xp_queue *q)
{
    uint32_t kinds = 0;
    uint32_t which;
    unsigned kind = 0;

    ASSERT(q->state->lies < q->lies_max);
    for (unsigned i = 0; i < XP_LIE_COUNT; i++)
        kinds += lies_of(q, (enum xp_lie)i) > 0;
    ASSERT(kinds > 0);
    q->state->lies++;
    which = xp_choose(q->world, kinds, "lie.kind");
    for (; lies_of(q, (enum xp_lie)kind) == 0 || which-- > 0; kind++)
        ;
    tell(q, (enum xp_lie)kind, xp_choose(q->world, lies_of(q, (enum xp_lie)kind), "lie"));
}
