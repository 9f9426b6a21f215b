/* SPDX-License-Identifier: BSD-2-Clause */
/* The discipline against a model of an array and a cursor, told of keys instead of bytes: drawn keys from
 * fixed seeds, compared after each. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/typist.h"

#define KEYS  40000u
#define LINES 40000u

enum key {
    KEY_BYTE,
    KEY_BACK,
    KEY_WORD,
    KEY_KILL,
    KEY_DELETE,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_UP,
    KEY_DOWN,
    KEY_ENTER,
    KEY_INTERRUPT,
    KEY_NONE,
    KEY_COUNT
};

/* How each is typed: one of these. */
static const char *const forms[KEY_COUNT][5] = {
    [KEY_BACK] = {"\b", "\x7f"},
    [KEY_WORD] = {"\x17"},
    [KEY_KILL] = {"\x15"},
    [KEY_DELETE] = {"\x04"},
    [KEY_LEFT] = {"\033[D", "\033OD"},
    [KEY_RIGHT] = {"\033[C", "\033OC"},
    [KEY_HOME] = {"\x01", "\033[H", "\033OH", "\033[1~", "\033[7~"},
    [KEY_END] = {"\x05", "\033[F", "\033OF", "\033[4~", "\033[8~"},
    [KEY_UP] = {"\x10", "\033[A", "\033OA"},
    [KEY_DOWN] = {"\x0e", "\033[B", "\033OB"},
    [KEY_ENTER] = {"\r\n", "\n"},
    [KEY_INTERRUPT] = {"\x03"},
    [KEY_NONE] = {"\x18", "\033[3~", "\233", "\033x", "\033[1;2A"},
};

/* How often, of 100. */
static const unsigned often[KEY_COUNT] = {
    [KEY_BYTE] = 52, [KEY_BACK] = 6,  [KEY_WORD] = 2,      [KEY_KILL] = 1, [KEY_DELETE] = 4,
    [KEY_LEFT] = 9,  [KEY_RIGHT] = 5, [KEY_HOME] = 2,      [KEY_END] = 2,  [KEY_UP] = 5,
    [KEY_DOWN] = 4,  [KEY_ENTER] = 4, [KEY_INTERRUPT] = 1, [KEY_NONE] = 3};

struct model {
    char line[256];
    int bytes, cursor;
    char typed[256];
    char lines[LINES][256]; /* all that ever entered */
    int count, at;
};

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 33) % below;
}

static void put(struct model *m, char byte)
{
    if (m->bytes == 255)
        return;
    for (int i = m->bytes; i > m->cursor; i--)
        m->line[i] = m->line[i - 1];
    m->line[m->cursor++] = byte;
    m->line[++m->bytes] = 0;
}

static void back(struct model *m)
{
    if (m->cursor == 0)
        return;
    m->cursor--;
    for (int i = m->cursor; i < m->bytes; i++)
        m->line[i] = m->line[i + 1];
    m->bytes--;
}

static void word(struct model *m)
{
    while (m->cursor > 0 && m->line[m->cursor - 1] == ' ')
        back(m);
    while (m->cursor > 0 && m->line[m->cursor - 1] != ' ')
        back(m);
}

static void set(struct model *m, const char *line)
{
    strcpy(m->line, line);
    m->bytes = (int)strlen(line);
    m->cursor = m->bytes;
}

static void walk(struct model *m, int by)
{
    const int oldest = m->count > (int)DISCIPLINE_HISTORY ? m->count - (int)DISCIPLINE_HISTORY : 0;

    if (m->at + by < oldest || m->at + by > m->count)
        return;
    if (m->at == m->count)
        strcpy(m->typed, m->line);
    m->at += by;
    set(m, m->at == m->count ? m->typed : m->lines[m->at]);
}

static void enter(struct model *m)
{
    if (m->bytes > 0 && (m->count == 0 || strcmp(m->lines[m->count - 1], m->line) != 0))
        strcpy(m->lines[m->count++], m->line);
    set(m, "");
    m->at = m->count;
}

static void press(struct model *m, enum key key, char byte)
{
    switch (key) {
    case KEY_BYTE:
        put(m, byte);
        break;
    case KEY_BACK:
        back(m);
        break;
    case KEY_WORD:
        word(m);
        break;
    case KEY_KILL:
        set(m, "");
        break;
    case KEY_DELETE:
        if (m->cursor < m->bytes) {
            m->cursor++;
            back(m);
        }
        break;
    case KEY_LEFT:
        m->cursor -= m->cursor > 0;
        break;
    case KEY_RIGHT:
        m->cursor += m->cursor < m->bytes;
        break;
    case KEY_HOME:
        m->cursor = 0;
        break;
    case KEY_END:
        m->cursor = m->bytes;
        break;
    case KEY_UP:
        walk(m, -1);
        break;
    case KEY_DOWN:
        walk(m, 1);
        break;
    case KEY_ENTER:
        enter(m);
        break;
    case KEY_INTERRUPT:
        set(m, "");
        m->at = m->count;
        break;
    default:
        break;
    }
}

static enum key draw_key(uint64_t *state)
{
    uint32_t left = draw(state, 100);
    unsigned key = 0;

    while (left >= often[key])
        left -= often[key++];
    return (enum key)key;
}

static void type_key(struct typist *t, uint64_t *state, enum key key, char byte)
{
    unsigned count = 0;

    if (key == KEY_BYTE) {
        typist_types(t, &byte, 1);
        return;
    }
    while (count < 5 && forms[key][count] != NULL)
        count++;
    const char *form = forms[key][draw(state, count)];
    typist_types(t, form, strlen(form));
}

static bool makes_short(enum key key)
{
    return key == KEY_ENTER || key == KEY_KILL || key == KEY_INTERRUPT || key == KEY_WORD || key == KEY_UP ||
           key == KEY_DOWN;
}

/* `ends`: of 100 keys that leave a line or shorten it, how many are typed; few make long lines. */
static void compare(uint64_t seed, unsigned ends)
{
    static struct model m;
    static struct typist t;
    uint64_t state = seed;
    int longest = 0;

    memset(&m, 0, sizeof(m));
    typist_begin(&t, false, "", false, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        struct discipline_view v;
        char byte = (char)(' ' + draw(&state, 95));
        const enum key key = draw_key(&state);

        if (draw(&state, 4) == 0)
            byte = ' ';
        if (makes_short(key) && draw(&state, 100) >= ends)
            continue;
        press(&m, key, byte);
        type_key(&t, &state, key, byte);
        discipline_view(t.d, DISCIPLINE_VIEW_BYTES, &v);
        cr_assert_eq((int)v.bytes, m.bytes, "key %u of seed %lu: %u bytes, not %d", i, seed, v.bytes,
                     m.bytes);
        cr_assert_eq((int)v.cursor, m.cursor, "key %u of seed %lu", i, seed);
        cr_assert_eq(memcmp(v.text, m.line, v.bytes), 0, "key %u of seed %lu", i, seed);
        cr_assert_null(typist_broken(&t, 20u + draw(&state, 500)));
        longest = m.bytes > longest ? m.bytes : longest;
    }
    cr_assert_gt(m.count, 40);
    cr_assert(ends > 10 || longest == 255, "the longest line had %d bytes", longest);
    typist_end(&t);
}

Test(terminal_model, short_lines)
{
    compare(0x9e3779b97f4a7c15u, 100);
    compare(77, 100);
}

Test(terminal_model, long_lines)
{
    compare(0xd1b54a32d192ed03u, 6);
}
