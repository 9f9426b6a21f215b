/* SPDX-License-Identifier: BSD-2-Clause */
/* One CPU: its instructions that C has no words for, and its struct. Every CPU has one, found through GS;
 * nothing of it is shared. Sources: Intel SDM 2B (instructions), 3A 2.5 (control registers), 7.7 (task
 * state). */
#ifndef CAPOS_ARCH_CPU_H
#define CAPOS_ARCH_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/layout.h"

/* What was found and switched on. */
enum cpu_feature {
    CPU_SMEP = 1u << 0,
    CPU_SMAP = 1u << 1,
    CPU_UMIP = 1u << 2,
    CPU_RDRAND = 1u << 3,
    CPU_GLOBAL_PAGES = 1u << 4,
};

/* Entries of the interrupt stack table in use; stack n of the image belongs to entry n, stack 0 is the boot
 * stack. */
enum cpu_stack { STACK_BOOT = 0, STACK_DOUBLE_FAULT, STACK_NMI, STACK_MACHINE_CHECK, STACK_FAULT };
_Static_assert(STACK_FAULT + 1 == LAYOUT_STACKS, "each stack has its room in the image");

struct __attribute__((packed)) cpu_task_state {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
};
_Static_assert(sizeof(struct cpu_task_state) == 104, "Intel SDM 3A, figure 7-11");

/* Where words about a failure go, and how the machine is switched off: set once there is a console. */
struct panic_door {
    void *ctx;
    void (*write)(void *ctx, const char *text, size_t bytes);
    void (*power_off)(void *ctx); /* may return when the machine does not obey */
};

struct trap_frame;
struct cpu {
    struct cpu *self; /* first: read through GS */
    uint64_t kernel_stack; /* while a program runs: where its way back into the kernel begins */
    uint64_t user_stack; /* the program's, while user.S has no register free for it */
    uint32_t number;
    struct cpu_task_state task;
    struct trap_frame *user; /* of the program that runs: kept here when it stops; NULL: none runs */
    uint64_t user_address; /* CR2 of the exception that stopped it */
    uint32_t features; /* enum cpu_feature */
    uint32_t panics;
    struct panic_door panic;
    struct apic apic;
    uint64_t gdt[8];
    uint32_t trap_count[TRAP_VECTORS]; /* free-running: every vector that was taken */
};

_Static_assert(offsetof(struct cpu, kernel_stack) == CPU_KERNEL_STACK, "assembler reads it");
_Static_assert(offsetof(struct cpu, user_stack) == CPU_USER_STACK, "assembler reads it");
_Static_assert(offsetof(struct cpu, task.rsp[0]) == CPU_TASK_STACK, "assembler reads it");

/* Fills the struct, loads tables and control registers, makes it the struct that this_cpu() returns. `stacks`
 * are LAYOUT_STACKS slots. */
void cpu_init(struct cpu *cpu, uint32_t number, uint64_t stacks);
/* Physical address bits, 36 to 52. */
uint32_t cpu_physical_bits(void);

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t cr0_read(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr0, %0" : "=r"(value));
    return value;
}

static inline void cr0_write(uint64_t value)
{
    __asm__ volatile("movq %0, %%cr0" : : "r"(value) : "memory");
}

static inline uint64_t cr4_read(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr4, %0" : "=r"(value));
    return value;
}

static inline void cr4_write(uint64_t value)
{
    __asm__ volatile("movq %0, %%cr4" : : "r"(value) : "memory");
}

static inline uint64_t cr2_read(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr2, %0" : "=r"(value));
    return value;
}

static inline uint64_t cr3_read(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr3, %0" : "=r"(value));
    return value;
}

static inline void cr3_write(uint64_t value)
{
    __asm__ volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

static inline void page_forget(uint64_t virtual)
{
    __asm__ volatile("invlpg (%0)" : : "r"(virtual) : "memory");
}

static inline uint64_t cpu_cycles(void)
{
    uint32_t low, high;
    /* lfence: the counter is read after what stands before it (Intel SDM 2B, RDTSC). */
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Interrupts are open for one instruction: what is pending is taken here and nowhere else. */
static inline void cpu_take_interrupts(void)
{
    __asm__ volatile("sti; nop; cli" : : : "memory");
}

static inline void cpu_interrupts_off(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

/* Interrupts off, for ever: only an NMI or a reset ends it. */
static inline void cpu_halt(void)
{
    __asm__ volatile("cli; hlt" : : : "memory");
}

static inline uint8_t port_in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t port_in16(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t port_in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline void port_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void port_out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void port_out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

#endif
