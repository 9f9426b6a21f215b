/* SPDX-License-Identifier: BSD-2-Clause */
/* Device status, reset, notifications, interrupts (virtio 1.2, 2.1, 2.4, 3.1): what both transports share.
 * Trusts no write: each is judged by the monitors and then obeyed as far as a device can. */
#include <assert.h>

#include "net_model.h"

#define STATUS_DEVICE_BITS DM_STATUS_NEEDS_RESET

void dm_interrupt(struct dm_net *net, uint16_t vector, uint8_t isr_bit)
{
    if (!dm_function_msix_enabled(net->function)) {
        net->isr |= isr_bit;
        (void)dm_function_set_intx(net->function, true);
        return;
    }
    if (vector != DM_NO_VECTOR)
        (void)dm_function_msix_raise(net->function, vector);
}

void dm_config_changed(struct dm_net *net)
{
    net->generation++;
    if (net->status & DM_STATUS_DRIVER_OK)
        dm_interrupt(net, net->config_vector, 2u);
}

void dm_device_needs_reset(struct dm_net *net)
{
    if (net->status & DM_STATUS_NEEDS_RESET)
        return;
    net->status |= DM_STATUS_NEEDS_RESET;
    if (net->status & DM_STATUS_DRIVER_OK)
        dm_interrupt(net, net->config_vector, 2u); /* 2.1.2 */
}

uint16_t dm_vector_accept(const struct dm_net *net, uint16_t wanted)
{
    return wanted < net->config.msix_vectors ? wanted : DM_NO_VECTOR;
}

/* The oldest receive buffer: where a hostile device writes after its reset. */
static void remember_receive_buffer(struct dm_net *net)
{
    const struct dm_queue *q = &net->queues[DM_RX];
    if (!q->enabled || q->fifo_count == 0)
        return; /* a second reset in a row does not make the device forget */
    net->old_receive_buffer = (dm_addr){q->copy[q->fifo[q->fifo_at]].address};
    net->late_write_due = net->hostile_touched;
}

/* The device is as after power-on, but for what the world set: link, MAC, generation. */
static void reset_now(struct dm_net *net)
{
    remember_receive_buffer(net);
    for (unsigned i = 0; i < DM_NET_QUEUES; i++)
        dm_queue_reset(net, &net->queues[i]);
    net->firmware.live = false;
    dm_firmware_unmap(net);
    net->accepted = 0;
    net->device_feature_select = 0;
    net->driver_feature_select = 0;
    net->queue_select = 0;
    net->config_vector = DM_NO_VECTOR;
    net->config_vector_checked = true;
    net->status = 0;
    net->isr = 0;
    (void)dm_function_set_intx(net->function, false);
    net->header_bytes = 0;
    net->reset_pending = false;
    net->pending.head = 0;
    net->pending.tail = 0;
    net->counts.resets++;
}

void dm_device_resets_itself(struct dm_net *net)
{
    const bool lost = net->status != 0 && !net->life.reset_unconfirmed;
    const uint32_t negotiations = net->life.negotiations;
    reset_now(net);
    if (lost) /* before ACKNOWLEDGE, and while a reset is waited for, nobody can tell the difference */
        net->life =
            (struct dm_life){.reset_written = true, .reset_itself = true, .negotiations = negotiations};
}

static void reset_written(struct dm_net *net)
{
    struct dm_life *life = &net->life;
    bool confirmed_empty = net->status == 0 && !net->reset_pending;
    uint32_t negotiations = life->negotiations;
    if (life->needs_reset_read)
        dm_check(net, DM_RULE_NEEDS_RESET_HEEDED, true, "reset after DEVICE_NEEDS_RESET");
    if (life->refusal_read)
        dm_check(net, DM_RULE_STOP_AFTER_REFUSAL, true, "reset after a refusal");
    *life = (struct dm_life){.reset_written = true, .reset_unconfirmed = true, .negotiations = negotiations};
    if (net->reset_pending || (!confirmed_empty && dm_attacks(net, DM_ATTACK_RESET_NEVER)))
        return;
    if (!confirmed_empty && dm_attacks(net, DM_ATTACK_RESET_LATE)) {
        net->reset_pending = true;
        net->reset_reads_left = dm_attack_value(net, DM_ATTACK_RESET_LATE);
        return;
    }
    reset_now(net);
}

