/* SPDX-License-Identifier: BSD-2-Clause */
/* Hostile behaviours of the rings and of time: what a device without honour does with what it was given. Each
 * breaks one device obligation; none runs unless armed. */
#include "net_model.h"

#define SCRIBBLE_BYTES    64u
#define FLOOD_FRAME_BYTES 60u

/* Armed at all: asked before a behaviour that is possible only at times, so that only these count as
 * opportunities. */
static bool armed(const struct dm_net *net, enum dm_attack attack)
{
    return net->hostile.arms[attack].times != 0;
}

static void scribble(struct dm_net *net, uint64_t address, uint32_t bytes)
{
    uint8_t junk[SCRIBBLE_BYTES];
    memset(junk, 0xa5, sizeof junk);
    if (bytes > sizeof junk)
        bytes = sizeof junk;
    (void)dm_dma_write_rogue(net->memory, net->config.bdf, (dm_addr){address}, junk, bytes);
}

static void lie_length(struct dm_net *net, const struct dm_chain *chain, struct dm_lie *lie)
{
    if (dm_attacks(net, DM_ATTACK_LENGTH_MORE_THAN_WRITTEN)) {
        uint64_t more = lie->length + dm_attack_value(net, DM_ATTACK_LENGTH_MORE_THAN_WRITTEN);
        lie->length = more > chain->writable ? chain->writable : (uint32_t)more;
    }
    if (dm_attacks(net, DM_ATTACK_LENGTH_BEYOND_CAPACITY))
        lie->length = chain->writable + (uint32_t)dm_attack_value(net, DM_ATTACK_LENGTH_BEYOND_CAPACITY);
    if (dm_attacks(net, DM_ATTACK_LENGTH_MAX))
        lie->length = UINT32_MAX;
    if (dm_attacks(net, DM_ATTACK_LENGTH_SHORT))
        lie->length = (uint32_t)dm_attack_value(net, DM_ATTACK_LENGTH_SHORT);
}

/* A slot that is not in flight; the queue size when there is none. */
static uint32_t free_slot(const struct dm_queue *q)
{
    uint32_t slot = 0;
    while (slot < q->size && q->slots[slot] != DM_SLOT_FREE)
        slot++;
    return slot;
}

static void lie_id(struct dm_net *net, struct dm_queue *q, struct dm_lie *lie)
{
    uint16_t head = (uint16_t)lie->id;
    if (dm_attacks(net, DM_ATTACK_USED_ID_OUT_OF_RANGE)) {
        lie->id = q->size + (uint32_t)dm_attack_value(net, DM_ATTACK_USED_ID_OUT_OF_RANGE);
        lie->lost = true;
    }
    if (armed(net, DM_ATTACK_USED_ID_FREE) && free_slot(q) < q->size &&
        dm_attacks(net, DM_ATTACK_USED_ID_FREE)) {
        lie->id = free_slot(q);
        lie->lost = true;
    }
    if (q->chains[head].count > 1 && dm_attacks(net, DM_ATTACK_USED_ID_NOT_HEAD)) {
        lie->id = q->copy[head].next;
        lie->lost = true;
    }
}

void dm_lie_element(struct dm_net *net, struct dm_queue *q, struct dm_lie *lie)
{
    uint16_t head = (uint16_t)lie->id;
    const struct dm_chain *chain = &q->chains[head];
    if (chain->readable && dm_attacks(net, DM_ATTACK_SCRIBBLE_READABLE))
        scribble(net, q->copy[head].address, q->copy[head].length);
    if (q->index == net->class->measured_queue)
        lie_length(net, chain, lie);
    lie_id(net, q, lie);
    lie->twice = dm_attacks(net, DM_ATTACK_USED_DUPLICATE);
    lie->late = dm_attacks(net, DM_ATTACK_INDEX_BEFORE_ELEMENT);
    if (dm_attacks(net, DM_ATTACK_ELEMENT_CHANGES))
        q->changed = (struct dm_late_element){true, q->used_index, lie->id + 1u, UINT32_MAX};
}

void dm_lie_index(struct dm_net *net, struct dm_queue *q)
{
    if (dm_attacks(net, DM_ATTACK_USED_INDEX_JUMP))
        q->used_index = (uint16_t)(q->used_index + dm_attack_value(net, DM_ATTACK_USED_INDEX_JUMP));
    if (dm_attacks(net, DM_ATTACK_USED_INDEX_BACK))
        q->used_index = (uint16_t)(q->used_published - dm_attack_value(net, DM_ATTACK_USED_INDEX_BACK));
    if (dm_attacks(net, DM_ATTACK_USED_FLAGS_GARBAGE)) {
        uint16_t flags = (uint16_t)dm_attack_value(net, DM_ATTACK_USED_FLAGS_GARBAGE);
        (void)dm_dma_write_rogue(net->memory, net->config.bdf, (dm_addr){q->device}, &flags, sizeof flags);
    }
}

