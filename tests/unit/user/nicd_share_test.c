/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames between a client's share and the provider: order, back-pressure, and a client that lies. The
 * provider is a scripted one. */
#include <criterion/criterion.h>
#include <string.h>

#include "user/nicd/nicd.h"

static struct {
    uint8_t data[NIC_SHARE_SLOTS][2048];
    uint16_t free_slots, takes, returned;
    uint16_t accept; /* frames that vnet_send takes over */
    struct nic_tx_frame sent[256];
    uint32_t sent_count;
    uint16_t arrived, recycled;
    uint8_t frame[100];
} fake;

static struct virtio_net nic;
static _Alignas(4096) uint8_t memory[NIC_SHARE_BYTES];
static struct nicd_client client;

uint16_t vnet_tx_take(struct virtio_net *n, uint16_t *slots, uint16_t max)
{
    const uint16_t given = max < fake.free_slots ? max : fake.free_slots;

    (void)n;
    for (uint16_t i = 0; i < given; i++)
        slots[i] = i;
    fake.free_slots -= given;
    return given;
}

uint8_t *vnet_tx_data(struct virtio_net *n, uint16_t slot)
{
    (void)n;
    return fake.data[slot];
}

uint16_t vnet_send(struct virtio_net *n, const struct nic_tx_frame *frames, uint16_t count)
{
    const uint16_t taken = count < fake.accept ? count : fake.accept;

    (void)n;
    for (uint16_t i = 0; i < taken; i++)
        fake.sent[fake.sent_count++] = frames[i];
    return taken;
}

void vnet_tx_return(struct virtio_net *n, const uint16_t *slots, uint16_t count)
{
    (void)n, (void)slots;
    fake.returned += count;
    fake.free_slots += count;
}

uint16_t vnet_receive(struct virtio_net *n, struct nic_rx_frame *out, uint16_t max)
{
    const uint16_t most = max < NIC_BATCH_MAX ? max : (uint16_t)NIC_BATCH_MAX;
    const uint16_t count = most < fake.arrived ? most : fake.arrived;

    (void)n;
    for (uint16_t i = 0; i < count; i++)
        out[i] = (struct nic_rx_frame){fake.frame, sizeof fake.frame, i};
    fake.arrived -= count;
    return count;
}

void vnet_recycle(struct virtio_net *n, const uint16_t *slots, uint16_t count)
{
    (void)n, (void)slots;
    fake.recycled += count;
}

static struct nic_share *share(void)
{
    return (struct nic_share *)memory;
}

static void start(void)
{
    memset(&fake, 0, sizeof fake);
    memset(memory, 0, sizeof memory);
    memset(fake.frame, 0x5c, sizeof fake.frame);
    fake.free_slots = NIC_SHARE_SLOTS;
    fake.accept = 64;
    client = (struct nicd_client){.attached = true, .share = share()};
}

TestSuite(nicd_share, .init = start);

static void give(uint32_t index, uint32_t length, uint8_t fill)
{
    memset(memory + NIC_SHARE_TX_AT + (index % NIC_SHARE_SLOTS) * NIC_SHARE_SLOT_BYTES, fill, 2048);
    share()->tx[index % NIC_SHARE_SLOTS].length = length;
    share()->tx_tail = index + 1u;
}

Test(nicd_share, given_frames_are_copied_in_order_and_their_slots_come_back)
{
    give(0, 60, 1);
    give(1, 1514, 2);
    cr_assert_eq(nicd_send(&client, &nic), 2);
    cr_assert_eq(fake.sent[0].length, 60);
    cr_assert_eq(fake.sent[1].length, 1514);
    cr_assert_eq(fake.data[1][1513], 2);
    cr_assert_eq(share()->tx_head, 2);
    cr_assert_eq(client.refused, 0);
}

