/* SPDX-License-Identifier: BSD-2-Clause */
/* Options and next hops as functions of their arguments. lease_lwip.c has what binds them to lwIP. */
#include "stack/netd/lease.h"

#include "abi/memory.h"

/* RFC 2131, 2: fields of a message. */
#define YIADDR_AT      16u
#define SNAME_AT       44u
#define SNAME_BYTES    64u
#define FILE_AT        108u
#define FILE_BYTES     128u
#define COOKIE_AT      236u
#define OPTIONS_AT     240u
#define OVERLOAD_FILE  1u
#define OVERLOAD_SNAME 2u

/* RFC 2132 and 3442. */
enum {
    OPTION_PAD = 0,
    OPTION_MASK = 1,
    OPTION_MTU = 26,
    OPTION_LEASE = 51,
    OPTION_OVERLOAD = 52,
    OPTION_TYPE = 53,
    OPTION_ROUTES = 121,
    OPTION_END = 255
};

#define ROUTE_BYTES_MAX 9u /* width, four of the destination, four of the router */
#define ROUTES_BYTES    (LEASE_ROUTES_MAX * ROUTE_BYTES_MAX)

/* Options of one message, those in several parts put together. */
struct gathered {
    size_t mtu_bytes; /* 0: none */
    bool mtu_there;
    uint16_t mtu;
    bool routes_there;
    size_t routes_bytes; /* may exceed what is kept: then there are too many */
    uint8_t routes[ROUTES_BYTES];
    uint8_t type;
    uint8_t overload;
    bool mask_there, time_there;
    uint32_t mask, time_s; /* the first of each, if it has four bytes */
};

/* RFC 2132, 9.6. */
enum { TYPE_OFFER = 2, TYPE_ACK = 5 };

