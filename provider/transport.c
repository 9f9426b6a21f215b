/* SPDX-License-Identifier: BSD-2-Clause */
/* Register access shared by the transports. Every value that comes back is the device's word and checked
 * before use. */
#include "provider/transport.h"

#include "provider/format/split.h"
#include "provider/format/virtio_ids.h"

enum provider_error transport_read(const struct registers *r, uint16_t row, uint16_t index, dev_u32 *out)
{
    struct reg_value v = r->ops->read(r->ctx, row, index);

    if (v.error == PROVIDER_OK)
        *out = v.value;
    return v.error;
}

enum provider_error transport_write(const struct registers *r, uint16_t row, uint32_t value)
{
    return r->ops->write(r->ctx, row, 0, value);
}

enum provider_error transport_reset_done(const struct registers *r, uint16_t row, bool *done)
{
    dev_u32 status;
    enum provider_error error = transport_read(r, row, 0, &status);

    ASSERT(done != NULL);
    if (error == PROVIDER_OK)
        *done = status.untrusted == 0; /* 2.4.2: complete when it reads 0, not when it was written */
    return error;
}

enum provider_error transport_status_add(const struct registers *r, uint16_t row, uint8_t *shadow,
                                         uint8_t bits)
{
    uint8_t status = (uint8_t)(*shadow | bits);
    enum provider_error error;

    ASSERT(bits != 0);
    /* 2.1.1: bits are only ever added; from our own copy, as what the device reads back is its word. */
    error = transport_write(r, row, status);
    if (error == PROVIDER_OK)
        *shadow = status;
    return error;
}

enum provider_error transport_status_read(const struct registers *r, uint16_t row, uint8_t *bits)
{
    dev_u32 status;
    enum provider_error error = transport_read(r, row, 0, &status);

    if (error == PROVIDER_OK)
        *bits = (uint8_t)(status.untrusted & 0xffu);
    return error;
}

enum provider_error transport_config_bytes(const struct registers *r, uint16_t row, uint16_t offset,
                                           uint8_t *out, uint16_t bytes)
{
    ASSERT(offset <= VIRTIO_CONFIG_BYTES_MAX);
    ASSERT(bytes <= VIRTIO_CONFIG_BYTES_MAX - offset);
    for (uint16_t i = 0; i < bytes; i++) {
        dev_u32 byte;
        enum provider_error error = transport_read(r, row, (uint16_t)(offset + i), &byte);

        if (error != PROVIDER_OK)
            return error;
        out[i] = (uint8_t)(byte.untrusted & 0xffu);
    }
    return PROVIDER_OK;
}

enum provider_error transport_map_vector(const struct registers *r, uint16_t row, uint16_t vector)
{
    dev_u32 mapped;
    enum provider_error error = transport_write(r, row, vector);

    ASSERT(vector != VIRTIO_NO_VECTOR);
    if (error == PROVIDER_OK)
        error = transport_read(r, row, 0, &mapped);
    /* 4.1.5.1.2.2: a device without resources for it answers NO_VECTOR; no other answer is ours either. */
    if (error == PROVIDER_OK && mapped.untrusted != vector)
        error = PROVIDER_E_VECTOR;
    return error;
}

enum provider_error transport_check_size(dev_u32 size, uint16_t *out)
{
    struct split_layout layout;

    *out = (uint16_t)(size.untrusted > UINT16_MAX ? UINT16_MAX : size.untrusted);
    if (size.untrusted == 0)
        return PROVIDER_E_QUEUE_ABSENT;
    if (!split_layout_for(size.untrusted, SPLIT_ALIGN_LEGACY, &layout))
        return PROVIDER_E_QUEUE_SIZE;
    return PROVIDER_OK;
}
