/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA pages: Free -> Granted -> Active -> Revoking -> Quarantined -> Scrubbed -> Free. Owns every page of the
 * DMA region and the one decision that matters without an IOMMU: who may ever get a page that a device once
 * knew (sticky). Trusts callers that a page given back can no longer be reached by its device (they asked for
 * a confirmed reset). */
#include "kernel/device/device.h"

#define GUARDS_MAX 2u

void dma_pages_init(struct kernel *k)
{
    struct pages *p = &k->devices.pages;

    p->region = platform_dma_region(k->platform);
    p->count = p->region.bytes / DMA_PAGE_BYTES < PAGES_MAX ? (uint32_t)(p->region.bytes / DMA_PAGE_BYTES)
                                                            : PAGES_MAX;
    p->fresh = 0; /* records are made when a page is first looked at: initialisation touches none of them */
    p->granted = 0;
    p->active = 0;
    p->quarantined = 0;
    p->guards = 0;
    p->promised = 0;
    p->quarantine_cap = QUARANTINE_PAGES_DEFAULT;
    ASSERT((p->region.bus.v & (DMA_PAGE_BYTES - 1u)) == 0);
    ASSERT(((uintptr_t)p->region.cpu & (DMA_PAGE_BYTES - 1u)) == 0);
}

static void make_records(struct pages *p, uint32_t below)
{
    ASSERT(below <= p->count);
    for (; p->fresh < below; p->fresh++)
        p->page[p->fresh] = (struct page){.sticky = NO_RECORD, .pool = NO_RECORD, .state = PAGE_FREE};
}

/* May the page hold data for the function? I3 (nobody's), T8 (no guard), sticky (nobody else's ever). */
static bool available(const struct pages *p, uint32_t index, uint16_t function)
{
    const struct page *page = &p->page[index];

    if (index >= p->fresh)
        return true;
    return page->state == PAGE_FREE && page->guards == 0 &&
           (page->sticky == NO_RECORD || page->sticky == function);
}

/* Number of available pages from `first` on, at most `count`. */
static uint32_t run_length(const struct pages *p, uint32_t first, uint32_t count, uint16_t function)
{
    uint32_t n = 0;

    while (n < count && available(p, first + n, function))
        n++;
    return n;
}

/* First-fit: first page of `count` available ones with a free neighbour on each side, or 0. */
static uint32_t find_run(const struct kernel *k, uint16_t function, uint32_t count)
{
    const struct pages *p = &k->devices.pages;
    uint32_t first = 1; /* page 0 is only ever a guard */

    if (p->count < 3 || count > p->count - 2)
        return 0;
    while (first + count < p->count) {
        uint32_t n = run_length(p, first, count, function);
        uint64_t last_byte = page_bus(k, first + count) - 1u;

        if (n < count) {
            first += n + 1u;
        } else if (page_bus(k, first) >> 32 != last_byte >> 32) {
            first++; /* no run crosses 4 GiB in device terms */
        } else {
            return first;
        }
    }
    return 0;
}

static void guard_add(struct pages *p, uint32_t index)
{
    struct page *page = &p->page[index];

    ASSERT(page->state == PAGE_FREE); /* a neighbour of data is a guard, never data */
    ASSERT(page->guards < GUARDS_MAX);
    if (page->guards++ == 0)
        p->guards++;
}

static void guard_drop(struct pages *p, uint32_t index)
{
    struct page *page = &p->page[index];

    ASSERT(page->state == PAGE_FREE);
    ASSERT(page->guards > 0);
    if (--page->guards == 0)
        p->guards--;
}

bool dma_pages_take(struct kernel *k, uint16_t function, uint16_t pool, uint32_t count, struct dma_run *out)
{
    struct pages *p = &k->devices.pages;
    uint32_t first = find_run(k, function, count);

    ASSERT(count > 0);
    if (first == 0)
        return false;
    make_records(p, first + count + 1u);
    for (uint32_t i = first; i < first + count; i++) {
        struct page *page = &p->page[i];

        /* I20, P18: clean means scrubbed since the last holder; a sticky page may have been written late. */
        if (!page->clean || page->sticky != NO_RECORD)
            memset(page_cpu(k, i), 0, DMA_PAGE_BYTES);
        page->clean = 0;
        page->published = 0;
        page->pool = pool;
        page->state = PAGE_GRANTED;
    }
    guard_add(p, first - 1u);
    guard_add(p, first + count);
    p->granted += count;
    platform_dma_map(k->platform, k->devices.functions[function].info.bdf, (dev_addr){page_bus(k, first)},
                     (size_t)count * DMA_PAGE_BYTES);
    *out = (struct dma_run){first, count};
    return true;
}

