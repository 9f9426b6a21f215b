/* SPDX-License-Identifier: BSD-2-Clause */
/* The Nic as lwIP's interface. A frame is copied once in each direction, between the share's slot and lwIP's
 * memory. When the driver ends its calls complete with that; the next one waits at the endpoint for its next
 * life, so nothing is polled for it. */
#include "stack/netd/netd.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "lwip/etharp.h"
#include "netif/ethernet.h"

#define USER(nic, user) ((uint64_t)(user) | (uint64_t)(nic)->epoch << 8)

static uint8_t *slot_at(const struct netd_nic *nic, uint32_t direction, uint32_t index)
{
    return nic->memory.at + NIC_SHARE_TX_AT +
           (size_t)(direction * NIC_SHARE_SLOTS + index % NIC_SHARE_SLOTS) * NIC_SHARE_SLOT_BYTES;
}

static bool submit(struct netd *n, enum netd_user user, uint16_t method, uint64_t arg,
                   const struct ring_extra *extra)
{
    const struct ring_submission call = ring_make_call(n->nic.cap, method, RING_ARGS(arg), extra);

    return ring_submit(&n->rt->ring, USER(&n->nic, user), &call);
}

/* Asked again after a while: the driver is there, and has no card, or another client; or the ring is full. */
static void later(struct netd *n)
{
    n->nic.state = NIC_AWAY;
    n->nic.again_ns = ring_now(&n->rt->ring) + NETD_RETRY_NS;
}

static void ask(struct netd *n)
{
    struct netd_nic *nic = &n->nic;

    nic->again_ns = NETD_FOREVER;
    if (cap_is_none(nic->cap))
        return;
    if (submit(n, NETD_USER_NIC_INFO, NIC_INFO, 0, NULL))
        nic->state = NIC_ASKED;
    else
        later(n);
}

static void lost(struct netd *n)
{
    struct netd_nic *nic = &n->nic;
    const bool up = nic->state == NIC_UP;

    nic->epoch++;
    nic->state = NIC_AWAY;
    nic->waits = nic->kicks = false;
    nic->unkicked = 0;
    for (; nic->count > 0; nic->count--)
        pbuf_free(nic->queue[nic->first++ % NETD_TX_QUEUE]);
    if (up) {
        n->counters[NET_COUNTER_DRIVER_LOST]++;
        netd_network_lost(n);
    }
    netd_witness_driver(n, false);
    ask(n);
}

static void attach(struct netd *n, uint64_t info)
{
    struct netd_nic *nic = &n->nic;
    const struct ring_extra share = ring_copy(nic->memory.cap);

    for (uint32_t i = 0; i < 6u; i++)
        n->netif.hwaddr[i] = (uint8_t)(info >> (8u * i));
    n->netif.mtu = (uint16_t)(info >> 48);
    memset(nic->share, 0, sizeof *nic->share);
    nic->tx_tail = nic->rx_head = 0;
    if (submit(n, NETD_USER_NIC_ATTACH, NIC_ATTACH, 0, &share))
        nic->state = NIC_ATTACHING;
    else
        later(n);
}

static void attached(struct netd *n)
{
    n->nic.state = NIC_UP;
    netd_network_up(n);
    netd_witness_driver(n, true);
}

void netd_nic_completed(struct netd *n, const struct ring_completion *done)
{
    struct netd_nic *nic = &n->nic;

    if (done->user >> 8 != nic->epoch)
        return; /* of a driver that ended */
    if (done->status == RING_E_DISCONNECTED) {
        lost(n);
        return;
    }
    if (done->status != RING_OK || done->exception != CAP_EX_NONE) { /* it was given up, or revoked */
        nic->cap = CAP_NONE;
        lost(n);
        return;
    }
    switch ((enum netd_user)(done->user & 0xffu)) {
    case NETD_USER_NIC_INFO:
        done->result == SYS_OK ? attach(n, done->value) : later(n);
        return;
    case NETD_USER_NIC_ATTACH:
        done->result == SYS_OK && done->value == NIC_SHARE_SLOTS ? attached(n) : later(n);
        return;
    case NETD_USER_NIC_WAIT:
        nic->waits = false;
        break;
    case NETD_USER_NIC_KICK:
        nic->kicks = false;
        break;
    default:
        ASSERT(false); /* submit() names no other */
    }
    if (done->result == SYS_E_STATE) /* it has let this client go */
        lost(n);
}

/* Frames of the share that were not taken; more than there is room for cannot be. */
static uint32_t waiting(struct netd *n)
{
    const uint32_t count = __atomic_load_n(&n->nic.share->rx_tail, __ATOMIC_ACQUIRE) - n->nic.rx_head;

    if (count <= NIC_SHARE_SLOTS)
        return count;
    n->counters[NET_COUNTER_DROPPED]++;
    return 0;
}

