/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/stack/world/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world t;

static void one(uint32_t which, uint32_t value, const char *package)
{
    struct dm_peer_config peer = wired_peer();
    const struct dm_dhcp_config honest = peer.dhcp;
    const struct dm_client_config client = wired_client();
    const struct world_config config = {.peer = &peer, .client = &client, .package = package};

    memcpy(peer.dhcp.other, (uint8_t[4]){10, 0, 2, 16}, 4);
    dm_dhcp_case_apply(&peer.dhcp, which, value);
    world_open(&t, &config);
    wired_pass(&t.w, 60 * SECOND);
    struct dm_peer_counts c = dm_peer_counts(t.peer);
    printf("%-22s st %lu addr %08lx/%lu gw %08lx mtu %lu lease %lu routes %lu leases %lu | disc %lu req %lu "
           "decl %lu off %lu ack %lu nak %lu mal %lu turns %lu\n",
           dm_dhcp_case_name(which), world_config_of(&t, 0, 0), world_config_of(&t, NET_CONFIG_ADDRESS, 0),
           world_config_of(&t, NET_CONFIG_PREFIX, 0), world_config_of(&t, NET_CONFIG_GATEWAY, 0),
           world_config_of(&t, NET_CONFIG_MTU, 0), world_config_of(&t, NET_CONFIG_LEASE_S, 0),
           world_config_of(&t, NET_CONFIG_ROUTES, 0), world_counter(&t, NET_COUNTER_LEASES), c.dhcp.discovers,
           c.dhcp.requests, c.dhcp.declines, c.dhcp.offers, c.dhcp.acks, c.dhcp.naks, c.dhcp.malformed,
           t.w.turns);
    dm_peer_dhcp(t.peer, &honest);
    bool bound = world_state(&t, NET_STATE_BOUND, 120 * SECOND, SECOND);
    printf("   honest: bound %d after %lu s; ping %lu\n", bound, wired_now(&t.w) / SECOND - 60,
           world_ping(&t, peer.address));
    fflush(stdout);
    world_close(&t);
}

Test(world_dhcp, day, .timeout = 300)
{
    struct dm_peer_config peer = wired_peer();
    const struct dm_client_config client = wired_client();
    const struct world_config config = {.peer = &peer, .client = &client};

    dm_dhcp_case_apply(&peer.dhcp, DM_DHCP_LEASE_DAY, 0);
    peer.dhcp.silent_after_acks = 1;
    world_open(&t, &config);
    for (int i = 0; i < 25; i++) {
        wired_pass(&t.w, HOUR);
        struct dm_peer_counts c = dm_peer_counts(t.peer);
        printf("%d h: st %lu lease %lu at %lu %lu %lu %lu %lu rel %lu turns %lu\n", i + 1, world_config_of(&t, 0, 0), world_config_of(&t, NET_CONFIG_LEASE_S, 0), c.dhcp.at[0],
            c.dhcp.at[1], c.dhcp.at[2], c.dhcp.at[3], c.dhcp.at[4], c.dhcp.releases, t.w.turns);
    }
    world_close(&t);
}

Test(world_dhcp, honest, .timeout = 300)
{
    for (uint32_t i = 0; i < DM_DHCP_CASES; i++)
            one(i, dm_dhcp_case_value(i), NULL);
}
