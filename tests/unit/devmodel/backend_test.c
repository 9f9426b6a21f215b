/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends: loop, the script's link and network layer, libslirp, and the pcap tap read back. TCP:
 * backend_tcp_test.c. */
#include "frames.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t peer_ip[4] = {10, 0, 2, 2};
static const uint8_t guest_ip[4] = {10, 0, 2, 15};
static const uint8_t all_ip[4] = {255, 255, 255, 255};
static const uint8_t no_ip[4] = {0, 0, 0, 0};

static struct dm_backend *make_script(void)
{
    struct dm_script_config c = {.address = {10, 0, 2, 2}, .guest = {10, 0, 2, 15}};
    memcpy(c.mac, peer_mac, 6);
    struct dm_backend *b = dm_script_create(&c);
    cr_assert(b != NULL);
    return b;
}

static struct dm_backend *make_slirp(void)
{
    const struct dm_slirp_config c = dm_slirp_defaults();
    struct dm_backend *b = dm_slirp_create(&c);
    cr_assert(b != NULL);
    return b;
}

static struct kept_frames kept;

/* Sends one frame and takes what comes back. */
static uint32_t exchange(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    kept.count = 0;
    kept.refuse_from = 0;
    b->ops->send(b, frame, bytes);
    cr_assert(eq(u32, kept.count, 0), "send never calls the sink");
    return b->ops->poll(b, 1000, 100, keep_frame, &kept);
}

/* Loop. */

Test(loop, gives_frames_back_in_order_within_budget)
{
    struct dm_backend *b = dm_loop_create();
    uint8_t frame[DM_FRAME_BYTES_MAX] = {0};
    static const size_t sizes[] = {1, 60, 1514, DM_FRAME_BYTES_MAX};
    for (unsigned i = 0; i < 4; i++) {
        frame[0] = (uint8_t)i;
        b->ops->send(b, frame, sizes[i]);
    }
    memset(&kept, 0, sizeof kept);
    cr_assert(eq(u32, b->ops->poll(b, 0, 3, keep_frame, &kept), 3));
    cr_assert(eq(u32, b->ops->poll(b, 0, 3, keep_frame, &kept), 1));
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(eq(sz, kept.frames[i].bytes, sizes[i]));
        cr_assert(eq(u8, kept.frames[i].data[0], i));
    }
    cr_assert(strcmp(b->ops->name, "loop") == 0);
    dm_backend_destroy(b);
    dm_backend_destroy(NULL);
}

Test(loop, a_refused_frame_stays_first)
{
    struct dm_backend *b = dm_loop_create();
    memset(&kept, 0, sizeof kept);
    b->ops->send(b, (const uint8_t *)"ab", 2);
    b->ops->send(b, (const uint8_t *)"cd", 2);
    kept.refuse_from = 1;
    cr_assert(eq(u32, b->ops->poll(b, 0, 9, keep_frame, &kept), 0));
    kept.refuse_from = 0;
    cr_assert(eq(u32, b->ops->poll(b, 0, 9, keep_frame, &kept), 2));
    cr_assert(eq(u8, kept.frames[0].data[0], 'a'));
    cr_assert(eq(u64, dm_backend_counts(b).to_guest, 2));
    dm_backend_destroy(b);
}

Test(loop, a_full_queue_drops_and_counts)
{
    struct dm_backend *b = dm_loop_create();
    uint8_t *frame = calloc(1, DM_FRAME_BYTES_MAX + 1);
    for (unsigned i = 0; i < 1030; i++)
        b->ops->send(b, frame, DM_FRAME_BYTES_MAX);
    b->ops->send(b, frame, 0);
    b->ops->send(b, frame, DM_FRAME_BYTES_MAX + 1);
    cr_assert(eq(u64, dm_backend_counts(b).dropped, 8));
    cr_assert(eq(u64, dm_backend_counts(b).from_guest, 1032));
    free(frame);
    dm_backend_destroy(b);
}

