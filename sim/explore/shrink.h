/* SPDX-License-Identifier: BSD-2-Clause */
/* A path to a broken property made shorter, as long as it breaks the same property. Whole steps are taken
 * out, larger pieces first (delta debugging), then single choices are lowered; a list that stays long is
 * given up for the shortest way from the start, when that can be found. A candidate's choices need not fit
 * the run that they lead to: a pick that is too large is the largest, one that is missing is the first; what
 * the run then really asked is the list that is kept. */
#ifndef CAPOS_EXPLORE_SHRINK_H
#define CAPOS_EXPLORE_SHRINK_H

#include "sim/explore/search.h"

/* A run cut into its steps. */
struct xp_steps {
    struct sim_choice *list;
    size_t count;
    size_t *ends; /* of step i: its choices end before list[ends[i]] */
    size_t steps;
};

struct xp_shrunk {
    bool replays; /* the path itself breaks the property; false: nothing else is filled */
    struct xp_steps before, after; /* xp_steps_free */
    struct xp_verdict verdict; /* of the shrunk run */
    uint64_t tries; /* replays that it took */
};

struct xp_shrink_limits {
    uint64_t steps; /* of the world, run for taking out and lowering */
    size_t bytes; /* of memory for the shortest way */
    size_t short_enough; /* choices: no shortest way is looked for */
};

/* The property and the place (a step, the honest continuation) are `verdict`'s and `in_heal`. */
void xp_shrink(struct xp_world *w, const struct xp_path *path, const struct xp_verdict *verdict, bool in_heal,
               const struct xp_shrink_limits *limits, struct xp_shrunk *out);
void xp_steps_free(struct xp_steps *s);

#endif
