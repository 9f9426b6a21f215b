/* SPDX-License-Identifier: BSD-2-Clause */
/* The log-in at the console, from key to answer, over the programs as they ship: every split of short inputs,
 * each single split of long ones, against a model of what user/shell/login.c and docs/terminal.md say. What
 * the console shows is exactly the model's text: so no byte of a secret is ever shown, and there is no prompt
 * before the right one. Each attempt is in the audit log, once. Wrong ones wait as docs/processes.md says. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "abi/login.h"
#include "tests/terminal/people.h"

#define TEXT_BYTES  2048u
#define INPUT_BYTES 512u
#define GAP_NS      (50u * 1000u) /* between two pieces: each is taken before the next comes */
#define ANSWER_NS   (2u * SECOND)
#define IN          "help says what there is to do\ncapos> "
#define OUT         "\nlog in as operator\nsecret: "
#define WRONG       "that is not the secret\n"

/* What the console does with what is typed. */
struct model {
    const char *secret;
    char line[256];
    uint32_t bytes, accepted, refused;
    bool after_cr, in;
    char shown[TEXT_BYTES];
};

/* Of the audit log's port: attempts at the console. */
static struct {
    char line[256];
    size_t bytes;
    uint32_t accepted, refused, delayed;
} log_;

static void said(enum platform_console port, const char *text, size_t bytes)
{
    for (size_t i = 0; port == CONSOLE_AUDIT && i < bytes; i++) {
        unsigned kind = 0, interface = 0, source = 1;

        if (text[i] != '\n') {
            cr_assert_lt(log_.bytes + 1u, sizeof log_.line);
            log_.line[log_.bytes++] = text[i];
            continue;
        }
        log_.line[log_.bytes] = 0;
        log_.bytes = 0;
        if (sscanf(log_.line, "audit: seq=%*u owner=%*u kind=%u interface=%u handle=%u", &kind, &interface,
                   &source) != 3 ||
            interface != CAP_IF_AUDIT_NOTE || source != LOGIN_SOURCE_CONSOLE)
            continue;
        log_.accepted += kind == AUDIT_LOGIN_ACCEPTED;
        log_.refused += kind == AUDIT_LOGIN_REFUSED;
        log_.delayed += kind == AUDIT_LOGIN_DELAYED;
    }
}

static void shows(struct model *m, const char *text)
{
    cr_assert_lt(strlen(m->shown) + strlen(text), TEXT_BYTES);
    strcat(m->shown, text);
}

static void enter(struct model *m)
{
    const bool right = m->bytes == strlen(m->secret) && memcmp(m->line, m->secret, m->bytes) == 0;

    shows(m, "\n");
    if (right)
        shows(m, IN);
    else if (m->bytes < LOGIN_SECRET_BYTES_MIN || m->bytes > LOGIN_SECRET_BYTES_MAX)
        shows(m, "a secret has 8 to 128 characters\nsecret: ");
    else
        shows(m, WRONG "secret: ");
    m->in = right;
    m->accepted += right;
    m->refused += !right;
    m->bytes = 0;
}

/* Of the keys, those that the inputs below have. */
static void model_key(struct model *m, char key)
{
    const bool same_key = m->after_cr && (key == '\n' || key == 0);

    m->after_cr = key == '\r';
    if (same_key)
        return;
    if (key == '\r' || key == '\n') {
        enter(m);
    } else if (key == 0x03) {
        shows(m, "^C\nsecret: ");
        m->bytes = 0;
    } else if (key == 0x15) {
        m->bytes = 0;
    } else if (key == 0x7f || key == 0x08) {
        m->bytes -= m->bytes > 0;
    } else if (key >= ' ' && key <= '~' && m->bytes < 255u) {
        m->line[m->bytes++] = key;
    }
}

static void model_keys(struct model *m, const char *keys, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        model_key(m, keys[i]);
}

static bool all_shown(struct wired *w, void *ctx)
{
    const struct model *m = ctx;

    (void)w;
    return strlen(console_text()) >= strlen(m->shown);
}

static void console_is(struct model *m, const char *what, uint64_t which)
{
    (void)wired_until(&people.w, ANSWER_NS, all_shown, m);
    wired_pass(&people.w, GAP_NS);
    cr_assert_str_eq(console_text(), m->shown, "%s, split %lx: shown\n%s\nand not\n%s", what,
                     (unsigned long)which, console_text(), m->shown);
    console_seen();
    m->shown[0] = 0;
}

