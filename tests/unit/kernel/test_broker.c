/* SPDX-License-Identifier: BSD-2-Clause */
/* The broker: honest traffic, a driver that misuses it, and a device that breaks the used ring. */
#include "tests/unit/kernel/bench.h"

static struct nic n;

static void start(void)
{
    bench_start();
    nic_up(&n, FAKE_MODERN_BDF);
}

TestSuite(broker, .init = start);

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

static struct descriptor descriptor(uint32_t queue, uint32_t slot)
{
    struct descriptor d;
    const uint8_t *ring = P->dma + dma_ring(&n, queue);

    memcpy(&d, ring + 16 * slot, sizeof d);
    return d;
}

static uint16_t avail_index(uint32_t queue)
{
    uint16_t index;
    const uint8_t *ring = P->dma + dma_ring(&n, queue);

    memcpy(&index, ring + 16 * 8 + 2, 2);
    return index;
}

static struct device_reply publish(uint32_t queue, const struct dma_publication *p, uint16_t count)
{
    return A->publish(CTX, n.queue[queue], p, count);
}

Test(broker, a_publication_becomes_descriptors_with_device_addresses_and_one_bell)
{
    const struct dma_publication p = {
        .slots = {5, 2},
        .count = 2,
        .segments = {segment(n.tx, 0, 12, DMA_TO_DEVICE), segment(n.tx, 12, 100, DMA_TO_DEVICE)}};
    uint32_t before = P->events;
    struct device_reply r = publish(1, &p, 1);

    ok(r);
    cr_assert_eq(r.value, 1);
    uint64_t bus = P->bus_base + (uint64_t)(n.tx_cpu - P->dma);
    cr_assert_eq(descriptor(1, 5).address, bus);
    cr_assert_eq(descriptor(1, 5).length, 12);
    cr_assert_eq(descriptor(1, 5).flags, 1);
    cr_assert_eq(descriptor(1, 5).next, 2);
    cr_assert_eq(descriptor(1, 2).address, bus + 12);
    cr_assert_eq(descriptor(1, 2).flags, 0);
    cr_assert_eq(avail_index(1), 1);
    cr_assert_eq(fake_count(P, before, FAKE_REG_WRITE), 1);
    cr_assert_eq(P->log[before].address, 0x1c0000000ull + 0x1000 + 4);
    cr_assert_eq(P->log[before].value, 1);
}

Test(broker, completions_are_taken_in_at_publish_at_reap_and_out_of_order)
{
    for (uint16_t i = 0; i < 8; i++)
        ok(publish_rx(&n, i, i * 2048u, 2048));
    cr_assert_eq(kernel_usage(K).outstanding_publications, 8);
    device_uses(&n, 0, 7, 2048);
    device_uses(&n, 0, 3, 60);
    struct device_reply r = A->reap(CTX, n.queue[0]);
    ok(r);
    cr_assert_eq(r.value, 2);
    device_uses(&n, 0, 0, 0);
    ok(publish_rx(&n, 0, 0, 2048));
    cr_assert_eq(kernel_usage(K).outstanding_publications, 6);
    cr_assert_eq(kernel_stats(K)->completions, 3);
}

Test(broker, indices_wrap_at_16_bits)
{
    for (uint32_t i = 0; i < 70000; i++) {
        ok(publish_rx(&n, (uint16_t)(i % 8), i % 8 * 2048u, 2048));
        device_uses(&n, 0, i % 8, 1);
    }
    struct device_reply r = A->reap(CTX, n.queue[0]);
    ok(r);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 0);
    cr_assert_eq(avail_index(0), (uint16_t)70000);
}

Test(broker, a_suppressed_bell_is_not_rung_and_an_empty_batch_rings_none)
{
    uint32_t before = P->events;

    *(uint8_t *)(uintptr_t)n.view[0].device_area = 1;
    ok(publish_rx(&n, 0, 0, 64));
    ok(publish(0, NULL, 0));
    cr_assert_eq(fake_count(P, before, FAKE_REG_WRITE), 0);
    *(uint8_t *)(uintptr_t)n.view[0].device_area = 0;
    ok(publish_rx(&n, 1, 64, 64));
    cr_assert_eq(fake_count(P, before, FAKE_REG_WRITE), 1);
}

