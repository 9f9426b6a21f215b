/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs X1 and X2 of docs/exploring.md over world `ring`. */
#include <stdio.h>
#include <string.h>

#include "sim/explore/jobs.h"
#include "sim/explore/ring_world.h"

static struct xp_world *make(const struct xp_job *job)
{
    struct ring_config config;
    struct ring_world *r;

    memcpy(&config, job->config, sizeof config);
    r = ring_world_make(&config);
    return r ? &r->world : NULL;
}

static void release(struct xp_world *w)
{
    ring_world_free((struct ring_world *)(void *)w);
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    struct ring_config c;

    memcpy(&c, job->config, sizeof c);
    snprintf(text, bytes, "queue size %u, indices from 0x%04x, memory %s, batches to %u, %s", c.size, c.start,
             xp_model_name(c.model), c.batch_max, c.lies_max ? "" : "honest device");
    if (c.lies_max)
        snprintf(text + strlen(text), bytes - strlen(text), "%u lies of %d kinds", c.lies_max,
                 __builtin_popcount(c.lie_kinds));
}

static void configure(struct xp_job *job, const struct ring_config *config, bool deep)
{
    _Static_assert(sizeof *config <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, config, sizeof *config);
    job->make = make;
    job->release = release;
    job->bounds = bounds;
    job->deep = deep;
    job->summed = config->lies_max == 0;
    job->weight = 100u * config->size * (1u + 8u * config->lies_max + 2u * (unsigned)config->model);
}

/* What did not close where it was let run: batches to eight (350 million states of the smallest were not its
 * end), in weak memory any over eight (200 million of each) and chains of every shape over four, a lie over
 * four (160 million). So far and no further, and the list says so; the largest of eight that close are below.
 */
#define LARGEST_STATES 50000000u

static void as_far_as_it_goes(struct xp_job *job)
{
    job->bounded = true;
    job->states_max = LARGEST_STATES;
}

/* One size and memory order of X1, at one start. */
static struct xp_job *honest_at(struct xp_jobs *jobs, uint16_t size, enum xp_model model, uint16_t start,
                                bool deep)
{
    const struct ring_config config = {.size = size,
                                       .start = start,
                                       .batch_max = size,
                                       .chains = 1u << RING_CHAIN_WRITABLE,
                                       .model = model,
                                       .suppress = true,
                                       .resets = true};

    struct xp_job *job =
        xp_job_add(jobs, "X1", "ring", "X1/q%u/%s/0x%04x", size, xp_model_name(model), start);

    configure(job, &config, deep);
    return job;
}

/* Every size, memory order and start of X1: before the wraps of 8 and 16 bits, signed and not. Traffic from
 * 0x7ffc and 0xfffc meets every start behind them (a test holds the one against the other): the largest, deep
 * ones, of tens of millions of states each, begin there alone. Of weak memory with four descriptors one start
 * is daily. */
static void honest(struct xp_jobs *jobs)
{
    static const uint16_t sizes[] = {1, 2, 4};
    static const uint16_t starts[] = {0, 0x00ff, 0x7ffc, 0x7fff, 0xfffc, 0xfffd, 0xfffe, 0xffff};
    static const uint16_t first[] = {0x00ff, 0x7ffc, 0xfffc};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (unsigned model = 0; model < XP_MODEL_COUNT; model++)
            for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
                if (sizes[s] < 4 || model != XP_WEAK)
                    honest_at(jobs, sizes[s], (enum xp_model)model, starts[i], false);
    honest_at(jobs, 4, XP_WEAK, 0, false);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        honest_at(jobs, 4, XP_WEAK, first[i], true);
    for (unsigned model = 0; model < XP_MODEL_COUNT; model++)
        as_far_as_it_goes(honest_at(jobs, 8, (enum xp_model)model, 0xfffc, true));
}

