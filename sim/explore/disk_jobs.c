/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X12 of docs/exploring.md: every life of a disk with one disturbance in every turn; deep, with two. */
#include <stdio.h>
#include <string.h>

#include "sim/explore/disk_world.h"
#include "sim/explore/every.h"
#include "sim/explore/jobs.h"

#define TURN         0x100u
#define TURNS        72u /* a life without a disturbance takes fewer */
#define STRIDE_TWICE 6u /* of two disturbances */

static const struct disk_config *of(const struct xp_job *job)
{
    return (const struct disk_config *)(const void *)job->config;
}

static struct xp_world *make(const struct xp_job *job)
{
    struct disk_world *d = disk_world_make(of(job));

    return d ? &d->world : NULL;
}

static void release(struct xp_world *w)
{
    disk_world_free((struct disk_world *)(void *)w);
}

static void run_it(const struct xp_job *job, const struct xp_limits *limits, struct xp_result *out)
{
    struct xp_world *w = make(job);

    if (!w) {
        memset(out, 0, sizeof *out);
        out->cut = "memory";
        return;
    }
    xp_every(w, 0, TURN, limits, out);
    release(w);
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    snprintf(text, bytes, "%s host, whole lives, %u disturbance%s, each kind in every %s of %u turns",
             of(job)->legacy ? "legacy" : "modern", of(job)->disturbances,
             of(job)->disturbances == 1 ? "" : "s", of(job)->stride == 1 ? "one" : "second", of(job)->turns);
}

void xp_disk_jobs(struct xp_jobs *jobs)
{
    for (unsigned legacy = 0; legacy < 2; legacy++) {
        for (unsigned count = 1; count <= 2; count++) {
            struct xp_job *job =
                xp_job_add(jobs, "X12", "disk", "X12/%s/%u", legacy ? "legacy" : "modern", count);
            const struct disk_config config = {.legacy = legacy,
                                               .disturbances = (uint8_t)count,
                                               .turns = TURNS,
                                               .stride = count == 1 ? 1 : STRIDE_TWICE};

            _Static_assert(sizeof config <= XP_JOB_CONFIG_BYTES, "fits");
            memcpy(job->config, &config, sizeof config);
            job->make = make;
            job->release = release;
            job->bounds = bounds;
            job->run_it = run_it;
            job->deep = count == 2;
            job->weight = count == 2 ? 100000u : 2000u;
        }
    }
}
