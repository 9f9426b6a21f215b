/* SPDX-License-Identifier: BSD-2-Clause */
/* Negotiation and the way to RUNNING over the scripted function: the feature lattice, sizes, addresses,
 * arenas (rows A7, A9, A10, A14, B2, B19, D1, D6, D10, E19, F5, F34; bugs 2, 4, 38, 42, 52). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "provider/format/virtio_ids.h"

struct bench {
    struct fake f;
    struct pci_function_info info;
    struct virtio_net nic;
    struct vnet_env env;
    void *arena;
};

static void set_up(struct bench *b, bool legacy, uint16_t slots)
{
    memset(b, 0, sizeof *b);
    fake_init(&b->f, legacy);
    b->info = fake_info(legacy);
    b->arena = malloc(vnet_arena_bytes());
    b->env = fake_env(&b->f, &b->info, b->arena, slots);
}

static void running(struct bench *b, bool legacy, uint16_t slots)
{
    set_up(b, legacy, slots);
    cr_assert_eq(fake_start(&b->nic, &b->env), VNET_RUNNING, "%s", provider_error_name(b->nic.error));
}

static void clean(struct bench *b, enum provider_error why)
{
    vnet_stop(&b->nic);
    cr_assert_eq(fake_finish(&b->nic), VNET_STOPPED);
    cr_assert_eq(b->nic.error, why, "%s", provider_error_name(b->nic.error));
    cr_assert_eq(b->f.rings_live, 0);
    cr_assert_eq(b->f.buffers_live, 0);
    cr_assert_not(b->f.open);
    cr_assert_not(b->f.dma);
    cr_assert_eq(b->f.bells_before_ok, 0);
    cr_assert_eq(vnet_close(&b->nic), PROVIDER_OK);
    free(b->arena);
}

/* The bits that we know by name, and others of each range: 20 of them. */
static const uint8_t known_bits[20] = {0,  1,  2,  3,  5,  7,  10, 11, 13, 15,
                                       16, 17, 21, 22, 24, 27, 28, 29, 32, 34};

static uint64_t bits_of(uint32_t set)
{
    uint64_t bits = 0;

    for (int i = 0; i < 20; i++)
        bits |= (uint64_t)(set >> i & 1) << known_bits[i];
    return bits;
}

Test(features, lattice_accepted_is_exactly_what_is_offered_and_wanted)
{
    const uint64_t legacy = 1ull << 5 | 1ull << 16 | 1ull << 27;
    const uint64_t modern = 1ull << 5 | 1ull << 16 | 1ull << 32;

    for (uint32_t set = 0; set < 1u << 20; set++) {
        uint64_t offered = bits_of(set);
        uint64_t accepted = ~0ull;
        bool mac = offered & 1ull << 5;

        cr_assert_eq(vnet_accept_features(VIRTIO_LEGACY, offered & 0xffffffffu, &accepted),
                     mac ? PROVIDER_OK : PROVIDER_E_FEATURES);
        cr_assert_eq(accepted, offered & legacy);
        cr_assert_eq(vnet_accept_features(VIRTIO_MODERN, offered, &accepted),
                     mac && (offered >> 32 & 1) ? PROVIDER_OK : PROVIDER_E_FEATURES);
        cr_assert_eq(accepted, offered & modern);
    }
}

Test(features, each_single_bit_of_64_beside_the_needed_ones)
{
    for (int bit = 0; bit < 64; bit++) {
        struct bench b;

        set_up(&b, false, 4);
        b.f.offered = 1ull << bit | 1ull << 5 | 1ull << 32;
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING);
        cr_assert_eq(b.f.accepted, b.f.offered & (1ull << 5 | 1ull << 16 | 1ull << 32), "bit %d", bit);
        clean(&b, PROVIDER_OK);
    }
}

Test(features, all_ones_offered_is_not_echoed)
{
    for (int legacy = 0; legacy < 2; legacy++) {
        struct bench b;

        set_up(&b, legacy, 4);
        b.f.offered = ~0ull;
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING);
        cr_assert_eq(b.f.accepted, legacy ? 0x08010020ull : 0x100010020ull);
        clean(&b, PROVIDER_OK);
    }
}

Test(features, what_we_cannot_do_without_is_missed_by_name)
{
    for (int legacy = 0; legacy < 2; legacy++) {
        struct bench b;

        set_up(&b, legacy, 4);
        b.f.offered &= ~(legacy ? 1ull << 5 : 1ull << 32);
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_STOPPED);
        cr_assert_eq(b.f.statuses[b.f.status_count - 2], 0x83, "FAILED is set (3.1.1), then reset");
        cr_assert_eq(b.f.statuses[b.f.status_count - 1], 0);
        clean(&b, PROVIDER_E_FEATURES);
    }
}

