/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains that no driver should build, one a life: what becomes of the queue and of the status (2.1.1), and
 * that a reset heals it. Not among them: a transmit chain shorter than the header, of which QEMU 7.2 dies by
 * an assertion (docs/differences.md). */
#include "tests/diff/rings.h"

#define FRAME_BYTES 72u

static void zero_length(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, 0, 0, 0);
    rings_expose(r, RINGS_TX, 0);
}

static void loop_to_itself(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, FRAME_BYTES, DESC_NEXT, 0);
    rings_expose(r, RINGS_TX, 0);
}

static void loop_of_two(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, FRAME_BYTES, DESC_NEXT, 1);
    rings_describe(r, RINGS_TX, 1, 33, FRAME_BYTES, DESC_NEXT, 0);
    rings_expose(r, RINGS_TX, 0);
}

static void next_out_of_range(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, FRAME_BYTES, DESC_NEXT, DIFF_QUEUE_SIZE);
    rings_expose(r, RINGS_TX, 0);
}

static void head_out_of_range(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, FRAME_BYTES, 0, 0);
    rings_expose(r, RINGS_TX, DIFF_QUEUE_SIZE);
}

static void index_jumps(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, FRAME_BYTES, 0, 0);
    rings_jump(r, RINGS_TX, DIFF_QUEUE_SIZE + 1u);
}

static void writable_first(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, FRAME_BYTES, DESC_WRITE | DESC_NEXT, 1);
    rings_describe(r, RINGS_TX, 1, 33, FRAME_BYTES, 0, 0);
    rings_expose(r, RINGS_TX, 0);
}

static void writable_only(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, FRAME_BYTES, DESC_WRITE, 0);
    rings_expose(r, RINGS_TX, 0);
}

static void header_alone(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, r->header, 0, 0);
    rings_expose(r, RINGS_TX, 0);
}

static void indirect_odd_size(struct rings *r)
{
    rings_describe(r, RINGS_TX, 0, 32, 20, DESC_INDIRECT, 0);
    rings_expose(r, RINGS_TX, 0);
}

static void receive_readable(struct rings *r)
{
    rings_describe(r, RINGS_RX, 0, 0, 1600, 0, 0);
    rings_expose(r, RINGS_RX, 0);
    rings_describe(r, RINGS_TX, 0, 32, rings_put_arp(r, 32), 0, 0); /* a frame must come to find it */
    rings_expose(r, RINGS_TX, 0);
}

static void bell_without_work(struct rings *r)
{
    (void)r;
}

static const struct {
    const char *name;
    void (*build)(struct rings *r);
} faults[] = {{"zero_length", zero_length},
              {"loop_to_itself", loop_to_itself},
              {"loop_of_two", loop_of_two},
              {"next_out_of_range", next_out_of_range},
              {"head_out_of_range", head_out_of_range},
              {"index_jumps", index_jumps},
              {"writable_first", writable_first},
              {"writable_only", writable_only},
              {"header_alone", header_alone},
              {"indirect_odd_size", indirect_odd_size},
              {"receive_readable", receive_readable},
              {"bell_without_work", bell_without_work}};

void diff_script_faults(struct diff *d)
{
    struct rings r;
    rings_open(&r, d);
    diff_section(d, d->legacy ? "legacy-fault" : "modern-fault");
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const char *name = faults[i].name;
        diff_say(d, rings_begin(&r, F_VERSION_1 | F_MAC | F_ANY_LAYOUT), "%s.begun", name);
        rings_ready(&r);
        faults[i].build(&r);
        diff_kick(d, RINGS_RX);
        diff_kick(d, RINGS_TX);
        diff_settle(d);
        diff_say(d, diff_status(d), "%s.status", name);
        diff_say(d, diff_isr(d), "%s.isr", name);
        diff_say(d, rings_used_idx(&r, RINGS_TX), "%s.tx_used_idx", name);
        diff_say(d, diff_reset(d), "%s.reset", name);
    }
    rings_close(&r);
}
