/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of a DHCP message: each right form, each wrong one, and every message cut at each byte. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "stack/netd/lease.h"

#define OPTIONS_AT 240u

static uint8_t message[1500];
static size_t used;

static void begin(void)
{
    static const uint8_t cookie[] = {99, 130, 83, 99};

    memset(message, 0, sizeof(message));
    memcpy(message + 236, cookie, sizeof(cookie));
    used = OPTIONS_AT;
}

static void put(uint8_t option, const void *value, uint8_t bytes)
{
    message[used] = option;
    message[used + 1] = bytes;
    memcpy(message + used + 2, value, bytes);
    used += 2u + bytes;
}

static void end(void)
{
    message[used++] = 255;
}

#define PUT(option, ...)                                                                                     \
    do {                                                                                                     \
        const uint8_t value_[] = {__VA_ARGS__};                                                              \
        put(option, value_, sizeof(value_));                                                                 \
    } while (0)

/* The message in memory of exactly its size, so that a read behind it is found where addresses are checked.
 */
static struct lease_options read_it(size_t bytes, struct lease_refused *refused)
{
    uint8_t *exact = malloc(bytes == 0 ? 1 : bytes);
    struct lease_options out;

    memcpy(exact, message, bytes);
    lease_read(exact, bytes, 1500, &out, refused);
    free(exact);
    return out;
}

static void put_compute_engine(void)
{
    begin();
    PUT(53, 5);
    PUT(26, 1460 >> 8, 1460 & 255);
    PUT(121, 32, 10, 128, 0, 1, 0, 0, 0, 0, 0, 10, 128, 0, 1);
    end();
}

Test(stack_lease, lease_of_compute_engine)
{
    struct lease_refused refused = {0};

    put_compute_engine();
    const struct lease_options o = read_it(used, &refused);
    cr_assert_eq(o.type, 5);
    cr_assert_eq(o.mtu, 1460);
    cr_assert(o.classless);
    cr_assert_eq(o.route_count, 2);
    cr_assert_eq(o.routes[0].destination, 0x0a800001u);
    cr_assert_eq(o.routes[0].prefix, 32);
    cr_assert_eq(o.routes[0].via, 0);
    cr_assert_eq(o.routes[1].destination, 0);
    cr_assert_eq(o.routes[1].prefix, 0);
    cr_assert_eq(o.routes[1].via, 0x0a800001u);
    cr_assert_eq(refused.messages + refused.mtus + refused.routes, 0);
}

static bool is_empty(const struct lease_options *o)
{
    return o->type == 0 && o->mtu == 0 && !o->classless && o->route_count == 0;
}

Test(stack_lease, message_cut_at_each_byte_is_refused_as_a_whole)
{
    put_compute_engine();
    for (size_t bytes = 0; bytes < used; bytes++) {
        struct lease_refused refused = {0};
        const struct lease_options o = read_it(bytes, &refused);

        cr_assert(is_empty(&o), "%zu bytes", bytes);
        cr_assert_eq(refused.messages, 1, "%zu bytes", bytes);
    }
}

Test(stack_lease, routes_cut_at_each_byte_are_refused_unless_a_route_ends_there)
{
    static const uint8_t routes[] = {32,  10, 128, 0, 1,   0,   0,  0, 0, 0, 10,
                                     128, 0,  1,   9, 172, 128, 10, 1, 1, 1};

    for (size_t bytes = 0; bytes <= sizeof(routes); bytes++) {
        const bool whole = bytes == 9 || bytes == 14 || bytes == sizeof(routes);
        struct lease_refused refused = {0};

        begin();
        PUT(53, 5);
        put(121, routes, (uint8_t)bytes);
        end();
        const struct lease_options o = read_it(used, &refused);
        cr_assert_eq(o.classless, whole, "%zu bytes", bytes);
        cr_assert_eq(refused.routes, whole ? 0 : 1, "%zu bytes", bytes);
        cr_assert(whole || o.route_count == 0, "%zu bytes", bytes);
        cr_assert_eq(o.type, 5, "the other options count");
    }
}

Test(stack_lease, every_prefix_length)
{
    for (unsigned prefix = 0; prefix < 256; prefix++) {
        uint8_t route[1 + 32 + 4];
        const size_t significant = prefix <= 32 ? (prefix + 7) / 8 : 4;
        struct lease_options o = {0};

        memset(route, 0xff, sizeof(route));
        route[0] = (uint8_t)prefix;
        memcpy(route + 1 + significant, (uint8_t[]){10, 0, 0, 1}, 4);
        cr_assert_eq(lease_read_routes(route, 1 + significant + 4, &o), prefix <= 32, "/%u", prefix);
        if (prefix <= 32) {
            const uint64_t mask = ((1ull << prefix) - 1) << (32 - prefix);
            cr_assert_eq(o.routes[0].destination, (uint32_t)mask, "/%u: bits beyond the prefix are zeroed",
                         prefix);
            cr_assert_eq(o.routes[0].via, 0x0a000001u);
        }
    }
}

