/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes of one connection: what came is looked at by what the connection is for, what is to go is sent as far
 * as netd takes it. Nothing more is read while an answer waits to go, so that who does not take answers is
 * not asked for more: its own window closes, and its time runs out. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/net.h"
#include "user/webd/webd.h"

static uint32_t index_of(const struct webd *w, const struct connection *c)
{
    return (uint32_t)(c - w->connections);
}

static uint8_t *part(struct webd *w, const struct connection *c)
{
    return w->share.at + index_of(w, c) * WEBD_PART_BYTES;
}

static uint8_t *out(struct webd *w, const struct connection *c)
{
    return part(w, c) + WEBD_IN_BYTES;
}

struct connection *connection_of(struct webd *w, uint32_t at, uint32_t life)
{
    struct connection *c = at < WEBD_CONNECTIONS ? &w->connections[at] : NULL;

    return c != NULL && c->state != CONNECTION_FREE && c->life == life ? c : NULL;
}

void connection_wake(struct webd *w, uint32_t at)
{
    if (at < WEBD_CONNECTIONS)
        w->active |= 1ull << at;
}

static bool is_socket(const struct connection *c)
{
    return c->state == CONNECTION_LIVE || c->state == CONNECTION_SHELL;
}

static uint64_t put_bit(uint64_t bits, uint32_t at, bool set)
{
    return set ? bits | 1ull << at : bits & ~(1ull << at);
}

/* What struct webd keeps of it is as it is now. */
static void noted(struct webd *w, const struct connection *c)
{
    const uint32_t at = index_of(w, c);
    const bool used = c->state != CONNECTION_FREE;

    w->used = put_bit(w->used, at, used);
    w->active = put_bit(w->active, at, false);
    w->sockets = put_bit(w->sockets, at, is_socket(c));
    w->strangers = put_bit(w->strangers, at, used && c->stranger);
    w->due_ns[at] = c->until_ns;
}

static void give_back(struct webd *w, cap_id socket)
{
    const struct ring_submission release = ring_make_release(socket);

    if (w->flying < WEBD_FLYING && ring_submit(&w->rt->ring, WEBD_USER_SHUTDOWN, &release))
        w->flying++;
    else
        (void)ring_release(&w->rt->ring, socket);
}

/* What was asked may hold a secret. */
static void forget_request(struct webd *w, struct connection *c)
{
    memset(c->http.head, 0, c->http.head_bytes);
    if (c->body != NULL)
        memset(c->body, 0, c->large ? HTTP_BODY_BYTES : WEBD_BODY_BYTES);
    if (c->large)
        w->large_used[(c->body - w->room.at) / (ptrdiff_t)HTTP_BODY_BYTES] = false;
    c->body = NULL;
    c->large = false;
    http_init(&c->http);
    c->begun = false;
}

/* Nobody has it, and no call of its last life is on its way. */
static bool is_free(const struct connection *c)
{
    return c->state == CONNECTION_FREE && !c->receiving && !c->sending;
}

void connection_begin(struct webd *w, cap_id socket, uint16_t place)
{
    struct connection *c = w->connections;

    while (c < w->connections + WEBD_CONNECTIONS && !is_free(c))
        c++;
    if (c ==
        w->connections + WEBD_CONNECTIONS) { /* all are sessions' sockets, or have calls of a last life */
        give_back(w, socket);
        return;
    }
    memset(c, 0, offsetof(struct connection, small));
    c->state = CONNECTION_HTTP;
    c->writable = true; /* what comes is told, also what is there already */
    c->stranger = true;
    c->place = place;
    c->life = ++w->lives;
    c->socket = socket;
    c->moved_ns = ring_now(&w->rt->ring);
    c->until_ns = c->moved_ns + WEBD_HEAD_NS; /* who says nothing is dropped like who says too little */
    http_init(&c->http);
    w->by_place[place] = (uint8_t)(index_of(w, c) + 1u);
    noted(w, c);
}

void connection_drop(struct webd *w, struct connection *c, bool gone)
{
    if (c->state == CONNECTION_SHELL)
        shells_detach(w, c);
    forget_request(w, c);
    memset(part(w, c), 0, WEBD_PART_BYTES);
    w->by_place[c->place] = 0;
    if (!gone)
        give_back(w, c->socket);
    c->state = CONNECTION_FREE;
    noted(w, c);
}

/* Nothing is moved from where netd may be reading it. */
uint32_t connection_room(const struct connection *c)
{
    return c->file_left != 0 ? 0 : WEBD_OUT_BYTES - c->out_count - (c->sending ? c->out_at : 0);
}

