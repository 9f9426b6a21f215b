/* SPDX-License-Identifier: BSD-2-Clause */
/* Capability tables. A look-up trusts nothing of the handle: index, generation, liveness and interface are
 * checked in this order, and the answer is a typed pair. */
#include "kernel/core/captable.h"

#include <stddef.h>

#include "abi/assert.h"

_Static_assert(CAP_SLOTS_MAX <= 0xffffu, "slot numbers are u16");

void captable_init(struct captable *table, uint32_t generation_limit)
{
    ASSERT(table != NULL);
    ASSERT(generation_limit >= 1);
    table->generation_limit = generation_limit;
    table->fresh = 1;
    table->free_head = 0;
    table->live_count = 0;
    table->retired_count = 0;
}

bool captable_has_room(const struct captable *table)
{
    return table->free_head != 0 || table->fresh < CAP_SLOTS_MAX;
}

struct cap_lookup captable_lookup_any(const struct captable *table, const struct object_pool *pool, cap_id id)
{
    const struct object_ref none = {0, OBJECT_NONE};
    const struct cap_slot *slot;

    if (cap_is_none(id) || id.index >= table->fresh)
        return (struct cap_lookup){CAP_EX_INVALID, none};
    slot = &table->slots[id.index];
    if (id.generation != slot->generation || slot->state != CAP_SLOT_LIVE) {
        /* An earlier generation did exist; one that never existed is a forgery. */
        bool existed =
            id.generation != 0 && (id.generation < slot->generation || slot->state == CAP_SLOT_RETIRED);

        return (struct cap_lookup){existed || slot->state == CAP_SLOT_LIVE ? CAP_EX_STALE : CAP_EX_INVALID,
                                   none};
    }
    if (!object_live(pool, slot->object))
        return (struct cap_lookup){CAP_EX_STALE, none};
    return (struct cap_lookup){CAP_EX_NONE, slot->object};
}

struct cap_lookup captable_lookup(const struct captable *table, const struct object_pool *pool, cap_id id,
                                  enum cap_interface interface)
{
    struct cap_lookup found = captable_lookup_any(table, pool, id);

    ASSERT(interface != CAP_IF_NONE);
    if (found.exception == CAP_EX_NONE && table->slots[id.index].interface != interface) {
        found.exception = CAP_EX_INTERFACE;
        found.object = (struct object_ref){0, OBJECT_NONE};
    }
    return found;
}

cap_id captable_insert(struct captable *table, struct object_ref object, uint8_t interface)
{
    uint16_t index = table->free_head;
    struct cap_slot *slot;

    ASSERT(object.index != OBJECT_NONE);
    ASSERT(interface != CAP_IF_NONE);
    if (index != 0) {
        table->free_head = table->slots[index].next_free;
    } else {
        if (table->fresh >= CAP_SLOTS_MAX)
            return CAP_NONE;
        index = table->fresh++;
        table->slots[index].generation = 1;
    }
    slot = &table->slots[index];
    ASSERT(slot->generation <= table->generation_limit);
    slot->object = object;
    slot->interface = interface;
    slot->state = CAP_SLOT_LIVE;
    slot->next_free = 0;
    table->live_count++;
    return (cap_id){index, slot->generation};
}

cap_id captable_end_slot(struct captable *table, uint16_t index)
{
    struct cap_slot *slot;
    cap_id served;

    ASSERT(index != 0);
    ASSERT(index < table->fresh);
    slot = &table->slots[index];
    ASSERT(slot->state == CAP_SLOT_LIVE);
    served = (cap_id){index, slot->generation};
    table->live_count--;
    slot->interface = CAP_IF_NONE;
    slot->object = (struct object_ref){0, OBJECT_NONE};
    /* T1: the generation rises now, at the end of the capability, and the slot retires before it could wrap.
     */
    if (slot->generation >= table->generation_limit) {
        slot->state = CAP_SLOT_RETIRED;
        table->retired_count++;
        return served;
    }
    slot->generation++;
    slot->state = CAP_SLOT_EMPTY;
    slot->next_free = table->free_head;
    table->free_head = index;
    return served;
}

enum cap_exception captable_remove(struct captable *table, const struct object_pool *pool, cap_id id)
{
    struct cap_lookup found = captable_lookup_any(table, pool, id);

    if (found.exception != CAP_EX_NONE)
        return found.exception;
    (void)captable_end_slot(table, (uint16_t)id.index);
    return CAP_EX_NONE;
}

uint16_t captable_next_live(const struct captable *table, uint16_t from)
{
    for (uint16_t i = from == 0 ? 1 : from; i < table->fresh; i++) {
        if (table->slots[i].state == CAP_SLOT_LIVE)
            return i;
    }
    return 0;
}

uint16_t captable_next_dead(const struct captable *table, const struct object_pool *pool, uint16_t from)
{
    for (uint16_t i = from == 0 ? 1 : from; i < table->fresh; i++) {
        if (table->slots[i].state == CAP_SLOT_LIVE && !object_live(pool, table->slots[i].object))
            return i;
    }
    return 0;
}

enum cap_exception captable_copy(const struct captable *from, const struct object_pool *pool, cap_id id,
                                 struct captable *to, cap_id *out)
{
    struct cap_lookup found = captable_lookup_any(from, pool, id);
    cap_id made;

    ASSERT(out != NULL);
    if (found.exception != CAP_EX_NONE)
        return found.exception;
    made = captable_insert(to, found.object, from->slots[id.index].interface);
    if (cap_is_none(made))
        return CAP_EX_NO_SLOT;
    *out = made;
    return CAP_EX_NONE;
}

enum cap_exception captable_move(struct captable *from, const struct object_pool *pool, cap_id id,
                                 struct captable *to, cap_id *out)
{
    enum cap_exception exception = captable_copy(from, pool, id, to, out);

    if (exception == CAP_EX_NONE)
        (void)captable_end_slot(from, (uint16_t)id.index);
    return exception;
}
