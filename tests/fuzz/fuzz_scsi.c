/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to what a SCSI host answers (provider/format/scsi.c). An input is: which decoder, the
 * bytes that the device says it wrote, those that were asked for, then the answer, which lies in memory of
 * just its size. What is decoded keeps the promises of scsi.h, or aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/format/scsi.h"
#include "tests/fuzz/room.h"

#define HEAD 7u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *const names[SCSI_OUTCOME_COUNT] = {"done",    "no_target", "again",    "no_medium",
                                                      "refused", "failed",    "malformed"};
static unsigned long counts[SCSI_OUTCOME_COUNT];
static unsigned long inputs, disks, others, capacities, more_blocks, impossible;

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr, "answers: inputs=%lu disks=%lu others=%lu capacities=%lu more_blocks=%lu impossible=%lu",
            inputs, disks, others, capacities, more_blocks, impossible);
    for (unsigned i = 0; i < SCSI_OUTCOME_COUNT; i++)
        fprintf(stderr, " %s=%lu", names[i], counts[i]);
    fputc('\n', stderr);
}

static void reply(const uint8_t *at, size_t count, uint32_t written, uint32_t asked)
{
    uint8_t response[SCSI_RESPONSE_BYTES] = {0};

    memcpy(response, at, count < sizeof response ? count : sizeof response);
    const struct scsi_reply r = scsi_decode(response, written, asked);
    need(r.outcome < SCSI_OUTCOME_COUNT && r.transferred <= asked && r.sense.key < 16u);
    need(r.outcome != SCSI_DONE || r.transferred <= written - SCSI_RESPONSE_BYTES);
    counts[r.outcome]++;
}

static void inquiry(const uint8_t *at, uint32_t count)
{
    struct scsi_inquiry who;

    if (!scsi_decode_inquiry(at, count, &who))
        return;
    const size_t length = strnlen(who.text, sizeof who.text);
    need(length < sizeof who.text && memchr(who.revision, 0, sizeof who.revision) != NULL);
    for (size_t i = 0; i < length; i++)
        need(who.text[i] >= ' ' && who.text[i] <= '~');
    need(length == 0 || who.text[length - 1u] != ' ');
    disks += who.disk;
    others += !who.disk;
}

static void capacity(const uint8_t *at, uint32_t count, bool sixteen)
{
    struct scsi_capacity c;
    bool more = false;
    const bool sound =
        sixteen ? scsi_decode_capacity_16(at, count, &c) : scsi_decode_capacity_10(at, count, &c, &more);

    more_blocks += more;
    impossible += !sound;
    capacities += sound;
    need(!sound || (c.blocks > 0 && c.block_bytes >= 512u && c.block_bytes <= 4096u &&
                    (c.block_bytes & (c.block_bytes - 1u)) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint16_t asked;
    uint32_t written;

    inputs++;
    if (bytes < HEAD)
        return 0;
    memcpy(&asked, data + 1, sizeof asked);
    memcpy(&written, data + 3, sizeof written);
    const uint32_t count = (uint32_t)(bytes - HEAD);
    uint8_t *answer = malloc(count > 0 ? count : 1u);
    if (answer == NULL)
        abort();
    memcpy(answer, data + HEAD, count);
    switch (data[0] % 4u) {
    case 0:
        reply(answer, count, written, asked);
        break;
    case 1:
        inquiry(answer, count);
        break;
    default:
        capacity(answer, count, data[0] % 4u == 3u);
        break;
    }
    free(answer);
    return 0;
}
