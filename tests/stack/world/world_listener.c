/* SPDX-License-Identifier: BSD-2-Clause */
/* What a listener does for the holder of many sockets, call by call: one buffer for all of them, and one call
 * that tells of all of them. The peers are a client's connections, which say and read as much as a test tells
 * them. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/stack/world/world.h"

#define PIECE      64u /* bytes that a connection says at a time */
#define WHOLE      RELAY_REGION_BYTES
#define FILLS      32u /* sends of WHOLE that no socket takes all of */
#define NOTHING    UINT64_MAX /* no event within the time */
#define SOCKETS    3u
#define OTHERS     1u /* listeners: echod's */
#define AT_ONCE    0u
#define TURNS_IDLE 10000u /* of a minute, in which lwIP has its timers; busy ones are millions */
#define SHORTLY    (100u * MS)

enum { SLOT_LISTENER = RELAY_FREE_FIRST, SLOT_SOCKETS };
enum { REGION_ALL = 1, REGION_OWN };

static struct world t;
static uint64_t places[SOCKETS];
static struct dm_client_connection plans[SOCKETS];

static uint64_t call(uint32_t slot, uint32_t method, uint64_t a, uint64_t b, uint64_t c)
{
    return world_call(&t, (struct world_call){.slot = slot, .method = method, .args = {a, b, c}});
}

static uint64_t share(uint32_t slot, uint32_t method, uint32_t region)
{
    return world_call(&t, (struct world_call){.slot = slot, .method = method, .region = region});
}

static void listen_at(uint32_t slot)
{
    cr_assert_eq(
        world_call(&t, (struct world_call){.slot = RELAY_AUTHORITY, .method = LISTEN_OPEN, .to = slot}),
        NET_OK);
}

/* Connection `which` is there, has said what its plan says, and its socket is in slot SLOT_SOCKETS + which.
 */
static void accept(uint32_t which, struct dm_client_connection plan)
{
    plan.port = PORT_OURS;
    plan.seed = which;
    plan.start_ns = wired_now(&t.w);
    plan.limit_ns = HOUR;
    plans[which] = plan;
    cr_assert_eq(dm_client_start(t.client, &plan), which);
    cr_assert_eq(world_call(&t, (struct world_call){.slot = SLOT_LISTENER,
                                                    .method = LISTENER_ACCEPT,
                                                    .args = {5 * SECOND},
                                                    .to = SLOT_SOCKETS + which}),
                 NET_OK);
    places[which] = t.value;
    cr_assert_lt(t.value, NET_PLACES_MAX);
    cr_expect_eq(call(RELAY_NETWORK, NETWORK_SOCKET, places[which], 0, 0), NET_OK);
    cr_expect_eq(t.value >> 16, PORT_OURS | (uint64_t)(DM_CLIENT_PORT + which) << 16, "another's place");
    wired_pass(&t.w, SHORTLY);
}

static void says_more(uint32_t which)
{
    plans[which].send_bytes += PIECE;
    dm_client_change(t.client, which, &plans[which]);
    wired_pass(&t.w, SHORTLY);
}

static uint64_t event(uint64_t ns)
{
    const uint64_t result = call(SLOT_LISTENER, LISTENER_EVENT, ns, 0, 0);

    cr_assert(result == NET_OK || result == NET_E_TIMEOUT, "%lu", (unsigned long)result);
    return result == NET_OK ? t.value : NOTHING;
}

static void told(uint32_t which, uint16_t flags)
{
    cr_expect_eq(event(AT_ONCE), NET_EVENT(0, places[which], flags), "of connection %u", which);
}

static void nothing_told(void)
{
    cr_expect_eq(event(AT_ONCE), NOTHING);
    cr_expect_eq(event(SHORTLY), NOTHING);
}

static void receive(uint32_t which, uint64_t bytes, uint64_t due, uint64_t count)
{
    cr_expect_eq(call(SLOT_SOCKETS + which, SOCKET_RECV, which * 1024u, bytes, AT_ONCE), due);
    cr_expect_eq(t.value, count);
}

