/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a check of a secret has to wait: longer with each wrong one, by source and, for sources from
 * afar, over all of them. Pure: time comes in as a number. Nothing is ever locked: it only waits, at most
 * DELAYS_MOST_NS. The console waits for its own mistakes alone, and so does a source that was right before:
 * nobody can hold up the operator by being wrong elsewhere. */
#ifndef CAPOS_USER_AUTHD_DELAYS_H
#define CAPOS_USER_AUTHD_DELAYS_H

#include <stdbool.h>
#include <stdint.h>

#define DELAYS_SOURCES      16u /* from afar; the one that was wrong longest ago makes room */
#define DELAYS_FREE         3u /* wrong secrets of a source that cost nothing */
#define DELAYS_FREE_ALL     12u /* of all sources from afar together */
#define DELAYS_FIRST_NS     1000000000ull /* then doubles with each */
#define DELAYS_MOST_NS      60000000000ull
#define DELAYS_FORGOTTEN_NS 900000000000ull /* after that long without a wrong one all is as at first */

struct delays_count {
    uint32_t wrong; /* one after the other */
    uint64_t last_ns; /* the last of them, or when it was right */
    uint64_t until_ns; /* no check before */
};

struct delays_source {
    uint64_t source;
    bool used;
    bool right_before;
    struct delays_count count;
};

struct delays {
    struct delays_count console, all;
    struct delays_source sources[DELAYS_SOURCES];
};

void delays_init(struct delays *d);
/* When a secret from `source` (abi/login.h) may be checked: `now_ns`, or later. */
uint64_t delays_due(const struct delays *d, uint64_t source, uint64_t now_ns);
/* It was checked, and was right or not. */
void delays_checked(struct delays *d, uint64_t source, uint64_t now_ns, bool right);

#endif
