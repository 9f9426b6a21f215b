/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of services, decided. Trusts the package, which was checked; the numbers that a client sends are
 * compared first. */
#include "user/init/supervise.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define NAME_PART_BYTES 8u

/* It has something to say in the evidence. */
static bool proves(const struct supervisor *s, uint32_t service)
{
    for (uint32_t i = 0; i < s->package->services[service].grant_count; i++) {
        if (package_grant(s->package, service, i)->kind == GRANT_EVIDENCE)
            return true;
    }
    return false;
}

static bool starts_in(uint8_t when, enum supervisor_run run)
{
    switch ((enum package_when)when) {
    case WHEN_ALWAYS:
        return true;
    case WHEN_SERVE:
        return run == RUN_SERVE;
    case WHEN_SERVE_PROBE:
        return run != RUN_PROOF;
    case WHEN_PROOF:
    case WHEN_PROOF_FIRST:
        return run != RUN_SERVE;
    case WHEN_ASKED:
        break;
    }
    return false;
}

void supervisor_init(struct supervisor *s, const struct package *package, enum supervisor_run run)
{
    memset(s, 0, sizeof *s);
    s->package = package;
    s->proof = run != RUN_SERVE;
    for (uint32_t i = 0; i < package->header->services; i++) {
        if (!starts_in(package->services[i].when, run))
            s->services[i].state = SERVICE_ENDED;
    }
    s->services[package->init].state = SERVICE_RUNS;
    s->services[package->init].starts = 1;
}

static struct service *service_of(struct supervisor *s, uint32_t service)
{
    ASSERT(service < s->package->header->services);
    return &s->services[service];
}

bool supervisor_down(const struct supervisor *s, uint32_t service)
{
    ASSERT(service < s->package->header->services);
    return s->services[service].state == SERVICE_ENDED || s->services[service].state == SERVICE_GIVEN_UP;
}

bool supervisor_left_out(const struct supervisor *s, const struct package_grant *g)
{
    return g->kind == GRANT_SERVED && g->optional != 0 && supervisor_down(s, g->service);
}

/* Everybody who serves it something has endpoints: was started once, and is not down. */
static bool served(const struct supervisor *s, uint32_t service)
{
    for (uint32_t i = 0; i < s->package->services[service].grant_count; i++) {
        const struct package_grant *g = package_grant(s->package, service, i);

        if (g->kind == GRANT_SERVED && !supervisor_left_out(s, g) &&
            (s->services[g->service].starts == 0 || supervisor_down(s, g->service)))
            return false;
    }
    return true;
}

/* In a proof: those that come first have not all ended, and this is none of them. */
static bool held_back(const struct supervisor *s, uint32_t service)
{
    for (uint32_t i = 0; s->proof && i < s->package->header->services; i++) {
        if (s->package->services[i].when == WHEN_PROOF_FIRST && !supervisor_down(s, i))
            return s->package->services[service].when != WHEN_PROOF_FIRST;
    }
    return false;
}

uint32_t supervisor_next(const struct supervisor *s, uint64_t now_ns)
{
    for (uint32_t i = 0; i < s->package->header->services; i++) {
        const uint32_t service = s->package->order[i];

        if (s->services[service].state == SERVICE_WAITS && s->services[service].due_ns <= now_ns &&
            !held_back(s, service) && served(s, service))
            return service;
    }
    return SERVICE_NONE;
}

uint64_t supervisor_due(const struct supervisor *s)
{
    uint64_t due = NEVER_NS;

    for (uint32_t i = 0; i < s->package->header->services; i++) {
        if (s->services[i].state == SERVICE_WAITS && s->services[i].due_ns < due && !held_back(s, i) &&
            served(s, i))
            due = s->services[i].due_ns;
    }
    return due;
}

void supervisor_started(struct supervisor *s, uint32_t service, uint32_t process)
{
    struct service *v = service_of(s, service);

    ASSERT(v->state == SERVICE_WAITS);
    v->state = SERVICE_RUNS;
    v->end = PROCESS_RUNS;
    v->again = v->ending = false;
    v->starts++;
    v->process = process;
}

static void forget_old_ends(struct service *v, uint64_t now_ns)
{
    uint8_t old = 0;

    while (old < v->charged && now_ns - v->ends_ns[old] >= RESTART_MINUTE_NS)
        old++;
    v->charged = (uint8_t)(v->charged - old);
    memmove(v->ends_ns, v->ends_ns + old, v->charged * sizeof v->ends_ns[0]);
}

static uint64_t back_off(uint32_t ends)
{
    uint64_t wait = BACK_OFF_FIRST_NS;

    for (uint32_t i = 1; i < ends && wait < BACK_OFF_MOST_NS; i++)
        wait *= 2u;
    return wait < BACK_OFF_MOST_NS ? wait : BACK_OFF_MOST_NS;
}

