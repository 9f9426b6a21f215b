/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests. Bytes are read one by one up to the empty line, which decides what refuses a head whatever else
 * is in it; the whole head is then taken apart by picohttpparser, whose answer is held against rules of our
 * own. */
#include "user/webd/protocol/http.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "picohttpparser.h"

#define VERSION_BYTES 9u /* " HTTP/1.1" */
#define LENGTH_DIGITS 10u /* more are too long whatever they are */

enum line { LINE_START = 0, LINE_MIDDLE, LINE_CR, LINE_LAST_CR };

static const uint16_t statuses[HTTP_ERRORS] = {
    [HTTP_OK] = 0,
    [HTTP_E_BYTE] = 400,
    [HTTP_E_FOLD] = 400,
    [HTTP_E_LINE] = 400,
    [HTTP_E_LINE_LONG] = 414,
    [HTTP_E_HEAD_LONG] = 431,
    [HTTP_E_VERSION] = 505,
    [HTTP_E_METHOD] = 501,
    [HTTP_E_NOT_ALLOWED] = 405,
    [HTTP_E_TARGET] = 400,
    [HTTP_E_FIELD] = 400,
    [HTTP_E_TWICE] = 400,
    [HTTP_E_HOST] = 400,
    [HTTP_E_LENGTH] = 400,
    [HTTP_E_LENGTH_NONE] = 411,
    [HTTP_E_BODY] = 400,
    [HTTP_E_BODY_LONG] = 413,
    [HTTP_E_CODING] = 501,
    [HTTP_E_CODING_LENGTH] = 400,
    [HTTP_E_EXPECT] = 417,
};

void http_init(struct http *h)
{
    h->state = HTTP_NEED_MORE;
    h->error = HTTP_OK;
    h->status = 0;
    h->method = HTTP_GET;
    h->path = h->query = (struct http_span){0, 0};
    h->field_count = 0;
    h->body_bytes = h->body_taken = 0;
    h->body = NULL;
    h->keep = h->pipelined = false;
    h->head_bytes = 0;
    h->line = LINE_START;
    h->first_line = true;
}

static enum http_state refuse(struct http *h, enum http_error error)
{
    h->error = error;
    h->status = statuses[error];
    h->keep = false;
    return h->state = HTTP_REFUSED;
}

void http_refuse(struct http *h, uint16_t status)
{
    ASSERT(status >= 400u && status <= 599u);
    h->status = status;
    h->keep = false;
    h->state = HTTP_REFUSED;
}

const char *http_text(const struct http *h, struct http_span span)
{
    ASSERT(span.at <= HTTP_HEAD_BYTES && span.bytes <= HTTP_HEAD_BYTES - span.at);
    return h->head + span.at;
}

static uint32_t length_of(const char *text)
{
    uint32_t n = 0;

    while (n < HTTP_HEAD_BYTES && text[n] != '\0')
        n++;
    return n;
}

