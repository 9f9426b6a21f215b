/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls between the files of the network provider: lifecycle, rx, tx, teardown. Not for users of
 * virtio_net.h. */
#ifndef CAPOS_PROVIDER_VNET_PARTS_H
#define CAPOS_PROVIDER_VNET_PARTS_H

#include "provider/virtio_net.h"

enum vnet_queue { VNET_QUEUE_RX = 0, VNET_QUEUE_TX = 1 };

/* Does the next step of STARTING; a failure begins the teardown. */
void vnet_start_step(struct virtio_net *nic, uint16_t budget);
/* Posts those of `slots` that are in state `from` (ours, or lent and given back); others are refused and
 * counted. At most NIC_BATCH_MAX, one publication. False: the author refused, the slots are ours again, the
 * teardown has begun. */
bool vnet_rx_post(struct virtio_net *nic, const uint16_t *slots, uint16_t count, enum vnet_slot_state from);
/* Takes in at most `max` transmit completions. */
void vnet_tx_reap(struct virtio_net *nic, uint16_t max);
/* Stops taking work and writes reset. `error`: why, PROVIDER_OK when the owner asked. Idempotent. */
void vnet_teardown_begin(struct virtio_net *nic, enum provider_error error);
/* One read of the device status; on confirmation everything is given back, past the bound everything is kept.
 */
void vnet_teardown_step(struct virtio_net *nic, uint64_t now_ns);
/* One read for a reset that was written: done, and false only when the bound or the deadline is passed. */
bool vnet_reset_wait(struct virtio_net *nic, uint64_t now_ns, bool *done);

/* Descriptors of one frame: header and frame together, or apart (5.1.6.6). */
static inline uint8_t vnet_chain_length(const struct virtio_net *nic)
{
    return nic->header_apart ? 2 : 1;
}

/* Segments for the frame in `slot` of `buffer`, `frame_bytes` long, with its header before it. */
static inline void vnet_segments(const struct virtio_net *nic, const struct provider_buffer *buffer,
                                 uint16_t slot, uint32_t frame_bytes, uint8_t direction,
                                 struct author_segment *out, bool apart)
{
    uint32_t data = (uint32_t)slot * VNET_RX_SLOT_BYTES + VNET_DATA_OFFSET;

    _Static_assert(VNET_RX_SLOT_BYTES == VNET_TX_SLOT_BYTES, "one stride");
    out[0].buffer = buffer->handle;
    out[0].offset = data - nic->header_bytes;
    out[0].direction = direction;
    if (!apart) {
        out[0].length = nic->header_bytes + frame_bytes;
        return;
    }
    out[0].length = nic->header_bytes;
    out[1].buffer = buffer->handle;
    out[1].offset = data;
    out[1].direction = direction;
    out[1].length = frame_bytes;
}

#endif
