/* SPDX-License-Identifier: BSD-2-Clause */
/* The local interrupt controller's register functions against a scripted door, in both modes. No machine of
 * the boot tests has x2APIC on: this is all that is shown of it. */
#include <criterion/criterion.h>
#include <string.h>

#include "kernel/arch/x86_64/apic.h"

#define BASE_MSR 0x1bu
#define ENABLE   (1u << 11)
#define X2APIC   (1u << 10)
#define PAGE     0xfee00000ull
#define ACCESSES 64u

enum kind { MSR_READ, MSR_WRITE, MEMORY_READ, MEMORY_WRITE };

struct access {
    enum kind kind;
    uint64_t where, value;
};

struct door {
    uint64_t base;
    uint64_t msr[0x40]; /* 0x800 and on */
    uint32_t memory[0x40]; /* a register every 16 bytes */
    bool deaf; /* writes are lost */
    struct access log[ACCESSES];
    uint32_t count;
};

static void note(struct door *d, enum kind kind, uint64_t where, uint64_t value)
{
    cr_assert_lt(d->count, ACCESSES);
    d->log[d->count++] = (struct access){kind, where, value};
}

static uint64_t msr_read(void *ctx, uint32_t msr)
{
    struct door *d = ctx;
    uint64_t value = msr == BASE_MSR ? d->base : d->msr[msr - 0x800];
    cr_assert(msr == BASE_MSR || (msr >= 0x800 && msr < 0x840));
    note(d, MSR_READ, msr, value);
    return value;
}

static void msr_write(void *ctx, uint32_t msr, uint64_t value)
{
    struct door *d = ctx;
    cr_assert(msr == BASE_MSR || (msr >= 0x800 && msr < 0x840));
    note(d, MSR_WRITE, msr, value);
    if (msr == BASE_MSR)
        d->base = value;
    else if (!d->deaf)
        d->msr[msr - 0x800] = value;
}

static uint32_t memory_read(void *ctx, uint64_t physical)
{
    struct door *d = ctx;
    cr_assert(physical >= PAGE && physical < PAGE + 0x400 && physical % 16 == 0);
    note(d, MEMORY_READ, physical, d->memory[(physical - PAGE) / 16]);
    return d->memory[(physical - PAGE) / 16];
}

static void memory_write(void *ctx, uint64_t physical, uint32_t value)
{
    struct door *d = ctx;
    cr_assert(physical >= PAGE && physical < PAGE + 0x400 && physical % 16 == 0);
    note(d, MEMORY_WRITE, physical, value);
    if (!d->deaf)
        d->memory[(physical - PAGE) / 16] = value;
}

static struct apic_door through(struct door *d)
{
    return (struct apic_door){d, msr_read, msr_write, memory_read, memory_write};
}

static uint32_t count(const struct door *d, enum kind kind, uint64_t where)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->count; i++)
        n += d->log[i].kind == kind && d->log[i].where == where;
    return n;
}

static uint32_t count_kind(const struct door *d, enum kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->count; i++)
        n += d->log[i].kind == kind;
    return n;
}

Test(apic, xapic_is_set_up_through_memory_alone)
{
    struct door d = {.base = PAGE | ENABLE};
    struct apic a;
    const struct apic_door door = through(&d);
    d.memory[2] = 7u << 24; /* id */
    d.memory[3] = 5u << 16; /* six local entries */
    d.memory[8] = 0x20; /* a priority that firmware left */
    cr_assert_eq(apic_init(&a, &door), APIC_OK);
    cr_assert_str_eq(a.registers->name, "xapic");
    cr_assert_eq(a.id, 7);
    cr_assert_eq(d.memory[0x0f], 0x1ff);
    cr_assert_eq(d.memory[8], 0);
    for (uint32_t reg = 0x32; reg <= 0x37; reg++)
        cr_assert_neq(d.memory[reg] & (1u << 16), 0, "local source %x is open", reg);
    cr_assert_eq(count_kind(&d, MSR_WRITE), 0);
    cr_assert_eq(apic_message_address(&a), 0xfee07000u);
    cr_assert_eq(apic_message_data(0x41), 0x41);
    apic_end(&a);
    cr_assert_eq(count(&d, MEMORY_WRITE, PAGE + 0xb0), 1);
    apic_send_self(&a, 0x40);
    cr_assert_eq(d.memory[0x30], (1u << 18) | (1u << 14) | 0x40);
}

