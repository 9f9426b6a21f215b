/* SPDX-License-Identifier: BSD-2-Clause */
/* The check of the boot package: a fault planted for every reason, and more than one where a reason has
 * several doors. Each is planted in a package that holds, and hashed anew where it is not the hash that is
 * wrong. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "abi/startup.h"
#include "kernel/core/package.h"
#include "tests/support/package_build.h"

#define SERVICE(b, which) built_service((b), BUILT_##which)
#define GRANT(b, which)   built_grant((b), BUILT_##which)

struct fault {
    enum package_error error;
    uint8_t list;
    uint16_t entry;
    const char *what;
    void (*plant)(struct built *b);
};

static void plant_own(struct built *b)
{
    *GRANT(b, NICD_SUPERVISOR) = (struct package_grant){
        .name = "own", .kind = GRANT_SERVED, .interface = CAP_IF_NIC, .service = BUILT_NICD, .served = "nic"};
}

/* clang-format off */
#define FAULT(error, list, entry, what, change) \
    static void plant_##error##_##what(struct built *b) { change; }
#include "tests/unit/kernel/package_faults.def"
#undef FAULT
#define FAULT(error, list, entry, what, change) \
    {PACKAGE_E_##error, PACKAGE_##list, entry, #what, plant_##error##_##what},
static const struct fault faults[] = {
#include "tests/unit/kernel/package_faults.def"
};
/* clang-format on */

static struct built built;
static struct package package;

static void start(void)
{
    built_sample(&built);
}

TestSuite(package, .init = start);

Test(package, sample_holds)
{
    struct package_place at;

    cr_assert_eq(package_check(built.bytes, built.n, &package, &at), PACKAGE_OK);
    cr_assert_eq(package.init, BUILT_INIT);
    cr_assert_eq(package.order[0], BUILT_INIT);
    cr_assert_eq(package.order[1], BUILT_NICD);
    cr_assert_eq(package.order[2], BUILT_SHELL);
}

Test(package, each_planted_fault_is_refused_with_its_reason_and_place)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct fault *f = &faults[i];
        struct package_place at;

        built_sample(&built);
        f->plant(&built);
        built_hash(built.bytes, built.n);
        const enum package_error got = package_check(built.bytes, built.n, &package, &at);
        cr_expect_eq(got, f->error, "%s: %s instead of %s", f->what, package_error_name(got),
                     package_error_name(f->error));
        cr_expect(at.list == f->list && at.entry == f->entry, "%s: %s %u", f->what,
                  package_list_name((enum package_list)at.list), at.entry);
        /* The hashes are not what found it. */
        cr_expect_eq(package_check_parts(built.bytes, built.n, &package, NULL), f->error, "%s", f->what);
    }
}

Test(package, every_reason_has_a_fault)
{
    uint32_t seen = 1u << PACKAGE_OK | 1u << PACKAGE_E_HASH;

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        seen |= 1u << faults[i].error;
    cr_assert_eq(seen, (1u << PACKAGE_ERROR_COUNT) - 1u);
}

Test(package, one_bit_anywhere_breaks_a_hash_or_more)
{
    for (size_t bit = 0; bit < built.n * 8u; bit++) {
        built.bytes[bit / 8u] ^= (uint8_t)(1u << bit % 8u);
        const enum package_error got = package_check(built.bytes, built.n, &package, NULL);
        cr_assert_neq(got, PACKAGE_OK, "bit %zu", bit);
        if (bit >= sizeof(struct package_header) * 8u)
            cr_assert_eq(got, PACKAGE_E_HASH, "bit %zu", bit);
        built.bytes[bit / 8u] ^= (uint8_t)(1u << bit % 8u);
    }
}

Test(package, a_program_that_differs_from_its_hash_is_named)
{
    struct package_place at;

    built_program(&built, 2)->hash[31] ^= 1u;
    built_hash_whole(built.bytes, built.n);
    cr_assert_eq(package_check(built.bytes, built.n, &package, &at), PACKAGE_E_PROGRAM);
    cr_assert_eq(at.list, PACKAGE_PROGRAMS);
    cr_assert_eq(at.entry, 2);
    cr_assert_eq(package_check_parts(built.bytes, built.n, &package, &at), PACKAGE_OK);
}

