/* SPDX-License-Identifier: BSD-2-Clause */
/* Values that a device can write: types that are no index, bound or size until they have been checked (rule
 * Z10). Both builds of ringmem.h hand them out; the checks here are the one way from them to a number. */
#ifndef CAPOS_ABI_DEVICE_VALUE_H
#define CAPOS_ABI_DEVICE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* Compare and check, never compute with. */
typedef struct dev_u16 { uint16_t untrusted; } dev_u16;
typedef struct dev_u32 { uint32_t untrusted; } dev_u32;

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
