/* SPDX-License-Identifier: BSD-2-Clause */
/* The table, and what is asked of each of its lines. */
#include "user/webd/protocol/gate.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "user/webd/protocol/websocket.h"

enum needs { NEEDS_SESSION = 1, NEEDS_CSRF = 2, IS_API = 4, IS_SOCKET = 8, IS_PREFIX = 16, NO_USE = 32 };

#define API     (IS_API | NEEDS_SESSION)
#define CHANGES (API | NEEDS_CSRF)

struct route {
    const char *path;
    bool post; /* else GET and HEAD; a WebSocket: GET alone */
    uint32_t needs;
    enum ticket_purpose ticket;
};

static const struct route routes[GATE_ROUTES] = {
    [ROUTE_OVERVIEW_PAGE] = {"/", false, 0, TICKET_NONE},
    [ROUTE_SHELL_PAGE] = {"/shell", false, 0, TICKET_NONE},
    [ROUTE_ASSET] = {GATE_ASSETS, false, IS_PREFIX, TICKET_NONE},
    [ROUTE_LOGIN] = {"/api/login", true, IS_API, TICKET_NONE},
    [ROUTE_LOGOUT] = {"/api/logout", true, CHANGES, TICKET_NONE},
    [ROUTE_SESSION] = {"/api/session", false, API, TICKET_NONE},
    [ROUTE_SESSION_END] = {"/api/session/end", true, CHANGES, TICKET_NONE},
    [ROUTE_SECRET] = {"/api/secret", true, CHANGES, TICKET_NONE},
    [ROUTE_TICKET] = {"/api/ticket", true, CHANGES, TICKET_NONE},
    [ROUTE_OVERVIEW] = {"/api/overview", false, API, TICKET_NONE},
    [ROUTE_WITNESS] = {"/api/witness", true, CHANGES, TICKET_NONE},
    [ROUTE_LIVE] = {"/api/live", false, API | IS_SOCKET | NO_USE, TICKET_LIVE},
    [ROUTE_SHELL] = {"/api/shell", false, API | IS_SOCKET, TICKET_SHELL},
};

static const struct {
    uint16_t status;
    const char *word;
} answers[GATE_ERRORS] = {
    [GATE_OK] = {0, NULL},
    [GATE_E_HOST] = {421, "host"},
    [GATE_E_ORIGIN] = {403, "origin"},
    [GATE_E_PATH] = {404, "path"},
    [GATE_E_METHOD] = {405, "method"},
    [GATE_E_LOGIN] = {401, "login"},
    [GATE_E_CSRF] = {403, "csrf"},
    [GATE_E_TYPE] = {415, "type"},
    [GATE_E_UPGRADE] = {426, "upgrade"},
    [GATE_E_TICKET] = {403, "ticket"},
};

static bool of_a_host(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '[' ||
           c == ']';
}

bool gate_init(struct gate *g, const char *hosts, uint32_t bytes)
{
    uint32_t used = 0;

    memset(g, 0, sizeof(*g));
    for (uint32_t from = 0, to; from <= bytes; from = to + 1u) {
        for (to = from; to < bytes && hosts[to] != ','; to++)
            if (!of_a_host(hosts[to]))
                return false;
        if (to == from || to - from > GATE_HOST_BYTES || used == GATE_HOSTS)
            return false;
        memcpy(g->hosts[used], hosts + from, to - from);
        g->host_bytes[used++] = to - from;
    }
    g->count = used; /* only now: who refuses a list lets nobody in */
    return true;
}

static bool host_allowed(const struct gate *g, const struct http *h, struct http_span host)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (host.bytes == g->host_bytes[i] && memcmp(http_text(h, host), g->hosts[i], host.bytes) == 0)
            return true;
    return false;
}

/* scheme://host, byte for byte; `null` is none. */
static bool origin_is(const struct http *h, struct http_span origin, struct http_span host, bool secure)
{
    const char *scheme = secure ? "https://" : "http://";
    const uint32_t bytes = secure ? 8u : 7u;
    const char *text = http_text(h, origin);

    return origin.bytes == bytes + host.bytes && memcmp(text, scheme, bytes) == 0 &&
           memcmp(text + bytes, http_text(h, host), host.bytes) == 0;
}

static bool path_is(const struct http *h, const struct route *r)
{
    uint32_t bytes = 0;

    if ((r->needs & IS_PREFIX) == 0)
        return http_is(h, h->path, r->path);
    while (r->path[bytes] != '\0')
        bytes++;
    return h->path.bytes > bytes && memcmp(http_text(h, h->path), r->path, bytes) == 0;
}

static const struct route *route_of(const struct http *h, enum gate_route *at)
{
    for (uint32_t i = 0; i < GATE_ROUTES; i++)
        if (path_is(h, &routes[i])) {
            *at = (enum gate_route)i;
            return &routes[i];
        }
    return NULL;
}

