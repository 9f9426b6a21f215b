/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames as a NIC provider hands them over: slots of shared buffers, in batches. */
#ifndef CAPOS_ABI_NIC_H
#define CAPOS_ABI_NIC_H

#include <stdint.h>

#define NIC_FRAME_BYTES_MAX 1514u  /* Ethernet frame without FCS at MTU 1500 */
#define NIC_FRAME_BYTES_MIN 14u    /* an Ethernet header; shorter frames are refused */
#define NIC_BATCH_MAX       64u

/* A received frame: lent to the caller until it gives `slot` back. Never longer than the device was allowed
 * to write. */
struct nic_rx_frame {
    const uint8_t *data;
    uint16_t length;   /* bytes of the frame, without the device's header */
    uint16_t slot;
};

/* A frame to send, already in the slot's memory. */
struct nic_tx_frame {
    uint16_t slot;
    uint16_t length;
};

/* What a client of a Nic capability shares with the service: a MemoryObject that begins with this header,
 * then the slots. Both sides write only what is theirs, and take the other's numbers as hints to be checked:
 * an index beyond NIC_SHARE_SLOTS ahead of one's own is refused and counted, never followed. All indices
 * free-running, masked at use. */
#define NIC_SHARE_SLOTS      128u
#define NIC_SHARE_SLOT_BYTES 2048u

struct nic_share_entry {
    uint32_t length; /* bytes of the frame at the start of the slot of the same number */
};

struct nic_share {
    uint32_t tx_tail;  /* client: frames given to send */
    uint32_t rx_head;  /* client: received frames taken */
    uint32_t reserved[14];
    uint32_t tx_head;  /* service: frames sent, their slots are the client's again */
    uint32_t rx_tail;  /* service: frames received */
    uint32_t link;     /* service: enum nic_link */
    uint32_t dropped;  /* service: frames that found no room */
    uint32_t reserved2[12];
    struct nic_share_entry tx[NIC_SHARE_SLOTS];
    struct nic_share_entry rx[NIC_SHARE_SLOTS];
};
#define NIC_SHARE_TX_AT 4096u /* bytes from the start: tx slots, then rx slots */
#define NIC_SHARE_BYTES (NIC_SHARE_TX_AT + 2u * NIC_SHARE_SLOTS * NIC_SHARE_SLOT_BYTES)

/* What a service has counted since it began. */
enum nic_counter {
    NIC_COUNTER_SENT = 0, /* frames of clients that went to the device */
    NIC_COUNTER_RECEIVED, /* frames that a client got */
    NIC_COUNTER_DROPPED,  /* received frames without a client */
    NIC_COUNTER_REFUSED,  /* indices and lengths of clients that could not be */
    NIC_COUNTER_COUNT
};

enum nic_link { NIC_LINK_UNKNOWN = 0, NIC_LINK_DOWN, NIC_LINK_UP };

#endif
