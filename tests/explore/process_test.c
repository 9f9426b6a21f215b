/* SPDX-License-Identifier: BSD-2-Clause */
/* World `process`: its regions hold all that a step can change, and the states that its fingerprints take for
 * one are one: the search that compares every word finds the same, to the same depth. */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/breadth.h"
#include "sim/explore/process_world.h"
#include "sim/explore/visited.h"

#define MEMORY_BYTES ((size_t)1 << 30)

static const struct pw_config configs[] = {
    {PW_PART_MOVES | PW_PART_COPIES | PW_PART_RELEASES | PW_PART_ENDS | PW_PART_MEMORY, 3, 0, 2, 0, 3},
    {PW_PART_RELEASES | PW_PART_TIMERS | PW_PART_WAITS | PW_PART_MAKES, 3, 0, 2, 0, 3},
    {PW_PART_MOVES | PW_PART_RELEASES, 2, 3, 1, 1, 4},
    {PW_PART_LIVES | PW_PART_RELEASES | PW_PART_ENDS, 1, 0, 1, 0, 3},
    {PW_PART_ROOM | PW_PART_RELEASES, 2, 0, 2, 0, 4},
};
#define CONFIGS (sizeof configs / sizeof *configs)

struct found {
    struct xp_visited set; /* canonical */
    uint64_t states;
    /* what may change in no region */
    struct pw_world *p;
    uint8_t *was, *allowed;
    size_t changed; /* byte of the world that did, and one; 0: none */
};

static void allow(struct found *f, const void *at, size_t bytes)
{
    memset(f->allowed + ((const uint8_t *)at - (const uint8_t *)f->p), 1, bytes);
}

/* The log's text is nobody's in this world, and counters are only told. What a turn knows is its own. */
static void allow_all(struct found *f)
{
    struct pw_world *p = f->p;

    for (uint32_t i = 0; i < p->world.region_count; i++)
        allow(f, p->world.regions[i].at, p->world.regions[i].bytes);
    allow(f, &p->world, sizeof p->world);
    allow(f, &p->core.audit, sizeof p->core.audit);
    allow(f, &p->first, sizeof *p - offsetof(struct pw_world, first));
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        struct process *k = &p->system.processes[i];

        allow(f, &k->entries, sizeof *k - offsetof(struct process, entries));
    }
}

static bool look(void *ctx, struct xp_world *w)
{
    struct found *f = ctx;
    const bool plain = w->unrenamed;
    const uint8_t *now = (const uint8_t *)f->p;

    w->unrenamed = false;
    (void)xp_visited_mark(&f->set, w->ops->fingerprint(w), XP_SEEN);
    w->unrenamed = plain;
    for (size_t i = 0; !plain && f->changed == 0 && i < sizeof *f->p; i++) {
        if (now[i] != f->was[i] && !f->allowed[i])
            f->changed = i + 1u;
    }
    return true;
}

static void find(const struct pw_config *config, bool plain, struct found *f)
{
    const struct xp_limits limits = {
        .memory_bytes = MEMORY_BYTES, .no_liveness = true, .entered = look, .entered_ctx = f};
    struct xp_result out;

    *f = (struct found){.p = pw_world_make(config)};
    cr_assert_not_null(f->p);
    f->was = malloc(sizeof *f->p);
    f->allowed = calloc(1, sizeof *f->p);
    cr_assert(xp_visited_init(&f->set, MEMORY_BYTES));
    cr_assert(xp_protected_start(&f->p->world));
    memcpy(f->was, f->p, sizeof *f->p);
    allow_all(f);
    f->p->world.unrenamed = plain;
    xp_breadth(&f->p->world, config->depth, &limits, &out);
    cr_assert_eq(out.violations, 0, "%s: %s", xp_property_name(out.verdict.property), out.verdict.what);
    cr_assert_null(out.cut);
    f->states = out.states;
    xp_path_free(&out.path);
    free(f->was);
    free(f->allowed);
    pw_world_free(f->p);
}

static size_t missing(const struct found *a, const struct found *b)
{
    size_t count = 0;

    for (uint32_t i = 0; i < XP_SHARDS; i++)
        for (size_t n = 0; n <= a->set.shards[i].mask; n++)
            count += a->set.shards[i].slots[n] != 0 &&
                     (xp_visited_marks(&b->set, a->set.shards[i].slots[n]) & XP_SEEN) == 0;
    return count;
}

Test(process, every_word_compared_finds_nothing_new)
{
    for (size_t i = 0; i < CONFIGS; i++) {
        struct found plain, reduced;

        find(&configs[i], true, &plain);
        find(&configs[i], false, &reduced);
        cr_log_info("%zu: %llu states without reductions, %llu with them", i,
                    (unsigned long long)plain.states, (unsigned long long)reduced.states);
        cr_expect_gt(plain.states, reduced.states, "%zu: nothing was reduced", i);
        cr_expect_eq(xp_visited_count(&reduced.set), reduced.states);
        cr_expect_eq(missing(&plain, &reduced), 0, "%zu: %zu states of the plain search are not in the other",
                     i, missing(&plain, &reduced));
        cr_expect_eq(missing(&reduced, &plain), 0, "%zu: %zu states are not in the plain search", i,
                     missing(&reduced, &plain));
        xp_visited_free(&plain.set);
        xp_visited_free(&reduced.set);
    }
}

Test(process, nothing_outside_the_regions_changes)
{
    for (size_t i = 0; i < CONFIGS; i++) {
        struct found f;

        find(&configs[i], false, &f);
        cr_expect_eq(f.changed, 0, "%zu: byte %zu changes in no region: core at %zu, system at %zu", i,
                     f.changed, offsetof(struct pw_world, core), offsetof(struct pw_world, system));
        xp_visited_free(&f.set);
    }
}
