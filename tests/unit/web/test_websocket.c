/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 6455 by its clauses: the examples of 1.3 and 5.7, every first byte and every length, control frames
 * within messages, close codes, UTF-8 to the byte, limits; the same however the bytes are split. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/webd/protocol/utf8.h"
#include "user/webd/protocol/websocket.h"

#define ROOM        300u
#define BYTES(text) text, sizeof(text) - 1u
#define MASK        "\x37\xfa\x21\x3d" /* of the examples in 5.7 */

struct peer {
    struct websocket w;
    uint8_t *message; /* of just its room */
    char log[512]; /* events and what they say */
    uint32_t used;
};

static void begin(struct peer *p, uint32_t room)
{
    memset(&p->w, 0xa5, sizeof p->w);
    p->message = malloc(room > 0 ? room : 1u);
    websocket_init(&p->w, p->message, room);
    p->used = 0;
    p->log[0] = '\0';
}

static void end(struct peer *p)
{
    free(p->message);
}

static void note(struct peer *p, enum websocket_event event)
{
    static const char *const names[] = {"", "message", "ping", "pong", "close", "failed"};
    const struct websocket *w = &p->w;
    char *at = p->log + p->used;
    const size_t left = sizeof p->log - p->used;
    const bool control = event == WEBSOCKET_PING || event == WEBSOCKET_PONG || event == WEBSOCKET_CLOSE;
    const uint8_t *bytes = control ? w->control : w->message;
    const uint32_t count = control ? w->control_bytes : event == WEBSOCKET_MESSAGE ? w->message_bytes : 0;

    p->used += (uint32_t)snprintf(at, left, "%s%s(", p->used > 0 ? " " : "", names[event]);
    if (event == WEBSOCKET_MESSAGE)
        p->used += (uint32_t)snprintf(p->log + p->used, sizeof p->log - p->used, "%s ",
                                      w->opcode == WEBSOCKET_TEXT ? "text" : "binary");
    if (event == WEBSOCKET_CLOSE || event == WEBSOCKET_FAILED)
        p->used += (uint32_t)snprintf(p->log + p->used, sizeof p->log - p->used, "%u ", w->code);
    for (uint32_t i = 0; i < count && i < 40u; i++)
        p->used += (uint32_t)snprintf(p->log + p->used, sizeof p->log - p->used,
                                      bytes[i] >= ' ' && bytes[i] <= '~' ? "%c" : "<%02x>", bytes[i]);
    if (count > 40u)
        p->used += (uint32_t)snprintf(p->log + p->used, sizeof p->log - p->used, "...%u", count);
    p->used += (uint32_t)snprintf(p->log + p->used, sizeof p->log - p->used, ")");
    cr_assert_lt(p->used, sizeof p->log - 64u);
}

/* The bytes from memory of just their size; what an event leaves is given again. */
static void give(struct peer *p, const char *bytes, size_t count)
{
    uint8_t *just = malloc(count > 0 ? count : 1u);
    uint32_t at = 0, taken = 0;

    memcpy(just, bytes, count);
    while (at < count) {
        const enum websocket_event event = websocket_feed(&p->w, just + at, (uint32_t)count - at, &taken);

        cr_assert_leq(taken, count - at);
        at += taken;
        if (event != WEBSOCKET_NEED_MORE && (taken > 0 || p->used == 0))
            note(p, event);
        if (event == WEBSOCKET_CLOSE || event == WEBSOCKET_FAILED)
            break;
        cr_assert(taken > 0, "it neither takes nor tells");
    }
    free(just);
}

/* A frame, masked; `first` is its first byte. */
static size_t frame(char *out, uint8_t first, const char *payload, size_t bytes)
{
    size_t used = 0;

    out[used++] = (char)first;
    out[used++] = (char)(0x80u | (bytes < 126u ? bytes : bytes <= 0xffffu ? 126u : 127u));
    for (int shift = bytes < 126u ? -8 : bytes <= 0xffffu ? 8 : 56; shift >= 0; shift -= 8)
        out[used++] = (char)(bytes >> shift);
    memcpy(out + used, MASK, 4);
    used += 4;
    for (size_t i = 0; i < bytes; i++)
        out[used++] = (char)(payload[i] ^ MASK[i % 4u]);
    return used;
}

