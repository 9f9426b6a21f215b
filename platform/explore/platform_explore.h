/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's machine: every door leads to the world that owns it. What a world does not fill in reads as
 * absent hardware: all ones. */
#ifndef CAPOS_PLATFORM_EXPLORE_H
#define CAPOS_PLATFORM_EXPLORE_H

#include "platform/platform.h"

enum platform_space { PLATFORM_PCI = 0, PLATFORM_MMIO, PLATFORM_PORTS };

struct platform {
    void *ctx;
    uint32_t (*read)(void *ctx, enum platform_space space, uint64_t address, uint8_t width);
    void (*write)(void *ctx, enum platform_space space, uint64_t address, uint8_t width, uint32_t value);
    void (*map)(void *ctx, uint16_t bdf, uint64_t bus, size_t bytes, int mapped);
    void (*relax)(void *ctx);
    uint32_t (*msi_count)(void *ctx, uint16_t route);
    struct platform_dma_region region;
    uint64_t now_ns;
};

/* PCI configuration space as one address. */
static inline uint64_t platform_pci_address(uint16_t bdf, uint16_t offset)
{
    return (uint64_t)bdf << 12 | offset;
}

#endif
