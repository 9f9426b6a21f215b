/* SPDX-License-Identifier: BSD-2-Clause */
/* The wire that damages and the hub: each kind of damage alone, exactly; order; bounds; equal seeds. */
#include "frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES 10000u
/* What splitmix64 gives for this seed; each is within one in ten of its chance times FRAMES. */
#define EXACT_LOSS      2035u
#define EXACT_CORRUPT   531u
#define EXACT_COPIES    1015u
#define EXACT_REORDERED 960u

struct got {
    uint32_t count, in_order, equal_bytes, one_bit;
    uint32_t last;
    uint64_t hash;
    bool refuse;
};

static uint8_t pattern_byte(uint32_t number, size_t at)
{
    return (uint8_t)(number * 31u + at * 7u + 5u);
}

static size_t make(uint32_t number, uint8_t *frame)
{
    size_t bytes = 60 + number % 700u;
    for (size_t i = 4; i < bytes; i++)
        frame[i] = pattern_byte(number, i);
    frame_put32(frame, number);
    return bytes;
}

static bool judge(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct got *g = ctx;
    uint8_t expected[800];
    if (g->refuse)
        return false;
    uint32_t number = frame_be32(frame);
    bool known = number < FRAMES && make(number, expected) == bytes;
    uint32_t wrong = known ? 0 : 1000;
    if (known)
        for (size_t i = 0; i < bytes; i++)
            wrong += (uint32_t)__builtin_popcount((unsigned)(frame[i] ^ expected[i]));
    g->equal_bytes += wrong == 0;
    g->one_bit += wrong == 1;
    g->in_order += g->count == 0 || number >= g->last;
    g->last = number;
    g->count++;
    for (size_t i = 0; i < bytes; i++)
        g->hash = (g->hash ^ frame[i]) * 1099511628211u;
    return true;
}

/* FRAMES frames through a wire over a loop, one each microsecond; then time passes. */
static struct got run(const struct dm_wire_config *c, struct dm_wire_counts *out, struct dm_wire_counts *in)
{
    static uint8_t frame[800];
    struct dm_backend *b = dm_wire_create(dm_loop_create(), c);
    struct got g = {0};
    cr_assert(b != NULL);
    for (uint32_t i = 0; i < FRAMES; i++) {
        b->ops->send(b, frame, make(i, frame));
        b->ops->poll(b, 1000u * (i + 1u), 100, judge, &g);
    }
    while (dm_backend_next_due(b) != DM_NEVER)
        b->ops->poll(b, dm_backend_next_due(b), 100, judge, &g);
    dm_wire_counts(b, out, in);
    cr_assert(eq(u64, in->frames + in->duplicated, in->lost + in->overflowed + in->delivered),
              "none is held");
    dm_backend_destroy(b);
    return g;
}

Test(wire, without_damage_everything_passes_as_it_came)
{
    struct dm_wire_counts out, in;
    struct got g = run(&(struct dm_wire_config){.seed = 1}, &out, &in);
    cr_assert(eq(u32, g.count, FRAMES));
    cr_assert(eq(u32, g.equal_bytes, FRAMES));
    cr_assert(eq(u32, g.in_order, FRAMES));
    cr_assert(eq(u64, out.frames, FRAMES));
    cr_assert(eq(u64, out.delivered, FRAMES));
    cr_assert(eq(u64, out.lost + out.corrupted + out.duplicated + out.reordered + out.overflowed, 0));
}

Test(wire, loss_is_exact_for_a_seed)
{
    struct dm_wire_counts out, in;
    struct got g = run(&(struct dm_wire_config){.seed = 7, .from_guest = {.loss = 200}}, &out, &in);
    cr_assert(eq(u64, out.lost, EXACT_LOSS));
    cr_assert(eq(u32, g.count, FRAMES - EXACT_LOSS));
    cr_assert(eq(u32, g.equal_bytes, g.count));
    cr_assert(eq(u64, in.lost, 0), "the other direction loses nothing");
    g = run(&(struct dm_wire_config){.seed = 7, .to_guest = {.loss = 1000}}, &out, &in);
    cr_assert(eq(u32, g.count, 0));
    cr_assert(eq(u64, in.lost, FRAMES));
}

Test(wire, corruption_flips_one_bit)
{
    struct dm_wire_counts out, in;
    struct got g = run(&(struct dm_wire_config){.seed = 7, .to_guest = {.corrupt = 50}}, &out, &in);
    cr_assert(eq(u32, g.count, FRAMES));
    cr_assert(eq(u64, in.corrupted, EXACT_CORRUPT));
    cr_assert(eq(u32, g.equal_bytes, FRAMES - EXACT_CORRUPT));
    /* A bit in the number makes it another frame of this test, or none: those show as many wrong bits. */
    cr_assert(g.one_bit <= EXACT_CORRUPT && g.one_bit > EXACT_CORRUPT / 2, "%u", g.one_bit);
    g = run(&(struct dm_wire_config){.seed = 7, .to_guest = {.corrupt = 1000}}, &out, &in);
    cr_assert(eq(u32, g.equal_bytes, 0), "each of them");
}