Test(nicd_share, a_frame_of_a_length_that_cannot_be_is_passed_over_and_counted)
{
    give(0, 60, 1);
    give(1, 13, 2);
    give(2, 1515, 3);
    give(3, 0xffffffffu, 4);
    give(4, 61, 5);
    cr_assert_eq(nicd_send(&client, &nic), 2);
    cr_assert_eq(client.refused, 3);
    cr_assert_eq(fake.sent[1].length, 61);
    cr_assert_eq(share()->tx_head, 5);
    cr_assert_eq(fake.free_slots + fake.sent_count, NIC_SHARE_SLOTS, "a slot is lost");
}

Test(nicd_share, a_tail_that_runs_ahead_is_not_followed)
{
    give(0, 60, 1);
    share()->tx_tail = NIC_SHARE_SLOTS + 1u;
    cr_assert_eq(nicd_send(&client, &nic), 0);
    share()->tx_tail = 0xffffffffu;
    cr_assert_eq(nicd_send(&client, &nic), 0);
    cr_assert_eq(client.refused, 2);
    cr_assert_eq(share()->tx_head, 0);
    share()->tx_tail = 1;
    cr_assert_eq(nicd_send(&client, &nic), 1);
}

Test(nicd_share, what_the_provider_does_not_take_stays_given)
{
    for (uint32_t i = 0; i < 8; i++)
        give(i, 60, (uint8_t)i);
    fake.accept = 3;
    cr_assert_eq(nicd_send(&client, &nic), 3);
    cr_assert_eq(share()->tx_head, 3);
    cr_assert_eq(fake.returned, 5);
    fake.accept = 64;
    cr_assert_eq(nicd_send(&client, &nic), 5);
    fake.free_slots = 0;
    give(8, 60, 8);
    cr_assert_eq(nicd_send(&client, &nic), 0, "sent without a slot");
}

Test(nicd_share, indices_wrap_at_32_bits)
{
    client.tx_head = 0xfffffffeu;
    client.rx_tail = 0xfffffffeu;
    share()->rx_head = 0xfffffffeu;
    for (uint32_t i = 0; i < 4; i++)
        give(0xfffffffeu + i, 60 + i, (uint8_t)i);
    cr_assert_eq(nicd_send(&client, &nic), 4);
    cr_assert_eq(share()->tx_head, 2);
    fake.arrived = 4;
    cr_assert_eq(nicd_receive(&client, &nic), 4);
    cr_assert_eq(share()->rx_tail, 2);
    cr_assert_eq(nicd_waiting(&client), 4);
}

Test(nicd_share, a_client_without_room_leaves_frames_with_the_device)
{
    fake.arrived = NIC_SHARE_SLOTS + 36;
    for (uint32_t got = 0; got < NIC_SHARE_SLOTS; got += NIC_BATCH_MAX)
        cr_assert_eq(nicd_receive(&client, &nic), NIC_BATCH_MAX);
    cr_assert_eq(nicd_receive(&client, &nic), 0);
    cr_assert_eq(fake.arrived, 36);
    cr_assert_eq(share()->rx[NIC_SHARE_SLOTS - 1u].length, sizeof fake.frame);
    cr_assert_eq(memory[NIC_SHARE_TX_AT + (2u * NIC_SHARE_SLOTS - 1u) * NIC_SHARE_SLOT_BYTES], 0x5c);
    share()->rx_head = 10;
    cr_assert_eq(nicd_receive(&client, &nic), 10);
    cr_assert_eq(fake.recycled, NIC_SHARE_SLOTS + 10);
}

Test(nicd_share, a_client_that_took_what_it_never_got_gets_nothing)
{
    fake.arrived = 5;
    share()->rx_head = 1;
    cr_assert_eq(nicd_receive(&client, &nic), 0);
    cr_assert_eq(client.refused, 1);
    share()->rx_head = 0;
    cr_assert_eq(nicd_receive(&client, &nic), 5);
}

Test(nicd_share, without_a_client_frames_are_dropped_and_counted)
{
    client.attached = false;
    fake.arrived = 70;
    cr_assert_eq(nicd_receive(&client, &nic), 64);
    cr_assert_eq(nicd_receive(&client, &nic), 6);
    cr_assert_eq(client.dropped, 70);
    cr_assert_eq(fake.recycled, 70);
    cr_assert_eq(nicd_send(&client, &nic), 0);
}
