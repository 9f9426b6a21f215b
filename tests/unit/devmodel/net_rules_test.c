/* SPDX-License-Identifier: BSD-2-Clause */
/* Every monitor breaks when a driver breaks its rule, and stays quiet for a driver that keeps it. A rule
 * without a wrong action in net_wrongs.c fails the suite. */
#include <criterion/criterion.h>
#include <string.h>

#include "net_wrongs.h"

static void act_wrong(const struct wrong *w, bool monitors, struct raw *r)
{
    struct dm_net_config config = raw_config(w->transport);
    config.features |= w->features;
    config.firmware_left_running = w->firmware;
    config.monitors = monitors;
    raw_open(r, &config, true);
    w->act(r);
}

Test(net_rules, each_wrong_action_breaks_its_rule)
{
    for (size_t i = 0; i < net_wrong_count; i++) {
        struct raw r;
        act_wrong(&net_wrongs[i], true, &r);
        cr_expect_gt(raw_broken(&r, net_wrongs[i].rule), 0u, "%s", dm_rule_name(net_wrongs[i].rule));
        cr_expect_geq(raw_exercised(&r, net_wrongs[i].rule), raw_broken(&r, net_wrongs[i].rule));
        cr_expect_gt(strlen(dm_net_monitor(r.net)->first), 10u);
        raw_close(&r);
    }
}

Test(net_rules, monitors_off_count_nothing)
{
    for (size_t i = 0; i < net_wrong_count; i++) {
        struct raw r;
        act_wrong(&net_wrongs[i], false, &r);
        cr_expect_eq(dm_net_monitor(r.net)->broken_total, 0u);
        cr_expect_eq(raw_exercised(&r, net_wrongs[i].rule), 0u);
        raw_close(&r);
    }
}

Test(net_rules, every_rule_has_a_wrong_action_and_a_text)
{
    for (unsigned rule = 0; rule < DM_RULE_COUNT; rule++) {
        bool found = false;
        for (size_t i = 0; i < net_wrong_count; i++)
            found |= net_wrongs[i].rule == rule;
        cr_expect(found, "%s has no wrong action", dm_rule_name(rule));
        cr_expect(strchr("ABDEF", dm_rule_row(rule)[0]) != NULL);
        cr_expect_gt(strlen(dm_rule_text(rule)), 10u);
        cr_expect_gt(strlen(dm_rule_clause(rule)), 2u);
    }
}

/* A whole right life exercises the rules of every life, and breaks none. */
Test(net_rules, right_life_exercises_and_breaks_nothing)
{
    static const enum dm_rule common[] = {
        DM_RULE_RESET_FIRST,       DM_RULE_STATUS_ORDER,
        DM_RULE_STATUS_NO_CLEAR,   DM_RULE_FEATURES_OFFERED,
        DM_RULE_FEATURES_KNOWN,    DM_RULE_FEATURES_PREREQUISITE,
        DM_RULE_ALIGN_DESCRIPTOR,  DM_RULE_ALIGN_USED,
        DM_RULE_ALIGN_AVAILABLE,   DM_RULE_CHAIN_BYTES,
        DM_RULE_CHAIN_LENGTH,      DM_RULE_AVAIL_MONOTONIC,
        DM_RULE_AVAIL_FLAGS,       DM_RULE_USED_FLAGS_ZERO,
        DM_RULE_QUEUE_SETUP_ORDER, DM_RULE_KICK_AFTER_DRIVER_OK,
        DM_RULE_EXPOSED_UNCHANGED, DM_RULE_EXPOSED_ONCE,
        DM_RULE_BUS_MASTER,        DM_RULE_FIELD_WIDTH,
        DM_RULE_WAIT_FOR_RESET,    DM_RULE_KICK_FORMAT,
        DM_RULE_MAC_READ,          DM_RULE_TX_HEADER,
        DM_RULE_TX_FLAGS,          DM_RULE_TX_GSO,
        DM_RULE_TX_RECEIVE_FLAGS,  DM_RULE_RX_BUFFER_BYTES,
    };
    for (unsigned t = 0; t < 2; t++) {
        struct dm_net_config config = raw_config(t ? DM_MODERN : DM_LEGACY);
        struct raw r;
        raw_open(&r, &config, true);
        raw_bring_up(&r);
        raw_arm(&r, 0);
        raw_kick(&r, RAW_RX);
        raw_send(&r, 0, 60, 0);
        raw_step(&r);
        raw_step(&r);
        raw_reset(&r);
        cr_expect_eq(dm_net_monitor(r.net)->broken_total, 0u, "%s", dm_net_monitor(r.net)->first);
        for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
            cr_expect_gt(raw_exercised(&r, common[i]), 0u, "%s", dm_rule_name(common[i]));
        cr_expect_eq(raw_exercised(&r, DM_RULE_ISR_WITH_MSIX), 0u);
        cr_expect_eq(raw_exercised(&r, DM_RULE_AVAIL_FLAGS_EVENT), 0u);
        raw_close(&r);
    }
}
