/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to the log-in: keys at a prompt for a secret, whose lines are asked as the shell asks
 * them, and calls with any arguments, both into authd's own code, over a kernel of this file's: one page that
 * a caller lends, an audit log that may be full, a clock that moves when the input says so. What abi/login.h
 * and docs/processes.md promise is held against each answer, and against authd's memory after each; what is
 * broken aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/memory.h"
#include "user/authd/authd.h"
#include "user/terminal/discipline.h"

#define PAGE_BYTES 4096u
#define CALLS      256u /* of one input, at most */
#define SOURCES    20u /* more than authd keeps counts of */
#define MS         1000000ull
#define SECOND     (1000u * MS)
#define SECRET     "QWXZJKVB"
#define VERIFIER                                                                                             \
    "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$yBpqJrGGmVNtA9wpNb17m6o0J3tCxveoInJTmzPmlc8"
#define MEMORY_KIB 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum object { NOTES = 1, MEMORY, ENTROPY, OTHER };
enum step { KEYS, CALL, TIME, RIGHT, LONG_TIME, LOG, CHANGE, STEPS };

struct asked {
    bool open, check, takes, change;
    bool one; /* change: to what it is */
    uint8_t old[LOGIN_SECRET_BYTES_MAX];
    uint32_t old_bytes;
    uint8_t next[LOGIN_SECRET_BYTES_MAX]; /* change: what it is to be */
    uint32_t next_bytes;
    uint64_t source, at_ns;
    uint32_t offset, bytes;
};

static struct {
    struct ring_page page;
    uint32_t head, tail;
    struct rt rt;
    struct authd a;
    struct discipline d;
    struct asked asked[CALLS];
    uint64_t calls;
    bool full; /* the log */
    bool dry; /* the source of salts */
    uint8_t secret[LOGIN_SECRET_BYTES_MAX]; /* it is that now */
    uint32_t secret_bytes;
    uint8_t salt[AUTHD_SALT_BYTES];
    bool noted, noted_well; /* since the last answer */
    uint64_t note, note_source;
    uint32_t wrong; /* of the console's, one after the other */
    uint64_t wrong_ns, source;
    uint64_t counted_ns; /* when authd last counted one of them, as of the last answer */
    uint8_t lent[PAGE_BYTES];
    uint8_t memory[MEMORY_KIB * 1024u];
} t;

static struct {
    unsigned long inputs, calls, keys, accepted, wrong, waits, held, values, busy, unrecorded, nobody,
        changed, dry;
} marks;

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr,
            "logins: inputs=%lu calls=%lu keys=%lu accepted=%lu wrong=%lu waits=%lu held=%lu values=%lu "
            "busy=%lu unrecorded=%lu nobody=%lu changed=%lu dry=%lu\n",
            marks.inputs, marks.calls, marks.keys, marks.accepted, marks.wrong, marks.waits, marks.held,
            marks.values, marks.busy, marks.unrecorded, marks.nobody, marks.changed, marks.dry);
}

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "login: %s\n", what);
    abort();
}

static bool zero(const void *at, size_t bytes)
{
    static const uint8_t zeroes[MEMORY_KIB * 1024u];

    return memcmp(at, zeroes, bytes) == 0;
}

static uint64_t now(void)
{
    return t.page.header.now_ns;
}

/* What the console has to wait after so many wrong ones. */
static uint64_t delay_ns(uint32_t wrong)
{
    uint64_t s = 1;

    if (wrong < 3u)
        return 0;
    for (uint32_t i = 3u; i < wrong && s < 60u; i++)
        s *= 2u;
    return (s < 60u ? s : 60u) * SECOND;
}

static bool forgotten(void)
{
    return now() - t.wrong_ns >= 900u * SECOND;
}

/* A secret was looked at, at the console. */
static void console_checked(bool right)
{
    need(t.wrong == 0 || now() >= t.wrong_ns + delay_ns(t.wrong) || forgotten(), "checked too early");
    t.wrong = right ? 0 : forgotten() ? 1u : t.wrong + 1u;
    t.wrong_ns = now();
}

