/* SPDX-License-Identifier: BSD-2-Clause */
/* The capability ring: records, indices, places, waiting. */
#include "tests/unit/kernel/system_bench.h"

static struct root a;

static void begin(void)
{
    system_bench_start();
    a = root("a");
}

TestSuite(ring, .init = begin);

static void enter(uint16_t p, uint32_t min_complete, uint64_t timeout_ns)
{
    sb.stop[p] = (struct processor_stop){.min_complete = min_complete, .timeout_ns = timeout_ns};
}

Test(ring, the_header_says_what_the_page_is)
{
    const struct ring_header *h = &ring_of(a.p)->header;

    cr_assert_eq(h->version, RING_VERSION);
    cr_assert_eq(h->submissions, RING_SUBMISSIONS);
    cr_assert_eq(h->completions, RING_COMPLETIONS);
    cr_assert_eq(h->inbox, RING_INBOX);
    cr_assert_eq(h->submit_head + h->submit_tail + h->complete_head + h->complete_tail, 0);
}

Test(ring, a_nop_completes_with_its_user_number)
{
    const struct ring_completion c = one(a.p, nop());

    good(c);
    cr_assert_eq(c.value, 0);
    cr_assert_eq(ring_of(a.p)->header.now_ns, sb.now);
}

Test(ring, an_unknown_opcode_is_refused)
{
    for (uint32_t opcode = 0; opcode < 256; opcode++) {
        struct ring_submission r = {.opcode = (uint8_t)opcode};

        if (opcode < RING_NOP || opcode > RING_RELEASE)
            is_status(one(a.p, r), RING_E_OPCODE);
    }
}

Test(ring, flags_are_one_and_of_the_opcode)
{
    for (uint32_t opcode = RING_NOP; opcode <= RING_RELEASE; opcode++) {
        for (uint32_t flags = 1; flags < 256; flags++) {
            const bool transfer = flags == RING_EXTRA_COPY || flags == RING_EXTRA_MOVE;
            const bool fits = (opcode == RING_CALL && (transfer || flags == RING_EXTRA_RANGE)) ||
                              (opcode == RING_RETURN && transfer);
            struct ring_submission r = {.opcode = (uint8_t)opcode, .flags = (uint8_t)flags};

            if (!fits)
                is_status(one(a.p, r), RING_E_FLAGS);
        }
    }
    /* No object of the kernel takes a capability. */
    is_status(one(a.p, with(call0(a.timer, TIMER_WAIT), RING_EXTRA_COPY, a.serial)), RING_E_FLAGS);
    is_status(one(a.p, with(call0(a.timer, TIMER_WAIT), RING_EXTRA_MOVE, a.serial)), RING_E_FLAGS);
}

Test(ring, fields_of_no_meaning_are_zero)
{
    struct ring_submission r = nop();

    r.reserved = 1;
    is_status(one(a.p, r), RING_E_RESERVED);
    r = nop();
    r.method = 1;
    is_status(one(a.p, r), RING_E_RESERVED);
    r = call0(a.timer, TIMER_WAIT);
    r.result = 1;
    is_status(one(a.p, r), RING_E_RESERVED);
    r = call0(a.timer, TIMER_WAIT);
    r.extra = a.serial;
    is_status(one(a.p, r), RING_E_RESERVED);
    r.extra = (cap_id){0, 1};
    is_status(one(a.p, r), RING_E_RESERVED);
    r = call0(a.timer, TIMER_WAIT);
    r.offset = 1;
    is_status(one(a.p, r), RING_E_RESERVED);
    r = call0(a.timer, TIMER_WAIT);
    r.length = 1;
    is_status(one(a.p, r), RING_E_RESERVED);
    r = nop();
    r.cap = a.timer;
    is_status(one(a.p, r), RING_E_RESERVED);
    r = answer(1, 0, 0);
    r.cap = a.timer;
    is_status(one(a.p, r), RING_E_RESERVED);
}

