/* SPDX-License-Identifier: BSD-2-Clause */
/* Attacks on a device that is claimed and does not run: claims, windows, vectors, pools. */
#include "tests/hostile/program/bench.h"

#include "provider/format/virtio_ids.h"
#include "provider/tables.h"

/* Index of the claimed function in the scan record. */
static uint64_t index_of(struct bench *b)
{
    const struct ring_extra range = ring_range(b->share.cap, 0, sizeof(struct pci_function_info));

    for (uint64_t i = 0;; i++) {
        struct pci_function_info info;
        const struct ring_completion done =
            ring_call(&b->rt->ring, b->functions, FUNCTIONS_INFO, RING_ARGS(i), &range);

        MUST(b, ring_completed(&done));
        memcpy(&info, b->share.at, sizeof info);
        if (info.bdf == b->info.bdf)
            return i;
    }
}

void attack_take_twice(struct bench *b)
{
    (void)strike_call(b, b->functions, FUNCTIONS_TAKE, RING_ARGS(index_of(b)));
}

void attack_claim_twice(struct bench *b)
{
    (void)strike_call(b, b->device.function, FUNCTION_CLAIM, NULL);
}

void attack_devices(struct bench *b)
{
    (void)strike_call(b, b->second, FUNCTION_CLAIM, NULL);
}

void attack_quarantine_of_none(struct bench *b)
{
    (void)strike_call(b, b->inventory, INVENTORY_RELEASE, RING_ARGS(b->info.bdf));
}

void attack_dma_before_reset(struct bench *b)
{
    (void)strike_call(b, b->claimed, DEVICE_ENABLE_DMA, NULL);
}

static void open_with(struct bench *b, struct reg_window window)
{
    const bool modern = b->info.device >= VIRTIO_PCI_MODERN_FIRST;
    const struct reg_table *table = modern ? &virtio_net_modern_table : &virtio_net_legacy_table;
    const uint32_t bytes = table->section_count * (uint32_t)sizeof window;

    for (uint32_t i = 0; i < table->section_count; i++)
        memcpy(b->share.at + i * sizeof window, &window, sizeof window);
    (void)strike_range(b, b->claimed, DEVICE_OPEN_REGISTERS, RING_ARGS(modern ? 0 : 1),
                       ring_range(b->share.cap, 0, bytes));
}

void attack_table_beyond(struct bench *b)
{
    (void)strike_call(b, b->claimed, DEVICE_OPEN_REGISTERS, RING_ARGS(BENCH_TABLES));
}

void attack_window_beyond(struct bench *b)
{
    uint8_t bar = 0;

    while (bar + 1u < PCI_BARS && b->info.bars[bar].kind == PCI_BAR_ABSENT)
        bar++;
    open_with(b, (struct reg_window){.bar = bar, .length = 0xfffffff0u});
}

void attack_window_no_bar(struct bench *b)
{
    open_with(b, (struct reg_window){.bar = PCI_BARS, .length = 64});
}

void attack_window_over_msix(struct bench *b)
{
    MUST(b, b->info.msix.vectors != 0);
    open_with(b, (struct reg_window){
                     .bar = b->info.msix.table_bar, .offset = b->info.msix.table_offset, .length = 64});
}

void attack_window_missing(struct bench *b)
{
    (void)strike_call(b, b->claimed, DEVICE_OPEN_REGISTERS, RING_ARGS(0));
}

void attack_vector_beyond(struct bench *b)
{
    (void)strike_call(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(b->info.msix.vectors));
}

void attack_vector_wide(struct bench *b)
{
    (void)strike_call(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(1u << 16));
}

void attack_vector_twice(struct bench *b)
{
    const cap_id interrupt = made(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(0));

    (void)strike_call(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(0));
    released(b, interrupt);
}

void attack_mask_value(struct bench *b)
{
    const cap_id interrupt = made(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(0));

    (void)strike_call(b, interrupt, INTERRUPT_MASK, RING_ARGS(2));
    released(b, interrupt);
}

void attack_acknowledge_stale(struct bench *b)
{
    const cap_id interrupt = made(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(0));

    released(b, interrupt);
    (void)strike_call(b, interrupt, INTERRUPT_ACK, NULL);
}

void attack_registers(struct bench *b)
{
    const uint64_t *args = RING_ARGS(BENCH_TABLE_EMPTY);

    use_up(b, b->claimed, DEVICE_OPEN_REGISTERS, args);
    (void)strike_call(b, b->claimed, DEVICE_OPEN_REGISTERS, args);
    recovers(b, b->claimed, DEVICE_OPEN_REGISTERS, args);
}

void attack_interrupts(struct bench *b)
{
    uint64_t vector = 0;

    for (; b->cap_count < 3u; vector++)
        b->caps[b->cap_count++] = made(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(vector));
    (void)strike_call(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(vector));
    recovers(b, b->claimed, DEVICE_INTERRUPT_CREATE, RING_ARGS(vector));
}

void attack_pools(struct bench *b)
{
    use_up(b, b->claimed, DEVICE_POOL_CREATE, RING_ARGS(1));
    (void)strike_call(b, b->claimed, DEVICE_POOL_CREATE, RING_ARGS(1));
    give_back(b);
}

void attack_pool_pages(struct bench *b)
{
    const cap_id pool = made(b, b->claimed, DEVICE_POOL_CREATE, RING_ARGS(1000));

    (void)strike_call(b, b->claimed, DEVICE_POOL_CREATE, RING_ARGS(100));
    released(b, pool);
    released(b, made(b, b->claimed, DEVICE_POOL_CREATE, RING_ARGS(100)));
}

void attack_pool_wide(struct bench *b)
{
    (void)strike_call(b, b->claimed, DEVICE_POOL_CREATE, RING_ARGS(1ull << 32));
}
