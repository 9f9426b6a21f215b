/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of the scripted peers, in and out. Owns the queue of its station. Everything that comes in is a
 * guest's: lengths and checksums are checked, what is wrong is ignored. */
#include "station.h"

#include <string.h>

#define ASK_NS 1000000000u

const uint8_t dm_everyone_mac[6] = {255, 255, 255, 255, 255, 255};
const uint8_t dm_everyone[4] = {255, 255, 255, 255};
const uint8_t dm_nobody[4] = {0, 0, 0, 0};

static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, 6, 4};

bool dm_station_init(struct dm_station *s, const struct dm_backend_ops *ops, const uint8_t mac[6],
                     const uint8_t address[4], uint32_t mtu)
{
    s->kept.base.ops = ops;
    memcpy(s->mac, mac, 6);
    memcpy(s->address, address, 4);
    s->mtu = mtu ? mtu : DM_MTU_DEFAULT;
    return dm_frame_queue_init(&s->queue);
}

void dm_station_free(struct dm_station *s)
{
    dm_frame_queue_free(&s->queue);
}

void dm_station_move(struct dm_station *s, uint64_t now_ns)
{
    if (now_ns > s->now_ns)
        s->now_ns = now_ns;
}

static uint32_t sum_words(uint32_t sum, const uint8_t *at, uint32_t bytes)
{
    uint32_t i = 0;
    for (; i + 1u < bytes; i += 2u)
        sum += dm_get_be16(at + i);
    if (i < bytes)
        sum += (uint32_t)at[i] << 8;
    return sum;
}

uint16_t dm_checksum(uint32_t sum, const uint8_t *at, uint32_t bytes)
{
    sum = sum_words(sum, at, bytes); /* at most 32,768 words of 16 bits: no overflow */
    sum = (sum & 0xffffu) + (sum >> 16);
    sum = (sum & 0xffffu) + (sum >> 16);
    return (uint16_t)~sum;
}

uint32_t dm_pseudo_sum(const uint8_t source[4], const uint8_t destination[4], uint8_t protocol,
                       uint32_t bytes)
{
    return sum_words(sum_words(protocol + bytes, source, 4), destination, 4);
}

void dm_station_ethernet(const struct dm_station *s, uint8_t *frame, const uint8_t mac[6], uint32_t type)
{
    memcpy(frame, mac, 6);
    memcpy(frame + 6, s->mac, 6);
    dm_put_be16(frame + 12, type);
}

uint8_t *dm_station_frame(struct dm_station *s, uint32_t *bytes)
{
    if (*bytes < DM_ETHERNET_BYTES_LEAST)
        *bytes = DM_ETHERNET_BYTES_LEAST;
    uint8_t *frame = dm_frame_queue_room(&s->queue, *bytes);
    if (frame)
        memset(frame, 0, *bytes);
    else
        s->kept.counts.dropped++;
    return frame;
}

void dm_ipv4_sum(uint8_t *ip)
{
    dm_put_be16(ip + 10, 0);
    dm_put_be16(ip + 10, dm_checksum(0, ip, DM_IPV4_BYTES));
}

struct dm_reply dm_station_packet(struct dm_station *s, const struct dm_ends *ends, uint8_t protocol,
                                  uint32_t payload_bytes)
{
    struct dm_reply reply = {NULL, NULL, DM_ETHERNET_BYTES + DM_IPV4_BYTES + payload_bytes};
    reply.frame = dm_station_frame(s, &reply.bytes);
    if (!reply.frame)
        return reply;
    dm_station_ethernet(s, reply.frame, ends->mac, DM_ETHERTYPE_IPV4);
    uint8_t *ip = reply.frame + DM_ETHERNET_BYTES;
    ip[0] = 0x45;
    dm_put_be16(ip + 2, DM_IPV4_BYTES + payload_bytes);
    dm_put_be16(ip + 4, s->packet_id++);
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, ends->from, 4);
    memcpy(ip + 16, ends->to, 4);
    dm_ipv4_sum(ip);
    reply.payload = ip + DM_IPV4_BYTES;
    return reply;
}

void dm_station_send(struct dm_station *s, const struct dm_reply *reply)
{
    dm_frame_queue_commit(&s->queue, reply->frame, reply->bytes);
}

bool dm_station_udp(struct dm_station *s, const struct dm_ends *ends, uint16_t source_port, uint16_t port,
                    const uint8_t *data, uint32_t bytes)
{
    uint32_t all = DM_UDP_BYTES + bytes;
    struct dm_reply reply = dm_station_packet(s, ends, DM_PROTOCOL_UDP, all);
    if (!reply.frame)
        return false;
    uint8_t *udp = reply.payload;
    dm_put_be16(udp, source_port);
    dm_put_be16(udp + 2, port);
    dm_put_be16(udp + 4, all);
    if (bytes)
        memcpy(udp + DM_UDP_BYTES, data, bytes);
    uint16_t sum = dm_checksum(dm_pseudo_sum(ends->from, ends->to, DM_PROTOCOL_UDP, all), udp, all);
    dm_put_be16(udp + 6, sum ? sum : 0xffffu); /* 0 on the wire says: not computed */
    dm_station_send(s, &reply);
    return true;
}

