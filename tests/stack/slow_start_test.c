/* SPDX-License-Identifier: BSD-2-Clause */
/* A sender that has one segment under way, as one begins whose congestion window is one segment: it goes on
 * when netd acknowledges, which must not wait for lwIP's timer of 250 ms (virtual time). The receiver only
 * takes (sim/bench/network), so that no answer carries the acknowledgement. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/booted.h"

#define SEGMENT  1460u
#define SEGMENTS 16u
#define TAKES    9u /* port */
#define START_NS 1000000000u /* there is a lease, and a listener */
#define MOST_NS  (SEGMENTS * 50000000ull) /* a fifth of what the timer would take */
#define RETRY_NS 10000000000u /* nothing is sent again meanwhile */
#define LIMIT_NS 60000000000ull

static struct {
    struct booted b;
    struct dm_backend *client;
} t;

static int end_requested(void *ctx)
{
    (void)ctx;
    return dm_client_report(t.client, 0).ended_ns != 0 || t.b.k->userland.system.now_ns > LIMIT_NS;
}

static struct dm_backend *wire_of(void)
{
    const struct dm_script_config peer = {
        .mac = {0x52, 0x55, 0x0a, 0, 2, 2}, .address = {10, 0, 2, 2}, .guest = {10, 0, 2, 15}};
    const struct dm_client_config client = {.mac = {0x52, 0x55, 0x0a, 0, 2, 9},
                                            .address = {10, 0, 2, 9},
                                            .guest = {10, 0, 2, 15},
                                            .connections_max = 1,
                                            .retry_ns = RETRY_NS,
                                            .in_flight_bytes = SEGMENT};
    struct dm_backend *ports[2] = {dm_script_create(&peer), dm_client_create(&client)};

    cr_assert_not_null(ports[0]);
    cr_assert_not_null(ports[1]);
    t.client = ports[1];
    return dm_hub_create(ports, 2);
}

Test(slow_start, the_first_segments_are_acknowledged_at_once, .timeout = 120)
{
    struct sim_world_config config = sim_world_defaults(DM_MODERN);
    const struct dm_client_connection stream = {
        .port = TAKES, .start_ns = START_NS, .send_bytes = SEGMENTS * SEGMENT};

    memset(&t, 0, sizeof t);
    config.nics[0].backend = SIM_BACKEND_GIVEN;
    config.nics[0].given = wire_of();
    cr_assert_not_null(config.nics[0].given);
    config.programs_bytes = BOOTED_PROGRAMS_BYTES;
    config.traced = false;
    config.end_requested = end_requested;
    booted_open(&t.b, &config, NETWORK_PACKAGE);
    cr_assert_eq(dm_client_start(t.client, &stream), 0);
    cr_expect_eq(booted_boot(&t.b, "mode=serve boot=0000000000000000 commit=test "
                                   "chain_key=00000000000000000000000000000000"
                                   "00000000000000000000000000000000"),
                 0);
    const struct dm_client_report seen = dm_client_report(t.client, 0);
    cr_expect_eq(seen.state, DM_CLIENT_DONE, "state %d", (int)seen.state);
    cr_expect_eq(seen.acknowledged, (uint64_t)SEGMENTS * SEGMENT);
    cr_expect_eq(seen.segments_again, 0);
    cr_expect_lt(seen.ended_ns - seen.opened_ns, MOST_NS, "%lu ms",
                 (unsigned long)((seen.ended_ns - seen.opened_ns) / 1000000u));
    cr_expect_eq(sim_world_complaints(&t.b.world, 2), 0);
    booted_close(&t.b);
}
