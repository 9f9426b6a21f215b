/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's TCP (RFC 9293, what an echo server needs of it): handshake, data back in order, FIN, RST to
 * other ports, sending again after a fixed time. Segments that are not next in order are acknowledged and
 * dropped: the guest sends them again. Nothing in a segment is trusted; no connection outlives
 * DM_TCP_CONNECTIONS newer ones. */
#include "backend_script.h"

#include <string.h>

#define TCP_BYTES             20u
#define PORT_ECHO             7u
#define FIN                   0x01u
#define SYN                   0x02u
#define RST                   0x04u
#define PSH                   0x08u
#define ACK                   0x10u
#define OPTION_SEGMENT        2u
#define SEGMENT_BYTES_MAX     1460u
#define SEGMENT_BYTES_DEFAULT 536u
#define SEGMENT_BYTES_LEAST   64u
#define RETRY_NS              1000000000ull
#define RETRIES_MAX           8u
#define FIRST_SEQUENCE_STEP   0x00010000u

/* A segment whose header was checked. */
struct segment {
    uint16_t source_port, port;
    uint32_t sequence, acknowledged;
    uint8_t flags;
    uint32_t window;
    uint16_t segment_bytes; /* the option's value */
    const uint8_t *data;
    uint32_t data_bytes;
};

struct to_send {
    const uint8_t *mac, *address;
    uint16_t source_port, port;
    uint32_t sequence, acknowledged, window;
    uint8_t flags;
    const uint8_t *data;
    uint32_t data_bytes;
};

static bool put_segment(struct dm_script *s, const struct to_send *out)
{
    uint32_t option_bytes = out->flags & SYN ? 4u : 0u;
    uint32_t bytes = TCP_BYTES + option_bytes + out->data_bytes;
    struct dm_reply reply = dm_script_packet(s, out->mac, out->address, DM_PROTOCOL_TCP, bytes);
    if (!reply.frame)
        return false;
    uint8_t *t = reply.payload;
    dm_put_be16(t, out->source_port);
    dm_put_be16(t + 2, out->port);
    dm_put_be32(t + 4, out->sequence);
    dm_put_be32(t + 8, out->acknowledged);
    t[12] = (uint8_t)((TCP_BYTES + option_bytes) / 4u << 4);
    t[13] = out->flags;
    dm_put_be16(t + 14, out->window);
    if (option_bytes) {
        t[20] = OPTION_SEGMENT;
        t[21] = 4;
        dm_put_be16(t + 22, SEGMENT_BYTES_MAX);
    }
    if (out->data_bytes)
        memcpy(t + TCP_BYTES + option_bytes, out->data, out->data_bytes);
    uint32_t pseudo = dm_pseudo_sum(s->config.address, out->address, DM_PROTOCOL_TCP, bytes);
    dm_put_be16(t + 16, dm_checksum(pseudo, t, bytes));
    dm_script_send(s, &reply);
    return true;
}

static bool put(struct dm_script *s, const struct dm_tcp *c, uint32_t sequence, uint8_t flags,
                const uint8_t *data, uint32_t data_bytes)
{
    const struct to_send out = {
        c->mac, c->address, PORT_ECHO, c->port, sequence, c->receive_next, DM_TCP_BUFFER_BYTES - c->held,
        flags,  data,       data_bytes};
    return put_segment(s, &out);
}

/* RFC 9293, 3.10.7.1: no connection. A reset is never answered. */
static void refuse(struct dm_script *s, const struct dm_packet *p, const struct segment *in)
{
    if (in->flags & RST)
        return;
    struct to_send out = {.mac = p->source_mac,
                          .address = p->source,
                          .source_port = in->port,
                          .port = in->source_port,
                          .flags = RST};
    if (in->flags & ACK) {
        out.sequence = in->acknowledged;
    } else {
        uint32_t control = (in->flags & SYN ? 1u : 0u) + (in->flags & FIN ? 1u : 0u);
        out.acknowledged = in->sequence + in->data_bytes + control;
        out.flags = RST | ACK;
    }
    put_segment(s, &out);
}

static uint16_t segment_option(const uint8_t *at, uint32_t bytes)
{
    uint32_t i = 0;
    while (i < bytes && at[i] != 0) {
        if (at[i] == 1) {
            i++;
            continue;
        }
        if (bytes - i < 2u || at[i + 1u] < 2u || at[i + 1u] > bytes - i)
            break;
        if (at[i] == OPTION_SEGMENT && at[i + 1u] == 4u)
            return dm_get_be16(at + i + 2u);
        i += at[i + 1u];
    }
    return SEGMENT_BYTES_DEFAULT;
}

