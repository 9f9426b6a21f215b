/* SPDX-License-Identifier: BSD-2-Clause */
/* SCSI as bytes: each command against its table in the standard, each answer against what it must be taken
 * for. */
#include <criterion/criterion.h>
#include <string.h>

#include "provider/format/scsi.h"

#define ASKED 512u
#define WHOLE (SCSI_RESPONSE_BYTES + ASKED)

struct answer {
    uint32_t sense_bytes, residual;
    uint8_t status, response, sense[18];
};

static struct scsi_reply decode(struct answer a, uint32_t written)
{
    uint8_t bytes[SCSI_RESPONSE_BYTES] = {0};

    for (uint32_t i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(a.sense_bytes >> (8 * i));
        bytes[4 + i] = (uint8_t)(a.residual >> (8 * i));
    }
    bytes[10] = a.status;
    bytes[11] = a.response;
    memcpy(bytes + 12, a.sense, sizeof a.sense);
    return scsi_decode(bytes, written, ASKED);
}

static void bytes_are(const uint8_t cdb[SCSI_CDB_BYTES], const uint8_t *head, size_t count)
{
    cr_assert_arr_eq(cdb, head, count);
    for (size_t i = count; i < SCSI_CDB_BYTES; i++)
        cr_assert_eq(cdb[i], 0, "byte %zu", i);
}

Test(scsi, commands_are_those_of_the_standard)
{
    static const uint8_t inquiry[6] = {0x12, 0, 0, 0, 36}, ten[10] = {0x25};
    static const uint8_t sixteen[16] = {0x9e, 0x10, [13] = 32}, ready[6] = {0};
    uint8_t cdb[SCSI_CDB_BYTES];

    memset(cdb, 0xff, sizeof cdb);
    scsi_cdb_test_unit_ready(cdb);
    bytes_are(cdb, ready, sizeof ready);
    scsi_cdb_inquiry(cdb);
    bytes_are(cdb, inquiry, sizeof inquiry);
    memset(cdb, 0xff, sizeof cdb);
    scsi_cdb_capacity_10(cdb);
    bytes_are(cdb, ten, sizeof ten);
    memset(cdb, 0xff, sizeof cdb);
    scsi_cdb_capacity_16(cdb);
    bytes_are(cdb, sixteen, sizeof sixteen);
}

Test(scsi, a_read_is_of_ten_bytes_as_long_as_block_and_count_fit)
{
    static const uint8_t ten[10] = {0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff};
    static const uint8_t far[16] = {0x88, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8};
    static const uint8_t many[16] = {0x88, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 0};
    uint8_t cdb[SCSI_CDB_BYTES];

    scsi_cdb_read(cdb, UINT32_MAX, UINT16_MAX);
    bytes_are(cdb, ten, sizeof ten);
    scsi_cdb_read(cdb, UINT64_C(1) << 32, 8);
    bytes_are(cdb, far, sizeof far);
    scsi_cdb_read(cdb, 7, 0x10000);
    bytes_are(cdb, many, sizeof many);
}

Test(scsi, a_request_names_target_and_lun_0)
{
    uint8_t cdb[SCSI_CDB_BYTES], out[SCSI_REQUEST_BYTES];
    static const uint8_t head[19] = {1, 5, 0x40, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1};

    scsi_cdb_inquiry(cdb);
    memset(out, 0xff, sizeof out);
    scsi_request(out, 5, 0x0102030405060708u, cdb);
    cr_assert_arr_eq(out, head, sizeof head);
    cr_assert_arr_eq(out + 19, cdb, sizeof cdb);
}

