/* SPDX-License-Identifier: BSD-2-Clause */
/* A station on the wire, as each scripted peer is one: its MAC and address, its queue towards the guest, its
 * clock, IPv4 frames in and out, ARP both ways. Private to devmodel. */
#ifndef DM_STATION_H
#define DM_STATION_H

#include "backend_state.h"

#define DM_ETHERNET_BYTES_LEAST 60u /* without the check sequence */
#define DM_ARP_BYTES            28u
#define DM_ARP_REQUEST          1u
#define DM_ARP_REPLY            2u
#define DM_IPV4_BYTES           20u
#define DM_UDP_BYTES            8u
#define DM_ICMP_BYTES           8u
#define DM_PROTOCOL_ICMP        1u
#define DM_PROTOCOL_TCP         6u
#define DM_PROTOCOL_UDP         17u
#define DM_MTU_DEFAULT          1500u

/* First member of each scripted peer. */
struct dm_station {
    struct dm_kept_backend kept;
    struct dm_frame_queue queue;
    uint8_t mac[6];
    uint8_t address[4];
    uint32_t mtu; /* what it sends at most in one IPv4 packet */
    uint64_t now_ns;
    uint16_t packet_id;
};

/* A received IPv4 packet whose header was checked; `payload` lies inside the frame. */
struct dm_packet {
    const uint8_t *source_mac;
    const uint8_t *source, *destination; /* addresses */
    const uint8_t *payload;
    uint32_t payload_bytes;
    uint8_t protocol;
};

/* Where a frame goes, and as whom. */
struct dm_ends {
    const uint8_t *mac; /* the receiver's */
    const uint8_t *from, *to; /* addresses */
};

struct dm_reply {
    uint8_t *frame; /* room in the queue; NULL: none, the reply is lost and counted */
    uint8_t *payload; /* behind the IPv4 header */
    uint32_t bytes; /* of the frame */
};

extern const uint8_t dm_everyone_mac[6], dm_everyone[4], dm_nobody[4];

/* False: no memory. `mtu` 0: 1500. */
bool dm_station_init(struct dm_station *s, const struct dm_backend_ops *ops, const uint8_t mac[6],
                     const uint8_t address[4], uint32_t mtu);
void dm_station_free(struct dm_station *s);
/* poll's first step: time never goes back. */
void dm_station_move(struct dm_station *s, uint64_t now_ns);

/* Room for a frame in the queue, all zero, padded to 60 bytes: NULL and counted when there is none. */
uint8_t *dm_station_frame(struct dm_station *s, uint32_t *bytes);
void dm_station_ethernet(const struct dm_station *s, uint8_t *frame, const uint8_t mac[6], uint32_t type);

/* Starts an IPv4 packet of `payload_bytes` zeroed bytes; dm_station_send puts it on the wire. */
struct dm_reply dm_station_packet(struct dm_station *s, const struct dm_ends *ends, uint8_t protocol,
                                  uint32_t payload_bytes);
void dm_station_send(struct dm_station *s, const struct dm_reply *reply);
/* A whole UDP datagram, checksum included. */
bool dm_station_udp(struct dm_station *s, const struct dm_ends *ends, uint16_t source_port, uint16_t port,
                    const uint8_t *data, uint32_t bytes);
/* Fills the IPv4 header's checksum in again after it was changed. */
void dm_ipv4_sum(uint8_t *ip);

/* Says who asks (request) or who is where (reply): sender `mac`, `address`; `target_mac` also receives the
 * frame. */
void dm_station_arp(struct dm_station *s, uint32_t operation, const uint8_t mac[6], const uint8_t address[4],
                    const uint8_t target_mac[6], const uint8_t target[4]);

struct dm_arp {
    uint32_t operation;
    const uint8_t *mac, *address; /* the sender's */
    const uint8_t *target; /* address */
};
/* False: not ARP for IPv4 over Ethernet (RFC 826), or cut. `frame` has at least the Ethernet header. */
bool dm_arp_parse(const uint8_t *frame, size_t bytes, struct dm_arp *arp);

/* True for a frame to `mac` or to everyone that has an Ethernet header. */
bool dm_frame_is_for(const uint8_t mac[6], const uint8_t *frame, size_t bytes);
/* False: cut, not IPv4, a wrong checksum, a fragment. */
bool dm_ipv4_parse(const uint8_t *frame, size_t bytes, struct dm_packet *packet);
/* The datagram's length with header, 0 when it is malformed. */
uint32_t dm_udp_check(const struct dm_packet *p);

/* Internet checksum (RFC 1071) over `bytes`, starting from `sum`; the result is folded and complemented. */
uint16_t dm_checksum(uint32_t sum, const uint8_t *at, uint32_t bytes);
/* The pseudo header's share of a TCP or UDP checksum. */
uint32_t dm_pseudo_sum(const uint8_t source[4], const uint8_t destination[4], uint8_t protocol,
                       uint32_t bytes);

/* Learns one address's MAC: asks each second until it is answered. */
struct dm_neighbour {
    uint8_t address[4], mac[6];
    uint8_t as[4]; /* the address that the question comes from */
    bool known;
    uint32_t asked;
    uint64_t asked_ns;
};
void dm_neighbour_tick(struct dm_station *s, struct dm_neighbour *n);
void dm_neighbour_hear(struct dm_neighbour *n, const struct dm_arp *arp);
/* When it asks next; DM_NEVER when it knows. */
uint64_t dm_neighbour_due(const struct dm_neighbour *n);

#endif
