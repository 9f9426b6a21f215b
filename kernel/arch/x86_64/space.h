/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's address space: its image with the rights of each part, memory at LAYOUT_DIRECT_BASE, device
 * registers at LAYOUT_DEVICE_BASE. Trusts the settled memory map; refuses to map as registers what the map
 * calls memory. */
#ifndef CAPOS_ARCH_SPACE_H
#define CAPOS_ARCH_SPACE_H

#include "kernel/arch/x86_64/boot_info.h"
#include "kernel/arch/x86_64/paging.h"

#define SPACE_TABLES     192u /* pages of tables: 768 KiB */
#define SPACE_DIRECT_MAX (64ull << 30) /* memory above this address stays unmapped */
#define SPACE_LOW_BYTES  0x100000ull /* the first MiB is firmware's: read only */

struct space {
    struct paging paging;
    const struct memory_map *map;
    uint64_t device_limit; /* first physical address that this CPU does not have */
    uint64_t image_first; /* physical, whole pages: not in the direct map */
    uint64_t image_end;
};

/* Builds the space and switches to it. False: the tables do not suffice for this map. */
bool space_enter(struct space *s, const struct memory_map *map);
/* The byte at `physical`, which is RAM outside the image, below SPACE_DIRECT_MAX. */
uint8_t *space_ram(const struct space *s, uint64_t physical);
/* One page of device registers, mapped when it is first asked for; `physical` is page-aligned. NULL: memory,
 * or no such address, or no table left. */
uint8_t *space_device(struct space *s, uint64_t physical);
/* Reads what firmware left: for struct physical_reader with the space as context. */
const uint8_t *space_read(void *space, uint64_t physical, uint64_t bytes);

#endif
