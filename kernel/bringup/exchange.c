/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames out, answers back: by polling alone. Every wait is bounded, in turns of the world and in time. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/markers.h"
#include "kernel/bringup/bringup.h"

#define ECHO_IDENTIFIER 0x6361u
#define RECEIVE_BATCH   16u

enum request { REQUEST_ARP, REQUEST_ECHO };

struct bringup_wait bringup_wait_begin(struct bringup *b)
{
    return (struct bringup_wait){.turns = 0, .start_ns = platform_now_ns(b->platform)};
}

bool bringup_wait_goes_on(struct bringup *b, struct bringup_wait *w)
{
    if (w->turns < BRINGUP_TURNS_MAX) {
        w->turns++;
        return true;
    }
    return platform_now_ns(b->platform) - w->start_ns < BRINGUP_WAIT_NS;
}

/* One turn: the provider's housekeeping, then whatever arrived. False when the provider left RUNNING. */
static bool turn(struct bringup *b, uint16_t awaited_sequence, uint64_t *echoes_matching)
{
    struct nic_rx_frame frames[RECEIVE_BATCH];
    uint16_t slots[RECEIVE_BATCH];
    platform_relax(b->platform);
    if (vnet_poll(&b->nic, platform_now_ns(b->platform), BRINGUP_BUDGET) != VNET_RUNNING)
        return false;
    uint16_t count = vnet_receive(&b->nic, frames, RECEIVE_BATCH);
    for (uint16_t i = 0; i < count; i++) {
        struct frame_seen seen =
            frame_parse(frames[i].data, frames[i].length, &b->addresses, ECHO_IDENTIFIER);
        slots[i] = frames[i].slot;
        b->received++;
        if (b->first_ethertype == 0) {
            b->first_ethertype = seen.ethertype;
            b->first_used_length = (uint32_t)frames[i].length + b->nic.header_bytes;
        }
        if (seen.kind == FRAME_ARP_REPLY) {
            b->arp_replies++;
            memcpy(b->addresses.peer_mac, seen.sender_mac, sizeof seen.sender_mac);
        } else if (seen.kind == FRAME_ECHO_REPLY) {
            b->echo_replies++;
            *echoes_matching += seen.sequence == awaited_sequence;
        } else {
            b->other_frames++;
        }
    }
    if (count)
        vnet_recycle(&b->nic, slots, count);
    return true;
}

/* Waits for a transmit slot, writes the frame, sends it. */
static bool send(struct bringup *b, enum request request, uint16_t sequence)
{
    uint64_t ignored = 0;
    uint16_t slot = 0;
    struct bringup_wait wait = bringup_wait_begin(b);
    while (vnet_tx_take(&b->nic, &slot, 1) == 0)
        if (!bringup_wait_goes_on(b, &wait) || !turn(b, sequence, &ignored))
            return false;
    uint8_t *data = vnet_tx_data(&b->nic, slot);
    struct nic_tx_frame frame = {.slot = slot};
    frame.length = request == REQUEST_ARP
                       ? frame_arp_request(data, &b->addresses)
                       : frame_echo_request(data, &b->addresses, ECHO_IDENTIFIER, sequence);
    while (vnet_send(&b->nic, &frame, 1) == 0)
        if (!bringup_wait_goes_on(b, &wait) || !turn(b, sequence, &ignored))
            return false;
    b->sent++;
    return true;
}

static bool ask_arp(struct bringup *b)
{
    uint64_t ignored = 0;
    uint64_t before = b->arp_replies;
    if (!send(b, REQUEST_ARP, 0))
        return false;
    struct bringup_wait wait = bringup_wait_begin(b);
    while (b->arp_replies == before && bringup_wait_goes_on(b, &wait))
        if (!turn(b, 0, &ignored))
            return false;
    return b->arp_replies == before + 1;
}

static bool ask_echo(struct bringup *b, uint16_t sequence)
{
    uint64_t matching = 0;
    if (!send(b, REQUEST_ECHO, sequence))
        return false;
    struct bringup_wait wait = bringup_wait_begin(b);
    while (matching == 0 && bringup_wait_goes_on(b, &wait))
        if (!turn(b, sequence, &matching))
            return false;
    return matching == 1;
}

bool bringup_first_frame(struct bringup *b)
{
    if (!ask_arp(b))
        return bringup_fail(b, "no ARP reply was polled");
    struct evidence_first_frame facts = {
        .ethertype = b->first_ethertype,
        .used_len = b->first_used_length,
        .interrupts = platform_interrupts(b->platform) - b->interrupts_before,
    };
    memcpy(facts.reply_mac, b->addresses.peer_mac, sizeof facts.reply_mac);
    if (facts.ethertype != FRAME_ETHERTYPE_ARP)
        return bringup_fail(b, "the first frame received is not ARP");
    return evidence_emit_first_frame(b->evidence, &facts) == EVIDENCE_OK;
}

bool bringup_exchange(struct bringup *b)
{
    uint64_t arp_before = b->arp_replies;
    uint64_t echo_before = b->echo_replies;
    uint32_t done = 0;
    for (; done < b->params->exchanges; done++) {
        if (platform_end_requested(b->platform))
            return bringup_fail(b, "interrupted during the exchanges");
        if (!ask_arp(b))
            return bringup_fail(b, "an ARP exchange got no answer");
        if (!ask_echo(b, (uint16_t)done))
            return bringup_fail(b, "an ICMP echo exchange got no answer");
    }
    const struct vnet_counters *c = &b->nic.counters;
    const struct evidence_frame_exchange facts = {
        .exchanges = done,
        .arp_replies = b->arp_replies - arp_before,
        .icmp_replies = b->echo_replies - echo_before,
        .tx_frames = c->tx_frames,
        .rx_frames = c->rx_frames,
        .recycled = c->rx_recycled,
        .faults = c->faults,
        .interrupts = platform_interrupts(b->platform) - b->interrupts_before,
    };
    if (facts.arp_replies != done || facts.icmp_replies != done || b->other_frames != 0)
        return bringup_fail(b, "requests and answers differ in number");
    if (facts.tx_frames != b->sent || facts.rx_frames != b->received || facts.recycled != facts.rx_frames)
        return bringup_fail(b, "the provider's counts differ from its caller's");
    if (facts.faults != 0 || facts.interrupts != 0)
        return bringup_fail(b, "faults or interrupts were counted");
    return evidence_emit_frame_exchange(b->evidence, &facts) == EVIDENCE_OK;
}

bool bringup_serve_turn(struct bringup *b)
{
    uint64_t ignored = 0;
    if (!turn(b, 0, &ignored))
        return bringup_fail(b, "the provider stopped");
    return true;
}
