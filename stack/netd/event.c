/* SPDX-License-Identifier: BSD-2-Clause */
/* LISTENER_EVENT: one call that tells of every socket which a listener accepted, for a holder of more of them
 * than it may have calls that wait. Each socket says what it awaits and what it has to tell; the listener has
 * a bit for each that has something, and looks for the next from behind the last: what happens costs the
 * same however many sockets there are. */
#include "abi/assert.h"
#include "stack/netd/netd.h"

static uint32_t place_of(const struct netd_object *o)
{
    return (uint32_t)(o - o->netd->objects);
}

/* Round robin. NULL: nothing is to be told. */
static struct netd_object *find(struct netd_object *listener)
{
    struct netd_listener *l = &listener->listener;

    for (uint32_t i = 0; i <= NETD_EVENT_WORDS;
         i++) { /* the first word twice: behind `next`, and before it */
        const uint32_t word = (l->next / 64u + i) % NETD_EVENT_WORDS;
        const uint64_t bits = l->told[word] & (i == 0 ? ~0ull << l->next % 64u : ~0ull);

        if (bits != 0)
            return &listener->netd->objects[word * 64u + (uint32_t)__builtin_ctzll(bits)];
    }
    return NULL;
}

static void mark(struct netd_object *tcp, uint8_t pending)
{
    const uint32_t place = place_of(tcp);
    uint64_t *word = &tcp->tcp.teller->listener.told[place / 64u];

    tcp->tcp.pending = pending;
    if (pending != 0)
        *word |= 1ull << place % 64u;
    else
        *word &= ~(1ull << place % 64u);
}

/* A call that waits and something that is to be told meet. */
static void step(struct netd_object *listener)
{
    struct netd_listener *l = &listener->listener;
    struct netd_object *tcp = NULL;
    uint64_t value = 0;
    uint32_t count = 0;

    while (l->event.used && count < l->event_most && (tcp = find(listener)) != NULL) {
        const uint32_t place = place_of(tcp), flags = tcp->tcp.pending;

        ASSERT(tcp->kind == NETD_TCP && tcp->tcp.teller == listener && flags != 0);
        value |= NET_EVENT(count, place, flags);
        l->next = (place + 1u) % NETD_OBJECTS;
        mark(tcp, 0);
        count++;
    }
    if (count != 0)
        netd_complete(listener->netd, &l->event, NET_OK, value);
}

void netd_events_step(struct netd *n)
{
    for (uint32_t i = 0; i < NETD_EVENT_WORDS; i++) {
        for (; n->telling[i] != 0; n->telling[i] &= n->telling[i] - 1u) {
            struct netd_object *o = &n->objects[i * 64u + (uint32_t)__builtin_ctzll(n->telling[i])];

            if (o->kind == NETD_LISTENER)
                step(o);
        }
    }
}

void netd_event_call(struct netd_object *listener, const struct ring_received *call)
{
    struct netd *n = listener->netd;
    struct netd_wait *w = &listener->listener.event;
    const enum net_error error =
        call->args[1] > NET_EVENTS ? NET_E_VALUE : netd_wait_begin(n, w, call->token, call->args[0]);

    if (error != NET_OK) {
        netd_answer(n, call->token, error, 0);
        return;
    }
    listener->listener.event_most = call->args[1] == 0 ? 1u : (uint32_t)call->args[1];
    step(listener);
    if (call->args[0] == 0)
        netd_complete(n, w, NET_E_TIMEOUT, 0);
}

void netd_event_begin(struct netd_object *tcp, struct netd_object *listener)
{
    tcp->tcp.teller = listener;
    tcp->tcp.awaited = NET_EVENT_READ;
}

void netd_event_end(struct netd_object *tcp)
{
    if (tcp->tcp.teller == NULL)
        return;
    mark(tcp, 0);
    tcp->tcp.awaited = 0;
    tcp->tcp.teller = NULL;
}

void netd_event_close(struct netd_object *listener, enum net_error error)
{
    struct netd *n = listener->netd;

    netd_complete(n, &listener->listener.event, error, 0);
    for (uint32_t i = 0; i < NETD_OBJECTS; i++) {
        if (n->objects[i].kind == NETD_TCP && n->objects[i].tcp.teller == listener)
            netd_event_end(&n->objects[i]);
    }
}

void netd_event_rearm(struct netd_object *tcp, uint8_t flag)
{
    if (tcp->tcp.teller == NULL)
        return;
    mark(tcp, tcp->tcp.pending & (uint8_t)~flag);
    tcp->tcp.awaited |= flag;
}

void netd_event_raise(struct netd_object *tcp, uint8_t flag)
{
    if ((tcp->tcp.awaited & flag) == 0)
        return;
    tcp->tcp.awaited &= (uint8_t)~flag;
    mark(tcp, tcp->tcp.pending | flag);
    /* Told once all that came with it is known. */
    tcp->netd->telling[place_of(tcp->tcp.teller) / 64u] |= 1ull << place_of(tcp->tcp.teller) % 64u;
}
