/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs over world `nic`: the provider's whole life. */
#include <stdio.h>
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

#define LARGEST_STATES 5000000u

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    struct nic_config c;

    memcpy(&c, job->config, sizeof c);
    snprintf(text, bytes, "%s, queue size %u, memory %s, %u frames each way, %u events, %u lies%s",
             c.legacy ? "legacy" : "modern", c.size, xp_model_name(c.model), c.frames_max, c.events_max,
             c.lies_max, c.suppress ? ", bells suppressed" : "");
}

void xp_nic_configure(struct xp_job *job, const struct nic_config *config, bool deep)
{
    _Static_assert(sizeof *config <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, config, sizeof *config);
    job->make = make;
    job->release = release;
    job->bounds = bounds;
    job->deep = deep;
}

static const char *const transports[] = {"modern", "legacy"};

/* The whole life with an honest device, in each memory order. */
static void honest(struct xp_jobs *jobs, bool legacy)
{
    for (uint16_t size = 1; size <= 2; size++)
        for (unsigned model = 0; model < XP_MODEL_COUNT; model++) {
            const struct nic_config c = {.legacy = legacy,
                                         .size = size,
                                         .frames_max = (uint8_t)size,
                                         .model = (enum xp_model)model,
                                         .suppress = size == 1 && model != XP_WEAK};

            xp_nic_configure(xp_job_add(jobs, "N1", "nic", "N1/%s/q%u/%s", transports[legacy], size,
                                        xp_model_name((enum xp_model)model)),
                             &c, size > 1 && model != XP_SEQUENTIAL);
        }
    /* With weak memory and a device that goes to and from asking for bells the life is long: world `ring` has
     * that daily. */
    const struct nic_config all = {
        .legacy = legacy, .size = 1, .frames_max = 1, .model = XP_WEAK, .suppress = true};

    xp_nic_configure(xp_job_add(jobs, "N1", "nic", "N1/%s/q1/weak-bells", transports[legacy]), &all, true);
}

/* Link changes, requests for a reset, resets behind the driver's back, removal; and lies. */
static void disturbed(struct xp_jobs *jobs, bool legacy)
{
    for (uint8_t many = 1; many <= 2; many++) {
        struct nic_config c = {.legacy = legacy,
                               .size = 1,
                               .frames_max = 1,
                               .events_max = many,
                               .event_kinds = (1u << XP_NET_EVENT_COUNT) - 1u};

        xp_nic_configure(xp_job_add(jobs, "N2", "nic", "N2/%s/%u-events", transports[legacy], many), &c,
                         many > 1);
        c.events_max = 0;
        c.lies_max = many;
        c.lie_kinds = (1u << XP_NET_LIE_COUNT) - 1u;
        c.queue_lie_kinds = (1u << XP_LIE_COUNT) - 1u;
        struct xp_job *job = xp_job_add(jobs, "X2", "nic", "X2/%s/%u-lies", transports[legacy], many);

        xp_nic_configure(job, &c, many > 1);
        if (many > 1) { /* not seen to close */
            job->bounded = true;
            job->states_max = LARGEST_STATES;
        }
    }
}

void xp_nic_jobs(struct xp_jobs *jobs)
{
    for (unsigned legacy = 0; legacy < 2; legacy++) {
        honest(jobs, legacy);
        disturbed(jobs, legacy);
    }
}
