/* SPDX-License-Identifier: BSD-2-Clause */
/* What the console says of a machine: tables and maps as Google Compute Engine has them (root pointer of
 * revision 0, RSDT alone, registers of power at 0xb000, no override of interrupt 0, no MCFG, no HPET), as
 * UEFI gives them, and broken ones. Physical memory is one block that ends where the block ends. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "platform/pc/describe.h"
#include "tests/unit/arch/tables.h"

#define BYTES  0x100000u
#define RSDP   0xf27c0u
#define RSDT   0x80000u
#define XSDT   0x81000u
#define FADT   0x82000u
#define DSDT   0x83000u
#define FACS   0x84000u
#define MADT   0x85000u
#define WAET   0x86000u
#define HEADER 36u
#define SAID   16384u

static uint8_t *memory;
static struct acpi_survey survey;
static struct acpi_power power;
static struct memory_map map;
static char said[SAID];
static size_t said_bytes;

/* From `base` on: UEFI leaves its tables high. */
static uint64_t base;

static const uint8_t *at(void *ctx, uint64_t physical, uint64_t bytes)
{
    (void)ctx;
    if (physical < base || physical - base >= BYTES || bytes == 0 || bytes > BYTES - (physical - base))
        return NULL;
    return memory + (physical - base);
}

static const struct physical_reader reader = {at, NULL};

static void table(uint32_t where, const char *signature, uint32_t bytes, uint8_t revision)
{
    memcpy(memory + where, signature, 4);
    tables_put32(memory + where + 4, bytes);
    memory[where + 8] = revision;
    tables_seal(memory + where, bytes, 9);
}

/* One local controller, the I/O controller with 24 inputs, and 5, 9, 10, 11 level and active high: each its
 * own input. */
static uint32_t madt_entries(uint32_t where)
{
    static const uint8_t irqs[] = {5, 9, 10, 11};
    static const uint8_t local[8] = {0, 8, 0, 0, 1, 0, 0, 0};
    static const uint8_t io[12] = {1, 12, 0, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0};
    memcpy(memory + where, local, sizeof local);
    memcpy(memory + where + 8, io, sizeof io);
    where += 20;
    for (size_t i = 0; i < sizeof irqs; i++, where += 10) {
        const uint8_t entry[10] = {2, 10, 0, irqs[i], irqs[i], 0, 0, 0, 0x0d, 0};
        memcpy(memory + where, entry, sizeof entry);
    }
    return where;
}

static void set_up(void)
{
    static const uint8_t s5[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00};
    memory = calloc(1, BYTES);
    cr_assert_not_null(memory);
    base = 0;
    memcpy(memory + RSDP, "RSD PTR ", 8);
    tables_put32(memory + RSDP + 16, RSDT);
    tables_seal(memory + RSDP, 20, 8);
    tables_put32(memory + RSDT + HEADER, FADT);
    tables_put32(memory + RSDT + HEADER + 4, MADT);
    tables_put32(memory + RSDT + HEADER + 8, WAET);
    table(RSDT, "RSDT", HEADER + 12, 1);
    tables_put32(memory + FADT + 36, FACS);
    tables_put32(memory + FADT + 40, DSDT);
    memory[FADT + 46] = 9;
    tables_put32(memory + FADT + 56, 0xb000);
    tables_put32(memory + FADT + 64, 0xb004);
    memory[FADT + 88] = 4;
    table(FADT, "FACP", 0xf4, 2);
    memcpy(memory + FACS, "FACS", 4);
    tables_put32(memory + FACS + 4, 64);
    memcpy(memory + DSDT + HEADER, s5, sizeof s5);
    table(DSDT, "DSDT", HEADER + sizeof s5, 1);
    tables_put32(memory + MADT + 36, 0xfee00000);
    table(MADT, "APIC", madt_entries(MADT + 44) - MADT, 1);
    table(WAET, "WAET", 40, 1);
    memory_map_init(&map);
}

static void tear_down(void)
{
    free(memory);
}

TestSuite(describe, .init = set_up, .fini = tear_down);

static void keep(void *ctx, const char *text, size_t bytes)
{
    (void)ctx;
    cr_assert_lt(bytes, SAID - said_bytes);
    cr_assert_eq(text[bytes - 1], '\n');
    cr_assert_eq(memchr(text, '\n', bytes), text + bytes - 1, "one line a write");
    cr_assert_eq(strncmp(text, "machine: ", 9), 0);
    memcpy(said + said_bytes, text, bytes);
    said_bytes += bytes;
    said[said_bytes] = 0;
}

