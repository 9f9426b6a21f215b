/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine in words: what a first run on an unknown one must tell, as lines `machine: ...`
 * (docs/machine.md). Pure: what is told was read before. */
#ifndef CAPOS_PLATFORM_PC_DESCRIBE_H
#define CAPOS_PLATFORM_PC_DESCRIBE_H

#include <stddef.h>

#include "kernel/arch/x86_64/memory_map.h"
#include "platform/pc/acpi.h"
#include "platform/pc/acpi_survey.h"

/* Ranges of the memory map that are told one by one; the rest is counted alone. */
#define DESCRIBE_RANGES_MAX 32u

/* Registers of one CPUID leaf: EAX, EBX, ECX, EDX. */
struct describe_leaf {
    uint32_t eax, ebx, ecx, edx;
};

struct description {
    const struct acpi_survey *acpi;
    const struct acpi_power *power;
    enum acpi_error power_error;
    const struct memory_map *map;
    struct describe_leaf vendor; /* leaf 0 */
    struct describe_leaf features; /* leaf 1 */
    struct describe_leaf hypervisor; /* leaf 0x40000000; all 0 without the hypervisor bit of leaf 1 */
    struct describe_leaf hypervisor_features; /* leaf 0x40000001; all 0 where there is none */
    uint64_t tsc_khz; /* 0: not calibrated */
};

/* Leaf 1 says that the CPU is a hypervisor's (ECX bit 31): only then the leaves from 0x40000000 mean
 * anything. */
bool describe_has_hypervisor(struct describe_leaf features);
/* Calls `write` once for each line, its newline included; the text is dead when `write` returns. */
void describe(const struct description *d, void (*write)(void *ctx, const char *text, size_t bytes),
              void *ctx);

#endif
