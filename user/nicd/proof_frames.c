/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames out, answers back: by polling alone. Every wait is bounded, in turns of the world and in time. */
#include "abi/memory.h"
#include "user/nicd/proof.h"

#define ECHO_IDENTIFIER 0x6361u
#define RECEIVE_BATCH   16u

enum request { REQUEST_ARP, REQUEST_ECHO };

static void take(struct proof *p, const struct nic_rx_frame *frame, uint16_t awaited_sequence,
                 uint64_t *echoes_matching)
{
    const struct frame_seen seen = frame_parse(frame->data, frame->length, &p->addresses, ECHO_IDENTIFIER);

    p->received++;
    /* What else comes on a network of others is not the answer that the marker tells of. */
    if (p->first_ethertype == 0 && (!p->vpc || seen.kind == FRAME_ARP_REPLY)) {
        p->first_ethertype = seen.ethertype;
        p->first_used_length = (uint32_t)frame->length + p->n->nic.header_bytes;
        memcpy(p->first_header, frame->data - p->n->nic.header_bytes, p->n->nic.header_bytes);
    }
    if (seen.kind == FRAME_ARP_REPLY) {
        p->arp_replies++;
        memcpy(p->addresses.peer_mac, seen.sender_mac, sizeof seen.sender_mac);
    } else if (seen.kind == FRAME_ECHO_REPLY) {
        p->echo_replies++;
        *echoes_matching += seen.sequence == awaited_sequence;
    } else {
        p->other_frames++;
    }
}

/* One turn: the provider's housekeeping, then whatever arrived. False when the provider left RUNNING. */
static bool turn(struct proof *p, uint16_t awaited_sequence, uint64_t *echoes_matching)
{
    struct virtio_net *nic = &p->n->nic;
    struct nic_rx_frame frames[RECEIVE_BATCH];
    uint16_t slots[RECEIVE_BATCH];

    prove_turn(&p->prove);
    if (vnet_poll(nic, ring_now(&p->n->rt->ring), NICD_BUDGET) != VNET_RUNNING)
        return false;
    const uint16_t count = vnet_receive(nic, frames, RECEIVE_BATCH);
    for (uint16_t i = 0; i < count; i++) {
        take(p, &frames[i], awaited_sequence, echoes_matching);
        slots[i] = frames[i].slot;
    }
    if (count)
        vnet_recycle(nic, slots, count);
    return true;
}

/* Waits for a transmit slot, writes the frame, sends it. */
static bool send(struct proof *p, enum request request, uint16_t sequence)
{
    struct virtio_net *nic = &p->n->nic;
    uint64_t ignored = 0;
    uint16_t slot = 0;
    struct prove_wait wait = prove_wait_begin(&p->prove);

    while (vnet_tx_take(nic, &slot, 1) == 0)
        if (!prove_wait_goes_on(&p->prove, &wait) || !turn(p, sequence, &ignored))
            return false;
    uint8_t *data = vnet_tx_data(nic, slot);
    struct nic_tx_frame frame = {.slot = slot};
    frame.length = request == REQUEST_ARP
                       ? frame_arp_request(data, &p->addresses)
                       : frame_echo_request(data, &p->addresses, ECHO_IDENTIFIER, sequence);
    while (vnet_send(nic, &frame, 1) == 0)
        if (!prove_wait_goes_on(&p->prove, &wait) || !turn(p, sequence, &ignored))
            return false;
    p->sent++;
    return true;
}

static bool ask_arp(struct proof *p)
{
    uint64_t ignored = 0;
    const uint64_t before = p->arp_replies;

    if (!send(p, REQUEST_ARP, 0))
        return false;
    struct prove_wait wait = prove_wait_begin(&p->prove);
    while (p->arp_replies == before && prove_wait_goes_on(&p->prove, &wait))
        if (!turn(p, 0, &ignored))
            return false;
    return p->arp_replies == before + 1;
}

static bool ask_echo(struct proof *p, uint16_t sequence)
{
    uint64_t matching = 0;

    if (!send(p, REQUEST_ECHO, sequence))
        return false;
    struct prove_wait wait = prove_wait_begin(&p->prove);
    while (matching == 0 && prove_wait_goes_on(&p->prove, &wait))
        if (!turn(p, sequence, &matching))
            return false;
    return matching == 1;
}

/* Where the device model is not ours: does it write flags that were not negotiated? */
static void tell_header(struct proof *p)
{
    char line[64];
    struct text t = text_over(line, sizeof line - 1u);

    text_string(&t, "first frame header=");
    text_hex_bytes(&t, p->first_header, p->n->nic.header_bytes);
    line[t.used] = 0;
    (void)rt_print_line(p->n->rt, "nicd: ", line);
}

bool proof_first_frame(struct proof *p)
{
    struct text t = prove_words(&p->prove);

    if (!ask_arp(p))
        return proof_fail(p, "no ARP reply was polled");
    if (p->first_ethertype != FRAME_ETHERTYPE_ARP)
        return proof_fail(p, "the first frame received is not ARP");
    if (p->vpc)
        tell_header(p);
    prove_hex(&t, "ethertype", p->first_ethertype, 4);
    prove_u64(&t, "used_len", p->first_used_length);
    prove_mac(&t, "reply_mac", p->addresses.peer_mac);
    return prove_emit(&p->prove, EVIDENCE_FIRST_FRAME, &t);
}

static bool exchange_all(struct proof *p)
{
    for (uint64_t i = 0; i < p->exchanges; i++) {
        if (!ask_arp(p))
            return proof_fail(p, "an ARP exchange got no answer");
        if (!p->vpc && !ask_echo(p, (uint16_t)i))
            return proof_fail(p, "an ICMP echo exchange got no answer");
    }
    return true;
}

bool proof_exchange(struct proof *p)
{
    const struct vnet_counters *c = &p->n->nic.counters;
    const uint64_t arps = p->arp_replies, echoes = p->echo_replies;
    struct text t = prove_words(&p->prove);

    if (!exchange_all(p))
        return false;
    if (p->arp_replies - arps != p->exchanges || p->echo_replies - echoes != (p->vpc ? 0 : p->exchanges) ||
        (!p->vpc && p->other_frames != 0)) /* who is on a network of others may speak */
        return proof_fail(p, "requests and answers differ in number");
    if (c->tx_frames != p->sent || c->rx_frames != p->received || c->rx_recycled != c->rx_frames)
        return proof_fail(p, "the provider's counts differ from its caller's");
    if (c->faults != 0)
        return proof_fail(p, "faults were counted");
    prove_u64(&t, "exchanges", p->exchanges);
    prove_u64(&t, "arp_replies", p->arp_replies - arps);
    prove_u64(&t, "icmp_replies", p->echo_replies - echoes);
    prove_u64(&t, "tx_frames", c->tx_frames);
    prove_u64(&t, "rx_frames", c->rx_frames);
    prove_u64(&t, "recycled", c->rx_recycled);
    return prove_emit(&p->prove, EVIDENCE_FRAME_EXCHANGE, &t);
}
