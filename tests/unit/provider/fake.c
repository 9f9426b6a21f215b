/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted function: see fake.h. Written for the tests alone; it checks the driver only where a test
 * asks. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#include "provider/format/virtio_ids.h"
#include "provider/tables.h"

static bool fails(struct fake *f)
{
    uint32_t call = f->calls++;

    return call == f->fail_at || (f->fail_on && call > f->fail_at);
}

static void write_status(struct fake *f, uint8_t value)
{
    if (f->status_count < FAKE_LOG)
        f->statuses[f->status_count++] = value;
    f->resetting = value == 0;
    if (value == 0) {
        f->reset_left = f->reset_reads;
        for (int i = 0; i < 2; i++)
            f->queues[i].enabled = false;
        return;
    }
    if (f->refuse_features)
        value &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
    f->status = value;
}

static uint32_t read_status(struct fake *f)
{
    if (f->status_override)
        return f->status_value;
    if (!f->resetting)
        return f->status;
    if (f->reset_left == 0)
        f->status = 0;
    else if (f->status == 0)
        f->status = 0x80; /* something that is not 0 while the reset is still going on */
    if (f->reset_left != 0 && f->reset_left != UINT32_MAX)
        f->reset_left--;
    return f->status;
}

static uint8_t config_byte(struct fake *f, uint16_t index)
{
    if (f->legacy && f->config_moves && index == 1)
        return ++f->config[1];
    return f->config[index];
}

static uint32_t legacy_read(struct fake *f, uint16_t row, uint16_t index)
{
    switch (row) {
    case LEGACY_HOST_FEATURES:
        return (uint32_t)f->offered;
    case LEGACY_QUEUE_SIZE:
        return f->queue_select < 2 ? f->queues[f->queue_select].size_offered : 0;
    case LEGACY_STATUS:
        return read_status(f);
    case LEGACY_CONFIG:
        return config_byte(f, index);
    default:
        abort();
    }
}

static void legacy_write(struct fake *f, uint16_t row, uint32_t value)
{
    switch (row) {
    case LEGACY_GUEST_FEATURES:
        f->accepted = value;
        return;
    case LEGACY_QUEUE_SELECT:
        f->queue_select = (uint16_t)value;
        return;
    case LEGACY_STATUS:
        write_status(f, (uint8_t)value);
        return;
    default:
        abort();
    }
}

static uint32_t modern_read(struct fake *f, uint16_t row, uint16_t index)
{
    switch (row) {
    case MODERN_DEVICE_FEATURE:
        return f->feature_select < 2 ? (uint32_t)(f->offered >> (32 * f->feature_select)) : 0;
    case MODERN_NUM_QUEUES:
        return f->num_queues;
    case MODERN_STATUS:
        return read_status(f);
    case MODERN_GENERATION:
        return f->config_moves ? f->generation++ : f->generation;
    case MODERN_QUEUE_SIZE:
        return f->queue_select < 2 ? f->queues[f->queue_select].size_offered : 0;
    case MODERN_QUEUE_NOTIFY_OFF:
        return f->notify_off[f->queue_select & 1];
    case MODERN_CONFIG:
        if (index >= VIRTIO_NET_CONFIG_STATUS)
            abort();
        return config_byte(f, index);
    case MODERN_NET_STATUS:
        return f->config[6] | (uint32_t)f->config[7] << 8;
    default:
        abort();
    }
}

static void modern_write(struct fake *f, uint16_t row, uint32_t value)
{
    switch (row) {
    case MODERN_DEVICE_FEATURE_SELECT:
        f->feature_select = value;
        return;
    case MODERN_DRIVER_FEATURE_SELECT:
        f->driver_select = value;
        return;
    case MODERN_DRIVER_FEATURE:
        f->accepted &= ~(0xffffffffull << (32 * f->driver_select));
        f->accepted |= (uint64_t)value << (32 * f->driver_select);
        return;
    case MODERN_STATUS:
        write_status(f, (uint8_t)value);
        return;
    case MODERN_QUEUE_SELECT:
        f->queue_select = (uint16_t)value;
        return;
    case MODERN_QUEUE_ENABLE:
        f->queues[f->queue_select].enabled = value == 1;
        return;
    default:
        abort();
    }
}

