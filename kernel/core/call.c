/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on endpoints: queued, received, answered. Each accepted CALL completes once, through complete(): with
 * the server's answer, disconnected, cancelled, or refused while its capability was handed over. Its record
 * is free when the completion is written, so that a token cannot be used twice. */
#include "kernel/core/parts.h"

static void forget(struct system *s, struct call *c)
{
    ASSERT(c->state != CALL_UNUSED);
    c->state = CALL_UNUSED;
    while (s->calls_end > 0 && s->calls[s->calls_end - 1u].state == CALL_UNUSED)
        s->calls_end--;
    budget_refund(&process_at(s, c->caller)->owner->budget, BUDGET_CALLS, 1);
}

static void complete(struct system *s, struct call *c, const struct object_reply *reply)
{
    const uint64_t user = c->submission.user;

    forget(s, c);
    ring_answer(process_at(s, c->caller), user, reply);
}

static void complete_status(struct system *s, struct call *c, enum ring_status status)
{
    const struct object_reply reply = reply_status(status);

    complete(s, c, &reply);
}

/* May what comes along be handed over? Nothing is done yet. */
static struct object_reply check_extra(struct system *s, const struct process *p,
                                       const struct ring_submission *r)
{
    struct cap_lookup found;

    if (r->flags == 0)
        return reply_status(RING_OK);
    if (r->flags == RING_EXTRA_RANGE)
        return reply_status(RING_E_FLAGS);
    found = ring_lookup(s, p, r->extra);
    if (found.exception != CAP_EX_NONE)
        return ring_deny(s, p, r->extra, found.exception);
    if (!process_transferable(object_at(&s->core->objects, found.object)->interface)) {
        (void)ring_deny(s, p, r->extra, CAP_EX_INTERFACE); /* a question of authority: the log has it */
        return reply_status(RING_E_FLAGS);
    }
    return reply_status(RING_OK);
}

struct object_reply call_submit(struct system *s, struct process *p, const struct ring_submission *submission,
                                struct object_ref client)
{
    const uint16_t endpoint = s->clients[object_at(&s->core->objects, client)->payload].endpoint;
    const struct object_reply extra = check_extra(s, p, submission);
    uint16_t at = 0;

    if (extra.status != RING_OK || extra.exception != CAP_EX_NONE)
        return extra;
    while (at < CALLS_MAX && s->calls[at].state != CALL_UNUSED)
        at++;
    if (at == CALLS_MAX)
        return ring_limit(s, p, submission->cap, CAP_EX_EXHAUSTED);
    if (!budget_reserve(&p->owner->budget, BUDGET_CALLS, 1))
        return ring_limit(s, p, submission->cap, CAP_EX_BUDGET);
    s->calls[at] = (struct call){.state = CALL_QUEUED,
                                 .caller = p->index,
                                 .server = PROCESS_NONE,
                                 .endpoint = endpoint,
                                 .order = s->next_order++,
                                 .client = client,
                                 .submission = *submission};
    if (s->calls_end <= at)
        s->calls_end = (uint16_t)(at + 1u);
    call_match(s, endpoint);
    return reply_waits();
}

struct object_reply call_receive(struct system *s, struct process *p,
                                 const struct ring_submission *submission)
{
    const struct cap_lookup found =
        captable_lookup(&p->owner->caps, &s->core->objects, submission->cap, CAP_IF_ENDPOINT);
    const uint64_t place = submission->args[0];
    uint16_t endpoint;

    if (found.exception != CAP_EX_NONE)
        return ring_deny(s, p, submission->cap, found.exception);
    if (place >= RING_INBOX || p->receives[place].used)
        return reply_status(RING_E_INBOX);
    if (!budget_reserve(&p->owner->budget, BUDGET_CALLS, 1))
        return ring_limit(s, p, submission->cap, CAP_EX_BUDGET);
    p->receives[place] = (struct ring_receive){.user = submission->user,
                                               .order = s->next_order++,
                                               .cap = submission->cap,
                                               .endpoint = found.object,
                                               .used = true};
    p->receiving++;
    endpoint = object_at(&s->core->objects, found.object)->payload;
    s->endpoints[endpoint].server = p->index;
    call_match(s, endpoint);
    return reply_waits();
}

/* The oldest call of the endpoint that still has its handle, or NULL. */
static struct call *oldest_call(struct system *s, uint16_t endpoint)
{
    struct call *oldest = NULL;

    for (uint16_t i = 0; i < s->calls_end; i++) {
        struct call *c = &s->calls[i];

        if (c->state != CALL_QUEUED || c->endpoint != endpoint ||
            (oldest != NULL && oldest->order < c->order))
            continue;
        if (ring_still(s, process_at(s, c->caller), c->submission.cap, c->client))
            oldest = c;
    }
    return oldest;
}

static struct ring_receive *oldest_receive(struct system *s, struct object_ref endpoint, struct process **of)
{
    struct ring_receive *oldest = NULL;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        struct process *p = &s->processes[i];

        if (p->state == PROCESS_FREE || p->state == PROCESS_ENDING || p->receiving == 0)
            continue;
        for (uint32_t place = 0; place < RING_INBOX; place++) {
            struct ring_receive *r = &p->receives[place];

            if (!r->used || !same_object(r->endpoint, endpoint) ||
                (oldest != NULL && oldest->order < r->order))
                continue;
            if (!ring_still(s, p, r->cap, endpoint))
                continue;
            oldest = r;
            *of = p;
        }
    }
    return oldest;
}

