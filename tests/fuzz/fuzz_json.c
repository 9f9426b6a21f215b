/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to JSON: bytes to the reader, in memory of just their size. What is accepted is written
 * again, part by part, by the writer, and read again: the same parts. jsmn and our grammar never disagree.
 * What is broken aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/room.h"
#include "user/webd/protocol/json.h"
#include "user/webd/protocol/utf8.h"

#define OUT_BYTES 65536u /* an input is of at most a tenth: what is escaped gets six times as long */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *const names[JSON_ERRORS] = {"ok",     "long", "utf8",  "syntax", "depth",
                                               "tokens", "name", "twice", "parts"};
static struct {
    unsigned long inputs, error[JSON_ERRORS], strings, numbers;
} marks;

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr, "texts: inputs=%lu", marks.inputs);
    for (unsigned i = 0; i < JSON_ERRORS; i++)
        fprintf(stderr, " %s=%lu", names[i], marks.error[i]);
    fprintf(stderr, " strings=%lu numbers=%lu\n", marks.strings, marks.numbers);
}

struct writer {
    const struct json *j;
    struct json_out o;
    char decoded[OUT_BYTES];
};

/* A value that is no object and no array. */
static void write_leaf(struct writer *w, uint32_t token, const char *name)
{
    const struct json_token *t = &w->j->tokens[token];
    uint32_t used, number;

    if (t->kind == JSON_STRING && json_string(w->j, token, w->decoded, sizeof w->decoded, &used)) {
        need(used <= t->bytes && utf8_whole((const uint8_t *)w->decoded, used));
        json_put_string(&w->o, name, w->decoded, used);
        marks.strings++;
    } else if (t->kind == JSON_TRUE || t->kind == JSON_FALSE) {
        json_put_bool(&w->o, name, t->kind == JSON_TRUE);
    } else if (t->kind == JSON_NULL) {
        json_put_null(&w->o, name);
    } else if (json_u32(w->j, token, UINT32_MAX, &number)) {
        json_put_u64(&w->o, name, number);
        marks.numbers++;
    } else if (t->kind == JSON_NUMBER) {
        json_put_value(&w->o, name, w->j->text + t->at, t->bytes);
    } else { /* a NUL in it: as it was written */
        need(t->kind == JSON_STRING);
        json_put_value(&w->o, name, w->j->text + t->at - 1u, t->bytes + 2u);
    }
}

static void write_one(struct writer *w, uint32_t token, const char *name)
{
    const struct json_token *t = &w->j->tokens[token];

    need(token < w->j->count && t->next > token && t->next <= w->j->count);
    if (t->kind != JSON_OBJECT && t->kind != JSON_ARRAY) {
        write_leaf(w, token, name);
        return;
    }
    if (t->kind == JSON_OBJECT)
        json_put_object(&w->o, name);
    else
        json_put_array(&w->o, name);
    uint32_t child = token + 1u;
    for (uint32_t i = 0; i < t->children; i++, child = w->j->tokens[child].next) {
        if (t->kind == JSON_ARRAY) {
            need(json_element(w->j, token, i) == child);
            write_one(w, child, NULL);
        } else {
            const struct json_token *n = &w->j->tokens[child];
            char *text = strndup(w->j->text + n->at, n->bytes);

            need(text != NULL && json_member(w->j, token, text) == child + 1u);
            write_one(w, child + 1u, text);
            free(text);
        }
    }
    need(child == t->next);
    json_put_end(&w->o);
}

static void again(const struct json *j)
{
    static char out[OUT_BYTES];
    static struct writer w;
    static struct json read;

    w.j = j;
    w.o = json_over(out, sizeof out);
    write_one(&w, 0, NULL);
    const uint32_t bytes = json_done(&w.o);
    need(bytes > 0);
    need(json_read(&read, out, bytes) == JSON_OK && read.count == j->count);
    for (uint32_t i = 0; i < j->count; i++)
        need(read.tokens[i].kind == j->tokens[i].kind && read.tokens[i].children == j->tokens[i].children &&
             read.tokens[i].next == j->tokens[i].next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct json j;
    const bool padded = bytes > 0 && data[0] == 0xffu; /* one that is too long */
    const size_t count = padded ? JSON_BYTES + 1u : bytes;
    char *text = malloc(count > 0 ? count : 1u);

    need(text != NULL);
    memset(text, ' ', count);
    memcpy(text, data, bytes);
    const enum json_error error = json_read(&j, text, (uint32_t)count);
    need(error < JSON_ERRORS && error != JSON_E_PARTS && (error == JSON_OK) == (j.count > 0));
    if (error == JSON_OK)
        again(&j);
    marks.error[error]++;
    marks.inputs++;
    free(text);
    return 0;
}
