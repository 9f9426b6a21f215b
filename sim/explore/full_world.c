/* SPDX-License-Identifier: BSD-2-Clause */
/* The life itself: what it leaves in, its stretches, its crashes, the way back. */
#include "sim/explore/full_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/search.h"

#define SEEDS           16u /* of a stretch's order, of the device */
#define STRETCHES_MAX   8u
#define TURNS_FINE      16u
#define TURNS_SCALES    3u /* a stretch is up to TURNS_FINE turns, or up to 8 or 64 times as many */
#define ENTERS_WITHIN   512u /* turns: one that does not enter by then is ended where it is */
#define RECORDS         4u /* crashed behind so many of its records; the last: behind all */
#define TURNS_OF_A_HEAL 64u
#define CLOCKS          3u /* a turn takes a microsecond, or 32 or 1024 of them */
#define MICROSECOND     1000u

enum event { EVENT_NONE = 0, EVENT_NOW, EVENT_ENTERS, EVENT_COUNT };

static void draw(struct full_world *f)
{
    struct xp_world *w = &f->world;

    (void)xp_choose_actor(w, 1);
    f->draws.crashes = xp_choose(w, FULL_CRASHES_MAX + 1u, "crashes");
    f->draws.stretches = 1u + xp_choose(w, STRETCHES_MAX, "stretches");
    f->draws.device = xp_choose(w, SEEDS, "device");
    f->draws.idle_turns = xp_choose(w, 2, "idle") == 1;
    f->draws.clock = xp_choose(w, CLOCKS, "clock");
    f->draws.spares_init = xp_choose(w, 4, "init") != 3;
}

static uint32_t live(struct full_world *f, uint16_t *list)
{
    uint32_t count = 0;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (process_live(full_system(f), i) && !(f->draws.spares_init && i == f->k->userland.init))
            list[count++] = i;
    }
    return count;
}

static void mark_victim(struct full_world *f, const struct process *p)
{
    static const struct {
        const char *name;
        enum xp_mark mark;
    } marks[FULL_SERVICES] = {{"init", XP_M_FULL_INIT},
                              {"nicd", XP_M_FULL_NICD},
                              {"auditd", XP_M_FULL_AUDITD},
                              {"frames", XP_M_FULL_FRAMES}};

    for (uint32_t i = 0; i < FULL_SERVICES; i++) {
        if (strcmp(p->name, marks[i].name) == 0)
            xp_mark(&f->world, marks[i].mark);
    }
    if (p->under_way > 0)
        xp_mark(&f->world, XP_M_FULL_WAITING);
}

/* At most so many turns, or until the crash that is due has come. */
static void turns(struct full_world *f, uint32_t count, bool until_crash)
{
    for (uint32_t i = 0; i < count && !f->over; i++) {
        full_turn(f);
        if (until_crash && !f->crash.armed && !f->crash.due)
            return;
    }
}

static void crash(struct full_world *f)
{
    struct xp_world *w = &f->world;
    const enum event event =
        f->crashes < f->draws.crashes ? (enum event)xp_choose(w, EVENT_COUNT, "event") : EVENT_NONE;
    uint16_t list[PROCESSES_MAX];
    const uint32_t count = live(f, list);

    if (event == EVENT_NONE || count == 0)
        return;
    const uint16_t victim = list[xp_choose(w, count, "victim")];
    const struct process *p = &full_system(f)->processes[victim];
    const enum process_end end = xp_choose(w, 2, "end") == 0 ? PROCESS_KILLED : PROCESS_FAULTED;
    mark_victim(f, p);
    if (event == EVENT_NOW) {
        full_crash_now(f, victim, end);
        return;
    }
    const uint32_t records = xp_choose(w, RECORDS, "records");
    f->crash = (struct full_crash){.armed = true,
                                   .process = victim,
                                   .number = p->number,
                                   .records = records == RECORDS - 1u ? RING_SUBMISSIONS : records,
                                   .end = end};
    turns(f, ENTERS_WITHIN, true);
    if (f->crash.armed && process_live(full_system(f), victim) && p->number == f->crash.number)
        full_crash_now(f, victim, end);
    f->crash.armed = false;
}

static enum xp_step step(struct xp_world *w)
{
    struct full_world *f = full_of(w);
    uint32_t count;

