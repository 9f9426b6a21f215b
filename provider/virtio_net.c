/* SPDX-License-Identifier: BSD-2-Clause */
/* A polled virtio network provider: opening, the poll that moves its life on, closing. Owns no memory: state,
 * arena, registers and author are the caller's. Trusts nothing that the device says. */
#include "provider/virtio_net.h"

#include "provider/format/virtio_ids.h"
#include "provider/vnet_parts.h"

_Static_assert((VNET_HEALTH_POLLS & (VNET_HEALTH_POLLS - 1u)) == 0, "paced by a mask");

size_t vnet_arena_bytes(void)
{
    /* Two queues' shadows, the stack of free transmit slots, a state byte for each slot; alignment of four
     * pieces. */
    return 2u * SPLIT_SIZE_MAX * sizeof(struct virtq_slot) + VNET_SLOTS_MAX * sizeof(uint16_t) +
           2u * VNET_SLOTS_MAX + 5u * sizeof(uint64_t);
}

enum provider_error vnet_open(struct virtio_net *nic, const struct vnet_env *env)
{
    struct virtio_probe probe;
    const struct transport_ops *transport;
    enum provider_error error;

    ASSERT(nic != NULL);
    ASSERT(env->info != NULL);
    if (nic->state != VNET_CLOSED)
        return PROVIDER_E_STATE;
    if (env->rx_slots == 0 || env->rx_slots > VNET_SLOTS_MAX || env->tx_slots == 0 ||
        env->tx_slots > VNET_SLOTS_MAX)
        return PROVIDER_E_RANGE;
    probe = virtio_probe_function(env->info);
    if (probe.device_type != VIRTIO_TYPE_NETWORK)
        return PROVIDER_E_NOT_VIRTIO;
    if (probe.kind == VIRTIO_NONE)
        return PROVIDER_E_NO_TRANSPORT;
    transport = probe.kind == VIRTIO_MODERN ? &virtio_modern_transport : &virtio_legacy_transport;

    *nic = (struct virtio_net){.transport = transport, .env = *env, .probe = probe};
    error = env->registers.ops->open(env->registers.ctx, transport->table, nic->probe.windows);
    if (error != PROVIDER_OK)
        return error;
    /* 3.1.1 step 1: whatever firmware or a former driver left running ends here. */
    error = transport->reset(&nic->env.registers);
    if (error != PROVIDER_OK) {
        env->registers.ops->close(env->registers.ctx);
        return error;
    }
    nic->counters.resets = 1;
    nic->state = VNET_RESETTING;
    return PROVIDER_OK;
}

/* The first reset, before anything is held but the registers. */
static void resetting(struct virtio_net *nic, uint64_t now_ns)
{
    bool done = false;

    ASSERT(nic->step == VNET_STEP_ACKNOWLEDGE);
    if (!vnet_reset_wait(nic, now_ns, &done)) {
        nic->error = PROVIDER_E_RESET;
        nic->state = VNET_QUARANTINED;
    } else if (done) {
        nic->state = VNET_STARTING;
    }
}

/* Whether the device still works for us (2.1.1); DRIVER_OK gone means that it was reset behind our back. */
static void check_status(struct virtio_net *nic)
{
    uint8_t status = 0;
    enum provider_error error = nic->transport->status_read(&nic->env.registers, &status);

    if (error != PROVIDER_OK) {
        vnet_teardown_begin(nic, error);
        return;
    }
    if ((status & VIRTIO_STATUS_NEEDS_RESET) == 0 && (status & VIRTIO_STATUS_DRIVER_OK) != 0)
        return;
    nic->counters.needs_reset++;
    vnet_teardown_begin(nic, PROVIDER_E_NEEDS_RESET);
}

static void check_link(struct virtio_net *nic)
{
    uint8_t status[2];
    enum provider_error error;

    if ((nic->features_accepted & VIRTIO_NET_F_STATUS) == 0)
        return;
    error = nic->transport->config_read(&nic->env.registers, VIRTIO_NET_CONFIG_STATUS, status, sizeof status);
    if (error == PROVIDER_OK)
        nic->link_up = (status[0] & VIRTIO_NET_LINK_UP) != 0;
    else if (error !=
             PROVIDER_E_CONFIG) /* a link that flaps faster than it can be read keeps its last state */
        vnet_teardown_begin(nic, error);
}

static void running(struct virtio_net *nic, uint16_t budget)
{
    uint32_t phase = nic->polls++ & (VNET_HEALTH_POLLS - 1u);

    if (phase == 0)
        check_status(nic);
    else if (phase == VNET_HEALTH_POLLS / 2u)
        check_link(nic);
    if (nic->state == VNET_RUNNING)
        vnet_tx_reap(nic, budget);
}

enum vnet_state vnet_poll(struct virtio_net *nic, uint64_t now_ns, uint16_t budget)
{
    ASSERT((unsigned)nic->state < VNET_STATE_COUNT);
    switch (nic->state) {
    case VNET_RUNNING:
        running(nic, budget);
        break;
    case VNET_RESETTING:
        resetting(nic, now_ns);
        break;
    case VNET_STARTING:
        vnet_start_step(nic, budget);
        break;
    case VNET_STOPPING:
        vnet_teardown_step(nic, now_ns);
        break;
    case VNET_CLOSED:
    case VNET_STOPPED:
    case VNET_QUARANTINED:
    case VNET_STATE_COUNT:
        break;
    }
    return nic->state;
}

void vnet_stop(struct virtio_net *nic)
{
    vnet_teardown_begin(nic, PROVIDER_OK);
}

enum provider_error vnet_close(struct virtio_net *nic)
{
    if (nic->state != VNET_CLOSED && nic->state != VNET_STOPPED && nic->state != VNET_QUARANTINED)
        return PROVIDER_E_STATE;
    *nic = (struct virtio_net){.state = VNET_CLOSED};
    return PROVIDER_OK;
}

enum nic_link vnet_link(const struct virtio_net *nic)
{
    if (nic->state != VNET_RUNNING)
        return NIC_LINK_UNKNOWN;
    return nic->link_up ? NIC_LINK_UP : NIC_LINK_DOWN;
}
