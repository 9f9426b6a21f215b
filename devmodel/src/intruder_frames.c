/* SPDX-License-Identifier: BSD-2-Clause */
/* The hostile frames, one function a kind: the number of the turn says which variant. Owns nothing; reads
 * only its own config. */
#include "backend_intruder.h"

#include <string.h>

#define MORE_FRAGMENTS     0x2000u
#define FRAGMENT_UNITS     8u
#define FRAGMENT_BYTES     64u
#define SOURCE_PORT_FIRST  1024u
#define SOURCE_PORTS       64000u
#define ICMP_UNREACHABLE   3u
#define ICMP_REDIRECT      5u
#define ICMP_ECHO          8u
#define CODE_PORT          3u
#define CODE_NEED_FRAGMENT 4u
#define CODE_HOST          1u
#define QUOTED_BYTES       (DM_IPV4_BYTES + 8u) /* RFC 792: header and 64 bits */

static struct dm_ends ends_as(const struct dm_intruder *n, const uint8_t from[4])
{
    return (struct dm_ends){n->guest.mac, from, n->config.guest};
}

/* An address of the intruder's /16 for this turn; never one that ends in 0 or 255. */
static void neighbour_of(const struct dm_intruder *n, uint64_t turn, uint8_t address[4])
{
    memcpy(address, n->config.address, 2);
    address[2] = (uint8_t)(turn / 254u);
    address[3] = (uint8_t)(1u + turn % 254u);
}

static struct dm_segment_out tcp(const struct dm_intruder *n, const uint8_t from[4], uint16_t port,
                                 uint8_t flags)
{
    return (struct dm_segment_out){.ends = ends_as(n, from),
                                   .source_port = port,
                                   .port = n->config.port,
                                   .window = 65535u,
                                   .flags = flags};
}

static uint32_t chance(struct dm_intruder *n)
{
    return (uint32_t)dm_random_next(&n->random);
}

static void syn(struct dm_intruder *n, uint64_t turn, bool spoofed)
{
    uint8_t from[4];
    neighbour_of(n, turn, from);
    uint16_t port = (uint16_t)(SOURCE_PORT_FIRST + turn % SOURCE_PORTS);
    struct dm_segment_out out = tcp(n, spoofed ? from : n->config.address, port, DM_SYN);
    out.sequence = chance(n);
    dm_segment_put(&n->station, &out);
}

static void land(struct dm_intruder *n)
{
    struct dm_segment_out out = tcp(n, n->config.guest, n->config.port, DM_SYN);
    out.sequence = chance(n);
    dm_segment_put(&n->station, &out);
}

static void blind(struct dm_intruder *n, uint8_t flags)
{
    static const uint8_t data[4] = {'e', 'v', 'i', 'l'};
    struct dm_segment_out out = tcp(n, n->config.victim, n->config.victim_port, flags);
    out.sequence = chance(n);
    if (flags & DM_ACK) {
        out.acknowledged = chance(n);
        out.data = data;
        out.data_bytes = sizeof data;
    }
    dm_segment_put(&n->station, &out);
}

/* A TCP header of `words` words at the front of `bytes` bytes, checksum right but for `flip`. */
static void raw_tcp(struct dm_intruder *n, const uint8_t *t, uint32_t bytes, uint32_t flip)
{
    const struct dm_ends ends = ends_as(n, n->config.address);
    struct dm_reply reply = dm_station_packet(&n->station, &ends, DM_PROTOCOL_TCP, bytes);
    if (!reply.frame)
        return;
    memcpy(reply.payload, t, bytes);
    uint32_t pseudo = dm_pseudo_sum(ends.from, ends.to, DM_PROTOCOL_TCP, bytes);
    dm_put_be16(reply.payload + 16, 0);
    dm_put_be16(reply.payload + 16, dm_checksum(pseudo, reply.payload, bytes) ^ flip);
    dm_station_send(&n->station, &reply);
}

static void start_header(struct dm_intruder *n, uint8_t *t, uint64_t turn, uint32_t words, uint32_t flags)
{
    dm_put_be16(t, (uint32_t)(SOURCE_PORT_FIRST + turn % SOURCE_PORTS));
    dm_put_be16(t + 2, n->config.port);
    dm_put_be32(t + 4, chance(n));
    t[12] = (uint8_t)(words << 4);
    t[13] = (uint8_t)flags;
    dm_put_be16(t + 14, 65535u);
}

