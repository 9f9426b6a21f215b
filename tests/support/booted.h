/* SPDX-License-Identifier: BSD-2-Clause */
/* A boot package's programs over a modelled machine in this process, for tests that watch them run: world,
 * kernel, simulator's processor. The programs are the files of the package, or those that capos_linked()
 * links into the test in their stead. A failure to set it up ends the test. */
#ifndef CAPOS_TESTS_SUPPORT_BOOTED_H
#define CAPOS_TESTS_SUPPORT_BOOTED_H

#include "kernel/main.h"
#include "sim/processor.h"
#include "sim/world.h"

#define BOOTED_PROGRAMS_BYTES (32u << 20) /* memory of programs: for sim_world_config */

struct booted {
    struct sim_world world;
    struct kernel_storage *k;
    struct sim_processor *processor;
    struct processor inner; /* the simulator's, without the watcher */
    struct processor_ops watched;
    struct boot_params params; /* booted_open sets them, a test may change them; not for booted_boot */
    struct console out;
    struct sim_region package;
    size_t package_bytes;
    const uint8_t *run_block; /* what an image loader brings beside the package; NULL: there is none */
};

/* Opens the world and loads the checked package. Any content before; booted_close gives all of it back. */
void booted_open(struct booted *b, const struct sim_world_config *config, const char *package);
/* Runs the package until its end. `run` stands in for the processor's and calls b->inner.ops->run itself; its
 * context is the processor's. NULL: every budget is as before the first process; else the claim that failed.
 */
const char *booted_run(struct booted *b, bool isolate,
                       void (*run)(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out));
/* The same in two halves, for a caller that takes the system's turns itself. `run` NULL: nobody watches.
 * After a begin that failed the end is due as well. */
const char *booted_begin(struct booted *b, bool isolate,
                         void (*run)(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out));
const char *booted_end(struct booted *b);
/* The kernel's one entry, with this boot line. Returns its status. */
int booted_boot(struct booted *b, const char *line);
void booted_close(struct booted *b);
/* What a port said, one piece behind the other: `to` has `room` bytes, `used` of them taken; it stays
 * terminated. A piece that finds no room fails the test. */
void booted_keep(char *to, size_t room, size_t *used, const char *text, size_t bytes);

#endif
