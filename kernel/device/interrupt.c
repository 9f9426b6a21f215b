/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt objects: one MSI-X entry, one route. Only this file writes entries. An entry is masked from the
 * moment it is programmed until its holder unmasks it; the enable bit is off unless some Interrupt of the
 * function is active. Source: PCI Local Bus Specification 3.0, 6.8.2. */
#include "kernel/device/device.h"

#define MSIX_ENTRY_BYTES   16u
#define MSIX_CONTROL       2u /* offset in the capability */
#define MSIX_ENABLE        0x8000u
#define ENTRY_ADDRESS_LOW  0u
#define ENTRY_ADDRESS_HIGH 4u
#define ENTRY_DATA         8u
#define ENTRY_CONTROL      12u
#define ENTRY_MASKED       1u

static uint16_t free_record(const struct kernel *k)
{
    for (uint16_t i = 0; i < INTERRUPTS_MAX; i++) {
        if (!k->devices.interrupts[i].used)
            return i;
    }
    return NO_RECORD;
}

/* Next free route in turn: a late delivery on the route just given up meets nobody new (I15). */
static uint16_t take_route(struct kernel *k)
{
    struct devices *d = &k->devices;

    for (uint16_t step = 0; step < ROUTES_MAX; step++) {
        const uint16_t route = (uint16_t)((d->next_route + step) % ROUTES_MAX);

        if ((d->routes_used >> route & 1u) != 0)
            continue;
        d->routes_used |= 1u << route;
        d->next_route = (uint16_t)((route + 1u) % ROUTES_MAX);
        return route;
    }
    return NO_RECORD;
}

static uint64_t entry_at(const struct function *f, uint16_t vector)
{
    ASSERT(vector < f->info.msix.vectors);
    return f->bar_address[f->info.msix.table_bar] + f->info.msix.table_offset +
           (uint64_t)vector * MSIX_ENTRY_BYTES;
}

static void write_entry(struct kernel *k, uint64_t at, struct platform_msi message)
{
    /* Masked first: the device never sees half of a message. */
    platform_mmio_write(k->platform, at + ENTRY_CONTROL, 4, ENTRY_MASKED);
    platform_mmio_write(k->platform, at + ENTRY_ADDRESS_LOW, 4, (uint32_t)message.address);
    platform_mmio_write(k->platform, at + ENTRY_ADDRESS_HIGH, 4, (uint32_t)(message.address >> 32));
    platform_mmio_write(k->platform, at + ENTRY_DATA, 4, message.data);
}

static bool entry_reads(struct kernel *k, uint64_t at, struct platform_msi message)
{
    return platform_mmio_read(k->platform, at + ENTRY_ADDRESS_LOW, 4) == (uint32_t)message.address &&
           platform_mmio_read(k->platform, at + ENTRY_ADDRESS_HIGH, 4) == (uint32_t)(message.address >> 32) &&
           platform_mmio_read(k->platform, at + ENTRY_DATA, 4) == message.data &&
           (platform_mmio_read(k->platform, at + ENTRY_CONTROL, 4) & ENTRY_MASKED) != 0;
}

static void clear_entry(struct kernel *k, const struct function *f, uint16_t vector)
{
    write_entry(k, entry_at(f, vector), (struct platform_msi){0, 0});
}

static void set_enable(struct kernel *k, struct claim *claim, bool on)
{
    const struct function *f = &k->devices.functions[claim->function];

    ASSERT(f->msix_offset != 0);
    /* The writable bits are enable and function mask; the rest is read-only. */
    platform_pci_write(k->platform, f->info.bdf, (uint16_t)(f->msix_offset + MSIX_CONTROL), 2,
                       on ? MSIX_ENABLE : 0);
    claim->msix_on = on;
}

/* The enable bit follows the Interrupts: on while at least one is active. */
static void follow_enable(struct kernel *k, uint16_t claim_record)
{
    struct claim *claim = &k->devices.claims[claim_record];
    bool active = false;

    for (uint16_t i = 0; i < INTERRUPTS_MAX; i++) {
        const struct interrupt *other = &k->devices.interrupts[i];

        active |= other->used && other->claim == claim_record && other->active;
    }
    if (active != (bool)claim->msix_on)
        set_enable(k, claim, active);
}

static enum device_error decide(const struct kernel *k, uint16_t claim, uint16_t vector)
{
    const struct function *f = &k->devices.functions[k->devices.claims[claim].function];

    if (f->info.msix.vectors == 0 || !f->info.bars[f->info.msix.table_bar].assigned)
        return DEV_E_NO_MSIX;
    if (vector >= f->info.msix.vectors)
        return DEV_E_VECTOR;
    for (uint16_t i = 0; i < INTERRUPTS_MAX; i++) {
        const struct interrupt *other = &k->devices.interrupts[i];

        if (other->used && other->claim == claim && other->vector == vector)
            return DEV_E_VECTOR;
    }
    return DEV_OK;
}

