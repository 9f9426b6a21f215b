/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk to the power-off registers over tables as QEMU and GCE have them, and over hostile ones. Guest
 * memory is one block that ends where the block ends: a read beyond a bound is the sanitizer's. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "platform/pc/acpi.h"
#include "tests/unit/arch/tables.h"

#define BYTES  0x100000u /* physical memory 0 to 1 MiB */
#define RSDP   0xf27c0u
#define RSDT   0x80000u
#define XSDT   0x81000u
#define FADT   0x82000u
#define DSDT   0x83000u
#define SSDT   0x84000u
#define HEADER 36u

static uint8_t *memory;
static uint32_t reads;

static const uint8_t *at(void *ctx, uint64_t physical, uint64_t bytes)
{
    (void)ctx;
    reads++;
    if (physical >= BYTES || bytes > BYTES - physical || bytes == 0)
        return NULL;
    return memory + physical;
}

static const struct physical_reader reader = {at, NULL};
static struct acpi_power power;

static void table(uint32_t where, const char *signature, uint32_t bytes)
{
    memcpy(memory + where, signature, 4);
    tables_put32(memory + where + 4, bytes);
    tables_seal(memory + where, bytes, 9);
}

static void root_pointer(uint32_t where, uint8_t revision)
{
    memcpy(memory + where, "RSD PTR ", 8);
    memory[where + 15] = revision;
    tables_put32(memory + where + 16, RSDT);
    tables_seal(memory + where, 20, 8);
    if (revision >= 2) {
        tables_put32(memory + where + 20, 36);
        tables_put64(memory + where + 24, XSDT);
        tables_seal(memory + where, 36, 32);
    }
}

/* \_S5 = Package (4) {a, b, 0, 0} at byte 100 of a definition block of 200. */
static void s5(uint32_t where, const char *signature, const uint8_t *package, uint32_t bytes)
{
    memset(memory + where, 0xff, 200);
    memset(memory + where, 0, HEADER);
    memory[where + 99] = 0x08;
    memcpy(memory + where + 100, "_S5_", 4);
    memcpy(memory + where + 104, package, bytes);
    table(where, signature, 200);
}

static const uint8_t package_plain[] = {0x12, 0x08, 0x04, 0x0a, 0x05, 0x0a, 0x06, 0x00, 0x00};

static void fadt(uint32_t bytes)
{
    memset(memory + FADT, 0, bytes);
    tables_put32(memory + FADT + 40, DSDT);
    tables_put32(memory + FADT + 48, 0xb2);
    memory[FADT + 52] = 0xf1;
    tables_put32(memory + FADT + 56, 0xb000);
    tables_put32(memory + FADT + 64, 0xb004);
    memory[FADT + 88] = 4;
    memory[FADT + 89] = 2;
    table(FADT, "FACP", bytes);
}

/* As on GCE: revision 0, RSDT alone, PM block at 0xb000. */
static void set_up(void)
{
    memory = calloc(1, BYTES);
    cr_assert_not_null(memory);
    reads = 0;
    root_pointer(RSDP, 0);
    tables_put32(memory + RSDT + HEADER, SSDT); /* no such table: passed over */
    tables_put32(memory + RSDT + HEADER + 4, FADT);
    table(RSDT, "RSDT", HEADER + 8);
    fadt(244);
    s5(DSDT, "DSDT", package_plain, sizeof package_plain);
}

static void tear_down(void)
{
    free(memory);
}

TestSuite(acpi, .init = set_up, .fini = tear_down);

Test(acpi, power_off_is_found_where_the_tables_say)
{
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_OK);
    cr_assert_eq(power.control_a, 0xb004);
    cr_assert_eq(power.event_a, 0xb000);
    cr_assert_eq(power.event_bytes, 4);
    cr_assert_eq(power.sleep_a, 5);
    cr_assert_eq(power.sleep_b, 6);
    cr_assert_eq(power.command, 0xb2);
    cr_assert_eq(power.enable, 0xf1);
    cr_assert_eq(power.control_b, 0);
}

