/* SPDX-License-Identifier: BSD-2-Clause */
/* Register access on hardware: configuration space through mechanism 1 (PCI 3.0, 3.2.2.3.2), I/O ports, and
 * memory through uncached mappings made page by page. What is not there reads as all ones and takes no write.
 */
#include "abi/assert.h"
#include "platform/pc/platform_pc.h"

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu
#define CONFIG_ENABLE  0x80000000u
#define NO_PAGE        1u

static uint32_t all_ones(uint8_t width)
{
    return width == 1 ? 0xffu : width == 2 ? 0xffffu : 0xffffffffu;
}

uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    (void)p;
    ASSERT(width == 1 || width == 2 || width == 4);
    if (width == 1)
        return port_in8(port);
    return width == 2 ? port_in16(port) : port_in32(port);
}

void platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value)
{
    (void)p;
    ASSERT(width == 1 || width == 2 || width == 4);
    if (width == 1)
        port_out8(port, (uint8_t)value);
    else if (width == 2)
        port_out16(port, (uint16_t)value);
    else
        port_out32(port, value);
}

static uint16_t select_config(uint16_t bdf, uint16_t offset, uint8_t width)
{
    ASSERT(width == 1 || width == 2 || width == 4);
    ASSERT(offset < 256 && offset % width == 0);
    port_out32(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)bdf << 8 | (offset & 0xfcu));
    return (uint16_t)(CONFIG_DATA + (offset & 3u));
}

uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    return platform_port_read(p, select_config(bdf, offset, width), width);
}

void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    platform_port_write(p, select_config(bdf, offset, width), width, value);
}

void pc_mmio_init(struct platform *p)
{
    for (uint32_t i = 0; i < PC_MMIO_CACHE; i++)
        p->mmio[i] = (struct pc_mmio_page){.physical = NO_PAGE};
}

/* Where `address` is mapped, or NULL. Mappings are for good; the cache saves the walk. */
static uint8_t *mmio_at(struct platform *p, uint64_t address, uint8_t width)
{
    const uint64_t page = address & ~(PAGING_SMALL - 1u);
    struct pc_mmio_page *cached = &p->mmio[address / PAGING_SMALL % PC_MMIO_CACHE];
    ASSERT(width == 1 || width == 2 || width == 4);
    ASSERT(address % width == 0);
    if (cached->physical != page) {
        uint8_t *at = space_device(p->space, page);
        if (!at)
            return NULL;
        *cached = (struct pc_mmio_page){page, at};
    }
    return cached->at + (address - page);
}

uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    const uint8_t *at = mmio_at(p, address, width);
    if (!at)
        return all_ones(width);
    if (width == 1)
        return *(const volatile uint8_t *)at;
    if (width == 2)
        return *(const volatile uint16_t *)(const void *)at;
    return *(const volatile uint32_t *)(const void *)at;
}

void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value)
{
    uint8_t *at = mmio_at(p, address, width);
    if (!at)
        return;
    /* Stores to ordinary memory before it are seen first: uncached stores are not passed by others on x86
     * (Intel SDM 3A, 8.2); the compiler is held back here. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (width == 1)
        *(volatile uint8_t *)at = (uint8_t)value;
    else if (width == 2)
        *(volatile uint16_t *)(void *)at = (uint16_t)value;
    else
        *(volatile uint32_t *)(void *)at = value;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
