/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests that must not pass, and one that must: the runner proves with them that it counts failures. Not part
 * of ctest. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(canary, passes)
{
    cr_assert_eq(1 + 1, 2);
}

Test(canary, fails)
{
    cr_assert_eq(1 + 1, 3);
}

Test(canary, crashes)
{
    abort();
}
