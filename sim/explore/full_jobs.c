/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X11 of docs/exploring.md: lives of the whole system with crashes, at random. */
#include <stdio.h>
#include <string.h>

#include "sim/explore/full_world.h"
#include "sim/explore/jobs.h"
#include "sim/explore/random.h"

#define FIRST_SEED  1u
#define LIVES_DAILY 400u /* of each job */
#define LIVES_DEEP  50000u
#define MARKS       (((2ull << XP_M_FULL_WAITING) - 1u) & ~((1ull << XP_M_FULL_INIT) - 1u))

struct full_job {
    struct full_config full;
    uint64_t lives;
};

static const struct full_job *of(const struct xp_job *job)
{
    return (const struct full_job *)(const void *)job->config;
}

static struct xp_world *make(const struct xp_job *job)
{
    struct full_world *f = full_world_make(&of(job)->full);

    return f ? &f->world : NULL;
}

static void release(struct xp_world *w)
{
    full_world_free(full_of(w));
}

static void run_it(const struct xp_job *job, const struct xp_limits *limits, struct xp_result *out)
{
    const struct xp_random_plan plan = {.first_seed = FIRST_SEED, .runs = of(job)->lives, .must = MARKS};

    xp_random_job(job, &plan, limits, out);
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    snprintf(text, bytes, "%s card, %llu lives at random, up to %u crashes in each",
             of(job)->full.legacy ? "legacy" : "modern", (unsigned long long)of(job)->lives,
             FULL_CRASHES_MAX);
}

static void add(struct xp_jobs *jobs, bool legacy, bool deep)
{
    struct xp_job *job =
        xp_job_add(jobs, "X11", "full", "X11/%s%s", legacy ? "legacy" : "modern", deep ? "" : "/daily");
    const struct full_job config = {.full = {.legacy = legacy}, .lives = deep ? LIVES_DEEP : LIVES_DAILY};

    _Static_assert(sizeof config <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, &config, sizeof config);
    job->make = make;
    job->release = release;
    job->bounds = bounds;
    job->run_it = run_it;
    job->deep = deep;
    job->bounded = true;
    job->weight = deep ? 100000u : 2000u;
}

void xp_full_jobs(struct xp_jobs *jobs)
{
    for (unsigned legacy = 0; legacy < 2; legacy++) {
        add(jobs, legacy, false);
        add(jobs, legacy, true);
    }
}
