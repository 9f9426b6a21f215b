/* SPDX-License-Identifier: BSD-2-Clause */
/* Every case of the scripted DHCP server, and what becomes of the stack under it: bound with the lease that
 * the case gives, asking on at a pace, or declined; then, where the case is about a lease's course, what
 * became of it; and with an honest server at last everything works. CAPOS_CASE=NAME runs that case alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stack/world/world.h"

#define FIRST_S    60u
#define HEALED_S   130u /* the longest pause between two questions, and what an answer takes */
#define QUESTIONS  24u /* in the first minute at most: as fast as RFC 2131, 4.1 lets a client ask */
#define ECHO_BYTES 20000u
#define OTHER_LAST 16u
#define PEER_LAST  2u

enum end { MISSING = 0, BOUND, BACK_OFF, DECLINED };

/* What is due; 0 of a lease's part: as the honest server gives it. */
struct due {
    enum end end;
    uint8_t prefix, routes;
    uint16_t mtu;
    uint32_t lease_s;
    const char *gateway; /* NULL: the peer */
    uint8_t refused; /* options that are not followed, at least */
    /* After `later_s` more seconds: */
    uint32_t later_s;
    uint8_t renewals, rebinds, naks, leases,
        last; /* at least, at least, exactly, exactly; last: of the address, 0: none */
};

static const struct due due[DM_DHCP_CASES] = {
    [DM_DHCP_HONEST] = {BOUND, .later_s = 7200, .renewals = 3, .leases = 1, .last = 15},
    [DM_DHCP_NO_OFFER] = {BACK_OFF},
    [DM_DHCP_OFFER_NO_ACK] = {BACK_OFF},
    [DM_DHCP_NAK_AT_REQUEST] = {BACK_OFF},
    [DM_DHCP_NAK_AT_RENEW] = {BOUND, .later_s = 3700, .renewals = 2, .naks = 1, .leases = 2, .last = 15},
    [DM_DHCP_NAK_AT_REBOOT] = {BOUND},
    [DM_DHCP_NAK_AT_REBIND] = {BOUND, .later_s = 3700, .renewals = 2, .rebinds = 1, .naks = 1, .leases = 2,
                               .last = 15},
    [DM_DHCP_NO_RENEW] = {BOUND, .later_s = 3700, .renewals = 2, .rebinds = 1, .leases = 1, .last = 15},
    [DM_DHCP_VANISHED] = {BOUND, .later_s = 3700, .renewals = 2, .rebinds = 2, .leases = 1, .last = 0},
    [DM_DHCP_SILENT_FROM] = {BACK_OFF},
    [DM_DHCP_RENUMBERED] = {BOUND, .later_s = 3700, .renewals = 1, .naks = 1, .leases = 2,
                            .last = OTHER_LAST},
    [DM_DHCP_CONFLICT] = {DECLINED},
    [DM_DHCP_CONFLICT_ALWAYS] = {DECLINED},
    [DM_DHCP_WRONG_TRANSACTION] = {BACK_OFF},
    [DM_DHCP_WRONG_HARDWARE] = {BACK_OFF},
    [DM_DHCP_WRONG_COOKIE] = {BACK_OFF, .refused = 3},
    [DM_DHCP_OPTIONS_CUT] = {BACK_OFF, .refused = 3},
    [DM_DHCP_OVERLOAD_FILE] = {BOUND},
    [DM_DHCP_OVERLOAD_SNAME] = {BOUND},
    [DM_DHCP_OVERLOAD_BOTH] = {BOUND},
    [DM_DHCP_OVERLOAD_LOOP] = {BACK_OFF},
    [DM_DHCP_OVERLOAD_VALUE] = {BOUND},
    [DM_DHCP_EMPTY_OPTIONS] = {BACK_OFF},
    [DM_DHCP_SHORT_OPTIONS] = {BACK_OFF},
    [DM_DHCP_REPEATED_OPTIONS] = {BOUND},
    [DM_DHCP_REPEATED_DIFFERENTLY] = {BOUND},
    [DM_DHCP_HOST_MASK] = {BOUND, .prefix = 32, .routes = 3},
    [DM_DHCP_ROUTER_OUTSIDE] = {BOUND, .gateway = "192.0.2.1"},
    [DM_DHCP_NO_ROUTER] = {BOUND, .gateway = "", .routes = 1},
    [DM_DHCP_MASK_HOLES] = {BACK_OFF, .refused = 3},
    [DM_DHCP_ADDRESS_NONE] = {BACK_OFF, .refused = 3},
    [DM_DHCP_ADDRESS_MULTICAST] = {BACK_OFF, .refused = 3},
    [DM_DHCP_ADDRESS_EVERYONE] = {BACK_OFF, .refused = 3},
    [DM_DHCP_MTU_0] = {BOUND, .refused = 1},
    [DM_DHCP_MTU_67] = {BOUND, .refused = 1},
    [DM_DHCP_MTU_576] = {BOUND, .mtu = 576},
    [DM_DHCP_MTU_65535] = {BOUND, .refused = 1},
    [DM_DHCP_LEASE_0] = {BACK_OFF, .refused = 3},
    [DM_DHCP_LEASE_1] = {BOUND, .lease_s = 1},
    [DM_DHCP_LEASE_FOREVER] = {BOUND, .lease_s = UINT32_MAX, .later_s = 86400, .leases = 1, .last = 15},
    [DM_DHCP_LEASE_DAY] = {BOUND, .lease_s = 86400, .later_s = 86400, .renewals = 2, .leases = 1, .last = 15},
    [DM_DHCP_T1_AFTER_T2] = {BOUND, .later_s = 3700, .renewals = 2, .leases = 1, .last = 15},
    [DM_DHCP_TIMES_AFTER_LEASE] = {BOUND, .later_s = 3700, .renewals = 2, .leases = 1, .last = 15},
    [DM_DHCP_LONG_LISTS] = {BOUND},
};