void dm_check_write(struct dm_net *net, const char *what)
{
    if (!net->monitor.enabled)
        return;
    dm_check(net, DM_RULE_WAIT_FOR_RESET, !net->life.reset_unconfirmed, "%s before status was read as 0",
             what);
    dm_check(net, DM_RULE_STOP_AFTER_FAILED, !(net->status & DM_STATUS_FAILED), "%s after FAILED", what);
}

static void check_status_order(struct dm_net *net, uint8_t value, uint8_t fresh, bool legacy)
{
    uint8_t seen = net->status;
    const struct dm_life *life = &net->life;
    if (fresh & DM_STATUS_ACKNOWLEDGE)
        dm_check(net, DM_RULE_RESET_FIRST, life->reset_written, "ACKNOWLEDGE without a reset since power-on");
    if (fresh & DM_STATUS_DRIVER)
        dm_check(net, DM_RULE_STATUS_ORDER, value & DM_STATUS_ACKNOWLEDGE, "DRIVER without ACKNOWLEDGE: %#x",
                 value);
    if (legacy) {
        dm_check(net, DM_RULE_LEGACY_ORDER, !(value & DM_STATUS_FEATURES_OK), "FEATURES_OK on legacy: %#x",
                 value);
        if (fresh & DM_STATUS_DRIVER_OK) {
            dm_check(net, DM_RULE_LEGACY_ORDER, (seen & DM_STATUS_DRIVER) && life->features_written,
                     "DRIVER_OK after status %#x, features %swritten", seen,
                     life->features_written ? "" : "not ");
        }
        return;
    }
    if (fresh & DM_STATUS_FEATURES_OK)
        dm_check(net, DM_RULE_STATUS_ORDER, (seen & DM_STATUS_DRIVER) && life->features_written,
                 "FEATURES_OK after status %#x, features %swritten", seen,
                 life->features_written ? "" : "not ");
    if (fresh & DM_STATUS_DRIVER_OK) {
        dm_check(net, DM_RULE_STATUS_ORDER, seen & DM_STATUS_FEATURES_OK, "DRIVER_OK after status %#x", seen);
        dm_check(net, DM_RULE_FEATURES_OK_READ_BACK, life->features_ok_read, "DRIVER_OK, status not re-read");
    }
    if (life->refusal_read)
        dm_check(net, DM_RULE_STOP_AFTER_REFUSAL, value & DM_STATUS_FAILED, "status %#x after a refusal",
                 value);
}

/* What must be done by DRIVER_OK: configuration read under its rules, vectors confirmed. */
static void check_ready(struct dm_net *net, bool legacy)
{
    const struct dm_life *life = &net->life;
    if (life->mac_read && legacy)
        dm_check(net, DM_RULE_LEGACY_CONFIG_TWICE, (life->mac_read_twice & life->mac_read) == life->mac_read,
                 "MAC bytes %#x read once only", life->mac_read & ~life->mac_read_twice);
    if (life->mac_read && !legacy)
        dm_check(net, DM_RULE_CONFIG_GENERATION, !life->mac_unguarded && !life->mac_after_generation,
                 "MAC read outside two reads of config_generation");
    for (unsigned i = 0; i < DM_NET_QUEUES; i++) {
        const struct dm_queue *q = &net->queues[i];
        if (q->vector != DM_NO_VECTOR)
            dm_check(net, DM_RULE_VECTOR_READ_BACK, q->vector_checked, "queue %u: vector not read back", i);
    }
    if (net->config_vector != DM_NO_VECTOR)
        dm_check(net, DM_RULE_VECTOR_READ_BACK, net->config_vector_checked,
                 "configuration vector not read back");
}

static void check_status(struct dm_net *net, uint8_t value, bool legacy)
{
    uint8_t held = net->status & (uint8_t)~STATUS_DEVICE_BITS;
    uint8_t fresh = value & (uint8_t)~net->status;
    if (!net->monitor.enabled)
        return;
    dm_check(net, DM_RULE_STATUS_NO_CLEAR, (value & held) == held, "status %#x written over %#x", value,
             held);
    dm_check(net, DM_RULE_WAIT_FOR_RESET, !net->life.reset_unconfirmed || value == DM_STATUS_FAILED,
             "status %#x before status was read as 0", value);
    if (net->status & DM_STATUS_FAILED)
        dm_check(net, DM_RULE_RESET_AFTER_FAILED, !(fresh & (uint8_t)~DM_STATUS_FAILED),
                 "status %#x after FAILED", value);
    check_status_order(net, value, fresh, legacy);
    if (fresh & DM_STATUS_DRIVER_OK)
        check_ready(net, legacy);
}

