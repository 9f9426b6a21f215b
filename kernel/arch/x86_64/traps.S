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

    .text
trap_common:
    cld
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
