/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to memory shared with a device: the shipped build. Each access happens once, whole and in the width
 * written: relaxed atomics, no tearing, no second read by the compiler. Values that a device can write come
 * back in a type that is no index, bound or size until it has been checked (rule Z10). The explore build has
 * a file of the same name in platform/explore with the same functions, observed. */
#ifndef CAPOS_RINGMEM_H
#define CAPOS_RINGMEM_H

#include <stdint.h>

#include "abi/device_value.h"

static inline dev_u16 ring_load16(const void *at)
{
    return (dev_u16){__atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED)};
}

static inline dev_u32 ring_load32(const void *at)
{
    return (dev_u32){__atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED)};
}

static inline void ring_store16(void *at, uint16_t value)
{
    __atomic_store_n((uint16_t *)at, value, __ATOMIC_RELAXED);
}

static inline void ring_store32(void *at, uint32_t value)
{
    __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELAXED);
}

static inline void ring_store64(void *at, uint64_t value)
{
    __atomic_store_n((uint64_t *)at, value, __ATOMIC_RELAXED);
}

/* Orders stores before it with stores after it. On x86 stores are not reordered: a compiler barrier is
 * enough. */
static inline void ring_write_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Orders loads before it with loads after it. On x86 a compiler barrier. */
static inline void ring_read_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* Orders everything, stores before with loads after: mfence or a locked instruction. */
static inline void ring_full_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
