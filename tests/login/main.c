/* SPDX-License-Identifier: BSD-2-Clause */
/* loginprobe: asks authd everything that abi/login.h says, in virtual time. A claim that does not hold ends
 * it with the number of its line, after naming it on the console. The test watches the memory of programs
 * when it says `look` (the secret is nowhere) and `find` (it is there: the look could have found it). */
#include "abi/login.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "tests/support/claims.h"
#include "user/rt/rt.h"

#define MS        1000000ull
#define CONSOLE   LOGIN_SOURCE_CONSOLE
#define AFAR      0x0a000203u
#define NO_RESULT 0xffffu /* status or exception spoke instead */
#define AT        4000u /* in the memory: across its first page's end */
#define BYTES     15u

struct probe {
    struct rt *rt;
    cap_id login;
    uint8_t mask;
    struct rt_memory typed;
};

static void check(struct probe *p, bool holds, uint32_t line, uint64_t seen)
{
    claim_check(p->rt, "loginprobe", holds, "tests/login/main.c", line, seen);
}
#define CHECK(p_, holds_) check((p_), (holds_), __LINE__, 0)

static void equal(struct probe *p, uint64_t seen, uint64_t due, uint32_t line)
{
    check(p, seen == due, line, seen);
}
#define EQUAL(p_, seen_, due_) equal((p_), (seen_), (due_), __LINE__)

static uint64_t result_of(const struct ring_completion *done)
{
    return done->status == RING_OK && done->exception == CAP_EX_NONE ? done->result : NO_RESULT;
}

/* `last`: what the last byte of the secret is changed by; 0: it is the secret. */
static void type_at(struct probe *p, uint32_t at, uint8_t last)
{
    static const uint8_t masked[BYTES] = {0x36, 0x3a, 0x27, 0x27, 0x30, 0x36, 0x21, 0x75,
                                          0x3d, 0x3a, 0x27, 0x26, 0x30, 0x75, 0x62};

    for (uint32_t i = 0; i < BYTES; i++)
        p->typed.at[at + i] = (uint8_t)(masked[i] ^ p->mask);
    p->typed.at[at + BYTES - 1u] ^= last;
}

static void type(struct probe *p, bool right)
{
    type_at(p, AT, (uint8_t)(right ? 0 : 1));
}

static struct ring_completion ask(struct probe *p, uint64_t offset, uint64_t bytes, uint64_t source)
{
    const struct ring_extra shared = ring_copy(p->typed.cap);

    return ring_call(&p->rt->ring, p->login, LOGIN_CHECK, RING_ARGS(offset, bytes, source), &shared);
}

static uint64_t log_in(struct probe *p, bool right, uint64_t source)
{
    type(p, right);
    const struct ring_completion done = ask(p, AT, BYTES, source);

    for (uint32_t i = 0; i < BYTES; i++)
        EQUAL(p, p->typed.at[AT + i], 0);
    return result_of(&done);
}

static void begin(struct probe *p, uint64_t user, bool right, uint64_t source)
{
    const struct ring_extra shared = ring_copy(p->typed.cap);
    type(p, right);
    const struct ring_submission call =
        ring_make_call(p->login, LOGIN_CHECK, RING_ARGS(AT, BYTES, source), &shared);

    CHECK(p, ring_submit(&p->rt->ring, user, &call));
    ring_sleep(&p->rt->ring, 50u * MS); /* it is taken over */
}

static uint64_t now_ms(struct probe *p)
{
    ring_flush(&p->rt->ring);
    return ring_now(&p->rt->ring) / MS;
}

/* Virtual milliseconds that a log-in with this result took; a turn of everybody takes a few. */
static uint64_t took_ms(struct probe *p, bool right, uint64_t source, uint64_t due_result)
{
    const uint64_t before = now_ms(p);

    EQUAL(p, log_in(p, right, source), due_result);
    return now_ms(p) - before;
}

static void sleep_ms(struct probe *p, uint64_t ms)
{
    const uint64_t until_ns = ring_now(&p->rt->ring) + ms * MS;

    while (ring_now(&p->rt->ring) < until_ns)
        ring_sleep(&p->rt->ring, until_ns - ring_now(&p->rt->ring));
}

