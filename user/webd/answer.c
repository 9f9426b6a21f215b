/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers: their heads come from one place (protocol/answer.c), so that none is without its rules. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "user/webd/assets.h"
#include "user/webd/webd.h"

#define JSON_TYPE  "application/json"
#define ETAG_BYTES 80u

void answer_finish(struct webd *w, struct connection *c, struct http_answer *a, const char *body,
                   uint32_t bytes)
{
    char head[HTTP_ANSWER_HEAD];

    a->close = !c->keep;
    a->secure = c->verdict.secure;
    a->body_bytes = bytes;
    c->state = CONNECTION_ANSWER;
    connection_put(w, c, head, http_answer(a, head));
    if (c->http.method != HTTP_HEAD_METHOD && bytes != 0)
        connection_put(w, c, body, bytes);
}

void answer_json(struct webd *w, struct connection *c, uint16_t status, const struct json_out *o)
{
    struct http_answer a = {.status = status, .type = JSON_TYPE};
    const uint32_t bytes = json_done(o);

    ASSERT(bytes != 0);
    answer_finish(w, c, &a, o->t.at, bytes);
}

void answer_error(struct webd *w, struct connection *c, uint16_t status, const char *word, uint64_t wait_ms)
{
    char text[128];
    struct json_out o = json_over(text, sizeof text);
    struct http_answer a = {.status = status,
                            .type = JSON_TYPE,
                            .allow = status == c->verdict.status ? c->verdict.allow : NULL,
                            .retry_s = (uint32_t)((wait_ms + 999u) / 1000u)};
    uint32_t bytes = 0;

    json_put_object(&o, NULL);
    for (bytes = 0; word[bytes] != 0; bytes++)
        ;
    json_put_string(&o, "error", word, bytes);
    if (wait_ms != 0)
        json_put_u64(&o, "wait_ms", wait_ms);
    json_put_end(&o);
    bytes = json_done(&o);
    ASSERT(bytes != 0);
    answer_finish(w, c, &a, text, bytes);
}

void answer_nothing(struct webd *w, struct connection *c, const char *cookie)
{
    struct http_answer a = {.status = 204, .cookie = cookie};

    answer_finish(w, c, &a, NULL, 0);
}

static const struct web_asset *asset(const struct connection *c)
{
    for (uint32_t i = 0; i < web_assets_count; i++) {
        if (http_is(&c->http, c->http.path, web_assets[i].path))
            return &web_assets[i];
    }
    return NULL;
}

void answer_asset(struct webd *w, struct connection *c)
{
    const struct web_asset *found = asset(c);
    const bool document = c->verdict.route != ROUTE_ASSET;

    if (found == NULL) {
        answer_error(w, c, 404, "path", 0);
        return;
    }
    struct http_answer a = {.status = 200,
                            .type = found->type,
                            .cache = document ? HTTP_NO_STORE : HTTP_IMMUTABLE,
                            .etag = document ? NULL : found->etag,
                            .gzip = true};
    char head[HTTP_ANSWER_HEAD];

    a.close = !c->keep;
    a.secure = c->verdict.secure;
    a.body_bytes = found->length;
    c->state = CONNECTION_ANSWER;
    if (a.etag != NULL && http_not_modified(&c->http, a.etag))
        a.status = 304;
    connection_put(w, c, head, http_answer(&a, head));
    if (a.status == 200 && c->http.method != HTTP_HEAD_METHOD) {
        c->file = found->bytes;
        c->file_left = found->length;
        c->page_bytes += found->length;
    }
}
