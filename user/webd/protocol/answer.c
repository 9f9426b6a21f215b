/* SPDX-License-Identifier: BSD-2-Clause */
/* The heads of answers: one list of fields for all of them, so that none is forgotten. */
#include "abi/assert.h"
#include "evidence/text.h"
#include "user/webd/protocol/http.h"

#define FIELD(name, value) name ": " value "\r\n"
/* What a page may do: nothing but what is listed. No inline script, no frame, no base, no other origin. */
#define POLICY                                                                                               \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; "   \
    "font-src 'self'; "                                                                                      \
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'self'"

static const struct {
    uint16_t status;
    const char *words;
} reasons[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *http_reason(uint16_t status)
{
    for (uint32_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return "Error";
}

/* A value of the caller's; never one that could end its line. */
static void put(struct text *t, const char *name, const char *value)
{
    uint32_t bytes = 0;

    while (bytes <= HTTP_VALUE_BYTES && value[bytes] != '\0') {
        ASSERT(value[bytes] >= ' ' && value[bytes] <= '~');
        bytes++;
    }
    ASSERT(bytes <= HTTP_VALUE_BYTES);
    text_string(t, name);
    text_bytes(t, value, bytes);
    text_string(t, "\r\n");
}

static void put_caching(struct text *t, const struct http_answer *a)
{
    static const char *const caching[] = {
        [HTTP_NO_STORE] = "no-store",
        [HTTP_IMMUTABLE] = "public, max-age=31536000, immutable",
        [HTTP_REVALIDATE] = "no-cache",
    };

    put(t, "Cache-Control: ", caching[a->cache]);
    if (a->etag != NULL)
        put(t, "ETag: ", a->etag);
    if (a->gzip)
        text_string(t, FIELD("Content-Encoding", "gzip"));
}

/* On every answer, errors too: what answers is never taken for something else (nosniff), never framed, never
 * told of. */
static void put_rules(struct text *t, const struct http_answer *a)
{
    text_string(t, POLICY "\r\n");
    text_string(t,
                FIELD("X-Content-Type-Options", "nosniff") FIELD("X-Frame-Options", "DENY")
                    FIELD("Referrer-Policy", "no-referrer") FIELD("Cross-Origin-Opener-Policy", "same-origin")
                        FIELD("Cross-Origin-Resource-Policy", "same-origin")
                            FIELD("Permissions-Policy", "camera=(), geolocation=(), microphone=()"));
    if (a->secure)
        text_string(t, FIELD("Strict-Transport-Security", "max-age=31536000"));
}

static void put_connection(struct text *t, const struct http_answer *a)
{
    const bool upgrade = a->status == 426u;

    if (upgrade)
        text_string(t, FIELD("Upgrade", "websocket") FIELD("Sec-WebSocket-Version", "13"));
    if (upgrade || a->close)
        put(t, "Connection: ", !a->close ? "upgrade" : upgrade ? "upgrade, close" : "close");
}

uint32_t http_answer(const struct http_answer *a, char out[HTTP_ANSWER_HEAD])
{
    struct text t = text_over(out, HTTP_ANSWER_HEAD);
    const bool no_body = a->status == 204u || a->status == 304u;

    ASSERT(a->status >= 200u && a->status <= 599u);
    ASSERT(a->type != NULL || a->body_bytes == 0);
    text_string(&t, "HTTP/1.1 ");
    text_u64(&t, a->status);
    put(&t, " ", http_reason(a->status));
    if (a->type != NULL && !no_body)
        put(&t, "Content-Type: ", a->type);
    if (!no_body) {
        text_string(&t, "Content-Length: ");
        text_u64(&t, a->body_bytes);
        text_string(&t, "\r\n");
    }
    put_caching(&t, a);
    if (a->cookie != NULL)
        put(&t, "Set-Cookie: ", a->cookie);
    if (a->allow != NULL)
        put(&t, "Allow: ", a->allow);
    if (a->retry_s > 0) {
        text_string(&t, "Retry-After: ");
        text_u64(&t, a->retry_s);
        text_string(&t, "\r\n");
    }
    if (a->status == 401u)
        text_string(&t, FIELD("WWW-Authenticate", "Session realm=\"capos\""));
    put_rules(&t, a);
    put_connection(&t, a);
    text_string(&t, "\r\n");
    ASSERT(!t.overflow);
    return (uint32_t)t.used;
}
