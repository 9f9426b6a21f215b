/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets how much of lwIP's memory. Frames that came, segments and the heap are one pool each for all
 * connections, far below what all of them together may ask for. A few pieces of each are every socket's own,
 * also when all others hold what they may, and some are nobody's: answers to SYNs, ARP, DHCP. Of the rest a
 * socket may hold half of what is free (a dynamic threshold, Choudhury and Hahne 1998): one alone is not held
 * back, two leave something to a third. What a closed socket still has to send goes first when memory is
 * short. */
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"
#include "stack/netd/netd.h"

#define OWN         4u /* pieces: frames, segments, or the heap's below */
#define RESERVE     (NETD_OBJECTS * OWN + 40u)
#define PIECE_BYTES 1600u /* of the heap, that a segment takes at most with what goes before it */
#define SHORT       4u /* less than one part in so many of heap or segments is free: they run short */

static uint32_t heap_free(void)
{
    return lwip_stats.mem.avail - lwip_stats.mem.used;
}

static uint32_t pool_free(memp_t pool)
{
    return lwip_stats.memp[pool]->avail - lwip_stats.memp[pool]->used;
}

static uint32_t may_hold(uint32_t pieces_free)
{
    return OWN + (pieces_free > RESERVE ? (pieces_free - RESERVE) / 2u : 0);
}

uint32_t netd_room_send(const struct tcp_pcb *pcb)
{
    const uint32_t heap = may_hold(heap_free() / PIECE_BYTES), segments = may_hold(pool_free(MEMP_TCP_SEG));
    const uint32_t most = heap < segments ? heap : segments, held = pcb->snd_queuelen;
    const uint32_t room = most > held ? (most - held) * pcb->mss : 0;

    return room < tcp_sndbuf(pcb) ? room : tcp_sndbuf(pcb);
}

bool netd_room_receive(uint32_t frames)
{
    return frames < may_hold(pool_free(MEMP_PBUF_POOL));
}

uint64_t netd_room_counter(const struct netd *n, enum net_counter which)
{
    switch (which) {
    case NET_COUNTER_USED_PCBS:
        return lwip_stats.memp[MEMP_TCP_PCB]->used;
    case NET_COUNTER_USED_SEGMENTS:
        return lwip_stats.memp[MEMP_TCP_SEG]->used;
    case NET_COUNTER_USED_FRAMES:
        return lwip_stats.memp[MEMP_PBUF_POOL]->used;
    case NET_COUNTER_USED_HEAP:
        return lwip_stats.mem.used;
    default:
        return n->counters[which];
    }
}

/* Nobody holds it, and it waits for a peer to take the rest. */
static bool lingers(const struct tcp_pcb *pcb)
{
    return pcb->errf == NULL && pcb->state > SYN_RCVD && (pcb->unsent != NULL || pcb->unacked != NULL);
}

void netd_room_step(struct netd *n)
{
    while (heap_free() < lwip_stats.mem.avail / SHORT || pool_free(MEMP_TCP_SEG) < MEMP_NUM_TCP_SEG / SHORT) {
        struct tcp_pcb *oldest = NULL;

        for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
            if (lingers(pcb) && (oldest == NULL || tcp_ticks - pcb->tmr >= tcp_ticks - oldest->tmr))
                oldest = pcb;
        }
        if (oldest == NULL)
            return;
        n->counters[NET_COUNTER_GAVE_WAY]++;
        tcp_abort(oldest);
    }
}
