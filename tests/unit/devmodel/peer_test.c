/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted peer's other services: UDP echo, DNS with its named cases, Compute Engine's network. */
#include "capos/devmodel.h"
#include "frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t peer_ip[4] = {10, 0, 2, 2};
static const uint8_t guest_ip[4] = {10, 0, 2, 15};
static struct kept_frames kept;

static struct dm_peer_config config(void)
{
    struct dm_peer_config c = {.address = {10, 0, 2, 2}, .dhcp = {.guest = {10, 0, 2, 15}}};
    memcpy(c.mac, peer_mac, 6);
    c.names[0] = (struct dm_dns_name){"One.Example", {192, 0, 2, 1}, 60};
    c.names[1] = (struct dm_dns_name){"two.example", {192, 0, 2, 2}, 7};
    c.name_count = 2;
    return c;
}

static uint32_t exchange(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    kept.count = 0;
    b->ops->send(b, frame, bytes);
    return b->ops->poll(b, 1000, 9, keep_frame, &kept);
}

/* One datagram to `port` of `to`: the answers that came. */
static uint32_t say(struct dm_backend *b, const uint8_t mac[6], const uint8_t to[4], uint16_t port,
                    const void *data, size_t bytes)
{
    uint8_t udp[1500] = {0x30, 0x39}, frame[1600];
    frame_put16(udp + 2, port);
    frame_put16(udp + 4, (uint32_t)(8 + bytes));
    memcpy(udp + 8, data, bytes);
    return exchange(b, frame, frame_ipv4(frame, mac, guest_ip, to, 17, udp, 8 + bytes));
}

static const uint8_t *answer(size_t *bytes)
{
    const uint8_t *f = kept.frames[0].data;
    cr_assert(eq(u32, kept.count, 1));
    cr_assert(frame_sums_right(f, kept.frames[0].bytes));
    cr_assert(eq(u16, frame_be16(f + 36), 0x3039));
    *bytes = frame_be16(f + 38) - 8u;
    return f + 42;
}

Test(peer, udp_echo_gives_back_what_it_got)
{
    struct dm_peer_config c = config();
    struct dm_backend *b = dm_peer_create(&c);
    uint8_t data[1400];
    size_t bytes;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 3 + 1);
    for (size_t n = 0; n <= sizeof data; n += n < 20 ? 1 : 345) {
        cr_assert(eq(u32, say(b, peer_mac, peer_ip, 7, data, n), 1));
        const uint8_t *back = answer(&bytes);
        cr_assert(eq(sz, bytes, n));
        cr_assert(eq(int, memcmp(back, data, n), 0));
    }
    cr_assert(eq(u32, say(b, peer_mac, peer_ip, 8, data, 4), 0), "another port");
    cr_assert(eq(u64, dm_peer_counts(b).udp_echoes, 25));
    dm_backend_destroy(b);
}

static size_t query(uint8_t *m, const char *name, uint16_t type)
{
    size_t at = 12;
    memset(m, 0, 12);
    frame_put16(m, 0x1234);
    frame_put16(m + 2, 0x0100);
    frame_put16(m + 4, 1);
    while (*name) {
        size_t label = strcspn(name, ".");
        m[at++] = (uint8_t)label;
        memcpy(m + at, name, label);
        at += label;
        name += label + (name[label] == '.');
    }
    m[at++] = 0;
    frame_put16(m + at, type);
    frame_put16(m + at + 2, 1);
    return at + 4;
}

static const uint8_t *resolve(struct dm_backend *b, const char *name, uint16_t type, size_t *bytes)
{
    uint8_t m[300];
    if (say(b, peer_mac, peer_ip, 53, m, query(m, name, type)) == 0)
        return NULL;
    return answer(bytes);
}

