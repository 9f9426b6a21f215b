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

#define LAYOUT_PAGE 0x1000

/* Stacks lie one after the other, each above a page that is not mapped. */
#define LAYOUT_STACK_GUARD 0x1000
#define LAYOUT_STACK_BYTES 0x8000
#define LAYOUT_STACK_SLOT  0x9000
#define LAYOUT_STACKS      5 /* boot, then one for each entry of the interrupt stack table in use */

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TASK 0x18

#define TRAP_STUB_BYTES 16
#define TRAP_VECTORS    256

#endif
