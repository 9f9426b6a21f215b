/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that a driver shares with a device, and in which order the two see it.
 *   sequential  a store is seen at once
 *   TSO         stores wait in a queue of two and are seen in program order (x86)
 *   weak        stores wait, four at most, and may pass each other unless a write barrier lies between; a
 * load may return any value that the location held since the last read barrier, coherent per location The
 * device's own accesses are in order. A register write makes the driver's stores visible first, a register
 * read is a read barrier behind it (platform.h). All of the state is in struct xp_order_state, which the
 * world keeps among its regions. */
#ifndef CAPOS_EXPLORE_ORDER_H
#define CAPOS_EXPLORE_ORDER_H

#include <string.h>

#include "abi/assert.h"
#include "sim/explore/world.h"

/* One load and one store of the width: a memcpy of a variable length costs more than all the rest. */
static inline uint64_t xp_load(const uint8_t *at, uint8_t width)
{
    uint16_t narrow;
    uint32_t half;
    uint64_t whole;

    switch (width) {
    case 2:
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    case 4:
        memcpy(&half, at, sizeof half);
        return half;
    default:
        memcpy(&whole, at, sizeof whole);
        return whole;
    }
}
static inline void xp_store(uint8_t *at, uint8_t width, uint64_t value)
{
    const uint16_t narrow = (uint16_t)value;
    const uint32_t half = (uint32_t)value;

    switch (width) {
    case 2:
        memcpy(at, &narrow, sizeof narrow);
        break;
    case 4:
        memcpy(at, &half, sizeof half);
        break;
    default:
        memcpy(at, &value, sizeof value);
        break;
    }
}

enum xp_model { XP_SEQUENTIAL = 0, XP_TSO, XP_WEAK, XP_MODEL_COUNT };
const char *xp_model_name(enum xp_model model);

#define XP_STORES_MAX 4u /* waiting; TSO uses 2 */
#define XP_OLD_MAX    48u /* earlier values that a load may still see */

struct xp_waiting {
    uint64_t value;
    uint32_t offset;
    uint8_t width;
    uint8_t epoch; /* write barriers since the oldest one waiting */
};

struct xp_old {
    uint32_t value;
    uint32_t offset;
};

struct xp_order_state {
    uint8_t waiting;
    uint8_t old_count;
    uint8_t epoch; /* of the next store; 0 when none waits */
    struct xp_waiting stores[XP_STORES_MAX];
    struct xp_old old[XP_OLD_MAX]; /* oldest first */
};
static inline size_t xp_order_state_bytes(const struct xp_order_state *s)
{
    return offsetof(struct xp_order_state, old) + s->old_count * sizeof s->old[0];
}

struct xp_order {
    struct xp_world *world;
    struct xp_order_state *state;
    uint8_t *memory; /* shared bytes; 8-aligned */
    uint32_t bytes;
    enum xp_model model;
    bool forgets; /* too many earlier values: the oldest counts no more. In runs at random only: it hides
                     nothing there */
    void *ctx;
    /* A store of the driver has just become visible to the device. */
    void (*seen)(void *ctx, uint32_t offset, uint8_t width, uint64_t value);
    /* A store to this offset is noticed by nobody, now or later, before another store has become visible that
     * makes it so (an index over an entry). When such a store becomes visible is no choice: it waits as long
     * as the order lets it, which is the worst for the driver. */
    bool (*hidden)(void *ctx, uint32_t offset, uint8_t width);
    /* Names the word at `offset`, for traces. */
    void (*place)(void *ctx, uint32_t offset, char *text, size_t bytes);
};

static inline uint32_t xp_order_room(const struct xp_order *o)
{
    return o->model == XP_SEQUENTIAL ? 0 : o->model == XP_TSO ? 2 : XP_STORES_MAX;
}
/* Would a store now make something visible that is noticed: one that has to leave? */
bool xp_order_store_is_seen(const struct xp_order *o);
/* Does a store wait whose visibility somebody would notice? */
bool xp_order_waits(const struct xp_order *o);

void xp_order_store(struct xp_order *o, uint32_t offset, uint8_t width, uint64_t value);
uint64_t xp_order_load(struct xp_order *o, uint32_t offset, uint8_t width);
void xp_order_write_barrier(struct xp_order *o);
void xp_order_read_barrier(struct xp_order *o);
/* Everything waiting becomes visible; the driver sees nothing old. */
void xp_order_full_barrier(struct xp_order *o);
/* Stores that may become visible next and would be noticed: how many, and the i-th of them, hidden ones that
 * must go before it first. */
uint32_t xp_order_ready(const struct xp_order *o);
void xp_order_flush(struct xp_order *o, uint32_t which);
/* Everything waiting becomes visible, in program order. */
void xp_order_drain(struct xp_order *o);

/* The device's side. `width`: 2, 4 or 8. */
static inline uint64_t xp_order_peek(const struct xp_order *o, uint32_t offset, uint8_t width)
{
    ASSERT(offset + width <= o->bytes);
    return xp_load(o->memory + offset, width);
}
void xp_order_device_store(struct xp_order *o, uint32_t offset, uint8_t width, uint64_t value);
/* The world's own hand: neither side sees it as a store (poison). */
static inline void xp_order_put(struct xp_order *o, uint32_t offset, uint8_t width, uint64_t value)
{
    ASSERT(offset + width <= o->bytes);
    xp_store(o->memory + offset, width, value);
}
/* Nothing waiting, nothing old: after a reset. */
void xp_order_forget(struct xp_order *o);

#endif
