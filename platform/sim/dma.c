/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA memory in the simulator: the model's guest memory, whose ledger enforces what no IOMMU does. */
#include "platform/sim/trace.h"

struct platform_dma_region platform_dma_region(struct platform *p)
{
    return (struct platform_dma_region){
        .cpu = dm_memory_base(p->memory),
        .bus = {dm_memory_bus_base(p->memory)},
        .bytes = dm_memory_bytes(p->memory),
    };
}

void platform_dma_map(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    trace_call(p, TRACE_DMA_MAP, bus.v, bytes ^ ((uint64_t)bdf << 32));
    dm_memory_map(p->memory, bdf, (dm_addr){bus.v}, bytes);
}

void platform_dma_unmap(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    trace_call(p, TRACE_DMA_UNMAP, bus.v, bytes ^ ((uint64_t)bdf << 32));
    dm_memory_unmap(p->memory, bdf, (dm_addr){bus.v}, bytes);
}

uint64_t platform_memory_bytes(const struct platform *p)
{
    return dm_memory_bytes(p->memory);
}
