/* SPDX-License-Identifier: BSD-2-Clause */
/* Register tables refused in each way, windows, and access row by row. */
#include "tests/unit/kernel/bench.h"

TestSuite(registers, .init = bench_start);

#define ROWS 8u
enum { R_STATUS, R_SELECT, R_SIZE, R_ENABLE, R_ADDRESS, R_BELL, R_PLAIN, R_CONFIG };

static struct reg_row rows[ROWS];
static struct reg_step steps[1];
static struct reg_table table;

/* A small sound table, to be broken in one place at a time. */
static void sound(void)
{
    const uint16_t owned = IN_CLAIMED_STATES;

    memset(rows, 0, sizeof rows);
    rows[R_STATUS] = (struct reg_row){.width = 1,
                                      .kind = REG_QUIESCE,
                                      .direction = REG_READ_WRITE,
                                      .offset = 20,
                                      .count = 1,
                                      .write_mask = 0x8f,
                                      .read_states = owned,
                                      .write_states = owned};
    rows[R_SELECT] = (struct reg_row){.width = 2,
                                      .direction = REG_WRITE,
                                      .offset = 22,
                                      .count = 1,
                                      .write_mask = 0xffff,
                                      .write_states = owned,
                                      .selects_queue = 1};
    rows[R_SIZE] = (struct reg_row){
        .width = 2, .direction = REG_READ, .offset = 24, .count = 1, .read_states = owned, .sizes_queue = 1};
    rows[R_ENABLE] = (struct reg_row){.width = 2,
                                      .direction = REG_WRITE,
                                      .offset = 28,
                                      .count = 1,
                                      .write_mask = 1,
                                      .write_states = owned,
                                      .enables_queue = 1};
    rows[R_ADDRESS] = (struct reg_row){.width = 4,
                                       .kind = REG_ADDRESS,
                                       .direction = REG_WRITE,
                                       .offset = 32,
                                       .count = 1,
                                       .write_states = owned,
                                       .part = RING_WHOLE,
                                       .shift = 12};
    rows[R_BELL] = (struct reg_row){.section = 1,
                                    .width = 2,
                                    .kind = REG_BELL,
                                    .direction = REG_WRITE,
                                    .count = 1,
                                    .write_mask = 0xffff,
                                    .write_states = owned};
    rows[R_PLAIN] = (struct reg_row){.width = 4,
                                     .direction = REG_READ_WRITE,
                                     .offset = 4,
                                     .count = 2,
                                     .write_mask = 0xff,
                                     .read_states = owned,
                                     .write_states = owned};
    rows[R_CONFIG] = (struct reg_row){.width = 1,
                                      .direction = REG_READ,
                                      .offset = 40,
                                      .count = 64,
                                      .read_states = owned,
                                      .moves_with_msix = 1};
    steps[0] = (struct reg_step){.row = R_STATUS,
                                 .from_states = IN_STATE(DEVICE_RESET),
                                 .mask = 8,
                                 .bits = 8,
                                 .to = DEVICE_FEATURES_OK};
    table = (struct reg_table){.name = "toy",
                               .rows = rows,
                               .steps = steps,
                               .row_count = ROWS,
                               .step_count = 1,
                               .section_count = 2,
                               .quiesce_row = R_STATUS,
                               .quiesce_polls_max = 10,
                               .ring_align = 4096};
}

static cap_id claim(uint16_t bdf)
{
    struct device_reply r = A->claim(CTX, bdf);

    ok(r);
    return r.cap;
}

static struct device_reply open_with(cap_id device, const struct reg_window *windows)
{
    return A->open_registers(CTX, device, &table, windows);
}

static const struct reg_window good[2] = {
    {.bar = 0, .offset = 0, .length = 0x200},
    {.bar = 0, .offset = 0x1000, .length = 0x100, .bell_multiplier = 4}};