/* What is in a region is what the connection said from there on. */
static void holds(uint32_t region, uint32_t which, uint64_t from, uint32_t bytes)
{
    uint8_t due[1024];

    cr_assert_leq(bytes, sizeof due);
    dm_client_pattern(which, from, due, bytes);
    (void)world_call(
        &t, (struct world_call){.slot = RELAY_DUMP, .method = region, .args = {which * 1024u, bytes}});
    cr_expect_eq(memcmp(t.dumped, due, bytes), 0, "connection %u: other bytes", which);
}

static bool anything(void *ctx, uint32_t number, uint64_t offset, const uint8_t *data, uint32_t bytes)
{
    (void)ctx, (void)number, (void)offset, (void)data, (void)bytes;
    return true;
}

static void begin(void)
{
    const struct dm_peer_config peer = wired_peer();
    struct dm_client_config client = wired_client();
    const struct world_config config = {.peer = &peer, .client = &client};

    client.connections_max = SOCKETS;
    client.judge = anything; /* what is sent to them is whatever the memory holds */
    world_open(&t, &config);
    cr_assert(world_state(&t, NET_STATE_BOUND, 5 * SECOND, 100 * MS));
    listen_at(SLOT_LISTENER);
    cr_assert_eq(share(SLOT_LISTENER, LISTENER_BUFFER, REGION_ALL), NET_OK);
    cr_expect_eq(t.value, WHOLE);
}

/* Whoever held anything lets go: nothing is left, the memory neither. */
static void end(void)
{
    for (uint32_t slot = SLOT_LISTENER; slot < SLOT_SOCKETS + SOCKETS; slot++)
        (void)world_call(&t, (struct world_call){.slot = RELAY_RELEASE, .method = slot});
    cr_expect(world_left(&t, 0, OTHERS), "a socket or a listener is left");
    listen_at(SLOT_LISTENER);
    cr_expect_eq(share(SLOT_LISTENER, LISTENER_BUFFER, REGION_ALL), NET_OK, "the memory is still mapped");
    world_close(&t);
}

static const struct dm_client_connection talks = {.send_bytes = PIECE, .receive_bytes = UINT64_MAX / 2};

Test(world_listener, bytes_are_told_once_until_somebody_receives_and_in_turn, .timeout = 300)
{
    begin();
    nothing_told();
    for (uint32_t i = 0; i < SOCKETS; i++)
        accept(i, talks);
    for (uint32_t i = 0; i < SOCKETS; i++) /* what had come before the accept, too */
        told(i, NET_EVENT_READ);
    for (uint32_t i = 0; i < SOCKETS; i++)
        says_more(i);
    nothing_told();
    receive(0, PIECE / 2u, NET_OK, PIECE / 2u); /* more is there: told again, behind who else has something */
    receive(2, PIECE, NET_OK, PIECE);
    told(0, NET_EVENT_READ);
    receive(0, PIECE / 2u, NET_OK, PIECE / 2u);
    told(2, NET_EVENT_READ);
    told(0, NET_EVENT_READ);
    nothing_told();
    holds(REGION_ALL, 2, 0, PIECE);
    for (uint32_t i = 0; i < SOCKETS; i++) { /* all that is there, each at its own offset */
        receive(i, WHOLE - i * 1024u, NET_OK, i == 1 ? 2u * PIECE : PIECE);
        holds(REGION_ALL, i, i == 1 ? 0 : PIECE, PIECE);
        receive(i, PIECE, NET_E_TIMEOUT, 0);
    }
    nothing_told();
    says_more(1); /* taken before it is told: not told */
    receive(1, WHOLE - 1024u, NET_OK, PIECE);
    nothing_told();
    const uint32_t waits = world_begin(
        &t, (struct world_call){.slot = SLOT_LISTENER, .method = LISTENER_EVENT, .args = {RING_FOREVER}});
    wired_pass(&t.w, SHORTLY);
    cr_expect_not(world_came(&t, waits));
    cr_expect_eq(call(SLOT_LISTENER, LISTENER_EVENT, AT_ONCE, 0, 0), NET_E_BUSY);
    says_more(2);
    cr_expect_eq(world_result(&t, waits), NET_OK);
    cr_expect_eq(t.done[waits].words[RELAY_ANSWER_VALUE], NET_EVENT(0, places[2], NET_EVENT_READ));
    says_more(0);
    says_more(1);
    cr_expect_eq(call(SLOT_LISTENER, LISTENER_EVENT, AT_ONCE, NET_EVENTS + 1u, 0), NET_E_VALUE);
    receive(2, WHOLE - 2u * 1024u, NET_OK, PIECE);
    says_more(2);
    cr_expect_eq(call(SLOT_LISTENER, LISTENER_EVENT, AT_ONCE, NET_EVENTS, 0),
                 NET_OK); /* all that there are, in turn */
    cr_expect_eq(t.value, NET_EVENT(0, places[0], NET_EVENT_READ) | NET_EVENT(1, places[1], NET_EVENT_READ) |
                              NET_EVENT(2, places[2], NET_EVENT_READ));
    nothing_told();
    receive(0, WHOLE, NET_OK, PIECE);
    says_more(0);
    (void)world_call(&t, (struct world_call){.slot = RELAY_RELEASE, .method = SLOT_SOCKETS});
    cr_expect(world_left(&t, SOCKETS - 1u, OTHERS + 1u));
    nothing_told(); /* nobody holds it any more */
    end();
}

