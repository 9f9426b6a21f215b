/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions and tickets by numbers of a clock: to the nanosecond. What is derived is held against values that
 * another implementation of SHA-256 and base64 gave. */
#include <criterion/criterion.h>
#include <string.h>

#include "user/webd/protocol/base64.h"
#include "user/webd/protocol/session.h"

#define SECOND 1000000000ull

static const struct session_ref nobody;

static struct session_ref begin(struct sessions *s, struct session_ref before, uint64_t now_ns, uint8_t fill)
{
    uint8_t random[SESSION_RANDOM_BYTES];

    memset(random, fill, sizeof random);
    return sessions_begin(s, before, now_ns, random);
}

static const char *cookie_of(const struct sessions *s, struct session_ref ref)
{
    static char out[SESSION_COOKIE_BYTES];

    sessions_cookie(s, ref, false, out);
    memmove(out, out + sizeof(SESSION_COOKIE), SESSION_TEXT_BYTES);
    out[SESSION_TEXT_BYTES] = '\0';
    return out;
}

static bool finds(const struct sessions *s, struct session_ref ref, const char *cookie, uint64_t now_ns)
{
    const struct session_ref found = sessions_find(s, cookie, SESSION_TEXT_BYTES, now_ns);

    return found.life == ref.life && found.at == ref.at;
}

/* sha256(label + 32 bytes of 7), base64url, by Python's hashlib: the cookie's label without, the others with
 * a zero. */
Test(web_session, what_is_derived)
{
    static struct sessions s;
    struct session_view view;
    char ticket[SESSION_TEXT_BYTES];
    uint8_t random[SESSION_RANDOM_BYTES];
    const struct session_ref ref = (sessions_init(&s), begin(&s, nobody, 5, 7));

    memset(random, 7, sizeof random);
    cr_assert_str_eq(cookie_of(&s, ref), "2AuetgoX5PHhAkUglM9ZUNJ7chVscPxMesk9MkcwODg");
    cr_assert_eq(
        memcmp(sessions_csrf(&s, ref), "e0MFnmkcMKS1B0HYdHCUBAg4Dlb5PQ-bBZR952ityQo", SESSION_TEXT_BYTES), 0);
    sessions_view(&s, ref, 5, &view);
    cr_assert_eq(memcmp(view.name, "8b7ttIdGadUuOdsX", SESSION_NAME_BYTES), 0);
    sessions_ticket(&s, ref, TICKET_LIVE, 0, 5, random, ticket);
    cr_assert_eq(memcmp(ticket, "ywKwE7Tu1GLVlLd6FhbYzEqLsc-fi4ukoouMCpDVBe8", SESSION_TEXT_BYTES), 0);
    for (size_t at = 0; at + sizeof random <= sizeof s; at++)
        cr_assert_neq(memcmp((const char *)&s + at, random, sizeof random), 0, "the random bytes are kept");
}

Test(web_session, idle_and_absolute_to_the_nanosecond)
{
    static struct sessions s;
    char cookie[SESSION_TEXT_BYTES + 1u];
    const uint64_t t0 = 77;

    sessions_init(&s);
    struct session_ref ref = begin(&s, nobody, t0, 1);
    strcpy(cookie, cookie_of(&s, ref));
    cr_assert(finds(&s, ref, cookie, t0 + SESSION_IDLE_NS - 1u));
    cr_assert(finds(&s, nobody, cookie, t0 + SESSION_IDLE_NS));
    cr_assert_eq(sessions_turn(&s, t0), t0 + SESSION_IDLE_NS);
    for (uint64_t used = t0; used < t0 + SESSION_ABSOLUTE_NS; used += SESSION_IDLE_NS - 1u) {
        cr_assert(sessions_alive(&s, ref, used)); /* used at the last moment, again and again */
        sessions_use(&s, ref, used);
    }
    sessions_use(&s, ref, t0 + SESSION_ABSOLUTE_NS - 1u);
    cr_assert(sessions_alive(&s, ref, t0 + SESSION_ABSOLUTE_NS - 1u));
    cr_assert_eq(sessions_turn(&s, t0 + SESSION_ABSOLUTE_NS - 1u), t0 + SESSION_ABSOLUTE_NS);
    cr_assert_not(sessions_alive(&s, ref, t0 + SESSION_ABSOLUTE_NS));
    sessions_use(&s, ref, t0 + SESSION_ABSOLUTE_NS); /* too late: it stays over */
    cr_assert(finds(&s, nobody, cookie, t0 + SESSION_ABSOLUTE_NS));
    cr_assert_eq(sessions_turn(&s, t0 + SESSION_ABSOLUTE_NS), UINT64_MAX);
    cr_assert_eq(s.expired, 1);
    cr_assert_null(memmem(&s, sizeof s, cookie, 8), "what is over is zeroed");
}

