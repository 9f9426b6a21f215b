/* SPDX-License-Identifier: BSD-2-Clause */
/* What a probe says that does not hold: for programs that judge what a service answers them, and end with the
 * number of the line. Nothing of the test that boots them is in here. */
#ifndef CAPOS_TESTS_SUPPORT_CLAIMS_H
#define CAPOS_TESTS_SUPPORT_CLAIMS_H

#include "evidence/text.h"
#include "user/rt/rt.h"

/* False `holds`: names program, file, line and what was seen on the console, and ends the program. */
static inline void claim_check(struct rt *rt, const char *program, bool holds, const char *file,
                               uint32_t line, uint64_t seen)
{
    char buffer[160];
    struct text t = text_over(buffer, sizeof buffer);

    if (holds)
        return;
    text_string(&t, program);
    text_string(&t, ": does not hold: ");
    text_string(&t, file);
    text_string(&t, ":");
    text_u64(&t, line);
    text_string(&t, ", seen ");
    text_u64(&t, seen);
    text_string(&t, "\n");
    (void)rt_write(rt, t.at, t.used);
    rt_exit(rt, line);
}

#endif
