/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends: release, exit and kill in each state, confirmed and not; quarantine and its privileged end. */
#include "tests/unit/kernel/bench.h"

TestSuite(teardown, .init = bench_start);

enum stage { CLAIMED, OPENED, WAS_RESET, WITH_MEMORY, ENABLED, RUNNING, IN_FLIGHT, ROUTED, STAGES };

static void reach(struct nic *n, uint16_t bdf, enum stage stage)
{
    nic_claim(n, bdf);
    if (stage >= OPENED)
        nic_open(n);
    if (stage >= WAS_RESET)
        nic_reset(n);
    if (stage >= WITH_MEMORY)
        nic_memory(n);
    if (stage >= ENABLED)
        nic_enable(n);
    if (stage >= RUNNING)
        nic_run(n);
    if (stage >= IN_FLIGHT) {
        for (uint16_t i = 0; i < 4; i++)
            ok(publish_rx(n, i, i * 2048u, 2048));
    }
    if (stage >= ROUTED) {
        struct device_reply r = A->interrupt_create(CTX, n->device, 1);

        ok(r);
        ok(A->interrupt_mask(CTX, r.cap, false));
    }
}

/* T5: bus mastering off, INTx off, MSI-X disabled and its entries masked. */
static void silent(uint16_t bdf)
{
    const struct fake_function *f = fake_at(P, bdf);
    uint32_t msix = f->config[0x34];

    cr_assert_not(fake_master(f));
    cr_assert_eq(f->config[5] & 4, 4);
    cr_assert_eq(f->config[msix + 3] & 0x80, 0);
}

Test(teardown, p16_release_exit_and_kill_at_each_stage_leave_exactly_the_start)
{
    static const uint16_t bdfs[] = {FAKE_MODERN_BDF, FAKE_LEGACY_BDF, FAKE_BEHIND_BDF};

    for (uint32_t b = 0; b < 3; b++) {
        for (uint32_t stage = 0; stage < STAGES; stage++) {
            for (uint32_t way = 0; way < 3; way++) {
                struct nic n;

                bench_start();
                fake_at(P, bdfs[b])->reset_reads = 3;
                reach(&n, bdfs[b], (enum stage)stage);
                uint32_t resets = fake_at(P, bdfs[b])->resets;
                if (way == 0)
                    ok(A->release(CTX, n.device));
                else if (way == 1)
                    owner_exit(K, bench.owner);
                else
                    owner_kill(K, bench.owner);
                struct kernel_usage now = kernel_usage(K);
                now.owners = 1;
                cr_assert_eq(memcmp(&now, &bench.before, sizeof now), 0, "stage %u way %u", stage, way);
                cr_assert_eq(P->mapped_pages, 0);
                cr_assert_eq(P->bad_maps, 0);
                silent(bdfs[b]);
                cr_assert_eq(kernel_device_state(K, bdfs[b]), DEVICE_DISCOVERED);
                /* A bind that only looked writes no register, not even a reset. */
                cr_assert_eq(fake_at(P, bdfs[b])->resets - resets, stage >= WITH_MEMORY + 1 ? 1 : 0);
                excepted(A->info(CTX, n.device, NULL), CAP_EX_STALE);
            }
        }
    }
}

Test(teardown, t3_the_order_is_reset_then_bus_mastering_off_then_unmap)
{
    struct nic n;

    reach(&n, FAKE_MODERN_BDF, ROUTED);
    uint32_t from = P->events;
    ok(A->release(CTX, n.device));
    uint32_t reset = fake_find(P, from, FAKE_RESET_WRITE), off = fake_find(P, from, FAKE_MASTER_OFF);
    uint32_t unmap = fake_find(P, from, FAKE_UNMAP);
    cr_assert_lt(reset, off);
    cr_assert_lt(off, unmap);
    cr_assert_lt(unmap, FAKE_LOG);
}

