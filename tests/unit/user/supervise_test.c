/* SPDX-License-Identifier: BSD-2-Clause */
/* What init decides, in virtual time: order, restart rule, budget, back-off, and what an operator asks. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/package_build.h"
#include "user/init/supervise.h"

#define MS     1000000ull
#define SECOND 1000000000ull

static struct built built;
static struct package package;
static struct supervisor supervisor;
#define S (&supervisor)

static void start_with(enum package_restart restart, uint32_t budget)
{
    built_service(&built, BUILT_NICD)->restart = (uint8_t)restart;
    built_service(&built, BUILT_NICD)->restart_budget = budget;
    cr_assert_eq(package_check_parts(built.bytes, built.n, &package, NULL), PACKAGE_OK);
    supervisor_init(S, &package, RUN_SERVE);
}

static void start(void)
{
    built_sample(&built);
    start_with(RESTART_ALWAYS, 3);
}

static void run_all(uint64_t now)
{
    uint32_t process = 10;

    for (uint32_t i; (i = supervisor_next(S, now)) != SERVICE_NONE;)
        supervisor_started(S, i, process++);
}

static uint64_t state_of(uint64_t service)
{
    uint64_t value = 0;

    cr_assert_eq(supervisor_state(S, service, &value), SYS_OK);
    return value >> 8 & 0xffu;
}

static void ended(uint32_t service, enum process_end end, uint64_t now)
{
    supervisor_ended(S, service, end, 0, now);
}

TestSuite(supervise, .init = start);

Test(supervise, servers_start_before_their_clients_and_init_runs_already)
{
    cr_assert_eq(supervisor_next(S, 0), BUILT_NICD);
    supervisor_started(S, BUILT_NICD, 2);
    cr_assert_eq(supervisor_next(S, 0), BUILT_SHELL);
    supervisor_started(S, BUILT_SHELL, 3);
    cr_assert_eq(supervisor_next(S, 0), SERVICE_NONE);
    cr_assert_eq(supervisor_due(S), NEVER_NS);
}

Test(supervise, a_client_waits_for_a_server_that_could_not_be_started)
{
    supervisor_not_started(S, BUILT_NICD, 0);
    cr_assert_eq(supervisor_next(S, 0), SERVICE_NONE);
    cr_assert_eq(supervisor_due(S), BACK_OFF_FIRST_NS);
    cr_assert_eq(supervisor_next(S, BACK_OFF_FIRST_NS), BUILT_NICD);
    supervisor_started(S, BUILT_NICD, 2);
    cr_assert_eq(supervisor_next(S, BACK_OFF_FIRST_NS), BUILT_SHELL);
}

Test(supervise, each_end_within_the_minute_doubles_the_wait_then_it_is_given_up)
{
    uint64_t now = 5 * SECOND;

    run_all(now);
    for (uint32_t i = 0; i < 3; i++) {
        ended(BUILT_NICD, i % 2 ? PROCESS_FAULTED : PROCESS_EXITED, now);
        cr_assert_eq(state_of(BUILT_NICD), SERVICE_WAITS);
        cr_assert_eq(supervisor_due(S), now + (BACK_OFF_FIRST_NS << i));
        cr_assert_eq(supervisor_next(S, supervisor_due(S) - 1), SERVICE_NONE);
        now = supervisor_due(S);
        cr_assert_eq(supervisor_next(S, now), BUILT_NICD);
        supervisor_started(S, BUILT_NICD, 20 + i);
    }
    ended(BUILT_NICD, PROCESS_FAULTED, now);
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_GIVEN_UP);
    cr_assert(supervisor_down(S, BUILT_NICD));
    cr_assert_eq(supervisor_next(S, now + 3600 * SECOND), SERVICE_NONE);
    cr_assert_eq(supervisor_due(S), NEVER_NS);
}

Test(supervise, ends_that_are_a_minute_old_cost_nothing)
{
    uint64_t now = 0;

    run_all(now);
    for (uint32_t i = 0; i < 50; i++) { /* three in any minute, one of them just leaving it */
        ended(BUILT_NICD, PROCESS_EXITED, now);
        cr_assert_eq(state_of(BUILT_NICD), SERVICE_WAITS, "end %u", i);
        cr_assert_leq(supervisor_due(S), now + (BACK_OFF_FIRST_NS << 2));
        now += RESTART_MINUTE_NS / 3u;
        run_all(now);
    }
}

