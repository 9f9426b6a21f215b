/* SPDX-License-Identifier: BSD-2-Clause */
/* Each field group of the fingerprint is needed: without it the search takes states for others, does not go
 * on from them, and misses what lies behind. The smallest world in which that shows is printed. */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <stdio.h>
#include <string.h>

#include "reductions.h"

#define WORLDS 8

static void make_worlds(struct ring_config *worlds)
{
    for (int i = 0; i < WORLDS; i++)
        worlds[i] = reductions_config(1, XP_SEQUENTIAL, 0);
    worlds[1].size = 2;
    worlds[2].model = XP_TSO;
    worlds[3].model = XP_WEAK;
    worlds[4].lies_max = 1;
    worlds[4].lie_kinds = (1u << XP_LIE_COUNT) - 1u;
    worlds[5].size = 2;
    worlds[5].batch_max = 2;
    worlds[5].short_writes = true;
    worlds[5].chains = (1u << RING_CHAIN_COUNT) - 1u;
    worlds[6].size = 2;
    worlds[6].model = XP_WEAK;
    worlds[7].size = 2;
    worlds[7].batch_max = 2;
    worlds[7].model = XP_TSO;
}

/* How many states a search finds that does without `field`. */
static size_t found(const struct ring_config *config, uint64_t without)
{
    struct collected c = {.without = without};

    collect(config, &c);
    const size_t count = collected_count(&c);
    collected_free(&c);
    return count;
}

/* The worlds, and what a search finds in each without one group, for each group; with none left out last. */
struct table {
    struct ring_config worlds[WORLDS];
    size_t found[RING_F_COUNT + 1][WORLDS];
};

static bool alone(const struct table *t, unsigned field)
{
    char name[120];

    for (int i = 0; i < WORLDS; i++) {
        if (t->found[field][i] >= t->found[RING_F_COUNT][i])
            continue;
        cr_log_info("without %-15s %7zu of %7zu states (%s)", ring_field_name((enum ring_field)field),
                    t->found[field][i], t->found[RING_F_COUNT][i], reductions_name(&t->worlds[i], name));
        return true;
    }
    return false;
}

#define BIT(field) (1ull << RING_F_##field)

/* Groups that say again what others say, as long as the driver has no bug that parts them (which is when they
 * count): beside those others, left out as well, each must be missed. */
static const uint64_t said_by[RING_F_COUNT] = {
    [RING_F_AVAIL] =
        BIT(DEVICE_INDEX) | BIT(USED_WORDS) | BIT(POSTED) | BIT(HOLDERS) | BIT(DESCRIPTORS) | BIT(FREE_LIST),
    [RING_F_FREE_LIST] = BIT(POSTED) | BIT(HOLDERS) | BIT(DESCRIPTORS),
    [RING_F_POSTED] = BIT(HOLDERS) | BIT(DESCRIPTORS),
    [RING_F_STORES] = BIT(CALL) | BIT(LOG) | BIT(DESCRIPTORS) | BIT(ENTRIES),
    [RING_F_PAYLOAD] = BIT(HOLDERS) | BIT(ELEMENTS),
};

static void print_others(char *text, size_t bytes, uint64_t others)
{
    text[0] = 0;
    for (unsigned other = 0; other < RING_F_COUNT; other++)
        if (others >> other & 1u)
            snprintf(text + strlen(text), bytes - strlen(text), ", %s",
                     ring_field_name((enum ring_field)other));
}

static bool beside_others(const struct table *t, unsigned field)
{
    const uint64_t others = said_by[field];
    char name[120];
    char list[160];

    for (int i = 0; i < WORLDS && others != 0; i++) {
        const size_t without = found(&t->worlds[i], others);
        const size_t left = found(&t->worlds[i], others | 1ull << field);

        if (left >= without)
            continue;
        print_others(list, sizeof list, others);
        cr_log_info("without %-15s %7zu of %7zu states (%s), which do without%s",
                    ring_field_name((enum ring_field)field), left, without,
                    reductions_name(&t->worlds[i], name), list + 1);
        return true;
    }
    return false;
}

Test(reductions, no_field_group_of_the_fingerprint_can_be_left_out)
{
    struct table t;

    make_worlds(t.worlds);
    for (unsigned field = 0; field <= RING_F_COUNT; field++)
        for (int i = 0; i < WORLDS; i++)
            t.found[field][i] = found(&t.worlds[i], field < RING_F_COUNT ? 1ull << field : 0);
    for (unsigned field = 0; field < RING_F_COUNT; field++)
        cr_expect(alone(&t, field) || beside_others(&t, field),
                  "leaving out \"%s\" is not noticed in any of the worlds",
                  ring_field_name((enum ring_field)field));
}