bool http_is(const struct http *h, struct http_span span, const char *text)
{
    return span.bytes == length_of(text) && memcmp(http_text(h, span), text, span.bytes) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* `text` is in lower case. */
static bool same(const char *at, uint32_t bytes, const char *text)
{
    for (uint32_t i = 0; i < bytes; i++)
        if (text[i] == '\0' || lower(at[i]) != text[i])
            return false;
    return text[bytes] == '\0';
}

const struct http_span *http_field(const struct http *h, const char *name)
{
    for (uint32_t i = 0; i < h->field_count; i++)
        if (same(http_text(h, h->fields[i].name), h->fields[i].name.bytes, name))
            return &h->fields[i].value;
    return NULL;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

bool http_has_token(const struct http *h, struct http_span list, const char *token)
{
    const char *text = http_text(h, list);

    for (uint32_t from = 0, to; from <= list.bytes; from = to + 1u) { /* RFC 9110 5.6.1 */
        to = from;
        while (to < list.bytes && text[to] != ',')
            to++;
        uint32_t first = from, last = to;
        while (first < last && blank(text[first]))
            first++;
        while (last > first && blank(text[last - 1u]))
            last--;
        if (last > first && same(text + first, last - first, token))
            return true;
    }
    return false;
}

bool http_query(const struct http *h, const char *name, struct http_span *value)
{
    const char *text = http_text(h, h->query);
    const uint32_t name_bytes = length_of(name);
    uint32_t found = 0;

    for (uint32_t from = 0, to; from <= h->query.bytes; from = to + 1u) {
        to = from;
        while (to < h->query.bytes && text[to] != '&')
            to++;
        if (to - from <= name_bytes || text[from + name_bytes] != '=' ||
            memcmp(text + from, name, name_bytes) != 0)
            continue;
        found++;
        value->at = (uint16_t)(h->query.at + from + name_bytes + 1u);
        value->bytes = (uint16_t)(to - from - name_bytes - 1u);
    }
    return found == 1u;
}

bool http_not_modified(const struct http *h, const char *etag)
{
    const struct http_span *value = http_field(h, "if-none-match");

    if (value == NULL)
        return false;
    const char *text = http_text(h, *value);
    const uint32_t bytes = length_of(etag);

    if (value->bytes == 1u && text[0] == '*')
        return true;
    for (uint32_t at = 0; bytes >= 2u && at + bytes <= value->bytes;
         at++) /* a tag holds no quote: it is whole */
        if (memcmp(text + at, etag, bytes) == 0)
            return true;
    return false;
}

/* Where a span of the head lies that the parser points to. */
static struct http_span span_of(const struct http *h, const char *at, uint32_t bytes)
{
    ASSERT(at >= h->head && at <= h->head + h->head_bytes);
    ASSERT(bytes <= h->head_bytes - (uint32_t)(at - h->head));
    return (struct http_span){(uint16_t)(at - h->head), (uint16_t)bytes};
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The request line has two blanks, and behind the second a version (RFC 9112 2.3, 3). */
static enum http_error judge_line(const struct http *h)
{
    uint32_t bytes = 0, blanks = 0;

    for (; h->head[bytes] != '\r'; bytes++) /* one is there: the head is whole */
        blanks += blank(h->head[bytes]);
    if (blanks != 2u || bytes <= VERSION_BYTES)
        return HTTP_E_LINE;
    const char *version = h->head + bytes - VERSION_BYTES;
    if (memcmp(version, " HTTP/", 6) != 0 || !digit(version[6]) || version[7] != '.' || !digit(version[8]))
        return HTTP_E_LINE;
    return version[6] == '1' && version[8] == '1' ? HTTP_OK : HTTP_E_VERSION;
}

static enum http_error judge_method(struct http *h, const char *method, uint32_t bytes)
{
    static const char *const served[] = {"GET", "HEAD", "POST"}; /* in the order of enum http_method */
    static const char *const others[] = {"PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"};

    for (uint32_t i = 0; i < sizeof(served) / sizeof(served[0]); i++)
        if (length_of(served[i]) == bytes && memcmp(method, served[i], bytes) == 0) {
            h->method = (enum http_method)i;
            return HTTP_OK;
        }
    for (uint32_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (length_of(others[i]) == bytes && memcmp(method, others[i], bytes) == 0)
            return HTTP_E_NOT_ALLOWED;
    return HTTP_E_METHOD;
}

static bool hexadecimal(char c)
{
    return digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/* RFC 3986 3.3, 3.4: pchar, `/`, `?` in the query. */
static bool of_a_path(char c)
{
    static const char others[] = "-._~!$&'()*+,;=:@/";

    if (digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'))
        return true;
    for (uint32_t i = 0; i < sizeof(others) - 1u; i++)
        if (c == others[i])
            return true;
    return false;
}

/* Origin-form alone (RFC 9112 3.2.1). */
static enum http_error judge_target(struct http *h, const char *target, uint32_t bytes)
{
    uint32_t path = 0;

    if (bytes == 0 || target[0] != '/')
        return HTTP_E_TARGET;
    while (path < bytes && target[path] != '?')
        path++;
    for (uint32_t i = 0; i < bytes; i++) {
        const bool encoded =
            target[i] == '%' && bytes - i > 2u && hexadecimal(target[i + 1u]) && hexadecimal(target[i + 2u]);

        if (!encoded && target[i] != '?' && !of_a_path(target[i]))
            return HTTP_E_TARGET;
    }
    h->path = span_of(h, target, path);
    if (path < bytes)
        h->query = span_of(h, target + path + 1u, bytes - path - 1u);
    return HTTP_OK;
}

static enum http_error judge_twice(const struct http *h)
{
    static const char *const once[] = {"host",
                                       "origin",
                                       "cookie",
                                       "content-length",
                                       "connection",
                                       "content-type",
                                       "x-csrf-token",
                                       "transfer-encoding",
                                       "upgrade",
                                       "expect",
                                       "if-none-match",
                                       "sec-websocket-key",
                                       "sec-fetch-site",
                                       "sec-websocket-version",
                                       "x-forwarded-proto"};

    for (uint32_t n = 0; n < sizeof(once) / sizeof(once[0]); n++) {
        uint32_t found = 0;

        for (uint32_t i = 0; i < h->field_count; i++)
            found += same(http_text(h, h->fields[i].name), h->fields[i].name.bytes, once[n]);
        if (found > 1u)
            return HTTP_E_TWICE;
    }
    return HTTP_OK;
}

static enum http_error read_length(const struct http *h, struct http_span value, uint32_t *out)
{
    const char *text = http_text(h, value);
    uint64_t length = 0;

    if (value.bytes == 0 || (value.bytes > 1u && text[0] == '0'))
        return HTTP_E_LENGTH;
    for (uint32_t i = 0; i < value.bytes; i++) {
        if (!digit(text[i]))
            return HTTP_E_LENGTH;
        if (i < LENGTH_DIGITS)
            length = length * 10u + (uint64_t)(text[i] - '0');
    }
    if (value.bytes > LENGTH_DIGITS || length > HTTP_BODY_BYTES)
        return HTTP_E_BODY_LONG;
    *out = (uint32_t)length;
    return HTTP_OK;
}

/* Where the message ends (RFC 9112 6.3). */
static enum http_error judge_framing(struct http *h)
{
    const struct http_span *length = http_field(h, "content-length");
    const struct http_span *connection = http_field(h, "connection");

    if (http_field(h, "transfer-encoding") != NULL)
        return length != NULL ? HTTP_E_CODING_LENGTH : HTTP_E_CODING;
    if (length != NULL) {
        const enum http_error error = read_length(h, *length, &h->body_bytes);

        if (error != HTTP_OK)
            return error;
        if (h->method != HTTP_POST && h->body_bytes > 0)
            return HTTP_E_BODY;
    } else if (h->method == HTTP_POST) {
        return HTTP_E_LENGTH_NONE;
    }
    if (http_field(h, "host") == NULL)
        return HTTP_E_HOST;
    if (http_field(h, "expect") != NULL)
        return HTTP_E_EXPECT;
    h->keep = connection == NULL || !http_has_token(h, *connection, "close");
    return HTTP_OK;
}

static void keep_fields(struct http *h, const struct phr_header *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = from[i].value_len;

        while (bytes > 0 && blank(from[i].value[bytes - 1u]))
            bytes--; /* RFC 9112 5.1: blanks around a value are none of it */
        h->fields[i].name = span_of(h, from[i].name, (uint32_t)from[i].name_len);
        h->fields[i].value = span_of(h, from[i].value, (uint32_t)bytes);
    }
    h->field_count = count;
}

static enum http_error judge_head(struct http *h)
{
    struct phr_header fields[HTTP_FIELDS];
    size_t count = HTTP_FIELDS, method_bytes = 0, target_bytes = 0;
    const char *method = NULL, *target = NULL;
    int minor = -1;
    enum http_error error = judge_line(h);

    if (error != HTTP_OK)
        return error;
    const int parsed = phr_parse_request(h->head, h->head_bytes, &method, &method_bytes, &target,
                                         &target_bytes, &minor, fields, &count, 0);
    if (parsed < 0 && minor < 0)
        return HTTP_E_LINE;
    if (parsed < 0 && count == HTTP_FIELDS)
        return HTTP_E_HEAD_LONG;
    if (parsed != (int)h->head_bytes)
        return HTTP_E_FIELD;
    error = judge_method(h, method, (uint32_t)method_bytes);
    if (error == HTTP_OK)
        error = judge_target(h, target, (uint32_t)target_bytes);
    if (error != HTTP_OK)
        return error;
    keep_fields(h, fields, (uint32_t)count);
    error = judge_twice(h);
    return error == HTTP_OK ? judge_framing(h) : error;
}

/* One byte of the head is in its place. */
static enum http_error head_byte(struct http *h, uint8_t byte, bool *whole)
{
    const bool control = (byte < 0x20u && byte != '\t') || byte == 0x7fu;

    switch ((enum line)h->line) {
    case LINE_START:
        if (byte == '\r') {
            h->line = LINE_LAST_CR;
            return h->first_line ? HTTP_E_LINE : HTTP_OK;
        }
        if (byte == ' ' || byte == '\t')
            return HTTP_E_FOLD;
        h->line = LINE_MIDDLE;
        return control ? HTTP_E_BYTE : HTTP_OK;
    case LINE_MIDDLE:
        if (byte == '\r') {
            h->line = LINE_CR;
            return HTTP_OK;
        }
        return control ? HTTP_E_BYTE : HTTP_OK;
    case LINE_CR:
        h->line = LINE_START;
        h->first_line = false;
        return byte == '\n' ? HTTP_OK : HTTP_E_BYTE;
    case LINE_LAST_CR:
        *whole = byte == '\n';
        return *whole ? HTTP_OK : HTTP_E_BYTE;
    }
    return HTTP_E_BYTE;
}

static enum http_state feed_head(struct http *h, const uint8_t *bytes, uint32_t count, uint32_t *taken)
{
    while (*taken < count) {
        const uint8_t byte = bytes[(*taken)++];
        bool whole = false;

        ASSERT(h->head_bytes < HTTP_HEAD_BYTES);
        h->head[h->head_bytes++] = (char)byte;
        enum http_error error = head_byte(h, byte, &whole);
        if (error == HTTP_OK && whole)
            error = judge_head(h);
        else if (error == HTTP_OK && h->first_line && h->head_bytes == HTTP_LINE_BYTES)
            error = HTTP_E_LINE_LONG;
        else if (error == HTTP_OK && h->head_bytes == HTTP_HEAD_BYTES)
            error = HTTP_E_HEAD_LONG;
        if (error != HTTP_OK)
            return refuse(h, error);
        if (whole)
            return h->state = HTTP_HEAD;
    }
    return h->state;
}

enum http_state http_feed(struct http *h, const uint8_t *bytes, uint32_t count, uint32_t *taken)
{
    *taken = 0;
    switch (h->state) {
    case HTTP_NEED_MORE:
        if (h->body == NULL)
            return feed_head(h, bytes, count, taken);
        *taken = h->body_bytes - h->body_taken < count ? h->body_bytes - h->body_taken : count;
        if (*taken > 0)
            memcpy(h->body + h->body_taken, bytes, *taken);
        h->body_taken += *taken;
        if (h->body_taken < h->body_bytes)
            return h->state;
        h->state = HTTP_READY;
        if (*taken == count)
            return h->state;
        break;
    case HTTP_READY:
        break;
    case HTTP_HEAD:
    case HTTP_REFUSED:
        return h->state;
    }
    if (count > 0) { /* answered is the first alone (RFC 9112 9.3.2 lets a client send again what was not) */
        h->pipelined = true;
        h->keep = false;
    }
    return h->state;
}

enum http_state http_body(struct http *h, uint8_t *body, uint32_t room)
{
    ASSERT(h->state == HTTP_HEAD);
    ASSERT(body != NULL || room == 0);
    if (h->body_bytes > room)
        return refuse(h, HTTP_E_BODY_LONG);
    h->body = body;
    return h->state = h->body_bytes > 0 ? HTTP_NEED_MORE : HTTP_READY;
}
