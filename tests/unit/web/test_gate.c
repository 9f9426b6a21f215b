/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: the cross-site matrix, in which only the exact one passes; every route with every method and
 * every state of cookie, token and type; what counts as use. Requests are written as text and read by the
 * real reader. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "user/webd/protocol/gate.h"

#define HOSTS  "127.0.0.1:8080,localhost:8080"
#define HOST   "127.0.0.1:8080"
#define ORIGIN "http://127.0.0.1:8080"
#define KEY    "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455 1.3 */
#define SOCKET                                                                                               \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r" \
    "\n"
#define NOW 1000000000ull

static struct {
    struct gate g;
    struct sessions s;
    struct session_ref one, other;
    char cookie[2][SESSION_TEXT_BYTES + 1u], csrf[2][SESSION_TEXT_BYTES + 1u];
    uint8_t drawn;
    struct http h;
    struct gate_verdict v;
} t;

static void begin(void)
{
    uint8_t random[SESSION_RANDOM_BYTES] = {1};
    char set[SESSION_COOKIE_BYTES];

    memset(&t, 0, sizeof t);
    cr_assert(gate_init(&t.g, HOSTS, sizeof HOSTS - 1u));
    t.one = sessions_begin(&t.s, (struct session_ref){0, 0}, NOW, random);
    random[0] = 2;
    t.other = sessions_begin(&t.s, (struct session_ref){0, 0}, NOW, random);
    for (unsigned i = 0; i < 2u; i++) {
        sessions_cookie(&t.s, i == 0 ? t.one : t.other, false, set);
        memcpy(t.cookie[i], set + sizeof SESSION_COOKIE, SESSION_TEXT_BYTES);
        memcpy(t.csrf[i], sessions_csrf(&t.s, i == 0 ? t.one : t.other), SESSION_TEXT_BYTES);
    }
}

static const char *ticket(struct session_ref ref, enum ticket_purpose purpose, uint64_t now_ns)
{
    static char out[SESSION_TEXT_BYTES + 1u];
    uint8_t random[SESSION_RANDOM_BYTES] = {0};

    random[1] = ++t.drawn;
    sessions_ticket(&t.s, ref, purpose, 2, now_ns, random, out);
    return out;
}

static enum gate_error judge_at(const char *head, bool from_proxy, uint64_t now_ns)
{
    uint32_t taken;

    http_init(&t.h);
    cr_assert_eq(http_feed(&t.h, (const uint8_t *)head, (uint32_t)strlen(head), &taken), HTTP_HEAD, "%s",
                 head);
    gate_judge(&t.g, &t.s, &t.h, from_proxy, now_ns, &t.v);
    cr_assert_eq(t.v.error == GATE_OK, t.v.word == NULL);
    cr_assert_eq(t.v.error == GATE_OK, t.v.status == 0);
    cr_assert_eq(t.v.error == GATE_E_METHOD, t.v.allow != NULL);
    return t.v.error;
}

static enum gate_error judge(const char *head)
{
    return judge_at(head, false, NOW);
}

/* A field, or nothing if there is no value. */
static const char *field(char *out, const char *name, const char *value)
{
    out[0] = '\0';
    if (value != NULL)
        sprintf(out, "%s: %s\r\n", name, value);
    return out;
}

/* The first of each is the exact one. */
static const char *const origins[] = {ORIGIN,
                                      NULL,
                                      "null",
                                      "",
                                      "http://127.0.0.1:8081",
                                      "http://127.0.0.1",
                                      "https://127.0.0.1:8080",
                                      "http://x.127.0.0.1:8080",
                                      "http://127.0.0.1:8080.x",
                                      "http://127.0.0.1.:8080",
                                      "HTTP://127.0.0.1:8080",
                                      "http://127.0.0.1:8080/",
                                      "http://127.0.0.1:08080",
                                      "http://localhost:8080",
                                      "127.0.0.1:8080",
                                      "http://127.0.0.1:8080, http://127.0.0.1:8080"};
