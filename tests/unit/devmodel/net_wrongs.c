/* SPDX-License-Identifier: BSD-2-Clause */
/* The wrong actions themselves: each a driver that breaks one rule, by hand. */
#include "net_wrongs.h"

static uint32_t tx_at(uint16_t slot)
{
    return RAW_BUFFERS + (RAW_TX_BUFFER + slot) * RAW_BUFFER_BYTES;
}

static void no_reset_first(struct raw *r)
{
    raw_command(r, 7);
    raw_set_status(r, 1);
}

static void driver_before_acknowledge(struct raw *r)
{
    raw_reset(r);
    raw_set_status(r, 2);
}

static void clears_a_bit(struct raw *r)
{
    raw_begin(r);
    raw_set_status(r, 2);
}

static void goes_on_after_failed(struct raw *r)
{
    raw_begin(r);
    raw_set_status(r, 0x83);
    raw_set_status(r, 0x8b);
}

static void writes_features_after_failed(struct raw *r)
{
    raw_begin(r);
    raw_set_status(r, 0x83);
    raw_write_features(r, 0);
}

static void kicks_after_needs_reset(struct raw *r)
{
    raw_bring_up(r);
    dm_net_need_reset(r->net);
    raw_status(r);
    raw_kick(r, RAW_TX);
}

/* Before the status is read nobody can know; afterwards there is nothing but a reset. */
static void kicks_after_a_reset_that_it_saw(struct raw *r)
{
    raw_bring_up(r);
    dm_net_reset_itself(r->net);
    raw_kick(r, RAW_TX);
    if (dm_net_monitor(r->net)->broken_total != 0)
        return; /* judged too early: the rule that is due stays unbroken */
    raw_status(r);
    raw_kick(r, RAW_TX);
}

static void negotiate_with(struct raw *r, uint64_t accepted)
{
    raw_begin(r);
    raw_write_features(r, accepted);
    if (r->legacy) {
        raw_ready(r);
        return;
    }
    raw_set_status(r, 0x0b);
    raw_status(r);
}

static void accepts_not_offered(struct raw *r)
{
    negotiate_with(r, DM_F_VERSION_1 | DM_NET_F_CTRL_VQ);
}

static void accepts_without_prerequisite(struct raw *r)
{
    negotiate_with(r, DM_F_VERSION_1 | DM_NET_F_MQ);
}

static void accepts_reserved(struct raw *r)
{
    negotiate_with(r, DM_F_VERSION_1 | (1ull << 50));
}

static void refuses_version_1(struct raw *r)
{
    negotiate_with(r, DM_NET_F_MAC);
}

static void refuses_any_layout(struct raw *r)
{
    negotiate_with(r, DM_NET_F_MAC);
}

static void accepts_bit_30(struct raw *r)
{
    negotiate_with(r, DM_F_VERSION_1 | (1ull << 30));
}

static void goes_on_after_refusal(struct raw *r)
{
    negotiate_with(r, DM_NET_F_MAC);
    raw_setup_queue(r, RAW_RX);
}

static void uses_both_interfaces(struct raw *r)
{
    raw_begin(r);
    r->legacy = true;
    raw_status(r);
}

static void reads_mac_without_generation(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_get(r, M_CONFIG, 1);
    raw_ready(r);
}

static void reads_mtu_not_offered(struct raw *r)
{
    raw_begin(r);
    raw_get(r, M_CONFIG + 10, 2);
}

static void reads_mac_once(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_get(r, L_CONFIG, 1);
    raw_ready(r);
}

static void set_up_shifted(struct raw *r, uint32_t desc, uint32_t avail, uint32_t used)
{
    raw_begin(r);
    raw_negotiate(r);
    r->rings[0].desc += desc;
    r->rings[0].avail += avail;
    r->rings[0].used += used;
    raw_setup_queue(r, RAW_RX);
}

static void misaligns_descriptors(struct raw *r)
{
    set_up_shifted(r, 0x8008, 0, 0);
}

static void misaligns_available(struct raw *r)
{
    set_up_shifted(r, 0, 1, 0);
}

