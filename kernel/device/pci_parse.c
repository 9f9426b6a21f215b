/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the scan's copy of configuration space: identity and MSI-X. Works on our copy alone, so nothing
 * changes between check and use (Z1); the capability walk is bounded (Z9). Blanks addresses before anyone may
 * see the copy (I1). */
#include "kernel/device/device.h"

#define STATUS_OFFSET     0x06u
#define STATUS_CAP_LIST   0x10u
#define CAP_POINTER       0x34u
#define CAP_FIRST         0x40u /* capabilities lie behind the header (PCI 3.0, 6.7) */
#define CAP_STEPS_MAX     48u /* as many as fit, four bytes each */
#define CAP_MSIX          0x11u
#define MSIX_BYTES        12u
#define MSIX_VECTORS_MASK 0x7ffu
#define MSIX_ENTRY_BYTES  16u

static uint16_t get16(const uint8_t *config, uint32_t at)
{
    return (uint16_t)(config[at] | config[at + 1u] << 8);
}

static uint32_t get32(const uint8_t *config, uint32_t at)
{
    return (uint32_t)get16(config, at) | (uint32_t)get16(config, at + 2u) << 16;
}

/* Offset of capability `id`, or 0. Visited set, at most CAP_STEPS_MAX steps, 4-aligned pointers only. */
static uint8_t find_capability(const uint8_t *config, uint8_t id)
{
    uint64_t visited = 0;
    uint8_t at = config[CAP_POINTER];

    if ((config[STATUS_OFFSET] & STATUS_CAP_LIST) == 0)
        return 0;
    for (uint32_t step = 0; step < CAP_STEPS_MAX; step++) {
        if (at < CAP_FIRST || (at & 3u) != 0 || (visited >> (at / 4u) & 1u) != 0)
            return 0;
        visited |= 1ull << (at / 4u);
        if (config[at] == id)
            return at;
        at = config[at + 1u];
    }
    return 0;
}

/* Do `bytes` at `offset` lie in a memory BAR that has an address? */
static bool inside_bar(const struct function *f, uint8_t bar, uint32_t offset, uint32_t bytes)
{
    const struct pci_bar *b;

    if (bar >= PCI_BARS)
        return false;
    b = &f->info.bars[bar];
    return (b->kind == PCI_BAR_MEMORY || b->kind == PCI_BAR_MEMORY64) && b->assigned && bytes <= b->size &&
           offset <= b->size - bytes;
}

static void parse_msix(struct function *f)
{
    const uint8_t *config = f->info.config;
    uint8_t at = find_capability(config, CAP_MSIX);
    struct pci_msix found;

    if (at == 0 || at > PCI_CONFIG_BYTES - MSIX_BYTES)
        return;
    found.vectors = (uint16_t)((get16(config, at + 2u) & MSIX_VECTORS_MASK) + 1u);
    found.table_bar = config[at + 4u] & 7u;
    found.table_offset = get32(config, at + 4u) & ~7u;
    found.pba_bar = config[at + 8u] & 7u;
    found.pba_offset = get32(config, at + 8u) & ~7u;
    if (!inside_bar(f, found.table_bar, found.table_offset, found.vectors * MSIX_ENTRY_BYTES))
        return;
    if (!inside_bar(f, found.pba_bar, found.pba_offset, (found.vectors + 63u) / 64u * 8u))
        return;
    f->info.msix = found;
    f->msix_offset = at;
}

/* I1: the copy keeps what tells kinds apart and loses every address. */
static void blank_addresses(struct function *f)
{
    uint8_t *config = f->info.config;
    uint8_t layout = f->info.header_type & 0x7fu;
    uint32_t bars = layout == 0 ? PCI_BARS : layout == 1 ? 2u : 0u;

    for (uint32_t i = 0; i < bars; i++) {
        uint32_t at = 0x10u + 4u * i;
        bool upper = i > 0 && f->info.bars[i - 1u].kind == PCI_BAR_MEMORY64;

        config[at] = upper ? 0 : config[at] & ((config[at] & 1u) != 0 ? 0x3u : 0xfu);
        memset(&config[at + 1u], 0, 3);
    }
    if (layout == 0) {
        memset(&config[0x30], 0, 4); /* expansion ROM */
    } else if (layout == 1) {
        memset(&config[0x1c], 0, 2); /* I/O, memory and prefetchable windows, expansion ROM */
        memset(&config[0x20], 0, 0x14);
        memset(&config[0x38], 0, 4);
    }
}

void pci_parse(struct function *f)
{
    const uint8_t *config = f->info.config;

    ASSERT(f->msix_offset == 0);
    f->info.vendor = get16(config, 0x00);
    f->info.device = get16(config, 0x02);
    f->info.revision = config[0x08];
    f->info.class_code = get32(config, 0x08) >> 8;
    if ((f->info.header_type & 0x7fu) == 0) {
        f->info.subsystem_vendor = get16(config, 0x2c);
        f->info.subsystem = get16(config, 0x2e);
    }
    parse_msix(f);
    blank_addresses(f);
}
