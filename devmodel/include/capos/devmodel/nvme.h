/* SPDX-License-Identifier: BSD-2-Clause */
/* An NVMe controller (NVM Express 1.4) behind PCI with one namespace that can be read: BAR 0 with its
 * registers (3.1) and doorbells (3.1.16), the admin queue pair and I/O queue pairs in host memory (4), PRPs
 * (4.3). Honest unless told otherwise by nvme_attacks.def. It looks at a queue only after a doorbell. */
#ifndef CAPOS_DEVMODEL_NVME_H
#define CAPOS_DEVMODEL_NVME_H

#include "capos/devmodel/medium.h"
#include "capos/devmodel/pci.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DM_NVME_QUEUES_MAX 4u /* queue pairs, the admin pair among them */

enum dm_nvme_attack {
#define DM_NVME_ATTACK(name, text) DM_NVME_##name,
#include "capos/devmodel/nvme_attacks.def"
#undef DM_NVME_ATTACK
    DM_NVME_ATTACKS
};
const char *dm_nvme_attack_name(enum dm_nvme_attack attack);
const char *dm_nvme_attack_text(enum dm_nvme_attack attack);

struct dm_nvme_config {
    uint16_t bdf;
    uint16_t msix_vectors; /* 0: none */
    uint16_t entries_max; /* of one queue, as CAP.MQES says it less one: 2 to 4096 */
    uint8_t doorbell_stride; /* CAP.DSTRD: 0 to 8; doorbells lie 4 << DSTRD bytes apart */
    uint8_t transfer_shift; /* MDTS: one command moves 4096 << MDTS bytes; 0: no bound said, 256 KiB taken */
    uint8_t namespaces; /* that IDENTIFY says there are; namespace 1 is the medium */
    uint32_t ready_turns; /* steps from CC.EN to CSTS.RDY, and back */
    uint32_t block_bytes; /* 512 to 4096, a power of two that divides the medium */
    const char *serial, *model, *revision; /* 20, 40 and 8 characters, filled up with blanks */
    bool watches; /* judge the driver */
    struct dm_medium medium; /* the caller's, outlives the device. 0 bytes: a namespace of no blocks */
};

struct dm_nvme;
struct dm_nvme_counts {
    uint64_t commands, reads, read_bytes; /* of I/O queues; `commands` are those of all */
    uint64_t refused; /* completed with another status than success, by the model's own judgement */
    uint64_t completions, doorbells, resets; /* resets: CC.EN from 1 to 0 */
    uint64_t lost; /* DMA that guest memory refused */
    uint32_t in_flight;
};

/* What the driver owes the device and broke: controller registers of a running controller rewritten,
 * doorbells of no queue or out of range or unchanged, a queue that overflows, an address that is not page
 * aligned, reserved bits set, a queue created twice, DMA beyond the memory that it was given. */
struct dm_nvme_watch {
    uint64_t broken_total;
    char first[200]; /* the first one: clause, what was seen */
};

/* As on Compute Engine: model "nvme_card-pd", one namespace, blocks of 512 bytes, queues of at most 1024
 * entries, 8 vectors, MDTS 6, DSTRD 0, ready after one step, watching. No medium. */
struct dm_nvme_config dm_nvme_defaults(void);
/* Attaches to the bus (class 010802h), which owns it from then on. NULL: the slot is taken, a configuration
 * that cannot be, no memory. */
struct dm_nvme *dm_nvme_create(struct dm_bus *bus, const struct dm_nvme_config *config);
/* Work outside register accesses: one step of becoming ready or idle, then commands. Returns commands done,
 * at most `budget`. */
uint32_t dm_nvme_step(struct dm_nvme *nvme, uint32_t budget);
/* Fires at the opportunities `at` to `at + times - 1`, counted from 0, with `value`. */
void dm_nvme_arm(struct dm_nvme *nvme, enum dm_nvme_attack attack, uint32_t at, uint32_t times,
                 uint64_t value);
uint32_t dm_nvme_fired(const struct dm_nvme *nvme, enum dm_nvme_attack attack); /* how often */
const struct dm_nvme_watch *dm_nvme_watch(const struct dm_nvme *nvme);
struct dm_nvme_counts dm_nvme_counts(const struct dm_nvme *nvme);
/* CSTS.CFS rises, and nothing is answered any more until a reset. */
void dm_nvme_fail(struct dm_nvme *nvme);
/* It resets itself: CSTS.RDY and CC are 0, queues are gone, as after a power loss of its own. */
void dm_nvme_reset_itself(struct dm_nvme *nvme);
/* Surprise removal: registers read as all ones; no DMA any more. */
void dm_nvme_remove(struct dm_nvme *nvme);

#ifdef __cplusplus
}
#endif
#endif
