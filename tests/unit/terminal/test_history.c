/* SPDX-License-Identifier: BSD-2-Clause */
/* The history: what enters it, how it is walked, and where it ends. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/typist.h"

#define UP   "\x10"
#define DOWN "\x0e"

static void sees(struct typist *t, const char *bytes, const char *line)
{
    char seen[DISCIPLINE_VIEW_BYTES + 2u];

    typist_types(t, bytes, strlen(bytes));
    cr_assert_str_eq(typist_sees(t, seen), line, "%s instead of %s", seen, line);
}

Test(terminal_history, walks_back_and_forth)
{
    struct typist t;

    typist_begin(&t, false, "> ", false, NULL);
    sees(&t, "one\ntwo\nthree\nfo", "fo|");
    sees(&t, UP, "three|");
    sees(&t, UP, "two|");
    sees(&t, UP, "one|");
    sees(&t, UP, "one|");
    sees(&t, DOWN, "two|");
    sees(&t, DOWN, "three|");
    sees(&t, DOWN, "fo|");
    sees(&t, DOWN, "fo|");
    sees(&t, "ur", "four|");
    typist_end(&t);
}

Test(terminal_history, a_line_looked_at_can_be_changed_and_taken)
{
    struct typist t;

    typist_begin(&t, false, "> ", false, NULL);
    sees(&t, "kill a\nps\n" UP UP "\bb", "kill b|");
    sees(&t, UP, "kill b|"); /* the oldest: nothing happens to it */
    sees(&t, DOWN UP, "kill a|"); /* what was changed and left is as it was kept */
    sees(&t, "\bc\n" UP, "kill c|");
    sees(&t, UP UP, "kill a|");
    typist_end(&t);
}

Test(terminal_history, what_enters_it)
{
    struct typist t;

    typist_begin(&t, false, "> ", false, NULL);
    sees(&t, "a\na\n\na\nb\na\n", "|");
    cr_assert_eq(t.d->history_count, 3); /* a, b, a: not empty, and not the one before */
    sees(&t, UP UP UP UP, "a|");
    sees(&t, DOWN, "b|");
    sees(&t, "\x03", "|"); /* from the end again */
    sees(&t, UP UP, "b|");
    sees(&t, "x\x03" UP, "a|"); /* an interrupted line does not enter */
    sees(&t, "\x15 \n" UP, " |");
    typist_end(&t);
}

Test(terminal_history, the_oldest_makes_room)
{
    static struct typist t;
    char line[16];

    typist_begin(&t, false, "> ", false, NULL);
    for (unsigned i = 0; i < 3u * DISCIPLINE_HISTORY + 5u; i++) {
        const unsigned oldest = i < DISCIPLINE_HISTORY ? 0 : i + 1u - DISCIPLINE_HISTORY;

        snprintf(line, sizeof(line), "line %u\n", i);
        sees(&t, line, "|");
        for (unsigned back = 0; back <= DISCIPLINE_HISTORY; back++) {
            snprintf(line, sizeof(line), "line %u|", i - back > i || i - back < oldest ? oldest : i - back);
            sees(&t, UP, line);
        }
        for (unsigned forth = 0; forth < DISCIPLINE_HISTORY; forth++)
            typist_types(&t, DOWN, 1);
        sees(&t, "", "|");
    }
    typist_end(&t);
}
