/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/multiboot2.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/disk.h"
#include "abi/memory.h"
#include "abi/package.h"

#define INFORMATION_BYTES_MIN 16u /* its head and the end tag */
#define INFORMATION_BYTES_MAX (256u << 10)
#define HEAD_BYTES            8u /* of the information, and of each tag */
#define TAG_ALIGN             8u
#define TAGS_MAX              128u
#define MAP_HEAD_BYTES        16u
#define MAP_ENTRY_BYTES       24u
#define EFI_ENTRY_BYTES       40u
#define MAP_ENTRIES_MAX       (MEMORY_RANGES_MAX / 2u)
#define MODULE_HEAD_BYTES     16u
#define RSDP_BYTES_OLD        20u
#define RSDP_BYTES_NEW        36u

enum tag_type {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_MODULE = 3,
    TAG_MAP = 6,
    TAG_RSDP_OLD = 14,
    TAG_RSDP_NEW = 15,
    TAG_EFI_MAP = 17,
    TAG_EFI_SERVICES = 18,
    TAG_COUNT = 19 /* above the last that is used */
};

enum module { MODULE_RUN_BLOCK, MODULE_PACKAGE, MODULE_COUNT };

static const char *const module_names[MODULE_COUNT] = {"run-block", "package"};

/* Types of an entry of UEFI's map: UEFI 2.10, 7.2. Those of the other (3.6.8) are E820's. */
enum efi_type {
    EFI_LOADER_CODE = 1,
    EFI_BOOT_DATA = 4, /* 1 to 4 are free once boot services have ended */
    EFI_CONVENTIONAL = 7,
    EFI_ACPI_RECLAIM = 9,
    EFI_ACPI_NVS = 10
};

/* A tag, or NULL: there is none. */
struct tag {
    const uint8_t *at;
    uint32_t bytes;
};

struct tags {
    struct tag of[TAG_COUNT]; /* by type; a module has a place of its own */
    struct tag modules[MODULE_COUNT];
    bool modules_sound;
};

/* Is the string that ends in the tag's last byte, or before, `name`? */
static bool string_is(struct tag tag, uint32_t from, const char *name)
{
    uint32_t n = 0;
    while (from + n < tag.bytes && name[n] != 0 && tag.at[from + n] == (uint8_t)name[n])
        n++;
    return from + n < tag.bytes && name[n] == 0 && tag.at[from + n] == 0;
}

static void note_module(struct tags *tags, struct tag tag)
{
    for (uint32_t m = 0; m < MODULE_COUNT; m++) {
        if (!string_is(tag, MODULE_HEAD_BYTES, module_names[m]))
            continue;
        tags->modules_sound &= tags->modules[m].at == NULL;
        tags->modules[m] = tag;
        return;
    }
    tags->modules_sound = false;
}

/* Bytes that a tag has at least, beside its head: none for those that are not looked at. */
static uint32_t least_bytes(uint32_t type)
{
    switch (type) {
    case TAG_MODULE:
    case TAG_MAP:
    case TAG_EFI_MAP:
        return MAP_HEAD_BYTES;
    case TAG_RSDP_OLD:
        return HEAD_BYTES + RSDP_BYTES_OLD;
    case TAG_RSDP_NEW:
        return HEAD_BYTES + RSDP_BYTES_NEW;
    default:
        return HEAD_BYTES;
    }
}

/* Of these there is one at most. What else a loader says is its own affair. */
static bool is_used(uint32_t type)
{
    switch (type) {
    case TAG_COMMAND_LINE:
    case TAG_MAP:
    case TAG_RSDP_OLD:
    case TAG_RSDP_NEW:
    case TAG_EFI_MAP:
    case TAG_EFI_SERVICES:
        return true;
    default:
        return false;
    }
}

