/* SPDX-License-Identifier: BSD-2-Clause */
/* Observed memory accesses that are just done, as the shipped build does them: for programs that link the
 * explored rooms and are not the explorer. */
#include "platform/explore/ringmem.h"

uint32_t ring_observed_load(const void *at, uint8_t width)
{
    return width == 2 ? __atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED)
                      : __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
}

void ring_observed_store(void *at, uint8_t width, uint64_t value)
{
    if (width == 2)
        __atomic_store_n((uint16_t *)at, (uint16_t)value, __ATOMIC_RELAXED);
    else if (width == 4)
        __atomic_store_n((uint32_t *)at, (uint32_t)value, __ATOMIC_RELAXED);
    else
        __atomic_store_n((uint64_t *)at, value, __ATOMIC_RELAXED);
}

void ring_observed_barrier(enum ring_barrier kind)
{
    (void)kind;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
