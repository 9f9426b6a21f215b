/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio network device (virtio 1.2, 5.1) behind PCI (4.1): legacy, modern or transitional.
 * The model is honest unless told otherwise (hostile.h). Buffers complete out of order where several are in
 * flight. It looks at a queue only after a notification. */
#ifndef CAPOS_DEVMODEL_NET_H
#define CAPOS_DEVMODEL_NET_H

#include "capos/devmodel/backend.h"
#include "capos/devmodel/hostile.h"
#include "capos/devmodel/monitor.h"
#include "capos/devmodel/pci.h"

#ifdef __cplusplus
extern "C" {
#endif

enum dm_transport { DM_LEGACY = 0, DM_MODERN, DM_TRANSITIONAL };

#define DM_NET_QUEUES 3u /* receive, transmit, control */

/* Feature bits that a configuration may offer beyond the transport's own. */
#define DM_NET_F_CSUM       (1ull << 0)
#define DM_NET_F_GUEST_CSUM (1ull << 1)
#define DM_NET_F_MTU        (1ull << 3)
#define DM_NET_F_MAC        (1ull << 5)
#define DM_NET_F_MRG_RXBUF  (1ull << 15)
#define DM_NET_F_STATUS     (1ull << 16)
#define DM_NET_F_CTRL_VQ    (1ull << 17)
#define DM_NET_F_MQ         (1ull << 22)
#define DM_F_ANY_LAYOUT     (1ull << 27)
#define DM_F_INDIRECT_DESC  (1ull << 28)
#define DM_F_EVENT_IDX      (1ull << 29)
#define DM_F_VERSION_1      (1ull << 32)

struct dm_net_config {
    uint16_t bdf;
    enum dm_transport transport;
    uint64_t features; /* offered; VERSION_1 is added on modern, removed on legacy */
    uint16_t queue_size[DM_NET_QUEUES]; /* as offered; 0: absent. Odd sizes: to be refused */
    uint8_t mac[6];
    uint16_t mtu;
    bool link_up;
    uint16_t msix_vectors; /* 0: none */
    bool in_order; /* complete in order: for measurements */
    bool monitors;
    bool firmware_left_running; /* queues live and bus mastering on before the driver comes */
    struct dm_backend *backend; /* not owned; NULL: transmit vanishes */
    const struct dm_hostile *hostile; /* copied; NULL: honest */
};

struct dm_net;

/* 256-entry queues, MAC 52:54:00:12:34:56, MAC|STATUS (legacy, transitional: and ANY_LAYOUT), 3 vectors, link
 * up, monitors on. */
struct dm_net_config dm_net_defaults(enum dm_transport transport);
/* Attaches to the bus, which owns it from then on. NULL: the slot is taken. */
struct dm_net *dm_net_create(struct dm_bus *bus, const struct dm_net_config *config);

/* Work outside register accesses: transmit fetch, backend, receive delivery, completions. Returns steps done,
 * at most `budget`. */
uint32_t dm_net_step(struct dm_net *net, uint64_t now_ns, uint32_t budget);
/* Hands a frame to the device as if from the wire; the driver sees it after a step. False: the device's queue
 * of pending frames (256 KiB) is full. */
bool dm_net_deliver(struct dm_net *net, const uint8_t *frame, size_t bytes);
void dm_net_set_link(struct dm_net *net, bool up);
/* DEVICE_NEEDS_RESET (2.1.1), from now on. */
void dm_net_need_reset(struct dm_net *net);
/* The device resets itself: as after a reset that nobody asked for (rings forgotten, status 0), now. Monitors
 * judge nothing that a driver does before it reads a status of 0 or resets the device itself. */
void dm_net_reset_itself(struct dm_net *net);
/* Surprise removal: registers read all ones, nothing is done any more. */
void dm_net_remove(struct dm_net *net);

struct dm_net_counts {
    uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes, rx_dropped, kicks, resets, completions;
    uint64_t malformed; /* chains that the driver built wrong */
    uint64_t dma_blocked; /* steps with work to do that bus mastering off prevented */
    uint32_t in_flight; /* chains exposed now, all queues */
    uint32_t last_rx_used_length;
};
struct dm_net_counts dm_net_counts(const struct dm_net *net);
const struct dm_monitor *dm_net_monitor(const struct dm_net *net);
/* The hostile behaviours as armed, with how often each fired. */
struct dm_hostile *dm_net_hostile(struct dm_net *net);
uint8_t dm_net_status(const struct dm_net *net);
uint64_t dm_net_accepted(const struct dm_net *net);

#ifdef __cplusplus
}
#endif
#endif