Test(loop, frames_stay_whole_while_the_store_wraps)
{
    struct dm_backend *b = dm_loop_create();
    uint8_t *frame = malloc(DM_FRAME_BYTES_MAX);
    uint32_t sent = 0, seen = 0;
    memset(&kept, 0, sizeof kept);
    for (unsigned round = 0; round < 4000;
         round++) { /* never empty: the store is used as a ring, more than once round */
        size_t bytes = 30000 + round * 7919u % 35000u;
        memset(frame, (int)(sent % 251u), bytes);
        b->ops->send(b, frame, bytes);
        sent++;
        if (sent - seen < 3)
            continue;
        kept.count = 0;
        cr_assert(eq(u32, b->ops->poll(b, 0, 1, keep_frame, &kept), 1));
        cr_assert(eq(sz, kept.frames[0].bytes, 30000 + seen * 7919u % 35000u));
        cr_assert(eq(u8, kept.frames[0].data[0], seen % 251u));
        cr_assert(eq(u8, kept.frames[0].data[2047], seen % 251u));
        seen++;
    }
    cr_assert(eq(u64, dm_backend_counts(b).dropped, 0));
    free(frame);
    dm_backend_destroy(b);
}

/* What any two peers have to do. */

static void expect_arp_reply(const struct kept_frame *f, size_t bytes)
{
    cr_assert(eq(sz, f->bytes, bytes));
    cr_assert(eq(int, memcmp(f->data, guest_mac, 6), 0));
    cr_assert(eq(u16, frame_be16(f->data + 12), 0x0806));
    cr_assert(eq(u16, frame_be16(f->data + 20), 2));
    cr_assert(eq(int, memcmp(f->data + 28, peer_ip, 4), 0));
    cr_assert(eq(int, memcmp(f->data + 32, guest_mac, 6), 0));
    cr_assert(eq(int, memcmp(f->data + 38, guest_ip, 4), 0));
}

static void expect_echo_reply(const struct kept_frame *f, const uint8_t *request, size_t bytes)
{
    cr_assert(frame_sums_right(f->data, f->bytes));
    cr_assert(eq(u16, frame_be16(f->data + 16), frame_be16(request + 16)));
    cr_assert(eq(int, memcmp(f->data + 26, peer_ip, 4), 0));
    cr_assert(eq(int, memcmp(f->data + 30, guest_ip, 4), 0));
    cr_assert(eq(u8, f->data[34], 0), "an echo reply");
    cr_assert(eq(int, memcmp(f->data + 38, request + 38, bytes - 38), 0), "identifier, number, data");
}

Test(script, answers_arp_for_its_address_only)
{
    struct dm_backend *b = make_script();
    const uint8_t other[4] = {10, 0, 2, 77};
    uint8_t frame[64];
    size_t bytes = frame_arp(frame, guest_ip, peer_ip);
    cr_assert(eq(u32, exchange(b, frame, bytes), 1));
    expect_arp_reply(&kept.frames[0], 60);
    cr_assert(eq(int, memcmp(kept.frames[0].data + 22, peer_mac, 6), 0));
    bytes = frame_arp(frame, guest_ip, other);
    cr_assert(eq(u32, exchange(b, frame, bytes), 0));
    bytes = frame_arp(frame, guest_ip, peer_ip);
    for (size_t i = 14; i < 22; i++) { /* each field of the fixed part wrong, one at a time */
        frame[i] ^= 0x40;
        cr_assert(eq(u32, exchange(b, frame, bytes), 0), "byte %zu", i);
        frame[i] ^= 0x40;
    }
    cr_assert(eq(u32, exchange(b, frame, 41), 0), "cut off");
    cr_assert(eq(u64, dm_backend_counts(b).to_guest, 1));
    dm_backend_destroy(b);
}

