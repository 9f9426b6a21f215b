/* SPDX-License-Identifier: BSD-2-Clause */
/* What is refused before anything is done: judged by the head of a request alone, before its body is read. In
 * this order, the first that fails being the answer: Host      one of the allow-list, byte for byte, port
 * included: a name that somebody else made point here is none Origin    if there is one, it is just
 * scheme://Host of this request; unsafe methods and WebSockets must have one path      in the table below,
 * byte for byte (`/assets/` begins the names of assets) method    in the table session   a cookie of one that
 * is not over csrf      X-CSRF-Token is the session's type      of a POST: application/json upgrade   of a
 * WebSocket: the handshake of RFC 6455 4.2.1 (websocket.h) ticket    in the query: of this session and
 * purpose, not used and not over. It is taken To the API, Sec-Fetch-Site, if a browser sends it, says
 * `same-origin`, or `none` with a safe method: else origin. A request that passed with its cookie counts as
 * use of the session, but a live view's. Pure, but for the sessions. */
#ifndef CAPOS_USER_WEBD_GATE_H
#define CAPOS_USER_WEBD_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/webd/protocol/http.h"
#include "user/webd/protocol/session.h"

#define GATE_HOSTS      8u
#define GATE_HOST_BYTES 64u /* name, colon, port */
#define GATE_ASSETS     "/assets/"

enum gate_error {
    GATE_OK = 0,
    GATE_E_HOST, /* 421 "host" */
    GATE_E_ORIGIN, /* 403 "origin" */
    GATE_E_PATH, /* 404 "path" */
    GATE_E_METHOD, /* 405 "method", with Allow */
    GATE_E_LOGIN, /* 401 "login" */
    GATE_E_CSRF, /* 403 "csrf" */
    GATE_E_TYPE, /* 415 "type" */
    GATE_E_UPGRADE, /* 426 "upgrade" */
    GATE_E_TICKET, /* 403 "ticket" */
    GATE_ERRORS
};

/* The table; gate.c says of each what it needs. */
enum gate_route {
    ROUTE_OVERVIEW_PAGE = 0, /* /            GET        documents and assets hold no secret: a session is not
                                needed; if there is one, it is told */
    ROUTE_SHELL_PAGE, /* /shell              GET */
    ROUTE_ASSET, /* /assets/NAME             GET        whether there is such an asset is the caller's to say
                  */
    ROUTE_LOGIN, /* /api/login               POST       a session is not needed; if there is one, it is told
                  */
    ROUTE_LOGOUT, /* /api/logout             POST       session csrf */
    ROUTE_SESSION, /* /api/session           GET        session */
    ROUTE_SESSION_END, /* /api/session/end   POST       session csrf */
    ROUTE_SECRET, /* /api/secret             POST       session csrf */
    ROUTE_TICKET, /* /api/ticket             POST       session csrf */
    ROUTE_OVERVIEW, /* /api/overview         GET        session */
    ROUTE_WITNESS, /* /api/witness           POST       session csrf; whether this run has one is the caller's
                      to say */
    ROUTE_LIVE, /* /api/live                 WebSocket  session ticket(live) */
    ROUTE_SHELL, /* /api/shell               WebSocket  session ticket(shell) */
    GATE_ROUTES
};

struct gate {
    char hosts[GATE_HOSTS][GATE_HOST_BYTES];
    uint32_t host_bytes[GATE_HOSTS];
    uint32_t count;
};

struct gate_verdict {
    enum gate_error error;
    uint16_t status; /* 0 with GATE_OK */
    const char *word; /* of {"error":WORD}; NULL with GATE_OK */
    const char *allow; /* GATE_E_METHOD: for http_answer() */
    enum gate_route route; /* set if the path is known */
    bool secure; /* the connection is known to be TLS: for cookie and answer */
    struct session_ref session; /* {0, 0}: none */
    uint32_t object; /* ROUTE_SHELL, GATE_OK: what the ticket was given for */
    struct http_span key; /* a WebSocket, GATE_OK: Sec-WebSocket-Key, for websocket_accept() */
};

/* The allow-list: hosts as browsers send them, between commas, lower case: `127.0.0.1:8080,localhost:8080`.
 * False, and nobody is let in: empty, too many, too long, or of other characters than a-z, 0-9, `.`, `-`,
 * `:`, `[`, `]`. */
bool gate_init(struct gate *g, const char *hosts, uint32_t bytes);
/* `h` is at HTTP_HEAD. `from_proxy`: the connection's peer is the configured proxy, which alone is believed
 * when it says in X-Forwarded-Proto that its own client came by TLS. */
void gate_judge(const struct gate *g, struct sessions *s, const struct http *h, bool from_proxy,
                uint64_t now_ns, struct gate_verdict *out);

#endif
