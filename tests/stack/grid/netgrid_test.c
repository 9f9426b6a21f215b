/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream to the echo service and back, each byte of it judged by the client, over every wire of a grid:
 * loss, delay and reordering, the same in both directions. A cell holds when both directions are whole, both
 * ends closed in order, and the one connection was never cut. Daily a few cells with fewer bytes, drawn from
 * the day's seed; CAPOS_DEEP=1: all of them with 10 MiB. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/prng.h"
#include "tests/support/wired.h"

#define PORT_ECHO   7u
#define BYTES_DEEP  (10u << 20)
#define BYTES_DAILY (64u << 10)
#define CELLS_DAILY 3u
#define MS          1000000ull
#define RETRY_NS    (1000u * MS) /* the client's first time to send again: RFC 6298, 2.1 */
#define LEASE_S     (30u * 86400u) /* one lease for the longest cell */
#define LIMIT_NS    (20u * 86400000ull * MS) /* virtual time: an end that never comes is a failure */
#define SEED        20261127u
#define DAMAGE_SURE 40000u /* frames times per mille: 40 are expected, none is as good as impossible */

static const uint16_t losses[] = {0, 10, 50, 200}; /* per mille */
static const uint32_t delays_ms[] = {0, 50, 200}; /* one way */
#define LOSSES     (sizeof losses / sizeof losses[0])
#define DELAYS     (sizeof delays_ms / sizeof delays_ms[0])
#define CELLS      ((uint32_t)(LOSSES * DELAYS * 2u))
#define REORDER    100u /* per mille of the frames, where reordering is on, */
#define REORDER_NS (20u * MS) /* are held back so long */

static struct wired w;
static struct dm_backend *client;

static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    w.b.inner.ops->run(ctx, space, result, out);
}

static struct dm_client_report report(void)
{
    return dm_client_report(client, 0);
}

static bool ended(struct wired *at, void *ctx)
{
    (void)at, (void)ctx;
    return report().state >= DM_CLIENT_DONE;
}

static struct dm_wire_way way_of(uint32_t cell)
{
    const bool reorders = cell % 2u != 0;

    return (struct dm_wire_way){.loss = losses[cell / 2u / DELAYS],
                                .delay_ns = delays_ms[cell / 2u % DELAYS] * MS,
                                .reorder = reorders ? REORDER : 0,
                                .reorder_ns = reorders ? REORDER_NS : 0};
}

static void open_cell(uint32_t cell, uint64_t seed, uint64_t bytes)
{
    struct dm_peer_config peer = wired_peer();
    struct dm_client_config config = wired_client();
    const struct dm_client_connection stream = {
        .port = PORT_ECHO, .limit_ns = LIMIT_NS, .send_bytes = bytes, .receive_bytes = bytes, .seed = seed};
    const struct dm_wire_config wire = {seed, way_of(cell), way_of(cell)};

    peer.dhcp.lease_given = true;
    peer.dhcp.lease_s = LEASE_S;
    config.seed = seed;
    config.retry_ns = RETRY_NS;
    client = dm_client_create(&config);
    const struct wired_config world = {.package = NETGRID_PACKAGE,
                                       .seed = seed,
                                       .port_count = 2,
                                       .ports = {dm_peer_create(&peer), client},
                                       .wire = &wire,
                                       .run = run};
    wired_open(&w, &world);
    cr_assert_eq(dm_client_start(client, &stream), 0);
}

/* The wire did what its cell says, as far as so many frames can tell. */
static void damaged(uint64_t frames, uint64_t count, uint16_t per_mille)
{
    if (per_mille == 0)
        cr_expect_eq(count, 0);
    else if (frames * per_mille >= DAMAGE_SURE)
        cr_expect_gt(count, 0);
}

static void holds(uint32_t cell, uint64_t seed, uint64_t bytes)
{
    const struct dm_wire_way way = way_of(cell);
    struct dm_wire_counts from_guest, to_guest;

    open_cell(cell, seed, bytes);
    (void)wired_until(&w, LIMIT_NS, ended, NULL);
    const struct dm_client_report r = report();
    dm_wire_counts(w.wire, &from_guest, &to_guest);
    const double seconds = (double)(r.ended_ns - r.opened_ns) / 1e9;
    printf("%5.1f %% %6u ms %-3s %10.3f s %10.1f kbit/s %7lu %7lu frames lost of %7lu %7lu\n",
           way.loss / 10.0, (unsigned)(way.delay_ns / MS), way.reorder ? "yes" : "no", seconds,
           (double)bytes * 8.0 / 1000.0 / seconds, (unsigned long)from_guest.lost,
           (unsigned long)to_guest.lost, (unsigned long)from_guest.frames, (unsigned long)to_guest.frames);
    fflush(stdout);
    cr_expect_eq(r.state, DM_CLIENT_DONE, "cell %u: state %d after %lu sent and %lu received", cell, r.state,
                 (unsigned long)r.acknowledged, (unsigned long)r.received);
    cr_expect_eq(r.acknowledged, bytes);
    cr_expect_eq(r.received, bytes);
    damaged(from_guest.frames, from_guest.lost, way.loss);
    damaged(to_guest.frames, to_guest.lost, way.loss);
    damaged(from_guest.frames, from_guest.reordered, way.reorder);
    damaged(to_guest.frames, to_guest.reordered, way.reorder);
    const char *failed = wired_close(&w);
    cr_expect_null(failed, "cell %u: %s", cell, failed);
}

static void head(uint64_t bytes)
{
    printf("%lu bytes there and back\n   loss   one way  reordered  virtual time     goodput\n",
           (unsigned long)bytes);
}

Test(netgrid, each_byte_comes_back_over_every_wire, .timeout = 7200)
{
    const char *deep = getenv("CAPOS_DEEP"), *day = getenv("CAPOS_SEED");
    struct sim_prng prng;

    if (deep != NULL && strcmp(deep, "1") == 0) {
        head(BYTES_DEEP);
        for (uint32_t cell = 0; cell < CELLS; cell++)
            holds(cell, SEED + cell, BYTES_DEEP);
        return;
    }
    sim_prng_seed(&prng, day != NULL ? strtoull(day, NULL, 0) : SEED);
    head(BYTES_DAILY);
    for (uint32_t i = 0; i < CELLS_DAILY; i++)
        holds((uint32_t)(sim_prng_next(&prng) % CELLS), SEED + i, BYTES_DAILY);
}