void dm_status_write(struct dm_net *net, uint8_t value, bool legacy)
{
    uint8_t fresh = value & (uint8_t)~net->status;
    if (value == 0) {
        reset_written(net);
        return;
    }
    check_status(net, value, legacy);
    if (net->reset_pending)
        return;
    if (!legacy && (fresh & DM_STATUS_FEATURES_OK)) {
        net->life.negotiations++;
        net->life.features_ok_written = true;
        net->life.features_ok_read = false;
        if (!dm_features_judge(net, false))
            value &= (uint8_t)~DM_STATUS_FEATURES_OK;
    }
    if (legacy && (fresh & DM_STATUS_DRIVER_OK))
        (void)dm_features_judge(net, true);
    if (fresh & DM_STATUS_DRIVER_OK)
        net->header_bytes =
            dm_negotiated(net, DM_F_VERSION_1 | DM_NET_F_MRG_RXBUF) ? DM_HEADER_LONG : DM_HEADER_SHORT;
    net->status = (uint8_t)(value | (net->status & STATUS_DEVICE_BITS));
}

uint8_t dm_status_read(struct dm_net *net, bool legacy)
{
    if (dm_attacks(net, DM_ATTACK_STATUS_GARBAGE))
        return (uint8_t)dm_attack_value(net, DM_ATTACK_STATUS_GARBAGE);
    if (net->reset_pending) {
        if (net->reset_reads_left > 0) {
            net->reset_reads_left--;
            return net->status ? net->status : DM_STATUS_ACKNOWLEDGE;
        }
        reset_now(net);
    }
    if (net->status == 0 && net->life.reset_unconfirmed) {
        net->life.reset_unconfirmed = false;
        net->life.needs_reset_read = false; /* of a device that asked for a reset meanwhile: it had one */
    }
    if (net->status == 0 && net->life.reset_itself) {
        net->life.reset_itself = false;
        net->life.needs_reset_read = true; /* from here on it must know, and nothing but a reset is right */
    }
    if (net->life.features_ok_written && !legacy) {
        net->life.features_ok_read = true;
        net->life.refusal_read = !(net->status & DM_STATUS_FEATURES_OK);
    }
    net->life.needs_reset_read |= (net->status & DM_STATUS_NEEDS_RESET) != 0;
    return net->status;
}

uint8_t dm_isr_read(struct dm_net *net)
{
    uint8_t value = net->isr;
    dm_check(net, DM_RULE_ISR_WITH_MSIX, !dm_function_msix_enabled(net->function),
             "ISR read with MSI-X enabled");
    if (dm_attacks(net, DM_ATTACK_ISR_GARBAGE))
        return (uint8_t)dm_attack_value(net, DM_ATTACK_ISR_GARBAGE);
    net->isr = 0;
    (void)dm_function_set_intx(net->function, false);
    return value;
}

void dm_notified(struct dm_net *net, uint32_t index, uint8_t width, uint16_t by_address)
{
    bool exists = index < DM_NET_QUEUES && net->queues[index].max_size != 0;
    net->counts.kicks++;
    dm_check(net, DM_RULE_KICK_FORMAT,
             width == 2 && exists && index == by_address &&
                 net->queues[index < DM_NET_QUEUES ? index : 0].enabled,
             "%u-byte notification of queue %u at the place of queue %u", width, index, by_address);
    dm_check(net, DM_RULE_KICK_AFTER_DRIVER_OK, net->status & DM_STATUS_DRIVER_OK,
             "notification at status %#x", net->status);
    dm_check(net, DM_RULE_WAIT_FOR_RESET, !net->life.reset_unconfirmed, "notification during a reset");
    if (net->life.needs_reset_read)
        dm_check(net, DM_RULE_NEEDS_RESET_HEEDED, false, "notification after DEVICE_NEEDS_RESET was read");
    dm_check(net, DM_RULE_BUS_MASTER, dm_function_bus_master(net->function),
             "notification without bus mastering");
    if (!exists)
        return;
    net->queues[index].kicked = true;
    net->queues[index].unkicked = false;
}