#define BROKEN(change)                                                                                       \
    do {                                                                                                     \
        sound();                                                                                             \
        change;                                                                                              \
        struct device_reply r_ = open_with(device, good);                                                    \
        cr_expect(r_.error == DEV_E_TABLE, "accepted: %s (%s)", #change, device_error_name(r_.error));       \
    } while (0)

Test(registers, a_table_whose_queues_or_reset_are_of_no_kind_is_refused)
{
    cap_id device = claim(FAKE_MODERN_BDF);

    BROKEN(table.ring_format = RING_PAIR); /* of which this has neither the rows nor the way to stop */
    BROKEN(table.ring_format = RING_PAIR + 1);
    BROKEN(table.reserved[2] = 1);
    BROKEN((table.quiesce_mask = 1, table.quiesce_until = 2));
    BROKEN(table.running_mask = 1);
    BROKEN(table.settled_mask = 1);
    BROKEN((table.running_mask = 1, table.settled_mask = 1)); /* nothing says when it is settled */
}

Test(registers, a_table_broken_in_any_one_place_is_refused)
{
    cap_id device = claim(FAKE_MODERN_BDF);

    BROKEN(table.row_count = REG_ROWS_MAX + 1);
    BROKEN(table.step_count = REG_STEPS_MAX + 1);
    BROKEN(table.section_count = REG_SECTIONS_MAX + 1);
    BROKEN(table.section_count = 0);
    BROKEN(table.rows = NULL);
    BROKEN(table.steps = NULL);
    BROKEN(table.ports = 2);
    BROKEN(table.queue_programs = 2);
    BROKEN(table.quiesce_row = R_PLAIN);
    BROKEN(table.quiesce_row = 200);
    BROKEN(table.quiesce_write = 0x100);
    BROKEN(table.quiesce_until = 0x100);
    BROKEN(table.quiesce_polls_max = 0);
    BROKEN(table.quiesce_polls_max = REG_QUIESCE_POLLS_MAX + 1);
    BROKEN(table.ring_align = 64);
    BROKEN(table.queue_programs = 1);
    BROKEN(rows[R_PLAIN].section = 2);
    BROKEN(rows[R_PLAIN].kind = REG_CONFIRM);
    BROKEN(rows[R_PLAIN].kind = REG_CONFIRM + 1);
    BROKEN(rows[R_PLAIN].width = 3);
    BROKEN(rows[R_PLAIN].width = 8);
    BROKEN(rows[R_PLAIN].direction = 0);
    BROKEN(rows[R_PLAIN].direction = 4);
    BROKEN(rows[R_PLAIN].offset = 6);
    BROKEN(rows[R_PLAIN].count = 0);
    BROKEN(rows[R_PLAIN].count = 0x4000);
    BROKEN(rows[R_STATUS].write_mask = 0x100);
    BROKEN(rows[R_PLAIN].read_states |= IN_STATE(DEVICE_DISCOVERED));
    BROKEN(rows[R_PLAIN].write_states |= 0x8000);
    BROKEN(rows[R_CONFIG].moves_with_msix = 2);
    BROKEN(rows[R_CONFIG].with_msix_only = 2);
    BROKEN(rows[R_STATUS].with_msix_only = 1);
    BROKEN(rows[R_SELECT].selects_queue = 2);
    BROKEN(rows[R_ENABLE].enables_queue = 2);
    BROKEN(rows[R_SIZE].sizes_queue = 2);
    BROKEN(rows[R_SIZE].direction = REG_READ_WRITE);
    BROKEN(rows[R_SIZE].sizes_queue = 0);
    BROKEN(rows[R_SELECT].count = 2);
    BROKEN(rows[R_SELECT].selects_queue = 0);
    BROKEN(rows[R_ENABLE].enables_queue = 0);
    BROKEN(rows[R_BELL].kind = REG_PLAIN);
    BROKEN(rows[R_BELL].width = 1);
    BROKEN(rows[R_BELL].direction = REG_READ_WRITE);
    BROKEN(rows[R_BELL].selects_queue = 1);
    BROKEN(rows[R_PLAIN] = rows[R_BELL]);
    BROKEN(rows[R_ADDRESS].width = 2);
    BROKEN(rows[R_ADDRESS].direction = REG_READ_WRITE);
    BROKEN(rows[R_ADDRESS].write_mask = 1);
    BROKEN(rows[R_ADDRESS].part = RING_DEVICE_AREA + 1);
    BROKEN(rows[R_ADDRESS].half = 2);
    BROKEN(rows[R_ADDRESS].shift = 13);
    BROKEN(rows[R_ADDRESS].part = RING_DEVICE_AREA);
    BROKEN(rows[R_ADDRESS].kind = REG_PLAIN);
    BROKEN(rows[R_PLAIN] = rows[R_STATUS]);
    BROKEN(rows[R_STATUS].direction = REG_WRITE);
    BROKEN(steps[0].row = ROWS);
    BROKEN(steps[0].to = DEVICE_STATE_COUNT);
    BROKEN(steps[0].to = DEVICE_RESET);
    BROKEN(steps[0].from_states = 0);
    BROKEN(steps[0].from_states = IN_STATE(DEVICE_CLAIMED));
    BROKEN(steps[0].from_states = IN_STATE(DEVICE_RESETTING));
    BROKEN(steps[0].bits = 0x10);
    sound();
    refused(A->open_registers(CTX, device, NULL, good), DEV_E_TABLE);
    cr_assert_eq(kernel_usage(K).registers, 0);
    ok(open_with(device, good));
}

Test(registers, the_provider_tables_are_sound)
{
    struct nic n;

    nic_claim(&n, FAKE_MODERN_BDF);
    nic_open(&n);
    nic_claim(&n, FAKE_LEGACY_BDF);
    nic_open(&n);
}

Test(registers, windows_outside_their_bar_of_the_wrong_kind_or_over_msix_are_refused)
{
    static const struct {
        const char *what;
        struct reg_window w;
    } bad[] = {
        {"no such BAR", {.bar = 6, .length = 0x100}},
        {"absent BAR", {.bar = 3, .length = 0x100}},
        {"upper half of a 64-bit BAR", {.bar = 1, .length = 0x100}},
        {"one byte too long", {.bar = 0, .offset = 0x3f00, .length = 0x101}},
        {"offset + length wraps 32 bits", {.bar = 0, .offset = 0xffffff00, .length = 0x200}},
        {"offset at the end", {.bar = 0, .offset = 0x4000, .length = 1}},
        {"4 GiB", {.bar = 0, .length = 0xffffffff}},
        {"the MSI-X table", {.bar = 2, .offset = 0, .length = 0x20}},
        {"the table's page", {.bar = 2, .offset = 0x400, .length = 0x20}},
        {"the PBA's page", {.bar = 2, .offset = 0xf00, .length = 0x20}},
        {"too short for the quiesce row", {.bar = 0, .offset = 0, .length = 20}},
        {"absent, so that nobody could stop it", {.bar = 0, .offset = 0, .length = 0}},
        {"over the other window", {.bar = 0, .offset = 0x1080, .length = 0x100}},
    };
    cap_id device = claim(FAKE_MODERN_BDF);

    for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reg_window w[2] = {bad[i].w, good[1]};

        sound();
        struct device_reply r = open_with(device, w);
        cr_expect_eq(r.error, DEV_E_WINDOW, "%s: %s", bad[i].what, device_error_name(r.error));
    }
    refused(open_with(device, NULL), DEV_E_WINDOW);
    sound();
    table.ports = 1;
    refused(open_with(device, good), DEV_E_WINDOW);
    cr_assert_eq(kernel_usage(K).registers, 0);
}

