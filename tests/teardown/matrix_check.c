/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold after every cell: old handles dead, bus mastering and interrupts off, every counter as
 * before or exactly the known pages kept, and a next life. */
#include "tests/teardown/matrix.h"

#define COMMAND_OFFSET  0x04u
#define COMMAND_MASTER  0x0004u
#define COMMAND_NO_INTX 0x0400u
#define MSIX_ENABLE     0x8000u
#define FRAMES_AGAIN    3u

enum scene_handle {
    HANDLE_DEVICE = 0,
    HANDLE_POOL,
    HANDLE_INTERRUPT,
    HANDLE_REGISTERS,
    HANDLE_RX_QUEUE,
    HANDLE_TX_QUEUE,
    HANDLE_RX_BUFFER,
    HANDLE_TX_BUFFER,
    HANDLE_COUNT
};
_Static_assert(HANDLE_COUNT == MATRIX_HANDLES, "every handle has its place");

static void note(cap_id *at, cap_id held)
{
    if (!cap_is_none(held))
        *at = held;
}

void scene_note_handles(struct scene *s)
{
    const struct rig *r = &s->rig;
    if (s->cell.author != RIG_BROKERED)
        return;
    note(&s->handles[HANDLE_DEVICE], r->device);
    note(&s->handles[HANDLE_POOL], r->pool);
    note(&s->handles[HANDLE_INTERRUPT], r->interrupt);
    if (!s->opened)
        return;
    note(&s->handles[HANDLE_REGISTERS], r->registers_brokered.registers);
    note(&s->handles[HANDLE_RX_QUEUE], brokered_unpack(r->nic.rx.ring.handle));
    note(&s->handles[HANDLE_TX_QUEUE], brokered_unpack(r->nic.tx.ring.handle));
    note(&s->handles[HANDLE_RX_BUFFER], brokered_unpack(r->nic.rx_buffer.handle));
    note(&s->handles[HANDLE_TX_BUFFER], brokered_unpack(r->nic.tx_buffer.handle));
}

static struct device_reply use(const struct scene *s, uint32_t which)
{
    const struct device_authority *a = &s->rig.authority;
    const struct dma_publication p = {.count = 1};
    const cap_id id = s->handles[which];
    switch (which) {
    case HANDLE_DEVICE:
        return a->ops->enable_dma(a->ctx, id);
    case HANDLE_POOL:
        return a->ops->buffer_create(a->ctx, id, DMA_PAGE_BYTES, DMA_TO_DEVICE);
    case HANDLE_INTERRUPT:
        return a->ops->interrupt_mask(a->ctx, id, false);
    case HANDLE_REGISTERS:
        return a->ops->reg_write(a->ctx, id, 0, 0, 0);
    case HANDLE_RX_QUEUE:
        return a->ops->publish(a->ctx, id, &p, 1);
    case HANDLE_TX_QUEUE:
        return a->ops->reap(a->ctx, id);
    default:
        return a->ops->buffer_map(a->ctx, id);
    }
}

bool scene_old_handles_refused(struct scene *s)
{
    const struct rig *r = &s->rig;
    const struct kernel_usage before = kernel_usage(r->kernel);
    const uint64_t accesses = r->world.platform.trace_calls;
    for (uint32_t i = 0; i < HANDLE_COUNT; i++) {
        if (cap_is_none(s->handles[i]))
            continue;
        const struct device_reply reply = use(s, i);
        if (reply.exception != CAP_EX_STALE)
            return scene_wrong(s, "old handle %u is answered %s, %s", i, cap_exception_name(reply.exception),
                               device_error_name(reply.error));
    }
    const struct kernel_usage after = kernel_usage(r->kernel);
    NEED(s, rig_usage_same(&after, &before));
    NEED(s, r->world.platform.trace_calls == accesses); /* I9: before any side effect */
    return true;
}

/* Every page: what was published stays its function's, what is free is nobody's, unguarded and unpublished.
 */
