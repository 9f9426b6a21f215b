/* SPDX-License-Identifier: BSD-2-Clause */
/* Register access in the simulator: configuration space, ports and memory of the model bus, traced. */
#include "platform/sim/trace.h"

uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    uint32_t value = dm_pci_read(p->bus, bdf, offset, width);
    trace_call(p, TRACE_PCI_READ, ((uint64_t)bdf << 16) | offset, value);
    return value;
}

void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    trace_call(p, TRACE_PCI_WRITE, ((uint64_t)bdf << 16) | offset, value);
    dm_pci_write(p->bus, bdf, offset, width, value);
}

uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    uint32_t value = dm_mmio_read(p->bus, address, width);
    trace_call(p, TRACE_MMIO_READ, address, value);
    return value;
}

void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value)
{
    trace_call(p, TRACE_MMIO_WRITE, address, value);
    dm_mmio_write(p->bus, address, width, value);
}

uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    uint32_t value = dm_port_read(p->bus, port, width);
    trace_call(p, TRACE_PORT_READ, port, value);
    return value;
}

void platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value)
{
    trace_call(p, TRACE_PORT_WRITE, port, value);
    dm_port_write(p->bus, port, width, value);
}
