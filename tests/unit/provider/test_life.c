/* SPDX-License-Identifier: BSD-2-Clause */
/* Every way in and every way out: each call failing at each step, resets at once, late and never, teardown
 * from each state with frames in flight and lent (rows A3, A4, A16, A18, D1, D4, D5, D9; bugs 8, 9, 34, 44).
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "provider/format/virtio_ids.h"

struct bench {
    struct fake f;
    struct pci_function_info info;
    struct virtio_net nic;
    struct vnet_env env;
    void *arena;
};

static void set_up(struct bench *b, bool legacy, uint16_t slots)
{
    memset(b, 0, sizeof *b);
    fake_init(&b->f, legacy);
    b->info = fake_info(legacy);
    b->arena = malloc(vnet_arena_bytes());
    b->env = fake_env(&b->f, &b->info, b->arena, slots);
}

static void tear_down(struct bench *b)
{
    fake_free(&b->f);
    free(b->arena);
}

static void nothing_held(struct bench *b)
{
    cr_assert_eq(b->f.rings_live, 0);
    cr_assert_eq(b->f.buffers_live, 0);
    cr_assert_not(b->f.open);
    cr_assert_not(b->f.dma);
}

/* A life that ends in STOPPED has given everything back; one in QUARANTINED has kept all that it had. */
static void settled(struct bench *b, uint32_t at)
{
    cr_assert(b->nic.state == VNET_STOPPED || b->nic.state == VNET_QUARANTINED || b->nic.state == VNET_CLOSED,
              "call %u: state %d", at, b->nic.state);
    if (b->nic.state != VNET_QUARANTINED)
        nothing_held(b);
    cr_assert_eq(b->f.bells_before_ok, 0);
}

Test(life, bind_failing_at_each_call_gives_back_exactly_what_it_took)
{
    for (int mode = 0; mode < 4; mode++) {
        bool legacy = mode & 1, forever = mode & 2;
        uint32_t failures = 0, stopped = 0;

        for (uint32_t at = 0; at < 200; at++) {
            struct bench b;

            set_up(&b, legacy, 100);
            b.f.fail_at = at;
            b.f.fail_on = forever;
            if (fake_start(&b.nic, &b.env) == VNET_RUNNING) {
                cr_assert_geq(at, b.f.calls);
                tear_down(&b);
                break;
            }
            fake_finish(&b.nic);
            settled(&b, at);
            cr_assert(b.nic.state == VNET_CLOSED || b.nic.error != PROVIDER_OK);
            failures++;
            stopped += b.nic.state == VNET_STOPPED;
            tear_down(&b);
        }
        cr_assert_geq(failures, 25, "%u", failures);
        if (!forever)
            cr_assert_geq(stopped, failures - 3, "one failure and a reset that works end in STOPPED");
    }
}

Test(life, a_second_failure_during_the_way_out_never_loses_a_page)
{
    for (uint32_t first = 0; first < 80; first++) {
        for (uint32_t later = 1; later < 12; later++) {
            struct bench b;

            set_up(&b, first & 1, 4);
            b.f.fail_at = first;
            if (fake_start(&b.nic, &b.env) == VNET_RUNNING) {
                tear_down(&b);
                continue;
            }
            b.f.fail_at = b.f.calls + later - 1;
            fake_finish(&b.nic);
            settled(&b, first);
            /* Whatever is still live is the authority's, and the state says so. */
            if (b.f.rings_live + b.f.buffers_live > 0)
                cr_assert_eq(b.nic.state, VNET_QUARANTINED);
            tear_down(&b);
        }
    }
}

/* Brings a life to `stage`: 0 resetting, 1..9 so many polls into the start, 10 running. */
static void reach(struct bench *b, int stage)
{
    cr_assert_eq(vnet_open(&b->nic, &b->env), PROVIDER_OK);
    for (int i = 0; i < (stage == 10 ? 4000 : stage); i++) {
        if (vnet_poll(&b->nic, 0, 2) == VNET_RUNNING)
            break;
    }
    if (stage == 10)
        cr_assert_eq(b->nic.state, VNET_RUNNING);
}

enum ack { AT_ONCE, LATE, NEVER };

