/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables as the kernel builds them, walked on the host. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/paging.h"

#define POOL 32u
#define AT   0x7000000ull /* where the pool pretends to lie */

static struct paging p;
static uint8_t *pool;

static void set_up(void)
{
    pool = aligned_alloc(4096, POOL * 4096);
    cr_assert_not_null(pool);
    memset(pool, 0xff, POOL * 4096); /* it need not be zeroed */
    paging_init(&p, pool, AT, POOL);
}

static void tear_down(void)
{
    free(pool);
}

TestSuite(paging, .init = set_up, .fini = tear_down);

Test(paging, what_is_mapped_is_found_and_nothing_else)
{
    cr_assert(paging_map(&p, LAYOUT_KERNEL_BASE + 0x101000, 0x101000, 0x3000, PAGE_READ_EXECUTE));
    cr_assert(paging_map(&p, LAYOUT_KERNEL_BASE + 0x104000, 0x104000, 0x1000, PAGE_READ));
    cr_assert(paging_map(&p, LAYOUT_DEVICE_BASE + 0xfee00000, 0xfee00000, 0x1000, PAGE_DEVICE));
    struct page_mapping m = paging_find(&p, LAYOUT_KERNEL_BASE + 0x103fff);
    cr_assert_eq(m.physical, 0x103fff);
    cr_assert_eq(m.access, PAGE_READ_EXECUTE);
    cr_assert_eq(paging_find(&p, LAYOUT_KERNEL_BASE + 0x104000).access, PAGE_READ);
    cr_assert_eq(paging_find(&p, LAYOUT_KERNEL_BASE + 0x105000).access, PAGE_ABSENT);
    cr_assert_eq(paging_find(&p, LAYOUT_KERNEL_BASE + 0x100fff).access, PAGE_ABSENT);
    cr_assert_eq(paging_find(&p, 0x101000).access, PAGE_ABSENT, "no low alias");
    cr_assert_eq(paging_find(&p, LAYOUT_DEVICE_BASE + 0xfee00123).access, PAGE_DEVICE);
}

Test(paging, large_pages_are_used_where_both_ends_allow)
{
    cr_assert(paging_map(&p, LAYOUT_DIRECT_BASE + 0x1ff000, 0x1ff000, 0x402000, PAGE_READ_WRITE));
    cr_assert_eq(p.used, 5, "root, GiBs, 2 MiBs, and a table for each ragged end");
    cr_assert_eq(paging_find(&p, LAYOUT_DIRECT_BASE + 0x1ff000).physical, 0x1ff000);
    cr_assert_eq(paging_find(&p, LAYOUT_DIRECT_BASE + 0x3fffff).physical, 0x3fffff);
    cr_assert_eq(paging_find(&p, LAYOUT_DIRECT_BASE + 0x600abc).physical, 0x600abc);
    cr_assert_eq(paging_find(&p, LAYOUT_DIRECT_BASE + 0x601000).access, PAGE_ABSENT);
}

Test(paging, no_access_kind_is_writable_and_executable)
{
    uint64_t at = LAYOUT_DIRECT_BASE;
    for (enum page_access a = PAGE_READ; a <= PAGE_DEVICE; a++, at += PAGING_LARGE) {
        cr_assert(paging_map(&p, at, 0x1000, 0x1000, a));
        cr_assert(paging_map(&p, at + (1ull << 30), 0x200000, 0x200000, a));
    }
    cr_assert_eq(paging_count_violations(&p), 0);
    ((uint64_t *)(void *)(pool + 3 * 4096))[0] |= 2; /* by hand, under what PAGE_READ_EXECUTE may be */
    for (uint32_t page = 0; page < p.used; page++)
        for (uint32_t i = 0; i < 512; i++) {
            uint64_t *entry = &((uint64_t *)(void *)(pool + page * 4096))[i];
            if ((*entry & 1) != 0 && (*entry >> 63) == 0 && (*entry & 0x80) != 0)
                *entry |= 2;
        }
    cr_assert_gt(paging_count_violations(&p), 0, "the count sees one");
}

Test(paging, a_page_is_mapped_once)
{
    cr_assert(paging_map(&p, LAYOUT_DIRECT_BASE, 0, PAGING_LARGE, PAGE_READ_WRITE));
    cr_assert_not(paging_map(&p, LAYOUT_DIRECT_BASE, 0, PAGING_LARGE, PAGE_READ));
    cr_assert_not(paging_map(&p, LAYOUT_DIRECT_BASE + 0x5000, 0x5000, 0x1000, PAGE_READ_EXECUTE),
                  "nor a small one inside a large one");
    cr_assert_eq(paging_find(&p, LAYOUT_DIRECT_BASE + 0x5000).access, PAGE_READ_WRITE);
}

Test(paging, when_the_pool_is_used_up_it_says_so)
{
    uint32_t mapped = 0;
    for (uint64_t at = 0;
         at < POOL && paging_map(&p, LAYOUT_DEVICE_BASE + (at << 39), 0x1000, 0x1000, PAGE_DEVICE); at++)
        mapped++;
    cr_assert_eq(mapped, (POOL - 1) / 3, "three tables each");
    cr_assert_leq(p.used, POOL);
    cr_assert_eq(paging_find(&p, LAYOUT_DEVICE_BASE).access, PAGE_DEVICE, "what was mapped stays");
}
