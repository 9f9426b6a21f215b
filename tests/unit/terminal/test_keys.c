/* SPDX-License-Identifier: BSD-2-Clause */
/* Each key, on each kind of line that it treats differently; what is no key; and a line that is full. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/typist.h"

#define LEFT "\033[D"
#define HOME "\033[H"

/* `before` is typed, then a key: its last byte gives `event`, the others nothing. Swallowed: by the key. */
struct row {
    const char *before;
    const char *event; /* as in the log */
    const char *seen; /* `|` is the cursor */
    uint64_t swallowed;
};

#define CTRL(letter)                                                                                         \
    (const char[])                                                                                           \
    {                                                                                                        \
        (letter) - '@', 0                                                                                    \
    }

static void check(const struct row *r, const char *form)
{
    struct typist t;
    char seen[DISCIPLINE_VIEW_BYTES + 2u];

    typist_begin(&t, false, "", false, NULL);
    typist_types(&t, r->before, strlen(r->before));
    const size_t logged = t.used;
    const uint64_t swallowed = t.d->swallowed;
    typist_types(&t, form, strlen(form) - 1u);
    cr_expect_eq(t.used, logged, "%s, %s: early", r->before, form + 1);
    typist_types(&t, form + strlen(form) - 1u, 1);
    cr_expect_str_eq(t.log + logged, r->event, "%s, %s: %s", r->before, form + 1, t.log + logged);
    cr_expect_str_eq(typist_sees(&t, seen), r->seen, "%s, %s: %s", r->before, form + 1, seen);
    cr_expect_eq(t.d->swallowed - swallowed, r->swallowed, "%s, %s: swallowed", r->before, form + 1);
    cr_expect_null(typist_broken(&t, 80));
    typist_end(&t);
}

static void check_forms(const struct row *r, const char *const *forms, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(r, forms[i]);
}