static void tell(uint64_t rsdp, struct description d)
{
    said_bytes = 0;
    d.power_error = acpi_find_power(&reader, rsdp, &power);
    acpi_survey(&reader, rsdp, &survey);
    d.acpi = &survey;
    d.power = &power;
    d.map = &map;
    describe(&d, keep, NULL);
}

#define HAS(text)   cr_assert_not_null(strstr(said, text), "%s is not in\n%s", text, said)
#define LACKS(text) cr_assert_null(strstr(said, text), "%s is in\n%s", text, said)

Test(describe, the_machine_of_gce_is_told_as_it_is)
{
    tell(0, (struct description){0});
    HAS("machine: acpi rsdp=0xf27c0 revision=0 root=RSDT tables=5 mcfg=no hpet=no\n");
    HAS("machine: table FACP bytes=244 revision=2 at=0x82000 sound=yes\n");
    HAS("machine: table APIC bytes=104 revision=1 at=0x85000 sound=yes\n");
    HAS("machine: table WAET bytes=40 revision=1 at=0x86000 sound=yes\n");
    HAS("machine: table DSDT ");
    HAS("machine: table FACS bytes=64 revision=0 at=0x84000 sound=yes\n");
    HAS("machine: power pm1a_evt=0xb000 pm1a_cnt=0xb004 pm1b_cnt=0x0 sci=9 s5=0,0 reset=none\n");
    HAS("machine: madt local_apic=0xfee00000 processors=1 ioapics=1 overrides=4 cut=no\n");
    HAS("machine: ioapic id=0 address=0xfec00000 gsi=0\n");
    HAS("machine: override irq=5 gsi=5 flags=0xd\n");
    HAS("machine: override irq=11 gsi=11 flags=0xd\n");
    LACKS("irq=0 ");
    HAS("machine: hypervisor vendor=none\n");
}

Test(describe, the_wide_root_pointer_of_uefi_and_tables_above_4_gib)
{
    base = 0x23f000000;
    memory[RSDP + 15] = 2;
    tables_put32(memory + RSDP + 20, 36);
    tables_put64(memory + RSDP + 24, base + XSDT);
    tables_seal(memory + RSDP, 20, 8);
    tables_seal(memory + RSDP, 36, 32);
    tables_put64(memory + XSDT + HEADER, base + FADT);
    table(XSDT, "XSDT", HEADER + 8, 1);
    tables_put32(memory + FADT + 40, 0);
    tables_put64(memory + FADT + 140, base + DSDT);
    tables_put32(memory + FADT + 112, 1u << 10);
    memory[FADT + 116] = 1;
    tables_put64(memory + FADT + 120, 0xcf9);
    memory[FADT + 128] = 6;
    table(FADT, "FACP", 0xf4, 3);
    tell(base + RSDP, (struct description){0});
    HAS("machine: acpi rsdp=0x23f0f27c0 revision=2 root=XSDT tables=2 mcfg=no hpet=no\n");
    HAS("machine: table DSDT bytes=48 revision=1 at=0x23f083000 sound=yes\n");
    HAS("s5=0,0 reset=1:0xcf9=0x6\n");
    HAS("machine: madt local_apic=0x0 processors=0 ioapics=0 overrides=0 cut=no\n");
}

Test(describe, tables_that_are_broken_are_said_to_be)
{
    memory[WAET + 9]++;
    memcpy(memory + WAET, "W\n\x80T", 4);
    tell(0, (struct description){0});
    HAS("machine: table W??T bytes=40 revision=1 at=0x86000 sound=no\n");
    memory[FADT + 9]++;
    tell(0, (struct description){0});
    HAS("pm1a_cnt=0x0 pm1b_cnt=0x0 sci=0 s5=none reset=none\n");
    memset(memory + RSDP, 0, 20);
    tell(0, (struct description){0});
    HAS("machine: acpi rsdp=0x0 revision=0 root=none tables=0 mcfg=no hpet=no\n");
}

