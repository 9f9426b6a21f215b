/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI as far as power needs it: from the root pointer to the fixed description table and the package \_S5 of
 * the definition blocks. Firmware's tables are checked before they are used: signature, length, checksum,
 * bounds; nothing in them is executed. Pure over a struct physical_reader. Source:
 * ACPI 6.4, 4.8, 5.2, 7.4.2, 20.2. */
#ifndef CAPOS_PLATFORM_PC_ACPI_H
#define CAPOS_PLATFORM_PC_ACPI_H

#include "kernel/arch/x86_64/boot_info.h"

/* Ports are 0 when absent. */
struct acpi_power {
    uint16_t event_a; /* PM1a event block: status, then enable */
    uint16_t event_b;
    uint8_t event_bytes;
    uint16_t control_a; /* PM1a control */
    uint16_t control_b;
    uint16_t command; /* SMI command port, and what to write there for ACPI mode */
    uint8_t enable;
    uint8_t sleep_a; /* sleep type of S5, 0 to 7 */
    uint8_t sleep_b;
};

enum acpi_error {
    ACPI_OK = 0,
    ACPI_E_NO_ROOT, /* no root pointer where one may be */
    ACPI_E_ROOT_TABLE, /* RSDT or XSDT unreadable or bad */
    ACPI_E_NO_FIXED, /* no sound FADT */
    ACPI_E_NO_CONTROL, /* the FADT names no PM1a control port */
    ACPI_E_NO_S5, /* no package \_S5 in any definition block */
    ACPI_E_COUNT
};

/* `rsdp`: where the loader says the root pointer is, or 0; the places where firmware may put it are searched
 * as well. On failure `out` is all zeroes. */
enum acpi_error acpi_find_power(const struct physical_reader *reader, uint64_t rsdp, struct acpi_power *out);
const char *acpi_error_name(enum acpi_error error);

#endif
