/* SPDX-License-Identifier: BSD-2-Clause */
/* CALL on an object of the kernel: method and range are checked here, then the object is asked: the core's
 * own kinds in their files, all others behind the object door. */
#include "kernel/core/parts.h"

/* What the call names: nothing is done yet. status and exception are 0 when `range` may be used. */
static struct object_reply resolve_range(const struct system *s, const struct process *p,
                                         const struct ring_submission *r, enum range_use use,
                                         struct object_ref *object, uint8_t **range)
{
    const struct memory_object *memory;
    struct cap_lookup found;

    *range = NULL;
    *object = (struct object_ref){0, OBJECT_NONE};
    if (r->flags != RING_EXTRA_RANGE)
        return reply_status(use == RANGE_READ || use == RANGE_WRITE ? RING_E_RANGE : RING_OK);
    if (use == RANGE_NONE)
        return reply_status(RING_E_RANGE);
    found = captable_lookup(&p->owner->caps, &s->core->objects, r->extra, CAP_IF_MEMORY);
    if (found.exception != CAP_EX_NONE)
        return reply_denied(found.exception);
    memory = &s->memories[object_at(&s->core->objects, found.object)->payload];
    if (r->length == 0 || (uint64_t)r->offset + r->length > (uint64_t)memory->pages * PROCESSOR_PAGE)
        return reply_status(RING_E_RANGE);
    if (use == RANGE_WRITE && memory->foreign)
        return reply_status(RING_E_RANGE);
    *object = found.object;
    *range = memory->memory + r->offset;
    return reply_status(RING_OK);
}

static struct object_reply timer_call(struct system *s, const struct object_call *call)
{
    return s->now_ns >= call->args[0] ? reply_ok(s->now_ns, CAP_NONE) : reply_waits();
}

static struct object_reply ask(struct system *s, const struct object_call *call)
{
    switch ((enum cap_interface)call->interface) {
    case CAP_IF_MEMORY_SOURCE:
        return memory_create(s, call);
    case CAP_IF_MEMORY:
        return memory_call(s, call);
    case CAP_IF_ENDPOINT_SOURCE:
        return endpoint_create(s, call);
    case CAP_IF_ENDPOINT:
        return endpoint_call(s, call);
    case CAP_IF_TIMER:
        return timer_call(s, call);
    case CAP_IF_PROCESS:
        return process_call(s, call);
    case CAP_IF_SPAWNER:
        return spawner_call(s, call);
    default:
        return s->door.call(s->door.ctx, s, call);
    }
}

static struct object_reply serve(struct system *s, struct process *p, const struct ring_submission *r,
                                 struct object_ref object, struct object_ref *range_object)
{
    const struct object *entry = object_at(&s->core->objects, object);
    const bool own = process_core_serves(entry->interface);
    enum range_use use;
    struct object_reply reply;
    struct object_call call = {
        .process = p->index,
        .object = object.index,
        .payload = entry->payload,
        .interface = entry->interface,
        .method = r->method,
        .args = {r->args[0], r->args[1], r->args[2]},
        .cap = r->cap,
    };

    if (r->flags == RING_EXTRA_COPY || r->flags == RING_EXTRA_MOVE)
        return reply_status(RING_E_FLAGS);
    if (!method_known(entry->interface, r->method, &use))
        return reply_status(RING_E_METHOD);
    reply = resolve_range(s, p, r, use, range_object, &call.range);
    if (reply.exception != CAP_EX_NONE)
        return ring_deny(s, p, r->extra, (enum cap_exception)reply.exception);
    if (reply.status != RING_OK)
        return reply;
    call.range_bytes = call.range == NULL ? 0 : r->length;
    reply = ask(s, &call);
    if (!reply.waits && reply.status == RING_OK && reply.exception != CAP_EX_NONE &&
        (own || !s->door.denials_audited) && process_live(s, call.process))
        (void)ring_deny(s, p, r->cap, (enum cap_exception)reply.exception);
    return reply;
}

struct object_reply serve_again(struct system *s, struct process *p, const struct ring_submission *submission,
                                struct object_ref object)
{
    struct object_ref range;

    return serve(s, p, submission, object, &range);
}

static enum waiter_kind kind_of(uint8_t interface)
{
    if (interface == CAP_IF_TIMER)
        return WAITER_TIMER;
    if (interface == CAP_IF_PROCESS)
        return WAITER_PROCESS;
    return interface == CAP_IF_ENDPOINT ? WAITER_CLIENT : WAITER_DOOR;
}

struct object_reply serve_call(struct system *s, struct process *p, const struct ring_submission *submission,
                               struct object_ref object)
{
    const enum waiter_kind kind = kind_of(object_at(&s->core->objects, object)->interface);
    struct object_ref range;
    struct object_reply reply = serve(s, p, submission, object, &range);

    return reply.waits ? waiter_add(s, p, kind, submission, object, range) : reply;
}
