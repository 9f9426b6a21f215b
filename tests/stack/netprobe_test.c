/* SPDX-License-Identifier: BSD-2-Clause */
/* netprobe in the simulator: it judges netd and says so; this watches that it comes to its end, and takes the
 * driver away from under it when it asks for that. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/wired.h"

#define LIMIT_NS 600000000000ull /* virtual time: an end that never comes is a failure */

static struct {
    struct wired w;
    uint32_t kills;
} t;

static bool said(const char *what)
{
    return wired_said(&t.w, what);
}

static bool ended(struct wired *w, void *ctx)
{
    (void)w, (void)ctx;
    return said("all holds") || said("does not hold");
}

/* Another program is about to run: while the driver is to be away, each life of it ends before it did
 * anything, by a fault: init starts it anew later each time. */
static void run_watched(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    struct system *s = &t.w.b.k->userland.system;

    if (said("take the driver away") && !said("let the driver come back")) {
        for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
            if (i != space && process_live(s, i) && strcmp(s->processes[i].name, "nicd") == 0) {
                process_end(s, i, PROCESS_FAULTED, 13);
                t.kills++;
            }
        }
    }
    t.w.b.inner.ops->run(ctx, space, result, out);
}

static void holds(bool card, const char *due)
{
    const struct dm_peer_config peer = wired_peer();
    struct wired_config config = {.package = NETPROBE_PACKAGE, .run = run_watched};

    t.kills = 0;
    if (card)
        config.ports[config.port_count++] = dm_peer_create(&peer);
    wired_open(&t.w, &config);
    (void)wired_until(&t.w, LIMIT_NS, ended, NULL);
    printf("netprobe ended after %lu ms of virtual time\n", (unsigned long)(wired_now(&t.w) / 1000000u));
    cr_expect(said(due), "%s", t.w.text);
    cr_expect_eq(t.kills > 0, card);
    const char *failed = wired_close(&t.w);
    cr_expect_null(failed, "%s", failed);
}

Test(netprobe, what_netd_serves_is_what_its_interfaces_say, .timeout = 300)
{
    holds(true, "netprobe: all holds\n");
}

Test(netprobe, without_a_card_everything_is_refused, .timeout = 300)
{
    holds(false, "netprobe: no card: all holds\n");
}
