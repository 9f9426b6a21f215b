/* SPDX-License-Identifier: BSD-2-Clause */
/* Reset: begun, confirmed, or not. The device's word "I have stopped" is the only thing believed of it, and
 * only after the write that asked for it; a device that does not say so within the table's bound is never
 * believed (I11). */
#include "kernel/device/device.h"

static uint32_t read_at(struct kernel *k, const struct quiesce *q, uint64_t address, uint8_t width)
{
    return q->ports ? platform_port_read(k->platform, (uint16_t)address, width)
                    : platform_mmio_read(k->platform, address, width);
}

bool quiesce_settled(struct kernel *k, const struct quiesce *q)
{
    return q->running == 0 || (read_at(k, q, q->address, q->width) & q->running) == 0 ||
           (read_at(k, q, q->confirm, q->confirm_width) & q->settled) != 0;
}

bool quiesce_run(struct kernel *k, const struct quiesce *q)
{
    bool settled = quiesce_settled(k, q);

    ASSERT(q->known);
    ASSERT(q->polls_max <= REG_QUIESCE_POLLS_MAX);
    for (uint32_t poll = 0; poll < q->polls_max && !settled; poll++) {
        platform_relax(k->platform);
        settled = quiesce_settled(k, q);
    }
    if (q->ports)
        platform_port_write(k->platform, (uint16_t)q->address, q->width, q->write);
    else
        platform_mmio_write(k->platform, q->address, q->width, q->write);
    for (uint32_t poll = 0; poll < q->polls_max; poll++) {
        if ((read_at(k, q, q->confirm, q->confirm_width) & q->mask) == q->until)
            return settled; /* the word of a device that had not started yet says nothing */
        platform_relax(k->platform);
    }
    return false;
}

void device_begin_reset(struct kernel *k, struct claim *claim)
{
    struct function *f = &k->devices.functions[claim->function];

    ASSERT(f->claim != NO_RECORD);
    queues_stop(k, claim);
    f->state = DEVICE_RESETTING;
    f->epoch++; /* I12: before anything that the device knew goes */
}

void device_end_reset(struct kernel *k, struct claim *claim)
{
    struct function *f = &k->devices.functions[claim->function];

    ASSERT(f->state == DEVICE_RESETTING);
    queues_after_reset(k, claim);
    f->state = DEVICE_RESET;
    claim->quiesce.wrote = 0; /* nothing that was written is running any more */
}

bool quiesce_claim(struct kernel *k, struct claim *claim)
{
    const bool touched = claim->quiesce.wrote || claim->dma_on;

    device_begin_reset(k, claim);
    /* Nothing written and never a bus master: there is nothing to stop, and a bind that only looked writes
     * nothing. */
    if (touched && (!claim->quiesce.known || !quiesce_run(k, &claim->quiesce))) {
        k->stats.resets_unconfirmed++;
        return false;
    }
    if (touched)
        k->stats.resets_confirmed++;
    device_end_reset(k, claim);
    return true;
}
