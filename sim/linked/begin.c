/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a linked program begins, in place of rt_entry of its file: the host's own loader has relocated it, so
 * the runtime gets an empty dynamic section. Everything else of the runtime is as in the file. */
__asm__(".section .text.linked_begin,\"ax\",@progbits\n"
        ".globl linked_begin\n"
        ".type linked_begin, @function\n"
        "linked_begin:\n"
        "    xorl %ebp, %ebp\n"
        "    andq $-16, %rsp\n"
        "    xorl %esi, %esi\n"
        "    leaq linked_nothing(%rip), %rdx\n"
        "    call rt_begin\n"
        "    ud2\n"
        ".size linked_begin, . - linked_begin\n"
        ".section .rodata\n"
        ".balign 8\n"
        "linked_nothing:\n"
        "    .quad 0, 0\n"
        ".previous\n");
