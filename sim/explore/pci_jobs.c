/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X8 over world `pci`: every graph in turn, and random ones with scrambled bytes. */
#include <stdio.h>
#include <string.h>

#include "sim/explore/every.h"
#include "sim/explore/jobs.h"
#include "sim/explore/pci_world.h"

#define TURN           0x10000u
#define SCRAMBLED_RUNS 100000000ull

struct pci_job {
    struct pci_config config;
    uint64_t runs; /* 0: every graph */
};

static struct xp_world *make(const struct xp_job *job)
{
    struct pci_job j;

    memcpy(&j, job->config, sizeof j);
    return pci_world_make(&j.config);
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    struct pci_job j;

    memcpy(&j, job->config, sizeof j);
    if (j.runs)
        snprintf(text, bytes, "%llu random graphs with some bytes scrambled", (unsigned long long)j.runs);
    else
        snprintf(text, bytes,
                 "every graph: to 4 nodes of the plain kinds, to 3 of all, modern and transitional");
}

static void run_it(const struct xp_job *job, const struct xp_limits *limits, struct xp_result *out)
{
    struct xp_world *w = make(job);
    struct pci_job j;

    memcpy(&j, job->config, sizeof j);
    if (!w) {
        memset(out, 0, sizeof *out);
        out->cut = "memory";
        return;
    }
    xp_every(w, j.runs, TURN, limits, out);
    pci_world_free(w);
}

static struct xp_job *add(struct xp_jobs *jobs, const char *name, const struct pci_job *config)
{
    struct xp_job *job = xp_job_add(jobs, "X8", "pci", "X8/%s", name);

    _Static_assert(sizeof *config <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, config, sizeof *config);
    job->make = make;
    job->release = pci_world_free;
    job->bounds = bounds;
    job->run_it = run_it;
    return job;
}

void xp_pci_jobs(struct xp_jobs *jobs)
{
    const struct pci_job every = {.runs = 0};
    const struct pci_job random = {.config = {.scrambled = true}, .runs = SCRAMBLED_RUNS};

    add(jobs, "graphs", &every)->weight = 2000;
    struct xp_job *job = add(jobs, "scrambled", &random);

    job->deep = true;
    job->bounded = true;
    job->weight = 100000;
}