void dm_lie_fetched(struct dm_net *net, struct dm_queue *q, uint16_t head)
{
    uint16_t slot = head;
    if (!dm_attacks(net, DM_ATTACK_SCRIBBLE_DESCRIPTOR))
        return;
    for (uint16_t i = 0; i < q->chains[head].count; i++, slot = q->copy[slot].next)
        scribble(net, q->desc + 16u * slot, 16);
    scribble(net, q->driver + 4u + 2u * ((q->avail_seen - 1u) & (q->size - 1u)), 2);
}

void dm_lie_header(struct dm_net *net, uint8_t *header, uint32_t header_bytes)
{
    if (dm_attacks(net, DM_ATTACK_HEADER_FLAGS))
        header[0] = (uint8_t)dm_attack_value(net, DM_ATTACK_HEADER_FLAGS);
    if (dm_attacks(net, DM_ATTACK_HEADER_GSO))
        header[1] = (uint8_t)dm_attack_value(net, DM_ATTACK_HEADER_GSO);
    if (dm_attacks(net, DM_ATTACK_HEADER_HDR_LEN))
        dm_store16(header + 2, (uint16_t)dm_attack_value(net, DM_ATTACK_HEADER_HDR_LEN));
    if (dm_attacks(net, DM_ATTACK_HEADER_CSUM)) {
        header[0] |= 1u; /* NEEDS_CSUM */
        dm_store16(header + 6, 0xfff0);
        dm_store16(header + 8, 0xfff0);
    }
    if (header_bytes >= DM_HEADER_LONG && dm_attacks(net, DM_ATTACK_NUM_BUFFERS_LIE))
        dm_store16(header + 10, (uint16_t)dm_attack_value(net, DM_ATTACK_NUM_BUFFERS_LIE));
}

void dm_lie_queue_enabled(struct dm_net *net, struct dm_queue *q)
{
    static const uint8_t one_element[] = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    if (dm_attacks(net, DM_ATTACK_USED_BEFORE_DRIVER_OK))
        (void)dm_dma_write_rogue(net->memory, net->config.bdf, (dm_addr){q->device}, one_element,
                                 sizeof one_element);
}

static void late_elements(struct dm_net *net)
{
    for (unsigned i = 0; i < DM_NET_QUEUES; i++) {
        struct dm_queue *q = &net->queues[i];
        if (!q->enabled)
            continue;
        if (q->late.pending)
            dm_queue_write_element(net, q, q->late.at, q->late.id, q->late.length);
        if (q->changed.pending && q->changed.at != q->used_published)
            dm_queue_write_element(net, q, q->changed.at, q->changed.id, q->changed.length);
        q->late.pending = false;
        q->changed.pending = false;
    }
}

void dm_lie_step(struct dm_net *net)
{
    late_elements(net);
    if (net->status && dm_attacks(net, DM_ATTACK_SPURIOUS_NOTIFY)) {
        dm_interrupt(net, net->config_vector, 2u);
        for (unsigned i = 0; i < DM_NET_QUEUES; i++)
            dm_interrupt(net, net->queues[i].vector, 1u);
    }
    if (net->late_write_due && net->status == 0 && !net->life.reset_unconfirmed &&
        dm_attacks(net, DM_ATTACK_DMA_AFTER_RESET)) {
        scribble(net, net->old_receive_buffer.v, SCRIBBLE_BYTES);
        net->late_write_due = false;
    }
    if (dm_running(net) && dm_attacks(net, DM_ATTACK_NEEDS_RESET_SILENT))
        net->status |= DM_STATUS_NEEDS_RESET;
    if (dm_running(net) && dm_attacks(net, DM_ATTACK_RESETS_ITSELF))
        dm_device_resets_itself(net);
}

void dm_lie_flood(struct dm_net *net)
{
    struct dm_queue *q = &net->queues[DM_RX];
    uint8_t frame[FLOOD_FRAME_BYTES];
    if (!armed(net, DM_ATTACK_FLOOD_RX) || q->fifo_count == 0 || !dm_attacks(net, DM_ATTACK_FLOOD_RX))
        return;
    memset(frame, 0xff, sizeof frame);
    while (q->fifo_count && !q->broken) /* bounded: each frame takes at least one of q->size chains */
        if (!dm_net_place(net, frame, sizeof frame))
            break;
}