static void misaligns_used(struct raw *r)
{
    set_up_shifted(r, 0, 0, 2);
}

static void legacy_ring_half_in_memory(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_put(r, L_SELECT, 2, 0);
    raw_put(r, L_PFN, 4, (uint32_t)(raw_bus(RAW_MAPPED_BYTES - 4096) >> 12));
}

static void dirty_used_flags(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    *raw_at(r, r->rings[0].used) = 1;
    raw_setup_queue(r, RAW_RX);
}

static void expose_tx(struct raw *r, uint16_t head)
{
    raw_expose(r, RAW_TX, head);
    raw_kick(r, RAW_TX);
    raw_step(r);
}

static void readable_after_writable(struct raw *r)
{
    raw_bring_up(r);
    raw_descriptor(r, RAW_TX, 0, tx_at(0), 64, RAW_WRITE | RAW_NEXT, 1);
    raw_descriptor(r, RAW_TX, 1, tx_at(1), 64, 0, 0);
    expose_tx(r, 0);
}

static void chain_above_4_gib(struct raw *r)
{
    raw_bring_up(r);
    raw_descriptor(r, RAW_TX, 0, tx_at(0), 0x80000000u, RAW_NEXT, 1);
    raw_descriptor(r, RAW_TX, 1, tx_at(0), 0x80000001u, 0, 0);
    expose_tx(r, 0);
}

static void indirect_not_negotiated(struct raw *r)
{
    raw_bring_up(r);
    raw_descriptor(r, RAW_TX, 0, tx_at(0), 64, RAW_INDIRECT, 0);
    expose_tx(r, 0);
}

static void loops(struct raw *r)
{
    raw_bring_up(r);
    raw_descriptor(r, RAW_TX, 0, tx_at(0), 64, RAW_NEXT, 1);
    raw_descriptor(r, RAW_TX, 1, tx_at(1), 64, RAW_NEXT, 0);
    expose_tx(r, 0);
}

static void index_goes_back(struct raw *r)
{
    raw_bring_up(r);
    raw_send(r, 0, 60, 0);
    raw_send(r, 1, 60, 0);
    raw_step(r);
    r->rings[RAW_TX].avail_idx -= 2;
    raw_send(r, 0, 60, 0);
    raw_step(r);
}

static void avail_flags_two(struct raw *r)
{
    raw_bring_up(r);
    *raw_at(r, r->rings[RAW_TX].avail) = 2;
    raw_send(r, 0, 60, 0);
    raw_step(r);
}

static void avail_flags_with_event(struct raw *r)
{
    r->accept |= DM_F_EVENT_IDX;
    raw_bring_up(r);
    *raw_at(r, r->rings[RAW_TX].avail) = 1;
    raw_send(r, 0, 60, 0);
    raw_step(r);
}

static void forgets_to_kick(struct raw *r)
{
    raw_bring_up(r);
    raw_arm(r, 0);
    raw_step(r);
    raw_step(r);
}

static void does_not_read_features_ok(struct raw *r)
{
    raw_begin(r);
    raw_write_features(r, DM_F_VERSION_1);
    raw_set_status(r, 0x0b);
    raw_set_status(r, 0x0f);
}

static void queue_before_features_ok(struct raw *r)
{
    raw_begin(r);
    raw_setup_queue(r, RAW_RX);
}

static void writes_config_while_negotiating(struct raw *r)
{
    raw_begin(r);
    raw_put(r, M_CONFIG, 1, 2);
}

static void features_after_ok(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_write_features(r, DM_F_VERSION_1);
}

static void kicks_before_driver_ok(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_setup_queue(r, RAW_TX);
    raw_kick(r, RAW_TX);
}

static void legacy_features_ok(struct raw *r)
{
    raw_begin(r);
    raw_set_status(r, 0x0b);
}

static void alters_exposed(struct raw *r)
{
    raw_bring_up(r);
    raw_arm(r, 0);
    raw_kick(r, RAW_RX);
    raw_step(r);
    raw_descriptor(r, RAW_RX, 0, RAW_BUFFERS, 100, RAW_WRITE, 0);
    dm_net_deliver(r->net, (const uint8_t *)"frame", 5);
    raw_step(r);
}

