/* SPDX-License-Identifier: BSD-2-Clause */
/* Escaped writing to a port. Trusts no text: programs, peers and users supply it. */
#include "evidence/console.h"

#include "abi/assert.h"
#include "evidence/markers.h"
#include "evidence/text.h"
#include "platform/platform.h"

#define CHUNK_BYTES  256u
#define ESCAPE_BYTES 4u /* \xNN */

static const char prefix[] = EVIDENCE_PREFIX;
#define PREFIX_BYTES (sizeof(prefix) - 1u)
_Static_assert(PREFIX_BYTES > 1 && PREFIX_BYTES < CONSOLE_NO_MATCH, "the match counter holds the prefix");

void console_init(struct console *c, struct platform *platform)
{
    ASSERT(platform != NULL);
    console_init_port(c, platform, CONSOLE_MAIN);
}

void console_init_port(struct console *c, struct platform *platform, uint8_t port)
{
    ASSERT(platform != NULL);
    ASSERT(port != CONSOLE_EVIDENCE); /* evidence alone goes there */
    *c = (struct console){.platform = platform, .port = port, .matched = 0, .mid_line = false};
}

static void flush(struct console *c, struct text *chunk)
{
    ASSERT(!chunk->overflow);
    if (chunk->used > 0)
        platform_console_write(c->platform, (enum platform_console)c->port, chunk->at, chunk->used);
    chunk->used = 0;
}

/* True when this byte would complete the prefix at the start of a line. Follows the match byte by byte, so
 * that it does not matter in which pieces the text comes. */
static bool completes_prefix(struct console *c, char byte)
{
    if (c->matched == CONSOLE_NO_MATCH)
        return false;
    ASSERT(c->matched < PREFIX_BYTES);
    if (byte != prefix[c->matched]) {
        c->matched = CONSOLE_NO_MATCH;
        return false;
    }
    if (c->matched + 1u == PREFIX_BYTES) {
        c->matched = CONSOLE_NO_MATCH;
        return true;
    }
    c->matched++;
    return false;
}

static bool is_plain(char byte)
{
    return (byte >= ' ' && byte <= '~' && byte != '\\') || byte == '\t';
}

/* How many bytes from the first on go out as they are, and tell nothing about what follows: most of them. */
static size_t plain(const struct console *c, const char *text, size_t bytes)
{
    size_t count = 0;

    while (c->matched == CONSOLE_NO_MATCH && count < bytes && is_plain(text[count]))
        count++;
    return count;
}

static void put(struct console *c, struct text *chunk, char byte, bool newline_ends_line)
{
    if (chunk->capacity - chunk->used < ESCAPE_BYTES)
        flush(c, chunk);
    if (byte == '\n' && newline_ends_line) {
        text_bytes(chunk, "\n", 1);
        c->matched = 0;
        c->mid_line = false;
        return;
    }
    if (completes_prefix(c, byte) || !is_plain(byte)) {
        text_bytes(chunk, "\\x", 2);
        text_hex(chunk, (uint8_t)byte, 2);
    } else {
        text_bytes(chunk, &byte, 1);
    }
    c->mid_line = true;
}

void console_write(struct console *c, const char *text, size_t bytes)
{
    ASSERT(text != NULL || bytes == 0);
    char buffer[CHUNK_BYTES];
    struct text chunk = text_over(buffer, sizeof(buffer));
    for (size_t i = 0; i < bytes;) {
        if (chunk.used == chunk.capacity)
            flush(c, &chunk);
        const size_t room = chunk.capacity - chunk.used, left = bytes - i;
        const size_t run = plain(c, text + i, left < room ? left : room);

        text_bytes(&chunk, text + i, run);
        c->mid_line = c->mid_line || run > 0;
        i += run;
        if (run == 0)
            put(c, &chunk, text[i++], true);
    }
    flush(c, &chunk);
}

void console_line(struct console *c, const char *text, size_t bytes)
{
    ASSERT(text != NULL || bytes == 0);
    char buffer[CHUNK_BYTES];
    struct text chunk = text_over(buffer, sizeof(buffer));
    console_fresh_line(c);
    for (size_t i = 0; i < bytes; i++)
        put(c, &chunk, text[i], false);
    put(c, &chunk, '\n', true);
    flush(c, &chunk);
    ASSERT(!c->mid_line);
}

void console_fresh_line(struct console *c)
{
    if (c->mid_line)
        console_write(c, "\n", 1);
    ASSERT(!c->mid_line && c->matched == 0);
}

static void control(struct console *c, const char *bytes, size_t count)
{
    platform_console_write(c->platform, (enum platform_console)c->port, bytes, count);
}

void console_erase_line(struct console *c)
{
    static const char sequence[] = "\r\x1b[K";

    control(c, sequence, sizeof sequence - 1u);
    c->matched = 0; /* a reader that takes CR for the end of a line sees no evidence either */
}

void console_back(struct console *c, uint32_t columns)
{
    char buffer[16];
    struct text t = text_over(buffer, sizeof buffer);

    if (columns == 0)
        return;
    text_string(&t, "\x1b[");
    text_u64(&t, columns);
    text_string(&t, "D");
    ASSERT(!t.overflow);
    control(c, t.at, t.used);
}

void console_clear(struct console *c)
{
    static const char sequence[] = "\x1b[H\x1b[J";

    console_fresh_line(c);
    control(c, sequence, sizeof sequence - 1u);
}
