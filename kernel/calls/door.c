/* SPDX-License-Identifier: BSD-2-Clause */
/* The door itself: by interface to its file, and the way out of every object behind it. */
#include "kernel/calls/parts.h"

#include "platform/platform.h"

void calls_init(struct calls *c, const struct calls_setup *setup)
{
    ASSERT(setup->tables.count == 0 || setup->tables.tables != NULL);
    memset(c, 0, sizeof *c);
    c->kernel = setup->kernel;
    c->platform = setup->platform;
    c->evidence = setup->evidence;
    c->console = setup->console;
    c->tables = setup->tables;
    c->package = setup->package;
    c->probed = setup->probed;
    c->nonce = setup->nonce == NULL ? "" : setup->nonce;
    console_init_port(&c->audit_port, setup->platform, CONSOLE_AUDIT);
    kernel_watch_memory(c->kernel, (struct memory_watch){c, calls_memory_leaves});
}

void calls_attach(struct calls *c, struct system *system)
{
    ASSERT(system->core == &c->kernel->core);
    c->system = system;
}

static struct object_reply audited(struct calls *c, const struct object_call *call, uint32_t result)
{
    const struct audit_event event = {
        .handle = call->cap,
        .owner = caller(c, call)->index,
        .bdf = AUDIT_BDF_NONE,
        .kind = AUDIT_DENIAL,
        .object_kind = call->interface,
        .result = (uint8_t)result,
    };

    audit_denial(&c->kernel->core.audit, &event);
    return done(0);
}

struct object_reply calls_deny(struct calls *c, const struct object_call *call, enum cap_exception exception)
{
    struct object_reply reply = audited(c, call, (uint32_t)exception);

    c->kernel->stats.exceptions[exception]++;
    reply.exception = (uint8_t)exception;
    return reply;
}

struct object_reply calls_refuse(struct calls *c, const struct object_call *call, uint16_t result)
{
    struct object_reply reply = audited(c, call, AUDIT_RESULT_ERROR + result);

    reply.result = result;
    reply.denied = true;
    return reply;
}

struct object_reply calls_give(const struct object_call *call, const void *record, uint32_t bytes)
{
    if (call->range_bytes < bytes)
        return transport(RING_E_RANGE);
    memcpy(call->range, record, bytes);
    return done(bytes);
}

static struct object_reply dispatch(struct calls *c, const struct object_call *call)
{
    switch ((enum cap_interface)call->interface) {
    case CAP_IF_FUNCTIONS:
        return calls_functions(c, call);
    case CAP_IF_FUNCTION:
        return calls_function(c, call);
    case CAP_IF_INVENTORY:
        return calls_inventory(c, call);
    case CAP_IF_DEVICE:
        return calls_device(c, call);
    case CAP_IF_DEVICE_MMIO:
    case CAP_IF_DEVICE_PORTS:
        return calls_registers(c, call);
    case CAP_IF_DMA_POOL:
        return calls_pool(c, call);
    case CAP_IF_DMA_BUFFER:
        return calls_buffer(c, call);
    case CAP_IF_DMA_QUEUE:
        return calls_queue(c, call);
    case CAP_IF_INTERRUPT:
        return calls_interrupt(c, call);
    case CAP_IF_SERIAL:
        return calls_serial(c, call);
    case CAP_IF_AUDIT:
        return calls_audit(c, call);
    case CAP_IF_EVIDENCE:
        return calls_sink_call(c, call);
    case CAP_IF_SYSTEM:
        return calls_system(c, call);
    case CAP_IF_ENTROPY:
        return calls_entropy(c, call);
    case CAP_IF_AUDIT_NOTE:
        return calls_audit_note(c, call);
    case CAP_IF_POWER:
        return calls_power(c, call);
    default:
        return transport(RING_E_METHOD);
    }
}

static struct object_reply door_call(void *ctx, struct system *s, const struct object_call *call)
{
    struct calls *c = ctx;
    struct object_reply reply;

    ASSERT(s == c->system);
    reply = dispatch(c, call);
    if (!reply.waits && reply.status == RING_OK && reply.exception == CAP_EX_NONE && reply.result == 0)
        calls_witness_grant(c, call, &reply);
    return reply;
}

