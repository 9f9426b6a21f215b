/* SPDX-License-Identifier: BSD-2-Clause */
/* The card's driver ends under objects and calls of every kind, stays away for a while, and comes back. Who
 * runs this program kills it and lets it come back, when the lines on the console say so. */
#include "abi/memory.h"
#include "tests/stack/probe.h"

#define CLOGS 524288u

/* With the crowd more calls wait than the service answers at once. */
#define CROWD 14u

enum { RECV = 1, SEND, ACCEPT, DATAGRAM, CONNECT, PING, OF_THE_CROWD, WAITS_END = OF_THE_CROWD + CROWD };

struct objects {
    cap_id receives, sends, idle, listener, udp, crowd[CROWD];
};

static cap_id with_buffer(struct probe *p, cap_id socket, uint32_t bytes)
{
    const struct ring_completion done = probe_call(p, socket, SOCKET_BUFFER, bytes, 0, 0);

    RESULT(p, done, NET_OK);
    probe_release(p, done.cap);
    return socket;
}

static struct objects prepare(struct probe *p)
{
    const struct ring_completion listener = probe_call(p, p->authority, LISTEN_OPEN, 0, 0, 0);
    struct objects o = {
        .receives = with_buffer(p, probe_connected(p), 4096),
        .sends = probe_stream(p),
        .idle = with_buffer(p, probe_connected(p), 4096),
        .listener = listener.cap,
        .udp = with_buffer(p, probe_udp(p, 0), 4096),
    };

    RESULT(p, listener, NET_OK);
    probe_begin(p, RECV, o.receives, SOCKET_RECV, 0, 4096, RING_FOREVER);
    probe_begin(p, SEND, o.sends, SOCKET_SEND, 0, CLOGS, RING_FOREVER);
    probe_begin(p, ACCEPT, o.listener, LISTENER_ACCEPT, RING_FOREVER, 0, 0);
    probe_begin(p, DATAGRAM, o.udp, UDP_RECV, 0, 4096, RING_FOREVER);
    probe_begin(p, CONNECT, p->network, NETWORK_CONNECT, NOBODY, 0, NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 0));
    probe_begin(p, PING, p->network, NETWORK_PING, NOBODY, 0, NET_PEER(NET_FAMILY_IPV4, 0, 60000));
    for (uint32_t i = 0; i < CROWD; i++) {
        o.crowd[i] = with_buffer(p, probe_udp(p, 0), 4096);
        probe_begin(p, OF_THE_CROWD + i, o.crowd[i], UDP_RECV, 0, 4096, RING_FOREVER);
    }
    probe_quiet(p, 500u * MS);
    return o;
}

static void each_completes_once(struct probe *p)
{
    bool seen[WAITS_END] = {false};

    for (uint32_t i = RECV; i < WAITS_END; i++) {
        struct ring_completion done = {.user = 0};

        CHECK(p, ring_wait(&p->rt->ring, 10u * SECOND, &done));
        CHECK(p, done.user < WAITS_END && !seen[done.user]);
        seen[done.user] = true;
        RESULT(p, done, NET_E_DISCONNECTED);
    }
}

