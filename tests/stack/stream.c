/* SPDX-License-Identifier: BSD-2-Clause */
/* TcpSocket: connect, buffers, bytes there and back, times, and every way in which it ends. */
#include "abi/memory.h"
#include "tests/stack/probe.h"

#define PART  3000u
#define CLOGS 524288u /* more than both ends and their windows take while nobody reads */

static uint64_t connect(struct probe *p, uint64_t low, uint64_t high, uint64_t peer)
{
    return probe_result(probe_call(p, p->network, NETWORK_CONNECT, low, high, peer));
}

static void refused_connects(struct probe *p)
{
    const uint64_t brief = NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 200);

    EQUAL(p, connect(p, 0, 0, brief), NET_E_VALUE);
    EQUAL(p, connect(p, PEER | 1ull << 32, 0, brief), NET_E_VALUE);
    EQUAL(p, connect(p, PEER, 1, brief), NET_E_VALUE);
    EQUAL(p, connect(p, PEER, 0, NET_PEER(NET_FAMILY_IPV6, PORT_ECHO, 200)), NET_E_VALUE);
    EQUAL(p, connect(p, PEER, 0, NET_PEER(NET_FAMILY_NONE, PORT_ECHO, 200)), NET_E_VALUE);
    EQUAL(p, connect(p, PEER, 0, NET_PEER(NET_FAMILY_IPV4, 0, 200)), NET_E_VALUE);
    EQUAL(p, connect(p, PEER, 0, NET_PEER(NET_FAMILY_IPV4, PORT_CLOSED, 5000)), NET_E_REFUSED);
    EQUAL(p, connect(p, PEER, 0, NET_PEER(NET_FAMILY_IPV4, PORT_CLOSED, 0)), NET_E_REFUSED);
    EQUAL(p, connect(p, NOBODY, 0, brief), NET_E_TIMEOUT);
    EQUAL(p, connect(p, NOBODY, 0, NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 1)), NET_E_TIMEOUT);
    probe_left(p, 0, 0);
}

static void peer_words(struct probe *p, cap_id socket)
{
    struct ring_completion done = probe_call(p, socket, SOCKET_PEER, 0, 0, 0);

    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, PEER);
    done = probe_call(p, socket, SOCKET_PEER, 1, 0, 0);
    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, 0);
    done = probe_call(p, socket, SOCKET_PEER, 2, 0, 0);
    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 0));
    done = probe_call(p, socket, SOCKET_PEER, 3, 0, 0);
    RESULT(p, done, NET_OK);
    EQUAL(p, NET_PEER_FAMILY(done.value), NET_FAMILY_IPV4);
    CHECK(p, NET_PEER_PORT(done.value) >= 1024u);
    RESULT(p, probe_call(p, socket, SOCKET_PEER, 4, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, socket, SOCKET_PEER, UINT64_MAX, 0, 0), NET_E_VALUE);
}

static void unknown_methods(struct probe *p, cap_id socket)
{
    const uint64_t before = probe_counter(p, NET_COUNTER_REFUSED_CALLS);

    RESULT(p, probe_call(p, socket, 0, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, socket, SOCKET_PEER + 1u, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, socket, 0xffffu, 0, 0, 0), NET_E_VALUE);
    EQUAL(p, probe_counter(p, NET_COUNTER_REFUSED_CALLS), before + 3u);
}

/* Offset and length of both directions at each bound of a buffer of `bytes`. */
static void buffer_bounds(struct probe *p, cap_id socket, uint64_t bytes)
{
    for (uint16_t method = SOCKET_SEND; method <= SOCKET_RECV; method++) {
        RESULT(p, probe_call(p, socket, method, 0, 0, 0), NET_E_BUFFER);
        RESULT(p, probe_call(p, socket, method, 0, bytes + 1u, 0), NET_E_BUFFER);
        RESULT(p, probe_call(p, socket, method, 1, bytes, 0), NET_E_BUFFER);
        RESULT(p, probe_call(p, socket, method, bytes, 1, 0), NET_E_BUFFER);
        RESULT(p, probe_call(p, socket, method, UINT64_MAX, 1, 0), NET_E_BUFFER);
        RESULT(p, probe_call(p, socket, method, UINT64_MAX, UINT64_MAX, 0), NET_E_BUFFER);
        RESULT(p, probe_call(p, socket, method, 1, UINT64_MAX, 0), NET_E_BUFFER);
        RESULT(p, probe_call(p, socket, method, 1ull << 32, 1, 0), NET_E_BUFFER);
        RESULT(p, probe_call(p, socket, method, 0, 1ull << 32 | 1u, 0), NET_E_BUFFER);
    }
    RESULT(p, probe_call(p, socket, SOCKET_RECV, bytes - 1u, 1, 0), NET_E_TIMEOUT);
    RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, bytes, 20u * MS), NET_E_TIMEOUT);
}

static uint64_t attach(struct probe *p, cap_id socket, cap_id what)
{
    const struct ring_extra along = ring_copy(what);

    return probe_result(probe_with(p, socket, SOCKET_BUFFER, 0, 0, &along));
}

