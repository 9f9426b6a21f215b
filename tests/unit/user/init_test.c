/* SPDX-License-Identifier: BSD-2-Clause */
/* Init's own program file over the core's processes and the simulator's processor, in virtual time: it starts
 * a graph, restarts what falls over, gives up what always does, and serves the supervisor. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "kernel/core/elf.h"
#include "kernel/core/package.h"
#include "kernel/core/system.h"
#include "sim/processor.h"
#include "sim/program_source.h"

#define PAGES         2048u
#define PACKAGE_PAGES (PACKAGE_BYTES_MAX / PROCESSOR_PAGE)
#define TURNS_MAX     100000u
#define TURN_NS       1000u

static struct core core;
static struct system system_;
static struct package package;
static struct sim_processor *processor;
static struct sim_region memory, packed;
static char text[16384];
static size_t text_bytes;
static uint64_t now;

static struct object_reply door_call(void *ctx, struct system *s, const struct object_call *call)
{
    (void)ctx;
    (void)s;
    if (call->interface == CAP_IF_SERIAL && call->method == SERIAL_WRITE) {
        cr_assert_eq(call->payload, 1, "port");
        cr_assert_lt(text_bytes + call->range_bytes, sizeof text);
        memcpy(text + text_bytes, call->range, call->range_bytes);
        text_bytes += call->range_bytes;
        return (struct object_reply){.value = call->range_bytes};
    }
    cr_assert(call->interface == CAP_IF_FUNCTIONS && call->method == FUNCTIONS_COUNT);
    return (struct object_reply){.value = 0};
}

static void door_destroy(void *ctx, uint16_t object)
{
    (void)ctx;
    core_revoke(&core, object, AUDIT_REVOKE, AUDIT_BDF_NONE);
}

static struct object_reply door_release(void *ctx, struct system *s, uint16_t process, cap_id cap)
{
    (void)ctx;
    core_drop_cap(&core, s->processes[process].owner, (uint16_t)cap.index, AUDIT_BDF_NONE);
    return (struct object_reply){.value = 0};
}

static void door_ended(void *ctx, struct system *s, uint16_t process)
{
    (void)ctx;
    (void)s;
    (void)process;
}

static void read_package(void)
{
    FILE *in = fopen(TEST_PACKAGE, "rb");

    cr_assert_not_null(in, "%s", TEST_PACKAGE);
    const size_t bytes = fread(packed.base, 1, packed.bytes, in);
    fclose(in);
    cr_assert_eq(package_check(packed.base, bytes, &package, NULL), PACKAGE_OK);
}

static void grant_init(uint16_t process)
{
    for (uint32_t i = 0; i < package.services[package.init].grant_count; i++) {
        const struct package_grant *g = package_grant(&package, package.init, i);
        cap_id cap;

        if (g->kind == GRANT_KERNEL)
            cr_assert_eq(process_grant_root(&system_, process, g->name, (uint8_t)g->interface, g->port, &cap),
                         CAP_EX_NONE);
    }
}

static uint16_t start_init(void)
{
    struct process_request request = {.memory_pages = package.services[package.init].pages};
    uint32_t bytes = 0, detail = 0;
    uint16_t process;

    memcpy(request.name, package.services[package.init].name, sizeof request.name);
    request.file = package_file(&package, package.header->init, &bytes);
    request.length = bytes;
    cr_assert_eq(process_create(&system_, &request, &process, &detail), SYS_OK, "%u", detail);
    grant_init(process);
    process_start(&system_, process);
    return process;
}

static void start(void)
{
    memory = (struct sim_region){sim_region_map(PAGES * PROCESSOR_PAGE), PAGES * PROCESSOR_PAGE};
    packed = (struct sim_region){sim_region_map(PACKAGE_BYTES_MAX), PACKAGE_BYTES_MAX};
    const struct sim_processor_config config = {
        .regions = {memory, packed}, .region_count = 2, .source = sim_linked};
    processor = sim_processor_open(&config);
    read_package();
    core_init(&core);
    const struct system_setup setup = {
        .core = &core,
        .processor = sim_processor_ops(processor),
        .door = {NULL, door_call, door_destroy, door_release, door_ended, false},
        .loader = elf_load,
        .pages = memory.base,
        .page_count = PAGES,
        .limits = budget_limits_generous()};
    system_init(&system_, &setup);
    for (uint32_t i = 0; i < package.header->programs; i++) {
        uint32_t bytes = 0;
        struct system_program *program = &system_.programs[system_.program_count++];

        memcpy(program->name, package.programs[i].name, sizeof program->name);
        program->bytes = package_file(&package, i, &bytes);
        program->length = bytes;
    }
    system_.package = packed.base;
    system_.package_pages = (package.header->bytes + PROCESSOR_PAGE - 1u) / PROCESSOR_PAGE;
}

static void stop(void)
{
    sim_processor_close(processor);
    sim_region_unmap(memory);
    sim_region_unmap(packed);
}

TestSuite(init, .init = start, .fini = stop);

/* The audit log is read while it runs, as auditd would: a full one stops grants. */
static void drain(void)
{
    struct audit_record record;

    while (audit_drain(&core.audit, &record, 1) != 0)
        ;
}

