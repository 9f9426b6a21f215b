/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to a terminal: bytes to the Telnet filter, or past it, to the line discipline. The first
 * byte says with or without filter, how wide, which lines are secret. After each byte everything that the
 * headers promise at any time is held against what there is; what is broken aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/typist.h"

#define WITHOUT_FILTER 1u
#define SECRET_FIRST   2u
#define SECRET_SECOND  4u /* of every two lines; else as the first */
#define WIDTH_SHIFT    4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct {
    unsigned long streams, lines, secrets, interrupts, history, choices, swallowed, refused, commands,
        answers, closed;
} marks;

__attribute__((destructor)) static void tell(void)
{
    fprintf(
        stderr,
        "terminals: inputs=%lu lines=%lu secrets=%lu interrupts=%lu history=%lu choices=%lu swallowed=%lu "
        "refused=%lu commands=%lu answers=%lu closed=%lu\n",
        marks.streams, marks.lines, marks.secrets, marks.interrupts, marks.history, marks.choices,
        marks.swallowed, marks.refused, marks.commands, marks.answers, marks.closed);
}

static void need(const struct typist *t, uint32_t columns)
{
    const char *broken = typist_broken(t, columns);

    if (broken == NULL)
        return;
    fprintf(stderr, "terminal: %s\n", broken);
    abort();
}

static void count(const struct typist *t)
{
    marks.streams++;
    marks.lines += t->lines;
    marks.interrupts += t->interrupts;
    marks.history += t->history;
    marks.choices += t->choices;
    marks.swallowed += t->d->swallowed;
    marks.refused += t->d->refused;
    marks.commands += t->t != NULL ? t->t->commands : 0;
    marks.answers += t->answers;
    marks.closed += t->closed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const uint32_t widths[] = {20, 80, 512, 0, 21, 40, 132, UINT32_MAX};
    static struct typist t;

    if (bytes == 0)
        return 0;
    const uint8_t how = data[0];
    const uint32_t columns = widths[(how >> WIDTH_SHIFT) % 8u];
    const bool first = (how & SECRET_FIRST) != 0;
    const bool second = first != ((how & SECRET_SECOND) != 0);
    typist_begin(&t, (how & WITHOUT_FILTER) == 0, "capos> ", first, "help ps poweroff kill | nicd netd nic0");
    for (size_t i = 1; i < bytes; i++) {
        const uint64_t lines = t.lines;

        typist_types(&t, data + i, 1);
        need(&t, columns);
        if (t.lines != lines) {
            marks.secrets += t.secret;
            typist_asks(&t, t.lines % 2u == 0 ? first : second);
        }
        if (i % 64u == 0)
            typist_pauses(&t);
    }
    count(&t);
    typist_end(&t);
    return 0;
}
