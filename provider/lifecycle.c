/* SPDX-License-Identifier: BSD-2-Clause */
/* From a confirmed reset to a running device (virtio 1.2, 3.1.1 and 3.1.2), one step a poll. Each step may
 * fail; every failure goes to the one teardown, which knows from the state what is held. */
#include "provider/format/virtio_ids.h"
#include "provider/vnet_parts.h"

#include "abi/memory.h"

enum provider_error vnet_accept_features(enum virtio_transport_kind kind, uint64_t offered,
                                         uint64_t *accepted)
{
    uint64_t wanted = VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS;
    uint64_t needed = VIRTIO_NET_F_MAC;

    ASSERT(kind == VIRTIO_LEGACY || kind == VIRTIO_MODERN);
    wanted |= kind == VIRTIO_MODERN ? VIRTIO_F_VERSION_1 : VIRTIO_F_ANY_LAYOUT;
    needed |= kind == VIRTIO_MODERN ? VIRTIO_F_VERSION_1 : 0u;
    *accepted = offered & wanted;
    return (*accepted & needed) == needed ? PROVIDER_OK : PROVIDER_E_FEATURES;
}

/* A piece of the arena, aligned for anything in it. NULL: no room. */
static void *arena_take(struct virtio_net *nic, size_t bytes)
{
    uintptr_t base = (uintptr_t)nic->env.arena;
    uintptr_t start = (base + nic->arena_used + 7u) & ~(uintptr_t)7u;
    size_t end = (size_t)(start - base) + bytes;

    if (nic->env.arena == NULL || end > nic->env.arena_bytes)
        return NULL;
    nic->arena_used = end;
    return (uint8_t *)nic->env.arena + (start - base);
}

static enum provider_error acknowledge(struct virtio_net *nic)
{
    enum provider_error error =
        nic->transport->status_add(&nic->env.registers, &nic->status, VIRTIO_STATUS_ACKNOWLEDGE);

    ASSERT((nic->status & VIRTIO_STATUS_DRIVER) == 0);
    if (error == PROVIDER_OK)
        error = nic->transport->status_add(&nic->env.registers, &nic->status, VIRTIO_STATUS_DRIVER);
    return error;
}

static enum provider_error negotiate(struct virtio_net *nic)
{
    const struct transport_ops *t = nic->transport;
    enum provider_error error = t->features_read(&nic->env.registers, &nic->features_offered);

    if (error == PROVIDER_OK)
        error = vnet_accept_features(nic->probe.kind, nic->features_offered, &nic->features_accepted);
    if (error != PROVIDER_OK)
        return error;
    if (nic->probe.kind == VIRTIO_MODERN) {
        nic->header_bytes = VNET_HEADER_MODERN;
    } else {
        nic->header_bytes = VNET_HEADER_LEGACY;
        nic->header_apart = (nic->features_accepted & VIRTIO_F_ANY_LAYOUT) == 0;
    }
    return t->features_write(&nic->env.registers, &nic->status, nic->features_accepted);
}

static enum provider_error read_config(struct virtio_net *nic)
{
    static const uint8_t zero[6];
    uint8_t config[VIRTIO_NET_CONFIG_BYTES] = {0};
    bool has_status = (nic->features_accepted & VIRTIO_NET_F_STATUS) != 0;
    /* 2.5.1: a field is read only if its feature is offered. */
    uint16_t bytes = has_status ? VIRTIO_NET_CONFIG_BYTES : VIRTIO_NET_CONFIG_STATUS;
    enum provider_error error =
        nic->transport->config_read(&nic->env.registers, VIRTIO_NET_CONFIG_MAC, config, bytes);

    if (error != PROVIDER_OK)
        return error;
    /* 5.1.4.2: this is the address we send from; a group address or zero cannot be. */
    if ((config[0] & 1u) != 0 || memcmp(config, zero, sizeof zero) == 0)
        return PROVIDER_E_CONFIG;
    memcpy(nic->mac, config, sizeof nic->mac);
    nic->link_up = !has_status || (config[VIRTIO_NET_CONFIG_STATUS] & VIRTIO_NET_LINK_UP) != 0;
    return PROVIDER_OK;
}

