/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests, strictly: what is taken and what it says, every rule that refuses, limits to the byte, and the
 * same however the bytes are split: every split of short ones, each single split of long ones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/webd/protocol/http.h"

#define HOST "Host: 127.0.0.1:8080\r\n"
#define GET  "GET / HTTP/1.1\r\n"

/* Somebody who sends: the request in pieces, the body into memory of just its size. */
struct sender {
    struct http h;
    uint8_t *body;
};

static void begin(struct sender *s)
{
    memset(&s->h, 0xa5, sizeof s->h);
    s->body = NULL;
    http_init(&s->h);
}

static void end(struct sender *s)
{
    free(s->body);
    s->body = NULL;
}

static enum http_state piece(struct sender *s, const char *bytes, uint32_t count)
{
    uint8_t *just =
        malloc(count > 0 ? count : 1u); /* of just its size: the sanitizer sees a read behind it */
    uint32_t at = 0, taken = 0;
    enum http_state state = s->h.state;

    memcpy(just, bytes, count);
    for (uint32_t turn = 0; turn < 4u; turn++) {
        state = http_feed(&s->h, just + at, count - at, &taken);
        cr_assert_leq(taken, count - at);
        at += taken;
        if (state == HTTP_HEAD) {
            s->body = malloc(s->h.body_bytes + 1u);
            state = http_body(&s->h, s->body, s->h.body_bytes);
        } else if (at == count || taken == 0) {
            break;
        }
    }
    free(just);
    return state;
}

static enum http_state send(struct sender *s, const char *text)
{
    begin(s);
    return piece(s, text, (uint32_t)strlen(text));
}

static void refused(const char *text, enum http_error error, unsigned status)
{
    static struct sender s;

    cr_assert_eq(send(&s, text), HTTP_REFUSED, "%.60s: state %d", text, (int)s.h.state);
    cr_assert_eq(s.h.error, error, "%.60s: error %d", text, (int)s.h.error);
    cr_assert_eq(s.h.status, status, "%.60s: status %u", text, s.h.status);
    cr_assert_not(s.h.keep);
    cr_assert_eq(piece(&s, "x", 1), HTTP_REFUSED);
    end(&s);
}

static void taken(struct sender *s, const char *text)
{
    cr_assert_eq(send(s, text), HTTP_READY, "%.60s: state %d, error %d", text, (int)s->h.state,
                 (int)s->h.error);
}

Test(web_http, what_a_request_says)
{
    static struct sender s;

    taken(&s, "POST /api/login?a=1&ticket=xy HTTP/1.1\r\n" HOST
              "hOsT-x:\t one two \t\r\nEmpty:\r\nContent-Length: 5\r\n"
              "Connection: keep-alive, Upgrade\r\n\r\nhello");
    cr_assert_eq(s.h.method, HTTP_POST);
    cr_assert(http_is(&s.h, s.h.path, "/api/login"));
    cr_assert(http_is(&s.h, s.h.query, "a=1&ticket=xy"));
    cr_assert(http_is(&s.h, *http_field(&s.h, "host"), "127.0.0.1:8080"));
    cr_assert(http_is(&s.h, *http_field(&s.h, "host-x"), "one two"));
    cr_assert(http_is(&s.h, *http_field(&s.h, "empty"), ""));
    cr_assert_null(http_field(&s.h, "origin"));
    cr_assert_eq(s.h.body_bytes, 5);
    cr_assert_eq(memcmp(s.body, "hello", 5), 0);
    cr_assert(s.h.keep);
    cr_assert_not(s.h.pipelined);
    end(&s);
    taken(&s, "HEAD / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n");
    cr_assert_eq(s.h.method, HTTP_HEAD_METHOD);
    cr_assert_not(s.h.keep);
    end(&s);
}

