/* SPDX-License-Identifier: BSD-2-Clause */
/* The provocations: each does what a driver would do when the attack has its chance, and looks for its trace.
 */
#include "net_attack_cases.h"

#include <string.h>

static void bring_up_with_traffic(struct raw *r)
{
    raw_bring_up(r);
    for (uint16_t i = 0; i < 4; i++)
        raw_arm(r, i);
    raw_kick(r, RAW_RX);
    for (uint16_t i = 0; i < 3; i++)
        raw_send(r, i, 60, 0x11);
    for (unsigned i = 0; i < 3; i++)
        raw_step(r);
}

static uint32_t element_id(struct raw *r, uint16_t queue, uint16_t at)
{
    uint32_t id, length;
    raw_element(r, queue, at, &id, &length);
    return id;
}

static uint32_t element_length(struct raw *r, uint16_t queue, uint16_t at)
{
    uint32_t id, length;
    raw_element(r, queue, at, &id, &length);
    return length;
}

static bool reset_never(struct raw *r)
{
    raw_bring_up(r);
    return raw_reset(r) == 0x0f && raw_status(r) == 0x0f;
}

static bool reset_late(struct raw *r)
{
    raw_bring_up(r);
    raw_set_status(r, 0);
    for (unsigned i = 0; i < 3; i++)
        if (raw_status(r) == 0)
            return false;
    return raw_status(r) == 0;
}

static bool write_after_reset(struct raw *r)
{
    raw_bring_up(r);
    raw_arm(r, 0);
    raw_kick(r, RAW_RX);
    raw_step(r);
    raw_reset(r);
    raw_step(r);
    return *raw_at(r, RAW_BUFFERS) == 0xa5 && dm_memory_violations(r->memory) == 0;
}

static bool used_before_driver_ok(struct raw *r)
{
    raw_begin(r);
    raw_negotiate(r);
    raw_setup_queue(r, RAW_RX);
    return raw_used_index(r, RAW_RX) == 1;
}

static bool needs_reset_silent(struct raw *r)
{
    raw_bring_up(r);
    raw_step(r);
    return (raw_status(r) & 0x40) && raw_get(r, M_ISR, 1) == 0;
}

static bool resets_itself(struct raw *r)
{
    raw_bring_up(r);
    raw_step(r);
    return raw_status(r) == 0 && raw_get(r, M_ISR, 1) == 0;
}

static bool offers_extra(struct raw *r)
{
    raw_begin(r);
    return (raw_offered(r) & (1ull << 11)) != 0;
}

static bool offers_all(struct raw *r)
{
    return raw_offered(r) == UINT64_MAX;
}

static bool refuses(struct raw *r)
{
    raw_begin(r);
    return !(raw_negotiate(r) & 8);
}

static bool refuses_second(struct raw *r)
{
    raw_begin(r);
    if (!(raw_negotiate(r) & 8))
        return false;
    raw_begin(r);
    return !(raw_negotiate(r) & 8);
}

static bool accepts_anything(struct raw *r)
{
    raw_begin(r);
    raw_write_features(r, 1ull << 50);
    raw_set_status(r, 0x0b);
    return raw_status(r) == 0x0b;
}

static bool no_version_1(struct raw *r)
{
    return !(raw_offered(r) & DM_F_VERSION_1);
}

static bool scribbles_readable(struct raw *r)
{
    bring_up_with_traffic(r);
    return *raw_at(r, RAW_BUFFERS + RAW_TX_BUFFER * RAW_BUFFER_BYTES) == 0xa5;
}

static bool scribbles_descriptor(struct raw *r)
{
    bring_up_with_traffic(r);
    return *raw_at(r, r->rings[RAW_RX].desc) == 0xa5 || *raw_at(r, r->rings[RAW_TX].desc) == 0xa5;
}

static bool spurious(struct raw *r)
{
    raw_bring_up(r);
    raw_step(r);
    return raw_get(r, M_ISR, 1) == 3;
}

static bool never_notifies(struct raw *r)
{
    bring_up_with_traffic(r);
    return raw_used_index(r, RAW_TX) == 3 && raw_get(r, M_ISR, 1) == 0;
}