static bool of_a_device(uint8_t interface)
{
    return interface >= CAP_IF_DEVICE && interface <= CAP_IF_INTERRUPT;
}
_Static_assert(CAP_IF_DEVICE == 1 && CAP_IF_INTERRUPT == 7, "the device room's interfaces lie together");

static void end_object(struct calls *c, uint16_t object, enum audit_kind kind)
{
    const uint8_t interface = c->system->core->objects.entries[object].interface;

    if (interface == CAP_IF_FUNCTION) {
        calls_end_function(c, object, kind);
        return;
    }
    if (interface == CAP_IF_FUNCTIONS)
        calls_end_functions(c, object);
    core_revoke(c->system->core, object, kind, AUDIT_BDF_NONE); /* what is derived dies with it */
}

static void door_destroy(void *ctx, uint16_t object)
{
    struct calls *c = ctx;

    if (of_a_device(c->system->core->objects.entries[object].interface))
        kernel_destroy_object(c->kernel, object);
    else
        end_object(c, object, AUDIT_REVOKE);
}

static struct object_reply release_device(struct calls *c, uint16_t process, cap_id cap, bool whole)
{
    struct kernel_binding binding;
    uint16_t route = 0;
    const bool routed = kernel_interrupt_route(c->kernel, c->system->processes[process].owner, cap, &route);
    const struct device_authority a =
        kernel_authority(&binding, c->kernel, c->system->processes[process].owner);
    const struct device_reply reply = a.ops->release(a.ctx, cap);

    if (whole && reply.exception == CAP_EX_NONE)
        calls_witness_release(c, process);
    if (routed && reply.exception == CAP_EX_NONE)
        calls_witness_route(c, process, route);
    return calls_device_reply(&reply);
}

/* The core has looked the handle up. A holder of a copy gives the copy back; its maker ends the object. */
static struct object_reply door_release(void *ctx, struct system *s, uint16_t process, cap_id cap)
{
    struct calls *c = ctx;
    struct owner *owner = s->processes[process].owner;
    const struct cap_lookup found = captable_lookup_any(&owner->caps, &s->core->objects, cap);
    const struct object *object;

    ASSERT(found.exception == CAP_EX_NONE);
    object = object_at(&s->core->objects, found.object);
    if (of_a_device(object->interface))
        return release_device(c, process, cap,
                              object->interface == CAP_IF_DEVICE && object->owner == owner->index);
    if (object->owner == owner->index)
        end_object(c, found.object.index, AUDIT_RELEASE);
    else
        core_drop_cap(s->core, owner, (uint16_t)cap.index, AUDIT_BDF_NONE);
    return done(0);
}

struct object_door calls_door(struct calls *c)
{
    return (struct object_door){
        .ctx = c,
        .call = door_call,
        .destroy = door_destroy,
        .release = door_release,
        .ended = NULL,
        .denials_audited = true,
    };
}

static bool is_root(const struct calls_root *root)
{
    switch ((enum cap_interface)root->interface) {
    case CAP_IF_SERIAL:
        return calls_serial_port(root->port);
    case CAP_IF_FUNCTIONS:
    case CAP_IF_AUDIT:
    case CAP_IF_EVIDENCE:
    case CAP_IF_SYSTEM:
    case CAP_IF_ENTROPY:
    case CAP_IF_INVENTORY:
    case CAP_IF_AUDIT_NOTE:
    case CAP_IF_POWER:
        return true;
    default:
        return false;
    }
}

enum cap_exception calls_grant_root(struct calls *c, uint16_t process, const struct calls_root *root)
{
    const bool sink = root->interface == CAP_IF_EVIDENCE;
    uint16_t payload = root->interface == CAP_IF_SERIAL ? root->port : 0;
    enum cap_exception exception;
    cap_id made;

    if (!is_root(root))
        return CAP_EX_INTERFACE;
    if (sink)
        payload = calls_sink_free(c);
    if (sink && payload == CALLS_SINKS_MAX)
        return CAP_EX_EXHAUSTED;
    exception = process_grant_root(c->system, process, root->name, root->interface, payload, &made);
    if (exception == CAP_EX_NONE && sink) {
        const struct owner *owner = c->system->processes[process].owner;

        c->sinks[payload] = (struct calls_sink){owner->caps.slots[made.index].object, root->markers};
    }
    return exception;
}