Test(apic, x2apic_left_on_is_used_through_registers_and_memory_is_not_touched)
{
    struct door d = {.base = PAGE | ENABLE | X2APIC};
    struct apic a;
    const struct apic_door door = through(&d);
    d.msr[0x02] = 9; /* the whole register is the id */
    d.msr[0x03] = 5u << 16;
    cr_assert_eq(apic_init(&a, &door), APIC_OK);
    cr_assert_str_eq(a.registers->name, "x2apic");
    cr_assert_eq(a.id, 9);
    cr_assert_eq(d.msr[0x0f], 0x1ff);
    for (uint32_t reg = 0x32; reg <= 0x37; reg++)
        cr_assert_neq(d.msr[reg] & (1u << 16), 0);
    apic_end(&a);
    cr_assert_eq(count(&d, MSR_WRITE, 0x80b), 1);
    apic_send_self(&a, 0x55);
    cr_assert_eq(d.msr[0x30], (1u << 18) | (1u << 14) | 0x55);
    cr_assert_eq(count_kind(&d, MEMORY_READ) + count_kind(&d, MEMORY_WRITE), 0);
    cr_assert_eq(count(&d, MSR_WRITE, BASE_MSR), 0);
}

Test(apic, x2apic_is_never_switched_on)
{
    struct door d = {.base = PAGE}; /* disabled altogether */
    struct apic a;
    const struct apic_door door = through(&d);
    cr_assert_eq(apic_init(&a, &door), APIC_OK);
    cr_assert_eq(d.base, PAGE | ENABLE);
    cr_assert_str_eq(a.registers->name, "xapic");
}

Test(apic, an_id_that_no_message_can_name_is_refused)
{
    struct door d = {.base = PAGE | ENABLE | X2APIC};
    struct apic a;
    const struct apic_door door = through(&d);
    d.msr[0x02] = 256;
    cr_assert_eq(apic_init(&a, &door), APIC_E_ID);
}

Test(apic, a_controller_that_is_not_there_is_refused)
{
    struct door d = {.base = ENABLE};
    struct apic a;
    const struct apic_door door = through(&d);
    cr_assert_eq(apic_init(&a, &door), APIC_E_BASE);
    cr_assert_eq(count_kind(&d, MEMORY_WRITE), 0);
    d = (struct door){.base = PAGE | ENABLE, .deaf = true};
    cr_assert_eq(apic_init(&a, &door), APIC_E_DEAD);
    cr_assert_eq(count(&d, MEMORY_WRITE, PAGE + 0x350), 0, "nothing more is written to it");
}

Test(apic, local_entries_that_are_not_there_are_left_alone)
{
    struct door d = {.base = PAGE | ENABLE | X2APIC};
    struct apic a;
    const struct apic_door door = through(&d);
    d.msr[0x03] = 2u << 16; /* three entries: an access to another would fault */
    cr_assert_eq(apic_init(&a, &door), APIC_OK);
    cr_assert_eq(count(&d, MSR_WRITE, 0x837), 0);
    cr_assert_eq(count(&d, MSR_WRITE, 0x834), 0);
    cr_assert_eq(count(&d, MSR_WRITE, 0x833), 0);
}

/* In both modes: the entry open or masked, undivided, and the count last, as it starts the timer. */
Test(apic, the_timer_counts_once_and_raises_its_vector_when_asked)
{
    struct door d = {.base = PAGE | ENABLE};
    struct apic a;
    const struct apic_door door = through(&d);
    cr_assert_eq(apic_init(&a, &door), APIC_OK);
    apic_timer_start(&a, 12345, true);
    cr_assert_eq(d.memory[0x32], APIC_VECTOR_TIMER, "open, one-shot");
    cr_assert_eq(d.memory[0x3e], 0x0b);
    cr_assert_eq(d.log[d.count - 1].where, PAGE + 0x380);
    cr_assert_eq(d.log[d.count - 1].value, 12345);
    apic_timer_start(&a, UINT32_MAX, false);
    cr_assert_eq(d.memory[0x32], (1u << 16) | APIC_VECTOR_TIMER, "masked");
    d.memory[0x39] = 77;
    cr_assert_eq(apic_timer_left(&a), 77);

    d = (struct door){.base = PAGE | ENABLE | X2APIC};
    cr_assert_eq(apic_init(&a, &door), APIC_OK);
    apic_timer_start(&a, 5, true);
    cr_assert_eq(d.msr[0x32], APIC_VECTOR_TIMER);
    cr_assert_eq(d.msr[0x3e], 0x0b);
    cr_assert_eq(d.log[d.count - 1].where, 0x838);
    d.msr[0x39] = 4;
    cr_assert_eq(apic_timer_left(&a), 4);
    cr_assert_eq(count_kind(&d, MEMORY_WRITE) + count_kind(&d, MEMORY_READ), 0);
}