Test(registers, t7_an_msix_table_in_the_registers_bar_shuts_off_its_pages_only)
{
    fake_init(P);
    fake_standard(P);
    fake_msix(fake_at(P, FAKE_MODERN_BDF), 0x40, 4, 0, 0x3000, 0x1800);
    bench_start_prepared();
    cap_id device = claim(FAKE_MODERN_BDF);
    struct reg_window w[2] = {good[0], {.bar = 0, .offset = 0x1000, .length = 0x100}};

    sound();
    refused(open_with(device, w), DEV_E_WINDOW); /* the PBA's page */
    w[1].offset = 0x3ff0;
    w[1].length = 0x10;
    refused(open_with(device, w), DEV_E_WINDOW); /* the table's page */
    w[1].offset = 0x2000;
    w[1].length = 0x1000;
    ok(open_with(device, w));
}

Test(registers, the_same_window_twice_is_one_window)
{
    cap_id device = claim(FAKE_MODERN_BDF);
    const struct reg_window same[2] = {good[0], good[0]};

    sound();
    ok(open_with(device, same));
    refused(open_with(device, same), DEV_E_STATE); /* one driven table a device: one reset ends it */
}

Test(registers, an_empty_table_opens_nothing)
{
    static const struct reg_table empty = {.name = "msix only"};
    cap_id device = claim(FAKE_LEGACY_BDF);
    struct device_reply r = A->open_registers(CTX, device, &empty, NULL);

    ok(r);
    refused(A->reg_read(CTX, r.cap, 0, 0), DEV_E_REGISTER);
    refused(A->reg_write(CTX, r.cap, 0, 0, 0), DEV_E_REGISTER);
    ok(A->release(CTX, r.cap));
    ok(A->release(CTX, device));
    as_before();
}