/* Kinds 0 to 9 and 255 with lengths 0 to 40 and 255, in a header with room for 40 bytes of them. */
static void tcp_options(struct dm_intruder *n, uint64_t turn)
{
    uint8_t t[60] = {0};
    uint32_t kind = (uint32_t)(turn % 11u), length = (uint32_t)(turn / 11u % 42u);
    start_header(n, t, turn, 15, DM_SYN);
    t[20] = (uint8_t)(kind < 10u ? kind : 255u);
    t[21] = (uint8_t)(length < 41u ? length : 255u);
    memset(t + 22, 3, sizeof t - 22u); /* what follows is kinds and lengths as well */
    raw_tcp(n, t, sizeof t, 0);
}

static void tcp_headers(struct dm_intruder *n, uint64_t turn)
{
    uint8_t t[28] = {0};
    start_header(n, t, turn, (uint32_t)(turn % 16u), (uint32_t)(turn / 16u % 256u));
    raw_tcp(n, t, turn / 4096u % 2u ? (uint32_t)sizeof t : DM_TCP_BYTES, turn % 3u == 2u ? 1u : 0u);
}

static void ip_headers(struct dm_intruder *n, uint64_t turn)
{
    static const uint16_t totals[8] = {0, 19, 20, 27, 28, 1500, 32768, 65535};
    const struct dm_ends ends = ends_as(n, n->config.address);
    struct dm_reply reply = dm_station_packet(&n->station, &ends, DM_PROTOCOL_UDP, 40);
    if (!reply.frame)
        return;
    uint8_t *ip = reply.frame + DM_ETHERNET_BYTES;
    uint32_t words = (uint32_t)(turn % 16u);
    ip[0] = (uint8_t)(0x40u | words);
    dm_put_be16(ip + 2, totals[turn / 16u % 8u]);
    dm_put_be16(ip + 10, 0);
    if (words) /* right over what the header says it is: the checksum alone must not save the guest */
        dm_put_be16(ip + 10, dm_checksum(0, ip, 4u * words));
    dm_station_send(&n->station, &reply);
}

static void arp(struct dm_intruder *n, uint64_t turn)
{
    uint8_t address[4];
    struct dm_station *s = &n->station;
    neighbour_of(n, turn, address);
    if (n->config.kind == DM_INTRUSION_ARP_SPOOF)
        dm_station_arp(s, DM_ARP_REPLY, s->mac, n->config.victim, n->guest.mac, n->config.guest);
    else if (n->config.kind == DM_INTRUSION_ARP_GRATUITOUS)
        dm_station_arp(s, DM_ARP_REQUEST, s->mac, n->config.guest, dm_everyone_mac, n->config.guest);
    else
        dm_station_arp(s, turn % 2u ? DM_ARP_REPLY : DM_ARP_REQUEST, s->mac, address, n->guest.mac,
                       n->config.guest);
}

/* Fragment of an ICMP echo request: `offset` in bytes, a multiple of 8. */
static void fragment(struct dm_intruder *n, uint32_t id, uint32_t offset, bool more, uint32_t bytes,
                     uint8_t fill)
{
    const struct dm_ends ends = ends_as(n, n->config.address);
    struct dm_reply reply = dm_station_packet(&n->station, &ends, DM_PROTOCOL_ICMP, bytes);
    if (!reply.frame)
        return;
    uint8_t *ip = reply.frame + DM_ETHERNET_BYTES;
    memset(reply.payload, fill, bytes);
    if (offset == 0)
        reply.payload[0] = ICMP_ECHO;
    dm_put_be16(ip + 4, id);
    dm_put_be16(ip + 6, (more ? MORE_FRAGMENTS : 0u) | offset / FRAGMENT_UNITS);
    dm_ipv4_sum(ip);
    dm_station_send(&n->station, &reply);
}

static void fragments(struct dm_intruder *n, uint64_t turn)
{
    uint32_t pair = (uint32_t)(turn / 2u), part = (uint32_t)(turn % 2u), chain = (uint32_t)(turn % 16u);
    switch (n->config.kind) {
    case DM_INTRUSION_FRAGMENTS_OVERLAP:
        fragment(n, pair, part * FRAGMENT_BYTES / 2u, part == 0, FRAGMENT_BYTES, part ? 0xbb : 0xaa);
        break;
    case DM_INTRUSION_FRAGMENTS_MANY:
        fragment(n, (uint32_t)turn, 0, true, FRAGMENT_BYTES, 0);
        break;
    case DM_INTRUSION_FRAGMENTS_BEYOND:
        fragment(n, pair, part ? 65528u : 0u, part == 0, FRAGMENT_BYTES, 0);
        break;
    default: /* sixteen parts, the second is missing */
        fragment(n, (uint32_t)(turn / 16u), FRAGMENT_UNITS * (chain == 1u ? 16u : chain), chain != 1u,
                 FRAGMENT_UNITS, 0);
        break;
    }
}

