/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that does nothing: what a start and an end cost. */
#include "user/rt/rt.h"

uint32_t program_main(struct rt *rt)
{
    (void)rt;
    return 0;
}