Test(registers, reads_and_writes_are_checked_field_by_field)
{
    cap_id device = claim(FAKE_MODERN_BDF);

    sound();
    rows[R_PLAIN].read_states = IN_STATE(DEVICE_RESET);
    struct device_reply r = open_with(device, good);
    ok(r);
    refused(A->reg_read(CTX, r.cap, ROWS, 0), DEV_E_REGISTER);
    refused(A->reg_read(CTX, r.cap, R_SELECT, 0), DEV_E_REGISTER);
    refused(A->reg_read(CTX, r.cap, R_ADDRESS, 0), DEV_E_REGISTER);
    refused(A->reg_read(CTX, r.cap, R_BELL, 0), DEV_E_REGISTER);
    refused(A->reg_read(CTX, r.cap, R_PLAIN, 0), DEV_E_STATE);
    refused(A->reg_read(CTX, r.cap, R_CONFIG, 64), DEV_E_VALUE);
    refused(A->reg_write(CTX, r.cap, ROWS, 0, 0), DEV_E_REGISTER);
    refused(A->reg_write(CTX, r.cap, R_CONFIG, 0, 0), DEV_E_REGISTER);
    refused(A->reg_write(CTX, r.cap, R_ADDRESS, 0, 0), DEV_E_REGISTER);
    refused(A->reg_write(CTX, r.cap, R_PLAIN, 2, 0), DEV_E_VALUE);
    refused(A->reg_write(CTX, r.cap, R_PLAIN, 0, 0x100), DEV_E_VALUE);
    refused(A->reg_write(CTX, r.cap, R_STATUS, 0, 0x40), DEV_E_VALUE);
    refused(A->reg_write(CTX, r.cap, R_ENABLE, 0, 0), DEV_E_VALUE);
    refused(A->reg_write(CTX, r.cap, R_ENABLE, 0, 1), DEV_E_QUEUE);
    refused(A->reg_write(CTX, r.cap, R_BELL, 0, 0), DEV_E_QUEUE);
    refused(A->reg_write(CTX, r.cap, R_BELL, 0, 0xffff), DEV_E_QUEUE);
    cr_assert_eq(fake_count(P, 0, FAKE_REG_WRITE), 0);
    cr_assert_eq(kernel_stats(K)->register_writes, 0);
    ok(A->reg_write(CTX, r.cap, R_PLAIN, 1, 0x7f));
    cr_assert_eq(fake_at(P, FAKE_MODERN_BDF)->regs[0][8], 0x7f);
    cr_assert_eq(kernel_stats(K)->register_writes, 1);
    excepted(A->reg_read(CTX, device, 0, 0), CAP_EX_INTERFACE);
    excepted(A->reg_write(CTX, CAP_NONE, 0, 0, 0), CAP_EX_INVALID);
}

Test(registers, a_row_beyond_its_window_is_refused_at_the_access)
{
    cap_id device = claim(FAKE_MODERN_BDF);
    const struct reg_window small[2] = {{.bar = 0, .offset = 0, .length = 44}, good[1]};

    sound();
    struct device_reply r = open_with(device, small);
    ok(r);
    ok(A->reg_read(CTX, r.cap, R_CONFIG, 3));
    refused(A->reg_read(CTX, r.cap, R_CONFIG, 4), DEV_E_REGISTER);
    sound();
    const struct reg_window no_bell[2] = {good[0], {.bar = 0}};
    ok(A->release(CTX, r.cap));
    r = open_with(device, no_bell);
    ok(r);
    refused(A->reg_write(CTX, r.cap, R_BELL, 0, 0), DEV_E_REGISTER);
}

