/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of the measuring program, through the Nic. Trusts the driver's indices as far as the share goes. */
#include "sim/bench/programs/bench.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"

#define FRAME_BYTES 60u
#define USER_KICK   1u
#define USER_WAIT   2u
#define ANSWER_NS   20000000000u /* an answer may take so long, on a host with other work */

/* QEMU's and libslirp's user network. */
static const uint8_t guest_ip[4] = {10, 0, 2, 15};
static const uint8_t gateway_ip[4] = {10, 0, 2, 2};
/* Local experimental (IEEE 802, 0x88b5), from one locally administered address to another: nobody's. */
static const uint8_t header[14] = {0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02, 0x88, 0xb5};

static uint8_t *slot_at(const struct bench *b, uint32_t direction, uint32_t index)
{
    return b->memory.at + NIC_SHARE_TX_AT +
           (size_t)(direction * NIC_SHARE_SLOTS + index % NIC_SHARE_SLOTS) * NIC_SHARE_SLOT_BYTES;
}

bool network_attach(struct bench *b)
{
    struct ring_client *ring = &b->rt->ring;
    const struct ring_completion info = ring_call(ring, b->nic, NIC_INFO, NULL, NULL);
    const struct ring_extra share = ring_copy(b->memory.cap);

    if (!ring_completed(&info))
        return false;
    for (uint32_t i = 0; i < 6u; i++)
        b->addresses.our_mac[i] = (uint8_t)(info.value >> (8u * i));
    memcpy(b->addresses.our_ip, guest_ip, sizeof guest_ip);
    memcpy(b->addresses.peer_ip, gateway_ip, sizeof gateway_ip);
    b->tx_tail = 0;
    b->rx_head = 0;
    memset(b->share, 0, sizeof *b->share);
    const struct ring_completion attached = ring_call(ring, b->nic, NIC_ATTACH, NULL, &share);
    return ring_completed(&attached) && attached.value == NIC_SHARE_SLOTS;
}

static bool submit(struct bench *b, uint64_t user, uint16_t method)
{
    const struct ring_submission call = ring_make_call(b->nic, method, NULL, NULL);

    return ring_submit(&b->rt->ring, user, &call);
}

/* The answers to all `count` that were submitted. */
static bool answered(struct bench *b, uint32_t count)
{
    struct ring_completion done;

    for (uint32_t i = 0; i < count; i++)
        if (!ring_wait(&b->rt->ring, ANSWER_NS, &done) || !ring_completed(&done))
            return false;
    return true;
}

static uint32_t arrived(const struct bench *b)
{
    return __atomic_load_n(&b->share->rx_tail, __ATOMIC_ACQUIRE) - b->rx_head;
}

static void taken(struct bench *b, uint32_t count)
{
    b->rx_head += count;
    __atomic_store_n(&b->share->rx_head, b->rx_head, __ATOMIC_RELEASE);
}

static void give(struct bench *b, uint16_t bytes)
{
    b->share->tx[b->tx_tail % NIC_SHARE_SLOTS].length = bytes;
    b->tx_tail++;
}

static void tell(struct bench *b)
{
    __atomic_store_n(&b->share->tx_tail, b->tx_tail, __ATOMIC_RELEASE);
}

/* Every frame that came; true when the answer is one of them. */
static bool take_answer(struct bench *b)
{
    const uint32_t count = arrived(b);
    bool found = false;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = b->rx_head + i;
        const struct frame_seen seen = frame_parse(
            slot_at(b, 1, at), b->share->rx[at % NIC_SHARE_SLOTS].length, &b->addresses, 0);

        found = found || seen.kind == FRAME_ARP_REPLY;
    }
    taken(b, count);
    return found;
}

bool network_trips(struct bench *b, uint32_t count, uint32_t batch)
{
    (void)batch;
    for (uint32_t i = 0; i < count; i++) {
        give(b, frame_arp_request(slot_at(b, 0, b->tx_tail), &b->addresses));
        tell(b);
        if (!submit(b, USER_KICK, NIC_KICK) || !submit(b, USER_WAIT, NIC_WAIT) || !answered(b, 2))
            return false;
        while (!take_answer(b))
            if (!submit(b, USER_WAIT, NIC_WAIT) || !answered(b, 1))
                return false;
    }
    return true;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t under_way(const struct bench *b)
{
    return b->tx_tail - __atomic_load_n(&b->share->tx_head, __ATOMIC_ACQUIRE);
}

bool network_send(struct bench *b, uint32_t count, uint32_t batch)
{
    while (count > 0) {
        const uint32_t some = least(least(batch, count), NIC_SHARE_SLOTS - under_way(b));

        for (uint32_t i = 0; i < some; i++) {
            uint8_t *frame = slot_at(b, 0, b->tx_tail);

            memset(frame, 0, FRAME_BYTES);
            memcpy(frame, header, sizeof header);
            give(b, FRAME_BYTES);
        }
        tell(b);
        count -= some;
        if (!submit(b, USER_KICK, NIC_KICK) || !answered(b, 1)) /* without room as well: it makes some */
            return false;
        if (arrived(b) > 0) /* whatever the network says meanwhile */
            taken(b, arrived(b));
    }
    while (under_way(b) > 0)
        if (!submit(b, USER_KICK, NIC_KICK) || !answered(b, 1))
            return false;
    return true;
}

bool network_receive(struct bench *b, uint32_t count, uint32_t batch)
{
    uint32_t came = 0;

    (void)batch;
    while (came < count) {
        const bool first = came == 0;

        if (arrived(b) == 0 && (!submit(b, USER_WAIT, NIC_WAIT) || !answered(b, 1)))
            return false;
        const uint32_t some = arrived(b);
        if (first && some > 0)
            bench_begins(b);
        came += some;
        taken(b, some);
    }
    return true;
}
