/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory map and the PVH start info, as honest loaders give them and as broken ones do. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/arch/x86_64/pvh.h"

static struct memory_map map;

static void sound(void)
{
    for (uint32_t i = 0; i < map.count; i++) {
        const struct memory_range *r = &map.ranges[i];
        cr_assert_gt(r->bytes, 0);
        cr_assert_leq(r->bytes, UINT64_MAX - r->base);
        if (r->kind == MEMORY_RAM) {
            cr_assert_eq(r->base % MEMORY_PAGE, 0);
            cr_assert_eq(r->bytes % MEMORY_PAGE, 0);
        }
        if (i > 0)
            cr_assert_geq(r->base, map.ranges[i - 1].base + map.ranges[i - 1].bytes, "ranges overlap");
    }
}

Test(map, holes_are_not_counted_and_belong_to_nobody)
{
    memory_map_init(&map);
    memory_map_add(&map, 0x100000, 0x100000, MEMORY_RAM);
    memory_map_add(&map, 0, 0x9fc00, MEMORY_RAM); /* not a whole page at its end, and out of order */
    memory_map_add(&map, 0x100000000, 0x200000, MEMORY_RAM);
    memory_map_settle(&map);
    sound();
    cr_assert_eq(memory_map_ram_bytes(&map), 0x9f000u + 0x100000u + 0x200000u);
    cr_assert_eq(memory_map_kind(&map, 0x200000, 0x1000), MEMORY_NONE);
    cr_assert_eq(memory_map_kind(&map, 0x1ff000, 0x2000), MEMORY_NONE);
    cr_assert_eq(memory_map_kind(&map, 0x100000, 0x100000), MEMORY_RAM);
    cr_assert_eq(memory_map_largest_ram(&map, 0, 1ull << 32).bytes, 0x100000);
    cr_assert_eq(memory_map_largest_ram(&map, 0, 1ull << 40).base, 0x100000000);
    cr_assert_eq(memory_map_largest_ram(&map, 0x180000, 1ull << 32).base, 0x180000);
    cr_assert_eq(memory_map_largest_ram(&map, 0x40000000, 1ull << 32).bytes, 0);
}

Test(map, where_ranges_contradict_each_other_the_cautious_one_holds)
{
    memory_map_init(&map);
    memory_map_add(&map, 0x100000, 0x700000, MEMORY_RAM);
    memory_map_add(&map, 0x200800, 0x100, MEMORY_RESERVED); /* inside: two pieces of RAM, whole pages */
    memory_map_add(&map, 0x7ff000, 0x2000, MEMORY_FIRMWARE);
    memory_map_add(&map, 0x7ff000, 0x1000, MEMORY_RESERVED);
    memory_map_settle(&map);
    sound();
    cr_assert_eq(memory_map_ram_bytes(&map), 0x100000u + 0x7ff000u - 0x201000u);
    cr_assert_eq(memory_map_kind(&map, 0x200000, 0x1000), MEMORY_NONE);
    cr_assert_eq(memory_map_kind(&map, 0x7ff000, 0x1000), MEMORY_RESERVED);
    cr_assert_eq(memory_map_kind(&map, 0x800000, 0x1000), MEMORY_FIRMWARE);
    cr_assert_eq(memory_map_kind(&map, 0x7fe000, 0x3000), MEMORY_RESERVED);
}

Test(map, empty_and_overflowing_ranges_are_refused)
{
    memory_map_init(&map);
    memory_map_add(&map, 0x1000, 0, MEMORY_RAM);
    memory_map_add(&map, UINT64_MAX - 0xfff, 0x2000, MEMORY_RAM);
    memory_map_add(&map, 1, UINT64_MAX, MEMORY_RAM);
    cr_assert_eq(map.refused, 3);
    cr_assert_eq(map.count, 0);
    memory_map_add(&map, 0x100000, 0x1000, MEMORY_RAM);
    memory_map_add(&map, 0x100800, UINT64_MAX, MEMORY_RESERVED); /* it stays reserved, to the end */
    cr_assert_eq(memory_map_kind(&map, UINT64_MAX, 2), MEMORY_NONE);
    cr_assert(memory_map_touches_memory(&map, UINT64_MAX, 2), "no place for registers");
    memory_map_settle(&map);
    cr_assert_eq(memory_map_ram_bytes(&map), 0);
}

