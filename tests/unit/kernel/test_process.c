/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes: made, started, ended: by themselves, by a fault, by who holds them, with who started them. */
#include <stdio.h>

#include "tests/unit/kernel/system_bench.h"

static struct root a;
static cap_id page; /* a MemoryObject of a's for requests */
static uint8_t *request_bytes;

static void begin(void)
{
    system_bench_start();
    a = root("a");
    page = one(a.p, call1(a.memory_source, MEMORY_CREATE, PROCESSOR_PAGE)).cap;
    request_bytes = behind(a.p, one(a.p, call1(page, MEMORY_MAP, 1)).value);
}

TestSuite(process, .init = begin);

#define GRANTS 4u

static struct spawn_request request = {.name = "child", .pages = 8};
static struct spawn_grant grants[STARTUP_GRANTS_MAX];

static struct spawn_grant give(const char *name, cap_id cap, bool move)
{
    struct spawn_grant g = {.cap = cap, .move = move};

    snprintf(g.name, sizeof g.name, "%s", name);
    return g;
}

static struct ring_submission start_call(uint64_t program, uint32_t count)
{
    memcpy(request_bytes, &request, sizeof request);
    memcpy(request_bytes + sizeof request, grants, sizeof grants);
    return ranged(call2(a.spawner, SPAWNER_START, program, count), page, 0,
                  (uint32_t)(sizeof request + count * sizeof grants[0]));
}

/* The number of the process that was made last. */
static uint16_t newest(void)
{
    uint16_t found = PROCESS_NONE;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (S->processes[i].state != PROCESS_FREE &&
            (found == PROCESS_NONE || S->processes[i].number > S->processes[found].number))
            found = i;
    }
    return found;
}

/* Started by a with timer, serial, endpoint source and memory source, in this order. */
static cap_id start_child(uint16_t *child)
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

static void stops(uint16_t p, enum processor_event event, uint32_t code)
{
    sb.stop[p] = (struct processor_stop){.event = event, .code = code};
    cr_assert(turn(p));
}

Test(process, the_start_up_page_says_what_was_given)
{
    const struct startup_page *s;
    uint64_t enter, leave, ring;
    uint16_t child;

    request.text_bytes = 7;
    memcpy(request.text, "x=1 y=2 hidden", 14);
    (void)start_child(&child);
    s = S->processes[child].startup;
    cr_assert_eq(s->magic, STARTUP_MAGIC);
    cr_assert_eq(s->version, STARTUP_VERSION);
    cr_assert_str_eq(s->name, "child");
    cr_assert_str_eq(s->text, "x=1 y=2");
    cr_assert_eq(s->text_bytes, 7);
    cr_assert_eq(s->grant_count, GRANTS);
    cr_assert_str_eq(s->grants[1].name, "console");
    cr_assert_eq(s->grants[1].interface, CAP_IF_SERIAL);
    memcpy(&enter, &s->cap_enter, sizeof enter);
    memcpy(&leave, &s->exit, sizeof leave);
    memcpy(&ring, &s->ring, sizeof ring);
    cr_assert(enter == 0xe000u + child && leave == 0xf000u + child);
    cr_assert_eq((void *)behind(child, ring), (void *)S->processes[child].ring);
    good(one(child, call1(s->grants[0].cap, TIMER_WAIT, 0)));
    cr_assert_eq(S->processes[child].owner->caps.live_count, GRANTS); /* exactly the named grants */
    cr_assert_eq(audited(AUDIT_SPAWN), 2);
}

Test(process, grants_are_copied_or_moved)
{
    uint16_t child;

    grants[0] = give("timer", a.timer, true);
    grants[1] = give("serial", a.serial, false);
    good(one(a.p, start_call(0, 2)));
    child = newest();
    is_exception(one(a.p, call1(a.timer, TIMER_WAIT, 0)), CAP_EX_STALE);
    good(one(child, call1(S->processes[child].startup->grants[0].cap, TIMER_WAIT, 0)));
    good(one(a.p, ranged(call0(a.serial, SERIAL_WRITE), page, 0, 1)));
}

