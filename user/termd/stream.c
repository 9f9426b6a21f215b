/* SPDX-License-Identifier: BSD-2-Clause */
/* A session whose bytes its maker brings by calls. What was typed lies in the memory that both have until the
 * session takes it: a stream that is full of what nobody asks for waits, nothing of it is dropped. What is to
 * be shown stays here, bounded, until it is read. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/termd/termd.h"

#define CTRL_C 0x03u

static bool sized(struct session *s, uint64_t size)
{
    const uint32_t columns = (uint32_t)(size & 0xffffu), rows = (uint32_t)(size >> 16 & 0xffffu);

    if (size >> 32 != 0 || columns < STREAM_COLUMNS_MIN || columns > STREAM_COLUMNS_MAX ||
        rows < STREAM_ROWS_MIN || rows > STREAM_ROWS_MAX)
        return false;
    s->columns = columns;
    s->rows = rows;
    return true;
}

static struct session *free_place(struct termd *t)
{
    for (uint32_t i = TERMD_FIRST_STREAM; i < TERMD_SESSIONS; i++) {
        if (t->sessions[i].state == SESSION_FREE)
            return &t->sessions[i];
    }
    return NULL;
}

/* Its client capability, which is the caller's. False: there is none, or the caller has no room for it. */
static bool give(struct termd *t, struct session *s, uint64_t token)
{
    struct ring_client *ring = &t->rt->ring;
    const uint64_t badge = s->badge | TERMD_STREAM_BIT;
    const struct ring_completion made =
        ring_call(ring, t->endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_STREAM, badge), NULL);

    if (!ring_completed(&made))
        return false;
    *termd_badge(t, s, true) = badge; /* before anybody has it: from now on its end is noticed */
    const struct ring_extra along = ring_move(made.cap);
    const struct ring_completion answered = ring_return(ring, token, TERMINAL_OK, 0, &along);
    s->lent_out = ring_completed(&answered);
    if (s->lent_out)
        return true;
    *termd_badge(t, s, true) = 0;
    (void)ring_release(ring, made.cap);
    return false;
}

void stream_make(struct termd *t, const struct ring_received *call)
{
    struct session size = {0}, *s = free_place(t);

    if (!sized(&size, call->args[0]) || cap_is_none(t->streams)) {
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
        return;
    }
    if (s == NULL || !session_open(t, s)) {
        termd_answer(t, call->token, s == NULL ? TERMINAL_E_BUSY : TERMINAL_E_NO_MEMORY, 0);
        return;
    }
    s->streamed = s->attached = true;
    s->number = call->args[1];
    s->columns = size.columns;
    s->rows = size.rows;
    if (!rt_memory_make(t->rt, TERMD_IN_BYTES + TERMD_OUT_BYTES, &s->stream) ||
        !rt_memory_make(t->rt, STREAM_BUFFER_BYTES, &s->lent) || !give(t, s, call->token)) {
        session_free(t, s);
        termd_answer(t, call->token, TERMINAL_E_NO_MEMORY, 0);
    }
}

static bool in_half(uint64_t offset, uint64_t bytes, uint64_t from)
{
    return offset >= from && bytes <= STREAM_HALF_BYTES && offset - from <= STREAM_HALF_BYTES - bytes;
}

static void call_write(struct termd *t, struct session *s, const struct ring_received *call)
{
    if (!in_half(call->args[0], call->args[1], 0)) {
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
        return;
    }
    if (!termd_begin(t, &s->far_write, call->token, RING_FOREVER))
        return;
    s->in_at = (uint32_t)call->args[0];
    s->in_count = s->far_write_bytes = (uint32_t)call->args[1];
}

static void call_read(struct termd *t, struct session *s, const struct ring_received *call)
{
    if (call->args[1] == 0 || !in_half(call->args[0], call->args[1], STREAM_HALF_BYTES)) {
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
        return;
    }
    if (!termd_begin(t, &s->far_read, call->token, call->args[2]))
        return;
    s->far_read_at = (uint32_t)call->args[0];
    s->far_read_bytes = (uint32_t)call->args[1];
}

/* What was typed and not taken yet is not typed any more. */
static void drop_typed(struct termd *t, struct session *s)
{
    memset(s->lent.at + s->in_at, 0, s->in_count);
    s->in_count = 0;
    memset(s->ahead, 0, sizeof s->ahead);
    s->ahead_count = 0;
    termd_complete(t, &s->far_write, TERMINAL_OK, s->far_write_bytes);
}

