/* SPDX-License-Identifier: BSD-2-Clause */
/* Shells: each a process of its own, at a terminal whose stream is here, at a socket that comes and goes.
 * What is typed waits here, bounded, until the terminal takes it, and its sender is told how much was taken;
 * a sender that sends more than there is room for is not read meanwhile. A ^C goes ahead of what waits, which
 * is dropped. What is to be shown is asked for when the socket has room. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "user/webd/webd.h"

#define COLUMNS 80u
#define ROWS    24u
/* First byte of a message. */
#define TYPED  0u
#define SHOWN  0u
#define SIZED  1u
#define WHY    1u
#define TAKEN  2u
#define ENDED  2u
#define CTRL_C 0x03u
/* Taken bytes that a sender is told of at once: one with half of the room under way never stands still. */
#define TOLD_BYTES (WEBD_TYPED_BYTES / 4u)

static struct connection *socket_of(struct webd *w, const struct shell *s)
{
    return connection_of(w, s->connection, s->life);
}

static void release(struct webd *w, cap_id *cap)
{
    if (!cap_is_none(*cap))
        (void)ring_release(&w->rt->ring, *cap);
    *cap = CAP_NONE;
}

/* The terminal's stream, and its memory. */
static bool open_stream(struct webd *w, struct shell *s, uint32_t place)
{
    struct ring_client *ring = &w->rt->ring;
    const struct ring_completion made =
        ring_call(ring, w->maker, TERMINAL_STREAM, RING_ARGS(COLUMNS | ROWS << 16, place), NULL);

    if (!ring_completed(&made))
        return false;
    s->stream = made.cap;
    const struct ring_completion lent = ring_call(ring, s->stream, STREAM_BUFFER, NULL, NULL);
    if (!ring_completed(&lent))
        return false;
    s->memory = (struct rt_memory){.cap = lent.cap, .bytes = (uint32_t)lent.value};
    const struct ring_completion mapped = ring_call(ring, lent.cap, MEMORY_MAP, RING_ARGS(1), NULL);
    s->memory.at = ring_completed(&mapped) ? (uint8_t *)(uintptr_t)mapped.value : NULL;
    return s->memory.at != NULL && lent.value >= 2u;
}

/* What waits for the terminal is not typed any more. */
static void drop_typed(struct shell *s)
{
    memset(s->typed, 0, WEBD_TYPED_BYTES); /* it may be a secret */
    memset(s->message + s->rest_at, 0, s->rest_left);
    s->taken += s->typed_count + s->rest_left;
    s->typed_count = 0;
    s->rest_left = 0;
}

/* Stream and memory go back; the process ends. */
static void end(struct webd *w, struct shell *s, uint16_t code)
{
    struct connection *c = socket_of(w, s);

    s->connection = WEBD_CONNECTIONS;
    if (c != NULL)
        connection_end(w, c, code);
    (void)ring_call(&w->rt->ring, s->starter, STARTER_END, NULL, NULL);
    if (s->memory.at != NULL)
        (void)ring_call(&w->rt->ring, s->memory.cap, MEMORY_UNMAP, NULL, NULL);
    release(w, &s->memory.cap);
    release(w, &s->stream);
    s->memory.at = NULL;
    s->session = (struct session_ref){0, 0};
    drop_typed(s);
    s->to_show = 0;
    s->ended = true;
    s->used = s->reading || s->writing; /* the place is free when no call is under way any more */
}

uint32_t shells_begin(struct webd *w, struct session_ref session)
{
    uint32_t at = 0;

    while (at < WEBD_SHELLS && (w->shells[at].used || cap_is_none(w->shells[at].starter)))
        at++;
    if (at == WEBD_SHELLS)
        return WEBD_SHELLS;
    struct shell *s = &w->shells[at];
    s->used = true;
    s->ended = false;
    s->session = session;
    s->number = ++w->shells_begun;
    s->connection = WEBD_CONNECTIONS;
    s->until_ns = ring_now(&w->rt->ring) + WEBD_LOST_NS;
    bool begun = open_stream(w, s, at + 1u);
    if (begun) {
        const struct ring_completion started = ring_call(&w->rt->ring, s->starter, STARTER_START, NULL, NULL);
        begun = ring_completed(&started);
    }
    if (begun)
        return at;
    end(w, s, WEBSOCKET_SHELL_ENDED);
    return WEBD_SHELLS;
}

