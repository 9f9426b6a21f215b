/* SPDX-License-Identifier: BSD-2-Clause */
/* The network device model, honest: bring-up, frames, order, resets, link, removal. Driven by the raw driver.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "raw_driver.h"

static const enum dm_transport transports[] = {DM_LEGACY, DM_MODERN, DM_TRANSITIONAL};

static void clean(const struct raw *r)
{
    cr_expect_eq(dm_net_monitor(r->net)->broken_total, 0u, "%s", dm_net_monitor(r->net)->first);
    cr_expect_eq(dm_memory_violations(r->memory), 0u, "%s",
                 dm_memory_violations(r->memory) ? dm_memory_violation(r->memory, 0)->what : "");
}

/* A frame goes out and comes back through the loop; length and header are as the transport has them. */
static void one_round(struct raw *r)
{
    uint32_t id, length, total = 0;
    const uint8_t *at = raw_at(r, RAW_BUFFERS);
    raw_bring_up(r);
    raw_arm(r, 0);
    raw_kick(r, RAW_RX);
    raw_send(r, 3, 60, 0x5a);
    for (unsigned i = 0; i < 4; i++)
        total += raw_step(r);
    cr_assert_gt(total, 0u);
    cr_assert_eq(raw_used_index(r, RAW_TX), 1);
    raw_element(r, RAW_TX, 0, &id, &length);
    cr_expect_eq(id, 3u);
    cr_assert_eq(raw_used_index(r, RAW_RX), 1);
    raw_element(r, RAW_RX, 0, &id, &length);
    cr_expect_eq(id, 0u);
    cr_expect_eq(length, r->header + 60u);
    cr_expect_eq(dm_net_counts(r->net).last_rx_used_length, r->header + 60u);
    for (uint32_t i = 0; i < 60; i++)
        cr_expect_eq(at[r->header + i], 0x5a);
    if (r->header == 12)
        cr_expect_eq(at[10] | at[11] << 8, 1);
    cr_expect_eq(dm_net_counts(r->net).in_flight, 0u);
}

Test(net, frame_round_trip_has_the_header_of_its_transport)
{
    for (unsigned t = 0; t < 3; t++) {
        for (unsigned ledger = 0; ledger < 2; ledger++) {
            struct dm_net_config config = raw_config(transports[t]);
            struct raw r;
            raw_open(&r, &config, ledger == 1);
            one_round(&r);
            cr_expect_eq(r.header, transports[t] == DM_LEGACY ? 10u : 12u);
            clean(&r);
            raw_close(&r);
        }
    }
}

Test(net, transitional_through_the_legacy_interface_has_the_short_header)
{
    struct dm_net_config config = raw_config(DM_TRANSITIONAL);
    struct raw r;
    raw_open(&r, &config, true);
    r.legacy = true;
    cr_expect_eq(raw_offered(&r) >> 32, 0u);
    one_round(&r);
    cr_expect_eq(r.header, 10u);
    clean(&r);
    raw_close(&r);
}

Test(net, legacy_merged_buffers_make_the_header_twelve_bytes)
{
    struct dm_net_config config = raw_config(DM_LEGACY);
    struct raw r;
    config.features |= DM_NET_F_MRG_RXBUF;
    raw_open(&r, &config, true);
    r.accept |= DM_NET_F_MRG_RXBUF;
    one_round(&r);
    cr_expect_eq(r.header, 12u);
    clean(&r);
    raw_close(&r);
}

Test(net, identity_follows_the_transport)
{
    static const uint16_t device[] = {0x1000, 0x1041, 0x1000};
    for (unsigned t = 0; t < 3; t++) {
        struct dm_net_config config = raw_config(transports[t]);
        struct raw r;
        raw_open(&r, &config, true);
        cr_expect_eq(dm_pci_read(r.bus, config.bdf, 0, 2), 0x1af4u);
        cr_expect_eq(dm_pci_read(r.bus, config.bdf, 2, 2), device[t]);
        cr_expect_eq(dm_pci_read(r.bus, config.bdf, 8, 1), transports[t] == DM_MODERN ? 1u : 0u);
        cr_expect_eq(dm_pci_read(r.bus, config.bdf, 8, 4) >> 8, 0x020000u);
        raw_close(&r);
    }
}

