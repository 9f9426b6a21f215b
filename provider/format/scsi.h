/* SPDX-License-Identifier: BSD-2-Clause */
/* SCSI commands and answers as bytes (SPC-4, SBC-3), and the virtio-scsi request around them (virtio 1.2,
 * 5.6.6). Builders write what a driver decided; each decoder is one decision over one private copy of what a
 * device wrote, and believes none of it: lengths are given, fields are checked, text is made printable. */
#ifndef CAPOS_PROVIDER_FORMAT_SCSI_H
#define CAPOS_PROVIDER_FORMAT_SCSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCSI_CDB_BYTES      32u /* virtio-scsi's default cdb_size (5.6.4) */
#define SCSI_SENSE_BYTES    96u /* its default sense_size */
#define SCSI_INQUIRY_BYTES  36u /* standard INQUIRY data up to the revision (SPC-4, 6.6.2) */
#define SCSI_CAPACITY_BYTES 8u /* READ CAPACITY (10) (SBC-3, 5.15) */
#define SCSI_CAPACITY_16    32u /* READ CAPACITY (16) (SBC-3, 5.16) */
#define SCSI_TEXT_BYTES     29u /* vendor and product, one blank between, with the zero byte */

/* The request's read-only part: LUN, id, task attribute, priority, CRN, CDB (5.6.6.1). */
#define SCSI_REQUEST_BYTES (19u + SCSI_CDB_BYTES)
/* The response: sense length, residual, status qualifier, status, response, sense. */
#define SCSI_RESPONSE_BYTES (12u + SCSI_SENSE_BYTES)

enum scsi_response { /* of virtio-scsi: VIRTIO_SCSI_S_* (5.6.6.1) */
                     SCSI_RESPONSE_OK = 0,
                     SCSI_RESPONSE_OVERRUN,
                     SCSI_RESPONSE_ABORTED,
                     SCSI_RESPONSE_BAD_TARGET,
                     SCSI_RESPONSE_RESET,
                     SCSI_RESPONSE_BUSY,
                     SCSI_RESPONSE_TRANSPORT_FAILURE,
                     SCSI_RESPONSE_TARGET_FAILURE,
                     SCSI_RESPONSE_NEXUS_FAILURE,
                     SCSI_RESPONSE_FAILURE,
                     SCSI_RESPONSE_COUNT
};

enum scsi_sense_key { /* SPC-4, 4.5.6: those that decide something here */
                      SCSI_SENSE_NONE = 0,
                      SCSI_SENSE_NOT_READY = 2,
                      SCSI_SENSE_MEDIUM_ERROR = 3,
                      SCSI_SENSE_ILLEGAL_REQUEST = 5,
                      SCSI_SENSE_UNIT_ATTENTION = 6
};

struct scsi_sense {
    uint8_t key; /* 4 bits; of no sense data: SCSI_SENSE_NONE */
    uint8_t asc; /* additional sense code, qualifier */
    uint8_t ascq;
};

/* What became of a command. */
enum scsi_outcome {
    SCSI_DONE = 0, /* GOOD, with `transferred` bytes */
    SCSI_NO_TARGET, /* nobody there */
    SCSI_AGAIN, /* busy, or a unit attention that is told once: ask again */
    SCSI_NO_MEDIUM, /* not ready: there is nothing in it */
    SCSI_REFUSED, /* the command is not one that the target knows */
    SCSI_FAILED, /* any other status or response */
    SCSI_MALFORMED, /* the answer contradicts itself: shorter than it must be, more left than was asked */
    SCSI_OUTCOME_COUNT
};

struct scsi_reply {
    enum scsi_outcome outcome;
    uint8_t response, status; /* as the device gave them */
    struct scsi_sense sense;
    uint32_t transferred; /* bytes of data: at most those asked for */
};

struct scsi_inquiry {
    bool disk; /* a direct-access block device that is connected (SPC-4, table 141) */
    char text[SCSI_TEXT_BYTES]; /* vendor and product, blanks at their ends taken off, other bytes than ! to ~
                                   and the blank as ? */
    char revision[5];
};

struct scsi_capacity {
    uint64_t blocks;
    uint32_t block_bytes; /* 512 to 4096, a power of two */
};

/* The request's bytes, SCSI_REQUEST_BYTES at `out`. LUN 0 of `target` (5.6.6.1: 1, target, 0x4000 | lun). */
void scsi_request(uint8_t *out, uint8_t target, uint64_t id, const uint8_t cdb[SCSI_CDB_BYTES]);

/* CDBs, the rest zero. */
void scsi_cdb_test_unit_ready(uint8_t cdb[SCSI_CDB_BYTES]);
void scsi_cdb_inquiry(uint8_t cdb[SCSI_CDB_BYTES]);
void scsi_cdb_capacity_10(uint8_t cdb[SCSI_CDB_BYTES]);
void scsi_cdb_capacity_16(uint8_t cdb[SCSI_CDB_BYTES]);
/* READ (10) where block and count fit, else READ (16). */
void scsi_cdb_read(uint8_t cdb[SCSI_CDB_BYTES], uint64_t lba, uint32_t blocks);

/* `response`: SCSI_RESPONSE_BYTES, a private copy. `written`: bytes that the device says it wrote in all,
 * response first; `asked`: bytes of data that were asked for. */
struct scsi_reply scsi_decode(const uint8_t *response, uint32_t written, uint32_t asked);
/* False: too short to say anything. */
bool scsi_decode_inquiry(const uint8_t *bytes, uint32_t count, struct scsi_inquiry *out);
/* False: too short, or numbers that no disk has. `more`: the number of blocks needs READ CAPACITY (16). */
bool scsi_decode_capacity_10(const uint8_t *bytes, uint32_t count, struct scsi_capacity *out, bool *more);
bool scsi_decode_capacity_16(const uint8_t *bytes, uint32_t count, struct scsi_capacity *out);

#endif