    if (!f->open) {
        draw(f);
        full_life_begin(f);
        f->machine.platform.turn_ns = MICROSECOND << (5u * f->draws.clock);
        return XP_STEP_DONE;
    }
    if (f->over || f->stretches == f->draws.stretches)
        return XP_STEP_NOTHING;
    (void)xp_choose_actor(w, 1);
    count = 1u + xp_choose(w, TURNS_FINE, "turns");
    count <<= 3u * xp_choose(w, TURNS_SCALES, "times");
    f->schedule = xp_choose(w, SEEDS, "schedule");
    f->device_stalls = count <= TURNS_FINE && xp_choose(w, 4, "stall") == 3;
    f->picks = 0;
    f->stretches++;
    turns(f, count, false);
    if (!f->over)
        crash(f);
    return XP_STEP_DONE;
}

static void judge_kept(struct full_world *f)
{
    const struct sim_kept now = full_kept(f);
    const uint32_t *was = &f->before.processes;
    const uint32_t *is = &now.processes;

    for (size_t i = 0; i < sizeof now / sizeof *is; i++) {
        if (is[i] != was[i])
            xp_violate(&f->world, XP_P16,
                       "frames flow again, and the %zuth number of what is held is %u, not %u", i + 1u, is[i],
                       was[i]);
    }
}

static enum xp_heal heal(struct xp_world *w)
{
    struct full_world *f = full_of(w);

    if (!f->open) {
        f->draws = (struct full_draws){0};
        full_life_begin(f);
    }
    f->machine.platform.turn_ns = MICROSECOND << (5u * (CLOCKS - 1u)); /* back-offs end soon */
    f->schedule = 0;
    f->device_stalls = false;
    for (uint32_t i = 0; i < TURNS_OF_A_HEAL && !f->over; i++) {
        full_turn(f);
        if (f->over || !full_flows(f))
            continue;
        if (f->has_before)
            judge_kept(f);
        else
            f->before = full_kept(f);
        full_judge_end(f);
    }
    return f->over ? XP_HEAL_QUIET : XP_HEAL_ON;
}

static void start(struct xp_world *w)
{
    struct full_world *f = full_of(w);

    full_life_close(f);
    f->over = false;
    f->crashes = f->stretches = 0;
    f->crash = (struct full_crash){0};
    f->turns = f->idle = 0;
    f->all_ran = false;
    f->hash = 0;
}

static void show(const struct xp_world *w, char *line, size_t bytes)
{
    const struct full_world *f = (const struct full_world *)(const void *)w;
    size_t used = 0;

    if (!f->open) {
        snprintf(line, bytes, "off");
        return;
    }
    const int put = snprintf(line, bytes,
                             "turns %" PRIu64 " us %" PRIu64 " crashes %u frames %" PRIu64 " log %" PRIu64
                             " trace %016" PRIx64 " runs",
                             f->turns, f->machine.platform.now_ns / 1000u, f->crashes,
                             dm_net_counts(f->machine.nets[0]).tx_frames, f->log_seen,
                             f->hash ^ f->machine.platform.trace);
    used = put < 0 ? bytes : (size_t)put;
    for (uint32_t i = 0; i < PROCESSES_MAX && used < bytes; i++) {
        if (f->seen[i].number != 0)
            used += (size_t)snprintf(line + used, bytes - used, " %s/%u", f->seen[i].name, f->seen[i].number);
    }
}

static const struct xp_world_ops ops = {
    .name = "full",
    .start = start,
    .step = step,
    .heal = heal,
    .show = show,
};

struct full_world *full_world_make(const struct full_config *config)
{
    struct full_world *f = calloc(1, sizeof *f);
    struct xp_run plain = {0};

    if (!f)
        return NULL;
    f->world.ops = &ops;
    f->config = *config;
    if (!full_machine_make(f)) {
        full_world_free(f);
        return NULL;
    }
    if (xp_protected_start(&f->world))
        xp_heal_on(&f->world, &plain);
    full_life_close(f); /* signals are those of before */
    f->has_before = plain.verdict.property == XP_HOLDS; /* else the first life shows what is broken */
    return f;
}

void full_world_free(struct full_world *f)
{
    full_machine_free(f);
    free(f);
}
