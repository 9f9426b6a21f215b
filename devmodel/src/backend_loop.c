/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives each frame back as it came. Owns a queue; trusts nothing about the frames. */
#include "backend_state.h"

#include <stdlib.h>

struct loop {
    struct dm_kept_backend kept;
    struct dm_frame_queue queue;
};

static void loop_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct loop *loop = (struct loop *)b;
    dm_count_from_guest(&loop->kept.counts, frame, bytes);
    if (!dm_frame_queue_push(&loop->queue, frame, bytes))
        loop->kept.counts.dropped++;
}

static uint32_t loop_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                          void *ctx)
{
    struct loop *loop = (struct loop *)b;
    (void)now_ns;
    return dm_drain(&loop->queue, &loop->kept.counts, budget, sink, ctx);
}

static void loop_destroy(struct dm_backend *b)
{
    struct loop *loop = (struct loop *)b;
    dm_frame_queue_free(&loop->queue);
    free(loop);
}

static uint64_t loop_next_due(const struct dm_backend *b)
{
    return ((const struct loop *)b)->queue.count ? 0 : DM_NEVER;
}

static const struct dm_backend_ops loop_ops = {.name = "loop",
                                               .send = loop_send,
                                               .poll = loop_poll,
                                               .destroy = loop_destroy,
                                               .next_due = loop_next_due,
                                               .counts = dm_kept_counts};

struct dm_backend *dm_loop_create(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->kept.base.ops = &loop_ops;
    if (!dm_frame_queue_init(&loop->queue)) {
        free(loop);
        return NULL;
    }
    return &loop->kept.base;
}
