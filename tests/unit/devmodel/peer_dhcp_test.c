/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted DHCP server, case by case, byte by byte: what the table says of a case is what is on the wire.
 */
#include "dhcp_asker.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t other_ip[4] = {10, 0, 2, 99};

static struct dm_backend *open_case(enum dm_dhcp_case which, uint32_t value)
{
    struct dm_peer_config c = {0};
    memcpy(c.mac, peer_mac, 6);
    memcpy(c.address, dhcp_server_ip, 4);
    memcpy(c.dhcp.guest, dhcp_guest_ip, 4);
    memcpy(c.dhcp.other, other_ip, 4);
    dm_dhcp_case_apply(&c.dhcp, which, value);
    struct dm_backend *b = dm_peer_create(&c);
    cr_assert(b != NULL);
    return b;
}

static void check_honest(struct dm_backend *b)
{
    expect_lease(b);
    expect_word(51, 3600);
    expect_word(1, 0xffffff00);
    expect_word(3, 0x0a000202);
    expect_word(54, 0x0a000202);
    cr_assert(option(58) == NULL && option(59) == NULL && option(26) == NULL && option(121) == NULL);
    cr_assert(eq(u32, frame_be32(message() + 4), XID));
    cr_assert(eq(u32, frame_be32(message() + 236), 0x63825363));
    cr_assert(eq(int, memcmp(message() + 28, guest_mac, 6), 0));
    expect_answer(b, ASK_RENEW, dhcp_guest_ip, ACK);
    cr_assert(eq(int, memcmp(message() + 12, dhcp_guest_ip, 4), 0), "ciaddr comes back");
    expect_answer(b, ASK_REBIND, dhcp_guest_ip, ACK);
    expect_answer(b, ASK_REBOOT, dhcp_guest_ip, ACK);
    expect_answer(b, ASK_REBOOT, other_ip, NAK);
    const struct dm_dhcp_counts c = dm_peer_counts(b).dhcp;
    cr_assert(eq(u64, c.discovers, 1));
    cr_assert(eq(u64, c.requests, 5));
    cr_assert(eq(u64, c.acks, 4));
    cr_assert(eq(u64, c.naks, 1));
    for (unsigned i = 0; i < 5; i++)
        cr_assert(eq(u64, c.at[i], i == 2 ? 2 : 1), "%u", i);
}

static void check_no_offer(struct dm_backend *b)
{
    cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip) == false);
    cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip) == false);
    cr_assert(eq(u64, dm_peer_counts(b).dhcp.unanswered, 2));
}

static void check_offer_no_ack(struct dm_backend *b)
{
    for (int i = 0; i < 3; i++) {
        expect_answer(b, ASK_DISCOVER, dhcp_guest_ip, OFFER);
        cr_assert(ask(b, ASK_REQUEST, dhcp_guest_ip) == false);
    }
}

static void check_nak_at_request(struct dm_backend *b)
{
    for (int i = 0; i < 3; i++) {
        expect_answer(b, ASK_DISCOVER, dhcp_guest_ip, OFFER);
        expect_answer(b, ASK_REQUEST, dhcp_guest_ip, NAK);
        cr_assert(eq(int, memcmp(dhcp_kept.frames[0].data, broadcast_mac, 6), 0),
                  "RFC 2131, 4.3.2: broadcast");
        cr_assert(option(51) == NULL);
    }
}

static void check_nak_at_renew(struct dm_backend *b)
{
    expect_lease(b);
    expect_answer(b, ASK_RENEW, dhcp_guest_ip, NAK);
    expect_lease(b);
    expect_answer(b, ASK_RENEW, dhcp_guest_ip, ACK);
}

static void check_nak_at_rebind(struct dm_backend *b)
{
    expect_lease(b);
    cr_assert(ask(b, ASK_RENEW, dhcp_guest_ip) == false);
    expect_answer(b, ASK_REBIND, dhcp_guest_ip, NAK);
    expect_lease(b);
    cr_assert(ask(b, ASK_RENEW, dhcp_guest_ip) == false);
    expect_answer(b, ASK_REBIND, dhcp_guest_ip, ACK);
}

static void check_nak_at_reboot(struct dm_backend *b)
{
    expect_lease(b);
    expect_answer(b, ASK_REBOOT, dhcp_guest_ip, NAK);
    expect_lease(b);
    expect_answer(b, ASK_REBOOT, dhcp_guest_ip, NAK);
    expect_answer(b, ASK_RENEW, dhcp_guest_ip, ACK);
}