Test(teardown, from_each_stage_with_each_kind_of_confirmation)
{
    for (int legacy = 0; legacy < 2; legacy++) {
        for (int stage = 0; stage <= 10; stage++) {
            for (enum ack ack = AT_ONCE; ack <= NEVER; ack++) {
                struct bench b;

                set_up(&b, legacy, 8);
                reach(&b, stage);
                uint32_t rings = b.f.rings_live, buffers = b.f.buffers_live;
                b.f.reset_reads = ack == AT_ONCE ? 0 : ack == LATE ? 7 : UINT32_MAX;
                vnet_stop(&b.nic);
                cr_assert_eq(b.nic.state, VNET_STOPPING);
                vnet_stop(&b.nic);
                cr_assert_eq(b.f.status_count > 0 ? b.f.statuses[b.f.status_count - 1] : 0, 0);
                for (int polls = 0; ack == LATE && polls < 7; polls++) {
                    cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_STOPPING);
                    cr_assert_eq(b.f.rings_live, rings, "nothing is freed before the reset is read back");
                    cr_assert_eq(b.f.buffers_live, buffers);
                }
                fake_finish(&b.nic);
                cr_assert_eq(b.nic.state, ack == NEVER ? VNET_QUARANTINED : VNET_STOPPED);
                cr_assert_eq(b.nic.error, ack == NEVER ? PROVIDER_E_RESET : PROVIDER_OK);
                if (ack == NEVER) {
                    cr_assert_eq(b.f.rings_live, rings, "kept for the authority");
                    cr_assert_eq(b.f.buffers_live, buffers);
                    cr_assert(b.f.open);
                } else {
                    nothing_held(&b);
                }
                vnet_stop(&b.nic);
                cr_assert_eq(vnet_close(&b.nic), PROVIDER_OK);
                cr_assert_eq(vnet_poll(&b.nic, 0, 1), VNET_CLOSED);
                vnet_stop(&b.nic);
                cr_assert_eq(b.nic.state, VNET_CLOSED);
                tear_down(&b);
            }
        }
    }
}

Test(teardown, leftovers_of_each_kind_are_counted_apart)
{
    struct bench b;
    uint8_t frame[60] = {0};
    struct nic_rx_frame out[4];
    uint16_t slots[3], head;
    struct nic_tx_frame tx;

    set_up(&b, false, 8);
    reach(&b, 10);
    for (int i = 0; i < 5; i++)
        fake_deliver(&b.f, frame, 60, 1);
    cr_assert_eq(vnet_receive(&b.nic, out, 2), 2);
    cr_assert_eq(vnet_tx_take(&b.nic, slots, 3), 3);
    tx = (struct nic_tx_frame){slots[0], 60};
    cr_assert_eq(vnet_send(&b.nic, &tx, 1), 1);
    tx = (struct nic_tx_frame){slots[1], 60};
    cr_assert_eq(vnet_send(&b.nic, &tx, 1), 1);
    cr_assert(fake_pop(&b.f, 1, &head));
    fake_use(&b.f, 1, head, 0);
    vnet_stop(&b.nic);
    cr_assert_eq(fake_finish(&b.nic), VNET_STOPPED);
    cr_assert_eq(b.nic.leftovers.lent, 3, "two frames received, one slot taken");
    cr_assert_eq(b.nic.leftovers.used_unseen, 4, "three received, one sent");
    cr_assert_eq(b.nic.leftovers.posted, 4, "three armed, one to send");
    cr_assert_eq(b.nic.leftovers.half_published, 0);
    tear_down(&b);
}

Test(teardown, a_publication_that_the_author_refuses_leaves_the_slots_and_ends_the_life)
{
    struct bench b;
    uint16_t slots[3];
    struct nic_tx_frame tx[3];

    set_up(&b, true, 8);
    b.f.offered &= ~VIRTIO_F_ANY_LAYOUT; /* chains of two are undone as well */
    reach(&b, 10);
    cr_assert_eq(vnet_tx_take(&b.nic, slots, 3), 3);
    for (int i = 0; i < 3; i++)
        tx[i] = (struct nic_tx_frame){slots[i], 60};
    uint16_t before = b.nic.tx.free_count;
    b.f.refuse_publish = true;
    cr_assert_eq(vnet_send(&b.nic, tx, 3), 0);
    cr_assert_eq(b.nic.tx.free_count, before);
    cr_assert_eq(b.nic.leftovers.half_published, 3);
    cr_assert_eq(b.nic.tx_lent, 3);
    vnet_tx_return(&b.nic, slots, 3);
    cr_assert_eq(b.nic.tx_lent, 0, "slots come home while stopping");
    cr_assert_eq(fake_finish(&b.nic), VNET_STOPPED);
    cr_assert_eq(b.nic.error, PROVIDER_E_REFUSED);
    nothing_held(&b);
    tear_down(&b);
}

