/* SPDX-License-Identifier: BSD-2-Clause */
/* A world's regions hold all that a step can change: memory beside them is compared with what it was. */
#include "reductions.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX 32

struct block {
    const uint8_t *at;
    size_t bytes;
    uint8_t *was; /* copy */
    uint8_t *inside; /* per byte: may change */
    size_t first[RANGES_MAX], length[RANGES_MAX], ranges; /* that may not */
};

struct outside {
    struct block blocks[2];
};

static void allow(struct block *b, const void *at, size_t bytes)
{
    const uint8_t *first = at;

    for (size_t i = 0; i < bytes; i++)
        if (first + i >= b->at && first + i < b->at + b->bytes)
            b->inside[first + i - b->at] = 1;
}

static struct block block_of(struct ring_world *r, const void *at, size_t bytes)
{
    struct block b = {.at = at, .bytes = bytes, .was = malloc(bytes), .inside = calloc(1, bytes)};

    memcpy(b.was, at, bytes);
    for (uint32_t i = 0; i < r->world.region_count; i++)
        allow(&b, r->world.regions[i].at, r->world.regions[i].bytes);
    /* A count of bells for whoever wants to know: nothing is decided by it. */
    allow(&b, &r->own->author.bells, sizeof r->own->author.bells);
    for (size_t n = 0; n < bytes; n++) {
        if (b.inside[n])
            continue;
        if (n == 0 || b.inside[n - 1])
            b.first[b.ranges++] = n;
        cr_assert_lt(b.ranges, RANGES_MAX);
        b.length[b.ranges - 1]++;
    }
    cr_assert_gt(b.ranges, 0);
    return b;
}

struct outside *outside_make(struct ring_world *r)
{
    struct outside *o = calloc(1, sizeof *o);

    o->blocks[0] = block_of(r, r->driver.private_memory.at, r->driver.private_memory.bytes);
    o->blocks[1] = block_of(r, r->memory, r->memory_bytes);
    return o;
}

void outside_check(const struct outside *o)
{
    for (int i = 0; i < 2; i++) {
        const struct block *b = &o->blocks[i];

        for (size_t n = 0; n < b->ranges; n++)
            cr_assert_eq(memcmp(b->at + b->first[n], b->was + b->first[n], b->length[n]), 0,
                         "block %d changed outside every region, between %zu and %zu", i, b->first[n],
                         b->first[n] + b->length[n]);
    }
}

void outside_free(struct outside *o)
{
    for (int i = 0; o && i < 2; i++) {
        free(o->blocks[i].was);
        free(o->blocks[i].inside);
    }
    free(o);
}
