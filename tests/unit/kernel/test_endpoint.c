/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints: calls queued, received, answered; what comes along; every way in which either side goes. */
#include "tests/unit/kernel/system_bench.h"

static struct root server, client, third;
static cap_id endpoint, nic, nic_of_server; /* the server made both; the client holds a copy */

static cap_id copy(uint16_t from, cap_id cap, uint16_t to)
{
    cap_id out = CAP_NONE;

    cr_assert_eq(process_transfer(S, from, cap, to, false, &out), CAP_EX_NONE);
    return out;
}

static void begin(void)
{
    system_bench_start();
    server = root("server");
    client = root("client");
    third = root("third");
    endpoint = one(server.p, call0(server.endpoint_source, ENDPOINT_CREATE)).cap;
    nic_of_server = one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_NIC, 0xbad9e)).cap;
    nic = copy(server.p, nic_of_server, client.p);
}

TestSuite(endpoint, .init = begin);

/* The call that lies in the place, its receive completed. */
static struct ring_received received(uint16_t p, uint32_t place)
{
    const struct ring_completion c = completed(p);

    good(c);
    cr_assert_eq(c.inbox, place);
    return ring_of(p)->inbox[place];
}

/* One call of the client's, received into place 0. */
static struct ring_received call_received(struct ring_submission r)
{
    waits(client.p, r);
    submit(server.p, &(struct ring_submission){.opcode = RING_RECV, .cap = endpoint});
    cr_assert(turn(server.p));
    return received(server.p, 0);
}

Test(endpoint, a_call_is_received_and_answered)
{
    struct ring_submission r = call2(nic, 77, 1, 2);
    struct ring_received in;
    struct ring_completion c;

    r.args[2] = 3;
    in = call_received(r);
    cr_assert_eq(in.badge, 0xbad9e);
    cr_assert_eq(in.method, 77); /* any: the server's to judge */
    cr_assert_eq(in.interface, CAP_IF_NIC);
    cr_assert(in.args[0] == 1 && in.args[1] == 2 && in.args[2] == 3);
    cr_assert(cap_is_none(in.cap) && in.cap_interface == CAP_IF_NONE && in.reserved2 == 0);
    nothing_completed(client.p);
    good(one(server.p, answer(in.token, 0, 99)));
    c = completed(client.p);
    good(c);
    cr_assert_eq(c.value, 99);
    cr_assert_eq(system_held(S).calls, 0);
}

Test(endpoint, a_method_result_comes_through)
{
    const struct ring_received in = call_received(call0(nic, 1));
    struct ring_completion c;

    good(one(server.p, answer(in.token, 0xfedc, 5)));
    c = completed(client.p);
    is_result(c, 0xfedc);
    cr_assert_eq(c.value, 5);
}

Test(endpoint, calls_and_receives_are_served_in_order)
{
    const cap_id other = copy(server.p, nic_of_server, third.p);
    struct ring_completion c;

    waits(client.p, call1(nic, 1, 1));
    waits(third.p, call1(other, 1, 2));
    waits(client.p, call1(nic, 1, 3));
    submit(server.p,
           &(struct ring_submission){.opcode = RING_RECV, .user = 1, .cap = endpoint, .args = {5, 0, 0}});
    submit(server.p,
           &(struct ring_submission){.opcode = RING_RECV, .user = 2, .cap = endpoint, .args = {2, 0, 0}});
    submit(server.p,
           &(struct ring_submission){.opcode = RING_RECV, .user = 3, .cap = endpoint, .args = {9, 0, 0}});
    cr_assert(turn(server.p));
    for (uint64_t i = 1; i <= 3; i++) {
        cr_assert(take(server.p, &c));
        cr_assert_eq(c.user, i);
        cr_assert_eq(ring_of(server.p)->inbox[c.inbox].args[0], i);
    }
}

Test(endpoint, the_interface_and_badge_are_the_clients_object)
{
    const cap_id b = one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_SUPERVISOR, 2)).cap;
    const cap_id theirs = copy(server.p, b, third.p);

    waits(server.p, recv(endpoint, 0));
    waits(server.p, recv(endpoint, 1));
    waits(third.p, call0(theirs, 1));
    cr_assert_eq(received(server.p, 0).badge, 2);
    cr_assert_eq(ring_of(server.p)->inbox[0].interface, CAP_IF_SUPERVISOR);
    waits(client.p, call0(nic, 1));
    cr_assert_eq(received(server.p, 1).badge, 0xbad9e);
}

