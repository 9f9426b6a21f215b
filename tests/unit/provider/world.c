/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rooms need of the world that links them, for tests without a machine: assertions end the test. The
 * platform's registers are scripted by the one test that uses them; elsewhere nothing reaches them. */
#include <stdio.h>
#include <stdlib.h>

#include "abi/assert.h"
#include "platform/platform.h"

_Noreturn void capos_assert_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "%s:%u: %s\n", file, line, expression);
    abort();
}

__attribute__((weak)) uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset,
                                                 uint8_t width)
{
    (void)p, (void)bdf, (void)offset, (void)width;
    abort();
}

__attribute__((weak)) void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset,
                                              uint8_t width, uint32_t value)
{
    (void)p, (void)bdf, (void)offset, (void)width, (void)value;
    abort();
}

__attribute__((weak)) uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    (void)p, (void)address, (void)width;
    abort();
}

__attribute__((weak)) void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width,
                                               uint32_t value)
{
    (void)p, (void)address, (void)width, (void)value;
    abort();
}

__attribute__((weak)) uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    (void)p, (void)port, (void)width;
    abort();
}

__attribute__((weak)) void platform_port_write(struct platform *p, uint16_t port, uint8_t width,
                                               uint32_t value)
{
    (void)p, (void)port, (void)width, (void)value;
    abort();
}
