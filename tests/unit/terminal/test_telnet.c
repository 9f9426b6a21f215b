/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter alone: every verb on every option, twice; commands; subnegotiations and their bound; two ends.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "user/terminal/telnet.h"

#define IAC  0xffu
#define WILL 0xfbu
#define WONT 0xfcu
#define DO   0xfdu
#define DONT 0xfeu
#define SB   0xfau
#define SE   0xf0u

static void begin(struct telnet *t)
{
    static const uint8_t due[TELNET_GREETING] = {IAC, WILL, 1, IAC, WILL, 3};
    uint8_t greeting[TELNET_GREETING];

    memset(t, 0xa5, sizeof(*t));
    telnet_init(t, greeting);
    cr_assert_eq(memcmp(greeting, due, sizeof(due)), 0);
}

static void nothing(struct telnet *t, uint8_t byte)
{
    const struct telnet_out out = telnet_byte(t, byte);

    cr_assert_eq(out.event, TELNET_NOTHING, "%02x: %d", byte, (int)out.event);
}

/* What the third byte of a negotiation came to: the verb of the answer, or 0. */
static uint8_t negotiate(struct telnet *t, uint8_t verb, uint8_t option)
{
    nothing(t, IAC);
    nothing(t, verb);
    const struct telnet_out out = telnet_byte(t, option);
    if (out.event == TELNET_NOTHING)
        return 0;
    cr_assert_eq(out.event, TELNET_ANSWER);
    cr_assert_eq(out.answer[0], IAC);
    cr_assert_eq(out.answer[2], option);
    return out.answer[1];
}

static bool is_ours(unsigned option)
{
    return option == 1 || option == 3;
}

/* Each verb on each option, on a new filter, then twice more. */
Test(terminal_telnet, option_table)
{
    struct telnet t;

    for (unsigned option = 0; option < 256; option++) {
        const uint8_t o = (uint8_t)option;
        const struct {
            uint8_t verb, answer;
        } rows[] = {{WILL, DONT}, {WONT, 0}, {DO, is_ours(option) ? 0 : WONT}, {DONT, 0}};

        for (unsigned i = 0; i < 4; i++) {
            begin(&t);
            cr_assert_eq(negotiate(&t, rows[i].verb, o), rows[i].answer, "%02x %u", rows[i].verb, option);
            cr_assert_eq(negotiate(&t, rows[i].verb, o), 0, "%02x %u again", rows[i].verb, option);
            cr_assert_eq(negotiate(&t, rows[i].verb, o), 0, "%02x %u again", rows[i].verb, option);
            cr_assert_eq(t.commands, 3);
        }
    }
}

/* What we asked for, agreed, taken back, asked for by the peer again. */
Test(terminal_telnet, life_of_an_option)
{
    static const uint8_t ours[] = {1, 3};
    struct telnet t;

    for (unsigned i = 0; i < 2; i++) {
        begin(&t);
        cr_assert_eq(negotiate(&t, DO, ours[i]), 0);
        cr_assert_eq(negotiate(&t, DO, ours[i]), 0);
        cr_assert_eq(negotiate(&t, DONT, ours[i]), WONT);
        cr_assert_eq(negotiate(&t, DONT, ours[i]), 0);
        cr_assert_eq(negotiate(&t, DO, ours[i]), 0); /* no was said */
        cr_assert_eq(negotiate(&t, DONT, ours[i]), 0);
        begin(&t);
        cr_assert_eq(negotiate(&t, DONT, ours[i]), 0); /* its answer to what we asked */
        cr_assert_eq(negotiate(&t, DO, ours[i]), WONT); /* it stays off */
        cr_assert_eq(negotiate(&t, DO, ours[i]), 0);
        cr_assert_eq(negotiate(&t, DO, ours[1 - i]), 0); /* the other one is another one */
        cr_assert_eq(negotiate(&t, DONT, ours[1 - i]), WONT);
    }
    begin(&t); /* an offer and a request of the same option are two things */
    cr_assert_eq(negotiate(&t, WILL, 24), DONT);
    cr_assert_eq(negotiate(&t, DO, 24), WONT);
    cr_assert_eq(negotiate(&t, WILL, 1), DONT);
}

/* A peer that says everything, again and again. */
Test(terminal_telnet, answers_are_bounded)
{
    static const uint8_t verbs[] = {WILL, DO, DONT, WONT, DO, WILL};
    struct telnet t;
    unsigned answers = 0;

    begin(&t);
    for (unsigned round = 0; round < 5; round++)
        for (unsigned option = 0; option < 256; option++)
            for (unsigned i = 0; i < sizeof(verbs); i++)
                answers += negotiate(&t, verbs[i], (uint8_t)option) != 0;
    cr_assert_eq(answers, 512);
}

/* Two of us talk, greetings first: they come to rest. */
Test(terminal_telnet, two_ends_come_to_rest)
{
    struct telnet end[2];
    uint8_t under_way[2][256];
    size_t count[2] = {TELNET_GREETING, TELNET_GREETING};
    unsigned rounds = 0;

    for (unsigned i = 0; i < 2; i++)
        telnet_init(&end[i], under_way[i]);
    for (; count[0] + count[1] > 0; rounds++) {
        uint8_t next[2][256];
        size_t made[2] = {0, 0};

        cr_assert_lt(rounds, 4);
        for (unsigned i = 0; i < 2; i++)
            for (size_t k = 0; k < count[i]; k++) {
                const struct telnet_out out = telnet_byte(&end[1 - i], under_way[i][k]);

                if (out.event == TELNET_ANSWER) {
                    memcpy(next[1 - i] + made[1 - i], out.answer, 3);
                    made[1 - i] += 3;
                }
            }
        memcpy(under_way, next, sizeof(next));
        memcpy(count, made, sizeof(made));
    }
    cr_assert_eq(rounds, 2); /* greeting, no */
}

