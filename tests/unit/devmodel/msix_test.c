/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X: where the table is, what it holds, when a message goes out and when it waits. */
#include "pci_bench.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static void msix_control(struct bench *b, uint16_t control)
{
    bench_put(b, (uint16_t)(bench_get(b, 0x34, 1) + 2u), 2, control);
}

static void msix_entry(struct bench *b, unsigned v, uint64_t address, uint32_t data, uint32_t control)
{
    uint64_t at = MEM32_AT + TABLE + 16 * v;
    dm_mmio_write(b->bus, at, 4, (uint32_t)address);
    dm_mmio_write(b->bus, at + 4, 4, (uint32_t)(address >> 32));
    dm_mmio_write(b->bus, at + 8, 4, data);
    dm_mmio_write(b->bus, at + 12, 4, control);
}

static uint32_t pending(struct bench *b, unsigned word)
{
    return dm_mmio_read(b->bus, MEM32_AT + PBA + 4 * word, 4);
}

Test(msix, capability_tells_where_the_table_is)
{
    struct bench b;
    bench_open(&b);
    uint16_t at = (uint16_t)bench_get(&b, 0x34, 1);
    cr_assert(eq(u32, bench_get(&b, at + 2u, 2), 69));
    cr_assert(eq(u32, bench_get(&b, at + 4u, 4), TABLE | 1));
    cr_assert(eq(u32, bench_get(&b, at + 8u, 4), PBA | 1));
    msix_control(&b, 0xffff);
    cr_assert(eq(u32, bench_get(&b, at + 2u, 2), 0xc000 | 69), "only enable and function mask are writable");
    cr_assert(dm_function_msix_enabled(b.f));
    dm_bus_destroy(b.bus);
}

Test(msix, entries_start_masked_and_hold_what_is_written)
{
    struct bench b;
    struct dm_msix_entry e;
    bench_open(&b);
    for (uint16_t v = 0; v < 70; v++) {
        cr_assert(dm_function_msix_entry(b.f, v, &e));
        cr_assert(e.masked);
        cr_assert(not(e.pending));
    }
    cr_assert(not(dm_function_msix_entry(b.f, 70, &e)));
    msix_entry(&b, 69, 0x1fee00003ull, 0x41, ALL);
    cr_assert(dm_function_msix_entry(b.f, 69, &e));
    cr_assert(eq(u64, e.address, 0x1fee00000ull), "a dword address");
    cr_assert(eq(u32, e.data, 0x41));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT + TABLE + 16 * 69 + 12, 4), 1), "reserved bits stay 0");
    cr_assert(eq(uint, b.memo.writes, 0), "the table is the bus's");
    dm_mmio_write(b.bus, MEM32_AT + TABLE + 16 * 70, 4, 5);
    cr_assert(eq(uint, b.memo.writes, 1), "behind it is the model's");
    dm_bus_destroy(b.bus);
}

Test(msix, table_takes_only_dwords)
{
    struct bench b;
    bench_open(&b);
    dm_mmio_write(b.bus, MEM32_AT + TABLE + 8, 2, 5);
    dm_mmio_write(b.bus, MEM32_AT + TABLE + 10, 4, 5);
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT + TABLE + 8, 4), 0));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT + TABLE + 8, 1), 0xff));
    cr_assert(eq(u64, dm_bus_counts(b.bus).odd, 3));
    dm_bus_destroy(b.bus);
}

Test(msix, a_message_goes_out_only_enabled_unmasked_and_with_bus_mastering)
{
    struct bench b;
    bench_open(&b);
    msix_entry(&b, 2, 0xfee01000, 0x31, 0);
    cr_assert(not(dm_function_msix_raise(b.f, 2)), "off");
    msix_control(&b, 0x8000);
    cr_assert(not(dm_function_msix_raise(b.f, 70)), "no such vector");
    cr_assert(dm_function_msix_raise(b.f, 2));
    cr_assert(eq(uint, b.memo.messages, 0), "no bus mastering");
    cr_assert(eq(u32, pending(&b, 0), 4));
    bench_put(&b, 4, 2, 7);
    cr_assert(eq(uint, b.memo.messages, 1), "what was pending goes out");
    cr_assert(eq(u64, b.memo.message_address, 0xfee01000));
    cr_assert(eq(u32, b.memo.message_data, 0x31));
    cr_assert(eq(u32, pending(&b, 0), 0));
    cr_assert(dm_function_msix_raise(b.f, 2));
    cr_assert(eq(uint, b.memo.messages, 2));
    cr_assert(eq(u64, dm_bus_counts(b.bus).messages, 2));
    cr_assert(not(dm_function_set_intx(b.f, true)), "INTx is quiet while MSI-X is on");
    dm_bus_destroy(b.bus);
}

Test(msix, masks_hold_back_and_pending_is_delivered_once)
{
    struct bench b;
    bench_open(&b);
    bench_put(&b, 4, 2, 7);
    msix_control(&b, 0xc000);
    msix_entry(&b, 63, 0xfee00000, 63, 0);
    msix_entry(&b, 64, 0xfee00000, 64, 1);
    cr_assert(dm_function_msix_raise(b.f, 63));
    cr_assert(dm_function_msix_raise(b.f, 63));
    cr_assert(dm_function_msix_raise(b.f, 64));
    cr_assert(eq(u32, pending(&b, 1), 0x80000000u));
    cr_assert(eq(u32, pending(&b, 2), 1));
    dm_mmio_write(b.bus, MEM32_AT + PBA, 4, ALL);
    cr_assert(eq(u32, pending(&b, 0), 0), "pending bits are the device's");
    cr_assert(eq(uint, b.memo.messages, 0));
    msix_control(&b, 0x8000);
    cr_assert(eq(uint, b.memo.messages, 1), "raised twice while masked: one message");
    cr_assert(eq(u32, b.memo.message_data, 63));
    dm_mmio_write(b.bus, MEM32_AT + TABLE + 16 * 64 + 12, 4, 0);
    cr_assert(eq(uint, b.memo.messages, 2));
    cr_assert(eq(u32, b.memo.message_data, 64));
    cr_assert(eq(u32, pending(&b, 2), 0));
    dm_bus_destroy(b.bus);
}
