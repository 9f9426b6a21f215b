/* SPDX-License-Identifier: BSD-2-Clause */
#include "user/frames/frame.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define ETHERNET_HEADER 14u
#define IPV4_HEADER     20u
#define ICMP_HEADER     8u

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* RFC 1071; `bytes` is even for everything sent here, an odd last byte is padded. */
static uint16_t checksum(const uint8_t *at, size_t bytes)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < bytes; i += 2)
        sum += get16(at + i);
    if (bytes & 1)
        sum += (uint32_t)at[bytes - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static uint8_t payload_byte(uint16_t sequence, uint32_t i)
{
    return (uint8_t)(sequence * 7u + i);
}

uint16_t frame_arp_request(uint8_t *out, const struct frame_addresses *a)
{
    static const uint8_t fixed[8] = {0, 1, 8, 0, 6, 4, 0, 1}; /* Ethernet, IPv4, request */
    uint8_t *arp = out + ETHERNET_HEADER;
    memset(out, 0xff, 6);
    memcpy(out + 6, a->our_mac, 6);
    put16(out + 12, FRAME_ETHERTYPE_ARP);
    memcpy(arp, fixed, sizeof fixed);
    memcpy(arp + 8, a->our_mac, 6);
    memcpy(arp + 14, a->our_ip, 4);
    memset(arp + 18, 0, 6);
    memcpy(arp + 24, a->peer_ip, 4);
    return FRAME_ARP_BYTES;
}

uint16_t frame_echo_request(uint8_t *out, const struct frame_addresses *a, uint16_t identifier,
                            uint16_t sequence)
{
    uint8_t *ip = out + ETHERNET_HEADER;
    uint8_t *icmp = ip + IPV4_HEADER;
    memcpy(out, a->peer_mac, 6);
    memcpy(out + 6, a->our_mac, 6);
    put16(out + 12, FRAME_ETHERTYPE_IPV4);
    memset(ip, 0, IPV4_HEADER + ICMP_HEADER);
    ip[0] = 0x45;
    put16(ip + 2, IPV4_HEADER + ICMP_HEADER + FRAME_ECHO_PAYLOAD);
    put16(ip + 4, sequence);
    ip[8] = 64; /* time to live */
    ip[9] = 1;  /* ICMP */
    memcpy(ip + 12, a->our_ip, 4);
    memcpy(ip + 16, a->peer_ip, 4);
    put16(ip + 10, checksum(ip, IPV4_HEADER));
    icmp[0] = 8; /* echo request */
    put16(icmp + 4, identifier);
    put16(icmp + 6, sequence);
    for (uint32_t i = 0; i < FRAME_ECHO_PAYLOAD; i++)
        icmp[ICMP_HEADER + i] = payload_byte(sequence, i);
    put16(icmp + 2, checksum(icmp, ICMP_HEADER + FRAME_ECHO_PAYLOAD));
    return FRAME_ECHO_BYTES;
}

static bool is_arp_reply(const uint8_t *frame, size_t bytes, const struct frame_addresses *a)
{
    const uint8_t *arp = frame + ETHERNET_HEADER;
    return bytes >= FRAME_ARP_BYTES && get16(arp) == 1 && get16(arp + 2) == FRAME_ETHERTYPE_IPV4 &&
           arp[4] == 6 && arp[5] == 4 && get16(arp + 6) == 2 && memcmp(arp + 14, a->peer_ip, 4) == 0 &&
           memcmp(arp + 18, a->our_mac, 6) == 0 && memcmp(arp + 24, a->our_ip, 4) == 0;
}

static bool is_echo_reply(const uint8_t *frame, size_t bytes, const struct frame_addresses *a,
                          uint16_t identifier)
{
    const uint8_t *ip = frame + ETHERNET_HEADER;
    const uint8_t *icmp = ip + IPV4_HEADER;
    if (bytes < FRAME_ECHO_BYTES || ip[0] != 0x45 || ip[9] != 1 || checksum(ip, IPV4_HEADER) != 0)
        return false;
    if (get16(ip + 2) != IPV4_HEADER + ICMP_HEADER + FRAME_ECHO_PAYLOAD)
        return false;
    if (memcmp(ip + 12, a->peer_ip, 4) != 0 || memcmp(ip + 16, a->our_ip, 4) != 0)
        return false;
    if (icmp[0] != 0 || icmp[1] != 0 || get16(icmp + 4) != identifier)
        return false;
    if (checksum(icmp, ICMP_HEADER + FRAME_ECHO_PAYLOAD) != 0)
        return false;
    for (uint32_t i = 0; i < FRAME_ECHO_PAYLOAD; i++)
        if (icmp[ICMP_HEADER + i] != payload_byte(get16(icmp + 6), i))
            return false;
    return true;
}

struct frame_seen frame_parse(const uint8_t *frame, size_t bytes, const struct frame_addresses *a,
                              uint16_t identifier)
{
    struct frame_seen seen = {FRAME_OTHER, 0, 0, {0}};
    ASSERT(frame != NULL);
    ASSERT(a != NULL);
    if (bytes < ETHERNET_HEADER)
        return seen;
    seen.ethertype = get16(frame + 12);
    memcpy(seen.sender_mac, frame + 6, 6);
    if (seen.ethertype == FRAME_ETHERTYPE_ARP && is_arp_reply(frame, bytes, a)) {
        seen.kind = FRAME_ARP_REPLY;
        memcpy(seen.sender_mac, frame + ETHERNET_HEADER + 8, 6);
    } else if (seen.ethertype == FRAME_ETHERTYPE_IPV4 && is_echo_reply(frame, bytes, a, identifier)) {
        seen.kind = FRAME_ECHO_REPLY;
        seen.sequence = get16(frame + ETHERNET_HEADER + IPV4_HEADER + 6);
    }
    return seen;
}