static void check_no_renew(struct dm_backend *b)
{
    expect_lease(b);
    cr_assert(ask(b, ASK_RENEW, dhcp_guest_ip) == false);
    expect_answer(b, ASK_REBIND, dhcp_guest_ip, ACK);
}

static void check_vanished(struct dm_backend *b)
{
    expect_lease(b);
    cr_assert(ask(b, ASK_RENEW, dhcp_guest_ip) == false);
    cr_assert(ask(b, ASK_REBIND, dhcp_guest_ip) == false);
    cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip) == false);
}

static void check_silent_from(struct dm_backend *b)
{
    expect_answer(b, ASK_DISCOVER, dhcp_guest_ip, OFFER);
    cr_assert(ask(b, ASK_REQUEST, dhcp_guest_ip) == false, "the second message");
    cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip) == false);
}

static void check_renumbered(struct dm_backend *b)
{
    expect_lease(b);
    expect_answer(b, ASK_RENEW, dhcp_guest_ip, NAK);
    expect_answer(b, ASK_DISCOVER, other_ip, OFFER);
    expect_answer(b, ASK_REQUEST, other_ip, ACK);
    expect_answer(b, ASK_RENEW, other_ip, ACK);
}

/* True when the probe of RFC 5227 is answered for the guest's address by a station that is not the peer. */
static bool probe_answered(struct dm_backend *b)
{
    uint8_t frame[64];
    size_t bytes = frame_arp(frame, (const uint8_t[4]){0}, dhcp_guest_ip);
    dhcp_kept.count = 0;
    b->ops->send(b, frame, bytes);
    b->ops->poll(b, 1000, 9, keep_frame, &dhcp_kept);
    if (dhcp_kept.count == 0)
        return false;
    const uint8_t *arp = dhcp_kept.frames[0].data + 14;
    cr_assert(eq(u16, frame_be16(arp + 6), 2));
    cr_assert(eq(int, memcmp(arp + 14, dhcp_guest_ip, 4), 0));
    cr_assert(ne(int, memcmp(arp + 8, peer_mac, 6), 0));
    cr_assert(eq(int, memcmp(dhcp_kept.frames[0].data, guest_mac, 6), 0));
    return true;
}

static void check_conflict(struct dm_backend *b)
{
    expect_lease(b);
    cr_assert(probe_answered(b));
    cr_assert(ask(b, ASK_DECLINE, dhcp_guest_ip) == false);
    cr_assert(eq(u64, dm_peer_counts(b).dhcp.declines, 1));
    cr_assert(eq(u64, dm_peer_counts(b).dhcp.conflicts, 1));
    cr_assert(eq(int, memcmp(dm_peer_counts(b).guest, other_ip, 4), 0));
    expect_answer(b, ASK_DISCOVER, other_ip, OFFER);
}

static void check_conflict_always(struct dm_backend *b)
{
    expect_lease(b);
    cr_assert(probe_answered(b));
    cr_assert(ask(b, ASK_DECLINE, dhcp_guest_ip) == false);
    expect_answer(b, ASK_DISCOVER, dhcp_guest_ip, OFFER);
    cr_assert(probe_answered(b));
}

static void check_wrong_transaction(struct dm_backend *b)
{
    expect_answer(b, ASK_DISCOVER, dhcp_guest_ip, OFFER);
    cr_assert(eq(u32, frame_be32(message() + 4) ^ XID, 0xff));
}

static void check_wrong_hardware(struct dm_backend *b)
{
    expect_answer(b, ASK_DISCOVER, dhcp_guest_ip, OFFER);
    cr_assert(eq(int, memcmp(message() + 28, guest_mac, 5), 0));
    cr_assert(eq(u8, message()[33] ^ guest_mac[5], 0xff));
    cr_assert(eq(int, memcmp(dhcp_kept.frames[0].data, guest_mac, 6), 0),
              "it reaches the guest all the same");
}

static void check_wrong_cookie(struct dm_backend *b)
{
    expect_answer(b, ASK_DISCOVER, dhcp_guest_ip, OFFER);
    cr_assert(eq(u32, frame_be32(message() + 236) ^ 0x63825363, 0xff000000));
}