static const char *const hosts[] = {HOST,
                                    "127.0.0.1:8081",
                                    "127.0.0.1",
                                    "",
                                    "x.127.0.0.1:8080",
                                    "127.0.0.1.:8080",
                                    "127.0.0.1:8080.",
                                    "evil.example:8080",
                                    "127.0.0.1:8080,127.0.0.1:8080"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Somebody's state of a text that is to be exact: the session's, none, the other session's, one character
 * off, a piece. */
enum state { EXACT = 0, ABSENT, OTHERS, OFF_BY_ONE, SHORT, STATES };

static const char *in_state(enum state state, const char *one, const char *other)
{
    static char out[2][SESSION_TEXT_BYTES + 1u];
    static unsigned next;
    char *text = out[next++ % 2u];

    if (state == ABSENT)
        return NULL;
    strcpy(text, state == OTHERS ? other : one);
    if (state == OFF_BY_ONE)
        text[SESSION_TEXT_BYTES / 2u] = text[SESSION_TEXT_BYTES / 2u] == 'a' ? 'b' : 'a';
    if (state == SHORT)
        text[SESSION_TEXT_BYTES - 1u] = '\0';
    return text;
}

/* Host x Origin x cookie x token, of a request that changes something. */
Test(web_gate, cross_site_matrix_of_changes)
{
    char head[1024], origin[128], cookie[128], token[128];
    unsigned passed = 0, tried = 0;

    begin();
    for (unsigned host = 0; host < COUNT(hosts); host++)
        for (unsigned from = 0; from < COUNT(origins); from++)
            for (enum state who = EXACT; who < STATES; who++)
                for (enum state shows = EXACT; shows < STATES; shows++) {
                    const char *value = in_state(who, t.cookie[0], t.cookie[1]);
                    char whole[96] = "";

                    if (value != NULL)
                        snprintf(whole, sizeof whole, "a=b; " SESSION_COOKIE "=%s", value);
                    snprintf(head, sizeof head,
                             "POST /api/logout HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                             "Content-Length: 2\r\n%s%s%s\r\n",
                             hosts[host], field(origin, "Origin", origins[from]),
                             field(cookie, "Cookie", value == NULL ? NULL : whole),
                             field(token, "X-CSRF-Token", in_state(shows, t.csrf[0], t.csrf[1])));
                    const enum gate_error due = host != 0                                   ? GATE_E_HOST
                                                : from != 0                                 ? GATE_E_ORIGIN
                                                : who != EXACT && who != OTHERS             ? GATE_E_LOGIN
                                                : shows != (who == OTHERS ? OTHERS : EXACT) ? GATE_E_CSRF
                                                                                            : GATE_OK;
                    cr_assert_eq(judge(head), due, "%s%d", head, (int)t.v.error);
                    cr_assert(due != GATE_OK || t.v.session.life == (who == OTHERS ? t.other : t.one).life);
                    passed += due == GATE_OK;
                    tried++;
                }
    cr_assert_eq(passed, 2, "each with what is its own");
    cr_assert_eq(tried, COUNT(hosts) * COUNT(origins) * STATES * STATES);
}

enum ticket_state { GOOD = 0, NO_TICKET, USED, OVER, OTHER_PURPOSE, OTHER_SESSION, TWICE, TICKET_STATES };

/* Origin x cookie x ticket, of a WebSocket. */
Test(web_gate, cross_site_matrix_of_sockets)
{
    char head[1024], origin[128], cookie[128], query[256];
    unsigned passed = 0;

    begin();
    for (unsigned from = 0; from < COUNT(origins); from++)
        for (enum state who = EXACT; who < STATES; who++)
            for (enum ticket_state shows = GOOD; shows < TICKET_STATES; shows++) {
                const char *value = in_state(who, t.cookie[0], t.cookie[1]);
                const char *text = ticket(shows == OTHER_SESSION ? t.other : t.one,
                                          shows == OTHER_PURPOSE ? TICKET_LIVE : TICKET_SHELL,
                                          shows == OVER ? NOW - TICKET_NS : NOW);
                char whole[96] = "";
                uint32_t object;

                if (shows == USED)
                    (void)sessions_ticket_take(&t.s, t.one, TICKET_SHELL, text, SESSION_TEXT_BYTES, NOW,
                                               &object);
                if (value != NULL)
                    snprintf(whole, sizeof whole, SESSION_COOKIE "=%s", value);
                snprintf(query, sizeof query,
                         shows == NO_TICKET ? ""
                         : shows == TWICE   ? "?ticket=%s&ticket=%s"
                                            : "?ticket=%s",
                         text, text);
                snprintf(head, sizeof head,
                         "GET /api/shell%s HTTP/1.1\r\nHost: " HOST "\r\n" SOCKET "%s%s\r\n", query,
                         field(origin, "Origin", origins[from]),
                         field(cookie, "Cookie", value == NULL ? NULL : whole));
                const bool own = (who == EXACT && shows == GOOD) || (who == OTHERS && shows == OTHER_SESSION);
                const enum gate_error due = from != 0                       ? GATE_E_ORIGIN
                                            : who != EXACT && who != OTHERS ? GATE_E_LOGIN
                                            : !own                          ? GATE_E_TICKET
                                                                            : GATE_OK;
                cr_assert_eq(judge(head), due, "%s%d", head, (int)t.v.error);
                cr_assert(due != GATE_OK || (t.v.object == 2 && http_is(&t.h, t.v.key, KEY)));
                cr_assert(due != GATE_OK || judge(head) == GATE_E_TICKET, "a second time");
                passed += due == GATE_OK;
            }
    cr_assert_eq(passed, 2);
}

static const struct {
    const char *path;
    enum gate_route route;
    bool post, session, csrf, socket;
} routes[] = {
    {"/", ROUTE_OVERVIEW_PAGE, false, false, false, false},
    {"/shell", ROUTE_SHELL_PAGE, false, false, false, false},
    {"/assets/x.js", ROUTE_ASSET, false, false, false, false},
    {"/api/login", ROUTE_LOGIN, true, false, false, false},
    {"/api/logout", ROUTE_LOGOUT, true, true, true, false},
    {"/api/session", ROUTE_SESSION, false, true, false, false},
    {"/api/session/end", ROUTE_SESSION_END, true, true, true, false},
    {"/api/secret", ROUTE_SECRET, true, true, true, false},
    {"/api/ticket", ROUTE_TICKET, true, true, true, false},
    {"/api/overview", ROUTE_OVERVIEW, false, true, false, false},
    {"/api/witness", ROUTE_WITNESS, true, true, true, false},
    {"/api/live", ROUTE_LIVE, false, true, false, true},
    {"/api/shell", ROUTE_SHELL, false, true, false, true},
};

/* Every route with every method, with and without each of what it may need. */
Test(web_gate, every_route_needs_what_the_table_says)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    char head[1024], cookie[128], token[128];

    begin();
    cr_assert_eq(COUNT(routes), GATE_ROUTES);
    for (unsigned r = 0; r < COUNT(routes); r++)
        for (unsigned m = 0; m < COUNT(methods); m++)
            for (unsigned has = 0; has < 16u; has++) { /* bits: session, token, type, handshake */
                char whole[96];
                const char *text = ticket(t.one, r == ROUTE_LIVE ? TICKET_LIVE : TICKET_SHELL, NOW);

                snprintf(whole, sizeof whole, SESSION_COOKIE "=%s", t.cookie[0]);
                snprintf(head, sizeof head,
                         "%s %s?ticket=%s HTTP/1.1\r\nHost: " HOST "\r\nOrigin: " ORIGIN "\r\n%s%s%s%s%s\r\n",
                         methods[m], routes[r].path, text, field(cookie, "Cookie", has & 1u ? whole : NULL),
                         field(token, "X-CSRF-Token", has & 2u ? t.csrf[0] : NULL),
                         has & 4u ? "Content-Type: application/json; charset=utf-8\r\n" : "",
                         has & 8u ? SOCKET : "", m == 2u ? "Content-Length: 0\r\n" : "");
                const bool fits = routes[r].post ? m == 2u : m == 0 || (m == 1u && !routes[r].socket);
                const enum gate_error due = !fits                                  ? GATE_E_METHOD
                                            : routes[r].session && (has & 1u) == 0 ? GATE_E_LOGIN
                                            : routes[r].csrf && (has & 2u) == 0    ? GATE_E_CSRF
                                            : routes[r].post && (has & 4u) == 0    ? GATE_E_TYPE
                                            : routes[r].socket && (has & 8u) == 0  ? GATE_E_UPGRADE
                                                                                   : GATE_OK;
                cr_assert_eq(judge(head), due, "%s%d", head, (int)t.v.error);
                cr_assert_eq(t.v.route, routes[r].route);
                cr_assert(due != GATE_OK || (t.v.session.life != 0) == (has & 1u));
            }
}

