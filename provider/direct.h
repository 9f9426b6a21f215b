/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and author for a provider that owns its function outright: early bring-up, tests, measurements.
 * The caller places both structs and keeps them until the provider is closed. It has mapped the memory block
 * for the function (platform_dma_map) and says where the BARs lie. */
#ifndef CAPOS_PROVIDER_DIRECT_H
#define CAPOS_PROVIDER_DIRECT_H

#include "platform/platform.h"
#include "provider/format/split.h"
#include "provider/seams.h"

#define DIRECT_BLOCKS_MAX 16u /* live allocations of one author */

struct registers_direct {
    struct platform *platform;
    uint64_t bar_base[PCI_BARS]; /* port or memory address; what the BAR register holds, type bits cleared */
    const struct reg_table *table; /* set by open */
    struct reg_window windows[REG_SECTIONS_MAX];
    uint16_t bdf;
    bool msix_enabled; /* moves the legacy device configuration by 4 bytes */
    bool reset_written;
    bool quiet; /* no ring of ours can be running */
};

/* `bar_base`: PCI_BARS entries, copied. msix_enabled: as the function's MSI-X control says now. */
struct registers registers_direct_init(struct registers_direct *d, struct platform *platform, uint16_t bdf,
                                       const uint64_t *bar_base, bool msix_enabled);

/* Memory that the function may reach, page-aligned on both sides: `bytes` at `cpu`, seen by the device at
 * `bus`. */
struct direct_memory {
    uint8_t *cpu;
    dev_addr bus;
    size_t bytes;
};

struct direct_queue {
    struct split_ring ring;
    uint64_t bus; /* device address of the ring; 0: none */
    uint64_t bell; /* address or port of the bell */
    bool always_notify; /* legacy: used.flags is not believed */
    bool live;
};

struct author_direct {
    struct registers_direct *registers;
    struct direct_memory memory;
    struct direct_block {
        size_t offset;
        size_t bytes;
    } blocks[DIRECT_BLOCKS_MAX]; /* sorted by offset */
    uint32_t block_count;
    uint64_t bells; /* rung so far */
    struct direct_queue queues[DMA_QUEUES_MAX];
};

/* The registers must be the ones that the same provider uses: the author takes ring alignment and bell from
 * their table. */
struct author author_direct_init(struct author_direct *a, struct registers_direct *registers,
                                 struct direct_memory memory);

/* Bytes in use: 0 after an orderly stop; a quarantined provider's stay. */
size_t author_direct_used(const struct author_direct *a);

/* Address of a bell, or false when it leaves its window (4.1.4.4.1). */
bool registers_direct_bell(const struct registers_direct *d, uint16_t bell_index, uint64_t *address);

#endif
