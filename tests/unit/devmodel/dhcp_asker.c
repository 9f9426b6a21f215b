/* SPDX-License-Identifier: BSD-2-Clause */
/* A DHCP client by hand: asks, and shows the last answer byte by byte. Builds its messages itself. */
#include "dhcp_asker.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const uint8_t all_ip[4] = {255, 255, 255, 255};
static const uint8_t no_ip[4] = {0, 0, 0, 0};
struct kept_frames dhcp_kept;
const uint8_t dhcp_server_ip[4] = {10, 0, 2, 2};
const uint8_t dhcp_guest_ip[4] = {10, 0, 2, 15};

bool ask(struct dm_backend *b, enum ask kind, const uint8_t address[4])
{
    static const uint8_t types[] = {DISCOVER, REQUEST, REQUEST, REQUEST, REQUEST, DECLINE};
    uint8_t udp[400] = {0}, frame[600], *m = udp + 8, *option = m + 240;
    bool bound = kind == ASK_RENEW || kind == ASK_REBIND;
    frame_put16(udp, 68);
    frame_put16(udp + 2, 67);
    m[0] = m[1] = 1;
    m[2] = 6;
    frame_put32(m + 4, XID);
    if (bound)
        memcpy(m + 12, address, 4);
    memcpy(m + 28, guest_mac, 6);
    frame_put32(m + 236, 0x63825363);
    option[0] = 53;
    option[1] = 1;
    option[2] = types[kind];
    option += 3;
    if (!bound && kind != ASK_DISCOVER) {
        option[0] = 50;
        option[1] = 4;
        memcpy(option + 2, address, 4);
        option += 6;
    }
    if (kind == ASK_REQUEST || kind == ASK_DECLINE) {
        option[0] = 54;
        option[1] = 4;
        memcpy(option + 2, dhcp_server_ip, 4);
        option += 6;
    }
    *option++ = 255;
    size_t bytes = (size_t)(option - udp);
    frame_put16(udp + 4, (uint32_t)bytes);
    bytes = frame_ipv4(frame, kind == ASK_RENEW ? peer_mac : broadcast_mac, bound ? address : no_ip,
                       kind == ASK_RENEW ? dhcp_server_ip : all_ip, 17, udp, bytes);
    dhcp_kept.count = 0;
    b->ops->send(b, frame, bytes);
    b->ops->poll(b, 1000, 9, keep_frame, &dhcp_kept);
    cr_assert(le(u32, dhcp_kept.count, 1));
    cr_assert(dhcp_kept.count == 0 || frame_sums_right(dhcp_kept.frames[0].data, dhcp_kept.frames[0].bytes));
    return dhcp_kept.count == 1;
}

const uint8_t *message(void)
{
    return dhcp_kept.frames[0].data + 42;
}

size_t message_bytes(void)
{
    return frame_be16(dhcp_kept.frames[0].data + 38) - 8u;
}

const uint8_t *option_in(uint8_t code, unsigned nth, size_t from, size_t to)
{
    while (from < to && message()[from] != 255) {
        const uint8_t *at = message() + from;
        if (*at == 0) {
            from++;
            continue;
        }
        if (from + 2 > to || from + 2 + at[1] > to)
            return NULL;
        if (*at == code && nth-- == 0)
            return at + 1;
        from += 2u + at[1];
    }
    return NULL;
}

const uint8_t *option(uint8_t code)
{
    return option_in(code, 0, 240, message_bytes());
}

void expect_type(uint8_t type)
{
    const uint8_t *o = option(53);
    cr_assert(o != NULL);
    cr_assert(eq(u8, o[0], 1));
    cr_assert(eq(u8, o[1], type));
}

void expect_word(uint8_t code, uint32_t value)
{
    const uint8_t *o = option(code);
    cr_assert(o != NULL, "option %u", code);
    cr_assert(eq(u8, o[0], 4), "option %u", code);
    cr_assert(eq(u32, frame_be32(o + 1), value), "option %u", code);
}

void expect_answer(struct dm_backend *b, enum ask kind, const uint8_t address[4], uint8_t type)
{
    cr_assert(ask(b, kind, address), "asked %d", kind);
    expect_type(type);
    if (type != NAK)
        cr_assert(eq(int, memcmp(message() + 16, address, 4), 0));
}

void expect_lease(struct dm_backend *b)
{
    expect_answer(b, ASK_DISCOVER, dhcp_guest_ip, OFFER);
    expect_answer(b, ASK_REQUEST, dhcp_guest_ip, ACK);
}
