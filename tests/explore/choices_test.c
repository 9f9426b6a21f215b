/* SPDX-License-Identifier: BSD-2-Clause */
/* The back ends of choose() that the explorer lives on: every combination in turn, bytes, a list that need
 * not fit. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/choose.h"

static struct sim_choices every(struct sim_odometer *o)
{
    struct sim_choices c;
    memset(o, 0, sizeof *o);
    sim_choices_init(&c, SIM_CHOOSE_EVERY, 0);
    c.odometer = o;
    return c;
}

Test(odometer, tries_every_combination_once)
{
    struct sim_odometer o;
    struct sim_choices c = every(&o);
    unsigned seen[2][3][4] = {0};
    unsigned runs = 0;
    do {
        sim_odometer_rewind(&o);
        unsigned a = sim_choose(&c, 2, "a"), b = sim_choose(&c, 3, "b"), d = sim_choose(&c, 4, "c");
        seen[a][b][d]++;
        runs++;
    } while (sim_odometer_next(&o));
    cr_assert_eq(runs, 24);
    for (unsigned i = 0; i < 24; i++)
        cr_assert_eq((&seen[0][0][0])[i], 1);
}

Test(odometer, follows_choices_that_depend_on_earlier_ones)
{
    struct sim_odometer o;
    struct sim_choices c = every(&o);
    unsigned short_runs = 0, long_runs = 0;
    do {
        sim_odometer_rewind(&o);
        if (sim_choose(&c, 3, "a") != 1) {
            short_runs++;
            continue;
        }
        (void)sim_choose(&c, 5, "b");
        long_runs++;
    } while (sim_odometer_next(&o));
    cr_assert_eq(short_runs, 2);
    cr_assert_eq(long_runs, 5);
}

Test(odometer, a_step_without_choices_is_run_once)
{
    struct sim_odometer o;
    (void)every(&o);
    sim_odometer_rewind(&o);
    cr_assert_not(sim_odometer_next(&o));
}

Test(bytes, decide_and_are_used_up)
{
    static const uint8_t bytes[] = {7, 0x01, 0x02};
    struct sim_choices c;
    sim_choices_init(&c, SIM_CHOOSE_BYTES, 0);
    c.bytes = bytes;
    c.byte_count = sizeof bytes;
    cr_assert_eq(sim_choose(&c, 1, "none"), 0);
    cr_assert_eq(c.byte_at, 0, "a choice of one takes no byte");
    cr_assert_eq(sim_choose(&c, 5, "one"), 2);
    cr_assert_eq(sim_choose(&c, 1000, "two"), 0x102);
    cr_assert(sim_choices_used_up(&c));
    cr_assert_eq(sim_choose(&c, 9, "beyond"), 0);
    cr_assert_eq(c.count, 4, "what bytes decided is a list like any other");
    cr_assert_eq(c.list[2].picked, 0x102);
    sim_choices_free(&c);
}

Test(near, takes_the_nearest_that_fits)
{
    struct sim_choice list[] = {{NULL, 9, 8}, {"x", 4, 1}};
    struct sim_choices c;
    sim_choices_init(&c, SIM_CHOOSE_NEAR, 0);
    c.replay = list;
    c.replay_count = 2;
    cr_assert_eq(sim_choose(&c, 3, "a"), 2, "too large: the largest");
    cr_assert_eq(sim_choose(&c, 4, "b"), 1);
    cr_assert_eq(sim_choose(&c, 4, "c"), 0, "missing: the first");
    cr_assert_not(c.diverged);
    c.replay = NULL;
    sim_choices_free(&c);
}
