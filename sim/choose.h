/* SPDX-License-Identifier: BSD-2-Clause */
/* choose(n, tag): the one source of everything that could have gone another way. A run is its list of
 * choices, stored as (tag, n, picked); the list replays the run, and says at which step a changed build
 * leaves it. */
#ifndef CAPOS_SIM_CHOOSE_H
#define CAPOS_SIM_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/prng.h"

#define SIM_TAG_BYTES 24u
#define SIM_CHOICES_MAX (1u << 20) /* recorded; beyond it the run goes on and the list says that it was cut */

enum sim_choose_mode {
    SIM_CHOOSE_FIRST = 0, /* always 0 */
    SIM_CHOOSE_RANDOM,
    SIM_CHOOSE_REPLAY
};

struct sim_choice {
    char tag[SIM_TAG_BYTES];
    uint32_t n;
    uint32_t picked;
};

struct sim_choices {
    enum sim_choose_mode mode;
    struct sim_prng prng;
    struct sim_choice *list;  /* what was picked so far */
    size_t count, room;
    uint64_t asked;
    struct sim_choice *replay;
    size_t replay_count;
    bool diverged;            /* replay: tag or n differed, or the list ended */
    size_t diverged_at;       /* step, counted from 0 */
};

void sim_choices_init(struct sim_choices *c, enum sim_choose_mode mode, uint64_t seed);
void sim_choices_free(struct sim_choices *c);
/* 0..n-1; n at least 1. `choices` is a struct sim_choices: the signature is dm_choose's. */
uint32_t sim_choose(void *choices, uint32_t n, const char *tag);

/* Text, one choice a line, after a header that names the run. */
struct sim_replay_header {
    uint64_t seed;
    char commit[64];
    char object[80];     /* hash of the provider object */
    char setup[160];     /* the run's own parameters, as one line of words */
};
bool sim_choices_save(const struct sim_choices *c, const struct sim_replay_header *h, FILE *out);
/* False with one line in `why` (at least 160 bytes) naming the offending line. On success the mode is replay.
 */
bool sim_choices_load(struct sim_choices *c, struct sim_replay_header *h, FILE *in, char *why,
                      size_t why_bytes);

#endif