static void exposes_twice(struct raw *r)
{
    raw_bring_up(r);
    raw_arm(r, 0);
    raw_arm(r, 0);
    raw_kick(r, RAW_RX);
    raw_step(r);
}

static void takes_ring_away(struct raw *r)
{
    raw_bring_up(r);
    raw_arm(r, 0);
    raw_kick(r, RAW_RX);
    raw_step(r);
    raw_put(r, L_SELECT, 2, 0);
    raw_put(r, L_PFN, 4, 0);
}

static void kicks_without_bus_master(struct raw *r)
{
    raw_bring_up(r);
    raw_command(r, 3);
    raw_kick(r, RAW_TX);
}

static void bus_master_over_live_rings(struct raw *r)
{
    raw_command(r, 3);
    raw_command(r, 7);
}

static void reads_status_wide(struct raw *r)
{
    raw_get(r, M_STATUS, 2);
}

static void writes_capability(struct raw *r)
{
    uint8_t at = (uint8_t)dm_pci_read(r->bus, r->config.bdf, 0x34, 1);
    while (at && dm_pci_read(r->bus, r->config.bdf, at, 1) != 9)
        at = (uint8_t)dm_pci_read(r->bus, r->config.bdf, (uint16_t)(at + 1), 1);
    dm_pci_write(r->bus, r->config.bdf, (uint16_t)(at + 8), 4, 0);
}

static void writes_num_queues(struct raw *r)
{
    raw_put(r, M_QUEUES, 2, 4);
}

static void queue_size_three(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_put(r, M_SIZE, 2, 3);
}

static void enables_before_addresses(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_put(r, M_DESC, 4, (uint32_t)raw_bus(0));
    raw_put(r, M_ENABLE, 2, 1);
}

static void does_not_wait_for_reset(struct raw *r)
{
    raw_set_status(r, 0);
    raw_set_status(r, 1);
}

static void disables_queue(struct raw *r)
{
    raw_bring_up(r);
    raw_put(r, M_SELECT, 2, 0);
    raw_put(r, M_ENABLE, 2, 0);
}

static void reads_isr_with_msix(struct raw *r)
{
    raw_msix_on(r);
    raw_get(r, M_ISR, 1);
}

static void config_at_20_with_msix(struct raw *r)
{
    raw_begin(r);
    raw_msix_on(r);
    raw_get(r, 20, 1);
}

static void vector_not_read_back(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_put(r, M_QUEUE_VECTOR, 2, 1);
    raw_ready(r);
}

static void page_number_twice(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_setup_queue(r, RAW_RX);
    raw_setup_queue(r, RAW_RX);
}

static void kicks_wide(struct raw *r)
{
    raw_bring_up(r);
    raw_put(r, M_NOTIFY + 4, 4, 1);
}

static void never_reads_mac(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_setup_queue(r, RAW_TX);
    raw_ready(r);
    raw_send(r, 0, 60, 0);
    raw_step(r);
}

static void sends_above_mtu(struct raw *r)
{
    r->accept |= DM_NET_F_MTU;
    raw_bring_up(r);
    raw_send(r, 0, 1519, 0);
    raw_step(r);
}

static void writes_mac(struct raw *r)
{
    raw_bring_up(r);
    raw_put(r, M_CONFIG, 1, 2);
}

static void sends_header_only(struct raw *r)
{
    raw_bring_up(r);
    raw_send(r, 0, 0, 0);
    raw_step(r);
}

static void send_with_header(struct raw *r, uint32_t at, uint8_t value)
{
    raw_bring_up(r);
    raw_send(r, 0, 60, 0);
    raw_at(r, tx_at(0))[at] = value;
    raw_step(r);
}

static void num_buffers_set(struct raw *r)
{
    send_with_header(r, 10, 1);
}

static void needs_csum_not_negotiated(struct raw *r)
{
    send_with_header(r, 0, 1);
}

static void gso_not_negotiated(struct raw *r)
{
    send_with_header(r, 1, 1);
}

static void data_valid_on_transmit(struct raw *r)
{
    send_with_header(r, 0, 2);
}

