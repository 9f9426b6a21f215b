/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X10, in world `process`. */
#include <stdio.h>
#include <string.h>

#include "sim/explore/jobs.h"
#include "sim/explore/process_world.h"

enum {
    COPIES = PW_PART_COPIES,
    MOVES = PW_PART_MOVES,
    RELEASES = PW_PART_RELEASES,
    ENDS = PW_PART_ENDS,
    TIMERS = PW_PART_TIMERS,
    MEMORY = PW_PART_MEMORY,
    MAKES = PW_PART_MAKES,
    WAITS = PW_PART_WAITS,
    LIVES = PW_PART_LIVES,
    HOSTILE = PW_PART_HOSTILE,
    ROOM = PW_PART_ROOM,
    ALL = COPIES | MOVES | RELEASES | ENDS | TIMERS | MEMORY | MAKES | WAITS
};

#define DEEP_STATES 1000000u /* where a larger bound may not close */

static struct pw_config config_of(const struct xp_job *job)
{
    struct pw_config config;

    memcpy(&config, job->config, sizeof config);
    return config;
}

static struct xp_world *make(const struct xp_job *job)
{
    const struct pw_config config = config_of(job);
    struct pw_world *p = pw_world_make(&config);

    return p ? &p->world : NULL;
}

static void release(struct xp_world *w)
{
    pw_world_free(pw_of(w));
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    static const char *const names[] = {"copies",
                                        "moves",
                                        "releases",
                                        "ends",
                                        "timers",
                                        "memory",
                                        "makes",
                                        "cap_enter that waits",
                                        "lives",
                                        "hostile records",
                                        "two places for completions"};
    const struct pw_config c = config_of(job);
    size_t used =
        (size_t)snprintf(text, bytes, "3 processes, tables of %u, %u records waiting", c.slots, c.calls);

    if (c.generations && used < bytes)
        used += (size_t)snprintf(text + used, bytes - used, ", a slot serves %u times", c.generations);
    for (unsigned i = 0; i < sizeof names / sizeof *names && used < bytes; i++) {
        if (c.parts & 1u << i)
            used += (size_t)snprintf(text + used, bytes - used, ", %s", names[i]);
    }
    if (c.spare && used < bytes)
        snprintf(text + used, bytes - used, ", %u spare pages", c.spare);
}

void xp_process_jobs(struct xp_jobs *jobs)
{
    static const struct {
        const char *name;
        bool deep;
        struct pw_config config;
    } list[] = {
        {"calls", false, {RELEASES | ENDS, 2, 0, 3, 0, 0}},
        {"waits", false, {RELEASES | ENDS | TIMERS | WAITS, 2, 0, 2, 0, 0}},
        {"moves", false, {MOVES | RELEASES | ENDS | TIMERS, 3, 0, 1, 0, 0}},
        {"copies", false, {COPIES | MOVES | RELEASES | ENDS, 2, 0, 1, 0, 0}},
        {"generations", false, {MOVES | RELEASES, 2, 3, 1, 0, 0}},
        {"memory", false, {MEMORY | MOVES | RELEASES | ENDS, 3, 0, 1, 0, 0}},
        {"pages", false, {MOVES | RELEASES, 3, 0, 1, 1, 0}},
        {"makes", false, {MAKES | RELEASES | MOVES | ENDS, 2, 0, 1, 0, 0}},
        {"lives", false, {LIVES | RELEASES | ENDS, 1, 0, 2, 0, 0}},
        {"room", false, {ROOM | RELEASES, 2, 0, 2, 0, 0}},
        {"hostile", false, {HOSTILE | MOVES, 2, 0, 2, 0, 0}},
        {"all/4", false, {ALL, 4, 0, 2, 0, 4}},
        {"moves/2", true, {MOVES | RELEASES | ENDS | TIMERS, 3, 0, 2, 0, 0}},
        {"copies/2", true, {COPIES | MOVES | RELEASES | ENDS, 2, 0, 2, 0, 0}},
        {"generations/copies", true, {MOVES | COPIES | RELEASES, 2, 3, 1, 0, 0}},
        {"memory/copies", true, {MEMORY | MOVES | COPIES | RELEASES | ENDS, 2, 0, 1, 0, 0}},
        {"lives/moves", true, {LIVES | RELEASES | ENDS | MOVES, 2, 0, 1, 0, 0}},
        {"all/6", true, {ALL, 4, 0, 2, 0, 6}},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct xp_job *job = xp_job_add(jobs, "X10", "process", "X10/%s", list[i].name);

        _Static_assert(sizeof list[i].config <= XP_JOB_CONFIG_BYTES, "fits");
        memcpy(job->config, &list[i].config, sizeof list[i].config);
        job->deep = list[i].deep;
        job->weight = list[i].deep ? 100000u : 1000u;
        job->make = make;
        job->release = release;
        job->bounds = bounds;
        if (list[i].config.depth) {
            job->bounded = true;
            job->levels = list[i].config.depth;
        } else if (job->deep) {
            job->bounded = true;
            job->states_max = DEEP_STATES;
        }
    }
}