Test(acpi, the_root_pointer_is_searched_when_the_loader_does_not_know_it)
{
    cr_assert_eq(acpi_find_power(&reader, 0, &power), ACPI_OK);
    cr_assert_eq(acpi_find_power(&reader, RSDP + 16, &power), ACPI_OK, "a wrong word of the loader");
    memset(memory + RSDP, 0, 20);
    cr_assert_eq(acpi_find_power(&reader, 0, &power), ACPI_E_NO_ROOT);
    memory[0x40e] = 0x00;
    memory[0x40f] = 0x9f; /* EBDA at 0x9f000 */
    root_pointer(0x9f010, 0);
    cr_assert_eq(acpi_find_power(&reader, 0, &power), ACPI_OK);
}

Test(acpi, the_wide_root_table_is_preferred_and_its_extended_fields_count)
{
    root_pointer(RSDP, 2);
    tables_put64(memory + XSDT + HEADER, FADT);
    table(XSDT, "XSDT", HEADER + 8);
    memory[FADT + 172] = 1; /* I/O space */
    tables_put64(memory + FADT + 176, 0x604);
    memory[FADT + 148] = 0; /* memory: the old field counts */
    tables_put64(memory + FADT + 152, 0x600);
    tables_put64(memory + FADT + 140, DSDT);
    tables_put32(memory + FADT + 40, 0);
    table(FADT, "FACP", 244);
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_OK);
    cr_assert_eq(power.control_a, 0x604);
    cr_assert_eq(power.event_a, 0xb000);
    memory[XSDT + 9]++; /* a bad sum: back to the narrow one, whose FADT is the same */
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_OK);
}

Test(acpi, a_bad_checksum_anywhere_is_refused)
{
    memory[RSDP + 8]++;
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_ROOT);
    memory[RSDP + 8]--;
    memory[RSDT + 9]++;
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_ROOT_TABLE);
    memory[RSDT + 9]--;
    memory[FADT + 9]++;
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_FIXED);
    memory[FADT + 9]--;
    memory[DSDT + 9]++;
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_S5);
    cr_assert_eq(power.control_a, 0, "nothing is left of a failed walk");
}

Test(acpi, lengths_that_lie_are_refused)
{
    static const uint32_t lies[] = {0, 1, 35, 0x100001, 0x80000000u, UINT32_MAX};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        tables_put32(memory + RSDT + 4, lies[i]);
        cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_ROOT_TABLE, "%u", lies[i]);
    }
    tables_put32(memory + RSDT + 4, HEADER + 8);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        tables_put32(memory + DSDT + 4, lies[i]);
        cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_S5, "%u", lies[i]);
    }
    tables_put32(memory + DSDT + 4, 200);
    fadt(115); /* shorter than its first version */
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_FIXED);
    fadt(116); /* the first version: no extended field is looked at */
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_OK);
}

Test(acpi, a_root_table_without_end_is_bounded)
{
    uint32_t bytes = 0x7f000;
    memset(memory, 0, RSDT);
    for (uint32_t i = HEADER; i < bytes; i += 4)
        tables_put32(memory + 0x400 + i, 0x400); /* each entry is the root table itself */
    tables_put32(memory + RSDP + 16, 0x400);
    tables_seal(memory + RSDP, 20, 8);
    table(0x400, "RSDT", bytes);
    reads = 0;
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_FIXED);
    cr_assert_lt(reads, 1000);
}

Test(acpi, integers_of_a_package_come_in_each_encoding)
{
    static const struct {
        uint8_t bytes[16];
        uint8_t a, b;
    } good[] = {
        {{0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00}, 0, 0},
        {{0x12, 0x06, 0x04, 0x01, 0x01, 0x00, 0x00}, 1, 1},
        {{0x12, 0x0a, 0x04, 0x0b, 0x07, 0x00, 0x0a, 0x02}, 7, 2},
        {{0x12, 0x0e, 0x02, 0x0c, 0x03, 0x00, 0x00, 0x00, 0x01}, 3, 1},
        {{0x12, 0x03, 0x01, 0x0a, 0x04}, 4, 0},
        {{0x12, 0x48, 0x00, 0x02, 0x0a, 0x05, 0x0a, 0x05}, 5, 5},
        {{0x12, 0x88, 0x00, 0x00, 0x02, 0x0a, 0x05, 0x00}, 5, 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        s5(DSDT, "DSDT", good[i].bytes, 16);
        cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_OK, "%zu", i);
        cr_assert_eq(power.sleep_a, good[i].a, "%zu", i);
        cr_assert_eq(power.sleep_b, good[i].b, "%zu", i);
    }
}

