/* SPDX-License-Identifier: BSD-2-Clause */
/* Completion: the first place and the others, one candidate, several, none; words that are cut. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/typist.h"

#define WORDS "help ps poweroff kill restart reboot caps | nicd netd nic0 auditd kill"
#define LEFT  "\033[D"

struct row {
    const char *typed, *log, *seen;
};

static void check(const struct row *r, const char *words)
{
    struct typist t;
    char seen[DISCIPLINE_VIEW_BYTES + 2u];

    typist_begin(&t, false, "", false, words);
    for (const char *b = r->typed; *b != 0; b++) {
        typist_types(&t, b, 1);
        if (*b != '\t') { /* what other keys come to is told elsewhere */
            t.used = 0;
            t.log[0] = 0;
        }
    }
    cr_expect_str_eq(t.log, r->log, "%s: %s", r->typed, t.log);
    cr_expect_str_eq(typist_sees(&t, seen), r->seen, "%s: %s", r->typed, seen);
    cr_expect_null(typist_broken(&t, 80));
    typist_end(&t);
}

/* The log is that of the last TABs. */
Test(terminal_complete, tabled)
{
    static const struct row rows[] = {
        {"h\t", ".", "help |"}, /* one candidate: with a blank */
        {"help\t", ".", "help |"},
        {"  h\t", ".", "  help |"},
        {"x\t", "", "x|"}, /* none */
        {"x\t\t", "", "x|"},
        {"help \t", "", "help |"}, /* several that share nothing */
        {"ni\t", "", "ni|"}, /* a word of the other places */
        {"kill a\t", ".", "kill auditd |"},
        {"kill h\t", "", "kill h|"}, /* a word of the first place */
        {"kill kil\t", ".", "kill kill |"},
        {"kill ni\t", ".", "kill nic|"}, /* several: as far as they agree */
        {"kill ni\t\t", ".{nicd nic0}", "kill nic|"},
        {"kill n\t\t\t", "{nicd netd nic0}{nicd netd nic0}", "kill n|"},
        {"kill nicd n\t\t", "{nicd netd nic0}", "kill nicd n|"},
        {"p\t\t", "{ps poweroff}", "p|"},
        {"re\tx\b\t", "", "re|"}, /* twice, not with something between */
        {"\t\t", "{help ps poweroff kill restart reboot caps}", "|"},
        {"k nicd" LEFT LEFT LEFT LEFT LEFT "\t", ".", "kill| nicd"}, /* inside of the line: no blank */
        {"kill nd" LEFT "\t\t", "{nicd netd nic0}", "kill n|d"}, /* up to the cursor */
        {"xp" LEFT "\t", "", "x|p"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i], WORDS);
}

Test(terminal_complete, odd_lists)
{
    check(&(const struct row){"h\t", "", "h|"}, "");
    check(&(const struct row){"h\t", "", "h|"}, "   ");
    check(&(const struct row){"h\t", "", "h|"}, "|");
    check(&(const struct row){"h\t", "", "h|"}, "| help");
    check(&(const struct row){"a h\t", ".", "a help |"}, "| help");
    check(&(const struct row){"a h\t", "", "a h|"}, "help");
    check(&(const struct row){"h\t", ".", "help |"}, "  help   |  "); /* more blanks than one */
    check(&(const struct row){"h\t", ".", "help |"}, "help help"); /* one, twice */
    check(&(const struct row){"h\t\t", ".{help helper}", "help|"}, "help helper"); /* one begins another */
    check(&(const struct row){"h\t\t", ".{helper help}", "help|"}, "helper help");
    check(&(const struct row){"h\t", ".", "h?[A?p |"}, "h\033[A\233p"); /* what cannot be shown */
    check(&(const struct row){"|\t", ".", "|x |"}, "|x");
}