Test(ring, an_interface_has_its_methods_and_no_others)
{
    const cap_id caps[] = {a.memory_source, a.endpoint_source, a.timer, a.spawner, a.serial, a.dma_buffer};
    const uint16_t last[] = {1, 1, 1, 3, 4, 2};

    for (uint32_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        is_status(one(a.p, call0(caps[i], 0)), RING_E_METHOD);
        is_status(one(a.p, call0(caps[i], (uint16_t)(last[i] + 1u))), RING_E_METHOD);
        is_status(one(a.p, call0(caps[i], 0xffff)), RING_E_METHOD);
    }
    cr_assert_eq(sb.door_calls, 0);
}

Test(ring, handles_are_checked_before_anything_happens)
{
    struct process_info info;

    is_exception(one(a.p, call0(CAP_NONE, 1)), CAP_EX_INVALID);
    is_exception(one(a.p, call0((cap_id){200, 1}, 1)), CAP_EX_INVALID);
    is_exception(one(a.p, call0((cap_id){a.timer.index, 9}, 1)), CAP_EX_STALE);
    is_exception(one(a.p, recv(a.timer, 0)), CAP_EX_INTERFACE);
    is_exception(one(a.p, release((cap_id){7, 7})), CAP_EX_INVALID);
    good(one(a.p, release(a.timer)));
    is_exception(one(a.p, call0(a.timer, 1)), CAP_EX_STALE);
    is_exception(one(a.p, release(a.timer)), CAP_EX_STALE);
    cr_assert(process_info(S, a.p, &info));
    cr_assert_eq(info.denials, 7);
    cr_assert_eq(audited(AUDIT_DENIAL), 7);
}

Test(ring, ranges_are_those_of_the_method_and_of_the_object)
{
    const cap_id m = one(a.p, call1(a.memory_source, MEMORY_CREATE, 2 * PROCESSOR_PAGE)).cap;
    const struct ring_submission write = call0(a.serial, SERIAL_WRITE);

    is_status(one(a.p, write), RING_E_RANGE); /* none */
    is_status(one(a.p, ranged(call0(a.timer, TIMER_WAIT), m, 0, 8)), RING_E_RANGE); /* takes none */
    is_status(one(a.p, ranged(write, m, 0, 0)), RING_E_RANGE);
    is_status(one(a.p, ranged(write, m, 0, 2 * PROCESSOR_PAGE + 1)), RING_E_RANGE);
    is_status(one(a.p, ranged(write, m, 2 * PROCESSOR_PAGE, 1)), RING_E_RANGE);
    is_status(one(a.p, ranged(write, m, 0xffffffffu, 2)), RING_E_RANGE);
    is_status(one(a.p, ranged(write, m, 2, 0xffffffffu)), RING_E_RANGE);
    is_exception(one(a.p, ranged(write, a.timer, 0, 1)), CAP_EX_INTERFACE);
    is_exception(one(a.p, ranged(write, CAP_NONE, 0, 1)), CAP_EX_INVALID);
    cr_assert_eq(sb.door_calls, 0);
    cr_assert_eq(one(a.p, ranged(write, m, PROCESSOR_PAGE, PROCESSOR_PAGE)).value, sizeof sb.written);
    cr_assert_eq(one(a.p, ranged(write, m, 2 * PROCESSOR_PAGE - 1, 1)).value, 1);
    is_exception(one(a.p, call0(a.dma_buffer, BUFFER_MAP)), CAP_EX_EXHAUSTED); /* the door's own word */
    cr_assert_eq(audited(AUDIT_DENIAL), 3);
}

Test(ring, a_corrupted_submit_tail_takes_nothing)
{
    const uint32_t wrong[] = {RING_SUBMISSIONS + 1u, 0xffffffffu, 0x80000000u, 1000u};
    struct ring_submission r = nop();

    for (uint32_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const uint32_t before = ring_of(a.p)->header.submit_tail;

        submit(a.p, &r);
        ring_of(a.p)->header.submit_tail = before + wrong[i];
        cr_assert(turn(a.p));
        nothing_completed(a.p);
        ring_of(a.p)->header.submit_tail = before;
        cr_assert(turn(a.p));
        cr_assert_eq(sb.result[a.p], RING_ENTER_E_SUBMIT_TAIL);
        nothing_completed(a.p);
        good(one(a.p, nop())); /* and the ring works on */
    }
}

