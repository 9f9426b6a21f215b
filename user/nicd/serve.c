/* SPDX-License-Identifier: BSD-2-Clause */
/* The Nic that clients call. One of them is attached at a time; a new life of the same service takes the
 * place of the old one, and a client that is no more is let go: its answer finds nobody, or nobody can call
 * with its badge. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/package.h"
#include "user/nicd/nicd.h"

static void detach(struct nicd *n)
{
    struct nicd_client *c = &n->client;

    if (!c->attached)
        return;
    (void)ring_call(&n->rt->ring, c->memory, MEMORY_UNMAP, NULL, NULL);
    (void)ring_release(&n->rt->ring, c->memory);
    *c = (struct nicd_client){
        .dropped = c->dropped, .sent = c->sent, .received = c->received, .refused = c->refused};
}

/* False: the caller is no more. */
static bool answer(struct nicd *n, uint64_t token, enum system_error result, uint64_t value)
{
    const struct ring_completion done = ring_return(&n->rt->ring, token, (uint16_t)result, value, NULL);

    return done.status != RING_E_TOKEN;
}

/* One wait at a time: that for an earlier life ends by itself, and the next is for whoever is attached then.
 */
static void watch(struct nicd *n)
{
    const struct ring_submission gone =
        ring_make_call(n->endpoint, ENDPOINT_GONE, RING_ARGS(n->client.badge), NULL);

    if (n->gone_asked || !n->client.attached)
        return;
    n->gone_badge = n->client.badge;
    n->gone_asked = ring_submit(&n->rt->ring, NICD_USER_GONE, &gone);
}

void nicd_gone(struct nicd *n)
{
    n->gone_asked = false;
    if (n->client.attached && n->client.badge == n->gone_badge)
        detach(n);
    n->over = n->proof && !n->client.attached;
    watch(n);
}

static enum system_error attach(struct nicd *n, const struct ring_received *call, uint64_t *value)
{
    struct nicd_client *c = &n->client;
    struct ring_client *ring = &n->rt->ring;

    if (call->cap_interface != CAP_IF_MEMORY)
        return SYS_E_VALUE;
    if (c->attached && c->badge != call->badge &&
        PACKAGE_BADGE_SERVICE(c->badge) != PACKAGE_BADGE_SERVICE(call->badge))
        return SYS_E_BUSY;
    const struct ring_completion bytes = ring_call(ring, call->cap, MEMORY_BYTES, NULL, NULL);
    if (!ring_completed(&bytes) || bytes.value < NIC_SHARE_BYTES)
        return SYS_E_VALUE;
    detach(n);
    const struct ring_completion mapped = ring_call(ring, call->cap, MEMORY_MAP, RING_ARGS(1), NULL);
    if (!ring_completed(&mapped))
        return SYS_E_NO_MEMORY;
    c->attached = true;
    c->badge = call->badge;
    c->memory = call->cap;
    c->share = (struct nic_share *)(uintptr_t)mapped.value;
    c->tx_head = 0;
    c->rx_tail = 0;
    __atomic_store_n(&c->share->tx_head, 0u, __ATOMIC_RELAXED);
    __atomic_store_n(&c->share->rx_tail, 0u, __ATOMIC_RELAXED);
    __atomic_store_n(&c->share->link, (uint32_t)vnet_link(&n->nic), __ATOMIC_RELAXED);
    *value = NIC_SHARE_SLOTS;
    watch(n);
    return SYS_OK;
}

static uint64_t nic_info(const struct nicd *n)
{
    uint64_t value = (uint64_t)NICD_MTU << 48;

    for (uint32_t i = 0; i < 6u; i++)
        value |= (uint64_t)n->nic.mac[i] << (8u * i);
    return value;
}

static enum system_error counter(const struct nicd *n, uint64_t which, uint64_t *value)
{
    const uint64_t counters[NIC_COUNTER_COUNT] = {[NIC_COUNTER_SENT] = n->client.sent,
                                                  [NIC_COUNTER_RECEIVED] = n->client.received,
                                                  [NIC_COUNTER_DROPPED] = n->client.dropped,
                                                  [NIC_COUNTER_REFUSED] = n->client.refused};

    if (which >= NIC_COUNTER_COUNT)
        return SYS_E_VALUE;
    *value = counters[which];
    return SYS_OK;
}

static bool is_attached(const struct nicd *n, const struct ring_received *call)
{
    return n->client.attached && n->client.badge == call->badge;
}

/* What those may ask who get no frames. */
static bool only_asks(uint16_t method)
{
    return method == NIC_INFO || method == NIC_LINK || method == NIC_COUNTER;
}

/* False: the answer comes later. */
static bool serve(struct nicd *n, const struct ring_received *call, enum system_error *result,
                  uint64_t *value)
{
    struct nicd_client *c = &n->client;

    if (call->interface != CAP_IF_NIC && !only_asks(call->method)) {
        *result = SYS_E_VALUE;
        return true;
    }
    switch ((enum nic_method)call->method) {
    case NIC_INFO:
        *value = nic_info(n);
        *result = n->up ? SYS_OK : SYS_E_STATE;
        return true;
    case NIC_LINK:
        *value = n->up ? vnet_link(&n->nic) : NIC_LINK_DOWN;
        return true;
    case NIC_ATTACH:
        *result = n->up ? attach(n, call, value) : SYS_E_STATE;
        return true;
    case NIC_KICK:
        *result = is_attached(n, call) ? SYS_OK : SYS_E_STATE;
        *value = *result == SYS_OK ? nicd_send(c, &n->nic) : 0;
        return true;
    case NIC_WAIT:
        *result = !is_attached(n, call) ? SYS_E_STATE : c->waits ? SYS_E_BUSY : SYS_OK;
        if (*result == SYS_OK && call->args[0] > 1)
            *result = SYS_E_VALUE;
        if (*result != SYS_OK)
            return true;
        c->waits = true;
        c->wait_token = call->token;
        c->waits_for_room = call->args[0] == 1; /* the caller's to say: by now there may be room again */
        return false;
    case NIC_COUNTER:
        *result = counter(n, call->args[0], value);
        return true;
    }
    *result = SYS_E_VALUE;
    return true;
}

void nicd_call(struct nicd *n, const struct ring_completion *completion)
{
    const struct ring_received call = ring_received(&n->rt->ring, completion);
    enum system_error result = SYS_OK;
    uint64_t value = 0;
    const bool now = serve(n, &call, &result, &value);

    /* Kept by an attach that succeeded, and by nothing else. */
    if (!cap_is_none(call.cap) && !(call.method == NIC_ATTACH && result == SYS_OK))
        (void)ring_release(&n->rt->ring, call.cap);
    if (now && !answer(n, call.token, result, value) && is_attached(n, &call))
        detach(n);
    (void)ring_recv(&n->rt->ring, completion->user,
                    completion->user == NICD_PLACE_STATUS ? n->status : n->endpoint, completion->inbox);
}

void nicd_wake(struct nicd *n)
{
    struct nicd_client *c = &n->client;
    uint32_t waiting;

    if (c->attached) {
        __atomic_store_n(&c->share->link, (uint32_t)vnet_link(&n->nic), __ATOMIC_RELAXED);
        __atomic_store_n(&c->share->dropped, c->dropped, __ATOMIC_RELAXED);
    }
    if (!c->attached || !c->waits)
        return;
    waiting = nicd_waiting(c);
    if (waiting == 0 && !(c->waits_for_room && !nicd_tx_full(c)))
        return;
    c->waits = false;
    if (!answer(n, c->wait_token, SYS_OK, waiting))
        detach(n);
}