Test(map, any_ranges_at_all_settle_soundly_and_no_reserved_byte_is_ram)
{
    srand(3);
    for (int round = 0; round < 400; round++) {
        struct memory_range given[MEMORY_RANGES_MAX];
        uint32_t n = 1 + (uint32_t)rand() % (round % 4 == 0 ? MEMORY_RANGES_MAX + 20 : 24);
        uint32_t kept = 0;
        memory_map_init(&map);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t base = (uint64_t)rand() % 0x100000;
            uint64_t bytes = (uint64_t)rand() % 0x40000;
            enum memory_kind kind = (enum memory_kind)(1 + rand() % 3);
            uint32_t before = map.count;
            memory_map_add(&map, base, bytes, kind);
            if (map.count > before)
                given[kept++] = (struct memory_range){base, bytes, (uint8_t)kind};
        }
        memory_map_settle(&map);
        sound();
        for (uint32_t i = 0; i < map.count; i++)
            for (uint32_t j = 0; map.ranges[i].kind == MEMORY_RAM && j < kept; j++)
                cr_assert(given[j].kind == MEMORY_RAM ||
                          given[j].base >= map.ranges[i].base + map.ranges[i].bytes ||
                          map.ranges[i].base >= given[j].base + given[j].bytes);
    }
}

Test(map, registers_never_lie_over_memory)
{
    memory_map_init(&map);
    memory_map_add(&map, 0x100000, 0x100000, MEMORY_RAM);
    memory_map_add(&map, 0xb0000000, 0x10000000, MEMORY_RESERVED);
    memory_map_settle(&map);
    cr_assert(memory_map_touches_memory(&map, 0x1ff000, 0x1000));
    cr_assert(memory_map_touches_memory(&map, 0, 1ull << 32));
    cr_assert_not(memory_map_touches_memory(&map, 0x200000, 0x1000));
    cr_assert_not(memory_map_touches_memory(&map, 0xb0000000, 0x1000), "reserved is where registers may be");
}

/* Guest memory of the start-info tests: 64 KiB at 0x1000. */
static uint8_t memory[0x10000];

static const uint8_t *at(void *ctx, uint64_t physical, uint64_t bytes)
{
    (void)ctx;
    if (physical < 0x1000 || physical >= 0x11000 || bytes > 0x11000 - physical)
        return NULL;
    return memory + (physical - 0x1000);
}

static const struct physical_reader reader = {at, NULL};
static struct boot_info info;

static void put(uint64_t where, const void *from, size_t bytes)
{
    memcpy(memory + (where - 0x1000), from, bytes);
}

static void put32(uint64_t where, uint32_t value)
{
    put(where, &value, sizeof value);
}

static void put64(uint64_t where, uint64_t value)
{
    put(where, &value, sizeof value);
}

/* Start info at 0x2000, map of two at 0x3000, command line at 0x4000. */
static void honest(void)
{
    static const char line[] = "mode=proof";
    memset(memory, 0, sizeof memory);
    put32(0x2000, 0x336ec578);
    put32(0x2004, 1);
    put64(0x2018, 0x4000);
    put64(0x2020, 0xf5270);
    put64(0x2028, 0x3000);
    put32(0x2030, 2);
    put64(0x3000, 0x100000);
    put64(0x3008, 0x200000);
    put32(0x3010, 1);
    put64(0x3018, 0xf0000);
    put64(0x3020, 0x10000);
    put32(0x3028, 2);
    put(0x4000, line, sizeof line);
}

Test(pvh, an_honest_start_info_is_copied)
{
    honest();
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_OK);
    cr_assert_eq(info.rsdp, 0xf5270);
    cr_assert_eq(info.command_line_bytes, 10);
    cr_assert_eq(memcmp(info.command_line, "mode=proof", 10), 0);
    cr_assert_eq(memory_map_ram_bytes(&info.map), 0x200000);
    cr_assert_eq(info.map.count, 2);
}

Test(pvh, what_is_no_start_info_is_refused)
{
    honest();
    cr_assert_eq(pvh_parse(&reader, 0x800, &info), PVH_E_UNREADABLE);
    cr_assert_eq(pvh_parse(&reader, 0x10ff0, &info), PVH_E_UNREADABLE);
    cr_assert_eq(pvh_parse(&reader, 0x3000, &info), PVH_E_MAGIC);
    put32(0x2004, 0);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_NO_MAP);
}

Test(pvh, maps_outside_of_memory_or_without_ram_are_refused)
{
    honest();
    put64(0x2028, 0x10ff0);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_UNREADABLE);
    put64(0x2028, UINT64_MAX - 8);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_UNREADABLE);
    honest();
    put32(0x3010, 2);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_NO_MAP);
    honest();
    put32(0x2030, 0);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_NO_MAP);
}

Test(pvh, a_map_with_more_ranges_than_there_is_room_for_is_refused_whole)
{
    honest();
    put32(0x2030, UINT32_MAX);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_LARGE_MAP);
    put32(0x2030, MEMORY_RANGES_MAX / 2 + 1);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_LARGE_MAP);
    cr_assert_eq(info.map.count, 0);
}

Test(pvh, a_command_line_is_bounded_and_a_long_one_stays_too_long)
{
    honest();
    memset(memory + 0x3000, 'a', 5000);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_OK);
    cr_assert_eq(info.command_line_bytes, BOOT_LINE_BYTES_MAX + 1);
    honest();
    put64(0x2018, 0x10fff); /* its last byte is the last byte of memory, and not zero */
    memory[0xffff] = 'x';
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_UNREADABLE);
    honest();
    put64(0x2018, 0);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_OK);
    cr_assert_eq(info.command_line_bytes, 0);
}

