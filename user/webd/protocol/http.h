/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP/1.1 as a server takes it (RFC 9110, RFC 9112), strictly: where two readers could disagree about where
 * a message ends or what it asks, it is refused and the connection closed. Pure: bytes in, a decision out; no
 * clock, no memory but the caller's. The decision is the same however the bytes are split.
 *
 * One struct http is one connection's request under way. The caller
 *   1. http_init(), then http_feed() what came, until it says HTTP_HEAD: the head is whole and its framing
 * sound. Nothing of the body was taken. Now is the time to refuse by what the head says (gate.h).
 *   2. http_body() with room for h->body_bytes, then http_feed() until HTTP_READY.
 *   3. answers with http_answer(), h->keep saying whether the connection may stay, and starts again at
 * http_init(). HTTP_REFUSED at any time: answer h->status with `close`, and close. Deadlines are the
 * caller's. */
#ifndef CAPOS_USER_WEBD_HTTP_H
#define CAPOS_USER_WEBD_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES                                                                                      \
    8192u /* request line, fields and the empty line, ends of lines included; more: 431                      \
           */
#define HTTP_LINE_BYTES  2048u /* the request line, its CR LF included; more: 414 */
#define HTTP_FIELDS      64u /* of a head; more: 431 */
#define HTTP_BODY_BYTES  65536u /* more: 413 */
#define HTTP_ANSWER_HEAD 2048u /* enough for every head that http_answer() writes; asserted */
#define HTTP_VALUE_BYTES 256u /* of a cookie or a validator that an answer carries */

enum http_state {
    HTTP_NEED_MORE = 0, /* all that was given is taken */
    HTTP_HEAD, /* see 1. above; http_feed() takes nothing until http_body() was called */
    HTTP_READY, /* the request is whole; http_feed() takes nothing more */
    HTTP_REFUSED /* answer `status`, close; http_feed() takes nothing more */
};

/* Why a request is refused, for counts and tests; the status is what the peer sees. One value a rule. */
enum http_error {
    HTTP_OK = 0,
    HTTP_E_BYTE, /* 400: NUL or another control byte, CR without LF, LF without CR (RFC 9112 2.2, 5.5) */
    HTTP_E_FOLD, /* 400: a line that begins with a blank: obs-fold (5.2), or blanks before the first field
                    (2.2) */
    HTTP_E_LINE, /* 400: the request line is none: parts, blanks (3) */
    HTTP_E_LINE_LONG, /* 414 (3) */
    HTTP_E_HEAD_LONG, /* 431: HTTP_HEAD_BYTES or HTTP_FIELDS (5) */
    HTTP_E_VERSION, /* 505: HTTP/ digit . digit, but not 1.1 (2.3) */
    HTTP_E_METHOD, /* 501: none that is known (RFC 9110 9.1) */
    HTTP_E_NOT_ALLOWED, /* 405: known, but never served here: all but GET, HEAD, POST */
    HTTP_E_TARGET, /* 400: not in origin-form, or not of the characters of RFC 3986 (3.2.1) */
    HTTP_E_FIELD, /* 400: a field without a name, with a blank before the colon (5.1), or no field at all */
    HTTP_E_TWICE, /* 400: a field that may stand once stands twice */
    HTTP_E_HOST, /* 400: no Host (3.2) */
    HTTP_E_LENGTH, /* 400: Content-Length is not one number without sign, blanks and leading zeros (6.3) */
    HTTP_E_LENGTH_NONE, /* 411: POST without Content-Length */
    HTTP_E_BODY, /* 400: GET or HEAD with a body */
    HTTP_E_BODY_LONG, /* 413: more than HTTP_BODY_BYTES, or than the room given to http_body() */
    HTTP_E_CODING, /* 501: Transfer-Encoding (6.1) */
    HTTP_E_CODING_LENGTH, /* 400: Transfer-Encoding and Content-Length: smuggling (6.3) */
    HTTP_E_EXPECT, /* 417: an Expect field (RFC 9110 10.1.1): bodies are small, nobody waits for 100 */
    HTTP_ERRORS
};

enum http_method { HTTP_GET = 0, HTTP_HEAD_METHOD, HTTP_POST };

/* Bytes of the head, by place: the struct may be moved. {0, 0}: nothing. */
struct http_span {
    uint16_t at, bytes;
};

struct http_field {
    struct http_span name, value; /* the value without blanks around it; it may be empty */
};

