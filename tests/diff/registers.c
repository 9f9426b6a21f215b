/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of the interface in use, by platform.h. A driver of its own: it shares nothing with the provider,
 * so that it can do what no driver should. */
#include <string.h>

#include "tests/diff/diff.h"

#define COMMAND             0x04u
#define BAR_FIRST           0x10u
#define CAPABILITIES        0x34u
#define CAPABILITIES_MAX    48u
#define CAP_MSIX            0x11u
#define CAP_VENDOR          0x09u
#define MSIX_ENABLE         0x8000u
#define MSIX_ENTRY_BYTES    16u
#define CONFIG_WITHOUT_MSIX 20u
#define CONFIG_WITH_MSIX    24u

static uint32_t pci(struct diff *d, uint16_t offset, uint8_t width)
{
    return platform_pci_read(d->p, DIFF_BDF, offset, width);
}

static uint32_t size_of(struct diff *d, uint16_t at)
{
    uint32_t was = pci(d, at, 4);
    platform_pci_write(d->p, DIFF_BDF, at, 4, UINT32_MAX);
    uint32_t mask = pci(d, at, 4);
    platform_pci_write(d->p, DIFF_BDF, at, 4, was);
    return mask;
}

static void find_bars(struct diff *d)
{
    uint16_t command = (uint16_t)pci(d, COMMAND, 2);
    diff_command(d, (uint16_t)(command & ~3u)); /* no decoding while a BAR holds all ones */
    for (unsigned i = 0; i < DIFF_BARS; i++) {
        struct diff_bar *bar = &d->bars[i];
        uint16_t at = (uint16_t)(BAR_FIRST + 4 * i);
        uint32_t low = pci(d, at, 4), mask = size_of(d, at);
        *bar = (struct diff_bar){0};
        if (mask == 0)
            continue;
        bar->kind = low & 1u ? DIFF_BAR_PORTS : (low & 6u) == 4u ? DIFF_BAR_MEMORY64 : DIFF_BAR_MEMORY;
        bar->base = low & (low & 1u ? ~3u : ~15u);
        bar->size = (uint32_t) ~(mask & (low & 1u ? ~3u : ~15u)) + 1u;
        if (bar->kind != DIFF_BAR_MEMORY64)
            continue;
        bar->base |= (uint64_t)pci(d, (uint16_t)(at + 4), 4) << 32;
        d->bars[++i] = (struct diff_bar){0};
    }
    diff_command(d, command);
}

static void note_window(struct diff *d, uint8_t at)
{
    uint64_t where = d->bars[pci(d, (uint16_t)(at + 4), 1) % DIFF_BARS].base + pci(d, (uint16_t)(at + 8), 4);
    switch (pci(d, (uint16_t)(at + 3), 1)) {
    case 1:
        d->common = where;
        break;
    case 2:
        d->notify = where;
        d->notify_multiplier = pci(d, (uint16_t)(at + 16), 4);
        break;
    case 3:
        d->isr = where;
        break;
    case 4:
        d->device = where;
        break;
    case 5:
        d->window_at = at;
        break;
    default:
        break;
    }
}

void diff_find(struct diff *d)
{
    find_bars(d);
    uint8_t at = (uint8_t)pci(d, CAPABILITIES, 1);
    for (unsigned i = 0; at >= 0x40 && i < CAPABILITIES_MAX; i++) {
        uint8_t id = (uint8_t)pci(d, at, 1);
        if (id == CAP_MSIX)
            d->msix_at = at;
        if (id == CAP_VENDOR)
            note_window(d, at);
        at = (uint8_t)pci(d, (uint16_t)(at + 1), 1);
    }
}

static uint64_t address(const struct diff *d, uint32_t offset)
{
    return (d->legacy ? d->bars[0].base : d->common) + offset;
}

uint32_t diff_get(struct diff *d, uint32_t offset, uint8_t width)
{
    if (d->legacy)
        return platform_port_read(d->p, (uint16_t)address(d, offset), width);
    return platform_mmio_read(d->p, address(d, offset), width);
}

void diff_put(struct diff *d, uint32_t offset, uint8_t width, uint32_t value)
{
    if (d->legacy)
        platform_port_write(d->p, (uint16_t)address(d, offset), width, value);
    else
        platform_mmio_write(d->p, address(d, offset), width, value);
}