Test(web_http, tokens_and_queries)
{
    static const struct {
        const char *query, *value;
    } queries[] = {{"?ticket=xy", "xy"}, {"?a&ticket=xy&b=1", "xy"},
                   {"?ticket=", ""},     {"?ticket=x=y", "x=y"},
                   {"", NULL},           {"?", NULL},
                   {"?ticket", NULL},    {"?tickets=1", NULL},
                   {"?xticket=1", NULL}, {"?ticket=1&ticket=1", NULL}};
    static struct sender s;
    char text[256];

    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        struct http_span value;

        snprintf(text, sizeof text,
                 "GET /api/live%s HTTP/1.1\r\n" HOST "Connection:  ,keep-alive ,\tUPGRADE,\r\n\r\n",
                 queries[i].query);
        taken(&s, text);
        cr_assert_eq(http_query(&s.h, "ticket", &value), queries[i].value != NULL, "%s", queries[i].query);
        cr_assert(queries[i].value == NULL || http_is(&s.h, value, queries[i].value));
        const struct http_span list = *http_field(&s.h, "connection");
        cr_assert(http_has_token(&s.h, list, "upgrade"));
        cr_assert(http_has_token(&s.h, list, "keep-alive"));
        cr_assert_not(http_has_token(&s.h, list, "keep"));
        cr_assert_not(http_has_token(&s.h, list, "close"));
        cr_assert_not(http_has_token(&s.h, list, ""));
        end(&s);
    }
}

Test(web_http, validators)
{
    static const struct {
        const char *field;
        bool same;
    } cases[] = {{"", false},
                 {"If-None-Match: \"abc\"\r\n", true},
                 {"If-None-Match: W/\"abc\"\r\n", true},
                 {"If-None-Match: \"x\", \"abc\"\r\n", true},
                 {"If-None-Match: *\r\n", true},
                 {"If-None-Match: \"abcd\"\r\n", false},
                 {"If-None-Match: abc\r\n", false},
                 {"If-None-Match:\r\n", false}};
    static struct sender s;
    char text[256];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, GET HOST "%s\r\n", cases[i].field);
        taken(&s, text);
        cr_assert_eq(http_not_modified(&s.h, "\"abc\""), cases[i].same, "%s", cases[i].field);
        end(&s);
    }
}

struct refusal {
    const char *text;
    enum http_error error;
    unsigned status;
};

