/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio SCSI host (virtio 1.2, 5.6) behind PCI, legacy or modern, with one disk: a direct-access block
 * device (SPC-4, SBC-3) that can be read. Honest unless told otherwise, by the ring's lies of hostile.h or by
 * those of disk_attacks.def. It looks at a queue only after a notification. */
#ifndef CAPOS_DEVMODEL_SCSI_H
#define CAPOS_DEVMODEL_SCSI_H

#include "capos/devmodel/medium.h"
#include "capos/devmodel/net.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DM_SCSI_QUEUES 3u /* control, event, requests */

enum dm_disk_attack {
#define DM_DISK_ATTACK(name, text) DM_DISK_##name,
#include "capos/devmodel/disk_attacks.def"
#undef DM_DISK_ATTACK
    DM_DISK_ATTACKS
};
const char *dm_disk_attack_name(enum dm_disk_attack attack);
const char *dm_disk_attack_text(enum dm_disk_attack attack);

struct dm_scsi_config {
    uint16_t bdf;
    enum dm_transport transport; /* DM_LEGACY or DM_MODERN */
    uint16_t queue_size[DM_SCSI_QUEUES]; /* as offered; 0: absent. Odd sizes: to be refused */
    uint16_t msix_vectors; /* 0: none */
    uint8_t target; /* that the disk is; others are nobody */
    uint32_t block_bytes; /* logical: 512 to 4096, a power of two that divides the medium */
    uint32_t max_sectors; /* of one command, as offered */
    const char *vendor, *product, *revision; /* 8, 16 and 4 characters, filled up with blanks */
    bool in_order, monitors;
    struct dm_medium medium; /* the caller's, outlives the device */
};

struct dm_scsi;
struct dm_scsi_counts {
    uint64_t commands, reads, read_bytes, bad_targets;
    uint64_t refused; /* commands that it does not know, or out of range: CHECK CONDITION */
    uint64_t malformed; /* chains that are no request */
    uint64_t completions, kicks, resets;
    uint32_t in_flight;
};

/* As on Compute Engine: target 1, "Google  ", "PersistentDisk  ", "1   ", blocks of 512 bytes; queues of 128
 * entries, 4 vectors, 512 sectors a command, monitors on. No medium. */
struct dm_scsi_config dm_scsi_defaults(enum dm_transport transport);
/* Attaches to the bus, which owns it from then on. NULL: the slot is taken, a configuration that cannot be,
 * no memory. */
struct dm_scsi *dm_scsi_create(struct dm_bus *bus, const struct dm_scsi_config *config);
/* Work outside register accesses. Returns commands done, at most `budget`. */
uint32_t dm_scsi_step(struct dm_scsi *scsi, uint64_t now_ns, uint32_t budget);
void dm_scsi_arm(struct dm_scsi *scsi, enum dm_disk_attack attack, uint32_t at, uint32_t times,
                 uint64_t value);
/* How often it fired. */
uint32_t dm_scsi_fired(const struct dm_scsi *scsi, enum dm_disk_attack attack);
/* The ring's and the registers' lies, as of a network device; those of frames never find an opportunity. */
struct dm_hostile *dm_scsi_hostile(struct dm_scsi *scsi);
const struct dm_monitor *dm_scsi_monitor(const struct dm_scsi *scsi);
struct dm_scsi_counts dm_scsi_counts(const struct dm_scsi *scsi);
/* DEVICE_NEEDS_RESET; a reset of its own; surprise removal: as net.h says. */
void dm_scsi_need_reset(struct dm_scsi *scsi);
void dm_scsi_reset_itself(struct dm_scsi *scsi);
void dm_scsi_remove(struct dm_scsi *scsi);

#ifdef __cplusplus
}
#endif
#endif
