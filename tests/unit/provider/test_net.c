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
                static const uint16_t lies[] = {2, 3, 65535};
                fake_deliver(&b.f, frame, 100, lies[i % 3]);
                cr_assert_eq(vnet_receive(&b.nic, &out, 1), 0);
            }
            fake_deliver(&b.f, frame, 100, (uint16_t)(i % 2)); /* 0: left as posted, as QEMU does */
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