static void check_cut(struct dm_backend *b)
{
    cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip));
    cr_assert(eq(sz, message_bytes(), 245));
    dm_backend_destroy(b);
    b = open_case(DM_DHCP_HONEST, 0);
    cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip));
    static uint8_t whole[600];
    memcpy(whole, message(), message_bytes());
    dm_backend_destroy(b);
    size_t end = 240;
    while (whole[end] != 255)
        end += 2u + whole[end + 1];
    for (uint32_t n = 0; n <= end + 1 - 240; n++) {
        b = open_case(DM_DHCP_OPTIONS_CUT, n);
        cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip));
        cr_assert(eq(sz, message_bytes(), 240 + n));
        cr_assert(eq(int, memcmp(message(), whole, 240 + n), 0), "the honest message as far as it goes");
        dm_backend_destroy(b);
    }
}

static void check_overload(uint8_t value, bool loop)
{
    const size_t file = 108, sname = 44, start = value & 1 ? file : sname;
    const uint8_t *o = option(52);
    cr_assert(o != NULL && o[0] == 1 && o[1] == value);
    cr_assert(option(51) == NULL, "the lease is not in the option field");
    o = option_in(51, 0, start, value & 1 ? 236 : file);
    cr_assert(o != NULL && frame_be32(o + 1) == 3600);
    cr_assert(loop == (option_in(52, 0, file, 236) != NULL));
    cr_assert(loop == (option_in(52, 0, sname, file) != NULL));
}

static void check_overload_file(struct dm_backend *b)
{
    expect_lease(b);
    check_overload(1, false);
}

static void check_overload_sname(struct dm_backend *b)
{
    expect_lease(b);
    check_overload(2, false);
}

static void check_overload_both(struct dm_backend *b)
{
    expect_lease(b);
    check_overload(3, false);
    cr_assert(eq(u8, message()[44], 255), "sname has its end");
}

static void check_overload_loop(struct dm_backend *b)
{
    expect_lease(b);
    check_overload(3, true);
}

static void check_overload_value(struct dm_backend *b)
{
    expect_lease(b);
    cr_assert(option(52) != NULL && option(52)[1] == 255);
    expect_word(51, 3600);
}

static void check_empty(struct dm_backend *b)
{
    expect_lease(b);
    static const uint8_t codes[] = {51, 1, 3};
    for (unsigned i = 0; i < sizeof codes; i++)
        cr_assert(option(codes[i]) != NULL && option(codes[i])[0] == 0, "option %u", codes[i]);
    expect_word(54, 0x0a000202);
}

static void check_short(struct dm_backend *b)
{
    expect_lease(b);
    static const uint8_t codes[] = {51, 1, 3};
    for (unsigned i = 0; i < sizeof codes; i++)
        cr_assert(option(codes[i]) != NULL && option(codes[i])[0] == 3, "option %u", codes[i]);
}

static void check_repeated(struct dm_backend *b, uint32_t flip)
{
    expect_lease(b);
    static const uint8_t codes[] = {51, 1, 3};
    for (unsigned i = 0; i < sizeof codes; i++) {
        const uint8_t *second = option_in(codes[i], 1, 240, message_bytes());
        cr_assert(second != NULL && option_in(codes[i], 2, 240, message_bytes()) == NULL);
        cr_assert(eq(u32, frame_be32(second + 1), frame_be32(option(codes[i]) + 1) ^ flip));
    }
    cr_assert(option_in(53, 1, 240, message_bytes()) == NULL);
}

static void check_repeated_same(struct dm_backend *b)
{
    check_repeated(b, 0);
}

static void check_repeated_differently(struct dm_backend *b)
{
    check_repeated(b, 0xffffffff);
}

static void check_host_mask(struct dm_backend *b)
{
    static const uint8_t routes[] = {14, 32, 10, 0, 2, 1, 0, 0, 0, 0, 0, 10, 0, 2, 1};
    expect_lease(b);
    expect_word(1, 0xffffffff);
    expect_word(3, 0x0a000201);
    cr_assert(option(121) != NULL);
    cr_assert(eq(int, memcmp(option(121), routes, sizeof routes), 0));
}

static void check_router_outside(struct dm_backend *b)
{
    expect_lease(b);
    expect_word(1, 0xffffff00);
    expect_word(3, 0xc0000201);
}

static void check_no_router(struct dm_backend *b)
{
    expect_lease(b);
    cr_assert(option(3) == NULL);
}

static void check_mask_holes(struct dm_backend *b)
{
    expect_lease(b);
    expect_word(1, 0xff00ff00);
}

static void expect_address(struct dm_backend *b, const uint8_t address[4])
{
    expect_answer(b, ASK_DISCOVER, address, OFFER);
    cr_assert(eq(int, memcmp(message() + 16, address, 4), 0));
    expect_answer(b, ASK_REQUEST, address, ACK);
}

