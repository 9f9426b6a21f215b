/* SPDX-License-Identifier: BSD-2-Clause */
/* What the backends of this library share: counts, network byte order, the operation tables. Private to
 * devmodel. */
#ifndef DM_BACKEND_STATE_H
#define DM_BACKEND_STATE_H

#include "capos/devmodel/backend.h"
#include "frame_queue.h"

#define DM_ETHERNET_BYTES 14u
#define DM_ETHERTYPE_IPV4 0x0800u
#define DM_ETHERTYPE_ARP  0x0806u

/* First member of each backend here; `base` comes first, as the public header asks. */
struct dm_kept_backend {
    struct dm_backend base;
    struct dm_backend_counts counts;
};

/* The `counts` operation of each backend that starts with struct dm_kept_backend. */
struct dm_backend_counts dm_kept_counts(const struct dm_backend *b);

/* Counts a frame from the guest by its kind. */
void dm_count_from_guest(struct dm_backend_counts *counts, const uint8_t *frame, size_t bytes);
/* Moves at most `budget` frames from the queue into the sink; a refused frame stays first. */
uint32_t dm_drain(struct dm_frame_queue *q, struct dm_backend_counts *counts, uint32_t budget,
                  dm_frame_sink sink, void *ctx);

static inline uint16_t dm_get_be16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t dm_get_be32(const uint8_t *at)
{
    return (uint32_t)dm_get_be16(at) << 16 | dm_get_be16(at + 2);
}

static inline void dm_put_be16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static inline void dm_put_be32(uint8_t *at, uint32_t v)
{
    dm_put_be16(at, v >> 16);
    dm_put_be16(at + 2, v);
}

#endif
