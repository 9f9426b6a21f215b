/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs at random: that their lists of choices replay step by step, that rewinding leaves nothing behind, that
 * a broken property and a step never done are noticed. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/explore/random.h"
#include "sim/explore/ring_parts.h"
#include "sim/explore/shrink.h"

static struct ring_world *make(uint16_t size, uint16_t start, uint8_t lies)
{
    const struct ring_config config = {.size = size,
                                       .start = start,
                                       .batch_max = 1,
                                       .swarm = true,
                                       .lies_max = lies,
                                       .chains = (1u << RING_CHAIN_COUNT) - 1u,
                                       .lie_kinds = lies ? (1u << XP_LIE_COUNT) - 1u : 0};
    struct ring_world *r = ring_world_make(&config);

    cr_assert_not_null(r);
    return r;
}

/* All regions, one behind the other. */
static uint8_t *state_of(const struct xp_world *w, size_t *bytes)
{
    uint8_t *state;
    size_t at = 0;

    *bytes = 0;
    for (uint32_t i = 0; i < w->region_count; i++)
        *bytes += w->regions[i].bytes;
    state = malloc(*bytes);
    cr_assert_not_null(state);
    for (uint32_t i = 0; i < w->region_count; at += w->regions[i++].bytes)
        memcpy(state + at, w->regions[i].at, w->regions[i].bytes);
    return state;
}

static bool same(const struct xp_world *a, const struct xp_world *b)
{
    size_t a_bytes, b_bytes;
    uint8_t *a_state = state_of(a, &a_bytes);
    uint8_t *b_state = state_of(b, &b_bytes);
    const bool equal = a_bytes == b_bytes && memcmp(a_state, b_state, a_bytes) == 0;

    free(a_state);
    free(b_state);
    return equal;
}

static void run(struct ring_world *r, struct sim_choices *c, uint64_t seed, uint64_t steps,
                struct xp_random_run *out)
{
    sim_choices_init(c, SIM_CHOOSE_RANDOM, seed);
    r->world.choices = c;
    cr_expect(xp_random_run(&r->world, steps, out), "seed %llu: %s: %s", (unsigned long long)seed,
              xp_property_name(r->world.verdict.property), r->world.verdict.what);
}

/* Calls that ran through, and calls that are left at each yield: the same choices, the same state. */
static void replays(uint16_t size, uint16_t start, uint8_t lies, uint64_t seeds)
{
    struct ring_world *inline_world = make(size, start, lies);
    struct ring_world *stepped_world = make(size, start, lies);
    struct xp_random_run ran;
    struct xp_run again;
    struct sim_choices c;

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        run(inline_world, &c, seed, 300, &ran);
        const struct xp_path path = {.list = c.list, .count = c.count, .steps = ran.steps};
        xp_replay(&stepped_world->world, &path, true, NULL, NULL, &again);
        cr_assert(!again.diverged, "seed %llu leaves its list at choice %zu of %zu", (unsigned long long)seed,
                  again.diverged_at, path.count);
        cr_assert_eq(again.verdict.property, XP_HOLDS, "seed %llu: %s", (unsigned long long)seed,
                     again.verdict.what);
        cr_assert(same(&inline_world->world, &stepped_world->world), "seed %llu ends in another state",
                  (unsigned long long)seed);
        if (size <= 64)
            cr_assert_eq(ring_fingerprint(&inline_world->world), ring_fingerprint(&stepped_world->world));
        sim_choices_free(&c);
    }
    ring_world_free(inline_world);
    ring_world_free(stepped_world);
}

Test(random, a_run_replays_step_by_step)
{
    replays(2, 0xfffe, 0, 400);
    replays(8, 0xfff0, 0, 400);
    replays(64, 0xfff0, 0, 200);
    replays(256, 0xfff0, 0, 100);
}