/* Until nothing is left but waiting for ever. */
static void run_all(void)
{
    struct system_turn turn;

    for (uint32_t i = 0; i < TURNS_MAX; i++) {
        turn = system_turn(&system_, now += TURN_NS);
        drain();
        if (turn.ran)
            continue;
        if (turn.deadline_ns == RING_FOREVER)
            return;
        if (turn.deadline_ns > now)
            now = turn.deadline_ns;
    }
    cr_assert_fail("still running:\n%s", text);
}

static uint32_t lines(const char *line)
{
    uint32_t found = 0;

    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        found++;
    return found;
}

Test(init, a_graph_lives_falls_over_and_comes_back)
{
    static const char *const order[] = {"init: server runs as process ",
                                        "init: client runs as process ",
                                        "client: answered\n",
                                        "init: server ended with code 2",
                                        "client: answered by the next\n",
                                        "init: server was killed",
                                        "client: answered by the third\n",
                                        "client: three starts\n",
                                        "init: client ended with code 0"};
    const char *at = text;

    (void)start_init();
    run_all();
    for (uint32_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const char *found = strstr(at, order[i]);

        cr_assert_not_null(found, "no `%s` in its place:\n%s", order[i], text);
        at = found + 1;
    }
    cr_assert_eq(lines("client: disconnected\n"), 1, "%s", text);
    cr_assert_eq(lines("client: killed it\n"), 1, "%s", text);
    cr_assert_eq(lines("server: up\n"), 3, "%s", text);
    cr_assert_eq(lines("init: server starts again in ms: 100\n"), 1, "%s", text);
    cr_assert_eq(lines("init: client runs"), 1, "rule never:\n%s", text);
}

Test(init, what_always_falls_over_is_given_up_after_its_budget)
{
    (void)start_init();
    run_all();
    cr_assert_eq(lines("init: faller runs as process "), 3, "%s", text);
    cr_assert_eq(lines("init: faller ended with code 3\n"), 3, "%s", text);
    cr_assert_eq(lines("init: faller starts again in ms: 100\n"), 1, "%s", text);
    cr_assert_eq(lines("init: faller starts again in ms: 200\n"), 1, "%s", text);
    cr_assert_eq(lines("init: faller is given up: ends within a minute: 3\n"), 1, "%s", text);
}

Test(init, what_is_asked_for_lives_no_longer_than_who_asks)
{
    (void)start_init();
    run_all();
    cr_assert_eq(lines("holder: looks alone\n"), 2, "%s", text);
    cr_assert_eq(lines("holder: asked\n"), 1, "%s", text);
    cr_assert_eq(lines("holder: ended it and asked\n"), 1, "%s", text);
    cr_assert_eq(lines("holder: asked anew\n"), 1, "%s", text);
    cr_assert_eq(lines("init: holder is given up: ends within a minute: 2\n"), 1, "%s", text);
    cr_assert_eq(lines("init: asked runs as process "), 3, "%s", text);
    cr_assert_eq(lines("init: asked was killed\n"), 3, "%s", text);
    cr_assert_geq(lines("asked: up\n"), 1, "%s", text);
}

Test(init, lives_that_are_over_leave_nothing_behind)
{
    (void)start_init();
    run_all();
    const struct system_held held = system_held(&system_);

    /* Init and the server; of the client's capabilities and of what ended, nothing. */
    cr_assert_eq(held.processes, 2, "%s", text);
    cr_assert_eq(held.handles, 1);
    cr_assert_eq(held.endpoints, 2);
    cr_assert_eq(held.clients, 0);
    cr_assert_eq(held.receives, 2);
}

Test(init, its_end_is_that_of_all_it_started)
{
    const uint16_t process = start_init();

    run_all();
    process_end(&system_, process, PROCESS_KILLED, 0);
    const struct system_held held = system_held(&system_);
    cr_assert_eq(held.processes, 0);
    cr_assert_eq(held.memory_pages + held.endpoints + held.clients + held.waiters + held.handles, 0);
}

Test(init, a_package_that_lacks_a_grant_of_its_own_ends_it)
{
    const uint16_t process = start_init();

    strcpy(system_.processes[process].startup->grants[0].name, "other");
    run_all();
    cr_assert_eq(lines("init: a grant of the manifest is missing\n"), 1, "%s", text);
    cr_assert_eq(system_held(&system_).processes, 0);
}