static struct world t;
static const uint8_t other[4] = {10, 0, 2, OTHER_LAST};

static void bound(const char *name, const struct due *d)
{
    const uint64_t lease_s = d->lease_s ? d->lease_s : 3600u;
    uint8_t gateway[4] = {10, 0, 2, PEER_LAST};

    cr_expect_eq(world_config_of(&t, NET_CONFIG_STATE, 0), NET_STATE_BOUND, "%s: not bound", name);
    if (d->gateway)
        (void)sscanf(d->gateway[0] ? d->gateway : "0.0.0.0", "%hhu.%hhu.%hhu.%hhu", &gateway[0], &gateway[1],
                     &gateway[2], &gateway[3]);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ADDRESS, 0), world_word((const uint8_t[4]){10, 0, 2, 15}),
                 "%s", name);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_PREFIX, 0), d->prefix ? d->prefix : 24u, "%s", name);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_GATEWAY, 0), world_word(gateway), "%s", name);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_MTU, 0), d->mtu ? d->mtu : 1500u, "%s", name);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ROUTES, 0), d->routes ? d->routes : 2u, "%s", name);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_SERVER, 0), world_word((const uint8_t[4]){10, 0, 2, 2}), "%s",
                 name);
    const uint64_t left_s = world_config_of(&t, NET_CONFIG_LEASE_S, 0);
    cr_expect(left_s <= lease_s && (left_s + FIRST_S + 5u >= lease_s || lease_s == UINT32_MAX), "%s: %lu s",
              name, left_s);
    cr_expect_eq(world_counter(&t, NET_COUNTER_LEASES) == 1, lease_s > 1, "%s", name);
}

/* No address: it asks on, at a pace, and everything that needs one says so. */
static void asks_on(const char *name)
{
    const struct dm_dhcp_counts c = dm_peer_counts(t.peer).dhcp;

    cr_expect_eq(world_config_of(&t, NET_CONFIG_STATE, 0), NET_STATE_ASKING, "%s", name);
    for (uint32_t item = NET_CONFIG_STATE + 1u; item < NET_CONFIG_COUNT; item++)
        cr_expect_eq(world_config_of(&t, (enum net_config)item, 0), 0, "%s: item %u", name, item);
    cr_expect_eq(world_ping(&t, (const uint8_t[4]){10, 0, 2, 2}), NET_E_NO_ADDRESS, "%s", name);
    cr_expect(c.discovers + c.requests >= 3 && c.discovers + c.requests <= QUESTIONS,
              "%s: asked %lu times in a minute", name, c.discovers + c.requests);
}

static void declined(const char *name, enum dm_dhcp_case which)
{
    const struct dm_dhcp_counts c = dm_peer_counts(t.peer).dhcp;

    cr_expect(c.declines >= 1 && c.declines <= FIRST_S / 10u + 1u, "%s: %lu declines", name, c.declines);
    if (which == DM_DHCP_CONFLICT)
        cr_expect_eq(world_config_of(&t, NET_CONFIG_ADDRESS, 0), world_word(other), "%s", name);
    else
        cr_expect_eq(world_config_of(&t, NET_CONFIG_STATE, 0), NET_STATE_ASKING, "%s", name);
}

