/* SPDX-License-Identifier: BSD-2-Clause */
/* BARs: sized by the kernel with decoding off (Z9), addresses kept to itself (I1). A BAR that lies,
 * overflows, or lies over another BAR or over the DMA region is never granted. */
#include "kernel/device/device.h"

#define BAR_FIRST      0x10u
#define BAR_PORTS      0x1u
#define BAR_TYPE       0x6u
#define BAR_TYPE_1M    0x2u
#define BAR_TYPE_64    0x4u
#define PORTS_LIMIT    0x10000ull
#define MEMORY32_LIMIT 0x100000000ull

static uint32_t probe(struct kernel *k, uint16_t bdf, uint16_t at, uint32_t original)
{
    uint32_t mask;

    platform_pci_write(k->platform, bdf, at, 4, 0xffffffffu);
    mask = platform_pci_read(k->platform, bdf, at, 4);
    platform_pci_write(k->platform, bdf, at, 4, original);
    return mask;
}

/* Judges what was read: kind, size, address. */
static void judge(struct function *f, uint32_t i, uint8_t kind, uint64_t size, uint64_t address,
                  uint64_t limit)
{
    struct pci_bar *bar = &f->info.bars[i];

    bar->kind = kind;
    bar->size = size;
    bar->assigned = address != 0;
    f->bar_address[i] = address;
    /* PCI 3.0, 6.2.5.1: sizes are powers of two and addresses multiples of them. */
    bool sane = size != 0 && (size & (size - 1u)) == 0 && size <= limit && (address & (size - 1u)) == 0 &&
                address <= limit - size;
    if (!sane) {
        bar->kind = PCI_BAR_INVALID;
        bar->assigned = 0;
        f->bar_address[i] = 0;
    }
}

/* Returns how many BAR registers it took. */
static uint32_t size_bar(struct kernel *k, struct function *f, uint32_t i, uint32_t count)
{
    uint16_t at = (uint16_t)(BAR_FIRST + 4u * i);
    uint32_t low = platform_pci_read(k->platform, f->info.bdf, at, 4);
    uint32_t mask = probe(k, f->info.bdf, at, low);

    if (mask == 0)
        return 1;
    if ((mask & BAR_PORTS) != 0) {
        uint32_t bits = mask & ~3u;

        if ((bits & 0xffff0000u) == 0) /* the upper half may be hard-wired to zero */
            bits |= 0xffff0000u;
        judge(f, i, PCI_BAR_PORTS, (uint64_t)(uint32_t)~bits + 1u, low & ~3u, PORTS_LIMIT);
        return 1;
    }
    if ((mask & BAR_TYPE) == BAR_TYPE_64) {
        if (i + 1 >= count) { /* no register for the upper half */
            judge(f, i, PCI_BAR_INVALID, 0, 0, 1);
            return 1;
        }
        uint32_t high = platform_pci_read(k->platform, f->info.bdf, (uint16_t)(at + 4u), 4);
        uint32_t high_mask = probe(k, f->info.bdf, (uint16_t)(at + 4u), high);
        uint64_t bits = (uint64_t)high_mask << 32 | (mask & ~15u);

        judge(f, i, PCI_BAR_MEMORY64, ~bits + 1u, (uint64_t)high << 32 | (low & ~15u), UINT64_MAX);
        return 2;
    }
    if ((mask & BAR_TYPE) == 0 || (mask & BAR_TYPE) == BAR_TYPE_1M)
        judge(f, i, PCI_BAR_MEMORY, (uint64_t)(uint32_t) ~(mask & ~15u) + 1u, low & ~15u, MEMORY32_LIMIT);
    else
        judge(f, i, PCI_BAR_INVALID, 0, 0, 1); /* reserved type */
    return 1;
}

void pci_size_bars(struct kernel *k, struct function *f)
{
    const uint16_t decode = PCI_COMMAND_PORTS | PCI_COMMAND_MEMORY;
    uint8_t layout = f->info.header_type & 0x7fu;
    uint32_t count = layout == 0 ? PCI_BARS : layout == 1 ? 2u : 0u;

    ASSERT((f->command & PCI_COMMAND_MASTER) == 0);
    /* No decoding while a BAR holds all ones: it would answer for other addresses. */
    platform_pci_write(k->platform, f->info.bdf, PCI_COMMAND, 2, (uint16_t)(f->command & ~decode));
    for (uint32_t i = 0; i < count;)
        i += size_bar(k, f, i, count);
    platform_pci_write(k->platform, f->info.bdf, PCI_COMMAND, 2, f->command);
}

/* The BAR's first and last byte, for those that a window could lie in. */
static bool bar_range(const struct function *f, uint32_t i, uint64_t *first, uint64_t *last, bool *ports)
{
    const struct pci_bar *bar = &f->info.bars[i];

    if (!bar->assigned || bar->kind == PCI_BAR_ABSENT || bar->kind == PCI_BAR_INVALID)
        return false;
    *first = f->bar_address[i];
    *last = *first + (bar->size - 1u);
    *ports = bar->kind == PCI_BAR_PORTS;
    return true;
}

static void reject(struct function *f, uint32_t i)
{
    f->info.bars[i].kind = PCI_BAR_INVALID;
    f->info.bars[i].assigned = 0;
}

/* BAR `i` of `f` against every BAR of the functions from `from` on. Both sides of an overlap are refused: one
 * of them lies, and nobody can say which (T7: a neighbour's registers). */
static bool overlaps_any(struct kernel *k, const struct function *f, uint32_t i)
{
    uint64_t first, last, other_first, other_last;
    bool ports, other_ports;

    if (!bar_range(f, i, &first, &last, &ports))
        return false;
    const struct platform_dma_region *region = &k->devices.pages.region;
    if (!ports && region->bytes != 0 && first <= region->bus.v + (region->bytes - 1u) &&
        region->bus.v <= last)
        return true; /* memory of the kernel's own */
    for (uint16_t n = 0; n < k->devices.function_count; n++) {
        const struct function *other = &k->devices.functions[n];

        for (uint32_t j = 0; j < PCI_BARS; j++) {
            if ((other == f && j == i) || !bar_range(other, j, &other_first, &other_last, &other_ports))
                continue;
            if (ports == other_ports && first <= other_last && other_first <= last)
                return true;
        }
    }
    return false;
}

void pci_reject_overlaps(struct kernel *k)
{
    uint8_t refused[FUNCTIONS_MAX];

    for (uint16_t n = 0; n < k->devices.function_count; n++) {
        refused[n] = 0;
        for (uint32_t i = 0; i < PCI_BARS; i++) {
            if (overlaps_any(k, &k->devices.functions[n], i))
                refused[n] |= (uint8_t)(1u << i);
        }
    }
    for (uint16_t n = 0; n < k->devices.function_count; n++) {
        for (uint32_t i = 0; i < PCI_BARS; i++) {
            if (((unsigned)refused[n] >> i & 1u) != 0)
                reject(&k->devices.functions[n], i);
        }
    }
}
