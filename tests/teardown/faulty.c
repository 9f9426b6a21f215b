/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/teardown/faulty.h"

static bool fails(struct faulty *f, const char *operation, uint16_t row)
{
    if (f->calls++ != f->fail_at)
        return false;
    f->failed = operation;
    f->failed_row = row;
    if (f->meanwhile)
        f->meanwhile(f->meanwhile_ctx);
    return true;
}

static enum provider_error faulty_open(void *ctx, const struct reg_table *table,
                                       const struct reg_window *windows)
{
    struct faulty *f = ctx;
    return fails(f, "open", 0) ? PROVIDER_E_REGISTER
                               : f->registers.ops->open(f->registers.ctx, table, windows);
}

static struct reg_value faulty_read(void *ctx, uint16_t row, uint16_t index)
{
    struct faulty *f = ctx;
    if (fails(f, "read", row))
        return (struct reg_value){.error = PROVIDER_E_REGISTER};
    return f->registers.ops->read(f->registers.ctx, row, index);
}

static enum provider_error faulty_write(void *ctx, uint16_t row, uint16_t index, uint32_t value)
{
    struct faulty *f = ctx;
    return fails(f, "write", row) ? PROVIDER_E_REGISTER
                                  : f->registers.ops->write(f->registers.ctx, row, index, value);
}

static enum provider_error faulty_write_address(void *ctx, uint16_t row, const struct provider_ring *ring)
{
    struct faulty *f = ctx;
    return fails(f, "write_address", row) ? PROVIDER_E_QUEUE_ADDRESS
                                          : f->registers.ops->write_address(f->registers.ctx, row, ring);
}

static enum provider_error faulty_enable_dma(void *ctx)
{
    struct faulty *f = ctx;
    return fails(f, "enable_dma", 0) ? PROVIDER_E_REGISTER : f->registers.ops->enable_dma(f->registers.ctx);
}

static void faulty_disable_dma(void *ctx)
{
    struct faulty *f = ctx;
    f->registers.ops->disable_dma(f->registers.ctx);
}

static void faulty_close(void *ctx)
{
    struct faulty *f = ctx;
    f->registers.ops->close(f->registers.ctx);
}

static enum provider_error faulty_queue_create(void *ctx, uint16_t queue, uint16_t size, uint16_t bell_index,
                                               uint16_t avail_flags, struct provider_ring *out)
{
    struct faulty *f = ctx;
    if (fails(f, "queue_create", queue))
        return PROVIDER_E_MEMORY;
    return f->author.ops->queue_create(f->author.ctx, queue, size, bell_index, avail_flags, out);
}

static enum provider_error faulty_publish(void *ctx, const struct provider_ring *ring,
                                          const struct author_segment *segments, uint16_t segment_count)
{
    struct faulty *f = ctx;
    if (fails(f, "publish", ring->queue))
        return PROVIDER_E_REFUSED;
    return f->author.ops->publish(f->author.ctx, ring, segments, segment_count);
}

static enum provider_error faulty_reap(void *ctx, const struct provider_ring *ring)
{
    struct faulty *f = ctx;
    return fails(f, "reap", ring->queue) ? PROVIDER_E_REFUSED : f->author.ops->reap(f->author.ctx, ring);
}

static enum provider_error faulty_queue_destroy(void *ctx, struct provider_ring *ring)
{
    struct faulty *f = ctx;
    return fails(f, "queue_destroy", ring->queue) ? PROVIDER_E_BUSY
                                                  : f->author.ops->queue_destroy(f->author.ctx, ring);
}

static enum provider_error faulty_buffer_create(void *ctx, uint32_t bytes, uint8_t direction,
                                                struct provider_buffer *out)
{
    struct faulty *f = ctx;
    return fails(f, "buffer_create", 0) ? PROVIDER_E_MEMORY
                                        : f->author.ops->buffer_create(f->author.ctx, bytes, direction, out);
}

static enum provider_error faulty_buffer_destroy(void *ctx, struct provider_buffer *buffer)
{
    struct faulty *f = ctx;
    return fails(f, "buffer_destroy", 0) ? PROVIDER_E_BUSY
                                         : f->author.ops->buffer_destroy(f->author.ctx, buffer);
}

void faulty_between(struct faulty *f, struct vnet_env *env, uint32_t fail_at)
{
    static const struct registers_ops registers = {
        .open = faulty_open,
        .read = faulty_read,
        .write = faulty_write,
        .write_address = faulty_write_address,
        .enable_dma = faulty_enable_dma,
        .disable_dma = faulty_disable_dma,
        .close = faulty_close,
    };
    static const struct author_ops author = {
        .queue_create = faulty_queue_create,
        .publish = faulty_publish,
        .reap = faulty_reap,
        .queue_destroy = faulty_queue_destroy,
        .buffer_create = faulty_buffer_create,
        .buffer_destroy = faulty_buffer_destroy,
    };
    *f = (struct faulty){.registers = env->registers, .author = env->author, .fail_at = fail_at};
    env->registers = (struct registers){&registers, f};
    env->author = (struct author){&author, f};
}
