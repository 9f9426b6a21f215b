/* SPDX-License-Identifier: BSD-2-Clause */
/* Each step of a bind fails once for want of each thing that it needs: nothing may be left behind (T11, I17).
 * Interrupts and page allocation beside it. */
#include "tests/unit/kernel/bench.h"

TestSuite(failures, .init = bench_start);

enum step { S_CLAIM, S_OPEN, S_POOL, S_BUFFER, S_QUEUE, S_INTERRUPT, STEPS };

static struct device_reply take_step(struct nic *n, enum step step)
{
    struct device_reply r;

    switch (step) {
    case S_CLAIM:
        r = A->claim(CTX, FAKE_MODERN_BDF);
        n->device = r.cap;
        return r;
    case S_OPEN:
        r = A->open_registers(CTX, n->device, &virtio_net_modern_table, modern_windows);
        n->registers = r.cap;
        return r;
    case S_POOL:
        r = A->pool_create(CTX, n->device, 16);
        n->pool = r.cap;
        return r;
    case S_BUFFER:
        r = A->buffer_create(CTX, n->pool, 8192, DMA_FROM_DEVICE);
        n->rx = r.cap;
        return r;
    case S_QUEUE:
        return A->queue_create(CTX, n->pool, n->registers, 0, 8, 0, 1, &n->view[0]);
    default:
        return A->interrupt_create(CTX, n->device, 0);
    }
}

/* Takes away what a step needs; gives it back. */
enum want { W_BUDGET, W_SLOT_BUDGET, W_SLOTS, W_OBJECTS, W_AUDIT, W_RECORDS, WANTS };

static const enum budget_kind budget_of[STEPS] = {BUDGET_DEVICES, BUDGET_REGISTERS, BUDGET_POOLS,
                                                  BUDGET_BUFFERS, BUDGET_QUEUES,    BUDGET_INTERRUPTS};

static void use_up_records(enum step step)
{
    for (uint32_t i = 0; i < CLAIMS_MAX && step == S_CLAIM; i++)
        K->devices.claims[i].used = 1;
    for (uint32_t i = 0; i < REGISTERS_MAX && step == S_OPEN; i++)
        K->devices.registers[i].used = 1;
    for (uint32_t i = 0; i < POOLS_MAX && step == S_POOL; i++)
        K->devices.pools[i].state = POOL_QUARANTINED;
    for (uint32_t i = 0; i < BUFFERS_MAX && step == S_BUFFER; i++)
        K->devices.buffers[i].state = BUFFER_MAPPED;
    for (uint32_t i = 0; i < QUEUES_MAX && step == S_QUEUE; i++)
        K->devices.queues[i].used = 1;
    for (uint32_t i = 0; i < INTERRUPTS_MAX && step == S_INTERRUPT; i++)
        K->devices.interrupts[i].used = 1;
}

static enum cap_exception take_away(enum want want, enum step step)
{
    const struct audit_event filler = {{1, 1}, 0, 0, AUDIT_GRANT, CAP_IF_DEVICE, 0};

    switch (want) {
    case W_BUDGET:
        bench.owner->budget.limits.limit[budget_of[step]] = 0;
        return CAP_EX_BUDGET;
    case W_SLOT_BUDGET:
        bench.owner->budget.limits.limit[BUDGET_CAP_SLOTS] = bench.owner->budget.used[BUDGET_CAP_SLOTS];
        return CAP_EX_BUDGET;
    case W_SLOTS:
        bench.owner->caps.fresh = CAP_SLOTS_MAX;
        bench.owner->caps.free_head = 0;
        return CAP_EX_NO_SLOT;
    case W_OBJECTS:
        K->core.objects.fresh = OBJECTS_MAX;
        K->core.objects.free_head = OBJECT_NONE;
        return CAP_EX_EXHAUSTED;
    case W_AUDIT:
        while (audit_has_room(&K->core.audit, 1))
            (void)audit_note(&K->core.audit, &filler);
        return CAP_EX_AUDIT_FULL;
    default:
        use_up_records(step);
        return CAP_EX_EXHAUSTED;
    }
}

