/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory on hardware: one run of RAM above the kernel, its upper part for programs, the rest for DMA, where
 * device addresses are physical ones. Nothing enforces what a device reaches: there is no IOMMU domain
 * (dma=bounce). */
#include "abi/assert.h"
#include "platform/pc/platform_pc.h"

#define REGION_BYTES_MAX (128ull << 20)
#define BELOW            (4ull << 30) /* where every device reaches */
#define PROGRAMS_MAX     (64ull << 20)

void pc_dma_init(struct platform *p)
{
    const struct memory_range best = memory_map_largest_ram(p->map, p->space->image_end, BELOW);
    p->region = (struct platform_dma_region){.cpu = NULL};
    p->programs = (struct platform_memory_region){.cpu = NULL};
    if (best.bytes < 2u * PAGING_SMALL)
        return;
    uint64_t programs = best.bytes / 2u & ~(PAGING_SMALL - 1u);
    if (programs > PROGRAMS_MAX)
        programs = PROGRAMS_MAX;
    const uint64_t rest = best.bytes - programs;
    p->programs.cpu = space_ram(p->space, best.base + rest);
    p->programs.bytes = programs;
    p->region.cpu = space_ram(p->space, best.base);
    p->region.bus.v = best.base;
    p->region.bytes = rest < REGION_BYTES_MAX ? rest : REGION_BYTES_MAX;
    ASSERT(p->region.bus.v % PAGING_SMALL == 0);
    ASSERT(p->region.bytes % PAGING_SMALL == 0);
}

struct platform_dma_region platform_dma_region(struct platform *p)
{
    return p->region;
}

struct platform_memory_region platform_memory_region(struct platform *p)
{
    return p->programs;
}

void platform_dma_map(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    (void)bdf;
    ASSERT(bus.v >= p->region.bus.v);
    ASSERT(bytes <= p->region.bytes && bus.v - p->region.bus.v <= p->region.bytes - bytes);
}

void platform_dma_unmap(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    platform_dma_map(p, bdf, bus, bytes); /* the same bounds hold, and nothing to undo */
}

uint64_t platform_memory_bytes(const struct platform *p)
{
    return memory_map_ram_bytes(p->map);
}