Test(registers, while_a_reset_runs_nothing_else_is_written)
{
    cap_id device = claim(FAKE_MODERN_BDF);

    fake_at(P, FAKE_MODERN_BDF)->reset_reads = 2;
    sound();
    struct device_reply r = open_with(device, good);
    ok(r);
    ok(A->reg_write(CTX, r.cap, R_STATUS, 0, 0));
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_RESETTING);
    refused(A->reg_write(CTX, r.cap, R_PLAIN, 0, 1), DEV_E_STATE);
    refused(A->reg_write(CTX, r.cap, R_STATUS, 0, 8), DEV_E_STATE);
    refused(A->enable_dma(CTX, device), DEV_E_STATE);
    refused(A->pool_create(CTX, device, 4), DEV_E_STATE);
    ok(A->reg_write(CTX, r.cap, R_STATUS, 0, 0)); /* idempotent */
    ok(A->reg_read(CTX, r.cap, R_STATUS, 0));
    ok(A->reg_read(CTX, r.cap, R_STATUS, 0));
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_RESETTING);
    ok(A->reg_read(CTX, r.cap, R_STATUS, 0));
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_RESET);
    ok(A->reg_write(CTX, r.cap, R_STATUS, 0, 8));
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_FEATURES_OK);
}

Test(registers, a_status_that_reads_zero_unasked_is_no_confirmed_reset)
{
    struct nic n;

    nic_up(&n, FAKE_MODERN_BDF);
    fake_at(P, FAKE_MODERN_BDF)->regs[0][20] = 0;
    ok(read_status(&n));
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_DRIVER_OK);
}

Test(registers, the_legacy_configuration_moves_with_msix_at_each_access)
{
    struct nic n;
    struct fake_function *f = fake_at(P, FAKE_LEGACY_BDF);

    nic_claim(&n, FAKE_LEGACY_BDF);
    nic_open(&n);
    f->regs[0][20] = 0x11;
    f->regs[0][24] = 0x22;
    cr_assert_eq(A->reg_read(CTX, n.registers, LEGACY_CONFIG, 0).value, 0x11);
    struct device_reply r = A->interrupt_create(CTX, n.device, 0);
    ok(r);
    cr_assert_eq(A->reg_read(CTX, n.registers, LEGACY_CONFIG, 0).value, 0x11);
    ok(A->interrupt_mask(CTX, r.cap, false));
    cr_assert_eq(A->reg_read(CTX, n.registers, LEGACY_CONFIG, 0).value, 0x22);
    ok(A->interrupt_mask(CTX, r.cap, true));
    cr_assert_eq(A->reg_read(CTX, n.registers, LEGACY_CONFIG, 0).value, 0x22);
    ok(A->release(CTX, r.cap));
    cr_assert_eq(A->reg_read(CTX, n.registers, LEGACY_CONFIG, 0).value, 0x11);
}

Test(registers, an_address_row_takes_only_the_selected_queue_of_this_device_once)
{
    struct nic n, other;

    nic_claim(&n, FAKE_MODERN_BDF);
    nic_open(&n);
    nic_reset(&n);
    nic_memory(&n);
    refused(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, n.queue[0]), DEV_E_STATE);
    ok(write_status(&n, 11));
    refused(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, n.queue[0]), DEV_E_QUEUE);
    ok(select_queue(&n, 1));
    refused(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, n.queue[0]), DEV_E_QUEUE);
    refused(A->reg_write_address(CTX, n.registers, MODERN_STATUS, n.queue[1]), DEV_E_REGISTER);
    refused(A->reg_write_address(CTX, n.registers, MODERN_ROWS, n.queue[1]), DEV_E_REGISTER);
    excepted(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, n.rx), CAP_EX_INTERFACE);
    excepted(A->reg_write_address(CTX, n.device, MODERN_QUEUE_DESC_LOW, n.queue[1]), CAP_EX_INTERFACE);
    nic_claim(&other, FAKE_BEHIND_BDF);
    nic_open(&other);
    nic_reset(&other);
    nic_memory(&other);
    refused(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, other.queue[1]), DEV_E_FOREIGN);
    for (uint16_t row = MODERN_QUEUE_DESC_LOW; row < MODERN_QUEUE_DEVICE_HIGH; row++)
        ok(A->reg_write_address(CTX, n.registers, row, n.queue[1]));
    refused(A->reg_write(CTX, n.registers, MODERN_QUEUE_ENABLE, 0, 1), DEV_E_QUEUE); /* one half is missing */
    ok(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DEVICE_HIGH, n.queue[1]));
    ok(A->reg_write(CTX, n.registers, MODERN_QUEUE_ENABLE, 0, 1));
    refused(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, n.queue[1]), DEV_E_QUEUE);
}