static enum cap_exception room(const struct kernel *k, const struct owner *o)
{
    if (!charge_covered(o, BUDGET_INTERRUPTS, 1))
        return CAP_EX_BUDGET;
    if (free_record(k) == NO_RECORD)
        return CAP_EX_EXHAUSTED;
    return core_grant_check(&k->core, o);
}

struct device_reply interrupt_create(struct kernel *k, struct owner *o, cap_id device, uint16_t vector)
{
    const struct found found = find(k, o, device, CAP_IF_DEVICE);
    struct claim *claim;
    struct interrupt *i;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    claim = &k->devices.claims[found.record];
    const enum device_error error = decide(k, found.record, vector);
    if (error != DEV_OK)
        return reply_error(error);
    const enum cap_exception exception = room(k, o);
    if (exception != CAP_EX_NONE)
        return reply_exception(exception);

    const struct function *f = &k->devices.functions[claim->function];
    const uint16_t route = take_route(k);
    ASSERT(route != NO_RECORD); /* there are more routes than Interrupt records */
    const struct platform_msi message = platform_msi_message(k->platform, route);
    write_entry(k, entry_at(f, vector), message);
    if (!entry_reads(k, entry_at(f, vector), message)) { /* no table there: leave it masked and empty */
        clear_entry(k, f, vector);
        k->devices.routes_used &= ~(1u << route);
        return reply_error(DEV_E_NO_MSIX);
    }
    const uint16_t record = free_record(k);
    const uint32_t count = platform_msi_count(k->platform, route);
    i = &k->devices.interrupts[record];
    /* I15: what was delivered on this route before belongs to nobody living. */
    *i = (struct interrupt){
        .seen = count, .acked = count, .claim = found.record, .vector = vector, .route = route, .used = 1};
    claim->interrupts++;
    charge_take(o, BUDGET_INTERRUPTS, 1, &i->charge);
    return reply_cap(
        core_grant(&k->core, o, CAP_IF_INTERRUPT, record, claim->object.index, f->info.bdf, &i->object));
}

struct device_reply interrupt_wait(struct kernel *k, struct owner *o, cap_id id)
{
    const struct found found = find(k, o, id, CAP_IF_INTERRUPT);
    struct interrupt *i;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    i = &k->devices.interrupts[found.record];
    i->seen = platform_msi_count(k->platform, i->route);
    return reply_value(i->seen - i->acked);
}

struct device_reply interrupt_ack(struct kernel *k, struct owner *o, cap_id id)
{
    const struct found found =
        find(k, o, id, CAP_IF_INTERRUPT); /* T10: a stale holder's acknowledgement fails here */
    struct interrupt *i;
    uint32_t acknowledged;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    i = &k->devices.interrupts[found.record];
    /* Only what a wait reported: one that arrived since is still pending (P17). */
    acknowledged = i->seen - i->acked;
    i->acked = i->seen;
    return reply_value(acknowledged);
}

struct device_reply interrupt_mask(struct kernel *k, struct owner *o, cap_id id, bool masked)
{
    const struct found found = find(k, o, id, CAP_IF_INTERRUPT);
    struct interrupt *i;
    const struct function *f;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    i = &k->devices.interrupts[found.record];
    f = &k->devices.functions[k->devices.claims[i->claim].function];
    platform_mmio_write(k->platform, entry_at(f, i->vector) + ENTRY_CONTROL, 4, masked ? ENTRY_MASKED : 0);
    if (!masked && !i->active) {
        i->active = 1;
        follow_enable(k, i->claim);
    }
    return reply_value(0);
}

bool kernel_interrupt_route(struct kernel *k, struct owner *o, cap_id interrupt, uint16_t *route)
{
    const struct found found = find(k, o, interrupt, CAP_IF_INTERRUPT);

    ASSERT(route != NULL);
    if (found.exception != CAP_EX_NONE)
        return false;
    *route = k->devices.interrupts[found.record].route;
    ASSERT(*route < ROUTES_MAX);
    return true;
}

bool kernel_route_live(const struct kernel *k, uint16_t route)
{
    ASSERT(route < ROUTES_MAX);
    return (k->devices.routes_used >> route & 1u) != 0;
}

void interrupt_drop(struct kernel *k, struct interrupt *i)
{
    struct claim *claim = &k->devices.claims[i->claim];

    ASSERT(i->used);
    ASSERT(claim->interrupts > 0);
    clear_entry(k, &k->devices.functions[claim->function], i->vector); /* T5, T10: masked while unowned */
    i->active = 0;
    i->used = 0;
    claim->interrupts--;
    follow_enable(k, i->claim);
    k->devices.routes_used &= ~(1u << i->route);
    charge_refund(k, &i->charge);
}

void interrupts_drop_all(struct kernel *k, struct claim *claim)
{
    for (uint16_t n = 0; n < INTERRUPTS_MAX; n++) {
        struct interrupt *i = &k->devices.interrupts[n];

        if (i->used && &k->devices.claims[i->claim] == claim)
            interrupt_drop(k, i);
    }
    ASSERT(claim->interrupts == 0);
    ASSERT(!claim->msix_on);
}
