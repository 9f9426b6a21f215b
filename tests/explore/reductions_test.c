/* SPDX-License-Identifier: BSD-2-Clause */
/* Each reduction of the search against the search without it: the same states, told in the same canonical
 * way. */
#include <criterion/criterion.h>
#include <criterion/logging.h>

#include "reductions.h"

/* Both searches visit the same; prints how many states each took. */
static void agree(const struct collected *plain, const struct collected *reduced,
                  const struct ring_config *config)
{
    char name[120];

    cr_log_info("%s: %llu states without the reduction, %llu with it, %zu and %zu canonical",
                reductions_name(config, name), (unsigned long long)plain->result.states,
                (unsigned long long)reduced->result.states, collected_count(plain), collected_count(reduced));
    cr_assert_gt(collected_count(plain), 0);
    cr_expect_eq(collected_missing(plain, reduced), 0,
                 "%s: %zu states of the plain search are not in the reduced one", name,
                 collected_missing(plain, reduced));
    cr_expect_eq(collected_missing(reduced, plain), 0,
                 "%s: %zu states of the reduced search are not in the plain one", name,
                 collected_missing(reduced, plain));
}

static void compare(struct ring_config config, struct collected plain, struct collected reduced)
{
    struct ring_config without = config;

    without.unrenamed = without.unrebased = without.unhidden = false;
    collect(&config, &plain);
    collect(&without, &reduced);
    agree(&plain, &reduced, &config);
    collected_free(&plain);
    collected_free(&reduced);
}

Test(reductions, slots_keep_their_numbers_and_nothing_new_is_found)
{
    for (unsigned model = 0; model < XP_MODEL_COUNT; model++) {
        struct ring_config config = reductions_config(2, (enum xp_model)model, 0);

        config.unrenamed = true;
        compare(config, (struct collected){0}, (struct collected){0});
    }
}

/* How far the search without rebasing goes: through the places where the fingerprint tells indices as they
 * are, and far enough beyond them for every state that it tells apart there. */
static uint16_t steps(uint16_t size)
{
    return (uint16_t)(2u * (2u * size + 2u) + 4u * size + 8u);
}

/* `back`: the first index near the wrap at which every state counts. */
static void rebasing(uint16_t size, uint32_t wrap, uint8_t lies, unsigned models)
{
    const uint32_t back = wrap ? 2u * size + 2u : 0u;

    for (unsigned model = 0; model < models; model++) {
        struct ring_config config = reductions_config(size, (enum xp_model)model, (uint16_t)(wrap - back));

        config.unrebased = true;
        config.lies_max = lies;
        config.lie_kinds = (1u << XP_LIE_COUNT) - 1u;
        compare(config, (struct collected){.steps_max = steps(size)}, (struct collected){0});
    }
}

Test(reductions, indices_are_told_as_they_are_and_nothing_new_is_found)
{
    for (uint16_t size = 1; size <= 2; size++) {
        rebasing(size, 0, 0, XP_MODEL_COUNT);
        rebasing(size, 0x8000, 0, XP_MODEL_COUNT);
        rebasing(size, 0x10000, 0, XP_MODEL_COUNT);
    }
}

Test(reductions, of_a_liar_indices_are_told_as_they_are_and_nothing_new_is_found)
{
    rebasing(1, 0, 1, XP_MODEL_COUNT);
    rebasing(1, 0x8000, 1, XP_WEAK);
}

Test(reductions, every_store_is_left_at_and_nothing_new_is_found_at_rest)
{
    static const uint8_t lies[] = {0, 1};

    for (uint16_t size = 1; size <= 2; size++)
        for (unsigned model = 0; model < XP_MODEL_COUNT; model++)
            for (int l = 0; l < 2 && (l == 0 || size == 1); l++) {
                struct ring_config config = reductions_config(size, (enum xp_model)model, 0);

                config.unhidden = true;
                config.lies_max = lies[l];
                config.lie_kinds = (1u << XP_LIE_COUNT) - 1u;
                compare(config, (struct collected){.at_rest_only = true},
                        (struct collected){.at_rest_only = true});
            }
}

/* Traffic that begins before a wrap passes it: what begins later finds nothing that the first did not. The
 * largest queues are begun at the first ones alone. (The wrap of 8 bits is told apart in a run that begins
 * there and in no other: its start stands for itself.) */
static void begins_within(uint16_t size, enum xp_model model, uint16_t first, uint16_t later)
{
    const struct ring_config from = reductions_config(size, model, first);
    const struct ring_config at = reductions_config(size, model, later);
    struct collected all = {0}, some = {0};

    collect(&from, &all);
    collect(&at, &some);
    cr_assert_gt(collected_count(&some), 0);
    cr_expect_eq(collected_missing(&some, &all), 0,
                 "q%u: %zu states from 0x%04x are not among those from 0x%04x", size,
                 collected_missing(&some, &all), later, first);
    collected_free(&all);
    collected_free(&some);
}

Test(reductions, traffic_from_before_a_wrap_meets_every_later_start)
{
    static const uint16_t later[] = {0xfffd, 0xfffe, 0xffff, 0x0000};

    for (uint16_t size = 1; size <= 4; size = (uint16_t)(size * 2u))
        for (unsigned model = 0; model < (size == 4 ? 1u : XP_MODEL_COUNT); model++) {
            for (size_t i = 0; i < sizeof later / sizeof *later; i++)
                begins_within(size, (enum xp_model)model, 0xfffc, later[i]);
            begins_within(size, (enum xp_model)model, 0x7ffc, 0x7fff);
        }
    /* And it can fail: the traffic goes one way. */
    const struct ring_config from = reductions_config(1, XP_SEQUENTIAL, 0x0000);
    const struct ring_config at = reductions_config(1, XP_SEQUENTIAL, 0x7ffc);
    struct collected all = {0}, some = {0};

    collect(&from, &all);
    collect(&at, &some);
    cr_expect_gt(collected_missing(&some, &all), 0);
    collected_free(&all);
    collected_free(&some);
}

Test(reductions, nothing_outside_the_regions_changes)
{
    for (unsigned model = 0; model < XP_MODEL_COUNT; model++) {
        const uint8_t lies = model == XP_SEQUENTIAL;
        struct ring_config config = reductions_config(lies ? 1 : 2, (enum xp_model)model, 0);
        struct collected c = {.same_memory = true};

        config.lies_max = lies;
        config.lie_kinds = (1u << XP_LIE_COUNT) - 1u;
        config.chains = (1u << RING_CHAIN_COUNT) - 1u;
        collect(&config, &c);
        cr_assert_gt(c.result.states, 1000);
        collected_free(&c);
    }
}

/* A state taken for another by the one hash is not by the other. */
Test(reductions, two_seeds_of_the_hash_find_the_same_number_of_states)
{
    const struct ring_config config = reductions_config(2, XP_WEAK, 0);
    struct collected a = {.seed = 0};
    struct collected b = {.seed = 0x9e3779b97f4a7c15ull};

    collect(&config, &a);
    collect(&config, &b);
    cr_expect_eq(a.result.states, b.result.states);
    cr_expect_eq(collected_missing(&a, &b), 0);
    cr_expect_eq(collected_count(&a), a.result.states);
    collected_free(&a);
    collected_free(&b);
}
