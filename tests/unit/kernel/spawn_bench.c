/* SPDX-License-Identifier: BSD-2-Clause */
/* See spawn_bench.h. */
#include "tests/unit/kernel/spawn_bench.h"

#include <stdio.h>

struct root a;
cap_id page;
uint8_t *request_bytes;
struct spawn_request request;
struct spawn_grant grants[STARTUP_GRANTS_MAX];

void spawn_bench_start(void)
{
    system_bench_start();
    request = (struct spawn_request){.name = "child", .pages = 8};
    memset(grants, 0, sizeof grants);
    a = root("a");
    page = one(a.p, call1(a.memory_source, MEMORY_CREATE, PROCESSOR_PAGE)).cap;
    request_bytes = behind(a.p, one(a.p, call1(page, MEMORY_MAP, 1)).value);
}

struct spawn_grant give(const char *name, cap_id cap, bool move)
{
    struct spawn_grant g = {.cap = cap, .move = move};

    snprintf(g.name, sizeof g.name, "%s", name);
    return g;
}

struct ring_submission start_call(uint64_t program, uint32_t count)
{
    memcpy(request_bytes, &request, sizeof request);
    memcpy(request_bytes + sizeof request, grants, sizeof grants);
    return ranged(call2(a.spawner, SPAWNER_START, program, count), page, 0,
                  (uint32_t)(sizeof request + count * sizeof grants[0]));
}

uint16_t newest(void)
{
    uint16_t found = PROCESS_NONE;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (S->processes[i].state != PROCESS_FREE &&
            (found == PROCESS_NONE || S->processes[i].number > S->processes[found].number))
            found = i;
    }
    return found;
}

cap_id start_child(uint16_t *child)
{
    struct ring_completion c;

    grants[0] = give("timer", a.timer, false);
    grants[1] = give("console", a.serial, false);
    grants[2] = give("endpoints", a.endpoint_source, false);
    grants[3] = give("memory", a.memory_source, false);
    c = one(a.p, start_call(0, GRANTS));
    good(c);
    *child = newest();
    return c.cap;
}

void stops(uint16_t p, enum processor_event event, uint32_t code)
{
    sb.stop[p] = (struct processor_stop){.event = event, .code = code};
    cr_assert(turn(p));
}

cap_id start_grandchild(uint16_t parent, uint16_t *child)
{
    const struct startup_page *s = S->processes[parent].startup;
    struct ring_completion c = one(parent, call1(s->grants[1].cap, MEMORY_CREATE, 1));
    const struct cap_lookup found =
        captable_lookup_any(&S->processes[parent].owner->caps, &sb.core.objects, c.cap);

    good(c);
    memcpy(S->memories[object_at(&sb.core.objects, found.object)->payload].memory, &request, sizeof request);
    c = one(parent, ranged(call2(s->grants[0].cap, SPAWNER_START, 0, 0), c.cap, 0, sizeof request));
    good(c);
    *child = newest();
    return c.cap;
}