Test(net, configuration_shows_mac_link_and_mtu)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    uint8_t mac[6];
    struct raw r;
    config.features |= DM_NET_F_MTU;
    config.mtu = 1460;
    raw_open(&r, &config, true);
    raw_begin(&r);
    raw_read_mac(&r, mac);
    cr_expect_arr_eq(mac, config.mac, 6);
    cr_expect_eq(raw_get(&r, M_CONFIG + 6, 2), 1u);
    cr_expect_eq(raw_get(&r, M_CONFIG + 10, 2), 1460u);
    dm_net_set_link(r.net, false);
    cr_expect_eq(raw_get(&r, M_CONFIG + 6, 2), 0u);
    clean(&r);
    raw_close(&r);
}

Test(net, legacy_configuration_moves_when_msix_is_enabled)
{
    struct dm_net_config config = raw_config(DM_LEGACY);
    uint8_t mac[6];
    struct raw r;
    raw_open(&r, &config, true);
    raw_begin(&r);
    cr_expect_eq(raw_get(&r, 20, 1), 0x52u);
    raw_msix_on(&r);
    raw_read_mac(&r, mac);
    cr_expect_arr_eq(mac, config.mac, 6);
    cr_expect_eq(raw_get(&r, L_CONFIG_VECTOR, 2), 0xffffu);
    clean(&r);
    raw_close(&r);
}

static void arm_all(struct raw *r, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        raw_arm(r, i);
    raw_kick(r, RAW_RX);
}

Test(net, completions_follow_the_choice)
{
    static const uint32_t choices[] = {2, 1, 0};
    static const uint32_t expected[] = {2, 1, 0};
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    for (uint16_t i = 0; i < 3; i++)
        raw_send(&r, i, 60, 0);
    r.choices = choices;
    r.choice_count = 3;
    raw_step(&r);
    cr_assert_eq(raw_used_index(&r, RAW_TX), 3);
    for (uint16_t i = 0; i < 3; i++) {
        uint32_t id, length;
        raw_element(&r, RAW_TX, i, &id, &length);
        cr_expect_eq(id, expected[i]);
    }
    clean(&r);
    raw_close(&r);
}

Test(net, in_order_asks_no_choice)
{
    static const uint32_t choices[] = {2, 1, 0};
    struct dm_net_config config = raw_config(DM_MODERN);
    uint32_t id, length;
    struct raw r;
    config.in_order = true;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    for (uint16_t i = 0; i < 3; i++)
        raw_send(&r, i, 60, 0);
    r.choices = choices;
    r.choice_count = 3;
    raw_step(&r);
    cr_expect_eq(r.choices_made, 0u);
    raw_element(&r, RAW_TX, 0, &id, &length);
    cr_expect_eq(id, 0u);
    raw_close(&r);
}

Test(net, header_split_at_every_byte_is_sent_whole)
{
    for (unsigned t = 0; t < 2; t++) {
        struct dm_net_config config = raw_config(transports[t]);
        struct raw r;
        raw_open(&r, &config, true);
        raw_bring_up(&r);
        raw_arm(&r, 0);
        raw_kick(&r, RAW_RX);
        for (uint32_t cut = 1; cut < r.header + 60; cut++) {
            uint32_t at = RAW_BUFFERS + RAW_TX_BUFFER * RAW_BUFFER_BYTES;
            uint32_t id, length;
            memset(raw_at(&r, at), 0, r.header);
            memset(raw_at(&r, at + r.header), (int)cut, 60);
            raw_descriptor(&r, RAW_TX, 0, at, cut, RAW_NEXT, 1);
            raw_descriptor(&r, RAW_TX, 1, at + cut, r.header + 60 - cut, 0, 0);
            raw_expose(&r, RAW_TX, 0);
            raw_kick(&r, RAW_TX);
            raw_step(&r);
            raw_step(&r);
            cr_assert_eq(raw_used_index(&r, RAW_TX), (uint16_t)cut);
            cr_assert_eq(raw_used_index(&r, RAW_RX), (uint16_t)cut);
            raw_element(&r, RAW_RX, (uint16_t)(cut - 1), &id, &length);
            cr_expect_eq(length, r.header + 60);
            cr_expect_eq(raw_at(&r, RAW_BUFFERS)[r.header], (uint8_t)cut);
            raw_arm(&r, 0);
            raw_kick(&r, RAW_RX);
        }
        clean(&r);
        raw_close(&r);
    }
}

