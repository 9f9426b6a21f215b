/* SPDX-License-Identifier: BSD-2-Clause */
/* From the kernel's stack to a program's and back: processor_switch.S; the way back after a fault:
 * processor_trap.c. Part of the simulator's processor alone. */
#ifndef CAPOS_SIM_PROCESSOR_SWITCH_H
#define CAPOS_SIM_PROCESSOR_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core/processor.h"

enum sim_came_back { SIM_BY_ENTER = 0, SIM_BY_EXIT, SIM_BY_FAULT, SIM_BY_LIMIT };

/* A program's registers between two runs: those that a call keeps. */
struct sim_context {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp;
    uint64_t rip; /* where it begins; 0: it returns from its cap_enter */
    uint64_t argument; /* when it begins */
};

/* The switch of one run. processor_switch.S knows the offsets. */
struct sim_switch {
    struct sim_context context; /* 0 */
    uint64_t host_rsp; /* 72 */
    uint64_t result; /* 80: what cap_enter returns */
    uint32_t inside; /* 88: a program runs */
    uint32_t by; /* 92: enum sim_came_back */
    uint64_t args[2]; /* 96, 104: of cap_enter or exit */
    struct processor_stop stop; /* BY_FAULT */
};

/* The switch of the run under way, for the stubs and the signal handlers, which come without a context. */
extern struct sim_switch *sim_switch_now;

/* Runs the program until it comes back; sim_switch_now is `s`. */
void sim_switch_in(struct sim_switch *s);
/* Where the way back begins, with the switch in rax. Not a function. */
void sim_switch_out(void);
/* The entries of the start-up page. */
uint32_t sim_cap_enter(uint32_t min_complete, uint64_t timeout_ns);
void sim_exit(uint32_t code);

/* Signals and alternate stack, taken with the first and given back with the last. */
bool sim_trap_open(void);
void sim_trap_close(void);
/* A run begins: one that takes more than its limit of the host's processor time ends with SIM_BY_LIMIT,
 * before it has taken twice that. */
void sim_trap_run(uint32_t limit_ms);

#endif
