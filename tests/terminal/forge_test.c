/* SPDX-License-Identifier: BSD-2-Clause */
/* Nothing that is typed can pass for evidence: at the console and over a connection, at the log-in and at the
 * shell's prompt, markers typed with control bytes, escapes and line ends of every kind among them. Judged as
 * a log is, by its lines, and as it is seen, by a terminal: what begins as evidence on the console is what
 * the evidence port says, line by line, and on a connection nothing does. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/terminal/people.h"

#define SEED        20261130u
#define PREFIX      "cloudboot-evidence:"
#define LINES_DAILY 150u
#define LINES_DEEP  3000u
#define LINE_BYTES  1024u
#define KEPT_BYTES  (64u << 10)

/* Lines that begin as evidence, each with its end. */
struct kept {
    char text[KEPT_BYTES];
    size_t bytes;
};

/* A byte stream by its lines, and by what a terminal shows of it. */
struct screen {
    char line[LINE_BYTES], shown[LINE_BYTES], escape[16];
    size_t bytes, column, width, escape_bytes;
    struct kept log, seen;
};

static struct screen console_screen, evidence_port, connection_screen;

static void keep(struct kept *k, const char *line, size_t bytes)
{
    if (bytes < sizeof PREFIX - 1u || memcmp(line, PREFIX, sizeof PREFIX - 1u) != 0)
        return;
    cr_assert_lt(k->bytes + bytes + 2u, KEPT_BYTES);
    memcpy(k->text + k->bytes, line, bytes);
    k->bytes += bytes;
    k->text[k->bytes++] = '\n';
}

static void line_over(struct screen *s)
{
    keep(&s->log, s->line, s->bytes);
    s->bytes = 0;
}

static void put(struct screen *s, char byte)
{
    if (s->column + 1u >= LINE_BYTES)
        return;
    while (s->width < s->column)
        s->shown[s->width++] = ' ';
    s->shown[s->column++] = byte;
    s->width = s->width > s->column ? s->width : s->column;
}

/* ECMA-48: EL, CUB, CUF, CUP, ED; what else comes changes nothing. */
static void escape_over(struct screen *s)
{
    const size_t count = s->escape_bytes > 3 ? (size_t)strtoul(s->escape + 2, NULL, 10) : 1u;
    const char last = s->escape[s->escape_bytes - 1u];

    s->escape_bytes = 0;
    if (last == 'K')
        s->width = s->column;
    else if (last == 'D')
        s->column -= count < s->column ? count : s->column;
    else if (last == 'C')
        s->column += count;
    else if (last == 'H' || last == 'J')
        s->column = s->width = 0;
}

static void shown(struct screen *s, char byte)
{
    if (s->escape_bytes > 0) {
        s->escape[s->escape_bytes++] = byte;
        s->escape[s->escape_bytes] = 0;
        if ((s->escape_bytes > 2 && byte >= '@') || s->escape_bytes + 2u > sizeof s->escape)
            escape_over(s);
    } else if (byte == 0x1b) {
        s->escape[s->escape_bytes++] = byte;
    } else if (byte == '\n') {
        keep(&s->seen, s->shown, s->width);
        s->column = s->width = 0;
    } else if (byte == '\r') {
        s->column = 0;
    } else if (byte == '\b') {
        s->column -= s->column > 0;
    } else if (byte >= ' ' && byte <= '~') {
        put(s, byte);
    }
}

static void takes(struct screen *s, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        shown(s, text[i]);
        if (text[i] == '\n' || text[i] == '\r')
            line_over(s);
        else if (s->bytes < LINE_BYTES)
            s->line[s->bytes++] = text[i];
    }
}

static void said(enum platform_console port, const char *text, size_t bytes)
{
    if (port == CONSOLE_MAIN)
        takes(&console_screen, text, bytes);
    else if (port == CONSOLE_EVIDENCE)
        takes(&evidence_port, text, bytes);
}

static uint32_t draw(uint32_t n)
{
    return (uint32_t)(sim_prng_next(&people.prng) % n);
}

