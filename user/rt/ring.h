/* SPDX-License-Identifier: BSD-2-Clause */
/* The program's side of the capability ring. Submissions gather in the page until an entry; what is written
 * together enters together. Completions come in any order: one that nobody asked for yet is kept. */
#ifndef CAPOS_USER_RT_RING_H
#define CAPOS_USER_RT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/ring.h"

/* Numbers of this kind are the client's own: `user` of a submission is below it. */
#define RING_USER_OWN (1ull << 63)
/* Submissions whose completion was not handed out; one place is kept for ring_call. */
#define RING_OPEN_MAX (RING_COMPLETIONS - 1u)

struct ring_client {
    struct ring_page *page;
    uint32_t (*cap_enter)(uint32_t min_complete, uint64_t timeout_ns);
    uint32_t submitted; /* own record of submit_tail */
    uint32_t read; /* own record of complete_head */
    uint32_t open; /* submitted, not handed out */
    uint32_t kept_count;
    uint64_t next_own;
    struct ring_completion kept[RING_COMPLETIONS];
};

/* What a call or an answer carries beside its arguments. NULL: nothing. */
struct ring_extra {
    uint8_t flags; /* enum ring_flags, one of them */
    cap_id cap;
    uint32_t offset, length; /* RING_EXTRA_RANGE: bytes */
};

static inline struct ring_extra ring_range(cap_id memory, uint32_t offset, uint32_t length)
{
    return (struct ring_extra){RING_EXTRA_RANGE, memory, offset, length};
}

static inline struct ring_extra ring_copy(cap_id cap)
{
    return (struct ring_extra){RING_EXTRA_COPY, cap, 0, 0};
}

static inline struct ring_extra ring_move(cap_id cap)
{
    return (struct ring_extra){RING_EXTRA_MOVE, cap, 0, 0};
}

/* Three arguments of a call, on the spot; those left out are 0. */
#define RING_ARGS(...) ((const uint64_t[3]){__VA_ARGS__})

static inline bool ring_completed(const struct ring_completion *c)
{
    return c->status == RING_OK && c->exception == CAP_EX_NONE && c->result == 0;
}

void ring_client_init(struct ring_client *r, struct ring_page *page,
                      uint32_t (*cap_enter)(uint32_t min_complete, uint64_t timeout_ns));
/* Time of the last return from the kernel, in ns. Costs no call. */
uint64_t ring_now(const struct ring_client *r);

/* Submissions as the kernel takes them; `user` is filled in by the caller. `args` NULL: zeroes. */
struct ring_submission ring_make_call(cap_id cap, uint16_t method, const uint64_t *args,
                                      const struct ring_extra *extra);
struct ring_submission ring_make_recv(cap_id endpoint, uint32_t place);
struct ring_submission ring_make_return(uint64_t token, uint16_t result, uint64_t value,
                                        const struct ring_extra *extra);
struct ring_submission ring_make_release(cap_id cap);

/* Writes one submission; enters only when the page is full. False: RING_OPEN_MAX are open, nothing is
 * written. */
bool ring_submit(struct ring_client *r, uint64_t user, const struct ring_submission *submission);
/* The next completion of a submission, kept ones first. False: none within `timeout_ns` (0: does not wait,
 * but lets the kernel take what was submitted), or nothing is open. */
bool ring_wait(struct ring_client *r, uint64_t timeout_ns, struct ring_completion *out);
/* A round for everybody else: comes back when `timeout_ns` went by (0: in the next round) or a completion is
 * there; RING_FOREVER: also when nothing is open. What was submitted enters. */
void ring_sleep(struct ring_client *r, uint64_t timeout_ns);
/* What was submitted enters; waits for nothing. */
void ring_flush(struct ring_client *r);

/* One submission and its completion; what was submitted before enters with it. `user` of the completion is of
 * no meaning. */
struct ring_completion ring_do(struct ring_client *r, const struct ring_submission *submission);
struct ring_completion ring_call(struct ring_client *r, cap_id cap, uint16_t method, const uint64_t *args,
                                 const struct ring_extra *extra);
struct ring_completion ring_release(struct ring_client *r, cap_id cap);
struct ring_completion ring_return(struct ring_client *r, uint64_t token, uint16_t result, uint64_t value,
                                   const struct ring_extra *extra);
/* Receives into inbox place `place`: RECV is submitted, its completion comes by ring_wait with `user`. */
bool ring_recv(struct ring_client *r, uint64_t user, cap_id endpoint, uint32_t place);
/* The call that a completed RECV brought, copied; `completion` names the place. */
struct ring_received ring_received(const struct ring_client *r, const struct ring_completion *completion);

#endif
