/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/user_space.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"

#define ENTRIES    512u
#define HALF       256u
#define PRESENT    (1ull << 0)
#define WRITE      (1ull << 1)
#define USER       (1ull << 2)
#define NO_EXECUTE (1ull << 63)
#define ADDRESS    0x000ffffffffff000ull
#define TABLE      (PRESENT | WRITE | USER) /* of a table: the leaves decide */
#define WORD_BITS  64u

static uint64_t bits_of(enum page_access access)
{
    switch (access) {
    case PAGE_READ:
        return PRESENT | USER | NO_EXECUTE;
    case PAGE_READ_WRITE:
        return PRESENT | USER | NO_EXECUTE | WRITE;
    case PAGE_READ_EXECUTE:
        return PRESENT | USER;
    case PAGE_ABSENT:
    case PAGE_DEVICE:
        break;
    }
    ASSERT(false && "no access of a program");
    return 0;
}

static uint64_t *table_at(const struct table_pool *t, uint64_t physical)
{
    const uint64_t offset = physical - t->physical;
    ASSERT(offset % PAGING_SMALL == 0 && offset < (uint64_t)t->fresh * PAGING_SMALL);
    return (uint64_t *)(void *)(t->at + offset);
}

void table_pool_init(struct table_pool *t, void *pool, uint64_t physical, uint32_t pages)
{
    ASSERT(physical != 0 && physical % PAGING_SMALL == 0);
    *t = (struct table_pool){.at = pool, .physical = physical, .pages = pages};
}

/* Physical address of an empty table, or 0. */
static uint64_t take_table(struct table_pool *t)
{
    uint32_t number = t->fresh;
    if (t->first_free != 0) {
        number = t->first_free - 1u;
        t->first_free = (uint32_t)*table_at(t, t->physical + number * PAGING_SMALL);
    } else if (t->fresh < t->pages) {
        t->fresh++;
    } else {
        return 0;
    }
    t->taken++;
    memset(t->at + (size_t)number * PAGING_SMALL, 0, PAGING_SMALL);
    return t->physical + number * PAGING_SMALL;
}

static void give_table(struct table_pool *t, uint64_t physical)
{
    if (physical == 0)
        return;
    ASSERT(t->taken > 0);
    t->taken--;
    *table_at(t, physical) = t->first_free;
    t->first_free = (uint32_t)((physical - t->physical) / PAGING_SMALL) + 1u;
}

bool user_space_create(struct user_space *u, struct table_pool *t)
{
    memset(u, 0, sizeof *u);
    u->root = take_table(t);
    u->upper = take_table(t);
    u->directory = take_table(t);
    if (u->directory == 0) { /* the last one asked for: missing if any is */
        user_space_destroy(u, t);
        return false;
    }
    table_at(t, u->root)[LAYOUT_USER_BASE >> 39 & (ENTRIES - 1u)] = u->upper | TABLE;
    table_at(t, u->upper)[LAYOUT_USER_BASE >> 30 & (ENTRIES - 1u)] = u->directory | TABLE;
    return true;
}

void user_space_share(struct user_space *u, struct table_pool *t, const uint64_t *upper_half)
{
    memcpy(table_at(t, u->root) + HALF, upper_half, HALF * sizeof *upper_half);
}

void user_space_destroy(struct user_space *u, struct table_pool *t)
{
    for (uint32_t i = 0; i < USER_TABLES; i++)
        give_table(t, u->tables[i]);
    give_table(t, u->directory);
    give_table(t, u->upper);
    give_table(t, u->root);
    memset(u, 0, sizeof *u);
}

static bool in_room(const struct user_space *u, uint32_t page)
{
    return (u->rooms[page / WORD_BITS] >> page % WORD_BITS & 1u) != 0;
}

static void mark(struct user_space *u, uint32_t first, uint32_t pages, bool taken)
{
    for (uint32_t page = first; page < first + pages; page++) {
        const uint64_t bit = 1ull << page % WORD_BITS;
        ASSERT(in_room(u, page) != taken);
        u->rooms[page / WORD_BITS] ^= bit;
    }
}

uint64_t user_reserve(struct user_space *u, uint32_t pages)
{
    uint32_t run = 0;
    ASSERT(u->root != 0);
    if (pages == 0 || pages > USER_PAGES - 2u)
        return 0;
    for (uint32_t page = 0; page < USER_PAGES; page++) {
        if (page % WORD_BITS == 0 && u->rooms[page / WORD_BITS] == UINT64_MAX) {
            run = 0;
            page += WORD_BITS - 1u;
            continue;
        }
        run = in_room(u, page) ? 0 : run + 1u;
        if (run < pages + 2u) /* and the unmapped pages around it, which neighbours share */
            continue;
        mark(u, page - pages, pages, true);
        return LAYOUT_USER_BASE + (page - pages) * PAGING_SMALL;
    }
    return 0;
}