Test(world_listener, an_end_and_a_reset_are_told_once, .timeout = 300)
{
    const struct dm_client_connection ends = {
        .send_bytes = PIECE, .receive_bytes = UINT64_MAX / 2, .manner = DM_CLIENT_HALF_CLOSE};

    begin();
    accept(0, ends);
    told(0, NET_EVENT_READ);
    receive(0, WHOLE, NET_OK, PIECE);
    told(0, NET_EVENT_READ);
    receive(0, WHOLE, NET_OK, 0);
    nothing_told();
    receive(0, WHOLE, NET_OK, 0);
    nothing_told();
    accept(1, talks);
    told(1, NET_EVENT_READ);
    receive(1, WHOLE - 1024u, NET_OK, PIECE);
    plans[1].manner = DM_CLIENT_RESETS;
    plans[1].receive_bytes = 0;
    says_more(1);
    cr_expect_eq(dm_client_report(t.client, 1).state, DM_CLIENT_RESET_ITSELF);
    told(1, NET_EVENT_READ);
    receive(1, PIECE, NET_E_RESET, 0);
    nothing_told();
    cr_expect_eq(call(SLOT_SOCKETS + 1, SOCKET_SEND, 0, PIECE, AT_ONCE), NET_E_RESET);
    nothing_told();
    end();
}

/* Sends until one is short: what the stack took of all. */
static uint64_t fill(uint32_t which)
{
    uint64_t taken = 0;

    for (uint32_t i = 0; i < FILLS; i++) {
        cr_assert_eq(call(SLOT_SOCKETS + which, SOCKET_SEND, 0, WHOLE, AT_ONCE), NET_OK);
        taken += t.value;
        if (t.value < WHOLE)
            return taken;
    }
    cr_assert_fail("all was taken");
    return 0;
}

Test(world_listener, room_is_told_to_who_had_none, .timeout = 300)
{
    const struct dm_client_connection slow = {.receive_bytes = UINT64_MAX / 2, .reads_bytes = 1};

    begin();
    accept(0, slow);
    accept(1, talks);
    told(1, NET_EVENT_READ);
    uint64_t taken = fill(0);
    wired_pass(&t.w, 5 * SECOND); /* the one byte that it reads goes by a probe of its window */
    taken += fill(0);
    cr_expect_eq(call(SLOT_SOCKETS, SOCKET_SEND, 0, 1, AT_ONCE), NET_OK);
    cr_expect_eq(t.value, 0);
    cr_expect_eq(call(SLOT_SOCKETS + 1, SOCKET_SEND, 0, PIECE, AT_ONCE), NET_OK); /* all of it: no event */
    cr_expect_eq(t.value, PIECE);
    nothing_told();
    const uint64_t turns =
        t.w.turns; /* bytes that nobody takes and room that is not there keep nobody busy */
    cr_expect_eq(event(MINUTE), NOTHING);
    cr_expect_lt(t.w.turns - turns, TURNS_IDLE, "%lu turns", (unsigned long)(t.w.turns - turns));
    plans[0].reads_bytes = taken / 2u;
    dm_client_change(t.client, 0, &plans[0]);
    cr_expect_eq(event(MINUTE), NET_EVENT(0, places[0], NET_EVENT_WRITE));
    nothing_told(); /* once */
    cr_expect_gt(fill(0), 0);
    nothing_told();
    plans[0].manner = DM_CLIENT_RESETS;
    plans[0].receive_bytes = 0;
    dm_client_change(t.client, 0, &plans[0]);
    wired_pass(&t.w, SHORTLY);
    told(0, NET_EVENT_READ | NET_EVENT_WRITE);
    cr_expect_eq(call(SLOT_SOCKETS, SOCKET_SEND, 0, 1, AT_ONCE), NET_E_RESET);
    nothing_told();
    end();
}