static const struct refusal refusals[] = {
    {"\r\n", HTTP_E_LINE, 400},
    {"\n", HTTP_E_BYTE, 400},
    {" GET / HTTP/1.1\r\n", HTTP_E_FOLD, 400},
    {"GET / HTTP/1.1\n", HTTP_E_BYTE, 400},
    {"GET / HTTP/1.1\rX", HTTP_E_BYTE, 400},
    {"GET / HTTP/1.1\r\nHost: a\n", HTTP_E_BYTE, 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\rx", HTTP_E_BYTE, 400},
    {GET "A: b\r\n c\r\n", HTTP_E_FOLD, 400},
    {GET "A: b\r\n\tc\r\n", HTTP_E_FOLD, 400},
    {GET " A: b\r\n", HTTP_E_FOLD, 400},
    {"\x16\x03\x01", HTTP_E_BYTE, 400}, /* TLS */
    {GET "A: \x01\r\n", HTTP_E_BYTE, 400},
    {GET "A: \x7f\r\n", HTTP_E_BYTE, 400},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", HTTP_E_LINE, 400},
    {"GET /HTTP/1.1\r\n" HOST "\r\n", HTTP_E_LINE, 400},
    {"GET / /HTTP/1.1\r\n" HOST "\r\n", HTTP_E_LINE, 400},
    {"GET\t/ HTTP/1.1\r\n" HOST "\r\n", HTTP_E_LINE, 400},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", HTTP_E_LINE, 400},
    {"GET / HTTP/1.1 HTTP/1.1\r\n" HOST "\r\n", HTTP_E_LINE, 400},
    {"GET / http/1.1\r\n" HOST "\r\n", HTTP_E_LINE, 400},
    {"GET /\r\n" HOST "\r\n", HTTP_E_LINE, 400}, /* HTTP/0.9 */
    {"x\r\n\r\n", HTTP_E_LINE, 400},
    {"GET / HTTP/1.0\r\n" HOST "\r\n", HTTP_E_VERSION, 505},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", HTTP_E_VERSION, 505},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_E_VERSION, 505},
    {"get / HTTP/1.1\r\n" HOST "\r\n", HTTP_E_METHOD, 501},
    {"GETS / HTTP/1.1\r\n" HOST "\r\n", HTTP_E_METHOD, 501},
    {"PUT / HTTP/1.1\r\n" HOST "\r\n", HTTP_E_NOT_ALLOWED, 405},
    {"TRACE / HTTP/1.1\r\n" HOST "\r\n", HTTP_E_NOT_ALLOWED, 405},
    {"CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", HTTP_E_NOT_ALLOWED, 405},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", HTTP_E_NOT_ALLOWED, 405},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", HTTP_E_TARGET, 400},
    {"GET http://a/ HTTP/1.1\r\n" HOST "\r\n", HTTP_E_TARGET, 400},
    {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", HTTP_E_TARGET, 400},
    {"GET /a\\b HTTP/1.1\r\n" HOST "\r\n", HTTP_E_TARGET, 400},
    {"GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", HTTP_E_TARGET, 400},
    {"GET /%2 HTTP/1.1\r\n" HOST "\r\n", HTTP_E_TARGET, 400},
    {"GET /%g0 HTTP/1.1\r\n" HOST "\r\n", HTTP_E_TARGET, 400},
    {"GET /? %00 HTTP/1.1\r\n" HOST "\r\n", HTTP_E_LINE, 400},
    {GET HOST "A : b\r\n\r\n", HTTP_E_FIELD, 400},
    {GET HOST "A\t: b\r\n\r\n", HTTP_E_FIELD, 400},
    {GET HOST "A\r\n\r\n", HTTP_E_FIELD, 400},
    {GET HOST ": b\r\n\r\n", HTTP_E_FIELD, 400},
    {GET HOST "A(: b\r\n\r\n", HTTP_E_FIELD, 400},
    {GET HOST "\xc3\xa4: b\r\n\r\n", HTTP_E_FIELD, 400},
    {GET HOST HOST "\r\n", HTTP_E_TWICE, 400},
    {GET HOST "hOST: x\r\n\r\n", HTTP_E_TWICE, 400},
    {GET HOST "Cookie: a=1\r\nCookie: b=2\r\n\r\n", HTTP_E_TWICE, 400},
    {GET HOST "Origin: a\r\nOrigin: a\r\n\r\n", HTTP_E_TWICE, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", HTTP_E_TWICE, 400},
    {GET "A: b\r\n\r\n", HTTP_E_HOST, 400},
    {"POST / HTTP/1.1\r\n" HOST "\r\n", HTTP_E_LENGTH_NONE, 411},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", HTTP_E_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", HTTP_E_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", HTTP_E_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", HTTP_E_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\n", HTTP_E_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n", HTTP_E_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 01\r\n\r\n", HTTP_E_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1.0\r\n\r\n", HTTP_E_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", HTTP_E_BODY_LONG, 413},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 4294967297\r\n\r\n", HTTP_E_BODY_LONG, 413},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\n", HTTP_E_BODY_LONG, 413},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999x\r\n\r\n", HTTP_E_LENGTH, 400},
    {GET HOST "Content-Length: 1\r\n\r\nx", HTTP_E_BODY, 400},
    {"HEAD / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", HTTP_E_BODY, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", HTTP_E_CODING, 501},
    {GET HOST "Transfer-Encoding:\r\n\r\n", HTTP_E_CODING, 501},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n",
     HTTP_E_CODING_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n", HTTP_E_EXPECT, 417},
};

Test(web_http, every_rule_refuses)
{
    bool met[HTTP_ERRORS] = {[HTTP_OK] = true, [HTTP_E_LINE_LONG] = true, [HTTP_E_HEAD_LONG] = true};

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refused(refusals[i].text, refusals[i].error, refusals[i].status);
        met[refusals[i].error] = true;
    }
    for (unsigned i = 0; i < HTTP_ERRORS; i++)
        cr_assert(met[i], "no case of error %u", i);
}

