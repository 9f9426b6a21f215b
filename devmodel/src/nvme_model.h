/* SPDX-License-Identifier: BSD-2-Clause */
/* The NVMe controller's state, shared by its files. Private to devmodel. Clauses are of NVM Express 1.4. */
#ifndef DM_NVME_MODEL_H
#define DM_NVME_MODEL_H

#include "bytes.h"
#include "capos/devmodel/nvme.h"
#include "net_model.h"

#define DM_NVME_ENTRY_BYTES      64u /* of a submission queue */
#define DM_NVME_COMPLETION_BYTES 16u
#define DM_NVME_SLOTS            32u /* commands in flight at most */
#define DM_NVME_SHIFT_MAX        8u /* 1 MiB a command */
#define DM_NVME_PIECES_MAX       ((1u << DM_NVME_SHIFT_MAX) + 1u) /* pages, the first with an offset */
#define DM_NVME_LISTS_MAX        2u /* so many entries, from any place of the first list on */

/* Status field, without the phase: type of code << 8, code (4.6.1). */
enum dm_nvme_status {
    DM_NVME_SUCCESS = 0,
    DM_NVME_INVALID_OPCODE = 0x01,
    DM_NVME_INVALID_FIELD = 0x02,
    DM_NVME_ID_CONFLICT = 0x03,
    DM_NVME_TRANSFER_ERROR = 0x04,
    DM_NVME_INVALID_NAMESPACE = 0x0b,
    DM_NVME_SEQUENCE_ERROR = 0x0c,
    DM_NVME_PRP_OFFSET = 0x13,
    DM_NVME_LBA_RANGE = 0x80,
    DM_NVME_CQ_INVALID = 0x100,
    DM_NVME_QUEUE_ID_INVALID = 0x101,
    DM_NVME_QUEUE_SIZE_INVALID = 0x102,
    DM_NVME_VECTOR_INVALID = 0x108,
    DM_NVME_DELETION_INVALID = 0x10c,
    DM_NVME_READ_ERROR = 0x281
};

enum dm_nvme_state {
    DM_NVME_IDLE, /* CC.EN and CSTS.RDY are 0 */
    DM_NVME_STARTING, /* EN 1, RDY 0 */
    DM_NVME_RUNNING,
    DM_NVME_STOPPING /* EN 0, RDY 1: no DMA any more, and memory is not yet given back */
};

/* Entries of host memory: `shown` while the device may touch them, `live` while it looks at them. */
struct dm_nvme_ring {
    bool live, shown;
    uint64_t base;
    uint32_t size, head, tail; /* entries */
};

struct dm_nvme_sq {
    struct dm_nvme_ring ring;
    uint32_t told; /* head that the last completion told of */
    uint16_t cq;
};

struct dm_nvme_cq {
    struct dm_nvme_ring ring;
    bool phase; /* of the next entry */
    bool interrupts;
    uint16_t vector;
};

/* Inside one page. */
struct dm_nvme_piece {
    uint64_t at;
    uint32_t bytes;
};

enum dm_nvme_slot_state {
    DM_NVME_FREE = 0,
    DM_NVME_TAKEN,
    DM_NVME_KEPT /* never answered: its memory stays shown until a reset */
};

/* One command, from its fetch to its completion. */
struct dm_nvme_slot {
    enum dm_nvme_slot_state state;
    bool in_silence; /* the entry of a command that is over, done once more: moves data unchecked */
    uint16_t sq;
    uint32_t index; /* of its entry */
    uint8_t entry[DM_NVME_ENTRY_BYTES];
    enum dm_nvme_status status; /* what its fetch came to */
    uint32_t piece_count, list_count; /* shown to the device */
    struct dm_nvme_piece pieces[DM_NVME_PIECES_MAX]; /* where its data go */
    struct dm_nvme_piece lists[DM_NVME_LISTS_MAX]; /* PRP lists read */
    uint64_t more; /* where a next PRP would be; 0: nowhere */
};

