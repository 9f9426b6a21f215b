/* SPDX-License-Identifier: BSD-2-Clause */
/* One stub a vector, TRAP_STUB_BYTES apart, and the way to trap_handle() and back. A stub makes every frame equal: those
 * exceptions that push no error code get a zero. Source: Intel SDM 3A, 6.13, 6.14.2. */
#include "kernel/arch/x86_64/layout.h"

    .section .text.trap_stubs, "ax", @progbits
    .balign TRAP_STUB_BYTES
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept TRAP_VECTORS
    .balign TRAP_STUB_BYTES
    /* 8, 10 to 14, 17, 21, 29, 30 push an error code themselves. */
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

/* Interrupts are off. The flags are a program's, or the kernel's own; from here on they are known: DF clear for the compiler,
 * AC clear, so that SMAP holds, TF and NT clear in any case.
 *
 * GS: in ring 3 the program's base is in force, and the first thing is to swap it. In ring 0 it is the kernel's, but for the few
 * instructions around SYSCALL, SYSRET and IRETQ in user.S; what can strike there (NMI, machine check, a fault of ours) is an
 * exception and ends in a panic. For those the base itself is looked at: a program's is never negative, as it can load it only
 * with a selector, and every base in the table is 0 (FSGSBASE is off). Stacks are no question there: all exceptions have one of
 * the interrupt stack table (Intel SDM 3A, 6.14.5). */
    .text
trap_common:
    pushq $2
    popfq
    testb $3, 24(%rsp) /* vector, error code, RIP, CS */
    jz 1f
    swapgs
1:
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    testb $3, FRAME_CS(%rsp)
    jnz 2f
    cmpq $32, FRAME_VECTOR(%rsp)
    jae 2f
    movl $MSR_GS_BASE, %ecx
    rdmsr
    testl %edx, %edx
    js 2f
    swapgs
2:
    movq %rsp, %rdi /* struct trap_frame; the CPU has aligned the stack to 16 at entry, 22 words keep it so */
    call trap_handle
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    iretq

    .section .note.GNU-stack, "", @progbits
