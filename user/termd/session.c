/* SPDX-License-Identifier: BSD-2-Clause */
/* One terminal: what was typed becomes the answer of the call that waits for it. Nothing is echoed before a
 * line is asked for, so that what is typed ahead is never shown, be it a secret or not. */
#include "abi/memory.h"
#include "user/termd/termd.h"

#define CTRL_C 0x03u

static void wipe(void *at, uint32_t bytes)
{
    memset(at, 0, bytes);
    __asm__ volatile("" : : "r"(at) : "memory"); /* not dead: others hold the page, or will */
}

static void wipe_page(struct session *s)
{
    if (s->dirty)
        wipe(s->page.at + s->line_at, s->line_end - s->line_at);
    s->dirty = false;
}

static void read_over(struct termd *t, struct session *s, enum terminal_error error)
{
    discipline_wipe(&s->line);
    termd_complete(t, &s->read, error, 0);
}

static void read_done(struct termd *t, struct session *s)
{
    char line[DISCIPLINE_LINE_BYTES];
    const uint32_t bytes = discipline_take(&s->line, line);

    memcpy(s->page.at + s->line_at, line, bytes);
    wipe(line, sizeof line);
    s->line_end = s->line_at + bytes;
    s->dirty = true;
    termd_complete(t, &s->read, TERMINAL_OK, bytes);
}

/* One byte of the line that is asked for. */
static void edit(struct termd *t, struct session *s, uint8_t byte)
{
    switch (discipline_byte(&s->line, byte)) {
    case DISCIPLINE_NOTHING:
        return;
    case DISCIPLINE_CHANGED:
    case DISCIPLINE_REDRAW:
        show_line(t, s);
        return;
    case DISCIPLINE_LINE:
        show_end(t, s, "");
        read_done(t, s);
        return;
    case DISCIPLINE_INTERRUPT:
        show_end(t, s, "^C");
        read_over(t, s, TERMINAL_E_INTERRUPT);
        return;
    case DISCIPLINE_END:
        show_end(t, s, "");
        read_over(t, s, TERMINAL_E_END);
        return;
    case DISCIPLINE_CHOICES:
        show_choices(t, s);
        return;
    case DISCIPLINE_REFUSED:
        show_bell(s);
        return;
    }
}

/* For the call that waits. CR LF and CR NUL are one key, whichever calls their two bytes come to: the second
 * would else end a table that the first has asked for. */
static void take(struct termd *t, struct session *s, uint8_t byte)
{
    const bool same_key = s->after_cr && (byte == '\n' || byte == 0);

    s->after_cr = byte == '\r';
    if (same_key)
        return;
    if (s->key.used && !s->key_interrupt)
        termd_complete(t, &s->key, TERMINAL_OK, byte);
    else
        edit(t, s, byte == '\r' ? '\n' : byte); /* the line's own memory of a CR would count it again */
}

/* The first of what was typed ahead, which is wiped there; there is one. */
static uint8_t take_ahead(struct session *s)
{
    const uint8_t byte = s->ahead[s->ahead_first];

    s->ahead[s->ahead_first] = 0;
    s->ahead_first = (s->ahead_first + 1u) % TERMD_AHEAD_BYTES;
    s->ahead_count--;
    return byte;
}

/* Is there a ^C? It drops what was typed before it. */
static bool interrupt_ahead(struct session *s)
{
    bool typed = false;

    for (uint32_t i = 0; i < s->ahead_count; i++)
        typed = typed || s->ahead[(s->ahead_first + i) % TERMD_AHEAD_BYTES] == CTRL_C;
    while (typed && take_ahead(s) != CTRL_C)
        ;
    return typed;
}

/* Does a call wait that takes whatever is typed? */
static bool takes(const struct session *s)
{
    return s->read.used || (s->key.used && !s->key_interrupt);
}

void session_typed(struct termd *t, struct session *s, uint8_t byte)
{
    if (s->key.used && s->key_interrupt && byte == CTRL_C) {
        while (s->ahead_count > 0)
            (void)take_ahead(s);
        s->after_cr = false;
        termd_complete(t, &s->key, TERMINAL_OK, byte);
    } else if (s->ahead_count == 0 && takes(s)) {
        take(t, s, byte);
    } else if (s->ahead_count < TERMD_AHEAD_BYTES) {
        s->ahead[(s->ahead_first + s->ahead_count++) % TERMD_AHEAD_BYTES] = byte;
    } else {
        s->dropped++;
    }
}

void session_ahead(struct termd *t, struct session *s)
{
    if (s->key.used && s->key_interrupt && interrupt_ahead(s))
        termd_complete(t, &s->key, TERMINAL_OK, CTRL_C);
    while (s->ahead_count > 0 && takes(s) && connection_room(s) >= TERMD_ECHO_BYTES)
        take(t, s, take_ahead(s));
}

void session_ask(struct termd *t, struct session *s, uint32_t at, uint32_t bytes, bool secret)
{
    char prompt[TERMINAL_PROMPT_BYTES];

    memcpy(prompt, s->page.at + at, bytes); /* read once */
    wipe_page(s);
    s->line_at = at;
    discipline_ask(&s->line, prompt, bytes, secret);
    show_line(t, s);
    session_ahead(t, s);
}

bool session_open(struct termd *t, struct session *s)
{
    memset(s, 0, sizeof *s);
    if (!rt_memory_make(t->rt, TERMINAL_BUFFER_BYTES, &s->page))
        return false;
    s->state = SESSION_LIVE;
    s->life = ++t->next_life;
    s->badge = (uint64_t)(s - t->sessions + 1) | s->life << 16;
    s->columns = s == &t->sessions[TERMD_CONSOLE] ? t->columns : TERMD_COLUMNS;
    s->rows = s == &t->sessions[TERMD_CONSOLE] ? t->rows : TERMD_ROWS;
    discipline_init(&s->line);
    return true;
}

void session_close(struct termd *t, struct session *s)
{
    if (s->state != SESSION_LIVE)
        return;
    s->state = SESSION_CLOSED;
    if (s->read.used)
        show_end(t, s, "");
    read_over(t, s, TERMINAL_E_CLOSED);
    termd_complete(t, &s->key, TERMINAL_E_CLOSED, 0);
    termd_complete(t, &s->write, TERMINAL_E_CLOSED, 0);
    if (s->streamed)
        stream_ended(t, s);
    else
        connection_hang_up(t, s);
}

void session_free(struct termd *t, struct session *s)
{
    session_close(t, s);
    wipe_page(s);
    rt_memory_drop(t->rt, &s->page);
    if (s->streamed && s->stream.at != NULL)
        rt_memory_drop(t->rt, &s->stream);
    if (s->lent.at != NULL)
        rt_memory_drop(t->rt, &s->lent);
    wipe(s, sizeof *s);
}

static uint64_t expire(struct termd *t, struct wait *w, uint64_t now_ns, uint64_t due_ns)
{
    if (w->used && w->until_ns <= now_ns)
        termd_complete(t, w, TERMINAL_E_TIMEOUT, 0);
    return w->used && w->until_ns < due_ns ? w->until_ns : due_ns;
}

uint64_t session_expire(struct termd *t, struct session *s, uint64_t now_ns)
{
    if (s->read.used && s->read.until_ns <= now_ns) {
        show_end(t, s, "");
        read_over(t, s, TERMINAL_E_TIMEOUT);
    }
    const uint64_t due_ns = expire(t, &s->far_read, now_ns, s->read.used ? s->read.until_ns : RING_FOREVER);

    return expire(t, &s->key, now_ns, due_ns);
}
