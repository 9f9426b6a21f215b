/* SPDX-License-Identifier: BSD-2-Clause */
/* A secret: no view shows a byte of it or how long it is, no event tells of it, nothing keeps it. What is
 * searched for are all pieces of three bytes of it, in all of the discipline's memory. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/typist.h"

#define SECRET "Xq9%Zw7@Vk3"
#define PROMPT "secret: "
#define WORDS  "help halt | nicd"
#define PIECE  3u

static bool holds(const void *memory, size_t bytes, const char *secret)
{
    const char *m = memory;

    for (size_t i = 0; i + PIECE <= bytes; i++)
        for (size_t k = 0; k + PIECE <= strlen(secret); k++)
            if (memcmp(m + i, secret + k, PIECE) == 0)
                return true;
    return false;
}

static void begin(struct typist *t)
{
    typist_begin(t, false, PROMPT, false, WORDS);
    typist_types(t, "older\nnewer\n", 12);
    typist_asks(t, true);
    t->used = 0;
    t->log[0] = 0;
}

/* One byte after another, all looked at after each. */
static void types_unseen(struct typist *t, const char *bytes)
{
    for (const char *b = bytes; *b != 0; b++) {
        typist_types(t, b, 1);
        for (uint32_t columns = 0; columns <= 600; columns += 20) {
            const char *broken = typist_broken(t, columns);

            cr_assert_null(broken, "%s", broken);
        }
    }
}

static void gone(const struct typist *t, const char *secret, const char *when)
{
    cr_assert_not(holds(t->d, sizeof(*t->d), secret), "%s", when);
}

Test(terminal_secret, typing_tells_nothing)
{
    struct typist t;

    begin(&t);
    types_unseen(&t, SECRET);
    cr_assert(holds(t.d, sizeof(*t.d), SECRET)); /* the search finds what is there */
    cr_assert_str_eq(t.log, "");
    typist_types(&t, "\r", 1);
    cr_assert_str_eq(t.log, "[" SECRET "]");
    gone(&t, SECRET, "taken");
    typist_end(&t);
}

/* Without a new question after it, and by each other way that it can end. */
Test(terminal_secret, every_end_wipes_it)
{
    static const char *const ends[] = {"\x03",
                                       "\x15",
                                       "\x01"
                                       "\x05"
                                       "\x17",
                                       "\b\b\b\b\b\b\b\b\b\b\b",
                                       "\x01\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04",
                                       "\033[D\033[D\033[D\x17\x05\x17"};
    struct typist t;
    char line[DISCIPLINE_LINE_BYTES];

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        begin(&t);
        types_unseen(&t, SECRET);
        types_unseen(&t, ends[i]);
        gone(&t, SECRET, ends[i] + 1);
        cr_assert_eq(t.d->bytes, 0);
        typist_end(&t);
    }
    begin(&t);
    types_unseen(&t, SECRET);
    typist_asks(&t, false);
    gone(&t, SECRET, "asked");
    typist_asks(&t, true);
    types_unseen(&t, SECRET);
    discipline_wipe(t.d);
    gone(&t, SECRET, "wiped");
    types_unseen(&t, SECRET);
    cr_assert_eq(discipline_byte(t.d, '\n'), DISCIPLINE_LINE);
    cr_assert_eq(discipline_take(t.d, line), strlen(SECRET));
    cr_assert_str_eq(line, SECRET);
    gone(&t, SECRET, "taken, not asked again");
    typist_end(&t);
}

/* A piece erased in the middle leaves nothing behind the end. */
Test(terminal_secret, what_is_erased_is_gone)
{
    struct typist t;

    begin(&t);
    types_unseen(&t, "ab" SECRET "cd\033[D\033[D");
    types_unseen(&t, "\b\b\b\b\b\b\b\b\b\b\b");
    gone(&t, SECRET, "erased");
    typist_types(&t, "\n", 1);
    cr_assert_str_eq(t.log, "[abcd]");
    typist_end(&t);
}

/* A secret with a sequence in it that is never whole. */
Test(terminal_secret, half_a_sequence_is_wiped)
{
    static const char half[] = "\033[76767672";
    struct typist t;

    begin(&t);
    types_unseen(&t, half);
    cr_assert(holds(t.d, sizeof(*t.d), half));
    typist_asks(&t, false);
    gone(&t, half, "asked");
    typist_asks(&t, true);
    types_unseen(&t, half);
    typist_types(&t, "\r", 1);
    gone(&t, half, "taken");
    typist_end(&t);
}

Test(terminal_secret, history_and_completion_are_closed)
{
    struct typist t;
    char seen[DISCIPLINE_VIEW_BYTES + 2u];

    begin(&t);
    types_unseen(&t, SECRET "\x10\x0e\033[A\033OB\t\t");
    cr_assert_eq(t.d->swallowed, 10);
    cr_assert_str_eq(t.log, "");
    types_unseen(&t, "\n");
    cr_assert_str_eq(t.log, "[" SECRET "]");
    typist_types(&t, "he\t\tps", 6);
    cr_assert_eq(discipline_choices(t.d, seen, sizeof(seen)), 0);
    typist_asks(&t, false);
    typist_types(&t, "\x10", 1);
    cr_assert_str_eq(typist_sees(&t, seen), "newer|");
    typist_types(&t, "\x10\x10\x10", 3);
    cr_assert_str_eq(typist_sees(&t, seen), "older|");
    typist_end(&t);
}

/* A line that is typed, and one that is looked at, are not there in a secret. */
Test(terminal_secret, asked_while_history_is_looked_at)
{
    struct typist t;

    typist_begin(&t, false, PROMPT, false, WORDS);
    typist_types(&t, "older\nbetween\x10", 14);
    typist_asks(&t, true);
    cr_assert_null(typist_broken(&t, 80));
    typist_types(&t, "\x0e\r", 2);
    cr_assert_str_eq(t.log + strlen(t.log) - 2, "[]");
    typist_end(&t);
}

Test(terminal_secret, a_full_secret_refuses_more)
{
    struct typist t;

    begin(&t);
    for (unsigned i = 0; i < 255; i++)
        types_unseen(&t, "s");
    cr_assert_str_eq(t.log, "");
    types_unseen(&t, "s");
    cr_assert_str_eq(t.log, "!");
    typist_end(&t);
}
