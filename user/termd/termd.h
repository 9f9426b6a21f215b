/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal process: one line discipline over every byte stream, and the interfaces of abi/terminal.h over
 * it. It holds the console's serial port, and connections that others moved to it whole; it cannot make one.
 * Streams it makes itself: who holds one brings the bytes by calls.
 * One thread, one loop; everything has a place of its own in struct termd, and what finds none is refused.
 *
 * It trusts the kernel for who calls (the badge). What is typed, what a peer sends and what clients ask is
 * anything. Typed secrets pass through it: a line that was taken is wiped, page included, when the next is
 * asked. */
#ifndef CAPOS_USER_TERMD_TERMD_H
#define CAPOS_USER_TERMD_TERMD_H

#include "abi/terminal.h"
#include "user/rt/rt.h"
#include "user/terminal/discipline.h"
#include "user/terminal/telnet.h"

#define TERMD_CONSOLE      0u /* its place, before those of connections, before those of streams */
#define TERMD_CONNECTIONS  4u
#define TERMD_STREAMS      4u
#define TERMD_FIRST_STREAM (1u + TERMD_CONNECTIONS)
#define TERMD_SESSIONS     (TERMD_FIRST_STREAM + TERMD_STREAMS)
#define TERMD_BADGES       (2u * TERMD_SESSIONS) /* of sessions, then of their streams */
#define TERMD_STREAM_BIT   0x8000u /* of a badge: the session's stream */
#define TERMD_OPENERS      8u /* shells that wait for a session */
#define TERMD_AHEAD_BYTES  256u /* typed before anybody asked */
#define TERMD_OUT_BYTES    8192u /* to a connection, that it has not taken */
#define TERMD_ECHO_BYTES                                                                                     \
    2048u /* of them kept for what one byte can draw: less free, and nothing more is read */
#define TERMD_IN_BYTES 1024u /* of a connection, at a time */
#define TERMD_ROWS     24u
#define TERMD_COLUMNS  80u

enum termd_exit { TERMD_EXIT_GRANT = 1, TERMD_EXIT_MEMORY, TERMD_EXIT_CONSOLE };

/* Inbox places, and `user` of the receive there: openers of each kind, makers, sessions. */
enum termd_place {
    TERMD_PLACE_CONSOLES = 0,
    TERMD_PLACE_CONNECTIONS,
    TERMD_PLACE_STREAMS,
    TERMD_PLACE_MAKER,
    TERMD_PLACE_SESSIONS,
    TERMD_PLACES = TERMD_PLACE_SESSIONS + 4
};
/* `user` of the other submissions; those of a session carry its place above bit 8 and its life above bit 16.
 */
enum termd_user {
    TERMD_USER_GONE = TERMD_PLACES,
    TERMD_USER_KEYS, /* the serial port's */
    TERMD_USER_BUFFER, /* a connection's: its pages are attached */
    TERMD_USER_PEER, /* who it is from */
    TERMD_USER_RECV,
    TERMD_USER_SEND
};

struct wait {
    bool used;
    uint64_t token, until_ns; /* RING_FOREVER: without end */
};

enum session_state { SESSION_FREE = 0, SESSION_LIVE, SESSION_CLOSED };

struct session {
    uint8_t state; /* enum session_state. CLOSED: its holder still has it */
    bool handed, telnet, attached, receiving, sending;
    bool streamed; /* not a connection: calls bring its bytes */
    bool after_cr; /* the byte before was one: an LF or NUL is the same key */
    uint64_t badge, life;
    struct discipline line;
    struct telnet filter;
    struct rt_memory page; /* lent to its holder */
    struct wait read, key, write;
    bool key_interrupt; /* key: waits for ^C alone */
    uint32_t line_at; /* of the page: where the line goes */
    bool dirty; /* page: a typed line lies there */
    uint32_t line_end;
    uint8_t ahead[TERMD_AHEAD_BYTES];
    uint32_t ahead_first, ahead_count;
    uint64_t dropped; /* bytes typed ahead beyond that */
    uint32_t columns, rows;
    /* of a stream */
    bool lent_out; /* somebody has it */
    uint64_t number; /* whom it was made for */
    struct rt_memory lent; /* STREAM_BUFFER_BYTES */
    struct wait far_write, far_read;
    uint32_t far_write_bytes, far_read_at, far_read_bytes;
    /* of a connection, and from `stream` on, but for the bytes that come, of a stream */
    cap_id socket;
    uint32_t peer; /* its IPv4 address, first byte lowest; known before somebody gets the session */
    struct rt_memory stream; /* TERMD_IN_BYTES that come, then TERMD_OUT_BYTES that go */
    uint32_t in_at, in_count; /* came, and not looked at yet */
    uint32_t out_first, out_count, out_sent; /* a ring; sent: under way */
    uint32_t write_at, write_left; /* of the page: what the holder's text still has to go */
    struct discipline_view shown;
};

