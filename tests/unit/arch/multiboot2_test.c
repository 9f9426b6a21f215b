/* SPDX-License-Identifier: BSD-2-Clause */
/* What a multiboot2 loader says: as GRUB says it on BIOS and on UEFI, and as a broken or hostile one would.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "abi/disk.h"
#include "abi/package.h"
#include "kernel/arch/x86_64/multiboot2.h"

#define BASE    0x8000u /* the information, in 32 KiB of memory that may be read */
#define ROOM    0x8000u
#define BLOCK   0x180000u
#define PACKAGE 0x190000u
#define EFI_RAM 7u

static uint8_t memory[ROOM];
static uint32_t used; /* of the information */
static struct boot_info info;

static const uint8_t *at(void *ctx, uint64_t physical, uint64_t bytes)
{
    (void)ctx;
    if (physical < BASE || physical >= BASE + ROOM || bytes > BASE + ROOM - physical)
        return NULL;
    return memory + (physical - BASE);
}

static const struct physical_reader reader = {at, NULL};

static void put(const void *from, uint32_t bytes)
{
    memcpy(memory + used, from, bytes);
    used += bytes;
}

static void put32(uint32_t value)
{
    put(&value, sizeof value);
}

static void put64(uint64_t value)
{
    put(&value, sizeof value);
}

static void finish(void)
{
    while (used % 8 != 0)
        memory[used++] = 0xa5; /* padding says nothing */
    memcpy(memory, &used, sizeof used);
}

/* The tag's bytes behind its head. */
static void tag(uint32_t type, const void *from, uint32_t bytes)
{
    put32(type);
    put32(8 + bytes);
    put(from, bytes);
    finish();
}

static void start(void)
{
    memset(memory, 0, sizeof memory);
    memset(&info, 0x5a, sizeof info);
    used = 8;
}

static void end(void)
{
    tag(0, NULL, 0);
}

static void map(void)
{
    put32(6);
    put32(16 + 3 * 24);
    put32(24);
    put32(0);
    put64(0), put64(0x9f000), put32(1), put32(0);
    put64(0x100000), put64(0x200000), put32(1), put32(0);
    put64(0xf0000), put64(0x10000), put32(2), put32(0);
    finish();
}

static void efi_map(uint32_t stride)
{
    static const struct {
        uint32_t type;
        uint64_t base, pages;
    } rows[] = {{EFI_RAM, 0, 0x9f}, {3, 0x100000, 0x100}, {EFI_RAM, 0x200000, 0x100}, {9, 0x300000, 1},
                {10, 0x301000, 1},  {6, 0x302000, 1},     {11, 0x80000000, 0x1000},   {5, 0x303000, 1}};
    put32(17);
    put32(16 + (uint32_t)(sizeof rows / sizeof rows[0]) * stride);
    put32(stride);
    put32(1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t from = used;
        put32(rows[i].type), put32(0);
        put64(rows[i].base), put64(0), put64(rows[i].pages), put64(0xf);
        used = from + stride;
    }
    finish();
}

static void module(uint32_t first, uint32_t behind, const char *name)
{
    put32(3);
    put32(16 + (uint32_t)strlen(name) + 1);
    put32(first);
    put32(behind);
    put(name, (uint32_t)strlen(name) + 1);
    finish();
}

static void rsdp(uint32_t type, uint32_t bytes)
{
    uint8_t copy[36] = "RSD PTR ";
    copy[15] = type == 15 ? 2 : 0;
    tag(type, copy, bytes);
}

static enum multiboot2_error parse(void)
{
    const enum multiboot2_error error = multiboot2_parse(&reader, BASE, &info);
    for (uint32_t i = 1; i < info.map.count; i++)
        cr_assert_geq(info.map.ranges[i].base, info.map.ranges[i - 1].base + info.map.ranges[i - 1].bytes);
    return error;
}

/* As GRUB of an image says it on BIOS. */
static void honest(void)
{
    start();
    tag(2, "GRUB 2.06-13+deb12u2", 21);
    tag(1, "", 1);
    module(BLOCK, BLOCK + RUN_BLOCK_BYTES, "run-block");
    module(PACKAGE, PACKAGE + 0x1800, "package");
    map();
    rsdp(14, 20);
    end();
}