/* One end more: starts again after a while, or is given up. */
static void charge(struct supervisor *s, uint32_t service, uint64_t now_ns)
{
    struct service *v = service_of(s, service);

    forget_old_ends(v, now_ns);
    ASSERT(v->charged <= PACKAGE_RESTARTS_MAX);
    v->ends_ns[v->charged++] = now_ns;
    v->state = SERVICE_WAITS;
    v->due_ns = now_ns + back_off(v->charged);
    if (v->charged > s->package->services[service].restart_budget) {
        v->state = SERVICE_GIVEN_UP;
        s->failed = s->failed || (s->proof && proves(s, service));
    }
}

void supervisor_not_started(struct supervisor *s, uint32_t service, uint64_t now_ns)
{
    ASSERT(service_of(s, service)->state == SERVICE_WAITS);
    charge(s, service, now_ns);
}

static void start_anew(struct service *v, uint64_t now_ns)
{
    v->state = SERVICE_WAITS;
    v->due_ns = now_ns;
    v->charged = 0;
}

bool supervisor_proven(const struct supervisor *s)
{
    for (uint32_t i = 0; s->proof && i < s->package->header->services; i++) {
        if (i != s->package->init && proves(s, i) && !supervisor_down(s, i))
            return false;
    }
    return s->proof;
}

void supervisor_ended(struct supervisor *s, uint32_t service, enum process_end end, uint64_t code,
                      uint64_t now_ns)
{
    struct service *v = service_of(s, service);
    const bool proven = s->proof && proves(s, service);

    ASSERT(v->state == SERVICE_RUNS);
    ASSERT(service != s->package->init);
    v->end = (uint8_t)end;
    s->failed = s->failed || (proven && (end != PROCESS_EXITED || code != 0));
    if (v->again) {
        start_anew(v, now_ns);
    } else if (proven || s->package->services[service].restart == RESTART_NEVER) {
        v->state = SERVICE_ENDED;
    } else if (end == PROCESS_KILLED) {
        v->state = SERVICE_WAITS;
        v->due_ns = now_ns;
    } else {
        charge(s, service, now_ns);
    }
}

static enum system_error asked(const struct supervisor *s, uint64_t service)
{
    if (service >= s->package->header->services)
        return SYS_E_NAME;
    return service == s->package->init ? SYS_E_STATE : SYS_OK;
}

enum system_error supervisor_restart(struct supervisor *s, uint64_t service, uint64_t now_ns, bool *kill)
{
    const enum system_error error = asked(s, service);

    *kill = false;
    if (error != SYS_OK)
        return error;
    struct service *v = service_of(s, (uint32_t)service);
    if (s->package->services[service].when == WHEN_ASKED) /* by its starter alone */
        return SYS_E_STATE;
    if (v->state == SERVICE_RUNS)
        v->again = *kill = true;
    else
        start_anew(v, now_ns);
    return SYS_OK;
}

enum system_error supervisor_kill(const struct supervisor *s, uint64_t service, bool *kill)
{
    const enum system_error error = asked(s, service);

    *kill = false;
    if (error != SYS_OK)
        return error;
    *kill = s->services[service].state == SERVICE_RUNS;
    return *kill ? SYS_OK : SYS_E_STATE;
}

enum system_error supervisor_ask(struct supervisor *s, uint32_t service, uint64_t now_ns)
{
    struct service *v = service_of(s, service);

    ASSERT(s->package->services[service].when == WHEN_ASKED);
    if (v->state == SERVICE_RUNS && v->ending && !v->again)
        v->again = true;
    else if (supervisor_down(s, service))
        start_anew(v, now_ns);
    else
        return SYS_E_BUSY;
    return SYS_OK;
}

void supervisor_end(struct supervisor *s, uint32_t service, bool *kill)
{
    struct service *v = service_of(s, service);

    ASSERT(s->package->services[service].when == WHEN_ASKED);
    *kill = v->state == SERVICE_RUNS;
    v->ending = *kill;
    v->again = false;
    if (v->state == SERVICE_WAITS)
        v->state = SERVICE_ENDED;
}

uint64_t supervisor_asked(const struct supervisor *s, uint32_t service)
{
    const struct service *v = &s->services[service];
    const uint8_t state =
        v->state == SERVICE_RUNS && v->ending ? (v->again ? SERVICE_WAITS : SERVICE_ENDED) : v->state;
    const uint64_t life = (uint64_t)v->starts + (state == SERVICE_WAITS ? 1u : 0u);

    return state | (uint64_t)v->end << 8 | life << 32;
}

enum system_error supervisor_state(const struct supervisor *s, uint64_t service, uint64_t *value)
{
    if (service >= s->package->header->services)
        return SYS_E_NAME;
    const struct service *v = &s->services[service];
    const uint64_t starts = v->starts < 0xffffu ? v->starts : 0xffffu;

    *value = v->end | (uint64_t)v->state << 8 | starts << 16 | (uint64_t)v->process << 32;
    return SYS_OK;
}

enum system_error supervisor_name(const struct supervisor *s, uint64_t service, uint64_t part,
                                  uint64_t *value)
{
    if (service >= s->package->header->services)
        return SYS_E_NAME;
    if (part >= PACKAGE_NAME_BYTES / NAME_PART_BYTES)
        return SYS_E_VALUE;
    memcpy(value, s->package->services[service].name + part * NAME_PART_BYTES, sizeof *value);
    return SYS_OK;
}
