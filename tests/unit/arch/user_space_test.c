/* SPDX-License-Identifier: BSD-2-Clause */
/* A program's windows and tables, walked on the host as a CPU would. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/arch/x86_64/user_space.h"

#define POOL 24u
#define AT   0x7000000ull /* where the pool pretends to lie */
#define PAGE 4096ull

static struct table_pool t;
static struct user_space u, other;
static uint8_t *pool;

static void set_up(void)
{
    pool = aligned_alloc(PAGE, POOL * PAGE);
    cr_assert_not_null(pool);
    memset(pool, 0xff, POOL * PAGE); /* it need not be zeroed */
    table_pool_init(&t, pool, AT, POOL);
    cr_assert(user_space_create(&u, &t));
}

static void tear_down(void)
{
    free(pool);
}

TestSuite(user_space, .init = set_up, .fini = tear_down);

/* The bits that hold on the whole way (Intel SDM 3A, 4.6): user and write are the least of all levels. */
struct walked {
    uint64_t physical;
    int present, write, user, execute, global;
};

static struct walked walk(const struct user_space *space, uint64_t at)
{
    struct walked w = {.present = 1, .write = 1, .user = 1, .execute = 1};
    uint64_t table = space->root;
    for (int shift = 39; shift >= 12; shift -= 9) {
        cr_assert(table >= AT && table < AT + POOL * PAGE, "a table of the pool");
        const uint64_t entry = ((uint64_t *)(void *)(pool + (table - AT)))[at >> shift & 511];
        if ((entry & 1) == 0)
            return (struct walked){0};
        w.write &= (entry >> 1 & 1) != 0;
        w.user &= (entry >> 2 & 1) != 0;
        w.execute &= entry >> 63 == 0;
        cr_assert_eq(entry & 1 << 7 && shift > 12, 0, "no large page");
        w.global = (entry & 1 << 8) != 0;
        table = entry & 0x000ffffffffff000ull;
    }
    w.physical = table | (at & 0xfff);
    return w;
}

/* Every leaf of the lower half, counted by walking all tables. */
static uint32_t leaves(const struct user_space *space)
{
    uint32_t count = 0;
    const uint64_t *root = (uint64_t *)(void *)(pool + (space->root - AT));
    for (int a = 0; a < 256; a++) {
        if ((root[a] & 1) == 0)
            continue;
        const uint64_t *upper = (uint64_t *)(void *)(pool + ((root[a] & ~0xfffull) - AT));
        for (int b = 0; b < 512; b++) {
            if ((upper[b] & 1) == 0)
                continue;
            const uint64_t *directory = (uint64_t *)(void *)(pool + ((upper[b] & ~0xfffull) - AT));
            for (int c = 0; c < 512; c++) {
                if ((directory[c] & 1) == 0)
                    continue;
                const uint64_t *table = (uint64_t *)(void *)(pool + ((directory[c] & ~0xfffull) - AT));
                for (int d = 0; d < 512; d++)
                    count += table[d] & 1;
            }
        }
    }
    return count;
}

static void gone(uint64_t at, uint32_t pages)
{
    user_unmap(&u, &t, at, pages);
    user_give_back(&u, &t, at, pages);
}

Test(user_space, what_is_mapped_is_the_programs_and_never_writable_and_executable)
{
    static const enum page_access kinds[] = {PAGE_READ, PAGE_READ_WRITE, PAGE_READ_EXECUTE};
    for (uint32_t i = 0; i < 3; i++) {
        const uint64_t at = user_reserve(&u, 2);
        cr_assert(user_map(&u, &t, at, 0x200000 + i * 0x10000, 2, kinds[i]));
        for (uint32_t page = 0; page < 2; page++) {
            const struct walked w = walk(&u, at + page * PAGE + 5);
            cr_assert_eq(w.physical, 0x200000 + i * 0x10000 + page * PAGE + 5);
            cr_assert(w.present && w.user && !w.global);
            cr_assert_eq(w.write, kinds[i] == PAGE_READ_WRITE);
            cr_assert_eq(w.execute, kinds[i] == PAGE_READ_EXECUTE);
            cr_assert_eq(user_find(&u, &t, at + page * PAGE).access, kinds[i]);
        }
        cr_assert_not(walk(&u, at - 1).present, "guard before");
        cr_assert_not(walk(&u, at + 2 * PAGE).present, "guard behind");
    }
    cr_assert_eq(leaves(&u), 6);
}

