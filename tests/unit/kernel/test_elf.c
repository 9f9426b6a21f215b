/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader of program files: each way in which a file can be wrong is planted in a good one and refused by
 * its own name; a real program is measured and placed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/core/elf.h"
#include "tests/support/elf_file.h"

static uint8_t file[FILE_BYTES];

static void put(uint32_t at, uint64_t value, uint32_t width)
{
    elf_file_put(file, at, value, width);
}

static void good(void)
{
    elf_file_good(file);
}

struct fault {
    const char *what;
    enum elf_error error;
    uint32_t at, width; /* what is changed, to: */
    uint64_t value;
    uint32_t cut; /* 0, or how long the file is */
};

#define FLAGS(n)   (HEADER(n) + 4)
#define OFFSET(n)  (HEADER(n) + 8)
#define ADDRESS(n) (HEADER(n) + 16)
#define STORED(n)  (HEADER(n) + 32)
#define BYTES(n)   (HEADER(n) + 40)
#define ALIGN(n)   (HEADER(n) + 48)
#define TAG(n)     (DYNAMIC + 16u * (n))

static const struct fault faults[] = {
    {"a header cut short", ELF_E_SIZE, 0, 1, 0x7f, 63},
    {"no ELF", ELF_E_MAGIC, 0, 1, 0x7e, 0},
    {"32 bits", ELF_E_MAGIC, 4, 1, 1, 0},
    {"big-endian", ELF_E_MAGIC, 5, 1, 2, 0},
    {"version 2", ELF_E_MAGIC, 20, 4, 2, 0},
    {"for another machine", ELF_E_MACHINE, 18, 2, 183, 0},
    {"at a fixed address", ELF_E_TYPE, 16, 2, 2, 0},
    {"an object file", ELF_E_TYPE, 16, 2, 1, 0},
    {"headers of another size", ELF_E_HEADERS, 54, 2, 57, 0},
    {"no headers", ELF_E_HEADERS, 56, 2, 0, 0},
    {"too many headers", ELF_E_HEADERS, 56, 2, ELF_HEADERS_MAX + 1u, 0},
    {"headers behind the file", ELF_E_HEADERS, 32, 8, FILE_BYTES + 1u, 0},
    {"headers across its end", ELF_E_HEADERS, 32, 8, FILE_BYTES - 56u * 6u + 1u, 0},
    {"headers that wrap around", ELF_E_HEADERS, 32, 8, UINT64_MAX - 10u, 0},
    {"a dynamic linker", ELF_E_INTERPRETER, HEADER(STACK), 4, 3, 0},
    {"thread-local storage", ELF_E_KIND, HEADER(STACK), 4, 7, 0},
    {"read-only after relocation", ELF_E_KIND, HEADER(STACK), 4, 0x6474e552, 0},
    {"an executable stack", ELF_E_STACK, FLAGS(STACK), 4, 7, 0},
    {"a segment behind the file", ELF_E_EXTENT, OFFSET(TEXT), 8, FILE_BYTES + 1u, 0},
    {"a segment across its end", ELF_E_EXTENT, STORED(DATA), 8, FILE_BYTES - 0x3100u + 1u, 0},
    {"a file cut short", ELF_E_EXTENT, 0, 1, 0x7f, 0x3200},
    {"a segment that wraps around", ELF_E_EXTENT, STORED(DATA), 8, UINT64_MAX, 0},
    {"more in the file than in memory", ELF_E_EXTENT, BYTES(TEXT), 8, 0x7ff, 0},
    {"a segment of nothing", ELF_E_EXTENT, OFFSET(STACK) - 8u, 8, 0x600000001, 0},
    {"an offset between pages", ELF_E_ALIGN, OFFSET(TEXT), 8, 0x1001, 0},
    {"aligned to 2 MiB", ELF_E_ALIGN, ALIGN(TEXT), 8, 0x200000, 0},
    {"not aligned", ELF_E_ALIGN, ALIGN(TEXT), 8, 1, 0},
    {"too much memory", ELF_E_PAGES, BYTES(DATA), 8, ELF_PAGES_MAX * 4096ull - 0x4100u + 1u, 0},
    {"memory that wraps around", ELF_E_PAGES, BYTES(DATA), 8, UINT64_MAX, 0},
    {"too far away", ELF_E_PAGES, ADDRESS(DATA), 8, 0x100000000100ull, 0},
    {"segments out of order", ELF_E_ORDER, ADDRESS(CONSTANTS), 8, 0x1000, 0},
    {"a page of two segments", ELF_E_ORDER, BYTES(TEXT), 8, 0x1001, 0},
    {"not from the file's beginning", ELF_E_ORDER, ADDRESS(0), 8, 0x1000, 0},
    {"writable and executable", ELF_E_ACCESS, FLAGS(DATA), 4, 7, 0},
    {"writable text", ELF_E_ACCESS, FLAGS(TEXT), 4, 7, 0},
    {"executable alone", ELF_E_ACCESS, FLAGS(TEXT), 4, 1, 0},
    {"an entry in constants", ELF_E_ENTRY, 24, 8, 0x2000, 0},
    {"an entry in nothing", ELF_E_ENTRY, 24, 8, 0x1800, 0},
    {"an entry far away", ELF_E_ENTRY, 24, 8, UINT64_MAX, 0},
    {"nothing executable", ELF_E_ENTRY, FLAGS(TEXT), 4, 4, 0},
    {"a dynamic section of nothing", ELF_E_DYNAMIC, STORED(DYNAMIC_HEADER), 8, 0, 0},
    {"a dynamic section outside", ELF_E_DYNAMIC, ADDRESS(DYNAMIC_HEADER), 8, 0x42f0, 0},
    {"a dynamic section in zeroes", ELF_E_DYNAMIC, ADDRESS(DYNAMIC_HEADER), 8, 0x4400, 0},
    {"a dynamic section far away", ELF_E_DYNAMIC, ADDRESS(DYNAMIC_HEADER), 8, UINT64_MAX - 8u, 0},
    {"a long dynamic section", ELF_E_DYNAMIC, STORED(DYNAMIC_HEADER), 8, 16u * (ELF_DYNAMIC_MAX + 1u), 0},
    {"a dynamic section without end", ELF_E_DYNAMIC, STORED(DYNAMIC_HEADER), 8, 64, 0},
    {"two dynamic sections", ELF_E_DYNAMIC, HEADER(STACK), 4, 2, 0},
    {"a library", ELF_E_DYNAMIC, TAG(3), 8, 1, 0},
    {"a function at the start", ELF_E_DYNAMIC, TAG(3), 8, 12, 0},
    {"another kind of table", ELF_E_DYNAMIC, TAG(3), 8, 23, 0},
    {"a packed table", ELF_E_DYNAMIC, TAG(3), 8, 36, 0},
    {"entries of another size", ELF_E_DYNAMIC, TAG(2) + 8u, 8, 16, 0},
    {"half a relocation", ELF_E_DYNAMIC, TAG(1) + 8u, 8, 47, 0},
    {"relocations across a segment's end", ELF_E_DYNAMIC, TAG(0) + 8u, 8, 0x2e0, 0},
    {"relocations without end", ELF_E_DYNAMIC, TAG(1) + 8u, 8, UINT64_MAX - 15u, 0},
    {"a symbol's relocation", ELF_E_RELOCATION, RELOCATIONS + 8u, 8, 1, 0},
    {"a relative one with a symbol", ELF_E_RELOCATION, RELOCATIONS + 32u, 8, 0x100000008ull, 0},
    {"a relocation of text", ELF_E_RELOCATION, RELOCATIONS, 8, 0x1000, 0},
    {"a relocation across a segment's end", ELF_E_RELOCATION, RELOCATIONS + 24u, 8, 0x5ff9, 0},
    {"a relocation in front of the data", ELF_E_RELOCATION, RELOCATIONS, 8, 0x40ff, 0},
    {"a relocation far away", ELF_E_RELOCATION, RELOCATIONS, 8, UINT64_MAX, 0},
};
#define FAULTS (sizeof faults / sizeof faults[0])

