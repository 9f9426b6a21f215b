/* SPDX-License-Identifier: BSD-2-Clause */
/* Every lie of nvme_attacks.def: to be seen at its opportunity, and only there. */
#include <criterion/criterion.h>
#include <string.h>

#include "nvme_driver.h"

static void open_started(struct hand *h)
{
    hand_config(h);
    hand_open(h);
    hand_start(h);
}

/* The lie alone can be blamed: the driver kept the rules, and what the device did beyond them was rogue. */
static void close_clean(struct hand *h, enum dm_nvme_attack attack)
{
    cr_expect_eq(dm_nvme_fired(h->nvme, attack), 1u, "%s", dm_nvme_attack_name(attack));
    cr_expect_eq(dm_nvme_watch(h->nvme)->broken_total, 0u, "%s: %s", dm_nvme_attack_name(attack),
                 dm_nvme_watch(h->nvme)->first);
    cr_expect_eq(dm_memory_violations(h->memory), 0u, "%s", dm_nvme_attack_name(attack));
    hand_close(h);
}

static void arm(struct hand *h, enum dm_nvme_attack attack, uint64_t value)
{
    dm_nvme_arm(h->nvme, attack, 0, 1, value);
}

Test(nvme_attacks, registers)
{
    static const struct {
        enum dm_nvme_attack attack;
        uint32_t offset, lie, truth;
        uint64_t value;
    } rows[] = {{DM_NVME_CAP_ENTRIES, CAP, 0x01010001, 0x010103ff, 1},
                {DM_NVME_CAP_STRIDE, CAP_HIGH, 0x2f, 0x20, 15},
                {DM_NVME_CAP_PAGE_MIN, CAP_HIGH, 0x00440020, 0x20, 4},
                {DM_NVME_CAP_COMMAND_SETS, CAP_HIGH, 0x1000, 0x20, 0x80}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hand h;

        open_started(&h);
        arm(&h, rows[i].attack, rows[i].value);
        cr_expect_eq(hand_get(&h, rows[i].offset), rows[i].lie, "row %zu", i);
        cr_expect_eq(hand_get(&h, rows[i].offset), rows[i].truth, "row %zu", i);
        close_clean(&h, rows[i].attack);
    }
}

Test(nvme_attacks, ready_never_and_late)
{
    struct hand h;

    hand_config(&h);
    hand_open(&h);
    arm(&h, DM_NVME_READY_NEVER, 0);
    hand_enable(&h);
    cr_expect_eq(hand_get(&h, CSTS), 0u);
    hand_put(&h, CC, HAND_RUN & ~1u);
    cr_expect_eq(dm_memory_counts(h.memory).exposed_bytes, 0u, "RDY is 0: at once");
    close_clean(&h, DM_NVME_READY_NEVER);
    hand_config(&h);
    hand_open(&h);
    arm(&h, DM_NVME_READY_LATE, 20);
    hand_put(&h, AQA, 0x00070007);
    hand_put(&h, ASQ, (uint32_t)hand_bus(P_ASQ));
    hand_put(&h, ACQ, (uint32_t)hand_bus(P_ACQ));
    hand_put(&h, CC, HAND_RUN);
    hand_steps(&h, 20);
    cr_expect_eq(hand_get(&h, CSTS), 0u);
    hand_steps(&h, 1);
    cr_expect_eq(hand_get(&h, CSTS), 1u);
    close_clean(&h, DM_NVME_READY_LATE);
}

Test(nvme_attacks, reset_never_and_late)
{
    struct hand h;

    open_started(&h);
    arm(&h, DM_NVME_RESET_NEVER, 0);
    hand_disable(&h);
    cr_expect_eq(hand_get(&h, CSTS), 1u);
    cr_expect_gt(dm_memory_counts(h.memory).exposed_bytes, 0u, "it may still write there");
    close_clean(&h, DM_NVME_RESET_NEVER);
    open_started(&h);
    arm(&h, DM_NVME_RESET_LATE, 20);
    hand_put(&h, CC, HAND_RUN & ~1u);
    hand_steps(&h, 20);
    cr_expect_eq(hand_get(&h, CSTS), 1u);
    hand_steps(&h, 1);
    cr_expect_eq(hand_get(&h, CSTS), 0u);
    close_clean(&h, DM_NVME_RESET_LATE);
}