Test(teardown, a_reset_confirmed_at_the_last_poll_counts_and_one_later_does_not)
{
    for (uint32_t late = 0; late < 2; late++) {
        struct nic n;

        bench_start();
        reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
        fake_at(P, FAKE_MODERN_BDF)->reset_reads = (int32_t)(VIRTIO_QUIESCE_POLLS_MAX - 1u + late);
        struct device_reply r = A->release(CTX, n.device);
        if (late == 0)
            ok(r);
        else
            refused(r, DEV_E_UNCONFIRMED);
        cr_assert_eq(kernel_stats(K)->resets_unconfirmed, late);
        cr_assert_eq(kernel_stats(K)->leftovers, 4);
    }
}

Test(teardown, t4_quarantine_keeps_pages_mapped_charged_and_the_device_unclaimable_until_released)
{
    struct nic n;
    struct kernel_usage u;

    reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
    u = kernel_usage(K);
    const uint32_t held = u.pages_granted + u.pages_active;
    memset(n.rx_cpu, 0x77, 4096);
    refused(A->release(CTX, n.device), DEV_E_UNCONFIRMED);
    u = kernel_usage(K);
    cr_assert_eq(u.pages_quarantined, held);
    cr_assert_eq(u.pages_granted + u.pages_active, 0);
    cr_assert_eq(u.quarantined_devices, 1);
    cr_assert_eq(u.claimed_devices, 0);
    cr_assert_eq(u.budget_used[BUDGET_POOL_PAGES], held);
    cr_assert_eq(u.budget_used[BUDGET_BUFFERS], 0);
    cr_assert_eq(P->mapped_pages, held);
    cr_assert_eq(n.rx_cpu[0], 0x77);
    silent(FAKE_MODERN_BDF);
    refused(A->claim(CTX, FAKE_MODERN_BDF), DEV_E_QUARANTINED);
    excepted(A->reg_read(CTX, n.registers, 0, 0), CAP_EX_STALE);

    refused(device_release_quarantine(K, FAKE_LEGACY_BDF), DEV_E_STATE);
    refused(device_release_quarantine(K, 0x7777), DEV_E_NO_FUNCTION);
    struct device_reply r = device_release_quarantine(K, FAKE_MODERN_BDF);
    ok(r);
    cr_assert_eq(r.value, held);
    cr_assert_eq(n.rx_cpu[0], 0);
    cr_assert_eq(P->mapped_pages, 0);
    as_before();
    refused(device_release_quarantine(K, FAKE_MODERN_BDF), DEV_E_STATE);
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = 0;
    reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
    ok(A->release(CTX, n.device));
    as_before();
}

Test(teardown, t4_a_release_from_quarantine_first_proves_bus_mastering_off)
{
    struct nic n;

    reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
    fake_at(P, FAKE_MODERN_BDF)->master_stuck = true;
    refused(A->release(CTX, n.device), DEV_E_UNCONFIRMED); /* reset, but still a bus master */
    cr_assert_gt(kernel_usage(K).pages_quarantined, 0);
    refused(device_release_quarantine(K, FAKE_MODERN_BDF), DEV_E_UNCONFIRMED);
    cr_assert_gt(kernel_usage(K).pages_quarantined, 0);
    fake_at(P, FAKE_MODERN_BDF)->master_stuck = false;
    ok(device_release_quarantine(K, FAKE_MODERN_BDF));
    cr_assert_gt(kernel_stats(K)->resets_confirmed, 1);
    as_before();
}

Test(teardown, quarantine_outlives_the_owner_and_refunds_nobody_else)
{
    const struct budget_limits limits = budget_limits_generous();
    struct nic n;

    reach(&n, FAKE_LEGACY_BDF, IN_FLIGHT);
    fake_at(P, FAKE_LEGACY_BDF)->reset_reads = -1;
    owner_kill(K, bench.owner);
    cr_assert_gt(kernel_usage(K).pages_quarantined, 0);
    bench.owner = owner_create(K, &limits);
    cr_assert_eq(bench.owner->budget.used[BUDGET_POOL_PAGES], 0);
    ok(device_release_quarantine(K, FAKE_LEGACY_BDF));
    as_before();
}

