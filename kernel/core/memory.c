/* SPDX-License-Identifier: BSD-2-Clause */
/* MemoryObjects: pages that processes map and share. One lives while anybody holds it, so that no side of a
 * shared object can take the memory from under the other; it is charged to who made it, then to a holder that
 * is left. Mappings go before pages do (P12). */
#include "kernel/core/parts.h"

static struct memory_object *free_record(struct system *s, uint16_t *at)
{
    for (uint16_t i = 0; i < MEMORIES_MAX; i++) {
        if (!s->memories[i].used) {
            *at = i;
            return &s->memories[i];
        }
    }
    return NULL;
}

static uint32_t charged(const struct memory_object *m)
{
    return m->foreign ? 0 : m->pages;
}

struct object_reply memory_create(struct system *s, const struct object_call *call)
{
    struct owner *owner = process_at(s, call->process)->owner;
    const uint64_t pages = (call->args[0] + PROCESSOR_PAGE - 1u) / PROCESSOR_PAGE;
    enum cap_exception exception = core_grant_check(s->core, owner);
    struct memory_object *m;
    uint16_t at = 0;
    uint8_t *memory;

    if (call->args[0] == 0 || call->args[0] > (uint64_t)PAGE_SOURCE_MAX * PROCESSOR_PAGE)
        return reply_result(SYS_E_VALUE);
    m = free_record(s, &at);
    if (exception == CAP_EX_NONE && m == NULL)
        exception = CAP_EX_EXHAUSTED;
    if (exception == CAP_EX_NONE && !budget_covers(&owner->budget, BUDGET_MEMORY_PAGES, (uint32_t)pages))
        exception = CAP_EX_BUDGET;
    if (exception != CAP_EX_NONE)
        return reply_denied(exception);
    memory = page_source_take(&s->pages, (uint32_t)pages);
    if (memory == NULL)
        return reply_result(SYS_E_NO_MEMORY);
    (void)budget_reserve(&owner->budget, BUDGET_MEMORY_PAGES, (uint32_t)pages);
    *m = (struct memory_object){.memory = memory, .pages = (uint32_t)pages, .used = true};
    return reply_ok(0,
                    core_grant(s->core, owner, CAP_IF_MEMORY, at, call->object, AUDIT_BDF_NONE, &m->object));
}

struct object_reply memory_package(struct system *s, const struct object_call *call)
{
    struct owner *owner = process_at(s, call->process)->owner;
    enum cap_exception exception = core_grant_check(s->core, owner);
    uint16_t at = 0;
    struct memory_object *m = free_record(s, &at);

    if (s->package == NULL)
        return reply_result(SYS_E_STATE);
    if (exception == CAP_EX_NONE && m == NULL)
        exception = CAP_EX_EXHAUSTED;
    if (exception != CAP_EX_NONE)
        return reply_denied(exception);
    *m = (struct memory_object){
        .memory = s->package, .pages = s->package_pages, .used = true, .foreign = true};
    return reply_ok(0,
                    core_grant(s->core, owner, CAP_IF_MEMORY, at, call->object, AUDIT_BDF_NONE, &m->object));
}

static void unmap(struct system *s, struct memory_object *m, uint16_t process)
{
    if (m->mapped_at[process] == 0)
        return;
    s->processor.ops->unmap(s->processor.ctx, process, m->mapped_at[process], m->pages);
    m->mapped_at[process] = 0;
}

static struct object_reply map(struct system *s, struct memory_object *m, const struct object_call *call)
{
    const struct processor_ops *ops = s->processor.ops;
    uint64_t at;

    if (call->args[0] > 1u || (call->args[0] == 1u && m->foreign))
        return reply_result(SYS_E_VALUE);
    if (m->mapped_at[call->process] != 0)
        return reply_result(SYS_E_STATE);
    at = ops->reserve(s->processor.ctx, call->process, m->memory, m->pages);
    if (at == 0)
        return reply_result(SYS_E_NO_MEMORY);
    m->mapped_at[call->process] = at;
    if (!ops->map(s->processor.ctx, call->process, at, m->memory, m->pages,
                  call->args[0] == 1u ? PROCESSOR_READ_WRITE : PROCESSOR_READ)) {
        unmap(s, m, call->process);
        return reply_result(SYS_E_NO_MEMORY);
    }
    return reply_ok(at, CAP_NONE);
}

struct object_reply memory_call(struct system *s, const struct object_call *call)
{
    struct memory_object *m = &s->memories[call->payload];

    ASSERT(m->used);
    if (call->method == MEMORY_MAP)
        return map(s, m, call);
    if (call->method == MEMORY_BYTES)
        return reply_ok((uint64_t)m->pages * PROCESSOR_PAGE, CAP_NONE);
    if (m->mapped_at[call->process] == 0)
        return reply_result(SYS_E_STATE);
    unmap(s, m, call->process);
    return reply_ok(0, CAP_NONE);
}

void memory_destroy(struct system *s, uint16_t object, enum audit_kind kind)
{
    struct memory_object *m = &s->memories[s->core->objects.entries[object].payload];
    struct owner *owner = &s->core->owners[s->core->objects.entries[object].owner];

    ASSERT(m->used);
    core_revoke(s->core, object, kind, AUDIT_BDF_NONE);
    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        unmap(s, m, i);
    if (!m->foreign)
        page_source_give(&s->pages, m->memory, m->pages);
    budget_refund(&owner->budget, BUDGET_MEMORY_PAGES, charged(m));
    m->used = false;
}

/* `heir` is charged from now on, beyond its limit if need be: it accepted the handle. */
static void hand_over(struct system *s, const struct memory_object *m, const struct process *from,
                      const struct process *heir)
{
    object_give(&s->core->objects, m->object, heir->index);
    budget_refund(&from->owner->budget, BUDGET_MEMORY_PAGES, charged(m));
    budget_take_over(&heir->owner->budget, BUDGET_MEMORY_PAGES, charged(m));
}

/* The first process that holds it, other than `from`; or NULL. */
static const struct process *other_holder(const struct system *s, const struct memory_object *m,
                                          const struct process *from)
{
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        const struct process *p = &s->processes[i];

        if (p != from && p->state != PROCESS_FREE && p->state != PROCESS_ENDING && object_held(p, m->object))
            return p;
    }
    return NULL;
}

static void leave(struct system *s, struct memory_object *m, const struct process *from,
                  const struct process *heir)
{
    unmap(s, m, from->index);
    if (object_at(&s->core->objects, m->object)->owner != from->index)
        return;
    if (heir == NULL)
        heir = other_holder(s, m, from);
    if (heir != NULL)
        hand_over(s, m, from, heir);
}

bool memory_covered(const struct system *s, uint16_t memory, uint16_t from, const struct process *to)
{
    const struct memory_object *m = &s->memories[memory];

    return from == to->index || object_at(&s->core->objects, m->object)->owner != from ||
           budget_covers(&to->owner->budget, BUDGET_MEMORY_PAGES, charged(m));
}

void memory_left(struct system *s, uint16_t memory, uint16_t process, uint16_t heir)
{
    leave(s, &s->memories[memory], process_at(s, process), heir == PROCESS_NONE ? NULL : process_at(s, heir));
}

void memory_end_process(struct system *s, const struct process *p)
{
    for (uint16_t i = 0; i < MEMORIES_MAX; i++) {
        struct memory_object *m = &s->memories[i];

        if (m->used)
            leave(s, m, p, NULL);
    }
}
