/* SPDX-License-Identifier: BSD-2-Clause */
/* One PCI function: its configuration header (PCI 3.0, 6.1; bridges: PCI-to-PCI Bridge 1.2, 3.2), BARs that
 * answer to sizing (6.2.5.1), capability list. What a driver can change is data: `writable`, `cleared`. */
#include "pci_state.h"

#include <stdlib.h>
#include <string.h>

#define CAPABILITIES_START   0x40u
#define REVISION             0x08u
#define HEADER_TYPE          0x0eu
#define SUBSYSTEM_VENDOR     0x2cu
#define INTERRUPT_LINE       0x3cu
#define INTERRUPT_PIN        0x3du
#define BRIDGE_PRIMARY       0x18u
#define BRIDGE_SECONDARY     0x19u
#define BRIDGE_SUBORDINATE   0x1au
#define BRIDGE_WINDOWS       0x1cu
#define BRIDGE_WINDOWS_BYTES 0x18u
#define BRIDGE_BARS          2u
#define COMMAND_WRITABLE     0x0547u /* ports, memory, master, parity, SERR, interrupt disable */
#define STATUS_CLEARED       0xf900u /* errors: a written 1 clears */
#define BAR_PORTS            0x1u
#define BAR_MEM64            0x4u

static bool bar_valid(const struct dm_function_config *config, uint32_t i, uint32_t bars)
{
    enum dm_bar_kind kind = config->bars[i].kind;
    uint32_t bytes = config->bars[i].bytes;
    uint64_t at = config->bars[i].firmware_address;
    uint32_t least = kind == DM_BAR_PORTS ? 4u : 16u;
    uint64_t space = kind == DM_BAR_PORTS ? 1ull << 16 : 1ull << 32;
    if (kind == DM_BAR_NONE)
        return true;
    if (bytes < least || (bytes & (bytes - 1u)) != 0 || at % bytes != 0)
        return false;
    if (kind == DM_BAR_MEM64)
        return i + 1u < bars && config->bars[i + 1u].kind == DM_BAR_NONE;
    bool known = kind == DM_BAR_PORTS || kind == DM_BAR_MEM32;
    return known && at < space && bytes <= space - at;
}

bool dm_function_config_valid(const struct dm_function_config *config)
{
    uint8_t type = config->header_type & 0x7fu;
    if (type > 1)
        return false;
    uint32_t bars = type == 1 ? BRIDGE_BARS : DM_BARS;
    for (uint32_t i = 0; i < DM_BARS; i++) {
        if (i >= bars ? config->bars[i].kind != DM_BAR_NONE : !bar_valid(config, i, bars))
            return false;
    }
    /* A bridge forwards downwards: to a bus with a higher number than its own. 0: not numbered. */
    if (type == 1 && config->bridge_secondary != 0 && config->bridge_secondary <= config->bdf >> 8)
        return false;
    return dm_msix_config_valid(config);
}

static void setup_bars(struct dm_function *f)
{
    for (uint32_t i = 0; i < DM_BARS; i++) {
        enum dm_bar_kind kind = f->config.bars[i].kind;
        uint8_t *bytes = f->bytes + DM_PCI_BAR0 + 4u * i;
        uint8_t *writable = f->writable + DM_PCI_BAR0 + 4u * i;
        uint64_t at = f->config.bars[i].firmware_address;
        if (kind == DM_BAR_NONE)
            continue;
        uint32_t type = kind == DM_BAR_PORTS ? BAR_PORTS : kind == DM_BAR_MEM64 ? BAR_MEM64 : 0;
        dm_store32(bytes, (uint32_t)at | type);
        dm_store32(writable, ~(f->config.bars[i].bytes - 1u)); /* what makes sizing work */
        if (kind == DM_BAR_MEM64) {
            dm_store32(bytes + 4, (uint32_t)(at >> 32));
            dm_store32(writable + 4, DM_ALL_ONES);
        }
    }
}

static void setup_bridge(struct dm_function *f)
{
    f->bytes[BRIDGE_PRIMARY] = (uint8_t)(f->config.bdf >> 8);
    f->bytes[BRIDGE_SECONDARY] = f->config.bridge_secondary;
    f->bytes[BRIDGE_SUBORDINATE] = f->config.bridge_secondary;
    memset(f->writable + BRIDGE_PRIMARY, 0xff, 4);
    memset(f->writable + BRIDGE_WINDOWS, 0xff, BRIDGE_WINDOWS_BYTES);
    f->cleared[BRIDGE_WINDOWS + 3u] = 0xf9; /* secondary status, read as the status register */
    f->writable[BRIDGE_WINDOWS + 2u] = 0;
    f->writable[BRIDGE_WINDOWS + 3u] = 0;
    memset(f->writable + 0x3e, 0xff, 2); /* bridge control */
}

static void setup_header(struct dm_function *f)
{
    const struct dm_function_config *config = &f->config;
    dm_store16(f->bytes, config->vendor);
    dm_store16(f->bytes + 2, config->device);
    dm_store16(f->bytes + DM_PCI_COMMAND, config->firmware_command & COMMAND_WRITABLE);
    dm_store16(f->writable + DM_PCI_COMMAND, COMMAND_WRITABLE);
    dm_store16(f->cleared + DM_PCI_STATUS, STATUS_CLEARED);
    dm_store32(f->bytes + REVISION, config->class_code << 8 | config->revision);
    f->bytes[HEADER_TYPE] = config->header_type;
    f->writable[0x0c] = 0xff; /* cache line size and latency timer: kept, without effect */
    f->writable[0x0d] = 0xff;
    f->writable[INTERRUPT_LINE] = 0xff;
    f->bytes[INTERRUPT_LINE] = 0xff;
    setup_bars(f);
    if (dm_is_bridge(f)) {
        setup_bridge(f);
        return;
    }
    f->bytes[INTERRUPT_PIN] = 1;
    dm_store16(f->bytes + SUBSYSTEM_VENDOR, config->subsystem_vendor);
    dm_store16(f->bytes + SUBSYSTEM_VENDOR + 2, config->subsystem);
}