Test(describe, entries_of_interrupts_that_lie_about_their_length_end_the_list)
{
    static const uint8_t lies[] = {0, 1, 200};
    for (size_t i = 0; i < sizeof lies; i++) {
        memory[MADT + 44 + 21] = lies[i]; /* the length of the first override */
        table(MADT, "APIC", 104, 1);
        tell(0, (struct description){0});
        HAS("ioapics=1 overrides=0 cut=yes\n");
    }
    memory[MADT + 44 + 21] = 9; /* too short for one: passed over, as a kind not known; what follows is off */
    table(MADT, "APIC", 104, 1);
    tell(0, (struct description){0});
    LACKS("irq=5 ");
    table(MADT, "APIC", 43, 1);
    tell(0, (struct description){0});
    HAS("local_apic=0x0 ");
}

Test(describe, more_than_is_kept_is_counted)
{
    const uint32_t bytes = HEADER + 4 * 100;
    for (uint32_t i = 0; i < 100; i++)
        tables_put32(memory + RSDT + HEADER + 4 * i, i == 99 ? MADT : WAET);
    for (uint32_t i = 0; i < 60; i++) {
        const uint8_t entry[10] = {2, 10, 0, (uint8_t)i, (uint8_t)i, 0, 0, 0, 0, 0};
        memcpy(memory + MADT + 44 + 10 * i, entry, sizeof entry);
    }
    table(RSDT, "RSDT", bytes, 1);
    table(MADT, "APIC", 644, 1);
    tell(0, (struct description){0});
    HAS(" tables=100 ");
    HAS(" overrides=60 ");
    HAS("machine: override irq=23 ");
    LACKS("machine: override irq=24 ");
}

Test(describe, names_of_cpu_and_hypervisor_are_spelt_and_only_a_hypervisor_is_asked)
{
    struct description d = {.vendor = {13, 0x756e6547, 0x6c65746e, 0x49656e69},
                            .hypervisor = {0x40000001, 0x4b4d564b, 0x564b4d56, 0x0000004d},
                            .hypervisor_features = {0x01007efb, 0, 0, 0},
                            .tsc_khz = 2200000};
    tell(0, d);
    HAS("machine: cpu vendor=GenuineIntel leaf1=00000000,00000000,00000000,00000000 tsc_khz=2200000\n");
    HAS("machine: hypervisor vendor=none\n");
    d.features.ecx = 1u << 31;
    tell(0, d);
    HAS("machine: hypervisor vendor=KVMKVMKVM most=0x40000001 "
        "features=01007efb,00000000,00000000,00000000\n");
}

Test(describe, memory_is_summed_on_both_sides_of_4_gib_and_holes_are_counted)
{
    memory_map_add(&map, 0, 0x9fc00, MEMORY_RAM);
    memory_map_add(&map, 0xf0000, 0x10000, MEMORY_RESERVED);
    memory_map_add(&map, 0x100000, 0xbfef0000, MEMORY_RAM);
    memory_map_add(&map, 0xbfff0000, 0x10000, MEMORY_FIRMWARE);
    memory_map_add(&map, 0xfffbc000, 0x44000, MEMORY_RESERVED);
    memory_map_add(&map, 0x100000000, 0x340000000, MEMORY_RAM);
    memory_map_settle(&map);
    tell(0, (struct description){0});
    HAS("machine: memory ranges=6 refused=0 holes=2 ram_below_4g=3220762624 ram_above_4g=13958643712 "
        "ram_end=0x440000000\n");
    HAS("machine: range first=0x0 end=0x9f000 kind=ram\n");
    HAS("machine: range first=0xbfff0000 end=0xc0000000 kind=firmware\n");
    HAS("machine: range first=0x100000000 end=0x440000000 kind=ram\n");
}

Test(describe, any_bytes_at_all_end_in_lines)
{
    srand(11);
    for (int round = 0; round < 2000; round++) {
        static const uint32_t places[] = {RSDP, RSDT, FADT, MADT, DSDT};
        tear_down();
        set_up();
        const uint32_t where = places[rand() % 5];
        for (int n = rand() % 4; n >= 0; n--)
            memory[where + (uint32_t)rand() % (where == RSDP ? 20 : 104)] = (uint8_t)rand();
        uint32_t bytes;
        memcpy(&bytes, memory + where + 4, sizeof bytes);
        if (where == RSDP)
            tables_seal(memory + RSDP, 20, 8);
        else if (bytes >= 10 && bytes < 0x1000)
            tables_seal(memory + where, bytes, 9);
        tell(0, (struct description){0});
        cr_assert_eq(survey.rsdp == 0, survey.count == 0 && survey.root_width == 0 && survey.rsdp == 0);
    }
}
