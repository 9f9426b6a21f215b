/* SPDX-License-Identifier: BSD-2-Clause */
/* What is seen. On the console the kernel draws the line under way and escapes all text (SERIAL_LINE); a
 * connection gets the same from here: CR LF for a newline, \xNN for what is not printable, and ECMA-48's EL,
 * CUB, CUP and ED for the line that is typed. */
#include "user/termd/termd.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "evidence/text.h"

#define CHUNK_BYTES 512u
#define BEL         "\a"

static uint32_t length(const char *text)
{
    uint32_t bytes = 0;

    while (text[bytes] != 0)
        bytes++;
    return bytes;
}

static bool is_console(const struct termd *t, const struct session *s)
{
    return s == &t->sessions[TERMD_CONSOLE];
}

static void console_call(struct termd *t, uint16_t method, uint64_t argument, const char *text,
                         uint32_t bytes)
{
    const struct ring_extra range = ring_range(t->draw.cap, 0, bytes);

    memcpy(t->draw.at, text, bytes);
    (void)ring_call(&t->rt->ring, t->port, method, RING_ARGS(argument), bytes > 0 ? &range : NULL);
}

static void put_string(struct session *s, const char *text)
{
    connection_put(s, text, length(text));
}

static void put_view(struct session *s, const struct discipline_view *v)
{
    char buffer[16];
    struct text t = text_over(buffer, sizeof buffer);

    put_string(s, "\r");
    connection_put(s, v->text, v->bytes);
    put_string(s, "\x1b[K");
    if (v->cursor == v->bytes)
        return;
    text_string(&t, "\x1b[");
    text_u64(&t, v->bytes - v->cursor);
    text_string(&t, "D");
    connection_put(s, t.at, (uint32_t)t.used);
}

/* A key at the end of the line costs its own byte, not the whole line. */
static void put_change(struct session *s, const struct discipline_view *v)
{
    const struct discipline_view *was = &s->shown;

    if (was->bytes > 0 && was->cursor == was->bytes && v->cursor == v->bytes && v->bytes > was->bytes &&
        memcmp(was->text, v->text, was->bytes) == 0)
        connection_put(s, v->text + was->bytes, v->bytes - was->bytes);
    else
        put_view(s, v);
}

void show_line(struct termd *t, struct session *s)
{
    struct discipline_view v;

    discipline_view(&s->line, s->columns, &v);
    if (is_console(t, s))
        console_call(t, SERIAL_LINE, v.cursor, v.text, v.bytes);
    else
        put_change(s, &v);
    s->shown = v;
}

/* What comes next stands behind the line, not over the part behind its cursor. */
static void to_end(struct termd *t, struct session *s)
{
    struct discipline_view v = s->shown;

    if (v.cursor == v.bytes)
        return;
    v.cursor = v.bytes;
    if (is_console(t, s))
        console_call(t, SERIAL_LINE, v.cursor, v.text, v.bytes);
    else
        put_view(s, &v);
}

void show_end(struct termd *t, struct session *s, const char *mark)
{
    to_end(t, s);
    s->shown.bytes = 0;
    if (!is_console(t, s)) {
        put_string(s, mark);
        put_string(s, "\r\n");
    } else {
        char text[4] = "";
        const uint32_t bytes = length(mark);

        memcpy(text, mark, bytes);
        text[bytes] = '\n';
        console_call(t, SERIAL_WRITE, 0, text, bytes + 1u);
    }
}

void show_choices(struct termd *t, struct session *s)
{
    char text[CHUNK_BYTES];
    const uint32_t bytes = discipline_choices(&s->line, text, CHUNK_BYTES - 1u);

    show_end(t, s, "");
    if (is_console(t, s)) {
        text[bytes] = '\n';
        console_call(t, SERIAL_WRITE, 0, text, bytes + 1u);
    } else {
        connection_put(s, text, bytes);
        put_string(s, "\r\n");
    }
    show_line(t, s);
}

void show_bell(struct session *s)
{
    put_string(s, BEL); /* nothing at the console */
}

void show_clear(struct termd *t, struct session *s)
{
    if (is_console(t, s))
        console_call(t, SERIAL_CLEAR, 0, "", 0);
    else
        put_string(s, "\x1b[H\x1b[J");
}

static void put_text_byte(struct session *s, char byte)
{
    char buffer[8];
    struct text t = text_over(buffer, sizeof buffer);

    if (byte == '\n') {
        text_string(&t, "\r\n");
    } else if ((byte >= ' ' && byte <= '~') || byte == '\t') {
        text_bytes(&t, &byte, 1);
    } else {
        text_string(&t, "\\x");
        text_hex(&t, (uint8_t)byte, 2);
    }
    connection_put(s, t.at, (uint32_t)t.used);
}

bool show_text(struct termd *t, struct session *s)
{
    while (s->write_left > 0) {
        const uint32_t part = s->write_left < CHUNK_BYTES ? s->write_left : CHUNK_BYTES;
        char text[CHUNK_BYTES];

        memcpy(text, s->page.at + s->write_at, part); /* read once */
        if (is_console(t, s))
            console_call(t, SERIAL_WRITE, 0, text, part);
        else if (connection_room(s) < 4u * part + TERMD_ECHO_BYTES)
            return false;
        else
            for (uint32_t i = 0; i < part; i++)
                put_text_byte(s, text[i]);
        s->write_at += part;
        s->write_left -= part;
    }
    return true;
}
