/* SPDX-License-Identifier: BSD-2-Clause */
/* The program of a machine that somebody else drives: it says that firmware is done, then does nothing for good.
 * PVH entry (Xen public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY): 32-bit protected mode, paging off. PARK_SEEN and
 * PARK_WORD are platform/qtest/machine.c's. */
        .section .note.Xen, "a", @note
        .balign 4
        .long   4, 8, 18                        /* name bytes, descriptor bytes, type */
        .asciz  "Xen"
        .quad   park

        .code32
        .text
        .globl  park
park:   cli
        movl    $0x6b726170, 0x00200000
1:      hlt
        jmp     1b

        .section .note.GNU-stack, "", @progbits
