/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/tap.h"

#include <stdlib.h>

#include "platform/sim/trace.h"

struct tap {
    struct dm_backend base;
    struct dm_backend *inner;
    struct platform *platform;
    dm_frame_sink sink; /* of the poll under way */
    void *sink_ctx;
};

static struct tap *tap_of(struct dm_backend *b)
{
    return (struct tap *)(void *)b;
}

static void tap_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct tap *t = tap_of(b);
    platform_sim_trace(t->platform, TRACE_FRAME, frame, bytes);
    t->inner->ops->send(t->inner, frame, bytes);
}

static bool tap_sink(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct tap *t = ctx;
    if (!t->sink(t->sink_ctx, frame, bytes))
        return false;
    platform_sim_trace(t->platform, TRACE_FRAME, frame, bytes);
    return true;
}

static uint32_t tap_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                         void *ctx)
{
    struct tap *t = tap_of(b);
    t->sink = sink;
    t->sink_ctx = ctx;
    return t->inner->ops->poll(t->inner, now_ns, budget, tap_sink, t);
}

static void tap_destroy(struct dm_backend *b)
{
    struct tap *t = tap_of(b);
    dm_backend_destroy(t->inner);
    free(t);
}

static uint64_t tap_next_due(const struct dm_backend *b)
{
    return dm_backend_next_due(((const struct tap *)b)->inner);
}

static struct dm_backend_counts tap_counts(const struct dm_backend *b)
{
    return dm_backend_counts(((const struct tap *)b)->inner);
}

static const struct dm_backend_ops tap_ops = {"tap",       tap_send,     tap_poll,
                                              tap_destroy, tap_next_due, tap_counts};

struct dm_backend *sim_tap_create(struct dm_backend *inner, struct platform *platform)
{
    struct tap *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base.ops = &tap_ops;
    t->inner = inner;
    t->platform = platform;
    return &t->base;
}

struct dm_backend *sim_tap_inner(struct dm_backend *tap)
{
    return tap_of(tap)->inner;
}
