/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring client against a kernel that keeps the rules of abi/ring.h, completes in any order and as late as
 * it may, and asserts that the client keeps them too. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "user/rt/ring.h"

#define USERS 4096u

/* What the client sees is `page`; the rest is the kernel's own. */
static struct {
    struct ring_page page;
    uint32_t head, complete_head, tail;
    struct ring_submission under_way[RING_COMPLETIONS];
    uint32_t under_way_count;
    uint32_t entries;
    uint32_t last_min;
    uint64_t last_timeout;
    uint32_t lazy; /* completes this many fewer than it could, where it may */
    unsigned seed;
} kernel;

static uint32_t draw(uint32_t n)
{
    kernel.seed = kernel.seed * 1103515245u + 12345u;
    return (kernel.seed >> 16) % n;
}

static void complete_one(void)
{
    const uint32_t which = draw(kernel.under_way_count);
    const struct ring_submission s = kernel.under_way[which];

    kernel.under_way[which] = kernel.under_way[--kernel.under_way_count];
    kernel.page.completions[kernel.tail++ % RING_COMPLETIONS] =
        (struct ring_completion){.user = s.user, .value = s.args[0] + s.method, .inbox = (uint32_t)s.args[0]};
    kernel.page.header.complete_tail = kernel.tail;
}

static uint32_t enter(uint32_t min_complete, uint64_t timeout_ns)
{
    const struct ring_header *h = &kernel.page.header;

    kernel.entries++;
    kernel.last_min = min_complete;
    kernel.last_timeout = timeout_ns;
    cr_assert_leq(h->submit_tail - kernel.head, RING_SUBMISSIONS);
    cr_assert_leq(kernel.tail - h->complete_head, kernel.tail - kernel.complete_head,
                  "completions unread again");
    kernel.complete_head = h->complete_head;
    while (kernel.head != h->submit_tail &&
           kernel.under_way_count + (kernel.tail - kernel.complete_head) < RING_COMPLETIONS) {
        kernel.under_way[kernel.under_way_count++] = kernel.page.submissions[kernel.head % RING_SUBMISSIONS];
        memset(&kernel.page.submissions[kernel.head++ % RING_SUBMISSIONS], 0xee,
               sizeof(struct ring_submission));
    }
    kernel.page.header.submit_head = kernel.head;
    kernel.page.header.now_ns += 1000;
    while (kernel.under_way_count > kernel.lazy ||
           (kernel.under_way_count > 0 && timeout_ns == RING_FOREVER &&
            kernel.tail - kernel.complete_head < min_complete))
        complete_one();
    return RING_ENTERED;
}

static void kernel_open(struct ring_client *client, uint32_t start)
{
    memset(&kernel, 0, sizeof kernel);
    kernel.head = kernel.complete_head = kernel.tail = start;
    kernel.page.header = (struct ring_header){
        .submit_head = start, .submit_tail = start, .complete_head = start, .complete_tail = start};
    kernel.seed = start + 1u;
    ring_client_init(client, &kernel.page, enter);
}

static bool submit(struct ring_client *client, uint64_t user)
{
    const struct ring_submission s = ring_make_call((cap_id){1, 1}, 3, RING_ARGS(user), NULL);

    return ring_submit(client, user, &s);
}

Test(rt_ring, a_call_is_one_entry_and_brings_its_own_answer)
{
    struct ring_client client;

    kernel_open(&client, 0);
    const struct ring_completion c = ring_call(&client, (cap_id){4, 2}, 7, RING_ARGS(35), NULL);
    cr_assert(ring_completed(&c));
    cr_assert_eq(c.value, 42);
    cr_assert_eq(kernel.entries, 1);
    cr_assert_eq(kernel.last_min, 1);
    cr_assert_eq(kernel.last_timeout, RING_FOREVER);
    cr_assert_eq(ring_now(&client), 1000);
}

Test(rt_ring, a_batch_enters_once)
{
    struct ring_client client;
    struct ring_completion c;
    uint64_t seen = 0;

    kernel_open(&client, 0);
    for (uint64_t user = 0; user < RING_SUBMISSIONS; user++)
        cr_assert(submit(&client, user));
    cr_assert_eq(kernel.entries, 0);
    for (uint64_t n = 0; n < RING_SUBMISSIONS; n++) {
        cr_assert(ring_wait(&client, RING_FOREVER, &c));
        seen |= 1ull << c.user;
    }
    cr_assert_eq(seen, (1ull << RING_SUBMISSIONS) - 1u);
    cr_assert_eq(kernel.entries, 1);
    cr_assert_not(ring_wait(&client, RING_FOREVER, &c), "nothing is open");
    cr_assert_eq(kernel.entries, 1);
}

Test(rt_ring, what_others_wait_for_is_kept_during_a_call)
{
    struct ring_client client;
    struct ring_completion c;

    kernel_open(&client, 0);
    for (uint64_t user = 0; user < 10; user++)
        cr_assert(submit(&client, user));
    c = ring_call(&client, (cap_id){1, 1}, 1, RING_ARGS(100), NULL);
    cr_assert_eq(c.value, 101);
    const uint32_t entries = kernel.entries;
    for (unsigned n = 0; n < 10; n++)
        cr_assert(ring_wait(&client, 0, &c));
    cr_assert_eq(kernel.entries, entries);
}

