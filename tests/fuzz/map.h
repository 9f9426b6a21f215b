/* SPDX-License-Identifier: BSD-2-Clause */
/* What every loader's reader promises of what it accepted, whichever loader it was. */
#ifndef CAPOS_TESTS_FUZZ_MAP_H
#define CAPOS_TESTS_FUZZ_MAP_H

#include "kernel/arch/x86_64/boot_info.h"
#include "tests/fuzz/room.h"

static inline void sound(const struct boot_info *info)
{
    for (uint32_t i = 0; i < info->map.count; i++) {
        const struct memory_range *r = &info->map.ranges[i];

        need(r->bytes > 0 && r->bytes <= UINT64_MAX - r->base);
        need(i == 0 || r->base >= r[-1].base + r[-1].bytes);
        need(r->kind != MEMORY_RAM || (r->base % MEMORY_PAGE == 0 && r->bytes % MEMORY_PAGE == 0));
    }
    need(info->command_line_bytes <= BOOT_LINE_BYTES_MAX + 1u);
}

#endif
