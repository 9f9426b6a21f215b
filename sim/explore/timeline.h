/* SPDX-License-Identifier: BSD-2-Clause */
/* A run as a Chrome trace (JSON), which Perfetto and other trace viewers open: a lane for each party, one for
 * the steps, one for what the rings hold, and a counter for every number that the world's line of state
 * names. A tick is one event, not a time. */
#ifndef CAPOS_EXPLORE_TIMELINE_H
#define CAPOS_EXPLORE_TIMELINE_H

#include "sim/explore/world.h"

#define XP_LINE_BYTES 256u

struct xp_event {
    uint64_t at; /* ticks */
    uint64_t ticks;
    uint32_t lane; /* enum xp_lane, or one of the two below */
    char text[XP_LINE_BYTES];
};
#define XP_LANE_STEPS ((uint32_t)XP_LANE_COUNT)
#define XP_LANE_STATE ((uint32_t)XP_LANE_COUNT + 1u)

struct xp_timeline {
    struct xp_event *events;
    size_t count, room;
    uint64_t now;
    bool cut; /* no memory for all of it */
};

const char *xp_lane_name(uint32_t lane);
/* An event of `ticks`, starting at `at`. */
void xp_timeline_add(struct xp_timeline *t, uint32_t lane, uint64_t at, uint64_t ticks, const char *text);
/* False: it could not be written whole. `name` is the run's. */
bool xp_timeline_write(const struct xp_timeline *t, const char *name, const char *path);
void xp_timeline_free(struct xp_timeline *t);

#endif