Test(scsi, the_shorter_of_two_lengths_counts)
{
    cr_assert_eq(decode((struct answer){0}, WHOLE).transferred, ASKED);
    cr_assert_eq(decode((struct answer){.residual = 12}, WHOLE).transferred, ASKED - 12);
    cr_assert_eq(decode((struct answer){0}, WHOLE - 100).transferred, ASKED - 100);
    cr_assert_eq(decode((struct answer){.residual = 12}, WHOLE - 100).transferred, ASKED - 100);
    cr_assert_eq(decode((struct answer){.residual = ASKED}, WHOLE).transferred, 0);
    cr_assert_eq(decode((struct answer){.residual = ASKED}, WHOLE).outcome, SCSI_DONE);
}

Test(scsi, an_answer_that_contradicts_itself_is_none)
{
    cr_assert_eq(decode((struct answer){0}, SCSI_RESPONSE_BYTES - 1u).outcome, SCSI_MALFORMED);
    cr_assert_eq(decode((struct answer){0}, WHOLE + 1u).outcome, SCSI_MALFORMED);
    cr_assert_eq(decode((struct answer){0}, UINT32_MAX).outcome, SCSI_MALFORMED);
    cr_assert_eq(decode((struct answer){.residual = ASKED + 1u}, WHOLE).outcome, SCSI_MALFORMED);
    cr_assert_eq(decode((struct answer){.sense_bytes = SCSI_SENSE_BYTES + 1u}, WHOLE).outcome,
                 SCSI_MALFORMED);
    cr_assert_eq(decode((struct answer){.sense_bytes = SCSI_SENSE_BYTES}, WHOLE).outcome, SCSI_DONE);
}

Test(scsi, each_response_status_and_sense_has_its_outcome)
{
    static const struct {
        struct answer answer;
        enum scsi_outcome outcome;
    } rows[] = {
        {{.response = SCSI_RESPONSE_OVERRUN}, SCSI_DONE},
        {{.response = SCSI_RESPONSE_BAD_TARGET}, SCSI_NO_TARGET},
        {{.response = SCSI_RESPONSE_BUSY}, SCSI_AGAIN},
        {{.response = SCSI_RESPONSE_RESET}, SCSI_AGAIN},
        {{.response = SCSI_RESPONSE_ABORTED}, SCSI_FAILED},
        {{.response = SCSI_RESPONSE_TRANSPORT_FAILURE}, SCSI_FAILED},
        {{.response = SCSI_RESPONSE_FAILURE}, SCSI_FAILED},
        {{.response = 0xff}, SCSI_FAILED},
        {{.status = 0x08}, SCSI_AGAIN}, /* BUSY */
        {{.status = 0x28}, SCSI_AGAIN}, /* TASK SET FULL */
        {{.status = 0x18}, SCSI_FAILED}, /* RESERVATION CONFLICT */
        {{.status = 2}, SCSI_FAILED}, /* CHECK CONDITION, and no sense that says why */
        {{.status = 2, .sense_bytes = 18, .sense = {0x70, 0, 6}}, SCSI_AGAIN},
        {{.status = 2, .sense_bytes = 18, .sense = {0x71, 0, 6}}, SCSI_AGAIN},
        {{.status = 2, .sense_bytes = 2, .sense = {0x70, 0, 6}}, SCSI_FAILED}, /* the key is not there */
        {{.status = 2, .sense_bytes = 18, .sense = {0x70, 0, 2, [12] = 0x3a}}, SCSI_NO_MEDIUM},
        {{.status = 2, .sense_bytes = 12, .sense = {0x70, 0, 2, [12] = 0x3a}}, SCSI_AGAIN}, /* nor the code */
        {{.status = 2, .sense_bytes = 18, .sense = {0x70, 0, 2, [12] = 4}}, SCSI_AGAIN},
        {{.status = 2, .sense_bytes = 18, .sense = {0x70, 0, 5, [12] = 0x20}}, SCSI_REFUSED},
        {{.status = 2, .sense_bytes = 18, .sense = {0x70, 0, 3, [12] = 0x11}}, SCSI_FAILED},
        {{.status = 2, .sense_bytes = 8, .sense = {0x72, 2, 0x3a}}, SCSI_NO_MEDIUM},
        {{.status = 2, .sense_bytes = 8, .sense = {0x73, 6}}, SCSI_AGAIN},
        {{.status = 2, .sense_bytes = 3, .sense = {0x72, 6}}, SCSI_FAILED},
        {{.status = 2, .sense_bytes = 18, .sense = {0x7f, 6, 6}}, SCSI_FAILED},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(decode(rows[i].answer, WHOLE).outcome, rows[i].outcome, "row %zu", i);
}

Test(scsi, who_answers_an_inquiry)
{
    uint8_t bytes[SCSI_INQUIRY_BYTES] = "\0\0\0\0\0\0\0\0Google  PersistentDisk  1   ";
    struct scsi_inquiry who;

    cr_assert(scsi_decode_inquiry(bytes, sizeof bytes, &who));
    cr_assert(who.disk);
    cr_assert_str_eq(who.text, "Google PersistentDisk");
    cr_assert_str_eq(who.revision, "1");
    cr_assert(!scsi_decode_inquiry(bytes, sizeof bytes - 1u, &who));
    bytes[0] = 5; /* a CD drive */
    cr_assert(scsi_decode_inquiry(bytes, sizeof bytes, &who) && !who.disk);
    bytes[0] = 0x20; /* a disk that could be there, and is not */
    cr_assert(scsi_decode_inquiry(bytes, sizeof bytes, &who) && !who.disk);
}

Test(scsi, its_text_is_printable_and_has_no_blanks_at_its_ends)
{
    uint8_t bytes[SCSI_INQUIRY_BYTES];
    struct scsi_inquiry who;

    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes + 8, "Vendor", 6);
    cr_assert(scsi_decode_inquiry(bytes, sizeof bytes, &who));
    cr_assert_str_eq(who.text, "Vendor");
    memset(bytes + 8, ' ', 8);
    memcpy(bytes + 16, "Product", 7);
    cr_assert(scsi_decode_inquiry(bytes, sizeof bytes, &who));
    cr_assert_str_eq(who.text, "Product");
    memset(bytes + 8, 0x1b, 24);
    cr_assert(scsi_decode_inquiry(bytes, sizeof bytes, &who));
    cr_assert_str_eq(who.text, "???????? ????????????????");
}

