/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X6 over world `authority`, lives. */
#include <stdio.h>
#include <string.h>

#include "sim/explore/authority_life.h"
#include "sim/explore/jobs.h"

static struct xp_world *make(const struct xp_job *job)
{
    struct life_config config;
    struct life_world *l;

    memcpy(&config, job->config, sizeof config);
    l = life_world_make(&config);
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
    struct life_config c;

    memcpy(&c, job->config, sizeof c);
    snprintf(text, bytes,
             "queue size %u, %u frames each way, %u writes under way at a reset%s, confirmed %s%s%s", c.size,
             c.frames, c.pending, c.hostile ? " that may come after it" : "", confirmed[c.late],
             c.interrupts ? ", an interrupt" : "", c.kills ? ", killed anywhere" : "");
}

static void add(struct xp_jobs *jobs, const char *name, const struct life_config *config, bool deep)
{
    struct xp_job *job = xp_job_add(jobs, "X6", "authority", "X6/%s", name);

    _Static_assert(sizeof *config <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, config, sizeof *config);
    job->make = make;
    job->release = release;
    job->bounds = bounds;
    job->deep = deep;
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

void xp_life_jobs(struct xp_jobs *jobs)
{
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