Test(script, answers_icmp_echo_with_right_checksums)
{
    struct dm_backend *b = make_script();
    uint8_t frame[1600];
    for (size_t data = 0; data <= 1472; data += data < 60 ? 1 : 353) {
        size_t bytes = frame_icmp_echo(frame, peer_mac, guest_ip, peer_ip, (uint16_t)data, data);
        cr_assert(eq(u32, exchange(b, frame, bytes), 1));
        cr_assert(kept.frames[0].bytes == (bytes < 60 ? 60 : bytes));
        expect_echo_reply(&kept.frames[0], frame, bytes);
    }
    dm_backend_destroy(b);
}

Test(script, ignores_what_is_wrong_or_not_for_it)
{
    struct dm_backend *b = make_script();
    uint8_t frame[1600];
    size_t bytes = frame_icmp_echo(frame, peer_mac, guest_ip, peer_ip, 1, 32);
    for (size_t i = 0; i < bytes; i++) { /* any one bit that a checksum or a comparison covers */
        bool free_byte = i >= 6 && i < 12; /* whoever sent it */
        frame[i] ^= 0x10;
        cr_assert(exchange(b, frame, bytes) == (free_byte ? 1u : 0u), "byte %zu", i);
        frame[i] ^= 0x10;
    }
    for (size_t cut = 0; cut < bytes; cut++)
        cr_assert(eq(u32, exchange(b, frame, cut), 0), "cut to %zu", cut);
    cr_assert(eq(u32, exchange(b, frame, bytes), 1));
    frame[20] = 0x20; /* more fragments */
    frame_put16(frame + 24, 0);
    frame_put16(frame + 24, ~frame_sum(0, frame + 14, 20));
    cr_assert(eq(u32, exchange(b, frame, bytes), 0));
    bytes = frame_icmp_echo(frame, peer_mac, no_ip, peer_ip, 1, 32);
    cr_assert(eq(u32, exchange(b, frame, bytes), 0), "nobody to answer");
    dm_backend_destroy(b);
}

/* A DHCP message of the client: `options` as they come. */
static size_t dhcp(uint8_t *frame, const uint8_t *options, size_t option_bytes, bool broadcast)
{
    uint8_t udp[600] = {0};
    uint8_t *m = udp + 8;
    frame_put16(udp, 68);
    frame_put16(udp + 2, 67);
    frame_put16(udp + 4, (uint32_t)(8 + 240 + option_bytes));
    m[0] = 1;
    m[1] = 1;
    m[2] = 6;
    frame_put32(m + 4, 0xfeedbeef);
    m[10] = broadcast ? 0x80 : 0;
    memcpy(m + 28, guest_mac, 6);
    frame_put32(m + 236, 0x63825363);
    memcpy(m + 240, options, option_bytes);
    return frame_ipv4(frame, broadcast_mac, no_ip, all_ip, 17, udp, 8 + 240 + option_bytes);
}

static const uint8_t *reply_option(uint8_t code)
{
    const uint8_t *at = kept.frames[0].data + 14 + 20 + 8 + 240;
    const uint8_t *end = kept.frames[0].data + kept.frames[0].bytes;
    while (at < end && *at != 255) {
        if (*at == code)
            return at + 2;
        at += *at ? 2 + at[1] : 1;
    }
    return NULL;
}

