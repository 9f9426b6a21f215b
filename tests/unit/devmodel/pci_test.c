/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI host: sizing, decoding, bridges, absent functions. MSI-X: msix_test.c. */
#include "pci_bench.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(pci, header_shows_identity_at_every_width)
{
    struct bench b;
    bench_open(&b);
    cr_assert(eq(u32, bench_get(&b, 0, 4), 0x10411af4));
    cr_assert(eq(u32, bench_get(&b, 2, 2), 0x1041));
    cr_assert(eq(u32, bench_get(&b, 1, 1), 0x1a));
    cr_assert(eq(u32, bench_get(&b, 8, 4), 0x02000001));
    cr_assert(eq(u32, bench_get(&b, 0x2c, 4), 0x11001af4));
    cr_assert(eq(u32, bench_get(&b, 0x0e, 1), 0));
    cr_assert(eq(u32, bench_get(&b, 0x3d, 1), 1));
    bench_put(&b, 0, 4, 0);
    cr_assert(eq(u32, bench_get(&b, 0, 4), 0x10411af4), "read-only");
    cr_assert(eq(uint, b.memo.config_writes, 1));
    cr_assert(eq(uint, b.memo.config_reads, 8));
    dm_bus_destroy(b.bus);
    cr_assert(eq(uint, b.memo.destroyed, 1), "the bus owns the model");
}

Test(pci, absent_functions_read_all_ones_and_take_no_writes)
{
    struct bench b;
    bench_open(&b);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0000, 0, 4), ALL), "00:00.0 may be absent");
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0019, 0, 2), 0xffff));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0118, 0, 1), 0xff));
    dm_pci_write(b.bus, 0x0019, 4, 2, 7);
    cr_assert(eq(u64, dm_bus_counts(b.bus).missed, 4));
    dm_bus_destroy(b.bus);
}

Test(pci, odd_accesses_are_refused_and_counted)
{
    struct bench b;
    bench_open(&b);
    cr_assert(eq(u32, bench_get(&b, 1, 4), ALL));
    cr_assert(eq(u32, bench_get(&b, 1, 2), 0xffff));
    cr_assert(eq(u32, bench_get(&b, 0, 3), 0xffffff));
    cr_assert(eq(u32, bench_get(&b, 0, 0), 0));
    cr_assert(eq(u32, bench_get(&b, 256, 4), ALL));
    cr_assert(eq(u32, bench_get(&b, 0xfffc, 4), ALL));
    bench_put(&b, 5, 2, 7);
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT, 8), ALL));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT + 4094, 4), ALL), "across the end of the BAR");
    cr_assert(eq(u64, dm_bus_counts(b.bus).odd, 9));
    cr_assert(eq(uint, b.memo.reads, 0));
    dm_bus_destroy(b.bus);
}

Test(pci, bars_answer_to_sizing)
{
    struct bench b;
    bench_open(&b);
    cr_assert(eq(u32, bench_get(&b, 0x10, 4), PORTS_AT | 1));
    bench_put(&b, 0x10, 4, ALL);
    cr_assert(eq(u32, bench_get(&b, 0x10, 4), 0xffffffc1), "64 ports");
    bench_put(&b, 0x14, 4, ALL);
    cr_assert(eq(u32, bench_get(&b, 0x14, 4), 0xfffff000), "4096 bytes, 32-bit");
    bench_put(&b, 0x20, 4, ALL);
    bench_put(&b, 0x24, 4, ALL);
    cr_assert(eq(u32, bench_get(&b, 0x20, 4), 0xffffc004), "16384 bytes, 64-bit");
    cr_assert(eq(u32, bench_get(&b, 0x24, 4), ALL));
    bench_put(&b, 0x18, 4, ALL);
    cr_assert(eq(u32, bench_get(&b, 0x18, 4), 0), "a BAR that is not there");
    bench_put(&b, 0x30, 4, ALL);
    cr_assert(eq(u32, bench_get(&b, 0x30, 4), 0), "no expansion ROM");
    dm_bus_destroy(b.bus);
}

