/* SPDX-License-Identifier: BSD-2-Clause */
/* TcpSocket: what lwIP's callbacks bring and what the holder's calls ask for meet in netd_tcp_progress. lwIP
 * owns a PCB from its error callback on; until then it is this object's, and its argument points here. */
#include "stack/netd/netd.h"

#include "abi/assert.h"

#define POLL_HALF_SECONDS 2u /* what failed for want of memory is tried again so often */
/* The first full segments of a connection are acknowledged one by one (RFC 5681, 4.2: at least every second):
 * a sender that begins with one would wait for lwIP's timer of 250 ms. */
#define ACKED_AT_ONCE 16u

static void drop_rx(struct netd_tcp *t)
{
    for (; t->rx_count > 0; t->rx_count--)
        pbuf_free(t->rx[t->rx_first++ % NETD_RX_PBUFS]);
    t->rx_at = 0;
    t->rx_frames = 0;
}

/* lwIP's window opens by what was read. */
static void opened(struct netd_tcp *t, uint32_t bytes)
{
    while (t->pcb != NULL && bytes > 0) {
        const u16_t part = bytes < 0xffffu ? (u16_t)bytes : 0xffffu;

        tcp_recved(t->pcb, part);
        bytes -= part;
    }
}

static uint32_t read_some(struct netd_object *o, uint8_t *to, uint32_t room)
{
    struct netd_tcp *t = &o->tcp;
    uint32_t done = 0;

    while (done < room && t->rx_count > 0) {
        struct pbuf *p = t->rx[t->rx_first % NETD_RX_PBUFS];
        const uint32_t left = p->tot_len - t->rx_at;
        const uint32_t part = left < room - done ? left : room - done;

        (void)pbuf_copy_partial(p, to + done, (u16_t)part, (u16_t)t->rx_at);
        done += part;
        t->rx_at += part;
        if (part < left)
            break;
        t->rx_at = 0;
        t->rx_first++;
        t->rx_count--;
        t->rx_frames -= pbuf_clen(p);
        pbuf_free(p);
    }
    return done;
}

static enum netd_end end_of(const struct netd_tcp *t)
{
    if (t->error != NET_OK)
        return NETD_END_ERROR;
    return t->peer_closed || t->pcb == NULL ? NETD_END_CLOSED : NETD_END_NONE;
}

static void progress_recv(struct netd_object *o)
{
    struct netd_tcp *t = &o->tcp;
    struct netd *n = o->netd;

    if (!t->recv.used) {
        if (t->rx_count > 0 || end_of(t) > t->end_told)
            netd_event_raise(o, NET_EVENT_READ);
        return;
    }
    if (t->rx_count > 0) {
        const uint32_t done = read_some(o, o->buffer->at + t->recv.offset, t->recv.length);

        n->counters[NET_COUNTER_BYTES_IN] += done;
        netd_witness_taken(o, o->buffer->at + t->recv.offset, done);
        netd_complete(n, &t->recv, NET_OK, done);
        opened(t, done);
        if (t->rx_count > 0 || end_of(t) > t->end_told) /* the call was short, or the last bytes are out */
            netd_event_raise(o, NET_EVENT_READ);
    } else if (end_of(t) != NETD_END_NONE) {
        t->end_told = (uint8_t)end_of(t);
        netd_complete(n, &t->recv, (enum net_error)t->error, 0);
    }
}

/* How many bytes lwIP took. It takes all of them or none: a peer whose window never was more than a few bytes
 * makes so many segments of a whole part that they never find room. */
static uint32_t write_some(struct tcp_pcb *pcb, const uint8_t *from, uint32_t left)
{
    const uint32_t room = netd_room_send(pcb);
    uint32_t part = left < room ? left : room;

    part = part < 0xffffu ? part : 0xffffu;
    while (part > 0 &&
           tcp_write(pcb, from, (u16_t)part,
                     (u8_t)(TCP_WRITE_FLAG_COPY | (part < left ? TCP_WRITE_FLAG_MORE : 0))) != ERR_OK)
        part /= 2u;
    return part;
}

/* Tells who waits for room that there is some: what it has still to send, or half of what is under way, so
 * that not every acknowledgement is told. `looked`: any. */
static void tell_room(struct netd_object *o, bool looked)
{
    const struct netd_tcp *t = &o->tcp;

    if ((t->awaited & NET_EVENT_WRITE) == 0)
        return;
    if (t->pcb != NULL) {
        const uint32_t room = netd_room_send(t->pcb), left = t->send.length - t->send.done;

        if (room == 0 || (!looked && room < left && room < (uint32_t)t->pcb->snd_queuelen * t->pcb->mss / 2u))
            return;
    }
    netd_event_raise(o, NET_EVENT_WRITE);
}

