/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel objects: a fixed pool of entries with generations and a derivation tree. An entry names a record of
 * the room that owns its kind (payload); it owns no resource itself. A derived object dies with its source.
 */
#ifndef CAPOS_KERNEL_CORE_OBJECT_H
#define CAPOS_KERNEL_CORE_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#define OBJECTS_MAX 512u /* entries; index 0 is never used */
#define OBJECT_NONE 0u

/* An object as a holder remembers it: valid only while the generation matches. */
struct object_ref {
    uint32_t generation;
    uint16_t index;
};

struct object {
    uint32_t generation; /* rises at death; an entry is retired before it could wrap */
    uint16_t parent; /* source of this object, OBJECT_NONE for a root */
    uint16_t first_child;
    uint16_t next_sibling; /* also the free list */
    uint16_t payload; /* record of the owning room */
    uint16_t owner; /* index of the owner that is charged for it */
    uint8_t interface; /* enum cap_interface */
    uint8_t live;
};

struct object_pool {
    uint16_t fresh; /* entries from here on were never used and hold no valid data */
    uint16_t free_head;
    uint16_t live_count;
    uint16_t retired_count;
    uint32_t ended; /* changes whenever an object dies or a capability is taken out of a table, modulo 2^32:
                       as long as it stays, what a handle named it still names */
    struct object entries[OBJECTS_MAX];
};

void object_pool_init(struct object_pool *pool);
/* True when object_create would succeed. */
bool object_pool_has_room(const struct object_pool *pool);
/* index OBJECT_NONE: the pool is used up. `parent` is OBJECT_NONE or a live object. */
struct object_ref object_create(struct object_pool *pool, uint8_t interface, uint16_t payload, uint16_t owner,
                                uint16_t parent);
bool object_live(const struct object_pool *pool, struct object_ref ref);
/* The live entry behind a live reference (asserted). */
const struct object *object_at(const struct object_pool *pool, struct object_ref ref);
/* Another owner is charged for it from now on; its place in the derivation tree stays. */
void object_give(struct object_pool *pool, struct object_ref ref, uint16_t owner);
/* Kills the object and everything derived from it (P13, T3 "mark dead"): every reference to any of them is
 * dead when this returns. Returns how many died. */
uint16_t object_kill(struct object_pool *pool, uint16_t index);

#endif
