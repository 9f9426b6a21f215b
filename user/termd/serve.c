/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls as they come, and whose session is whose: each is one client capability of this process's own
 * endpoint, told by its badge. A standing call tells when nobody can call with one of the badges any more. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/package.h"
#include "user/termd/termd.h"

void termd_answer(struct termd *t, uint64_t token, enum terminal_error error, uint64_t value)
{
    (void)ring_return(&t->rt->ring, token, (uint16_t)error, value, NULL);
}

void termd_complete(struct termd *t, struct wait *w, enum terminal_error error, uint64_t value)
{
    if (!w->used)
        return;
    w->used = false;
    termd_answer(t, w->token, error, value);
}

bool termd_begin(struct termd *t, struct wait *w, uint64_t token, uint64_t ns)
{
    const uint64_t now_ns = ring_now(&t->rt->ring);

    if (w->used) {
        termd_answer(t, token, TERMINAL_E_BUSY, 0);
        return false;
    }
    *w = (struct wait){true, token, ns > RING_FOREVER - now_ns ? RING_FOREVER : now_ns + ns};
    return true;
}

uint64_t *termd_badge(struct termd *t, const struct session *s, bool stream)
{
    return (uint64_t *)(void *)t->badges.at + (s - t->sessions) + (stream ? TERMD_SESSIONS : 0);
}

void termd_watch(struct termd *t)
{
    const struct ring_extra list = ring_range(t->badges.cap, 0, TERMD_BADGES * (uint32_t)sizeof(uint64_t));
    const struct ring_submission gone = ring_make_call(t->endpoint, ENDPOINT_GONE, NULL, &list);

    if (!t->gone_asked)
        t->gone_asked = ring_submit(&t->rt->ring, TERMD_USER_GONE, &gone);
}

void termd_gone(struct termd *t, const struct ring_completion *done)
{
    t->gone_asked = false;
    if (ring_completed(done) && done->value < TERMD_BADGES) {
        struct session *s = &t->sessions[done->value % TERMD_SESSIONS];
        const bool far = done->value >= TERMD_SESSIONS;

        *termd_badge(t, s, far) = 0;
        *(far ? &s->lent_out : &s->handed) = false;
        session_close(t, s);
        if (!s->handed && !s->lent_out)
            session_free(t, s);
        if (done->value == TERMD_CONSOLE)
            (void)session_open(t, s); /* what was held for it is free again */
    }
    termd_watch(t);
}

/* The session goes to the opener, or stays as it was. */
static void hand(struct termd *t, struct session *s, struct opener *o)
{
    struct ring_client *ring = &t->rt->ring;
    const struct ring_completion made =
        ring_call(ring, t->endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_TERMINAL, s->badge), NULL);
    const uint64_t token = o->wait.token;

    o->wait.used = false;
    if (!ring_completed(&made)) {
        termd_answer(t, token, TERMINAL_E_NO_MEMORY, 0);
        return;
    }
    *termd_badge(t, s, false) = s->badge; /* before anybody has it: from now on its end is noticed */
    const struct ring_extra along = ring_move(made.cap);
    const struct ring_completion answered =
        ring_return(ring, token, TERMINAL_OK, (uint64_t)o->kind | (uint64_t)s->peer << 32, &along);
    if (ring_completed(&answered)) {
        s->handed = true;
        return;
    }
    *termd_badge(t, s, false) = 0;
    (void)ring_release(ring, made.cap);
    if (answered.status != RING_E_TOKEN) /* the caller has no room for it; else it is no more */
        termd_answer(t, token, TERMINAL_E_NO_MEMORY, 0);
}

static enum terminal_kind kind_of(const struct termd *t, const struct session *s)
{
    return s == &t->sessions[TERMD_CONSOLE] ? TERMINAL_CONSOLE
           : s->streamed                    ? TERMINAL_STREAMED
                                            : TERMINAL_CONNECTION;
}

