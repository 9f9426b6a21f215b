/* SPDX-License-Identifier: BSD-2-Clause */
/* The cooked line discipline of every terminal: bytes that were typed go in, whole lines come out, and what
 * is to be seen of the line under way is told as a text and a column. Pure: it draws nothing, allocates
 * nothing, and knows no clock; whoever has the terminal draws. What is typed is anything; what is shown and
 * what comes out is printable ASCII alone, so that no typed byte can move a cursor or end a line of a log.
 *
 * Keys: CR, LF, CR LF and CR NUL end the line once, however the bytes are split between calls. BS and DEL
 * erase before the cursor; ^W the word before it and the blanks behind that, ^U the line; ^C interrupts; ^D
 * ends the input on an empty line, else erases under the cursor; ^A, ^E, Home, End, arrows (ECMA-48 CSI and
 * SS3 forms) move; up and down, ^P and ^N walk through the history; TAB completes; ^L asks to be drawn anew.
 * Every other control byte, every byte above 7e and every other escape sequence is swallowed and counted; a
 * sequence is given up after DISCIPLINE_ESCAPE_BYTES_MAX bytes. A control byte or one above 7e in a sequence
 * ends it and counts as itself. */
#ifndef CAPOS_USER_TERMINAL_DISCIPLINE_H
#define CAPOS_USER_TERMINAL_DISCIPLINE_H

#include <stdbool.h>
#include <stdint.h>

#define DISCIPLINE_LINE_BYTES       256u /* of a line; its last byte is kept for the NUL */
#define DISCIPLINE_PROMPT_BYTES     64u
#define DISCIPLINE_HISTORY          32u /* lines; the oldest makes room */
#define DISCIPLINE_WORDS_BYTES      1024u
#define DISCIPLINE_VIEW_BYTES       512u
#define DISCIPLINE_COLUMNS_MIN      20u
#define DISCIPLINE_ESCAPE_BYTES_MAX 16u

/* What a byte came to. */
enum discipline_event {
    DISCIPLINE_NOTHING = 0, /* the view is the same: part of something longer, swallowed, or of a secret */
    DISCIPLINE_CHANGED, /* the view may be another one */
    DISCIPLINE_LINE, /* `line` is whole: discipline_take() it before the next byte */
    DISCIPLINE_INTERRUPT, /* ^C: the line under way is wiped; it goes on, empty, under the same prompt */
    DISCIPLINE_END, /* ^D on an empty line; the line goes on */
    DISCIPLINE_REDRAW, /* ^L: the view is the same, the screen may not be */
    DISCIPLINE_CHOICES, /* TAB twice with more than one candidate: discipline_choices() names them */
    DISCIPLINE_REFUSED /* no room for the byte, or for what it completes: the terminal may ring its bell */
};

enum discipline_state { DISCIPLINE_IDLE = 0, DISCIPLINE_TYPING, DISCIPLINE_WHOLE };

struct discipline_view {
    char text[DISCIPLINE_VIEW_BYTES]; /* prompt and what fits of the line; printable ASCII, not terminated */
    uint32_t bytes;
    uint32_t cursor; /* column in it, 0 to bytes */
};

/* The layout stands in the header so that a program can hold several; its fields are the discipline's. */
struct discipline {
    enum discipline_state state; /* no line is asked for; it is typed; it waits to be taken */
    char line[DISCIPLINE_LINE_BYTES]; /* zero from `bytes` on, so that nothing erased stays */
    uint32_t bytes, cursor;
    char prompt[DISCIPLINE_PROMPT_BYTES];
    uint32_t prompt_bytes;
    bool secret; /* nothing of the line is shown, kept or completed */
    bool after_cr; /* an LF or NUL that follows belongs to the end before */
    bool tabbed; /* the byte before was a TAB that found several */
    uint8_t escape[DISCIPLINE_ESCAPE_BYTES_MAX];
    uint32_t escape_bytes;
    char history[DISCIPLINE_HISTORY][DISCIPLINE_LINE_BYTES];
    uint32_t history_count, history_first, history_at; /* at == count: the line that was being typed */
    char typed[DISCIPLINE_LINE_BYTES]; /* it, while another is looked at */
    char words[DISCIPLINE_WORDS_BYTES];
    uint32_t words_bytes;
    uint64_t swallowed, refused; /* bytes */
};

void discipline_init(struct discipline *d);
/* A line is asked for, in any state: one under way is wiped. It begins with what was typed ahead by the
 * caller's choice of feeding it. `prompt`: printable ASCII; other bytes show as `?`, what is longer than
 * DISCIPLINE_PROMPT_BYTES is cut. `secret`: see above; keys of history and completion are swallowed. The
 * line's bytes are wiped when it is taken, when the next one is asked for, when it is interrupted, and by
 * discipline_wipe(). */
void discipline_ask(struct discipline *d, const char *prompt, uint32_t bytes, bool secret);
/* What may be completed: words separated by blanks; those before a word `|` for the first place of a line,
 * those behind it for the other places. Other bytes than printable ASCII count as `?`. Cut at
 * DISCIPLINE_WORDS_BYTES, at a whole word. What is completed is the word up to the cursor; behind the only
 * candidate comes a blank, at the end of the line and if there is room. */
void discipline_words(struct discipline *d, const char *words, uint32_t bytes);
/* Only while a line is asked for and not whole: what is typed at other times is the caller's to keep. */
enum discipline_event discipline_byte(struct discipline *d, uint8_t byte);
/* What is to be seen on a terminal `columns` wide (DISCIPLINE_COLUMNS_MIN to DISCIPLINE_VIEW_BYTES; others
 * are brought there); the last column stays free, so that no terminal wraps. The part shown of a long line
 * follows from line, cursor and columns alone, and moves in steps of half of what fits; a long prompt is cut
 * so that eight columns are left for the line. Empty while no line is asked for. */
void discipline_view(const struct discipline *d, uint32_t columns, struct discipline_view *out);
/* The whole line, zero behind its end; its bytes. A line that is not secret, not empty and not the one before
 * goes to the history. The discipline holds no line then: ask again. */
uint32_t discipline_take(struct discipline *d, char out[DISCIPLINE_LINE_BYTES]);
/* The candidates of the last DISCIPLINE_CHOICES, before the next byte; separated by blanks, not terminated,
 * cut at a whole word. Its bytes. */
uint32_t discipline_choices(const struct discipline *d, char *out, uint32_t room);
/* Zeroes the line, and what a key had begun, also in what an optimiser thinks is dead. The line goes on. */
void discipline_wipe(struct discipline *d);

#endif