Test(supervise, the_minute_ends_exactly)
{
    start_with(RESTART_ALWAYS, 1);
    run_all(0);
    ended(BUILT_NICD, PROCESS_EXITED, 0);
    run_all(SECOND);
    ended(BUILT_NICD, PROCESS_EXITED, RESTART_MINUTE_NS);
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_WAITS);
    run_all(RESTART_MINUTE_NS + SECOND);
    ended(BUILT_NICD, PROCESS_EXITED, 2 * RESTART_MINUTE_NS - 1);
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_GIVEN_UP);
}

Test(supervise, the_wait_has_a_bound)
{
    uint64_t now = 0;

    start_with(RESTART_ALWAYS, PACKAGE_RESTARTS_MAX);
    run_all(now);
    for (uint32_t i = 0; i < PACKAGE_RESTARTS_MAX; i++) {
        ended(BUILT_NICD, PROCESS_EXITED, now);
        cr_assert_eq(state_of(BUILT_NICD), SERVICE_WAITS);
        cr_assert_leq(supervisor_due(S), now + BACK_OFF_MOST_NS);
        supervisor_started(S, BUILT_NICD, i); /* at once, so that all fall into one minute */
    }
    ended(BUILT_NICD, PROCESS_EXITED, now);
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_GIVEN_UP);
}

Test(supervise, a_budget_of_none_gives_up_at_the_first_end)
{
    start_with(RESTART_ALWAYS, 0);
    run_all(0);
    ended(BUILT_NICD, PROCESS_EXITED, 0);
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_GIVEN_UP);
}

Test(supervise, a_kill_starts_it_at_once_and_costs_nothing)
{
    bool kill = false;

    run_all(0);
    for (uint32_t i = 0; i < 100; i++) {
        cr_assert_eq(supervisor_kill(S, BUILT_NICD, &kill), SYS_OK);
        cr_assert(kill);
        ended(BUILT_NICD, PROCESS_KILLED, 7);
        cr_assert_eq(supervisor_next(S, 7), BUILT_NICD);
        cr_assert_eq(supervisor_kill(S, BUILT_NICD, &kill), SYS_E_STATE);
        cr_assert_not(kill);
        supervisor_started(S, BUILT_NICD, 30 + i);
    }
    ended(BUILT_NICD, PROCESS_EXITED, 7);
    cr_assert_eq(supervisor_due(S), 7 + BACK_OFF_FIRST_NS);
}

Test(supervise, rule_never_leaves_it_ended_whatever_its_end)
{
    for (uint32_t end = PROCESS_EXITED; end <= PROCESS_FAULTED; end++) {
        start_with(RESTART_NEVER, 3);
        run_all(0);
        ended(BUILT_NICD, (enum process_end)end, 0);
        cr_assert_eq(state_of(BUILT_NICD), SERVICE_ENDED);
        cr_assert_eq(supervisor_due(S), NEVER_NS);
    }
}

Test(supervise, a_restart_is_a_kill_and_a_start_whatever_the_rule)
{
    bool kill = false;

    start_with(RESTART_NEVER, 0);
    run_all(0);
    cr_assert_eq(supervisor_restart(S, BUILT_NICD, 0, &kill), SYS_OK);
    cr_assert(kill);
    ended(BUILT_NICD, PROCESS_KILLED, 5);
    cr_assert_eq(supervisor_next(S, 5), BUILT_NICD);
    supervisor_started(S, BUILT_NICD, 40);
    ended(BUILT_NICD, PROCESS_EXITED, 6); /* the wish was for one start */
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_ENDED);
    cr_assert_eq(supervisor_restart(S, BUILT_NICD, 8, &kill), SYS_OK);
    cr_assert_not(kill);
    cr_assert_eq(supervisor_next(S, 8), BUILT_NICD);
}

Test(supervise, a_restart_makes_the_budget_whole)
{
    bool kill = false;

    start_with(RESTART_ALWAYS, 1);
    run_all(0);
    for (uint32_t i = 0; i < 2; i++) {
        ended(BUILT_NICD, PROCESS_EXITED, 0);
        if (i == 0)
            supervisor_started(S, BUILT_NICD, 41);
    }
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_GIVEN_UP);
    cr_assert_eq(supervisor_restart(S, BUILT_NICD, 9, &kill), SYS_OK);
    supervisor_started(S, BUILT_NICD, 42);
    ended(BUILT_NICD, PROCESS_EXITED, 9);
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_WAITS);
    cr_assert_eq(supervisor_due(S), 9 + BACK_OFF_FIRST_NS);
    cr_assert_eq(supervisor_restart(S, BUILT_NICD, 10, &kill), SYS_OK); /* ends the wait */
    cr_assert_eq(supervisor_next(S, 10), BUILT_NICD);
}

