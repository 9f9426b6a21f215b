/* SPDX-License-Identifier: BSD-2-Clause */
/* Named behaviours of the scripted peer: what each DHCP case sets, and Compute Engine's network. Owns
 * nothing. */
#include "capos/devmodel/peer.h"

#include <string.h>

#define DAY_S   86400u
#define GCE_MTU 1460u

struct named {
    const char *name;
    uint32_t value;
};

static const struct named dhcp_cases[DM_DHCP_CASES] = {
#define DM_DHCP_CASE(name, value, text) {#name, value},
#include "capos/devmodel/dhcp_cases.def"
#undef DM_DHCP_CASE
};

static const struct named dns_cases[DM_DNS_CASES] = {
#define DM_DNS_CASE(name, value, text) {#name, value},
#include "capos/devmodel/dns_cases.def"
#undef DM_DNS_CASE
};

const char *dm_dhcp_case_name(enum dm_dhcp_case which)
{
    return dhcp_cases[which].name;
}

uint32_t dm_dhcp_case_value(enum dm_dhcp_case which)
{
    return dhcp_cases[which].value;
}

const char *dm_dns_case_name(enum dm_dns_case which)
{
    return dns_cases[which].name;
}

uint32_t dm_dns_case_value(enum dm_dns_case which)
{
    return dns_cases[which].value;
}

static void set_lease(struct dm_dhcp_config *c, uint32_t lease_s)
{
    c->lease_given = true;
    c->lease_s = lease_s;
}

static void set_times(struct dm_dhcp_config *c, uint32_t renew_s, uint32_t rebind_s)
{
    c->renew_given = true;
    c->renew_s = renew_s;
    c->rebind_given = true;
    c->rebind_s = rebind_s;
}

static void set_overload(struct dm_dhcp_config *c, uint32_t value)
{
    c->overload = true;
    c->overload_value = (uint8_t)value;
}

static void set_mtu(struct dm_dhcp_config *c, uint16_t mtu)
{
    c->mtu_given = true;
    c->mtu = mtu;
}

/* The router on the link, everything else through it (RFC 3442), as a /32 needs it. */
static void set_host_routes(struct dm_dhcp_config *c, const uint8_t router[4])
{
    memset(c->mask, 255, 4);
    memcpy(c->router, router, 4);
    memset(c->routes, 0, sizeof c->routes);
    c->route_count = 2;
    c->routes[0].bits = 32;
    memcpy(c->routes[0].network, router, 4);
    memcpy(c->routes[1].router, router, 4);
}

static void set_long_lists(struct dm_dhcp_config *c)
{
    for (uint8_t i = 0; i < DM_DHCP_ADDRESSES_MAX; i++) {
        const uint8_t dns[4] = {10, 53, 0, i}, ntp[4] = {10, 123, 0, i};
        memcpy(c->dns[i], dns, 4);
        memcpy(c->ntp[i], ntp, 4);
    }
    c->dns_count = DM_DHCP_ADDRESSES_MAX;
    c->ntp_count = DM_DHCP_ADDRESSES_MAX;
}

/* Who answers when, and with NAK when. False: not of this kind. */
static bool apply_course(struct dm_dhcp_config *c, enum dm_dhcp_case which, uint32_t value)
{
    switch (which) {
    case DM_DHCP_NO_OFFER:
        c->silent_from = 1;
        return true;
    case DM_DHCP_OFFER_NO_ACK:
        c->silent_at = ~(uint32_t)DM_DHCP_AT_DISCOVER;
        return true;
    case DM_DHCP_NAK_AT_REQUEST:
        c->nak_at = DM_DHCP_AT_REQUEST;
        c->nak_times = value;
        return true;
    case DM_DHCP_NAK_AT_RENEW:
        c->nak_at = DM_DHCP_AT_RENEW;
        c->nak_times = value;
        return true;
    case DM_DHCP_NAK_AT_REBOOT:
        c->nak_at = DM_DHCP_AT_REBOOT;
        c->nak_times = value;
        return true;
    case DM_DHCP_NAK_AT_REBIND:
        c->silent_at = DM_DHCP_AT_RENEW;
        c->nak_at = DM_DHCP_AT_REBIND;
        c->nak_times = value;
        return true;
    case DM_DHCP_NO_RENEW:
        c->silent_at = DM_DHCP_AT_RENEW;
        return true;
    case DM_DHCP_VANISHED:
        c->silent_after_acks = value;
        return true;
    case DM_DHCP_SILENT_FROM:
        c->silent_from = value;
        return true;
    case DM_DHCP_RENUMBERED:
        c->renumber_after = value;
        return true;
    case DM_DHCP_CONFLICT:
        c->conflict = true;
        return true;
    case DM_DHCP_CONFLICT_ALWAYS:
        c->conflict = true;
        memset(c->other, 0, 4);
        return true;
    default:
        return false;
    }
}

