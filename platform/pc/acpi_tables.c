/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/pc/acpi_tables.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"

#define RSDP_BYTES      20u
#define RSDP_BYTES_V2   36u
#define RSDP_STEP       16u
#define RSDP_AREA       0xe0000u
#define RSDP_AREA_BYTES 0x20000u
#define EBDA_POINTER    0x40eu
#define EBDA_BYTES      1024u
#define TABLE_BYTES_MAX (1u << 20)

uint32_t acpi_get16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

uint32_t acpi_get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

uint64_t acpi_get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static bool sums_to_zero(const uint8_t *at, uint32_t bytes)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + at[i]);
    return sum == 0;
}

static bool is_root_pointer(const uint8_t *at)
{
    return memcmp(at, "RSD PTR ", 8) == 0 && sums_to_zero(at, RSDP_BYTES);
}

/* The root pointer in [from, from + bytes), at its alignment. */
static uint64_t search(const struct physical_reader *r, uint64_t from, uint32_t bytes)
{
    for (uint32_t at = 0; at + RSDP_BYTES <= bytes; at += RSDP_STEP) {
        const uint8_t *candidate = r->at(r->ctx, from + at, RSDP_BYTES);
        if (candidate && is_root_pointer(candidate))
            return from + at;
    }
    return 0;
}

uint64_t acpi_find_root_pointer(const struct physical_reader *r, uint64_t said)
{
    const uint8_t *at = said != 0 ? r->at(r->ctx, said, RSDP_BYTES) : NULL;
    if (at && is_root_pointer(at))
        return said;
    const uint8_t *segment = r->at(r->ctx, EBDA_POINTER, 2);
    const uint64_t ebda = segment ? (uint64_t)acpi_get16(segment) << 4 : 0;
    const uint64_t found = ebda != 0 ? search(r, ebda, EBDA_BYTES) : 0;
    return found != 0 ? found : search(r, RSDP_AREA, RSDP_AREA_BYTES);
}

/* The whole table at `physical`, its length and sum checked. */
struct acpi_table acpi_read_table(const struct physical_reader *r, uint64_t physical)
{
    const struct acpi_table none = {NULL, 0};
    const uint8_t *header = physical != 0 ? r->at(r->ctx, physical, ACPI_HEADER_BYTES) : NULL;
    if (!header)
        return none;
    const uint32_t bytes = acpi_get32(header + 4);
    if (bytes < ACPI_HEADER_BYTES || bytes > TABLE_BYTES_MAX)
        return none;
    const uint8_t *at = r->at(r->ctx, physical, bytes);
    if (!at || !sums_to_zero(at, bytes))
        return none;
    return (struct acpi_table){at, bytes};
}

bool acpi_has_signature(struct acpi_table t, const char *signature)
{
    return t.at != NULL && memcmp(t.at, signature, 4) == 0;
}

bool acpi_read_root(const struct physical_reader *r, uint64_t rsdp, struct acpi_root *out)
{
    const uint8_t *at = r->at(r->ctx, rsdp, RSDP_BYTES);
    const uint8_t *wide = at && at[15] >= 2 ? r->at(r->ctx, rsdp, RSDP_BYTES_V2) : NULL;
    ASSERT(at != NULL);
    out->table = (struct acpi_table){NULL, 0};
    out->width = 8;
    if (wide && sums_to_zero(wide, RSDP_BYTES_V2))
        out->table = acpi_read_table(r, acpi_get64(wide + 24));
    if (!acpi_has_signature(out->table, "XSDT")) {
        out->width = 4;
        out->table = acpi_read_table(r, acpi_get32(at + 16));
        if (!acpi_has_signature(out->table, "RSDT"))
            return false;
    }
    out->count = (out->table.bytes - ACPI_HEADER_BYTES) / out->width;
    if (out->count > ACPI_TABLES_MAX)
        out->count = ACPI_TABLES_MAX;
    return true;
}

uint64_t acpi_root_entry(const struct acpi_root *root, uint32_t index)
{
    ASSERT(index < root->count);
    const uint8_t *entry = root->table.at + ACPI_HEADER_BYTES + (size_t)index * root->width;
    return root->width == 8 ? acpi_get64(entry) : acpi_get32(entry);
}

/* The next sound table of that signature from entry `*from` on, which moves behind it. */
struct acpi_table acpi_next_table(const struct physical_reader *r, const struct acpi_root *root,
                                  const char *signature, uint32_t *from)
{
    while (*from < root->count) {
        const struct acpi_table t = acpi_read_table(r, acpi_root_entry(root, *from));
        ++*from;
        if (acpi_has_signature(t, signature))
            return t;
    }
    return (struct acpi_table){NULL, 0};
}
