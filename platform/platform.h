/* SPDX-License-Identifier: BSD-2-Clause */
/* The only door to the machine. platform/pc implements it on hardware, platform/sim over the device models.
 * Each world defines `struct platform`; every function takes it first. Nothing here can fail except where it
 * says so: absent hardware reads as all ones, as on a PC. */
#ifndef CAPOS_PLATFORM_H
#define CAPOS_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct platform;

/* An address as the device sees it. A type of its own: it is never a pointer, and in the simulator never
 * equal to one. */
typedef struct dev_addr {
    uint64_t v;
} dev_addr;

/* Memory that devices can reach: `bytes` at `cpu`, seen by devices from `bus`. Page-aligned on both sides. */
struct platform_dma_region {
    uint8_t *cpu;
    dev_addr bus;
    size_t bytes;
};

/* Memory of programs and MemoryObjects, apart from DMA: no device is ever given a page of it. Page-aligned;
 * bytes 0: this world has none. */
struct platform_memory_region {
    uint8_t *cpu;
    size_t bytes;
};

enum platform_console { CONSOLE_MAIN = 1, CONSOLE_EVIDENCE = 2, CONSOLE_AUDIT = 3 };

/* PCI configuration space, width 1, 2 or 4, offset aligned to width, below 256. */
uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width);
void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value);

/* Registers in memory and I/O space; ordered with each other and with `platform_fence`. */
uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width);
void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value);
uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width);
void platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value);

/* The region that all DMA pages come from. */
struct platform_dma_region platform_dma_region(struct platform *p);
/* The region that programs live in. Content undefined. */
struct platform_memory_region platform_memory_region(struct platform *p);
/* Function `bdf` may from now on reach [bus, bus + bytes), or no longer. Page-aligned. Without an IOMMU the
 * machine cannot enforce it; the simulator's ledger does. */
void platform_dma_map(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes);
void platform_dma_unmap(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes);

/* MSI-X message for a free vector of this machine: what an Interrupt object writes to its table entry. */
struct platform_msi {
    uint64_t address;
    uint32_t data;
};
struct platform_msi platform_msi_message(struct platform *p, uint16_t route);
/* Deliveries of `route` since start: free-running, counted in the trap table. */
uint32_t platform_msi_count(struct platform *p, uint16_t route);
/* The message of `route` arrives from nowhere, as one does that was under way while its sender was torn down:
 * for proofs. Taken and counted as any other, at the next platform_relax. */
void platform_msi_raise(struct platform *p, uint16_t route);
/* Device interrupts taken since start, over all vectors of the trap table, free-running: `interrupts=N`. */
uint32_t platform_interrupts(struct platform *p);

uint64_t platform_now_ns(struct platform *p);
/* Lets the world move: the simulator steps devices and backends and advances virtual time; a machine pauses.
 */
void platform_relax(struct platform *p);
/* Fills `bytes`; on a machine from the CPU's source, in the simulator from the run's one generator. False:
 * the bytes are good for no secret, because the machine has no source, or one that failed its health tests. */
bool platform_entropy(struct platform *p, void *buffer, size_t bytes);

/* Text goes out as it is: escaping is the caller's. A port that is absent takes it and says nothing. */
void platform_console_write(struct platform *p, enum platform_console port, const char *text, size_t bytes);
/* What was typed at `port` and is there by now, oldest first: at most `bytes` of it into `buffer`. Never
 * waits; 0: nothing there. */
size_t platform_console_read(struct platform *p, enum platform_console port, char *buffer, size_t bytes);

/* True once somebody asked for an orderly end: the power button, or a signal to the simulator. */
int platform_end_requested(struct platform *p);

/* Facts for the evidence: constant text, `[a-z0-9_.-]+`. */
const char *platform_name(const struct platform *p);
uint64_t platform_memory_bytes(const struct platform *p);

#endif
