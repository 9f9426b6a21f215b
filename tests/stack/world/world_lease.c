/* SPDX-License-Identifier: BSD-2-Clause */
/* What open sockets live through: a renewal, a new address, the end of a lease, a server that is gone, a
 * driver that comes back to another network. Each call that waits completes once, with what abi/net.h says,
 * or waits on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stack/world/world.h"

#define LEASE_S    600u
#define DATA_BYTES 64u

enum { SLOT_RECEIVES = RELAY_FREE_FIRST, SLOT_IDLE, SLOT_UDP, SLOT_LISTENER, SLOT_ACCEPTED };
enum { REGION_RECEIVES = 1, REGION_IDLE, REGION_UDP };

static const uint8_t peer_address[4] = {10, 0, 2, 2}, other[4] = {10, 0, 2, 16};

static struct world t;

static struct {
    uint32_t receive, datagram, accept; /* calls that wait */
} waits;

static uint64_t call(uint32_t slot, uint32_t method, uint64_t a, uint64_t b, uint64_t c)
{
    return world_call(&t, (struct world_call){.slot = slot, .method = method, .args = {a, b, c}});
}

static void connect_to(uint32_t slot, uint32_t region)
{
    cr_assert_eq(world_call(&t, (struct world_call){.method = NETWORK_CONNECT,
                                                    .args = {world_word(peer_address), 0,
                                                             NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 5000)},
                                                    .to = slot}),
                 NET_OK);
    cr_assert_eq(world_call(&t, (struct world_call){.slot = slot, .method = SOCKET_BUFFER, .region = region}),
                 NET_OK);
}

/* A connection with a receive that waits, an idle one, a UDP socket and a listener that wait. */
static void open_sockets(void)
{
    connect_to(SLOT_RECEIVES, REGION_RECEIVES);
    connect_to(SLOT_IDLE, REGION_IDLE);
    cr_assert_eq(world_call(&t, (struct world_call){.method = NETWORK_UDP, .to = SLOT_UDP}), NET_OK);
    cr_assert_eq(
        world_call(&t, (struct world_call){.slot = SLOT_UDP, .method = UDP_BUFFER, .region = REGION_UDP}),
        NET_OK);
    cr_assert_eq(
        world_call(&t,
                   (struct world_call){.slot = RELAY_AUTHORITY, .method = LISTEN_OPEN, .to = SLOT_LISTENER}),
        NET_OK);
    waits.receive = world_begin(
        &t,
        (struct world_call){.slot = SLOT_RECEIVES, .method = SOCKET_RECV, .args = {0, 4096, RING_FOREVER}});
    waits.datagram = world_begin(
        &t, (struct world_call){.slot = SLOT_UDP, .method = UDP_RECV, .args = {4096, 4096, RING_FOREVER}});
    waits.accept = world_begin(&t, (struct world_call){.slot = SLOT_LISTENER,
                                                       .method = LISTENER_ACCEPT,
                                                       .args = {RING_FOREVER},
                                                       .to = SLOT_ACCEPTED});
    wired_pass(&t.w, SECOND);
    cr_assert(!world_came(&t, waits.receive) && !world_came(&t, waits.datagram) &&
              !world_came(&t, waits.accept));
}

static void datagram_goes(uint64_t due)
{
    struct net_datagram header = {.family = NET_FAMILY_IPV4, .port = PORT_ECHO, .length = 0};

    memcpy(header.address.bytes, peer_address, 4);
    (void)world_call(&t, (struct world_call){.slot = RELAY_DUMP,
                                             .method = REGION_UDP,
                                             .region = REGION_UDP,
                                             .bytes = &header,
                                             .count = sizeof header});
    cr_expect_eq(call(SLOT_UDP, UDP_SEND, 0, 0, 0), due);
}

/* Streams of the old address ended, each receive once; sockets of no address wait on. */
static void streams_ended(void)
{
    cr_expect(world_came(&t, waits.receive));
    cr_expect_eq(world_result(&t, waits.receive), NET_E_RESET);
    cr_expect_eq(call(SLOT_RECEIVES, SOCKET_SEND, 0, DATA_BYTES, SECOND), NET_E_RESET);
    cr_expect_eq(call(SLOT_IDLE, SOCKET_RECV, 0, 4096, SECOND), NET_E_RESET);
    cr_expect_eq(call(SLOT_IDLE, SOCKET_SEND, 0, DATA_BYTES, SECOND), NET_E_RESET);
    cr_expect_not(world_came(&t, waits.datagram));
    cr_expect_not(world_came(&t, waits.accept));
}

static void without_address(void)
{
    cr_expect_eq(world_config_of(&t, NET_CONFIG_STATE, 0), NET_STATE_ASKING);
    for (uint32_t item = NET_CONFIG_STATE + 1u; item < NET_CONFIG_COUNT; item++)
        cr_expect_eq(world_config_of(&t, (enum net_config)item, 0), 0);
    cr_expect_eq(world_ping(&t, peer_address), NET_E_NO_ADDRESS);
    cr_expect_eq(world_resolve(&t, "a.test"), NET_E_NO_ADDRESS);
    cr_expect_eq(call(RELAY_NETWORK, NETWORK_CONNECT, world_word(peer_address), 0,
                      NET_PEER(NET_FAMILY_IPV4, PORT_ECHO, 100)),
                 NET_E_NO_ADDRESS);
    datagram_goes(NET_E_NO_ADDRESS);
}

