/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners and sockets as the kernel knows them: each is one client capability of netd's own endpoint, told
 * by its badge. One standing call tells when nobody can call with one of the badges any more; then the object
 * is closed, as its holder would have. */
#include "stack/netd/netd.h"

#include "abi/assert.h"
#include "abi/memory.h"

static uint64_t *badge_at(struct netd *n, const struct netd_object *o)
{
    return (uint64_t *)(void *)n->badges.at + (o - n->objects);
}

struct netd_object *netd_object_new(struct netd *n, enum netd_kind kind)
{
    for (uint32_t i = 0; i < NETD_OBJECTS; i++) {
        struct netd_object *o = &n->objects[i];

        if (o->kind != NETD_FREE)
            continue;
        memset(o, 0, sizeof *o);
        o->kind = (uint8_t)kind;
        o->netd = n;
        o->badge = (i + 1u) | ++n->next_life << 16;
        n->counters[kind == NETD_LISTENER ? NET_COUNTER_LISTENERS : NET_COUNTER_SOCKETS]++;
        return o;
    }
    n->counters[NET_COUNTER_EXHAUSTED]++;
    return NULL;
}

void netd_object_free(struct netd_object *o)
{
    struct netd *n = o->netd;

    ASSERT(o->kind != NETD_FREE);
    if (o->kind == NETD_TCP)
        netd_event_end(o);
    netd_detach(o);
    *badge_at(n, o) = 0;
    n->counters[o->kind == NETD_LISTENER ? NET_COUNTER_LISTENERS : NET_COUNTER_SOCKETS]--;
    o->kind = NETD_FREE;
}

struct netd_object *netd_object_of(struct netd *n, uint64_t badge)
{
    const uint32_t i = (uint32_t)(badge & 0xffffu) - 1u;

    return i < NETD_OBJECTS && n->objects[i].kind != NETD_FREE && n->objects[i].badge == badge
               ? &n->objects[i]
               : NULL;
}

bool netd_hand(struct netd_object *o, uint64_t token, enum cap_interface interface, uint64_t value)
{
    struct netd *n = o->netd;
    struct ring_client *ring = &n->rt->ring;
    const struct ring_completion made =
        ring_call(ring, n->endpoint, ENDPOINT_CLIENT, RING_ARGS(interface, o->badge), NULL);

    if (!ring_completed(&made)) {
        n->counters[NET_COUNTER_EXHAUSTED]++;
        netd_answer(n, token, NET_E_NO_MEMORY, 0);
        return false;
    }
    /* Before anybody else has it: from now on its end is noticed. */
    *badge_at(n, o) = o->badge;
    o->handed = true;
    const struct ring_extra along = ring_move(made.cap);
    const struct ring_completion answered = ring_return(ring, token, NET_OK, value, &along);
    if (ring_completed(&answered)) {
        netd_watch(n);
        return true;
    }
    *badge_at(n, o) = 0;
    o->handed = false;
    (void)ring_release(ring, made.cap);
    if (answered.status != RING_E_TOKEN) /* the caller has no room for it; else it is no more */
        netd_answer(n, token, NET_E_NO_MEMORY, 0);
    return false;
}

void netd_watch(struct netd *n)
{
    const struct ring_extra list = ring_range(n->badges.cap, 0, NETD_OBJECTS * (uint32_t)sizeof(uint64_t));
    const struct ring_submission gone = ring_make_call(n->endpoint, ENDPOINT_GONE, NULL, &list);

    if (!n->gone_asked)
        n->gone_asked = ring_submit(&n->rt->ring, NETD_USER_GONE, &gone);
}

void netd_gone(struct netd *n, const struct ring_completion *done)
{
    n->gone_asked = false;
    if (ring_completed(done) && done->value < NETD_OBJECTS) {
        struct netd_object *o = &n->objects[done->value];

        if (o->kind != NETD_FREE && o->handed) {
            netd_object_close(o);
            netd_object_free(o);
        }
    }
    netd_watch(n);
}

void netd_object_close(struct netd_object *o)
{
    o->closed = true;
    switch ((enum netd_kind)o->kind) {
    case NETD_LISTENER:
        netd_witness_unlistened(o);
        netd_listener_close(o);
        return;
    case NETD_TCP:
        netd_tcp_close(o);
        return;
    case NETD_UDP:
        netd_udp_close(o);
        return;
    case NETD_FREE:
        break;
    }
    ASSERT(false); /* the caller has one that is there */
}

enum net_error netd_object_state(const struct netd_object *o)
{
    const bool away = o->netd->nic.state != NIC_UP;