static void buffers(struct probe *p, cap_id socket, cap_id other)
{
    struct ring_completion done;

    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 1, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, 1, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, SOCKET_BUFFER, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, socket, SOCKET_BUFFER, NET_BUFFER_SERVED_MAX + 1u, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, socket, SOCKET_BUFFER, 1ull << 32 | 1u, 0, 0), NET_E_VALUE);
    /* What another program serves, netd itself, or the kernel: none of it is memory. */
    EQUAL(p, attach(p, socket, p->network), NET_E_VALUE);
    EQUAL(p, attach(p, socket, rt_first(p->rt, CAP_IF_MEMORY_SOURCE)), NET_E_VALUE);
    EQUAL(p, attach(p, socket, p->shared.cap), NET_OK);
    buffer_bounds(p, socket, SHARED_BYTES);
    /* Another socket's: refused, and of use to its own as before. */
    EQUAL(p, attach(p, other, p->shared.cap), NET_E_VALUE);
    RESULT(p, probe_call(p, other, SOCKET_RECV, 0, 1, 0), NET_E_BUFFER);
    RESULT(p, probe_call(p, socket, SOCKET_SEND, SHARED_BYTES - 1u, 1, SECOND), NET_OK);
    RESULT(p, probe_call(p, socket, SOCKET_RECV, SHARED_BYTES - 1u, 1, SECOND), NET_OK);
    /* The same again, a smaller one, and one that netd makes. */
    EQUAL(p, attach(p, socket, p->shared.cap), NET_OK);
    EQUAL(p, attach(p, socket, p->second.cap), NET_OK);
    buffer_bounds(p, socket, RING_PAGE_BYTES);
    EQUAL(p, attach(p, other, p->shared.cap), NET_OK); /* nobody else's any more */
    done = probe_call(p, socket, SOCKET_BUFFER, NET_BUFFER_SERVED_MAX, 0, 0);
    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, NET_BUFFER_SERVED_MAX);
    buffer_bounds(p, socket, NET_BUFFER_SERVED_MAX);
    EQUAL(p, attach(p, other, done.cap), NET_E_VALUE);
    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 1, SECOND), NET_OK);
    RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, 1, SECOND), NET_OK);
    probe_release(p, done.cap);
}

/* A socket as its own buffer: netd made that capability, so that giving its copy back ends the socket. */
static void its_own_buffer(struct probe *p)
{
    const cap_id socket = probe_connected(p);
    const struct ring_extra along = ring_copy(socket);
    const struct ring_completion done = probe_with(p, socket, SOCKET_BUFFER, 0, 0, &along);

    CHECK(p, probe_result(done) == NET_E_VALUE || done.status == RING_E_CANCELLED);
    RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, 1, 0), NO_RESULT);
    probe_left(p, 0, 0);
}

/* `bytes` go out and come back to behind half the buffer. */
static void echo(struct probe *p, cap_id socket, uint32_t bytes)
{
    const uint32_t half = SHARED_BYTES / 2u;
    const uint64_t sent = probe_counter(p, NET_COUNTER_BYTES_OUT),
                   came = probe_counter(p, NET_COUNTER_BYTES_IN);
    uint32_t got = 0;

    for (uint32_t i = 0; i < bytes; i++)
        p->shared.at[i] = (uint8_t)(i * 7u + i / 251u);
    memset(p->shared.at + half, 0, bytes);
    probe_begin(p, 1, socket, SOCKET_SEND, 0, bytes, RING_FOREVER);
    while (got < bytes) {
        struct ring_completion done;

        probe_begin(p, 2, socket, SOCKET_RECV, half + got, bytes - got, 10u * SECOND);
        CHECK(p, ring_wait(&p->rt->ring, 20u * SECOND, &done));
        if (done.user == 1u) {
            RESULT(p, done, NET_OK);
            EQUAL(p, done.value, bytes);
            CHECK(p, ring_wait(&p->rt->ring, 20u * SECOND, &done));
        }
        EQUAL(p, done.user, 2);
        RESULT(p, done, NET_OK);
        CHECK(p, done.value >= 1 && done.value <= bytes - got);
        got += (uint32_t)done.value;
    }
    CHECK(p, memcmp(p->shared.at, p->shared.at + half, bytes) == 0);
    EQUAL(p, probe_counter(p, NET_COUNTER_BYTES_OUT) - sent, bytes);
    EQUAL(p, probe_counter(p, NET_COUNTER_BYTES_IN) - came, bytes);
}

static void busy(struct probe *p, cap_id socket)
{
    probe_begin(p, 1, socket, SOCKET_RECV, 0, PART, RING_FOREVER);
    RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, PART, RING_FOREVER), NET_E_BUSY);
    EQUAL(p, attach(p, socket, p->second.cap), NET_E_BUSY);
    RESULT(p, probe_call(p, socket, SOCKET_BUFFER, 64, 0, 0), NET_E_BUSY);
    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 5, SECOND), NET_OK); /* the other direction is free */
    EQUAL(p, probe_next(p, 1).value, 5);
}

