/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI host with functions: configuration space, sizable BARs, port and memory decoding, MSI-X.
 * Source: PCI Local Bus Specification 3.0, 6.1, 6.2.5.1, 6.8.2. One thread; no time of its own. */
#ifndef CAPOS_DEVMODEL_PCI_H
#define CAPOS_DEVMODEL_PCI_H

#include "capos/devmodel/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DM_BARS          6u
#define DM_FUNCTIONS_MAX 64u
#define DM_CONFIG_BYTES  256u

struct dm_bus;
struct dm_function;

/* Chooses 0..n-1; every free decision of a model goes through it. NULL in a configuration: always 0. */
typedef uint32_t (*dm_choose)(void *ctx, uint32_t n, const char *tag);

struct dm_bus_config {
    struct dm_memory *memory;
    dm_choose choose;
    void *choose_ctx;
    /* An MSI-X message was sent. NULL: counted only. */
    void (*msi)(void *ctx, uint64_t address, uint32_t data);
    void *msi_ctx;
};

struct dm_bus *dm_bus_create(const struct dm_bus_config *config);
void dm_bus_destroy(struct dm_bus *bus); /* destroys attached functions too */

struct dm_bus_counts {
    uint64_t config_accesses, port_accesses, mmio_accesses;
    uint64_t missed; /* ports and memory that nobody decodes; functions that are absent */
    uint64_t odd; /* width not 1, 2 or 4, not aligned, across an end, or not a dword in an MSI-X table */
    uint64_t messages; /* MSI-X messages sent */
};
struct dm_bus_counts dm_bus_counts(const struct dm_bus *bus);

/* The machine's side. Absent functions, ports and memory read as all ones; writes go nowhere. Unaligned or
 * odd widths are counted as driver faults by the model that is hit. */
uint32_t dm_pci_read(struct dm_bus *bus, uint16_t bdf, uint16_t offset, uint8_t width);
void dm_pci_write(struct dm_bus *bus, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value);
uint32_t dm_port_read(struct dm_bus *bus, uint16_t port, uint8_t width);
void dm_port_write(struct dm_bus *bus, uint16_t port, uint8_t width, uint32_t value);
uint32_t dm_mmio_read(struct dm_bus *bus, uint64_t address, uint8_t width);
void dm_mmio_write(struct dm_bus *bus, uint64_t address, uint8_t width, uint32_t value);

enum dm_bar_kind { DM_BAR_NONE = 0, DM_BAR_PORTS, DM_BAR_MEM32, DM_BAR_MEM64 };

/* How a model is reached. `offset` is inside the BAR, which decodes only while the command register says. */
struct dm_function_ops {
    uint32_t (*bar_read)(void *model, unsigned bar, uint32_t offset, uint8_t width);
    void (*bar_write)(void *model, unsigned bar, uint32_t offset, uint8_t width, uint32_t value);
    /* After each configuration write: command bits, MSI-X enable, pci_cfg window. May be NULL. */
    void (*config_written)(void *model, uint16_t offset, uint8_t width);
    /* Before each configuration read, for bytes whose value depends on the access (pci_cfg data). May be
     * NULL. */
    void (*config_reading)(void *model, uint16_t offset, uint8_t width);
    /* Device work outside register accesses. Returns the number of steps done. May be NULL. */
    uint32_t (*step)(void *model, uint32_t budget);
    void (*destroy)(void *model);
};

struct dm_function_config {
    uint16_t bdf;
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint8_t revision;
    uint8_t header_type; /* 0; 1 for a bridge; bit 7 multi-function */
    uint32_t class_code;
    struct {
        enum dm_bar_kind kind;
        uint32_t bytes;
        uint64_t firmware_address;
    } bars[DM_BARS];
    uint16_t msix_vectors; /* 0: no MSI-X */
    uint8_t msix_bar;
    uint32_t msix_table_offset, msix_pba_offset;
    uint8_t bridge_secondary; /* for header type 1 */
    uint16_t firmware_command; /* command register as firmware left it: bit 0 ports, 1 memory, 2 bus master */
};

/* NULL when the slot is taken or the configuration is contradictory: the model then stays the caller's.
 * Otherwise the bus owns function and model. A function of bus N > 0 is reached through the bridge whose
 * bridge_secondary is N, under the number that the bridge's secondary register holds at the time. Bridges
 * forward configuration accesses; their memory and port windows are not modelled: what lies behind decodes by
 * its own registers alone. */
struct dm_function *dm_bus_attach(struct dm_bus *bus, const struct dm_function_config *config,
                                  const struct dm_function_ops *ops, void *model);
/* Appends a capability (id, then `bytes` bytes after the next pointer). Returns its offset, 0 when full. */
uint8_t dm_function_add_capability(struct dm_function *f, uint8_t id, const uint8_t *body, uint8_t bytes);
/* Lets configuration writes through to bytes that are read-only otherwise: capability fields. */
void dm_function_make_writable(struct dm_function *f, uint8_t offset, uint8_t bytes);
/* Raw configuration bytes: to build broken functions (loops, odd pointers). A BAR or command register changed
 * here takes effect at the next configuration write. */
uint8_t *dm_function_config_bytes(struct dm_function *f);
/* Surprise removal: reads are all ones, writes and messages go nowhere. The model stays until the bus is
 * destroyed. */
void dm_function_remove(struct dm_function *f);
/* INTx as the status register shows it (PCI 3.0, 6.2.3). Returns true when the pin is asserted: not disabled
 * by the command register and MSI-X off. */
bool dm_function_set_intx(struct dm_function *f, bool level);
bool dm_function_bus_master(const struct dm_function *f);
bool dm_function_msix_enabled(const struct dm_function *f);
/* Sends vector `v`: delivered, or pending when masked or bus mastering is off; false when MSI-X is off or `v`
 * is out of range. */
bool dm_function_msix_raise(struct dm_function *f, uint16_t v);
struct dm_msix_entry {
    uint64_t address;
    uint32_t data;
    bool masked, pending;
};
/* The table entry as the driver wrote it. False: out of range. */
bool dm_function_msix_entry(const struct dm_function *f, uint16_t v, struct dm_msix_entry *entry);
struct dm_bus *dm_function_bus(const struct dm_function *f);
uint16_t dm_function_bdf(const struct dm_function *f);
/* What a model needs of its bus. dm_bus_choose: 0..n-1 by the configured choice, 0 without one; n >= 1. */
struct dm_memory *dm_bus_memory(const struct dm_bus *bus);
uint32_t dm_bus_choose(struct dm_bus *bus, uint32_t n, const char *tag);

/* Lets every function work, at most `budget` steps each. Returns steps done; 0: quiet. */
uint32_t dm_bus_step(struct dm_bus *bus, uint32_t budget);

#ifdef __cplusplus
}
#endif
#endif
