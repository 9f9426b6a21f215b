/* SPDX-License-Identifier: BSD-2-Clause */
/* I1 to I20, each by its name: the attempt to break it, and what comes of it. */
#include "tests/unit/kernel/bench.h"

static struct nic n;

static void start(void)
{
    bench_start();
    nic_up(&n, FAKE_MODERN_BDF);
}

TestSuite(invariants, .init = start);

Test(invariants, i1_no_reply_and_no_register_shows_an_address)
{
    struct pci_function_info info;

    for (uint16_t row = 0; row < MODERN_ROWS; row++) {
        struct device_reply r = A->reg_read(CTX, n.registers, row, 0);

        if (row >= MODERN_QUEUE_DESC_LOW && row <= MODERN_QUEUE_DEVICE_HIGH)
            cr_assert_eq(r.error, DEV_E_REGISTER);
    }
    ok(A->info(CTX, n.device, &info));
    for (uint32_t at = 0x11; at < 0x28; at++)
        cr_assert_eq(info.config[at] & 0xf0, 0);
    cr_assert_null(n.view[0].driver_area);
}

Test(invariants, i2_a_device_address_comes_from_a_live_record_or_not_at_all)
{
    struct dma_publication p = one(0, segment(n.rx, 0, 64, DMA_FROM_DEVICE));

    nic_reset(&n);
    ok(A->queue_destroy(CTX, n.queue[1]));
    ok(write_status(&n, 11));
    ok(select_queue(&n, 1));
    excepted(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, n.queue[1]), CAP_EX_STALE);
    ok(A->buffer_destroy(CTX, n.rx));
    refused(A->publish(CTX, n.queue[0], &p, 1), DEV_E_QUEUE);
    refused(A->reg_write(CTX, n.registers, MODERN_QUEUE_DESC_LOW, 0, 0x1000), DEV_E_REGISTER);
}

Test(invariants, i3_a_page_has_one_pool_and_one_device)
{
    struct nic other;

    nic_up(&other, FAKE_BEHIND_BDF);
    cr_assert_eq(P->bad_maps, 0);
    for (uint32_t i = 0; i < 8; i++) {
        cr_assert_eq(P->mapped_for[dma_offset(n.rx_cpu) / 4096 + i], FAKE_MODERN_BDF + 1);
        cr_assert_eq(P->mapped_for[dma_offset(other.rx_cpu) / 4096 + i], FAKE_BEHIND_BDF + 1);
    }
}

Test(invariants, i4_a_published_page_is_never_freed_regranted_or_unmapped)
{
    uint32_t from = P->events;

    ok(publish_rx(&n, 0, 0, 64));
    refused(A->buffer_destroy(CTX, n.rx), DEV_E_BUSY);
    refused(A->queue_destroy(CTX, n.queue[0]), DEV_E_BUSY);
    refused(A->release(CTX, n.rx), DEV_E_BUSY);
    cr_assert_eq(fake_count(P, from, FAKE_UNMAP), 0);
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
    owner_kill(K, bench.owner);
    cr_assert_eq(fake_count(P, from, FAKE_UNMAP), 0);
}

Test(invariants, i5_a_completion_counts_only_for_its_epoch_slot_and_generation)
{
    struct dma_queue *q = &K->devices.queues[K->devices.claims[0].queues[0]];

    ok(publish_rx(&n, 0, 0, 64));
    q->slots[0].queue_epoch--; /* a record of an earlier life */
    device_uses(&n, 0, 0, 1);
    refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
    cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_STALE], 1);
}

Test(invariants, i5_a_completion_for_another_generation_of_the_buffer_does_not_count)
{
    struct dma_queue *q = &K->devices.queues[K->devices.claims[0].queues[0]];

    ok(publish_rx(&n, 0, 0, 64));
    q->slots[0].buffer_generation++;
    device_uses(&n, 0, 0, 1);
    refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
    cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_STALE], 1);
}

Test(invariants, i6_a_second_completion_of_one_head_is_refused)
{
    ok(publish_rx(&n, 0, 0, 64));
    ok(publish_rx(&n, 1, 64, 64));
    device_uses(&n, 0, 0, 1);
    device_uses(&n, 0, 0, 1);
    refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
    cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_IDLE], 1);
    cr_assert_eq(kernel_stats(K)->completions, 1);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 1);
}

