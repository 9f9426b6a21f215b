/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of output of at most 80 columns, and calls with what they came to. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/package.h"
#include "user/shell/shell.h"

#define OUT_AT SHELL_LINE_BYTES /* of the page: behind the line */

void shell_flush(struct shell *s)
{
    if (s->out_bytes == 0 || s->closed)
        return;
    const struct ring_completion done =
        ring_call(&s->rt->ring, s->terminal, TERMINAL_WRITE, RING_ARGS(OUT_AT, s->out_bytes), NULL);

    s->out_bytes = 0;
    s->closed = !ring_completed(&done);
}

/* Gathered, so that a table costs a call or two and not one a line. */
void shell_write(struct shell *s, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes && !s->closed; i++) {
        if (OUT_AT + s->out_bytes == s->page.bytes)
            shell_flush(s);
        s->page.at[OUT_AT + s->out_bytes++] = (uint8_t)text[i];
    }
}

void shell_say(struct shell *s, const char *text)
{
    size_t bytes = 0;

    while (text[bytes] != 0)
        bytes++;
    shell_write(s, text, bytes);
}

bool shell_same(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

void row_begin(struct row *r)
{
    r->t = text_over(r->at, sizeof r->at);
}

void row_column(struct row *r, uint32_t column)
{
    text_string(&r->t, " ");
    while (r->t.used < column && !r->t.overflow)
        text_string(&r->t, " ");
}

void row_number(struct row *r, uint64_t value, uint32_t end)
{
    char digits[20];
    struct text t = text_over(digits, sizeof digits);

    text_u64(&t, value);
    row_column(r, t.used < end ? end - (uint32_t)t.used : 0);
    text_bytes(&r->t, digits, t.used);
}

void row_name(struct row *r, const char *name, uint32_t most)
{
    uint32_t bytes = 0;

    while (bytes < most && name[bytes] != 0)
        bytes++;
    text_bytes(&r->t, name, bytes);
}

void row_end(struct shell *s, struct row *r)
{
    text_string(&r->t, "\n");
    shell_write(s, r->t.at, r->t.used); /* what did not fit is not there */
    if (r->t.overflow)
        shell_say(s, "\n");
}

uint32_t shell_name_columns(const struct shell *s)
{
    return s->columns < SHELL_WIDE ? 16u : PACKAGE_NAME_BYTES;
}

void shell_pair(struct shell *s, const char *name, uint64_t value)
{
    struct row r;

    row_begin(&r);
    text_string(&r.t, name);
    row_number(&r, value, 36);
    row_end(s, &r);
}

struct ring_completion shell_call(struct shell *s, cap_id cap, uint16_t method, uint64_t a0, uint64_t a1)
{
    return ring_call(&s->rt->ring, cap, method, RING_ARGS(a0, a1), NULL);
}

bool shell_ask(struct shell *s, cap_id cap, uint16_t method, const uint64_t args[3], uint64_t ns,
               struct ring_completion *done)
{
    const struct ring_submission call = ring_make_call(cap, method, args, NULL);
    const uint64_t until = ring_now(&s->rt->ring) + ns;
    uint64_t now = ring_now(&s->rt->ring);

    if (!ring_submit(&s->rt->ring, ++s->asked, &call))
        return false;
    while (now < until) {
        if (ring_wait(&s->rt->ring, until - now, done) && done->user == s->asked)
            return true;
        now = ring_now(&s->rt->ring);
    }
    return false;
}

static int key(struct shell *s, uint64_t ns, uint64_t which)
{
    shell_flush(s);
    if (s->closed)
        return 0;
    const struct ring_completion done =
        ring_call(&s->rt->ring, s->terminal, TERMINAL_KEY, RING_ARGS(ns, which), NULL);

    if (ring_completed(&done))
        return (int)(done.value & 0xffu);
    s->closed = done.status != RING_OK || done.exception != CAP_EX_NONE || done.result != TERMINAL_E_TIMEOUT;
    return -1;
}

bool shell_size(struct shell *s)
{
    const struct ring_completion size = shell_call(s, s->terminal, TERMINAL_SIZE, 0, 0);

    if (!ring_completed(&size))
        return false;
    s->columns = (uint32_t)(size.value & 0xffffu);
    s->rows = (uint32_t)(size.value >> 16 & 0xffffu);
    return true;
}

int shell_key(struct shell *s, uint64_t ns)
{
    return key(s, ns, TERMINAL_KEY_ANY);
}

bool shell_interrupted(struct shell *s, uint64_t ns)
{
    return key(s, ns, TERMINAL_KEY_INTERRUPT) != -1 || s->closed;
}

bool shell_number(const char *text, uint64_t *out)
{
    *out = 0;
    if (text[0] == 0)
        return false;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9' || *out > 0xffffffffu)
            return false;
        *out = *out * 10u + (uint64_t)(*text - '0');
    }
    return true;
}

bool shell_record(struct shell *s, cap_id cap, uint16_t method, const uint64_t args[2], void *out,
                  uint32_t bytes)
{
    const struct ring_extra range = ring_range(s->range.cap, 0, bytes);
    const struct ring_completion done =
        ring_call(&s->rt->ring, cap, method, RING_ARGS(args[0], args[1]), &range);

    ASSERT(bytes <= s->range.bytes);
    if (ring_completed(&done))
        memcpy(out, s->range.at, bytes);
    return ring_completed(&done);
}

void shell_outcome(struct shell *s, const struct ring_completion *done, const char *next)
{
    struct row r;

    if (ring_completed(done)) {
        shell_say(s, "done\n");
        return;
    }
    row_begin(&r);
    text_string(&r.t, "refused (status ");
    text_u64(&r.t, done->status);
    text_string(&r.t, ", exception ");
    text_u64(&r.t, done->exception);
    text_string(&r.t, ", result ");
    text_u64(&r.t, done->result);
    text_string(&r.t, ")");
    row_end(s, &r);
    shell_say(s, next);
}
