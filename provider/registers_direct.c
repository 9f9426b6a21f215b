/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers through platform.h: rows of a table at BAR addresses that the caller gave. Checks its own callers
 * only: the table is ours, and what a register holds is passed on untouched as the device's word. */
#include "provider/direct.h"

#include "provider/format/virtio_ids.h"

static const struct reg_row *row_at(const struct registers_direct *d, uint16_t row)
{
    ASSERT(d->table != NULL);
    ASSERT(row < d->table->row_count);
    return &d->table->rows[row];
}

static uint64_t address_of(const struct registers_direct *d, const struct reg_row *row, uint16_t index)
{
    const struct reg_window *w = &d->windows[row->section];
    uint32_t offset = row->offset + (uint32_t)index * row->width;

    if (row->moves_with_msix && d->msix_enabled)
        offset += 4u;
    ASSERT(index < row->count);
    ASSERT(offset + row->width <= w->length);
    return d->bar_base[w->bar] + w->offset + offset;
}

static void store(struct registers_direct *d, uint64_t address, uint8_t width, uint32_t value)
{
    if (d->table->ports)
        platform_port_write(d->platform, (uint16_t)address, width, value);
    else
        platform_mmio_write(d->platform, address, width, value);
}

static void command_bits(struct registers_direct *d, uint32_t set, uint32_t clear)
{
    uint32_t command = platform_pci_read(d->platform, d->bdf, PCI_COMMAND_OFFSET, 2);

    platform_pci_write(d->platform, d->bdf, PCI_COMMAND_OFFSET, 2, (command | set) & ~clear & 0xffffu);
}

static enum provider_error direct_open(void *ctx, const struct reg_table *table,
                                       const struct reg_window *windows)
{
    struct registers_direct *d = ctx;

    ASSERT(table->section_count <= REG_SECTIONS_MAX);
    for (uint8_t i = 0; i < table->section_count; i++) {
        if (windows[i].bar >= PCI_BARS || d->bar_base[windows[i].bar] == 0)
            return PROVIDER_E_REGISTER;
    }
    for (uint8_t i = 0; i < table->section_count; i++)
        d->windows[i] = windows[i];
    d->table = table;
    d->reset_written = false;
    d->quiet = true;
    command_bits(d, (table->ports ? PCI_COMMAND_PORTS : PCI_COMMAND_MEMORY) | PCI_COMMAND_NO_INTX, 0);
    return PROVIDER_OK;
}

static struct reg_value direct_read(void *ctx, uint16_t row_index, uint16_t index)
{
    struct registers_direct *d = ctx;
    const struct reg_row *row = row_at(d, row_index);
    uint64_t address = address_of(d, row, index);
    uint32_t value;

    ASSERT((row->direction & REG_READ) != 0);
    if (row->with_msix_only && !d->msix_enabled) /* other registers lie there, or none that counts */
        return (struct reg_value){.error = PROVIDER_E_REGISTER};
    if (d->table->ports)
        value = platform_port_read(d->platform, (uint16_t)address, row->width);
    else
        value = platform_mmio_read(d->platform, address, row->width);
    if (row->kind == REG_QUIESCE && d->reset_written && value == d->table->quiesce_until)
        d->quiet = true;
    return (struct reg_value){PROVIDER_OK, {value}};
}

static enum provider_error direct_write(void *ctx, uint16_t row_index, uint16_t index, uint32_t value)
{
    struct registers_direct *d = ctx;
    const struct reg_row *row = row_at(d, row_index);

    ASSERT((row->direction & REG_WRITE) != 0);
    ASSERT(row->kind == REG_PLAIN || row->kind == REG_QUIESCE);
    if (row->with_msix_only && !d->msix_enabled)
        return PROVIDER_E_REGISTER;
    if (row->kind == REG_QUIESCE)
        d->reset_written = value == d->table->quiesce_write;
    store(d, address_of(d, row, index), row->width, value);
    return PROVIDER_OK;
}

static enum provider_error direct_write_address(void *ctx, uint16_t row_index,
                                                const struct provider_ring *ring)
{
    struct registers_direct *d = ctx;
    const struct reg_row *row = row_at(d, row_index);
    struct split_layout layout = {0};
    uint64_t address = ring->handle;
    bool known = split_layout_for(ring->size, d->table->ring_align, &layout);

    ASSERT(known);
    ASSERT(row->kind == REG_ADDRESS);
    if (row->part == RING_DRIVER_AREA)
        address += layout.driver_offset;
    else if (row->part == RING_DEVICE_AREA)
        address += layout.device_offset;
    ASSERT((address & ((1ull << row->shift) - 1u)) == 0);
    address >>= row->shift;
    /* 4.1.5.1.3.1: a page number that does not fit is refused, never cut short. */
    if (row->shift != 0 && address > UINT32_MAX)
        return PROVIDER_E_QUEUE_ADDRESS;
    d->quiet = false;
    store(d, address_of(d, row, 0), row->width, (uint32_t)(row->half ? address >> 32 : address));
    return PROVIDER_OK;
}

static enum provider_error direct_enable_dma(void *ctx)
{
    struct registers_direct *d = ctx;

    ASSERT(d->quiet);
    command_bits(d, PCI_COMMAND_BUS_MASTER, 0);
    return PROVIDER_OK;
}

static void direct_disable_dma(void *ctx)
{
    command_bits(ctx, 0, PCI_COMMAND_BUS_MASTER);
}

static void direct_close(void *ctx)
{
    struct registers_direct *d = ctx;

    d->table = NULL;
}

bool registers_direct_bell(const struct registers_direct *d, uint16_t bell_index, uint64_t *address)
{
    ASSERT(d->table != NULL);
    for (uint16_t i = 0; i < d->table->row_count; i++) {
        const struct reg_row *row = &d->table->rows[i];
        const struct reg_window *w = &d->windows[row->section];
        uint64_t offset = row->offset + (uint64_t)bell_index * w->bell_multiplier;

        if (row->kind != REG_BELL)
            continue;
        if (offset + row->width > w->length)
            return false;
        *address = d->bar_base[w->bar] + w->offset + offset;
        return true;
    }
    return false;
}

struct registers registers_direct_init(struct registers_direct *d, struct platform *platform, uint16_t bdf,
                                       const uint64_t *bar_base, bool msix_enabled)
{
    static const struct registers_ops ops = {
        .open = direct_open,
        .read = direct_read,
        .write = direct_write,
        .write_address = direct_write_address,
        .enable_dma = direct_enable_dma,
        .disable_dma = direct_disable_dma,
        .close = direct_close,
    };

    ASSERT(bar_base != NULL);
    *d = (struct registers_direct){
        .platform = platform, .bdf = bdf, .msix_enabled = msix_enabled, .quiet = true};
    for (uint32_t i = 0; i < PCI_BARS; i++)
        d->bar_base[i] = bar_base[i];
    return (struct registers){&ops, d};
}