static void refused(struct ring_submission r, uint8_t status, uint8_t exception, uint16_t result)
{
    const struct bench_held before = held();
    const uint32_t number = S->next_number;
    const struct ring_completion c = one(a.p, r);

    cr_assert(c.status == status && c.exception == exception && c.result == result,
              "status %u exception %u result %u", c.status, c.exception, c.result);
    cr_assert(cap_is_none(c.cap));
    same_held(&before);
    good(one(a.p, call1(a.timer, TIMER_WAIT, 0))); /* nothing was moved */
    if (exception != 0 || status != 0)
        cr_assert_eq(S->next_number, number);
}

Test(process, a_request_is_judged_whole_before_anything_is_given)
{
    struct ring_submission r;

    grants[0] = give("timer", a.timer, true);
    grants[1] = give("serial", a.serial, false);
    refused(start_call(1, 2), 0, 0, SYS_E_NAME);
    refused(start_call(UINT64_MAX, 2), 0, 0, SYS_E_NAME);
    r = start_call(0, 2);
    r.args[1] = STARTUP_GRANTS_MAX + 1u;
    refused(r, 0, 0, SYS_E_VALUE);
    r = start_call(0, 2);
    r.length--;
    refused(r, RING_E_RANGE, 0, 0);
    r.length += 2;
    refused(r, RING_E_RANGE, 0, 0);
    grants[1] = give("forged", (cap_id){100, 1}, false);
    refused(start_call(0, 2), 0, CAP_EX_INVALID, 0);
    grants[1] = give("buffer", a.dma_buffer, false);
    refused(start_call(0, 2), 0, 0, SYS_E_VALUE);
    grants[1] = give("twice", a.timer, false);
    refused(start_call(0, 2), 0, 0, SYS_E_VALUE);
    grants[1] = give("serial", a.serial, false);
    grants[1].move = 2;
    refused(start_call(0, 2), 0, 0, SYS_E_VALUE);
    grants[1].move = 0;
    grants[1].reserved = 1;
    refused(start_call(0, 2), 0, 0, SYS_E_VALUE);
    grants[1].reserved = 0;
    memset(grants[1].name, 'x', sizeof grants[1].name);
    refused(start_call(0, 2), 0, 0, SYS_E_VALUE);
    grants[1] = give("serial", a.serial, false);
    memset(request.name, 'x', sizeof request.name);
    refused(start_call(0, 2), 0, 0, SYS_E_VALUE);
    memset(request.name, 0, sizeof request.name);
    request.text_bytes = sizeof request.text;
    refused(start_call(0, 2), 0, 0, SYS_E_VALUE);
    request.text_bytes = 0;
    good(one(a.p, start_call(0, 2)));
}

Test(process, budgets_tables_and_the_log_refuse_a_start)
{
    struct budget *b = &S->processes[a.p].owner->budget;
    const struct audit_event event = {.kind = AUDIT_OWNER};
    const cap_id m = one(a.p, call1(a.memory_source, MEMORY_CREATE, 9 * PROCESSOR_PAGE)).cap;

    grants[0] = give("timer", a.timer, true);
    b->limits.limit[BUDGET_PROCESSES] = 0;
    refused(start_call(0, 1), 0, CAP_EX_BUDGET, 0);
    b->limits = budget_limits_generous();
    b->limits.limit[BUDGET_CAP_SLOTS] = b->used[BUDGET_CAP_SLOTS];
    refused(start_call(0, 1), 0, CAP_EX_BUDGET, 0);
    b->limits = budget_limits_generous();
    S->limits.limit[BUDGET_CAP_SLOTS] = 0;
    refused(start_call(0, 1), 0, CAP_EX_BUDGET, 0);
    S->limits = budget_limits_generous();
    grants[1] = give("memory", m, true); /* nine pages, eight are its budget */
    refused(start_call(0, 2), 0, CAP_EX_BUDGET, 0);
    while (audit_note(&sb.core.audit, &event)) {
    }
    refused(start_call(0, 1), 0, CAP_EX_AUDIT_FULL, 0);
    (void)audited(AUDIT_GRANT);
    request.pages = 9;
    good(one(a.p, start_call(0, 2)));
    cr_assert_eq(system_held(S).memories, 2);
}

