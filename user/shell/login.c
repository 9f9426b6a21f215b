/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may have a session: authd is asked, and believed. What was typed lies in the session's page alone,
 * where authd finds it and leaves zeroes; this program copies no byte of it. */
#include "abi/login.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "evidence/markers.h"
#include "user/shell/shell.h"

#define PROMPT       "secret: "
#define SECRET       (1ull << 32) /* flag of TERMINAL_READ */
#define ASK_NS       120000000000ull /* that a connection has for it in all: others wait for its terminal */
#define UNKNOWN_PEER (1ull << 32)
#define MS           1000u

uint64_t shell_source(uint64_t opened)
{
    const uint64_t peer = opened >> 32;

    if ((opened & 0xffffffffu) == TERMINAL_CONSOLE)
        return LOGIN_SOURCE_CONSOLE;
    if (peer == 0)
        return UNKNOWN_PEER; /* never the console's number */
    return (peer & 0xffu) << 24 | (peer >> 8 & 0xffu) << 16 | (peer >> 16 & 0xffu) << 8 | peer >> 24;
}

static void say_wait(struct shell *s, uint64_t ms)
{
    struct row r;

    row_begin(&r);
    text_string(&r.t, "too many wrong ones: the next is looked at in ");
    text_u64(&r.t, (ms + MS - 1u) / MS);
    text_string(&r.t, " s");
    row_end(s, &r);
}

static void say_refusal(struct shell *s, const struct ring_completion *done)
{
    static const char *const words[LOGIN_ERROR_COUNT] = {
        [LOGIN_E_WRONG] = "that is not the secret\n",
        [LOGIN_E_NO_VERIFIER] = "nobody can log in: this run was started without a secret\n",
        [LOGIN_E_VALUE] = "a secret has 8 to 128 characters\n",
        [LOGIN_E_BUSY] = "a secret from here is being checked already: wait for it\n",
        [LOGIN_E_ENTROPY] = "this machine has no source for a new salt\n", /* of a change alone */
        [LOGIN_E_AUDIT] = "it could not be recorded, so nobody gets in: the audit log must drain first\n",
    };

    if (done->status != RING_OK || done->exception != CAP_EX_NONE || done->result >= LOGIN_ERROR_COUNT)
        shell_say(s, "authd, which checks it, does not answer: it is started anew, try again\n");
    else if (done->result == LOGIN_E_WAIT)
        say_wait(s, done->value);
    else
        shell_say(s, words[done->result]);
}

/* The typed bytes lie at the start of the page. */
static bool check(struct shell *s, uint64_t bytes)
{
    const struct ring_extra page = ring_copy(s->page.cap);
    const struct ring_completion done =
        ring_call(&s->rt->ring, s->login, LOGIN_CHECK, RING_ARGS(0, bytes, s->source), &page);

    memset(s->page.at, 0, SHELL_LINE_BYTES); /* also what authd never saw */
    if (ring_completed(&done))
        return true;
    say_refusal(s, &done);
    return false;
}

/* A log has the marker once, whoever comes and goes. */
static void emit_access_path(struct shell *s)
{
    struct evidence_count count;

    if (!cap_is_none(s->evidence) && s->kind == TERMINAL_CONSOLE &&
        shell_record(s, s->system, SYSTEM_EVIDENCE, (uint64_t[2]){EVIDENCE_ACCESS_PATH}, &count,
                     sizeof count) &&
        count.lines == 0)
        (void)shell_call(s, s->evidence, EVIDENCE_EMIT, EVIDENCE_ACCESS_PATH, 0);
}

bool shell_login(struct shell *s)
{
    const uint64_t until_ns = s->kind == TERMINAL_CONSOLE ? RING_FOREVER : ring_now(&s->rt->ring) + ASK_NS;

    if (cap_is_none(s->login))
        return true;
    shell_say(s, "log in as operator\n");
    while (!s->closed) {
        shell_flush(s);
        const uint64_t now_ns = ring_now(&s->rt->ring);
        const uint64_t left_ns = until_ns == RING_FOREVER ? RING_FOREVER
                                 : until_ns > now_ns      ? until_ns - now_ns
                                                          : 0;
        memcpy(s->page.at, PROMPT, sizeof PROMPT - 1u);
        const struct ring_completion typed =
            ring_call(&s->rt->ring, s->terminal, TERMINAL_READ,
                      RING_ARGS(0, (sizeof PROMPT - 1u) | SECRET, left_ns), NULL);

        if (typed.status == RING_OK && typed.exception == CAP_EX_NONE && typed.result == TERMINAL_E_INTERRUPT)
            continue;
        if (!ring_completed(&typed))
            return false;
        if (check(s, typed.value)) {
            emit_access_path(s);
            return true;
        }
    }
    return false;
}

void shell_logged_out(struct shell *s)
{
    if (!cap_is_none(s->login))
        (void)shell_call(s, s->login, LOGIN_ENDED, s->source, 0);
}
