/* SPDX-License-Identifier: BSD-2-Clause */
/* Which bytes of a buffer are published: one bit for 64 bytes, in the record of the page (I4). Overlap is
 * found without a search, and most ranges lie in one page: one mask. In a header, because every frame asks
 * three times. */
#ifndef CAPOS_KERNEL_DEVICE_UNITS_H
#define CAPOS_KERNEL_DEVICE_UNITS_H

#include "kernel/device/device.h"

/* The part of a byte range that lies in one page, as a bit per 64 bytes. */
static inline uint64_t units_of(uint32_t first_byte, uint32_t last_byte)
{
    const uint32_t first = first_byte / DMA_UNIT_BYTES;
    const uint32_t last = last_byte / DMA_UNIT_BYTES;

    ASSERT(first <= last);
    ASSERT(last < 64u);
    return (~0ull << first) & (~0ull >> (63u - last));
}

/* The part of [*at, end) that lies in one page: its page, its units, and *at behind it. Most ranges have one
 * part. */
static inline uint32_t next_part(const struct dma_buffer *b, uint32_t *at, uint32_t end, uint64_t *units)
{
    const uint32_t inside = *at % DMA_PAGE_BYTES;
    const uint32_t page = b->run.first + *at / DMA_PAGE_BYTES;
    const uint32_t rest = end - *at;
    const uint32_t part = rest < DMA_PAGE_BYTES - inside ? rest : DMA_PAGE_BYTES - inside;

    *units = units_of(inside, inside + part - 1u);
    *at += part;
    return page;
}

static inline bool buffer_range_idle(const struct kernel *k, const struct dma_buffer *b, uint32_t offset,
                                     uint32_t length)
{
    uint64_t units;

    for (uint32_t at = offset; at < offset + length;) {
        const uint32_t page = next_part(b, &at, offset + length, &units);

        if ((k->devices.pages.page[page].published & units) != 0)
            return false;
    }
    return true;
}

static inline void buffer_range_mark(struct kernel *k, struct dma_buffer *b, uint32_t offset, uint32_t length)
{
    uint64_t units;

    for (uint32_t at = offset; at < offset + length;) {
        const uint32_t page = next_part(b, &at, offset + length, &units);

        k->devices.pages.page[page].published |= units;
    }
    b->publications++;
    b->state = BUFFER_PUBLISHED;
}

static inline void buffer_range_clear(struct kernel *k, struct dma_buffer *b, uint32_t offset,
                                      uint32_t length)
{
    uint64_t units;

    ASSERT(b->publications > 0);
    for (uint32_t at = offset; at < offset + length;) {
        const uint32_t page = next_part(b, &at, offset + length, &units);

        k->devices.pages.page[page].published &= ~units;
    }
    if (--b->publications == 0)
        b->state = BUFFER_COMPLETED;
}

#endif
