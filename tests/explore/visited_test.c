/* SPDX-License-Identifier: BSD-2-Clause */
/* The set of states seen: growth, marks, the limit, and what its fingerprints cost. */
#include <criterion/criterion.h>

#include "sim/explore/visited.h"
#include "sim/prng.h"

#define MANY 300000u

Test(visited, keeps_everything_while_it_grows)
{
    struct xp_visited v;
    struct sim_prng g;
    cr_assert(xp_visited_init(&v, 64u << 20));
    sim_prng_seed(&g, 1);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(xp_visited_mark(&v, sim_prng_next(&g), XP_SEEN), 0, "state %u is taken for another", i);
    cr_assert_eq(xp_visited_count(&v), MANY);
    sim_prng_seed(&g, 1);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(xp_visited_mark(&v, sim_prng_next(&g), XP_SEEN), XP_SEEN, "state %u is lost", i);
    cr_assert_eq(xp_visited_count(&v), MANY);
    cr_assert(v.bytes <= 64u << 20);
    cr_assert_not(v.full);
    xp_visited_free(&v);
}

Test(visited, marks_are_apart_and_are_kept_when_it_grows)
{
    struct xp_visited v;
    cr_assert(xp_visited_init(&v, 64u << 20));
    cr_assert_eq(xp_visited_mark(&v, 77, XP_LIVE), 0);
    cr_assert_eq(xp_visited_mark(&v, 77, XP_SEEN), XP_LIVE);
    for (uint64_t i = 1; i < 50000; i++)
        (void)xp_visited_mark(&v, i * 0x9e3779b97f4a7c15u, XP_SEEN);
    cr_assert_eq(xp_visited_marks(&v, 77), XP_SEEN | XP_LIVE);
    cr_assert_eq(xp_visited_marks(&v, 0xdead00000000), 0);
    xp_visited_free(&v);
}

Test(visited, zero_is_a_fingerprint_like_any_other)
{
    struct xp_visited v;
    cr_assert(xp_visited_init(&v, 1u << 20));
    cr_assert_eq(xp_visited_mark(&v, 0, XP_SEEN), 0);
    cr_assert_eq(xp_visited_mark(&v, 0, XP_SEEN), XP_SEEN);
    xp_visited_free(&v);
}

Test(visited, takes_nothing_new_beyond_its_limit_and_forgets_nothing)
{
    struct xp_visited v;
    struct sim_prng g;
    uint64_t kept = 0;
    cr_assert(xp_visited_init(&v, 1u << 20));
    sim_prng_seed(&g, 2);
    while (!v.full && kept < MANY)
        kept += xp_visited_mark(&v, sim_prng_next(&g), XP_SEEN) == 0 && !v.full;
    cr_assert(v.full);
    cr_assert(v.bytes <= 1u << 20, "%zu bytes", v.bytes);
    cr_assert_eq(xp_visited_count(&v), kept);
    sim_prng_seed(&g, 2);
    for (uint64_t i = 0; i < kept; i++)
        cr_assert_eq(xp_visited_marks(&v, sim_prng_next(&g)), XP_SEEN);
    xp_visited_free(&v);
}

Test(visited, expected_misses_follow_from_the_width)
{
    cr_assert_eq(XP_FINGERPRINT_BITS, 62);
    cr_assert_float_eq(xp_visited_missed(3037000500.0), 1.0, 1e-6); /* the square root of 2^63 */
    cr_assert_float_eq(xp_visited_missed(0), 0, 0);
}
