/* SPDX-License-Identifier: BSD-2-Clause */
/* Device operations as ring calls: one operation, one call, one entry. What a call reads or writes beside its
 * arguments goes through one MemoryObject, in use during that call alone. Trusts the kernel's replies; a
 * value outside of an enum is a refusal as well. */
#include "user/rt/device.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"

#define SHARE_BYTES (2u * RING_PAGE_BYTES)
_Static_assert(sizeof(struct dma_publication) * DMA_BATCH_MAX <= SHARE_BYTES, "a batch fits");
_Static_assert(sizeof(struct reg_window) * REG_SECTIONS_MAX <= SHARE_BYTES, "the windows fit");
_Static_assert(sizeof(struct pci_function_info) <= SHARE_BYTES, "the scan record fits");

static struct device_reply reply_of(struct rt_device *d, const struct ring_completion *done)
{
    struct device_reply reply = {.cap = done->cap, .value = done->value};

    if (done->status == RING_E_CANCELLED || done->status == RING_E_DISCONNECTED)
        reply.exception = CAP_EX_STALE;
    else if (done->status != RING_OK || done->exception >= CAP_EX_COUNT)
        reply.exception = CAP_EX_INVALID;
    else if (done->exception != CAP_EX_NONE)
        reply.exception = (enum cap_exception)done->exception;
    else
        reply.error = done->result < DEV_E_COUNT ? (enum device_error)done->result : DEV_E_STATE;
    d->refused += !device_reply_ok(reply);
    return reply;
}

static struct device_reply call(void *ctx, cap_id cap, uint16_t method, const uint64_t *args)
{
    struct rt_device *d = ctx;
    const struct ring_completion done = ring_call(&d->rt->ring, cap, method, args, NULL);

    return reply_of(d, &done);
}

static struct device_reply call_with(struct rt_device *d, cap_id cap, uint16_t method, uint64_t arg,
                                     uint32_t range_bytes)
{
    const struct ring_extra range = ring_range(d->share.cap, 0, range_bytes);
    const struct ring_completion done = ring_call(&d->rt->ring, cap, method, RING_ARGS(arg), &range);

    return reply_of(d, &done);
}

static struct device_reply refusal(struct rt_device *d, enum device_error error)
{
    d->refused++;
    return (struct device_reply){.error = error};
}

static struct device_reply rt_claim(void *ctx, uint16_t bdf)
{
    const struct rt_device *d = ctx;

    (void)bdf; /* the function is the one whose capability is held */
    return call(ctx, d->function, FUNCTION_CLAIM, NULL);
}

static struct device_reply rt_info(void *ctx, cap_id device, struct pci_function_info *out)
{
    struct rt_device *d = ctx;
    const struct device_reply reply = call_with(d, device, DEVICE_INFO, 0, sizeof *out);

    if (device_reply_ok(reply))
        memcpy(out, d->share.at, sizeof *out);
    return reply;
}

static struct device_reply rt_open_registers(void *ctx, cap_id device, const struct reg_table *table,
                                             const struct reg_window *windows)
{
    struct rt_device *d = ctx;
    const uint32_t bytes = (uint32_t)sizeof *windows * table->section_count;

    for (uint32_t i = 0; i < d->table_count; i++) {
        const uint64_t number = d->tables[i].number;

        if (d->tables[i].table != table)
            continue;
        if (bytes == 0)
            return call(ctx, device, DEVICE_OPEN_REGISTERS, RING_ARGS(number));
        ASSERT(bytes <= SHARE_BYTES);
        memcpy(d->share.at, windows, bytes);
        return call_with(d, device, DEVICE_OPEN_REGISTERS, number, bytes);
    }
    return refusal(d, DEV_E_TABLE);
}

static uint64_t row_and_index(uint16_t row, uint16_t index)
{
    return row | (uint64_t)index << 16;
}

static uint64_t packed(cap_id cap)
{
    return cap.index | (uint64_t)cap.generation << 32;
}

static struct device_reply rt_reg_read(void *ctx, cap_id registers, uint16_t row, uint16_t index)
{
    return call(ctx, registers, REGISTERS_READ, RING_ARGS(row_and_index(row, index)));
}

static struct device_reply rt_reg_write(void *ctx, cap_id registers, uint16_t row, uint16_t index,
                                        uint32_t value)
{
    return call(ctx, registers, REGISTERS_WRITE, RING_ARGS(row_and_index(row, index), value));
}

static struct device_reply rt_reg_write_address(void *ctx, cap_id registers, uint16_t row, cap_id queue)
{
    return call(ctx, registers, REGISTERS_WRITE_ADDRESS, RING_ARGS(row, packed(queue)));
}

static struct device_reply rt_enable_dma(void *ctx, cap_id device)
{
    return call(ctx, device, DEVICE_ENABLE_DMA, NULL);
}

