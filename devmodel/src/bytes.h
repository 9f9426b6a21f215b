/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian loads and stores at any alignment; trusts nothing, owns nothing. The host is x86-64:
 * guest-native. */
#ifndef DM_BYTES_H
#define DM_BYTES_H

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "guest memory and host share a byte order");

static inline uint16_t dm_load16(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline uint32_t dm_load32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline void dm_store16(uint8_t *at, uint16_t v)
{
    memcpy(at, &v, sizeof v);
}

static inline void dm_store32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, sizeof v);
}

static inline void dm_store64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, sizeof v);
}

/* `width` is 1, 2 or 4: what a register of that value shows. */
static inline uint32_t dm_mask_width(uint64_t v, uint8_t width)
{
    return width >= 4 ? (uint32_t)v : (uint32_t)(v & ((1u << (8u * width)) - 1u));
}

#endif