/* Logged in once and out again: no count of wrong ones is left. */
static void right_one(struct model *m)
{
    model_keys(m, m->secret, strlen(m->secret));
    model_keys(m, "\r", 1);
    console_types(m->secret);
    console_types("\r");
    console_is(m, "the right one", 0);
    console_types("\x04");
    shows(m, OUT);
    m->in = m->after_cr = false;
    console_is(m, "^D at the prompt", 0);
}

/* Bit i of `splits`: a pause behind byte i. */
static void type_split(struct model *m, const char *what, const char *keys, size_t bytes, uint64_t at,
                       bool every)
{
    uint32_t accepted = m->accepted, refused = m->refused;

    model_keys(m, keys, bytes);
    for (size_t i = 0, from = 0; i < bytes; i++) {
        const bool pause = every ? (at >> i & 1u) != 0 : i + 1u == at;

        if (!pause && i + 1u < bytes)
            continue;
        wired_type_bytes(&people.w, keys + from, i + 1u - from);
        from = i + 1u;
        if (from < bytes)
            wired_pass(&people.w, GAP_NS);
    }
    console_is(m, what, at);
    accepted = m->accepted - accepted;
    refused = m->refused - refused;
    if (m->in) {
        console_types("\x04");
        shows(m, OUT);
        m->in = m->after_cr = false;
        console_is(m, what, at);
    } else if (m->bytes > 0) { /* what is left of a line */
        console_types("\x15");
        m->bytes = 0;
        m->after_cr = false;
    }
    if (refused > 0 && accepted == 0)
        right_one(m);
    cr_assert(log_.accepted == m->accepted && log_.refused == m->refused && log_.delayed == 0,
              "%s, split %lx: %u accepted, %u refused and %u delayed in the log, not %u and %u", what,
              (unsigned long)at, log_.accepted, log_.refused, log_.delayed, m->accepted, m->refused);
}

static struct model begin(const char *secret, const char *verifier)
{
    struct model m = {.secret = secret};

    memset(&log_, 0, sizeof log_);
    people_open(7, false, verifier, said);
    wired_pass(&people.w, SECOND); /* all are up */
    console_types(secret);
    console_types("\r");
    cr_assert(console_sees(IN, ANSWER_NS), "%s", people.w.text); /* behind the marker access-path */
    console_types("\x04");
    cr_assert(console_sees(OUT, ANSWER_NS));
    m.accepted = 1;
    return m;
}

static void every_split(struct model *m, const char *keys, size_t bytes)
{
    for (uint64_t splits = 0; splits < 1ull << (bytes - 1u); splits++)
        type_split(m, "every split", keys, bytes, splits, true);
}

static void single_splits(struct model *m, const char *what, const char *keys, size_t bytes)
{
    for (size_t at = 0; at < bytes; at++)
        type_split(m, what, keys, bytes, at, false);
}

Test(attempts, every_split_of_short_inputs, .timeout = 300)
{
    static const struct {
        const char *keys;
        size_t bytes;
    } inputs[] = {
#define KEYS(text_) {text_, sizeof text_ - 1u}
        KEYS(SECRET_8 "\r"),
        KEYS("QWXZJKVA\r"),
        KEYS("QWXZJKV\r"),
        KEYS("\r\n"),
        KEYS("\r\0"),
        KEYS("\n\n"),
        KEYS("A\x03"
             "B\r\n"),
        KEYS("AB\x15"
             "A\r\0"),
        KEYS("A\x7f\x08"
             "A\n"),
        KEYS("A\x04"
             "A\r"),
        KEYS("\x03\x15\r\n\r"),
        KEYS("A\t\x80\xff\r"),
        KEYS("\r\r\n\n\0"),
    };
    struct model m = begin(SECRET_8, VERIFIER_8);

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        every_split(&m, inputs[i].keys, inputs[i].bytes);
    printf("log-ins: %u accepted, %u refused\n", m.accepted, m.refused);
    people_close();
}

