/* SPDX-License-Identifier: BSD-2-Clause */
/* A wire that loses, damages, doubles, delays and reorders. Owns the inner backend and what is on the way.
 * Each direction has a generator of its own and draws the same number of values for each frame, so that
 * neither the other direction nor one more kind of damage changes what happens to the frames after it. */
#include "backend_state.h"
#include "random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES  4096u
#define SLOT_BYTES  ((DM_FRAME_BYTES_MAX + PAGE_BYTES - 1u) / PAGE_BYTES * PAGE_BYTES)
#define STORE_BYTES ((size_t)DM_WIRE_FRAMES * SLOT_BYTES)
#define TIME_MAX_NS (1ull << 62)
#define PER_MILLE   1000u
#define PULLS_MAX   DM_WIRE_FRAMES /* frames taken from the inner backend in one poll */

struct flight {
    uint64_t due_ns, number; /* number: first in, first out among those due at once */
    uint32_t slot, bytes;
};

struct direction {
    struct dm_wire_way way;
    struct dm_random random;
    struct dm_wire_counts counts;
    uint8_t *store; /* DM_WIRE_FRAMES slots */
    uint64_t number;
    uint64_t order_ns; /* no frame that is not held back arrives before this */
    uint64_t line_free_ns; /* the rate limit's */
    uint32_t held;
    struct flight heap[DM_WIRE_FRAMES]; /* the first `held`: a heap, the next one due on top */
    uint32_t free_slots[DM_WIRE_FRAMES]; /* the first DM_WIRE_FRAMES - held */
};

struct wire {
    struct dm_backend base;
    struct dm_backend *inner;
    uint64_t now_ns;
    struct direction from_guest, to_guest;
};

static bool before(const struct flight *a, const struct flight *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void swap(struct flight *a, struct flight *b)
{
    struct flight kept = *a;
    *a = *b;
    *b = kept;
}

static void heap_add(struct direction *d, struct flight f)
{
    uint32_t at = d->held++;
    d->heap[at] = f;
    while (at && before(&d->heap[at], &d->heap[(at - 1u) / 2u])) {
        swap(&d->heap[at], &d->heap[(at - 1u) / 2u]);
        at = (at - 1u) / 2u;
    }
}

static void heap_drop_first(struct direction *d)
{
    d->free_slots[DM_WIRE_FRAMES - d->held] = d->heap[0].slot;
    d->heap[0] = d->heap[--d->held];
    for (uint32_t at = 0;;) {
        uint32_t least = at;
        for (uint32_t child = 2u * at + 1u; child <= 2u * at + 2u && child < d->held; child++)
            if (before(&d->heap[child], &d->heap[least]))
                least = child;
        if (least == at)
            return;
        swap(&d->heap[at], &d->heap[least]);
        at = least;
    }
}

/* What was drawn for one frame: always all of it. */
struct fate {
    bool lost, corrupted, doubled, held_back;
    uint32_t bit;
    uint64_t jitter_ns[2]; /* of the frame and of its copy */
};

static bool happens(struct dm_random *r, uint16_t per_mille)
{
    return dm_random_below(r, PER_MILLE) < per_mille;
}

static struct fate draw(struct direction *d, size_t bytes)
{
    struct fate f;
    uint64_t span = d->way.jitter_ns + 1u;
    f.lost = happens(&d->random, d->way.loss);
    f.corrupted = happens(&d->random, d->way.corrupt);
    f.doubled = happens(&d->random, d->way.duplicate);
    f.held_back = happens(&d->random, d->way.reorder);
    f.bit = dm_random_below(&d->random, 8u * (uint32_t)bytes);
    f.jitter_ns[0] = dm_random_next(&d->random) % span;
    f.jitter_ns[1] = dm_random_next(&d->random) % span;
    return f;
}

/* When the last bit has left a sender that cannot send faster than the rate. */
static uint64_t leaves_at(struct direction *d, uint64_t now_ns, size_t bytes)
{
    if (d->way.bits_per_second == 0)
        return now_ns;
    uint64_t start = d->line_free_ns > now_ns ? d->line_free_ns : now_ns;
    d->line_free_ns = start + (uint64_t)bytes * 8u * 1000000000u / d->way.bits_per_second;
    return d->line_free_ns;
}

static uint32_t room_for(const struct direction *d)
{
    return d->way.queue_frames ? d->way.queue_frames : DM_WIRE_FRAMES;
}

static void enter(struct direction *d, const uint8_t *frame, size_t bytes, uint64_t due_ns,
                  const struct fate *f)
{
    if (d->held >= room_for(d)) {
        d->counts.overflowed++;
        return;
    }
    uint32_t slot = d->free_slots[DM_WIRE_FRAMES - d->held - 1u];
    uint8_t *at = d->store + (size_t)slot * SLOT_BYTES;
    memcpy(at, frame, bytes);
    if (f->corrupted)
        at[f->bit / 8u] ^= (uint8_t)(1u << f->bit % 8u);
    heap_add(d, (struct flight){due_ns, d->number++, slot, (uint32_t)bytes});
}

static void take(struct direction *d, uint64_t now_ns, const uint8_t *frame, size_t bytes)
{
    d->counts.frames++;
    if (bytes == 0 || bytes > DM_FRAME_BYTES_MAX) {
        d->counts.overflowed++;
        return;
    }
    const struct fate f = draw(d, bytes);
    if (f.lost) {
        d->counts.lost++;
        return;
    }
    uint64_t left_ns = leaves_at(d, now_ns, bytes) + d->way.delay_ns;
    d->counts.corrupted += f.corrupted;
    for (uint32_t copy = 0; copy <= (f.doubled ? 1u : 0u); copy++) {
        uint64_t due_ns = left_ns + f.jitter_ns[copy];
        if (due_ns < d->order_ns)
            due_ns = d->order_ns;
        if (f.held_back && copy == 0) {
            d->counts.reordered++;
            due_ns += d->way.reorder_ns;
        } else {
            d->order_ns = due_ns;
        }
        d->counts.duplicated += copy;
        enter(d, frame, bytes, due_ns, &f);
    }
}

static const struct flight *first_due(const struct direction *d, uint64_t now_ns)
{
    return d->held && d->heap[0].due_ns <= now_ns ? &d->heap[0] : NULL;
}

static void wire_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct wire *w = (struct wire *)b;
    take(&w->from_guest, w->now_ns, frame, bytes);
}