/* Chains of every shape and used lengths below what was posted; and a device that never asks for quiet. */
static void varied(struct xp_jobs *jobs)
{
    for (uint16_t size = 1; size <= 4; size = (uint16_t)(size * 2u))
        for (unsigned model = 0; model < XP_MODEL_COUNT; model++) {
            struct ring_config c = {.size = size,
                                    .start = 0xfffe,
                                    .batch_max = size,
                                    .model = (enum xp_model)model,
                                    .chains = (1u << RING_CHAIN_COUNT) - 1u,
                                    .suppress = true,
                                    .short_writes = true,
                                    .resets = true};
            const char *order = xp_model_name((enum xp_model)model);

            if (size == 1) /* no chain longer than its queue */
                c.chains = 1u << RING_CHAIN_WRITABLE | 1u << RING_CHAIN_READABLE;
            struct xp_job *job = xp_job_add(jobs, "X1", "ring", "X1/q%u/%s/chains", size, order);

            configure(job, &c, size > 2);
            if (size == 4 && model == XP_WEAK)
                as_far_as_it_goes(job);
            c.chains = 1u << RING_CHAIN_WRITABLE;
            c.suppress = c.short_writes = false;
            configure(xp_job_add(jobs, "X1", "ring", "X1/q%u/%s/always-bells", size, order), &c, false);
        }
}

/* What closes with eight descriptors, in weak memory as far as it goes: batches to two for a device that
 * always wants bells; and for one that does not, a chain a publication. */
static void eight(struct xp_jobs *jobs)
{
    for (unsigned model = 0; model < XP_MODEL_COUNT; model++) {
        struct ring_config c = {.size = 8,
                                .start = 0xfffc,
                                .batch_max = 2,
                                .model = (enum xp_model)model,
                                .chains = 1u << RING_CHAIN_WRITABLE,
                                .resets = true};
        const char *order = xp_model_name((enum xp_model)model);

        struct xp_job *pairs = xp_job_add(jobs, "X1", "ring", "X1/q8/%s/pairs", order);

        configure(pairs, &c, true);
        c.batch_max = 1;
        c.suppress = true;
        struct xp_job *single = xp_job_add(jobs, "X1", "ring", "X1/q8/%s/single", order);

        configure(single, &c, true);
        if (model == XP_WEAK) {
            as_far_as_it_goes(pairs);
            as_far_as_it_goes(single);
        }
    }
}

/* No index taken for another: all 65,536 of them, by traffic. */
static void every_start(struct xp_jobs *jobs)
{
    const struct ring_config config = {.size = 1,
                                       .batch_max = 1,
                                       .chains = 1u << RING_CHAIN_WRITABLE,
                                       .suppress = true,
                                       .resets = true,
                                       .unrebased = true};
    struct xp_job *job = xp_job_add(jobs, "X1", "ring", "X1/q1/every-start");

    configure(job, &config, true);
    job->weight = 10000;
}

/* A device that lies: as many lies as each size is given. */
static void hostile(struct xp_jobs *jobs)
{
    static const struct {
        uint16_t size;
        uint8_t lies;
        bool deep;
    } budgets[] = {{1, 3, false}, {2, 1, false}, {2, 2, true}, {4, 1, true}};

    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
        const struct ring_config config = {.size = budgets[b].size,
                                           .batch_max = budgets[b].size,
                                           .chains = 1u << RING_CHAIN_WRITABLE,
                                           .suppress = true,
                                           .resets = true,
                                           .lies_max = budgets[b].lies,
                                           .lie_kinds = (1u << XP_LIE_COUNT) - 1u};

        struct xp_job *job =
            xp_job_add(jobs, "X2", "ring", "X2/q%u/%u-lies", budgets[b].size, budgets[b].lies);

        configure(job, &config, budgets[b].deep);
        if (budgets[b].size > 2)
            as_far_as_it_goes(job);
    }
}

void xp_ring_jobs(struct xp_jobs *jobs)
{
    honest(jobs);
    varied(jobs);
    eight(jobs);
    every_start(jobs);
    hostile(jobs);
}
