/* SPDX-License-Identifier: BSD-2-Clause */
/* Worlds whose whole run is one step: every combination of its choices in turn, or drawn ones. Not a search:
 * runs do not know of each other, so none has to be remembered. */
#ifndef CAPOS_EXPLORE_EVERY_H
#define CAPOS_EXPLORE_EVERY_H

#include "sim/explore/search.h"

#define XP_EVERY_SECONDS_MAX                                                                                 \
    10 /* of processor time for the runs of one turn: an endless one, and nothing else */

/* Starts the world once and steps it. `drawn`: so many runs with choices from the generator; 0: every
 * combination. The limits' progress is called every `turn` runs, a power of two. Fills `out`: states and
 * transitions are runs. */
void xp_every(struct xp_world *w, uint64_t drawn, uint64_t turn, const struct xp_limits *limits,
              struct xp_result *out);

#endif
