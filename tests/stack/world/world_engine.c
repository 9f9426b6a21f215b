/* SPDX-License-Identifier: BSD-2-Clause */
/* Compute Engine's network, as the peer of that name has it: a /32 lease with its routes, an MTU of 1,460,
 * nobody but the router on the link, and a client that is beyond it. And that runs can be made again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/stack/world/world.h"

#define STREAM_BYTES 1000000u

static const uint8_t router[4] = {10, 128, 0, 1}, guest[4] = {10, 128, 0, 15},
                     services[4] = {169, 254, 169, 254};
static const uint8_t beyond[4] = {198, 51, 100, 7};

static struct world t;

static void open_engine(uint64_t seed, bool traced)
{
    const struct dm_peer_config peer = dm_peer_compute_engine(router, guest);
    struct dm_client_config client = {.mtu = 1460, .connections_max = 2};
    const struct world_config config = {.peer = &peer, .client = &client, .seed = seed, .traced = traced};

    memcpy(client.mac, peer.mac, 6);
    memcpy(client.address, beyond, 4);
    memcpy(client.guest, guest, 4);
    memcpy(client.gateway, router, 4);
    world_open(&t, &config);
    cr_assert(world_state(&t, NET_STATE_BOUND, 5 * SECOND, 100 * MS));
    wired_pass(&t.w, SECOND); /* the echo has a listener */
}

static void is_route(uint64_t which, const uint8_t destination[4], uint32_t bits, const uint8_t via[4])
{
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ROUTE, which),
                 world_word(destination) | (uint64_t)bits << 32);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ROUTE_VIA, which), world_word(via));
}

Test(world_engine, lease_routes_and_a_client_beyond_the_router, .timeout = 300)
{
    static const uint8_t none[4];

    open_engine(1, false);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ADDRESS, 0), world_word(guest));
    cr_expect_eq(world_config_of(&t, NET_CONFIG_PREFIX, 0), 32);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_GATEWAY, 0), world_word(router));
    cr_expect_eq(world_config_of(&t, NET_CONFIG_MTU, 0), 1460);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_SERVER, 0), world_word(services));
    cr_expect_eq(world_config_of(&t, NET_CONFIG_DNS, 0), world_word(services));
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ROUTES, 0), 3);
    is_route(0, router, 32, none);
    is_route(1, none, 0, router);
    is_route(2, guest, 32, none);
    cr_expect_eq(world_resolve(&t, "metadata.google.internal"), NET_OK);
    cr_expect_eq(t.value, world_word(services));
    cr_expect_eq(world_ping(&t, services), NET_OK);
    cr_expect_eq(world_ping(&t, router), NET_OK);
    cr_expect_eq(world_udp(&t, services, 1000), NET_OK);
    cr_expect(world_client(&t, STREAM_BYTES, 3 * SECOND), "the echo does not answer beyond the router");
    const struct dm_peer_counts c = dm_peer_counts(t.peer);
    cr_expect_eq(c.too_long, 0, "frames above the network's MTU");
    cr_expect_eq(c.dns_known, 1);
    /* Of the router and of nobody else, and the announcement of its own address. */
    cr_expect_leq(dm_backend_counts(t.peer).arp_requests, 6, "%lu", dm_backend_counts(t.peer).arp_requests);
    cr_expect(world_left(&t, 0, 1));
    world_close(&t);
}

static uint64_t hash_of(uint64_t seed)
{
    open_engine(seed, true);
    (void)world_ping(&t, services);
    (void)world_udp(&t, services, 300);
    cr_expect(world_client(&t, 20000, 3 * SECOND));
    wired_pass(&t.w, HOUR);
    const uint64_t hash = t.w.b.world.platform.trace;
    world_close(&t);
    return hash;
}

Test(world_engine, the_same_seed_is_the_same_run, .timeout = 300)
{
    const uint64_t first = hash_of(7), again = hash_of(7), another = hash_of(8);

    printf("trace %016lx\n", first);
    cr_expect_eq(first, again, "%016lx and %016lx", first, again);
    cr_expect_neq(first, another);
}

/* Under loss, damage, reordering and an intruder. */
static uint64_t hash_under_fire(uint64_t seed)
{
    const struct dm_wire_way way = {.loss = 30,
                                    .corrupt = 10,
                                    .duplicate = 20,
                                    .reorder = 20,
                                    .reorder_ns = 3 * MS,
                                    .delay_ns = 2 * MS,
                                    .jitter_ns = MS};
    const struct dm_wire_config wire = {.seed = seed, .from_guest = way, .to_guest = way};
    const struct dm_intruder_config intruder = {.kind = DM_INTRUSION_TCP_HEADERS,
                                                .mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x66},
                                                .address = {10, 0, 2, 66},
                                                .guest = {10, 0, 2, 15},
                                                .port = PORT_OURS,
                                                .seed = seed,
                                                .interval_ns = MS,
                                                .frames_max = 2000};
    const struct dm_peer_config peer = wired_peer();
    const struct dm_client_config client = wired_client();
    const struct world_config config = {
        .peer = &peer, .client = &client, .intruder = &intruder, .wire = &wire, .seed = seed, .traced = true};

    world_open(&t, &config);
    cr_assert(world_state(&t, NET_STATE_BOUND, MINUTE, 100 * MS));
    wired_pass(&t.w, SECOND);
    cr_expect(world_client(&t, 50000, MINUTE));
    const uint64_t hash = t.w.b.world.platform.trace;
    world_close(&t);
    return hash;
}

Test(world_engine, the_same_seed_is_the_same_run_under_fire, .timeout = 300)
{
    const uint64_t first = hash_under_fire(3), again = hash_under_fire(3), another = hash_under_fire(4);

    cr_expect_eq(first, again, "%016lx and %016lx", first, again);
    cr_expect_neq(first, another);
}
