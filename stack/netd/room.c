/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets how much of lwIP's memory. Frames that came, segments and the heap are one pool each for all
 * connections, far below what all of them together may ask for. Of each a socket may hold a quarter of what is
 * free: one alone is not held back, and however many hold all that they may, something stays free for the
 * next (the dynamic threshold of Choudhury and Hahne, 1998: with n of them 1/(1 + n/4) of the pool). */
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"
#include "stack/netd/netd.h"

#define SHARE        4u /* of what is free, one part in so many */
#define SEGMENT_HEAP 1600u /* bytes of the heap that a queued piece takes at most, with what goes before it */
#define SHORT        8u /* less than one part in so many is free: memory runs short */

static uint32_t heap_free(void)
{
    return lwip_stats.mem.avail - lwip_stats.mem.used;
}

static uint32_t pool_free(memp_t pool)
{
    return lwip_stats.memp[pool]->avail - lwip_stats.memp[pool]->used;
}

uint32_t netd_room_send(const struct tcp_pcb *pcb)
{
    const uint32_t pieces = pcb->snd_queuelen, held = pieces * SEGMENT_HEAP;
    const uint32_t heap = heap_free() / SHARE, segments = pool_free(MEMP_TCP_SEG) / SHARE;
    const uint32_t least = pieces == 0 ? TCP_MSS : 0; /* who has nothing may always try */
    uint32_t room = heap > held && segments > pieces ? heap - held : 0;

    room = room > least ? room : least;
    return room < tcp_sndbuf(pcb) ? room : tcp_sndbuf(pcb);
}

bool netd_room_receive(uint32_t frames)
{
    return frames == 0 || frames < pool_free(MEMP_PBUF_POOL) / SHARE;
}

/* When frames run short: what is next in order for a holder that reads, and nothing else. The rest is sent
 * again, and would only keep others waiting for a frame. */
bool netd_room_data(const struct tcp_pcb *pcb, uint32_t sequence)
{
    const struct netd_object *o = pcb->callback_arg;

    if (pcb->state < ESTABLISHED || o == NULL || pool_free(MEMP_PBUF_POOL) >= PBUF_POOL_SIZE / SHORT)
        return true;
    return sequence == pcb->rcv_nxt && o->tcp.rx_frames == 0 && pcb->refused_data == NULL;
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
