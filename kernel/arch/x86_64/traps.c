/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/traps.h"

#include "abi/assert.h"
#include "kernel/arch/x86_64/user.h"

/* Present, interrupts off at entry; only the CPU and ring 0 may use it: any INT of a program is #GP, INT3 and
 * INTO with it (Intel SDM 3A, 6.12.1.2). Firing of its own clears TF and NT (6.12.1.3). */
#define GATE_INTERRUPT 0x8e00u

#define PIC_MASTER 0x20u
#define PIC_SLAVE  0xa0u
#define PIC_START  0x11u /* edge, cascade, four words */
#define PIC_8086   0x01u

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t stack_and_type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "Intel SDM 3A, figure 6-8");
_Static_assert(sizeof(struct trap_frame) == 22 * 8, "traps.S keeps the stack aligned by this");

extern const uint8_t trap_stubs[];
static struct gate gates[TRAP_VECTORS];

static uint16_t stack_of(uint32_t vector)
{
    if (vector == TRAP_DOUBLE_FAULT)
        return STACK_DOUBLE_FAULT;
    if (vector == TRAP_NMI)
        return STACK_NMI;
    if (vector == TRAP_MACHINE_CHECK)
        return STACK_MACHINE_CHECK;
    return vector < TRAP_EXCEPTIONS ? STACK_FAULT : 0; /* interrupts run on the stack that they meet */
}

/* Firmware leaves line 0 on vector 8, a double fault: moved away, then masked for good. */
static void silence_pics(void)
{
    port_out8(PIC_MASTER, PIC_START);
    port_out8(PIC_SLAVE, PIC_START);
    port_out8(PIC_MASTER + 1u, TRAP_PIC_FIRST);
    port_out8(PIC_SLAVE + 1u, TRAP_PIC_FIRST + 8u);
    port_out8(PIC_MASTER + 1u, 1u << 2); /* the slave is on line 2 */
    port_out8(PIC_SLAVE + 1u, 2);
    port_out8(PIC_MASTER + 1u, PIC_8086);
    port_out8(PIC_SLAVE + 1u, PIC_8086);
    port_out8(PIC_MASTER + 1u, 0xff);
    port_out8(PIC_SLAVE + 1u, 0xff);
}

void traps_init(void)
{
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof gates - 1u, (uint64_t)(uintptr_t)gates};
    for (uint32_t vector = 0; vector < TRAP_VECTORS; vector++) {
        const uint64_t stub = (uint64_t)(uintptr_t)trap_stubs + vector * (uint64_t)TRAP_STUB_BYTES;
        gates[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = SELECTOR_CODE,
            .stack_and_type = (uint16_t)(GATE_INTERRUPT | stack_of(vector)),
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
    silence_pics();
}

static bool from_program(const struct trap_frame *frame)
{
    return (frame->cs & 3u) != 0;
}

/* A program makes all others; these say that the machine, or a kernel stack, is gone: nothing goes on. */
static bool is_of_program(const struct trap_frame *frame)
{
    return from_program(frame) && frame->vector != TRAP_NMI && frame->vector != TRAP_DOUBLE_FAULT &&
           frame->vector != TRAP_MACHINE_CHECK;
}

/* The frame lies on a stack that the next trap reuses: it is copied before anything else can happen, and the
 * stack left as it is. Nothing is in service any more, so no IRETQ is owed. */
static _Noreturn void stop_program(struct cpu *cpu, const struct trap_frame *frame)
{
    ASSERT(cpu->user != NULL);
    if (frame->vector == TRAP_PAGE_FAULT)
        cpu->user_address = cr2_read();
    *cpu->user = *frame;
    user_leave();
}

void trap_handle(struct trap_frame *frame)
{
    struct cpu *cpu = this_cpu();
    ASSERT(frame->vector < TRAP_VECTORS);
    cpu->trap_count[frame->vector]++;
    if (frame->vector < TRAP_EXCEPTIONS && !is_of_program(frame))
        panic_trap(frame);
    /* A spurious one is not in service, and neither is what a PIC sends: no end for those (Intel SDM
     * 3A, 11.9). */
    if (frame->vector >= TRAP_PIC_FIRST + 16u && frame->vector != APIC_VECTOR_SPURIOUS)
        apic_end(&cpu->apic);
    if (from_program(frame))
        stop_program(cpu, frame);
}
