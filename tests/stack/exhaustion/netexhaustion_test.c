/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers that take what there is of the stack: floods of SYNs, readers that are slow or read nothing, services
 * that read nothing, piles of connections that never end. Under each an honest client comes again and again
 * and has its answer from the echo service within ANSWER_NS of virtual time. Afterwards everything is as
 * before: connections, segments, frames and bytes of the stack as netd counts them, processes, memory and
 * handles as the kernel does. CAPOS_DEEP=1: more of each, and peers that fall silent. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kept.h"
#include "tests/support/wired.h"

#define MS           1000000ull
#define SECOND       (1000u * MS)
#define PORT_ECHO    7u
#define PORT_SLEEPER 9u
#define ANSWER_NS    (3u * SECOND)
#define ONE_WAY_NS   (4u * MS)
#define HELD_BACK_NS (100u * MS)
#define APART_NS     (400u * MS) /* between two honest connections */
#define BYTES        2048u /* of an honest one */
#define ECHO_PLACES  9u /* connections of echod: one less at once, and nothing older is left */
#define HONEST_MAX   256u
#define LEASE_NS     (60u * SECOND)
#define RECOVER_NS                                                                                           \
    (4u * 3600u * SECOND) /* two hours and eleven minutes until a silent peer is asked in vain */
#define SEED 20261128u

struct pressure {
    const char *name;
    enum dm_intrusion flood; /* DM_INTRUSIONS: none */
    uint64_t interval_ns; /* of its frames, or of the starts of connections */
    uint32_t count, deep_count; /* frames or connections */
    uint64_t lasts_ns; /* a connection, then its host knows nothing of it */
    uint32_t mtu;
    uint16_t reorder; /* per mille of all frames to the guest are held back HELD_BACK_NS */
    uint32_t reads; /* bytes that each gets all the same, on the average */
    struct dm_client_connection connection;
};

struct held {
    unsigned long pcbs, segments, frames, heap, sockets, gave_way, exhausted;
};

static struct {
    struct wired w; /* first: console and turns lead to it */
    struct dm_backend *honest, *hostile;
    uint32_t honest_count;
    size_t seen; /* of the console, when it was last read */
    struct held held;
    struct held most;
    uint64_t slowest_ns;
} t;

static bool deep(void)
{
    const char *text = getenv("CAPOS_DEEP");

    return text != NULL && strcmp(text, "1") == 0;
}

static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    t.w.b.inner.ops->run(ctx, space, result, out);
}

static void most(unsigned long *at, unsigned long value)
{
    *at = *at > value ? *at : value;
}

/* What netd holds, as sleeper last said it. */
static void look(void)
{
    const char *line = NULL;
    struct held h;

    if (t.w.used == t.seen)
        return;
    t.seen = t.w.used;
    for (const char *at = t.w.text; (at = strstr(at, "sleeper: pcbs=")) != NULL && strchr(at, '\n') != NULL;
         at++)
        line = at;
    if (line == NULL ||
        sscanf(line,
               "sleeper: pcbs=%lu segments=%lu frames=%lu heap=%lu sockets=%lu gave_way=%lu exhausted=%lu",
               &h.pcbs, &h.segments, &h.frames, &h.heap, &h.sockets, &h.gave_way, &h.exhausted) != 7)
        return;
    t.held = h;
    most(&t.most.pcbs, h.pcbs);
    most(&t.most.segments, h.segments);
    most(&t.most.frames, h.frames);
    most(&t.most.heap, h.heap);
    most(&t.most.gave_way, h.gave_way);
}

static bool answered(struct wired *w, void *ctx)
{
    (void)w, (void)ctx;
    look();
    return dm_client_count(t.honest, DM_CLIENT_DONE) == t.honest_count;
}

static bool is_as(struct wired *w, void *ctx)
{
    const struct held *before = ctx;

    (void)w;
    look();
    return t.held.pcbs == before->pcbs && t.held.segments == before->segments &&
           t.held.frames == before->frames && t.held.heap == before->heap &&
           t.held.sockets == before->sockets;
}

/* So many honest connections at once, from now on. */
static void ask(const char *name, uint64_t within_ns, uint32_t count)
{
    const uint64_t from_ns = wired_now(&t.w);
    struct dm_client_connection c = {.port = PORT_ECHO, .send_bytes = BYTES, .receive_bytes = BYTES};

    for (uint32_t i = 0; i < count; i++) {
        c.seed = t.honest_count + i;
        cr_assert_geq(dm_client_start(t.honest, &c), 0);
    }
    t.honest_count += count;
    (void)wired_until(&t.w, within_ns, answered, NULL);
    for (uint32_t number = t.honest_count - count; number < t.honest_count; number++) {
        const struct dm_client_report r = dm_client_report(t.honest, number);

        cr_assert_eq(r.state, DM_CLIENT_DONE,
                     "%s: honest client %u: state %d after %lu ms, %lu bytes back; %lu PCBs, %lu segments, "
                     "%lu frames, %lu bytes",
                     name, number, r.state, (unsigned long)((wired_now(&t.w) - from_ns) / MS),
                     (unsigned long)r.received, t.held.pcbs, t.held.segments, t.held.frames, t.held.heap);
        if (number > 0 && r.ended_ns - from_ns > t.slowest_ns)
            t.slowest_ns = r.ended_ns - from_ns;
    }
}