Test(multiboot2, what_grub_says_on_bios_is_copied)
{
    honest();
    cr_assert_eq(parse(), MULTIBOOT2_OK);
    cr_assert_eq(info.command_line_bytes, 0);
    cr_assert_eq(info.run_block, BLOCK);
    cr_assert_eq(info.package, PACKAGE);
    cr_assert_eq(info.package_bytes, 0x1800);
    cr_assert_eq(info.package_padding_max, 511);
    cr_assert(info.line_open);
    cr_assert_eq(memcmp(memory + (info.rsdp - BASE), "RSD PTR ", 8), 0);
    cr_assert_eq(memory_map_kind(&info.map, BASE, used), MEMORY_FIRMWARE, "the copy stays");
    cr_assert_eq(memory_map_kind(&info.map, BLOCK, 0x1000), MEMORY_FIRMWARE);
    cr_assert_eq(memory_map_kind(&info.map, PACKAGE, 0x2000), MEMORY_FIRMWARE);
    cr_assert_eq(memory_map_kind(&info.map, PACKAGE + 0x2000, 0x1000), MEMORY_RAM);
    cr_assert_eq(memory_map_ram_bytes(&info.map), 0x9f000 + 0x200000 - 0x1000 - 0x1000 - 0x2000);
}

Test(multiboot2, of_two_root_pointers_the_new_one_is_taken)
{
    start();
    rsdp(14, 20);
    rsdp(15, 36);
    map();
    tag(1, "mode=proof", 11);
    end();
    cr_assert_eq(parse(), MULTIBOOT2_OK);
    cr_assert_eq(memory[info.rsdp - BASE + 15], 2);
    cr_assert_eq(info.command_line_bytes, 10);
    cr_assert_eq(memcmp(info.command_line, "mode=proof", 10), 0);
    cr_assert_eq(info.package_bytes, 0, "without a module there is none");
    cr_assert_eq(info.run_block, 0);
    start();
    tag(15, "no root pointer, of thirty-six bytes", 36);
    rsdp(14, 20);
    map();
    end();
    cr_assert_eq(parse(), MULTIBOOT2_OK);
    cr_assert_eq(memory[info.rsdp - BASE + 15], 0, "the old one holds");
    start();
    map();
    end();
    cr_assert_eq(parse(), MULTIBOOT2_OK);
    cr_assert_eq(info.rsdp, 0, "firmware's places are searched");
}

Test(multiboot2, a_map_in_efis_form_is_used_where_there_is_no_other)
{
    for (uint32_t stride = 40; stride <= 48; stride += 8) {
        start();
        efi_map(stride);
        end();
        cr_assert_eq(parse(), MULTIBOOT2_OK);
        cr_assert_eq(memory_map_ram_bytes(&info.map), 0x9f000 + 0x200000 - 0x1000);
        cr_assert_eq(memory_map_kind(&info.map, 0x100000, 0x200000), MEMORY_RAM, "boot services have ended");
        cr_assert_eq(memory_map_kind(&info.map, 0x300000, 0x2000), MEMORY_FIRMWARE);
        cr_assert_eq(memory_map_kind(&info.map, 0x302000, 0x2000), MEMORY_RESERVED);
        cr_assert_eq(memory_map_kind(&info.map, 0x80000000, 0x1000000), MEMORY_RESERVED);
    }
    start();
    efi_map(40);
    map();
    end();
    cr_assert_eq(parse(), MULTIBOOT2_OK);
    cr_assert_eq(memory_map_kind(&info.map, 0x300000, 0x1000), MEMORY_NONE, "the other one alone");
    start();
    map();
    tag(18, NULL, 0);
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_FIRMWARE_RUNS);
}

Test(multiboot2, information_that_is_cut_off_anywhere_is_refused)
{
    honest();
    const uint32_t whole = used;
    for (uint32_t bytes = 0; bytes < whole; bytes++) {
        memcpy(memory, &bytes, sizeof bytes);
        cr_assert_neq(parse(), MULTIBOOT2_OK, "%u of %u bytes", bytes, whole);
        cr_assert_eq(info.package_bytes, 0);
    }
    memcpy(memory, &whole, sizeof whole);
    cr_assert_eq(parse(), MULTIBOOT2_OK);
    cr_assert_eq(multiboot2_parse(&reader, BASE + 4, &info), MULTIBOOT2_E_UNREADABLE, "not aligned");
    cr_assert_eq(multiboot2_parse(&reader, BASE + ROOM - 8, &info), MULTIBOOT2_E_UNREADABLE);
    cr_assert_eq(multiboot2_parse(&reader, 0, &info), MULTIBOOT2_E_UNREADABLE);
    for (uint32_t bytes = ROOM + 8; bytes != 0; bytes = bytes > UINT32_MAX / 2 ? 0 : bytes * 2) {
        memcpy(memory, &bytes, sizeof bytes);
        cr_assert_eq(parse(), MULTIBOOT2_E_UNREADABLE);
    }
}

