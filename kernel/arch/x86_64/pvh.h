/* SPDX-License-Identifier: BSD-2-Clause */
/* The start info of a PVH loader, read with bounds. Source: Xen,
 * xen/include/public/arch-x86/hvm/start_info.h. */
#ifndef CAPOS_ARCH_PVH_H
#define CAPOS_ARCH_PVH_H

#include "kernel/arch/x86_64/boot_info.h"

enum pvh_error {
    PVH_OK = 0,
    PVH_E_UNREADABLE, /* an address outside of what may be read */
    PVH_E_MAGIC,
    PVH_E_NO_MAP, /* version 0, or an empty memory map: there is nothing to run in */
    PVH_E_LARGE_MAP,
    PVH_E_PACKAGE, /* not at a page, not memory, empty, or above PACKAGE_BYTES_MAX; all else was read, and
                      holds */
    PVH_E_COUNT
};

/* Fills `out`; on failure it holds what was read so far. */
enum pvh_error pvh_parse(const struct physical_reader *reader, uint64_t start_info, struct boot_info *out);
const char *pvh_error_name(enum pvh_error error);

#endif
