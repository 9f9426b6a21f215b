/* SPDX-License-Identifier: BSD-2-Clause */
/* 64 peers at once on one listener, whose holder (crowd) has two calls that wait: each gets back what it says
 * also while one of them does not read and another resets; and each of driver, service and holder may end
 * under all of them: the next 64 are served, and what is held is as before. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/kept.h"
#include "tests/support/wired.h"

#define PORT        8080u
#define CONNECTIONS 64u
#define WAVES       4u
#define SECOND      1000000000ull
#define LIMIT_NS    (60u * SECOND)
#define BYTES       6000u /* that a connection says: more than a segment, less than its part of the buffer */
#define BYTES_KILLS 60000u /* one under which something ends */
#define BYTES_SLOW  600000u /* one that does not read: more than stack and holder take */
#define CALLS_MOST  8u /* accept and event; netd's and init's own, and one that ends just now */

enum { SLOW = 0, RESETS };

static struct {
    struct wired w;
    struct dm_backend *client;
    uint32_t first; /* of the wave's connections */
    struct sim_kept before;
    uint64_t least; /* bytes that each of the wave is to have back */
    uint64_t wrong; /* bytes that came back other than they were sent */
} t;

static struct dm_client_connection plan(uint64_t bytes)
{
    return (struct dm_client_connection){
        .port = PORT, .limit_ns = LIMIT_NS, .send_bytes = bytes, .receive_bytes = bytes};
}

static void start(struct dm_client_connection c)
{
    c.start_ns = wired_now(&t.w);
    cr_assert_geq(dm_client_start(t.client, &c), 0);
}

static struct dm_client_report report(uint32_t which)
{
    return dm_client_report(t.client, t.first + which);
}

static struct sim_kept kept(void)
{
    return sim_kept_of(&t.w.b.k->userland.system, &t.w.b.k->kernel);
}

static bool done(struct wired *w, void *ctx)
{
    const uint32_t *count = ctx;

    (void)w;
    for (uint32_t i = 0; i < *count; i++) {
        if (report(i).state != DM_CLIENT_DONE)
            return false;
    }
    return true;
}

static bool have_back(struct wired *w, void *ctx)
{
    (void)w, (void)ctx;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        if (i != SLOW && (report(i).state != DM_CLIENT_OPEN || report(i).received < t.least))
            return false;
    }
    return true;
}

static bool all_ended(struct wired *w, void *ctx)
{
    (void)w, (void)ctx;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        if (report(i).state <= DM_CLIENT_CLOSING)
            return false;
    }
    return true;
}

static bool as_before(struct wired *w, void *ctx)
{
    const struct sim_kept now = kept();

    (void)w, (void)ctx;
    return memcmp(&t.before, &now, sizeof now) == 0;
}

/* The client's own judgement is one on ends, too, which a killed program's are. */
static bool judge(void *ctx, uint32_t number, uint64_t offset, const uint8_t *data, uint32_t bytes)
{
    uint8_t due[2048];

    (void)ctx, (void)number;
    cr_assert_leq(bytes, sizeof due);
    dm_client_pattern(0, offset, due, bytes);
    for (uint32_t i = 0; i < bytes; i++)
        t.wrong += data[i] != due[i];
    return true;
}

/* The program is there and answers one; what is held then is what is to be held at last. */
static void begin(void)
{
    const struct dm_peer_config peer = wired_peer();
    struct dm_client_config client = wired_client();
    struct wired_config config = {.package = CROWD_PACKAGE};
    uint32_t one = 1;

    t.first = 0;
    t.wrong = 0;
    client.judge = judge;
    client.connections_max = 1u + WAVES * CONNECTIONS;
    config.ports[config.port_count++] = dm_peer_create(&peer);
    config.ports[config.port_count++] = t.client = dm_client_create(&client);
    wired_open(&t.w, &config);
    wired_pass(&t.w, 3u * SECOND);
    start(plan(BYTES));
    cr_assert(wired_until(&t.w, LIMIT_NS, done, &one), "%s", t.w.text);
    wired_pass(&t.w, SECOND);
    t.before = kept();
    t.first = 1;
}

