/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/diff/rings.h"

#include <string.h>

#include "user/frames/frame.h"

#define COMMAND_DECODE 3u
#define COMMAND_ALL    7u
#define PAGE_SHIFT     12u
#define AVAIL_OFFSET   (16u * DIFF_QUEUE_SIZE)
#define USED_OFFSET    0x2000u

static uint32_t ring_at(uint16_t queue)
{
    return queue * RINGS_BYTES;
}

static void store16(struct rings *r, uint32_t at, uint16_t value)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what was written before is seen before */
    __atomic_store_n((uint16_t *)(void *)(r->cpu + at), value, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint16_t load16(const struct rings *r, uint32_t at)
{
    return __atomic_load_n((const uint16_t *)(const void *)(r->cpu + at), __ATOMIC_ACQUIRE);
}

void rings_open(struct rings *r, struct diff *d)
{
    struct platform_dma_region region = platform_dma_region(d->p);
    *r = (struct rings){.d = d, .cpu = region.cpu, .bus = region.bus.v, .size = DIFF_QUEUE_SIZE};
    platform_dma_map(d->p, DIFF_BDF, region.bus, RINGS_MAPPED);
    diff_command(d, COMMAND_ALL);
}

void rings_close(struct rings *r)
{
    (void)diff_reset(r->d);
    diff_command(r->d, COMMAND_DECODE);
    platform_dma_unmap(r->d->p, DIFF_BDF, (dev_addr){r->bus}, RINGS_MAPPED);
}

static void set_up_queue(struct rings *r, uint16_t queue)
{
    struct diff *d = r->d;
    uint64_t desc = r->bus + ring_at(queue);
    diff_select_queue(d, queue);
    if (d->legacy) {
        diff_put(d, L_PFN, 4, (uint32_t)(desc >> PAGE_SHIFT));
        return;
    }
    const uint64_t areas[3] = {desc, desc + AVAIL_OFFSET, desc + USED_OFFSET};
    diff_put(d, M_SIZE, 2, r->size);
    for (unsigned i = 0; i < 3; i++) {
        diff_put(d, M_DESC + 8 * i, 4, (uint32_t)areas[i]);
        diff_put(d, M_DESC + 8 * i + 4, 4, (uint32_t)(areas[i] >> 32));
    }
    diff_put(d, M_ENABLE, 2, 1);
}

static void set_vectors(struct rings *r)
{
    struct diff *d = r->d;
    if (!diff_msix_enabled(d))
        return;
    diff_put(d, d->legacy ? L_CONFIG_VECTOR : M_CONFIG_VECTOR, 2, 0);
    for (uint16_t queue = 0; queue < RINGS_QUEUES; queue++) {
        diff_select_queue(d, queue);
        diff_put(d, d->legacy ? L_QUEUE_VECTOR : M_QUEUE_VECTOR, 2, queue + 1u);
    }
}

bool rings_begin(struct rings *r, uint64_t accept)
{
    struct diff *d = r->d;
    uint8_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    if (!diff_reset(d))
        return false;
    memset(r->cpu, 0, RINGS_MAPPED);
    memset(r->avail_idx, 0, sizeof r->avail_idx);
    r->features = accept & diff_offered(d) & ~F_UNUSED;
    diff_set_status(d, STATUS_ACKNOWLEDGE);
    diff_set_status(d, status);
    diff_accept(d, r->features);
    r->header = r->features & (F_VERSION_1 | F_MERGE) ? 12 : 10;
    if (!d->legacy) {
        status |= STATUS_FEATURES_OK;
        diff_set_status(d, status);
    }
    for (uint16_t queue = 0; queue < RINGS_QUEUES; queue++)
        set_up_queue(r, queue);
    set_vectors(r);
    return diff_status(d) == status;
}

void rings_ready(struct rings *r)
{
    diff_set_status(r->d, (uint8_t)(diff_status(r->d) | STATUS_DRIVER_OK));
}

uint8_t *rings_buffer(struct rings *r, uint32_t buffer)
{
    return r->cpu + RINGS_BUFFERS + buffer * RINGS_BUFFER_BYTES;
}

uint32_t rings_put_arp(struct rings *r, uint32_t buffer)
{
    const struct frame_addresses a = {
        .our_mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56}, .our_ip = {10, 0, 2, 15}, .peer_ip = {10, 0, 2, 2}};
    memset(rings_buffer(r, buffer), 0, RINGS_BUFFER_BYTES);
    return r->header + frame_arp_request(rings_buffer(r, buffer) + r->header, &a);
}

void rings_describe(struct rings *r, uint16_t queue, uint16_t slot, uint32_t buffer, uint32_t bytes,
                    uint16_t flags, uint16_t next)
{
    uint8_t *at = r->cpu + ring_at(queue) + 16u * slot;
    uint64_t address = r->bus + RINGS_BUFFERS + (uint64_t)buffer * RINGS_BUFFER_BYTES;
    memcpy(at, &address, 8);
    memcpy(at + 8, &bytes, 4);
    memcpy(at + 12, &flags, 2);
    memcpy(at + 14, &next, 2);
}

void rings_expose(struct rings *r, uint16_t queue, uint16_t head)
{
    uint32_t avail = ring_at(queue) + AVAIL_OFFSET;
    store16(r, avail + 4u + 2u * (r->avail_idx[queue] % r->size), head);
    store16(r, avail + 2u, ++r->avail_idx[queue]);
}

void rings_jump(struct rings *r, uint16_t queue, uint16_t avail_idx)
{
    r->avail_idx[queue] = avail_idx;
    store16(r, ring_at(queue) + AVAIL_OFFSET + 2u, avail_idx);
}

void rings_set_avail_flags(struct rings *r, uint16_t queue, uint16_t flags)
{
    store16(r, ring_at(queue) + AVAIL_OFFSET, flags);
}

void rings_set_used_event(struct rings *r, uint16_t queue, uint16_t at)
{
    store16(r, ring_at(queue) + AVAIL_OFFSET + 4u + 2u * r->size, at);
}

uint16_t rings_used_idx(struct rings *r, uint16_t queue)
{
    return load16(r, ring_at(queue) + USED_OFFSET + 2u);
}

uint16_t rings_used_flags(struct rings *r, uint16_t queue)
{
    return load16(r, ring_at(queue) + USED_OFFSET);
}

uint16_t rings_avail_event(struct rings *r, uint16_t queue)
{
    return load16(r, ring_at(queue) + USED_OFFSET + 4u + 8u * r->size);
}

void rings_used_element(struct rings *r, uint16_t queue, uint16_t at, uint32_t *id, uint32_t *length)
{
    const uint8_t *element = r->cpu + ring_at(queue) + USED_OFFSET + 4u + 8u * (at % r->size);
    memcpy(id, element, 4);
    memcpy(length, element + 4, 4);
}

bool rings_wait(struct rings *r, uint16_t queue, uint16_t idx)
{
    for (unsigned i = 0; i < DIFF_WAIT_TURNS; i++) {
        if (rings_used_idx(r, queue) == idx)
            return true;
        platform_relax(r->d->p);
    }
    return false;
}
