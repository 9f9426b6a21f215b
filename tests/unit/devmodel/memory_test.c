/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory and its ledger: every transition, every violation with both stacks, addresses that are out of
 * range. */
#include "capos/devmodel/memory.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BASE  0x100000000ull
#define PAGES 8u
#define F3    0x0018u /* 00:03.0 */
#define F4    0x0020u /* 00:04.0 */

static struct dm_memory *make(bool ledger)
{
    const struct dm_memory_config config = {
        .bytes = PAGES * DM_PAGE_BYTES, .bus_base = BASE, .ledger = ledger};
    struct dm_memory *m = dm_memory_create(&config);
    cr_assert(m != NULL);
    return m;
}

static dm_addr at(uint64_t offset)
{
    return (dm_addr){BASE + offset};
}

static struct dm_memory *make_mapped(void)
{
    struct dm_memory *m = make(true);
    dm_memory_map(m, F3, at(0), 2 * DM_PAGE_BYTES);
    cr_assert(eq(sz, dm_memory_violations(m), 0));
    return m;
}

static const struct dm_violation *only_violation(struct dm_memory *m, const char *text)
{
    cr_assert(eq(sz, dm_memory_violations(m), 1));
    const struct dm_violation *v = dm_memory_violation(m, 0);
    cr_assert(v != NULL);
    cr_assert(strstr(v->what, text) != NULL, "wanted '%s', got '%s'", text, v->what);
    cr_assert(strchr(v->what, '\n') == NULL);
    cr_assert(v->touch_stack[0] != NULL);
    cr_assert(v->touch_stack[1] != NULL);
    return v;
}

static void expect_both_stacks(struct dm_memory *m, const char *text, uint64_t address)
{
    const struct dm_violation *v = only_violation(m, text);
    cr_assert(eq(u64, v->address, address));
    cr_assert(v->owner_stack[0] != NULL, "no stack of the last change of owner");
    cr_assert(v->owner_stack[1] != NULL);
    cr_assert(v->touch_stack[DM_STACK_DEPTH - 1] == NULL);
    cr_assert(v->owner_stack[DM_STACK_DEPTH - 1] == NULL);
    dm_memory_destroy(m);
}

