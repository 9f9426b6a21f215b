/* SPDX-License-Identifier: BSD-2-Clause */
/* A program's half of an address space: a window of pages in rooms with an unmapped page on each side, and
 * the tables for it, from a pool that all programs share. No leaf is writable and executable, or global, or
 * the kernel's. Pure arithmetic over the pool: runs in host tests as it is. Trusts its caller about physical
 * addresses, and to flush what a CPU may remember (between user_unmap and user_give_back). Source: Intel SDM
 * 3A, 4.5 and 4.10. */
#ifndef CAPOS_ARCH_USER_SPACE_H
#define CAPOS_ARCH_USER_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/paging.h"

#define USER_PAGES  65536u /* the window: 256 MiB */
#define USER_TABLES (USER_PAGES / 512u)

_Static_assert(LAYOUT_USER_BASE % (1ull << 30) == 0 && USER_PAGES <= 512u * 512u,
               "the window has one page directory");

/* Pages for tables. The pool need not be zeroed; it stays its owner's. */
struct table_pool {
    uint8_t *at; /* page-aligned */
    uint64_t physical;
    uint32_t pages;
    uint32_t fresh; /* never taken: this one and all behind it */
    uint32_t first_free; /* number + 1 of one that came back, 0: none; each names the next */
    uint32_t taken;
};

struct user_space {
    uint64_t root, upper, directory; /* physical; 0: the space does not exist */
    uint64_t tables[USER_TABLES]; /* physical, of the last level; 0: none */
    uint16_t present[USER_TABLES]; /* leaves in each */
    uint64_t rooms[USER_PAGES / 64u]; /* a bit a page: in a room */
};

void table_pool_init(struct table_pool *t, void *pool, uint64_t physical, uint32_t pages);

/* An empty space. False: no tables, and nothing was taken. */
bool user_space_create(struct user_space *u, struct table_pool *t);
/* The kernel's half, as its own root has it: 256 entries from `upper_half`. */
void user_space_share(struct user_space *u, struct table_pool *t, const uint64_t *upper_half);
/* All tables go back. No CPU has the root loaded. */
void user_space_destroy(struct user_space *u, struct table_pool *t);

/* Room for `pages` pages, the lowest there is. Address of the first; 0: none, or no pages were asked for. */
uint64_t user_reserve(struct user_space *u, uint32_t pages);
/* Maps `pages` pages of a room to `physical` and what follows it. False: no table, or one of them is mapped
 * already; what was mapped until then stays. `access` is one of the first three kinds. */
bool user_map(struct user_space *u, struct table_pool *t, uint64_t at, uint64_t physical, uint32_t pages,
              enum page_access access);
/* Takes the mappings of a whole room away. The room and its tables stay taken: a CPU may still know them. */
void user_unmap(struct user_space *u, struct table_pool *t, uint64_t at, uint32_t pages);
/* Gives the room and its empty tables back, once no CPU knows them. */
void user_give_back(struct user_space *u, struct table_pool *t, uint64_t at, uint32_t pages);
/* What a program's access to `at` would find. */
struct page_mapping user_find(const struct user_space *u, const struct table_pool *t, uint64_t at);

#endif
