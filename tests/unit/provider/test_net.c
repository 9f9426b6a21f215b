/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames through the provider over the scripted function: headers, padding, back-pressure, drops, wraps, lies
 * (rows A7, A10, B19, B28, F5, F10, F11, F19-F26, F34; Z1-Z5; bugs 4, 12, 15, 24-26, 42, 43, 52, 58, 59). */
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

/* Sends one frame of `length` bytes of 0x5a; returns what the device sees of it. */
static struct fake_segment send_one(struct bench *b, uint16_t length, struct fake_segment *header,
                                    uint16_t *head)
{
    uint16_t slot;

    cr_assert_eq(vnet_tx_take(&b->nic, &slot, 1), 1);
    uint8_t *data = vnet_tx_data(&b->nic, slot);
    memset(data - 16, 0xff, 16 + 1514); /* stale bytes of an earlier frame */
    memset(data, 0x5a, length);
    struct nic_tx_frame frame = {slot, length};
    cr_assert_eq(vnet_send(&b->nic, &frame, 1), 1);
    cr_assert(fake_pop(&b->f, 1, head));
    *header = fake_descriptor(&b->f, 1, *head);
    cr_assert_not(header->writable, "5.1.6.2: a frame to send is readable");
    if (header->more) {
        struct fake_segment s = fake_descriptor(&b->f, 1, header->next);
        cr_assert_not(s.writable);
        return s;
    }
    struct fake_segment s = *header;
    header->length = b->nic.header_bytes;
    s.data += header->length;
    s.length -= header->length;
    return s;
}

Test(transmit, header_is_zero_and_short_frames_are_padded_with_zeroes)
{
    static const uint16_t lengths[] = {14, 42, 59, 60, 61, 64, 1513, 1514};

    for (int variant = 0; variant < 3; variant++) {
        struct bench b;

        set_up(&b, variant > 0, 4);
        if (variant == 2)
            b.f.offered &= ~VIRTIO_F_ANY_LAYOUT;
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING);
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct fake_segment header;
            uint16_t head;
            struct fake_segment data = send_one(&b, lengths[i], &header, &head);

            cr_assert_eq(header.more, variant == 2, "header apart exactly without ANY_LAYOUT (5.1.6.6)");
            cr_assert_eq(header.length, variant == 0 ? 12 : 10);
            for (uint32_t k = 0; k < header.length; k++)
                cr_assert_eq(header.data[k], 0);
            cr_assert_eq(data.length, lengths[i] < 60 ? 60 : lengths[i]);
            for (uint32_t k = 0; k < data.length; k++)
                cr_assert_eq(data.data[k], k < lengths[i] ? 0x5a : 0);
            fake_use(&b.f, 1, head, variant == 0 ? 0 : 0xffffffffu);
            vnet_poll(&b.nic, 0, 64);
        }
        cr_assert_eq(b.nic.counters.tx_reaped, 8);
        cr_assert_eq(b.nic.counters.faults, 0);
        clean(&b, PROVIDER_OK);
    }
}

Test(transmit, back_pressure_says_so_and_ends_with_the_first_completion)
{
    for (uint16_t size = 1; size <= 4; size *= 2) {
        struct bench b;
        uint16_t slots[8], head;
        struct nic_tx_frame frames[8];

        set_up(&b, false, 8);
        b.f.queues[1].size_offered = size;
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING);
        for (uint32_t round = 0; round < 200; round++) {
            cr_assert_eq(vnet_tx_take(&b.nic, slots, 8), size, "what the queue holds and not one more");
            for (uint16_t i = 0; i < size; i++)
                frames[i] = (struct nic_tx_frame){slots[i], 60};
            cr_assert_eq(vnet_send(&b.nic, frames, size), size);
            cr_assert_eq(vnet_tx_take(&b.nic, slots, 8), 0);
            for (uint16_t i = 0; i < size; i++) {
                cr_assert(fake_pop(&b.f, 1, &head));
                fake_use(&b.f, 1, head, 0);
            }
        }
        cr_assert_eq(b.nic.counters.tx_full, 200);
        clean(&b, PROVIDER_OK);
    }
}

