/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole way of a program in the simulator: its file is loaded by the system of processes, it runs on the
 * simulator's processor, its calls go through the object door to the device authority, over modelled devices.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/calls/calls.h"
#include "kernel/core/elf.h"
#include "provider/tables.h"
#include "sim/processor.h"
#include "sim/world.h"

#define PAGES          2048u
#define TURNS_MAX      200000u
#define FILE_BYTES_MAX (1u << 20)

static struct {
    struct sim_world world;
    struct kernel kernel;
    struct kernel_usage before;
    struct evidence evidence;
    struct console console;
    struct calls calls;
    struct system system;
    struct sim_processor *processor;
    struct sim_region regions[2];
    char text[4096];
    size_t text_bytes;
} t;

static void console_write_kept(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    (void)ctx;
    if (port != CONSOLE_MAIN || t.text_bytes + bytes >= sizeof t.text)
        return;
    memcpy(t.text + t.text_bytes, text, bytes);
    t.text_bytes += bytes;
}

static void open_kernel(enum dm_transport transport)
{
    static const uint8_t key[32];
    static const uint8_t boot[8];
    static const struct reg_table *const tables[] = {&virtio_net_modern_table, &virtio_net_legacy_table};
    struct sim_world_config config = sim_world_defaults(transport);

    memset(&t, 0, sizeof t);
    config.nics[0].backend = SIM_BACKEND_LOOP;
    config.console = console_write_kept;
    cr_assert_null(sim_world_open(&t.world, &config));
    kernel_init(&t.kernel, &t.world.platform);
    kernel_scan(&t.kernel);
    t.before = kernel_usage(&t.kernel);
    console_init(&t.console, &t.world.platform);
    evidence_begin(&t.evidence, &t.console, key, boot);
    const struct calls_setup setup = {.kernel = &t.kernel,
                                      .platform = &t.world.platform,
                                      .evidence = &t.evidence,
                                      .console = &t.console,
                                      .tables = {tables, 2}};
    calls_init(&t.calls, &setup);
}

static void open_system(enum dm_transport transport, bool isolate)
{
    open_kernel(transport);
    t.regions[0] = (struct sim_region){sim_region_map(PAGES * PROCESSOR_PAGE), PAGES * PROCESSOR_PAGE};
    t.regions[1] = (struct sim_region){dm_memory_base(t.world.memory), dm_memory_bytes(t.world.memory)};
    cr_assert_not_null(t.regions[0].base);
    const struct sim_processor_config config = {
        .regions = {t.regions[0], t.regions[1]}, .region_count = 2, .isolate = isolate};
    t.processor = sim_processor_open(&config);
    cr_assert_not_null(t.processor);
    const struct system_setup setup = {.core = &t.kernel.core,
                                       .processor = sim_processor_ops(t.processor),
                                       .door = calls_door(&t.calls),
                                       .loader = elf_load,
                                       .pages = t.regions[0].base,
                                       .page_count = PAGES,
                                       .limits = budget_limits_generous()};
    system_init(&t.system, &setup);
    calls_attach(&t.calls, &t.system);
}

static void close_system(void)
{
    sim_processor_close(t.processor);
    sim_region_unmap(t.regions[0]);
    cr_assert_eq(sim_world_complaints(&t.world, 2), 0);
    sim_world_close(&t.world);
}

static uint16_t create(const char *program, const char *text)
{
    static uint8_t file[4][FILE_BYTES_MAX];
    static unsigned next;
    struct process_request request = {.name = "tested", .memory_pages = 16, .text = text};
    char path[512];
    uint32_t detail;
    uint16_t process;
    cap_id cap;
    const struct calls_root roots[] = {{.name = "console", .interface = CAP_IF_SERIAL, .port = CONSOLE_MAIN},
                                       {.name = "functions", .interface = CAP_IF_FUNCTIONS}};

    snprintf(path, sizeof path, "%s/test_%s.elf", TEST_PROGRAMS, program);
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in, "%s", path);
    request.file = file[next % 4u];
    request.length = fread(file[next++ % 4u], 1, FILE_BYTES_MAX, in);
    fclose(in);
    cr_assert_eq(process_create(&t.system, &request, &process, &detail), SYS_OK, "%s",
                 elf_error_name((enum elf_error)detail));
    cr_assert_eq(process_grant_root(&t.system, process, "memory", CAP_IF_MEMORY_SOURCE, 0, &cap),
                 CAP_EX_NONE);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(calls_grant_root(&t.calls, process, &roots[i]), CAP_EX_NONE);
    process_start(&t.system, process);
    return process;
}