Test(endpoint, client_interfaces_are_those_that_programs_serve)
{
    is_result(one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_NONE, 0)), SYS_E_VALUE);
    is_result(one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_NIC - 1, 0)), SYS_E_VALUE);
    is_result(one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_COUNT, 0)), SYS_E_VALUE);
    is_result(one(server.p, call2(endpoint, ENDPOINT_CLIENT, 0x100 + CAP_IF_NIC, 0)), SYS_E_VALUE);
}

Test(endpoint, a_receive_names_a_free_place)
{
    is_status(one(server.p, recv(endpoint, RING_INBOX)), RING_E_INBOX);
    is_status(one(server.p, recv(endpoint, UINT64_MAX)), RING_E_INBOX);
    waits(server.p, recv(endpoint, 4));
    is_status(one(server.p, recv(endpoint, 4)), RING_E_INBOX);
    waits(client.p, call0(nic, 1));
    (void)received(server.p, 4);
    waits(server.p, recv(endpoint, 4)); /* free again */
    is_exception(one(client.p, recv(nic, 0)), CAP_EX_INTERFACE);
}

Test(endpoint, a_token_is_used_once_and_by_its_server)
{
    const struct ring_received in = call_received(call0(nic, 1));

    is_status(one(third.p, answer(in.token, 0, 0)), RING_E_TOKEN);
    is_status(one(client.p, answer(in.token, 0, 0)), RING_E_TOKEN);
    is_status(one(server.p, answer(in.token + 1, 0, 0)), RING_E_TOKEN);
    is_status(one(server.p, answer(0, 0, 0)), RING_E_TOKEN);
    nothing_completed(client.p);
    good(one(server.p, answer(in.token, 0, 0)));
    is_status(one(server.p, answer(in.token, 0, 0)), RING_E_TOKEN);
    good(completed(client.p));
    nothing_completed(client.p);
}

Test(endpoint, a_queued_call_has_no_token_yet)
{
    waits(client.p, call0(nic, 1));
    is_status(one(server.p, answer(S->next_order - 1u, 0, 0)), RING_E_TOKEN);
}

Test(endpoint, a_copied_capability_is_held_by_both)
{
    const struct ring_received in = call_received(with(call0(nic, 1), RING_EXTRA_COPY, client.timer));

    cr_assert_eq(in.cap_interface, CAP_IF_TIMER);
    good(one(server.p, call1(in.cap, TIMER_WAIT, 0)));
    good(one(client.p, call1(client.timer, TIMER_WAIT, 0)));
}

Test(endpoint, a_moved_capability_is_held_by_the_server_alone)
{
    const struct ring_received in = call_received(with(call0(nic, 1), RING_EXTRA_MOVE, client.timer));

    good(one(server.p, call1(in.cap, TIMER_WAIT, 0)));
    is_exception(one(client.p, call1(client.timer, TIMER_WAIT, 0)), CAP_EX_STALE);
}

Test(endpoint, an_answer_brings_a_capability)
{
    struct ring_received in = call_received(call0(nic, 1));
    struct ring_completion c;

    good(one(server.p, with(answer(in.token, 0, 4), RING_EXTRA_COPY, server.timer)));
    c = completed(client.p);
    good(c);
    cr_assert_eq(c.value, 4);
    good(one(client.p, call1(c.cap, TIMER_WAIT, 0)));
    in = call_received(call0(nic, 1));
    good(one(server.p, with(answer(in.token, 0, 0), RING_EXTRA_MOVE, server.timer)));
    c = completed(client.p);
    good(one(client.p, call1(c.cap, TIMER_WAIT, 0)));
    is_exception(one(server.p, call1(server.timer, TIMER_WAIT, 0)), CAP_EX_STALE);
}

static void limit_slots(uint16_t p)
{
    struct budget *b = &S->processes[p].owner->budget;

    b->limits.limit[BUDGET_CAP_SLOTS] = b->used[BUDGET_CAP_SLOTS];
}

static void fill_audit(void)
{
    const struct audit_event event = {.kind = AUDIT_OWNER};

    while (audit_note(&sb.core.audit, &event)) {
    }
}

