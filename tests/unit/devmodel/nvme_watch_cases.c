/* SPDX-License-Identifier: BSD-2-Clause */
/* What an NVMe driver can do wrong: each is seen, named by its clause, and refused where there is an answer.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "nvme_driver.h"

#define NO_ANSWER 0xffffu /* to a register */

/* Each begins with a running controller and an I/O queue pair. Returns the status of the wrong command. */
typedef unsigned (*wrong)(struct hand *h);

static unsigned admin(struct hand *h, struct command c)
{
    return hand_do(h, 0, &c).status;
}

static unsigned io(struct hand *h, struct command c)
{
    return hand_do(h, 1, &c).status;
}

static unsigned put(struct hand *h, uint32_t offset, uint32_t value)
{
    hand_put(h, offset, value);
    return NO_ANSWER;
}

static unsigned cc_reserved(struct hand *h)
{
    return put(h, CC, HAND_RUN | 2u);
}

static unsigned cc_page_size(struct hand *h)
{
    return put(h, CC, HAND_RUN | 1u << 7);
}

static unsigned cc_entry_sizes(struct hand *h)
{
    return put(h, CC, 0x00470001);
}

static unsigned enabled_with_page_size(struct hand *h)
{
    hand_disable(h);
    hand_put(h, CC, HAND_RUN | 1u << 7);
    hand_steps(h, 4);
    cr_expect_eq(hand_get(h, CSTS), 2u, "CFS");
    return NO_ANSWER;
}

static unsigned enabled_too_early(struct hand *h)
{
    hand_put(h, CC, HAND_RUN & ~1u);
    return put(h, CC, HAND_RUN);
}

static unsigned enabled_without_queues(struct hand *h)
{
    hand_disable(h);
    hand_put(h, AQA, 0);
    return put(h, CC, HAND_RUN);
}

static unsigned queues_of_others(struct hand *h)
{
    hand_disable(h);
    hand_put(h, ASQ, (uint32_t)hand_bus(HAND_PAGES));
    return put(h, CC, HAND_RUN);
}

static unsigned aqa_while_running(struct hand *h)
{
    return put(h, AQA, 0x00070007);
}

static unsigned asq_odd(struct hand *h)
{
    hand_disable(h);
    return put(h, ASQ, (uint32_t)hand_bus(P_ASQ) + 64u);
}

static unsigned cap_written(struct hand *h)
{
    return put(h, CAP, 0);
}

static unsigned byte_access(struct hand *h)
{
    (void)dm_mmio_read(h->bus, h->registers + CSTS, 1);
    return NO_ANSWER;
}

static unsigned doorbell_of_none(struct hand *h)
{
    hand_doorbell(h, 2, false, 1);
    return NO_ANSWER;
}

static unsigned doorbell_beyond_all(struct hand *h)
{
    return put(h, 0x1000u + 8u * DM_NVME_QUEUES_MAX, 1);
}

static unsigned doorbell_while_idle(struct hand *h)
{
    hand_disable(h);
    hand_doorbell(h, 0, false, 1);
    return NO_ANSWER;
}

static unsigned doorbell_before_ready(struct hand *h)
{
    hand_disable(h);
    hand_put(h, CC, HAND_RUN);
    hand_doorbell(h, 0, false, 1);
    return NO_ANSWER;
}

static unsigned tail_out_of_range(struct hand *h)
{
    hand_doorbell(h, 1, false, HAND_ENTRIES);
    return NO_ANSWER;
}

static unsigned tail_unchanged(struct hand *h)
{
    hand_doorbell(h, 1, false, h->tail[1]);
    return NO_ANSWER;
}

/* Eight commands in a queue of eight entries: the device took one, and has not said so. */
static unsigned queue_overflows(struct hand *h)
{
    const struct command c = hand_read(0, 1, hand_bus(P_DATA), 0);

    dm_nvme_arm(h->nvme, DM_NVME_NEVER_ANSWERS, 0, 1, 0);
    hand_submit(h, 1, &c);
    hand_steps(h, 1);
    hand_doorbell(h, 1, false, 0);
    return NO_ANSWER;
}

static unsigned head_beyond_posted(struct hand *h)
{
    hand_doorbell(h, 1, true, 1);
    return NO_ANSWER;
}

static unsigned cq_twice(struct hand *h)
{
    return admin(h, hand_create(true, 1));
}

static unsigned sq_twice(struct hand *h)
{
    return admin(h, hand_create(false, 1));
}

