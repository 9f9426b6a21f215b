/* SPDX-License-Identifier: BSD-2-Clause */
/* The device side of one split virtqueue (virtio 1.2, 2.7), small enough to be explored: every step that a
 * device may take is a move of its own, the order is choose()'s. Honest moves keep every device obligation;
 * lies break one each, while the budget lasts. Written from the specification; shares nothing with the driver
 * but the layout that the driver announced. Beside it: whose each slot is, which is what P1, P2, P5 and P10
 * are judged by. */
#ifndef CAPOS_EXPLORE_QUEUE_H
#define CAPOS_EXPLORE_QUEUE_H

#include "sim/explore/order.h"

#define XP_BUFFER_BYTES 16u /* what worlds post for a device to write, at each descriptor */

enum xp_mood { XP_AWAKE = 0, XP_CHECKING /* asked for bells, looks once more */, XP_ASLEEP };
enum xp_holder { XP_DRIVERS = 0, XP_EXPOSED /* available, not fetched */, XP_FETCHED };

/* What one slot is to the device. */
struct xp_slot {
    uint32_t writable; /* at a head: bytes that the device may write */
    uint32_t data; /* at a head: offset of its first writable byte in shared memory */
    uint16_t next; /* within a chain */
    uint8_t holder; /* enum xp_holder */
    uint8_t head;
    uint8_t count; /* at a head: descriptors */
    uint8_t reserved[3];
};

/* All that changes. `slots` and `flight` follow in the world's regions. */
struct xp_queue_state {
    uint16_t exposed; /* available index as the device can see it */
    uint16_t fetched; /* next entry to fetch */
    uint16_t used_next; /* elements written */
    uint16_t used_shown; /* used index last stored, without lies */
    uint16_t flight; /* chains fetched and not completed */
    uint8_t enabled;
    uint8_t mood; /* enum xp_mood */
    uint8_t kicked;
    uint8_t lies; /* told so far */
    uint8_t index_lie; /* used.idx is not used_shown now */
    uint8_t voids; /* chains named in an element and never fetched */
};

struct xp_queue {
    struct xp_world *world;
    struct xp_order *order;
    struct xp_queue_state *state;
    struct xp_slot *slots; /* size of them */
    uint16_t *flight; /* heads fetched, in any order */
    uint8_t *written; /* descriptors and available ring as the driver last wrote them, xp_queue_written_bytes:
                         what it is judged by, whatever a liar scribbled over them meanwhile */
    uint16_t size;
    uint32_t desc, driver, device; /* offsets of the three areas in shared memory; desc is the lowest */
    uint64_t bus; /* device address of shared memory's first byte */
    uint32_t buffers, buffers_end; /* offsets between which descriptors may point */
    uint32_t stride; /* bytes of a buffer, for names in traces */
    /* Writes what a chain that is completed with `length` holds from offset `data` on; NULL: xp_payload. */
    void (*fill)(struct xp_queue *q, uint16_t head, uint32_t data, uint32_t length);
    uint32_t
        fills; /* bytes that it writes into a writable chain that has room for them; 0: all that it has */
    bool suppress; /* the device asks for no bells while it is awake (2.7.8) */
    bool short_writes; /* it may write less than it was given */
    bool idle; /* it completes nothing now */
    bool in_order; /* completes the oldest first: a feature left out */
    uint8_t lies_max;
    uint32_t lie_kinds; /* bit per enum xp_lie */
};

/* Kinds of lies: each breaks one device obligation (docs/exploring.md lists the values). */
enum xp_lie {
    XP_LIE_INDEX = 0, /* used.idx is another number */
    XP_LIE_ID, /* an element names what is not in flight */
    XP_LIE_LENGTH, /* an element claims another length */
    XP_LIE_FLAGS, /* used.flags is garbage */
    XP_LIE_SCRIBBLE, /* a word of descriptor table or available ring is overwritten */
    XP_LIE_CHANGE, /* a published element changes */
    XP_LIE_COUNT
};

/* Everything the driver's, ring registers as after a reset. */
void xp_queue_reset(struct xp_queue *q);
/* The queue is live from here on: what stands in memory is what the driver wrote. */
void xp_queue_enable(struct xp_queue *q);
/* The world's own hand in the driver's areas (poison). */
void xp_queue_put(struct xp_queue *q, uint32_t offset, uint8_t width, uint64_t value);
/* What the driver wrote there last. */
static inline uint64_t xp_queue_written(const struct xp_queue *q, uint32_t offset, uint8_t width)
{
    return xp_load(q->written + (offset - q->desc), width);
}
/* The driver's store to `offset` became visible: judged, and taken note of. */
void xp_queue_seen(struct xp_queue *q, uint32_t offset, uint8_t width, uint64_t value);
/* Would a store to `offset` be noticed by nobody now? */
bool xp_queue_hidden(const struct xp_queue *q, uint32_t offset);
void xp_queue_kick(struct xp_queue *q);
/* The driver took in an element that names a chain which the device still holds: after a lie. It cannot know,
 * so from here on the chain is its own, and the device lets go of it. */
void xp_queue_let_go(struct xp_queue *q, uint32_t id);
/* Moves that the device could make now, lies included. */
uint32_t xp_queue_moves(const struct xp_queue *q);
void xp_queue_move(struct xp_queue *q, uint32_t which);
/* The honest, fair next move, oldest chain first. False: the device is at rest. */
bool xp_queue_heal(struct xp_queue *q);
/* Names a ring word. False: the offset is none of this queue's. */
bool xp_queue_place(const struct xp_queue *q, uint32_t offset, char *text, size_t bytes);

/* Bytes of descriptor table and available ring; between them and the used ring may lie a gap. */
static inline uint32_t xp_queue_written_bytes(const struct xp_queue *q)
{
    return q->driver - q->desc + 6u + 2u * q->size;
}

/* The word that the device writes into a buffer that it fills, in world `ring`. */
static inline uint32_t xp_payload(uint32_t head)
{
    return 0x50000000u + head;
}
#define XP_POISON16 0xdeadu
#define XP_POISON32 0xdeadbeefu
#define XP_POISON64 0xdeadbeefdeadbeefull

#endif
