/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "evidence/markers.h"
#include "kernel/core/digest.h"
#include "recorder.h"

static struct platform machine;
static struct console console;
static struct evidence ev;
static const uint8_t key[EVIDENCE_KEY_BYTES] = {1, 2, 3};
static const uint8_t boot[EVIDENCE_BOOT_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static void setup(void)
{
    memset(&machine, 0, sizeof(machine));
    console_init(&console, &machine);
    evidence_begin(&ev, &console, key, boot);
}

static const struct evidence_platform platform_facts = {
    .name = "sim", .memory_bytes = 4096, .pages = 1, .commit = "abc"};
static const struct evidence_audit audit_facts = {.records = 1, .head = "-"};

TestSuite(emit, .init = setup);

Test(emit, line_has_the_grammar_and_a_chain_over_all_but_itself)
{
    cr_assert_eq(evidence_emit_platform(&ev, &platform_facts), EVIDENCE_OK);
    const char *chained = "cloudboot-evidence: platform v1:seq=0,boot=0123456789abcdef"
                          ",name=sim,memory_bytes=4096,pages=1,commit=abc";
    uint8_t zero[32] = {0}, chain[32];
    char hex[65], expected[512];
    digest_hmac_sha256(key, (const struct digest_part[]){{zero, 32}, {chained, strlen(chained)}}, 2, chain);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", chain[i]);
    snprintf(expected, sizeof(expected),
             "cloudboot-evidence: platform v1:seq=0,boot=0123456789abcdef,chain=%s"
             ",name=sim,memory_bytes=4096,pages=1,commit=abc\n",
             hex);
    cr_assert_str_eq(machine.text[CONSOLE_EVIDENCE], expected);
    cr_assert_str_eq(machine.text[CONSOLE_MAIN], expected);
    cr_assert_arr_eq(ev.chain, chain, 32);
}

Test(emit, each_line_is_one_write_a_port)
{
    evidence_emit_platform(&ev, &platform_facts);
    cr_assert_eq(machine.writes[CONSOLE_EVIDENCE], 1);
    cr_assert_eq(machine.writes[CONSOLE_MAIN], 1);
}

Test(emit, line_never_joins_an_unfinished_line_of_text)
{
    console_write(&console, "prompt> ", 8);
    evidence_emit_platform(&ev, &platform_facts);
    cr_assert_not_null(strstr(machine.text[CONSOLE_MAIN], "prompt> \ncloudboot-evidence: "));
    cr_assert_eq(strncmp(machine.text[CONSOLE_EVIDENCE], "cloudboot-evidence: ", 20), 0);
}

Test(emit, key_never_appears)
{
    evidence_emit_platform(&ev, &platform_facts);
    evidence_end(&ev);
    cr_assert_null(strstr(machine.text[CONSOLE_MAIN], "0102030000"));
    for (size_t i = 0; i < sizeof(ev.key); i++)
        cr_assert_eq(ev.key[i], 0, "the key is wiped at the end");
}

Test(emit, device_and_user_text_cannot_add_a_fact_or_a_line)
{
    struct evidence_platform facts = platform_facts;
    facts.name = "a,b=1 c\nd%\x80";
    facts.commit = "";
    cr_assert_eq(evidence_emit_platform(&ev, &facts), EVIDENCE_OK);
    cr_assert_not_null(strstr(machine.text[CONSOLE_EVIDENCE], ",name=a%2cb=1%20c%0ad%25%80,memory_bytes="));
    cr_assert_not_null(strstr(machine.text[CONSOLE_EVIDENCE], ",commit=-\n"));
}

Test(emit, order_of_the_list_is_kept)
{
    cr_assert_eq(evidence_emit_audit(&ev, &audit_facts), EVIDENCE_OK);
    struct evidence before = ev;
    size_t bytes = machine.bytes[CONSOLE_EVIDENCE];
    cr_assert_eq(evidence_emit_platform(&ev, &platform_facts), EVIDENCE_E_ORDER);
    cr_assert_eq(evidence_emit_audit(&ev, &audit_facts), EVIDENCE_E_REPEAT);
    cr_assert_eq(ev.refused, 2);
    ev.refused = 0;
    cr_assert_eq(memcmp(&before, &ev, sizeof(ev)), 0, "a refused line changes nothing but its count");
    cr_assert_eq(machine.bytes[CONSOLE_EVIDENCE], bytes);
}

Test(emit, marker_listed_as_many_may_follow_itself)
{
    struct evidence_pci_function facts = {.subsystem = "-", .bars = "-", .caps = "-"};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(evidence_emit_pci_function(&ev, &facts), EVIDENCE_OK);
    cr_assert_eq(ev.seq, 3);
}

Test(emit, end_counts_the_lines_before_it_and_closes)
{
    evidence_emit_platform(&ev, &platform_facts);
    evidence_emit_audit(&ev, &audit_facts);
    cr_assert_eq(evidence_end(&ev), EVIDENCE_OK);
    cr_assert_not_null(strstr(machine.text[CONSOLE_EVIDENCE], "cloudboot-evidence: end v1:seq=2,"));
    cr_assert_not_null(strstr(machine.text[CONSOLE_EVIDENCE], ",count=2\n"));
    cr_assert_eq(evidence_end(&ev), EVIDENCE_E_ENDED);
    cr_assert_eq(evidence_emit_audit(&ev, &audit_facts), EVIDENCE_E_ENDED);
}

Test(emit, facts_that_do_not_fit_are_refused_whole)
{
    char text[600];
    memset(text, ',', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct evidence_audit facts = {.records = 1, .head = text};
    cr_assert_eq(evidence_emit_audit(&ev, &facts), EVIDENCE_E_LONG);
    cr_assert_eq(machine.bytes[CONSOLE_EVIDENCE], 0);
    text[100] = '\0';
    cr_assert_eq(evidence_emit_audit(&ev, &facts), EVIDENCE_OK);
}

Test(emit, two_logs_are_independent)
{
    struct evidence other;
    static struct platform second;
    struct console its_console;
    memset(&second, 0, sizeof(second));
    console_init(&its_console, &second);
    evidence_begin(&other, &its_console, key, boot);
    evidence_emit_platform(&ev, &platform_facts);
    evidence_emit_platform(&other, &platform_facts);
    cr_assert_str_eq(machine.text[CONSOLE_EVIDENCE], second.text[CONSOLE_EVIDENCE]);
}
