/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending: slots of one shared buffer go round us -> caller -> device -> us. Where no slot is free the caller
 * is told so (back-pressure); nothing is dropped here. */
#include "provider/vnet_parts.h"

#include "abi/memory.h"

void vnet_tx_reap(struct virtio_net *nic, uint16_t max)
{
    /* 5.1.6.1: a legacy device's length for transmitted buffers means nothing. */
    const bool ignore_length = nic->probe.kind == VIRTIO_LEGACY;
    uint16_t ready = virtq_ready(&nic->tx, max);
    uint16_t taken = 0;

    for (; taken < ready; taken++) {
        struct virtq_done done;
        uint16_t slot;

        if (!virtq_take(&nic->tx, &done, ignore_length))
            break;
        slot = (uint16_t)done.cookie;
        ASSERT(nic->tx_state[slot] == VNET_SLOT_POSTED);
        nic->tx_state[slot] = VNET_SLOT_FREE;
        nic->tx_free[nic->tx_free_count++] = slot;
    }
    ASSERT(nic->tx_free_count <= nic->tx_slots);
    nic->counters.tx_reaped += taken;
    if (nic->tx.broken) {
        nic->counters.faults++;
        vnet_teardown_begin(nic, PROVIDER_E_NEEDS_RESET);
    }
}

uint16_t vnet_tx_take(struct virtio_net *nic, uint16_t *slots, uint16_t max)
{
    uint16_t count;

    if (nic->state != VNET_RUNNING)
        return 0;
    if (nic->tx_free_count < max)
        vnet_tx_reap(nic, NIC_BATCH_MAX);
    /* A queue found broken just now gives nothing out. */
    if (nic->state != VNET_RUNNING)
        return 0;
    count = max < nic->tx_free_count ? max : nic->tx_free_count;
    for (uint16_t i = 0; i < count; i++) {
        slots[i] = nic->tx_free[--nic->tx_free_count];
        nic->tx_state[slots[i]] = VNET_SLOT_LENT;
    }
    nic->tx_lent = (uint16_t)(nic->tx_lent + count);
    if (count == 0 && max > 0)
        nic->counters.tx_full++;
    return count;
}

uint8_t *vnet_tx_data(struct virtio_net *nic, uint16_t slot)
{
    ASSERT(slot < nic->tx_slots);
    return nic->tx_buffer.cpu + (size_t)slot * VNET_TX_SLOT_BYTES + VNET_DATA_OFFSET;
}

/* Header and padding; returns the bytes to send. */
static uint32_t finish_frame(uint8_t *data, uint16_t length)
{
    /* 5.1.6.2.1: no checksum, no segmentation, num_buffers 0. Both header lengths end where the frame begins.
     */
    __builtin_memset(data - VNET_DATA_OFFSET, 0, VNET_DATA_OFFSET);
    if (length >= VNET_FRAME_WIRE_MIN)
        return length;
    memset(data + length, 0, VNET_FRAME_WIRE_MIN - length);
    return VNET_FRAME_WIRE_MIN;
}

/* Finishes and prepares frames up to the first that is refused; a copy for each framing. Returns how many. */
static inline __attribute__((always_inline)) uint16_t prepare(struct virtio_net *nic,
                                                              const struct nic_tx_frame *frames,
                                                              uint16_t count, struct author_segment *segments,
                                                              bool apart)
{
    const uint8_t chain = apart ? 2 : 1;
    uint16_t taken = 0;
    uint64_t bytes = 0;

    for (; taken < count; taken++) {
        uint16_t slot = frames[taken].slot;
        uint16_t length = frames[taken].length;
        struct author_segment *at = &segments[(size_t)taken * chain];
        enum provider_error error;

        if (slot >= nic->tx_slots || nic->tx_state[slot] != VNET_SLOT_LENT || length < NIC_FRAME_BYTES_MIN ||
            length > NIC_FRAME_BYTES_MAX) {
            nic->counters.refused++;
            break;
        }
        vnet_segments(nic, &nic->tx_buffer, slot, finish_frame(vnet_tx_data(nic, slot), length),
                      DMA_TO_DEVICE, at, apart);
        error = virtq_prepare(&nic->tx, at, chain, slot);
        ASSERT(error == PROVIDER_OK); /* no more slots than the queue takes, each posted once */
        nic->tx_state[slot] = VNET_SLOT_POSTED;
        bytes += length;
    }
    nic->counters.tx_bytes += bytes;
    return taken;
}

/* Undoes `prepare` after the author refused: the slots stay the caller's. */
static void unprepare(struct virtio_net *nic, const struct nic_tx_frame *frames, uint16_t taken,
                      const struct author_segment *segments)
{
    uint8_t chain = vnet_chain_length(nic);

    for (uint16_t i = taken; i > 0; i--) {
        virtq_abandon(&nic->tx, &segments[(i - 1u) * chain]);
        nic->tx_state[frames[i - 1u].slot] = VNET_SLOT_LENT;
        nic->counters.tx_bytes -= frames[i - 1u].length;
    }
    nic->leftovers.half_published += taken;
}

uint16_t vnet_send(struct virtio_net *nic, const struct nic_tx_frame *frames, uint16_t count)
{
    struct author_segment segments[2u * NIC_BATCH_MAX];
    uint16_t taken;
    uint16_t used;

    if (nic->state != VNET_RUNNING)
        return 0;
    count = count < NIC_BATCH_MAX ? count : (uint16_t)NIC_BATCH_MAX;
    if (nic->header_apart)
        taken = prepare(nic, frames, count, segments, true);
    else
        taken = prepare(nic, frames, count, segments, false);
    if (taken == 0)
        return 0;
    used = (uint16_t)(taken * vnet_chain_length(nic));
    if (nic->env.author.ops->publish(nic->env.author.ctx, &nic->tx.ring, segments, used) != PROVIDER_OK) {
        unprepare(nic, frames, taken, segments);
        vnet_teardown_begin(nic, PROVIDER_E_REFUSED);
        return 0;
    }
    nic->tx_lent = (uint16_t)(nic->tx_lent - taken);
    nic->counters.tx_frames += taken;
    return taken;
}

void vnet_tx_return(struct virtio_net *nic, const uint16_t *slots, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        uint16_t slot = slots[i];

        if (slot >= nic->tx_slots || nic->tx_state[slot] != VNET_SLOT_LENT) {
            nic->counters.refused++;
            continue;
        }
        nic->tx_state[slot] = VNET_SLOT_FREE;
        nic->tx_free[nic->tx_free_count++] = slot;
        nic->tx_lent--;
    }
}