Test(user_space, rooms_lie_apart_and_the_lowest_is_taken)
{
    const uint64_t a = user_reserve(&u, 1), b = user_reserve(&u, 70), c = user_reserve(&u, 3);
    cr_assert_eq(a, LAYOUT_USER_BASE + PAGE);
    cr_assert_eq(b, a + 2 * PAGE);
    cr_assert_eq(c, b + 71 * PAGE);
    gone(b, 70);
    cr_assert_eq(user_reserve(&u, 71), c + 4 * PAGE, "one page too many for the gap");
    cr_assert_eq(user_reserve(&u, 20), b);
    cr_assert_eq(user_reserve(&u, 49), b + 21 * PAGE);
    cr_assert_eq(user_reserve(&u, 1), c + 76 * PAGE, "the gap is full");
}

Test(user_space, a_window_that_is_full_says_so)
{
    cr_assert_eq(user_reserve(&u, 0), 0);
    cr_assert_eq(user_reserve(&u, UINT32_MAX), 0);
    cr_assert_eq(user_reserve(&u, USER_PAGES - 1), 0);
    const uint64_t all = user_reserve(&u, USER_PAGES - 2);
    cr_assert_eq(all, LAYOUT_USER_BASE + PAGE);
    cr_assert_eq(user_reserve(&u, 1), 0);
    gone(all, USER_PAGES - 2);
    uint32_t rooms = 0;
    for (uint64_t at = user_reserve(&u, 1); at != 0; at = user_reserve(&u, 1), rooms++)
        cr_assert_eq(at, LAYOUT_USER_BASE + (2 * rooms + 1) * PAGE);
    cr_assert_eq(rooms, USER_PAGES / 2 - 1);
}

Test(user_space, a_page_is_mapped_once_and_what_was_mapped_before_a_refusal_stays)
{
    const uint64_t at = user_reserve(&u, 3);
    cr_assert(user_map(&u, &t, at + PAGE, 0x5000, 1, PAGE_READ));
    cr_assert_not(user_map(&u, &t, at, 0x8000, 3, PAGE_READ_WRITE));
    cr_assert_eq(user_find(&u, &t, at).physical, 0x8000);
    cr_assert_eq(user_find(&u, &t, at + PAGE).access, PAGE_READ, "the first one holds");
    cr_assert_eq(user_find(&u, &t, at + 2 * PAGE).access, PAGE_ABSENT);
    gone(at, 3);
    cr_assert_eq(leaves(&u), 0);
}

Test(user_space, an_unmap_takes_all_of_the_room_and_its_tables_only_once_nobody_knows_them)
{
    const uint64_t before = user_reserve(&u, 508); /* so that the next room meets two tables */
    const uint64_t at = user_reserve(&u, 1030);
    const uint32_t used = t.taken;
    cr_assert(user_map(&u, &t, before, 0x100000, 1, PAGE_READ));
    cr_assert(user_map(&u, &t, at, 0x200000, 1030, PAGE_READ_WRITE));
    cr_assert_eq(t.taken, used + 4);
    user_unmap(&u, &t, at, 1030);
    cr_assert_eq(leaves(&u), 1, "the neighbour's");
    cr_assert_eq(t.taken, used + 4, "a CPU may still walk them");
    cr_assert_neq(user_reserve(&u, 1), at, "and the room is still taken");
    user_give_back(&u, &t, at, 1030);
    cr_assert_eq(t.taken, used + 1);
    cr_assert(walk(&u, before).present);
    gone(before, 508);
    cr_assert_eq(t.taken, used);
}

