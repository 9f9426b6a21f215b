/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules for devices that lie, where more is to be seen than the outcome of a life (catalogue.def): by
 * both authors and on each transport where the lie is possible. Row by row in docs/conformance.md. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/attack.h"

/* A running rig for each transport and author; the test arms what it wants. */
static void bring_up(struct rig *r, unsigned at)
{
    const struct rig_config config =
        rig_defaults(at & 1u ? DM_MODERN : DM_LEGACY, at & 2u ? RIG_DIRECT : RIG_BROKERED);
    rig_open(r, &config);
    cr_assert(rig_attach(r) == PROVIDER_OK);
    cr_assert(rig_start(r) == VNET_RUNNING);
    cr_assert(rig_exchange(r, 4) == 4);
}

static void take_down(struct rig *r)
{
    dm_hostile_clear(dm_net_hostile(rig_net(r)));
    cr_assert(rig_stop(r) == VNET_STOPPED);
    cr_assert(device_reply_ok(rig_take_back(r)));
    cr_assert(rig_usage_restored(r));
    cr_assert(rig_complaints(r) == 0, "%s", rig_complaint(r));
    rig_close(r);
}

static void arm(struct rig *r, enum dm_attack attack, uint32_t times, uint64_t value)
{
    dm_hostile_arm(dm_net_hostile(rig_net(r)), attack, 0, times, value);
}

Test(zrules, z1_queue_size_that_changes_is_read_once)
{
    for (unsigned at = 2; at < 4; at++) { /* the direct author: nobody reads it twice */
        struct rig rig;
        const struct rig_config config = rig_defaults(at & 1u ? DM_MODERN : DM_LEGACY, RIG_DIRECT);
        rig_open(&rig, &config);
        arm(&rig, DM_ATTACK_QUEUE_SIZE_CHANGES, ALWAYS, 4096);
        cr_assert(rig_attach(&rig) == PROVIDER_OK);
        cr_assert(rig_start(&rig) == VNET_RUNNING);
        cr_assert(dm_net_hostile(rig_net(&rig))->arms[DM_ATTACK_QUEUE_SIZE_CHANGES].seen == 0);
        take_down(&rig);
    }
}

/* The device wrote 200 bytes and says 20: the caller gets 20, and a copy no more than it has room for. */
Test(zrules, z3_nothing_beyond_the_used_length_is_delivered)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        struct nic_rx_frame frame;
        uint8_t copy[64];
        bring_up(&rig, at);
        arm(&rig, DM_ATTACK_LENGTH_SHORT, 2, rig.nic.header_bytes + 20u);
        cr_assert(rig_send(&rig, 200, 7));
        for (uint32_t i = 0; i < 8 && dm_net_hostile(rig_net(&rig))->arms[DM_ATTACK_LENGTH_SHORT].fired == 0;
             i++)
            (void)rig_turn(&rig);
        cr_assert(vnet_receive(&rig.nic, &frame, 1) == 1);
        cr_assert(frame.length == 20, "%u bytes", frame.length);
        vnet_recycle(&rig.nic, &frame.slot, 1);
        cr_assert(rig_send(&rig, 200, 9));
        for (uint32_t i = 0; i < 8 && dm_net_hostile(rig_net(&rig))->arms[DM_ATTACK_LENGTH_SHORT].fired == 1;
             i++)
            (void)rig_turn(&rig);
        memset(copy, 0xee, sizeof copy);
        cr_assert(vnet_receive_copy(&rig.nic, copy, 16) == 16);
        for (uint32_t i = 16; i < sizeof copy; i++)
            cr_assert(copy[i] == 0xee, "byte %u was written", i);
        take_down(&rig);
    }
}

/* What the device writes over descriptors changes nothing: our own record says what was published. */
Test(zrules, z4_descriptor_table_is_never_read_back)
{
    uint32_t ran = 0;
    for (uint32_t i = 0; i < attack_row_count; i++)
        for (unsigned at = 0; at < 4 && attack_rows[i].attack == DM_ATTACK_SCRIBBLE_DESCRIPTOR; at++, ran++) {
            struct attack_result result = attack_run(&attack_rows[i], at & 1u ? DM_MODERN : DM_LEGACY,
                                                     at & 2u ? RIG_DIRECT : RIG_BROKERED, NULL);
            cr_assert(result.wrong[0] == 0, "case %u: %s", at, result.wrong);
        }
    cr_assert(ran == 4);
}