/* An exact block: a byte too far is the sanitizer's. */
static enum elf_error measured(size_t bytes, struct elf_layout *out)
{
    uint8_t *block = malloc(bytes ? bytes : 1);

    memcpy(block, file, bytes);
    const enum elf_error error = elf_measure(block, bytes, out);
    free(block);
    return error;
}

Test(elf, a_good_file_is_measured)
{
    struct elf_layout l;

    good();
    cr_assert_eq(measured(FILE_BYTES, &l), ELF_OK);
    cr_assert_eq(l.pages, 6);
    cr_assert_eq(l.entry, 0x1010);
    cr_assert_eq(l.segment_count, 4);
    const struct elf_segment data = l.segments[3];
    cr_assert_eq(data.page, 4);
    cr_assert_eq(data.pages, 2);
    cr_assert_eq(data.offset, 0x3100);
    cr_assert_eq(data.bytes, 0x200);
    cr_assert_eq(data.within, 0x100);
    cr_assert_eq(data.access, PROCESSOR_READ_WRITE);
    cr_assert_eq(l.segments[0].access, PROCESSOR_READ);
    cr_assert_eq(l.segments[1].access, PROCESSOR_READ_EXECUTE);
}

Test(elf, each_planted_fault_is_refused_by_its_name)
{
    for (size_t i = 0; i < FAULTS; i++) {
        struct elf_layout l;
        struct elf_layout before;

        good();
        put(faults[i].at, faults[i].value, faults[i].width);
        memset(&l, 0x5a, sizeof l);
        before = l;
        const enum elf_error error = measured(faults[i].cut ? faults[i].cut : FILE_BYTES, &l);
        cr_expect_eq(error, faults[i].error, "%s: %s", faults[i].what, elf_error_name(error));
        cr_expect_eq(memcmp(&l, &before, sizeof l), 0, "%s: the layout was touched", faults[i].what);
    }
}

