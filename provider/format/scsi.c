/* SPDX-License-Identifier: BSD-2-Clause */
#include "provider/format/scsi.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define STATUS_GOOD            0x00u
#define STATUS_CHECK_CONDITION 0x02u
#define STATUS_BUSY            0x08u
#define STATUS_TASK_SET_FULL   0x28u
#define SENSE_FIXED            0x70u /* and 0x71: SPC-4, 4.5.3 */
#define SENSE_DESCRIPTOR       0x72u /* and 0x73: 4.5.2 */
#define ASC_MEDIUM_ABSENT      0x3au
#define BLOCK_BYTES_MIN        512u
#define BLOCK_BYTES_MAX        4096u
#define VENDOR                 8u
#define VENDOR_BYTES           8u
#define PRODUCT_BYTES          16u
#define REVISION               32u

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t le32(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void put_be(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8u * (bytes - 1u - i)));
}

void scsi_request(uint8_t *out, uint8_t target, uint64_t id, const uint8_t cdb[SCSI_CDB_BYTES])
{
    memset(out, 0, SCSI_REQUEST_BYTES);
    out[0] = 1;
    out[1] = target;
    out[2] = 0x40; /* LUN 0 by the flat method */
    for (uint32_t i = 0; i < 8u; i++)
        out[8u + i] = (uint8_t)(id >> (8u * i));
    memcpy(out + 19u, cdb, SCSI_CDB_BYTES); /* behind task attribute, priority and CRN: 0, SIMPLE */
}

void scsi_cdb_test_unit_ready(uint8_t cdb[SCSI_CDB_BYTES])
{
    memset(cdb, 0, SCSI_CDB_BYTES);
}

void scsi_cdb_inquiry(uint8_t cdb[SCSI_CDB_BYTES])
{
    memset(cdb, 0, SCSI_CDB_BYTES);
    cdb[0] = 0x12;
    put_be(cdb + 3, SCSI_INQUIRY_BYTES, 2);
}

void scsi_cdb_capacity_10(uint8_t cdb[SCSI_CDB_BYTES])
{
    memset(cdb, 0, SCSI_CDB_BYTES);
    cdb[0] = 0x25;
}

void scsi_cdb_capacity_16(uint8_t cdb[SCSI_CDB_BYTES])
{
    memset(cdb, 0, SCSI_CDB_BYTES);
    cdb[0] = 0x9e; /* SERVICE ACTION IN (16) */
    cdb[1] = 0x10;
    put_be(cdb + 10, SCSI_CAPACITY_16, 4);
}

void scsi_cdb_read(uint8_t cdb[SCSI_CDB_BYTES], uint64_t lba, uint32_t blocks)
{
    ASSERT(blocks > 0);
    memset(cdb, 0, SCSI_CDB_BYTES);
    if (lba <= UINT32_MAX && blocks <= UINT16_MAX) {
        cdb[0] = 0x28;
        put_be(cdb + 2, lba, 4);
        put_be(cdb + 7, blocks, 2);
        return;
    }
    cdb[0] = 0x88;
    put_be(cdb + 2, lba, 8);
    put_be(cdb + 10, blocks, 4);
}

/* Of what is there; nothing that is not. */
static struct scsi_sense decode_sense(const uint8_t *at, uint32_t bytes)
{
    struct scsi_sense sense = {0, 0, 0};
    const uint8_t code = bytes > 0 ? at[0] & 0x7fu : 0;

    if ((code == SENSE_FIXED || code == SENSE_FIXED + 1u) && bytes >= 3u) {
        sense.key = at[2] & 0xfu;
        sense.asc = bytes > 12u ? at[12] : 0;
        sense.ascq = bytes > 13u ? at[13] : 0;
    } else if ((code == SENSE_DESCRIPTOR || code == SENSE_DESCRIPTOR + 1u) && bytes >= 4u) {
        sense.key = at[1] & 0xfu;
        sense.asc = at[2];
        sense.ascq = at[3];
    }
    return sense;
}

static enum scsi_outcome of_sense(struct scsi_sense s)
{
    switch (s.key) {
    case SCSI_SENSE_UNIT_ATTENTION:
        return SCSI_AGAIN;
    case SCSI_SENSE_NOT_READY:
        return s.asc == ASC_MEDIUM_ABSENT ? SCSI_NO_MEDIUM : SCSI_AGAIN;
    case SCSI_SENSE_ILLEGAL_REQUEST:
        return SCSI_REFUSED;
    default:
        return SCSI_FAILED;
    }
}

