/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory in the simulator: for DMA the model's guest memory, whose ledger enforces what no IOMMU does; for
 * programs pages of the host that no model knows. */
#include <sys/mman.h>

#include "abi/assert.h"
#include "platform/sim/trace.h"

struct platform_dma_region platform_dma_region(struct platform *p)
{
    return (struct platform_dma_region){
        .cpu = dm_memory_base(p->memory),
        .bus = {dm_memory_bus_base(p->memory)},
        .bytes = dm_memory_bytes(p->memory),
    };
}

bool platform_sim_memory_open(struct platform *p, size_t bytes)
{
    ASSERT(p->programs.bytes == 0);
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return false;
    p->programs = (struct platform_memory_region){at, bytes};
    return true;
}

void platform_sim_memory_close(struct platform *p)
{
    if (p->programs.bytes > 0)
        munmap(p->programs.cpu, p->programs.bytes);
    p->programs = (struct platform_memory_region){NULL, 0};
}

struct platform_memory_region platform_memory_region(struct platform *p)
{
    return p->programs;
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
