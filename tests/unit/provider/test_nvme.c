/* SPDX-License-Identifier: BSD-2-Clause */
/* NVMe as bytes: each command against its figure in the standard, what may be asked for and nothing else,
 * each answer against what it must be taken for. */
#include <criterion/criterion.h>
#include <string.h>

#include "provider/format/nvme.h"

static const struct nvme_pointers none = {0, 0};

/* 32-bit words of a command, those not named 0. */
static void words_are(const struct nvme_command *c, const uint32_t expected[16])
{
    uint8_t bytes[NVME_COMMAND_BYTES];

    memset(bytes, 0xff, sizeof bytes);
    nvme_encode_command(c, 0x1234, (struct nvme_pointers){0x1122334455667000u, 0x0102030405060000u}, bytes);
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t word;
        memcpy(&word, bytes + 4u * i, 4);
        cr_expect_eq(word, expected[i], "kind %u word %u: %#x, not %#x", c->kind, i, word, expected[i]);
    }
}

#define HEAD(opcode, nsid)                                                                                   \
    0x12340000u | (opcode), nsid, 0, 0, 0, 0, 0x55667000u, 0x11223344u, 0x05060000u, 0x01020304u

Test(nvme, commands_are_those_of_the_standard)
{
    words_are(&(struct nvme_command){.kind = NVME_IDENTIFY_CONTROLLER}, (uint32_t[16]){HEAD(0x06, 0), 1});
    words_are(&(struct nvme_command){.kind = NVME_IDENTIFY_NAMESPACE, .nsid = 9},
              (uint32_t[16]){HEAD(0x06, 9), 0});
    words_are(&(struct nvme_command){.kind = NVME_SET_QUEUES, .queue = 3},
              (uint32_t[16]){HEAD(0x09, 0), 7, 0x00020002});
    words_are(&(struct nvme_command){.kind = NVME_CREATE_COMPLETION_QUEUE, .queue = 2, .entries = 64},
              (uint32_t[16]){HEAD(0x05, 0), 0x003f0002, 1});
    words_are(&(struct nvme_command){.kind = NVME_CREATE_SUBMISSION_QUEUE, .queue = 2, .entries = 64},
              (uint32_t[16]){HEAD(0x01, 0), 0x003f0002, 0x00020001});
    words_are(
        &(struct nvme_command){.kind = NVME_READ, .nsid = 1, .lba = 0x1122334455667788u, .blocks = 65536},
        (uint32_t[16]){HEAD(0x02, 1), 0x55667788, 0x11223344, 0xffff});
}

Test(nvme, what_is_encoded_is_decoded_on_its_queue_alone)
{
    static const struct nvme_command all[] = {
        {.kind = NVME_IDENTIFY_CONTROLLER},
        {.kind = NVME_IDENTIFY_NAMESPACE, .nsid = 0xffffffff},
        {.kind = NVME_SET_QUEUES, .queue = 1},
        {.kind = NVME_CREATE_COMPLETION_QUEUE, .queue = 1, .entries = 2},
        {.kind = NVME_CREATE_SUBMISSION_QUEUE, .queue = 0xffff, .entries = 0},
        {.kind = NVME_READ, .nsid = 1, .lba = UINT64_MAX, .blocks = 1}};
    uint8_t bytes[NVME_COMMAND_BYTES];

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct nvme_command out;

        nvme_encode_command(&all[i], 0, none, bytes);
        const bool admin = all[i].kind != NVME_READ;
        cr_assert(nvme_decode_command(bytes, admin, &out));
        cr_assert_eq(out.kind, all[i].kind);
        cr_assert_eq(out.nsid, all[i].nsid);
        cr_assert_eq(out.lba, all[i].lba);
        cr_assert_eq(out.blocks, all[i].blocks);
        cr_assert_eq(out.queue, all[i].queue);
        cr_assert_eq(out.entries, all[i].entries);
        cr_assert_not(nvme_decode_command(bytes, !admin, &out));
    }
}

/* An address, an identifier, fused operations, SGLs, protection, access hints: none is a driver's to choose.
 */
Test(nvme, what_a_driver_may_not_say_is_refused)
{
    static const struct {
        uint32_t at;
        uint8_t value;
    } bits[] = {{1, 1},  {1, 0x40}, {1, 0x80}, {2, 1},     {8, 1},     {16, 8},    {24, 4},
                {31, 1}, {32, 1},   {39, 1},   {50, 1},    {51, 0x20}, {51, 0x40}, {51, 0x80},
                {52, 1}, {56, 1},   {60, 1},   {63, 0x80}, {0, 1},     {0, 2}};
    const struct nvme_command read = {.kind = NVME_READ, .nsid = 1, .blocks = 8};
    uint8_t bytes[NVME_COMMAND_BYTES];
    struct nvme_command out;

    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        nvme_encode_command(&read, 0, none, bytes);
        bytes[bits[i].at] ^= bits[i].value;
        cr_expect_not(nvme_decode_command(bytes, false, &out), "byte %u bit %#x", bits[i].at, bits[i].value);
    }
}

/* The words of a completion of four at `area`, entry `at`. */
static void put(uint8_t area[64], uint32_t at, uint32_t result, uint32_t third, uint32_t last)
{
    const uint32_t words[4] = {result, 0, third, last};

    memcpy(area + 16u * at, words, sizeof words);
}

