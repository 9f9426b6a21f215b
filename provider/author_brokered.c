/* SPDX-License-Identifier: BSD-2-Clause */
/* Author through the device authority: names buffers, offsets and slots; the kernel writes descriptors,
 * publishes, rings the bell and keeps the record that counts. Owns a pool's queues and buffers until they are
 * destroyed. */
#include "provider/brokered.h"

#include "abi/assert.h"

static enum provider_error taken(struct author_brokered *a, struct device_reply reply)
{
    if (device_reply_ok(reply))
        return PROVIDER_OK;
    a->last = reply;
    a->refused++;
    if (reply.exception == CAP_EX_BUDGET || reply.exception == CAP_EX_EXHAUSTED ||
        reply.exception == CAP_EX_NO_SLOT)
        return PROVIDER_E_MEMORY;
    if (reply.exception != CAP_EX_NONE)
        return PROVIDER_E_REFUSED;
    switch (reply.error) {
    case DEV_E_NO_MEMORY:
        return PROVIDER_E_MEMORY;
    case DEV_E_BUSY:
        return PROVIDER_E_BUSY;
    case DEV_E_QUEUE_SIZE:
        return PROVIDER_E_QUEUE_SIZE;
    default:
        return PROVIDER_E_REFUSED;
    }
}

static enum provider_error brokered_queue_create(void *ctx, uint16_t queue, uint16_t size,
                                                 uint16_t bell_index, uint16_t avail_flags,
                                                 struct provider_ring *out)
{
    struct author_brokered *a = ctx;
    struct dma_queue_view view = {0};
    struct device_reply reply = a->authority->ops->queue_create(
        a->authority->ctx, a->pool, a->registers->registers, queue, size, bell_index, avail_flags, &view);

    if (!device_reply_ok(reply))
        return taken(a, reply);
    ASSERT(view.size == size);
    ASSERT(view.device_area != NULL);
    *out = (struct provider_ring){.device_area = view.device_area,
                                  .queue = queue,
                                  .size = size,
                                  .bell_index = bell_index,
                                  .handle = brokered_pack(reply.cap)};
    return PROVIDER_OK;
}

static enum provider_error brokered_publish(void *ctx, const struct provider_ring *ring,
                                            const struct author_segment *segments, uint16_t segment_count)
{
    struct author_brokered *a = ctx;
    struct dma_publication *p = NULL;
    uint16_t chains = 0;

    ASSERT(segment_count > 0);
    ASSERT(segments[segment_count - 1u].more == 0);
    for (uint16_t i = 0; i < segment_count; i++) {
        const struct author_segment *s = &segments[i];

        if (p == NULL) {
            ASSERT(chains < DMA_BATCH_MAX);
            p = &a->batch[chains++];
            p->count = 0;
        }
        ASSERT(p->count < DMA_CHAIN_MAX);
        p->slots[p->count] = s->slot;
        p->segments[p->count] = (struct dma_segment){.buffer = brokered_unpack(s->buffer),
                                                     .offset = s->offset,
                                                     .length = s->length,
                                                     .direction = s->direction};
        p->count++;
        if (!s->more)
            p = NULL;
    }
    return taken(
        a, a->authority->ops->publish(a->authority->ctx, brokered_unpack(ring->handle), a->batch, chains));
}

static enum provider_error brokered_reap(void *ctx, const struct provider_ring *ring)
{
    struct author_brokered *a = ctx;

    return taken(a, a->authority->ops->reap(a->authority->ctx, brokered_unpack(ring->handle)));
}

static enum provider_error brokered_queue_destroy(void *ctx, struct provider_ring *ring)
{
    struct author_brokered *a = ctx;
    enum provider_error error =
        taken(a, a->authority->ops->queue_destroy(a->authority->ctx, brokered_unpack(ring->handle)));

    if (error == PROVIDER_OK)
        *ring = (struct provider_ring){0};
    return error;
}

static enum provider_error brokered_buffer_create(void *ctx, uint32_t bytes, uint8_t direction,
                                                  struct provider_buffer *out)
{
    struct author_brokered *a = ctx;
    const struct device_authority_ops *ops = a->authority->ops;
    struct device_reply buffer = ops->buffer_create(a->authority->ctx, a->pool, bytes, direction);
    struct device_reply mapped;

    ASSERT(bytes > 0);
    if (!device_reply_ok(buffer))
        return taken(a, buffer);
    mapped = ops->buffer_map(a->authority->ctx, buffer.cap);
    if (!device_reply_ok(mapped)) {
        /* A buffer that cannot be mapped goes back at once; one that is not taken back is the caller's to
         * give back again. */
        if (taken(a, ops->buffer_destroy(a->authority->ctx, buffer.cap)) != PROVIDER_OK)
            *out = (struct provider_buffer){NULL, bytes, brokered_pack(buffer.cap)};
        return taken(a, mapped);
    }
    *out = (struct provider_buffer){(uint8_t *)(uintptr_t)mapped.value, bytes, brokered_pack(buffer.cap)};
    return PROVIDER_OK;
}

static enum provider_error brokered_buffer_destroy(void *ctx, struct provider_buffer *buffer)
{
    struct author_brokered *a = ctx;
    enum provider_error error =
        taken(a, a->authority->ops->buffer_destroy(a->authority->ctx, brokered_unpack(buffer->handle)));

    if (error == PROVIDER_OK)
        *buffer = (struct provider_buffer){0};
    return error;
}

struct author author_brokered_init(struct author_brokered *a, const struct device_authority *authority,
                                   cap_id pool, struct registers_brokered *registers)
{
    static const struct author_ops ops = {
        .queue_create = brokered_queue_create,
        .publish = brokered_publish,
        .reap = brokered_reap,
        .queue_destroy = brokered_queue_destroy,
        .buffer_create = brokered_buffer_create,
        .buffer_destroy = brokered_buffer_destroy,
    };

    ASSERT(authority != NULL);
    ASSERT(registers != NULL);
    a->authority = authority;
    a->registers = registers;
    a->pool = pool;
    a->last = (struct device_reply){0};
    a->refused = 0;
    return (struct author){&ops, a};
}
