/* SPDX-License-Identifier: BSD-2-Clause */
/* The interfaces of the terminal process: a TerminalSession is one person at one byte stream, the machine's
 * console or a connection. Its holder asks for lines and shows text, and does not learn what carries them:
 * it needs neither a serial port nor any network for it.
 *
 * Text and lines travel through one page that the session lends (TERMINAL_BUFFER). Each of READ, WRITE and
 * KEY may wait once at a time, and completes exactly once: with what it waited for; TERMINAL_E_TIMEOUT;
 * TERMINAL_E_CLOSED when the stream ended or the session was closed; RING_E_DISCONNECTED when the process
 * ended. When nobody holds a session any more, it is closed: a connection with it; the console waits for the
 * next. */
#ifndef CAPOS_ABI_TERMINAL_H
#define CAPOS_ABI_TERMINAL_H

#include <stdint.h>

#define TERMINAL_BUFFER_BYTES 4096u
#define TERMINAL_LINE_BYTES   255u /* of a line that was typed, at most */
#define TERMINAL_PROMPT_BYTES 64u
#define TERMINAL_WORDS_BYTES  1024u

/* Closed enum of the results of these interfaces. */
enum terminal_error {
    TERMINAL_OK = 0,
    TERMINAL_E_VALUE,     /* an argument out of its range, or a method that the interface has not */
    TERMINAL_E_BUSY,      /* a call of this kind waits already; write: a line is being asked for; no room for
                             another session */
    TERMINAL_E_CLOSED,    /* the stream ended, or the session was closed */
    TERMINAL_E_INTERRUPT, /* read: ^C */
    TERMINAL_E_END,       /* read: ^D on an empty line */
    TERMINAL_E_TIMEOUT,   /* not within the call's time */
    TERMINAL_E_NO_MEMORY,
    TERMINAL_ERROR_COUNT
};

enum terminal_kind { TERMINAL_CONSOLE = 1, TERMINAL_CONNECTION };

/* CAP_IF_TERMINALS: sessions of one kind, one after the other; which kind is the manifest's. */
enum terminals_method {
    TERMINALS_OPEN = 1 /* waits until there is one that nobody has. cap: Terminal; value: enum
                          terminal_kind | the peer's IPv4 address << 32, first byte lowest; 0: none */
};

/* CAP_IF_TERMINAL. Offsets and lengths are of the buffer. */
enum terminal_method {
    TERMINAL_BUFFER = 1, /* cap: the page, to be mapped; value: its bytes. Asked for again: the same */
    TERMINAL_WRITE,      /* args[0]: offset, args[1]: bytes. Waits until the stream has taken them. What is
                            not printable, newline or tab shows as \xNN. value: bytes */
    TERMINAL_READ,       /* args[0]: offset of the prompt, args[1]: its bytes | 1 << 32 for a secret, of
                            which nothing is shown or kept; args[2]: ns or RING_FOREVER. The line is written
                            to that offset, where TERMINAL_LINE_BYTES have room. value: its bytes */
    TERMINAL_WORDS,      /* args[0]: offset, args[1]: bytes: words that a TAB completes, separated by
                            blanks: for the first place, then `|`, then for the others */
    TERMINAL_KEY,        /* args[0]: ns, args[1]: enum terminal_key. value: one byte as it was typed, unseen;
                            those typed ahead first */
    TERMINAL_CLEAR,      /* the screen, for a table that is drawn again */
    TERMINAL_SIZE,       /* value: columns | rows << 16 */
    TERMINAL_CLOSE       /* calls that wait complete with TERMINAL_E_CLOSED */
};

/* What TERMINAL_KEY waits for. */
enum terminal_key {
    TERMINAL_KEY_ANY = 0,
    TERMINAL_KEY_INTERRUPT /* ^C, which drops what was typed before it; other bytes stay typed ahead */
};

/* CAP_IF_TERMINAL_MAKER: makes sessions of connections. */
enum terminal_maker_method {
    TERMINAL_ADOPT = 1 /* with a TcpSocket moved along: it is the session's from now on, whole; after a
                          refusal it is closed. args[0]: 1: the peer speaks Telnet (RFC 854).
                          TERMINAL_E_BUSY: too many */
};

#endif
