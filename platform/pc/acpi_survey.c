/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/pc/acpi_survey.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"
#include "platform/pc/acpi_tables.h"

#define RSDP_REVISION 15u
#define AT_LENGTH     4u
#define AT_REVISION   8u
#define FACS_BYTES    64u /* the least, version 0 (ACPI 6.4, table 5.12) */

/* Offsets in the FADT (table 5.9), and what follows from them. */
#define FADT_FACS        36u
#define FADT_DSDT        40u
#define FADT_SCI         46u
#define FADT_BYTES_V1    116u
#define FADT_FLAGS       112u
#define FADT_RESET       116u
#define FADT_RESET_VALUE 128u
#define FADT_RESET_END   129u
#define FADT_X_FACS      132u
#define FADT_X_DSDT      140u
#define FLAG_RESET       (1u << 10)

/* Offsets in the MADT (table 5.19), and the entries that are read (5.2.12.2, .3, .5, .8, .12). */
#define MADT_LOCAL     36u
#define MADT_ENTRIES   44u
#define ENTRY_LEAST    2u
#define TYPE_LOCAL     0u
#define TYPE_IOAPIC    1u
#define TYPE_OVERRIDE  2u
#define TYPE_ADDRESS   5u
#define TYPE_X2APIC    9u
#define BYTES_LOCAL    8u
#define BYTES_IOAPIC   12u
#define BYTES_OVERRIDE 10u
#define BYTES_ADDRESS  12u
#define BYTES_X2APIC   16u
#define FLAG_ENABLED   1u

static void note(const struct physical_reader *r, uint64_t physical, struct acpi_survey *out)
{
    const uint8_t *header = physical != 0 ? r->at(r->ctx, physical, ACPI_HEADER_BYTES) : NULL;
    if (!header)
        return;
    const struct acpi_table whole = acpi_read_table(r, physical);
    struct acpi_survey_table t = {.at = physical, .bytes = acpi_get32(header + AT_LENGTH)};
    memcpy(t.signature, header, sizeof t.signature);
    t.revision = header[AT_REVISION];
    t.sound = whole.at != NULL;
    if (memcmp(t.signature, "FACS", 4) == 0) { /* its header is one of its own: no revision there, no sum */
        t.revision = 0;
        t.sound = t.bytes >= FACS_BYTES;
    }
    out->has_mcfg |= t.sound && memcmp(t.signature, "MCFG", 4) == 0;
    out->has_hpet |= t.sound && memcmp(t.signature, "HPET", 4) == 0;
    if (out->count < ACPI_SURVEY_TABLES)
        out->tables[out->count] = t;
    out->count++;
}

/* The 64-bit field where the table has it and it is used, else the old one. */
static uint64_t wide_or_old(struct acpi_table fadt, uint32_t wide, uint32_t old)
{
    const uint64_t address = fadt.bytes >= wide + 8u ? acpi_get64(fadt.at + wide) : 0;
    return address != 0 ? address : acpi_get32(fadt.at + old);
}

static void survey_fixed(const struct physical_reader *r, struct acpi_table fadt, struct acpi_survey *out)
{
    if (!fadt.at || fadt.bytes < FADT_BYTES_V1)
        return;
    out->sci = (uint16_t)acpi_get16(fadt.at + FADT_SCI);
    note(r, wide_or_old(fadt, FADT_X_DSDT, FADT_DSDT), out);
    note(r, wide_or_old(fadt, FADT_X_FACS, FADT_FACS), out);
    if (fadt.bytes < FADT_RESET_END || !(acpi_get32(fadt.at + FADT_FLAGS) & FLAG_RESET))
        return;
    out->reset_space = fadt.at[FADT_RESET];
    out->reset_address = acpi_get64(fadt.at + FADT_RESET + 4u);
    out->reset_value = fadt.at[FADT_RESET_VALUE];
}

static void keep_ioapic(const uint8_t *entry, struct acpi_survey *out)
{
    if (out->ioapics_count < ACPI_SURVEY_IOAPICS)
        out->ioapics[out->ioapics_count] = (struct acpi_ioapic){
            .address = acpi_get32(entry + 4), .gsi = acpi_get32(entry + 8), .id = entry[2]};
    out->ioapics_count++;
}

static void keep_override(const uint8_t *entry, struct acpi_survey *out)
{
    if (out->overrides_count < ACPI_SURVEY_OVERRIDES)
        out->overrides[out->overrides_count] = (struct acpi_override){
            .gsi = acpi_get32(entry + 4), .flags = (uint16_t)acpi_get16(entry + 8), .irq = entry[3]};
    out->overrides_count++;
}

/* One entry, of `bytes`, its length checked against the table's end; kinds and sizes not known are passed. */
static void survey_entry(const uint8_t *entry, uint32_t bytes, struct acpi_survey *out)
{
    ASSERT(bytes >= ENTRY_LEAST);
    if (entry[0] == TYPE_LOCAL && bytes >= BYTES_LOCAL)
        out->processors += acpi_get32(entry + 4) & FLAG_ENABLED;
    else if (entry[0] == TYPE_X2APIC && bytes >= BYTES_X2APIC)
        out->processors += acpi_get32(entry + 8) & FLAG_ENABLED;
    else if (entry[0] == TYPE_IOAPIC && bytes >= BYTES_IOAPIC)
        keep_ioapic(entry, out);
    else if (entry[0] == TYPE_OVERRIDE && bytes >= BYTES_OVERRIDE)
        keep_override(entry, out);
    else if (entry[0] == TYPE_ADDRESS && bytes >= BYTES_ADDRESS)
        out->local_apic = acpi_get64(entry + 4);
}

static void survey_interrupts(struct acpi_table madt, struct acpi_survey *out)
{
    if (!madt.at || madt.bytes < MADT_ENTRIES)
        return;
    out->local_apic = acpi_get32(madt.at + MADT_LOCAL);
    /* Each turn takes two bytes or more of a table that has at most 1 MiB. */
    for (uint32_t at = MADT_ENTRIES; at < madt.bytes;) {
        const uint32_t left = madt.bytes - at;
        const uint32_t bytes = left >= ENTRY_LEAST ? madt.at[at + 1u] : 0;
        if (bytes < ENTRY_LEAST || bytes > left) {
            out->madt_cut = true;
            return;
        }
        survey_entry(madt.at + at, bytes, out);
        at += bytes;
    }
}

void acpi_survey(const struct physical_reader *reader, uint64_t rsdp, struct acpi_survey *out)
{
    struct acpi_root root;
    uint32_t from = 0;
    ASSERT(reader != NULL);
    ASSERT(out != NULL);
    memset(out, 0, sizeof *out);
    out->rsdp = acpi_find_root_pointer(reader, rsdp);
    if (out->rsdp == 0)
        return;
    const uint8_t *pointer = reader->at(reader->ctx, out->rsdp, RSDP_REVISION + 1u);
    ASSERT(pointer != NULL); /* it has just been found there */
    out->rsdp_revision = pointer[RSDP_REVISION];
    if (!acpi_read_root(reader, out->rsdp, &root))
        return;
    out->root_width = (uint8_t)root.width;
    for (uint32_t i = 0; i < root.count; i++)
        note(reader, acpi_root_entry(&root, i), out);
    survey_fixed(reader, acpi_next_table(reader, &root, "FACP", &from), out);
    from = 0;
    survey_interrupts(acpi_next_table(reader, &root, "APIC", &from), out);
}