Test(start, the_steps_of_3_1_1_in_order)
{
    static const uint8_t modern[] = {0, 1, 3, 11, 15, 0};
    static const uint8_t legacy[] = {0, 1, 3, 7, 0};
    struct bench b;

    running(&b, false, 8);
    cr_assert_eq(b.nic.header_bytes, 12);
    cr_assert_eq(b.f.queues[0].avail_flags, 1, "2.7.7.1: polled, no interrupts asked for");
    cr_assert_arr_eq(b.nic.mac, b.f.config, 6);
    clean(&b, PROVIDER_OK);
    cr_assert_eq(b.f.status_count, sizeof modern);
    cr_assert_arr_eq(b.f.statuses, modern, sizeof modern);
    running(&b, true, 8);
    cr_assert_eq(b.nic.header_bytes, 10);
    clean(&b, PROVIDER_OK);
    cr_assert_eq(b.f.status_count, sizeof legacy);
    cr_assert_arr_eq(b.f.statuses, legacy, sizeof legacy);
}

Test(start, every_power_of_two_runs_with_what_fits)
{
    for (int legacy = 0; legacy < 2; legacy++) {
        for (uint32_t size = 1; size <= 8192; size *= 2) {
            struct bench b;

            set_up(&b, legacy, 8192);
            b.f.queues[0].size_offered = (uint16_t)size;
            b.f.queues[1].size_offered = (uint16_t)size;
            cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING, "size %u", size);
            cr_assert_eq(b.nic.rx_slots, size);
            cr_assert_eq(virtq_outstanding(&b.nic.rx), size, "armed to the brim");
            clean(&b, PROVIDER_OK);
        }
    }
}

Test(start, a_refused_size_is_kept_with_its_number)
{
    static const uint16_t sizes[] = {3, 16384, 65535};

    for (int i = 0; i < 12; i++) {
        struct bench b;

        set_up(&b, i & 1, 4);
        b.f.queues[i >> 1 & 1].size_offered = sizes[i >> 2];
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_STOPPED);
        cr_assert_eq(b.nic.rejected_queue_size, sizes[i >> 2]);
        clean(&b, PROVIDER_E_QUEUE_SIZE);
    }
}

Test(start, spec_5_1_6_6_without_any_layout_needs_two_descriptors)
{
    struct bench b;

    set_up(&b, true, 4);
    b.f.offered &= ~VIRTIO_F_ANY_LAYOUT;
    b.f.queues[0].size_offered = 1;
    cr_assert_eq(fake_start(&b.nic, &b.env), VNET_STOPPED);
    cr_assert_eq(b.nic.rejected_queue_size, 1);
    clean(&b, PROVIDER_E_QUEUE_SIZE);
}

Test(start, group_and_zero_addresses_are_refused)
{
    static const uint8_t bad[3][6] = {{1, 0, 0, 0, 0, 1}, {0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

    for (int i = 0; i < 6; i++) {
        struct bench b;

        set_up(&b, i & 1, 4);
        memcpy(b.f.config, bad[i >> 1], 6);
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_STOPPED);
        clean(&b, PROVIDER_E_CONFIG);
    }
}

Test(start, an_arena_too_small_is_a_refusal_and_the_stated_size_is_enough)
{
    for (size_t bytes = 0; bytes < 20000; bytes += 97) {
        struct bench b;

        set_up(&b, false, 8);
        b.env.arena_bytes = bytes;
        enum vnet_state s = fake_start(&b.nic, &b.env);
        cr_assert(s == VNET_RUNNING || b.nic.error == PROVIDER_E_MEMORY);
        cr_assert_eq(s == VNET_RUNNING,
                     bytes > 2 * 256 * sizeof(struct virtq_slot) + 32 || s == VNET_RUNNING);
        clean(&b, s == VNET_RUNNING ? PROVIDER_OK : PROVIDER_E_MEMORY);
    }
    struct bench b;
    set_up(&b, true, 8192);
    b.f.queues[0].size_offered = 8192;
    b.f.queues[1].size_offered = 8192;
    b.env.arena = (uint8_t *)b.arena + 1; /* unaligned: the slack covers it */
    b.env.arena_bytes -= 1;
    cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING);
    clean(&b, PROVIDER_OK);
    set_up(&b, true, 8);
    b.env.arena = NULL;
    cr_assert_eq(fake_start(&b.nic, &b.env), VNET_STOPPED);
    clean(&b, PROVIDER_E_MEMORY);
}

Test(start, open_refuses_what_it_cannot_serve_and_holds_nothing)
{
    struct bench b;

    set_up(&b, false, 4);
    for (int i = 0; i < 4; i++) {
        struct vnet_env env = b.env;
        static const uint16_t bad[2] = {0, 8193};

        *(i < 2 ? &env.rx_slots : &env.tx_slots) = bad[i & 1];
        cr_assert_eq(vnet_open(&b.nic, &env), PROVIDER_E_RANGE);
    }
    b.info.device = 0x1042;
    cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_E_NOT_VIRTIO);
    b.info.vendor = 0;
    cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_E_NOT_VIRTIO);
    b.info = fake_info(false);
    b.info.config[6] = 0;
    cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_E_NO_TRANSPORT);
    b.info = fake_info(false);
    cr_assert_not(b.f.open);
    cr_assert_eq(b.f.calls, 0);
    cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING);
    cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_E_STATE);
    cr_assert_eq(vnet_close(&b.nic), PROVIDER_E_STATE);
    clean(&b, PROVIDER_OK);
}
