/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading: first the grammar, then jsmn's tokens, which are then held against what the grammar promised. */
#include "user/webd/protocol/json.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "user/webd/protocol/utf8.h"
#define JSMN_HEADER
#define JSMN_STRICT
#include "jsmn.h"

#define NUMBER_DIGITS 10u /* of what fits 32 bits */

/* Where in the text the reader is, and what it is in. */
struct reader {
    const char *text;
    uint32_t bytes, at, depth;
    bool object[JSON_DEPTH];
    enum json_error error;
};

static bool fails(struct reader *r, enum json_error error)
{
    r->error = error;
    return false;
}

static char peek(const struct reader *r)
{
    return r->at < r->bytes ? r->text[r->at] : '\0'; /* NUL stands nowhere in the grammar */
}

static void blanks(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r')
        r->at++;
}

static bool one(struct reader *r, char c)
{
    if (peek(r) != c || r->at == r->bytes)
        return fails(r, JSON_E_SYNTAX);
    r->at++;
    return true;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static int32_t hexadecimal(char c)
{
    if (digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u; -1: they are none. */
static int32_t unit(const char *text, uint32_t bytes)
{
    int32_t value = 0;

    if (bytes < 4u)
        return -1;
    for (uint32_t i = 0; i < 4u; i++) {
        if (hexadecimal(text[i]) < 0)
            return -1;
        value = value * 16 + hexadecimal(text[i]);
    }
    return value;
}

/* Behind a backslash. A high surrogate is followed by a low one (RFC 8259 7). */
static bool escape(struct reader *r)
{
    static const char others[] = "\"\\/bfnrt";
    const char c = peek(r);

    for (uint32_t i = 0; i < sizeof(others) - 1u; i++)
        if (c == others[i]) {
            r->at++;
            return true;
        }
    if (!one(r, 'u'))
        return false;
    const int32_t first = unit(r->text + r->at, r->bytes - r->at);
    if (first < 0)
        return fails(r, JSON_E_SYNTAX);
    r->at += 4u;
    if (first < 0xd800 || first > 0xdfff)
        return true;
    const bool pair =
        first < 0xdc00 && r->bytes - r->at >= 6u && r->text[r->at] == '\\' && r->text[r->at + 1u] == 'u';
    const int32_t second = pair ? unit(r->text + r->at + 2u, 4u) : -1;
    if (second < 0xdc00 || second > 0xdfff)
        return fails(r, JSON_E_UTF8);
    r->at += 6u;
    return true;
}

static bool string(struct reader *r, bool name)
{
    if (!one(r, '"'))
        return false;
    while (r->at < r->bytes && r->text[r->at] != '"') {
        const uint8_t c = (uint8_t)r->text[r->at++];

        if (c < 0x20u)
            return fails(r, JSON_E_SYNTAX);
        if (c == '\\' && name)
            return fails(r, JSON_E_NAME);
        if (c == '\\' && !escape(r))
            return false;
    }
    return one(r, '"');
}

static bool digits(struct reader *r)
{
    if (!digit(peek(r)))
        return fails(r, JSON_E_SYNTAX);
    while (digit(peek(r)))
        r->at++;
    return true;
}

static bool number(struct reader *r)
{
    if (peek(r) == '-')
        r->at++;
    if (peek(r) == '0')
        r->at++;
    else if (!digits(r))
        return false;
    if (peek(r) == '.') {
        r->at++;
        if (!digits(r))
            return false;
    }
    if (peek(r) != 'e' && peek(r) != 'E')
        return true;
    r->at++;
    if (peek(r) == '+' || peek(r) == '-')
        r->at++;
    return digits(r);
}

static bool word(struct reader *r, const char *text)
{
    while (*text != '\0')
        if (!one(r, *text++))
            return false;
    return true;
}

static bool name_of_member(struct reader *r)
{
    blanks(r);
    if (!string(r, true))
        return false;
    blanks(r);
    return one(r, ':');
}

/* Begins an object or array; `whole`: it is empty, and thus whole. */
static bool open(struct reader *r, bool *whole)
{
    const bool object = peek(r) == '{';

    if (r->depth == JSON_DEPTH)
        return fails(r, JSON_E_DEPTH);
    r->object[r->depth++] = object;
    r->at++;
    blanks(r);
    *whole = peek(r) == (object ? '}' : ']');
    if (*whole) {
        r->at++;
        r->depth--;
        return true;
    }
    return !object || name_of_member(r);
}

/* A value up to its end, or to the first value in it. */
static bool value(struct reader *r, bool *whole)
{
    *whole = true;
    blanks(r);
    switch (peek(r)) {
    case '{':
    case '[':
        return open(r, whole);
    case '"':
        return string(r, false);
    case 't':
        return word(r, "true");
    case 'f':
        return word(r, "false");
    case 'n':
        return word(r, "null");
    default:
        return number(r);
    }
}

/* Behind a value: the ends of what it is the last of, or a comma and what comes before the next one. */
static bool behind(struct reader *r)
{
    while (r->depth > 0) { /* at most JSON_DEPTH times */
        const bool object = r->object[r->depth - 1u];

        blanks(r);
        if (peek(r) == ',') {
            r->at++;
            return !object || name_of_member(r);
        }
        if (!one(r, object ? '}' : ']'))
            return false;
        r->depth--;
    }
    return true;
}

static enum json_error judge(const char *text, uint32_t bytes)
{
    struct reader r = {.text = text, .bytes = bytes};

    blanks(&r);
    if (peek(&r) != '{')
        return JSON_E_SYNTAX;
    do { /* each turn takes a byte or more */
        bool whole = false;

        if (!value(&r, &whole))
            return r.error;
        if (whole && !behind(&r))
            return r.error;
    } while (r.depth > 0);
    blanks(&r);
    return r.at == r.bytes ? JSON_OK : JSON_E_SYNTAX;
}

static enum json_kind kind_of(const char *text, const jsmntok_t *from)
{
    if (from->type == JSMN_OBJECT)
        return JSON_OBJECT;
    if (from->type == JSMN_ARRAY)
        return JSON_ARRAY;
    if (from->type == JSMN_STRING)
        return JSON_STRING;
    switch (text[from->start]) {
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

static bool same(const struct json *j, uint32_t one_name, uint32_t other)
{
    const struct json_token *a = &j->tokens[one_name], *b = &j->tokens[other];

    return a->bytes == b->bytes && memcmp(j->text + a->at, j->text + b->at, a->bytes) == 0;
}

/* Where each part ends, from the last to the first: behind its last child. A name's child is its value. */
static bool link_tokens(struct json *j)
{
    for (uint32_t i = j->count; i-- > 0;) {
        uint32_t next = i + 1u;

        for (uint32_t child = 0; child < j->tokens[i].children; child++) {
            if (next >= j->count)
                return false;
            next = j->tokens[next].next;
        }
        j->tokens[i].next = next;
    }
    return j->tokens[0].next == j->count;
}

/* An object's children are names with one value each, and nothing else has a name. */
static bool named(const struct json *j)
{
    for (uint32_t i = 0; i < j->count; i++) {
        const enum json_kind kind = j->tokens[i].kind;

        if (kind != JSON_OBJECT && kind != JSON_ARRAY)
            continue;
        for (uint32_t child = i + 1u; child < j->tokens[i].next; child = j->tokens[child].next) {
            const bool container =
                j->tokens[child].kind == JSON_OBJECT || j->tokens[child].kind == JSON_ARRAY;
            const bool name = j->tokens[child].kind == JSON_STRING && j->tokens[child].children == 1u;

            if (kind == JSON_OBJECT ? !name : !container && j->tokens[child].children != 0)
                return false;
        }
    }
    return true;
}

static bool a_name_twice(const struct json *j)
{
    for (uint32_t object = 0; object < j->count; object++) {
        if (j->tokens[object].kind != JSON_OBJECT)
            continue;
        for (uint32_t name = object + 1u; name < j->tokens[object].next; name = j->tokens[name].next)
            for (uint32_t other = object + 1u; other < name; other = j->tokens[other].next)
                if (same(j, name, other))
                    return true;
    }
    return false;
}

enum json_error json_read(struct json *j, const char *text, uint32_t bytes)
{
    jsmntok_t found[JSON_TOKENS];
    jsmn_parser parser;

    j->text = text;
    j->count = 0;
    if (bytes > JSON_BYTES)
        return JSON_E_LONG;
    if (!utf8_whole((const uint8_t *)text, bytes))
        return JSON_E_UTF8;
    const enum json_error error = judge(text, bytes);
    if (error != JSON_OK)
        return error;
    jsmn_init(&parser);
    const int count = jsmn_parse(&parser, text, bytes, found, JSON_TOKENS);
    if (count == JSMN_ERROR_NOMEM)
        return JSON_E_TOKENS;
    if (count <= 0 || (uint32_t)count > JSON_TOKENS)
        return JSON_E_PARTS;
    for (uint32_t i = 0; i < (uint32_t)count; i++)
        j->tokens[i] = (struct json_token){.kind = kind_of(text, &found[i]),
                                           .at = (uint32_t)found[i].start,
                                           .bytes = (uint32_t)(found[i].end - found[i].start),
                                           .children = (uint32_t)found[i].size};
    j->count = (uint32_t)count;
    const enum json_error found_error = !link_tokens(j) || !named(j) ? JSON_E_PARTS
                                        : a_name_twice(j)            ? JSON_E_TWICE
                                                                     : JSON_OK;
    if (found_error != JSON_OK)
        j->count = 0;
    return found_error;
}

static bool is_text(const struct json *j, uint32_t token, const char *text)
{
    const struct json_token *t = &j->tokens[token];

    for (uint32_t i = 0; i < t->bytes; i++)
        if (text[i] == '\0' || text[i] != j->text[t->at + i])
            return false;
    return text[t->bytes] == '\0';
}

uint32_t json_member(const struct json *j, uint32_t object, const char *name)
{
    ASSERT(object < j->count && j->tokens[object].kind == JSON_OBJECT);
    for (uint32_t at = object + 1u; at < j->tokens[object].next; at = j->tokens[at].next)
        if (is_text(j, at, name))
            return at + 1u;
    return 0;
}

uint32_t json_element(const struct json *j, uint32_t array, uint32_t at)
{
    uint32_t found = array + 1u;

    ASSERT(array < j->count && j->tokens[array].kind == JSON_ARRAY);
    if (at >= j->tokens[array].children)
        return 0;
    while (at-- > 0)
        found = j->tokens[found].next;
    return found;
}

bool json_is(const struct json *j, uint32_t token, const char *text)
{
    return token > 0 && token < j->count && j->tokens[token].kind == JSON_STRING && is_text(j, token, text);
}

/* UTF-8 of a code point (RFC 3629 3); its bytes. */
static uint32_t encode(uint32_t point, char out[4])
{
    const uint32_t more = point < 0x80u ? 0 : point < 0x800u ? 1u : point < 0x10000u ? 2u : 3u;
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};

    for (uint32_t i = more; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80u | (point & 0x3fu));
    out[0] = (char)(leads[more] | point);
    return more + 1u;
}

/* The character at `at`, escape or not, which the grammar lets stand there; moves `at` behind it. */
static uint32_t character(const char *text, uint32_t *at, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

    out[0] = text[(*at)++];
    if (out[0] != '\\')
        return 1;
    const char c = text[(*at)++];
    if (c == 'u') {
        uint32_t point = (uint32_t)unit(text + *at, 4u);

        *at += 4u;
        if (point >= 0xd800u && point <= 0xdbffu) {
            point = 0x10000u + ((point - 0xd800u) << 10) + ((uint32_t)unit(text + *at + 2u, 4u) - 0xdc00u);
            *at += 6u;
        }
        return encode(point, out);
    }
    out[0] = c;
    for (uint32_t i = 0; i < sizeof(from) - 1u; i++)
        if (c == from[i])
            out[0] = to[i];
    return 1;
}

bool json_string(const struct json *j, uint32_t token, char *out, uint32_t room, uint32_t *used)
{
    *used = 0;
    if (token == 0 || token >= j->count || j->tokens[token].kind != JSON_STRING)
        return false;
    const char *text = j->text + j->tokens[token].at;
    for (uint32_t at = 0; at < j->tokens[token].bytes;) {
        char bytes[4];
        const uint32_t count = character(text, &at, bytes);

        if (bytes[0] == '\0' || count > room - *used)
            return false;
        memcpy(out + *used, bytes, count);
        *used += count;
    }
    return true;
}

bool json_u32(const struct json *j, uint32_t token, uint32_t most, uint32_t *out)
{
    uint64_t value = 0;

    if (token == 0 || token >= j->count || j->tokens[token].kind != JSON_NUMBER ||
        j->tokens[token].bytes > NUMBER_DIGITS)
        return false;
    for (uint32_t i = 0; i < j->tokens[token].bytes; i++) {
        const char c = j->text[j->tokens[token].at + i];

        if (!digit(c))
            return false;
        value = value * 10u + (uint64_t)(c - '0');
    }
    *out = (uint32_t)value;
    return value <= most;
}