Test(ring, a_corrupted_complete_head_takes_nothing)
{
    const uint32_t wrong[] = {1, 33, 0xffffffffu, 0x80000000u};
    struct ring_submission r = nop();

    good(one(a.p, nop()));
    for (uint32_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const uint32_t before = ring_of(a.p)->header.complete_head;
        struct ring_completion c;

        cr_assert(turn(a.p)); /* the kernel has seen how far it was read */
        submit(a.p, &r);
        ring_of(a.p)->header.complete_head = before + wrong[i];
        cr_assert(turn(a.p));
        cr_assert_neq(ring_of(a.p)->header.submit_head, ring_of(a.p)->header.submit_tail);
        ring_of(a.p)->header.complete_head = before;
        cr_assert(turn(a.p)); /* learns of it, and enters again */
        cr_assert_eq(sb.result[a.p], RING_ENTER_E_COMPLETE_HEAD);
        cr_assert(take(a.p, &c));
        good(c);
    }
}

Test(ring, min_complete_is_at_most_all)
{
    struct ring_submission r = nop();
    struct ring_completion c;

    submit(a.p, &r);
    enter(a.p, RING_COMPLETIONS + 1u, 0);
    cr_assert(turn(a.p));
    nothing_completed(a.p);
    cr_assert(turn(a.p));
    cr_assert_eq(sb.result[a.p], RING_ENTER_E_MIN);
    cr_assert(take(a.p, &c));
}

Test(ring, what_the_kernel_writes_is_its_own)
{
    for (uint32_t i = 0; i < 40; i++) {
        struct ring_header *h = &ring_of(a.p)->header;
        struct ring_submission r = nop();
        const uint32_t tail = h->complete_tail;

        r.user = i;
        submit(a.p, &r);
        h->submit_head = 0xdeadbeef;
        h->complete_tail = 0x12345678;
        h->version = h->submissions = h->completions = h->inbox = 0;
        cr_assert(turn(a.p));
        cr_assert_eq(h->submit_head, h->submit_tail);
        cr_assert_eq(h->complete_tail, tail + 1u);
        cr_assert_eq(ring_of(a.p)->completions[tail % RING_COMPLETIONS].user, i);
        h->complete_head = h->complete_tail;
    }
}

Test(ring, a_completion_always_has_its_place)
{
    struct ring_submission r = nop(), timer = call1(a.timer, TIMER_WAIT, RING_FOREVER);
    struct ring_completion c;
    uint32_t taken = 0, seen = 0;

    for (uint32_t i = 0; i < 20; i++) { /* twenty wait */
        submit(a.p, &timer);
        cr_assert(turn(a.p));
    }
    for (uint32_t i = 0; i < 14; i++)
        submit(a.p, &r);
    cr_assert(turn(a.p));
    taken = 14u - (ring_of(a.p)->header.submit_tail - ring_of(a.p)->header.submit_head);
    cr_assert_eq(taken, 12); /* twelve found a place */
    cr_assert(turn(a.p));
    cr_assert_eq(ring_of(a.p)->header.submit_tail - ring_of(a.p)->header.submit_head, 2);
    cr_assert(take(a.p, &c));
    cr_assert(turn(a.p));
    cr_assert_eq(ring_of(a.p)->header.submit_tail - ring_of(a.p)->header.submit_head, 1);
    for (seen = 1; take(a.p, &c); seen++)
        good(c);
    cr_assert_eq(seen, 13);
    cr_assert(turn(a.p));
    good(completed(a.p));
    /* All twenty at once, into the places that were kept for them. */
    system_destroy(
        S, captable_lookup_any(&S->processes[a.p].owner->caps, &sb.core.objects, a.timer).object.index);
    turns(1);
    for (seen = 0; take(a.p, &c); seen++)
        is_status(c, RING_E_CANCELLED);
    cr_assert_eq(seen, 20);
}

