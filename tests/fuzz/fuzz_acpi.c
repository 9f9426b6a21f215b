/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to firmware's tables. An input is a root pointer of 36 bytes, then tables, each with its
 * length (16 bits) before it; they come to lie one behind the other, each at the next 16 bytes. Length and
 * sum of each are set right, but where bit 15 of the length before it is set. Memory ends where the last one
 * does: a read beyond is the sanitizer's. What is found keeps the promises of acpi.h and describe.h, or
 * aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/pc/describe.h"
#include "tests/fuzz/room.h"

#define BASE         0xe0000u
#define RSDP_BYTES   36u
#define RSDP_OLD     20u
#define TABLES_AT    64u
#define ROOM         0x10000u
#define AS_IT_IS     0x8000u
#define AT_LENGTH    4u
#define AT_SUM       9u
#define RSDP_SUM     8u
#define RSDP_SUM_ALL 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *const names[ACPI_E_COUNT] = {"ok",       "no_root",    "root_table",
                                                "no_fixed", "no_control", "no_s5"};
static unsigned long counts[ACPI_E_COUNT];
static unsigned long inputs, wide, overrides, ioapics, cut, resets;

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr, "tables: inputs=%lu wide=%lu overrides=%lu ioapics=%lu cut=%lu resets=%lu", inputs, wide,
            overrides, ioapics, cut, resets);
    for (unsigned i = 0; i < ACPI_E_COUNT; i++)
        fprintf(stderr, " %s=%lu", names[i], counts[i]);
    fputc('\n', stderr);
}

static void seal(uint8_t *from, size_t bytes, size_t sum_at)
{
    uint8_t sum = 0;
    if (sum_at >= bytes)
        return;
    from[sum_at] = 0;
    for (size_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + from[i]);
    from[sum_at] = (uint8_t)-sum;
}

/* Lays the input out in `to`, which has ROOM bytes of zero; returns how many are in use. */
static size_t lay_out(const uint8_t *data, size_t bytes, uint8_t *to)
{
    size_t end = TABLES_AT;
    memcpy(to, data, bytes < RSDP_BYTES ? bytes : RSDP_BYTES);
    seal(to, RSDP_OLD, RSDP_SUM);
    seal(to, RSDP_BYTES, RSDP_SUM_ALL);
    for (size_t from = RSDP_BYTES; from + 2u <= bytes;) {
        const uint32_t said = (uint32_t)data[from] | (uint32_t)data[from + 1u] << 8;
        uint32_t length = said & (AS_IT_IS - 1u);
        from += 2u;
        if (length > bytes - from)
            length = (uint32_t)(bytes - from);
        const size_t place = (end + 15u) & ~(size_t)15u;
        if (place + length > ROOM)
            break;
        memcpy(to + place, data + from, length);
        if (!(said & AS_IT_IS) && length > AT_SUM) {
            memcpy(to + place + AT_LENGTH, &length, sizeof length);
            seal(to + place, length, AT_SUM);
        }
        from += length;
        end = place + length;
    }
    return end;
}

static void line(void *ctx, const char *text, size_t bytes)
{
    (void)ctx;
    need(bytes > sizeof "machine: " && memcmp(text, "machine: ", sizeof "machine: " - 1u) == 0);
    need(memchr(text, '\n', bytes) == text + bytes - 1);
    for (size_t i = 0; i + 1u < bytes; i++)
        need(text[i] >= 0x20 && text[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t laid[ROOM];
    static const struct memory_map no_memory;
    struct acpi_survey survey;
    struct acpi_power power;
    memset(laid, 0, sizeof laid);
    const size_t used = lay_out(data, bytes, laid);
    struct room r = {malloc(used), used, BASE};
    if (r.at == NULL)
        abort();
    memcpy(r.at, laid, used);
    const struct physical_reader reader = {room_at, &r};
    const enum acpi_error error = acpi_find_power(&reader, BASE, &power);
    inputs++;
    need(error < ACPI_E_COUNT);
    counts[error]++;
    need(error == ACPI_OK ? power.control_a != 0 && power.sleep_a <= 7 && power.sleep_b <= 7
                          : power.control_a == 0 && power.event_a == 0);
    acpi_survey(&reader, BASE, &survey);
    need((survey.rsdp == 0) == (error == ACPI_E_NO_ROOT));
    need((survey.root_width == 0) == (error == ACPI_E_NO_ROOT || error == ACPI_E_ROOT_TABLE));
    wide += survey.root_width == 8;
    overrides += survey.overrides_count > 0;
    ioapics += survey.ioapics_count > 0;
    cut += survey.madt_cut;
    resets += survey.reset_address != 0;
    const struct description d = {.acpi = &survey, .power = &power, .power_error = error, .map = &no_memory};
    describe(&d, line, NULL);
    free(r.at);
    return 0;
}