static enum provider_error fake_open(void *ctx, const struct reg_table *table,
                                     const struct reg_window *windows)
{
    struct fake *f = ctx;

    (void)table;
    (void)windows;
    if (fails(f))
        return PROVIDER_E_REGISTER;
    f->open = true;
    return PROVIDER_OK;
}

static struct reg_value fake_read(void *ctx, uint16_t row, uint16_t index)
{
    struct fake *f = ctx;

    if (fails(f))
        return (struct reg_value){.error = PROVIDER_E_REGISTER};
    if (f->gone)
        return (struct reg_value){PROVIDER_OK, {0xffffffffu}};
    return (struct reg_value){PROVIDER_OK,
                              {f->legacy ? legacy_read(f, row, index) : modern_read(f, row, index)}};
}

static enum provider_error fake_write(void *ctx, uint16_t row, uint16_t index, uint32_t value)
{
    struct fake *f = ctx;

    (void)index;
    if (fails(f))
        return PROVIDER_E_REGISTER;
    if (f->gone)
        return PROVIDER_OK;
    if (f->legacy)
        legacy_write(f, row, value);
    else
        modern_write(f, row, value);
    return PROVIDER_OK;
}

static enum provider_error fake_write_address(void *ctx, uint16_t row, const struct provider_ring *ring)
{
    struct fake *f = ctx;

    (void)row;
    if (fails(f))
        return PROVIDER_E_REGISTER;
    if (f->legacy)
        f->queues[ring->queue].enabled = true;
    return PROVIDER_OK;
}

static enum provider_error fake_enable_dma(void *ctx)
{
    struct fake *f = ctx;

    if (fails(f))
        return PROVIDER_E_REGISTER;
    f->dma = true;
    return PROVIDER_OK;
}

static void fake_disable_dma(void *ctx)
{
    ((struct fake *)ctx)->dma = false;
}

static void fake_close(void *ctx)
{
    ((struct fake *)ctx)->open = false;
}

static enum provider_error fake_queue_create(void *ctx, uint16_t queue, uint16_t size, uint16_t bell_index,
                                             uint16_t avail_flags, struct provider_ring *out)
{
    struct fake *f = ctx;
    struct fake_queue *q = &f->queues[queue];
    struct split_layout layout;

    if (fails(f))
        return PROVIDER_E_MEMORY;
    if (!split_layout_for(size, f->legacy ? 4096 : 4, &layout))
        abort();
    q->memory = aligned_alloc(4096, (layout.bytes + 4095u) & ~4095u);
    memset(q->memory, 0, layout.bytes);
    split_ring_init(&q->ring, q->memory, size, layout, avail_flags);
    q->avail_flags = avail_flags;
    q->popped = 0;
    q->used = 0;
    q->live = true;
    f->rings_live++;
    *out = (struct provider_ring){q->memory + layout.device_offset, queue, size, bell_index, queue};
    return PROVIDER_OK;
}

static enum provider_error fake_publish(void *ctx, const struct provider_ring *ring,
                                        const struct author_segment *segments, uint16_t segment_count)
{
    struct fake *f = ctx;
    struct fake_queue *q = &f->queues[ring->queue];
    bool head = true;
    uint16_t chains = 0;

    if (fails(f) || f->refuse_publish)
        return PROVIDER_E_REFUSED;
    for (uint16_t i = 0; i < segment_count; i++) {
        const struct author_segment *s = &segments[i];

        if (head)
            split_put_available(&q->ring, s->slot, chains++);
        split_write_descriptor(&q->ring, s->slot,
                               (struct split_descriptor){s->buffer + s->offset, s->length,
                                                         s->more ? segments[i + 1].slot : (uint16_t)0,
                                                         s->direction == DMA_FROM_DEVICE, s->more != 0});
        head = !s->more;
    }
    split_publish(&q->ring, chains);
    f->publishes++;
    if ((f->status & VIRTIO_STATUS_DRIVER_OK) == 0)
        f->bells_before_ok++;
    return PROVIDER_OK;
}

static enum provider_error fake_queue_destroy(void *ctx, struct provider_ring *ring)
{
    struct fake *f = ctx;
    struct fake_queue *q = &f->queues[ring->queue];

