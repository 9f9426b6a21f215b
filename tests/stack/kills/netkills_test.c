/* SPDX-License-Identifier: BSD-2-Clause */
/* Network-stack process, echo service and driver killed again and again, wherever they are, while a client on
 * the wire keeps connections open and gets back what it sends. After each kill both connections are there
 * anew and carry bytes within AGAIN_NS of virtual time; then what is held, and how many calls are under way,
 * is as before: a call that completed twice would end the kernel, one that never did would stay. A turn of
 * the machine costs TURN_NS whatever it does, so the wire has a rate: without one, the connection that is
 * back first would carry as much as turns allow while the other waits for its client to ask again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kept.h"
#include "sim/prng.h"
#include "tests/support/booted.h"

#define CONNECTIONS  2u
#define PORT_ECHO    7u
#define FLOWS_BYTES  4096u /* that a connection brought back: it flows */
#define AGAIN_NS     1000000000ull
#define DELAY_NS     2000000u /* of the wire: less than this */
#define RETRY_NS     20000000ull /* the client comes again after a refusal */
#define FIRST_NS     30000000000ull /* the first lease may take its time */
#define TURNS_APART  256u /* a kill comes within so many turns of programs */
#define KILLS_WORLD  100u /* of one world with CAPOS_DEEP=1: the client has so many connections only */
#define TURN_NS      20000u /* long: most of the second that is waited through is idle */
#define SEGMENT_MOST 1460u /* bytes of a frame on this wire */
#define CALLS_MOST                                                                                           \
    8u /* of echod: an accept and one a connection; netd's on the Nic; one that ends just now */
#define SEED 20261126u

static struct {
    struct booted b;
    struct dm_backend *client, *wire; /* the world's */
    struct sim_prng prng;
    const char *victim;
    struct sim_kept before;
    uint64_t killed_at_ns, slowest_ns;
    int32_t numbers[CONNECTIONS]; /* of the client's connections that count */
    uint64_t bytes;
    uint32_t wanted, kills, turns, calls_most;
    bool flows, stuck, leaked, wrong, ended;
    char line[120]; /* of the console, its beginning */
    size_t said;
} t;

/* Programs end here by kills alone: netd would say first what lwIP found wrong. */
static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    (void)ctx, (void)port;
    for (size_t i = 0; i < bytes; i++) {
        if (t.said < sizeof t.line - 1u)
            t.line[t.said++] = text[i];
        if (text[i] != '\n')
            continue;
        t.line[t.said] = '\0';
        t.said = 0;
        if (strncmp(t.line, "netd: lwIP", 10) == 0 || strstr(t.line, " ended with code ") != NULL ||
            strstr(t.line, " faulted") != NULL) {
            printf("%s", t.line);
            t.ended = true;
        }
    }
}

static bool over(void)
{
    return t.stuck || t.leaked || t.wrong || t.ended || t.kills >= t.wanted;
}

static int end_requested(void *ctx)
{
    (void)ctx;
    return (t.flows || t.stuck || t.ended) && over();
}

static void fill(void *ctx, uint32_t number, uint64_t offset, uint8_t *out, uint32_t bytes)
{
    (void)ctx;
    dm_client_pattern(number, offset, out, bytes);
}

static struct system *programs(void)
{
    return &t.b.k->userland.system;
}

static const struct process *victim(void)
{
    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        if (process_live(programs(), i) && strcmp(programs()->processes[i].name, t.victim) == 0)
            return &programs()->processes[i];
    return NULL;
}

static void start(uint32_t which, uint64_t at_ns)
{
    const struct dm_client_connection c = {.port = PORT_ECHO,
                                           .start_ns = at_ns,
                                           .limit_ns = 1ull << 60,
                                           .send_bytes = 1ull << 40,
                                           .receive_bytes = 1ull << 40};

    t.numbers[which] = dm_client_start(t.client, &c);
    cr_assert_geq(t.numbers[which], 0, "the client has no connection left after %u kills", t.kills);
}

/* Ended ones come again. True: both carry bytes since they began, and began since the kill. */
static bool connections(uint64_t now_ns)
{
    bool flow = true;

    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        const struct dm_client_report r = dm_client_report(t.client, (uint32_t)t.numbers[i]);

        t.wrong = t.wrong || r.state == DM_CLIENT_WRONG;
        flow = flow && r.state == DM_CLIENT_OPEN && !r.guest_closed && r.opened_ns >= t.killed_at_ns &&
               r.received >= FLOWS_BYTES;
        if (r.state > DM_CLIENT_OPEN || r.guest_closed) {
            t.bytes += r.received;
            start(i, now_ns + RETRY_NS);
        }
    }
    return flow;
}

static void drain_log(void)
{
    struct audit_record records[64];

    while (kernel_audit_drain(&t.b.k->kernel, records, 64) == 64)
        ;
}

static void flow_again(uint64_t now_ns)
{
    const uint64_t took = now_ns - t.killed_at_ns;
    const struct sim_kept now = sim_kept_of(programs(), &t.b.k->kernel);
    const uint32_t calls = system_held(programs()).calls;

    t.flows = true;
    t.turns = (uint32_t)(sim_prng_next(&t.prng) % TURNS_APART);
    t.calls_most = calls > t.calls_most ? calls : t.calls_most;
    if (t.kills == 0) {
        t.before = now;
        return;
    }
    t.slowest_ns = took > t.slowest_ns ? took : t.slowest_ns;
    t.leaked = memcmp(&t.before, &now, sizeof now) != 0 || calls > CALLS_MOST;
}