/* For each of the forms. */
#define CHECK(before, event, seen, swallowed, ...)                                                           \
    check_forms(&(const struct row){before, event, seen, swallowed}, (const char *const[]){__VA_ARGS__},     \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(terminal_keys, printable_bytes_are_typed_at_the_cursor)
{
    char all[96] = {0};
    struct typist t;

    for (int i = 0; i < 95; i++)
        all[i] = (char)(' ' + i);
    typist_begin(&t, false, "> ", false, NULL);
    typist_types(&t, all, 95);
    typist_types(&t, "\n", 1);
    cr_assert_eq(t.used, 95u + 97u);
    cr_assert_eq(memcmp(t.log + 96, all, 95), 0);
    typist_end(&t);
    CHECK("ac" LEFT, ".", "ab|c", 0, "b");
}

Test(terminal_keys, erasing)
{
    CHECK("", "", "|", 0, "\b", "\x7f", CTRL('W'), CTRL('U'));
    CHECK("ab", ".", "a|", 0, "\b", "\x7f");
    CHECK("abc" LEFT, ".", "a|c", 0, "\b", "\x7f");
    CHECK("ab" HOME, "", "|ab", 0, "\b", "\x7f", CTRL('W'));
    CHECK("kill nicd", ".", "kill |", 0, CTRL('W'));
    CHECK("kill nicd  ", ".", "kill |", 0, CTRL('W'));
    CHECK("  kill", ".", "  |", 0, CTRL('W'));
    CHECK("   ", ".", "|", 0, CTRL('W'));
    CHECK("kill nicd" LEFT LEFT, ".", "kill |cd", 0, CTRL('W'));
    CHECK("kill nicd" LEFT LEFT, ".", "|", 0, CTRL('U'));
    CHECK("ab" HOME, ".", "|", 0, CTRL('U'));
    CHECK("ab" HOME, ".", "|b", 0, CTRL('D'));
    CHECK("ab", "", "ab|", 0, CTRL('D'));
}

Test(terminal_keys, moving)
{
    CHECK("ab", ".", "|ab", 0, CTRL('A'), HOME, "\033OH", "\033[1~", "\033[7~");
    CHECK("", "", "|", 0, CTRL('A'), HOME, "\033OH", "\033[1~", "\033[7~");
    CHECK("ab" HOME, ".", "ab|", 0, CTRL('E'), "\033[F", "\033OF", "\033[4~", "\033[8~");
    CHECK("ab", "", "ab|", 0, CTRL('E'), "\033[F", "\033OF", "\033[4~", "\033[8~");
    CHECK("ab", ".", "a|b", 0, LEFT, "\033OD");
    CHECK("ab" HOME, "", "|ab", 0, LEFT, "\033OD");
    CHECK("ab" HOME, ".", "a|b", 0, "\033[C", "\033OC");
    CHECK("ab", "", "ab|", 0, "\033[C", "\033OC");
}

Test(terminal_keys, ending_interrupting_drawing)
{
    CHECK("ab", "[ab]", "|", 0, "\r", "\n");
    CHECK("ab" HOME, "[ab]", "|", 0, "\r", "\n");
    CHECK("", "[]", "|", 0, "\r", "\n");
    CHECK("ab\r", "", "|", 0, "\n");
    CHECK("ab\n", "[]", "|", 0, "\r");
    CHECK("ab\r\n", "[]", "|", 0, "\n", "\r");
    CHECK("ab\rc", "[c]", "|", 0, "\n");
    CHECK("ab", "C", "|", 0, CTRL('C'));
    CHECK("", "C", "|", 0, CTRL('C'));
    CHECK("", "E", "|", 0, CTRL('D'));
    CHECK("ab" LEFT, "R", "a|b", 0, CTRL('L'));
}

Test(terminal_keys, walking_and_completing)
{
    CHECK("old\nnew", ".", "old|", 0, CTRL('P'), "\033[A", "\033OA");
    CHECK("new", "", "new|", 0, CTRL('P'), "\033[A", "\033OA");
    CHECK("old\nnew\x10", ".", "new|", 0, CTRL('N'), "\033[B", "\033OB");
    CHECK("old\nnew", "", "new|", 0, CTRL('N'), "\033[B", "\033OB");
    CHECK("he", "", "he|", 0, "\t"); /* of no words */
}

/* Control bytes that are no keys, and what no ASCII is. */
Test(terminal_keys, everything_else_is_swallowed)
{
    static const char keys[] = "\x01\x03\x04\x05\b\t\n\f\r\x0e\x10\x15\x17\x1b";
    struct typist t;
    char seen[DISCIPLINE_VIEW_BYTES + 2u];
    uint64_t expected = 0;

    typist_begin(&t, false, "> ", false, NULL);
    typist_types(&t, "ab", 2);
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t b = (uint8_t)byte;

        if ((byte >= ' ' && byte <= 0x7f) || (byte != 0 && byte < ' ' && strchr(keys, (int)byte) != NULL))
            continue;
        typist_types(&t, &b, 1);
        expected++;
    }
    cr_assert_eq(expected, 256u - 96u - (sizeof(keys) - 1u));
    cr_assert_eq(t.d->swallowed, expected);
    cr_assert_str_eq(typist_sees(&t, seen), "ab|");
    cr_assert_str_eq(t.log, "..");
    typist_end(&t);
    CHECK("ab\rc", "", "c|", 1, "\200"); /* and a NUL only behind a CR: see the splits */
}

Test(terminal_keys, other_sequences_are_swallowed_whole)
{
    CHECK("ab", "", "ab|", 4, "\033[3~", "\033[2~", "\033[5~", "\033[9~", "\033[1A", "\033[?h");
    CHECK("ab", "", "ab|", 6, "\033[1;5C", "\033[2;1H", "\033[38;m");
    CHECK("ab", "", "ab|", 3, "\033[Z", "\033[[", "\033OP", "\033O5", "\033(B", "\033#8", "\033[J");
    CHECK("ab", "", "ab|", 2, "\033b", "\033f", "\033c", "\0337", "\033]", "\033~", "\033A");
    CHECK("ab", "", "ab|", 16, "\033[1234567890123H"); /* its last byte is the 16th */
    CHECK("ab", "", "ab|", 16, "\033[12345678901234"); /* given up there */
    CHECK("ab\033[12345678901234", ".", "abA|", 0, "A"); /* the rest is typed */
    CHECK("ab", "", "ab|", 16, "\033               "); /* intermediate bytes without end */
}

