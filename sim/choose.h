/* SPDX-License-Identifier: BSD-2-Clause */
/* choose(n, tag): the one source of everything that could have gone another way. Five back ends of one
 * function: always the first, the generator, a saved list, bytes of a fuzzer, and every combination in turn
 * (an odometer over the choices of one step). A run is its list of choices, stored as (tag, n, picked); the
 * list replays the run, and says at which step a changed build leaves it. */
#ifndef CAPOS_SIM_CHOOSE_H
#define CAPOS_SIM_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/prng.h"

#define SIM_TAG_BYTES        24u
#define SIM_STEP_CHOICES_MAX 16u /* choices of one step, when every combination is tried */
/* Recorded; beyond it the run goes on and the list says that it was cut. */
#define SIM_CHOICES_MAX (1u << 20)

enum sim_choose_mode {
    SIM_CHOOSE_FIRST = 0, /* always 0 */
    SIM_CHOOSE_RANDOM,
    SIM_CHOOSE_REPLAY,
    SIM_CHOOSE_NEAR, /* from a list that need not fit: a pick too large is the largest, one missing is 0 */
    SIM_CHOOSE_BYTES, /* from `bytes`; 0 when they are used up */
    SIM_CHOOSE_EVERY /* as the odometer stands */
};

struct sim_choice {
    const char *tag; /* constant text, or kept by the list that was loaded; NULL: any */
    uint32_t n;
    uint32_t picked;
};

/* The choices of one step. sim_odometer_next turns it on by one: the last choice that has another value. */
struct sim_odometer {
    uint16_t n[SIM_STEP_CHOICES_MAX];
    uint16_t picked[SIM_STEP_CHOICES_MAX];
    uint16_t count; /* choices known */
    uint16_t cursor; /* asked in this run of the step */
};
/* Before the step is run once more with the same choices so far. */
static inline void sim_odometer_rewind(struct sim_odometer *o)
{
    o->cursor = 0;
}
/* After a run of the step. False: every combination was tried. */
bool sim_odometer_next(struct sim_odometer *o);

struct sim_choices {
    enum sim_choose_mode mode;
    struct sim_prng prng;
    struct sim_choice *list; /* what was picked so far */
    size_t count, room;
    uint64_t asked;
    struct sim_choice *replay;
    size_t replay_count;
    bool diverged; /* replay: tag or n differed, or the list ended */
    size_t diverged_at; /* step, counted from 0 */
    struct sim_odometer *odometer; /* SIM_CHOOSE_EVERY: the caller's */
    const uint8_t *bytes; /* SIM_CHOOSE_BYTES: the caller's */
    size_t byte_count, byte_at;
    bool unrecorded; /* nothing is kept in `list` */
    char *tags; /* of a loaded list */
};

void sim_choices_init(struct sim_choices *c, enum sim_choose_mode mode, uint64_t seed);
void sim_choices_free(struct sim_choices *c);
/* 0..n-1; n at least 1. `choices` is a struct sim_choices: the signature is dm_choose's. `tag`: one word,
 * constant text, shorter than SIM_TAG_BYTES. */
uint32_t sim_choose(void *choices, uint32_t n, const char *tag);
/* The list or the bytes are used up: what is asked from now on is answered with 0. */
bool sim_choices_used_up(const struct sim_choices *c);

/* Text, one choice a line, after a header that names the run. Each line from `choices` on ends with a check
 * over all of the file before it, so that an edit is found where it is. */
struct sim_replay_header {
    uint64_t seed;
    char commit[64];
    char object[80]; /* hash of the provider object */
    char setup[160]; /* the run's own parameters, as one line of words */
};
bool sim_choices_save(const struct sim_choices *c, const struct sim_replay_header *h, FILE *out);
/* False with one line in `why` (at least 160 bytes) naming the offending line and the offset of its first
 * byte. On success the mode is replay. */
bool sim_choices_load(struct sim_choices *c, struct sim_replay_header *h, FILE *in, char *why,
                      size_t why_bytes);

#endif
