/* SPDX-License-Identifier: BSD-2-Clause */
/* Choices: same seed same picks, a saved list replays, a spoiled list is refused with its line. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/choose.h"

static const struct sim_replay_header header = {7, "abc123", "sha256:00", "nic=modern backend=script"};

static void draw(struct sim_choices *c, uint32_t *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        out[i] = sim_choose(c, i + 1, "draw");
}

Test(choose, same_seed_picks_the_same_and_another_seed_does_not)
{
    struct sim_choices a, b, other;
    uint32_t x[64], y[64], z[64];
    sim_choices_init(&a, SIM_CHOOSE_RANDOM, 42);
    sim_choices_init(&b, SIM_CHOOSE_RANDOM, 42);
    sim_choices_init(&other, SIM_CHOOSE_RANDOM, 43);
    draw(&a, x, 64);
    draw(&b, y, 64);
    draw(&other, z, 64);
    cr_assert_arr_eq(x, y, sizeof x);
    cr_assert_neq(memcmp(x, z, sizeof x), 0);
    for (unsigned i = 0; i < 64; i++)
        cr_assert_lt(x[i], i + 1);
    sim_choices_free(&a);
    sim_choices_free(&b);
    sim_choices_free(&other);
}

Test(choose, generator_reaches_every_value)
{
    struct sim_prng g;
    unsigned seen[7] = {0};
    sim_prng_seed(&g, 1);
    for (unsigned i = 0; i < 7000; i++)
        seen[sim_prng_below(&g, 7)]++;
    for (unsigned i = 0; i < 7; i++)
        cr_assert(seen[i] > 800 && seen[i] < 1200, "value %u came %u times of 7000", i, seen[i]);
}

static FILE *saved(uint32_t *picked, unsigned count)
{
    struct sim_choices c;
    FILE *file = tmpfile();
    sim_choices_init(&c, SIM_CHOOSE_RANDOM, header.seed);
    draw(&c, picked, count);
    cr_assert(sim_choices_save(&c, &header, file));
    sim_choices_free(&c);
    rewind(file);
    return file;
}

Test(choose, a_saved_list_replays_to_its_end)
{
    struct sim_choices c;
    struct sim_replay_header h;
    uint32_t first[40], again[40];
    char why[160];
    FILE *file = saved(first, 40);
    cr_assert(sim_choices_load(&c, &h, file, why, sizeof why), "%s", why);
    cr_assert_eq(h.seed, 7);
    cr_assert_str_eq(h.commit, "abc123");
    cr_assert_str_eq(h.setup, "nic=modern backend=script");
    draw(&c, again, 40);
    cr_assert_arr_eq(first, again, sizeof first);
    cr_assert_not(c.diverged);
    cr_assert_eq(sim_choose(&c, 3, "beyond"), 0);
    cr_assert(c.diverged);
    cr_assert_eq(c.diverged_at, 40);
    sim_choices_free(&c);
    fclose(file);
}

Test(choose, a_replay_says_where_it_leaves_its_list)
{
    struct sim_choices c;
    struct sim_replay_header h;
    uint32_t first[10];
    char why[160];
    FILE *file = saved(first, 10);
    cr_assert(sim_choices_load(&c, &h, file, why, sizeof why));
    sim_choose(&c, 1, "draw");
    sim_choose(&c, 2, "draw");
    sim_choose(&c, 3, "other tag");
    cr_assert(c.diverged);
    cr_assert_eq(c.diverged_at, 2);
    sim_choices_free(&c);
    fclose(file);
}

Test(choose, a_spoiled_list_is_refused_with_its_line)
{
    static const struct { const char *text, *why;
    } cases[] = {
        {"", "line 0"},
        {"capos-choices 2\n", "line 1"},
        {"capos-choices 1\nseed x\n", "line 2"},
        {"capos-choices 1\nseed 1\ncommit a\nobject b\nsetup c\nchoices 99999999 of 3\n", "line 6"},
        {"capos-choices 1\nseed 1\ncommit a\nobject b\nsetup c\nchoices 1 of 1\ndraw 3 3\nend\n", "line 7"},
        {"capos-choices 1\nseed 1\ncommit a\nobject b\nsetup c\nchoices 1 of 1\ndraw 0 0\nend\n", "line 7"},
        {"capos-choices 1\nseed 1\ncommit a\nobject b\nsetup c\nchoices 2 of 2\ndraw 3 1\n", "line 7"},
        {"capos-choices 1\nseed 1\ncommit a\nobject b\nsetup c\nchoices 1 of 1\ndraw 3 1\ndraw 3 1\n",
         "line 8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_choices c;
        struct sim_replay_header h;
        char why[160] = "";
        FILE *file = tmpfile();
        fputs(cases[i].text, file);
        rewind(file);
        cr_assert_not(sim_choices_load(&c, &h, file, why, sizeof why), "case %zu was accepted", i);
        cr_assert_eq(strncmp(why, cases[i].why, strlen(cases[i].why)), 0, "case %zu: %s", i, why);
        sim_choices_free(&c);
        fclose(file);
    }
}