Test(pci, bars_decode_where_and_when_they_should)
{
    struct bench b;
    bench_open(&b);
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT + 18, 1), 0x44), "cut to the width");
    cr_assert(eq(u32, b.memo.offset, 18));
    cr_assert(eq(uint, b.memo.bar, 0));
    dm_mmio_write(b.bus, MEM64_AT + 16380, 2, 0xabcd1234);
    cr_assert(eq(uint, b.memo.bar, 4));
    cr_assert(eq(u32, b.memo.offset, 16380));
    cr_assert(eq(u32, b.memo.value, 0x1234));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM64_AT + 16384, 4), ALL));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM64_AT - 1, 1), 0xff));
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT + 64, 1), 0xff));
    bench_put(&b, 4, 2, 0x0001);
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM64_AT, 4), ALL), "memory off");
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT, 4), 0x11223344));
    bench_put(&b, 4, 2, 0x0002);
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT, 4), ALL), "ports off");
    bench_put(&b, 0x20, 4, 0xd0000000);
    bench_put(&b, 0x24, 4, 0x1f);
    cr_assert(eq(u32, dm_mmio_read(b.bus, 0x1fd0000004ull, 4), 0x11223344), "moved");
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM64_AT, 4), ALL));
    bench_put(&b, 0x24, 4, 0);
    bench_put(&b, 0x20, 4, 0);
    cr_assert(eq(u32, dm_mmio_read(b.bus, 0, 4), ALL), "address 0 is not assigned");
    dm_bus_destroy(b.bus);
}

Test(pci, a_model_without_operations_reads_as_zero)
{
    const struct dm_bus_config bus_config = {0};
    struct dm_bus *bus = dm_bus_create(&bus_config);
    const struct dm_function_config nic = bench_nic();
    cr_assert(dm_bus_attach(bus, &nic, NULL, NULL) != NULL);
    cr_assert(eq(u32, dm_port_read(bus, PORTS_AT, 4), 0));
    dm_port_write(bus, PORTS_AT, 4, 1);
    cr_assert(eq(u32, dm_bus_step(bus, 5), 0));
    dm_bus_destroy(bus);
    dm_bus_destroy(NULL);
}

Test(pci, command_register_keeps_only_its_bits)
{
    struct bench b;
    bench_open(&b);
    cr_assert(eq(u32, bench_get(&b, 4, 2), 3));
    cr_assert(not(dm_function_bus_master(b.f)));
    bench_put(&b, 4, 2, 0xffff);
    cr_assert(eq(u32, bench_get(&b, 4, 2), 0x0547));
    cr_assert(dm_function_bus_master(b.f));
    bench_put(&b, 4, 2, 0);
    cr_assert(not(dm_function_bus_master(b.f)));
    dm_bus_destroy(b.bus);
}

Test(pci, intx_shows_in_status_and_obeys_the_disable_bit)
{
    struct bench b;
    bench_open(&b);
    cr_assert(dm_function_set_intx(b.f, true));
    cr_assert(eq(u32, bench_get(&b, 6, 2) & 8, 8));
    bench_put(&b, 4, 2, 0x0400);
    cr_assert(not(dm_function_set_intx(b.f, true)));
    cr_assert(eq(u32, bench_get(&b, 6, 2) & 8, 8), "status shows it although the pin is quiet");
    cr_assert(not(dm_function_set_intx(b.f, false)));
    cr_assert(eq(u32, bench_get(&b, 6, 2) & 8, 0));
    dm_bus_destroy(b.bus);
}