Test(wire, copies_are_counted_and_equal)
{
    struct dm_wire_counts out, in;
    struct got g = run(&(struct dm_wire_config){.seed = 7, .to_guest = {.duplicate = 100}}, &out, &in);
    cr_assert(eq(u64, in.duplicated, EXACT_COPIES));
    cr_assert(eq(u32, g.count, FRAMES + EXACT_COPIES));
    cr_assert(eq(u32, g.equal_bytes, g.count));
    cr_assert(eq(u32, g.in_order, g.count));
}

Test(wire, only_reordering_changes_the_order)
{
    struct dm_wire_counts out, in;
    const struct dm_wire_way still = {.delay_ns = 50000, .jitter_ns = 40000};
    struct got g =
        run(&(struct dm_wire_config){.seed = 7, .from_guest = still, .to_guest = still}, &out, &in);
    cr_assert(eq(u32, g.in_order, FRAMES), "jitter keeps it");
    const struct dm_wire_way mixed = {.reorder = 100, .reorder_ns = 5500};
    g = run(&(struct dm_wire_config){.seed = 7, .to_guest = mixed}, &out, &in);
    cr_assert(eq(u64, in.reordered, EXACT_REORDERED));
    cr_assert(eq(u32, g.equal_bytes, FRAMES));
    cr_assert(lt(u32, g.in_order, FRAMES));
    cr_assert(gt(u32, g.in_order, FRAMES - 2u * EXACT_REORDERED));
}

Test(wire, one_more_kind_of_damage_leaves_the_others_as_they_were)
{
    struct dm_wire_counts out, in;
    struct dm_wire_config c = {.seed = 7, .from_guest = {.loss = 200}};
    run(&c, &out, &in);
    uint64_t lost = out.lost;
    c.from_guest.corrupt = 100;
    c.from_guest.jitter_ns = 1000;
    c.to_guest.loss = 500;
    run(&c, &out, &in);
    cr_assert(eq(u64, out.lost, lost));
}

Test(wire, equal_seeds_give_equal_output)
{
    struct dm_wire_counts out, in;
    const struct dm_wire_way all = {.loss = 50,
                                    .corrupt = 50,
                                    .duplicate = 50,
                                    .reorder = 50,
                                    .reorder_ns = 3000,
                                    .delay_ns = 10000,
                                    .jitter_ns = 9000};
    struct dm_wire_config c = {.seed = 99, .from_guest = all, .to_guest = all};
    uint64_t first = run(&c, &out, &in).hash;
    cr_assert(eq(u64, run(&c, &out, &in).hash, first));
    c.seed = 100;
    cr_assert(ne(u64, run(&c, &out, &in).hash, first));
}

Test(wire, delay_holds_a_frame_until_it_is_due)
{
    uint8_t frame[800];
    struct got g = {0};
    struct dm_backend *b =
        dm_wire_create(dm_loop_create(), &(struct dm_wire_config){.from_guest = {.delay_ns = 300},
                                                                  .to_guest = {.delay_ns = 500}});
    b->ops->poll(b, 1000, 9, judge, &g);
    cr_assert(eq(u64, dm_backend_next_due(b), DM_NEVER));
    b->ops->send(b, frame, make(3, frame));
    cr_assert(eq(u64, dm_backend_next_due(b), 1300));
    b->ops->poll(b, 1299, 9, judge, &g);
    cr_assert(eq(u64, dm_backend_counts(b).from_guest, 0), "still on the way out");
    b->ops->poll(b, 1300, 9, judge, &g);
    cr_assert(eq(u64, dm_backend_counts(b).from_guest, 1));
    cr_assert(eq(u64, dm_backend_next_due(b), 1800));
    cr_assert(eq(u32, b->ops->poll(b, 1799, 9, judge, &g), 0));
    cr_assert(eq(u32, b->ops->poll(b, 1800, 0, judge, &g), 0), "no budget");
    g.refuse = true;
    cr_assert(eq(u32, b->ops->poll(b, 1800, 9, judge, &g), 0), "refused: it stays");
    g.refuse = false;
    cr_assert(eq(u32, b->ops->poll(b, 1800, 9, judge, &g), 1));
    cr_assert(eq(u32, g.equal_bytes, 1));
    dm_backend_destroy(b);
}

