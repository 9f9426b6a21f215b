/* SPDX-License-Identifier: BSD-2-Clause */
/* The noise source's health: a good one passes for long, each way to be bad is found, and found for good. */
#include <criterion/criterion.h>

#include "platform/pc/health.h"

/* xorshift64*: not random, and nothing that these tests could tell. */
static uint64_t good(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

Test(health, good_words_pass)
{
    struct entropy_health h = {0};
    uint64_t state = 1;

    for (unsigned i = 0; i < 1000000; i++)
        cr_assert(entropy_health(&h, good(&state)), "word %u", i);
}

Test(health, word_twice_in_a_row_is_a_failure_for_good)
{
    static const uint64_t words[] = {0, UINT64_MAX, 0x123456789abcdef0u};

    for (unsigned at = 0; at < 3; at++) {
        struct entropy_health h = {0};
        uint64_t state = 1;

        for (unsigned i = 0; i < 10; i++)
            cr_assert(entropy_health(&h, good(&state)));
        cr_assert(entropy_health(&h, words[at]));
        cr_assert_not(entropy_health(&h, words[at]));
        for (unsigned i = 0; i < 1000; i++)
            cr_assert_not(entropy_health(&h, good(&state)));
    }
}

Test(health, first_word_may_be_zero)
{
    struct entropy_health h = {0};

    cr_assert(entropy_health(&h, 0));
    cr_assert(entropy_health(&h, 1));
}

/* A window whose first byte comes 19 times passes, with 20 it does not; the next window counts anew. */
Test(health, byte_that_comes_too_often_in_a_window_is_a_failure)
{
    for (unsigned often = HEALTH_CUTOFF - 1; often <= HEALTH_CUTOFF; often++) {
        for (unsigned windows = 1; windows <= 2; windows++) {
            struct entropy_health h = {0};
            bool healthy = true;

            for (unsigned i = 0; i < windows * HEALTH_WINDOW / 8; i++) {
                const unsigned in_window = i % (HEALTH_WINDOW / 8);
                uint64_t word = 0;

                for (unsigned byte = 0; byte < 8; byte++)
                    word |= (uint64_t)(1 + (i * 8 + byte) % 251) << (8 * byte);
                word &= ~0xffull; /* the lowest byte is the sample, zero, in as many words as it may come */
                word |= in_window < often ? 0u : 255u;
                healthy = entropy_health(&h, word);
            }
            cr_assert_eq(healthy, often < HEALTH_CUTOFF, "%u times", often);
        }
    }
}

/* Each window begins with a word's lowest byte. Where that sticks, the first window shows it. */
Test(health, lowest_byte_that_sticks_is_found_within_a_window)
{
    struct entropy_health h = {0};
    uint64_t state = 1;
    unsigned words = 0;

    while (words < 10000 && entropy_health(&h, good(&state) << 8))
        words++;
    cr_assert_lt(words, HEALTH_WINDOW / 8);
}

/* Four bits that stick in every byte: each value comes 32 times in a window. */
Test(health, bits_that_stick_in_every_byte_are_found_within_two_windows)
{
    struct entropy_health h = {0};
    uint64_t state = 1;
    unsigned words = 0;

    while (words < 10000 && entropy_health(&h, good(&state) & 0x0f0f0f0f0f0f0f0full))
        words++;
    cr_assert_lt(words, 2 * HEALTH_WINDOW / 8);
}
