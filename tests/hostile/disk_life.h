/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a disk in a test, whatever controller it has: opened by its test over the kernel's authority,
 * started, read against what lies on the medium, ended, and nothing left. Judged with Criterion's asserts. */
#ifndef CAPOS_TESTS_DISK_LIFE_H
#define CAPOS_TESTS_DISK_LIFE_H

#include "provider/disk.h"
#include "tests/support/rig.h"

#define DISK_LIFE_ALWAYS UINT32_MAX /* times of an attack */
#define DISK_LIFE_TURNS  8000u /* a life: every wait of it ends before */

/* Words of a row of what a lie comes to: PROVIDER_E_ and this. SILENT is none of the provider: it waits, and
 * its caller gives up. */
#define PROVIDER_E_SILENT PROVIDER_E_COUNT
#define PROVIDER_E_OK     PROVIDER_OK

struct disk_life {
    struct rig rig;
    struct disk disk; /* ops NULL: not open */
    const enum disk_state *state; /* the provider's own */
};

/* `bytes` of the medium that every life has, at any offset. */
bool disk_life_medium(void *ctx, uint64_t offset, void *out, uint32_t bytes);
/* A world with this disk alone, whose medium is filled in; `bytes` long. */
void disk_life_open(struct disk_life *l, struct sim_disk_config disk, uint64_t bytes, uint32_t pool_pages);
/* One turn of the world, and a poll. */
void disk_life_turn(struct disk_life *l);
/* Until READY or an end: PROVIDER_OK, the error that ended it, PROVIDER_E_SILENT. */
unsigned disk_life_start(struct disk_life *l);
/* One read to its end: its error, the disk's that ended it, PROVIDER_E_SILENT. `exact`: what comes without an
 * error is what lies there. */
unsigned disk_life_read(struct disk_life *l, uint64_t lba, uint32_t blocks, bool exact);
/* Stopped, whatever was before: in quarantine or not, as expected, then `closed` by its test. */
void disk_life_end(struct disk_life *l, bool quarantined, const char *what);
/* The function and its owner go; nothing stays but what the quarantine keeps. */
void disk_life_take_back(struct disk_life *l, bool quarantined);
/* No memory was touched that is not the device's. */
void disk_life_close(struct disk_life *l);
const char *disk_life_word(unsigned error);

#endif
