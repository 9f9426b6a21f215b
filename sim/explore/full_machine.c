/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of world `full`: device models, kernel and the simulator's processor, one life of them at a
 * time, and the two places at which the world comes between: which program runs next, and what becomes of one
 * that enters. Trusts the package, which it checks once. */
#include "sim/explore/full_world.h"

#include <stdlib.h>
#include <string.h>

#include "platform/sim/trace.h"

#define PROGRAMS_BYTES (16u << 20)
#define LIMIT_MS       2000u /* of the host: no program of this world computes */
#define IDLE_TURNS     24u /* nothing ran in so many: time goes on to when something does */
#define FAULT_VECTOR   13u /* of a crash: general protection (Intel SDM 3A, table 6-1) */

/* full_package.S: the boot package, as it lies in this build. */
extern const uint8_t full_package_file[], full_package_file_end[];

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    struct full_world *f = ctx;

    if (port == CONSOLE_AUDIT)
        full_judge_log_text(f, text, bytes);
    else
        xp_note(&f->world, XP_LANE_WORLD, "console: %.*s",
                (int)(bytes > 0 && text[bytes - 1] == '\n' ? bytes - 1 : bytes), text);
}

static struct sim_world_config machine_config(struct full_world *f)
{
    struct sim_world_config c = sim_world_defaults(f->config.legacy ? DM_LEGACY : DM_MODERN);

    c.seed = f->draws.device;
    c.mode = f->draws.device == 0 ? SIM_CHOOSE_FIRST : SIM_CHOOSE_RANDOM;
    c.idle_turns = f->draws.idle_turns;
    c.nics[0].backend = SIM_BACKEND_SCRIPT;
    c.programs_bytes = PROGRAMS_BYTES;
    c.memory = f->memory;
    c.console_ctx = f;
    c.console = console;
    return c;
}

bool full_machine_make(struct full_world *f)
{
    const size_t bytes = (size_t)(full_package_file_end - full_package_file);
    const struct dm_memory_config memory = {
        .bytes = SIM_MEMORY_BYTES_DEFAULT, .bus_base = SIM_BUS_BASE, .ledger = true};
    struct package_place place;

    f->k = calloc(1, sizeof *f->k);
    f->memory = dm_memory_create(&memory);
    f->package.bytes = PACKAGE_BYTES_MAX;
    f->package.base = sim_region_map(PACKAGE_BYTES_MAX);
    if (!f->k || !f->memory || !f->package.base)
        return false;
    ASSERT(bytes <= PACKAGE_BYTES_MAX);
    memcpy(f->package.base, full_package_file, bytes);
    const enum package_error checked = package_check(f->package.base, bytes, &f->checked, &place);
    ASSERT(checked == PACKAGE_OK);
    return true;
}

void full_machine_free(struct full_world *f)
{
    full_life_close(f);
    if (f->memory)
        dm_memory_destroy(f->memory);
    if (f->package.base)
        sim_region_unmap(f->package);
    free(f->k);
}

/* Which of the ready programs is next: in turn, or as the stretch's number says. */
static uint32_t pick(void *ctx, uint32_t n)
{
    struct full_world *f = ctx;
    const uint64_t word = trace_mix(trace_mix(TRACE_START, f->schedule), f->picks++);

    return f->schedule == 0 ? 0 : (uint32_t)(word >> 33) % n;
}

/* Records that it submits now; of what it says no more than a ring has. */
static uint32_t submitted(const struct process *p)
{
    const uint32_t count = p->ring->header.submit_tail - p->submit_head;

    return count < RING_SUBMISSIONS ? count : RING_SUBMISSIONS;
}

/* A program has come back. One that is to be crashed gets so many of its records taken, and no more. */
static void between(void *ctx, uint16_t space, const struct processor_stop *stop)
{
    struct full_world *f = ctx;
    struct process *p = &full_system(f)->processes[space];
    const uint32_t there = submitted(p);
    struct full_crash *c = &f->crash;

    f->hash = trace_mix(f->hash, (uint64_t)p->number << 32 | (uint64_t)stop->event << 8 | there);
    if (!c->armed || c->process != space || c->number != p->number || stop->event != PROCESSOR_ENTER)
        return;
    if (c->records < there)
        p->ring->header.submit_tail = p->submit_head + c->records;
    c->armed = false;
    c->due = true;
    xp_mark(&f->world, c->records == 0      ? XP_M_FULL_BEFORE
                       : c->records < there ? XP_M_FULL_AMONG
                                            : XP_M_FULL_BEHIND);
    xp_note(&f->world, XP_LANE_AUTHORITY, "%s submits %u records, %u of them are taken", p->name, there,
            c->records < there ? c->records : there);
}

