/* SPDX-License-Identifier: BSD-2-Clause */
/* Early bring-up: the kernel's own driver over a claim without handles. It gets addresses; everything else is
 * as for programs: one claim, guarded sticky pages, bus mastering last on and first off, quarantine. */
#include "kernel/device/device.h"

static struct claim *direct_claim(struct kernel *k, uint16_t bdf)
{
    const uint16_t function = function_find(k, bdf);
    uint16_t record;

    if (function == NO_RECORD)
        return NULL;
    record = k->devices.functions[function].claim;
    if (record == NO_RECORD || !k->devices.claims[record].direct)
        return NULL;
    return &k->devices.claims[record];
}

struct device_reply kernel_direct_claim(struct kernel *k, uint16_t bdf, struct kernel_direct *out)
{
    uint16_t function = NO_RECORD;
    const enum device_error error = claim_decide(k, bdf, &function);
    const struct audit_event event = {CAP_NONE, AUDIT_OWNER_KERNEL, bdf, AUDIT_CLAIM, CAP_IF_DEVICE, 0};
    const struct function *f;
    uint16_t record;

    if (error != DEV_OK)
        return reply_error(error);
    if (!audit_has_room(&k->core.audit, 2)) /* a quarantine's record has its place too */
        return reply_exception(CAP_EX_AUDIT_FULL);
    record = claim_take_record(k, function);
    if (record == NO_RECORD)
        return reply_exception(CAP_EX_EXHAUSTED);
    k->devices.claims[record].direct = 1;
    audit_grant(&k->core.audit, &event);
    audit_reserve_end(&k->core.audit); /* for the record of a quarantine, if it comes to that */
    f = &k->devices.functions[function];
    out->bdf = bdf;
    for (uint32_t i = 0; i < PCI_BARS; i++)
        out->bar_address[i] = f->info.bars[i].assigned ? f->bar_address[i] : 0;
    return reply_value(0);
}

/* The claim's one pool, made at the first call. NO_RECORD: none free. */
static uint16_t direct_pool(struct kernel *k, uint16_t claim)
{
    for (uint16_t i = 0; i < POOLS_MAX; i++) {
        if (k->devices.pools[i].state == POOL_LIVE && k->devices.pools[i].claim == claim)
            return i;
    }
    return pool_take_record(k, claim, 0);
}

static uint16_t free_buffer(const struct kernel *k)
{
    for (uint16_t i = 0; i < BUFFERS_MAX; i++) {
        if (k->devices.buffers[i].state == BUFFER_FREE)
            return i;
    }
    return NO_RECORD;
}

struct device_reply kernel_direct_pages(struct kernel *k, uint16_t bdf, uint32_t pages,
                                        struct kernel_direct_memory *out)
{
    const struct claim *claim = direct_claim(k, bdf);
    const uint16_t buffer = free_buffer(k);
    struct dma_run run;

    if (claim == NULL)
        return reply_error(DEV_E_STATE);
    if (pages == 0)
        return reply_error(DEV_E_RANGE);
    const uint16_t claim_record = k->devices.functions[claim->function].claim;
    const uint16_t pool = direct_pool(k, claim_record);
    if (buffer == NO_RECORD || pool == NO_RECORD)
        return reply_exception(CAP_EX_EXHAUSTED);
    if (!dma_pages_take(k, claim->function, pool, pages, &run))
        return reply_error(DEV_E_NO_MEMORY);

    k->devices.buffers[buffer] = (struct dma_buffer){.run = run,
                                                     .bytes = pages * DMA_PAGE_BYTES,
                                                     .claim = claim_record,
                                                     .pool = pool,
                                                     .state = BUFFER_MAPPED};
    k->devices.pools[pool].pages_used += pages;
    dma_pages_activate(k, claim->function, run.first, run.count); /* its address is out: sticky */
    *out = (struct kernel_direct_memory){page_cpu(k, run.first), {page_bus(k, run.first)}, pages};
    return reply_value(pages);
}

struct device_reply kernel_direct_enable_dma(struct kernel *k, uint16_t bdf)
{
    struct claim *claim = direct_claim(k, bdf);

    if (claim == NULL)
        return reply_error(DEV_E_STATE);
    k->devices.functions[claim->function].state = DEVICE_RESET;
    if (!claim->dma_on) {
        claim->dma_on = 1;
        function_master_on(k, claim->function);
    }
    return reply_value(0);
}

struct device_reply kernel_direct_release(struct kernel *k, uint16_t bdf, bool reset_confirmed)
{
    const struct claim *claim = direct_claim(k, bdf);
    const struct audit_event event = {CAP_NONE, AUDIT_OWNER_KERNEL, bdf, AUDIT_RELEASE, CAP_IF_DEVICE, 0};

    if (claim == NULL)
        return reply_error(DEV_E_STATE);
    audit_end(&k->core.audit, &event);
    if (teardown_with(k, k->devices.functions[claim->function].claim, AUDIT_RELEASE, reset_confirmed))
        return reply_value(0);
    return reply_error(DEV_E_UNCONFIRMED);
}