Test(failures, t11_i17_each_step_failing_for_each_want_changes_nothing)
{
    static struct devices before;

    for (uint32_t step = 0; step < STEPS; step++) {
        for (uint32_t want = 0; want < WANTS; want++) {
            struct nic n = {0};

            bench_start();
            for (uint32_t s = 0; s < step; s++)
                ok(take_step(&n, (enum step)s));
            enum cap_exception expected = take_away((enum want)want, (enum step)step);
            memcpy(&before, &K->devices, sizeof before - sizeof before.slots);
            uint32_t live = bench.owner->caps.live_count, objects = K->core.objects.live_count;
            uint32_t reserved = K->core.audit.reserved, events = P->events;
            struct budget budget = bench.owner->budget;
            struct device_reply r = take_step(&n, (enum step)step);
            cr_assert(r.exception == expected && r.error == DEV_OK, "step %u want %u: %s %s", step, want,
                      cap_exception_name(r.exception), device_error_name(r.error));
            cr_assert_eq(memcmp(&before, &K->devices, sizeof before - sizeof before.slots), 0,
                         "step %u want %u", step, want);
            cr_assert_eq(bench.owner->caps.live_count, live);
            cr_assert_eq(K->core.objects.live_count, objects);
            cr_assert_eq(K->core.audit.reserved, reserved);
            cr_assert_eq(memcmp(&budget, &bench.owner->budget, sizeof budget), 0);
            cr_assert_eq(P->events, events, "step %u want %u touched the machine", step, want);
        }
    }
}

Test(failures, every_refusal_is_counted_by_its_reason_and_recorded)
{
    struct audit_record out[64];
    uint32_t denials = 0, n;

    refused(A->claim(CTX, 0x7777), DEV_E_NO_FUNCTION);
    excepted(A->reap(CTX, CAP_NONE), CAP_EX_INVALID);
    cr_assert_eq(kernel_stats(K)->errors[DEV_E_NO_FUNCTION], 1);
    cr_assert_eq(kernel_stats(K)->exceptions[CAP_EX_INVALID], 1);
    n = kernel_audit_drain(K, out, 64);
    for (uint32_t i = 0; i < n; i++)
        denials += out[i].kind == AUDIT_DENIAL;
    cr_assert_eq(denials, 2);
    cr_assert_eq(kernel_audit_count(K), n);
    cr_assert_eq(memcmp(kernel_audit_head(K), out[n - 1].chain, DIGEST_BYTES), 0);
}

Test(failures, pools_and_buffers_are_refused_beyond_what_they_are)
{
    struct nic n;

    nic_claim(&n, FAKE_MODERN_BDF);
    refused(A->pool_create(CTX, n.device, 0), DEV_E_RANGE);
    refused(A->pool_create(CTX, n.device, FAKE_DMA_PAGES + 1), DEV_E_NO_MEMORY);
    bench.owner->budget.limits.limit[BUDGET_POOL_PAGES] = 8;
    excepted(A->pool_create(CTX, n.device, 9), CAP_EX_BUDGET);
    excepted(A->pool_create(CTX, CAP_NONE, 9), CAP_EX_INVALID);
    bench.owner->budget.limits.limit[BUDGET_POOL_PAGES] = 4000;
    struct device_reply r = A->pool_create(CTX, n.device, 8);
    ok(r);
    refused(A->buffer_create(CTX, r.cap, 0, DMA_TO_DEVICE), DEV_E_RANGE);
    refused(A->buffer_create(CTX, r.cap, 0xffffffff, DMA_TO_DEVICE), DEV_E_RANGE);
    refused(A->buffer_create(CTX, r.cap, 4096, 0), DEV_E_DIRECTION);
    refused(A->buffer_create(CTX, r.cap, 4096, 3), DEV_E_DIRECTION);
    refused(A->buffer_create(CTX, r.cap, 9 * 4096, DMA_TO_DEVICE), DEV_E_NO_MEMORY);
    excepted(A->buffer_create(CTX, n.device, 4096, DMA_TO_DEVICE), CAP_EX_INTERFACE);
    ok(A->buffer_create(CTX, r.cap, 7 * 4096 + 1, DMA_TO_DEVICE));
    refused(A->buffer_create(CTX, r.cap, 1, DMA_TO_DEVICE), DEV_E_NO_MEMORY);
    for (uint32_t i = 1; i < CLAIM_POOLS_MAX; i++)
        ok(A->pool_create(CTX, n.device, 1));
    excepted(A->pool_create(CTX, n.device, 1), CAP_EX_EXHAUSTED);
    ok(A->release(CTX, n.device));
    as_before();
}

