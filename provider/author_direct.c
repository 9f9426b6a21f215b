/* SPDX-License-Identifier: BSD-2-Clause */
/* Author over a block of memory that the function may reach: carves out rings and buffers, writes the rings
 * itself, rings the bell. Owns the block's division; memory of a queue or buffer comes back only by an
 * orderly destroy. */
#include "provider/direct.h"

#include "abi/memory.h"

static size_t whole_pages(size_t bytes)
{
    return (bytes + DMA_PAGE_BYTES - 1u) & ~(size_t)(DMA_PAGE_BYTES - 1u);
}

/* First fit over the gaps between live blocks. False: no room. The bytes are zeroed (I20). */
static bool block_take(struct author_direct *a, size_t bytes, size_t *offset)
{
    size_t need = whole_pages(bytes);
    size_t gap = 0;
    uint32_t at = 0;

    ASSERT(need > 0);
    if (a->block_count == DIRECT_BLOCKS_MAX)
        return false;
    for (; at < a->block_count && a->blocks[at].offset - gap < need; at++)
        gap = a->blocks[at].offset + a->blocks[at].bytes;
    if (a->memory.bytes < gap || a->memory.bytes - gap < need)
        return false;
    for (uint32_t i = a->block_count; i > at; i--)
        a->blocks[i] = a->blocks[i - 1u];
    a->blocks[at] = (struct direct_block){gap, need};
    a->block_count++;
    memset(a->memory.cpu + gap, 0, need);
    *offset = gap;
    return true;
}

static void block_give(struct author_direct *a, size_t offset)
{
    uint32_t at = 0;

    while (at < a->block_count && a->blocks[at].offset != offset)
        at++;
    ASSERT(at < a->block_count);
    a->block_count--;
    for (; at < a->block_count; at++)
        a->blocks[at] = a->blocks[at + 1u];
}

static enum provider_error direct_queue_create(void *ctx, uint16_t queue, uint16_t size, uint16_t bell_index,
                                               uint16_t avail_flags, struct provider_ring *out)
{
    struct author_direct *a = ctx;
    const struct reg_table *table = a->registers->table;
    struct split_layout layout;
    struct direct_queue *q;
    uint64_t bell;
    size_t offset;

    ASSERT(table != NULL);
    ASSERT(queue < DMA_QUEUES_MAX);
    q = &a->queues[queue];
    ASSERT(!q->live);
    if (!split_layout_for(size, table->ring_align, &layout))
        return PROVIDER_E_QUEUE_SIZE;
    if (!registers_direct_bell(a->registers, bell_index, &bell))
        return PROVIDER_E_QUEUE_ADDRESS;
    if (!block_take(a, layout.bytes, &offset))
        return PROVIDER_E_MEMORY;

    *q = (struct direct_queue){.bus = a->memory.bus.v + offset,
                               .bell = bell,
                               .live = true,
                               /* A legacy host may leave NO_NOTIFY set and still wait for the bell. */
                               .always_notify = table->ports != 0};
    split_ring_init(&q->ring, a->memory.cpu + offset, size, layout, avail_flags);
    *out = (struct provider_ring){.device_area = q->ring.base + layout.device_offset,
                                  .queue = queue,
                                  .size = size,
                                  .bell_index = bell_index,
                                  .handle = q->bus};
    return PROVIDER_OK;
}

static void ring_bell(struct author_direct *a, const struct direct_queue *q, uint16_t queue)
{
    a->bells++;
    /* 4.1.5.2: the queue's index, 16 bits wide. */
    if (a->registers->table->ports)
        platform_port_write(a->registers->platform, (uint16_t)q->bell, 2, queue);
    else
        platform_mmio_write(a->registers->platform, q->bell, 2, queue);
}

