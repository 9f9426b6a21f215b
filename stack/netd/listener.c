/* SPDX-License-Identifier: BSD-2-Clause */
/* TcpListenAuthority and TcpListener (what it tells: event.c). The port comes with the badge, which the
 * kernel vouches for; backlog and source prefix are words of the manifest in this process's own start-up
 * text. */
#include "stack/netd/netd.h"

#include "abi/assert.h"
#include "abi/package.h"
#include "evidence/text.h"

#define BACKLOG_DEFAULT 8u
#define KEY_BYTES       16u

/* A decimal number at `*at`, moved behind it. */
static uint32_t number(const char **at, const char *end)
{
    uint32_t value = 0;

    for (; *at < end && **at >= '0' && **at <= '9' && value < 100000u; (*at)++)
        value = value * 10u + (uint32_t)(**at - '0');
    return value;
}

/* `BACKLOG` or `BACKLOG,a.b.c.d/BITS`, as the package's maker wrote it. */
static void read_rule(const char *at, size_t bytes, struct netd_listener *l)
{
    const char *end = at + bytes;
    uint32_t address = 0;
    const uint32_t backlog = number(&at, end);

    if (backlog >= 1 && backlog <= NETD_BACKLOG_MAX)
        l->backlog = (uint8_t)backlog;
    if (at == end || *at != ',')
        return;
    for (uint32_t i = 0; i < 4u; i++) {
        at++;
        address |= (number(&at, end) & 0xffu) << (8u * i);
    }
    at++;
    ip4_addr_set_u32(&l->prefix, address);
    const uint32_t bits = at < end ? number(&at, end) : 32u;
    l->prefix_bits = (uint8_t)(bits <= 32u ? bits : 32u);
}

static void find_rule(const struct netd *n, struct netd_listener *l)
{
    char key[KEY_BYTES];
    struct text t = text_over(key, sizeof key - 1u);
    size_t bytes = 0;

    text_string(&t, "listen_");
    text_u64(&t, l->port);
    key[t.used] = 0;
    l->backlog = BACKLOG_DEFAULT;
    const char *rule = rt_parameter(n->rt, key, &bytes);
    if (rule != NULL)
        read_rule(rule, bytes, l);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct netd_object *o = arg, *made;

    if (error != ERR_OK || pcb == NULL || o == NULL)
        return ERR_VAL;
    made = netd_object_new(o->netd, NETD_TCP);
    if (made == NULL) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    netd_tcp_adopt(made, pcb);
    tcp_backlog_delayed(pcb);
    made->tcp.listener = o;
    if (o->listener.last != NULL)
        o->listener.last->next = made;
    else
        o->listener.first = made;
    o->listener.last = made;
    o->listener.waiting++;
    netd_listener_progress(o);
    return ERR_OK;
}

static bool port_taken(const struct netd *n, uint16_t port)
{
    for (uint32_t i = 0; i < NETD_OBJECTS; i++) {
        if (n->objects[i].kind == NETD_LISTENER && n->objects[i].listener.pcb != NULL &&
            n->objects[i].listener.port == port)
            return true;
    }
    return false;
}

/* NET_OK: `o` listens. */
static enum net_error listen_on(struct netd_object *o, uint64_t backlog)
{
    struct netd_listener *l = &o->listener;
    struct tcp_pcb *pcb, *listening;
    err_t error = ERR_OK;

    find_rule(o->netd, l);
    if (backlog > l->backlog)
        return NET_E_VALUE;
    if (backlog != 0)
        l->backlog = (uint8_t)backlog;
    pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
    if (pcb == NULL)
        return NET_E_NO_MEMORY;
    ip_set_option(pcb,
                  SOF_REUSEADDR); /* those of an earlier listener that wait out their time do not count */
    error = tcp_bind(pcb, IP4_ADDR_ANY, l->port);
    listening =
        error == ERR_OK ? tcp_listen_with_backlog_and_err(pcb, TCP_DEFAULT_LISTEN_BACKLOG, &error) : NULL;
    if (listening == NULL) {
        tcp_abort(pcb);
        return error == ERR_USE ? NET_E_IN_USE : NET_E_NO_MEMORY;
    }
    l->pcb = listening;
    tcp_arg(listening, o);
    tcp_accept(listening, on_accept);
    return NET_OK;
}

