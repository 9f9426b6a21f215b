/* SPDX-License-Identifier: BSD-2-Clause */
/* The device authority as a driver sees it: calls on capabilities. The kernel's implementation is
 * kernel/device/authority.c; later the same operations travel as ring records.
 *
 * Rules of every call: the handle is looked up first (an exception leaves no trace but a count), everything
 * is decided before anything is done, and a refusal changes nothing (P14). No reply holds an address. */
#ifndef CAPOS_ABI_DEVICE_H
#define CAPOS_ABI_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/cap.h"
#include "abi/errors.h"
#include "abi/pci.h"
#include "abi/regtable.h"

#define DMA_PAGE_BYTES     4096u
#define DMA_QUEUES_MAX     4u      /* queues of one function */
#define DMA_QUEUE_SIZE_MAX 8192u   /* entries; GCE dictates up to this many */
#define DMA_CHAIN_MAX      4u      /* segments of one publication */
#define DMA_BATCH_MAX      64u     /* publications of one call */

enum dma_direction {
    DMA_TO_DEVICE = 1,   /* the device reads */
    DMA_FROM_DEVICE = 2  /* the device writes */
};

/* A reply: exactly one of exception and error is set when it failed. `cap` and `value` are valid on success
 * only. */
struct device_reply {
    enum cap_exception exception;
    enum device_error error;
    cap_id cap;
    uint64_t value;
};

static inline bool device_reply_ok(struct device_reply r)
{
    return r.exception == CAP_EX_NONE && r.error == DEV_OK;
}

/* One segment: bytes of a DMABuffer. */
struct dma_segment {
    cap_id buffer;
    uint32_t offset;    /* bytes into the buffer */
    uint32_t length;    /* bytes, at least 1 */
    uint8_t direction;  /* enum dma_direction */
    uint8_t reserved[3];
};

/* One publication: a chain, readable segments first (virtio 1.2, 2.7.4.2). Segment i lies in descriptor
 * slots[i], slots[0] is the head; the caller owns the slot numbers, the kernel checks that they are free. */
struct dma_publication {
    uint16_t slots[DMA_CHAIN_MAX];
    uint8_t count;     /* 1 to DMA_CHAIN_MAX, at most the queue size */
    uint8_t reserved[7];
    struct dma_segment segments[DMA_CHAIN_MAX];
};

/* What a driver may read of its ring: the device area (used ring), read-only. Everything in it is a hint. */
struct dma_queue_view {
    const void *device_area;   /* used ring: flags, idx, elements */
    const void *driver_area;   /* available ring; NULL when the broker keeps it to itself */
    uint16_t size;             /* entries */
};

struct device_authority_ops {
    /* PCI function -> Device. Budget: one device. The function must be Discovered. */
    struct device_reply (*claim)(void *ctx, uint16_t bdf);
    /* Copies the scan record of the claimed function. */
    struct device_reply (*info)(void *ctx, cap_id device, struct pci_function_info *out);
    /* Device -> DeviceMmio or DevicePorts (by table->ports). `windows` has table->section_count entries;
     * table and rows must outlive the capability. With section_count 0 the program window is empty (legacy
     * MSI-X-only BAR). */
    struct device_reply (*open_registers)(void *ctx, cap_id device, const struct reg_table *table,
                                          const struct reg_window *windows);
    /* value: the register. index: which register of an array row, else 0. */
    struct device_reply (*reg_read)(void *ctx, cap_id registers, uint16_t row, uint16_t index);
    struct device_reply (*reg_write)(void *ctx, cap_id registers, uint16_t row, uint16_t index,
                                     uint32_t value);
    /* The kernel writes the address of `queue`'s ring part to an address row. The queue number is checked
     * against the queue that the select row last named. */
    struct device_reply (*reg_write_address)(void *ctx, cap_id registers, uint16_t row, cap_id queue);
    /* Bus mastering on. Only in state Reset or later, never while Resetting. */
    struct device_reply (*enable_dma)(void *ctx, cap_id device);
    /* Device -> DMAPool of at most `pages` pages (charged at once, refunded when the pool is back in Free).
     */
    struct device_reply (*pool_create)(void *ctx, cap_id device, uint32_t pages);
    /* DMAPool -> DMABuffer of whole pages, contiguous, zeroed, with an unmapped guard page on each side. */
    struct device_reply (*buffer_create)(void *ctx, cap_id pool, uint32_t bytes, uint8_t direction);
    /* value: the address at which the holder may touch the buffer (uintptr_t). Valid until destroy or revoke.
     */
    struct device_reply (*buffer_map)(void *ctx, cap_id buffer);
    /* Refused with DEV_E_BUSY while any part is published (I4). */
    struct device_reply (*buffer_destroy)(void *ctx, cap_id buffer);
    /* DMAPool -> DMAQueue: allocates a zeroed ring of `size` entries, laid out for table->ring_align, and
     * maps its device area read-only. bell_index: the queue's notify offset (modern), else the queue number.
     * avail_flags: initial driver-area flags, 0 or 1 (virtio 1.2, 2.7.7.1). Of a RING_PAIR: 2 to 64 entries,
     * bell_index twice the queue number, avail_flags 0; the device area is the completion queue. */
    struct device_reply (*queue_create)(void *ctx, cap_id pool, cap_id registers, uint16_t queue,
                                        uint16_t size, uint16_t bell_index, uint16_t avail_flags,
                                        struct dma_queue_view *out);
    /* Reaps, checks the whole batch, writes descriptors, publishes, rings the bell: all or nothing. Of a
     * RING_PAIR segment 0 is a command of 64 bytes without addresses, which the kernel reads once and writes
     * anew (provider/format/nvme.h), segment 1 its data; slots[0] is its identifier.
     * value: publications accepted (count or 0). */
    struct device_reply (*publish)(void *ctx, cap_id queue, const struct dma_publication *batch,
                                   uint16_t count);
    /* Lets the broker take in completions without publishing. value: completions taken in. */
    struct device_reply (*reap)(void *ctx, cap_id queue);
    /* Refused with DEV_E_BUSY unless the device is in a state in which the queue cannot run. */
    struct device_reply (*queue_destroy)(void *ctx, cap_id queue);
    /* Device -> Interrupt: MSI-X entry `vector` programmed, masked. */
    struct device_reply (*interrupt_create)(void *ctx, cap_id device, uint16_t vector);
    /* value: interrupts since the last ack; 0 when none is pending. Never blocks. */
    struct device_reply (*interrupt_wait)(void *ctx, cap_id interrupt);
    struct device_reply (*interrupt_ack)(void *ctx, cap_id interrupt);
    struct device_reply (*interrupt_mask)(void *ctx, cap_id interrupt, bool masked);
    /* Gives a capability back. The object dies with its derived objects, in teardown order: releasing a
     * Device resets it by its table. DEV_E_UNCONFIRMED: gone, but its pages are in quarantine. */
    struct device_reply (*release)(void *ctx, cap_id cap);
};

struct device_authority {
    const struct device_authority_ops *ops;
    void *ctx;
};

#endif
