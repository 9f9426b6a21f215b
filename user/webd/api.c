/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request asks for that passed the gate. Secrets lie in one page that is shared with authd for a call
 * and zeroed with it; a session begins only when authd said yes. */
#include "abi/assert.h"
#include "abi/login.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "user/webd/webd.h"

#define SECOND_NS      1000000000ull
#define OVERVIEW_BYTES (WEBD_OUT_BYTES - HTTP_ANSWER_HEAD)

static uint64_t now(const struct webd *w)
{
    return ring_now(&w->rt->ring);
}

/* Of the kernel's source. False: the machine has none that is good for a secret. */
static bool draw(struct webd *w, uint8_t random[SESSION_RANDOM_BYTES])
{
    const struct ring_extra range = ring_range(w->range.cap, 0, SESSION_RANDOM_BYTES);
    const struct ring_completion done = ring_call(&w->rt->ring, w->entropy, ENTROPY_FILL, NULL, &range);

    memcpy(random, w->range.at, SESSION_RANDOM_BYTES);
    memset(w->range.at, 0, SESSION_RANDOM_BYTES);
    return ring_completed(&done);
}

static uint32_t source_of(struct webd *w, const struct connection *c)
{
    const struct ring_completion peer = ring_call(&w->rt->ring, c->socket, SOCKET_PEER, RING_ARGS(0), NULL);
    const uint32_t a = ring_completed(&peer) ? (uint32_t)peer.value : 0xffffffffu;

    return (a & 0xffu) << 24 | (a >> 8 & 0xffu) << 16 | (a >> 16 & 0xffu) << 8 | a >> 24;
}

static bool read_body(struct webd *w, struct connection *c)
{
    if (json_read(&w->json, (const char *)c->body, c->http.body_bytes) == JSON_OK)
        return true;
    answer_error(w, c, 400, "json", 0);
    return false;
}

static void session_answer(struct webd *w, struct connection *c, struct session_ref ref)
{
    char text[256], cookie[SESSION_COOKIE_BYTES];
    struct json_out o = json_over(text, sizeof text);
    struct http_answer a = {.status = 200, .type = "application/json", .cookie = cookie};

    sessions_cookie(&w->sessions, ref, c->verdict.secure, cookie);
    json_put_object(&o, NULL);
    json_put_string(&o, "csrf", sessions_csrf(&w->sessions, ref), SESSION_TEXT_BYTES);
    json_put_end(&o);
    answer_finish(w, c, &a, text, json_done(&o));
    memset(text, 0, sizeof text);
    memset(cookie, 0, sizeof cookie);
}

/* A call of authd, with what lies in the page. */
static void ask(struct webd *w, struct connection *c, uint16_t method, const uint64_t args[3])
{
    const struct ring_extra page = ring_copy(w->asked.page.cap);
    const struct ring_submission call = ring_make_call(w->login, method, args, &page);

    w->asked.used = ring_submit(&w->rt->ring, WEBD_USER_LOGIN, &call);
    ASSERT(w->asked.used); /* one at a time */
    w->asked.connection = (uint32_t)(c - w->connections);
    w->asked.life = c->life;
}

/* A member of the body, into the page. */
static bool secret_at(struct webd *w, const char *name, uint32_t at, uint32_t *bytes)
{
    return json_string(&w->json, json_member(&w->json, 0, name), (char *)w->asked.page.at + at,
                       LOGIN_SECRET_BYTES_MAX, bytes);
}

static void login(struct webd *w, struct connection *c)
{
    uint32_t bytes = 0;

    if (w->asked.used) {
        answer_error(w, c, 503, "busy", SECOND_NS / 1000000u);
        return;
    }
    if (!read_body(w, c))
        return;
    if (!secret_at(w, "secret", 0, &bytes)) {
        memset(w->asked.page.at, 0, w->asked.page.bytes);
        answer_error(w, c, 400, "value", 0);
        return;
    }
    memset(c->body, 0, c->http.body_bytes);
    w->asked.change = false;
    w->asked.source = source_of(w, c);
    ask(w, c, LOGIN_CHECK, RING_ARGS(0, bytes, w->asked.source));
}

static void change(struct webd *w, struct connection *c)
{
    uint32_t old_bytes = 0, new_bytes = 0;

    if (w->asked.used) {
        answer_error(w, c, 503, "busy", SECOND_NS / 1000000u);
        return;
    }
    if (!read_body(w, c))
        return;
    /* The new one lies right behind the old. */
    if (!secret_at(w, "old", 0, &old_bytes) || !secret_at(w, "new", old_bytes, &new_bytes)) {
        memset(w->asked.page.at, 0, w->asked.page.bytes);
        answer_error(w, c, 400, "value", 0);
        return;
    }
    memset(c->body, 0, c->http.body_bytes);
    w->asked.change = true;
    w->asked.source = source_of(w, c);
    ask(w, c, LOGIN_CHANGE, RING_ARGS(0, old_bytes | (uint64_t)new_bytes << 32, w->asked.source));
}