Test(memory, configurations_out_of_range_are_refused)
{
    const struct dm_memory_config wrong[] = {
        {.bytes = 0, .bus_base = BASE, .ledger = true},
        {.bytes = 4097, .bus_base = BASE, .ledger = true},
        {.bytes = (1u << 30) + 4096u, .bus_base = BASE, .ledger = true},
        {.bytes = 4096, .bus_base = BASE + 1, .ledger = true},
        {.bytes = 8192, .bus_base = UINT64_MAX - 4095u, .ledger = true},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert(dm_memory_create(&wrong[i]) == NULL, "configuration %zu", i);
    dm_memory_destroy(NULL);
}

Test(memory, fresh_memory_is_zero_unmapped_and_elsewhere)
{
    struct dm_memory *m = make(true);
    for (size_t i = 0; i < dm_memory_bytes(m); i++)
        cr_assert(dm_memory_base(m)[i] == 0);
    cr_assert(eq(int, dm_memory_owner(m, at(0)), DM_UNMAPPED));
    cr_assert(eq(int, dm_memory_owner(m, at(PAGES * DM_PAGE_BYTES)), DM_UNMAPPED));
    cr_assert(ne(u64, dm_memory_bus_base(m), (uint64_t)(uintptr_t)dm_memory_base(m)));
    cr_assert(dm_memory_ledger(m));
    dm_memory_destroy(m);
}

Test(memory, a_buffer_goes_from_driver_to_device_and_back)
{
    struct dm_memory *m = make_mapped();
    uint8_t out[64] = {0};
    cr_assert(eq(int, dm_memory_owner(m, at(100)), DM_DRIVER_OWNED));
    cr_assert(dm_memory_expose(m, F3, at(100), 64, DM_DEVICE_WRITABLE));
    cr_assert(eq(int, dm_memory_owner(m, at(99)), DM_DRIVER_OWNED));
    cr_assert(eq(int, dm_memory_owner(m, at(100)), DM_DEVICE_WRITABLE));
    cr_assert(eq(int, dm_memory_owner(m, at(163)), DM_DEVICE_WRITABLE));
    cr_assert(eq(int, dm_memory_owner(m, at(164)), DM_DRIVER_OWNED));
    cr_assert(dm_dma_write(m, F3, at(100), "hello", 5));
    cr_assert(dm_dma_read(m, F3, at(100), out, 64), "what it may write it may read back");
    cr_assert(eq(int, memcmp(out, "hello", 6), 0));
    cr_assert(eq(u64, dm_memory_counts(m).exposed_bytes, 64));
    cr_assert(dm_memory_return(m, F3, at(100), 64));
    cr_assert(eq(u64, dm_memory_counts(m).exposed_bytes, 0));
    cr_assert(eq(u64, dm_memory_counts(m).mapped_bytes, 2 * DM_PAGE_BYTES));
    cr_assert(eq(u64, dm_memory_counts(m).write_bytes, 5));
    cr_assert(eq(u64, dm_memory_counts(m).read_bytes, 64));
    cr_assert(eq(sz, dm_memory_violations(m), 0));
    dm_memory_destroy(m);
}

Test(memory, nothing_is_exposed_as_driver_owned_or_unmapped)
{
    struct dm_memory *m = make_mapped();
    cr_assert(not(dm_memory_expose(m, F3, at(0), 16, DM_DRIVER_OWNED)));
    cr_assert(not(dm_memory_expose(m, F3, at(0), 16, DM_UNMAPPED)));
    cr_assert(eq(u64, dm_memory_counts(m).exposed_bytes, 0));
    dm_memory_destroy(m);
}

Test(memory, every_byte_of_a_range_is_judged)
{
    /* One foreign byte at each place of ranges of many lengths: scans go sixteen bytes at a time. */
    struct dm_memory *m = make_mapped();
    uint8_t buffer[80];
    size_t wanted = 0;
    for (size_t bytes = 1; bytes <= sizeof buffer; bytes++) {
        for (size_t hole = 0; hole < bytes; hole++) {
            cr_assert(dm_memory_expose(m, F3, at(32), bytes, DM_DEVICE_READABLE));
            cr_assert(dm_dma_read(m, F3, at(32), buffer, bytes));
            cr_assert(dm_memory_return(m, F3, at(32 + hole), 1));
            cr_assert(not(dm_dma_read(m, F3, at(32), buffer, bytes)));
            wanted++;
            if (wanted <= 64)
                cr_assert(eq(u64, dm_memory_violation(m, wanted - 1)->address, BASE + 32 + hole));
            cr_assert(dm_memory_expose(m, F3, at(32 + hole), 1, DM_DEVICE_READABLE));
            cr_assert(dm_memory_return(m, F3, at(32), bytes));
        }
    }
    cr_assert(eq(sz, dm_memory_violations(m), wanted));
    cr_assert(dm_memory_violation(m, 63) != NULL);
    cr_assert(dm_memory_violation(m, 64) == NULL, "only the first 64 are kept");
    dm_memory_destroy(m);
}

Test(violations, a_write_to_a_readable_byte)
{
    struct dm_memory *m = make_mapped();
    cr_assert(dm_memory_expose(m, F3, at(64), 32, DM_DEVICE_READABLE));
    cr_assert(not(dm_dma_write(m, F3, at(64), "x", 1)));
    cr_assert(eq(u8, dm_memory_base(m)[64], 0), "nothing is moved");
    expect_both_stacks(
        m, "00:03.0 writes 1 bytes at 0x100000040: byte 0x100000040 is device-readable by 00:03.0",
        BASE + 64);
}

Test(violations, a_read_of_a_driver_owned_byte)
{
    struct dm_memory *m = make_mapped();
    uint8_t out[32];
    memset(out, 0x55, sizeof out);
    cr_assert(dm_memory_expose(m, F3, at(0), 31, DM_DEVICE_READABLE));
    cr_assert(not(dm_dma_read(m, F3, at(0), out, 32)));
    cr_assert(eq(u8, out[0], 0x55), "nothing is moved");
    expect_both_stacks(m, "reads 32 bytes at 0x100000000: byte 0x10000001f is driver-owned", BASE + 31);
}

Test(violations, a_window_over_another_functions_page)
{
    struct dm_memory *m = make_mapped();
    dm_memory_map(m, F4, at(2 * DM_PAGE_BYTES), DM_PAGE_BYTES);
    cr_assert(dm_memory_expose(m, F3, at(DM_PAGE_BYTES), DM_PAGE_BYTES, DM_DEVICE_WRITABLE));
    cr_assert(dm_memory_expose(m, F4, at(2 * DM_PAGE_BYTES), DM_PAGE_BYTES, DM_DEVICE_WRITABLE));
    cr_assert(dm_dma_window(m, F3, at(2 * DM_PAGE_BYTES - 8), 16, true) == NULL);
    expect_both_stacks(m, "is device-writable by 00:04.0", BASE + 2 * DM_PAGE_BYTES);
}

Test(violations, a_touch_after_unmap)
{
    struct dm_memory *m = make_mapped();
    dm_memory_unmap(m, F3, at(0), DM_PAGE_BYTES);
    cr_assert(eq(int, dm_memory_owner(m, at(0)), DM_UNMAPPED));
    cr_assert(not(dm_dma_write(m, F3, at(8), "x", 1)));
    expect_both_stacks(m, "byte 0x100000008 is unmapped", BASE + 8);
}

Test(violations, a_touch_of_what_was_never_mapped)
{
    struct dm_memory *m = make(true);
    cr_assert(not(dm_dma_write(m, F3, at(8), "x", 1)));
    const struct dm_violation *v = only_violation(m, "is unmapped");
    cr_assert(v->owner_stack[0] == NULL);
    dm_memory_destroy(m);
}

Test(violations, a_buffer_exposed_twice)
{
    struct dm_memory *m = make_mapped();
    cr_assert(dm_memory_expose(m, F3, at(0), 64, DM_DEVICE_READABLE));
    cr_assert(not(dm_memory_expose(m, F3, at(60), 8, DM_DEVICE_WRITABLE)));
    cr_assert(eq(int, dm_memory_owner(m, at(64)), DM_DRIVER_OWNED), "a refused call changes nothing");
    expect_both_stacks(m, "is shown 8 bytes", BASE + 60);
}

Test(violations, a_buffer_returned_twice)
{
    struct dm_memory *m = make_mapped();
    cr_assert(dm_memory_expose(m, F3, at(0), 64, DM_DEVICE_READABLE));
    cr_assert(dm_memory_return(m, F3, at(0), 64));
    cr_assert(not(dm_memory_return(m, F3, at(0), 64)));
    expect_both_stacks(m, "gives back 64 bytes at 0x100000000: byte 0x100000000 is driver-owned", BASE);
}

Test(violations, unmapping_exposed_bytes_is_one_and_is_done)
{
    struct dm_memory *m = make_mapped();
    cr_assert(dm_memory_expose(m, F3, at(16), 48, DM_DEVICE_WRITABLE));
    dm_memory_unmap(m, F3, at(0), 2 * DM_PAGE_BYTES);
    cr_assert(eq(int, dm_memory_owner(m, at(16)), DM_UNMAPPED));
    cr_assert(eq(u64, dm_memory_counts(m).exposed_bytes, 0));
    cr_assert(eq(u64, dm_memory_counts(m).mapped_bytes, 0));
    expect_both_stacks(m, "00:03.0 loses page 0x100000000 while 48 of its bytes are exposed", BASE + 16);
}

Test(violations, a_page_has_one_function)
{
    struct dm_memory *m = make_mapped();
    dm_memory_map(m, F4, at(DM_PAGE_BYTES), 2 * DM_PAGE_BYTES);
    cr_assert(eq(int, dm_memory_owner(m, at(2 * DM_PAGE_BYTES)), DM_UNMAPPED),
              "a refused call changes nothing");
    expect_both_stacks(m, "00:04.0 is mapped page 0x100001000, which is driver-owned by 00:03.0",
                       BASE + DM_PAGE_BYTES);
}

Test(violations, unmapping_another_functions_page_leaves_it)
{
    struct dm_memory *m = make_mapped();
    dm_memory_unmap(m, F4, at(0), DM_PAGE_BYTES);
    cr_assert(eq(int, dm_memory_owner(m, at(0)), DM_DRIVER_OWNED));
    expect_both_stacks(m, "00:04.0 loses page 0x100000000, which is driver-owned by 00:03.0", BASE);
}

Test(violations, mapping_speaks_of_whole_pages)
{
    struct dm_memory *m = make(true);
    dm_memory_map(m, F3, at(1), DM_PAGE_BYTES);
    dm_memory_map(m, F3, at(0), DM_PAGE_BYTES - 1);
    dm_memory_map(m, F3, at(0), 0);
    dm_memory_unmap(m, F3, at(8), DM_PAGE_BYTES);
    dm_memory_map(m, F3, at(0), (PAGES + 1) * DM_PAGE_BYTES);
    cr_assert(eq(sz, dm_memory_violations(m), 5));
    cr_assert(eq(u64, dm_memory_counts(m).mapped_bytes, 0));
    dm_memory_destroy(m);
}

Test(violations, addresses_outside_memory_never_wrap)
{
    const struct {
        uint64_t address;
        size_t bytes;
    } outside[] = {
        {0, 1},
        {BASE - 1, 2},
        {BASE + PAGES * DM_PAGE_BYTES, 1},
        {BASE + PAGES * DM_PAGE_BYTES - 1, 2},
        {UINT64_MAX, 1},
        {UINT64_MAX - 7, 16},
        {BASE, SIZE_MAX},
    };
    uint8_t byte[16] = {0};
    for (int ledger = 0; ledger < 2; ledger++) {
        struct dm_memory *m = make(ledger);
        for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
            dm_addr where = {outside[i].address};
            cr_assert(not(dm_dma_read(m, F3, where, byte, outside[i].bytes)));
            cr_assert(not(dm_dma_write(m, F3, where, byte, outside[i].bytes)));
            cr_assert(not(dm_memory_expose(m, F3, where, outside[i].bytes, DM_DEVICE_READABLE)));
            cr_assert(not(dm_memory_return(m, F3, where, outside[i].bytes)));
            cr_assert(not(dm_dma_write_rogue(m, F3, where, byte, outside[i].bytes)));
        }
        cr_assert(eq(sz, dm_memory_violations(m), 4 * sizeof outside / sizeof outside[0]));
        cr_assert(strstr(dm_memory_violation(m, 0)->what, "outside memory") != NULL);
        dm_memory_destroy(m);
    }
}

