/* SPDX-License-Identifier: BSD-2-Clause */
/* What the room above may know of buffers, queues and devices: the pages that it shows to programs, and how
 * an object ends. No address in device terms leaves here (I1). */
#include "kernel/device/device.h"

struct kernel_memory kernel_buffer_memory(const struct kernel *k, uint16_t buffer)
{
    const struct dma_buffer *b = &k->devices.buffers[buffer];

    ASSERT(buffer < BUFFERS_MAX);
    ASSERT(b->state != BUFFER_FREE);
    return (struct kernel_memory){page_cpu(k, b->run.first), b->run.count};
}

struct kernel_memory kernel_queue_view(const struct kernel *k, uint16_t queue)
{
    const struct dma_queue *q = &k->devices.queues[queue];

    ASSERT(queue < QUEUES_MAX);
    ASSERT(q->used);
    ASSERT(q->ring.layout.device_offset % DMA_PAGE_BYTES == 0);
    return (struct kernel_memory){page_cpu(k, q->run.first) + q->ring.layout.device_offset,
                                  q->run.count - q->ring.layout.device_offset / DMA_PAGE_BYTES};
}

/* NULL: nobody claimed it. */
static const struct claim *claim_of(const struct kernel *k, uint16_t bdf)
{
    const uint16_t function = function_find(k, bdf);

    if (function == NO_RECORD || k->devices.functions[function].claim == NO_RECORD)
        return NULL;
    return &k->devices.claims[k->devices.functions[function].claim];
}

uint16_t kernel_queue_outstanding(const struct kernel *k, uint16_t bdf, uint16_t queue)
{
    const struct claim *claim = claim_of(k, bdf);

    if (claim == NULL || queue >= DMA_QUEUES_MAX || claim->queues[queue] == NO_RECORD)
        return 0;
    return k->devices.queues[claim->queues[queue]].outstanding;
}

void kernel_take_in(struct kernel *k, uint16_t bdf)
{
    const struct claim *claim = claim_of(k, bdf);

    for (uint16_t i = 0; claim != NULL && i < DMA_QUEUES_MAX; i++) {
        if (claim->queues[i] != NO_RECORD && !k->devices.queues[claim->queues[i]].over)
            (void)broker_take_in(k, &k->devices.queues[claim->queues[i]]);
    }
}

uint16_t kernel_device_object(const struct kernel *k, uint16_t bdf)
{
    const struct claim *claim = claim_of(k, bdf);

    return claim == NULL || claim->direct ? OBJECT_NONE : claim->object.index;
}

void kernel_destroy_object(void *kernel, uint16_t object)
{
    teardown_object(kernel, object);
}
