/* SPDX-License-Identifier: BSD-2-Clause */
/* The search, and what becomes of its paths: counted states, the limit, replay, the shrinker, the shortest
 * way. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/explore/shortest.h"
#include "sim/explore/shrink.h"
#include "tests/explore/toy.h"

static const struct xp_limits plenty = {.memory_bytes = 64u << 20};
static const struct xp_shrink_limits thorough = {.steps = 10000000, .bytes = 64u << 20, .short_enough = 1000};

Test(search, finds_every_state_and_closes)
{
    struct toy t;
    struct xp_result out;
    toy_init(&t, 7);
    xp_search(&t.world, &plenty, &out);
    cr_assert(out.closed);
    cr_assert_null(out.cut);
    cr_assert_eq(out.states, 7 * 7 * 4);
    cr_assert_eq(out.transitions, 7 * 7 * 4 * 6, "six ways on from each");
    cr_assert_eq(out.violations, 0);
}

Test(search, says_when_memory_ends_it)
{
    struct toy t;
    struct xp_result out;
    const struct xp_limits little = {.memory_bytes = 2u << 20};
    toy_init(&t, 400);
    xp_search(&t.world, &little, &out);
    cr_assert_not(out.closed);
    cr_assert_str_eq(out.cut, "memory");
    cr_assert_gt(out.states, 1000);
    cr_assert_leq(out.memory_bytes, 3u << 20);
}

static bool stop(void *ctx, uint64_t states, uint64_t transitions)
{
    (void)transitions;
    *(uint64_t *)ctx = states;
    return false;
}

Test(search, ends_when_it_is_told_to)
{
    struct toy t;
    struct xp_result out;
    uint64_t told = 0;
    const struct xp_limits limits = {.memory_bytes = 64u << 20, .progress = stop, .progress_ctx = &told};
    toy_init(&t, 400);
    xp_search(&t.world, &limits, &out);
    cr_assert_str_eq(out.cut, "interrupted");
    cr_assert_not(out.closed);
    cr_assert_gt(told, 0);
}

/* A path to P1, as the search finds it. */
static void break_it(struct toy *t, struct xp_result *out)
{
    toy_init(t, 40);
    t->breaks_left = 5;
    xp_search(&t->world, &plenty, out);
    cr_assert_eq(out->violations, 1);
    cr_assert_eq(out->verdict.property, XP_P1);
    cr_assert_not(out->in_heal);
    cr_assert_gt(out->path.steps, 6);
}

static size_t steps_told;

static void count_steps(void *ctx, size_t step)
{
    cr_assert_eq(step, ++*(size_t *)ctx);
}

Test(replay, a_path_of_the_search_breaks_the_same)
{
    struct toy t;
    struct xp_result out;
    struct xp_run run;
    break_it(&t, &out);
    xp_replay(&t.world, &out.path, true, count_steps, &steps_told, &run);
    cr_assert_eq(run.verdict.property, XP_P1);
    cr_assert_str_eq(run.verdict.what, out.verdict.what);
    cr_assert_not(run.diverged);
    cr_assert_eq(run.used, out.path.count);
    cr_assert_eq(run.steps, out.path.steps);
    cr_assert_eq(steps_told, out.path.steps);
    xp_path_free(&out.path);
}

Test(replay, says_at_which_step_the_list_no_longer_fits)
{
    struct toy t;
    struct xp_run run;
    struct sim_choice list[] = {{"who", 3, 2}, {"flag", 4, 3}, {"who", 3, 0}, {"who", 3, 0},
                                {"who", 3, 0}, {"who", 3, 0},  {"who", 3, 0}, {"coin", 4, 1}};
    const struct xp_path path = {list, 8, 6};
    toy_init(&t, 40);
    t.breaks_left = 5;
    xp_replay(&t.world, &path, true, NULL, NULL, &run);
    cr_assert_eq(run.verdict.property, XP_P1, "it fits as it is");
    list[3].n = 5;
    xp_replay(&t.world, &path, true, NULL, NULL, &run);
    cr_assert(run.diverged);
    cr_assert_eq(run.steps, 3);
    cr_assert_eq(run.diverged_at, 3);
    cr_assert_eq(run.verdict.property, XP_HOLDS);
    list[3].n = 3;
    list[7].tag = "other";
    xp_replay(&t.world, &path, true, NULL, NULL, &run);
    cr_assert(run.diverged);
    cr_assert_eq(run.steps, 6);
    cr_assert_eq(run.verdict.property, XP_HOLDS, "what a run breaks that left its list does not count");
    t.breaks_left = 0; /* no coin is asked for: a choice is left over */
    xp_replay(&t.world, &path, true, NULL, NULL, &run);
    cr_assert(run.diverged);
    cr_assert_eq(run.diverged_at, 7);
}

