/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes end by themselves, by a fault, by who holds them, with who started them: whenever, nothing is
 * left. */
#include "tests/unit/kernel/spawn_bench.h"

TestSuite(process, .init = spawn_bench_start);

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
    const struct bench_held before = {.owners = 0};
    uint16_t child, grandchild;

    grants[0] = give("spawner", a.spawner, false);
    grants[1] = give("memory", a.memory_source, false);
    good(one(a.p, start_call(0, 2)));
    child = newest();
    (void)start_grandchild(child, &grandchild);
    cr_assert(grandchild != child && process_live(S, grandchild));
    sb.ended_count = 0;
    stops(a.p, PROCESSOR_EXIT, 0);
    cr_assert_eq(sb.ended_count, 3);
    cr_assert_eq(sb.last_ended, a.p); /* the last started went first */
    same_held(&before);
}

Test(process, one_that_kills_who_started_it_ends_with_it)
{
    uint16_t child, grandchild;
    struct ring_submission r = nop(), kill;
    cap_id handle, theirs;

    grants[0] = give("spawner", a.spawner, false);
    grants[1] = give("memory", a.memory_source, false);
    handle = one(a.p, start_call(0, 2)).cap;
    child = newest();
    (void)start_grandchild(child, &grandchild);
    cr_assert_eq(process_transfer(S, a.p, handle, grandchild, false, &theirs), CAP_EX_NONE);
    waits(a.p, call0(handle, PROCESS_WAIT));
    kill = call0(theirs, PROCESS_KILL);
    submit(grandchild, &kill);
    submit(grandchild, &r);
    cr_assert(turn(grandchild));
    cr_assert(!process_live(S, child) && !process_live(S, grandchild));
    cr_assert_eq(completed(a.p).value, PROCESS_KILLED);
    turns(2);
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
        spawn_bench_start();
    }
}
