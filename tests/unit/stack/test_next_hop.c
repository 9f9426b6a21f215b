/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a packet goes, row by row. */
#include <criterion/criterion.h>
#include <string.h>

#include "stack/netd/lease.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

enum { NONE, COMPUTE_ENGINE, THREE, DEFAULT_ON_LINK, SELF, NO_DEFAULT, SAME_AS_SUBNET };

static struct lease_options options_of(int which)
{
    static const struct {
        uint8_t bytes[40];
        size_t count;
    } lists[] = {
        [NONE] = {{0}, 0},
        [COMPUTE_ENGINE] = {{32, 10, 128, 0, 1, 0, 0, 0, 0, 0, 10, 128, 0, 1}, 14},
        [THREE] = {{0, 10, 0, 0, 1, 8, 172, 10, 0, 0, 2, 16, 172, 16, 10, 0, 0, 3}, 18},
        [DEFAULT_ON_LINK] = {{0, 0, 0, 0, 0}, 5},
        [SELF] = {{0, 10, 0, 0, 15}, 5},
        [NO_DEFAULT] = {{16, 172, 16, 10, 0, 0, 3}, 7},
        [SAME_AS_SUBNET] = {{24, 10, 0, 0, 10, 0, 0, 9}, 8},
    };
    struct lease_options o = {0};

    if (which != NONE)
        cr_assert(lease_read_routes(lists[which].bytes, lists[which].count, &o));
    return o;
}

static const struct {
    uint32_t address, mask, router;
    int routes;
    uint32_t destination;
    enum lease_reach reach;
    uint32_t next;
} rows[] = {
    /* Compute Engine: a mask of 32 bits, the gateway on the link, all else behind it */
    {IP(10, 128, 0, 15), UINT32_MAX, IP(10, 128, 0, 1), COMPUTE_ENGINE, IP(10, 128, 0, 1), LEASE_ON_LINK,
     IP(10, 128, 0, 1)},
    {IP(10, 128, 0, 15), UINT32_MAX, IP(10, 128, 0, 1), COMPUTE_ENGINE, IP(10, 128, 0, 16), LEASE_VIA,
     IP(10, 128, 0, 1)},
    {IP(10, 128, 0, 15), UINT32_MAX, IP(10, 128, 0, 1), COMPUTE_ENGINE, IP(169, 254, 169, 254), LEASE_VIA,
     IP(10, 128, 0, 1)},
    {IP(10, 128, 0, 15), UINT32_MAX, IP(10, 128, 0, 1), COMPUTE_ENGINE, IP(8, 8, 8, 8), LEASE_VIA,
     IP(10, 128, 0, 1)},
    {IP(10, 128, 0, 15), UINT32_MAX, 0, COMPUTE_ENGINE, UINT32_MAX, LEASE_ON_LINK, UINT32_MAX},
    /* the same without option 121: a router outside the subnet is usable */
    {IP(10, 128, 0, 15), UINT32_MAX, IP(10, 128, 0, 1), NONE, IP(10, 128, 0, 1), LEASE_VIA,
     IP(10, 128, 0, 1)},
    {IP(10, 128, 0, 15), UINT32_MAX, IP(10, 128, 0, 1), NONE, IP(169, 254, 169, 254), LEASE_VIA,
     IP(10, 128, 0, 1)},
    /* a usual network */
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 2), NONE, IP(10, 0, 0, 3), LEASE_ON_LINK,
     IP(10, 0, 0, 3)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 2), NONE, IP(10, 0, 0, 255), LEASE_ON_LINK,
     IP(10, 0, 0, 255)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 2), NONE, IP(10, 0, 1, 3), LEASE_VIA,
     IP(10, 0, 0, 2)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 2), NONE, IP(169, 254, 1, 1), LEASE_VIA,
     IP(10, 0, 0, 2)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(192, 168, 7, 1), NONE, IP(8, 8, 8, 8), LEASE_VIA,
     IP(192, 168, 7, 1)},
    {IP(169, 254, 3, 4), IP(255, 255, 0, 0), 0, NONE, IP(169, 254, 1, 1), LEASE_ON_LINK, IP(169, 254, 1, 1)},
    /* no router, or none that can be one */
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), 0, NONE, IP(10, 0, 1, 3), LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 15), NONE, IP(10, 0, 1, 3), LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(224, 0, 0, 1), NONE, IP(10, 0, 1, 3), LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(127, 0, 0, 1), NONE, IP(10, 0, 1, 3), LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), UINT32_MAX, NONE, IP(10, 0, 1, 3), LEASE_UNREACHABLE, 0},
    /* masks of no bit, and of none that is one */
    {IP(10, 0, 0, 15), 0, 0, NONE, IP(10, 0, 1, 3), LEASE_ON_LINK, IP(10, 0, 1, 3)},
    {IP(10, 0, 0, 15), 0, IP(10, 0, 0, 2), NONE, IP(10, 0, 1, 3), LEASE_VIA, IP(10, 0, 0, 2)},
    {IP(10, 0, 0, 15), IP(255, 0, 255, 0), 0, NONE, IP(10, 9, 0, 3), LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 0, 255, 0), IP(10, 0, 0, 2), NONE, IP(10, 9, 0, 3), LEASE_VIA,
     IP(10, 0, 0, 2)},
    /* longest prefix; the router of option 3 is ignored */
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 99), THREE, IP(172, 16, 1, 1), LEASE_VIA,
     IP(10, 0, 0, 3)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 99), THREE, IP(172, 17, 1, 1), LEASE_VIA,
     IP(10, 0, 0, 2)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 99), THREE, IP(8, 8, 8, 8), LEASE_VIA,
     IP(10, 0, 0, 1)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 99), THREE, IP(10, 0, 0, 7), LEASE_ON_LINK,
     IP(10, 0, 0, 7)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 99), NO_DEFAULT, IP(8, 8, 8, 8), LEASE_UNREACHABLE,
     0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), 0, DEFAULT_ON_LINK, IP(8, 8, 8, 8), LEASE_ON_LINK,
     IP(8, 8, 8, 8)},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 99), SELF, IP(8, 8, 8, 8), LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), 0, SAME_AS_SUBNET, IP(10, 0, 0, 7), LEASE_VIA, IP(10, 0, 0, 9)},
    /* without a lease only what everyone hears */
    {0, 0, 0, NONE, UINT32_MAX, LEASE_ON_LINK, UINT32_MAX},
    {0, 0, 0, NONE, IP(224, 0, 0, 251), LEASE_ON_LINK, IP(224, 0, 0, 251)},
    {0, 0, IP(10, 0, 0, 2), NONE, IP(10, 0, 0, 2), LEASE_UNREACHABLE, 0},
    {0, 0, 0, COMPUTE_ENGINE, IP(8, 8, 8, 8), LEASE_UNREACHABLE, 0},
    /* nobody's addresses, and our own */
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 2), NONE, 0, LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 2), NONE, IP(127, 0, 0, 1), LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 2), NONE, IP(240, 0, 0, 1), LEASE_UNREACHABLE, 0},
    {IP(10, 0, 0, 15), IP(255, 255, 255, 0), IP(10, 0, 0, 2), NONE, IP(10, 0, 0, 15), LEASE_UNREACHABLE, 0},
};