static void take(struct netd *n, uint32_t index)
{
    const uint32_t bytes =
        __atomic_load_n(&n->nic.share->rx[index % NIC_SHARE_SLOTS].length, __ATOMIC_RELAXED);
    struct pbuf *p = NULL;

    if (bytes >= NIC_FRAME_BYTES_MIN && bytes <= NIC_FRAME_BYTES_MAX)
        p = pbuf_alloc(PBUF_RAW, (u16_t)bytes, PBUF_POOL);
    if (p == NULL) {
        n->counters[NET_COUNTER_DROPPED]++;
        return;
    }
    pbuf_take(p, slot_at(&n->nic, 1, index), (u16_t)bytes);
    n->counters[NET_COUNTER_FRAMES_IN]++;
    if (n->netif.input(p, &n->netif) != ERR_OK)
        pbuf_free(p);
}

void netd_nic_receive(struct netd *n)
{
    struct netd_nic *nic = &n->nic;

    if (nic->state != NIC_UP)
        return;
    const uint32_t count = waiting(n);
    for (uint32_t i = 0; i < count; i++)
        take(n, nic->rx_head + i);
    if (count == 0)
        return;
    nic->rx_head += count;
    __atomic_store_n(&nic->share->rx_head, nic->rx_head, __ATOMIC_RELEASE);
}

static bool room(const struct netd_nic *nic)
{
    return nic->tx_tail - __atomic_load_n(&nic->share->tx_head, __ATOMIC_ACQUIRE) < NIC_SHARE_SLOTS;
}

static void give(struct netd *n, const struct pbuf *p)
{
    struct netd_nic *nic = &n->nic;

    (void)pbuf_copy_partial(p, slot_at(nic, 0, nic->tx_tail), p->tot_len, 0);
    nic->share->tx[nic->tx_tail % NIC_SHARE_SLOTS].length = p->tot_len;
    nic->tx_tail++;
    __atomic_store_n(&nic->share->tx_tail, nic->tx_tail, __ATOMIC_RELEASE);
    nic->unkicked++;
    n->counters[NET_COUNTER_FRAMES_OUT]++;
}

/* lwIP's linkoutput. What finds no room keeps its place in the queue: lwIP leaves a frame that is still
 * referenced alone. */
static err_t output(struct netif *netif, struct pbuf *p)
{
    struct netd *n = netif->state;
    struct netd_nic *nic = &n->nic;

    if (nic->state != NIC_UP || p->tot_len > NIC_FRAME_BYTES_MAX)
        return ERR_IF;
    if (nic->count == 0 && room(nic)) {
        give(n, p);
        return ERR_OK;
    }
    if (nic->count == NETD_TX_QUEUE)
        return ERR_MEM;
    pbuf_ref(p);
    nic->queue[(nic->first + nic->count++) % NETD_TX_QUEUE] = p;
    return ERR_OK;
}

uint64_t netd_nic_flush(struct netd *n)
{
    struct netd_nic *nic = &n->nic;

    if (nic->state == NIC_AWAY && nic->again_ns <= ring_now(&n->rt->ring))
        ask(n);
    if (nic->state != NIC_UP)
        return nic->again_ns;
    while (nic->count > 0 && room(nic)) {
        struct pbuf *p = nic->queue[nic->first++ % NETD_TX_QUEUE];

        nic->count--;
        give(n, p);
        pbuf_free(p);
    }
    if (nic->unkicked > 0 && !nic->kicks) {
        nic->kicks = submit(n, NETD_USER_NIC_KICK, NIC_KICK, nic->unkicked, NULL);
        nic->unkicked = 0;
    }
    if (!nic->waits)
        nic->waits = submit(n, NETD_USER_NIC_WAIT, NIC_WAIT, 0, NULL);
    if (waiting(n) > 0)
        return 0;
    return nic->count > 0 ? ring_now(&n->rt->ring) + NETD_ROOM_NS : NETD_FOREVER;
}

static err_t init(struct netif *netif)
{
    netif->name[0] = 'n';
    netif->name[1] = 'i';
    netif->hostname = "capos";
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = lease_output;
    netif->linkoutput = output;
    return ERR_OK;
}

bool netd_nic_init(struct netd *n)
{
    struct netd_nic *nic = &n->nic;

    nic->again_ns = NETD_FOREVER;
    nic->cap = rt_first(n->rt, CAP_IF_NIC);
    if (!rt_memory_make(n->rt, NIC_SHARE_BYTES, &nic->memory))
        return false;
    nic->share = (struct nic_share *)(void *)nic->memory.at;
    if (netif_add_noaddr(&n->netif, n, init, ethernet_input) == NULL)
        return false;
    netif_set_default(&n->netif);
    ask(n);
    return true;
}