/* Of what comes back to those who only take, nothing is asked. */
static bool anything(void *ctx, uint32_t number, uint64_t offset, const uint8_t *data, uint32_t bytes)
{
    (void)ctx, (void)number, (void)offset, (void)data, (void)bytes;
    return true;
}

static struct dm_backend *client(uint8_t last, const struct pressure *p, uint32_t connections)
{
    struct dm_client_config config = wired_client();

    config.mac[5] = config.address[3] = last;
    config.seed = SEED + last;
    config.connections_max = connections;
    config.mtu = p != NULL ? p->mtu : 0;
    config.judge = p != NULL ? anything : NULL;
    return dm_client_create(&config);
}

static void open_world(const struct pressure *p, uint32_t count)
{
    const struct dm_peer_config peer = wired_peer();
    const struct dm_intruder_config flood = {.kind =
                                                 p->flood < DM_INTRUSIONS ? p->flood : DM_INTRUSION_SYN_FLOOD,
                                             .mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x0b},
                                             .address = {10, 0, 2, 11},
                                             .guest = {10, 0, 2, 15},
                                             .port = PORT_ECHO,
                                             .seed = SEED,
                                             .start_ns = 4u * SECOND,
                                             .interval_ns = p->flood < DM_INTRUSIONS ? p->interval_ns : 1,
                                             .frames_max = p->flood < DM_INTRUSIONS ? count : 0};

    const struct dm_wire_config wire = {
        SEED,
        {.delay_ns = ONE_WAY_NS},
        {.delay_ns = ONE_WAY_NS, .reorder = p->reorder, .reorder_ns = p->reorder > 0 ? HELD_BACK_NS : 0}};

    memset(&t, 0, sizeof t);
    t.honest = client(10, NULL, HONEST_MAX);
    t.hostile = client(9, p, p->flood < DM_INTRUSIONS ? 1u : count);
    const struct wired_config world = {
        .package = EXHAUSTION_PACKAGE,
        .seed = SEED,
        .port_count = 4,
        .wire = &wire,
        .ports = {dm_peer_create(&peer), t.honest, t.hostile, dm_intruder_create(&flood)},
        .run = run};
    wired_open(&t.w, &world);
}

static void begins(const struct pressure *p, uint32_t count)
{
    struct dm_client_connection c = p->connection;

    if (p->flood < DM_INTRUSIONS)
        return;
    c.limit_ns = p->lasts_ns;
    c.start_ns = wired_now(&t.w);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_geq(dm_client_start(t.hostile, &c), 0);
        c.start_ns += p->interval_ns;
    }
}

static uint64_t read_by_hostile(uint32_t count)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += dm_client_report(t.hostile, i).received;
    return bytes;
}

static void withstands(const struct pressure *p)
{
    const uint32_t count = deep() ? p->deep_count : p->count;
    const uint64_t pressed_ns = count * p->interval_ns + (p->flood < DM_INTRUSIONS ? 0 : p->lasts_ns);

    open_world(p, count);
    ask(p->name, LEASE_NS, 1);
    wired_pass(&t.w, 5u * SECOND - wired_now(&t.w));
    look();
    struct held before = t.held;
    const struct sim_kept kept = sim_kept_of(&t.w.b.k->userland.system, &t.w.b.k->kernel);
    cr_assert_gt(before.heap, 0, "sleeper said nothing: %s", t.w.text);
    begins(p, count);
    for (const uint64_t until_ns = wired_now(&t.w) + pressed_ns; wired_now(&t.w) < until_ns;) {
        ask(p->name, ANSWER_NS, 1);
        wired_pass(&t.w, APART_NS);
    }
    ask(p->name, ANSWER_NS, ECHO_PLACES - 1u);
    const uint64_t over_ns = wired_now(&t.w);
    const bool recovered = wired_until(&t.w, RECOVER_NS, is_as, &before);
    const struct sim_kept now = sim_kept_of(&t.w.b.k->userland.system, &t.w.b.k->kernel);
    printf(
        "%-34s %6u in %4lu s: %3u answers, slowest %4lu ms; at most %3lu PCBs, %4lu segments, %4lu frames, "
        "%7lu bytes; %5lu gave way, %lu found nothing; as before after %lu s\n",
        p->name, count, (unsigned long)(pressed_ns / SECOND), t.honest_count,
        (unsigned long)(t.slowest_ns / MS), t.most.pcbs, t.most.segments, t.most.frames, t.most.heap,
        t.held.gave_way, t.held.exhausted, (unsigned long)((wired_now(&t.w) - over_ns) / SECOND));
    fflush(stdout);
    if (p->reads > 0)
        cr_expect_geq(read_by_hostile(count), (uint64_t)count * p->reads, "%s: %lu bytes", p->name,
                      (unsigned long)read_by_hostile(count));
    cr_expect(recovered, "%s: netd holds %lu PCBs, %lu segments, %lu frames, %lu bytes, %lu sockets", p->name,
              t.held.pcbs, t.held.segments, t.held.frames, t.held.heap, t.held.sockets);
    cr_expect_eq(memcmp(&kept, &now, sizeof kept), 0, "%s: the kernel holds something else than before",
                 p->name);
    ask(p->name, ANSWER_NS, 1);
    const char *failed = wired_close(&t.w);
    cr_expect_null(failed, "%s: %s", p->name, failed);
}

