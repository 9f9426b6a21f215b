/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to the web's requests: bytes to the reader, whole and in pieces, what is accepted to the
 * gate, with and without a session of its own. The first byte says how long the pieces are, the second which
 * session the sender has (put in for `@COOKIE`, `@CSRF` and `@TICKET` by what is found of them: too rare for
 * chance). What user/webd/protocol promises is held against each; what is broken aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/room.h"
#include "user/webd/protocol/gate.h"
#include "user/webd/protocol/websocket.h"

#define INPUT_BYTES (2u * HTTP_HEAD_BYTES)
#define HOST        "127.0.0.1:8080"
#define NOW         1000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct taker {
    struct http h;
    uint8_t *body;
    struct sessions s;
    bool judged;
    struct gate_verdict v;
};

static struct {
    struct gate g;
    struct sessions s;
    struct session_ref ref;
    char cookie[SESSION_TEXT_BYTES], ticket[SESSION_TEXT_BYTES];
} t;

static struct {
    unsigned long inputs, heads, ready, bodies, pipelined, passed, sockets, error[HTTP_ERRORS],
        gate[GATE_ERRORS];
} marks;

__attribute__((destructor)) static void tell(void)
{
    unsigned refused = 0, turned_away = 0;

    for (unsigned i = 1; i < HTTP_ERRORS; i++)
        refused += marks.error[i] > 0;
    for (unsigned i = 1; i < GATE_ERRORS; i++)
        turned_away += marks.gate[i] > 0;
    fprintf(stderr,
            "requests: inputs=%lu heads=%lu ready=%lu bodies=%lu pipelined=%lu passed=%lu sockets=%lu "
            "errors=%u gate=%u\n",
            marks.inputs, marks.heads, marks.ready, marks.bodies, marks.pipelined, marks.passed,
            marks.sockets, refused, turned_away);
}

/* Everything that is set at HTTP_HEAD, held against the head's own bytes. */
static void judge_head(const struct http *h)
{
    uint32_t ends = 0, hosts = 0;

    need(h->head_bytes <= HTTP_HEAD_BYTES && h->field_count <= HTTP_FIELDS &&
         h->body_bytes <= HTTP_BODY_BYTES);
    for (uint32_t i = 0; i < h->head_bytes; i++) {
        const char before = i > 0 ? h->head[i - 1u] : '\0';

        need(h->head[i] != '\0' && (h->head[i] == '\n') == (before == '\r') &&
             (before != '\n' || h->head[i] != ' '));
        ends += i >= 3u && memcmp(h->head + i - 3u, "\r\n\r\n", 4) == 0;
    }
    need(ends == 1u && memcmp(h->head + h->head_bytes - 4u, "\r\n\r\n", 4) == 0);
    need(h->path.bytes > 0 && http_text(h, h->path)[0] == '/');
    need(h->method == HTTP_POST || h->body_bytes == 0);
    for (uint32_t i = 0; i < h->field_count; i++) {
        const struct http_field *f = &h->fields[i];

        need(f->name.bytes > 0 && h->head[f->name.at - 1u] == '\n' &&
             h->head[f->name.at + f->name.bytes] == ':');
        need(memchr(http_text(h, f->value), '\r', f->value.bytes) == NULL);
        hosts += f->name.bytes == 4u && strncasecmp(http_text(h, f->name), "host", 4) == 0;
        need(f->name.bytes != 17u || strncasecmp(http_text(h, f->name), "transfer-encoding", 17) != 0);
    }
    need(hosts == 1u);
}

static void judge_gate(struct taker *k)
{
    const struct http *h = &k->h;
    const struct http_span *origin = http_field(h, "origin");

    gate_judge(&t.g, &k->s, h, false, NOW, &k->v);
    k->judged = true;
    need(k->v.error < GATE_ERRORS && (k->v.error == GATE_OK) == (k->v.word == NULL) && !k->v.secure);
    if (k->v.error != GATE_OK)
        return;
    const bool changes = h->method == HTTP_POST || k->v.route >= ROUTE_LIVE;
    need(http_is(h, *http_field(h, "host"), HOST));
    need(origin == NULL ? !changes : http_is(h, *origin, "http://" HOST));
    need(k->v.route <= ROUTE_LOGIN || (k->v.session.at == t.ref.at && k->v.session.life == t.ref.life));
    need(k->v.route <= ROUTE_LOGIN || memmem(h->head, h->head_bytes, t.cookie, SESSION_TEXT_BYTES) != NULL);
    need(!changes || k->v.route == ROUTE_LOGIN || k->v.route >= ROUTE_LIVE ||
         memmem(h->head, h->head_bytes, sessions_csrf(&t.s, t.ref), SESSION_TEXT_BYTES) != NULL);
    need(k->v.route < ROUTE_LIVE || memmem(h->head, h->head_bytes, t.ticket, SESSION_TEXT_BYTES) != NULL);
}

