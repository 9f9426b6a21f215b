/* SPDX-License-Identifier: BSD-2-Clause */
/* The intruder: each kind sends what its name says, at its pace, up to its bound, the same each time. */
#include "capos/devmodel.h"
#include "frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t intruder_ip[4] = {10, 0, 2, 66};
static const uint8_t guest_ip[4] = {10, 0, 2, 15};
static const uint8_t victim_ip[4] = {10, 0, 2, 2};
static struct kept_frames kept;

static struct dm_intruder_config config(enum dm_intrusion kind)
{
    struct dm_intruder_config c = {.kind = kind,
                                   .value = 68,
                                   .mac = {2, 0, 0, 0, 0, 0x66},
                                   .port = 8080,
                                   .victim_port = 49152,
                                   .seed = 11,
                                   .interval_ns = 1000,
                                   .frames_max = 100};
    memcpy(c.address, intruder_ip, 4);
    memcpy(c.guest, guest_ip, 4);
    memcpy(c.victim, victim_ip, 4);
    return c;
}

/* Made, and its ARP question answered. */
static struct dm_backend *open_intruder(const struct dm_intruder_config *c)
{
    uint8_t frame[64];
    struct dm_backend *b = dm_intruder_create(c);
    cr_assert(b != NULL);
    kept.count = 0;
    b->ops->poll(b, 0, 100, keep_frame, &kept);
    cr_assert(eq(u32, kept.count, 1), "it asks first, and nothing else");
    cr_assert(eq(u16, frame_be16(kept.frames[0].data + 12), 0x0806));
    cr_assert(eq(u64, dm_intruder_counts(b).sent, 0));
    size_t bytes = frame_arp(frame, guest_ip, intruder_ip);
    frame[21] = 2;
    b->ops->send(b, frame, bytes);
    kept.count = 0;
    return b;
}

static bool addressed(const uint8_t *f, const uint8_t from[4])
{
    return memcmp(f + 26, from, 4) == 0 && memcmp(f + 30, guest_ip, 4) == 0;
}

static bool tcp_with(const uint8_t *f, const uint8_t from[4], uint8_t flags)
{
    return f[23] == 6 && addressed(f, from) && f[47] == flags && frame_be16(f + 36) == 8080;
}

static bool victim_segment(const uint8_t *f, uint8_t flags)
{
    return tcp_with(f, victim_ip, flags) && frame_be16(f + 34) == 49152;
}

static bool arp_says(const uint8_t *f, const uint8_t address[4])
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x66};
    return frame_be16(f + 12) == 0x0806 && memcmp(f + 22, mac, 6) == 0 && memcmp(f + 28, address, 4) == 0;
}

static bool quotes_victim(const uint8_t *f, uint8_t type, uint8_t code)
{
    const uint8_t *icmp = f + 34, *ip = icmp + 8;
    return f[23] == 1 && icmp[0] == type && icmp[1] == code && memcmp(ip + 12, guest_ip, 4) == 0 &&
           memcmp(ip + 16, victim_ip, 4) == 0 && frame_be16(ip + 20) == 8080 && frame_be16(ip + 22) == 49152;
}

static uint32_t part_at(const uint8_t *f)
{
    return 8u * (frame_be16(f + 20) & 0x1fffu);
}

static bool is_spoofed(const uint8_t *f)
{
    return f[23] == 6 && f[47] == 2 && memcmp(f + 26, intruder_ip, 2) == 0 && f[29] != 0 && f[29] != 255;
}