struct opener {
    struct wait wait;
    uint64_t badge; /* of the caller: service and life */
    uint8_t kind; /* enum terminal_kind */
    uint64_t number; /* of streams: the one that it asks for */
};

struct termd {
    struct rt *rt;
    cap_id port; /* the console, or CAP_NONE */
    cap_id consoles, connections, streams, maker, endpoint; /* endpoints: of the manifest, of which streams
                                                               may be CAP_NONE, and that of sessions */
    struct rt_memory keys, draw; /* what the serial port reads into; what is drawn on it */
    struct rt_memory badges; /* TERMD_BADGES u64: whose end is waited for */
    bool gone_asked, keys_asked;
    uint64_t next_life;
    uint32_t columns, rows; /* of the console; a connection has those of the defaults */
    struct opener openers[TERMD_OPENERS];
    struct session sessions[TERMD_SESSIONS];
};

/* session.c: from typed bytes to answers. */
/* 80 columns, 24 rows. */
bool session_open(struct termd *t, struct session *s);
/* Typed bytes, raw. False: nothing more is taken for now (a connection's output is full). */
void session_typed(struct termd *t, struct session *s, uint8_t byte);
/* A read or key that waits gets what was typed ahead, as far as there is room to show what it comes to. */
void session_ahead(struct termd *t, struct session *s);
void session_ask(struct termd *t, struct session *s, uint32_t at, uint32_t bytes, bool secret);
/* Calls that wait complete; the stream ends. The holder's handle stays good for being told so. */
void session_close(struct termd *t, struct session *s);
/* Nobody has it any more. */
void session_free(struct termd *t, struct session *s);
/* Calls whose time is over complete. When the next is: ns, or RING_FOREVER. */
uint64_t session_expire(struct termd *t, struct session *s, uint64_t now_ns);

/* show.c: what is seen, on either kind of stream. */
void show_line(struct termd *t, struct session *s); /* the discipline's view */
void show_end(struct termd *t, struct session *s, const char *mark); /* the line is over; mark: "^C" or "" */
void show_choices(struct termd *t, struct session *s);
void show_bell(struct session *s);
void show_clear(struct termd *t, struct session *s);
/* The holder's text from `write_at` on, as far as there is room. True: all of it went. */
bool show_text(struct termd *t, struct session *s);

/* connection.c: a TcpSocket as a stream. */
void connection_adopt(struct termd *t, const struct ring_received *call);
void connection_completed(struct termd *t, struct session *s, uint32_t what,
                          const struct ring_completion *done);
/* Sends what there is, reads when there is room. */
void connection_turn(struct termd *t, struct session *s);
uint32_t connection_room(const struct session *s);
/* All of it, or nothing where there is no room. */
void connection_put(struct session *s, const char *bytes, uint32_t count);
void connection_hang_up(struct termd *t, struct session *s);

/* stream.c: calls as a stream. */
void stream_make(struct termd *t, const struct ring_received *call);
void stream_call(struct termd *t, struct session *s, const struct ring_received *call);
/* Takes what was typed as far as there is room, gives what is to be shown. */
void stream_turn(struct termd *t, struct session *s);
/* Its session is over: what it still has to give stays. */
void stream_ended(struct termd *t, struct session *s);

/* serve.c */
void termd_call(struct termd *t, const struct ring_completion *done);
void termd_answer(struct termd *t, uint64_t token, enum terminal_error error, uint64_t value);
void termd_complete(struct termd *t, struct wait *w, enum terminal_error error, uint64_t value);
/* The call waits, `ns` or RING_FOREVER. False: one waits already, which was answered. */
bool termd_begin(struct termd *t, struct wait *w, uint64_t token, uint64_t ns);
/* Where the badge stands whose end is waited for. */
uint64_t *termd_badge(struct termd *t, const struct session *s, bool stream);
/* Sessions that nobody has meet openers that wait. */
void termd_match(struct termd *t);
void termd_watch(struct termd *t);
void termd_gone(struct termd *t, const struct ring_completion *done);

#endif
