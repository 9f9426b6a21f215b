/* SPDX-License-Identifier: BSD-2-Clause */
/* lwIP's allocations fail, each in its turn: pool (PCBs, segments, frames, headers) or heap. First within a
 * connection: an honest client asks, and the k-th allocation from then on fails, for every k that a
 * connection has. It is answered within ANSWER_NS all the same, and when the two after it fail as well within
 * WAITS_NS; netd lives on, and holds afterwards what it held before. Then in netd's first life, from its
 * first allocation to the first answer: that comes at most ANSWER_NS later. Daily every STEP-th;
 * CAPOS_DEEP=1: all. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kept.h"
#include "tests/stack/exhaustion/failing/failing.h"
#include "tests/support/wired.h"

#define MS         1000000ull
#define SECOND     (1000u * MS)
#define PORT_ECHO  7u
#define ANSWER_NS  (3u * SECOND)
#define WAITS_NS   (1u * SECOND + 2u * SECOND + 4u * SECOND) /* three of TCP's waits, each doubled */
#define BOOT_NS    (30u * SECOND)
#define BYTES      6000u
#define HONEST_MAX 2048u
#define STEP       7u
#define SEED       20261129u

static const struct {
    uint32_t count;
    uint64_t within_ns;
} bursts[] = {{1, ANSWER_NS}, {3, WAITS_NS}};

static struct {
    struct wired w; /* first: console and turns lead to it */
    struct dm_backend *honest;
    uint32_t asked; /* connections */
    uint64_t first, count; /* what netd's first life begins with */
    struct failing_plan *plan; /* in netd's memory; NULL: it has not run yet */
    uint32_t life; /* that of netd, when it was found */
} t;

static struct process *netd(void)
{
    struct system *s = &t.w.b.k->userland.system;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        if (process_live(s, i) && strcmp(s->processes[i].name, "netd") == 0)
            return &s->processes[i];
    return NULL;
}

static void find_plan(void)
{
    struct process *p = netd();

    for (uint32_t i = 0; p != NULL && i < sizeof p->runs / sizeof p->runs[0]; i++) {
        if (p->runs[i].memory == NULL)
            continue;
        t.plan =
            memmem(p->runs[i].memory, (size_t)p->runs[i].pages * 4096u, FAILING_MARK, sizeof FAILING_MARK);
        if (t.plan == NULL)
            continue;
        t.life = p->number;
        t.plan->first = t.first;
        t.plan->count = t.count;
        return;
    }
}

/* Each life of netd has a plan of its own; that of the first one is written before it runs. */
static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    if (t.plan == NULL)
        find_plan();
    t.w.b.inner.ops->run(ctx, space, result, out);
}

static bool answered(struct wired *w, void *ctx)
{
    (void)w, (void)ctx;
    return dm_client_count(t.honest, DM_CLIENT_DONE) == t.asked;
}

static uint64_t ask(const char *what, uint64_t number, uint64_t within_ns)
{
    const struct dm_client_connection c = {
        .port = PORT_ECHO, .send_bytes = BYTES, .receive_bytes = BYTES, .seed = t.asked};
    const uint64_t from_ns = wired_now(&t.w);

    cr_assert_geq(dm_client_start(t.honest, &c), 0);
    t.asked++;
    (void)wired_until(&t.w, within_ns, answered, NULL);
    const struct dm_client_report r = dm_client_report(t.honest, t.asked - 1u);
    cr_assert_eq(r.state, DM_CLIENT_DONE, "%s %lu: state %d after %lu ms, %lu bytes back\n%s", what,
                 (unsigned long)number, r.state, (unsigned long)((wired_now(&t.w) - from_ns) / MS),
                 (unsigned long)r.received, t.w.text);
    return wired_now(&t.w) - from_ns;
}

static void open_world(uint64_t first, uint64_t count)
{
    const struct dm_peer_config peer = wired_peer();
    struct dm_client_config config = wired_client();
    const struct dm_wire_config wire = {SEED, {.delay_ns = MS}, {.delay_ns = MS}};

    memset(&t, 0, sizeof t);
    t.first = first;
    t.count = count;
    config.connections_max = HONEST_MAX;
    config.seed = SEED;
    t.honest = dm_client_create(&config);
    const struct wired_config world = {.package = FAILING_PACKAGE,
                                       .seed = SEED,
                                       .port_count = 2,
                                       .ports = {dm_peer_create(&peer), t.honest},
                                       .wire = &wire,
                                       .run = run};
    wired_open(&t.w, &world);
}

