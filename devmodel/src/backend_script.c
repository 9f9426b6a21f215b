/* SPDX-License-Identifier: BSD-2-Clause */
/* A deterministic peer: ARP, ICMP and UDP echo here; TCP, DHCP and DNS beside it. No sockets, no clock but
 * poll's. Everything that comes in is a guest's: lengths and checksums are checked, what is wrong is ignored.
 */
#include "backend_script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ICMP_ECHO      8u
#define MTU_LEAST      576u
#define IPV4_BYTES_MAX 65535u

static void receive_arp(struct dm_script *s, const struct dm_arp *arp)
{
    struct dm_station *me = &s->station;
    if (arp->operation != DM_ARP_REQUEST)
        return;
    if (memcmp(arp->target, me->address, 4) == 0)
        dm_station_arp(me, DM_ARP_REPLY, me->mac, me->address, arp->mac, arp->address);
    else
        dm_dhcp_arp(s, arp);
}

static void receive_icmp(struct dm_script *s, const struct dm_packet *p)
{
    bool echo = p->payload_bytes >= DM_ICMP_BYTES && p->payload[0] == ICMP_ECHO && p->payload[1] == 0;
    if (!echo || dm_checksum(0, p->payload, p->payload_bytes) != 0)
        return;
    const struct dm_ends back = {p->source_mac, p->destination, p->source};
    struct dm_reply reply = dm_station_packet(&s->station, &back, DM_PROTOCOL_ICMP, p->payload_bytes);
    if (!reply.frame)
        return;
    memcpy(reply.payload, p->payload, p->payload_bytes);
    reply.payload[0] = 0;
    dm_put_be16(reply.payload + 2, 0);
    dm_put_be16(reply.payload + 2, dm_checksum(0, reply.payload, p->payload_bytes));
    dm_station_send(&s->station, &reply);
    s->counts.icmp_echoes++;
}

static void echo_udp(struct dm_script *s, const struct dm_packet *p, uint32_t bytes)
{
    const struct dm_ends back = {p->source_mac, p->destination, p->source};
    uint16_t port = dm_get_be16(p->payload);
    if (port == DM_PORT_ECHO)
        return; /* RFC 862 says nothing of it: two echo servers would never stop */
    if (dm_station_udp(&s->station, &back, DM_PORT_ECHO, port, p->payload + DM_UDP_BYTES,
                       bytes - DM_UDP_BYTES))
        s->counts.udp_echoes++;
}

/* `direct`: to an address of ours, from somewhere. */
static void receive_udp(struct dm_script *s, const struct dm_packet *p, bool direct)
{
    uint32_t bytes = dm_udp_check(p);
    if (bytes == 0)
        return;
    uint16_t port = dm_get_be16(p->payload + 2);
    if (port == DM_PORT_DHCP_SERVER && dm_get_be16(p->payload) == DM_PORT_DHCP_CLIENT)
        dm_dhcp_receive(s, p, p->payload + DM_UDP_BYTES, bytes - DM_UDP_BYTES);
    else if (port == DM_PORT_ECHO && direct)
        echo_udp(s, p, bytes);
    else if (port == DM_PORT_DNS && direct && s->name_count)
        dm_dns_receive(s, p, p->payload + DM_UDP_BYTES, bytes - DM_UDP_BYTES);
}

static bool is_ours(const struct dm_script *s, const uint8_t address[4])
{
    return memcmp(address, s->station.address, 4) == 0 ||
           (memcmp(s->also, dm_nobody, 4) != 0 && memcmp(address, s->also, 4) == 0);
}

static void receive_ipv4(struct dm_script *s, const struct dm_packet *p)
{
    bool ours = is_ours(s, p->destination);
    bool any = memcmp(p->destination, dm_everyone, 4) == 0;
    bool direct = ours && memcmp(p->source, dm_nobody, 4) != 0;
    if (p->protocol == DM_PROTOCOL_UDP && (ours || any))
        receive_udp(s, p, direct);
    else if (p->protocol == DM_PROTOCOL_ICMP && direct)
        receive_icmp(s, p);
    else if (p->protocol == DM_PROTOCOL_TCP && direct)
        dm_tcp_receive(s, p);
}

