/* SPDX-License-Identifier: BSD-2-Clause */
/* The modern register windows in BAR 4 (virtio 1.2, 4.1.4): common, ISR, device configuration, notification.
 */
#include "virtio_modern.h"
#include "net_model.h"

enum common { /* 4.1.4.3 */
              DEVICE_FEATURE_SELECT = 0x00,
              DEVICE_FEATURE = 0x04,
              DRIVER_FEATURE_SELECT = 0x08,
              DRIVER_FEATURE = 0x0c,
              CONFIG_VECTOR = 0x10,
              NUM_QUEUES = 0x12,
              DEVICE_STATUS = 0x14,
              CONFIG_GENERATION = 0x15,
              QUEUE_SELECT = 0x16,
              QUEUE_SIZE = 0x18,
              QUEUE_VECTOR = 0x1a,
              QUEUE_ENABLE = 0x1c,
              QUEUE_NOTIFY_OFF = 0x1e,
              QUEUE_DESC = 0x20,
              QUEUE_DRIVER = 0x28,
              QUEUE_DEVICE = 0x30,
              COMMON_END = 0x38
};

/* Width of the field that starts at `offset`; 0: no field starts there. 64-bit fields are two of 4 (4.1.3.1).
 */
static uint8_t natural_width(uint32_t offset)
{
    if (offset < CONFIG_VECTOR || (offset >= QUEUE_DESC && offset < COMMON_END))
        return offset % 4 == 0 ? 4 : 0;
    if (offset == DEVICE_STATUS || offset == CONFIG_GENERATION)
        return 1;
    return offset < QUEUE_DESC && offset % 2 == 0 ? 2 : 0;
}

static bool read_only(uint32_t offset)
{
    return offset == DEVICE_FEATURE || offset == NUM_QUEUES || offset == CONFIG_GENERATION ||
           offset == QUEUE_NOTIFY_OFF;
}

static struct dm_queue *selected(struct dm_net *net)
{
    if (net->queue_select >= DM_NET_QUEUES || net->queues[net->queue_select].max_size == 0)
        return NULL;
    return &net->queues[net->queue_select];
}

static uint32_t feature_window(struct dm_net *net)
{
    uint64_t shown = dm_features_shown(net, false);
    uint32_t select = net->device_feature_select;
    if (dm_attacks(net, DM_ATTACK_FEATURE_SELECT_IGNORED))
        select = 0;
    return select > 1 ? 0 : (uint32_t)(shown >> (32u * select));
}

static uint32_t queue_size(struct dm_net *net, struct dm_queue *q)
{
    if (!q)
        return 0;
    if (dm_attacks(net, DM_ATTACK_QUEUE_SIZE_LIE))
        return (uint16_t)dm_attack_value(net, DM_ATTACK_QUEUE_SIZE_LIE);
    if (q->size_reads++ > 0 && dm_attacks(net, DM_ATTACK_QUEUE_SIZE_CHANGES))
        return (uint16_t)dm_attack_value(net, DM_ATTACK_QUEUE_SIZE_CHANGES);
    return q->size;
}

static uint32_t read_queue(struct dm_net *net, uint32_t offset)
{
    struct dm_queue *q = selected(net);
    if (offset == QUEUE_SIZE)
        return queue_size(net, q);
    if (!q)
        return offset == QUEUE_VECTOR ? DM_NO_VECTOR : 0;
    switch (offset) {
    case QUEUE_VECTOR:
        q->vector_checked = true;
        return dm_attacks(net, DM_ATTACK_MSIX_NO_VECTOR) ? DM_NO_VECTOR : q->vector;
    case QUEUE_ENABLE:
        return q->enabled || dm_attacks(net, DM_ATTACK_QUEUE_ENABLE_STUCK);
    case QUEUE_NOTIFY_OFF:
        return dm_attacks(net, DM_ATTACK_CAP_NOTIFY_SHORT) ? DM_NOTIFY_OFF_BEYOND : q->index;
    case QUEUE_DESC:
        return (uint32_t)q->desc;
    case QUEUE_DESC + 4:
        return (uint32_t)(q->desc >> 32);
    case QUEUE_DRIVER:
        return (uint32_t)q->driver;
    case QUEUE_DRIVER + 4:
        return (uint32_t)(q->driver >> 32);
    case QUEUE_DEVICE:
        return (uint32_t)q->device;
    case QUEUE_DEVICE + 4:
        return (uint32_t)(q->device >> 32);
    default:
        return 0;
    }
}

static uint32_t queues_offered(const struct dm_net *net)
{
    return net->queues[DM_CTRL].max_size ? 3 : 2;
}

static uint32_t common_read(struct dm_net *net, uint32_t offset)
{
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        return net->device_feature_select;
    case DEVICE_FEATURE:
        return feature_window(net);
    case DRIVER_FEATURE_SELECT:
        return net->driver_feature_select;
    case DRIVER_FEATURE:
        if (dm_attacks(net, DM_ATTACK_FEATURE_READ_BACK))
            return (uint32_t)dm_attack_value(net, DM_ATTACK_FEATURE_READ_BACK);
        return net->driver_feature_select > 1
                   ? 0
                   : (uint32_t)(net->accepted >> (32u * net->driver_feature_select));
    case CONFIG_VECTOR:
        net->config_vector_checked = true;
        return dm_attacks(net, DM_ATTACK_MSIX_NO_VECTOR) ? DM_NO_VECTOR : net->config_vector;
    case NUM_QUEUES:
        return queues_offered(net);
    case DEVICE_STATUS:
        return dm_status_read(net, false);
    case CONFIG_GENERATION:
        return dm_generation_read(net);
    case QUEUE_SELECT:
        return net->queue_select;
    default:
        return read_queue(net, offset);
    }
}

