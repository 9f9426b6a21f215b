/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware left running before the kernel came. */
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
