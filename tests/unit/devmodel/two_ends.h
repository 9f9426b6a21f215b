/* SPDX-License-Identifier: BSD-2-Clause */
/* Two backends back to back: what one sends the other receives, in virtual time that leaps to what is due. */
#ifndef TEST_TWO_ENDS_H
#define TEST_TWO_ENDS_H

#include "capos/devmodel.h"

struct two_ends {
    struct dm_backend *a, *b;
    uint64_t now_ns;
    uint64_t rounds;
    uint64_t hash; /* over every frame of both directions and its time */
};

/* Until `until_ns`, or until `done` says so; false: the time ran out first. `done` may be NULL. */
bool two_ends_run(struct two_ends *t, uint64_t until_ns, bool (*done)(void *ctx), void *ctx);

#endif