Test(teardown, a_full_audit_log_holds_the_release_from_quarantine_back)
{
    struct nic n;
    struct audit_record out[64];
    const struct audit_event filler = {{1, 1}, 0, 0, AUDIT_GRANT, CAP_IF_DEVICE, 0};

    reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
    while (audit_has_room(&K->core.audit, 1))
        (void)audit_note(&K->core.audit, &filler);
    refused(A->release(CTX, n.device), DEV_E_UNCONFIRMED); /* an end always has its room */
    excepted(device_release_quarantine(K, FAKE_MODERN_BDF), CAP_EX_AUDIT_FULL);
    cr_assert_gt(kernel_usage(K).pages_quarantined, 0);
    (void)kernel_audit_drain(K, out, 64);
    ok(device_release_quarantine(K, FAKE_MODERN_BDF));
}

Test(teardown, t12_the_quarantine_cap_stops_claims_and_pools)
{
    struct nic n, other;

    nic_claim(&other, FAKE_BEHIND_BDF);
    reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
    kernel_set_quarantine_cap(K, 18);
    refused(A->release(CTX, n.device), DEV_E_UNCONFIRMED);
    cr_assert_geq(kernel_usage(K).pages_quarantined, 18);
    refused(A->claim(CTX, FAKE_LEGACY_BDF), DEV_E_LIMIT);
    refused(A->pool_create(CTX, other.device, 1), DEV_E_LIMIT);
    ok(device_release_quarantine(K, FAKE_MODERN_BDF));
    ok(A->pool_create(CTX, other.device, 1));
}

Test(teardown, t12_a_crash_loop_cannot_eat_memory)
{
    const struct budget_limits limits = budget_limits_generous();
    struct kernel_usage first = {0};

    for (uint32_t round = 0; round < 100; round++) {
        struct owner *o = owner_create(K, &limits);
        struct kernel_binding b;
        struct device_authority a = kernel_authority(&b, K, o);
        struct device_reply r = a.ops->claim(a.ctx, FAKE_MODERN_BDF);

        if (round == 0) {
            fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
            cap_id device = r.cap;
            ok(r);
            r = a.ops->open_registers(a.ctx, device, &virtio_net_modern_table, modern_windows);
            ok(a.ops->reg_write(a.ctx, r.cap, MODERN_DEVICE_FEATURE_SELECT, 0, 0));
            r = a.ops->pool_create(a.ctx, device, 8);
            ok(r);
            ok(a.ops->buffer_create(a.ctx, r.cap, 4096, DMA_TO_DEVICE));
        } else {
            refused(r, DEV_E_QUARANTINED);
        }
        owner_kill(K, o);
        if (round == 0)
            first = kernel_usage(K);
    }
    struct kernel_usage last = kernel_usage(K);
    cr_assert_eq(memcmp(&first, &last, sizeof first), 0);
    cr_assert_eq(last.pages_quarantined, 1);
}

Test(teardown, releasing_parts_stops_the_device_when_it_knows_them)
{
    struct nic n;

    reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
    refused(A->release(CTX, n.rx), DEV_E_BUSY);
    refused(A->release(CTX, n.queue[0]), DEV_E_BUSY);
    ok(A->release(CTX, n.pool));
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_RESET);
    excepted(A->release(CTX, n.rx), CAP_EX_STALE);
    excepted(A->reap(CTX, n.queue[0]), CAP_EX_STALE);
    ok(A->release(CTX, n.registers));
    ok(A->release(CTX, n.device));
    as_before();
    reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
    ok(A->release(CTX, n.registers));
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_RESET);
    ok(A->release(CTX, n.queue[0]));
    ok(A->release(CTX, n.rx));
    ok(A->release(CTX, n.pool));
    ok(A->release(CTX, n.device));
    as_before();
}

