/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot package of world `full`, made of this build's program files. */
    .section .rodata
    .balign 4096
    .globl full_package_file
full_package_file:
    .incbin "full.pkg"
    .globl full_package_file_end
full_package_file_end:
    .section .note.GNU-stack, "", @progbits
