/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/typist.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "typist: %s\n", what);
    abort();
}

__attribute__((format(printf, 2, 3))) static void note(struct typist *t, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    const int bytes = vsnprintf(t->log + t->used, sizeof(t->log) - t->used, format, values);
    va_end(values);
    if (bytes > 0 && (size_t)bytes < sizeof(t->log) - t->used)
        t->used += (size_t)bytes;
    t->log[t->used] = 0;
}

static void *moved(void *from, size_t bytes)
{
    void *to = malloc(bytes);

    need(to != NULL, "no memory");
    memcpy(to, from, bytes);
    memset(from, 0xa5, bytes); /* who still looks there sees it */
    free(from);
    return to;
}

void typist_asks(struct typist *t, bool secret)
{
    t->secret = secret;
    memcpy(t->history_before, t->d->history, sizeof(t->history_before));
    discipline_ask(t->d, t->prompt, (uint32_t)strlen(t->prompt), secret);
}

void typist_begin(struct typist *t, bool telnet, const char *prompt, bool secret, const char *words)
{
    uint8_t greeting[TELNET_GREETING];

    memset(t, 0, sizeof(*t));
    t->prompt = prompt;
    t->d = malloc(sizeof(*t->d));
    need(t->d != NULL, "no memory");
    memset(t->d, 0xa5, sizeof(*t->d));
    discipline_init(t->d);
    if (words != NULL)
        discipline_words(t->d, words, (uint32_t)strlen(words));
    typist_asks(t, secret);
    if (telnet) {
        t->t = malloc(sizeof(*t->t));
        need(t->t != NULL, "no memory");
        memset(t->t, 0xa5, sizeof(*t->t));
        telnet_init(t->t, greeting);
        need(memcmp(greeting, "\xff\xfb\x01\xff\xfb\x03", sizeof(greeting)) == 0, "greeting");
    }
}

void typist_end(struct typist *t)
{
    free(t->d);
    free(t->t);
}

static bool zero(const void *at, size_t bytes)
{
    static const char none[DISCIPLINE_VIEW_BYTES];

    return memcmp(at, none, bytes) == 0;
}

static void takes(struct typist *t)
{
    char line[DISCIPLINE_LINE_BYTES];
    char after[DISCIPLINE_LINE_BYTES];

    memset(line, 0xa5, sizeof(line));
    const uint32_t bytes = discipline_take(t->d, line);
    need(bytes < sizeof(line) && strnlen(line, sizeof(line)) == bytes, "length of a line");
    need(zero(line + bytes, sizeof(line) - bytes), "bytes behind a line");
    for (uint32_t i = 0; i < bytes; i++)
        need(line[i] >= ' ' && line[i] <= '~', "a byte of a line cannot be shown");
    memcpy(after, t->d->line, sizeof(after));
    need(zero(after, sizeof(after)) && zero(t->d->typed, sizeof(t->d->typed)) &&
             zero(t->d->escape, sizeof(t->d->escape)),
         "a line that was taken is still there");
    need(!t->secret || memcmp(t->d->history, t->history_before, sizeof(t->history_before)) == 0,
         "a secret changed the history");
    t->lines++;
    note(t, "[%s]", line);
    typist_asks(t, t->secret);
}

static void chooses(struct typist *t)
{
    char choices[DISCIPLINE_WORDS_BYTES];
    const uint32_t bytes = discipline_choices(t->d, choices, sizeof(choices));

    need(bytes <= sizeof(choices) && bytes > 0 && !t->secret, "length of the choices");
    t->choices++;
    note(t, "{%.*s}", (int)bytes, choices);
}

static void key(struct typist *t, uint8_t byte)
{
    const uint32_t at = t->d->history_at;

    switch (discipline_byte(t->d, byte)) {
    case DISCIPLINE_NOTHING:
        break;
    case DISCIPLINE_CHANGED:
        note(t, ".");
        t->history += t->d->history_at != at;
        break;
    case DISCIPLINE_LINE:
        takes(t);
        break;
    case DISCIPLINE_INTERRUPT:
        note(t, "C");
        t->interrupts++;
        break;
    case DISCIPLINE_END:
        note(t, "E");
        break;
    case DISCIPLINE_REDRAW:
        note(t, "R");
        break;
    case DISCIPLINE_CHOICES:
        chooses(t);
        break;
    case DISCIPLINE_REFUSED:
        note(t, "!");
        break;
    }
}

