/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes where its start-up text says, out of its own variables if asked to, and ends with how often it began
 * by data of its own: 1, unless a life saw another's. */
#include "user/rt/rt.h"

#define BYTES 13u

static uint32_t begun;
static uint8_t table[BYTES];

/* By a pointer: where an array ends is not for the compiler to see here. */
__attribute__((noinline)) static void write_to(uint8_t *at)
{
    *(volatile uint8_t *)at = 1;
}

static void write_local(uint64_t index)
{
    uint8_t local[BYTES];

    write_to(local + index);
}

uint32_t program_main(struct rt *rt)
{
    const uint64_t none = UINT64_MAX;
    const uint64_t global = rt_parameter_u64(rt, "global", none);
    const uint64_t local = rt_parameter_u64(rt, "local", none);
    const uint64_t element = rt_parameter_u64(rt, "element", none);
    const uint64_t address = rt_parameter_u64(rt, "address", none);

    begun++;
    if (global != none)
        write_to(table + global);
    if (local != none)
        write_local(local);
    if (element != none)
        table[element] = 1;
    if (address != none)
        write_to((uint8_t *)(uintptr_t)address);
    return begun;
}