static bool fits(enum dm_intrusion kind, const uint8_t *f, uint32_t n)
{
    switch (kind) {
    case DM_INTRUSION_SYN_FLOOD:
        return tcp_with(f, intruder_ip, 2) && frame_be16(f + 34) == 1024 + n;
    case DM_INTRUSION_SYN_FLOOD_SPOOFED:
        return is_spoofed(f);
    case DM_INTRUSION_LAND:
        return tcp_with(f, guest_ip, 2) && frame_be16(f + 34) == 8080;
    case DM_INTRUSION_BLIND_RST:
        return victim_segment(f, 4);
    case DM_INTRUSION_BLIND_SYN:
        return victim_segment(f, 2);
    case DM_INTRUSION_BLIND_DATA:
        return victim_segment(f, 0x18) && frame_be16(f + 16) > 40;
    case DM_INTRUSION_TCP_OPTIONS:
        return tcp_with(f, intruder_ip, 2) && f[46] >> 4 == 15 && f[54] == (n % 11 < 10 ? n % 11 : 255) &&
               f[55] == n / 11 % 42;
    case DM_INTRUSION_TCP_HEADERS:
        return f[46] >> 4 == n % 16 && f[47] == n / 16;
    case DM_INTRUSION_IP_HEADERS:
        return f[14] == (0x40 | n % 16);
    case DM_INTRUSION_ARP_SPOOF:
        return arp_says(f, victim_ip) && f[21] == 2;
    case DM_INTRUSION_ARP_GRATUITOUS:
        return arp_says(f, guest_ip) && memcmp(f + 38, guest_ip, 4) == 0;
    case DM_INTRUSION_ARP_FLOOD:
        return frame_be16(f + 12) == 0x0806 && f[31] == 1 + n % 254;
    case DM_INTRUSION_FRAGMENTS_OVERLAP:
        return part_at(f) == (n % 2 ? 32 : 0) && frame_be16(f + 18) == n / 2 && frame_be16(f + 16) == 84;
    case DM_INTRUSION_FRAGMENTS_MANY:
        return part_at(f) == 0 && (f[20] & 0x20) && frame_be16(f + 18) == n;
    case DM_INTRUSION_FRAGMENTS_BEYOND:
        return n % 2 == 0 || part_at(f) + frame_be16(f + 16) - 20u > 65535;
    case DM_INTRUSION_FRAGMENTS_TINY:
        return frame_be16(f + 16) == 28 && part_at(f) != 8;
    case DM_INTRUSION_NEED_FRAGMENT:
        return quotes_victim(f, 3, 4) && frame_be16(f + 40) == 68;
    case DM_INTRUSION_UNREACHABLE:
        return quotes_victim(f, 3, 3);
    case DM_INTRUSION_REDIRECT:
        return quotes_victim(f, 5, 1) && memcmp(f + 38, intruder_ip, 4) == 0;
    case DM_INTRUSION_ECHO_FLOOD:
        return f[23] == 1 && f[34] == 8 && frame_be16(f + 16) == 20 + 8 + 68;
    case DM_INTRUSION_UDP_FLOOD:
        return f[23] == 17 && frame_be16(f + 36) == n && frame_be16(f + 38) == 8 + 68;
    case DM_INTRUSIONS:
        break;
    }
    return false;
}

/* Whose sums a checking guest has to accept: all but what lies about them by its nature. */
static bool sums_hold(enum dm_intrusion kind, const uint8_t *f, size_t bytes)
{
    switch (kind) {
    case DM_INTRUSION_IP_HEADERS:
    case DM_INTRUSION_TCP_HEADERS:
        return true;
    case DM_INTRUSION_FRAGMENTS_OVERLAP:
    case DM_INTRUSION_FRAGMENTS_MANY:
    case DM_INTRUSION_FRAGMENTS_BEYOND:
    case DM_INTRUSION_FRAGMENTS_TINY:
        return frame_sum(0, f + 14, 20) == 0xffff;
    default:
        return frame_be16(f + 12) == 0x0806 || frame_sums_right(f, bytes);
    }
}

Test(intruder, each_kind_sends_what_its_name_says)
{
    for (unsigned kind = 0; kind < DM_INTRUSIONS; kind++) {
        const struct dm_intruder_config c = config(kind);
        struct dm_backend *b = open_intruder(&c);
        b->ops->poll(b, 1000000, FRAMES_KEPT, keep_frame, &kept);
        cr_assert(eq(u32, kept.count, 100), "%s", dm_intrusion_name(kind));
        for (uint32_t i = 0; i < kept.count; i++) {
            const uint8_t *f = kept.frames[i].data;
            cr_assert(fits(kind, f, i), "%s, frame %u", dm_intrusion_name(kind), i);
            cr_assert(sums_hold(kind, f, kept.frames[i].bytes), "%s, frame %u", dm_intrusion_name(kind), i);
        }
        cr_assert(eq(u64, dm_intruder_counts(b).sent, 100));
        b->ops->poll(b, 1000000000, FRAMES_KEPT, keep_frame, &kept);
        cr_assert(eq(u32, kept.count, 100), "its bound");
        cr_assert(eq(u64, dm_backend_next_due(b), DM_NEVER));
        dm_backend_destroy(b);
    }
}

