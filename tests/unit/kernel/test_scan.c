/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI scan against configuration spaces that are odd, broken or lie. */
#include "tests/unit/kernel/bench.h"

static void start(void)
{
    fake_init(P);
}

TestSuite(scan, .init = start);

static const struct pci_function_info *info_of(uint16_t bdf)
{
    for (uint16_t i = 0; i < kernel_function_count(K); i++) {
        if (kernel_function_info(K, i)->bdf == bdf)
            return kernel_function_info(K, i);
    }
    return NULL;
}

Test(scan, bars_are_sized_with_decoding_off_and_put_back)
{
    fake_standard(P);
    fake_at(P, FAKE_MODERN_BDF)->config[4] = 3;
    bench_start_prepared();
    const struct pci_function_info *i = info_of(FAKE_MODERN_BDF);
    cr_assert_eq(i->bars[0].kind, PCI_BAR_MEMORY64);
    cr_assert_eq(i->bars[0].size, 0x4000);
    cr_assert(i->bars[0].assigned);
    cr_assert_eq(i->bars[1].kind, PCI_BAR_ABSENT);
    cr_assert_eq(i->bars[2].kind, PCI_BAR_MEMORY);
    cr_assert_eq(i->bars[2].size, 0x1000);
    i = info_of(FAKE_LEGACY_BDF);
    cr_assert_eq(i->bars[0].kind, PCI_BAR_PORTS);
    cr_assert_eq(i->bars[0].size, 64);
    /* Z9: the first all-ones write comes after decoding went off. */
    uint32_t off = fake_find(P, 0, FAKE_DECODE_OFF), probe = 0;
    while (P->log[probe].value != 0xffffffffu || P->log[probe].bdf != FAKE_MODERN_BDF)
        probe++;
    cr_assert_lt(off, probe);
    uint32_t low;
    memcpy(&low, &fake_at(P, FAKE_MODERN_BDF)->config[0x10], 4);
    cr_assert_eq(low, 0xc0000004u);
    cr_assert_eq(fake_at(P, FAKE_MODERN_BDF)->config[4] & 3, 3);
}

Test(scan, bus_mastering_that_firmware_left_on_is_cleared_everywhere_and_recorded)
{
    fake_standard(P);
    for (uint32_t i = 0; i < FAKE_FUNCTIONS; i++)
        P->functions[i].config[4] = 7;
    bench_start_prepared();
    for (uint32_t i = 0; i < FAKE_FUNCTIONS; i++)
        cr_assert(!P->functions[i].present || !fake_master(&P->functions[i]));
    cr_assert_eq(kernel_function_count(K), 4);
    for (uint16_t i = 0; i < 4; i++)
        cr_assert(kernel_function_firmware_master(K, i));
    cr_assert_not(kernel_function_firmware_master(K, 4));
    cr_assert_eq(kernel_usage(K).bus_masters_on, 0);
}

Test(scan, functions_behind_a_bridge_and_without_00_00_0_are_found)
{
    fake_standard(P);
    bench_start_prepared();
    cr_assert_null(info_of(0));
    cr_assert_not_null(info_of(FAKE_BEHIND_BDF));
    cr_assert_eq(kernel_bus_count(K), 2);
    cr_assert_null(kernel_function_info(K, 4));
}

Test(scan, bridges_in_a_loop_and_to_bus_0_end_the_walk)
{
    for (uint16_t bus = 0; bus < 3; bus++) {
        struct fake_function *f = fake_add(P, (uint16_t)(bus << 8 | 1 << 3), FAKE_PLAIN);

        f->config[0x0e] = 1;
        f->config[0x19] = (uint8_t)((bus + 1) % 3);
    }
    bench_start_prepared();
    cr_assert_eq(kernel_bus_count(K), 3);
    cr_assert_eq(kernel_function_count(K), 3);
}

Test(scan, all_functions_of_a_slot_are_found_with_and_without_function_0)
{
    fake_add(P, 1 << 3, FAKE_PLAIN)->config[0x0e] = 0x80;
    fake_add(P, 1 << 3 | 7, FAKE_PLAIN);
    fake_add(P, 2 << 3, FAKE_PLAIN); /* not multi-function: its function 1 is an alias */
    fake_add(P, 2 << 3 | 1, FAKE_PLAIN);
    fake_add(P, 31 << 3 | 3, FAKE_PLAIN);
    bench_start_prepared();
    cr_assert_not_null(info_of(1 << 3 | 7));
    cr_assert_null(info_of(2 << 3 | 1));
    cr_assert_not_null(info_of(31 << 3 | 3));
}

