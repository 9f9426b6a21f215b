/* SPDX-License-Identifier: BSD-2-Clause */
/* Cycles to nanoseconds without wide division: exact enough at every rate, never backwards, for a century. */
#include <criterion/criterion.h>

#include "platform/pc/platform_pc.h"

static const uint64_t rates[] = {1000000,    14318180,   999999999,   1000000000,  1000000001,
                                 2300000000, 2445505123, 3999999999u, 4294967296u, 20000000000u};

Test(clock, a_second_of_cycles_is_a_second)
{
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct pc_clock c = {0};
        pc_clock_set_rate(&c, rates[i]);
        for (uint64_t seconds = 1; seconds < 1000000; seconds *= 10) {
            uint64_t ns = pc_clock_ns(&c, rates[i] * seconds);
            uint64_t due = seconds * 1000000000u;
            uint64_t off = ns > due ? ns - due : due - ns;
            cr_assert_leq(off, due / 10000000 + 3, "%lu Hz, %lu s: %lu ns", (unsigned long)rates[i],
                          (unsigned long)seconds, (unsigned long)ns);
        }
    }
}

Test(clock, it_never_runs_backwards_where_the_halves_meet)
{
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct pc_clock c = {0};
        pc_clock_set_rate(&c, rates[i]);
        for (uint64_t turn = 1; turn < 1000; turn++) {
            uint64_t before = pc_clock_ns(&c, (turn << 32) - 1);
            uint64_t after = pc_clock_ns(&c, turn << 32);
            cr_assert_geq(after, before);
            cr_assert_leq(after - before, 1000000000u / rates[i] + 3);
        }
    }
}

Test(clock, a_century_fits)
{
    struct pc_clock c = {0};
    const uint64_t century_s = 100ull * 365 * 24 * 3600;
    pc_clock_set_rate(&c, 4000000000u);
    uint64_t ns = pc_clock_ns(&c, 4000000000u * century_s);
    cr_assert_leq(century_s - ns / 1000000000u, 400);
    cr_assert_geq(century_s, ns / 1000000000u);
}