Test(transmit, slots_and_lengths_out_of_range_are_refused_and_stay_the_callers)
{
    struct bench b;
    uint16_t slots[4];

    running(&b, false, 4);
    cr_assert_eq(vnet_tx_take(&b.nic, slots, 3), 3);
    static const uint16_t lengths[] = {0, 13, 1515, 65535};
    for (int i = 0; i < 4; i++) {
        struct nic_tx_frame bad[2] = {{slots[0], lengths[i]}, {slots[1], 60}};
        cr_assert_eq(vnet_send(&b.nic, bad, 2), 0);
    }
    struct nic_tx_frame free_slot = {3, 60}, none = {4, 60}, far = {65535, 60};
    cr_assert_eq(vnet_send(&b.nic, &free_slot, 1), 0);
    cr_assert_eq(vnet_send(&b.nic, &none, 1), 0);
    cr_assert_eq(vnet_send(&b.nic, &far, 1), 0);
    cr_assert_eq(b.nic.counters.refused, 7);
    struct nic_tx_frame twice[3] = {{slots[0], 60}, {slots[0], 60}, {slots[1], 60}};
    cr_assert_eq(vnet_send(&b.nic, twice, 3), 1, "the second use of a slot ends the batch");
    cr_assert_eq(virtq_outstanding(&b.nic.tx), 1);
    uint16_t back[4] = {slots[0], slots[1], slots[1], 9};
    vnet_tx_return(&b.nic, back, 4);
    cr_assert_eq(b.nic.counters.refused, 11);
    cr_assert_eq(b.nic.tx_lent, 1);
    cr_assert_eq(vnet_send(&b.nic, NULL, 0), 0);
    clean(&b, PROVIDER_OK);
}

Test(transmit, a_batch_is_one_publication)
{
    struct bench b;
    uint16_t slots[100];
    struct nic_tx_frame frames[100];

    running(&b, false, 100);
    uint32_t before = b.f.publishes;
    cr_assert_eq(vnet_tx_take(&b.nic, slots, 100), 100);
    for (int i = 0; i < 100; i++)
        frames[i] = (struct nic_tx_frame){slots[i], 60};
    cr_assert_eq(vnet_send(&b.nic, frames, 100), NIC_BATCH_MAX);
    cr_assert_eq(b.f.publishes, before + 1);
    cr_assert_eq(vnet_send(&b.nic, frames + NIC_BATCH_MAX, 36), 36);
    clean(&b, PROVIDER_OK);
    cr_assert_eq(b.f.publishes, before + 2);
}

Test(receive, frames_arrive_whole_with_their_length_and_go_round)
{
    for (int variant = 0; variant < 3; variant++) {
        struct bench b;
        uint8_t frame[1514];

        set_up(&b, variant > 0, 2);
        b.f.queues[0].size_offered = 4;
        if (variant == 2)
            b.f.offered &= ~VIRTIO_F_ANY_LAYOUT;
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING);
        cr_assert_eq(b.nic.rx_slots, 2);
        for (uint32_t i = 0; i < 70000; i++) {
            struct nic_rx_frame out[4];
            uint32_t bytes = 14 + i % 1501;

            memset(frame, (int)i, 20);
            fake_deliver(&b.f, frame, bytes, 1);
            cr_assert_eq(vnet_receive(&b.nic, out, 4), 1);
            cr_assert_eq(out[0].length, bytes);
            cr_assert_eq(out[0].data[13], (uint8_t)i);
            vnet_recycle(&b.nic, &out[0].slot, 1);
        }
        cr_assert_eq(b.nic.counters.rx_frames, 70000);
        cr_assert_eq(b.nic.counters.rx_recycled, 70000);
        cr_assert_eq(b.nic.counters.faults, 0);
        clean(&b, PROVIDER_OK);
    }
}

Test(receive, empty_says_so_and_resets_nothing)
{
    struct bench b;
    struct nic_rx_frame out[4];

    running(&b, false, 4);
    cr_assert_eq(vnet_receive(&b.nic, out, 4), 0);
    cr_assert_eq(vnet_receive(&b.nic, out, 0), 0);
    cr_assert_eq(b.nic.counters.rx_empty, 2);
    cr_assert_eq(b.nic.counters.resets, 1);
    cr_assert_eq(b.nic.state, VNET_RUNNING);
    clean(&b, PROVIDER_OK);
}