Test(process, a_refused_program_leaves_nothing)
{
    struct ring_completion c;

    grants[0] = give("timer", a.timer, true);
    sb.loader_error = 7;
    c = one(a.p, start_call(0, 1));
    is_result(c, SYS_E_PROGRAM);
    cr_assert_eq(c.value, 7);
    refused(start_call(0, 1), 0, 0, SYS_E_PROGRAM);
}

/* Space, rooms, tables: whichever is missing. */
Test(process, a_start_that_fails_anywhere_leaves_nothing)
{
    uint32_t n = 0;

    grants[0] = give("timer", a.timer, true);
    for (;; n++) {
        const struct bench_held before = held();
        struct ring_completion c;

        cr_assert_lt(n, 100);
        sb.fail_after = n;
        c = one(a.p, start_call(0, 1));
        sb.fail_after = NEVER;
        if (c.result == 0)
            break;
        cr_assert(c.result == SYS_E_NO_MEMORY || c.result == SYS_E_PROGRAM);
        same_held(&before);
    }
    cr_assert_eq(n, 9); /* the space; four rooms and their mappings */
}

Test(process, a_start_without_pages_leaves_nothing)
{
    for (uint32_t left = 0; left < 20; left++) {
        const uint32_t hoard_pages = BENCH_PAGES - S->pages.used - left;
        uint8_t *hoard = page_source_take(&S->pages, hoard_pages);
        const struct bench_held before = held();
        const struct ring_completion c = one(a.p, start_call(0, 0));

        cr_assert(c.result == SYS_E_NO_MEMORY || c.result == SYS_E_PROGRAM, "%u pages left", left);
        same_held(&before);
        page_source_give(&S->pages, hoard, hoard_pages);
    }
    good(one(a.p, start_call(0, 0)));
}

Test(process, processes_run_out_and_come_back)
{
    cap_id last = CAP_NONE;

    for (uint32_t i = 1; i < PROCESSES_MAX; i++) {
        struct ring_completion c;

        S->pages.used += 0;
        c = one(a.p, start_call(0, 0));
        if (c.result == SYS_E_NO_MEMORY || c.result == SYS_E_PROGRAM)
            break; /* the bench's pages are the smaller limit */
        good(c);
        last = c.cap;
    }
    cr_assert_geq(system_held(S).processes, 10);
    good(one(a.p, release(last)));
    good(one(a.p, start_call(0, 0)));
}

Test(process, exit_is_told_to_who_waits)
{
    uint16_t child;
    const cap_id handle = start_child(&child);
    struct ring_completion c;

    waits(a.p, call0(handle, PROCESS_WAIT));
    stops(child, PROCESSOR_EXIT, 0xabcdef);
    c = completed(a.p);
    good(c);
    cr_assert_eq(c.value, PROCESS_EXITED | 0xabcdefull << 8);
    cr_assert_eq(one(a.p, call0(handle, PROCESS_WAIT)).value, c.value); /* and again */
    is_result(one(a.p, call0(handle, PROCESS_KILL)), SYS_E_STATE);
    cr_assert(sb.ended_count == 1 && sb.last_ended == child && sb.ended_how == PROCESS_EXITED);
    cr_assert_eq(sb.ended_code, 0xabcdef);
    cr_assert_eq(audited(AUDIT_EXIT), 1);
}

Test(process, a_fault_ends_the_process_and_is_recorded)
{
    static struct audit_record records[AUDIT_RECORDS_MAX];
    uint16_t child;
    const cap_id handle = start_child(&child);
    uint32_t n, faults = 0;

    stops(child, PROCESSOR_FAULT, 14);
    cr_assert_eq(one(a.p, call0(handle, PROCESS_WAIT)).value, PROCESS_FAULTED | 14u << 8);
    n = audit_drain(&sb.core.audit, records, AUDIT_RECORDS_MAX);
    for (uint32_t i = 0; i < n; i++) {
        if (records[i].kind != AUDIT_FAULT)
            continue;
        faults++;
        cr_assert_eq(records[i].result, 14);
        cr_assert_eq(records[i].owner, child);
    }
    cr_assert_eq(faults, 1);
    cr_assert_eq(sb.ended_how, PROCESS_FAULTED);
}

