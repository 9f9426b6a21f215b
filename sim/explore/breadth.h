/* SPDX-License-Identifier: BSD-2-Clause */
/* Search by levels: every state within a number of steps of the first one, each expanded once, at its least
 * distance. For worlds that do not close: what it says is "all that so many steps can do". Of each state the
 * choices of its step and the state before are kept, nothing else: it is made again from the first state when
 * its turn comes. */
#ifndef CAPOS_EXPLORE_BREADTH_H
#define CAPOS_EXPLORE_BREADTH_H

#include "sim/explore/search.h"

/* As xp_search, to `levels` steps. out->depth: steps done in full; closed: nothing new was left before that.
 * A counter-example is as short as any. The honest continuation of each state must come to rest by itself. */
void xp_breadth(struct xp_world *w, uint32_t levels, const struct xp_limits *limits, struct xp_result *out);

#endif