/* An ICMP error that quotes a segment of the guest to the victim. */
static void icmp_error(struct dm_intruder *n, uint8_t type, uint8_t code, uint32_t rest)
{
    const struct dm_ends ends = ends_as(n, n->config.address);
    struct dm_reply reply =
        dm_station_packet(&n->station, &ends, DM_PROTOCOL_ICMP, DM_ICMP_BYTES + QUOTED_BYTES);
    if (!reply.frame)
        return;
    uint8_t *icmp = reply.payload, *ip = icmp + DM_ICMP_BYTES;
    icmp[0] = type;
    icmp[1] = code;
    dm_put_be32(icmp + 4, rest);
    ip[0] = 0x45;
    dm_put_be16(ip + 2, 1500);
    dm_put_be16(ip + 6, 0x4000); /* do not fragment */
    ip[8] = 64;
    ip[9] = DM_PROTOCOL_TCP;
    memcpy(ip + 12, n->config.guest, 4);
    memcpy(ip + 16, n->config.victim, 4);
    dm_ipv4_sum(ip);
    dm_put_be16(ip + 20, n->config.port);
    dm_put_be16(ip + 22, n->config.victim_port);
    dm_put_be32(ip + 24, chance(n));
    dm_put_be16(icmp + 2, dm_checksum(0, icmp, DM_ICMP_BYTES + QUOTED_BYTES));
    dm_station_send(&n->station, &reply);
}

static void echo(struct dm_intruder *n, uint64_t turn)
{
    const struct dm_ends ends = ends_as(n, n->config.address);
    uint32_t bytes = DM_ICMP_BYTES + n->config.value;
    struct dm_reply reply = dm_station_packet(&n->station, &ends, DM_PROTOCOL_ICMP, bytes);
    if (!reply.frame)
        return;
    reply.payload[0] = ICMP_ECHO;
    dm_put_be16(reply.payload + 6, (uint32_t)turn);
    dm_put_be16(reply.payload + 2, dm_checksum(0, reply.payload, bytes));
    dm_station_send(&n->station, &reply);
}

static void udp(struct dm_intruder *n, uint64_t turn)
{
    static const uint8_t data[DM_INTRUDER_DATA_MAX];
    const struct dm_ends ends = ends_as(n, n->config.address);
    dm_station_udp(&n->station, &ends, SOURCE_PORT_FIRST, (uint16_t)(turn % 65536u), data, n->config.value);
}

static void icmp(struct dm_intruder *n, uint64_t turn)
{
    switch (n->config.kind) {
    case DM_INTRUSION_NEED_FRAGMENT:
        icmp_error(n, ICMP_UNREACHABLE, CODE_NEED_FRAGMENT, n->config.value & 0xffffu);
        break;
    case DM_INTRUSION_UNREACHABLE:
        icmp_error(n, ICMP_UNREACHABLE, CODE_PORT, 0);
        break;
    case DM_INTRUSION_REDIRECT:
        icmp_error(n, ICMP_REDIRECT, CODE_HOST, dm_get_be32(n->config.address));
        break;
    default:
        echo(n, turn);
        break;
    }
}

void dm_intruder_frame(struct dm_intruder *n, uint64_t turn)
{
    switch (n->config.kind) {
    case DM_INTRUSION_SYN_FLOOD:
    case DM_INTRUSION_SYN_FLOOD_SPOOFED:
        syn(n, turn, n->config.kind == DM_INTRUSION_SYN_FLOOD_SPOOFED);
        break;
    case DM_INTRUSION_LAND:
        land(n);
        break;
    case DM_INTRUSION_BLIND_RST:
        blind(n, DM_RST);
        break;
    case DM_INTRUSION_BLIND_SYN:
        blind(n, DM_SYN);
        break;
    case DM_INTRUSION_BLIND_DATA:
        blind(n, DM_PSH | DM_ACK);
        break;
    case DM_INTRUSION_TCP_OPTIONS:
        tcp_options(n, turn);
        break;
    case DM_INTRUSION_TCP_HEADERS:
        tcp_headers(n, turn);
        break;
    case DM_INTRUSION_IP_HEADERS:
        ip_headers(n, turn);
        break;
    case DM_INTRUSION_ARP_SPOOF:
    case DM_INTRUSION_ARP_GRATUITOUS:
    case DM_INTRUSION_ARP_FLOOD:
        arp(n, turn);
        break;
    case DM_INTRUSION_FRAGMENTS_OVERLAP:
    case DM_INTRUSION_FRAGMENTS_MANY:
    case DM_INTRUSION_FRAGMENTS_BEYOND:
    case DM_INTRUSION_FRAGMENTS_TINY:
        fragments(n, turn);
        break;
    case DM_INTRUSION_UDP_FLOOD:
        udp(n, turn);
        break;
    default:
        icmp(n, turn);
        break;
    }
}