/* The layout stands here so that a caller can hold many; to read: what is said to be set at HTTP_HEAD. */
struct http {
    enum http_state state;
    enum http_error error; /* HTTP_REFUSED */
    uint16_t status; /* HTTP_REFUSED: 400 to 599 */
    enum http_method method; /* set at HTTP_HEAD, as all up to `keep` */
    struct http_span path; /* up to `?`, begins with `/`; percent signs as they came: match exactly */
    struct http_span query; /* behind `?`; empty if there is none */
    struct http_field fields[HTTP_FIELDS];
    uint32_t field_count;
    uint32_t body_bytes; /* 0 to HTTP_BODY_BYTES */
    bool keep; /* the connection may stay: no `Connection: close`. False too once `pipelined` is set */
    bool pipelined; /* something came behind the request before it was answered: it was not taken. Close */
    uint8_t *body; /* the caller's, lent by http_body() until http_init(); body_taken bytes are set */
    uint32_t body_taken;
    uint32_t head_bytes; /* taken so far */
    uint8_t line; /* http.c's: where in a line the reader is */
    bool first_line;
    char head[HTTP_HEAD_BYTES];
};

/* Ready for a request; what was before is forgotten. It does not zero the head: who had a secret in it wipes
 * it. */
void http_init(struct http *h);
/* Takes bytes; `taken` (0 to `count`) is how many. What is not taken stays the caller's: at HTTP_HEAD it is
 * to be given again; at HTTP_READY it counts as pipelined. Gives h->state. */
enum http_state http_feed(struct http *h, const uint8_t *bytes, uint32_t count, uint32_t *taken);
/* At HTTP_HEAD: where the body is to go; `room` may be less than h->body_bytes, which refuses it (413). NULL
 * and 0 where no body comes. Gives HTTP_NEED_MORE, HTTP_READY or HTTP_REFUSED. */
enum http_state http_body(struct http *h, uint8_t *body, uint32_t room);
/* The caller's own verdict on the head: refused with `status` from now on, and closed, as the body is not
 * read. Where no body comes (h->body_bytes is 0) the connection may stay instead: http_body(h, NULL, 0), then
 * any answer. */
void http_refuse(struct http *h, uint16_t status);

/* The bytes of a span, not terminated. */
const char *http_text(const struct http *h, struct http_span span);
/* The value of the field of this name (lower case, ASCII; compared without case): the first, if there are
 * several. NULL: there is none. Of host, origin, cookie, content-length, content-type, x-csrf-token,
 * connection, upgrade and all sec-websocket-* that webd reads there is never more than one. */
const struct http_span *http_field(const struct http *h, const char *name);
/* Whether a span is just this text. */
bool http_is(const struct http *h, struct http_span span, const char *text);
/* Whether a comma-separated list (Connection, Upgrade) has this token; `token` in lower case, compared
 * without case. */
bool http_has_token(const struct http *h, struct http_span list, const char *token);
/* The value of `name` in the query: NAME=VALUE between `&`. False: there is none, or more than one. */
bool http_query(const struct http *h, const char *name, struct http_span *value);
/* Whether If-None-Match has this entity-tag (with its quotes; weak comparison, RFC 9110 13.1.2), or is `*`.
 */
bool http_not_modified(const struct http *h, const char *etag);

enum http_cache {
    HTTP_NO_STORE = 0, /* documents and the API */
    HTTP_IMMUTABLE, /* assets, whose names hold their hash */
    HTTP_REVALIDATE /* no-cache with an ETag */
};

/* What is answered. Zero is the default of each member; strings are the caller's, in ASCII, never from the
 * peer. */
struct http_answer {
    uint16_t status; /* 200 to 599 */
    const char *type; /* Content-Type; NULL: none (then body_bytes is 0) */
    uint32_t
        body_bytes; /* what Content-Length says, also for HEAD; not said for 204 and 304 (RFC 9110 8.6) */
    enum http_cache cache;
    const char *etag; /* with its quotes; NULL: none */
    bool gzip; /* Content-Encoding: gzip */
    const char *cookie; /* Set-Cookie, whole; NULL: none */
    const char *allow; /* Allow, for 405; NULL: none */
    uint32_t retry_s; /* Retry-After, for 429 and 503; 0: none */
    bool secure; /* the connection is known to be TLS: Strict-Transport-Security */
    bool close; /* Connection: close */
};

/* The head of an answer with its empty line; the body is the caller's to send (not for HEAD, 204, 304). Every
 * answer has nosniff, the content security policy, frame, referrer and cross-origin rules; 401 and 426 have
 * the fields that RFC 9110 15.5.2, 15.5.22 and RFC 6455 4.4 ask of them. No Date: there is no clock of the
 * world (RFC 9110 6.6.1). Gives its bytes; asserts that HTTP_ANSWER_HEAD is room enough: cookie and etag are
 * at most HTTP_VALUE_BYTES. */
uint32_t http_answer(const struct http_answer *a, char out[HTTP_ANSWER_HEAD]);
/* The words of a status that webd answers; "Error" for others. */
const char *http_reason(uint16_t status);

#endif
