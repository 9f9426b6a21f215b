/* SPDX-License-Identifier: BSD-2-Clause */
/* The provider's whole state, public so that a caller can place it. Fields are the provider's to change. */
#ifndef CAPOS_PROVIDER_VIRTIO_NET_STATE_H
#define CAPOS_PROVIDER_VIRTIO_NET_STATE_H

/* Where a slot of a shared buffer is: in exactly one of these (P1). */
enum vnet_slot_state {
    VNET_SLOT_FREE = 0, /* ours */
    VNET_SLOT_LENT, /* the caller's */
    VNET_SLOT_POSTED /* the device's */
};

/* What STARTING does, one step a poll. */
enum vnet_step {
    VNET_STEP_ACKNOWLEDGE = 0,
    VNET_STEP_FEATURES,
    VNET_STEP_CONFIG,
    VNET_STEP_DMA,
    VNET_STEP_QUEUES,
    VNET_STEP_BUFFERS,
    VNET_STEP_DRIVER_OK,
    VNET_STEP_ARM, /* repeated until every receive slot is posted */
    VNET_STEP_COUNT
};

struct virtio_net {
    enum vnet_state state;
    enum provider_error error; /* first reason of the last failure */
    const struct transport_ops *transport;
    struct vnet_env env;
    struct virtio_probe probe;
    uint64_t features_offered;
    uint64_t features_accepted;
    uint8_t status; /* private copy of the status bits we set */
    uint8_t step; /* enum vnet_step, while STARTING */
    uint8_t mac[6];
    bool link_up;
    bool header_apart; /* legacy without ANY_LAYOUT: header in its own descriptor */
    uint8_t header_bytes; /* 10 or 12 */
    uint16_t rejected_queue_size; /* the size that was refused, as the device gave it */
    uint16_t rx_armed; /* receive slots posted so far, while starting */
    uint32_t polls; /* while RUNNING: paces the health reads */
    uint32_t reset_polls;
    uint64_t reset_deadline_ns; /* 0: not set */
    size_t arena_used;
    struct virtq rx;
    struct virtq tx;
    struct provider_buffer rx_buffer;
    struct provider_buffer tx_buffer;
    uint16_t *tx_free; /* stack of free transmit slots */
    uint8_t *rx_state; /* enum vnet_slot_state, a receive slot each */
    uint8_t *tx_state; /* the same for transmit slots */
    uint16_t tx_free_count;
    uint16_t rx_slots; /* in use: env.rx_slots clipped to the queue */
    uint16_t tx_slots;
    uint16_t rx_lent;
    uint16_t tx_lent;
    struct vnet_leftovers leftovers;
    struct vnet_counters counters;
};

#endif
