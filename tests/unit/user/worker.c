/* SPDX-License-Identifier: BSD-2-Clause */
/* The service that init's test runs in several parts: `do=` of its start-up text names the part. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/rt/rt.h"

#define SERVER 1u /* as the test's manifest numbers it */

static bool plays(const struct rt *rt, const char *part)
{
    size_t bytes = 0;
    const char *is = rt_parameter(rt, "do", &bytes);
    size_t n = 0;

    while (part[n] != 0)
        n++;
    return is != NULL && bytes == n && memcmp(is, part, n) == 0;
}

/* Answers every call with twice its argument and its caller's badge. */
static uint32_t serve(struct rt *rt)
{
    const cap_id endpoint = rt_grant(rt, "work", CAP_IF_ENDPOINT);
    struct ring_completion done;

    (void)rt_print(rt, "server: up\n");
    for (;;) {
        if (!ring_recv(&rt->ring, 1, endpoint, 0) || !ring_wait(&rt->ring, RING_FOREVER, &done) ||
            done.status != RING_OK)
            return 1;
        const struct ring_received call = ring_received(&rt->ring, &done);

        if (call.args[0] == 0) /* falls over instead of an answer */
            return 2;
        (void)ring_return(&rt->ring, call.token, SYS_OK, 2u * call.args[0] | call.badge << 32, NULL);
    }
}

static uint64_t state(struct rt *rt, cap_id supervisor)
{
    const struct ring_completion done =
        ring_call(&rt->ring, supervisor, SUPERVISOR_STATE, RING_ARGS(SERVER), NULL);

    return ring_completed(&done) ? done.value : 0;
}

/* One capability of the server, through its ends; a word for each step that holds. */
static uint32_t ask(struct rt *rt)
{
    const cap_id work = rt_grant(rt, "work", CAP_IF_NIC);
    const cap_id supervisor = rt_grant(rt, "supervisor", CAP_IF_SUPERVISOR);
    struct ring_completion done = ring_call(&rt->ring, work, NIC_KICK, RING_ARGS(21), NULL);

    if (ring_completed(&done) && (uint32_t)done.value == 42u && rt->start->grant_count == 4u)
        (void)rt_print(rt, "client: answered\n");
    done = ring_call(&rt->ring, work, NIC_KICK, RING_ARGS(0), NULL);
    if (done.status == RING_E_DISCONNECTED)
        (void)rt_print(rt, "client: disconnected\n");
    done = ring_call(&rt->ring, work, NIC_KICK, RING_ARGS(4), NULL);
    if (ring_completed(&done) && (uint32_t)done.value == 8u)
        (void)rt_print(rt, "client: answered by the next\n");
    done = ring_call(&rt->ring, supervisor, SUPERVISOR_KILL, RING_ARGS(SERVER), NULL);
    if (ring_completed(&done))
        (void)rt_print(rt, "client: killed it\n");
    done = ring_call(&rt->ring, work, NIC_KICK, RING_ARGS(5), NULL);
    if (done.status == RING_E_DISCONNECTED) /* it was there when the call came */
        done = ring_call(&rt->ring, work, NIC_KICK, RING_ARGS(5), NULL);
    if (ring_completed(&done) && (uint32_t)done.value == 10u)
        (void)rt_print(rt, "client: answered by the third\n");
    if ((state(rt, supervisor) & 0xffffffffu) == (PROCESS_RUNS | SERVICE_RUNS << 8 | 3u << 16))
        (void)rt_print(rt, "client: three starts\n");
    return 0;
}

uint32_t program_main(struct rt *rt)
{
    if (plays(rt, "serve"))
        return serve(rt);
    if (plays(rt, "ask"))
        return ask(rt);
    if (plays(rt, "fall"))
        return 3;
    return 4;
}