uint32_t shells_find(const struct webd *w, struct session_ref session, uint32_t number)
{
    for (uint32_t i = 0; i < WEBD_SHELLS; i++) {
        const struct shell *s = &w->shells[i];

        if (s->used && !s->ended && s->number == number && s->session.at == session.at &&
            s->session.life == session.life)
            return i;
    }
    return WEBD_SHELLS;
}

void shells_attach(struct webd *w, uint32_t at, struct connection *c)
{
    struct shell *s = &w->shells[at];
    struct connection *before = socket_of(w, s);

    if (before != NULL)
        connection_end(w, before, WEBSOCKET_TAKEN_OVER);
    s->connection = (uint32_t)(c - w->connections);
    s->life = c->life;
    s->until_ns = RING_FOREVER;
    drop_typed(s);
    s->taken = 0; /* by this socket nothing was typed yet */
    c->shell = at;
    websocket_init(&c->socket_in, s->message, WEBSOCKET_MESSAGE_BYTES);
}

void shells_detach(struct webd *w, struct connection *c)
{
    struct shell *s = &w->shells[c->shell];

    if (socket_of(w, s) != c)
        return;
    s->connection = WEBD_CONNECTIONS;
    s->until_ns = ring_now(&w->rt->ring) + WEBD_LOST_NS;
}

bool shells_busy(const struct webd *w, const struct connection *c)
{
    return c->state == CONNECTION_SHELL && w->shells[c->shell].rest_left != 0;
}

/* Of the message that came last, as much as there is room for. */
static void keep_typed(struct shell *s)
{
    while (s->rest_left != 0 && s->typed_count < WEBD_TYPED_BYTES) {
        s->typed[(s->typed_at + s->typed_count) % WEBD_TYPED_BYTES] = s->message[s->rest_at];
        s->message[s->rest_at] = 0; /* it may be a secret */
        s->rest_at++;
        s->rest_left--;
        s->typed_count++;
    }
}

/* The next part of what was typed, to the terminal. */
static void write(struct webd *w, struct shell *s)
{
    const uint32_t half = s->memory.bytes / 2u, count = s->typed_count < half ? s->typed_count : half;

    if (s->writing || count == 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        s->memory.at[i] = s->typed[s->typed_at];
        s->typed[s->typed_at] = 0;
        s->typed_at = (s->typed_at + 1u) % WEBD_TYPED_BYTES;
    }
    s->typed_count -= count;
    const struct ring_submission call = ring_make_call(s->stream, STREAM_WRITE, RING_ARGS(0, count), NULL);
    s->writing = ring_submit(&w->rt->ring, WEBD_USER_SHELL_WRITE + (uint64_t)(s - w->shells), &call);
    ASSERT(s->writing); /* one a shell */
    s->writing_bytes = count;
    keep_typed(s);
}

/* A ^C that was pressed while something waits goes ahead of it: that is dropped, here and in the terminal.
 * One within more bytes is of a paste, and stays in its place. */
static bool interrupt(struct webd *w, struct shell *s, const uint8_t *typed, uint32_t bytes)
{
    if (bytes != 1u || typed[0] != CTRL_C || (s->typed_count == 0 && !s->writing))
        return false;
    drop_typed(s);
    s->taken++;
    (void)ring_call(&w->rt->ring, s->stream, STREAM_INTERRUPT, NULL, NULL);
    return true;
}

