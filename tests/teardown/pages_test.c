/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages after a life: sticky to their function, scrubbed, kept in quarantine until the privileged release,
 * and never more of them than the cap. Which end leads where is the matrix (matrix.def). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/rig.h"

static char scene_text[160];
#define CHECK(condition) cr_assert(condition, "%s: %s", scene_text, #condition)

static void arm(struct rig *r, enum dm_attack attack, uint64_t value)
{
    dm_hostile_arm(dm_net_hostile(rig_net(r)), attack, 0, UINT32_MAX, value);
}

static void begin(struct rig *r, unsigned at)
{
    const struct rig_config config =
        rig_defaults(at & 1u ? DM_MODERN : DM_LEGACY, at & 2u ? RIG_DIRECT : RIG_BROKERED);
    snprintf(scene_text, sizeof scene_text, "case %u", at);
    rig_open(r, &config);
    CHECK(rig_attach(r) == PROVIDER_OK);
    CHECK(rig_start(r) == VNET_RUNNING);
    CHECK(rig_exchange(r, 5) == 5);
}

/* A frame through every transmit slot, so that every page of the buffers was named to the device. */
static void use_every_slot(struct rig *r)
{
    struct nic_rx_frame frames[NIC_BATCH_MAX];
    uint16_t back = 0;
    for (uint16_t i = 0; i < r->config.tx_slots; i++)
        CHECK(rig_send(r, 60, (uint8_t)i));
    for (uint32_t turn = 0; turn < 16 && back < r->config.tx_slots; turn++) {
        (void)rig_turn(r);
        uint16_t count = vnet_receive(&r->nic, frames, NIC_BATCH_MAX);
        for (uint16_t i = 0; i < count; i++)
            vnet_recycle(&r->nic, &frames[i].slot, 1);
        back = (uint16_t)(back + count);
    }
    CHECK(back == r->config.tx_slots);
    (void)rig_turn(r); /* the device takes the recycled buffers in */
}

/* The state of every page: a published one stays its function's, nobody's memory is a guard, what is free
 * holds nothing. */
static void check_pages(const struct rig *r)
{
    const struct pages *p = &r->kernel->devices.pages;
    for (uint32_t i = 0; i < p->fresh; i++) {
        const struct page *page = &p->page[i];
        CHECK(page->state != PAGE_ACTIVE || page->sticky != NO_RECORD);
        CHECK(page->state == PAGE_FREE || page->guards == 0);
        CHECK(page->state != PAGE_FREE || page->published == 0);
        CHECK(page->state != PAGE_FREE || page->pool == NO_RECORD);
    }
}

static uint32_t sticky_to(const struct rig *r, uint16_t function)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->kernel->devices.pages.fresh; i++)
        count += r->kernel->devices.pages.page[i].sticky == function;
    return count;
}

static uint16_t function_of(const struct rig *r)
{
    for (uint16_t i = 0; i < r->kernel->devices.function_count; i++)
        if (r->kernel->devices.functions[i].info.bdf == r->bdf)
            return i;
    return NO_RECORD;
}

/* The device writes an old receive buffer after its reset was confirmed and everything was given back: the
 * bytes land in pages that nobody but this device's driver will ever hold, and the next holder sees zeroes.
 */
Test(teardown_pages, late_write_after_the_reset_lands_in_sticky_pages_only)
{
    for (unsigned at = 0; at < 2; at++) {
        struct rig rig;
        struct vnet_env env;
        begin(&rig, at);
        uint32_t published = rig_pages_published(&rig);
        use_every_slot(&rig);
        CHECK(rig_stop(&rig) == VNET_STOPPED);
        CHECK(device_reply_ok(rig_take_back(&rig)));
        CHECK(rig_usage_restored(&rig));
        CHECK(sticky_to(&rig, function_of(&rig)) == published);
        arm(&rig, DM_ATTACK_DMA_AFTER_RESET, 0); /* not armed while it lived: nothing was remembered */
        CHECK(rig_attach(&rig) == PROVIDER_OK);
        CHECK(rig_start(&rig) == VNET_RUNNING);
        use_every_slot(&rig);
        CHECK(rig_stop(&rig) ==
              VNET_STOPPED); /* rings and buffers are back; the claim, a bus master, is not */
        for (uint32_t i = 0; i < 4; i++)
            platform_relax(&rig.world.platform);
        CHECK(device_reply_ok(rig_take_back(&rig)));
        CHECK(dm_memory_counts(rig.world.memory).rogue_writes == 1);
        CHECK(sticky_to(&rig, function_of(&rig)) == published);
        check_pages(&rig);

        CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
        struct device_reply buffer =
            rig.authority.ops->buffer_create(rig.authority.ctx, rig.pool, 64 * 4096, DMA_FROM_DEVICE);
        uint32_t bytes = 64 * 4096;
        if (!device_reply_ok(buffer)) {
            bytes = 16 * 4096;
            buffer = rig.authority.ops->buffer_create(rig.authority.ctx, rig.pool, bytes, DMA_FROM_DEVICE);
        }
        CHECK(device_reply_ok(buffer));
        struct device_reply mapped = rig.authority.ops->buffer_map(rig.authority.ctx, buffer.cap);
        const uint8_t *memory = (const uint8_t *)(uintptr_t)mapped.value;
        for (uint32_t i = 0; i < bytes; i++)
            CHECK(memory[i] == 0);
        rig.nic.state = VNET_CLOSED;
        CHECK(device_reply_ok(rig_take_back(&rig)));
        CHECK(rig_usage_restored(&rig));
        CHECK(rig_complaints(&rig) == 0);
        rig_close(&rig);
    }
}

