/* SPDX-License-Identifier: BSD-2-Clause */
/* Submission and completion queues at the broker: what a driver may ask for and what becomes of it,
 * everything else that it may try, and a device that breaks its completion queue. The test plays the
 * controller. */
#include "provider/format/nvme.h"
#include "tests/unit/kernel/bench.h"

#define BDF     0x0018u
#define BAR     0x1d0000000ull
#define BAR_TOP 0x4000u
#define ENTRIES 8u
#define ADMIN   4u
#define DATA    (80u * 4096u) /* bytes of the buffer for data */
#define SHIFT   9u

static struct pair_bench {
    cap_id device, registers, pool, commands, data, admin, io;
    struct dma_queue_view admin_view, io_view;
    uint8_t *commands_cpu, *data_cpu;
    uint16_t posted[2]; /* completions, free-running */
} b;

static const struct reg_window windows[NVME_SECTIONS] = {
    {.bar = 0, .offset = 0, .length = 0x1000},
    {.bar = 0, .offset = 0x1000, .length = 16, .bell_multiplier = 4}};

static uint8_t *regs(uint32_t offset)
{
    return fake_at(P, BDF)->regs[0] + offset;
}

static uint32_t reg(uint32_t offset)
{
    uint32_t value;

    memcpy(&value, regs(offset), 4);
    return value;
}

static void set_reg(uint32_t offset, uint32_t value)
{
    memcpy(regs(offset), &value, 4);
}

static void machine(void)
{
    struct fake_function *f;

    fake_init(P);
    f = fake_add(P, BDF, FAKE_PLAIN);
    memcpy(&f->config[0x08], "\x00\x02\x08\x01", 4);
    fake_bar(f, 0, BAR, BAR_TOP, 4);
    bench_start_prepared();
    memset(&b, 0, sizeof b);
}

TestSuite(pair, .init = machine);

static struct device_reply write_reg(uint16_t row, uint32_t value)
{
    return A->reg_write(CTX, b.registers, row, 0, value);
}

static void claim(void)
{
    struct device_reply r = A->claim(CTX, BDF);

    ok(r);
    b.device = r.cap;
    r = A->open_registers(CTX, b.device, &nvme_table, windows);
    ok(r);
    b.registers = r.cap;
    ok(write_reg(NVME_ROW_CC, NVME_CC_STOPPED));
    ok(A->reg_read(CTX, b.registers, NVME_ROW_CSTS, 0));
    cr_assert_eq(kernel_device_state(K, BDF), DEVICE_RESET);
    ok(A->enable_dma(CTX, b.device));
}

static cap_id buffer(uint32_t bytes, uint8_t direction, uint8_t **cpu)
{
    struct device_reply r = A->buffer_create(CTX, b.pool, bytes, direction), mapped;

    ok(r);
    mapped = A->buffer_map(CTX, r.cap);
    ok(mapped);
    *cpu = (uint8_t *)(uintptr_t)mapped.value;
    return r.cap;
}

static void memory(void)
{
    struct device_reply r = A->pool_create(CTX, b.device, 160);

    ok(r);
    b.pool = r.cap;
    b.commands = buffer(4096, DMA_TO_DEVICE, &b.commands_cpu);
    b.data = buffer(DATA, DMA_FROM_DEVICE, &b.data_cpu);
    r = A->queue_create(CTX, b.pool, b.registers, 0, ADMIN, 0, 0, &b.admin_view);
    ok(r);
    b.admin = r.cap;
    r = A->queue_create(CTX, b.pool, b.registers, 1, ENTRIES, 2, 0, &b.io_view);
    ok(r);
    b.io = r.cap;
}

static void admin_queue(void)
{
    for (uint16_t row = NVME_ROW_ASQ_LOW; row <= NVME_ROW_ACQ_HIGH; row++)
        ok(A->reg_write_address(CTX, b.registers, row, b.admin));
    ok(write_reg(NVME_ROW_AQA, (ADMIN - 1u) * 0x10001u));
}

