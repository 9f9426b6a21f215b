/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts: exactly what was named is given, or nothing happened. */
#include "tests/unit/kernel/spawn_bench.h"

TestSuite(spawn, .init = spawn_bench_start);

Test(spawn, the_start_up_page_says_what_was_given)
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

Test(spawn, grants_are_copied_or_moved)
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

Test(spawn, a_request_is_judged_whole_before_anything_is_given)
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

Test(spawn, budgets_tables_and_the_log_refuse_a_start)
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

Test(spawn, a_refused_program_leaves_nothing)
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
Test(spawn, a_start_that_fails_anywhere_leaves_nothing)
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

Test(spawn, a_start_without_pages_leaves_nothing)
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

Test(spawn, processes_run_out_and_come_back)
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

Test(spawn, the_start_up_page_has_its_lines_and_no_more)
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
