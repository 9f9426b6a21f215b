/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving: slots of one shared buffer go round device -> us -> caller -> device. A frame reaches the caller
 * only with a length that the device was allowed to write; a frame that we do not deliver is armed again at
 * once. */
#include "provider/vnet_parts.h"

#include "abi/memory.h"

#define RX_FRAME_CAPACITY (VNET_RX_SLOT_BYTES - VNET_DATA_OFFSET)

bool vnet_rx_post(struct virtio_net *nic, const uint16_t *slots, uint16_t count)
{
    struct author_segment segments[2u * NIC_BATCH_MAX];
    uint8_t chain = vnet_chain_length(nic);
    uint16_t used = 0;
    enum provider_error error;

    ASSERT(count > 0);
    ASSERT(count <= NIC_BATCH_MAX);
    for (uint16_t i = 0; i < count; i++) {
        vnet_segments(nic, &nic->rx_buffer, slots[i], RX_FRAME_CAPACITY, DMA_FROM_DEVICE, &segments[used]);
        error = virtq_prepare(&nic->rx, &segments[used], chain, slots[i]);
        ASSERT(error == PROVIDER_OK); /* no more slots than the queue takes, each posted once */
        used = (uint16_t)(used + chain);
    }
    error = nic->env.author.ops->publish(nic->env.author.ctx, &nic->rx.ring, segments, used);
    if (error != PROVIDER_OK) {
        for (; used > 0; used = (uint16_t)(used - chain))
            virtq_abandon(&nic->rx, &segments[used - chain]);
        nic->leftovers.half_published += count;
        vnet_teardown_begin(nic, PROVIDER_E_REFUSED);
        return false;
    }
    for (uint16_t i = 0; i < count; i++)
        nic->rx_state[slots[i]] = VNET_SLOT_POSTED;
    return true;
}

/* Whether the frame in `slot` is one that we deliver; every other is counted by its reason. `written`:
 * checked against what was posted, header included. */
static bool deliverable(struct virtio_net *nic, const uint8_t *frame, uint32_t written)
{
    if (written < (uint32_t)nic->header_bytes + NIC_FRAME_BYTES_MIN) {
        nic->counters.rx_short++;
        return false;
    }
    if (written > (uint32_t)nic->header_bytes + NIC_FRAME_BYTES_MAX) {
        nic->counters.rx_long++;
        return false;
    }
    /* 5.1.6.4.1: 1 without MRG_RXBUF. Read once, compared, never used as a count. */
    if (nic->header_bytes == VNET_HEADER_MODERN) {
        dev_u16 buffers = ring_load16(frame - VNET_HEADER_MODERN + VIRTIO_NET_HEADER_NUM_BUFFERS);

        if (buffers.untrusted != 1) {
            nic->counters.rx_bad_header++;
            return false;
        }
    }
    return true;
}

uint16_t vnet_receive(struct virtio_net *nic, struct nic_rx_frame *out, uint16_t max)
{
    uint16_t dropped[NIC_BATCH_MAX];
    uint16_t drops = 0;
    uint16_t count = 0;
    uint16_t ready;
    uint64_t bytes = 0;

    if (nic->state != VNET_RUNNING)
        return 0;
    ready = virtq_ready(&nic->rx, max < NIC_BATCH_MAX ? max : (uint16_t)NIC_BATCH_MAX);
    for (uint16_t i = 0; i < ready; i++) {
        struct virtq_done done;
        const uint8_t *frame;
        uint16_t slot;

        if (!virtq_take(&nic->rx, &done, false))
            break;
        slot = (uint16_t)done.cookie;
        ASSERT(nic->rx_state[slot] == VNET_SLOT_POSTED);
        frame = nic->rx_buffer.cpu + (size_t)slot * VNET_RX_SLOT_BYTES + VNET_DATA_OFFSET;
        nic->rx_state[slot] = VNET_SLOT_LENT;
        if (!deliverable(nic, frame, done.written)) {
            dropped[drops++] = slot;
            continue;
        }
        out[count].data = frame;
        out[count].length = (uint16_t)(done.written - nic->header_bytes);
        out[count].slot = slot;
        bytes += out[count].length;
        count++;
    }
    nic->rx_lent = (uint16_t)(nic->rx_lent + count + drops);
    nic->counters.rx_frames += count;
    nic->counters.rx_bytes += bytes;
    if (count == 0)
        nic->counters.rx_empty++;
    if (drops > 0)
        vnet_recycle(nic, dropped, drops);
    if (nic->rx.broken) {
        nic->counters.faults++;
        vnet_teardown_begin(nic, PROVIDER_E_NEEDS_RESET);
    }
    return count;
}

uint16_t vnet_receive_copy(struct virtio_net *nic, uint8_t *out, uint16_t capacity)
{
    struct nic_rx_frame frame;
    uint16_t bytes;

    ASSERT(out != NULL);
    if (vnet_receive(nic, &frame, 1) == 0)
        return 0;
    bytes = frame.length < capacity ? frame.length : capacity;
    memcpy(out, frame.data, bytes);
    vnet_recycle(nic, &frame.slot, 1);
    return bytes;
}

void vnet_recycle(struct virtio_net *nic, const uint16_t *slots, uint16_t count)
{
    uint16_t batch[NIC_BATCH_MAX];
    uint16_t done = 0;

    while (done < count) {
        uint16_t taken = 0;

        for (; done < count && taken < NIC_BATCH_MAX; done++) {
            uint16_t slot = slots[done];

            if (slot >= nic->rx_slots || nic->rx_state[slot] != VNET_SLOT_LENT) {
                nic->counters.refused++;
                continue;
            }
            /* Ours from here on: the same slot twice in one call is refused the second time. */
            nic->rx_state[slot] = VNET_SLOT_FREE;
            batch[taken++] = slot;
        }
        nic->rx_lent = (uint16_t)(nic->rx_lent - taken);
        /* While stopping, or on a queue just found broken, slots come home and are not posted again. */
        if (taken == 0 || nic->state != VNET_RUNNING || nic->rx.broken)
            continue;
        if (vnet_rx_post(nic, batch, taken))
            nic->counters.rx_recycled += taken;
    }
}