Test(failures, queues_are_refused_in_each_way)
{
    struct dma_queue_view v;
    struct nic n, other;
    static const struct reg_table empty = {.name = "msix only"};

    nic_claim(&n, FAKE_MODERN_BDF);
    nic_open(&n);
    struct device_reply r = A->pool_create(CTX, n.device, 8);
    ok(r);
    n.pool = r.cap;
    r = A->open_registers(CTX, n.device, &empty, NULL);
    ok(r);
    refused(A->queue_create(CTX, n.pool, r.cap, 0, 8, 0, 1, &v), DEV_E_REGISTER);
    for (uint32_t size = 0; size <= 16384; size += size < 8 ? 1 : size) {
        bool sound = size != 0 && (size & (size - 1)) == 0 && size <= 8192;

        if (!sound)
            refused(A->queue_create(CTX, n.pool, n.registers, 0, (uint16_t)size, 0, 1, &v), DEV_E_QUEUE_SIZE);
    }
    refused(A->queue_create(CTX, n.pool, n.registers, 0, 3, 0, 1, &v), DEV_E_QUEUE_SIZE);
    refused(A->queue_create(CTX, n.pool, n.registers, DMA_QUEUES_MAX, 8, 0, 1, &v), DEV_E_QUEUE);
    refused(A->queue_create(CTX, n.pool, n.registers, 0, 8, 0, 2, &v), DEV_E_VALUE);
    refused(A->queue_create(CTX, n.pool, n.registers, 0, 8, 64, 1, &v), DEV_E_VALUE);
    refused(A->queue_create(CTX, n.pool, n.registers, 0, 8, 0xffff, 1, &v), DEV_E_VALUE);
    refused(A->queue_create(CTX, n.pool, n.registers, 0, 8192, 0, 1, &v), DEV_E_NO_MEMORY);
    excepted(A->queue_create(CTX, n.registers, n.registers, 0, 8, 0, 1, &v), CAP_EX_INTERFACE);
    excepted(A->queue_create(CTX, n.pool, n.pool, 0, 8, 0, 1, &v), CAP_EX_INTERFACE);
    nic_claim(&other, FAKE_BEHIND_BDF);
    nic_open(&other);
    refused(A->queue_create(CTX, n.pool, other.registers, 0, 8, 0, 1, &v), DEV_E_FOREIGN);
    ok(A->queue_create(CTX, n.pool, n.registers, 0, 8, 63, 1, &v));
    cr_assert_null(v.driver_area);
    refused(A->queue_create(CTX, n.pool, n.registers, 0, 8, 0, 1, &v), DEV_E_BUSY);
}

Test(failures, queues_of_every_size_up_to_8192_are_made)
{
    for (uint32_t size = 1; size <= 8192; size *= 2) {
        struct dma_queue_view v;
        struct nic n;

        nic_claim(&n, FAKE_LEGACY_BDF);
        nic_open(&n);
        struct device_reply r = A->pool_create(CTX, n.device, 64);
        ok(r);
        r = A->queue_create(CTX, r.cap, n.registers, 0, (uint16_t)size, 0, 1, &v);
        ok(r);
        cr_assert_eq(v.size, size);
        cr_assert_eq(dma_offset(v.device_area) % 4096, 0); /* legacy alignment */
        ok(A->release(CTX, n.device));
    }
    as_before();
}