/* A NUL ends a string, not a request. */
Test(web_http, a_nul_anywhere_is_refused)
{
    static const char text[] = GET HOST "A: b\r\n\r\n";
    static struct sender s;

    for (uint32_t at = 0; at < sizeof text - 1u; at++) {
        char changed[sizeof text];

        memcpy(changed, text, sizeof text);
        changed[at] = '\0';
        begin(&s);
        cr_assert_eq(piece(&s, changed, sizeof text - 1u), HTTP_REFUSED, "at %u", at);
        end(&s);
    }
}

static char *filled(char *out, const char *before, char fill, size_t until, const char *behind)
{
    strcpy(out, before);
    for (size_t at = strlen(out); at < until; at++)
        out[at] = fill, out[at + 1] = '\0';
    return strcat(out, behind);
}

Test(web_http, limits_to_the_byte)
{
    static char text[2u * HTTP_HEAD_BYTES];
    static struct sender s;

    taken(&s, filled(text, "GET /", 'a', HTTP_LINE_BYTES - 11u, " HTTP/1.1\r\n" HOST "\r\n"));
    end(&s);
    refused(filled(text, "GET /", 'a', HTTP_LINE_BYTES - 10u, " HTTP/1.1\r\n" HOST "\r\n"), HTTP_E_LINE_LONG,
            414);
    taken(&s, filled(text, GET HOST "A: ", 'a', HTTP_HEAD_BYTES - 4u, "\r\n\r\n"));
    end(&s);
    refused(filled(text, GET HOST "A: ", 'a', HTTP_HEAD_BYTES - 3u, "\r\n\r\n"), HTTP_E_HEAD_LONG, 431);
    for (unsigned more = 0; more < 2u; more++) {
        strcpy(text, GET HOST);
        for (unsigned i = 1; i < HTTP_FIELDS + more; i++)
            strcat(text, "A: b\r\n");
        strcat(text, "\r\n");
        if (more)
            refused(text, HTTP_E_HEAD_LONG, 431);
        else
            taken(&s, text);
        end(&s);
    }
}

Test(web_http, bodies_to_the_byte)
{
    static char body[HTTP_BODY_BYTES];
    static struct sender s;
    uint32_t none;
    const char *head = "POST / HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n";

    memset(body, 'b', sizeof body);
    cr_assert_eq(send(&s, head), HTTP_NEED_MORE);
    cr_assert_eq(piece(&s, body, HTTP_BODY_BYTES - 1u), HTTP_NEED_MORE);
    cr_assert_eq(piece(&s, body, 1), HTTP_READY);
    cr_assert_eq(memcmp(s.body, body, sizeof body), 0);
    cr_assert(s.h.keep);
    end(&s);
    begin(&s); /* who lends less refuses it */
    cr_assert_eq(http_feed(&s.h, (const uint8_t *)head, (uint32_t)strlen(head), &none), HTTP_HEAD);
    cr_assert_eq(http_body(&s.h, (uint8_t *)body, HTTP_BODY_BYTES - 1u), HTTP_REFUSED);
    cr_assert_eq(s.h.status, 413);
    begin(&s); /* at the head nothing is taken of what comes behind it */
    (void)http_feed(&s.h, (const uint8_t *)head, (uint32_t)strlen(head), &none);
    cr_assert_eq(http_feed(&s.h, (const uint8_t *)body, 10, &none), HTTP_HEAD);
    cr_assert_eq(none, 0);
    http_refuse(&s.h, 403);
    cr_assert_eq(http_feed(&s.h, (const uint8_t *)body, 10, &none), HTTP_REFUSED);
    cr_assert_eq(s.h.status, 403);
}

