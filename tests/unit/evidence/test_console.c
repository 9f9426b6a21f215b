/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "evidence/console.h"
#include "evidence/markers.h"
#include "recorder.h"

static struct platform machine;
static struct console console;

static void setup(void)
{
    memset(&machine, 0, sizeof(machine));
    console_init(&console, &machine);
}

static void printed(const char *expected)
{
    cr_assert_str_eq(machine.text[CONSOLE_MAIN], expected);
    cr_assert_eq(machine.bytes[CONSOLE_EVIDENCE], 0);
}

static void write_text(const char *text)
{
    console_write(&console, text, strlen(text));
}

TestSuite(console, .init = setup);

Test(console, plain_text_goes_out_as_it_is)
{
    write_text("hello ~!\n\tworld\n");
    printed("hello ~!\n\tworld\n");
}

Test(console, control_bytes_and_backslash_are_escaped)
{
    console_write(&console, "a\r\x1b[2J\\\x7f\xe4\0b\n", 12);
    printed("a\\x0d\\x1b[2J\\x5c\\x7f\\xe4\\x00b\n");
}

Test(console, line_with_the_prefix_cannot_be_written)
{
    write_text(EVIDENCE_PREFIX " end v1:seq=0\nx\n" EVIDENCE_PREFIX "\n");
    printed("cloudboot-evidence\\x3a end v1:seq=0\nx\ncloudboot-evidence\\x3a\n");
}

Test(console, prefix_in_pieces_of_one_byte_is_escaped_too)
{
    const char *text = "a\n" EVIDENCE_PREFIX " x\n";
    for (size_t i = 0; i < strlen(text); i++)
        console_write(&console, &text[i], 1);
    printed("a\ncloudboot-evidence\\x3a x\n");
}

Test(console, prefix_inside_a_line_and_longer_or_shorter_words_pass)
{
    write_text(" " EVIDENCE_PREFIX "\nccloudboot-evidence:\ncloudboot-evidence\ncloudboot-evidence-:\n");
    printed(" cloudboot-evidence:\nccloudboot-evidence:\ncloudboot-evidence\ncloudboot-evidence-:\n");
}

Test(console, whole_line_starts_fresh_and_holds_no_newline)
{
    write_text("unfinished");
    console_line(&console, "a\nb", 3);
    console_line(&console, EVIDENCE_PREFIX, strlen(EVIDENCE_PREFIX));
    console_line(&console, "", 0);
    printed("unfinished\na\\x0ab\ncloudboot-evidence\\x3a\n\n");
}

Test(console, text_longer_than_the_chunk_comes_out_whole)
{
    char text[5000];
    memset(text, '\\', sizeof(text));
    console_write(&console, text, sizeof(text));
    cr_assert_eq(machine.bytes[CONSOLE_MAIN], 4 * sizeof(text));
    for (size_t i = 0; i < sizeof(text); i++)
        cr_assert_arr_eq(machine.text[CONSOLE_MAIN] + 4 * i, "\\x5c", 4);
}