/* The size is read once, checked, and never asked for again (Z1). */
static enum provider_error create_queue(struct virtio_net *nic, uint16_t queue, struct vnet_vector vector,
                                        struct virtq *q)
{
    struct virtio_queue_limits limits;
    struct provider_ring ring;
    struct virtq_slot *slots;
    const uint16_t avail_flags = (uint16_t)(vector.wanted ? 0u : SPLIT_AVAIL_NO_INTERRUPT);
    enum provider_error error = nic->transport->queue_limits(&nic->env.registers, queue, &limits);

    if (error == PROVIDER_OK && limits.size < vnet_chain_length(nic))
        error = PROVIDER_E_QUEUE_SIZE; /* 2.7.5.3.1: no chain longer than its queue */
    if (error == PROVIDER_E_QUEUE_SIZE)
        nic->rejected_queue_size = limits.size;
    if (error != PROVIDER_OK)
        return error;
    slots = arena_take(nic, limits.size * sizeof(struct virtq_slot));
    if (slots == NULL)
        return PROVIDER_E_MEMORY;
    /* Polled: unless the caller asked for a vector the device is asked for no interrupts (2.7.7.1), and
     * whatever it sends all the same, early or after its reset, finds nobody waiting (Z6). */
    error = nic->env.author.ops->queue_create(nic->env.author.ctx, queue, limits.size, limits.bell_index,
                                              avail_flags, &ring);
    if (error != PROVIDER_OK)
        return error;
    virtq_init(q, &ring, slots);
    if (vector.wanted)
        error = nic->transport->queue_vector(&nic->env.registers, queue, vector.number);
    return error == PROVIDER_OK ? nic->transport->queue_enable(&nic->env.registers, &q->ring) : error;
}

static enum provider_error create_queues(struct virtio_net *nic)
{
    enum provider_error error = create_queue(nic, VNET_QUEUE_RX, nic->env.rx_vector, &nic->rx);

    ASSERT(nic->header_bytes != 0);
    if (error == PROVIDER_OK)
        error = create_queue(nic, VNET_QUEUE_TX, nic->env.tx_vector, &nic->tx);
    return error;
}

static uint16_t clip_slots(const struct virtio_net *nic, uint16_t wanted, const struct virtq *q)
{
    uint16_t fit = nic->header_apart ? (uint16_t)(q->size / 2u) : q->size;

    ASSERT(fit > 0);
    return wanted < fit ? wanted : fit;
}

static enum provider_error create_buffers(struct virtio_net *nic)
{
    const struct author_ops *author = nic->env.author.ops;
    void *ctx = nic->env.author.ctx;
    uint16_t rx = clip_slots(nic, nic->env.rx_slots, &nic->rx);
    uint16_t tx = clip_slots(nic, nic->env.tx_slots, &nic->tx);
    enum provider_error error;

    nic->tx_free = arena_take(nic, tx * sizeof nic->tx_free[0]);
    nic->rx_state = arena_take(nic, rx);
    nic->tx_state = arena_take(nic, tx);
    if (nic->tx_free == NULL || nic->rx_state == NULL || nic->tx_state == NULL)
        return PROVIDER_E_MEMORY;
    memset(nic->rx_state, VNET_SLOT_FREE, rx);
    memset(nic->tx_state, VNET_SLOT_FREE, tx);
    error = author->buffer_create(ctx, rx * VNET_RX_SLOT_BYTES, DMA_FROM_DEVICE, &nic->rx_buffer);
    if (error == PROVIDER_OK)
        error = author->buffer_create(ctx, tx * VNET_TX_SLOT_BYTES, DMA_TO_DEVICE, &nic->tx_buffer);
    if (error != PROVIDER_OK)
        return error;
    for (uint16_t i = 0; i < tx; i++)
        nic->tx_free[i] = (uint16_t)(tx - 1u - i); /* slot 0 on top */
    nic->tx_free_count = tx;
    nic->rx_slots = rx;
    nic->tx_slots = tx;
    return PROVIDER_OK;
}