static const char *const short_requests[] = {
    "GET / HTTP/1.1\r\nHost:a\r\n\r\n",
    "HEAD /?a HTTP/1.1\r\nHost:a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nA:b\r\n c",
    "GET / HTTP/1.1\nA:",
    "GET / HTTP/1.1\r\n\r\n", /* no host */
    "x y\r\n\r\n",
    "\r\nGET",
};

/* What came of it: everything that is set. */
static void told(const struct sender *s, char out[512])
{
    const struct http *h = &s->h;
    int used = snprintf(out, 512, "%d %d %u %d %d %d %u [%.*s] [%.*s] %u:", (int)h->state, (int)h->error,
                        h->status, (int)h->method, h->keep, h->pipelined, h->head_bytes, h->path.bytes,
                        http_text(h, h->path), h->query.bytes, http_text(h, h->query), h->body_bytes);

    for (uint32_t i = 0; i < h->field_count; i++)
        used += snprintf(out + used, 512u - (size_t)used, " %u+%u=%u+%u", h->fields[i].name.at,
                         h->fields[i].name.bytes, h->fields[i].value.at, h->fields[i].value.bytes);
    snprintf(out + used, 512u - (size_t)used, " %.*s", (int)h->body_taken,
             h->body != NULL ? (char *)h->body : "");
}

/* Bit i of `cuts`: a pause behind byte `from` + i. */
static void cut_at(struct sender *s, const char *text, uint32_t count, uint32_t from, uint32_t cuts,
                   uint32_t window)
{
    uint32_t begun = 0;

    begin(s);
    for (uint32_t i = 0; i < window; i++)
        if ((cuts >> i & 1u) != 0) {
            (void)piece(s, text + begun, from + i + 1u - begun);
            begun = from + i + 1u;
        }
    (void)piece(s, text + begun, count - begun);
}

/* All splits within every window of ten bytes; of the shortest ones all there are. */
Test(web_http, every_split_of_short_requests)
{
    static struct sender whole, s;
    char due[512], seen[512];

    for (size_t i = 0; i < sizeof short_requests / sizeof short_requests[0]; i++) {
        const char *text = short_requests[i];
        const uint32_t count = (uint32_t)strlen(text), window = count <= 12u ? count - 1u : 10u;

        begin(&whole);
        (void)piece(&whole, text, count);
        cr_assert_neq(whole.h.state, HTTP_NEED_MORE, "%s", text);
        told(&whole, due);
        for (uint32_t from = 0; from + window < count; from++)
            for (uint32_t cuts = 0; cuts < 1u << window; cuts++) {
                cut_at(&s, text, count, from, cuts, window);
                told(&s, seen);
                cr_assert_str_eq(seen, due, "request %zu, from %u, cuts %x", i, from, cuts);
                end(&s);
            }
        end(&whole);
    }
}

Test(web_http, each_single_split_of_long_requests)
{
    static const char *const requests[] = {
        "POST /api/login?x=1 HTTP/1.1\r\n" HOST
        "Origin: http://127.0.0.1:8080\r\nCookie: capos_remote_session=abc; d=e\r\n"
        "Content-Type: application/json\r\nContent-Length: 22\r\nX-CSRF-Token: "
        "t\r\n\r\n{\"secret\":\"operator!\"}",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n", /* pipelined */
        GET HOST "\r\n" GET,
        GET HOST "Accept: text/html\r\nA: b\r\n c: d\r\n\r\n",
        GET HOST "Accept: text/html\r\nA : b\r\n\r\n",
    };
    static struct sender whole, s;
    char due[512], seen[512];

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const uint32_t count = (uint32_t)strlen(requests[i]);

        begin(&whole);
        (void)piece(&whole, requests[i], count);
        told(&whole, due);
        cr_assert_eq(whole.h.pipelined, i == 1u || i == 2u);
        cr_assert(i > 2u || whole.h.state == HTTP_READY);
        for (uint32_t at = 1; at < count; at++) {
            begin(&s);
            (void)piece(&s, requests[i], at);
            (void)piece(&s, requests[i] + at, count - at);
            told(&s, seen);
            cr_assert_str_eq(seen, due, "request %zu, cut at %u", i, at);
            end(&s);
        }
        end(&whole);
    }
}