static void gives(const char *bytes, size_t count, const char *log)
{
    static struct peer p;

    begin(&p, ROOM);
    give(&p, bytes, count);
    cr_assert_str_eq(p.log, log);
    end(&p);
}

static void of_payload(uint8_t first, const char *payload, size_t bytes, const char *log)
{
    static char out[70000];

    gives(out, frame(out, first, payload, bytes), log);
}

/* 1.3 and 4.2.2 */
Test(web_websocket, the_example_of_the_handshake)
{
    static const char head[] =
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
        "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";
    static struct http h;
    char out[WEBSOCKET_ANSWER_BYTES];
    struct http_span key;
    uint32_t taken;

    http_init(&h);
    cr_assert_eq(http_feed(&h, (const uint8_t *)head, sizeof head - 1u, &taken), HTTP_HEAD);
    cr_assert(websocket_asked(&h, &key));
    const uint32_t bytes = websocket_accept(&h, key, out);
    static const char due[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    cr_assert_eq(bytes, sizeof due - 1u);
    cr_assert_eq(memcmp(out, due, bytes), 0);
}

/* 4.2.1: what is asked of a handshake; one thing off each. */
Test(web_websocket, handshakes_that_are_none)
{
    static const struct {
        const char *fields;
        bool asked;
    } cases[] = {
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         "AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         true},
        {"Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: /+9AAAAAAAAAAAAAAAAAAQ==\r\n",
         true},
        {"Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         "AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         false},
        {"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         "AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         false},
        {"Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         "AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         false},
        {"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         false},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: "
         "AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         false},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13, 8\r\n"
         "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         false},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         false},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", false},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         "AAAAAAAAAAAAAAAAAAAAAA=\r\n",
         false},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         "AAAAAAAAAAAAAAAAAAAAAB==\r\n",
         false}, /* loose bits */
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         "AAAAAAAAAAAAAAAAAAAAAAA=\r\n",
         false}, /* 17 bytes */
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         "AAAA-AAAAAAAAAAAAAAAAA==\r\n",
         false},
    };
    static struct http h;
    char head[512];
    uint32_t taken;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_span key;

        snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);
        http_init(&h);
        cr_assert_eq(http_feed(&h, (const uint8_t *)head, (uint32_t)strlen(head), &taken), HTTP_HEAD, "%s",
                     head);
        cr_assert_eq(websocket_asked(&h, &key), cases[i].asked, "%s", head);
    }
}

