/* SPDX-License-Identifier: BSD-2-Clause */
/* Somebody at a terminal: bytes go through the Telnet filter, if there is one, to the line discipline, and
 * all that comes of them is written down. The discipline and the filter lie in memory of exactly their size.
 */
#ifndef CAPOS_TESTS_TYPIST_H
#define CAPOS_TESTS_TYPIST_H

#include <stddef.h>

#include "user/terminal/discipline.h"
#include "user/terminal/telnet.h"

#define TYPIST_LOG_BYTES 16384u

struct typist {
    struct discipline *d;
    struct telnet *t; /* NULL: none */
    const char *prompt;
    bool secret; /* the line asked for; the next one too, unless it is changed */
    /* `.` changed, `[line]` taken, `C` interrupted, `E` ended, `R` to be drawn anew, `{choices}`, `!`
     * refused, `A` are you there, `<fc18>` an answer without its IAC, `X` the stream is refused. Cut at its
     * end. */
    char log[TYPIST_LOG_BYTES];
    size_t used;
    uint64_t lines, interrupts, history, choices, answers, alive;
    bool closed; /* the filter refused the stream: bytes after that only show that it still does */
    char history_before[DISCIPLINE_HISTORY][DISCIPLINE_LINE_BYTES]; /* when the line was asked for */
};

/* `words`: for completion, or NULL. */
void typist_begin(struct typist *t, bool telnet, const char *prompt, bool secret, const char *words);
void typist_end(struct typist *t);
void typist_types(struct typist *t, const void *bytes, size_t count);
/* Looks at everything that can be looked at, and moves both to other memory: nothing may come of it. */
void typist_pauses(struct typist *t);
/* Takes what is asked for by another: `secret` from now on. */
void typist_asks(struct typist *t, bool secret);
/* NULL: every promise of the two headers that holds at any time holds. Else the one that does not. */
const char *typist_broken(const struct typist *t, uint32_t columns);
/* The view at full width without its prompt, `|` before the cursor's byte. Valid until the next call. */
const char *typist_sees(const struct typist *t, char out[DISCIPLINE_VIEW_BYTES + 2u]);

#endif
