/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows: where a driver says its registers lie, checked against what the kernel measured. None over the
 * MSI-X table or PBA (T7), none outside its BAR, none over another. */
#include "kernel/device/device.h"

#define MSIX_ENTRY_BYTES 16u

static bool kind_matches(const struct pci_bar *bar, const struct reg_table *table)
{
    if (table->ports)
        return bar->kind == PCI_BAR_PORTS;
    return bar->kind == PCI_BAR_MEMORY || bar->kind == PCI_BAR_MEMORY64;
}

/* Does the window touch a page that holds one of `bytes` at `offset`? Page-granular: what a page-sized
 * mapping would show. */
static bool touches_pages(const struct reg_window *w, uint32_t offset, uint32_t bytes)
{
    uint64_t first_page = offset / DMA_PAGE_BYTES;
    uint64_t last_page = ((uint64_t)offset + bytes - 1u) / DMA_PAGE_BYTES;

    return w->offset / DMA_PAGE_BYTES <= last_page &&
           first_page <= ((uint64_t)w->offset + w->length - 1u) / DMA_PAGE_BYTES;
}

static bool over_msix(const struct function *f, const struct reg_window *w) /* T7 */
{
    const struct pci_msix *msix = &f->info.msix;

    if (msix->vectors == 0)
        return false;
    if (w->bar == msix->table_bar && touches_pages(w, msix->table_offset, msix->vectors * MSIX_ENTRY_BYTES))
        return true;
    return w->bar == msix->pba_bar && touches_pages(w, msix->pba_offset, (msix->vectors + 63u) / 64u * 8u);
}

static bool window_ok(const struct function *f, const struct reg_table *table, const struct reg_window *w)
{
    const struct pci_bar *bar;

    if (w->bar >= PCI_BARS)
        return false;
    bar = &f->info.bars[w->bar];
    if (!kind_matches(bar, table) || !bar->assigned)
        return false;
    if (w->length > bar->size || w->offset > bar->size - w->length)
        return false;
    return !over_msix(f, w);
}

/* The same window twice is one window; anything between same and apart is a mistake or a trick. */
static bool collide(const struct reg_window *a, const struct reg_window *b)
{
    if (a->length == 0 || b->length == 0 || a->bar != b->bar)
        return false;
    if (a->offset == b->offset && a->length == b->length)
        return false;
    return a->offset < (uint64_t)b->offset + b->length && b->offset < (uint64_t)a->offset + a->length;
}

bool windows_check(const struct function *f, const struct reg_table *table, const struct reg_window *windows)
{
    ASSERT(table->section_count <= REG_SECTIONS_MAX);
    ASSERT(table->section_count == 0 || windows != NULL);
    for (uint32_t i = 0; i < table->section_count; i++) {
        if (windows[i].length != 0 && !window_ok(f, table, &windows[i]))
            return false;
        for (uint32_t j = 0; j < i; j++) {
            if (collide(&windows[i], &windows[j]))
                return false;
        }
    }
    return true;
}
