/* SPDX-License-Identifier: BSD-2-Clause */
/* The web process: start and loop. */
#include "abi/assert.h"
#include "abi/login.h"
#include "abi/memory.h"
#include "user/webd/webd.h"

#define MESSAGES_AT (WEBD_LARGE * HTTP_BODY_BYTES) /* of `room` */
#define HOSTS       "127.0.0.1:8080,localhost:8080" /* where the boot line names none */
#define TYPED_AT    (MESSAGES_AT + WEBD_SHELLS * WEBSOCKET_MESSAGE_BYTES)
#define ROOM_BYTES  (TYPED_AT + WEBD_SHELLS * WEBD_TYPED_BYTES)

static struct webd webd;

static void starters(struct webd *w)
{
    static const char *const names[WEBD_SHELLS] = {"shell-1", "shell-2", "shell-3", "shell-4"};

    for (uint32_t i = 0; i < WEBD_SHELLS; i++) {
        w->shells[i].starter = rt_grant(w->rt, names[i], CAP_IF_STARTER);
        w->shells[i].stream = CAP_NONE;
        w->shells[i].memory.cap = CAP_NONE;
        w->shells[i].connection = WEBD_CONNECTIONS;
        w->shells[i].message = w->room.at + MESSAGES_AT + i * WEBSOCKET_MESSAGE_BYTES;
        w->shells[i].typed = w->room.at + TYPED_AT + i * WEBD_TYPED_BYTES;
    }
}

static enum webd_exit begin(struct webd *w)
{
    struct rt *rt = w->rt;
    size_t bytes = 0;
    const char *said = rt_parameter(rt, "hosts", &bytes), *hosts = said != NULL ? said : HOSTS;

    w->authority = rt_first(rt, CAP_IF_TCP_LISTEN_AUTHORITY);
    w->login = rt_first(rt, CAP_IF_LOGIN);
    w->maker = rt_first(rt, CAP_IF_TERMINAL_MAKER);
    w->system = rt_first(rt, CAP_IF_SYSTEM);
    w->supervisor = rt_first(rt, CAP_IF_SUPERVISOR_STATUS);
    w->network = rt_first(rt, CAP_IF_NETWORK_STATUS);
    w->entropy = rt_first(rt, CAP_IF_ENTROPY);
    if (cap_is_none(w->authority) || cap_is_none(w->login) || cap_is_none(w->maker) ||
        cap_is_none(w->system) || cap_is_none(w->supervisor) || cap_is_none(w->network) ||
        cap_is_none(w->entropy))
        return WEBD_EXIT_GRANT;
    if (!gate_init(&w->gate, hosts, said != NULL ? (uint32_t)bytes : (uint32_t)(sizeof HOSTS - 1u)))
        return WEBD_EXIT_HOSTS;
    if (!rt_memory_make(rt, WEBD_CONNECTIONS * WEBD_PART_BYTES, &w->share) ||
        !rt_memory_make(rt, RING_PAGE_BYTES, &w->range) ||
        !rt_memory_make(rt, RING_PAGE_BYTES, &w->asked.page) || !rt_memory_make(rt, ROOM_BYTES, &w->room))
        return WEBD_EXIT_MEMORY;
    w->listener = CAP_NONE;
    w->patience = WEBD_PATIENCE;
    sessions_init(&w->sessions);
    starters(w);
    witness_init(w);
    return 0;
}

static void shell_completed(struct webd *w, const struct ring_completion *done)
{
    const bool written = done->user >= WEBD_USER_SHELL_WRITE;
    const uint32_t at = (uint32_t)(done->user - (written ? WEBD_USER_SHELL_WRITE : WEBD_USER_SHELL_READ));

    connection_wake(w, w->shells[at].connection); /* its socket may go on reading */
    if (written)
        shells_written(w, at, done);
    else
        shells_read(w, at, done);
}

static void completed(struct webd *w, const struct ring_completion *done)
{
    if (done->user == WEBD_USER_ACCEPT)
        listen_accepted(w, done);
    else if (done->user == WEBD_USER_EVENT)
        listen_event(w, done);
    else if (done->user == WEBD_USER_LOGIN)
        api_login_done(w, done);
    else if (done->user >= WEBD_USER_SEND)
        connection_sent(w, (uint32_t)(done->user - WEBD_USER_SEND), done);
    else if (done->user >= WEBD_USER_RECV)
        connection_received(w, (uint32_t)(done->user - WEBD_USER_RECV), done);
    else if (done->user == WEBD_USER_SHUTDOWN)
        connections_landed(w);
    else
        shell_completed(w, done);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t now(const struct webd *w)
{
    return ring_now(&w->rt->ring); /* asked for anew each time: sessions take no time that goes back */
}

/* All that can be done now. Gives when there is something next, whatever else happens. What requests have
 * begun or ended comes before what is shown of it, and that before it is sent. */
static uint64_t turn(struct webd *w)
{
    (void)connections_turn(w);
    uint64_t due_ns = api_sessions(w, now(w));
    due_ns = earlier(due_ns, shells_turn(w, now(w)));
    due_ns = earlier(due_ns, overview_turn(w, now(w)));
    due_ns = earlier(due_ns, connections_turn(w));
    return earlier(due_ns, listen_turn(w));
}

uint32_t program_main(struct rt *rt)
{
    struct webd *w = &webd;

    w->rt = rt;
    const enum webd_exit error = begin(w);
    if (error != 0)
        return error;
    for (;;) {
        struct ring_completion done;
        const uint64_t due_ns = earlier(turn(w), w->witness.until_ns), now_ns = ring_now(&rt->ring);
        uint32_t code = 0;

        if (witness_over(w, now_ns, &code))
            return code;
        const uint64_t timeout_ns = due_ns == RING_FOREVER ? RING_FOREVER
                                    : due_ns > now_ns      ? due_ns - now_ns
                                                           : 0;
        if (!ring_wait(&rt->ring, timeout_ns, &done)) {
            if (timeout_ns != 0 && !w->accepting && !w->eventing) /* there was nothing to wait for */
                ring_sleep(&rt->ring, timeout_ns);
            continue;
        }
        completed(w, &done);
        while (rt->ring.kept_count != 0 && ring_wait(&rt->ring, 0, &done)) /* what came with it */
            completed(w, &done);
    }
}
