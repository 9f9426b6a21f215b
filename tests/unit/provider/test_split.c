/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables over the split ring's layout and bytes: rows B1-B3, B18, B19, B29. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "provider/format/split.h"

Test(split, every_power_of_two_from_1_to_8192_is_accepted_and_nothing_else)
{
    for (uint32_t size = 0; size <= 70000; size++) {
        struct split_layout layout;
        bool power = size != 0 && size <= 8192 && (size & (size - 1)) == 0;

        cr_assert_eq(split_layout_for(size, 4, &layout), power, "size %u", size);
        cr_assert_eq(split_layout_for(size, 4096, &layout), power, "size %u", size);
    }
}

/* The formula of 2.7.2, written again: ALIGN(16 n + 2 (3 + n)) + ALIGN(6 + 8 n). */
static uint32_t align_up(uint32_t x, uint32_t a)
{
    return (x + a - 1) / a * a;
}

Test(split, spec_2_7_2_legacy_layout_is_the_formula)
{
    for (uint32_t n = 1; n <= 8192; n *= 2) {
        struct split_layout l;

        cr_assert(split_layout_for(n, 4096, &l));
        cr_assert_eq(l.driver_offset, 16 * n);
        cr_assert_eq(l.device_offset, align_up(16 * n + 2 * (3 + n), 4096));
        cr_assert_eq(l.bytes, align_up(16 * n + 2 * (3 + n), 4096) + align_up(6 + 8 * n, 4096));
    }
}

Test(split, the_sizes_that_compute_engine_dictates)
{
    struct split_layout l;

    cr_assert(split_layout_for(4096, 4096, &l));
    cr_assert_eq(l.device_offset, 0x13000);
    cr_assert(split_layout_for(8192, 4096, &l));
    cr_assert_eq(l.device_offset, 0x25000);
    cr_assert_eq(l.bytes, 0x25000 + align_up(65542, 4096));
}

Test(split, spec_2_7_1_used_ring_is_4_aligned_for_every_size)
{
    for (uint32_t n = 1; n <= 8192; n *= 2) {
        struct split_layout l;

        cr_assert(split_layout_for(n, 4, &l));
        cr_assert_eq(l.driver_offset % 2, 0);
        cr_assert_eq(l.device_offset % 4, 0);
        cr_assert_geq(l.device_offset, 16 * n + 6 + 2 * n);
        cr_assert_lt(l.device_offset, 16 * n + 6 + 2 * n + 4);
    }
}

Test(split, a_new_ring_has_zero_indices_and_the_flags_asked_for)
{
    static _Alignas(4096) uint8_t memory[8192];
    struct split_layout l;
    struct split_ring ring;

    memset(memory, 0xff, sizeof memory);
    cr_assert(split_layout_for(4, 4, &l));
    split_ring_init(&ring, memory, 4, l, 1);
    cr_assert_eq(memory[l.driver_offset], 1);
    cr_assert_eq(memory[l.driver_offset + 1], 0);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(memory[l.device_offset + i], 0);
    cr_assert_eq(memory[l.driver_offset + 2] | memory[l.driver_offset + 3], 0);
}

Test(split, descriptor_bytes_are_little_endian_as_2_7_5_lays_them_out)
{
    static _Alignas(4096) uint8_t memory[8192];
    static const uint8_t want[16] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
                                     0x04, 0x03, 0x02, 0x01, 3,    0,    2,    0};
    struct split_layout l;
    struct split_ring ring;

    cr_assert(split_layout_for(4, 4, &l));
    split_ring_init(&ring, memory, 4, l, 0);
    split_write_descriptor(&ring, 3,
                           (struct split_descriptor){0x1122334455667788ull, 0x01020304, 2, true, true});
    cr_assert_arr_eq(memory + 48, want, 16);
    split_write_descriptor(&ring, 0, (struct split_descriptor){1, 1, 2, false, false});
    cr_assert_eq(memory[12], 0);
    cr_assert_eq(memory[14], 0, "next is not written where no chain goes on");
}

Test(split, entries_wrap_with_the_ring_and_the_index_runs_free)
{
    static _Alignas(4096) uint8_t memory[8192];
    struct split_layout l;
    struct split_ring ring;

    cr_assert(split_layout_for(2, 4, &l));
    split_ring_init(&ring, memory, 2, l, 0);
    for (uint32_t i = 0; i < 70000; i++) {
        uint16_t head = i & 1;
        uint16_t index;

        split_put_available(&ring, head, 0);
        cr_assert(split_publish(&ring, 1));
        memcpy(&index, memory + l.driver_offset + 2, 2);
        cr_assert_eq(index, (uint16_t)(i + 1));
        cr_assert_eq(memory[l.driver_offset + 4 + 2 * (i & 1)], head);
    }
}

Test(split, spec_2_7_10_1_used_flags_bit_0_alone_suppresses_the_bell)
{
    static _Alignas(4096) uint8_t memory[8192];
    struct split_layout l;
    struct split_ring ring;

    cr_assert(split_layout_for(1, 4, &l));
    split_ring_init(&ring, memory, 1, l, 0);
    memory[l.device_offset] = 1;
    cr_assert_not(split_publish(&ring, 1));
    memory[l.device_offset] = 0xfe;
    memory[l.device_offset + 1] = 0xff;
    cr_assert(split_publish(&ring, 1));
}
