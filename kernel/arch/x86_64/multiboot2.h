/* SPDX-License-Identifier: BSD-2-Clause */
/* What a multiboot2 loader says, read with bounds. Source: Multiboot2 Specification version 2.0, 3.6 (boot
 * information format). The modules are those of abi/disk.h, known by their strings: "run-block" and
 * "package". */
#ifndef CAPOS_ARCH_MULTIBOOT2_H
#define CAPOS_ARCH_MULTIBOOT2_H

#include "kernel/arch/x86_64/boot_info.h"

#define MULTIBOOT2_MARK 0x36d76289u /* in EAX at entry: 3.3 */

enum multiboot2_error {
    MULTIBOOT2_OK = 0,
    MULTIBOOT2_E_UNREADABLE, /* not all of the information may be read, or its size is none */
    MULTIBOOT2_E_TAGS, /* a tag that does not fit, a second one of what there is one of, or no end */
    MULTIBOOT2_E_FIRMWARE_RUNS, /* EFI boot services were not ended: the memory map changes under us */
    MULTIBOOT2_E_NO_MAP, /* no map, a malformed one, or one without RAM */
    MULTIBOOT2_E_LARGE_MAP,
    /* These three only once all else was read, and holds: */
    MULTIBOOT2_E_MODULES, /* one that has no known string, or two of one */
    MULTIBOOT2_E_RUN_BLOCK, /* not at a page, not RUN_BLOCK_BYTES, or not memory */
    MULTIBOOT2_E_PACKAGE, /* not at a page, empty, above PACKAGE_BYTES_MAX, or not memory */
    MULTIBOOT2_E_COUNT
};

/* Fills `out`; on failure it holds what was read so far. `information`: physical, from EBX at entry. The
 * pages of the information stay MEMORY_FIRMWARE, and `out->rsdp` points into them: the loader hands over a
 * copy of the root pointer (3.6.11, 3.6.12), of which the new revision is preferred. A map in EFI's form
 * (3.6.17) is used where there is none in the other (3.6.8). */
enum multiboot2_error multiboot2_parse(const struct physical_reader *reader, uint64_t information,
                                       struct boot_info *out);
const char *multiboot2_error_name(enum multiboot2_error error);

/* Length of the boot package of which a loader read whole sectors: what its own header says, when it ends in
 * the last `padding_max` bytes and zero bytes follow; else `bytes`, for the check of the package to refuse.
 */
uint64_t multiboot2_package_bytes(const uint8_t *package, uint64_t bytes, uint32_t padding_max);

#endif
