/* SPDX-License-Identifier: BSD-2-Clause */
/* What runs programs on a machine (kernel/core/processor.h): page tables for each, ring 3, a slice of time of
 * the local timer. Owns all of a program's registers while it does not run, and every table of its space.
 * Trusts the kernel's own space and its caller; of a program only what the CPU enforces. The kernel never
 * touches a program's address: it has every page of a program at an address of its own. */
#ifndef CAPOS_ARCH_PROCESSOR_H
#define CAPOS_ARCH_PROCESSOR_H

#include "kernel/arch/x86_64/space.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/arch/x86_64/user_space.h"
#include "kernel/core/process.h"

#define PROCESSOR_TABLES   192u /* pages of tables, of all programs: 768 KiB */
#define PROCESSOR_SLICE_NS 10000000ull

struct platform;

enum user_state { USER_NONE = 0, USER_EMPTY, USER_READY, USER_IN_CALL, USER_STOPPED, USER_ENDED };

struct user_program {
    enum user_state state;
    uint32_t shared; /* tables of the kernel's when its half was copied */
    struct user_space space;
    struct trap_frame frame;
};

struct machine_processor {
    struct processor processor; /* for the core */
    struct cpu *cpu;
    struct space *space;
    struct platform *platform;
    struct table_pool tables;
    uint32_t last; /* program that ran last */
    uint32_t slice_ticks; /* of the local timer; 0: not measured yet */
    uint64_t slice_cycles;
    uint64_t slice_end; /* cycle counter when the timer goes off */
    uint32_t slice_traps; /* of its vector, when it was started */
    struct user_program programs[PROCESSES_MAX];
};

/* Once. The local interrupt controller is up; all that is given stays as long as the machine. */
void processor_init(struct machine_processor *m, struct cpu *cpu, struct space *space,
                    struct platform *platform);

#endif
