/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted TCP client against the echo server, back to back in virtual time: whole, through a wire that
 * damages, with bad manners; and its own checks of what comes back. */
#include "frames.h"
#include "two_ends.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ull

/* A client on one side, the peer with its echo server on the other, a wire between them. */
struct pair {
    struct two_ends ends;
    struct dm_backend *client, *peer;
};

static struct dm_client_config client_config(uint64_t seed)
{
    return (struct dm_client_config){.mac = {0x02, 0, 0, 0, 0, 9},
                                     .address = {10, 0, 2, 15},
                                     .guest = {10, 0, 2, 2},
                                     .seed = seed,
                                     .connections_max = 64};
}

static struct pair pair_open(const struct dm_client_config *c, const struct dm_wire_way *way)
{
    struct dm_peer_config p = {.address = {10, 0, 2, 2}, .dhcp = {.guest = {10, 0, 2, 15}}};
    struct dm_wire_config w = {.seed = c->seed, .from_guest = *way, .to_guest = *way};
    struct pair out = {.client = dm_client_create(c)};
    memcpy(p.mac, peer_mac, 6);
    out.peer = dm_peer_create(&p);
    cr_assert(out.client != NULL && out.peer != NULL);
    out.ends.a = out.client;
    out.ends.b = dm_wire_create(out.peer, &w);
    cr_assert(out.ends.b != NULL);
    return out;
}

static void pair_close(struct pair *p)
{
    dm_backend_destroy(p->ends.a);
    dm_backend_destroy(p->ends.b);
}

/* Carries one echo of `bytes` bytes; its report. */
static struct dm_client_report echo(struct pair *p, uint64_t bytes, uint64_t limit_ns,
                                    enum dm_client_stray stray)
{
    const struct dm_client_connection c = {.port = 7,
                                           .send_bytes = bytes,
                                           .receive_bytes = bytes,
                                           .seed = bytes,
                                           .limit_ns = limit_ns,
                                           .stray = stray};
    int32_t number = dm_client_start(p->client, &c);
    cr_assert(number >= 0);
    two_ends_run(&p->ends, p->ends.now_ns + limit_ns + SECOND, NULL, NULL);
    return dm_client_report(p->client, (uint32_t)number);
}

static const struct dm_wire_way clean;

static struct dm_client_report later(struct pair *p, int32_t number, const struct dm_client_connection *plan)
{
    dm_client_change(p->client, (uint32_t)number, plan);
    two_ends_run(&p->ends, p->ends.now_ns + SECOND, NULL, NULL);
    return dm_client_report(p->client, (uint32_t)number);
}

Test(client, its_plan_can_be_another_one_while_it_is_open)
{
    const struct dm_client_config config = client_config(5);
    struct pair p = pair_open(&config, &clean);
    struct dm_client_connection c = {.port = 7, .receive_bytes = UINT64_MAX, .seed = 5};
    const int32_t number = dm_client_start(p.client, &c);
    struct dm_client_report r = later(&p, number, &c);
    cr_assert(eq(int, r.state, DM_CLIENT_OPEN));
    for (c.send_bytes = 1; c.send_bytes < 5000; c.send_bytes *= 3) { /* more, bit by bit */
        r = later(&p, number, &c);
        cr_assert(eq(int, r.state, DM_CLIENT_OPEN));
        cr_assert(eq(u64, r.received, c.send_bytes));
    }
    c.reads_bytes = r.received + 10; /* and then little */
    c.send_bytes += 100;
    r = later(&p, number, &c);
    cr_assert(eq(u64, r.received, c.reads_bytes));
    c.reads_bytes = 0;
    c.manner = DM_CLIENT_HALF_CLOSE;
    r = later(&p, number, &c);
    cr_assert(eq(int, r.state, DM_CLIENT_DONE));
    cr_assert(eq(u64, r.received, c.send_bytes));
    pair_close(&p);
}

Test(client, it_resets_when_it_is_told_to)
{
    const struct dm_client_config config = client_config(6);
    struct pair p = pair_open(&config, &clean);
    struct dm_client_connection c = {.port = 7, .send_bytes = 3, .receive_bytes = UINT64_MAX, .seed = 6};
    const int32_t number = dm_client_start(p.client, &c);
    cr_assert(eq(int, later(&p, number, &c).state, DM_CLIENT_OPEN));
    c.manner = DM_CLIENT_RESETS;
    c.receive_bytes = 0;
    cr_assert(eq(int, later(&p, number, &c).state, DM_CLIENT_RESET_ITSELF));
    pair_close(&p);
}

