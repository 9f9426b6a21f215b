/* SPDX-License-Identifier: BSD-2-Clause */
/* The main console among several programs, and what an operator may look at: the reader's unfinished line,
 * the inventory, counts of evidence and of the audit log. */
#include "evidence/markers.h"
#include "tests/unit/kernel/calls_bench.h"

TestSuite(prompt, .init = calls_start);

static cap_id other; /* process 1's copy of the port */

static void begin(void)
{
    cr_assert_eq(process_transfer(S, 0, cb.roots[CAP_IF_SERIAL], 1, false, &other), CAP_EX_NONE);
}

static void writes(uint16_t process, const char *text)
{
    memcpy(cb.range, text, strlen(text));
    good(ask_with(process, process == 0 ? cb.roots[CAP_IF_SERIAL] : other, SERIAL_WRITE, 0,
                  (uint32_t)strlen(text)));
}

static void reads(void)
{
    cr_assert(ask_with(0, cb.roots[CAP_IF_SERIAL], SERIAL_READ, 0, 8).waits);
}

Test(prompt, it_is_shown_again_below_what_others_write)
{
    begin();
    reads();
    writes(0, "capos> ");
    writes(0, "ps");
    writes(1, "nicd: up\n");
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "capos> ps\nnicd: up\ncapos> ps");
    writes(0, "\nfirst line\n");
    writes(1, "more\n");
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "capos> ps\nnicd: up\ncapos> ps\nfirst line\nmore\n");
}

Test(prompt, a_line_that_another_left_unfinished_is_ended_first)
{
    begin();
    reads();
    writes(0, "capos> ");
    writes(1, "half");
    writes(1, " a line");
    writes(0, "x");
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "capos> \nhalf a line\ncapos> x");
}

Test(prompt, without_a_reader_writers_only_take_turns)
{
    begin();
    writes(0, "half");
    writes(1, "other\n");
    writes(0, "whole\n");
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "half\nother\nwhole\n");
}

Test(prompt, a_reader_that_is_gone_has_no_line_any_more)
{
    begin();
    reads();
    writes(0, "capos> ");
    S->processes[0].number = 99; /* its place is another's */
    writes(1, "nicd: up\n");
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "capos> \nnicd: up\n");
}

Test(prompt, no_length_and_no_byte_of_it_breaks_out)
{
    static char longer[2 * CALLS_PROMPT_BYTES];
    const uint32_t before = CALLS_PROMPT_BYTES;

    begin();
    reads();
    memset(longer, 'x', sizeof longer - 1u);
    writes(0, longer);
    cr_assert_eq(cb.calls.prompt.bytes, before);
    writes(1, "y\n");
    cr_assert_eq(strlen(P->said[CONSOLE_MAIN]), sizeof longer - 1u + 3u + before);
    writes(0, "\n");
    writes(0, "cloudboot-evidence:");
    writes(1, "z\n");
    cr_assert_null(strstr(P->said[CONSOLE_MAIN], "\ncloudboot-evidence:"), "shown again, and escaped again");
}

static struct object_reply draws(uint16_t process, const char *line, uint64_t cursor)
{
    memcpy(cb.range, line, strlen(line));
    return ask_with(process, process == 0 ? cb.roots[CAP_IF_SERIAL] : other, SERIAL_LINE, cursor,
                    (uint32_t)strlen(line));
}

Test(prompt, a_drawn_line_grows_by_what_is_new_and_else_is_drawn_anew)
{
    begin();
    reads();
    good(draws(0, "capos> ", 7));
    good(draws(0, "capos> p", 8));
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "capos> p");
    good(draws(0, "capos> ", 7));
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "capos> p\r\x1b[Kcapos> ");
    good(draws(0, "capos> ", 7));
    cr_assert_str_eq(strchr(P->said[CONSOLE_MAIN], '\r'), "\r\x1b[Kcapos> \r\x1b[Kcapos> ");
    good(draws(0, "capos> ab\\c", 8));
    cr_assert_str_eq(strrchr(P->said[CONSOLE_MAIN], '\r'), "\r\x1b[Kcapos> ab\\x5cc\x1b[6D");
    writes(1, "nicd: up\n");
    cr_assert_str_eq(strchr(P->said[CONSOLE_MAIN], 'n'), "nicd: up\ncapos> ab\\x5cc\x1b[6D");
    writes(0, "\n");
    writes(1, "x\n");
    cr_assert_str_eq(strchr(P->said[CONSOLE_MAIN], 'n'), "nicd: up\ncapos> ab\\x5cc\x1b[6D\nx\n",
                     "a line that is ended is not shown again");
}

