/* SPDX-License-Identifier: BSD-2-Clause */
/* Handshake and frames. A frame's head is judged as soon as its bytes are there, before any of its payload.
 */
#include "user/webd/protocol/websocket.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "bearssl_hash.h"
#include "evidence/text.h"
#include "user/webd/protocol/base64.h"

#define GUID       "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */
#define SHA1_BYTES 20u
#define FIN        0x80u
#define RSV        0x70u
#define OPCODE     0x0fu
#define CONTROL    0x08u /* of an opcode */
#define MASKED     0x80u
#define LENGTH     0x7fu
#define LENGTH_16  126u
#define LENGTH_64  127u
#define MASK_BYTES 4u
#define PAIR       2u /* the two bytes that every head begins with; also a close code */

bool websocket_asked(const struct http *h, struct http_span *key)
{
    const struct http_span *upgrade = http_field(h, "upgrade"), *connection = http_field(h, "connection");
    const struct http_span *version = http_field(h, "sec-websocket-version");
    const struct http_span *found = http_field(h, "sec-websocket-key");

    if (h->method != HTTP_GET || upgrade == NULL || connection == NULL || version == NULL || found == NULL)
        return false;
    if (!http_has_token(h, *upgrade, "websocket") || !http_has_token(h, *connection, "upgrade") ||
        !http_is(h, *version, "13") || !base64_is_16(http_text(h, *found), found->bytes))
        return false;
    *key = *found;
    return true;
}

void websocket_accept_value(const char *key, uint32_t key_bytes, char out[WEBSOCKET_ACCEPT_BYTES])
{
    uint8_t digest[SHA1_BYTES];
    br_sha1_context hash;

    br_sha1_init(&hash);
    br_sha1_update(&hash, key, key_bytes);
    br_sha1_update(&hash, GUID, sizeof(GUID) - 1u);
    br_sha1_out(&hash, digest);
    base64(digest, SHA1_BYTES, out);
}