/* That nobody has, and was made first: who comes later, and again and again, waits longer. */
static struct session *longest_waiting(struct termd *t, const struct opener *o)
{
    struct session *found = NULL;

    for (uint32_t i = 0; i < TERMD_SESSIONS; i++) {
        struct session *s = &t->sessions[i];

        if (kind_of(t, s) != o->kind || s->state != SESSION_LIVE || s->handed || s->number != o->number ||
            (i != TERMD_CONSOLE && !s->attached))
            continue;
        if (found == NULL || s->life < found->life)
            found = s;
    }
    return found;
}

void termd_match(struct termd *t)
{
    for (uint32_t i = 0; i < TERMD_SESSIONS; i++) {
        struct session *s = &t->sessions[i];

        if (s->state == SESSION_CLOSED && !s->handed && !s->lent_out)
            session_free(t, s); /* it hung up before anybody had it */
    }
    for (uint32_t i = 0; i < TERMD_OPENERS; i++) {
        struct opener *o = &t->openers[i];
        struct session *s = o->wait.used ? longest_waiting(t, o) : NULL;

        if (s != NULL)
            hand(t, s, o); /* the opener has its answer, whatever it is */
    }
    termd_watch(t);
}

/* A place for the caller: that of an earlier life of its service first, whose call can reach nobody. */
static struct opener *opener_place(struct termd *t, uint64_t badge, enum terminal_kind kind)
{
    struct opener *unused = NULL;

    for (uint32_t i = 0; i < TERMD_OPENERS; i++) {
        struct opener *o = &t->openers[i];

        if (!o->wait.used)
            unused = unused == NULL ? o : unused;
        else if (PACKAGE_BADGE_SERVICE(o->badge) == PACKAGE_BADGE_SERVICE(badge) && o->kind == kind)
            return o->badge == badge ? NULL : o;
    }
    return unused;
}

static void open(struct termd *t, const struct ring_received *call, enum terminal_kind kind)
{
    struct opener *o = opener_place(t, call->badge, kind);

    if (call->method != TERMINALS_OPEN || (kind != TERMINAL_STREAMED && call->args[0] != 0))
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
    else if (o == NULL)
        termd_answer(t, call->token, TERMINAL_E_BUSY, 0);
    else
        *o = (struct opener){{true, call->token, RING_FOREVER}, call->badge, (uint8_t)kind, call->args[0]};
}

static bool in_page(uint64_t offset, uint64_t bytes)
{
    return bytes <= TERMINAL_BUFFER_BYTES && offset <= TERMINAL_BUFFER_BYTES - bytes;
}

static void call_write(struct termd *t, struct session *s, const struct ring_received *call)
{
    if (!in_page(call->args[0], call->args[1])) {
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
        return;
    }
    if (s->read.used) {
        termd_answer(t, call->token, TERMINAL_E_BUSY, 0);
        return;
    }
    if (!termd_begin(t, &s->write, call->token, RING_FOREVER))
        return;
    s->write_at = (uint32_t)call->args[0];
    s->write_left = (uint32_t)call->args[1];
    if (show_text(t, s))
        termd_complete(t, &s->write, TERMINAL_OK, call->args[1]);
}

static void call_read(struct termd *t, struct session *s, const struct ring_received *call)
{
    const uint32_t bytes = (uint32_t)call->args[1];

    if (call->args[1] >> 33 != 0 || bytes > TERMINAL_PROMPT_BYTES ||
        !in_page(call->args[0], TERMINAL_LINE_BYTES))
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
    else if (termd_begin(t, &s->read, call->token, call->args[2]))
        session_ask(t, s, (uint32_t)call->args[0], bytes, call->args[1] >> 32 != 0);
}

static void call_key(struct termd *t, struct session *s, const struct ring_received *call)
{
    if (call->args[1] > TERMINAL_KEY_INTERRUPT) {
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
        return;
    }
    if (!termd_begin(t, &s->key, call->token, call->args[0]))
        return;
    s->key_interrupt = call->args[1] == TERMINAL_KEY_INTERRUPT;
    session_ahead(t, s);
}

