/* SPDX-License-Identifier: BSD-2-Clause */
/* Owners and grants: the one place where an object, a handle, a slot budget and an audit record come and go
 * together. Trusts the rooms to destroy what they own when asked; trusts no handle. */
#include "kernel/core/owner.h"

#include <stddef.h>

#include "abi/assert.h"

void core_init(struct core *core)
{
    ASSERT(core != NULL);
    object_pool_init(&core->objects);
    audit_init(&core->audit);
    for (uint16_t i = 0; i < OWNERS_MAX; i++) {
        core->owners[i].epoch = 0;
        core->owners[i].index = i;
        core->owners[i].state = OWNER_FREE;
    }
}

static struct audit_event owner_event(const struct owner *owner, enum audit_kind kind)
{
    return (struct audit_event){CAP_NONE, owner->index, AUDIT_BDF_NONE, (uint8_t)kind, CAP_IF_NONE, 0};
}

static bool log_has_room(const struct core *core, uint32_t grants, bool reads_log)
{
    return reads_log ? audit_has_reader_room(&core->audit, grants) : audit_has_room(&core->audit, grants);
}

static struct owner *create(struct core *core, const struct budget_limits *limits, uint32_t generation_limit,
                            const struct audit_event *made, bool reads_log)
{
    ASSERT(limits != NULL);
    if (!log_has_room(core, 1, reads_log))
        return NULL;
    for (uint16_t i = 0; i < OWNERS_MAX; i++) {
        struct owner *owner = &core->owners[i];

        if (owner->state != OWNER_FREE)
            continue;
        owner->state = OWNER_LIVE;
        owner->held_pages = 0;
        budget_init(&owner->budget, limits);
        captable_init(&owner->caps, generation_limit);
        owner->end_result = 0;
        owner->reads_log = reads_log;
        struct audit_event event = owner_event(owner, (enum audit_kind)made->kind);
        event.handle = made->handle;
        audit_grant(&core->audit, &event);
        return owner;
    }
    return NULL;
}

struct owner *core_owner_create(struct core *core, const struct budget_limits *limits,
                                uint32_t generation_limit)
{
    const struct audit_event made = {.kind = AUDIT_OWNER};

    return create(core, limits, generation_limit, &made, false);
}

struct owner *core_owner_spawn(struct core *core, const struct budget_limits *limits, uint32_t number,
                               bool reads_log)
{
    const struct audit_event made = {.kind = AUDIT_SPAWN, .handle = {number, 0}};

    return create(core, limits, CAP_GENERATION_LIMIT_MAX, &made, reads_log);
}

/* The capability in `slot` ends: generation up, slot budget back, record written in the room kept for it. */
static void end_cap(struct core *core, struct owner *owner, uint16_t slot, enum audit_kind kind, uint16_t bdf)
{
    struct audit_event event = owner_event(owner, kind);

    event.object_kind = owner->caps.slots[slot].interface;
    event.bdf = bdf;
    event.handle = captable_end_slot(&owner->caps, slot);
    core->objects.ended++;
    budget_refund(&owner->budget, BUDGET_CAP_SLOTS, 1);
    audit_end(&core->audit, &event);
}

/* The topmost ancestor that is charged to the same owner: sources end before what is derived from them. */
static uint16_t top_of(const struct object_pool *pool, uint16_t index)
{
    uint16_t top = index;

    for (uint32_t step = 0; step < OBJECTS_MAX; step++) {
        uint16_t parent = pool->entries[top].parent;

        if (parent == OBJECT_NONE || pool->entries[parent].owner != pool->entries[index].owner)
            return top;
        top = parent;
    }
    ASSERT(false); /* the derivation tree is finite */
    return top;
}

void core_owner_end(struct core *core, struct owner *owner, enum audit_kind kind, object_destroy destroy,
                    void *ctx)
{
    struct object_pool *pool = &core->objects;
    struct audit_event event = owner_event(owner, kind);

    ASSERT(owner->state == OWNER_LIVE);
    ASSERT(kind == AUDIT_KILL || kind == AUDIT_EXIT || kind == AUDIT_FAULT);
    event.result = owner->end_result;
    owner->state = OWNER_ENDING; /* T3: no new use from here on */
    for (uint16_t i = 1; i < pool->fresh; i++) {
        if (!pool->entries[i].live || pool->entries[i].owner != owner->index)
            continue;
        uint16_t top = top_of(pool, i);
        destroy(ctx, top);
        ASSERT(!pool->entries[top].live);
        ASSERT(!pool->entries[i].live);
    }
    /* What is left are handles to objects of others. */
    for (uint16_t s = captable_next_live(&owner->caps, 1); s != 0; s = captable_next_live(&owner->caps, s))
        end_cap(core, owner, s, AUDIT_REVOKE, AUDIT_BDF_NONE);

    for (uint32_t b = 0; b < BUDGET_COUNT; b++)
        ASSERT(owner->budget.used[b] == (b == BUDGET_POOL_PAGES ? owner->held_pages : 0u)); /* I16 */
    audit_end(&core->audit, &event);
    owner->epoch++;
    owner->state = OWNER_FREE;
}

