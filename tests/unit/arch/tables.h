/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes of firmware's tables, written where a test keeps them: little-endian fields, and the sum that makes
 * all bytes of a table add up to 0 (ACPI 6.4, 5.2.6). */
#ifndef CAPOS_TESTS_UNIT_ARCH_TABLES_H
#define CAPOS_TESTS_UNIT_ARCH_TABLES_H

#include <stdint.h>
#include <string.h>

static inline void tables_put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline void tables_put64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

/* `sum_at`: the sum's place in the `bytes` from `at` on. */
static inline void tables_seal(uint8_t *at, uint32_t bytes, uint32_t sum_at)
{
    uint8_t sum = 0;

    at[sum_at] = 0;
    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + at[i]);
    at[sum_at] = (uint8_t)-sum;
}

#endif
