/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA memory in sight of programs: a buffer writable, of a queue the device area alone and read-only (I1: no
 * descriptor lies on those pages). What is mapped is unmapped before its pages are scrubbed, kept or anybody
 * else's: the device room says when. */
#include "kernel/calls/parts.h"

/* Shows `memory` to the caller, once: a second call gets the same address. */
static struct object_reply show(struct calls *c, const struct object_call *call, struct calls_mapping *m,
                                struct kernel_memory memory, enum processor_access access)
{
    const struct processor *processor = &c->system->processor;
    uint64_t at;

    if (m->at != 0)
        return m->process == call->process ? done(m->at) : calls_refuse(c, call, DEV_E_STATE);
    at = processor->ops->reserve(processor->ctx, call->process, memory.memory, memory.pages);
    if (at == 0)
        return calls_refuse(c, call, DEV_E_NO_MEMORY);
    if (!processor->ops->map(processor->ctx, call->process, at, memory.memory, memory.pages, access)) {
        processor->ops->unmap(processor->ctx, call->process, at, memory.pages);
        return calls_refuse(c, call, DEV_E_NO_MEMORY);
    }
    *m = (struct calls_mapping){at, memory.pages, call->process};
    return done(at);
}

void calls_memory_leaves(void *calls, enum cap_interface interface, uint16_t record)
{
    struct calls *c = calls;
    struct calls_mapping *m = interface == CAP_IF_DMA_QUEUE ? &c->queues[record] : &c->buffers[record];

    if (m->at == 0)
        return;
    ASSERT(c->system != NULL);
    c->system->processor.ops->unmap(c->system->processor.ctx, m->process, m->at, m->pages);
    m->at = 0;
}

struct object_reply calls_buffer(struct calls *c, const struct object_call *call)
{
    struct kernel_binding binding;
    const struct device_authority a = kernel_authority(&binding, c->kernel, caller(c, call));
    struct device_reply reply;

    switch ((enum buffer_method)call->method) {
    case BUFFER_MAP:
        reply = a.ops->buffer_map(a.ctx, call->cap);
        if (device_reply_ok(reply)) /* its value is a kernel address: not for programs */
            return show(c, call, &c->buffers[call->payload], kernel_buffer_memory(c->kernel, call->payload),
                        PROCESSOR_READ_WRITE);
        break;
    case BUFFER_DESTROY:
        reply = a.ops->buffer_destroy(a.ctx, call->cap);
        break;
    default:
        return transport(RING_E_METHOD);
    }
    return calls_device_reply(&reply);
}

static struct object_reply publish(struct calls *c, const struct object_call *call,
                                   const struct device_authority *a)
{
    const uint64_t count = call->args[0];
    struct device_reply reply;

    if (count > DMA_BATCH_MAX)
        return calls_refuse(c, call, DEV_E_CHAIN);
    if (count * sizeof c->batch[0] > call->range_bytes)
        return transport(RING_E_RANGE);
    /* The one read of the caller's memory (Z1): what is checked is what is used. */
    memcpy(c->batch, call->range, (size_t)count * sizeof c->batch[0]);
    reply = a->ops->publish(a->ctx, call->cap, c->batch, (uint16_t)count);
    return calls_device_reply(&reply);
}

struct object_reply calls_queue(struct calls *c, const struct object_call *call)
{
    struct kernel_binding binding;
    const struct device_authority a = kernel_authority(&binding, c->kernel, caller(c, call));
    struct device_reply reply;

    switch ((enum queue_method)call->method) {
    case QUEUE_PUBLISH:
        return publish(c, call, &a);
    case QUEUE_REAP:
        reply = a.ops->reap(a.ctx, call->cap);
        break;
    case QUEUE_VIEW:
        return show(c, call, &c->queues[call->payload], kernel_queue_view(c->kernel, call->payload),
                    PROCESSOR_READ);
    case QUEUE_DESTROY:
        reply = a.ops->queue_destroy(a.ctx, call->cap);
        break;
    default:
        return transport(RING_E_METHOD);
    }
    return calls_device_reply(&reply);
}