static void overrun(void *ctx, uint16_t space)
{
    struct full_world *f = ctx;

    xp_violate(&f->world, XP_P3, "%s does not come back", full_system(f)->processes[space].name);
}

static const char *open_machine(struct full_world *f)
{
    const struct sim_world_config config = machine_config(f);
    const char *why = sim_world_open(&f->machine, &config);

    if (why)
        return why;
    const struct platform_memory_region memory = platform_memory_region(&f->machine.platform);
    const struct platform_dma_region dma = platform_dma_region(&f->machine.platform);
    const struct sim_processor_config processor = {
        .regions = {{memory.cpu, memory.bytes}, {dma.cpu, dma.bytes}, f->package},
        .region_count = 3,
        .limit_ms = LIMIT_MS,
        .ctx = f,
        .pick = pick,
        .between = between,
        .overrun = overrun,
    };
    f->processor = sim_processor_open(&processor);
    if (f->processor)
        return NULL;
    sim_world_close(&f->machine);
    return "no memory for the processor";
}

void full_life_begin(struct full_world *f)
{
    static const uint8_t key[32];
    static const uint8_t boot[8];
    static const struct boot_params params = {.mode = BOOT_MODE_SERVE};
    const char *why = open_machine(f);

    if (why)
        xp_violate(&f->world, XP_P3, "the machine cannot be made: %s", why);
    f->open = true;
    f->ops = sim_processor_ops(f->processor);
    kernel_init(&f->k->kernel, &f->machine.platform);
    kernel_scan(&f->k->kernel);
    console_init(&f->console, &f->machine.platform);
    evidence_begin(&f->k->evidence, &f->console, key, boot);
    const struct userland_setup setup = {.kernel = &f->k->kernel,
                                         .platform = &f->machine.platform,
                                         .evidence = &f->k->evidence,
                                         .console = &f->console,
                                         .processor = &f->ops,
                                         .package = &f->checked,
                                         .params = &params};
    full_judge_begin(f);
    why = userland_begin(&f->k->userland, &setup);
    if (why)
        xp_violate(&f->world, XP_P3, "%s", why);
}

void full_life_close(struct full_world *f)
{
    if (!f->open)
        return;
    f->open = false;
    sim_processor_close(f->processor);
    sim_world_close(&f->machine);
}

void full_crash_now(struct full_world *f, uint16_t process, enum process_end end)
{
    struct system *s = full_system(f);
    const bool init = process == f->k->userland.init;

    xp_note(&f->world, XP_LANE_AUTHORITY, "%s %s", s->processes[process].name,
            end == PROCESS_FAULTED ? "faults" : "is killed");
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) /* all that init started ends with it */
        f->seen[i].wanted = f->seen[i].wanted || init || i == process;
    f->crashes++;
    f->hash = trace_mix(f->hash, (uint64_t)end << 32 | process);
    process_end(s, process, end, end == PROCESS_FAULTED ? FAULT_VECTOR : 0);
    full_judge(f);
    if (init)
        full_judge_end(f);
}

/* Nothing ran for a while: no need to wait for the time at which something does. */
static void pass_time(struct full_world *f, const struct system_turn *turn)
{
    struct platform *p = &f->machine.platform;

    f->idle = turn->ran ? 0 : f->idle + 1u;
    if (f->idle < IDLE_TURNS || turn->deadline_ns == RING_FOREVER || turn->deadline_ns <= p->now_ns)
        return;
    p->now_ns = turn->deadline_ns;
    f->idle = 0;
}

void full_turn(struct full_world *f)
{
    struct platform *p = &f->machine.platform;
    const struct system_turn turn = system_turn(full_system(f), p->now_ns);
    struct full_crash *c = &f->crash;

    f->turns++;
    full_judge(f);
    if (c->due) {
        c->due = false;
        if (process_live(full_system(f), c->process))
            full_crash_now(f, c->process, c->end);
    }
    if (f->over)
        return;
    if (f->device_stalls)
        p->now_ns += p->turn_ns;
    else
        platform_relax(p);
    pass_time(f, &turn);
}
