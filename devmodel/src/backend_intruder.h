/* SPDX-License-Identifier: BSD-2-Clause */
/* The hostile station's state, shared by its pace (backend_intruder.c) and its frames (intruder_frames.c).
 * Private to devmodel. */
#ifndef DM_BACKEND_INTRUDER_H
#define DM_BACKEND_INTRUDER_H

#include "capos/devmodel/intruder.h"
#include "random.h"
#include "tcp_segment.h"

#define DM_INTRUDER_DATA_MAX 1472u

struct dm_intruder {
    struct dm_station station;
    struct dm_intruder_config config;
    struct dm_intruder_counts counts;
    struct dm_neighbour guest;
    struct dm_random random;
    uint64_t turns; /* of the pace, sent and skipped */
};

/* Puts the frame of turn `turn` into the queue. */
void dm_intruder_frame(struct dm_intruder *n, uint64_t turn);

#endif
