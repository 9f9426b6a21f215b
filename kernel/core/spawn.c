/* SPDX-License-Identifier: BSD-2-Clause */
/* The spawner: starts a program of the boot package with exactly the capabilities that are named, or does
 * nothing. The request is copied once; everything that can be refused is refused before anything is given. */
#include "kernel/core/parts.h"

struct spawn_copy {
    struct spawn_request request;
    struct spawn_grant grants[STARTUP_GRANTS_MAX];
    uint32_t grant_count;
};

static bool terminated(const char *text, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        if (text[i] == '\0')
            return true;
    }
    return false;
}

/* The form of the request. */
static enum system_error check_form(const struct spawn_copy *copy)
{
    const struct spawn_request *r = &copy->request;

    if (!terminated(r->name, sizeof r->name) || r->text_bytes >= sizeof r->text)
        return SYS_E_VALUE;
    for (uint32_t i = 0; i < copy->grant_count; i++) {
        const struct spawn_grant *g = &copy->grants[i];

        if (!terminated(g->name, sizeof g->name) || g->move > 1u || g->reserved != 0)
            return SYS_E_VALUE;
        /* What is moved away cannot be given a second time. */
        for (uint32_t other = 0; other < i; other++) {
            if (cap_same(g->cap, copy->grants[other].cap) && (g->move | copy->grants[other].move) != 0)
                return SYS_E_VALUE;
        }
    }
    return SYS_OK;
}

/* May each be given? The memory that is moved is charged to the new process. */
static struct object_reply check_grants(struct system *s, const struct process *p,
                                        const struct spawn_copy *copy)
{
    uint64_t moved_pages = 0;

    for (uint32_t i = 0; i < copy->grant_count; i++) {
        const struct spawn_grant *g = &copy->grants[i];
        const struct cap_lookup found = ring_lookup(s, p, g->cap);
        const struct object *entry;

        if (found.exception != CAP_EX_NONE)
            return reply_denied(found.exception);
        entry = object_at(&s->core->objects, found.object);
        if (!process_transferable(entry->interface)) {
            (void)ring_deny(s, p, g->cap, CAP_EX_INTERFACE);
            return (struct object_reply){.result = SYS_E_VALUE, .denied = true};
        }
        if (g->move && entry->interface == CAP_IF_MEMORY && entry->owner == p->index)
            moved_pages += s->memories[entry->payload].foreign ? 0 : s->memories[entry->payload].pages;
    }
    if (copy->grant_count > s->limits.limit[BUDGET_CAP_SLOTS] || moved_pages > copy->request.pages)
        return reply_denied(CAP_EX_BUDGET);
    return reply_ok(0, CAP_NONE);
}

/* What the starter needs for itself, and room in the log. `at`: record of the Process object. */
static enum cap_exception check_starter(const struct system *s, const struct process *p, uint32_t grants,
                                        bool reads_log, uint16_t *at)
{
    const enum cap_exception exception = core_start_check(s->core, p->owner, grants, reads_log);

    if (exception != CAP_EX_NONE)
        return exception;
    if (!budget_covers(&p->owner->budget, BUDGET_PROCESSES, 1))
        return CAP_EX_BUDGET;
    *at = 0;
    while (*at < HANDLES_MAX && s->handles[*at].used)
        (*at)++;
    return *at == HANDLES_MAX ? CAP_EX_EXHAUSTED : CAP_EX_NONE;
}

/* Is one of the grants the audit log? All were found. */
static bool gives_log(const struct system *s, const struct process *p, const struct spawn_copy *copy)
{
    for (uint32_t i = 0; i < copy->grant_count; i++) {
        const struct cap_lookup found = ring_lookup(s, p, copy->grants[i].cap);

        if (object_at(&s->core->objects, found.object)->interface == CAP_IF_AUDIT)
            return true;
    }
    return false;
}

static void give(struct system *s, const struct process *p, const struct spawn_copy *copy, uint16_t child)
{
    for (uint32_t i = 0; i < copy->grant_count; i++) {
        const struct spawn_grant *g = &copy->grants[i];
        cap_id made = CAP_NONE;
        const enum cap_exception exception =
            process_transfer(s, p->index, g->cap, child, g->move != 0, &made);
        bool named;

        ASSERT(exception == CAP_EX_NONE); /* decided before */
        named = process_name_grant(s, child, g->name, made);
        ASSERT(named);
    }
}

static struct object_reply start(struct system *s, const struct object_call *call,
                                 const struct spawn_copy *copy)
{
    struct process *p = process_at(s, call->process);
    const struct system_program *program = &s->programs[call->args[0]];
    struct process_request request = {.file = program->bytes,
                                      .length = program->length,
                                      .memory_pages = copy->request.pages,
                                      .text = copy->request.text};
    struct object_reply reply = check_grants(s, p, copy);
    enum cap_exception exception;
    enum system_error error;
    uint16_t at, child;
    uint32_t detail;
    cap_id cap;

    if (reply.exception != CAP_EX_NONE || reply.result != SYS_OK)
        return reply;
    request.reads_log = gives_log(s, p, copy);
    exception = check_starter(s, p, copy->grant_count, request.reads_log, &at);
    if (exception != CAP_EX_NONE)
        return reply_denied(exception);
    memcpy(request.name, copy->request.name, sizeof request.name);
    error = process_create(s, &request, &child, &detail);
    if (error != SYS_OK) {
        reply.result = (uint16_t)error;
        reply.value = detail;
        return reply;
    }
    give(s, p, copy, child);
    (void)budget_reserve(&p->owner->budget, BUDGET_PROCESSES, 1);
    s->handles[at] = (struct process_handle){.process = child, .owner = p->index, .used = true};
    cap = core_grant(s->core, p->owner, CAP_IF_PROCESS, at, call->object, AUDIT_BDF_NONE,
                     &s->handles[at].object);
    process_start(s, child);
    return reply_ok(0, cap);
}

struct object_reply spawner_call(struct system *s, const struct object_call *call)
{
    struct spawn_copy copy;
    enum system_error error;

    if (call->method == SPAWNER_COUNT)
        return reply_ok(s->program_count, CAP_NONE);
    if (call->method == SPAWNER_PACKAGE)
        return memory_package(s, call);
    if (call->args[0] >= s->program_count)
        return reply_result(SYS_E_NAME);
    if (call->args[1] > STARTUP_GRANTS_MAX)
        return reply_result(SYS_E_VALUE);
    copy.grant_count = (uint32_t)call->args[1];
    if (call->range_bytes != sizeof copy.request + copy.grant_count * sizeof copy.grants[0])
        return reply_status(RING_E_RANGE);
    memcpy(&copy.request, call->range, sizeof copy.request);
    memcpy(copy.grants, call->range + sizeof copy.request, copy.grant_count * sizeof copy.grants[0]);
    error = check_form(&copy);
    if (error != SYS_OK)
        return reply_result(error);
    copy.request.text[copy.request.text_bytes] = '\0';
    return start(s, call, &copy);
}
