/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted peer's state, shared by its dispatch (backend_script.c) and its services: TCP echo, DHCP, DNS.
 * Private to devmodel. */
#ifndef DM_BACKEND_SCRIPT_H
#define DM_BACKEND_SCRIPT_H

#include "capos/devmodel/peer.h"
#include "station.h"

#define DM_TCP_CONNECTIONS  16u
#define DM_TCP_BUFFER_BYTES 8192u
#define DM_PORT_ECHO        7u
#define DM_PORT_WEB         80u
#define DM_WEB_REQUEST_MAX  1024u
#define DM_PORT_DNS         53u
#define DM_PORT_DHCP_SERVER 67u
#define DM_PORT_DHCP_CLIENT 68u

enum dm_tcp_state { DM_TCP_FREE = 0, DM_TCP_SYN_RECEIVED, DM_TCP_OPEN };

/* One echo connection. Sequence numbers are as on the wire; `buffer` holds what was not acknowledged, from
 * send_first. */
struct dm_tcp {
    enum dm_tcp_state state;
    uint8_t mac[6];
    uint8_t address[4], local[4]; /* the guest's, and ours that it talks to */
    uint16_t port, ours; /* the guest's, and ours: 7 or 80 */
    uint32_t receive_next;
    uint32_t send_first; /* oldest not acknowledged */
    uint32_t send_next;
    uint32_t send_highest; /* beyond send_next while sending again */
    uint32_t window; /* the guest's */
    uint16_t segment_bytes;
    uint32_t held; /* bytes in buffer */
    bool fin_received, fin_sent, fin_acknowledged;
    bool answered; /* port 80: the request was whole, FIN follows the answer */
    uint8_t retries;
    uint64_t sent_ns; /* when the oldest byte was last sent */
    uint64_t used_ns;
    uint8_t buffer[DM_TCP_BUFFER_BYTES];
    uint32_t request_bytes;
    char request[DM_WEB_REQUEST_MAX];
};

struct dm_dhcp {
    struct dm_dhcp_config config;
    struct dm_dhcp_counts counts;
    uint32_t messages, answers;
    bool moved; /* the address is `other` */
};

struct dm_script {
    struct dm_station station;
    uint8_t also[4];
    uint32_t frame_bytes_max;
    struct dm_peer_counts counts; /* all but its dhcp */
    struct dm_dhcp dhcp;
    struct dm_dns_name names[DM_DNS_NAMES_MAX];
    uint32_t name_count;
    enum dm_dns_case dns_case;
    uint32_t dns_value;
    const struct dm_web_page *pages;
    uint32_t page_count;
    uint32_t connections_made;
    struct dm_tcp connections[DM_TCP_CONNECTIONS];
};

void dm_tcp_receive(struct dm_script *s, const struct dm_packet *packet);
/* Sends again what was not acknowledged in time. */
void dm_tcp_tick(struct dm_script *s);
/* When the next of them is due; DM_NEVER. */
uint64_t dm_tcp_due(const struct dm_script *s);

/* Takes a request's bytes. True once it is whole, or too long: `c->buffer` then holds the answer. */
bool dm_web_take(struct dm_script *s, struct dm_tcp *c, const uint8_t *data, uint32_t bytes);

/* A message to the server port: `m` is what UDP carried. */
void dm_dhcp_receive(struct dm_script *s, const struct dm_packet *p, const uint8_t *m, uint32_t bytes);
/* The address that the server gives now. */
const uint8_t *dm_dhcp_address(const struct dm_dhcp *d);
/* Answers for an address in use. */
void dm_dhcp_arp(struct dm_script *s, const struct dm_arp *arp);

void dm_dns_receive(struct dm_script *s, const struct dm_packet *p, const uint8_t *m, uint32_t bytes);

#endif