static void later(const char *name, const struct due *d)
{
    const uint8_t last[4] = {10, 0, 2, d->last};

    wired_pass(&t.w, d->later_s * SECOND);
    const struct dm_dhcp_counts c = dm_peer_counts(t.peer).dhcp;
    printf("    after %u s: renewals %lu, rebinds %lu, NAKs %lu, leases %lu\n", d->later_s, c.at[3], c.at[4],
           c.naks, world_counter(&t, NET_COUNTER_LEASES));
    cr_expect_geq(c.at[3], d->renewals, "%s", name);
    cr_expect_geq(c.at[4], d->rebinds, "%s", name);
    cr_expect_eq(c.naks, d->naks, "%s", name);
    cr_expect_eq(world_counter(&t, NET_COUNTER_LEASES), d->leases, "%s", name);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ADDRESS, 0), d->last ? world_word(last) : 0, "%s", name);
}

/* An honest server from now on: bound within the longest pause, and everything works. */
static void healed(const char *name, const struct dm_peer_config *honest)
{
    const uint64_t before_ns = wired_now(&t.w);

    dm_peer_dhcp(t.peer, &honest->dhcp);
    cr_expect(world_state(&t, NET_STATE_BOUND, HEALED_S * SECOND, 100 * MS), "%s: not bound", name);
    printf("    bound %lu ms after the server was honest\n", (wired_now(&t.w) - before_ns) / MS);
    wired_pass(&t.w, SECOND); /* the shortest lease is over, and the echo has a listener */
    cr_expect(world_state(&t, NET_STATE_BOUND, 5 * SECOND, 10 * MS), "%s", name);
    cr_expect_eq(world_ping(&t, honest->address), NET_OK, "%s", name);
    cr_expect_eq(world_udp(&t, honest->address, 100), NET_OK, "%s", name);
    cr_expect(world_client(&t, ECHO_BYTES, 3 * SECOND), "%s: the echo does not answer", name);
    cr_expect(world_left(&t, 0, 1), "%s: a socket is left", name);
}

/* A client of the address that the guest has at the end, which the table names. */
static struct dm_client_config client_of(const struct due *d, enum dm_dhcp_case which)
{
    struct dm_client_config client = wired_client();

    if (d->last == OTHER_LAST || which == DM_DHCP_CONFLICT)
        client.guest[3] = OTHER_LAST;
    if (which == DM_DHCP_HOST_MASK) { /* nobody but the router is on the link */
        const struct dm_peer_config router = wired_peer();

        memcpy(client.mac, router.mac, 6);
        memcpy(client.gateway, router.address, 4);
    }
    return client;
}

static void one_case(enum dm_dhcp_case which, uint32_t value, const char *package)
{
    const struct due *d = &due[which];
    const char *name = dm_dhcp_case_name(which);
    const struct dm_client_config client = client_of(d, which);
    struct dm_peer_config peer = wired_peer();
    const struct world_config config = {.peer = &peer, .client = &client, .seed = which, .package = package};

    memcpy(peer.dhcp.router, peer.address, 4);
    if (which != DM_DHCP_CONFLICT_ALWAYS)
        memcpy(peer.dhcp.other, other, 4);
    const struct dm_peer_config honest = peer;
    dm_dhcp_case_apply(&peer.dhcp, which, value);
    world_open(&t, &config);
    wired_pass(&t.w, FIRST_S * SECOND + 500 * MS); /* in the middle of a lease of one second */
    printf("%s%s\n", name, d->end == BOUND ? ": bound" : d->end == BACK_OFF ? ": asks on" : ": declined");
    if (d->end == BOUND)
        bound(name, d);
    else if (d->end == BACK_OFF)
        asks_on(name);
    else
        declined(name, which);
    cr_expect_geq(world_counter(&t, NET_COUNTER_REFUSED_LEASES), d->refused, "%s", name);
    if (d->later_s)
        later(name, d);
    healed(name, &honest);
    fflush(stdout);
    world_close(&t);
}

Test(world_dhcp, each_case_ends_as_the_table_says, .timeout = 1200)
{
    const char *only = getenv("CAPOS_CASE");
    uint32_t ran = 0;

    for (uint32_t i = 0; i < DM_DHCP_CASES; i++) {
        cr_assert_neq(due[i].end, MISSING, "%s: nothing is due", dm_dhcp_case_name(i));
        if (only && strcmp(only, dm_dhcp_case_name(i)) != 0)
            continue;
        one_case((enum dm_dhcp_case)i, dm_dhcp_case_value(i), NULL);
        ran++;
    }
    cr_assert_gt(ran, 0, "there is no case %s", only);
}

/* An address that is asked for on the link first is never used. */
Test(world_dhcp, a_conflict_is_seen_before_the_address_is_used, .timeout = 300)
{
    one_case(DM_DHCP_CONFLICT, 0, WORLD_BEFORE);
    one_case(DM_DHCP_CONFLICT_ALWAYS, 0, WORLD_BEFORE);
}
