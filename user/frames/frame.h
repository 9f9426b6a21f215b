/* SPDX-License-Identifier: BSD-2-Clause */
/* The few frames that programs without a network stack send and understand: ARP (RFC 826) and ICMP echo (RFC
 * 792) over IPv4 (RFC 791). Parsers take whatever the wire gave: every length is checked, anything else is
 * "other". */
#ifndef CAPOS_USER_FRAMES_FRAME_H
#define CAPOS_USER_FRAMES_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_ETHERTYPE_ARP  0x0806u
#define FRAME_ETHERTYPE_IPV4 0x0800u
#define FRAME_ARP_BYTES      42u
#define FRAME_ECHO_PAYLOAD   32u
#define FRAME_ECHO_BYTES     (14u + 20u + 8u + FRAME_ECHO_PAYLOAD)

struct frame_addresses {
    uint8_t our_mac[6];
    uint8_t our_ip[4];
    uint8_t peer_mac[6];
    uint8_t peer_ip[4];
};

enum frame_kind { FRAME_OTHER = 0, FRAME_ARP_REPLY, FRAME_ECHO_REPLY };

struct frame_seen {
    enum frame_kind kind;
    uint16_t ethertype; /* 0 when the frame is shorter than its header */
    uint16_t sequence; /* echo replies */
    uint8_t sender_mac[6];
};

/* Each writes one frame and returns its bytes; `out` has room for FRAME_ECHO_BYTES. */
uint16_t frame_arp_request(uint8_t *out, const struct frame_addresses *a);
uint16_t frame_echo_request(uint8_t *out, const struct frame_addresses *a, uint16_t identifier,
                            uint16_t sequence);
/* An ARP reply counts only from peer_ip to us; an echo reply only with our identifier, payload and good
 * checksums. */
struct frame_seen frame_parse(const uint8_t *frame, size_t bytes, const struct frame_addresses *a,
                              uint16_t identifier);

#endif