uint32_t websocket_accept(const struct http *h, struct http_span key, char out[WEBSOCKET_ANSWER_BYTES])
{
    struct text t = text_over(out, WEBSOCKET_ANSWER_BYTES);
    char value[WEBSOCKET_ACCEPT_BYTES];

    websocket_accept_value(http_text(h, key), key.bytes, value);
    text_string(&t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: ");
    text_bytes(&t, value, sizeof(value));
    text_string(&t, "\r\n\r\n");
    ASSERT(!t.overflow);
    return (uint32_t)t.used;
}

void websocket_init(struct websocket *w, uint8_t *message, uint32_t room)
{
    ASSERT(room <= WEBSOCKET_MESSAGE_BYTES);
    ASSERT(message != NULL);
    memset(w, 0, sizeof(*w));
    w->message = message;
    w->room = room;
    w->head_due = PAIR;
}

static enum websocket_event fail(struct websocket *w, enum websocket_code code)
{
    w->code = (uint16_t)code;
    return w->end = WEBSOCKET_FAILED;
}

static uint8_t opcode_of(const struct websocket *w)
{
    return w->head[0] & OPCODE;
}

/* The first two bytes are there. Gives 0, or the code that the frame fails with. */
static uint16_t judge_pair(const struct websocket *w)
{
    const uint8_t opcode = opcode_of(w), length = w->head[1] & LENGTH;
    const bool control = (opcode & CONTROL) != 0;

    if ((w->head[0] & RSV) != 0 || (w->head[1] & MASKED) == 0) /* 5.2, 5.1 */
        return WEBSOCKET_PROTOCOL;
    if (control) {
        const bool whole = (w->head[0] & FIN) != 0;

        if (opcode > WEBSOCKET_OP_PONG || !whole || length > WEBSOCKET_CONTROL_BYTES) /* 5.2, 5.5 */
            return WEBSOCKET_PROTOCOL;
        return 0;
    }
    if (opcode > WEBSOCKET_BINARY || (opcode == WEBSOCKET_CONTINUES) != w->in_message) /* 5.2, 5.4 */
        return WEBSOCKET_PROTOCOL;
    return 0;
}

/* The head is whole: its length. Gives 0, or the code that the frame fails with. */
static uint16_t judge_length(struct websocket *w)
{
    const uint8_t length = w->head[1] & LENGTH;
    const uint32_t bytes = length == LENGTH_64 ? 8u : length == LENGTH_16 ? 2u : 0;
    uint64_t value = length;

    if (bytes > 0)
        value = 0;
    for (uint32_t i = 0; i < bytes; i++)
        value = value << 8 | w->head[PAIR + i];
    if ((bytes == 2u && value < LENGTH_16) || (bytes == 8u && (value <= UINT16_MAX || value >> 63 != 0)))
        return WEBSOCKET_PROTOCOL; /* 5.2 */
    if ((opcode_of(w) & CONTROL) == 0 && value > w->room - (w->in_message ? w->message_bytes : 0))
        return WEBSOCKET_LONG; /* 10.4 */
    w->payload_bytes = value;
    return 0;
}

/* A byte more of a head. Gives WEBSOCKET_NEED_MORE, or that it failed. */
static enum websocket_event head_byte(struct websocket *w, uint8_t byte)
{
    w->head[w->head_bytes++] = byte;
    if (w->head_bytes == PAIR) {
        const uint16_t code = judge_pair(w);
        const uint8_t length = w->head[1] & LENGTH;

        if (code != 0)
            return fail(w, (enum websocket_code)code);
        w->head_due = PAIR + MASK_BYTES + (length == LENGTH_64 ? 8u : length == LENGTH_16 ? 2u : 0);
    }
    if (w->head_bytes < w->head_due)
        return WEBSOCKET_NEED_MORE;
    const uint16_t code = judge_length(w);
    if (code != 0)
        return fail(w, (enum websocket_code)code);
    w->in_payload = true;
    w->payload_taken = 0;
    if ((opcode_of(w) & CONTROL) != 0) {
        w->control_bytes = 0;
    } else if (opcode_of(w) != WEBSOCKET_CONTINUES) {
        w->opcode = (enum websocket_opcode)opcode_of(w);
        w->message_bytes = 0;
        w->in_message = true;
        w->utf8 = (struct utf8){0, 0, 0};
    }
    return WEBSOCKET_NEED_MORE;
}

/* Payload, unmasked (5.3), as much as there is of it. */
static enum websocket_event payload(struct websocket *w, const uint8_t *bytes, uint32_t count,
                                    uint32_t *taken)
{
    const uint64_t left = w->payload_bytes - w->payload_taken;
    const uint32_t some = left < count ? (uint32_t)left : count;
    const uint8_t *mask = w->head + w->head_due - MASK_BYTES;
    const bool control = (opcode_of(w) & CONTROL) != 0, text = !control && w->opcode == WEBSOCKET_TEXT;
    uint8_t *out = control ? w->control + w->control_bytes : w->message + w->message_bytes;

    for (uint32_t i = 0; i < some; i++) {
        out[i] = bytes[i] ^ mask[(w->payload_taken + i) % MASK_BYTES];
        if (text && !utf8_byte(&w->utf8, out[i])) {
            *taken = i + 1u;
            return fail(w, WEBSOCKET_DATA); /* 8.1 */
        }
    }
    *taken = some;
    w->payload_taken += some;
    if (control)
        w->control_bytes += some;
    else
        w->message_bytes += some;
    return WEBSOCKET_NEED_MORE;
}

/* 7.4.1, 7.4.2 and the IANA registry of close codes; 1005, 1006 and 1015 are never sent. */
static bool may_be_sent(uint16_t code)
{
    return (code >= 1000u && code <= 1003u) || (code >= 1007u && code <= 1014u) ||
           (code >= 3000u && code <= 4999u);
}

static enum websocket_event closed(struct websocket *w)
{
    w->code = WEBSOCKET_NO_CODE;
    if (w->control_bytes > 0) { /* 5.5.1 */
        if (w->control_bytes < PAIR)
            return fail(w, WEBSOCKET_PROTOCOL);
        w->code = (uint16_t)(w->control[0] << 8 | w->control[1]);
        if (!may_be_sent(w->code))
            return fail(w, WEBSOCKET_PROTOCOL);
        w->control_bytes -= PAIR;
        memmove(w->control, w->control + PAIR, w->control_bytes);
        if (!utf8_whole(w->control, w->control_bytes))
            return fail(w, WEBSOCKET_DATA);
    }
    return w->end = WEBSOCKET_CLOSE;
}

/* The frame under way is whole. */
static enum websocket_event frame_ends(struct websocket *w)
{
    const bool last = (w->head[0] & FIN) != 0;

    w->head_bytes = 0;
    w->head_due = PAIR;
    w->in_payload = false;
    switch (opcode_of(w)) {
    case WEBSOCKET_OP_CLOSE:
        return closed(w);
    case WEBSOCKET_OP_PING:
        return WEBSOCKET_PING;
    case WEBSOCKET_OP_PONG:
        return WEBSOCKET_PONG;
    default:
        break;
    }
    if (!last)
        return WEBSOCKET_NEED_MORE;
    w->in_message = false;
    if (w->opcode == WEBSOCKET_TEXT && w->utf8.due > 0)
        return fail(w, WEBSOCKET_DATA); /* 8.1 */
    return WEBSOCKET_MESSAGE;
}

enum websocket_event websocket_feed(struct websocket *w, const uint8_t *bytes, uint32_t count,
                                    uint32_t *taken)
{
    enum websocket_event event = w->end;

    *taken = 0;
    while (event == WEBSOCKET_NEED_MORE && *taken < count) {
        if (w->in_payload) {
            uint32_t some = 0;

            event = payload(w, bytes + *taken, count - *taken, &some);
            *taken += some;
        } else {
            event = head_byte(w, bytes[(*taken)++]);
        }
        if (event == WEBSOCKET_NEED_MORE && w->in_payload && w->payload_taken == w->payload_bytes)
            event = frame_ends(w);
    }
    return event;
}

uint32_t websocket_frame(enum websocket_opcode opcode, uint64_t bytes, uint8_t out[WEBSOCKET_HEAD_BYTES])
{
    const uint32_t more = bytes < LENGTH_16 ? 0 : bytes <= UINT16_MAX ? 2u : 8u;

    ASSERT(opcode < WEBSOCKET_OP_CLOSE || bytes <= WEBSOCKET_CONTROL_BYTES);
    ASSERT(bytes >> 63 == 0);
    out[0] = (uint8_t)(FIN | (uint8_t)opcode);
    out[1] = more == 0 ? (uint8_t)bytes : more == 2u ? LENGTH_16 : LENGTH_64;
    for (uint32_t i = 0; i < more; i++)
        out[PAIR + i] = (uint8_t)(bytes >> 8u * (more - 1u - i));
    return PAIR + more;
}

uint32_t websocket_close(uint16_t code, uint8_t out[WEBSOCKET_CLOSE_BYTES])
{
    uint8_t head[WEBSOCKET_HEAD_BYTES];
    const uint32_t bytes = code == WEBSOCKET_NO_CODE ? 0 : PAIR;

    (void)websocket_frame(WEBSOCKET_OP_CLOSE, bytes, head);
    memcpy(out, head, PAIR);
    if (bytes == 0)
        return PAIR;
    ASSERT(may_be_sent(code));
    out[PAIR] = (uint8_t)(code >> 8);
    out[PAIR + 1u] = (uint8_t)code;
    return WEBSOCKET_CLOSE_BYTES;
}