Test(web_gate, paths_that_are_none)
{
    static const char *const paths[] = {"/index.html",   "//",          "/api",         "/api/",
                                        "/api/login/",   "/API/login",  "/api/%6cogin", "/./",
                                        "/api/../",      "/assets",     "/assets/",     "/shell/",
                                        "/api/session/", "/api//login", "/favicon.ico", "/api/session/end/x"};
    char head[512];

    begin();
    for (unsigned i = 0; i < COUNT(paths); i++) {
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: " HOST "\r\n\r\n", paths[i]);
        cr_assert_eq(judge(head), GATE_E_PATH, "%s", paths[i]);
        cr_assert_eq(t.v.status, 404);
    }
}

/* A document may be opened from anywhere; a safe request of another origin is refused; what a browser says of
 * where a request comes from is believed when it speaks against it. */
Test(web_gate, safe_requests)
{
    static const struct {
        const char *path, *fields;
        enum gate_error due;
    } cases[] = {
        {"/", "", GATE_OK},
        {"/", "Sec-Fetch-Site: cross-site\r\n", GATE_OK},
        {"/", "Origin: http://evil.example\r\n", GATE_E_ORIGIN},
        {"/", "Origin: null\r\n", GATE_E_ORIGIN},
        {"/api/overview", "Sec-Fetch-Site: same-origin\r\n", GATE_OK},
        {"/api/overview", "Sec-Fetch-Site: none\r\n", GATE_OK},
        {"/api/overview", "", GATE_OK},
        {"/api/overview", "Sec-Fetch-Site: same-site\r\n", GATE_E_ORIGIN},
        {"/api/overview", "Sec-Fetch-Site: cross-site\r\n", GATE_E_ORIGIN},
        {"/api/overview", "Sec-Fetch-Site:\r\n", GATE_E_ORIGIN},
    };
    char head[512];

    begin();
    for (unsigned i = 0; i < COUNT(cases); i++) {
        snprintf(head, sizeof head,
                 "GET %s HTTP/1.1\r\nHost: " HOST "\r\nCookie: " SESSION_COOKIE "=%s\r\n%s\r\n",
                 cases[i].path, t.cookie[0], cases[i].fields);
        cr_assert_eq(judge(head), cases[i].due, "%s", head);
    }
    cr_assert_eq(judge("POST /api/login HTTP/1.1\r\nHost: " HOST "\r\nOrigin: " ORIGIN
                       "\r\nSec-Fetch-Site: none\r\n"
                       "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n"),
                 GATE_E_ORIGIN);
    cr_assert_eq(judge("GET / HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: http://localhost:8080\r\n\r\n"),
                 GATE_OK);
}

