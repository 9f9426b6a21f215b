/* SPDX-License-Identifier: BSD-2-Clause */
/* A good program file of a test's own, to be spoiled: headers and relocations, text, constants, data with a
 * dynamic section and zeroes behind. */
#ifndef CAPOS_TESTS_ELF_FILE_H
#define CAPOS_TESTS_ELF_FILE_H

#include <stdint.h>

#define FILE_BYTES  0x4000u
#define HEADERS     64u
#define HEADER(n)   (HEADERS + 56u * (n))
#define DYNAMIC     0x3100u
#define RELOCATIONS 0x200u
/* Program headers: the first, then */
enum { TEXT = 1, CONSTANTS, DATA, DYNAMIC_HEADER, STACK, HEADER_COUNT };

/* FILE_BYTES bytes. */
void elf_file_good(uint8_t *file);
/* Little-endian. */
void elf_file_put(uint8_t *file, uint32_t at, uint64_t value, uint32_t width);
void elf_file_put_header(uint8_t *file, uint32_t n, uint32_t kind, uint32_t flags, uint64_t offset,
                         uint64_t address, uint64_t file_bytes, uint64_t bytes);

#endif