static void script_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct dm_script *s = (struct dm_script *)b;
    struct dm_arp arp;
    struct dm_packet packet;
    dm_count_from_guest(&s->station.kept.counts, frame, bytes);
    if (bytes > s->frame_bytes_max) {
        s->station.kept.counts.dropped++;
        s->counts.too_long++;
        return;
    }
    if (!dm_frame_is_for(s->station.mac, frame, bytes))
        return;
    if (dm_arp_parse(frame, bytes, &arp))
        receive_arp(s, &arp);
    else if (dm_ipv4_parse(frame, bytes, &packet))
        receive_ipv4(s, &packet);
}

static uint32_t script_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                            void *ctx)
{
    struct dm_script *s = (struct dm_script *)b;
    dm_station_move(&s->station, now_ns);
    dm_tcp_tick(s);
    return dm_drain(&s->station.queue, &s->station.kept.counts, budget, sink, ctx);
}

static void script_destroy(struct dm_backend *b)
{
    struct dm_script *s = (struct dm_script *)b;
    dm_station_free(&s->station);
    free(s);
}

static uint64_t script_next_due(const struct dm_backend *b)
{
    const struct dm_script *s = (const struct dm_script *)b;
    return s->station.queue.count ? 0 : dm_tcp_due(s);
}

static const struct dm_backend_ops script_ops = {.name = "script",
                                                 .send = script_send,
                                                 .poll = script_poll,
                                                 .destroy = script_destroy,
                                                 .next_due = script_next_due,
                                                 .counts = dm_kept_counts};

struct dm_peer_counts dm_peer_counts(const struct dm_backend *peer)
{
    const struct dm_script *s = (const struct dm_script *)peer;
    struct dm_peer_counts counts = s->counts;
    counts.dhcp = s->dhcp.counts;
    counts.tcp_connections = s->connections_made;
    memcpy(counts.guest, dm_dhcp_address(&s->dhcp), 4);
    return counts;
}

void dm_peer_dhcp(struct dm_backend *peer, const struct dm_dhcp_config *config)
{
    ((struct dm_script *)peer)->dhcp.config = *config;
}

void dm_peer_dns(struct dm_backend *peer, enum dm_dns_case which, uint32_t value)
{
    struct dm_script *s = (struct dm_script *)peer;
    s->dns_case = which;
    s->dns_value = value;
}

static bool possible(const struct dm_peer_config *c)
{
    const struct dm_dhcp_config *d = &c->dhcp;
    return d->route_count <= DM_DHCP_ROUTES_MAX && d->dns_count <= DM_DHCP_ADDRESSES_MAX &&
           d->ntp_count <= DM_DHCP_ADDRESSES_MAX && c->name_count <= DM_DNS_NAMES_MAX &&
           c->page_count <= DM_WEB_PAGES_MAX &&
           (c->mtu == 0 || (c->mtu >= MTU_LEAST && c->mtu <= IPV4_BYTES_MAX));
}

struct dm_backend *dm_peer_create(const struct dm_peer_config *config)
{
    if (!possible(config)) {
        errno = EINVAL;
        return NULL;
    }
    struct dm_script *s = calloc(1, sizeof *s);
    if (!s || !dm_station_init(&s->station, &script_ops, config->mac, config->address, config->mtu)) {
        free(s);
        errno = ENOMEM;
        return NULL;
    }
    memcpy(s->also, config->also, 4);
    s->frame_bytes_max = config->mtu ? DM_ETHERNET_BYTES + config->mtu : DM_FRAME_BYTES_MAX;
    s->dhcp.config = config->dhcp;
    memcpy(s->names, config->names, sizeof s->names);
    s->name_count = config->name_count;
    s->pages = config->pages;
    s->page_count = config->page_count;
    s->dns_case = config->dns_case;
    s->dns_value = config->dns_value;
    return &s->station.kept.base;
}

struct dm_backend *dm_script_create(const struct dm_script_config *config)
{
    struct dm_peer_config peer = {0};
    memcpy(peer.mac, config->mac, 6);
    memcpy(peer.address, config->address, 4);
    memcpy(peer.dhcp.guest, config->guest, 4);
    return dm_peer_create(&peer);
}