/* All that can follow an IAC. */
Test(terminal_telnet, commands)
{
    struct telnet t;

    for (unsigned byte = 0; byte < 256; byte++) {
        begin(&t);
        nothing(&t, IAC);
        const struct telnet_out out = telnet_byte(&t, (uint8_t)byte);
        const enum telnet_event due = byte == 243 || byte == 244 ? TELNET_INTERRUPT
                                      : byte == 246              ? TELNET_ALIVE
                                      : byte == 247              ? TELNET_ERASE
                                      : byte == 248              ? TELNET_KILL
                                      : byte == 255              ? TELNET_BYTE
                                                                 : TELNET_NOTHING;

        cr_assert_eq(out.event, due, "%u: %d", byte, (int)out.event);
        cr_assert(byte != 255 || out.byte == 255);
        cr_assert_eq(t.commands, byte != 255);
        if (byte >= 251 && byte <= 254)
            (void)telnet_byte(&t, 200); /* its option */
        if (byte == SB)
            continue;
        const struct telnet_out after = telnet_byte(&t, 'x');
        cr_assert_eq(after.event, TELNET_BYTE, "behind %u", byte);
        cr_assert_eq(after.byte, 'x');
    }
}

Test(terminal_telnet, bytes_pass)
{
    struct telnet t;

    begin(&t);
    for (unsigned byte = 0; byte < 255; byte++) {
        const struct telnet_out out = telnet_byte(&t, (uint8_t)byte);

        cr_assert_eq(out.event, TELNET_BYTE);
        cr_assert_eq(out.byte, byte);
    }
    cr_assert_eq(t.commands, 0);
}

/* An option may be any byte, IAC too. */
Test(terminal_telnet, an_option_of_255)
{
    struct telnet t;

    begin(&t);
    cr_assert_eq(negotiate(&t, DO, 255), WONT);
    cr_assert_eq(telnet_byte(&t, 'a').event, TELNET_BYTE);
}

static void skips(const char *inner, size_t bytes)
{
    struct telnet t;

    begin(&t);
    nothing(&t, IAC);
    nothing(&t, SB);
    for (size_t i = 0; i < bytes; i++)
        nothing(&t, (uint8_t)inner[i]);
    nothing(&t, IAC);
    nothing(&t, SE);
    cr_assert_eq(telnet_byte(&t, 'x').event, TELNET_BYTE);
    cr_assert_eq(t.commands, 1);
}

#define SKIPS(inner) skips(inner, sizeof(inner) - 1u)

Test(terminal_telnet, subnegotiations_are_skipped_whatever_is_in_them)
{
    SKIPS("");
    SKIPS("\030\000xterm");
    SKIPS("\360"); /* SE without an IAC is a byte */
    SKIPS("\377\377");
    SKIPS("\377\377\360"); /* and so is the SE behind a doubled IAC */
    SKIPS("\377\377\377\377");
    SKIPS("\377\361\377\364\377\372\377\375\001");
    SKIPS("\003\r\n\000\033[A");
}

static void begin_skipping(struct telnet *t, unsigned bytes)
{
    nothing(t, IAC);
    nothing(t, SB);
    for (unsigned i = 0; i < bytes; i++)
        nothing(t, 'x');
}

/* Short and long ones in a row, each within its own bound, and one that is not. */
Test(terminal_telnet, each_subnegotiation_has_its_own_bound)
{
    static const unsigned lengths[] = {300, 300, 300, TELNET_SKIP_MAX - 2u, TELNET_SKIP_MAX - 2u, 1};
    struct telnet t;

    begin(&t);
    for (unsigned round = 0; round < sizeof lengths / sizeof lengths[0]; round++) {
        begin_skipping(&t, lengths[round]);
        nothing(&t, IAC);
        nothing(&t, SE);
    }
    cr_assert_eq(telnet_byte(&t, 'x').event, TELNET_BYTE);
    begin_skipping(&t, TELNET_SKIP_MAX - 1u);
    cr_assert_eq(telnet_byte(&t, 'x').event, TELNET_REFUSED);
}

/* Without an end: refused at the bound, and for good. */
Test(terminal_telnet, a_subnegotiation_without_end_is_refused)
{
    static const char *const fills[] = {"x", "\377", "\377\377x", "\377\361"};

    for (unsigned f = 0; f < sizeof(fills) / sizeof(fills[0]); f++) {
        struct telnet t;

        begin(&t);
        nothing(&t, IAC);
        nothing(&t, SB);
        for (unsigned i = 0; i < TELNET_SKIP_MAX - 1u; i++)
            nothing(&t, (uint8_t)fills[f][i % strlen(fills[f])]);
        cr_assert_eq(telnet_byte(&t, 'x').event, TELNET_REFUSED);
        for (unsigned byte = 0; byte < 600; byte++)
            cr_assert_eq(telnet_byte(&t, (uint8_t)byte).event, TELNET_REFUSED);
        cr_assert_eq(telnet_byte(&t, IAC).event, TELNET_REFUSED);
        cr_assert_eq(telnet_byte(&t, SE).event, TELNET_REFUSED);
    }
}