Test(invariants, i7_a_used_length_beyond_what_was_posted_is_refused)
{
    ok(publish_rx(&n, 0, 0, 64));
    device_uses(&n, 0, 0, 65);
    refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
    cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_LENGTH], 1);
}

Test(invariants, i8_the_used_index_advances_by_at_most_what_is_outstanding)
{
    ok(publish_rx(&n, 0, 0, 64));
    device_uses(&n, 0, 0, 1);
    device_uses(&n, 0, 1, 1);
    refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
    cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_INDEX], 1);
    cr_assert_eq(kernel_stats(K)->completions, 0);
}

Test(invariants, i9_after_revoke_every_old_handle_fails_before_any_side_effect)
{
    struct device_reply r = A->interrupt_create(CTX, n.device, 0);
    struct dma_publication p = one(0, segment(n.rx, 0, 64, DMA_FROM_DEVICE));
    struct dma_queue_view v;
    struct pci_function_info info;

    ok(r);
    ok(A->release(CTX, n.device));
    uint32_t events = P->events;
    excepted(A->info(CTX, n.device, &info), CAP_EX_STALE);
    excepted(A->open_registers(CTX, n.device, &virtio_net_modern_table, modern_windows), CAP_EX_STALE);
    excepted(A->reg_read(CTX, n.registers, 0, 0), CAP_EX_STALE);
    excepted(A->reg_write(CTX, n.registers, MODERN_STATUS, 0, 0), CAP_EX_STALE);
    excepted(A->reg_write_address(CTX, n.registers, MODERN_QUEUE_DESC_LOW, n.queue[0]), CAP_EX_STALE);
    excepted(A->enable_dma(CTX, n.device), CAP_EX_STALE);
    excepted(A->pool_create(CTX, n.device, 1), CAP_EX_STALE);
    excepted(A->buffer_create(CTX, n.pool, 1, DMA_TO_DEVICE), CAP_EX_STALE);
    excepted(A->buffer_map(CTX, n.rx), CAP_EX_STALE);
    excepted(A->buffer_destroy(CTX, n.rx), CAP_EX_STALE);
    excepted(A->queue_create(CTX, n.pool, n.registers, 0, 8, 0, 1, &v), CAP_EX_STALE);
    excepted(A->publish(CTX, n.queue[0], &p, 1), CAP_EX_STALE);
    excepted(A->reap(CTX, n.queue[0]), CAP_EX_STALE);
    excepted(A->queue_destroy(CTX, n.queue[0]), CAP_EX_STALE);
    excepted(A->interrupt_create(CTX, n.device, 0), CAP_EX_STALE);
    excepted(A->interrupt_wait(CTX, r.cap), CAP_EX_STALE);
    excepted(A->interrupt_ack(CTX, r.cap), CAP_EX_STALE);
    excepted(A->interrupt_mask(CTX, r.cap, false), CAP_EX_STALE);
    excepted(A->release(CTX, n.device), CAP_EX_STALE); /* P15: a second release is a clean error */
    cr_assert_eq(P->events, events);
    as_before();
}

Test(invariants, i10_pages_are_used_again_only_after_confirmed_quiesce_and_scrub)
{
    struct nic other;
    uint8_t *rx = n.rx_cpu;

    ok(publish_rx(&n, 0, 0, 64));
    memset(rx, 0x66, 8 * 4096);
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = 5;
    ok(A->release(CTX, n.device));
    for (uint32_t i = 0; i < 8 * 4096; i++)
        cr_assert_eq(rx[i], 0);
    nic_up(&other, FAKE_MODERN_BDF);
    cr_assert_eq(other.rx_cpu, rx);
}

Test(invariants, i11_an_unconfirmed_reset_means_quarantine)
{
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
    ok(publish_rx(&n, 0, 0, 64));
    refused(A->release(CTX, n.device), DEV_E_UNCONFIRMED);
    cr_assert_gt(kernel_usage(K).pages_quarantined, 0);
    cr_assert_eq(kernel_stats(K)->resets_unconfirmed, 1);
    cr_assert_eq(P->relaxes, VIRTIO_QUIESCE_POLLS_MAX); /* bounded, as the table says */
}