static bool pages_right(struct scene *s)
{
    const struct pages *p = &s->rig.kernel->devices.pages;
    uint64_t sticky = 0;
    for (uint32_t i = 0; i < p->fresh; i++) {
        const struct page *page = &p->page[i];
        sticky += page->sticky != NO_RECORD;
        NEED(s, page->state != PAGE_GRANTED && page->state != PAGE_ACTIVE);
        NEED(s, page->state == PAGE_FREE || page->state == PAGE_QUARANTINED);
        NEED(s, page->state != PAGE_FREE || (page->guards == 0 || page->pool == NO_RECORD));
        NEED(s, page->state != PAGE_FREE || (page->published == 0 && page->pool == NO_RECORD));
    }
    NEED(s, sticky == kernel_stats(s->rig.kernel)->pages_sticky);
    return true;
}

/* T5: no bus master, no INTx, MSI-X off. */
static bool function_silent(struct scene *s)
{
    struct rig *r = &s->rig;
    const uint32_t command = platform_pci_read(&r->world.platform, r->bdf, COMMAND_OFFSET, 2);
    NEED(s, (command & COMMAND_MASTER) == 0);
    NEED(s, (command & COMMAND_NO_INTX) != 0);
    NEED(s, (rig_msix_control(r) & MSIX_ENABLE) == 0);
    return true;
}

bool scene_check_after(struct scene *s)
{
    struct rig *r = &s->rig;
    const struct kernel_usage now = kernel_usage(r->kernel);
    s->result.restored = now.quarantined_devices == 0;
    s->result.pages = now.pages_quarantined;
    NEED(s, s->release.exception == CAP_EX_NONE);
    NEED(s, s->release.error == (s->result.restored ? DEV_OK : DEV_E_UNCONFIRMED));
    if (s->result.restored != s->expected.restored)
        return scene_wrong(s, "%s, expected %s", s->result.restored ? "restored" : "quarantined",
                           s->expected.restored ? "restored" : "quarantined");
    NEED(s, s->result.restored ? rig_usage_restored(r) : rig_usage_quarantined(r, s->pages));
    NEED(s, now.outstanding_publications == 0 && now.bus_masters_on == 0);
    NEED(s, r->audited[AUDIT_QUARANTINE] == (s->result.restored ? 0u : 1u));
    if (!pages_right(s))
        return false;
    if (s->cell.cause != CAUSE_REMOVAL && !function_silent(s))
        return false;
    if (!s->result.restored)
        return true;
    NEED(s, dm_net_counts(rig_net(r)).in_flight == 0);
    NEED(s, dm_memory_counts(r->world.memory).exposed_bytes == 0);
    NEED(s, dm_memory_counts(r->world.memory).mapped_bytes == 0);
    return true;
}

/* No claim until the privileged release, which frees what was kept; of a function that is gone it frees
 * nothing. */
static bool leave_quarantine(struct scene *s)
{
    struct rig *r = &s->rig;
    NEED(s, rig_try_claim(r).error == DEV_E_QUARANTINED);
    if (s->cell.cause == CAUSE_REMOVAL) {
        NEED(s, device_release_quarantine(r->kernel, r->bdf).error == DEV_E_UNCONFIRMED);
        NEED(s, rig_usage_quarantined(r, s->pages));
        return true;
    }
    dm_hostile_clear(dm_net_hostile(rig_net(r)));
    NEED(s, s->cell.author == RIG_BROKERED || rig_reset_by_hand(r));
    const struct device_reply release = device_release_quarantine(r->kernel, r->bdf);
    NEED(s, device_reply_ok(release) && release.value == s->pages);
    NEED(s, device_release_quarantine(r->kernel, r->bdf).error == DEV_E_STATE);
    NEED(s, rig_usage_restored(r));
    return function_silent(s);
}

bool scene_live_again(struct scene *s)
{
    struct rig *r = &s->rig;
    if (!s->result.restored && !leave_quarantine(s))
        return false;
    if (s->cell.cause == CAUSE_REMOVAL)
        return true;
    dm_net_set_link(rig_net(r), true);
    dm_hostile_clear(dm_net_hostile(rig_net(r)));
    NEED(s, rig_attach(r) == PROVIDER_OK);
    NEED(s, rig_start(r) == VNET_RUNNING);
    NEED(s, rig_exchange(r, FRAMES_AGAIN) == FRAMES_AGAIN);
    NEED(s, rig_stop(r) == VNET_STOPPED);
    NEED(s, device_reply_ok(rig_take_back(r)));
    NEED(s, rig_usage_restored(r));
    s->result.again = true;
    return function_silent(s);
}
