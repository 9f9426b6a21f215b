/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of world `ring` share. Private to them. */
#ifndef CAPOS_EXPLORE_RING_PARTS_H
#define CAPOS_EXPLORE_RING_PARTS_H

#include "sim/explore/ring_world.h"

#define RING_BUS       0x100000000ull
#define RING_BAR       0x10000000ull
#define RING_NOTIFY_AT 0x1000u
#define RING_DEVICE_AT 0x2000u
#define RING_POISON_SLOTS                                                                                    \
    64u /* larger queues are run at random only: their free descriptors are not poisoned */

enum ring_op { RING_POST = 0, RING_REAP };

/* What a run at random left in. State: it is drawn in the run's first step. */
struct ring_features {
    _Alignas(8) uint32_t asked; /* who acts: so often */
    uint32_t lies_from; /* no lie before that */
    uint8_t drawn, model, suppress, short_writes, in_order, chains, batch, resets;
    uint8_t lie_kinds, full;
    uint8_t reserved[6];
};

struct ring_copy;
struct ring_swarm {
    struct ring_features features;
    struct ring_config bounds;
    struct ring_copy *copy; /* of the first state; NULL: not there yet */
};

static inline struct ring_world *ring_of(struct xp_world *w)
{
    return (struct ring_world *)(void *)w;
}

/* ring_world.c */
extern const struct xp_world_ops ring_ops;
extern const struct xp_driver_ops ring_driver_ops;
void ring_show(const struct xp_world *w, char *line, size_t bytes);
size_t ring_live(const struct xp_world *w, uint32_t region);
void ring_queue_up(struct ring_world *r);
void ring_poison_free(struct ring_world *r);

/* ring_setup.c */
void ring_start(struct xp_world *w);
/* The driver posts until the queue is full, nobody coming between. */
void ring_fill(struct ring_world *r);

/* ring_swarm.c */
extern const struct xp_world_ops ring_swarm_ops;
void ring_swarm_turn(struct ring_world *r);
void ring_swarm_free(struct ring_world *r);

#endif
