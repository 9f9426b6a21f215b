/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory as devices see it, with an ownership ledger.
 * Each byte is unmapped, driver-owned, device-readable or device-writable. A device model touches memory only
 * through dm_dma_read and dm_dma_write; a touch of a byte that is not its own is a violation: recorded with
 * the stack of the touch and the stack of the byte's last change of owner. Device addresses never equal host
 * pointers. */
#ifndef CAPOS_DEVMODEL_MEMORY_H
#define CAPOS_DEVMODEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DM_PAGE_BYTES 4096u

/* An address in the device's address space. */
typedef struct dm_addr {
    uint64_t v;
} dm_addr;

enum dm_owner {
    DM_UNMAPPED = 0, /* no device may touch it */
    DM_DRIVER_OWNED, /* mapped for a function, not exposed in a ring */
    DM_DEVICE_READABLE, /* exposed: the device may read */
    DM_DEVICE_WRITABLE /* exposed: the device may write (and read back) */
};

struct dm_memory;

struct dm_memory_config {
    size_t bytes; /* multiple of 4096, at most 1 GiB */
    uint64_t bus_base; /* device address of the first byte; 4096-aligned; not the host address */
    bool ledger; /* false: bounds are still checked, ownership is not (measurements) */
};

/* NULL when memory cannot be had or the configuration is out of range. Zeroed. */
struct dm_memory *dm_memory_create(const struct dm_memory_config *config);
void dm_memory_destroy(struct dm_memory *m);
/* As new: zeroed where used (pages that were mapped, or written by a device, since the last reset), unmapped,
 * no violations. Cheaper than destroy and create. */
void dm_memory_reset(struct dm_memory *m);

/* One mapping, MAP_SHARED: another may show the same pages; a forked process writes to the same bytes. */
uint8_t *dm_memory_base(struct dm_memory *m);
size_t dm_memory_bytes(const struct dm_memory *m);
uint64_t dm_memory_bus_base(const struct dm_memory *m);
bool dm_memory_ledger(const struct dm_memory *m); /* as configured */

/* The authority's side: function `function` (bdf) may reach these pages, or no longer. Whole pages only, each
 * mapped for one function at a time: anything else is a violation and not done. Unmapping exposed bytes is a
 * violation (I4) and still done. Pages are sticky to a function only by the authority's rule, not here. */
void dm_memory_map(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes);
void dm_memory_unmap(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes);

/* A device model's side: bytes become its own (from driver-owned) or go back. False, and a violation, when a
 * byte was not driver-owned by this function, or was not the device's. */
bool dm_memory_expose(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, enum dm_owner as);
bool dm_memory_return(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes);
enum dm_owner dm_memory_owner(const struct dm_memory *m, dm_addr at);

/* Checked DMA. False, and a violation, when any byte may not be touched so; nothing is then moved. */
bool dm_dma_read(struct dm_memory *m, uint16_t function, dm_addr at, void *out, size_t bytes);
bool dm_dma_write(struct dm_memory *m, uint16_t function, dm_addr at, const void *in, size_t bytes);
/* A host pointer for bytes that the device may touch so, or NULL and a violation: for a model that moves data
 * once. */
uint8_t *dm_dma_window(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, bool write);

/* What a real device could do without an IOMMU: no ownership check, bounds only. For hostile behaviours; the
 * touch is recorded as hostile, not as a violation. `reached` bytes of pages unmapped for the function are
 * counted apart. */
bool dm_dma_write_rogue(struct dm_memory *m, uint16_t function, dm_addr at, const void *in, size_t bytes);

#define DM_STACK_DEPTH 12

struct dm_violation {
    char what[160]; /* one line: who touched what, and whose it was */
    uint64_t address;
    uint16_t function;
    void *touch_stack[DM_STACK_DEPTH]; /* return addresses, innermost first, NULL-terminated */
    void *owner_stack[DM_STACK_DEPTH]; /* where the byte last changed owner */
};

size_t dm_memory_violations(const struct dm_memory *m);
/* The i-th of the first 64 kept. NULL beyond. */
const struct dm_violation *dm_memory_violation(const struct dm_memory *m, size_t i);
/* Prints it with both stacks, symbolised where the executable has symbols. */
void dm_violation_print(const struct dm_violation *v, int fd);

struct dm_memory_counts {
    uint64_t reads, writes, read_bytes, write_bytes;
    uint64_t exposed_bytes; /* now */
    uint64_t mapped_bytes; /* now */
    uint64_t rogue_writes, rogue_unmapped;
};
struct dm_memory_counts dm_memory_counts(const struct dm_memory *m);

#ifdef __cplusplus
}
#endif
#endif
