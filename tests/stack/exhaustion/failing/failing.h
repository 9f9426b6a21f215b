/* SPDX-License-Identifier: BSD-2-Clause */
/* What a test asks of the netd whose allocations fail (failing.c). */
#ifndef CAPOS_TESTS_STACK_FAILING_H
#define CAPOS_TESTS_STACK_FAILING_H

#include <stdint.h>

#define FAILING_MARK "capos: failing."

struct failing_plan {
    char mark[16]; /* FAILING_MARK */
    uint64_t first, count; /* `count` from the first on fail, counted from 1; count 0: none does */
    uint64_t asked, failed; /* so far */
};

#endif
