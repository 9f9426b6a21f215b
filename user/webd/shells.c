/* SPDX-License-Identifier: BSD-2-Clause */
/* Shells: each a process of its own, at a terminal whose stream is here, at a socket that comes and goes.
 * What is typed goes to the terminal as it takes it, and nothing more is read of the socket meanwhile; what
 * is to be shown is asked for when the socket has room. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "user/webd/webd.h"

#define COLUMNS 80u
#define ROWS    24u
/* First byte of a message. */
#define TYPED 0u
#define SHOWN 0u
#define SIZED 1u
#define WHY   1u
#define ENDED 2u

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
    s->typed_left = 0;
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
    s->typed_left = 0;
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
    return c->state == CONNECTION_SHELL && w->shells[c->shell].typed_left != 0;
}

/* The next part of a message that was typed. */
static void write(struct webd *w, struct shell *s)
{
    const uint32_t half = s->memory.bytes / 2u, count = s->typed_left < half ? s->typed_left : half;

    if (s->writing || s->typed_left == 0)
        return;
    memcpy(s->memory.at, s->message + s->typed_at, count);
    const struct ring_submission call = ring_make_call(s->stream, STREAM_WRITE, RING_ARGS(0, count), NULL);
    s->writing = ring_submit(&w->rt->ring, WEBD_USER_SHELL_WRITE + (uint64_t)(s - w->shells), &call);
    ASSERT(s->writing); /* one a shell */
}

bool shells_message(struct webd *w, struct connection *c)
{
    struct shell *s = &w->shells[c->shell];
    const uint8_t *message = c->socket_in.message;
    const uint32_t bytes = c->socket_in.message_bytes;

    if (bytes == 0)
        return false;
    if (message[0] == TYPED) {
        s->typed_at = 1;
        s->typed_left = bytes - 1u;
        sessions_use(&w->sessions, c->session, ring_now(&w->rt->ring));
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
    if (!ring_completed(done)) {
        end(w, s, WEBSOCKET_SHELL_ENDED);
        return;
    }
    const uint32_t taken = done->value < s->typed_left ? (uint32_t)done->value : s->typed_left;
    memset(s->message + s->typed_at, 0, taken); /* it may be a secret */
    s->typed_at += taken;
    s->typed_left -= taken;
    write(w, s);
}

/* What is to be shown goes into the socket; then the terminal is asked for more. */
static void show(struct webd *w, struct shell *s)
{
    static const uint8_t kind = SHOWN;
    struct connection *c = socket_of(w, s);
    const uint32_t half = s->memory.bytes / 2u;
    const uint32_t most = half < WEBD_OUT_BYTES / 2u ? half : WEBD_OUT_BYTES / 2u;

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
