/* SPDX-License-Identifier: BSD-2-Clause */
/* Every register of both interfaces: what it shows after a write, after a reset, for a queue that is not
 * there, and for an access that no driver should make. */
#include <criterion/criterion.h>
#include <string.h>

#include "raw_driver.h"

static void open_as(struct raw *r, enum dm_transport transport)
{
    struct dm_net_config config = raw_config(transport);
    raw_open(r, &config, true);
}

Test(net_registers, modern_fields_read_back_and_reset)
{
    static const struct {
        uint32_t at;
        uint8_t width;
        uint32_t value, reset;
    } fields[] = {
        {M_DEVICE_SELECT, 4, 1, 0}, {M_DRIVER_SELECT, 4, 1, 0}, {M_CONFIG_VECTOR, 2, 2, 0xffff},
        {M_SELECT, 2, 0, 0},        {M_SIZE, 2, 8, 16},         {M_QUEUE_VECTOR, 2, 1, 0xffff},
        {M_DESC, 4, 0x1230, 0},     {M_DESC + 4, 4, 1, 0},      {M_AVAIL, 4, 0x4560, 0},
        {M_AVAIL + 4, 4, 2, 0},     {M_USED, 4, 0x7890, 0},     {M_USED + 4, 4, 3, 0},
    };
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_begin(&r);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        cr_expect_eq(raw_get(&r, fields[i].at, fields[i].width), fields[i].reset, "field %#x at first",
                     fields[i].at);
        raw_put(&r, fields[i].at, fields[i].width, fields[i].value);
        cr_expect_eq(raw_get(&r, fields[i].at, fields[i].width), fields[i].value, "field %#x", fields[i].at);
    }
    raw_reset(&r);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        cr_expect_eq(raw_get(&r, fields[i].at, fields[i].width), fields[i].reset, "field %#x after",
                     fields[i].at);
    cr_expect_eq(dm_net_monitor(r.net)->broken_total, 0u, "%s", dm_net_monitor(r.net)->first);
    raw_close(&r);
}

Test(net_registers, modern_features_beyond_the_second_word_are_zero)
{
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_begin(&r);
    raw_write_features(&r, DM_F_VERSION_1 | DM_NET_F_MAC);
    cr_expect_eq(raw_get(&r, M_DRIVER, 4), 1u);
    raw_put(&r, M_DRIVER_SELECT, 4, 0);
    cr_expect_eq(raw_get(&r, M_DRIVER, 4), DM_NET_F_MAC);
    raw_put(&r, M_DRIVER_SELECT, 4, 2);
    raw_put(&r, M_DRIVER, 4, 0xffffffff);
    cr_expect_eq(raw_get(&r, M_DRIVER, 4), 0u);
    raw_put(&r, M_DEVICE_SELECT, 4, 2);
    cr_expect_eq(raw_get(&r, M_DEVICE, 4), 0u);
    cr_expect_eq(dm_net_accepted(r.net), DM_F_VERSION_1 | DM_NET_F_MAC);
    raw_close(&r);
}

Test(net_registers, absent_modern_queue_shows_nothing_and_takes_nothing)
{
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_begin(&r);
    raw_negotiate(&r);
    for (uint16_t queue = 2; queue < 5; queue++) {
        raw_put(&r, M_SELECT, 2, queue);
        cr_expect_eq(raw_get(&r, M_SIZE, 2), 0u);
        cr_expect_eq(raw_get(&r, M_QUEUE_VECTOR, 2), 0xffffu);
        raw_put(&r, M_DESC, 4, 0x1000);
        cr_expect_eq(raw_get(&r, M_DESC, 4), 0u);
        raw_put(&r, M_ENABLE, 2, 1);
        cr_expect_eq(raw_get(&r, M_ENABLE, 2), 0u);
    }
    raw_put(&r, M_NOTIFY + 4 * 9, 2, 9);
    cr_expect_eq(raw_broken(&r, DM_RULE_KICK_FORMAT), 1u);
    cr_expect_eq(raw_step(&r), 0u);
    raw_close(&r);
}