Test(web_session, what_its_list_says)
{
    static struct sessions s;
    struct session_view view;

    sessions_init(&s);
    const struct session_ref ref = begin(&s, nobody, 10 * SECOND, 1);
    sessions_use(&s, ref, 40 * SECOND);
    sessions_view(&s, ref, 100 * SECOND, &view);
    cr_assert_eq(view.age_ns, 90 * SECOND);
    cr_assert_eq(view.idle_ns, 60 * SECOND);
    cr_assert_eq(view.idle_left_ns, SESSION_IDLE_NS - 60 * SECOND);
    cr_assert_eq(view.absolute_left_ns, SESSION_ABSOLUTE_NS - 90 * SECOND);
    const struct session_ref named = sessions_named(&s, view.name, SESSION_NAME_BYTES, 100 * SECOND);
    cr_assert_eq(named.life, ref.life);
    cr_assert_eq(sessions_named(&s, view.name, SESSION_NAME_BYTES - 1u, 100 * SECOND).life, 0);
    view.name[3] ^= 1;
    cr_assert_eq(sessions_named(&s, view.name, SESSION_NAME_BYTES, 100 * SECOND).life, 0);
    cr_assert_eq(sessions_at(&s, ref.at, 100 * SECOND).life, ref.life);
    cr_assert_eq(sessions_at(&s, ref.at, 10 * SECOND + SESSION_ABSOLUTE_NS).life, 0);
    cr_assert_eq(sessions_at(&s, (ref.at + 1u) % SESSIONS, 100 * SECOND).life, 0);
}

/* Each character of the cookie counts, and its length. */
Test(web_session, only_the_exact_cookie_and_token)
{
    static struct sessions s;
    char cookie[SESSION_TEXT_BYTES + 2u], token[SESSION_TEXT_BYTES];

    sessions_init(&s);
    const struct session_ref ref = begin(&s, nobody, 0, 1);
    strcpy(cookie, cookie_of(&s, ref));
    memcpy(token, sessions_csrf(&s, ref), sizeof token);
    cr_assert(finds(&s, ref, cookie, 0));
    cr_assert(sessions_csrf_is(&s, ref, token, sizeof token));
    for (uint32_t i = 0; i < SESSION_TEXT_BYTES; i++) {
        cookie[i] ^= 1, token[i] ^= 0x20;
        cr_assert(finds(&s, nobody, cookie, 0), "character %u", i);
        cr_assert_not(sessions_csrf_is(&s, ref, token, sizeof token), "character %u", i);
        cookie[i] ^= 1, token[i] ^= 0x20;
    }
    for (uint32_t bytes = 0; bytes < SESSION_TEXT_BYTES + 2u; bytes++)
        cr_assert_eq(sessions_find(&s, cookie, bytes, 0).life != 0, bytes == SESSION_TEXT_BYTES);
    cr_assert_not(sessions_csrf_is(&s, ref, token, SESSION_TEXT_BYTES - 1u));
    cr_assert_not(sessions_csrf_is(&s, ref, cookie, SESSION_TEXT_BYTES), "the cookie is no token");
    char zeroes[SESSION_TEXT_BYTES] = {0}; /* what a free place holds */
    cr_assert_eq(sessions_find(&s, zeroes, sizeof zeroes, 0).life, 0);
}

Test(web_session, a_log_in_rotates)
{
    static struct sessions s;
    char before[SESSION_TEXT_BYTES + 1u];

    sessions_init(&s);
    const struct session_ref one = begin(&s, nobody, 0, 1);
    strcpy(before, cookie_of(&s, one));
    const struct session_ref two = begin(&s, one, 1, 2);
    cr_assert_neq(one.life, two.life);
    cr_assert_str_neq(cookie_of(&s, two), before);
    cr_assert(finds(&s, nobody, before, 1));
    cr_assert_not(sessions_alive(&s, one, 1));
    cr_assert(sessions_alive(&s, two, 1));
    sessions_end(&s, one); /* who still holds the old one ends nobody else, in the same place or not */
    sessions_use(&s, one, 2);
    cr_assert(sessions_alive(&s, two, 1 + SESSION_IDLE_NS - 1u));
    cr_assert_not(sessions_alive(&s, two, 1 + SESSION_IDLE_NS));
}