static void at_once(struct probe *p)
{
    EQUAL(p, log_in(p, true, CONSOLE), LOGIN_OK);
    CHECK(p, rt_print(p->rt, "loginprobe: look\n"));
    type(p, true);
    CHECK(p, rt_print(p->rt, "loginprobe: find\n"));
    memset(p->typed.at, 0, p->typed.bytes);
    EQUAL(p, log_in(p, false, CONSOLE), LOGIN_E_WRONG);
    CHECK(p, rt_print(p->rt, "loginprobe: look\n"));
    EQUAL(p, log_in(p, true, CONSOLE), LOGIN_OK);
}

static void refused(struct probe *p)
{
    struct ring_completion done;

    type(p, true);
    done = ask(p, AT, LOGIN_SECRET_BYTES_MIN - 1u, CONSOLE);
    EQUAL(p, result_of(&done), LOGIN_E_VALUE);
    done = ask(p, AT, LOGIN_SECRET_BYTES_MAX + 1u, CONSOLE);
    EQUAL(p, result_of(&done), LOGIN_E_VALUE);
    done = ask(p, p->typed.bytes - BYTES + 1u, BYTES, CONSOLE);
    EQUAL(p, result_of(&done), LOGIN_E_VALUE);
    done = ask(p, UINT64_MAX - 7u, BYTES, CONSOLE);
    EQUAL(p, result_of(&done), LOGIN_E_VALUE);
    done = ring_call(&p->rt->ring, p->login, LOGIN_CHECK, RING_ARGS(AT, BYTES), NULL);
    EQUAL(p, result_of(&done), LOGIN_E_VALUE);
    const struct ring_extra other = ring_copy(p->login);
    done = ring_call(&p->rt->ring, p->login, LOGIN_CHECK, RING_ARGS(AT, BYTES), &other);
    EQUAL(p, result_of(&done), LOGIN_E_VALUE);
    done = ring_call(&p->rt->ring, p->login, LOGIN_CHANGE + 1u, NULL, NULL);
    EQUAL(p, result_of(&done), LOGIN_E_VALUE);
    done = ask(p, AT, BYTES, CONSOLE);
    EQUAL(p, result_of(&done), LOGIN_OK);
    done = ring_call(&p->rt->ring, p->login, LOGIN_ENDED, RING_ARGS(CONSOLE), NULL);
    EQUAL(p, result_of(&done), LOGIN_OK);
}

/* Each wrong one makes the next wait longer; what is due too late is sent away and told when. */
static void later(struct probe *p)
{
    uint64_t ms = 0;

    for (uint32_t i = 0; i < 3u; i++)
        ms += took_ms(p, false, CONSOLE, LOGIN_E_WRONG);
    CHECK(p, ms < 500u);
    for (uint64_t due = 1000u; due <= LOGIN_HOLD_MS; due *= 2u) {
        ms = took_ms(p, false, CONSOLE, LOGIN_E_WRONG);
        check(p, ms + 100u >= due && ms < due + 500u, __LINE__, ms);
    }
    type(p, true);
    const struct ring_completion early = ask(p, AT, BYTES, CONSOLE);
    EQUAL(p, result_of(&early), LOGIN_E_WAIT);
    check(p, early.value > 7500u && early.value <= 8000u, __LINE__, early.value);
    EQUAL(p, p->typed.at[AT], 0);
    CHECK(p, rt_print(p->rt, "loginprobe: look\n")); /* nothing is kept of who was sent away */
    EQUAL(p, log_in(p, true, AFAR), LOGIN_OK); /* it was not wrong */
    sleep_ms(p, early.value);
    CHECK(p, took_ms(p, true, CONSOLE, LOGIN_OK) < 500u);
    CHECK(p, took_ms(p, false, CONSOLE, LOGIN_E_WRONG) < 500u); /* all is as at first */
}

/* Many addresses together are one guesser; the console and who was right before do not wait for them. */
static void from_afar(struct probe *p)
{
    struct ring_completion done;
    uint64_t source = AFAR + 1u;

    for (uint32_t i = 0; i < 12u; i++)
        EQUAL(p, log_in(p, false, source++), LOGIN_E_WRONG);
    begin(p, 1, true, source);
    EQUAL(p, log_in(p, true, source), LOGIN_E_BUSY);
    CHECK(p, rt_print(p->rt, "loginprobe: held\n")); /* in authd, and nowhere else */
    CHECK(p, took_ms(p, true, CONSOLE, LOGIN_OK) < 500u);
    CHECK(p, took_ms(p, true, AFAR, LOGIN_OK) < 500u);
    CHECK(p, ring_wait(&p->rt->ring, 60000u * MS, &done));
    CHECK(p, done.user == 1u);
    EQUAL(p, result_of(&done), LOGIN_OK);
    CHECK(p, rt_print(p->rt, "loginprobe: look\n"));
}

