/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of the good program file. */
#include "tests/support/elf_file.h"

#include <string.h>

void elf_file_put(uint8_t *file, uint32_t at, uint64_t value, uint32_t width)
{
    memcpy(file + at, &value, width);
}

void elf_file_put_header(uint8_t *file, uint32_t n, uint32_t kind, uint32_t flags, uint64_t offset,
                         uint64_t address, uint64_t file_bytes, uint64_t bytes)
{
    elf_file_put(file, HEADER(n), kind, 4);
    elf_file_put(file, HEADER(n) + 4, flags, 4);
    elf_file_put(file, HEADER(n) + 8, offset, 8);
    elf_file_put(file, HEADER(n) + 16, address, 8);
    elf_file_put(file, HEADER(n) + 24, address, 8);
    elf_file_put(file, HEADER(n) + 32, file_bytes, 8);
    elf_file_put(file, HEADER(n) + 40, bytes, 8);
    elf_file_put(file, HEADER(n) + 48, kind == 1 ? 4096 : 8, 8);
}

static void put_tag(uint8_t *file, uint32_t n, uint64_t tag, uint64_t value)
{
    elf_file_put(file, DYNAMIC + 16u * n, tag, 8);
    elf_file_put(file, DYNAMIC + 16u * n + 8, value, 8);
}

void elf_file_good(uint8_t *file)
{
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

    memset(file, 0, FILE_BYTES);
    memcpy(file, ident, sizeof ident);
    elf_file_put(file, 16, 3, 2);
    elf_file_put(file, 18, 62, 2);
    elf_file_put(file, 20, 1, 4);
    elf_file_put(file, 24, 0x1010, 8);
    elf_file_put(file, 32, HEADERS, 8);
    elf_file_put(file, 52, 64, 2);
    elf_file_put(file, 54, 56, 2);
    elf_file_put(file, 56, HEADER_COUNT, 2);
    elf_file_put_header(file, 0, 1, 4, 0, 0, 0x300, 0x300);
    elf_file_put_header(file, TEXT, 1, 5, 0x1000, 0x1000, 0x800, 0x800);
    elf_file_put_header(file, CONSTANTS, 1, 4, 0x2000, 0x2000, 0x10, 0x10);
    elf_file_put_header(file, DATA, 1, 6, 0x3100, 0x4100, 0x200, 0x1000);
    elf_file_put_header(file, DYNAMIC_HEADER, 2, 6, 0x3100, 0x4100, 0x60, 0x60);
    elf_file_put_header(file, STACK, 0x6474e551, 6, 0, 0, 0, 0);
    put_tag(file, 0, 7, RELOCATIONS);
    put_tag(file, 1, 8, 48);
    put_tag(file, 2, 9, 24);
    put_tag(file, 3, 0x6ffffff9, 2);
    elf_file_put(file, RELOCATIONS, 0x4180, 8);
    elf_file_put(file, RELOCATIONS + 8, 8, 8);
    elf_file_put(file, RELOCATIONS + 24, 0x4ff8, 8);
    elf_file_put(file, RELOCATIONS + 32, 8, 8);
}