Test(violations, an_old_event_is_not_shown_as_a_newer_one)
{
    struct dm_memory *m = make_mapped();
    for (int i = 0; i < 5000; i++) { /* more changes of other lines than events are kept */
        cr_assert(dm_memory_expose(m, F3, at(DM_PAGE_BYTES), 1, DM_DEVICE_READABLE));
        cr_assert(dm_memory_return(m, F3, at(DM_PAGE_BYTES), 1));
    }
    cr_assert(not(dm_dma_write(m, F3, at(0), "x", 1)));
    cr_assert(only_violation(m, "driver-owned")->owner_stack[0] == NULL);
    dm_memory_destroy(m);
}

Test(violations, print_shows_the_line_and_both_stacks)
{
    struct dm_memory *m = make_mapped();
    cr_assert(not(dm_dma_write(m, F3, at(0), "x", 1)));
    int ends[2];
    char text[8192];
    cr_assert(eq(int, pipe(ends), 0));
    dm_violation_print(dm_memory_violation(m, 0), ends[1]);
    close(ends[1]);
    size_t have = 0;
    for (ssize_t n; (n = read(ends[0], text + have, sizeof text - 1 - have)) > 0;)
        have += (size_t)n;
    text[have] = 0;
    close(ends[0]);
    cr_assert(strstr(text, "violation: 00:03.0 writes 1 bytes") == text);
    const char *touched = strstr(text, "touched by:\n");
    const char *owner = strstr(text, "last change of owner:\n");
    cr_assert(touched != NULL);
    cr_assert(owner != NULL);
    cr_assert(strstr(touched, "[0x") != NULL);
    cr_assert(strstr(touched, "[0x") < owner);
    cr_assert(strstr(owner, "[0x") != NULL);
    dm_memory_destroy(m);
}