Test(net_registers, modern_enabled_queue_keeps_its_fields)
{
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_bring_up(&r);
    raw_put(&r, M_SELECT, 2, RAW_TX);
    cr_expect_eq(raw_get(&r, M_ENABLE, 2), 1u);
    cr_expect_eq(raw_get(&r, M_NOTIFY_OFF, 2), 1u);
    raw_put(&r, M_DESC, 4, 0x1000);
    raw_put(&r, M_SIZE, 2, 2);
    raw_put(&r, M_ENABLE, 2, 1);
    cr_expect_eq(raw_get(&r, M_DESC, 4), (uint32_t)raw_bus(r.rings[RAW_TX].desc));
    cr_expect_eq(raw_get(&r, M_SIZE, 2), RAW_ENTRIES);
    cr_expect_eq(raw_broken(&r, DM_RULE_QUEUE_FIELDS_FIRST), 3u);
    raw_close(&r);
}

Test(net_registers, modern_queue_outside_memory_asks_for_a_reset)
{
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_begin(&r);
    raw_negotiate(&r);
    r.rings[RAW_RX].used = RAW_MEMORY_BYTES;
    raw_setup_queue(&r, RAW_RX);
    cr_expect_eq(raw_status(&r) & 0x40, 0x40);
    cr_expect_eq(dm_memory_counts(r.memory).exposed_bytes, 0u);
    raw_close(&r);
}

Test(net_registers, modern_holes_and_odd_widths_read_zero_and_are_counted)
{
    struct raw r;
    open_as(&r, DM_MODERN);
    cr_expect_eq(raw_get(&r, 0x38, 4), 0u);
    cr_expect_eq(raw_get(&r, 0x1001, 1), 0u);
    cr_expect_eq(raw_get(&r, M_CONFIG + 100, 2), 0u);
    cr_expect_eq(raw_broken(&r, DM_RULE_FIELD_WIDTH), 0u);
    cr_expect_eq(raw_get(&r, M_DESC + 2, 2), 0u);
    raw_put(&r, M_STATUS, 4, 1);
    cr_expect_eq(dm_net_status(r.net), 0);
    cr_expect_eq(raw_broken(&r, DM_RULE_FIELD_WIDTH), 2u);
    raw_put(&r, 0x38, 4, 0);
    raw_put(&r, M_ISR, 1, 0);
    cr_expect_eq(raw_broken(&r, DM_RULE_READ_ONLY_FIELD), 2u);
    raw_close(&r);
}

Test(net_registers, legacy_fields_read_back_and_reset)
{
    struct raw r;
    open_as(&r, DM_LEGACY);
    raw_begin(&r);
    cr_expect_eq(raw_offered(&r), DM_NET_F_MAC | DM_NET_F_STATUS | DM_F_ANY_LAYOUT);
    raw_write_features(&r, DM_NET_F_MAC | DM_F_ANY_LAYOUT);
    cr_expect_eq(raw_get(&r, L_GUEST, 4), DM_NET_F_MAC | DM_F_ANY_LAYOUT);
    raw_put(&r, L_SELECT, 2, RAW_TX);
    cr_expect_eq(raw_get(&r, L_SELECT, 2), RAW_TX);
    cr_expect_eq(raw_get(&r, L_SIZE, 2), RAW_ENTRIES);
    cr_expect_eq(raw_get(&r, L_PFN, 4), 0u);
    raw_setup_queue(&r, RAW_TX);
    cr_expect_eq(raw_get(&r, L_PFN, 4), (uint32_t)(raw_bus(r.rings[RAW_TX].desc) >> 12));
    cr_expect_eq(raw_get(&r, L_NOTIFY, 2), 0u);
    cr_expect_eq(raw_get(&r, L_ISR, 1), 0u);
    cr_expect_eq(dm_net_monitor(r.net)->broken_total, 0u, "%s", dm_net_monitor(r.net)->first);
    raw_reset(&r);
    cr_expect_eq(raw_get(&r, L_GUEST, 4), 0u);
    cr_expect_eq(raw_get(&r, L_PFN, 4), 0u);
    raw_close(&r);
}

Test(net_registers, legacy_absent_queue_and_read_only_registers)
{
    struct raw r;
    open_as(&r, DM_LEGACY);
    raw_begin(&r);
    raw_put(&r, L_SELECT, 2, 7);
    cr_expect_eq(raw_get(&r, L_SIZE, 2), 0u);
    cr_expect_eq(raw_get(&r, L_PFN, 4), 0u);
    raw_put(&r, L_PFN, 4, 5);
    cr_expect_eq(raw_broken(&r, DM_RULE_LEGACY_PFN), 1u);
    raw_put(&r, L_HOST, 4, 5);
    raw_put(&r, L_SIZE, 2, 5);
    raw_put(&r, L_ISR, 1, 5);
    cr_expect_eq(raw_broken(&r, DM_RULE_READ_ONLY_FIELD), 3u);
    cr_expect_eq(raw_get(&r, L_HOST + 2, 2), (uint32_t)(raw_offered(&r) >> 16));
    cr_expect_eq(raw_broken(&r, DM_RULE_FIELD_WIDTH), 1u);
    raw_close(&r);
}

