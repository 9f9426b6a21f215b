/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections on their way in. A peer that asked and has not answered costs a PCB for up to 20 seconds, and
 * anybody can ask in anybody's name: of these there are NETD_HALF_OPEN, and the oldest of the listener that
 * has the most gives way to the next. So a flood keeps out only who answers later than it fills the places,
 * and leaves other listeners theirs. A listener's backlog bounds what is open and was not accepted: as long
 * as it is full no SYN is answered and no half open connection opens; its peer asks again. */
#include "abi/assert.h"
#include "hooks.h"
#include "lwip/priv/tcp_priv.h"
#include "stack/netd/netd.h"

static bool from_outside(const struct netd_listener *l, const ip4_addr_t *source)
{
    const uint32_t mask = l->prefix_bits == 0 ? 0 : lwip_htonl(0xffffffffu << (32u - l->prefix_bits));

    return ((ip4_addr_get_u32(source) ^ ip4_addr_get_u32(&l->prefix)) & mask) != 0;
}

/* Whose connection it may become; NULL: it is no half open one. */
static struct netd_object *listener_of(const struct tcp_pcb *pcb)
{
    return pcb->state == SYN_RCVD && pcb->listener != NULL ? pcb->listener->callback_arg : NULL;
}

/* Silently: if its peer is there and answers yet, it is answered by a reset. */
static void end_oldest(struct netd *n, const struct netd_object *listener)
{
    struct tcp_pcb *oldest = NULL;
    uint32_t age = 0;

    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (listener_of(pcb) != listener || tcp_ticks - pcb->tmr < age)
            continue;
        age = tcp_ticks - pcb->tmr;
        oldest = pcb; /* of equal age the last: the newest are at the list's head */
    }
    ASSERT(oldest != NULL);
    n->counters[NET_COUNTER_GAVE_WAY]++;
    tcp_abandon(oldest, 0);
}

static void make_room(struct netd *n)
{
    uint8_t count[NETD_OBJECTS] = {0}; /* NETD_HALF_OPEN at most, each */
    const struct netd_object *most = NULL;
    uint32_t all = 0;

    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        const struct netd_object *o = listener_of(pcb);

        if (o == NULL)
            continue;
        all++;
        count[o - n->objects]++;
        if (most == NULL || count[o - n->objects] > count[most - n->objects])
            most = o;
    }
    if (all >= NETD_HALF_OPEN)
        end_oldest(n, most);
}

void netd_half_open_end(struct netd_object *listener)
{
    struct tcp_pcb *next;

    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = next) {
        next = pcb->next;
        if (listener_of(pcb) == listener)
            tcp_abandon(pcb, 0);
    }
}

/* lwIP asks before a segment reaches a PCB. Segments from outside a listener's prefix never were. */
err_t netd_tcp_arrives(struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
    const uint8_t flags = TCPH_FLAGS(header) & (TCP_SYN | TCP_ACK | TCP_RST);
    struct netd_object *o =
        pcb->state == LISTEN ? ((struct tcp_pcb_listen *)pcb)->callback_arg : listener_of(pcb);

    if (o == NULL)
        return ERR_OK;
    const bool full = o->listener.waiting >= o->listener.backlog;
    if (pcb->state != LISTEN)
        return full && flags == TCP_ACK ? ERR_VAL : ERR_OK;
    if (from_outside(&o->listener, ip4_current_src_addr())) {
        o->netd->counters[NET_COUNTER_REFUSED_SOURCE]++;
        return ERR_VAL;
    }
    if (flags == TCP_SYN) {
        if (full)
            return ERR_VAL;
        make_room(o->netd);
    }
    return ERR_OK;
}
