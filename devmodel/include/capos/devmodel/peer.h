/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted peer with every answer to choose: DHCP server, DNS server, UDP and TCP echo, ICMP echo, ARP.
 * Addresses are four bytes as on the wire, times seconds unless the name says otherwise. A config that is all
 * zero but for `mac`, `address` and `dhcp.guest` is an honest peer on a /24 whose router it is. */
#ifndef CAPOS_DEVMODEL_PEER_H
#define CAPOS_DEVMODEL_PEER_H

#include "capos/devmodel/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DM_DHCP_ROUTES_MAX    8u
#define DM_DHCP_ADDRESSES_MAX 63u /* in one option: 252 bytes */
#define DM_DNS_NAMES_MAX      16u

/* What a client asks in (RFC 2131, 4.3.1 and 4.3.2), as bits. */
enum dm_dhcp_at {
    DM_DHCP_AT_DISCOVER = 1,
    DM_DHCP_AT_REQUEST = 2, /* names the server: the answer to an offer */
    DM_DHCP_AT_REBOOT = 4, /* names an address and no server */
    DM_DHCP_AT_RENEW = 8, /* its address in ciaddr, sent to the server */
    DM_DHCP_AT_REBIND = 16 /* its address in ciaddr, broadcast */
};

/* One classless route (option 121, RFC 3442). `router` 0.0.0.0: on the link. */
struct dm_dhcp_route {
    uint8_t bits; /* 0 to 32 */
    uint8_t network[4], router[4];
};

struct dm_dhcp_config {
    bool off; /* no DHCP server at all */
    uint8_t guest[4]; /* the address that is given */
    uint8_t other[4]; /* the next one, after a DECLINE or renumber_after; 0.0.0.0: none */
    uint8_t server[4]; /* option 54 and the source address; 0.0.0.0: the peer's address */
    uint8_t mask[4]; /* option 1; 0.0.0.0: 255.255.255.0 */
    uint8_t router[4]; /* option 3; 0.0.0.0: the peer's address */
    bool no_router;
    bool lease_given; /* false: lease_s is 3600 */
    uint32_t lease_s; /* option 51, any value */
    bool renew_given, rebind_given; /* options 58 and 59 are there */
    uint32_t renew_s, rebind_s;
    bool mtu_given;
    uint16_t mtu; /* option 26, any value: RFC 2132, 5.1 asks for 68 at least */
    struct dm_dhcp_route routes[DM_DHCP_ROUTES_MAX];
    uint32_t route_count;
    uint8_t dns[DM_DHCP_ADDRESSES_MAX][4]; /* option 6 */
    uint32_t dns_count;
    uint8_t ntp[DM_DHCP_ADDRESSES_MAX][4]; /* option 42 */
    uint32_t ntp_count;

    uint32_t silent_from; /* number of the first message that is not answered, from 1; 0: all are */
    uint32_t silent_after_acks; /* none is answered after that many ACKs; 0: no such end */
    uint32_t silent_at; /* bits of dm_dhcp_at that are never answered */
    uint32_t nak_at; /* bits of dm_dhcp_at, without DISCOVER, that are answered with NAK */
    uint32_t nak_times; /* so many NAKs at most; 0: no end */
    uint32_t renumber_after; /* after that many ACKs the guest's address is `other`, the old one is NAKed; 0:
                                never */
    bool
        conflict; /* ARP requests for `guest` by one who tries it are answered, as by a station that has it */

    /* What is wrong with the answers: the first `spoiled_answers` of them, 0: all. */
    uint32_t spoiled_answers;
    bool wrong_transaction, wrong_hardware, wrong_cookie;
    bool cut; /* the message ends `cut_at` bytes after the cookie */
    uint32_t cut_at;
    bool overload; /* option 52 is there with this value: 1 file, 2 sname, 3 both hold the other options */
    uint8_t overload_value;
    bool overload_again; /* file and sname hold option 52 again */
    bool empty_options; /* length 0; as the next three not options 53 and 54 */
    bool short_options; /* one byte less than the option has */
    bool repeated_options; /* each twice, the same */
    bool repeated_differently; /* each twice, the second with its bits flipped */
};

