/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving: slots of one shared buffer go round device -> us -> caller -> device. A frame reaches the caller
 * only with a length that the device was allowed to write; a frame that we do not deliver is armed again at
 * once. */
#include "provider/vnet_parts.h"

#include "abi/memory.h"

#define RX_FRAME_CAPACITY (VNET_RX_SLOT_BYTES - VNET_DATA_OFFSET)

/* Prepares the chains of one batch; a copy for each framing, so that the common one carries no test a frame.
 */
static inline __attribute__((always_inline)) uint16_t prepare(struct virtio_net *nic, const uint16_t *slots,
                                                              uint16_t count, enum vnet_slot_state from,
                                                              struct author_segment *segments, bool apart)
{
    const uint8_t chain = apart ? 2 : 1;
    uint16_t used = 0;

    for (uint16_t i = 0; i < count; i++) {
        uint16_t slot = slots[i];
        enum provider_error error;

        if (slot >= nic->rx_slots || nic->rx_state[slot] != from) {
            nic->counters.refused++;
            continue;
        }
        /* From here on the device's: the same slot twice in one call is refused the second time. */
        nic->rx_state[slot] = VNET_SLOT_POSTED;
        vnet_segments(nic, &nic->rx_buffer, slot, RX_FRAME_CAPACITY, DMA_FROM_DEVICE, &segments[used], apart);
        error = virtq_prepare(&nic->rx, &segments[used], chain, slot);
        ASSERT(error == PROVIDER_OK); /* no more slots than the queue takes, each posted once */
        used = (uint16_t)(used + chain);
    }
    return used;
}

/* Undoes `prepare` after the author refused: the slots are ours. */
static void unprepare(struct virtio_net *nic, const struct author_segment *segments, uint16_t used,
                      uint8_t chain)
{
    for (; used > 0; used = (uint16_t)(used - chain)) {
        const struct author_segment *head = &segments[used - chain];

        nic->rx_state[nic->rx.slots[head->slot].cookie] = VNET_SLOT_FREE;
        virtq_abandon(&nic->rx, head);
        nic->leftovers.half_published++;
    }
}

bool vnet_rx_post(struct virtio_net *nic, const uint16_t *slots, uint16_t count, enum vnet_slot_state from)
{
    struct author_segment segments[2u * NIC_BATCH_MAX];
    uint8_t chain = vnet_chain_length(nic);
    uint16_t used;
    uint16_t posted;

    ASSERT(count <= NIC_BATCH_MAX);
    ASSERT(from != VNET_SLOT_POSTED);
    if (nic->header_apart)
        used = prepare(nic, slots, count, from, segments, true);
    else
        used = prepare(nic, slots, count, from, segments, false);
    if (used == 0)
        return true;
    posted = nic->header_apart ? (uint16_t)(used / 2u) : used;
    if (from == VNET_SLOT_LENT)
        nic->rx_lent = (uint16_t)(nic->rx_lent - posted);
    if (nic->env.author.ops->publish(nic->env.author.ctx, &nic->rx.ring, segments, used) != PROVIDER_OK) {
        unprepare(nic, segments, used, chain);
        vnet_teardown_begin(nic, PROVIDER_E_REFUSED);
        return false;
    }
    if (from == VNET_SLOT_LENT)
        nic->counters.rx_recycled += posted;
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
    /* Z8; 5.1.6.4.1: 1 without MRG_RXBUF. QEMU (7.2) does not write it then, and our own 0 comes back. Read
     * once, compared, never used as a count. */
    if (nic->header_bytes == VNET_HEADER_MODERN) {
        dev_u16 buffers = ring_load16(frame - VNET_HEADER_MODERN + VIRTIO_NET_HEADER_NUM_BUFFERS);

        if (buffers.untrusted > 1) {
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

/* While stopping, or on a queue just found broken: slots come home and are not posted again. */
static void come_home(struct virtio_net *nic, const uint16_t *slots, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        if (slots[i] >= nic->rx_slots || nic->rx_state[slots[i]] != VNET_SLOT_LENT) {
            nic->counters.refused++;
            continue;
        }
        nic->rx_state[slots[i]] = VNET_SLOT_FREE;
        nic->rx_lent--;
    }
}

void vnet_recycle(struct virtio_net *nic, const uint16_t *slots, uint16_t count)
{
    uint16_t done = 0;

    while (done < count && nic->state == VNET_RUNNING && !nic->rx.broken) {
        uint16_t left = (uint16_t)(count - done);
        uint16_t batch = left < NIC_BATCH_MAX ? left : (uint16_t)NIC_BATCH_MAX;

        (void)vnet_rx_post(nic, slots + done, batch, VNET_SLOT_LENT);
        done = (uint16_t)(done + batch);
    }
    come_home(nic, slots + done, (uint16_t)(count - done));
}
