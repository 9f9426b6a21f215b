/* SPDX-License-Identifier: BSD-2-Clause */
/* Program files: static position-independent ELF64 for x86-64. elf_measure judges the bytes, which may be
 * anybody's, and touches nothing; elf_place copies and maps what was measured. Relative relocations are left
 * to the program's own runtime: the loader checks that there are no others. Sources: System V ABI, chapters 4
 * and 5; AMD64 supplement, 4.4. */
#ifndef CAPOS_KERNEL_CORE_ELF_H
#define CAPOS_KERNEL_CORE_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/core/system.h"

#define ELF_SEGMENTS_MAX 8u /* loaded ones */
#define ELF_HEADERS_MAX  16u /* program headers, of any kind */
#define ELF_PAGES_MAX    2048u /* of one program, 8 MiB */
#define ELF_DYNAMIC_MAX  64u /* entries of the dynamic section */

/* Why a program file is refused: one value a reason. Goes into the value of SYS_E_PROGRAM. */
enum elf_error {
    ELF_OK = 0,
    ELF_E_SIZE, /* shorter than a file header, or 4 GiB and more */
    ELF_E_MAGIC, /* not ELF, not 64-bit, not little-endian, or not version 1 */
    ELF_E_MACHINE, /* not for x86-64 */
    ELF_E_TYPE, /* not position-independent (ET_DYN) */
    ELF_E_HEADERS, /* program headers: none, too many, of another size, or outside of the file */
    ELF_E_INTERPRETER, /* asks for a dynamic linker */
    ELF_E_KIND, /* a program header of a kind that is not known here, such as thread-local storage */
    ELF_E_STACK, /* asks for an executable stack */
    ELF_E_SEGMENTS, /* nothing to load, or more than ELF_SEGMENTS_MAX segments */
    ELF_E_EXTENT, /* a segment's bytes leave the file, or are more than its memory, or none */
    ELF_E_ALIGN, /* a segment cannot be mapped by pages where it says */
    ELF_E_ORDER, /* segments out of order, or two in one page */
    ELF_E_ACCESS, /* a segment writable and executable, or not readable */
    ELF_E_PAGES, /* more than ELF_PAGES_MAX pages from its first to its last */
    ELF_E_ENTRY, /* does not begin in the bytes of an executable segment */
    ELF_E_DYNAMIC, /* its dynamic section leaves the loaded bytes, does not end, or asks for libraries */
    ELF_E_RELOCATION, /* a relocation that is not relative, or not into a writable segment */
    ELF_E_ROOM, /* elf_place: the address space has no room, or no table, for it */
    ELF_E_MEMORY, /* elf_load: the page source has no such run of pages */
    ELF_ERROR_COUNT
};

struct elf_segment {
    uint32_t page; /* its first, counted from the program's first */
    uint32_t pages; /* at least 1 */
    uint32_t offset; /* of its bytes in the file */
    uint32_t bytes; /* in the file; what follows in memory is zero */
    uint32_t within; /* bytes of its first page that lie before it, below PROCESSOR_PAGE */
    uint32_t access; /* enum processor_access */
};

struct elf_layout {
    uint32_t pages; /* from the first to the last; those of no segment stay unmapped */
    uint32_t entry; /* bytes from the start of the first page */
    uint32_t segment_count;
    struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/* Constant text, such as "writable and executable"; values outside of the enum as well. */
const char *elf_error_name(enum elf_error error);
/* `bytes` bytes at `file`, of any content. `out` is filled on ELF_OK alone. */
enum elf_error elf_measure(const uint8_t *file, size_t bytes, struct elf_layout *out);
/* Copies the measured file, unchanged since, to `memory`: layout->pages zeroed pages that lie together.
 * Reserves them in `space` and maps each segment. `at`: the program's address of the first page, for unmap;
 * `entry`: where it begins. ELF_E_ROOM: nothing stays mapped or reserved; the pages hold parts of the file.
 */
enum elf_error elf_place(const uint8_t *file, const struct elf_layout *layout, uint8_t *memory,
                         const struct processor *processor, uint16_t space, uint64_t *at, uint64_t *entry);

/* All of it, as the system of processes asks for it (program_loader in system.h). */
uint32_t elf_load(const uint8_t *file, uint64_t length, uint16_t space, const struct processor *processor,
                  struct page_source *pages, struct program_image *out);

#endif
