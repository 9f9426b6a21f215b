/* SPDX-License-Identifier: BSD-2-Clause */
/* The line, its keys, its history and its completion. Every function leaves the line zero behind its end. */
#include "user/terminal/discipline.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define LINE_MAX (DISCIPLINE_LINE_BYTES - 1u) /* bytes; one is the NUL's */
#define SEEN_MIN 8u /* columns for the line, however long the prompt */
#define ESCAPE   0x1bu
#define RUBOUT   0x7fu

#define CONTROL(letter) ((letter) - '@')

static bool printable(uint8_t byte)
{
    return byte >= ' ' && byte <= '~';
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void copy_printable(char *to, const char *from, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        to[i] = printable((uint8_t)from[i]) ? from[i] : '?';
}

/* Zeroes what is not read again before it is written: the compiler must believe that it is. */
static void wipe(void *at, size_t bytes)
{
    memset(at, 0, bytes);
    __asm__ volatile("" : : "r"(at) : "memory");
}

/* A secret's view never changes. */
static enum discipline_event changed(const struct discipline *d)
{
    return d->secret ? DISCIPLINE_NOTHING : DISCIPLINE_CHANGED;
}

static enum discipline_event swallow(struct discipline *d, uint32_t bytes)
{
    d->swallowed += bytes;
    return DISCIPLINE_NOTHING;
}

/* The sequence under way, whole or not, is no longer one. Its bytes. */
static uint32_t end_sequence(struct discipline *d)
{
    const uint32_t bytes = d->escape_bytes;

    wipe(d->escape, sizeof(d->escape));
    d->escape_bytes = 0;
    return bytes;
}

void discipline_init(struct discipline *d)
{
    wipe(d, sizeof(*d));
}

void discipline_wipe(struct discipline *d)
{
    wipe(d->line, sizeof(d->line));
    wipe(d->typed, sizeof(d->typed));
    (void)swallow(d, end_sequence(d));
    d->bytes = 0;
    d->cursor = 0;
    d->tabbed = false;
    d->history_at = d->history_count;
}

void discipline_ask(struct discipline *d, const char *prompt, uint32_t bytes, bool secret)
{
    discipline_wipe(d);
    d->prompt_bytes = least(bytes, DISCIPLINE_PROMPT_BYTES);
    copy_printable(d->prompt, prompt, d->prompt_bytes);
    d->secret = secret;
    d->state = DISCIPLINE_TYPING;
}

/* At the cursor. False: no room, nothing is inserted. */
static bool insert(struct discipline *d, const char *text, uint32_t bytes)
{
    if (bytes > LINE_MAX - d->bytes)
        return false;
    memmove(d->line + d->cursor + bytes, d->line + d->cursor, d->bytes - d->cursor);
    memcpy(d->line + d->cursor, text, bytes);
    d->bytes += bytes;
    d->cursor += bytes;
    return true;
}

static enum discipline_event refuse(struct discipline *d)
{
    d->refused++;
    return DISCIPLINE_REFUSED;
}

static enum discipline_event type(struct discipline *d, char byte)
{
    return insert(d, &byte, 1) ? changed(d) : refuse(d);
}

/* Bytes `from` to `to` go; the cursor is then where they were. */
static enum discipline_event erase(struct discipline *d, uint32_t from, uint32_t to)
{
    if (from == to)
        return DISCIPLINE_NOTHING;
    memmove(d->line + from, d->line + to, d->bytes - to);
    d->bytes -= to - from;
    memset(d->line + d->bytes, 0, to - from);
    d->cursor = from;
    return changed(d);
}

static enum discipline_event erase_word(struct discipline *d)
{
    uint32_t from = d->cursor;

    while (from > 0 && d->line[from - 1u] == ' ')
        from--;
    while (from > 0 && d->line[from - 1u] != ' ')
        from--;
    return erase(d, from, d->cursor);
}

static enum discipline_event move(struct discipline *d, uint32_t cursor)
{
    if (cursor == d->cursor)
        return DISCIPLINE_NOTHING;
    d->cursor = cursor;
    return changed(d);
}

static enum discipline_event interrupt(struct discipline *d)
{
    discipline_wipe(d);
    return DISCIPLINE_INTERRUPT;
}

static enum discipline_event end_of_line(struct discipline *d)
{
    d->state = DISCIPLINE_WHOLE;
    return DISCIPLINE_LINE;
}

/* History: `at` counts from the oldest line. */

static char *history_line(struct discipline *d, uint32_t at)
{
    return d->history[(d->history_first + at) % DISCIPLINE_HISTORY];
}

static void keep(struct discipline *d)
{
    const uint32_t count = d->history_count;

    if (d->secret || d->bytes == 0 ||
        (count > 0 && memcmp(history_line(d, count - 1u), d->line, sizeof(d->line)) == 0))
        return;
    if (count == DISCIPLINE_HISTORY)
        d->history_first = (d->history_first + 1u) % DISCIPLINE_HISTORY;
    else
        d->history_count++;
    memcpy(history_line(d, d->history_count - 1u), d->line, sizeof(d->line));
}

static enum discipline_event walk(struct discipline *d, uint32_t at)
{
    if (d->history_at == d->history_count)
        memcpy(d->typed, d->line, sizeof(d->typed));
    d->history_at = at;
    memcpy(d->line, at == d->history_count ? d->typed : history_line(d, at), sizeof(d->line));
    d->bytes = 0;
    while (d->line[d->bytes] != 0)
        d->bytes++;
    d->cursor = d->bytes;
    return DISCIPLINE_CHANGED;
}

static enum discipline_event older(struct discipline *d)
{
    return d->history_at > 0 ? walk(d, d->history_at - 1u) : DISCIPLINE_NOTHING;
}

static enum discipline_event newer(struct discipline *d)
{
    return d->history_at < d->history_count ? walk(d, d->history_at + 1u) : DISCIPLINE_NOTHING;
}

/* Completion. */

/* A walk over the candidates for the word up to the cursor. */
struct search {
    const char *prefix;
    uint32_t prefix_bytes;
    bool first_place, behind_bar;
    uint32_t at; /* in `words` */
    const char *word; /* the one found */
    uint32_t bytes;
};

static struct search search_begin(const struct discipline *d)
{
    struct search s = {.first_place = true};
    uint32_t from = d->cursor;

    while (from > 0 && d->line[from - 1u] != ' ')
        from--;
    for (uint32_t i = 0; i < from; i++)
        s.first_place = s.first_place && d->line[i] == ' ';
    s.prefix = d->line + from;
    s.prefix_bytes = d->cursor - from;
    return s;
}

static bool next_word(const struct discipline *d, struct search *s)
{
    while (s->at < d->words_bytes && d->words[s->at] == ' ')
        s->at++;
    s->word = d->words + s->at;
    s->bytes = 0;
    while (s->at < d->words_bytes && d->words[s->at] != ' ') {
        s->at++;
        s->bytes++;
    }
    return s->bytes > 0;
}

static bool next_candidate(const struct discipline *d, struct search *s)
{
    while (next_word(d, s)) {
        if (s->bytes == 1 && s->word[0] == '|')
            s->behind_bar = true;
        else if (s->first_place != s->behind_bar && s->bytes >= s->prefix_bytes &&
                 memcmp(s->word, s->prefix, s->prefix_bytes) == 0)
            return true;
    }
    return false;
}

/* What all candidates begin with, and whether there is more than one: equal ones count once. */
struct found {
    const char *word; /* NULL: none */
    uint32_t common; /* bytes */
    bool several;
};

static struct found find(const struct discipline *d, struct search *s)
{
    struct found f = {.word = NULL};
    uint32_t first_bytes = 0;

    while (next_candidate(d, s)) {
        uint32_t same = 0;

        if (f.word == NULL) {
            f.word = s->word;
            first_bytes = s->bytes;
            f.common = s->bytes;
        }
        while (same < least(s->bytes, first_bytes) && s->word[same] == f.word[same])
            same++;
        f.several = f.several || same < s->bytes || same < first_bytes;
        f.common = least(f.common, same);
    }
    return f;
}

static enum discipline_event complete(struct discipline *d)
{
    struct search s = search_begin(d);
    const struct found f = find(d, &s);
    const bool again = d->tabbed;
    const uint32_t before = d->bytes;

    d->tabbed = f.several;
    if (f.word == NULL)
        return DISCIPLINE_NOTHING;
    if (f.several && again)
        return DISCIPLINE_CHOICES;
    if (!insert(d, f.word + s.prefix_bytes, f.common - s.prefix_bytes))
        return refuse(d);
    if (!f.several && d->cursor == d->bytes)
        (void)insert(d, " ", 1);
    return d->bytes != before ? DISCIPLINE_CHANGED : DISCIPLINE_NOTHING;
}

void discipline_words(struct discipline *d, const char *words, uint32_t bytes)
{
    uint32_t kept = least(bytes, DISCIPLINE_WORDS_BYTES);

    while (kept < bytes && kept > 0 && words[kept] != ' ')
        kept--; /* a word that is cut is none */
    wipe(d->words, sizeof(d->words));
    copy_printable(d->words, words, kept);
    d->words_bytes = kept;
    d->tabbed = false;
}

uint32_t discipline_choices(const struct discipline *d, char *out, uint32_t room)
{
    struct search s = search_begin(d);
    uint32_t used = 0;

    if (d->secret)
        return 0;
    while (next_candidate(d, &s)) {
        const uint32_t blank = used > 0;

        if (s.bytes + blank > room - used)
            break;
        if (blank)
            out[used++] = ' ';
        memcpy(out + used, s.word, s.bytes);
        used += s.bytes;
    }
    return used;
}

/* Keys. */

/* Those that a secret has none of. */
static enum discipline_event open_key(struct discipline *d, enum discipline_event (*key)(struct discipline *),
                                      uint32_t bytes)
{
    return d->secret ? swallow(d, bytes) : key(d);
}

/* The sequence ends with its last byte. ECMA-48 5.4 (CSI), ECMA-35 13.2 (others). */
static bool sequence_whole(const struct discipline *d)
{
    const uint8_t kind = d->escape[1];
    const uint8_t last = d->escape[d->escape_bytes - 1u];

    if (d->escape_bytes == 2)
        return kind != '[' && kind != 'O' && kind >= '0';
    if (kind == '[')
        return last >= '@';
    return kind == 'O' || last >= '0';
}

/* The letter that names the key of a whole sequence: that of the arrows, Home and End; 0: another one. */
static uint8_t sequence_key(const struct discipline *d)
{
    const uint8_t *e = d->escape;

    if (e[1] != '[' && e[1] != 'O')
        return 0;
    if (d->escape_bytes == 3)
        return e[2];
    if (e[1] == '[' && d->escape_bytes == 4 && e[3] == '~') {
        if (e[2] == '1' || e[2] == '7')
            return 'H';
        if (e[2] == '4' || e[2] == '8')
            return 'F';
    }
    return 0;
}

static enum discipline_event sequence_byte(struct discipline *d, uint8_t byte)
{
    d->escape[d->escape_bytes++] = byte;
    if (!sequence_whole(d))
        return d->escape_bytes < DISCIPLINE_ESCAPE_BYTES_MAX ? DISCIPLINE_NOTHING
                                                             : swallow(d, end_sequence(d));
    const uint8_t key = sequence_key(d);
    const uint32_t bytes = end_sequence(d);

    switch (key) {
    case 'A':
        return open_key(d, older, bytes);
    case 'B':
        return open_key(d, newer, bytes);
    case 'C':
        return move(d, least(d->cursor + 1u, d->bytes));
    case 'D':
        return move(d, d->cursor - (d->cursor > 0));
    case 'H':
        return move(d, 0);
    case 'F':
        return move(d, d->bytes);
    default:
        return swallow(d, bytes);
    }
}

static enum discipline_event control(struct discipline *d, uint8_t byte)
{
    switch (byte) {
    case '\r':
        d->after_cr = true;
        return end_of_line(d);
    case '\n':
        return end_of_line(d);
    case '\b':
    case RUBOUT:
        return erase(d, d->cursor - (d->cursor > 0), d->cursor);
    case CONTROL('W'):
        return erase_word(d);
    case CONTROL('U'):
        return erase(d, 0, d->bytes);
    case CONTROL('C'):
        return interrupt(d);
    case CONTROL('D'):
        return d->bytes == 0 ? DISCIPLINE_END : erase(d, d->cursor, least(d->cursor + 1u, d->bytes));
    case CONTROL('A'):
        return move(d, 0);
    case CONTROL('E'):
        return move(d, d->bytes);
    case CONTROL('P'):
        return open_key(d, older, 1);
    case CONTROL('N'):
        return open_key(d, newer, 1);
    case CONTROL('L'):
        return DISCIPLINE_REDRAW;
    case '\t':
        return open_key(d, complete, 1);
    case ESCAPE:
        d->escape[d->escape_bytes++] = ESCAPE;
        return DISCIPLINE_NOTHING;
    default:
        return swallow(d, 1);
    }
}

enum discipline_event discipline_byte(struct discipline *d, uint8_t byte)
{
    const bool ended = d->after_cr && (byte == '\n' || byte == 0);

    ASSERT(d->state == DISCIPLINE_TYPING);
    d->after_cr = false;
    if (ended)
        return DISCIPLINE_NOTHING;
    d->tabbed = d->tabbed && byte == '\t';
    if (d->escape_bytes > 0 && printable(byte))
        return sequence_byte(d, byte);
    (void)swallow(d, end_sequence(d));
    return printable(byte) ? type(d, (char)byte) : control(d, byte);
}

uint32_t discipline_take(struct discipline *d, char out[DISCIPLINE_LINE_BYTES])
{
    const uint32_t bytes = d->bytes;

    ASSERT(d->state == DISCIPLINE_WHOLE);
    keep(d);
    memcpy(out, d->line, sizeof(d->line));
    discipline_wipe(d);
    d->state = DISCIPLINE_IDLE;
    d->prompt_bytes = 0;
    return bytes;
}

/* The first byte shown of a line in `room` columns: with the cursor there is always a quarter of them on its
 * left, unless the line begins there. */
static uint32_t shown_from(const struct discipline *d, uint32_t room)
{
    const uint32_t margin = room / 4u, step = room / 2u;

    if (d->bytes <= room || d->cursor < margin)
        return 0;
    return (d->cursor - margin) / step * step;
}

void discipline_view(const struct discipline *d, uint32_t columns, struct discipline_view *out)
{
    const uint32_t brought = columns < DISCIPLINE_COLUMNS_MIN ? DISCIPLINE_COLUMNS_MIN : columns;
    const uint32_t width = least(brought, DISCIPLINE_VIEW_BYTES) - 1u;
    const uint32_t prompt = least(d->prompt_bytes, width - SEEN_MIN);
    const uint32_t room = width - prompt;

    *out = (struct discipline_view){.bytes = prompt, .cursor = prompt};
    memcpy(out->text, d->prompt, prompt);
    if (d->secret)
        return;
    const uint32_t from = shown_from(d, room);
    const uint32_t seen = least(d->bytes - from, room);
    memcpy(out->text + prompt, d->line + from, seen);
    out->bytes += seen;
    out->cursor += d->cursor - from;
}