void netd_listen_call(struct netd *n, const struct ring_received *call)
{
    const uint16_t port = PACKAGE_BADGE_PORT(call->badge);
    struct netd_object *o;
    enum net_error error;

    if (call->method != LISTEN_OPEN || port == 0) {
        n->counters[NET_COUNTER_REFUSED_CALLS]++;
        netd_answer(n, call->token, NET_E_VALUE, 0);
        return;
    }
    error = n->nic.state != NIC_UP ? NET_E_DEVICE_UNAVAILABLE : port_taken(n, port) ? NET_E_IN_USE : NET_OK;
    o = error == NET_OK ? netd_object_new(n, NETD_LISTENER) : NULL;
    if (o == NULL) {
        netd_answer(n, call->token, error == NET_OK ? NET_E_NO_MEMORY : error, 0);
        return;
    }
    o->listener.port = port;
    error = listen_on(o, call->args[0]);
    if (error != NET_OK)
        netd_answer(n, call->token, error, 0);
    else if (netd_hand(o, call->token, CAP_IF_TCP_LISTENER, port))
        return;
    netd_listener_close(o);
    netd_object_free(o);
}

void netd_listener_progress(struct netd_object *o)
{
    struct netd_listener *l = &o->listener;
    struct netd *n = o->netd;

    while (l->accept.used && l->first != NULL) {
        struct netd_object *made = l->first;
        const uint64_t token = l->accept.token;

        netd_wait_end(n, &l->accept);
        if (!netd_hand(made, token, CAP_IF_TCP_SOCKET, (uint64_t)(made - n->objects)))
            return; /* it waits on, for the next accept */
        l->first = made->next;
        if (l->first == NULL)
            l->last = NULL;
        l->waiting--;
        made->next = NULL;
        made->tcp.listener = NULL;
        n->counters[NET_COUNTER_ACCEPTED]++;
        if (made->tcp.pcb != NULL) {
            tcp_backlog_accepted(made->tcp.pcb);
            tcp_setprio(made->tcp.pcb, TCP_PRIO_MAX); /* no new connection takes its place */
        }
        netd_share(made, o);
        netd_event_begin(made, o);
        netd_tcp_progress(made); /* what came meanwhile is to be told */
    }
}

void netd_listener_forget(struct netd_object *listener, struct netd_object *tcp)
{
    struct netd_object **link = &listener->listener.first, *before = NULL;

    while (*link != NULL && *link != tcp) {
        before = *link;
        link = &before->next;
    }
    ASSERT(*link == tcp);
    *link = tcp->next;
    listener->listener.waiting--;
    if (listener->listener.last == tcp)
        listener->listener.last = before;
}

void netd_listener_close(struct netd_object *o)
{
    struct netd_listener *l = &o->listener;

    netd_complete(o->netd, &l->accept, NET_E_INVALID_LISTENER, 0);
    netd_event_close(o, NET_E_INVALID_LISTENER);
    netd_detach(o); /* what was accepted keeps it */
    while (l->first != NULL) {
        struct netd_object *waits = l->first;

        l->first = waits->next;
        waits->tcp.listener = NULL;
        netd_tcp_abort(waits);
        netd_object_free(waits);
    }
    l->last = NULL;
    l->waiting = 0;
    if (l->pcb != NULL) {
        netd_half_open_end(o);
        tcp_arg(l->pcb, NULL);
        (void)tcp_close(l->pcb); /* of a listener: never fails */
        l->pcb = NULL;
    }
}

void netd_listener_call(struct netd_object *o, const struct ring_received *call)
{
    struct netd *n = o->netd;
    enum net_error error = netd_object_state(o);

    switch ((enum listener_method)call->method) {
    case LISTENER_CLOSE:
        netd_object_close(o);
        netd_answer(n, call->token, NET_OK, 0);
        return;
    case LISTENER_ACCEPT:
        if (error == NET_OK)
            error = netd_wait_begin(n, &o->listener.accept, call->token, call->args[0]);
        if (error == NET_OK) {
            netd_listener_progress(o);
            return;
        }
        break;
    case LISTENER_BUFFER:
        if (error == NET_OK) { /* a call that waits names its socket's, which that keeps */
            netd_attach(o, call, false);
            return;
        }
        break;
    case LISTENER_EVENT:
        if (error == NET_OK) {
            netd_event_call(o, call);
            return;
        }
        break;
    default:
        n->counters[NET_COUNTER_REFUSED_CALLS]++;
        error = NET_E_VALUE;
    }
    netd_answer(n, call->token, error, 0);
}
