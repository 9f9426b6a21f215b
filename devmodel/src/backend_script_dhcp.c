/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's DHCP server (RFC 2131, RFC 2132): one address, one other, and whatever its config asks to be
 * wrong. Nothing in a message is trusted; an answer never leaves its buffer. */
#include "backend_script.h"

#include <string.h>

#define FIXED_BYTES    236u
#define OPTIONS        (FIXED_BYTES + 4u)
#define MESSAGE_LEAST  300u /* RFC 951: what every client can be sure to get */
#define MESSAGE_MOST   1472u
#define COOKIE         0x63825363u
#define LEASE_S        3600u
#define SNAME          44u
#define FILE_NAME      108u
#define AREAS          3u
#define BROADCAST_FLAG 0x8000u

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE };
enum {
    OPTION_PAD = 0,
    OPTION_MASK = 1,
    OPTION_ROUTER = 3,
    OPTION_DNS = 6,
    OPTION_MTU = 26,
    OPTION_NTP = 42,
    OPTION_REQUESTED = 50,
    OPTION_LEASE = 51,
    OPTION_OVERLOAD = 52,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_RENEW = 58,
    OPTION_REBIND = 59,
    OPTION_ROUTES = 121,
    OPTION_END = 255
};

static bool is_set(const uint8_t address[4])
{
    return memcmp(address, dm_nobody, 4) != 0;
}

const uint8_t *dm_dhcp_address(const struct dm_dhcp *d)
{
    return d->moved ? d->config.other : d->config.guest;
}

static const uint8_t *server_address(const struct dm_script *s)
{
    return is_set(s->dhcp.config.server) ? s->dhcp.config.server : s->station.address;
}

void dm_dhcp_arp(struct dm_script *s, const struct dm_arp *arp)
{
    static const uint8_t holder[6] = {0x02, 0, 0, 0, 0, 0xcc};
    const uint8_t *taken = s->dhcp.config.guest;
    bool tries =
        !is_set(arp->address) || memcmp(arp->address, taken, 4) == 0; /* RFC 5227: probe, announcement */
    if (!s->dhcp.config.conflict || !tries || memcmp(arp->target, taken, 4) != 0)
        return;
    s->dhcp.counts.conflicts++;
    dm_station_arp(&s->station, DM_ARP_REPLY, holder, taken, arp->mac, arp->address);
}

struct request {
    uint8_t type;
    const uint8_t *requested, *server; /* four bytes each, NULL: absent */
};

/* Options of a message: each is a code, a length, that many bytes; false when one runs over the end. */
static bool parse_options(const uint8_t *at, uint32_t bytes, struct request *request)
{
    uint32_t i = 0;
    while (i < bytes && at[i] != OPTION_END) {
        if (at[i] == OPTION_PAD) {
            i++;
            continue;
        }
        if (bytes - i < 2u || at[i + 1u] > bytes - i - 2u)
            return false;
        uint8_t length = at[i + 1u];
        const uint8_t *value = at + i + 2u;
        if (at[i] == OPTION_TYPE && length == 1)
            request->type = value[0];
        if (at[i] == OPTION_REQUESTED && length == 4)
            request->requested = value;
        if (at[i] == OPTION_SERVER && length == 4)
            request->server = value;
        i += 2u + length;
    }
    return request->type != 0;
}

/* Where options go: the option field, then what option 52 adds. Each area keeps one byte for its end. */
struct writer {
    const struct dm_dhcp_config *config;
    bool spoiled;
    uint32_t area, areas;
    struct {
        uint8_t *at, *end;
    } in[AREAS];
};

static void close_area(struct writer *w)
{
    *w->in[w->area].at++ = OPTION_END;
}

static void put_once(struct writer *w, uint8_t code, const uint8_t *value, uint32_t bytes, uint8_t flip)
{
    while (w->in[w->area].at + 2u + bytes >= w->in[w->area].end) {
        if (w->area + 1u >= w->areas)
            return; /* a message can hold no more */
        close_area(w);
        w->area++;
    }
    uint8_t *at = w->in[w->area].at;
    at[0] = code;
    at[1] = (uint8_t)bytes;
    for (uint32_t i = 0; i < bytes; i++)
        at[2u + i] = value[i] ^ flip;
    w->in[w->area].at += 2u + bytes;
}

static void put(struct writer *w, uint8_t code, const uint8_t *value, uint32_t bytes)
{
    const struct dm_dhcp_config *c = w->config;
    if (w->spoiled && c->empty_options)
        bytes = 0;
    else if (w->spoiled && c->short_options)
        bytes--;
    put_once(w, code, value, bytes, 0);
    if (w->spoiled && (c->repeated_options || c->repeated_differently))
        put_once(w, code, value, bytes, c->repeated_differently ? 0xff : 0);
}

