/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include "sim/explore/nic_world.h"
#include "sim/explore/ring_world.h"
#include "sim/explore/search.h"
static void note(void *ctx, enum xp_lane lane, const char *text)
{
    static const char *const lanes[] = {"driver", "memory", "device", "authority", "world"};
    (void)ctx;
    printf("  %-8s %s\n", lanes[lane], text);
}
static bool progress(void *c, uint64_t s, uint64_t t) { (void)c; if ((t & 0xffffff) == 0) fprintf(stderr, "%lu M states, %lu M transitions\n", s >> 20, t >> 20); return true; }
int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == 'N') {
        struct nic_config c = {.legacy = atoi(argv[2]) & 1, .size = (uint16_t)atoi(argv[3]), .model = (enum xp_model)atoi(argv[4]), .frames_max = (uint8_t)atoi(argv[5]),
          .lies_max = (uint8_t)atoi(argv[6]), .events_max = (uint8_t)atoi(argv[7]), .lie_kinds = 127, .queue_lie_kinds = 63, .event_kinds = 15, .suppress = false};
        if (argc > 8) c.driver = byd_driver(), c.suppress = true;
        struct nic_world *n = nic_world_make(&c);
        struct xp_limits limits = {.memory_bytes = 8ull << 30, .progress = progress};
        struct xp_result out;
        xp_catch_faults();
        xp_search(&n->world, &limits, &out);
        printf("states %lu transitions %lu healed %lu depth %lu violations %lu closed %d cut %s mem %lu MB %.2f s %.0f states/s\n",
        out.states, out.transitions, out.healed, out.depth, out.violations, out.closed, out.cut ? out.cut : "-", out.memory_bytes >> 20, out.seconds, (double)out.states / out.seconds);
        if (out.violations) {
            struct xp_run run;
            printf("%s %s heal %d, path %zu\n", xp_property_name(out.verdict.property), out.verdict.what, out.in_heal, out.path.count);
            n->world.note = note;
            xp_replay(&n->world, &out.path, true, &run);
            printf("replay: %s %s\n", xp_property_name(run.verdict.property), run.verdict.what);
        }
        return 0;
    }
    struct ring_config c = {.size = (uint16_t)atoi(argv[1]), .model = (enum xp_model)atoi(argv[2]), .start = (uint16_t)atoi(argv[3]),
        .batch_max = (uint16_t)(argc > 6 ? atoi(argv[6]) : atoi(argv[1])), .chains = (uint8_t)(argc > 5 ? atoi(argv[5]) : 1), .suppress = true, .resets = true,
        .lies_max = (uint8_t)(argc > 4 ? atoi(argv[4]) : 0), .lie_kinds = 0x3f, .unreduced = argc > 7 && atoi(argv[7]) & 1, .unhidden = argc > 7 && atoi(argv[7]) & 2};
    struct ring_world *r = ring_world_make(&c);
    struct xp_limits limits = {.memory_bytes = 8ull << 30, .progress = progress};
    struct xp_result out;
    xp_catch_faults();
    xp_search(&r->world, &limits, &out);
    printf("states %lu transitions %lu healed %lu depth %lu violations %lu closed %d cut %s mem %lu MB %.2f s %.0f states/s missed %.2g\n",
        out.states, out.transitions, out.healed, out.depth, out.violations, out.closed, out.cut ? out.cut : "-", out.memory_bytes >> 20, out.seconds, (double)out.states / out.seconds, out.missed);
    if (out.violations) {
        struct xp_run run;
        printf("%s %s heal %d, path %zu\n", xp_property_name(out.verdict.property), out.verdict.what, out.in_heal, out.path.count);
        if (argc > 8) {
        r->world.note = note;
        xp_replay(&r->world, &out.path, true, &run);
        printf("replay: %s %s\n", xp_property_name(run.verdict.property), run.verdict.what); }
    }
    return 0;
}
