/* SPDX-License-Identifier: BSD-2-Clause */
/* Layout of a split virtqueue in memory (virtio 1.2, 2.7 and 2.7.2). Owns no memory and trusts no size. */
#include "provider/format/split.h"

_Static_assert(SPLIT_SIZE_MAX *SPLIT_DESCRIPTOR_BYTES + SPLIT_ALIGN_LEGACY < UINT32_MAX / 2,
               "no offset of a layout can overflow");

static uint32_t round_up(uint32_t bytes, uint32_t align)
{
    return (bytes + align - 1u) & ~(align - 1u);
}

bool split_layout_for(uint32_t size, uint32_t align, struct split_layout *out)
{
    uint32_t first;
    uint32_t second;

    ASSERT(align == SPLIT_ALIGN_LEGACY || align == SPLIT_ALIGN_MODERN);
    ASSERT(out != NULL);
    if (size == 0 || size > SPLIT_SIZE_MAX || (size & (size - 1u)) != 0)
        return false;

    /* 2.7.2: descriptors, flags, index, entries and used_event in the first part; flags, index, elements and
     * avail_event in the second. The two event words are ours to allocate even while EVENT_IDX is refused. */
    first = SPLIT_DESCRIPTOR_BYTES * size + SPLIT_RING_OFFSET + SPLIT_AVAIL_ENTRY_BYTES * size + 2u;
    second = SPLIT_RING_OFFSET + SPLIT_USED_ENTRY_BYTES * size + 2u;
    out->driver_offset = SPLIT_DESCRIPTOR_BYTES * size;
    out->device_offset = round_up(first, align);
    out->bytes = out->device_offset + round_up(second, align);
    return true;
}

void split_ring_init(struct split_ring *ring, uint8_t *base, uint16_t size, struct split_layout layout,
                     uint16_t avail_flags)
{
    ASSERT(base != NULL);
    ASSERT(((uintptr_t)base & (SPLIT_DESCRIPTOR_BYTES - 1u)) == 0); /* 2.7.1: descriptor table */
    ASSERT((layout.device_offset & 3u) == 0); /* 2.7.1: used ring */
    ASSERT(avail_flags <= SPLIT_AVAIL_NO_INTERRUPT); /* 2.7.7.1: exactly 0 or 1 */

    ring->base = base;
    ring->layout = layout;
    ring->size = size;
    ring->avail_idx = 0;
    ring_store16(base + layout.driver_offset + SPLIT_FLAGS_OFFSET, avail_flags);
    ring_store16(base + layout.driver_offset + SPLIT_INDEX_OFFSET, 0);
    ring_store16(base + layout.device_offset + SPLIT_FLAGS_OFFSET, 0);
    ring_store16(base + layout.device_offset + SPLIT_INDEX_OFFSET, 0);
}
