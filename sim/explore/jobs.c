/* SPDX-License-Identifier: BSD-2-Clause */
/* The list itself. */
#include "sim/explore/jobs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/random.h"

struct xp_job *xp_job_add(struct xp_jobs *jobs, const char *run, const char *world, const char *name_format,
                          ...)
{
    va_list arguments;

    if (jobs->count == jobs->room) {
        jobs->room = jobs->room ? jobs->room * 2u : 64u;
        jobs->list = realloc(jobs->list, jobs->room * sizeof *jobs->list);
        if (!jobs->list) {
            fprintf(stderr, "capos explore: no memory for the list of runs\n");
            exit(3);
        }
    }
    struct xp_job *job = &jobs->list[jobs->count++];
    memset(job, 0, sizeof *job);
    job->run = run;
    job->world = world;
    va_start(arguments, name_format);
    vsnprintf(job->name, sizeof job->name, name_format, arguments);
    va_end(arguments);
    return job;
}

void xp_job_bounds(const struct xp_job *job, char *text, size_t bytes)
{
    text[0] = 0;
    if (job->bounds)
        job->bounds(job, text, bytes);
    size_t used = strlen(text);
    if (job->levels && used < bytes)
        used += (size_t)snprintf(text + used, bytes - used, "; all that %u steps can do", job->levels);
    if (job->states_max && used < bytes)
        snprintf(text + used, bytes - used, ", the first %llu million states",
                 (unsigned long long)(job->states_max / 1000000u));
}

const struct xp_job *xp_job_named(const struct xp_jobs *jobs, const char *name)
{
    for (size_t i = 0; i < jobs->count; i++) {
        if (strcmp(jobs->list[i].name, name) == 0)
            return &jobs->list[i];
    }
    return NULL;
}

void xp_random_job(const struct xp_job *job, const struct xp_random_plan *plan,
                   const struct xp_limits *limits, struct xp_result *out)
{
    struct xp_world *w = job->make(job);
    uint64_t seed;

    if (!w) {
        memset(out, 0, sizeof *out);
        out->cut = "memory";
        return;
    }
    xp_random_runs(w, plan, limits, out, &seed);
    if (out->violations) {
        char what[sizeof out->verdict.what];

        snprintf(what, sizeof what, "%.160s (seed %llu)", out->verdict.what, (unsigned long long)seed);
        memcpy(out->verdict.what, what, sizeof what);
    }
    job->release(w);
}

void xp_all_jobs(struct xp_jobs *jobs)
{
    xp_ring_jobs(jobs);
    xp_random_jobs(jobs);
    xp_nic_jobs(jobs);
    xp_pci_jobs(jobs);
    xp_authority_jobs(jobs);
    xp_life_jobs(jobs);
    xp_process_jobs(jobs);
    xp_full_jobs(jobs);
    xp_disk_jobs(jobs);
}
