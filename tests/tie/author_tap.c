/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tie/author_tap.h"

#include "abi/assert.h"

static enum provider_error tap_queue_create(void *ctx, uint16_t queue, uint16_t size, uint16_t bell_index,
                                            uint16_t avail_flags, struct provider_ring *out)
{
    struct author_tap *t = ctx;
    enum provider_error error =
        t->inner.ops->queue_create(t->inner.ctx, queue, size, bell_index, avail_flags, out);
    if (error == PROVIDER_OK) {
        struct tapped_ring *ring = &t->rings[queue];
        bool laid_out = split_layout_for(size, t->ring_align, &ring->layout);
        ASSERT(laid_out);
        ring->base = out->device_area - ring->layout.device_offset;
    }
    return error;
}

static enum provider_error tap_publish(void *ctx, const struct provider_ring *ring,
                                       const struct author_segment *segments, uint16_t segment_count)
{
    struct author_tap *t = ctx;
    enum provider_error error = t->inner.ops->publish(t->inner.ctx, ring, segments, segment_count);
    if (t->published)
        t->published(t->ctx, ring, segments, segment_count, error);
    return error;
}

static enum provider_error tap_reap(void *ctx, const struct provider_ring *ring)
{
    struct author_tap *t = ctx;
    return t->inner.ops->reap(t->inner.ctx, ring);
}

static enum provider_error tap_queue_destroy(void *ctx, struct provider_ring *ring)
{
    struct author_tap *t = ctx;
    return t->inner.ops->queue_destroy(t->inner.ctx, ring);
}

static enum provider_error tap_buffer_create(void *ctx, uint32_t bytes, uint8_t direction,
                                             struct provider_buffer *out)
{
    struct author_tap *t = ctx;
    return t->inner.ops->buffer_create(t->inner.ctx, bytes, direction, out);
}

static enum provider_error tap_buffer_destroy(void *ctx, struct provider_buffer *buffer)
{
    struct author_tap *t = ctx;
    return t->inner.ops->buffer_destroy(t->inner.ctx, buffer);
}

struct author author_tap_init(struct author_tap *tap, struct author inner, uint32_t ring_align)
{
    static const struct author_ops ops = {tap_queue_create,  tap_publish,       tap_reap,
                                          tap_queue_destroy, tap_buffer_create, tap_buffer_destroy};
    tap->inner = inner;
    tap->ring_align = ring_align;
    for (uint32_t i = 0; i < DMA_QUEUES_MAX; i++)
        tap->rings[i] = (struct tapped_ring){0};
    return (struct author){&ops, tap};
}