Test(package, longest_names_texts_and_lists_hold)
{
    struct package_grant *g = GRANT(&built, SHELL_CONSOLE);

    memset(g->name, 'x', PACKAGE_NAME_BYTES - 1);
    SERVICE(&built, SHELL)->restart_budget = PACKAGE_RESTARTS_MAX;
    built_hash(built.bytes, built.n);
    cr_assert_eq(package_check(built.bytes, built.n, &package, NULL), PACKAGE_OK);
}

Test(package, parts_are_found)
{
    struct package_table_copy copy;
    uint32_t bytes = 0;

    cr_assert_eq(package_check(built.bytes, built.n, &package, NULL), PACKAGE_OK);
    cr_assert_eq(memcmp(package_file(&package, 1, &bytes), "shell", 5), 0);
    cr_assert_eq(bytes, 5);
    cr_assert_eq(memcmp(package_text(&package, BUILT_NICD, &bytes), "table=0 poll=64", 15), 0);
    cr_assert_eq(bytes, 15);
    cr_assert_eq(package_grant(&package, BUILT_NICD, 1)->interface, CAP_IF_NIC);
    cr_assert_eq(package_serves(&package, package_grant(&package, BUILT_SHELL, 1)), 1);
    cr_assert_eq(package_source(&package, package_grant(&package, BUILT_SHELL, 0)), 1);
    cr_assert_eq(package_source(&package, package_grant(&package, BUILT_SHELL, 3)), 2);
    package_table(&package, 1, &copy);
    cr_assert_str_eq(copy.table.name, "modern");
    cr_assert_eq(copy.table.rows, copy.rows);
    cr_assert_eq(copy.table.steps, copy.steps);
    cr_assert_eq(copy.table.ring_align, 4);
}

Test(package, a_grant_fits_the_functions_that_it_names)
{
    static const struct pci_function_info card = {.vendor = 0x1af4, .device = 0x1000, .class_code = 0x020000};
    static const struct pci_function_info host = {.vendor = 0x1af4, .device = 0x1004, .class_code = 0x00ff00};
    const struct package_grant by_class = {
        .kind = GRANT_DEVICE, .vendor = 0x1af4, .device_id = PACKAGE_ANY, .device_class = 0x0200};
    const struct package_grant by_id = {
        .kind = GRANT_DEVICE, .vendor = 0x1af4, .device_id = 0x1004, .device_class = PACKAGE_ANY};
    struct package_grant other = by_id;

    cr_assert(package_grant_fits(&by_class, &card) && !package_grant_fits(&by_class, &host));
    cr_assert(package_grant_fits(&by_id, &host) && !package_grant_fits(&by_id, &card));
    other.vendor = 0x8086;
    cr_assert(!package_grant_fits(&other, &host));
    other.vendor = PACKAGE_ANY;
    cr_assert(package_grant_fits(&other, &host) && !package_grant_fits(&other, &card));
    other.kind = GRANT_KERNEL;
    cr_assert(!package_grant_fits(&other, &host));
}

Test(package, nothing_and_everything_too_long)
{
    static _Alignas(8) uint8_t long_one[PACKAGE_BYTES_MAX + 8u];

    cr_assert_eq(package_check(NULL, 0, &package, NULL), PACKAGE_E_SIZE);
    memcpy(long_one, built.bytes, built.n);
    cr_assert_eq(package_check(long_one, sizeof long_one, &package, NULL), PACKAGE_E_SIZE);
}

Test(package, the_provider_object_of_a_program_is_named_by_its_file)
{
    uint8_t due[32];
    uint32_t bytes = 0;

    for (uint8_t i = 0; i < sizeof due; i++)
        due[i] = (uint8_t)(0xf0u + i);
    memcpy(built_program(&built, 2)->provider, due, sizeof due);
    built_hash_whole(built.bytes, built.n);
    cr_assert_eq(package_check(built.bytes, built.n, &package, NULL), PACKAGE_OK);
    cr_assert_null(package_provider(NULL, built.bytes));
    cr_assert_null(package_provider(&package, built.bytes), "no program lies there");
    cr_assert_null(package_provider(&package, package_file(&package, 1, &bytes)), "none is in it");
    cr_assert_arr_eq(package_provider(&package, package_file(&package, 2, &bytes)), due, sizeof due);
}
