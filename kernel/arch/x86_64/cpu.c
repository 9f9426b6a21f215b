/* SPDX-License-Identifier: BSD-2-Clause */
/* Brings one CPU into the state that the kernel runs in: its own segments and task state, GS at its struct,
 * every protection that it has. Trusts CPUID. */
#include "kernel/arch/x86_64/cpu.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define LEAF_FEATURES       1u
#define LEAF_STRUCTURED     7u
#define LEAF_EXTENDED_MAX   0x80000000u
#define LEAF_ADDRESS        0x80000008u
#define FEATURES_ECX_RDRAND (1u << 30)
#define FEATURES_EDX_PGE    (1u << 13)
#define STRUCTURED_EBX_SMEP (1u << 7)
#define STRUCTURED_EBX_SMAP (1u << 20)
#define STRUCTURED_ECX_UMIP (1u << 2)

#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)

#define CR4_TSD  (1u << 2)
#define CR4_PAE  (1u << 5)
#define CR4_PGE  (1u << 7)
#define CR4_UMIP (1u << 11)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)

#define SEGMENT_CODE        0x00af9b000000ffffull /* 64-bit, present, ring 0 */
#define SEGMENT_DATA        0x00cf93000000ffffull
#define SEGMENT_USER_CODE   0x00affb000000ffffull /* the same for ring 3 */
#define SEGMENT_USER_DATA   0x00cff3000000ffffull
#define SEGMENT_TASK        0x0000890000000000ull /* available 64-bit task state, present */
#define MSR_SYSENTER_CS     0x174u
#define MSR_EFER            0xc0000080u
#define MSR_STAR            0xc0000081u
#define MSR_LSTAR           0xc0000082u
#define MSR_SFMASK          0xc0000084u
#define MSR_KERNEL_GS_BASE  0xc0000102u
#define EFER_SYSCALL        (1u << 0)
#define FLAGS_OF_PROGRAMS   0x257fd5u /* CF PF AF ZF SF TF IF DF OF IOPL NT RF AC ID */
#define DEBUG_OFF           0x400ull
#define PHYSICAL_BITS_LEAST 36u
#define PHYSICAL_BITS_MOST  52u

extern const uint8_t user_syscall[]; /* of user.S */

static uint32_t find_features(void)
{
    uint32_t features = 0;
    const struct cpuid basic = cpuid(LEAF_FEATURES, 0);
    if (basic.ecx & FEATURES_ECX_RDRAND)
        features |= CPU_RDRAND;
    if (basic.edx & FEATURES_EDX_PGE)
        features |= CPU_GLOBAL_PAGES;
    if (cpuid(0, 0).eax < LEAF_STRUCTURED)
        return features;
    const struct cpuid structured = cpuid(LEAF_STRUCTURED, 0);
    if (structured.ebx & STRUCTURED_EBX_SMEP)
        features |= CPU_SMEP;
    if (structured.ebx & STRUCTURED_EBX_SMAP)
        features |= CPU_SMAP;
    if (structured.ecx & STRUCTURED_ECX_UMIP)
        features |= CPU_UMIP;
    return features;
}

/* CR4 is written whole: what stands for nothing here is off. For programs that means: no SSE (OSFXSR) and no
 * AVX (OSXSAVE): #UD; no RDFSBASE and its kin (FSGSBASE): #UD, so that a program cannot choose a GS base; no
 * RDPMC (PCE): #GP; and with TSD no RDTSC: #GP. Nothing of these holds in ring 0 but EM: the kernel has no
 * floating point either (Intel SDM 3A, 2.5). */
static void protect(uint32_t features)
{
    uint64_t cr4 = CR4_PAE | CR4_TSD;
    if (features & CPU_GLOBAL_PAGES)
        cr4 |= CR4_PGE;
    if (features & CPU_UMIP)
        cr4 |= CR4_UMIP;
    if (features & CPU_SMEP)
        cr4 |= CR4_SMEP;
    if (features & CPU_SMAP)
        cr4 |= CR4_SMAP;
    cr4_write(cr4);
    /* x87 and MMX fault with EM: #NM or #UD (Intel SDM 3A, 2.5). No state of theirs is kept, so none leaks
     * from one program to another. */
    cr0_write(cr0_read() | CR0_MP | CR0_EM | CR0_TS);
}