/* What cannot be handed over stays where it was: the call is refused, the receive waits on. */
Test(endpoint, a_refused_hand_over_rolls_back_whole)
{
    struct bench_held before;

    waits(server.p, recv(endpoint, 0));
    before = held();
    limit_slots(server.p);
    is_exception(one(client.p, with(call0(nic, 1), RING_EXTRA_MOVE, client.timer)), CAP_EX_BUDGET);
    is_exception(one(client.p, with(call0(nic, 1), RING_EXTRA_COPY, client.timer)), CAP_EX_BUDGET);
    same_held(&before);
    nothing_completed(server.p);
    good(one(client.p, call1(client.timer, TIMER_WAIT, 0)));
    S->processes[server.p].owner->budget.limits = budget_limits_generous();
    (void)audited(AUDIT_GRANT);
    fill_audit();
    is_exception(one(client.p, with(call0(nic, 1), RING_EXTRA_MOVE, client.timer)), CAP_EX_AUDIT_FULL);
    same_held(&before);
    (void)audited(AUDIT_GRANT);
    waits(client.p, with(call0(nic, 1), RING_EXTRA_MOVE, client.timer));
    good(one(server.p, call1(received(server.p, 0).cap, TIMER_WAIT, 0)));
}

Test(endpoint, a_full_table_of_the_server_refuses_the_hand_over)
{
    struct process *p = &S->processes[server.p];
    cap_id out;

    while (captable_has_room(&p->owner->caps))
        cr_assert_eq(process_transfer(S, third.p, third.timer, server.p, false, &out), CAP_EX_NONE);
    (void)audited(AUDIT_GRANT);
    waits(server.p, recv(endpoint, 0));
    is_exception(one(client.p, with(call0(nic, 1), RING_EXTRA_MOVE, client.timer)), CAP_EX_NO_SLOT);
    good(one(client.p, call1(client.timer, TIMER_WAIT, 0)));
    good(one(server.p, release(out)));
    waits(client.p, with(call0(nic, 1), RING_EXTRA_MOVE, client.timer));
    good(completed(server.p));
}

Test(endpoint, a_refused_answer_leaves_the_call_to_be_answered)
{
    const struct ring_received in = call_received(call0(nic, 1));

    limit_slots(client.p);
    is_exception(one(server.p, with(answer(in.token, 0, 0), RING_EXTRA_MOVE, server.timer)), CAP_EX_BUDGET);
    nothing_completed(client.p);
    good(one(server.p, call1(server.timer, TIMER_WAIT, 0)));
    is_exception(one(server.p, with(answer(in.token, 0, 0), RING_EXTRA_MOVE, CAP_NONE)), CAP_EX_INVALID);
    good(one(server.p, answer(in.token, 1, 0)));
    is_result(completed(client.p), 1);
}

Test(endpoint, what_may_not_travel_does_not)
{
    const struct ring_received in = call_received(call0(nic, 1));

    is_status(one(client.p, with(call0(nic, 1), RING_EXTRA_COPY, client.dma_buffer)), RING_E_FLAGS);
    is_status(one(client.p, with(call0(nic, 1), RING_EXTRA_MOVE, client.dma_buffer)), RING_E_FLAGS);
    is_status(one(server.p, with(answer(in.token, 0, 0), RING_EXTRA_MOVE, server.dma_buffer)), RING_E_FLAGS);
    is_exception(one(client.p, with(call0(nic, 1), RING_EXTRA_COPY, (cap_id){99, 1})), CAP_EX_INVALID);
    is_status(one(client.p, ranged(call0(nic, 1), client.timer, 0, 1)), RING_E_FLAGS);
    cr_assert(process_transferable(CAP_IF_MEMORY));
    cr_assert_not(process_transferable(CAP_IF_DMA_QUEUE));
}

/* Released after the call was queued: looked up again when it is handed over. */
Test(endpoint, a_capability_released_before_delivery_refuses_the_call)
{
    waits(client.p, with(call0(nic, 1), RING_EXTRA_MOVE, client.timer));
    good(one(client.p, release(client.timer)));
    waits(server.p, recv(endpoint, 0));
    is_exception(completed(client.p), CAP_EX_STALE);
    nothing_completed(server.p);
}

Test(endpoint, a_call_that_moves_its_own_handle_is_answered)
{
    const struct ring_received in = call_received(with(call0(nic, 1), RING_EXTRA_MOVE, nic));

    turns(2);
    nothing_completed(client.p);
    good(one(server.p, answer(in.token, 0, 0)));
    good(completed(client.p));
}

