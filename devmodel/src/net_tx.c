/* SPDX-License-Identifier: BSD-2-Clause */
/* Transmission (virtio 1.2, 5.1.6.2) and the control queue's refusals (5.1.6.5). Frames go to the backend in
 * the order of the available ring; chains are given back in the order that the bus chooses. Trusts no header.
 */
#include <assert.h>

#include "net_model.h"

#define HEADER_NEEDS_CSUM 1u
#define HEADER_DATA_VALID 2u
#define HEADER_RSC_INFO   4u
#define CONTROL_ERROR     1u
#define FRAME_OVER_MTU    18u /* Ethernet header and one tag */

static void check_header(struct dm_net *net, const uint8_t *header)
{
    if (!net->monitor.enabled)
        return;
    dm_check(net, DM_RULE_TX_FLAGS, dm_negotiated(net, DM_NET_F_CSUM) || !(header[0] & HEADER_NEEDS_CSUM),
             "flags %#x", header[0]);
    dm_check(net, DM_RULE_TX_RECEIVE_FLAGS, !(header[0] & (HEADER_DATA_VALID | HEADER_RSC_INFO)), "flags %#x",
             header[0]);
    dm_check(net, DM_RULE_TX_GSO, header[1] == 0, "gso_type %#x", header[1]);
    if (net->header_bytes == DM_HEADER_LONG)
        dm_check(net, DM_RULE_TX_NUM_BUFFERS, dm_load16(header + 10) == 0, "num_buffers %u",
                 dm_load16(header + 10));
}

static void check_chain(struct dm_net *net, const struct dm_queue *q, uint16_t head)
{
    const struct dm_chain *chain = &q->chains[head];
    uint32_t header = net->header_bytes;
    if (!net->monitor.enabled)
        return;
    dm_check(net, DM_RULE_TX_HEADER, chain->writable == 0 && chain->readable >= header + DM_PACKET_BYTES_MIN,
             "chain of %u readable and %u writable bytes", chain->readable, chain->writable);
    if (!dm_negotiated(net, DM_F_VERSION_1 | DM_F_ANY_LAYOUT))
        dm_check(net, DM_RULE_LEGACY_HEADER_ALONE, q->copy[head].length == header,
                 "first descriptor of %u bytes", q->copy[head].length);
    if (dm_negotiated(net, DM_NET_F_MTU))
        dm_check(net, DM_RULE_MTU_HONOURED, chain->readable <= header + net->config.mtu + FRAME_OVER_MTU,
                 "%u bytes, mtu %u", chain->readable - header, net->config.mtu);
    if (dm_negotiated(net, DM_NET_F_MAC) && !net->life.mac_judged) {
        dm_check(net, DM_RULE_MAC_READ, net->life.mac_read == 0x3f, "MAC bytes read: %#x",
                 net->life.mac_read);
        net->life.mac_judged = true;
    }
}

/* Header and frame of a chain: in place where they lie whole, else in net->frame. NULL: memory refused. */
static const uint8_t *frame_of(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t bytes,
                               const uint8_t **header)
{
    const struct dm_descriptor *d = &q->copy[head];
    uint16_t count = q->chains[head].count;
    uint32_t total = net->header_bytes + bytes;
    const uint8_t *at;
    if (count == 1) {
        at = dm_dma_window(net->memory, net->config.bdf, (dm_addr){d->address}, total, false);
        *header = at;
        return at ? at + net->header_bytes : NULL;
    }
    if (count == 2 && d->length == net->header_bytes) {
        *header = dm_dma_window(net->memory, net->config.bdf, (dm_addr){d->address}, d->length, false);
        d = &q->copy[d->next];
        at = dm_dma_window(net->memory, net->config.bdf, (dm_addr){d->address}, d->length, false);
        return *header ? at : NULL;
    }
    if (dm_queue_gather(net, q, head, 0, net->frame, total) != total)
        return NULL;
    *header = net->frame;
    return net->frame + net->header_bytes;
}

/* One frame to the wire. False: the chain is not one that a device could send; the queue broke. */
static bool send_chain(struct dm_net *net, struct dm_queue *q, uint16_t head)
{
    const struct dm_chain *chain = &q->chains[head];
    struct dm_backend *backend = net->config.backend;
    const uint8_t *frame, *header = NULL;
    uint32_t bytes;
    check_chain(net, q, head);
    if (chain->writable || chain->readable <= net->header_bytes || chain->readable > DM_FRAME_BYTES_MAX) {
        dm_queue_break(net, q);
        return false;
    }
    bytes = chain->readable - net->header_bytes;
    frame = frame_of(net, q, head, bytes, &header);
    if (!frame) {
        dm_queue_break(net, q);
        return false;
    }
    check_header(net, header);
    net->counts.tx_frames++;
    net->counts.tx_bytes += bytes;
    if (backend && net->config.link_up)
        backend->ops->send(backend, frame, bytes);
    return true;
}

uint32_t dm_net_transmit(struct dm_net *net, uint32_t budget)
{
    struct dm_queue *q = &net->queues[DM_TX];
    uint32_t sent = 0, completed = 0;
    uint16_t head;
    if (!q->enabled || q->broken)
        return 0;
    if (q->kicked) {
        (void)dm_queue_refresh(net, q);
        q->kicked = false;
    }
    while (sent < budget && dm_queue_fetch(net, q, &head)) {
        if (!send_chain(net, q, head))
            break;
        sent++;
    }
    if (sent)
        dm_queue_want_kick(net, q);
    if (q->fifo_count && dm_attacks(net, DM_ATTACK_NEVER_COMPLETE_TX))
        return sent;
    while (completed < budget && q->fifo_count && !q->broken) {
        dm_queue_complete(net, q, dm_queue_pick(net, q), 0);
        completed++;
    }
    dm_queue_publish(net, q);
    return sent > completed ? sent : completed;
}

uint32_t dm_net_control(struct dm_net *net, uint32_t budget)
{
    struct dm_queue *q = &net->queues[DM_CTRL];
    static const uint8_t refused = CONTROL_ERROR;
    uint32_t done = 0;
    uint16_t head;
    if (!q->enabled || q->broken)
        return 0;
    if (q->kicked) {
        (void)dm_queue_refresh(net, q);
        q->kicked = false;
    }
    while (done < budget && dm_queue_fetch(net, q, &head)) {
        if (q->chains[head].writable == 0) {
            dm_queue_break(net, q);
            break;
        }
        head = dm_queue_pick(net, q);
        (void)dm_queue_scatter(net, q, head, q->chains[head].writable - 1u, &refused, 1);
        dm_queue_complete(net, q, head, 1);
        done++;
    }
    if (done)
        dm_queue_want_kick(net, q);
    dm_queue_publish(net, q);
    return done;
}