static bool parse(const struct dm_packet *p, struct segment *in)
{
    const uint8_t *t = p->payload;
    if (p->payload_bytes < TCP_BYTES)
        return false;
    uint32_t header = 4u * (t[12] >> 4);
    uint32_t pseudo = dm_pseudo_sum(p->source, p->destination, DM_PROTOCOL_TCP, p->payload_bytes);
    if (header < TCP_BYTES || header > p->payload_bytes || dm_checksum(pseudo, t, p->payload_bytes) != 0)
        return false;
    in->source_port = dm_get_be16(t);
    in->port = dm_get_be16(t + 2);
    in->sequence = dm_get_be32(t + 4);
    in->acknowledged = dm_get_be32(t + 8);
    in->flags = t[13];
    in->window = dm_get_be16(t + 14);
    in->segment_bytes = segment_option(t + TCP_BYTES, header - TCP_BYTES);
    in->data = t + header;
    in->data_bytes = p->payload_bytes - header;
    return true;
}

static struct dm_tcp *find(struct dm_script *s, const struct dm_packet *p, uint16_t port)
{
    for (uint32_t i = 0; i < DM_TCP_CONNECTIONS; i++) {
        struct dm_tcp *c = &s->connections[i];
        if (c->state != DM_TCP_FREE && c->port == port && memcmp(c->address, p->source, 4) == 0)
            return c;
    }
    return NULL;
}

/* A free place, or the one that was quiet for longest: a guest that died without a word must not use the peer
 * up. */
static struct dm_tcp *place(struct dm_script *s)
{
    struct dm_tcp *best = &s->connections[0];
    for (uint32_t i = 0; i < DM_TCP_CONNECTIONS; i++) {
        struct dm_tcp *c = &s->connections[i];
        if (c->state == DM_TCP_FREE)
            return c;
        if (c->used_ns < best->used_ns)
            best = c;
    }
    return best;
}

static void accept_connection(struct dm_script *s, struct dm_tcp *c, const struct dm_packet *p,
                              const struct segment *in)
{
    uint16_t segment_bytes = in->segment_bytes;
    if (segment_bytes < SEGMENT_BYTES_LEAST)
        segment_bytes = SEGMENT_BYTES_LEAST;
    if (segment_bytes > SEGMENT_BYTES_MAX)
        segment_bytes = SEGMENT_BYTES_MAX;
    memset(c, 0, offsetof(struct dm_tcp, buffer));
    c->state = DM_TCP_SYN_RECEIVED;
    memcpy(c->mac, p->source_mac, 6);
    memcpy(c->address, p->source, 4);
    c->port = in->source_port;
    c->receive_next = in->sequence + 1u;
    c->send_first = ++s->connections_made * FIRST_SEQUENCE_STEP;
    c->send_next = c->send_first + 1u;
    c->send_highest = c->send_next;
    c->window = in->window;
    c->segment_bytes = segment_bytes;
    c->sent_ns = s->now_ns;
    c->used_ns = s->now_ns;
    put(s, c, c->send_first, SYN | ACK, NULL, 0);
}

/* Sends what the guest's window takes, then the FIN when everything before it has gone. */
static void send_held(struct dm_script *s, struct dm_tcp *c)
{
    if (c->state != DM_TCP_OPEN)
        return;
    uint32_t sent = c->send_next - c->send_first;
    while (sent < c->held && sent < c->window) {
        uint32_t bytes = c->held - sent;
        if (bytes > c->window - sent)
            bytes = c->window - sent;
        if (bytes > c->segment_bytes)
            bytes = c->segment_bytes;
        if (!put(s, c, c->send_next, PSH | ACK, c->buffer + sent, bytes))
            break;
        if (sent == 0)
            c->sent_ns = s->now_ns;
        sent += bytes;
        c->send_next += bytes;
    }
    if (c->fin_received && sent == c->held && put(s, c, c->send_next, FIN | ACK, NULL, 0)) {
        if (sent == 0)
            c->sent_ns = s->now_ns;
        c->fin_sent = true;
        c->send_next++;
    }
    if (c->send_next - c->send_first > c->send_highest - c->send_first)
        c->send_highest = c->send_next;
}