static bool index_before_element(struct raw *r)
{
    raw_bring_up(r);
    raw_send(r, 5, 60, 0);
    raw_step(r);
    if (raw_used_index(r, RAW_TX) != 1 || element_id(r, RAW_TX, 0) != 0)
        return false;
    raw_step(r);
    return element_id(r, RAW_TX, 0) == 5;
}

static bool length_is(struct raw *r, uint32_t length)
{
    bring_up_with_traffic(r);
    return raw_used_index(r, RAW_RX) > 0 && element_length(r, RAW_RX, 0) == length;
}

static bool length_more(struct raw *r)
{
    return length_is(r, 12 + 60 + 7);
}

static bool length_beyond(struct raw *r)
{
    return length_is(r, RAW_BUFFER_BYTES + 7);
}

static bool length_max(struct raw *r)
{
    return length_is(r, UINT32_MAX);
}

static bool length_short(struct raw *r)
{
    return length_is(r, 7);
}

static bool used_flags(struct raw *r)
{
    bring_up_with_traffic(r);
    return *raw_at(r, r->rings[RAW_TX].used) == 7;
}

static bool id_out_of_range(struct raw *r)
{
    bring_up_with_traffic(r);
    return element_id(r, RAW_TX, 0) == RAW_ENTRIES + 7 || element_id(r, RAW_RX, 0) == RAW_ENTRIES + 7;
}

static bool id_free(struct raw *r)
{
    raw_bring_up(r);
    raw_send(r, 0, 60, 0);
    raw_step(r);
    return element_id(r, RAW_TX, 0) != 0;
}

static bool id_not_head(struct raw *r)
{
    raw_bring_up(r);
    raw_descriptor(r, RAW_TX, 4, RAW_BUFFERS, 12, RAW_NEXT, 9);
    raw_descriptor(r, RAW_TX, 9, RAW_BUFFERS + 64, 60, 0, 0);
    raw_expose(r, RAW_TX, 4);
    raw_kick(r, RAW_TX);
    raw_step(r);
    return element_id(r, RAW_TX, 0) == 9;
}

static bool duplicate(struct raw *r)
{
    raw_bring_up(r);
    raw_send(r, 1, 60, 0);
    raw_send(r, 2, 60, 0);
    raw_step(r);
    return raw_used_index(r, RAW_TX) == 2 && element_id(r, RAW_TX, 0) == 1 && element_id(r, RAW_TX, 1) == 1;
}

static bool index_jumps(struct raw *r)
{
    raw_bring_up(r);
    raw_send(r, 1, 60, 0);
    raw_step(r);
    return raw_used_index(r, RAW_TX) == 8;
}

static bool index_back(struct raw *r)
{
    raw_bring_up(r);
    raw_send(r, 1, 60, 0);
    raw_step(r);
    return raw_used_index(r, RAW_TX) == (uint16_t)-7;
}

static bool element_changes(struct raw *r)
{
    raw_bring_up(r);
    raw_send(r, 1, 60, 0);
    raw_step(r);
    if (element_id(r, RAW_TX, 0) != 1)
        return false;
    raw_step(r);
    return element_id(r, RAW_TX, 0) == 2 && element_length(r, RAW_TX, 0) == UINT32_MAX;
}

static bool generation_always(struct raw *r)
{
    return raw_get(r, M_GENERATION, 1) != raw_get(r, M_GENERATION, 1);
}

static bool mac_silently(struct raw *r)
{
    uint32_t generation = raw_get(r, M_GENERATION, 1);
    uint32_t before = raw_get(r, M_CONFIG + 5, 1);
    return raw_get(r, M_CONFIG + 5, 1) != before && raw_get(r, M_GENERATION, 1) == generation;
}

static bool size_lie(struct raw *r)
{
    raw_begin(r);
    return raw_get(r, r->legacy ? L_SIZE : M_SIZE, 2) == 7;
}

static bool size_changes(struct raw *r)
{
    raw_begin(r);
    return raw_get(r, r->legacy ? L_SIZE : M_SIZE, 2) == RAW_ENTRIES && size_lie(r);
}

