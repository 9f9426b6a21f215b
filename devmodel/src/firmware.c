/* SPDX-License-Identifier: BSD-2-Clause */
/* A receive ring that firmware left running: at the very end of guest memory, mapped for the function by the
 * model itself, filled with received frames until somebody resets the device. When the machine takes bus
 * mastering away the pages go too: a driver that turns it on again without a reset is met by a ledger
 * violation. */
#include <assert.h>

#include "net_model.h"

#define FIRMWARE_BUFFERS      2u
#define FIRMWARE_BUFFER_BYTES 2048u

static uint32_t page_up(uint32_t bytes)
{
    return (bytes + DM_PAGE_BYTES - 1u) & ~(DM_PAGE_BYTES - 1u);
}

/* The firmware's own view: it is a program on the CPU. */
static uint8_t *cpu(struct dm_net *net, uint32_t offset)
{
    uint64_t from = net->firmware.at.v - dm_memory_bus_base(net->memory);
    return dm_memory_base(net->memory) + from + offset;
}

static void write_ring(struct dm_net *net, uint16_t size, uint32_t buffers_at)
{
    const struct dm_firmware *fw = &net->firmware;
    uint16_t armed = size < FIRMWARE_BUFFERS ? size : FIRMWARE_BUFFERS;
    memset(cpu(net, 0), 0, fw->bytes);
    for (uint16_t i = 0; i < armed; i++) {
        struct dm_descriptor d = {.address = fw->at.v + buffers_at + i * FIRMWARE_BUFFER_BYTES,
                                  .length = FIRMWARE_BUFFER_BYTES,
                                  .flags = DM_DESC_WRITE};
        memcpy(cpu(net, 16u * i), &d, sizeof d);
        dm_store16(cpu(net, fw->avail_offset + 4u + 2u * i), i);
    }
    dm_store16(cpu(net, fw->avail_offset + 2u), armed);
}

bool dm_firmware_start(struct dm_net *net)
{
    struct dm_queue *q = &net->queues[DM_RX];
    struct dm_firmware *fw = &net->firmware;
    uint32_t ring, size = q->max_size;
    if (size == 0 || size > DM_QUEUE_SIZE_MAX || (size & (size - 1u)))
        return false;
    fw->avail_offset = 16u * size;
    fw->used_offset = page_up(fw->avail_offset + dm_avail_bytes((uint16_t)size));
    ring = page_up(fw->used_offset + dm_used_bytes((uint16_t)size));
    fw->bytes = ring + FIRMWARE_BUFFERS * FIRMWARE_BUFFER_BYTES;
    if (fw->bytes > dm_memory_bytes(net->memory))
        return false;
    fw->at.v = dm_memory_bus_base(net->memory) + dm_memory_bytes(net->memory) - fw->bytes;
    dm_memory_map(net->memory, net->config.bdf, fw->at, fw->bytes);
    fw->mapped = true;
    write_ring(net, (uint16_t)size, ring);
    q->desc = fw->at.v;
    q->driver = fw->at.v + fw->avail_offset;
    q->device = fw->at.v + fw->used_offset;
    q->pfn = (uint32_t)(fw->at.v / DM_PAGE_BYTES);
    q->kicked = true;
    net->accepted = net->offered & (DM_F_VERSION_1 | DM_F_ANY_LAYOUT | DM_NET_F_MAC);
    net->header_bytes = dm_negotiated(net, DM_F_VERSION_1) ? DM_HEADER_LONG : DM_HEADER_SHORT;
    net->status = DM_STATUS_ACKNOWLEDGE | DM_STATUS_DRIVER | DM_STATUS_DRIVER_OK;
    if (dm_negotiated(net, DM_F_VERSION_1))
        net->status |= DM_STATUS_FEATURES_OK;
    fw->live = true;
    return dm_queue_start(net, q);
}

void dm_firmware_recycle(struct dm_net *net)
{
    struct dm_firmware *fw = &net->firmware;
    struct dm_queue *q = &net->queues[DM_RX];
    uint16_t mask = (uint16_t)(q->max_size - 1u);
    uint16_t index;
    assert(fw->live);
    if (!fw->mapped)
        return; /* the machine took the pages: this firmware runs no more, only its device does */
    index = dm_load16(cpu(net, fw->avail_offset + 2u));
    while (fw->recycled != q->used_published) { /* bounded: at most the buffers in flight */
        uint32_t id = dm_load32(cpu(net, fw->used_offset + 4u + 8u * (fw->recycled & mask)));
        dm_store16(cpu(net, fw->avail_offset + 4u + 2u * (index & mask)), (uint16_t)id);
        index++;
        fw->recycled++;
        q->kicked = true;
    }
    dm_store16(cpu(net, fw->avail_offset + 2u), index);
}

void dm_firmware_unmap(struct dm_net *net)
{
    struct dm_firmware *fw = &net->firmware;
    if (!fw->mapped)
        return;
    if (fw->live)
        dm_queue_disown(net, &net->queues[DM_RX]);
    dm_memory_unmap(net->memory, net->config.bdf, fw->at, fw->bytes);
    fw->mapped = false;
}
