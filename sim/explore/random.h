/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs at random (swarm): each seed is a run of its own. It draws what it leaves in, goes through a phase in
 * which everything may happen, then heals and must come to rest. Calls run through; who comes between is
 * asked at every yield, in the order in which a search asks, so that the list of a run's choices replays step
 * by step. */
#ifndef CAPOS_EXPLORE_RANDOM_H
#define CAPOS_EXPLORE_RANDOM_H

#include "sim/explore/search.h"

struct xp_random_plan {
    uint64_t first_seed;
    uint64_t runs;
    uint64_t must; /* bit per enum xp_mark: what must have been done when all runs are over */
};

/* Runs of a world whose first step draws its features. In `out`: states are runs, transitions are steps (who
 * acts was asked), healed are steps to rest, depth is the longest run. Ends at the first violation, with its
 * path; `seed` is then its seed. A mark that was not set: `cut` names it. Not closed, by design. */
void xp_random_runs(struct xp_world *w, const struct xp_random_plan *plan, const struct xp_limits *limits,
                    struct xp_result *out, uint64_t *seed);

/* One run: starts the world, at most `steps_max` questions of who acts, the way to rest. The choices are in
 * w->choices. False: w->verdict says what is broken, `in_heal` where. */
struct xp_random_run {
    uint64_t steps, healed;
    bool in_heal;
};
bool xp_random_run(struct xp_world *w, uint64_t steps_max, struct xp_random_run *run);

#endif
