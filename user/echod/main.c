/* SPDX-License-Identifier: BSD-2-Clause */
/* echod: sends back what comes in on the one port that it may listen on. It holds that authority and nothing
 * else: no console, no memory of its own to share (the service lends it a buffer for each connection), no
 * clock. What ends under it, listener, connection or service, it lets go and begins anew. When all places are
 * taken the connection on which nothing has moved for longest gives way to the next one, so that peers which
 * only hold connections keep nobody out. */
#include "abi/assert.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "user/rt/rt.h"

#define CONNECTIONS  9u /* one of them is free, or becomes it, for the next that comes */
#define BUFFER_BYTES NET_BUFFER_SERVED_MAX
#define USER_ACCEPT  CONNECTIONS
/* Before it asks a service again that said no: twice as long after each no. At the start that is the driver's
 * few milliseconds, without a network card it is a call now and then. */
#define PAUSE_FIRST_NS 1000000u
#define PAUSE_MAX_NS   256000000u

enum echod_exit { ECHOD_EXIT_GRANT = 1 };

/* What the call under way is for. */
enum step { STEP_FREE = 0, STEP_BUFFER, STEP_RECEIVE, STEP_SEND, STEP_CLOSE };

struct connection {
    uint8_t step; /* enum step */
    bool ended; /* closed by this side while a call was under way, whose end is waited for */
    uint64_t moved; /* the turn of its last step */
    cap_id socket, buffer;
};

struct echod {
    struct rt *rt;
    cap_id authority, listener;
    bool accepting;
    uint64_t again_ns; /* without a listener: not before */
    uint64_t turn; /* steps of all connections so far */
    uint64_t pause_ns; /* 0: the last answer was no refusal */
    struct connection connections[CONNECTIONS];
};

/* `gone`: the object ended with the service, and every handle to it with it. */
static void release(struct echod *e, cap_id *cap, bool gone)
{
    if (!cap_is_none(*cap) && !gone)
        (void)ring_release(&e->rt->ring, *cap);
    *cap = CAP_NONE;
}

static void pause(struct echod *e)
{
    const uint64_t longer_ns = e->pause_ns == 0 ? PAUSE_FIRST_NS : 2u * e->pause_ns;

    e->pause_ns = longer_ns < PAUSE_MAX_NS ? longer_ns : PAUSE_MAX_NS;
    e->again_ns = ring_now(&e->rt->ring) + e->pause_ns;
}

/* Of the pause: ns. */
static uint64_t left(const struct echod *e)
{
    const uint64_t now_ns = ring_now(&e->rt->ring);

    return e->again_ns > now_ns ? e->again_ns - now_ns : 0;
}

static void submit(struct echod *e, uint32_t user, cap_id cap, uint16_t method, const uint64_t *args)
{
    const struct ring_submission call = ring_make_call(cap, method, args, NULL);
    const bool submitted = ring_submit(&e->rt->ring, user, &call);

    ASSERT(submitted); /* a call a connection, and the accept */
}

static struct connection *unused(struct echod *e)
{
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        if (e->connections[i].step == STEP_FREE)
            return &e->connections[i];
    }
    return NULL;
}

static void step(struct echod *e, struct connection *c, enum step next, uint64_t bytes)
{
    const uint32_t user = (uint32_t)(c - e->connections);

    c->step = (uint8_t)next;
    c->moved = ++e->turn;
    if (next == STEP_BUFFER)
        submit(e, user, c->socket, SOCKET_BUFFER, RING_ARGS(BUFFER_BYTES));
    else if (next == STEP_RECEIVE)
        submit(e, user, c->socket, SOCKET_RECV, RING_ARGS(0, BUFFER_BYTES, RING_FOREVER));
    else if (next == STEP_SEND)
        submit(e, user, c->socket, SOCKET_SEND, RING_ARGS(0, bytes, RING_FOREVER));
    else
        submit(e, user, c->socket, SOCKET_CLOSE, NULL);
}

static void drop(struct echod *e, struct connection *c, bool gone)
{
    release(e, &c->buffer, false);
    release(e, &c->socket, gone);
    *c = (struct connection){0};
}

/* No place is free: of those that carry bytes, or could, the one that moved least lately ends. The call that
 * is under way on it completes with that. */
static void make_room(struct echod *e)
{
    struct connection *last = NULL;

    if (unused(e) != NULL)
        return;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &e->connections[i];

        if (c->ended || c->step == STEP_CLOSE)
            return; /* a place comes free by itself */
        if (last == NULL || c->moved < last->moved)
            last = c;
    }
    last->ended = true;
    (void)ring_call(&e->rt->ring, last->socket, SOCKET_CLOSE, NULL, NULL);
}

static void moved(struct echod *e, struct connection *c, const struct ring_completion *done)
{
    if (!ring_completed(done) || c->step == STEP_CLOSE || c->ended) {
        if (c->step == STEP_BUFFER && ring_completed(done))
            c->buffer = done->cap;
        drop(e, c, done->status != RING_OK);
        return;
    }
    if (c->step == STEP_BUFFER) {
        c->buffer = done->cap;
        step(e, c, STEP_RECEIVE, 0);
    } else if (c->step == STEP_SEND) {
        step(e, c, STEP_RECEIVE, 0);
    } else { /* nothing more comes: all of it was sent back */
        step(e, c, done->value > 0 ? STEP_SEND : STEP_CLOSE, done->value);
    }
}

static void accepted(struct echod *e, const struct ring_completion *done)
{
    struct connection *c = unused(e);

    e->accepting = false;
    if (!ring_completed(done)) {
        release(e, &e->listener, done->status != RING_OK);
        pause(e);
        return;
    }
    ASSERT(c != NULL); /* accept is asked for only with room */
    c->socket = done->cap;
    step(e, c, STEP_BUFFER, 0);
    make_room(e);
}

/* A listener, if there is none, and an accept that waits, if there is room for what it brings. */
static void listen(struct echod *e)
{
    if (cap_is_none(e->listener) && ring_now(&e->rt->ring) >= e->again_ns) {
        const struct ring_completion opened = ring_call(&e->rt->ring, e->authority, LISTEN_OPEN, NULL, NULL);

        if (ring_completed(&opened)) {
            e->listener = opened.cap;
            e->pause_ns = 0;
        } else {
            pause(e);
        }
    }
    if (!cap_is_none(e->listener) && !e->accepting && unused(e) != NULL) {
        e->accepting = true;
        submit(e, USER_ACCEPT, e->listener, LISTENER_ACCEPT, RING_ARGS(RING_FOREVER));
    }
}

uint32_t program_main(struct rt *rt)
{
    struct echod e = {.rt = rt, .authority = rt_first(rt, CAP_IF_TCP_LISTEN_AUTHORITY)};

    if (cap_is_none(e.authority))
        return ECHOD_EXIT_GRANT;
    for (;;) {
        struct ring_completion done;

        listen(&e);
        if (ring_wait(&rt->ring, cap_is_none(e.listener) ? left(&e) : RING_FOREVER, &done)) {
            if (done.user == USER_ACCEPT)
                accepted(&e, &done);
            else
                moved(&e, &e.connections[done.user], &done);
        } else if (left(&e) > 0) { /* there was nothing to wait for */
            ring_sleep(&rt->ring, left(&e));
        }
    }
}