static enum multiboot2_error read_tags(const uint8_t *information, uint32_t bytes, struct tags *out)
{
    uint32_t at = HEAD_BYTES;
    *out = (struct tags){.modules_sound = true};
    for (uint32_t n = 0; n < TAGS_MAX; n++) {
        if (at > bytes || bytes - at < HEAD_BYTES)
            return MULTIBOOT2_E_TAGS;
        const uint32_t type = boot_get32(information + at);
        const struct tag tag = {information + at, boot_get32(information + at + 4)};
        if (tag.bytes < least_bytes(type) || tag.bytes > bytes - at)
            return MULTIBOOT2_E_TAGS;
        if (type == TAG_END)
            return MULTIBOOT2_OK;
        if (type == TAG_MODULE)
            note_module(out, tag);
        else if (is_used(type) && out->of[type].at != NULL)
            return MULTIBOOT2_E_TAGS;
        else if (is_used(type))
            out->of[type] = tag;
        at += (tag.bytes + TAG_ALIGN - 1u) & ~(TAG_ALIGN - 1u);
    }
    return MULTIBOOT2_E_TAGS;
}

static enum memory_kind kind_of_efi(uint32_t type)
{
    if ((type >= EFI_LOADER_CODE && type <= EFI_BOOT_DATA) || type == EFI_CONVENTIONAL)
        return MEMORY_RAM;
    return type == EFI_ACPI_RECLAIM || type == EFI_ACPI_NVS ? MEMORY_FIRMWARE : MEMORY_RESERVED;
}

static void add_efi(struct memory_map *map, const uint8_t *entry)
{
    const uint64_t pages = boot_get64(entry + 24);
    const uint64_t bytes = pages <= UINT64_MAX / MEMORY_PAGE ? pages * MEMORY_PAGE : UINT64_MAX;
    memory_map_add(map, boot_get64(entry + 8), bytes, kind_of_efi(boot_get32(entry)));
}

static enum multiboot2_error read_map(const struct tags *tags, struct memory_map *map)
{
    const bool efi = tags->of[TAG_MAP].at == NULL;
    const struct tag tag = tags->of[efi ? TAG_EFI_MAP : TAG_MAP];
    if (tag.at == NULL)
        return MULTIBOOT2_E_NO_MAP;
    const uint32_t entry_bytes = boot_get32(tag.at + 8);
    const uint32_t bytes = tag.bytes - MAP_HEAD_BYTES;
    if (entry_bytes < (efi ? EFI_ENTRY_BYTES : MAP_ENTRY_BYTES) || bytes % entry_bytes != 0)
        return MULTIBOOT2_E_NO_MAP;
    if (bytes / entry_bytes > MAP_ENTRIES_MAX) /* a part of it is worse than none */
        return MULTIBOOT2_E_LARGE_MAP;
    for (uint32_t at = MAP_HEAD_BYTES; at < tag.bytes; at += entry_bytes) {
        if (efi)
            add_efi(map, tag.at + at);
        else
            memory_map_add(map, boot_get64(tag.at + at), boot_get64(tag.at + at + 8),
                           boot_e820_kind(boot_get32(tag.at + at + 16)));
    }
    return MULTIBOOT2_OK;
}

/* False: it does not end within its tag. */
static bool read_command_line(struct tag tag, struct boot_info *out)
{
    if (tag.at == NULL)
        return true;
    for (uint32_t at = HEAD_BYTES; at < tag.bytes; at++) {
        if (tag.at[at] == 0)
            return true;
        if (out->command_line_bytes == sizeof out->command_line)
            return true; /* too long, and stays so */
        out->command_line[out->command_line_bytes++] = (char)tag.at[at];
    }
    return false;
}

/* Offset of the copy of the root pointer in the information, 0: none. */
static uint64_t rsdp_offset(const struct tags *tags, const uint8_t *information)
{
    static const enum tag_type types[] = {TAG_RSDP_NEW, TAG_RSDP_OLD};
    for (uint32_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct tag tag = tags->of[types[i]];
        if (tag.at != NULL && memcmp(tag.at + HEAD_BYTES, "RSD PTR ", 8) == 0)
            return (uint64_t)(tag.at - information) + HEAD_BYTES;
    }
    return 0;
}