Test(net, indices_wrap_through_traffic)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    config.in_order = true;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    for (uint32_t i = 0; i < 70000; i++) {
        raw_arm(&r, 0);
        raw_kick(&r, RAW_RX);
        raw_send(&r, 0, 60, 1);
        raw_step(&r);
        raw_step(&r);
        cr_assert_eq(raw_used_index(&r, RAW_RX), (uint16_t)(i + 1));
        cr_assert_eq(raw_used_index(&r, RAW_TX), (uint16_t)(i + 1));
    }
    cr_expect_eq(dm_net_counts(r.net).rx_frames, 70000u);
    clean(&r);
    raw_close(&r);
}

Test(net, reset_returns_every_byte_and_register)
{
    for (unsigned t = 0; t < 3; t++) {
        struct dm_net_config config = raw_config(transports[t]);
        struct raw r;
        raw_open(&r, &config, true);
        for (unsigned life = 0; life < 3; life++) {
            for (uint16_t q = 0; q < 3; q++)
                raw_place_ring(&r, q, RAW_ENTRIES);
            raw_bring_up(&r);
            arm_all(&r, 5);
            raw_step(&r);
            cr_expect_eq(dm_net_counts(r.net).in_flight, 5u);
            cr_expect_gt(dm_memory_counts(r.memory).exposed_bytes, 5u * RAW_BUFFER_BYTES);
            cr_expect_eq(raw_reset(&r), 0);
            cr_expect_eq(dm_memory_counts(r.memory).exposed_bytes, 0u);
            cr_expect_eq(dm_net_counts(r.net).in_flight, 0u);
        }
        clean(&r);
        raw_close(&r);
    }
}

Test(net, nothing_is_consumed_before_driver_ok)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    raw_open(&r, &config, true);
    raw_begin(&r);
    raw_negotiate(&r);
    raw_setup_queue(&r, RAW_RX);
    raw_arm(&r, 0);
    dm_net_deliver(r.net, (const uint8_t *)"frame", 5);
    raw_step(&r);
    cr_expect_eq(raw_used_index(&r, RAW_RX), 0);
    cr_expect_eq(dm_net_counts(r.net).rx_dropped, 1u);
    clean(&r);
    raw_close(&r);
}

Test(net, without_bus_mastering_nothing_moves_and_it_is_counted)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    raw_command(&r, 3);
    raw_send(&r, 0, 60, 0);
    raw_step(&r);
    cr_expect_eq(raw_used_index(&r, RAW_TX), 0);
    cr_expect_eq(dm_net_counts(r.net).dma_blocked, 1u);
    cr_expect_eq(raw_broken(&r, DM_RULE_BUS_MASTER), 1u);
    raw_command(&r, 7);
    raw_step(&r);
    cr_expect_eq(raw_used_index(&r, RAW_TX), 1);
    raw_close(&r);
}

Test(net, frame_without_buffer_waits_and_frame_too_large_is_dropped)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    static uint8_t frame[4000];
    struct raw r;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    cr_assert(dm_net_deliver(r.net, frame, 60));
    raw_step(&r);
    cr_expect_eq(dm_net_counts(r.net).rx_frames, 0u);
    raw_arm(&r, 0);
    raw_kick(&r, RAW_RX);
    raw_step(&r);
    cr_expect_eq(dm_net_counts(r.net).rx_frames, 1u);
    raw_arm(&r, 1);
    raw_kick(&r, RAW_RX);
    cr_assert(dm_net_deliver(r.net, frame, sizeof frame));
    raw_step(&r);
    cr_expect_eq(dm_net_counts(r.net).rx_dropped, 1u);
    cr_expect_eq(dm_net_counts(r.net).in_flight, 1u);
    clean(&r);
    raw_close(&r);
}

Test(net, full_pending_queue_refuses_a_delivery)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    static uint8_t frame[60000];
    uint32_t taken = 0;
    struct raw r;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    while (taken < 100 && dm_net_deliver(r.net, frame, sizeof frame))
        taken++;
    cr_expect_eq(taken, 4u);
    cr_expect_not(dm_net_deliver(r.net, frame, DM_FRAME_BYTES_MAX + 1));
    raw_close(&r);
}