Test(memory, without_a_ledger_only_bounds_are_checked)
{
    struct dm_memory *m = make(false);
    uint8_t out[4];
    cr_assert(not(dm_memory_ledger(m)));
    cr_assert(dm_dma_write(m, F3, at(0), "abcd", 4));
    cr_assert(dm_dma_read(m, F4, at(0), out, 4));
    cr_assert(dm_memory_expose(m, F3, at(0), 4, DM_DEVICE_READABLE));
    cr_assert(dm_memory_return(m, F3, at(0), 4));
    cr_assert(eq(u64, dm_memory_counts(m).exposed_bytes, 0));
    dm_memory_map(m, F3, at(0), DM_PAGE_BYTES);
    cr_assert(eq(int, dm_memory_owner(m, at(0)), DM_DRIVER_OWNED));
    cr_assert(eq(u64, dm_memory_counts(m).mapped_bytes, DM_PAGE_BYTES));
    dm_memory_unmap(m, F3, at(0), DM_PAGE_BYTES);
    cr_assert(eq(int, dm_memory_owner(m, at(0)), DM_UNMAPPED));
    cr_assert(eq(sz, dm_memory_violations(m), 0));
    dm_memory_destroy(m);
}

Test(memory, an_empty_access_touches_nothing)
{
    struct dm_memory *m = make(true);
    cr_assert(dm_memory_expose(m, F3, at(0), 0, DM_DEVICE_READABLE));
    cr_assert(dm_memory_return(m, F3, at(PAGES * DM_PAGE_BYTES), 0));
    cr_assert(dm_dma_window(m, F3, at(0), 0, true) != NULL);
    cr_assert(dm_dma_write_rogue(m, F3, at(0), "", 0));
    cr_assert(eq(u64, dm_memory_counts(m).reads, 0));
    cr_assert(eq(sz, dm_memory_violations(m), 0));
    dm_memory_destroy(m);
}

