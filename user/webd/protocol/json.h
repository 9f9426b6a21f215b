/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON (RFC 8259), read from a browser and written to it, in bounded memory. Pure.
 *
 * Reading is strict: a text is one object and nothing behind it, by the grammar to the letter, in UTF-8.
 * Beyond the grammar, what two readers could take differently is refused: a member twice, an escape in a
 * member's name, half a surrogate pair. jsmn finds the parts once the grammar is known to hold. Writing
 * escapes: what others chose can be put between quotes, and what is not UTF-8 in it comes out as U+FFFD. */
#ifndef CAPOS_USER_WEBD_JSON_H
#define CAPOS_USER_WEBD_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/text.h"

#define JSON_BYTES      65536u /* of a text that is read */
#define JSON_TOKENS     64u /* objects, arrays, names and values of it */
#define JSON_DEPTH      8u /* objects and arrays within each other, read or written */
#define JSON_NUMBER_MAX 9007199254740991ull /* 2^53 - 1: what a browser's number holds (RFC 8259 6) */

enum json_error {
    JSON_OK = 0,
    JSON_E_LONG, /* more than JSON_BYTES */
    JSON_E_UTF8, /* not UTF-8, or half a surrogate pair */
    JSON_E_SYNTAX, /* not the grammar, or not one object */
    JSON_E_DEPTH, /* more than JSON_DEPTH */
    JSON_E_TOKENS, /* more than JSON_TOKENS */
    JSON_E_NAME, /* a member's name holds an escape */
    JSON_E_TWICE, /* an object has a name twice */
    JSON_E_PARTS, /* jsmn does not say what the grammar promised: nobody knows such a text, the fuzzer looks
                     for one */
    JSON_ERRORS
};

enum json_kind { JSON_OBJECT = 0, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

struct json_token {
    enum json_kind kind;
    uint32_t at, bytes; /* in the text; of a string what is between its quotes */
    uint32_t children; /* members of an object, elements of an array; 1 of a name, 0 else */
    uint32_t next; /* the token behind it and all that is in it */
};

struct json {
    const char *text; /* the caller's, lent while the struct is used */
    struct json_token tokens[JSON_TOKENS]; /* in the text's order; 0 is the object that is all of it */
    uint32_t count;
};

/* `bytes` of text; unless JSON_OK, `j` holds nothing. */
enum json_error json_read(struct json *j, const char *text, uint32_t bytes);
/* The value of a member of `object` (a token of kind JSON_OBJECT; asserted); 0: it has none of this name.
 * `name` in ASCII. */
uint32_t json_member(const struct json *j, uint32_t object, const char *name);
/* The element `at` of an array (asserted); 0: it has fewer. */
uint32_t json_element(const struct json *j, uint32_t array, uint32_t at);
/* A string's text, escapes resolved, in UTF-8, not terminated: `used` bytes of it. False: no string (0 too),
 * more than `room`, or a NUL in it; `out` may then hold part of it. */
bool json_string(const struct json *j, uint32_t token, char *out, uint32_t room, uint32_t *used);
/* Whether it is a string with just this text, written without escapes. */
bool json_is(const struct json *j, uint32_t token, const char *text);
/* A whole number from 0 to `most`, written without sign, fraction and exponent. False: something else (0
 * too). */
bool json_u32(const struct json *j, uint32_t token, uint32_t most, uint32_t *out);

/* A text that is written. Everything in an object has a name, everything else has NULL; asserted. What does
 * not fit sets t.overflow: asked once, at the end. */
struct json_out {
    struct text t;
    uint32_t depth;
    uint32_t object; /* a bit a level: it is an object */
    uint32_t begun; /* a bit a level: something stands in it */
};

/* An empty text over `capacity` bytes that the caller keeps alive. */
struct json_out json_over(char *buffer, uint32_t capacity);
void json_put_object(struct json_out *o, const char *name);
void json_put_array(struct json_out *o, const char *name);
void json_put_end(struct json_out *o); /* of the object or array under way */
/* Any bytes. */
void json_put_string(struct json_out *o, const char *name, const char *bytes, uint32_t count);
/* What is above JSON_NUMBER_MAX is written as that. */
void json_put_u64(struct json_out *o, const char *name, uint64_t value);
void json_put_bool(struct json_out *o, const char *name, bool value);
void json_put_null(struct json_out *o, const char *name);
/* A value that was written before, by these functions. */
void json_put_value(struct json_out *o, const char *name, const char *bytes, uint32_t count);
/* The bytes of the whole text; 0: it did not fit. Nothing is open any more; asserted. */
uint32_t json_done(const struct json_out *o);

#endif
