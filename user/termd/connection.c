/* SPDX-License-Identifier: BSD-2-Clause */
/* A TcpSocket that was moved here whole, as a terminal's stream. Its bytes come and go through pages of this
 * process. What a peer does not take stays here, bounded; while there is no room to echo, nothing is read of
 * it, so that a peer that never reads costs its own terminal alone. */
#include "abi/assert.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "user/termd/termd.h"

static uint64_t user_of(const struct termd *t, const struct session *s, enum termd_user what)
{
    return (uint64_t)what | (uint64_t)(s - t->sessions) << 8 | s->life << 16;
}

static void submit(struct termd *t, struct session *s, enum termd_user what, uint16_t method,
                   const uint64_t *args, const struct ring_extra *extra)
{
    const struct ring_submission call = ring_make_call(s->socket, method, args, extra);
    const bool submitted = ring_submit(&t->rt->ring, user_of(t, s, what), &call);

    ASSERT(submitted); /* two a session, beside the receives */
}

uint32_t connection_room(const struct session *s)
{
    return TERMD_OUT_BYTES - s->out_count;
}

void connection_put(struct session *s, const char *bytes, uint32_t count)
{
    if (s->state != SESSION_LIVE || (cap_is_none(s->socket) && !s->streamed))
        return;
    if (count >
        connection_room(s)) /* a key looks for TERMD_ECHO_BYTES first: a holder that draws and draws */
        return;
    for (uint32_t i = 0; i < count; i++) {
        s->stream.at[TERMD_IN_BYTES + (s->out_first + s->out_count) % TERMD_OUT_BYTES] = (uint8_t)bytes[i];
        s->out_count++;
    }
}

static void refuse(struct termd *t, const struct ring_received *call, enum terminal_error error)
{
    struct ring_client *ring = &t->rt->ring;

    if (call->cap_interface == CAP_IF_TCP_SOCKET)
        (void)ring_release(ring, call->cap); /* the last handle of it: the service closes it */
    termd_answer(t, call->token, error, 0);
}

void connection_adopt(struct termd *t, const struct ring_received *call)
{
    struct session *s = NULL;
    uint8_t greeting[TELNET_GREETING];

    for (uint32_t i = TERMD_CONSOLE + 1u; i < TERMD_FIRST_STREAM && s == NULL; i++) {
        if (t->sessions[i].state == SESSION_FREE)
            s = &t->sessions[i];
    }
    if (call->method != TERMINAL_ADOPT || call->args[0] > 1 || call->cap_interface != CAP_IF_TCP_SOCKET) {
        refuse(t, call, TERMINAL_E_VALUE);
        return;
    }
    if (s == NULL || !session_open(t, s)) {
        refuse(t, call, s == NULL ? TERMINAL_E_BUSY : TERMINAL_E_NO_MEMORY);
        return;
    }
    if (!rt_memory_make(t->rt, TERMD_IN_BYTES + TERMD_OUT_BYTES, &s->stream)) {
        session_free(t, s);
        refuse(t, call, TERMINAL_E_NO_MEMORY);
        return;
    }
    s->socket = call->cap;
    s->telnet = call->args[0] == 1;
    termd_answer(t, call->token, TERMINAL_OK, 0);
    if (s->telnet) {
        telnet_init(&s->filter, greeting);
        connection_put(s, (const char *)greeting, TELNET_GREETING);
    }
    const struct ring_extra along = ring_copy(s->stream.cap);
    submit(t, s, TERMD_USER_BUFFER, SOCKET_BUFFER, NULL, &along);
}

void connection_hang_up(struct termd *t, struct session *s)
{
    if (cap_is_none(s->socket))
        return;
    /* The last handle: what was sent still goes out in order, calls under way complete as cancelled. */
    (void)ring_release(&t->rt->ring, s->socket);
    s->socket = CAP_NONE;
    rt_memory_drop(t->rt, &s->stream);
}

static void telnet(struct termd *t, struct session *s, uint8_t byte)
{
    const struct telnet_out out = telnet_byte(&s->filter, byte);

    switch (out.event) {
    case TELNET_NOTHING:
        return;
    case TELNET_BYTE:
        session_typed(t, s, out.byte);
        return;
    case TELNET_ANSWER:
        connection_put(s, (const char *)out.answer, TELNET_ANSWER_BYTES);
        return;
    case TELNET_INTERRUPT:
        session_typed(t, s, 0x03);
        return;
    case TELNET_ERASE:
        session_typed(t, s, 0x08);
        return;
    case TELNET_KILL:
        session_typed(t, s, 0x15);
        return;
    case TELNET_ALIVE:
        connection_put(s, "\r\n[alive]\r\n", 11);
        return;
    case TELNET_REFUSED:
        session_close(t, s);
        return;
    }
}

static void look(struct termd *t, struct session *s)
{
    while (s->in_count > 0 && s->state == SESSION_LIVE && connection_room(s) >= TERMD_ECHO_BYTES) {
        const uint8_t byte = s->stream.at[s->in_at]; /* read once */

        s->stream.at[s->in_at++] = 0; /* part of it may be a secret */
        s->in_count--;
        if (s->telnet)
            telnet(t, s, byte);
        else
            session_typed(t, s, byte);
    }
}

static void send(struct termd *t, struct session *s)
{
    uint32_t part = TERMD_OUT_BYTES - s->out_first;

    if (s->sending || s->out_count == 0)
        return;
    part = part < s->out_count ? part : s->out_count;
    s->sending = true;
    s->out_sent = part;
    submit(t, s, TERMD_USER_SEND, SOCKET_SEND, RING_ARGS(TERMD_IN_BYTES + s->out_first, part, RING_FOREVER),
           NULL);
}

void connection_turn(struct termd *t, struct session *s)
{
    if (s->state != SESSION_LIVE || !s->attached)
        return;
    session_ahead(t, s); /* what there was no room for */
    look(t, s);
    if (s->state != SESSION_LIVE)
        return;
    if (s->write.used && show_text(t, s))
        termd_complete(t, &s->write, TERMINAL_OK, s->write_at);
    send(t, s);
    if (s->in_count == 0 && !s->receiving) {
        s->receiving = true;
        submit(t, s, TERMD_USER_RECV, SOCKET_RECV, RING_ARGS(0, TERMD_IN_BYTES, RING_FOREVER), NULL);
    }
}

void connection_completed(struct termd *t, struct session *s, uint32_t what,
                          const struct ring_completion *done)
{
    const bool good = ring_completed(done);

    if (what == TERMD_USER_BUFFER) {
        if (good)
            submit(t, s, TERMD_USER_PEER, SOCKET_PEER, RING_ARGS(0), NULL);
    } else if (what == TERMD_USER_PEER) {
        s->peer = (uint32_t)done->value; /* of IPv4: there is no other */
        s->attached = good;
    } else if (what == TERMD_USER_SEND) {
        s->sending = false;
        if (good && done->value <= s->out_sent) {
            s->out_first = (s->out_first + (uint32_t)done->value) % TERMD_OUT_BYTES;
            s->out_count -= (uint32_t)done->value;
        }
    } else {
        s->receiving = false;
        if (good && done->value > 0 && done->value <= TERMD_IN_BYTES) {
            s->in_at = 0;
            s->in_count = (uint32_t)done->value;
            return;
        }
        session_close(t, s); /* the peer will send no more, or the stream is gone */
        return;
    }
    if (!good)
        session_close(t, s);
}