Test(scan, functions_beyond_the_table_are_counted_and_silenced)
{
    /* Every slot of eight buses answers: more than the kernel keeps. */
    for (uint16_t slot = 0; slot < 9; slot++) {
        struct fake_function *f = fake_add(P, (uint16_t)(slot << 3), FAKE_PLAIN);

        f->config[4] = 4;
        f->every_function = true;
        f->config[0x0e] = 0x80;
    }
    bench_start_prepared();
    cr_assert_eq(kernel_function_count(K), FUNCTIONS_MAX);
    cr_assert_eq(K->devices.functions_lost, 9 * 8 - FUNCTIONS_MAX);
    for (uint16_t slot = 0; slot < 9; slot++)
        cr_assert_not(fake_master(fake_at(P, (uint16_t)(slot << 3))));
}

Test(scan, i1_no_address_is_left_in_the_copy_of_configuration_space)
{
    fake_standard(P);
    fake_at(P, FAKE_MODERN_BDF)->config[0x33] = 0xfe;
    bench_start_prepared();
    const struct pci_function_info *i = info_of(FAKE_MODERN_BDF);
    cr_assert_eq(i->config[0x10], 4);
    for (uint32_t at = 0x10; at < 0x28; at++)
        cr_assert(at == 0x10 || i->config[at] == 0);
    cr_assert_eq(i->config[0x33], 0);
    i = info_of(FAKE_LEGACY_BDF);
    cr_assert_eq(i->config[0x10], 1);
    cr_assert_eq(i->config[0x11], 0);
    i = info_of(FAKE_BRIDGE_BDF);
    cr_assert_eq(i->config[0x19], 1);
    cr_assert_eq(i->config[0x20], 0);
}

Test(scan, bars_that_lie_are_never_granted)
{
    struct fake_function *f = fake_add(P, 1 << 3, FAKE_PLAIN);

    f->bar_mask[0] = 0xfffff0f0; /* not a power of two */
    fake_bar(f, 1, 0xfffff000, 0x2000, 0); /* address + size overflows 32 bits */
    memcpy(&f->config[0x14], "\x00\xf0\xff\xff", 4);
    f->bar_mask[2] = 0xfffff006; /* reserved type */
    f->bar_mask[3] = 0xfffffff1 & ~0xff000u; /* ports with a hole */
    fake_bar(f, 5, 0xe0000000, 0x1000, 4); /* 64-bit in the last register */
    bench_start_prepared();
    const struct pci_function_info *i = info_of(1 << 3);
    for (uint32_t b = 0; b < 6; b++)
        cr_assert(b == 4 ? i->bars[b].kind == PCI_BAR_ABSENT
                         : i->bars[b].kind == PCI_BAR_INVALID && !i->bars[b].assigned,
                  "bar %u kind %u", b, i->bars[b].kind);
}

Test(scan, a_64_bit_bar_of_size_zero_or_beyond_the_top_is_invalid)
{
    struct fake_function *f = fake_add(P, 1 << 3, FAKE_PLAIN);

    f->bar_mask[0] = 4; /* all size bits read zero: no size */
    f->bar_mask[1] = 0;
    fake_bar(f, 2, 0xffffffff00000000ull, 0x100000000ull, 4);
    bench_start_prepared();
    cr_assert_eq(info_of(1 << 3)->bars[0].kind, PCI_BAR_INVALID);
    cr_assert_eq(info_of(1 << 3)->bars[2].kind, PCI_BAR_INVALID);
}

Test(scan, an_unassigned_bar_is_known_but_not_granted)
{
    struct fake_function *f = fake_add(P, 1 << 3, FAKE_MODERN);

    fake_bar(f, 0, 0, 0x4000, 4);
    bench_start_prepared();
    cr_assert_eq(info_of(1 << 3)->bars[0].kind, PCI_BAR_MEMORY64);
    cr_assert_not(info_of(1 << 3)->bars[0].assigned);
    struct device_reply r = A->claim(CTX, 1 << 3);
    ok(r);
    refused(A->open_registers(CTX, r.cap, &virtio_net_modern_table, modern_windows), DEV_E_WINDOW);
}

Test(scan, t7_bars_over_each_other_or_over_dma_memory_are_refused_on_both_sides)
{
    struct fake_function *f = fake_add(P, 1 << 3, FAKE_PLAIN), *g = fake_add(P, 2 << 3, FAKE_PLAIN);

    fake_bar(f, 0, 0xe0000000, 0x4000, 0);
    fake_bar(g, 0, 0xe0002000, 0x1000, 0);
    fake_bar(g, 1, 0xc000, 0x100, 1);
    fake_bar(f, 1, 0xc000, 0x1000, 0); /* the same number in memory space is another place */
    fake_bar(f, 2, P->bus_base & ~0xfffull, 0x1000, 4);
    fake_bar(f, 4, 0xe0006000, 0x1000, 0);
    bench_start_prepared();
    cr_assert_eq(info_of(1 << 3)->bars[0].kind, PCI_BAR_INVALID);
    cr_assert_eq(info_of(2 << 3)->bars[0].kind, PCI_BAR_INVALID);
    cr_assert_eq(info_of(2 << 3)->bars[1].kind, PCI_BAR_PORTS);
    cr_assert_eq(info_of(1 << 3)->bars[1].kind, PCI_BAR_MEMORY);
    cr_assert_eq(info_of(1 << 3)->bars[2].kind, PCI_BAR_INVALID);
    cr_assert_eq(info_of(1 << 3)->bars[4].kind, PCI_BAR_MEMORY);
}