static const struct pressure floods[] = {{"SYNs from one address", .flood = DM_INTRUSION_SYN_FLOOD,
                                          .interval_ns = MS / 2u, .count = 4000, .deep_count = 60000},
                                         {"SYNs from many addresses", .flood = DM_INTRUSION_SYN_FLOOD_SPOOFED,
                                          .interval_ns = MS / 4u, .count = 8000, .deep_count = 240000}};

Test(netexhaustion, an_honest_client_is_answered_in_a_flood_of_syns, .timeout = 7200)
{
    for (uint32_t i = 0; i < sizeof floods / sizeof floods[0]; i++)
        withstands(&floods[i]);
}

#define PEERS .flood = DM_INTRUSIONS
static const struct pressure readers[] = {
    {"windows of zero", PEERS, .interval_ns = 20u * MS, .count = 100, .deep_count = 1000,
     .lasts_ns = 2u * SECOND,
     .connection = {.port = PORT_ECHO, .send_bytes = 1u << 20, .receive_bytes = 1u << 20, .reads_bytes = 1}},
    {"readers of 64 bytes a time", PEERS, .interval_ns = 20u * MS, .count = 100, .deep_count = 1000,
     .lasts_ns = 2u * SECOND, .reads = 128,
     .connection = {.port = PORT_ECHO, .send_bytes = 1u << 20, .receive_bytes = 1u << 20, .window = 64}},
    {"a service that never reads", PEERS, .interval_ns = MS, .count = 64, .deep_count = 256,
     .lasts_ns = 4u * SECOND, .mtu = 576,
     .connection = {.port = PORT_SLEEPER, .send_bytes = 1u << 20, .receive_bytes = 1u << 20}},
    {"the same, and nothing is in order", PEERS, .interval_ns = MS, .count = 64, .deep_count = 256,
     .lasts_ns = 4u * SECOND, .mtu = 576, .reorder = 300,
     .connection = {.port = PORT_SLEEPER, .send_bytes = 1u << 20, .receive_bytes = 1u << 20}},
    {"a service that sends to no reader", PEERS, .interval_ns = 20u * MS, .count = 200, .deep_count = 2000,
     .lasts_ns = 4u * SECOND,
     .connection = {.port = PORT_SLEEPER, .receive_bytes = 1u << 30, .reads_bytes = 1}}};

Test(netexhaustion, an_honest_client_is_answered_beside_connections_that_nobody_reads, .timeout = 7200)
{
    for (uint32_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        withstands(&readers[i]);
}

#define SHORT_ONE(manner_)                                                                                   \
    .connection = {.port = PORT_ECHO, .send_bytes = 16, .receive_bytes = 16, .manner = (manner_)}
static const struct pressure piles[] = {
    {"peers that never close", PEERS, .interval_ns = 10u * MS, .count = 300, .deep_count = 3000,
     .lasts_ns = SECOND, SHORT_ONE(DM_CLIENT_NEVER_CLOSES)},
    {"peers that let us close first", PEERS, .interval_ns = 10u * MS, .count = 300, .deep_count = 3000,
     .lasts_ns = SECOND, SHORT_ONE(DM_CLIENT_WAITS)},
    {"peers that hear no FIN", PEERS, .interval_ns = 10u * MS, .count = 300, .deep_count = 3000,
     .lasts_ns = SECOND, SHORT_ONE(DM_CLIENT_IGNORES_FIN)}};
static const struct pressure silent = {"peers that fall silent",
                                       PEERS,
                                       .interval_ns = 10u * MS,
                                       .count = 300,
                                       .deep_count = 3000,
                                       .lasts_ns = SECOND,
                                       SHORT_ONE(DM_CLIENT_FALLS_SILENT)};

Test(netexhaustion, an_honest_client_is_answered_beside_piles_of_closing_connections, .timeout = 7200)
{
    for (uint32_t i = 0; i < sizeof piles / sizeof piles[0]; i++)
        withstands(&piles[i]);
    if (deep())
        withstands(&silent);
}
