/* SPDX-License-Identifier: BSD-2-Clause */
/* Transport: the modern interface (virtio 1.2, 4.1.4.3): 64 feature bits in halves, FEATURES_OK, a
 * configuration generation, a bell a queue. */
#include "provider/format/virtio_ids.h"
#include "provider/tables.h"
#include "provider/transport.h"

static enum provider_error modern_reset(const struct registers *r)
{
    return transport_write(r, MODERN_STATUS, 0);
}

static enum provider_error modern_reset_done(const struct registers *r, bool *done)
{
    return transport_reset_done(r, MODERN_STATUS, done);
}

static enum provider_error modern_status_add(const struct registers *r, uint8_t *shadow, uint8_t bits)
{
    return transport_status_add(r, MODERN_STATUS, shadow, bits);
}

static enum provider_error modern_status_read(const struct registers *r, uint8_t *bits)
{
    return transport_status_read(r, MODERN_STATUS, bits);
}

static enum provider_error modern_features_read(const struct registers *r, uint64_t *offered)
{
    uint64_t bits = 0;

    for (uint32_t half = 0; half < 2; half++) {
        dev_u32 word;
        enum provider_error error = transport_write(r, MODERN_DEVICE_FEATURE_SELECT, half);

        if (error == PROVIDER_OK)
            error = transport_read(r, MODERN_DEVICE_FEATURE, 0, &word);
        if (error != PROVIDER_OK)
            return error;
        bits |= (uint64_t)word.untrusted << (32u * half);
    }
    *offered = bits;
    return PROVIDER_OK;
}

static enum provider_error modern_features_write(const struct registers *r, uint8_t *shadow,
                                                 uint64_t accepted)
{
    uint8_t status = 0;
    enum provider_error error;

    ASSERT((*shadow & VIRTIO_STATUS_DRIVER) != 0);
    for (uint32_t half = 0; half < 2; half++) {
        error = transport_write(r, MODERN_DRIVER_FEATURE_SELECT, half);
        if (error == PROVIDER_OK)
            error = transport_write(r, MODERN_DRIVER_FEATURE, (uint32_t)(accepted >> (32u * half)));
        if (error != PROVIDER_OK)
            return error;
    }
    error = modern_status_add(r, shadow, VIRTIO_STATUS_FEATURES_OK);
    if (error == PROVIDER_OK)
        error = modern_status_read(r, &status);
    /* 3.1.1 step 6: the device drops the bit when it cannot work with this subset. */
    if (error == PROVIDER_OK && (status & VIRTIO_STATUS_FEATURES_OK) == 0)
        error = PROVIDER_E_FEATURES_REFUSED;
    return error;
}

static enum provider_error modern_queue_limits(const struct registers *r, uint16_t queue,
                                               struct virtio_queue_limits *out)
{
    dev_u32 value;
    enum provider_error error = transport_read(r, MODERN_NUM_QUEUES, 0, &value);

    *out = (struct virtio_queue_limits){0};
    if (error == PROVIDER_OK && queue >= value.untrusted)
        return PROVIDER_E_QUEUE_ABSENT;
    if (error == PROVIDER_OK)
        error = transport_write(r, MODERN_QUEUE_SELECT, queue);
    if (error == PROVIDER_OK)
        error = transport_read(r, MODERN_QUEUE_SIZE, 0, &value);
    if (error == PROVIDER_OK)
        error = transport_check_size(value, &out->size);
    if (error == PROVIDER_OK)
        error = transport_read(r, MODERN_QUEUE_NOTIFY_OFF, 0, &value);
    /* Checked against the notify window by whoever rings: the author or the kernel (4.1.4.4.1). */
    if (error == PROVIDER_OK)
        out->bell_index = (uint16_t)(value.untrusted & 0xffffu);
    return error;
}

static enum provider_error modern_queue_vector(const struct registers *r, uint16_t queue, uint16_t vector)
{
    enum provider_error error = transport_write(r, MODERN_QUEUE_SELECT, queue);

    return error == PROVIDER_OK ? transport_map_vector(r, MODERN_QUEUE_VECTOR, vector) : error;
}

static enum provider_error modern_queue_enable(const struct registers *r, const struct provider_ring *ring)
{
    enum provider_error error = transport_write(r, MODERN_QUEUE_SELECT, ring->queue);

    ASSERT(ring->size > 0);
    /* 4.1.4.3.2: every other field of the queue before queue_enable. */
    for (uint16_t row = MODERN_QUEUE_DESC_LOW; error == PROVIDER_OK && row <= MODERN_QUEUE_DEVICE_HIGH; row++)
        error = r->ops->write_address(r->ctx, row, ring);
    if (error == PROVIDER_OK)
        error = transport_write(r, MODERN_QUEUE_ENABLE, 1);
    return error;
}