Test(teardown, releasing_parts_of_a_device_that_will_not_stop_takes_the_whole_device)
{
    for (uint32_t part = 0; part < 2; part++) {
        struct nic n;

        bench_start();
        reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
        fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
        refused(A->release(CTX, part == 0 ? n.pool : n.registers), DEV_E_UNCONFIRMED);
        excepted(A->release(CTX, n.device), CAP_EX_STALE);
        cr_assert_eq(kernel_usage(K).quarantined_devices, 1);
        cr_assert_eq(kernel_usage(K).live_objects, 0);
        ok(device_release_quarantine(K, FAKE_MODERN_BDF));
        as_before();
    }
}

Test(teardown, parts_that_the_device_does_not_know_go_without_a_reset)
{
    struct nic n;

    reach(&n, FAKE_MODERN_BDF, WITH_MEMORY);
    uint32_t resets = fake_at(P, FAKE_MODERN_BDF)->resets;
    ok(A->queue_destroy(CTX, n.queue[0]));
    ok(A->buffer_destroy(CTX, n.rx));
    ok(A->release(CTX, n.queue[1]));
    ok(A->release(CTX, n.pool));
    ok(A->release(CTX, n.registers));
    cr_assert_eq(fake_at(P, FAKE_MODERN_BDF)->resets, resets);
    excepted(A->queue_destroy(CTX, n.queue[0]), CAP_EX_STALE);
    excepted(A->buffer_destroy(CTX, n.rx), CAP_EX_STALE);
    excepted(A->buffer_map(CTX, n.rx), CAP_EX_STALE);
    ok(A->release(CTX, n.device));
    as_before();
}

Test(teardown, a_buffer_whose_publication_completed_meanwhile_can_be_destroyed)
{
    struct nic n;

    reach(&n, FAKE_MODERN_BDF, RUNNING);
    ok(publish_rx(&n, 0, 0, 2048));
    refused(A->buffer_destroy(CTX, n.rx), DEV_E_BUSY);
    device_uses(&n, 0, 0, 60);
    ok(A->buffer_destroy(CTX, n.rx));
}

Test(teardown, after_a_drivers_own_reset_queues_are_over_and_a_new_life_can_start)
{
    struct nic n;

    reach(&n, FAKE_MODERN_BDF, IN_FLIGHT);
    nic_reset(&n);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 0);
    ok(write_status(&n, 11));
    ok(select_queue(&n, 0));
    refused(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, n.queue[0]), DEV_E_QUEUE);
    nic_reset(&n);
    for (uint32_t q = 0; q < 2; q++)
        ok(A->queue_destroy(CTX, n.queue[q]));
    ok(A->buffer_destroy(CTX, n.rx));
    ok(A->buffer_destroy(CTX, n.tx));
    ok(A->release(CTX, n.pool));
    nic_memory(&n);
    nic_enable(&n);
    nic_run(&n);
    ok(publish_rx(&n, 0, 0, 2048));
    ok(A->release(CTX, n.device));
    as_before();
}

Test(teardown, a_lent_device_ends_with_its_creator_and_gives_the_borrowers_budget_back)
{
    const struct budget_limits limits = budget_limits_generous();
    struct owner *borrower = owner_create(K, &limits);
    struct kernel_binding b;
    struct device_authority theirs = kernel_authority(&b, K, borrower);
    struct nic n;

    reach(&n, FAKE_MODERN_BDF, WAS_RESET);
    struct device_reply r = owner_cap_copy(K, bench.owner, n.device, borrower);
    ok(r);
    cap_id lent = r.cap;
    r = theirs.ops->pool_create(theirs.ctx, lent, 4);
    ok(r);
    ok(theirs.ops->buffer_create(theirs.ctx, r.cap, 4096, DMA_TO_DEVICE));
    cr_assert_eq(borrower->budget.used[BUDGET_POOL_PAGES], 4);
    ok(A->release(CTX, n.device));
    excepted(theirs.ops->info(theirs.ctx, lent, NULL), CAP_EX_STALE);
    for (uint32_t i = 0; i < BUDGET_COUNT; i++)
        cr_assert_eq(borrower->budget.used[i], 0);
    owner_exit(K, borrower);
    as_before();
}

