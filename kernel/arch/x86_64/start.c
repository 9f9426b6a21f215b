/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/start.h"

#include "abi/assert.h"
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

void arch_start(uint64_t start_info)
{
    const struct physical_reader early = {read_early, NULL};
    struct arch_boot boot = {.info = &boot_info, .space = &kernel_space, .cpu = &boot_cpu};
    cpu_init(&boot_cpu, 0, (uint64_t)(uintptr_t)stacks_start);
    traps_init();
    const enum pvh_error error = pvh_parse(&early, start_info, &boot_info);
    if (error == PVH_E_PACKAGE)
        boot.package_refusal = pvh_error_name(error);
    if (error != PVH_OK && error != PVH_E_PACKAGE)
        boot.refusal = pvh_error_name(error);
    else if (!space_enter(&kernel_space, &boot_info.map))
        boot.refusal = "the memory map needs more page tables than there are";
    machine_main(&boot);
}
