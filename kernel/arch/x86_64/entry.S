/* SPDX-License-Identifier: BSD-2-Clause */
/* From the loader to C. Entered by the PVH protocol (Xen, hvm start info) or by multiboot2 (Multiboot2 2.0, 3.3): both leave
 * 32-bit protected mode, flat segments, paging off, interrupts off, EBX the physical address of what the loader says; EAX is
 * the loader's mark with multiboot2, and says nothing with PVH. Sets up tables that map the first GiB twice, long mode,
 * the boot stack; clears .bss; never returns. Trusts the loader to have placed the image, and nothing else. */
#include "kernel/arch/x86_64/layout.h"

#define PHYSICAL(symbol) (symbol - LAYOUT_KERNEL_BASE)

#define CPUID_EXTENDED_EDX_NX   20
#define CPUID_EXTENDED_EDX_LONG 29
#define MSR_EFER                0xc0000080
#define EFER_LONG_AND_NX        0x900
#define CR4_PAE                 0x20
#define CR0_CLEAR               0x6000000e /* CD NW TS EM MP */
#define CR0_SET                 0x80010021 /* PG WP NE PE */
#define PAGE_TABLE              0x3        /* present, writable: the leaves decide */
#define PAGE_LARGE              0x83
#define HEADER_MAGIC            0xe85250d6 /* Multiboot2 2.0, 3.1 */
#define HEADER_I386             0
#define HEADER_TAG_REQUEST      1
#define HEADER_TAG_ENTRY        3
#define HEADER_TAG_ALIGN        6
#define TAG_MEMORY_MAP          6

    /* ELF note: where a PVH loader jumps to. Eight bytes, as loaders of 64-bit images read it. */
    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .quad pvh_start

    /* The multiboot2 header: the map is wanted, modules lie at pages, and the image is entered below. */
    .section .boot.multiboot2, "a", @progbits
    .balign 8
header_start:
    .long HEADER_MAGIC, HEADER_I386, header_end - header_start
    .long 0x100000000 - (HEADER_MAGIC + HEADER_I386 + (header_end - header_start))
    .word HEADER_TAG_REQUEST, 0
    .long 12, TAG_MEMORY_MAP
    .balign 8
    .word HEADER_TAG_ENTRY, 0
    .long 12, multiboot2_start
    .balign 8
    .word HEADER_TAG_ALIGN, 0
    .long 8
    .word 0, 0
    .long 8
header_end:

    .section .boot.text, "ax", @progbits
    .code32
    .globl pvh_start, multiboot2_start
multiboot2_start:
    movl %eax, %esi
    jmp common_start
pvh_start:
    xorl %esi, %esi
common_start: /* ESI: the loader's mark, or 0 */
    cli
    cld
    movl %ebx, %ebp

    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb unsupported
    movl $0x80000001, %eax
    cpuid
    btl $CPUID_EXTENDED_EDX_LONG, %edx
    jnc unsupported
    btl $CPUID_EXTENDED_EDX_NX, %edx
    jnc unsupported

    /* Three tables: root, one of the GiBs (for low and high alike), one of 2 MiB pages. */
    movl $PHYSICAL(boot_tables), %edi
    xorl %eax, %eax
    movl $(2 * LAYOUT_PAGE / 4), %ecx
    rep stosl
    movl $PHYSICAL(boot_tables), %edi
    leal (LAYOUT_PAGE + PAGE_TABLE)(%edi), %eax
    movl %eax, (%edi)
    movl %eax, (511 * 8)(%edi)
    leal (2 * LAYOUT_PAGE + PAGE_TABLE)(%edi), %eax
    movl %eax, LAYOUT_PAGE(%edi)
    movl %eax, (LAYOUT_PAGE + 510 * 8)(%edi)
    addl $(2 * LAYOUT_PAGE), %edi
    movl $PAGE_LARGE, %eax
    movl $512, %ecx
fill:
    movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $8, %edi
    addl $0x200000, %eax
    loop fill

    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PHYSICAL(boot_tables), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LONG_AND_NX, %eax
    wrmsr
    movl %cr0, %eax
    andl $~CR0_CLEAR, %eax
    orl $CR0_SET, %eax
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $SELECTOR_CODE, $long_start

/* Says so on the first serial port, as firmware left it, and stops. */
unsupported:
    movl $unsupported_text, %esi
    movl $0x3f8, %edx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  hlt
    jmp 2b

    .code64
long_start:
    movabsq $high_start, %rax
    jmp *%rax

    .section .boot.rodata, "a", @progbits
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code, present, accessed */
    .quad 0x00cf93000000ffff /* data, present, writable, accessed */
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .long boot_gdt
unsupported_text:
    .asciz "\r\ncapos: this CPU has no 64-bit mode or no NX\r\n"

    .text
    .code64
high_start:
    movl $SELECTOR_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    leaq stacks_start(%rip), %rsp
    addq $LAYOUT_STACK_SLOT, %rsp

    leaq bss_start(%rip), %rdi
    leaq bss_end(%rip), %rcx
    jmp 2f
1:  movq %rax, (%rdi)
    movq %rax, 8(%rdi)
    movq %rax, 16(%rdi)
    movq %rax, 24(%rdi)
    addq $32, %rdi
2:  cmpq %rcx, %rdi
    jb 1b

    movl %ebp, %edi
    movl %esi, %esi /* the upper half is 0 */
    xorl %ebp, %ebp /* the last frame of a backtrace */
    call arch_start
    ud2

    /* Used until the kernel has built its own. */
    .section .bss.noinit.boot_tables, "aw", @nobits
    .balign LAYOUT_PAGE
boot_tables:
    .skip 3 * LAYOUT_PAGE

    .section .note.GNU-stack, "", @progbits
