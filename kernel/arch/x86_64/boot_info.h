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
    uint32_t command_line_bytes; /* one byte more than allowed stands for "longer" */
    char command_line[BOOT_LINE_BYTES_MAX + 1u];
};

#endif
