/* SPDX-License-Identifier: BSD-2-Clause */
/* The register tables: what the kernel lets a provider touch, and the row numbers that it uses. Of MSI-X the
 * virtio tables hold the queue vector alone, usable while an Interrupt is active; the configuration vector
 * and the ISR are in none: the provider polls for what they would say. */
#ifndef CAPOS_PROVIDER_TABLES_H
#define CAPOS_PROVIDER_TABLES_H

#include "abi/regtable.h"

enum legacy_row {
    LEGACY_HOST_FEATURES = 0,
    LEGACY_GUEST_FEATURES,
    LEGACY_QUEUE_PFN,
    LEGACY_QUEUE_SIZE,
    LEGACY_QUEUE_SELECT,
    LEGACY_QUEUE_NOTIFY,
    LEGACY_STATUS,
    LEGACY_QUEUE_VECTOR,
    LEGACY_CONFIG,
    LEGACY_ROWS
};

/* 20 of registers, the configuration, and the 4 that MSI-X moves it by; at most the BAR of every device that
 * has been seen. */
#define LEGACY_WINDOW_BYTES      32u
#define LEGACY_SCSI_WINDOW_BYTES 60u

enum modern_section {
    MODERN_COMMON = 0,
    MODERN_NOTIFY,
    MODERN_DEVICE,
    MODERN_SECTIONS,
    MODERN_ISR = MODERN_SECTIONS
};

enum modern_row {
    MODERN_DEVICE_FEATURE_SELECT = 0,
    MODERN_DEVICE_FEATURE,
    MODERN_DRIVER_FEATURE_SELECT,
    MODERN_DRIVER_FEATURE,
    MODERN_NUM_QUEUES,
    MODERN_STATUS,
    MODERN_GENERATION,
    MODERN_QUEUE_SELECT,
    MODERN_QUEUE_SIZE,
    MODERN_QUEUE_VECTOR,
    MODERN_QUEUE_ENABLE,
    MODERN_QUEUE_NOTIFY_OFF,
    MODERN_QUEUE_DESC_LOW,
    MODERN_QUEUE_DESC_HIGH,
    MODERN_QUEUE_DRIVER_LOW,
    MODERN_QUEUE_DRIVER_HIGH,
    MODERN_QUEUE_DEVICE_LOW,
    MODERN_QUEUE_DEVICE_HIGH,
    MODERN_BELL,
    MODERN_CONFIG, /* network: the MAC, byte by byte; SCSI: the first fields, 32 bits each */
    MODERN_NET_STATUS, /* network, the status field: 16 bits, in one access (4.1.3.1) */
    MODERN_SCSI_MAX_TARGET = MODERN_NET_STATUS, /* SCSI, the greatest target: the same */
    MODERN_ROWS
};

#define MODERN_COMMON_BYTES 56u /* through queue_device (4.1.4.3) */

enum nvme_section { NVME_SECTION_REGISTERS = 0, NVME_SECTION_BELLS, NVME_SECTIONS };

enum nvme_row {
    NVME_ROW_CAP_LOW = 0,
    NVME_ROW_CAP_HIGH,
    NVME_ROW_VERSION,
    NVME_ROW_CC,
    NVME_ROW_CSTS,
    NVME_ROW_AQA,
    NVME_ROW_ASQ_LOW,
    NVME_ROW_ASQ_HIGH,
    NVME_ROW_ACQ_LOW,
    NVME_ROW_ACQ_HIGH,
    NVME_ROW_BELL, /* of the admin queue's tail; queue n's tail and head follow at 2n and 2n + 1 strides */
    NVME_ROWS
};

/* Status reads before the kernel's own reset, when an owner died, counts as unconfirmed. */
#define VIRTIO_QUIESCE_POLLS_MAX 10000u

extern const struct reg_table virtio_net_legacy_table;
/* What the only memory BAR of a legacy function, the MSI-X table, leaves to a program: nothing. */
extern const struct reg_table virtio_net_legacy_memory_table;
extern const struct reg_table virtio_net_modern_table;
extern const struct reg_table virtio_scsi_legacy_table;
extern const struct reg_table virtio_scsi_modern_table;
extern const struct reg_table nvme_table;

#endif
