/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP segments in and out. Owns nothing; trusts nothing in a segment. */
#include "tcp_segment.h"

#include <string.h>

#define OPTION_SEGMENT        2u
#define OPTION_BYTES          4u
#define SEGMENT_BYTES_DEFAULT 536u

static uint32_t option_bytes(const struct dm_segment_out *out)
{
    return out->flags & DM_SYN ? OPTION_BYTES : 0u;
}

struct dm_reply dm_segment_begin(struct dm_station *s, const struct dm_segment_out *out, uint8_t **data)
{
    uint32_t header = DM_TCP_BYTES + option_bytes(out);
    struct dm_reply reply = dm_station_packet(s, &out->ends, DM_PROTOCOL_TCP, header + out->data_bytes);
    if (!reply.frame)
        return reply;
    uint8_t *t = reply.payload;
    dm_put_be16(t, out->source_port);
    dm_put_be16(t + 2, out->port);
    dm_put_be32(t + 4, out->sequence);
    dm_put_be32(t + 8, out->acknowledged);
    t[12] = (uint8_t)(header / 4u << 4);
    t[13] = out->flags;
    dm_put_be16(t + 14, out->window);
    if (header > DM_TCP_BYTES) {
        t[20] = OPTION_SEGMENT;
        t[21] = OPTION_BYTES;
        dm_put_be16(t + 22, dm_segment_most(s));
    }
    *data = t + header;
    return reply;
}

void dm_segment_end(struct dm_station *s, const struct dm_segment_out *out, const struct dm_reply *reply)
{
    uint32_t bytes = DM_TCP_BYTES + option_bytes(out) + out->data_bytes;
    uint32_t pseudo = dm_pseudo_sum(out->ends.from, out->ends.to, DM_PROTOCOL_TCP, bytes);
    dm_put_be16(reply->payload + 16, dm_checksum(pseudo, reply->payload, bytes));
    dm_station_send(s, reply);
}

bool dm_segment_put(struct dm_station *s, const struct dm_segment_out *out)
{
    uint8_t *data;
    struct dm_reply reply = dm_segment_begin(s, out, &data);
    if (!reply.frame)
        return false;
    if (out->data_bytes)
        memcpy(data, out->data, out->data_bytes);
    dm_segment_end(s, out, &reply);
    return true;
}

void dm_segment_refuse(struct dm_station *s, const struct dm_packet *p, const struct dm_segment *in)
{
    if (in->flags & DM_RST)
        return;
    struct dm_segment_out out = {.ends = {p->source_mac, p->destination, p->source},
                                 .source_port = in->port,
                                 .port = in->source_port,
                                 .flags = DM_RST};
    if (in->flags & DM_ACK) {
        out.sequence = in->acknowledged;
    } else {
        uint32_t control = (in->flags & DM_SYN ? 1u : 0u) + (in->flags & DM_FIN ? 1u : 0u);
        out.acknowledged = in->sequence + in->data_bytes + control;
        out.flags = DM_RST | DM_ACK;
    }
    dm_segment_put(s, &out);
}

static uint16_t segment_option(const uint8_t *at, uint32_t bytes)
{
    uint32_t i = 0;
    while (i < bytes && at[i] != 0) {
        if (at[i] == 1) {
            i++;
            continue;
        }
        if (bytes - i < 2u || at[i + 1u] < 2u || at[i + 1u] > bytes - i)
            break;
        if (at[i] == OPTION_SEGMENT && at[i + 1u] == OPTION_BYTES)
            return dm_get_be16(at + i + 2u);
        i += at[i + 1u];
    }
    return SEGMENT_BYTES_DEFAULT;
}

bool dm_segment_parse(const struct dm_packet *p, struct dm_segment *in)
{
    const uint8_t *t = p->payload;
    if (p->payload_bytes < DM_TCP_BYTES)
        return false;
    uint32_t header = 4u * (t[12] >> 4);
    uint32_t pseudo = dm_pseudo_sum(p->source, p->destination, DM_PROTOCOL_TCP, p->payload_bytes);
    if (header < DM_TCP_BYTES || header > p->payload_bytes || dm_checksum(pseudo, t, p->payload_bytes) != 0)
        return false;
    in->source_port = dm_get_be16(t);
    in->port = dm_get_be16(t + 2);
    in->sequence = dm_get_be32(t + 4);
    in->acknowledged = dm_get_be32(t + 8);
    in->flags = t[13];
    in->window = dm_get_be16(t + 14);
    in->segment_bytes = segment_option(t + DM_TCP_BYTES, header - DM_TCP_BYTES);
    in->data = t + header;
    in->data_bytes = p->payload_bytes - header;
    return true;
}