Test(peer, dns_knows_its_table_and_nothing_else)
{
    struct dm_peer_config c = config();
    struct dm_backend *b = dm_peer_create(&c);
    uint8_t m[300];
    size_t bytes, asked = query(m, "oNE.eXAMPLE", 1);
    const uint8_t *a = resolve(b, "oNE.eXAMPLE", 1, &bytes);
    static const uint8_t record[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
    cr_assert(eq(sz, bytes, asked + 16));
    cr_assert(eq(u32, frame_be32(a), 0x12348180));
    cr_assert(eq(u32, frame_be32(a + 4), 0x00010001));
    cr_assert(eq(int, memcmp(a + 12, m + 12, asked - 12), 0), "the question, in the asker's letters");
    cr_assert(eq(int, memcmp(a + asked, record, 16), 0));
    a = resolve(b, "two.example", 1, &bytes);
    cr_assert(eq(u32, frame_be32(a + bytes - 4), 0xc0000202));
    static const char *const unknown[] = {"three.example", "one", "one.example.com", "xone.example",
                                          "example"};
    for (unsigned i = 0; i < 5; i++) {
        a = resolve(b, unknown[i], 1, &bytes);
        cr_assert(eq(u32, frame_be32(a), 0x12348183), "%s", unknown[i]);
        cr_assert(eq(u16, frame_be16(a + 6), 0));
    }
    a = resolve(b, "one.example", 28, &bytes);
    cr_assert(eq(u32, frame_be32(a), 0x12348180), "it exists, without an AAAA record");
    cr_assert(eq(u16, frame_be16(a + 6), 0));
    cr_assert(eq(u64, dm_peer_counts(b).dns_queries, 8));
    cr_assert(eq(u64, dm_peer_counts(b).dns_known, 3));
    size_t whole = query(m, "one.example", 1);
    for (size_t cut = 0; cut < whole; cut++)
        cr_assert(eq(u32, say(b, peer_mac, peer_ip, 53, m, cut), 0), "cut to %zu", cut);
    m[12] = 0xc0;
    cr_assert(eq(u32, say(b, peer_mac, peer_ip, 53, m, whole), 0), "compression in a question");
    dm_backend_destroy(b);
}

/* What sets the case's answer apart from the honest one, byte by byte. */
static bool dns_case_shows(enum dm_dns_case which, const uint8_t *a, size_t bytes, const uint8_t *honest,
                           size_t whole)
{
    size_t record = whole - 16;
    bool same = bytes == whole && memcmp(a, honest, whole) == 0;
    switch (which) {
    case DM_DNS_HONEST:
        return same;
    case DM_DNS_SERVER_FAILURE:
        return (a[3] & 15) == 2 && bytes == record;
    case DM_DNS_TRUNCATED:
        return (a[2] & 2) != 0 && bytes == record;
    case DM_DNS_CUT:
        return bytes == 13 && memcmp(a, honest, 13) == 0;
    case DM_DNS_WRONG_ID:
        return frame_be16(a) == 0xedcb && memcmp(a + 2, honest + 2, whole - 2) == 0;
    case DM_DNS_NOT_A_RESPONSE:
        return (a[2] & 0x80) == 0;
    case DM_DNS_WRONG_QUESTION:
        return memcmp(a + 12, honest + 12, record - 12) != 0;
    case DM_DNS_WRONG_PORT:
        return same && frame_be16(a - 8) == 54;
    case DM_DNS_COMPRESSION_LOOP:
        return frame_be16(a + record) == (0xc000 | record);
    case DM_DNS_POINTER_BEYOND:
        return (frame_be16(a + record) & 0x3fff) > bytes;
    case DM_DNS_LABEL_BEYOND:
        return record + 1 + a[record] > bytes && a[record] < 64;
    case DM_DNS_COUNT_LIE:
        return frame_be16(a + 6) == 65535;
    case DM_DNS_DATA_LENGTH_LIE:
        return frame_be16(a + record + 10) == 65535 && bytes == whole;
    case DM_DNS_ALIAS_LOOP:
        return frame_be16(a + record + 2) == 5 && frame_be16(a + record + 12) == 0xc00c;
    case DM_DNS_TTL_MAX:
        return frame_be32(a + record + 6) == 0xffffffff;
    case DM_DNS_SILENT:
    case DM_DNS_CASES:
        break;
    }
    return false;
}

Test(peer, each_dns_case_does_what_its_name_says)
{
    uint8_t honest[300];
    size_t whole = 0, bytes = 0;
    for (unsigned which = 0; which < DM_DNS_CASES; which++) {
        struct dm_peer_config c = config();
        c.dns_case = which;
        c.dns_value = dm_dns_case_value(which);
        struct dm_backend *b = dm_peer_create(&c);
        const uint8_t *a = resolve(b, "one.example", 1, &bytes);
        if (which == DM_DNS_HONEST) {
            whole = bytes;
            memcpy(honest, a, bytes);
        }
        if (which == DM_DNS_SILENT)
            cr_assert(a == NULL);
        else
            cr_assert(a && dns_case_shows(which, a, bytes, honest, whole), "%s", dm_dns_case_name(which));
        a = resolve(b, "nobody.example", 1, &bytes);
        cr_assert(a && (a[3] & 15) == 3, "%s: other names do not exist", dm_dns_case_name(which));
        dm_backend_destroy(b);
    }
}

/* Asks every 100 ms until it is answered: how often it asked. */
static uint32_t ask_until(struct dm_backend *b, uint64_t *now_ns, uint16_t port, const uint8_t *data,
                          size_t bytes)
{
    uint8_t udp[600] = {0x30, 0x39}, frame[700];
    frame_put16(udp + 2, port);
    frame_put16(udp + 4, (uint32_t)(8 + bytes));
    memcpy(udp + 8, data, bytes);
    size_t all = frame_ipv4(frame, peer_mac, guest_ip, peer_ip, 17, udp, 8 + bytes);
    for (uint32_t asked = 1; asked < 200; asked++) {
        b->ops->send(b, frame, all);
        kept.count = 0;
        *now_ns += 100000000u;
        b->ops->poll(b, *now_ns, 9, keep_frame, &kept);
        b->ops->poll(b, *now_ns + 50000000u, 9, keep_frame, &kept);
        for (uint32_t i = 0; i < kept.count; i++)
            if (frame_sums_right(kept.frames[i].data, kept.frames[i].bytes))
                return asked;
    }
    return 0;
}

Test(peer, echo_and_names_come_through_a_wire_that_damages)
{
    const struct dm_wire_way bad = {.loss = 200, .corrupt = 50, .delay_ns = 10000000, .jitter_ns = 5000000};
    struct dm_peer_config c = config();
    struct dm_backend *b = dm_wire_create(
        dm_peer_create(&c), &(struct dm_wire_config){.seed = 3, .from_guest = bad, .to_guest = bad});
    uint64_t now_ns = 0;
    uint32_t asked = 0;
    for (unsigned i = 0; i < 200; i++) {
        uint8_t m[300];
        memset(m, (int)i, sizeof m);
        uint32_t tries = i % 2 ? ask_until(b, &now_ns, 7, m, 200)
                               : ask_until(b, &now_ns, 53, m, query(m, "two.example", 1));
        cr_assert(ne(u32, tries, 0), "question %u", i);
        asked += tries;
    }
    cr_assert(gt(u32, asked, 250), "damage was done");
    struct dm_wire_counts out, in;
    dm_wire_counts(b, &out, &in);
    cr_assert(eq(u64, out.frames, asked));
    dm_backend_destroy(b);
}

static const uint8_t gateway_ip[4] = {10, 132, 0, 1};
static const uint8_t services_ip[4] = {169, 254, 169, 254};
static const uint8_t gateway_mac[6] = {0x42, 0x01, 10, 132, 0, 1};

static struct dm_backend *compute_engine(void)
{
    const uint8_t guest[4] = {10, 132, 0, 2};
    struct dm_peer_config c = dm_peer_compute_engine(gateway_ip, guest);
    struct dm_backend *b = dm_peer_create(&c);
    cr_assert(b != NULL);
    return b;
}

Test(compute_engine, the_lease_is_what_guests_recorded)
{
    struct dm_backend *b = compute_engine();
    uint8_t udp[300] = {0, 68, 0, 67}, frame[400], *m = udp + 8;
    static const uint8_t discover[4] = {53, 1, 1, 255};
    static const uint8_t expected[] = {
        53,  1, 2, 54, 4,   169, 254, 169, 254, 51,   4,    0,   1,   0x51, 0x80, 1,   4,   255, 255, 255,
        255, 3, 4, 10, 132, 0,   1,   26,  2,   0x05, 0xb4, 121, 14,  32,   10,   132, 0,   1,   0,   0,
        0,   0, 0, 10, 132, 0,   1,   6,   4,   169,  254,  169, 254, 42,   4,    169, 254, 169, 254, 255};
    static const uint8_t nobody[4] = {0}, all[4] = {255, 255, 255, 255};
    m[0] = m[1] = 1;
    m[2] = 6;
    memcpy(m + 28, guest_mac, 6);
    frame_put32(m + 236, 0x63825363);
    memcpy(m + 240, discover, 4);
    frame_put16(udp + 4, 8 + 244);
    cr_assert(eq(u32, exchange(b, frame, frame_ipv4(frame, broadcast_mac, nobody, all, 17, udp, 252)), 1));
    const uint8_t *f = kept.frames[0].data;
    cr_assert(eq(int, memcmp(f + 6, gateway_mac, 6), 0), "each frame is from the gateway's MAC");
    cr_assert(eq(int, memcmp(f + 26, services_ip, 4), 0));
    cr_assert(eq(int, memcmp(f + 42 + 240, expected, sizeof expected), 0));
    dm_backend_destroy(b);
}

Test(compute_engine, arp_is_answered_for_the_gateway_alone)
{
    struct dm_backend *b = compute_engine();
    const uint8_t guest[4] = {10, 132, 0, 2}, neighbour[4] = {10, 132, 0, 3};
    uint8_t frame[64];
    cr_assert(eq(u32, exchange(b, frame, frame_arp(frame, guest, gateway_ip)), 1));
    cr_assert(eq(int, memcmp(kept.frames[0].data + 22, gateway_mac, 6), 0));
    cr_assert(eq(u32, exchange(b, frame, frame_arp(frame, guest, neighbour)), 0));
    cr_assert(eq(u32, exchange(b, frame, frame_arp(frame, guest, services_ip)), 0));
    dm_backend_destroy(b);
}

Test(compute_engine, the_services_answer_through_the_gateway)
{
    struct dm_backend *b = compute_engine();
    const uint8_t guest[4] = {10, 132, 0, 2};
    uint8_t frame[1600], m[300], syn[20] = {0x9c, 0x40, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20};
    const uint8_t *addresses[2] = {gateway_ip, services_ip};
    size_t bytes;
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(
            eq(u32, exchange(b, frame, frame_icmp_echo(frame, gateway_mac, guest, addresses[i], 1, 32)), 1));
        cr_assert(eq(int, memcmp(kept.frames[0].data + 26, addresses[i], 4), 0),
                  "from the address that was asked");
        cr_assert(eq(int, memcmp(kept.frames[0].data + 6, gateway_mac, 6), 0));
        cr_assert(eq(u32, say(b, gateway_mac, addresses[i], 7, "hello", 5), 1));
        cr_assert(eq(int, memcmp(answer(&bytes), "hello", 5), 0));
        cr_assert(eq(int, memcmp(kept.frames[0].data + 26, addresses[i], 4), 0));
        cr_assert(
            eq(u32, exchange(b, frame, frame_ipv4(frame, gateway_mac, guest, addresses[i], 6, syn, 20)), 1));
        cr_assert(eq(u8, kept.frames[0].data[47], 0x12), "SYN and ACK");
        cr_assert(eq(int, memcmp(kept.frames[0].data + 26, addresses[i], 4), 0));
        cr_assert(eq(u16, frame_be16(kept.frames[0].data + 56), 1420), "the segment size fits the MTU");
    }
    cr_assert(eq(u32, say(b, gateway_mac, services_ip, 53, m, query(m, "metadata.google.internal", 1)), 1));
    cr_assert(eq(u32, frame_be32(answer(&bytes) + bytes - 4), 0xa9fea9fe));
    dm_backend_destroy(b);
}