/* Nobody reads: a send waits until its time is over, and says how much was taken. */
static void clogged(struct probe *p)
{
    const cap_id socket = probe_stream(p);
    const uint64_t before = probe_counter(p, NET_COUNTER_BYTES_OUT);
    struct ring_completion done;

    probe_begin(p, 1, socket, SOCKET_SEND, 0, CLOGS, 2u * SECOND);
    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 1, 0), NET_E_BUSY);
    RESULT(p, probe_call(p, socket, SOCKET_SHUTDOWN, 0, 0, 0), NET_E_BUSY);
    done = probe_next(p, 1);
    RESULT(p, done, NET_OK);
    CHECK(p, done.value > 0 && done.value < CLOGS);
    EQUAL(p, probe_counter(p, NET_COUNTER_BYTES_OUT) - before, done.value);
    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, CLOGS, 1), NET_E_TIMEOUT);
    done = probe_call(p, socket, SOCKET_SEND, 0, CLOGS, 0);
    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, 0);
    probe_release(p, socket);
    probe_left(p, 0, 0);
}

static void closed(struct probe *p, cap_id socket)
{
    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 1, 0), NET_E_INVALID_SOCKET);
    RESULT(p, probe_call(p, socket, SOCKET_RECV, 0, 1, 0), NET_E_INVALID_SOCKET);
    RESULT(p, probe_call(p, socket, SOCKET_SHUTDOWN, 0, 0, 0), NET_E_INVALID_SOCKET);
    RESULT(p, probe_call(p, socket, SOCKET_CLOSE, 0, 0, 0), NET_OK); /* again does nothing */
}

static void shut_down(struct probe *p)
{
    const cap_id socket = probe_stream(p);
    struct ring_completion done;

    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, PART, SECOND), NET_OK);
    RESULT(p, probe_call(p, socket, SOCKET_SHUTDOWN, 0, 0, 0), NET_OK);
    RESULT(p, probe_call(p, socket, SOCKET_SHUTDOWN, 0, 0, 0), NET_OK);
    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 1, SECOND), NET_E_CLOSED);
    for (uint32_t got = 0; got < PART; got += (uint32_t)done.value) {
        done = probe_call(p, socket, SOCKET_RECV, 0, PART, 5u * SECOND);
        RESULT(p, done, NET_OK);
        CHECK(p, done.value > 0 && done.value <= PART - got);
    }
    for (uint32_t i = 0; i < 2u; i++) { /* the peer has said all, and says so each time */
        done = probe_call(p, socket, SOCKET_RECV, 0, PART, 5u * SECOND);
        RESULT(p, done, NET_OK);
        EQUAL(p, done.value, 0);
    }
    RESULT(p, probe_call(p, socket, SOCKET_SEND, 0, 1, SECOND), NET_E_CLOSED);
    RESULT(p, probe_call(p, socket, SOCKET_CLOSE, 0, 0, 0), NET_OK);
    closed(p, socket);
    probe_release(p, socket);
}

static void closed_under_calls(struct probe *p)
{
    const cap_id socket = probe_stream(p);

    probe_begin(p, 1, socket, SOCKET_RECV, 0, PART, RING_FOREVER);
    RESULT(p, probe_call(p, socket, SOCKET_CLOSE, 0, 0, 0), NET_OK);
    RESULT(p, probe_next(p, 1), NET_E_INVALID_SOCKET);
    closed(p, socket);
    probe_release(p, socket);
    probe_quiet(p, 100u * MS);
}

/* The last holder gives it back while a call waits: cancelled, once; netd lets the socket go. */
static void released_under_calls(struct probe *p)
{
    const cap_id socket = probe_stream(p);
    struct ring_completion done;

    probe_begin(p, 1, socket, SOCKET_RECV, 0, PART, RING_FOREVER);
    ring_flush(&p->rt->ring);
    probe_sleep(p, 50);
    probe_release(p, socket);
    done = probe_next(p, 1);
    CHECK(p, done.status == RING_E_CANCELLED || probe_result(done) == NET_E_INVALID_SOCKET);
    probe_left(p, 0, 0);
    probe_quiet(p, 200u * MS);
}

void probe_streams(struct probe *p)
{
    cap_id socket, other;

    refused_connects(p);
    socket = probe_connected(p);
    other = probe_connected(p);
    EQUAL(p, probe_counter(p, NET_COUNTER_SOCKETS), 2);
    EQUAL(p, probe_counter(p, NET_COUNTER_CONNECTED), 2);
    peer_words(p, socket);
    unknown_methods(p, socket);
    buffers(p, socket, other);
    probe_release(p, other);
    probe_release(p, socket);
    probe_left(p, 0, 0);
    its_own_buffer(p);
    socket = probe_stream(p);
    echo(p, socket, 1);
    echo(p, socket, PART);
    echo(p, socket, 65536);
    echo(p, socket, SHARED_BYTES / 2u);
    busy(p, socket);
    probe_release(p, socket);
    probe_left(p, 0, 0);
}

void probe_stream_ends(struct probe *p)
{
    clogged(p);
    shut_down(p);
    closed_under_calls(p);
    released_under_calls(p);
}