/* Named cases, dhcp_cases.def: each sets the fields of an honest config. */
enum dm_dhcp_case {
#define DM_DHCP_CASE(name, value, text) DM_DHCP_##name,
#include "capos/devmodel/dhcp_cases.def"
#undef DM_DHCP_CASE
    DM_DHCP_CASES
};
const char *dm_dhcp_case_name(enum dm_dhcp_case which);
/* The value that the table gives a case that takes one; 0 otherwise. */
uint32_t dm_dhcp_case_value(enum dm_dhcp_case which);
/* Makes `config`, whose `guest` and `other` are set, the case's. `value`: what the case's text says. */
void dm_dhcp_case_apply(struct dm_dhcp_config *config, enum dm_dhcp_case which, uint32_t value);

struct dm_dhcp_counts {
    uint64_t discovers, requests, declines, releases, others; /* by type, well-formed ones */
    uint64_t malformed;
    uint64_t offers, acks, naks, unanswered;
    uint64_t at[5]; /* requests by dm_dhcp_at, the bit's number is the index; [0] are DISCOVERs */
    uint64_t conflicts; /* ARP answers for an address in use */
};

/* One name of the DNS server (RFC 1035): an A record. The text stays the caller's and outlives the backend.
 */
struct dm_dns_name {
    const char *name; /* labels with dots, no dot at the end, compared without case */
    uint8_t address[4];
    uint32_t ttl_s;
};

enum dm_dns_case {
#define DM_DNS_CASE(name, value, text) DM_DNS_##name,
#include "capos/devmodel/dns_cases.def"
#undef DM_DNS_CASE
    DM_DNS_CASES
};
const char *dm_dns_case_name(enum dm_dns_case which);
uint32_t dm_dns_case_value(enum dm_dns_case which);

#define DM_WEB_PAGES_MAX 16u
#define DM_WEB_PATH_MAX  256u
#define DM_WEB_BODY_MAX  4096u

/* One page of the web server at `also`, port 80: a metadata server's, which answers GET with the header
 * `Metadata-Flavor: Google` and says that header itself (403 without it, 404 for another path, 400 for what
 * is no request), one answer a connection, then FIN. Both texts stay the caller's and outlive the backend;
 * `path` at most DM_WEB_PATH_MAX bytes, `body` DM_WEB_BODY_MAX. */
struct dm_web_page {
    const char *path, *body;
};

struct dm_peer_config {
    uint8_t mac[6], address[4];
    uint8_t also[4]; /* a second address behind the same MAC, without ARP; 0.0.0.0: none */
    uint32_t mtu; /* 576 to 65535; 0: 1500, and longer frames of the guest are taken all the same */
    struct dm_dhcp_config dhcp;
    struct dm_dns_name names[DM_DNS_NAMES_MAX];
    uint32_t name_count; /* 0: no DNS server */
    enum dm_dns_case dns_case;
    uint32_t dns_value;
    const struct dm_web_page *pages; /* the caller's, outlive the backend */
    uint32_t page_count; /* at most DM_WEB_PAGES_MAX; 0: no web server */
};

/* As dm_script_create, which is this with the plainest config. NULL with errno: EINVAL for a count or an mtu
 * above its bound, ENOMEM. */
struct dm_backend *dm_peer_create(const struct dm_peer_config *config);
/* Compute Engine's network as a guest sees it, from what guests recorded of it: a /32 lease of a day, the
 * first host as router with option 121 (router on the link, all else through it), MTU 1460, DNS, NTP and
 * server id 169.254.169.254; ARP for the router only, each frame from its MAC 42:01 and its address; frames
 * above 1474 bytes are dropped and counted; 169.254.169.254 answers ping, echo and DNS
 * (metadata.google.internal). */
struct dm_peer_config dm_peer_compute_engine(const uint8_t router[4], const uint8_t guest[4]);

struct dm_peer_counts {
    struct dm_dhcp_counts dhcp;
    uint64_t too_long; /* frames of the guest above the mtu, dropped */
    uint64_t icmp_echoes, udp_echoes; /* answered */
    uint64_t tcp_connections; /* to the echo port and the web server's */
    uint64_t web_answers, web_refused; /* 200, and others */
    uint64_t dns_queries, dns_known; /* well-formed ones; those for a name in the table */
    uint8_t guest[4]; /* the address that the next offer holds */
};
/* `peer` is what dm_peer_create or dm_script_create gave. */
struct dm_peer_counts dm_peer_counts(const struct dm_backend *peer);
/* Another DHCP behaviour from the next message on; counts go on. */
void dm_peer_dhcp(struct dm_backend *peer, const struct dm_dhcp_config *config);
/* The same of DNS. */
void dm_peer_dns(struct dm_backend *peer, enum dm_dns_case which, uint32_t value);

#ifdef __cplusplus
}
#endif
#endif
