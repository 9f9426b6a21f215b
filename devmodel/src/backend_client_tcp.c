/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted client's TCP: one connection from SYN to its end. Data is made again when it is sent again, so
 * nothing is kept but counts. Segments are the guest's: nothing in them is trusted beyond the window that was
 * given. */
#include "backend_client.h"

#include <string.h>

#define SEGMENT_BYTES_LEAST 64u
#define DOUBLINGS_MAX       5u
#define REPEATED_ACKS       3u
#define OLD                 100000u /* so far behind or beyond a stray's number is */

static bool live(const struct dm_caller *a)
{
    return a->report.state == DM_CLIENT_OPENING || a->report.state == DM_CLIENT_OPEN ||
           a->report.state == DM_CLIENT_CLOSING;
}

static void end(struct dm_client *c, struct dm_caller *a, enum dm_client_state state)
{
    a->report.state = state;
    a->report.ended_ns = c->station.now_ns;
}

/* What it takes: nothing once it has read what it wants to read. */
static uint32_t window_of(const struct dm_caller *a)
{
    if (a->plan.reads_bytes == 0)
        return a->plan.window;
    uint64_t left = a->plan.reads_bytes > a->report.received ? a->plan.reads_bytes - a->report.received : 0;
    return left < a->plan.window ? (uint32_t)left : a->plan.window;
}

static struct dm_segment_out segment(const struct dm_client *c, const struct dm_caller *a, uint8_t flags)
{
    return (struct dm_segment_out){.ends = {c->guest.mac, c->station.address, c->config.guest},
                                   .source_port = (uint16_t)(DM_CLIENT_PORT + (uint32_t)(a - c->callers)),
                                   .port = a->plan.port,
                                   .sequence = a->first + 1u + (uint32_t)a->sent + (a->fin_sent ? 1u : 0u),
                                   .acknowledged = flags & DM_ACK ? a->receive_next : 0,
                                   .window = window_of(a),
                                   .flags = flags};
}

static void put_empty(struct dm_client *c, struct dm_caller *a, uint8_t flags)
{
    const struct dm_segment_out out = segment(c, a, flags);
    dm_segment_put(&c->station, &out);
}

static void put_syn(struct dm_client *c, struct dm_caller *a)
{
    struct dm_segment_out out = segment(c, a, DM_SYN);
    out.sequence = a->first;
    dm_segment_put(&c->station, &out);
    a->sent_ns = c->station.now_ns;
}

static void put_stray(struct dm_client *c, struct dm_caller *a)
{
    struct dm_segment_out out = segment(c, a, DM_ACK);
    static const uint8_t noise[8] = {0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef};
    uint32_t inside = a->window > 1u ? a->window / 2u : 0;
    switch (a->plan.stray) {
    case DM_STRAY_NONE:
        return;
    case DM_STRAY_RST_BEYOND:
        out.flags = DM_RST;
        out.sequence += a->window + OLD;
        break;
    case DM_STRAY_RST_BEFORE:
        out.flags = DM_RST;
        out.sequence -= OLD;
        break;
    case DM_STRAY_RST_INSIDE:
        out.flags = DM_RST;
        out.sequence += inside;
        break;
    case DM_STRAY_SYN_INSIDE:
        out.flags = DM_SYN;
        out.sequence += inside;
        break;
    case DM_STRAY_ACK_BEYOND:
        out.acknowledged += OLD;
        break;
    case DM_STRAY_DATA_BEYOND:
        out.sequence += a->window + OLD;
        out.data = noise;
        out.data_bytes = sizeof noise;
        break;
    }
    bool at_start =
        inside == 0 && (a->plan.stray == DM_STRAY_RST_INSIDE || a->plan.stray == DM_STRAY_SYN_INSIDE);
    if (!at_start &&
        dm_segment_put(&c->station, &out)) /* at the window's start a reset would be a right one */
        a->report.strays++;
}

