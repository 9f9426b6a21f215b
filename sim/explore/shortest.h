/* SPDX-License-Identifier: BSD-2-Clause */
/* The shortest way to a broken property: breadth first from the first state, as far as a bound on memory
 * goes. What taking steps out of a long path cannot find, this finds while the states around the start are
 * few. */
#ifndef CAPOS_EXPLORE_SHORTEST_H
#define CAPOS_EXPLORE_SHORTEST_H

#include "sim/explore/search.h"

struct xp_wanted {
    enum xp_property property;
    bool in_heal; /* broken in the honest continuation, not in a step */
    size_t steps_max; /* of the way */
    size_t bytes_max;
};

/* True: `out` is a way of the fewest steps, to be freed by xp_path_free. The world must not have been started
 * otherwise since: it is started here. False also for a world without fingerprints. */
bool xp_shortest(struct xp_world *w, const struct xp_wanted *wanted, struct xp_path *out);

#endif