/* Turns until no process is left, or `turns` of them. */
static void run(uint32_t turns)
{
    struct system_turn turn = {.processes = 1};

    for (uint32_t i = 0; i < turns && turn.processes > 0; i++) {
        turn = system_turn(&t.system, platform_now_ns(&t.world.platform));
        platform_relax(&t.world.platform);
    }
    if (turns == TURNS_MAX)
        cr_assert_eq(turn.processes, 0, "it does not end");
}

static void nothing_is_held(void)
{
    const struct system_held held = system_held(&t.system);
    const struct system_held none = {0};
    const struct kernel_usage usage = kernel_usage(&t.kernel);

    cr_assert_eq(memcmp(&held, &none, sizeof held), 0);
    cr_assert_eq(memcmp(&usage, &t.before, sizeof usage), 0);
    cr_assert_eq(t.system.pages.used, 0);
}

Test(sim_system, a_program_prints_and_ends)
{
    open_system(DM_MODERN, false);
    const uint16_t p = create("hello", "code=42");
    run(TURNS_MAX);
    cr_assert_str_eq(t.text, "hello from a program\n");
    cr_assert_eq(t.system.processes[p].end, PROCESS_EXITED);
    cr_assert_eq(t.system.processes[p].code, 42);
    nothing_is_held();
    close_system();
}

Test(sim_system, a_fault_ends_the_program_alone)
{
    open_system(DM_MODERN, true);
    const uint16_t bad = create("faults", "kind=undefined");
    const uint16_t good = create("hello", "code=5");
    run(TURNS_MAX);
    cr_assert_eq(t.system.processes[bad].end, PROCESS_FAULTED);
    cr_assert_eq(t.system.processes[bad].code, 6);
    cr_assert_eq(t.system.processes[good].code, 5);
    nothing_is_held();
    close_system();
}

/* Whatever page lies below: it is another's, the program's own start-up page, or not there. */
Test(sim_system, a_stack_that_runs_over_is_a_fault)
{
    for (unsigned isolate = 0; isolate < 2; isolate++) {
        open_system(DM_MODERN, isolate);
        const uint16_t p = create("faults", "kind=stack");
        run(TURNS_MAX);
        cr_assert_eq(t.system.processes[p].end, PROCESS_FAULTED);
        cr_assert_eq(t.system.processes[p].code, 14);
        nothing_is_held();
        close_system();
    }
}

static void frames_go_through(enum dm_transport transport, bool isolate)
{
    open_system(transport, isolate);
    const uint16_t p = create("nic", "");
    run(TURNS_MAX);
    cr_assert_eq(t.system.processes[p].end, PROCESS_EXITED);
    cr_assert_eq(t.system.processes[p].code, 0, "step %u", t.system.processes[p].code);
    nothing_is_held();
    close_system();
}

Test(sim_system, a_driver_in_a_program_drives_a_modern_device)
{
    frames_go_through(DM_MODERN, false);
}

Test(sim_system, a_driver_in_a_program_drives_a_legacy_device)
{
    frames_go_through(DM_LEGACY, false);
}

Test(sim_system, drivers_run_isolated)
{
    frames_go_through(DM_MODERN, true);
    frames_go_through(DM_LEGACY, true);
}

/* Killed after so many turns, wherever it was: the device comes back, all pages too. */
Test(sim_system, a_driver_may_be_killed_anywhere)
{
    for (uint32_t turns = 1; turns < 400; turns += 13) {
        open_system(turns % 2u ? DM_MODERN : DM_LEGACY, false);
        const uint16_t p = create("nic", "");
        run(turns);
        if (process_live(&t.system, p))
            process_end(&t.system, p, PROCESS_KILLED, 0);
        nothing_is_held();
        close_system();
    }
}
