/* SPDX-License-Identifier: BSD-2-Clause */
/* The main console, port 1, as everybody but the evidence emitter writes to it. Whatever the text, no line of
 * it can start with the evidence prefix, no byte of it can move the cursor or erase, and an evidence line
 * never joins an unfinished one. Newline and tab go out as they are; other bytes outside ' ' to '~' and the
 * backslash become \xNN. What moves the cursor (ECMA-48) is the kernel's own, for the line that is being
 * typed: after it a line begins as far as the prefix goes. */
#ifndef CAPOS_EVIDENCE_CONSOLE_H
#define CAPOS_EVIDENCE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct platform;

struct console {
    struct platform *platform;
    uint8_t port; /* enum platform_console */
    uint8_t matched; /* bytes of the prefix at the start of this line; CONSOLE_NO_MATCH once it differs */
    bool mid_line; /* the last byte written was no newline */
};

#define CONSOLE_NO_MATCH 0xffu

/* The console is at the start of a line. `platform` outlives it. */
void console_init(struct console *c, struct platform *platform);
/* The same over another port than the main one (enum platform_console). */
void console_init_port(struct console *c, struct platform *platform, uint8_t port);
/* Any bytes, in pieces of any size. */
void console_write(struct console *c, const char *text, size_t bytes);
/* One whole line: ends an unfinished one first, adds the newline; a newline inside `text` becomes \x0a. */
void console_line(struct console *c, const char *text, size_t bytes);
/* Ends an unfinished line. */
void console_fresh_line(struct console *c);
/* Erases the unfinished line, to be written anew: CR, EL (ECMA-48 8.3.41). */
void console_erase_line(struct console *c);
/* The cursor `columns` back in the unfinished line: CUB (ECMA-48 8.3.18). 0: nothing. */
void console_back(struct console *c, uint32_t columns);
/* The screen, cursor to its corner, on a line of its own: CUP, ED (ECMA-48 8.3.21, 8.3.39). */
void console_clear(struct console *c);

#endif
