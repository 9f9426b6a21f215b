/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON by its grammar: texts that are and are not, every cut and every changed byte of one that is, bounds,
 * strings, numbers; and what is written, which the reader takes again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/webd/protocol/json.h"

static struct json j;

static enum json_error reads(const char *text, uint32_t bytes)
{
    static char *just;

    free(just); /* lent until the next one; of just its size */
    just = malloc(bytes > 0 ? bytes : 1u);
    memcpy(just, text, bytes);
    return json_read(&j, just, bytes);
}

static const struct {
    const char *text;
    enum json_error error;
} texts[] = {
    {"{}", JSON_OK},
    {" \t\r\n{ } \n", JSON_OK},
    {"{\"a\":1}", JSON_OK},
    {"{ \"a\" : [ ] , \"b\" : { \"a\" : null } }", JSON_OK},
    {"{\"a\":[1,\"x\",true,false,null,{},[[]]]}", JSON_OK},
    {"{\"a\":-0.5e+10,\"b\":0,\"c\":1E5,\"d\":-1}", JSON_OK},
    {"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\ude00\"}", JSON_OK},
    {"{\"\":\"\x7f\xc3\xa4\"}", JSON_OK},
    {"", JSON_E_SYNTAX},
    {"[]", JSON_E_SYNTAX},
    {"1", JSON_E_SYNTAX},
    {"\"a\"", JSON_E_SYNTAX},
    {"{} {}", JSON_E_SYNTAX},
    {"{}x", JSON_E_SYNTAX},
    {"{", JSON_E_SYNTAX},
    {"{\"a\"}", JSON_E_SYNTAX},
    {"{\"a\" \"b\"}", JSON_E_SYNTAX},
    {"{\"a\":}", JSON_E_SYNTAX},
    {"{\"a\":1,}", JSON_E_SYNTAX},
    {"{,\"a\":1}", JSON_E_SYNTAX},
    {"{\"a\":1 \"b\":2}", JSON_E_SYNTAX},
    {"{\"a\":1:2}", JSON_E_SYNTAX},
    {"{\"a\":[1,]}", JSON_E_SYNTAX},
    {"{\"a\":[1 2]}", JSON_E_SYNTAX},
    {"{\"a\":[1}", JSON_E_SYNTAX},
    {"{\"a\":[1}]", JSON_E_SYNTAX},
    {"{a:1}", JSON_E_SYNTAX},
    {"{1:1}", JSON_E_SYNTAX},
    {"{'a':1}", JSON_E_SYNTAX},
    {"{\"a\":01}", JSON_E_SYNTAX},
    {"{\"a\":+1}", JSON_E_SYNTAX},
    {"{\"a\":1.}", JSON_E_SYNTAX},
    {"{\"a\":.5}", JSON_E_SYNTAX},
    {"{\"a\":1e}", JSON_E_SYNTAX},
    {"{\"a\":-}", JSON_E_SYNTAX},
    {"{\"a\":0x1}", JSON_E_SYNTAX},
    {"{\"a\":NaN}", JSON_E_SYNTAX},
    {"{\"a\":True}", JSON_E_SYNTAX},
    {"{\"a\":truex}", JSON_E_SYNTAX},
    {"{\"a\":nul}", JSON_E_SYNTAX},
    {"{\"a\":\"\n\"}", JSON_E_SYNTAX},
    {"{\"a\":\"\x1f\"}", JSON_E_SYNTAX},
    {"{\"a\":\"\x20\"}", JSON_OK},
    {"{\"a\":\"\\x\"}", JSON_E_SYNTAX},
    {"{\"a\":\"\\u12g4\"}", JSON_E_SYNTAX},
    {"{\"a\":\"\\u123\"}", JSON_E_SYNTAX},
    {"{\"a\":1}//", JSON_E_SYNTAX},
    {"\xef\xbb\xbf{}", JSON_E_SYNTAX}, /* a byte order mark */
    {"{\"a\":\"\\ud800\"}", JSON_E_UTF8},
    {"{\"a\":\"\\ud800\\u0041\"}", JSON_E_UTF8},
    {"{\"a\":\"\\ude00\\ud83d\"}", JSON_E_UTF8},
    {"{\"a\":\"\xff\"}", JSON_E_UTF8},
    {"{\"a\":\"\xc0\xaf\"}", JSON_E_UTF8},
    {"{\"\\u0061\":1}", JSON_E_NAME},
    {"{\"a\":1,\"b\":2,\"a\":3}", JSON_E_TWICE},
    {"{\"x\":[{\"a\":{\"b\":1},\"a\":3}]}", JSON_E_TWICE},
    {"{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}", JSON_OK},
    {"{\"a\":[[[[[[[1]]]]]]]}", JSON_OK},
    {"{\"a\":[[[[[[[[1]]]]]]]]}", JSON_E_DEPTH},
};