Test(ring, indices_wrap)
{
    struct process *p = &S->processes[a.p];
    struct ring_header *h = &ring_of(a.p)->header;

    p->submit_head = h->submit_head = h->submit_tail = 0xfffffff0u;
    p->complete_head = p->complete_tail = h->complete_head = h->complete_tail = 0xffffffe0u;
    for (uint32_t i = 0; i < 100; i++)
        good(one(a.p, nop()));
    cr_assert_lt(h->submit_tail, 0x100u);
}

Test(ring, an_entry_waits_for_what_it_asked_for)
{
    struct ring_submission near = call1(a.timer, TIMER_WAIT, sb.now + 5000),
                           far = call1(a.timer, TIMER_WAIT, sb.now + 9000);
    struct ring_completion c;

    submit(a.p, &near);
    submit(a.p, &far);
    enter(a.p, 2, RING_FOREVER);
    cr_assert(turn(a.p)); /* + 1000 */
    cr_assert_not(turn(a.p));
    turns(4); /* + 6000: one is there */
    cr_assert_eq(ring_of(a.p)->header.complete_tail, 1);
    cr_assert_eq(S->processes[a.p].state, PROCESS_WAITING);
    turns(2);
    cr_assert_eq(S->processes[a.p].state, PROCESS_WAITING);
    cr_assert(turn(a.p)); /* + 9000 */
    cr_assert_eq(sb.result[a.p], RING_ENTERED);
    cr_assert(take(a.p, &c));
    cr_assert_geq(c.value, near.args[0]);
    cr_assert(take(a.p, &c));
    cr_assert_geq(c.value, far.args[0]);
}

Test(ring, a_timeout_ends_the_wait_and_never_early)
{
    struct ring_submission far = call1(a.timer, TIMER_WAIT, RING_FOREVER);
    uint64_t entered;
    struct system_turn t;

    submit(a.p, &far);
    enter(a.p, 1, 3500);
    cr_assert(turn(a.p));
    entered = sb.now; /* it may have run until the next turn begins */
    cr_assert_not(turn(a.p));
    t = system_turn(S, sb.now);
    cr_assert_not(t.ran);
    cr_assert_eq(t.deadline_ns, entered + 1000 + 3500);
    cr_assert_eq(t.processes, 1);
    cr_assert_not(t.door_waits);
    cr_assert_not(turn(a.p));
    cr_assert_not(turn(a.p));
    cr_assert_not(turn(a.p));
    cr_assert(turn(a.p));
    cr_assert_geq(sb.now, entered + 3500);
    nothing_completed(a.p);
}

Test(ring, with_nothing_under_way_there_is_nothing_to_wait_for)
{
    enter(a.p, 1, RING_FOREVER);
    cr_assert(turn(a.p));
    cr_assert(turn(a.p));
    cr_assert_eq(sb.result[a.p], RING_ENTERED);
}

Test(ring, with_nothing_under_way_a_time_is_slept_out)
{
    const uint64_t entered = sb.now;

    enter(a.p, 1, 3000);
    cr_assert(turn(a.p));
    while (!turn(a.p))
        cr_assert_lt(sb.now, entered + 10000);
    cr_assert_geq(sb.now, entered + 3000);
    nothing_completed(a.p);
}

Test(ring, a_timeout_at_the_end_of_time_is_forever)
{
    struct ring_submission far = call1(a.timer, TIMER_WAIT, RING_FOREVER);

    submit(a.p, &far);
    enter(a.p, 1, RING_FOREVER - 1);
    cr_assert(turn(a.p));
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_not(turn(a.p));
}

Test(ring, timers_tell_the_next_deadline)
{
    struct ring_submission far = call1(a.timer, TIMER_WAIT, 777777);
    struct system_turn t;

    cr_assert_eq(one(a.p, call1(a.timer, TIMER_WAIT, sb.now)).value, sb.now); /* over already */
    submit(a.p, &far);
    enter(a.p, 1, RING_FOREVER);
    cr_assert(turn(a.p));
    t = system_turn(S, sb.now);
    cr_assert_eq(t.deadline_ns, 777777);
    t = system_turn(S, sb.now = 777776);
    cr_assert_not(t.ran);
    t = system_turn(S, sb.now = 777777);
    cr_assert(t.ran);
    cr_assert_eq(completed(a.p).value, 777777);
}