static void answered_check(const struct asked *q, uint16_t result, uint64_t value)
{
    const bool right =
        q->takes && q->old_bytes == t.secret_bytes && memcmp(q->old, t.secret, t.secret_bytes) == 0;
    const uint64_t due_note = result == LOGIN_OK && q->change ? AUDIT_NOTE_SECRET_CHANGED
                              : result == LOGIN_OK            ? AUDIT_NOTE_LOGIN_ACCEPTED
                              : result == LOGIN_E_ENTROPY     ? AUDIT_NOTE_LOGIN_ACCEPTED
                              : result == LOGIN_E_WAIT        ? AUDIT_NOTE_LOGIN_DELAYED
                                                              : AUDIT_NOTE_LOGIN_REFUSED;
    const bool looked_at = t.note == AUDIT_NOTE_LOGIN_ACCEPTED || t.note == AUDIT_NOTE_SECRET_CHANGED ||
                           (t.note == AUDIT_NOTE_LOGIN_REFUSED && q->takes && !q->one &&
                            result != LOGIN_E_BUSY && result != LOGIN_E_NO_VERIFIER);

    need(t.noted && t.note_source == q->source, "answered without a record");
    need(result == LOGIN_E_AUDIT ? !t.noted_well : t.noted_well && t.note == due_note, "another record");
    need(result != LOGIN_OK || (right && t.a.can), "let in without the secret");
    need(result != LOGIN_E_ENTROPY || (q->change && right && t.dry), "there is a salt");
    need(result != LOGIN_E_WRONG || (!right && q->takes), "the secret was called wrong");
    need((result == LOGIN_E_VALUE) <= (!q->takes || q->one), "a value was refused that is one");
    need(result != LOGIN_E_NO_VERIFIER || !t.a.can, "there is a verifier");
    need(result != LOGIN_E_WAIT || (value > LOGIN_HOLD_MS && value <= 60000u), "another time to wait");
    need(result != LOGIN_E_WAIT || q->source != LOGIN_SOURCE_CONSOLE || (t.wrong >= 3u && !forgotten()),
         "the console waits for others");
    if (q->source == LOGIN_SOURCE_CONSOLE && t.a.can && looked_at && result != LOGIN_E_AUDIT)
        console_checked(result == LOGIN_OK || result == LOGIN_E_ENTROPY);
    else if (q->source == LOGIN_SOURCE_CONSOLE && t.a.can && result == LOGIN_E_AUDIT &&
             t.a.delays.console.last_ns != t.counted_ns) /* it was looked at, and not recorded */
        console_checked(t.note == AUDIT_NOTE_LOGIN_ACCEPTED || t.note == AUDIT_NOTE_SECRET_CHANGED);
    t.counted_ns = t.a.delays.console.last_ns;
    marks.accepted += result == LOGIN_OK;
    marks.wrong += result == LOGIN_E_WRONG;
    marks.waits += result == LOGIN_E_WAIT;
    marks.values += result == LOGIN_E_VALUE;
    marks.busy += result == LOGIN_E_BUSY;
    marks.unrecorded += result == LOGIN_E_AUDIT;
    marks.nobody += result == LOGIN_E_NO_VERIFIER;
    marks.dry += result == LOGIN_E_ENTROPY;
    if (result != LOGIN_OK || !q->change)
        return;
    need(!t.dry, "changed without a salt");
    memcpy(t.secret, q->next, sizeof t.secret);
    t.secret_bytes = q->next_bytes;
    marks.changed++;
}

static void answered(uint64_t token, uint16_t result, uint64_t value)
{
    struct asked *q = &t.asked[token];

    need(token < t.calls && q->open, "answered twice");
    q->open = false;
    if (q->check)
        answered_check(q, result, value);
    t.noted = false;
}

static struct ring_completion call(const struct ring_submission *s)
{
    struct ring_completion c = {.user = s->user};

    if (s->cap.index == NOTES) {
        need(!t.noted || t.note == AUDIT_NOTE_LOGIN_DELAYED ||
                 (t.note == AUDIT_NOTE_LOGIN_ACCEPTED && s->args[0] == AUDIT_NOTE_SECRET_CHANGED),
             "two records of one answer");
        t.noted = true;
        t.note = s->args[0];
        t.note_source = s->args[1];
        t.noted_well = !t.full;
        c.exception = t.full ? CAP_EX_AUDIT_FULL : CAP_EX_NONE;
    } else if (s->cap.index == MEMORY) {
        c.value = s->method == MEMORY_BYTES ? PAGE_BYTES
                  : s->method == MEMORY_MAP ? (uint64_t)(uintptr_t)t.lent
                                            : 0;
    } else if (s->cap.index == ENTROPY) {
        c.result = t.dry ? SYS_E_STATE : SYS_OK;
        memset(t.salt, (int)t.calls, sizeof t.salt);
    } else {
        c.status = RING_E_METHOD; /* what else came along answers nothing */
    }
    return c;
}

