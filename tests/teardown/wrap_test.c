/* SPDX-License-Identifier: BSD-2-Clause */
/* Indices near 0x7fff and 0xffff, reached by traffic: every frame of the way is compared, and both indices of
 * both queues pass both places. Ledger and monitors are on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/rig.h"

#define FRAMES      65700u /* past 0xffff, by more than the largest ring here is half full */
#define FRAME_BYTES 60u
#define BURST       32u

static char scene_text[120];
#define CHECK(condition) cr_assert(condition, "%s: %s", scene_text, #condition)

static void put_number(uint8_t *data, uint32_t number)
{
    memset(data, 0, 14);
    memcpy(data + 14, &number, sizeof number);
}

static uint32_t number_of(const struct nic_rx_frame *f)
{
    uint32_t number;
    CHECK(f->length == FRAME_BYTES);
    memcpy(&number, f->data + 14, sizeof number);
    return number;
}

/* As many numbered frames as go out now. */
static uint32_t send_some(struct rig *r, uint32_t next)
{
    uint16_t slots[BURST];
    struct nic_tx_frame frames[BURST];
    uint16_t count = vnet_tx_take(&r->nic, slots, (uint16_t)(FRAMES - next < BURST ? FRAMES - next : BURST));
    for (uint16_t i = 0; i < count; i++) {
        put_number(vnet_tx_data(&r->nic, slots[i]), next + i);
        frames[i] = (struct nic_tx_frame){slots[i], FRAME_BYTES};
    }
    uint16_t sent = count ? vnet_send(&r->nic, frames, count) : 0;
    CHECK(sent == count);
    return sent;
}

/* What came back, each number once; out of order only as far as buffers complete so. */
static uint32_t receive_some(struct rig *r, uint8_t *seen)
{
    struct nic_rx_frame frames[BURST];
    uint16_t slots[BURST];
    uint16_t count = vnet_receive(&r->nic, frames, BURST);
    for (uint16_t i = 0; i < count; i++) {
        uint32_t number = number_of(&frames[i]);
        CHECK(number < FRAMES);
        CHECK(!seen[number]);
        seen[number] = 1;
        slots[i] = frames[i].slot;
    }
    if (count)
        vnet_recycle(&r->nic, slots, count);
    return count;
}

static void traffic(struct rig *r)
{
    static uint8_t seen[FRAMES];
    uint32_t sent = 0;
    uint32_t received = 0;
    uint32_t idle = 0;
    bool near_half = false;
    memset(seen, 0, sizeof seen);
    while (received < FRAMES && idle < 1000) {
        uint32_t before = received;
        if (sent < FRAMES)
            sent += send_some(r, sent);
        CHECK(rig_turn(r) == VNET_RUNNING);
        received += receive_some(r, seen);
        idle = received == before ? idle + 1 : 0;
        near_half |= (uint16_t)(r->nic.rx.used_seen - 0x7ff0u) < 0x20u;
    }
    CHECK(received == FRAMES);
    CHECK(near_half);
}

static void pass(enum dm_transport transport, enum rig_author author, uint16_t size)
{
    struct rig rig;
    struct rig_config config = rig_defaults(transport, author);
    struct dm_net_config *model = &config.world.nics[0].model;
    model->queue_size[0] = size;
    model->queue_size[1] = size;
    model->in_order = true; /* the ring's own order is not what is looked at here */
    config.world.traced = false;
    config.rx_slots = size < 64 ? size : 64;
    config.tx_slots = size < 32 ? size : 32;
    config.pool_pages = 128;
    snprintf(scene_text, sizeof scene_text, "%s, %s, size %u", transport == DM_LEGACY ? "legacy" : "modern",
             author == RIG_DIRECT ? "direct" : "brokered", size);
    rig_open(&rig, &config);
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK(rig_start(&rig) == VNET_RUNNING);
    traffic(&rig);
    CHECK(rig.nic.rx.used_seen == (uint16_t)FRAMES);
    CHECK(rig.nic.counters.tx_frames == FRAMES);
    CHECK(rig.nic.counters.faults == 0);
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(&rig)));
    CHECK(rig_usage_restored(&rig));
    cr_assert(rig_complaints(&rig) == 0, "%s: %s", scene_text, rig_complaint(&rig));
    rig_close(&rig);
}

static const uint16_t sizes[] = {1, 2, 8, 256};

Test(wrap, indices_pass_7fff_and_ffff_at_every_size_by_the_broker)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (unsigned transport = 0; transport < 2; transport++)
            pass((enum dm_transport)transport, RIG_BROKERED, sizes[i]);
}

Test(wrap, indices_pass_7fff_and_ffff_at_every_size_by_the_direct_author)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (unsigned transport = 0; transport < 2; transport++)
            pass((enum dm_transport)transport, RIG_DIRECT, sizes[i]);
}