/* Behind what is to go. */
static void append(struct webd *w, struct connection *c, const void *bytes, uint32_t count)
{
    if (c->out_at + c->out_count + count > WEBD_OUT_BYTES) {
        ASSERT(!c->sending);
        memmove(out(w, c), out(w, c) + c->out_at, c->out_count);
        c->out_at = 0;
    }
    memcpy(out(w, c) + c->out_at + c->out_count, bytes, count);
    c->out_count += count;
}

void connection_put(struct webd *w, struct connection *c, const void *bytes, uint32_t count)
{
    ASSERT(count <= connection_room(c));
    if (c->out_count == 0) /* time to take it begins now */
        c->until_ns = ring_now(&w->rt->ring) + WEBD_SEND_NS;
    append(w, c, bytes, count);
    connection_wake(w, index_of(w, c));
}

bool connection_frame(struct webd *w, struct connection *c, enum websocket_opcode opcode, const void *head,
                      uint32_t head_bytes, const void *bytes, uint32_t count)
{
    uint8_t frame[WEBSOCKET_HEAD_BYTES];
    const uint32_t frame_bytes = websocket_frame(opcode, (uint64_t)head_bytes + count, frame);

    if (connection_room(c) < frame_bytes + head_bytes + count)
        return false;
    connection_put(w, c, frame, frame_bytes);
    connection_put(w, c, head, head_bytes);
    connection_put(w, c, bytes, count);
    return true;
}

void connection_end(struct webd *w, struct connection *c, uint16_t code)
{
    uint8_t frame[WEBSOCKET_CLOSE_BYTES];
    const uint32_t bytes = websocket_close(code, frame);

    if (c->state == CONNECTION_SHELL)
        shells_detach(w, c);
    if (connection_room(c) >= bytes) /* who takes nothing hears nothing */
        connection_put(w, c, frame, bytes);
    c->state = CONNECTION_CLOSING;
    c->until_ns = ring_now(&w->rt->ring) + WEBD_SEND_NS;
    connection_wake(w, index_of(w, c));
}

/* More of a file moves into the connection's part: also behind a head that has not gone yet, so that a short
 * answer goes as one segment. What is half full is not moved for the sake of a few bytes. */
static void refill(struct webd *w, struct connection *c)
{
    uint32_t count = WEBD_OUT_BYTES - c->out_count;

    if (c->out_count > WEBD_OUT_BYTES / 2u)
        return;
    count = c->file_left < count ? c->file_left : count;
    append(w, c, c->file, count);
    c->file += count;
    c->file_left -= count;
}

/* A call of a connection's that is not waited for: those of many go together. False: there are as many as may
 * be, and the connection has its turn again when one of them came back. */
static bool submit(struct webd *w, struct connection *c, uint64_t user, uint16_t method, uint32_t offset,
                   uint32_t count)
{
    const struct ring_submission call = ring_make_call(c->socket, method, RING_ARGS(offset, count, 0), NULL);
    const bool begun = w->flying < WEBD_FLYING && ring_submit(&w->rt->ring, user, &call);

    if (begun)
        w->flying++;
    else
        w->held |= 1ull << index_of(w, c);
    return begun;
}

void connections_landed(struct webd *w)
{
    w->flying--;
    w->active |= w->held;
    w->held = 0;
}

/* The answer is out: the next request, or the end. Before the end what still comes is taken for a while: a
 * stream that is closed with bytes unread is reset, and the answer with it (RFC 9112 9.6). */
static void sent(struct webd *w, struct connection *c)
{
    const uint64_t now_ns = ring_now(&w->rt->ring);

    if (c->state == CONNECTION_CLOSING || (c->state == CONNECTION_ANSWER && !c->keep)) {
        if (!submit(w, c, WEBD_USER_SHUTDOWN, SOCKET_SHUTDOWN, 0, 0))
            (void)ring_call(&w->rt->ring, c->socket, SOCKET_SHUTDOWN, NULL, NULL);
        c->state = CONNECTION_CLOSING;
        c->stranger = true; /* its place is anybody's */
        c->until_ns = now_ns + WEBD_LINGER_NS;
    } else if (c->state == CONNECTION_ANSWER) {
        c->state = CONNECTION_HTTP;
        forget_request(w, c);
        c->until_ns = now_ns + WEBD_IDLE_NS;
    } else {
        c->until_ns = now_ns + (c->pinged ? WEBD_SILENT_NS - WEBD_PING_NS : WEBD_PING_NS);
    }
}

static void send(struct webd *w, struct connection *c)
{
    const uint32_t base = index_of(w, c) * WEBD_PART_BYTES + WEBD_IN_BYTES;

    if (c->sending || !c->writable || (c->out_count == 0 && c->file_left == 0))
        return;
    refill(w, c);
    c->sending = submit(w, c, WEBD_USER_SEND + index_of(w, c), SOCKET_SEND, base + c->out_at, c->out_count);
    c->sent_count = c->out_count;
    c->writable = !c->sending; /* told anew after a SEND that took less */
}

