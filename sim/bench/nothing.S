/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel that does nothing but say so: the floor under "QEMU start to the first line". PVH entry (Xen's boot ABI, note
 * type 18): 32-bit, paging off. One byte to the first serial port, then ACPI-less rest. */
    .section .note, "a"
    .align 4
    .long 4, 4, 18
    .asciz "Xen"
    .long nothing

    .section .note.GNU-stack, "", @progbits

    .text
    .code32
    .globl nothing
nothing:
    mov $0x3f8, %dx
    mov $'!', %al
    outb %al, %dx
1:  cli
    hlt
    jmp 1b