Test(script, dhcp_gives_the_one_lease)
{
    struct dm_backend *b = make_script();
    uint8_t frame[1000];
    const uint8_t discover[] = {0, 53, 1, 1, 55, 2, 1, 3, 255};
    const uint8_t request[] = {53, 1, 3, 50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2, 255};
    size_t bytes = dhcp(frame, discover, sizeof discover, true);
    cr_assert(eq(u32, exchange(b, frame, bytes), 1));
    const uint8_t *offer = kept.frames[0].data;
    cr_assert(frame_sums_right(offer, kept.frames[0].bytes));
    cr_assert(eq(int, memcmp(offer, broadcast_mac, 6), 0));
    cr_assert(eq(u32, frame_be32(offer + 42 + 4), 0xfeedbeef));
    cr_assert(eq(int, memcmp(offer + 42 + 16, guest_ip, 4), 0));
    cr_assert(eq(u8, reply_option(53)[0], 2));
    cr_assert(eq(int, memcmp(reply_option(54), peer_ip, 4), 0));
    cr_assert(eq(int, memcmp(reply_option(3), peer_ip, 4), 0));
    cr_assert(eq(u32, frame_be32(reply_option(1)), 0xffffff00));
    cr_assert(eq(u32, frame_be32(reply_option(51)), 3600));
    bytes = dhcp(frame, request, sizeof request, false);
    cr_assert(eq(u32, exchange(b, frame, bytes), 1));
    cr_assert(eq(u8, reply_option(53)[0], 5));
    cr_assert(eq(int, memcmp(kept.frames[0].data, guest_mac, 6), 0), "unicast when not asked otherwise");
    cr_assert(eq(int, memcmp(kept.frames[0].data + 30, guest_ip, 4), 0));
    dm_backend_destroy(b);
}

Test(script, dhcp_refuses_other_addresses_and_ignores_other_servers)
{
    struct dm_backend *b = make_script();
    uint8_t frame[1000];
    const uint8_t other_address[] = {53, 1, 3, 50, 4, 10, 0, 2, 16, 255};
    const uint8_t other_server[] = {53, 1, 3, 50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 9, 255};
    const uint8_t inform[] = {53, 1, 8, 255};
    const uint8_t no_type[] = {50, 4, 10, 0, 2, 15, 255};
    cr_assert(eq(u32, exchange(b, frame, dhcp(frame, other_address, sizeof other_address, true)), 1));
    cr_assert(eq(u8, reply_option(53)[0], 6));
    cr_assert(eq(u32, frame_be32(kept.frames[0].data + 42 + 16), 0));
    cr_assert(eq(u32, exchange(b, frame, dhcp(frame, other_server, sizeof other_server, true)), 0));
    cr_assert(eq(u32, exchange(b, frame, dhcp(frame, inform, sizeof inform, true)), 0));
    cr_assert(eq(u32, exchange(b, frame, dhcp(frame, no_type, sizeof no_type, true)), 0));
    dm_backend_destroy(b);
}

Test(script, dhcp_options_never_run_over_the_end)
{
    struct dm_backend *b = make_script();
    uint8_t frame[1000];
    const uint8_t cut[][4] = {{53, 1, 1, 55}, {53, 200, 1, 1}, {55, 255, 0, 0}, {53, 1, 1, 61}};
    for (unsigned i = 0; i < 4; i++)
        cr_assert(eq(u32, exchange(b, frame, dhcp(frame, cut[i], 4, true)), 0), "case %u", i);
    const uint8_t no_end[] = {53, 1, 1};
    cr_assert(eq(u32, exchange(b, frame, dhcp(frame, no_end, 3, true)), 1), "the end option may be missing");
    dm_backend_destroy(b);
}

Test(script, garbage_of_every_kind_is_survived)
{
    struct dm_backend *b = make_script();
    uint64_t state = 0x1234567;
    uint8_t frame[1600];
    for (unsigned round = 0; round < 20000; round++) {
        static const uint8_t protocols[4] = {1, 6, 17, 99};
        uint8_t noise[200];
        for (unsigned i = 0; i < sizeof noise; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            noise[i] = (uint8_t)(state >> 56);
        }
        size_t payload = noise[0] % 160u;
        if (payload >= 20 && noise[1] & 1) { /* a TCP header that passes as one */
            frame_put16(noise + 2, 7);
            noise[12] = (uint8_t)((5 + noise[12] % 3u) << 4);
        }
        size_t bytes = frame_ipv4(frame, peer_mac, guest_ip, peer_ip,
                                  protocols[payload < 20 ? 0 : noise[1] % 4u], noise, payload);
        if (noise[199] & 1)
            frame[noise[198] % bytes] ^= noise[197];
        kept.count = 0;
        b->ops->send(b, frame, bytes);
        b->ops->poll(b, round * 1000000ull, 50, keep_frame, &kept);
        for (uint32_t i = 0; i < kept.count; i++)
            cr_assert(frame_sums_right(kept.frames[i].data, kept.frames[i].bytes));
    }
    cr_assert(eq(u64, dm_backend_counts(b).from_guest, 20000));
    dm_backend_destroy(b);
}