Test(web_gate, types_of_bodies)
{
    static const struct {
        const char *type;
        enum gate_error due;
    } cases[] = {{"application/json", GATE_OK},
                 {"application/json;charset=utf-8", GATE_OK},
                 {"application/jsonx", GATE_E_TYPE},
                 {"text/plain", GATE_E_TYPE}, /* what a form of another site can send */
                 {"application/x-www-form-urlencoded", GATE_E_TYPE},
                 {"text/plain; application/json", GATE_E_TYPE},
                 {"", GATE_E_TYPE}};
    char head[512];

    begin();
    for (unsigned i = 0; i < COUNT(cases); i++) {
        snprintf(head, sizeof head,
                 "POST /api/login HTTP/1.1\r\nHost: " HOST "\r\nOrigin: " ORIGIN "\r\nContent-Length: 0\r\n"
                 "Content-Type: %s\r\n\r\n",
                 cases[i].type);
        cr_assert_eq(judge(head), cases[i].due, "%s", cases[i].type);
    }
}

/* Only of the configured proxy is it believed that the connection is TLS, and then the origin's scheme is
 * https. */
Test(web_gate, forwarded_tls)
{
    static const char tls[] =
        "GET / HTTP/1.1\r\nHost: " HOST "\r\nX-Forwarded-Proto: https\r\nOrigin: https://" HOST "\r\n\r\n";
    static const char plain[] =
        "GET / HTTP/1.1\r\nHost: " HOST "\r\nX-Forwarded-Proto: https\r\nOrigin: " ORIGIN "\r\n\r\n";
    static const char list[] = "GET / HTTP/1.1\r\nHost: " HOST "\r\nX-Forwarded-Proto: https, http\r\n\r\n";

    begin();
    cr_assert_eq(judge_at(tls, true, NOW), GATE_OK);
    cr_assert(t.v.secure);
    cr_assert_eq(judge_at(plain, true, NOW), GATE_E_ORIGIN);
    cr_assert_eq(judge_at(tls, false, NOW), GATE_E_ORIGIN);
    cr_assert_not(t.v.secure);
    cr_assert_eq(judge_at(plain, false, NOW), GATE_OK);
    cr_assert_eq(judge_at(list, true, NOW), GATE_OK);
    cr_assert_not(t.v.secure);
}