Test(client, an_echo_comes_back_whole)
{
    static const uint64_t sizes[] = {0, 1, 1459, 1460, 1461, 8192, 8193, 100000, 1000000};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct dm_client_config c = client_config(i);
        struct pair p = pair_open(&c, &clean);
        struct dm_client_report r = echo(&p, sizes[i], 100 * SECOND, DM_STRAY_NONE);
        cr_assert(eq(int, r.state, DM_CLIENT_DONE), "%lu bytes: state %d", (unsigned long)sizes[i], r.state);
        cr_assert(eq(u64, r.received, sizes[i]));
        cr_assert(eq(u64, r.acknowledged, sizes[i]));
        cr_assert(r.guest_closed);
        pair_close(&p);
    }
}

Test(client, twenty_per_cent_of_loss_lose_nothing)
{
    const struct dm_wire_way bad = {.loss = 200, .delay_ns = 5000000};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const struct dm_client_config c = client_config(seed);
        struct pair p = pair_open(&c, &bad);
        struct dm_client_report r = echo(&p, 50000, 3600 * SECOND, DM_STRAY_NONE);
        cr_assert(eq(int, r.state, DM_CLIENT_DONE), "seed %lu: state %d, %lu received", (unsigned long)seed,
                  r.state, (unsigned long)r.received);
        cr_assert(gt(u64, r.segments_again, 0));
        struct dm_wire_counts out, in;
        dm_wire_counts(p.ends.b, &out, &in);
        cr_assert(out.lost > 0 && in.lost > 0);
        pair_close(&p);
    }
}

Test(client, every_damage_at_once_is_survived_and_the_same_again)
{
    const struct dm_wire_way bad = {.loss = 50,
                                    .corrupt = 50,
                                    .duplicate = 100,
                                    .reorder = 100,
                                    .reorder_ns = 3000000,
                                    .delay_ns = 1000000,
                                    .jitter_ns = 2000000,
                                    .bits_per_second = 10000000,
                                    .queue_frames = 20};
    uint64_t hashes[2];
    for (unsigned i = 0; i < 2; i++) {
        const struct dm_client_config c = client_config(77);
        struct pair p = pair_open(&c, &bad);
        struct dm_client_report r = echo(&p, 200000, 36000 * SECOND, DM_STRAY_NONE);
        cr_assert(eq(int, r.state, DM_CLIENT_DONE), "state %d, %lu received", r.state,
                  (unsigned long)r.received);
        hashes[i] = p.ends.hash;
        pair_close(&p);
    }
    cr_assert(eq(u64, hashes[0], hashes[1]), "frames and times");
}

Test(client, several_connections_start_when_they_should)
{
    const struct dm_client_config c = client_config(5);
    struct pair p = pair_open(&c, &clean);
    for (unsigned i = 0; i < 16; i++) {
        const struct dm_client_connection one = {
            .port = 7, .start_ns = i * SECOND, .send_bytes = 3000, .receive_bytes = 3000, .seed = i};
        cr_assert(eq(int, dm_client_start(p.client, &one), (int)i));
    }
    two_ends_run(&p.ends, 60 * SECOND, NULL, NULL);
    cr_assert(eq(u32, dm_client_count(p.client, DM_CLIENT_DONE), 16));
    for (unsigned i = 0; i < 16; i++)
        cr_assert(eq(u64, dm_client_report(p.client, i).opened_ns, i * SECOND));
    cr_assert(eq(u64, dm_peer_counts(p.peer).tcp_connections, 16));
    pair_close(&p);
}

