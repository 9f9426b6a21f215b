/* SPDX-License-Identifier: BSD-2-Clause */
/* However a stream is split, the same comes of it. Between the parts all that can be looked at is looked at,
 * and discipline and filter move to other memory: what is kept anywhere else would be lost. Every split of
 * short inputs, every single split of long ones, for the discipline and for the filter feeding it. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/typist.h"

#define WORDS "help halt ps | nicd netd"

struct short_input {
    bool telnet;
    const char *bytes;
    size_t count;
    const char *log, *seen;
};

#define INPUT(telnet, text, log, seen)                                                                       \
    {                                                                                                        \
        telnet, text, sizeof(text) - 1u, log, seen                                                           \
    }

static const struct short_input short_inputs[] = {
    INPUT(false, "ls\r\nps\r", "..[ls]..[ps]", "|"),
    INPUT(false, "a\r\0b\n\0c", ".[a].[b].", "c|"),
    INPUT(false, "\r\n\n\r\r\0\0", "[][][][]", "|"),
    INPUT(false, "ab\033[D\033OCc", ".....", "abc|"),
    INPUT(false, "ab\033[1~x\033[4~", ".....", "xab|"),
    INPUT(false, "ab\033[1;5Dc", "...", "abc|"),
    INPUT(false, "a\033[\003b\033[A", ".C.", "b|"),
    INPUT(false, "a\nb\033[A\033OB", ".[a]...", "b|"),
    INPUT(false, "h\t\tel\tx", ".{help halt}....", "help x|"),
    INPUT(false, "ps n\t\t\x17i\t", "....{nicd netd}..", "ps i|"),
    INPUT(false, "a b\x17\x17\x04\x0c", ".....ER", "|"),
    INPUT(false, "\233D\300\200a\177\377", "...", "D|"),
    INPUT(true, "ls\r\0ps\r\n", "..[ls]..[ps]", "|"),
    INPUT(true, "a\r\377\361\nb", ".[a].", "b|"),
    INPUT(true, "a\377\377b\377\367c", "....", "ac|"),
    INPUT(true, "ab\377\370c\377\364d", "....C.", "d|"),
    INPUT(true, "\377\375\030\377\375\030a\377\373\037", "<fc18>.<fe1f>", "a|"),
    INPUT(true, "\377\375\001\377\376\001\377\375\001", "<fc01>", "|"),
    INPUT(true, "a\377\372\030\001\377\377\377\360b", "..", "ab|"),
    INPUT(true, "\377\372\r\377\361x\377\360\377\366", "A", "|"),
    INPUT(true, "ab\033\377\361[\377\363D",
          ".."
          "C.",
          "D|"),
    INPUT(true, "a\033[\377\361Db", "...", "b|a"),
};

/* Bit i of `cuts`: a pause behind byte i. */
static void run(struct typist *t, const struct short_input *in, uint32_t cuts)
{
    typist_begin(t, in->telnet, "> ", false, WORDS);
    for (size_t from = 0, to = 0; to < in->count; from = to) {
        do
            to++;
        while (to < in->count && (cuts >> (to - 1u) & 1u) == 0);
        typist_types(t, in->bytes + from, to - from);
        if (to < in->count)
            typist_pauses(t);
    }
}

Test(terminal_splits, every_split_of_short_inputs)
{
    struct typist t;
    char seen[DISCIPLINE_VIEW_BYTES + 2u];

    for (size_t i = 0; i < sizeof(short_inputs) / sizeof(short_inputs[0]); i++) {
        const struct short_input *in = &short_inputs[i];
        uint64_t swallowed = 0, commands = 0;

        for (uint32_t cuts = 0; cuts < 1u << (in->count - 1u); cuts++) {
            run(&t, in, cuts);
            cr_assert_str_eq(t.log, in->log, "input %zu, cuts %x: %s", i, cuts, t.log);
            cr_assert_str_eq(typist_sees(&t, seen), in->seen, "input %zu, cuts %x: %s", i, cuts, seen);
            swallowed = cuts == 0 ? t.d->swallowed : swallowed;
            commands = cuts == 0 && t.t != NULL ? t.t->commands : commands;
            cr_assert_eq(t.d->swallowed, swallowed);
            cr_assert(t.t == NULL || t.t->commands == commands);
            typist_end(&t);
        }
    }
}

