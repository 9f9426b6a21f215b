/* SPDX-License-Identifier: BSD-2-Clause */
/* What runs and what is held, for the holder of a System; its end, for the holder of a Power. Shows no
 * address and no handle that would work in another table. */
#include "kernel/calls/parts.h"
#include "kernel/core/audit.h"
#include "platform/platform.h"

#define BDF_NONE 0xffffu

static struct object_reply process(struct calls *c, const struct object_call *call)
{
    struct process_info info;

    if (call->args[0] >= PROCESSES_MAX || !process_info(c->system, (uint16_t)call->args[0], &info))
        return refused(SYS_E_VALUE);
    return calls_give(call, &info, sizeof info);
}

static struct object_reply usage(struct calls *c, const struct object_call *call)
{
    const struct kernel_usage u = kernel_usage(c->kernel);
    const struct system_held held = system_held(c->system);
    const uint32_t dma_pages = (uint32_t)(platform_dma_region(c->platform).bytes / DMA_PAGE_BYTES);
    struct system_usage out;
    uint64_t denials = 0;

    memset(&out, 0, sizeof out);
    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        denials += process_live(c->system, i) ? c->system->processes[i].denials : 0u;
    out.processes = held.processes;
    out.objects = u.live_objects;
    out.caps = u.live_caps;
    out.pages_used = c->system->pages.used;
    out.pages_free = c->system->pages.count - c->system->pages.used;
    out.dma_pages_used = u.pages_granted + u.pages_active + u.pages_quarantined;
    out.dma_pages_free = dma_pages - out.dma_pages_used - u.pages_guard;
    out.devices_claimed = u.claimed_devices;
    out.devices_quarantined = u.quarantined_devices;
    out.interrupts = platform_interrupts(c->platform);
    out.audit_records = kernel_audit_count(c->kernel);
    out.denials = denials;
    out.audit_waiting = audit_waiting(&c->kernel->core.audit);
    memcpy(out.audit_head, kernel_audit_head(c->kernel), sizeof out.audit_head);
    out.now_ns = c->system->now_ns;
    return calls_give(call, &out, sizeof out);
}

static uint16_t bdf_behind(const struct calls *c, const struct object *object)
{
    const struct pci_function_info *info;

    if (object->interface != CAP_IF_FUNCTION)
        return BDF_NONE;
    info = kernel_function_info(c->kernel, object->payload);
    return info == NULL ? BDF_NONE : info->bdf;
}

static struct object_reply cap(struct calls *c, const struct object_call *call)
{
    const struct core *core = c->system->core;
    const struct captable *table;
    struct cap_line line;

    if (call->args[0] >= PROCESSES_MAX || !process_live(c->system, (uint16_t)call->args[0]))
        return refused(SYS_E_VALUE);
    table = &c->system->processes[call->args[0]].owner->caps;
    if (call->args[1] == 0 || call->args[1] >= table->fresh)
        return refused(SYS_E_VALUE);
    memset(&line, 0, sizeof line);
    line.bdf = BDF_NONE;
    const struct cap_slot *slot = &table->slots[call->args[1]];
    if (slot->state == CAP_SLOT_LIVE && object_live(&core->objects, slot->object)) {
        const struct object *object = object_at(&core->objects, slot->object);

        line.id = (cap_id){(uint32_t)call->args[1], slot->generation};
        line.interface = slot->interface;
        line.bdf = bdf_behind(c, object);
        line.payload = object->payload;
    }
    return calls_give(call, &line, sizeof line);
}

static struct object_reply evidence(struct calls *c, const struct object_call *call)
{
    struct evidence_count count;
    const char *name;

    if (call->args[0] >= EVIDENCE_MARKER_COUNT)
        return refused(SYS_E_VALUE);
    name = evidence_marker_name((enum evidence_marker)call->args[0]);
    memset(&count, 0, sizeof count);
    for (uint32_t i = 0; name[i] != '\0'; i++) {
        ASSERT(i < sizeof count.name - 1u); /* the list is ours */
        count.name[i] = name[i];
    }
    count.lines = c->evidence->lines[call->args[0]];
    return calls_give(call, &count, sizeof count);
}

struct object_reply calls_system(struct calls *c, const struct object_call *call)
{
    switch ((enum system_method)call->method) {
    case SYSTEM_PROCESS:
        return process(c, call);
    case SYSTEM_USAGE:
        return usage(c, call);
    case SYSTEM_CAP:
        return cap(c, call);
    case SYSTEM_EVIDENCE:
        return evidence(c, call);
    }
    return transport(RING_E_METHOD);
}

struct object_reply calls_power(struct calls *c, const struct object_call *call)
{
    if (call->method != POWER_END)
        return transport(RING_E_METHOD);
    if (call->args[0] != CALLS_POWER_OFF && call->args[0] != CALLS_POWER_REBOOT)
        return refused(SYS_E_VALUE);
    c->power = (enum calls_power)call->args[0];
    return done(0);
}
