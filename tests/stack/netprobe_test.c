/* SPDX-License-Identifier: BSD-2-Clause */
/* netprobe in the simulator: it judges netd and says so; this watches that it comes to its end, and takes the
 * driver away from under it when it asks for that. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/booted.h"

#define TEXT_BYTES 65536u
#define LIMIT_NS   600000000000ull /* virtual time: an end that never comes is a failure */
#define TURN_NS    20000u /* long: most of the time that passes here is waited through */

static struct {
    struct booted b;
    char text[TEXT_BYTES];
    size_t used;
    uint32_t kills;
} t;

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    (void)ctx, (void)port;
    if (bytes > TEXT_BYTES - 1u - t.used)
        bytes = TEXT_BYTES - 1u - t.used;
    memcpy(t.text + t.used, text, bytes);
    t.used += bytes;
}

static bool said(const char *what)
{
    return strstr(t.text, what) != NULL;
}

static int end_requested(void *ctx)
{
    (void)ctx;
    return said("all holds") || said("does not hold") || t.b.k->userland.system.now_ns > LIMIT_NS;
}

/* No program reads the log here: a full one would refuse every grant. */
static void drain_log(void)
{
    struct audit_record records[64];

    while (kernel_audit_drain(&t.b.k->kernel, records, 64) == 64)
        ;
}

/* Another program is about to run: while the driver is to be away, each life of it ends before it did
 * anything, by a fault: init starts it anew later each time. */
static void run_watched(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    struct system *s = &t.b.k->userland.system;

    drain_log();
    if (said("take the driver away") && !said("let the driver come back")) {
        for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
            if (i != space && process_live(s, i) && strcmp(s->processes[i].name, "nicd") == 0) {
                process_end(s, i, PROCESS_FAULTED, 13);
                t.kills++;
            }
        }
    }
    t.b.inner.ops->run(ctx, space, result, out);
}

static void holds(uint32_t nics, const char *due)
{
    struct sim_world_config config = sim_world_defaults(DM_MODERN);

    memset(&t, 0, sizeof t);
    config.nic_count = nics;
    config.nics[0].backend = SIM_BACKEND_SCRIPT;
    config.programs_bytes = BOOTED_PROGRAMS_BYTES;
    config.traced = false;
    config.console = console;
    config.end_requested = end_requested;
    booted_open(&t.b, &config, NETPROBE_PACKAGE);
    t.b.world.platform.turn_ns = TURN_NS;
    const char *failed = booted_run(&t.b, false, run_watched);
    printf("netprobe ended after %lu ms of virtual time\n",
           (unsigned long)(t.b.k->userland.system.now_ns / 1000000u));
    cr_expect_null(failed, "%s", failed);
    cr_expect(said(due), "%s", t.text);
    cr_expect_eq(t.kills > 0, nics > 0);
    cr_expect_eq(sim_world_complaints(&t.b.world, 2), 0);
    booted_close(&t.b);
}

Test(netprobe, what_netd_serves_is_what_its_interfaces_say, .timeout = 300)
{
    holds(1, "netprobe: all holds\n");
}

Test(netprobe, without_a_card_everything_is_refused, .timeout = 300)
{
    holds(0, "netprobe: no card: all holds\n");
}