/* Lengths about the bounds, and what is in the middle or ahead of a secret of that length. */
static void long_inputs(struct model *m)
{
    const char *s = m->secret;
    const int half = (int)strlen(s) / 2;
    char keys[INPUT_BYTES], sevens[8] = "";

    memcpy(sevens, s, 7);
    const struct {
        const char *what, *before, *middle, *after;
    } table[] = {{"the right one, CR LF", "", "", "\r\n"},
                 {"the right one, LF", "", "", "\n"},
                 {"one byte more", "", "", "X\r"},
                 {"one byte more, erased", "", "", "X\x7f\r"},
                 {"one byte less", "", "", "\x7f\r"},
                 {"^U in the middle", "", "\x15", "\r"},
                 {"^C in the middle", "", "\x03", "\r"},
                 {"^D in the middle", "", "\x04", "\r"},
                 {"^U before", "WRONGWRONG\x15", "", "\r"},
                 {"^C before", "WRONGWRONG\x03", "", "\r"},
                 {"wrong, too short and empty ones before, typed ahead", "WRONGWRONG\rWRONG\r\n\n", "", "\r"},
                 {"Enter in the middle", "", "\r\n", "\r"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const int bytes = snprintf(keys, sizeof keys, "%s%.*s%s%s%s", table[i].before, half, s,
                                   table[i].middle, s + half, table[i].after);

        cr_assert(bytes > 0 && (size_t)bytes < sizeof keys);
        single_splits(m, table[i].what, keys, (size_t)bytes);
    }
    const int bytes = snprintf(keys, sizeof keys, "%s\r%s\r", sevens, sevens);
    single_splits(m, "seven", keys, (size_t)bytes);
}

Test(attempts, each_single_split_of_the_shortest_secret, .timeout = 300)
{
    struct model m = begin(SECRET_8, VERIFIER_8);

    long_inputs(&m);
    printf("log-ins: %u accepted, %u refused\n", m.accepted, m.refused);
    people_close();
}

Test(attempts, each_single_split_of_the_longest_secret, .timeout = 300)
{
    struct model m = begin(SECRET_128, VERIFIER_128);
    char keys[INPUT_BYTES];

    long_inputs(&m);
    memset(keys, 'A', 300); /* more than a line has */
    keys[300] = '\r';
    single_splits(&m, "300 bytes", keys, 301);
    printf("log-ins: %u accepted, %u refused\n", m.accepted, m.refused);
    people_close();
}

/* Types a wrong one. ms until it was called wrong. */
static uint64_t wrong_ms(void)
{
    const uint64_t from_ns = wired_now(&people.w);

    console_types("QWXZJKVA\r");
    cr_assert(console_sees(WRONG, 10 * SECOND), "%s", console_text());
    return (wired_now(&people.w) - from_ns) / MS;
}

Test(attempts, wrong_ones_wait_longer_and_longer_to_a_minute, .timeout = 300)
{
    static const uint64_t held_s[] = {0, 0, 0, 1, 2, 4}, told_s[] = {8, 16, 32, 60, 60};
    struct model m = begin(SECRET_8, VERIFIER_8);

    for (uint32_t round = 0; round < 2u; round++) {
        for (size_t i = 0; i < sizeof held_s / sizeof *held_s; i++) {
            const uint64_t ms = wrong_ms();

            cr_expect(ms + 100u >= held_s[i] * 1000u && ms < held_s[i] * 1000u + 100u,
                      "wrong one %zu took %lu ms", i, (unsigned long)ms);
        }
        for (size_t i = 0; i < sizeof told_s / sizeof *told_s; i++) {
            char told[96];

            snprintf(told, sizeof told, "too many wrong ones: the next is looked at in %lu s\n",
                     (unsigned long)told_s[i]);
            console_types(SECRET_8 "\r"); /* the right one is not looked at either */
            cr_expect(console_sees(told, SECOND), "not %s: %s", told, console_text());
            wired_pass(&people.w, told_s[i] * SECOND);
            cr_expect_lt(wrong_ms(), 100u);
        }
        wired_pass(&people.w, round == 0 ? 60u * SECOND : 900u * SECOND);
        console_seen();
        if (round == 0)
            right_one(&m); /* all is as at first; or nothing for a quarter of an hour */
    }
    cr_expect_lt(wrong_ms(), 100u);
    cr_expect_lt(wrong_ms(), 100u);
    people_close();
}