/* The kernel's entry: what was submitted completes at once. */
static uint32_t enter(uint32_t min_complete, uint64_t timeout_ns)
{
    struct ring_header *h = &t.page.header;

    (void)min_complete, (void)timeout_ns;
    while (t.head != h->submit_tail) {
        const struct ring_submission *s = &t.page.submissions[t.head++ % RING_SUBMISSIONS];
        struct ring_completion c = {.user = s->user};

        if (s->opcode == RING_CALL)
            c = call(s);
        else if (s->opcode == RING_RETURN)
            answered(s->args[0], s->result, s->args[1]);
        t.page.completions[t.tail++ % RING_COMPLETIONS] = c;
    }
    h->submit_head = t.head;
    h->complete_tail = t.tail;
    h->now_ns += 1000u;
    return RING_ENTERED;
}

/* After every step. */
static void judge(void)
{
    for (uint32_t i = 0; i < AUTHD_HELD; i++) {
        const struct authd_held *h = &t.a.held[i];

        if (!h->used) {
            need(zero(h, sizeof *h), "a place that is free holds something");
            continue;
        }
        need(t.asked[h->token].open && h->due_ns >= t.asked[h->token].at_ns,
             "one that is held has its answer");
        need(h->due_ns <= now() + LOGIN_HOLD_MS * MS, "held too long");
        const uint32_t bytes = h->bytes + h->new_bytes;
        need(zero(h->secret + bytes, sizeof h->secret - bytes), "more is held than was typed");
        marks.held++;
    }
    need(zero(t.memory, sizeof t.memory), "the memory of a check holds something");
}

static void turns(void)
{
    for (uint32_t i = 0; i < 2u * AUTHD_HELD; i++) {
        const uint64_t due_ns = authd_turn(&t.a);

        judge();
        if (due_ns > now())
            return;
    }
    need(false, "it has always something to check");
}

static bool is_secret(uint64_t bytes)
{
    return bytes >= LOGIN_SECRET_BYTES_MIN && bytes <= LOGIN_SECRET_BYTES_MAX;
}

static void ask(uint16_t method, uint16_t interface, uint32_t cap_interface, const uint64_t args[3])
{
    const uint64_t token = t.calls;
    struct asked *q = &t.asked[token];
    const bool change = interface == CAP_IF_LOGIN && method == LOGIN_CHANGE;
    const uint64_t first = change ? args[1] & 0xffffffffu : args[1], second = change ? args[1] >> 32 : 0;
    const bool in_page = first <= PAGE_BYTES && second <= PAGE_BYTES && args[0] <= PAGE_BYTES &&
                         first + second <= PAGE_BYTES - args[0];

    if (t.calls == CALLS)
        return;
    t.calls++;
    marks.calls++;
    *q = (struct asked){.open = true, .at_ns = now(), .source = args[2]};
    q->change = change;
    q->check = change || (interface == CAP_IF_LOGIN && method == LOGIN_CHECK);
    q->takes =
        cap_interface == CAP_IF_MEMORY && in_page && is_secret(first) && (!change || is_secret(second));
    q->offset = (uint32_t)args[0];
    q->bytes = (uint32_t)(first + second);
    q->next_bytes = (uint32_t)second;
    if (q->takes)
        memcpy(q->next, t.lent + args[0] + first, second), memcpy(q->old, t.lent + args[0], first);
    q->old_bytes = (uint32_t)first;
    q->one = q->takes && change && first == second && memcmp(t.lent + args[0], q->next, first) == 0;
    const struct ring_received in = {.token = token,
                                     .method = method,
                                     .interface = interface,
                                     .cap_interface = cap_interface,
                                     .args = {args[0], args[1], args[2]},
                                     .cap = {cap_interface == CAP_IF_MEMORY ? MEMORY : OTHER, 1}};
    authd_call(&t.a, &in);
    if (q->check && q->takes)
        need(zero(t.lent + q->offset, q->bytes), "the caller's memory holds it still");
    if (q->open)
        t.noted = false; /* it is held, which is a record as well */
    judge();
    turns();
}

/* As the shell does with a line: user/shell/login.c. */
static void typed(const uint8_t *keys, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char line[DISCIPLINE_LINE_BYTES];
        struct discipline_view v;
        const enum discipline_event e = discipline_byte(&t.d, keys[i]);

        marks.keys++;
        discipline_view(&t.d, 80, &v);
        need(e == DISCIPLINE_LINE || (v.bytes == 8u && memcmp(v.text, "secret: ", 8) == 0), "it is shown");
        if (e != DISCIPLINE_LINE)
            continue;
        const uint32_t length = discipline_take(&t.d, line);
        memcpy(t.lent, line, length);
        ask(LOGIN_CHECK, CAP_IF_LOGIN, CAP_IF_MEMORY, (uint64_t[3]){0, length, t.source});
        discipline_ask(&t.d, "secret: ", 8, true);
        need(memmem(&t.d, sizeof t.d, SECRET, sizeof SECRET - 1u) == NULL, "the terminal keeps it");
    }
}

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static uint64_t number(struct input *in)
{
    uint64_t value = 0;

    for (uint32_t n = next(in) % 9u; n > 0; n--)
        value = value << 8 | next(in);
    return value;
}