Test(backends, frames_are_counted_by_kind)
{
    struct dm_backend *all[] = {dm_loop_create(), make_script(), make_slirp()};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t frame[128] = {0};
        all[i]->ops->send(all[i], frame, frame_arp(frame, guest_ip, peer_ip));
        all[i]->ops->send(all[i], frame, frame_icmp_echo(frame, peer_mac, guest_ip, peer_ip, 1, 8));
        memset(frame, 0, sizeof frame);
        all[i]->ops->send(all[i], frame, 60);
        struct dm_backend_counts c = dm_backend_counts(all[i]);
        cr_assert(eq(u64, c.from_guest, 3));
        cr_assert(eq(u64, c.arp_requests, 1));
        cr_assert(eq(u64, c.icmp_echoes, 1));
        cr_assert(eq(u64, c.other, 1));
        dm_backend_destroy(all[i]);
    }
    const struct dm_backend_ops foreign = {.name = "mine"};
    const struct dm_backend mine = {&foreign};
    cr_assert(eq(u64, dm_backend_counts(&mine).from_guest, 0));
}

/* libslirp. */

Test(slirp, arp_reply_has_64_bytes)
{
    struct dm_backend *b = make_slirp();
    uint8_t frame[64];
    size_t bytes = frame_arp(frame, guest_ip, peer_ip);
    cr_assert(eq(u32, exchange(b, frame, bytes), 1));
    expect_arp_reply(&kept.frames[0], 64);
    cr_assert(dm_slirp_version()[0] >= '4');
    dm_backend_destroy(b);
}

Test(slirp, icmp_echo_to_the_host_is_reflected)
{
    struct dm_backend *b = make_slirp();
    uint8_t frame[1600];
    exchange(b, frame, frame_arp(frame, guest_ip, peer_ip));
    uint8_t host_mac[6];
    memcpy(host_mac, kept.frames[0].data + 22, 6);
    for (uint16_t i = 0; i < 100; i++) {
        size_t bytes = frame_icmp_echo(frame, host_mac, guest_ip, peer_ip, i, 56);
        cr_assert(eq(u32, exchange(b, frame, bytes), 1));
        expect_echo_reply(&kept.frames[0], frame, bytes);
    }
    cr_assert(eq(u64, dm_backend_counts(b).icmp_echoes, 100));
    cr_assert(eq(u64, dm_backend_counts(b).to_guest, 101));
    dm_backend_destroy(b);
}

Test(slirp, dhcp_offers_the_configured_address)
{
    struct dm_backend *b = make_slirp();
    uint8_t frame[1000];
    const uint8_t discover[] = {53, 1, 1, 255};
    cr_assert(eq(u32, exchange(b, frame, dhcp(frame, discover, sizeof discover, true)), 1));
    cr_assert(eq(int, memcmp(kept.frames[0].data + 42 + 16, guest_ip, 4), 0));
    cr_assert(eq(u8, reply_option(53)[0], 2));
    dm_backend_destroy(b);
}

