/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that assembler and C share: where things lie in the address space, stacks, selectors. kernel.ld
 * repeats the first one. */
#ifndef CAPOS_ARCH_LAYOUT_H
#define CAPOS_ARCH_LAYOUT_H

/* Kernel image: the top 2 GiB, so that every symbol is in reach of a signed 32-bit offset. */
#define LAYOUT_KERNEL_BASE 0xffffffff80000000
/* All memory, as the memory map has it, without the kernel image. */
#define LAYOUT_DIRECT_BASE 0xffff800000000000
/* Device registers, uncached: virtual = base + physical, page by page. */
#define LAYOUT_DEVICE_BASE 0xffffc00000000000
/* Physical addresses that the two windows have room for. */
#define LAYOUT_WINDOW_BYTES 0x400000000000
/* What the tables of the entry code map, at 0 and at LAYOUT_KERNEL_BASE. */
#define LAYOUT_BOOT_MAPPED 0x40000000

/* The one window of a program (user_space.h); all else of the lower half stays unmapped. */
#define LAYOUT_USER_BASE 0x1000000000
/* The first address that is no program's: the lower half ends here. */
#define LAYOUT_USER_END 0x800000000000

#define LAYOUT_PAGE 0x1000

/* Stacks lie one after the other, each above a page that is not mapped. */
#define LAYOUT_STACK_GUARD 0x1000
#define LAYOUT_STACK_BYTES 0x8000
#define LAYOUT_STACK_SLOT  0x9000
#define LAYOUT_STACKS      5 /* boot, then one for each entry of the interrupt stack table in use */

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TASK 0x18
/* SYSRET takes the two of ring 3 from behind this one (Intel SDM 2B, SYSRET), which itself stays empty. */
#define SELECTOR_USER_BASE 0x2b
#define SELECTOR_USER_DATA 0x33
#define SELECTOR_USER_CODE 0x3b

/* Offsets in struct cpu, for assembler. */
#define CPU_KERNEL_STACK 8
#define CPU_USER_STACK   16
#define CPU_TASK_STACK   32

/* Offsets in struct trap_frame. */
#define FRAME_R15    0x00
#define FRAME_R14    0x08
#define FRAME_R13    0x10
#define FRAME_R12    0x18
#define FRAME_RBP    0x40
#define FRAME_RDI    0x48
#define FRAME_RSI    0x50
#define FRAME_RBX    0x68
#define FRAME_RAX    0x70
#define FRAME_VECTOR 0x78
#define FRAME_RIP    0x88
#define FRAME_CS     0x90
#define FRAME_RFLAGS 0x98
#define FRAME_RSP    0xa0

#define MSR_GS_BASE 0xc0000101

/* What user_run is asked for, and why it came back. */
#define USER_RUN_RETURN   1 /* from its system call */
#define USER_RUN_SEGMENTS 2 /* another program ran before: nothing of its segment registers is kept */
#define USER_CALLED       0
#define USER_TRAPPED      1

/* The two system calls, in RAX. */
#define USER_CALL_ENTER 0
#define USER_CALL_EXIT  1

#define TRAP_STUB_BYTES 16
#define TRAP_VECTORS    256

#endif
