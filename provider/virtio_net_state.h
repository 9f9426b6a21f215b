/* SPDX-License-Identifier: BSD-2-Clause */
/* The provider's whole state, public so that a caller can place it. Fields are the provider's to change. */
#ifndef CAPOS_PROVIDER_VIRTIO_NET_STATE_H
#define CAPOS_PROVIDER_VIRTIO_NET_STATE_H

struct virtio_net {
    enum vnet_state state;
    enum provider_error error;       /* first reason of the last failure */
    const struct transport_ops *transport;
    struct vnet_env env;
    struct virtio_probe probe;
    uint64_t features_offered;
    uint64_t features_accepted;
    uint8_t status;                  /* private copy of the status bits we set */
    uint8_t mac[6];
    uint8_t link_up;
    uint8_t header_bytes;            /* 10 or 12 */
    bool header_apart;               /* legacy without ANY_LAYOUT: header in its own descriptor */
    uint32_t reset_polls;
    uint64_t reset_deadline_ns;
    struct virtq rx;
    struct virtq tx;
    struct provider_buffer rx_buffer;
    struct provider_buffer tx_buffer;
    uint16_t *tx_free;               /* stack of free transmit slots */
    uint16_t tx_free_count;
    uint16_t rx_slots;               /* in use: env.rx_slots clipped to the queue */
    uint16_t tx_slots;
    uint16_t rx_lent;
    uint16_t tx_lent;
    uint8_t *slot_state;             /* per slot: armed, lent, free; receive slots first */
    struct vnet_leftovers leftovers;
    struct vnet_counters counters;
};

#endif