Test(rt_ring, more_than_the_kernel_can_hold_is_refused_and_a_call_still_goes)
{
    struct ring_client client;
    struct ring_completion c;
    uint64_t user = 0;

    kernel_open(&client, 0);
    kernel.lazy = RING_COMPLETIONS;
    while (submit(&client, user))
        user++;
    cr_assert_eq(user, RING_OPEN_MAX);
    cr_assert_not(ring_wait(&client, 0, &c));
    cr_assert_eq(kernel.last_min, 0);
    cr_assert_not(ring_wait(&client, 5, &c), "time went by");
    cr_assert_eq(kernel.last_min, 1);
    cr_assert_eq(kernel.last_timeout, 5);
    c = ring_call(&client, (cap_id){1, 1}, 1, NULL, NULL);
    cr_assert_eq(c.value, 1);
}

/* Submissions, calls and waits in any order, over the wrap of both indices: each number comes back once. */
Test(rt_ring, each_submission_completes_exactly_once)
{
    static const uint32_t starts[] = {0, UINT32_MAX - 200u, UINT32_MAX - 7u};
    struct ring_client client;

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        static uint8_t state[USERS]; /* 1: open, 2: done */
        struct ring_completion c;
        uint64_t user = 0;

        kernel_open(&client, starts[i]);
        memset(state, 0, sizeof state);
        for (uint32_t step = 0; step < 5000 && user < USERS; step++) {
            kernel.lazy = draw(RING_COMPLETIONS);
            switch (draw(4)) {
            case 0:
            case 1:
                if (submit(&client, user))
                    state[user++] = 1;
                break;
            case 2:
                if (ring_wait(&client, draw(2) ? RING_FOREVER : draw(2), &c)) {
                    cr_assert_eq(state[c.user], 1);
                    cr_assert_eq(c.value, c.user + 3u);
                    state[c.user] = 2;
                }
                break;
            default:
                c = ring_call(&client, (cap_id){1, 1}, 9, RING_ARGS(step), NULL);
                cr_assert_eq(c.value, step + 9u);
            }
        }
        cr_assert_gt(user, 500);
        while (ring_wait(&client, RING_FOREVER, &c))
            state[c.user]++;
        for (uint64_t u = 0; u < user; u++)
            cr_assert_eq(state[u], 2);
    }
}

Test(rt_ring, records_are_what_the_kernel_takes)
{
    const struct ring_extra range = ring_range((cap_id){5, 6}, 16, 32);
    const struct ring_extra moved = ring_move((cap_id){7, 8});
    struct ring_submission s = ring_make_call((cap_id){1, 2}, 3, RING_ARGS(10, 11, 12), &range);

    cr_assert_eq(s.opcode, RING_CALL);
    cr_assert_eq(s.flags, RING_EXTRA_RANGE);
    cr_assert(cap_same(s.cap, (cap_id){1, 2}) && cap_same(s.extra, (cap_id){5, 6}));
    cr_assert(s.method == 3 && s.args[0] == 10 && s.args[1] == 11 && s.args[2] == 12);
    cr_assert(s.offset == 16 && s.length == 32 && s.reserved == 0 && s.result == 0);
    s = ring_make_return(77, 5, 99, &moved);
    cr_assert(s.opcode == RING_RETURN && s.flags == RING_EXTRA_MOVE && cap_same(s.extra, (cap_id){7, 8}));
    cr_assert(s.result == 5 && s.args[0] == 77 && s.args[1] == 99 && s.args[2] == 0);
    cr_assert(cap_is_none(s.cap));
    s = ring_make_recv((cap_id){1, 2}, 9);
    cr_assert(s.opcode == RING_RECV && cap_same(s.cap, (cap_id){1, 2}) && s.args[0] == 9);
    s = ring_make_release((cap_id){3, 4});
    cr_assert(s.opcode == RING_RELEASE && cap_same(s.cap, (cap_id){3, 4}));
    cr_assert(ring_copy((cap_id){1, 1}).flags == RING_EXTRA_COPY);
}

Test(rt_ring, a_received_call_is_found_in_its_place)
{
    struct ring_client client;
    struct ring_completion c;

    kernel_open(&client, 0);
    kernel.page.inbox[11] = (struct ring_received){.token = 5, .badge = 6, .method = 7};
    cr_assert(ring_recv(&client, 33, (cap_id){1, 1}, 11));
    cr_assert(ring_wait(&client, RING_FOREVER, &c));
    cr_assert_eq(c.user, 33);
    const struct ring_received r = ring_received(&client, &c);
    cr_assert(r.token == 5 && r.badge == 6 && r.method == 7);
    c = ring_return(&client, r.token, 0, 1, NULL);
    cr_assert(ring_completed(&c));
    c = ring_release(&client, (cap_id){1, 1});
    cr_assert(ring_completed(&c));
    ring_flush(&client);
    cr_assert_eq(kernel.last_min, 0);
}
