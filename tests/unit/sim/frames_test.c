/* SPDX-License-Identifier: BSD-2-Clause */
/* Bring-up's frames: what is accepted as an answer, and that no byte of a wrong one passes. */
#include <criterion/criterion.h>
#include <string.h>

#include "user/frames/frame.h"

static const struct frame_addresses a = {.our_mac = {2, 0, 0, 0, 0, 1},
                                         .our_ip = {10, 0, 2, 15},
                                         .peer_mac = {2, 0, 0, 0, 0, 2},
                                         .peer_ip = {10, 0, 2, 2}};

/* The peer's answers, made from our requests with the roles swapped. */
static size_t arp_reply(uint8_t *out)
{
    const struct frame_addresses peer = {.our_mac = {2, 0, 0, 0, 0, 2},
                                         .our_ip = {10, 0, 2, 2},
                                         .peer_mac = {2, 0, 0, 0, 0, 1},
                                         .peer_ip = {10, 0, 2, 15}};
    size_t bytes = frame_arp_request(out, &peer);
    memcpy(out, a.our_mac, 6);
    out[21] = 2; /* reply */
    memcpy(out + 32, a.our_mac, 6);
    return bytes;
}

static uint16_t sum(const uint8_t *at, size_t bytes)
{
    uint32_t s = 0;
    for (size_t i = 0; i < bytes; i += 2)
        s += (uint32_t)(at[i] << 8 | at[i + 1]);
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

static size_t echo_reply(uint8_t *out, uint16_t id, uint16_t sequence)
{
    size_t bytes = frame_echo_request(out, &a, id, sequence);
    uint8_t *ip = out + 14;
    uint8_t *icmp = ip + 20;
    memcpy(ip + 12, a.peer_ip, 4);
    memcpy(ip + 16, a.our_ip, 4);
    icmp[0] = 0;
    icmp[2] = icmp[3] = 0;
    uint16_t c = sum(icmp, bytes - 34);
    icmp[2] = (uint8_t)(c >> 8);
    icmp[3] = (uint8_t)c;
    return bytes;
}

Test(frames, an_arp_reply_is_recognised)
{
    uint8_t f[FRAME_ECHO_BYTES];
    struct frame_seen seen = frame_parse(f, arp_reply(f), &a, 1);
    cr_assert_eq(seen.kind, FRAME_ARP_REPLY);
    cr_assert_eq(seen.ethertype, 0x0806);
    cr_assert_arr_eq(seen.sender_mac, a.peer_mac, 6);
}

Test(frames, our_own_request_is_no_reply)
{
    uint8_t f[FRAME_ECHO_BYTES];
    cr_assert_eq(frame_parse(f, frame_arp_request(f, &a), &a, 1).kind, FRAME_OTHER);
    cr_assert_eq(frame_parse(f, frame_echo_request(f, &a, 1, 2), &a, 1).kind, FRAME_OTHER);
}

Test(frames, an_echo_reply_is_recognised_with_its_sequence)
{
    uint8_t f[FRAME_ECHO_BYTES];
    struct frame_seen seen = frame_parse(f, echo_reply(f, 9, 0xabcd), &a, 9);
    cr_assert_eq(seen.kind, FRAME_ECHO_REPLY);
    cr_assert_eq(seen.sequence, 0xabcd);
    cr_assert_eq(frame_parse(f, sizeof f, &a, 8).kind, FRAME_OTHER, "another identifier passed");
}

Test(frames, each_truncation_is_no_answer)
{
    uint8_t f[FRAME_ECHO_BYTES];
    size_t bytes = echo_reply(f, 1, 1);
    for (size_t n = 0; n < bytes; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, f, n);
        cr_assert_eq(frame_parse(exact, n, &a, 1).kind, FRAME_OTHER, "%zu bytes passed", n);
        free(exact);
    }
}

Test(frames, no_single_changed_byte_after_the_ethernet_header_passes)
{
    uint8_t f[FRAME_ECHO_BYTES];
    size_t bytes = echo_reply(f, 1, 1);
    for (size_t i = 14; i < bytes; i++) {
        f[i] ^= 0x10;
        cr_assert_eq(frame_parse(f, bytes, &a, 1).kind, FRAME_OTHER, "byte %zu changed and passed", i);
        f[i] ^= 0x10;
    }
    cr_assert_eq(frame_parse(f, bytes, &a, 1).kind, FRAME_ECHO_REPLY);
}