Test(process, a_holder_kills_and_is_told_so)
{
    uint16_t child;
    const cap_id handle = start_child(&child);

    waits(a.p, call0(handle, PROCESS_WAIT));
    good(one(a.p, call0(handle, PROCESS_KILL)));
    cr_assert_eq(completed(a.p).value, PROCESS_KILLED);
    cr_assert_not(process_live(S, child));
    cr_assert_eq(audited(AUDIT_KILL), 1);
}

Test(process, releasing_the_handle_ends_it_for_its_starter_alone)
{
    struct root b = root("b");
    uint16_t child;
    const cap_id handle = start_child(&child);
    cap_id copy;

    cr_assert_eq(process_transfer(S, a.p, handle, b.p, false, &copy), CAP_EX_NONE);
    good(one(b.p, release(copy)));
    cr_assert(process_live(S, child));
    cr_assert_eq(process_transfer(S, a.p, handle, b.p, false, &copy), CAP_EX_NONE);
    waits(b.p, call0(copy, PROCESS_WAIT));
    good(one(a.p, release(handle)));
    cr_assert_not(process_live(S, child));
    is_status(completed(b.p), RING_E_CANCELLED);
    cr_assert_eq(system_held(S).handles, 0);
}

Test(process, a_process_runs_on_when_nobody_holds_it)
{
    struct root b = root("b");
    uint16_t child;
    const cap_id handle = start_child(&child);
    cap_id moved;

    cr_assert_eq(process_transfer(S, a.p, handle, b.p, true, &moved), CAP_EX_NONE);
    good(one(b.p, release(moved)));
    cr_assert(process_live(S, child));
    stops(child, PROCESSOR_EXIT, 0);
    cr_assert_eq(system_held(S).handles, 0); /* nobody could ask any more */
    cr_assert_eq(S->processes[a.p].owner->budget.used[BUDGET_PROCESSES], 0);
}

Test(process, info_tells_before_and_after_the_end)
{
    uint16_t child;
    const cap_id handle = start_child(&child);
    const struct ring_submission ask =
        ranged(call0(handle, PROCESS_INFO), page, 2048, sizeof(struct process_info));
    struct process_info info;
    struct ring_submission small = ask;

    small.length--;
    is_status(one(a.p, small), RING_E_RANGE);
    good(one(child, nop()));
    is_exception(one(child, call0((cap_id){50, 1}, 1)), CAP_EX_INVALID);
    good(one(a.p, ask));
    memcpy(&info, request_bytes + 2048, sizeof info);
    cr_assert_str_eq(info.name, "child");
    cr_assert(info.state == PROCESS_RUNS && info.caps == GRANTS && info.entries == 2 && info.calls == 1);
    cr_assert(info.denials == 1 && info.number == 2 && info.run_ns == 2000);
    cr_assert_eq(info.pages, 2u + 1u + 1u + STARTUP_STACK_BYTES / PROCESSOR_PAGE);
    stops(child, PROCESSOR_EXIT, 3);
    good(one(a.p, ask));
    memcpy(&info, request_bytes + 2048, sizeof info);
    cr_assert(info.state == PROCESS_EXITED && info.pages == 0 && info.caps == 0 && info.number == 2);
    cr_assert_not(process_info(S, child, &info));
}

Test(process, who_started_it_takes_it_along)
{
    struct bench_held before = {.owners = 0};
    uint16_t child, grandchild;
    const struct startup_page *s;
    struct spawn_request *r;
    cap_id m;

    grants[0] = give("spawner", a.spawner, false);
    grants[1] = give("memory", a.memory_source, false);
    good(one(a.p, start_call(0, 2)));
    child = newest();
    s = S->processes[child].startup;
    m = one(child, call1(s->grants[1].cap, MEMORY_CREATE, 1)).cap;
    r = (struct spawn_request *)(void *)S->memories[1].memory;
    *r = request;
    good(one(child, ranged(call2(s->grants[0].cap, SPAWNER_START, 0, 0), m, 0, sizeof *r)));
    grandchild = newest();
    cr_assert(grandchild != child && process_live(S, grandchild));
    sb.ended_count = 0;
    stops(a.p, PROCESSOR_EXIT, 0);
    cr_assert_eq(sb.ended_count, 3);
    cr_assert_eq(sb.last_ended, a.p); /* the last started went first */
    same_held(&before);
}

