/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch between the kernel's stack and a program's. Programs hold general registers alone (-mgeneral-regs-only),
 * so nothing else changes hands. The stubs touch no stack of a program: its pointer may be anything. */
#define HOST_RSP 72
#define RESULT   80
#define INSIDE   88
#define BY       92
#define ARGS     96

    .text
    .globl sim_switch_in
    .type sim_switch_in, @function
sim_switch_in:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, HOST_RSP(%rdi)
    movq 0(%rdi), %rbx
    movq 8(%rdi), %rbp
    movq 16(%rdi), %r12
    movq 24(%rdi), %r13
    movq 32(%rdi), %r14
    movq 40(%rdi), %r15
    movq RESULT(%rdi), %rax
    movq 56(%rdi), %r11
    movl $1, INSIDE(%rdi)
    movq 48(%rdi), %rsp
    movq 64(%rdi), %rdi
    xorl %ecx, %ecx /* what the host left there is nobody's business */
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    testq %r11, %r11
    jz 1f
    jmpq *%r11
1:  ret
    .size sim_switch_in, . - sim_switch_in

    .globl sim_cap_enter
    .type sim_cap_enter, @function
sim_cap_enter:
    movq sim_switch_now(%rip), %rax
    movl $0, INSIDE(%rax)
    movl $0, BY(%rax)
    movl %edi, %edi
    jmp keep
    .size sim_cap_enter, . - sim_cap_enter

    .globl sim_exit
    .type sim_exit, @function
sim_exit:
    movq sim_switch_now(%rip), %rax
    movl $0, INSIDE(%rax)
    movl $1, BY(%rax)
    movl %edi, %edi
keep:
    movq %rdi, ARGS(%rax)
    movq %rsi, ARGS + 8(%rax)
    movq %rbx, 0(%rax)
    movq %rbp, 8(%rax)
    movq %r12, 16(%rax)
    movq %r13, 24(%rax)
    movq %r14, 32(%rax)
    movq %r15, 40(%rax)
    movq %rsp, 48(%rax)
    movq $0, 56(%rax)
    movq $0, 64(%rax)
    .size sim_exit, . - sim_exit

    .globl sim_switch_out
    .type sim_switch_out, @function
sim_switch_out:
    movq HOST_RSP(%rax), %rsp
    pushq $0x202 /* whatever flags a program sets stay its own */
    popfq
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size sim_switch_out, . - sim_switch_out

    .section .note.GNU-stack,"",@progbits