Test(net_registers, legacy_vectors_exist_only_with_msix)
{
    struct raw r;
    open_as(&r, DM_LEGACY);
    raw_begin(&r);
    raw_negotiate(&r);
    raw_msix_on(&r);
    raw_put(&r, L_CONFIG_VECTOR, 2, 0);
    cr_expect_eq(raw_get(&r, L_CONFIG_VECTOR, 2), 0u);
    raw_put(&r, L_SELECT, 2, RAW_TX);
    raw_put(&r, L_QUEUE_VECTOR, 2, 1);
    cr_expect_eq(raw_get(&r, L_QUEUE_VECTOR, 2), 1u);
    raw_put(&r, L_SELECT, 2, 9);
    raw_put(&r, L_QUEUE_VECTOR, 2, 1);
    cr_expect_eq(raw_get(&r, L_QUEUE_VECTOR, 2), 0xffffu);
    raw_setup_queue(&r, RAW_TX);
    raw_ready(&r);
    dm_net_set_link(r.net, false);
    cr_expect_eq(r.messages, 1u);
    cr_expect_eq(raw_get(&r, L_CONFIG_MSIX + 6, 2), 0u);
    raw_put(&r, L_CONFIG_MSIX + 5, 1, 0x99);
    cr_expect_eq(raw_get(&r, L_CONFIG_MSIX + 5, 1), 0x99u);
    cr_expect_eq(dm_net_monitor(r.net)->broken_total, 0u, "%s", dm_net_monitor(r.net)->first);
    raw_close(&r);
}

Test(net_registers, msix_window_and_unknown_bar_are_no_registers)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    config.msix_vectors = 300; /* a table larger than 2 KiB */
    raw_open(&r, &config, true);
    raw_msix_on(&r);
    raw_begin(&r);
    raw_put(&r, M_CONFIG_VECTOR, 2, 299);
    cr_expect_eq(raw_get(&r, M_CONFIG_VECTOR, 2), 299u);
    (void)dm_mmio_read(r.bus, r.msix + 0x1f00, 4);
    dm_mmio_write(r.bus, r.msix + 0x1f00, 4, 1);
    raw_close(&r);
}

Test(net_registers, firmware_needs_a_size_and_memory)
{
    for (unsigned i = 0; i < 2; i++) {
        struct dm_net_config config = raw_config(DM_LEGACY);
        struct raw r;
        config.firmware_left_running = true;
        config.queue_size[RAW_RX] = i ? 3 : 0;
        raw_open(&r, &config, true);
        cr_expect_eq(dm_net_status(r.net), 0);
        cr_expect_eq(raw_step(&r), 0u);
        raw_close(&r);
    }
}

Test(net_registers, step_through_the_bus_is_the_same_step)
{
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_bring_up(&r);
    raw_send(&r, 0, 60, 0);
    cr_expect_eq(dm_bus_step(r.bus, 8), 1u);
    cr_expect_eq(raw_used_index(&r, RAW_TX), 1);
    raw_close(&r);
}

Test(net_registers, names_are_there_for_every_attack)
{
    for (unsigned a = 0; a < DM_ATTACK_COUNT; a++)
        cr_expect_gt(strlen(dm_attack_name(a)), 3u);
}

static void send_parts(struct raw *r, const uint32_t *parts, uint16_t count)
{
    uint32_t at = RAW_BUFFERS + RAW_TX_BUFFER * RAW_BUFFER_BYTES;
    memset(raw_at(r, at), 0, r->header);
    memset(raw_at(r, at + r->header), 0x77, 2000);
    for (uint16_t i = 0; i < count; i++) {
        raw_descriptor(r, RAW_TX, i, at, parts[i], i + 1 < count ? RAW_NEXT : 0, (uint16_t)(i + 1));
        at += parts[i];
    }
    raw_expose(r, RAW_TX, 0);
    raw_kick(r, RAW_TX);
    raw_step(r);
    raw_step(r);
}

