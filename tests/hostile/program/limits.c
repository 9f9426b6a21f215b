/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of one process that lie below what the kernel has: processes that it started, endpoints and clients
 * together, what waits. */
#include "tests/hostile/program/bench.h"

#define WAITING    24u /* calls, receives and timers of one process that may wait */
#define RECEIVES   4u /* of them, here */
#define PROCESSES  16u /* Process objects, those of ended processes included */
#define ENDPOINTS  16u /* all there are */
#define USER_WAITS 1u

void attack_process_objects(struct bench *b)
{
    const struct ring_submission r = spawn_submission(b, BENCH_PROGRAM_FAULTS, "kind=divide", NULL, 0);

    while (b->cap_count < PROCESSES) {
        const struct ring_completion done = spawn(b, BENCH_PROGRAM_FAULTS, "kind=divide", NULL, 0);

        MUST(b, ring_completed(&done));
        b->caps[b->cap_count++] = done.cap;
        (void)call(b, done.cap, PROCESS_WAIT, NULL); /* it has ended, its object has not */
    }
    (void)strike(b, &r);
    released(b, b->caps[--b->cap_count]);
    const struct ring_completion again = ring_do(&b->rt->ring, &r);
    MUST(b, ring_completed(&again));
    (void)call(b, again.cap, PROCESS_WAIT, NULL);
    released(b, again.cap);
    give_back(b);
}

void attack_endpoints_and_clients(struct bench *b)
{
    const uint64_t *args = RING_ARGS(CAP_IF_NIC, 1);
    cap_id endpoints[ENDPOINTS];

    for (uint32_t i = 0; i < ENDPOINTS; i++)
        endpoints[i] = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    use_up(b, endpoints[0], ENDPOINT_CLIENT, args);
    (void)strike_call(b, endpoints[0], ENDPOINT_CLIENT, args);
    recovers(b, endpoints[0], ENDPOINT_CLIENT, args);
    for (uint32_t i = 0; i < ENDPOINTS; i++)
        released(b, endpoints[i]);
}

/* As many calls as may wait, on an endpoint where nobody receives. Then one of another kind is struck; when
 * the client is given back the calls end, and as many wait again. */
static void wait_all(struct bench *b, const struct ring_submission *one, cap_id endpoint, uint32_t count)
{
    const cap_id client = made(b, endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_NIC, 1));
    const struct ring_submission waits = ring_make_call(client, NIC_INFO, NULL, NULL);
    struct ring_completion done;

    for (uint32_t i = 0; i < count; i++)
        MUST(b, ring_submit(&b->rt->ring, USER_WAITS, &waits));
    ring_flush(&b->rt->ring);
    if (one != NULL)
        (void)strike(b, one);
    MUST(b, !ring_wait(&b->rt->ring, 0, &done));
    released(b, client);
    for (uint32_t i = 0; i < count; i++)
        MUST(b, ring_wait(&b->rt->ring, RING_FOREVER, &done) && done.status == RING_E_CANCELLED);
}

void attack_waiting_calls(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const cap_id other = made(b, endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_NIC, 2));
    const struct ring_submission r = ring_make_call(other, NIC_INFO, NULL, NULL);

    wait_all(b, &r, endpoint, WAITING);
    wait_all(b, NULL, endpoint, WAITING);
    released(b, other);
    released(b, endpoint);
}

void attack_waiting_receives(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const cap_id silent = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const struct ring_submission r = ring_make_recv(silent, RECEIVES);
    struct ring_completion done;

    for (uint32_t place = 0; place < RECEIVES; place++)
        MUST(b, ring_recv(&b->rt->ring, USER_WAITS, silent, place));
    wait_all(b, &r, endpoint, WAITING - RECEIVES);
    wait_all(b, NULL, endpoint, WAITING - RECEIVES);
    released(b, silent);
    for (uint32_t place = 0; place < RECEIVES; place++)
        MUST(b, ring_wait(&b->rt->ring, RING_FOREVER, &done) && done.status == RING_E_CANCELLED);
    released(b, endpoint);
}

void attack_waiting_timers(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const struct ring_submission r = ring_make_call(b->timer, TIMER_WAIT, RING_ARGS(RING_FOREVER), NULL);
    const uint64_t soon = ring_now(&b->rt->ring) + 1000u;

    wait_all(b, &r, endpoint, WAITING);
    const struct ring_completion done = call(b, b->timer, TIMER_WAIT, RING_ARGS(soon));
    MUST(b, ring_completed(&done));
    released(b, endpoint);
}