Test(receive, a_queue_of_one_survives_every_kind_of_drop)
{
    /* Short, long, lying about num_buffers: dropped, counted, armed again; the next good frame still arrives.
     */
    for (int legacy = 0; legacy < 2; legacy++) {
        struct bench b;
        uint8_t frame[2000] = {0};
        struct nic_rx_frame out;

        set_up(&b, legacy, 1);
        b.f.queues[0].size_offered = 1;
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING);
        for (int i = 0; i < 50; i++) {
            fake_deliver(&b.f, frame, i % 14, 1);
            cr_assert_eq(vnet_receive(&b.nic, &out, 1), 0);
            fake_deliver(&b.f, frame, 1515 + i, 1);
            cr_assert_eq(vnet_receive(&b.nic, &out, 1), 0);
            if (!legacy) {
                static const uint16_t lies[] = {0, 2, 65535};
                fake_deliver(&b.f, frame, 100, lies[i % 3]);
                cr_assert_eq(vnet_receive(&b.nic, &out, 1), 0);
            }
            fake_deliver(&b.f, frame, 100, 1);
            cr_assert_eq(vnet_receive(&b.nic, &out, 1), 1);
            vnet_recycle(&b.nic, &out.slot, 1);
        }
        cr_assert_eq(b.nic.counters.rx_short, 50);
        cr_assert_eq(b.nic.counters.rx_long, 50);
        cr_assert_eq(b.nic.counters.rx_bad_header, legacy ? 0 : 50);
        cr_assert_eq(b.nic.counters.rx_frames, 50);
        cr_assert_eq(b.nic.rx_lent, 0);
        clean(&b, PROVIDER_OK);
    }
}

Test(receive, lengths_below_the_header_are_short_and_none_wraps_around)
{
    for (uint32_t used = 0; used < 26; used++) {
        struct bench b;
        struct nic_rx_frame out;
        uint16_t head;

        running(&b, false, 2);
        cr_assert(fake_pop(&b.f, 0, &head));
        struct fake_segment s = fake_descriptor(&b.f, 0, head);
        memset(s.data, 0, 64);
        s.data[10] = 1;
        fake_use(&b.f, 0, head, used);
        cr_assert_eq(vnet_receive(&b.nic, &out, 1), 0);
        cr_assert_eq(b.nic.counters.rx_short, 1);
        cr_assert_eq(virtq_outstanding(&b.nic.rx), 2, "armed again");
        clean(&b, PROVIDER_OK);
    }
}

Test(receive, copy_gives_min_of_used_and_capacity_and_arms_again)
{
    struct bench b;
    uint8_t frame[100], out[100];

    memset(frame, 7, sizeof frame);
    running(&b, true, 2);
    for (uint16_t capacity = 0; capacity <= 100; capacity++) {
        memset(out, 0xcc, sizeof out);
        fake_deliver(&b.f, frame, 64, 1);
        cr_assert_eq(vnet_receive_copy(&b.nic, out, capacity), capacity < 64 ? capacity : 64);
        for (int i = 0; i < 100; i++)
            cr_assert_eq(out[i], i < capacity && i < 64 ? 7 : 0xcc);
    }
    cr_assert_eq(vnet_receive_copy(&b.nic, out, 100), 0);
    cr_assert_eq(virtq_outstanding(&b.nic.rx), 2);
    clean(&b, PROVIDER_OK);
}

Test(receive, slots_given_back_twice_or_never_lent_are_refused)
{
    struct bench b;
    uint8_t frame[60] = {0};
    struct nic_rx_frame out;

    running(&b, false, 4);
    fake_deliver(&b.f, frame, 60, 1);
    cr_assert_eq(vnet_receive(&b.nic, &out, 1), 1);
    uint16_t back[5] = {out.slot, out.slot, (uint16_t)(out.slot ^ 1), 4, 65535};
    vnet_recycle(&b.nic, back, 5);
    cr_assert_eq(b.nic.counters.refused, 4);
    cr_assert_eq(b.nic.counters.rx_recycled, 1);
    cr_assert_eq(virtq_outstanding(&b.nic.rx), 4);
    clean(&b, PROVIDER_OK);
}

Test(receive, more_than_a_batch_goes_back_in_several_publications)
{
    struct bench b;
    uint8_t frame[60] = {0};
    struct nic_rx_frame out[NIC_BATCH_MAX];
    uint16_t slots[100];
    uint16_t n = 0;

    running(&b, false, 100);
    for (int i = 0; i < 100; i++)
        fake_deliver(&b.f, frame, 60, 1);
    for (int round = 0; round < 2; round++) {
        uint16_t got = vnet_receive(&b.nic, out, 1000);
        cr_assert_eq(got, round == 0 ? 64 : 36);
        for (uint16_t i = 0; i < got; i++)
            slots[n++] = out[i].slot;
    }
    uint32_t before = b.f.publishes;
    vnet_recycle(&b.nic, slots, 100);
    cr_assert_eq(b.f.publishes, before + 2);
    cr_assert_eq(virtq_outstanding(&b.nic.rx), 100);
    clean(&b, PROVIDER_OK);
}

/* Each lie about a completion, on each queue: consumed, counted, and the way out to a state from which it
 * starts anew. */