static void progress_send(struct netd_object *o)
{
    struct netd_tcp *t = &o->tcp;
    struct netd_wait *w = &t->send;
    bool wrote = false;

    if (!w->used) {
        tell_room(o, false);
        return;
    }
    if (t->pcb == NULL) {
        t->awaited &= (uint8_t)~NET_EVENT_WRITE;
        netd_complete(o->netd, w, t->error != NET_OK ? (enum net_error)t->error : NET_E_CLOSED, w->done);
        return;
    }
    while (w->done < w->length) {
        const uint32_t part = write_some(t->pcb, o->buffer->at + w->offset + w->done, w->length - w->done);

        if (part == 0)
            break; /* acknowledged bytes make room, or the poll tries again */
        netd_witness_given(o, o->buffer->at + w->offset + w->done, part);
        w->done += part;
        o->netd->counters[NET_COUNTER_BYTES_OUT] += part;
        wrote = true;
    }
    if (wrote)
        (void)tcp_output(t->pcb);
    if (w->done == w->length) {
        t->awaited &= (uint8_t)~NET_EVENT_WRITE;
        netd_complete(o->netd, w, NET_OK, w->length);
    }
}

void netd_tcp_progress(struct netd_object *o)
{
    progress_recv(o);
    progress_send(o);
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
    struct netd_object *o = arg;
    struct netd_tcp *t = &o->tcp;

    LWIP_UNUSED_ARG(error); /* lwIP never sets it */
    if (p == NULL) {
        t->peer_closed = true;
    } else {
        if (t->rx_count == NETD_RX_PBUFS || !netd_room_receive(t->rx_frames))
            return ERR_MEM; /* lwIP keeps it, and offers it again */
        t->rx[(t->rx_first + t->rx_count++) % NETD_RX_PBUFS] = p;
        t->rx_frames += pbuf_clen(p);
        if (t->acked_at_once < ACKED_AT_ONCE && p->tot_len >= tcp_mss(pcb)) {
            t->acked_at_once++;
            tcp_set_flags(pcb, TF_ACK_NOW);
        }
    }
    progress_recv(o);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t bytes)
{
    LWIP_UNUSED_ARG(pcb);
    netd_witness_acknowledged(arg, bytes);
    progress_send(arg);
    return ERR_OK;
}

static err_t on_poll(void *arg, struct tcp_pcb *pcb)
{
    struct netd_object *o = arg;

    LWIP_UNUSED_ARG(pcb);
    progress_send(o);
    if (!o->tcp.send.used)
        tell_room(o, true);
    return ERR_OK;
}

/* The PCB is gone. ERR_CLSD: both sides had said all; ERR_RST: the peer's reset; ERR_ABRT: no sign of life,
 * no memory, or another address. */
static void on_error(void *arg, err_t error)
{
    struct netd_object *o = arg;
    struct netd_tcp *t = &o->tcp;
    struct netd *n = o->netd;

    t->pcb = NULL;
    if (t->connect.used) {
        netd_complete(n, &t->connect, error == ERR_RST ? NET_E_REFUSED : NET_E_TIMEOUT, 0);
        netd_object_free(o);
        return;
    }
    if (error != ERR_CLSD) {
        t->error = NET_E_RESET;
        n->counters[NET_COUNTER_RESET]++;
        drop_rx(t); /* a stream that was cut is not read to an end that looks like its own */
    }
    if (t->listener != NULL) { /* nobody knows it yet */
        netd_listener_forget(t->listener, o);
        drop_rx(t);
        netd_object_free(o);
        return;
    }
    netd_tcp_progress(o);
}

void netd_tcp_adopt(struct netd_object *o, struct tcp_pcb *pcb)
{
    o->tcp.pcb = pcb;
    o->tcp.peer = pcb->remote_ip;
    o->tcp.peer_port = pcb->remote_port;
    o->tcp.port = pcb->local_port;
    ip_set_option(pcb, SOF_KEEPALIVE);
    tcp_arg(pcb, o);
    tcp_recv(pcb, on_recv);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    tcp_poll(pcb, on_poll, POLL_HALF_SECONDS);
}

/* From now on lwIP does without this object. */
static struct tcp_pcb *let_go(struct netd_tcp *t)
{
    struct tcp_pcb *pcb = t->pcb;

    t->pcb = NULL;
    if (pcb != NULL) {
        tcp_arg(pcb, NULL);
        tcp_recv(pcb, NULL);
        tcp_sent(pcb, NULL);
        tcp_err(pcb, NULL);
        tcp_poll(pcb, NULL, 0);
    }
    return pcb;
}

void netd_tcp_close(struct netd_object *o)
{
    struct netd_tcp *t = &o->tcp;
    struct tcp_pcb *pcb = let_go(t);

    netd_event_end(o);
    netd_complete(o->netd, &t->send, NET_E_INVALID_SOCKET, 0);
    netd_complete(o->netd, &t->recv, NET_E_INVALID_SOCKET, 0);
    if (pcb != NULL)
        tcp_setprio(pcb, TCP_PRIO_MIN); /* nobody holds it: the first to give way when all places are taken */
    if (t->rx_count > 0 && pcb != NULL) { /* RFC 2525 2.17: what was not read is answered by a reset */
        drop_rx(t);
        tcp_abort(pcb);
    } else if (pcb != NULL && tcp_close(pcb) != ERR_OK) {
        tcp_abort(pcb); /* no memory for the last segment */
    }
    drop_rx(t);
    netd_detach(o);
}

