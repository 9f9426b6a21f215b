/* SPDX-License-Identifier: BSD-2-Clause */
/* The one way out (T3, P16): release, exit and kill end here, in one order: handles dead, no new work,
 * interrupts masked, reset, confirmation, bus mastering off, unmap, scrub, return. What is not confirmed is
 * quarantined (I11, T4). */
#include "kernel/device/device.h"

/* Records of the registers; their objects are dead already. */
static void drop_registers(struct kernel *k, uint16_t claim)
{
    for (uint16_t i = 0; i < REGISTERS_MAX; i++) {
        struct register_grant *r = &k->devices.registers[i];

        if (r->used && r->claim == claim)
            registers_free(k, r);
    }
}

static void drop_pools(struct kernel *k, uint16_t claim, bool confirmed)
{
    for (uint16_t i = 0; i < POOLS_MAX; i++) {
        struct dma_pool *pool = &k->devices.pools[i];

        if (pool->state != POOL_LIVE || pool->claim != claim)
            continue;
        if (confirmed)
            pool_free(k, i);
        else
            pool_quarantine(k, i);
    }
}

static void note_quarantine(struct kernel *k, const struct claim *claim, uint16_t bdf, bool confirmed)
{
    const struct audit_event event = {{k->devices.functions[claim->function].quarantined_pages, 0},
                                      claim->direct ? AUDIT_OWNER_KERNEL : claim->charge.owner,
                                      bdf,
                                      AUDIT_QUARANTINE,
                                      CAP_IF_DEVICE,
                                      AUDIT_RESULT_ERROR + DEV_E_UNCONFIRMED};

    if (confirmed)
        audit_unreserve_end(&k->core.audit);
    else
        audit_end(&k->core.audit, &event);
}

bool teardown_with(struct kernel *k, uint16_t record, enum audit_kind kind, bool confirmed)
{
    struct claim *claim = &k->devices.claims[record];
    struct function *f = &k->devices.functions[claim->function];

    ASSERT(claim->used);
    /* I9: every old handle is dead before anything else happens (the caller may have done so already). */
    if (claim->object.index != OBJECT_NONE && object_live(&k->core.objects, claim->object))
        core_revoke(&k->core, claim->object.index, kind, f->info.bdf);
    interrupts_drop_all(k, claim);
    if (claim->dma_on && !function_master_off(k, claim->function))
        confirmed = false; /* still a bus master: nothing it says counts */
    if (claim->direct && !function_master_take_back(k, claim->function))
        confirmed = false; /* the driver's word is not enough: its pages go only when this reads back */
    claim->dma_on = 0;
    queues_forget(k, claim);
    drop_pools(k, record, confirmed); /* unmap, scrub, return; or quarantine */
    drop_registers(k, record);
    f->quarantined = !confirmed;
    note_quarantine(k, claim, f->info.bdf, confirmed);
    if (claim->charge.active)
        charge_refund(k, &claim->charge);
    f->epoch++;
    f->claim = NO_RECORD;
    f->state = confirmed ? DEVICE_DISCOVERED : DEVICE_RESETTING;
    k->devices.functions[claim->function].quiesce = claim->quiesce;
    function_decode_restore(k, claim->function);
    claim->used = 0;
    return confirmed;
}

bool teardown_device(struct kernel *k, uint16_t record, enum audit_kind kind)
{
    struct claim *claim = &k->devices.claims[record];
    struct function *f = &k->devices.functions[claim->function];
    bool confirmed;

    ASSERT(claim->used);
    core_revoke(&k->core, claim->object.index, kind, f->info.bdf); /* I9, T3: mark dead */
    interrupts_drop_all(k, claim); /* T10: masked before anything that the reset may raise */
    confirmed = quiesce_claim(k, claim);
    return teardown_with(k, record, kind, confirmed);
}

/* Is any of the claim's memory known to the device? Then only a confirmed reset ends that. */
static bool memory_known(struct kernel *k, const struct claim *claim, uint16_t pool)
{
    for (uint16_t n = 0; n < DMA_QUEUES_MAX; n++) {
        const struct dma_queue *q = queue_of(k, claim, n);

        if (q != NULL && (pool == NO_RECORD || q->pool == pool) && q->addresses_written != 0 && !q->over)
            return true;
    }
    for (uint16_t i = 0; i < BUFFERS_MAX; i++) {
        const struct dma_buffer *b = &k->devices.buffers[i];

        if (b->state != BUFFER_FREE && b->pool == pool && b->publications != 0)
            return true;
    }
    return false;
}

/* Stops the device for the sake of a pool or its registers. False: it would not, and the whole device went.
 */