Test(teardown, a_recycle_that_the_author_refuses_ends_the_life)
{
    struct bench b;
    uint8_t frame[60] = {0};
    struct nic_rx_frame out[2];

    set_up(&b, false, 8);
    reach(&b, 10);
    fake_deliver(&b.f, frame, 60, 1);
    fake_deliver(&b.f, frame, 60, 1);
    cr_assert_eq(vnet_receive(&b.nic, out, 2), 2);
    uint16_t slots[2] = {out[0].slot, out[1].slot};
    b.f.refuse_publish = true;
    vnet_recycle(&b.nic, slots, 2);
    cr_assert_eq(b.nic.state, VNET_STOPPING);
    cr_assert_eq(b.nic.leftovers.half_published, 2);
    cr_assert_eq(virtq_outstanding(&b.nic.rx), 6);
    cr_assert_eq(fake_finish(&b.nic), VNET_STOPPED);
    nothing_held(&b);
    tear_down(&b);
}

Test(reset, a_device_left_running_is_reset_first_and_waited_for)
{
    for (int legacy = 0; legacy < 2; legacy++) {
        struct bench b;

        set_up(&b, legacy, 4);
        b.f.status = 0x0f;
        b.f.reset_reads = 5;
        cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_OK);
        for (int i = 0; i < 5; i++) {
            cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_RESETTING);
            cr_assert_eq(b.f.status_count, 1, "no other status is written before 0 reads back");
        }
        cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_STARTING);
        tear_down(&b);
    }
}

Test(reset, never_confirmed_is_quarantine_after_exactly_the_bound)
{
    struct bench b;

    set_up(&b, false, 4);
    b.f.reset_reads = UINT32_MAX;
    b.f.status = 0x0f;
    cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_OK);
    for (uint32_t i = 1; i < VNET_RESET_POLLS_MAX; i++)
        cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_RESETTING);
    cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_QUARANTINED);
    cr_assert_eq(b.nic.error, PROVIDER_E_RESET);
    cr_assert_not(b.f.dma);
    uint32_t calls = b.f.calls;
    cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_QUARANTINED);
    cr_assert_eq(b.f.calls, calls, "a quarantined function is not touched again");
    tear_down(&b);
}

Test(reset, the_callers_deadline_counts_from_the_first_poll)
{
    struct bench b;

    set_up(&b, true, 4);
    b.f.reset_reads = UINT32_MAX;
    b.f.status = 1;
    b.env.reset_timeout_ns = 1000;
    cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_OK);
    cr_assert_eq(vnet_poll(&b.nic, 5000, 64), VNET_RESETTING);
    cr_assert_eq(vnet_poll(&b.nic, 5999, 64), VNET_RESETTING);
    cr_assert_eq(vnet_poll(&b.nic, 6000, 64), VNET_QUARANTINED);
    cr_assert_eq(vnet_close(&b.nic), PROVIDER_OK);
    cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_OK);
    cr_assert_eq(vnet_poll(&b.nic, UINT64_MAX - 10, 64), VNET_RESETTING, "a sum that would wrap");
    cr_assert_eq(vnet_poll(&b.nic, UINT64_MAX - 5, 64), VNET_RESETTING);
    tear_down(&b);
}

static enum vnet_state poll_until_seen(struct bench *b)
{
    for (uint32_t i = 0; i <= VNET_HEALTH_POLLS && b->nic.state == VNET_RUNNING; i++)
        vnet_poll(&b->nic, 0, 64);
    return b->nic.state;
}

Test(life, spec_2_1_2_an_index_that_moved_before_anything_was_posted_breaks_the_queue)
{
    for (int q = 0; q < 2; q++) {
        struct bench b;

        set_up(&b, false, 4);
        cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_OK);
        while (b.nic.step != VNET_STEP_ARM)
            vnet_poll(&b.nic, 0, 64);
        fake_used_index(&b.f, (uint16_t)q, 1);
        cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_STOPPING);
        cr_assert_eq(b.nic.counters.faults, 1);
        cr_assert_eq(b.f.publishes, 0);
        cr_assert_eq(fake_finish(&b.nic), VNET_STOPPED);
        cr_assert_eq(b.nic.error, PROVIDER_E_NEEDS_RESET);
        nothing_held(&b);
        tear_down(&b);
    }
}

