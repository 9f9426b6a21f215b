/* SPDX-License-Identifier: BSD-2-Clause */
/* The page source and MemoryObjects: zeroed, budgeted, mapped once a holder, unmapped before they go. */
#include "tests/unit/kernel/system_bench.h"

static struct root a, b;

static void begin(void)
{
    system_bench_start();
    a = root("a");
    b = root("b");
}

TestSuite(memory, .init = begin);

static cap_id create(uint16_t p, cap_id source, uint64_t bytes)
{
    const struct ring_completion c = one(p, call1(source, MEMORY_CREATE, bytes));

    good(c);
    return c.cap;
}

static cap_id copy(uint16_t from, cap_id cap, uint16_t to, bool move)
{
    cap_id out = CAP_NONE;

    cr_assert_eq(process_transfer(S, from, cap, to, move, &out), CAP_EX_NONE);
    checks();
    return out;
}

static uint32_t charged(uint16_t p)
{
    return S->processes[p].owner->budget.used[BUDGET_MEMORY_PAGES] - S->processes[p].own_pages;
}

Test(memory, runs_are_found_first_fit_and_come_zeroed)
{
    static struct page_source source;
    uint8_t *one_, *two, *three;

    memset(&source, 0x5a, sizeof source);
    page_source_init(&source, sb.pages, 10);
    memset(sb.pages, 0xcc, 10 * PROCESSOR_PAGE);
    one_ = page_source_take(&source, 2);
    two = page_source_take(&source, 3);
    cr_assert(one_ == sb.pages && two == sb.pages + 2 * PROCESSOR_PAGE);
    for (uint32_t i = 0; i < 5 * PROCESSOR_PAGE; i++)
        cr_assert_eq(sb.pages[i], 0);
    cr_assert_eq(sb.pages[5 * PROCESSOR_PAGE], 0xcc); /* not touched before it is needed */
    memset(one_, 1, 2 * PROCESSOR_PAGE);
    page_source_give(&source, one_, 2);
    cr_assert_eq(one_[0] + one_[2 * PROCESSOR_PAGE - 1], 0); /* scrubbed at once */
    cr_assert_null(page_source_take(&source, 6));
    three = page_source_take(&source, 5);
    cr_assert(three == sb.pages + 5 * PROCESSOR_PAGE);
    cr_assert(page_source_take(&source, 1) == one_);
    cr_assert_null(page_source_take(&source, 2));
    cr_assert_null(page_source_take(&source, 0xffffffffu));
    cr_assert_eq(source.used, 9);
}

Test(memory, sizes_are_rounded_up_to_pages_and_bounded)
{
    const cap_id m = create(a.p, a.memory_source, 1), n = create(a.p, a.memory_source, PROCESSOR_PAGE + 1);

    cr_assert_eq(one(a.p, call0(m, MEMORY_BYTES)).value, PROCESSOR_PAGE);
    cr_assert_eq(one(a.p, call0(n, MEMORY_BYTES)).value, 2 * PROCESSOR_PAGE);
    is_result(one(a.p, call1(a.memory_source, MEMORY_CREATE, 0)), SYS_E_VALUE);
    is_result(one(a.p, call1(a.memory_source, MEMORY_CREATE, UINT64_MAX)), SYS_E_VALUE);
    is_result(one(a.p, call1(a.memory_source, MEMORY_CREATE, (uint64_t)PAGE_SOURCE_MAX * PROCESSOR_PAGE + 1)),
              SYS_E_VALUE);
}

Test(memory, a_budget_is_exhausted_and_recovers)
{
    const cap_id m = create(a.p, a.memory_source, 60 * PROCESSOR_PAGE);

    is_exception(one(a.p, call1(a.memory_source, MEMORY_CREATE, 5 * PROCESSOR_PAGE)), CAP_EX_BUDGET);
    (void)create(a.p, a.memory_source, 4 * PROCESSOR_PAGE);
    is_exception(one(a.p, call1(a.memory_source, MEMORY_CREATE, 1)), CAP_EX_BUDGET);
    good(one(a.p, release(m)));
    (void)create(a.p, a.memory_source, 60 * PROCESSOR_PAGE);
}

Test(memory, pages_run_out_and_come_back)
{
    cap_id m;

    S->processes[a.p].owner->budget.limits = budget_limits_generous();
    is_result(one(a.p, call1(a.memory_source, MEMORY_CREATE, BENCH_PAGES * PROCESSOR_PAGE)), SYS_E_NO_MEMORY);
    m = create(a.p, a.memory_source, (BENCH_PAGES - S->pages.used) * (uint64_t)PROCESSOR_PAGE);
    is_result(one(a.p, call1(a.memory_source, MEMORY_CREATE, 1)), SYS_E_NO_MEMORY);
    is_result(one(b.p, call1(b.memory_source, MEMORY_CREATE, 1)), SYS_E_NO_MEMORY);
    good(one(a.p, release(m)));
    (void)create(b.p, b.memory_source, 1);
}

