/* SPDX-License-Identifier: BSD-2-Clause */
/* Ordinary lives, and lives that end at a refusal: which monitors they exercise. A monitor that no life
 * exercises checks nothing; the table says which those are, and why. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "provider/format/virtio_ids.h"
#include "tests/support/rig.h"

static const enum dm_rule ordinary[] = {
#define ORDINARY_RULE(name) DM_RULE_##name,
#include "ordinary_rules.h"
#undef ORDINARY_RULE
};

static uint64_t exercised[DM_RULE_COUNT];

static void collect(struct rig *r, const char *life)
{
    const struct dm_monitor *m = dm_net_monitor(rig_net(r));
    for (unsigned rule = 0; rule < DM_RULE_COUNT; rule++) {
        exercised[rule] += m->exercised[rule];
        cr_expect(m->broken[rule] == 0, "%s: %s (%s) broken: %s", life, dm_rule_name((enum dm_rule)rule),
                  dm_rule_clause((enum dm_rule)rule), m->first);
    }
    cr_assert(rig_complaints(r) == 0, "%s: %s", life, rig_complaint(r));
}

/* One whole life with frames of every length class. */
static void live_as(const struct rig_config *config, const char *life)
{
    struct rig rig;
    rig_open(&rig, config);
    cr_assert(rig_attach(&rig) == PROVIDER_OK, "%s", life);
    cr_assert(rig_start(&rig) == VNET_RUNNING, "%s: %s", life, provider_error_name(rig.nic.error));
    cr_assert(rig_exchange(&rig, 200) == 200, "%s", life);
    cr_assert(rig_stop(&rig) == VNET_STOPPED, "%s", life);
    cr_assert(device_reply_ok(rig_take_back(&rig)), "%s", life);
    cr_assert(rig_usage_restored(&rig), "%s", life);
    collect(&rig, life);
    rig_close(&rig);
}

/* `drop`: features taken out of the offer. */
static void live(enum dm_transport transport, enum rig_author author, uint64_t drop, const char *life)
{
    struct rig_config config = rig_defaults(transport, author);
    config.world.nics[0].model.features &= ~drop;
    live_as(&config, life);
}

static void live_with_interrupts(enum dm_transport transport, const char *life)
{
    struct rig_config config = rig_defaults(transport, RIG_BROKERED);
    config.interrupts = true;
    live_as(&config, life);
}

Test(conformance_lives, ordinary_lives_exercise_every_monitor_and_break_none)
{
    for (unsigned author = 0; author < 2; author++) {
        live(DM_LEGACY, (enum rig_author)author, 0, "legacy");
        live(DM_LEGACY, (enum rig_author)author, DM_F_ANY_LAYOUT, "legacy without ANY_LAYOUT");
        live(DM_LEGACY, (enum rig_author)author, DM_NET_F_STATUS, "legacy without STATUS");
        live(DM_MODERN, (enum rig_author)author, 0, "modern");
        live(DM_MODERN, (enum rig_author)author, DM_NET_F_STATUS, "modern without STATUS");
        live(DM_TRANSITIONAL, (enum rig_author)author, 0, "transitional");
    }
    live_with_interrupts(DM_LEGACY, "legacy with interrupts");
    live_with_interrupts(DM_MODERN, "modern with interrupts");
    live_with_interrupts(DM_TRANSITIONAL, "transitional with interrupts");
    for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++)
        cr_expect(exercised[ordinary[i]] > 0, "never exercised: %s, row %s", dm_rule_name(ordinary[i]),
                  dm_rule_row(ordinary[i]));
}

/* The other way round: a monitor that the table excuses, and that a life exercises after all, needs no
 * excuse. */
Test(conformance_lives, a_monitor_that_is_excused_is_not_exercised)
{
    bool listed[DM_RULE_COUNT] = {false};
    for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++)
        listed[ordinary[i]] = true;
    live(DM_LEGACY, RIG_BROKERED, DM_F_ANY_LAYOUT, "legacy without ANY_LAYOUT");
    live(DM_MODERN, RIG_DIRECT, 0, "modern");
    for (unsigned rule = 0; rule < DM_RULE_COUNT; rule++)
        cr_expect(listed[rule] || exercised[rule] == 0, "exercised and excused: %s",
                  dm_rule_name((enum dm_rule)rule));
}

/* Registers that note what is written to the device status, and pass everything on. */
struct noted {
    struct registers inner;
    uint32_t statuses[32];
    uint32_t count;
    uint8_t status_row;
};

static enum provider_error noted_open(void *ctx, const struct reg_table *table,
                                      const struct reg_window *windows)
{
    struct noted *n = ctx;
    n->status_row = table->quiesce_row;
    return n->inner.ops->open(n->inner.ctx, table, windows);
}

