/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts its own entries in data of its own, initialised and not, and checks each time that registers, stack
 * and data are as it left them. Ends after `entries` of its start-up text with what it counted. */
#include "user/rt/rt.h"

static uint32_t initialised = 100;
static uint32_t zeroed;
static uint32_t *volatile pointed = &zeroed; /* a relocation */

uint32_t program_main(struct rt *rt)
{
    const uint64_t entries = rt_parameter_u64(rt, "entries", 1);
    const uint64_t first = rt_parameter_u64(rt, "first", 0);
    uint64_t kept[8];

    initialised = 100 + (uint32_t)first;
    for (uint64_t i = 0; i < 8; i++)
        kept[i] = first * 1000u + i;
    for (uint64_t i = 0; i < entries; i++) {
        const uint32_t result = rt->start->cap_enter((uint32_t)i, first + i);

        if (result != first)
            return 1;
        initialised++;
        ++*pointed;
        for (uint64_t k = 0; k < 8; k++) {
            if (kept[k] != first * 1000u + k)
                return 2;
        }
        if (initialised != 100 + first + i + 1u || zeroed != i + 1u)
            return 3;
    }
    return initialised + zeroed;
}