/* Why nobody is let in. */
static void refuse(struct webd *w, struct connection *c, const struct ring_completion *done)
{
    const bool said = done->status == RING_OK && done->exception == CAP_EX_NONE;

    if (said && done->result == LOGIN_E_WRONG)
        answer_error(w, c, 401, "wrong", 0);
    else if (said && done->result == LOGIN_E_WAIT)
        answer_error(w, c, 429, "wait", done->value);
    else if (said && done->result == LOGIN_E_VALUE)
        answer_error(w, c, w->asked.change ? 400 : 401, w->asked.change ? "value" : "wrong", 0);
    else if (said && done->result == LOGIN_E_NO_VERIFIER)
        answer_error(w, c, 503, "no-verifier", 0);
    else if (said && done->result == LOGIN_E_AUDIT)
        answer_error(w, c, 503, "audit", 0);
    else if (said && done->result == LOGIN_E_ENTROPY)
        answer_error(w, c, 503, "entropy", 0);
    else
        answer_error(w, c, 503, "busy", SECOND_NS / 1000000u);
}

static void ended(struct webd *w, uint32_t source)
{
    (void)ring_call(&w->rt->ring, w->login, LOGIN_ENDED, RING_ARGS(source), NULL);
}

/* The secret was right. */
static void begin(struct webd *w, struct connection *c)
{
    uint8_t random[SESSION_RANDOM_BYTES];
    const bool drawn = draw(w, random);

    if (!drawn) {
        ended(w, w->asked.source);
        answer_error(w, c, 503, "entropy", 0);
        return;
    }
    const struct session_ref before =
        sessions_alive(&w->sessions, c->session, now(w)) ? c->session : (struct session_ref){0, 0};
    const struct session_ref ref = sessions_begin(&w->sessions, before, now(w), random);
    memset(random, 0, sizeof random);
    (void)api_sessions(w, now(w)); /* who gave way */
    w->session_life[ref.at] = ref.life;
    w->session_source[ref.at] = w->asked.source;
    c->session = ref;
    c->stranger = false;
    session_answer(w, c, ref);
}

void api_login_done(struct webd *w, const struct ring_completion *done)
{
    struct connection *c = connection_of(w, w->asked.connection, w->asked.life);
    const bool good = ring_completed(done);

    w->asked.used = false;
    memset(w->asked.page.at, 0, w->asked.page.bytes); /* also what authd never saw */
    if (c == NULL || c->state != CONNECTION_ANSWER) { /* nobody waits any more */
        if (good && !w->asked.change)
            ended(w, w->asked.source);
    } else if (!good) {
        refuse(w, c, done);
    } else if (w->asked.change) {
        (void)sessions_end_others(&w->sessions, c->session);
        answer_nothing(w, c, NULL);
    } else {
        begin(w, c);
    }
}

uint64_t api_sessions(struct webd *w, uint64_t now_ns)
{
    const uint64_t due_ns = sessions_turn(&w->sessions, now_ns);

    for (uint32_t i = 0; i < SESSIONS; i++) {
        const struct session_ref ref = {i, w->session_life[i]};

        if (ref.life == 0 || sessions_alive(&w->sessions, ref, now_ns))
            continue;
        w->session_life[i] = 0;
        shells_end_of(w, ref);
        ended(w, w->session_source[i]);
    }
    return due_ns;
}

static void logout(struct webd *w, struct connection *c)
{
    char cookie[SESSION_COOKIE_BYTES];

    sessions_end(&w->sessions, c->session);
    c->session = (struct session_ref){0, 0};
    c->stranger = true;
    sessions_cookie(&w->sessions, c->session, c->verdict.secure, cookie);
    answer_nothing(w, c, cookie);
}

static void list(struct webd *w, struct connection *c)
{
    char text[2048];
    struct json_out o = json_over(text, sizeof text);
    struct session_view view;

    json_put_object(&o, NULL);
    json_put_string(&o, "csrf", sessions_csrf(&w->sessions, c->session), SESSION_TEXT_BYTES);
    sessions_view(&w->sessions, c->session, now(w), &view);
    json_put_u64(&o, "idle_s", view.idle_left_ns / SECOND_NS);
    json_put_u64(&o, "absolute_s", view.absolute_left_ns / SECOND_NS);
    json_put_array(&o, "sessions");
    for (uint32_t i = 0; i < SESSIONS; i++) {
        const struct session_ref ref = sessions_at(&w->sessions, i, now(w));

        if (ref.life == 0)
            continue;
        sessions_view(&w->sessions, ref, now(w), &view);
        json_put_object(&o, NULL);
        json_put_string(&o, "id", view.name, SESSION_NAME_BYTES);
        json_put_bool(&o, "current", ref.at == c->session.at && ref.life == c->session.life);
        json_put_u64(&o, "age_s", view.age_ns / SECOND_NS);
        json_put_u64(&o, "idle_s", view.idle_ns / SECOND_NS);
        json_put_end(&o);
    }
    json_put_end(&o);
    json_put_end(&o);
    answer_json(w, c, 200, &o);
}

