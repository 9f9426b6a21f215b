/* SPDX-License-Identifier: BSD-2-Clause */
/* UdpSocket, as far as a peer goes that answers none. */
#include "abi/memory.h"
#include "tests/stack/probe.h"

#define HEADER ((uint32_t)sizeof(struct net_datagram))

static uint64_t send(struct probe *p, cap_id socket, uint32_t at, struct net_datagram header)
{
    if (at <= SHARED_BYTES - HEADER)
        memcpy(p->shared.at + at, &header, sizeof header);
    return probe_result(probe_call(p, socket, UDP_SEND, at, 0, 0));
}

static void sends(struct probe *p, cap_id socket)
{
    struct net_datagram to = {
        .address = {{10, 0, 2, 2}}, .family = NET_FAMILY_IPV4, .port = 9, .length = 100};

    EQUAL(p, send(p, socket, 0, to), NET_OK);
    to.length = 0;
    EQUAL(p, send(p, socket, SHARED_BYTES - HEADER, to), NET_OK);
    to.length = 8000; /* in pieces */
    EQUAL(p, send(p, socket, 0, to), NET_OK);
    to.length = 0xffffu - 28u;
    EQUAL(p, send(p, socket, 0, to), NET_OK);
    to.length = 0xffffu - 27u;
    EQUAL(p, send(p, socket, 0, to), NET_E_VALUE);
    to.length = UINT32_MAX;
    EQUAL(p, send(p, socket, 0, to), NET_E_BUFFER);
    to.length = 1;
    EQUAL(p, send(p, socket, SHARED_BYTES - HEADER, to), NET_E_BUFFER);
    EQUAL(p, send(p, socket, SHARED_BYTES - HEADER + 1u, to), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, UDP_SEND, UINT64_MAX, 0, 0), NET_E_BUFFER);
    to.port = 0;
    EQUAL(p, send(p, socket, 0, to), NET_E_VALUE);
    to.port = 9;
    to.family = NET_FAMILY_IPV6;
    EQUAL(p, send(p, socket, 0, to), NET_E_VALUE);
    to.family = NET_FAMILY_NONE;
    EQUAL(p, send(p, socket, 0, to), NET_E_VALUE);
}

static void receives(struct probe *p, cap_id socket)
{
    RESULT(p, probe_call(p, socket, UDP_RECV, 0, HEADER - 1u, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, UDP_RECV, 0, SHARED_BYTES + 1u, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, UDP_RECV, 1, SHARED_BYTES, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, UDP_RECV, UINT64_MAX, HEADER, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, UDP_RECV, 0, HEADER, 0), NET_E_TIMEOUT);
    RESULT(p, probe_call(p, socket, UDP_RECV, 0, SHARED_BYTES, 30u * MS), NET_E_TIMEOUT);
    probe_begin(p, 1, socket, UDP_RECV, 0, SHARED_BYTES, RING_FOREVER);
    RESULT(p, probe_call(p, socket, UDP_RECV, 0, SHARED_BYTES, RING_FOREVER), NET_E_BUSY);
    RESULT(p, probe_call(p, socket, UDP_BUFFER, 64, 0, 0), NET_E_BUSY);
    RESULT(p, probe_call(p, socket, UDP_CLOSE, 0, 0, 0), NET_OK);
    RESULT(p, probe_next(p, 1), NET_E_INVALID_SOCKET);
}

void probe_datagrams(struct probe *p)
{
    const struct ring_extra shared = ring_copy(p->shared.cap);
    const uint64_t before = probe_counter(p, NET_COUNTER_REFUSED_CALLS);
    const cap_id socket = probe_udp(p, 5353), any = probe_udp(p, 0);
    struct ring_completion done;

    RESULT(p, probe_call(p, p->network, NETWORK_UDP, 5353, 0, 0), NET_E_IN_USE);
    RESULT(p, probe_call(p, p->network, NETWORK_UDP, 68, 0, 0), NET_E_IN_USE); /* DHCP's */
    RESULT(p, probe_call(p, p->network, NETWORK_UDP, 0x10000u, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, NETWORK_UDP, UINT64_MAX, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, socket, UDP_SEND, 0, 0, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, UDP_RECV, 0, 64, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, 0, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, socket, UDP_CLOSE + 1u, 0, 0, 0), NET_E_VALUE);
    EQUAL(p, probe_counter(p, NET_COUNTER_REFUSED_CALLS), before + 2u);
    done = probe_with(p, socket, UDP_BUFFER, 0, 0, &shared);
    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, SHARED_BYTES);
    RESULT(p, probe_with(p, any, UDP_BUFFER, 0, 0, &shared), NET_E_VALUE);
    sends(p, socket);
    receives(p, socket);
    RESULT(p, probe_call(p, socket, UDP_SEND, 0, 0, 0), NET_E_INVALID_SOCKET);
    RESULT(p, probe_call(p, socket, UDP_RECV, 0, 64, 0), NET_E_INVALID_SOCKET);
    RESULT(p, probe_call(p, socket, UDP_CLOSE, 0, 0, 0), NET_OK);
    probe_release(p, probe_udp(p, 5353)); /* closed: the port is free */
    probe_release(p, socket);
    probe_release(p, any);
    probe_left(p, 0, 0);
}