Test(slirp, the_same_frames_at_the_same_times_give_the_same_answers)
{
    uint64_t hashes[2];
    for (int run = 0; run < 2; run++) {
        struct dm_backend *b = make_slirp();
        uint64_t hash = 14695981039346656037u;
        for (uint16_t i = 0; i < 300; i++) {
            uint8_t frame[200];
            size_t bytes = i % 3 ? frame_icmp_echo(frame, broadcast_mac, guest_ip, peer_ip, i, i % 64u)
                                 : frame_arp(frame, guest_ip, peer_ip);
            kept.count = 0;
            b->ops->send(b, frame, bytes);
            b->ops->poll(b, i * 700000ull, 50, keep_frame, &kept);
            for (uint32_t k = 0; k < kept.count; k++)
                for (size_t n = 0; n < kept.frames[k].bytes; n++)
                    hash = (hash ^ kept.frames[k].data[n]) * 1099511628211u;
        }
        hashes[run] = hash;
        dm_backend_destroy(b);
    }
    cr_assert(eq(u64, hashes[0], hashes[1]));
    cr_assert(ne(u64, hashes[0], 14695981039346656037u));
}

Test(slirp, a_restricted_guest_reaches_nobody_but_the_peer)
{
    struct dm_backend *b = make_slirp();
    const uint8_t outside[4] = {192, 0, 2, 1};
    uint8_t frame[128];
    exchange(b, frame, frame_arp(frame, guest_ip, peer_ip));
    size_t bytes = frame_icmp_echo(frame, kept.frames[0].data + 6, guest_ip, outside, 1, 8);
    kept.count = 0;
    b->ops->send(b, frame, bytes);
    for (uint64_t ms = 1; ms < 100; ms++)
        b->ops->poll(b, ms * 1000000u, 50, keep_frame, &kept);
    for (uint32_t i = 0; i < kept.count; i++)
        cr_assert(kept.frames[i].data[34] != 0, "an echo reply came from outside");
    dm_backend_destroy(b);
}

Test(slirp, an_open_guest_talks_to_a_socket_of_the_host)
{
    struct dm_slirp_config c = dm_slirp_defaults();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    int host = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert(eq(int, bind(host, (struct sockaddr *)&address, bytes), 0));
    cr_assert(eq(int, getsockname(host, (struct sockaddr *)&address, &bytes), 0));
    c.restricted = false;
    struct dm_backend *b = dm_slirp_create(&c);
    uint8_t frame[128], udp[12] = {0x12, 0x34, 0, 0, 0, 12, 0, 0, 'p', 'i', 'n', 'g'}, heard[16];
    exchange(b, frame, frame_arp(frame, guest_ip, peer_ip));
    frame_put16(udp + 2, ntohs(address.sin_port));
    exchange(b, frame, frame_ipv4(frame, kept.frames[0].data + 6, guest_ip, peer_ip, 17, udp, sizeof udp));
    struct sockaddr_in from;
    bytes = sizeof from;
    cr_assert(
        eq(int, (int)recvfrom(host, heard, sizeof heard, MSG_DONTWAIT, (struct sockaddr *)&from, &bytes), 4));
    cr_assert(eq(int, memcmp(heard, "ping", 4), 0));
    cr_assert(eq(int, (int)sendto(host, "pong", 4, 0, (struct sockaddr *)&from, bytes), 4));
    kept.count = 0;
    for (uint64_t round = 1; round < 100 && kept.count == 0;
         round++) /* within one millisecond: the socket counts */
        b->ops->poll(b, 1000 + round, 50, keep_frame, &kept);
    cr_assert(eq(u32, kept.count, 1));
    cr_assert(frame_sums_right(kept.frames[0].data, kept.frames[0].bytes));
    cr_assert(eq(u16, frame_be16(kept.frames[0].data + 36), 0x1234));
    cr_assert(eq(int, memcmp(kept.frames[0].data + 42, "pong", 4), 0));
    dm_backend_destroy(b);
    close(host);
}