Test(nvme_attacks, completions)
{
    static const struct {
        enum dm_nvme_attack attack;
        uint64_t value;
        size_t field;
        unsigned bytes;
    } rows[] = {{DM_NVME_STATUS_FIELD, 0x7abc, offsetof(struct answer, status), 2},
                {DM_NVME_COMMAND_ID, 0x4321, offsetof(struct answer, id), 2},
                {DM_NVME_QUEUE_ID, 77, offsetof(struct answer, queue), 2},
                {DM_NVME_HEAD, 0xfff0, offsetof(struct answer, head), 2},
                {DM_NVME_RESULT, 0xdeadbeef, offsetof(struct answer, result), 4}};
    const struct command c = hand_read(7, 1, hand_bus(P_DATA), 0);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer honest, lied;
        uint64_t value = 0;
        struct hand h;

        open_started(&h);
        arm(&h, rows[i].attack, rows[i].value);
        lied = hand_do(&h, 1, &c);
        memcpy(&value, (const uint8_t *)&lied + rows[i].field, rows[i].bytes);
        cr_expect_eq(value, rows[i].value, "row %zu", i);
        honest = hand_do(&h, 1, &c);
        memcpy(&value, (const uint8_t *)&honest + rows[i].field, rows[i].bytes);
        cr_expect_neq(value, rows[i].value, "row %zu", i);
        cr_expect_eq(honest.status, 0u);
        close_clean(&h, rows[i].attack);
    }
}

Test(nvme_attacks, completions_too_many_too_few_and_none)
{
    const struct command c = hand_read(7, 1, hand_bus(P_DATA), 0), unknown = {.opcode = 0x0c};
    struct answer a, b;
    struct hand h;

    open_started(&h);
    arm(&h, DM_NVME_COMMAND_ID_TWICE, 0);
    a = hand_do(&h, 1, &c);
    b = hand_take(&h, 1);
    cr_expect(b.there && a.id == b.id);
    cr_expect_not(hand_take(&h, 1).there);
    close_clean(&h, DM_NVME_COMMAND_ID_TWICE);
    open_started(&h);
    for (uint32_t i = 0; i < HAND_ENTRIES - 1; i++) {
        const struct command each = hand_read(7, 1, hand_bus(P_DATA + i), 0);

        hand_submit(&h, 1, &each);
    }
    dm_nvme_arm(h.nvme, DM_NVME_COMMAND_ID_TWICE, HAND_ENTRIES - 2, 1, 0);
    hand_steps(&h, 1);
    for (uint32_t i = 0; i < HAND_ENTRIES - 1; i++)
        cr_expect(hand_take(&h, 1).there);
    cr_expect_not(hand_take(&h, 1).there, "no room for the second");
    close_clean(&h, DM_NVME_COMMAND_ID_TWICE);
    open_started(&h);
    arm(&h, DM_NVME_UNASKED, 0);
    a = hand_do(&h, 1, &c);
    b = hand_take(&h, 1);
    cr_expect(b.there && b.id == 0 && a.id != 0);
    close_clean(&h, DM_NVME_UNASKED);
    open_started(&h);
    arm(&h, DM_NVME_PHASE_KEPT, 0);
    cr_expect_not(hand_do(&h, 1, &c).there);
    cr_expect_neq(hand_at(&h, P_CQ)[12] | hand_at(&h, P_CQ)[13], 0, "its entry is there");
    close_clean(&h, DM_NVME_PHASE_KEPT);
    open_started(&h);
    arm(&h, DM_NVME_NEVER_ANSWERS, 0);
    cr_expect_not(hand_do(&h, 1, &c).there);
    cr_expect_eq(hand_at(&h, P_DATA)[0], 0u);
    h.next_id--;
    cr_expect_eq(hand_do(&h, 0, &unknown).status, 1u, "its identifier is free on another queue");
    close_clean(&h, DM_NVME_NEVER_ANSWERS);
    open_started(&h);
    arm(&h, DM_NVME_FATAL, 0);
    cr_expect_not(hand_do(&h, 1, &c).there);
    cr_expect_eq(hand_get(&h, CSTS), 3u);
    close_clean(&h, DM_NVME_FATAL);
}

