/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on kernel objects that wait. Owns their records; a waiter completes once: with its answer, or
 * cancelled as soon as the handle it came by no longer names its object: looked at when a handle or an object
 * ended since. The object is asked again each turn, and nothing that could be forgotten is kept about it. */
#include "kernel/core/parts.h"

struct object_reply waiter_add(struct system *s, struct process *p, enum waiter_kind kind,
                               const struct ring_submission *submission, struct object_ref object,
                               struct object_ref range)
{
    for (uint16_t i = 0; i < WAITERS_MAX; i++) {
        struct waiter *w = &s->waiters[i];

        if (w->kind != WAITER_UNUSED)
            continue;
        if (!budget_reserve(&p->owner->budget, BUDGET_CALLS, 1))
            return ring_limit(s, p, submission->cap, CAP_EX_BUDGET);
        *w = (struct waiter){.kind = (uint8_t)kind,
                             .process = p->index,
                             .object = object,
                             .range = range,
                             .submission = *submission};
        if (s->waiters_end <= i)
            s->waiters_end = (uint16_t)(i + 1u);
        return reply_waits();
    }
    return ring_limit(s, p, submission->cap, CAP_EX_EXHAUSTED);
}

static void forget(struct system *s, struct process *p, struct waiter *w)
{
    ASSERT(w->kind != WAITER_UNUSED);
    w->kind = WAITER_UNUSED;
    while (s->waiters_end > 0 && s->waiters[s->waiters_end - 1u].kind == WAITER_UNUSED)
        s->waiters_end--;
    budget_refund(&p->owner->budget, BUDGET_CALLS, 1);
}

/* The core's own: a look at the record tells what the method would. */
static bool not_yet(const struct system *s, const struct waiter *w, bool client_ended)
{
    if (w->kind == WAITER_TIMER)
        return s->now_ns < w->submission.args[0];
    if (w->kind == WAITER_CLIENT)
        return !client_ended;
    return w->kind == WAITER_PROCESS &&
           s->handles[object_at(&s->core->objects, w->object)->payload].process != PROCESS_NONE;
}

static struct object_reply look(struct system *s, struct process *p, const struct waiter *w,
                                bool client_ended)
{
    if (s->core->objects.ended != s->looked) {
        const bool here = ring_still(s, p, w->submission.cap, w->object);
        const bool range_here =
            w->range.index == OBJECT_NONE || ring_still(s, p, w->submission.extra, w->range);

        if (!here || !range_here)
            return reply_status(RING_E_CANCELLED);
    }
    return not_yet(s, w, client_ended) ? reply_waits() : serve_again(s, p, &w->submission, w->object);
}

void waiter_serve(struct system *s)
{
    const bool client_ended = s->client_ended;

    s->client_ended = false;
    for (uint16_t i = 0; i < s->waiters_end; i++) {
        struct waiter *w = &s->waiters[i];
        struct object_reply reply;
        struct process *p;

        if (w->kind == WAITER_UNUSED)
            continue;
        p = process_at(s, w->process);
        reply = look(s, p, w, client_ended);
        if (reply.waits || w->kind == WAITER_UNUSED) /* or its process ended by what was asked */
            continue;
        const uint64_t user = w->submission.user;
        forget(s, p, w);
        ring_answer(p, user, &reply);
    }
}

void waiter_end_process(struct system *s, struct process *p)
{
    for (uint16_t i = 0; i < s->waiters_end; i++) {
        if (s->waiters[i].kind != WAITER_UNUSED && s->waiters[i].process == p->index)
            forget(s, p, &s->waiters[i]);
    }
}
