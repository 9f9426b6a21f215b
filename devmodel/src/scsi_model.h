/* SPDX-License-Identifier: BSD-2-Clause */
/* The SCSI host's state, shared by its files. Private to devmodel. */
#ifndef DM_SCSI_MODEL_H
#define DM_SCSI_MODEL_H

#include "capos/devmodel/scsi.h"
#include "net_model.h"

#define DM_REQUESTS            2u /* the queue (5.6.2) */
#define DM_SCSI_CDB_BYTES      32u
#define DM_SCSI_SENSE_BYTES    96u
#define DM_SCSI_REQUEST_BYTES  (19u + DM_SCSI_CDB_BYTES)
#define DM_SCSI_RESPONSE_BYTES (12u + DM_SCSI_SENSE_BYTES)
#define DM_SCSI_DATA_BYTES     (512u << 9) /* one command moves at most so much */

struct dm_scsi {
    struct dm_net core; /* first: the virtio device's functions get a pointer to it */
    struct dm_scsi_config config;
    struct dm_scsi_counts counts; /* all but the core's */
    struct dm_attack_arm arms[DM_DISK_ATTACKS];
    uint8_t data[DM_SCSI_DATA_BYTES];
};

/* What a command came to, before anybody lies about it. */
struct dm_scsi_reply {
    uint8_t response, status;
    uint8_t sense[18]; /* fixed format (SPC-4, 4.5.3) */
    uint32_t sense_bytes;
    uint8_t *data;
    uint32_t bytes; /* of data: what there is, at most `room` */
    uint32_t room; /* that the driver gave */
};

/* True when an armed attack fires; *value is then its value. */
bool dm_disk_fires(struct dm_scsi *s, enum dm_disk_attack attack, uint64_t *value);
/* scsi_target.c: decides the command, and puts its data into reply->data. */
void dm_scsi_perform(struct dm_scsi *s, const uint8_t request[DM_SCSI_REQUEST_BYTES],
                     struct dm_scsi_reply *reply);
/* Writes data and response into the chain, with the lies about them. Returns the used length. */
uint32_t dm_scsi_respond(struct dm_scsi *s, struct dm_queue *q, uint16_t head,
                         const struct dm_scsi_reply *reply);

#endif
