/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue's private shadow against a device that writes anything into the used ring: Z1-Z5, I5-I8. */
#include <criterion/criterion.h>
#include <string.h>

#include "provider/virtq.h"

#define SIZE_MAX_HERE 256

struct bench {
    _Alignas(64) uint8_t used[4 + 8 * SIZE_MAX_HERE];
    struct virtq_slot slots[SIZE_MAX_HERE];
    struct virtq q;
    uint16_t index;
};

static void set_up(struct bench *b, uint16_t size)
{
    struct provider_ring ring = {.device_area = b->used, .size = size};

    memset(b, 0, sizeof *b);
    virtq_init(&b->q, &ring, b->slots);
}

static void element(struct bench *b, uint16_t at, uint32_t id, uint32_t length)
{
    memcpy(b->used + 4 + 8 * (at & (b->q.size - 1)), &id, 4);
    memcpy(b->used + 8 + 8 * (at & (b->q.size - 1)), &length, 4);
}

static void used_index(struct bench *b, uint16_t index)
{
    memcpy(b->used + 2, &index, 2);
}

static void use(struct bench *b, uint32_t id, uint32_t length)
{
    element(b, b->index++, id, length);
    used_index(b, b->index);
}

/* Posts a chain of `count` segments, each `writable` bytes; returns the head. */
static uint16_t post(struct bench *b, uint8_t count, uint32_t writable, uint32_t cookie)
{
    struct author_segment chain[DMA_CHAIN_MAX];

    for (int i = 0; i < count; i++)
        chain[i] = (struct author_segment){.length = writable,
                                           .direction = writable ? DMA_FROM_DEVICE : DMA_TO_DEVICE};
    if (writable == 0) {
        for (int i = 0; i < count; i++)
            chain[i].length = 100;
    }
    cr_assert_eq(virtq_prepare(&b->q, chain, count, cookie), PROVIDER_OK);
    for (int i = 0; i < count; i++)
        cr_assert_eq(chain[i].more, i + 1 < count);
    return chain[0].slot;
}

static void broken_by(struct bench *b, enum virtq_fault fault)
{
    struct virtq_done done[4];
    uint16_t seen = b->q.used_seen;

    cr_assert_eq(virtq_reap(&b->q, done, 4, false), 0);
    cr_assert(b->q.broken);
    cr_assert_eq(b->q.first_fault, fault);
    cr_assert_eq(b->q.faults[fault], 1);
    /* Consumed either way: an element that was looked at is never looked at again. */
    cr_assert_eq((uint16_t)(b->q.used_seen - seen), fault == VIRTQ_FAULT_INDEX ? 0 : 1);
    /* Nothing more is believed or taken. */
    cr_assert_eq(virtq_reap(&b->q, done, 4, false), 0);
    cr_assert_eq(b->q.faults[fault], 1);
    struct author_segment s = {.length = 1, .direction = DMA_FROM_DEVICE};
    cr_assert_eq(virtq_prepare(&b->q, &s, 1, 0), PROVIDER_E_STATE);
}

Test(virtq, completions_come_back_with_cookie_and_length)
{
    static struct bench b;
    struct virtq_done done[4];

    set_up(&b, 4);
    uint16_t first = post(&b, 1, 100, 11);
    uint16_t second = post(&b, 2, 50, 22);
    use(&b, second, 100);
    use(&b, first, 0);
    cr_assert_eq(virtq_reap(&b.q, done, 4, false), 2);
    cr_assert_eq(done[0].cookie, 22);
    cr_assert_eq(done[0].written, 100);
    cr_assert_eq(done[1].cookie, 11);
    cr_assert_eq(done[1].written, 0);
    cr_assert_eq(b.q.free_count, 4);
    cr_assert_eq(virtq_outstanding(&b.q), 0);
}

Test(virtq, a_chain_of_two_is_freed_as_two)
{
    static struct bench b;
    struct virtq_done done;

    set_up(&b, 2);
    for (uint32_t i = 0; i < 70000; i++) {
        uint16_t head = post(&b, 2, 8, i);

        cr_assert_eq(b.q.free_count, 0);
        use(&b, head, 16);
        cr_assert_eq(virtq_reap(&b.q, &done, 1, false), 1);
        cr_assert_eq(done.cookie, i);
        cr_assert_eq(b.q.free_count, 2);
    }
}