Test(nvme_attacks, data_missing_and_beyond)
{
    const struct command one = hand_read(7, 1, hand_bus(P_DATA), 0),
                         whole = hand_read(0, 8, hand_bus(P_DATA), hand_bus(P_DATA + 1)),
                         listed = hand_read(0, 24, hand_bus(P_DATA), hand_bus(P_LIST));
    const uint64_t pages[4] = {hand_bus(P_DATA + 1), hand_bus(P_DATA + 2), hand_bus(P_DATA + 4), 0};
    struct hand h;

    open_started(&h);
    arm(&h, DM_NVME_DATA_UNWRITTEN, 0);
    cr_expect_eq(hand_do(&h, 1, &one).status, 0u);
    cr_expect_eq(hand_at(&h, P_DATA)[1], 0u);
    close_clean(&h, DM_NVME_DATA_UNWRITTEN);
    open_started(&h);
    arm(&h, DM_NVME_DATA_BEYOND, 1);
    cr_expect_eq(hand_do(&h, 1, &one).status, 0u);
    cr_expect_eq(hand_at(&h, P_DATA)[513], hand_medium(8 * 512 + 1), "the rest of the page");
    cr_expect_eq(hand_at(&h, P_DATA)[1025], 0u);
    close_clean(&h, DM_NVME_DATA_BEYOND);
    open_started(&h);
    arm(&h, DM_NVME_DATA_BEYOND, 2);
    cr_expect_eq(hand_do(&h, 1, &whole).status, 0u);
    cr_expect_eq(hand_at(&h, P_DATA + 1)[1], hand_medium(4097), "PRP 2, which was not to be used");
    close_clean(&h, DM_NVME_DATA_BEYOND);
    open_started(&h);
    memcpy(hand_at(&h, P_LIST), pages, sizeof pages);
    arm(&h, DM_NVME_DATA_BEYOND, UINT64_MAX);
    cr_expect_eq(hand_do(&h, 1, &listed).status, 0u);
    cr_expect_eq(hand_at(&h, P_DATA + 4)[1], hand_medium(3 * 4096 + 1), "the entry behind");
    cr_expect_eq(hand_at(&h, P_DATA + 3)[1], 0u);
    cr_expect_eq(dm_memory_counts(h.memory).rogue_writes, 1u, "no entry, no page");
    close_clean(&h, DM_NVME_DATA_BEYOND);
}

Test(nvme_attacks, metadata_and_an_old_command)
{
    struct command c = hand_read(7, 1, hand_bus(P_DATA), 0);
    struct hand h;

    open_started(&h);
    arm(&h, DM_NVME_METADATA_WRITTEN, 0);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    cr_expect_eq(dm_nvme_fired(h.nvme, DM_NVME_METADATA_WRITTEN), 0u, "no pointer, no opportunity");
    c.metadata = hand_bus(P_METADATA);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    cr_expect_eq(hand_at(&h, P_METADATA)[4095], 0x5au);
    close_clean(&h, DM_NVME_METADATA_WRITTEN);
    open_started(&h);
    arm(&h, DM_NVME_OLD_COMMAND, 0);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    hand_at(&h, P_DATA)[1] ^= 1u;
    hand_steps(&h, 1);
    cr_expect_eq(hand_at(&h, P_DATA)[1], hand_medium(7 * 512 + 1), "written again");
    cr_expect_eq(dm_memory_owner(h.memory, (dm_addr){hand_bus(P_DATA)}), DM_DRIVER_OWNED, "all the same");
    cr_expect_not(hand_take(&h, 1).there);
    close_clean(&h, DM_NVME_OLD_COMMAND);
    open_started(&h);
    arm(&h, DM_NVME_OLD_COMMAND, 0);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    memset(hand_at(&h, P_SQ), 0, 64);
    hand_at(&h, P_DATA)[1] ^= 1u;
    hand_steps(&h, 2);
    cr_expect_neq(hand_at(&h, P_DATA)[1], hand_medium(7 * 512 + 1), "a zeroed entry does nothing");
    close_clean(&h, DM_NVME_OLD_COMMAND);
    open_started(&h);
    arm(&h, DM_NVME_OLD_COMMAND, 0);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    hand_at(&h, P_SQ)[24] = 1;
    hand_steps(&h, 2);
    close_clean(&h, DM_NVME_OLD_COMMAND); /* what is there then is nobody's command */
}