static void close_world(const char *what, uint64_t number)
{
    const char *failed = wired_close(&t.w);

    cr_expect_null(failed, "%s %lu: %s", what, (unsigned long)number, failed);
}

static uint32_t step_of(void)
{
    const char *deep = getenv("CAPOS_DEEP");

    return deep != NULL && strcmp(deep, "1") == 0 ? 1u : STEP;
}

/* What sleeper says between "sleeper: " and the count of what gave way. */
static void held(char *out, size_t bytes)
{
    const char *line = NULL, *end;

    wired_pass(&t.w, 3u * SECOND);
    for (const char *at = t.w.text; (at = strstr(at, "sleeper: pcbs=")) != NULL; at++)
        line = at;
    cr_assert_not_null(line);
    end = strstr(line, " gave_way");
    cr_assert(end != NULL && (size_t)(end - line) < bytes, "%s", line);
    memcpy(out, line, (size_t)(end - line));
    out[end - line] = 0;
}

Test(netfailing, a_connection_is_answered_whatever_allocation_of_it_fails, .timeout = 3600)
{
    char before[256], after[256];
    uint64_t slowest_ns = 0;
    uint32_t tried = 0;

    open_world(0, 0);
    (void)ask("boot", 0, BOOT_NS);
    held(before, sizeof before);
    const struct sim_kept kept = sim_kept_of(&t.w.b.k->userland.system, &t.w.b.k->kernel);
    const uint64_t asked = t.plan->asked;
    (void)ask("no allocation", 0, ANSWER_NS);
    const uint64_t a_connection = t.plan->asked - asked;
    cr_assert_gt(a_connection, 10, "the plan counts nothing");
    for (uint32_t b = 0; b < sizeof bursts / sizeof bursts[0]; b++) {
        slowest_ns = 0;
        for (uint64_t k = 1; k <= a_connection; k += step_of()) {
            const uint64_t failed = t.plan->failed;

            wired_pass(&t.w, SECOND);
            t.plan->count = 0;
            t.plan->first = t.plan->asked + k;
            t.plan->count = bursts[b].count;
            const uint64_t took_ns = ask("allocation", k, bursts[b].within_ns);
            slowest_ns = took_ns > slowest_ns ? took_ns : slowest_ns;
            cr_assert_gt(t.plan->failed, failed, "allocation %lu of a connection did not fail",
                         (unsigned long)k);
            cr_assert(netd() != NULL && netd()->number == t.life, "netd ended:\n%s", t.w.text);
            tried++;
        }
        printf("a connection of %lu allocations: %u at a time failed, slowest answer %lu ms\n",
               (unsigned long)a_connection, bursts[b].count, (unsigned long)(slowest_ns / MS));
    }
    t.plan->count = 0;
    held(after, sizeof after);
    const struct sim_kept now = sim_kept_of(&t.w.b.k->userland.system, &t.w.b.k->kernel);
    printf("%u times some failed, %lu in all\n", tried, (unsigned long)t.plan->failed);
    cr_expect_str_eq(after, before);
    cr_expect_eq(memcmp(&kept, &now, sizeof kept), 0, "the kernel holds something else than before");
    close_world("connections", 0);
}

Test(netfailing, netd_comes_up_whatever_allocation_of_its_start_fails, .timeout = 3600)
{
    uint64_t slowest_ns = 0;
    uint32_t tried = 0;

    open_world(0, 0);
    const uint64_t honest_ns = ask("start", 0, BOOT_NS);
    const uint64_t allocations = t.plan->asked;
    close_world("start", 0);
    for (uint64_t n = 1; n <= allocations; n += step_of()) {
        open_world(n, 1);
        const uint64_t took_ns = ask("allocation of the start", n, honest_ns + ANSWER_NS);

        slowest_ns = took_ns > slowest_ns ? took_ns : slowest_ns;
        close_world("allocation of the start", n);
        tried++;
    }
    printf(
        "a start of %lu allocations: %u of them failed, first answer after %lu ms at most, %lu ms when none "
        "did\n",
        (unsigned long)allocations, tried, (unsigned long)(slowest_ns / MS), (unsigned long)(honest_ns / MS));
}