bool shells_message(struct webd *w, struct connection *c)
{
    struct shell *s = &w->shells[c->shell];
    const uint8_t *message = c->socket_in.message;
    const uint32_t bytes = c->socket_in.message_bytes;

    if (bytes == 0)
        return false;
    if (message[0] == TYPED) {
        sessions_use(&w->sessions, c->session, ring_now(&w->rt->ring));
        if (interrupt(w, s, message + 1, bytes - 1u))
            return true;
        s->rest_at = 1;
        s->rest_left = bytes - 1u;
        keep_typed(s);
        write(w, s);
        return true;
    }
    if (message[0] == SIZED && bytes == 5) {
        const uint32_t columns = message[1] | (uint32_t)message[2] << 8,
                       rows = message[3] | (uint32_t)message[4] << 8;

        /* A size that cannot be is the terminal's to refuse. */
        (void)ring_call(&w->rt->ring, s->stream, STREAM_SIZE, RING_ARGS(columns | rows << 16), NULL);
        return true;
    }
    if (message[0] != ENDED || bytes != 1)
        return false;
    end(w, s, WEBSOCKET_SHELL_ENDED);
    return true;
}

/* The call is over; a shell that has ended has its place free when both are. */
static bool over(struct shell *s, bool *call)
{
    *call = false;
    if (s->ended)
        s->used = s->reading || s->writing;
    return s->ended;
}

void shells_read(struct webd *w, uint32_t at, const struct ring_completion *done)
{
    struct shell *s = &w->shells[at];

    if (over(s, &s->reading))
        return;
    if (!ring_completed(done) || done->value == 0 || done->value > s->memory.bytes / 2u)
        end(w, s, WEBSOCKET_SHELL_ENDED);
    else
        s->to_show = (uint32_t)done->value;
}

void shells_written(struct webd *w, uint32_t at, const struct ring_completion *done)
{
    struct shell *s = &w->shells[at];

    if (over(s, &s->writing))
        return;
    if (!ring_completed(done) || done->value != s->writing_bytes) { /* it takes all, or waits */
        end(w, s, WEBSOCKET_SHELL_ENDED);
        return;
    }
    s->taken += s->writing_bytes;
    write(w, s);
}

/* The sender learns that there is room again. */
static void tell(struct webd *w, struct shell *s, struct connection *c)
{
    const uint8_t message[] = {TAKEN, (uint8_t)s->taken, (uint8_t)(s->taken >> 8), (uint8_t)(s->taken >> 16),
                               (uint8_t)(s->taken >> 24)};

    if (s->taken >= TOLD_BYTES && connection_frame(w, c, WEBSOCKET_BINARY, message, sizeof message, NULL, 0))
        s->taken = 0;
}

/* What is to be shown goes into the socket; then the terminal is asked for more. */
static void show(struct webd *w, struct shell *s)
{
    static const uint8_t kind = SHOWN;
    struct connection *c = socket_of(w, s);
    const uint32_t half = s->memory.bytes / 2u;
    const uint32_t most = half < WEBD_OUT_BYTES / 2u ? half : WEBD_OUT_BYTES / 2u;

    if (c != NULL)
        tell(w, s, c);
    if (s->to_show != 0 && c != NULL &&
        connection_frame(w, c, WEBSOCKET_BINARY, &kind, 1, s->memory.at + half, s->to_show))
        s->to_show = 0;
    if (s->to_show != 0 || s->reading)
        return;
    const struct ring_submission call =
        ring_make_call(s->stream, STREAM_READ, RING_ARGS(half, most, RING_FOREVER), NULL);
    s->reading = ring_submit(&w->rt->ring, WEBD_USER_SHELL_READ + (uint64_t)(s - w->shells), &call);
    ASSERT(s->reading);
}

uint64_t shells_turn(struct webd *w, uint64_t now_ns)
{
    uint64_t due_ns = RING_FOREVER;

    for (uint32_t i = 0; i < WEBD_SHELLS; i++) {
        struct shell *s = &w->shells[i];

        if (!s->used || s->ended)
            continue;
        if (now_ns >= s->until_ns && socket_of(w, s) == NULL) {
            end(w, s, WEBSOCKET_SHELL_ENDED);
            continue;
        }
        show(w, s);
        due_ns = s->until_ns < due_ns ? s->until_ns : due_ns;
    }
    return due_ns;
}

void shells_end_of(struct webd *w, struct session_ref session)
{
    for (uint32_t i = 0; i < WEBD_SHELLS; i++) {
        struct shell *s = &w->shells[i];

        if (s->used && !s->ended && s->session.at == session.at && s->session.life == session.life)
            end(w, s, WEBSOCKET_SESSION_OVER);
    }
}