Test(teardown, a_borrower_that_ends_takes_only_its_own_and_a_copy_given_back_ends_nothing)
{
    const struct budget_limits limits = budget_limits_generous();
    struct owner *borrower = owner_create(K, &limits);
    struct kernel_binding b;
    struct device_authority theirs = kernel_authority(&b, K, borrower);
    struct nic n;

    reach(&n, FAKE_MODERN_BDF, RUNNING);
    struct device_reply r = owner_cap_copy(K, bench.owner, n.device, borrower);
    ok(r);
    ok(theirs.ops->release(theirs.ctx, r.cap));
    ok(A->info(CTX, n.device, &(struct pci_function_info){0}));
    r = owner_cap_copy(K, bench.owner, n.pool, borrower);
    ok(r);
    cap_id pool = r.cap;
    r = owner_cap_copy(K, bench.owner, n.registers, borrower);
    ok(r);
    cap_id registers = r.cap;
    ok(theirs.ops->buffer_create(theirs.ctx, pool, 4096, DMA_TO_DEVICE));
    struct dma_queue_view view;
    r = theirs.ops->queue_create(theirs.ctx, pool, registers, 2, 8, 2, 1, &view);
    ok(r);
    owner_kill(K, borrower);
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_DRIVER_OK); /* nothing of it was known */
    cr_assert_eq(kernel_usage(K).queues, 2);
    ok(publish_rx(&n, 0, 0, 64));
    ok(A->release(CTX, n.device));
    as_before();
}

Test(teardown, a_borrower_whose_queue_the_device_knows_stops_the_device_when_it_dies)
{
    for (uint32_t never = 0; never < 2; never++) {
        const struct budget_limits limits = budget_limits_generous();
        struct nic n;

        bench_start();
        struct owner *borrower = owner_create(K, &limits);
        struct kernel_binding b;
        struct device_authority theirs = kernel_authority(&b, K, borrower);
        nic_claim(&n, FAKE_MODERN_BDF);
        nic_open(&n);
        nic_reset(&n);
        nic_memory(&n);
        cap_id pool = owner_cap_copy(K, bench.owner, n.pool, borrower).cap;
        cap_id registers = owner_cap_copy(K, bench.owner, n.registers, borrower).cap;
        struct dma_queue_view view;
        struct device_reply r = theirs.ops->queue_create(theirs.ctx, pool, registers, 3, 8, 2, 1, &view);
        ok(r);
        ok(write_status(&n, 11));
        ok(select_queue(&n, 3));
        ok(theirs.ops->reg_write_address(theirs.ctx, registers, MODERN_QUEUE_DESC_LOW, r.cap));
        fake_at(P, FAKE_MODERN_BDF)->reset_reads = never ? -1 : 0;
        owner_kill(K, borrower);
        cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), never ? DEVICE_RESETTING : DEVICE_RESET);
        cr_assert_eq(kernel_usage(K).quarantined_devices, never);
        if (never)
            excepted(A->release(CTX, n.device), CAP_EX_STALE);
        else
            ok(A->release(CTX, n.device));
        if (never)
            ok(device_release_quarantine(K, FAKE_MODERN_BDF));
        as_before();
    }
}

Test(teardown, a_moved_device_keeps_its_creators_charge_and_old_handle_dies)
{
    const struct budget_limits limits = budget_limits_generous();
    struct owner *taker = owner_create(K, &limits);
    struct nic n;

    nic_claim(&n, FAKE_MODERN_BDF);
    struct device_reply r = owner_cap_move(K, bench.owner, n.device, taker);
    ok(r);
    excepted(A->info(CTX, n.device, NULL), CAP_EX_STALE);
    excepted(owner_cap_move(K, bench.owner, n.device, taker), CAP_EX_STALE);
    cr_assert_eq(taker->budget.used[BUDGET_DEVICES], 0);
    owner_kill(K, taker);
    owner_kill(K, bench.owner);
    cr_assert_eq(kernel_usage(K).claimed_devices, 0);
}

