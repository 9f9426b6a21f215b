/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring page: indices, records in, completions out. Owns the indices of its side; reads each field of the
 * page once, into a copy, and trusts the copy only after it was checked. memcpy is a call in freestanding
 * code: the compiler cannot read a field of the page a second time. */
#include "kernel/core/parts.h"

static uint32_t read_index(const uint32_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static void write_index(uint32_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

void ring_reset(struct process *p)
{
    struct ring_header header;

    memset(&header, 0, sizeof header);
    header.version = RING_VERSION;
    header.submissions = RING_SUBMISSIONS;
    header.completions = RING_COMPLETIONS;
    header.inbox = RING_INBOX;
    memset(p->ring, 0, sizeof *p->ring);
    memcpy(&p->ring->header, &header, sizeof header);
    p->submit_head = 0;
    p->complete_head = 0;
    p->complete_tail = 0;
    p->under_way = 0;
}

static uint32_t unread(const struct process *p)
{
    const uint32_t count = p->complete_tail - p->complete_head;

    ASSERT(count <= RING_COMPLETIONS);
    return count;
}

bool ring_satisfied(const struct process *p)
{
    return unread(p) >= p->min_complete || (p->under_way == 0 && p->timeout_ns == RING_FOREVER);
}

/* The place is there: it was kept when the submission was accepted. */
static void post(struct process *p, const struct ring_completion *completion)
{
    ASSERT(p->state != PROCESS_FREE && p->state != PROCESS_ENDING);
    ASSERT(p->under_way > 0);
    p->under_way--;
    memcpy(&p->ring->completions[p->complete_tail % RING_COMPLETIONS], completion, sizeof *completion);
    p->complete_tail++;
    ASSERT(unread(p) + p->under_way <= RING_COMPLETIONS);
    write_index(&p->ring->header.complete_tail, p->complete_tail);
}

/* Said of the record or of what it names; the others are bounds, and ends of others. */
static bool malformed(enum ring_status status)
{
    return status >= RING_E_OPCODE && status <= RING_E_RANGE;
}
_Static_assert(RING_E_OPCODE == 1 && RING_E_RANGE == 7 && RING_E_LIMIT == 8, "they lie together");

void ring_answer(struct process *p, uint64_t user, const struct object_reply *reply)
{
    const bool reached = reply->status == RING_OK;
    const bool done = reached && reply->exception == CAP_EX_NONE;
    const struct ring_completion completion = {
        .user = user,
        .status = reply->status,
        .exception = reached ? reply->exception : (uint8_t)CAP_EX_NONE,
        .result = done ? reply->result : (uint16_t)0,
        .value = done ? reply->value : 0,
        .cap = done ? reply->cap : CAP_NONE,
    };

    ASSERT(!reply->waits);
    ASSERT(reply->status < RING_STATUS_COUNT);
    ASSERT(reply->exception < CAP_EX_COUNT);
    p->denials += completion.exception != CAP_EX_NONE ||
                  (reply->denied && (completion.result != 0 || !reached)) ||
                  malformed((enum ring_status)reply->status);
    post(p, &completion);
}

void ring_answer_received(struct process *p, uint64_t user, uint32_t inbox,
                          const struct ring_received *received)
{
    const struct ring_completion completion = {.user = user, .inbox = inbox};

    ASSERT(inbox < RING_INBOX);
    memcpy(&p->ring->inbox[inbox], received, sizeof *received);
    post(p, &completion);
}

struct cap_lookup ring_lookup(const struct system *s, const struct process *p, cap_id cap)
{
    return captable_lookup_any(&p->owner->caps, &s->core->objects, cap);
}

bool ring_still(const struct system *s, const struct process *p, cap_id cap, struct object_ref object)
{
    const struct cap_lookup found = ring_lookup(s, p, cap);

    return found.exception == CAP_EX_NONE && same_object(found.object, object);
}

struct object_reply ring_deny(struct system *s, const struct process *p, cap_id cap,
                              enum cap_exception exception)
{
    const struct audit_event event = {
        .handle = cap,
        .owner = p->index,
        .bdf = AUDIT_BDF_NONE,
        .kind = AUDIT_DENIAL,
        .object_kind = CAP_IF_NONE,
        .result = (uint8_t)exception,
    };

    ASSERT(exception != CAP_EX_NONE);
    audit_denial(&s->core->audit, &event);
    return (struct object_reply){.exception = (uint8_t)exception};
}

struct object_reply ring_limit(struct system *s, const struct process *p, cap_id cap,
                               enum cap_exception exception)
{
    (void)ring_deny(s, p, cap, exception);
    return (struct object_reply){.status = (uint8_t)RING_E_LIMIT, .denied = true};
}

/* What can be said of a record without looking anything up. */
static enum ring_status check(const struct ring_submission *r)
{
    static const uint8_t transfer[3] = {0, RING_EXTRA_COPY, RING_EXTRA_MOVE};
    const bool call = r->opcode == RING_CALL, back = r->opcode == RING_RETURN;
    bool allowed = call && r->flags == RING_EXTRA_RANGE;

    if (r->opcode < RING_NOP || r->opcode > RING_RELEASE)
        return RING_E_OPCODE;
    for (uint32_t i = 0; i < 3u; i++)
        allowed = allowed || (r->flags == transfer[i] && (i == 0 || call || back));
    if (!allowed)
        return RING_E_FLAGS;
    if (r->reserved != 0 || (!call && r->method != 0) || (!back && r->result != 0))
        return RING_E_RESERVED;
    if (r->flags == 0 && (r->extra.index != 0 || r->extra.generation != 0))
        return RING_E_RESERVED;
    if (r->flags != RING_EXTRA_RANGE && (r->offset != 0 || r->length != 0))
        return RING_E_RESERVED;
    if ((r->opcode == RING_NOP || back) && (r->cap.index != 0 || r->cap.generation != 0))
        return RING_E_RESERVED;
    return RING_OK;
}

static struct object_reply submit(struct system *s, struct process *p, const struct ring_submission *r)
{
    const enum ring_status status = check(r);
    struct cap_lookup found;

    if (status != RING_OK)
        return reply_status(status);
    switch ((enum ring_opcode)r->opcode) {
    case RING_CALL:
        p->calls++;
        found = ring_lookup(s, p, r->cap);
        if (found.exception != CAP_EX_NONE)
            return ring_deny(s, p, r->cap, found.exception);
        if (interface_served(object_at(&s->core->objects, found.object)->interface))
            return call_submit(s, p, r, found.object);
        return serve_call(s, p, r, found.object);
    case RING_RECV:
        return call_receive(s, p, r);
    case RING_RETURN:
        return call_return(s, p, r);
    case RING_RELEASE:
        return object_release(s, p, r->cap);
    case RING_NOP:
        break;
    }
    return reply_ok(0, CAP_NONE);
}

static enum ring_enter check_entry(const struct process *p, uint32_t min_complete, uint32_t tail,
                                   uint32_t head)
{
    if (min_complete > RING_COMPLETIONS)
        return RING_ENTER_E_MIN;
    if (tail - p->submit_head > RING_SUBMISSIONS)
        return RING_ENTER_E_SUBMIT_TAIL;
    return head - p->complete_head > unread(p) ? RING_ENTER_E_COMPLETE_HEAD : RING_ENTERED;
}

enum ring_enter ring_enter(struct system *s, struct process *p, uint32_t min_complete)
{
    const uint32_t tail = read_index(&p->ring->header.submit_tail);
    const uint32_t head = read_index(&p->ring->header.complete_head);
    const uint32_t number = p->number;
    const enum ring_enter refused = check_entry(p, min_complete, tail, head);

    if (refused != RING_ENTERED) {
        p->denials++;
        return refused;
    }
    p->complete_head = head;
    while (p->submit_head != tail && unread(p) + p->under_way < RING_COMPLETIONS) {
        struct ring_submission record;
        struct object_reply reply;

        memcpy(&record, &p->ring->submissions[p->submit_head % RING_SUBMISSIONS], sizeof record);
        p->submit_head++;
        p->under_way++;
        reply = submit(s, p, &record);
        if (p->state == PROCESS_FREE || p->number != number)
            return RING_ENTERED; /* it ended itself */
        if (reply.waits)
            continue;
        ring_answer(p, record.user, &reply);
    }
    write_index(&p->ring->header.submit_head, p->submit_head);
    write_index(&p->ring->header.complete_tail, p->complete_tail);
    return RING_ENTERED;
}
