/* SPDX-License-Identifier: BSD-2-Clause */
/* The modern common configuration, notify and device windows as data (virtio 1.2, 4.1.4.3 to 4.1.4.6). 64-bit
 * fields are written as independent halves (4.1.3.2). Queue sizes are taken as the device offers them: no row
 * writes one. */
#include "provider/tables.h"

#include "provider/format/split.h"
#include "provider/format/virtio_ids.h"

#define OWNED   IN_CLAIMED_STATES
#define SETUP   (IN_STATE(DEVICE_RESET) | IN_STATE(DEVICE_FEATURES_OK) | IN_STATE(DEVICE_QUEUES_PROGRAMMED))
#define PROGRAM (IN_STATE(DEVICE_FEATURES_OK) | IN_STATE(DEVICE_QUEUES_PROGRAMMED))
#define STATUS_BITS                                                                                          \
    (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK |                            \
     VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED)

#define ADDRESS_ROW(at, which, upper)                                                                        \
    {                                                                                                        \
        .section = MODERN_COMMON, .offset = (at), .width = 4, .count = 1, .kind = REG_ADDRESS,               \
        .direction = REG_WRITE, .write_states = PROGRAM, .part = (which), .half = (upper)                    \
    }

/* What every device type has. The feature select changes nothing but the window of the row behind it: it may
 * be written at any time. Of queue_enable 1 only: a driver never writes 0 (4.1.4.3.2). */
#define COMMON_ROWS                                                                                          \
    [MODERN_DEVICE_FEATURE_SELECT] = {.section = MODERN_COMMON,                                              \
                                      .offset = 0,                                                           \
                                      .width = 4,                                                            \
                                      .count = 1,                                                            \
                                      .direction = REG_WRITE,                                                \
                                      .write_mask = 1,                                                       \
                                      .write_states = OWNED},                                                \
    [MODERN_DEVICE_FEATURE] = {.section = MODERN_COMMON,                                                     \
                               .offset = 4,                                                                  \
                               .width = 4,                                                                   \
                               .count = 1,                                                                   \
                               .direction = REG_READ,                                                        \
                               .read_states = OWNED},                                                        \
    [MODERN_DRIVER_FEATURE_SELECT] = {.section = MODERN_COMMON,                                              \
                                      .offset = 8,                                                           \
                                      .width = 4,                                                            \
                                      .count = 1,                                                            \
                                      .direction = REG_WRITE,                                                \
                                      .write_mask = 1,                                                       \
                                      .write_states = IN_STATE(DEVICE_RESET)},                               \
    [MODERN_DRIVER_FEATURE] = {.section = MODERN_COMMON,                                                     \
                               .offset = 12,                                                                 \
                               .width = 4,                                                                   \
                               .count = 1,                                                                   \
                               .direction = REG_WRITE,                                                       \
                               .write_mask = 0xffffffffu,                                                    \
                               .write_states = IN_STATE(DEVICE_RESET)},                                      \
    [MODERN_NUM_QUEUES] = {.section = MODERN_COMMON,                                                         \
                           .offset = 18,                                                                     \
                           .width = 2,                                                                       \
                           .count = 1,                                                                       \
                           .direction = REG_READ,                                                            \
                           .read_states = OWNED},                                                            \
    [MODERN_STATUS] = {.section = MODERN_COMMON,                                                             \
                       .offset = 20,                                                                         \
                       .width = 1,                                                                           \
                       .count = 1,                                                                           \
                       .kind = REG_QUIESCE,                                                                  \
                       .direction = REG_READ_WRITE,                                                          \
                       .write_mask = STATUS_BITS,                                                            \
                       .read_states = OWNED,                                                                 \
                       .write_states = OWNED},                                                               \
    [MODERN_GENERATION] = {.section = MODERN_COMMON,                                                         \
                           .offset = 21,                                                                     \
                           .width = 1,                                                                       \
                           .count = 1,                                                                       \
                           .direction = REG_READ,                                                            \
                           .read_states = OWNED},                                                            \
    [MODERN_QUEUE_SELECT] = {.section = MODERN_COMMON,                                                       \
                             .offset = 22,                                                                   \
                             .width = 2,                                                                     \
                             .count = 1,                                                                     \
                             .direction = REG_WRITE,                                                         \
                             .write_mask = 0xffffu,                                                          \
                             .write_states = SETUP,                                                          \
                             .selects_queue = 1},                                                            \
    [MODERN_QUEUE_SIZE] = {.section = MODERN_COMMON,                                                         \
                           .offset = 24,                                                                     \
                           .width = 2,                                                                       \
                           .count = 1,                                                                       \
                           .direction = REG_READ,                                                            \
                           .read_states = OWNED,                                                             \
                           .sizes_queue = 1},                                                                \
    [MODERN_QUEUE_VECTOR] = {.section = MODERN_COMMON,                                                       \
                             .offset = 26,                                                                   \
                             .width = 2,                                                                     \
                             .count = 1,                                                                     \
                             .direction = REG_READ_WRITE,                                                    \
                             .write_mask = 0xffffu,                                                          \
                             .read_states = OWNED,                                                           \
                             .write_states = PROGRAM,                                                        \
                             .with_msix_only = 1},                                                           \
    [MODERN_QUEUE_ENABLE] = {.section = MODERN_COMMON,                                                       \
                             .offset = 28,                                                                   \
                             .width = 2,                                                                     \
                             .count = 1,                                                                     \
                             .direction = REG_WRITE,                                                         \
                             .write_mask = 1,                                                                \
                             .write_states = PROGRAM,                                                        \
                             .enables_queue = 1},                                                            \
    [MODERN_QUEUE_NOTIFY_OFF] = {.section = MODERN_COMMON,                                                   \
                                 .offset = 30,                                                               \
                                 .width = 2,                                                                 \
                                 .count = 1,                                                                 \
                                 .direction = REG_READ,                                                      \
                                 .read_states = OWNED},                                                      \
    [MODERN_QUEUE_DESC_LOW] = ADDRESS_ROW(32, RING_DESCRIPTORS, 0),                                          \
    [MODERN_QUEUE_DESC_HIGH] = ADDRESS_ROW(36, RING_DESCRIPTORS, 1),                                         \
    [MODERN_QUEUE_DRIVER_LOW] = ADDRESS_ROW(40, RING_DRIVER_AREA, 0),                                        \
    [MODERN_QUEUE_DRIVER_HIGH] = ADDRESS_ROW(44, RING_DRIVER_AREA, 1),                                       \
    [MODERN_QUEUE_DEVICE_LOW] = ADDRESS_ROW(48, RING_DEVICE_AREA, 0),                                        \
    [MODERN_QUEUE_DEVICE_HIGH] = ADDRESS_ROW(52, RING_DEVICE_AREA, 1),                                       \
    [MODERN_BELL] = {.section = MODERN_NOTIFY,                                                               \
                     .offset = 0,                                                                            \
                     .width = 2,                                                                             \
                     .count = 1,                                                                             \
                     .kind = REG_BELL,                                                                       \
                     .direction = REG_WRITE,                                                                 \
                     .write_mask = 0xffffu,                                                                  \
                     .write_states = IN_STATE(DEVICE_DRIVER_OK)}

