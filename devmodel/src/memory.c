/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: its life, its address space, and DMA with checks. Addresses and lengths come from drivers and
 * devices: none is trusted. Who owns which byte is ledger.c's matter. */
#include "memory_state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BYTES_MAX ((size_t)1 << 30)

/* Zero pages that cost nothing until touched. NULL when refused. */
static void *reserve_as(size_t bytes, int kind)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void *reserve(size_t bytes)
{
    return reserve_as(bytes, MAP_PRIVATE);
}

static void release(void *at, size_t bytes)
{
    if (at)
        munmap(at, bytes);
}

static size_t pages_of(const struct dm_memory *m)
{
    return m->bytes / DM_PAGE_BYTES;
}

static bool reserve_all(struct dm_memory *m)
{
    m->base = reserve_as(m->bytes, MAP_SHARED); /* mremap(2) can show it at a second address */
    m->page_function = reserve(pages_of(m) * sizeof *m->page_function);
    m->page_used = reserve(pages_of(m));
    m->used_pages = reserve(pages_of(m) * sizeof *m->used_pages);
    if (!m->base || !m->page_function || !m->page_used || !m->used_pages)
        return false;
    if (!m->ledger)
        return true;
    m->line_owner = reserve(m->bytes / DM_LINE_BYTES);
    m->owner = reserve(m->bytes);
    m->line_event = reserve(m->bytes / DM_LINE_BYTES * sizeof *m->line_event);
    m->events = reserve(DM_EVENTS * sizeof *m->events);
    return m->line_owner && m->owner && m->line_event && m->events;
}

struct dm_memory *dm_memory_create(const struct dm_memory_config *config)
{
    bool sized = config->bytes != 0 && config->bytes <= BYTES_MAX && config->bytes % DM_PAGE_BYTES == 0;
    bool placed = config->bus_base % DM_PAGE_BYTES == 0 && config->bus_base <= UINT64_MAX - config->bytes;
    if (!sized || !placed)
        return NULL;
    struct dm_memory *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->bytes = config->bytes;
    m->bus_base = config->bus_base;
    m->ledger = config->ledger;
    m->stack = dm_stack_bounds_here();
    /* A device address equal to a host pointer would hide a driver that hands out pointers. */
    if (!reserve_all(m) || (uint64_t)(uintptr_t)m->base == m->bus_base) {
        dm_memory_destroy(m);
        return NULL;
    }
    return m;
}

void dm_memory_destroy(struct dm_memory *m)
{
    if (!m)
        return;
    release(m->base, m->bytes);
    release(m->page_function, pages_of(m) * sizeof *m->page_function);
    release(m->page_used, pages_of(m));
    release(m->used_pages, pages_of(m) * sizeof *m->used_pages);
    release(m->line_owner, m->bytes / DM_LINE_BYTES);
    release(m->owner, m->bytes);
    release(m->line_event, m->bytes / DM_LINE_BYTES * sizeof *m->line_event);
    release(m->events, DM_EVENTS * sizeof *m->events);
    free(m);
}

void dm_memory_reset(struct dm_memory *m)
{
    for (size_t i = 0; i < m->used_count; i++) {
        size_t page = m->used_pages[i];
        size_t offset = page * DM_PAGE_BYTES;
        memset(m->base + offset, 0, DM_PAGE_BYTES);
        if (m->ledger) {
            memset(m->line_owner + offset / DM_LINE_BYTES, DM_UNMAPPED, DM_PAGE_BYTES / DM_LINE_BYTES);
            memset(m->line_event + offset / DM_LINE_BYTES, 0,
                   DM_PAGE_BYTES / DM_LINE_BYTES * sizeof *m->line_event);
        }
        m->page_function[page] = DM_NOBODY;
        m->page_used[page] = 0;
    }
    m->used_count = 0;
    m->violation_count = 0;
    m->counts = (struct dm_memory_counts){0};
}

uint8_t *dm_memory_base(struct dm_memory *m)
{
    return m->base;
}

size_t dm_memory_bytes(const struct dm_memory *m)
{
    return m->bytes;
}

uint64_t dm_memory_bus_base(const struct dm_memory *m)
{
    return m->bus_base;
}

bool dm_memory_ledger(const struct dm_memory *m)
{
    return m->ledger;
}

struct dm_memory_counts dm_memory_counts(const struct dm_memory *m)
{
    return m->counts;
}

/* Marks what a device writes as used. With a ledger its pages are mapped, hence marked already. */
static void mark_written(struct dm_memory *m, size_t offset, size_t bytes)
{
    for (size_t page = offset / DM_PAGE_BYTES; page <= (offset + bytes - 1) / DM_PAGE_BYTES; page++)
        dm_page_use(m, page);
}

__attribute__((cold, noinline)) static void refuse(struct dm_memory *m, uint16_t function, size_t offset,
                                                   size_t bytes, bool write, size_t bad)
{
    char whose[64];
    dm_violate(m, function, bad, DM_BDF_FORMAT " %s %zu bytes at 0x%llx: byte 0x%llx is %s",
               DM_BDF_ARGS(function), write ? "writes" : "reads", bytes,
               (unsigned long long)(m->bus_base + offset), (unsigned long long)(m->bus_base + bad),
               dm_owner_text(m, bad, whose, sizeof whose));
}

/* The place of bytes that the device may touch so, or NULL and a violation. */
static inline uint8_t *touch(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, bool write)
{
    size_t offset;
    size_t bad = 0;
    if (!dm_inside(m, at, bytes, &offset)) {
        dm_violate_outside(m, function, at, bytes, write ? "writes" : "reads");
        return NULL;
    }
    if (bytes == 0)
        return m->base + offset;
    if (m->ledger) {
        if (!dm_ledger_allows(m, function, offset, bytes, write, &bad)) {
            refuse(m, function, offset, bytes, write, bad);
            return NULL;
        }
    } else if (write) {
        mark_written(m, offset, bytes);
    }
    if (write) {
        m->counts.writes++;
        m->counts.write_bytes += bytes;
    } else {
        m->counts.reads++;
        m->counts.read_bytes += bytes;
    }
    return m->base + offset;
}

bool dm_dma_read(struct dm_memory *m, uint16_t function, dm_addr at, void *out, size_t bytes)
{
    const uint8_t *from = touch(m, function, at, bytes, false);
    if (!from)
        return false;
    memcpy(out, from, bytes);
    return true;
}

bool dm_dma_write(struct dm_memory *m, uint16_t function, dm_addr at, const void *in, size_t bytes)
{
    uint8_t *to = touch(m, function, at, bytes, true);
    if (!to)
        return false;
    memcpy(to, in, bytes);
    return true;
}

uint8_t *dm_dma_window(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, bool write)
{
    return touch(m, function, at, bytes, write);
}

bool dm_dma_write_rogue(struct dm_memory *m, uint16_t function, dm_addr at, const void *in, size_t bytes)
{
    size_t offset;
    if (!dm_inside(m, at, bytes, &offset))
        return false;
    m->counts.rogue_writes++;
    if (bytes == 0)
        return true;
    mark_written(m, offset, bytes);
    for (size_t done = 0; done < bytes;) {
        size_t page = (offset + done) / DM_PAGE_BYTES;
        size_t in_page = (page + 1) * DM_PAGE_BYTES - (offset + done);
        size_t part = in_page < bytes - done ? in_page : bytes - done;
        if (m->page_function[page] != function + 1u)
            m->counts.rogue_unmapped += part;
        done += part;
    }
    memcpy(m->base + offset, in, bytes);
    return true;
}
