/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses for BARs on a scripted bus 0: nothing that firmware assigned is moved, nothing overlaps, nothing
 * lies over memory, no BAR is decoded while it is sized. */
#include <criterion/criterion.h>
#include <string.h>

#include "platform/pc/platform_pc.h"

#define FUNCTIONS 8u

struct function {
    uint16_t bdf;
    uint8_t header;
    uint16_t command;
    uint32_t bar[6];
    uint32_t fixed[6]; /* bits that read back as written: the size; 0: absent */
    uint32_t kind[6]; /* low bits that are hard-wired */
};

static struct function functions[FUNCTIONS];
static uint32_t function_count;
static struct memory_map map;
static struct platform machine;

static struct function *find(uint16_t bdf)
{
    for (uint32_t i = 0; i < function_count; i++)
        if (functions[i].bdf == bdf)
            return &functions[i];
    return NULL;
}

uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    const struct function *f = find(bdf);
    (void)p;
    if (!f)
        return width == 2 ? 0xffff : width == 1 ? 0xff : 0xffffffffu;
    if (offset == 0)
        return 0x1af4;
    if (offset == 0x04)
        return f->command;
    if (offset == 0x0e)
        return f->header;
    cr_assert(offset >= 0x10 && offset < 0x28 && width == 4);
    uint32_t i = (offset - 0x10u) / 4;
    return (f->bar[i] & f->fixed[i]) | f->kind[i];
}

void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    struct function *f = find(bdf);
    (void)p;
    cr_assert_not_null(f);
    if (offset == 0x04) {
        cr_assert_eq(width, 2);
        f->command = (uint16_t)value;
        return;
    }
    cr_assert(offset >= 0x10 && offset < 0x28 && width == 4);
    cr_assert_eq(f->command & 3, 0, "a BAR was written while it decodes");
    f->bar[(offset - 0x10u) / 4] = value;
}

static struct function *add(uint16_t bdf, uint8_t header)
{
    cr_assert_lt(function_count, FUNCTIONS);
    functions[function_count] = (struct function){.bdf = bdf, .header = header, .command = 3};
    return &functions[function_count++];
}

static void memory_bar(struct function *f, uint32_t i, uint32_t bytes, uint32_t address)
{
    f->fixed[i] = ~(bytes - 1u) & ~15u;
    f->bar[i] = address;
}

static void wide_bar(struct function *f, uint32_t i, uint32_t bytes)
{
    memory_bar(f, i, bytes, 0);
    f->kind[i] = 4;
    f->fixed[i + 1] = 0xffffffffu;
}

static void port_bar(struct function *f, uint32_t i, uint32_t bytes, uint32_t address)
{
    f->fixed[i] = (~(bytes - 1u) & ~3u) & 0xffffu;
    f->kind[i] = 1;
    f->bar[i] = address;
}

static uint32_t address(const struct function *f, uint32_t i)
{
    return (f->bar[i] & f->fixed[i]) & ~(f->kind[i] & 1 ? 3u : 15u);
}

static void set_up(void)
{
    function_count = 0;
    memory_map_init(&map);
    memory_map_add(&map, 0x100000, 0x7f00000, MEMORY_RAM);
    memory_map_settle(&map);
    memset(&machine, 0, sizeof machine);
    machine.map = &map;
}

TestSuite(assign, .init = set_up);

Test(assign, bars_without_an_address_get_one_of_their_own_alignment)
{
    struct function *nic = add(0x10, 0);
    port_bar(nic, 0, 32, 0);
    memory_bar(nic, 1, 4096, 0);
    wide_bar(nic, 4, 16384);
    cr_assert_eq(pc_assign_bars(&machine), 3);
    cr_assert_geq(address(nic, 0), 0xc000);
    cr_assert_eq(address(nic, 0) % 32, 0);
    cr_assert_geq(address(nic, 1), 0xe0000000u);
    cr_assert_geq(address(nic, 4), 0xe0000000u);
    cr_assert_eq(address(nic, 4) % 16384, 0);
    cr_assert_eq(nic->bar[5], 0, "below 4 GiB");
    cr_assert(address(nic, 4) >= address(nic, 1) + 4096 || address(nic, 1) >= address(nic, 4) + 16384);
    cr_assert_eq(nic->command, 3, "as firmware left it");
}