struct dm_function *dm_function_new(const struct dm_function_config *config,
                                    const struct dm_function_ops *ops, void *model)
{
    struct dm_function *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->config = *config;
    if (ops)
        f->ops = *ops;
    f->capabilities_end = CAPABILITIES_START;
    setup_header(f);
    if (!dm_msix_setup(f)) {
        f->ops.destroy = NULL; /* the model stays the caller's */
        dm_function_free(f);
        return NULL;
    }
    f->model = model;
    return f;
}

void dm_function_free(struct dm_function *f)
{
    if (f->ops.destroy)
        f->ops.destroy(f->model);
    free(f->msix.table);
    free(f);
}

uint8_t dm_function_add_capability(struct dm_function *f, uint8_t id, const uint8_t *body, uint8_t bytes)
{
    uint32_t at = f->capabilities_end;
    if (at + 2u + bytes > DM_CONFIG_BYTES)
        return 0;
    f->bytes[at] = id;
    f->bytes[at + 1u] = 0;
    if (bytes)
        memcpy(f->bytes + at + 2u, body, bytes);
    if (f->capability_last)
        f->bytes[f->capability_last + 1u] = (uint8_t)at;
    else
        f->bytes[DM_PCI_CAPABILITIES] = (uint8_t)at;
    f->bytes[DM_PCI_STATUS] |= DM_STATUS_CAPABILITIES;
    f->capability_last = (uint8_t)at;
    f->capabilities_end = (at + 2u + bytes + 3u) & ~3u;
    return (uint8_t)at;
}

void dm_function_make_writable(struct dm_function *f, uint8_t offset, uint8_t bytes)
{
    for (uint32_t i = offset; i < DM_CONFIG_BYTES && i < (uint32_t)offset + bytes; i++)
        f->writable[i] = 0xff;
}

uint8_t *dm_function_config_bytes(struct dm_function *f)
{
    return f->bytes;
}

uint32_t dm_function_config_read(struct dm_function *f, uint16_t offset, uint8_t width)
{
    if (f->ops.config_reading)
        f->ops.config_reading(f->model, offset, width);
    uint32_t value = 0;
    memcpy(&value, f->bytes + offset, width);
    return value;
}

void dm_function_config_write(struct dm_function *f, uint16_t offset, uint8_t width, uint32_t value)
{
    for (uint32_t i = 0; i < width; i++) {
        uint32_t at = offset + i;
        uint8_t byte = (uint8_t)(value >> (8u * i));
        f->bytes[at] = (uint8_t)((f->bytes[at] & ~f->writable[at]) | (byte & f->writable[at]));
        f->bytes[at] = (uint8_t)(f->bytes[at] & ~(byte & f->cleared[at]));
    }
    f->bus->decode_stale = true;
    dm_msix_flush(f);
    if (f->ops.config_written)
        f->ops.config_written(f->model, offset, width);
}

static void decode_one(struct dm_function *f, uint32_t bar)
{
    struct dm_bus *bus = f->bus;
    enum dm_bar_kind kind = f->config.bars[bar].kind;
    const uint8_t *bytes = f->bytes + DM_PCI_BAR0 + 4u * bar;
    uint64_t base = dm_load32(bytes) & ~(uint64_t)(kind == DM_BAR_PORTS ? 3u : 15u);
    if (kind == DM_BAR_MEM64)
        base |= (uint64_t)dm_load32(bytes + 4) << 32;
    if (kind == DM_BAR_NONE || base == 0) /* 0: not assigned */
        return;
    struct dm_decode decode = {base, f->config.bars[bar].bytes, (uint8_t)bar, f};
    if (kind == DM_BAR_PORTS && (dm_command(f) & DM_COMMAND_PORTS))
        bus->ports[bus->port_count++] = decode;
    if (kind != DM_BAR_PORTS && (dm_command(f) & DM_COMMAND_MEMORY))
        bus->memory[bus->memory_count++] = decode;
}

void dm_function_decode(struct dm_function *f)
{
    if (f->removed)
        return;
    for (uint32_t bar = 0; bar < DM_BARS; bar++)
        decode_one(f, bar);
}

bool dm_function_bus_master(const struct dm_function *f)
{
    return !f->removed && (dm_command(f) & DM_COMMAND_MASTER) != 0;
}

void dm_function_remove(struct dm_function *f)
{
    f->removed = true;
    f->bus->decode_stale = true;
}

bool dm_function_set_intx(struct dm_function *f, bool level)
{
    uint8_t *status = f->bytes + DM_PCI_STATUS;
    *status = (uint8_t)(level ? *status | DM_STATUS_INTERRUPT : *status & ~DM_STATUS_INTERRUPT);
    bool allowed = (dm_command(f) & DM_COMMAND_INTX_DISABLE) == 0 && !dm_function_msix_enabled(f);
    return level && allowed && !f->removed;
}

struct dm_bus *dm_function_bus(const struct dm_function *f)
{
    return f->bus;
}

uint16_t dm_function_bdf(const struct dm_function *f)
{
    return f->config.bdf;
}
