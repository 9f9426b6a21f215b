/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence of a proof: lease, route, neighbour, and one number that a client outside sent to a service's port
 * and got back. What a stream held is this process's word; that frames went through a running device at all,
 * the kernel sees for itself. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/markers.h"
#include "evidence/text.h"
#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "stack/netd/netd.h"

#define ASK_NS    500000000u /* the gateway is asked for its address again */
#define RAW_BYTES 48u /* of options in one line */
/* All of it within this time, from when the driver serves. Whoever knocks from afar learns of the machine by
 * its serial output, which comes late. */
#define PROOF_NS     30000000000ull
#define PROOF_FAR_NS 120000000000ull

static void key_of(struct text *t, const char *key)
{
    if (t->used != 0)
        text_string(t, " ");
    text_string(t, key);
    text_string(t, "=");
}

static void number(struct text *t, const char *key, uint64_t value)
{
    key_of(t, key);
    text_u64(t, value);
}

static void address(struct text *t, const char *key, uint32_t value)
{
    key_of(t, key);
    for (uint32_t i = 0; i < 4u; i++) {
        if (i != 0)
            text_string(t, ".");
        text_u64(t, value >> (8u * i) & 0xffu);
    }
}

static bool emit(struct netd *n, enum evidence_marker marker, const struct text *t)
{
    const struct ring_extra range = ring_range(n->witness.words.cap, 0, (uint32_t)t->used);

    ASSERT(!t->overflow);
    const struct ring_completion done =
        ring_call(&n->rt->ring, n->witness.sink, EVIDENCE_EMIT, RING_ARGS(marker), &range);
    if (ring_completed(&done))
        return true;
    (void)rt_print(n->rt, "netd: the kernel does not see a marker's condition hold\n");
    n->witness.failed = true;
    return false;
}

static struct text words(struct netd *n)
{
    return text_over((char *)n->witness.words.at, n->witness.words.bytes);
}

/* On a network that we know from others' notes alone: what its server really sends. */
static void tell_options(struct netd *n)
{
    const struct lease *lease = &n->lease;

    for (uint32_t at = 0; at < lease->raw_bytes; at += RAW_BYTES) {
        const uint32_t left = lease->raw_bytes - at;
        char line[RT_LINE_BYTES];
        struct text t = text_over(line, sizeof line - 1u);

        text_string(&t, "dhcp options at=");
        text_u64(&t, at);
        text_string(&t, " ");
        text_hex_bytes(&t, lease->raw + at, left < RAW_BYTES ? left : RAW_BYTES);
        line[t.used] = 0;
        (void)rt_print_line(n->rt, "netd: ", line);
    }
}

static void lease(struct netd *n)
{
    struct text t = words(n);

    address(&t, "address", (uint32_t)netd_config(n, NET_CONFIG_ADDRESS, 0));
    number(&t, "bits", netd_config(n, NET_CONFIG_PREFIX, 0));
    address(&t, "server", (uint32_t)netd_config(n, NET_CONFIG_SERVER, 0));
    number(&t, "mtu", netd_config(n, NET_CONFIG_MTU, 0));
    number(&t, "lease_s", netd_config(n, NET_CONFIG_LEASE_S, 0));
    n->witness.lease = emit(n, EVIDENCE_DHCP_LEASE, &t);
    t = words(n);
    address(&t, "default_via", (uint32_t)netd_config(n, NET_CONFIG_GATEWAY, 0));
    number(&t, "routes", netd_config(n, NET_CONFIG_ROUTES, 0));
    if (n->witness.lease)
        (void)emit(n, EVIDENCE_ROUTE, &t);
    if (n->witness.outgoing)
        tell_options(n);
}

static void neighbour(struct netd *n, uint64_t now_ns)
{
    struct netd_witness *w = &n->witness;
    const uint64_t via = netd_config(n, NET_CONFIG_GATEWAY, 0);
    const ip4_addr_t gateway = {(uint32_t)(via != 0 ? via : netd_config(n, NET_CONFIG_SERVER, 0))};
    const ip4_addr_t *address_found;
    struct eth_addr *mac;
    struct text t = words(n);

    if (etharp_find_addr(&n->netif, &gateway, &mac, &address_found) < 0) {
        if (now_ns >= w->again_ns)
            (void)etharp_request(&n->netif, &gateway);
        w->again_ns = now_ns >= w->again_ns ? now_ns + ASK_NS : w->again_ns;
        return;
    }
    address(&t, "address", gateway.addr);
    key_of(&t, "mac");
    text_mac(&t, mac->addr);
    w->neighbour = emit(n, EVIDENCE_NEIGHBOUR, &t);
}

static void round_trip(struct netd *n)
{
    struct netd_witness *w = &n->witness;
    struct text t = words(n);
    uint64_t value = 0;

    for (uint32_t i = 0; i < NETD_NUMBER_BYTES; i++)
        value = value << 8 | w->taken[i];
    number(&t, "port", w->port);
    address(&t, "peer", ip4_addr_get_u32(ip_2_ip4(&w->peer)));
    key_of(&t, "number");
    text_string(&t, "0x");
    text_hex(&t, value, 16);
    number(&t, "taken", w->taken_bytes);
    number(&t, "acknowledged", w->acknowledged);
    w->round_trip = emit(n, EVIDENCE_L4_ROUND_TRIP, &t);
    w->until_ns = ring_now(&n->rt->ring) + (w->outgoing ? PROOF_FAR_NS : PROOF_NS); /* of a probe */
}

