/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and datagrams: every case of the scripted DNS server, and UDP to an echo and back. CAPOS_CASE=NAME
 * runs that case alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stack/world/world.h"

#define LIMIT_S 31u /* netd's own for a name is 30 seconds */

static const uint8_t peer_address[4] = {10, 0, 2, 2}, known[4] = {10, 0, 2, 77};

/* What a name resolves to: its address, or none, in time. The name of an answer's record is stepped over, not
 * followed: where only that is wrong, the address is right. */
static const uint16_t due[DM_DNS_CASES] = {
    [DM_DNS_HONEST] = NET_OK,
    [DM_DNS_SILENT] = NET_E_NAME,
    [DM_DNS_SERVER_FAILURE] = NET_E_NAME,
    [DM_DNS_TRUNCATED] = NET_E_NAME,
    [DM_DNS_CUT] = NET_E_NAME,
    [DM_DNS_WRONG_ID] = NET_E_NAME,
    [DM_DNS_NOT_A_RESPONSE] = NET_E_NAME,
    [DM_DNS_WRONG_QUESTION] = NET_E_NAME,
    [DM_DNS_WRONG_PORT] = NET_E_NAME,
    [DM_DNS_COMPRESSION_LOOP] = NET_OK,
    [DM_DNS_POINTER_BEYOND] = NET_OK,
    [DM_DNS_LABEL_BEYOND] = NET_E_NAME,
    [DM_DNS_COUNT_LIE] = NET_OK,
    [DM_DNS_DATA_LENGTH_LIE] = NET_E_NAME,
    [DM_DNS_ALIAS_LOOP] = NET_E_NAME,
    [DM_DNS_TTL_MAX] = NET_OK,
};

static struct world t;

static struct dm_peer_config with_names(void)
{
    struct dm_peer_config peer = wired_peer();
    static const char *const names[] = {"first.test", "second.test", "third.test"};

    for (uint32_t i = 0; i < 3u; i++) {
        peer.names[i].name = names[i];
        memcpy(peer.names[i].address, known, 4);
        peer.names[i].ttl_s = 600;
    }
    peer.name_count = 3;
    memcpy(peer.dhcp.dns[0], peer.address, 4);
    peer.dhcp.dns_count = 1;
    return peer;
}

static void open_bound(const struct dm_peer_config *peer)
{
    const struct world_config config = {.peer = peer};

    world_open(&t, &config);
    cr_assert(world_state(&t, NET_STATE_BOUND, 5 * SECOND, 100 * MS));
}

static void one_case(enum dm_dns_case which)
{
    const char *name = dm_dns_case_name(which);
    const uint64_t before_ns = wired_now(&t.w);

    dm_peer_dns(t.peer, which, dm_dns_case_value(which));
    const uint64_t result = world_resolve(&t, "First.Test");
    const uint64_t took_ms = (wired_now(&t.w) - before_ns) / MS;
    printf("%s: %s after %lu ms\n", name, result == NET_OK ? "an address" : "none", took_ms);
    cr_expect_eq(result, due[which], "%s: %lu", name, result);
    cr_expect(result != NET_OK || t.value == world_word(known), "%s: another address", name);
    cr_expect_leq(took_ms, LIMIT_S * 1000u, "%s", name);
    /* A name that does not exist is answered honestly, and so is one that does when the server is honest. */
    cr_expect_eq(world_resolve(&t, "nobody.test"), NET_E_NAME, "%s", name);
    dm_peer_dns(t.peer, DM_DNS_HONEST, 0);
    cr_expect_eq(world_resolve(&t, "second.test"), NET_OK, "%s: and then", name);
    cr_expect_eq(t.value, world_word(known), "%s", name);
}

Test(world_dns, each_case_ends_and_none_in_a_wrong_address, .timeout = 600)
{
    const char *only = getenv("CAPOS_CASE");
    const struct dm_peer_config peer = with_names();
    uint32_t ran = 0;

    for (uint32_t i = 0; i < DM_DNS_CASES; i++) {
        if (only && strcmp(only, dm_dns_case_name((enum dm_dns_case)i)) != 0)
            continue;
        open_bound(&peer);
        one_case((enum dm_dns_case)i);
        world_close(&t);
        ran++;
    }
    cr_assert_gt(ran, 0, "there is no case %s", only);
}

Test(world_dns, many_names_at_once_and_without_a_server, .timeout = 300)
{
    struct dm_peer_config peer = with_names();
    uint32_t ids[3];

    open_bound(&peer);
    static const char *const names[3] = {"first.test", "second.test", "third.test"};
    for (uint32_t i = 0; i < 3u; i++)
        ids[i] = world_begin(&t, (struct world_call){.method = NETWORK_RESOLVE,
                                                     .args = {64 * i, strlen(names[i])},
                                                     .region = 1,
                                                     .at = 64 * i,
                                                     .bytes = names[i],
                                                     .count = (uint32_t)strlen(names[i])});
    wired_pass(&t.w, 2 * SECOND);
    for (uint32_t i = 0; i < 3u; i++)
        cr_expect(world_came(&t, ids[i]) && world_result(&t, ids[i]) == NET_OK, "%s", names[i]);
    world_close(&t);
    peer.dhcp.dns_count = 0;
    open_bound(&peer);
    cr_expect_neq(world_resolve(&t, "first.test"), NET_OK);
    world_close(&t);
}

Test(world_dns, datagrams_come_back_as_they_went, .timeout = 300)
{
    static const uint32_t bytes[] = {0, 1, 7, 100, 512, 1472, 1473, 1500};
    struct dm_peer_config peer = wired_peer();

    open_bound(&peer);
    for (uint32_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++)
        cr_expect_eq(world_udp(&t, peer_address, bytes[i]), bytes[i] <= 1472u ? NET_OK : NET_E_TIMEOUT,
                     "%u bytes", bytes[i]);
    cr_expect(world_left(&t, 0, 1));
    world_close(&t);
}