/* Two functions: what one of them ever knew is never granted to the other, however much that one asks for. */
Test(teardown_pages, published_pages_are_granted_again_to_the_same_function_only)
{
    struct rig rig;
    struct rig_config config = rig_defaults(DM_MODERN, RIG_BROKERED);
    config.world.nic_count = 2;
    config.world.nics[1] = config.world.nics[0];
    snprintf(scene_text, sizeof scene_text, "two functions");
    rig_open(&rig, &config);
    uint16_t first = rig.bdf;
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK(rig_start(&rig) == VNET_RUNNING);
    use_every_slot(&rig);
    uint32_t published = rig_pages_published(&rig);
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(&rig)));

    uint16_t function = function_of(&rig);
    rig.bdf = (uint16_t)(first + 8u);
    CHECK(function_of(&rig) != NO_RECORD);
    struct vnet_env env;
    CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
    uint32_t granted = 0;
    while (device_reply_ok(
        rig.authority.ops->buffer_create(rig.authority.ctx, rig.pool, DMA_PAGE_BYTES, DMA_TO_DEVICE)))
        granted++;
    CHECK(granted == rig.config.pool_pages);
    const struct pages *p = &rig.kernel->devices.pages;
    for (uint32_t i = 0; i < p->fresh; i++)
        CHECK(p->page[i].sticky != function || p->page[i].state == PAGE_FREE);
    rig.nic.state = VNET_CLOSED;
    CHECK(device_reply_ok(rig_take_back(&rig)));

    rig.bdf = first;
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK(rig_start(&rig) == VNET_RUNNING);
    CHECK(sticky_to(&rig, function) == published); /* the same pages again, not new ones */
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(&rig)));
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

/* T12: past the cap of quarantined pages nothing is granted any more, to anybody, until somebody releases. */
Test(teardown_pages, quarantine_cap_refuses_further_grants)
{
    struct rig rig;
    struct rig_config config = rig_defaults(DM_LEGACY, RIG_BROKERED);
    config.world.nic_count = 2;
    config.world.nics[1] = config.world.nics[0];
    snprintf(scene_text, sizeof scene_text, "quarantine cap");
    rig_open(&rig, &config);
    uint16_t first = rig.bdf;
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK(rig_start(&rig) == VNET_RUNNING);
    uint32_t pages = rig_pages_published(&rig);
    kernel_set_quarantine_cap(rig.kernel, pages);
    arm(&rig, DM_ATTACK_RESET_NEVER, 0);
    CHECK(rig_stop(&rig) == VNET_QUARANTINED);
    CHECK(rig_take_back(&rig).error == DEV_E_UNCONFIRMED);
    rig.bdf = (uint16_t)(first + 8u);
    CHECK(rig_try_claim(&rig).error == DEV_E_LIMIT);
    kernel_set_quarantine_cap(rig.kernel, pages + 1);
    CHECK(device_reply_ok(rig_try_claim(&rig)));
    kernel_set_quarantine_cap(rig.kernel, pages);
    dm_hostile_clear(dm_net_hostile(rig_net(&rig)));
    CHECK(device_release_quarantine(rig.kernel, first).value == pages);
    CHECK(device_reply_ok(rig_try_claim(&rig)));
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

/* A device that goes on after the release of its quarantine was asked for is still no bus master: its pages
 * are free only because it cannot reach them, and the kernel says so by having read it back. */
Test(teardown_pages, quarantine_is_left_by_the_privileged_release_alone)
{
    struct rig rig;
    begin(&rig, 0);
    uint32_t pages = rig_pages_published(&rig);
    arm(&rig, DM_ATTACK_RESET_NEVER, 0);
    owner_kill(rig.kernel, rig.owner);
    rig.owner = NULL;
    CHECK(rig_usage_quarantined(&rig, pages));
    for (uint32_t i = 0; i < 2000; i++) /* no time-out frees it */
        platform_relax(&rig.world.platform);
    for (uint32_t i = 0; i < 5; i++) /* no bind does */
        CHECK(rig_try_claim(&rig).error == DEV_E_QUARANTINED);
    CHECK(rig_drain_audit(&rig));
    CHECK(rig.audited[AUDIT_QUARANTINE] == 1);
    CHECK(rig.audited[AUDIT_QUARANTINE_RELEASE] == 0);
    CHECK(rig_usage_quarantined(&rig, pages));
    check_pages(&rig);
    dm_hostile_clear(dm_net_hostile(rig_net(&rig)));
    CHECK(device_release_quarantine(rig.kernel, rig.bdf).value == pages);
    CHECK(device_release_quarantine(rig.kernel, 0x00f8).error == DEV_E_NO_FUNCTION);
    CHECK(rig_drain_audit(&rig));
    CHECK(rig.audited[AUDIT_QUARANTINE_RELEASE] == 1);
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

/* The owner is killed while its device is in quarantine, and the other way round: the pages are accounted
 * once. */
Test(teardown_pages, quarantine_outlives_its_owner)
{
    struct rig rig;
    begin(&rig, 1);
    uint32_t pages = rig_pages_published(&rig);
    arm(&rig, DM_ATTACK_RESET_NEVER, 0);
    CHECK(rig_stop(&rig) == VNET_QUARANTINED);
    CHECK(rig.authority.ops->release(rig.authority.ctx, rig.device).error == DEV_E_UNCONFIRMED);
    CHECK(kernel_usage(rig.kernel).budget_used[BUDGET_POOL_PAGES] ==
          pages); /* T12: its owner goes on paying */
    dm_hostile_clear(dm_net_hostile(rig_net(&rig)));
    CHECK(device_release_quarantine(rig.kernel, rig.bdf).value == pages);
    CHECK(kernel_usage(rig.kernel).budget_used[BUDGET_POOL_PAGES] == 0);
    owner_kill(rig.kernel, rig.owner);
    rig.owner = NULL;
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}