static bool enable_stuck(struct raw *r)
{
    raw_begin(r);
    return raw_get(r, r->legacy ? (uint32_t)L_PFN : (uint32_t)M_ENABLE, r->legacy ? 4 : 2) == 1;
}

static bool select_ignored(struct raw *r)
{
    raw_put(r, M_DEVICE_SELECT, 4, 1);
    return raw_get(r, M_DEVICE, 4) == (DM_NET_F_MAC | DM_NET_F_STATUS);
}

/* Offset of the virtio capability of `type`; 0: none in 48 steps. */
static uint16_t capability(struct raw *r, uint8_t type)
{
    uint16_t at = (uint16_t)dm_pci_read(r->bus, r->config.bdf, 0x34, 1);
    for (unsigned i = 0; i < 48 && at; i++) {
        if (dm_pci_read(r->bus, r->config.bdf, at, 1) == 9 &&
            dm_pci_read(r->bus, r->config.bdf, (uint16_t)(at + 3), 1) == type)
            return at;
        at = (uint16_t)dm_pci_read(r->bus, r->config.bdf, (uint16_t)(at + 1), 1);
    }
    return 0;
}

static uint32_t capability_word(struct raw *r, uint8_t type, uint16_t at)
{
    return dm_pci_read(r->bus, r->config.bdf, (uint16_t)(capability(r, type) + at), 4);
}

static bool common_absent(struct raw *r)
{
    return capability(r, 1) == 0 && capability(r, 2) != 0;
}

static bool common_misaligned(struct raw *r)
{
    return capability_word(r, 1, 8) % 4 != 0;
}

static bool notify_short(struct raw *r)
{
    return raw_get(r, M_NOTIFY_OFF, 2) * capability_word(r, 2, 16) >= capability_word(r, 2, 12);
}

static bool notify_odd(struct raw *r)
{
    return capability_word(r, 2, 16) % 2 == 1;
}

static bool device_absent(struct raw *r)
{
    return capability(r, 4) == 0;
}

static bool device_misaligned(struct raw *r)
{
    return capability_word(r, 4, 8) % 4 != 0;
}

static bool list_loops(struct raw *r)
{
    uint16_t at = (uint16_t)dm_pci_read(r->bus, r->config.bdf, 0x34, 1);
    unsigned steps = 0;
    for (; at && steps < 100; steps++)
        at = (uint16_t)dm_pci_read(r->bus, r->config.bdf, (uint16_t)(at + 1), 1);
    return steps == 100;
}

static bool odd_pointer(struct raw *r)
{
    return dm_pci_read(r->bus, r->config.bdf, 0x34, 1) % 4 != 0;
}

static bool bad_bar(struct raw *r)
{
    return (capability_word(r, 1, 4) & 0xff) == 7;
}

static bool overflow(struct raw *r)
{
    return capability_word(r, 1, 8) + capability_word(r, 1, 12) == 0;
}

static bool length_zero(struct raw *r)
{
    return capability_word(r, 1, 12) == 0;
}

static bool no_vector(struct raw *r)
{
    raw_put(r, M_QUEUE_VECTOR, 2, 1);
    return raw_get(r, M_QUEUE_VECTOR, 2) == 0xffff;
}

static bool mac_multicast(struct raw *r)
{
    return raw_get(r, M_CONFIG, 1) == 7;
}

static bool mtu_lie(struct raw *r)
{
    return raw_get(r, M_CONFIG + 10, 2) == 7;
}

static bool header_byte(struct raw *r, uint32_t at, uint8_t value)
{
    bring_up_with_traffic(r);
    return raw_at(r, RAW_BUFFERS)[at] == value;
}

static bool num_buffers(struct raw *r)
{
    return header_byte(r, 10, 7);
}

static bool header_flags(struct raw *r)
{
    return header_byte(r, 0, 7);
}

static bool header_gso(struct raw *r)
{
    return header_byte(r, 1, 7);
}

static bool header_csum(struct raw *r)
{
    return header_byte(r, 7, 0xff);
}

static bool header_length(struct raw *r)
{
    return header_byte(r, 2, 7);
}