static bool put_data(struct dm_client *c, struct dm_caller *a, uint32_t bytes)
{
    struct dm_segment_out out = segment(c, a, DM_PSH | DM_ACK);
    uint32_t number = (uint32_t)(a - c->callers);
    uint8_t *data;
    out.data_bytes = bytes;
    struct dm_reply reply = dm_segment_begin(&c->station, &out, &data);
    if (!reply.frame)
        return false;
    if (c->config.fill)
        c->config.fill(c->config.ctx, number, a->sent, data, bytes);
    else
        dm_client_pattern(a->plan.seed, a->sent, data, bytes);
    dm_segment_end(&c->station, &out, &reply);
    if (a->sent < a->sent_most)
        a->report.segments_again++;
    a->sent += bytes;
    if (a->sent > a->sent_most)
        a->sent_most = a->sent;
    a->answer = false;
    return true;
}

/* All sent and, but for a half close, all received: the moment of its FIN. */
static bool may_close(const struct dm_caller *a)
{
    bool sent = a->sent == a->plan.send_bytes;
    bool all = a->report.acknowledged == a->plan.send_bytes && a->report.received >= a->plan.receive_bytes;
    switch (a->plan.manner) {
    case DM_CLIENT_HALF_CLOSE:
        return sent;
    case DM_CLIENT_WAITS:
        return sent && a->report.guest_closed;
    case DM_CLIENT_NEVER_CLOSES:
    case DM_CLIENT_FALLS_SILENT:
        return false;
    case DM_CLIENT_POLITE:
    case DM_CLIENT_IGNORES_FIN:
    case DM_CLIENT_RESETS:
        break;
    }
    return all || (sent && a->report.guest_closed);
}

static void close_own(struct dm_client *c, struct dm_caller *a)
{
    if (a->plan.manner == DM_CLIENT_RESETS) {
        put_empty(c, a, DM_RST | DM_ACK);
        end(c, a, DM_CLIENT_RESET_ITSELF);
        return;
    }
    put_empty(c, a, DM_FIN | DM_ACK);
    a->answer = false;
    a->fin_sent = true;
    a->fin_once = true;
    a->sent_ns = c->station.now_ns;
    a->report.state = DM_CLIENT_CLOSING;
}

/* Sends what both windows allow, the FIN when it is its time, else an acknowledgement that is owed. */
static void push(struct dm_client *c, struct dm_caller *a)
{
    uint64_t window = a->window < c->config.in_flight_bytes ? a->window : c->config.in_flight_bytes;
    if (a->report.state != DM_CLIENT_OPEN && a->report.state != DM_CLIENT_CLOSING)
        return;
    if (a->plan.manner == DM_CLIENT_FALLS_SILENT)
        return;
    while (a->sent < a->plan.send_bytes && a->sent - a->report.acknowledged < window) {
        uint64_t bytes = a->plan.send_bytes - a->sent;
        uint64_t room = window - (a->sent - a->report.acknowledged);
        bytes = bytes < room ? bytes : room;
        bytes = bytes < a->segment_bytes ? bytes : a->segment_bytes;
        if (a->sent == a->report.acknowledged)
            a->sent_ns = c->station.now_ns;
        if (a->plan.stray != DM_STRAY_NONE)
            put_stray(c, a);
        if (!put_data(c, a, (uint32_t)bytes))
            return;
    }
    if (!a->fin_sent && may_close(a))
        close_own(c, a);
    if (a->answer && live(a))
        put_empty(c, a, DM_ACK);
    a->answer = false;
}

static void opened(struct dm_client *c, struct dm_caller *a, const struct dm_segment *in)
{
    uint32_t most = dm_segment_most(&c->station);
    a->segment_bytes = in->segment_bytes < SEGMENT_BYTES_LEAST ? SEGMENT_BYTES_LEAST : in->segment_bytes;
    if (a->segment_bytes > most)
        a->segment_bytes = (uint16_t)most;
    a->receive_next = in->sequence + 1u;
    a->window = in->window;
    a->doublings = 0;
    a->answer = true;
    a->report.state = DM_CLIENT_OPEN;
    a->report.opened_ns = c->station.now_ns;
    if (a->plan.manner == DM_CLIENT_FALLS_SILENT)
        put_empty(c, a, DM_ACK);
    else
        push(c, a);
}

