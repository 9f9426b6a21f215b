/* SPDX-License-Identifier: BSD-2-Clause */
/* What a DHCP lease says beyond what lwIP reads: the link's MTU (option 26) and classless routes (option 121,
 * RFC 3442), and with them the next hop of every packet. Addresses are numbers, the first byte highest. What
 * a server writes is read once and checked; what cannot be is refused and counted.
 *
 * MTU: 576 to the link's own counts. Less would make a server that lies slow every connection, more than the
 * link's own would be sent in vain: both are refused, and the link's own stays. Routes: all of the option or
 * nothing; more than LEASE_ROUTES_MAX are refused like malformed ones. With option 121 the router of option 3
 * is ignored. Without, it is the default route, also when it lies outside the subnet. */
#ifndef CAPOS_STACK_NETD_LEASE_H
#define CAPOS_STACK_NETD_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lwip/dhcp.h"
#include "lwip/netif.h"
#include "lwip/udp.h"

#define LEASE_ROUTES_MAX 16u
#define LEASE_MTU_MIN    576u /* what every host takes (RFC 791) */
#define LEASE_RAW_MAX    256u

struct lease_route {
    uint32_t destination; /* no bit set beyond `prefix` */
    uint32_t via; /* 0: on the link */
    uint8_t prefix; /* 0 to 32 */
};

struct lease_options {
    uint8_t type; /* option 53; 0: none */
    uint16_t mtu; /* 0: none that counts */
    bool classless; /* option 121 was there and was right */
    uint32_t route_count;
    struct lease_route routes[LEASE_ROUTES_MAX];
};

struct lease_refused {
    uint64_t messages; /* that lease_admits did not, or that came in pieces */
    uint64_t mtus;
    uint64_t routes; /* options 121 */
    uint64_t packets; /* to be sent, without a next hop */
    uint64_t conflicts; /* addresses that another host had */
    uint64_t questions; /* DISCOVERs that were held back: what came of those before was refused */
};

/* Reads a DHCP message of `bytes`, from its field `op` on, with overloaded fields (option 52) and options in
 * several parts (RFC 3396). `link_mtu`: the most that the link carries. What is refused is counted in
 * `refused`; the message's options are then as if they were not there. */
void lease_read(const uint8_t *message, size_t bytes, uint16_t link_mtu, struct lease_options *out,
                struct lease_refused *refused);
/* May the message be looked at at all: DHCP's cookie, options that end where they should; of an OFFER and an
 * ACK also a mask that is one, and an address that a host can have; of an ACK a lease of some time. */
bool lease_admits(const uint8_t *message, size_t bytes);
/* The first bytes of the options field, at most LEASE_RAW_MAX, as they came; how many, without zeroes at
 * their end. Of a message that was admitted. */
uint16_t lease_raw(const uint8_t *message, size_t bytes, uint8_t out[LEASE_RAW_MAX]);
/* The bytes of an option 121. False: malformed, or too many; nothing is kept. */
bool lease_read_routes(const uint8_t *bytes, size_t count, struct lease_options *out);

/* What a packet is routed by. */
struct lease_net {
    uint32_t address; /* 0: no lease */
    uint32_t mask;
    uint32_t router; /* option 3; 0: none */
    const struct lease_options *options;
};

enum lease_reach { LEASE_UNREACHABLE = 0, LEASE_ON_LINK, LEASE_VIA };

struct lease_hop {
    enum lease_reach reach;
    uint32_t address; /* whose hardware address is asked for: the destination, or the router */
};

/* Longest prefix first: routes of option 121, the subnet, the router. Of equal ones the server's route
 * counts. Link-local addresses are routed like others: on Compute Engine 169.254.169.254 is behind the
 * gateway. Broadcast and multicast are on the link. */
struct lease_hop lease_next_hop(const struct lease_net *net, uint32_t destination);
/* The router of the default route; 0: none. */
uint32_t lease_gateway(const struct lease_net *net);

/* When an offered address is asked for on the link (RFC 5227, by lwIP). */
enum lease_check {
    LEASE_CHECK_BEFORE = 0, /* before it is used: five to eight seconds */
    LEASE_CHECK_AFTER, /* while it is used: a conflict ends the lease, the server is told, as before */
    LEASE_CHECK_NEVER /* where nobody answers for another, as on Compute Engine */
};

/* The lease of one netif. */
struct lease {
    enum lease_check check;
    uint16_t link_mtu;
    bool asked; /* a request was sent, and its answer is not applied yet */
    bool requested; /* a REQUEST is the last that was sent, and brought no lease yet */
    bool keeps; /* somebody claims the address in use, which is kept */
    bool hold; /* the message that is made just now is not sent */
    u32_t in_vain; /* REQUESTs in a row that were refused, or whose address was taken */
    u32_t discover_ms; /* when the last DISCOVER was sent */
    u32_t datagram; /* the last one that was read */
    struct lease_options answer; /* to what was asked last */
    struct lease_options active;
    struct lease_refused refused;
    uint16_t raw_bytes; /* of `raw`, without the zeroes behind its end */
    uint8_t raw[LEASE_RAW_MAX]; /* options of the last message that was admitted, or their beginning */
    acd_conflict_callback_t conflict; /* lwIP's own */
    udp_recv_fn receive; /* the same, of DHCP's port */
};

/* After netif_add, before dhcp_start; `lease` outlives the netif. The netif's MTU is the link's own, its
 * output lease_output. The lease is the netif's one client datum. */
void lease_attach(struct lease *lease, struct netif *netif, enum lease_check check);
/* After each frame or batch handed in, and after each turn of lwIP's timers: applies what came. */
void lease_step(struct netif *netif);
/* The netif's `output`: sends to the next hop. ERR_RTE: there is none. */
err_t lease_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *destination);
/* By what packets are routed now; valid until the next call into lwIP. */
struct lease_net lease_net(struct netif *netif);

#endif
