/* SPDX-License-Identifier: BSD-2-Clause */
/* Reception (virtio 1.2, 5.1.6.3, 5.1.6.4): arming buffers, frames from the backend or from dm_net_deliver,
 * the header, merged buffers. A frame that fits nowhere is dropped and counted; a frame that finds no buffer
 * waits. */
#include <assert.h>
#include <stdlib.h>

#include "net_model.h"

#define PENDING_BYTES    (256u * 1024u)
#define RECORD_BYTES     4u
#define MERGE_MAX        64u
#define FRAME_BYTES_FULL 1514u

static void arm(struct dm_net *net, struct dm_queue *q)
{
    uint32_t least = net->header_bytes + (dm_negotiated(net, DM_NET_F_MRG_RXBUF) ? 0u : FRAME_BYTES_FULL);
    uint16_t head;
    (void)dm_queue_refresh(net, q);
    q->kicked = false;
    while (dm_queue_fetch(net, q, &head)) { /* bounded: at most q->size entries are known */
        const struct dm_chain *chain = &q->chains[head];
        dm_check(net, DM_RULE_RX_BUFFER_BYTES, chain->readable == 0 && chain->writable >= least,
                 "receive chain of %u readable and %u writable bytes, %u needed", chain->readable,
                 chain->writable, least);
        if (!dm_negotiated(net, DM_F_VERSION_1 | DM_F_ANY_LAYOUT))
            dm_check(net, DM_RULE_LEGACY_HEADER_ALONE, q->copy[head].length == net->header_bytes,
                     "first receive descriptor of %u bytes", q->copy[head].length);
        if (chain->readable || chain->writable < net->header_bytes) {
            dm_queue_break(net, q);
            return;
        }
    }
    dm_queue_want_kick(net, q);
}

/* Chains that hold `need` bytes together; 0: too few are armed, or one alone is too small. They are picked.
 */
static uint32_t take_chains(struct dm_net *net, struct dm_queue *q, uint32_t need, uint16_t heads[MERGE_MAX])
{
    uint32_t most = dm_negotiated(net, DM_NET_F_MRG_RXBUF) ? MERGE_MAX : 1u;
    uint32_t taken = 1;
    uint32_t room;
    heads[0] = dm_queue_pick(net, q);
    room = q->chains[heads[0]].writable;
    while (room < need && taken < most && q->fifo_count) {
        heads[taken] = dm_queue_pick(net, q);
        room += q->chains[heads[taken]].writable;
        taken++;
    }
    if (room >= need)
        return taken;
    while (taken > 0)
        dm_queue_unpick(q, heads[--taken]);
    return 0;
}

/* The common case: one chain of one descriptor. */
static bool place_whole(struct dm_net *net, struct dm_queue *q, uint16_t head, const uint8_t *header,
                        const uint8_t *frame, uint32_t bytes)
{
    uint32_t header_bytes = net->header_bytes;
    uint8_t *at = dm_dma_window(net->memory, net->config.bdf, (dm_addr){q->copy[head].address},
                                header_bytes + bytes, true);
    if (!at)
        return false;
    memcpy(at, header, DM_HEADER_SHORT);
    if (header_bytes == DM_HEADER_LONG)
        memcpy(at + DM_HEADER_SHORT, header + DM_HEADER_SHORT, DM_HEADER_LONG - DM_HEADER_SHORT);
    memcpy(at + header_bytes, frame, bytes);
    dm_queue_complete(net, q, head, header_bytes + bytes);
    return true;
}

static bool place_parts(struct dm_net *net, struct dm_queue *q, const uint16_t *heads, uint32_t count,
                        const uint8_t *header, const uint8_t *frame, uint32_t bytes)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t skip = i == 0 ? net->header_bytes : 0;
        uint32_t part = q->chains[heads[i]].writable - skip;
        if (part > bytes - at)
            part = bytes - at;
        if (i == 0 && dm_queue_scatter(net, q, heads[0], 0, header, net->header_bytes) != net->header_bytes)
            return false;
        if (dm_queue_scatter(net, q, heads[i], skip, frame + at, part) != part)
            return false;
        at += part;
        dm_queue_complete(net, q, heads[i], skip + part);
    }
    return at == bytes;
}