    if (fails(f))
        return PROVIDER_E_BUSY;
    free(q->memory);
    q->memory = NULL;
    q->live = false;
    f->rings_live--;
    *ring = (struct provider_ring){0};
    return PROVIDER_OK;
}

static enum provider_error fake_buffer_create(void *ctx, uint32_t bytes, uint8_t direction,
                                              struct provider_buffer *out)
{
    struct fake *f = ctx;

    if (fails(f))
        return PROVIDER_E_MEMORY;
    for (uint32_t i = 0; i < 8; i++) {
        if (f->buffers[i].live)
            continue;
        f->buffers[i].memory = aligned_alloc(4096, (bytes + 4095u) & ~4095u);
        memset(f->buffers[i].memory, 0xa5, bytes);
        f->buffers[i].bytes = bytes;
        f->buffers[i].direction = direction;
        f->buffers[i].live = true;
        f->buffers_live++;
        *out = (struct provider_buffer){f->buffers[i].memory, bytes, FAKE_BUS + ((uint64_t)i << 32)};
        return PROVIDER_OK;
    }
    return PROVIDER_E_MEMORY;
}

static enum provider_error fake_buffer_destroy(void *ctx, struct provider_buffer *buffer)
{
    struct fake *f = ctx;
    uint32_t i = (uint32_t)((buffer->handle - FAKE_BUS) >> 32);

    if (fails(f))
        return PROVIDER_E_BUSY;
    free(f->buffers[i].memory);
    f->buffers[i].live = false;
    f->buffers_live--;
    *buffer = (struct provider_buffer){0};
    return PROVIDER_OK;
}

static const struct registers_ops registers_ops = {
    fake_open, fake_read, fake_write, fake_write_address, fake_enable_dma, fake_disable_dma, fake_close};
/* Nothing is kept back here. */
static enum provider_error fake_reap(void *ctx, const struct provider_ring *ring)
{
    (void)ctx;
    (void)ring;
    return PROVIDER_OK;
}

static const struct author_ops author_ops = {
    fake_queue_create, fake_publish, fake_reap, fake_queue_destroy, fake_buffer_create, fake_buffer_destroy,
};

void fake_init(struct fake *f, bool legacy)
{
    static const uint8_t config[8] = {0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0};

    *f = (struct fake){.legacy = legacy, .num_queues = 3, .fail_at = UINT32_MAX, .notify_off = {0, 1}};
    f->offered = VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | (legacy ? VIRTIO_F_ANY_LAYOUT : VIRTIO_F_VERSION_1);
    memcpy(f->config, config, sizeof config);
    f->queues[0].size_offered = 256;
    f->queues[1].size_offered = 256;
}

void fake_free(struct fake *f)
{
    for (int i = 0; i < 2; i++) {
        if (f->queues[i].live)
            free(f->queues[i].memory);
    }
    for (int i = 0; i < 8; i++) {
        if (f->buffers[i].live)
            free(f->buffers[i].memory);
    }
}

static void put_cap(uint8_t *config, uint8_t at, uint8_t next, uint8_t type, uint32_t offset, uint32_t bytes)
{
    config[at] = 9;
    config[at + 1] = next;
    config[at + 2] = type == VIRTIO_CAP_NOTIFY ? 20 : 16;
    config[at + 3] = type;
    config[at + 4] = 4;
    memcpy(config + at + 8, &offset, 4);
    memcpy(config + at + 12, &bytes, 4);
    if (type == VIRTIO_CAP_NOTIFY) {
        uint32_t multiplier = 4;
        memcpy(config + at + 16, &multiplier, 4);
    }
}

struct pci_function_info fake_info(bool legacy)
{
    struct pci_function_info info = {.bdf = 0x18,
                                     .vendor = 0x1af4,
                                     .device = legacy ? 0x1000 : 0x1041,
                                     .subsystem_vendor = 0x1af4,
                                     .subsystem = 1,
                                     .class_code = 0x020000};

    if (legacy) {
        info.bars[0] = (struct pci_bar){.size = 64, .kind = PCI_BAR_PORTS, .assigned = 1};
        return info;
    }
    info.bars[4] = (struct pci_bar){.size = 0x4000, .kind = PCI_BAR_MEMORY64, .assigned = 1};
    info.config[6] = 0x10;
    info.config[0x34] = 0x40;
    put_cap(info.config, 0x40, 0x50, VIRTIO_CAP_COMMON, 0, 0x1000);
    put_cap(info.config, 0x50, 0x60, VIRTIO_CAP_ISR, 0x1000, 0x1000);
    put_cap(info.config, 0x60, 0x70, VIRTIO_CAP_DEVICE, 0x2000, 0x1000);
    put_cap(info.config, 0x70, 0, VIRTIO_CAP_NOTIFY, 0x3000, 0x1000);
    return info;
}