Test(prompt, only_the_reader_draws_and_nothing_that_is_no_line)
{
    begin();
    says(draws(0, "x", 0), SYS_E_STATE);
    says(ask(0, cb.roots[CAP_IF_SERIAL], SERIAL_CLEAR, 0, 0), SYS_E_STATE);
    reads();
    says(draws(1, "x", 0), SYS_E_STATE);
    says(ask(1, other, SERIAL_CLEAR, 0, 0), SYS_E_STATE);
    says(draws(0, "x", 2), SYS_E_VALUE);
    says(draws(0, "a\nb", 0), SYS_E_VALUE);
    says(draws(0, "a\x1b[H", 0), SYS_E_VALUE);
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "");
}

Test(prompt, no_redrawn_line_begins_as_evidence_does)
{
    begin();
    reads();
    good(draws(0, "x", 1));
    good(draws(0, "cloudboot-evidence: forged", 26));
    cr_assert_null(strstr(P->said[CONSOLE_MAIN], "cloudboot-evidence:"));
    good(ask(0, cb.roots[CAP_IF_SERIAL], SERIAL_CLEAR, 0, 0));
    good(draws(0, "cloudboot-evidence: forged", 26));
    cr_assert_null(strstr(P->said[CONSOLE_MAIN], "cloudboot-evidence:"));
}

Test(prompt, a_cleared_screen_begins_in_its_corner_and_has_no_line)
{
    begin();
    reads();
    good(draws(0, "capos> top", 10));
    good(ask(0, cb.roots[CAP_IF_SERIAL], SERIAL_CLEAR, 0, 0));
    writes(0, "table\n");
    writes(1, "y\n");
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "capos> top\n\x1b[H\x1b[Jtable\ny\n");
}

Test(prompt, an_inventory_looks_and_hands_nothing_out)
{
    const cap_id inventory = cb.roots[CAP_IF_INVENTORY];
    struct pci_function_info info;

    cr_assert_eq(ask(0, inventory, INVENTORY_COUNT, 0, 0).value, kernel_function_count(K));
    good(ask_with(0, inventory, INVENTORY_INFO, 0, sizeof info));
    says(ask_with(0, inventory, INVENTORY_INFO, 0x10000, sizeof info), SYS_E_VALUE);
    says(ask(0, inventory, INVENTORY_RELEASE, FAKE_MODERN_BDF, 0), DEV_E_STATE);
    for (uint16_t method = 0; method < 16; method++) {
        const struct object_reply reply = ask_with(0, inventory, method, 0, sizeof info);

        cr_assert(cap_is_none(reply.cap), "method %u", method);
    }
}

Test(prompt, system_counts_evidence_by_marker_and_what_the_log_holds)
{
    const cap_id system = cb.roots[CAP_IF_SYSTEM];
    struct evidence_count count;
    struct system_usage usage;
    struct audit_record record;

    evidence_emit_inventory(&cb.evidence,
                            &(struct evidence_inventory){.dma = "bounce", .contains_rogue_device = "no"});
    good(ask_with(0, system, SYSTEM_EVIDENCE, EVIDENCE_INVENTORY, sizeof count));
    memcpy(&count, cb.range, sizeof count);
    cr_assert_str_eq(count.name, "inventory");
    cr_assert_eq(count.lines, 1);
    good(ask_with(0, system, SYSTEM_EVIDENCE, EVIDENCE_FIRST_FRAME, sizeof count));
    memcpy(&count, cb.range, sizeof count);
    cr_assert_eq(count.lines, 0);
    says(ask_with(0, system, SYSTEM_EVIDENCE, EVIDENCE_MARKER_COUNT, sizeof count), SYS_E_VALUE);

    cr_assert_eq(kernel_audit_drain(K, &record, 1), 1);
    good(ask_with(0, system, SYSTEM_USAGE, 0, sizeof usage));
    memcpy(&usage, cb.range, sizeof usage);
    cr_assert_eq(usage.audit_waiting, kernel_audit_count(K) - 1u);
    cr_assert_eq(memcmp(usage.audit_head, kernel_audit_head(K), sizeof usage.audit_head), 0);
}