Test(lies, a_broken_queue_stops_and_starts_again)
{
    for (int lie = 0; lie < 5; lie++) {
        for (int variant = 0; variant < 4; variant++) {
            struct bench b;
            bool tx = variant & 1;
            uint16_t q = tx ? 1 : 0, head, slots[2];
            struct nic_rx_frame out[4];
            struct nic_tx_frame frames[2];

            if (lie == 4 && variant == 3)
                continue; /* legacy transmit lengths are no lie: they are ignored */
            running(&b, variant >> 1, 4);
            cr_assert_eq(vnet_tx_take(&b.nic, slots, 2), 2);
            for (int i = 0; i < 2; i++)
                frames[i] = (struct nic_tx_frame){slots[i], 60};
            cr_assert_eq(vnet_send(&b.nic, frames, 2), 2);
            cr_assert(fake_pop(&b.f, q, &head));
            switch (lie) {
            case 0:
                fake_use(&b.f, q, 256, 0);
                break;
            case 1:
                fake_use(&b.f, q, 200, 0);
                break;
            case 2:
                fake_use(&b.f, q, head, tx ? 0 : 72);
                fake_use(&b.f, q, head, tx ? 0 : 72);
                break;
            case 3:
                fake_used_index(&b.f, q, 5);
                break;
            default:
                fake_use(&b.f, q, head, tx ? 1 : 2049);
                break;
            }
            if (tx)
                cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_STOPPING);
            else
                vnet_receive(&b.nic, out, 4);
            cr_assert_eq(b.nic.state, VNET_STOPPING, "lie %d on %d", lie, q);
            cr_assert_eq(b.nic.counters.faults, 1);
            cr_assert_eq(vnet_receive(&b.nic, out, 4), 0, "no work while stopping");
            cr_assert_eq(vnet_tx_take(&b.nic, slots, 2), 0);
            cr_assert_eq(vnet_send(&b.nic, frames, 1), 0);
            clean(&b, PROVIDER_E_NEEDS_RESET);
            running(&b, variant >> 1, 4);
            clean(&b, PROVIDER_OK);
        }
    }
}

Test(lies, a_broken_transmit_queue_shows_when_slots_are_asked_for)
{
    struct bench b;
    uint16_t slots[4];
    struct nic_tx_frame frame;

    running(&b, false, 2);
    cr_assert_eq(vnet_tx_take(&b.nic, slots, 1), 1);
    frame = (struct nic_tx_frame){slots[0], 60};
    cr_assert_eq(vnet_send(&b.nic, &frame, 1), 1);
    fake_use(&b.f, 1, 0xffffffffu, 0);
    cr_assert_eq(vnet_tx_take(&b.nic, slots, 4), 0, "not even the free one");
    clean(&b, PROVIDER_E_NEEDS_RESET);
}

Test(lies, good_frames_in_front_of_a_bad_completion_are_still_delivered)
{
    struct bench b;
    uint8_t frame[60] = {9};
    struct nic_rx_frame out[4];

    running(&b, false, 4);
    fake_deliver(&b.f, frame, 60, 1);
    fake_use(&b.f, 0, 0x12345678, 72);
    cr_assert_eq(vnet_receive(&b.nic, out, 4), 1);
    cr_assert_eq(out[0].data[0], 9);
    cr_assert_eq(b.nic.state, VNET_STOPPING);
    vnet_recycle(&b.nic, &out[0].slot, 1);
    cr_assert_eq(b.nic.rx_lent, 0);
    clean(&b, PROVIDER_E_NEEDS_RESET);
}

Test(lies, descriptor_table_and_available_ring_scribbled_over_change_nothing)
{
    struct bench b;
    uint8_t frame[60] = {3};
    struct nic_rx_frame out;

    running(&b, false, 4);
    fake_deliver(&b.f, frame, 60, 1);
    memset(b.f.queues[0].ring.base, 0xbd, b.f.queues[0].ring.layout.device_offset);
    cr_assert_eq(vnet_receive(&b.nic, &out, 1), 1);
    cr_assert_eq(out.length, 60);
    cr_assert_eq(out.data[0], 3);
    clean(&b, PROVIDER_OK);
}

Test(net, two_instances_side_by_side_share_nothing)
{
    struct bench a, b;
    uint8_t frame[60] = {1};
    struct nic_rx_frame out;

    running(&a, false, 4);
    running(&b, true, 8);
    fake_deliver(&a.f, frame, 60, 1);
    cr_assert_eq(vnet_receive(&b.nic, &out, 1), 0);
    cr_assert_eq(vnet_receive(&a.nic, &out, 1), 1);
    clean(&a, PROVIDER_OK);
    fake_deliver(&b.f, frame, 60, 1);
    cr_assert_eq(vnet_receive(&b.nic, &out, 1), 1);
    clean(&b, PROVIDER_OK);
}