Test(broker, disjoint_ranges_of_one_buffer_are_published_at_once_and_overlap_is_refused)
{
    ok(publish_rx(&n, 0, 0, 64));
    ok(publish_rx(&n, 1, 64, 64));
    ok(publish_rx(&n, 2, 4096 - 64, 128)); /* across a page */
    refused(publish_rx(&n, 3, 4096, 64), DEV_E_BUSY);
    cr_assert_eq(kernel_stats(K)->early_offers, 1);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 3);
    refused(publish_rx(&n, 3, 8192, 64), DEV_E_COMPLETION); /* quarantined */
}

Test(broker, a_buffer_offered_again_before_the_broker_saw_it_complete_is_refused_counted_quarantined)
{
    ok(publish_rx(&n, 0, 0, 2048));
    refused(publish_rx(&n, 1, 0, 2048), DEV_E_BUSY);
    cr_assert_eq(kernel_stats(K)->early_offers, 1);
    refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 1);
}

Test(broker, a_slot_in_flight_is_refused_counted_quarantined)
{
    ok(publish_rx(&n, 0, 0, 2048));
    refused(publish_rx(&n, 0, 2048, 2048), DEV_E_SLOT);
    cr_assert_eq(kernel_stats(K)->early_offers, 1);
}

Test(broker, an_element_changed_between_the_drivers_read_and_the_brokers_is_caught)
{
    ok(publish_rx(&n, 0, 0, 2048));
    ok(publish_rx(&n, 1, 2048, 2048));
    device_uses(&n, 0, 0, 60); /* what the driver reads: buffer 0 is free */
    device_index(&n, 0, 0);
    device_uses(&n, 0, 1, 60); /* what the broker reads: buffer 1 is */
    refused(publish_rx(&n, 0, 0, 2048), DEV_E_BUSY);
    cr_assert_eq(kernel_stats(K)->early_offers, 1);
    cr_assert_eq(kernel_usage(K).outstanding_publications, 1);
}

Test(broker, a_batch_is_whole_or_nothing)
{
    struct dma_publication p[3] = {one(0, segment(n.rx, 0, 64, DMA_FROM_DEVICE)),
                                   one(1, segment(n.rx, 64, 64, DMA_FROM_DEVICE)),
                                   one(2, segment(n.rx, 128, 64, DMA_TO_DEVICE))};
    struct kernel_usage before = kernel_usage(K), after;

    refused(publish(0, p, 3), DEV_E_DIRECTION);
    after = kernel_usage(K);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
    cr_assert_eq(avail_index(0), 0);
    cr_assert_eq(descriptor(0, 0).address, 0);
    p[2].segments[0].direction = DMA_FROM_DEVICE;
    ok(publish(0, p, 3));
    cr_assert_eq(avail_index(0), 3);
}

Test(broker, overlap_or_a_slot_twice_within_a_batch_is_refused_without_quarantine)
{
    struct dma_publication p[2] = {one(0, segment(n.rx, 0, 64, DMA_FROM_DEVICE)),
                                   one(1, segment(n.rx, 0, 64, DMA_FROM_DEVICE))};

    refused(publish(0, p, 2), DEV_E_BUSY);
    p[1] = one(0, segment(n.rx, 64, 64, DMA_FROM_DEVICE));
    refused(publish(0, p, 2), DEV_E_SLOT);
    cr_assert_eq(kernel_stats(K)->early_offers, 0);
    ok(publish(0, p, 1));
}

Test(broker, the_largest_batch_is_accepted_and_one_more_refused)
{
    static struct dma_publication p[DMA_BATCH_MAX + 1];

    refused(publish(0, p, DMA_BATCH_MAX + 1), DEV_E_CHAIN);
}

struct bad_case {
    const char *what;
    enum device_error expected;
    struct dma_publication p;
};