Test(memory, records_run_out_and_come_back)
{
    cap_id last = CAP_NONE;

    for (uint32_t i = 0; i < MEMORIES_MAX; i++)
        last = create(i % 2 ? a.p : b.p, i % 2 ? a.memory_source : b.memory_source, 1);
    is_exception(one(a.p, call1(a.memory_source, MEMORY_CREATE, 1)), CAP_EX_EXHAUSTED);
    is_exception(one(a.p, call0(a.spawner, SPAWNER_PACKAGE)), CAP_EX_EXHAUSTED);
    good(one(a.p, release(last)));
    (void)create(a.p, a.memory_source, 1);
}

Test(memory, is_mapped_once_a_holder_as_it_asks)
{
    const cap_id m = create(a.p, a.memory_source, 2 * PROCESSOR_PAGE);
    const cap_id theirs = copy(a.p, m, b.p, false);
    uint64_t at, there;

    is_result(one(a.p, call1(m, MEMORY_MAP, 2)), SYS_E_VALUE);
    is_result(one(a.p, call0(m, MEMORY_UNMAP)), SYS_E_STATE);
    at = one(a.p, call1(m, MEMORY_MAP, 1)).value;
    is_result(one(a.p, call1(m, MEMORY_MAP, 0)), SYS_E_STATE);
    there = one(b.p, call1(theirs, MEMORY_MAP, 0)).value;
    behind(a.p, at)[PROCESSOR_PAGE] = 17;
    cr_assert_eq(behind(b.p, there)[PROCESSOR_PAGE], 17);
    good(one(a.p, call0(m, MEMORY_UNMAP)));
    cr_assert_eq(system_held(S).mappings, 1);
    good(one(a.p, call1(m, MEMORY_MAP, 0)));
    cr_assert_eq(system_held(S).mappings, 2);
}

Test(memory, a_mapping_that_fails_leaves_nothing)
{
    const cap_id m = create(a.p, a.memory_source, 1);
    const struct bench_held before = held();

    for (uint32_t n = 0; n < 2; n++) {
        sb.fail_after = n;
        is_result(one(a.p, call1(m, MEMORY_MAP, 1)), SYS_E_NO_MEMORY);
        sb.fail_after = NEVER;
        same_held(&before);
    }
    good(one(a.p, call1(m, MEMORY_MAP, 1)));
}

Test(memory, release_unmaps_scrubs_and_refunds)
{
    const struct bench_held before = held();
    const cap_id m = create(a.p, a.memory_source, PROCESSOR_PAGE);
    uint8_t *memory = behind(a.p, one(a.p, call1(m, MEMORY_MAP, 1)).value);

    memset(memory, 0xee, PROCESSOR_PAGE);
    good(one(a.p, release(m)));
    same_held(&before);
    for (uint32_t i = 0; i < PROCESSOR_PAGE; i++)
        cr_assert_eq(memory[i], 0);
    is_exception(one(a.p, call0(m, MEMORY_BYTES)), CAP_EX_STALE);
}

Test(memory, a_second_handle_keeps_the_mapping)
{
    const cap_id m = create(a.p, a.memory_source, 1), again = copy(a.p, m, a.p, false);

    good(one(a.p, call1(m, MEMORY_MAP, 1)));
    good(one(a.p, release(m)));
    cr_assert_eq(system_held(S).mappings, 1);
    is_result(one(a.p, call1(again, MEMORY_MAP, 1)), SYS_E_STATE);
    good(one(a.p, release(again)));
    cr_assert_eq(system_held(S).memories, 0);
}

Test(memory, a_move_unmaps_at_the_giver_and_takes_the_charge_along)
{
    const cap_id m = create(a.p, a.memory_source, 3 * PROCESSOR_PAGE);
    cap_id theirs;

    good(one(a.p, call1(m, MEMORY_MAP, 1)));
    theirs = copy(a.p, m, b.p, true);
    cr_assert_eq(system_held(S).mappings, 0);
    cr_assert(charged(a.p) == 0 && charged(b.p) == 3);
    good(one(b.p, call1(theirs, MEMORY_MAP, 1)));
    good(one(b.p, release(theirs)));
    cr_assert(charged(b.p) == 0 && system_held(S).memories == 0);
}

Test(memory, a_move_beyond_the_receivers_budget_is_refused_whole)
{
    const cap_id m = create(a.p, a.memory_source, 3 * PROCESSOR_PAGE);
    struct bench_held before;
    cap_id out;

    good(one(a.p, call1(m, MEMORY_MAP, 1)));
    (void)create(b.p, b.memory_source, 62 * PROCESSOR_PAGE);
    before = held();
    cr_assert_eq(process_transfer(S, a.p, m, b.p, true, &out), CAP_EX_BUDGET);
    same_held(&before);
    cr_assert_eq(process_transfer(S, a.p, m, b.p, false, &out), CAP_EX_NONE); /* a copy costs nothing */
}

