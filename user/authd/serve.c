/* SPDX-License-Identifier: BSD-2-Clause */
/* One attempt from its call to its answer. The caller is anybody who was given the interface: its memory is
 * looked at once, and zeroed. Each attempt leaves a record in the audit log before it is answered; one that
 * cannot be recorded lets nobody in. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "user/authd/authd.h"
#include "user/authd/libc.h"

#define HOLD_NS (LOGIN_HOLD_MS * 1000000ull)
#define MS_NS   1000000u

static enum login_error noted(struct authd *a, enum audit_note note, uint64_t source, enum login_error error)
{
    const struct ring_completion done =
        ring_call(&a->rt->ring, a->notes, AUDIT_NOTE, RING_ARGS(note, source), NULL);

    return ring_completed(&done) ? error : LOGIN_E_AUDIT;
}

/* A caller that ended meanwhile has no answer to get: that is no concern of ours. */
static void answer(struct authd *a, uint64_t token, enum login_error error, uint64_t value)
{
    (void)ring_return(&a->rt->ring, token, (uint16_t)error, value, NULL);
}

static void refuse(struct authd *a, const struct ring_received *call, enum login_error error)
{
    answer(a, call->token, noted(a, AUDIT_NOTE_LOGIN_REFUSED, call->args[2], error), 0);
}

/* Out of the caller's memory, where zeroes are left; `secret` NULL: to nowhere. Straight to where it is held:
 * each call of the kernel lets others run, and a copy on the stack would lie there meanwhile. */
static bool take_over(struct authd *a, const struct ring_received *call, uint64_t bytes, uint8_t *secret)
{
    struct ring_client *ring = &a->rt->ring;
    const uint64_t offset = call->args[0];

    if (call->cap_interface != CAP_IF_MEMORY) /* asking another program would be waiting for it */
        return false;
    const struct ring_completion size = ring_call(ring, call->cap, MEMORY_BYTES, NULL, NULL);

    if (!ring_completed(&size) || offset > size.value || bytes > size.value - offset)
        return false;
    const struct ring_completion mapped = ring_call(ring, call->cap, MEMORY_MAP, RING_ARGS(1), NULL);
    if (!ring_completed(&mapped))
        return false;
    uint8_t *at = (uint8_t *)(uintptr_t)mapped.value + offset;
    if (secret != NULL)
        memcpy(secret, at, bytes);
    argon2_libc_wipe(at, bytes);
    (void)ring_call(ring, call->cap, MEMORY_UNMAP, NULL, NULL);
    return true;
}

/* A free place; NULL: there is none, or one is the source's already. */
static struct authd_held *place(struct authd *a, uint64_t source)
{
    struct authd_held *free = NULL;

    for (uint32_t i = 0; i < AUTHD_HELD; i++) {
        if (a->held[i].used && a->held[i].source == source)
            return NULL;
        if (!a->held[i].used)
            free = &a->held[i];
    }
    return free;
}

/* The secret is gone before the answer is out. */
static void let_go(struct authd *a, struct authd_held *h, enum login_error error, uint64_t value)
{
    const uint64_t token = h->token;

    argon2_libc_wipe(h, sizeof *h);
    answer(a, token, error, value);
}

/* It is due at a time to come: waits for it, or is sent away. */
static void later(struct authd *a, struct authd_held *h, uint64_t due_ns)
{
    const uint64_t left_ns = due_ns - ring_now(&a->rt->ring);
    const enum login_error error =
        noted(a, AUDIT_NOTE_LOGIN_DELAYED, h->source, left_ns > HOLD_NS ? LOGIN_E_WAIT : LOGIN_OK);

    h->due_ns = due_ns;
    if (error != LOGIN_OK)
        let_go(a, h, error, error == LOGIN_E_WAIT ? (left_ns + MS_NS - 1u) / MS_NS : 0);
}

static bool is_secret(uint64_t bytes)
{
    return bytes >= LOGIN_SECRET_BYTES_MIN && bytes <= LOGIN_SECRET_BYTES_MAX;
}