/* False: the connection is over. */
static bool take_acknowledgement(struct dm_script *s, struct dm_tcp *c, const struct segment *in)
{
    uint32_t gone = in->acknowledged - c->send_first;
    if (gone > c->send_highest - c->send_first)
        return true; /* of something never sent */
    c->window = in->window;
    if (gone == 0)
        return true;
    if (in->acknowledged - c->send_first > c->send_next - c->send_first)
        c->send_next = in->acknowledged;
    c->send_first = in->acknowledged;
    c->retries = 0;
    c->sent_ns = s->now_ns;
    if (c->state == DM_TCP_SYN_RECEIVED) {
        c->state = DM_TCP_OPEN;
        gone--;
    }
    uint32_t data = gone < c->held ? gone : c->held;
    c->held -= data;
    memmove(c->buffer, c->buffer + data, c->held);
    return gone == data; /* one more: our FIN */
}

/* Takes data and FIN that are next in order. True when something has to be acknowledged. */
static bool take_data(struct dm_tcp *c, const struct segment *in)
{
    if (in->data_bytes == 0 && (in->flags & FIN) == 0)
        return false;
    if (in->sequence != c->receive_next || c->fin_received)
        return true;
    uint32_t room = DM_TCP_BUFFER_BYTES - c->held;
    uint32_t bytes = in->data_bytes < room ? in->data_bytes : room;
    if (bytes)
        memcpy(c->buffer + c->held, in->data, bytes);
    c->held += bytes;
    c->receive_next += bytes;
    if ((in->flags & FIN) && bytes == in->data_bytes) {
        c->fin_received = true;
        c->receive_next++;
    }
    return true;
}

static void serve(struct dm_script *s, struct dm_tcp *c, const struct segment *in)
{
    c->used_ns = s->now_ns;
    if (in->flags & RST) {
        if (in->sequence == c->receive_next)
            c->state = DM_TCP_FREE;
        return;
    }
    if (in->flags & SYN) { /* ours was lost: the same again */
        put(s, c, c->send_first, SYN | ACK, NULL, 0);
        return;
    }
    if ((in->flags & ACK) == 0)
        return;
    if (!take_acknowledgement(s, c, in)) {
        c->state = DM_TCP_FREE;
        return;
    }
    if (c->state != DM_TCP_OPEN)
        return;
    bool answer = take_data(c, in);
    uint32_t before = c->send_next;
    if (!c->fin_sent)
        send_held(s, c);
    if (answer && c->send_next == before)
        put(s, c, c->send_next, ACK, NULL, 0);
}

void dm_tcp_receive(struct dm_script *s, const struct dm_packet *packet)
{
    struct segment in;
    if (!parse(packet, &in))
        return;
    struct dm_tcp *c = in.port == PORT_ECHO ? find(s, packet, in.source_port) : NULL;
    bool opens = (in.flags & (SYN | ACK | RST)) == SYN;
    bool repeated = c && c->state == DM_TCP_SYN_RECEIVED && in.sequence + 1u == c->receive_next;
    if (opens && in.port == PORT_ECHO && !repeated)
        accept_connection(s, c ? c : place(s), packet, &in);
    else if (c)
        serve(s, c, &in);
    else
        refuse(s, packet, &in);
}

static void send_again(struct dm_script *s, struct dm_tcp *c)
{
    if (++c->retries > RETRIES_MAX) {
        c->state = DM_TCP_FREE;
        return;
    }
    c->sent_ns = s->now_ns;
    if (c->state == DM_TCP_SYN_RECEIVED) {
        put(s, c, c->send_first, SYN | ACK, NULL, 0);
        return;
    }
    c->send_next = c->send_first;
    c->fin_sent = false;
    if (c->window == 0)
        c->window = 1; /* a probe: the guest's answer tells its window */
    send_held(s, c);
}

void dm_tcp_tick(struct dm_script *s)
{
    for (uint32_t i = 0; i < DM_TCP_CONNECTIONS; i++) {
        struct dm_tcp *c = &s->connections[i];
        bool waiting = c->state != DM_TCP_FREE && (c->send_highest != c->send_first || c->held != 0);
        if (waiting && s->now_ns - c->sent_ns >= RETRY_NS)
            send_again(s, c);
    }
}