Test(shrink, a_long_path_becomes_the_few_choices_that_matter)
{
    struct toy t;
    struct xp_result out;
    struct xp_shrunk shrunk;
    break_it(&t, &out);
    xp_shrink(&t.world, &out.path, &out.verdict, false, &thorough, &shrunk);
    cr_assert(shrunk.replays);
    cr_assert_eq(shrunk.before.count, out.path.count);
    cr_assert_eq(shrunk.after.steps, 6, "the flag, then five to the left: %zu", shrunk.after.steps);
    cr_assert_eq(shrunk.after.count, 8, "six who, the flag, the coin: %zu", shrunk.after.count);
    cr_assert_eq(shrunk.verdict.property, XP_P1);
    const struct xp_path path = {shrunk.after.list, shrunk.after.count, shrunk.after.steps};
    struct xp_run run;
    xp_replay(&t.world, &path, false, NULL, NULL, &run);
    cr_assert_eq(run.verdict.property, XP_P1, "what is written replays");
    cr_assert_str_eq(shrunk.after.list[0].tag, "who", "with its tags");
    xp_steps_free(&shrunk.before);
    xp_steps_free(&shrunk.after);
    xp_path_free(&out.path);
}

Test(shrink, keeps_to_what_is_broken_in_the_continuation)
{
    struct toy t;
    struct xp_result out;
    struct xp_shrunk shrunk;
    toy_init(&t, 40);
    t.stuck_right = 4;
    xp_search(&t.world, &plenty, &out);
    cr_assert(out.in_heal);
    cr_assert_eq(out.verdict.property, XP_P3);
    xp_shrink(&t.world, &out.path, &out.verdict, true, &thorough, &shrunk);
    cr_assert(shrunk.replays);
    cr_assert_eq(shrunk.after.steps, 4);
    cr_assert_eq(shrunk.after.count, 4);
    xp_steps_free(&shrunk.before);
    xp_steps_free(&shrunk.after);
    xp_path_free(&out.path);
}

Test(shrink, says_when_a_path_does_not_replay)
{
    struct toy t;
    struct xp_result out;
    struct xp_shrunk shrunk;
    break_it(&t, &out);
    t.forgets = true; /* breaks once more, and then no longer */
    t.hidden = 1;
    xp_shrink(&t.world, &out.path, &out.verdict, false, &thorough, &shrunk);
    cr_assert_not(shrunk.replays);
    cr_assert_null(shrunk.after.list);
    xp_path_free(&out.path);
}

Test(shrink, keeps_to_its_bound_of_steps)
{
    struct toy t;
    struct xp_result out;
    struct xp_shrunk shrunk;
    const struct xp_shrink_limits none = {.steps = 0, .bytes = 0, .short_enough = 0};
    break_it(&t, &out);
    xp_shrink(&t.world, &out.path, &out.verdict, false, &none, &shrunk);
    cr_assert(shrunk.replays);
    cr_assert_eq(shrunk.after.steps, out.path.steps, "as long as it was");
    xp_steps_free(&shrunk.before);
    xp_steps_free(&shrunk.after);
    xp_path_free(&out.path);
}

Test(shortest, finds_the_fewest_steps)
{
    struct toy t;
    struct xp_path path;
    struct xp_run run;
    const struct xp_wanted wanted = {XP_P1, false, 100, 64u << 20};
    toy_init(&t, 40);
    t.breaks_left = 5;
    cr_assert(xp_shortest(&t.world, &wanted, &path));
    cr_assert_eq(path.steps, 6);
    xp_replay(&t.world, &path, false, NULL, NULL, &run);
    cr_assert_eq(run.verdict.property, XP_P1);
    xp_path_free(&path);
}

Test(shortest, gives_up_at_its_bounds_and_on_another_property)
{
    struct toy t;
    struct xp_path path;
    toy_init(&t, 40);
    t.breaks_left = 5;
    cr_assert_not(xp_shortest(&t.world, &(struct xp_wanted){XP_P1, false, 5, 64u << 20}, &path),
                  "one step too few");
    cr_assert_not(xp_shortest(&t.world, &(struct xp_wanted){XP_P2, false, 100, 64u << 20}, &path));
    cr_assert_not(xp_shortest(&t.world, &(struct xp_wanted){XP_P1, false, 100, 1u << 10}, &path),
                  "no memory");
}
