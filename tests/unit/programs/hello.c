/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints a line, and what its start-up text says; ends with the code that the text names. */
#include "user/rt/rt.h"

/* Initialised pointers: relocations. */
static const char *const words[] = {"hello", " from ", "a program\n"};
static const char *const *volatile const at = words;

uint32_t program_main(struct rt *rt)
{
    for (uint32_t i = 0; i < 3u; i++) {
        if (!rt_print(rt, at[i]))
            return 1;
    }
    return (uint32_t)rt_parameter_u64(rt, "code", 7);
}
