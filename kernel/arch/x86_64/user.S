/* SPDX-License-Identifier: BSD-2-Clause */
/* Into ring 3 and back: user_run, the entry of SYSCALL, the page of stubs that programs see. Owns the moments in which GS or the
 * stack is not what the ring says; nothing can interrupt them but NMI and machine check, which have stacks of their own, find
 * GS by its base and end in a panic (traps.S). Trusts processor.c for the frame: its selectors, its flags, and an instruction
 * pointer in the lower half. Sources: Intel SDM 2B (SYSCALL, SYSRET, IRET, SWAPGS), 3A 5.8.8. */
#include "kernel/arch/x86_64/layout.h"

    .text

/* uint32_t user_run(struct trap_frame *frame, uint32_t how) */
    .globl user_run
user_run:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi /* user_syscall finds the frame here */
    /* The program's way back begins here: SYSCALL loads this by itself, an interrupt through the task state. An exception has
     * its own stack and comes here by user_leave. */
    movq %rsp, %gs:CPU_KERNEL_STACK
    movq %rsp, %gs:CPU_TASK_STACK
    swapgs
    testb $USER_RUN_SEGMENTS, %sil
    jz 1f
    xorl %eax, %eax /* a null selector is allowed in all four; with GS goes the base that the last program gave it */
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
1:  testb $USER_RUN_RETURN, %sil
    jnz 2f

    /* All registers, by IRETQ, with the frame itself as the stack: nothing is pushed on it. The selectors are right and RIP is
     * canonical, so IRETQ cannot fault; a bad RSP is the program's to fault on. */
    movq %rdi, %rsp
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
user_run_iret: /* named for tests: here, at user_run_sysret and at user_syscall GS is the program's in ring 0 */
    iretq

    /* A call comes back: what a function keeps, its result, and nothing of the kernel's in the others. SYSRET to an address
     * that is not canonical would fault in ring 0 with the program's stack: RIP is in the lower half (processor.c). */
2:  movq FRAME_RIP(%rdi), %rcx
    movq FRAME_RFLAGS(%rdi), %r11
    movq FRAME_RBX(%rdi), %rbx
    movq FRAME_RBP(%rdi), %rbp
    movq FRAME_R12(%rdi), %r12
    movq FRAME_R13(%rdi), %r13
    movq FRAME_R14(%rdi), %r14
    movq FRAME_R15(%rdi), %r15
    movq FRAME_RAX(%rdi), %rax
    movq FRAME_RSP(%rdi), %rsp
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
user_run_sysret:
    sysretq

/* From ring 3, whatever instruction SYSCALL stood at: RCX and R11 are its RIP and flags, the stack is still its own, interrupts
 * are off (SFMASK). */
    .globl user_syscall
user_syscall:
    swapgs
    movq %rsp, %gs:CPU_USER_STACK
    movq %gs:CPU_KERNEL_STACK, %rsp
    movq (%rsp), %rdx
    movq %rcx, FRAME_RIP(%rdx)
    movq %r11, FRAME_RFLAGS(%rdx)
    movq %gs:CPU_USER_STACK, %rcx
    movq %rcx, FRAME_RSP(%rdx)
    movq %rbx, FRAME_RBX(%rdx)
    movq %rbp, FRAME_RBP(%rdx)
    movq %r12, FRAME_R12(%rdx)
    movq %r13, FRAME_R13(%rdx)
    movq %r14, FRAME_R14(%rdx)
    movq %r15, FRAME_R15(%rdx)
    movq %rax, FRAME_RAX(%rdx)
    movq %rdi, FRAME_RDI(%rdx)
    movq %rsi, FRAME_RSI(%rdx)
    movl $USER_CALLED, %eax
back:
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

/* From an exception or interrupt of ring 3, GS swapped: leaves that stack behind. */
    .globl user_leave
user_leave:
    movq %gs:CPU_KERNEL_STACK, %rsp
    movl $USER_TRAPPED, %eax
    jmp back

/* A page of its own, and nothing else of the kernel in it: every program may read and execute it. */
    .section .text.user_stubs, "ax", @progbits
    .balign LAYOUT_PAGE
    .globl user_stubs, user_stub_enter, user_stub_exit, user_stubs_end
user_stubs:
user_stub_enter: /* uint32_t cap_enter(uint32_t min_complete, uint64_t timeout_ns) */
    movl $USER_CALL_ENTER, %eax
    syscall
    ret
user_stub_exit: /* void exit(uint32_t code) */
    movl $USER_CALL_EXIT, %eax
    syscall
    ud2
    .balign LAYOUT_PAGE, 0xcc
user_stubs_end:

    .section .note.GNU-stack, "", @progbits
