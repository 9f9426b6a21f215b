/* SPDX-License-Identifier: BSD-2-Clause */
/* Transport: the legacy interface (virtio 1.2, 4.1.4.10 and the legacy sections): what Compute Engine offers.
 * No FEATURES_OK, 32 feature bits, queue sizes dictated, no configuration generation. */
#include "provider/format/virtio_ids.h"
#include "provider/tables.h"
#include "provider/transport.h"

#include "abi/memory.h"

static enum provider_error legacy_reset(const struct registers *r)
{
    return transport_write(r, LEGACY_STATUS, 0);
}

static enum provider_error legacy_reset_done(const struct registers *r, bool *done)
{
    return transport_reset_done(r, LEGACY_STATUS, done);
}

static enum provider_error legacy_status_add(const struct registers *r, uint8_t *shadow, uint8_t bits)
{
    ASSERT((bits & VIRTIO_STATUS_FEATURES_OK) == 0); /* 3.1.2: that step does not exist here */
    return transport_status_add(r, LEGACY_STATUS, shadow, bits);
}

static enum provider_error legacy_status_read(const struct registers *r, uint8_t *bits)
{
    return transport_status_read(r, LEGACY_STATUS, bits);
}

static enum provider_error legacy_features_read(const struct registers *r, uint64_t *offered)
{
    dev_u32 low;
    enum provider_error error = transport_read(r, LEGACY_HOST_FEATURES, 0, &low);

    if (error == PROVIDER_OK)
        *offered = low.untrusted;
    return error;
}

static enum provider_error legacy_features_write(const struct registers *r, uint8_t *shadow,
                                                 uint64_t accepted)
{
    (void)shadow;
    ASSERT(accepted <= UINT32_MAX);
    return transport_write(r, LEGACY_GUEST_FEATURES, (uint32_t)accepted);
}

static enum provider_error legacy_queue_limits(const struct registers *r, uint16_t queue,
                                               struct virtio_queue_limits *out)
{
    dev_u32 size;
    enum provider_error error = transport_write(r, LEGACY_QUEUE_SELECT, queue);

    *out = (struct virtio_queue_limits){.bell_index = queue};
    if (error == PROVIDER_OK)
        error = transport_read(r, LEGACY_QUEUE_SIZE, 0, &size);
    if (error != PROVIDER_OK)
        return error;
    return transport_check_size(size, &out->size);
}

static enum provider_error legacy_queue_vector(const struct registers *r, uint16_t queue, uint16_t vector)
{
    enum provider_error error = transport_write(r, LEGACY_QUEUE_SELECT, queue);

    return error == PROVIDER_OK ? transport_map_vector(r, LEGACY_QUEUE_VECTOR, vector) : error;
}

static enum provider_error legacy_queue_enable(const struct registers *r, const struct provider_ring *ring)
{
    enum provider_error error = transport_write(r, LEGACY_QUEUE_SELECT, ring->queue);

    ASSERT(ring->size > 0);
    if (error == PROVIDER_OK)
        error = r->ops->write_address(r->ctx, LEGACY_QUEUE_PFN, ring);
    return error;
}

static enum provider_error legacy_config_read(const struct registers *r, uint16_t offset, uint8_t *out,
                                              uint16_t bytes)
{
    uint8_t again[VIRTIO_CONFIG_BYTES_MAX];
    enum provider_error error = transport_config_bytes(r, LEGACY_CONFIG, offset, out, bytes);

    /* 2.5.4: without a generation, read until two copies agree. */
    for (uint32_t attempt = 1; error == PROVIDER_OK && attempt < VNET_CONFIG_READS_MAX; attempt++) {
        error = transport_config_bytes(r, LEGACY_CONFIG, offset, again, bytes);
        if (error == PROVIDER_OK && memcmp(out, again, bytes) == 0)
            return PROVIDER_OK;
        memcpy(out, again, bytes);
    }
    return error == PROVIDER_OK ? PROVIDER_E_CONFIG : error;
}

#define LEGACY_TRANSPORT(its_table)                                                                          \
    {                                                                                                        \
        .name = "legacy", .table = &(its_table), .reset = legacy_reset, .reset_done = legacy_reset_done,     \
        .status_add = legacy_status_add, .status_read = legacy_status_read,                                  \
        .features_read = legacy_features_read, .features_write = legacy_features_write,                      \
        .queue_limits = legacy_queue_limits, .queue_vector = legacy_queue_vector,                            \
        .queue_enable = legacy_queue_enable, .config_read = legacy_config_read                               \
    }

const struct transport_ops virtio_legacy_transport = LEGACY_TRANSPORT(virtio_net_legacy_table);
const struct transport_ops virtio_scsi_legacy_transport = LEGACY_TRANSPORT(virtio_scsi_legacy_table);