Test(net_registers, three_parts_go_out_and_come_in_whole)
{
    static const uint32_t parts[] = {5, 20, 100};
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_bring_up(&r);
    raw_descriptor(&r, RAW_RX, 0, RAW_BUFFERS, 12, RAW_WRITE | RAW_NEXT, 1);
    raw_descriptor(&r, RAW_RX, 1, RAW_BUFFERS + 4096, 700, RAW_WRITE | RAW_NEXT, 2);
    raw_descriptor(&r, RAW_RX, 2, RAW_BUFFERS + 8192, 900, RAW_WRITE, 0);
    raw_expose(&r, RAW_RX, 0);
    raw_kick(&r, RAW_RX);
    send_parts(&r, parts, 3);
    cr_assert_eq(raw_used_index(&r, RAW_RX), 1);
    cr_expect_eq(dm_net_counts(r.net).last_rx_used_length, 125u);
    cr_expect_eq(*raw_at(&r, RAW_BUFFERS + 4096 + 112), 0x77);
    cr_expect_eq(dm_memory_violations(r.memory), 0u);
    cr_expect_eq(dm_net_monitor(r.net)->broken_total, 0u, "%s", dm_net_monitor(r.net)->first);
    raw_close(&r);
}

Test(net_registers, receive_chains_that_cannot_receive_break_the_queue)
{
    static const uint16_t flags[] = {0, RAW_WRITE};
    for (unsigned i = 0; i < 2; i++) {
        struct raw r;
        open_as(&r, DM_MODERN);
        raw_bring_up(&r);
        raw_descriptor(&r, RAW_RX, 0, RAW_BUFFERS, i ? 4 : 2048, flags[i], 0);
        raw_expose(&r, RAW_RX, 0);
        raw_kick(&r, RAW_RX);
        raw_step(&r);
        cr_expect_eq(dm_net_counts(r.net).malformed, 1u);
        cr_expect_eq(raw_broken(&r, DM_RULE_RX_BUFFER_BYTES), 1u);
        raw_close(&r);
    }
}

Test(net_registers, control_chain_without_room_for_the_answer_breaks_the_queue)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    config.features |= DM_NET_F_CTRL_VQ;
    raw_open(&r, &config, true);
    r.accept |= DM_NET_F_CTRL_VQ;
    raw_bring_up(&r);
    raw_descriptor(&r, RAW_CTRL, 0, RAW_BUFFERS, 2, 0, 0);
    raw_expose(&r, RAW_CTRL, 0);
    raw_kick(&r, RAW_CTRL);
    raw_step(&r);
    cr_expect_eq(dm_net_counts(r.net).malformed, 1u);
    raw_close(&r);
}

Test(net_registers, heads_and_links_out_of_range_break_the_queue)
{
    for (unsigned i = 0; i < 3; i++) {
        struct raw r;
        open_as(&r, DM_MODERN);
        raw_bring_up(&r);
        raw_descriptor(&r, RAW_TX, 0, RAW_BUFFERS, i == 2 ? 0 : 64, i == 1 ? RAW_NEXT : 0, RAW_ENTRIES);
        raw_expose(&r, RAW_TX, i == 0 ? RAW_ENTRIES : 0);
        raw_kick(&r, RAW_TX);
        raw_step(&r);
        cr_expect_eq(dm_net_counts(r.net).malformed, 1u);
        cr_expect_eq(dm_net_counts(r.net).in_flight, 0u);
        raw_close(&r);
    }
}

Test(net_registers, second_part_outside_the_grant_leaves_nothing_exposed)
{
    static const uint32_t before = RAW_BUFFERS + RAW_TX_BUFFER * RAW_BUFFER_BYTES;
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_bring_up(&r);
    raw_descriptor(&r, RAW_TX, 0, before, 64, RAW_NEXT, 1);
    raw_descriptor(&r, RAW_TX, 1, RAW_MAPPED_BYTES, 64, 0, 0);
    raw_expose(&r, RAW_TX, 0);
    raw_kick(&r, RAW_TX);
    raw_step(&r);
    cr_expect_eq(dm_memory_violations(r.memory), 1u);
    cr_expect_eq(dm_memory_owner(r.memory, (dm_addr){raw_bus(before)}), DM_DRIVER_OWNED);
    raw_close(&r);
}

Test(net_registers, pages_lost_while_in_use_are_violations_not_transfers)
{
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_bring_up(&r);
    raw_arm(&r, 0);
    raw_kick(&r, RAW_RX);
    raw_step(&r);
    dm_memory_unmap(r.memory, r.config.bdf, (dm_addr){raw_bus(RAW_BUFFERS)}, 4096);
    dm_net_deliver(r.net, (const uint8_t *)"frame", 5);
    raw_step(&r);
    cr_expect_eq(*raw_at(&r, RAW_BUFFERS + 12), 0);
    cr_expect_geq(dm_memory_violations(r.memory), 2u);
    cr_expect_eq(dm_net_counts(r.net).rx_frames, 0u);
    raw_close(&r);
}

