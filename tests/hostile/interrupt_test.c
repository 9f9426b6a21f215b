/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts through capabilities in a whole world: a provider with a vector, a device that keeps or breaks
 * its word about it, an owner that is killed with the route live. */
#include <criterion/criterion.h>

#include "provider/tables.h"
#include "tests/support/rig.h"

static struct rig rig;

#define OPS rig.authority.ops
#define CTX rig.authority.ctx

static void up(enum dm_transport transport)
{
    struct rig_config config = rig_defaults(transport, RIG_BROKERED);
    config.interrupts = true;
    rig_open(&rig, &config);
}

static void down(void)
{
    cr_assert_eq(rig_stop(&rig), VNET_STOPPED);
    cr_assert(device_reply_ok(rig_take_back(&rig)));
    cr_assert(rig_usage_restored(&rig));
    cr_assert_eq(rig_complaints(&rig), 0, "%s", rig_complaint(&rig));
    rig_close(&rig);
}

static void arm(enum dm_attack attack)
{
    dm_hostile_arm(dm_net_hostile(rig_net(&rig)), attack, 0, UINT32_MAX, 0);
}

static uint64_t pending(void)
{
    struct device_reply reply = OPS->interrupt_wait(CTX, rig.interrupt);
    cr_assert(device_reply_ok(reply));
    return reply.value;
}

static uint16_t vector_row(void)
{
    return rig.nic.probe.kind == VIRTIO_MODERN ? MODERN_QUEUE_VECTOR : LEGACY_QUEUE_VECTOR;
}

static const enum dm_transport transports[] = {DM_LEGACY, DM_MODERN, DM_TRANSITIONAL};
#define FOR_EACH_TRANSPORT for (unsigned each = 0; each < sizeof transports / sizeof transports[0]; each++)

Test(interrupt, each_used_buffer_is_announced_while_unmasked_and_none_while_masked)
{
    FOR_EACH_TRANSPORT
    {
        up(transports[each]);
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        cr_assert_eq(rig_start(&rig), VNET_RUNNING);
        cr_assert_eq(pending(), 0);
        cr_assert_eq(rig_exchange(&rig, 20), 20);
        const uint64_t delivered = pending();
        cr_assert_geq(delivered, 20);
        cr_assert_eq(OPS->interrupt_ack(CTX, rig.interrupt).value, delivered);
        cr_assert(device_reply_ok(OPS->interrupt_mask(CTX, rig.interrupt, true)));
        cr_assert_eq(rig_exchange(&rig, 20), 20);
        cr_assert_eq(pending(), 0);
        cr_assert(device_reply_ok(OPS->interrupt_mask(CTX, rig.interrupt, false)));
        cr_assert_eq(pending(), 1, "however many were held back, one bit remembers them");
        down();
    }
}

/* The route goes first: what the device raises at its reset, or later, finds nobody. */
Test(interrupt, a_kill_with_the_route_live_tears_it_down_and_a_late_message_wakes_nobody)
{
    FOR_EACH_TRANSPORT
    {
        uint16_t route = 0;
        up(transports[each]);
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        cr_assert_eq(rig_start(&rig), VNET_RUNNING);
        cr_assert_eq(rig_exchange(&rig, 3), 3);
        cr_assert_gt(pending(), 0);
        cr_assert(kernel_interrupt_route(rig.kernel, rig.owner, rig.interrupt, &route));
        cr_assert_eq(rig_msix_control(&rig) & 0x8000u, 0x8000u);
        cr_assert(rig_send(&rig, 60, 1)); /* on its way */
        owner_kill(rig.kernel, rig.owner);
        rig.owner = NULL;
        cr_assert_eq(rig_msix_control(&rig) & 0x8000u, 0);
        cr_assert(rig_usage_restored(&rig));
        const uint32_t taken = platform_interrupts(&rig.world.platform);
        for (uint32_t i = 0; i < 64; i++)
            platform_relax(&rig.world.platform);
        cr_assert_eq(platform_interrupts(&rig.world.platform), taken, "the device raises nothing any more");
        cr_assert_eq(OPS->interrupt_wait(CTX, rig.interrupt).exception, CAP_EX_STALE);
        cr_assert_eq(OPS->interrupt_mask(CTX, rig.interrupt, false).exception, CAP_EX_STALE);
        /* The next life of the same vector, and the late message of the last one. */
        rig.claimed = false;
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        platform_msi_raise(&rig.world.platform, route);
        cr_assert_eq(platform_interrupts(&rig.world.platform), taken + 1);
        cr_assert_eq(pending(), 0);
        cr_assert_eq(rig_start(&rig), VNET_RUNNING);
        cr_assert_eq(rig_exchange(&rig, 3), 3);
        cr_assert_gt(pending(), 0);
        down();
    }
}

