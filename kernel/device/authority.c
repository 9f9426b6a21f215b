/* SPDX-License-Identifier: BSD-2-Clause */
/* The device authority's operation table over (kernel, owner). A call through a binding of an owner that
 * ended fails before anything is looked at; every refusal is counted by its reason and recorded as a denial.
 */
#include "kernel/device/device.h"

static struct owner *living(const struct kernel_binding *b)
{
    ASSERT(b->k != NULL);
    ASSERT(b->owner != NULL);
    return b->owner->state == OWNER_LIVE && b->owner->epoch == b->owner_epoch ? b->owner : NULL;
}

static struct device_reply counted(const struct kernel_binding *b, cap_id handle, uint16_t bdf,
                                   struct device_reply reply)
{
    if (device_reply_ok(reply))
        return reply;
    struct kernel *k = b->k;
    ASSERT((reply.exception == CAP_EX_NONE) != (reply.error == DEV_OK));
    k->stats.exceptions[reply.exception] += reply.exception != CAP_EX_NONE;
    k->stats.errors[reply.error] += reply.error != DEV_OK;
    const struct audit_event event = {
        .handle = handle,
        .owner = b->owner->index,
        .bdf = bdf,
        .kind = AUDIT_DENIAL,
        .object_kind = CAP_IF_NONE,
        .result = (uint8_t)(reply.exception != CAP_EX_NONE ? (uint32_t)reply.exception
                                                           : AUDIT_RESULT_ERROR + (uint32_t)reply.error),
    };
    audit_denial(&k->core.audit, &event);
    return reply;
}

/* One call: stale binding, the call itself, its refusal counted. */
#define AUTHORITY_CALL(ctx_, handle_, bdf_, call_)                                                           \
    const struct kernel_binding *b = (ctx_);                                                                 \
    struct owner *o = living(b);                                                                             \
    struct kernel *k = b->k;                                                                                 \
    return counted(b, (handle_), (bdf_), o == NULL ? reply_exception(CAP_EX_STALE) : (call_))

static struct device_reply op_claim(void *ctx, uint16_t bdf)
{
    AUTHORITY_CALL(ctx, CAP_NONE, bdf, claim_device(k, o, bdf));
}

static struct device_reply op_info(void *ctx, cap_id device, struct pci_function_info *out)
{
    AUTHORITY_CALL(ctx, device, AUDIT_BDF_NONE, claim_info(k, o, device, out));
}

static struct device_reply op_open_registers(void *ctx, cap_id device, const struct reg_table *table,
                                             const struct reg_window *windows)
{
    AUTHORITY_CALL(ctx, device, AUDIT_BDF_NONE, registers_open(k, o, device, table, windows));
}

static struct device_reply op_reg_read(void *ctx, cap_id registers, uint16_t row, uint16_t index)
{
    AUTHORITY_CALL(ctx, registers, AUDIT_BDF_NONE, registers_read(k, o, registers, row, index));
}

static struct device_reply op_reg_write(void *ctx, cap_id registers, uint16_t row, uint16_t index,
                                        uint32_t value)
{
    AUTHORITY_CALL(ctx, registers, AUDIT_BDF_NONE, registers_write(k, o, registers, row, index, value));
}

static struct device_reply op_reg_write_address(void *ctx, cap_id registers, uint16_t row, cap_id queue)
{
    AUTHORITY_CALL(ctx, registers, AUDIT_BDF_NONE, registers_write_address(k, o, registers, row, queue));
}

static struct device_reply op_enable_dma(void *ctx, cap_id device)
{
    AUTHORITY_CALL(ctx, device, AUDIT_BDF_NONE, claim_enable_dma(k, o, device));
}

static struct device_reply op_pool_create(void *ctx, cap_id device, uint32_t pages)
{
    AUTHORITY_CALL(ctx, device, AUDIT_BDF_NONE, pool_create(k, o, device, pages));
}

static struct device_reply op_buffer_create(void *ctx, cap_id pool, uint32_t bytes, uint8_t direction)
{
    AUTHORITY_CALL(ctx, pool, AUDIT_BDF_NONE, buffer_create(k, o, pool, bytes, direction));
}

