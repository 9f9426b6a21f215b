/* SPDX-License-Identifier: BSD-2-Clause */
/* From the entry code to the machine: the order in which a CPU becomes usable. */
#ifndef CAPOS_ARCH_START_H
#define CAPOS_ARCH_START_H

#include "kernel/arch/x86_64/boot_info.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/space.h"

/* From entry.S: tables of the entry code, boot stack, .bss clear, interrupts off. `said` is physical: what
 * the loader has to say, in the form that goes with `mark`: MULTIBOOT2_MARK, or 0 for PVH. */
_Noreturn void arch_start(uint64_t said, uint64_t mark);

/* What the platform's main gets. `refusal`: constant text, why the loader's data is unusable, or NULL; then
 * the space is still that of the entry code, and nothing but saying so and switching off remains. */
struct arch_boot {
    struct boot_info *info;
    struct space *space;
    struct cpu *cpu;
    const char *refusal;
    const char *module_refusal; /* the same of the boot package or the run block alone; the rest is as it
                                   should be */
};

/* The machine's own main: platform/pc. */
_Noreturn void machine_main(const struct arch_boot *boot);

#endif
