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

enum nic_link { NIC_LINK_UNKNOWN = 0, NIC_LINK_DOWN, NIC_LINK_UP };

#endif