Test(terminal_complete, no_room)
{
    struct typist t;
    char line[256];

    typist_begin(&t, false, "", false, WORDS);
    memset(line, 'x', 250);
    memcpy(line + 248, " a", 2);
    typist_types(&t, line, 250);
    typist_types(&t, "\t", 1); /* auditd: to 255 exactly, no blank */
    cr_assert_eq(t.d->bytes, 255);
    cr_assert_eq(memcmp(t.d->line + 248, " auditd", 8), 0);
    cr_assert_eq(t.d->refused, 0);
    typist_types(&t, "\t", 1);
    cr_assert_eq(t.log[t.used - 1u], '.'); /* it is whole, nothing to say */
    typist_types(&t, "\x15", 1);
    typist_types(&t, "y", 1);
    typist_types(&t, line, 250);
    t.used = 0;
    typist_types(&t, "\t", 1);
    cr_assert_str_eq(t.log, "!");
    cr_assert_eq(t.d->bytes, 251);
    cr_assert_eq(t.d->refused, 1);
    typist_end(&t);
}

/* The list is cut at a whole word, whatever of the word was left. */
Test(terminal_complete, long_lists_are_cut)
{
    struct discipline d;
    char words[DISCIPLINE_WORDS_BYTES + 64u];
    char choices[DISCIPLINE_WORDS_BYTES];

    memset(words, 'x', sizeof(words));
    for (uint32_t bytes = DISCIPLINE_WORDS_BYTES - 2u; bytes < DISCIPLINE_WORDS_BYTES + 4u; bytes++) {
        discipline_init(&d);
        words[9] = ' ';
        words[DISCIPLINE_WORDS_BYTES - 8u] = ' ';
        discipline_words(&d, words, bytes);
        cr_assert_eq(d.words_bytes, bytes <= DISCIPLINE_WORDS_BYTES ? bytes : DISCIPLINE_WORDS_BYTES - 8u,
                     "%u", bytes);
        words[DISCIPLINE_WORDS_BYTES] = ' '; /* the word before it is whole */
        discipline_words(&d, words, bytes);
        cr_assert_eq(d.words_bytes, bytes < DISCIPLINE_WORDS_BYTES ? bytes : DISCIPLINE_WORDS_BYTES);
        words[DISCIPLINE_WORDS_BYTES] = 'x';
    }
    memset(words, 'x', sizeof(words));
    discipline_words(&d, words, sizeof(words)); /* one word, too long */
    cr_assert_eq(d.words_bytes, 0);
    discipline_ask(&d, "", 0, false);
    cr_assert_eq(discipline_byte(&d, '\t'), DISCIPLINE_NOTHING);
    cr_assert_eq(discipline_choices(&d, choices, sizeof(choices)), 0);
}

Test(terminal_complete, choices_are_cut_at_a_whole_word)
{
    struct typist t;
    char out[32];

    typist_begin(&t, false, "", false, WORDS);
    typist_types(&t, "kill n\t\t", 8);
    for (uint32_t room = 0; room <= 20; room++) {
        memset(out, '#', sizeof(out));
        const uint32_t bytes = discipline_choices(t.d, out, room);
        const uint32_t due = room < 4 ? 0 : room < 9 ? 4 : room < 14 ? 9 : 14;

        cr_assert_eq(bytes, due, "%u: %u", room, bytes);
        cr_assert_eq(memcmp(out, "nicd netd nic0", bytes), 0);
        cr_assert_eq(out[bytes], '#');
    }
    typist_end(&t);
}

Test(terminal_complete, another_list_forgets_the_first_tab)
{
    struct typist t;

    typist_begin(&t, false, "", false, WORDS);
    typist_types(&t, "p\t", 2);
    discipline_words(t.d, "ps pq", 5);
    typist_types(&t, "\t", 1);
    cr_assert_str_eq(t.log, ".");
    typist_types(&t, "\t", 1);
    cr_assert_str_eq(t.log, ".{ps pq}");
    typist_end(&t);
}