Test(intruder, equal_seeds_send_equal_frames)
{
    uint64_t hashes[3];
    for (unsigned i = 0; i < 3; i++) {
        struct dm_intruder_config c = config(DM_INTRUSION_BLIND_RST);
        c.seed = i == 2 ? 12 : 11;
        struct dm_backend *b = open_intruder(&c);
        b->ops->poll(b, 1000000, FRAMES_KEPT, keep_frame, &kept);
        hashes[i] = 14695981039346656037u;
        for (uint32_t f = 0; f < kept.count; f++)
            for (size_t n = 0; n < kept.frames[f].bytes; n++)
                hashes[i] = (hashes[i] ^ kept.frames[f].data[n]) * 1099511628211u;
        dm_backend_destroy(b);
    }
    cr_assert(eq(u64, hashes[0], hashes[1]));
    cr_assert(ne(u64, hashes[0], hashes[2]));
}

Test(intruder, its_pace_is_kept)
{
    struct dm_intruder_config c = config(DM_INTRUSION_SYN_FLOOD);
    c.start_ns = 5000;
    struct dm_backend *b = dm_intruder_create(&c);
    cr_assert(eq(u32, b->ops->poll(b, 4999, 100, keep_frame, &kept), 0), "not yet, not even the question");
    dm_backend_destroy(b);
    c.start_ns = 0;
    b = open_intruder(&c);
    for (uint64_t ns = 0; ns < 50000; ns += 250)
        cr_assert(eq(u32, b->ops->poll(b, ns, 100, keep_frame, &kept), ns % 1000 == 0), "%lu",
                  (unsigned long)ns);
    cr_assert(eq(u64, dm_backend_next_due(b), 50000));
    dm_backend_destroy(b);
}

Test(intruder, a_leap_of_the_clock_does_not_flood_the_queue)
{
    struct dm_intruder_config c = config(DM_INTRUSION_SYN_FLOOD);
    c.frames_max = 1000000;
    struct dm_backend *b = open_intruder(&c);
    b->ops->poll(b, 10000000, 0, keep_frame, &kept);
    struct dm_intruder_counts n = dm_intruder_counts(b);
    cr_assert(eq(u64, n.sent, 1024));
    cr_assert(eq(u64, n.sent + n.skipped, 10001));
    b->ops->poll(b, 10001000, 0, keep_frame, &kept);
    cr_assert(eq(u64, dm_intruder_counts(b).skipped, n.skipped + 1), "no room");
    dm_backend_destroy(b);
}

Test(intruder, answers_are_counted_not_given)
{
    struct dm_intruder_config c = config(DM_INTRUSION_SYN_FLOOD);
    struct dm_backend *b = open_intruder(&c);
    uint8_t frame[128], reply[20] = {0x1f, 0x90, 4, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x12, 0x20};
    b->ops->poll(b, 0, 100, keep_frame, &kept);
    b->ops->send(b, frame, frame_ipv4(frame, c.mac, guest_ip, intruder_ip, 6, reply, 20));
    reply[13] = 0x14;
    b->ops->send(b, frame, frame_ipv4(frame, c.mac, guest_ip, intruder_ip, 6, reply, 20));
    cr_assert(eq(u32, b->ops->poll(b, 1, 100, keep_frame, &kept), 0));
    cr_assert(eq(u64, dm_intruder_counts(b).syn_acks_heard, 1));
    cr_assert(eq(u64, dm_intruder_counts(b).resets_heard, 1));
    dm_backend_destroy(b);
}

Test(intruder, what_cannot_be_is_refused)
{
    for (unsigned i = 0; i < 4; i++) {
        struct dm_intruder_config c = config(DM_INTRUSION_ECHO_FLOOD);
        if (i == 0)
            c.kind = DM_INTRUSIONS;
        if (i == 1)
            c.interval_ns = 0;
        if (i == 2)
            c.value = 1473;
        if (i == 3)
            c.frames_max = UINT64_MAX;
        errno = 0;
        cr_assert(dm_intruder_create(&c) == NULL, "%u", i);
        cr_assert(eq(int, errno, EINVAL));
    }
}
