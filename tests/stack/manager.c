/* SPDX-License-Identifier: BSD-2-Clause */
/* NetworkManager: configuration with a lease and without, counters, ping, names; and without a card. */
#include "abi/memory.h"
#include "tests/stack/probe.h"

#define PENDING 8u /* pings and names that netd asks for at once */

static bool all_zero(struct probe *p)
{
    uint64_t any = 0;

    for (uint32_t item = NET_CONFIG_STATE + 1u; item < NET_CONFIG_COUNT; item++) {
        for (uint64_t index = 0; index < 3u; index++)
            any |= probe_config(p, (enum net_config)item, index);
    }
    return any == 0;
}

static uint64_t ping(struct probe *p, uint64_t low, uint64_t high, uint64_t peer)
{
    return probe_result(probe_call(p, p->network, NETWORK_PING, low, high, peer));
}

static uint64_t connect(struct probe *p, uint64_t low, uint64_t high, uint64_t peer)
{
    return probe_result(probe_call(p, p->network, NETWORK_CONNECT, low, high, peer));
}

/* The card is there, DHCP is under way: judged if it was so until the last question. */
static void asking(struct probe *p)
{
    const bool zero = all_zero(p);
    const uint64_t pinged = ping(p, PEER, 0, NET_PEER(NET_FAMILY_IPV4, 0, 100));
    const uint64_t connected = connect(p, PEER, 0, NET_PEER(NET_FAMILY_IPV4, PORT_CLOSED, 100));

    if (probe_config(p, NET_CONFIG_STATE, 0) != NET_STATE_ASKING)
        return;
    CHECK(p, zero);
    EQUAL(p, pinged, NET_E_NO_ADDRESS);
    EQUAL(p, connected, NET_E_NO_ADDRESS);
}

static void configured(struct probe *p)
{
    CHECK(p, probe_config(p, NET_CONFIG_MAC, 0) != 0 && probe_config(p, NET_CONFIG_MAC, 0) >> 48 == 0);
    EQUAL(p, probe_config(p, NET_CONFIG_ADDRESS, 0), OURS);
    EQUAL(p, probe_config(p, NET_CONFIG_PREFIX, 0), 24);
    EQUAL(p, probe_config(p, NET_CONFIG_GATEWAY, 0), PEER);
    EQUAL(p, probe_config(p, NET_CONFIG_MTU, 0), 1500);
    EQUAL(p, probe_config(p, NET_CONFIG_SERVER, 0), PEER);
    EQUAL(p, probe_config(p, NET_CONFIG_DNS, 0), 0); /* the peer names none */
    EQUAL(p, probe_config(p, NET_CONFIG_DNS, UINT64_MAX), 0);
    EQUAL(p, probe_config(p, NET_CONFIG_DNS, 256), 0);
    CHECK(p, probe_config(p, NET_CONFIG_LEASE_S, 0) > 0 && probe_config(p, NET_CONFIG_LEASE_S, 0) <= 3600);
    EQUAL(p, probe_config(p, NET_CONFIG_ROUTE, UINT64_MAX), 0);
    EQUAL(p, probe_config(p, NET_CONFIG_ROUTE_VIA, UINT64_MAX), 0);
}

static void refused_calls(struct probe *p)
{
    const uint64_t before = probe_counter(p, NET_COUNTER_REFUSED_CALLS);

    RESULT(p, probe_call(p, p->network, NETWORK_CONFIG, NET_CONFIG_COUNT, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, NETWORK_CONFIG, 1ull << 32, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, NETWORK_COUNTER, NET_COUNTER_COUNT, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, NETWORK_COUNTER, UINT64_MAX, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, 0, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, NETWORK_SOCKET + 1u, 0, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, NETWORK_SOCKET, UINT64_MAX, 0, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, NETWORK_SOCKET, 0, 2, 0), NET_E_VALUE);
    RESULT(p, probe_call(p, p->network, 0xffffu, 0, 0, 0), NET_E_VALUE);
    EQUAL(p, probe_counter(p, NET_COUNTER_REFUSED_CALLS), before + 9u);
}