Test(elf, segments_are_counted)
{
    struct elf_layout l;

    good();
    for (uint32_t n = 0; n < ELF_SEGMENTS_MAX + 1u; n++)
        elf_file_put_header(file, n, 1, n == 0 ? 5 : 4, n * 0x1000ull % FILE_BYTES, n * 0x1000ull, 0x100,
                            0x100);
    put(24, 0, 8);
    put(56, ELF_SEGMENTS_MAX, 2);
    cr_assert_eq(measured(FILE_BYTES, &l), ELF_OK);
    cr_assert_eq(l.segment_count, ELF_SEGMENTS_MAX);
    put(56, ELF_SEGMENTS_MAX + 1u, 2);
    cr_assert_eq(measured(FILE_BYTES, &l), ELF_E_SEGMENTS);
}

/* Each length that holds all that is loaded is as good as the whole, each shorter one is refused. */
Test(elf, a_file_cut_anywhere_is_refused)
{
    struct elf_layout l;

    good();
    for (size_t bytes = 0; bytes < FILE_BYTES; bytes += bytes < 0x400 ? 1 : 13)
        cr_expect_eq(measured(bytes, &l) == ELF_OK, bytes >= 0x3300, "%zu bytes", bytes);
}

Test(elf, every_error_has_a_name_and_a_fault)
{
    /* Three more are reached by the tests around. */
    bool reached[ELF_ERROR_COUNT] = {
        [ELF_OK] = true, [ELF_E_SEGMENTS] = true, [ELF_E_ROOM] = true, [ELF_E_MEMORY] = true};

    for (size_t i = 0; i < FAULTS; i++)
        reached[faults[i].error] = true;
    for (int e = 0; e < ELF_ERROR_COUNT; e++) {
        cr_expect(reached[e], "nothing plants %d", e);
        cr_expect_str_neq(elf_error_name(e), "unknown");
        for (int other = 0; other < e; other++)
            cr_expect_str_neq(elf_error_name(e), elf_error_name(other));
    }
    cr_expect_str_eq(elf_error_name(ELF_ERROR_COUNT), "unknown");
    cr_expect_str_eq(elf_error_name((enum elf_error) - 1), "unknown");
}

Test(elf, a_file_without_segments_or_relocations)
{
    struct elf_layout l;

    good();
    for (uint32_t n = 0; n < 6; n++)
        put(HEADER(n), 0, 4);
    cr_assert_eq(measured(FILE_BYTES, &l), ELF_E_SEGMENTS);
    good();
    put(HEADER(DYNAMIC_HEADER), 0, 4);
    cr_assert_eq(measured(FILE_BYTES, &l), ELF_OK);
    good();
    put(TAG(1) + 8u, 0, 8);
    cr_assert_eq(measured(FILE_BYTES, &l), ELF_OK);
}

/* A processor that keeps what it is told. */
struct told {
    uint8_t *memory;
    uint32_t reserved, unmapped, maps, refuse_map; /* refuse_map: the number of the map that fails */
    uint64_t at[ELF_SEGMENTS_MAX];
    uint32_t pages[ELF_SEGMENTS_MAX];
    enum processor_access access[ELF_SEGMENTS_MAX];
    bool refuse_room;
};
#define PROGRAM_AT 0x7000000000ull

static uint64_t told_reserve(void *ctx, uint16_t space, uint8_t *memory, uint32_t pages)
{
    struct told *t = ctx;

    cr_assert_eq(space, 5);
    t->memory = memory;
    t->reserved = pages;
    return t->refuse_room ? 0 : PROGRAM_AT;
}