Test(assign, what_firmware_assigned_stays_and_is_kept_clear_of)
{
    struct function *first = add(0x08, 0);
    struct function *second = add(0x10, 0);
    memory_bar(first, 0, 4096, 0);
    memory_bar(second, 0, 0x100000, 0xe0000000u); /* comes later in the scan, and holds the first place */
    port_bar(first, 1, 64, 0);
    port_bar(second, 1, 64, 0xc000);
    cr_assert_eq(pc_assign_bars(&machine), 2);
    cr_assert_eq(address(second, 0), 0xe0000000u);
    cr_assert_eq(address(second, 1), 0xc000);
    cr_assert_geq(address(first, 0), 0xe0100000u);
    cr_assert_geq(address(first, 1), 0xc040);
}

Test(assign, memory_in_the_window_is_passed_over)
{
    struct function *nic = add(0x10, 0);
    memory_bar(nic, 0, 0x10000, 0);
    memory_map_add(&map, 0xe0000000u, 0x800000, MEMORY_RAM);
    memory_map_add(&map, 0xe0808000u, 0x1000, MEMORY_FIRMWARE);
    memory_map_settle(&map);
    cr_assert_eq(pc_assign_bars(&machine), 1);
    cr_assert_eq(address(nic, 0), 0xe0810000u);
}

Test(assign, small_bars_share_no_page)
{
    struct function *a = add(0x08, 0);
    struct function *b = add(0x10, 0);
    memory_bar(a, 0, 256, 0);
    memory_bar(a, 1, 256, 0);
    memory_bar(b, 0, 256, 0);
    cr_assert_eq(pc_assign_bars(&machine), 3);
    cr_assert_neq(address(a, 0) >> 12, address(a, 1) >> 12);
    cr_assert_neq(address(a, 1) >> 12, address(b, 0) >> 12);
    cr_assert_neq(address(a, 0) >> 12, address(b, 0) >> 12);
}

Test(assign, what_does_not_fit_stays_without_an_address)
{
    struct function *f = add(0x08, 0);
    memory_bar(f, 0, 0x80000000u, 0);
    memory_bar(f, 1, 0x10000000u, 0);
    memory_bar(f, 2, 0x10000000u, 0); /* the window has less than twice that */
    cr_assert_eq(pc_assign_bars(&machine), 1);
    cr_assert_eq(address(f, 0), 0);
    cr_assert_eq(address(f, 1), 0xe0000000u);
    cr_assert_eq(address(f, 2), 0);
}

Test(assign, a_bar_that_is_no_power_of_two_gets_nothing)
{
    struct function *f = add(0x08, 0);
    f->fixed[0] = 0xff0ff000u;
    cr_assert_eq(pc_assign_bars(&machine), 0);
}

Test(assign, functions_of_a_slot_count_only_when_it_says_so_and_bridges_have_two)
{
    struct function *single = add(0x10, 0);
    struct function *ghost = add(0x11, 0); /* answers, but the slot has one function */
    struct function *bridge = add(0x18, 0x81);
    struct function *behind = add(0x19, 0);
    memory_bar(single, 0, 4096, 0);
    memory_bar(ghost, 0, 4096, 0);
    memory_bar(bridge, 0, 4096, 0);
    memory_bar(bridge, 3, 4096, 0); /* not a BAR in that layout */
    memory_bar(behind, 0, 4096, 0);
    cr_assert_eq(pc_assign_bars(&machine), 3);
    cr_assert_eq(address(ghost, 0), 0);
    cr_assert_eq(address(bridge, 3), 0);
    cr_assert_neq(address(behind, 0), 0);
}

Test(assign, sixty_four_bits_in_the_last_register_are_taken_for_what_they_are)
{
    struct function *f = add(0x08, 0);
    memory_bar(f, 5, 4096, 0);
    f->kind[5] = 4; /* no register for the upper half */
    cr_assert_eq(pc_assign_bars(&machine), 1);
    cr_assert_neq(address(f, 5), 0);
}