Test(nvme, a_completion_is_there_when_its_phase_is_that_of_the_round)
{
    _Alignas(8) uint8_t area[64] = {0};
    struct nvme_completion c;

    cr_assert_not(nvme_completion_at(area, 4, 0, &c));
    put(area, 0, 7, 0x00020003, 0x1234u | 1u << 16 | 0x4002u << 17);
    cr_assert(nvme_completion_at(area, 4, 0, &c));
    cr_assert_eq(c.id.untrusted, 0x1234u);
    cr_assert_eq(c.status, 0x4002u);
    cr_assert_eq(c.head.untrusted, 3u);
    cr_assert_eq(c.queue.untrusted, 2u);
    cr_assert_eq(c.result.untrusted, 7u);
    cr_assert_not(nvme_completion_at(area, 4, 1, &c));
    cr_assert_not(nvme_completion_at(area, 4, 4, &c), "of the round before");
    put(area, 0, 0, 0, 0x1234u);
    cr_assert(nvme_completion_at(area, 4, 4, &c));
    cr_assert_not(nvme_completion_at(area, 4, 8, &c));
    cr_assert_not(nvme_completion_at(area, 4, 0xfff8, &c));
    cr_assert(nvme_completion_at(area, 4, 0xfffc, &c));
}

Test(nvme, statuses_come_to_what_they_mean)
{
    static const struct {
        uint16_t status;
        enum nvme_outcome outcome;
    } rows[] = {{0, NVME_DONE},         {0x0001, NVME_REFUSED}, {0x4001, NVME_REFUSED},
                {0x0002, NVME_REFUSED}, {0x000b, NVME_REFUSED}, {0x0007, NVME_AGAIN},
                {0x4007, NVME_FAILED},  {0x0082, NVME_AGAIN},   {0x4082, NVME_FAILED},
                {0x0021, NVME_AGAIN},   {0x0080, NVME_FAILED},  {0x0281, NVME_FAILED},
                {0x0101, NVME_FAILED},  {0x7fff, NVME_FAILED},  {0x4000, NVME_FAILED}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(nvme_outcome_of(rows[i].status), rows[i].outcome, "%#x", rows[i].status);
}

static uint8_t page[NVME_IDENTIFY_BYTES];

Test(nvme, a_controller_has_entries_of_our_size_text_and_a_bound)
{
    struct nvme_controller c;

    memset(page, 0, sizeof page);
    page[512] = 0x66;
    page[513] = 0x44;
    page[516] = 2;
    memset(page + 24, ' ', 40);
    memcpy(page + 24, "nvme_card-pd", 12);
    cr_assert(nvme_decode_controller(page, &c));
    cr_assert_str_eq(c.text, "nvme_card-pd");
    cr_assert_eq(c.namespaces, 2u);
    cr_assert_eq(c.data_bytes_max, 0u);
    page[77] = 1;
    cr_assert(nvme_decode_controller(page, &c));
    cr_assert_eq(c.data_bytes_max, 8192u);
    page[77] = 19;
    cr_assert(nvme_decode_controller(page, &c));
    cr_assert_eq(c.data_bytes_max, 0x80000000u);
    page[77] = 255;
    cr_assert(nvme_decode_controller(page, &c));
    cr_assert_eq(c.data_bytes_max, 0u);
    memset(page + 24, 0x9b, 40);
    page[30] = 0;
    cr_assert(nvme_decode_controller(page, &c));
    cr_assert_eq(strlen(c.text), 40u);
    cr_assert_eq(strspn(c.text, "?"), 40u);
    memset(page + 24, ' ', 40);
    cr_assert(nvme_decode_controller(page, &c));
    cr_assert_str_eq(c.text, "");
    page[512] = 0x77;
    cr_assert_not(nvme_decode_controller(page, &c));
    page[512] = 0x55;
    cr_assert_not(nvme_decode_controller(page, &c));
    page[512] = 0x76;
    page[513] = 0x55;
    cr_assert_not(nvme_decode_controller(page, &c));
    page[513] = 0x64;
    cr_assert(nvme_decode_controller(page, &c));
}

Test(nvme, a_namespace_has_blocks_of_a_size_that_can_be)
{
    struct nvme_namespace n;
    const uint64_t most = UINT64_MAX >> 9;

    memset(page, 0, sizeof page);
    cr_assert(nvme_decode_namespace(page, &n), "one that is not there");
    cr_assert_eq(n.blocks, 0u);
    page[0] = 1;
    cr_assert_not(nvme_decode_namespace(page, &n), "blocks of one byte");
    page[130] = 9;
    memcpy(page, &most, 8);
    cr_assert(nvme_decode_namespace(page, &n));
    cr_assert_eq(n.blocks, most);
    cr_assert_eq(n.block_shift, 9u);
    page[7] = 0xff;
    cr_assert_not(nvme_decode_namespace(page, &n), "more bytes than can be counted");
    memset(page + 1, 0, 7);
    page[128] = 8;
    cr_assert_not(nvme_decode_namespace(page, &n), "metadata");
    page[128] = 0;
    page[129] = 1;
    cr_assert_not(nvme_decode_namespace(page, &n), "metadata");
    page[129] = 0;
    page[26] = 1;
    cr_assert_not(nvme_decode_namespace(page, &n), "a format that is not there");
    page[25] = 1;
    page[134] = 12;
    cr_assert(nvme_decode_namespace(page, &n));
    cr_assert_eq(n.block_shift, 12u);
    for (uint32_t shift = 0; shift < 256; shift++) {
        page[134] = (uint8_t)shift;
        cr_assert_eq(nvme_decode_namespace(page, &n), shift >= 9 && shift <= 12, "%u", shift);
    }
    page[134] = 9;
    page[25] = 16;
    cr_assert_not(nvme_decode_namespace(page, &n), "more formats than there are places");
    page[25] = 15;
    page[26] = 0xff;
    page[128 + 4 * 15 + 2] = 9;
    cr_assert(nvme_decode_namespace(page, &n), "four bits of FLBAS are the index");
}
