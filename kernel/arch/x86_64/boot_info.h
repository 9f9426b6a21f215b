/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel knows when it leaves the entry code, whichever loader brought it: copied once, loader
 * memory is not looked at again. */
#ifndef CAPOS_ARCH_BOOT_INFO_H
#define CAPOS_ARCH_BOOT_INFO_H

#include "abi/bootparams.h"
#include "kernel/arch/x86_64/memory_map.h"

/* Physical memory as a reader sees it. NULL: not all of [physical, physical + bytes) may be read. What it
 * returns stays readable. */
struct physical_reader {
    const uint8_t *(*at)(void *ctx, uint64_t physical, uint64_t bytes);
    void *ctx;
};

struct boot_info {
    struct memory_map map;
    uint64_t rsdp; /* physical address of the ACPI root pointer; 0: the loader does not say */
    uint64_t package; /* physical, page-aligned: the boot package, MEMORY_FIRMWARE in the map */
    uint64_t package_bytes; /* 0: none */
    uint32_t
        package_padding_max; /* bytes that its loader may have read beyond its end: the rest of a sector */
    bool line_open; /* the loader or firmware wrote on serial ports, and may have left a line unfinished */
    uint64_t run_block; /* physical, page-aligned: RUN_BLOCK_BYTES, MEMORY_FIRMWARE in the map; 0: none */
    uint32_t command_line_bytes; /* one byte more than allowed stands for "longer" */
    char command_line[BOOT_LINE_BYTES_MAX + 1u];
};

/* Little-endian fields of what a loader left, aligned or not. */
uint32_t boot_get32(const uint8_t *at);
uint64_t boot_get64(const uint8_t *at);
/* Of a memory range by its E820 type (ACPI 6.4, table 15.4): RAM, tables of firmware, or nobody's. */
enum memory_kind boot_e820_kind(uint32_t type);

/* Nothing is known yet. */
void boot_info_init(struct boot_info *info);
/* Tells the pages of [first, first + bytes) apart from RAM, so that nobody is given them: a loader put
 * something there. False: not at a page, empty, not all of it RAM of the settled map, or no room in the map.
 */
bool boot_info_keep(struct boot_info *info, uint64_t first, uint64_t bytes);

#endif
