/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls as they come: to whom they go, how they are answered, and the buffers that holders share. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "stack/netd/netd.h"

void netd_answer(struct netd *n, uint64_t token, enum net_error error, uint64_t value)
{
    const struct ring_submission answer = ring_make_return(token, (uint16_t)error, value, NULL);

    /* Its own completion says at most that the caller is no more. */
    if (n->answers < NETD_ANSWERS && ring_submit(&n->rt->ring, NETD_USER_ANSWER, &answer))
        n->answers++;
    else
        (void)ring_do(&n->rt->ring, &answer);
}

void netd_wait_end(struct netd *n, struct netd_wait *w)
{
    ASSERT(w->used);
    w->used = false;
    n->timed -= w->deadline_ns != NETD_FOREVER;
}

void netd_complete(struct netd *n, struct netd_wait *w, enum net_error error, uint64_t value)
{
    if (!w->used)
        return;
    netd_wait_end(n, w);
    netd_answer(n, w->token, error, value);
}

enum net_error netd_wait_begin(struct netd *n, struct netd_wait *w, uint64_t token, uint64_t ns)
{
    const uint64_t now_ns = ring_now(&n->rt->ring);

    if (w->used)
        return NET_E_BUSY;
    *w = (struct netd_wait){.used = true, .token = token};
    w->deadline_ns = ns > NETD_FOREVER - now_ns ? NETD_FOREVER : now_ns + ns;
    n->timed += w->deadline_ns != NETD_FOREVER;
    return NET_OK;
}

uint64_t netd_wait_due(const struct netd_wait *w, uint64_t due_ns)
{
    return w->used && w->deadline_ns < due_ns ? w->deadline_ns : due_ns;
}

bool netd_wait_over(const struct netd_wait *w, uint64_t now_ns)
{
    return w->used && w->deadline_ns <= now_ns;
}

void netd_detach(struct netd_object *o)
{
    struct ring_client *ring = &o->netd->rt->ring;
    struct netd_buffer *b = o->buffer;

    o->buffer = NULL;
    if (b == NULL || --b->users > 0)
        return;
    (void)ring_call(ring, b->cap, MEMORY_UNMAP, NULL, NULL);
    (void)ring_release(ring, b->cap);
    *b = (struct netd_buffer){0};
}

void netd_share(struct netd_object *o, const struct netd_object *from)
{
    ASSERT(o->buffer == NULL);
    o->buffer = from->buffer;
    if (o->buffer != NULL)
        o->buffer->users++;
}

/* `o` has none. */
static void keep_buffer(struct netd_object *o, cap_id cap, uint8_t *at, uint32_t bytes)
{
    struct netd *n = o->netd;
    uint32_t i = 0;

    while (i < NETD_OBJECTS && n->buffers[i].users > 0)
        i++;
    ASSERT(i < NETD_OBJECTS && o->buffer == NULL); /* all others have one at most */
    o->buffer = &n->buffers[i];
    *o->buffer = (struct netd_buffer){cap, at, bytes, 1};
}

/* The holder has no memory: a page or more of this process's, which both hold. */
static void make_buffer(struct netd_object *o, const struct ring_received *call)
{
    struct netd *n = o->netd;
    struct rt_memory made;

    if (call->args[0] == 0 || call->args[0] > NET_BUFFER_SERVED_MAX) {
        netd_answer(n, call->token, NET_E_VALUE, 0);
        return;
    }
    netd_detach(o);
    if (!rt_memory_make(n->rt, (uint32_t)call->args[0], &made)) {
        n->counters[NET_COUNTER_EXHAUSTED]++;
        netd_answer(n, call->token, NET_E_NO_MEMORY, 0);
        return;
    }
    const struct ring_extra along = ring_copy(made.cap);
    const struct ring_completion answered =
        ring_return(&n->rt->ring, call->token, NET_OK, call->args[0], &along);
    keep_buffer(o, made.cap, made.at, made.bytes);
    if (ring_completed(&answered))
        return;
    netd_detach(o);
    if (answered.status != RING_E_TOKEN)
        netd_answer(n, call->token, NET_E_NO_MEMORY, 0);
}