uint32_t diff_config_get(struct diff *d, uint32_t offset, uint8_t width)
{
    if (d->legacy)
        return diff_get(d, (diff_msix_enabled(d) ? CONFIG_WITH_MSIX : CONFIG_WITHOUT_MSIX) + offset, width);
    return platform_mmio_read(d->p, d->device + offset, width);
}

void diff_config_put(struct diff *d, uint32_t offset, uint8_t width, uint32_t value)
{
    if (d->legacy)
        diff_put(d, (diff_msix_enabled(d) ? CONFIG_WITH_MSIX : CONFIG_WITHOUT_MSIX) + offset, width, value);
    else
        platform_mmio_write(d->p, d->device + offset, width, value);
}

uint8_t diff_isr(struct diff *d)
{
    return (uint8_t)(d->legacy ? diff_get(d, L_ISR, 1) : platform_mmio_read(d->p, d->isr, 1));
}

uint8_t diff_status(struct diff *d)
{
    return (uint8_t)diff_get(d, d->legacy ? L_STATUS : M_STATUS, 1);
}

void diff_set_status(struct diff *d, uint8_t status)
{
    diff_put(d, d->legacy ? L_STATUS : M_STATUS, 1, status);
}

void diff_select_queue(struct diff *d, uint16_t queue)
{
    diff_put(d, d->legacy ? L_SELECT : M_SELECT, 2, queue);
}

void diff_kick(struct diff *d, uint16_t queue)
{
    if (d->legacy)
        diff_put(d, L_NOTIFY, 2, queue);
    else
        platform_mmio_write(d->p, d->notify + (uint64_t)queue * d->notify_multiplier, 2, queue);
}

uint64_t diff_offered(struct diff *d)
{
    if (d->legacy)
        return diff_get(d, L_HOST, 4);
    diff_put(d, M_DEVICE_SELECT, 4, 1);
    uint64_t high = diff_get(d, M_DEVICE, 4);
    diff_put(d, M_DEVICE_SELECT, 4, 0);
    return high << 32 | diff_get(d, M_DEVICE, 4);
}

void diff_accept(struct diff *d, uint64_t features)
{
    if (d->legacy) {
        diff_put(d, L_GUEST, 4, (uint32_t)features);
        return;
    }
    diff_put(d, M_DRIVER_SELECT, 4, 0);
    diff_put(d, M_DRIVER, 4, (uint32_t)features);
    diff_put(d, M_DRIVER_SELECT, 4, 1);
    diff_put(d, M_DRIVER, 4, (uint32_t)(features >> 32));
}

bool diff_reset(struct diff *d)
{
    diff_set_status(d, 0);
    for (unsigned i = 0; i < DIFF_WAIT_TURNS; i++) {
        if (diff_status(d) == 0)
            return true;
        platform_relax(d->p);
    }
    return false;
}

void diff_command(struct diff *d, uint16_t command)
{
    platform_pci_write(d->p, DIFF_BDF, COMMAND, 2, command);
}

bool diff_msix_enabled(struct diff *d)
{
    return d->msix_at && (pci(d, (uint16_t)(d->msix_at + 2), 2) & MSIX_ENABLE);
}

void diff_msix_switch(struct diff *d, bool on)
{
    uint16_t at = (uint16_t)(d->msix_at + 2);
    if (!d->msix_at)
        return;
    for (uint16_t v = 0; on && v < DIFF_VECTORS; v++) {
        uint32_t where = pci(d, (uint16_t)(d->msix_at + 4), 4);
        uint64_t entry = d->bars[(where & 7u) % DIFF_BARS].base + (where & ~7u) + v * MSIX_ENTRY_BYTES;
        struct platform_msi message = platform_msi_message(d->p, v);
        platform_mmio_write(d->p, entry, 4, (uint32_t)message.address);
        platform_mmio_write(d->p, entry + 4, 4, (uint32_t)(message.address >> 32));
        platform_mmio_write(d->p, entry + 8, 4, message.data);
        platform_mmio_write(d->p, entry + 12, 4, 0);
    }
    uint32_t control = pci(d, at, 2) & ~(uint32_t)MSIX_ENABLE;
    platform_pci_write(d->p, DIFF_BDF, at, 2, control | (on ? MSIX_ENABLE : 0));
}

void diff_settle(struct diff *d)
{
    for (unsigned i = 0; i < DIFF_SETTLE_TURNS; i++)
        platform_relax(d->p);
}