static void put32(struct writer *w, uint8_t code, uint32_t v)
{
    uint8_t value[4];
    dm_put_be32(value, v);
    put(w, code, value, sizeof value);
}

/* RFC 3442: the width, the bytes of the network that are not all zero by it, the router. */
static void put_routes(struct writer *w)
{
    uint8_t value[DM_DHCP_ROUTES_MAX * 9u];
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < w->config->route_count && i < DM_DHCP_ROUTES_MAX; i++) {
        const struct dm_dhcp_route *r = &w->config->routes[i];
        uint32_t significant = r->bits < 32u ? (r->bits + 7u) / 8u : 4u;
        value[bytes++] = r->bits;
        memcpy(value + bytes, r->network, significant);
        memcpy(value + bytes + significant, r->router, 4);
        bytes += significant + 4u;
    }
    if (bytes)
        put(w, OPTION_ROUTES, value, bytes);
}

static void put_lease(const struct dm_script *s, struct writer *w)
{
    static const uint8_t mask[4] = {255, 255, 255, 0};
    const struct dm_dhcp_config *c = w->config;
    put32(w, OPTION_LEASE, c->lease_given ? c->lease_s : LEASE_S);
    if (c->renew_given)
        put32(w, OPTION_RENEW, c->renew_s);
    if (c->rebind_given)
        put32(w, OPTION_REBIND, c->rebind_s);
    put(w, OPTION_MASK, is_set(c->mask) ? c->mask : mask, 4);
    if (!c->no_router)
        put(w, OPTION_ROUTER, is_set(c->router) ? c->router : s->station.address, 4);
    if (c->mtu_given) {
        const uint8_t mtu[2] = {(uint8_t)(c->mtu >> 8), (uint8_t)c->mtu};
        put(w, OPTION_MTU, mtu, 2);
    }
    put_routes(w);
    if (c->dns_count)
        put(w, OPTION_DNS, c->dns[0], 4u * c->dns_count);
    if (c->ntp_count)
        put(w, OPTION_NTP, c->ntp[0], 4u * c->ntp_count);
}

static void open_areas(struct writer *w, uint8_t *m, uint32_t most)
{
    const uint8_t where = w->config->overload_value;
    w->in[0].at = m + OPTIONS;
    w->in[0].end = m + most;
    w->areas = 1;
    if (!w->spoiled || !w->config->overload || where == 0 || where > 3u)
        return;
    if (where & 1u) {
        w->in[w->areas].at = m + FILE_NAME;
        w->in[w->areas++].end = m + FIXED_BYTES;
    }
    if (where & 2u) {
        w->in[w->areas].at = m + SNAME;
        w->in[w->areas++].end = m + FILE_NAME;
    }
}

/* The options of one answer; returns where the option field ends. */
static uint8_t *put_options(const struct dm_script *s, struct writer *w, uint8_t type)
{
    const uint8_t *overload = &w->config->overload_value;
    put_once(w, OPTION_TYPE, &type, 1, 0);
    put_once(w, OPTION_SERVER, server_address(s), 4, 0);
    if (w->spoiled && w->config->overload)
        put_once(w, OPTION_OVERLOAD, overload, 1, 0);
    if (w->areas > 1u) {
        close_area(w);
        w->area = 1;
        for (uint32_t i = 1; w->config->overload_again && i < w->areas; i++) {
            w->area = i;
            put_once(w, OPTION_OVERLOAD, overload, 1, 0);
        }
        w->area = 1;
    }
    if (type != NAK)
        put_lease(s, w);
    for (; w->area < w->areas; w->area++)
        close_area(w);
    return w->in[0].at;
}

static void put_fixed(const struct dm_script *s, uint8_t *m, const uint8_t *request, uint8_t type)
{
    m[0] = 2; /* BOOTREPLY, Ethernet, 6 bytes of address */
    m[1] = 1;
    m[2] = 6;
    memcpy(m + 4, request + 4, 4); /* transaction */
    memcpy(m + 10, request + 10, 2); /* flags */
    if (type != NAK) {
        memcpy(m + 12, request + 12, type == ACK ? 4 : 0); /* ciaddr, RFC 2131, table 3 */
        memcpy(m + 16, dm_dhcp_address(&s->dhcp), 4);
        memcpy(m + 20, server_address(s), 4);
    }
    memcpy(m + 28, request + 28, 16);
    dm_put_be32(m + FIXED_BYTES, COOKIE);
}

