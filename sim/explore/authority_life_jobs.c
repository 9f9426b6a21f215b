/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs X4, X6 and X9 over world `authority`, lives and scripts. */
#include <stdio.h>
#include <string.h>

#include "sim/explore/authority_life.h"
#include "sim/explore/every.h"
#include "sim/explore/jobs.h"

#define SCRIPTS_TURN 256u

static struct life_config config_of(const struct xp_job *job)
{
    struct life_config config;

    memcpy(&config, job->config, sizeof config);
    return config;
}

static struct xp_world *make(const struct xp_job *job)
{
    const struct life_config config = config_of(job);
    struct life_world *l = life_world_make(&config);

    return l ? &l->world : NULL;
}

static void release(struct xp_world *w)
{
    life_world_free(life_of(w));
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    static const char *const confirmed[] = {"at once", "at once or never",
                                            "at once, after 1 or 2 reads, or never"};
    const struct life_config c = config_of(job);

    snprintf(text, bytes,
             "queue size %u, %u frames each way, %u writes under way at a reset%s, confirmed %s%s%s", c.size,
             c.frames, c.pending, c.hostile ? " that may come after it" : "", confirmed[c.late],
             c.interrupts ? ", an interrupt" : "", c.kills ? ", killed anywhere" : "");
}

/* Two frames each way and writes that land late, or resets that are not confirmed at once: not seen to close.
 */
#define LARGEST_STATES 5000000u

static void add(struct xp_jobs *jobs, const char *name, const struct life_config *config, bool deep)
{
    const bool large = config->kills && config->frames > 1 && (config->hostile || config->late);
    struct xp_job *job = xp_job_add(jobs, "X6", "authority", "X6/%s", name);

    _Static_assert(sizeof *config <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, config, sizeof *config);
    job->make = make;
    job->release = release;
    job->bounds = bounds;
    job->deep = deep;
    job->bounded = large;
    job->states_max = large ? LARGEST_STATES : 0;
    job->weight = 3000;
}

static const char *const answers[] = {"now", "never", "later"};

/* Writes under way land before the device confirms its reset, or after. */
static void killed(struct xp_jobs *jobs, uint8_t size, uint8_t frames, uint8_t late, bool deep)
{
    for (uint8_t hostile = 0; hostile < 2; hostile++) {
        const struct life_config c = {.size = size,
                                      .frames = frames,
                                      .late = late,
                                      .pending = LIFE_PENDING,
                                      .hostile = hostile,
                                      .kills = 1};
        char name[40];

        snprintf(name, sizeof name, "q%u/%u-frames/%s/%s", size, frames, answers[late],
                 hostile ? "after" : "before");
        add(jobs, name, &c, deep || (late > 0 && hostile));
    }
}

static struct xp_world *make_scripts(const struct xp_job *job)
{
    const struct life_config config = config_of(job);
    struct life_world *l = life_scripts_make(&config);

    return l ? &l->world : NULL;
}

static void every_script(const struct xp_job *job, const struct xp_limits *limits, struct xp_result *out)
{
    struct xp_world *w = make_scripts(job);

    if (!w) {
        memset(out, 0, sizeof *out);
        out->cut = "memory";
        return;
    }
    xp_every(w, 0, SCRIPTS_TURN, limits, out);
    release(w);
}

static void script_bounds(const struct xp_job *job, char *text, size_t bytes)
{
    const struct life_config c = config_of(job);

    snprintf(text, bytes, "each life in which %s%s%s, %u ways of the device to reset",
             c.lack ? "a call lacks one thing, once or from there on" : "a call is refused",
             c.seconds ? " and perhaps one of those after it" : "",
             c.kills ? ", killed anywhere after that" : "", c.modes);
}

static void scripts(struct xp_jobs *jobs, const char *run, const char *name, struct life_config c, bool deep)
{
    struct xp_job *job = xp_job_add(jobs, run, "authority", "%s/%s", run, name);

    c.size = LIFE_SIZE;
    c.frames = 1;
    c.interrupts = 1;
    c.hostile = 1;
    memcpy(job->config, &c, sizeof c);
    job->make = make_scripts;
    job->release = release;
    job->bounds = script_bounds;
    job->run_it = every_script;
    job->deep = deep;
    job->weight = 3000;
}

static void script_jobs(struct xp_jobs *jobs)
{
    scripts(jobs, "X4", "one", (struct life_config){.modes = 12}, false);
    scripts(jobs, "X4", "one-killed", (struct life_config){.modes = 12, .kills = 1}, false);
    scripts(jobs, "X4", "two", (struct life_config){.modes = 12, .seconds = 1}, false);
    scripts(jobs, "X4", "two-killed", (struct life_config){.modes = 12, .seconds = 1, .kills = 1}, true);
    scripts(jobs, "X9", "one", (struct life_config){.modes = 4, .lack = 1}, false);
    scripts(jobs, "X9", "one-killed", (struct life_config){.modes = 12, .lack = 1, .kills = 1}, true);
}

void xp_life_jobs(struct xp_jobs *jobs)
{
    script_jobs(jobs);
    const struct life_config order = {.size = LIFE_SIZE, .frames = 2};

    add(jobs, "q2/2-frames/unkilled", &order, true);
    for (uint8_t late = 0; late < 3; late++) {
        const struct life_config c = {.size = 1, .frames = 1, .late = late, .interrupts = 1, .kills = 1};
        char name[40];

        killed(jobs, LIFE_SIZE, 1, late, late > 0);
        killed(jobs, 1, 1, late, late > 1);
        killed(jobs, LIFE_SIZE, 2, late, true);
        snprintf(name, sizeof name, "interrupt/%s", answers[late]);
        add(jobs, name, &c, late > 1);
    }
}
