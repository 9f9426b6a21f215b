/* SPDX-License-Identifier: BSD-2-Clause */
/* Claiming a function: from Discovered to Claimed, decoding on, bus mastering off; and the calls on a Device
 * handle. */
#include "kernel/device/device.h"

enum device_error claim_decide(const struct kernel *k, uint16_t bdf, uint16_t *function)
{
    const uint16_t found = function_find(k, bdf);
    const struct function *f;

    if (found == NO_RECORD)
        return DEV_E_NO_FUNCTION;
    f = &k->devices.functions[found];
    if ((f->info.header_type & 0x7fu) != 0) /* bridges are the kernel's own */
        return DEV_E_NO_FUNCTION;
    if (f->quarantined) /* T4: until the privileged release */
        return DEV_E_QUARANTINED;
    if (f->claim != NO_RECORD)
        return DEV_E_CLAIMED;
    if (k->devices.pages.quarantined >= k->devices.pages.quarantine_cap) /* T12 */
        return DEV_E_LIMIT;
    ASSERT(f->state == DEVICE_DISCOVERED);
    *function = found;
    return DEV_OK;
}

static uint16_t free_claim(const struct kernel *k)
{
    for (uint16_t i = 0; i < CLAIMS_MAX; i++) {
        if (!k->devices.claims[i].used)
            return i;
    }
    return NO_RECORD;
}

uint16_t claim_take_record(struct kernel *k, uint16_t function)
{
    const uint16_t record = free_claim(k);
    struct function *f = &k->devices.functions[function];
    struct claim *claim;

    if (record == NO_RECORD)
        return NO_RECORD;
    claim = &k->devices.claims[record];
    *claim = (struct claim){.function = function, .registers = NO_RECORD, .used = 1};
    for (uint32_t n = 0; n < DMA_QUEUES_MAX; n++)
        claim->queues[n] = NO_RECORD;
    f->claim = record;
    f->epoch++;
    f->state = DEVICE_CLAIMED;
    function_decode_on(k, function);
    return record;
}

struct device_reply claim_device(struct kernel *k, struct owner *o, uint16_t bdf)
{
    uint16_t function = NO_RECORD;
    enum device_error error = claim_decide(k, bdf, &function);
    enum cap_exception exception;
    struct claim *claim;

    if (error != DEV_OK)
        return reply_error(error);
    exception = core_grant_check(&k->core, o);
    if (exception == CAP_EX_NONE && !charge_covered(o, BUDGET_DEVICES, 1))
        exception = CAP_EX_BUDGET;
    if (exception == CAP_EX_NONE && free_claim(k) == NO_RECORD)
        exception = CAP_EX_EXHAUSTED;
    if (exception != CAP_EX_NONE)
        return reply_exception(exception);

    const uint16_t record = claim_take_record(k, function);
    claim = &k->devices.claims[record];
    charge_take(o, BUDGET_DEVICES, 1, &claim->charge);
    const cap_id id = core_grant(&k->core, o, CAP_IF_DEVICE, record, OBJECT_NONE, bdf, &claim->object);
    audit_reserve_end(&k->core.audit); /* for the record of a quarantine, if it comes to that */
    return reply_cap(id);
}

struct device_reply claim_info(struct kernel *k, struct owner *o, cap_id device,
                               struct pci_function_info *out)
{
    const struct found found = find(k, o, device, CAP_IF_DEVICE);

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    *out = k->devices.functions[k->devices.claims[found.record].function].info;
    return reply_value(0);
}

struct device_reply claim_enable_dma(struct kernel *k, struct owner *o, cap_id device)
{
    const uint16_t allowed = IN_STATE(DEVICE_RESET) | IN_STATE(DEVICE_FEATURES_OK) |
                             IN_STATE(DEVICE_QUEUES_PROGRAMMED) | IN_STATE(DEVICE_DRIVER_OK);
    const struct found found = find(k, o, device, CAP_IF_DEVICE);
    struct claim *claim;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    claim = &k->devices.claims[found.record];
    /* Only after a confirmed reset: whatever firmware had left running is over. */
    if ((IN_STATE(k->devices.functions[claim->function].state) & allowed) == 0)
        return reply_error(DEV_E_STATE);
    if (!claim->dma_on) {
        claim->dma_on = 1;
        function_master_on(k, claim->function);
    }
    return reply_value(0);
}