Test(ring, a_call_behind_the_door_waits_and_completes_once)
{
    const cap_id m = one(a.p, call1(a.memory_source, MEMORY_CREATE, 1)).cap;
    struct system_turn t;
    struct ring_completion c;

    waits(a.p, ranged(call0(a.serial, SERIAL_READ), m, 8, 16));
    t = system_turn(S, sb.now);
    cr_assert(t.door_waits);
    turns(3);
    nothing_completed(a.p);
    sb.input = 5;
    c = completed(a.p);
    good(c);
    cr_assert_eq(c.value, 5);
    cr_assert_eq(sb.input, 0);
    turns(3);
    nothing_completed(a.p);
    cr_assert_eq(S->memories[0].memory[8], 0x41);
    cr_assert_eq(S->memories[0].memory[13], 0);
}

Test(ring, waiters_are_cancelled_once_when_their_object_or_range_goes)
{
    const cap_id m = one(a.p, call1(a.memory_source, MEMORY_CREATE, 1)).cap;

    waits(a.p, ranged(call0(a.serial, SERIAL_READ), m, 0, 16));
    waits(a.p, call1(a.timer, TIMER_WAIT, RING_FOREVER));
    good(one(a.p, release(a.timer)));
    is_status(completed(a.p), RING_E_CANCELLED);
    turns(2);
    nothing_completed(a.p);
    good(one(a.p, release(m)));
    sb.input = 4;
    is_status(completed(a.p), RING_E_CANCELLED);
    turns(2);
    nothing_completed(a.p);
    cr_assert_eq(sb.input, 4); /* and nothing was taken */
    cr_assert_eq(S->processes[a.p].under_way, 0);
}

Test(ring, waiters_of_other_holders_are_cancelled_by_the_owners_release)
{
    struct root b = root("b");
    cap_id timer, serial;

    cr_assert_eq(process_transfer(S, a.p, a.timer, b.p, false, &timer), CAP_EX_NONE);
    cr_assert_eq(process_transfer(S, a.p, a.serial, b.p, false, &serial), CAP_EX_NONE);
    const cap_id m = one(b.p, call1(b.memory_source, MEMORY_CREATE, 1)).cap;
    waits(b.p, call1(timer, TIMER_WAIT, RING_FOREVER));
    waits(b.p, ranged(call0(serial, SERIAL_READ), m, 0, 1));
    good(one(a.p, release(a.timer)));
    good(one(a.p, release(a.serial)));
    is_status(completed(b.p), RING_E_CANCELLED);
    is_status(completed(b.p), RING_E_CANCELLED);
    turns(2);
    nothing_completed(b.p);
    is_exception(one(b.p, call1(timer, TIMER_WAIT, 0)), CAP_EX_STALE);
}

Test(ring, a_limit_on_what_waits_recovers)
{
    struct process *p = &S->processes[a.p];

    p->owner->budget.limits.limit[BUDGET_CALLS] = 2;
    waits(a.p, call1(a.timer, TIMER_WAIT, RING_FOREVER));
    waits(a.p, call1(a.timer, TIMER_WAIT, sb.now + 20000));
    is_status(one(a.p, call1(a.timer, TIMER_WAIT, RING_FOREVER)), RING_E_LIMIT);
    good(one(a.p, call1(a.timer, TIMER_WAIT, 0))); /* does not wait */
    turns(20);
    good(completed(a.p));
    waits(a.p, call1(a.timer, TIMER_WAIT, RING_FOREVER));
}

Test(ring, the_pool_of_waiters_is_a_limit_for_all)
{
    struct root b = root("b"), c = root("c");
    const struct root *of[] = {&a, &b, &c};
    uint32_t waiting = 0;

    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t n = 0; n < 30 && waiting < WAITERS_MAX; n++, waiting++)
            waits(of[i]->p, call1(of[i]->timer, TIMER_WAIT, RING_FOREVER));
    }
    is_status(one(c.p, call1(c.timer, TIMER_WAIT, RING_FOREVER)), RING_E_LIMIT);
    process_end(S, a.p, PROCESS_KILLED, 0);
    waits(c.p, call1(c.timer, TIMER_WAIT, RING_FOREVER));
}

