/* SPDX-License-Identifier: BSD-2-Clause */
/* The function in configuration space: identity, BARs, capabilities, what can be written, the PCI_CFG window.
 */
#include "tests/diff/diff.h"

#define CAP_TYPES        6u
#define CAP_VENDOR       0x09u
#define CAPABILITIES_MAX 48u

static uint32_t pci(struct diff *d, uint32_t offset, uint8_t width)
{
    return platform_pci_read(d->p, DIFF_BDF, (uint16_t)offset, width);
}

static void write_pci(struct diff *d, uint32_t offset, uint8_t width, uint32_t value)
{
    platform_pci_write(d->p, DIFF_BDF, (uint16_t)offset, width, value);
}

static void identity(struct diff *d)
{
    diff_say(d, pci(d, 0x00, 2), "vendor");
    diff_say(d, pci(d, 0x02, 2), "device");
    diff_say(d, pci(d, 0x06, 2), "status");
    diff_say(d, pci(d, 0x08, 1), "revision");
    diff_say(d, pci(d, 0x08, 4) >> 8, "class");
    diff_say(d, pci(d, 0x0e, 1), "header_type");
    diff_say(d, pci(d, 0x2c, 2), "subsystem_vendor");
    diff_say(d, pci(d, 0x2e, 2), "subsystem");
    diff_say(d, pci(d, 0x3d, 1), "interrupt_pin");
    for (unsigned i = 0; i < DIFF_BARS; i++) {
        diff_say(d, d->bars[i].kind, "bar%u.kind", i);
        diff_say(d, d->bars[i].size, "bar%u.size", i);
    }
}

/* The capability of this virtio type; 0: none. The order in the list is the device's affair. */
static uint32_t find_type(struct diff *d, uint32_t type)
{
    uint32_t at = pci(d, 0x34, 1);
    for (unsigned i = 0; at >= 0x40 && i < CAPABILITIES_MAX; i++) {
        if (pci(d, at, 1) == CAP_VENDOR && pci(d, at + 3, 1) == type)
            return at;
        at = pci(d, at + 1, 1);
    }
    return 0;
}

static void capabilities(struct diff *d)
{
    for (uint32_t type = 1; type < CAP_TYPES; type++) {
        uint32_t at = find_type(d, type);
        diff_say(d, at != 0, "cap%u.present", type);
        if (!at)
            continue;
        diff_say(d, pci(d, at + 2, 1), "cap%u.cap_len", type);
        diff_say(d, pci(d, at + 4, 1), "cap%u.bar", type);
        diff_say(d, pci(d, at + 8, 4), "cap%u.offset", type);
        diff_say(d, pci(d, at + 12, 4), "cap%u.length", type);
        if (type == 2)
            diff_say(d, pci(d, at + 16, 4), "cap%u.multiplier", type);
    }
    diff_say(d, d->msix_at != 0, "msix.present");
    if (d->msix_at) {
        diff_say(d, pci(d, d->msix_at + 2u, 2), "msix.control");
        diff_say(d, pci(d, d->msix_at + 4u, 4), "msix.table");
        diff_say(d, pci(d, d->msix_at + 8u, 4), "msix.pba");
    }
}

/* Read-only bytes stay, whatever is written; the command register keeps what it implements. */
static void writes(struct diff *d)
{
    uint32_t command = pci(d, 0x04, 2);
    uint32_t at = find_type(d, 1);
    write_pci(d, 0x00, 4, 0x12345678);
    write_pci(d, 0x08, 4, 0xffffffff);
    write_pci(d, 0x2c, 4, 0);
    write_pci(d, 0x34, 1, 0);
    diff_say(d, pci(d, 0x00, 4), "write.identity");
    diff_say(d, pci(d, 0x08, 4), "write.class");
    diff_say(d, pci(d, 0x2c, 4), "write.subsystem");
    diff_say(d, pci(d, 0x34, 1) != 0, "write.capability_pointer");
    write_pci(d, 0x04, 2, 0xffff);
    diff_say(d, pci(d, 0x04, 2), "write.command");
    write_pci(d, 0x04, 2, 0);
    diff_say(d, pci(d, 0x04, 2), "write.command_zero");
    write_pci(d, 0x04, 2, command);
    if (at) {
        uint32_t was = pci(d, at + 8, 4);
        write_pci(d, at + 8, 4, ~was);
        diff_say(d, pci(d, at + 8, 4) == was, "write.capability_kept");
    }
    if (d->msix_at) {
        uint16_t control = (uint16_t)(d->msix_at + 2u);
        write_pci(d, control, 2, 0xffff);
        diff_say(d, pci(d, control, 2), "write.msix_control");
        write_pci(d, control, 2, 0);
        diff_say(d, pci(d, control, 2), "write.msix_control_zero");
    }
}

static void window_point(struct diff *d, uint32_t offset, uint32_t length)
{
    write_pci(d, d->window_at + 4u, 1, 4);
    write_pci(d, d->window_at + 8u, 4, offset);
    write_pci(d, d->window_at + 12u, 4, length);
}

/* 4.1.4.9: registers through configuration space. */
static void window(struct diff *d)
{
    if (!d->window_at)
        return;
    uint32_t data = d->window_at + 16u;
    window_point(d, M_QUEUES, 2);
    diff_say(d, pci(d, data, 2), "window.num_queues");
    window_point(d, M_DEVICE_SELECT, 4);
    write_pci(d, data, 4, 1);
    window_point(d, M_DEVICE, 4);
    diff_say(d, pci(d, data, 4), "window.features_high");
    window_point(d, M_DEVICE_SELECT, 4);
    diff_say(d, pci(d, data, 4), "window.select_back");
    write_pci(d, data, 4, 0);
    window_point(d, M_STATUS, 1);
    write_pci(d, data, 1, STATUS_ACKNOWLEDGE);
    diff_say(d, pci(d, data, 1), "window.status");
    write_pci(d, data, 1, 0);
    diff_say(d, pci(d, data, 1), "window.status_zero");
    window_point(d, 0x2000, 4);
    diff_say(d, pci(d, data, 4), "window.mac_low");
}

static void msix_entry(struct diff *d)
{
    if (!d->msix_at)
        return;
    uint32_t where = pci(d, d->msix_at + 4u, 4);
    uint64_t entry = d->bars[(where & 7u) % DIFF_BARS].base + (where & ~7u) + 16u;
    for (unsigned i = 0; i < 4; i++)
        diff_say(d, platform_mmio_read(d->p, entry + 4 * i, 4), "msix.entry1.word%u", i);
    for (unsigned i = 0; i < 4; i++)
        platform_mmio_write(d->p, entry + 4 * i, 4, 0x55555557u + i);
    for (unsigned i = 0; i < 4; i++)
        diff_say(d, platform_mmio_read(d->p, entry + 4 * i, 4), "msix.entry1.written%u", i);
    platform_mmio_write(d->p, entry + 12, 4, 1);
    uint32_t pending = pci(d, d->msix_at + 8u, 4);
    diff_say(d, platform_mmio_read(d->p, d->bars[(pending & 7u) % DIFF_BARS].base + (pending & ~7u), 4),
             "msix.pending");
}

void diff_script_pci(struct diff *d)
{
    diff_section(d, "pci");
    diff_find(d);
    identity(d);
    capabilities(d);
    writes(d);
    diff_command(d, 3);
    window(d);
    msix_entry(d);
}