Test(client, a_closed_port_refuses_and_a_silent_host_times_out)
{
    struct dm_client_config c = client_config(5);
    struct pair p = pair_open(&c, &clean);
    const struct dm_client_connection closed = {.port = 80};
    dm_client_start(p.client, &closed);
    two_ends_run(&p.ends, SECOND, NULL, NULL);
    cr_assert(eq(int, dm_client_report(p.client, 0).state, DM_CLIENT_REFUSED));
    pair_close(&p);
    c.guest[3] = 77; /* nobody */
    p = pair_open(&c, &clean);
    dm_client_start(p.client, &closed);
    two_ends_run(&p.ends, 200 * SECOND, NULL, NULL);
    cr_assert(eq(int, dm_client_report(p.client, 0).state, DM_CLIENT_TIMED_OUT));
    cr_assert(eq(u64, dm_client_report(p.client, 0).ended_ns, 120 * SECOND));
    pair_close(&p);
}

static bool refuse_at(void *ctx, uint32_t number, uint64_t offset, const uint8_t *data, uint32_t bytes)
{
    (void)number;
    (void)data;
    return offset + bytes <= *(uint64_t *)ctx;
}

Test(client, what_is_judged_wrong_ends_the_connection)
{
    uint64_t limit = 5000;
    struct dm_client_config c = client_config(5);
    c.judge = refuse_at;
    c.ctx = &limit;
    struct pair p = pair_open(&c, &clean);
    struct dm_client_report r = echo(&p, 100000, 60 * SECOND, DM_STRAY_NONE);
    cr_assert(eq(int, r.state, DM_CLIENT_WRONG));
    cr_assert(le(u64, r.received, 5000));
    pair_close(&p);
    c = client_config(5);
    p = pair_open(&c, &clean);
    const struct dm_client_connection more = {.port = 7, .send_bytes = 2000, .receive_bytes = 1000};
    dm_client_start(p.client, &more);
    two_ends_run(&p.ends, 60 * SECOND, NULL, NULL);
    cr_assert(eq(int, dm_client_report(p.client, 0).state, DM_CLIENT_WRONG), "more than was expected");
    pair_close(&p);
}

static struct dm_client_report with_manner(enum dm_client_manner manner)
{
    const struct dm_client_config c = client_config(5);
    struct pair p = pair_open(&c, &clean);
    const struct dm_client_connection one = {
        .port = 7, .send_bytes = 5000, .receive_bytes = 5000, .manner = manner, .limit_ns = 50 * SECOND};
    dm_client_start(p.client, &one);
    two_ends_run(&p.ends, 100 * SECOND, NULL, NULL);
    struct dm_client_report r = dm_client_report(p.client, 0);
    pair_close(&p);
    return r;
}

Test(client, manners_are_as_named)
{
    cr_assert(eq(int, with_manner(DM_CLIENT_HALF_CLOSE).state, DM_CLIENT_DONE));
    cr_assert(eq(int, with_manner(DM_CLIENT_RESETS).state, DM_CLIENT_RESET_ITSELF));
    struct dm_client_report r = with_manner(DM_CLIENT_FALLS_SILENT);
    cr_assert(eq(int, r.state, DM_CLIENT_TIMED_OUT));
    cr_assert(eq(u64, r.acknowledged, 0));
    cr_assert(ne(u64, r.opened_ns + 1, 0));
    r = with_manner(DM_CLIENT_IGNORES_FIN);
    cr_assert(eq(int, r.state, DM_CLIENT_TIMED_OUT));
    cr_assert(r.guest_closed == false);
    cr_assert(eq(u64, r.received, 5000));
    r = with_manner(DM_CLIENT_WAITS); /* the echo server waits as well */
    cr_assert(eq(int, r.state, DM_CLIENT_TIMED_OUT));
    cr_assert(eq(u64, r.received, 5000));
    r = with_manner(DM_CLIENT_NEVER_CLOSES);
    cr_assert(eq(int, r.state, DM_CLIENT_TIMED_OUT));
    cr_assert(eq(u64, r.received, 5000));
}

/* Frames that it sent in answer to what came after it had given up. */
static uint64_t answers_when_given_up(enum dm_client_manner manner)
{
    static const struct dm_wire_way slow = {.delay_ns = SECOND};
    const struct dm_client_config c = client_config(5);
    struct pair p = pair_open(&c, &slow);
    const struct dm_client_connection one = {
        .port = 7, .send_bytes = 100, .receive_bytes = 100, .manner = manner, .limit_ns = 5 * SECOND};
    dm_client_start(p.client, &one);
    two_ends_run(&p.ends, 5 * SECOND + SECOND / 2, NULL, NULL);
    const uint64_t before = dm_backend_counts(p.client).to_guest;
    cr_assert(eq(int, dm_client_report(p.client, 0).state, DM_CLIENT_TIMED_OUT));
    two_ends_run(&p.ends, 20 * SECOND, NULL, NULL);
    const uint64_t after = dm_backend_counts(p.client).to_guest;
    pair_close(&p);
    return after - before;
}