struct vnet_env fake_env(struct fake *f, const struct pci_function_info *info, void *arena, uint16_t slots)
{
    return (struct vnet_env){.info = info,
                             .registers = {&registers_ops, f},
                             .author = {&author_ops, f},
                             .arena = arena,
                             .arena_bytes = vnet_arena_bytes(),
                             .rx_slots = slots,
                             .tx_slots = slots};
}

enum vnet_state fake_start(struct virtio_net *nic, const struct vnet_env *env)
{
    if (vnet_open(nic, env) != PROVIDER_OK)
        return nic->state;
    for (int i = 0; i < 4000; i++) {
        enum vnet_state s = vnet_poll(nic, (uint64_t)i, 64);

        if (s == VNET_RUNNING || s == VNET_STOPPED || s == VNET_QUARANTINED)
            break;
    }
    return nic->state;
}

enum vnet_state fake_finish(struct virtio_net *nic)
{
    for (int i = 0; i < 2100; i++)
        vnet_poll(nic, (uint64_t)i, 64);
    return nic->state;
}

bool fake_pop(struct fake *f, uint16_t queue, uint16_t *head)
{
    struct fake_queue *q = &f->queues[queue];
    const uint8_t *avail = q->ring.base + q->ring.layout.driver_offset;
    uint16_t index;

    memcpy(&index, avail + 2, 2);
    if (index == q->popped)
        return false;
    memcpy(head, avail + 4 + 2 * (q->popped & (q->ring.size - 1)), 2);
    q->popped++;
    return true;
}

struct fake_segment fake_descriptor(struct fake *f, uint16_t queue, uint16_t slot)
{
    const uint8_t *d = f->queues[queue].ring.base + 16u * slot;
    struct fake_segment s;
    uint64_t address;
    uint16_t flags;

    memcpy(&address, d, 8);
    memcpy(&s.length, d + 8, 4);
    memcpy(&flags, d + 12, 2);
    memcpy(&s.next, d + 14, 2);
    s.more = flags & 1;
    s.writable = flags & 2;
    s.data = f->buffers[(address - FAKE_BUS) >> 32].memory + (uint32_t)(address - FAKE_BUS);
    return s;
}

void fake_element(struct fake *f, uint16_t queue, uint16_t at, uint32_t id, uint32_t length)
{
    struct fake_queue *q = &f->queues[queue];
    uint8_t *used = q->ring.base + q->ring.layout.device_offset;

    memcpy(used + 4 + 8 * (at & (q->ring.size - 1)), &id, 4);
    memcpy(used + 8 + 8 * (at & (q->ring.size - 1)), &length, 4);
}

void fake_used_index(struct fake *f, uint16_t queue, uint16_t index)
{
    struct fake_queue *q = &f->queues[queue];

    memcpy(q->ring.base + q->ring.layout.device_offset + 2, &index, 2);
}

void fake_use(struct fake *f, uint16_t queue, uint32_t id, uint32_t length)
{
    struct fake_queue *q = &f->queues[queue];

    fake_element(f, queue, q->used, id, length);
    q->used++;
    fake_used_index(f, queue, q->used);
}

void fake_deliver(struct fake *f, const uint8_t *frame, uint32_t bytes, uint16_t num_buffers)
{
    uint32_t header = f->legacy ? 10 : 12;
    uint16_t head;
    struct fake_segment s;

    if (!fake_pop(f, 0, &head))
        abort();
    s = fake_descriptor(f, 0, head);
    memset(s.data, 0xee, header); /* garbage flags, GSO and checksum fields: ignored */
    if (header == 12)
        memcpy(s.data + 10, &num_buffers, 2);
    if (s.more)
        s = fake_descriptor(f, 0, s.next);
    else
        s.data += header;
    memcpy(s.data, frame, bytes);
    fake_use(f, 0, head, header + bytes);
}
