/* SPDX-License-Identifier: BSD-2-Clause */
/* netprobe's claims and helpers, and the order of its parts. */
#include "abi/memory.h"
#include "tests/stack/probe.h"
#include "tests/support/claims.h"

#define CARD_WAIT_MS 3000u /* without a card by then: there is none */
#define MINUTE       (60u * SECOND)

void probe_check(struct probe *p, bool holds, const char *file, uint32_t line, uint64_t seen)
{
    claim_check(p->rt, "netprobe", holds, file, line, seen);
}

void probe_equal(struct probe *p, uint64_t seen, uint64_t due, const char *file, uint32_t line)
{
    probe_check(p, seen == due, file, line, seen);
}

uint64_t probe_result(struct ring_completion done)
{
    return done.status == RING_OK && done.exception == CAP_EX_NONE ? done.result : NO_RESULT;
}

struct ring_completion probe_call(struct probe *p, cap_id cap, uint16_t method, uint64_t a, uint64_t b,
                                  uint64_t c)
{
    return ring_call(&p->rt->ring, cap, method, RING_ARGS(a, b, c), NULL);
}

struct ring_completion probe_with(struct probe *p, cap_id cap, uint16_t method, uint64_t a, uint64_t b,
                                  const struct ring_extra *extra)
{
    return ring_call(&p->rt->ring, cap, method, RING_ARGS(a, b), extra);
}

void probe_begin(struct probe *p, uint64_t user, cap_id cap, uint16_t method, uint64_t a, uint64_t b,
                 uint64_t c)
{
    const struct ring_submission call = ring_make_call(cap, method, RING_ARGS(a, b, c), NULL);

    CHECK(p, ring_submit(&p->rt->ring, user, &call));
}

struct ring_completion probe_next(struct probe *p, uint64_t user)
{
    struct ring_completion done = {.user = user + 1u};

    CHECK(p, ring_wait(&p->rt->ring, MINUTE, &done));
    EQUAL(p, done.user, user);
    return done;
}

void probe_quiet(struct probe *p, uint64_t ns)
{
    const uint64_t until_ns = ring_now(&p->rt->ring) + ns;
    struct ring_completion done;

    while (ring_now(&p->rt->ring) < until_ns) {
        CHECK(p, !ring_wait(&p->rt->ring, 0, &done));
        ring_sleep(&p->rt->ring, 10u * MS);
    }
}

void probe_sleep(struct probe *p, uint64_t ms)
{
    const uint64_t until_ns = ring_now(&p->rt->ring) + ms * MS;

    while (ring_now(&p->rt->ring) < until_ns)
        ring_sleep(&p->rt->ring, until_ns - ring_now(&p->rt->ring));
}

void probe_release(struct probe *p, cap_id cap)
{
    const struct ring_completion done = ring_release(&p->rt->ring, cap);

    CHECK(p, ring_completed(&done));
}

uint64_t probe_counter(struct probe *p, enum net_counter which)
{
    const struct ring_completion done = probe_call(p, p->network, NETWORK_COUNTER, which, 0, 0);

    RESULT(p, done, NET_OK);
    return done.value;
}

uint64_t probe_config(struct probe *p, enum net_config which, uint64_t index)
{
    const struct ring_completion done = probe_call(p, p->network, NETWORK_CONFIG, which, index, 0);

    RESULT(p, done, NET_OK);
    return done.value;
}

void probe_left(struct probe *p, uint64_t sockets, uint64_t listeners)
{
    for (uint32_t i = 0; i < 500u && (probe_counter(p, NET_COUNTER_SOCKETS) != sockets ||
                                      probe_counter(p, NET_COUNTER_LISTENERS) != listeners);
         i++)
        probe_sleep(p, 10);
    EQUAL(p, probe_counter(p, NET_COUNTER_SOCKETS), sockets);
    EQUAL(p, probe_counter(p, NET_COUNTER_LISTENERS), listeners);
}

void probe_bound(struct probe *p)
{
    for (uint32_t i = 0; i < 3000u && probe_config(p, NET_CONFIG_STATE, 0) != NET_STATE_BOUND; i++)
        probe_sleep(p, 10);
    EQUAL(p, probe_config(p, NET_CONFIG_STATE, 0), NET_STATE_BOUND);
}

cap_id probe_connected(struct probe *p)
{
    const struct ring_completion done =
        probe_call(p, p->network, NETWORK_CONNECT, PEER, 0, NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 10000));

    RESULT(p, done, NET_OK);
    CHECK(p, !cap_is_none(done.cap));
    return done.cap;
}

cap_id probe_stream(struct probe *p)
{
    const struct ring_extra shared = ring_copy(p->shared.cap);
    const cap_id socket = probe_connected(p);
    const struct ring_completion done = probe_with(p, socket, SOCKET_BUFFER, 0, 0, &shared);

    RESULT(p, done, NET_OK);
    EQUAL(p, done.value, SHARED_BYTES);
    return socket;
}

cap_id probe_udp(struct probe *p, uint16_t port)
{
    const struct ring_completion done = probe_call(p, p->network, NETWORK_UDP, port, 0, 0);

    RESULT(p, done, NET_OK);
    CHECK(p, !cap_is_none(done.cap) && (port == 0 ? done.value != 0 : done.value == port));
    return done.cap;
}

uint32_t program_main(struct rt *rt)
{
    static struct probe p;

    p.rt = rt;
    p.network = rt_first(rt, CAP_IF_NETWORK_MANAGER);
    p.authority = rt_first(rt, CAP_IF_TCP_LISTEN_AUTHORITY);
    CHECK(&p, !cap_is_none(p.network) && !cap_is_none(p.authority));
    p.way_out = rt_grant(rt, "way-out", CAP_IF_TCP_CONNECT_AUTHORITY);
    p.way_to_nobody = rt_grant(rt, "way-to-nobody", CAP_IF_TCP_CONNECT_AUTHORITY);
    CHECK(&p, !cap_is_none(p.way_out) && !cap_is_none(p.way_to_nobody));
    CHECK(&p, rt_memory_make(rt, SHARED_BYTES, &p.shared));
    CHECK(&p, rt_memory_make(rt, RING_PAGE_BYTES, &p.second));
    for (uint32_t i = 0; i < CARD_WAIT_MS / 10u && probe_config(&p, NET_CONFIG_STATE, 0) == NET_STATE_NO_CARD;
         i++)
        probe_sleep(&p, 10);
    if (probe_config(&p, NET_CONFIG_STATE, 0) == NET_STATE_NO_CARD) {
        probe_no_card(&p);
        (void)rt_print(rt, "netprobe: no card: all holds\n");
        return 0;
    }
    probe_manager(&p);
    probe_streams(&p);
    probe_stream_ends(&p);
    probe_datagrams(&p);
    probe_listeners(&p);
    probe_way_out(&p);
    probe_exhausted(&p);
    probe_lost(&p);
    (void)rt_print(rt, "netprobe: all holds\n");
    return 0;
}
