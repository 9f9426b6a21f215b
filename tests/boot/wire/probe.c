/* SPDX-License-Identifier: BSD-2-Clause */
/* wireprobe: what the network-stack process has of a real DHCP server, and what it gets of it: a ping, a
 * name, a UDP datagram there and back. It says on its console what it got; who reads that judges. Addresses
 * are numbers, the first byte lowest. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "evidence/text.h"
#include "user/rt/rt.h"

#define LINE_BYTES  96u
#define PAUSE_NS    10000000u
#define ANSWER_NS   5000000000ull
#define DNS_PORT    53u
#define HEADER      ((uint32_t)sizeof(struct net_datagram))
#define ROOM        1024u
#define QUERY_BYTES ((uint32_t)sizeof query - 1u)

static const char name[] = "wire.test";
/* RFC 1035, 4.1: one question, recursion desired; the name's labels, type A, class IN. */
static const char query[] = "\x43\x21\1\0\0\1\0\0\0\0\0\0\4wire\4test\0\0\1\0\1";

struct probe {
    struct rt *rt;
    cap_id network;
    struct rt_memory memory;
};

static void say(struct probe *p, const char *what, uint64_t value)
{
    char line[LINE_BYTES];
    struct text t = text_over(line, sizeof line);

    text_string(&t, "wireprobe: ");
    text_string(&t, what);
    text_string(&t, " ");
    text_u64(&t, value);
    text_string(&t, "\n");
    ASSERT(!t.overflow);
    (void)rt_write(p->rt, t.at, t.used);
}

static uint64_t config(struct probe *p, enum net_config which)
{
    return ring_call(&p->rt->ring, p->network, NETWORK_CONFIG, RING_ARGS(which, 0, 0), NULL).value;
}

static bool said_no(struct probe *p, const char *what, const struct ring_completion *done)
{
    if (ring_completed(done))
        return false;
    say(p, what, done->result);
    return true;
}

static void ping(struct probe *p, uint64_t server)
{
    const struct ring_completion done =
        ring_call(&p->rt->ring, p->network, NETWORK_PING,
                  RING_ARGS(server, 0, NET_PEER(NET_FAMILY_IPV4, 0, 5000)), NULL);

    if (!said_no(p, "ping failed", &done))
        say(p, "ping", server);
}

static void resolve(struct probe *p)
{
    const struct ring_extra along = ring_copy(p->memory.cap);

    memcpy(p->memory.at, name, sizeof name - 1u);
    const struct ring_completion done =
        ring_call(&p->rt->ring, p->network, NETWORK_RESOLVE, RING_ARGS(0, sizeof name - 1u, 0), &along);
    if (!said_no(p, "name failed", &done))
        say(p, "name", done.value);
}

/* The same question by hand: a datagram out, one back, whose last four bytes are the address. */
static void datagram(struct probe *p, uint64_t server)
{
    struct ring_client *ring = &p->rt->ring;
    const struct ring_extra shared = ring_copy(p->memory.cap);
    const struct ring_completion opened = ring_call(ring, p->network, NETWORK_UDP, RING_ARGS(0, 0, 0), NULL);
    struct net_datagram header = {.family = NET_FAMILY_IPV4, .port = DNS_PORT, .length = QUERY_BYTES};
    uint32_t address = 0;

    if (said_no(p, "udp failed", &opened))
        return;
    for (uint32_t i = 0; i < 4u; i++)
        header.address.bytes[i] = (uint8_t)(server >> (8u * i));
    memcpy(p->memory.at, &header, HEADER);
    memcpy(p->memory.at + HEADER, query, QUERY_BYTES);
    (void)ring_call(ring, opened.cap, UDP_BUFFER, NULL, &shared);
    const struct ring_completion sent = ring_call(ring, opened.cap, UDP_SEND, RING_ARGS(0, 0, 0), NULL);
    const struct ring_completion got =
        ring_call(ring, opened.cap, UDP_RECV, RING_ARGS(0, ROOM, ANSWER_NS), NULL);
    if (said_no(p, "udp failed", &sent) || said_no(p, "udp failed", &got))
        return;
    memcpy(&header, p->memory.at, HEADER);
    const uint8_t *answer = p->memory.at + HEADER;
    if (header.length < QUERY_BYTES || header.length > ROOM - HEADER || header.port != DNS_PORT ||
        memcmp(answer, query, 2) != 0)
        return;
    memcpy(&address, answer + header.length - sizeof address, sizeof address);
    say(p, "udp", address);
}

uint32_t program_main(struct rt *rt)
{
    static struct probe p;

    p.rt = rt;
    p.network = rt_first(rt, CAP_IF_NETWORK_MANAGER);
    if (cap_is_none(p.network) || !rt_memory_make(rt, ROOM, &p.memory))
        return 1;
    while (config(&p, NET_CONFIG_STATE) != NET_STATE_BOUND)
        ring_sleep(&rt->ring, PAUSE_NS);
    const uint64_t server = config(&p, NET_CONFIG_SERVER);
    say(&p, "address", config(&p, NET_CONFIG_ADDRESS));
    say(&p, "prefix", config(&p, NET_CONFIG_PREFIX));
    say(&p, "gateway", config(&p, NET_CONFIG_GATEWAY));
    say(&p, "mtu", config(&p, NET_CONFIG_MTU));
    say(&p, "dns", config(&p, NET_CONFIG_DNS));
    say(&p, "server", server);
    say(&p, "lease", config(&p, NET_CONFIG_LEASE_S));
    ping(&p, server);
    resolve(&p);
    datagram(&p, server);
    say(&p, "done", 0);
    return 0;
}