static void running(void)
{
    claim();
    memory();
    admin_queue();
    ok(write_reg(NVME_ROW_CC, NVME_CC_RUNNING));
    set_reg(0x1c, NVME_CSTS_READY);
    ok(A->reg_read(CTX, b.registers, NVME_ROW_CSTS, 0));
    cr_assert_eq(kernel_device_state(K, BDF), DEVICE_DRIVER_OK);
}

/* The publication of the 64 bytes at `at` of the commands' buffer, with `bytes` of data from `offset`. */
static struct dma_publication publication(uint16_t slot, uint32_t at, uint32_t offset, uint32_t bytes)
{
    return (struct dma_publication){.slots = {slot, (uint16_t)(slot + 1u)},
                                    .count = bytes != 0 ? 2 : 1,
                                    .segments = {segment(b.commands, at, NVME_COMMAND_BYTES, DMA_TO_DEVICE),
                                                 segment(b.data, offset, bytes, DMA_FROM_DEVICE)}};
}

static struct device_reply ask(cap_id queue, uint16_t slot, const struct nvme_command *c, uint32_t offset,
                               uint32_t bytes)
{
    const uint32_t at = (cap_same(queue, b.admin) ? 2048u : 0u) + slot * 64u;
    const struct dma_publication p = publication(slot, at, offset, bytes);

    nvme_encode_command(c, 0, (struct nvme_pointers){0, 0}, b.commands_cpu + at);
    return A->publish(CTX, queue, &p, 1);
}

/* The device's copy of a submission queue's entry. Queue and answer page lie before the completion queue. */
static uint64_t entry_word(const struct dma_queue_view *view, uint32_t pages_before, uint32_t entry,
                           uint32_t at)
{
    uint64_t word;

    memcpy(&word, (const uint8_t *)view->device_area - 4096u * pages_before + 64u * entry + at, 8);
    return word;
}
#define ADMIN_ENTRY(entry, at) entry_word(&b.admin_view, 3, entry, at)
#define IO_ENTRY(entry, at)    entry_word(&b.io_view, 3, entry, at)

static void complete_as(uint32_t queue, uint16_t id, uint16_t head, uint16_t sqid, uint16_t status)
{
    const struct dma_queue_view *view = queue == 0 ? &b.admin_view : &b.io_view;
    uint8_t *at = (uint8_t *)(uintptr_t)view->device_area + 16u * (b.posted[queue] % view->size);
    const uint32_t words[4] = {0, 0, (uint32_t)sqid << 16 | head,
                               (uint32_t)status << 17 |
                                   (b.posted[queue] / view->size % 2u == 0 ? 0x10000u : 0) | id};

    memcpy(at, words, sizeof words);
    b.posted[queue]++;
}

static void complete(uint32_t queue, uint16_t id, uint16_t head)
{
    complete_as(queue, id, head, (uint16_t)queue, 0);
}

/* What the kernel heard of namespace 1: 1000 blocks of 512 bytes. */
static void identify(uint32_t blocks, uint8_t shift, uint16_t metadata)
{
    const struct nvme_command c = {.kind = NVME_IDENTIFY_NAMESPACE, .nsid = 1};
    uint8_t *answer = (uint8_t *)(uintptr_t)b.admin_view.device_area - 4096;

    ok(ask(b.admin, 0, &c, 4096, 4096));
    memcpy(answer, &blocks, 4);
    memcpy(answer + 128, &metadata, 2);
    answer[130] = shift;
    complete(0, 0, (uint16_t)((b.posted[0] + 1u) % ADMIN));
    ok(A->reap(CTX, b.admin));
}

