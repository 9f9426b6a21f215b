/* SPDX-License-Identifier: BSD-2-Clause */
/* A saved list of choices made again: who did what to which word, step by step, and the same as a timeline.
 */
#ifndef CAPOS_EXPLORE_REPLAY_H
#define CAPOS_EXPLORE_REPLAY_H

#include "sim/explore/jobs.h"
#include "sim/explore/options.h"

/* Returns the program's exit status: 0 nothing is broken, 1 a property is or the list no longer fits, 4 the
 * file is refused. */
int xp_replay_file(const struct xp_jobs *jobs, const struct xp_options *options);

#endif
