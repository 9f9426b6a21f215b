/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames between the share and the provider. Each index and length of the client is read once; one that
 * cannot be is counted and not followed. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "user/nicd/nicd.h"

static uint32_t read_index(const uint32_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE); /* what it announces is read after it */
}

static void tell(uint32_t *at, uint32_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE); /* what it announces was written before it */
}

static uint8_t *slot_at(const struct nicd_client *c, uint32_t direction, uint32_t index)
{
    return (uint8_t *)c->share + NIC_SHARE_TX_AT +
           (size_t)(direction * NIC_SHARE_SLOTS + index % NIC_SHARE_SLOTS) * NIC_SHARE_SLOT_BYTES;
}

/* Frames that the client gave and this side has not taken; 0 and counted when it says more than can be. */
static uint32_t given(struct nicd_client *c)
{
    const uint32_t count = read_index(&c->share->tx_tail) - c->tx_head;

    if (count <= NIC_SHARE_SLOTS)
        return count;
    c->refused++;
    return 0;
}

uint32_t nicd_waiting(const struct nicd_client *c)
{
    const uint32_t count = c->rx_tail - read_index(&c->share->rx_head);

    return count <= NIC_SHARE_SLOTS ? count : NIC_SHARE_SLOTS;
}

bool nicd_tx_full(const struct nicd_client *c)
{
    return read_index(&c->share->tx_tail) - c->tx_head == NIC_SHARE_SLOTS;
}

/* Copies up to `count` given frames into provider slots. Returns how many are in `frames`; stops before one
 * whose length cannot be. */
static uint16_t collect(struct nicd_client *c, struct virtio_net *nic, const uint16_t *slots, uint16_t count,
                        struct nic_tx_frame *frames)
{
    uint16_t n = 0;

    for (; n < count; n++) {
        const uint32_t index = c->tx_head + n;
        const uint32_t length =
            __atomic_load_n(&c->share->tx[index % NIC_SHARE_SLOTS].length, __ATOMIC_RELAXED);

        if (length < NIC_FRAME_BYTES_MIN || length > NIC_FRAME_BYTES_MAX)
            break;
        memcpy(vnet_tx_data(nic, slots[n]), slot_at(c, 0, index), length);
        frames[n] = (struct nic_tx_frame){.slot = slots[n], .length = (uint16_t)length};
    }
    return n;
}

uint32_t nicd_send(struct nicd_client *c, struct virtio_net *nic)
{
    struct nic_tx_frame frames[NIC_BATCH_MAX];
    uint16_t slots[NIC_BATCH_MAX];
    uint32_t sent = 0;

    while (c->attached) {
        const uint32_t left = given(c);
        const uint16_t wanted = (uint16_t)(left < NIC_BATCH_MAX ? left : NIC_BATCH_MAX);
        const uint16_t taken = wanted == 0 ? 0 : vnet_tx_take(nic, slots, wanted);
        const uint16_t good = taken == 0 ? 0 : collect(c, nic, slots, taken, frames);
        const uint16_t gone = good == 0 ? 0 : vnet_send(nic, frames, good);

        if (gone < taken)
            vnet_tx_return(nic, &slots[gone], (uint16_t)(taken - gone));
        sent += gone;
        c->tx_head += gone;
        c->sent += gone;
        if (good < taken && gone == good) { /* the next one's length cannot be: passed over */
            c->refused++;
            c->tx_head++;
        }
        tell(&c->share->tx_head, c->tx_head);
        if (taken == 0 || gone < good)
            break;
    }
    return sent;
}

/* Room for received frames; none when the client says that it took what it never got. */
static uint16_t room(struct nicd_client *c)
{
    const uint32_t held = c->rx_tail - read_index(&c->share->rx_head);

    if (held <= NIC_SHARE_SLOTS)
        return (uint16_t)(NIC_SHARE_SLOTS - held);
    c->refused++;
    return 0;
}

uint32_t nicd_receive(struct nicd_client *c, struct virtio_net *nic)
{
    const uint16_t most = c->attached ? room(c) : NIC_BATCH_MAX;
    struct nic_rx_frame frames[NIC_BATCH_MAX];
    uint16_t slots[NIC_BATCH_MAX];
    uint16_t count = most == 0 ? 0 : vnet_receive(nic, frames, most);

    for (uint16_t i = 0; i < count; i++) {
        slots[i] = frames[i].slot;
        if (!c->attached) {
            c->dropped++;
            continue;
        }
        ASSERT(frames[i].length <= NIC_SHARE_SLOT_BYTES);
        memcpy(slot_at(c, 1, c->rx_tail), frames[i].data, frames[i].length);
        __atomic_store_n(&c->share->rx[c->rx_tail % NIC_SHARE_SLOTS].length, frames[i].length,
                         __ATOMIC_RELAXED);
        c->rx_tail++;
        c->received++;
    }
    if (count != 0)
        vnet_recycle(nic, slots, count);
    if (count != 0 && c->attached)
        tell(&c->share->rx_tail, c->rx_tail);
    return count;
}
