/* SPDX-License-Identifier: BSD-2-Clause */
/* A netif of lwIP over its lease: a server that answers each DISCOVER and REQUEST with the options of the
 * test, and a router that answers for its own address alone. Time is the test's. */
#include <criterion/criterion.h>
#include <string.h>

#include "lwip/etharp.h"
#include "lwip/prot/dhcp.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"
#include "netif/ethernet.h"
#include "stack/netd/lease.h"
#include "tests/unit/stack/world.h"

#define DHCP_AT  42u /* Ethernet, IPv4 and UDP headers before it */
#define FRAME    600u
#define STEP_NS  50000000u /* 50 ms, lwIP's shortest timer is 100 */
#define ADDRESS  10, 128, 0, 15
#define ROUTER   10, 128, 0, 1
#define METADATA 169, 254, 169, 254

static const uint8_t our_mac[6] = {0x42, 1, ADDRESS};
static const uint8_t router_mac[6] = {0x42, 1, ROUTER};

static struct netif netif;
static struct lease lease;
static struct dhcp dhcp;

/* What the server says, and what came. */
static uint8_t offered[64];
static size_t offered_bytes;
static unsigned messages[9]; /* by type of message */
static uint8_t asked_list[16]; /* option 55 of the last message that has one */
static size_t asked_count;
static uint32_t arp_for[64]; /* targets of ARP requests */
static unsigned arp_count;
static uint8_t last_mac[6]; /* of the last UDP frame to a port other than DHCP's */
static unsigned udp_count;

static void hand_in(const uint8_t *frame, size_t bytes)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)bytes, PBUF_POOL);

    cr_assert_not_null(p);
    pbuf_take(p, frame, (u16_t)bytes);
    if (netif.input(p, &netif) != ERR_OK)
        pbuf_free(p);
}

static void sum_ip(uint8_t *ip)
{
    const uint16_t sum = (uint16_t)~net_checksum(ip, 20);

    memcpy(ip + 10, &sum, 2);
}

static uint8_t waiting[8][FRAME]; /* replies: handed in between calls, never from inside one */
static size_t waiting_bytes[8];
static unsigned waiting_count;

static void reply(const uint8_t *question, uint8_t type)
{
    cr_assert_lt(waiting_count, 8);
    uint8_t *f = waiting[waiting_count];
    uint8_t *d = f + DHCP_AT;
    const size_t bytes = DHCP_AT + 240 + 3 + 6 + 6 + offered_bytes + 1;

    memset(f, 0, FRAME);
    memcpy(f, our_mac, 6);
    memcpy(f + 6, router_mac, 6);
    f[12] = 8;
    memcpy(f + 14, (uint8_t[]){0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, METADATA, 255, 255, 255, 255}, 20);
    f[16] = (uint8_t)((bytes - 14) >> 8);
    f[17] = (uint8_t)(bytes - 14);
    sum_ip(f + 14);
    memcpy(f + 34, (uint8_t[]){0, 67, 0, 68, (uint8_t)((bytes - 34) >> 8), (uint8_t)(bytes - 34), 0, 0}, 8);
    memcpy(d, question, 240);
    d[0] = 2;
    memcpy(d + 16, (uint8_t[]){ADDRESS}, 4);
    memcpy(d + 240, (uint8_t[]){53, 1, type, 54, 4, METADATA, 51, 4, 0, 0, 0, 20}, 15); /* a lease of 20 s */
    memcpy(d + 255, offered, offered_bytes);
    d[255 + offered_bytes] = 255;
    waiting_bytes[waiting_count++] = bytes;
}

static void arp_reply(const uint8_t mac[6], const uint8_t ip[4])
{
    cr_assert_lt(waiting_count, 8);
    uint8_t *f = waiting[waiting_count];

    memset(f, 0, FRAME);
    memcpy(f, our_mac, 6);
    memcpy(f + 6, mac, 6);
    memcpy(f + 12, (uint8_t[]){8, 6, 0, 1, 8, 0, 6, 4, 0, 2}, 10);
    memcpy(f + 22, mac, 6);
    memcpy(f + 28, ip, 4);
    memcpy(f + 32, our_mac, 6);
    memcpy(f + 38, (uint8_t[]){ADDRESS}, 4);
    waiting_bytes[waiting_count++] = 60;
}

