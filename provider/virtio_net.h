/* SPDX-License-Identifier: BSD-2-Clause */
/* A polled virtio network provider (virtio 1.2, 5.1): one receive and one transmit queue.
 * The caller owns the struct, the arena and the pace: nothing blocks, sleeps, allocates or reads a clock;
 * each call does at most its budget. Any number of instances live side by side.
 *
 * Life: open -> poll until RUNNING or FAILED -> send/receive/recycle and poll -> stop -> poll until STOPPED
 * or QUARANTINED -> close. Every failure goes the same way out (provider/teardown.c). */
#ifndef CAPOS_PROVIDER_VIRTIO_NET_H
#define CAPOS_PROVIDER_VIRTIO_NET_H

#include "provider/format/virtio_net_header.h"
#include "provider/transport.h"
#include "provider/virtq.h"

#define VNET_RX_SLOT_BYTES   2048u
#define VNET_TX_SLOT_BYTES   2048u
#define VNET_DATA_OFFSET     16u /* of the frame in its slot; the header ends where the frame begins */
#define VNET_HEADER_LEGACY   VIRTIO_NET_HEADER_LEGACY
#define VNET_HEADER_MODERN   VIRTIO_NET_HEADER_MODERN
#define VNET_FRAME_WIRE_MIN  60u /* shorter frames are padded with zeroes */
#define VNET_SLOTS_MAX       8192u
#define VNET_RESET_POLLS_MAX 1000u /* status reads, one a poll, before a reset counts as unconfirmed */
#define VNET_HEALTH_POLLS                                                                                    \
    1024u /* polls between two reads of the device status, and of the link: a power of two.                  \
           * On a legacy function each costs several port reads */

enum vnet_state {
    VNET_CLOSED = 0,
    VNET_RESETTING, /* status 0 written, not yet read back */
    VNET_STARTING, /* features, queues, first receive buffers */
    VNET_RUNNING,
    VNET_STOPPING, /* as RESETTING, on the way out */
    VNET_STOPPED, /* reset confirmed; rings and buffers given back */
    VNET_QUARANTINED, /* reset not confirmed: rings and buffers are the authority's to keep */
    VNET_STATE_COUNT
};

/* An MSI-X vector to raise when a buffer of the queue is used. The provider polls all the same: it is the
 * caller who waits, on the Interrupt that it holds and keeps active (unmasked once, before vnet_open). */
struct vnet_vector {
    bool wanted; /* false: the device is asked for no interrupts */
    uint16_t number;
};

struct vnet_env {
    const struct pci_function_info *info;
    struct registers registers;
    struct author author;
    void *arena; /* shadow state; vnet_arena_bytes(); stays the caller's */
    size_t arena_bytes;
    uint16_t rx_slots; /* receive buffers to keep armed, 1 to 8192; at most the queue takes */
    uint16_t tx_slots; /* transmit buffers, 1 to 8192 */
    uint64_t reset_timeout_ns; /* 0: only the poll bound counts */
    struct vnet_vector rx_vector, tx_vector;
};

/* Kinds of leftovers at teardown, each counted (virtio 1.2, 3.3.1). */
struct vnet_leftovers {
    uint32_t posted; /* exposed, never seen used */
    uint32_t used_unseen; /* in the used ring, not taken in */
    uint32_t lent; /* handed to the caller, not returned */
    uint32_t half_published; /* prepared, author refused */
};

struct vnet_counters {
    uint64_t tx_frames, tx_bytes, tx_reaped;
    uint64_t tx_full; /* vnet_tx_take had nothing to give */
    uint64_t rx_frames, rx_bytes;
    uint64_t rx_recycled; /* armed again, dropped frames included */
    uint64_t rx_short; /* dropped: less than header and Ethernet header */
    uint64_t rx_long; /* dropped: more than NIC_FRAME_BYTES_MAX */
    uint64_t rx_bad_header; /* dropped: num_buffers above 1 (5.1.6.4.1) */
    uint64_t rx_empty; /* vnet_receive had nothing to give */
    uint64_t resets; /* written */
    uint64_t faults; /* completions refused: the queue broke */
    uint64_t refused; /* the caller's slots or lengths */
    uint64_t needs_reset; /* the device asked for it, reset itself, or is gone */
};

struct virtio_net; /* complete below: the caller places it */

/* Bytes that `open` needs at most for these slot counts and any queue size the device may dictate. */
size_t vnet_arena_bytes(void);

/* The bits we take of an offer: MAC, STATUS, and VERSION_1 (modern) or ANY_LAYOUT (legacy); every other bit
 * is refused. PROVIDER_E_FEATURES when the offer lacks one that we cannot do without: MAC, and VERSION_1 on
 * modern. Pure. */
enum provider_error vnet_accept_features(enum virtio_transport_kind kind, uint64_t offered,
                                         uint64_t *accepted);

/* Starts the life: probes, binds registers, writes reset. On failure nothing is held. `nic` is zeroed before
 * its first open, and closed before the next. `env` is copied; what it points at stays valid until close. */
enum provider_error vnet_open(struct virtio_net *nic, const struct vnet_env *env);
/* One step of the life, and housekeeping while RUNNING: transmit reaping, device status and link, `budget`
 * completions (while starting: receive buffers armed) at most. Returns the state; the reason of a failure is
 * nic->error, which is PROVIDER_OK after an asked-for stop. Frames and slots lent to the caller end when this
 * returns STOPPED. */
enum vnet_state vnet_poll(struct virtio_net *nic, uint64_t now_ns, uint16_t budget);
/* Free transmit slots, at most `max`; lent to the caller until sent. 0: back-pressure, poll and try again. */
uint16_t vnet_tx_take(struct virtio_net *nic, uint16_t *slots, uint16_t max);
/* Where the frame goes: VNET_TX_SLOT_BYTES minus header, NIC_FRAME_BYTES_MAX usable. */
uint8_t *vnet_tx_data(struct virtio_net *nic, uint16_t slot);
/* Sends slots obtained from vnet_tx_take, in order, one publication of at most NIC_BATCH_MAX; returns how
 * many were taken over (the rest stay the caller's). The first slot or length out of range is refused,
 * counted, and ends the batch. Frames below 60 bytes are zero-padded. */
uint16_t vnet_send(struct virtio_net *nic, const struct nic_tx_frame *frames, uint16_t count);
/* Gives unused transmit slots back. */
void vnet_tx_return(struct virtio_net *nic, const uint16_t *slots, uint16_t count);
/* Received frames, at most `max` and NIC_BATCH_MAX, lent until recycled. Empty: 0, and nothing is reset. */
uint16_t vnet_receive(struct virtio_net *nic, struct nic_rx_frame *out, uint16_t max);
/* Copies one frame out and recycles it: min(posted, used, capacity) bytes (I18). Returns its length, 0 when
 * empty. */
uint16_t vnet_receive_copy(struct virtio_net *nic, uint8_t *out, uint16_t capacity);
/* Gives slots back and re-arms them, one publication for each NIC_BATCH_MAX. Slots that were not lent are
 * refused. */
void vnet_recycle(struct virtio_net *nic, const uint16_t *slots, uint16_t count);
/* Stops taking work and writes reset; poll goes on to STOPPED or QUARANTINED. Idempotent, from any state. */
void vnet_stop(struct virtio_net *nic);
/* Forgets the instance; only CLOSED, STOPPED or QUARANTINED. */
enum provider_error vnet_close(struct virtio_net *nic);

enum nic_link vnet_link(const struct virtio_net *nic);

#include "provider/virtio_net_state.h"

#endif