/* 5.7, those that a client sends. */
Test(web_websocket, the_examples_of_frames)
{
    gives(BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "message(text Hello)");
    gives(BYTES("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "pong(Hello)");
    gives(BYTES("\x81\x05\x48\x65\x6c\x6c\x6f"), "failed(1002 )"); /* unmasked: a server's */
    gives(BYTES("\x01\x03\x48\x65\x6c"), "failed(1002 )");
    gives(BYTES("\x89\x05\x48\x65\x6c\x6c\x6f"), "failed(1002 )");
    gives(BYTES("\x01\x83\0\0\0\0Hel\x80\x82\0\0\0\0lo"), "message(text Hello)"); /* fragmented */
}

/* 5.7, those that a server sends, and each form of a length (5.2). */
Test(web_websocket, frames_that_are_sent)
{
    static const struct {
        enum websocket_opcode opcode;
        uint64_t bytes;
        const char *head;
        uint32_t head_bytes;
    } cases[] = {{WEBSOCKET_TEXT, 5, "\x81\x05", 2},
                 {WEBSOCKET_OP_PING, 5, "\x89\x05", 2},
                 {WEBSOCKET_OP_PONG, 125, "\x8a\x7d", 2},
                 {WEBSOCKET_BINARY, 125, "\x82\x7d", 2},
                 {WEBSOCKET_BINARY, 126, "\x82\x7e\x00\x7e", 4},
                 {WEBSOCKET_BINARY, 256, "\x82\x7e\x01\x00", 4},
                 {WEBSOCKET_BINARY, 65535, "\x82\x7e\xff\xff", 4},
                 {WEBSOCKET_BINARY, 65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10}};
    uint8_t out[WEBSOCKET_HEAD_BYTES], shut[WEBSOCKET_CLOSE_BYTES];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(websocket_frame(cases[i].opcode, cases[i].bytes, out), cases[i].head_bytes);
        cr_assert_eq(memcmp(out, cases[i].head, cases[i].head_bytes), 0);
    }
    cr_assert_eq(websocket_close(WEBSOCKET_SESSION_OVER, shut), 4);
    cr_assert_eq(memcmp(shut, "\x88\x02\x0f\xa1", 4), 0);
    cr_assert_eq(websocket_close(WEBSOCKET_NO_CODE, shut), 2);
    cr_assert_eq(memcmp(shut, "\x88\x00", 2), 0);
}

/* 5.2, 5.4, 5.5: every first byte with every second one, at the beginning and within a message. */
Test(web_websocket, every_beginning_of_a_frame)
{
    for (unsigned within = 0; within < 2u; within++)
        for (unsigned first = 0; first < 256u; first++)
            for (unsigned second = 0; second < 256u; second++) {
                struct websocket w;
                uint8_t message[ROOM];
                const uint8_t pair[2] = {(uint8_t)first, (uint8_t)second};
                const unsigned opcode = first & 15u;
                const bool masked = second >= 128u, control = opcode >= 8u && opcode <= 10u;
                const bool data = within ? opcode == 0 : opcode == 1u || opcode == 2u;
                const bool small = second % 128u <= 125u;
                const bool fits =
                    masked && (first & 0x70u) == 0 && (data || (control && (first & 0x80u) != 0 && small));
                uint32_t taken;

                websocket_init(&w, message, sizeof message);
                if (within)
                    (void)websocket_feed(&w, (const uint8_t *)"\x02\x80\0\0\0\0", 6, &taken);
                const enum websocket_event event = websocket_feed(&w, pair, 2, &taken);
                cr_assert_eq(event, fits ? WEBSOCKET_NEED_MORE : WEBSOCKET_FAILED, "%02x %02x", first,
                             second);
                cr_assert(fits || w.code == WEBSOCKET_PROTOCOL);
            }
}

/* 5.2: the shortest form alone; 10.4: what fits, to the byte, over fragments too. */
Test(web_websocket, lengths)
{
    static char payload[ROOM + 2u];

    memset(payload, 'a', sizeof payload);
    of_payload(0x81, payload, 0, "message(text )");
    of_payload(0x82, payload, 125, "message(binary aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...125)");
    of_payload(0x82, payload, 126, "message(binary aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...126)");
    of_payload(0x82, payload, ROOM, "message(binary aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...300)");
    of_payload(0x82, payload, ROOM + 1u, "failed(1009 )");
    gives(BYTES("\x82\xfe\x00\x7d" MASK), "failed(1002 )");
    gives(BYTES("\x82\xff\0\0\0\0\0\0\xff\xff" MASK), "failed(1002 )");
    gives(BYTES("\x82\xff\0\0\0\0\0\1\0\0" MASK), "failed(1009 )");
    gives(BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK), "failed(1009 )");
    gives(BYTES("\x82\xff\x80\0\0\0\0\1\0\0" MASK), "failed(1002 )");
    for (unsigned more = 0; more < 2u; more++) {
        char out[2u * ROOM];
        size_t used = frame(out, 0x02, payload, ROOM - 2u);

        used += frame(out + used, 0x80, payload, 2u + more);
        gives(out, used,
              more ? "failed(1009 )" : "message(binary aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...300)");
    }
}

/* The largest message there may be. */
Test(web_websocket, a_message_of_64_kib)
{
    static uint8_t message[WEBSOCKET_MESSAGE_BYTES];
    static char payload[WEBSOCKET_MESSAGE_BYTES], out[WEBSOCKET_MESSAGE_BYTES + 14u];
    struct websocket w;
    uint32_t taken;

    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (char)(i * 31u >> 3);
    const size_t count = frame(out, 0x82, payload, sizeof payload);
    websocket_init(&w, message, sizeof message);
    cr_assert_eq(websocket_feed(&w, (const uint8_t *)out, (uint32_t)count, &taken), WEBSOCKET_MESSAGE);
    cr_assert_eq(taken, count);
    cr_assert_eq(w.message_bytes, sizeof payload);
    cr_assert_eq(memcmp(message, payload, sizeof payload), 0);
    websocket_init(&w, message, 0); /* who lends no room takes empty messages alone */
    cr_assert_eq(websocket_feed(&w, (const uint8_t *)out, (uint32_t)count, &taken), WEBSOCKET_FAILED);
    websocket_init(&w, message, 0);
    cr_assert_eq(websocket_feed(&w, (const uint8_t *)"\x82\x80\0\0\0\0", 6, &taken), WEBSOCKET_MESSAGE);
}

