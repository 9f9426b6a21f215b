/* SPDX-License-Identifier: BSD-2-Clause */
/* The register table of an NVMe controller (NVM Express 1.4, 3.1). Of CC two values may be written, of
 * interrupts nothing: the driver polls. */
#include "provider/format/nvme.h"
#include "provider/tables.h"

#define OWNED     IN_CLAIMED_STATES
#define STEPS     (sizeof steps / sizeof steps[0])
#define SIZES_MAX 0x0fff0fffu /* ACQS and ASQS, twelve bits each (3.1.8) */

#define READ_ROW(at, which)                                                                                  \
    {                                                                                                        \
        .section = NVME_SECTION_REGISTERS, .offset = (at), .width = 4, .count = 1, .kind = (which),          \
        .direction = REG_READ, .read_states = OWNED                                                          \
    }
#define ADDRESS_ROW(at, which, upper)                                                                        \
    {                                                                                                        \
        .section = NVME_SECTION_REGISTERS, .offset = (at), .width = 4, .count = 1, .kind = REG_ADDRESS,      \
        .direction = REG_WRITE, .write_states = IN_STATE(DEVICE_RESET), .part = (which), .half = (upper)     \
    }

static const struct reg_row rows[NVME_ROWS] = {
    [NVME_ROW_CAP_LOW] = READ_ROW(0x00, REG_PLAIN),
    [NVME_ROW_CAP_HIGH] = READ_ROW(0x04, REG_PLAIN),
    [NVME_ROW_VERSION] = READ_ROW(0x08, REG_PLAIN),
    [NVME_ROW_CC] = {.section = NVME_SECTION_REGISTERS,
                     .offset = 0x14,
                     .width = 4,
                     .count = 1,
                     .kind = REG_QUIESCE,
                     .direction = REG_READ_WRITE,
                     .write_mask = NVME_CC_RUNNING,
                     .read_states = OWNED,
                     .write_states = IN_STATE(DEVICE_FEATURES_OK)},
    [NVME_ROW_CSTS] = READ_ROW(0x1c, REG_CONFIRM),
    [NVME_ROW_AQA] = {.section = NVME_SECTION_REGISTERS,
                      .offset = 0x24,
                      .width = 4,
                      .count = 1,
                      .direction = REG_WRITE,
                      .write_mask = SIZES_MAX,
                      .write_states = IN_STATE(DEVICE_RESET),
                      .enables_queue = 1},
    [NVME_ROW_ASQ_LOW] = ADDRESS_ROW(0x28, RING_DESCRIPTORS, 0),
    [NVME_ROW_ASQ_HIGH] = ADDRESS_ROW(0x2c, RING_DESCRIPTORS, 1),
    [NVME_ROW_ACQ_LOW] = ADDRESS_ROW(0x30, RING_DEVICE_AREA, 0),
    [NVME_ROW_ACQ_HIGH] = ADDRESS_ROW(0x34, RING_DEVICE_AREA, 1),
    [NVME_ROW_BELL] = {.section = NVME_SECTION_BELLS,
                       .offset = 0,
                       .width = 4,
                       .count = 1,
                       .kind = REG_BELL,
                       .direction = REG_WRITE,
                       .write_mask = 0xffffu,
                       .write_states = IN_STATE(DEVICE_DRIVER_OK)},
};

/* 7.6.1: the admin queue first, then CC.EN, and no doorbell before CSTS.RDY was read. */
static const struct reg_step steps[] = {
    {.row = NVME_ROW_AQA,
     .from_states = IN_STATE(DEVICE_RESET),
     .mask = 0,
     .bits = 0,
     .to = DEVICE_FEATURES_OK},
    {.row = NVME_ROW_CC,
     .from_states = IN_STATE(DEVICE_FEATURES_OK),
     .mask = NVME_CC_ENABLE,
     .bits = NVME_CC_ENABLE,
     .to = DEVICE_QUEUES_PROGRAMMED},
    {.row = NVME_ROW_CSTS,
     .from_states = IN_STATE(DEVICE_QUEUES_PROGRAMMED),
     .mask = NVME_CSTS_READY | NVME_CSTS_FATAL,
     .bits = NVME_CSTS_READY,
     .to = DEVICE_DRIVER_OK},
};

/* 3.1.5: taking CC.EN back before CSTS.RDY came is undefined; after a fatal error it is the way out (9.5). */
const struct reg_table nvme_table = {
    .name = "nvme",
    .rows = rows,
    .steps = steps,
    .row_count = NVME_ROWS,
    .step_count = STEPS,
    .section_count = NVME_SECTIONS,
    .quiesce_row = NVME_ROW_CC,
    .quiesce_write = NVME_CC_STOPPED,
    .quiesce_until = 0,
    .quiesce_mask = NVME_CSTS_READY,
    .quiesce_polls_max = REG_QUIESCE_POLLS_MAX,
    .ring_align = NVME_PAGE_BYTES,
    .ring_format = RING_PAIR,
    .start_write = NVME_CC_RUNNING,
    .running_mask = NVME_CC_ENABLE,
    .settled_mask = NVME_CSTS_READY | NVME_CSTS_FATAL,
};
