/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to WebSocket frames: bytes to the decoder, whole and in pieces. The first byte says how
 * long the pieces are, the second how much room a message has. What user/webd/protocol/websocket.h promises
 * of each event is held against it; what is broken aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/room.h"
#include "user/webd/protocol/utf8.h"
#include "user/webd/protocol/websocket.h"

#define ROOM_UNIT 17u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct taker {
    struct websocket w;
    uint8_t *message;
    uint32_t room;
    uint64_t told; /* a hash of all events and what they say */
    unsigned long events, texts, binaries, pings, pongs;
};

static struct {
    unsigned long inputs, texts, binaries, pings, pongs, closes, without_code, protocol, data, large;
} marks;

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr,
            "frames: inputs=%lu texts=%lu binaries=%lu pings=%lu pongs=%lu closes=%lu without_code=%lu "
            "protocol=%lu "
            "data=%lu large=%lu\n",
            marks.inputs, marks.texts, marks.binaries, marks.pings, marks.pongs, marks.closes,
            marks.without_code, marks.protocol, marks.data, marks.large);
}

static void hash(struct taker *k, const void *at, size_t bytes)
{
    const uint8_t *b = at;

    for (size_t i = 0; i < bytes; i++)
        k->told = (k->told ^ b[i]) * 0x100000001b3ull;
}

static void judge(struct taker *k, enum websocket_event event)
{
    const struct websocket *w = &k->w;
    const bool message = event == WEBSOCKET_MESSAGE;

    k->events++;
    hash(k, &event, sizeof event);
    if (message) {
        need(w->message_bytes <= k->room && (w->opcode == WEBSOCKET_TEXT || w->opcode == WEBSOCKET_BINARY));
        need(w->opcode != WEBSOCKET_TEXT || utf8_whole(k->message, w->message_bytes));
        hash(k, k->message, w->message_bytes);
        k->texts += w->opcode == WEBSOCKET_TEXT;
        k->binaries += w->opcode == WEBSOCKET_BINARY;
    } else if (event == WEBSOCKET_FAILED) {
        need(w->code == WEBSOCKET_PROTOCOL || w->code == WEBSOCKET_DATA || w->code == WEBSOCKET_LONG);
    } else {
        need(w->control_bytes <= WEBSOCKET_CONTROL_BYTES);
        need(event != WEBSOCKET_CLOSE || utf8_whole(w->control, w->control_bytes));
        hash(k, w->control, w->control_bytes);
        k->pings += event == WEBSOCKET_PING;
        k->pongs += event == WEBSOCKET_PONG;
    }
    if (event == WEBSOCKET_CLOSE || event == WEBSOCKET_FAILED) {
        uint8_t out[WEBSOCKET_CLOSE_BYTES]; /* it can be answered: asserted */

        (void)websocket_close(w->code, out);
        hash(k, &w->code, sizeof w->code);
    }
}

static void take(struct taker *k, const uint8_t *bytes, size_t count, size_t piece, uint32_t room)
{
    memset(k, 0, sizeof *k);
    k->room = room;
    k->message = malloc(room > 0 ? room : 1u);
    need(k->message != NULL);
    websocket_init(&k->w, k->message, room);
    for (size_t from = 0; from < count; from += piece) {
        const uint32_t due = (uint32_t)(count - from < piece ? count - from : piece);
        uint8_t *just = malloc(due);
        uint32_t at = 0, taken = 1;

        need(just != NULL);
        memcpy(just, bytes + from, due);
        while (at < due) {
            const enum websocket_event before = k->w.end;
            const enum websocket_event event = websocket_feed(&k->w, just + at, due - at, &taken);

            need(taken <= due - at && (before == WEBSOCKET_NEED_MORE) == (taken > 0));
            at += taken;
            if (before != WEBSOCKET_NEED_MORE) {
                need(event == before);
                break;
            }
            if (event != WEBSOCKET_NEED_MORE)
                judge(k, event);
        }
        free(just);
    }
}

static void count(const struct taker *k)
{
    marks.inputs++;
    marks.texts += k->texts;
    marks.binaries += k->binaries;
    marks.pings += k->pings;
    marks.pongs += k->pongs;
    marks.closes += k->w.end == WEBSOCKET_CLOSE;
    marks.without_code += k->w.end == WEBSOCKET_CLOSE && k->w.code == WEBSOCKET_NO_CODE;
    marks.protocol += k->w.end == WEBSOCKET_FAILED && k->w.code == WEBSOCKET_PROTOCOL;
    marks.data += k->w.end == WEBSOCKET_FAILED && k->w.code == WEBSOCKET_DATA;
    marks.large += k->w.end == WEBSOCKET_FAILED && k->w.code == WEBSOCKET_LONG;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct taker whole, pieces;

    if (bytes < 2u)
        return 0;
    take(&whole, data + 2, bytes - 2u, bytes, data[1] * ROOM_UNIT);
    take(&pieces, data + 2, bytes - 2u, data[0] + 1u, data[1] * ROOM_UNIT);
    need(whole.told == pieces.told && whole.events == pieces.events && whole.w.end == pieces.w.end);
    count(&whole);
    free(whole.message);
    free(pieces.message);
    return 0;
}
