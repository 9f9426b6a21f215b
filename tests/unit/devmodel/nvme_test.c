/* SPDX-License-Identifier: BSD-2-Clause */
/* The NVMe controller as an honest device: bring-up, what it says of itself, queues, reads by every form of
 * PRPs, and what it refuses. */
#include <criterion/criterion.h>
#include <string.h>

#include "nvme_driver.h"

#define CLEAN(h)                                                                                             \
    do {                                                                                                     \
        cr_expect_eq(dm_nvme_watch((h)->nvme)->broken_total, 0u, "%s", dm_nvme_watch((h)->nvme)->first);     \
        cr_expect_eq(dm_memory_violations((h)->memory), 0u);                                                 \
    } while (0)

static void expect_medium(struct hand *h, uint64_t at, uint64_t offset, uint32_t bytes)
{
    const uint8_t *data = dm_memory_base(h->memory) + (at - HAND_BUS_BASE);
    uint32_t same = 0;

    while (same < bytes && data[same] == hand_medium(offset + same))
        same++;
    cr_expect_eq(same, bytes, "byte %u of %u at %#llx", same, bytes, (unsigned long long)at);
}

static void put_list(struct hand *h, uint64_t at, uint64_t page)
{
    memcpy(dm_memory_base(h->memory) + (at - HAND_BUS_BASE), &page, sizeof page);
}

static void open_started(struct hand *h)
{
    hand_config(h);
    hand_open(h);
    hand_start(h);
}

