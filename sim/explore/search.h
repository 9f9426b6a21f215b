/* SPDX-License-Identifier: BSD-2-Clause */
/* Exhaustive search: depth first over every combination of choices of every step, states remembered by
 * fingerprint, until nothing new is found. Of each new state the honest, fair continuation is followed to
 * rest. */
#ifndef CAPOS_EXPLORE_SEARCH_H
#define CAPOS_EXPLORE_SEARCH_H

#include "sim/explore/world.h"

#define XP_HEAL_STEPS_MAX 20000u

struct xp_limits {
    size_t memory_bytes; /* of visited states and stack together */
    uint64_t states_max; /* 0: no limit */
    bool no_liveness;
    /* Called about once a second with the counts so far; NULL: never. False ends the search. */
    bool (*progress)(void *ctx, uint64_t states, uint64_t transitions);
    void *progress_ctx;
    /* Called with the world in each new state, the first included; NULL: never. False: the search does not go
     * on from that state. It must leave the world as it is. */
    bool (*entered)(void *ctx, struct xp_world *w);
    void *entered_ctx;
};

/* The choices that lead to a violation, in order. */
struct xp_path {
    struct sim_choice *list;
    size_t count;
    size_t steps; /* of the world; the last ones may ask nothing */
};

struct xp_result {
    uint64_t states, transitions, healed; /* healed: steps of honest continuations */
    uint64_t depth; /* longest path, in steps */
    uint64_t violations; /* 1 when one was found: the search ends there */
    bool closed; /* nothing new is left */
    const char *cut; /* why not closed: "memory", "states", "interrupted", or NULL */
    uint64_t memory_bytes; /* peak of states and stack */
    double seconds;
    double missed; /* states expected to be taken for another */
    struct xp_verdict verdict;
    bool in_heal; /* broken in the honest continuation, after the path */
    struct xp_path path; /* xp_path_free */
};

void xp_search(struct xp_world *w, const struct xp_limits *limits, struct xp_result *out);
void xp_path_free(struct xp_path *path);

/* One run along `path` (tags are checked), step by step; then, with `heal`, its honest continuation to rest.
 */
struct xp_run {
    struct xp_verdict verdict; /* of the first broken property */
    bool in_heal;
    size_t steps;
    size_t used; /* choices used up to there */
    bool diverged;
    size_t diverged_at; /* choice */
};
/* `each`, when not NULL, is called before every step (counted from 1) and before the continuation (0). */
void xp_replay(struct xp_world *w, const struct xp_path *path, bool heal,
               void (*each)(void *ctx, size_t step), void *ctx, struct xp_run *out);
/* The honest continuation from the state that the world is in; fills verdict and in_heal. */
void xp_heal_on(struct xp_world *w, struct xp_run *out);

#endif