Test(teardown, slots_come_home_once_while_stopping)
{
    struct bench b;
    uint8_t frame[60] = {0};
    struct nic_rx_frame out;

    set_up(&b, false, 4);
    reach(&b, 10);
    fake_deliver(&b.f, frame, 60, 1);
    cr_assert_eq(vnet_receive(&b.nic, &out, 1), 1);
    uint32_t before = b.f.publishes;
    vnet_stop(&b.nic);
    uint16_t back[4] = {out.slot, out.slot, 9, 65535};
    vnet_recycle(&b.nic, back, 4);
    cr_assert_eq(b.nic.rx_lent, 0);
    cr_assert_eq(b.nic.counters.refused, 3);
    cr_assert_eq(b.f.publishes, before, "nothing is posted any more");
    cr_assert_eq(fake_finish(&b.nic), VNET_STOPPED);
    cr_assert_eq(b.nic.leftovers.lent, 0);
    tear_down(&b);
}

Test(health, needs_reset_and_a_reset_behind_our_back_are_seen_without_any_interrupt)
{
    static const uint8_t status[] = {0x4f, 0x40, 0x00, 0x03};

    for (int i = 0; i < 8; i++) {
        struct bench b;

        set_up(&b, i & 1, 4);
        reach(&b, 10);
        b.f.status_override = true;
        b.f.status_value = status[i >> 1];
        cr_assert_eq(poll_until_seen(&b), VNET_STOPPING, "status %x", status[i >> 1]);
        cr_assert_eq(b.nic.counters.needs_reset, 1);
        b.f.status_override = false;
        cr_assert_eq(fake_finish(&b.nic), VNET_STOPPED);
        cr_assert_eq(b.nic.error, PROVIDER_E_NEEDS_RESET);
        cr_assert_eq(vnet_close(&b.nic), PROVIDER_OK);
        cr_assert_eq(fake_start(&b.nic, &b.env), VNET_RUNNING, "the owner may open again");
        tear_down(&b);
    }
}

/* DRIVER_OK is written only over a status that still holds what was set: writing our bits again would hide a
 * reset, and a device that asks for one is not to be notified. */
Test(health, what_happens_to_the_status_before_driver_ok_is_seen_there)
{
    static const uint8_t status[] = {0x00, 0x01, 0x4b, 0x43};

    for (int i = 0; i < 8; i++) {
        struct bench b;

        set_up(&b, i & 1, 4);
        cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_OK);
        while (b.nic.state != VNET_STARTING || b.nic.step != VNET_STEP_DRIVER_OK)
            (void)vnet_poll(&b.nic, 0, 64);
        b.f.status_override = true;
        b.f.status_value = status[i >> 1];
        cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_STOPPING, "status %x", status[i >> 1]);
        cr_assert_eq(b.nic.error, PROVIDER_E_NEEDS_RESET);
        cr_assert_eq(b.nic.counters.needs_reset, 1);
        cr_assert_eq(b.f.publishes, 0);
        for (uint32_t at = 0; at < b.f.status_count; at++)
            cr_assert_eq(b.f.statuses[at] & VIRTIO_STATUS_DRIVER_OK, 0, "DRIVER_OK was written");
        b.f.status_override = false;
        cr_assert_eq(fake_finish(&b.nic), VNET_STOPPED);
        nothing_held(&b);
        tear_down(&b);
    }
}

Test(health, a_device_that_is_gone_ends_in_quarantine)
{
    struct bench b;

    set_up(&b, true, 4);
    reach(&b, 10);
    b.f.gone = true;
    cr_assert_eq(poll_until_seen(&b), VNET_STOPPING);
    cr_assert_eq(fake_finish(&b.nic), VNET_QUARANTINED);
    cr_assert_eq(b.nic.error, PROVIDER_E_NEEDS_RESET);
    cr_assert_eq(b.f.rings_live, 2);
    tear_down(&b);
}

Test(health, registers_taken_away_end_in_quarantine)
{
    for (int phase = 0; phase < 2; phase++) {
        struct bench b;

        set_up(&b, false, 4);
        reach(&b, 10);
        vnet_poll(&b.nic, 0, 64);
        b.nic.polls = phase == 0 ? 0 : VNET_HEALTH_POLLS / 2;
        b.f.fail_at = 0;
        b.f.fail_on = true;
        cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_STOPPING);
        cr_assert_eq(vnet_poll(&b.nic, 0, 64), VNET_QUARANTINED);
        cr_assert_eq(b.nic.error, PROVIDER_E_REGISTER);
        tear_down(&b);
    }
}

