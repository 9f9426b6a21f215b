/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs over world `nic`: the provider's whole life. */
#include <string.h>

#include "sim/explore/jobs.h"
#include "sim/explore/nic_world.h"

static struct xp_world *make(const struct xp_job *job)
{
    struct nic_config config;
    struct nic_world *n;

    memcpy(&config, job->config, sizeof config);
    n = nic_world_make(&config);
    return n ? &n->world : NULL;
}

static void release(struct xp_world *w)
{
    nic_world_free((struct nic_world *)(void *)w);
}

static void configure(struct xp_job *job, const struct nic_config *config, bool deep)
{
    _Static_assert(sizeof *config <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, config, sizeof *config);
    job->make = make;
    job->release = release;
    job->deep = deep;
}

void xp_nic_jobs(struct xp_jobs *jobs)
{
    static const char *const transports[] = {"modern", "legacy"};

    for (unsigned legacy = 0; legacy < 2; legacy++) {
        struct nic_config c = {.legacy = legacy, .size = 1, .frames_max = 1};

        configure(xp_job_add(jobs, "N1", "nic", "N1/%s/honest", transports[legacy]), &c, false);
        c.events_max = 1;
        c.event_kinds = (1u << XP_NET_EVENT_COUNT) - 1u;
        configure(xp_job_add(jobs, "N2", "nic", "N2/%s/event", transports[legacy]), &c, false);
        c.events_max = 0;
        c.lies_max = 1;
        c.lie_kinds = (1u << XP_NET_LIE_COUNT) - 1u;
        c.queue_lie_kinds = (1u << XP_LIE_COUNT) - 1u;
        configure(xp_job_add(jobs, "X2", "nic", "X2/%s/1-lie", transports[legacy]), &c, false);
    }
}