static void while_away(struct probe *p, const struct objects *o)
{
    EQUAL(p, probe_config(p, NET_CONFIG_STATE, 0), NET_STATE_NO_CARD);
    for (uint32_t item = NET_CONFIG_STATE + 1u; item < NET_CONFIG_COUNT; item++)
        EQUAL(p, probe_config(p, (enum net_config)item, 0), 0);
    RESULT(p, probe_call(p, p->authority, LISTEN_OPEN, 0, 0, 0), NET_E_DEVICE_UNAVAILABLE);
    RESULT(p, probe_call(p, p->network, NETWORK_CONNECT, PEER, 0, NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 100)),
           NET_E_DEVICE_UNAVAILABLE);
    RESULT(p, probe_call(p, p->way_out, CONNECT_OPEN, 100, 0, 0), NET_E_DEVICE_UNAVAILABLE);
    RESULT(p, probe_call(p, p->network, NETWORK_UDP, 0, 0, 0), NET_E_DEVICE_UNAVAILABLE);
    RESULT(p, probe_call(p, p->network, NETWORK_PING, PEER, 0, NET_PEER(NET_FAMILY_IPV4, 0, 100)),
           NET_E_DEVICE_UNAVAILABLE);
    for (uint32_t i = 0; i < 3u; i++) {
        const cap_id socket = i == 0 ? o->receives : i == 1 ? o->sends : o->idle;

        RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 1, SECOND), NET_E_INVALID_SOCKET);
        RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, 1, SECOND), NET_E_INVALID_SOCKET);
        RESULT(p, probe_call(p, socket, SOCKET_SHUTDOWN, 0, 0, 0), NET_E_INVALID_SOCKET);
    }
    RESULT(p, probe_call(p, o->udp, UDP_SEND, 0, 0, 0), NET_E_INVALID_SOCKET);
    RESULT(p, probe_call(p, o->udp, UDP_RECV, 0, 64, SECOND), NET_E_INVALID_SOCKET);
    RESULT(p, probe_call(p, o->listener, LISTENER_ACCEPT, SECOND, 0, 0), NET_E_INVALID_LISTENER);
    EQUAL(p, probe_config(p, NET_CONFIG_STATE, 0), NET_STATE_NO_CARD); /* all the time */
}

/* Old objects say what became of them, also when the card is there again. */
static void old_ones(struct probe *p, const struct objects *o)
{
    for (uint32_t i = 0; i < 3u; i++) {
        const cap_id socket = i == 0 ? o->receives : i == 1 ? o->sends : o->idle;

        RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 1, SECOND), NET_E_DISCONNECTED);
        RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, 1, SECOND), NET_E_DISCONNECTED);
        RESULT(p, probe_call(p, socket, SOCKET_SHUTDOWN, 0, 0, 0), NET_E_DISCONNECTED);
    }
    RESULT(p, probe_call(p, o->udp, UDP_SEND, 0, 0, 0), NET_E_DISCONNECTED);
    RESULT(p, probe_call(p, o->udp, UDP_RECV, 0, 64, SECOND), NET_E_DISCONNECTED);
    RESULT(p, probe_call(p, o->listener, LISTENER_ACCEPT, SECOND, 0, 0), NET_E_DISCONNECTED);
    EQUAL(p, probe_counter(p, NET_COUNTER_LISTENERS), 1);
    EQUAL(p, probe_counter(p, NET_COUNTER_SOCKETS), 4u + CROWD);
}

void probe_lost(struct probe *p)
{
    const struct objects o = prepare(p);
    struct ring_completion done;
    cap_id socket;

    (void)rt_print(p->rt, "netprobe: take the driver away\n");
    each_completes_once(p);
    while_away(p, &o);
    probe_quiet(p, 500u * MS);
    while_away(p, &o);
    EQUAL(p, probe_counter(p, NET_COUNTER_DRIVER_LOST), 1);
    (void)rt_print(p->rt, "netprobe: let the driver come back\n");
    probe_bound(p);
    old_ones(p, &o);
    done =
        probe_call(p, p->authority, LISTEN_OPEN, 0, 0, 0); /* the lost listener has not the port any more */
    RESULT(p, done, NET_OK);
    /* Nor has a lost socket, which is still held, its memory. */
    const struct ring_extra along = ring_copy(p->shared.cap);
    RESULT(p, probe_with(p, done.cap, LISTENER_BUFFER, 0, 0, &along), NET_OK);
    probe_release(p, done.cap);
    probe_release(p, probe_udp(p, 0));
    socket = with_buffer(p, probe_connected(p), 4096);
    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 64, SECOND), NET_OK);
    RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, 64, SECOND), NET_OK);
    probe_release(p, socket);
    RESULT(p, probe_call(p, o.idle, SOCKET_CLOSE, 0, 0, 0), NET_OK);
    RESULT(p, probe_call(p, o.idle, SOCKET_RECV, 0, 1, 0), NET_E_INVALID_SOCKET);
    probe_release(p, o.receives);
    probe_release(p, o.sends);
    probe_release(p, o.idle);
    probe_release(p, o.udp);
    for (uint32_t i = 0; i < CROWD; i++)
        probe_release(p, o.crowd[i]);
    probe_release(p, o.listener);
    probe_left(p, 0, 0);
    probe_quiet(p, 2u * SECOND);
}