static void call_words(struct termd *t, struct session *s, const struct ring_received *call)
{
    char words[TERMINAL_WORDS_BYTES];

    if (call->args[1] > sizeof words || !in_page(call->args[0], call->args[1])) {
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
        return;
    }
    memcpy(words, s->page.at + call->args[0], call->args[1]);
    discipline_words(&s->line, words, (uint32_t)call->args[1]);
    termd_answer(t, call->token, TERMINAL_OK, 0);
}

static void session_call(struct termd *t, struct session *s, const struct ring_received *call)
{
    const struct ring_extra page = ring_copy(s->page.cap);

    if (s->state != SESSION_LIVE) {
        termd_answer(t, call->token, TERMINAL_E_CLOSED, 0);
        return;
    }
    switch (call->method) {
    case TERMINAL_BUFFER:
        (void)ring_return(&t->rt->ring, call->token, TERMINAL_OK, TERMINAL_BUFFER_BYTES, &page);
        return;
    case TERMINAL_WRITE:
        call_write(t, s, call);
        return;
    case TERMINAL_READ:
        call_read(t, s, call);
        return;
    case TERMINAL_WORDS:
        call_words(t, s, call);
        return;
    case TERMINAL_KEY:
        call_key(t, s, call);
        return;
    case TERMINAL_CLEAR:
        show_clear(t, s);
        termd_answer(t, call->token, TERMINAL_OK, 0);
        return;
    case TERMINAL_SIZE:
        termd_answer(t, call->token, TERMINAL_OK, s->columns | (uint64_t)s->rows << 16);
        return;
    case TERMINAL_CLOSE:
        session_close(t, s);
        termd_answer(t, call->token, TERMINAL_OK, 0);
        return;
    default:
        termd_answer(t, call->token, TERMINAL_E_VALUE, 0);
    }
}

static struct session *session_of(struct termd *t, uint64_t badge)
{
    const uint32_t i = (uint32_t)(badge & 0xffffu) - 1u;

    return i < TERMD_SESSIONS && t->sessions[i].state != SESSION_FREE && t->sessions[i].badge == badge
               ? &t->sessions[i]
               : NULL;
}

void termd_call(struct termd *t, const struct ring_completion *done)
{
    struct ring_client *ring = &t->rt->ring;
    const struct ring_received call = ring_received(ring, done);
    const uint32_t place = done->inbox;
    bool kept = false;
    cap_id endpoint = t->endpoint;

    ASSERT(place < TERMD_PLACES);
    if (place == TERMD_PLACE_CONSOLES) {
        endpoint = t->consoles;
        open(t, &call, TERMINAL_CONSOLE);
    } else if (place == TERMD_PLACE_CONNECTIONS) {
        endpoint = t->connections;
        open(t, &call, TERMINAL_CONNECTION);
    } else if (place == TERMD_PLACE_STREAMS) {
        endpoint = t->streams;
        open(t, &call, TERMINAL_STREAMED);
    } else if (place == TERMD_PLACE_MAKER && call.method == TERMINAL_STREAM) {
        endpoint = t->maker;
        stream_make(t, &call);
    } else if (place == TERMD_PLACE_MAKER) {
        endpoint = t->maker;
        connection_adopt(t, &call);
        kept = call.cap_interface == CAP_IF_TCP_SOCKET; /* the session's, or closed */
    } else {
        struct session *s = session_of(t, call.badge & ~(uint64_t)TERMD_STREAM_BIT);

        if (s != NULL && call.interface == CAP_IF_STREAM)
            stream_call(t, s, &call);
        else if (s != NULL)
            session_call(t, s, &call);
        else
            termd_answer(t, call.token, TERMINAL_E_CLOSED, 0);
    }
    if (!kept && !cap_is_none(call.cap))
        (void)ring_release(ring, call.cap);
    const bool taken = ring_recv(ring, place, endpoint, place);
    ASSERT(taken);
}