void netd_attach(struct netd_object *o, const struct ring_received *call, bool busy)
{
    struct netd *n = o->netd;
    struct ring_client *ring = &n->rt->ring;

    if (busy) {
        netd_answer(n, call->token, NET_E_BUSY, 0);
        return;
    }
    if (cap_is_none(call->cap)) {
        make_buffer(o, call);
        return;
    }
    if (call->cap_interface != CAP_IF_MEMORY) { /* asking another program would be waiting for it */
        n->counters[NET_COUNTER_REFUSED_CALLS]++;
        netd_answer(n, call->token, NET_E_VALUE, 0);
        return;
    }
    netd_detach(o);
    const struct ring_completion bytes = ring_call(ring, call->cap, MEMORY_BYTES, NULL, NULL);
    const struct ring_completion mapped = ring_call(ring, call->cap, MEMORY_MAP, RING_ARGS(1), NULL);
    if (!ring_completed(&bytes) || !ring_completed(&mapped)) {
        netd_answer(n, call->token, mapped.result == SYS_E_NO_MEMORY ? NET_E_NO_MEMORY : NET_E_VALUE, 0);
        return;
    }
    keep_buffer(o, call->cap, (uint8_t *)(uintptr_t)mapped.value,
                bytes.value < NET_BUFFER_BYTES_MAX ? (uint32_t)bytes.value : NET_BUFFER_BYTES_MAX);
    netd_answer(n, call->token, NET_OK, o->buffer->bytes);
}

bool netd_in_buffer(const struct netd_object *o, uint64_t offset, uint64_t length)
{
    return o->buffer != NULL && length > 0 && length <= o->buffer->bytes &&
           offset <= o->buffer->bytes - length;
}

static void object_call(struct netd *n, const struct ring_received *call)
{
    struct netd_object *o = netd_object_of(n, call->badge);

    if (o == NULL) /* nobody has such a capability: it would have been told by its end */
        netd_answer(n, call->token, NET_E_INVALID_SOCKET, 0);
    else if (o->kind == NETD_LISTENER)
        netd_listener_call(o, call);
    else if (o->kind == NETD_TCP)
        netd_tcp_call(o, call);
    else
        netd_udp_call(o, call);
    /* Kept as the buffer, or of no use. */
    if (!cap_is_none(call->cap) && (o == NULL || o->buffer == NULL || !cap_same(o->buffer->cap, call->cap)))
        (void)ring_release(&n->rt->ring, call->cap);
}

cap_id netd_endpoint(const struct netd *n, uint32_t place)
{
    if (place < NETD_PLACE_LISTEN)
        return n->manager;
    if (place < NETD_PLACE_STATUS)
        return n->listen;
    if (place < NETD_PLACE_OBJECTS)
        return place == NETD_PLACE_STATUS ? n->status : n->connect;
    return n->endpoint;
}

void netd_call(struct netd *n, const struct ring_completion *done)
{
    const struct ring_received call = ring_received(&n->rt->ring, done);
    const uint32_t place = done->inbox;
    cap_id endpoint = n->endpoint;

    ASSERT(place < NETD_PLACES);
    if (place >= NETD_PLACE_OBJECTS) {
        object_call(n, &call);
    } else {
        endpoint = netd_endpoint(n, place);
        if (place == NETD_PLACE_CONNECT)
            netd_connect_call(n, &call);
        else if (place == NETD_PLACE_LISTEN || place == NETD_PLACE_LISTEN + 1u)
            netd_listen_call(n, &call);
        else
            netd_network_call(n, &call, place == NETD_PLACE_STATUS);
        if (!cap_is_none(call.cap))
            (void)ring_release(&n->rt->ring, call.cap);
    }
    const bool taken = ring_recv(&n->rt->ring, place, endpoint, place);
    ASSERT(taken);
}