/* From the secret with that last byte to the one with the other. */
static uint64_t change(struct probe *p, uint8_t from, uint8_t to, uint64_t new_bytes)
{
    const struct ring_extra shared = ring_copy(p->typed.cap);

    type_at(p, AT, from);
    type_at(p, AT + BYTES, to);
    const struct ring_completion done = ring_call(&p->rt->ring, p->login, LOGIN_CHANGE,
                                                  RING_ARGS(AT, BYTES | new_bytes << 32, AFAR), &shared);
    for (uint32_t i = 0; result_of(&done) != LOGIN_E_VALUE && i < 2u * BYTES; i++)
        EQUAL(p, p->typed.at[AT + i], 0);
    memset(p->typed.at, 0, p->typed.bytes);
    return result_of(&done);
}

static uint64_t log_in_with(struct probe *p, uint8_t last)
{
    type_at(p, AT, last);
    const struct ring_completion done = ask(p, AT, BYTES, AFAR);

    return result_of(&done);
}

/* Changed by who knows it; the new one alone is right then. */
static void changed(struct probe *p)
{
    EQUAL(p, change(p, 1u, 2u, BYTES), LOGIN_E_WRONG);
    EQUAL(p, log_in_with(p, 0), LOGIN_OK);
    EQUAL(p, change(p, 0, 2u, LOGIN_SECRET_BYTES_MIN - 1u), LOGIN_E_VALUE);
    EQUAL(p, change(p, 0, 2u, LOGIN_SECRET_BYTES_MAX + 1u), LOGIN_E_VALUE);
    EQUAL(p, change(p, 0, 0, BYTES), LOGIN_E_VALUE);
    EQUAL(p, change(p, 0, 2u, 0), LOGIN_E_VALUE);
    EQUAL(p, change(p, 0, 2u, BYTES), LOGIN_OK);
    CHECK(p, rt_print(p->rt, "loginprobe: look\n"));
    EQUAL(p, log_in_with(p, 0), LOGIN_E_WRONG);
    EQUAL(p, log_in_with(p, 2u), LOGIN_OK);
    EQUAL(p, change(p, 2u, 0, BYTES), LOGIN_OK);
}

/* A held one whose record finds no room in the log: right, and still nobody is let in. */
static void unrecorded(struct probe *p)
{
    const cap_id notes = rt_first(p->rt, CAP_IF_AUDIT_NOTE);
    struct ring_completion done;

    for (uint32_t i = 0; i < 3u; i++)
        (void)log_in(p, false, CONSOLE);
    begin(p, 1, true, CONSOLE);
    do {
        done = ring_call(&p->rt->ring, notes, AUDIT_NOTE, RING_ARGS(AUDIT_NOTE_SESSION_ENDED, AFAR), NULL);
    } while (ring_completed(&done));
    EQUAL(p, done.exception, CAP_EX_AUDIT_FULL);
    CHECK(p, ring_wait(&p->rt->ring, 60000u * MS, &done));
    EQUAL(p, result_of(&done), LOGIN_E_AUDIT);
}

uint32_t program_main(struct rt *rt)
{
    static struct probe p;

    p.rt = rt;
    p.login = rt_first(rt, CAP_IF_LOGIN);
    p.mask = (uint8_t)rt_parameter_u64(rt, "mask", 0);
    CHECK(&p, !cap_is_none(p.login) && rt_parameter(rt, "verifier", &(size_t){0}) == NULL);
    CHECK(&p, rt_memory_make(rt, 2u * RING_PAGE_BYTES, &p.typed));
    if (log_in(&p, true, CONSOLE) == LOGIN_E_NO_VERIFIER) {
        (void)rt_print(rt, "loginprobe: nobody can log in: all holds\n");
        return 0;
    }
    at_once(&p);
    refused(&p);
    later(&p);
    from_afar(&p);
    changed(&p);
    (void)rt_print(rt, "loginprobe: all but the full log holds\n");
    unrecorded(&p);
    (void)rt_print(rt, "loginprobe: all holds\n");
    return 0;
}
