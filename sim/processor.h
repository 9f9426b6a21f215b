/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's processor: programs run inside the host process, each on its own stack pages, until they
 * enter, exit or fault. One address space of the host: each program sees its pages at addresses of its own in
 * it, mapped a second time. There they are read-only, writable or executable as the kernel mapped them, and
 * the pages around each room are not there; nothing of that changes for a run, and the kernel's own mapping
 * stays writable. Lane `isolate` takes the other programs' pages and the kernel's mapping of the regions away
 * as well. A program is interrupted by nothing but the host-time limit, which ends the run. This is no
 * isolation: a program can call any host address. Isolation and preemption are shown on machines. */
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
 * Of one mapping, shared (MAP_SHARED), readable and writable: else no page of it can be mapped. Not to be
 * touched while a program of lane `isolate` runs. */
struct sim_region {
    uint8_t *base;
    size_t bytes;
};

struct sim_program_source; /* program_source.h */

struct sim_processor_config {
    struct sim_region regions[SIM_REGIONS_MAX];
    uint32_t region_count;
    bool isolate;
    const struct sim_program_source *source; /* NULL: every program runs as its file */
    /* Processor time of the host that one run may take; noticed before twice that. 0: SIM_RUN_LIMIT_MS. */
    uint32_t limit_ms;
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