Test(stack_lease, router_that_is_no_host_refuses_all_routes)
{
    static const uint8_t bad[] = {127, 224, 239, 240, 255};

    for (size_t i = 0; i < sizeof(bad); i++) {
        const uint8_t routes[] = {32, 10, 0, 0, 1, 0, 0, 0, 0, 0, bad[i], 0, 0, 1};
        struct lease_options o = {0};

        cr_assert_not(lease_read_routes(routes, sizeof(routes), &o), "%u", bad[i]);
        cr_assert_eq(o.route_count, 0);
    }
}

/* RFC 3396: parts of one option are put together, wherever they are cut. */
Test(stack_lease, routes_in_parts_and_in_overloaded_fields)
{
    static const uint8_t routes[] = {32, 10, 128, 0, 1, 0, 0, 0, 0, 0, 10, 128, 0, 1};

    for (uint8_t cut = 0; cut <= sizeof(routes); cut++) {
        for (uint8_t overload = 0; overload <= 3; overload++) {
            struct lease_refused refused = {0};

            begin();
            PUT(53, 5);
            PUT(52, overload);
            put(121, routes, cut);
            if (overload == 0)
                put(121, routes + cut, (uint8_t)(sizeof(routes) - cut));
            end();
            const size_t bytes = used;
            used = overload == 2 ? 44 : 108; /* sname, file */
            put(121, routes + cut, (uint8_t)(sizeof(routes) - cut));
            end();
            const struct lease_options o = read_it(bytes, &refused);
            cr_assert(o.classless, "cut at %u, overload %u", cut, overload);
            cr_assert_eq(o.route_count, 2);
            cr_assert_eq(refused.routes, 0);
        }
    }
}

Test(stack_lease, option_that_leaves_an_overloaded_field_refuses_the_message)
{
    for (unsigned field = 1; field <= 2; field++) {
        struct lease_refused refused = {0};
        const size_t at = field == 1 ? 108 + 128 : 44 + 64;

        begin();
        PUT(53, 5);
        PUT(52, (uint8_t)field);
        end();
        message[at - 3] = 12;
        message[at - 2] = 2; /* of which one is there */
        const struct lease_options o = read_it(used, &refused);
        cr_assert(is_empty(&o));
        cr_assert_eq(refused.messages, 1);
    }
}

Test(stack_lease, as_many_routes_as_there_is_room_for_and_one_more)
{
    for (uint32_t count = LEASE_ROUTES_MAX; count <= LEASE_ROUTES_MAX + 20; count++) {
        for (unsigned prefix = 0; prefix <= 32; prefix += 32) {
            struct lease_refused refused = {0};
            uint8_t route[9] = {(uint8_t)prefix, 10, 0, 0, 1, 10, 0, 0, 1};

            if (prefix == 0)
                memcpy(route + 1, (uint8_t[]){10, 0, 0, 1}, 4);
            begin();
            PUT(53, 5);
            for (uint32_t i = 0; i < count; i++)
                put(121, route, prefix == 0 ? 5 : 9);
            end();
            const struct lease_options o = read_it(used, &refused);
            cr_assert_eq(o.route_count, count == LEASE_ROUTES_MAX ? count : 0, "%u of /%u", count, prefix);
            cr_assert_eq(o.classless, count == LEASE_ROUTES_MAX);
            cr_assert_eq(refused.routes, count == LEASE_ROUTES_MAX ? 0 : 1);
        }
    }
}