static enum provider_error direct_publish(void *ctx, const struct provider_ring *ring,
                                          const struct author_segment *segments, uint16_t segment_count)
{
    struct author_direct *a = ctx;
    struct direct_queue *q = &a->queues[ring->queue];
    /* Copies: what we store in the ring could alias the originals as far as the compiler knows, a reload a
     * field. */
    struct split_ring split = q->ring;
    const uint64_t bus = a->memory.bus.v;
    const uint64_t bytes = a->memory.bytes;
    bool head = true;
    bool wanted;
    uint16_t chains = 0;

    ASSERT(q->live);
    ASSERT(segment_count > 0);
    ASSERT(segments[segment_count - 1u].more == 0);
    for (uint16_t i = 0; i < segment_count; i++) {
        const struct author_segment s = segments[i];
        bool more = s.more != 0;

        /* I2: a buffer's handle is its device address; what is written lies in our block. */
        ASSERT(s.buffer - bus + s.offset + s.length <= bytes);
        if (head)
            split_put_available(&split, s.slot, chains++);
        split_write_descriptor(&split, s.slot,
                               (struct split_descriptor){.address = s.buffer + s.offset,
                                                         .length = s.length,
                                                         .next = more ? segments[i + 1u].slot : (uint16_t)0,
                                                         .writable = s.direction == DMA_FROM_DEVICE,
                                                         .more = more});
        head = !more;
    }
    wanted = split_publish(&split, chains);
    q->ring.avail_idx = split.avail_idx;
    if (wanted || q->always_notify)
        ring_bell(a, q, ring->queue);
    return PROVIDER_OK;
}

static enum provider_error direct_queue_destroy(void *ctx, struct provider_ring *ring)
{
    struct author_direct *a = ctx;
    struct direct_queue *q = &a->queues[ring->queue];

    ASSERT(q->live);
    if (!a->registers->quiet)
        return PROVIDER_E_BUSY;
    block_give(a, (size_t)(q->bus - a->memory.bus.v));
    *q = (struct direct_queue){0};
    *ring = (struct provider_ring){0};
    return PROVIDER_OK;
}

static enum provider_error direct_buffer_create(void *ctx, uint32_t bytes, uint8_t direction,
                                                struct provider_buffer *out)
{
    struct author_direct *a = ctx;
    size_t offset;

    ASSERT(bytes > 0);
    ASSERT(direction == DMA_TO_DEVICE || direction == DMA_FROM_DEVICE);
    if (!block_take(a, bytes, &offset))
        return PROVIDER_E_MEMORY;
    *out = (struct provider_buffer){a->memory.cpu + offset, bytes, a->memory.bus.v + offset};
    return PROVIDER_OK;
}

/* Nothing is kept back here. */
static enum provider_error direct_reap(void *ctx, const struct provider_ring *ring)
{
    ASSERT(ctx != NULL && ring->size != 0);
    return PROVIDER_OK;
}

static enum provider_error direct_buffer_destroy(void *ctx, struct provider_buffer *buffer)
{
    struct author_direct *a = ctx;

    ASSERT(buffer->cpu != NULL);
    if (!a->registers->quiet)
        return PROVIDER_E_BUSY;
    block_give(a, (size_t)(buffer->handle - a->memory.bus.v));
    *buffer = (struct provider_buffer){0};
    return PROVIDER_OK;
}

size_t author_direct_used(const struct author_direct *a)
{
    size_t used = 0;

    ASSERT(a->block_count <= DIRECT_BLOCKS_MAX);
    for (uint32_t i = 0; i < a->block_count; i++)
        used += a->blocks[i].bytes;
    return used;
}

struct author author_direct_init(struct author_direct *a, struct registers_direct *registers,
                                 struct direct_memory memory)
{
    static const struct author_ops ops = {
        .queue_create = direct_queue_create,
        .publish = direct_publish,
        .reap = direct_reap,
        .queue_destroy = direct_queue_destroy,
        .buffer_create = direct_buffer_create,
        .buffer_destroy = direct_buffer_destroy,
    };

    ASSERT(((uintptr_t)memory.cpu & (DMA_PAGE_BYTES - 1u)) == 0);
    ASSERT((memory.bus.v & (DMA_PAGE_BYTES - 1u)) == 0);
    *a = (struct author_direct){.registers = registers, .memory = memory};
    return (struct author){&ops, a};
}