static void forget_receive(struct process *p, struct ring_receive *r)
{
    ASSERT(r->used);
    ASSERT(p->receiving > 0);
    r->used = false;
    p->receiving--;
    budget_refund(&p->owner->budget, BUDGET_CALLS, 1);
}

/* Hands over what comes along, then the call. A refused hand-over completes the call, and the receive waits
 * on: nothing has moved. */
static void deliver(struct system *s, struct call *c, struct process *server, struct ring_receive *r)
{
    const struct client *client = &s->clients[object_at(&s->core->objects, c->client)->payload];
    const struct ring_submission *sub = &c->submission;
    struct ring_received received = {
        .token = c->order,
        .badge = client->badge,
        .method = sub->method,
        .interface = object_at(&s->core->objects, c->client)->interface,
        .args = {sub->args[0], sub->args[1], sub->args[2]},
    };
    const uint64_t user = r->user;

    if (sub->flags != 0) {
        const struct process *caller = process_at(s, c->caller);
        const enum cap_exception exception = process_transfer(s, c->caller, sub->extra, server->index,
                                                              sub->flags == RING_EXTRA_MOVE, &received.cap);

        if (exception != CAP_EX_NONE) {
            const struct object_reply reply = ring_deny(s, caller, sub->extra, exception);

            complete(s, c, &reply);
            return;
        }
        received.cap_interface = server->owner->caps.slots[received.cap.index].interface;
    }
    c->state = CALL_RECEIVED;
    c->server = server->index;
    forget_receive(server, r);
    ring_answer_received(server, user, (uint32_t)(r - server->receives), &received);
}

void call_match(struct system *s, uint16_t endpoint)
{
    /* Each step takes one call out of the queue. */
    for (uint32_t step = 0; step < CALLS_MAX; step++) {
        struct process *server = NULL;
        struct call *c = oldest_call(s, endpoint);
        struct ring_receive *r = oldest_receive(s, s->endpoints[endpoint].object, &server);

        if (c == NULL || r == NULL)
            return;
        deliver(s, c, server, r);
    }
}

struct object_reply call_return(struct system *s, struct process *p, const struct ring_submission *submission)
{
    struct object_reply answer = {.result = submission->result, .value = submission->args[1]};
    const struct object_reply extra = check_extra(s, p, submission);
    uint16_t at = 0;

    while (at < s->calls_end && (s->calls[at].state != CALL_RECEIVED || s->calls[at].server != p->index ||
                                 s->calls[at].order != submission->args[0]))
        at++;
    if (at >= s->calls_end)
        return reply_status(RING_E_TOKEN);
    if (extra.status != RING_OK || extra.exception != CAP_EX_NONE)
        return extra;
    if (submission->flags != 0) {
        const enum cap_exception exception =
            process_transfer(s, p->index, submission->extra, s->calls[at].caller,
                             submission->flags == RING_EXTRA_MOVE, &answer.cap);

        if (exception != CAP_EX_NONE)
            return ring_deny(s, p, submission->extra, exception);
    }
    complete(s, &s->calls[at], &answer);
    return reply_ok(0, CAP_NONE);
}

void call_sweep(struct system *s)
{
    const struct object_reply cancelled = reply_status(RING_E_CANCELLED);

    if (s->core->objects.ended == s->looked)
        return;
    for (uint16_t i = 0; i < s->calls_end; i++) {
        struct call *c = &s->calls[i];

        if (c->state == CALL_QUEUED && !ring_still(s, process_at(s, c->caller), c->submission.cap, c->client))
            complete(s, c, &cancelled);
    }
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        struct process *p = &s->processes[i];

        if (p->state == PROCESS_FREE || p->receiving == 0)
            continue;
        for (uint32_t place = 0; place < RING_INBOX; place++) {
            struct ring_receive *r = &p->receives[place];
            const uint64_t user = r->user;

            if (!r->used || ring_still(s, p, r->cap, r->endpoint))
                continue;
            forget_receive(p, r);
            ring_answer(p, user, &cancelled);
        }
    }
}

void call_end_endpoint(struct system *s, uint16_t endpoint, bool queued_only, enum ring_status status)
{
    for (uint16_t i = 0; i < s->calls_end; i++) {
        struct call *c = &s->calls[i];

        if (c->state == CALL_UNUSED || c->endpoint != endpoint || (queued_only && c->state != CALL_QUEUED))
            continue;
        complete_status(s, c, status);
    }
}

void call_end_client(struct system *s, struct object_ref client)
{
    for (uint16_t i = 0; i < s->calls_end; i++) {
        if (s->calls[i].state != CALL_UNUSED && same_object(s->calls[i].client, client))
            complete_status(s, &s->calls[i], RING_E_CANCELLED);
    }
}

void call_end_process(struct system *s, struct process *p)
{
    for (uint16_t i = 0; i < s->calls_end; i++) {
        struct call *c = &s->calls[i];

        if (c->state == CALL_UNUSED)
            continue;
        if (c->caller == p->index)
            forget(s, c);
        else if (c->state == CALL_RECEIVED && c->server == p->index)
            complete_status(s, c, RING_E_DISCONNECTED);
    }
    for (uint32_t place = 0; place < RING_INBOX; place++) {
        if (p->receives[place].used)
            forget_receive(p, &p->receives[place]);
    }
}