void connection_sent(struct webd *w, uint32_t at, const struct ring_completion *done)
{
    struct connection *c = &w->connections[at];

    connections_landed(w);
    c->sending = false;
    if (c->state == CONNECTION_FREE)
        return;
    if ((!ring_completed(done) && done->result != NET_E_TIMEOUT) || done->status != RING_OK ||
        done->value > c->sent_count) {
        connection_drop(w, c, done->status != RING_OK);
        return;
    }
    const uint32_t count = (uint32_t)done->value;
    c->writable = c->writable || count == c->sent_count;
    c->out_at = count == c->out_count ? 0 : c->out_at + count;
    c->out_count -= count;
    if (count != 0) {
        c->moved_ns = ring_now(&w->rt->ring);
        c->until_ns = c->moved_ns + WEBD_SEND_NS;
    }
    if (c->out_count == 0 && c->file_left == 0)
        sent(w, c);
    connection_wake(w, at);
}

/* A whole head: refused by the gate, or its body is due. */
static void head(struct webd *w, struct connection *c)
{
    const uint64_t now_ns = ring_now(&w->rt->ring);

    gate_judge(&w->gate, &w->sessions, &c->http, false, now_ns, &c->verdict);
    c->session = c->verdict.session;
    c->stranger = c->session.life == 0;
    if (!c->stranger)
        w->patience = WEBD_PATIENCE;
    if (c->verdict.error != GATE_OK) {
        w->counts[WEBD_COUNT_REFUSED]++;
        c->keep = c->keep && c->http.body_bytes == 0; /* a body would be taken for the next request */
        answer_error(w, c, c->verdict.status, c->verdict.word, 0);
        return;
    }
    c->body = c->small;
    for (uint32_t i = 0; c->http.body_bytes > WEBD_BODY_BYTES && i < WEBD_LARGE && !c->large; i++) {
        if (w->large_used[i])
            continue;
        w->large_used[i] = c->large = true;
        c->body = w->room.at + i * HTTP_BODY_BYTES;
    }
    if (c->http.body_bytes > WEBD_BODY_BYTES && !c->large)
        http_refuse(&c->http, 503);
    else
        (void)http_body(&c->http, c->body, c->large ? HTTP_BODY_BYTES : WEBD_BODY_BYTES);
    c->until_ns = now_ns + WEBD_BODY_NS;
}

static uint32_t look_http(struct webd *w, struct connection *c, const uint8_t *bytes, uint32_t count)
{
    uint32_t taken = 0;
    const enum http_state state = http_feed(&c->http, bytes, count, &taken);

    if (!c->begun && taken != 0) {
        c->begun = true;
        c->until_ns = ring_now(&w->rt->ring) + WEBD_HEAD_NS;
    }
    if (state == HTTP_HEAD) {
        c->keep = c->http.keep;
        head(w, c);
    }
    if (c->state == CONNECTION_HTTP && c->http.state == HTTP_READY) {
        w->counts[WEBD_COUNT_REQUESTS]++;
        c->keep = c->http.keep && taken == count; /* what came behind it is not answered */
        c->state = CONNECTION_ANSWER;
        c->until_ns = RING_FOREVER; /* authd takes its time */
        api_request(w, c);
    } else if (c->state == CONNECTION_HTTP && c->http.state == HTTP_REFUSED) {
        w->counts[WEBD_COUNT_REFUSED]++;
        c->keep = false;
        answer_error(w, c, c->http.status, "request", 0);
    }
    return taken;
}

/* One event of a WebSocket. */
static void heard(struct webd *w, struct connection *c, enum websocket_event event)
{
    struct websocket *s = &c->socket_in;

    switch (event) {
    case WEBSOCKET_MESSAGE:
        if (c->state == CONNECTION_LIVE)
            connection_end(w, c, WEBSOCKET_KIND); /* nothing is to be said there */
        else if (s->opcode != WEBSOCKET_BINARY || !shells_message(w, c))
            connection_end(w, c, WEBSOCKET_KIND);
        break;
    case WEBSOCKET_PING:
        (void)connection_frame(w, c, WEBSOCKET_OP_PONG, NULL, 0, s->control, s->control_bytes);
        break;
    case WEBSOCKET_CLOSE:
    case WEBSOCKET_FAILED:
        connection_end(w, c, s->code);
        break;
    default:
        break;
    }
}