/* A device that reset itself since we set it up forgot its queues, and setting our bits again would hide that
 * for good; one that asks for a reset wants nothing more of us (2.1.1). Neither shows in a write. */
static enum provider_error go_live(struct virtio_net *nic)
{
    uint8_t status = 0;
    enum provider_error error = nic->transport->status_read(&nic->env.registers, &status);

    ASSERT(nic->status != 0);
    if (error != PROVIDER_OK)
        return error;
    if ((status & VIRTIO_STATUS_NEEDS_RESET) != 0 || (status & nic->status) != nic->status) {
        nic->counters.needs_reset++;
        nic->status &= status; /* bits that it lost are not set again on the way out */
        return PROVIDER_E_NEEDS_RESET;
    }
    return nic->transport->status_add(&nic->env.registers, &nic->status, VIRTIO_STATUS_DRIVER_OK);
}

/* 2.1.2: nothing is used before anything was posted. An index that moved early would shift every later
 * element. */
static bool used_early(struct virtio_net *nic)
{
    ASSERT(virtq_outstanding(&nic->rx) == 0);
    ASSERT(virtq_outstanding(&nic->tx) == 0);
    (void)virtq_ready(&nic->rx, 1);
    (void)virtq_ready(&nic->tx, 1);
    if (!nic->rx.broken && !nic->tx.broken)
        return false;
    nic->counters.faults++;
    return true;
}

/* Posts the next receive buffers; after DRIVER_OK, as no notification may come before it (3.1.1). */
static enum provider_error arm(struct virtio_net *nic, uint16_t budget)
{
    uint16_t slots[NIC_BATCH_MAX];
    uint16_t left = budget;

    ASSERT((nic->status & VIRTIO_STATUS_DRIVER_OK) != 0);
    if (nic->rx_armed == 0 && used_early(nic))
        return PROVIDER_E_NEEDS_RESET;
    while (left > 0 && nic->rx_armed < nic->rx_slots) {
        uint16_t count = (uint16_t)(nic->rx_slots - nic->rx_armed);

        count = count < NIC_BATCH_MAX ? count : (uint16_t)NIC_BATCH_MAX;
        count = count < left ? count : left;
        for (uint16_t i = 0; i < count; i++)
            slots[i] = (uint16_t)(nic->rx_armed + i);
        if (!vnet_rx_post(nic, slots, count, VNET_SLOT_FREE))
            return PROVIDER_OK; /* the teardown has begun, with its reason */
        nic->rx_armed = (uint16_t)(nic->rx_armed + count);
        left = (uint16_t)(left - count);
    }
    if (nic->rx_armed == nic->rx_slots)
        nic->state = VNET_RUNNING;
    return PROVIDER_OK;
}

void vnet_start_step(struct virtio_net *nic, uint16_t budget)
{
    enum provider_error error = PROVIDER_E_STATE;

    ASSERT(nic->state == VNET_STARTING);
    switch ((enum vnet_step)nic->step) {
    case VNET_STEP_ACKNOWLEDGE:
        error = acknowledge(nic);
        break;
    case VNET_STEP_FEATURES:
        error = negotiate(nic);
        break;
    case VNET_STEP_CONFIG:
        error = read_config(nic);
        break;
    case VNET_STEP_DMA:
        error = nic->env.registers.ops->enable_dma(nic->env.registers.ctx);
        break;
    case VNET_STEP_QUEUES:
        error = create_queues(nic);
        break;
    case VNET_STEP_BUFFERS:
        error = create_buffers(nic);
        break;
    case VNET_STEP_DRIVER_OK:
        error = go_live(nic);
        break;
    case VNET_STEP_ARM:
        error = arm(nic, budget);
        break;
    case VNET_STEP_COUNT:
        break;
    }
    if (error != PROVIDER_OK)
        vnet_teardown_begin(nic, error);
    else if (nic->step != VNET_STEP_ARM)
        nic->step++;
}
