/* SPDX-License-Identifier: BSD-2-Clause */
/* The split virtqueue's bytes (virtio 1.2, 2.7): layout, descriptor and ring stores, used-ring loads, each barrier.
 * Used by the provider's direct author and by the kernel's broker; knows no queue state beyond its own index. */
#ifndef CAPOS_PROVIDER_FORMAT_SPLIT_H
#define CAPOS_PROVIDER_FORMAT_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringmem.h"

#define SPLIT_SIZE_MAX 8192u
#define SPLIT_DESCRIPTOR_BYTES 16u

struct split_layout {
    uint32_t driver_offset;  /* available ring: 16 * size */
    uint32_t device_offset;  /* used ring: after the available ring, rounded up to the alignment */
    uint32_t bytes;          /* whole ring; legacy: rounded up to 4096 as 2.7.2 has it */
};

/* A ring that its author writes. `base` is ring_align-aligned memory of layout.bytes bytes, zeroed. */
struct split_ring {
    uint8_t *base;
    struct split_layout layout;
    uint16_t size;        /* power of two, 1 to SPLIT_SIZE_MAX */
    uint16_t avail_idx;   /* free-running; private copy of the published index */
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
    uint16_t next;     /* slot of the next descriptor; used when more is true */
    bool writable;
    bool more;
};

/* False when `size` is no power of two from 1 to SPLIT_SIZE_MAX; `align` is 4 or 4096 (our constant: asserted). */
bool split_layout_for(uint32_t size, uint32_t align, struct split_layout *out);
void split_ring_init(struct split_ring *ring, uint8_t *base, uint16_t size, struct split_layout layout,
                     uint16_t avail_flags);
void split_write_descriptor(struct split_ring *ring, uint16_t slot, struct split_descriptor d);
/* Stores `head` at the next available entry; not visible before split_publish. `ahead`: entries stored so far. */
void split_put_available(struct split_ring *ring, uint16_t head, uint16_t ahead);
/* Write barrier, index store (2.7.13.3.1), full fence (2.7.13.4.1); true when the device wants a notification
 * (used.flags bit 0 clear, 2.7.10.1). The caller on a legacy or polled device may notify always. */
bool split_publish(struct split_ring *ring, uint16_t count);
/* The used index, one load. `device_area`: start of the used ring. */
dev_u16 split_used_index(const uint8_t *device_area);
/* Element of free-running index `at`, each word loaded once. The caller issued a read barrier since the index load. */
struct split_used split_used_element(const uint8_t *device_area, uint16_t size, uint16_t at);

#endif