static void client_knocks(uint16_t port)
{
    const struct dm_client_connection c = {
        .port = port, .start_ns = wired_now(&t.w), .limit_ns = 3 * SECOND, .send_bytes = DATA_BYTES};

    cr_assert_geq(dm_client_start(t.client, &c), 0);
    wired_pass(&t.w, SECOND);
}

/* With an address again: what waited gets what it waited for, what is new works, and all can be given back.
 */
static void all_works(void)
{
    datagram_goes(NET_OK);
    wired_pass(&t.w, SECOND);
    cr_expect(world_came(&t, waits.datagram), "the datagram did not come back to who waits");
    cr_expect_eq(world_result(&t, waits.datagram), NET_OK);
    client_knocks(PORT_OURS);
    cr_expect(world_came(&t, waits.accept), "the listener did not live on");
    cr_expect_eq(world_result(&t, waits.accept), NET_OK);
    cr_expect(world_client(&t, 20000, 3 * SECOND), "the echo does not answer");
    connect_to(SLOT_ACCEPTED + 1, REGION_UDP + 1);
    cr_expect_eq(call(SLOT_ACCEPTED + 1, SOCKET_SEND, 0, DATA_BYTES, SECOND), NET_OK);
    cr_expect_eq(call(SLOT_ACCEPTED + 1, SOCKET_RECV, 0, DATA_BYTES, SECOND), NET_OK);
    for (uint32_t slot = SLOT_RECEIVES; slot <= SLOT_ACCEPTED + 1; slot++)
        (void)world_call(&t, (struct world_call){.slot = RELAY_RELEASE, .method = slot});
    cr_expect(world_left(&t, 0, 1), "a socket is left");
}

static void begin(struct dm_peer_config *peer, uint8_t last, const char *name)
{
    struct dm_client_config client = wired_client();
    const struct world_config config = {.peer = peer, .client = &client, .seed = last};

    client.guest[3] = last;
    client.connections_max = 4;
    printf("%s\n", name);
    world_open(&t, &config);
    wired_pass(&t.w, SECOND);
    cr_assert(world_state(&t, NET_STATE_BOUND, 5 * SECOND, 100 * MS));
    open_sockets();
}

static struct dm_peer_config short_lease(void)
{
    struct dm_peer_config peer = wired_peer();

    peer.dhcp.lease_given = true;
    peer.dhcp.lease_s = LEASE_S;
    memcpy(peer.dhcp.other, other, 4);
    return peer;
}

Test(world_lease, a_renewed_and_a_rebound_lease_leave_sockets_alone, .timeout = 300)
{
    struct dm_peer_config peer = short_lease();

    begin(&peer, 15, "renewed and rebound");
    wired_pass(&t.w, 2 * LEASE_S * SECOND);
    dm_dhcp_case_apply(&peer.dhcp, DM_DHCP_NO_RENEW, 0);
    dm_peer_dhcp(t.peer, &peer.dhcp);
    wired_pass(&t.w, 4 * LEASE_S * SECOND);
    const struct dm_dhcp_counts c = dm_peer_counts(t.peer).dhcp;
    cr_expect_geq(c.at[3], 3, "renewals");
    cr_expect_geq(c.at[4], 3, "rebinds");
    cr_expect_eq(c.discovers, 1);
    cr_expect_eq(world_counter(&t, NET_COUNTER_LEASES), 1);
    cr_expect(!world_came(&t, waits.receive) && !world_came(&t, waits.datagram) &&
              !world_came(&t, waits.accept));
    cr_expect_eq(call(SLOT_IDLE, SOCKET_SEND, 0, DATA_BYTES, SECOND), NET_OK);
    cr_expect_eq(call(SLOT_IDLE, SOCKET_RECV, 0, DATA_BYTES, SECOND), NET_OK);
    cr_expect_eq(call(SLOT_RECEIVES, SOCKET_SEND, 0, DATA_BYTES, SECOND), NET_OK);
    wired_pass(&t.w, SECOND);
    cr_expect_eq(world_result(&t, waits.receive), NET_OK);
    all_works();
    world_close(&t);
}

Test(world_lease, the_end_of_a_lease_ends_streams_and_nothing_else, .timeout = 300)
{
    struct dm_peer_config peer = short_lease();
    const struct dm_dhcp_config honest = peer.dhcp;

    dm_dhcp_case_apply(&peer.dhcp, DM_DHCP_VANISHED, 1);
    begin(&peer, 15, "vanished");
    cr_expect(world_state(&t, NET_STATE_ASKING, (LEASE_S + 5) * SECOND, SECOND));
    const uint64_t ended_s = wired_now(&t.w) / SECOND;
    cr_expect(ended_s >= LEASE_S - 1u && ended_s <= LEASE_S + 2u, "after %lu s", ended_s);
    streams_ended();
    without_address();
    dm_peer_dhcp(t.peer, &honest);
    cr_expect(world_state(&t, NET_STATE_BOUND, MINUTE, 100 * MS));
    cr_expect_eq(world_counter(&t, NET_COUNTER_LEASES), 2);
    all_works();
    world_close(&t);
}

