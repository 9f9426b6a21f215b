/* SPDX-License-Identifier: BSD-2-Clause */
/* Init, the first program: opens the boot package, starts its services in order, waits for the end of each,
 * starts it again as its rule says, and serves the supervisor. Trusts the kernel; a client of the supervisor
 * sends numbers, nothing else. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "user/init/init.h"

/* `user` of submissions: a service's number for the wait for its end, this for a call on the supervisor. */
#define USER_SUPERVISOR PACKAGE_SERVICES_MAX
#define NS_IN_MS        1000000u

/* Maps the package that the kernel checked, and checks again what init goes by. */
static bool open_package(struct init *init)
{
    struct ring_client *ring = &init->rt->ring;
    struct package_header header;
    const struct ring_completion got = ring_call(ring, init->spawner, SPAWNER_PACKAGE, NULL, NULL);

    if (!ring_completed(&got))
        return false;
    const struct ring_completion bytes = ring_call(ring, got.cap, MEMORY_BYTES, NULL, NULL);
    const struct ring_completion mapped = ring_call(ring, got.cap, MEMORY_MAP, RING_ARGS(0), NULL);
    if (!ring_completed(&bytes) || !ring_completed(&mapped) || bytes.value < sizeof header)
        return false;
    const uint8_t *at = (const uint8_t *)(uintptr_t)mapped.value;
    memcpy(&header, at, sizeof header);
    return header.bytes <= bytes.value &&
           package_check_parts(at, header.bytes, &init->package, NULL) == PACKAGE_OK;
}

/* Init's own grants, found under the names that the manifest gives them. */
static bool find_own(struct init *init)
{
    for (uint32_t i = 0; i < init->package.services[init->package.init].grant_count; i++) {
        const struct package_grant *g = package_grant(&init->package, init->package.init, i);

        if (g->kind == GRANT_SERVES)
            continue;
        init->own[i] = rt_grant(init->rt, g->name, (enum cap_interface)g->interface);
        if (cap_is_none(init->own[i]))
            return false;
    }
    return true;
}

static bool open_supervisor(struct init *init)
{
    const struct ring_completion done =
        ring_call(&init->rt->ring, init->endpoints, ENDPOINT_CREATE, NULL, NULL);

    init->supervised = done.cap;
    return ring_completed(&done) && ring_recv(&init->rt->ring, USER_SUPERVISOR, done.cap, 0);
}

static void start(struct init *init, uint32_t service, uint64_t now_ns)
{
    uint32_t process = 0;
    const char *why = NULL;

    if (!service_start(init, service, &process, &why)) {
        say(init, service, why, SAY_NONE);
        supervisor_not_started(&init->supervisor, service, now_ns);
        if (supervisor_down(&init->supervisor, service)) {
            say(init, service, "is given up", SAY_NONE);
            service_withdraw(init, service);
        }
        return;
    }
    const struct ring_submission wait =
        ring_make_call(init->lives[service].process, PROCESS_WAIT, NULL, NULL);
    /* One of each service and the supervisor's are open at most. */
    const bool taken = ring_submit(&init->rt->ring, service, &wait);
    ASSERT(taken);
    supervisor_started(&init->supervisor, service, process);
    say(init, service, "runs as process ", process);
}

/* Its end comes as that of its process. */
static void kill(struct init *init, uint32_t service)
{
    (void)ring_call(&init->rt->ring, init->lives[service].process, PROCESS_KILL, NULL, NULL);
}

static void end_asked(struct init *init, uint32_t service)
{
    bool kills = false;

    supervisor_end(&init->supervisor, service, &kills);
    if (kills)
        kill(init, service);
}

/* What it has asked for lives no longer than it does. */
static void end_started(struct init *init, uint32_t service)
{
    for (uint32_t i = 0; i < init->package.services[service].grant_count; i++) {
        const struct package_grant *g = package_grant(&init->package, service, i);

        if (g->kind == GRANT_STARTS)
            end_asked(init, g->service);
    }
}

static void ended(struct init *init, uint32_t service, const struct ring_completion *done, uint64_t now_ns)
{
    static const char *const words[] = {[PROCESS_EXITED] = "ended with code ",
                                        [PROCESS_KILLED] = "was killed",
                                        [PROCESS_FAULTED] = "faulted: vector "};
    /* A wait that fails is a process that is gone. */
    const uint64_t value = ring_completed(done) ? done->value : PROCESS_KILLED;
    const enum process_end end = (enum process_end)(value & 0xffu);
    const struct service *v = &init->supervisor.services[service];

    ASSERT(end >= PROCESS_EXITED);
    ASSERT(end <= PROCESS_FAULTED);
    say(init, service, words[end], end == PROCESS_KILLED ? SAY_NONE : value >> 8);
    service_clean(init, service);
    end_started(init, service);
    supervisor_ended(&init->supervisor, service, end, value >> 8, now_ns);
    if (v->state == SERVICE_WAITS && v->due_ns > now_ns)
        say(init, service, "starts again in ms: ", (v->due_ns - now_ns) / NS_IN_MS);
    if (!supervisor_down(&init->supervisor, service))
        return;
    if (v->state == SERVICE_GIVEN_UP)
        say(init, service, "is given up: ends within a minute: ", v->charged);
    service_withdraw(init, service);
}

