/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a lie is counted, and registers that only a test reads. */
#include "tests/hostile/attack.h"

#include "provider/tables.h"

static uint32_t bit(enum attack_counter counter, uint64_t value)
{
    return value != 0 ? 1u << counter : 0u;
}

uint32_t counted_by_provider(const struct virtio_net *nic)
{
    const struct vnet_counters *n = &nic->counters;
    const uint32_t *rx = nic->rx.faults;
    const uint32_t *tx = nic->tx.faults;
    return bit(COUNTER_RX_SHORT, n->rx_short) | bit(COUNTER_RX_LONG, n->rx_long) |
           bit(COUNTER_RX_BAD_HEADER, n->rx_bad_header) | bit(COUNTER_TX_FULL, n->tx_full) |
           bit(COUNTER_NEEDS_RESET, n->needs_reset) |
           bit(COUNTER_INDEX, rx[VIRTQ_FAULT_INDEX] + tx[VIRTQ_FAULT_INDEX]) |
           bit(COUNTER_RANGE, rx[VIRTQ_FAULT_RANGE] + tx[VIRTQ_FAULT_RANGE]) |
           bit(COUNTER_NOT_HEAD, rx[VIRTQ_FAULT_NOT_HEAD] + tx[VIRTQ_FAULT_NOT_HEAD]) |
           bit(COUNTER_NOT_POSTED, rx[VIRTQ_FAULT_NOT_POSTED] + tx[VIRTQ_FAULT_NOT_POSTED]) |
           bit(COUNTER_LENGTH, rx[VIRTQ_FAULT_LENGTH] + tx[VIRTQ_FAULT_LENGTH]);
}

uint32_t counted_by_kernel(const struct kernel_stats *now, const struct kernel_stats *before)
{
    uint64_t refused = 0;
    uint64_t faults = 0;
    for (uint32_t i = 0; i < DEV_E_COUNT; i++)
        if (i != DEV_E_UNCONFIRMED) /* its own counter says that */
            refused += now->errors[i] - before->errors[i];
    for (uint32_t i = 0; i < CAP_EX_COUNT; i++)
        refused += now->exceptions[i] - before->exceptions[i];
    for (uint32_t i = 0; i < BROKER_FAULT_COUNT; i++)
        faults += now->faults[i] - before->faults[i];
    return bit(COUNTER_KERNEL_REFUSED, refused) | bit(COUNTER_KERNEL_FAULTS, faults) |
           bit(COUNTER_KERNEL_EARLY, now->early_offers - before->early_offers) |
           bit(COUNTER_KERNEL_UNCONFIRMED, now->resets_unconfirmed - before->resets_unconfirmed);
}

struct hand_register {
    uint32_t offset;
    uint8_t section, width; /* width 0: no such register */
};

struct hand {
    enum dm_attack attack;
    bool running; /* false: read before anything is set up */
    struct hand_register modern, legacy;
};

void read_by_hand(struct rig *r, enum dm_attack attack, bool running)
{
    static const struct hand hands[] = {
        {DM_ATTACK_QUEUE_SIZE_CHANGES, true, {0x18, MODERN_COMMON, 2}, {12, 0, 2}},
        {DM_ATTACK_QUEUE_ENABLE_STUCK, false, {0x1c, MODERN_COMMON, 2}, {8, 0, 4}},
        {DM_ATTACK_FEATURE_READ_BACK, true, {0x0c, MODERN_COMMON, 4}, {0, 0, 0}},
        {DM_ATTACK_ISR_GARBAGE, true, {0, MODERN_ISR, 1}, {19, 0, 1}},
    };
    const struct virtio_probe probe = virtio_probe_function(&r->info);
    const bool modern = probe.kind == VIRTIO_MODERN;
    struct platform *p = &r->world.platform;
    for (size_t i = 0; i < sizeof hands / sizeof hands[0]; i++) {
        const struct hand_register *at = modern ? &hands[i].modern : &hands[i].legacy;
        const struct reg_window *w = &probe.windows[at->section];
        if (hands[i].attack != attack || hands[i].running != running || at->width == 0)
            continue;
        const uint32_t base = platform_pci_read(p, r->bdf, (uint16_t)(0x10u + 4u * w->bar), 4);
        if (modern)
            (void)platform_mmio_read(p, (base & ~15ull) + w->offset + at->offset, at->width);
        else
            (void)platform_port_read(p, (uint16_t)((base & ~3u) + at->offset), at->width);
    }
}