/* Another program is about to run: the victim is wherever it stopped. */
static void between(uint16_t space)
{
    const uint64_t now_ns = programs()->now_ns;
    const struct process *p = victim();
    const bool flow = connections(now_ns);

    drain_log();
    if (!t.flows) {
        if (flow)
            flow_again(now_ns);
        else
            t.stuck = t.stuck || now_ns - t.killed_at_ns > (t.kills == 0 ? FIRST_NS : AGAIN_NS);
        return;
    }
    if (over() || (t.turns != 0 && t.turns-- != 0) || p == NULL || p->index == space)
        return;
    process_end(programs(), p->index, PROCESS_KILLED, 0);
    t.kills++;
    t.killed_at_ns = now_ns;
    t.flows = false;
}

/* A peer that gives the lease and the client, behind a wire of this world's own rate and delay. */
static struct dm_backend *network(uint64_t seed)
{
    static const uint64_t rates[] = {10000000u, 30000000u, 100000000u};
    const struct dm_script_config peer = {
        .mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x02}, .address = {10, 0, 2, 2}, .guest = {10, 0, 2, 15}};
    const struct dm_client_config client = {.mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x09},
                                            .address = {10, 0, 2, 9},
                                            .guest = {10, 0, 2, 15},
                                            .seed = seed,
                                            .connections_max = DM_CLIENT_CONNECTIONS,
                                            .in_flight_bytes = 16384,
                                            .fill = fill};
    const struct dm_wire_way way = {.bits_per_second = rates[sim_prng_next(&t.prng) % 3u],
                                    .delay_ns = sim_prng_next(&t.prng) % DELAY_NS};
    const struct dm_wire_config wire = {.seed = seed, .from_guest = way, .to_guest = way};
    struct dm_backend *ports[2] = {dm_script_create(&peer), dm_client_create(&client)};

    cr_assert(ports[0] != NULL && ports[1] != NULL);
    t.client = ports[1];
    struct dm_backend *hub = dm_hub_create(ports, 2);
    cr_assert_not_null(hub);
    t.wire = dm_wire_create(hub, &wire);
    cr_assert_not_null(t.wire);
    return t.wire;
}

static void run_watched(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    between(space);
    t.b.inner.ops->run(ctx, space, result, out);
}

static void one_world(const char *name, uint32_t world, uint32_t kills)
{
    struct sim_world_config config = sim_world_defaults(DM_MODERN);
    struct dm_wire_counts carried, sent;

    memset(&t, 0, sizeof t);
    t.victim = name;
    t.wanted = kills;
    sim_prng_seed(&t.prng, SEED + world);
    config.seed = SEED + world;
    config.nics[0].backend = SIM_BACKEND_GIVEN;
    config.nics[0].given = network(config.seed);
    config.programs_bytes = BOOTED_PROGRAMS_BYTES;
    config.traced = false;
    config.console = console;
    config.end_requested = end_requested;
    booted_open(&t.b, &config, NETKILLS_PACKAGE);
    t.b.world.platform.turn_ns = TURN_NS;
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        start(i, 0);
    const char *failed = booted_run(&t.b, false, run_watched);
    dm_wire_counts(t.wire, &carried, &sent);
    printf("kills of %s, world %u: %u; %lu bytes echoed in %lu frames; slowest again after %lu us; calls at "
           "most %u\n",
           name, world, t.kills, (unsigned long)t.bytes, (unsigned long)carried.delivered,
           (unsigned long)(t.slowest_ns / 1000u), t.calls_most);
    cr_expect_null(failed, "%s", failed);
    cr_expect_not(t.stuck, "no connections after kill %u", t.kills);
    cr_expect_not(t.leaked, "kill %u: something else is held than before, or %u calls", t.kills,
                  t.calls_most);
    cr_expect_not(t.wrong, "kill %u: other bytes came back than were sent", t.kills);
    cr_expect_not(t.ended, "a program ended by itself after kill %u", t.kills);
    cr_expect_eq(t.kills, t.wanted);
    cr_expect_gt(t.bytes, 0);
    cr_expect_leq(t.bytes, carried.delivered * SEGMENT_MOST, "more than the wire carried");
    cr_expect_eq(sim_world_complaints(&t.b.world, 2), 0);
    booted_close(&t.b);
}

/* KILLS_DAILY in one world; CAPOS_DEEP=1: KILLS_WORLD in each of WORLDS_DEEP worlds. The build says both. */
static void survives(const char *name)
{
    const char *deep = getenv("CAPOS_DEEP");
    const bool all = deep != NULL && strcmp(deep, "1") == 0;

    for (uint32_t world = 0; world < (all ? WORLDS_DEEP : 1u); world++)
        one_world(name, world, all ? KILLS_WORLD : KILLS_DAILY);
}

Test(netkills, connections_come_back_after_the_echo_was_killed, .timeout = 3600)
{
    survives("echod");
}

Test(netkills, connections_come_back_after_the_stack_was_killed, .timeout = 3600)
{
    survives("netd");
}

Test(netkills, connections_come_back_after_the_driver_was_killed, .timeout = 3600)
{
    survives("nicd");
}
