/* SPDX-License-Identifier: BSD-2-Clause */
/* The way out of quarantine: one privileged call, never a new bind, never a time-out (T4). */
#include "kernel/device/device.h"

/* The function's pages go free; a hostile device could have been one only as a bus master, and it is none. */
static uint32_t free_quarantined(struct kernel *k, uint16_t function)
{
    uint32_t released = 0;

    for (uint16_t i = 0; i < POOLS_MAX; i++) {
        struct dma_pool *pool = &k->devices.pools[i];

        if (pool->state != POOL_QUARANTINED || pool->function != function)
            continue;
        released += dma_pages_release_pool(k, function, i);
        if (pool->pages_charge.active)
            charge_refund_held(k, &pool->pages_charge);
        pool->state = POOL_UNUSED;
    }
    return released;
}

struct device_reply device_release_quarantine(struct kernel *k, uint16_t bdf)
{
    const uint16_t function = function_find(k, bdf);
    struct audit_event event = {CAP_NONE, AUDIT_OWNER_KERNEL, bdf, AUDIT_QUARANTINE_RELEASE, CAP_IF_DEVICE,
                                0};
    struct function *f;

    if (function == NO_RECORD)
        return reply_error(DEV_E_NO_FUNCTION);
    f = &k->devices.functions[function];
    if (!f->quarantined)
        return reply_error(DEV_E_STATE);
    /* T4: bus mastering is proven off before anything else is believed. */
    platform_pci_write(k->platform, bdf, PCI_COMMAND, 2, f->command);
    if (!function_master_reads_off(k, function))
        return reply_error(DEV_E_UNCONFIRMED);
    if (!audit_has_room(&k->core.audit, 1))
        return reply_exception(CAP_EX_AUDIT_FULL);
    if (f->quiesce
            .known) { /* once more; without bus mastering it can write nothing whether it obeys or not */
        function_decode_on(k, function);
        if (quiesce_run(k, &f->quiesce))
            k->stats.resets_confirmed++;
        function_decode_restore(k, function);
    }
    const uint32_t released = free_quarantined(k, function);
    ASSERT(f->quarantined_pages == 0);
    f->quarantined = 0;
    f->state = DEVICE_DISCOVERED;
    f->epoch++;
    event.handle.index = released;
    (void)audit_note(&k->core.audit, &event);
    return reply_value(released);
}
