/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs of a few instructions for the tests of the processor, as bytes among the constants of a test
 * image. Each runs from the start of a page; RDI is its data page (user_faults.def). */
#ifndef CAPOS_TESTS_BOOT_USER_CODE_H
#define CAPOS_TESTS_BOOT_USER_CODE_H

#include <stdint.h>

#define USER_CODE(name, text)                                                                                \
    __asm__(".pushsection .rodata.user_code, \"a\"\n\t.balign 16\n" #name ":\n\t" text "\n" #name            \
            "_end:\n\t.popsection");                                                                         \
    extern const uint8_t name[], name##_end[]

#define FAULT(name, vector, other, error, base, offset, text) USER_CODE(user_fault_##name, text);
#include "tests/boot/user_faults.def"
#undef FAULT

/* cap_enter(5, 0x1122334455667788), then exit with what it returned. */
USER_CODE(user_calls, "movq %rdi, %rbx; movl $5, %edi; movabsq $0x1122334455667788, %rsi; call *(%rbx)\n\t"
                      "movl %eax, %edi; call *8(%rbx)");

/* cap_enter for ever. */
USER_CODE(user_enters, "movq %rdi, %rbx\n1: xorl %edi, %edi; xorl %esi, %esi; call *(%rbx); jmp 1b");

USER_CODE(user_loops, "1: jmp 1b");

/* What a function keeps is kept over cap_enter; in the other registers nothing comes back. Exit 0: so it was.
 */
USER_CODE(user_keeps_call,
          "movq %rdi, %rbx; movq %rsp, %rbp\n\t"
          "movl $0x0c0c0c0c, %r12d; movq $-13, %r13; movl $14, %r14d; movl $15, %r15d\n\t"
          "movq $-1, %r8; movq %r8, %r9; movq %r8, %r10; movq %r8, %rdx\n\t"
          "movl $1, %edi; movl $2, %esi; call *(%rbx)\n\t"
          "orq %r8, %rdx; orq %r9, %rdx; orq %r10, %rdx; orq %rsi, %rdx; orq %rdi, %rdx; jnz 1f\n\t"
          "cmpq %rsp, %rbp; jne 1f; cmpl $77, %eax; jne 1f\n\t"
          "cmpq $0x0c0c0c0c, %r12; jne 1f; cmpq $-13, %r13; jne 1f; cmpq $14, %r14; jne 1f; cmpq $15, %r15; "
          "jne 1f\n\t"
          "xorl %edi, %edi; call *8(%rbx)\n"
          "1: movl $1, %edi; call *8(%rbx)");

/* All registers hold their own number times a constant until the word at 40 of the data page is set. Exit 0:
 * they were kept at each preemption. RDI stays the data page, the stack pointer is kept in memory. */
USER_CODE(user_keeps_all,
          "movq %rsp, 48(%rdi)\n\t"
          "movq $0x10101, %rax; movq $0x20202, %rbx; movq $0x30303, %rcx; movq $0x40404, %rdx\n\t"
          "movq $0x50505, %rsi; movq $0x60606, %rbp; movq $0x80808, %r8; movq $0x90909, %r9\n\t"
          "movq $0xa0a0a, %r10; movq $0xb0b0b, %r11; movq $0xc0c0c, %r12; movq $0xd0d0d, %r13\n\t"
          "movq $0xe0e0e, %r14; movq $0xf0f0f, %r15\n"
          "1: cmpq $0x10101, %rax; jne 2f; cmpq $0x20202, %rbx; jne 2f; cmpq $0x30303, %rcx; jne 2f\n\t"
          "cmpq $0x40404, %rdx; jne 2f; cmpq $0x50505, %rsi; jne 2f; cmpq $0x60606, %rbp; jne 2f\n\t"
          "cmpq $0x80808, %r8; jne 2f; cmpq $0x90909, %r9; jne 2f; cmpq $0xa0a0a, %r10; jne 2f\n\t"
          "cmpq $0xb0b0b, %r11; jne 2f; cmpq $0xc0c0c, %r12; jne 2f; cmpq $0xd0d0d, %r13; jne 2f\n\t"
          "cmpq $0xe0e0e, %r14; jne 2f; cmpq $0xf0f0f, %r15; jne 2f; cmpq 48(%rdi), %rsp; jne 2f\n\t"
          "cmpl $0, 40(%rdi); je 1b\n\t"
          "movq %rdi, %rbx; xorl %edi, %edi; call *8(%rbx)\n"
          "2: movq 8(%rdi), %rax; movl $1, %edi; call *%rax");