static bool told_map(void *ctx, uint16_t space, uint64_t at, uint8_t *memory, uint32_t pages,
                     enum processor_access access)
{
    struct told *t = ctx;

    cr_assert_eq(space, 5);
    cr_assert_eq(at - PROGRAM_AT, (uint64_t)(memory - t->memory));
    if (t->maps + 1u == t->refuse_map)
        return false;
    t->at[t->maps] = at;
    t->pages[t->maps] = pages;
    t->access[t->maps++] = access;
    return true;
}

static void told_unmap(void *ctx, uint16_t space, uint64_t at, uint32_t pages)
{
    struct told *t = ctx;

    cr_assert_eq(space, 5);
    cr_assert_eq(at, PROGRAM_AT);
    t->unmapped = pages;
}

static const struct processor_ops told_ops = {.reserve = told_reserve, .map = told_map, .unmap = told_unmap};

Test(elf, a_program_is_placed)
{
    static uint8_t memory[6 * PROCESSOR_PAGE];
    struct told t = {0};
    const struct processor processor = {&told_ops, &t};
    struct elf_layout l;
    uint64_t at;
    uint64_t entry;

    good();
    file[0x1010] = 0xc3;
    file[0x32ff] = 0xee;
    file[0x3300] = 0xdd; /* no longer of the segment */
    cr_assert_eq(measured(FILE_BYTES, &l), ELF_OK);
    cr_assert_eq(elf_place(file, &l, memory, &processor, 5, &at, &entry), ELF_OK);
    cr_assert_eq(at, PROGRAM_AT);
    cr_assert_eq(entry, PROGRAM_AT + 0x1010);
    cr_assert_eq(t.reserved, 6);
    cr_assert_eq(t.maps, 4);
    cr_assert_eq(t.unmapped, 0);
    cr_assert_eq(t.at[3], PROGRAM_AT + 0x4000);
    cr_assert_eq(t.pages[3], 2);
    cr_assert_eq(t.access[1], PROCESSOR_READ_EXECUTE);
    cr_assert_eq(t.access[3], PROCESSOR_READ_WRITE);
    cr_assert_eq(memory[0x1010], 0xc3);
    cr_assert_eq(memory[0x42ff], 0xee);
    cr_assert_eq(memory[0x4300], 0);
    cr_assert_eq(memcmp(memory, file, 0x300), 0);
}

Test(elf, what_cannot_be_mapped_leaves_nothing_behind)
{
    static uint8_t memory[6 * PROCESSOR_PAGE];
    struct elf_layout l;
    uint64_t at = 1;
    uint64_t entry = 2;

    good();
    cr_assert_eq(measured(FILE_BYTES, &l), ELF_OK);
    for (uint32_t refused = 0; refused <= 4; refused++) {
        struct told t = {.refuse_map = refused, .refuse_room = refused == 0};
        const struct processor processor = {&told_ops, &t};

        cr_assert_eq(elf_place(file, &l, memory, &processor, 5, &at, &entry), ELF_E_ROOM);
        cr_assert_eq(t.unmapped, refused == 0 ? 0 : 6);
        cr_assert(at == 1 && entry == 2);
    }
}

Test(elf, loading_takes_pages_or_none)
{
    static uint8_t memory[8 * PROCESSOR_PAGE] __attribute__((aligned(PROCESSOR_PAGE)));
    static struct page_source pages;
    struct program_image image = {0};
    struct told t = {0};
    const struct processor processor = {&told_ops, &t};

    good();
    page_source_init(&pages, memory, 5);
    cr_assert_eq(elf_load(file, FILE_BYTES, 5, &processor, &pages, &image), ELF_E_MEMORY);
    page_source_init(&pages, memory, 8);
    cr_assert_eq(elf_load(file, 63, 5, &processor, &pages, &image), ELF_E_SIZE);
    t.refuse_map = 3;
    cr_assert_eq(elf_load(file, FILE_BYTES, 5, &processor, &pages, &image), ELF_E_ROOM);
    cr_assert_eq(pages.used, 0);
    cr_assert_null(image.memory);
    t = (struct told){0};
    cr_assert_eq(elf_load(file, FILE_BYTES, 5, &processor, &pages, &image), ELF_OK);
    cr_assert_eq(pages.used, 6);
    cr_assert_eq(image.pages, 6);
    cr_assert_eq(image.memory, t.memory);
    cr_assert_eq(image.at, PROGRAM_AT);
    cr_assert_eq(image.entry, PROGRAM_AT + 0x1010);
}
