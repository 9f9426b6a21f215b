/* SPDX-License-Identifier: BSD-2-Clause */
/* The legacy register block in BAR 0 (virtio 1.2, 4.1.4.10 and the legacy sections): one 4096-aligned ring a
 * queue, its size the device's. Accesses of odd widths are judged and then served as bytes would be. */
#include "net_model.h"

#define HOST_FEATURES       0x00u
#define GUEST_FEATURES      0x04u
#define QUEUE_PFN           0x08u
#define QUEUE_SIZE          0x0cu
#define QUEUE_SELECT        0x0eu
#define QUEUE_NOTIFY        0x10u
#define STATUS              0x12u
#define ISR                 0x13u
#define CONFIG_VECTOR       0x14u
#define QUEUE_VECTOR        0x16u
#define CONFIG_WITHOUT_MSIX 0x14u
#define CONFIG_WITH_MSIX    0x18u
#define PAGE_SHIFT          12u
#define QUEUE_ALIGN         4096u

/* Start of the field that holds `offset`, and its width; 0 in the device configuration. */
static uint8_t field(uint32_t offset, bool msix, uint32_t *start)
{
    static const struct {
        uint8_t at, width;
    } fields[] = {{HOST_FEATURES, 4}, {GUEST_FEATURES, 4}, {QUEUE_PFN, 4}, {QUEUE_SIZE, 2},
                  {QUEUE_SELECT, 2},  {QUEUE_NOTIFY, 2},   {STATUS, 1},    {ISR, 1},
                  {CONFIG_VECTOR, 2}, {QUEUE_VECTOR, 2}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (offset >= fields[i].at && offset < (uint32_t)fields[i].at + fields[i].width &&
            (fields[i].at < CONFIG_VECTOR || msix)) {
            *start = fields[i].at;
            return fields[i].width;
        }
    }
    *start = offset;
    return 0;
}

static struct dm_queue *selected(struct dm_net *net)
{
    if (net->queue_select >= DM_NET_QUEUES || net->queues[net->queue_select].max_size == 0)
        return NULL;
    return &net->queues[net->queue_select];
}

static uint32_t queue_size(struct dm_net *net, struct dm_queue *q)
{
    if (!q)
        return 0;
    if (dm_attacks(net, DM_ATTACK_QUEUE_SIZE_LIE))
        return (uint16_t)dm_attack_value(net, DM_ATTACK_QUEUE_SIZE_LIE);
    if (q->size_reads++ > 0 && dm_attacks(net, DM_ATTACK_QUEUE_SIZE_CHANGES))
        return (uint16_t)dm_attack_value(net, DM_ATTACK_QUEUE_SIZE_CHANGES);
    return q->max_size;
}

static uint32_t read_field(struct dm_net *net, uint32_t start)
{
    struct dm_queue *q = selected(net);
    switch (start) {
    case HOST_FEATURES:
        return (uint32_t)dm_features_shown(net, true);
    case GUEST_FEATURES:
        return (uint32_t)net->accepted;
    case QUEUE_PFN:
        if (q && q->pfn == 0 && dm_attacks(net, DM_ATTACK_QUEUE_ENABLE_STUCK))
            return 1;
        return q ? q->pfn : 0;
    case QUEUE_SIZE:
        return queue_size(net, q);
    case QUEUE_SELECT:
        return net->queue_select;
    case STATUS:
        return dm_status_read(net, true);
    case ISR:
        return dm_isr_read(net);
    case CONFIG_VECTOR:
        net->config_vector_checked = true;
        return dm_attacks(net, DM_ATTACK_MSIX_NO_VECTOR) ? DM_NO_VECTOR : net->config_vector;
    case QUEUE_VECTOR:
        if (q)
            q->vector_checked = true;
        return !q || dm_attacks(net, DM_ATTACK_MSIX_NO_VECTOR) ? DM_NO_VECTOR : q->vector;
    default:
        return 0;
    }
}

static void check_access(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t start, uint8_t natural)
{
    if (start == CONFIG_VECTOR || start == QUEUE_VECTOR)
        dm_check(net, DM_RULE_LEGACY_CONFIG_OFFSET, width == 2, "%u-byte access at %#x with MSI-X enabled",
                 width, offset);
    else
        dm_check(net, DM_RULE_FIELD_WIDTH, width == natural && offset == start, "%u-byte access at %#x",
                 width, offset);
}

