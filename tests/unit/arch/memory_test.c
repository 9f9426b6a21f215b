/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's memcpy family against the host's, at every small size and alignment; its functions carry other
 * names here (CMakeLists.txt). Exact blocks on the heap: a byte too far is the sanitizer's. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *kernel_memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *kernel_memmove(void *to, const void *from, size_t bytes);
void *kernel_memset(void *to, int byte, size_t bytes);
int kernel_memcmp(const void *a, const void *b, size_t bytes);

#define SIZE_MAX_TRIED 130u

static uint8_t *block(size_t bytes, unsigned seed)
{
    uint8_t *b = malloc(bytes ? bytes : 1);
    cr_assert_not_null(b);
    for (size_t i = 0; i < bytes; i++)
        b[i] = (uint8_t)(seed + i * 7 + (i >> 3));
    return b;
}

Test(memory, copies_exactly_at_every_alignment)
{
    for (size_t offset = 0; offset < 9; offset++)
        for (size_t n = 0; n < SIZE_MAX_TRIED; n++) {
            uint8_t *from = block(n + offset, 1);
            uint8_t *to = block(n + 8 - offset % 8, 99);
            uint8_t *other = to + (8 - offset % 8);
            cr_assert_eq(kernel_memcpy(other, from + offset, n), other);
            cr_assert_eq(memcmp(other, from + offset, n), 0);
            for (size_t i = 0; i < 8 - offset % 8; i++)
                cr_assert_eq(to[i], (uint8_t)(99 + i * 7 + (i >> 3)), "written in front");
            free(from);
            free(to);
        }
}

Test(memory, moves_over_itself_in_both_directions)
{
    for (size_t n = 0; n < SIZE_MAX_TRIED; n++)
        for (size_t shift = 0; shift < 20; shift++) {
            uint8_t *a = block(n + shift, 5);
            uint8_t *b = block(n + shift, 5);
            kernel_memmove(a, a + shift, n);
            memmove(b, b + shift, n);
            cr_assert_eq(memcmp(a, b, n + shift), 0);
            kernel_memmove(a + shift, a, n);
            memmove(b + shift, b, n);
            cr_assert_eq(memcmp(a, b, n + shift), 0);
            free(a);
            free(b);
        }
}

Test(memory, fills_exactly)
{
    for (size_t n = 0; n < SIZE_MAX_TRIED; n++) {
        uint8_t *a = block(n + 3, 5);
        cr_assert_eq(kernel_memset(a + 3, 0x1a5, n), a + 3);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(a[i + 3], 0xa5);
        cr_assert_eq(a[2], (uint8_t)(5 + 14));
        free(a);
    }
}

Test(memory, compares_as_bytes_and_stops_at_the_end)
{
    for (size_t n = 1; n < SIZE_MAX_TRIED; n++)
        for (size_t at = 0; at < n; at++) {
            uint8_t *a = block(n, 5);
            uint8_t *b = block(n, 5);
            cr_assert_eq(kernel_memcmp(a, b, n), 0);
            a[at] = 0x7f;
            b[at] = 0x80;
            if (at + 1 < n)
                a[at + 1] = (uint8_t)~b[at + 1]; /* only the first difference counts */
            cr_assert_lt(kernel_memcmp(a, b, n), 0);
            cr_assert_gt(kernel_memcmp(b, a, n), 0);
            free(a);
            free(b);
        }
}
