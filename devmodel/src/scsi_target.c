/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk behind the host: commands (SPC-4, SBC-3) and what is answered to them. */
#include <string.h>

#include "scsi_model.h"

#define RESPONSE_BAD_TARGET    3u
#define STATUS_CHECK_CONDITION 0x02u
#define STATUS_BUSY            0x08u
#define KEY_NOT_READY          0x02u
#define KEY_MEDIUM_ERROR       0x03u
#define KEY_ILLEGAL_REQUEST    0x05u
#define KEY_UNIT_ATTENTION     0x06u
#define ASC_READ_ERROR         0x11u
#define ASC_INVALID_COMMAND    0x20u
#define ASC_OUT_OF_RANGE       0x21u
#define ASC_INVALID_FIELD      0x24u
#define ASC_RESET              0x29u
#define ASC_NO_MEDIUM          0x3au
#define INQUIRY_BYTES          36u
#define TYPE_OPTICAL           0x05u

enum command {
    TEST_UNIT_READY = 0x00,
    REQUEST_SENSE = 0x03,
    INQUIRY = 0x12,
    READ_CAPACITY_10 = 0x25,
    READ_10 = 0x28,
    READ_16 = 0x88,
    SERVICE_ACTION_IN_16 = 0x9e
};

static uint64_t get_be(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static void put_be(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8u * (bytes - 1u - i)));
}

static void condition(struct dm_scsi_reply *r, uint8_t key, uint8_t asc)
{
    r->status = STATUS_CHECK_CONDITION;
    memset(r->sense, 0, sizeof r->sense);
    r->sense[0] = 0x70;
    r->sense[2] = key;
    r->sense[7] = sizeof r->sense - 8u;
    r->sense[12] = asc;
    r->sense_bytes = sizeof r->sense;
    r->bytes = 0;
}

static void refuse(struct dm_scsi *s, struct dm_scsi_reply *r, uint8_t asc)
{
    s->counts.refused++;
    condition(r, KEY_ILLEGAL_REQUEST, asc);
}

/* Data as far as the driver's room and the command's own length go. */
static void give(struct dm_scsi_reply *r, uint32_t bytes, uint64_t asked)
{
    uint64_t least = bytes < asked ? bytes : asked;
    r->bytes = (uint32_t)(least < r->room ? least : r->room);
}

static void put_text(uint8_t *at, const char *text, uint32_t bytes)
{
    const size_t length = text ? strlen(text) : 0;
    memset(at, ' ', bytes);
    if (length)
        memcpy(at, text, length < bytes ? length : bytes);
}

static void inquiry(struct dm_scsi *s, const uint8_t *cdb, struct dm_scsi_reply *r)
{
    uint8_t *d = r->data;
    if (cdb[1] & 1u) { /* vital product data: none is there */
        refuse(s, r, ASC_INVALID_FIELD);
        return;
    }
    memset(d, 0, INQUIRY_BYTES);
    d[0] = dm_disk_fires(s, DM_DISK_NO_DISK, NULL) ? TYPE_OPTICAL : 0;
    d[2] = 6; /* SPC-4 */
    d[3] = 2;
    d[4] = INQUIRY_BYTES - 5u;
    put_text(d + 8, s->config.vendor, 8);
    put_text(d + 16, s->config.product, 16);
    put_text(d + 32, s->config.revision, 4);
    if (dm_disk_fires(s, DM_DISK_TEXT_GARBAGE, NULL))
        memset(d + 8, 0x9b, 24);
    give(r, dm_disk_fires(s, DM_DISK_INQUIRY_SHORT, NULL) ? 5u : INQUIRY_BYTES, get_be(cdb + 3, 2));
}

static void capacity(struct dm_scsi *s, bool long_form, uint64_t asked, struct dm_scsi_reply *r)
{
    const uint64_t blocks = s->config.medium.bytes / s->config.block_bytes;
    uint64_t last = blocks - 1u, block_bytes = s->config.block_bytes;
    (void)dm_disk_fires(s, DM_DISK_BLOCK_BYTES, &block_bytes);
    if (dm_disk_fires(s, DM_DISK_CAPACITY_MOST, NULL))
        last = UINT64_MAX;
    memset(r->data, 0, 32);
    if (long_form) {
        put_be(r->data, last, 8);
        put_be(r->data + 8, block_bytes, 4);
        give(r, 32, asked);
        return;
    }
    put_be(r->data, last > UINT32_MAX ? UINT32_MAX : last, 4);
    put_be(r->data + 4, block_bytes, 4);
    give(r, 8, 8);
}

static void read_blocks(struct dm_scsi *s, uint64_t lba, uint64_t blocks, struct dm_scsi_reply *r)
{
    const uint64_t all = s->config.medium.bytes / s->config.block_bytes;
    const uint64_t bytes = blocks * s->config.block_bytes;
    if (lba >= all || blocks > all - lba) {
        refuse(s, r, ASC_OUT_OF_RANGE);
        return;
    }
    if (bytes > DM_SCSI_DATA_BYTES || bytes > (uint64_t)s->config.max_sectors * 512u) {
        refuse(s, r, ASC_INVALID_FIELD);
        return;
    }
    if (dm_disk_fires(s, DM_DISK_MEDIUM_ERROR, NULL) ||
        !s->config.medium.read(s->config.medium.ctx, lba * s->config.block_bytes, r->data, (uint32_t)bytes)) {
        condition(r, KEY_MEDIUM_ERROR, ASC_READ_ERROR);
        return;
    }
    give(r, (uint32_t)bytes, bytes);
    s->counts.reads++;
    s->counts.read_bytes += r->bytes;
}

