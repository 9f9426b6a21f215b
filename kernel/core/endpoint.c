/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints and their client capabilities: what they are and how they end. The calls are call.c's. A client
 * object is derived from its endpoint and dies with it; who was called is told by the badge, never by a name.
 */
#include "kernel/core/parts.h"

struct object_reply endpoint_create(struct system *s, const struct object_call *call)
{
    struct owner *owner = process_at(s, call->process)->owner;
    enum cap_exception exception = core_grant_check(s->core, owner);
    uint16_t at = 0;

    while (at < ENDPOINTS_MAX && s->endpoints[at].used)
        at++;
    if (exception == CAP_EX_NONE && at == ENDPOINTS_MAX)
        exception = CAP_EX_EXHAUSTED;
    if (exception == CAP_EX_NONE && !budget_reserve(&owner->budget, BUDGET_ENDPOINTS, 1))
        exception = CAP_EX_BUDGET;
    if (exception != CAP_EX_NONE)
        return reply_denied(exception);
    s->endpoints[at] = (struct endpoint){.server = PROCESS_NONE, .used = true};
    return reply_ok(0, core_grant(s->core, owner, CAP_IF_ENDPOINT, at, call->object, AUDIT_BDF_NONE,
                                  &s->endpoints[at].object));
}

static struct object_reply make_client(struct system *s, const struct object_call *call)
{
    struct owner *owner = process_at(s, call->process)->owner;
    enum cap_exception exception = core_grant_check(s->core, owner);
    uint16_t at = 0;

    if (call->args[0] < CAP_IF_NIC || call->args[0] >= CAP_IF_COUNT)
        return reply_result(SYS_E_VALUE);
    while (at < CLIENTS_MAX && s->clients[at].used)
        at++;
    if (exception == CAP_EX_NONE && at == CLIENTS_MAX)
        exception = CAP_EX_EXHAUSTED;
    if (exception == CAP_EX_NONE && !budget_reserve(&owner->budget, BUDGET_ENDPOINTS, 1))
        exception = CAP_EX_BUDGET;
    if (exception != CAP_EX_NONE)
        return reply_denied(exception);
    s->clients[at] = (struct client){.badge = call->args[1], .endpoint = call->payload, .used = true};
    return reply_ok(0, core_grant(s->core, owner, (uint8_t)call->args[0], at, call->object, AUDIT_BDF_NONE,
                                  &s->clients[at].object));
}

static bool may_call(const struct system *s, uint16_t endpoint, uint64_t badge)
{
    for (uint16_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *c = &s->clients[i];

        if (c->used && c->endpoint == endpoint && c->badge == badge)
            return true;
    }
    return false;
}

/* Nobody can call with this badge any more, or with one of those in the range. */
static struct object_reply client_gone(struct system *s, const struct object_call *call)
{
    const uint32_t count = call->range_bytes / (uint32_t)sizeof(uint64_t);

    if (call->range == NULL)
        return may_call(s, call->payload, call->args[0]) ? reply_waits() : reply_ok(0, CAP_NONE);
    if (count == 0 || count > ENDPOINT_BADGES_MAX || call->range_bytes % sizeof(uint64_t) != 0)
        return reply_result(SYS_E_VALUE);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t badge;

        memcpy(&badge, call->range + i * sizeof badge, sizeof badge);
        if (badge != 0 && !may_call(s, call->payload, badge))
            return reply_ok(i, CAP_NONE);
    }
    return reply_waits();
}

struct object_reply endpoint_call(struct system *s, const struct object_call *call)
{
    return call->method == ENDPOINT_GONE ? client_gone(s, call) : make_client(s, call);
}

/* The handles die before the record goes (I9), the charge of its owner comes back with it. */
static void end(struct system *s, uint16_t object, enum audit_kind kind)
{
    struct owner *owner = &s->core->owners[s->core->objects.entries[object].owner];

    core_revoke(s->core, object, kind, AUDIT_BDF_NONE);
    budget_refund(&owner->budget, BUDGET_ENDPOINTS, 1);
}

void client_destroy(struct system *s, uint16_t object, enum audit_kind kind)
{
    struct client *client = &s->clients[s->core->objects.entries[object].payload];

    ASSERT(client->used);
    end(s, object, kind);
    call_end_client(s, client->object);
    client->used = false;
    s->client_ended = true;
}

void endpoint_destroy(struct system *s, uint16_t object, enum audit_kind kind)
{
    const uint16_t at = s->core->objects.entries[object].payload;

    ASSERT(s->endpoints[at].used);
    call_end_endpoint(s, at, false, RING_E_DISCONNECTED);
    object_end_derived(s, object);
    end(s, object, kind);
    s->endpoints[at].used = false;
}

void endpoint_left(struct system *s, uint16_t endpoint, uint16_t process, bool gave_up)
{
    if (s->endpoints[endpoint].server != process)
        return;
    s->endpoints[endpoint].server = PROCESS_NONE;
    if (gave_up)
        call_end_endpoint(s, endpoint, true, RING_E_DISCONNECTED);
}

void endpoint_end_process(struct system *s, const struct process *p)
{
    for (uint16_t i = 0; i < ENDPOINTS_MAX; i++) {
        struct endpoint *e = &s->endpoints[i];
        /* One that died before it received anything was meant to serve as well. */
        const bool its =
            e->used && (e->server == p->index || (e->server == PROCESS_NONE && object_held(p, e->object)));

        if (!its)
            continue;
        e->server = PROCESS_NONE;
        call_end_endpoint(s, i, true, RING_E_DISCONNECTED);
    }
}