static enum system_error serve_starter(struct init *init, const struct ring_received *call, uint64_t now_ns,
                                       uint64_t *value)
{
    const uint32_t holder = PACKAGE_BADGE_SERVICE(call->badge), service = PACKAGE_BADGE_PORT(call->badge);
    enum system_error error = SYS_OK;

    /* Init made the badge, and for a life that may be over. */
    ASSERT(holder < init->package.header->services);
    ASSERT(service < init->package.header->services);
    if (init->supervisor.services[holder].state != SERVICE_RUNS ||
        PACKAGE_BADGE_LIFE(call->badge) + 1u != init->supervisor.services[holder].starts)
        return SYS_E_STATE;
    switch (call->method) {
    case STARTER_START:
        error = supervisor_ask(&init->supervisor, service, now_ns);
        break;
    case STARTER_END:
        end_asked(init, service);
        break;
    case STARTER_STATE:
        break;
    default:
        return SYS_E_VALUE;
    }
    *value = supervisor_asked(&init->supervisor, service);
    return error;
}

static enum system_error serve(struct init *init, const struct ring_received *call, uint64_t now_ns,
                               uint64_t *value)
{
    struct supervisor *s = &init->supervisor;
    enum system_error error;
    bool kills = false;

    if (call->interface == CAP_IF_STARTER)
        return serve_starter(init, call, now_ns, value);
    switch (call->method) {
    case SUPERVISOR_COUNT:
        *value = init->package.header->services;
        return SYS_OK;
    case SUPERVISOR_NAME:
        return supervisor_name(s, call->args[0], call->args[1], value);
    case SUPERVISOR_STATE:
        return supervisor_state(s, call->args[0], value);
    default:
        break;
    }
    if (call->interface != CAP_IF_SUPERVISOR) /* to be looked at alone */
        return SYS_E_VALUE;
    switch (call->method) {
    case SUPERVISOR_RESTART:
        error = supervisor_restart(s, call->args[0], now_ns, &kills);
        break;
    case SUPERVISOR_KILL:
        error = supervisor_kill(s, call->args[0], &kills);
        break;
    default:
        return SYS_E_VALUE;
    }
    if (error == SYS_OK && kills)
        kill(init, (uint32_t)call->args[0]);
    return error;
}

static void answer(struct init *init, const struct ring_completion *done, uint64_t now_ns)
{
    const struct ring_received call = ring_received(&init->rt->ring, done);
    uint64_t value = 0;

    if (!cap_is_none(call.cap)) /* no method takes one */
        (void)ring_release(&init->rt->ring, call.cap);
    const enum system_error error = serve(init, &call, now_ns, &value);

    /* The caller may have ended meanwhile. */
    (void)ring_return(&init->rt->ring, call.token, (uint16_t)error, value, NULL);
    const bool taken = ring_recv(&init->rt->ring, USER_SUPERVISOR, init->supervised, 0);
    ASSERT(taken);
}

/* Starts what is due, then waits for the next event or the next time. */
static void turn(struct init *init)
{
    struct supervisor *s = &init->supervisor;
    struct ring_completion done;
    uint32_t service;

    while ((service = supervisor_next(s, ring_now(&init->rt->ring))) != SERVICE_NONE)
        start(init, service, ring_now(&init->rt->ring));

    const uint64_t now = ring_now(&init->rt->ring);
    const uint64_t due = supervisor_due(s);
    const uint64_t timeout = due == NEVER_NS ? RING_FOREVER : due > now ? due - now : 0;
    if (!ring_wait(&init->rt->ring, timeout, &done))
        return;
    if (done.user == USER_SUPERVISOR)
        answer(init, &done, ring_now(&init->rt->ring));
    else
        ended(init, (uint32_t)done.user, &done, ring_now(&init->rt->ring));
}

uint32_t program_main(struct rt *rt)
{
    struct init init = {.rt = rt,
                        .spawner = rt_first(rt, CAP_IF_SPAWNER),
                        .functions = rt_first(rt, CAP_IF_FUNCTIONS),
                        .endpoints = rt_first(rt, CAP_IF_ENDPOINT_SOURCE)};

    if (!open_package(&init)) {
        (void)rt_print(rt, "init: the boot package cannot be opened\n");
        return INIT_EXIT_PACKAGE;
    }
    if (!find_own(&init)) {
        (void)rt_print(rt, "init: a grant of the manifest is missing\n");
        return INIT_EXIT_GRANT;
    }
    supervisor_init(&init.supervisor, &init.package,
                    !rt_parameter_is(rt, "mode", "proof") ? RUN_SERVE
                    : rt_parameter_is(rt, "probe", "1")   ? RUN_PROBE
                                                          : RUN_PROOF);
    if (!open_supervisor(&init) || !rt_memory_make(rt, RING_PAGE_BYTES, &init.request)) {
        (void)rt_print(rt, "init: no memory\n");
        return INIT_EXIT_MEMORY;
    }
    while (!supervisor_proven(&init.supervisor))
        turn(&init);
    return init.supervisor.failed ? INIT_EXIT_PROOF : 0;
}