Test(virtq, the_index_wraps_by_traffic_at_every_size)
{
    for (uint16_t size = 1; size <= SIZE_MAX_HERE; size *= 2) {
        static struct bench b;

        set_up(&b, size);
        for (uint32_t i = 0; i < 140000; i += size) {
            struct virtq_done done[SIZE_MAX_HERE];
            uint16_t heads[SIZE_MAX_HERE];

            for (uint16_t n = 0; n < size; n++)
                heads[n] = post(&b, 1, 64, n);
            struct author_segment s = {.length = 1, .direction = DMA_FROM_DEVICE};
            cr_assert_eq(virtq_prepare(&b.q, &s, 1, 0), PROVIDER_E_FULL);
            for (uint16_t n = size; n > 0; n--)
                use(&b, heads[n - 1], 64);
            cr_assert_eq(virtq_reap(&b.q, done, size, false), size);
            cr_assert_eq(done[0].cookie, (uint32_t)(size - 1));
        }
        cr_assert_not(b.q.broken);
        cr_assert_eq(b.q.used_seen, b.index);
    }
}

Test(virtq, used_index_is_loaded_once_and_not_at_all_while_elements_are_known)
{
    static struct bench b;
    struct virtq_done done[4];

    set_up(&b, 4);
    for (uint16_t i = 0; i < 4; i++)
        use(&b, post(&b, 1, 8, i), 8);
    cr_assert_eq(virtq_ready(&b.q, 4), 4);
    used_index(&b, 0x7777); /* a second look would find this and break the queue */
    cr_assert_eq(virtq_reap(&b.q, done, 4, false), 4);
    cr_assert_not(b.q.broken);
}

Test(virtq, used_id_out_of_range_breaks_the_queue)
{
    static const uint32_t ids[] = {4, 5, 0xffff, 0x10000, 0x80000000u, 0xffffffffu};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        static struct bench b;

        set_up(&b, 4);
        post(&b, 1, 8, 0);
        use(&b, ids[i], 8);
        broken_by(&b, VIRTQ_FAULT_RANGE);
        cr_assert_eq(virtq_outstanding(&b.q), 1);
    }
}

Test(virtq, used_id_not_head_breaks_the_queue)
{
    static struct bench b;

    set_up(&b, 4);
    uint16_t head = post(&b, 2, 8, 0);
    use(&b, b.slots[head].next, 8);
    broken_by(&b, VIRTQ_FAULT_NOT_HEAD);
}

Test(virtq, used_id_never_posted_breaks_the_queue)
{
    static struct bench b;

    set_up(&b, 4);
    uint16_t head = post(&b, 1, 8, 0);
    use(&b, (head + 1u) & 3u, 8);
    broken_by(&b, VIRTQ_FAULT_NOT_POSTED);
}

Test(virtq, used_twice_is_taken_once_and_breaks_the_queue)
{
    static struct bench b;
    struct virtq_done done[4];

    set_up(&b, 4);
    uint16_t head = post(&b, 1, 8, 7);
    post(&b, 1, 8, 8);
    use(&b, head, 8);
    use(&b, head, 8);
    cr_assert_eq(virtq_reap(&b.q, done, 4, false), 1);
    cr_assert_eq(done[0].cookie, 7);
    cr_assert(b.q.broken);
    cr_assert_eq(b.q.first_fault, VIRTQ_FAULT_NOT_POSTED);
    cr_assert_eq(virtq_outstanding(&b.q), 1);
    cr_assert_eq(b.q.free_count, 3);
}

Test(virtq, used_length_beyond_what_was_posted_breaks_the_queue)
{
    static const uint32_t lengths[] = {9, 0xffff, 0x80000000u, 0xffffffffu};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        static struct bench b;

        set_up(&b, 4);
        use(&b, post(&b, 1, 8, 0), lengths[i]);
        broken_by(&b, VIRTQ_FAULT_LENGTH);
        cr_assert_eq(virtq_outstanding(&b.q), 0, "the chain itself was completed");
    }
}

Test(virtq, readable_segments_count_nothing_towards_the_length)
{
    static struct bench b;

    set_up(&b, 4);
    use(&b, post(&b, 1, 0, 0), 1);
    broken_by(&b, VIRTQ_FAULT_LENGTH);
}

Test(virtq, legacy_transmit_lengths_are_ignored)
{
    static struct bench b;
    struct virtq_done done;

    set_up(&b, 4);
    use(&b, post(&b, 1, 0, 3), 0xffffffffu);
    cr_assert_eq(virtq_reap(&b.q, &done, 1, true), 1);
    cr_assert_eq(done.cookie, 3);
    cr_assert_eq(done.written, 0);
}

