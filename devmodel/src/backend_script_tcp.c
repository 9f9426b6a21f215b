/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's TCP (RFC 9293, what an echo server and a web server of one answer a connection need of it):
 * handshake, data in order, FIN, RST to other ports, sending again after a fixed time. Segments that are not
 * next in order are acknowledged and dropped: the guest sends them again. Nothing in a segment is trusted; no
 * connection outlives DM_TCP_CONNECTIONS newer ones. */
#include "backend_script.h"
#include "tcp_segment.h"

#include <string.h>

#define SEGMENT_BYTES_LEAST 64u
#define RETRY_NS            1000000000ull
#define RETRIES_MAX         8u
#define FIRST_SEQUENCE_STEP 0x00010000u

static bool put(struct dm_script *s, const struct dm_tcp *c, uint32_t sequence, uint8_t flags,
                const uint8_t *data, uint32_t data_bytes)
{
    const struct dm_segment_out out = {.ends = {c->mac, c->local, c->address},
                                       .source_port = c->ours,
                                       .port = c->port,
                                       .sequence = sequence,
                                       .acknowledged = c->receive_next,
                                       .window = DM_TCP_BUFFER_BYTES - c->held,
                                       .flags = flags,
                                       .data = data,
                                       .data_bytes = data_bytes};
    return dm_segment_put(&s->station, &out);
}

static struct dm_tcp *find(struct dm_script *s, const struct dm_packet *p, const struct dm_segment *in)
{
    for (uint32_t i = 0; i < DM_TCP_CONNECTIONS; i++) {
        struct dm_tcp *c = &s->connections[i];
        if (c->state != DM_TCP_FREE && c->port == in->source_port && c->ours == in->port &&
            memcmp(c->address, p->source, 4) == 0 && memcmp(c->local, p->destination, 4) == 0)
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
                              const struct dm_segment *in)
{
    uint16_t segment_bytes = in->segment_bytes;
    if (segment_bytes < SEGMENT_BYTES_LEAST)
        segment_bytes = SEGMENT_BYTES_LEAST;
    if (segment_bytes > dm_segment_most(&s->station))
        segment_bytes = (uint16_t)dm_segment_most(&s->station);
    memset(c, 0, offsetof(struct dm_tcp, buffer));
    c->state = DM_TCP_SYN_RECEIVED;
    memcpy(c->mac, p->source_mac, 6);
    memcpy(c->address, p->source, 4);
    memcpy(c->local, p->destination, 4);
    c->port = in->source_port;
    c->ours = in->port;
    c->request_bytes = 0;
    c->receive_next = in->sequence + 1u;
    c->send_first = ++s->connections_made * FIRST_SEQUENCE_STEP;
    c->send_next = c->send_first + 1u;
    c->send_highest = c->send_next;
    c->window = in->window;
    c->segment_bytes = segment_bytes;
    c->sent_ns = s->station.now_ns;
    c->used_ns = s->station.now_ns;
    put(s, c, c->send_first, DM_SYN | DM_ACK, NULL, 0);
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
        if (!put(s, c, c->send_next, DM_PSH | DM_ACK, c->buffer + sent, bytes))
            break;
        if (sent == 0)
            c->sent_ns = s->station.now_ns;
        sent += bytes;
        c->send_next += bytes;
    }
    if ((c->fin_received || c->answered) && sent == c->held &&
        put(s, c, c->send_next, DM_FIN | DM_ACK, NULL, 0)) {
        if (sent == 0)
            c->sent_ns = s->station.now_ns;
        c->fin_sent = true;
        c->send_next++;
    }
    if (c->send_next - c->send_first > c->send_highest - c->send_first)
        c->send_highest = c->send_next;
}

/* False: the connection is over. */
static bool take_acknowledgement(struct dm_script *s, struct dm_tcp *c, const struct dm_segment *in)
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
    c->sent_ns = s->station.now_ns;
    if (c->state == DM_TCP_SYN_RECEIVED) {
        c->state = DM_TCP_OPEN;
        gone--;
    }
    uint32_t data = gone < c->held ? gone : c->held;
    c->held -= data;
    memmove(c->buffer, c->buffer + data, c->held);
    return gone == data; /* one more: our FIN */
}

