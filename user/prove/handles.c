/* SPDX-License-Identifier: BSD-2-Clause */
#include "user/prove/handles.h"

#include "abi/assert.h"
#include "abi/memory.h"

static struct device_reply remember(struct handles *h, struct device_reply reply,
                                    enum cap_interface interface)
{
    if (!device_reply_ok(reply))
        return reply;
    if (h->count < HANDLES_SEEN_MAX)
        h->seen[h->count++] = (struct handle){reply.cap, interface};
    else
        h->lost++;
    return reply;
}

static struct device_reply claim(void *ctx, uint16_t bdf)
{
    struct handles *h = ctx;
    return remember(h, h->runtime.ops->claim(h->runtime.ctx, bdf), CAP_IF_DEVICE);
}

static struct device_reply open_registers(void *ctx, cap_id device, const struct reg_table *table,
                                          const struct reg_window *windows)
{
    struct handles *h = ctx;
    return remember(h, h->runtime.ops->open_registers(h->runtime.ctx, device, table, windows),
                    table->ports ? CAP_IF_DEVICE_PORTS : CAP_IF_DEVICE_MMIO);
}

static struct device_reply pool_create(void *ctx, cap_id device, uint32_t pages)
{
    struct handles *h = ctx;
    return remember(h, h->runtime.ops->pool_create(h->runtime.ctx, device, pages), CAP_IF_DMA_POOL);
}

static struct device_reply buffer_create(void *ctx, cap_id pool, uint32_t bytes, uint8_t direction)
{
    struct handles *h = ctx;
    return remember(h, h->runtime.ops->buffer_create(h->runtime.ctx, pool, bytes, direction),
                    CAP_IF_DMA_BUFFER);
}

static struct device_reply queue_create(void *ctx, cap_id pool, cap_id registers, uint16_t queue,
                                        uint16_t size, uint16_t bell_index, uint16_t avail_flags,
                                        struct dma_queue_view *out)
{
    struct handles *h = ctx;
    return remember(h,
                    h->runtime.ops->queue_create(h->runtime.ctx, pool, registers, queue, size, bell_index,
                                                 avail_flags, out),
                    CAP_IF_DMA_QUEUE);
}

static struct device_reply interrupt_create(void *ctx, cap_id device, uint16_t vector)
{
    struct handles *h = ctx;
    return remember(h, h->runtime.ops->interrupt_create(h->runtime.ctx, device, vector), CAP_IF_INTERRUPT);
}

struct device_authority handles_record(struct handles *h)
{
    handles_forget(h);
    h->runtime = rt_device_authority(&h->device);
    ASSERT(h->runtime.ctx == (void *)h); /* the device comes first */
    h->ops = *h->runtime.ops;
    h->ops.claim = claim;
    h->ops.open_registers = open_registers;
    h->ops.pool_create = pool_create;
    h->ops.buffer_create = buffer_create;
    h->ops.queue_create = queue_create;
    h->ops.interrupt_create = interrupt_create;
    return (struct device_authority){&h->ops, h};
}

void handles_forget(struct handles *h)
{
    h->count = 0;
    h->lost = 0;
}

/* A call that a live handle of this interface would get past its look-up. */
static struct device_reply use(const struct device_authority *a, const struct handle *handle)
{
    struct pci_function_info info;
    switch (handle->interface) {
    case CAP_IF_DEVICE:
        return a->ops->info(a->ctx, handle->id, &info);
    case CAP_IF_DEVICE_MMIO:
    case CAP_IF_DEVICE_PORTS:
        return a->ops->reg_read(a->ctx, handle->id, 0, 0);
    case CAP_IF_DMA_POOL:
        return a->ops->buffer_create(a->ctx, handle->id, DMA_PAGE_BYTES, DMA_TO_DEVICE);
    case CAP_IF_DMA_BUFFER:
        return a->ops->buffer_map(a->ctx, handle->id);
    case CAP_IF_DMA_QUEUE:
        return a->ops->reap(a->ctx, handle->id);
    case CAP_IF_INTERRUPT:
        return a->ops->interrupt_wait(a->ctx, handle->id);
    default: /* nothing else is recorded */
        break;
    }
    ASSERT(false && "a handle of no interface was recorded");
    return (struct device_reply){.exception = CAP_EX_NONE};
}

struct stale_result handles_try_stale(struct handles *h)
{
    struct stale_result result = {0, 0};
    for (uint32_t i = 0; i < h->count; i++) {
        struct device_reply reply = use(&h->runtime, &h->seen[i]);
        result.tried++;
        if (reply.exception == CAP_EX_STALE || reply.exception == CAP_EX_INVALID)
            result.refused++;
    }
    return result;
}
