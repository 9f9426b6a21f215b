/* SPDX-License-Identifier: BSD-2-Clause */
/* The system that runs once there is a boot package and something that runs programs: init of the package
 * with what its manifest line names, turns until somebody asks for the end, and the end of everything. */
#ifndef CAPOS_KERNEL_USERLAND_H
#define CAPOS_KERNEL_USERLAND_H

#include "abi/bootparams.h"
#include "kernel/calls/calls.h"
#include "kernel/core/package.h"
#include "kernel/core/system.h"

struct userland {
    struct system system;
    struct calls calls;
    struct package_table_copy copies[PACKAGE_TABLES_MAX];
    const struct reg_table *tables[PACKAGE_TABLES_MAX];
    struct kernel_usage before; /* the first process */
    uint16_t init; /* its process */
};

/* What it stands on: all initialised, all outliving it. */
struct userland_setup {
    struct kernel *kernel;
    struct platform *platform;
    struct evidence *evidence;
    struct console *console;
    const struct processor *processor;
    const struct package *package; /* checked; page-aligned bytes */
    const struct boot_params
        *params; /* `mode`, `exchanges` and `verifier` go to init, as words of its start-up page */
};

/* Runs until power-off is asked for, from within or without, or, in mode proof, until init ended; then ends
 * every process. NULL, or constant text: the claim that did not hold. */
const char *userland_run(struct userland *u, const struct userland_setup *setup);

/* The same in pieces, for a world that has turns of its own (system_turn). NULL, or what could not be made.
 */
const char *userland_begin(struct userland *u, const struct userland_setup *setup);
/* Ends every process that is left. NULL: every budget is as before the first one; else the claim that failed.
 */
const char *userland_end(struct userland *u);

#endif