Test(invariants, i12_the_epoch_rises_at_claim_and_reset_and_before_mappings_go)
{
    uint32_t epoch = kernel_device_epoch(K, FAKE_MODERN_BDF);

    fake_at(P, FAKE_MODERN_BDF)->reset_reads = 1;
    ok(write_status(&n, 0));
    cr_assert_gt(kernel_device_epoch(K, FAKE_MODERN_BDF), epoch);
    cr_assert_gt(P->mapped_pages, 0);
    epoch = kernel_device_epoch(K, FAKE_MODERN_BDF);
    ok(A->release(CTX, n.device));
    cr_assert_gt(kernel_device_epoch(K, FAKE_MODERN_BDF), epoch);
    epoch = kernel_device_epoch(K, FAKE_MODERN_BDF);
    nic_claim(&n, FAKE_MODERN_BDF);
    cr_assert_gt(kernel_device_epoch(K, FAKE_MODERN_BDF), epoch);
}

Test(invariants, i13_bells_ring_only_for_an_owned_enabled_queue_in_range)
{
    uint32_t from = P->events;

    refused(A->reg_write(CTX, n.registers, MODERN_BELL, 0, 2), DEV_E_QUEUE);
    refused(A->reg_write(CTX, n.registers, MODERN_BELL, 0, 9), DEV_E_QUEUE);
    refused(A->reg_write(CTX, n.registers, MODERN_BELL, 1, 0), DEV_E_VALUE);
    nic_reset(&n);
    refused(A->reg_write(CTX, n.registers, MODERN_BELL, 0, 0), DEV_E_STATE);
    cr_assert_eq(fake_count(P, from, FAKE_REG_WRITE), 0);
}

Test(invariants, i14_no_register_outside_the_table_is_reached)
{
    for (uint32_t row = MODERN_ROWS; row < 0x10000; row += 251) {
        refused(A->reg_read(CTX, n.registers, (uint16_t)row, 0), DEV_E_REGISTER);
        refused(A->reg_write(CTX, n.registers, (uint16_t)row, 0, 0), DEV_E_REGISTER);
    }
    refused(A->reg_read(CTX, n.registers, MODERN_CONFIG, 0xffff), DEV_E_VALUE);
}

Test(invariants, i15_an_interrupt_of_an_old_route_wakes_nobody_new)
{
    struct device_reply r = A->interrupt_create(CTX, n.device, 0);
    cap_id old;

    ok(r);
    old = r.cap;
    P->msi_count[0]++;
    ok(A->release(CTX, old));
    P->msi_count[0]++; /* in flight while it was torn down */
    r = A->interrupt_create(CTX, n.device, 0);
    ok(r);
    P->msi_count[0]++; /* later still */
    cr_assert_eq(A->interrupt_wait(CTX, r.cap).value, 0);
    excepted(A->interrupt_ack(CTX, old), CAP_EX_STALE); /* T10 */
    /* Even when all routes have been round, what came before does not count. */
    for (uint32_t i = 0; i < ROUTES_MAX; i++) {
        ok(A->release(CTX, r.cap));
        r = A->interrupt_create(CTX, n.device, 0);
        ok(r);
        cr_assert_eq(A->interrupt_wait(CTX, r.cap).value, 0);
    }
}

Test(invariants, i16_each_budget_is_charged_once_and_refunded_once)
{
    const struct budget *b = &bench.owner->budget;

    cr_assert_eq(b->used[BUDGET_DEVICES], 1);
    cr_assert_eq(b->used[BUDGET_REGISTERS], 1);
    cr_assert_eq(b->used[BUDGET_POOLS], 1);
    cr_assert_eq(b->used[BUDGET_POOL_PAGES], 32);
    cr_assert_eq(b->used[BUDGET_BUFFERS], 2);
    cr_assert_eq(b->used[BUDGET_QUEUES], 2);
    cr_assert_eq(b->used[BUDGET_CAP_SLOTS], 7);
    ok(A->release(CTX, n.device));
    for (uint32_t i = 0; i < BUDGET_COUNT; i++)
        cr_assert_eq(b->used[i], 0);
}

Test(invariants, i17_out_of_memory_leaves_nothing_behind)
{
    struct kernel_usage before = kernel_usage(K), after;

    refused(A->buffer_create(CTX, n.pool, 33 * 4096, DMA_TO_DEVICE), DEV_E_NO_MEMORY);
    refused(A->pool_create(CTX, n.device, FAKE_DMA_PAGES), DEV_E_NO_MEMORY);
    after = kernel_usage(K);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
}