static uint32_t state = 1, calls_seen, received_seen;

static uint32_t dice(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % n;
}

/* A call that this process has to answer, when there is one. */
static uint64_t some_token(uint16_t p)
{
    const uint32_t from = dice(CALLS_MAX);

    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        const struct call *c = &S->calls[(from + i) % CALLS_MAX];

        if (c->state == CALL_RECEIVED && c->server == p)
            return c->order;
    }
    return dice(1000);
}

/* Records of any content, over handles that often are real. */
static void garbage(uint16_t p, struct processor_stop *stop)
{
    struct ring_page *page = ring_of(p);

    for (uint32_t i = 0; i < RING_SUBMISSIONS; i++) {
        struct ring_submission *r = &page->submissions[i];
        uint8_t *bytes = (uint8_t *)r;

        for (uint32_t b = 0; b < sizeof *r; b++)
            bytes[b] = (uint8_t)(dice(3) == 0 ? dice(256) : 0);
        r->opcode = (uint8_t)(dice(2) ? RING_CALL : dice(20) ? dice(5) : RING_RELEASE);
        r->cap = (cap_id){dice(14), dice(8) == 0 ? dice(3) : 1};
        r->extra = (cap_id){dice(14), 1};
        r->flags = (uint8_t)(dice(3) ? 0 : dice(6));
        r->reserved = 0;
        r->method = (uint16_t)(r->opcode == RING_CALL ? dice(8) ? 1 : dice(4) : 0);
        r->result = 0;
        r->args[0] = r->opcode == RING_RETURN && dice(4) != 0 ? some_token(p)
                     : r->opcode == RING_CALL && dice(2)      ? CAP_IF_NIC
                                                              : dice(20);
        r->args[1] = dice(4);
        if (r->flags != RING_EXTRA_RANGE)
            r->offset = r->length = 0;
        if (r->flags == 0)
            r->extra = CAP_NONE;
        if (r->opcode == RING_NOP || r->opcode == RING_RETURN)
            r->cap = CAP_NONE;
    }
    received_seen += S->processes[p].receives[0].used;
    for (uint32_t i = 0; i < CALLS_MAX; i++)
        calls_seen += S->calls[i].state == CALL_RECEIVED;
    page->header.submit_tail = S->processes[p].submit_head + dice(18);
    page->header.complete_head = dice(8) == 0 ? dice(100) : S->processes[p].complete_tail;
    *stop = (struct processor_stop){.min_complete = dice(34), .timeout_ns = dice(3) * 1000u};
}

/* checks() hold after each turn, whatever is written; and all of it goes when they end. */
Test(ring, records_of_any_content_leave_everything_charged_right)
{
    const struct bench_held before = {.owners = 0};
    uint16_t live[3] = {a.p, root("b").p, root("c").p};

    for (uint32_t i = 0; i < PROCESSES_MAX; i++)
        sb.step[i] = garbage;
    for (uint32_t i = 0; i < 60000; i++) {
        turns(1);
        sb.input = dice(4) == 0;
        (void)audited(AUDIT_GRANT);
        if (i % 256u == 0) { /* with all its sources again, and others' handles under its feet */
            const uint32_t n = dice(3);
            cap_id cap;

            process_end(S, live[n], PROCESS_KILLED, 0);
            live[n] = root("again").p;
            for (uint32_t at = 1; at < 12; at++)
                (void)process_transfer(S, live[(n + 1) % 3], (cap_id){at, 1}, live[n], dice(2) != 0, &cap);
            checks();
        }
    }
    cr_assert_gt(S->next_order, 1000);
    cr_assert_gt(received_seen, 500);
    cr_assert_gt(calls_seen, 1000);
    for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
        if (process_live(S, (uint16_t)i))
            process_end(S, (uint16_t)i, PROCESS_KILLED, 0);
    }
    same_held(&before);
}
