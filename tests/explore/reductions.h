/* SPDX-License-Identifier: BSD-2-Clause */
/* What the checks of the reductions share: a search that keeps the canonical fingerprints of the states that
 * it visits, whatever fingerprints it searches by. */
#ifndef CAPOS_TESTS_EXPLORE_REDUCTIONS_H
#define CAPOS_TESTS_EXPLORE_REDUCTIONS_H

#include "sim/explore/ring_world.h"
#include "sim/explore/search.h"
#include "sim/explore/visited.h"

struct collected {
    struct xp_visited set; /* canonical fingerprints, marked XP_SEEN */
    struct xp_result result;
    bool at_rest_only; /* keep states in which no call is under way and no store waits */
    bool same_memory; /* check of each state what lies outside the regions */
    uint16_t steps_max; /* the search goes on while the available index is this near to the start or to 0
                           (after a reset); 0: everywhere */
    uint64_t without; /* field groups that the search does without */
    uint64_t seed;
};

/* The smallest world: one kind of chain, suppression, resets. */
struct ring_config reductions_config(uint16_t size, enum xp_model model, uint16_t start);
/* Fills set and result; asserts that the search closed without a violation. Freed with collected_free. */
void collect(const struct ring_config *config, struct collected *c);
void collected_free(struct collected *c);
size_t collected_count(const struct collected *c);
/* Adds all of `from`. */
void collected_add(struct collected *to, const struct collected *from);
/* How many of a's fingerprints are not in b. */
size_t collected_missing(const struct collected *a, const struct collected *b);
/* What the config says, in a few words; `text` holds 120 bytes. */
const char *reductions_name(const struct ring_config *config, char *text);

/* Driver-private and shared memory outside the world's regions, as it was after start. */
struct outside;
struct outside *outside_make(struct ring_world *r);
void outside_check(const struct outside *o);
void outside_free(struct outside *o);

#endif
