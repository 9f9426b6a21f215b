/* SPDX-License-Identifier: BSD-2-Clause */
/* The provider over the device models: both transports, both authors, every size, wraps by traffic, several
 * at once. The model's monitors and the memory ledger judge each run. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/rig.h"

#define POOL_PAGES 1200u /* two rings of 8192 entries and the buffers */

static struct rig rig;

static void run(struct rig_config config, uint32_t frames, const char *what)
{
    rig_open(&rig, &config);
    cr_assert_eq(rig_attach(&rig), PROVIDER_OK, "%s", what);
    cr_assert_eq(rig_start(&rig), VNET_RUNNING, "%s: %s", what, provider_error_name(rig.nic.error));
    cr_assert_eq(rig_exchange(&rig, frames), frames, "%s", what);
    cr_assert_eq(rig.nic.counters.faults, 0);
    cr_assert_eq(rig.nic.counters.refused, 0);
    cr_assert_eq(rig_stop(&rig), VNET_STOPPED, "%s", what);
    cr_assert_eq(rig.nic.error, PROVIDER_OK);
    cr_assert(device_reply_ok(rig_take_back(&rig)));
    cr_assert(rig_usage_restored(&rig), "%s", what);
    cr_assert_eq(rig_complaints(&rig), 0, "%s", what);
    rig_close(&rig);
}

static struct rig_config variant(int v)
{
    struct rig_config c = rig_defaults(v & 1 ? DM_LEGACY : DM_MODERN, v & 2 ? RIG_DIRECT : RIG_BROKERED);

    c.pool_pages = POOL_PAGES;
    if (v & 4) /* header in its own descriptor */
        c.world.nics[0].model.features &= ~DM_F_ANY_LAYOUT;
    return c;
}

Test(whole, frames_go_round_over_both_transports_by_both_authors)
{
    for (int v = 0; v < 8; v++)
        run(variant(v), 500, "framing");
}

Test(whole, transitional_functions_are_driven_by_their_modern_side)
{
    for (int direct = 0; direct < 2; direct++)
        run(rig_defaults(DM_TRANSITIONAL, direct ? RIG_DIRECT : RIG_BROKERED), 100, "transitional");
}

Test(whole, every_size_that_a_device_may_dictate)
{
    static const uint16_t sizes[] = {1, 2, 4, 256, 1024, 4096, 8192};

    for (int v = 0; v < 4; v++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct rig_config c = variant(v);
            char what[32];

            c.world.nics[0].model.queue_size[0] = sizes[i];
            c.world.nics[0].model.queue_size[1] = sizes[i];
            snprintf(what, sizeof what, "size %u, variant %d", sizes[i], v);
            run(c, 60, what);
        }
    }
}

Test(whole, sizes_that_are_none_are_refused_with_their_number_and_leave_nothing)
{
    static const uint16_t sizes[] = {3, 16384, 32769};

    for (int v = 0; v < 4; v++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct rig_config c = variant(v);

            c.world.nics[0].model.queue_size[0] = sizes[i];
            rig_open(&rig, &c);
            cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
            cr_assert_eq(rig_start(&rig), VNET_STOPPED);
            cr_assert_eq(rig.nic.error, PROVIDER_E_QUEUE_SIZE);
            cr_assert_eq(rig.nic.rejected_queue_size, sizes[i]);
            rig_take_back(&rig);
            cr_assert(rig_usage_restored(&rig));
            cr_assert_eq(rig_complaints(&rig), 0);
            rig_close(&rig);
        }
    }
}

Test(whole, indices_wrap_by_traffic_through_7fff_and_ffff)
{
    static const uint16_t sizes[] = {1, 2, 256};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct rig_config c = variant((int)i);

        c.world.nics[0].model.queue_size[0] = sizes[i];
        c.world.nics[0].model.queue_size[1] = sizes[i];
        run(c, 66000, "wrap");
    }
}

Test(whole, a_device_that_firmware_left_running_is_taken_over)
{
    for (int v = 0; v < 4; v++) {
        struct rig_config c = variant(v);

        c.world.nics[0].model.firmware_left_running = true;
        run(c, 50, "left running");
    }
}