struct msix_case {
    const char *what;
    uint8_t at, bar;
    uint16_t vectors;
    uint32_t table, pba;
    uint16_t expected;
};

Test(scan, msix_is_used_only_when_its_table_and_pba_lie_in_a_memory_bar)
{
    static const struct msix_case cases[] = {
        {"well-formed", 0x40, 2, 4, 0, 0x800, 4},
        {"2048 vectors do not fit", 0x40, 2, 2048, 0, 0x800, 0},
        {"last entry ends with the BAR", 0x40, 2, 4, 0xfc0, 0, 4},
        {"table one entry too far", 0x40, 2, 4, 0xfc8, 0, 0},
        {"pba outside", 0x40, 2, 4, 0, 0x1000, 0},
        {"offset near 4 GiB", 0x40, 2, 4, 0xfffffff8, 0, 0},
        {"no such BAR", 0x40, 6, 4, 0, 0, 0},
        {"absent BAR", 0x40, 4, 4, 0, 0, 0},
        {"odd pointer", 0x41, 2, 4, 0, 0x800, 0},
        {"inside the header", 0x20, 2, 4, 0, 0x800, 0},
        {"capability leaves configuration space", 0xf8, 2, 4, 0, 0x800, 0},
    };

    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct msix_case *c = &cases[i];

        fake_init(P);
        fake_standard(P);
        struct fake_function *f = fake_at(P, FAKE_MODERN_BDF);
        memset(&f->config[0x40], 0, 0xc0);
        if (c->at >= 0x40 && c->at < 0xf4)
            fake_msix(f, c->at, c->vectors, c->bar, c->table, c->pba);
        else
            f->config[c->at] = 0x11;
        f->config[0x34] = c->at;
        bench_start_prepared();
        cr_assert_eq(info_of(FAKE_MODERN_BDF)->msix.vectors, c->expected, "%s", c->what);
    }
}

Test(scan, a_capability_list_that_loops_ends)
{
    fake_standard(P);
    struct fake_function *f = fake_at(P, FAKE_MODERN_BDF);
    f->config[0x34] = 0x50;
    f->config[0x50] = 9;
    f->config[0x51] = 0x60;
    f->config[0x60] = 9;
    f->config[0x61] = 0x50;
    f = fake_at(P, FAKE_LEGACY_BDF);
    f->config[6] = 0; /* no list at all: the pointer means nothing */
    bench_start_prepared();
    cr_assert_eq(info_of(FAKE_MODERN_BDF)->msix.vectors, 0);
    cr_assert_eq(info_of(FAKE_LEGACY_BDF)->msix.vectors, 0);
}

Test(scan, a_chain_of_48_capabilities_is_walked_and_no_further)
{
    fake_standard(P);
    struct fake_function *f = fake_at(P, FAKE_MODERN_BDF);
    for (uint32_t at = 0x40; at < 0x100; at += 4) {
        f->config[at] = 9;
        f->config[at + 1] = (uint8_t)(at + 4);
    }
    f->config[0xf4] = 0x11; /* step 46: found, and 12 bytes fit */
    f->config[0xf6] = 0;
    f->config[0xf7] = 0;
    memset(&f->config[0xf8], 0, 8);
    f->config[0xf8] = 2;
    f->config[0xfd] = 8;
    f->config[0xfc] = 2;
    bench_start_prepared();
    cr_assert_eq(info_of(FAKE_MODERN_BDF)->msix.vectors, 1);
}

Test(scan, a_bridge_a_missing_and_a_header_of_unknown_type_cannot_be_claimed)
{
    fake_standard(P);
    fake_add(P, 9 << 3, FAKE_PLAIN)->config[0x0e] = 2;
    bench_start_prepared();
    refused(A->claim(CTX, FAKE_BRIDGE_BDF), DEV_E_NO_FUNCTION);
    refused(A->claim(CTX, 9 << 3), DEV_E_NO_FUNCTION);
    refused(A->claim(CTX, 0x7777), DEV_E_NO_FUNCTION);
    cr_assert_eq(kernel_device_state(K, 0x7777), DEVICE_STATE_COUNT);
    cr_assert_eq(kernel_device_epoch(K, 0x7777), 0);
}
