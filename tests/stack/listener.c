/* SPDX-License-Identifier: BSD-2-Clause */
/* TcpListenAuthority, TcpListener, and what happens when netd's places for objects are all taken. */
#include "abi/memory.h"
#include "tests/stack/probe.h"

#define OBJECTS 88u /* listeners and sockets that netd has places for */

static cap_id listen(struct probe *p, uint64_t backlog)
{
    const struct ring_completion done = probe_call(p, p->authority, LISTEN_OPEN, backlog, 0, 0);

    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, PORT_OURS);
    return done.cap;
}

static struct ring_completion share(struct probe *p, cap_id listener, cap_id memory)
{
    const struct ring_extra along = ring_copy(memory);

    return probe_with(p, listener, LISTENER_BUFFER, 0, 0, &along);
}

/* A listener's buffer is refused, bounded and replaced as a socket's is. */
static void shared(struct probe *p, cap_id listener)
{
    struct ring_completion done;

    RESULT(p, probe_call(p, listener, LISTENER_BUFFER, 0, 0, 0), NET_E_VALUE);
    RESULT(p, share(p, listener, p->network), NET_E_VALUE);
    for (uint32_t i = 0; i < 2u; i++) { /* nobody was accepted: the same again is no second one */
        done = share(p, listener, p->shared.cap);
        RESULT(p, done, NET_OK);
        EQUAL(p, done.value, SHARED_BYTES);
    }
    done = share(p, listener, p->second.cap);
    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, RING_PAGE_BYTES);
    RESULT(p, share(p, listener, p->shared.cap), NET_OK);
}

void probe_listeners(struct probe *p)
{
    const uint64_t before = probe_counter(p, NET_COUNTER_REFUSED_CALLS);
    cap_id listener;

    RESULT(p, probe_call(p, p->authority, 0, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->authority, LISTEN_OPEN + 1u, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->authority, LISTEN_OPEN, BACKLOG_OURS + 1u, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->authority, LISTEN_OPEN, 1ull << 32 | 1u, 0, 0), NET_E_VALUE);
    probe_left(p, 0, 0);
    listener = listen(p, BACKLOG_OURS);
    EQUAL(p, probe_counter(p, NET_COUNTER_LISTENERS), 1);
    RESULT(p, probe_call(p, p->authority, LISTEN_OPEN, 0, 0, 0), NET_E_IN_USE);
    RESULT(p, probe_call(p, listener, 0, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, listener, LISTENER_EVENT + 1u, 0, 0, 0), NET_E_VALUE);
    EQUAL(p, probe_counter(p, NET_COUNTER_REFUSED_CALLS), before + 4u);
    RESULT(p, probe_call(p, listener, LISTENER_ACCEPT, 0, 0, 0), NET_E_TIMEOUT);
    RESULT(p, probe_call(p, listener, LISTENER_ACCEPT, 30u * MS, 0, 0), NET_E_TIMEOUT);
    RESULT(p, probe_call(p, listener, LISTENER_EVENT, 0, 0, 0), NET_E_TIMEOUT);
    RESULT(p, probe_call(p, listener, LISTENER_EVENT, 30u * MS, 0, 0), NET_E_TIMEOUT);
    shared(p, listener);
    probe_begin(p, 1, listener, LISTENER_ACCEPT, RING_FOREVER, 0, 0);
    RESULT(p, probe_call(p, listener, LISTENER_ACCEPT, RING_FOREVER, 0, 0), NET_E_BUSY);
    probe_begin(p, 2, listener, LISTENER_EVENT, RING_FOREVER, 0, 0);
    RESULT(p, probe_call(p, listener, LISTENER_EVENT, RING_FOREVER, 0, 0), NET_E_BUSY);
    RESULT(p, probe_call(p, listener, LISTENER_CLOSE, 0, 0, 0), NET_OK);
    RESULT(p, probe_next(p, 1), NET_E_INVALID_LISTENER);
    RESULT(p, probe_next(p, 2), NET_E_INVALID_LISTENER);
    RESULT(p, probe_call(p, listener, LISTENER_EVENT, 0, 0, 0), NET_E_INVALID_LISTENER);
    EQUAL(p, share(p, listener, p->shared.cap).result, NET_E_INVALID_LISTENER);
    RESULT(p, probe_call(p, listener, LISTENER_ACCEPT, 0, 0, 0), NET_E_INVALID_LISTENER);
    RESULT(p, probe_call(p, listener, LISTENER_CLOSE, 0, 0, 0), NET_OK);
    probe_release(p, listen(p, 0)); /* closed: the port is free, while its holder still has the closed one */
    probe_left(p, 0, 1);
    probe_release(p, listener);
    probe_left(p, 0, 0);
    listener = listen(p, 1);
    probe_begin(p, 2, listener, LISTENER_ACCEPT, RING_FOREVER, 0, 0);
    ring_flush(&p->rt->ring);
    probe_sleep(p, 50);
    probe_release(p, listener);
    const struct ring_completion done = probe_next(p, 2);
    CHECK(p, done.status == RING_E_CANCELLED || probe_result(done) == NET_E_INVALID_LISTENER);
    probe_left(p, 0, 0);
    probe_quiet(p, 100u * MS);
}

void probe_exhausted(struct probe *p)
{
    static cap_id sockets[OBJECTS];
    const uint64_t before = probe_counter(p, NET_COUNTER_EXHAUSTED);

    for (uint32_t round = 0; round < 2u; round++) {
        sockets[0] = listen(p, 0);
        for (uint32_t i = 1; i < OBJECTS; i++)
            sockets[i] = i <= 20u ? probe_udp(p, 0) : probe_connected(p);
        EQUAL(p, probe_counter(p, NET_COUNTER_SOCKETS), OBJECTS - 1u);
        RESULT(
            p,
            probe_call(p, p->network, NETWORK_CONNECT, PEER, 0, NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 1000)),
            NET_E_NO_MEMORY);
        RESULT(p, probe_call(p, p->network, NETWORK_UDP, 0, 0, 0), NET_E_NO_MEMORY);
        EQUAL(p, probe_counter(p, NET_COUNTER_EXHAUSTED), before + 2u * (round + 1u));
        for (uint32_t i = 0; i < OBJECTS; i++)
            probe_release(p, sockets[i]);
        probe_left(p, 0, 0);
    }
    probe_release(p, probe_connected(p));
    probe_left(p, 0, 0);
}
