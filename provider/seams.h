/* SPDX-License-Identifier: BSD-2-Clause */
/* The provider's seams: constant operation tables with reset, stop and unmap in them from the first day.
 *   registers  how register rows are reached: direct (platform.h) or brokered (capabilities)
 *   author     who owns ring memory and writes descriptors: direct or brokered
 *   transport  what the registers mean: virtio legacy or modern
 * All pointers of a table are filled. Nothing here allocates, blocks, sleeps or reads a clock. */
#ifndef CAPOS_PROVIDER_SEAMS_H
#define CAPOS_PROVIDER_SEAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device.h"
#include "abi/nic.h"
#include "abi/pci.h"
#include "abi/regtable.h"
#include "provider/errors.h"

/* A value read from a device register, or the reason that there is none. */
struct reg_value {
    enum provider_error error;
    dev_u32 value;
};

/* DMA memory that the provider may touch. `handle` is the author's own: a device address or a packed CapId.
 */
struct provider_buffer {
    uint8_t *cpu;
    uint32_t bytes;
    uint64_t handle;
};

/* One ring as the driver may see it. `handle` is the author's; `device_area` is the used ring and only a
 * hint. */
struct provider_ring {
    const uint8_t *device_area;
    uint16_t queue;
    uint16_t size;
    uint16_t bell_index;
    uint64_t handle;
};

struct registers_ops {
    /* Binds rows of `table` to windows. The table outlives the registers. */
    enum provider_error (*open)(void *ctx, const struct reg_table *table, const struct reg_window *windows);
    struct reg_value (*read)(void *ctx, uint16_t row, uint16_t index);
    /* PROVIDER_E_BUSY: a reset that the device, which is starting, cannot take yet. */
    enum provider_error (*write)(void *ctx, uint16_t row, uint16_t index, uint32_t value);
    /* Writes the address of the ring part that the row names. */
    enum provider_error (*write_address)(void *ctx, uint16_t row, const struct provider_ring *ring);
    /* Bus mastering on; called after a confirmed reset only. */
    enum provider_error (*enable_dma)(void *ctx);
    /* Bus mastering off, after a confirmed reset. Brokered: nothing to do, the authority does it when the
     * device is released. */
    void (*disable_dma)(void *ctx);
    void (*close)(void *ctx);
};

struct registers {
    const struct registers_ops *ops;
    void *ctx;
};

/* A batch is a flat list of segments: each chain's segments stand together, readable before writable
 * (2.7.4.2), and all but its last say `more`. The first segment's slot is the head. Flat, so that a batch of
 * one-segment chains stays small: it is built on the stack once a burst. */
struct author_segment {
    uint64_t buffer; /* provider_buffer.handle */
    uint32_t offset; /* bytes into the buffer */
    uint32_t length; /* bytes, at least 1 */
    uint16_t slot; /* descriptor slot, chosen by the queue */
    uint8_t direction; /* enum dma_direction */
    uint8_t more; /* 1: the chain goes on in the next segment */
};

struct author_ops {
    /* On success the author owns ring memory until queue_destroy; on failure nothing is held. */
    enum provider_error (*queue_create)(void *ctx, uint16_t queue, uint16_t size, uint16_t bell_index,
                                        uint16_t avail_flags, struct provider_ring *out);
    /* Descriptors, barrier, index, full fence, bell: for the whole batch (at most NIC_BATCH_MAX chains) or
     * not at all; the segments are only read during the call. On success the buffers' bytes belong to the
     * device until their head shows in the used ring and the queue took it in. */
    enum provider_error (*publish)(void *ctx, const struct provider_ring *ring,
                                   const struct author_segment *segments, uint16_t segment_count);
    /* Takes completions in without publishing: what the author keeps to itself until then (the answer of an
     * NVMe command that it bounds others by) is the driver's from here on. PROVIDER_E_REFUSED: the queue is
     * broken. */
    enum provider_error (*reap)(void *ctx, const struct provider_ring *ring);
    /* Only when the queue cannot run: before DRIVER_OK or after a confirmed reset. PROVIDER_E_BUSY otherwise.
     */
    enum provider_error (*queue_destroy)(void *ctx, struct provider_ring *ring);
    /* On failure `out` is untouched, or, with bytes and a handle and no memory, a buffer that the authority
     * would not take back at once: destroy it later. */
    enum provider_error (*buffer_create)(void *ctx, uint32_t bytes, uint8_t direction,
                                         struct provider_buffer *out);
    enum provider_error (*buffer_destroy)(void *ctx, struct provider_buffer *buffer);
};

struct author {
    const struct author_ops *ops;
    void *ctx;
};

enum virtio_transport_kind { VIRTIO_NONE = 0, VIRTIO_LEGACY, VIRTIO_MODERN };

/* What a transport learned of a device before it touched a register. Windows are in the section order of its
 * table; a modern device's ISR window stands behind them, found but never opened: reading it has a side
 * effect. */
struct virtio_probe {
    enum virtio_transport_kind kind;
    uint16_t device_type; /* 1: network, 8: SCSI host */
    struct reg_window windows[REG_SECTIONS_MAX];
    const char *reason; /* constant text: why this kind, or why none */
};

struct virtio_queue_limits {
    uint16_t size; /* entries that the device offers, checked: power of two, 1 to 8192; as read if refused */
    uint16_t bell_index;
};

/* Registers by meaning. Calls are short and bounded; waiting for a reset is the caller's, one read a poll. */
struct transport_ops {
    const char *name; /* "legacy", "modern" */
    const struct reg_table *table;
    enum provider_error (*reset)(const struct registers *r); /* writes status 0 */
    enum provider_error (*reset_done)(const struct registers *r, bool *done); /* reads status once */
    enum provider_error (*status_add)(const struct registers *r, uint8_t *shadow, uint8_t bits);
    enum provider_error (*status_read)(const struct registers *r, uint8_t *bits);
    enum provider_error (*features_read)(const struct registers *r, uint64_t *offered);
    /* Writes the accepted bits; modern also sets and re-reads FEATURES_OK. */
    enum provider_error (*features_write)(const struct registers *r, uint8_t *shadow, uint64_t accepted);
    enum provider_error (*queue_limits)(const struct registers *r, uint16_t queue,
                                        struct virtio_queue_limits *out);
    /* Maps the queue's events to MSI-X vector `vector`, before it is enabled, and reads the mapping back
     * (4.1.5.1.2.2). PROVIDER_E_VECTOR: the device did not take it. */
    enum provider_error (*queue_vector)(const struct registers *r, uint16_t queue, uint16_t vector);
    enum provider_error (*queue_enable)(const struct registers *r, const struct provider_ring *ring);
    /* One consistent copy of the device configuration (2.5.1, 2.5.4), at most VNET_CONFIG_READS_MAX attempts;
     * `offset` and `bytes` are whole fields of the device type. */
    enum provider_error (*config_read)(const struct registers *r, uint16_t offset, uint8_t *out,
                                       uint16_t bytes);
};

extern const struct transport_ops virtio_legacy_transport; /* of a network device */
extern const struct transport_ops virtio_modern_transport;
extern const struct transport_ops virtio_scsi_legacy_transport;
extern const struct transport_ops virtio_scsi_modern_transport;

/* Decides legacy, modern or nothing from the scan record alone: no register is touched. Pure. */
struct virtio_probe virtio_probe_function(const struct pci_function_info *info);

#endif