Test(stack_next_hop, table)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct lease_options o = options_of(rows[i].routes);
        const struct lease_net net = {rows[i].address, rows[i].mask, rows[i].router, &o};
        const struct lease_hop hop = lease_next_hop(&net, rows[i].destination);

        cr_assert_eq(hop.reach, rows[i].reach, "row %zu", i);
        cr_assert_eq(hop.address, rows[i].next, "row %zu", i);
    }
}

Test(stack_next_hop, gateway_is_the_router_of_the_default_route)
{
    static const struct {
        uint32_t address, router;
        int routes;
        uint32_t gateway;
    } gateways[] = {
        {IP(10, 0, 0, 15), IP(10, 0, 0, 2), NONE, IP(10, 0, 0, 2)},
        {IP(10, 0, 0, 15), IP(10, 0, 0, 2), COMPUTE_ENGINE, IP(10, 128, 0, 1)},
        {IP(10, 0, 0, 15), IP(10, 0, 0, 2), NO_DEFAULT, 0},
        {IP(10, 0, 0, 15), IP(10, 0, 0, 2), DEFAULT_ON_LINK, 0},
        {IP(10, 0, 0, 15), IP(10, 0, 0, 2), SELF, 0},
        {IP(10, 0, 0, 15), IP(224, 0, 0, 2), NONE, 0},
        {IP(10, 0, 0, 15), 0, NONE, 0},
        {0, IP(10, 0, 0, 2), NONE, 0},
    };

    for (size_t i = 0; i < sizeof(gateways) / sizeof(gateways[0]); i++) {
        const struct lease_options o = options_of(gateways[i].routes);
        const struct lease_net net = {gateways[i].address, IP(255, 255, 255, 0), gateways[i].router, &o};

        cr_assert_eq(lease_gateway(&net), gateways[i].gateway, "row %zu", i);
    }
}
