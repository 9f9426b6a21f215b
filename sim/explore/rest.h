/* SPDX-License-Identifier: BSD-2-Clause */
/* Does everything come to rest? The honest continuation of a state, followed until it rests or meets a state
 * that is known to come to rest; what was passed on the way is known from then on. */
#ifndef CAPOS_EXPLORE_REST_H
#define CAPOS_EXPLORE_REST_H

#include "sim/explore/search.h"
#include "sim/explore/visited.h"

struct xp_rest {
    struct sim_choices none; /* it asks nothing */
    uint64_t way[XP_HEAL_STEPS_MAX];
};

void xp_rest_init(struct xp_rest *r);
/* From the state that the world is in, whose fingerprint is given; the world is elsewhere afterwards. False:
 * it does not, the world's verdict says why. Counts its steps. */
bool xp_comes_to_rest(struct xp_rest *r, struct xp_world *w, struct xp_visited *known, uint64_t fingerprint,
                      uint64_t *steps);

#endif