static enum scsi_outcome of_status(const struct scsi_reply *r)
{
    switch (r->status) {
    case STATUS_GOOD:
        return SCSI_DONE;
    case STATUS_BUSY:
    case STATUS_TASK_SET_FULL:
        return SCSI_AGAIN;
    case STATUS_CHECK_CONDITION:
        return of_sense(r->sense);
    default:
        return SCSI_FAILED;
    }
}

struct scsi_reply scsi_decode(const uint8_t *response, uint32_t written, uint32_t asked)
{
    struct scsi_reply r = {.outcome = SCSI_MALFORMED};
    const uint32_t sense_bytes = le32(response), residual = le32(response + 4);

    if (written < SCSI_RESPONSE_BYTES || written - SCSI_RESPONSE_BYTES > asked)
        return r;
    r.status = response[10];
    r.response = response[11];
    if (r.response == SCSI_RESPONSE_BAD_TARGET) {
        r.outcome = SCSI_NO_TARGET;
        return r;
    }
    if (r.response == SCSI_RESPONSE_BUSY || r.response == SCSI_RESPONSE_RESET) {
        r.outcome = SCSI_AGAIN;
        return r;
    }
    if (r.response != SCSI_RESPONSE_OK && r.response != SCSI_RESPONSE_OVERRUN) {
        r.outcome = SCSI_FAILED;
        return r;
    }
    if (sense_bytes > SCSI_SENSE_BYTES || residual > asked)
        return r;
    r.sense = decode_sense(response + 12, sense_bytes);
    r.outcome = of_status(&r);
    /* The shorter of what it says it wrote and what it says is missing: neither alone is believed. */
    r.transferred = written - SCSI_RESPONSE_BYTES;
    r.transferred = r.transferred < asked - residual ? r.transferred : asked - residual;
    return r;
}

/* Text of a fixed field, its blanks at the end left out. Bytes used. */
static uint32_t put_text(char *out, const uint8_t *at, uint32_t bytes)
{
    while (bytes > 0 && (at[bytes - 1u] == ' ' || at[bytes - 1u] == 0))
        bytes--;
    for (uint32_t i = 0; i < bytes; i++)
        out[i] = at[i] >= ' ' && at[i] <= '~' ? (char)at[i] : '?';
    return bytes;
}

bool scsi_decode_inquiry(const uint8_t *bytes, uint32_t count, struct scsi_inquiry *out)
{
    memset(out, 0, sizeof *out);
    if (count < SCSI_INQUIRY_BYTES)
        return false;
    out->disk = bytes[0] == 0; /* peripheral qualifier and type both 0 */
    const uint32_t used = put_text(out->text, bytes + VENDOR, VENDOR_BYTES);
    const uint32_t blank = used != 0 ? 1u : 0u;
    if (put_text(out->text + used + blank, bytes + VENDOR + VENDOR_BYTES, PRODUCT_BYTES) != 0 && blank != 0)
        out->text[used] = ' ';
    (void)put_text(out->revision, bytes + REVISION, sizeof out->revision - 1u);
    return true;
}

static bool sound(uint64_t last, uint32_t block_bytes, struct scsi_capacity *out)
{
    if (block_bytes < BLOCK_BYTES_MIN || block_bytes > BLOCK_BYTES_MAX ||
        (block_bytes & (block_bytes - 1u)) != 0 || last == UINT64_MAX)
        return false;
    *out = (struct scsi_capacity){.blocks = last + 1u, .block_bytes = block_bytes};
    return true;
}

bool scsi_decode_capacity_10(const uint8_t *bytes, uint32_t count, struct scsi_capacity *out, bool *more)
{
    *more = false;
    if (count < SCSI_CAPACITY_BYTES)
        return false;
    *more = be32(bytes) == UINT32_MAX;
    return sound(be32(bytes), be32(bytes + 4), out);
}

bool scsi_decode_capacity_16(const uint8_t *bytes, uint32_t count, struct scsi_capacity *out)
{
    /* The first 12 bytes say it; a short answer that has them is one (SBC-3, 5.16.2). */
    return count >= 12u && sound((uint64_t)be32(bytes) << 32 | be32(bytes + 4), be32(bytes + 8), out);
}