Test(acpi, packages_that_are_none_are_refused)
{
    static const uint8_t bad[][16] = {
        {0x11, 0x06, 0x04, 0x00}, /* a buffer */
        {0x12, 0x06, 0x00, 0x00}, /* no element */
        {0x12, 0x06, 0x04, 0x0a, 0x08}, /* above 7 */
        {0x12, 0x06, 0x04, 0x0b, 0x05, 0x01}, /* above 7 by its high byte */
        {0x12, 0x06, 0x04, 0x0e, 0x05}, /* eight bytes: no integer that may stand here */
        {0x12, 0x06, 0x04, 0x5c, 0x41}, /* a name */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        s5(DSDT, "DSDT", bad[i], 16);
        cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_S5, "%zu", i);
    }
}

Test(acpi, a_package_cut_off_by_the_end_of_its_table_is_refused)
{
    for (uint32_t cut = 1; cut <= 9; cut++) {
        s5(DSDT, "DSDT", package_plain, sizeof package_plain);
        table(DSDT, "DSDT", 100 + cut); /* from inside the name to inside the second integer */
        cr_assert_neq(acpi_find_power(&reader, RSDP, &power), ACPI_OK, "%u", cut);
    }
    /* The table ends where memory ends: a look beyond it would leave the block. */
    for (uint32_t cut = 1; cut <= 9; cut++) {
        uint32_t where = BYTES - 100 - cut;
        memset(memory + where, 0, 100);
        memory[where + 99] = 0x08;
        memcpy(memory + where + 100, "_S5_\x12\x08\x04\x0a\x05", cut);
        table(where, "DSDT", 100 + cut);
        tables_put32(memory + FADT + 40, where);
        table(FADT, "FACP", 244);
        cr_assert_neq(acpi_find_power(&reader, RSDP, &power), ACPI_OK, "%u", cut);
    }
}

Test(acpi, a_mention_of_the_name_is_not_its_definition)
{
    s5(DSDT, "DSDT", package_plain, sizeof package_plain);
    memory[DSDT + 99] = 0x70; /* a store to it, say */
    table(DSDT, "DSDT", 200);
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_S5);
    memory[DSDT + 98] = 0x08;
    memory[DSDT + 99] = 0x5c; /* \_S5 */
    table(DSDT, "DSDT", 200);
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_OK);
}

Test(acpi, the_package_may_stand_in_a_secondary_table)
{
    memory[DSDT + 99] = 0;
    table(DSDT, "DSDT", 200);
    s5(SSDT, "SSDT", package_plain, sizeof package_plain);
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_OK);
    cr_assert_eq(power.sleep_a, 5);
}

Test(acpi, no_control_port_no_power_off)
{
    tables_put32(memory + FADT + 64, 0);
    table(FADT, "FACP", 244);
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_CONTROL);
    tables_put32(memory + FADT + 64, 0x12345); /* no port */
    table(FADT, "FACP", 244);
    cr_assert_eq(acpi_find_power(&reader, RSDP, &power), ACPI_E_NO_CONTROL);
}

Test(acpi, any_bytes_at_all_end_in_an_answer)
{
    srand(7);
    for (int round = 0; round < 3000; round++) {
        tear_down();
        set_up();
        static const uint32_t places[] = {RSDP, RSDT, FADT, DSDT};
        uint32_t where = places[rand() % 4];
        uint32_t span = where == RSDP ? 20 : 244;
        for (int n = rand() % 4; n >= 0; n--)
            memory[where + (uint32_t)rand() % span] = (uint8_t)rand();
        if (where != RSDP) { /* sums that hold: the fields themselves are tried */
            uint32_t bytes;
            memcpy(&bytes, memory + where + 4, sizeof bytes);
            if (bytes >= 10 && bytes < 0x1000)
                tables_seal(memory + where, bytes, 9);
        } else {
            tables_seal(memory + RSDP, 20, 8);
        }
        enum acpi_error error = acpi_find_power(&reader, RSDP, &power);
        cr_assert_lt(error, ACPI_E_COUNT);
        cr_assert(error != ACPI_OK || (power.control_a != 0 && power.sleep_a <= 7 && power.sleep_b <= 7));
        cr_assert_not_null(acpi_error_name(error));
    }
}
