/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP segments of the scripted peers, in and out (RFC 9293, 3.1). Private to devmodel. */
#ifndef DM_TCP_SEGMENT_H
#define DM_TCP_SEGMENT_H

#include "station.h"

#define DM_TCP_BYTES 20u
#define DM_FIN       0x01u
#define DM_SYN       0x02u
#define DM_RST       0x04u
#define DM_PSH       0x08u
#define DM_ACK       0x10u

/* A segment whose header was checked; `data` lies inside the frame. */
struct dm_segment {
    uint16_t source_port, port;
    uint32_t sequence, acknowledged;
    uint8_t flags;
    uint32_t window;
    uint16_t segment_bytes; /* the option's value, 536 without it */
    const uint8_t *data;
    uint32_t data_bytes;
};

/* False: cut, a header length that lies, a wrong checksum. */
bool dm_segment_parse(const struct dm_packet *p, struct dm_segment *in);

struct dm_segment_out {
    struct dm_ends ends;
    uint16_t source_port, port;
    uint32_t sequence, acknowledged, window;
    uint8_t flags;
    const uint8_t *data; /* NULL with data_bytes: the caller fills it in, see dm_segment_begin */
    uint32_t data_bytes;
};

/* Greatest number of data bytes in a segment of this station. */
static inline uint32_t dm_segment_most(const struct dm_station *s)
{
    return s->mtu - DM_IPV4_BYTES - DM_TCP_BYTES;
}

/* Sends one segment; a SYN carries the segment size option. False: no room in the queue. */
bool dm_segment_put(struct dm_station *s, const struct dm_segment_out *out);
/* The same in two halves, for a sender that makes the data in place: room for `data_bytes` at `*data`, then
 * the checksum and the queue. A reply without frame: no room. */
struct dm_reply dm_segment_begin(struct dm_station *s, const struct dm_segment_out *out, uint8_t **data);
void dm_segment_end(struct dm_station *s, const struct dm_segment_out *out, const struct dm_reply *reply);

/* RFC 9293, 3.10.7.1: no connection. A reset is never answered. */
void dm_segment_refuse(struct dm_station *s, const struct dm_packet *p, const struct dm_segment *in);

#endif