static void server(const uint8_t *question, size_t bytes)
{
    uint8_t type = 0;

    for (size_t at = 240; at + 2 <= bytes && question[at] != 255;
         at += question[at] == 0 ? 1u : 2u + question[at + 1]) {
        if (question[at] == 53)
            type = question[at + 2];
        if (question[at] == 55) {
            asked_count = question[at + 1];
            memcpy(asked_list, question + at + 2, asked_count);
        }
    }
    cr_assert(type > 0 && type < 9);
    messages[type]++;
    if (type == DHCP_DISCOVER)
        reply(question, DHCP_OFFER);
    else if (type == DHCP_REQUEST)
        reply(question, DHCP_ACK);
}

static err_t wire(struct netif *n, struct pbuf *p)
{
    uint8_t f[1514];
    const size_t bytes = pbuf_copy_partial(p, f, sizeof(f), 0);

    (void)n;
    if (f[12] == 8 && f[13] == 6 && f[21] == 1) {
        const uint32_t target = (uint32_t)f[38] << 24 | (uint32_t)f[39] << 16 | (uint32_t)f[40] << 8 | f[41];
        cr_assert_lt(arp_count, 64);
        arp_for[arp_count++] = target;
        if (memcmp(f + 38, (uint8_t[]){ROUTER}, 4) == 0)
            arp_reply(router_mac, f + 38);
    } else if (f[12] == 8 && f[13] == 0 && f[23] == 17 && f[37] == 67) {
        server(f + DHCP_AT, bytes - DHCP_AT);
    } else if (f[12] == 8 && f[13] == 0 && f[23] == 17) {
        memcpy(last_mac, f, 6);
        udp_count++;
    }
    return ERR_OK;
}

static err_t attach(struct netif *n)
{
    n->name[0] = 'e';
    n->hwaddr_len = 6;
    memcpy(n->hwaddr, our_mac, 6);
    n->mtu = 1500;
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    n->output = lease_output;
    n->linkoutput = wire;
    return ERR_OK;
}

static void run(unsigned ms)
{
    for (unsigned at = 0; at < ms; at += STEP_NS / 1000000u) {
        world_now_ns += STEP_NS;
        sys_check_timeouts();
        while (waiting_count > 0) {
            uint8_t frame[FRAME];
            const size_t bytes = waiting_bytes[--waiting_count];

            memcpy(frame, waiting[waiting_count], FRAME);
            hand_in(frame, bytes);
            lease_step(&netif);
        }
        lease_step(&netif);
    }
}

static void offer(const uint8_t *options, size_t bytes)
{
    memcpy(offered, options, bytes);
    offered_bytes = bytes;
}

static const uint8_t compute_engine[] = {1,      4,  255, 255,       255,        255, 3,     4,
                                         ROUTER, 26, 2,   1460 >> 8, 1460 & 255, 121, 14,    32,
                                         ROUTER, 0,  0,   0,         0,          0,   ROUTER};
static const uint8_t plain[] = {1, 4, 255, 255, 255, 0, 3, 4, ROUTER};

static void start(enum lease_check check)
{
    world_start();
    cr_assert_not_null(
        netif_add(&netif, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4, NULL, attach, ethernet_input));
    netif_set_default(&netif);
    lease_attach(&lease, &netif, check);
    netif_set_up(&netif);
    netif_set_link_up(&netif);
    dhcp_set_struct(&netif, &dhcp);
    cr_assert_eq(dhcp_start(&netif), ERR_OK);
}

static bool has_address(void)
{
    return lease_net(&netif).address == 0x0a80000f;
}