Test(supervise, a_client_of_one_given_up_stays_until_it_ends_and_starts_when_the_server_does)
{
    bool kill = false;

    start_with(RESTART_ALWAYS, 0);
    run_all(0);
    ended(BUILT_NICD, PROCESS_EXITED, 0);
    cr_assert_eq(state_of(BUILT_SHELL), SERVICE_RUNS);
    ended(BUILT_SHELL, PROCESS_EXITED, SECOND);
    cr_assert_eq(state_of(BUILT_SHELL), SERVICE_WAITS);
    cr_assert_eq(supervisor_next(S, 60 * SECOND), SERVICE_NONE);
    cr_assert_eq(supervisor_due(S), NEVER_NS);
    cr_assert_eq(supervisor_restart(S, BUILT_NICD, 61 * SECOND, &kill), SYS_OK);
    cr_assert_eq(supervisor_next(S, 61 * SECOND), BUILT_NICD);
    supervisor_started(S, BUILT_NICD, 50);
    cr_assert_eq(supervisor_next(S, 61 * SECOND), BUILT_SHELL);
}

Test(supervise, an_optional_grant_is_waited_for_until_its_server_is_down)
{
    struct package_grant *net = built_grant(&built, BUILT_SHELL_NIC);

    net->optional = 1;
    start_with(RESTART_ALWAYS, 0);
    cr_assert_not(supervisor_left_out(S, net));
    cr_assert_eq(supervisor_next(S, 0), BUILT_NICD); /* the order is as ever */
    supervisor_not_started(S, BUILT_NICD, 0); /* given up */
    cr_assert(supervisor_left_out(S, net));
    cr_assert_eq(supervisor_due(S), 0);
    cr_assert_eq(supervisor_next(S, 0), BUILT_SHELL);
    supervisor_started(S, BUILT_SHELL, 5);
    ended(BUILT_SHELL, PROCESS_KILLED, SECOND);
    cr_assert_eq(supervisor_next(S, SECOND), BUILT_SHELL);
}

Test(supervise, a_client_starts_while_its_server_waits_to_start_again)
{
    run_all(0);
    ended(BUILT_NICD, PROCESS_FAULTED, 0);
    ended(BUILT_SHELL, PROCESS_KILLED, MS);
    cr_assert_eq(supervisor_next(S, MS), BUILT_SHELL);
}

Test(supervise, init_and_numbers_beyond_the_list_are_refused)
{
    bool kill = true;
    uint64_t value;

    cr_assert_eq(supervisor_restart(S, BUILT_INIT, 0, &kill), SYS_E_STATE);
    cr_assert_not(kill);
    cr_assert_eq(supervisor_kill(S, BUILT_INIT, &kill), SYS_E_STATE);
    for (uint64_t service = BUILT_SERVICES; service != 0; service <<= 1) {
        cr_assert_eq(supervisor_restart(S, service, 0, &kill), SYS_E_NAME);
        cr_assert_eq(supervisor_kill(S, service, &kill), SYS_E_NAME);
        cr_assert_eq(supervisor_state(S, service, &value), SYS_E_NAME);
        cr_assert_eq(supervisor_name(S, service, 0, &value), SYS_E_NAME);
    }
}

Test(supervise, what_is_said_of_a_service)
{
    char name[PACKAGE_NAME_BYTES];
    uint64_t value = 0;

    run_all(0);
    ended(BUILT_NICD, PROCESS_KILLED, 0);
    supervisor_started(S, BUILT_NICD, 77);
    ended(BUILT_NICD, PROCESS_FAULTED, 0);
    cr_assert_eq(supervisor_state(S, BUILT_NICD, &value), SYS_OK);
    cr_assert_eq(value, PROCESS_FAULTED | SERVICE_WAITS << 8 | 2u << 16 | 77ull << 32);
    cr_assert_eq(supervisor_state(S, BUILT_INIT, &value), SYS_OK);
    cr_assert_eq(value, PROCESS_RUNS | SERVICE_RUNS << 8 | 1u << 16);
    for (uint64_t part = 0; part < 3; part++) {
        cr_assert_eq(supervisor_name(S, BUILT_SHELL, part, &value), SYS_OK);
        memcpy(name + 8 * part, &value, 8);
    }
    cr_assert_str_eq(name, "shell");
    cr_assert_eq(supervisor_name(S, BUILT_SHELL, 3, &value), SYS_E_VALUE);
    supervisor.services[BUILT_NICD].starts = 0x12345;
    cr_assert_eq(supervisor_state(S, BUILT_NICD, &value), SYS_OK);
    cr_assert_eq(value >> 16 & 0xffffu, 0xffffu);
}