Test(teardown, a_binding_of_an_ended_owner_is_stale_even_when_its_place_is_taken_again)
{
    const struct budget_limits limits = budget_limits_generous();
    struct nic n;

    nic_claim(&n, FAKE_MODERN_BDF);
    owner_kill(K, bench.owner);
    excepted(A->claim(CTX, FAKE_MODERN_BDF), CAP_EX_STALE);
    cr_assert_eq(owner_create(K, &limits), bench.owner);
    excepted(A->claim(CTX, FAKE_MODERN_BDF), CAP_EX_STALE);
    excepted(A->interrupt_ack(CTX, n.device), CAP_EX_STALE);
    excepted(A->enable_dma(CTX, n.device), CAP_EX_STALE);
}

Test(teardown, bridges_master_only_while_a_function_below_does)
{
    struct nic n;
    const struct fake_function *bridge = fake_at(P, FAKE_BRIDGE_BDF);

    reach(&n, FAKE_BEHIND_BDF, ENABLED);
    cr_assert(fake_master(bridge));
    cr_assert_eq(kernel_usage(K).bus_masters_on, 2);
    ok(A->enable_dma(CTX, n.device)); /* idempotent */
    cr_assert_eq(kernel_usage(K).bus_masters_on, 2);
    ok(A->release(CTX, n.device));
    cr_assert_not(fake_master(bridge));
    as_before();
}

Test(teardown, ten_thousand_lives_leave_the_usage_unchanged)
{
    struct audit_record out[256];

    for (uint32_t life = 0; life < 10000; life++) {
        struct nic n;

        P->events = 0;
        reach(&n, life % 2 ? FAKE_MODERN_BDF : FAKE_LEGACY_BDF, IN_FLIGHT);
        ok(A->release(CTX, n.device));
        while (kernel_audit_drain(K, out, 256) == 256) {
        }
    }
    as_before();
}

Test(teardown, the_direct_path_claims_gives_pages_and_goes_through_the_same_end)
{
    struct kernel_direct d;
    struct kernel_direct_memory m, m2;

    ok(kernel_direct_claim(K, FAKE_MODERN_BDF, &d));
    cr_assert_eq(d.bar_address[0], 0x1c0000000ull);
    cr_assert_eq(d.bar_address[1], 0);
    refused(kernel_direct_claim(K, FAKE_MODERN_BDF, &d), DEV_E_CLAIMED);
    refused(A->claim(CTX, FAKE_MODERN_BDF), DEV_E_CLAIMED);
    refused(kernel_direct_pages(K, FAKE_LEGACY_BDF, 1, &m), DEV_E_STATE);
    refused(kernel_direct_pages(K, 0x7777, 1, &m), DEV_E_STATE);
    refused(kernel_direct_pages(K, FAKE_MODERN_BDF, 0, &m), DEV_E_RANGE);
    refused(kernel_direct_pages(K, FAKE_MODERN_BDF, FAKE_DMA_PAGES, &m), DEV_E_NO_MEMORY);
    ok(kernel_direct_pages(K, FAKE_MODERN_BDF, 4, &m));
    ok(kernel_direct_pages(K, FAKE_MODERN_BDF, 1, &m2));
    cr_assert_eq(m.bus.v - P->bus_base, dma_offset(m.cpu));
    cr_assert_eq(m.cpu[0], 0);
    cr_assert_eq(P->mapped_pages, 5);
    refused(kernel_direct_enable_dma(K, FAKE_LEGACY_BDF), DEV_E_STATE);
    ok(kernel_direct_enable_dma(K, FAKE_MODERN_BDF));
    ok(kernel_direct_enable_dma(K, FAKE_MODERN_BDF));
    cr_assert(fake_master(fake_at(P, FAKE_MODERN_BDF)));
    refused(kernel_direct_release(K, FAKE_LEGACY_BDF, true), DEV_E_STATE);
    ok(kernel_direct_release(K, FAKE_MODERN_BDF, true));
    silent(FAKE_MODERN_BDF);
    as_before();
    ok(kernel_direct_claim(K, FAKE_MODERN_BDF, &d));
    ok(kernel_direct_pages(K, FAKE_MODERN_BDF, 4, &m));
    refused(kernel_direct_release(K, FAKE_MODERN_BDF, false), DEV_E_UNCONFIRMED);
    cr_assert_eq(kernel_usage(K).pages_quarantined, 4);
    ok(device_release_quarantine(K, FAKE_MODERN_BDF));
    as_before();
}

