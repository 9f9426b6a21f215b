/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects of the process layer as a whole: who serves which, how handles go and what follows from that. An
 * object ends when the process that is charged for it releases it or ends; a MemoryObject when nobody holds
 * it; and what nobody holds and nobody can reach any more ends at once. */
#include "kernel/core/parts.h"

bool process_core_serves(uint8_t interface)
{
    switch ((enum cap_interface)interface) {
    case CAP_IF_MEMORY:
    case CAP_IF_MEMORY_SOURCE:
    case CAP_IF_ENDPOINT:
    case CAP_IF_ENDPOINT_SOURCE:
    case CAP_IF_TIMER:
    case CAP_IF_PROCESS:
    case CAP_IF_SPAWNER:
        return true;
    default:
        return interface_served(interface);
    }
}

bool process_transferable(uint8_t interface)
{
    /* Their memory is mapped for the driver that made them, and is known to a device. */
    return interface != CAP_IF_DMA_BUFFER && interface != CAP_IF_DMA_QUEUE;
}

bool object_held(const struct process *p, struct object_ref object)
{
    const struct captable *table = &p->owner->caps;

    for (uint16_t i = captable_next_live(table, 1); i != 0;
         i = captable_next_live(table, (uint16_t)(i + 1u))) {
        if (same_object(table->slots[i].object, object))
            return true;
    }
    return false;
}

void object_end_derived(struct system *s, uint16_t object)
{
    const struct object *entry = &s->core->objects.entries[object];

    for (uint32_t step = 0; step < OBJECTS_MAX && entry->first_child != OBJECT_NONE; step++)
        object_end(s, entry->first_child, AUDIT_REVOKE);
    ASSERT(entry->first_child == OBJECT_NONE);
}

void object_end(struct system *s, uint16_t object, enum audit_kind kind)
{
    const struct object *entry = &s->core->objects.entries[object];
    const uint8_t interface = entry->interface;

    ASSERT(entry->live);
    if (interface == CAP_IF_MEMORY) {
        memory_destroy(s, object, kind);
    } else if (interface == CAP_IF_ENDPOINT) {
        endpoint_destroy(s, object, kind);
    } else if (interface == CAP_IF_PROCESS) {
        handle_destroy(s, object, kind);
    } else if (interface_served(interface)) {
        client_destroy(s, object, kind);
    } else if (process_core_serves(interface)) { /* a source: no record of its own */
        object_end_derived(s, object);
        core_revoke(s->core, object, kind, AUDIT_BDF_NONE);
    } else {
        s->door.destroy(s->door.ctx, object);
    }
    ASSERT(!entry->live);
}

void system_destroy(void *system, uint16_t object)
{
    object_end(system, object, AUDIT_REVOKE);
}

/* Nobody can name it, and nothing else keeps it: no program behind it runs. */
static bool reapable(const struct system *s, const struct object *entry)
{
    if (entry->interface == CAP_IF_PROCESS)
        return s->handles[entry->payload].process == PROCESS_NONE;
    return entry->interface == CAP_IF_MEMORY || entry->interface == CAP_IF_ENDPOINT ||
           interface_served(entry->interface);
}

void object_reap(struct system *s)
{
    struct object_pool *pool = &s->core->objects;
    uint64_t held[OBJECTS_MAX / 64u];

    memset(held, 0, sizeof held);
    for (uint16_t i = 0; i < OWNERS_MAX; i++) {
        const struct captable *table = &s->core->owners[i].caps;

        if (s->core->owners[i].state == OWNER_FREE)
            continue;
        for (uint16_t at = captable_next_live(table, 1); at != 0;
             at = captable_next_live(table, (uint16_t)(at + 1u))) {
            const uint16_t index = table->slots[at].object.index;

            held[index / 64u] |= 1ull << (index % 64u);
        }
    }
    for (uint16_t i = 1; i < pool->fresh; i++) {
        if (pool->entries[i].live && (held[i / 64u] >> (i % 64u) & 1u) == 0 && reapable(s, &pool->entries[i]))
            object_end(s, i, AUDIT_REVOKE);
    }
}

/* What follows when a process's last handle to an object went. */
static void left(struct system *s, uint16_t process, struct object_ref object, uint16_t heir)
{
    const struct object *entry;

    if (!object_live(&s->core->objects, object) || object_held(process_at(s, process), object))
        return;
    entry = object_at(&s->core->objects, object);
    if (entry->interface == CAP_IF_MEMORY)
        memory_left(s, entry->payload, process, heir);
    else if (entry->interface == CAP_IF_ENDPOINT)
        endpoint_left(s, entry->payload, process, heir == PROCESS_NONE);
}

enum cap_exception process_transfer(struct system *s, uint16_t from, cap_id cap, uint16_t to, bool move,
                                    cap_id *out)
{
    struct process *giver = process_at(s, from), *taker = process_at(s, to);
    const struct cap_lookup found = ring_lookup(s, giver, cap);
    enum cap_exception exception = found.exception;

    if (exception == CAP_EX_NONE && move) {
        const struct object *entry = object_at(&s->core->objects, found.object);

        if (entry->interface == CAP_IF_MEMORY && !memory_covered(s, entry->payload, from, taker))
            exception = CAP_EX_BUDGET;
    }
    if (exception == CAP_EX_NONE)
        exception = core_transfer(s->core, giver->owner, cap, taker->owner, move, out);
    if (exception == CAP_EX_NONE && move)
        left(s, from, found.object, to);
    return exception;
}

struct object_reply object_release(struct system *s, struct process *p, cap_id cap)
{
    const struct cap_lookup found = ring_lookup(s, p, cap);
    const struct object *entry;
    struct object_reply reply;

    if (found.exception != CAP_EX_NONE)
        return ring_deny(s, p, cap, found.exception);
    entry = object_at(&s->core->objects, found.object);
    if (!process_core_serves(entry->interface)) {
        reply = s->door.release(s->door.ctx, s, p->index, cap);
        ASSERT(!reply.waits);
        if (reply.status == RING_OK && reply.exception != CAP_EX_NONE && !s->door.denials_audited)
            (void)ring_deny(s, p, cap, (enum cap_exception)reply.exception);
        return reply;
    }
    if (entry->owner == p->index && entry->interface != CAP_IF_MEMORY) {
        object_end(s, found.object.index, AUDIT_RELEASE);
    } else {
        const uint16_t index = p->index;

        core_drop_cap(s->core, p->owner, (uint16_t)cap.index, AUDIT_BDF_NONE);
        left(s, index, found.object, PROCESS_NONE);
    }
    object_reap(s);
    return reply_ok(0, CAP_NONE);
}
