/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on the simulator's disk: a file's bytes, or a boot package at its place (abi/disk.h) and zeroes. */
#ifndef CAPOS_SIM_MEDIUM_H
#define CAPOS_SIM_MEDIUM_H

#include "capos/devmodel/medium.h"

struct sim_medium {
    int fd; /* of the file, or -1 */
    uint64_t bytes;
    const uint8_t *package; /* lent */
    uint64_t package_bytes;
};

/* `path` NULL: the package, which outlives the medium. NULL on success, else one line: what is wrong. */
const char *sim_medium_open(struct sim_medium *m, const char *path, const void *package,
                            size_t package_bytes);
void sim_medium_close(struct sim_medium *m);
/* As a disk's; `m` outlives it. */
struct dm_medium sim_medium(struct sim_medium *m);

#endif