Test(nvme_attacks, what_identify_says)
{
    static const struct {
        enum dm_nvme_attack attack;
        uint8_t what; /* CNS */
        uint64_t value;
        unsigned at, bytes;
    } rows[] = {{DM_NVME_ENTRY_SIZES, 1, 0x7755, 512, 2},    {DM_NVME_TRANSFER_SHIFT, 1, 31, 77, 1},
                {DM_NVME_NAMESPACES, 1, 0xffffffff, 516, 4}, {DM_NVME_CAPACITY, 0, UINT64_MAX, 0, 8},
                {DM_NVME_BLOCK_SHIFT, 0, 63, 130, 1},        {DM_NVME_METADATA_BYTES, 0, 8, 128, 2},
                {DM_NVME_FORMAT_INDEX, 0, 0x3f, 26, 1},      {DM_NVME_TEXT_GARBAGE, 1, 0x9b9b, 62, 2}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct command c = hand_identify(rows[i].what, rows[i].what == 0);
        uint64_t said = 0, honest = 0;
        struct hand h;

        open_started(&h);
        arm(&h, rows[i].attack, rows[i].value);
        cr_expect_eq(hand_do(&h, 0, &c).status, 0u);
        memcpy(&said, hand_at(&h, P_DATA) + rows[i].at, rows[i].bytes);
        cr_expect_eq(said, rows[i].value, "%s", dm_nvme_attack_name(rows[i].attack));
        cr_expect_eq(hand_do(&h, 0, &c).status, 0u);
        memcpy(&honest, hand_at(&h, P_DATA) + rows[i].at, rows[i].bytes);
        cr_expect_neq(honest, rows[i].value, "%s", dm_nvme_attack_name(rows[i].attack));
        close_clean(&h, rows[i].attack);
    }
}

Test(nvme_attacks, queues_and_reads_that_are_refused)
{
    const struct command features = {.opcode = 9, .word = {7, 0}}, cq = hand_create(true, 1),
                         c = hand_read(7, 1, hand_bus(P_DATA), 0);
    struct hand h;

    hand_config(&h);
    hand_open(&h);
    hand_enable(&h);
    arm(&h, DM_NVME_QUEUES_GRANTED, 0x00ff00ff);
    cr_expect_eq(hand_do(&h, 0, &features).result, 0x00ff00ffu);
    cr_expect_eq(hand_do(&h, 0, &features).result, 0x00020002u);
    close_clean(&h, DM_NVME_QUEUES_GRANTED);
    hand_config(&h);
    hand_open(&h);
    hand_enable(&h);
    arm(&h, DM_NVME_QUEUE_REFUSED, 0);
    cr_expect_eq(hand_do(&h, 0, &cq).status, 2u);
    cr_expect_eq(hand_do(&h, 0, &cq).status, 0u);
    close_clean(&h, DM_NVME_QUEUE_REFUSED);
    open_started(&h);
    arm(&h, DM_NVME_MEDIUM_ERROR, 0);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0x281u);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    close_clean(&h, DM_NVME_MEDIUM_ERROR);
}