Test(invariants, i18_the_broker_admits_no_more_than_was_posted_to_be_copied)
{
    /* The copy itself is the provider's; what reaches it is bounded here: used is at most posted, posted is
     * at most the buffer. */
    struct dma_publication p = one(0, segment(n.rx, 8 * 4096 - 64, 65, DMA_FROM_DEVICE));

    refused(A->publish(CTX, n.queue[0], &p, 1), DEV_E_RANGE);
    ok(publish_rx(&n, 0, 0, 64));
    device_uses(&n, 0, 0, 64);
    ok(A->reap(CTX, n.queue[0]));
}

Test(invariants, i19_no_chain_is_longer_than_its_queue_cyclic_or_the_wrong_way)
{
    struct dma_publication p = {
        .slots = {0, 0},
        .count = 2,
        .segments = {segment(n.rx, 0, 8, DMA_FROM_DEVICE), segment(n.rx, 64, 8, DMA_FROM_DEVICE)}};

    refused(A->publish(CTX, n.queue[0], &p, 1), DEV_E_SLOT);
    p.slots[1] = 1;
    p.segments[1] = segment(n.tx, 0, 8, DMA_TO_DEVICE);
    refused(A->publish(CTX, n.queue[0], &p, 1), DEV_E_DIRECTION);
    p.count = DMA_CHAIN_MAX + 1;
    refused(A->publish(CTX, n.queue[0], &p, 1), DEV_E_CHAIN);
}

Test(invariants, i20_pages_are_scrubbed_before_anyone_else_sees_them)
{
    struct nic other;
    uint8_t *rx = n.rx_cpu;

    memset(rx, 0x99, 8 * 4096); /* never published: not sticky, the next function may get it */
    nic_reset(&n);
    ok(A->release(CTX, n.device));
    nic_up(&other, FAKE_BEHIND_BDF);
    cr_assert_eq(other.rx_cpu, rx);
    for (uint32_t i = 0; i < 8 * 4096; i++)
        cr_assert_eq(rx[i], 0);
}

Test(invariants, sticky_pages_go_to_their_function_only_until_power_off)
{
    struct nic other, again;
    uint8_t *rx = n.rx_cpu;

    ok(publish_rx(&n, 0, 0, 8 * 4096));
    ok(A->release(CTX, n.device));
    cr_assert_gt(kernel_stats(K)->pages_sticky, 0);
    nic_up(&other, FAKE_BEHIND_BDF);
    cr_assert(other.rx_cpu + 8 * 4096 <= rx || rx + 8 * 4096 <= other.rx_cpu);
    ok(A->release(CTX, other.device)); /* one of its guards lies among them */
    rx[5] =
        0x31; /* a write that lands late is in the function's own page, and its next holder starts clean */
    nic_up(&again, FAKE_MODERN_BDF);
    cr_assert_eq(again.rx_cpu, rx);
    cr_assert_eq(rx[5], 0);
}

/* Found by exploration: the buffer's pool goes before the pool of the ring that names it. */
Test(invariants, a_publication_from_another_pool_is_forgotten_before_its_buffer_goes)
{
    struct nic n = {0};
    struct dma_publication p;
    cap_id pool, buffer;

    bench_start();
    nic_claim(&n, FAKE_MODERN_BDF);
    nic_open(&n);
    nic_reset(&n);
    pool = A->pool_create(CTX, n.device, 4).cap;
    buffer = A->buffer_create(CTX, pool, DMA_PAGE_BYTES, DMA_FROM_DEVICE).cap;
    nic_memory(&n);
    nic_enable(&n);
    nic_run(&n);
    p = one(0, segment(buffer, 0, 64, DMA_FROM_DEVICE));
    ok(A->publish(CTX, n.queue[0], &p, 1));
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
    owner_kill(K, bench.owner);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 0);
    cr_assert_eq(kernel_usage(K).buffers, 0, "a record that was freed came back to life");
    cr_assert_eq(kernel_stats(K)->leftovers, 1);
    cr_assert_eq(kernel_usage(K).quarantined_devices, 1);
    ok(device_release_quarantine(K, FAKE_MODERN_BDF));
    cr_assert_eq(kernel_usage(K).pages_quarantined, 0);
}