Test(pci, capabilities_form_a_list_until_the_space_is_full)
{
    struct bench b;
    bench_open(&b);
    const uint8_t body[18] = {20, 1, 4};
    uint8_t first = (uint8_t)bench_get(&b, 0x34, 1);
    cr_assert(eq(u32, bench_get(&b, 6, 2) & 0x10, 0x10));
    cr_assert(eq(u32, bench_get(&b, first, 1), 0x11), "MSI-X comes first");
    uint8_t added[16];
    unsigned count = 0;
    for (uint8_t at; (at = dm_function_add_capability(b.f, 9, body, sizeof body)) != 0;)
        added[count++] = at;
    cr_assert(eq(uint, count, 9), "12 bytes of MSI-X and 9 times 20 fit behind 0x40");
    uint8_t at = (uint8_t)bench_get(&b, first + 1u, 1);
    for (unsigned i = 0; i < count; i++) {
        cr_assert(eq(u8, at, added[i]));
        cr_assert(eq(u32, at % 4u, 0));
        cr_assert(eq(u32, bench_get(&b, at + 2u, 1), 20));
        at = (uint8_t)bench_get(&b, at + 1u, 1);
    }
    cr_assert(eq(u8, at, 0));
    bench_put(&b, added[0] + 4u, 1, 0x77);
    cr_assert(eq(u32, bench_get(&b, added[0] + 4u, 1), 4), "read-only unless made writable");
    dm_function_make_writable(b.f, added[0] + 4u, 1);
    bench_put(&b, added[0] + 4u, 1, 0x77);
    cr_assert(eq(u32, bench_get(&b, added[0] + 4u, 1), 0x77));
    dm_function_config_bytes(b.f)[0x34] = 0x43;
    cr_assert(eq(u32, bench_get(&b, 0x34, 1), 0x43), "broken on purpose");
    dm_bus_destroy(b.bus);
}

Test(pci, a_removed_function_is_absent)
{
    struct bench b;
    bench_open(&b);
    bench_put(&b, 4, 2, 7);
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT, 4), 0x11223344));
    dm_function_remove(b.f);
    cr_assert(eq(u32, bench_get(&b, 0, 4), ALL));
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT, 4), ALL));
    cr_assert(not(dm_function_bus_master(b.f)));
    cr_assert(not(dm_function_msix_raise(b.f, 0)));
    cr_assert(not(dm_function_set_intx(b.f, true)));
    cr_assert(eq(u32, dm_bus_step(b.bus, 1), 0));
    dm_bus_destroy(b.bus);
    cr_assert(eq(uint, b.memo.destroyed, 1));
}

static struct dm_function_config bridge_config(uint16_t bdf, uint8_t secondary)
{
    return (struct dm_function_config){.bdf = bdf,
                                       .vendor = 0x1b36,
                                       .device = 1,
                                       .header_type = 1,
                                       .class_code = 0x060400,
                                       .bridge_secondary = secondary};
}

Test(pci, functions_behind_bridges_are_found_by_walking)
{
    struct bench b;
    bench_open(&b);
    const struct dm_function_config inner =
        bridge_config(0x0108, 2); /* attached before the bridge above it */
    const struct dm_function_config outer = bridge_config(0x0020, 1);
    struct dm_function_config far = bench_nic();
    far.bdf = 0x0208;
    cr_assert(dm_bus_attach(b.bus, &inner, NULL, NULL) != NULL);
    cr_assert(dm_bus_attach(b.bus, &far, NULL, NULL) != NULL);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0208, 0, 4), ALL), "nothing leads there");
    cr_assert(dm_bus_attach(b.bus, &outer, NULL, NULL) != NULL);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0020, 0x18, 4) & 0xffffff, 0x020100), "subordinate covers both");
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0108, 0x18, 4) & 0xffffff, 0x020201));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0208, 0, 4), 0x10411af4));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0020, 0x0e, 1), 1));
    dm_pci_write(b.bus, 0x0020, 0x1a, 1, 1);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0208, 0, 4), ALL), "subordinate too small");
    dm_pci_write(b.bus, 0x0020, 0x18, 4, 0x00090500);
    dm_pci_write(b.bus, 0x0508, 0x18, 4, 0x00080705);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0508, 0, 4), 0x00011b36), "renumbered");
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0708, 0, 4), 0x10411af4));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0208, 0, 4), ALL));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0808, 0, 4), ALL));
    dm_bus_destroy(b.bus);
}

