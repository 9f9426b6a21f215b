/* SPDX-License-Identifier: BSD-2-Clause */
/* Every kind of intrusion against the running stack: while it lasts a client that has nothing to do with it
 * is answered within three seconds, and after it everybody is; a connection that is attacked carries its
 * bytes on, every one right; nothing is left behind. CAPOS_CASE=NAME runs that kind alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stack/world/world.h"

#define BEGINS_NS   (12 * SECOND) /* the address passed its check long ago */
#define FRAMES_DEEP 15000u
#define FRAMES      1000u
#define INTERVAL_NS (200u * 1000u)
#define ANSWER_NS   (3 * SECOND)
#define HEALS_NS                                                                                             \
    (600 * SECOND) /* an entry of the neighbour table lasts 300 seconds, then a segment is sent again */
#define UNASKED      100u /* frames that come while the intruder's own address is asked for */
#define ECHO_BYTES   5000u
#define VICTIM_BYTES (256u << 10)

/* What is due beyond what is due of all. */
struct due {
    bool known;
    uint32_t value;
    bool refused; /* each frame is counted as refused */
    bool cuts; /* the victim's address is taken over for as long as the neighbour table says so */
    bool answered; /* what is asked for is given, frame by frame */
};

static const struct due due[DM_INTRUSIONS] = {
    [DM_INTRUSION_SYN_FLOOD] = {true},
    [DM_INTRUSION_SYN_FLOOD_SPOOFED] = {true},
    [DM_INTRUSION_LAND] = {true},
    [DM_INTRUSION_BLIND_RST] = {true},
    [DM_INTRUSION_BLIND_SYN] = {true},
    [DM_INTRUSION_BLIND_DATA] = {true},
    [DM_INTRUSION_TCP_OPTIONS] = {true},
    [DM_INTRUSION_TCP_HEADERS] = {true, .refused = true},
    [DM_INTRUSION_IP_HEADERS] = {true, .refused = true},
    [DM_INTRUSION_ARP_SPOOF] = {true, .cuts = true},
    [DM_INTRUSION_ARP_GRATUITOUS] = {true},
    [DM_INTRUSION_ARP_FLOOD] = {true},
    [DM_INTRUSION_FRAGMENTS_OVERLAP] = {true, .refused = true},
    [DM_INTRUSION_FRAGMENTS_MANY] = {true},
    [DM_INTRUSION_FRAGMENTS_BEYOND] = {true, .refused = true},
    [DM_INTRUSION_FRAGMENTS_TINY] = {true},
    [DM_INTRUSION_NEED_FRAGMENT] = {true, .value = 68, .refused = true},
    [DM_INTRUSION_UNREACHABLE] = {true, .refused = true},
    [DM_INTRUSION_REDIRECT] = {true, .refused = true},
    [DM_INTRUSION_ECHO_FLOOD] = {true, .value = 1000, .answered = true},
    [DM_INTRUSION_UDP_FLOOD] = {true, .value = 1000, .refused = true},
};

static struct world t;

static uint64_t frames(void)
{
    const char *deep = getenv("CAPOS_DEEP");

    return deep && strcmp(deep, "1") == 0 ? FRAMES_DEEP : FRAMES;
}

static uint64_t lasts_ns(void)
{
    return frames() * INTERVAL_NS;
}

static void open_under(enum dm_intrusion kind)
{
    struct dm_peer_config peer = wired_peer();
    struct dm_client_config client = wired_client(), bystander = wired_client();
    const struct dm_wire_way way = {.delay_ns = 10 * MS};
    const struct dm_wire_config wire = {.from_guest = way, .to_guest = way};
    const struct dm_intruder_config intruder = {.kind = kind,
                                                .value = due[kind].value,
                                                .mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x66},
                                                .address = {10, 0, 2, 66},
                                                .guest = {10, 0, 2, 15},
                                                .port = PORT_ECHO,
                                                .victim = {10, 0, 2, 9},
                                                .victim_port = DM_CLIENT_PORT,
                                                .seed = kind,
                                                .start_ns = BEGINS_NS,
                                                .interval_ns = INTERVAL_NS,
                                                .frames_max = frames()};
    const struct world_config config = {.peer = &peer,
                                        .client = &client,
                                        .bystander = &bystander,
                                        .intruder = &intruder,
                                        .wire = &wire,
                                        .seed = kind};

    client.connections_max = 32;
    client.in_flight_bytes = 4096;
    bystander.connections_max = 32;
    bystander.mac[5] = 0x0a;
    bystander.address[3] = 10;
    peer.dhcp.other[0] = 10, peer.dhcp.other[2] = 2, peer.dhcp.other[3] = 16;
    world_open(&t, &config);
    cr_assert(world_state(&t, NET_STATE_BOUND, 5 * SECOND, 100 * MS));
    wired_pass(&t.w, BEGINS_NS - SECOND - wired_now(&t.w));
}