Test(multiboot2, a_tag_of_another_size_than_its_own_is_refused)
{
    static const uint32_t sizes[] = {0, 1, 7, 0x7ffffff8, 0xfffffff0, UINT32_MAX};
    for (uint32_t type = 1; type < 22; type++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            start();
            map();
            put32(type);
            put32(sizes[i]);
            finish();
            end();
            cr_assert_eq(parse(), MULTIBOOT2_E_TAGS, "type %u size %u", type, sizes[i]);
        }
    static const struct {
        uint32_t type, bytes;
    } too_small[] = {{3, 7}, {6, 7}, {14, 19}, {15, 35}, {17, 7}};
    for (size_t i = 0; i < sizeof too_small / sizeof too_small[0]; i++) {
        static const uint8_t none[40];
        start();
        tag(too_small[i].type, none, too_small[i].bytes);
        end();
        cr_assert_eq(parse(), MULTIBOOT2_E_TAGS, "type %u", too_small[i].type);
    }
}

Test(multiboot2, two_of_what_there_is_one_of_are_refused_and_so_are_tags_without_end)
{
    start();
    map();
    map();
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_TAGS);
    start();
    tag(1, "mode=proof", 11);
    tag(1, "mode=serve", 11);
    map();
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_TAGS);
    start();
    map();
    while (used < ROOM - 64)
        tag(2, NULL, 0);
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_TAGS, "more tags than a loader has");
    start();
    map();
    for (int i = 0; i < 100; i++)
        tag(21, "what we do not know", 19);
    end();
    cr_assert_eq(parse(), MULTIBOOT2_OK);
}

Test(multiboot2, maps_that_are_none_are_refused)
{
    static const struct {
        uint32_t type, entry, entries, extra;
        enum multiboot2_error due;
    } maps[] = {
        {6, 0, 0, 0, MULTIBOOT2_E_NO_MAP},
        {6, 16, 3, 0, MULTIBOOT2_E_NO_MAP},
        {6, 24, 3, 8, MULTIBOOT2_E_NO_MAP},
        {6, 24, 0, 0, MULTIBOOT2_E_NO_MAP},
        {6, 24, 129, 0, MULTIBOOT2_E_LARGE_MAP},
        {17, 24, 3, 0, MULTIBOOT2_E_NO_MAP},
        {17, 40, 129, 0, MULTIBOOT2_E_LARGE_MAP},
        {6, UINT32_MAX, 3, 0, MULTIBOOT2_E_NO_MAP},
        {6, 24, 128, 0, MULTIBOOT2_E_NO_MAP} /* zeroes: no RAM */,
    };
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        const uint32_t bytes = (maps[i].entry == UINT32_MAX ? 24 : maps[i].entry) * maps[i].entries;
        start();
        put32(maps[i].type);
        put32(16 + bytes + maps[i].extra);
        put32(maps[i].entry);
        put32(0);
        used += bytes + maps[i].extra;
        finish();
        end();
        cr_assert_eq(parse(), maps[i].due, "map %zu", i);
    }
    start();
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_NO_MAP);
}

Test(multiboot2, a_command_line_is_bounded_and_ends_in_its_tag)
{
    static char line[5000];
    memset(line, 'a', sizeof line);
    start();
    map();
    tag(1, line, sizeof line);
    end();
    cr_assert_eq(parse(), MULTIBOOT2_OK);
    cr_assert_eq(info.command_line_bytes, BOOT_LINE_BYTES_MAX + 1, "too long, and stays so");
    start();
    map();
    tag(1, "mode=proof", 10);
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_TAGS, "without its zero byte");
    start();
    map();
    tag(1, NULL, 0);
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_TAGS);
}