static enum multiboot2_error read_modules(const struct tags *tags, struct boot_info *out)
{
    uint64_t first[MODULE_COUNT] = {0};
    uint64_t bytes[MODULE_COUNT] = {0};
    if (!tags->modules_sound)
        return MULTIBOOT2_E_MODULES;
    for (uint32_t m = 0; m < MODULE_COUNT; m++) {
        const uint8_t *at = tags->modules[m].at;
        if (at == NULL)
            continue;
        const enum multiboot2_error bad = m == MODULE_PACKAGE ? MULTIBOOT2_E_PACKAGE : MULTIBOOT2_E_RUN_BLOCK;
        const uint32_t end = boot_get32(at + 12);
        first[m] = boot_get32(at + 8);
        if (first[m] == 0 || end <= first[m] || end - first[m] > PACKAGE_BYTES_MAX)
            return bad;
        bytes[m] = end - first[m];
        if ((m == MODULE_RUN_BLOCK && bytes[m] != RUN_BLOCK_BYTES) ||
            !boot_info_keep(out, first[m], bytes[m]))
            return bad;
    }
    out->run_block = first[MODULE_RUN_BLOCK];
    out->package = first[MODULE_PACKAGE];
    out->package_bytes = bytes[MODULE_PACKAGE];
    out->package_padding_max = DISK_SECTOR_BYTES - 1u;
    return MULTIBOOT2_OK;
}

enum multiboot2_error multiboot2_parse(const struct physical_reader *reader, uint64_t information,
                                       struct boot_info *out)
{
    struct tags tags;
    ASSERT(reader != NULL);
    ASSERT(out != NULL);
    boot_info_init(out);
    out->line_open = true; /* every loader of this kind has a console */
    const uint8_t *at =
        information % TAG_ALIGN == 0 ? reader->at(reader->ctx, information, INFORMATION_BYTES_MIN) : NULL;
    const uint32_t bytes = at ? boot_get32(at) : 0;
    if (bytes < INFORMATION_BYTES_MIN || bytes > INFORMATION_BYTES_MAX)
        return MULTIBOOT2_E_UNREADABLE;
    at = reader->at(reader->ctx, information, bytes);
    if (!at)
        return MULTIBOOT2_E_UNREADABLE;
    enum multiboot2_error error = read_tags(at, bytes, &tags);
    if (error == MULTIBOOT2_OK && !read_command_line(tags.of[TAG_COMMAND_LINE], out))
        error = MULTIBOOT2_E_TAGS;
    if (error == MULTIBOOT2_OK && tags.of[TAG_EFI_SERVICES].at != NULL)
        error = MULTIBOOT2_E_FIRMWARE_RUNS;
    if (error == MULTIBOOT2_OK)
        error = read_map(&tags, &out->map);
    if (error != MULTIBOOT2_OK)
        return error;
    const uint64_t page = information & ~(uint64_t)(MEMORY_PAGE - 1u);
    const uint64_t end = (information + bytes + MEMORY_PAGE - 1u) & ~(uint64_t)(MEMORY_PAGE - 1u);
    memory_map_add(&out->map, page, end - page, MEMORY_FIRMWARE); /* below RESERVED: that holds */
    memory_map_settle(&out->map);
    if (memory_map_ram_bytes(&out->map) == 0)
        return MULTIBOOT2_E_NO_MAP;
    const uint64_t offset = rsdp_offset(&tags, at);
    out->rsdp = offset != 0 ? information + offset : 0;
    error = read_modules(&tags, out);
    return memory_map_ram_bytes(&out->map) == 0 ? MULTIBOOT2_E_NO_MAP : error;
}

uint64_t multiboot2_package_bytes(const uint8_t *package, uint64_t bytes, uint32_t padding_max)
{
    struct package_header header;
    ASSERT(package != NULL);
    if (bytes < sizeof header)
        return bytes;
    memcpy(&header, package, sizeof header);
    if (header.bytes < sizeof header || header.bytes > bytes || bytes - header.bytes > padding_max)
        return bytes;
    for (uint64_t at = header.bytes; at < bytes; at++)
        if (package[at] != 0)
            return bytes;
    return header.bytes;
}

const char *multiboot2_error_name(enum multiboot2_error error)
{
    static const char *const names[MULTIBOOT2_E_COUNT] = {
        "ok",
        "the loader's information cannot be read",
        "the loader's information has a tag that does not fit, one too many, or no end",
        "the loader left EFI boot services running",
        "the loader gives no memory map",
        "the memory map has too many ranges",
        "the loader brings a module that is neither run block nor boot package, or one twice",
        "the run block is not 4096 bytes of memory at a page",
        "the boot package is no whole pages of memory, or too large"};
    ASSERT(error < MULTIBOOT2_E_COUNT);
    return names[error];
}