static void expect_all(uint32_t n, enum ring_status status)
{
    for (uint32_t i = 0; i < n; i++)
        is_status(completed(client.p), status);
    turns(2);
    nothing_completed(client.p);
    cr_assert_eq(S->processes[client.p].under_way, 0);
}

/* Two received, three queued, one of another process. */
static void six_calls(void)
{
    const cap_id other = copy(server.p, nic_of_server, third.p);

    for (uint32_t i = 0; i < 5; i++)
        waits(client.p, call0(nic, 1));
    waits(third.p, call0(other, 1));
    for (uint32_t i = 0; i < 2; i++) {
        struct ring_submission r = recv(endpoint, i);

        submit(server.p, &r);
        cr_assert(turn(server.p));
        (void)received(server.p, i);
    }
    cr_assert_eq(system_held(S).calls, 6);
}

Test(endpoint, the_servers_end_disconnects_every_caller_once)
{
    six_calls();
    process_end(S, server.p, PROCESS_EXITED, 0);
    is_status(completed(third.p), RING_E_DISCONNECTED);
    expect_all(5, RING_E_DISCONNECTED);
    nothing_completed(third.p);
    cr_assert_eq(system_held(S).calls + system_held(S).endpoints + system_held(S).clients, 0);
    is_exception(one(client.p, call0(nic, 1)), CAP_EX_STALE);
}

Test(endpoint, the_servers_fault_is_the_same)
{
    six_calls();
    sb.stop[server.p] = (struct processor_stop){.event = PROCESSOR_FAULT, .code = 14};
    cr_assert(turn(server.p));
    expect_all(5, RING_E_DISCONNECTED);
}

Test(endpoint, the_makers_release_ends_the_endpoint)
{
    six_calls();
    good(one(server.p, release(endpoint)));
    expect_all(5, RING_E_DISCONNECTED);
    is_status(completed(third.p), RING_E_DISCONNECTED);
    is_exception(one(client.p, call0(nic, 1)), CAP_EX_STALE);
    is_exception(one(server.p, recv(endpoint, 0)), CAP_EX_STALE);
    cr_assert_eq(system_held(S).calls + system_held(S).endpoints + system_held(S).clients, 0);
}

Test(endpoint, receives_are_cancelled_once_when_the_endpoint_goes)
{
    const cap_id shared = copy(server.p, endpoint, third.p);

    waits(third.p, recv(shared, 1));
    waits(third.p, recv(shared, 2));
    good(one(server.p, release(endpoint)));
    is_status(completed(third.p), RING_E_CANCELLED);
    is_status(completed(third.p), RING_E_CANCELLED);
    turns(2);
    nothing_completed(third.p);
}

Test(endpoint, the_clients_end_frees_its_calls)
{
    const struct ring_received in = call_received(call0(nic, 1));
    const struct bench_held before = held();

    waits(client.p, call0(nic, 1));
    process_end(S, client.p, PROCESS_KILLED, 0);
    cr_assert_eq(system_held(S).calls, 0);
    is_status(one(server.p, with(answer(in.token, 0, 0), RING_EXTRA_MOVE, server.timer)), RING_E_TOKEN);
    good(one(server.p, call1(server.timer, TIMER_WAIT, 0))); /* it stays */
    cr_assert_lt(held().caps, before.caps);
    waits(server.p, recv(endpoint, 0));
}

Test(endpoint, a_new_process_in_the_same_place_is_not_answered)
{
    const struct ring_received in = call_received(call0(nic, 1));
    struct root again;

    process_end(S, client.p, PROCESS_KILLED, 0);
    again = root("again");
    cr_assert_eq(again.p, client.p);
    is_status(one(server.p, answer(in.token, 0, 0)), RING_E_TOKEN);
    nothing_completed(again.p);
}

Test(endpoint, releasing_the_client_capability_cancels_what_is_queued)
{
    waits(client.p, call0(nic, 1));
    good(one(client.p, release(nic)));
    is_status(completed(client.p), RING_E_CANCELLED);
    turns(2);
    nothing_completed(client.p);
    good(one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_NIC, 1)));
}

Test(endpoint, what_the_server_has_is_answered_all_the_same)
{
    const struct ring_received in = call_received(call0(nic, 1));

    good(one(client.p, release(nic)));
    turns(2);
    nothing_completed(client.p);
    good(one(server.p, answer(in.token, 0, 0)));
    good(completed(client.p));
}

