/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP calls of ours, against the plainest way to say it. */
#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

#include "stack/lwip/checksum.h"
#include "stack/lwip/text.h"

static uint16_t plain_sum(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i += 2) {
        uint16_t word = 0;
        memcpy(&word, bytes + i, count - i < 2 ? 1 : 2);
        sum += word;
    }
    while (sum > UINT16_MAX)
        sum = (sum >> 16) + (sum & UINT16_MAX);
    return (uint16_t)sum;
}

Test(stack_port, checksum_is_the_sum_of_words_at_every_length_and_alignment)
{
    uint8_t bytes[256 + 8];
    uint32_t state = 1;

    for (unsigned round = 0; round < 4; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            state = state * 1664525u + 1013904223u;
            bytes[i] = round == 3 ? 0xff : (uint8_t)(state >> 24);
        }
        for (size_t at = 0; at < 8; at++)
            for (size_t count = 0; count <= 256; count++)
                cr_assert_eq(net_checksum(bytes + at, (int)count), plain_sum(bytes + at, count),
                             "%zu bytes at %zu", count, at);
    }
    cr_assert_eq(net_checksum(bytes, -1), 0);
}

/* RFC 1071, 3: 00 01 f2 03 f4 f5 f6 f7 sum to ddf2. */
Test(stack_port, checksum_of_the_standards_example)
{
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    const uint16_t sum = net_checksum(example, sizeof(example));
    uint8_t bytes[2];

    memcpy(bytes, &sum, 2);
    cr_assert_eq(bytes[0], 0xdd);
    cr_assert_eq(bytes[1], 0xf2);
}

Test(stack_port, largest_length_of_a_datagram)
{
    static uint8_t bytes[65535];

    memset(bytes, 0xa5, sizeof(bytes));
    cr_assert_eq(net_checksum(bytes, sizeof(bytes)), plain_sum(bytes, sizeof(bytes)));
}

Test(stack_port, text)
{
    cr_assert_eq(net_text_length(""), 0);
    cr_assert_eq(net_text_length("eth0"), 4);
    cr_assert_eq(net_text_compare("eth0", "eth1", 3), 0);
    cr_assert_lt(net_text_compare("eth0", "eth1", 4), 0);
    cr_assert_gt(net_text_compare("\xff", "a", 4), 0);
    cr_assert_gt(net_text_compare("ab", "a", 4), 0);
    cr_assert_eq(net_text_compare("a\0x", "a\0y", 3), 0);
    cr_assert_eq(net_text_compare("a", "b", 0), 0);
    cr_assert_eq(net_text_number(""), 0);
    cr_assert_eq(net_text_number("x1"), 0);
    cr_assert_eq(net_text_number("12x"), 12);
    cr_assert_eq(net_text_number("2147483647"), INT_MAX);
    cr_assert_eq(net_text_number("2147483648"), INT_MAX);
    cr_assert_eq(net_text_number("99999999999999999999"), INT_MAX);
}
