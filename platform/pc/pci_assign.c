/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses for BARs that firmware left without one (small firmware assigns none). Keeps every address that
 * is there, and keeps clear of all of them. Bus 0 only: firmware that assigns nothing sets up no bridge
 * either. Runs before the kernel's scan, with decoding off while a BAR holds all ones. Source:
 * PCI 3.0, 6.2.5.1. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "platform/pc/platform_pc.h"

#define BUS0_FUNCTIONS 256u
#define BARS           6u
#define REG_COMMAND    0x04u
#define REG_HEADER     0x0eu
#define REG_BAR        0x10u
#define DECODE         0x3u
#define HEADER_MULTI   0x80u
#define BAR_IS_PORTS   0x1u
#define BAR_IS_64      0x4u
#define RANGES_MAX     128u
#define PORTS_FIRST    0xc000u
#define PORTS_LAST     0xffffu
#define MEMORY_FIRST   0xe0000000u
#define MEMORY_LAST    0xfebfffffu /* below the interrupt controllers */

struct range {
    uint64_t first, last;
    bool ports;
};

struct bar {
    uint16_t bdf;
    uint8_t index;
    bool ports;
    bool wide;
    uint64_t address;
    uint64_t bytes; /* 0: no such BAR */
};

struct assigner {
    struct platform *platform;
    uint32_t taken_count;
    uint32_t assigned;
    bool full; /* no room to remember an address in use: nothing is assigned then */
    struct range taken[RANGES_MAX];
};

static uint16_t offset_of(uint8_t index)
{
    return (uint16_t)(REG_BAR + 4u * index);
}

static uint32_t probe(struct platform *p, uint16_t bdf, uint16_t at)
{
    const uint32_t before = platform_pci_read(p, bdf, at, 4);
    platform_pci_write(p, bdf, at, 4, 0xffffffffu);
    const uint32_t mask = platform_pci_read(p, bdf, at, 4);
    platform_pci_write(p, bdf, at, 4, before);
    return mask;
}

static struct bar read_bar(struct platform *p, uint16_t bdf, uint8_t index)
{
    const uint16_t at = offset_of(index);
    const uint32_t low = platform_pci_read(p, bdf, at, 4);
    const uint32_t mask = probe(p, bdf, at);
    struct bar b = {.bdf = bdf, .index = index, .ports = (mask & BAR_IS_PORTS) != 0};
    if (mask == 0 || mask == 0xffffffffu)
        return b;
    if (b.ports) {
        b.address = low & ~3u;
        b.bytes = (uint64_t)(~(mask & ~3u) & 0xffffu) + 1u;
        return b;
    }
    b.wide = (mask & BAR_IS_64) != 0 && index + 1u < BARS;
    uint64_t bits = 0xffffffff00000000ull | (mask & ~15u);
    b.address = low & ~15u;
    if (b.wide) {
        b.address |= (uint64_t)platform_pci_read(p, bdf, (uint16_t)(at + 4u), 4) << 32;
        bits = (uint64_t)probe(p, bdf, (uint16_t)(at + 4u)) << 32 | (mask & ~15u);
    }
    b.bytes = ~bits + 1u;
    return b;
}

static void take(struct assigner *a, uint64_t first, uint64_t bytes, bool ports)
{
    if (a->taken_count < RANGES_MAX)
        a->taken[a->taken_count++] = (struct range){first, first + (bytes - 1u), ports};
    else
        a->full = true;
}

/* The last byte of something in the way of [first, last], or 0. */
static uint64_t in_the_way(const struct assigner *a, uint64_t first, uint64_t last, bool ports)
{
    for (uint32_t i = 0; i < a->taken_count; i++) {
        const struct range *r = &a->taken[i];
        if (r->ports == ports && first <= r->last && r->first <= last)
            return r->last;
    }
    if (!ports && memory_map_touches_memory(a->platform->map, first, last - first + 1u))
        return last;
    return 0;
}

/* The lowest free place of that size, at a multiple of it; 0: none. */
static uint64_t find_place(const struct assigner *a, uint64_t bytes, bool ports)
{
    const uint64_t end = ports ? PORTS_LAST : MEMORY_LAST;
    /* A BAR shares no page with another function's: the kernel grants registers by page. */
    const uint64_t align = ports || bytes >= PAGING_SMALL ? bytes : PAGING_SMALL;
    uint64_t first = ports ? PORTS_FIRST : MEMORY_FIRST;
    first = (first + align - 1u) & ~(align - 1u);
    /* Each step passes something in the way; for memory it may be a part of the map as well. */
    for (uint32_t step = 0;
         step < RANGES_MAX + MEMORY_RANGES_MAX && bytes <= end && first <= end - (bytes - 1u); step++) {
        const uint64_t last = in_the_way(a, first, first + (align - 1u), ports);
        if (last == 0)
            return first;
        first = (last + align) & ~(align - 1u);
    }
    return 0;
}

static void assign(struct assigner *a, const struct bar *b)
{
    const bool sane = b->bytes != 0 && (b->bytes & (b->bytes - 1u)) == 0;
    const uint64_t place = sane && !a->full ? find_place(a, b->bytes, b->ports) : 0;
    if (place == 0)
        return; /* it stays without an address: the scan calls it unassigned, nobody is granted it */
    platform_pci_write(a->platform, b->bdf, offset_of(b->index), 4, (uint32_t)place);
    if (b->wide)
        platform_pci_write(a->platform, b->bdf, (uint16_t)(offset_of(b->index) + 4u), 4, 0);
    take(a, place, b->ports || b->bytes >= PAGING_SMALL ? b->bytes : PAGING_SMALL, b->ports);
    a->assigned++;
}

/* Two passes: what has an address is noted before anything gets one. */
static void visit(struct assigner *a, uint16_t bdf, bool assigning)
{
    struct platform *p = a->platform;
    const uint8_t header = (uint8_t)platform_pci_read(p, bdf, REG_HEADER, 1) & (uint8_t)~HEADER_MULTI;
    const uint8_t count = header == 0 ? BARS : header == 1 ? 2 : 0;
    const uint16_t command = (uint16_t)platform_pci_read(p, bdf, REG_COMMAND, 2);
    platform_pci_write(p, bdf, REG_COMMAND, 2, (uint16_t)(command & ~DECODE));
    for (uint8_t i = 0; i < count; i++) {
        const struct bar b = read_bar(p, bdf, i);
        if (b.address != 0 && b.bytes != 0 && !assigning)
            take(a, b.address, b.bytes, b.ports);
        if (b.address == 0 && b.bytes != 0 && assigning)
            assign(a, &b);
        i = (uint8_t)(i + (b.wide ? 1u : 0u));
    }
    platform_pci_write(p, bdf, REG_COMMAND, 2, command);
}

static void visit_all(struct assigner *a, bool assigning)
{
    for (uint16_t bdf = 0; bdf < BUS0_FUNCTIONS; bdf++) {
        if (platform_pci_read(a->platform, bdf, 0, 2) == 0xffffu) {
            if (bdf % 8u == 0)
                bdf = (uint16_t)(bdf + 7u); /* no function 0: an empty slot */
            continue;
        }
        visit(a, bdf, assigning);
        if (bdf % 8u == 0 && !(platform_pci_read(a->platform, bdf, REG_HEADER, 1) & HEADER_MULTI))
            bdf = (uint16_t)(bdf + 7u);
    }
}

uint32_t pc_assign_bars(struct platform *p)
{
    struct assigner a = {.platform = p};
    visit_all(&a, false);
    visit_all(&a, true);
    ASSERT(a.assigned <= BUS0_FUNCTIONS * BARS);
    return a.assigned;
}