/* A connection's second request has nothing of the first. */
Test(web_http, the_next_request)
{
    static struct sender s;

    taken(&s, "POST /a?b HTTP/1.1\r\n" HOST "Content-Length: 2\r\nConnection: close\r\n\r\nxy");
    end(&s);
    http_init(&s.h);
    cr_assert_eq(piece(&s, GET HOST "\r\n", sizeof(GET HOST "\r\n") - 1u), HTTP_READY);
    cr_assert_eq(s.h.query.bytes, 0);
    cr_assert_eq(s.h.body_bytes, 0);
    cr_assert_eq(s.h.field_count, 1);
    cr_assert(s.h.keep);
    end(&s);
}

static const char every_answer[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "font-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'self'\r\n"
    "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n";

static void answers(struct http_answer a, const char *before, const char *behind)
{
    char out[HTTP_ANSWER_HEAD], due[HTTP_ANSWER_HEAD];
    const uint32_t bytes = http_answer(&a, out);

    snprintf(due, sizeof due, "%s%s%s\r\n", before, every_answer, behind);
    cr_assert_eq(bytes, strlen(due), "%.*s", (int)bytes, out);
    cr_assert_eq(memcmp(out, due, bytes), 0, "%.*s", (int)bytes, out);
}

Test(web_http, the_heads_of_answers)
{
    answers((struct http_answer){.status = 200, .type = "application/json", .body_bytes = 12},
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\nCache-Control: "
            "no-store\r\n",
            "");
    answers((struct http_answer){.status = 204, .cookie = "a=b; HttpOnly"},
            "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\nSet-Cookie: a=b; HttpOnly\r\n", "");
    answers(
        (struct http_answer){
            .status = 304, .etag = "\"x\"", .cache = HTTP_IMMUTABLE, .type = "a/b", .body_bytes = 1},
        "HTTP/1.1 304 Not Modified\r\nCache-Control: public, max-age=31536000, immutable\r\nETag: \"x\"\r\n",
        "");
    answers(
        (struct http_answer){.status = 405, .allow = "GET", .close = true},
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nCache-Control: no-store\r\nAllow: GET\r\n",
        "Connection: close\r\n");
    answers((struct http_answer){.status = 429, .retry_s = 60, .secure = true},
            "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nCache-Control: no-store\r\nRetry-After: "
            "60\r\n",
            "Strict-Transport-Security: max-age=31536000\r\n");
    answers((struct http_answer){.status = 401},
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nCache-Control: no-store\r\n"
            "WWW-Authenticate: Session realm=\"capos\"\r\n",
            "");
    answers((struct http_answer){.status = 426, .close = true},
            "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nCache-Control: no-store\r\n",
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: upgrade, close\r\n");
    answers((struct http_answer){.status = 200, .type = "a/b", .gzip = true, .cache = HTTP_REVALIDATE},
            "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 0\r\nCache-Control: no-cache\r\n"
            "Content-Encoding: gzip\r\n",
            "");
}

/* The longest head there is has room. */
Test(web_http, the_longest_head)
{
    char out[HTTP_ANSWER_HEAD], value[HTTP_VALUE_BYTES + 1u];

    memset(value, 'v', HTTP_VALUE_BYTES);
    value[HTTP_VALUE_BYTES] = '\0';
    cr_assert_gt(http_answer(&(struct http_answer){.status = 426,
                                                   .type = value,
                                                   .body_bytes = UINT32_MAX,
                                                   .etag = value,
                                                   .cache = HTTP_IMMUTABLE,
                                                   .gzip = true,
                                                   .cookie = value,
                                                   .allow = "GET, HEAD, POST",
                                                   .retry_s = UINT32_MAX,
                                                   .secure = true,
                                                   .close = true},
                             out),
                 1500);
}
