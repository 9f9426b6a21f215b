/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X (PCI 3.0, 6.8.2): the vector table and the pending bits of one function, in a range of one of its
 * BARs. The driver writes the table at will; only a vector's number is ever used as an index, and it is
 * checked first. */
#include "pci_state.h"

#include <stdlib.h>

#define CAP_MSIX              0x11u
#define CONTROL               2u /* message control, in the capability */
#define CONTROL_ENABLE        0x8000u
#define CONTROL_FUNCTION_MASK 0x4000u
#define ENTRY_DATA            8u
#define ENTRY_CONTROL         12u
#define ENTRY_MASKED          1u

static uint32_t pba_bytes(uint32_t vectors)
{
    return (vectors + 63u) / 64u * 8u;
}

bool dm_msix_config_valid(const struct dm_function_config *config)
{
    if (config->msix_vectors == 0)
        return true;
    if (config->msix_vectors > DM_MSIX_VECTORS_MAX || config->msix_bar >= DM_BARS)
        return false;
    enum dm_bar_kind kind = config->bars[config->msix_bar].kind;
    if (kind != DM_BAR_MEM32 && kind != DM_BAR_MEM64)
        return false;
    uint64_t bar = config->bars[config->msix_bar].bytes;
    uint64_t table = config->msix_table_offset;
    uint64_t table_end = table + (uint64_t)config->msix_vectors * DM_MSIX_ENTRY_BYTES;
    uint64_t pba = config->msix_pba_offset;
    uint64_t pba_end = pba + pba_bytes(config->msix_vectors);
    bool aligned = table % 8u == 0 && pba % 8u == 0;
    bool inside = table_end <= bar && pba_end <= bar;
    bool apart = table_end <= pba || pba_end <= table;
    return aligned && inside && apart;
}

bool dm_msix_setup(struct dm_function *f)
{
    const struct dm_function_config *config = &f->config;
    if (config->msix_vectors == 0)
        return true;
    struct dm_msix *x = &f->msix;
    x->table = calloc(config->msix_vectors, DM_MSIX_ENTRY_BYTES);
    if (!x->table)
        return false;
    for (uint32_t v = 0; v < config->msix_vectors; v++) /* each vector is masked after reset (6.8.2.9) */
        dm_store32(x->table + v * DM_MSIX_ENTRY_BYTES + ENTRY_CONTROL, ENTRY_MASKED);
    uint8_t body[10] = {0};
    dm_store16(body, (uint16_t)(config->msix_vectors - 1u));
    dm_store32(body + 2, config->msix_table_offset | config->msix_bar);
    dm_store32(body + 6, config->msix_pba_offset | config->msix_bar);
    x->capability = dm_function_add_capability(f, CAP_MSIX, body, sizeof body);
    if (x->capability == 0)
        return false;
    f->writable[x->capability + CONTROL + 1u] = (CONTROL_ENABLE | CONTROL_FUNCTION_MASK) >> 8;
    x->vectors = config->msix_vectors;
    x->bar = config->msix_bar;
    x->table_offset = config->msix_table_offset;
    x->pba_offset = config->msix_pba_offset;
    x->pba_bytes = pba_bytes(config->msix_vectors);
    return true;
}

static bool in_table(const struct dm_msix *x, uint32_t offset)
{
    return offset >= x->table_offset && offset - x->table_offset < x->vectors * DM_MSIX_ENTRY_BYTES;
}

bool dm_msix_hit(const struct dm_function *f, unsigned bar, uint32_t offset)
{
    const struct dm_msix *x = &f->msix;
    if (x->vectors == 0 || bar != x->bar)
        return false;
    bool in_pba = offset >= x->pba_offset && offset - x->pba_offset < x->pba_bytes;
    return in_table(x, offset) || in_pba;
}

/* Software reads and writes whole aligned dwords (6.8.2); qwords come as two. */
static bool dword(struct dm_function *f, uint32_t offset, uint8_t width)
{
    if (width == 4 && offset % 4u == 0)
        return true;
    f->bus->counts.odd++;
    return false;
}