static void call_size(struct termd *t, struct session *s, const struct ring_received *call)
{
    const uint32_t columns = s->columns;
    const bool good = sized(s, call->args[0]);

    if (good && columns != s->columns && s->read.used)
        show_line(t, s); /* in its new width */
    termd_answer(t, call->token, good ? TERMINAL_OK : TERMINAL_E_VALUE, 0);
}

void stream_call(struct termd *t, struct session *s, const struct ring_received *call)
{
    const struct ring_extra lent = ring_copy(s->lent.cap);

    if (call->method == STREAM_READ) { /* also what a session that is over had to show */
        call_read(t, s, call);
        return;
    }
    if (s->state != SESSION_LIVE) {
        termd_answer(t, call->token, TERMINAL_E_CLOSED, 0);
        return;
    }
    switch (call->method) {
    case STREAM_BUFFER:
        (void)ring_return(&t->rt->ring, call->token, TERMINAL_OK, STREAM_BUFFER_BYTES, &lent);
        return;
    case STREAM_WRITE:
        call_write(t, s, call);
        return;
    case STREAM_SIZE:
        call_size(t, s, call);
        return;
    case STREAM_INTERRUPT:
        drop_typed(t, s);
        session_typed(t, s, CTRL_C);
        termd_answer(t, call->token, TERMINAL_OK, 0);
        return;
    case STREAM_CLOSE:
        s->out_count = 0;
        session_close(t, s);
        termd_answer(t, call->token, TERMINAL_OK, 0);
        return;
    default:
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
    }
}

/* A byte more finds a place; where not even a ^C would, all before it gives way. */
static bool room(struct session *s)
{
    uint32_t at = s->in_at;

    if (s->ahead_count < TERMD_AHEAD_BYTES)
        return true;
    if (!s->key.used || !s->key_interrupt)
        return false;
    while (at < s->in_at + s->in_count && s->lent.at[at] != CTRL_C)
        at++;
    if (at == s->in_at + s->in_count)
        return false;
    memset(s->lent.at + s->in_at, 0, at - s->in_at);
    s->in_count -= at - s->in_at;
    s->in_at = at;
    return true;
}

static void take(struct termd *t, struct session *s)
{
    while (s->in_count > 0 && s->state == SESSION_LIVE && connection_room(s) >= TERMD_ECHO_BYTES && room(s)) {
        const uint8_t byte = s->lent.at[s->in_at]; /* read once */

        s->lent.at[s->in_at++] = 0;
        s->in_count--;
        session_typed(t, s, byte);
    }
    if (s->in_count == 0)
        termd_complete(t, &s->far_write, TERMINAL_OK, s->far_write_bytes);
}

static void put(struct termd *t, struct session *s)
{
    const uint32_t bytes = s->out_count < s->far_read_bytes ? s->out_count : s->far_read_bytes;

    if (!s->far_read.used || bytes == 0)
        return;
    for (uint32_t i = 0; i < bytes; i++)
        s->lent.at[s->far_read_at + i] = s->stream.at[TERMD_IN_BYTES + (s->out_first + i) % TERMD_OUT_BYTES];
    s->out_first = (s->out_first + bytes) % TERMD_OUT_BYTES;
    s->out_count -= bytes;
    termd_complete(t, &s->far_read, TERMINAL_OK, bytes);
}

void stream_turn(struct termd *t, struct session *s)
{
    if (s->state == SESSION_LIVE) {
        session_ahead(t, s); /* what there was no room for */
        take(t, s);
    }
    if (s->state == SESSION_LIVE && s->write.used && show_text(t, s))
        termd_complete(t, &s->write, TERMINAL_OK, s->write_at);
    put(t, s);
    if (s->state == SESSION_CLOSED && s->out_count == 0)
        termd_complete(t, &s->far_read, TERMINAL_E_CLOSED, 0);
}

void stream_ended(struct termd *t, struct session *s)
{
    memset(s->lent.at + s->in_at, 0, s->in_count);
    s->in_count = 0;
    termd_complete(t, &s->far_write, TERMINAL_E_CLOSED, 0);
    if (s->out_count == 0)
        termd_complete(t, &s->far_read, TERMINAL_E_CLOSED, 0);
}
