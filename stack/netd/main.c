/* SPDX-License-Identifier: BSD-2-Clause */
/* netd: one loop. Frames and calls come in, lwIP's timers run, what waits too long completes, frames go out,
 * and it sleeps in cap_enter until the next of these. */
#include "abi/assert.h"
#include "lwip/dhcp.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/timeouts.h"
#include "stack/netd/netd.h"

#define MILLISECOND_NS 1000000u
#define SECOND_NS      1000000000u

static struct netd netd;

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Nothing is under way that counts in less than seconds: no connection, no question of DHCP, no check of an
 * address. */
static bool quiet(const struct netd *n)
{
    const struct dhcp *dhcp = netif_dhcp_data(&n->netif);

    return tcp_active_pcbs == NULL && tcp_tw_pcbs == NULL && dhcp != NULL && dhcp->request_timeout == 0 &&
           (dhcp->acd.state == ACD_STATE_OFF || dhcp->acd.state == ACD_STATE_ONGOING);
}

/* When lwIP wants to be asked: its clock counts milliseconds. It has timers of a tenth of a second that never
 * rest; while nothing needs them those of a second are enough, which all began together. */
static uint64_t stack_due(const struct netd *n, uint64_t now_ns)
{
    const uint32_t ms = sys_timeouts_sleeptime();
    const uint64_t began_ns = n->began_ns - n->began_ns % MILLISECOND_NS;

    if (quiet(n))
        return now_ns + SECOND_NS - (now_ns - began_ns) % SECOND_NS;
    return ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? NETD_FOREVER : now_ns + ms * 1000000ull;
}

/* Everything that time or frames can move. When the next look is due. */
static uint64_t turn(struct netd *n)
{
    const uint64_t now_ns = ring_now(&n->rt->ring);
    uint64_t due_ns;

    netd_nic_receive(n);
    sys_check_timeouts();
    netd_network_step(n);
    netd_events_step(n);
    due_ns = earlier(netd_objects_expire(n, now_ns), netd_pending_expire(n, now_ns));
    due_ns = earlier(due_ns, stack_due(n, now_ns));
    return earlier(due_ns, netd_nic_flush(n));
}

static void completed(struct netd *n, const struct ring_completion *done)
{
    if (done->user < NETD_PLACES)
        netd_call(n, done);
    else if (done->user == NETD_USER_GONE)
        netd_gone(n, done);
    else if (done->user == NETD_USER_ANSWER)
        n->answers--;
    else
        netd_nic_completed(n, done);
}

/* Ends with a proof: its exit code. */
static uint32_t run(struct netd *n)
{
    struct ring_client *ring = &n->rt->ring;
    struct ring_completion done;
    uint32_t code = 0;

    for (;;) {
        const uint64_t due_ns = earlier(turn(n), netd_witness_due(n)), now_ns = ring_now(ring);
        uint64_t timeout_ns = due_ns == NETD_FOREVER ? RING_FOREVER : due_ns > now_ns ? due_ns - now_ns : 0;

        while (ring_wait(ring, timeout_ns, &done)) {
            completed(n, &done);
            timeout_ns = 0;
            if (ring->kept_count == 0)
                break; /* the rest comes in with the next entry, after what these brought went out */
        }
        if (!netd_witness_turn(n, ring_now(ring), &code))
            return code;
    }
}

static void receive(struct netd *n)
{
    for (uint32_t place = 0; place < NETD_PLACES; place++) {
        const cap_id endpoint = netd_endpoint(n, place);
        const bool taken = cap_is_none(endpoint) || ring_recv(&n->rt->ring, place, endpoint, place);

        ASSERT(taken);
    }
}

uint32_t program_main(struct rt *rt)
{
    struct netd *n = &netd;
    const cap_id endpoints = rt_first(rt, CAP_IF_ENDPOINT_SOURCE);

    n->rt = rt;
    n->manager = rt_grant(rt, "network", CAP_IF_ENDPOINT);
    n->listen = rt_grant(rt, "tcp", CAP_IF_ENDPOINT);
    n->status = rt_grant(rt, "network-status", CAP_IF_ENDPOINT);
    n->connect = rt_grant(rt, "connect", CAP_IF_ENDPOINT);
    n->entropy = rt_first(rt, CAP_IF_ENTROPY);
    if (cap_is_none(n->manager) || cap_is_none(n->listen) || cap_is_none(n->entropy) ||
        cap_is_none(endpoints))
        return NETD_EXIT_GRANT;
    const struct ring_completion made = ring_call(&rt->ring, endpoints, ENDPOINT_CREATE, NULL, NULL);
    n->endpoint = made.cap;
    if (!ring_completed(&made) || !rt_memory_make(rt, NETD_OBJECTS * (uint32_t)sizeof(uint64_t), &n->badges))
        return NETD_EXIT_MEMORY;
    if (!netd_sys_init(n))
        return NETD_EXIT_ENTROPY;
    if (!netd_witness_init(n) || !netd_nic_init(n) || !netd_network_init(n))
        return NETD_EXIT_MEMORY;
    receive(n);
    return run(n);
}