static bool flood(struct raw *r)
{
    raw_bring_up(r);
    for (uint16_t i = 0; i < RAW_ENTRIES; i++)
        raw_arm(r, i);
    raw_kick(r, RAW_RX);
    raw_step(r);
    return raw_used_index(r, RAW_RX) == RAW_ENTRIES;
}

static bool never_completes(struct raw *r)
{
    bring_up_with_traffic(r);
    return raw_used_index(r, RAW_TX) == 0 && dm_net_counts(r->net).tx_frames == 3;
}

static bool status_garbage(struct raw *r)
{
    return raw_status(r) == 7;
}

static bool ones(struct raw *r)
{
    return raw_get(r, M_QUEUES, 2) == 0xffff && raw_status(r) == 0xff;
}

static bool link_garbage(struct raw *r)
{
    return raw_get(r, M_CONFIG + 6, 2) == 7;
}

static bool isr_garbage(struct raw *r)
{
    return raw_get(r, M_ISR, 1) == 7;
}

static bool cap_len(struct raw *r)
{
    return dm_pci_read(r->bus, r->config.bdf, (uint16_t)(capability(r, 1) + 2), 1) == 7;
}

static bool reserved_type(struct raw *r)
{
    return capability(r, 7) != 0 && capability(r, 7) < capability(r, 1);
}

/* How many capabilities of the common type are in the list. */
static bool announced_twice(struct raw *r)
{
    uint16_t at = (uint16_t)dm_pci_read(r->bus, r->config.bdf, 0x34, 1);
    unsigned found = 0;
    for (unsigned i = 0; i < 48 && at; i++) {
        found += dm_pci_read(r->bus, r->config.bdf, at, 1) == 9 &&
                 dm_pci_read(r->bus, r->config.bdf, (uint16_t)(at + 3), 1) == 1;
        at = (uint16_t)dm_pci_read(r->bus, r->config.bdf, (uint16_t)(at + 1), 1);
    }
    return found == 2;
}

static bool identity(struct raw *r)
{
    return dm_pci_read(r->bus, r->config.bdf, 2, 2) == 0x1042;
}

static bool revision(struct raw *r)
{
    return dm_pci_read(r->bus, r->config.bdf, 8, 1) == 7;
}

static bool feature_read_back(struct raw *r)
{
    return raw_get(r, M_DRIVER, 4) == 7;
}

#define A(name, transport, value, seen)                                                                      \
    {                                                                                                        \
        DM_ATTACK_##name, transport, value, seen                                                             \
    }
