/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/pc/acpi.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"
#include "platform/pc/acpi_tables.h"

/* Offsets in the FADT (ACPI 6.4, table 5.9). */
#define FADT_DSDT        40u
#define FADT_COMMAND     48u
#define FADT_ENABLE      52u
#define FADT_EVENT_A     56u
#define FADT_EVENT_B     60u
#define FADT_CONTROL_A   64u
#define FADT_CONTROL_B   68u
#define FADT_EVENT_BYTES 88u
#define FADT_BYTES_V1    116u
#define FADT_X_DSDT      140u
#define FADT_X_EVENT_A   148u
#define FADT_X_EVENT_B   160u
#define FADT_X_CONTROL_A 172u
#define FADT_X_CONTROL_B 184u
#define ADDRESS_BYTES    12u
#define SPACE_PORTS      1u

#define AML_NAME        0x08u
#define AML_ROOT        0x5cu
#define AML_PACKAGE     0x12u
#define AML_ZERO        0x00u
#define AML_ONE         0x01u
#define AML_BYTE        0x0au
#define AML_WORD        0x0bu
#define AML_DWORD       0x0cu
#define SLEEP_TYPE_MOST 7u

/* A port of the FADT: the extended field when it is there and names I/O space, else the old one. */
static uint16_t port_of(struct acpi_table fadt, uint32_t old, uint32_t extended)
{
    if (fadt.bytes >= extended + ADDRESS_BYTES && fadt.at[extended] == SPACE_PORTS) {
        const uint64_t address = acpi_get64(fadt.at + extended + 4);
        if (address != 0 && address <= UINT16_MAX)
            return (uint16_t)address;
    }
    const uint32_t address = acpi_get32(fadt.at + old);
    return address <= UINT16_MAX ? (uint16_t)address : 0;
}

/* One integer of a package. Returns the bytes that it takes, 0: none that may stand here. */
static uint32_t aml_integer(const uint8_t *at, uint32_t bytes, uint32_t *value)
{
    if (bytes >= 1 && (at[0] == AML_ZERO || at[0] == AML_ONE)) {
        *value = at[0];
        return 1;
    }
    if (bytes >= 2 && at[0] == AML_BYTE) {
        *value = at[1];
        return 2;
    }
    if (bytes >= 3 && at[0] == AML_WORD) {
        *value = acpi_get16(at + 1);
        return 3;
    }
    if (bytes >= 5 && at[0] == AML_DWORD) {
        *value = acpi_get32(at + 1);
        return 5;
    }
    return 0;
}

/* `at`: behind the name. PackageOp, PkgLength, NumElements, elements (ACPI 6.4, 20.2.5.4). */
static bool parse_package(const uint8_t *at, uint32_t bytes, struct acpi_power *out)
{
    uint32_t type[2] = {0, 0};
    if (bytes < 3 || at[0] != AML_PACKAGE)
        return false;
    uint32_t offset = 2u + (at[1] >> 6); /* the length's own following bytes: 0 to 3 */
    if (offset >= bytes)
        return false;
    const uint32_t elements = at[offset++];
    for (uint32_t i = 0; i < 2 && i < elements; i++) {
        const uint32_t taken = aml_integer(at + offset, bytes - offset, &type[i]);
        if (taken == 0 || type[i] > SLEEP_TYPE_MOST)
            return false;
        offset += taken;
    }
    out->sleep_a = (uint8_t)type[0];
    out->sleep_b = (uint8_t)type[1];
    return elements >= 1;
}

/* Name(_S5_, Package(...)), with or without the root character. */
static bool find_s5(struct acpi_table t, struct acpi_power *out)
{
    static const uint8_t name[4] = {'_', 'S', '5', '_'};
    for (uint32_t at = ACPI_HEADER_BYTES + 1u; at + sizeof name < t.bytes; at++) {
        if (memcmp(t.at + at, name, sizeof name) != 0)
            continue;
        const uint8_t before = t.at[at - 1u];
        const bool named = before == AML_NAME || (before == AML_ROOT && t.at[at - 2u] == AML_NAME);
        const uint32_t behind = at + (uint32_t)sizeof name;
        if (named && parse_package(t.at + behind, t.bytes - behind, out))
            return true;
    }
    return false;
}

static bool find_s5_anywhere(const struct physical_reader *r, const struct acpi_root *root,
                             struct acpi_table fadt, struct acpi_power *out)
{
    uint64_t address = fadt.bytes >= FADT_X_DSDT + 8u ? acpi_get64(fadt.at + FADT_X_DSDT) : 0;
    if (address == 0)
        address = acpi_get32(fadt.at + FADT_DSDT);
    const struct acpi_table dsdt = acpi_read_table(r, address);
    if (acpi_has_signature(dsdt, "DSDT") && find_s5(dsdt, out))
        return true;
    uint32_t from = 0;
    for (struct acpi_table ssdt = acpi_next_table(r, root, "SSDT", &from); ssdt.at;
         ssdt = acpi_next_table(r, root, "SSDT", &from))
        if (find_s5(ssdt, out))
            return true;
    return false;
}

enum acpi_error acpi_find_power(const struct physical_reader *reader, uint64_t rsdp, struct acpi_power *out)
{
    struct acpi_power found = {0};
    struct acpi_root root;
    uint32_t from = 0;
    ASSERT(reader != NULL);
    *out = found;
    const uint64_t pointer = acpi_find_root_pointer(reader, rsdp);
    if (pointer == 0)
        return ACPI_E_NO_ROOT;
    if (!acpi_read_root(reader, pointer, &root))
        return ACPI_E_ROOT_TABLE;
    const struct acpi_table fadt = acpi_next_table(reader, &root, "FACP", &from);
    if (!fadt.at || fadt.bytes < FADT_BYTES_V1)
        return ACPI_E_NO_FIXED;
    found.event_a = port_of(fadt, FADT_EVENT_A, FADT_X_EVENT_A);
    found.event_b = port_of(fadt, FADT_EVENT_B, FADT_X_EVENT_B);
    found.event_bytes = fadt.at[FADT_EVENT_BYTES];
    found.control_a = port_of(fadt, FADT_CONTROL_A, FADT_X_CONTROL_A);
    found.control_b = port_of(fadt, FADT_CONTROL_B, FADT_X_CONTROL_B);
    const uint32_t command = acpi_get32(fadt.at + FADT_COMMAND);
    found.command = command <= UINT16_MAX ? (uint16_t)command : 0;
    found.enable = fadt.at[FADT_ENABLE];
    if (found.control_a == 0)
        return ACPI_E_NO_CONTROL;
    if (!find_s5_anywhere(reader, &root, fadt, &found))
        return ACPI_E_NO_S5;
    *out = found;
    return ACPI_OK;
}

const char *acpi_error_name(enum acpi_error error)
{
    static const char *const names[ACPI_E_COUNT] = {
        "ok",           "no root pointer", "bad root table", "no fixed description", "no control port",
        "no S5 package"};
    ASSERT(error < ACPI_E_COUNT);
    return names[error];
}
