/* SPDX-License-Identifier: BSD-2-Clause */
/* UdpSocket: datagrams that nobody has read wait in a bounded queue, the newest are dropped. */
#include "stack/netd/netd.h"

#include "abi/assert.h"
#include "abi/memory.h"

static void progress(struct netd_object *o)
{
    struct netd_udp *u = &o->udp;
    struct netd_datagram *first;
    struct net_datagram header = {.family = NET_FAMILY_IPV4};
    uint32_t room, bytes;

    if (!u->recv.used || u->rx_count == 0)
        return;
    first = &u->rx[u->rx_first++ % NETD_DATAGRAMS];
    u->rx_count--;
    room = u->recv.length - (uint32_t)sizeof header;
    bytes = first->p->tot_len < room ? first->p->tot_len : room;
    memcpy(header.address.bytes, &ip_2_ip4(&first->from)->addr, 4);
    header.port = first->port;
    header.length = bytes;
    memcpy(o->buffer->at + u->recv.offset, &header, sizeof header);
    (void)pbuf_copy_partial(first->p, o->buffer->at + u->recv.offset + sizeof header, (u16_t)bytes, 0);
    pbuf_free(first->p);
    netd_complete(o->netd, &u->recv, NET_OK, bytes);
}

static void on_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port)
{
    struct netd_object *o = arg;
    struct netd_udp *u = &o->udp;
    uint32_t frames = 0;

    LWIP_UNUSED_ARG(pcb);
    for (uint32_t i = 0; i < u->rx_count; i++)
        frames += pbuf_clen(u->rx[(u->rx_first + i) % NETD_DATAGRAMS].p);
    if (u->rx_count == NETD_DATAGRAMS || !netd_room_receive(frames)) {
        o->netd->counters[NET_COUNTER_DROPPED]++;
        pbuf_free(p);
        return;
    }
    u->rx[(u->rx_first + u->rx_count++) % NETD_DATAGRAMS] = (struct netd_datagram){p, *from, port};
    progress(o);
}

void netd_udp_open(struct netd *n, const struct ring_received *call)
{
    enum net_error error = n->nic.state != NIC_UP ? NET_E_DEVICE_UNAVAILABLE : NET_OK;
    struct netd_object *o = NULL;

    if (error == NET_OK && call->args[0] > 0xffffu)
        error = NET_E_VALUE;
    if (error == NET_OK && (o = netd_object_new(n, NETD_UDP)) == NULL)
        error = NET_E_NO_MEMORY;
    if (error == NET_OK && (o->udp.pcb = udp_new_ip_type(IPADDR_TYPE_V4)) == NULL)
        error = NET_E_NO_MEMORY;
    if (error == NET_OK && udp_bind(o->udp.pcb, IP4_ADDR_ANY, (u16_t)call->args[0]) != ERR_OK)
        error = NET_E_IN_USE;
    if (error == NET_OK) {
        udp_recv(o->udp.pcb, on_datagram, o);
        if (netd_hand(o, call->token, CAP_IF_UDP_SOCKET, o->udp.pcb->local_port))
            return;
    } else {
        netd_answer(n, call->token, error, 0);
    }
    if (o != NULL) {
        netd_udp_close(o);
        netd_object_free(o);
    }
}

void netd_udp_close(struct netd_object *o)
{
    struct netd_udp *u = &o->udp;

    netd_complete(o->netd, &u->recv, NET_E_INVALID_SOCKET, 0);
    for (; u->rx_count > 0; u->rx_count--)
        pbuf_free(u->rx[u->rx_first++ % NETD_DATAGRAMS].p);
    if (u->pcb != NULL)
        udp_remove(u->pcb);
    u->pcb = NULL;
    netd_detach(o);
}

static enum net_error send(struct netd_object *o, uint64_t offset)
{
    enum net_error error = netd_usable(o->netd);
    struct net_datagram header;
    struct pbuf *p;
    ip_addr_t to;
    err_t sent;

    if (error != NET_OK)
        return error;
    if (!netd_in_buffer(o, offset, sizeof header))
        return NET_E_BUFFER;
    memcpy(&header, o->buffer->at + offset, sizeof header); /* once: the holder may write it meanwhile */
    if (header.length > 0 && !netd_in_buffer(o, offset + sizeof header, header.length))
        return NET_E_BUFFER;
    if (header.family != NET_FAMILY_IPV4 || header.port == 0 || header.length > 0xffffu - 28u)
        return NET_E_VALUE;
    p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)header.length, PBUF_RAM);
    if (p == NULL)
        return NET_E_NO_MEMORY;
    pbuf_take(p, o->buffer->at + offset + sizeof header, (u16_t)header.length);
    memset(&to, 0, sizeof to);
    memcpy(&ip_2_ip4(&to)->addr, header.address.bytes, 4);
    sent = udp_sendto(o->udp.pcb, p, &to, header.port);
    pbuf_free(p);
    return sent == ERR_OK ? NET_OK : sent == ERR_RTE ? NET_E_UNREACHABLE : NET_E_NO_MEMORY;
}

static void receive(struct netd_object *o, const struct ring_received *call)
{
    enum net_error error = NET_OK;

    if (!netd_in_buffer(o, call->args[0], call->args[1]) || call->args[1] < sizeof(struct net_datagram))
        error = NET_E_BUFFER;
    if (error == NET_OK)
        error = netd_wait_begin(o->netd, &o->udp.recv, call->token, call->args[2]);
    if (error != NET_OK) {
        netd_answer(o->netd, call->token, error, 0);
        return;
    }
    o->udp.recv.offset = (uint32_t)call->args[0];
    o->udp.recv.length = (uint32_t)call->args[1];
    progress(o);
}

void netd_udp_call(struct netd_object *o, const struct ring_received *call)
{
    struct netd *n = o->netd;
    enum net_error error = netd_object_state(o);

    if (call->method == UDP_BUFFER) {
        netd_attach(o, call, o->udp.recv.used);
        return;
    }
    if (call->method == UDP_CLOSE) {
        netd_object_close(o);
        error = NET_OK;
    } else if (call->method == UDP_SEND) {
        error = error == NET_OK ? send(o, call->args[0]) : error;
    } else if (call->method == UDP_RECV && error == NET_OK) {
        receive(o, call);
        return;
    } else if (call->method != UDP_RECV) {
        n->counters[NET_COUNTER_REFUSED_CALLS]++;
        error = NET_E_VALUE;
    }
    netd_answer(n, call->token, error, 0);
}
