/* SPDX-License-Identifier: BSD-2-Clause */
/* The header in front of each frame (virtio 1.2, 5.1.6): its length depends on what was negotiated, never on
 * a sizeof. Transmit headers are all zero (5.1.6.2.1: no checksum or segmentation bit is ever accepted). Of a
 * receive header only num_buffers is looked at: unknown and unnegotiated flags are ignored (5.1.6.4.2), as
 * hosts set DATA_VALID unasked. */
#ifndef CAPOS_PROVIDER_FORMAT_VIRTIO_NET_HEADER_H
#define CAPOS_PROVIDER_FORMAT_VIRTIO_NET_HEADER_H

#define VIRTIO_NET_HEADER_LEGACY      10u /* 5.1.6.1: without num_buffers, as MRG_RXBUF is refused */
#define VIRTIO_NET_HEADER_MODERN      12u
#define VIRTIO_NET_HEADER_NUM_BUFFERS 10u /* le16, modern */

#endif
