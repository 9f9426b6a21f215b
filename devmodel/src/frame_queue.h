/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames waiting for the guest: first in, first out, in memory that is reserved once. No allocation per
 * frame. */
#ifndef DM_FRAME_QUEUE_H
#define DM_FRAME_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DM_QUEUE_FRAMES 1024u

struct dm_queued_frame {
    uint32_t at, bytes;
};

/* `store` is used as a ring, and from its start again whenever the queue is empty: a queue that is emptied at
 * every poll stays in the cache. */
struct dm_frame_queue {
    uint8_t *store;
    uint32_t tail; /* where the next frame goes */
    uint32_t head, count; /* in frames[] */
    struct dm_queued_frame frames[DM_QUEUE_FRAMES];
};

bool dm_frame_queue_init(struct dm_frame_queue *q);
void dm_frame_queue_free(struct dm_frame_queue *q);
/* Room for a frame of `bytes` at the end, or NULL: empty, too long, or no room. Not queued before
 * dm_frame_queue_commit. */
uint8_t *dm_frame_queue_room(struct dm_frame_queue *q, size_t bytes);
void dm_frame_queue_commit(struct dm_frame_queue *q, const uint8_t *room, size_t bytes);
bool dm_frame_queue_push(struct dm_frame_queue *q, const uint8_t *frame, size_t bytes);

static inline const uint8_t *dm_frame_queue_first(const struct dm_frame_queue *q, size_t *bytes)
{
    if (q->count == 0)
        return NULL;
    *bytes = q->frames[q->head].bytes;
    return q->store + q->frames[q->head].at;
}

static inline void dm_frame_queue_drop_first(struct dm_frame_queue *q)
{
    q->head = (q->head + 1u) % DM_QUEUE_FRAMES;
    q->count--;
}

#endif