Test(web_session, one_more_than_there_is_room_for)
{
    static struct sessions s;
    struct session_ref refs[SESSIONS + 1u];

    sessions_init(&s);
    for (uint32_t i = 0; i < SESSIONS; i++)
        refs[i] = begin(&s, nobody, i, (uint8_t)(i + 1u));
    sessions_use(&s, refs[0], 100); /* then the second is unused for longest */
    refs[SESSIONS] = begin(&s, nobody, 200, 99);
    for (uint32_t i = 0; i <= SESSIONS; i++)
        cr_assert_eq(sessions_alive(&s, refs[i], 200), i != 1u, "session %u", i);
    cr_assert_eq(s.replaced, 1);
    cr_assert_eq(sessions_end_others(&s, refs[3]), SESSIONS - 1u);
    for (uint32_t i = 0; i <= SESSIONS; i++)
        cr_assert_eq(sessions_alive(&s, refs[i], 200), i == 3u, "session %u", i);
    refs[0] = begin(&s, nobody, 300, 98); /* over ones make room before anybody is sent away */
    cr_assert_eq(s.replaced, 1);
}

Test(web_session, cookies_that_are_set)
{
    static struct sessions s;
    char out[SESSION_COOKIE_BYTES];

    sessions_init(&s);
    const struct session_ref ref = begin(&s, nobody, 5, 7);
    sessions_cookie(&s, ref, false, out);
    cr_assert_str_eq(out, "capos_remote_session=2AuetgoX5PHhAkUglM9ZUNJ7chVscPxMesk9MkcwODg; HttpOnly; "
                          "SameSite=Strict; Path=/");
    sessions_cookie(&s, ref, true, out);
    cr_assert_str_eq(out, "capos_remote_session=2AuetgoX5PHhAkUglM9ZUNJ7chVscPxMesk9MkcwODg; HttpOnly; "
                          "SameSite=Strict; Path=/; Secure");
    sessions_cookie(&s, nobody, true, out);
    cr_assert_str_eq(out, "capos_remote_session=; HttpOnly; SameSite=Strict; Path=/; Secure; Max-Age=0");
}