uint32_t dm_legacy_read(struct dm_net *net, uint32_t offset, uint8_t width)
{
    bool msix = dm_function_msix_enabled(net->function);
    uint32_t start;
    uint8_t natural = field(offset, msix, &start);
    uint32_t config = msix ? CONFIG_WITH_MSIX : CONFIG_WITHOUT_MSIX;
    if (natural == 0) {
        if (net->class == &dm_net_class && start - config < 6)
            dm_check(net, DM_RULE_LEGACY_CONFIG_OFFSET, width == 1, "%u-byte read at %#x", width, offset);
        return net->class->config_read(net, start - config, width, true);
    }
    check_access(net, offset, width, start, natural);
    return dm_mask_width(read_field(net, start) >> (8u * (offset - start)), width);
}

/* A page number of 0 takes the ring away; any other sets the queue up. */
static void write_pfn(struct dm_net *net, struct dm_queue *q, uint32_t pfn)
{
    uint64_t base = (uint64_t)pfn << PAGE_SHIFT;
    bool started;
    dm_check(net, DM_RULE_LEGACY_PFN, q && !(pfn && q->enabled), "page number %#x for queue %u", pfn,
             net->queue_select);
    if (!q)
        return;
    if (q->enabled) {
        dm_check(net, DM_RULE_REMOVE_AFTER_RESET, q->in_flight == 0, "queue %u: %u chains in flight",
                 q->index, q->in_flight);
        dm_queue_stop(net, q);
    }
    q->pfn = pfn;
    if (pfn == 0)
        return;
    dm_check(net, DM_RULE_QUEUE_SETUP_ORDER,
             (net->status & (DM_STATUS_DRIVER | DM_STATUS_DRIVER_OK)) == DM_STATUS_DRIVER,
             "queue %u set up at status %#x", q->index, net->status);
    q->desc = base;
    q->driver = base + 16u * q->max_size;
    q->device = (q->driver + dm_avail_bytes(q->max_size) + QUEUE_ALIGN - 1u) & ~(uint64_t)(QUEUE_ALIGN - 1u);
    started = dm_queue_start(net, q);
    dm_check(net, DM_RULE_LEGACY_RING_MEMORY, started,
             "queue %u: ring of %u entries at %#llx is not all memory", q->index, q->max_size,
             (unsigned long long)base);
    if (!started)
        dm_queue_break(net, q);
}

static void write_field(struct dm_net *net, uint32_t start, uint8_t width, uint32_t value)
{
    struct dm_queue *q = selected(net);
    switch (start) {
    case GUEST_FEATURES:
        dm_features_written(net, false, value, true);
        break;
    case QUEUE_PFN:
        dm_check_write(net, "queue page number");
        write_pfn(net, q, value);
        break;
    case QUEUE_SELECT:
        dm_check_write(net, "queue select");
        net->queue_select = (uint16_t)value;
        break;
    case QUEUE_NOTIFY:
        dm_notified(net, value, width, (uint16_t)value);
        break;
    case STATUS:
        dm_status_write(net, (uint8_t)value, true);
        break;
    case CONFIG_VECTOR:
        net->config_vector = dm_vector_accept(net, (uint16_t)value);
        net->config_vector_checked = false;
        break;
    case QUEUE_VECTOR:
        if (q) {
            q->vector = dm_vector_accept(net, (uint16_t)value);
            q->vector_checked = false;
        }
        break;
    default: /* HOST_FEATURES, QUEUE_SIZE, ISR */
        dm_check(net, DM_RULE_READ_ONLY_FIELD, false, "legacy register %#x written", start);
        break;
    }
}

void dm_legacy_write(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t value)
{
    bool msix = dm_function_msix_enabled(net->function);
    uint32_t start;
    uint8_t natural = field(offset, msix, &start);
    if (natural == 0) {
        net->class->config_write(net, start - (msix ? CONFIG_WITH_MSIX : CONFIG_WITHOUT_MSIX), width, value,
                                 true);
        return;
    }
    check_access(net, offset, width, start, natural);
    if (start != HOST_FEATURES && start != QUEUE_SIZE && start != ISR)
        dm_check(net, DM_RULE_READ_ONLY_FIELD, true, "legacy register %#x written", start);
    if (offset == start)
        write_field(net, start, width, dm_mask_width(value, natural));
}
