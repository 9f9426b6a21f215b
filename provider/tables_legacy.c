/* SPDX-License-Identifier: BSD-2-Clause */
/* The legacy register block as data (virtio 1.2, 4.1.4.10): one I/O BAR, addresses as page numbers, no
 * FEATURES_OK. */
#include "provider/tables.h"

#include "provider/format/split.h"
#include "provider/format/virtio_ids.h"

/* Reading changes nothing in any register listed here. */
#define OWNED IN_CLAIMED_STATES
#define SETUP (IN_STATE(DEVICE_RESET) | IN_STATE(DEVICE_FEATURES_OK) | IN_STATE(DEVICE_QUEUES_PROGRAMMED))
/* Address rows: after the features are fixed, before the device runs. */
#define PROGRAM (IN_STATE(DEVICE_FEATURES_OK) | IN_STATE(DEVICE_QUEUES_PROGRAMMED))
#define STATUS_BITS                                                                                          \
    (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FAILED)

/* What every device type has. While MSI-X is off the device configuration begins where the vector is
 * (4.1.4.10). */
#define COMMON_ROWS                                                                                          \
    [LEGACY_HOST_FEATURES] = {.offset = 0,                                                                   \
                              .width = 4,                                                                    \
                              .count = 1,                                                                    \
                              .direction = REG_READ,                                                         \
                              .read_states = OWNED},                                                         \
    [LEGACY_GUEST_FEATURES] = {.offset = 4,                                                                  \
                               .width = 4,                                                                   \
                               .count = 1,                                                                   \
                               .direction = REG_WRITE,                                                       \
                               .write_mask = 0xffffffffu,                                                    \
                               .write_states = IN_STATE(DEVICE_RESET)},                                      \
    [LEGACY_QUEUE_PFN] = {.offset = 8,                                                                       \
                          .width = 4,                                                                        \
                          .count = 1,                                                                        \
                          .kind = REG_ADDRESS,                                                               \
                          .direction = REG_WRITE,                                                            \
                          .write_states = PROGRAM,                                                           \
                          .part = RING_WHOLE,                                                                \
                          .shift = 12},                                                                      \
    [LEGACY_QUEUE_SIZE] = {.offset = 12,                                                                     \
                           .width = 2,                                                                       \
                           .count = 1,                                                                       \
                           .direction = REG_READ,                                                            \
                           .read_states = OWNED,                                                             \
                           .sizes_queue = 1},                                                                \
    [LEGACY_QUEUE_SELECT] = {.offset = 14,                                                                   \
                             .width = 2,                                                                     \
                             .count = 1,                                                                     \
                             .direction = REG_WRITE,                                                         \
                             .write_mask = 0xffffu,                                                          \
                             .write_states = SETUP,                                                          \
                             .selects_queue = 1},                                                            \
    [LEGACY_QUEUE_NOTIFY] = {.offset = 16,                                                                   \
                             .width = 2,                                                                     \
                             .count = 1,                                                                     \
                             .kind = REG_BELL,                                                               \
                             .direction = REG_WRITE,                                                         \
                             .write_mask = 0xffffu,                                                          \
                             .write_states = IN_STATE(DEVICE_DRIVER_OK)},                                    \
    [LEGACY_STATUS] = {.offset = 18,                                                                         \
                       .width = 1,                                                                           \
                       .count = 1,                                                                           \
                       .kind = REG_QUIESCE,                                                                  \
                       .direction = REG_READ_WRITE,                                                          \
                       .write_mask = STATUS_BITS,                                                            \
                       .read_states = OWNED,                                                                 \
                       .write_states = OWNED},                                                               \
    [LEGACY_QUEUE_VECTOR] = {.offset = 22,                                                                   \
                             .width = 2,                                                                     \
                             .count = 1,                                                                     \
                             .direction = REG_READ_WRITE,                                                    \
                             .write_mask = 0xffffu,                                                          \
                             .read_states = OWNED,                                                           \
                             .write_states = PROGRAM,                                                        \
                             .with_msix_only = 1}
/* Bytes throughout: a legacy device configuration has no widths of its own that drivers could rely on. */
#define CONFIG_ROW(bytes)                                                                                    \
    {                                                                                                        \
        .offset = 20, .width = 1, .count = (bytes), .direction = REG_READ, .read_states = OWNED,             \
        .moves_with_msix = 1                                                                                 \
    }

static const struct reg_row net_rows[LEGACY_ROWS] = {COMMON_ROWS, [LEGACY_CONFIG] =
                                                                      CONFIG_ROW(VIRTIO_NET_CONFIG_BYTES)};
static const struct reg_row scsi_rows[LEGACY_ROWS] = {COMMON_ROWS, [LEGACY_CONFIG] =
                                                                       CONFIG_ROW(VIRTIO_SCSI_CONFIG_BYTES)};

/* Without FEATURES_OK the write of the accepted bits is what fixes them (3.1.2). */
static const struct reg_step steps[] = {
    {.row = LEGACY_GUEST_FEATURES, .from_states = IN_STATE(DEVICE_RESET), .to = DEVICE_FEATURES_OK},
    {.row = LEGACY_QUEUE_PFN, .from_states = IN_STATE(DEVICE_FEATURES_OK), .to = DEVICE_QUEUES_PROGRAMMED},
    {.row = LEGACY_STATUS,
     .from_states = IN_STATE(DEVICE_QUEUES_PROGRAMMED),
     .mask = VIRTIO_STATUS_DRIVER_OK,
     .bits = VIRTIO_STATUS_DRIVER_OK,
     .to = DEVICE_DRIVER_OK},
};

#define LEGACY_TABLE(called, its_rows)                                                                       \
    {                                                                                                        \
        .name = (called), .rows = (its_rows), .steps = steps, .row_count = LEGACY_ROWS,                      \
        .step_count = sizeof steps / sizeof steps[0], .section_count = 1, .ports = 1,                        \
        .quiesce_row = LEGACY_STATUS, .queue_programs = 1, .quiesce_write = 0, .quiesce_until = 0,           \
        .quiesce_polls_max = VIRTIO_QUIESCE_POLLS_MAX, .ring_align = SPLIT_ALIGN_LEGACY                      \
    }

const struct reg_table virtio_net_legacy_table = LEGACY_TABLE("virtio-net legacy", net_rows);
const struct reg_table virtio_scsi_legacy_table = LEGACY_TABLE("virtio-scsi legacy", scsi_rows);

const struct reg_table virtio_net_legacy_memory_table = {.name = "empty memory window"};