/* A module at `base`, listed at 0x5000. */
static void with_module(uint64_t base, uint64_t bytes)
{
    honest();
    put32(0x200c, 1);
    put64(0x2010, 0x5000);
    put64(0x5000, base);
    put64(0x5008, bytes);
}

Test(pvh, the_first_module_is_the_boot_package_and_no_longer_ram)
{
    with_module(0x180000, 0x1801);
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_OK);
    cr_assert_eq(info.package, 0x180000);
    cr_assert_eq(info.package_bytes, 0x1801);
    cr_assert_eq(memory_map_kind(&info.map, 0x180000, 0x2000), MEMORY_FIRMWARE);
    cr_assert_eq(memory_map_kind(&info.map, 0x17f000, 0x1000), MEMORY_RAM);
    cr_assert_eq(memory_map_kind(&info.map, 0x182000, 0x1000), MEMORY_RAM);
    cr_assert_eq(memory_map_ram_bytes(&info.map), 0x200000 - 0x2000);
    honest();
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_OK);
    cr_assert_eq(info.package_bytes, 0, "without a module there is none");
}

Test(pvh, a_module_that_is_no_whole_pages_of_memory_is_refused)
{
    static const struct {
        uint64_t base, bytes;
        enum pvh_error due;
    } modules[] = {
        {0x180000, 0, PVH_E_PACKAGE},
        {0x180800, 0x800, PVH_E_PACKAGE}, /* not at a page */
        {0x2ff000, 0x1001, PVH_E_PACKAGE}, /* beyond the end of RAM */
        {0xf0000, 0x1000, PVH_E_PACKAGE}, /* reserved, and firmware's */
        {0, 0x1000, PVH_E_PACKAGE},
        {0x40000000, 0x1000, PVH_E_PACKAGE}, /* a hole */
        {0x180000, (8 << 20) + 1, PVH_E_PACKAGE}, /* larger than one may be */
        {0x180000, UINT64_MAX, PVH_E_PACKAGE},
        {UINT64_MAX - 0xfff, 0x1000, PVH_E_PACKAGE},
        {0x2ff000, 0x1000, PVH_OK}, /* the last page */
        {0x100000, 0x200000, PVH_E_NO_MAP}, /* nothing is left to run in */
    };
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        with_module(modules[i].base, modules[i].bytes);
        cr_assert_eq(pvh_parse(&reader, 0x2000, &info), modules[i].due, "module %zu", i);
        cr_assert(modules[i].due == PVH_OK || info.package_bytes == 0, "module %zu", i);
    }
    with_module(0x180000, 0x1000);
    put64(0x2010, 0x10ff0); /* the list itself leaves memory */
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_E_PACKAGE);
    cr_assert_eq(memory_map_ram_bytes(&info.map), 0x200000, "the map holds");
}

/* Google's smallest machine with memory on both sides of the hole below 4 GiB: half a page at 0x9fc00, the
 * hole from 0xc0000000, the top of firmware's flash, 13 GiB from 4 GiB on. */
Test(pvh, a_map_with_holes_and_memory_above_4_gib)
{
    static const struct {
        uint64_t base, bytes;
        uint32_t type;
    } ranges[] = {{0, 0x9fc00, 1},
                  {0x9fc00, 0x400, 2},
                  {0xf0000, 0x10000, 2},
                  {0x100000, 0xbfeee000, 1},
                  {0xbffee000, 0x12000, 3},
                  {0xfffbc000, 0x44000, 2},
                  {0x100000000, 0x340000000, 1}};
    with_module(0x43fffe000, 0x1801); /* a package high above what the entry code maps */
    put32(0x2030, 7);
    for (uint32_t i = 0; i < 7; i++) {
        put64(0x3000 + 24 * i, ranges[i].base);
        put64(0x3008 + 24 * i, ranges[i].bytes);
        put32(0x3010 + 24 * i, ranges[i].type);
    }
    cr_assert_eq(pvh_parse(&reader, 0x2000, &info), PVH_OK);
    cr_assert_eq(memory_map_ram_bytes(&info.map), 0x9f000ull + 0xbfeee000u + 0x340000000u - 0x2000u);
    cr_assert_eq(memory_map_kind(&info.map, 0xbffee000, 0x12000), MEMORY_FIRMWARE,
                 "ACPI's tables may be read");
    cr_assert_eq(memory_map_kind(&info.map, 0xc0000000, 0x1000), MEMORY_NONE);
    cr_assert_eq(memory_map_kind(&info.map, 0x43fffe000, 0x2000), MEMORY_FIRMWARE);
    cr_assert_not(memory_map_touches_memory(&info.map, 0xc0000000, 0x3ec00000), "registers have their place");
    cr_assert_eq(memory_map_largest_ram(&info.map, 0, 1ull << 32).base, 0x100000);
}
