/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver process killed again and again, wherever it is, under frames: each time init starts it anew,
 * frames flow again within a second of virtual time, and what is held is what was held before. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/kept.h"
#include "sim/prng.h"
#include "tests/support/booted.h"

/* KILLS_DAILY at least on each transport, KILLS_DEEP on both together: the build says. */
#define SECONDS_DAILY (KILLS_DAILY / 25) /* of the host, and no further kill once KILLS_DAILY are done */
#define AGAIN_NS      1000000000ull
#define TRIPS_AGAIN   2u /* round trips that count as frames flowing */
#define TURNS_APART   64u /* a kill comes within so many turns of flowing frames */
#define SEED          20261126u

static struct {
    struct booted b;
    struct sim_prng prng;
    struct sim_kept before; /* while frames flow */
    uint64_t killed_at_ns, slowest_ns, trips;
    uint32_t wanted, kills, turns;
    time_t until;
    bool flows, stuck, leaked;
} t;

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    (void)ctx, (void)port, (void)text, (void)bytes;
}

static bool over(void)
{
    return t.stuck || t.leaked || t.kills >= t.wanted ||
           (t.kills >= KILLS_DAILY && t.until != 0 && time(NULL) > t.until);
}

static int end_requested(void *ctx)
{
    (void)ctx;
    return t.flows && over();
}

static struct system *programs(void)
{
    return &t.b.k->userland.system;
}

static const struct process *named(const char *name)
{
    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        if (process_live(programs(), i) && strcmp(programs()->processes[i].name, name) == 0)
            return &programs()->processes[i];
    return NULL;
}

/* The client's count: the only MemoryObject of one page that it maps. */
static uint64_t round_trips(void)
{
    const struct process *client = named("traffic");
    uint64_t trips = 0;

    for (uint32_t i = 0; client != NULL && i < MEMORIES_MAX; i++) {
        const struct memory_object *m = &programs()->memories[i];

        if (m->used && m->pages == 1 && m->mapped_at[client->index] != 0)
            memcpy(&trips, m->memory, sizeof trips);
    }
    return trips;
}

static struct sim_kept kept(void)
{
    return sim_kept_of(programs(), &t.b.k->kernel);
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
    const struct sim_kept now = kept();

    t.flows = true;
    t.turns = (uint32_t)(sim_prng_next(&t.prng) % TURNS_APART);
    if (t.kills == 0) {
        t.before = now;
        return;
    }
    t.slowest_ns = took > t.slowest_ns ? took : t.slowest_ns;
    t.leaked = memcmp(&t.before, &now, sizeof now) != 0;
}

static void kill_driver(const struct process *driver, uint64_t now_ns)
{
    process_end(programs(), driver->index, PROCESS_KILLED, 0);
    drain_log();
    t.kills++;
    t.killed_at_ns = now_ns;
    t.trips = round_trips();
    t.flows = false;
}

/* Another program is about to run: the driver is wherever it stopped. */
static void between(uint16_t space)
{
    const uint64_t now_ns = programs()->now_ns;
    const struct process *driver = named("nicd");

    if (!t.flows) {
        if (round_trips() >= t.trips + TRIPS_AGAIN)
            flow_again(now_ns);
        else
            t.stuck = t.stuck || now_ns - t.killed_at_ns > AGAIN_NS;
        t.flows = t.flows || t.stuck;
        return;
    }
    if (over() || (t.turns != 0 && t.turns-- != 0))
        return;
    if (driver != NULL && driver->index != space)
        kill_driver(driver, now_ns);
}

static void run_watched(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    between(space);
    t.b.inner.ops->run(ctx, space, result, out);
}

static void open_world(enum dm_transport transport)
{
    struct sim_world_config config = sim_world_defaults(transport);

    memset(&t, 0, sizeof t);
    sim_prng_seed(&t.prng, SEED);
    config.nics[0].backend = SIM_BACKEND_LOOP;
    config.programs_bytes = BOOTED_PROGRAMS_BYTES;
    config.traced = false;
    config.console = console;
    config.end_requested = end_requested;
    booted_open(&t.b, &config, KILLS_PACKAGE);
}

static void survives(enum dm_transport transport, const char *name)
{
    const char *deep = getenv("CAPOS_DEEP");
    const bool all = deep != NULL && strcmp(deep, "1") == 0;

    open_world(transport);
    t.wanted = KILLS_DEEP / 2u; /* half on each transport */
    t.until = all ? 0 : time(NULL) + SECONDS_DAILY;
    const char *failed = booted_run(&t.b, false, run_watched);
    printf("kills of the driver, %s: %u; %lu round trips; slowest again after %lu us\n", name, t.kills,
           (unsigned long)t.trips, (unsigned long)(t.slowest_ns / 1000u));
    cr_expect_null(failed, "%s", failed);
    cr_expect_not(t.stuck, "no frames within a second after kill %u", t.kills);
    cr_expect_not(t.leaked, "kill %u: something else is held than before", t.kills);
    cr_expect_geq(t.kills, (uint32_t)(all ? KILLS_DEEP / 2u : KILLS_DAILY));
    cr_expect_eq(sim_world_complaints(&t.b.world, 2), 0);
    booted_close(&t.b);
}

Test(kills, a_modern_driver_comes_back_each_time, .timeout = 600)
{
    survives(DM_MODERN, "modern");
}

Test(kills, a_legacy_driver_comes_back_each_time, .timeout = 600)
{
    survives(DM_LEGACY, "legacy");
}