static void end(void)
{
    cr_expect(wired_until(&t.w, 10u * SECOND, as_before, NULL) || as_before(&t.w, NULL),
              "something else is held than before");
    cr_expect_eq(t.wrong, 0, "other bytes came back than were sent");
    cr_expect_not(wired_said(&t.w, "does not hold"), "%s", t.w.text);
    cr_expect_not(wired_said(&t.w, "ended with code"), "%s", t.w.text);
    const char *failed = wired_close(&t.w);
    cr_expect_null(failed, "%s", failed);
}

static void wave_done(void)
{
    uint32_t all = CONNECTIONS;

    for (uint32_t i = 0; i < CONNECTIONS; i++)
        start(plan(BYTES));
    cr_expect(wired_until(&t.w, LIMIT_NS, done, &all), "not all 64 were served; the console: %s", t.w.text);
    t.first += CONNECTIONS;
}

static void change(uint32_t which, struct dm_client_connection to)
{
    dm_client_change(t.client, t.first + which, &to);
}

Test(netcrowd, each_of_64_gets_its_bytes_while_one_reads_nothing, .timeout = 300)
{
    struct dm_client_connection slow = plan(BYTES_SLOW), holds = plan(BYTES);
    uint32_t all = CONNECTIONS;

    begin();
    slow.reads_bytes = 1;
    holds.receive_bytes++; /* they stay open until they are told not to wait for it */
    t.least = BYTES;
    start(slow);
    for (uint32_t i = 1; i < CONNECTIONS; i++)
        start(holds);
    cr_expect(wired_until(&t.w, LIMIT_NS, have_back, NULL), "the console: %s", t.w.text);
    wired_pass(&t.w, SECOND);
    cr_expect_eq(dm_client_count(t.client, DM_CLIENT_OPEN), CONNECTIONS);
    cr_expect_leq(report(SLOW).received, 1);
    cr_expect_lt(report(SLOW).acknowledged, BYTES_SLOW, "somebody takes what nobody reads");
    const struct system_held held = system_held(&t.w.b.k->userland.system);
    cr_expect_leq(held.calls, CALLS_MOST, "%u calls under way", held.calls);
    holds = plan(BYTES);
    for (uint32_t i = 1; i < CONNECTIONS; i++) {
        holds.manner = i == RESETS ? DM_CLIENT_RESETS : DM_CLIENT_POLITE;
        change(i, holds);
    }
    change(SLOW, plan(BYTES_SLOW)); /* reads all */
    wired_pass(&t.w, 5u * SECOND);
    cr_expect_eq(report(RESETS).state, DM_CLIENT_RESET_ITSELF);
    cr_expect_eq(report(SLOW).received, BYTES_SLOW);
    cr_expect_eq(dm_client_count(t.client, DM_CLIENT_DONE), all); /* the first one, and all but the reset */
    t.first += CONNECTIONS;
    wave_done();
    end();
}

/* All bytes under way, and one connection that is not read. */
static void killed(const char *name)
{
    struct dm_client_connection slow = plan(BYTES_SLOW), flows = plan(BYTES_KILLS);
    struct system *s = &t.w.b.k->userland.system;
    bool found = false;

    begin();
    s = &t.w.b.k->userland.system;
    slow.reads_bytes = 1;
    flows.receive_bytes++; /* none closes before */
    slow.limit_ns = flows.limit_ns = 5u * SECOND;
    t.least = 1;
    start(slow);
    for (uint32_t i = 1; i < CONNECTIONS; i++)
        start(flows);
    cr_expect(wired_until(&t.w, LIMIT_NS, have_back, NULL), "the console: %s", t.w.text);
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (process_live(s, i) && strcmp(s->processes[i].name, name) == 0) {
            process_end(s, i, PROCESS_KILLED, 0);
            found = true;
        }
    }
    cr_assert(found);
    cr_expect(wired_until(&t.w, 10u * SECOND, all_ended, NULL));
    cr_expect_eq(dm_client_count(t.client, DM_CLIENT_DONE), 1, "a stream that was cut came to its end");
    t.first += CONNECTIONS;
    wave_done();
    wave_done();
    end();
}

Test(netcrowd, the_driver_ends_under_64, .timeout = 300)
{
    killed("nicd");
}

Test(netcrowd, the_service_ends_under_64, .timeout = 300)
{
    killed("netd");
}

Test(netcrowd, the_holder_ends_under_64, .timeout = 300)
{
    killed("crowd");
}
