/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/pvh.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/package.h"

#define START_MAGIC     0x336ec578u
#define START_BYTES_V0  40u
#define START_BYTES     56u
#define AT_VERSION      4u
#define AT_MODULE_COUNT 12u
#define AT_MODULES      16u
#define AT_COMMAND_LINE 24u
#define AT_RSDP         32u
#define AT_MAP          40u
#define AT_MAP_COUNT    48u
#define MAP_ENTRY_BYTES 24u
#define MAP_ENTRIES_MAX (MEMORY_RANGES_MAX / 2u)
#define MODULE_BYTES    32u
#define LOW_MEMORY_END  0x100000ull /* firmware's */

static bool read_map(const struct physical_reader *r, uint64_t at, uint32_t count, struct memory_map *map)
{
    const uint8_t *entries = r->at(r->ctx, at, (uint64_t)count * MAP_ENTRY_BYTES);
    ASSERT(count <= MAP_ENTRIES_MAX);
    if (!entries)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = entries + (size_t)i * MAP_ENTRY_BYTES;
        memory_map_add(map, boot_get64(entry), boot_get64(entry + 8), boot_e820_kind(boot_get32(entry + 16)));
    }
    memory_map_settle(map);
    return true;
}

static bool read_command_line(const struct physical_reader *r, uint64_t at, struct boot_info *out)
{
    if (at == 0)
        return true;
    while (out->command_line_bytes < sizeof out->command_line) {
        const uint8_t *byte = r->at(r->ctx, at + out->command_line_bytes, 1);
        if (!byte)
            return false;
        if (*byte == 0)
            return true;
        out->command_line[out->command_line_bytes++] = (char)*byte;
    }
    return true;
}

/* The first module is the boot package. Its pages are told apart from RAM, so that nobody is given them: what
 * is in it is read later, and believed by nobody here. */
static enum pvh_error read_package(const struct physical_reader *r, const uint8_t *start,
                                   struct boot_info *out)
{
    if (boot_get32(start + AT_MODULE_COUNT) == 0)
        return PVH_OK;
    const uint8_t *module = r->at(r->ctx, boot_get64(start + AT_MODULES), MODULE_BYTES);
    if (!module)
        return PVH_E_PACKAGE;
    const uint64_t first = boot_get64(module);
    const uint64_t bytes = boot_get64(module + 8);
    if (bytes == 0 || bytes > PACKAGE_BYTES_MAX || first < LOW_MEMORY_END)
        return PVH_E_PACKAGE;
    if (!boot_info_keep(out, first, bytes))
        return PVH_E_PACKAGE;
    if (memory_map_ram_bytes(&out->map) == 0)
        return PVH_E_NO_MAP;
    out->package = first;
    out->package_bytes = bytes;
    return PVH_OK;
}

enum pvh_error pvh_parse(const struct physical_reader *reader, uint64_t start_info, struct boot_info *out)
{
    ASSERT(reader != NULL);
    ASSERT(out != NULL);
    boot_info_init(out);
    const uint8_t *start = reader->at(reader->ctx, start_info, START_BYTES_V0);
    if (!start)
        return PVH_E_UNREADABLE;
    if (boot_get32(start) != START_MAGIC)
        return PVH_E_MAGIC;
    out->rsdp = boot_get64(start + AT_RSDP);
    if (!read_command_line(reader, boot_get64(start + AT_COMMAND_LINE), out))
        return PVH_E_UNREADABLE;
    if (boot_get32(start + AT_VERSION) < 1)
        return PVH_E_NO_MAP;
    start = reader->at(reader->ctx, start_info, START_BYTES);
    if (!start)
        return PVH_E_UNREADABLE;
    const uint32_t count = boot_get32(start + AT_MAP_COUNT);
    if (count == 0)
        return PVH_E_NO_MAP;
    if (count > MAP_ENTRIES_MAX) /* a part of it is worse than none: what is reserved could be missing */
        return PVH_E_LARGE_MAP;
    if (!read_map(reader, boot_get64(start + AT_MAP), count, &out->map))
        return PVH_E_UNREADABLE;
    if (memory_map_ram_bytes(&out->map) == 0)
        return PVH_E_NO_MAP;
    return read_package(reader, start, out);
}

const char *pvh_error_name(enum pvh_error error)
{
    static const char *const names[PVH_E_COUNT] = {
        "ok",
        "the loader's data cannot be read",
        "not entered by a PVH loader",
        "the loader gives no memory map",
        "the memory map has too many ranges",
        "the boot package is no whole pages of memory, or too large"};
    ASSERT(error < PVH_E_COUNT);
    return names[error];
}
