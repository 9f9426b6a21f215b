/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/space.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/package.h"
#include "kernel/arch/x86_64/cpu.h"

#define READ_BYTES_MAX PACKAGE_BYTES_MAX

/* Of kernel.ld. */
extern uint8_t text_start[], text_end[], rodata_start[], rodata_end[], data_start[], stacks_start[],
    stacks_end[];
extern uint8_t image_start[], image_end[];

/* `.bss.` makes it take no room in the file; the linker script keeps it out of what is cleared. */
static uint8_t tables[SPACE_TABLES * PAGING_SMALL]
    __attribute__((aligned(4096), section(".bss.noinit.tables")));

static uint64_t physical_of(const void *symbol)
{
    return (uint64_t)(uintptr_t)symbol - LAYOUT_KERNEL_BASE;
}

static bool map_part(struct space *s, const uint8_t *first, const uint8_t *end, enum page_access access)
{
    const uint64_t bytes = ((uint64_t)(end - first) + PAGING_SMALL - 1u) & ~(PAGING_SMALL - 1u);
    return paging_map(&s->paging, (uint64_t)(uintptr_t)first, physical_of(first), bytes, access);
}

static bool map_image(struct space *s)
{
    bool mapped = map_part(s, text_start, text_end, PAGE_READ_EXECUTE) &&
                  map_part(s, rodata_start, rodata_end, PAGE_READ) &&
                  map_part(s, data_start, stacks_start, PAGE_READ_WRITE);
    ASSERT((uint64_t)(stacks_end - stacks_start) == LAYOUT_STACKS * (uint64_t)LAYOUT_STACK_SLOT);
    /* The first page of each slot is the guard: it stays absent, an overflow faults. */
    for (uint32_t n = 0; mapped && n < LAYOUT_STACKS; n++) {
        const uint8_t *slot = stacks_start + (size_t)n * LAYOUT_STACK_SLOT;
        mapped = map_part(s, slot + LAYOUT_STACK_GUARD, slot + LAYOUT_STACK_SLOT, PAGE_READ_WRITE);
    }
    return mapped;
}

static bool map_direct(struct space *s, uint64_t first, uint64_t end, enum page_access access)
{
    if (end > SPACE_DIRECT_MAX)
        end = SPACE_DIRECT_MAX;
    return first >= end || paging_map(&s->paging, LAYOUT_DIRECT_BASE + first, first, end - first, access);
}

/* RAM of one range, without the image: no second, writable way to the kernel's own pages. */
static bool map_ram(struct space *s, uint64_t first, uint64_t end)
{
    if (first < SPACE_LOW_BYTES)
        first = SPACE_LOW_BYTES;
    if (s->image_end <= first || end <= s->image_first)
        return map_direct(s, first, end, PAGE_READ_WRITE);
    return map_direct(s, first, s->image_first, PAGE_READ_WRITE) &&
           map_direct(s, s->image_end, end, PAGE_READ_WRITE);
}

static bool map_memory(struct space *s)
{
    bool mapped = map_direct(s, 0, SPACE_LOW_BYTES, PAGE_READ);
    for (uint32_t i = 0; mapped && i < s->map->count; i++) {
        const struct memory_range *r = &s->map->ranges[i];
        if (r->kind == MEMORY_RAM)
            mapped = map_ram(s, r->base, r->base + r->bytes);
    }
    return mapped;
}

bool space_enter(struct space *s, const struct memory_map *map)
{
    const uint32_t bits = cpu_physical_bits();
    s->map = map;
    s->image_first = physical_of(image_start);
    s->image_end = (physical_of(image_end) + PAGING_SMALL - 1u) & ~(PAGING_SMALL - 1u);
    s->device_limit = 1ull << bits < LAYOUT_WINDOW_BYTES ? 1ull << bits : LAYOUT_WINDOW_BYTES;
    ASSERT(s->image_first >= SPACE_LOW_BYTES);
    ASSERT(s->image_end < LAYOUT_BOOT_MAPPED);
    paging_init(&s->paging, tables, physical_of(tables), SPACE_TABLES);
    if (!map_image(s) || !map_memory(s))
        return false;
    ASSERT(paging_count_violations(&s->paging) == 0);
    cr3_write(s->paging.pool_physical);
    return true;
}

uint8_t *space_ram(const struct space *s, uint64_t physical)
{
    ASSERT(physical < SPACE_DIRECT_MAX);
    ASSERT(physical < s->image_first || physical >= s->image_end);
    return (uint8_t *)(uintptr_t)(LAYOUT_DIRECT_BASE + physical);
}

/* A mapping may need a new entry of the root. Programs' roots have copies of its upper half, made when they
 * run (processor.c): with one of those still loaded, what is mapped now would not be there. */
static bool map_later(struct space *s, uint64_t virtual, uint64_t physical, enum page_access access)
{
    if (!paging_map(&s->paging, virtual, physical, PAGING_SMALL, access))
        return false;
    if (cr3_read() != s->paging.pool_physical)
        cr3_write(s->paging.pool_physical);
    return true;
}

uint8_t *space_device(struct space *s, uint64_t physical)
{
    const uint64_t virtual = LAYOUT_DEVICE_BASE + physical;
    ASSERT(physical % PAGING_SMALL == 0);
    if (physical >= s->device_limit || memory_map_touches_memory(s->map, physical, PAGING_SMALL))
        return NULL;
    if (paging_find(&s->paging, virtual).access == PAGE_ABSENT &&
        !map_later(s, virtual, physical, PAGE_DEVICE))
        return NULL;
    return (uint8_t *)(uintptr_t) virtual;
}

/* Firmware's tables may lie in any kind of range that its map names; they are mapped as they are asked for.
 */
static bool readable(struct space *s, uint64_t page)
{
    const uint64_t virtual = LAYOUT_DIRECT_BASE + page;
    if (paging_find(&s->paging, virtual).access != PAGE_ABSENT)
        return true;
    if (page >= s->image_first && page < s->image_end)
        return false;
    if (memory_map_kind(s->map, page, PAGING_SMALL) == MEMORY_NONE)
        return false;
    return map_later(s, virtual, page, PAGE_READ);
}

const uint8_t *space_read(void *space, uint64_t physical, uint64_t bytes)
{
    struct space *s = space;
    const uint64_t limit = s->device_limit < SPACE_DIRECT_MAX ? s->device_limit : SPACE_DIRECT_MAX;
    if (bytes == 0 || bytes > READ_BYTES_MAX || physical >= limit || bytes > limit - physical)
        return NULL;
    for (uint64_t page = physical & ~(PAGING_SMALL - 1u); page < physical + bytes; page += PAGING_SMALL)
        if (!readable(s, page))
            return NULL;
    return (const uint8_t *)(uintptr_t)(LAYOUT_DIRECT_BASE + physical);
}