Test(whole, stop_and_start_again_from_the_same_place)
{
    for (int v = 0; v < 4; v++) {
        struct rig_config c = variant(v);

        rig_open(&rig, &c);
        for (int life = 0; life < 20; life++) {
            cr_assert_eq(rig_attach(&rig), PROVIDER_OK, "variant %d life %d", v, life);
            cr_assert_eq(rig_start(&rig), VNET_RUNNING);
            cr_assert_eq(rig_exchange(&rig, 10), 10);
            cr_assert_eq(rig_stop(&rig), VNET_STOPPED);
            cr_assert(device_reply_ok(rig_take_back(&rig)));
            cr_assert(rig_usage_restored(&rig));
        }
        cr_assert_eq(rig_complaints(&rig), 0);
        rig_close(&rig);
    }
}

Test(whole, a_device_that_asks_for_a_reset_is_stopped_and_opened_again)
{
    for (int v = 0; v < 4; v++) {
        struct rig_config c = variant(v);

        rig_open(&rig, &c);
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        cr_assert_eq(rig_start(&rig), VNET_RUNNING);
        dm_net_need_reset(rig_net(&rig));
        for (uint32_t i = 0; i < 2 * VNET_HEALTH_POLLS && rig.nic.state != VNET_STOPPED; i++)
            rig_turn(&rig);
        cr_assert_eq(rig.nic.state, VNET_STOPPED);
        cr_assert_eq(rig.nic.error, PROVIDER_E_NEEDS_RESET);
        struct vnet_env env = rig.nic.env;
        cr_assert_eq(vnet_close(&rig.nic), PROVIDER_OK);
        cr_assert_eq(vnet_open(&rig.nic, &env), PROVIDER_OK);
        cr_assert_eq(rig_start(&rig), VNET_RUNNING, "variant %d: %s", v, provider_error_name(rig.nic.error));
        cr_assert_eq(rig_exchange(&rig, 10), 10);
        cr_assert_eq(rig_stop(&rig), VNET_STOPPED);
        rig_take_back(&rig);
        cr_assert(rig_usage_restored(&rig));
        rig_close(&rig);
    }
}

Test(whole, a_device_that_vanishes_ends_in_quarantine)
{
    for (int v = 0; v < 4; v++) {
        struct rig_config c = variant(v);

        rig_open(&rig, &c);
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        cr_assert_eq(rig_start(&rig), VNET_RUNNING);
        dm_net_remove(rig_net(&rig));
        for (uint32_t i = 0; i < 4 * VNET_HEALTH_POLLS && rig.nic.state != VNET_QUARANTINED; i++)
            rig_turn(&rig);
        cr_assert_eq(rig.nic.state, VNET_QUARANTINED);
        rig_take_back(&rig);
        rig_close(&rig);
    }
}

Test(whole, link_changes_are_seen)
{
    struct rig_config c = variant(1);

    rig_open(&rig, &c);
    cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
    cr_assert_eq(rig_start(&rig), VNET_RUNNING);
    cr_assert_eq(vnet_link(&rig.nic), NIC_LINK_UP);
    dm_net_set_link(rig_net(&rig), false);
    for (uint32_t i = 0; i <= VNET_HEALTH_POLLS; i++)
        rig_turn(&rig);
    cr_assert_eq(vnet_link(&rig.nic), NIC_LINK_DOWN);
    cr_assert_eq(rig_stop(&rig), VNET_STOPPED);
    rig_take_back(&rig);
    rig_close(&rig);
}

Test(whole, an_author_without_room_is_a_refusal_that_gives_all_back)
{
    for (int direct = 0; direct < 2; direct++) {
        struct rig_config c = rig_defaults(DM_LEGACY, direct ? RIG_DIRECT : RIG_BROKERED);

        c.rx_slots = 8192;
        c.tx_slots = 8192;
        c.world.nics[0].model.queue_size[0] = 8192;
        c.world.nics[0].model.queue_size[1] = 8192;
        rig_open(&rig, &c);
        cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
        cr_assert_eq(rig_start(&rig), VNET_STOPPED);
        cr_assert_eq(rig.nic.error, PROVIDER_E_MEMORY, "%s", provider_error_name(rig.nic.error));
        rig_take_back(&rig);
        cr_assert(rig_usage_restored(&rig));
        rig_close(&rig);
    }
}