Test(scsi, numbers_that_no_disk_has_are_no_capacity)
{
    uint8_t ten[8] = {0, 0x1f, 0xff, 0xff, 0, 0, 2, 0}, sixteen[32] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x10, 0};
    struct scsi_capacity capacity;
    bool more = true;

    cr_assert(scsi_decode_capacity_10(ten, sizeof ten, &capacity, &more) && !more);
    cr_assert(capacity.blocks == 2097152 && capacity.block_bytes == 512);
    cr_assert(!scsi_decode_capacity_10(ten, sizeof ten - 1u, &capacity, &more));
    memset(ten, 0xff, 4);
    cr_assert(scsi_decode_capacity_10(ten, sizeof ten, &capacity, &more) && more);
    cr_assert(scsi_decode_capacity_16(sixteen, 12, &capacity));
    cr_assert(capacity.blocks == (UINT64_C(1) << 32) + 1u && capacity.block_bytes == 4096);
    cr_assert(!scsi_decode_capacity_16(sixteen, 11, &capacity));
    memset(sixteen, 0xff, 8);
    cr_assert(!scsi_decode_capacity_16(sixteen, 32, &capacity), "2 to the 64 blocks");
    for (uint32_t bytes = 0; bytes <= 0x20000u; bytes++) {
        ten[4] = 0, ten[5] = (uint8_t)(bytes >> 16), ten[6] = (uint8_t)(bytes >> 8), ten[7] = (uint8_t)bytes;
        cr_assert_eq(scsi_decode_capacity_10(ten, sizeof ten, &capacity, &more),
                     bytes == 512 || bytes == 1024 || bytes == 2048 || bytes == 4096, "%u", bytes);
    }
}
