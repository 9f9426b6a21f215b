/* SPDX-License-Identifier: BSD-2-Clause */
/* The backends' own generator: splitmix64 (Steele, Lea and Flood 2014, public domain code by Vigna). Same
 * seed, same numbers. Private to devmodel. */
#ifndef DM_RANDOM_H
#define DM_RANDOM_H

#include <stdint.h>

struct dm_random {
    uint64_t state;
};

/* Well mixed from any value: also used to name one byte of an endless pattern. */
static inline uint64_t dm_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t dm_random_next(struct dm_random *r)
{
    return dm_mix(r->state += 0x9e3779b97f4a7c15u);
}

/* 0..n-1, n at least 1; the bias is below n / 2^32. */
static inline uint32_t dm_random_below(struct dm_random *r, uint32_t n)
{
    return (uint32_t)(((dm_random_next(r) >> 32) * n) >> 32);
}

#endif