static unsigned cq_odd(struct hand *h)
{
    struct command c = hand_create(true, 2);

    c.prp[0] = hand_bus(P_DATA) + 512u;
    return admin(h, c);
}

static unsigned cq_scattered(struct hand *h)
{
    struct command c = hand_create(true, 2);

    c.prp[0] = hand_bus(P_DATA);
    c.word[1] = 0;
    return admin(h, c);
}

static unsigned cq_vector(struct hand *h)
{
    struct command c = hand_create(true, 2);

    c.prp[0] = hand_bus(P_DATA);
    c.word[1] = 3u | 8u << 16;
    return admin(h, c);
}

static unsigned cq_of_others(struct hand *h)
{
    struct command c = hand_create(true, 2);

    c.prp[0] = hand_bus(HAND_PAGES);
    return admin(h, c);
}

static unsigned sq_without_cq(struct hand *h)
{
    struct command c = hand_create(false, 2);

    c.prp[0] = hand_bus(P_DATA);
    return admin(h, c);
}

static unsigned queue_with_other_sizes(struct hand *h)
{
    hand_disable(h);
    hand_enable(h);
    hand_put(h, CC, 0x00450001);
    return admin(h, hand_create(true, 1));
}

static unsigned features_late(struct hand *h)
{
    return admin(h, (struct command){.opcode = 9, .word = {7, 0}});
}

static unsigned delete_none(struct hand *h)
{
    return admin(h, (struct command){.opcode = 0, .word = {2}});
}

static unsigned delete_cq_first(struct hand *h)
{
    return admin(h, (struct command){.opcode = 4, .word = {1}});
}

static unsigned admin_reserved(struct hand *h)
{
    struct command c = hand_identify(1, 0);

    hand_submit(h, 0, &c);
    hand_at(h, P_ASQ)[64u * (h->tail[0] - 1u) + 8u] = 1;
    hand_steps(h, 1);
    return hand_take(h, 0).status;
}

static unsigned read_reserved(struct hand *h)
{
    struct command c = hand_read(0, 1, hand_bus(P_DATA), 0);

    c.word[2] |= 1u << 20;
    return io(h, c);
}

static unsigned read_by_sgl(struct hand *h)
{
    struct command c = hand_read(0, 1, hand_bus(P_DATA), 0);

    c.flags = 0x40;
    return io(h, c);
}

static unsigned prp1_odd(struct hand *h)
{
    return io(h, hand_read(0, 1, hand_bus(P_DATA) + 2u, 0));
}

static unsigned prp2_odd(struct hand *h)
{
    return io(h, hand_read(0, 16, hand_bus(P_DATA), hand_bus(P_DATA + 1) + 512u));
}

static unsigned list_odd(struct hand *h)
{
    return io(h, hand_read(0, 24, hand_bus(P_DATA), hand_bus(P_LIST) + 4u));
}

static unsigned list_entry_odd(struct hand *h)
{
    const uint64_t pages[2] = {hand_bus(P_DATA + 1), hand_bus(P_DATA + 2) + 4u};

    memcpy(hand_at(h, P_LIST), pages, sizeof pages);
    return io(h, hand_read(0, 24, hand_bus(P_DATA), hand_bus(P_LIST)));
}

static unsigned second_list_odd(struct hand *h)
{
    const uint64_t pages[2] = {hand_bus(P_DATA + 1), hand_bus(P_LIST_NEXT) + 8u};

    memcpy(hand_at(h, P_LIST) + 4096 - sizeof pages, pages, sizeof pages);
    return io(h, hand_read(0, 32, hand_bus(P_DATA), hand_bus(P_LIST + 1) - sizeof pages));
}

static unsigned data_of_others(struct hand *h)
{
    return io(h, hand_read(0, 1, hand_bus(HAND_PAGES), 0));
}

static unsigned data_nowhere(struct hand *h)
{
    return io(h, hand_read(0, 16, hand_bus(P_DATA), 0));
}

static unsigned list_of_others(struct hand *h)
{
    return io(h, hand_read(0, 24, hand_bus(P_DATA), hand_bus(HAND_PAGES)));
}

static unsigned identifier_twice(struct hand *h)
{
    const struct command c = hand_read(0, 1, hand_bus(P_DATA), 0),
                         again = hand_read(0, 1, hand_bus(P_DATA + 1), 0);

    dm_nvme_arm(h->nvme, DM_NVME_NEVER_ANSWERS, 0, 1, 0);
    hand_submit(h, 1, &c);
    h->next_id--;
    return hand_do(h, 1, &again).status;
}

