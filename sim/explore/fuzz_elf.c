/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to the loader of program files. Its bytes are a file, or changes of a good one. What is
 * accepted is placed in memory of exactly its size and relocated there as a program does it; whatever the
 * loader promises is checked again, in other words than its own. A broken promise aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/core/elf.h"
#include "tests/support/elf_file.h"

#define CHANGE_BYTES 11u
#define PROGRAM_AT   0x100000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct {
    uint64_t inputs, loaded, errors[ELF_ERROR_COUNT];
} counts;

/* The placed program, and which bytes of it may be written or run. */
struct placed {
    uint8_t *memory;
    uint32_t pages;
    uint8_t access[ELF_PAGES_MAX]; /* 0: nothing is mapped; else 1 + enum processor_access */
};
static struct placed placed;

#define CHECK(holds)                                                                                         \
    do {                                                                                                     \
        if (!(holds)) {                                                                                      \
            fprintf(stderr, "broken: %s\n", #holds);                                                         \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static uint64_t reserve(void *ctx, uint16_t space, uint8_t *memory, uint32_t pages)
{
    struct placed *p = ctx;

    (void)space;
    CHECK(memory == p->memory && pages == p->pages);
    return PROGRAM_AT;
}

static bool map(void *ctx, uint16_t space, uint64_t at, uint8_t *memory, uint32_t pages,
                enum processor_access access)
{
    struct placed *p = ctx;
    const uint64_t first = (at - PROGRAM_AT) / PROCESSOR_PAGE;

    (void)space;
    CHECK(at % PROCESSOR_PAGE == 0 && pages > 0 && first + pages <= p->pages);
    CHECK(memory == p->memory + first * PROCESSOR_PAGE);
    for (uint64_t i = first; i < first + pages; i++) {
        CHECK(p->access[i] == 0);
        p->access[i] = (uint8_t)(1u + access);
    }
    return true;
}

static uint64_t read64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static bool inside(const struct placed *p, uint64_t address, uint64_t bytes)
{
    return address <= (uint64_t)p->pages * PROCESSOR_PAGE &&
           bytes <= (uint64_t)p->pages * PROCESSOR_PAGE - address;
}

/* As user/rt/entry.c does it, each access checked. */
static void relocate(const struct placed *p, uint64_t dynamic)
{
    uint64_t table = 0;
    uint64_t table_bytes = 0;

    for (;; dynamic += 16u) {
        CHECK(inside(p, dynamic, 16));
        if (read64(p->memory + dynamic) == 0)
            break;
        if (read64(p->memory + dynamic) == 7)
            table = read64(p->memory + dynamic + 8);
        if (read64(p->memory + dynamic) == 8)
            table_bytes = read64(p->memory + dynamic + 8);
    }
    /* A table in the very bytes that it relocates changes as it goes: only what it was is promised. */
    for (uint64_t i = 0; i < table_bytes / 24u; i++) {
        CHECK(inside(p, table, table_bytes));
        const uint64_t at = read64(p->memory + table + i * 24u);
        CHECK(read64(p->memory + table + i * 24u + 8) == 8);
        CHECK(inside(p, at, 8));
        CHECK(p->access[at / PROCESSOR_PAGE] == 1 + PROCESSOR_READ_WRITE);
        CHECK(p->access[(at + 7u) / PROCESSOR_PAGE] == 1 + PROCESSOR_READ_WRITE);
    }
}

static void place(const uint8_t *file, size_t bytes, const struct elf_layout *layout)
{
    static const struct processor_ops ops = {.reserve = reserve, .map = map};
    const struct processor processor = {&ops, &placed};
    uint64_t at;
    uint64_t entry;

    CHECK(layout->pages > 0 && layout->pages <= ELF_PAGES_MAX);
    memset(&placed, 0, sizeof placed);
    placed.pages = layout->pages;
    placed.memory = calloc(layout->pages, PROCESSOR_PAGE);
    CHECK(elf_place(file, layout, placed.memory, &processor, 3, &at, &entry) == ELF_OK);
    CHECK(at == PROGRAM_AT && entry >= at && entry - at < (uint64_t)layout->pages * PROCESSOR_PAGE);
    CHECK(placed.access[(entry - at) / PROCESSOR_PAGE] == 1 + PROCESSOR_READ_EXECUTE);
    uint64_t table;
    uint16_t count;
    memcpy(&table, file + 32, sizeof table);
    memcpy(&count, file + 56, sizeof count);
    for (uint64_t i = 0; i < count; i++) {
        CHECK(table + (i + 1u) * 56u <= bytes);
        if (file[table + i * 56u] == 2)
            relocate(&placed, read64(file + table + i * 56u + 16));
    }
    free(placed.memory);
}

__attribute__((destructor)) static void say(void)
{
    unsigned errors = 0;

    for (unsigned i = 1; i < ELF_E_ROOM; i++) {
        errors += counts.errors[i] > 0;
        if (counts.errors[i] == 0)
            fprintf(stderr, "never met: %s\n", elf_error_name((enum elf_error)i));
    }
    fprintf(stderr, "files: inputs=%lu loaded=%lu errors=%u\n", counts.inputs, counts.loaded, errors);
}

/* Changes of whole fields: of the file's header, a program header, a relocation, the dynamic section; then
 * where it is cut. */
static size_t changed(uint8_t *file, const uint8_t *data, size_t bytes)
{
    static const uint8_t fields[8] = {0, 4, 8, 16, 24, 32, 40, 48};

    elf_file_good(file);
    for (; bytes >= CHANGE_BYTES; data += CHANGE_BYTES, bytes -= CHANGE_BYTES) {
        const uint64_t value = read64(data + 3);
        const uint32_t n = data[1];
        const uint32_t field = data[2] % 8u;

        if (data[0] % 4u == 0)
            elf_file_put(file, n % 63u, value, 1u + data[2] % 2u);
        else if (data[0] % 4u == 1)
            elf_file_put(file, HEADER(n % HEADER_COUNT) + fields[field], value, field < 2 ? 4 : 8);
        else if (data[0] % 4u == 2)
            elf_file_put(file, RELOCATIONS + 8u * (n % 6u), value, 8);
        else
            elf_file_put(file, DYNAMIC + 8u * (n % 12u), value, 8);
    }
    return bytes >= 2 ? (data[0] | (size_t)data[1] << 8) % (FILE_BYTES + 1u) : FILE_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t made[FILE_BYTES];
    struct elf_layout layout;
    const uint8_t *from = data;
    size_t size = bytes;

    if (bytes > 0 && data[0] % 8u != 0) {
        from = made;
        size = changed(made, data + 1, bytes - 1u);
    }
    uint8_t *file = malloc(size ? size : 1); /* exact: a byte too far is the sanitizer's */
    if (size > 0)
        memcpy(file, from, size);
    const enum elf_error error = elf_measure(file, size, &layout);
    CHECK(error >= ELF_OK && error < ELF_E_ROOM);
    counts.inputs++;
    counts.errors[error]++;
    if (error == ELF_OK) {
        counts.loaded++;
        place(file, size, &layout);
    }
    free(file);
    return 0;
}