/* MSI-X stays enabled for the other one: what holds the device back is the entry alone. */
Test(interrupt, a_route_torn_down_beside_a_live_one_delivers_nothing)
{
    FOR_EACH_TRANSPORT
    {
        up(transports[each]);
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        struct device_reply other = OPS->interrupt_create(CTX, rig.device, 0);
        cr_assert(device_reply_ok(other));
        cr_assert(device_reply_ok(OPS->interrupt_mask(CTX, other.cap, false)));
        cr_assert_eq(rig_start(&rig), VNET_RUNNING);
        cr_assert_eq(rig_exchange(&rig, 3), 3);
        const uint32_t taken = platform_interrupts(&rig.world.platform);
        cr_assert_gt(taken, 0);
        cr_assert(device_reply_ok(OPS->release(CTX, rig.interrupt)));
        cr_assert_eq(rig_msix_control(&rig) & 0x8000u, 0x8000u);
        cr_assert_eq(rig_exchange(&rig, 3), 3);
        cr_assert_eq(platform_interrupts(&rig.world.platform), taken);
        cr_assert_eq(OPS->interrupt_wait(CTX, other.cap).value, 0);
        down();
    }
}

Test(interrupt, a_vector_that_reads_back_as_none_ends_the_start)
{
    FOR_EACH_TRANSPORT
    {
        up(transports[each]);
        arm(DM_ATTACK_MSIX_NO_VECTOR);
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        cr_assert_neq(rig_start(&rig), VNET_RUNNING);
        cr_assert_eq(rig.nic.error, PROVIDER_E_VECTOR);
        cr_assert_gt(dm_net_hostile(rig_net(&rig))->arms[DM_ATTACK_MSIX_NO_VECTOR].fired, 0);
        down();
    }
}

Test(interrupt, a_vector_beyond_the_devices_own_ends_the_start)
{
    FOR_EACH_TRANSPORT
    {
        struct vnet_env env;
        up(transports[each]);
        cr_assert_eq(rig_claim(&rig, &env), PROVIDER_OK);
        env.tx_vector.number = 700;
        cr_assert_eq(vnet_open(&rig.nic, &env), PROVIDER_OK);
        cr_assert_neq(rig_start(&rig), VNET_RUNNING);
        cr_assert_eq(rig.nic.error, PROVIDER_E_VECTOR);
        down();
    }
}

Test(interrupt, a_device_that_never_raises_is_polled_all_the_same)
{
    up(DM_MODERN);
    arm(DM_ATTACK_NEVER_NOTIFY);
    cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
    cr_assert_eq(rig_start(&rig), VNET_RUNNING);
    cr_assert_eq(rig_exchange(&rig, 20), 20);
    cr_assert_eq(pending(), 0);
    down();
}

Test(interrupt, a_storm_is_stopped_by_the_mask)
{
    up(DM_LEGACY);
    cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
    cr_assert_eq(rig_start(&rig), VNET_RUNNING);
    arm(DM_ATTACK_SPURIOUS_NOTIFY);
    cr_assert_eq(rig_exchange(&rig, 20), 20);
    cr_assert_gt(pending(), 40);
    cr_assert(device_reply_ok(OPS->interrupt_mask(CTX, rig.interrupt, true)));
    OPS->interrupt_ack(CTX, rig.interrupt);
    cr_assert_eq(rig_exchange(&rig, 20), 20);
    cr_assert_eq(pending(), 0);
    down();
}

/* 4.1.4.10: on a legacy function other registers lie there, on a modern one the mapping would count for
 * nothing. */
Test(interrupt, vector_registers_are_refused_while_msix_is_off)
{
    FOR_EACH_TRANSPORT
    {
        uint64_t writes, accesses;
        up(transports[each]);
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        cr_assert_eq(rig_start(&rig), VNET_RUNNING);
        const cap_id registers = rig.registers_brokered.registers;
        cr_assert(device_reply_ok(OPS->reg_read(CTX, registers, vector_row(), 0)));
        cr_assert_eq(OPS->reg_write(CTX, registers, vector_row(), 0, 1).error, DEV_E_STATE, "while it runs");
        cr_assert(device_reply_ok(OPS->release(CTX, rig.interrupt)));
        cr_assert_eq(rig_stop(&rig), VNET_STOPPED);
        cr_assert(device_reply_ok(rig_take_back(&rig)));

        rig.config.interrupts = false;
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        writes = kernel_stats(rig.kernel)->register_writes;
        accesses = rig.world.platform.trace_calls;
        const cap_id bare = rig.registers_brokered.registers;
        for (uint32_t step = 0; step < 2; step++) { /* resetting, and where a mapping is due otherwise */
            cr_assert_eq(kernel_device_state(rig.kernel, rig.bdf),
                         step == 0 ? DEVICE_RESETTING : DEVICE_FEATURES_OK);
            cr_assert_eq(OPS->reg_read(CTX, bare, vector_row(), 0).error, DEV_E_STATE);
            cr_assert_eq(OPS->reg_write(CTX, bare, vector_row(), 0, 1).error, DEV_E_STATE);
            cr_assert_eq(kernel_stats(rig.kernel)->register_writes, writes);
            cr_assert_eq(rig.world.platform.trace_calls, accesses, "no access reaches the bus");
            for (uint32_t i = 0; i < 4; i++)
                (void)rig_turn(&rig);
            writes = kernel_stats(rig.kernel)->register_writes;
            accesses = rig.world.platform.trace_calls;
        }
        cr_assert_eq(rig_start(&rig), VNET_RUNNING);
        cr_assert_eq(rig_exchange(&rig, 3), 3);
        cr_assert_arr_eq(rig.nic.mac, rig.config.world.nics[0].model.mac, 6);
        down();
    }
}