/* 5.4, 5.5: control frames stand between the fragments of a message, and belong to none. */
Test(web_websocket, control_frames_within_a_message)
{
    static char out[512];
    size_t used = frame(out, 0x01, "He", 2);

    used += frame(out + used, 0x89, "p", 1);
    used += frame(out + used, 0x00, "", 0);
    used += frame(out + used, 0x00, "ll", 2);
    used += frame(out + used, 0x8a, "", 0);
    used += frame(out + used, 0x80, "o", 1);
    used += frame(out + used, 0x82, "x", 1);
    gives(out, used, "ping(p) pong() message(text Hello) message(binary x)");
    used = frame(out, 0x01, "He", 2);
    used += frame(out + used, 0x88, "\x03\xe8", 2);
    gives(out, used, "close(1000 )");
    used = frame(out, 0x01, "He", 2);
    used += frame(out + used, 0x81, "x", 1);
    gives(out, used, "failed(1002 )");
    used = frame(out, 0x81, "He", 2);
    used += frame(out + used, 0x80, "x", 1);
    gives(out, used, "message(text He) failed(1002 )");
}

/* 5.5.1, 7.4: every code; what comes behind is not taken. */
Test(web_websocket, every_close_code)
{
    struct peer p;

    for (unsigned code = 0; code < 65536u; code++) {
        char payload[2] = {(char)(code >> 8), (char)code}, out[16];
        const size_t used = frame(out, 0x88, payload, 2);
        const bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                          (code >= 3000 && code <= 4999);
        uint8_t none[1];
        uint32_t taken;

        websocket_init(&p.w, none, 0);
        const enum websocket_event event = websocket_feed(&p.w, (const uint8_t *)out, (uint32_t)used, &taken);
        cr_assert_eq(event, good ? WEBSOCKET_CLOSE : WEBSOCKET_FAILED, "%u", code);
        cr_assert_eq(p.w.code, good ? code : WEBSOCKET_PROTOCOL);
        cr_assert_eq(websocket_feed(&p.w, (const uint8_t *)out, (uint32_t)used, &taken), event);
        cr_assert_eq(taken, 0);
    }
    of_payload(0x88, "", 0, "close(1005 )");
    of_payload(0x88, "\x03", 1, "failed(1002 )");
    of_payload(0x88, "\x03\xe9going away \xe2\x82\xac", 16, "close(1001 going away <e2><82><ac>)");
    of_payload(0x88, "\x03\xe9\xe2\x82", 4, "failed(1007 )");
}