static enum cap_exception grant_check(const struct core *core, const struct owner *owner, bool reads_log)
{
    ASSERT(owner->state == OWNER_LIVE);
    if (!captable_has_room(&owner->caps))
        return CAP_EX_NO_SLOT;
    if (!budget_covers(&owner->budget, BUDGET_CAP_SLOTS, 1))
        return CAP_EX_BUDGET;
    if (!object_pool_has_room(&core->objects))
        return CAP_EX_EXHAUSTED;
    if (!log_has_room(core, 2, reads_log)) /* the record of a claim's quarantine counts as well */
        return CAP_EX_AUDIT_FULL;
    return CAP_EX_NONE;
}

enum cap_exception core_grant_check(const struct core *core, const struct owner *owner)
{
    return grant_check(core, owner, owner->reads_log);
}

enum cap_exception core_start_check(const struct core *core, const struct owner *owner, uint32_t grants,
                                    bool reads_log)
{
    const enum cap_exception exception = grant_check(core, owner, reads_log);

    if (exception != CAP_EX_NONE)
        return exception;
    /* Its own record, the process's, one a grant, each with that of its end. */
    return log_has_room(core, grants + 2u, reads_log) ? CAP_EX_NONE : CAP_EX_AUDIT_FULL;
}

cap_id core_grant(struct core *core, struct owner *owner, uint8_t interface, uint16_t payload,
                  uint16_t parent, uint16_t bdf, struct object_ref *out)
{
    struct audit_event event = owner_event(owner, interface == CAP_IF_DEVICE ? AUDIT_CLAIM : AUDIT_GRANT);
    bool charged = budget_reserve(&owner->budget, BUDGET_CAP_SLOTS, 1);
    struct object_ref object = object_create(&core->objects, interface, payload, owner->index, parent);
    cap_id id;

    ASSERT(charged);
    ASSERT(object.index != OBJECT_NONE);
    id = captable_insert(&owner->caps, object, interface);
    ASSERT(!cap_is_none(id));
    event.handle = id;
    event.bdf = bdf;
    event.object_kind = interface;
    audit_grant(&core->audit, &event);
    *out = object;
    return id;
}

void core_revoke(struct core *core, uint16_t object, enum audit_kind kind, uint16_t bdf)
{
    const struct object *entry = &core->objects.entries[object];
    const struct object_ref dying = {entry->generation, object};

    ASSERT(entry->live);
    (void)object_kill(&core->objects, object);
    for (uint16_t i = 0; i < OWNERS_MAX; i++) {
        struct owner *owner = &core->owners[i];
        uint16_t s;

        if (owner->state == OWNER_FREE)
            continue;
        s = captable_next_dead(&owner->caps, &core->objects, 1);
        for (; s != 0; s = captable_next_dead(&owner->caps, &core->objects, s)) {
            const struct object_ref held = owner->caps.slots[s].object;
            bool itself = held.index == dying.index && held.generation == dying.generation;

            end_cap(core, owner, s, itself ? kind : AUDIT_REVOKE, bdf);
        }
    }
}

enum cap_exception core_transfer(struct core *core, struct owner *from, cap_id id, struct owner *to,
                                 bool move, cap_id *out)
{
    struct cap_lookup found = captable_lookup_any(&from->caps, &core->objects, id);
    enum cap_exception exception = found.exception;
    struct audit_event event = owner_event(to, AUDIT_TRANSFER);

    ASSERT(from->state == OWNER_LIVE);
    ASSERT(to->state == OWNER_LIVE);
    /* Decide: nothing has changed until every check has passed, so there is nothing to roll back. */
    if (exception == CAP_EX_NONE && !captable_has_room(&to->caps))
        exception = CAP_EX_NO_SLOT;
    if (exception == CAP_EX_NONE && !budget_covers(&to->budget, BUDGET_CAP_SLOTS, 1))
        exception = CAP_EX_BUDGET;
    if (exception == CAP_EX_NONE && !log_has_room(core, 1, to->reads_log))
        exception = CAP_EX_AUDIT_FULL;
    if (exception != CAP_EX_NONE)
        return exception;

    /* Act. */
    exception = captable_copy(&from->caps, &core->objects, id, &to->caps, out);
    ASSERT(exception == CAP_EX_NONE);
    (void)budget_reserve(&to->budget, BUDGET_CAP_SLOTS, 1);
    event.handle = *out;
    event.object_kind = to->caps.slots[out->index].interface;
    audit_grant(&core->audit, &event);
    if (move)
        end_cap(core, from, (uint16_t)id.index, AUDIT_TRANSFER, AUDIT_BDF_NONE);
    return CAP_EX_NONE;
}

void core_drop_cap(struct core *core, struct owner *owner, uint16_t slot, uint16_t bdf)
{
    ASSERT(owner->state == OWNER_LIVE);
    end_cap(core, owner, slot, AUDIT_RELEASE, bdf);
}

const char *cap_exception_name(enum cap_exception exception)
{
    static const char *const names[CAP_EX_COUNT] = {
        [CAP_EX_NONE] = "none",           [CAP_EX_INVALID] = "invalid",       [CAP_EX_STALE] = "stale",
        [CAP_EX_INTERFACE] = "interface", [CAP_EX_NO_SLOT] = "no-slot",       [CAP_EX_BUDGET] = "budget",
        [CAP_EX_EXHAUSTED] = "exhausted", [CAP_EX_AUDIT_FULL] = "audit-full",
    };

    return (unsigned)exception < CAP_EX_COUNT ? names[exception] : "unknown";
}