/* What a browser says of where a request comes from (Fetch metadata); others say nothing. */
static bool comes_from_here(const struct http *h, bool safe)
{
    const struct http_span *site = http_field(h, "sec-fetch-site");

    return site == NULL || http_is(h, *site, "same-origin") || (safe && http_is(h, *site, "none"));
}

static struct session_ref session_of(struct sessions *s, const struct http *h, uint64_t now_ns)
{
    const struct http_span *cookie = http_field(h, "cookie");
    uint32_t at = 0, bytes = 0;

    if (cookie == NULL || !session_cookie_in(http_text(h, *cookie), cookie->bytes, &at, &bytes))
        return (struct session_ref){0, 0};
    return sessions_find(s, http_text(h, *cookie) + at, bytes, now_ns);
}

static bool type_is_json(const struct http *h)
{
    static const char json[] = "application/json";
    const struct http_span *type = http_field(h, "content-type");

    if (type == NULL || type->bytes < sizeof(json) - 1u)
        return false;
    const char *text = http_text(h, *type);
    return memcmp(text, json, sizeof(json) - 1u) == 0 &&
           (type->bytes == sizeof(json) - 1u || text[sizeof(json) - 1u] == ';');
}

/* Where it is from: what anybody on the way, or any page, could have sent. */
static enum gate_error judge_origin(const struct gate *g, const struct http *h, const struct route *r,
                                    bool secure)
{
    const struct http_span *host = http_field(h, "host"), *origin = http_field(h, "origin");
    const bool socket = r != NULL && (r->needs & IS_SOCKET) != 0;
    const bool safe = h->method != HTTP_POST && !socket;

    ASSERT(host != NULL); /* without one there is no head */
    if (!host_allowed(g, h, *host))
        return GATE_E_HOST;
    if (origin != NULL ? !origin_is(h, *origin, *host, secure) : !safe)
        return GATE_E_ORIGIN;
    if (r != NULL && (r->needs & IS_API) != 0 && !comes_from_here(h, safe))
        return GATE_E_ORIGIN;
    return GATE_OK;
}

static bool method_fits(const struct http *h, const struct route *r)
{
    if (r->post)
        return h->method == HTTP_POST;
    return h->method == HTTP_GET || (h->method == HTTP_HEAD_METHOD && (r->needs & IS_SOCKET) == 0);
}

/* Who it is from, and what it shows. */
static enum gate_error judge_person(struct sessions *s, const struct http *h, const struct route *r,
                                    uint64_t now_ns, struct gate_verdict *v)
{
    const struct http_span *token = http_field(h, "x-csrf-token");
    struct http_span ticket = {0, 0};

    v->session = session_of(s, h, now_ns); /* also of who asks for a page: its connection is no stranger's */
    if ((r->needs & NEEDS_SESSION) != 0 && v->session.life == 0)
        return GATE_E_LOGIN;
    if ((r->needs & NEEDS_CSRF) != 0 &&
        (token == NULL || !sessions_csrf_is(s, v->session, http_text(h, *token), token->bytes)))
        return GATE_E_CSRF;
    if (r->post && !type_is_json(h))
        return GATE_E_TYPE;
    if ((r->needs & IS_SOCKET) == 0)
        return GATE_OK;
    if (!websocket_asked(h, &v->key))
        return GATE_E_UPGRADE;
    if (!http_query(h, "ticket", &ticket) ||
        !sessions_ticket_take(s, v->session, r->ticket, http_text(h, ticket), ticket.bytes, now_ns,
                              &v->object))
        return GATE_E_TICKET;
    return GATE_OK;
}

void gate_judge(const struct gate *g, struct sessions *s, const struct http *h, bool from_proxy,
                uint64_t now_ns, struct gate_verdict *out)
{
    const struct http_span *forwarded = http_field(h, "x-forwarded-proto");

    ASSERT(h->state == HTTP_HEAD);
    *out =
        (struct gate_verdict){.secure = from_proxy && forwarded != NULL && http_is(h, *forwarded, "https")};
    const struct route *r = route_of(h, &out->route);
    out->error = judge_origin(g, h, r, out->secure);
    if (out->error == GATE_OK && r == NULL)
        out->error = GATE_E_PATH;
    if (out->error == GATE_OK && !method_fits(h, r)) {
        out->error = GATE_E_METHOD;
        out->allow = r->post ? "POST" : (r->needs & IS_SOCKET) != 0 ? "GET" : "GET, HEAD";
    }
    if (out->error == GATE_OK)
        out->error = judge_person(s, h, r, now_ns, out);
    out->status = answers[out->error].status;
    out->word = answers[out->error].word;
    if (out->error == GATE_OK && (r->needs & (NEEDS_SESSION | NO_USE)) == NEEDS_SESSION)
        sessions_use(s, out->session, now_ns);
}