/* All that this process proves is proven, and nobody else proves something through it: one that does, and is
 * not done in time, says so by its own end. */
static bool is_over(const struct netd_witness *w, uint64_t now_ns)
{
    return w->failed || now_ns >= w->until_ns || (w->round_trip && (!w->probe || w->probe_ended));
}

bool netd_witness_init(struct netd *n)
{
    const bool proof = rt_parameter_is(n->rt, "mode", "proof");

    n->witness.sink = proof ? rt_first(n->rt, CAP_IF_EVIDENCE) : CAP_NONE;
    n->witness.until_ns = NETD_FOREVER;
    n->witness.outgoing = rt_parameter_is(n->rt, "network", "vpc");
    n->witness.probe = rt_parameter_is(n->rt, "probe", "1");
    n->witness.only_port = (uint16_t)rt_parameter_u64(n->rt, "witness_port", 0);
    return cap_is_none(n->witness.sink) || rt_memory_make(n->rt, RING_PAGE_BYTES, &n->witness.words);
}

void netd_witness_driver(struct netd *n, bool serves)
{
    struct netd_witness *w = &n->witness;

    if (cap_is_none(w->sink))
        return;
    w->until_ns = ring_now(&n->rt->ring) + (w->outgoing ? PROOF_FAR_NS : PROOF_NS);
    if (serves || w->round_trip)
        return;
    (void)rt_print(n->rt, "netd: the driver ended\n");
    w->failed = true; /* it has one life in a proof */
}

static bool is_number(const struct netd_witness *w)
{
    return w->taken_bytes >= NETD_NUMBER_BYTES && w->given_bytes >= NETD_NUMBER_BYTES &&
           w->acknowledged >= NETD_NUMBER_BYTES && memcmp(w->taken, w->given, NETD_NUMBER_BYTES) == 0;
}

bool netd_witness_turn(struct netd *n, uint64_t now_ns, uint32_t *code)
{
    struct netd_witness *w = &n->witness;

    if (cap_is_none(w->sink))
        return true;
    if (!w->lease && netd_usable(n) == NET_OK)
        lease(n);
    else if (w->lease && !w->neighbour)
        neighbour(n, now_ns);
    else if (w->neighbour && !w->round_trip && is_number(w) && (!w->outgoing || w->outgoing_ended))
        round_trip(n);
    if (!is_over(w, now_ns))
        return true;
    if (!w->round_trip && !w->failed)
        (void)rt_print(n->rt, !w->lease       ? "netd: no lease\n"
                              : !w->neighbour ? "netd: the neighbour does not answer\n"
                              : w->outgoing && !w->outgoing_ended
                                  ? "netd: nobody made the connection to outside, and closed it\n"
                                  : "netd: no number came from outside and went back\n");
    *code = w->round_trip ? 0 : NETD_EXIT_PROOF;
    return false;
}

uint64_t netd_witness_due(const struct netd *n)
{
    const struct netd_witness *w = &n->witness;

    if (cap_is_none(w->sink))
        return NETD_FOREVER;
    return w->lease && !w->neighbour && w->again_ns < w->until_ns ? w->again_ns : w->until_ns;
}

bool netd_witness_may_connect(const struct netd *n)
{
    return cap_is_none(n->witness.sink) || n->witness.neighbour;
}

void netd_witness_closed(struct netd_object *o)
{
    if (o->tcp.connected)
        o->netd->witness.outgoing_ended = true;
}

void netd_witness_unlistened(const struct netd_object *o)
{
    struct netd_witness *w = &o->netd->witness;

    w->probe_ended = w->probe_ended || (w->only_port != 0 && o->listener.port != w->only_port);
}

/* The first connection that a listener took is the one, of the listener of that port where one is said. */
static bool of_witness(struct netd_object *o)
{
    struct netd_witness *w = &o->netd->witness;

    if (cap_is_none(w->sink) || o->tcp.connected || (w->badge != 0 && w->badge != o->badge) ||
        (w->only_port != 0 && w->only_port != o->tcp.port))
        return false;
    w->badge = o->badge;
    w->port = o->tcp.port;
    w->peer = o->tcp.peer;
    return true;
}

static uint32_t keep(uint8_t *to, uint32_t have, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count && have + i < NETD_NUMBER_BYTES; i++)
        to[have + i] = bytes[i];
    return have + count;
}

void netd_witness_taken(struct netd_object *o, const uint8_t *bytes, uint32_t count)
{
    struct netd_witness *w = &o->netd->witness;

    if (of_witness(o))
        w->taken_bytes = keep(w->taken, w->taken_bytes, bytes, count);
}

void netd_witness_given(struct netd_object *o, const uint8_t *bytes, uint32_t count)
{
    struct netd_witness *w = &o->netd->witness;

    if (of_witness(o))
        w->given_bytes = keep(w->given, w->given_bytes, bytes, count);
}

void netd_witness_acknowledged(struct netd_object *o, uint32_t count)
{
    if (of_witness(o))
        o->netd->witness.acknowledged += count;
}
