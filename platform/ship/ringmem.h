/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to memory shared with a device: the shipped build. Each access happens once, whole and in the width
 * written: relaxed atomics, no tearing, no second read by the compiler. Values that a device can write come
 * back in a type that is no index, bound or size until it has been checked (rule Z10). The explore build has
 * a file of the same name in platform/explore with the same functions, observed. */
#ifndef CAPOS_RINGMEM_H
#define CAPOS_RINGMEM_H

#include <stdbool.h>
#include <stdint.h>

/* Device-written values: compare and check, never compute with. */
typedef struct dev_u16 { uint16_t untrusted; } dev_u16;
typedef struct dev_u32 { uint32_t untrusted; } dev_u32;

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

/* The value if it is below `limit`: the one way from a device value to an index. */
static inline bool dev_u32_below(dev_u32 value, uint32_t limit, uint32_t *out)
{
    if (value.untrusted >= limit)
        return false;
    *out = value.untrusted;
    return true;
}

/* Free-running distance from `from` to a device index, accepted only up to `limit` (I8). */
static inline bool dev_u16_distance(dev_u16 index, uint16_t from, uint16_t limit, uint16_t *out)
{
    uint16_t distance = (uint16_t)(index.untrusted - from);
    if (distance > limit)
        return false;
    *out = distance;
    return true;
}

static inline bool dev_u16_bit(dev_u16 value, uint16_t mask)
{
    return (value.untrusted & mask) != 0;
}

#endif