Test(net, merged_frame_spans_buffers_and_says_how_many)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    static uint8_t frame[5000];
    uint32_t id, length, total = 0;
    struct raw r;
    config.features |= DM_NET_F_MRG_RXBUF;
    raw_open(&r, &config, true);
    r.accept |= DM_NET_F_MRG_RXBUF;
    raw_bring_up(&r);
    arm_all(&r, 4);
    for (uint32_t i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)i;
    cr_assert(dm_net_deliver(r.net, frame, sizeof frame));
    raw_step(&r);
    cr_assert_eq(raw_used_index(&r, RAW_RX), 3);
    for (uint16_t i = 0; i < 3; i++) {
        raw_element(&r, RAW_RX, i, &id, &length);
        cr_expect_eq(id, i);
        total += length;
    }
    cr_expect_eq(total, sizeof frame + 12);
    cr_expect_eq(raw_at(&r, RAW_BUFFERS)[10], 3);
    cr_expect_eq(raw_at(&r, RAW_BUFFERS)[12 + 100], 100);
    cr_expect_eq(raw_at(&r, RAW_BUFFERS + RAW_BUFFER_BYTES)[0], (uint8_t)(2048 - 12));
    clean(&r);
    raw_close(&r);
}

Test(net, event_index_says_when_to_notify)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    uint16_t event;
    struct raw r;
    config.features |= DM_F_EVENT_IDX;
    raw_open(&r, &config, true);
    r.accept |= DM_F_EVENT_IDX;
    raw_bring_up(&r);
    raw_arm(&r, 0);
    raw_arm(&r, 1);
    raw_kick(&r, RAW_RX);
    raw_step(&r);
    memcpy(&event, raw_at(&r, r.rings[RAW_RX].used + 4 + 8 * RAW_ENTRIES), 2);
    cr_expect_eq(event, 2);
    dm_net_deliver(r.net, (const uint8_t *)"frame that is long enough", 25);
    raw_step(&r); /* used_event is 0: crossing it interrupts */
    cr_expect_eq(raw_get(&r, M_ISR, 1), 1u);
    dm_net_deliver(r.net, (const uint8_t *)"frame that is long enough", 25);
    raw_step(&r);
    cr_expect_eq(raw_get(&r, M_ISR, 1), 0u);
    clean(&r);
    raw_close(&r);
}

Test(net, interrupts_follow_flags_and_vectors)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    uint8_t mac[6];
    struct raw r;
    raw_open(&r, &config, true);
    raw_msix_on(&r);
    raw_begin(&r);
    raw_negotiate(&r);
    raw_setup_queue(&r, RAW_RX);
    raw_setup_queue(&r, RAW_TX);
    raw_put(&r, M_QUEUE_VECTOR, 2, 1);
    cr_expect_eq(raw_get(&r, M_QUEUE_VECTOR, 2), 1u);
    raw_put(&r, M_CONFIG_VECTOR, 2, 77);
    cr_expect_eq(raw_get(&r, M_CONFIG_VECTOR, 2), 0xffffu);
    raw_read_mac(&r, mac);
    raw_ready(&r);
    raw_send(&r, 0, 60, 0);
    raw_step(&r);
    cr_expect_eq(r.messages, 1u);
    raw_at(&r, r.rings[RAW_TX].avail)[0] = 1; /* NO_INTERRUPT */
    raw_send(&r, 1, 60, 0);
    raw_step(&r);
    cr_expect_eq(r.messages, 1u);
    dm_net_set_link(r.net, false); /* the configuration vector is NO_VECTOR */
    cr_expect_eq(r.messages, 1u);
    clean(&r);
    raw_close(&r);
}

Test(net, control_queue_answers_an_error)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    uint32_t id, length;
    struct raw r;
    config.features |= DM_NET_F_CTRL_VQ;
    raw_open(&r, &config, true);
    r.accept |= DM_NET_F_CTRL_VQ;
    raw_bring_up(&r);
    cr_expect_eq(raw_get(&r, M_QUEUES, 2), 3u);
    raw_descriptor(&r, RAW_CTRL, 0, RAW_BUFFERS, 2, RAW_NEXT, 1);
    raw_descriptor(&r, RAW_CTRL, 1, RAW_BUFFERS + 64, 1, RAW_WRITE, 0);
    raw_expose(&r, RAW_CTRL, 0);
    raw_kick(&r, RAW_CTRL);
    raw_step(&r);
    cr_assert_eq(raw_used_index(&r, RAW_CTRL), 1);
    raw_element(&r, RAW_CTRL, 0, &id, &length);
    cr_expect_eq(length, 1u);
    cr_expect_eq(*raw_at(&r, RAW_BUFFERS + 64), 1);
    clean(&r);
    raw_close(&r);
}

