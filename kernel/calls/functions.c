/* SPDX-License-Identifier: BSD-2-Clause */
/* The scan record as capabilities: Functions hands each function out once, a Function claims its Device, an
 * Inventory shows, takes out of quarantine, and hands nothing out. A Device ends before the Function that it
 * was claimed by. */
#include "kernel/calls/parts.h"

static uint16_t bdf_of(const struct calls *c, uint16_t function)
{
    const struct pci_function_info *info = kernel_function_info(c->kernel, function);

    ASSERT(info != NULL);
    return info->bdf;
}

static struct object_reply take(struct calls *c, const struct object_call *call)
{
    const struct core *core = c->system->core;
    enum cap_exception exception;
    uint16_t function;

    if (call->args[0] >= kernel_function_count(c->kernel))
        return refused(SYS_E_VALUE);
    function = (uint16_t)call->args[0];
    if (object_live(&core->objects, c->taken[function]))
        return calls_refuse(c, call, SYS_E_STATE);
    exception = core_grant_check(core, caller(c, call));
    if (exception != CAP_EX_NONE)
        return calls_deny(c, call, exception);
    return done_cap(core_grant(c->system->core, caller(c, call), CAP_IF_FUNCTION, function, call->object,
                               bdf_of(c, function), &c->taken[function]));
}

static struct object_reply info(const struct calls *c, const struct object_call *call)
{
    const struct pci_function_info *found =
        call->args[0] > 0xffffu ? NULL : kernel_function_info(c->kernel, (uint16_t)call->args[0]);

    return found == NULL ? refused(SYS_E_VALUE) : calls_give(call, found, sizeof *found);
}

static struct object_reply release_quarantine(struct calls *c, const struct object_call *call)
{
    struct device_reply reply;

    if (call->args[0] > 0xffffu)
        return refused(DEV_E_NO_FUNCTION);
    reply = device_release_quarantine(c->kernel, (uint16_t)call->args[0]);
    if (!device_reply_ok(reply) && reply.exception == CAP_EX_NONE)
        return calls_refuse(c, call, (uint16_t)reply.error);
    if (!device_reply_ok(reply))
        return calls_deny(c, call, reply.exception);
    return done(reply.value);
}

struct object_reply calls_functions(struct calls *c, const struct object_call *call)
{
    switch ((enum functions_method)call->method) {
    case FUNCTIONS_COUNT:
        return done(kernel_function_count(c->kernel));
    case FUNCTIONS_INFO:
        return info(c, call);
    case FUNCTIONS_TAKE:
        return take(c, call);
    }
    return transport(RING_E_METHOD);
}

struct object_reply calls_inventory(struct calls *c, const struct object_call *call)
{
    switch ((enum inventory_method)call->method) {
    case INVENTORY_COUNT:
        return done(kernel_function_count(c->kernel));
    case INVENTORY_INFO:
        return info(c, call);
    case INVENTORY_RELEASE:
        return release_quarantine(c, call);
    }
    return transport(RING_E_METHOD);
}

struct object_reply calls_function(struct calls *c, const struct object_call *call)
{
    const uint16_t bdf = bdf_of(c, call->payload);
    struct kernel_binding binding;
    const struct device_authority a = kernel_authority(&binding, c->kernel, caller(c, call));
    struct device_reply reply;

    if (call->method != FUNCTION_CLAIM)
        return transport(RING_E_METHOD);
    reply = a.ops->claim(a.ctx, bdf);
    if (device_reply_ok(reply))
        calls_witness_claim(c, call->process, bdf);
    return calls_device_reply(&reply);
}

void calls_end_function(struct calls *c, uint16_t object, enum audit_kind kind)
{
    const struct object *entry = &c->system->core->objects.entries[object];
    const uint16_t bdf = bdf_of(c, entry->payload);
    const uint16_t device = kernel_device_object(c->kernel, bdf);

    ASSERT(entry->live);
    if (device != OBJECT_NONE)
        kernel_destroy_object(c->kernel, device);
    core_revoke(c->system->core, object, kind, bdf);
}

void calls_end_functions(struct calls *c, uint16_t object)
{
    struct object_pool *objects = &c->system->core->objects;

    for (uint16_t i = 0; i < kernel_function_count(c->kernel); i++) {
        if (object_live(objects, c->taken[i]) && object_at(objects, c->taken[i])->parent == object)
            calls_end_function(c, c->taken[i].index, AUDIT_REVOKE);
    }
}