static void create_io(void)
{
    struct nvme_command c = {.kind = NVME_CREATE_COMPLETION_QUEUE, .queue = 1, .entries = ENTRIES};

    ok(ask(b.admin, 0, &c, 0, 0));
    complete(0, 0, (uint16_t)((b.posted[0] + 1u) % ADMIN));
    ok(A->reap(CTX, b.admin));
    c.kind = NVME_CREATE_SUBMISSION_QUEUE;
    ok(ask(b.admin, 0, &c, 0, 0));
    complete(0, 0, (uint16_t)((b.posted[0] + 1u) % ADMIN));
    ok(A->reap(CTX, b.admin));
}

static void reading(void)
{
    running();
    identify(1000, SHIFT, 0);
    create_io();
}

static struct nvme_command read_of(uint32_t blocks)
{
    return (struct nvme_command){.kind = NVME_READ, .nsid = 1, .lba = 7, .blocks = blocks};
}

static struct device_reply read_at(uint16_t slot, uint32_t blocks, uint32_t offset)
{
    const struct nvme_command c = read_of(blocks);

    return ask(b.io, slot, &c, offset, blocks << SHIFT);
}

Test(pair, the_kernel_writes_both_addresses_and_takes_the_one_size)
{
    claim();
    memory();
    refused(write_reg(NVME_ROW_AQA, 3u * 0x10001u), DEV_E_QUEUE); /* no address yet */
    for (uint16_t row = NVME_ROW_ASQ_LOW; row <= NVME_ROW_ACQ_HIGH; row++) {
        refused(write_reg(row, 0x1000), DEV_E_REGISTER);
        refused(A->reg_write_address(CTX, b.registers, row, b.io), DEV_E_QUEUE); /* not by registers */
        ok(A->reg_write_address(CTX, b.registers, row, b.admin));
    }
    const uint64_t area = P->bus_base + dma_offset(b.admin_view.device_area);
    cr_assert_eq(reg(0x30) | (uint64_t)reg(0x34) << 32, area);
    cr_assert_eq(reg(0x28) | (uint64_t)reg(0x2c) << 32, area - 3u * 4096u);
    refused(write_reg(NVME_ROW_AQA, 0x00030007), DEV_E_QUEUE_SIZE);
    refused(write_reg(NVME_ROW_AQA, 0x00040004), DEV_E_QUEUE_SIZE);
    refused(write_reg(NVME_ROW_CC, NVME_CC_RUNNING), DEV_E_STATE); /* not before its queue */
    ok(write_reg(NVME_ROW_AQA, 0x00030003));
    refused(write_reg(NVME_ROW_CC, NVME_CC_ENABLE), DEV_E_VALUE); /* entries of other sizes */
    ok(write_reg(NVME_ROW_CC, NVME_CC_RUNNING));
    cr_assert_eq(kernel_device_state(K, BDF), DEVICE_QUEUES_PROGRAMMED);
}

Test(pair, no_doorbell_before_the_controller_is_ready_and_none_by_its_owners_hand)
{
    const struct nvme_command c = {.kind = NVME_IDENTIFY_CONTROLLER};

    claim();
    memory();
    admin_queue();
    ok(write_reg(NVME_ROW_CC, NVME_CC_RUNNING));
    ok(ask(b.admin, 0, &c, 0, 4096));
    cr_assert_eq(reg(0x1000), 0);
    ok(A->reg_read(CTX, b.registers, NVME_ROW_CSTS, 0)); /* not ready: nothing changes */
    cr_assert_eq(reg(0x1000), 0);
    set_reg(0x1c, NVME_CSTS_READY);
    ok(A->reg_read(CTX, b.registers, NVME_ROW_CSTS, 0));
    cr_assert_eq(reg(0x1000), 1); /* it was owed */
    refused(write_reg(NVME_ROW_BELL, 0), DEV_E_REGISTER);
}

