/* SPDX-License-Identifier: BSD-2-Clause */
/* frames: a client of the Nic that asks the gateway for its address and for echoes, checks each answer and
 * says how many there were. Its exit code is 0 when every request was answered. Trusts the service no further
 * than its own indices, and nothing of a frame. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/nic.h"
#include "evidence/text.h"
#include "user/frames/frame.h"
#include "user/rt/rt.h"

#define EXCHANGES       4u /* `exchanges`: each one ARP and one ICMP echo */
#define ANSWER_NS       2000000000u /* an answer may take so long */
#define ECHO_IDENTIFIER 0x6672u
#define USER_WAIT       1u
#define LINE_BYTES      128u

enum frames_exit {
    FRAMES_OK = 0,
    FRAMES_EXIT_GRANT,
    FRAMES_EXIT_NIC,
    FRAMES_EXIT_MEMORY,
    FRAMES_EXIT_ANSWER
};

struct frames {
    struct rt *rt;
    cap_id nic;
    struct rt_memory memory;
    struct nic_share *share;
    uint32_t tx_tail, rx_head; /* own */
    bool waits; /* a NIC_WAIT is under way */
    struct frame_addresses addresses;
    uint32_t sent, arp_replies, echo_replies, others;
    uint16_t sequence; /* of the echo that is asked for */
};

/* QEMU's and libslirp's user network. */
static const uint8_t guest_ip[4] = {10, 0, 2, 15};
static const uint8_t gateway_ip[4] = {10, 0, 2, 2};

static uint8_t *slot_at(const struct frames *f, uint32_t direction, uint32_t index)
{
    return f->memory.at + NIC_SHARE_TX_AT +
           (size_t)(direction * NIC_SHARE_SLOTS + index % NIC_SHARE_SLOTS) * NIC_SHARE_SLOT_BYTES;
}

static bool send(struct frames *f, uint16_t sequence, bool echo)
{
    uint8_t *slot = slot_at(f, 0, f->tx_tail);
    const uint16_t length = echo ? frame_echo_request(slot, &f->addresses, ECHO_IDENTIFIER, sequence)
                                 : frame_arp_request(slot, &f->addresses);

    if (f->tx_tail - __atomic_load_n(&f->share->tx_head, __ATOMIC_ACQUIRE) >= NIC_SHARE_SLOTS)
        return false; /* each request is answered before the next: this is no room at all */
    f->share->tx[f->tx_tail % NIC_SHARE_SLOTS].length = length;
    f->tx_tail++;
    __atomic_store_n(&f->share->tx_tail, f->tx_tail, __ATOMIC_RELEASE);
    f->sent++;
    const struct ring_completion kicked = ring_call(&f->rt->ring, f->nic, NIC_KICK, RING_ARGS(1), NULL);
    return ring_completed(&kicked);
}

static void take(struct frames *f, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t frame[NIC_FRAME_BYTES_MAX];
        const uint32_t at = f->rx_head + i;
        const uint32_t length = f->share->rx[at % NIC_SHARE_SLOTS].length;
        const uint32_t bytes = length < sizeof frame ? length : (uint32_t)sizeof frame;

        memcpy(frame, slot_at(f, 1, at), bytes);
        const struct frame_seen seen = frame_parse(frame, bytes, &f->addresses, ECHO_IDENTIFIER);
        if (seen.kind == FRAME_ARP_REPLY) {
            memcpy(f->addresses.peer_mac, seen.sender_mac, sizeof seen.sender_mac);
            f->arp_replies++;
        } else if (seen.kind == FRAME_ECHO_REPLY && seen.sequence == f->sequence) {
            f->echo_replies++; /* an answer to a life before this one is none to this one */
        } else {
            f->others++;
        }
    }
    f->rx_head += count;
    __atomic_store_n(&f->share->rx_head, f->rx_head, __ATOMIC_RELEASE);
}

/* Frames that came. False: none within the time, or the service is gone or says what cannot be. */
static bool receive(struct frames *f)
{
    const struct ring_submission wait = ring_make_call(f->nic, NIC_WAIT, NULL, NULL);
    struct ring_completion done;
    uint32_t count;

    if (!f->waits)
        f->waits = ring_submit(&f->rt->ring, USER_WAIT, &wait);
    if (!f->waits || !ring_wait(&f->rt->ring, ANSWER_NS, &done))
        return false;
    f->waits = false;
    count = __atomic_load_n(&f->share->rx_tail, __ATOMIC_ACQUIRE) - f->rx_head;
    if (!ring_completed(&done) || count > NIC_SHARE_SLOTS)
        return false;
    take(f, count);
    return true;
}

static bool exchange(struct frames *f, uint16_t sequence)
{
    const uint32_t arps = f->arp_replies, echoes = f->echo_replies;

    f->sequence = sequence;
    if (!send(f, 0, false))
        return false;
    while (f->arp_replies == arps)
        if (!receive(f))
            return false;
    if (!send(f, sequence, true))
        return false;
    while (f->echo_replies == echoes)
        if (!receive(f))
            return false;
    return true;
}

static bool attach(struct frames *f)
{
    struct ring_client *ring = &f->rt->ring;
    const struct ring_completion info = ring_call(ring, f->nic, NIC_INFO, NULL, NULL);

    if (!ring_completed(&info))
        return false;
    for (uint32_t i = 0; i < 6u; i++)
        f->addresses.our_mac[i] = (uint8_t)(info.value >> (8u * i));
    memcpy(f->addresses.our_ip, guest_ip, sizeof guest_ip);
    memcpy(f->addresses.peer_ip, gateway_ip, sizeof gateway_ip);
    const struct ring_extra share = ring_copy(f->memory.cap);
    const struct ring_completion attached = ring_call(ring, f->nic, NIC_ATTACH, NULL, &share);
    f->share = (struct nic_share *)(void *)f->memory.at;
    return ring_completed(&attached) && attached.value == NIC_SHARE_SLOTS;
}

static uint32_t finish(const struct frames *f, uint32_t code)
{
    char line[LINE_BYTES];
    struct text t = text_over(line, sizeof line);

    text_string(&t, code == FRAMES_OK ? "frames: sent " : "frames: failed, sent ");
    text_u64(&t, f->sent);
    text_string(&t, ", arp replies ");
    text_u64(&t, f->arp_replies);
    text_string(&t, ", echo replies ");
    text_u64(&t, f->echo_replies);
    text_string(&t, ", others ");
    text_u64(&t, f->others);
    text_string(&t, "\n");
    ASSERT(!t.overflow);
    (void)rt_write(f->rt, t.at, t.used);
    return code;
}

uint32_t program_main(struct rt *rt)
{
    struct frames f = {.rt = rt, .nic = rt_grant(rt, "nic", CAP_IF_NIC)};
    const uint64_t exchanges = rt_parameter_u64(rt, "exchanges", EXCHANGES);

    if (cap_is_none(f.nic))
        return FRAMES_EXIT_GRANT;
    if (!rt_memory_make(rt, NIC_SHARE_BYTES, &f.memory))
        return FRAMES_EXIT_MEMORY;
    if (!attach(&f))
        return finish(&f, FRAMES_EXIT_NIC);
    for (uint64_t i = 0; i < exchanges; i++)
        if (!exchange(&f, (uint16_t)i))
            return finish(&f, FRAMES_EXIT_ANSWER);
    return finish(&f, FRAMES_OK);
}