/* The MAC's bytes, then the status field in one access of its width (4.1.3.1). */
static enum provider_error net_fields(const struct registers *r, uint16_t offset, uint8_t *out,
                                      uint16_t bytes)
{
    uint16_t mac = offset < VIRTIO_NET_CONFIG_STATUS ? (uint16_t)(VIRTIO_NET_CONFIG_STATUS - offset) : 0;
    uint16_t first = bytes < mac ? bytes : mac;
    enum provider_error error = transport_config_bytes(r, MODERN_CONFIG, offset, out, first);
    dev_u32 status;

    ASSERT(bytes == first || bytes == first + 2u); /* a whole field or none */
    if (error == PROVIDER_OK && bytes > first)
        error = transport_read(r, MODERN_NET_STATUS, 0, &status);
    if (error == PROVIDER_OK && bytes > first) {
        out[first] = (uint8_t)(status.untrusted & 0xffu);
        out[first + 1u] = (uint8_t)(status.untrusted >> 8 & 0xffu);
    }
    return error;
}

/* The device type's fields, each in accesses of its width. */
typedef enum provider_error (*fields_read)(const struct registers *r, uint16_t offset, uint8_t *out,
                                           uint16_t bytes);

static enum provider_error modern_config_read(const struct registers *r, fields_read fields, uint16_t offset,
                                              uint8_t *out, uint16_t bytes)
{
    for (uint32_t attempt = 0; attempt < VNET_CONFIG_READS_MAX; attempt++) {
        dev_u32 before;
        dev_u32 after;
        enum provider_error error = transport_read(r, MODERN_GENERATION, 0, &before);

        if (error == PROVIDER_OK)
            error = fields(r, offset, out, bytes);
        if (error == PROVIDER_OK)
            error = transport_read(r, MODERN_GENERATION, 0, &after);
        if (error != PROVIDER_OK)
            return error;
        /* 2.5.1: the bytes belong together only if the generation stood still. */
        if (before.untrusted == after.untrusted)
            return PROVIDER_OK;
    }
    return PROVIDER_E_CONFIG;
}

/* Whole fields of 32 bits, or the greatest target alone. */
static enum provider_error scsi_fields(const struct registers *r, uint16_t offset, uint8_t *out,
                                       uint16_t bytes)
{
    const bool target = offset == VIRTIO_SCSI_CONFIG_MAX_TARGET;
    const uint16_t width = target ? 2u : 4u;

    ASSERT(offset % width == 0 && bytes % width == 0);
    for (uint16_t at = 0; at < bytes; at = (uint16_t)(at + width)) {
        dev_u32 field;
        enum provider_error error =
            target ? transport_read(r, MODERN_SCSI_MAX_TARGET, 0, &field)
                   : transport_read(r, MODERN_CONFIG, (uint16_t)((offset + at) / 4u), &field);

        if (error != PROVIDER_OK)
            return error;
        for (uint16_t i = 0; i < width; i++)
            out[at + i] = (uint8_t)(field.untrusted >> (8u * i) & 0xffu);
    }
    return PROVIDER_OK;
}

static enum provider_error net_config_read(const struct registers *r, uint16_t offset, uint8_t *out,
                                           uint16_t bytes)
{
    return modern_config_read(r, net_fields, offset, out, bytes);
}

static enum provider_error scsi_config_read(const struct registers *r, uint16_t offset, uint8_t *out,
                                            uint16_t bytes)
{
    return modern_config_read(r, scsi_fields, offset, out, bytes);
}

#define MODERN_TRANSPORT(its_table, its_config_read)                                                         \
    {                                                                                                        \
        .name = "modern", .table = &(its_table), .config_read = (its_config_read), .reset = modern_reset,    \
        .reset_done = modern_reset_done, .status_add = modern_status_add, .status_read = modern_status_read, \
        .features_read = modern_features_read, .features_write = modern_features_write,                      \
        .queue_limits = modern_queue_limits, .queue_vector = modern_queue_vector,                            \
        .queue_enable = modern_queue_enable                                                                  \
    }

const struct transport_ops virtio_modern_transport =
    MODERN_TRANSPORT(virtio_net_modern_table, net_config_read);
const struct transport_ops virtio_scsi_modern_transport =
    MODERN_TRANSPORT(virtio_scsi_modern_table, scsi_config_read);