Test(world_listener, a_buffer_is_of_what_is_accepted_while_it_is_there, .timeout = 300)
{
    begin();
    accept(0, talks);
    cr_expect_eq(share(SLOT_LISTENER, LISTENER_BUFFER, REGION_ALL), NET_E_VALUE, "mapped twice");
    accept(1, talks); /* the listener has none now, its first socket still has */
    receive(1, PIECE, NET_E_BUFFER, 0);
    receive(0, PIECE, NET_OK, PIECE);
    holds(REGION_ALL, 0, 0, PIECE);
    cr_expect_eq(share(SLOT_LISTENER, LISTENER_BUFFER, REGION_OWN), NET_OK);
    accept(2, talks);
    receive(2, PIECE, NET_OK, PIECE);
    holds(REGION_OWN, 2, 0, PIECE);
    cr_expect_eq(share(SLOT_SOCKETS + 2, SOCKET_BUFFER, REGION_ALL), NET_E_VALUE);
    cr_expect_eq(call(SLOT_SOCKETS, SOCKET_CLOSE, 0, 0, 0), NET_OK); /* the last that named it */
    cr_expect_eq(share(SLOT_SOCKETS + 2, SOCKET_BUFFER, REGION_ALL), NET_OK);
    says_more(2);
    receive(2, PIECE, NET_OK, PIECE);
    holds(REGION_ALL, 2, PIECE, PIECE);
    end();
}

Test(world_listener, sockets_live_on_without_their_listener, .timeout = 300)
{
    for (uint32_t released = 0; released < 2u; released++) {
        begin();
        accept(0, talks);
        const uint32_t waits = world_begin(
            &t,
            (struct world_call){.slot = SLOT_LISTENER, .method = LISTENER_ACCEPT, .args = {RING_FOREVER}});
        told(0, NET_EVENT_READ);
        if (released) {
            (void)world_call(&t, (struct world_call){.slot = RELAY_RELEASE, .method = SLOT_LISTENER});
            cr_expect(world_left(&t, 1, OTHERS));
        } else {
            const uint32_t event = world_begin(
                &t,
                (struct world_call){.slot = SLOT_LISTENER, .method = LISTENER_EVENT, .args = {RING_FOREVER}});

            cr_expect_eq(call(SLOT_LISTENER, LISTENER_CLOSE, 0, 0, 0), NET_OK);
            cr_expect_eq(world_result(&t, event), NET_E_INVALID_LISTENER);
        }
        cr_expect(world_came(&t, waits));
        receive(0, PIECE, NET_OK, PIECE);
        holds(REGION_ALL, 0, 0, PIECE);
        says_more(0);
        receive(0, PIECE, NET_OK, PIECE);
        holds(REGION_ALL, 0, PIECE, PIECE);
        cr_expect_eq(call(SLOT_SOCKETS, SOCKET_SEND, 0, PIECE, AT_ONCE), NET_OK);
        cr_expect_eq(t.value, PIECE);
        /* The memory is given back with the last socket, whoever still holds what is closed. */
        cr_expect_eq(call(SLOT_SOCKETS, SOCKET_CLOSE, 0, 0, 0), NET_OK);
        listen_at(SLOT_SOCKETS + 1);
        cr_expect_eq(share(SLOT_SOCKETS + 1, LISTENER_BUFFER, REGION_ALL), NET_OK, "it is still mapped");
        end();
    }
}
