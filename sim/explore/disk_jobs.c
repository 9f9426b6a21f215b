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
#define STRIDE_NVME  3u /* the same, of lives that are shorter */

static const struct {
    enum sim_disk_kind kind;
    const char *name, *what;
    uint16_t stride_twice;
} kinds[] = {{SIM_DISK_SCSI_MODERN, "modern", "modern SCSI host", STRIDE_TWICE},
             {SIM_DISK_SCSI_LEGACY, "legacy", "legacy SCSI host", STRIDE_TWICE},
             {SIM_DISK_NVME, "nvme", "NVMe controller", STRIDE_NVME}};
#define KINDS (sizeof kinds / sizeof kinds[0])

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
    unsigned k = 0;

    while (kinds[k].kind != of(job)->kind)
        k++;
    snprintf(text, bytes, "%s, whole lives, %u disturbance%s, each kind in %u of the first %u turns",
             kinds[k].what, of(job)->disturbances, of(job)->disturbances == 1 ? "" : "s",
             (unsigned)of(job)->turns / of(job)->stride, of(job)->turns);
}

void xp_disk_jobs(struct xp_jobs *jobs)
{
    for (unsigned k = 0; k < KINDS; k++) {
        for (unsigned count = 1; count <= 2; count++) {
            struct xp_job *job = xp_job_add(jobs, "X12", "disk", "X12/%s/%u", kinds[k].name, count);
            const struct disk_config config = {.kind = kinds[k].kind,
                                               .disturbances = (uint8_t)count,
                                               .turns = TURNS,
                                               .stride = count == 1 ? 1 : kinds[k].stride_twice};

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