static void command(struct dm_scsi *s, const uint8_t *cdb, struct dm_scsi_reply *r)
{
    const bool empty = s->config.medium.bytes == 0 || dm_disk_fires(s, DM_DISK_NO_MEDIUM, NULL);
    if (cdb[0] == INQUIRY) {
        inquiry(s, cdb, r);
        return;
    }
    if (cdb[0] == REQUEST_SENSE) {
        memset(r->data, 0, 18);
        r->data[0] = 0x70;
        r->data[7] = 10;
        give(r, 18, cdb[4]);
        return;
    }
    if (empty) {
        condition(r, KEY_NOT_READY, ASC_NO_MEDIUM);
        return;
    }
    switch (cdb[0]) {
    case TEST_UNIT_READY:
        break;
    case READ_CAPACITY_10:
        capacity(s, false, 8, r);
        break;
    case SERVICE_ACTION_IN_16:
        if ((cdb[1] & 0x1fu) == 0x10u)
            capacity(s, true, get_be(cdb + 10, 4), r);
        else
            refuse(s, r, ASC_INVALID_FIELD);
        break;
    case READ_10:
        read_blocks(s, get_be(cdb + 2, 4), get_be(cdb + 7, 2), r);
        break;
    case READ_16:
        read_blocks(s, get_be(cdb + 2, 8), get_be(cdb + 10, 4), r);
        break;
    default:
        refuse(s, r, ASC_INVALID_COMMAND);
        break;
    }
}

void dm_scsi_perform(struct dm_scsi *s, const uint8_t request[DM_SCSI_REQUEST_BYTES], struct dm_scsi_reply *r)
{
    const uint32_t lun = (uint32_t)get_be(request + 2, 2);
    /* 5.6.6.1: 1, target, then a LUN by the flat method; the rest is 0. */
    const bool here = request[0] == 1 && request[1] == s->config.target && (lun & 0x3fffu) == 0 &&
                      get_be(request + 4, 4) == 0;
    if (!here || dm_disk_fires(s, DM_DISK_NOBODY_THERE, NULL)) {
        s->counts.bad_targets++;
        r->response = RESPONSE_BAD_TARGET;
        return;
    }
    if (dm_disk_fires(s, DM_DISK_BUSY, NULL))
        r->status = STATUS_BUSY;
    else if (dm_disk_fires(s, DM_DISK_UNIT_ATTENTION, NULL))
        condition(r, KEY_UNIT_ATTENTION, ASC_RESET);
    else
        command(s, request + 19, r);
}

/* The response as an honest device writes it, then what is wrong with it. */
static void fill_response(struct dm_scsi *s, const struct dm_scsi_reply *r, uint32_t residual, uint8_t *out)
{
    uint64_t sense_bytes = r->sense_bytes, left = residual, code;
    memset(out, 0, DM_SCSI_RESPONSE_BYTES);
    out[10] = r->status;
    out[11] = r->response;
    memcpy(out + 12, r->sense, r->sense_bytes);
    if (dm_disk_fires(s, DM_DISK_SENSE_GARBAGE, NULL)) {
        out[10] = STATUS_CHECK_CONDITION;
        memset(out + 12, 0xff, DM_SCSI_SENSE_BYTES);
        sense_bytes = DM_SCSI_SENSE_BYTES;
    }
    (void)dm_disk_fires(s, DM_DISK_SENSE_LENGTH, &sense_bytes);
    (void)dm_disk_fires(s, DM_DISK_RESIDUAL, &left);
    if (dm_disk_fires(s, DM_DISK_STATUS_CODE, &code))
        out[10] = (uint8_t)code;
    if (dm_disk_fires(s, DM_DISK_RESPONSE_CODE, &code))
        out[11] = (uint8_t)code;
    dm_store32(out, (uint32_t)sense_bytes);
    dm_store32(out + 4, (uint32_t)left);
}

uint32_t dm_scsi_respond(struct dm_scsi *s, struct dm_queue *q, uint16_t head, const struct dm_scsi_reply *r)
{
    struct dm_net *net = &s->core;
    uint8_t response[DM_SCSI_RESPONSE_BYTES];
    const bool in_silence = r->bytes && dm_disk_fires(s, DM_DISK_DATA_SHORT_IN_SILENCE, NULL);
    const bool half = in_silence || (r->bytes && dm_disk_fires(s, DM_DISK_DATA_SHORT, NULL));
    const uint32_t bytes = half ? r->bytes / 2u : r->bytes;

    if (bytes)
        (void)dm_queue_scatter(net, q, head, DM_SCSI_RESPONSE_BYTES, r->data, bytes);
    fill_response(s, r, in_silence ? 0 : r->room - bytes, response);
    if (!dm_disk_fires(s, DM_DISK_RESPONSE_UNWRITTEN, NULL))
        (void)dm_queue_scatter(net, q, head, 0, response, sizeof response);
    return DM_SCSI_RESPONSE_BYTES + bytes;
}