Test(stack_lease, mtu_counts_from_576_to_the_links_own)
{
    static const struct {
        uint16_t said, counts;
    } rows[] = {{0, 0},       {67, 0},      {68, 0},   {575, 0},  {576, 576},
                {1460, 1460}, {1500, 1500}, {1501, 0}, {9000, 0}, {65535, 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lease_refused refused = {0};

        begin();
        PUT(26, (uint8_t)(rows[i].said >> 8), (uint8_t)rows[i].said);
        end();
        const struct lease_options o = read_it(used, &refused);
        cr_assert_eq(o.mtu, rows[i].counts, "%u", rows[i].said);
        cr_assert_eq(refused.mtus, rows[i].counts == 0 ? 1 : 0);
    }
}

Test(stack_lease, mtu_of_another_length_or_said_twice_is_refused)
{
    for (uint8_t bytes = 0; bytes < 8; bytes++) {
        static const uint8_t value[8] = {1460 >> 8, 1460 & 255, 0, 0, 0, 0, 0, 0};
        struct lease_refused refused = {0};

        begin();
        put(26, value, bytes);
        if (bytes == 2)
            put(26, value, bytes);
        end();
        const struct lease_options o = read_it(used, &refused);
        cr_assert_eq(o.mtu, 0, "%u bytes", bytes);
        cr_assert_eq(refused.mtus, 1);
    }
}

/* Whatever bytes come: nothing is read behind them, and what counts is within its bounds. */
Test(stack_lease, any_bytes_are_read_or_refused)
{
    uint32_t state = 3;

    for (unsigned round = 0; round < 20000; round++) {
        struct lease_refused refused = {0};

        put_compute_engine();
        for (unsigned i = 0; i < 1 + round % 8; i++) {
            state = state * 1664525u + 1013904223u;
            message[(i % 2 == 0 ? OPTIONS_AT : 44u) + (state >> 8) % 32] = (uint8_t)(state >> 24);
        }
        const struct lease_options o = read_it(used, &refused);
        cr_assert(o.mtu == 0 || (o.mtu >= LEASE_MTU_MIN && o.mtu <= 1500));
        cr_assert_leq(o.route_count, LEASE_ROUTES_MAX);
        cr_assert_eq(o.classless, o.route_count > 0);
        cr_assert(refused.messages == 0 || is_empty(&o));
    }
}

/* A message of a type, with the address that it gives, a mask and a time; an option of no bytes is left out.
 */
static bool admits(uint8_t type, uint32_t address, uint32_t mask, bool masked, uint32_t time_s, bool timed)
{
    begin();
    for (uint32_t i = 0; i < 4u; i++)
        message[16 + i] = (uint8_t)(address >> (24u - 8u * i));
    PUT(53, type);
    if (masked)
        PUT(1, (uint8_t)(mask >> 24), (uint8_t)(mask >> 16), (uint8_t)(mask >> 8), (uint8_t)mask);
    if (timed)
        PUT(51, (uint8_t)(time_s >> 24), (uint8_t)(time_s >> 16), (uint8_t)(time_s >> 8), (uint8_t)time_s);
    end();
    return lease_admits(message, used);
}

Test(stack_lease, what_no_host_can_have_is_not_admitted)
{
    const uint32_t host = 0x0a00020f, mask = 0xffffff00;
    static const uint32_t nobody[] = {0,          0x0a000200, 0x0a0002ff, 0x7f000001,
                                      0xe0000001, 0xf0000001, UINT32_MAX};

    cr_assert(admits(5, host, mask, true, 1, true));
    cr_assert(admits(2, host, mask, true, 0, false), "an offer may leave the time to the ACK");
    cr_assert_not(admits(5, host, mask, true, 0, false));
    cr_assert_not(admits(5, host, mask, true, 0, true));
    cr_assert(admits(5, host, mask, true, UINT32_MAX, true));
    cr_assert(admits(5, host, 0, false, 1, true), "no mask: lwIP takes that of the class");
    cr_assert_not(admits(5, host, 0xff00ff00, true, 1, true));
    for (uint32_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        cr_assert_not(admits(2, nobody[i], mask, true, 1, true), "%08x", nobody[i]);
        cr_assert_not(admits(5, nobody[i], mask, true, 1, true), "%08x", nobody[i]);
    }
    cr_assert(admits(5, 0x0a000200, 0xfffffffe, true, 1, true), "on a /31 both are hosts (RFC 3021)");
    cr_assert(admits(5, 0x0a0002ff, 0xffffffff, true, 1, true), "a /32 has no broadcast address");
    cr_assert(admits(6, 0, 0, false, 0, false), "a NAK gives none");
}

Test(stack_lease, a_message_cut_at_any_byte_or_without_its_cookie_is_not_admitted)
{
    cr_assert(admits(5, 0x0a00020f, 0xffffff00, true, 1, true));
    for (size_t bytes = 0; bytes < used; bytes++)
        cr_assert_not(lease_admits(message, bytes), "%zu bytes", bytes);
    for (size_t i = 236; i < 240; i++) {
        message[i] ^= 1;
        cr_assert_not(lease_admits(message, used));
        message[i] ^= 1;
    }
    cr_assert(lease_admits(message, used));
}