void dma_pages_activate(struct kernel *k, uint16_t function, uint32_t first, uint32_t count)
{
    struct pages *p = &k->devices.pages;

    for (uint32_t i = first; i < first + count; i++) {
        struct page *page = &p->page[i];

        if (page->state == PAGE_ACTIVE)
            continue;
        ASSERT(page->state == PAGE_GRANTED);
        ASSERT(page->sticky == NO_RECORD || page->sticky == function);
        if (page->sticky == NO_RECORD)
            k->stats.pages_sticky++;
        page->sticky = function;
        page->state = PAGE_ACTIVE;
        p->granted--;
        p->active++;
    }
}

/* Out of the live counts; the pages are on their way back. */
static void begin_revoking(struct pages *p, struct dma_run run)
{
    for (uint32_t i = run.first; i < run.first + run.count; i++) {
        struct page *page = &p->page[i];

        ASSERT(page->state == PAGE_GRANTED || page->state == PAGE_ACTIVE);
        if (page->state == PAGE_ACTIVE)
            p->active--;
        else
            p->granted--;
        page->state = PAGE_REVOKING;
    }
}

/* Revoking or Quarantined -> Scrubbed -> Free. */
static void unmap_scrub_free(struct kernel *k, uint16_t function, struct dma_run run)
{
    struct pages *p = &k->devices.pages;

    ASSERT(run.first > 0);
    ASSERT(run.first + run.count < p->count);
    platform_dma_unmap(k->platform, k->devices.functions[function].info.bdf,
                       (dev_addr){page_bus(k, run.first)}, (size_t)run.count * DMA_PAGE_BYTES);
    memset(page_cpu(k, run.first), 0, (size_t)run.count * DMA_PAGE_BYTES); /* I20, T9 */
    for (uint32_t i = run.first; i < run.first + run.count; i++) {
        struct page *page = &p->page[i];

        ASSERT(page->published == 0); /* I4 */
        page->state = PAGE_SCRUBBED;
        page->clean = 1;
        page->pool = NO_RECORD;
        page->state = PAGE_FREE; /* sticky stays */
    }
    guard_drop(p, run.first - 1u);
    guard_drop(p, run.first + run.count);
    k->stats.pages_scrubbed += run.count;
}

void dma_pages_give(struct kernel *k, uint16_t function, struct dma_run run)
{
    begin_revoking(&k->devices.pages, run);
    unmap_scrub_free(k, function,
                     run); /* I10: the caller has the confirmed reset, or nothing was ever published */
}

void dma_pages_quarantine(struct kernel *k, uint16_t function, struct dma_run run)
{
    struct pages *p = &k->devices.pages;

    begin_revoking(p, run);
    for (uint32_t i = run.first; i < run.first + run.count; i++) {
        struct page *page = &p->page[i];

        /* I4, I11: the device may still write it, so it stays mapped, and is that function's for good. */
        page->state = PAGE_QUARANTINED;
        page->published = 0; /* our records of publications end here; the state speaks for the page */
        if (page->sticky == NO_RECORD)
            k->stats.pages_sticky++;
        page->sticky = function;
    }
    p->quarantined += run.count;
    k->devices.functions[function].quarantined_pages += run.count;
}

static bool held_by(const struct pages *p, uint32_t index, uint16_t pool)
{
    return p->page[index].state == PAGE_QUARANTINED && p->page[index].pool == pool;
}

uint32_t dma_pages_release_pool(struct kernel *k, uint16_t function, uint16_t pool)
{
    struct pages *p = &k->devices.pages;
    uint32_t released = 0;

    /* Between two runs lies a guard: neighbouring quarantined pages are one run. */
    for (uint32_t i = 0; i < p->fresh; i++) {
        struct dma_run run = {i, 0};

        while (i < p->fresh && held_by(p, i, pool)) {
            run.count++;
            i++;
        }
        if (run.count == 0)
            continue;
        unmap_scrub_free(k, function, run);
        released += run.count;
    }
    ASSERT(p->quarantined >= released);
    p->quarantined -= released;
    k->devices.functions[function].quarantined_pages -= released;
    return released;
}
