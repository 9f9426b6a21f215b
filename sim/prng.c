/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/prng.h"

#include <string.h>

#include "abi/assert.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

void sim_prng_seed(struct sim_prng *g, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        g->s[i] = splitmix(&seed);
}

uint64_t sim_prng_next(struct sim_prng *g)
{
    uint64_t result = rotate_left(g->s[1] * 5, 7) * 9;
    uint64_t t = g->s[1] << 17;
    g->s[2] ^= g->s[0];
    g->s[3] ^= g->s[1];
    g->s[1] ^= g->s[2];
    g->s[0] ^= g->s[3];
    g->s[2] ^= t;
    g->s[3] = rotate_left(g->s[3], 45);
    return result;
}

uint32_t sim_prng_below(struct sim_prng *g, uint32_t n)
{
    ASSERT(n != 0);
    /* Multiply-shift; the bias of n / 2^32 is below what any run could see. */
    return (uint32_t)(((sim_prng_next(g) >> 32) * n) >> 32);
}

void sim_prng_fill(struct sim_prng *g, void *out, size_t bytes)
{
    uint8_t *at = out;
    while (bytes != 0) {
        uint64_t word = sim_prng_next(g);
        size_t take = bytes < sizeof word ? bytes : sizeof word;
        memcpy(at, &word, take);
        at += take;
        bytes -= take;
    }
}