static uint32_t look_socket(struct webd *w, struct connection *c, const uint8_t *bytes, uint32_t count)
{
    uint32_t taken = 0;
    const enum websocket_event event = websocket_feed(&c->socket_in, bytes, count, &taken);

    c->pinged = false;
    if (c->out_count == 0)
        c->until_ns = ring_now(&w->rt->ring) + WEBD_PING_NS;
    heard(w, c, event);
    return taken;
}

/* What came is taken, as far as somebody takes it now. */
static void look(struct webd *w, struct connection *c)
{
    const uint32_t life = c->life;
    uint32_t taken = 1;

    while (c->life == life && c->in_count != 0 && taken != 0) {
        const uint8_t *bytes = part(w, c) + c->in_at;

        if (c->state == CONNECTION_HTTP)
            taken = look_http(w, c, bytes, c->in_count);
        else if (is_socket(c) && !shells_busy(w, c))
            taken = look_socket(w, c, bytes, c->in_count);
        else if (c->state == CONNECTION_CLOSING)
            taken = c->in_count; /* nobody listens any more */
        else
            return;
        if (c->state == CONNECTION_FREE)
            return;
        c->in_at += taken;
        c->in_count -= taken;
    }
}

void connection_received(struct webd *w, uint32_t at, const struct ring_completion *done)
{
    struct connection *c = &w->connections[at];

    connections_landed(w);
    c->receiving = false;
    if (c->state == CONNECTION_FREE) {
        memset(part(w, c), 0, WEBD_IN_BYTES); /* it came behind the end, and may be a secret */
        return;
    }
    if (done->status == RING_OK && done->exception == CAP_EX_NONE && done->result == NET_E_TIMEOUT)
        return;
    if (!ring_completed(done) || done->value == 0 || done->value > WEBD_IN_BYTES) {
        /* It is over, or will send no more: nobody asks then. */
        connection_drop(w, c, done->status != RING_OK);
        return;
    }
    c->in_at = 0;
    c->in_count = (uint32_t)done->value;
    c->moved_ns = ring_now(&w->rt->ring);
    connection_wake(w, at);
}

static bool wants_more(const struct webd *w, const struct connection *c)
{
    return c->state == CONNECTION_HTTP || c->state == CONNECTION_CLOSING ||
           (is_socket(c) && !shells_busy(w, c));
}

static void receive(struct webd *w, struct connection *c)
{
    if (c->receiving || c->in_count != 0 || !c->readable || !wants_more(w, c))
        return;
    c->receiving = submit(w, c, WEBD_USER_RECV + index_of(w, c), SOCKET_RECV,
                          index_of(w, c) * WEBD_PART_BYTES, WEBD_IN_BYTES);
    c->readable = !c->receiving; /* what it leaves, and what comes next, is told */
}

static void turn(struct webd *w, struct connection *c)
{
    look(w, c);
    if (c->state == CONNECTION_FREE)
        return;
    send(w, c);
    receive(w, c);
}

static void expire(struct webd *w, struct connection *c, uint64_t now_ns)
{
    if (is_socket(c) && !sessions_alive(&w->sessions, c->session, now_ns)) {
        connection_end(w, c, WEBSOCKET_SESSION_OVER);
        return;
    }
    if (now_ns < c->until_ns)
        return;
    if (is_socket(c) && c->out_count == 0 && !c->pinged) {
        c->pinged = connection_frame(w, c, WEBSOCKET_OP_PING, NULL, 0, NULL, 0);
        return;
    }
    w->counts[WEBD_COUNT_SLOW] +=
        c->out_count != 0 || (c->state == CONNECTION_HTTP && c->begun) || is_socket(c);
    connection_drop(w, c, false);
}

static uint64_t timed_out(const struct webd *w, uint64_t now_ns)
{
    uint64_t found = 0;

    for (uint64_t left = w->used; left != 0; left &= left - 1u) {
        const uint32_t at = (uint32_t)__builtin_ctzll(left);

        found |= w->due_ns[at] <= now_ns ? 1ull << at : 0;
    }
    return found;
}

uint64_t connections_turn(struct webd *w)
{
    uint64_t due_ns = RING_FOREVER;

    for (uint64_t left = w->active | w->sockets | timed_out(w, ring_now(&w->rt->ring)); left != 0;
         left &= left - 1u) {
        struct connection *c = &w->connections[__builtin_ctzll(left)];

        if (c->state == CONNECTION_FREE)
            continue; /* it gave way to somebody meanwhile */
        expire(w, c, ring_now(&w->rt->ring));
        turn(w, c);
        noted(w, c);
    }
    for (uint64_t left = w->used; left != 0; left &= left - 1u) {
        const uint64_t at_ns = w->due_ns[__builtin_ctzll(left)];

        due_ns = at_ns < due_ns ? at_ns : due_ns;
    }
    return w->active != 0 ? 0 : due_ns;
}
