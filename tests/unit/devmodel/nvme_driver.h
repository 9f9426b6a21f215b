/* SPDX-License-Identifier: BSD-2-Clause */
/* An NVMe driver by hand, for tests of the model: one admin and one I/O queue pair at fixed places. */
#ifndef TEST_NVME_DRIVER_H
#define TEST_NVME_DRIVER_H

#include "capos/devmodel/nvme.h"

#define HAND_BUS_BASE 0x80000000ull
#define HAND_PAGES    96u /* all are given to the device; what lies behind is not */
#define HAND_ENTRIES  8u /* of each queue */
#define HAND_BLOCKS   2048u
#define HAND_RUN      0x00460001u /* CC: enabled, entries of 64 and 16 bytes */

enum hand_page { P_ASQ, P_ACQ, P_SQ, P_CQ, P_LIST, P_LIST_NEXT, P_METADATA, P_DATA = 8 };
enum hand_register {
    CAP = 0,
    CAP_HIGH = 4,
    VS = 8,
    CC = 0x14,
    CSTS = 0x1c,
    AQA = 0x24,
    ASQ = 0x28,
    ACQ = 0x30
};

struct hand {
    struct dm_nvme_config config;
    struct dm_memory *memory;
    struct dm_bus *bus;
    struct dm_nvme *nvme;
    uint64_t registers;
    bool medium_broken;
    uint32_t messages;
    uint32_t tail[2], head[2]; /* admin and I/O */
    bool phase[2];
    uint16_t next_id;
};

struct answer {
    bool there;
    uint32_t result;
    uint16_t head, queue, id, status;
};

/* A command: all else is 0. */
struct command {
    uint8_t opcode;
    uint32_t space;
    uint64_t metadata, prp[2];
    uint32_t word[3]; /* DWORDs 10 to 12 */
    uint16_t flags; /* bits 15:8 of DWORD 0 */
};

void hand_config(struct hand *h); /* the defaults, with a medium */
void hand_open(struct hand *h); /* as `config` says, with a ledger, bus mastering on */
void hand_close(struct hand *h);
uint32_t hand_get(struct hand *h, uint32_t offset);
void hand_put(struct hand *h, uint32_t offset, uint32_t value);
uint64_t hand_bus(uint32_t page);
uint8_t *hand_at(struct hand *h, uint32_t page);
uint8_t hand_medium(uint64_t offset); /* the byte that is there */
void hand_steps(struct hand *h, uint32_t steps);
void hand_enable(struct hand *h); /* admin queues, EN, and steps until ready */
void hand_disable(struct hand *h);
void hand_start(struct hand *h); /* hand_enable(), then the I/O queue pair, without interrupts */
void hand_doorbell(struct hand *h, uint32_t queue, bool completions, uint32_t value);
void hand_submit(struct hand *h, unsigned queue, const struct command *c); /* its identifier: next_id++ */
struct answer hand_take(struct hand *h, unsigned queue); /* the next completion, without steps */
struct answer hand_do(struct hand *h, unsigned queue, const struct command *c); /* and one step */
struct command hand_read(uint64_t block, uint32_t blocks, uint64_t prp1, uint64_t prp2);
struct command hand_identify(uint32_t what, uint32_t space);
struct command hand_create(bool completions, uint16_t queue);

#endif
