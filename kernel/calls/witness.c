/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel itself saw of a process's device: one record a process, for the facts of its evidence. */
#include "kernel/calls/parts.h"
#include "platform/platform.h"

void calls_witness_claim(struct calls *c, uint16_t process, uint16_t bdf)
{
    const struct kernel_stats *stats = kernel_stats(c->kernel);

    c->witnesses[process] = (struct calls_witness){
        .number = c->system->processes[process].number,
        .bdf = bdf,
        .register_writes = stats->register_writes,
        .completions = stats->completions,
        .scrubbed_before = stats->pages_scrubbed,
        .interrupts = platform_interrupts(c->platform),
        .budget = c->system->processes[process].owner->budget,
        .denials = c->system->processes[process].denials,
        .denial_records = audit_denials(&c->kernel->core.audit),
    };
}

struct calls_witness *calls_witness_of(struct calls *c, uint16_t process)
{
    struct calls_witness *w = &c->witnesses[process];

    return w->number != 0 && w->number == c->system->processes[process].number ? w : NULL;
}

void calls_witness_grant(struct calls *c, const struct object_call *call, const struct object_reply *reply)
{
    struct calls_witness *w = calls_witness_of(c, call->process);

    if (w == NULL)
        return;
    if (call->interface == CAP_IF_DEVICE && call->method == DEVICE_OPEN_REGISTERS) {
        const struct reg_table *table = c->tables.tables[call->args[0]];

        w->ports |= table->ports != 0;
        w->empty_window |= table->section_count == 0;
        w->windows |= table->section_count != 0 && table->ports == 0;
    } else if (call->interface == CAP_IF_DEVICE && call->method == DEVICE_POOL_CREATE) {
        w->pool_pages += call->args[0];
    } else if (call->interface == CAP_IF_DEVICE && call->method == DEVICE_INTERRUPT_CREATE) {
        w->entry_programmed = true;
    } else if (call->interface == CAP_IF_INTERRUPT && call->method == INTERRUPT_MASK && call->args[0] == 0) {
        w->unmasked = true;
    } else if (call->interface == CAP_IF_INTERRUPT && call->method == INTERRUPT_ACK) {
        w->acks += reply->value != 0;
    }
}

void calls_witness_route(struct calls *c, uint16_t process, uint16_t route)
{
    struct calls_witness *w = calls_witness_of(c, process);

    if (w == NULL)
        return;
    w->route_left = true;
    w->late_raised = false;
    w->route = route;
    w->route_count = platform_msi_count(c->platform, route);
}

struct object_reply calls_late_message(struct calls *c, const struct object_call *call)
{
    struct calls_witness *w = calls_witness_of(c, call->process);

    if (call->args[0] > 1)
        return refused(SYS_E_VALUE);
    if (w == NULL || !w->route_left || kernel_route_live(c->kernel, w->route) ||
        w->late_raised == (call->args[0] == 1))
        return calls_refuse(c, call, SYS_E_STATE);
    if (call->args[0] == 1) {
        w->late_raised = true;
        platform_msi_raise(c->platform, w->route);
    }
    return done(platform_msi_count(c->platform, w->route) - w->route_count);
}

void calls_witness_release(struct calls *c, uint16_t process)
{
    struct calls_witness *w = calls_witness_of(c, process);

    if (w == NULL)
        return;
    w->released = true;
    w->scrubbed = kernel_stats(c->kernel)->pages_scrubbed - w->scrubbed_before;
    w->denials_before = c->system->processes[process].denials;
    w->writes = kernel_stats(c->kernel)->register_writes - w->register_writes;
}
