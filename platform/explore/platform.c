/* SPDX-License-Identifier: BSD-2-Clause */
/* platform.h over the doors of a world under exploration. */
#include "platform/explore/platform_explore.h"

static uint32_t door_read(struct platform *p, enum platform_space space, uint64_t address, uint8_t width)
{
    return p->read ? p->read(p->ctx, space, address, width) : UINT32_MAX >> (32u - 8u * width);
}

static void door_write(struct platform *p, enum platform_space space, uint64_t address, uint8_t width,
                       uint32_t value)
{
    if (p->write)
        p->write(p->ctx, space, address, width, value);
}

uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    return door_read(p, PLATFORM_PCI, platform_pci_address(bdf, offset), width);
}

void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    door_write(p, PLATFORM_PCI, platform_pci_address(bdf, offset), width, value);
}

uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    return door_read(p, PLATFORM_MMIO, address, width);
}

void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value)
{
    door_write(p, PLATFORM_MMIO, address, width, value);
}

uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    return door_read(p, PLATFORM_PORTS, port, width);
}

void platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value)
{
    door_write(p, PLATFORM_PORTS, port, width, value);
}

struct platform_dma_region platform_dma_region(struct platform *p)
{
    return p->region;
}

struct platform_memory_region platform_memory_region(struct platform *p)
{
    (void)p;
    return (struct platform_memory_region){NULL, 0};
}

void platform_dma_map(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    if (p->map)
        p->map(p->ctx, bdf, bus.v, bytes, 1);
}

void platform_dma_unmap(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    if (p->map)
        p->map(p->ctx, bdf, bus.v, bytes, 0);
}

struct platform_msi platform_msi_message(struct platform *p, uint16_t route)
{
    (void)p;
    return (struct platform_msi){0xfee00000u, 0x30u + route};
}

uint32_t platform_msi_count(struct platform *p, uint16_t route)
{
    return p->msi_count ? p->msi_count(p->ctx, route) : 0;
}

uint64_t platform_now_ns(struct platform *p)
{
    return p->now_ns;
}

void platform_relax(struct platform *p)
{
    if (p->relax)
        p->relax(p->ctx);
}
