/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench: see bench.h. */
#include "tests/unit/kernel/bench.h"

struct bench bench;

const struct reg_window modern_windows[3] = {
    {.bar = 0, .offset = 0, .length = 56},
    {.bar = 0, .offset = 0x1000, .length = 0x100, .bell_multiplier = 4},
    {.bar = 0, .offset = 0x2000, .length = 0x40},
};
const struct reg_window legacy_windows[1] = {{.bar = 0, .offset = 0, .length = 32}};

void bench_start_prepared(void)
{
    const struct budget_limits limits = budget_limits_generous();

    memset(&bench.kernel, 0x5a, sizeof bench.kernel); /* initialisation trusts no zeroes */
    kernel_init(K, P);
    kernel_scan(K);
    bench.owner = owner_create(K, &limits);
    cr_assert_not_null(bench.owner);
    bench.authority = kernel_authority(&bench.binding, K, bench.owner);
    bench.before = kernel_usage(K);
}

void bench_start(void)
{
    fake_init(P);
    fake_standard(P);
    bench_start_prepared();
}

void as_before(void)
{
    const struct kernel_usage now = kernel_usage(K);

    cr_assert_eq(memcmp(&now, &bench.before, sizeof now), 0, "something is still held");
}

void nic_claim(struct nic *n, uint16_t bdf)
{
    struct device_reply r = A->claim(CTX, bdf);

    ok(r);
    memset(n, 0, sizeof *n);
    n->device = r.cap;
    n->legacy = bdf == FAKE_LEGACY_BDF;
}

void nic_open(struct nic *n)
{
    struct device_reply r = n->legacy
                                ? A->open_registers(CTX, n->device, &virtio_net_legacy_table, legacy_windows)
                                : A->open_registers(CTX, n->device, &virtio_net_modern_table, modern_windows);

    ok(r);
    n->registers = r.cap;
}

struct device_reply write_status(const struct nic *n, uint32_t value)
{
    return A->reg_write(CTX, n->registers, n->legacy ? LEGACY_STATUS : MODERN_STATUS, 0, value);
}

struct device_reply read_status(const struct nic *n)
{
    return A->reg_read(CTX, n->registers, n->legacy ? LEGACY_STATUS : MODERN_STATUS, 0);
}

struct device_reply select_queue(const struct nic *n, uint16_t queue)
{
    return A->reg_write(CTX, n->registers, n->legacy ? LEGACY_QUEUE_SELECT : MODERN_QUEUE_SELECT, 0, queue);
}

void nic_reset(struct nic *n)
{
    ok(write_status(n, 0));
    for (uint32_t poll = 0; poll < 100; poll++) {
        struct device_reply r = read_status(n);

        ok(r);
        if (r.value == 0)
            return;
    }
    cr_assert_fail("the fake never confirmed");
}

void nic_memory(struct nic *n)
{
    struct device_reply r = A->pool_create(CTX, n->device, 32);

    ok(r);
    n->pool = r.cap;
    r = A->buffer_create(CTX, n->pool, 8 * 4096, DMA_FROM_DEVICE);
    ok(r);
    n->rx = r.cap;
    r = A->buffer_create(CTX, n->pool, 8 * 4096, DMA_TO_DEVICE);
    ok(r);
    n->tx = r.cap;
    r = A->buffer_map(CTX, n->rx);
    ok(r);
    n->rx_cpu = (uint8_t *)(uintptr_t)r.value;
    r = A->buffer_map(CTX, n->tx);
    ok(r);
    n->tx_cpu = (uint8_t *)(uintptr_t)r.value;
    for (uint16_t q = 0; q < 2; q++) {
        r = A->queue_create(CTX, n->pool, n->registers, q, 8, q, 1, &n->view[q]);
        ok(r);
        n->queue[q] = r.cap;
    }
}

void nic_enable(struct nic *n)
{
    if (n->legacy) {
        ok(A->reg_write(CTX, n->registers, LEGACY_GUEST_FEATURES, 0, 0));
    } else {
        ok(write_status(n, 11));
    }
    for (uint16_t q = 0; q < 2; q++) {
        ok(select_queue(n, q));
        if (n->legacy) {
            ok(A->reg_write_address(CTX, n->registers, LEGACY_QUEUE_PFN, n->queue[q]));
            continue;
        }
        for (uint16_t row = MODERN_QUEUE_DESC_LOW; row <= MODERN_QUEUE_DEVICE_HIGH; row++)
            ok(A->reg_write_address(CTX, n->registers, row, n->queue[q]));
        ok(A->reg_write(CTX, n->registers, MODERN_QUEUE_ENABLE, 0, 1));
    }
    ok(A->enable_dma(CTX, n->device));
}

void nic_run(struct nic *n)
{
    ok(write_status(n, n->legacy ? 7 : 15));
}

void nic_up(struct nic *n, uint16_t bdf)
{
    nic_claim(n, bdf);
    nic_open(n);
    nic_reset(n);
    nic_memory(n);
    nic_enable(n);
    nic_run(n);
}

struct dma_segment segment(cap_id buffer, uint32_t offset, uint32_t length, uint8_t direction)
{
    return (struct dma_segment){.buffer = buffer, .offset = offset, .length = length, .direction = direction};
}

struct dma_publication one(uint16_t slot, struct dma_segment s)
{
    return (struct dma_publication){.slots = {slot}, .count = 1, .segments = {s}};
}

struct device_reply publish_rx(const struct nic *n, uint16_t slot, uint32_t offset, uint32_t length)
{
    const struct dma_publication p = one(slot, segment(n->rx, offset, length, DMA_FROM_DEVICE));

    return A->publish(CTX, n->queue[0], &p, 1);
}

void device_index(const struct nic *n, uint32_t queue, uint16_t index)
{
    memcpy((uint8_t *)(uintptr_t)n->view[queue].device_area + 2, &index, 2);
}

void device_uses(const struct nic *n, uint32_t queue, uint32_t id, uint32_t length)
{
    uint8_t *area = (uint8_t *)(uintptr_t)n->view[queue].device_area;
    uint16_t index;

    memcpy(&index, area + 2, 2);
    memcpy(area + 4 + 8 * (index % n->view[queue].size), &id, 4);
    memcpy(area + 4 + 8 * (index % n->view[queue].size) + 4, &length, 4);
    device_index(n, queue, (uint16_t)(index + 1));
}

uint64_t dma_offset(const void *at)
{
    return (uint64_t)((const uint8_t *)at - P->dma);
}

uint64_t dma_page(const void *at)
{
    return dma_offset(at) & ~4095ull;
}

uint64_t dma_ring(const struct nic *n, uint32_t queue)
{
    cr_assert_eq(dma_offset(n->view[queue].device_area) % 4096u, 0);
    return dma_offset(n->view[queue].device_area) - 4096u;
}