Test(endpoint, the_maker_of_a_client_capability_revokes_it)
{
    const struct ring_received in = call_received(call0(nic, 1));

    waits(client.p, call0(nic, 1));
    good(one(server.p, release(nic_of_server)));
    expect_all(2, RING_E_CANCELLED);
    is_status(one(server.p, answer(in.token, 0, 0)), RING_E_TOKEN);
    is_exception(one(client.p, call0(nic, 1)), CAP_EX_STALE);
    cr_assert_eq(system_held(S).endpoints, 1);
    cr_assert_eq(system_held(S).clients, 0);
}

/* As init does: it makes the endpoint, the service receives on a copy. */
Test(endpoint, an_endpoint_outlives_the_server_that_did_not_make_it)
{
    cap_id copied = copy(server.p, endpoint, third.p);
    struct root again;

    waits(third.p, recv(copied, 0));
    for (uint32_t i = 0; i < 3; i++)
        waits(client.p, call0(nic, 1));
    good(completed(third.p)); /* one is received, two are queued */
    process_end(S, third.p, PROCESS_FAULTED, 13);
    expect_all(3, RING_E_DISCONNECTED);
    waits(client.p, call0(nic, 1)); /* waits for the next life */
    again = root("again");
    copied = copy(server.p, endpoint, again.p);
    good(one(again.p, recv(copied, 0)));
    good(one(again.p, answer(ring_of(again.p)->inbox[0].token, 0, 0)));
    good(completed(client.p));
}

Test(endpoint, a_server_that_dies_before_its_first_receive_disconnects_too)
{
    (void)copy(server.p, endpoint, third.p);
    waits(client.p, call0(nic, 1));
    process_end(S, third.p, PROCESS_FAULTED, 13);
    expect_all(1, RING_E_DISCONNECTED);
}

Test(endpoint, a_bystander_that_holds_the_endpoint_may_go)
{
    const cap_id copied = copy(server.p, endpoint, third.p);

    waits(server.p, recv(endpoint, 0));
    waits(client.p, call0(nic, 1));
    good(completed(server.p));
    waits(client.p, call0(nic, 1));
    good(one(third.p, release(copied)));
    turns(2);
    nothing_completed(client.p);
    (void)copy(server.p, endpoint, third.p);
    process_end(S, third.p, PROCESS_EXITED, 0);
    turns(2);
    nothing_completed(client.p);
}

/* A release gives the service up, a move hands it on with its queue. What was received is answered either
 * way. */
Test(endpoint, a_server_that_gives_its_copy_back_disconnects_the_queue)
{
    for (uint32_t move = 0; move < 2; move++) {
        const cap_id copied = copy(server.p, endpoint, third.p);
        cap_id out;

        waits(third.p, recv(copied, 0));
        waits(client.p, call0(nic, 1));
        good(completed(third.p));
        waits(client.p, call0(nic, 1));
        if (move)
            cr_assert_eq(process_transfer(S, third.p, copied, server.p, true, &out), CAP_EX_NONE);
        else
            good(one(third.p, release(copied)));
        turns(2);
        cr_assert_eq(system_held(S).calls, move ? 2 : 1);
        if (!move)
            is_status(completed(client.p), RING_E_DISCONNECTED);
        good(one(third.p, answer(ring_of(third.p)->inbox[0].token, 0, 0)));
        good(completed(client.p));
    }
}

Test(endpoint, an_endpoint_that_nobody_holds_ends)
{
    cap_id moved;

    cr_assert_eq(process_transfer(S, server.p, endpoint, third.p, true, &moved), CAP_EX_NONE);
    waits(client.p, call0(nic, 1));
    good(one(third.p, release(moved)));
    expect_all(1, RING_E_DISCONNECTED);
    cr_assert_eq(system_held(S).endpoints, 0);
    cr_assert_eq(S->processes[server.p].owner->budget.used[BUDGET_ENDPOINTS], 0);
}

Test(endpoint, a_client_that_nobody_holds_ends)
{
    cap_id moved;

    cr_assert_eq(process_transfer(S, server.p, nic_of_server, third.p, true, &moved), CAP_EX_NONE);
    good(one(third.p, release(moved)));
    cr_assert_eq(system_held(S).clients, 1); /* the client's copy */
    good(one(client.p, release(nic)));
    cr_assert_eq(system_held(S).clients, 0);
}

