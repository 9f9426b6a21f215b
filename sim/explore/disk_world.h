/* SPDX-License-Identifier: BSD-2-Clause */
/* World `disk`: a disk's provider as it ships over the kernel's authority and the device model. A step is a
 * whole life: claim, start, one read, stop, release; the choices say what comes between and in which turn.
 * Linked with world `full`, whose platform it needs. */
#ifndef CAPOS_EXPLORE_DISK_WORLD_H
#define CAPOS_EXPLORE_DISK_WORLD_H

#include "sim/explore/world.h"
#include "sim/world.h"

struct kernel;

struct disk_config {
    enum sim_disk_kind kind; /* not SIM_DISK_NONE */
    uint8_t disturbances; /* in one life */
    uint16_t turns; /* a disturbance comes in one of so many turns from the open on */
    uint16_t stride; /* and in every so manieth of them */
};

struct disk_world {
    struct xp_world world;
    struct disk_config config;
    struct dm_memory *memory; /* lent to each life */
    struct kernel *kernel;
    uint8_t *arena;
    struct sim_world machine;
    bool open;
};

/* NULL: no memory. */
struct disk_world *disk_world_make(const struct disk_config *config);
void disk_world_free(struct disk_world *d);

#endif
