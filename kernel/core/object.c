/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects and their derivation tree. Owns the entries; trusts that callers hold live indices (asserted). */
#include "kernel/core/object.h"

#include <stddef.h>

#include "abi/assert.h"

#define GENERATION_LAST 0xffffffffu /* an entry that reached it is never used again (T1) */

void object_pool_init(struct object_pool *pool)
{
    ASSERT(pool != NULL);
    pool->fresh = 1;
    pool->free_head = OBJECT_NONE;
    pool->live_count = 0;
    pool->retired_count = 0;
    pool->ended = 0;
}

bool object_pool_has_room(const struct object_pool *pool)
{
    return pool->free_head != OBJECT_NONE || pool->fresh < OBJECTS_MAX;
}

static uint16_t take_entry(struct object_pool *pool)
{
    uint16_t index = pool->free_head;

    if (index != OBJECT_NONE) {
        pool->free_head = pool->entries[index].next_sibling;
        return index;
    }
    if (pool->fresh >= OBJECTS_MAX)
        return OBJECT_NONE;
    index = pool->fresh++;
    pool->entries[index].generation = 1;
    return index;
}

struct object_ref object_create(struct object_pool *pool, uint8_t interface, uint16_t payload, uint16_t owner,
                                uint16_t parent)
{
    uint16_t index;
    struct object *object;

    ASSERT(parent < OBJECTS_MAX);
    ASSERT(parent == OBJECT_NONE || pool->entries[parent].live);
    index = take_entry(pool);
    if (index == OBJECT_NONE)
        return (struct object_ref){0, OBJECT_NONE};

    object = &pool->entries[index];
    object->parent = parent;
    object->first_child = OBJECT_NONE;
    object->next_sibling = OBJECT_NONE;
    object->payload = payload;
    object->owner = owner;
    object->interface = interface;
    object->live = 1;
    if (parent != OBJECT_NONE) {
        object->next_sibling = pool->entries[parent].first_child;
        pool->entries[parent].first_child = index;
    }
    pool->live_count++;
    return (struct object_ref){object->generation, index};
}

bool object_live(const struct object_pool *pool, struct object_ref ref)
{
    if (ref.index == OBJECT_NONE || ref.index >= pool->fresh)
        return false;
    return pool->entries[ref.index].live && pool->entries[ref.index].generation == ref.generation;
}

const struct object *object_at(const struct object_pool *pool, struct object_ref ref)
{
    ASSERT(object_live(pool, ref));
    return &pool->entries[ref.index];
}

void object_give(struct object_pool *pool, struct object_ref ref, uint16_t owner)
{
    ASSERT(object_live(pool, ref));
    pool->entries[ref.index].owner = owner;
}

/* Takes `index` out of its source's list of derived objects. */
static void unlink_from_parent(struct object_pool *pool, uint16_t index)
{
    uint16_t parent = pool->entries[index].parent;
    uint16_t *link;

    if (parent == OBJECT_NONE)
        return;
    link = &pool->entries[parent].first_child;
    for (uint32_t step = 0; step < OBJECTS_MAX && *link != index; step++) {
        ASSERT(*link != OBJECT_NONE);
        link = &pool->entries[*link].next_sibling;
    }
    ASSERT(*link == index);
    *link = pool->entries[index].next_sibling;
}

static void bury(struct object_pool *pool, uint16_t index)
{
    struct object *object = &pool->entries[index];

    ASSERT(object->live);
    ASSERT(object->first_child == OBJECT_NONE);
    unlink_from_parent(pool, index);
    object->live = 0;
    pool->live_count--;
    pool->ended++;
    /* T1: the generation rises at death, and an entry is retired before its generation could wrap. */
    if (object->generation == GENERATION_LAST) {
        pool->retired_count++;
        return;
    }
    object->generation++;
    object->next_sibling = pool->free_head;
    pool->free_head = index;
}

uint16_t object_kill(struct object_pool *pool, uint16_t index)
{
    uint16_t killed = 0;
    uint16_t at = index;

    ASSERT(index != OBJECT_NONE);
    ASSERT(index < pool->fresh);
    /* Down to a leaf, bury it, back to its source: each turn buries one object or goes one level down. */
    for (uint32_t step = 0; step < 2u * OBJECTS_MAX; step++) {
        uint16_t parent = pool->entries[at].parent;

        if (pool->entries[at].first_child != OBJECT_NONE) {
            at = pool->entries[at].first_child;
            continue;
        }
        bury(pool, at);
        killed++;
        if (at == index)
            return killed;
        at = parent;
    }
    ASSERT(false); /* the derivation tree is finite */
    return killed;
}