Test(failures, t8_no_two_runs_touch_and_guards_are_never_mapped)
{
    struct nic n;
    struct device_reply r;
    uint8_t *at[6];

    nic_claim(&n, FAKE_MODERN_BDF);
    r = A->pool_create(CTX, n.device, 64);
    ok(r);
    n.pool = r.cap;
    for (uint32_t i = 0; i < 6; i++) {
        r = A->buffer_create(CTX, n.pool, (i + 1) * 4096, DMA_TO_DEVICE);
        ok(r);
        r = A->buffer_map(CTX, r.cap);
        at[i] = (uint8_t *)(uintptr_t)r.value;
    }
    for (uint32_t i = 0; i < 6; i++) {
        uint64_t first = dma_offset(at[i]) / 4096;

        cr_assert_eq(P->mapped_for[first - 1], 0);
        cr_assert_eq(P->mapped_for[first + i + 1], 0);
        cr_assert_eq(P->mapped_for[first], FAKE_MODERN_BDF + 1);
    }
    cr_assert_eq(kernel_usage(K).pages_guard, 7);
}

Test(failures, memory_runs_out_without_a_trace_and_fragmented_holes_are_reused)
{
    struct nic n;
    cap_id buffers[BUFFERS_MAX];
    struct device_reply r;
    uint32_t made = 0;

    fake_init(P);
    fake_standard(P);
    P->dma_pages = 20;
    bench_start_prepared();
    nic_claim(&n, FAKE_MODERN_BDF);
    r = A->pool_create(CTX, n.device, 20);
    ok(r);
    n.pool = r.cap;
    for (; made < BUFFERS_MAX; made++) {
        r = A->buffer_create(CTX, n.pool, 8192, DMA_TO_DEVICE);
        if (!device_reply_ok(r))
            break;
        buffers[made] = r.cap;
    }
    cr_assert_eq(r.error, DEV_E_NO_MEMORY);
    cr_assert_eq(made, 6); /* 20 pages: six runs of two, seven guards */
    struct dma_queue_view v;
    nic_open(&n);
    refused(A->queue_create(CTX, n.pool, n.registers, 0, 8, 0, 1, &v), DEV_E_NO_MEMORY);
    ok(A->buffer_destroy(CTX, buffers[2]));
    refused(A->buffer_create(CTX, n.pool, 3 * 4096, DMA_TO_DEVICE), DEV_E_NO_MEMORY);
    ok(A->buffer_create(CTX, n.pool, 8192, DMA_TO_DEVICE));
    ok(A->release(CTX, n.device));
    as_before();
}

Test(failures, no_run_crosses_4_gib_in_device_terms_and_a_tiny_region_holds_none)
{
    struct nic n;
    struct device_reply r;

    fake_init(P);
    fake_standard(P);
    P->bus_base = 0x300000000ull - 5 * 4096;
    bench_start_prepared();
    nic_claim(&n, FAKE_MODERN_BDF);
    r = A->pool_create(CTX, n.device, 16);
    ok(r);
    n.pool = r.cap;
    r = A->buffer_create(CTX, n.pool, 6 * 4096, DMA_TO_DEVICE);
    ok(r);
    r = A->buffer_map(CTX, r.cap);
    cr_assert_eq(dma_offset((void *)(uintptr_t)r.value), 5 * 4096);
    fake_init(P);
    fake_standard(P);
    P->dma_pages = 2;
    bench_start_prepared();
    nic_claim(&n, FAKE_MODERN_BDF);
    r = A->pool_create(CTX, n.device, 1);
    ok(r);
    refused(A->buffer_create(CTX, r.cap, 1, DMA_TO_DEVICE), DEV_E_NO_MEMORY);
}

static const uint8_t *entry(uint16_t bdf, uint16_t vector)
{
    return &fake_at(P, bdf)->regs[bdf == FAKE_LEGACY_BDF ? 1 : 2][16u * vector];
}

