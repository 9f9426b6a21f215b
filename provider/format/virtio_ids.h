/* SPDX-License-Identifier: BSD-2-Clause */
/* Names for the numbers of virtio 1.2: PCI identity and capabilities (4.1), status bits (2.1), features
 * (5.1.3, 6). */
#ifndef CAPOS_PROVIDER_FORMAT_VIRTIO_IDS_H
#define CAPOS_PROVIDER_FORMAT_VIRTIO_IDS_H

#include <stdint.h>

/* PCI identity (4.1.2). */
#define VIRTIO_PCI_VENDOR             0x1af4u
#define VIRTIO_PCI_TRANSITIONAL_FIRST 0x1000u
#define VIRTIO_PCI_TRANSITIONAL_LAST  0x103fu
#define VIRTIO_PCI_MODERN_FIRST       0x1040u /* plus the device type */
#define VIRTIO_PCI_MODERN_LAST        0x107fu
#define VIRTIO_TYPE_NETWORK           1u
#define VIRTIO_TYPE_SCSI              8u

/* Standard configuration space that a capability walk reads (PCI 3.0, 6.1 and 6.7). */
#define PCI_STATUS_OFFSET       0x06u
#define PCI_STATUS_CAPABILITIES 0x10u
#define PCI_CAPABILITIES_OFFSET 0x34u
#define PCI_CAPABILITIES_FIRST  0x40u
#define PCI_CAPABILITY_VENDOR   0x09u
#define PCI_COMMAND_OFFSET      0x04u
#define PCI_COMMAND_PORTS       0x0001u
#define PCI_COMMAND_MEMORY      0x0002u
#define PCI_COMMAND_BUS_MASTER  0x0004u
#define PCI_COMMAND_NO_INTX     0x0400u

/* struct virtio_pci_cap (4.1.4): offsets from the capability's start. */
#define VIRTIO_CAP_LENGTH      2u /* u8 cap_len */
#define VIRTIO_CAP_TYPE        3u /* u8 cfg_type */
#define VIRTIO_CAP_BAR         4u /* u8 */
#define VIRTIO_CAP_OFFSET      8u /* le32 */
#define VIRTIO_CAP_BYTES       12u /* le32 length */
#define VIRTIO_CAP_SIZE        16u
#define VIRTIO_CAP_MULTIPLIER  16u /* le32, notify only */
#define VIRTIO_CAP_NOTIFY_SIZE 20u

enum virtio_cap_type {
    VIRTIO_CAP_COMMON = 1,
    VIRTIO_CAP_NOTIFY = 2,
    VIRTIO_CAP_ISR = 3,
    VIRTIO_CAP_DEVICE = 4
};

/* Device status (2.1). */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define VIRTIO_STATUS_DRIVER      0x02u
#define VIRTIO_STATUS_DRIVER_OK   0x04u
#define VIRTIO_STATUS_FEATURES_OK 0x08u
#define VIRTIO_STATUS_NEEDS_RESET 0x40u
#define VIRTIO_STATUS_FAILED      0x80u
#define VIRTIO_STATUS_GONE        0xffu /* not a status: what absent hardware reads as */

/* Features that this provider knows by name: 5.1.3 and 6. */
#define VIRTIO_NET_F_MAC    (1ull << 5)
#define VIRTIO_NET_F_STATUS (1ull << 16)
#define VIRTIO_F_ANY_LAYOUT (1ull << 27) /* legacy interface only (6.3) */
#define VIRTIO_F_VERSION_1  (1ull << 32)

/* A vector register that maps its event to nothing (4.1.5.1.2). */
#define VIRTIO_NO_VECTOR 0xffffu

/* Network device configuration (5.1.4). */
#define VIRTIO_NET_CONFIG_MAC    0u
#define VIRTIO_NET_CONFIG_STATUS 6u
#define VIRTIO_NET_CONFIG_BYTES  8u
#define VIRTIO_NET_LINK_UP       1u

/* SCSI host configuration (5.6.4): offsets of the fields that are read. */
#define VIRTIO_SCSI_CONFIG_NUM_QUEUES  0u
#define VIRTIO_SCSI_CONFIG_SEG_MAX     4u
#define VIRTIO_SCSI_CONFIG_MAX_SECTORS 8u
#define VIRTIO_SCSI_CONFIG_SENSE_SIZE  20u
#define VIRTIO_SCSI_CONFIG_CDB_SIZE    24u
#define VIRTIO_SCSI_CONFIG_WORDS       7u /* of 32 bits, from the start */
#define VIRTIO_SCSI_CONFIG_MAX_TARGET  30u
#define VIRTIO_SCSI_CONFIG_BYTES       36u
#define VIRTIO_CONFIG_BYTES_MAX        VIRTIO_SCSI_CONFIG_BYTES /* of the types above */

#endif
