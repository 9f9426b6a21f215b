/* SPDX-License-Identifier: BSD-2-Clause */
/* A path to a broken property made shorter, as long as it breaks the same property. Whole steps are taken out, larger
 * pieces first (delta debugging), then single choices are lowered. A candidate's choices need not fit the run that
 * they lead to: a pick that is too large is the largest, one that is missing is the first; what the run then
 * really asked is the list that is kept. */
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
    bool replays;           /* the path itself breaks the property; false: nothing else is filled */
    struct xp_steps before, after; /* xp_steps_free */
    struct xp_verdict verdict; /* of the shrunk run */
    uint64_t tries;         /* replays that it took */
};

/* At most `steps_max` steps of the world are run for it. The property and the place (a step, the honest continuation) are
 * `verdict`'s and `in_heal`. */
void xp_shrink(struct xp_world *w, const struct xp_path *path, const struct xp_verdict *verdict, bool in_heal,
               uint64_t steps_max, struct xp_shrunk *out);
void xp_steps_free(struct xp_steps *s);

#endif