Test(pair, a_controller_that_starts_is_not_reset_before_it_is_ready)
{
    claim();
    memory();
    admin_queue();
    ok(write_reg(NVME_ROW_CC, NVME_CC_RUNNING));
    refused(write_reg(NVME_ROW_CC, NVME_CC_STOPPED), DEV_E_BUSY);
    cr_assert_eq(reg(0x14), NVME_CC_RUNNING);
    set_reg(0x1c, NVME_CSTS_FATAL); /* the way out of a fatal error */
    ok(write_reg(NVME_ROW_CC, NVME_CC_STOPPED));
    ok(A->reg_read(CTX, b.registers, NVME_ROW_CSTS, 0));
    cr_assert_eq(kernel_device_state(K, BDF), DEVICE_RESET);
}

Test(pair, a_controller_that_never_became_ready_is_stopped_and_not_believed)
{
    claim();
    memory();
    admin_queue();
    ok(write_reg(NVME_ROW_CC, NVME_CC_RUNNING));
    refused(A->release(CTX, b.device), DEV_E_UNCONFIRMED);
    cr_assert_eq(reg(0x14), NVME_CC_STOPPED);
    cr_assert_eq(kernel_usage(K).quarantined_devices, 1);
}

Test(pair, a_queue_has_a_size_a_number_and_doorbells_of_its_own)
{
    struct dma_queue_view view;

    claim();
    struct device_reply r = A->pool_create(CTX, b.device, 64);
    ok(r);
    b.pool = r.cap;
    refused(A->queue_create(CTX, b.pool, b.registers, 0, 1, 0, 0, &view), DEV_E_QUEUE_SIZE);
    refused(A->queue_create(CTX, b.pool, b.registers, 0, 6, 0, 0, &view), DEV_E_QUEUE_SIZE);
    refused(A->queue_create(CTX, b.pool, b.registers, 0, 128, 0, 0, &view), DEV_E_QUEUE_SIZE);
    refused(A->queue_create(CTX, b.pool, b.registers, 0, 4, 1, 0, &view), DEV_E_VALUE);
    refused(A->queue_create(CTX, b.pool, b.registers, 1, 4, 0, 0, &view), DEV_E_VALUE);
    refused(A->queue_create(CTX, b.pool, b.registers, 0, 4, 0, 1, &view), DEV_E_VALUE);
    refused(A->queue_create(CTX, b.pool, b.registers, 2, 4, 4, 0, &view),
            DEV_E_VALUE); /* beyond its window */
    ok(A->queue_create(CTX, b.pool, b.registers, 0, 64, 0, 0, &view));
}

Test(pair, an_answer_is_the_kernels_until_it_was_taken_in)
{
    const struct nvme_command c = {.kind = NVME_IDENTIFY_CONTROLLER};
    uint8_t *answer;

    running();
    ok(ask(b.admin, 0, &c, 4096, 4096));
    answer = (uint8_t *)(uintptr_t)b.admin_view.device_area - 4096;
    cr_assert_eq(ADMIN_ENTRY(0, 24), P->bus_base + dma_offset(answer)); /* PRP1: not the driver's buffer */
    cr_assert_eq(ADMIN_ENTRY(0, 32), 0);
    refused(ask(b.admin, 2, &c, 8192, 4096), DEV_E_BUSY); /* one at a time */
    cr_assert_eq(kernel_stats(K)->early_offers, 0, "no memory was offered twice");
    memset(answer, 0x5a, 4096);
    complete(0, 0, 1);
    cr_assert_eq(b.data_cpu[4096], 0);
    ok(A->reap(CTX, b.admin));
    cr_assert_eq(b.data_cpu[4096], 0x5a);
    cr_assert_eq(b.data_cpu[8191], 0x5a);
    cr_assert_eq(b.data_cpu[8192], 0);
    cr_assert_eq(reg(0x1004), 1); /* the completion queue's head */
    ok(ask(b.admin, 0, &c, 0, 4096));
    cr_assert_eq(answer[0], 0, "an answer before is not given again");
}