/* All fields first, none after; never 0 (4.1.4.3.2). */
static void enable_queue(struct dm_net *net, struct dm_queue *q, uint32_t value)
{
    dm_check(net, DM_RULE_QUEUE_ENABLE_NOT_ZERO, value == 1, "queue %u: %u written to queue_enable", q->index,
             value);
    if (value != 1)
        return;
    dm_check(net, DM_RULE_QUEUE_FIELDS_FIRST, q->written == 7 && !q->enabled,
             "queue %u enabled with addresses %#x of 7 written", q->index, q->written);
    dm_check(net, DM_RULE_QUEUE_SETUP_ORDER,
             (net->status & (DM_STATUS_FEATURES_OK | DM_STATUS_DRIVER_OK)) == DM_STATUS_FEATURES_OK,
             "queue %u set up at status %#x", q->index, net->status);
    if (net->life.refusal_read)
        dm_check(net, DM_RULE_STOP_AFTER_REFUSAL, false, "queue %u set up after a refusal", q->index);
    if (q->enabled || net->reset_pending)
        return;
    if (!dm_queue_start(net, q)) {
        dm_queue_break(net, q);
        dm_device_needs_reset(net);
    }
}

static void write_address(struct dm_net *net, struct dm_queue *q, uint32_t offset, uint32_t value)
{
    unsigned which = (offset - QUEUE_DESC) / 8u;
    uint64_t *addresses[3] = {&q->desc, &q->driver, &q->device};
    uint64_t *a = addresses[which];
    dm_check(net, DM_RULE_QUEUE_FIELDS_FIRST, !q->enabled, "queue %u: field %#x written while enabled",
             q->index, offset);
    if (q->enabled)
        return;
    if (offset % 8)
        *a = (*a & UINT32_MAX) | ((uint64_t)value << 32);
    else
        *a = (*a & ~(uint64_t)UINT32_MAX) | value;
    q->written |= (uint8_t)(1u << which);
}

static void write_queue(struct dm_net *net, uint32_t offset, uint32_t value)
{
    struct dm_queue *q = selected(net);
    dm_check_write(net, "queue field");
    if (!q)
        return;
    switch (offset) {
    case QUEUE_SIZE:
        dm_check(net, DM_RULE_QUEUE_SIZE_POWER_OF_TWO, value != 0 && (value & (value - 1u)) == 0,
                 "queue %u: size %u", q->index, value);
        dm_check(net, DM_RULE_QUEUE_FIELDS_FIRST, !q->enabled, "queue %u: size written while enabled",
                 q->index);
        if (!q->enabled && value != 0 && value <= q->max_size) /* never absent by a write */
            q->size = (uint16_t)value;
        break;
    case QUEUE_VECTOR:
        q->vector = dm_vector_accept(net, (uint16_t)value);
        q->vector_checked = false;
        break;
    case QUEUE_ENABLE:
        enable_queue(net, q, value);
        break;
    default:
        write_address(net, q, offset, value);
        break;
    }
}

static void common_write(struct dm_net *net, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        net->device_feature_select = value;
        break;
    case DRIVER_FEATURE_SELECT:
        dm_check_write(net, "driver_feature_select");
        net->driver_feature_select = value;
        break;
    case DRIVER_FEATURE:
        if (net->driver_feature_select <= 1)
            dm_features_written(net, net->driver_feature_select == 1, value, false);
        break;
    case CONFIG_VECTOR:
        net->config_vector = dm_vector_accept(net, (uint16_t)value);
        net->config_vector_checked = false;
        break;
    case DEVICE_STATUS:
        dm_status_write(net, (uint8_t)value, false);
        break;
    case QUEUE_SELECT:
        dm_check_write(net, "queue_select");
        net->queue_select = (uint16_t)value;
        break;
    default:
        write_queue(net, offset, value);
        break;
    }
}

uint32_t dm_modern_read(struct dm_net *net, uint32_t offset, uint8_t width)
{
    if (offset >= DM_DEVICE_OFFSET && offset < DM_NOTIFY_OFFSET)
        return net->class->config_read(net, offset - DM_DEVICE_OFFSET, width, false);
    if (offset == DM_ISR_OFFSET) {
        dm_check(net, DM_RULE_FIELD_WIDTH, width == 1, "%u-byte read of the ISR", width);
        return dm_isr_read(net);
    }
    if (offset >= COMMON_END)
        return 0;
    dm_check(net, DM_RULE_FIELD_WIDTH, natural_width(offset) == width, "%u-byte read at common %#x", width,
             offset);
    if (natural_width(offset) == 0)
        return 0;
    return dm_mask_width(common_read(net, offset), width);
}

void dm_modern_write(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t value)
{
    if (offset >= DM_NOTIFY_OFFSET) {
        dm_notified(net, value, width, (uint16_t)((offset - DM_NOTIFY_OFFSET) / DM_NOTIFY_MULTIPLIER));
        return;
    }
    if (offset >= DM_DEVICE_OFFSET) {
        net->class->config_write(net, offset - DM_DEVICE_OFFSET, width, value, false);
        return;
    }
    if (offset >= COMMON_END) {
        dm_check(net, DM_RULE_READ_ONLY_FIELD, false, "write at %#x, beyond the common fields", offset);
        return;
    }
    dm_check(net, DM_RULE_FIELD_WIDTH, natural_width(offset) == width, "%u-byte write at common %#x", width,
             offset);
    dm_check(net, DM_RULE_READ_ONLY_FIELD, !read_only(offset), "write of common %#x", offset);
    if (natural_width(offset) == width && !read_only(offset))
        common_write(net, offset, value);
}
