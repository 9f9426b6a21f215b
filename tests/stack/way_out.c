/* SPDX-License-Identifier: BSD-2-Clause */
/* TcpConnectAuthority: leads to the manifest's address and port, whatever its holder says with the call. */
#include "tests/stack/probe.h"

static struct ring_completion opened(struct probe *p, uint64_t a, uint64_t b)
{
    const struct ring_completion done = probe_call(p, p->way_out, CONNECT_OPEN, 10000, a, b);
    struct ring_completion peer;

    RESULT(p, done, NET_OK);
    CHECK(p, !cap_is_none(done.cap));
    peer = probe_call(p, done.cap, SOCKET_PEER, 0, 0, 0);
    RESULT(p, peer, NET_OK);
    EQUAL(p, peer.value, PEER);
    peer = probe_call(p, done.cap, SOCKET_PEER, 2, 0, 0);
    RESULT(p, peer, NET_OK);
    EQUAL(p, NET_PEER_PORT(peer.value), PORT_ECHO);
    return done;
}

void probe_way_out(struct probe *p)
{
    const uint64_t before = probe_counter(p, NET_COUNTER_REFUSED_CALLS);

    RESULT(p, probe_call(p, p->way_out, 0, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->way_out, CONNECT_OPEN + 1u, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->way_out, NETWORK_CONNECT, PEER, 0, NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 100)),
           NET_E_VALUE);
    RESULT(p, probe_call(p, p->way_out, CONNECT_OPEN, 1ull << 32, 0, 0), NET_E_VALUE);
    EQUAL(p, probe_counter(p, NET_COUNTER_REFUSED_CALLS), before + 4u);
    probe_left(p, 0, 0);
    probe_release(p, opened(p, 0, 0).cap);
    probe_release(p, opened(p, NOBODY, NET_PEER(NET_FAMILY_IPV4, PORT_CLOSED, 100)).cap);
    RESULT(p, probe_call(p, p->way_to_nobody, CONNECT_OPEN, 10000, PEER, PORT_ECHO), NET_E_REFUSED);
    probe_left(p, 0, 0);
}
