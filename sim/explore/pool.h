/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs shared out among processes: one process a job, so many at a time. What a process found comes back over
 * a pipe; one that dies fails its job by name and no other. */
#ifndef CAPOS_EXPLORE_POOL_H
#define CAPOS_EXPLORE_POOL_H

#include "sim/explore/jobs.h"
#include "sim/explore/options.h"

#define XP_FILE_BYTES 512u

/* The counter-example of a job, after shrinking. */
struct xp_found {
    bool replays; /* the search's path breaks the property again */
    uint64_t choices_before, steps_before;
    uint64_t choices, steps; /* of the shrunk list */
    uint64_t tries; /* replays that shrinking took */
    char file[XP_FILE_BYTES]; /* "": could not be written */
};

/* What became of a job. */
struct xp_outcome {
    bool started, finished;
    char died[64]; /* not finished although started: how its process ended */
    struct xp_result result; /* without the path */
    struct xp_found found; /* when a property was broken */
};

/* Runs the jobs `chosen` of the list, `count` of them; `out` has as many. Returns false when it was
 * interrupted: what was covered so far is in `out`, no process is left. */
bool xp_pool_run(const struct xp_jobs *jobs, const size_t *chosen, size_t count,
                 const struct xp_options *options, struct xp_outcome *out);

/* The state of a job in one word. */
enum xp_state {
    XP_CLOSED = 0,
    XP_BOUNDED /* its bound was reached */,
    XP_CUT,
    XP_DIED,
    XP_BROKEN,
    XP_STATE_COUNT
};
enum xp_state xp_outcome_state(const struct xp_job *job, const struct xp_outcome *outcome);

#endif