struct dm_nvme {
    struct dm_nvme_config config;
    struct dm_function *function;
    struct dm_bus *bus;
    struct dm_memory *memory;
    bool removed;
    bool failed; /* CSTS.CFS */
    bool excused; /* it reset itself, and the driver cannot know */
    enum dm_nvme_state state;
    bool never; /* `state` does not change by steps */
    uint64_t turns; /* steps until it does */
    uint32_t cc, aqa, interrupt_mask, shutdown /* CSTS.SHST */;
    uint64_t asq, acq;
    struct dm_nvme_sq sqs[DM_NVME_QUEUES_MAX];
    struct dm_nvme_cq cqs[DM_NVME_QUEUES_MAX];
    struct dm_nvme_slot slots[DM_NVME_SLOTS];
    struct {
        bool due;
        uint16_t sq;
        uint32_t index;
    } old; /* a command to be done once more */
    struct dm_nvme_slot silent; /* while it is */
    struct dm_nvme_counts counts;
    struct dm_nvme_watch watch;
    struct dm_attack_arm arms[DM_NVME_ATTACKS];
    uint8_t page[DM_PAGE_BYTES]; /* data on their way */
};

static inline uint64_t dm_nvme_load64(const uint8_t *at)
{
    return dm_load32(at) | (uint64_t)dm_load32(at + 4) << 32;
}
static inline uint32_t dm_nvme_word(const struct dm_nvme_slot *s, uint32_t number)
{
    return dm_load32(s->entry + 4u * number);
}
static inline uint64_t dm_nvme_word64(const struct dm_nvme_slot *s, uint32_t number)
{
    return dm_nvme_load64(s->entry + 4u * number);
}
static inline uint8_t dm_nvme_opcode(const struct dm_nvme_slot *s)
{
    return s->entry[0];
}
static inline uint16_t dm_nvme_id(const struct dm_nvme_slot *s)
{
    return (uint16_t)(dm_nvme_word(s, 0) >> 16);
}
static inline uint32_t dm_nvme_transfer_max(const struct dm_nvme *n)
{
    return n->config.transfer_shift ? DM_PAGE_BYTES << n->config.transfer_shift : 256u << 10;
}

/* nvme.c: True when an armed attack fires; *value, where asked for, is then its value. */
bool dm_nvme_fires(struct dm_nvme *n, enum dm_nvme_attack attack, uint64_t *value);
/* The driver broke `clause`. */
void dm_nvme_broken(struct dm_nvme *n, const char *clause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* nvme_queue.c: rings in host memory, shown to the device from here on. False: not the driver's to give. */
bool dm_nvme_ring_start(struct dm_nvme *n, struct dm_nvme_ring *r, uint64_t base, uint32_t size,
                        bool completions);
void dm_nvme_ring_stop(struct dm_nvme *n, struct dm_nvme_ring *r, bool completions);
/* Commands of submission queue `sq` end without an answer, their memory is the driver's again. */
void dm_nvme_drop(struct dm_nvme *n, uint16_t sq);
/* Fetches and does at most `budget` commands; returns those done. */
uint32_t dm_nvme_work(struct dm_nvme *n, uint32_t budget);
/* Bytes of one piece of a command's data, at `from`. False: guest memory refused. */
bool dm_nvme_put(struct dm_nvme *n, const struct dm_nvme_slot *s, const struct dm_nvme_piece *to,
                 const uint8_t *from);

/* nvme_admin.c: decides whether an admin command can be, and how many bytes of data it moves to the host. */
enum dm_nvme_status dm_nvme_admin_check(struct dm_nvme *n, const struct dm_nvme_slot *s, uint32_t *bytes);
/* Does it; *result is DWORD 0 of its completion. In silence: moves data, and changes nothing. */
enum dm_nvme_status dm_nvme_admin_do(struct dm_nvme *n, struct dm_nvme_slot *s, uint32_t *result);

#endif
