/* SPDX-License-Identifier: BSD-2-Clause */
/* The run's one generator: xoshiro256** seeded through splitmix64 (Blackman and Vigna, public domain
 * algorithms). Same seed, same numbers, on every machine. */
#ifndef CAPOS_SIM_PRNG_H
#define CAPOS_SIM_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct sim_prng {
    uint64_t s[4];
};

void sim_prng_seed(struct sim_prng *g, uint64_t seed);
uint64_t sim_prng_next(struct sim_prng *g);
/* Uniform in 0..n-1; n at least 1. */
uint32_t sim_prng_below(struct sim_prng *g, uint32_t n);
void sim_prng_fill(struct sim_prng *g, void *out, size_t bytes);

#endif