Test(failures, an_interrupt_entry_is_programmed_masked_and_cleared_at_its_end)
{
    struct nic n;
    uint32_t words[4];

    nic_claim(&n, FAKE_LEGACY_BDF);
    struct device_reply r = A->interrupt_create(CTX, n.device, 3);
    ok(r);
    memcpy(words, entry(FAKE_LEGACY_BDF, 3), sizeof words);
    cr_assert_eq(words[0], 0xfee00000u);
    cr_assert_eq(words[2], 0x40u);
    cr_assert_eq(words[3], 1);
    cr_assert_eq(fake_at(P, FAKE_LEGACY_BDF)->config[0x98 + 3] & 0x80, 0);
    ok(A->interrupt_mask(CTX, r.cap, false));
    cr_assert_eq(fake_at(P, FAKE_LEGACY_BDF)->config[0x98 + 3] & 0x80, 0x80);
    ok(A->release(CTX, r.cap));
    memcpy(words, entry(FAKE_LEGACY_BDF, 3), sizeof words);
    cr_assert_eq(words[0], 0);
    cr_assert_eq(words[3], 1);
    cr_assert_eq(fake_at(P, FAKE_LEGACY_BDF)->config[0x98 + 3] & 0x80, 0);
    ok(A->release(CTX, n.device));
    as_before();
}

Test(failures, interrupts_are_refused_beyond_the_table_twice_and_where_there_is_none)
{
    struct nic n, other;

    fake_init(P);
    fake_standard(P);
    memset(&fake_at(P, FAKE_BEHIND_BDF)->config[0x40], 0, 12);
    bench_start_prepared();
    nic_claim(&n, FAKE_MODERN_BDF);
    refused(A->interrupt_create(CTX, n.device, 4), DEV_E_VECTOR);
    refused(A->interrupt_create(CTX, n.device, 0xffff), DEV_E_VECTOR);
    ok(A->interrupt_create(CTX, n.device, 0));
    refused(A->interrupt_create(CTX, n.device, 0), DEV_E_VECTOR);
    nic_claim(&other, FAKE_BEHIND_BDF);
    refused(A->interrupt_create(CTX, other.device, 0), DEV_E_NO_MSIX);
    excepted(A->interrupt_create(CTX, CAP_NONE, 0), CAP_EX_INVALID);
    excepted(A->interrupt_wait(CTX, n.device), CAP_EX_INTERFACE);
    excepted(A->interrupt_ack(CTX, n.device), CAP_EX_INTERFACE);
    excepted(A->interrupt_mask(CTX, n.device, true), CAP_EX_INTERFACE);
    ok(A->release(CTX, n.device));
    nic_claim(&n, FAKE_MODERN_BDF);
    fake_at(P, FAKE_MODERN_BDF)->dead_msix = true;
    fake_at(P, FAKE_MODERN_BDF)->regs[2][8] = 0xee;
    uint32_t routes = K->devices.routes_used;
    refused(A->interrupt_create(CTX, n.device, 0), DEV_E_NO_MSIX);
    cr_assert_eq(K->devices.routes_used, routes);
}

Test(failures, p17_an_interrupt_between_wait_and_ack_is_not_lost)
{
    struct nic n;

    nic_claim(&n, FAKE_MODERN_BDF);
    struct device_reply r = A->interrupt_create(CTX, n.device, 0);
    ok(r);
    cap_id i = r.cap;
    cr_assert_eq(A->interrupt_wait(CTX, i).value, 0);
    P->msi_count[0] += 2;
    cr_assert_eq(A->interrupt_wait(CTX, i).value, 2);
    P->msi_count[0]++;
    cr_assert_eq(A->interrupt_ack(CTX, i).value, 2);
    cr_assert_eq(A->interrupt_wait(CTX, i).value, 1);
    cr_assert_eq(A->interrupt_ack(CTX, i).value, 1);
    cr_assert_eq(A->interrupt_wait(CTX, i).value, 0);
}