static void start_proof(enum package_when of_the_shell)
{
    built_service(&built, BUILT_SHELL)->when = (uint8_t)of_the_shell;
    cr_assert_eq(package_check_parts(built.bytes, built.n, &package, NULL), PACKAGE_OK);
    supervisor_init(S, &package, RUN_PROOF);
}

Test(supervise, a_run_leaves_out_what_belongs_to_the_other_kind)
{
    start_proof(WHEN_SERVE);
    run_all(0);
    cr_assert_eq(state_of(BUILT_NICD), SERVICE_RUNS);
    cr_assert_eq(state_of(BUILT_SHELL), SERVICE_ENDED);
    start_proof(WHEN_PROOF);
    run_all(0);
    cr_assert_eq(state_of(BUILT_SHELL), SERVICE_RUNS);
    supervisor_init(S, &package, RUN_SERVE);
    run_all(0);
    cr_assert_eq(state_of(BUILT_SHELL), SERVICE_ENDED);
}

Test(supervise, what_a_probe_needs_is_started_by_it_and_by_a_run_that_serves_and_by_no_other_proof)
{
    static const enum service_state states[] = {
        [RUN_SERVE] = SERVICE_RUNS, [RUN_PROOF] = SERVICE_ENDED, [RUN_PROBE] = SERVICE_RUNS};

    start_proof(WHEN_SERVE_PROBE);
    for (enum supervisor_run run = RUN_SERVE; run <= RUN_PROBE; run++) {
        supervisor_init(S, &package, run);
        run_all(0);
        cr_expect_eq(state_of(BUILT_SHELL), states[run], "run %d", run);
        cr_expect_eq(supervisor_proven(S), run == RUN_PROOF, "run %d: a sink's holder is waited for", run);
    }
    start_proof(WHEN_SERVE);
    supervisor_init(S, &package, RUN_PROBE);
    run_all(0);
    cr_assert_eq(state_of(BUILT_SHELL), SERVICE_ENDED);
}

Test(supervise, a_proof_is_over_when_each_holder_of_a_sink_has_ended_once)
{
    start_proof(WHEN_ALWAYS);
    run_all(0);
    cr_assert_not(supervisor_proven(S));
    supervisor_ended(S, BUILT_SHELL, PROCESS_EXITED, 0, 1); /* the sample's holder */
    cr_assert_eq(state_of(BUILT_SHELL), SERVICE_ENDED, "its rule is always: in a proof it has one life");
    cr_assert(supervisor_proven(S));
    cr_assert_not(S->failed);
    supervisor_init(S, &package, RUN_SERVE);
    run_all(0);
    supervisor_ended(S, BUILT_SHELL, PROCESS_EXITED, 0, 1);
    cr_assert_not(supervisor_proven(S), "no proof is ever over where none is made");
}

Test(supervise, a_proof_fails_with_a_code_a_fault_a_kill_and_a_start_that_is_refused)
{
    static const struct {
        enum process_end end;
        uint64_t code;
    } ends[] = {{PROCESS_EXITED, 5}, {PROCESS_FAULTED, 0}, {PROCESS_KILLED, 0}};

    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        start_proof(WHEN_ALWAYS);
        run_all(0);
        supervisor_ended(S, BUILT_SHELL, ends[i].end, ends[i].code, 1);
        cr_expect(supervisor_proven(S) && S->failed, "%u", i);
    }
    start_proof(WHEN_ALWAYS);
    supervisor_started(S, BUILT_NICD, 1);
    for (uint64_t now = 0; state_of(BUILT_SHELL) == SERVICE_WAITS; now++)
        supervisor_not_started(S, BUILT_SHELL, now);
    cr_assert(supervisor_proven(S) && S->failed);
}

