/* SPDX-License-Identifier: BSD-2-Clause */
/* Open addressing, linear probing, at most three quarters full. Owns its memory; trusts the fingerprint to be
 * well mixed. */
#include "sim/explore/visited.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/assert.h"

#define FIRST_SLOTS 256u
#define HUGE_BYTES  ((size_t)2 << 20)

/* Zeroed. Each look-up goes anywhere: large pages spare it the walk through the page tables. */
static uint64_t *slots_new(size_t slots)
{
    const size_t bytes = slots * sizeof(uint64_t);
    uint64_t *at;

    if (bytes < HUGE_BYTES)
        return calloc(slots, sizeof(uint64_t));
    at = aligned_alloc(HUGE_BYTES, bytes);
    if (at) {
        (void)madvise(at, bytes, MADV_HUGEPAGE);
        memset(at, 0, bytes);
    }
    return at;
}

bool xp_visited_init(struct xp_visited *v, size_t bytes_max)
{
    memset(v, 0, sizeof *v);
    v->bytes_max = bytes_max;
    for (uint32_t i = 0; i < XP_SHARDS; i++) {
        v->shards[i].slots = slots_new(FIRST_SLOTS);
        v->shards[i].mask = FIRST_SLOTS - 1u;
        if (!v->shards[i].slots) {
            xp_visited_free(v);
            return false;
        }
        v->bytes += FIRST_SLOTS * sizeof(uint64_t);
    }
    return true;
}

void xp_visited_free(struct xp_visited *v)
{
    for (uint32_t i = 0; i < XP_SHARDS; i++)
        free(v->shards[i].slots);
    memset(v, 0, sizeof *v);
}

static size_t place(const struct xp_shard *s, uint64_t key)
{
    size_t at = (size_t)key & s->mask;

    while (s->slots[at] != 0 && s->slots[at] >> 2 != key)
        at = (at + 1u) & s->mask;
    return at;
}

static bool grow(struct xp_visited *v, struct xp_shard *s)
{
    size_t slots = (s->mask + 1u) * 2u;
    struct xp_shard larger = {.mask = slots - 1u, .count = s->count};

    /* Old and new stand side by side while it grows. */
    if (v->bytes + slots * sizeof(uint64_t) > v->bytes_max)
        return false;
    larger.slots = slots_new(slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i <= s->mask; i++) {
        if (s->slots[i] != 0)
            larger.slots[place(&larger, s->slots[i] >> 2)] = s->slots[i];
    }
    v->bytes += (slots - (s->mask + 1u)) * sizeof(uint64_t);
    free(s->slots);
    *s = larger;
    return true;
}

/* 62 bits, never 0. */
static uint64_t key_of(uint64_t fingerprint)
{
    uint64_t key = fingerprint >> 2;

    return key != 0 ? key : 1;
}

static struct xp_shard *shard_of(const struct xp_visited *v, uint64_t key)
{
    _Static_assert(XP_SHARDS == 8, "three bits");
    return (struct xp_shard *)(uintptr_t)&v->shards[key >> 59];
}

unsigned xp_visited_mark(struct xp_visited *v, uint64_t fingerprint, unsigned mark)
{
    const uint64_t key = key_of(fingerprint);
    struct xp_shard *s = shard_of(v, key);
    size_t at = place(s, key);
    unsigned had = (unsigned)(s->slots[at] & 3u);

    ASSERT(mark == XP_SEEN || mark == XP_LIVE);
    if (s->slots[at] == 0) {
        if ((s->count + 1u) * 4u > (s->mask + 1u) * 3u) {
            if (!grow(v, s)) {
                v->full = true;
                return 0;
            }
            at = place(s, key);
        }
        s->slots[at] = key << 2;
        s->count++;
    }
    s->slots[at] |= mark;
    return had;
}

unsigned xp_visited_marks(const struct xp_visited *v, uint64_t fingerprint)
{
    const uint64_t key = key_of(fingerprint);
    const struct xp_shard *s = shard_of(v, key);

    return (unsigned)(s->slots[place(s, key)] & 3u);
}

size_t xp_visited_count(const struct xp_visited *v)
{
    size_t count = 0;

    for (uint32_t i = 0; i < XP_SHARDS; i++)
        count += v->shards[i].count;
    return count;
}

double xp_visited_missed(double states)
{
    return states * states / 9223372036854775808.0;
}
