/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing. What others chose is escaped here, once. */
#include "abi/assert.h"
#include "user/webd/protocol/json.h"
#include "user/webd/protocol/utf8.h"

#define CHARACTER_BYTES 4u /* of UTF-8, at most */

struct json_out json_over(char *buffer, uint32_t capacity)
{
    return (struct json_out){.t = text_over(buffer, capacity)};
}

/* A comma, if something stands before it, and the name. */
static void begin(struct json_out *o, const char *name)
{
    if (o->depth == 0) {
        ASSERT(o->t.used == 0 && name == NULL);
        return;
    }
    const uint32_t bit = 1u << (o->depth - 1u);
    ASSERT(((o->object & bit) != 0) == (name != NULL));
    if ((o->begun & bit) != 0)
        text_string(&o->t, ",");
    o->begun |= bit;
    if (name == NULL)
        return;
    text_string(&o->t, "\"");
    text_string(&o->t, name);
    text_string(&o->t, "\":");
}

static void open(struct json_out *o, const char *name, bool object)
{
    begin(o, name);
    ASSERT(o->depth < JSON_DEPTH);
    const uint32_t bit = 1u << o->depth++;
    o->object = object ? o->object | bit : o->object & ~bit;
    o->begun &= ~bit;
    text_string(&o->t, object ? "{" : "[");
}

void json_put_object(struct json_out *o, const char *name)
{
    open(o, name, true);
}

void json_put_array(struct json_out *o, const char *name)
{
    open(o, name, false);
}

void json_put_end(struct json_out *o)
{
    ASSERT(o->depth > 0);
    o->depth--;
    text_string(&o->t, (o->object >> o->depth & 1u) != 0 ? "}" : "]");
}

/* Whether a byte stands for itself between quotes; <, > and & do not, whatever a page does with the text. */
static bool plain(uint8_t c)
{
    return c >= 0x20u && c < 0x7fu && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

/* The bytes of the character of UTF-8 at the beginning of these; 0: there is none. */
static uint32_t character(const char *bytes, uint32_t count)
{
    struct utf8 u = {0, 0, 0};

    for (uint32_t i = 0; i < count && i < CHARACTER_BYTES; i++) {
        if (!utf8_byte(&u, (uint8_t)bytes[i]))
            return 0;
        if (u.due == 0)
            return i + 1u;
    }
    return 0;
}

void json_put_string(struct json_out *o, const char *name, const char *bytes, uint32_t count)
{
    begin(o, name);
    text_string(&o->t, "\"");
    for (uint32_t i = 0; i < count;) {
        const uint8_t c = (uint8_t)bytes[i];
        const uint32_t whole = c < 0x80u ? 1u : character(bytes + i, count - i);

        if (c < 0x80u && !plain(c)) {
            text_string(&o->t, "\\u");
            text_hex(&o->t, c, 4);
        } else if (whole == 0) {
            text_string(&o->t, "\\ufffd");
        } else {
            text_bytes(&o->t, bytes + i, whole);
        }
        i += whole == 0 ? 1u : whole;
    }
    text_string(&o->t, "\"");
}

void json_put_u64(struct json_out *o, const char *name, uint64_t value)
{
    begin(o, name);
    text_u64(&o->t, value < JSON_NUMBER_MAX ? value : JSON_NUMBER_MAX);
}

void json_put_bool(struct json_out *o, const char *name, bool value)
{
    begin(o, name);
    text_string(&o->t, value ? "true" : "false");
}

void json_put_null(struct json_out *o, const char *name)
{
    begin(o, name);
    text_string(&o->t, "null");
}

void json_put_value(struct json_out *o, const char *name, const char *bytes, uint32_t count)
{
    begin(o, name);
    text_bytes(&o->t, bytes, count);
}

uint32_t json_done(const struct json_out *o)
{
    ASSERT(o->depth == 0);
    return o->t.overflow ? 0 : (uint32_t)o->t.used;
}
