/* SPDX-License-Identifier: BSD-2-Clause */
/* The way into ring 3 and back, of user.S. */
#ifndef CAPOS_ARCH_USER_H
#define CAPOS_ARCH_USER_H

#include <stdint.h>

#include "kernel/arch/x86_64/traps.h"

/* Lets the program behind `frame` run until it stops: USER_CALLED, USER_TRAPPED. `how`: USER_RUN_*. Its
 * registers are in `frame` before and after; after a system call those that a called function keeps, and RAX,
 * RDI, RSI. Interrupts are off; the page tables are the program's; cpu->user is `frame`. */
uint32_t user_run(struct trap_frame *frame, uint32_t how);
/* Back to where user_run was called from: USER_TRAPPED. */
_Noreturn void user_leave(void);

/* The page that every program sees: its stubs for the two system calls. */
extern const uint8_t user_stubs[], user_stub_enter[], user_stub_exit[], user_stubs_end[];

#endif
