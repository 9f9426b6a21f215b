/* SPDX-License-Identifier: BSD-2-Clause */
/* Room no_platform: a program has no machine. Rooms that know a direct way to a device beside the brokered
 * one link against these; to reach one is the program's own bug. */
#include "abi/assert.h"
#include "platform/platform.h"

_Noreturn static void nothing_here(void)
{
    capos_assert_failed("a program reached for the machine", __FILE__, __LINE__);
}

uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    (void)p, (void)bdf, (void)offset, (void)width;
    nothing_here();
}

void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    (void)p, (void)bdf, (void)offset, (void)width, (void)value;
    nothing_here();
}

uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    (void)p, (void)address, (void)width;
    nothing_here();
}

void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value)
{
    (void)p, (void)address, (void)width, (void)value;
    nothing_here();
}

uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    (void)p, (void)port, (void)width;
    nothing_here();
}

void platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value)
{
    (void)p, (void)port, (void)width, (void)value;
    nothing_here();
}
