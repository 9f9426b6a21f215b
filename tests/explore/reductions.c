/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches that keep what they visit, and sets of fingerprints. */
#include "reductions.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MEMORY_BYTES ((size_t)6 << 30)

struct collecting {
    struct collected *c;
    const struct outside *outside;
};

struct ring_config reductions_config(uint16_t size, enum xp_model model, uint16_t start)
{
    return (struct ring_config){.size = size,
                                .start = start,
                                .batch_max = 1,
                                .chains = 1u << RING_CHAIN_WRITABLE,
                                .model = model,
                                .suppress = true,
                                .resets = true};
}

static uint64_t canonical(struct xp_world *w)
{
    const struct xp_world was = *w;

    w->unrenamed = false;
    w->unrebased = false;
    w->hash_without = 0;
    w->hash_seed = 0;
    const uint64_t fingerprint = w->ops->fingerprint(w);
    w->unrenamed = was.unrenamed;
    w->unrebased = was.unrebased;
    w->hash_without = was.hash_without;
    w->hash_seed = was.hash_seed;
    return fingerprint;
}

static bool entered(void *ctx, struct xp_world *w)
{
    struct collecting *k = ctx;
    struct collected *c = k->c;
    const struct ring_world *r = (const struct ring_world *)(const void *)w;
    const uint16_t index = r->own->author.queues[0].ring.avail_idx;

    if (k->outside)
        outside_check(k->outside);
    if (!c->at_rest_only || (!r->call.active && r->order_state.waiting == 0))
        (void)xp_visited_mark(&c->set, canonical(w), XP_SEEN);
    return c->steps_max == 0 || (uint16_t)(index - r->config.start) < c->steps_max || index < c->steps_max;
}

void collect(const struct ring_config *config, struct collected *c)
{
    char name[120];
    struct ring_world *r = ring_world_make(config);
    struct collecting k = {.c = c};
    const struct xp_limits limits = {.memory_bytes = MEMORY_BYTES, .entered = entered, .entered_ctx = &k};

    cr_assert_not_null(r);
    cr_assert(xp_visited_init(&c->set, MEMORY_BYTES));
    r->world.hash_without = c->without;
    r->world.hash_seed = c->seed;
    if (c->same_memory) {
        cr_assert(xp_protected_start(&r->world));
        k.outside = outside_make(r);
    }
    xp_search(&r->world, &limits, &c->result);
    cr_assert(c->result.closed, "%s: not closed, %s %s %s", reductions_name(config, name),
              c->result.cut ? c->result.cut : "", xp_property_name(c->result.verdict.property),
              c->result.verdict.what);
    cr_assert(!c->set.full);
    outside_free((struct outside *)(uintptr_t)k.outside);
    ring_world_free(r);
}

void collected_free(struct collected *c)
{
    xp_visited_free(&c->set);
    xp_path_free(&c->result.path);
}

size_t collected_count(const struct collected *c)
{
    return xp_visited_count(&c->set);
}

void collected_add(struct collected *to, const struct collected *from)
{
    for (uint32_t i = 0; i < XP_SHARDS; i++)
        for (size_t n = 0; n <= from->set.shards[i].mask; n++)
            if (from->set.shards[i].slots[n] != 0)
                (void)xp_visited_mark(&to->set, from->set.shards[i].slots[n], XP_SEEN);
    cr_assert(!to->set.full);
}

size_t collected_missing(const struct collected *a, const struct collected *b)
{
    size_t missing = 0;

    for (uint32_t i = 0; i < XP_SHARDS; i++)
        for (size_t n = 0; n <= a->set.shards[i].mask; n++)
            missing += a->set.shards[i].slots[n] != 0 &&
                       (xp_visited_marks(&b->set, a->set.shards[i].slots[n]) & XP_SEEN) == 0;
    return missing;
}

const char *reductions_name(const struct ring_config *c, char *text)
{
    snprintf(text, 120, "size %u, %s, start 0x%04x, batch %u, chains %u%s, %u lies%s%s%s", c->size,
             xp_model_name(c->model), c->start, c->batch_max, c->chains,
             c->short_writes ? ", short writes" : "", c->lies_max, c->unrenamed ? ", unrenamed" : "",
             c->unrebased ? ", unrebased" : "", c->unhidden ? ", unhidden" : "");
    return text;
}