Test(client, a_host_that_gave_up_resets_what_still_comes)
{
    cr_assert(gt(u64, answers_when_given_up(DM_CLIENT_POLITE), 0));
    cr_assert(eq(u64, answers_when_given_up(DM_CLIENT_FALLS_SILENT), 0));
}

Test(client, a_slow_reader_takes_what_it_said_and_no_more)
{
    const struct dm_client_config c = client_config(5);
    struct pair p = pair_open(&c, &clean);
    const struct dm_client_connection slow = {
        .port = 7, .send_bytes = 5000, .receive_bytes = 5000, .reads_bytes = 700};
    const struct dm_client_connection tiny = {
        .port = 7, .send_bytes = 500, .receive_bytes = 500, .window = 3};
    dm_client_start(p.client, &slow);
    dm_client_start(p.client, &tiny);
    two_ends_run(&p.ends, 200 * SECOND, NULL, NULL);
    cr_assert(eq(u64, dm_client_report(p.client, 0).received, 700));
    cr_assert(ne(int, dm_client_report(p.client, 0).state, DM_CLIENT_DONE));
    cr_assert(eq(int, dm_client_report(p.client, 1).state, DM_CLIENT_DONE));
    pair_close(&p);
}

struct seen {
    uint32_t count;
    uint32_t wanted; /* flags of segments that are kept */
    uint32_t sequence[8], acknowledged[8];
    uint8_t flags[8];
};

static bool note(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct seen *s = ctx;
    cr_assert(frame_sums_right(frame, bytes) || frame_be16(frame + 12) == 0x0806);
    if (frame_be16(frame + 12) == 0x0800 && s->count < 8) {
        s->flags[s->count] = frame[47];
        s->sequence[s->count] = frame_be32(frame + 38);
        s->acknowledged[s->count++] = frame_be32(frame + 42);
    }
    return true;
}

/* The client opens against a hand-made guest with a window of 1000; its segments after the handshake. */
static struct seen strays_of(enum dm_client_stray stray, uint32_t *first)
{
    struct dm_client_config c = client_config(3);
    const uint8_t client_mac[6] = {0x02, 0, 0, 0, 0, 9};
    struct dm_backend *b = dm_client_create(&c);
    const struct dm_client_connection one = {
        .port = 7, .send_bytes = 100, .receive_bytes = 100, .stray = stray};
    struct seen s = {0};
    uint8_t frame[128], reply[24] = {0, 7, 0xc0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0x50, 0x12, 0x03, 0xe8};
    dm_client_start(b, &one);
    b->ops->poll(b, 1, 9, note, &s);
    size_t bytes = frame_arp(frame, c.guest, c.address);
    b->ops->send(b, frame, bytes);
    b->ops->poll(b, 2, 9, note, &s);
    cr_assert(eq(u32, s.count, 1));
    cr_assert(eq(u8, s.flags[0], 2));
    *first = s.sequence[0] + 1;
    frame_put32(reply + 8, *first);
    bytes = frame_ipv4(frame, client_mac, c.guest, c.address, 6, reply, 20);
    b->ops->send(b, frame, bytes);
    s = (struct seen){0};
    b->ops->poll(b, 3, 9, note, &s);
    dm_backend_destroy(b);
    return s;
}