static void receive_opening(struct dm_client *c, struct dm_caller *a, const struct dm_segment *in)
{
    bool acknowledges = (in->flags & DM_ACK) != 0 && in->acknowledged == a->first + 1u;
    if ((in->flags & DM_RST) != 0 && acknowledges)
        end(c, a, DM_CLIENT_REFUSED);
    else if ((in->flags & (DM_SYN | DM_RST)) == DM_SYN && acknowledges)
        opened(c, a, in);
}

static void take_acknowledgement(struct dm_client *c, struct dm_caller *a, const struct dm_segment *in)
{
    uint32_t gone = in->acknowledged - (a->first + 1u + (uint32_t)a->report.acknowledged);
    uint64_t out = a->sent_most - a->report.acknowledged;
    bool fin = a->fin_once && a->sent_most == a->plan.send_bytes && gone == out + 1u;
    if (gone > out && !fin)
        return; /* old, or of something never sent */
    bool repeated = gone == 0 && out != 0 && in->data_bytes == 0 && in->window == a->window;
    a->window = in->window;
    if (repeated) {
        if (++a->repeated_acks == REPEATED_ACKS) {
            a->sent = a->report.acknowledged;
            a->fin_sent = a->fin_acknowledged;
        }
        return;
    }
    if (gone == 0)
        return;
    a->report.acknowledged += fin ? out : gone;
    if (a->sent < a->report.acknowledged)
        a->sent = a->report.acknowledged;
    if (fin) {
        a->fin_sent = true;
        a->fin_acknowledged = true;
    }
    a->repeated_acks = 0;
    a->doublings = 0;
    a->sent_ns = c->station.now_ns;
}

static bool judged_right(struct dm_client *c, const struct dm_caller *a, const uint8_t *data, uint32_t bytes)
{
    uint8_t expected[256];
    uint64_t at = a->report.received;
    uint32_t number = (uint32_t)(a - c->callers);
    if (at + bytes > a->plan.receive_bytes)
        return false;
    if (c->config.judge)
        return c->config.judge(c->config.ctx, number, at, data, bytes);
    for (uint32_t done = 0; done < bytes;) {
        uint32_t part = bytes - done < sizeof expected ? bytes - done : (uint32_t)sizeof expected;
        if (c->config.fill)
            c->config.fill(c->config.ctx, number, at + done, expected, part);
        else
            dm_client_pattern(a->plan.seed, at + done, expected, part);
        if (memcmp(expected, data + done, part) != 0)
            return false;
        done += part;
    }
    return true;
}

/* What is next in order, within the window; the rest comes again. False: it was judged wrong. */
static bool take_data(struct dm_client *c, struct dm_caller *a, const struct dm_segment *in)
{
    bool fin = (in->flags & DM_FIN) != 0;
    if (in->data_bytes == 0 && !fin)
        return true;
    a->answer = true;
    uint32_t known = a->receive_next - in->sequence; /* bytes at its start that came before */
    if (known > in->data_bytes || a->report.guest_closed) {
        a->report.segments_unordered++;
        return true;
    }
    uint32_t bytes = in->data_bytes - known, room = window_of(a);
    bool whole = bytes <= room;
    if (!whole)
        bytes = room;
    if (bytes && !judged_right(c, a, in->data + known, bytes))
        return false;
    if (bytes == 0 && known)
        a->report.segments_unordered++;
    a->receive_next += bytes;
    a->report.received += bytes;
    if (fin && whole && a->plan.manner != DM_CLIENT_IGNORES_FIN) {
        a->receive_next++;
        a->report.guest_closed = true;
    }
    return true;
}

static bool received_all(const struct dm_caller *a)
{
    return a->plan.receive_bytes == UINT64_MAX || a->report.received == a->plan.receive_bytes;
}

