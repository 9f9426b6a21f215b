/* SPDX-License-Identifier: BSD-2-Clause */
/* State of the PCI host and its functions, shared by pci.c, function.c and msix.c. Private to devmodel. */
#ifndef DM_PCI_STATE_H
#define DM_PCI_STATE_H

#include "bytes.h"
#include "capos/devmodel/pci.h"

#define DM_PCI_COMMAND          0x04u
#define DM_PCI_STATUS           0x06u
#define DM_PCI_BAR0             0x10u
#define DM_PCI_CAPABILITIES     0x34u
#define DM_COMMAND_PORTS        0x0001u
#define DM_COMMAND_MEMORY       0x0002u
#define DM_COMMAND_MASTER       0x0004u
#define DM_COMMAND_INTX_DISABLE 0x0400u
#define DM_STATUS_INTERRUPT     0x0008u
#define DM_STATUS_CAPABILITIES  0x0010u
#define DM_ALL_ONES             0xffffffffu

#define DM_MSIX_VECTORS_MAX 2048u
#define DM_MSIX_ENTRY_BYTES 16u

struct dm_msix {
    uint16_t vectors; /* 0: none */
    uint8_t bar;
    uint8_t capability; /* its offset in configuration space */
    uint32_t table_offset, pba_offset, pba_bytes;
    uint8_t *table; /* vectors entries of 16 bytes */
    uint64_t pending[DM_MSIX_VECTORS_MAX / 64u];
};

struct dm_function {
    struct dm_bus *bus;
    struct dm_function_config config;
    struct dm_function_ops ops;
    void *model;
    bool removed;
    uint8_t bytes[DM_CONFIG_BYTES];
    uint8_t writable[DM_CONFIG_BYTES]; /* bits that a write sets */
    uint8_t cleared[DM_CONFIG_BYTES]; /* bits that a written 1 clears */
    uint32_t capabilities_end; /* where the next capability goes */
    uint8_t capability_last; /* offset of the newest one, 0: none */
    uint8_t subordinate; /* of a bridge, as firmware left it */
    struct dm_msix msix;
};

/* A BAR that decodes now. */
struct dm_decode {
    uint64_t base;
    uint32_t bytes;
    uint8_t bar;
    struct dm_function *function;
};

#define DM_DECODES_MAX (DM_FUNCTIONS_MAX * DM_BARS)

struct dm_bus {
    struct dm_bus_config config;
    struct dm_function *functions[DM_FUNCTIONS_MAX]; /* in the order of attachment */
    uint32_t function_count;
    struct dm_decode ports[DM_DECODES_MAX], memory[DM_DECODES_MAX];
    uint32_t port_count, memory_count;
    bool decode_stale; /* a command register or BAR changed */
    const struct dm_decode *port_last, *memory_last;
    struct dm_bus_counts counts;
};

/* function.c */
struct dm_function *dm_function_new(const struct dm_function_config *config,
                                    const struct dm_function_ops *ops, void *model);
void dm_function_free(struct dm_function *f);
bool dm_function_config_valid(const struct dm_function_config *config);
uint32_t dm_function_config_read(struct dm_function *f, uint16_t offset, uint8_t width);
void dm_function_config_write(struct dm_function *f, uint16_t offset, uint8_t width, uint32_t value);
/* Adds the BARs that decode now to the bus's lists. */
void dm_function_decode(struct dm_function *f);
static inline bool dm_is_bridge(const struct dm_function *f)
{
    return (f->config.header_type & 0x7fu) == 1u;
}
static inline uint16_t dm_command(const struct dm_function *f)
{
    return dm_load16(f->bytes + DM_PCI_COMMAND);
}

/* msix.c */
bool dm_msix_config_valid(const struct dm_function_config *config);
bool dm_msix_setup(struct dm_function *f);
bool dm_msix_hit(const struct dm_function *f, unsigned bar, uint32_t offset);
uint32_t dm_msix_read(struct dm_function *f, uint32_t offset, uint8_t width);
void dm_msix_write(struct dm_function *f, uint32_t offset, uint8_t width, uint32_t value);
/* Sends what is pending and no longer held back. */
void dm_msix_flush(struct dm_function *f);

#endif
