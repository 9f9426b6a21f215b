/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/paging.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"

#define ENTRIES       512u
#define LEVELS        4u
#define PRESENT       (1ull << 0)
#define WRITE         (1ull << 1)
#define WRITE_THROUGH (1ull << 3)
#define CACHE_OFF     (1ull << 4)
#define LARGE         (1ull << 7)
#define GLOBAL        (1ull << 8)
#define NO_EXECUTE    (1ull << 63)
#define ADDRESS       0x000ffffffffff000ull
#define TABLE         (PRESENT | WRITE) /* of a table: the leaves decide */

static uint64_t bits_of(enum page_access access)
{
    switch (access) {
    case PAGE_READ:
        return PRESENT | GLOBAL | NO_EXECUTE;
    case PAGE_READ_WRITE:
        return PRESENT | GLOBAL | NO_EXECUTE | WRITE;
    case PAGE_READ_EXECUTE:
        return PRESENT | GLOBAL;
    case PAGE_DEVICE: /* entry 3 of the page attribute table is "uncached" after reset (Intel SDM 3A, table
                         12-12) */
        return PRESENT | GLOBAL | NO_EXECUTE | WRITE | WRITE_THROUGH | CACHE_OFF;
    case PAGE_ABSENT:
        break;
    }
    ASSERT(false && "no such access");
    return 0;
}

static enum page_access access_of(uint64_t entry)
{
    if (entry & CACHE_OFF)
        return PAGE_DEVICE;
    if (entry & WRITE)
        return PAGE_READ_WRITE;
    return entry & NO_EXECUTE ? PAGE_READ : PAGE_READ_EXECUTE;
}

static uint64_t *table_at(const struct paging *p, uint64_t physical)
{
    const uint64_t offset = physical - p->pool_physical;
    ASSERT(offset < (uint64_t)p->used * PAGING_SMALL);
    return (uint64_t *)(void *)(p->pool + offset);
}

/* Level 4 is the root's, level 1 that of 4 KiB pages. */
static uint32_t index_of(uint64_t virtual, uint32_t level)
{
    return (uint32_t)(virtual >> (12u + 9u * (level - 1u))) & (ENTRIES - 1u);
}

/* Address of a new empty table, or 0. */
static uint64_t take_table(struct paging *p)
{
    if (p->used >= p->pool_pages)
        return 0;
    const size_t offset = (size_t)p->used * PAGING_SMALL;
    p->used++;
    memset(p->pool + offset, 0, PAGING_SMALL);
    return p->pool_physical + offset;
}

void paging_init(struct paging *p, void *pool, uint64_t pool_physical, uint32_t pool_pages)
{
    ASSERT(pool_pages > 0);
    ASSERT(pool_physical % PAGING_SMALL == 0);
    *p = (struct paging){.pool = pool, .pool_physical = pool_physical, .pool_pages = pool_pages};
    const uint64_t root = take_table(p);
    ASSERT(root == pool_physical);
}

/* The entry for `virtual` in a table of `level`, tables above it made as needed; NULL when there is no page
 * for one, or a large page stands in the way. */
static uint64_t *entry_for(struct paging *p, uint64_t virtual, uint32_t level)
{
    uint64_t *table = table_at(p, p->pool_physical);
    for (uint32_t at = LEVELS; at > level; at--) {
        uint64_t *entry = &table[index_of(virtual, at)];
        if (*entry & LARGE)
            return NULL;
        if (!(*entry & PRESENT)) {
            const uint64_t made = take_table(p);
            if (made == 0)
                return NULL;
            *entry = made | TABLE;
        }
        table = table_at(p, *entry & ADDRESS);
    }
    return &table[index_of(virtual, level)];
}

bool paging_map(struct paging *p, uint64_t virtual, uint64_t physical, uint64_t bytes,
                enum page_access access)
{
    const uint64_t bits = bits_of(access);
    ASSERT((virtual | physical | bytes) % PAGING_SMALL == 0);
    ASSERT(bytes <= UINT64_MAX - physical && physical + bytes <= ADDRESS);
    while (bytes > 0) {
        const bool large = (virtual | physical) % PAGING_LARGE == 0 && bytes >= PAGING_LARGE;
        const uint64_t step = large ? PAGING_LARGE : PAGING_SMALL;
        uint64_t *entry = entry_for(p, virtual, large ? 2 : 1);
        if (!entry || (*entry & PRESENT))
            return false;
        *entry = physical | bits | (large ? LARGE : 0);
        virtual += step;
        physical += step;
        bytes -= step;
    }
    return true;
}

struct page_mapping paging_find(const struct paging *p, uint64_t virtual)
{
    const uint64_t *table = table_at(p, p->pool_physical);
    for (uint32_t level = LEVELS; level > 0; level--) {
        const uint64_t entry = table[index_of(virtual, level)];
        const uint64_t inside = (1ull << (12u + 9u * (level - 1u))) - 1u;
        if (!(entry & PRESENT))
            break;
        if (level == 1 || (entry & LARGE))
            return (struct page_mapping){(entry & ADDRESS & ~inside) | (virtual & inside), access_of(entry)};
        table = table_at(p, entry & ADDRESS);
    }
    return (struct page_mapping){0, PAGE_ABSENT};
}

/* Every present leaf that may be written and executed. Tables are pool pages; their level is followed from
 * the root. */
static uint32_t count_in(const struct paging *p, const uint64_t *table, uint32_t level)
{
    uint32_t violations = 0;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (!(table[i] & PRESENT))
            continue;
        if (level == 1 || (table[i] & LARGE))
            violations += (table[i] & WRITE) != 0 && (table[i] & NO_EXECUTE) == 0;
        else
            violations += count_in(p, table_at(p, table[i] & ADDRESS), level - 1u); /* at most LEVELS deep */
    }
    return violations;
}

uint32_t paging_count_violations(const struct paging *p)
{
    return count_in(p, table_at(p, p->pool_physical), LEVELS);
}