static const struct reg_row net_rows[MODERN_ROWS] = {
    COMMON_ROWS,
    [MODERN_CONFIG] = {.section = MODERN_DEVICE,
                       .offset = 0,
                       .width = 1,
                       .count = VIRTIO_NET_CONFIG_STATUS,
                       .direction = REG_READ,
                       .read_states = OWNED},
    [MODERN_NET_STATUS] = {.section = MODERN_DEVICE,
                           .offset = VIRTIO_NET_CONFIG_STATUS,
                           .width = 2,
                           .count = 1,
                           .direction = REG_READ,
                           .read_states = OWNED},
};

/* Fields of 32 bits up to the CDB's size, each in one access of its width (4.1.3.1); of those of 16 bits the
 * greatest target. */
static const struct reg_row scsi_rows[MODERN_ROWS] = {
    COMMON_ROWS,
    [MODERN_CONFIG] = {.section = MODERN_DEVICE,
                       .offset = 0,
                       .width = 4,
                       .count = VIRTIO_SCSI_CONFIG_WORDS,
                       .direction = REG_READ,
                       .read_states = OWNED},
    [MODERN_SCSI_MAX_TARGET] = {.section = MODERN_DEVICE,
                                .offset = VIRTIO_SCSI_CONFIG_MAX_TARGET,
                                .width = 2,
                                .count = 1,
                                .direction = REG_READ,
                                .read_states = OWNED},
};

static const struct reg_step steps[] = {
    {.row = MODERN_STATUS,
     .from_states = IN_STATE(DEVICE_RESET),
     .mask = VIRTIO_STATUS_FEATURES_OK,
     .bits = VIRTIO_STATUS_FEATURES_OK,
     .to = DEVICE_FEATURES_OK},
    {.row = MODERN_QUEUE_ENABLE,
     .from_states = IN_STATE(DEVICE_FEATURES_OK),
     .mask = 1,
     .bits = 1,
     .to = DEVICE_QUEUES_PROGRAMMED},
    {.row = MODERN_STATUS,
     .from_states = IN_STATE(DEVICE_QUEUES_PROGRAMMED),
     .mask = VIRTIO_STATUS_DRIVER_OK,
     .bits = VIRTIO_STATUS_DRIVER_OK,
     .to = DEVICE_DRIVER_OK},
};

#define MODERN_TABLE(called, its_rows)                                                                       \
    {                                                                                                        \
        .name = (called), .rows = (its_rows), .steps = steps, .row_count = MODERN_ROWS,                      \
        .step_count = sizeof steps / sizeof steps[0], .section_count = MODERN_SECTIONS,                      \
        .quiesce_row = MODERN_STATUS, .quiesce_write = 0, .quiesce_until = 0,                                \
        .quiesce_polls_max = VIRTIO_QUIESCE_POLLS_MAX, .ring_align = SPLIT_ALIGN_MODERN                      \
    }

const struct reg_table virtio_net_modern_table = MODERN_TABLE("virtio-net modern", net_rows);
const struct reg_table virtio_scsi_modern_table = MODERN_TABLE("virtio-scsi modern", scsi_rows);
