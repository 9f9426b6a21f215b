/* SPDX-License-Identifier: BSD-2-Clause */
/* From the path of a search to a counter-example that a person can read: replayed, shrunk, written to a file.
 */
#ifndef CAPOS_EXPLORE_COUNTEREXAMPLE_H
#define CAPOS_EXPLORE_COUNTEREXAMPLE_H

#include "sim/explore/pool.h"

/* `result` has a violation and its path, of this world. Fills `found`; frees the path. */
void xp_counterexample_make(const struct xp_job *job, struct xp_world *w, const struct xp_options *options,
                            struct xp_result *result, struct xp_found *found);

#endif
