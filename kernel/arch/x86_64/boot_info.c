/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/boot_info.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"

#define PAGE_MASK (~(uint64_t)(MEMORY_PAGE - 1u))

/* E820 types (ACPI 6.4, table 15.4). */
#define TYPE_RAM  1u
#define TYPE_ACPI 3u
#define TYPE_NVS  4u

uint32_t boot_get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

uint64_t boot_get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

enum memory_kind boot_e820_kind(uint32_t type)
{
    if (type == TYPE_RAM)
        return MEMORY_RAM;
    return type == TYPE_ACPI || type == TYPE_NVS ? MEMORY_FIRMWARE : MEMORY_RESERVED;
}

void boot_info_init(struct boot_info *info)
{
    ASSERT(info != NULL);
    memory_map_init(&info->map);
    info->rsdp = 0;
    info->line_open = false;
    info->run_block = 0;
    info->package = 0;
    info->package_bytes = 0;
    info->package_padding_max = 0;
    info->command_line_bytes = 0;
}

bool boot_info_keep(struct boot_info *info, uint64_t first, uint64_t bytes)
{
    ASSERT(info != NULL);
    if (bytes == 0 || bytes > UINT64_MAX - (MEMORY_PAGE - 1u) || first % MEMORY_PAGE != 0)
        return false;
    const uint64_t whole = (bytes + MEMORY_PAGE - 1u) & PAGE_MASK;
    if (memory_map_kind(&info->map, first, whole) != MEMORY_RAM)
        return false;
    memory_map_add(&info->map, first, whole, MEMORY_FIRMWARE);
    memory_map_settle(&info->map);
    return memory_map_kind(&info->map, first, whole) == MEMORY_FIRMWARE; /* else the map had no room for it */
}