/* The same for the flags that a program may set, DF, NT, AC and ID among them; CF is set between the looks.
 */
USER_CODE(user_keeps_flags, "movq %rdi, %rbx; movl $0x244402, %r12d; movl $0x244c93, %r13d\n"
                            "1: pushq %r12; popfq; std; movl $100000, %ecx\n"
                            "2: decl %ecx; jnz 2b\n\t"
                            "pushfq; popq %rax; andl $0x244400, %eax; cmpl $0x244400, %eax; jne 3f\n\t"
                            "cmpl $0, 40(%rbx); je 1b\n\t"
                            "cld; xorl %edi, %edi; call *8(%rbx)\n"
                            "3: cld; movl $1, %edi; call *8(%rbx)");

/* DF, NT, AC and ID set at the call itself; exit 0: they came back as they were. */
USER_CODE(
    user_calls_with_flags,
    "movq %rdi, %rbx; pushq $0x244402; popfq; xorl %edi, %edi; xorl %esi, %esi; call *(%rbx)\n\t"
    "pushfq; popq %rax; andl $0x244500, %eax; subl $0x244400, %eax; movl %eax, %edi; cld; call *8(%rbx)");
/* The same, and a fault instead of the call. */
USER_CODE(user_faults_with_flags, "pushq $0x244402; popfq; ud2");
/* TF set in the instruction before the system call. */
USER_CODE(user_steps_into_call, "pushfq; orl $0x100, (%rsp); xorl %eax, %eax; popfq; syscall; nop; nop");

/* A null selector and one of ring 3 in every segment register that takes one, then a call, then a loop. */
USER_CODE(
    user_loads_segments,
    "movq %rdi, %rbx; xorl %eax, %eax; movl %eax, %gs; movl %eax, %fs; movl %eax, %ds; movl %eax, %es\n\t"
    "call *(%rbx)\n\t"
    "movl $0x33, %eax; movl %eax, %gs; movl %eax, %fs; movl %eax, %ds; movl %eax, %es; xorl %eax, %eax\n\t"
    "call *(%rbx)\n1: jmp 1b");
/* Exits with all selectors of the data segments in one number. */
USER_CODE(user_says_segments,
          "movq %rdi, %rbx; xorl %edi, %edi; movl %ds, %eax; orl %eax, %edi; movl %es, %eax\n\t"
          "orl %eax, %edi; movl %fs, %eax; orl %eax, %edi; movl %gs, %eax; orl %eax, %edi\n\t"
          "call *8(%rbx)");

/* Calls, then loops, with the stack pointer that lies at 56 of the data page. */
USER_CODE(user_strange_stack,
          "movq %rdi, %rbx; movq 56(%rdi), %rsp; xorl %eax, %eax; syscall\n1: cmpl $0, 40(%rbx); je 1b\n\t"
          "movl $1, %eax; movl $9, %edi; syscall");

/* Exits with the low half of the quadword at the address that lies at 56 of the data page, read again after
 * each call; a call before each look. */
USER_CODE(user_reads, "movq %rdi, %rbx\n1: xorl %edi, %edi; xorl %esi, %esi; call *(%rbx)\n\t"
                      "movq 56(%rbx), %rax; movq (%rax), %rax; movq %rax, 64(%rbx); jmp 1b");
/* Writes its argument's word at 64 to the address at 56, then exits. */
USER_CODE(user_writes, "movq %rdi, %rbx; movq 56(%rbx), %rax; movq 64(%rbx), %rcx; movq %rcx, (%rax)\n\t"
                       "xorl %edi, %edi; call *8(%rbx)");
/* By RETF and IRET to the kernel's code segment. */
USER_CODE(user_far_return, "pushq $8; pushq %rdi; lretq");
USER_CODE(user_interrupt_return, "pushq $0x10; pushq %rsp; pushq $2; pushq $8; pushq %rdi; iretq");

/* Where the tables of descriptors lie, which UMIP hides. */
USER_CODE(user_stores_table, "movq %rdi, %rbx; sgdt 128(%rdi); xorl %edi, %edi; call *8(%rbx)");

#endif