uint32_t dm_msix_read(struct dm_function *f, uint32_t offset, uint8_t width)
{
    const struct dm_msix *x = &f->msix;
    if (!dword(f, offset, width))
        return DM_ALL_ONES;
    if (in_table(x, offset))
        return dm_load32(x->table + (offset - x->table_offset));
    uint32_t at = offset - x->pba_offset;
    return (uint32_t)(x->pending[at / 8u] >> (at % 8u * 8u));
}

void dm_msix_write(struct dm_function *f, uint32_t offset, uint8_t width, uint32_t value)
{
    struct dm_msix *x = &f->msix;
    if (!dword(f, offset, width) || !in_table(x, offset))
        return; /* pending bits are the device's */
    uint32_t at = offset - x->table_offset;
    switch (at % DM_MSIX_ENTRY_BYTES) {
    case 0:
        value &= ~3u; /* a message address is a dword address */
        break;
    case ENTRY_CONTROL:
        value &= ENTRY_MASKED; /* the rest is reserved */
        break;
    default:
        break;
    }
    dm_store32(x->table + at, value);
    dm_msix_flush(f);
}

static uint16_t control(const struct dm_function *f)
{
    return dm_load16(f->bytes + f->msix.capability + CONTROL);
}

bool dm_function_msix_enabled(const struct dm_function *f)
{
    return f->msix.vectors != 0 && (control(f) & CONTROL_ENABLE) != 0;
}

bool dm_function_msix_entry(const struct dm_function *f, uint16_t v, struct dm_msix_entry *entry)
{
    if (v >= f->msix.vectors)
        return false;
    const uint8_t *at = f->msix.table + (size_t)v * DM_MSIX_ENTRY_BYTES;
    entry->address = dm_load32(at) | (uint64_t)dm_load32(at + 4) << 32;
    entry->data = dm_load32(at + ENTRY_DATA);
    entry->masked = (dm_load32(at + ENTRY_CONTROL) & ENTRY_MASKED) != 0;
    entry->pending = (f->msix.pending[v / 64u] >> (v % 64u) & 1u) != 0;
    return true;
}

/* Nothing but the vector's own mask holds a message back. */
static bool open_for_messages(const struct dm_function *f)
{
    return dm_function_msix_enabled(f) && (control(f) & CONTROL_FUNCTION_MASK) == 0 &&
           dm_function_bus_master(f);
}

static void send(struct dm_function *f, const struct dm_msix_entry *entry)
{
    struct dm_bus *bus = f->bus;
    bus->counts.messages++;
    if (bus->config.msi)
        bus->config.msi(bus->config.msi_ctx, entry->address, entry->data);
}

bool dm_function_msix_raise(struct dm_function *f, uint16_t v)
{
    struct dm_msix_entry entry;
    if (f->removed || !dm_function_msix_enabled(f) || !dm_function_msix_entry(f, v, &entry))
        return false;
    if (entry.masked || !open_for_messages(f))
        f->msix.pending[v / 64u] |= 1ull << (v % 64u);
    else
        send(f, &entry);
    return true;
}

void dm_msix_flush(struct dm_function *f)
{
    struct dm_msix *x = &f->msix;
    if (x->vectors == 0 || f->removed || !open_for_messages(f))
        return;
    for (uint32_t word = 0; word < x->pba_bytes / 8u; word++) {
        for (uint32_t bit = 0; x->pending[word] >> bit != 0; bit++) {
            struct dm_msix_entry entry;
            uint16_t v = (uint16_t)(word * 64u + bit);
            bool due = (x->pending[word] >> bit & 1u) != 0;
            if (due && dm_function_msix_entry(f, v, &entry) && !entry.masked) {
                x->pending[word] &= ~(1ull << bit);
                send(f, &entry);
            }
            if (bit == 63u)
                break;
        }
    }
}