static void spoil(const struct dm_dhcp_config *c, uint8_t *m, uint32_t *bytes)
{
    if (c->wrong_transaction)
        m[7] ^= 0xff;
    if (c->wrong_hardware)
        m[33] ^= 0xff;
    if (c->wrong_cookie)
        m[FIXED_BYTES] ^= 0xff;
    if (c->cut && OPTIONS + c->cut_at < *bytes)
        *bytes = OPTIONS + c->cut_at;
}

static void answer(struct dm_script *s, const uint8_t *request, uint8_t type)
{
    struct dm_dhcp *d = &s->dhcp;
    const struct dm_dhcp_config *c = &d->config;
    uint8_t m[MESSAGE_MOST] = {0};
    uint32_t most = s->station.mtu - DM_IPV4_BYTES - DM_UDP_BYTES;
    struct writer w = {.config = c, .spoiled = c->spoiled_answers == 0 || d->answers < c->spoiled_answers};
    put_fixed(s, m, request, type);
    open_areas(&w, m, most < MESSAGE_MOST ? most : MESSAGE_MOST);
    uint32_t bytes = (uint32_t)(put_options(s, &w, type) - m);
    uint32_t padded = bytes < MESSAGE_LEAST ? MESSAGE_LEAST : bytes;
    if (w.spoiled && c->cut)
        padded = bytes;
    if (w.spoiled)
        spoil(c, m, &padded);
    bool broadcast = type == NAK || (dm_get_be16(request + 10) & BROADCAST_FLAG) != 0;
    const uint8_t *to = is_set(request + 12) ? request + 12 : dm_dhcp_address(d);
    const struct dm_ends ends = {broadcast ? dm_everyone_mac : request + 28, server_address(s),
                                 broadcast ? dm_everyone : to};
    if (!dm_station_udp(&s->station, &ends, DM_PORT_DHCP_SERVER, DM_PORT_DHCP_CLIENT, m, padded))
        return;
    d->answers++;
    d->counts.offers += type == OFFER;
    d->counts.acks += type == ACK;
    d->counts.naks += type == NAK;
}

/* The number of the bit in dm_dhcp_at. */
static uint32_t state_of(const struct dm_packet *p, const struct request *r)
{
    if (r->type == DISCOVER)
        return 0;
    if (r->server)
        return 1;
    if (r->requested)
        return 2;
    return memcmp(p->destination, dm_everyone, 4) == 0 ? 4 : 3;
}

static bool is_silent(const struct dm_dhcp *d, uint32_t state)
{
    const struct dm_dhcp_config *c = &d->config;
    return (c->silent_from && d->messages >= c->silent_from) ||
           (c->silent_after_acks && d->counts.acks >= c->silent_after_acks) ||
           (c->silent_at >> state & 1u) != 0;
}

static void serve(struct dm_script *s, const struct dm_packet *p, const uint8_t *m, const struct request *r)
{
    struct dm_dhcp *d = &s->dhcp;
    const struct dm_dhcp_config *c = &d->config;
    uint32_t state = state_of(p, r);
    d->counts.at[state]++;
    if (r->server && memcmp(r->server, server_address(s), 4) != 0)
        return; /* another server's */
    if (is_silent(d, state)) {
        d->counts.unanswered++;
        return;
    }
    if (c->renumber_after && d->counts.acks >= c->renumber_after)
        d->moved = true;
    if (state == 0) {
        answer(s, m, OFFER);
        return;
    }
    bool refused = (c->nak_at >> state & 1u) != 0 && (c->nak_times == 0 || d->counts.naks < c->nak_times);
    const uint8_t *wanted = r->requested ? r->requested : m + 12; /* ciaddr */
    answer(s, m, !refused && memcmp(wanted, dm_dhcp_address(d), 4) == 0 ? ACK : NAK);
}

void dm_dhcp_receive(struct dm_script *s, const struct dm_packet *p, const uint8_t *m, uint32_t bytes)
{
    struct dm_dhcp *d = &s->dhcp;
    struct request request = {0, NULL, NULL};
    if (d->config.off)
        return;
    if (bytes < OPTIONS || m[0] != 1 || m[1] != 1 || m[2] != 6 || dm_get_be32(m + FIXED_BYTES) != COOKIE ||
        !parse_options(m + OPTIONS, bytes - OPTIONS, &request)) {
        d->counts.malformed++;
        return;
    }
    d->messages++;
    switch (request.type) {
    case DISCOVER:
    case REQUEST:
        if (request.type == DISCOVER)
            d->counts.discovers++;
        else
            d->counts.requests++;
        serve(s, p, m, &request);
        break;
    case DECLINE: /* RFC 2131, 4.3.3: the address is in use; another one the next time */
        d->counts.declines++;
        d->moved = is_set(d->config.other) && !d->moved;
        break;
    case RELEASE:
        d->counts.releases++;
        break;
    default:
        d->counts.others++;
    }
}