static uint32_t word_of(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t mask_of(uint8_t prefix)
{
    return prefix == 0 ? 0 : UINT32_MAX << (32u - prefix);
}

/* Nobody's own address: this network, loopback, multicast, reserved. */
static bool no_host(uint32_t address)
{
    const uint32_t first = address >> 24;

    return first == 0 || first == 127 || first >= 224;
}

/* Ones from the top, then zeros. A mask of another form is no subnet. */
static bool is_mask(uint32_t mask)
{
    return (~mask & (~mask + 1u)) == 0;
}

bool lease_read_routes(const uint8_t *bytes, size_t count, struct lease_options *out)
{
    struct lease_route routes[LEASE_ROUTES_MAX];
    uint32_t route_count = 0;
    size_t at = 0;

    while (at < count) {
        const uint8_t prefix = bytes[at];
        const size_t significant = (prefix + 7u) / 8u;
        uint8_t destination[4] = {0};

        if (prefix > 32 || count - at < 1u + significant + 4u || route_count == LEASE_ROUTES_MAX)
            return false;
        memcpy(destination, bytes + at + 1, significant);
        const uint32_t via = word_of(bytes + at + 1 + significant);
        if (via != 0 && no_host(via))
            return false;
        /* "the client must zero the bits beyond the mask" (RFC 3442) */
        routes[route_count++] = (struct lease_route){word_of(destination) & mask_of(prefix), via, prefix};
        at += 1u + significant + 4u;
    }
    if (route_count == 0)
        return false;
    memcpy(out->routes, routes, sizeof(routes[0]) * route_count);
    out->route_count = route_count;
    out->classless = true;
    return true;
}

static void gather(struct gathered *g, uint8_t option, const uint8_t *value, size_t length)
{
    if (option == OPTION_MTU) {
        g->mtu_there = true;
        g->mtu_bytes += length;
        g->mtu = 0;
        if (length == 2)
            g->mtu = (uint16_t)(value[0] * 256u + value[1]);
    } else if (option == OPTION_ROUTES) {
        g->routes_there = true;
        if (g->routes_bytes <= sizeof(g->routes) && length <= sizeof(g->routes) - g->routes_bytes)
            memcpy(g->routes + g->routes_bytes, value, length);
        g->routes_bytes += length;
    } else if (option == OPTION_TYPE && length == 1 && g->type == 0) {
        g->type = value[0];
    } else if (option == OPTION_OVERLOAD && length == 1 && g->overload == 0) {
        g->overload = value[0];
    } else if (option == OPTION_MASK && length == 4 && !g->mask_there) {
        g->mask_there = true;
        g->mask = word_of(value);
    } else if (option == OPTION_LEASE && length == 4 && !g->time_there) {
        g->time_there = true;
        g->time_s = word_of(value);
    }
}

/* Options of one field. False: one leaves it, or the end is not marked where it must be. */
static bool walk(struct gathered *g, const uint8_t *field, size_t bytes, bool end_needed)
{
    size_t at = 0;

    while (at < bytes && field[at] != OPTION_END) {
        if (field[at] == OPTION_PAD) {
            at++;
            continue;
        }
        if (bytes - at < 2 || bytes - at - 2u < field[at + 1])
            return false;
        gather(g, field[at], field + at + 2, field[at + 1]);
        at += 2u + field[at + 1];
    }
    return at < bytes || !end_needed;
}

static bool walk_message(struct gathered *g, const uint8_t *message, size_t bytes)
{
    static const uint8_t cookie[4] = {99, 130, 83, 99};

    if (bytes < OPTIONS_AT || memcmp(message + COOKIE_AT, cookie, sizeof(cookie)) != 0 ||
        !walk(g, message + OPTIONS_AT, bytes - OPTIONS_AT, true))
        return false;
    const uint8_t overload = g->overload <= (OVERLOAD_FILE | OVERLOAD_SNAME) ? g->overload : 0;
    return ((overload & OVERLOAD_FILE) == 0 || walk(g, message + FILE_AT, FILE_BYTES, false)) &&
           ((overload & OVERLOAD_SNAME) == 0 || walk(g, message + SNAME_AT, SNAME_BYTES, false));
}

void lease_read(const uint8_t *message, size_t bytes, uint16_t link_mtu, struct lease_options *out,
                struct lease_refused *refused)
{
    struct gathered g = {0};

    *out = (struct lease_options){0};
    if (!walk_message(&g, message, bytes)) {
        refused->messages++;
        return;
    }
    out->type = g.type;
    if (g.mtu_there && g.mtu_bytes == 2 && g.mtu >= LEASE_MTU_MIN && g.mtu <= link_mtu)
        out->mtu = g.mtu;
    else if (g.mtu_there)
        refused->mtus++;
    if (g.routes_there &&
        (g.routes_bytes > sizeof(g.routes) || !lease_read_routes(g.routes, g.routes_bytes, out)))
        refused->routes++;
}

/* An address of a subnet that is neither its own nor everyone's there. On a /31 and a /32 all are hosts. */
static bool is_host(uint32_t address, uint32_t mask)
{
    const uint32_t part = address & ~mask;

    return !no_host(address) && (~mask <= 1u || (part != 0 && part != ~mask));
}

bool lease_admits(const uint8_t *message, size_t bytes)
{
    struct gathered g = {0};

    if (!walk_message(&g, message, bytes))
        return false;
    if (g.type != TYPE_OFFER && g.type != TYPE_ACK)
        return true;
    if (g.type == TYPE_ACK && (!g.time_there || g.time_s == 0))
        return false;
    return (!g.mask_there || is_mask(g.mask)) &&
           is_host(word_of(message + YIADDR_AT), g.mask_there ? g.mask : UINT32_MAX);
}

uint16_t lease_raw(const uint8_t *message, size_t bytes, uint8_t out[LEASE_RAW_MAX])
{
    size_t used = bytes - OPTIONS_AT < LEASE_RAW_MAX ? bytes - OPTIONS_AT : LEASE_RAW_MAX;

    memcpy(out, message + OPTIONS_AT, used);
    while (used > 0 && out[used - 1u] == 0)
        used--;
    return (uint16_t)used;
}

static bool usable_router(const struct lease_net *net, uint32_t via)
{
    return via != net->address && !no_host(via);
}

/* The route of option 121 with the longest prefix, or NULL. */
static const struct lease_route *best_route(const struct lease_options *options, uint32_t destination)
{
    const struct lease_route *best = NULL;

    for (uint32_t i = 0; i < options->route_count; i++) {
        const struct lease_route *r = &options->routes[i];

        if ((destination & mask_of(r->prefix)) == r->destination &&
            (best == NULL || r->prefix > best->prefix))
            best = r;
    }
    return best;
}

static struct lease_hop through(const struct lease_net *net, uint32_t via, uint32_t destination)
{
    if (via == 0)
        return (struct lease_hop){LEASE_ON_LINK, destination};
    if (!usable_router(net, via))
        return (struct lease_hop){LEASE_UNREACHABLE, 0};
    return (struct lease_hop){LEASE_VIA, via};
}

struct lease_hop lease_next_hop(const struct lease_net *net, uint32_t destination)
{
    const bool multicast = destination >> 28 == 14;
    const bool local = is_mask(net->mask) && ((destination ^ net->address) & net->mask) == 0;

    if (destination == UINT32_MAX || multicast)
        return (struct lease_hop){LEASE_ON_LINK, destination};
    if (net->address == 0 || destination == net->address || no_host(destination))
        return (struct lease_hop){LEASE_UNREACHABLE, 0};
    if (net->options->classless) {
        const struct lease_route *r = best_route(net->options, destination);

        if (r != NULL && (!local || mask_of(r->prefix) >= net->mask))
            return through(net, r->via, destination);
    } else if (net->router != 0 && (!local || net->mask == 0)) {
        return through(net, net->router, destination);
    }
    return local ? (struct lease_hop){LEASE_ON_LINK, destination} : (struct lease_hop){LEASE_UNREACHABLE, 0};
}

uint32_t lease_gateway(const struct lease_net *net)
{
    uint32_t via = net->router;

    if (net->options->classless) {
        via = 0;
        for (uint32_t i = 0; i < net->options->route_count && via == 0; i++)
            via = net->options->routes[i].prefix == 0 ? net->options->routes[i].via : 0;
    }
    return net->address != 0 && usable_router(net, via) ? via : 0;
}