/* 5.6, 8.1; RFC 3629 4: every run of up to three bytes against a reader of another make, some of four. */
static bool well_formed(const uint8_t *b, unsigned count)
{
    for (unsigned at = 0; at < count;) {
        const unsigned more = b[at] < 0x80u      ? 0
                              : b[at] >> 5 == 6  ? 1
                              : b[at] >> 4 == 14 ? 2
                              : b[at] >> 3 == 30 ? 3
                                                 : 9;
        uint32_t point = more == 0 ? b[at] : b[at] & (0x3fu >> more);

        if (more == 9 || more >= count - at)
            return false;
        for (unsigned i = 1; i <= more; i++) {
            if (b[at + i] >> 6 != 2)
                return false;
            point = point << 6 | (b[at + i] & 63u);
        }
        if ((more == 1 && point < 0x80) || (more == 2 && point < 0x800) || (more == 3 && point < 0x10000) ||
            point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        at += more + 1u;
    }
    return true;
}

Test(web_websocket, utf8)
{
    for (uint32_t n = 0; n < 1u << 24; n += n < 1u << 16 ? 1u : 7u) {
        const uint8_t b[3] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

        cr_assert(utf8_whole(b, 3) == well_formed(b, 3) && utf8_whole(b + 1, 2) == well_formed(b + 1, 2),
                  "%06x", n);
    }
    for (uint32_t n = 0; n < 1u << 16; n++) {
        const uint8_t b[4] = {(uint8_t)(0xf0u + (n >> 13)), (uint8_t)(n >> 5), (uint8_t)(0x80u | (n & 31u)),
                              0xbf};

        cr_assert_eq(utf8_whole(b, 4), well_formed(b, 4), "%04x", n);
    }
    of_payload(0x81, "a\xe2\x82\xac", 4, "message(text a<e2><82><ac>)");
    of_payload(0x81, "a\xe2\x82", 3, "failed(1007 )");
    of_payload(0x81, "\xff", 1, "failed(1007 )");
    of_payload(0x82, "\xff", 1, "message(binary <ff>)");
    char out[64];
    size_t used = frame(out, 0x01, "\xe2", 1); /* a character over two fragments, a ping between */
    used += frame(out + used, 0x89, "\xff", 1);
    used += frame(out + used, 0x80, "\x82\xac", 2);
    gives(out, used, "ping(<ff>) message(text <e2><82><ac>)");
    used = frame(out, 0x01, "\xe2", 1);
    used += frame(out + used, 0x80, "", 0);
    gives(out, used, "failed(1007 )");
}

struct stream {
    char bytes[1024];
    size_t count;
};

static void add(struct stream *s, uint8_t first, const char *payload, size_t bytes)
{
    s->count += frame(s->bytes + s->count, first, payload, bytes);
}

static void check_split(const struct stream *s, const char *due, const size_t *cuts, size_t count)
{
    static struct peer p;
    size_t from = 0;

    begin(&p, ROOM);
    for (size_t i = 0; i <= count; i++) {
        const size_t to = i < count ? cuts[i] : s->count;

        if (p.w.end == WEBSOCKET_NEED_MORE)
            give(&p, s->bytes + from, to - from);
        from = to;
    }
    cr_assert_str_eq(p.log, due, "%s", p.log);
    end(&p);
}

Test(web_websocket, every_split_of_short_streams)
{
    static struct stream s;
    static const char *const due[] = {"message(text a<c3><a4>)", "ping(x) message(binary )", "failed(1007 )",
                                      "failed(1002 )"};

    for (unsigned which = 0; which < 4u; which++) {
        s.count = 0;
        if (which == 0) {
            add(&s, 0x01, "a\xc3", 2);
            add(&s, 0x80, "\xa4", 1);
        } else if (which == 1) {
            add(&s, 0x89, "x", 1);
            add(&s, 0x82, "", 0);
        } else if (which == 2) {
            add(&s, 0x81,
                "ab\xff"
                "cd",
                5);
        } else {
            add(&s, 0x01, "a", 1);
            add(&s, 0x01, "b", 1);
        }
        cr_assert_leq(s.count, 15);
        for (uint32_t bits = 0; bits < 1u << (s.count - 1u); bits++) {
            size_t cuts[16], count = 0;

            for (size_t i = 0; i + 1u < s.count; i++)
                if ((bits >> i & 1u) != 0)
                    cuts[count++] = i + 1u;
            check_split(&s, due[which], cuts, count);
        }
    }
}

Test(web_websocket, each_single_split_of_a_long_stream)
{
    static struct stream s;
    static struct peer whole;
    char payload[200];

    memset(payload, 'p', sizeof payload);
    add(&s, 0x81, payload, 200);
    add(&s, 0x02, payload, 130);
    add(&s, 0x89, payload, 125);
    add(&s, 0x80, "\xff\0z", 3);
    add(&s, 0x8a, "", 0);
    add(&s, 0x81, "gr\xc3\xbc\xc3\x9f", 6);
    add(&s, 0x88,
        "\x0f\xa1"
        "bye",
        5);
    add(&s, 0x81, "nobody reads this", 17);
    begin(&whole, ROOM);
    give(&whole, s.bytes, s.count);
    cr_assert_not_null(strstr(whole.log, "close(4001 bye)"));
    for (size_t cut = 1; cut < s.count; cut++)
        check_split(&s, whole.log, &cut, 1);
    end(&whole);
}