/* Anything may lie in the page, the secret among it. */
static void any_call(struct input *in)
{
    const uint8_t how = next(in);
    const uint16_t method = how & 1u ? (uint16_t)number(in) : how & 2u ? LOGIN_ENDED : LOGIN_CHECK;
    const uint16_t interface = how & 4u ? (uint16_t)number(in) : CAP_IF_LOGIN;
    const uint32_t along = how & 8u ? (uint32_t)number(in) : CAP_IF_MEMORY;
    uint64_t args[3] = {number(in), how & 16u ? number(in) : next(in),
                        how & 32u ? number(in) : next(in) % SOURCES};

    if (args[0] <= PAGE_BYTES - sizeof SECRET)
        memcpy(t.lent + args[0], SECRET, sizeof SECRET - 1u);
    if (how & 64u)
        t.lent[next(in)] ^= next(in);
    ask(method, interface, along, args);
}

/* From what it is, or from another, to what the input says. */
static void change(struct input *in)
{
    const uint32_t bytes = 8u + next(in) % 8u;

    t.source = next(in) % SOURCES;
    memcpy(t.lent, t.secret, t.secret_bytes);
    t.lent[0] ^= (next(in) & 3u) == 0;
    for (uint32_t i = 0; i < bytes; i++)
        t.lent[t.secret_bytes + i] = next(in);
    ask(LOGIN_CHANGE, CAP_IF_LOGIN, CAP_IF_MEMORY,
        (uint64_t[3]){0, t.secret_bytes | (uint64_t)bytes << 32, t.source});
}

static void one(struct input *in)
{
    const uint8_t what = next(in);

    switch ((enum step)(what % STEPS)) {
    case KEYS: {
        t.source = next(in) % SOURCES; /* 0: the console */
        const size_t bytes = what / STEPS < in->left ? what / STEPS : in->left;

        typed(in->at, bytes);
        in->at += bytes;
        in->left -= bytes;
        return;
    }
    case CALL:
        any_call(in);
        return;
    case TIME:
        t.page.header.now_ns += next(in) * 50u * MS;
        turns();
        return;
    case RIGHT:
        t.source = next(in) % SOURCES;
        memcpy(t.lent, t.secret, t.secret_bytes);
        ask(LOGIN_CHECK, CAP_IF_LOGIN, CAP_IF_MEMORY, (uint64_t[3]){0, t.secret_bytes, t.source});
        return;
    case CHANGE:
        change(in);
        return;
    case LONG_TIME:
        t.page.header.now_ns += next(in) * 10u * SECOND;
        turns();
        return;
    case LOG:
    case STEPS:
        t.full = (next(in) & 3u) == 0;
        t.dry = (next(in) & 3u) == 0;
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct input in = {data, bytes};

    memset(&t, 0, sizeof t);
    t.page.header.now_ns = SECOND;
    t.a.rt = &t.rt;
    t.a.notes = (cap_id){NOTES, 1};
    t.a.entropy = (cap_id){ENTROPY, 1};
    t.a.salt = (struct rt_memory){.at = t.salt, .bytes = sizeof t.salt};
    t.secret_bytes = sizeof SECRET - 1u;
    memcpy(t.secret, SECRET, t.secret_bytes);
    t.a.memory = (struct rt_memory){.at = t.memory, .bytes = sizeof t.memory};
    t.a.can = next(&in) % 8u != 0;
    ring_client_init(&t.rt.ring, &t.page, enter);
    delays_init(&t.a.delays);
    need(verifier_read(&t.a.verifier, VERIFIER, sizeof VERIFIER - 1u, MEMORY_KIB) == VERIFIER_OK,
         "no verifier");
    discipline_init(&t.d);
    discipline_ask(&t.d, "secret: ", 8, true);
    while (in.left > 0)
        one(&in);
    for (uint32_t i = 0; i < 64u; i++) { /* all that is held gets its answer */
        t.page.header.now_ns += LOGIN_HOLD_MS * MS;
        turns();
    }
    for (uint64_t i = 0; i < t.calls; i++)
        need(!t.asked[i].open, "one has no answer");
    marks.inputs++;
    return 0;
}