Test(nvme, becomes_ready_after_its_steps_and_idle_again)
{
    struct hand h;

    hand_config(&h);
    h.config.ready_turns = 3;
    hand_open(&h);
    cr_expect_eq(dm_pci_read(h.bus, h.config.bdf, 0, 4), 0x001f1ae0u);
    cr_expect_eq(dm_pci_read(h.bus, h.config.bdf, 8, 4) >> 8, 0x010802u);
    cr_expect_eq(hand_get(&h, CAP) & 0x1ffffu, 0x103ffu);
    cr_expect_eq(hand_get(&h, CAP_HIGH), 0x20u);
    cr_expect_eq(hand_get(&h, VS), 0x10400u);
    cr_expect_eq(hand_get(&h, 0x38), 0u, "an absent register");
    hand_put(&h, AQA, 0x00070007);
    hand_put(&h, ASQ, (uint32_t)hand_bus(P_ASQ));
    hand_put(&h, ACQ, (uint32_t)hand_bus(P_ACQ));
    hand_put(&h, CC, HAND_RUN);
    hand_steps(&h, 2);
    cr_expect_eq(hand_get(&h, CSTS), 0u);
    hand_steps(&h, 1);
    cr_expect_eq(hand_get(&h, CSTS), 1u);
    hand_put(&h, CC, HAND_RUN & ~1u);
    hand_steps(&h, 2);
    cr_expect_eq(hand_get(&h, CSTS), 1u);
    cr_expect_eq(dm_memory_owner(h.memory, (dm_addr){hand_bus(P_ASQ)}), DM_DEVICE_READABLE);
    hand_steps(&h, 1);
    cr_expect_eq(hand_get(&h, CSTS), 0u);
    cr_expect_eq(dm_memory_counts(h.memory).exposed_bytes, 0u);
    cr_expect_eq(dm_nvme_counts(h.nvme).resets, 1u);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, says_what_it_is)
{
    static const uint8_t text[60] = "persistent-disk-0   nvme_card-pd                            ";
    const struct command controller = hand_identify(1, 0), space = hand_identify(0, 1),
                         active = hand_identify(2, 0), none = hand_identify(0, 2);
    struct hand h;
    const uint8_t *d;
    uint64_t blocks;

    open_started(&h);
    d = hand_at(&h, P_DATA);
    cr_assert_eq(hand_do(&h, 0, &controller).status, 0u);
    cr_expect_eq(memcmp(d + 4, text, sizeof text), 0);
    cr_expect_eq(d[77], 6u);
    cr_expect_eq(d[512], 0x66u);
    cr_expect_eq(d[513], 0x44u);
    cr_expect_eq(d[516], 1u);
    cr_assert_eq(hand_do(&h, 0, &active).status, 0u);
    cr_expect_eq(d[0], 1u);
    cr_expect_eq(d[4], 0u);
    cr_assert_eq(hand_do(&h, 0, &space).status, 0u);
    memcpy(&blocks, d, 8);
    cr_expect_eq(blocks, HAND_BLOCKS);
    cr_expect_eq(d[25], 0u);
    cr_expect_eq(d[26], 0u);
    cr_expect_eq(d[130], 9u);
    cr_expect_eq(hand_do(&h, 0, &none).status, 0x0bu);
    cr_expect_eq(dm_nvme_counts(h.nvme).refused, 1u);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, grants_queues_makes_and_deletes_them)
{
    const struct command features = {.opcode = 9, .word = {7, 0}}, other = {.opcode = 9, .word = {1, 0}},
                         unknown = {.opcode = 0x0c}, delete_sq = {.opcode = 0, .word = {1}},
                         delete_cq = {.opcode = 4, .word = {1}};
    struct command cq = hand_create(true, 1), sq = hand_create(false, 1);
    struct hand h;
    struct answer a;

    hand_config(&h);
    hand_open(&h);
    hand_enable(&h);
    a = hand_do(&h, 0, &features);
    cr_expect_eq(a.status, 0u);
    cr_expect_eq(a.result, 0x00020002u);
    cr_expect_eq(hand_do(&h, 0, &other).status, 2u);
    cr_expect_eq(hand_do(&h, 0, &unknown).status, 1u);
    cq.word[0] = 4 | 7u << 16;
    cr_expect_eq(hand_do(&h, 0, &cq).status, 0x101u, "no such queue");
    cq.word[0] = 1 | 1024u << 16;
    cr_expect_eq(hand_do(&h, 0, &cq).status, 0x102u, "beyond MQES");
    cq = hand_create(true, 1);
    cr_expect_eq(hand_do(&h, 0, &cq).status, 0u);
    cr_expect_eq(hand_do(&h, 0, &sq).status, 0u);
    cr_expect_eq(dm_memory_owner(h.memory, (dm_addr){hand_bus(P_CQ)}), DM_DEVICE_WRITABLE);
    cr_expect_eq(hand_do(&h, 0, &delete_sq).status, 0u);
    cr_expect_eq(hand_do(&h, 0, &delete_cq).status, 0u);
    cr_expect_eq(dm_memory_owner(h.memory, (dm_addr){hand_bus(P_CQ)}), DM_DRIVER_OWNED);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, a_queue_deleted_drops_its_commands_and_starts_afresh)
{
    const struct command c = hand_read(5, 1, hand_bus(P_DATA), 0), delete_sq = {.opcode = 0, .word = {1}},
                         sq = hand_create(false, 1);
    struct hand h;

    open_started(&h);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    dm_nvme_arm(h.nvme, DM_NVME_NEVER_ANSWERS, 0, 1, 0);
    cr_expect_not(hand_do(&h, 1, &c).there);
    cr_expect_eq(hand_do(&h, 0, &delete_sq).status, 0u);
    cr_expect_eq(dm_nvme_counts(h.nvme).in_flight, 0u);
    cr_expect_eq(dm_memory_owner(h.memory, (dm_addr){hand_bus(P_DATA)}), DM_DRIVER_OWNED);
    cr_expect_eq(hand_do(&h, 0, &sq).status, 0u);
    for (uint32_t i = 0; i < HAND_ENTRIES - 1; i++)
        memcpy(hand_at(&h, P_SQ) + 64 * i, hand_at(&h, P_SQ), 64);
    for (uint16_t i = 0; i < HAND_ENTRIES - 1; i++) {
        const uint64_t page = hand_bus(P_DATA + i);

        memcpy(hand_at(&h, P_SQ) + 64 * i + 2, &i, 2);
        memcpy(hand_at(&h, P_SQ) + 64 * i + 24, &page, 8);
    }
    hand_doorbell(&h, 1, false, HAND_ENTRIES - 1); /* as many at once as there is room for */
    hand_steps(&h, 1);
    for (uint16_t i = 0; i < HAND_ENTRIES - 1; i++)
        cr_expect_eq(hand_take(&h, 1).id, i);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, reads_within_one_page_two_pages_and_by_lists)
{
    const uint64_t data = hand_bus(P_DATA), list = hand_bus(P_LIST), next = hand_bus(P_LIST_NEXT);
    struct command one = hand_read(3, 2, data + 1024, 0), two = hand_read(9, 8, data + 512, data + 4096),
                   many = hand_read(16, 64, data, list), chained = hand_read(1, 64, data + 512, list + 4072);
    struct hand h;

    open_started(&h);
    cr_expect_eq(hand_do(&h, 1, &one).status, 0u);
    expect_medium(&h, data + 1024, 3 * 512, 1024);
    cr_expect_eq(hand_at(&h, P_DATA)[2048], 0u, "nothing behind");
    cr_expect_eq(hand_do(&h, 1, &two).status, 0u);
    expect_medium(&h, data + 512, 9 * 512, 4096);
    for (uint32_t i = 0; i < 7; i++)
        put_list(&h, list + 8 * i, data + 4096u * (9 - i)); /* not in order */
    cr_expect_eq(hand_do(&h, 1, &many).status, 0u);
    expect_medium(&h, data, 16 * 512, 4096);
    for (uint32_t i = 0; i < 7; i++)
        expect_medium(&h, data + 4096u * (9 - i), 16 * 512 + 4096u * (i + 1), 4096);
    /* 3584 bytes, then 8 pages: two entries are left in the list's page, the third leads on. */
    put_list(&h, list + 4072, data + 4096);
    put_list(&h, list + 4080, data + 2 * 4096);
    put_list(&h, list + 4088, next);
    for (uint32_t i = 0; i < 6; i++)
        put_list(&h, next + 8 * i, data + 4096u * (3 + i));
    cr_expect_eq(hand_do(&h, 1, &chained).status, 0u);
    expect_medium(&h, data + 512, 512, 64 * 512);
    cr_expect_eq(dm_nvme_counts(h.nvme).reads, 4u);
    cr_expect_eq(dm_nvme_counts(h.nvme).read_bytes, (2u + 8u + 64u + 64u) * 512u);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, moves_the_most_it_says_and_no_block_more)
{
    struct hand h;
    struct command c = hand_read(0, 513, hand_bus(P_DATA), hand_bus(P_LIST));

    open_started(&h);
    for (uint32_t i = 0; i < 64; i++)
        put_list(&h, hand_bus(P_LIST) + 8 * i, hand_bus(P_DATA + 1 + i));
    cr_expect_eq(hand_do(&h, 1, &c).status, 2u);
    c.word[2] = 511;
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    expect_medium(&h, hand_bus(P_DATA), 0, 512 * 512);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, refuses_what_cannot_be_read)
{
    const struct command last = hand_read(HAND_BLOCKS - 1, 1, hand_bus(P_DATA), 0),
                         beyond = hand_read(HAND_BLOCKS - 1, 2, hand_bus(P_DATA), 0),
                         most = hand_read(UINT64_MAX, 1, hand_bus(P_DATA), 0),
                         flush = {.opcode = 0, .space = 1};
    struct command other = last;
    struct hand h;

    open_started(&h);
    other.space = 2;
    cr_expect_eq(hand_do(&h, 1, &last).status, 0u);
    cr_expect_eq(hand_do(&h, 1, &beyond).status, 0x80u);
    cr_expect_eq(hand_do(&h, 1, &most).status, 0x80u);
    cr_expect_eq(hand_do(&h, 1, &flush).status, 1u);
    cr_expect_eq(hand_do(&h, 1, &other).status, 0x0bu);
    h.medium_broken = true;
    cr_expect_eq(hand_do(&h, 1, &last).status, 0x281u);
    cr_expect_eq(dm_nvme_counts(h.nvme).refused, 5u);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, completion_waits_for_room_and_phases_turn)
{
    const struct command c = hand_read(5, 1, hand_bus(P_DATA), 0);
    struct hand h;

    open_started(&h);
    for (uint32_t i = 0; i < 3 * HAND_ENTRIES; i++) {
        const uint16_t id = h.next_id;
        const struct answer a = hand_do(&h, 1, &c);

        cr_assert(a.there, "command %u", i);
        cr_expect_eq(a.id, id);
        cr_expect_eq(a.queue, 1u);
        cr_expect_eq(a.head, (i + 1) % HAND_ENTRIES);
    }
    for (uint32_t i = 0; i < HAND_ENTRIES - 1; i++) {
        const struct command each = hand_read(5, 1, hand_bus(P_DATA + i), 0);

        hand_submit(&h, 1, &each);
    }
    hand_steps(&h, 1);
    for (uint32_t i = 0; i < HAND_ENTRIES - 2; i++)
        cr_assert(hand_take(&h, 1).there);
    for (uint32_t i = 0; i < HAND_ENTRIES - 2; i++) {
        const struct command each = hand_read(5, 1, hand_bus(P_DATA + i), 0);

        hand_submit(&h, 1, &each);
    }
    hand_steps(&h, 2);
    cr_expect_eq(dm_nvme_counts(h.nvme).in_flight, 0u, "6 + 1 fit");
    for (uint32_t i = 0; i < HAND_ENTRIES - 1; i++)
        cr_expect(hand_take(&h, 1).there);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, a_full_completion_queue_holds_commands_back)
{
    struct command cq = hand_create(true, 1), sq = hand_create(false, 1), c;
    struct hand h;

    hand_config(&h);
    hand_open(&h);
    hand_enable(&h);
    cq.word[0] = 1 | 1u << 16; /* two entries: room for one */
    cr_assert_eq(hand_do(&h, 0, &cq).status, 0u);
    cr_assert_eq(hand_do(&h, 0, &sq).status, 0u);
    for (uint32_t i = 0; i < 3; i++) {
        c = hand_read(i, 1, hand_bus(P_DATA + i), 0);
        hand_submit(&h, 1, &c);
    }
    hand_steps(&h, 3);
    cr_expect_eq(dm_nvme_counts(h.nvme).in_flight, 2u);
    hand_doorbell(&h, 1, true, 1);
    hand_steps(&h, 3);
    cr_expect_eq(dm_nvme_counts(h.nvme).in_flight, 1u);
    hand_doorbell(&h, 1, true, 0);
    hand_steps(&h, 1);
    cr_expect_eq(dm_nvme_counts(h.nvme).in_flight, 0u);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, doorbells_lie_apart_as_it_says)
{
    const struct command c = hand_read(5, 1, hand_bus(P_DATA), 0);
    struct hand h;

    hand_config(&h);
    h.config.doorbell_stride = 8;
    hand_open(&h);
    cr_expect_eq(hand_get(&h, CAP_HIGH) & 15u, 8u);
    hand_start(&h);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, sends_messages_where_a_queue_asks_for_them)
{
    struct command cq = hand_create(true, 1), sq = hand_create(false, 1),
                   c = hand_read(0, 1, hand_bus(P_DATA), 0);
    uint32_t before;
    uint64_t table;
    uint16_t at;
    struct hand h;

    hand_config(&h);
    hand_open(&h);
    table = dm_pci_read(h.bus, h.config.bdf, 0x20, 4) & ~15u;
    at = (uint16_t)dm_pci_read(h.bus, h.config.bdf, 0x34, 1);
    dm_mmio_write(h.bus, table + 16 * 3, 4, 0xfee00000);
    dm_mmio_write(h.bus, table + 16 * 3 + 12, 4, 0);
    dm_pci_write(h.bus, h.config.bdf, (uint16_t)(at + 2u), 2, 0x8000);
    hand_enable(&h);
    cq.word[1] = 3u | 3u << 16;
    cr_assert_eq(hand_do(&h, 0, &cq).status, 0u);
    cr_assert_eq(hand_do(&h, 0, &sq).status, 0u);
    before = h.messages;
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    cr_expect_eq(h.messages, before + 1u);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, a_reset_drops_commands_and_gives_memory_back_when_ready_falls)
{
    const struct command c = hand_read(5, 1, hand_bus(P_DATA), 0);
    struct hand h;

    open_started(&h);
    dm_nvme_arm(h.nvme, DM_NVME_NEVER_ANSWERS, 0, 1, 0);
    cr_expect_not(hand_do(&h, 1, &c).there);
    cr_expect_eq(dm_nvme_counts(h.nvme).in_flight, 1u);
    hand_put(&h, CC, HAND_RUN & ~1u);
    cr_expect_eq(dm_nvme_counts(h.nvme).in_flight, 0u);
    cr_expect_eq(dm_memory_owner(h.memory, (dm_addr){hand_bus(P_DATA)}), DM_DEVICE_WRITABLE);
    hand_disable(&h);
    cr_expect_eq(dm_memory_counts(h.memory).exposed_bytes, 0u);
    hand_start(&h);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, fails_resets_itself_and_goes_away)
{
    const struct command c = hand_read(5, 1, hand_bus(P_DATA), 0);
    uint64_t commands;
    struct hand h;

    open_started(&h);
    dm_nvme_fail(h.nvme);
    cr_expect_eq(hand_get(&h, CSTS), 3u);
    cr_expect_not(hand_do(&h, 1, &c).there);
    hand_disable(&h);
    hand_start(&h);
    hand_submit(&h, 1, &c);
    commands = dm_nvme_counts(h.nvme).commands;
    dm_nvme_fail(h.nvme);
    hand_steps(&h, 2);
    cr_expect_eq(dm_nvme_counts(h.nvme).commands, commands, "not even looked at");
    hand_disable(&h);
    cr_expect_eq(hand_get(&h, CSTS), 0u);
    hand_start(&h);
    dm_nvme_reset_itself(h.nvme);
    cr_expect_eq(hand_get(&h, CSTS), 0u);
    cr_expect_eq(hand_get(&h, CC), 0u);
    cr_expect_not(hand_do(&h, 1, &c).there);
    cr_expect_eq(dm_memory_counts(h.memory).exposed_bytes, 0u);
    CLEAN(&h); /* the driver cannot know */
    hand_disable(&h);
    hand_start(&h);
    cr_expect_eq(hand_do(&h, 1, &c).status, 0u);
    dm_nvme_remove(h.nvme);
    cr_expect_eq(hand_get(&h, CSTS), 0xffffffffu);
    cr_expect_not(hand_do(&h, 1, &c).there);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, without_bus_mastering_nothing_moves)
{
    const struct command c = hand_read(5, 1, hand_bus(P_DATA), 0);
    struct hand h;

    open_started(&h);
    dm_pci_write(h.bus, h.config.bdf, 4, 2, 2);
    cr_expect_not(hand_do(&h, 1, &c).there);
    cr_expect_eq(dm_nvme_counts(h.nvme).in_flight, 0u);
    dm_pci_write(h.bus, h.config.bdf, 4, 2, 6);
    hand_steps(&h, 1);
    cr_expect(hand_take(&h, 1).there);
    CLEAN(&h);
    hand_close(&h);
}

Test(nvme, impossible_configurations_are_refused)
{
    struct hand h;
    struct dm_nvme_config c;

    hand_config(&h);
    hand_open(&h);
    c = h.config;
    cr_expect_null(dm_nvme_create(h.bus, &c), "the slot is taken");
    c.bdf = 4u << 3;
    c.entries_max = 1;
    cr_expect_null(dm_nvme_create(h.bus, &c));
    c.entries_max = 2;
    c.doorbell_stride = 9;
    cr_expect_null(dm_nvme_create(h.bus, &c));
    c.doorbell_stride = 0;
    c.block_bytes = 768;
    cr_expect_null(dm_nvme_create(h.bus, &c));
    c.block_bytes = 4096;
    cr_expect_not_null(dm_nvme_create(h.bus, &c));
    hand_close(&h);
}