static void take(struct taker *k, const uint8_t *bytes, size_t count, size_t piece)
{
    memset(&k->h, 0, sizeof k->h);
    http_init(&k->h);
    k->s = t.s;
    k->judged = false;
    k->body = NULL;
    for (size_t from = 0; from < count; from += piece) {
        const uint32_t due = (uint32_t)(count - from < piece ? count - from : piece);
        uint8_t *just = malloc(due);
        uint32_t at = 0, taken = 0;

        need(just != NULL);
        memcpy(just, bytes + from, due);
        if (http_feed(&k->h, just, due, &taken) == HTTP_HEAD) {
            judge_head(&k->h);
            judge_gate(k);
            k->body = malloc(k->h.body_bytes + 1u);
            (void)http_body(&k->h, k->body, k->h.body_bytes);
            at = taken;
            if (at < due)
                (void)http_feed(&k->h, just + at, due - at, &taken);
        }
        free(just);
    }
    need(k->h.state != HTTP_HEAD && k->h.body_taken <= k->h.body_bytes);
    need((k->h.state == HTTP_READY) <= (k->h.body_taken == k->h.body_bytes));
    need((k->h.state == HTTP_REFUSED) == (k->h.status >= 400u));
}

/* What was put for a word of the input: as many bytes as the word had, so that lengths stay. */
static size_t put_in(char *out, const uint8_t *data, size_t bytes, bool known)
{
    static const char *const words[] = {"@COOKIE", "@CSRF", "@TICKET"};
    const char *const texts[] = {t.cookie, sessions_csrf(&t.s, t.ref), t.ticket};
    size_t used = 0;

    for (size_t i = 0; i < bytes && used < INPUT_BYTES - SESSION_TEXT_BYTES;) {
        size_t word = 0;

        for (unsigned w = 0; known && data[i] == '@' && w < 3u && word == 0; w++)
            if (bytes - i >= strlen(words[w]) && memcmp(data + i, words[w], strlen(words[w])) == 0) {
                memcpy(out + used, texts[w], SESSION_TEXT_BYTES);
                used += SESSION_TEXT_BYTES;
                word = strlen(words[w]);
            }
        if (word == 0)
            out[used++] = (char)data[i];
        i += word > 0 ? word : 1u;
    }
    return used;
}

static void begin(void)
{
    uint8_t random[SESSION_RANDOM_BYTES] = {1};
    char set[SESSION_COOKIE_BYTES];

    memset(&t, 0, sizeof t);
    need(gate_init(&t.g, HOST, sizeof HOST - 1u));
    t.ref = sessions_begin(&t.s, (struct session_ref){0, 0}, NOW, random);
    sessions_cookie(&t.s, t.ref, false, set);
    memcpy(t.cookie, set + sizeof SESSION_COOKIE, SESSION_TEXT_BYTES);
    sessions_ticket(&t.s, t.ref, TICKET_SHELL, 1, NOW, random, t.ticket);
}

static void count(const struct taker *k)
{
    marks.heads += k->judged;
    marks.ready += k->h.state == HTTP_READY;
    marks.bodies += k->h.state == HTTP_READY && k->h.body_bytes > 0;
    marks.pipelined += k->h.pipelined;
    marks.error[k->h.error]++;
    if (!k->judged)
        return;
    marks.gate[k->v.error]++;
    marks.passed += k->v.error == GATE_OK && k->v.route > ROUTE_LOGIN;
    marks.sockets += k->v.error == GATE_OK && k->v.route >= ROUTE_LIVE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static char text[INPUT_BYTES];
    static struct taker whole, pieces;

    if (bytes < 2u)
        return 0;
    begin();
    const size_t used = put_in(text, data + 2, bytes - 2u, data[1] % 2u == 0);
    take(&whole, (const uint8_t *)text, used, used > 0 ? used : 1u);
    take(&pieces, (const uint8_t *)text, used, data[0] + 1u);
    need(whole.h.state == pieces.h.state && whole.h.error == pieces.h.error &&
         whole.h.status == pieces.h.status);
    need(whole.h.pipelined == pieces.h.pipelined && whole.h.keep == pieces.h.keep);
    need(whole.h.head_bytes == pieces.h.head_bytes && whole.h.body_taken == pieces.h.body_taken);
    need(memcmp(whole.h.fields, pieces.h.fields, sizeof whole.h.fields) == 0);
    need(whole.h.body_taken == 0 || memcmp(whole.body, pieces.body, whole.h.body_taken) == 0);
    need(whole.judged == pieces.judged && (!whole.judged || whole.v.error == pieces.v.error));
    count(&whole);
    marks.inputs++;
    free(whole.body);
    free(pieces.body);
    return 0;
}
