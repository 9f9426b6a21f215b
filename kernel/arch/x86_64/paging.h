/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables of four levels, from a pool of pages of their own. No access kind is both writable and
 * executable, so no mapping is. Pure arithmetic over the pool: runs in host tests as it is. Source: Intel SDM
 * 3A, 4.5. */
#ifndef CAPOS_ARCH_PAGING_H
#define CAPOS_ARCH_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#define PAGING_SMALL 0x1000ull
#define PAGING_LARGE 0x200000ull

enum page_access {
    PAGE_ABSENT = 0,
    PAGE_READ,
    PAGE_READ_WRITE,
    PAGE_READ_EXECUTE,
    PAGE_DEVICE /* read, write, uncached */
};

struct paging {
    uint8_t *pool; /* page-aligned; the first page is the root */
    uint64_t pool_physical;
    uint32_t pool_pages;
    uint32_t used;
};

struct page_mapping {
    uint64_t physical; /* of the address asked for */
    enum page_access access;
};

/* An empty address space. The pool need not be zeroed; it stays the struct's. */
void paging_init(struct paging *p, void *pool, uint64_t pool_physical, uint32_t pool_pages);
/* Maps `bytes` from `virtual` to `physical`, all of them multiples of 4 KiB; with pages of 2 MiB where both
 * ends allow. False when a page is mapped already or the pool is used up: what was mapped until then stays.
 */
bool paging_map(struct paging *p, uint64_t virtual, uint64_t physical, uint64_t bytes,
                enum page_access access);
/* What `virtual` leads to; PAGE_ABSENT when nothing. */
struct page_mapping paging_find(const struct paging *p, uint64_t virtual);
/* Leaves that are both writable and executable: must be 0. Looks at every table in use. */
uint32_t paging_count_violations(const struct paging *p);

#endif