Test(slirp, configurations_that_cannot_work_are_refused)
{
    for (int i = 0; i < 6; i++) {
        struct dm_slirp_config c = dm_slirp_defaults();
        switch (i) {
        case 0:
            c.host[0] = 11;
            break;
        case 1:
            c.guest[0] = 11;
            break;
        case 2:
            c.dns[2] = 9;
            break;
        case 3:
            memcpy(c.guest, c.host, 4);
            break;
        case 4:
            memcpy(c.dns, c.host, 4);
            break;
        default:
            c.netmask[1] = 0;
            break;
        }
        cr_assert(dm_slirp_create(&c) == NULL, "case %d", i);
    }
    struct dm_slirp_config open = dm_slirp_defaults();
    memset(open.network, 0, 4);
    memset(open.netmask, 0, 4);
    struct dm_backend *b = dm_slirp_create(&open);
    cr_assert(b != NULL, "the whole address space as one network");
    dm_backend_destroy(b);
}

Test(slirp, oversized_and_tiny_frames_are_survived)
{
    struct dm_backend *b = make_slirp();
    uint8_t *frame = calloc(1, DM_FRAME_BYTES_MAX + 1);
    for (size_t bytes = 0; bytes < 64; bytes++)
        b->ops->send(b, frame, bytes);
    b->ops->send(b, frame, DM_FRAME_BYTES_MAX);
    b->ops->send(b, frame, DM_FRAME_BYTES_MAX + 1);
    cr_assert(eq(u64, dm_backend_counts(b).dropped, 1));
    free(frame);
    dm_backend_destroy(b);
}

/* The tap. */

static uint32_t word(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

Test(pcap, file_holds_both_directions_with_the_poll_clock)
{
    char path[] = "/tmp/dm-pcap-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    struct dm_backend *b = dm_pcap_create(make_script(), path);
    cr_assert(b != NULL);
    uint8_t frame[64];
    size_t bytes = frame_arp(frame, guest_ip, peer_ip);
    memset(&kept, 0, sizeof kept);
    b->ops->poll(b, 3000000007ull, 10, keep_frame, &kept);
    b->ops->send(b, frame, bytes);
    kept.refuse_from = 1;
    cr_assert(eq(u32, b->ops->poll(b, 4000000000ull, 10, keep_frame, &kept), 0), "refused: not on the wire");
    kept.refuse_from = 0;
    cr_assert(eq(u32, b->ops->poll(b, 5000000009ull, 10, keep_frame, &kept), 1));
    cr_assert(eq(u64, dm_backend_counts(b).arp_requests, 1), "the inner backend's counts");
    dm_backend_destroy(b);

    uint8_t file[512];
    ssize_t have = read(fd, file, sizeof file);
    close(fd);
    unlink(path);
    cr_assert(eq(sz, (size_t)have, 24 + 16 + 42 + 16 + 60));
    cr_assert(eq(u32, word(file), 0xa1b23c4d));
    cr_assert(eq(u32, word(file + 4), 0x00040002));
    cr_assert(eq(u32, word(file + 20), 1));
    const uint8_t *first = file + 24;
    cr_assert(eq(u32, word(first), 3));
    cr_assert(eq(u32, word(first + 4), 7));
    cr_assert(eq(u32, word(first + 8), 42));
    cr_assert(eq(u32, word(first + 12), 42));
    cr_assert(eq(int, memcmp(first + 16, frame, 42), 0));
    const uint8_t *second = first + 16 + 42;
    cr_assert(eq(u32, word(second), 5));
    cr_assert(eq(u32, word(second + 4), 9));
    cr_assert(eq(u32, word(second + 8), 60));
    cr_assert(eq(int, memcmp(second + 16, kept.frames[0].data, 60), 0));
}

Test(pcap, a_file_that_cannot_be_made_leaves_the_inner_backend_alone)
{
    struct dm_backend *inner = dm_loop_create();
    errno = 0;
    cr_assert(dm_pcap_create(inner, "/nonexistent/dir/file.pcap") == NULL);
    cr_assert(eq(int, errno, ENOENT));
    cr_assert(dm_pcap_create(inner, "/dev/full") == NULL, "the header cannot be written");
    dm_backend_destroy(inner);
}
