/* SPDX-License-Identifier: BSD-2-Clause */
/* A holder's capability table: fixed slots, generations, typed look-up. Trusts the object pool, nothing of
 * the caller: a handle is just two numbers until it has been looked up. */
#ifndef CAPOS_KERNEL_CORE_CAPTABLE_H
#define CAPOS_KERNEL_CORE_CAPTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/cap.h"
#include "abi/errors.h"
#include "kernel/core/object.h"

#define CAP_SLOTS_MAX 256u /* slot 0 is never used */
#define CAP_GENERATION_LIMIT_MAX                                                                             \
    0xffffffffu /* a slot is retired when its generation reached the table's limit */

enum cap_slot_state { CAP_SLOT_EMPTY = 0, CAP_SLOT_LIVE, CAP_SLOT_RETIRED };

struct cap_slot {
    struct object_ref object;
    uint32_t generation; /* of the capability in it, or of the next one */
    uint16_t next_free;
    uint8_t interface;
    uint8_t state;
};

struct captable {
    uint32_t generation_limit; /* set at creation: a test can make it small */
    uint16_t fresh; /* slots from here on were never used and hold no valid data */
    uint16_t free_head;
    uint16_t live_count;
    uint16_t retired_count;
    struct cap_slot slots[CAP_SLOTS_MAX];
};

/* What a look-up found: `object` is valid only when exception is CAP_EX_NONE. */
struct cap_lookup {
    enum cap_exception exception;
    struct object_ref object;
};

/* generation_limit: 1 to CAP_GENERATION_LIMIT_MAX; each slot serves that many capabilities, then never again
 * (T1). */
void captable_init(struct captable *table, uint32_t generation_limit);
bool captable_has_room(const struct captable *table);
struct cap_lookup captable_lookup(const struct captable *table, const struct object_pool *pool, cap_id id,
                                  enum cap_interface interface);
/* As captable_lookup, for any interface; the object tells which it is. */
struct cap_lookup captable_lookup_any(const struct captable *table, const struct object_pool *pool,
                                      cap_id id);
/* CAP_NONE: the table is full. */
cap_id captable_insert(struct captable *table, struct object_ref object, uint8_t interface);
/* Takes the capability out; its generation never comes back. Same exceptions as a look-up. */
enum cap_exception captable_remove(struct captable *table, const struct object_pool *pool, cap_id id);
/* Empties one live slot; returns the handle that it served. */
cap_id captable_end_slot(struct captable *table, uint16_t index);
/* First live slot from `from` on whose object died, or 0. */
uint16_t captable_next_dead(const struct captable *table, const struct object_pool *pool, uint16_t from);
/* First live slot from `from` on, or 0. */
uint16_t captable_next_live(const struct captable *table, uint16_t from);
/* The same object in another table (or this one). On failure both tables are as before. */
enum cap_exception captable_copy(const struct captable *from, const struct object_pool *pool, cap_id id,
                                 struct captable *to, cap_id *out);
/* Copy, then remove at the source: whole or not at all. */
enum cap_exception captable_move(struct captable *from, const struct object_pool *pool, cap_id id,
                                 struct captable *to, cap_id *out);

#endif