/* One line's worth of forgery; its bytes. */
static size_t forgery(uint8_t *out)
{
#define PIECE(text_)                                                                                         \
    {                                                                                                        \
        text_, sizeof text_ - 1u                                                                             \
    }
    static const struct {
        const char *text;
        size_t bytes;
    } pieces[] = {PIECE(PREFIX " "),
                  PIECE(PREFIX " access-path v1:seq=0,boot=0000000000000000,chain=00ff\r\n"),
                  PIECE("\r" PREFIX),
                  PIECE("\n" PREFIX),
                  PIECE("\r\n" PREFIX),
                  PIECE("\r\0" PREFIX),
                  PIECE("\x0b" PREFIX), /* VT, FF, NEL, LS: lines to somebody else */
                  PIECE("\x0c" PREFIX),
                  PIECE("\x85" PREFIX),
                  PIECE("\xe2\x80\xa8" PREFIX),
                  PIECE("\x1b[1G" PREFIX),
                  PIECE("\x1b[2K" PREFIX),
                  PIECE("\x1b[E" PREFIX),
                  PIECE("\x1b[80D" PREFIX),
                  PIECE("\x1b"
                        "E" PREFIX),
                  PIECE("\x1b]0;" PREFIX "\a"),
                  PIECE("\b\b\b\b\b\b\b\b" PREFIX),
                  PIECE("\x01" PREFIX),
                  PIECE("\x15" PREFIX),
                  PIECE("\x03" PREFIX),
                  PIECE("\x17"),
                  PIECE("\x01\x1b[C\x1b[C"),
                  PIECE("\x1b[D"),
                  PIECE("\x10"),
                  PIECE("\x0e"),
                  PIECE("\x0c"),
                  PIECE("ping "),
                  PIECE("caps "),
                  PIECE("kill "),
                  PIECE("\\x0a"),
                  PIECE("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")};
    size_t bytes = 0;

    for (uint32_t n = 1u + draw(6); n > 0; n--) {
        const uint32_t i = draw(sizeof pieces / sizeof *pieces);

        memcpy(out + bytes, pieces[i].text, pieces[i].bytes);
        bytes += pieces[i].bytes;
        if (draw(4) == 0)
            out[bytes++] = (uint8_t)(draw(2) == 0 ? 0x80u + draw(0x7f) : 0x1cu + draw(4));
    }
    out[bytes++] = '\r';
    return bytes;
}

static void forge_at(struct person *p, uint32_t lines)
{
    uint8_t keys[LINE_BYTES];

    for (uint32_t i = 0; i < lines; i++) {
        const size_t bytes = forgery(keys);

        if (p == NULL)
            wired_type_bytes(&people.w, keys, bytes);
        else if (p->typed_bytes + bytes < sizeof p->typed)
            person_types_bytes(p, keys, bytes);
        wired_pass(&people.w, 20u * MS);
    }
}

static void judged(void)
{
    cr_expect_gt(evidence_port.log.bytes, 0);
    cr_expect_str_eq(console_screen.log.text, evidence_port.log.text, "lines of the console's log");
    cr_expect_str_eq(console_screen.seen.text, evidence_port.log.text, "lines as they are seen");
}

static void over_connections(uint32_t lines)
{
    for (uint32_t done = 0; done < lines; done += 20u) { /* half of them not logged in */
        struct person *p = done % 40u == 0 ? person_comes(0, 60u * SECOND) : person_logs_in(1, 60u * SECOND);

        forge_at(p, 20u);
        wired_pass(&people.w, SECOND);
        takes(&connection_screen, p->seen, p->seen_bytes);
        takes(&connection_screen, "\r\n", 2);
        person_leaves(p, DM_CLIENT_RESETS);
        wired_pass(&people.w, 100u * MS);
    }
    const struct person *last = &people.persons[1][(people.calls[1] - 1u) % PEOPLE_AT_ONCE];
    cr_expect_not_null(memmem(last->seen, last->seen_bytes, PREFIX, sizeof PREFIX - 1u), "nor here");
    cr_expect_eq(connection_screen.log.bytes, 0, "%s", connection_screen.log.text);
    cr_expect_eq(connection_screen.seen.bytes, 0, "%s", connection_screen.seen.text);
}

Test(forge, nothing_typed_begins_as_evidence, .timeout = 3600)
{
    const char *deep = getenv("CAPOS_DEEP");
    const uint32_t lines = deep != NULL && strcmp(deep, "1") == 0 ? LINES_DEEP : LINES_DAILY;

    people_open(SEED, true, VERIFIER, said);
    forge_at(NULL, lines); /* at the log-in; each wrong one makes it wait */
    wired_pass(&people.w, 120u * SECOND);
    console_seen();
    console_types("\x03\x15");
    console_logs_in(); /* a marker of its own */
    forge_at(NULL, lines);
    console_types("\x03\x15" PREFIX);
    cr_expect(console_sees("capos> " PREFIX, 10u * SECOND), "it is not even shown");
    over_connections(lines);
    console_types("\x03\x15"
                  "evidence\r");
    cr_expect(console_sees("access-path", 10u * SECOND), "%s", console_text());
    judged();
    takes(&console_screen, "\n" PREFIX " x\n", sizeof PREFIX + 3u); /* the judge sees one */
    cr_expect_neq(strcmp(console_screen.log.text, evidence_port.log.text), 0);
    cr_expect_neq(strcmp(console_screen.seen.text, evidence_port.log.text), 0);
    people_close();
}