/* `new_bytes` 0: it is not to be changed. Both are the caller's own: that they are one tells it nothing. */
static void check_call(struct authd *a, const struct ring_received *call, uint64_t bytes, uint64_t new_bytes)
{
    const uint64_t source = call->args[2];
    const bool changes = call->method == LOGIN_CHANGE;
    struct authd_held *h = place(a, source);
    uint8_t *secret = h != NULL && a->can ? h->secret : NULL;
    bool taken = is_secret(bytes) && (!changes || is_secret(new_bytes));

    taken = taken && take_over(a, call, bytes + new_bytes, secret);
    if (taken && changes && secret != NULL && bytes == new_bytes &&
        memcmp(secret, secret + bytes, bytes) == 0) {
        argon2_libc_wipe(secret, bytes + new_bytes);
        taken = false;
    }
    if (!taken) {
        refuse(a, call, LOGIN_E_VALUE);
    } else if (!a->can) {
        refuse(a, call, LOGIN_E_NO_VERIFIER);
    } else if (h == NULL) {
        refuse(a, call, LOGIN_E_BUSY);
    } else {
        const uint64_t now_ns = ring_now(&a->rt->ring);

        h->used = true;
        h->token = call->token;
        h->source = source;
        h->bytes = (uint32_t)bytes;
        h->new_bytes = (uint32_t)new_bytes;
        h->due_ns = delays_due(&a->delays, source, now_ns);
        if (h->due_ns > now_ns)
            later(a, h, h->due_ns);
    }
}

void authd_call(struct authd *a, const struct ring_received *call)
{
    if (call->interface == CAP_IF_LOGIN && call->method == LOGIN_CHECK)
        check_call(a, call, call->args[1], 0);
    else if (call->interface == CAP_IF_LOGIN && call->method == LOGIN_CHANGE)
        check_call(a, call, call->args[1] & 0xffffffffu, call->args[1] >> 32);
    else if (call->interface == CAP_IF_LOGIN && call->method == LOGIN_ENDED)
        answer(a, call->token, noted(a, AUDIT_NOTE_SESSION_ENDED, call->args[0], LOGIN_OK), 0);
    else
        answer(a, call->token, LOGIN_E_VALUE, 0);
    if (!cap_is_none(call->cap))
        (void)ring_release(&a->rt->ring, call->cap);
}

/* The old one was right, and that is recorded. */
static enum login_error change(struct authd *a, struct authd_held *h)
{
    const struct ring_extra range = ring_range(a->salt.cap, 0, AUTHD_SALT_BYTES);
    uint8_t salt[AUTHD_SALT_BYTES];

    if (cap_is_none(a->entropy))
        return LOGIN_E_ENTROPY;
    const struct ring_completion drawn = ring_call(&a->rt->ring, a->entropy, ENTROPY_FILL, NULL, &range);
    if (!ring_completed(&drawn))
        return LOGIN_E_ENTROPY;
    const enum login_error error = noted(a, AUDIT_NOTE_SECRET_CHANGED, h->source, LOGIN_OK);
    memcpy(salt, a->salt.at, sizeof salt);
    if (error == LOGIN_OK)
        verifier_change(&a->verifier, salt, sizeof salt, h->secret + h->bytes, h->new_bytes, a->memory.at);
    return error;
}

static void check(struct authd *a, struct authd_held *h)
{
    const bool right = verifier_check(&a->verifier, h->secret, h->bytes, a->memory.at);
    const enum audit_note note = right ? AUDIT_NOTE_LOGIN_ACCEPTED : AUDIT_NOTE_LOGIN_REFUSED;

    ring_flush(&a->rt->ring); /* the check took its time: what comes next is counted from now */
    delays_checked(&a->delays, h->source, ring_now(&a->rt->ring), right);
    const enum login_error error = noted(a, note, h->source, right ? LOGIN_OK : LOGIN_E_WRONG);
    let_go(a, h, error == LOGIN_OK && h->new_bytes != 0 ? change(a, h) : error, 0);
}

static struct authd_held *first(struct authd *a)
{
    struct authd_held *found = NULL;

    for (uint32_t i = 0; i < AUTHD_HELD; i++) {
        if (a->held[i].used && (found == NULL || a->held[i].due_ns < found->due_ns))
            found = &a->held[i];
    }
    return found;
}

uint64_t authd_turn(struct authd *a)
{
    struct authd_held *h = first(a);
    const uint64_t now_ns = ring_now(&a->rt->ring);

    if (h != NULL && h->due_ns <= now_ns) {
        const uint64_t due_ns = delays_due(&a->delays, h->source, now_ns); /* others were wrong meanwhile */

        if (due_ns > now_ns)
            later(a, h, due_ns);
        else
            check(a, h);
        h = first(a);
    }
    return h == NULL ? RING_FOREVER : h->due_ns;
}
