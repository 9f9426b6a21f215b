/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames that the backend tests build and judge: a guest's side in plain code, with checksums of its own. */
#ifndef TEST_FRAMES_H
#define TEST_FRAMES_H

#include "capos/devmodel/backend.h"

#define FRAMES_KEPT 128

struct kept_frame {
    size_t bytes;
    uint8_t data[2048];
};

/* A sink: keeps frames, refuses when told to. */
struct kept_frames {
    uint32_t count;
    uint32_t refuse_from; /* number of the first frame that is refused; 0: none is */
    struct kept_frame frames[FRAMES_KEPT];
};

extern const uint8_t guest_mac[6], peer_mac[6], broadcast_mac[6];

bool keep_frame(void *ctx, const uint8_t *frame, size_t bytes);

uint16_t frame_be16(const uint8_t *at);
uint32_t frame_be32(const uint8_t *at);
void frame_put16(uint8_t *at, uint32_t v);
void frame_put32(uint8_t *at, uint32_t v);
/* The Internet checksum's sum without complement: 0xffff over a packet that holds a right checksum. */
uint32_t frame_sum(uint32_t sum, const uint8_t *at, size_t bytes);

size_t frame_arp(uint8_t *out, const uint8_t sender[4], const uint8_t target[4]);
/* An IPv4 frame around `bytes` of payload; sets the header checksum, and for TCP (6) and UDP (17) the
 * payload's. */
size_t frame_ipv4(uint8_t *out, const uint8_t to_mac[6], const uint8_t source[4],
                  const uint8_t destination[4], uint8_t protocol, const uint8_t *payload, size_t bytes);
size_t frame_icmp_echo(uint8_t *out, const uint8_t to_mac[6], const uint8_t source[4],
                       const uint8_t destination[4], uint16_t sequence, size_t data_bytes);
/* True when the IPv4 header checksum and the one of the ICMP, UDP or TCP payload are right. */
bool frame_sums_right(const uint8_t *frame, size_t bytes);

#endif