static uint32_t quarantines_recorded(void)
{
    struct audit_record out[64];
    uint32_t found = 0;
    uint32_t count;

    while ((count = kernel_audit_drain(K, out, 64)) != 0) {
        for (uint32_t i = 0; i < count; i++)
            found += out[i].kind == AUDIT_QUARANTINE;
    }
    return found;
}

/* A quarantine is recorded once, with its room kept since the claim; an orderly release records none. */
Test(teardown, the_direct_path_records_a_quarantine_and_nothing_else_as_one)
{
    const struct audit_event filler = {{1, 1}, 0, 0, AUDIT_GRANT, CAP_IF_DEVICE, 0};
    struct kernel_direct d;

    ok(kernel_direct_claim(K, FAKE_MODERN_BDF, &d));
    ok(kernel_direct_release(K, FAKE_MODERN_BDF, true));
    cr_assert_eq(quarantines_recorded(), 0);
    ok(kernel_direct_claim(K, FAKE_MODERN_BDF, &d));
    while (audit_has_room(&K->core.audit, 1))
        (void)audit_note(&K->core.audit, &filler);
    refused(kernel_direct_release(K, FAKE_MODERN_BDF, false), DEV_E_UNCONFIRMED);
    cr_assert_eq(quarantines_recorded(), 1);
    ok(device_release_quarantine(K, FAKE_MODERN_BDF));
    as_before();
}

/* The driver had the command register in its own hands: its word is checked against the register. */
Test(teardown, the_direct_path_keeps_the_pages_of_a_function_that_stays_a_bus_master)
{
    struct kernel_direct d;
    struct kernel_direct_memory m;

    ok(kernel_direct_claim(K, FAKE_MODERN_BDF, &d));
    ok(kernel_direct_pages(K, FAKE_MODERN_BDF, 4, &m));
    platform_pci_write(P, FAKE_MODERN_BDF, 4, 2, 7);
    fake_at(P, FAKE_MODERN_BDF)->master_stuck = true;
    refused(kernel_direct_release(K, FAKE_MODERN_BDF, true), DEV_E_UNCONFIRMED);
    cr_assert_eq(kernel_usage(K).pages_quarantined, 4);
    refused(device_release_quarantine(K, FAKE_MODERN_BDF), DEV_E_UNCONFIRMED);
    fake_at(P, FAKE_MODERN_BDF)->master_stuck = false;
    ok(device_release_quarantine(K, FAKE_MODERN_BDF));
    silent(FAKE_MODERN_BDF);
    as_before();
}

Test(teardown, the_direct_path_says_when_records_or_audit_room_are_used_up)
{
    const struct audit_event filler = {{1, 1}, 0, 0, AUDIT_GRANT, CAP_IF_DEVICE, 0};
    struct kernel_direct d;
    struct kernel_direct_memory m;

    ok(kernel_direct_claim(K, FAKE_MODERN_BDF, &d));
    for (uint32_t i = 0; i < BUFFERS_MAX; i++)
        ok(kernel_direct_pages(K, FAKE_MODERN_BDF, 1, &m));
    excepted(kernel_direct_pages(K, FAKE_MODERN_BDF, 1, &m), CAP_EX_EXHAUSTED);
    for (uint32_t i = 1; i < CLAIMS_MAX; i++)
        K->devices.claims[i].used = 1;
    excepted(kernel_direct_claim(K, FAKE_LEGACY_BDF, &d), CAP_EX_EXHAUSTED);
    while (audit_has_room(&K->core.audit, 1))
        (void)audit_note(&K->core.audit, &filler);
    excepted(kernel_direct_claim(K, FAKE_LEGACY_BDF, &d), CAP_EX_AUDIT_FULL);
}
