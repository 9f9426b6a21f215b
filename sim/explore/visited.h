/* SPDX-License-Identifier: BSD-2-Clause */
/* The set of states seen: fingerprints of 62 bits, two marks each. Sharded by the fingerprint's top bits;
 * each shard grows by itself, up to a limit over all of them. */
#ifndef CAPOS_EXPLORE_VISITED_H
#define CAPOS_EXPLORE_VISITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XP_SHARDS           8u
#define XP_FINGERPRINT_BITS 62u
#define XP_SEEN             1u /* explored, or about to be */
#define XP_LIVE             2u /* its honest continuation is known to come to rest */

struct xp_shard {
    uint64_t *slots; /* fingerprint << 2 | marks; 0: empty */
    size_t mask;
    size_t count;
};

struct xp_visited {
    struct xp_shard shards[XP_SHARDS];
    size_t bytes, bytes_max;
    bool full; /* the limit was reached: the set takes nothing new */
};

/* False: no memory for the smallest set. */
bool xp_visited_init(struct xp_visited *v, size_t bytes_max);
void xp_visited_free(struct xp_visited *v);
/* Adds `mark` to the state's marks; returns those that it had. When the set is full and the state is new:
 * returns 0 and sets `full`. */
unsigned xp_visited_mark(struct xp_visited *v, uint64_t fingerprint, unsigned mark);
unsigned xp_visited_marks(const struct xp_visited *v, uint64_t fingerprint);
size_t xp_visited_count(const struct xp_visited *v);
/* Expected number of states taken for another one: n squared over 2^63. */
double xp_visited_missed(double states);

#endif
