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

/* Text of a list with some of it replaced; refused with `why`, or not at all when it is NULL. */
static void refused(const char *was, const char *is, size_t length, const char *why)
{
    char text[4096], changed[4200], reason[200] = "";
    struct sim_choices c;
    struct sim_replay_header h;
    uint32_t first[3];
    FILE *file = saved(first, 3);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *at = strstr(text, was);
    cr_assert_not_null(at, "%s is not in the list", was);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
    file = tmpfile();
    fwrite(changed, 1, length < strlen(changed) ? length : strlen(changed), file);
    rewind(file);
    cr_assert_eq(sim_choices_load(&c, &h, file, reason, sizeof reason), why == NULL, "%s for %s: %s", is, was,
                 reason);
    if (why)
        cr_assert_eq(strncmp(reason, why, strlen(why)), 0, "%s for %s: %s", is, was, reason);
    sim_choices_free(&c);
    fclose(file);
}

Test(choose, a_spoiled_list_is_refused_with_its_line_and_offset)
{
    refused("draw 1 0", "draw 1 0", SIZE_MAX, NULL);
    refused("choices 2", "choices 1", SIZE_MAX, "line 1, byte 0: ");
    refused("seed 7", "seed x", SIZE_MAX, "line 2, byte 16: ");
    refused("seed 7", "seed 8", SIZE_MAX, "line 6, byte 86: ");
    refused("choices 3 of", "choices 9 of", SIZE_MAX, "line 6, byte 86: ");
    refused("draw 1 0", "draw 0 0", SIZE_MAX, "line 7, byte 106: ");
    refused("draw 1 0", "drew 1 0", SIZE_MAX, "line 7, byte 106: ");
    refused("draw 2 ", "draw 3 ", SIZE_MAX, "line 8, byte 120: ");
    refused("\nend", "\nend end", SIZE_MAX, "line 10, byte 148: ");
    refused("seed", "seed", 20, "line 2, byte 16: ");
    refused("seed", "seed", 111, "line 7, byte 106: ");
    refused("seed", "seed", 148, "line 10, byte 148: ");
    refused("seed", "seed", 151, "line 10, byte 148: ");
    refused("\nend", "\nmore\nend", SIZE_MAX, "line 10, byte 148: ");
    refused("draw", "draw", 0, "line 1, byte 0: ");
}