/* What is wrong with the message. False: not of this kind. */
static bool apply_form(struct dm_dhcp_config *c, enum dm_dhcp_case which, uint32_t value)
{
    switch (which) {
    case DM_DHCP_WRONG_TRANSACTION:
        c->wrong_transaction = true;
        c->spoiled_answers = value;
        return true;
    case DM_DHCP_WRONG_HARDWARE:
        c->wrong_hardware = true;
        c->spoiled_answers = value;
        return true;
    case DM_DHCP_WRONG_COOKIE:
        c->wrong_cookie = true;
        c->spoiled_answers = value;
        return true;
    case DM_DHCP_OPTIONS_CUT:
        c->cut = true;
        c->cut_at = value;
        return true;
    case DM_DHCP_OVERLOAD_FILE:
    case DM_DHCP_OVERLOAD_SNAME:
    case DM_DHCP_OVERLOAD_BOTH:
        set_overload(c, 1u + (uint32_t)(which - DM_DHCP_OVERLOAD_FILE));
        return true;
    case DM_DHCP_OVERLOAD_LOOP:
        set_overload(c, 3);
        c->overload_again = true;
        return true;
    case DM_DHCP_OVERLOAD_VALUE:
        set_overload(c, value);
        return true;
    case DM_DHCP_EMPTY_OPTIONS:
        c->empty_options = true;
        return true;
    case DM_DHCP_SHORT_OPTIONS:
        c->short_options = true;
        return true;
    case DM_DHCP_REPEATED_OPTIONS:
        c->repeated_options = true;
        return true;
    case DM_DHCP_REPEATED_DIFFERENTLY:
        c->repeated_differently = true;
        return true;
    default:
        return false;
    }
}

/* How long it lasts. */
static void apply_times(struct dm_dhcp_config *c, enum dm_dhcp_case which)
{
    switch (which) {
    case DM_DHCP_LEASE_0:
        set_lease(c, 0);
        break;
    case DM_DHCP_LEASE_1:
        set_lease(c, 1);
        break;
    case DM_DHCP_LEASE_FOREVER:
        set_lease(c, UINT32_MAX);
        break;
    case DM_DHCP_LEASE_DAY:
        set_lease(c, DAY_S);
        set_times(c, DAY_S / 2u, DAY_S / 8u * 7u);
        break;
    case DM_DHCP_T1_AFTER_T2:
        set_lease(c, 3600);
        set_times(c, 3000, 1000);
        break;
    case DM_DHCP_TIMES_AFTER_LEASE:
        set_lease(c, 3600);
        set_times(c, 7200, 7201);
        break;
    default:
        break;
    }
}

/* What address and mask cannot be. False: not of this kind. */
static bool apply_address(struct dm_dhcp_config *c, enum dm_dhcp_case which)
{
    static const uint8_t holes[4] = {255, 0, 255, 0}, multicast[4] = {224, 0, 0, 15};
    switch (which) {
    case DM_DHCP_MASK_HOLES:
        memcpy(c->mask, holes, 4);
        return true;
    case DM_DHCP_ADDRESS_NONE:
        memset(c->guest, 0, 4);
        return true;
    case DM_DHCP_ADDRESS_MULTICAST:
        memcpy(c->guest, multicast, 4);
        return true;
    case DM_DHCP_ADDRESS_EVERYONE:
        c->guest[3] = 255;
        return true;
    default:
        return false;
    }
}

/* Where it leads. */
static void apply_network(struct dm_dhcp_config *c, enum dm_dhcp_case which)
{
    static const uint8_t outside[4] = {192, 0, 2, 1};
    const uint8_t first[4] = {c->guest[0], c->guest[1], c->guest[2], 1};
    switch (which) {
    case DM_DHCP_HOST_MASK:
        set_host_routes(c, memcmp(c->router, "\0\0\0", 4) == 0 ? first : c->router);
        break;
    case DM_DHCP_ROUTER_OUTSIDE:
        memcpy(c->router, outside, 4);
        break;
    case DM_DHCP_NO_ROUTER:
        c->no_router = true;
        break;
    case DM_DHCP_MTU_0:
        set_mtu(c, 0);
        break;
    case DM_DHCP_MTU_67:
        set_mtu(c, 67);
        break;
    case DM_DHCP_MTU_576:
        set_mtu(c, 576);
        break;
    case DM_DHCP_MTU_65535:
        set_mtu(c, 65535);
        break;
    case DM_DHCP_LONG_LISTS:
        set_long_lists(c);
        break;
    default:
        break;
    }
}

void dm_dhcp_case_apply(struct dm_dhcp_config *config, enum dm_dhcp_case which, uint32_t value)
{
    if (apply_course(config, which, value) || apply_form(config, which, value) ||
        apply_address(config, which))
        return;
    apply_times(config, which);
    apply_network(config, which);
}

struct dm_peer_config dm_peer_compute_engine(const uint8_t router[4], const uint8_t guest[4])
{
    static const uint8_t services[4] = {169, 254, 169, 254};
    struct dm_peer_config c = {.mac = {0x42, 0x01, router[0], router[1], router[2], router[3]},
                               .mtu = GCE_MTU};
    memcpy(c.address, router, 4);
    memcpy(c.also, services, 4);
    memcpy(c.dhcp.guest, guest, 4);
    memcpy(c.dhcp.server, services, 4);
    memcpy(c.dhcp.dns[0], services, 4);
    memcpy(c.dhcp.ntp[0], services, 4);
    c.dhcp.dns_count = 1;
    c.dhcp.ntp_count = 1;
    set_lease(&c.dhcp, DAY_S);
    set_mtu(&c.dhcp, GCE_MTU);
    set_host_routes(&c.dhcp, router);
    c.names[0].name = "metadata.google.internal";
    memcpy(c.names[0].address, services, 4);
    c.names[0].ttl_s = 3600;
    c.name_count = 1;
    return c;
}