/* T1, T2 and the end of a day's lease, each at its second. */
Test(world_lease, a_lease_of_a_day_is_renewed_rebound_and_ends, .timeout = 300)
{
    struct dm_peer_config peer = wired_peer();
    const struct world_config config = {.peer = &peer};

    dm_dhcp_case_apply(&peer.dhcp, DM_DHCP_LEASE_DAY, 0);
    dm_dhcp_case_apply(&peer.dhcp, DM_DHCP_VANISHED, 1);
    world_open(&t, &config);
    wired_pass(&t.w, 12 * HOUR - 5 * SECOND);
    cr_expect_eq(dm_peer_counts(t.peer).dhcp.requests, 1);
    wired_pass(&t.w, 10 * SECOND);
    cr_expect_eq(dm_peer_counts(t.peer).dhcp.at[3], 1, "renewed at half of it");
    wired_pass(&t.w, 9 * HOUR - 10 * SECOND);
    cr_expect_eq(dm_peer_counts(t.peer).dhcp.at[4], 0);
    wired_pass(&t.w, 10 * SECOND);
    cr_expect_eq(dm_peer_counts(t.peer).dhcp.at[4], 1, "rebound at seven eighths");
    wired_pass(&t.w, 3 * HOUR - 10 * SECOND);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_STATE, 0), NET_STATE_BOUND);
    cr_expect_eq(dm_peer_counts(t.peer).dhcp.discovers, 1);
    wired_pass(&t.w, 10 * SECOND);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_STATE, 0), NET_STATE_ASKING, "its end");
    cr_expect_gt(dm_peer_counts(t.peer).dhcp.discovers, 1);
    world_close(&t);
}

Test(world_lease, a_new_address_ends_streams_of_the_old_one, .timeout = 300)
{
    struct dm_peer_config peer = short_lease();

    dm_dhcp_case_apply(&peer.dhcp, DM_DHCP_RENUMBERED, 1);
    begin(&peer, other[3], "renumbered");
    wired_pass(&t.w, LEASE_S * SECOND);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ADDRESS, 0), world_word(other));
    streams_ended();
    all_works();
    world_close(&t);
}

static void kill_driver(void)
{
    struct system *s = &t.w.b.k->userland.system;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        if (process_live(s, i) && strcmp(s->processes[i].name, "nicd") == 0)
            process_end(s, i, PROCESS_KILLED, 0);
}

/* The driver's next life: the address is asked for again (RFC 2131, 3.2), and refused. */
Test(world_lease, a_refused_return_to_an_address_is_a_new_question, .timeout = 300)
{
    struct dm_peer_config peer = short_lease();

    dm_dhcp_case_apply(&peer.dhcp, DM_DHCP_NAK_AT_REBOOT, 1);
    begin(&peer, 15, "refused at its return");
    kill_driver();
    wired_pass(&t.w, 5 * SECOND);
    cr_expect_eq(world_result(&t, waits.receive), NET_E_DISCONNECTED);
    cr_expect_eq(world_result(&t, waits.datagram), NET_E_DISCONNECTED);
    cr_expect_eq(world_result(&t, waits.accept), NET_E_DISCONNECTED);
    const struct dm_dhcp_counts c = dm_peer_counts(t.peer).dhcp;
    cr_expect_eq(c.at[2], 1);
    cr_expect_eq(c.naks, 1);
    cr_expect_eq(c.discovers, 2);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_STATE, 0), NET_STATE_BOUND);
    cr_expect(world_client(&t, 20000, 3 * SECOND), "the echo does not answer");
    world_close(&t);
}

/* Options cut at each byte: bound only when nothing is cut. */
Test(world_lease, a_message_that_ends_early_is_none, .timeout = 600)
{
    const char *deep = getenv("CAPOS_DEEP");
    const uint32_t step = deep && strcmp(deep, "1") == 0 ? 1u : 7u; /* 28 is whole */

    for (uint32_t cut = 0; cut < 35u; cut += step) {
        struct dm_peer_config peer = wired_peer();
        const struct world_config config = {.peer = &peer};

        dm_dhcp_case_apply(&peer.dhcp, DM_DHCP_OPTIONS_CUT, cut);
        world_open(&t, &config);
        wired_pass(&t.w, 10 * SECOND);
        /* type 3, server 6, lease 6, mask 6, router 6, end 1 */
        cr_expect_eq(world_config_of(&t, NET_CONFIG_STATE, 0),
                     cut >= 28u ? NET_STATE_BOUND : NET_STATE_ASKING, "cut after %u bytes", cut);
        cr_expect_eq(world_counter(&t, NET_COUNTER_REFUSED_LEASES) > 0, cut < 28u);
        world_close(&t);
    }
}