Test(multiboot2, modules_other_than_ours_and_where_nothing_may_lie_are_refused)
{
    static const struct {
        uint32_t first, behind;
        const char *name;
        enum multiboot2_error due;
    } modules[] = {
        {BLOCK, BLOCK + 0x1000, "initrd", MULTIBOOT2_E_MODULES},
        {BLOCK, BLOCK + 0x1000, "", MULTIBOOT2_E_MODULES},
        {BLOCK, BLOCK + 0x1000, "run-blocks", MULTIBOOT2_E_MODULES},
        {BLOCK, BLOCK + 0x1000, "packag", MULTIBOOT2_E_MODULES},
        {BLOCK, BLOCK + 0x1001, "run-block", MULTIBOOT2_E_RUN_BLOCK},
        {BLOCK, BLOCK + 0xfff, "run-block", MULTIBOOT2_E_RUN_BLOCK},
        {BLOCK + 8, BLOCK + 0x1008, "run-block", MULTIBOOT2_E_RUN_BLOCK},
        {0xf0000, 0xf1000, "run-block", MULTIBOOT2_E_RUN_BLOCK}, /* reserved */
        {BASE, BASE + 0x1000, "run-block", MULTIBOOT2_E_RUN_BLOCK}, /* over the information */
        {PACKAGE, PACKAGE, "package", MULTIBOOT2_E_PACKAGE},
        {PACKAGE, PACKAGE - 0x1000, "package", MULTIBOOT2_E_PACKAGE},
        {PACKAGE + 0x200, PACKAGE + 0x400, "package", MULTIBOOT2_E_PACKAGE},
        {0, 0x1000, "package", MULTIBOOT2_E_PACKAGE},
        {0x2ff000, 0x300001, "package", MULTIBOOT2_E_PACKAGE}, /* beyond the end of RAM */
        {0x40000000, 0x40001000, "package", MULTIBOOT2_E_PACKAGE}, /* a hole */
        {0x100000, 0x100000 + PACKAGE_BYTES_MAX + 1, "package", MULTIBOOT2_E_PACKAGE},
        {0xfffff000, UINT32_MAX, "package", MULTIBOOT2_E_PACKAGE},
        {0x2ff000, 0x300000, "package", MULTIBOOT2_OK}, /* the last page */
    };
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        start();
        map();
        module(modules[i].first, modules[i].behind, modules[i].name);
        end();
        cr_assert_eq(parse(), modules[i].due, "module %zu", i);
        cr_assert(modules[i].due == MULTIBOOT2_OK || info.package_bytes == 0, "module %zu", i);
        cr_assert_eq(info.run_block, 0, "module %zu", i);
        cr_assert_gt(memory_map_ram_bytes(&info.map), 0, "the map holds: module %zu", i);
    }
    start();
    map();
    module(BLOCK, BLOCK + 0x1000, "run-block");
    module(BLOCK, BLOCK + 0x1000, "package");
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_PACKAGE, "one over the other");
    start();
    map();
    module(PACKAGE, PACKAGE + 0x1000, "package");
    module(BLOCK, BLOCK + 0x1000, "package");
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_MODULES, "two of one");
    start();
    map();
    put32(3), put32(16 + 7), put32(PACKAGE), put32(PACKAGE + 0x1000);
    put("package", 7);
    finish();
    end();
    cr_assert_eq(parse(), MULTIBOOT2_E_MODULES, "its string does not end in its tag");
}

Test(multiboot2, any_bytes_at_all_are_read_within_their_bounds)
{
    srand(8);
    for (int round = 0; round < 20000; round++) {
        honest();
        for (int n = 1 + rand() % 4; n > 0; n--)
            memory[rand() % (int)used] = (uint8_t)(rand() % 3 == 0 ? rand() : rand() % 20);
        const enum multiboot2_error error = parse();
        cr_assert_lt(error, MULTIBOOT2_E_COUNT);
        cr_assert_gt(strlen(multiboot2_error_name(error)), 0);
        if (error == MULTIBOOT2_OK && info.package_bytes > 0)
            cr_assert_eq(memory_map_kind(&info.map, info.package, info.package_bytes), MEMORY_FIRMWARE);
    }
}

Test(multiboot2, the_rest_of_a_sector_is_no_part_of_the_package)
{
    static uint8_t sectors[2048];
    struct package_header header = {.bytes = 1500};
    memcpy(sectors, &header, sizeof header);
    cr_assert_eq(multiboot2_package_bytes(sectors, 1536, 511), 1500);
    cr_assert_eq(multiboot2_package_bytes(sectors, 1500, 511), 1500);
    cr_assert_eq(multiboot2_package_bytes(sectors, 2048, 511), 2048, "more than a sector");
    cr_assert_eq(multiboot2_package_bytes(sectors, 1499, 511), 1499, "less than it says");
    sectors[1535] = 1;
    cr_assert_eq(multiboot2_package_bytes(sectors, 1536, 511), 1536, "there is something in it");
    cr_assert_eq(multiboot2_package_bytes(sectors, 40, 511), 40, "no whole header");
    header.bytes = 12;
    memcpy(sectors, &header, sizeof header);
    cr_assert_eq(multiboot2_package_bytes(sectors, 100, 511), 100);
}
