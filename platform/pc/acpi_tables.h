/* SPDX-License-Identifier: BSD-2-Clause */
/* The way from the root pointer to a table: found, its length and sum checked, before anything in it is used.
 * Pure over a struct physical_reader. For acpi.c and acpi_survey.c. Source: ACPI 6.4, 5.2.5 to 5.2.8. */
#ifndef CAPOS_PLATFORM_PC_ACPI_TABLES_H
#define CAPOS_PLATFORM_PC_ACPI_TABLES_H

#include "kernel/arch/x86_64/boot_info.h"

#define ACPI_TABLES_MAX   128u
#define ACPI_HEADER_BYTES 36u

struct acpi_table {
    const uint8_t *at; /* NULL: none */
    uint32_t bytes; /* header included; at least ACPI_HEADER_BYTES */
};

struct acpi_root {
    struct acpi_table table; /* XSDT or RSDT */
    uint32_t width; /* of an entry: 8 or 4 bytes */
    uint32_t count; /* entries, at most ACPI_TABLES_MAX */
};

/* Little-endian, at any address. */
uint32_t acpi_get16(const uint8_t *at);
uint32_t acpi_get32(const uint8_t *at);
uint64_t acpi_get64(const uint8_t *at);
/* Where the root pointer is: where the loader said, or where firmware may put it. 0: nowhere. */
uint64_t acpi_find_root_pointer(const struct physical_reader *r, uint64_t said);
/* `rsdp`: of acpi_find_root_pointer, not 0. Revision 2 and up: the XSDT where it is sound, else the RSDT.
 * False: neither is. */
bool acpi_read_root(const struct physical_reader *r, uint64_t rsdp, struct acpi_root *out);
/* The physical address in entry `index` of the root table. */
uint64_t acpi_root_entry(const struct acpi_root *root, uint32_t index);
/* The whole table at `physical`, its length and sum checked; none when they do not hold. */
struct acpi_table acpi_read_table(const struct physical_reader *r, uint64_t physical);
bool acpi_has_signature(struct acpi_table t, const char *signature);
/* The next sound table of that signature from entry `*from` on, which moves behind it. */
struct acpi_table acpi_next_table(const struct physical_reader *r, const struct acpi_root *root,
                                  const char *signature, uint32_t *from);

#endif
