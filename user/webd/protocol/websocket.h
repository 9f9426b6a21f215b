/* SPDX-License-Identifier: BSD-2-Clause */
/* WebSocket as a server speaks it (RFC 6455), without extensions and sub-protocols. Pure: bytes in, events
 * out; the same however the bytes are split. After the handshake the caller feeds a struct websocket what
 * comes and gets one event after the other: WEBSOCKET_MESSAGE  a whole text or binary message lies in the
 * caller's buffer until the next feed WEBSOCKET_PING     `control` is to go back in a pong
 * (websocket_frame()), at best before anything else (5.5.3) WEBSOCKET_PONG     nothing is to be done
 *   WEBSOCKET_CLOSE    the peer closes with `code`: send websocket_close(code) unless a close was sent,
 *                      then close the connection (5.5.1, 7.1.1). Nothing more is taken
 *   WEBSOCKET_FAILED   the peer broke a rule: send websocket_close(code), close the connection (7.1.7).
 * Nothing more is taken What a frame must be, and the code that a frame which is not gets: 5.2 RSV1-3 are 0,
 * the opcode is known, a length in its shortest form, 64-bit lengths below 2^63     1002 5.1 masked 1002 5.4
 * no continuation without a beginning, no beginning in a message                                  1002 5.5 a
 * control frame is whole and of at most 125 bytes                                               1002 5.5.1 a
 * close has no payload, or a code that may be sent (7.4.1, 7.4.2) and a reason in UTF-8       1002, 1007
 *   5.6, 8.1 text is UTF-8, over the whole message, refused at its first wrong byte                     1007
 *   10.4 a message fits the caller's buffer: refused at the head of the frame that makes it too long    1009
 * Whether text or binary is wanted is the caller's to say: 1003. */
#ifndef CAPOS_USER_WEBD_WEBSOCKET_H
#define CAPOS_USER_WEBD_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "user/webd/protocol/http.h"
#include "user/webd/protocol/utf8.h"

#define WEBSOCKET_MESSAGE_BYTES 65536u /* the most that a buffer for messages may hold */
#define WEBSOCKET_CONTROL_BYTES 125u
#define WEBSOCKET_HEAD_BYTES    10u /* of a frame that a server sends: at most */
#define WEBSOCKET_CLOSE_BYTES   4u /* of a whole close frame without a reason */
#define WEBSOCKET_ACCEPT_BYTES  28u
#define WEBSOCKET_ANSWER_BYTES  160u /* enough for websocket_accept() */

enum websocket_opcode {
    WEBSOCKET_CONTINUES = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_OP_CLOSE = 8,
    WEBSOCKET_OP_PING = 9,
    WEBSOCKET_OP_PONG = 10
};

/* 7.4.1, and those of webd's own (7.4.2: 4000 to 4999 are private). */
enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL = 1002,
    WEBSOCKET_KIND = 1003, /* binary where text is wanted, or the other way round */
    WEBSOCKET_NO_CODE = 1005, /* never sent: a close without a code came */
    WEBSOCKET_DATA = 1007, /* not UTF-8 */
    WEBSOCKET_LONG = 1009,
    WEBSOCKET_SESSION_OVER = 4001, /* logged out, or by time */
    WEBSOCKET_SHELL_ENDED = 4002,
    WEBSOCKET_TAKEN_OVER = 4003 /* by another socket of the same session */
};

enum websocket_event {
    WEBSOCKET_NEED_MORE = 0, /* all that was given is taken */
    WEBSOCKET_MESSAGE,
    WEBSOCKET_PING,
    WEBSOCKET_PONG,
    WEBSOCKET_CLOSE,
    WEBSOCKET_FAILED
};

/* The layout stands here so that a caller can hold many; to read: what an event says. */
struct websocket {
    enum websocket_opcode opcode; /* WEBSOCKET_MESSAGE: text or binary */
    uint8_t *message; /* the caller's buffer */
    uint32_t message_bytes; /* WEBSOCKET_MESSAGE: how much of it */
    uint8_t control[WEBSOCKET_CONTROL_BYTES]; /* WEBSOCKET_PING, _PONG, _CLOSE (the reason) */
    uint32_t control_bytes;
    uint16_t code; /* WEBSOCKET_CLOSE, _FAILED */
    /* websocket.c's: */
    uint32_t room; /* of `message` */
    enum websocket_event end; /* _CLOSE or _FAILED: nothing more is taken */
    bool in_message; /* a message has begun and is not whole */
    uint8_t head[14]; /* of the frame under way: 2 bytes, length, mask */
    uint32_t head_bytes, head_due;
    bool in_payload;
    uint64_t payload_bytes, payload_taken;
    struct utf8 utf8;
};

/* 4.2.1 of a request that is at HTTP_HEAD: GET; Upgrade has `websocket`, Connection `upgrade`;
 * Sec-WebSocket-Version is 13; Sec-WebSocket-Key is 16 bytes in base64. Host and Origin are the gate's.
 * Offered extensions and sub-protocols are not taken up (9.1, 4.2.2). False: 426 says which version there is
 * (4.4). */
bool websocket_asked(const struct http *h, struct http_span *key);
/* 4.2.2: the accept value, base64(SHA-1(key || GUID)), not terminated, of a key that websocket_asked() found.
 */
void websocket_accept_value(const char *key, uint32_t key_bytes, char out[WEBSOCKET_ACCEPT_BYTES]);
/* 4.2.2: the whole 101 answer; its bytes. */
uint32_t websocket_accept(const struct http *h, struct http_span key, char out[WEBSOCKET_ANSWER_BYTES]);

/* `message`: the caller's, not NULL, lent for as long as the socket lives; `room` is 0 (only empty messages)
 * to WEBSOCKET_MESSAGE_BYTES. */
void websocket_init(struct websocket *w, uint8_t *message, uint32_t room);
/* Takes bytes up to an event; `taken` (0 to `count`) is how many. The bytes behind are to be given again;
 * with 0 bytes it says WEBSOCKET_NEED_MORE, or once more how it ended. */
enum websocket_event websocket_feed(struct websocket *w, const uint8_t *bytes, uint32_t count,
                                    uint32_t *taken);

/* 5.2: the head of a whole, unmasked frame of `bytes` bytes, which follow; the head's bytes, 2 to 10. Control
 * frames are of at most WEBSOCKET_CONTROL_BYTES; asserted. */
uint32_t websocket_frame(enum websocket_opcode opcode, uint64_t bytes, uint8_t out[WEBSOCKET_HEAD_BYTES]);
/* 5.5.1: a close frame with this code; WEBSOCKET_NO_CODE: without one. Its bytes, 2 or 4. */
uint32_t websocket_close(uint16_t code, uint8_t out[WEBSOCKET_CLOSE_BYTES]);

#endif