static void small_receive_buffer(struct raw *r)
{
    raw_bring_up(r);
    raw_descriptor(r, RAW_RX, 0, RAW_BUFFERS, 1000, RAW_WRITE, 0);
    raw_expose(r, RAW_RX, 0);
    raw_kick(r, RAW_RX);
    raw_step(r);
}

static void header_not_alone(struct raw *r)
{
    r->accept = DM_NET_F_MAC;
    raw_bring_up(r);
    raw_send(r, 0, 60, 0);
    raw_step(r);
}

const struct wrong net_wrongs[] = {
    {DM_RULE_RESET_FIRST, DM_MODERN, no_reset_first, 0, false},
    {DM_RULE_STATUS_ORDER, DM_MODERN, driver_before_acknowledge, 0, false},
    {DM_RULE_STATUS_NO_CLEAR, DM_MODERN, clears_a_bit, 0, false},
    {DM_RULE_RESET_AFTER_FAILED, DM_MODERN, goes_on_after_failed, 0, false},
    {DM_RULE_NEEDS_RESET_HEEDED, DM_MODERN, kicks_after_needs_reset, 0, false},
    {DM_RULE_NEEDS_RESET_HEEDED, DM_LEGACY, kicks_after_a_reset_that_it_saw, 0, false},
    {DM_RULE_FEATURES_OFFERED, DM_MODERN, accepts_not_offered, 0, false},
    {DM_RULE_FEATURES_PREREQUISITE, DM_MODERN, accepts_without_prerequisite, DM_NET_F_MQ | DM_NET_F_CTRL_VQ,
     false},
    {DM_RULE_STOP_AFTER_REFUSAL, DM_MODERN, goes_on_after_refusal, 0, false},
    {DM_RULE_FEATURES_KNOWN, DM_MODERN, accepts_reserved, 1ull << 50, false},
    {DM_RULE_ONE_INTERFACE, DM_TRANSITIONAL, uses_both_interfaces, 0, false},
    {DM_RULE_CONFIG_GENERATION, DM_MODERN, reads_mac_without_generation, 0, false},
    {DM_RULE_CONFIG_FIELD_OFFERED, DM_MODERN, reads_mtu_not_offered, 0, false},
    {DM_RULE_LEGACY_CONFIG_TWICE, DM_LEGACY, reads_mac_once, 0, false},
    {DM_RULE_ALIGN_DESCRIPTOR, DM_MODERN, misaligns_descriptors, 0, false},
    {DM_RULE_ALIGN_AVAILABLE, DM_MODERN, misaligns_available, 0, false},
    {DM_RULE_ALIGN_USED, DM_MODERN, misaligns_used, 0, false},
    {DM_RULE_LEGACY_RING_MEMORY, DM_LEGACY, legacy_ring_half_in_memory, 0, false},
    {DM_RULE_WRITABLE_LAST, DM_MODERN, readable_after_writable, 0, false},
    {DM_RULE_CHAIN_BYTES, DM_MODERN, chain_above_4_gib, 0, false},
    {DM_RULE_INDIRECT_NEGOTIATED, DM_MODERN, indirect_not_negotiated, 0, false},
    {DM_RULE_CHAIN_LENGTH, DM_MODERN, loops, 0, false},
    {DM_RULE_AVAIL_MONOTONIC, DM_MODERN, index_goes_back, 0, false},
    {DM_RULE_AVAIL_FLAGS, DM_MODERN, avail_flags_two, 0, false},
    {DM_RULE_AVAIL_FLAGS_EVENT, DM_MODERN, avail_flags_with_event, DM_F_EVENT_IDX, false},
    {DM_RULE_USED_FLAGS_ZERO, DM_MODERN, dirty_used_flags, 0, false},
    {DM_RULE_MUST_KICK, DM_MODERN, forgets_to_kick, 0, false},
    {DM_RULE_FEATURES_OK_READ_BACK, DM_MODERN, does_not_read_features_ok, 0, false},
    {DM_RULE_QUEUE_SETUP_ORDER, DM_MODERN, queue_before_features_ok, 0, false},
    {DM_RULE_NO_CONFIG_WRITE, DM_MODERN, writes_config_while_negotiating, 0, false},
    {DM_RULE_NO_FEATURES_AFTER_OK, DM_MODERN, features_after_ok, 0, false},
    {DM_RULE_STOP_AFTER_FAILED, DM_MODERN, writes_features_after_failed, 0, false},
    {DM_RULE_KICK_AFTER_DRIVER_OK, DM_MODERN, kicks_before_driver_ok, 0, false},
    {DM_RULE_LEGACY_ORDER, DM_LEGACY, legacy_features_ok, 0, false},
    {DM_RULE_EXPOSED_UNCHANGED, DM_MODERN, alters_exposed, 0, false},
    {DM_RULE_EXPOSED_ONCE, DM_MODERN, exposes_twice, 0, false},
    {DM_RULE_REMOVE_AFTER_RESET, DM_LEGACY, takes_ring_away, 0, false},
    {DM_RULE_ACCEPT_VERSION_1, DM_MODERN, refuses_version_1, 0, false},
    {DM_RULE_ACCEPT_ANY_LAYOUT, DM_LEGACY, refuses_any_layout, 0, false},
    {DM_RULE_NO_UNUSED_BIT, DM_MODERN, accepts_bit_30, 1ull << 30, false},
    {DM_RULE_BUS_MASTER, DM_MODERN, kicks_without_bus_master, 0, false},
    {DM_RULE_NO_LIFE_BEFORE_RESET, DM_MODERN, bus_master_over_live_rings, 0, true},
    {DM_RULE_FIELD_WIDTH, DM_MODERN, reads_status_wide, 0, false},
    {DM_RULE_CAPABILITY_READ_ONLY, DM_MODERN, writes_capability, 0, false},
    {DM_RULE_READ_ONLY_FIELD, DM_MODERN, writes_num_queues, 0, false},
    {DM_RULE_QUEUE_SIZE_POWER_OF_TWO, DM_MODERN, queue_size_three, 0, false},
    {DM_RULE_QUEUE_FIELDS_FIRST, DM_MODERN, enables_before_addresses, 0, false},
    {DM_RULE_WAIT_FOR_RESET, DM_MODERN, does_not_wait_for_reset, 0, false},
    {DM_RULE_QUEUE_ENABLE_NOT_ZERO, DM_MODERN, disables_queue, 0, false},
    {DM_RULE_ISR_WITH_MSIX, DM_MODERN, reads_isr_with_msix, 0, false},
    {DM_RULE_LEGACY_CONFIG_OFFSET, DM_LEGACY, config_at_20_with_msix, 0, false},
    {DM_RULE_VECTOR_READ_BACK, DM_MODERN, vector_not_read_back, 0, false},
    {DM_RULE_LEGACY_PFN, DM_LEGACY, page_number_twice, 0, false},
    {DM_RULE_KICK_FORMAT, DM_MODERN, kicks_wide, 0, false},
    {DM_RULE_MAC_READ, DM_MODERN, never_reads_mac, 0, false},
    {DM_RULE_MTU_HONOURED, DM_MODERN, sends_above_mtu, DM_NET_F_MTU, false},
    {DM_RULE_CONFIG_READ_ONLY, DM_MODERN, writes_mac, 0, false},
    {DM_RULE_TX_HEADER, DM_MODERN, sends_header_only, 0, false},
    {DM_RULE_TX_NUM_BUFFERS, DM_MODERN, num_buffers_set, 0, false},
    {DM_RULE_TX_FLAGS, DM_LEGACY, needs_csum_not_negotiated, 0, false},
    {DM_RULE_TX_GSO, DM_MODERN, gso_not_negotiated, 0, false},
    {DM_RULE_TX_RECEIVE_FLAGS, DM_LEGACY, data_valid_on_transmit, 0, false},
    {DM_RULE_RX_BUFFER_BYTES, DM_MODERN, small_receive_buffer, 0, false},
    {DM_RULE_LEGACY_HEADER_ALONE, DM_LEGACY, header_not_alone, 0, false},
};
const size_t net_wrong_count = sizeof net_wrongs / sizeof net_wrongs[0];