void netd_tcp_abort(struct netd_object *o)
{
    struct tcp_pcb *pcb = let_go(&o->tcp);

    drop_rx(&o->tcp);
    if (pcb != NULL)
        tcp_abort(pcb);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct netd_object *o = arg;
    const uint64_t token = o->tcp.connect.token;

    LWIP_UNUSED_ARG(error); /* always ERR_OK */
    netd_wait_end(o->netd, &o->tcp.connect);
    o->tcp.connected = true;
    netd_tcp_adopt(o, pcb);
    tcp_setprio(pcb, TCP_PRIO_MAX);
    if (netd_hand(o, token, CAP_IF_TCP_SOCKET, 0)) {
        o->netd->counters[NET_COUNTER_CONNECTED]++;
        return ERR_OK;
    }
    netd_tcp_abort(o);
    netd_object_free(o);
    return ERR_ABRT;
}

void netd_tcp_connect(struct netd *n, uint64_t token, const ip_addr_t *to, uint16_t port, uint32_t ms)
{
    enum net_error error = netd_usable(n);
    struct netd_object *o = NULL;

    if (error == NET_OK && (o = netd_object_new(n, NETD_TCP)) == NULL)
        error = NET_E_NO_MEMORY;
    if (error != NET_OK) {
        netd_answer(n, token, error, 0);
        return;
    }
    (void)netd_wait_begin(n, &o->tcp.connect, token, ms == 0 ? NETD_FOREVER : ms * 1000000ull);
    o->tcp.pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
    if (o->tcp.pcb != NULL) {
        netd_tcp_adopt(o, o->tcp.pcb);
        const err_t begun = tcp_connect(o->tcp.pcb, to, port, on_connected);

        if (begun == ERR_OK)
            return;
        error = begun == ERR_RTE ? NET_E_UNREACHABLE : NET_E_NO_MEMORY;
    } else {
        error = NET_E_NO_MEMORY;
        n->counters[NET_COUNTER_EXHAUSTED]++;
    }
    netd_complete(n, &o->tcp.connect, error, 0);
    netd_tcp_abort(o);
    netd_object_free(o);
}

static void transfer(struct netd_object *o, const struct ring_received *call, struct netd_wait *w)
{
    struct netd *n = o->netd;
    enum net_error error = netd_object_state(o);

    if (error == NET_OK && !netd_in_buffer(o, call->args[0], call->args[1]))
        error = NET_E_BUFFER;
    if (error == NET_OK && w == &o->tcp.send && o->tcp.shut)
        error = NET_E_CLOSED;
    if (error == NET_OK)
        error = netd_wait_begin(n, w, call->token, call->args[2]);
    if (error != NET_OK) {
        netd_answer(n, call->token, error, 0);
        return;
    }
    w->offset = (uint32_t)call->args[0];
    w->length = (uint32_t)call->args[1];
    netd_event_rearm(o, w == &o->tcp.send ? NET_EVENT_WRITE : NET_EVENT_READ);
    netd_tcp_progress(o);
    if (call->args[2] == 0) /* with what there is; a peer is waited for by who says so */
        netd_complete(n, w, w == &o->tcp.send ? NET_OK : NET_E_TIMEOUT, w->done);
}

static enum net_error shut_down(struct netd_object *o)
{
    struct netd_tcp *t = &o->tcp;
    const enum net_error error = netd_object_state(o);

    if (error != NET_OK)
        return error;
    if (t->send.used)
        return NET_E_BUSY;
    if (t->pcb != NULL && !t->shut && tcp_shutdown(t->pcb, 0, 1) != ERR_OK)
        return NET_E_NO_MEMORY;
    t->shut = true;
    return NET_OK;
}

static enum net_error peer_word(const struct netd_object *o, uint64_t which, uint64_t *value)
{
    const struct netd_tcp *t = &o->tcp;

    if (which > 3)
        return NET_E_VALUE;
    *value = which == 0   ? ip4_addr_get_u32(ip_2_ip4(&t->peer))
             : which == 1 ? 0
                          : NET_PEER(NET_FAMILY_IPV4, which == 2 ? t->peer_port : t->port, 0);
    return NET_OK;
}

void netd_tcp_call(struct netd_object *o, const struct ring_received *call)
{
    struct netd *n = o->netd;
    enum net_error error = NET_OK;
    uint64_t value = 0;

    switch ((enum socket_method)call->method) {
    case SOCKET_BUFFER:
        netd_attach(o, call, o->tcp.send.used || o->tcp.recv.used);
        return;
    case SOCKET_SEND:
        transfer(o, call, &o->tcp.send);
        return;
    case SOCKET_RECV:
        transfer(o, call, &o->tcp.recv);
        return;
    case SOCKET_SHUTDOWN:
        error = shut_down(o);
        break;
    case SOCKET_CLOSE:
        netd_witness_closed(o);
        netd_object_close(o);
        break;
    case SOCKET_PEER:
        error = peer_word(o, call->args[0], &value);
        break;
    default:
        n->counters[NET_COUNTER_REFUSED_CALLS]++;
        error = NET_E_VALUE;
    }
    netd_answer(n, call->token, error, error == NET_OK ? value : 0);
}