void dm_station_arp(struct dm_station *s, uint32_t operation, const uint8_t mac[6], const uint8_t address[4],
                    const uint8_t target_mac[6], const uint8_t target[4])
{
    uint32_t bytes = DM_ETHERNET_BYTES + DM_ARP_BYTES;
    uint8_t *frame = dm_station_frame(s, &bytes);
    if (!frame)
        return;
    dm_station_ethernet(s, frame, target_mac, DM_ETHERTYPE_ARP);
    memcpy(frame + 6, mac, 6);
    uint8_t *arp = frame + DM_ETHERNET_BYTES;
    memcpy(arp, ethernet_ipv4, sizeof ethernet_ipv4);
    dm_put_be16(arp + 6, operation);
    memcpy(arp + 8, mac, 6);
    memcpy(arp + 14, address, 4);
    if (operation == DM_ARP_REPLY)
        memcpy(arp + 18, target_mac, 6);
    memcpy(arp + 24, target, 4);
    dm_frame_queue_commit(&s->queue, frame, bytes);
}

bool dm_arp_parse(const uint8_t *frame, size_t bytes, struct dm_arp *arp)
{
    const uint8_t *at = frame + DM_ETHERNET_BYTES;
    if (dm_get_be16(frame + 12) != DM_ETHERTYPE_ARP || bytes < DM_ETHERNET_BYTES + DM_ARP_BYTES ||
        memcmp(at, ethernet_ipv4, sizeof ethernet_ipv4) != 0)
        return false;
    *arp = (struct dm_arp){dm_get_be16(at + 6), at + 8, at + 14, at + 24};
    return true;
}

bool dm_frame_is_for(const uint8_t mac[6], const uint8_t *frame, size_t bytes)
{
    return bytes >= DM_ETHERNET_BYTES && bytes <= DM_FRAME_BYTES_MAX &&
           (memcmp(frame, mac, 6) == 0 || memcmp(frame, dm_everyone_mac, 6) == 0);
}

bool dm_ipv4_parse(const uint8_t *frame, size_t bytes, struct dm_packet *packet)
{
    const uint8_t *ip = frame + DM_ETHERNET_BYTES;
    size_t room = bytes - DM_ETHERNET_BYTES;
    if (dm_get_be16(frame + 12) != DM_ETHERTYPE_IPV4 || room < DM_IPV4_BYTES || ip[0] >> 4 != 4)
        return false;
    uint32_t header = 4u * (ip[0] & 15u);
    uint32_t total = dm_get_be16(ip + 2);
    if (header < DM_IPV4_BYTES || total < header || total > room || dm_checksum(0, ip, header) != 0)
        return false;
    if ((dm_get_be16(ip + 6) & 0x3fffu) != 0) /* a fragment */
        return false;
    *packet = (struct dm_packet){frame + 6, ip + 12, ip + 16, ip + header, total - header, ip[9]};
    return true;
}

uint32_t dm_udp_check(const struct dm_packet *p)
{
    if (p->payload_bytes < DM_UDP_BYTES)
        return 0;
    uint32_t bytes = dm_get_be16(p->payload + 4);
    if (bytes < DM_UDP_BYTES || bytes > p->payload_bytes)
        return 0;
    uint32_t pseudo = dm_pseudo_sum(p->source, p->destination, DM_PROTOCOL_UDP, bytes);
    bool summed = dm_get_be16(p->payload + 6) != 0;
    return summed && dm_checksum(pseudo, p->payload, bytes) != 0 ? 0 : bytes;
}

void dm_neighbour_tick(struct dm_station *s, struct dm_neighbour *n)
{
    if (n->known || s->now_ns < dm_neighbour_due(n))
        return;
    dm_station_arp(s, DM_ARP_REQUEST, s->mac, n->as, dm_everyone_mac, n->address);
    n->asked++;
    n->asked_ns = s->now_ns;
}

void dm_neighbour_hear(struct dm_neighbour *n, const struct dm_arp *arp)
{
    if (memcmp(arp->address, n->address, 4) != 0)
        return;
    memcpy(n->mac, arp->mac, 6);
    n->known = true;
}

uint64_t dm_neighbour_due(const struct dm_neighbour *n)
{
    if (n->known)
        return DM_NEVER;
    return n->asked ? n->asked_ns + ASK_NS : 0;
}
