/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X5, and what X9 says of it, over world `authority`. */
#include <stdio.h>
#include <string.h>

#include "sim/explore/authority_world.h"
#include "sim/explore/breadth.h"
#include "sim/explore/jobs.h"

static struct auth_config config_of(const struct xp_job *job)
{
    struct auth_config config;

    memcpy(&config, job->config, sizeof config);
    return config;
}

static struct xp_world *make(const struct xp_job *job)
{
    const struct auth_config config = config_of(job);
    struct auth_world *a = auth_world_make(&config);

    return a ? &a->world : NULL;
}

static void release(struct xp_world *w)
{
    auth_world_free(auth_of(w));
}

static void by_levels(const struct xp_job *job, const struct xp_limits *limits, struct xp_result *out)
{
    struct xp_world *w = make(job);

    if (!w) {
        memset(out, 0, sizeof *out);
        out->cut = "memory";
        return;
    }
    xp_breadth(w, config_of(job).depth, limits, out);
    release(w);
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    const struct auth_config c = config_of(job);
    const uint32_t before = auth_calls_before(&c);
    size_t used = 0;

    used +=
        (size_t)snprintf(text, bytes, "%u owners, %u functions, %u slots", c.owners, c.functions, c.slots);
    if (c.generations)
        used += (size_t)snprintf(text + used, bytes - used, " of %u generations", c.generations);
    if (c.withhold)
        used += (size_t)snprintf(text + used, bytes - used, ", each allocation fails once");
    if (c.forever)
        used += (size_t)snprintf(text + used, bytes - used, ", %s run out for good",
                                 auth_resource_name((enum auth_resource)(c.forever - 1u)));
    if (c.depth)
        used += (size_t)snprintf(text + used, bytes - used, ", all that %u steps can do", c.depth);
    if (before)
        snprintf(text + used, bytes - used, " after %u calls of one owner", before);
}

static struct xp_job *add(struct xp_jobs *jobs, const char *run, const char *name,
                          const struct auth_config *c)
{
    struct xp_job *job = xp_job_add(jobs, run, "authority", "%s/%s", run, name);

    _Static_assert(sizeof *c <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, c, sizeof *c);
    job->make = make;
    job->release = release;
    job->bounds = bounds;
    job->bounded = c->depth > 0;
    job->run_it = c->depth ? by_levels : NULL;
    job->weight = 5000;
    return job;
}

void xp_authority_jobs(struct xp_jobs *jobs)
{
    const struct auth_config all = {.owners = 3,
                                    .functions = 1,
                                    .slots = 4,
                                    .generations = 3,
                                    .parts = AUTH_PART_ALL,
                                    .depth = 4,
                                    .late = 2,
                                    .pending = 3,
                                    .hostile = 1,
                                    .lies = 1};

    add(jobs, "X5", "all", &all)->deep = true;
}
