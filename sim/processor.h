/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's processor: programs run inside the host process, each on its own stack pages, until they
 * enter, exit or fault. One address space: a page's address in a program is its host address, so what lies
 * beside a room is whatever the kernel placed there. Read-only and executable pages are protected while their
 * program runs; the page below its stack is not there, unless the same program mapped it; lane `isolate`
 * takes everything else of the regions away as well. A program is interrupted by nothing but the host-time
 * limit, which ends the run. This is no isolation: a program can call any host address. Isolation and
 * preemption are shown on machines. */
#ifndef CAPOS_SIM_PROCESSOR_H
#define CAPOS_SIM_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/core/processor.h"

#define SIM_REGIONS_MAX  4u
#define SIM_SPACES_MAX   16u
#define SIM_RUN_LIMIT_MS 10000u

/* Page-aligned host memory of which pages may be mapped: programs and MemoryObjects, DMA, the boot package.
 * Readable and writable whenever no program runs. */
struct sim_region {
    uint8_t *base;
    size_t bytes;
};

struct sim_program_source; /* program_source.h */

struct sim_processor_config {
    struct sim_region regions[SIM_REGIONS_MAX];
    uint32_t region_count;
    bool isolate;
    bool open; /* nothing is protected while a program runs: for lives by the thousand of honest programs */
    const struct sim_program_source *source; /* NULL: every program runs as its file */
    uint32_t limit_ms; /* processor time of the host that one run may take; 0: SIM_RUN_LIMIT_MS */
    void *ctx; /* of the hooks */
    /* NULL, or what a message calls the program; NULL again: its number alone. */
    const char *(*name)(void *ctx, uint16_t space);
    /* NULL: always 0. */
    uint32_t (*pick)(void *ctx, uint32_t n);
    /* NULL, or told when a program has come back, before the kernel is: a world that comes between may change
     * what the program left in its own pages. */
    void (*between)(void *ctx, uint16_t space, const struct processor_stop *stop);
    /* A program did not come back. NULL: says so on standard error and exits with 1. Must not return. */
    void (*overrun)(void *ctx, uint16_t space);
};

struct sim_processor;

/* NULL: no memory. The regions outlive it. Several may be open; one runs at a time. While one is open it
 * holds the signals SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGVTALRM, the interval timer of the last, and
 * the thread's alternate stack; a fault outside of a program goes on to whoever held them before. */
struct sim_processor *sim_processor_open(const struct sim_processor_config *config);
void sim_processor_close(struct sim_processor *p);
struct processor sim_processor_ops(struct sim_processor *p);
/* Runs since it was opened, and faults among their ends. */
uint64_t sim_processor_runs(const struct sim_processor *p);
uint64_t sim_processor_faults(const struct sim_processor *p);

/* Zeroed memory for a region, NULL: none. */
uint8_t *sim_region_map(size_t bytes);
void sim_region_unmap(struct sim_region region);

#endif
