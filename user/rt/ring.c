/* SPDX-License-Identifier: BSD-2-Clause */
/* Ring client. Keeps its own two indices; what the kernel writes is read once the entry that wrote it came
 * back. An entry that the kernel refuses is this program's own bug. */
#include "user/rt/ring.h"

#include <stddef.h>

#include "abi/assert.h"

/* The page is shared with a kernel that writes it only while this program is inside an entry: the call is the
 * barrier, and the compiler knows nothing of what a call through a pointer writes. */
static void enter(struct ring_client *r, uint32_t min_complete, uint64_t timeout_ns)
{
    r->page->header.submit_tail = r->submitted;
    r->page->header.complete_head = r->read;
    const uint32_t result = r->cap_enter(min_complete, timeout_ns);
    ASSERT(result == RING_ENTERED);
}

/* Out of the page, so that the kernel has room for others. */
static void keep_all(struct ring_client *r)
{
    while (r->read != r->page->header.complete_tail) {
        ASSERT(r->kept_count < RING_COMPLETIONS);
        r->kept[r->kept_count++] = r->page->completions[r->read % RING_COMPLETIONS];
        r->read++;
    }
    r->page->header.complete_head = r->read;
}

/* Takes the first kept completion that is, or is not, the client's own number `own`. */
static bool take_kept(struct ring_client *r, bool own, uint64_t user, struct ring_completion *out)
{
    for (uint32_t i = 0; i < r->kept_count; i++) {
        const uint64_t found = r->kept[i].user;

        if (own ? found != user : (found & RING_USER_OWN) != 0)
            continue;
        *out = r->kept[i];
        r->kept_count--;
        for (uint32_t k = i; k < r->kept_count; k++)
            r->kept[k] = r->kept[k + 1u];
        r->open--;
        return true;
    }
    return false;
}

void ring_client_init(struct ring_client *r, struct ring_page *page,
                      uint32_t (*cap_enter)(uint32_t min_complete, uint64_t timeout_ns))
{
    r->page = page;
    r->cap_enter = cap_enter;
    r->submitted = page->header.submit_tail;
    r->read = page->header.complete_head;
    r->open = 0;
    r->kept_count = 0;
    r->next_own = RING_USER_OWN;
}

uint64_t ring_now(const struct ring_client *r)
{
    return r->page->header.now_ns;
}

struct ring_submission ring_make_call(cap_id cap, uint16_t method, const uint64_t *args,
                                      const struct ring_extra *extra)
{
    struct ring_submission s = {.opcode = RING_CALL, .method = method, .cap = cap};

    for (uint32_t i = 0; args != NULL && i < 3u; i++)
        s.args[i] = args[i];
    if (extra != NULL) {
        s.flags = extra->flags;
        s.extra = extra->cap;
        s.offset = extra->offset;
        s.length = extra->length;
    }
    return s;
}

struct ring_submission ring_make_recv(cap_id endpoint, uint32_t place)
{
    return (struct ring_submission){.opcode = RING_RECV, .cap = endpoint, .args = {place, 0, 0}};
}

struct ring_submission ring_make_return(uint64_t token, uint16_t result, uint64_t value,
                                        const struct ring_extra *extra)
{
    struct ring_submission s = {.opcode = RING_RETURN, .result = result, .args = {token, value, 0}};

    if (extra != NULL) {
        s.flags = extra->flags;
        s.extra = extra->cap;
    }
    return s;
}

struct ring_submission ring_make_release(cap_id cap)
{
    return (struct ring_submission){.opcode = RING_RELEASE, .cap = cap};
}

static void put(struct ring_client *r, uint64_t user, const struct ring_submission *submission)
{
    /* The kernel takes what has a place for its completion; with all read, everything has one. */
    while (r->submitted - r->page->header.submit_head == RING_SUBMISSIONS) {
        enter(r, 0, 0);
        keep_all(r);
    }
    struct ring_submission *at = &r->page->submissions[r->submitted % RING_SUBMISSIONS];
    *at = *submission;
    at->user = user;
    r->submitted++;
    r->open++;
}

bool ring_submit(struct ring_client *r, uint64_t user, const struct ring_submission *submission)
{
    ASSERT((user & RING_USER_OWN) == 0);
    if (r->open >= RING_OPEN_MAX)
        return false;
    put(r, user, submission);
    return true;
}

void ring_flush(struct ring_client *r)
{
    enter(r, 0, 0);
    keep_all(r);
}

bool ring_wait(struct ring_client *r, uint64_t timeout_ns, struct ring_completion *out)
{
    keep_all(r);
    if (take_kept(r, false, 0, out))
        return true;
    if (r->open == 0)
        return false;
    enter(r, timeout_ns == 0 ? 0 : 1u, timeout_ns);
    keep_all(r);
    return take_kept(r, false, 0, out);
}

void ring_sleep(struct ring_client *r, uint64_t timeout_ns)
{
    keep_all(r);
    enter(r, timeout_ns == 0 ? 0 : 1u, timeout_ns);
    keep_all(r);
}

struct ring_completion ring_do(struct ring_client *r, const struct ring_submission *submission)
{
    const uint64_t user = r->next_own;
    struct ring_completion done;

    r->next_own = (user + 1u) | RING_USER_OWN;
    put(r, user, submission);
    do {
        enter(r, 1u, RING_FOREVER);
        keep_all(r);
    } while (!take_kept(r, true, user, &done));
    return done;
}

struct ring_completion ring_call(struct ring_client *r, cap_id cap, uint16_t method, const uint64_t *args,
                                 const struct ring_extra *extra)
{
    const struct ring_submission s = ring_make_call(cap, method, args, extra);

    return ring_do(r, &s);
}

struct ring_completion ring_release(struct ring_client *r, cap_id cap)
{
    const struct ring_submission s = ring_make_release(cap);

    return ring_do(r, &s);
}

struct ring_completion ring_return(struct ring_client *r, uint64_t token, uint16_t result, uint64_t value,
                                   const struct ring_extra *extra)
{
    const struct ring_submission s = ring_make_return(token, result, value, extra);

    return ring_do(r, &s);
}

bool ring_recv(struct ring_client *r, uint64_t user, cap_id endpoint, uint32_t place)
{
    const struct ring_submission s = ring_make_recv(endpoint, place);

    ASSERT(place < RING_INBOX);
    return ring_submit(r, user, &s);
}

struct ring_received ring_received(const struct ring_client *r, const struct ring_completion *completion)
{
    ASSERT(completion->inbox < RING_INBOX);
    return r->page->inbox[completion->inbox];
}