Test(health, link_is_read_where_status_was_negotiated_and_up_elsewhere)
{
    struct bench b;

    set_up(&b, false, 4);
    b.f.config[6] = 0xfe; /* garbage beside a link that is down */
    cr_assert_eq(vnet_link(&b.nic), NIC_LINK_UNKNOWN);
    reach(&b, 10);
    cr_assert_eq(vnet_link(&b.nic), NIC_LINK_DOWN);
    b.f.config[6] = 1;
    for (uint32_t i = 0; i < VNET_HEALTH_POLLS; i++)
        vnet_poll(&b.nic, 0, 64);
    cr_assert_eq(vnet_link(&b.nic), NIC_LINK_UP);
    b.f.config_moves = true; /* a link that never stands still keeps its last state */
    b.f.config[6] = 0;
    for (uint32_t i = 0; i < VNET_HEALTH_POLLS; i++)
        vnet_poll(&b.nic, 0, 64);
    cr_assert_eq(b.nic.state, VNET_RUNNING);
    cr_assert_eq(vnet_link(&b.nic), NIC_LINK_UP);
    tear_down(&b);
    set_up(&b, true, 4);
    b.f.offered &= ~VIRTIO_NET_F_STATUS;
    b.f.config[6] = 0;
    reach(&b, 10);
    cr_assert_eq(vnet_link(&b.nic), NIC_LINK_UP);
    uint32_t calls = b.f.calls;
    b.nic.polls = VNET_HEALTH_POLLS / 2;
    vnet_poll(&b.nic, 0, 64);
    cr_assert_eq(b.f.calls, calls, "2.5.1: no field of a feature that was not offered is read");
    tear_down(&b);
}

Test(health, an_idle_poll_reads_no_register)
{
    struct bench b;

    set_up(&b, true, 4);
    reach(&b, 10);
    vnet_poll(&b.nic, 0, 64);
    uint32_t calls = b.f.calls;
    for (int i = 0; i < 500; i++)
        vnet_poll(&b.nic, 0, 64);
    cr_assert_eq(b.f.calls, calls);
    tear_down(&b);
}

Test(life, budget_bounds_what_a_poll_arms_and_reaps)
{
    struct bench b;

    set_up(&b, false, 200);
    cr_assert_eq(vnet_open(&b.nic, &b.env), PROVIDER_OK);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(vnet_poll(&b.nic, 0, 0), VNET_STARTING);
    cr_assert_eq(vnet_poll(&b.nic, 0, 0), VNET_STARTING);
    cr_assert_eq(b.nic.rx_armed, 0);
    vnet_poll(&b.nic, 0, 150);
    cr_assert_eq(b.nic.rx_armed, 150);
    cr_assert_eq(vnet_poll(&b.nic, 0, 150), VNET_RUNNING);
    uint16_t slots[8], head;
    struct nic_tx_frame tx[8];
    cr_assert_eq(vnet_tx_take(&b.nic, slots, 8), 8);
    for (int i = 0; i < 8; i++)
        tx[i] = (struct nic_tx_frame){slots[i], 60};
    cr_assert_eq(vnet_send(&b.nic, tx, 8), 8);
    for (int i = 0; i < 8; i++) {
        cr_assert(fake_pop(&b.f, 1, &head));
        fake_use(&b.f, 1, head, 0);
    }
    vnet_poll(&b.nic, 0, 3);
    cr_assert_eq(b.nic.counters.tx_reaped, 3);
    vnet_poll(&b.nic, 0, 64);
    cr_assert_eq(b.nic.counters.tx_reaped, 8);
    tear_down(&b);
}

Test(life, a_thousand_lives_leave_nothing_behind)
{
    struct bench b;
    uint8_t frame[60] = {0};
    struct nic_rx_frame out;

    set_up(&b, false, 16);
    for (int i = 0; i < 1000; i++) {
        reach(&b, 10);
        fake_deliver(&b.f, frame, 60, 1);
        cr_assert_eq(vnet_receive(&b.nic, &out, 1), 1);
        cr_assert_eq(b.nic.rx.used_seen, 1, "indices start anew");
        vnet_stop(&b.nic);
        while (vnet_poll(&b.nic, 0, 64) == VNET_STOPPING)
            ;
        cr_assert_eq(b.nic.state, VNET_STOPPED);
        nothing_held(&b);
        cr_assert_eq(vnet_close(&b.nic), PROVIDER_OK);
    }
    tear_down(&b);
}