const struct attack net_attacks[] = {
    A(RESET_NEVER, DM_MODERN, 0, reset_never),
    A(RESET_LATE, DM_MODERN, 3, reset_late),
    A(DMA_AFTER_RESET, DM_MODERN, 0, write_after_reset),
    A(USED_BEFORE_DRIVER_OK, DM_LEGACY, 0, used_before_driver_ok),
    A(NEEDS_RESET_SILENT, DM_MODERN, 0, needs_reset_silent),
    A(RESETS_ITSELF, DM_MODERN, 0, resets_itself),
    A(FEATURE_WITHOUT_PREREQUISITE, DM_LEGACY, 1u << 11, offers_extra),
    A(OFFER_ALL_ONES, DM_MODERN, 0, offers_all),
    A(REFUSE_FEATURES, DM_MODERN, 0, refuses),
    A(REFUSE_ON_RETRY, DM_MODERN, 0, refuses_second),
    A(ACCEPT_ANYTHING, DM_MODERN, 0, accepts_anything),
    A(NO_VERSION_1, DM_MODERN, 0, no_version_1),
    A(SCRIBBLE_READABLE, DM_LEGACY, 0, scribbles_readable),
    A(SCRIBBLE_DESCRIPTOR, DM_MODERN, 0, scribbles_descriptor),
    A(SPURIOUS_NOTIFY, DM_MODERN, 0, spurious),
    A(NEVER_NOTIFY, DM_MODERN, 0, never_notifies),
    A(INDEX_BEFORE_ELEMENT, DM_MODERN, 0, index_before_element),
    A(LENGTH_MORE_THAN_WRITTEN, DM_MODERN, 7, length_more),
    A(LENGTH_BEYOND_CAPACITY, DM_MODERN, 7, length_beyond),
    A(LENGTH_MAX, DM_LEGACY, 0, length_max),
    A(LENGTH_SHORT, DM_LEGACY, 7, length_short),
    A(USED_FLAGS_GARBAGE, DM_MODERN, 7, used_flags),
    A(USED_ID_OUT_OF_RANGE, DM_MODERN, 7, id_out_of_range),
    A(USED_ID_FREE, DM_MODERN, 0, id_free),
    A(USED_ID_NOT_HEAD, DM_MODERN, 0, id_not_head),
    A(USED_DUPLICATE, DM_MODERN, 0, duplicate),
    A(USED_INDEX_JUMP, DM_MODERN, 7, index_jumps),
    A(USED_INDEX_BACK, DM_MODERN, 7, index_back),
    A(ELEMENT_CHANGES, DM_MODERN, 0, element_changes),
    A(CONFIG_ALWAYS_CHANGES, DM_MODERN, 0, generation_always),
    A(CONFIG_CHANGES_SILENTLY, DM_MODERN, 0, mac_silently),
    A(QUEUE_SIZE_LIE, DM_LEGACY, 7, size_lie),
    A(QUEUE_SIZE_CHANGES, DM_MODERN, 7, size_changes),
    A(QUEUE_ENABLE_STUCK, DM_MODERN, 0, enable_stuck),
    A(FEATURE_SELECT_IGNORED, DM_MODERN, 0, select_ignored),
    A(CAP_COMMON_ABSENT, DM_MODERN, 0, common_absent),
    A(CAP_COMMON_MISALIGNED, DM_MODERN, 0, common_misaligned),
    A(CAP_NOTIFY_SHORT, DM_MODERN, 0, notify_short),
    A(CAP_NOTIFY_ODD, DM_MODERN, 0, notify_odd),
    A(CAP_DEVICE_ABSENT, DM_MODERN, 0, device_absent),
    A(CAP_DEVICE_MISALIGNED, DM_MODERN, 0, device_misaligned),
    A(CAP_LOOP, DM_MODERN, 0, list_loops),
    A(CAP_ODD_POINTER, DM_MODERN, 0, odd_pointer),
    A(CAP_BAD_BAR, DM_MODERN, 7, bad_bar),
    A(CAP_OVERFLOW, DM_MODERN, 0, overflow),
    A(CAP_LENGTH_ZERO, DM_MODERN, 0, length_zero),
    A(MSIX_NO_VECTOR, DM_MODERN, 0, no_vector),
    A(MAC_MULTICAST, DM_MODERN, 7, mac_multicast),
    A(MTU_LIE, DM_MODERN, 7, mtu_lie),
    A(NUM_BUFFERS_LIE, DM_MODERN, 7, num_buffers),
    A(HEADER_FLAGS, DM_MODERN, 7, header_flags),
    A(HEADER_GSO, DM_LEGACY, 7, header_gso),
    A(HEADER_CSUM, DM_LEGACY, 0, header_csum),
    A(HEADER_HDR_LEN, DM_MODERN, 7, header_length),
    A(FLOOD_RX, DM_MODERN, 0, flood),
    A(NEVER_COMPLETE_TX, DM_LEGACY, 0, never_completes),
    A(STATUS_GARBAGE, DM_MODERN, 7, status_garbage),
    A(ALL_ONES, DM_MODERN, 0, ones),
    A(LINK_STATUS_GARBAGE, DM_MODERN, 7, link_garbage),
    A(ISR_GARBAGE, DM_MODERN, 7, isr_garbage),
    A(CAP_LEN, DM_MODERN, 7, cap_len),
    A(CAP_RESERVED_TYPE, DM_MODERN, 7, reserved_type),
    A(CAP_DUPLICATE, DM_MODERN, 0, announced_twice),
    A(IDENTITY, DM_MODERN, 0x1042, identity),
    A(REVISION, DM_LEGACY, 7, revision),
    A(FEATURE_READ_BACK, DM_MODERN, 7, feature_read_back),
};
const size_t net_attack_count = sizeof net_attacks / sizeof net_attacks[0];
