/* SPDX-License-Identifier: BSD-2-Clause */
/* A polled NVMe provider (NVM Express 1.4): the admin queue pair, one more pair, namespace 1, reads alone.
 * The caller owns the struct and the pace. Trusts nothing that the device says. The author writes every
 * address: commands leave here without any (provider/format/nvme.h). */
#ifndef CAPOS_PROVIDER_NVME_H
#define CAPOS_PROVIDER_NVME_H

#include "provider/disk.h"
#include "provider/format/nvme.h"
#include "provider/seams.h"

#define NVME_CLASS           0x010802u /* mass storage, non-volatile memory, NVMe */
#define NVME_QUEUE_READS     1u
#define NVME_ADMIN_ENTRIES   4u
#define NVME_NAMESPACES_MAX  128u /* that are asked; Compute Engine announces so many, most of them empty */
#define NVME_CHAIN           2u /* slots of one command: the command itself, and its data */
#define NVME_SLOT_BYTES_MIN  4096u
#define NVME_SLOT_BYTES_MAX  NVME_DATA_BYTES_MAX
#define NVME_READY_POLLS_MAX 5000u /* status reads, one a poll, before a controller counts as never ready */
#define NVME_HEALTH_POLLS    1024u /* polls between two reads of the status: a power of two */

struct nvme_env {
    const struct pci_function_info *info;
    struct registers registers;
    struct author author;
    uint16_t slots; /* reads under way at most: 1 to DISK_SLOTS_MAX, as the queue takes */
    uint32_t slot_bytes; /* of one read: NVME_SLOT_BYTES_MIN to _MAX, whole pages */
    uint64_t reset_timeout_ns; /* 0: only the poll bound counts */
};

enum nvme_step {
    NVME_STEP_DMA = 0,
    NVME_STEP_ADMIN_QUEUE,
    NVME_STEP_BUFFERS,
    NVME_STEP_ENABLE,
    NVME_STEP_READY, /* until the controller says so */
    NVME_STEP_CONTROLLER, /* from here on a command each, asked again as long as it is put off */
    NVME_STEP_NAMESPACE,
    NVME_STEP_SET_QUEUES,
    NVME_STEP_COMPLETION_QUEUE,
    NVME_STEP_SUBMISSION_QUEUE,
    NVME_STEP_COUNT
};

/* A queue pair as its driver sees it: where the next completion will be. */
struct nvme_queue {
    struct provider_ring ring;
    uint16_t seen; /* completions taken, free-running */
    uint16_t outstanding;
    bool broken;
};

enum nvme_slot_state { NVME_SLOT_FREE = 0, NVME_SLOT_POSTED, NVME_SLOT_LENT };

struct nvme_slot {
    uint8_t state; /* enum nvme_slot_state: in exactly one (P1) */
    uint32_t cookie;
    uint32_t asked; /* bytes of data */
};

/* Public so that a caller can place it. Fields are the provider's to change. */
struct nvme {
    enum disk_state state;
    enum provider_error error;
    struct nvme_env env;
    uint8_t step; /* enum nvme_step, while STARTING */
    bool asking; /* a command of STARTING is under way */
    bool reset_written; /* not yet: the controller is starting, and a reset would mean nothing */
    uint8_t again; /* times that it was put off */
    uint64_t capabilities; /* CAP and VS (3.1.1, 3.1.2), as read */
    uint32_t version;
    uint16_t entries; /* of the queue for reads */
    uint32_t nsid, namespaces; /* asked now, and how many there may be */
    uint32_t data_bytes_max; /* of one command; 0: the device says no bound */
    uint32_t polls, reset_polls, ready_polls;
    uint64_t reset_deadline_ns;
    struct nvme_queue admin, reads;
    struct provider_buffer command_buffer, data_buffer;
    struct nvme_slot slot[DISK_SLOTS_MAX];
    struct disk_identity identity;
    struct disk_counters counters;
};

/* `n` is all zero or closed. On failure nothing is held. PROVIDER_E_NO_TRANSPORT: no NVMe controller, or none
 * with the NVM command set, pages of 4 KiB and queues. */
enum provider_error nvme_open(struct nvme *n, const struct nvme_env *env);
struct disk nvme_disk(struct nvme *n);
/* PROVIDER_E_STATE: not stopped. */
enum provider_error nvme_close(struct nvme *n);

/* Between its files. */
/* Does the next step of STARTING. */
void nvme_start_step(struct nvme *n);
/* A command in `slot`, which is free, on `q`; `asked`: bytes of data. False, and the teardown has begun, when
 * the author refused. */
bool nvme_submit(struct nvme *n, struct nvme_queue *q, uint16_t slot, const struct nvme_command *command,
                 uint32_t asked);
/* The next completion; false: none, or the queue broke and the teardown has begun. */
bool nvme_take_one(struct nvme *n, struct nvme_queue *q, uint16_t *slot, struct nvme_completion *out);
void nvme_teardown_begin(struct nvme *n, enum provider_error error);
void nvme_teardown_step(struct nvme *n, uint64_t now_ns);
/* Writes the reset once it may be, then reads whether it is done. False: not within its bound. */
bool nvme_reset_wait(struct nvme *n, uint64_t now_ns, bool *done);

#endif
