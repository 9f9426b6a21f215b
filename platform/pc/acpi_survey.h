/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware's ACPI tables say, for a reader of the console: which tables there are, how the machine is
 * reset, which interrupt inputs it has. Nothing of it decides anything: power is acpi.h's, and interrupts are
 * messages. Pure over a struct physical_reader. Source: ACPI 6.4, 4.8.3.6, 5.2.5 to 5.2.12. */
#ifndef CAPOS_PLATFORM_PC_ACPI_SURVEY_H
#define CAPOS_PLATFORM_PC_ACPI_SURVEY_H

#include "kernel/arch/x86_64/boot_info.h"

/* What is kept of each kind; the rest is counted alone. */
#define ACPI_SURVEY_TABLES    40u
#define ACPI_SURVEY_OVERRIDES 24u
#define ACPI_SURVEY_IOAPICS   8u

struct acpi_survey_table {
    uint64_t at; /* physical */
    uint32_t bytes; /* as its header says, unchecked where it is not sound */
    char signature[4]; /* any bytes */
    uint8_t revision;
    bool sound; /* length and sum hold. A FACS has no sum: its length holds */
};

/* MADT, type 2: an ISA interrupt that has another input, or another trigger, than its number says. */
struct acpi_override {
    uint32_t gsi;
    uint16_t flags; /* bits 1:0 polarity, 3:2 trigger; 0: as the bus has it */
    uint8_t irq;
};

struct acpi_ioapic {
    uint32_t address;
    uint32_t gsi; /* its first input */
    uint8_t id;
};

struct acpi_survey {
    uint64_t rsdp; /* 0: none found, and everything else is 0 */
    uint64_t reset_address; /* RESET_REG, with RESET_REG_SUP set; else 0 */
    uint64_t local_apic; /* the address that the MADT gives, the 64-bit one where there is one; 0: no MADT */
    uint32_t count; /* tables found: entries of the root table, DSDT, FACS */
    uint32_t overrides_count;
    uint32_t ioapics_count;
    uint32_t processors; /* MADT entries of local controllers, x2APIC ones included, enabled */
    uint16_t sci; /* interrupt of the FADT */
    uint8_t rsdp_revision;
    uint8_t root_width; /* 4: RSDT, 8: XSDT, 0: neither is sound */
    uint8_t reset_space; /* address space of RESET_REG: 0 memory, 1 ports, 2 configuration space */
    uint8_t reset_value;
    bool madt_cut; /* an entry of it has no length, or reaches beyond its end: the rest was not read */
    bool has_mcfg;
    bool has_hpet;
    struct acpi_survey_table tables[ACPI_SURVEY_TABLES];
    struct acpi_override overrides[ACPI_SURVEY_OVERRIDES];
    struct acpi_ioapic ioapics[ACPI_SURVEY_IOAPICS];
};

/* `rsdp`: as for acpi_find_power. */
void acpi_survey(const struct physical_reader *reader, uint64_t rsdp, struct acpi_survey *out);

#endif