Test(web_json, texts_that_are_and_are_not)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(reads(texts[i].text, (uint32_t)strlen(texts[i].text)), texts[i].error, "%s",
                     texts[i].text);
}

/* No beginning of a text is one; no byte that is changed makes the reader leave its memory; NUL is nowhere.
 */
Test(web_json, every_cut_and_every_changed_byte)
{
    static const char text[] =
        "{\"for\":\"sh\\u00e4\\ud83d\\ude00\",\"shell\":[1,-2.5e3,{\"a\":true}],\"b\":null}";
    const uint32_t bytes = sizeof text - 1u;
    char changed[sizeof text];

    cr_assert_eq(reads(text, bytes), JSON_OK);
    for (uint32_t count = 0; count < bytes; count++)
        cr_assert_neq(reads(text, count), JSON_OK, "%u bytes", count);
    for (uint32_t at = 0; at < bytes; at++)
        for (unsigned byte = 0; byte < 256u; byte++) {
            memcpy(changed, text, sizeof text);
            changed[at] = (char)byte;
            const enum json_error error = reads(changed, bytes);

            cr_assert(byte != 0 || error != JSON_OK);
            cr_assert(error < JSON_ERRORS && (error == JSON_OK) == (j.count > 0));
        }
}

Test(web_json, bounds)
{
    static char text[JSON_BYTES + 8u];

    for (unsigned more = 0; more < 2u; more++) {
        const uint32_t bytes = JSON_BYTES + more;

        memset(text, ' ', sizeof text);
        text[0] = '{';
        text[bytes - 1u] = '}';
        cr_assert_eq(reads(text, bytes), more ? JSON_E_LONG : JSON_OK);
        uint32_t used = (uint32_t)sprintf(text, "{\"a\":["); /* three tokens, and one an element */
        for (uint32_t i = 0; i < JSON_TOKENS - 3u + more; i++)
            used += (uint32_t)sprintf(text + used, "%s0", i > 0 ? "," : "");
        used += (uint32_t)sprintf(text + used, "]}");
        cr_assert_eq(reads(text, used), more ? JSON_E_TOKENS : JSON_OK);
        cr_assert(more || json_element(&j, 2, JSON_TOKENS - 4u) == JSON_TOKENS - 1u);
        cr_assert(more || json_element(&j, 2, JSON_TOKENS - 3u) == 0);
    }
}

Test(web_json, members_and_elements)
{
    static const char text[] = "{\"x\":{\"old\":1,\"deep\":[1]},\"old\":\"a\",\"new\":[7,{\"old\":2},9]}";
    uint32_t value;

    cr_assert_eq(reads(text, sizeof text - 1u), JSON_OK);
    cr_assert_eq(j.tokens[0].children, 3);
    cr_assert(json_is(&j, json_member(&j, 0, "old"), "a"));
    cr_assert_not(json_is(&j, json_member(&j, 0, "old"), "ab"));
    cr_assert_not(json_is(&j, json_member(&j, 0, "old"), ""));
    cr_assert_eq(json_member(&j, 0, "ol"), 0);
    cr_assert_eq(json_member(&j, 0, "olds"), 0);
    cr_assert_eq(json_member(&j, 0, "deep"), 0, "of another object");
    cr_assert(json_u32(&j, json_member(&j, json_member(&j, 0, "x"), "old"), 9, &value) && value == 1);
    const uint32_t array = json_member(&j, 0, "new");
    cr_assert(json_u32(&j, json_element(&j, array, 2), 9, &value) && value == 9);
    cr_assert_eq(json_element(&j, array, 3), 0);
    cr_assert(json_u32(&j, json_member(&j, json_element(&j, array, 1), "old"), 9, &value) && value == 2);
    cr_assert_not(json_is(&j, 0, ""));
}