Test(virtq, index_ahead_of_what_is_outstanding_breaks_the_queue)
{
    for (uint32_t jump = 3; jump < 0x10000; jump = jump * 2 + 1) {
        static struct bench b;

        set_up(&b, 4);
        post(&b, 1, 8, 0);
        post(&b, 1, 8, 1);
        used_index(&b, (uint16_t)jump);
        broken_by(&b, VIRTQ_FAULT_INDEX);
    }
}

Test(virtq, index_going_back_breaks_the_queue)
{
    static struct bench b;
    struct virtq_done done[4];

    set_up(&b, 4);
    for (uint32_t i = 0; i < 3; i++)
        use(&b, post(&b, 1, 8, i), 8);
    cr_assert_eq(virtq_ready(&b.q, 4), 3);
    used_index(&b, 1);
    cr_assert_eq(virtq_reap(&b.q, done, 4, false), 0);
    cr_assert_eq(b.q.first_fault, VIRTQ_FAULT_INDEX);
}

Test(virtq, reap_does_no_more_than_asked)
{
    static struct bench b;
    struct virtq_done done[4];

    set_up(&b, 4);
    for (uint32_t i = 0; i < 4; i++)
        use(&b, post(&b, 1, 8, i), 8);
    cr_assert_eq(virtq_reap(&b.q, done, 0, false), 0);
    cr_assert_eq(virtq_reap(&b.q, done, 1, false), 1);
    cr_assert_eq(virtq_reap(&b.q, done, 2, false), 2);
    cr_assert_eq(virtq_used_unseen(&b.q), 1);
    cr_assert_eq(virtq_reap(&b.q, done, 2, false), 1);
    cr_assert_eq(done[0].cookie, 3);
    cr_assert_eq(virtq_used_unseen(&b.q), 0);
}

Test(virtq, full_leaves_no_trace_and_abandon_restores_the_order)
{
    static struct bench b;
    struct author_segment chain[2] = {{.length = 1, .direction = DMA_FROM_DEVICE}, {.length = 1}};

    set_up(&b, 2);
    struct virtq before = b.q;
    cr_assert_eq(virtq_prepare(&b.q, chain, 2, 5), PROVIDER_OK);
    struct author_segment more = {.length = 1};
    struct virtq full = b.q;
    cr_assert_eq(virtq_prepare(&b.q, &more, 1, 6), PROVIDER_E_FULL);
    cr_assert_eq(memcmp(&full, &b.q, sizeof full), 0);
    virtq_abandon(&b.q, chain);
    cr_assert_eq(memcmp(&before, &b.q, sizeof before), 0);
    cr_assert_eq(b.slots[before.free_head].state, VIRTQ_SLOT_FREE);
}

Test(virtq, leftovers_believe_no_index_beyond_what_is_outstanding)
{
    static struct bench b;

    set_up(&b, 4);
    post(&b, 1, 8, 0);
    used_index(&b, 1);
    cr_assert_eq(virtq_used_unseen(&b.q), 1);
    used_index(&b, 2);
    cr_assert_eq(virtq_used_unseen(&b.q), 0);
    b.q.broken = true;
    used_index(&b, 1);
    cr_assert_eq(virtq_used_unseen(&b.q), 0);
    b.q = (struct virtq){0};
    cr_assert_eq(virtq_used_unseen(&b.q), 0);
}

Test(virtq, every_fault_and_every_error_has_a_name_of_its_own)
{
    for (int i = 0; i < VIRTQ_FAULT_COUNT; i++) {
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(virtq_fault_name(i), virtq_fault_name(k));
    }
    cr_assert_str_eq(virtq_fault_name(VIRTQ_FAULT_COUNT), "unknown");
    for (int i = 0; i < PROVIDER_E_COUNT; i++) {
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(provider_error_name(i), provider_error_name(k));
    }
    cr_assert_str_eq(provider_error_name(PROVIDER_E_COUNT), "unknown");
}

Test(virtq, a_shadow_read_back_from_the_ring_would_show)
{
    /* The device scribbles over all that it can write; the shadow alone decides. */
    static struct bench b;
    struct virtq_done done;

    set_up(&b, 4);
    uint16_t head = post(&b, 2, 16, 9);
    memset(b.used, 0x5a, sizeof b.used);
    element(&b, 0, head, 20);
    used_index(&b, 1);
    cr_assert_eq(virtq_reap(&b.q, &done, 1, false), 1);
    cr_assert_eq(done.cookie, 9);
    cr_assert_eq(done.written, 20);
    cr_assert_eq(b.q.free_count, 4);
}
