/* SPDX-License-Identifier: BSD-2-Clause */
/* termd: one loop. Keys, calls and connections come in, lines and text go out. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/termd/termd.h"

#define KEYS_BYTES 256u

static struct termd termd;

/* The read that stands in the ring, so that the kernel knows whose line the unfinished one is. */
static bool ask_keys(struct termd *t)
{
    const struct ring_extra range = ring_range(t->keys.cap, 0, KEYS_BYTES);
    const struct ring_submission call = ring_make_call(t->port, SERIAL_READ, NULL, &range);

    return ring_submit(&t->rt->ring, TERMD_USER_KEYS, &call);
}

/* False: the console is gone. */
static bool keys(struct termd *t, const struct ring_completion *done)
{
    uint8_t typed[KEYS_BYTES];

    if (!ring_completed(done) || done->value > KEYS_BYTES)
        return false;
    memcpy(typed, t->keys.at, done->value);
    memset(t->keys.at, 0, done->value); /* part of it may be a secret */
    for (uint64_t i = 0; i < done->value; i++)
        session_typed(t, &t->sessions[TERMD_CONSOLE], typed[i]);
    memset(typed, 0, sizeof typed);
    __asm__ volatile("" : : "r"(typed) : "memory");
    return ask_keys(t);
}

static bool completed(struct termd *t, const struct ring_completion *done)
{
    const uint32_t what = (uint32_t)(done->user & 0xffu), place = (uint32_t)(done->user >> 8 & 0xffu);

    if (done->user < TERMD_PLACES)
        termd_call(t, done);
    else if (what == TERMD_USER_GONE)
        termd_gone(t, done);
    else if (what == TERMD_USER_KEYS)
        return keys(t, done);
    else if (place < TERMD_SESSIONS && t->sessions[place].life == done->user >> 16 &&
             t->sessions[place].state == SESSION_LIVE)
        connection_completed(t, &t->sessions[place], what, done);
    return true;
}

static uint64_t turn(struct termd *t)
{
    const uint64_t now_ns = ring_now(&t->rt->ring);
    uint64_t due_ns = RING_FOREVER;

    termd_match(t);
    for (uint32_t i = 0; i < TERMD_SESSIONS; i++) {
        struct session *s = &t->sessions[i];
        const uint64_t due = s->state == SESSION_LIVE ? session_expire(t, s, now_ns) : RING_FOREVER;

        due_ns = due < due_ns ? due : due_ns;
        if (s->streamed)
            stream_turn(t, s);
        else if (i != TERMD_CONSOLE)
            connection_turn(t, s);
    }
    return due_ns;
}

static void receive(struct termd *t)
{
    for (uint32_t place = 0; place < TERMD_PLACES; place++) {
        const cap_id endpoint = place == TERMD_PLACE_CONSOLES      ? t->consoles
                                : place == TERMD_PLACE_CONNECTIONS ? t->connections
                                : place == TERMD_PLACE_STREAMS     ? t->streams
                                : place == TERMD_PLACE_MAKER       ? t->maker
                                                                   : t->endpoint;
        if (cap_is_none(endpoint)) /* streams, in a system without */
            continue;
        const bool taken = ring_recv(&t->rt->ring, place, endpoint, place);

        ASSERT(taken);
    }
}

static enum termd_exit begin(struct termd *t)
{
    struct rt *rt = t->rt;
    const cap_id endpoints = rt_first(rt, CAP_IF_ENDPOINT_SOURCE);

    t->port = rt_first(rt, CAP_IF_SERIAL);
    t->consoles = rt_grant(rt, "console-terminal", CAP_IF_ENDPOINT);
    t->connections = rt_grant(rt, "connection-terminal", CAP_IF_ENDPOINT);
    t->streams = rt_grant(rt, "web-terminal", CAP_IF_ENDPOINT);
    t->maker = rt_grant(rt, "terminal-maker", CAP_IF_ENDPOINT);
    t->columns = (uint32_t)rt_parameter_u64(rt, "columns", TERMD_COLUMNS);
    t->rows = (uint32_t)rt_parameter_u64(rt, "rows", TERMD_ROWS);
    if (cap_is_none(t->port) || cap_is_none(t->consoles) || cap_is_none(t->connections) ||
        cap_is_none(t->maker) || cap_is_none(endpoints))
        return TERMD_EXIT_GRANT;
    const struct ring_completion made = ring_call(&rt->ring, endpoints, ENDPOINT_CREATE, NULL, NULL);
    t->endpoint = made.cap;
    if (!ring_completed(&made) || !rt_memory_make(rt, KEYS_BYTES, &t->keys) ||
        !rt_memory_make(rt, RING_PAGE_BYTES, &t->draw) ||
        !rt_memory_make(rt, TERMD_BADGES * (uint32_t)sizeof(uint64_t), &t->badges) ||
        !session_open(t, &t->sessions[TERMD_CONSOLE]) || !ask_keys(t))
        return TERMD_EXIT_MEMORY;
    receive(t);
    return 0;
}

uint32_t program_main(struct rt *rt)
{
    struct termd *t = &termd;
    struct ring_completion done;

    t->rt = rt;
    const enum termd_exit error = begin(t);
    if (error != 0)
        return error;
    for (;;) {
        const uint64_t due_ns = turn(t), now_ns = ring_now(&rt->ring);
        const uint64_t timeout_ns = due_ns == RING_FOREVER ? RING_FOREVER
                                    : due_ns > now_ns      ? due_ns - now_ns
                                                           : 0;

        if (ring_wait(&rt->ring, timeout_ns, &done) && !completed(t, &done))
            return TERMD_EXIT_CONSOLE;
    }
}