Test(random, a_liars_run_replays_step_by_step)
{
    replays(2, 0, 3, 400);
    replays(8, 0xfff0, 2, 400);
    replays(256, 0xfff0, 1, 100);
}

/* A run begins where the first began, whatever the one before touched. */
static void rewinds(uint16_t size, uint8_t lies, uint64_t seeds)
{
    struct ring_world *fresh = make(size, 0xfff0, lies);
    struct ring_world *used = make(size, 0xfff0, lies);
    struct xp_random_run ran;
    struct sim_choices c;

    cr_assert(xp_protected_start(&fresh->world));
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        run(used, &c, seed, 500, &ran);
        cr_expect(seed != 1 || !same(&fresh->world, &used->world), "the run does nothing");
        cr_assert(xp_protected_start(&used->world));
        cr_assert(same(&fresh->world, &used->world), "something of run %llu is left",
                  (unsigned long long)seed);
        sim_choices_free(&c);
    }
    ring_world_free(fresh);
    ring_world_free(used);
}

Test(random, rewinding_leaves_nothing_behind)
{
    rewinds(256, 0, 200);
    rewinds(256, 1, 200);
    rewinds(1024, 0, 50);
}

/* More than three chains out count as broken. */
static enum xp_step step_with_bug(struct xp_world *w)
{
    struct ring_world *r = ring_of(w);
    const enum xp_step stepped = ring_swarm_ops.step(w);

    if (r->own->queue.in_flight > 3u)
        xp_violate(w, XP_P1, "planted");
    return stepped;
}

/* Found at random, made again step by step, made short. */
static void planted(uint16_t size, uint64_t steps)
{
    struct xp_world_ops ops = ring_swarm_ops;
    struct ring_world *r = make(size, 0xfff0, 0);
    const struct xp_random_plan plan = {.first_seed = 1, .runs = 1000};
    const struct xp_limits limits = {0};
    const struct xp_shrink_limits shrink = {.steps = steps, .bytes = 1u << 26};
    struct xp_result result;
    struct xp_shrunk shrunk;
    struct xp_run again;
    uint64_t seed = 0;

    ops.step = step_with_bug;
    r->world.ops = &ops;
    xp_random_runs(&r->world, &plan, &limits, &result, &seed);
    cr_assert_eq(result.violations, 1);
    cr_assert_eq(result.verdict.property, XP_P1);
    cr_assert_eq(seed, result.states, "the seed is that of the last run");
    cr_assert_gt(result.path.count, 0);
    xp_replay(&r->world, &result.path, false, NULL, NULL, &again);
    cr_assert_eq(again.verdict.property, XP_P1);
    cr_assert_eq(again.used, result.path.count);
    xp_shrink(&r->world, &result.path, &result.verdict, result.in_heal, &shrink, &shrunk);
    cr_assert(shrunk.replays);
    cr_expect_lt(shrunk.after.count, 50, "%zu choices are left of %zu", shrunk.after.count,
                 result.path.count);
    xp_steps_free(&shrunk.before);
    xp_steps_free(&shrunk.after);
    xp_path_free(&result.path);
    ring_world_free(r);
}

Test(random, a_broken_property_comes_with_its_seed_and_its_choices)
{
    planted(16, 1000000);
    planted(8192, 50000);
}

Test(random, what_was_never_done_is_named)
{
    struct ring_world *r = make(16, 0, 0);
    struct xp_random_plan plan = {.first_seed = 1, .runs = 100, .must = 1ull << XP_M_FETCH};
    const struct xp_limits limits = {0};
    struct xp_result result;
    uint64_t seed;

    xp_random_runs(&r->world, &plan, &limits, &result, &seed);
    cr_expect_null(result.cut);
    plan.must |= 1ull << XP_M_LIE_FLAGS;
    xp_random_runs(&r->world, &plan, &limits, &result, &seed);
    cr_assert_str_eq(result.cut, xp_mark_text(XP_M_LIE_FLAGS));
    ring_world_free(r);
}