static void check_address_none(struct dm_backend *b)
{
    expect_address(b, (const uint8_t[4]){0, 0, 0, 0});
}

static void check_address_multicast(struct dm_backend *b)
{
    expect_address(b, (const uint8_t[4]){224, 0, 0, 15});
}

static void check_address_everyone(struct dm_backend *b)
{
    expect_address(b, (const uint8_t[4]){10, 0, 2, 255});
}

static void expect_mtu(struct dm_backend *b, uint16_t mtu)
{
    expect_lease(b);
    cr_assert(option(26) != NULL && option(26)[0] == 2);
    cr_assert(eq(u16, frame_be16(option(26) + 1), mtu));
}

static void check_mtu_0(struct dm_backend *b)
{
    expect_mtu(b, 0);
}

static void check_mtu_67(struct dm_backend *b)
{
    expect_mtu(b, 67);
}

static void check_mtu_576(struct dm_backend *b)
{
    expect_mtu(b, 576);
}

static void check_mtu_65535(struct dm_backend *b)
{
    expect_mtu(b, 65535);
}

static void check_lease_0(struct dm_backend *b)
{
    expect_lease(b);
    expect_word(51, 0);
}

static void check_lease_1(struct dm_backend *b)
{
    expect_lease(b);
    expect_word(51, 1);
}

static void check_lease_forever(struct dm_backend *b)
{
    expect_lease(b);
    expect_word(51, 0xffffffff);
}

static void expect_times(struct dm_backend *b, uint32_t lease, uint32_t renew, uint32_t rebind)
{
    expect_lease(b);
    expect_word(51, lease);
    expect_word(58, renew);
    expect_word(59, rebind);
}

static void check_lease_day(struct dm_backend *b)
{
    expect_times(b, 86400, 43200, 75600);
}

static void check_t1_after_t2(struct dm_backend *b)
{
    expect_times(b, 3600, 3000, 1000);
}

static void check_times_after_lease(struct dm_backend *b)
{
    expect_times(b, 3600, 7200, 7201);
}

static void check_long_lists(struct dm_backend *b)
{
    expect_lease(b);
    cr_assert(option(6) != NULL && option(6)[0] == 252);
    cr_assert(option(42) != NULL && option(42)[0] == 252);
    cr_assert(eq(u32, frame_be32(option(6) + 1 + 4 * 62), 0x0a35003e));
    cr_assert(eq(u32, frame_be32(option(42) + 1 + 4 * 62), 0x0a7b003e));
}

/* By name, so that a case that joins the table without a check fails the test. */
static const struct {
    enum dm_dhcp_case which;
    void (*check)(struct dm_backend *b);
} checks[] = {
    {DM_DHCP_HONEST, check_honest},
    {DM_DHCP_NO_OFFER, check_no_offer},
    {DM_DHCP_OFFER_NO_ACK, check_offer_no_ack},
    {DM_DHCP_NAK_AT_REQUEST, check_nak_at_request},
    {DM_DHCP_NAK_AT_RENEW, check_nak_at_renew},
    {DM_DHCP_NAK_AT_REBIND, check_nak_at_rebind},
    {DM_DHCP_NO_RENEW, check_no_renew},
    {DM_DHCP_VANISHED, check_vanished},
    {DM_DHCP_SILENT_FROM, check_silent_from},
    {DM_DHCP_RENUMBERED, check_renumbered},
    {DM_DHCP_CONFLICT, check_conflict},
    {DM_DHCP_CONFLICT_ALWAYS, check_conflict_always},
    {DM_DHCP_WRONG_TRANSACTION, check_wrong_transaction},
    {DM_DHCP_WRONG_HARDWARE, check_wrong_hardware},
    {DM_DHCP_WRONG_COOKIE, check_wrong_cookie},
    {DM_DHCP_OVERLOAD_FILE, check_overload_file},
    {DM_DHCP_OVERLOAD_SNAME, check_overload_sname},
    {DM_DHCP_OVERLOAD_BOTH, check_overload_both},
    {DM_DHCP_OVERLOAD_LOOP, check_overload_loop},
    {DM_DHCP_OVERLOAD_VALUE, check_overload_value},
    {DM_DHCP_EMPTY_OPTIONS, check_empty},
    {DM_DHCP_SHORT_OPTIONS, check_short},
    {DM_DHCP_REPEATED_OPTIONS, check_repeated_same},
    {DM_DHCP_REPEATED_DIFFERENTLY, check_repeated_differently},
    {DM_DHCP_HOST_MASK, check_host_mask},
    {DM_DHCP_ROUTER_OUTSIDE, check_router_outside},
    {DM_DHCP_NO_ROUTER, check_no_router},
    {DM_DHCP_NAK_AT_REBOOT, check_nak_at_reboot},
    {DM_DHCP_MASK_HOLES, check_mask_holes},
    {DM_DHCP_ADDRESS_NONE, check_address_none},
    {DM_DHCP_ADDRESS_MULTICAST, check_address_multicast},
    {DM_DHCP_ADDRESS_EVERYONE, check_address_everyone},
    {DM_DHCP_MTU_0, check_mtu_0},
    {DM_DHCP_MTU_67, check_mtu_67},
    {DM_DHCP_MTU_576, check_mtu_576},
    {DM_DHCP_MTU_65535, check_mtu_65535},
    {DM_DHCP_LEASE_0, check_lease_0},
    {DM_DHCP_LEASE_1, check_lease_1},
    {DM_DHCP_LEASE_FOREVER, check_lease_forever},
    {DM_DHCP_LEASE_DAY, check_lease_day},
    {DM_DHCP_T1_AFTER_T2, check_t1_after_t2},
    {DM_DHCP_TIMES_AFTER_LEASE, check_times_after_lease},
    {DM_DHCP_LONG_LISTS, check_long_lists},
};

