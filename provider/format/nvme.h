/* SPDX-License-Identifier: BSD-2-Clause */
/* NVMe commands, completions and answers as bytes (NVM Express 1.4). A command is what a driver decided, by
 * meaning; its 64 bytes are written from that and from addresses that only their author knows. Used by the
 * provider and by the kernel's broker. Decoders are one decision over one private copy of what a device or a
 * driver wrote, and believe none of it. */
#ifndef CAPOS_PROVIDER_FORMAT_NVME_H
#define CAPOS_PROVIDER_FORMAT_NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringmem.h"

#define NVME_COMMAND_BYTES    64u /* 4.2, with CC.IOSQES 6 */
#define NVME_COMPLETION_BYTES 16u /* 4.6, with CC.IOCQES 4 */
#define NVME_PAGE_BYTES       4096u /* CC.MPS 0 */
#define NVME_ADMIN_QUEUE      0u
#define NVME_ENTRIES_MIN      2u /* 4.1.3 */
#define NVME_ENTRIES_MAX      64u /* of a queue pair here: a power of two */
#define NVME_IDENTIFY_BYTES   4096u /* 5.15.1 */
#define NVME_LIST_ENTRIES                                                                                    \
    64u /* of a PRP list here: it lies in one page, and no entry leads to another list */
#define NVME_DATA_BYTES_MAX  (NVME_LIST_ENTRIES * NVME_PAGE_BYTES)
#define NVME_BLOCK_SHIFT_MIN 9u
#define NVME_BLOCK_SHIFT_MAX 12u
#define NVME_NSID            1u /* that a disk with one namespace has (6.1) */
#define NVME_TEXT_BYTES      41u /* a model number, with the zero byte */

/* The registers (3.1). */
#define NVME_CC_STOPPED  0x00460000u /* IOCQES 4, IOSQES 6, MPS 0, round robin, NVM command set */
#define NVME_CC_RUNNING  0x00460001u
#define NVME_CC_ENABLE   1u
#define NVME_CSTS_READY  1u
#define NVME_CSTS_FATAL  2u
#define NVME_REGISTERS   0x1000u /* doorbells lie behind them (3.1.24) */
#define NVME_BELLS_FIRST 4u /* bytes between two doorbells with CAP.DSTRD 0 */

/* What a driver may ask for. Everything else, and every bit that has no place below, is refused: among it
 * whatever carries further addresses (host memory buffer, doorbell buffers, SGLs, metadata) or changes a
 * disk. */
enum nvme_command_kind {
    NVME_IDENTIFY_CONTROLLER = 0, /* 5.15, CNS 01h */
    NVME_IDENTIFY_NAMESPACE, /* CNS 00h of `nsid` */
    NVME_SET_QUEUES, /* 5.21.1.7: `queue` pairs are wanted */
    NVME_CREATE_COMPLETION_QUEUE, /* 5.3: `queue` of `entries`, contiguous, without interrupts */
    NVME_CREATE_SUBMISSION_QUEUE, /* 5.4: the same, its completions to the queue of that number */
    NVME_READ, /* 6.9: `blocks` from `lba` of `nsid` */
    NVME_COMMAND_KINDS
};

struct nvme_command {
    uint8_t kind; /* enum nvme_command_kind */
    uint16_t queue, entries; /* those that `kind` names; others 0 */
    uint32_t nsid;
    uint32_t blocks; /* 1 to 65536 */
    uint64_t lba;
};

/* Addresses in device terms; 0 where the command takes none. */
struct nvme_pointers {
    uint64_t prp1, prp2; /* 4.3 */
};

/* `out`: NVME_COMMAND_BYTES, all of them written. */
void nvme_encode_command(const struct nvme_command *command, uint16_t id, struct nvme_pointers pointers,
                         uint8_t *out);
/* `bytes`: NVME_COMMAND_BYTES, a private copy, as a driver without addresses writes them: identifier and
 * pointers 0. `admin`: on the admin queue. False: none that a driver may ask for there. */
bool nvme_decode_command(const uint8_t *bytes, bool admin, struct nvme_command *out);
/* Bytes of data that the device writes; 0: none, or of a READ, whose blocks the caller knows the size of. */
uint32_t nvme_answer_bytes(const struct nvme_command *command);

/* A completion, each word read once. */
struct nvme_completion {
    uint16_t status; /* without the phase: 0 is success */
    dev_u32 id; /* of the command: 16 bits */
    dev_u32 head, queue; /* of the submission queue, and its number: 16 bits each */
    dev_u32 result;
};

/* The phase of entry `index`, which runs freely, of a queue that began zeroed: each round toggles it (4.6).
 */
static inline uint8_t nvme_phase(uint16_t index, uint16_t entries)
{
    return (index & entries) == 0;
}

/* The entry of free-running `index` of the completion queue at `area`; false: the device wrote none yet. */
static inline bool nvme_completion_at(const uint8_t *area, uint16_t entries, uint16_t index,
                                      struct nvme_completion *out)
{
    const uint8_t *entry = area + (size_t)(index & (entries - 1u)) * NVME_COMPLETION_BYTES;
    const uint32_t last = ring_load32(entry + 12).untrusted;
    uint32_t third;

    if ((last >> 16 & 1u) != nvme_phase(index, entries))
        return false;
    /* 4.6: the other words, and the command's data, are loaded after the phase that announced them. */
    ring_read_barrier();
    third = ring_load32(entry + 8).untrusted;
    *out = (struct nvme_completion){.status = (uint16_t)(last >> 17),
                                    .id = {last & 0xffffu},
                                    .head = {third & 0xffffu},
                                    .queue = {third >> 16},
                                    .result = ring_load32(entry)};
    return true;
}

/* What became of a command. */
enum nvme_outcome {
    NVME_DONE = 0,
    NVME_AGAIN, /* not ready, aborted, interrupted, and DNR does not forbid it: ask again */
    NVME_REFUSED, /* a command or field that the controller does not take */
    NVME_FAILED, /* any other status */
    NVME_OUTCOME_COUNT
};
enum nvme_outcome nvme_outcome_of(uint16_t status);

struct nvme_controller {
    uint32_t namespaces;
    uint32_t data_bytes_max; /* of one command, by MDTS and pages of 4096 bytes; 0: no bound said */
    /* The model number: blanks at its end taken off, other bytes than ! to ~ and the blank as ? */
    char text[NVME_TEXT_BYTES];
};

struct nvme_namespace {
    uint64_t blocks;
    uint8_t block_shift; /* NVME_BLOCK_SHIFT_MIN to _MAX */
};

/* `bytes`: NVME_IDENTIFY_BYTES. False: entries of other sizes than ours are required. */
bool nvme_decode_controller(const uint8_t *bytes, struct nvme_controller *out);
/* False: a format that is not in its own list, blocks of a size that no disk here has, metadata beside them,
 * or more blocks than can be. True, and all zero: a namespace that is empty or not there (6.1.5). */
bool nvme_decode_namespace(const uint8_t *bytes, struct nvme_namespace *out);

#endif
