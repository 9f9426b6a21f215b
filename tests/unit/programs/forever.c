/* SPDX-License-Identifier: BSD-2-Clause */
/* Never comes back. */
#include "user/rt/rt.h"

static volatile uint64_t turns;

uint32_t program_main(struct rt *rt)
{
    (void)rt;
    for (;;)
        turns++;
}