/* Long streams: of everything, from a fixed seed. */
static size_t long_stream(uint8_t *out, size_t room, uint32_t seed, bool telnet)
{
    static const char *const parts[] = {"help nicd",
                                        "\r\n",
                                        "\r",
                                        "\n",
                                        "\033[A",
                                        "\033OB",
                                        "\033[1;5C",
                                        "\t",
                                        "\t\t",
                                        "\x03",
                                        "\x04",
                                        "\x17",
                                        "\x15",
                                        "kill  net",
                                        "\b\b",
                                        "\033[D\033[D",
                                        "\x01q",
                                        "\x0c",
                                        "\233",
                                        "\033[999999999999999999X",
                                        "longer words than one sees at once "};
    static const char *const commands[] = {
        "\377\375\001", "\377\375\030", "\377\373\003",
        "\377\364",     "\377\367",     "\377\370",
        "\377\366",     "\377\377",     "\377\372\030\001ab\377\377\r\377\361c\377\360",
        "\377\376\001", "\r\377\361\n"};
    size_t used = 0;

    for (;;) {
        seed = seed * 1664525u + 1013904223u;
        const char *part =
            telnet && (seed >> 30) == 0 ? commands[(seed >> 16) % 11u] : parts[(seed >> 16) % 21u];

        if (strlen(part) > room - used)
            return used;
        memcpy(out + used, part, strlen(part));
        used += strlen(part);
    }
}

static void every_single_split(bool telnet, bool secret)
{
    static uint8_t stream[700];
    static struct typist whole, t;

    for (uint32_t seed = 1; seed <= 3; seed++) {
        const size_t count = long_stream(stream, sizeof(stream), seed, telnet);

        cr_assert_gt(count, 600);
        typist_begin(&whole, telnet, "> ", secret, WORDS);
        typist_types(&whole, stream, count);
        cr_assert_gt(whole.lines, 5);
        for (size_t cut = 1; cut < count; cut++) {
            typist_begin(&t, telnet, "> ", secret, WORDS);
            typist_types(&t, stream, cut);
            typist_pauses(&t);
            typist_types(&t, stream + cut, count - cut);
            cr_assert_str_eq(t.log, whole.log, "seed %u, cut at %zu", seed, cut);
            cr_assert_eq(memcmp(t.d, whole.d, sizeof(*t.d)), 0, "seed %u, cut at %zu", seed, cut);
            cr_assert(!telnet || memcmp(t.t, whole.t, sizeof(*t.t)) == 0, "seed %u, cut at %zu", seed, cut);
            typist_end(&t);
        }
        typist_end(&whole);
    }
}

Test(terminal_splits, every_single_split_of_long_lines)
{
    every_single_split(false, false);
}

Test(terminal_splits, every_single_split_of_long_streams)
{
    every_single_split(true, false);
}

Test(terminal_splits, every_single_split_of_secrets)
{
    every_single_split(true, true);
}

/* A subnegotiation at its bound, cut at each byte. */
Test(terminal_splits, the_bound_of_a_subnegotiation)
{
    static uint8_t stream[TELNET_SKIP_MAX + 8u];
    static struct typist t;

    for (unsigned more = 0; more < 2; more++) {
        const size_t inner = TELNET_SKIP_MAX - 2u + more;

        memset(stream, 'x', sizeof(stream));
        memcpy(stream, "\377\372", 2);
        memcpy(stream + 2 + inner, "\377\360ab", 4);
        for (size_t cut = 1; cut < inner + 6u; cut++) {
            typist_begin(&t, true, "> ", false, NULL);
            typist_types(&t, stream, cut);
            typist_pauses(&t);
            typist_types(&t, stream + cut, inner + 6u - cut);
            cr_assert_str_eq(t.log, more ? "X" : "..", "%u more, cut at %zu", more, cut);
            typist_end(&t);
        }
    }
}