Test(pair, a_read_has_the_length_that_the_namespace_says)
{
    const struct nvme_command c = read_of(2), other = {.kind = NVME_READ, .nsid = 2, .blocks = 1};

    running();
    create_io();
    refused(ask(b.io, 0, &c, 0, 1024), DEV_E_STATE); /* nobody said how large its blocks are */
    identify(1000, SHIFT, 0);
    refused(ask(b.io, 0, &other, 0, 512), DEV_E_STATE);
    refused(ask(b.io, 0, &c, 0, 512), DEV_E_RANGE);
    refused(ask(b.io, 0, &c, 0, 1536), DEV_E_RANGE);
    refused(ask(b.io, 0, &c, 0, 0), DEV_E_RANGE);
    refused(read_at(0, 2, 2), DEV_E_RANGE); /* 4.3: four bytes */
    refused(read_at(0, 520, 0), DEV_E_RANGE); /* more than a list holds */
    ok(read_at(0, 2, 0));
    identify(1000, 12, 0);
    refused(ask(b.io, 2, &c, 8192, 1024), DEV_E_RANGE);
    ok(ask(b.io, 2, &c, 8192, 8192));
    identify(1000, SHIFT, 8); /* metadata: where they go nobody could bound */
    refused(read_at(4, 1, 16384), DEV_E_STATE);
}

Test(pair, pointers_are_one_page_two_pages_and_a_list)
{
    uint64_t list;
    const uint8_t *lists;

    reading();
    const uint64_t data = P->bus_base + dma_offset(b.data_cpu);
    ok(read_at(0, 1, 4092 - 508));
    cr_assert_eq(IO_ENTRY(0, 24), data + 4092 - 508);
    cr_assert_eq(IO_ENTRY(0, 32), 0);
    ok(read_at(2, 2, 8192 + 4092));
    cr_assert_eq(IO_ENTRY(1, 24), data + 8192 + 4092);
    cr_assert_eq(IO_ENTRY(1, 32), data + 12288);
    ok(read_at(4, 511, 16384 + 4));
    lists = (const uint8_t *)b.io_view.device_area - 2u * 4096u;
    cr_assert_eq(IO_ENTRY(2, 32), P->bus_base + dma_offset(lists) + 4u * 512u);
    for (uint32_t i = 0; i < 63; i++) {
        memcpy(&list, lists + 4u * 512u + 8u * i, 8);
        cr_assert_eq(list, data + 16384 + 4096u * (i + 1u));
    }
    memcpy(&list, lists + 4u * 512u + 8u * 63u, 8);
    cr_assert_eq(list, 0, "as many as there are pages");
    cr_assert_eq(IO_ENTRY(2, 0) & 0xffffffff, 4u << 16 | 2u); /* identifier, opcode */
    cr_assert_eq(reg(0x1008), 3);
    for (uint32_t entry = 0; entry < 3; entry++)
        cr_assert_eq(IO_ENTRY(entry, 16), 0, "metadata pointer");
}

/* Each byte of a command, but those that a read may differ in: with any bit set, refused. */
Test(pair, a_command_with_anything_else_in_it_is_refused)
{
    const struct nvme_command c = read_of(1);
    uint32_t refusals = 0;

    reading();
    const struct dma_publication p = publication(0, 0, 0, 512);
    for (uint32_t at = 0; at < NVME_COMMAND_BYTES; at++) {
        const bool free = (at >= 4 && at < 8) || (at >= 40 && at < 50);

        for (uint32_t bit = 0; bit < 8 && !free; bit++) {
            nvme_encode_command(&c, 0, (struct nvme_pointers){0, 0}, b.commands_cpu);
            b.commands_cpu[at] ^= (uint8_t)(1u << bit);
            refused(A->publish(CTX, b.io, &p, 1), DEV_E_VALUE);
            refusals++;
        }
    }
    cr_assert_eq(refusals, 8u * (64 - 4 - 10));
    cr_assert_eq(reg(0x1008), 0);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 0);
}

