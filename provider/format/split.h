/* SPDX-License-Identifier: BSD-2-Clause */
/* The split virtqueue's bytes (virtio 1.2, 2.7): layout, descriptor and ring stores, used-ring loads, each
 * barrier. Used by the provider's direct author and by the kernel's broker; knows no queue state beyond its
 * own index. Trusts its caller for slots and sizes (asserted); trusts nothing that it reads of the used ring.
 * The stores and loads of the data path are inline: both authors pay for them once a frame. */
#ifndef CAPOS_PROVIDER_FORMAT_SPLIT_H
#define CAPOS_PROVIDER_FORMAT_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/assert.h"
#include "ringmem.h"

#define SPLIT_SIZE_MAX         8192u
#define SPLIT_DESCRIPTOR_BYTES 16u
#define SPLIT_ALIGN_LEGACY     4096u /* 2.7.2: "Queue Align" of the legacy interface */
#define SPLIT_ALIGN_MODERN     4u /* 2.7: the used ring's own alignment */

/* Offsets inside the two areas: flags, index, then the entries (2.7.6, 2.7.8). */
#define SPLIT_FLAGS_OFFSET      0u
#define SPLIT_INDEX_OFFSET      2u
#define SPLIT_RING_OFFSET       4u
#define SPLIT_AVAIL_ENTRY_BYTES 2u
#define SPLIT_USED_ENTRY_BYTES  8u

#define SPLIT_DESC_NEXT          1u /* 2.7.5: VIRTQ_DESC_F_NEXT */
#define SPLIT_DESC_WRITE         2u /* 2.7.5: VIRTQ_DESC_F_WRITE */
#define SPLIT_AVAIL_NO_INTERRUPT 1u /* 2.7.6 */
#define SPLIT_USED_NO_NOTIFY     1u /* 2.7.8 */

struct split_layout {
    uint32_t driver_offset; /* available ring: 16 * size */
    uint32_t device_offset; /* used ring: after the available ring, rounded up to the alignment */
    uint32_t bytes; /* whole ring, both parts rounded up to the alignment as 2.7.2 has it */
};

/* A ring that its author writes. `base` is ring_align-aligned memory of layout.bytes bytes, zeroed. */
struct split_ring {
    uint8_t *base;
    struct split_layout layout;
    uint16_t size; /* power of two, 1 to SPLIT_SIZE_MAX */
    uint16_t avail_idx; /* free-running; private copy of the published index */
};

/* A used element, read once. Both words are the device's. */
struct split_used {
    dev_u32 id;
    dev_u32 length;
};

/* One descriptor as written: address in device terms. */
struct split_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t next; /* slot of the next descriptor; used when more is true */
    bool writable;
    bool more;
};

/* False when `size` is no power of two from 1 to SPLIT_SIZE_MAX; `align` is 4 or 4096 (our constant:
 * asserted). */
bool split_layout_for(uint32_t size, uint32_t align, struct split_layout *out);
/* `avail_flags`: 0, or 1 to ask for no interrupts (2.7.7.1). used.flags and used.idx start at 0 (2.7.10.1).
 */
void split_ring_init(struct split_ring *ring, uint8_t *base, uint16_t size, struct split_layout layout,
                     uint16_t avail_flags);

/* Two whole stores. The descriptor is not visible to the device before its head is published. */
static inline void split_write_descriptor(struct split_ring *ring, uint16_t slot, struct split_descriptor d)
{
    uint8_t *at = ring->base + (size_t)slot * SPLIT_DESCRIPTOR_BYTES;
    uint32_t flags = (d.more ? SPLIT_DESC_NEXT : 0u) | (d.writable ? SPLIT_DESC_WRITE : 0u);
    uint32_t next = d.more ? d.next : 0u;

    ASSERT(slot < ring->size);
    ASSERT(next < ring->size);
    ring_store64(at, d.address);
    ring_store64(at + 8, (uint64_t)d.length | (uint64_t)(flags | next << 16) << 32);
}

/* Stores `head` at the next available entry; not visible before split_publish. `ahead`: entries stored so
 * far. */
static inline void split_put_available(struct split_ring *ring, uint16_t head, uint16_t ahead)
{
    /* The index runs freely and is masked here and nowhere else (2.7.6). */
    uint16_t entry = (uint16_t)(ring->avail_idx + ahead) & (uint16_t)(ring->size - 1u);

    ASSERT(head < ring->size);
    ASSERT(ahead < ring->size);
    ring_store16(ring->base + ring->layout.driver_offset + SPLIT_RING_OFFSET +
                     (size_t)entry * SPLIT_AVAIL_ENTRY_BYTES,
                 head);
}

/* Write barrier, index store (2.7.13.3.1), full fence (2.7.13.4.1); true when the device wants a notification
 * (used.flags bit 0 clear, 2.7.10.1). The caller on a legacy or polled device may notify always. */
static inline bool split_publish(struct split_ring *ring, uint16_t count)
{
    ASSERT(count <= ring->size);
    ring->avail_idx = (uint16_t)(ring->avail_idx + count);
    /* 2.7.13.3.1: descriptors and entries before the index that makes them visible. */
    ring_write_barrier();
    ring_store16(ring->base + ring->layout.driver_offset + SPLIT_INDEX_OFFSET, ring->avail_idx);
    /* 2.7.13.4.1: the index store before the load of used.flags, or a device that just went to sleep is never
     * woken. */
    ring_full_barrier();
    return !dev_u16_bit(ring_load16(ring->base + ring->layout.device_offset + SPLIT_FLAGS_OFFSET),
                        SPLIT_USED_NO_NOTIFY);
}

/* The used index, one load. `device_area`: start of the used ring. */
static inline dev_u16 split_used_index(const uint8_t *device_area)
{
    return ring_load16(device_area + SPLIT_INDEX_OFFSET);
}

/* Element of free-running index `at`, each word loaded once. The caller issued a read barrier since the index
 * load. */
static inline struct split_used split_used_element(const uint8_t *device_area, uint16_t size, uint16_t at)
{
    uint16_t entry = at & (uint16_t)(size - 1u);
    const uint8_t *element = device_area + SPLIT_RING_OFFSET + (size_t)entry * SPLIT_USED_ENTRY_BYTES;

    return (struct split_used){ring_load32(element), ring_load32(element + 4)};
}

#endif