Test(broker, i19_chains_that_are_empty_long_cyclic_or_the_wrong_way_round_are_refused)
{
    struct device_reply r = A->buffer_create(CTX, n.pool, 4096, DMA_TO_DEVICE);
    ok(r);
    const struct dma_segment in = segment(n.rx, 0, 64, DMA_FROM_DEVICE),
                             out = segment(n.tx, 0, 64, DMA_TO_DEVICE);
    const struct dma_segment in2 = segment(n.rx, 64, 64, DMA_FROM_DEVICE);
    const struct bad_case cases[] = {
        {"empty", DEV_E_CHAIN, {.count = 0}},
        {"too long", DEV_E_CHAIN, {.count = DMA_CHAIN_MAX + 1}},
        {"255 segments", DEV_E_CHAIN, {.count = 255}},
        {"slot twice", DEV_E_SLOT, {.slots = {1, 1}, .count = 2, .segments = {out, in}}},
        {"slot out of range", DEV_E_SLOT, {.slots = {8}, .count = 1, .segments = {in}}},
        {"slot 65535", DEV_E_SLOT, {.slots = {65535}, .count = 1, .segments = {in}}},
        {"writable before readable", DEV_E_DIRECTION, {.slots = {0, 1}, .count = 2, .segments = {in, out}}},
        {"same bytes twice", DEV_E_BUSY, {.slots = {0, 1}, .count = 2, .segments = {in, in}}},
        {"one byte shared",
         DEV_E_BUSY,
         {.slots = {0, 1}, .count = 2, .segments = {in, segment(n.rx, 63, 8, DMA_FROM_DEVICE)}}},
        {"direction not the buffer's",
         DEV_E_DIRECTION,
         {.slots = {0}, .count = 1, .segments = {segment(n.rx, 0, 64, DMA_TO_DEVICE)}}},
        {"no direction", DEV_E_DIRECTION, {.slots = {0}, .count = 1, .segments = {segment(n.rx, 0, 64, 0)}}},
        {"length 0",
         DEV_E_RANGE,
         {.slots = {0}, .count = 1, .segments = {segment(n.rx, 0, 0, DMA_FROM_DEVICE)}}},
        {"one byte too far",
         DEV_E_RANGE,
         {.slots = {0}, .count = 1, .segments = {segment(n.rx, 8 * 4096 - 63, 64, DMA_FROM_DEVICE)}}},
        {"offset + length wraps",
         DEV_E_RANGE,
         {.slots = {0}, .count = 1, .segments = {segment(n.rx, 0xffffffff, 2, DMA_FROM_DEVICE)}}},
        {"4 GiB - 1",
         DEV_E_RANGE,
         {.slots = {0}, .count = 1, .segments = {segment(n.rx, 1, 0xffffffff, DMA_FROM_DEVICE)}}},
    };

    (void)in2;
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct device_reply got = publish(0, &cases[i].p, 1);

        cr_expect(got.exception == CAP_EX_NONE && got.error == cases[i].expected, "%s: %s", cases[i].what,
                  device_error_name(got.error));
    }
    cr_assert_eq(kernel_usage(K).outstanding_publications, 0);
    cr_assert_eq(kernel_stats(K)->early_offers, 0);
}

Test(broker, a_chain_longer_than_its_queue_is_refused)
{
    struct dma_queue_view view;
    struct device_reply r = A->queue_create(CTX, n.pool, n.registers, 2, 2, 2, 1, &view);
    struct dma_publication p = {.slots = {0, 1, 0, 1}, .count = 4};

    ok(r);
    K->devices.queues[K->devices.claims[0].queues[2]].enabled = 1;
    for (uint32_t i = 0; i < 4; i++)
        p.segments[i] = segment(n.tx, i * 64, 64, DMA_TO_DEVICE);
    refused(A->publish(CTX, r.cap, &p, 1), DEV_E_CHAIN);
}