/* One more provider beside the rig's: another function of the same world, another owner of the same kernel.
 */
struct second {
    struct owner *owner;
    struct kernel_binding binding;
    struct device_authority authority;
    struct registers_brokered registers;
    struct author_brokered author;
    struct pci_function_info info;
    struct virtio_net nic;
    uint8_t arena[300000];
};

static void second_open(struct second *s)
{
    const struct budget_limits limits = budget_limits_generous();

    for (uint16_t i = 0; i < kernel_function_count(rig.kernel); i++) {
        const struct pci_function_info *info = kernel_function_info(rig.kernel, i);
        if (info->vendor == 0x1af4 && info->bdf != rig.bdf)
            s->info = *info;
    }
    s->owner = owner_create(rig.kernel, &limits);
    s->authority = kernel_authority(&s->binding, rig.kernel, s->owner);
    struct device_reply device = s->authority.ops->claim(s->authority.ctx, s->info.bdf);
    cr_assert(device_reply_ok(device));
    struct device_reply pool = s->authority.ops->pool_create(s->authority.ctx, device.cap, 600);
    cr_assert(device_reply_ok(pool));
    struct vnet_env env = {
        .info = &s->info, .arena = s->arena, .arena_bytes = sizeof s->arena, .rx_slots = 8, .tx_slots = 8};
    env.registers = registers_brokered_init(&s->registers, &s->authority, device.cap);
    env.author = author_brokered_init(&s->author, &s->authority, pool.cap, &s->registers);
    cr_assert_eq(vnet_open(&s->nic, &env), PROVIDER_OK);
    for (int i = 0; i < 1000 && s->nic.state != VNET_RUNNING; i++) {
        platform_relax(&rig.world.platform);
        vnet_poll(&s->nic, 0, 64);
    }
    cr_assert_eq(s->nic.state, VNET_RUNNING, "%s", provider_error_name(s->nic.error));
}

Test(whole, two_functions_of_different_kind_run_side_by_side)
{
    static struct second two;
    struct rig_config c = variant(0);

    c.world.nic_count = 2;
    c.world.nics[1] = c.world.nics[0];
    c.world.nics[1].model = dm_net_defaults(DM_LEGACY);
    c.world.nics[1].model.bdf = 0; /* the world gives the next slot */
    c.world.nics[1].model.mac[5] = 0x99;
    rig_open(&rig, &c);
    cr_assert_eq(rig_attach(&rig), PROVIDER_OK);
    cr_assert_eq(rig_start(&rig), VNET_RUNNING);
    second_open(&two);
    cr_assert_eq(two.nic.mac[5], 0x99);
    cr_assert_neq(rig.nic.mac[5], 0x99);
    for (int i = 0; i < 100; i++) {
        uint16_t slot, got = 0;
        uint8_t out[NIC_FRAME_BYTES_MAX];

        cr_assert_eq(rig_exchange(&rig, 3), 3);
        cr_assert_eq(vnet_tx_take(&two.nic, &slot, 1), 1);
        memset(vnet_tx_data(&two.nic, slot), i, 100);
        struct nic_tx_frame frame = {slot, 100};
        cr_assert_eq(vnet_send(&two.nic, &frame, 1), 1);
        for (int k = 0; k < 100 && got == 0; k++) {
            platform_relax(&rig.world.platform);
            vnet_poll(&two.nic, 0, 64);
            got = vnet_receive_copy(&two.nic, out, sizeof out);
        }
        cr_assert_eq(got, 100);
        cr_assert_eq(out[99], (uint8_t)i);
    }
    /* One stops; the other does not notice. */
    cr_assert_eq(rig_stop(&rig), VNET_STOPPED);
    cr_assert_eq(vnet_poll(&two.nic, 0, 64), VNET_RUNNING);
    vnet_stop(&two.nic);
    for (int i = 0; i < 1000 && two.nic.state != VNET_STOPPED; i++) {
        platform_relax(&rig.world.platform);
        vnet_poll(&two.nic, 0, 64);
    }
    cr_assert_eq(two.nic.state, VNET_STOPPED);
    owner_exit(rig.kernel, two.owner);
    rig_take_back(&rig);
    cr_assert(rig_usage_restored(&rig));
    cr_assert_eq(rig_complaints(&rig), 0);
    rig_close(&rig);
}