Test(terminal_keys, a_control_byte_ends_a_sequence_and_counts)
{
    CHECK("ab\033", "[ab]", "|", 1, "\r");
    CHECK("ab\033[1", "[ab]", "|", 3, "\n");
    CHECK("ab\033O", "C", "|", 2, CTRL('C'));
    CHECK("ab\033[", ".", "a|", 2, "\x7f");
    CHECK("ab\033[", "", "ab|", 3, "\233");
    CHECK("ab\033[", ".", "a|b", 2, LEFT);
    CHECK("ab\033\033", "", "ab|", 2, "\x18");
}

static void fill(struct typist *t, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        typist_types(t, "abcdefg" + i % 7, 1);
}

Test(terminal_keys, a_line_of_255_bytes_and_one_more)
{
    struct typist t;

    typist_begin(&t, false, "> ", false, NULL);
    fill(&t, 255);
    cr_assert_eq(t.d->refused, 0);
    cr_assert_eq(t.log[254], '.');
    typist_types(&t, "x" HOME "y\x04z", 7);
    cr_assert_str_eq(t.log + 255, "!.!..");
    cr_assert_eq(t.d->refused, 2);
    cr_assert_null(typist_broken(&t, 80));
    typist_types(&t, "\r", 1);
    cr_assert_eq(strlen(t.log + 260), 257);
    cr_assert_eq(strncmp(t.log + 260, "[zbcdefgabc", 11), 0);
    cr_assert_str_eq(t.log + 260 + 253, "abc]");
    typist_types(&t, "\x10", 1); /* and it comes back whole from the history */
    cr_assert_eq(t.d->bytes, 255);
    cr_assert_null(typist_broken(&t, 20));
    typist_end(&t);
}

Test(terminal_keys, taking_ends_the_line_and_asks_for_another)
{
    struct discipline d;
    struct discipline_view v;
    char line[DISCIPLINE_LINE_BYTES];

    discipline_init(&d);
    discipline_ask(&d, "capos> ", 7, false);
    cr_assert_eq(discipline_byte(&d, 'p'), DISCIPLINE_CHANGED);
    cr_assert_eq(discipline_byte(&d, '\r'), DISCIPLINE_LINE);
    discipline_view(&d, 80, &v);
    cr_assert_eq(v.bytes, 8);
    cr_assert_eq(discipline_take(&d, line), 1);
    cr_assert_str_eq(line, "p");
    discipline_view(&d, 80, &v);
    cr_assert_eq(v.bytes, 0);
    discipline_ask(&d, "other> ", 7, false);
    cr_assert_eq(discipline_byte(&d, '\n'), DISCIPLINE_NOTHING);
    discipline_view(&d, 80, &v);
    cr_assert_eq(v.bytes, 7);
    cr_assert_eq(memcmp(v.text, "other> ", 7), 0);
}

/* Asked anew in the middle of a line: what was typed is gone, and so is half a key. */
Test(terminal_keys, asking_wipes_what_was_typed)
{
    struct typist t;
    char seen[DISCIPLINE_VIEW_BYTES + 2u];

    typist_begin(&t, false, "> ", false, NULL);
    typist_types(&t, "abc\033[", 5);
    typist_asks(&t, false);
    cr_assert_str_eq(typist_sees(&t, seen), "|");
    cr_assert_eq(t.d->swallowed, 2);
    typist_types(&t, "D", 1);
    cr_assert_str_eq(typist_sees(&t, seen), "D|");
    typist_end(&t);
}
