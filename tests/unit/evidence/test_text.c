/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <signal.h>

#include "evidence/text.h"

static void equals(const struct text *t, const char *expected)
{
    cr_assert_eq(t->used, strlen(expected), "%.*s", (int)t->used, t->at);
    cr_assert_arr_eq(t->at, expected, t->used);
}

Test(text, numbers_and_addresses_have_their_fixed_forms)
{
    char buffer[128];
    struct text t = text_over(buffer, sizeof(buffer));
    text_u64(&t, 0);
    text_string(&t, " ");
    text_u64(&t, UINT64_MAX);
    text_string(&t, " ");
    text_hex(&t, 0x806, 4);
    text_string(&t, " ");
    text_hex(&t, UINT64_MAX, 16);
    text_string(&t, " ");
    text_bdf(&t, 0xff00 | 31 << 3 | 7);
    text_string(&t, " ");
    text_mac(&t, (const uint8_t[6]){0x52, 0x54, 0, 0x12, 0x34, 0xff});
    equals(&t, "0 18446744073709551615 0806 ffffffffffffffff ff:1f.7 52:54:00:12:34:ff");
    cr_assert_not(t.overflow);
}

Test(text, what_does_not_fit_is_left_out_whole_and_stays_known)
{
    char buffer[4];
    struct text t = text_over(buffer, sizeof(buffer));
    text_string(&t, "abc");
    text_string(&t, "de");
    cr_assert(t.overflow);
    equals(&t, "abc");
    text_string(&t, "f");
    equals(&t, "abc");
    cr_assert(t.overflow);
}

Test(text, exactly_full_is_no_overflow)
{
    char buffer[4];
    struct text t = text_over(buffer, sizeof(buffer));
    text_string(&t, "abcd");
    cr_assert_not(t.overflow);
    equals(&t, "abcd");
}

Test(text, number_wider_than_its_digits_is_our_bug, .signal = SIGABRT)
{
    char buffer[16];
    struct text t = text_over(buffer, sizeof(buffer));
    text_hex(&t, 0x100, 2);
}