/* Its own handle, and the rest of its batch is not looked at. */
Test(process, one_that_kills_itself_comes_back_to_nobody)
{
    uint16_t child;
    const cap_id handle = start_child(&child);
    struct ring_submission r = nop(), kill;
    cap_id own;

    cr_assert_eq(process_transfer(S, a.p, handle, child, false, &own), CAP_EX_NONE);
    kill = call0(own, PROCESS_KILL);
    submit(child, &r);
    submit(child, &kill);
    submit(child, &r);
    cr_assert(turn(child));
    cr_assert_not(process_live(S, child));
    cr_assert_eq(one(a.p, call0(handle, PROCESS_WAIT)).value, PROCESS_KILLED);
    turns(3);
}

Test(process, one_that_kills_its_starter_ends_with_it)
{
    struct root b = root("b");
    struct bench_held before;
    uint16_t child;
    struct ring_submission kill;
    cap_id own;

    process_end(S, b.p, PROCESS_EXITED, 0);
    before = held();
    const cap_id handle = start_child(&child);
    cr_assert_eq(process_transfer(S, a.p, handle, child, true, &own), CAP_EX_NONE);
    kill = release(own); /* not its owner: gives it back, runs on */
    submit(child, &kill);
    cr_assert(turn(child));
    cr_assert(process_live(S, child));
    stops(child, PROCESSOR_EXIT, 0);
    turns(1);
    same_held(&before);
}

Test(process, handles_run_out_and_come_back)
{
    cap_id ended[HANDLES_MAX];
    uint16_t child;

    for (uint32_t i = 0; i < HANDLES_MAX; i++) {
        ended[i] = start_child(&child);
        stops(child, PROCESSOR_EXIT, i);
        (void)audited(AUDIT_GRANT);
    }
    is_exception(one(a.p, start_call(0, 0)), CAP_EX_EXHAUSTED);
    for (uint32_t i = 0; i < HANDLES_MAX; i++)
        cr_assert_eq(one(a.p, call0(ended[i], PROCESS_WAIT)).value >> 8, i);
    good(one(a.p, release(ended[5])));
    (void)start_child(&child);
}

Test(process, preempted_ones_go_on_and_turns_go_round)
{
    uint16_t ran[9];
    struct root b = root("b"), c = root("c");

    for (uint32_t i = 0; i < 9; i++) {
        for (uint32_t p = 0; p < PROCESSES_MAX; p++)
            sb.stop[p] = (struct processor_stop){.event = PROCESSOR_PREEMPTED};
        (void)turn(PROCESS_NONE);
        ran[i] = sb.ran;
    }
    for (uint32_t i = 3; i < 9; i++)
        cr_assert_eq(ran[i], ran[i - 3]);
    cr_assert(ran[0] != ran[1] && ran[1] != ran[2] && ran[0] != ran[2]);
    cr_assert(process_live(S, b.p) && process_live(S, c.p));
}

Test(process, the_start_up_page_has_its_lines_and_no_more)
{
    const struct process_request r = {.name = "full", .file = (const uint8_t *)"x", .length = 1};
    uint32_t detail;
    uint16_t p;
    cap_id cap;

    cr_assert_eq(process_create(S, &r, &p, &detail), SYS_OK);
    for (uint32_t i = 0; i < STARTUP_GRANTS_MAX; i++)
        cr_assert_eq(process_grant_root(S, p, "timer", CAP_IF_TIMER, 0, &cap), CAP_EX_NONE);
    cr_assert_eq(process_grant_root(S, p, "timer", CAP_IF_TIMER, 0, &cap), CAP_EX_NO_SLOT);
    cr_assert_not(process_name_grant(S, p, "again", cap));
    process_end(S, p, PROCESS_KILLED, 0);
    checks();
}