Test(pair, only_commands_of_the_list_on_their_queue)
{
    reading();
    for (uint32_t opcode = 0; opcode < 256; opcode++) {
        const struct dma_publication p = publication(0, 0, 0, 0);

        memset(b.commands_cpu, 0, 64);
        b.commands_cpu[0] = (uint8_t)opcode; /* every field 0: of ours IDENTIFY alone has that, with data */
        if (opcode == 6)
            continue;
        refused(A->publish(CTX, b.admin, &p, 1), DEV_E_VALUE);
        if (opcode != 2)
            refused(A->publish(CTX, b.io, &p, 1), DEV_E_VALUE);
    }
    const struct nvme_command read = read_of(1), identify_it = {.kind = NVME_IDENTIFY_CONTROLLER};
    refused(ask(b.admin, 0, &read, 0, 512), DEV_E_VALUE);
    refused(ask(b.io, 0, &identify_it, 0, 4096), DEV_E_VALUE);
}

Test(pair, a_queue_is_created_once_as_it_is)
{
    struct nvme_command c = {.kind = NVME_CREATE_SUBMISSION_QUEUE, .queue = 1, .entries = ENTRIES};

    running();
    refused(ask(b.admin, 0, &c, 0, 0), DEV_E_QUEUE); /* its completion queue first */
    c.kind = NVME_CREATE_COMPLETION_QUEUE;
    c.entries = ENTRIES * 2;
    refused(ask(b.admin, 0, &c, 0, 0), DEV_E_QUEUE_SIZE);
    c.entries = ENTRIES;
    for (uint16_t queue = 0; queue < 5; queue++) {
        c.queue = queue;
        if (queue != 1)
            refused(ask(b.admin, 0, &c, 0, 0), DEV_E_QUEUE);
    }
    c.queue = 1;
    ok(ask(b.admin, 0, &c, 0, 0));
    cr_assert_eq(ADMIN_ENTRY(0, 24), P->bus_base + dma_offset(b.io_view.device_area));
    refused(ask(b.admin, 2, &c, 0, 0), DEV_E_QUEUE);
    refused(A->queue_destroy(CTX, b.io), DEV_E_BUSY); /* the device knows it */
    complete(0, 0, 1);
    ok(A->reap(CTX, b.admin));
    refused(read_at(0, 1, 0), DEV_E_QUEUE);
    c.kind = NVME_CREATE_SUBMISSION_QUEUE;
    ok(ask(b.admin, 0, &c, 0, 0));
    cr_assert_eq(ADMIN_ENTRY(1, 24), P->bus_base + dma_offset(b.io_view.device_area) - 3u * 4096u);
    complete_as(0, 0, 2, 0, 0x101);
    ok(A->reap(CTX, b.admin));
    refused(read_at(0, 1, 0), DEV_E_QUEUE); /* I13: the device refused it */
}

Test(pair, a_queue_holds_one_command_less_than_it_has_entries)
{
    running(); /* of commands without data, which take one slot each */
    const struct nvme_command c = {.kind = NVME_SET_QUEUES, .queue = 1};
    for (uint16_t i = 0; i < ADMIN - 1u; i++)
        ok(ask(b.admin, i, &c, 0, 0));
    refused(ask(b.admin, 3, &c, 0, 0), DEV_E_CHAIN);
}

Test(pair, what_was_done_leads_nowhere_any_more)
{
    static const uint8_t nothing[512];

    reading();
    const uint8_t *list = (const uint8_t *)b.io_view.device_area - 2u * 4096u + 4u * 512u;
    ok(read_at(4, 511, 16384 + 4));
    cr_assert_neq(IO_ENTRY(0, 24), 0);
    cr_assert_neq(memcmp(list + 62u * 8u, nothing, 8), 0);
    refused(A->buffer_destroy(CTX, b.data), DEV_E_BUSY);
    complete(1, 4, 1);
    ok(A->reap(CTX, b.io));
    for (uint32_t at = 0; at < 64; at += 8)
        cr_assert_eq(IO_ENTRY(0, at), 0);
    cr_assert_eq(memcmp(list, nothing, sizeof nothing), 0);
    cr_assert_eq(reg(0x100c), 1);
    ok(A->buffer_destroy(CTX, b.data));
}