static uint32_t page_of(const struct user_space *u, uint64_t at, uint32_t pages)
{
    const uint64_t page = (at - LAYOUT_USER_BASE) / PAGING_SMALL;
    ASSERT(u->root != 0);
    ASSERT(at % PAGING_SMALL == 0 && at >= LAYOUT_USER_BASE && page < USER_PAGES);
    ASSERT(pages > 0 && pages <= USER_PAGES - page);
    return (uint32_t)page;
}

/* Pages of the room, and of no other beside it. */
static uint32_t room_of(const struct user_space *u, uint64_t at, uint32_t pages)
{
    const uint32_t first = page_of(u, at, pages);
    ASSERT(first == 0 || !in_room(u, first - 1u));
    ASSERT(first + pages == USER_PAGES || !in_room(u, first + pages));
    for (uint32_t page = first; page < first + pages; page++)
        ASSERT(in_room(u, page));
    return first;
}

static uint64_t *leaf_of(const struct user_space *u, const struct table_pool *t, uint32_t page)
{
    return &table_at(t, u->tables[page / ENTRIES])[page % ENTRIES];
}

static bool make_table(struct user_space *u, struct table_pool *t, uint32_t page)
{
    uint64_t *const table = &u->tables[page / ENTRIES];
    if (*table == 0)
        *table = take_table(t);
    if (*table == 0)
        return false;
    table_at(t, u->directory)[page / ENTRIES] = *table | TABLE;
    return true;
}

bool user_map(struct user_space *u, struct table_pool *t, uint64_t at, uint64_t physical, uint32_t pages,
              enum page_access access)
{
    const uint32_t first = page_of(u, at, pages);
    const uint64_t bits = bits_of(access);
    ASSERT(physical % PAGING_SMALL == 0 && physical + pages * PAGING_SMALL <= ADDRESS);
    for (uint32_t i = 0; i < pages; i++) {
        ASSERT(in_room(u, first + i));
        if (!make_table(u, t, first + i))
            return false;
        uint64_t *const leaf = leaf_of(u, t, first + i);
        if (*leaf & PRESENT)
            return false;
        *leaf = (physical + i * PAGING_SMALL) | bits;
        u->present[(first + i) / ENTRIES]++;
    }
    return true;
}

void user_unmap(struct user_space *u, struct table_pool *t, uint64_t at, uint32_t pages)
{
    const uint32_t first = room_of(u, at, pages);
    for (uint32_t page = first; page < first + pages; page++) {
        const uint32_t table = page / ENTRIES;
        if (u->tables[table] == 0 || (*leaf_of(u, t, page) & PRESENT) == 0)
            continue;
        *leaf_of(u, t, page) = 0;
        ASSERT(u->present[table] > 0);
        u->present[table]--;
    }
    /* Also those that were made for a mapping that then failed. */
    for (uint32_t table = first / ENTRIES; table <= (first + pages - 1u) / ENTRIES; table++)
        if (u->present[table] == 0)
            table_at(t, u->directory)[table] = 0;
}

void user_give_back(struct user_space *u, struct table_pool *t, uint64_t at, uint32_t pages)
{
    const uint32_t first = room_of(u, at, pages);
    mark(u, first, pages, false);
    for (uint32_t table = first / ENTRIES; table <= (first + pages - 1u) / ENTRIES; table++) {
        if (u->present[table] > 0)
            continue;
        ASSERT(table_at(t, u->directory)[table] == 0);
        give_table(t, u->tables[table]);
        u->tables[table] = 0;
    }
}

struct page_mapping user_find(const struct user_space *u, const struct table_pool *t, uint64_t at)
{
    const uint64_t page = (at - LAYOUT_USER_BASE) / PAGING_SMALL;
    if (at < LAYOUT_USER_BASE || page >= USER_PAGES || u->tables[page / ENTRIES] == 0)
        return (struct page_mapping){0, PAGE_ABSENT};
    const uint64_t leaf = *leaf_of(u, t, (uint32_t)page);
    if ((leaf & PRESENT) == 0)
        return (struct page_mapping){0, PAGE_ABSENT};
    const enum page_access access = leaf & WRITE        ? PAGE_READ_WRITE
                                    : leaf & NO_EXECUTE ? PAGE_READ
                                                        : PAGE_READ_EXECUTE;
    return (struct page_mapping){(leaf & ADDRESS) | at % PAGING_SMALL, access};
}
