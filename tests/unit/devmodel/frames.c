/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds and judges frames for the backend tests; shares nothing with the backends. */
#include "frames.h"

#include <string.h>

const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
const uint8_t peer_mac[6] = {0x02, 0, 0, 0, 0, 1};
const uint8_t broadcast_mac[6] = {255, 255, 255, 255, 255, 255};

bool keep_frame(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct kept_frames *k = ctx;
    if (k->count == FRAMES_KEPT || (k->refuse_from && k->count + 1 >= k->refuse_from))
        return false;
    struct kept_frame *f = &k->frames[k->count++];
    f->bytes = bytes;
    memcpy(f->data, frame, bytes < sizeof f->data ? bytes : sizeof f->data);
    return true;
}

uint16_t frame_be16(const uint8_t *at)
{
    return (uint16_t)(at[0] * 256 + at[1]);
}

uint32_t frame_be32(const uint8_t *at)
{
    return (uint32_t)frame_be16(at) * 65536u + frame_be16(at + 2);
}

void frame_put16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v / 256u);
    at[1] = (uint8_t)v;
}

void frame_put32(uint8_t *at, uint32_t v)
{
    frame_put16(at, v >> 16);
    frame_put16(at + 2, v);
}

uint32_t frame_sum(uint32_t sum, const uint8_t *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        sum += i % 2 ? at[i] : at[i] * 256u;
    while (sum > 0xffff)
        sum = sum % 65536u + sum / 65536u;
    return sum;
}

size_t frame_arp(uint8_t *out, const uint8_t sender[4], const uint8_t target[4])
{
    static const uint8_t head[10] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};
    memset(out, 0, 42);
    memcpy(out, broadcast_mac, 6);
    memcpy(out + 6, guest_mac, 6);
    memcpy(out + 12, head, sizeof head);
    memcpy(out + 22, guest_mac, 6);
    memcpy(out + 28, sender, 4);
    memcpy(out + 38, target, 4);
    return 42;
}

static uint32_t pseudo(const uint8_t *ip, size_t bytes)
{
    return frame_sum(ip[9] + (uint32_t)bytes, ip + 12, 8);
}

size_t frame_ipv4(uint8_t *out, const uint8_t to_mac[6], const uint8_t source[4],
                  const uint8_t destination[4], uint8_t protocol, const uint8_t *payload, size_t bytes)
{
    memset(out, 0, 34);
    memcpy(out, to_mac, 6);
    memcpy(out + 6, guest_mac, 6);
    out[12] = 8;
    uint8_t *ip = out + 14;
    ip[0] = 0x45;
    frame_put16(ip + 2, (uint32_t)(20 + bytes));
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, source, 4);
    memcpy(ip + 16, destination, 4);
    frame_put16(ip + 10, ~frame_sum(0, ip, 20));
    memcpy(ip + 20, payload, bytes);
    if (protocol == 6 || protocol == 17) {
        uint8_t *sum = ip + 20 + (protocol == 6 ? 16 : 6);
        frame_put16(sum, 0);
        frame_put16(sum, ~frame_sum(pseudo(ip, bytes), ip + 20, bytes));
    }
    return 34 + bytes;
}

size_t frame_icmp_echo(uint8_t *out, const uint8_t to_mac[6], const uint8_t source[4],
                       const uint8_t destination[4], uint16_t sequence, size_t data_bytes)
{
    uint8_t icmp[1600] = {8, 0, 0, 0, 0x12, 0x34};
    frame_put16(icmp + 6, sequence);
    for (size_t i = 0; i < data_bytes; i++)
        icmp[8 + i] = (uint8_t)(i * 7 + sequence);
    frame_put16(icmp + 2, ~frame_sum(0, icmp, 8 + data_bytes));
    return frame_ipv4(out, to_mac, source, destination, 1, icmp, 8 + data_bytes);
}

bool frame_sums_right(const uint8_t *frame, size_t bytes)
{
    const uint8_t *ip = frame + 14;
    size_t total = frame_be16(ip + 2);
    if (bytes < 34 || total < 20 || total > bytes - 14 || frame_sum(0, ip, 20) != 0xffff)
        return false;
    uint32_t start = ip[9] == 1 ? 0 : pseudo(ip, total - 20);
    return frame_sum(start, ip + 20, total - 20) == 0xffff;
}