Test(web_session, cookies_that_come)
{
    static const struct {
        const char *field, *value;
    } cases[] = {
        {"capos_remote_session=abc", "abc"},
        {"a=b; capos_remote_session=abc; c=d", "abc"},
        {"a=b;capos_remote_session=abc;", "abc"},
        {"capos_remote_session=", ""},
        {"capos_remote_session=a=b", "a=b"},
        {"capos_remote_session=\"abc\"", "\"abc\""},
        {"", NULL},
        {";", NULL},
        {"a=b", NULL},
        {"capos_remote_session", NULL},
        {"capos_remote_sessio=abc", NULL},
        {"capos_remote_session2=abc", NULL},
        {"xcapos_remote_session=abc", NULL},
        {"Capos_remote_session=abc", NULL},
        {"a=capos_remote_session=abc", NULL},
        {"capos_remote_session=abc; capos_remote_session=abc", NULL},
        {"capos_remote_session=abc;capos_remote_session=def", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t at = 0, bytes = 0;
        const bool found = session_cookie_in(cases[i].field, (uint32_t)strlen(cases[i].field), &at, &bytes);

        cr_assert_eq(found, cases[i].value != NULL, "%s", cases[i].field);
        cr_assert(!found || (bytes == strlen(cases[i].value) &&
                             memcmp(cases[i].field + at, cases[i].value, bytes) == 0),
                  "%s", cases[i].field);
    }
}

struct tickets {
    struct sessions s;
    struct session_ref one, other;
    uint8_t drawn;
};

static void tickets_begin(struct tickets *t)
{
    memset(t, 0, sizeof *t);
    t->one = begin(&t->s, nobody, 0, 1);
    t->other = begin(&t->s, nobody, 0, 2);
}

static void draw(struct tickets *t, struct session_ref ref, enum ticket_purpose purpose, uint32_t object,
                 uint64_t now_ns, char out[SESSION_TEXT_BYTES])
{
    uint8_t random[SESSION_RANDOM_BYTES] = {0};

    random[0] = ++t->drawn;
    sessions_ticket(&t->s, ref, purpose, object, now_ns, random, out);
}

static bool take(struct tickets *t, struct session_ref ref, enum ticket_purpose purpose, const char *text,
                 uint64_t now_ns)
{
    uint32_t object = 77;
    const bool good = sessions_ticket_take(&t->s, ref, purpose, text, SESSION_TEXT_BYTES, now_ns, &object);

    cr_assert_eq(object, good ? 3 : 77);
    return good;
}

Test(web_session, a_ticket_is_good_once_for_one)
{
    static struct tickets t;
    char text[SESSION_TEXT_BYTES];
    uint32_t object;

    tickets_begin(&t);
    draw(&t, t.one, TICKET_SHELL, 3, 100, text);
    cr_assert_not(
        sessions_ticket_take(&t.s, t.one, TICKET_SHELL, text, SESSION_TEXT_BYTES - 1u, 100, &object));
    cr_assert(take(&t, t.one, TICKET_SHELL, text, 100 + TICKET_NS - 1u));
    cr_assert_not(take(&t, t.one, TICKET_SHELL, text, 100), "once");
    draw(&t, t.one, TICKET_SHELL, 3, 100, text);
    cr_assert_not(take(&t, t.one, TICKET_SHELL, text, 100 + TICKET_NS), "over");
    draw(&t, t.one, TICKET_SHELL, 3, 100, text);
    cr_assert_not(take(&t, t.one, TICKET_LIVE, text, 100), "for something else");
    cr_assert_not(take(&t, t.one, TICKET_SHELL, text, 100), "which used it up");
    draw(&t, t.one, TICKET_SHELL, 3, 100, text);
    cr_assert_not(take(&t, t.other, TICKET_SHELL, text, 100), "by somebody else");
    cr_assert_not(take(&t, t.one, TICKET_SHELL, text, 100), "which used it up");
    draw(&t, t.one, TICKET_SHELL, 3, 100, text);
    sessions_end(&t.s, t.one);
    cr_assert_not(take(&t, t.one, TICKET_SHELL, text, 100), "of who is gone");
    memset(text, 0, sizeof text);
    cr_assert_not(take(&t, t.other, TICKET_NONE, text, 100), "a free place is no ticket");
    cr_assert_not(take(&t, t.other, TICKET_LIVE, text, 100), "a free place is no ticket");
}

Test(web_session, tickets_have_room_of_their_session)
{
    static struct tickets t;
    char text[TICKETS_OF_SESSION + 1u][SESSION_TEXT_BYTES], others[SESSION_TEXT_BYTES];

    tickets_begin(&t);
    draw(&t, t.other, TICKET_LIVE, 3, 1, others);
    for (uint32_t i = 0; i <= TICKETS_OF_SESSION; i++)
        draw(&t, t.one, TICKET_SHELL, 3, 100 + i, text[i]);
    cr_assert_not(take(&t, t.one, TICKET_SHELL, text[0], 200), "the oldest made room");
    for (uint32_t i = 1; i <= TICKETS_OF_SESSION; i++)
        cr_assert(take(&t, t.one, TICKET_SHELL, text[i], 200), "ticket %u", i);
    cr_assert(take(&t, t.other, TICKET_LIVE, others, 200), "of nobody else");
}

/* RFC 4648 10. */
Test(web_session, base64_vectors)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"},
                                             {"\xfb\xff\xfe", "+//+"}};

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const uint32_t bytes = (uint32_t)strlen(vectors[i][0]);
        char out[16] = {0};

        base64((const uint8_t *)vectors[i][0], bytes, out);
        cr_assert_str_eq(out, vectors[i][1]);
        memset(out, 0, sizeof out);
        base64url((const uint8_t *)vectors[i][0], bytes, out);
        cr_assert_eq(strlen(out), BASE64URL_BYTES(bytes));
        cr_assert(i == 7u || memcmp(out, vectors[i][1], strlen(out)) == 0);
        cr_assert(i != 7u || strcmp(out, "-__-") == 0);
    }
}