static bool from_inner(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct wire *w = ctx;
    take(&w->to_guest, w->now_ns, frame, bytes);
    return true;
}

static uint32_t wire_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                          void *ctx)
{
    struct wire *w = (struct wire *)b;
    const struct flight *f;
    uint32_t done = 0;
    if (now_ns > w->now_ns)
        w->now_ns = now_ns;
    for (struct direction *out = &w->from_guest; (f = first_due(out, w->now_ns)) != NULL;) {
        w->inner->ops->send(w->inner, out->store + (size_t)f->slot * SLOT_BYTES, f->bytes);
        heap_drop_first(out);
        out->counts.delivered++;
    }
    (void)w->inner->ops->poll(w->inner, w->now_ns, PULLS_MAX, from_inner, w);
    for (struct direction *in = &w->to_guest; done < budget && (f = first_due(in, w->now_ns)) != NULL;
         done++) {
        if (!sink(ctx, in->store + (size_t)f->slot * SLOT_BYTES, f->bytes))
            break;
        heap_drop_first(in);
        in->counts.delivered++;
    }
    return done;
}

static uint64_t wire_next_due(const struct dm_backend *b)
{
    const struct wire *w = (const struct wire *)b;
    uint64_t due = dm_backend_next_due(w->inner);
    if (w->from_guest.held && w->from_guest.heap[0].due_ns < due)
        due = w->from_guest.heap[0].due_ns;
    if (w->to_guest.held && w->to_guest.heap[0].due_ns < due)
        due = w->to_guest.heap[0].due_ns;
    return due;
}

static struct dm_backend_counts wire_inner_counts(const struct dm_backend *b)
{
    return dm_backend_counts(((const struct wire *)b)->inner);
}

static void direction_close(struct direction *d)
{
    if (d->store)
        munmap(d->store, STORE_BYTES);
}

static void wire_destroy(struct dm_backend *b)
{
    struct wire *w = (struct wire *)b;
    dm_backend_destroy(w->inner);
    direction_close(&w->from_guest);
    direction_close(&w->to_guest);
    free(w);
}

static const struct dm_backend_ops wire_ops = {.name = "wire",
                                               .send = wire_send,
                                               .poll = wire_poll,
                                               .destroy = wire_destroy,
                                               .next_due = wire_next_due,
                                               .counts = wire_inner_counts};

static bool direction_open(struct direction *d, uint64_t seed)
{
    void *at =
        mmap(NULL, STORE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return false;
    d->store = at;
    d->random.state = seed;
    for (uint32_t i = 0; i < DM_WIRE_FRAMES; i++)
        d->free_slots[i] = DM_WIRE_FRAMES - 1u - i;
    return true;
}

static bool way_possible(const struct dm_wire_way *w)
{
    bool chances = w->loss <= PER_MILLE && w->corrupt <= PER_MILLE && w->duplicate <= PER_MILLE &&
                   w->reorder <= PER_MILLE && (w->reorder == 0 || w->reorder_ns != 0);
    bool times = w->reorder_ns <= TIME_MAX_NS && w->delay_ns <= TIME_MAX_NS && w->jitter_ns <= TIME_MAX_NS;
    return chances && times && w->queue_frames <= DM_WIRE_FRAMES;
}

bool dm_wire_change(struct dm_backend *wire, const struct dm_wire_config *config)
{
    struct wire *w = (struct wire *)wire;
    if (!way_possible(&config->from_guest) || !way_possible(&config->to_guest)) {
        errno = EINVAL;
        return false;
    }
    w->from_guest.way = config->from_guest;
    w->to_guest.way = config->to_guest;
    return true;
}

void dm_wire_counts(const struct dm_backend *wire, struct dm_wire_counts *from_guest,
                    struct dm_wire_counts *to_guest)
{
    const struct wire *w = (const struct wire *)wire;
    *from_guest = w->from_guest.counts;
    *to_guest = w->to_guest.counts;
}

struct dm_backend *dm_wire_create(struct dm_backend *inner, const struct dm_wire_config *config)
{
    struct wire *w = calloc(1, sizeof *w);
    if (!w) {
        errno = ENOMEM;
        return NULL;
    }
    int why = 0;
    if (!dm_wire_change(&w->base, config))
        why = EINVAL;
    else if (!direction_open(&w->from_guest, dm_mix(config->seed)) ||
             !direction_open(&w->to_guest, dm_mix(config->seed + 1u)))
        why = ENOMEM;
    if (why) {
        direction_close(&w->from_guest);
        direction_close(&w->to_guest);
        free(w);
        errno = why;
        return NULL;
    }
    w->base.ops = &wire_ops;
    w->inner = inner;
    return &w->base;
}
