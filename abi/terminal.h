/* SPDX-License-Identifier: BSD-2-Clause */
/* The interfaces of the terminal process: a TerminalSession is one person at one byte stream, the machine's
 * console or a connection. Its holder asks for lines and shows text, and does not learn what carries them:
 * it needs neither a serial port nor any network for it.
 *
 * Text and lines travel through one page that the session lends (TERMINAL_BUFFER). Each of READ, WRITE and
 * KEY may wait once at a time, and completes exactly once: with what it waited for; TERMINAL_E_TIMEOUT;
 * TERMINAL_E_CLOSED when the stream ended or the session was closed; RING_E_DISCONNECTED when the process
 * ended. When nobody holds a session any more, it is closed: a connection with it; the console waits for the
 * next.
 *
 * A Stream is the far side of such a session for who brings the bytes itself: what it writes was typed, what
 * it reads is to be shown, as a connection would get it (text of the session's holder escaped, and of control
 * sequences those alone that draw the line). Its bytes travel through memory of its own (STREAM_BUFFER). READ
 * and WRITE may each wait once at a time. The session ends when nobody holds the Stream any more; when the
 * session ends first, what was to be shown can still be read, then all is TERMINAL_E_CLOSED. When the
 * terminal process ends, what waits is RING_E_DISCONNECTED and the Stream stale: another is to be made. */
#ifndef CAPOS_ABI_TERMINAL_H
#define CAPOS_ABI_TERMINAL_H

#include <stdint.h>

#define TERMINAL_BUFFER_BYTES 4096u
#define TERMINAL_LINE_BYTES   255u /* of a line that was typed, at most */
#define TERMINAL_PROMPT_BYTES 64u
#define TERMINAL_WORDS_BYTES  1024u

#define STREAM_BUFFER_BYTES 8192u /* one half for what was typed, one for what is shown */
#define STREAM_HALF_BYTES   4096u
#define STREAM_COLUMNS_MIN  20u /* of its terminal */
#define STREAM_COLUMNS_MAX  500u
#define STREAM_ROWS_MIN     4u
#define STREAM_ROWS_MAX     300u

/* Closed enum of the results of these interfaces. */
enum terminal_error {
    TERMINAL_OK = 0,
    TERMINAL_E_VALUE, /* an argument out of its range, or a method that the interface has not */
    TERMINAL_E_BUSY, /* a call of this kind waits already; write: a line is being asked for; no room for
                        another session */
    TERMINAL_E_CLOSED, /* the stream ended, or the session was closed */
    TERMINAL_E_INTERRUPT, /* read: ^C */
    TERMINAL_E_END, /* read: ^D on an empty line */
    TERMINAL_E_TIMEOUT, /* not within the call's time */
    TERMINAL_E_NO_MEMORY,
    TERMINAL_ERROR_COUNT
};

enum terminal_kind { TERMINAL_CONSOLE = 1, TERMINAL_CONNECTION, TERMINAL_STREAMED };

/* CAP_IF_TERMINALS: sessions of one kind, one after the other; which kind is the manifest's. */
enum terminals_method {
    TERMINALS_OPEN = 1 /* waits until there is one that nobody has. args[0]: of streams, the number that it
                          was made for; else 0. cap: Terminal; value: enum terminal_kind | the peer's IPv4
                          address << 32, first byte lowest; 0: none */
};

/* CAP_IF_TERMINAL. Offsets and lengths are of the buffer. */
enum terminal_method {
    TERMINAL_BUFFER = 1, /* cap: the page, to be mapped; value: its bytes. Asked for again: the same */
    TERMINAL_WRITE, /* args[0]: offset, args[1]: bytes. Waits until the stream has taken them. What is
                       not printable, newline or tab shows as \xNN. value: bytes */
    TERMINAL_READ, /* args[0]: offset of the prompt, args[1]: its bytes | 1 << 32 for a secret, of
                      which nothing is shown or kept; args[2]: ns or RING_FOREVER. The line is written
                      to that offset, where TERMINAL_LINE_BYTES have room. value: its bytes */
    TERMINAL_WORDS, /* args[0]: offset, args[1]: bytes: words that a TAB completes, separated by
                       blanks: for the first place, then `|`, then for the others */
    TERMINAL_KEY, /* args[0]: ns, args[1]: enum terminal_key. value: one byte as it was typed, unseen;
                     those typed ahead first */
    TERMINAL_CLEAR, /* the screen, for a table that is drawn again */
    TERMINAL_SIZE, /* value: columns | rows << 16. A stream's may change: who draws asks again */
    TERMINAL_CLOSE /* calls that wait complete with TERMINAL_E_CLOSED */
};

/* What TERMINAL_KEY waits for. */
enum terminal_key {
    TERMINAL_KEY_ANY = 0,
    TERMINAL_KEY_INTERRUPT /* ^C, which drops what was typed before it; other bytes stay typed ahead */
};

/* CAP_IF_TERMINAL_MAKER: makes sessions of connections and of streams. */
enum terminal_maker_method {
    TERMINAL_ADOPT = 1, /* with a TcpSocket moved along: it is the session's from now on, whole; after a
                          refusal it is closed. args[0]: 1: the peer speaks Telnet (RFC 854).
                          TERMINAL_E_BUSY: too many */
    TERMINAL_STREAM /* args[0]: columns | rows << 16 of its terminal; args[1]: a number: who opens with the
                       same gets it, the one made first first. cap: Stream. TERMINAL_E_VALUE: no such size,
                       or nobody is served sessions of streams here; TERMINAL_E_BUSY: too many */
};

/* CAP_IF_STREAM. Offsets are of its buffer. */
enum stream_method {
    STREAM_BUFFER = 1, /* cap: its memory, to be mapped; value: its bytes. Asked for again: the same */
    STREAM_WRITE, /* args[0]: offset, args[1]: bytes, in the first half. They were typed. Completes when
                     all were taken: a session that takes none for now leaves it waiting. Those that were
                     taken are zeroed. value: bytes */
    STREAM_READ, /* args[0]: offset, args[1]: bytes, 1 or more, in the second half; args[2]: ns or
                    RING_FOREVER. Waits for the first byte. value: bytes written there */
    STREAM_SIZE, /* args[0]: as TERMINAL_STREAM's */
    STREAM_INTERRUPT, /* ^C, before all that was typed and not taken yet: that is dropped, and a WRITE that
                         waits completes */
    STREAM_CLOSE /* the session ends; what was to be shown is dropped */
};

#endif