    if (o->closed || away)
        return o->kind == NETD_LISTENER ? NET_E_INVALID_LISTENER : NET_E_INVALID_SOCKET;
    return o->lost ? NET_E_DISCONNECTED : NET_OK;
}

/* Connections that nobody accepted go with their listener. */
void netd_objects_lost(struct netd *n)
{
    for (uint32_t i = 0; i < NETD_OBJECTS; i++) {
        struct netd_object *o = &n->objects[i];

        if (o->kind == NETD_FREE || o->lost)
            continue;
        o->lost = true;
        if (o->kind == NETD_LISTENER) {
            netd_complete(n, &o->listener.accept, NET_E_DISCONNECTED, 0);
            netd_event_close(o, NET_E_DISCONNECTED);
            netd_listener_close(o);
        } else if (o->kind == NETD_TCP && o->tcp.connect.used) { /* nobody has it yet */
            netd_complete(n, &o->tcp.connect, NET_E_DISCONNECTED, 0);
            netd_tcp_abort(o);
            netd_object_free(o);
        } else if (o->kind == NETD_TCP) {
            netd_complete(n, &o->tcp.send, NET_E_DISCONNECTED, 0);
            netd_complete(n, &o->tcp.recv, NET_E_DISCONNECTED, 0);
            netd_tcp_abort(o);
            netd_detach(o); /* no call names it any more: its holder may share the memory anew */
        } else {
            netd_complete(n, &o->udp.recv, NET_E_DISCONNECTED, 0);
            netd_udp_close(o);
        }
    }
}

static uint64_t expire(struct netd *n, struct netd_wait *w, uint64_t now_ns, uint64_t due_ns)
{
    if (netd_wait_over(w, now_ns))
        netd_complete(n, w, w->done > 0 ? NET_OK : NET_E_TIMEOUT, w->done);
    return netd_wait_due(w, due_ns);
}

uint64_t netd_objects_expire(struct netd *n, uint64_t now_ns)
{
    uint64_t due_ns = NETD_FOREVER;

    for (uint32_t i = 0; n->timed != 0 && i < NETD_OBJECTS; i++) { /* they lie on many pages */
        struct netd_object *o = &n->objects[i];

        if (o->kind == NETD_LISTENER) {
            due_ns = expire(n, &o->listener.accept, now_ns, due_ns);
            due_ns = expire(n, &o->listener.event, now_ns, due_ns);
        } else if (o->kind == NETD_UDP) {
            due_ns = expire(n, &o->udp.recv, now_ns, due_ns);
        } else if (o->kind == NETD_TCP) {
            due_ns = expire(n, &o->tcp.send, now_ns, due_ns);
            due_ns = expire(n, &o->tcp.recv, now_ns, due_ns);
            if (netd_wait_over(&o->tcp.connect, now_ns)) {
                netd_complete(n, &o->tcp.connect, NET_E_TIMEOUT, 0);
                netd_tcp_abort(o);
                netd_object_free(o);
            } else {
                due_ns = netd_wait_due(&o->tcp.connect, due_ns);
            }
        }
    }
    return due_ns;
}

static enum net_socket told_tcp(const struct netd_tcp *s)
{
    const struct tcp_pcb *pcb = s->pcb;

    if (pcb == NULL)
        return NET_SOCKET_ENDED;
    if (pcb->state < ESTABLISHED || s->listener != NULL)
        return NET_SOCKET_CONNECTS;
    return pcb->state == ESTABLISHED && !s->peer_closed && !s->shut ? NET_SOCKET_OPEN : NET_SOCKET_CLOSES;
}

uint64_t netd_socket_told(const struct netd *n, uint64_t place, bool address)
{
    const struct netd_object *o = &n->objects[place];

    switch ((enum netd_kind)o->kind) {
    case NETD_LISTENER:
        return address ? 0 : NET_SOCKET_LISTENS | (uint64_t)o->listener.port << 16;
    case NETD_TCP:
        return address ? ip4_addr_get_u32(ip_2_ip4(&o->tcp.peer))
                       : told_tcp(&o->tcp) | (uint64_t)o->tcp.port << 16 | (uint64_t)o->tcp.peer_port << 32;
    case NETD_UDP:
        return address ? 0
                       : NET_SOCKET_UDP | (uint64_t)(o->udp.pcb != NULL ? o->udp.pcb->local_port : 0u) << 16;
    case NETD_FREE:
        break;
    }
    return NET_SOCKET_NONE;
}