Test(compute_engine, frames_above_the_mtu_are_dropped_and_counted)
{
    struct dm_backend *b = compute_engine();
    const uint8_t guest[4] = {10, 132, 0, 2};
    uint8_t frame[1600];
    size_t bytes = frame_icmp_echo(frame, gateway_mac, guest, gateway_ip, 1, 1432);
    cr_assert(eq(sz, bytes, 1474));
    cr_assert(eq(u32, exchange(b, frame, bytes), 1));
    bytes = frame_icmp_echo(frame, gateway_mac, guest, gateway_ip, 1, 1433);
    cr_assert(eq(u32, exchange(b, frame, bytes), 0));
    cr_assert(eq(u64, dm_peer_counts(b).too_long, 1));
    cr_assert(eq(u64, dm_backend_counts(b).dropped, 1));
    dm_backend_destroy(b);
}

Test(peer, bounds_are_refused)
{
    for (unsigned i = 0; i < 6; i++) {
        struct dm_peer_config c = config();
        uint32_t *fields[] = {
            &c.dhcp.route_count, &c.dhcp.dns_count, &c.dhcp.ntp_count, &c.name_count, &c.mtu, &c.mtu};
        static const uint32_t values[] = {DM_DHCP_ROUTES_MAX + 1,
                                          DM_DHCP_ADDRESSES_MAX + 1,
                                          DM_DHCP_ADDRESSES_MAX + 1,
                                          DM_DNS_NAMES_MAX + 1,
                                          575,
                                          65536};
        *fields[i] = values[i];
        errno = 0;
        cr_assert(dm_peer_create(&c) == NULL, "%u", i);
        cr_assert(eq(int, errno, EINVAL));
    }
}
