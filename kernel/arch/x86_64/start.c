/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/start.h"

#include "abi/assert.h"
#include "kernel/arch/x86_64/multiboot2.h"
#include "kernel/arch/x86_64/pvh.h"
#include "kernel/arch/x86_64/traps.h"

extern uint8_t stacks_start[];

/* The roots of this image; everything else is reached through them. */
static struct cpu boot_cpu;
static struct space kernel_space;
static struct boot_info boot_info __attribute__((section(".bss.noinit.boot_info")));

/* Before the kernel's own space: the entry code maps the first GiB. */
static const uint8_t *read_early(void *ctx, uint64_t physical, uint64_t bytes)
{
    (void)ctx;
    if (physical == 0 || physical >= LAYOUT_BOOT_MAPPED || bytes > LAYOUT_BOOT_MAPPED - physical)
        return NULL;
    return (const uint8_t *)(uintptr_t)(LAYOUT_KERNEL_BASE + physical);
}

/* What the loader says into boot_info; refusals into `boot`. */
static void read_pvh(const struct physical_reader *early, uint64_t said, struct arch_boot *boot)
{
    const enum pvh_error error = pvh_parse(early, said, boot->info);
    if (error == PVH_E_PACKAGE)
        boot->module_refusal = pvh_error_name(error);
    else if (error != PVH_OK)
        boot->refusal = pvh_error_name(error);
}

static void read_multiboot2(const struct physical_reader *early, uint64_t said, struct arch_boot *boot)
{
    const enum multiboot2_error error = multiboot2_parse(early, said, boot->info);
    if (error == MULTIBOOT2_E_MODULES || error == MULTIBOOT2_E_RUN_BLOCK || error == MULTIBOOT2_E_PACKAGE)
        boot->module_refusal = multiboot2_error_name(error);
    else if (error != MULTIBOOT2_OK)
        boot->refusal = multiboot2_error_name(error);
}

void arch_start(uint64_t said, uint64_t mark)
{
    const struct physical_reader early = {read_early, NULL};
    struct arch_boot boot = {.info = &boot_info, .space = &kernel_space, .cpu = &boot_cpu};
    cpu_init(&boot_cpu, 0, (uint64_t)(uintptr_t)stacks_start);
    traps_init();
    if (mark == MULTIBOOT2_MARK)
        read_multiboot2(&early, said, &boot);
    else
        read_pvh(&early, said, &boot);
    if (!boot.refusal && !space_enter(&kernel_space, &boot_info.map))
        boot.refusal = "the memory map needs more page tables than there are";
    machine_main(&boot);
}