Test(endpoint, revoking_the_source_ends_what_was_made_of_it)
{
    waits(client.p, call0(nic, 1));
    good(one(server.p, release(server.endpoint_source)));
    expect_all(1, RING_E_DISCONNECTED);
    cr_assert_eq(system_held(S).endpoints, 0);
}

Test(endpoint, limits_of_calls_recover)
{
    struct process *p = &S->processes[client.p];
    struct ring_completion c;

    p->owner->budget.limits.limit[BUDGET_CALLS] = 3;
    for (uint32_t i = 0; i < 3; i++)
        waits(client.p, call0(nic, 1));
    is_status(one(client.p, call0(nic, 1)), RING_E_LIMIT);
    c = one(server.p, recv(endpoint, 0));
    good(c);
    good(one(server.p, answer(ring_of(server.p)->inbox[0].token, 0, 0)));
    good(completed(client.p));
    waits(client.p, call0(nic, 1));
    S->processes[server.p].owner->budget.limits.limit[BUDGET_CALLS] = 0;
    is_status(one(server.p, recv(endpoint, 0)), RING_E_LIMIT);
}

Test(endpoint, the_pool_of_calls_is_a_limit_for_all)
{
    uint32_t made = 0;
    struct root last = client;

    for (uint32_t i = 0; made < CALLS_MAX; i++) {
        struct root r = i == 0 ? client : root("more");
        const cap_id cap = i == 0 ? nic : copy(server.p, nic_of_server, r.p);

        for (uint32_t n = 0; n < 30 && made < CALLS_MAX; n++, made++)
            waits(r.p, call0(cap, 1));
        last = r;
    }
    is_status(one(last.p, call0(copy(server.p, nic_of_server, last.p), 1)), RING_E_LIMIT);
    is_status(one(third.p, call0(copy(server.p, nic_of_server, third.p), 1)), RING_E_LIMIT);
    good(one(server.p, release(endpoint)));
    cr_assert_eq(system_held(S).calls, 0);
}

Test(endpoint, pools_and_budgets_of_endpoints_recover)
{
    struct budget *b = &S->processes[server.p].owner->budget;
    cap_id last = CAP_NONE, made;

    b->limits.limit[BUDGET_ENDPOINTS] = 3;
    made = one(server.p, call0(server.endpoint_source, ENDPOINT_CREATE)).cap;
    is_exception(one(server.p, call0(server.endpoint_source, ENDPOINT_CREATE)), CAP_EX_BUDGET);
    is_exception(one(server.p, call2(made, ENDPOINT_CLIENT, CAP_IF_NIC, 0)), CAP_EX_BUDGET);
    good(one(server.p, release(made)));
    b->limits = budget_limits_generous();
    for (uint32_t i = 1; i < ENDPOINTS_MAX; i++)
        last = one(server.p, call0(server.endpoint_source, ENDPOINT_CREATE)).cap;
    is_exception(one(server.p, call0(server.endpoint_source, ENDPOINT_CREATE)), CAP_EX_EXHAUSTED);
    for (uint32_t i = 1; i < CLIENTS_MAX; i++)
        good(one(server.p, call2(last, ENDPOINT_CLIENT, CAP_IF_NIC, i)));
    is_exception(one(server.p, call2(last, ENDPOINT_CLIENT, CAP_IF_NIC, 0)), CAP_EX_EXHAUSTED);
    good(one(server.p, release(last)));
    good(one(server.p, call0(server.endpoint_source, ENDPOINT_CREATE)));
    good(one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_NIC, 0)));
}

Test(endpoint, a_process_may_call_itself)
{
    struct ring_received in;

    waits(server.p, recv(endpoint, 0));
    submit(server.p,
           &(struct ring_submission){.opcode = RING_CALL, .method = 1, .cap = nic_of_server, .user = 5});
    cr_assert(turn(server.p));
    in = received(server.p, 0);
    submit(server.p, &(struct ring_submission){.opcode = RING_RETURN, .args = {in.token, 7, 0}, .user = 6});
    cr_assert(turn(server.p));
    cr_assert_eq(completed(server.p).value, 7);
    cr_assert_eq(completed(server.p).user, 6);
    waits(server.p, recv(endpoint, 1));
    process_end(S, server.p, PROCESS_KILLED, 0);
    cr_assert_eq(system_held(S).calls, 0);
}
