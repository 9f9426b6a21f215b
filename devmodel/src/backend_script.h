/* SPDX-License-Identifier: BSD-2-Clause */
/* The deterministic peer's state, shared by its link and network layer (backend_script.c) and its TCP
 * (backend_script_tcp.c). Private to devmodel. */
#ifndef DM_BACKEND_SCRIPT_H
#define DM_BACKEND_SCRIPT_H

#include "backend_state.h"

#define DM_TCP_CONNECTIONS  16u
#define DM_TCP_BUFFER_BYTES 8192u
#define DM_IPV4_BYTES       20u
#define DM_PROTOCOL_TCP     6u

enum dm_tcp_state { DM_TCP_FREE = 0, DM_TCP_SYN_RECEIVED, DM_TCP_OPEN };

/* One echo connection. Sequence numbers are as on the wire; `buffer` holds what was not acknowledged, from
 * send_first. */
struct dm_tcp {
    enum dm_tcp_state state;
    uint8_t mac[6];
    uint8_t address[4];
    uint16_t port; /* the guest's; ours is 7 */
    uint32_t receive_next;
    uint32_t send_first; /* oldest not acknowledged */
    uint32_t send_next;
    uint32_t send_highest; /* beyond send_next while sending again */
    uint32_t window; /* the guest's */
    uint16_t segment_bytes;
    uint32_t held; /* bytes in buffer */
    bool fin_received, fin_sent;
    uint8_t retries;
    uint64_t sent_ns; /* when the oldest byte was last sent */
    uint64_t used_ns;
    uint8_t buffer[DM_TCP_BUFFER_BYTES];
};

struct dm_script {
    struct dm_kept_backend kept;
    struct dm_frame_queue queue;
    struct dm_script_config config;
    uint64_t now_ns;
    uint16_t packet_id;
    uint32_t connections_made;
    struct dm_tcp connections[DM_TCP_CONNECTIONS];
};

/* A received IPv4 packet whose header was checked; `payload` lies inside the frame. */
struct dm_packet {
    const uint8_t *source_mac;
    const uint8_t *source, *destination; /* addresses */
    const uint8_t *payload;
    uint32_t payload_bytes;
    uint8_t protocol;
};

struct dm_reply {
    uint8_t *frame; /* room in the queue; NULL: none, the reply is lost */
    uint8_t *payload; /* behind the IPv4 header */
    uint32_t bytes; /* of the frame */
};

/* Starts an IPv4 packet of `payload_bytes` zeroed bytes to `mac`, `address`; dm_script_send puts it on the
 * wire. */
struct dm_reply dm_script_packet(struct dm_script *s, const uint8_t mac[6], const uint8_t address[4],
                                 uint8_t protocol, uint32_t payload_bytes);
void dm_script_send(struct dm_script *s, const struct dm_reply *reply);

/* Internet checksum (RFC 1071) over `bytes`, starting from `sum`; the result is folded and complemented. */
uint16_t dm_checksum(uint32_t sum, const uint8_t *at, uint32_t bytes);
/* The pseudo header's share of a TCP or UDP checksum. */
uint32_t dm_pseudo_sum(const uint8_t source[4], const uint8_t destination[4], uint8_t protocol,
                       uint32_t bytes);

void dm_tcp_receive(struct dm_script *s, const struct dm_packet *packet);
/* Sends again what was not acknowledged in time. */
void dm_tcp_tick(struct dm_script *s);

#endif
