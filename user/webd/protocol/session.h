/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions of the web: who is logged in, until when, and tickets for its WebSockets. Pure: time comes in as a
 * number of nanoseconds that never goes back, random bytes as an argument; whether a secret is right, and how
 * long who is wrong waits, is authd's (abi/login.h).
 *
 * Of the 32 random bytes of a session three texts are made, each SHA-256 over a label of its own and the
 * bytes, in base64url: the cookie, the token against cross-site requests, and the name by which its person
 * sees it in a list. None of them can be computed from another. The bytes themselves are not kept. Texts are
 * compared in the same time whatever differs, over all places. Everything of a session is zeroed when it
 * ends.
 *
 * Limits: SESSIONS at once; one more log-in ends the one that was unused for longest. A session ends when it
 * was unused for SESSION_IDLE_NS, and SESSION_ABSOLUTE_NS after its log-in in any case: at that very
 * nanosecond it is over. A log-in by who has a session already ends that one (rotation). What counts as use:
 * a request that passed the gate with its cookie (gate.h), and bytes typed into its shells (sessions_use());
 * a live view that only listens does not. */
#ifndef CAPOS_USER_WEBD_SESSION_H
#define CAPOS_USER_WEBD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#define SESSIONS             8u
#define SESSION_IDLE_NS      1800000000000ull /* 30 minutes */
#define SESSION_ABSOLUTE_NS  43200000000000ull /* 12 hours */
#define SESSION_RANDOM_BYTES 32u
#define SESSION_TEXT_BYTES   43u /* of cookie, token and ticket: base64url of 32 bytes */
#define SESSION_NAME_BYTES   16u /* of the name in a list */
#define SESSION_COOKIE       "capos_remote_session"
#define SESSION_COOKIE_BYTES 160u /* enough for sessions_cookie() */

#define TICKETS_OF_SESSION 4u /* not used and not over; one more replaces the oldest of the same session */
#define TICKET_NS          30000000000ull

/* Who a session is, for who holds sockets of it. Never 0 in `life`: {0, 0} is nobody. Not to be shown to a
 * browser. */
struct session_ref {
    uint32_t at, life;
};

enum ticket_purpose { TICKET_NONE = 0, TICKET_LIVE, TICKET_SHELL };

struct session_ticket {
    enum ticket_purpose purpose; /* TICKET_NONE: the place is free */
    uint32_t object; /* what of that purpose: the number of a shell */
    uint64_t until_ns;
    char text[SESSION_TEXT_BYTES];
};

/* The layouts stand here so that a program can hold them; their members are session.c's. */
struct session {
    uint32_t life; /* 0: the place is free */
    uint64_t begun_ns, used_ns;
    char cookie[SESSION_TEXT_BYTES], csrf[SESSION_TEXT_BYTES], name[SESSION_NAME_BYTES];
    struct session_ticket tickets[TICKETS_OF_SESSION];
};

struct sessions {
    struct session of[SESSIONS];
    uint32_t lives; /* given out so far */
    uint64_t replaced, expired; /* counts: ended to make room, by time */
};

/* What may be shown of one, to one with the same secret. */
struct session_view {
    char name[SESSION_NAME_BYTES]; /* base64url characters, not terminated */
    uint64_t age_ns, idle_ns; /* since its log-in, its last use */
    uint64_t idle_left_ns, absolute_left_ns; /* until it ends unless it is used, in any case */
};

void sessions_init(struct sessions *s);
/* A log-in that was right. `before`: the session that asked, which ends; {0, 0}: none. `random` is used once
 * and never again; the caller wipes it. */
struct session_ref sessions_begin(struct sessions *s, struct session_ref before, uint64_t now_ns,
                                  const uint8_t random[SESSION_RANDOM_BYTES]);
/* Whose cookie this is, which does not count as use. {0, 0}: nobody's, or over. */
struct session_ref sessions_find(const struct sessions *s, const char *cookie, uint32_t bytes,
                                 uint64_t now_ns);
/* Whether it is still there: asked before each thing that is done for a socket of it. */
bool sessions_alive(const struct sessions *s, struct session_ref ref, uint64_t now_ns);
/* It is used now. Nothing, if it is over. */
void sessions_use(struct sessions *s, struct session_ref ref, uint64_t now_ns);
/* It ends, and its tickets with it. Nothing, if it is over. */
void sessions_end(struct sessions *s, struct session_ref ref);
/* All but this one (a new secret): how many. */
uint32_t sessions_end_others(struct sessions *s, struct session_ref ref);
/* The session of that name, to be ended. {0, 0}: there is none. */
struct session_ref sessions_named(const struct sessions *s, const char *name, uint32_t bytes,
                                  uint64_t now_ns);
/* Zeroes what is over; gives when the next one will be (UINT64_MAX: none): the caller's deadline to cut its
 * sockets. */
uint64_t sessions_turn(struct sessions *s, uint64_t now_ns);
/* The place `at` (0 to SESSIONS - 1) of the list: {0, 0} if nobody is there. */
struct session_ref sessions_at(const struct sessions *s, uint32_t at, uint64_t now_ns);
/* `ref` is alive; asserted. */
void sessions_view(const struct sessions *s, struct session_ref ref, uint64_t now_ns,
                   struct session_view *out);
/* Its token, SESSION_TEXT_BYTES characters, for X-CSRF-Token; alive, asserted. It holds until the session
 * ends. */
const char *sessions_csrf(const struct sessions *s, struct session_ref ref);
/* Whether it is its token. */
bool sessions_csrf_is(const struct sessions *s, struct session_ref ref, const char *token, uint32_t bytes);

/* The value of Set-Cookie, terminated, for a session that is alive (asserted), or {0, 0}: to remove it.
 * `secure`: the connection is known to be TLS. No Max-Age: it goes with the browser. */
void sessions_cookie(const struct sessions *s, struct session_ref ref, bool secure,
                     char out[SESSION_COOKIE_BYTES]);
/* Our cookie in a Cookie field (RFC 6265 4.2.1): the place and length of its value. False: it is not there,
 * or twice: somebody else's may come first, so that none is believed. Values are compared as they stand,
 * without quotes. */
bool session_cookie_in(const char *field, uint32_t bytes, uint32_t *at, uint32_t *value_bytes);

/* A ticket for one WebSocket of this session (alive, asserted), valid for TICKET_NS and for one use. */
void sessions_ticket(struct sessions *s, struct session_ref ref, enum ticket_purpose purpose, uint32_t object,
                     uint64_t now_ns, const uint8_t random[SESSION_RANDOM_BYTES],
                     char out[SESSION_TEXT_BYTES]);
/* Takes a ticket: it is used up, whoever shows it and whatever for. True: it is of this session and purpose
 * and not over; `object` is what was said of it. */
bool sessions_ticket_take(struct sessions *s, struct session_ref ref, enum ticket_purpose purpose,
                          const char *text, uint32_t bytes, uint64_t now_ns, uint32_t *object);

#endif
