/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to memory shared with a device: the explored build. The same functions as platform/ship/ringmem.h,
 * each told to the world before it happens: the world decides which value a load sees and when a store is
 * seen by the device, and it may never come back (a driver call is left there and taken up again later). What
 * the world does with plain memory is platform/explore/plain.c; the explorer's is sim/explore/order.c. */
#ifndef CAPOS_RINGMEM_H
#define CAPOS_RINGMEM_H

#include <stdint.h>

#include "abi/device_value.h"

enum ring_barrier { RING_BARRIER_WRITE = 0, RING_BARRIER_READ, RING_BARRIER_FULL };

/* Supplied by the world that links the room. `width`: 2, 4 or 8 bytes, `at` aligned to it. */
uint32_t ring_observed_load(const void *at, uint8_t width);
void ring_observed_store(void *at, uint8_t width, uint64_t value);
void ring_observed_barrier(enum ring_barrier kind);

static inline dev_u16 ring_load16(const void *at)
{
    return (dev_u16){(uint16_t)ring_observed_load(at, 2)};
}

static inline dev_u32 ring_load32(const void *at)
{
    return (dev_u32){ring_observed_load(at, 4)};
}

static inline void ring_store16(void *at, uint16_t value)
{
    ring_observed_store(at, 2, value);
}

static inline void ring_store32(void *at, uint32_t value)
{
    ring_observed_store(at, 4, value);
}

static inline void ring_store64(void *at, uint64_t value)
{
    ring_observed_store(at, 8, value);
}

static inline void ring_write_barrier(void)
{
    ring_observed_barrier(RING_BARRIER_WRITE);
}

static inline void ring_read_barrier(void)
{
    ring_observed_barrier(RING_BARRIER_READ);
}

static inline void ring_full_barrier(void)
{
    ring_observed_barrier(RING_BARRIER_FULL);
}

#endif