static void send_to(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    struct udp_pcb *pcb = udp_new();
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, 4, PBUF_RAM);
    ip_addr_t to;

    IP_ADDR4(&to, a, b, c, d);
    (void)udp_sendto(pcb, p, &to, 80);
    pbuf_free(p);
    udp_remove(pcb);
}

static bool was_asked_for(uint32_t address)
{
    for (unsigned i = 0; i < arp_count; i++)
        if (arp_for[i] == address)
            return true;
    return false;
}

Test(stack_dhcp, asks_for_routes_before_the_router_and_for_the_mtu)
{
    offer(plain, sizeof(plain));
    start(LEASE_CHECK_NEVER);
    cr_assert_eq(messages[DHCP_DISCOVER], 1);
    for (unsigned i = 0; i < 2; i++) { /* in a DISCOVER, and in a REQUEST */
        cr_assert_geq(asked_count, 4);
        cr_assert_eq(asked_list[0], 121);
        cr_assert_eq(asked_list[1], 26);
        cr_assert_not_null(memchr(asked_list, 1, asked_count));
        cr_assert_not_null(memchr(asked_list, 3, asked_count));
        asked_count = 0;
        run(100);
    }
    cr_assert_eq(messages[DHCP_REQUEST], 1);
}

Test(stack_dhcp, lease_of_compute_engine_is_bound_at_once_and_the_metadata_server_is_behind_the_gateway)
{
    offer(compute_engine, sizeof(compute_engine));
    start(LEASE_CHECK_NEVER);
    run(100);
    cr_assert(has_address());
    cr_assert_eq(netif.mtu, 1460);
    const struct lease_net net = lease_net(&netif);
    cr_assert_eq(net.mask, UINT32_MAX);
    cr_assert_eq(lease_gateway(&net), 0x0a800001u);
    cr_assert_eq(net.options->route_count, 2);
    send_to(METADATA);
    run(100);
    cr_assert_eq(udp_count, 1);
    cr_assert_arr_eq(last_mac, router_mac, 6);
    cr_assert(was_asked_for(0x0a800001u));
    cr_assert_not(was_asked_for(0xa9fea9feu), "a link-local address was asked for on the link");
}

Test(stack_dhcp, next_lease_without_the_options_has_neither_routes_nor_mtu)
{
    offer(compute_engine, sizeof(compute_engine));
    start(LEASE_CHECK_NEVER);
    run(100);
    cr_assert_eq(netif.mtu, 1460);
    offer(plain, sizeof(plain));
    run(12000); /* half of its time is over: renewed */
    cr_assert_eq(messages[DHCP_REQUEST], 2);
    cr_assert(has_address());
    cr_assert_eq(netif.mtu, 1500);
    cr_assert_not(lease.active.classless);
    cr_assert_eq(lease_net(&netif).router, 0x0a800001u);
}

Test(stack_dhcp, routes_that_are_malformed_are_counted_and_the_router_counts)
{
    uint8_t options[sizeof(compute_engine)];

    memcpy(options, compute_engine, sizeof(options));
    options[sizeof(options) - 14] = 33;
    offer(options, sizeof(options));
    start(LEASE_CHECK_NEVER);
    run(100);
    cr_assert(has_address());
    cr_assert_eq(lease.refused.routes, 1, "of the ACK; the offer is not read");
    cr_assert_eq(netif.mtu, 1460);
    send_to(8, 8, 8, 8);
    run(100);
    cr_assert_eq(udp_count, 1);
    cr_assert_arr_eq(last_mac, router_mac, 6);
}

Test(stack_dhcp, packet_without_a_next_hop_is_refused_and_counted)
{
    offer(plain, 6); /* a mask and no router: lwIP would guess one */
    start(LEASE_CHECK_NEVER);
    run(100);
    cr_assert(has_address());
    send_to(8, 8, 8, 8);
    run(100);
    cr_assert_eq(udp_count, 0);
    cr_assert_eq(lease.refused.packets, 1);
}