/* A request counts as use, one that is refused or a live view does not; what is over is over. */
Test(web_gate, what_counts_as_use)
{
    char head[512], live[512];
    const uint64_t later = NOW + SESSION_IDLE_NS - 1u;

    begin();
    snprintf(head, sizeof head,
             "GET /api/overview HTTP/1.1\r\nHost: " HOST "\r\nCookie: " SESSION_COOKIE "=%s\r\n\r\n",
             t.cookie[0]);
    snprintf(live, sizeof live,
             "GET /api/live?ticket=%s HTTP/1.1\r\nHost: " HOST "\r\nOrigin: " ORIGIN "\r\n" SOCKET
             "Cookie: " SESSION_COOKIE "=%s\r\n\r\n",
             ticket(t.one, TICKET_LIVE, later), t.cookie[0]);
    cr_assert_eq(judge_at(live, false, later), GATE_OK);
    cr_assert_eq(t.s.of[t.one.at].used_ns, NOW);
    cr_assert_eq(judge_at(live, false, later), GATE_E_TICKET);
    cr_assert_eq(t.s.of[t.one.at].used_ns, NOW);
    cr_assert_eq(judge_at(head, false, later), GATE_OK);
    cr_assert_eq(t.s.of[t.one.at].used_ns, later);
    cr_assert_eq(judge_at(head, false, later + SESSION_IDLE_NS), GATE_E_LOGIN);
    cr_assert_eq(t.v.status, 401);
}

Test(web_gate, lists_of_hosts)
{
    static const struct {
        const char *list;
        uint32_t count;
    } lists[] = {{"a", 1},
                 {"[::1]:8080,a-b.c:1", 2},
                 {"a,b,c,d,e,f,g,h", 8},
                 {"a,b,c,d,e,f,g,h,i", 0},
                 {"", 0},
                 {",a", 0},
                 {"a,", 0},
                 {"a,,b", 0},
                 {"A", 0},
                 {"a b", 0},
                 {"*", 0},
                 {"a/b", 0},
                 {"0123456789012345678901234567890123456789012345678901234567890123", 1},
                 {"01234567890123456789012345678901234567890123456789012345678901234", 0}};
    struct gate g;

    begin();
    for (unsigned i = 0; i < COUNT(lists); i++) {
        cr_assert_eq(gate_init(&g, lists[i].list, (uint32_t)strlen(lists[i].list)), lists[i].count > 0, "%s",
                     lists[i].list);
        cr_assert_eq(g.count, lists[i].count);
    }
    t.g = g; /* the last was refused: nobody is let in */
    cr_assert_eq(judge("GET / HTTP/1.1\r\nHost: " HOST "\r\n\r\n"), GATE_E_HOST);
    cr_assert_eq(t.v.status, 421);
}
