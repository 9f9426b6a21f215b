/* SPDX-License-Identifier: BSD-2-Clause */
/* A client of the Nic that never gives up: sends a frame, waits for the same one back from a device that
 * loops, counts the round trip in a page of its own, and attaches anew whenever its driver is gone. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/nic.h"
#include "user/rt/rt.h"

#define FRAME_BYTES 128u

struct client {
    struct rt *rt;
    cap_id nic;
    struct rt_memory memory, counter;
    struct nic_share *share;
    uint32_t tx_tail, rx_head;
};

static uint8_t *slot_at(const struct client *c, uint32_t direction, uint32_t index)
{
    return c->memory.at + NIC_SHARE_TX_AT +
           (size_t)(direction * NIC_SHARE_SLOTS + index % NIC_SHARE_SLOTS) * NIC_SHARE_SLOT_BYTES;
}

static bool attach(struct client *c)
{
    const struct ring_extra share = ring_copy(c->memory.cap);

    c->tx_tail = 0;
    c->rx_head = 0;
    memset(c->share, 0, sizeof *c->share);
    const struct ring_completion done = ring_call(&c->rt->ring, c->nic, NIC_ATTACH, NULL, &share);
    return ring_completed(&done);
}

static bool send(struct client *c, uint8_t seed)
{
    uint8_t *frame = slot_at(c, 0, c->tx_tail);

    for (uint32_t i = 0; i < FRAME_BYTES; i++)
        frame[i] = (uint8_t)(seed + i);
    c->share->tx[c->tx_tail % NIC_SHARE_SLOTS].length = FRAME_BYTES;
    c->tx_tail++;
    __atomic_store_n(&c->share->tx_tail, c->tx_tail, __ATOMIC_RELEASE);
    const struct ring_completion done = ring_call(&c->rt->ring, c->nic, NIC_KICK, RING_ARGS(1), NULL);
    return ring_completed(&done);
}

/* Frames that came are taken; true when the one that was sent is among them. */
static bool take(struct client *c, uint8_t seed)
{
    bool seen = false;

    while (c->rx_head != __atomic_load_n(&c->share->rx_tail, __ATOMIC_ACQUIRE)) {
        const uint8_t *frame = slot_at(c, 1, c->rx_head);

        bool same = c->share->rx[c->rx_head % NIC_SHARE_SLOTS].length == FRAME_BYTES;
        for (uint32_t i = 0; i < FRAME_BYTES; i++)
            same = same && frame[i] == (uint8_t)(seed + i);
        seen = seen || same;
        c->rx_head++;
    }
    __atomic_store_n(&c->share->rx_head, c->rx_head, __ATOMIC_RELEASE);
    return seen;
}

/* False: the driver is gone. Frames that were sent to an earlier life of it may come first. */
static bool receive(struct client *c, uint8_t seed)
{
    for (;;) {
        const struct ring_completion done = ring_call(&c->rt->ring, c->nic, NIC_WAIT, NULL, NULL);

        if (!ring_completed(&done))
            return false;
        if (take(c, seed))
            return true;
    }
}

uint32_t program_main(struct rt *rt)
{
    static struct client c;
    uint64_t trips = 0;

    c.rt = rt;
    c.nic = rt_first(rt, CAP_IF_NIC);
    if (!rt_memory_make(rt, RING_PAGE_BYTES, &c.counter) || !rt_memory_make(rt, NIC_SHARE_BYTES, &c.memory))
        return 1;
    c.share = (struct nic_share *)(void *)c.memory.at;
    for (;;) {
        bool runs = attach(&c);

        while (runs) {
            const uint8_t seed = (uint8_t)trips;

            runs = send(&c, seed) && receive(&c, seed);
            trips += runs;
            memcpy(c.counter.at, &trips, sizeof trips);
        }
    }
}