static void pings(struct probe *p)
{
    const uint64_t brief = NET_PEER(NET_FAMILY_IPV4, 0, 200);
    const struct ring_completion done = probe_call(p, p->network, NETWORK_PING, PEER, 0, brief);
    const uint64_t before_ns = ring_now(&p->rt->ring);

    RESULT(p, done, NET_OK);
    CHECK(p, done.value > 0 && done.value < 200u * MS);
    EQUAL(p, ping(p, PEER, 0, NET_PEER(NET_FAMILY_IPV4, 0, 0)), NET_OK);
    EQUAL(p, ping(p, NOBODY, 0, brief), NET_E_TIMEOUT);
    CHECK(p, ring_now(&p->rt->ring) - before_ns >= 200u * MS);
    EQUAL(p, ping(p, 0, 0, brief), NET_E_VALUE);
    EQUAL(p, ping(p, PEER | 1ull << 32, 0, brief), NET_E_VALUE);
    EQUAL(p, ping(p, PEER, 1, brief), NET_E_VALUE);
    EQUAL(p, ping(p, PEER, 0, NET_PEER(NET_FAMILY_NONE, 0, 200)), NET_E_VALUE);
    EQUAL(p, ping(p, PEER, 0, NET_PEER(NET_FAMILY_IPV6, 0, 200)), NET_E_VALUE);
    EQUAL(p, ping(p, PEER, 0, NET_PEER(0x104u, 0, 200)), NET_E_VALUE);
    for (uint64_t i = 0; i < PENDING; i++)
        probe_begin(p, i, p->network, NETWORK_PING, NOBODY, 0, NET_PEER(NET_FAMILY_IPV4, 0, 300));
    ring_flush(&p->rt->ring);
    EQUAL(p, ping(p, PEER, 0, brief), NET_E_NO_MEMORY);
    for (uint64_t i = 0; i < PENDING; i++)
        RESULT(p, probe_next(p, i), NET_E_TIMEOUT);
    EQUAL(p, ping(p, PEER, 0, brief), NET_OK);
}

static uint64_t resolve(struct probe *p, cap_id memory, uint64_t offset, uint64_t length, uint64_t *value)
{
    const struct ring_extra along = ring_copy(memory);
    const struct ring_completion done =
        probe_with(p, p->network, NETWORK_RESOLVE, offset, length, cap_is_none(memory) ? NULL : &along);

    if (value != NULL)
        *value = done.value;
    return probe_result(done);
}

static void names(struct probe *p)
{
    uint64_t value = 0;

    memcpy(p->second.at, "10.0.2.77", 9);
    EQUAL(p, resolve(p, p->second.cap, 0, 9, &value), NET_OK);
    EQUAL(p, value, NOBODY);
    memcpy(p->second.at, "no name", 7);
    EQUAL(p, resolve(p, p->second.cap, 0, 7, NULL), NET_E_NAME);
    EQUAL(p, resolve(p, p->second.cap, 0, 0, NULL), NET_E_VALUE);
    EQUAL(p, resolve(p, p->second.cap, 0, 254, NULL), NET_E_VALUE);
    EQUAL(p, resolve(p, p->second.cap, 0, UINT64_MAX, NULL), NET_E_VALUE);
    EQUAL(p, resolve(p, CAP_NONE, 0, 7, NULL), NET_E_BUFFER);
    EQUAL(p, resolve(p, p->second.cap, RING_PAGE_BYTES - 6u, 7, NULL), NET_E_BUFFER);
    EQUAL(p, resolve(p, p->second.cap, UINT64_MAX, 7, NULL), NET_E_BUFFER);
    /* Not memory: nothing may be asked of what another program, or netd itself, would have to answer. */
    EQUAL(p, resolve(p, p->network, 0, 7, NULL), NET_E_BUFFER);
    EQUAL(p, resolve(p, p->rt->console, 0, 7, NULL), NET_E_BUFFER);
    memset(p->second.at, 0, 16);
}

void probe_manager(struct probe *p)
{
    asking(p);
    probe_bound(p);
    configured(p);
    EQUAL(p, probe_counter(p, NET_COUNTER_SOCKETS), 0);
    EQUAL(p, probe_counter(p, NET_COUNTER_LISTENERS), 0);
    EQUAL(p, probe_counter(p, NET_COUNTER_DRIVER_LOST), 0);
    CHECK(p, probe_counter(p, NET_COUNTER_FRAMES_IN) >= 2 && probe_counter(p, NET_COUNTER_FRAMES_OUT) >= 2);
    refused_calls(p);
    pings(p);
    names(p);
}

void probe_no_card(struct probe *p)
{
    EQUAL(p, probe_config(p, NET_CONFIG_STATE, 0), NET_STATE_NO_CARD);
    CHECK(p, all_zero(p));
    EQUAL(p, ping(p, PEER, 0, NET_PEER(NET_FAMILY_IPV4, 0, 100)), NET_E_DEVICE_UNAVAILABLE);
    EQUAL(p, connect(p, PEER, 0, NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 100)), NET_E_DEVICE_UNAVAILABLE);
    RESULT(p, probe_call(p, p->network, NETWORK_UDP, 0, 0, 0), NET_E_DEVICE_UNAVAILABLE);
    RESULT(p, probe_call(p, p->authority, LISTEN_OPEN, 0, 0, 0), NET_E_DEVICE_UNAVAILABLE);
    RESULT(p, probe_call(p, p->way_out, CONNECT_OPEN, 100, 0, 0), NET_E_DEVICE_UNAVAILABLE);
    memcpy(p->second.at, "10.0.2.77", 9);
    EQUAL(p, resolve(p, p->second.cap, 0, 9, NULL), NET_E_DEVICE_UNAVAILABLE);
    EQUAL(p, probe_counter(p, NET_COUNTER_SOCKETS), 0);
    EQUAL(p, probe_counter(p, NET_COUNTER_LISTENERS), 0);
    EQUAL(p, probe_counter(p, NET_COUNTER_FRAMES_OUT), 0);
}