Test(broker, p10_foreign_stale_and_forged_buffers_are_refused)
{
    struct nic other;
    struct owner *stranger;
    const struct budget_limits limits = budget_limits_generous();
    struct dma_publication p;

    nic_claim(&other, FAKE_BEHIND_BDF);
    nic_open(&other);
    nic_reset(&other);
    nic_memory(&other);
    p = one(0, segment(other.rx, 0, 64, DMA_FROM_DEVICE));
    refused(publish(0, &p, 1), DEV_E_FOREIGN);
    p = one(0, segment(CAP_NONE, 0, 64, DMA_FROM_DEVICE));
    excepted(publish(0, &p, 1), CAP_EX_INVALID);
    p = one(0, segment((cap_id){n.rx.index, n.rx.generation + 1}, 0, 64, DMA_FROM_DEVICE));
    excepted(publish(0, &p, 1), CAP_EX_STALE);
    p = one(0, segment(n.pool, 0, 64, DMA_FROM_DEVICE));
    excepted(publish(0, &p, 1), CAP_EX_INTERFACE);
    ok(A->buffer_destroy(CTX, n.rx));
    p = one(0, segment(n.rx, 0, 64, DMA_FROM_DEVICE));
    excepted(publish(0, &p, 1), CAP_EX_STALE);
    excepted(A->publish(CTX, n.rx, &p, 1), CAP_EX_STALE);
    excepted(A->reap(CTX, n.rx), CAP_EX_STALE);

    /* Another owner's buffer in a pool of the same function, lent by a copied handle. */
    stranger = owner_create(K, &limits);
    struct device_reply r = owner_cap_copy(K, bench.owner, n.pool, stranger);
    ok(r);
    struct kernel_binding b;
    struct device_authority theirs = kernel_authority(&b, K, stranger);
    r = theirs.ops->buffer_create(theirs.ctx, r.cap, 4096, DMA_FROM_DEVICE);
    ok(r);
    r = owner_cap_copy(K, stranger, r.cap, bench.owner);
    ok(r);
    p = one(0, segment(r.cap, 0, 64, DMA_FROM_DEVICE));
    refused(publish(0, &p, 1), DEV_E_FOREIGN);
    owner_kill(K, stranger);
    excepted(publish(0, &p, 1), CAP_EX_STALE);
}

Test(broker, nothing_is_published_to_a_queue_that_is_not_enabled_or_over)
{
    struct dma_queue_view view;
    struct device_reply r = A->queue_create(CTX, n.pool, n.registers, 2, 8, 2, 1, &view);
    struct dma_publication p = one(0, segment(n.rx, 0, 64, DMA_FROM_DEVICE));

    ok(r);
    refused(A->publish(CTX, r.cap, &p, 1), DEV_E_QUEUE);
    nic_reset(&n);
    refused(publish(0, &p, 1), DEV_E_QUEUE);
    refused(A->reap(CTX, n.queue[0]), DEV_E_QUEUE);
}

Test(broker, what_is_published_before_driver_ok_gets_its_bell_afterwards)
{
    struct nic m;

    nic_claim(&m, FAKE_BEHIND_BDF);
    nic_open(&m);
    nic_reset(&m);
    nic_memory(&m);
    nic_enable(&m);
    uint32_t before = P->events;
    ok(publish_rx(&m, 0, 0, 2048));
    cr_assert_eq(fake_count(P, before, FAKE_REG_WRITE), 0);
    nic_run(&m);
    cr_assert_eq(fake_count(P, before, FAKE_REG_WRITE), 2); /* the status, then the bell that was owed */
    cr_assert_eq(P->log[P->events - 1].address, 0x1c1000000ull + 0x1000);
}

Test(broker, an_owners_own_bell_reaches_an_enabled_queue_only)
{
    uint32_t before = P->events;

    ok(A->reg_write(CTX, n.registers, MODERN_BELL, 0, 1));
    cr_assert_eq(P->log[before].address, 0x1c0000000ull + 0x1000 + 4);
    refused(A->reg_write(CTX, n.registers, MODERN_BELL, 0, 2), DEV_E_QUEUE);
    refused(A->reg_write(CTX, n.registers, MODERN_BELL, 0, 4), DEV_E_QUEUE);
    cr_assert_eq(kernel_stats(K)->bells, 1);
}

struct lie {
    const char *what;
    uint32_t id, length;
    enum broker_fault fault;
};

