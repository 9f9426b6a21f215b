/* SPDX-License-Identifier: BSD-2-Clause */
/* One listener, one accept and one wait for all sockets of it. Whoever comes gets a place: when there are too
 * many that showed no session, or no place is left, the one on which nothing has moved for longest gives way,
 * so that peers that only hold connections keep nobody out. Whose first request may be on its way is no such
 * peer yet: while all are as young as that, who comes next waits in netd's backlog. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "user/webd/webd.h"

#define PAUSE_FIRST_NS 1000000u
#define PAUSE_MAX_NS   256000000u
_Static_assert(WEBD_PLACES == NET_PLACES_MAX, "every event names one");

static void pause(struct webd *w)
{
    const uint64_t longer_ns = w->pause_ns == 0 ? PAUSE_FIRST_NS : 2u * w->pause_ns;

    w->pause_ns = longer_ns < PAUSE_MAX_NS ? longer_ns : PAUSE_MAX_NS;
    w->again_ns = ring_now(&w->rt->ring) + w->pause_ns;
}

static void submit(struct webd *w, uint64_t user, uint16_t method)
{
    const uint64_t most = method == LISTENER_EVENT ? NET_EVENTS : 0;
    const struct ring_submission call =
        ring_make_call(w->listener, method, RING_ARGS(RING_FOREVER, most), NULL);
    const bool submitted = ring_submit(&w->rt->ring, user, &call);

    ASSERT(submitted); /* one of each */
}

/* The listener ended, with every socket that it accepted or without: each socket says so itself. */
static void lost(struct webd *w, bool gone)
{
    if (!cap_is_none(w->listener) && !gone)
        (void)ring_release(&w->rt->ring, w->listener);
    w->listener = CAP_NONE;
    w->attached = false;
    for (uint32_t i = 0; i < WEBD_CONNECTIONS; i++) {
        if (w->connections[i].state != CONNECTION_FREE)
            connection_drop(w, &w->connections[i], gone);
    }
    pause(w);
}

static void open(struct webd *w)
{
    const struct ring_completion opened = ring_call(&w->rt->ring, w->authority, LISTEN_OPEN, NULL, NULL);

    if (!ring_completed(&opened)) {
        pause(w);
        return;
    }
    w->listener = opened.cap;
    const struct ring_extra share = ring_copy(w->share.cap);
    const struct ring_completion attached =
        ring_call(&w->rt->ring, w->listener, LISTENER_BUFFER, NULL, &share);
    w->attached = ring_completed(&attached);
    if (!w->attached)
        lost(w, attached.status != RING_OK);
    else
        w->pause_ns = 0;
}

/* Of those with this property the one that moved least lately, or NULL. Who was answered and lingers goes
 * before all others. */
static struct connection *oldest(struct webd *w, bool strangers)
{
    struct connection *found = NULL;

    for (uint32_t i = 0; i < WEBD_CONNECTIONS; i++) {
        struct connection *c = &w->connections[i];

        if (c->state == CONNECTION_FREE || (!c->stranger && (strangers || c->state != CONNECTION_HTTP)))
            continue;
        const bool over = c->state == CONNECTION_CLOSING;
        const bool best_over = found != NULL && found->state == CONNECTION_CLOSING;

        if (found == NULL || (over != best_over ? over : c->moved_ns < found->moved_ns))
            found = c;
    }
    return found;
}

static uint32_t count(uint64_t connections)
{
    uint32_t found = 0;

    for (; connections != 0; connections &= connections - 1u)
        found++;
    return found;
}

/* When the next that comes may be taken: at once, unless everybody who would give way is young. A flood of
 * those that never say who they are is not waited for: netd's backlog would fill, and others find no place in
 * it. */
static uint64_t due(struct webd *w)
{
    const bool crowded = w->patience != 0 && count(w->strangers) >= WEBD_STRANGERS;
    const struct connection *c = crowded ? oldest(w, true) : NULL;

    return c == NULL || c->state == CONNECTION_CLOSING ? 0 : c->moved_ns + WEBD_YOUNG_NS;
}

uint64_t listen_turn(struct webd *w)
{
    uint64_t due_ns = RING_FOREVER;

    if (cap_is_none(w->listener) && !w->accepting && !w->eventing && ring_now(&w->rt->ring) >= w->again_ns)
        open(w);
    if (cap_is_none(w->listener))
        return w->again_ns;
    if (!w->accepting && (due_ns = due(w)) > ring_now(&w->rt->ring)) {
        w->deferred = true;
    } else if (!w->accepting) {
        w->patience -= w->deferred && w->patience != 0;
        w->deferred = false;
        due_ns = RING_FOREVER;
        w->accepting = true;
        submit(w, WEBD_USER_ACCEPT, LISTENER_ACCEPT);
    }
    if (!w->eventing) {
        w->eventing = true;
        submit(w, WEBD_USER_EVENT, LISTENER_EVENT);
    }
    return due_ns;
}

static void make_room(struct webd *w)
{
    struct connection *c = NULL;

    if (count(w->strangers) >= WEBD_STRANGERS)
        c = oldest(w, true);
    else if (count(w->used) == WEBD_CONNECTIONS)
        c = oldest(w, false);
    if (c != NULL) {
        w->counts[WEBD_COUNT_GAVE_WAY]++;
        connection_drop(w, c, false);
    }
}

void listen_accepted(struct webd *w, const struct ring_completion *done)
{
    w->accepting = false;
    if (!ring_completed(done)) {
        if (!cap_is_none(w->listener))
            lost(w, done->status != RING_OK);
        return;
    }
    w->counts[WEBD_COUNT_ACCEPTED]++;
    make_room(w);
    if (cap_is_none(w->listener) || done->value >= WEBD_PLACES)
        (void)ring_release(&w->rt->ring, done->cap);
    else
        connection_begin(w, done->cap, (uint16_t)done->value);
}

void listen_event(struct webd *w, const struct ring_completion *done)
{
    w->eventing = false;
    if (!ring_completed(done)) {
        if (!cap_is_none(w->listener))
            lost(w, done->status != RING_OK);
        return;
    }
    if (cap_is_none(w->listener))
        return;
    w->eventing = true;
    submit(w, WEBD_USER_EVENT, LISTENER_EVENT); /* goes with the next call for this one */
    for (uint32_t i = 0; i < NET_EVENTS; i++) {
        const uint16_t flags = NET_EVENT_FLAGS(done->value, i);
        const uint32_t at = w->by_place[NET_EVENT_PLACE(done->value, i)];

        if (flags == 0 || at == 0) /* of one that was dropped meanwhile */
            continue;
        connection_wake(w, at - 1u);
        w->connections[at - 1u].readable |= (flags & NET_EVENT_READ) != 0;
        w->connections[at - 1u].writable |= (flags & NET_EVENT_WRITE) != 0;
    }
}
