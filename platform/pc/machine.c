/* SPDX-License-Identifier: BSD-2-Clause */
/* The rest of the machine: message-signalled interrupts, the passing of a turn, names. */
#include "abi/assert.h"
#include "kernel/arch/x86_64/traps.h"
#include "platform/pc/platform_pc.h"

_Static_assert(PC_ROUTES_MAX <= TRAP_DEVICE_COUNT, "every route has a vector of its own");

static uint8_t vector_of(uint16_t route)
{
    return (uint8_t)(TRAP_DEVICE_FIRST + route % PC_ROUTES_MAX);
}

struct platform_msi platform_msi_message(struct platform *p, uint16_t route)
{
    return (struct platform_msi){apic_message_address(&p->cpu->apic), apic_message_data(vector_of(route))};
}

/* The handler counts while interrupts are open, which they never are in the code that asks: a plain read is
 * whole. */
uint32_t platform_msi_count(struct platform *p, uint16_t route)
{
    return __atomic_load_n(&p->cpu->trap_count[vector_of(route)], __ATOMIC_RELAXED);
}

void platform_msi_raise(struct platform *p, uint16_t route)
{
    apic_send_self(&p->cpu->apic, vector_of(route));
}

uint32_t platform_interrupts(struct platform *p)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < TRAP_DEVICE_COUNT; i++)
        taken += p->cpu->trap_count[TRAP_DEVICE_FIRST + i];
    return taken;
}

/* Interrupts are open here for an instruction, and while a program runs: what `interrupts=N` counts was free
 * to arrive at every turn. */
void platform_relax(struct platform *p)
{
    (void)p;
    cpu_take_interrupts();
    cpu_pause();
}

const char *platform_name(const struct platform *p)
{
    (void)p;
    return "pc";
}