/* Neither side of a shared object can take it from under the other. */
Test(memory, the_makers_release_leaves_it_to_who_holds_it)
{
    const cap_id m = create(a.p, a.memory_source, 3 * PROCESSOR_PAGE);
    const cap_id theirs = copy(a.p, m, b.p, false);
    uint64_t at;

    at = one(b.p, call1(theirs, MEMORY_MAP, 1)).value;
    good(one(a.p, call1(m, MEMORY_MAP, 1)));
    *behind(b.p, at) = 9;
    good(one(a.p, release(m)));
    cr_assert_eq(*behind(b.p, at), 9);
    cr_assert(charged(a.p) == 0 && charged(b.p) == 3);
    cr_assert_eq(system_held(S).mappings, 1);
    good(one(b.p, release(theirs)));
    cr_assert_eq(system_held(S).memories, 0);
}

Test(memory, a_shared_source_leaves_the_object_when_its_maker_ends)
{
    const cap_id source = copy(a.p, a.memory_source, b.p, false);
    struct root c = root("c");
    const cap_id m = create(b.p, source, 3 * PROCESSOR_PAGE);
    const cap_id theirs = copy(b.p, m, c.p, false);
    const uint64_t at = one(c.p, call1(theirs, MEMORY_MAP, 1)).value;

    good(one(b.p, call1(m, MEMORY_MAP, 1)));
    S->processes[c.p].owner->budget.limits.limit[BUDGET_MEMORY_PAGES] = S->processes[c.p].own_pages;
    process_end(S, b.p, PROCESS_FAULTED, 14);
    checks();
    *behind(c.p, at) = 1;
    cr_assert_eq(charged(c.p), 3); /* beyond its limit: it accepted the handle */
    is_exception(one(c.p, call1(c.memory_source, MEMORY_CREATE, 1)), CAP_EX_BUDGET);
    good(one(c.p, release(theirs)));
    cr_assert_eq(charged(c.p), 0);
}

Test(memory, revoking_the_source_unmaps_everywhere)
{
    const cap_id m = create(a.p, a.memory_source, 1), theirs = copy(a.p, m, b.p, false);

    good(one(a.p, call1(m, MEMORY_MAP, 1)));
    good(one(b.p, call1(theirs, MEMORY_MAP, 1)));
    good(one(a.p, release(a.memory_source)));
    cr_assert(system_held(S).memories == 0 && system_held(S).mappings == 0);
    is_exception(one(b.p, call0(theirs, MEMORY_BYTES)), CAP_EX_STALE);
}

Test(memory, the_package_is_read_only_and_stays)
{
    const struct bench_held before = held();
    const cap_id m = one(a.p, call0(a.spawner, SPAWNER_PACKAGE)).cap;

    cr_assert_eq(one(a.p, call0(m, MEMORY_BYTES)).value, BENCH_PACKAGE * PROCESSOR_PAGE);
    is_result(one(a.p, call1(m, MEMORY_MAP, 1)), SYS_E_VALUE);
    cr_assert_eq(*behind(a.p, one(a.p, call1(m, MEMORY_MAP, 0)).value), 0x77);
    sb.input = 4;
    is_status(one(a.p, ranged(call0(a.serial, SERIAL_READ), m, 0, 4)), RING_E_RANGE);
    good(one(a.p, ranged(call0(a.serial, SERIAL_WRITE), m, 0, 4)));
    good(one(a.p, release(m)));
    same_held(&before);
    cr_assert_eq(sb.package[0], 0x77);
    S->package = NULL;
    is_result(one(a.p, call0(a.spawner, SPAWNER_PACKAGE)), SYS_E_STATE);
}

Test(memory, a_full_table_or_log_refuses_and_leaves_nothing)
{
    struct budget *budget = &S->processes[a.p].owner->budget;
    const struct bench_held before = held();
    const struct audit_event event = {.kind = AUDIT_OWNER};

    budget->limits.limit[BUDGET_CAP_SLOTS] = budget->used[BUDGET_CAP_SLOTS];
    is_exception(one(a.p, call1(a.memory_source, MEMORY_CREATE, 1)), CAP_EX_BUDGET);
    is_exception(one(a.p, call0(a.endpoint_source, ENDPOINT_CREATE)), CAP_EX_BUDGET);
    is_exception(one(a.p, call0(a.spawner, SPAWNER_PACKAGE)), CAP_EX_BUDGET);
    budget->limits = budget_limits_generous();
    while (audit_note(&sb.core.audit, &event)) {
    }
    is_exception(one(a.p, call1(a.memory_source, MEMORY_CREATE, 1)), CAP_EX_AUDIT_FULL);
    is_exception(one(a.p, call0(a.endpoint_source, ENDPOINT_CREATE)), CAP_EX_AUDIT_FULL);
    same_held(&before);
    (void)audited(AUDIT_GRANT);
    (void)create(a.p, a.memory_source, 1);
}