/* The shell runs when nicd asks for it. */
static void start_asked(bool proof)
{
    struct package_grant *starter = built_grant(&built, BUILT_NICD_SECOND);

    built_service(&built, BUILT_SHELL)->when = WHEN_ASKED;
    built_service(&built, BUILT_SHELL)->restart = RESTART_NEVER;
    built_service(&built, BUILT_SHELL)->restart_budget = 0;
    for (uint32_t i = BUILT_SHELL_SINK; i <= BUILT_SHELL_SERVES; i++) {
        struct package_grant *g = built_grant(&built, i);
        char name[PACKAGE_NAME_BYTES];

        memcpy(name, g->name, sizeof name);
        *g = *built_grant(&built, BUILT_SHELL_CONSOLE);
        memcpy(g->name, name, sizeof name);
    }
    *starter = (struct package_grant){
        .name = "go", .kind = GRANT_STARTS, .interface = CAP_IF_STARTER, .service = BUILT_SHELL};
    cr_assert_eq(package_check_parts(built.bytes, built.n, &package, NULL), PACKAGE_OK);
    cr_assert_eq(package_starter(&package, BUILT_SHELL), BUILT_NICD);
    supervisor_init(S, &package, proof ? RUN_PROOF : RUN_SERVE);
}

static uint64_t asked(enum service_state state, enum process_end end, uint64_t life)
{
    return (uint64_t)state | (uint64_t)end << 8 | life << 32;
}

Test(supervise, what_is_asked_for_runs_when_it_is_asked_for)
{
    bool kill = true;

    start_asked(true);
    run_all(0);
    cr_assert_eq(state_of(BUILT_SHELL), SERVICE_ENDED, "nor in a proof");
    start_asked(false);
    run_all(0);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_ENDED, PROCESS_RUNS, 0));
    cr_assert_eq(supervisor_restart(S, BUILT_SHELL, 0, &kill), SYS_E_STATE);
    cr_assert_eq(supervisor_next(S, SECOND), SERVICE_NONE);
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 5), SYS_OK);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_WAITS, PROCESS_RUNS, 1));
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 5), SYS_E_BUSY);
    run_all(5);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_RUNS, PROCESS_RUNS, 1));
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 6), SYS_E_BUSY);
    ended(BUILT_SHELL, PROCESS_EXITED, 7);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_ENDED, PROCESS_EXITED, 1));
    cr_assert_eq(supervisor_next(S, SECOND), SERVICE_NONE);
}

Test(supervise, what_is_ended_has_ended_before_its_process_and_may_be_asked_for_again)
{
    bool kill = false;

    start_asked(false);
    run_all(0);
    supervisor_end(S, BUILT_SHELL, &kill);
    cr_assert_not(kill, "it does not run");
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 0), SYS_OK);
    supervisor_end(S, BUILT_SHELL, &kill);
    cr_assert_not(kill, "it waited");
    cr_assert_eq(supervisor_next(S, SECOND), SERVICE_NONE);
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 0), SYS_OK);
    run_all(0);
    supervisor_end(S, BUILT_SHELL, &kill);
    cr_assert(kill);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_ENDED, PROCESS_RUNS, 1));
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 1), SYS_OK);
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 1), SYS_E_BUSY);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_WAITS, PROCESS_RUNS, 2));
    ended(BUILT_SHELL, PROCESS_KILLED, 2);
    cr_assert_eq(supervisor_next(S, 2), BUILT_SHELL);
    run_all(2);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_RUNS, PROCESS_RUNS, 2));
    supervisor_end(S, BUILT_SHELL, &kill);
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 3), SYS_OK);
    supervisor_end(S, BUILT_SHELL, &kill); /* the last word counts */
    ended(BUILT_SHELL, PROCESS_KILLED, 4);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_ENDED, PROCESS_KILLED, 2));
    cr_assert_eq(supervisor_next(S, SECOND), SERVICE_NONE);
}

Test(supervise, what_is_asked_for_waits_for_its_servers_and_is_given_up_when_it_cannot_start)
{
    start_asked(false);
    supervisor_started(S, BUILT_NICD, 2);
    ended(BUILT_NICD, PROCESS_EXITED, 0);
    built_service(&built, BUILT_NICD)->restart = RESTART_NEVER;
    supervisor.services[BUILT_NICD].state = SERVICE_ENDED;
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 0), SYS_OK);
    cr_assert_eq(supervisor_next(S, SECOND), SERVICE_NONE, "its server is down");
    start_asked(false);
    run_all(0);
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 0), SYS_OK);
    supervisor_not_started(S, BUILT_SHELL, 0);
    cr_assert_eq(supervisor_asked(S, BUILT_SHELL), asked(SERVICE_GIVEN_UP, PROCESS_RUNS, 0));
    cr_assert_eq(supervisor_ask(S, BUILT_SHELL, 1), SYS_OK);
    cr_assert_eq(supervisor_next(S, 1), BUILT_SHELL);
}
