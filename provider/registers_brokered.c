/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers through the device authority. Holds one capability; every refusal is kept and counted. */
#include "provider/brokered.h"

#include "abi/assert.h"

static enum provider_error taken(struct registers_brokered *b, struct device_reply reply)
{
    if (device_reply_ok(reply))
        return PROVIDER_OK;
    b->last = reply;
    b->refused++;
    return reply.exception == CAP_EX_NONE && reply.error == DEV_E_BUSY ? PROVIDER_E_BUSY
                                                                       : PROVIDER_E_REGISTER;
}

static enum provider_error brokered_open(void *ctx, const struct reg_table *table,
                                         const struct reg_window *windows)
{
    struct registers_brokered *b = ctx;
    struct device_reply reply;

    ASSERT(cap_is_none(b->registers));
    reply = b->authority->ops->open_registers(b->authority->ctx, b->device, table, windows);
    if (device_reply_ok(reply))
        b->registers = reply.cap;
    return taken(b, reply);
}

static struct reg_value brokered_read(void *ctx, uint16_t row, uint16_t index)
{
    struct registers_brokered *b = ctx;
    struct device_reply reply = b->authority->ops->reg_read(b->authority->ctx, b->registers, row, index);

    return (struct reg_value){taken(b, reply), {(uint32_t)reply.value}};
}

static enum provider_error brokered_write(void *ctx, uint16_t row, uint16_t index, uint32_t value)
{
    struct registers_brokered *b = ctx;

    return taken(b, b->authority->ops->reg_write(b->authority->ctx, b->registers, row, index, value));
}

static enum provider_error brokered_write_address(void *ctx, uint16_t row, const struct provider_ring *ring)
{
    struct registers_brokered *b = ctx;
    cap_id queue = brokered_unpack(ring->handle);

    return taken(b, b->authority->ops->reg_write_address(b->authority->ctx, b->registers, row, queue));
}

static enum provider_error brokered_enable_dma(void *ctx)
{
    struct registers_brokered *b = ctx;

    return taken(b, b->authority->ops->enable_dma(b->authority->ctx, b->device));
}

static void brokered_disable_dma(void *ctx)
{
    /* The authority turns bus mastering off when the device is released: not ours to say when. */
    ASSERT(ctx != NULL);
}

static void brokered_close(void *ctx)
{
    struct registers_brokered *b = ctx;

    if (cap_is_none(b->registers))
        return;
    (void)taken(b, b->authority->ops->release(b->authority->ctx, b->registers));
    b->registers = CAP_NONE;
}

struct registers registers_brokered_init(struct registers_brokered *b,
                                         const struct device_authority *authority, cap_id device)
{
    static const struct registers_ops ops = {
        .open = brokered_open,
        .read = brokered_read,
        .write = brokered_write,
        .write_address = brokered_write_address,
        .enable_dma = brokered_enable_dma,
        .disable_dma = brokered_disable_dma,
        .close = brokered_close,
    };

    ASSERT(authority != NULL);
    *b = (struct registers_brokered){.authority = authority, .device = device};
    return (struct registers){&ops, b};
}