Test(registers, the_words_written_are_the_rings_device_addresses)
{
    struct nic n;
    const struct fake_function *f = fake_at(P, FAKE_MODERN_BDF);
    uint64_t written[3], ring = 0;

    nic_up(&n, FAKE_MODERN_BDF);
    memcpy(written, &f->regs[0][32], sizeof written);
    ring = P->bus_base + dma_ring(&n, 1);
    cr_assert_eq(written[0], ring);
    cr_assert_eq(written[1], ring + 8 * 16);
    cr_assert_eq(written[2], P->bus_base + dma_offset(n.view[1].device_area));
}

Test(registers, a_ring_of_another_size_than_the_devices_is_not_enabled)
{
    struct nic n;

    fake_at(P, FAKE_MODERN_BDF)->queue_size[0] = 256;
    nic_claim(&n, FAKE_MODERN_BDF);
    nic_open(&n);
    nic_reset(&n);
    nic_memory(&n);
    ok(write_status(&n, 11));
    ok(select_queue(&n, 0));
    for (uint16_t row = MODERN_QUEUE_DESC_LOW; row <= MODERN_QUEUE_DEVICE_HIGH; row++)
        ok(A->reg_write_address(CTX, n.registers, row, n.queue[0]));
    refused(A->reg_write(CTX, n.registers, MODERN_QUEUE_ENABLE, 0, 1), DEV_E_QUEUE_SIZE);

    fake_at(P, FAKE_LEGACY_BDF)->queue_size[0] = 16;
    nic_claim(&n, FAKE_LEGACY_BDF);
    nic_open(&n);
    nic_reset(&n);
    nic_memory(&n);
    ok(A->reg_write(CTX, n.registers, LEGACY_GUEST_FEATURES, 0, 0));
    ok(select_queue(&n, 0));
    refused(A->reg_write_address(CTX, n.registers, LEGACY_QUEUE_PFN, n.queue[0]), DEV_E_QUEUE_SIZE);
    ok(A->queue_destroy(CTX, n.queue[0]));
}

Test(registers, a_ring_that_does_not_fit_a_32_bit_page_number_is_refused)
{
    struct nic n;

    fake_init(P);
    fake_standard(P);
    P->bus_base = 1ull << 45;
    bench_start_prepared();
    nic_claim(&n, FAKE_LEGACY_BDF);
    nic_open(&n);
    nic_reset(&n);
    nic_memory(&n);
    ok(A->reg_write(CTX, n.registers, LEGACY_GUEST_FEATURES, 0, 0));
    ok(select_queue(&n, 0));
    refused(A->reg_write_address(CTX, n.registers, LEGACY_QUEUE_PFN, n.queue[0]), DEV_E_VALUE);
}

Test(registers, info_is_the_scan_record)
{
    struct nic n;
    struct pci_function_info info;

    nic_claim(&n, FAKE_MODERN_BDF);
    ok(A->info(CTX, n.device, &info));
    cr_assert_eq(info.bdf, FAKE_MODERN_BDF);
    cr_assert_eq(info.msix.vectors, 4);
    excepted(A->info(CTX, CAP_NONE, &info), CAP_EX_INVALID);
}

Test(registers, every_error_state_and_fault_has_its_own_name)
{
    for (unsigned i = 0; i < DEV_E_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            cr_assert_str_neq(device_error_name(i), device_error_name(j));
    for (unsigned i = 0; i < DEVICE_STATE_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            cr_assert_str_neq(device_state_name(i), device_state_name(j));
    for (unsigned i = 0; i < BROKER_FAULT_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            cr_assert_str_neq(broker_fault_name(i), broker_fault_name(j));
    cr_assert_str_eq(device_error_name((enum device_error)DEV_E_COUNT), "unknown");
    cr_assert_str_eq(device_state_name(DEVICE_STATE_COUNT), "unknown");
    cr_assert_str_eq(broker_fault_name(BROKER_FAULT_COUNT), "unknown");
}
