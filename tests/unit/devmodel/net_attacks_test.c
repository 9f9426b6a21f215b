/* SPDX-License-Identifier: BSD-2-Clause */
/* Every attack fires when it is armed, does what its text says, and does nothing when it is not armed. */
#include <criterion/criterion.h>
#include <string.h>

#include "net_attack_cases.h"

static bool run(const struct attack *a, bool arm, uint32_t at, uint32_t *fired)
{
    struct dm_net_config config = raw_config(a->transport);
    struct dm_hostile hostile;
    struct raw r;
    bool seen;
    dm_hostile_clear(&hostile);
    if (arm)
        dm_hostile_arm(&hostile, a->attack, at, UINT32_MAX, a->value);
    config.hostile = &hostile;
    config.monitors = false;
    raw_open(&r, &config, true);
    seen = a->seen(&r);
    *fired = dm_net_hostile(r.net)->arms[a->attack].fired;
    raw_close(&r);
    return seen;
}

Test(net_attacks, each_attack_fires_and_shows)
{
    for (size_t i = 0; i < net_attack_count; i++) {
        uint32_t fired = 0;
        cr_expect(run(&net_attacks[i], true, 0, &fired), "%s does not show",
                  dm_attack_name(net_attacks[i].attack));
        cr_expect_gt(fired, 0u, "%s did not fire", dm_attack_name(net_attacks[i].attack));
    }
}

Test(net_attacks, honest_device_shows_none_of_them)
{
    for (size_t i = 0; i < net_attack_count; i++) {
        uint32_t fired = 0;
        cr_expect_not(run(&net_attacks[i], false, 0, &fired), "%s shows unarmed",
                      dm_attack_name(net_attacks[i].attack));
        cr_expect_eq(fired, 0u);
    }
}

Test(net_attacks, an_attack_armed_for_later_waits)
{
    for (size_t i = 0; i < net_attack_count; i++) {
        uint32_t fired = 0;
        (void)run(&net_attacks[i], true, 1000, &fired);
        cr_expect_eq(fired, 0u, "%s", dm_attack_name(net_attacks[i].attack));
    }
}

Test(net_attacks, every_attack_is_in_the_table)
{
    for (unsigned a = 0; a < DM_ATTACK_COUNT; a++) {
        bool found = false;
        for (size_t i = 0; i < net_attack_count; i++)
            found |= net_attacks[i].attack == a;
        cr_expect(found, "%s", dm_attack_name(a));
        cr_expect_gt(strlen(dm_attack_text(a)), 10u);
        cr_expect(strchr("ABDEFZ", dm_attack_row(a)[0]) != NULL);
    }
}

Test(net_attacks, times_bounds_how_often_it_fires)
{
    struct dm_hostile h;
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    dm_hostile_clear(&h);
    dm_hostile_arm(&h, DM_ATTACK_STATUS_GARBAGE, 1, 2, 0x55);
    config.hostile = &h;
    raw_open(&r, &config, true);
    cr_expect_eq(raw_status(&r), 0);
    cr_expect_eq(raw_status(&r), 0x55);
    cr_expect_eq(raw_status(&r), 0x55);
    cr_expect_eq(raw_status(&r), 0);
    cr_expect_eq(dm_net_hostile(r.net)->arms[DM_ATTACK_STATUS_GARBAGE].seen, 4u);
    raw_close(&r);
}

/* A device that keeps running while the driver waits for its reset goes on receiving into exposed memory. */
Test(net_attacks, a_device_that_ignores_reset_keeps_its_buffers)
{
    struct dm_hostile h;
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    dm_hostile_clear(&h);
    dm_hostile_arm(&h, DM_ATTACK_RESET_NEVER, 0, UINT32_MAX, 0);
    config.hostile = &h;
    raw_open(&r, &config, true);
    raw_set_status(&r, 0);
    raw_command(&r, 7);
    raw_bring_up(&r);
    raw_arm(&r, 0);
    raw_kick(&r, RAW_RX);
    raw_step(&r);
    cr_expect_neq(raw_reset(&r), 0);
    cr_expect_gt(dm_memory_counts(r.memory).exposed_bytes, 0u);
    dm_net_deliver(r.net, (const uint8_t *)"late frame", 10);
    raw_step(&r);
    cr_expect_eq(raw_used_index(&r, RAW_RX), 1);
    raw_close(&r);
}