static struct device_reply rt_pool_create(void *ctx, cap_id device, uint32_t pages)
{
    return call(ctx, device, DEVICE_POOL_CREATE, RING_ARGS(pages));
}

static struct device_reply rt_buffer_create(void *ctx, cap_id pool, uint32_t bytes, uint8_t direction)
{
    return call(ctx, pool, POOL_BUFFER_CREATE, RING_ARGS(bytes, direction));
}

static struct device_reply rt_buffer_map(void *ctx, cap_id buffer)
{
    return call(ctx, buffer, BUFFER_MAP, NULL);
}

static struct device_reply rt_buffer_destroy(void *ctx, cap_id buffer)
{
    return call(ctx, buffer, BUFFER_DESTROY, NULL);
}

static struct device_reply rt_queue_create(void *ctx, cap_id pool, cap_id registers, uint16_t queue,
                                           uint16_t size, uint16_t bell_index, uint16_t avail_flags,
                                           struct dma_queue_view *out)
{
    const uint64_t shape =
        queue | (uint64_t)size << 16 | (uint64_t)bell_index << 32 | (uint64_t)avail_flags << 48;
    const struct device_reply made = call(ctx, pool, POOL_QUEUE_CREATE, RING_ARGS(packed(registers), shape));

    if (!device_reply_ok(made))
        return made;
    const struct device_reply view = call(ctx, made.cap, QUEUE_VIEW, NULL);
    if (!device_reply_ok(view)) {
        (void)call(ctx, made.cap, QUEUE_DESTROY, NULL); /* nothing is held on failure */
        return view;
    }
    *out = (struct dma_queue_view){.device_area = (const void *)(uintptr_t)view.value, .size = size};
    return made;
}

static struct device_reply rt_publish(void *ctx, cap_id queue, const struct dma_publication *batch,
                                      uint16_t count)
{
    struct rt_device *d = ctx;

    if (count == 0 || count > DMA_BATCH_MAX)
        return refusal(d, DEV_E_VALUE);
    memcpy(d->share.at, batch, count * sizeof *batch);
    return call_with(d, queue, QUEUE_PUBLISH, count, (uint32_t)(count * sizeof *batch));
}

static struct device_reply rt_reap(void *ctx, cap_id queue)
{
    return call(ctx, queue, QUEUE_REAP, NULL);
}

static struct device_reply rt_queue_destroy(void *ctx, cap_id queue)
{
    return call(ctx, queue, QUEUE_DESTROY, NULL);
}

static struct device_reply rt_interrupt_create(void *ctx, cap_id device, uint16_t vector)
{
    return call(ctx, device, DEVICE_INTERRUPT_CREATE, RING_ARGS(vector));
}

static struct device_reply rt_interrupt_poll(void *ctx, cap_id interrupt)
{
    return call(ctx, interrupt, INTERRUPT_POLL, NULL);
}

static struct device_reply rt_interrupt_ack(void *ctx, cap_id interrupt)
{
    return call(ctx, interrupt, INTERRUPT_ACK, NULL);
}

static struct device_reply rt_interrupt_mask(void *ctx, cap_id interrupt, bool masked)
{
    return call(ctx, interrupt, INTERRUPT_MASK, RING_ARGS(masked));
}

static struct device_reply rt_release(void *ctx, cap_id cap)
{
    struct rt_device *d = ctx;
    const struct ring_completion done = ring_release(&d->rt->ring, cap);

    return reply_of(d, &done);
}

static const struct device_authority_ops ops = {
    .claim = rt_claim,
    .info = rt_info,
    .open_registers = rt_open_registers,
    .reg_read = rt_reg_read,
    .reg_write = rt_reg_write,
    .reg_write_address = rt_reg_write_address,
    .enable_dma = rt_enable_dma,
    .pool_create = rt_pool_create,
    .buffer_create = rt_buffer_create,
    .buffer_map = rt_buffer_map,
    .buffer_destroy = rt_buffer_destroy,
    .queue_create = rt_queue_create,
    .publish = rt_publish,
    .reap = rt_reap,
    .queue_destroy = rt_queue_destroy,
    .interrupt_create = rt_interrupt_create,
    .interrupt_wait = rt_interrupt_poll,
    .interrupt_ack = rt_interrupt_ack,
    .interrupt_mask = rt_interrupt_mask,
    .release = rt_release,
};

bool rt_device_init(struct rt_device *d, struct rt *rt, cap_id function)
{
    *d = (struct rt_device){.rt = rt, .function = function};
    return rt_memory_make(rt, SHARE_BYTES, &d->share);
}

void rt_device_table(struct rt_device *d, const struct reg_table *table, uint16_t number)
{
    ASSERT(d->table_count < RT_DEVICE_TABLES_MAX);
    d->tables[d->table_count++] = (struct rt_device_table){table, number};
}

struct device_authority rt_device_authority(struct rt_device *d)
{
    return (struct device_authority){&ops, d};
}
