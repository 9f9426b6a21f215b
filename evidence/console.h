/* SPDX-License-Identifier: BSD-2-Clause */
/* The main console, port 1, as everybody but the evidence emitter writes to it. Whatever the text, no line of
 * it can start with the evidence prefix, no byte of it can move the cursor or erase, and an evidence line
 * never joins an unfinished one. Newline and tab go out as they are; other bytes outside ' ' to '~' and the
 * backslash become \xNN. */
#ifndef CAPOS_EVIDENCE_CONSOLE_H
#define CAPOS_EVIDENCE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct platform;

struct console {
    struct platform *platform;
    uint8_t port;     /* enum platform_console */
    uint8_t matched;  /* bytes of the prefix at the start of this line; CONSOLE_NO_MATCH once it differs */
    bool mid_line;    /* the last byte written was no newline */
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

#endif
