/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to a device from outside: firmware left it running, somebody pulls it out, the link goes, it
 * asks for a reset. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/rig.h"

static char scene_text[120];
#define CHECK(condition) cr_assert(condition, "%s: %s", scene_text, #condition)

static struct rig_config config_of(unsigned at)
{
    return rig_defaults(at & 1u ? DM_MODERN : DM_LEGACY, at & 2u ? RIG_DIRECT : RIG_BROKERED);
}

static void finish(struct rig *r)
{
    CHECK(rig_stop(r) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(r)));
    CHECK(rig_usage_restored(r));
    cr_assert(rig_complaints(r) == 0, "%s: %s", scene_text, rig_complaint(r));
    rig_close(r);
}

static void run(struct rig *r)
{
    CHECK(rig_attach(r) == PROVIDER_OK);
    CHECK(rig_start(r) == VNET_RUNNING);
    CHECK(rig_exchange(r, 5) == 5);
}

/* Rings of the firmware are live and the function masters the bus when the kernel comes: silenced at the
 * scan, ended by the first reset; no byte of ours is touched before. */
Test(firmware, rings_that_firmware_left_running_are_ended_before_ours)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        struct rig_config config = config_of(at);
        uint16_t function = 0;
        config.world.nics[0].model.firmware_left_running = true;
        snprintf(scene_text, sizeof scene_text, "case %u", at);
        rig_open(&rig, &config);
        while (kernel_function_info(rig.kernel, function)->bdf != rig.bdf)
            function++;
        CHECK(kernel_function_firmware_master(rig.kernel, function));
        CHECK(dm_net_status(rig_net(&rig)) != 0); /* still as firmware left it */
        for (uint32_t i = 0; i < 10; i++)
            platform_relax(&rig.world.platform);
        run(&rig);
        finish(&rig);
    }
}

/* Claimed and given back without a driver: never a bus master again, and its registers were not written. */
Test(firmware, claim_without_a_driver_leaves_a_silenced_device_silent)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        struct rig_config config = config_of(at);
        config.world.nics[0].model.firmware_left_running = true;
        snprintf(scene_text, sizeof scene_text, "case %u", at);
        rig_open(&rig, &config);
        CHECK(device_reply_ok(rig_try_claim(&rig)));
        CHECK(kernel_stats(rig.kernel)->register_writes == 0);
        CHECK((platform_pci_read(&rig.world.platform, rig.bdf, 4, 2) & 4u) == 0);
        CHECK(rig_usage_restored(&rig));
        CHECK(rig_complaints(&rig) == 0);
        rig_close(&rig);
    }
}

enum phase { BEFORE_CLAIM = 0, OPENED, STARTING, RUNNING, STOPPING, PHASE_COUNT };

/* Reads of a function that is gone give all ones: nothing is ever confirmed, nothing is ever believed. */
static void remove_in(struct rig *r, enum phase phase, unsigned polls)
{
    if (phase == BEFORE_CLAIM) {
        dm_net_remove(rig_net(r));
        CHECK(rig_attach(r) == PROVIDER_OK);
        return;
    }
    CHECK(rig_attach(r) == PROVIDER_OK);
    for (unsigned i = 0; phase == STARTING && i < polls; i++)
        (void)rig_turn(r);
    if (phase >= RUNNING)
        CHECK(rig_start(r) == VNET_RUNNING);
    if (phase >= RUNNING)
        CHECK(rig_exchange(r, 3) == 3);
    if (phase == STOPPING)
        vnet_stop(&r->nic);
    dm_net_remove(rig_net(r));
}

