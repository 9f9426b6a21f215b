/* SPDX-License-Identifier: BSD-2-Clause */
/* The page source. Owns which page is taken; trusts its callers to have unmapped what they give back. */
#include "kernel/core/pages.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"

void page_source_init(struct page_source *source, uint8_t *memory, uint32_t count)
{
    ASSERT(source != NULL);
    ASSERT(memory != NULL || count == 0);
    ASSERT((uintptr_t)memory % PROCESSOR_PAGE == 0);
    source->memory = memory;
    source->count = count < PAGE_SOURCE_MAX ? count : PAGE_SOURCE_MAX;
    source->used = 0;
    source->fresh = 0;
    memset(source->taken, 0, sizeof source->taken);
}

static bool is_taken(const struct page_source *source, uint32_t page)
{
    return (source->taken[page / 64u] >> (page % 64u) & 1u) != 0;
}

static void set_taken(struct page_source *source, uint32_t first, uint32_t pages, bool taken)
{
    for (uint32_t page = first; page < first + pages; page++) {
        ASSERT(is_taken(source, page) != taken);
        source->taken[page / 64u] ^= 1ull << (page % 64u);
    }
}

/* First page of the first free run that is long enough, or source->count. */
static uint32_t find_run(const struct page_source *source, uint32_t pages)
{
    uint32_t run = 0;

    for (uint32_t page = 0; page < source->count; page++) {
        run = is_taken(source, page) ? 0 : run + 1u;
        if (run == pages)
            return page + 1u - pages;
    }
    return source->count;
}

uint8_t *page_source_take(struct page_source *source, uint32_t pages)
{
    const uint32_t first = find_run(source, pages);

    ASSERT(pages >= 1);
    if (first == source->count)
        return NULL;
    set_taken(source, first, pages, true);
    source->used += pages;
    ASSERT(first <= source->fresh); /* first fit: what lies behind `fresh` is free */
    if (first + pages > source->fresh) {
        const uint32_t unknown = first + pages - source->fresh;

        memset(source->memory + (size_t)source->fresh * PROCESSOR_PAGE, 0, (size_t)unknown * PROCESSOR_PAGE);
        source->fresh += unknown;
    }
    return source->memory + (size_t)first * PROCESSOR_PAGE;
}

void page_source_give(struct page_source *source, uint8_t *memory, uint32_t pages)
{
    const size_t offset = (size_t)(memory - source->memory);

    ASSERT(memory >= source->memory);
    ASSERT(offset % PROCESSOR_PAGE == 0);
    ASSERT(pages >= 1);
    ASSERT(offset / PROCESSOR_PAGE + pages <= source->count);
    memset(memory, 0, (size_t)pages * PROCESSOR_PAGE);
    set_taken(source, (uint32_t)(offset / PROCESSOR_PAGE), pages, false);
    ASSERT(source->used >= pages);
    source->used -= pages;
}

_Static_assert(PAGE_SOURCE_MAX % 64u == 0, "whole words of bits");
