/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions and interrupts. An exception in the kernel is a fault of ours: it is printed and the machine is
 * switched off. One in a program, and an interrupt while a program runs, end its turn (processor.h). A device
 * vector is counted for its CPU and acknowledged, nothing more: who waits reads the count. */
#ifndef CAPOS_ARCH_TRAPS_H
#define CAPOS_ARCH_TRAPS_H

#include "kernel/arch/x86_64/cpu.h"

#define TRAP_DEVICE_FIRST 0x40u
#define TRAP_DEVICE_COUNT 64u /* vectors 0x40 to 0x7f */
#define TRAP_PIC_FIRST    0x20u /* both controllers, 16 lines, all masked */

/* As traps.S and the CPU push it. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};

#define FRAME_CHECK(field, at)                                                                               \
    _Static_assert(offsetof(struct trap_frame, field) == (at), "assembler reads it")
FRAME_CHECK(r15, FRAME_R15);
FRAME_CHECK(r14, FRAME_R14);
FRAME_CHECK(r13, FRAME_R13);
FRAME_CHECK(r12, FRAME_R12);
FRAME_CHECK(rbp, FRAME_RBP);
FRAME_CHECK(rdi, FRAME_RDI);
FRAME_CHECK(rsi, FRAME_RSI);
FRAME_CHECK(rbx, FRAME_RBX);
FRAME_CHECK(rax, FRAME_RAX);
FRAME_CHECK(vector, FRAME_VECTOR);
FRAME_CHECK(rip, FRAME_RIP);
FRAME_CHECK(cs, FRAME_CS);
FRAME_CHECK(rflags, FRAME_RFLAGS);
FRAME_CHECK(rsp, FRAME_RSP);

#define TRAP_EXCEPTIONS    32u /* vectors below: the CPU's own */
#define TRAP_NMI           2u
#define TRAP_DOUBLE_FAULT  8u
#define TRAP_PAGE_FAULT    14u
#define TRAP_MACHINE_CHECK 18u

/* The table of all vectors, the same for every CPU; loaded on this one. Both PICs moved out of the way and
 * masked. */
void traps_init(void);
/* From traps.S. */
void trap_handle(struct trap_frame *frame);

/* Prints what is known of the failure and switches the machine off; stops for good when it does not obey. */
_Noreturn void panic_trap(const struct trap_frame *frame);
_Noreturn void panic_text(const char *what);

#endif