static struct reg_value noted_read(void *ctx, uint16_t row, uint16_t index)
{
    struct noted *n = ctx;
    return n->inner.ops->read(n->inner.ctx, row, index);
}

static enum provider_error noted_write(void *ctx, uint16_t row, uint16_t index, uint32_t value)
{
    struct noted *n = ctx;
    if (row == n->status_row && n->count < 32)
        n->statuses[n->count++] = value;
    return n->inner.ops->write(n->inner.ctx, row, index, value);
}

static enum provider_error noted_write_address(void *ctx, uint16_t row, const struct provider_ring *ring)
{
    struct noted *n = ctx;
    return n->inner.ops->write_address(n->inner.ctx, row, ring);
}

static enum provider_error noted_enable_dma(void *ctx)
{
    struct noted *n = ctx;
    return n->inner.ops->enable_dma(n->inner.ctx);
}

static void noted_disable_dma(void *ctx)
{
    struct noted *n = ctx;
    n->inner.ops->disable_dma(n->inner.ctx);
}

static void noted_close(void *ctx)
{
    struct noted *n = ctx;
    n->inner.ops->close(n->inner.ctx);
}

static const struct registers_ops noted_ops = {
    noted_open,       noted_read,        noted_write, noted_write_address,
    noted_enable_dma, noted_disable_dma, noted_close,
};

/* 3.1.1: who gives up says FAILED, and then resets. */
Test(conformance_lives, a_refused_life_says_failed_and_resets)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        struct vnet_env env;
        const struct rig_config config =
            rig_defaults(at & 1u ? DM_MODERN : DM_LEGACY, at & 2u ? RIG_DIRECT : RIG_BROKERED);
        rig_open(&rig, &config);
        struct dm_hostile *hostile = dm_net_hostile(rig_net(&rig));
        dm_hostile_arm(hostile, at & 1u ? DM_ATTACK_REFUSE_FEATURES : DM_ATTACK_QUEUE_SIZE_LIE, 0, UINT32_MAX,
                       3);
        cr_assert(rig_claim(&rig, &env) == PROVIDER_OK);
        struct noted noted = {.inner = env.registers};
        env.registers = (struct registers){&noted_ops, &noted};
        cr_assert(vnet_open(&rig.nic, &env) == PROVIDER_OK);
        cr_assert(rig_start(&rig) != VNET_RUNNING);
        cr_assert(rig_stop(&rig) == VNET_STOPPED);
        cr_assert(noted.count >= 4);
        cr_assert(noted.statuses[0] == 0);
        cr_assert(noted.statuses[noted.count - 2] & VIRTIO_STATUS_FAILED);
        cr_assert(noted.statuses[noted.count - 1] == 0);
        if (at & 1u)
            cr_assert(dm_net_monitor(rig_net(&rig))->exercised[DM_RULE_STOP_AFTER_REFUSAL] > 0);
        cr_assert(device_reply_ok(rig_take_back(&rig)));
        cr_assert(rig_usage_restored(&rig));
        collect(&rig, "refused");
        rig_close(&rig);
    }
}

/* 3.1.2, a device's tolerance: an address written before DRIVER_OK is taken, and the life that follows works
 * with it. The provider itself never writes the configuration: this is somebody else's driver, before ours.
 */
Test(conformance_lives, legacy_device_takes_an_address_before_driver_ok)
{
    static const uint8_t address[6] = {0x52, 0x54, 0x00, 0xab, 0xcd, 0xef};
    struct rig rig;
    struct kernel_direct direct;
    struct rig_config config = rig_defaults(DM_LEGACY, RIG_BROKERED);
    config.world.nics[0].model.monitors = false;
    rig_open(&rig, &config);
    cr_assert(device_reply_ok(kernel_direct_claim(rig.kernel, rig.bdf, &direct)));
    for (uint16_t i = 0; i < 6; i++)
        platform_port_write(&rig.world.platform, (uint16_t)(direct.bar_address[0] + 20u + i), 1, address[i]);
    cr_assert(device_reply_ok(kernel_direct_release(rig.kernel, rig.bdf, true)));
    cr_assert(rig_attach(&rig) == PROVIDER_OK);
    cr_assert(rig_start(&rig) == VNET_RUNNING);
    cr_assert(memcmp(rig.nic.mac, address, sizeof address) == 0);
    cr_assert(rig_exchange(&rig, 5) == 5);
    cr_assert(rig_stop(&rig) == VNET_STOPPED);
    cr_assert(device_reply_ok(rig_take_back(&rig)));
    cr_assert(rig_usage_restored(&rig));
    rig_close(&rig);
}
