/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/apic.h"

#include <stddef.h>

#include "abi/assert.h"

#define MSR_APIC_BASE 0x1bu
#define BASE_ENABLE   (1u << 11)
#define BASE_X2APIC   (1u << 10)
#define BASE_ADDRESS  0x000ffffffffff000ull
#define MSR_X2APIC    0x800u

#define REG_ID        0x020u
#define REG_VERSION   0x030u
#define REG_PRIORITY  0x080u
#define REG_END       0x0b0u
#define REG_SPURIOUS  0x0f0u
#define REG_ERROR     0x280u
#define REG_COMMAND   0x300u
#define REG_TIMER     0x320u
#define REG_THERMAL   0x330u
#define REG_COUNTERS  0x340u
#define REG_LINT0     0x350u
#define REG_LINT1     0x360u
#define REG_LVT_ERROR 0x370u
#define REG_INITIAL   0x380u
#define REG_CURRENT   0x390u
#define REG_DIVIDE    0x3e0u

#define SPURIOUS_ENABLE   (1u << 8)
#define LVT_MASKED        (1u << 16)
#define DIVIDE_BY_1       0x0bu
#define COMMAND_SELF      (1u << 18)
#define COMMAND_ASSERT    (1u << 14)
#define VERSION_LVT_SHIFT 16u
#define MESSAGE_ADDRESS   0xfee00000ull
#define MESSAGE_ID_SHIFT  12u
#define ID_MOST           255u

static uint32_t memory_read(const struct apic *a, uint32_t reg)
{
    return a->door->memory_read(a->door->ctx, a->base + reg);
}

static void memory_write(const struct apic *a, uint32_t reg, uint32_t value)
{
    a->door->memory_write(a->door->ctx, a->base + reg, value);
}

/* Intel SDM 3A, table 11-6: a register of the page is the model-specific register 0x800 + offset / 16. */
static uint32_t msr_read(const struct apic *a, uint32_t reg)
{
    return (uint32_t)a->door->msr_read(a->door->ctx, MSR_X2APIC + (reg >> 4));
}

static void msr_write(const struct apic *a, uint32_t reg, uint32_t value)
{
    a->door->msr_write(a->door->ctx, MSR_X2APIC + (reg >> 4), value);
}

static const struct apic_registers registers_memory = {"xapic", memory_read, memory_write};
static const struct apic_registers registers_msr = {"x2apic", msr_read, msr_write};

/* In x2APIC mode the id has 32 bits; in memory it is the top byte. */
static uint32_t read_id(const struct apic *a)
{
    const uint32_t value = a->registers->read(a, REG_ID);
    return a->registers == &registers_msr ? value : value >> 24;
}

static void mask_local_sources(const struct apic *a)
{
    /* The number of entries less one; an access to one that is not there faults in x2APIC mode. */
    const uint32_t last = a->registers->read(a, REG_VERSION) >> VERSION_LVT_SHIFT & 0xffu;
    a->registers->write(a, REG_TIMER, LVT_MASKED | APIC_VECTOR_TIMER);
    a->registers->write(a, REG_LINT0, LVT_MASKED | APIC_VECTOR_SPURIOUS);
    a->registers->write(a, REG_LINT1, LVT_MASKED | APIC_VECTOR_SPURIOUS);
    if (last >= 3)
        a->registers->write(a, REG_LVT_ERROR, LVT_MASKED | APIC_VECTOR_SPURIOUS);
    if (last >= 4)
        a->registers->write(a, REG_COUNTERS, LVT_MASKED | APIC_VECTOR_SPURIOUS);
    if (last >= 5)
        a->registers->write(a, REG_THERMAL, LVT_MASKED | APIC_VECTOR_SPURIOUS);
}

enum apic_error apic_init(struct apic *a, const struct apic_door *door)
{
    const uint64_t base = door->msr_read(door->ctx, MSR_APIC_BASE);
    ASSERT(a != NULL);
    *a = (struct apic){.door = door, .registers = &registers_memory, .base = base & BASE_ADDRESS};
    if ((base & BASE_ENABLE) != 0 && (base & BASE_X2APIC) != 0)
        a->registers = &registers_msr;
    else if (a->base == 0)
        return APIC_E_BASE;
    else if ((base & BASE_ENABLE) == 0) /* from disabled only to xAPIC (Intel SDM 3A, figure 11-27) */
        door->msr_write(door->ctx, MSR_APIC_BASE, (base & ~(uint64_t)BASE_X2APIC) | BASE_ENABLE);
    a->registers->write(a, REG_SPURIOUS, SPURIOUS_ENABLE | APIC_VECTOR_SPURIOUS);
    if ((a->registers->read(a, REG_SPURIOUS) & 0x1ffu) != (SPURIOUS_ENABLE | APIC_VECTOR_SPURIOUS))
        return APIC_E_DEAD;
    mask_local_sources(a);
    a->registers->write(a, REG_PRIORITY, 0);
    a->registers->write(a, REG_ERROR, 0);
    a->id = read_id(a);
    return a->id > ID_MOST ? APIC_E_ID : APIC_OK;
}

void apic_end(const struct apic *a)
{
    a->registers->write(a, REG_END, 0);
}

void apic_send_self(const struct apic *a, uint8_t vector)
{
    ASSERT(vector >= 16);
    /* The shorthand needs no destination; in x2APIC mode the upper half is part of the same register. */
    if (a->registers == &registers_msr)
        a->door->msr_write(a->door->ctx, MSR_X2APIC + (REG_COMMAND >> 4),
                           COMMAND_SELF | COMMAND_ASSERT | vector);
    else
        a->registers->write(a, REG_COMMAND, COMMAND_SELF | COMMAND_ASSERT | vector);
}

void apic_timer_start(const struct apic *a, uint32_t ticks, bool raise)
{
    ASSERT(ticks > 0);
    /* One-shot is mode 0; the write of the initial count starts it, so it comes last. */
    a->registers->write(a, REG_TIMER, (raise ? 0 : LVT_MASKED) | APIC_VECTOR_TIMER);
    a->registers->write(a, REG_DIVIDE, DIVIDE_BY_1);
    a->registers->write(a, REG_INITIAL, ticks);
}

uint32_t apic_timer_left(const struct apic *a)
{
    return a->registers->read(a, REG_CURRENT);
}

uint64_t apic_message_address(const struct apic *a)
{
    ASSERT(a->id <= ID_MOST);
    return MESSAGE_ADDRESS | (uint64_t)a->id << MESSAGE_ID_SHIFT;
}

uint32_t apic_message_data(uint8_t vector)
{
    ASSERT(vector >= 16);
    return vector;
}
