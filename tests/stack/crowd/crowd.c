/* SPDX-License-Identifier: BSD-2-Clause */
/* crowd: an echo to CONNECTIONS peers at once through one listener. Two calls of it wait, however many peers
 * there are: for the next one, and for what happens to any. All of them share one buffer, a part each. A peer
 * that does not read holds back its own stream alone. What ends under it, listener, driver or service, it
 * lets go and begins anew. */
#include "abi/methods.h"
#include "abi/net.h"
#include "tests/support/claims.h"

#define CONNECTIONS 64u
#define PART_BYTES  8192u
#define ROUNDS      4u /* receive and send of one connection, before the next has its turn */
#define PAUSE_NS    5000000u /* before the port is asked for again */

enum crowd_user { USER_ACCEPT = 0, USER_EVENT, USERS };
enum crowd_exit { CROWD_EXIT_GRANT = 1, CROWD_EXIT_MEMORY };

struct connection {
    cap_id socket; /* CAP_NONE: free */
    uint32_t filled, sent; /* of its part */
};

struct crowd {
    struct rt *rt;
    cap_id authority, listener;
    struct rt_memory shared;
    bool waits[USERS];
    bool over; /* the listener is of no more use: nothing new is asked of it */
    uint32_t count;
    struct connection connections[CONNECTIONS];
    struct connection *at[NET_PLACES_MAX]; /* by netd's place; NULL: none of ours */
};

#define CLAIM(c_, holds_, seen_) claim_check((c_)->rt, "crowd", (holds_), __FILE__, __LINE__, (seen_))

static struct ring_completion call(struct crowd *c, cap_id cap, uint16_t method, uint64_t a, uint64_t b)
{
    return ring_call(&c->rt->ring, cap, method, RING_ARGS(a, b, 0), NULL);
}

/* A handle whose object ended with the service is none any more, and giving it back does nothing. */
static void drop(struct crowd *c, struct connection *k)
{
    (void)ring_release(&c->rt->ring, k->socket);
    for (uint32_t place = 0; place < NET_PLACES_MAX; place++) {
        if (c->at[place] == k)
            c->at[place] = NULL;
    }
    *k = (struct connection){.socket = CAP_NONE};
    c->count--;
}

/* What there is goes back, until one side has no more. */
static void serve(struct crowd *c, struct connection *k)
{
    const uint32_t part = (uint32_t)(k - c->connections) * PART_BYTES;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct ring_completion done;

        if (k->sent == k->filled) {
            done = call(c, k->socket, SOCKET_RECV, part, PART_BYTES);
            if (done.status == RING_OK && done.result == NET_E_TIMEOUT)
                return;
            if (!ring_completed(&done) || done.value == 0) {
                drop(c, k);
                return;
            }
            CLAIM(c, done.value <= PART_BYTES, done.value);
            k->filled = (uint32_t)done.value;
            k->sent = 0;
        }
        done = call(c, k->socket, SOCKET_SEND, part + k->sent, k->filled - k->sent);
        if (!ring_completed(&done)) {
            drop(c, k);
            return;
        }
        CLAIM(c, done.value <= k->filled - k->sent, done.value);
        k->sent += (uint32_t)done.value;
        if (k->sent < k->filled)
            return;
    }
}

static void accepted(struct crowd *c, const struct ring_completion *done)
{
    struct connection *k = c->connections;

    while (!cap_is_none(k->socket))
        k++; /* accept is asked for only with room */
    CLAIM(c, done->value < NET_PLACES_MAX && c->at[done->value] == NULL, done->value);
    k->socket = done->cap;
    c->at[done->value] = k;
    c->count++;
}

static void told(struct crowd *c, uint64_t value)
{
    const uint16_t place = NET_EVENT_PLACE(value, 0), flags = NET_EVENT_FLAGS(value, 0);

    CLAIM(c, place < NET_PLACES_MAX && flags != 0 && flags <= (NET_EVENT_READ | NET_EVENT_WRITE), value);
    if (c->at[place] != NULL) /* else it was let go meanwhile */
        serve(c, c->at[place]);
}

static void completed(struct crowd *c, const struct ring_completion *done)
{
    c->waits[done->user] = false;
    if (!ring_completed(done))
        c->over = true;
    else if (done->user == USER_ACCEPT)
        accepted(c, done);
    else
        told(c, done->value);
}

/* Every call on it has completed. */
static void begin_anew(struct crowd *c)
{
    (void)ring_release(&c->rt->ring, c->listener);
    c->listener = CAP_NONE;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        if (!cap_is_none(c->connections[i].socket))
            drop(c, &c->connections[i]);
    }
    c->over = false;
}

static bool open(struct crowd *c)
{
    const struct ring_extra along = ring_copy(c->shared.cap);
    const struct ring_completion opened =
        ring_call(&c->rt->ring, c->authority, LISTEN_OPEN, RING_ARGS(0), NULL);

    if (!ring_completed(&opened))
        return false;
    c->listener = opened.cap;
    const struct ring_completion kept = ring_call(&c->rt->ring, c->listener, LISTENER_BUFFER, NULL, &along);
    if (ring_completed(&kept)) {
        CLAIM(c, kept.value == c->shared.bytes, kept.value);
        return true;
    }
    /* The service or its driver ended between both; never that it still has the memory. */
    CLAIM(c, kept.status != RING_OK || kept.result != NET_E_VALUE, kept.result);
    begin_anew(c);
    return false;
}

static void ask(struct crowd *c, enum crowd_user user, uint16_t method)
{
    const struct ring_submission made = ring_make_call(c->listener, method, RING_ARGS(RING_FOREVER), NULL);

    if (!c->waits[user] && !c->over && !cap_is_none(c->listener))
        c->waits[user] = ring_submit(&c->rt->ring, user, &made);
}

uint32_t program_main(struct rt *rt)
{
    static struct crowd c;

    c.rt = rt;
    c.authority = rt_first(rt, CAP_IF_TCP_LISTEN_AUTHORITY);
    c.listener = CAP_NONE;
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        c.connections[i].socket = CAP_NONE;
    if (cap_is_none(c.authority))
        return CROWD_EXIT_GRANT;
    if (!rt_memory_make(rt, CONNECTIONS * PART_BYTES, &c.shared))
        return CROWD_EXIT_MEMORY;
    for (;;) {
        struct ring_completion done;

        if (c.over && !c.waits[USER_ACCEPT] && !c.waits[USER_EVENT])
            begin_anew(&c);
        if (cap_is_none(c.listener) && !open(&c)) {
            ring_sleep(&rt->ring, PAUSE_NS);
            continue;
        }
        if (c.count < CONNECTIONS)
            ask(&c, USER_ACCEPT, LISTENER_ACCEPT);
        ask(&c, USER_EVENT, LISTENER_EVENT);
        if (ring_wait(&rt->ring, RING_FOREVER, &done))
            completed(&c, &done);
    }
}