Test(client, strays_lie_where_their_name_says)
{
    static const struct {
        enum dm_client_stray which;
        uint8_t flags;
        uint32_t least, most, acknowledged;
    } rows[] = {{DM_STRAY_RST_BEYOND, 4, 1001, 1000000, 0},
                {DM_STRAY_RST_BEFORE, 4, (uint32_t)-1000000, (uint32_t)-1, 0},
                {DM_STRAY_RST_INSIDE, 4, 1, 999, 0},
                {DM_STRAY_SYN_INSIDE, 2, 1, 999, 0},
                {DM_STRAY_ACK_BEYOND, 16, 0, 0, 100000},
                {DM_STRAY_DATA_BEYOND, 16, 1001, 1000000, 0}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t first;
        struct seen s = strays_of(rows[i].which, &first);
        cr_assert(eq(u32, s.count, 2), "the stray, then the data");
        cr_assert(eq(u8, s.flags[0], rows[i].flags));
        uint32_t distance = s.sequence[0] - first;
        cr_assert(distance >= rows[i].least && distance <= rows[i].most, "stray %u: %u", i, distance);
        if (rows[i].acknowledged)
            cr_assert(eq(u32, s.acknowledged[0], 0x1001 + rows[i].acknowledged));
        cr_assert(eq(u8, s.flags[1], 0x18));
        cr_assert(eq(u32, s.sequence[1], first));
    }
}

Test(client, an_echo_server_that_checks_survives_strays)
{
    static const enum dm_client_stray kinds[] = {DM_STRAY_RST_BEYOND, DM_STRAY_RST_BEFORE,
                                                 DM_STRAY_RST_INSIDE, DM_STRAY_ACK_BEYOND,
                                                 DM_STRAY_DATA_BEYOND};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct dm_client_config c = client_config(i);
        struct pair p = pair_open(&c, &clean);
        struct dm_client_report r = echo(&p, 20000, 600 * SECOND, kinds[i]);
        cr_assert(eq(int, r.state, DM_CLIENT_DONE), "stray %d: state %d", kinds[i], r.state);
        cr_assert(gt(u64, r.strays, 0));
        pair_close(&p);
    }
}

Test(client, behind_a_gateway_it_asks_in_the_gateways_name_and_is_not_on_the_link)
{
    struct dm_client_config c = client_config(5);
    const uint8_t outside[4] = {192, 0, 2, 7}, gateway[4] = {10, 0, 2, 1};
    memcpy(c.address, outside, 4);
    memcpy(c.gateway, gateway, 4);
    struct dm_backend *b = dm_client_create(&c);
    struct kept_frames *kept = calloc(1, sizeof *kept);
    const struct dm_client_connection one = {.port = 7};
    uint8_t frame[64];
    dm_client_start(b, &one);
    b->ops->poll(b, 1, 9, keep_frame, kept);
    cr_assert(eq(u32, kept->count, 1));
    cr_assert(eq(int, memcmp(kept->frames[0].data + 28, gateway, 4), 0));
    kept->count = 0;
    b->ops->send(b, frame, frame_arp(frame, c.guest, outside));
    b->ops->poll(b, 2, 9, keep_frame, kept);
    cr_assert(eq(u32, kept->count, 1));
    cr_assert(eq(u16, frame_be16(kept->frames[0].data + 12), 0x0800), "its SYN, no ARP answer");
    cr_assert(eq(int, memcmp(kept->frames[0].data + 26, outside, 4), 0));
    free(kept);
    dm_backend_destroy(b);
}

Test(client, bounds_are_kept)
{
    struct dm_client_config c = client_config(5);
    c.connections_max = 1;
    struct dm_backend *b = dm_client_create(&c);
    const struct dm_client_connection one = {.port = 7, .start_ns = 99};
    cr_assert(eq(int, dm_client_start(b, &one), 0));
    cr_assert(eq(int, dm_client_start(b, &one), -1));
    cr_assert(eq(u64, dm_backend_next_due(b), 99));
    dm_backend_destroy(b);
    for (unsigned i = 0; i < 4; i++) {
        c = client_config(5);
        if (i < 2)
            c.connections_max = i ? DM_CLIENT_CONNECTIONS + 1 : 0;
        else
            c.mtu = i == 2 ? 575 : 65536;
        cr_assert(dm_client_create(&c) == NULL);
        cr_assert(eq(int, errno, EINVAL));
    }
    uint8_t whole[64], parts[64];
    dm_client_pattern(9, 1000, whole, 64);
    for (unsigned i = 0; i < 64; i++)
        dm_client_pattern(9, 1000 + i, parts + i, 1);
    cr_assert(eq(int, memcmp(whole, parts, 64), 0), "any cut gives the same bytes");
}