Test(dhcp, each_case_does_what_its_name_says)
{
    bool seen[DM_DHCP_CASES] = {[DM_DHCP_OPTIONS_CUT] = true}; /* a test of its own, it opens many */
    for (unsigned i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct dm_backend *b = open_case(checks[i].which, dm_dhcp_case_value(checks[i].which));
        checks[i].check(b);
        seen[checks[i].which] = true;
        dm_backend_destroy(b);
    }
    for (unsigned i = 0; i < DM_DHCP_CASES; i++)
        cr_assert(seen[i], "%s has no check", dm_dhcp_case_name(i));
}

Test(dhcp, options_are_cut_at_each_byte)
{
    check_cut(open_case(DM_DHCP_OPTIONS_CUT, dm_dhcp_case_value(DM_DHCP_OPTIONS_CUT)));
}

Test(dhcp, only_the_first_answers_are_wrong_when_it_says_so)
{
    struct dm_backend *b = open_case(DM_DHCP_WRONG_TRANSACTION, 2);
    check_wrong_transaction(b);
    check_wrong_transaction(b);
    expect_lease(b);
    cr_assert(eq(u32, frame_be32(message() + 4), XID));
    dm_backend_destroy(b);
}

Test(dhcp, the_server_can_change_and_can_be_off)
{
    struct dm_backend *b = open_case(DM_DHCP_HONEST, 0);
    struct dm_dhcp_config c = {.guest = {10, 0, 2, 15}, .lease_given = true, .lease_s = 5};
    expect_lease(b);
    dm_peer_dhcp(b, &c);
    expect_lease(b);
    expect_word(51, 5);
    c.off = true;
    dm_peer_dhcp(b, &c);
    cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip) == false);
    cr_assert(eq(u64, dm_peer_counts(b).dhcp.acks, 2));
    dm_backend_destroy(b);
}

Test(dhcp, every_wish_at_once_stays_within_the_message)
{
    for (unsigned overload = 0; overload < 256; overload += 1 + overload / 4) {
        struct dm_peer_config c = {.mtu = 576, .dhcp = {.overload = true, .overload_again = true}};
        memcpy(c.mac, peer_mac, 6);
        memcpy(c.address, dhcp_server_ip, 4);
        memcpy(c.dhcp.guest, dhcp_guest_ip, 4);
        dm_dhcp_case_apply(&c.dhcp, DM_DHCP_LONG_LISTS, 0);
        c.dhcp.overload_value = (uint8_t)overload;
        c.dhcp.repeated_differently = true;
        c.dhcp.mtu_given = c.dhcp.renew_given = c.dhcp.rebind_given = true;
        c.dhcp.route_count = DM_DHCP_ROUTES_MAX;
        for (unsigned i = 0; i < DM_DHCP_ROUTES_MAX; i++)
            c.dhcp.routes[i].bits = (uint8_t)(32 - i);
        struct dm_backend *b = dm_peer_create(&c);
        cr_assert(ask(b, ASK_DISCOVER, dhcp_guest_ip));
        cr_assert(le(sz, message_bytes(), 576 - 28));
        expect_type(OFFER);
        dm_backend_destroy(b);
    }
}