static void receive_open(struct dm_client *c, struct dm_caller *a, const struct dm_segment *in)
{
    if (in->flags & DM_RST) {
        if (in->sequence == a->receive_next)
            end(c, a, DM_CLIENT_RESET);
        return;
    }
    if (in->flags &
        DM_SYN) { /* the acknowledgement of its SYN was lost, or what a stray of ours was answered with */
        put_empty(c, a, DM_ACK);
        return;
    }
    if ((in->flags & DM_ACK) == 0 || a->plan.manner == DM_CLIENT_FALLS_SILENT)
        return;
    take_acknowledgement(c, a, in);
    if (!take_data(c, a, in)) {
        put_empty(c, a, DM_RST | DM_ACK);
        end(c, a, DM_CLIENT_WRONG);
        return;
    }
    push(c, a);
    if (a->report.state == DM_CLIENT_CLOSING && a->fin_acknowledged && a->report.guest_closed)
        end(c, a, received_all(a) ? DM_CLIENT_DONE : DM_CLIENT_WRONG);
}

void dm_caller_receive(struct dm_client *c, uint32_t number, const struct dm_segment *in)
{
    struct dm_caller *a = &c->callers[number];
    if (a->report.state == DM_CLIENT_OPENING)
        receive_opening(c, a, in);
    else if (live(a))
        receive_open(c, a, in);
    else if (a->report.state == DM_CLIENT_DONE && (in->flags & (DM_FIN | DM_RST)) == DM_FIN)
        put_empty(c, a, DM_ACK); /* its last acknowledgement was lost */
}

void dm_caller_changed(struct dm_client *c, uint32_t number)
{
    struct dm_caller *a = &c->callers[number];
    a->answer = a->report.state == DM_CLIENT_OPEN; /* its window may be another one */
    push(c, a);
}

static bool waits_for_answer(const struct dm_caller *a)
{
    if (a->report.state == DM_CLIENT_OPENING)
        return true;
    if (a->plan.manner == DM_CLIENT_FALLS_SILENT)
        return false;
    return a->report.acknowledged < a->plan.send_bytes || (a->fin_sent && !a->fin_acknowledged);
}

static uint64_t retry_at(const struct dm_client *c, const struct dm_caller *a)
{
    return a->sent_ns + (c->config.retry_ns << a->doublings);
}

/* Goes back to the oldest byte that was not acknowledged. Into a closed window goes one byte (RFC
 * 9293, 3.8.6.1). */
static void retry(struct dm_client *c, struct dm_caller *a)
{
    a->sent_ns = c->station.now_ns;
    if (a->doublings < DOUBLINGS_MAX)
        a->doublings++;
    if (a->report.state == DM_CLIENT_OPENING) {
        a->report.segments_again++;
        put_syn(c, a);
        return;
    }
    a->sent = a->report.acknowledged;
    a->repeated_acks = 0;
    if (a->fin_sent && !a->fin_acknowledged && a->sent == a->plan.send_bytes)
        a->report.segments_again++;
    a->fin_sent = a->fin_acknowledged;
    if (a->window == 0 && a->sent < a->plan.send_bytes)
        (void)put_data(c, a, 1);
    else
        push(c, a);
}

void dm_caller_tick(struct dm_client *c, uint32_t number)
{
    struct dm_caller *a = &c->callers[number];
    uint64_t now = c->station.now_ns;
    bool waiting = a->report.state == DM_CLIENT_WAITING;
    if ((!waiting && !live(a)) || now < a->plan.start_ns)
        return;
    if (now - a->plan.start_ns >= a->plan.limit_ns) {
        end(c, a, DM_CLIENT_TIMED_OUT);
    } else if (waiting && c->guest.known) {
        a->report.state = DM_CLIENT_OPENING;
        put_syn(c, a);
    } else if (!waiting && waits_for_answer(a) && now >= retry_at(c, a)) {
        retry(c, a);
    }
}

uint64_t dm_caller_due(const struct dm_client *c, const struct dm_caller *a)
{
    bool waiting = a->report.state == DM_CLIENT_WAITING;
    if (!waiting && !live(a))
        return DM_NEVER;
    uint64_t due = a->plan.start_ns + a->plan.limit_ns;
    if (waiting && c->station.now_ns < a->plan.start_ns)
        return a->plan.start_ns;
    if (waiting && !c->guest.known)
        return dm_neighbour_due(&c->guest) < due ? dm_neighbour_due(&c->guest) : due;
    if (waiting)
        return 0;
    if (waits_for_answer(a) && retry_at(c, a) < due)
        due = retry_at(c, a);
    return due;
}