static void byte_of_stream(struct typist *t, uint8_t byte)
{
    const struct telnet_out out = telnet_byte(t->t, byte);

    need(!t->closed || out.event == TELNET_REFUSED, "a refused stream goes on");
    switch (out.event) {
    case TELNET_NOTHING:
        break;
    case TELNET_BYTE:
        key(t, out.byte);
        break;
    case TELNET_ANSWER:
        t->answers++;
        need(out.answer[0] == 0xff, "an answer is no command");
        note(t, "<%02x%02x>", out.answer[1], out.answer[2]);
        break;
    case TELNET_INTERRUPT:
        key(t, 'C' - '@');
        break;
    case TELNET_ERASE:
        key(t, '\b');
        break;
    case TELNET_KILL:
        key(t, 'U' - '@');
        break;
    case TELNET_ALIVE:
        t->alive++;
        note(t, "A");
        break;
    case TELNET_REFUSED:
        if (!t->closed)
            note(t, "X");
        t->closed = true;
        break;
    }
}

void typist_types(struct typist *t, const void *bytes, size_t count)
{
    const uint8_t *b = bytes;

    for (size_t i = 0; i < count; i++) {
        if (t->t != NULL)
            byte_of_stream(t, b[i]);
        else
            key(t, b[i]);
    }
}

void typist_pauses(struct typist *t)
{
    struct discipline_view view;
    char choices[64];

    for (uint32_t columns = 20; columns <= 512; columns += 123)
        discipline_view(t->d, columns, &view);
    (void)discipline_choices(t->d, choices, sizeof(choices));
    t->d = moved(t->d, sizeof(*t->d));
    if (t->t != NULL)
        t->t = moved(t->t, sizeof(*t->t));
}

const char *typist_broken(const struct typist *t, uint32_t columns)
{
    const struct discipline *d = t->d;
    struct discipline_view v;

    memset(&v, 0, sizeof(v));
    discipline_view(d, columns, &v);
    const uint32_t width = columns < DISCIPLINE_COLUMNS_MIN  ? DISCIPLINE_COLUMNS_MIN
                           : columns > DISCIPLINE_VIEW_BYTES ? DISCIPLINE_VIEW_BYTES
                                                             : columns;
    if (v.bytes >= width)
        return "the view is too wide";
    if (v.cursor > v.bytes)
        return "the cursor is outside";
    for (uint32_t i = 0; i < v.bytes; i++)
        if (v.text[i] < ' ' || v.text[i] > '~')
            return "a byte of the view cannot be shown";
    if (!zero(v.text + v.bytes, sizeof(v.text) - v.bytes))
        return "bytes behind the view";
    if (t->secret && (v.cursor != v.bytes || v.bytes > strlen(t->prompt) ||
                      v.bytes > DISCIPLINE_PROMPT_BYTES || memcmp(v.text, t->prompt, v.bytes) != 0))
        return "a secret is seen";
    if (t->secret && (!zero(d->typed, sizeof(d->typed)) ||
                      memcmp(d->history, t->history_before, sizeof(t->history_before)) != 0))
        return "a secret is kept";
    if (d->bytes >= DISCIPLINE_LINE_BYTES || d->cursor > d->bytes ||
        !zero(d->line + d->bytes, sizeof(d->line) - d->bytes))
        return "the line's bounds";
    if (d->history_count > DISCIPLINE_HISTORY || d->history_at > d->history_count)
        return "the history's bounds";
    if (t->t != NULL && (t->answers + t->alive > t->t->commands || t->answers > 512))
        return "more is answered than was asked";
    return NULL;
}

const char *typist_sees(const struct typist *t, char out[DISCIPLINE_VIEW_BYTES + 2u])
{
    struct discipline_view v;
    const uint32_t prompt = (uint32_t)strlen(t->prompt);

    discipline_view(t->d, DISCIPLINE_VIEW_BYTES, &v);
    need(v.cursor >= prompt, "the cursor is in the prompt");
    snprintf(out, DISCIPLINE_VIEW_BYTES + 2u, "%.*s|%.*s", (int)(v.cursor - prompt), v.text + prompt,
             (int)(v.bytes - v.cursor), v.text + v.cursor);
    return out;
}