/* The client's connection that is attacked: it sends and gets back all the time. */
static void start_victim(void)
{
    const struct dm_client_connection c = {.port = PORT_ECHO,
                                           .start_ns = wired_now(&t.w),
                                           .limit_ns = lasts_ns() + 2u * HEALS_NS,
                                           .send_bytes = VICTIM_BYTES,
                                           .receive_bytes = VICTIM_BYTES};

    cr_assert_eq(dm_client_start(t.client, &c), 0);
    wired_pass(&t.w, SECOND);
}

static void judge_victim(const char *name)
{
    const struct dm_client_report r = dm_client_report(t.client, 0);

    cr_expect_neq(r.state, DM_CLIENT_WRONG, "%s: bytes of another came", name);
    cr_expect_eq(r.state, DM_CLIENT_DONE, "%s: the connection ended as %d after %lu bytes", name, r.state,
                 r.received);
}

static void judge_counts(const char *name, const struct due *d, uint64_t before)
{
    const struct dm_intruder_counts c = dm_intruder_counts(t.intruder);
    const uint64_t refused = world_counter(&t, NET_COUNTER_REFUSED_FRAMES) - before;

    printf("%s: %lu frames, %lu refused, %lu dropped, %lu heard back\n", name, c.sent, refused,
           world_counter(&t, NET_COUNTER_DROPPED), c.heard);
    cr_expect_eq(c.sent + c.skipped, frames(), "%s", name);
    if (d->refused)
        cr_expect_gt(refused, c.sent / 4u, "%s: %lu of %lu", name, refused, c.sent);
    if (d->answered)
        cr_expect_geq(c.heard, c.sent - UNASKED, "%s: %lu of %lu", name, c.heard, c.sent);
}

/* A client that comes again when it is turned away, as clients do. */
static bool answered(struct dm_backend *client)
{
    const uint64_t until_ns = wired_now(&t.w) + ANSWER_NS;

    while (wired_now(&t.w) < until_ns) {
        if (world_answered(&t, client, ECHO_BYTES, until_ns - wired_now(&t.w)))
            return true;
    }
    return false;
}

static void one_kind(enum dm_intrusion kind)
{
    const struct due *d = &due[kind];
    const char *name = dm_intrusion_name(kind);

    cr_assert(d->known, "%s: nothing is due", name);
    open_under(kind);
    const uint64_t refused = world_counter(&t, NET_COUNTER_REFUSED_FRAMES);
    start_victim();
    wired_pass(&t.w, lasts_ns() / 2u);
    cr_expect(answered(t.bystander), "%s: nobody is answered while it lasts", name);
    wired_pass(&t.w, lasts_ns() + (d->cuts ? HEALS_NS : 5 * SECOND));
    judge_victim(name);
    judge_counts(name, d, refused);
    cr_expect(answered(t.bystander), "%s: and after it", name);
    cr_expect(answered(t.client), "%s: nor the victim", name);
    cr_expect_eq(world_config_of(&t, NET_CONFIG_ADDRESS, 0), world_word((const uint8_t[4]){10, 0, 2, 15}),
                 "%s", name);
    cr_expect_eq(world_counter(&t, NET_COUNTER_LEASES), 1, "%s", name);
    cr_expect(world_left(&t, 0, 1), "%s: a socket is left", name);
    fflush(stdout);
    world_close(&t);
}

Test(world_intruder, each_kind_leaves_the_others_served, .timeout = 1200)
{
    const char *only = getenv("CAPOS_CASE");
    uint32_t ran = 0;

    for (uint32_t i = 0; i < DM_INTRUSIONS; i++) {
        if (only && strcmp(only, dm_intrusion_name((enum dm_intrusion)i)) != 0)
            continue;
        one_kind((enum dm_intrusion)i);
        ran++;
    }
    cr_assert_gt(ran, 0, "there is no kind %s", only);
}
