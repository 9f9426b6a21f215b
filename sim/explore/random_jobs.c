/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X2b of docs/exploring.md: queues of the sizes that hosts dictate, from just before the wrap, at random.
 */
#include <stdio.h>
#include <string.h>

#include "sim/explore/jobs.h"
#include "sim/explore/random.h"
#include "sim/explore/ring_world.h"

#define RUNS_ASKED 1000000u /* of each job; daily a hundredth */
#define RUNS_DAILY (RUNS_ASKED / 100u)
#define START      0xfff0u
#define FIRST_SEED 1u

struct random_job {
    struct ring_config ring;
    uint64_t runs;
};

static const struct random_job *of(const struct xp_job *job)
{
    return (const struct random_job *)(const void *)job->config;
}

static struct xp_world *make(const struct xp_job *job)
{
    struct ring_world *r = ring_world_make(&of(job)->ring);

    return r ? &r->world : NULL;
}

static void release(struct xp_world *w)
{
    ring_world_free((struct ring_world *)(void *)w);
}

static uint64_t bit(enum xp_mark mark)
{
    return 1ull << mark;
}

static uint64_t bits(enum xp_mark first, enum xp_mark last)
{
    return ((bit(last) << 1) - 1u) & ~(bit(first) - 1u);
}

/* Everything; of an honest device no lies, nor what the driver finds of them. */
static uint64_t must(bool lies)
{
    const uint64_t all = bits(XP_M_FETCH, XP_M_FAULT_LENGTH);

    return lies ? all
                : all & ~bits(XP_M_LIE_INDEX, XP_M_LIE_CHANGE) & ~bits(XP_M_FAULT_INDEX, XP_M_FAULT_LENGTH);
}

static void run_it(const struct xp_job *job, const struct xp_limits *limits, struct xp_result *out)
{
    const struct xp_random_plan plan = {
        .first_seed = FIRST_SEED, .runs = of(job)->runs, .must = must(of(job)->ring.lies_max > 0)};

    xp_random_job(job, &plan, limits, out);
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    const struct random_job *j = of(job);

    snprintf(text, bytes, "queue size %u, indices from 0x%04x, %llu runs at random of %u asked, %s",
             j->ring.size, START, (unsigned long long)j->runs, RUNS_ASKED,
             j->ring.lies_max ? "1 lie" : "honest device");
}

static void add(struct xp_jobs *jobs, uint16_t size, bool lies, bool deep)
{
    struct xp_job *job = xp_job_add(jobs, "X2b", "ring", "X2b/q%u/%s%s", size, lies ? "1-lie" : "honest",
                                    deep ? "" : "/daily");
    const struct random_job config = {
        .ring = {.size = size,
                 .start = START,
                 .batch_max = 1,
                 .chains = (1u << RING_CHAIN_COUNT) - 1u,
                 .swarm = true,
                 .lies_max = lies,
                 .lie_kinds = lies ? (1u << XP_LIE_COUNT) - 1u : 0},
        .runs = deep ? RUNS_ASKED : RUNS_DAILY,
    };

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

void xp_random_jobs(struct xp_jobs *jobs)
{
    static const uint16_t sizes[] = {256, 1024, 4096, 8192};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned lies = 0; lies < 2; lies++) {
            add(jobs, sizes[i], lies, false);
            add(jobs, sizes[i], lies, true);
        }
}