Test(memory, a_rogue_write_lands_and_is_counted_apart)
{
    struct dm_memory *m = make_mapped();
    uint8_t bytes[32];
    memset(bytes, 0xaa, sizeof bytes);
    cr_assert(dm_dma_write_rogue(m, F3, at(2 * DM_PAGE_BYTES - 16), bytes, 32));
    cr_assert(eq(u8, dm_memory_base(m)[2 * DM_PAGE_BYTES + 15], 0xaa));
    cr_assert(eq(u64, dm_memory_counts(m).rogue_writes, 1));
    cr_assert(eq(u64, dm_memory_counts(m).rogue_unmapped, 16));
    cr_assert(eq(sz, dm_memory_violations(m), 0));
    dm_memory_destroy(m);
}

Test(memory, reset_leaves_it_as_new)
{
    for (int ledger = 0; ledger < 2; ledger++) {
        struct dm_memory *m = make(ledger);
        dm_memory_map(m, F3, at(0), DM_PAGE_BYTES);
        dm_memory_base(m)[17] = 1; /* the driver's own write to its page */
        cr_assert(dm_memory_expose(m, F3, at(0), 64, DM_DEVICE_WRITABLE));
        cr_assert(dm_dma_write(m, F3, at(0), "x", 1));
        cr_assert(dm_dma_write_rogue(m, F3, at(5 * DM_PAGE_BYTES), "y", 1));
        dm_memory_map(m, F4, at(0), DM_PAGE_BYTES);
        cr_assert(eq(sz, dm_memory_violations(m), 1));
        dm_memory_reset(m);
        for (size_t i = 0; i < dm_memory_bytes(m); i++)
            cr_assert(dm_memory_base(m)[i] == 0, "byte %zu", i);
        const struct dm_memory_counts counts = dm_memory_counts(m);
        const struct dm_memory_counts zero = {0};
        cr_assert(eq(int, memcmp(&counts, &zero, sizeof zero), 0));
        cr_assert(eq(sz, dm_memory_violations(m), 0));
        cr_assert(eq(int, dm_memory_owner(m, at(0)), DM_UNMAPPED));
        dm_memory_map(m, F4, at(0), DM_PAGE_BYTES);
        cr_assert(eq(sz, dm_memory_violations(m), 0), "the page is nobody's again");
        dm_memory_destroy(m);
    }
}