static struct device_reply op_buffer_map(void *ctx, cap_id buffer)
{
    AUTHORITY_CALL(ctx, buffer, AUDIT_BDF_NONE, buffer_map(k, o, buffer));
}

static struct device_reply op_buffer_destroy(void *ctx, cap_id buffer)
{
    AUTHORITY_CALL(ctx, buffer, AUDIT_BDF_NONE, buffer_destroy(k, o, buffer, AUDIT_RELEASE));
}

static struct device_reply op_queue_create(void *ctx, cap_id pool, cap_id registers, uint16_t queue,
                                           uint16_t size, uint16_t bell_index, uint16_t avail_flags,
                                           struct dma_queue_view *out)
{
    const struct queue_request request = {pool, registers, queue, size, bell_index, avail_flags};

    AUTHORITY_CALL(ctx, pool, AUDIT_BDF_NONE, queue_create(k, o, &request, out));
}

static struct device_reply op_publish(void *ctx, cap_id queue, const struct dma_publication *batch,
                                      uint16_t count)
{
    AUTHORITY_CALL(ctx, queue, AUDIT_BDF_NONE, broker_publish(k, o, queue, batch, count));
}

static struct device_reply op_reap(void *ctx, cap_id queue)
{
    AUTHORITY_CALL(ctx, queue, AUDIT_BDF_NONE, broker_reap(k, o, queue));
}

static struct device_reply op_queue_destroy(void *ctx, cap_id queue)
{
    AUTHORITY_CALL(ctx, queue, AUDIT_BDF_NONE, queue_destroy(k, o, queue, AUDIT_RELEASE));
}

static struct device_reply op_interrupt_create(void *ctx, cap_id device, uint16_t vector)
{
    AUTHORITY_CALL(ctx, device, AUDIT_BDF_NONE, interrupt_create(k, o, device, vector));
}

static struct device_reply op_interrupt_wait(void *ctx, cap_id interrupt)
{
    AUTHORITY_CALL(ctx, interrupt, AUDIT_BDF_NONE, interrupt_wait(k, o, interrupt));
}

static struct device_reply op_interrupt_ack(void *ctx, cap_id interrupt)
{
    AUTHORITY_CALL(ctx, interrupt, AUDIT_BDF_NONE, interrupt_ack(k, o, interrupt));
}

static struct device_reply op_interrupt_mask(void *ctx, cap_id interrupt, bool masked)
{
    AUTHORITY_CALL(ctx, interrupt, AUDIT_BDF_NONE, interrupt_mask(k, o, interrupt, masked));
}

static struct device_reply op_release(void *ctx, cap_id cap)
{
    AUTHORITY_CALL(ctx, cap, AUDIT_BDF_NONE, teardown_release(k, o, cap));
}

static const struct device_authority_ops authority_ops = {
    .claim = op_claim,
    .info = op_info,
    .open_registers = op_open_registers,
    .reg_read = op_reg_read,
    .reg_write = op_reg_write,
    .reg_write_address = op_reg_write_address,
    .enable_dma = op_enable_dma,
    .pool_create = op_pool_create,
    .buffer_create = op_buffer_create,
    .buffer_map = op_buffer_map,
    .buffer_destroy = op_buffer_destroy,
    .queue_create = op_queue_create,
    .publish = op_publish,
    .reap = op_reap,
    .queue_destroy = op_queue_destroy,
    .interrupt_create = op_interrupt_create,
    .interrupt_wait = op_interrupt_wait,
    .interrupt_ack = op_interrupt_ack,
    .interrupt_mask = op_interrupt_mask,
    .release = op_release,
};

struct device_authority kernel_authority(struct kernel_binding *storage, struct kernel *k,
                                         struct owner *owner)
{
    ASSERT(storage != NULL);
    ASSERT(owner->state == OWNER_LIVE);
    *storage = (struct kernel_binding){k, owner, owner->epoch};
    return (struct device_authority){&authority_ops, storage};
}