Test(stack_dhcp, address_is_asked_for_before_it_is_used)
{
    unsigned ms = 0;

    offer(plain, sizeof(plain));
    start(LEASE_CHECK_BEFORE);
    for (; !has_address() && ms < 20000; ms += 50)
        run(50);
    cr_assert(has_address());
    cr_assert_geq(ms, 4000);
    cr_assert(was_asked_for(0x0a80000fu));
    cr_assert_eq(lease_net(&netif).router, 0x0a800001u);
}

static void refuses_an_address_that_another_host_has(enum lease_check check)
{
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 9};

    offer(compute_engine, sizeof(compute_engine));
    start(check);
    run(1500);
    cr_assert(was_asked_for(0x0a80000fu));
    cr_assert_eq(has_address(), check == LEASE_CHECK_AFTER);
    arp_reply(other, (uint8_t[]){ADDRESS});
    run(50);
    cr_assert_not(has_address());
    cr_assert_eq(messages[DHCP_DECLINE], 1);
    cr_assert_eq(lease.refused.conflicts, 1);
    cr_assert_eq(netif.mtu, 1500);
    cr_assert_not(lease.active.classless);
    cr_assert_eq(messages[DHCP_DISCOVER], 1);
    run(11000); /* the server is asked again after ten seconds */
    cr_assert_eq(messages[DHCP_DISCOVER], 2);
}

Test(stack_dhcp, conflict_before_use_is_declined)
{
    refuses_an_address_that_another_host_has(LEASE_CHECK_BEFORE);
}

Test(stack_dhcp, conflict_in_use_is_declined)
{
    refuses_an_address_that_another_host_has(LEASE_CHECK_AFTER);
}

Test(stack_dhcp, end_of_a_check_in_use_does_not_begin_the_lease_anew)
{
    offer(plain, sizeof(plain));
    start(LEASE_CHECK_AFTER);
    run(100);
    cr_assert(has_address());
    cr_assert_eq(messages[DHCP_REQUEST], 1);
    run(9000);
    cr_assert_eq(dhcp.acd.state, ACD_STATE_ONGOING, "the check is over");
    cr_assert_eq(messages[DHCP_REQUEST], 1);
    run(2500);
    cr_assert_eq(messages[DHCP_REQUEST], 2, "renewed half a lease after it was bound");
}

/* Claimed again and again, after the check and through renewals: defended once in ten seconds, kept, and
 * announced to who claims it. */
Test(stack_dhcp, an_address_that_passed_its_check_is_kept_whoever_claims_it)
{
    static const uint8_t claimer[6] = {2, 0, 0, 0, 0, 9};

    offer(plain, sizeof(plain));
    start(LEASE_CHECK_AFTER);
    run(9000);
    cr_assert_eq(dhcp.acd.state, ACD_STATE_ONGOING);
    arp_count = 0;
    for (unsigned second = 0; second < 35; second++) {
        for (unsigned i = 0; i < 20; i++) {
            arp_reply(claimer, (uint8_t[]){ADDRESS});
            run(50);
            cr_assert(has_address(), "after %u s", second);
        }
    }
    cr_assert_eq(messages[DHCP_DECLINE], 0);
    cr_assert_eq(messages[DHCP_DISCOVER], 1);
    cr_assert_geq(lease.refused.conflicts, 600);
    cr_assert(arp_count >= 4 && arp_count <= 6, "%u announcements", arp_count);
}

Test(stack_dhcp, given_back_lease_leaves_nothing)
{
    offer(compute_engine, sizeof(compute_engine));
    start(LEASE_CHECK_NEVER);
    run(100);
    cr_assert(has_address());
    send_to(8, 8, 8, 8); /* the server is behind the router, whose hardware address is known from now on */
    run(100);
    dhcp_release_and_stop(&netif);
    lease_step(&netif);
    cr_assert_eq(messages[DHCP_RELEASE], 1);
    cr_assert_eq(lease_net(&netif).address, 0);
    cr_assert_eq(netif.mtu, 1500);
    cr_assert_eq(lease.active.route_count, 0);
    send_to(8, 8, 8, 8);
    cr_assert_eq(udp_count, 1);
}