Test(user_space, when_tables_run_out_it_is_refused_and_all_come_back)
{
    const uint64_t at = user_reserve(&u, 60 * 512);
    cr_assert_not(user_map(&u, &t, at, 0x200000, 60 * 512, PAGE_READ));
    cr_assert_eq(t.taken, POOL);
    cr_assert_not(user_space_create(&other, &t));
    cr_assert_eq(t.taken, POOL, "nothing of the space that could not be");
    gone(at, 60 * 512);
    cr_assert_eq(t.taken, 3);
    while (t.taken < POOL) { /* a space takes three: fewer, down to none, are too few */
        const uint32_t taken = t.taken;
        cr_assert(user_map(&u, &t, user_reserve(&u, 512), 0x200000, 1, PAGE_READ));
        if (t.taken > POOL - 3) {
            cr_assert_not(user_space_create(&other, &t));
            cr_assert_eq(t.taken, taken + 1);
        }
    }
    user_space_destroy(&u, &t);
    cr_assert_eq(t.taken, 0);
    cr_assert(user_space_create(&u, &t));
    cr_assert(user_space_create(&other, &t), "tables that came back are tables again");
    cr_assert_eq(leaves(&u) + leaves(&other), 0, "and empty");
}

Test(user_space, two_spaces_share_the_kernels_half_and_nothing_else)
{
    uint64_t half[256];
    for (uint32_t i = 0; i < 256; i++)
        half[i] = i * 0x1000 + 1;
    cr_assert(user_space_create(&other, &t));
    const uint64_t at = user_reserve(&u, 1);
    cr_assert_eq(user_reserve(&other, 1), at);
    cr_assert(user_map(&u, &t, at, 0x5000, 1, PAGE_READ));
    cr_assert_not(walk(&other, at).present);
    cr_assert_eq(user_find(&other, &t, at).access, PAGE_ABSENT);
    user_space_share(&u, &t, half);
    const uint64_t *root = (uint64_t *)(void *)(pool + (u.root - AT));
    cr_assert_eq(memcmp(root + 256, half, sizeof half), 0);
    cr_assert(walk(&u, at).present);
    cr_assert_eq(leaves(&u), 1);
}

Test(user_space, nothing_outside_of_the_window_is_found)
{
    static const uint64_t outside[] = {0,
                                       LAYOUT_USER_BASE - 1,
                                       LAYOUT_USER_BASE + USER_PAGES * PAGE,
                                       LAYOUT_USER_END,
                                       LAYOUT_DIRECT_BASE,
                                       UINT64_MAX};
    for (uint32_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        cr_assert_eq(user_find(&u, &t, outside[i]).access, PAGE_ABSENT);
}

/* Rooms that come and go in any order, against a plain list. */
Test(user_space, any_order_of_rooms_keeps_them_apart)
{
    struct {
        uint64_t at;
        uint32_t pages;
    } rooms[40] = {0};
    srand(5);
    for (int step = 0; step < 20000; step++) {
        const uint32_t i = (uint32_t)rand() % 40;
        if (rooms[i].at != 0) {
            gone(rooms[i].at, rooms[i].pages);
            rooms[i].at = 0;
            continue;
        }
        rooms[i].pages = 1 + (uint32_t)rand() % (rand() % 8 == 0 ? 3000 : 20);
        rooms[i].at = user_reserve(&u, rooms[i].pages);
        cr_assert_neq(rooms[i].at, 0);
        (void)user_map(&u, &t, rooms[i].at, 0x400000, 1 + (uint32_t)rand() % rooms[i].pages, PAGE_READ);
        for (uint32_t j = 0; j < 40; j++) {
            if (j == i || rooms[j].at == 0)
                continue;
            cr_assert(rooms[j].at + rooms[j].pages * PAGE < rooms[i].at ||
                      rooms[i].at + rooms[i].pages * PAGE < rooms[j].at);
        }
    }
    for (uint32_t i = 0; i < 40; i++)
        if (rooms[i].at != 0)
            gone(rooms[i].at, rooms[i].pages);
    cr_assert_eq(leaves(&u), 0);
    cr_assert_eq(t.taken, 3);
}
