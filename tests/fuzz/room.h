/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz targets have in common: a promise that is not kept aborts, and memory of just an input's size
 * as the kernel's readers see it. Nothing here knows what is read. */
#ifndef CAPOS_TESTS_FUZZ_ROOM_H
#define CAPOS_TESTS_FUZZ_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline void need(bool holds)
{
    if (!holds)
        abort();
}

/* Memory at the physical addresses [base, base + bytes). */
struct room {
    uint8_t *at;
    size_t bytes;
    uint64_t base;
};

/* For struct physical_reader; ctx is a room. NULL: not all of it lies there. */
static inline const uint8_t *room_at(void *ctx, uint64_t physical, uint64_t bytes)
{
    const struct room *r = ctx;

    if (physical < r->base || physical - r->base >= r->bytes || bytes > r->bytes - (physical - r->base))
        return NULL;
    return r->at + (physical - r->base);
}

#endif