Test(wire, a_rate_spaces_frames_and_the_queue_is_bounded)
{
    uint8_t frame[1000] = {0};
    struct kept_frames *kept = calloc(1, sizeof *kept);
    struct dm_wire_counts out, in;
    struct dm_backend *b =
        dm_wire_create(dm_loop_create(),
                       &(struct dm_wire_config){.to_guest = {.bits_per_second = 8000000, .queue_frames = 5}});
    for (unsigned i = 0; i < 8; i++)
        b->ops->send(b, frame, sizeof frame); /* a millisecond each */
    for (uint64_t us = 0; us <= 6000; us++) {
        uint32_t got = b->ops->poll(b, us * 1000u, 9, keep_frame, kept);
        cr_assert(eq(u32, got, us % 1000u == 0 && us >= 1000 && us <= 5000), "at %lu us", (unsigned long)us);
    }
    dm_wire_counts(b, &out, &in);
    cr_assert(eq(u64, in.overflowed, 3));
    cr_assert(eq(u64, in.delivered, 5));
    for (unsigned i = 0; i < 2000; i++)
        b->ops->send(b, frame, sizeof frame);
    dm_wire_counts(b, &out, &in);
    cr_assert(eq(u64, out.overflowed, 2000 - DM_WIRE_FRAMES), "the other queue");
    b->ops->send(b, frame, 0);
    uint8_t *long_frame = calloc(1, DM_FRAME_BYTES_MAX + 1);
    b->ops->send(b, long_frame, DM_FRAME_BYTES_MAX + 1);
    dm_wire_counts(b, &out, &in);
    cr_assert(eq(u64, out.overflowed, 2002 - DM_WIRE_FRAMES));
    free(long_frame);
    free(kept);
    dm_backend_destroy(b);
}

Test(wire, what_cannot_be_is_refused)
{
    struct dm_backend *inner = dm_loop_create();
    const struct dm_wire_way wrong[] = {{.loss = 1001},
                                        {.corrupt = 1001},
                                        {.duplicate = 1001},
                                        {.reorder = 1},
                                        {.reorder = 1001, .reorder_ns = 1},
                                        {.queue_frames = DM_WIRE_FRAMES + 1},
                                        {.delay_ns = UINT64_MAX},
                                        {.jitter_ns = UINT64_MAX}};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        errno = 0;
        cr_assert(dm_wire_create(inner, &(struct dm_wire_config){.from_guest = wrong[i]}) == NULL, "%u", i);
        cr_assert(dm_wire_create(inner, &(struct dm_wire_config){.to_guest = wrong[i]}) == NULL, "%u", i);
        cr_assert(eq(int, errno, EINVAL));
    }
    struct dm_backend *b = dm_wire_create(inner, &(struct dm_wire_config){0});
    struct dm_wire_counts out, in;
    uint8_t frame[60] = {0};
    cr_assert(dm_wire_change(b, &(struct dm_wire_config){.to_guest = wrong[0]}) == false);
    cr_assert(dm_wire_change(b, &(struct dm_wire_config){.from_guest = {.loss = 1000}}));
    b->ops->send(b, frame, sizeof frame);
    dm_wire_counts(b, &out, &in);
    cr_assert(eq(u64, out.lost, 1));
    dm_backend_destroy(b);
}

Test(hub, each_hears_the_guest_and_has_its_turn)
{
    struct kept_frames *kept = calloc(1, sizeof *kept);
    struct dm_backend *ports[3] = {dm_loop_create(), dm_loop_create(), dm_loop_create()};
    uint8_t frame[64];
    cr_assert(dm_hub_create(ports, 0) == NULL);
    cr_assert(dm_hub_create(ports, DM_HUB_PORTS + 1) == NULL);
    struct dm_backend *b = dm_hub_create(ports, 3);
    for (uint32_t i = 0; i < 10; i++)
        ports[0]->ops->send(ports[0], frame, make(0, frame)); /* a flood on one of them */
    b->ops->send(b, frame, make(1, frame));
    cr_assert(eq(u64, dm_backend_next_due(b), 0));
    cr_assert(eq(u32, b->ops->poll(b, 1, 3, keep_frame, kept), 3));
    cr_assert(eq(u32, frame_be32(kept->frames[0].data), 0));
    cr_assert(eq(u32, frame_be32(kept->frames[1].data), 1), "the others come before the flood is over");
    cr_assert(eq(u32, frame_be32(kept->frames[2].data), 1));
    cr_assert(eq(u32, b->ops->poll(b, 1, 100, keep_frame, kept), 10));
    cr_assert(eq(u64, dm_backend_next_due(b), DM_NEVER));
    struct dm_backend_counts c = dm_backend_counts(b);
    cr_assert(eq(u64, c.from_guest, 1));
    cr_assert(eq(u64, c.to_guest, 13));
    free(kept);
    dm_backend_destroy(b);
}
