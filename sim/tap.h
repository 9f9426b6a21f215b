/* SPDX-License-Identifier: BSD-2-Clause */
/* A backend in front of another that adds each frame, in both directions, to a run's trace hash. */
#ifndef CAPOS_SIM_TAP_H
#define CAPOS_SIM_TAP_H

#include "capos/devmodel/backend.h"
#include "platform/sim/platform_sim.h"

/* Takes over `inner` on success; NULL without memory. The platform outlives it. */
struct dm_backend *sim_tap_create(struct dm_backend *inner, struct platform *platform);
/* The backend behind the tap. */
struct dm_backend *sim_tap_inner(struct dm_backend *tap);

#endif