/* Every armed buffer comes back at once, again and again: a call takes no more than it was asked for. */
Test(zrules, z5_flood_is_bounded_by_what_the_caller_asks)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        uint32_t taken = 0;
        bring_up(&rig, at);
        arm(&rig, DM_ATTACK_FLOOD_RX, ALWAYS, 0);
        for (uint32_t round = 0; round < 50; round++) {
            struct nic_rx_frame frames[3];
            (void)rig_turn(&rig);
            uint16_t count = vnet_receive(&rig.nic, frames, 3);
            cr_assert(count <= 3);
            for (uint16_t i = 0; i < count; i++)
                vnet_recycle(&rig.nic, &frames[i].slot, 1);
            taken += count;
        }
        cr_assert(taken == 150, "%u frames", taken); /* the flood never ran dry, the provider never stopped */
        cr_assert(rig.nic.state == VNET_RUNNING);
        take_down(&rig);
    }
}

Test(zrules, z5_transmit_never_completed_is_back_pressure)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        uint16_t slot;
        uint32_t sent = 0;
        bring_up(&rig, at);
        arm(&rig, DM_ATTACK_NEVER_COMPLETE_TX, ALWAYS, 0);
        for (uint32_t i = 0; i < 100; i++) {
            sent += rig_send(&rig, 60, 1);
            (void)rig_turn(&rig);
        }
        cr_assert(sent == rig.config.tx_slots, "%u sent", sent);
        cr_assert(vnet_tx_take(&rig.nic, &slot, 1) == 0);
        cr_assert(rig.nic.counters.tx_full > 0);
        cr_assert(rig.nic.state == VNET_RUNNING);
        take_down(&rig);
    }
}

Test(zrules, z7_reset_that_never_confirms_is_bounded_and_quarantined)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        bring_up(&rig, at);
        arm(&rig, DM_ATTACK_RESET_NEVER, ALWAYS, 0);
        uint32_t before = rig.turns;
        cr_assert(rig_stop(&rig) == VNET_QUARANTINED);
        cr_assert(rig.turns - before == VNET_RESET_POLLS_MAX, "%u polls", rig.turns - before);
        cr_assert(rig.nic.error == PROVIDER_E_RESET);
        rig_close(&rig);
    }
}

/* What its capabilities cannot offer, a transitional function still offers through its port BAR. */
Test(zrules, z9_transitional_function_with_spoiled_capabilities_is_driven_as_legacy)
{
    static const enum dm_attack attacks[] = {
        DM_ATTACK_CAP_COMMON_ABSENT, DM_ATTACK_CAP_COMMON_MISALIGNED, DM_ATTACK_CAP_DEVICE_ABSENT,
        DM_ATTACK_CAP_NOTIFY_ODD,    DM_ATTACK_CAP_ODD_POINTER,       DM_ATTACK_CAP_BAD_BAR,
        DM_ATTACK_CAP_OVERFLOW,      DM_ATTACK_CAP_LENGTH_ZERO,
    };
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++)
        for (unsigned author = 0; author < 2; author++) {
            const struct attack_row row = {
                .name = "transitional",
                .attack = attacks[i],
                .when = BORN,
                .how = STAYS,
                .times = ALWAYS,
                .value = 6,
                .expect = {[DM_TRANSITIONAL][RIG_BROKERED] = {.outcome = UNAFFECTED},
                           [DM_TRANSITIONAL][RIG_DIRECT] = {.outcome = UNAFFECTED}},
            };
            struct attack_result result = attack_run(&row, DM_TRANSITIONAL, (enum rig_author)author, NULL);
            cr_assert(result.wrong[0] == 0, "%s: %s", dm_attack_name(attacks[i]), result.wrong);
        }
}

/* Compiles one line with the tree's own header; true when the compiler accepts it. */
static bool compiles(const char *line)
{
    char command[1024];
    int written = snprintf(command, sizeof command,
                           "printf '#include <stddef.h>\\n#include \"ringmem.h\"\\nint a[8];\\n"
                           "size_t f(dev_u16 v, dev_u32 w) { (void)v; (void)w; %s }\\n' | "
                           "%s -std=c17 -fsyntax-only -I%s/platform/ship -I%s -x c - 2>/dev/null",
                           line, CAPOS_CC, CAPOS_ROOT, CAPOS_ROOT);
    cr_assert(written > 0 && (size_t)written < sizeof command);
    return system(command) == 0;
}

Test(zrules, z10_device_value_does_not_compile_as_index_bound_or_size)
{
    static const char *const refused[] = {
        "return (size_t)a[v];",
        "return v;",
        "return w + 1u;",
        "for (unsigned i = 0; i < w; i++) a[i] = 0; return 0;",
        "if (v > 3) return 1; return 0;",
        "return (size_t)w;",
        "return sizeof(int[8]) << v;",
        "uint32_t n = w; return n;",
        "return v ? 1 : 0;",
    };
    cr_assert(compiles("return 0;"), "the compiler does not work here");
    cr_assert(compiles("uint32_t n = 0; if (dev_u32_below(w, 8, &n)) return (size_t)a[n]; return 0;"));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert(!compiles(refused[i]), "compiles: %s", refused[i]);
}