Test(broker, a_bad_used_element_is_consumed_counted_and_quarantines_the_queue)
{
    static const struct lie lies[] = {
        {"id = size", 8, 0, BROKER_FAULT_RANGE},
        {"id = 2^32 - 1", 0xffffffff, 0, BROKER_FAULT_RANGE},
        {"id = 2^16", 0x10000, 0, BROKER_FAULT_RANGE},
        {"not in flight", 5, 0, BROKER_FAULT_IDLE},
        {"inside a chain", 1, 0, BROKER_FAULT_NOT_HEAD},
        {"one byte more than posted", 0, 65, BROKER_FAULT_LENGTH},
        {"length 2^32 - 1", 0, 0xffffffff, BROKER_FAULT_LENGTH},
    };

    for (uint32_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        bench_start();
        nic_up(&n, FAKE_MODERN_BDF);
        const struct dma_publication p = {
            .slots = {0, 1},
            .count = 2,
            .segments = {segment(n.rx, 0, 32, DMA_FROM_DEVICE), segment(n.rx, 32, 32, DMA_FROM_DEVICE)}};
        ok(publish(0, &p, 1));
        device_uses(&n, 0, lies[i].id, lies[i].length);
        refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
        cr_expect_eq(kernel_stats(K)->faults[lies[i].fault], 1, "%s", lies[i].what);
        cr_expect_eq(K->devices.queues[0].used_seen, 1, "%s", lies[i].what);
        cr_expect_eq(K->devices.queues[0].first_fault, lies[i].fault);
        refused(publish_rx(&n, 4, 4096, 64), DEV_E_COMPLETION);
        cr_assert_eq(kernel_stats(K)->completions, 0);
        /* The way out: a reset; then everything goes as usual. */
        nic_reset(&n);
        ok(A->release(CTX, n.device));
        as_before();
    }
}

Test(broker, the_used_length_may_be_all_that_was_posted)
{
    ok(publish_rx(&n, 0, 0, 2048));
    device_uses(&n, 0, 0, 2048);
    ok(A->reap(CTX, n.queue[0]));
}

Test(broker, a_length_on_a_readable_chain_is_a_fault_unless_the_device_is_legacy)
{
    struct dma_publication p = one(0, segment(n.tx, 0, 64, DMA_TO_DEVICE));
    struct nic old;

    ok(publish(1, &p, 1));
    device_uses(&n, 1, 0, 1);
    refused(A->reap(CTX, n.queue[1]), DEV_E_COMPLETION);
    nic_up(&old, FAKE_LEGACY_BDF);
    p = one(0, segment(old.tx, 0, 64, DMA_TO_DEVICE));
    ok(A->publish(CTX, old.queue[1], &p, 1));
    device_uses(&old, 1, 0, 1514);
    ok(A->reap(CTX, old.queue[1]));
}

Test(broker, i8_a_used_index_beyond_what_is_outstanding_is_refused_at_any_distance)
{
    static const uint16_t steps[] = {2, 3, 8, 9, 0x8000, 0xffff};

    for (uint32_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bench_start();
        nic_up(&n, FAKE_MODERN_BDF);
        ok(publish_rx(&n, 0, 0, 2048));
        device_index(&n, 0, steps[i]);
        refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
        cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_INDEX], 1);
        cr_assert_eq(kernel_usage(K).outstanding_publications, 1);
    }
}

Test(broker, i8_an_index_that_moves_with_nothing_outstanding_quarantines_the_queue)
{
    device_index(&n, 0, 1);
    refused(A->reap(CTX, n.queue[0]), DEV_E_COMPLETION);
    refused(publish_rx(&n, 0, 0, 2048), DEV_E_COMPLETION);
    cr_assert_eq(kernel_stats(K)->faults[BROKER_FAULT_INDEX], 1);
}

Test(broker, the_broker_uses_its_own_record_when_the_device_scribbles_on_descriptors)
{
    ok(publish_rx(&n, 0, 0, 2048));
    memset(P->dma + dma_ring(&n, 0), 0xff, 8 * 16);
    device_uses(&n, 0, 0, 2048);
    ok(A->reap(CTX, n.queue[0]));
    ok(publish_rx(&n, 0, 0, 2048));
    cr_assert_eq(descriptor(0, 0).address, P->bus_base + (uint64_t)(n.rx_cpu - P->dma));
}

Test(broker, a_legacy_queue_always_gets_its_bell)
{
    struct nic old;

    nic_up(&old, FAKE_LEGACY_BDF);
    *(uint8_t *)(uintptr_t)old.view[0].device_area = 1; /* suppression offered */
    uint32_t before = P->events;
    ok(publish_rx(&old, 0, 0, 2048));
    cr_assert_eq(fake_count(P, before, FAKE_REG_WRITE), 1);
    cr_assert_eq(P->log[before].address, 0xc010);
}
