/* SPDX-License-Identifier: BSD-2-Clause */
/* What is seen: of each length of line and each place of the cursor, at the widths that matter. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/typist.h"

#define PROMPT64 "0123456789012345678901234567890123456789012345678901234567890> "

/* Any four bytes of it in a row are found at one place only. */
static void type_line(struct typist *t, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        const char b = (char)(i % 4u == 0 ? 'A' + i / 4u % 26u : i % 4u == 1 ? 'a' + i / 104u : '0' + i % 4u);

        typist_types(t, &b, 1);
    }
}

/* The part of the line that is seen is that around the cursor, as much as fits. */
static void check(const struct typist *t, uint32_t columns, uint32_t cursor)
{
    const uint32_t wide = columns < 20 ? 20 : columns > 512 ? 512 : columns;
    const uint32_t prompt_bytes = (uint32_t)strlen(t->prompt);
    const uint32_t prompt = prompt_bytes < wide - 9u ? prompt_bytes : wide - 9u;
    const uint32_t room = wide - 1u - prompt;
    struct discipline_view v;
    const char *broken = typist_broken(t, columns);

    cr_assert_null(broken, "%s at %u columns", broken, columns);
    discipline_view(t->d, columns, &v);
    cr_assert_eq(memcmp(v.text, t->prompt, prompt), 0);
    cr_assert_geq(v.cursor, prompt);
    const uint32_t before = v.cursor - prompt, from = cursor - before;
    const uint32_t bytes = t->d->bytes;
    const uint32_t seen = bytes - from < room ? bytes - from : room;

    cr_assert_leq(before, cursor);
    cr_assert_eq(v.bytes - prompt, seen, "%u bytes of %u seen at %u columns", v.bytes - prompt, bytes,
                 columns);
    cr_assert_eq(memcmp(v.text + prompt, t->d->line + from, seen), 0);
    cr_assert(bytes > room || from == 0);
    cr_assert(from == 0 || before >= room / 4u);
    cr_assert(before <= room && (before < room || cursor == bytes)); /* on a byte, or behind the last */
}

static void check_all(const char *prompt)
{
    static const uint32_t columns[] = {20, 80, 512, 0, 19, 21, 513, UINT32_MAX};
    struct typist t;

    for (uint32_t bytes = 0; bytes <= 255; bytes += bytes < 24 || bytes >= 250 ? 1 : 7) {
        typist_begin(&t, false, prompt, false, NULL);
        type_line(&t, bytes);
        for (uint32_t cursor = t.d->bytes;; cursor--) {
            for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
                check(&t, columns[i], cursor);
            if (cursor == 0)
                break;
            typist_types(&t, "\033[D", 3);
        }
        typist_end(&t);
    }
}

Test(terminal_view, no_prompt)
{
    check_all("");
}

Test(terminal_view, short_prompt)
{
    check_all("capos> ");
}

Test(terminal_view, longest_prompt)
{
    cr_assert_eq(strlen(PROMPT64), DISCIPLINE_PROMPT_BYTES - 1u);
    check_all(PROMPT64);
    check_all(PROMPT64 "!");
}

static void prompts(const char *prompt, uint32_t bytes, const char *seen, uint32_t seen_bytes)
{
    struct discipline d;
    struct discipline_view v;

    discipline_init(&d);
    discipline_ask(&d, prompt, bytes, false);
    discipline_view(&d, 512, &v);
    cr_assert_eq(v.bytes, seen_bytes);
    cr_assert_eq(v.cursor, seen_bytes);
    cr_assert_eq(memcmp(v.text, seen, seen_bytes), 0);
}

Test(terminal_view, prompts_that_cannot_be_shown)
{
    prompts("a\033[2J\n\r\b\x7f\x9b\xff\0b", 13, "a?[2J???????b", 13);
    prompts(PROMPT64 "!xyz", 67, PROMPT64 "!", 64); /* cut */
    prompts("", 0, "", 0);
}

/* What is seen follows from the line, not from what was seen before. */
Test(terminal_view, looking_changes_nothing)
{
    struct typist a, b;
    struct discipline_view v, w;

    typist_begin(&a, false, "> ", false, NULL);
    typist_begin(&b, false, "> ", false, NULL);
    for (uint32_t i = 0; i < 300; i++) {
        typist_types(&a, i < 255 ? "x" : "\033[D", i < 255 ? 1 : 3);
        typist_types(&b, i < 255 ? "x" : "\033[D", i < 255 ? 1 : 3);
        discipline_view(a.d, 40, &v);
    }
    discipline_view(b.d, 40, &w);
    cr_assert_eq(v.bytes, w.bytes);
    cr_assert_eq(v.cursor, w.cursor);
    cr_assert_eq(memcmp(a.d, b.d, sizeof(*a.d)), 0);
    typist_end(&a);
    typist_end(&b);
}