Test(web_json, strings)
{
    static const struct {
        const char *text, *due; /* NULL: none */
    } cases[] = {{"\"abc\"", "abc"},
                 {"\"\"", ""},
                 {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
                 {"\"\\u0041\\u00e4\\u20ac\\uD83D\\uDE00\"", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
                 {"\"\\udbff\\udfff\\ud800\\udc00\"", "\xf4\x8f\xbf\xbf\xf0\x90\x80\x80"},
                 {"\"a\\u0000b\"", NULL},
                 {"1", NULL},
                 {"null", NULL},
                 {"{}", NULL}};
    char text[128];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t bytes = (uint32_t)snprintf(text, sizeof text, "{\"a\":%s}", cases[i].text);
        const uint32_t room = cases[i].due != NULL ? (uint32_t)strlen(cases[i].due) : 64u;
        char *out = malloc(room + 1u); /* one more than it may use, for malloc(0) */
        uint32_t used;

        cr_assert_eq(reads(text, bytes), JSON_OK, "%s", text);
        cr_assert_eq(json_string(&j, json_member(&j, 0, "a"), out, room, &used), cases[i].due != NULL, "%s",
                     text);
        cr_assert(cases[i].due == NULL || (used == room && memcmp(out, cases[i].due, used) == 0), "%s", text);
        cr_assert(cases[i].due == NULL || room == 0 ||
                  !json_string(&j, json_member(&j, 0, "a"), out, room - 1u, &used));
        cr_assert_not(json_string(&j, json_member(&j, 0, "b"), out, room, &used));
        free(out);
    }
}

Test(web_json, numbers)
{
    static const struct {
        const char *text;
        bool taken;
        uint32_t value;
    } cases[] = {{"0", true, 0},
                 {"4", true, 4},
                 {"4294967295", true, UINT32_MAX},
                 {"4294967296", false, 0},
                 {"-0", false, 0},
                 {"1.0", false, 0},
                 {"1e0", false, 0},
                 {"99999999999", false, 0},
                 {"\"1\"", false, 0},
                 {"true", false, 0}};
    char text[64];
    uint32_t value;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(reads(text, (uint32_t)snprintf(text, sizeof text, "{\"a\":%s}", cases[i].text)),
                     JSON_OK);
        cr_assert_eq(json_u32(&j, json_member(&j, 0, "a"), UINT32_MAX, &value), cases[i].taken, "%s", text);
        cr_assert(!cases[i].taken || value == cases[i].value);
    }
    cr_assert_eq(reads("{\"a\":5}", 7), JSON_OK);
    cr_assert_not(json_u32(&j, json_member(&j, 0, "a"), 4, &value));
    cr_assert_not(json_u32(&j, json_member(&j, 0, "b"), 4, &value));
}

static uint32_t writes(char *out, uint32_t capacity)
{
    static const char all[] = "a\"\\</>&\0\x1f\x7f\xc3\xa4\xc3\xe2\x82\xf0\x9f\x98\x80\xff";
    struct json_out o = json_over(out, capacity);

    json_put_object(&o, NULL);
    json_put_string(&o, "s", all, sizeof all - 1u);
    json_put_array(&o, "a");
    json_put_u64(&o, NULL, 0);
    json_put_u64(&o, NULL, UINT64_MAX);
    json_put_object(&o, NULL);
    json_put_end(&o);
    json_put_null(&o, NULL);
    json_put_end(&o);
    json_put_bool(&o, "t", true);
    json_put_bool(&o, "f", false);
    json_put_value(&o, "v", "{\"x\":1}", 7);
    json_put_end(&o);
    return json_done(&o);
}

/* In any room that is too small nothing is said to be written. */
Test(web_json, what_is_written)
{
    static const char due[] =
        "{\"s\":\"a\\u0022\\u005c\\u003c/"
        "\\u003e\\u0026\\u0000\\u001f\\u007f\xc3\xa4\\ufffd\\ufffd\\ufffd\xf0\x9f\x98\x80\\ufffd\","
        "\"a\":[0,9007199254740991,{},null],\"t\":true,\"f\":false,\"v\":{\"x\":1}}";
    const uint32_t bytes = sizeof due - 1u;
    uint32_t value;

    for (uint32_t capacity = 1; capacity <= bytes; capacity++) {
        char *out = malloc(capacity);

        cr_assert_eq(writes(out, capacity), capacity == bytes ? bytes : 0);
        cr_assert(capacity < bytes || memcmp(out, due, bytes) == 0, "%.*s", (int)bytes, out);
        cr_assert(capacity < bytes || reads(out, bytes) == JSON_OK);
        free(out);
    }
    cr_assert(json_u32(&j, json_member(&j, json_member(&j, 0, "v"), "x"), 1, &value));
}

/* Any bytes, written and read again, are what was written, or U+FFFD. */
Test(web_json, every_byte_is_read_again)
{
    for (unsigned byte = 0; byte < 256u; byte++) {
        const char c[3] = {'x', (char)byte, 'y'};
        char text[64], out[16];
        struct json_out o = json_over(text, sizeof text);
        uint32_t used;

        json_put_object(&o, NULL);
        json_put_string(&o, "a", c, 3);
        json_put_end(&o);
        cr_assert_eq(reads(text, json_done(&o)), JSON_OK, "%02x", byte);
        cr_assert_eq(json_string(&j, json_member(&j, 0, "a"), out, sizeof out, &used), byte != 0);
        cr_assert(byte == 0 || byte >= 0x80u || (used == 3 && memcmp(out, c, 3) == 0));
        cr_assert(byte < 0x80u || (used == 5 && memcmp(out, "x\xef\xbf\xbdy", 5) == 0));
    }
}