static bool stop_for(struct kernel *k, uint16_t claim_record, uint16_t object, enum audit_kind kind)
{
    struct claim *claim = &k->devices.claims[claim_record];
    const uint16_t bdf = k->devices.functions[claim->function].info.bdf;

    core_revoke(&k->core, object, kind, bdf);
    if (quiesce_claim(k, claim))
        return true;
    (void)teardown_with(k, claim_record, AUDIT_REVOKE, false);
    return false;
}

static bool end_pool(struct kernel *k, uint16_t record, enum audit_kind kind)
{
    struct dma_pool *pool = &k->devices.pools[record];
    const struct claim *claim = &k->devices.claims[pool->claim];

    if (memory_known(k, claim, record)) {
        if (!stop_for(k, pool->claim, pool->object.index, kind))
            return false;
    } else {
        core_revoke(&k->core, pool->object.index, kind, k->devices.functions[pool->function].info.bdf);
    }
    pool_free(k, record);
    return true;
}

static bool end_registers(struct kernel *k, uint16_t record, enum audit_kind kind)
{
    struct register_grant *r = &k->devices.registers[record];
    struct claim *claim = &k->devices.claims[r->claim];
    const bool driven = claim->registers == record;

    if (driven && (claim->quiesce.wrote || claim->dma_on)) {
        if (!stop_for(k, r->claim, r->object.index, kind))
            return false;
    } else {
        core_revoke(&k->core, r->object.index, kind, k->devices.functions[claim->function].info.bdf);
    }
    registers_free(k, r);
    return true;
}

static bool end_interrupt(struct kernel *k, uint16_t record, enum audit_kind kind)
{
    struct interrupt *i = &k->devices.interrupts[record];

    core_revoke(&k->core, i->object.index, kind,
                k->devices.functions[k->devices.claims[i->claim].function].info.bdf);
    interrupt_drop(k, i);
    return true;
}

/* Objects that end for good, whatever the device does. False: the device went to quarantine. */
static bool end_object(struct kernel *k, const struct object *object, enum audit_kind kind)
{
    switch (object->interface) {
    case CAP_IF_DEVICE:
        return teardown_device(k, object->payload, kind);
    case CAP_IF_DEVICE_MMIO:
    case CAP_IF_DEVICE_PORTS:
        return end_registers(k, object->payload, kind);
    case CAP_IF_DMA_POOL:
        return end_pool(k, object->payload, kind);
    default:
        ASSERT(object->interface == CAP_IF_INTERRUPT);
        return end_interrupt(k, object->payload, kind);
    }
}

struct device_reply teardown_release(struct kernel *k, struct owner *o, cap_id id)
{
    const struct cap_lookup looked = captable_lookup_any(&o->caps, &k->core.objects, id);
    const struct object *object;

    if (looked.exception != CAP_EX_NONE)
        return reply_exception(looked.exception);
    object = object_at(&k->core.objects, looked.object);
    if (object->owner != o->index) { /* a copy: its creator's object lives on */
        core_drop_cap(&k->core, o, (uint16_t)id.index, AUDIT_BDF_NONE);
        return reply_value(0);
    }
    if (object->interface == CAP_IF_DMA_BUFFER)
        return buffer_destroy(k, o, id, AUDIT_RELEASE);
    if (object->interface == CAP_IF_DMA_QUEUE)
        return queue_destroy(k, o, id, AUDIT_RELEASE);
    return end_object(k, object, AUDIT_RELEASE) ? reply_value(0) : reply_error(DEV_E_UNCONFIRMED);
}

/* A buffer or queue whose owner ends while its source is another's: the device stops first when it knows the
 * memory. */
static void end_memory(struct kernel *k, uint16_t object, uint16_t claim_record, uint16_t record,
                       bool is_queue)
{
    struct claim *claim = &k->devices.claims[claim_record];
    const bool known =
        is_queue ? k->devices.queues[record].addresses_written != 0 && !k->devices.queues[record].over
                 : k->devices.buffers[record].publications != 0;

    if (known) {
        if (!stop_for(k, claim_record, object, AUDIT_REVOKE))
            return;
    } else {
        core_revoke(&k->core, object, AUDIT_REVOKE, k->devices.functions[claim->function].info.bdf);
    }
    if (is_queue)
        queue_drop(k, &k->devices.queues[record], true);
    else
        buffer_drop(k, &k->devices.buffers[record], true);
}

void teardown_object(void *kernel, uint16_t object)
{
    struct kernel *k = kernel;
    const struct object *entry = &k->core.objects.entries[object];
    const uint16_t record = entry->payload;

    ASSERT(entry->live);
    if (entry->interface == CAP_IF_DMA_BUFFER)
        end_memory(k, object, k->devices.buffers[record].claim, record, false);
    else if (entry->interface == CAP_IF_DMA_QUEUE)
        end_memory(k, object, k->devices.queues[record].claim, record, true);
    else
        (void)end_object(k, entry, AUDIT_REVOKE);
}
