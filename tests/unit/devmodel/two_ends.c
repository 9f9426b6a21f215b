/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves frames between two backends. Nothing moves at a time that no backend asked for. */
#include "two_ends.h"

#include <criterion/criterion.h>

struct way {
    struct two_ends *t;
    struct dm_backend *to;
    uint32_t frames;
};

static bool carry(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct way *w = ctx;
    uint64_t hash = w->t->hash ^ w->t->now_ns;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ frame[i]) * 1099511628211u;
    w->t->hash = hash;
    w->to->ops->send(w->to, frame, bytes);
    w->frames++;
    return true;
}

static uint32_t exchange(struct two_ends *t)
{
    struct way there = {t, t->b, 0}, back = {t, t->a, 0};
    t->a->ops->poll(t->a, t->now_ns, 64, carry, &there);
    t->b->ops->poll(t->b, t->now_ns, 64, carry, &back);
    t->rounds++;
    return there.frames + back.frames;
}

bool two_ends_run(struct two_ends *t, uint64_t until_ns, bool (*done)(void *ctx), void *ctx)
{
    while (t->now_ns <= until_ns) {
        uint32_t idle = 0;
        while (idle < 2) { /* what arrived in the last round may be answered in the next */
            idle = exchange(t) ? 0 : idle + 1;
            if (done && done(ctx))
                return true;
            cr_assert(t->rounds < 50000000, "the two never come to rest");
        }
        uint64_t a = dm_backend_next_due(t->a), b = dm_backend_next_due(t->b), next = a < b ? a : b;
        cr_assert(next > t->now_ns, "something is due at %lu and does not happen", (unsigned long)next);
        if (next == DM_NEVER)
            break;
        t->now_ns = next;
    }
    t->now_ns = until_ns;
    return !done;
}
