/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices, registers, pools and interrupts: each method is one call on the device authority over the caller's
 * owner, which looks the handle up again and records every refusal. Arguments are narrowed here: what does
 * not fit the authority's type is out of its range. */
#include "kernel/calls/parts.h"

struct object_reply calls_device_reply(const struct device_reply *reply)
{
    if (!device_reply_ok(*reply))
        return (struct object_reply){
            .exception = (uint8_t)reply->exception, .result = (uint16_t)reply->error, .denied = true};
    return (struct object_reply){.value = reply->value, .cap = reply->cap};
}

/* The authority of whoever calls; the binding lives as long as the call. */
#define AUTHORITY(c_, call_)                                                                                 \
    struct kernel_binding binding_;                                                                          \
    const struct device_authority a = kernel_authority(&binding_, (c_)->kernel, caller((c_), (call_)))

static struct object_reply open_registers(struct calls *c, const struct object_call *call)
{
    struct reg_window windows[REG_SECTIONS_MAX];
    const struct reg_table *table;
    struct device_reply reply;

    AUTHORITY(c, call);
    if (call->args[0] >= c->tables.count)
        return calls_refuse(c, call, DEV_E_TABLE);
    table = c->tables.tables[call->args[0]];
    ASSERT(table->section_count <= REG_SECTIONS_MAX);
    const uint32_t bytes = (uint32_t)sizeof windows[0] * table->section_count;
    if (bytes > call->range_bytes)
        return transport(RING_E_RANGE);
    /* The one read of the caller's memory (Z1). */
    if (bytes != 0)
        memcpy(windows, call->range, bytes);
    reply = a.ops->open_registers(a.ctx, call->cap, table, bytes == 0 ? NULL : windows);
    return calls_device_reply(&reply);
}

static struct object_reply info(struct calls *c, const struct object_call *call)
{
    struct pci_function_info record;
    struct device_reply reply;

    AUTHORITY(c, call);
    reply = a.ops->info(a.ctx, call->cap, &record);
    return device_reply_ok(reply) ? calls_give(call, &record, sizeof record) : calls_device_reply(&reply);
}

struct object_reply calls_device(struct calls *c, const struct object_call *call)
{
    const uint64_t number = call->args[0];
    struct device_reply reply;

    AUTHORITY(c, call);
    switch ((enum device_method)call->method) {
    case DEVICE_INFO:
        return info(c, call);
    case DEVICE_OPEN_REGISTERS:
        return open_registers(c, call);
    case DEVICE_ENABLE_DMA:
        reply = a.ops->enable_dma(a.ctx, call->cap);
        break;
    case DEVICE_POOL_CREATE:
        if (number > UINT32_MAX)
            return calls_refuse(c, call, DEV_E_NO_MEMORY);
        reply = a.ops->pool_create(a.ctx, call->cap, (uint32_t)number);
        break;
    case DEVICE_INTERRUPT_CREATE:
        if (number > UINT16_MAX)
            return calls_refuse(c, call, DEV_E_VECTOR);
        reply = a.ops->interrupt_create(a.ctx, call->cap, (uint16_t)number);
        break;
    default:
        return transport(RING_E_METHOD);
    }
    return calls_device_reply(&reply);
}

static cap_id unpack(uint64_t packed)
{
    return (cap_id){(uint32_t)packed, (uint32_t)(packed >> 32)};
}

struct object_reply calls_registers(struct calls *c, const struct object_call *call)
{
    const uint16_t row = (uint16_t)call->args[0];
    const uint16_t index = (uint16_t)(call->args[0] >> 16);
    struct device_reply reply;

    AUTHORITY(c, call);
    if (call->args[0] > UINT32_MAX)
        return calls_refuse(c, call, DEV_E_REGISTER);
    switch ((enum registers_method)call->method) {
    case REGISTERS_READ:
        reply = a.ops->reg_read(a.ctx, call->cap, row, index);
        break;
    case REGISTERS_WRITE:
        if (call->args[1] > UINT32_MAX)
            return calls_refuse(c, call, DEV_E_VALUE);
        reply = a.ops->reg_write(a.ctx, call->cap, row, index, (uint32_t)call->args[1]);
        break;
    case REGISTERS_WRITE_ADDRESS:
        if (index != 0)
            return calls_refuse(c, call, DEV_E_REGISTER);
        reply = a.ops->reg_write_address(a.ctx, call->cap, row, unpack(call->args[1]));
        break;
    default:
        return transport(RING_E_METHOD);
    }
    return calls_device_reply(&reply);
}

static struct device_reply queue_create(const struct device_authority *a, const struct object_call *call)
{
    const uint64_t shape = call->args[1];
    struct dma_queue_view view; /* a kernel address: QUEUE_VIEW shows the pages */

    return a->ops->queue_create(a->ctx, call->cap, unpack(call->args[0]), (uint16_t)shape,
                                (uint16_t)(shape >> 16), (uint16_t)(shape >> 32), (uint16_t)(shape >> 48),
                                &view);
}

struct object_reply calls_pool(struct calls *c, const struct object_call *call)
{
    struct device_reply reply;

    AUTHORITY(c, call);
    switch ((enum pool_method)call->method) {
    case POOL_BUFFER_CREATE:
        if (call->args[0] > UINT32_MAX)
            return calls_refuse(c, call, DEV_E_RANGE);
        if (call->args[1] > UINT8_MAX)
            return calls_refuse(c, call, DEV_E_DIRECTION);
        reply = a.ops->buffer_create(a.ctx, call->cap, (uint32_t)call->args[0], (uint8_t)call->args[1]);
        break;
    case POOL_QUEUE_CREATE:
        reply = queue_create(&a, call);
        break;
    default:
        return transport(RING_E_METHOD);
    }
    return calls_device_reply(&reply);
}

struct object_reply calls_interrupt(struct calls *c, const struct object_call *call)
{
    struct device_reply reply;

    AUTHORITY(c, call);
    switch ((enum interrupt_method)call->method) {
    case INTERRUPT_WAIT:
    case INTERRUPT_POLL:
        reply = a.ops->interrupt_wait(a.ctx, call->cap);
        if (call->method == INTERRUPT_WAIT && device_reply_ok(reply) && reply.value == 0)
            return still_waits();
        break;
    case INTERRUPT_ACK:
        reply = a.ops->interrupt_ack(a.ctx, call->cap);
        break;
    case INTERRUPT_MASK:
        if (call->args[0] > 1)
            return calls_refuse(c, call, DEV_E_VALUE);
        reply = a.ops->interrupt_mask(a.ctx, call->cap, call->args[0] == 1);
        break;
    default:
        return transport(RING_E_METHOD);
    }
    return calls_device_reply(&reply);
}