static void end_named(struct webd *w, struct connection *c)
{
    char name[SESSION_NAME_BYTES];
    uint32_t bytes = 0;

    if (!read_body(w, c))
        return;
    if (!json_string(&w->json, json_member(&w->json, 0, "id"), name, sizeof name, &bytes)) {
        answer_error(w, c, 400, "value", 0);
        return;
    }
    const struct session_ref ref = sessions_named(&w->sessions, name, bytes, now(w));
    if (ref.life == 0) {
        answer_error(w, c, 404, "session", 0);
        return;
    }
    sessions_end(&w->sessions, ref);
    answer_nothing(w, c, NULL);
}

/* The shell that a ticket is for: {place or WEBD_SHELLS}. */
static uint32_t shell_for(struct webd *w, struct connection *c, uint32_t number)
{
    return number == 0 ? shells_begin(w, c->session) : shells_find(w, c->session, number);
}

static void ticket(struct webd *w, struct connection *c)
{
    uint8_t random[SESSION_RANDOM_BYTES];
    char text[128], made[SESSION_TEXT_BYTES];
    struct json_out o = json_over(text, sizeof text);
    uint32_t number = 0, at = WEBD_SHELLS;

    if (!read_body(w, c))
        return;
    const uint32_t what = json_member(&w->json, 0, "for");
    const bool shell = json_is(&w->json, what, "shell");
    if (!shell && !json_is(&w->json, what, "live")) {
        answer_error(w, c, 400, "value", 0);
        return;
    }
    if (shell && !json_u32(&w->json, json_member(&w->json, 0, "shell"), UINT32_MAX, &number)) {
        answer_error(w, c, 400, "value", 0);
        return;
    }
    if (!draw(w, random)) {
        answer_error(w, c, 503, "entropy", 0);
        return;
    }
    if (shell) {
        at = shell_for(w, c, number);
        if (at == WEBD_SHELLS) {
            answer_error(w, c, 409, number == 0 ? "shells" : "gone", 0);
            return;
        }
    }
    const uint32_t object = shell ? w->shells[at].number : 0;
    sessions_ticket(&w->sessions, c->session, shell ? TICKET_SHELL : TICKET_LIVE, object, now(w), random,
                    made);
    memset(random, 0, sizeof random);
    json_put_object(&o, NULL);
    json_put_string(&o, "ticket", made, sizeof made);
    if (shell)
        json_put_u64(&o, "shell", object);
    json_put_end(&o);
    answer_json(w, c, 200, &o);
    memset(text, 0, sizeof text);
    memset(made, 0, sizeof made);
}

static void overview(struct webd *w, struct connection *c)
{
    char text[OVERVIEW_BYTES];
    struct json_out o = json_over(text, sizeof text);

    overview_look(w);
    c->shown_to = c->session;
    json_put_object(&o, NULL);
    (void)overview_put(w, &o, NULL);
    json_put_end(&o);
    answer_json(w, c, 200, &o);
}

/* 101, and from then on frames. */
static void upgrade(struct webd *w, struct connection *c)
{
    char head[WEBSOCKET_ANSWER_BYTES];
    const uint32_t at =
        c->verdict.route == ROUTE_SHELL ? shells_find(w, c->session, c->verdict.object) : WEBD_SHELLS;

    if (c->verdict.route == ROUTE_SHELL && at == WEBD_SHELLS) {
        answer_error(w, c, 409, "gone", 0);
        return;
    }
    connection_put(w, c, head, websocket_accept(&c->http, c->verdict.key, head));
    if (c->verdict.route == ROUTE_SHELL) {
        shells_attach(w, at, c);
        c->state = CONNECTION_SHELL;
    } else {
        websocket_init(&c->socket_in, c->small, 0);
        memset(c->shown, 0, sizeof c->shown);
        c->state = CONNECTION_LIVE;
    }
    memset(c->http.head, 0, c->http.head_bytes);
}

void api_request(struct webd *w, struct connection *c)
{
    switch (c->verdict.route) {
    case ROUTE_OVERVIEW_PAGE:
    case ROUTE_SHELL_PAGE:
    case ROUTE_ASSET:
        answer_asset(w, c);
        return;
    case ROUTE_LOGIN:
        login(w, c);
        return;
    case ROUTE_LOGOUT:
        logout(w, c);
        return;
    case ROUTE_SESSION:
        list(w, c);
        return;
    case ROUTE_SESSION_END:
        end_named(w, c);
        return;
    case ROUTE_SECRET:
        change(w, c);
        return;
    case ROUTE_TICKET:
        ticket(w, c);
        return;
    case ROUTE_OVERVIEW:
        overview(w, c);
        return;
    case ROUTE_WITNESS:
        witness_request(w, c);
        return;
    case ROUTE_LIVE:
    case ROUTE_SHELL:
        upgrade(w, c);
        return;
    case GATE_ROUTES:
        break;
    }
    ASSERT(false);
}