Test(net_registers, pci_cfg_window_reaches_the_registers)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    uint8_t at;
    struct raw r;
    raw_open(&r, &config, true);
    at = (uint8_t)dm_pci_read(r.bus, config.bdf, 0x34, 1);
    while (at && !(dm_pci_read(r.bus, config.bdf, at, 1) == 9 &&
                   dm_pci_read(r.bus, config.bdf, (uint16_t)(at + 3), 1) == 5))
        at = (uint8_t)dm_pci_read(r.bus, config.bdf, (uint16_t)(at + 1), 1);
    cr_assert_neq(at, 0);
    dm_pci_write(r.bus, config.bdf, (uint16_t)(at + 4), 1, 4);
    dm_pci_write(r.bus, config.bdf, (uint16_t)(at + 8), 4, M_QUEUES);
    dm_pci_write(r.bus, config.bdf, (uint16_t)(at + 12), 4, 2);
    cr_expect_eq(dm_pci_read(r.bus, config.bdf, (uint16_t)(at + 16), 2), 2u);
    cr_expect_eq(dm_net_monitor(r.net)->broken_total, 0u, "%s", dm_net_monitor(r.net)->first);
    raw_close(&r);
}

Test(net_registers, odd_queue_size_is_offered_but_cannot_run)
{
    struct dm_net_config config = raw_config(DM_LEGACY);
    struct raw r;
    config.queue_size[RAW_RX] = 3;
    raw_open(&r, &config, true);
    raw_begin(&r);
    raw_negotiate(&r);
    raw_put(&r, L_SELECT, 2, RAW_RX);
    cr_expect_eq(raw_get(&r, L_SIZE, 2), 3u);
    raw_setup_queue(&r, RAW_RX);
    cr_expect_eq(dm_net_counts(r.net).malformed, 1u);
    raw_put(&r, L_SELECT, 2, 9);
    cr_expect_eq(raw_get(&r, L_SIZE, 2), 0u);
    raw_close(&r);
}

Test(net_registers, taken_slot_is_refused)
{
    struct dm_net_config config = raw_config(DM_MODERN);
    struct raw r;
    raw_open(&r, &config, true);
    cr_expect_null(dm_net_create(r.bus, &config));
    raw_close(&r);
}

/* The three below: what holding the model against QEMU's device found (docs/differences.md). */
Test(net_registers, size_zero_does_not_make_a_queue_absent)
{
    struct raw r;
    open_as(&r, DM_MODERN);
    raw_begin(&r);
    raw_put(&r, M_SIZE, 2, 8);
    raw_put(&r, M_SIZE, 2, 0);
    cr_expect_eq(raw_get(&r, M_SIZE, 2), 8u);
    cr_expect_eq(raw_broken(&r, DM_RULE_QUEUE_SIZE_POWER_OF_TWO), 1u);
    raw_close(&r);
}

Test(net_registers, bits_of_the_legacy_interface_do_not_show_on_the_modern_one)
{
    struct raw r;
    open_as(&r, DM_TRANSITIONAL);
    r.legacy = true;
    cr_expect(raw_offered(&r) & DM_F_ANY_LAYOUT);
    r.legacy = false;
    cr_expect_eq(raw_offered(&r), DM_F_VERSION_1 | DM_NET_F_MAC | DM_NET_F_STATUS);
    raw_begin(&r);
    raw_write_features(&r, DM_F_VERSION_1 | DM_F_ANY_LAYOUT);
    raw_set_status(&r, 0x0b);
    cr_expect_eq(raw_status(&r), 0x03);
    cr_expect_eq(raw_broken(&r, DM_RULE_FEATURES_OFFERED), 1u);
    raw_close(&r);
}

Test(net_registers, what_a_legacy_driver_takes_unoffered_is_not_in_force)
{
    struct raw r;
    open_as(&r, DM_LEGACY);
    raw_begin(&r);
    raw_write_features(&r, DM_NET_F_MAC | DM_NET_F_MRG_RXBUF | DM_F_ANY_LAYOUT);
    raw_set_status(&r, 0x07);
    cr_expect_eq(raw_broken(&r, DM_RULE_FEATURES_OFFERED), 1u);
    cr_expect_eq(dm_net_accepted(r.net), DM_NET_F_MAC | DM_F_ANY_LAYOUT);
    raw_close(&r);
}