/* How many bytes of a segment that is next in order are taken: echoed, or a request's. */
static uint32_t take_bytes(struct dm_script *s, struct dm_tcp *c, const struct dm_segment *in)
{
    const uint32_t room = DM_TCP_BUFFER_BYTES - c->held;

    if (c->ours == DM_PORT_WEB) {
        if (!c->answered && in->data_bytes)
            c->answered = dm_web_take(s, c, in->data, in->data_bytes);
        return in->data_bytes;
    }
    const uint32_t bytes = in->data_bytes < room ? in->data_bytes : room;
    if (bytes)
        memcpy(c->buffer + c->held, in->data, bytes);
    c->held += bytes;
    return bytes;
}

/* Takes data and FIN that are next in order. True when something has to be acknowledged. */
static bool take_data(struct dm_script *s, struct dm_tcp *c, const struct dm_segment *in)
{
    if (in->data_bytes == 0 && (in->flags & DM_FIN) == 0)
        return false;
    if (in->sequence != c->receive_next || c->fin_received)
        return true;
    const uint32_t bytes = take_bytes(s, c, in);
    c->receive_next += bytes;
    if ((in->flags & DM_FIN) && bytes == in->data_bytes) {
        c->fin_received = true;
        c->receive_next++;
    }
    return true;
}

static void serve(struct dm_script *s, struct dm_tcp *c, const struct dm_segment *in)
{
    c->used_ns = s->station.now_ns;
    if (in->flags & DM_RST) {
        if (in->sequence == c->receive_next)
            c->state = DM_TCP_FREE;
        return;
    }
    if (in->flags & DM_SYN) { /* ours was lost: the same again */
        put(s, c, c->send_first, DM_SYN | DM_ACK, NULL, 0);
        return;
    }
    if ((in->flags & DM_ACK) == 0)
        return;
    if (!take_acknowledgement(s, c, in))
        c->fin_acknowledged = true;
    if (c->state != DM_TCP_OPEN)
        return;
    bool answer = take_data(s, c, in);
    uint32_t before = c->send_next;
    if (!c->fin_sent)
        send_held(s, c);
    if (answer && c->send_next == before)
        put(s, c, c->send_next, DM_ACK, NULL, 0);
    if (c->fin_acknowledged && c->fin_received) /* both sides have ended */
        c->state = DM_TCP_FREE;
}

static bool serves(const struct dm_script *s, const struct dm_packet *p, uint16_t port)
{
    return port == DM_PORT_ECHO ||
           (port == DM_PORT_WEB && s->page_count && memcmp(p->destination, s->also, 4) == 0);
}

void dm_tcp_receive(struct dm_script *s, const struct dm_packet *packet)
{
    struct dm_segment in;
    if (!dm_segment_parse(packet, &in))
        return;
    struct dm_tcp *c = find(s, packet, &in);
    bool opens = (in.flags & (DM_SYN | DM_ACK | DM_RST)) == DM_SYN;
    bool repeated = c && c->state == DM_TCP_SYN_RECEIVED && in.sequence + 1u == c->receive_next;
    if (opens && serves(s, packet, in.port) && !repeated)
        accept_connection(s, c ? c : place(s), packet, &in);
    else if (c)
        serve(s, c, &in);
    else
        dm_segment_refuse(&s->station, packet, &in);
}

static void send_again(struct dm_script *s, struct dm_tcp *c)
{
    if (++c->retries > RETRIES_MAX) {
        c->state = DM_TCP_FREE;
        return;
    }
    c->sent_ns = s->station.now_ns;
    if (c->state == DM_TCP_SYN_RECEIVED) {
        put(s, c, c->send_first, DM_SYN | DM_ACK, NULL, 0);
        return;
    }
    c->send_next = c->send_first;
    c->fin_sent = false;
    if (c->window == 0)
        c->window = 1; /* a probe: the guest's answer tells its window */
    send_held(s, c);
}

static bool waiting(const struct dm_tcp *c)
{
    return c->state != DM_TCP_FREE && (c->send_highest != c->send_first || c->held != 0);
}

void dm_tcp_tick(struct dm_script *s)
{
    for (uint32_t i = 0; i < DM_TCP_CONNECTIONS; i++) {
        struct dm_tcp *c = &s->connections[i];
        if (waiting(c) && s->station.now_ns - c->sent_ns >= RETRY_NS)
            send_again(s, c);
    }
}

uint64_t dm_tcp_due(const struct dm_script *s)
{
    uint64_t due = DM_NEVER;
    for (uint32_t i = 0; i < DM_TCP_CONNECTIONS; i++)
        if (waiting(&s->connections[i]) && s->connections[i].sent_ns + RETRY_NS < due)
            due = s->connections[i].sent_ns + RETRY_NS;
    return due;
}