static const struct {
    wrong act;
    const char *name, *clause;
    unsigned status;
} cases[] = {
#define CASE(name, clause, status)                                                                           \
    {                                                                                                        \
        name, #name, "NVMe " clause ": ", status                                                             \
    }
    CASE(cc_reserved, "3.1.5", NO_ANSWER),
    CASE(cc_page_size, "3.1.5", NO_ANSWER),
    CASE(cc_entry_sizes, "3.1.5", NO_ANSWER),
    CASE(enabled_with_page_size, "3.1.5", NO_ANSWER),
    CASE(enabled_too_early, "3.1.5", NO_ANSWER),
    CASE(enabled_without_queues, "3.1.8", NO_ANSWER),
    CASE(queues_of_others, "4.3", NO_ANSWER),
    CASE(aqa_while_running, "3.1.8", NO_ANSWER),
    CASE(asq_odd, "3.1.8", NO_ANSWER),
    CASE(cap_written, "3.1", NO_ANSWER),
    CASE(byte_access, "3.1", NO_ANSWER),
    CASE(doorbell_of_none, "3.1.16", NO_ANSWER),
    CASE(doorbell_beyond_all, "3.1.16", NO_ANSWER),
    CASE(doorbell_while_idle, "3.1.16", NO_ANSWER),
    CASE(doorbell_before_ready, "3.1.16", NO_ANSWER),
    CASE(tail_out_of_range, "3.1.16", NO_ANSWER),
    CASE(tail_unchanged, "3.1.16", NO_ANSWER),
    CASE(queue_overflows, "3.1.16", NO_ANSWER),
    CASE(head_beyond_posted, "3.1.17", NO_ANSWER),
    CASE(cq_twice, "5.3", 0x101),
    CASE(sq_twice, "5.4", 0x101),
    CASE(cq_odd, "5.3", 0x13),
    CASE(cq_scattered, "5.3", 2),
    CASE(cq_vector, "5.3", 0x108),
    CASE(cq_of_others, "4.3", 4),
    CASE(sq_without_cq, "5.4", 0x100),
    CASE(queue_with_other_sizes, "3.1.5", 2),
    CASE(features_late, "5.21.1.7", 0x0c),
    CASE(delete_none, "5.6", 0x101),
    CASE(delete_cq_first, "5.5", 0x10c),
    CASE(admin_reserved, "4.2", 0),
    CASE(read_reserved, "6.9", 0),
    CASE(read_by_sgl, "4.2", 2),
    CASE(prp1_odd, "4.3", 0x13),
    CASE(prp2_odd, "4.3", 0x13),
    CASE(list_odd, "4.3", 0x13),
    CASE(list_entry_odd, "4.3", 0x13),
    CASE(second_list_odd, "4.3", 0x13),
    CASE(data_of_others, "4.3", 4),
    CASE(data_nowhere, "4.3", 4),
    CASE(list_of_others, "4.3", 4),
    CASE(identifier_twice, "4.2", 3),
#undef CASE
};

Test(nvme_watch, each_wrong_of_a_driver_is_seen_and_refused)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct dm_nvme_watch *watch;
        struct hand h;
        unsigned status;

        hand_config(&h);
        hand_open(&h);
        hand_start(&h);
        watch = dm_nvme_watch(h.nvme);
        cr_assert_eq(watch->broken_total, 0u, "%s: %s", cases[i].name, watch->first);
        status = cases[i].act(&h);
        cr_expect_eq(watch->broken_total, 1u, "%s: %s", cases[i].name, watch->first);
        cr_expect_eq(strncmp(watch->first, cases[i].clause, strlen(cases[i].clause)), 0, "%s: %s",
                     cases[i].name, watch->first);
        cr_expect_eq(status, cases[i].status, "%s: %#x", cases[i].name, status);
        hand_disable(&h);
        hand_disable(&h);
        cr_expect_eq(dm_memory_counts(h.memory).exposed_bytes, 0u, "%s", cases[i].name);
        hand_close(&h);
    }
}

Test(nvme_watch, lost_dma_is_counted_and_can_go_unjudged)
{
    struct hand h;

    hand_config(&h);
    h.config.watches = false;
    hand_open(&h);
    hand_start(&h);
    cr_expect_eq(data_of_others(&h), 4u);
    cr_expect_eq(dm_nvme_counts(h.nvme).lost, 1u);
    cr_expect_eq(dm_memory_violations(h.memory), 1u);
    cr_expect_eq(dm_nvme_watch(h.nvme)->broken_total, 0u);
    hand_close(&h);
}
