/* SPDX-License-Identifier: BSD-2-Clause */
/* A world small enough to be counted by hand: two counters that go round, a flag, and a property to break. */
#ifndef CAPOS_TESTS_EXPLORE_TOY_H
#define CAPOS_TESTS_EXPLORE_TOY_H

#include "sim/explore/search.h"

struct toy_state {
    uint64_t left, right, flag;
};

struct toy {
    struct xp_world world;
    struct toy_state state;
    uint64_t modulus; /* of both counters */
    uint64_t breaks_left; /* P1 when left is that much, flag is 3 and a coin falls on 1; 0: never */
    uint64_t stuck_right; /* the honest continuation does not come to rest from this right on; 0: never */
    bool forgets; /* a step that depends on what is not in its state */
    uint64_t hidden;
};

void toy_init(struct toy *t, uint64_t modulus);

#endif