/* Ring 3 enters by SYSCALL alone. SFMASK clears in ring 0 every flag that a program can set (Intel SDM 3A,
 * 5.8.8): IF, so that nothing interrupts before the stack is ours; TF, so that no step traps in the kernel;
 * DF, as the compiler expects; AC, which would lift SMAP; NT, with which IRETQ faults. SYSENTER has no
 * segment: it faults (2B, SYSENTER). No code segment of 32 bits exists, so nothing enters from one. */
static void open_gate(void)
{
    const uint64_t star = (uint64_t)SELECTOR_USER_BASE << 48 | (uint64_t)SELECTOR_CODE << 32;
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SYSCALL);
    msr_write(MSR_STAR, star);
    msr_write(MSR_LSTAR, (uint64_t)(uintptr_t)user_syscall);
    msr_write(MSR_SFMASK, FLAGS_OF_PROGRAMS);
    msr_write(MSR_SYSENTER_CS, 0);
    msr_write(MSR_KERNEL_GS_BASE, 0); /* the program's, by SWAPGS */
    /* No breakpoint of firmware's: with one, MOV SS and SYSCALL let #DB strike behind the kernel's door
     * (Intel SDM 3A, 6.8.3). And no local descriptor table: a program loads what the global one has for
     * ring 3. */
    __asm__ volatile("movq %0, %%dr7" : : "r"(DEBUG_OFF) : "memory");
    __asm__ volatile("lldt %w0" : : "r"(0) : "memory");
}

static void load_segments(struct cpu *cpu)
{
    const uint64_t task = (uint64_t)(uintptr_t)&cpu->task;
    const uint64_t limit = sizeof cpu->task - 1u;
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof cpu->gdt - 1u, (uint64_t)(uintptr_t)cpu->gdt};
    const uint16_t selector = SELECTOR_TASK;

    cpu->gdt[0] = 0;
    cpu->gdt[1] = SEGMENT_CODE;
    cpu->gdt[2] = SEGMENT_DATA;
    /* Intel SDM 3A, figure 7-4: a descriptor of two entries, the base in four pieces. */
    cpu->gdt[3] = SEGMENT_TASK | limit | (task & 0xffffffu) << 16 | (task >> 24 & 0xffu) << 56;
    cpu->gdt[4] = task >> 32;
    cpu->gdt[5] = 0;
    cpu->gdt[SELECTOR_USER_DATA / 8] = SEGMENT_USER_DATA;
    cpu->gdt[SELECTOR_USER_CODE / 8] = SEGMENT_USER_CODE;
    __asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
    /* The hidden parts of the segments stem from the entry code's table: read them again from ours. */
    __asm__ volatile("pushq %0\n\tleaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tlretq\n1:"
                     :
                     : "i"(SELECTOR_CODE)
                     : "rax", "memory");
    __asm__ volatile("movl %0, %%ds\n\tmovl %0, %%es\n\tmovl %0, %%ss" : : "r"(SELECTOR_DATA) : "memory");
    __asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

void cpu_init(struct cpu *cpu, uint32_t number, uint64_t stacks)
{
    ASSERT(stacks % LAYOUT_PAGE == 0);
    memset(cpu, 0, sizeof *cpu);
    cpu->self = cpu;
    cpu->number = number;
    cpu->features = find_features();
    for (uint32_t n = 1; n < LAYOUT_STACKS; n++)
        cpu->task.ist[n - 1u] = stacks + (n + 1u) * LAYOUT_STACK_SLOT;
    cpu->task.io_map = sizeof cpu->task; /* beyond the limit: no port is open to ring 3 */
    load_segments(cpu);
    msr_write(MSR_GS_BASE, (uint64_t)(uintptr_t)cpu);
    protect(cpu->features);
    open_gate();
    ASSERT(this_cpu() == cpu);
}

uint32_t cpu_physical_bits(void)
{
    if (cpuid(LEAF_EXTENDED_MAX, 0).eax < LEAF_ADDRESS)
        return PHYSICAL_BITS_LEAST;
    const uint32_t bits = cpuid(LEAF_ADDRESS, 0).eax & 0xffu;
    if (bits < PHYSICAL_BITS_LEAST)
        return PHYSICAL_BITS_LEAST;
    return bits > PHYSICAL_BITS_MOST ? PHYSICAL_BITS_MOST : bits;
}