Test(pci, contradictory_configurations_are_refused)
{
    const struct dm_bus_config bus_config = {0};
    struct dm_bus *bus = dm_bus_create(&bus_config);
    const struct dm_function_config good = bench_nic();
    for (int i = 0; i < 16; i++) {
        struct dm_function_config c = good;
        c.bdf = 0x30;
        switch (i) {
        case 0:
            c.bars[0].bytes = 48;
            break;
        case 1:
            c.bars[0].bytes = 2;
            break;
        case 2:
            c.bars[1].bytes = 8;
            break;
        case 3:
            c.bars[1].firmware_address = MEM32_AT + 16;
            break;
        case 4:
            c.bars[0].firmware_address = 0x10000;
            break;
        case 5:
            c.bars[5].kind = DM_BAR_MEM32;
            c.bars[5].bytes = 4096;
            break;
        case 6:
            c.bars[4].kind = DM_BAR_NONE;
            c.bars[5] = good.bars[4];
            break;
        case 7:
            c.bars[1].firmware_address = 0x100000000ull;
            break;
        case 8:
            c.msix_bar = 0;
            break;
        case 9:
            c.msix_bar = 6;
            break;
        case 10:
            c.msix_table_offset = 4096 - 64;
            break;
        case 11:
            c.msix_pba_offset = TABLE + 16;
            break;
        case 12:
            c.msix_vectors = 2049;
            break;
        case 13:
            c.header_type = 2;
            break;
        case 14:
            c.header_type = 1;
            break; /* a bridge has two BARs */
        default:
            c.bars[1].kind = (enum dm_bar_kind)7;
            break;
        }
        cr_assert(dm_bus_attach(bus, &c, &memo_ops, NULL) == NULL, "case %d", i);
    }
    cr_assert(dm_bus_attach(bus, &good, NULL, NULL) != NULL);
    cr_assert(dm_bus_attach(bus, &good, NULL, NULL) == NULL, "the slot is taken");
    struct dm_function_config bridge = bridge_config(0x0028, 1);
    cr_assert(dm_bus_attach(bus, &bridge, NULL, NULL) != NULL);
    bridge.bdf = 0x0030;
    cr_assert(dm_bus_attach(bus, &bridge, NULL, NULL) == NULL, "one bridge leads to a bus");
    bridge.bdf = 0x0310;
    bridge.bridge_secondary = 2;
    cr_assert(dm_bus_attach(bus, &bridge, NULL, NULL) == NULL, "a bridge leads downwards");
    dm_bus_destroy(bus);
}

Test(pci, the_bus_takes_a_bounded_number_of_functions)
{
    const struct dm_bus_config bus_config = {0};
    struct dm_bus *bus = dm_bus_create(&bus_config);
    struct dm_function_config c = {.vendor = 1};
    for (uint16_t i = 0; i < DM_FUNCTIONS_MAX; i++) {
        c.bdf = i;
        cr_assert(dm_bus_attach(bus, &c, NULL, NULL) != NULL);
    }
    c.bdf = DM_FUNCTIONS_MAX;
    cr_assert(dm_bus_attach(bus, &c, NULL, NULL) == NULL);
    dm_bus_destroy(bus);
}

static uint32_t last_choice(void *ctx, uint32_t n, const char *tag)
{
    cr_assert(tag != NULL);
    return ctx ? n - 1 : n + 5;
}

Test(pci, choices_stay_in_range_and_default_to_zero)
{
    int yes = 1;
    const struct dm_bus_config configs[] = {
        {0}, {.choose = last_choice, .choose_ctx = &yes}, {.choose = last_choice}};
    const uint32_t wanted[] = {0, 6, 6};
    for (int i = 0; i < 3; i++) {
        struct dm_bus *bus = dm_bus_create(&configs[i]);
        cr_assert(eq(u32, dm_bus_choose(bus, 7, "t"), wanted[i]));
        cr_assert(eq(u32, dm_bus_choose(bus, 1, "t"), 0));
        cr_assert(dm_bus_memory(bus) == NULL);
        dm_bus_destroy(bus);
    }
}

Test(pci, step_lets_each_function_work)
{
    struct bench b;
    bench_open(&b);
    struct memo second = {0};
    struct dm_function_config other = bench_nic();
    other.bdf = 0x0021;
    cr_assert(dm_bus_attach(b.bus, &other, &memo_ops, &second) != NULL);
    cr_assert(eq(u32, dm_bus_step(b.bus, 3), 6));
    cr_assert(eq(uint, b.memo.steps, 1));
    cr_assert(eq(uint, second.steps, 1));
    cr_assert(eq(u16, dm_function_bdf(b.f), BDF));
    cr_assert(dm_function_bus(b.f) == b.bus);
    dm_bus_destroy(b.bus);
}