bool dm_net_place(struct dm_net *net, const uint8_t *frame, size_t bytes)
{
    struct dm_queue *q = &net->queues[DM_RX];
    uint8_t header[DM_HEADER_LONG] = {0};
    uint16_t heads[MERGE_MAX];
    uint32_t need = net->header_bytes + (uint32_t)bytes;
    uint32_t count;
    bool placed;
    assert(bytes <= DM_FRAME_BYTES_MAX);
    if (q->broken || q->fifo_count == 0)
        return false;
    count = take_chains(net, q, need, heads);
    if (count == 0) {
        if (dm_negotiated(net, DM_NET_F_MRG_RXBUF) && q->fifo_count < q->size && q->fifo_count < MERGE_MAX)
            return false; /* more chains may come */
        net->counts.rx_dropped++;
        return true;
    }
    dm_store16(header + 10, (uint16_t)count);
    if (net->hostile_touched)
        dm_lie_header(net, header, net->header_bytes);
    if (count == 1 && q->chains[heads[0]].count == 1)
        placed = place_whole(net, q, heads[0], header, frame, (uint32_t)bytes);
    else
        placed = place_parts(net, q, heads, count, header, frame, (uint32_t)bytes);
    if (!placed) {
        dm_queue_break(net, q);
        return false;
    }
    net->counts.rx_frames++;
    net->counts.rx_bytes += bytes;
    net->counts.last_rx_used_length = need;
    return true;
}

static bool sink(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct dm_net *net = ctx;
    if (!net->config.link_up || bytes > DM_FRAME_BYTES_MAX) {
        net->counts.rx_dropped++;
        return true;
    }
    return dm_net_place(net, frame, bytes);
}

static bool sink_nowhere(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct dm_net *net = ctx;
    (void)frame;
    (void)bytes;
    net->counts.rx_dropped++;
    return true;
}

void dm_net_drop_wire(struct dm_net *net, uint32_t budget)
{
    struct dm_backend *backend = net->config.backend;
    while (net->pending.head < net->pending.tail) {
        net->pending.head += RECORD_BYTES + dm_load32(net->pending.bytes + net->pending.head);
        net->counts.rx_dropped++;
    }
    if (backend)
        (void)backend->ops->poll(backend, net->now_ns, budget, sink_nowhere, net);
}

/* A frame may go straight into an armed buffer: nothing waits before it and the device is honest and at work.
 * It shows at the next step, which publishes. */
static bool may_place_now(const struct dm_net *net)
{
    const struct dm_queue *q = &net->queues[DM_RX];
    return q->fifo_count && !q->broken && net->pending.head == net->pending.tail && !net->hostile_touched &&
           dm_running(net) && net->config.link_up && dm_function_bus_master(net->function);
}

bool dm_net_deliver(struct dm_net *net, const uint8_t *frame, size_t bytes)
{
    struct dm_pending *p = &net->pending;
    uint32_t need = RECORD_BYTES + (uint32_t)bytes;
    if (bytes > DM_FRAME_BYTES_MAX || net->removed)
        return false;
    if (may_place_now(net) && dm_net_place(net, frame, bytes))
        return true;
    if (!p->bytes)
        p->bytes = malloc(PENDING_BYTES);
    if (!p->bytes)
        return false;
    if (p->tail + need > PENDING_BYTES) {
        memmove(p->bytes, p->bytes + p->head, p->tail - p->head);
        p->tail -= p->head;
        p->head = 0;
    }
    if (p->tail + need > PENDING_BYTES)
        return false;
    dm_store32(p->bytes + p->tail, (uint32_t)bytes);
    memcpy(p->bytes + p->tail + RECORD_BYTES, frame, bytes);
    p->tail += need;
    return true;
}

static uint32_t take_pending(struct dm_net *net, uint32_t budget)
{
    struct dm_pending *p = &net->pending;
    uint32_t taken = 0;
    while (p->head < p->tail && taken < budget) {
        uint32_t bytes = dm_load32(p->bytes + p->head);
        if (!sink(net, p->bytes + p->head + RECORD_BYTES, bytes))
            break;
        p->head += RECORD_BYTES + bytes;
        taken++;
    }
    return taken;
}

uint32_t dm_net_receive(struct dm_net *net, uint32_t budget)
{
    struct dm_queue *q = &net->queues[DM_RX];
    struct dm_backend *backend = net->config.backend;
    uint32_t done, room;
    if (!q->enabled || q->broken)
        return 0;
    if (q->kicked)
        arm(net, q);
    if (net->hostile_touched)
        dm_lie_flood(net);
    done = (uint16_t)(q->used_index - q->used_published); /* placed when they were delivered */
    if (done > budget)
        done = budget;
    done += take_pending(net, budget - done);
    room = budget - done < q->fifo_count ? budget - done : q->fifo_count;
    if (backend)
        done += backend->ops->poll(backend, net->now_ns, room, sink, net);
    dm_queue_publish(net, q);
    if (net->firmware.live)
        dm_firmware_recycle(net);
    return done < budget ? done : budget;
}
