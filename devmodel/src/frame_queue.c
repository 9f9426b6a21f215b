/* SPDX-License-Identifier: BSD-2-Clause */
/* A queue of frames in one reserved block. Lengths come from guests and peers: each is checked against the
 * block. */
#include "frame_queue.h"

#include "capos/devmodel/backend.h"

#include <string.h>
#include <sys/mman.h>

/* All 1024 frames may have the greatest length; one more is lost where the ring wraps. */
#define STORE_BYTES ((DM_QUEUE_FRAMES + 2u) * DM_FRAME_BYTES_MAX)
_Static_assert(STORE_BYTES < UINT32_MAX / 2u, "offsets are 32-bit");

bool dm_frame_queue_init(struct dm_frame_queue *q)
{
    void *at =
        mmap(NULL, STORE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return false;
    q->store = at;
    q->tail = 0;
    q->head = 0;
    q->count = 0;
    return true;
}

void dm_frame_queue_free(struct dm_frame_queue *q)
{
    if (q->store)
        munmap(q->store, STORE_BYTES);
    q->store = NULL;
}

uint8_t *dm_frame_queue_room(struct dm_frame_queue *q, size_t bytes)
{
    if (bytes == 0 || bytes > DM_FRAME_BYTES_MAX || q->count == DM_QUEUE_FRAMES)
        return NULL;
    if (q->count == 0) {
        q->tail = 0;
        return q->store;
    }
    uint32_t first = q->frames[q->head].at;
    if (q->tail <= first) /* wrapped; equal: full, since frames are not empty */
        return bytes <= first - q->tail ? q->store + q->tail : NULL;
    if (bytes <= STORE_BYTES - q->tail)
        return q->store + q->tail;
    return bytes <= first ? q->store : NULL;
}

void dm_frame_queue_commit(struct dm_frame_queue *q, const uint8_t *room, size_t bytes)
{
    uint32_t at = (uint32_t)(room - q->store);
    q->frames[(q->head + q->count) % DM_QUEUE_FRAMES] = (struct dm_queued_frame){at, (uint32_t)bytes};
    q->count++;
    q->tail = at + (uint32_t)bytes;
}

bool dm_frame_queue_push(struct dm_frame_queue *q, const uint8_t *frame, size_t bytes)
{
    uint8_t *room = dm_frame_queue_room(q, bytes);
    if (!room)
        return false;
    memcpy(room, frame, bytes);
    dm_frame_queue_commit(q, room, bytes);
    return true;
}