Test(net, malformed_chain_stops_the_queue_and_asks_for_a_reset)
{
    for (unsigned t = 0; t < 2; t++) {
        struct dm_net_config config = raw_config(transports[t]);
        struct raw r;
        raw_open(&r, &config, true);
        raw_bring_up(&r);
        raw_descriptor(&r, RAW_TX, 0, RAW_BUFFERS, 100, RAW_NEXT, 0); /* a loop */
        raw_expose(&r, RAW_TX, 0);
        raw_kick(&r, RAW_TX);
        raw_step(&r);
        raw_step(&r);
        cr_expect_eq(dm_net_counts(r.net).malformed, 1u);
        cr_expect_eq(raw_used_index(&r, RAW_TX), 0);
        cr_expect_eq(dm_net_status(r.net) & 0x40, transports[t] == DM_MODERN ? 0x40 : 0);
        cr_expect_eq(raw_reset(&r), 0);
        cr_expect_eq(dm_memory_counts(r.memory).exposed_bytes, 0u);
        raw_close(&r);
    }
}

Test(net, buffer_outside_the_grant_is_a_violation_not_a_transfer)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    raw_descriptor(&r, RAW_TX, 0, RAW_MAPPED_BYTES, 100, 0, 0);
    raw_expose(&r, RAW_TX, 0);
    raw_kick(&r, RAW_TX);
    raw_step(&r);
    cr_expect_gt(dm_memory_violations(r.memory), 0u);
    cr_expect_eq(dm_net_counts(r.net).tx_frames, 0u);
    raw_close(&r);
}

Test(net, need_reset_stops_until_reset)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    dm_net_need_reset(r.net);
    cr_expect_eq(raw_get(&r, M_ISR, 1), 2u);
    raw_send(&r, 0, 60, 0);
    raw_step(&r);
    cr_expect_eq(raw_used_index(&r, RAW_TX), 0);
    cr_expect_eq(raw_status(&r) & 0x40, 0x40);
    cr_expect_eq(raw_reset(&r), 0);
    clean(&r);
    raw_close(&r);
}

Test(net, link_down_drops_both_ways)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    raw_open(&r, &config, true);
    raw_bring_up(&r);
    raw_arm(&r, 0);
    raw_kick(&r, RAW_RX);
    dm_net_set_link(r.net, false);
    raw_send(&r, 0, 60, 0);
    dm_net_deliver(r.net, (const uint8_t *)"x", 1);
    raw_step(&r);
    raw_step(&r);
    cr_expect_eq(raw_used_index(&r, RAW_TX), 1);
    cr_expect_eq(raw_used_index(&r, RAW_RX), 0);
    cr_expect_eq(dm_net_counts(r.net).rx_dropped, 1u);
    clean(&r);
    raw_close(&r);
}

Test(net, removed_function_reads_all_ones_and_does_nothing)
{
    for (unsigned t = 0; t < 2; t++) {
        struct dm_net_config config = raw_config(transports[t]);
        struct raw r;
        raw_open(&r, &config, true);
        raw_bring_up(&r);
        raw_send(&r, 0, 60, 0);
        dm_net_remove(r.net);
        cr_expect_eq(raw_status(&r), 0xff);
        cr_expect_eq(dm_pci_read(r.bus, config.bdf, 0, 4), 0xffffffffu);
        cr_expect_eq(raw_step(&r), 0u);
        cr_expect_eq(raw_used_index(&r, RAW_TX), 0);
        raw_close(&r);
    }
}

Test(net, firmware_ring_writes_until_reset)
{
    for (unsigned t = 0; t < 2; t++) {
        struct dm_net_config config = raw_config(transports[t]);
        struct raw r;
        config.firmware_left_running = true;
        raw_open(&r, &config, true);
        for (unsigned i = 0; i < 20; i++) {
            dm_net_deliver(r.net, (const uint8_t *)"frame for the firmware", 22);
            raw_step(&r);
        }
        cr_expect_eq(dm_net_counts(r.net).rx_frames, 20u);
        one_round(&r);
        cr_expect_eq(dm_memory_owner(r.memory, (dm_addr){raw_bus(RAW_MEMORY_BYTES - 1)}), DM_UNMAPPED);
        clean(&r);
        raw_close(&r);
    }
}

Test(net, bus_mastering_back_on_without_reset_is_seen)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    config.firmware_left_running = true;
    raw_open(&r, &config, true);
    raw_command(&r, 3);
    dm_net_deliver(r.net, (const uint8_t *)"frame", 5);
    raw_step(&r);
    clean(&r);
    raw_command(&r, 7);
    raw_step(&r);
    cr_expect_eq(raw_broken(&r, DM_RULE_NO_LIFE_BEFORE_RESET), 1u);
    cr_expect_gt(dm_memory_violations(r.memory), 0u);
    raw_close(&r);
}
