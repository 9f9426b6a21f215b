/* SPDX-License-Identifier: BSD-2-Clause */
/* The service that init's test runs in several parts: `do=` of its start-up text names the part. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/rt/rt.h"

#define SERVER   1u /* as the test's manifest numbers it */
#define SERVICES 6u
#define PAUSE_NS 1000000u

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

static uint64_t starter(struct rt *rt, uint16_t method, enum system_error expected)
{
    const cap_id go = rt_grant(rt, "go", CAP_IF_STARTER);
    const struct ring_completion done = ring_call(&rt->ring, go, method, NULL, NULL);

    return done.status == RING_OK && done.exception == CAP_EX_NONE && done.result == expected ? done.value
                                                                                              : UINT64_MAX;
}

static bool comes_to(struct rt *rt, uint64_t value)
{
    for (uint32_t i = 0; i < 1000u; i++) {
        if (starter(rt, STARTER_STATE, SYS_OK) == value)
            return true;
        ring_sleep(&rt->ring, PAUSE_NS);
    }
    return false;
}

static uint64_t as(enum service_state state, enum process_end end, uint64_t life)
{
    return (uint64_t)state | (uint64_t)end << 8 | life << 32;
}

/* Has two lives of the service that it may start, and ends; in its next life a third. */
static uint32_t ask_for_another(struct rt *rt)
{
    const cap_id status = rt_grant(rt, "status", CAP_IF_SUPERVISOR_STATUS);
    const struct ring_completion count = ring_call(&rt->ring, status, SUPERVISOR_COUNT, NULL, NULL);
    const struct ring_completion killed =
        ring_call(&rt->ring, status, SUPERVISOR_KILL, RING_ARGS(SERVER), NULL);
    const uint64_t was = starter(rt, STARTER_STATE, SYS_OK);

    if (ring_completed(&count) && count.value == SERVICES && killed.result == SYS_E_VALUE)
        (void)rt_print(rt, "holder: looks alone\n");
    if (was == as(SERVICE_ENDED, PROCESS_KILLED, 2)) {
        if (starter(rt, STARTER_START, SYS_OK) == as(SERVICE_WAITS, PROCESS_KILLED, 3) &&
            comes_to(rt, as(SERVICE_RUNS, PROCESS_RUNS, 3)))
            (void)rt_print(rt, "holder: asked anew\n");
        return 1;
    }
    if (was == as(SERVICE_ENDED, PROCESS_RUNS, 0) &&
        starter(rt, STARTER_START, SYS_OK) == as(SERVICE_WAITS, PROCESS_RUNS, 1) &&
        starter(rt, STARTER_START, SYS_E_BUSY) == as(SERVICE_RUNS, PROCESS_RUNS, 1) &&
        comes_to(rt, as(SERVICE_RUNS, PROCESS_RUNS, 1)))
        (void)rt_print(rt, "holder: asked\n");
    if (starter(rt, STARTER_END, SYS_OK) == as(SERVICE_ENDED, PROCESS_RUNS, 1) &&
        starter(rt, STARTER_START, SYS_OK) >> 32 == 2 && comes_to(rt, as(SERVICE_RUNS, PROCESS_RUNS, 2)))
        (void)rt_print(rt, "holder: ended it and asked\n");
    return 1;
}

static _Noreturn void wait(struct rt *rt)
{
    const struct ring_completion done =
        ring_call(&rt->ring, rt_grant(rt, "work", CAP_IF_NIC), NIC_KICK, RING_ARGS(3), NULL);

    if (ring_completed(&done) && (uint32_t)done.value == 6u)
        (void)rt_print(rt, "asked: up\n");
    for (;;)
        ring_sleep(&rt->ring, RING_FOREVER);
}

uint32_t program_main(struct rt *rt)
{
    if (plays(rt, "serve"))
        return serve(rt);
    if (plays(rt, "ask"))
        return ask(rt);
    if (plays(rt, "fall"))
        return 3;
    if (plays(rt, "start"))
        return ask_for_another(rt);
    if (plays(rt, "wait"))
        wait(rt);
    return 4;
}