static void surprise(unsigned at, enum phase phase, unsigned polls)
{
    struct rig rig;
    const struct rig_config config = config_of(at);
    snprintf(scene_text, sizeof scene_text, "case %u, phase %u, %u polls", at, (unsigned)phase, polls);
    rig_open(&rig, &config);
    remove_in(&rig, phase, polls);
    for (uint32_t i = 0; i < 2 * VNET_HEALTH_POLLS + 2 * VNET_RESET_POLLS_MAX; i++)
        if (rig_turn(&rig) == VNET_QUARANTINED)
            break;
    CHECK(rig.nic.state == VNET_QUARANTINED);
    /* While running it is the status, all ones, that asks for a reset; else the reset is what fails. */
    CHECK(rig.nic.error != PROVIDER_OK);
    if (phase == RUNNING)
        CHECK(rig.nic.error == PROVIDER_E_NEEDS_RESET);
    if (phase == BEFORE_CLAIM || phase == STOPPING)
        CHECK(rig.nic.error == PROVIDER_E_RESET);
    uint32_t pages = rig.config.author == RIG_DIRECT ? rig.config.pool_pages : rig_pages_published(&rig);
    CHECK(rig_take_back(&rig).error == DEV_E_UNCONFIRMED);
    CHECK(rig_usage_quarantined(&rig, pages));
    CHECK(rig_try_claim(&rig).error == DEV_E_QUARANTINED);
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

Test(removal, surprise_in_each_phase_ends_in_quarantine)
{
    for (unsigned at = 0; at < 4; at++)
        for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
            for (unsigned polls = 1; polls <= (phase == STARTING ? 8u : 1u); polls++)
                surprise(at, (enum phase)phase, polls);
}

/* The link goes and comes back: seen within the bound of the health reads; no frame is invented, none gets
 * stuck. */
Test(link, down_and_up_again_is_seen_and_survived)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        const struct rig_config config = config_of(at);
        snprintf(scene_text, sizeof scene_text, "case %u", at);
        rig_open(&rig, &config);
        run(&rig);
        CHECK(vnet_link(&rig.nic) == NIC_LINK_UP);
        dm_net_set_link(rig_net(&rig), false);
        for (uint32_t i = 0; i < VNET_HEALTH_POLLS + 1u; i++)
            (void)rig_turn(&rig);
        CHECK(vnet_link(&rig.nic) == NIC_LINK_DOWN);
        CHECK(rig_exchange(&rig, 3) == 0);
        CHECK(rig.nic.state == VNET_RUNNING);
        dm_net_set_link(rig_net(&rig), true);
        for (uint32_t i = 0; i < VNET_HEALTH_POLLS + 1u; i++)
            (void)rig_turn(&rig);
        CHECK(vnet_link(&rig.nic) == NIC_LINK_UP);
        CHECK(rig_exchange(&rig, 20) == 20);
        finish(&rig);
    }
}

/* A device that is born without a link starts, says so, and works once it has one. */
Test(link, down_from_the_start)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        struct rig_config config = config_of(at);
        config.world.nics[0].model.link_up = false;
        snprintf(scene_text, sizeof scene_text, "case %u", at);
        rig_open(&rig, &config);
        CHECK(rig_attach(&rig) == PROVIDER_OK);
        CHECK(rig_start(&rig) == VNET_RUNNING);
        CHECK(vnet_link(&rig.nic) == NIC_LINK_DOWN);
        dm_net_set_link(rig_net(&rig), true);
        for (uint32_t i = 0; i < VNET_HEALTH_POLLS + 1u; i++)
            (void)rig_turn(&rig);
        CHECK(vnet_link(&rig.nic) == NIC_LINK_UP);
        CHECK(rig_exchange(&rig, 5) == 5);
        finish(&rig);
    }
}

/* DEVICE_NEEDS_RESET while frames are in flight: stopped by a reset, opened again, all right again; three
 * times over. */
Test(needs_reset, asked_while_running_is_heeded_and_the_next_life_works)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        const struct rig_config config = config_of(at);
        rig_open(&rig, &config);
        for (unsigned life = 0; life < 3; life++) {
            snprintf(scene_text, sizeof scene_text, "case %u, life %u", at, life);
            run(&rig);
            CHECK(rig_send(&rig, 100, 1));
            dm_net_need_reset(rig_net(&rig));
            for (uint32_t i = 0; i < VNET_HEALTH_POLLS + 16u; i++)
                (void)rig_turn(&rig);
            CHECK(rig.nic.state == VNET_STOPPED);
            CHECK(rig.nic.error == PROVIDER_E_NEEDS_RESET);
            CHECK(rig.nic.counters.needs_reset == 1);
            CHECK(device_reply_ok(rig_take_back(&rig)));
            CHECK(rig_usage_restored(&rig));
        }
        run(&rig);
        finish(&rig);
    }
}