Test(pair, phases_and_positions_wrap)
{
    reading();
    for (uint32_t i = 0; i < 70000; i++) {
        ok(read_at((uint16_t)(2u * (i % 4u)), 1, i % 4u * 512u));
        complete(1, (uint16_t)(2u * (i % 4u)), (uint16_t)((i + 1u) % ENTRIES));
        cr_assert_eq(A->reap(CTX, b.io).value, 1);
    }
    cr_assert_eq(reg(0x1008), 70000u % ENTRIES);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 0);
}

Test(pair, completions_that_cannot_be_break_the_queue)
{
    static const struct {
        uint16_t id, head, queue;
        enum broker_fault fault;
    } lies[] = {{64, 1, 1, BROKER_FAULT_RANGE},     {0xffff, 1, 1, BROKER_FAULT_RANGE},
                {1, 1, 1, BROKER_FAULT_NOT_HEAD},   {4, 1, 1, BROKER_FAULT_IDLE},
                {0, 1, 0, BROKER_FAULT_INDEX},      {0, 1, 2, BROKER_FAULT_INDEX},
                {0, 0, 1, BROKER_FAULT_INDEX},      {0, 3, 1, BROKER_FAULT_INDEX},
                {0, 0xffff, 1, BROKER_FAULT_INDEX}, {2, 1, 1, BROKER_FAULT_INDEX}};

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        machine();
        reading();
        ok(read_at(0, 1, 0));
        ok(read_at(2, 1, 512));
        complete_as(1, lies[i].id, lies[i].head, lies[i].queue, 0);
        refused(A->reap(CTX, b.io), DEV_E_COMPLETION);
        cr_expect_eq(kernel_stats(K)->faults[lies[i].fault], 1, "lie %zu", i);
        refused(read_at(4, 1, 1024), DEV_E_COMPLETION);
    }
}

Test(pair, a_completion_that_nobody_waits_for_breaks_the_queue)
{
    reading();
    complete(1, 0, 0);
    refused(A->reap(CTX, b.io), DEV_E_COMPLETION);
    cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_INDEX], 1);
}

Test(pair, a_second_completion_of_one_command_breaks_the_queue)
{
    reading();
    ok(read_at(0, 1, 0));
    ok(read_at(2, 1, 512));
    complete(1, 0, 2);
    complete(1, 0, 2);
    refused(A->reap(CTX, b.io), DEV_E_COMPLETION);
    cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_IDLE], 1);
}

Test(pair, a_life_with_commands_under_way_leaves_nothing)
{
    const struct nvme_command c = {.kind = NVME_IDENTIFY_CONTROLLER};

    reading();
    ok(read_at(0, 8, 4000));
    ok(ask(b.admin, 0, &c, 65536, 4096));
    refused(A->release(CTX, b.device), DEV_E_UNCONFIRMED); /* it stays ready */
    cr_assert_eq(kernel_usage(K).quarantined_devices, 1);
    machine();
    reading();
    ok(read_at(0, 8, 4000));
    ok(ask(b.admin, 0, &c, 65536, 4096));
    ok(write_reg(NVME_ROW_CC, NVME_CC_STOPPED));
    set_reg(0x1c, 0);
    ok(A->reg_read(CTX, b.registers, NVME_ROW_CSTS, 0));
    cr_assert_eq(kernel_usage(K).outstanding_publications, 0);
    cr_assert_eq(kernel_stats(K)->leftovers, 2);
    refused(read_at(0, 1, 0), DEV_E_QUEUE);
    ok(A->queue_destroy(CTX, b.io));
    ok(A->queue_destroy(CTX, b.admin));
    ok(A->release(CTX, b.device));
    as_before();
}