/* A life of two processes with everything in it, step by step; the process can be ended after any of them. */
struct life {
    uint16_t child;
    cap_id handle, endpoint, client, memory, shared;
    uint64_t token;
};

static bool life_step(struct life *l, uint32_t step)
{
    const struct startup_page *s = step == 0 ? NULL : S->processes[l->child].startup;

    switch (step) {
    case 0:
        l->handle = start_child(&l->child);
        return true;
    case 1:
        waits(a.p, call0(l->handle, PROCESS_WAIT));
        return true;
    case 2:
        l->endpoint = one(l->child, call0(s->grants[2].cap, ENDPOINT_CREATE)).cap;
        return true;
    case 3:
        l->client = one(l->child, call2(l->endpoint, ENDPOINT_CLIENT, CAP_IF_NIC, 1)).cap;
        cr_assert_eq(process_transfer(S, l->child, l->client, a.p, false, &l->client), CAP_EX_NONE);
        return true;
    case 4:
        waits(a.p, call0(l->client, 1));
        return true;
    case 5:
        good(one(l->child, recv(l->endpoint, 0)));
        l->token = ring_of(l->child)->inbox[0].token;
        return true;
    case 6:
        waits(l->child, recv(l->endpoint, 1));
        return true;
    case 7:
        l->memory = one(l->child, call1(s->grants[3].cap, MEMORY_CREATE, 5000)).cap;
        return true;
    case 8:
        good(one(l->child, call1(l->memory, MEMORY_MAP, 1)));
        return true;
    case 9:
        good(one(l->child, with(answer(l->token, 0, 0), RING_EXTRA_COPY, l->memory)));
        l->shared = completed(a.p).cap;
        good(one(a.p, call1(l->shared, MEMORY_MAP, 0)));
        return true;
    case 10:
        waits(l->child, ranged(call0(s->grants[1].cap, SERIAL_READ), l->memory, 0, 10));
        return true;
    case 11:
        waits(l->child, call1(s->grants[0].cap, TIMER_WAIT, RING_FOREVER));
        return true;
    case 12:
        waits(a.p, with(call0(l->client, 2), RING_EXTRA_COPY, a.timer)); /* received, with a capability */
        good(completed(l->child));
        return true;
    default:
        return false;
    }
}

static void live_and_end(uint32_t steps, enum processor_event event)
{
    const struct bench_held before = held();
    struct life l = {.child = PROCESS_NONE};
    struct ring_completion c;
    uint32_t completions = 0;

    for (uint32_t i = 0; i < steps; i++)
        cr_assert(life_step(&l, i));
    if (event == PROCESSOR_ENTER) /* killed */
        process_end(S, l.child, PROCESS_KILLED, 0);
    else
        stops(l.child, event, 6);
    checks();
    turns(2);
    while (take(a.p, &c)) {
        completions++;
        cr_assert(c.status == RING_OK || c.status == RING_E_DISCONNECTED);
    }
    cr_assert_eq(S->processes[a.p].under_way, 0);
    cr_assert_eq(completions, (steps > 1) + (steps > 4 && steps < 10) + (steps > 12));
    if (steps > 9) /* what it shared is ours now */
        good(one(a.p, release(l.shared)));
    good(one(a.p, release(l.handle)));
    same_held(&before);
    (void)audited(AUDIT_GRANT);
}

Test(process, an_end_after_any_step_leaves_everything_as_before)
{
    const enum processor_event events[] = {PROCESSOR_ENTER, PROCESSOR_EXIT, PROCESSOR_FAULT};

    for (uint32_t e = 0; e < 3; e++) {
        for (uint32_t steps = 1; steps <= 13; steps++)
            live_and_end(steps, events[e]);
    }
}

Test(process, the_clients_end_after_any_step_leaves_nothing)
{
    for (uint32_t steps = 1; steps <= 13; steps++) {
        struct bench_held before = {.owners = 0};
        struct life l = {.child = PROCESS_NONE};

        for (uint32_t i = 0; i < steps; i++)
            (void)life_step(&l, i);
        process_end(S, a.p, PROCESS_KILLED, 0);
        same_held(&before);
        begin();
    }
}
