/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions and tickets. Cookies, names, tokens and tickets that come in are anything; places and times are
 * ours. */
#include "user/webd/protocol/session.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "bearssl_hash.h"
#include "evidence/text.h"
#include "user/webd/protocol/base64.h"

#define DIGEST_BYTES 32u

/* The first is hashed without its zero, the others with it; no two of them give the hash the same bytes. */
static const char label_cookie[] = "capos-remote-session";
static const char label_csrf[] = "capos-remote-csrf";
static const char label_name[] = "capos-remote-session-name";
static const char label_ticket[] = "capos-remote-ticket";

static void wipe(void *at, uint32_t bytes)
{
    memset(at, 0, bytes);
    __asm__("" : : "r"(at) : "memory"); /* the bytes may be read behind the compiler's back */
}

/* The first `count` characters of base64url(SHA-256(label || random)). */
static void derive(const char *label, uint32_t label_bytes, const uint8_t random[SESSION_RANDOM_BYTES],
                   char *out, uint32_t count)
{
    char text[SESSION_TEXT_BYTES];
    uint8_t digest[DIGEST_BYTES];
    br_sha256_context hash;

    br_sha256_init(&hash);
    br_sha256_update(&hash, label, label_bytes);
    br_sha256_update(&hash, random, SESSION_RANDOM_BYTES);
    br_sha256_out(&hash, digest);
    base64url(digest, DIGEST_BYTES, text);
    memcpy(out, text, count);
    wipe(&hash, sizeof(hash));
    wipe(digest, sizeof(digest));
    wipe(text, sizeof(text));
}

static bool over(const struct session *one, uint64_t now_ns)
{
    return now_ns - one->used_ns >= SESSION_IDLE_NS || now_ns - one->begun_ns >= SESSION_ABSOLUTE_NS;
}

static struct session_ref ref_of(const struct sessions *s, uint32_t at)
{
    return (struct session_ref){at, s->of[at].life};
}

void sessions_init(struct sessions *s)
{
    memset(s, 0, sizeof(*s));
}

bool sessions_alive(const struct sessions *s, struct session_ref ref, uint64_t now_ns)
{
    return ref.life != 0 && ref.at < SESSIONS && s->of[ref.at].life == ref.life &&
           !over(&s->of[ref.at], now_ns);
}

/* The session, which is there, whether or not its time is over. */
static struct session *present(struct sessions *s, struct session_ref ref)
{
    return ref.life != 0 && ref.at < SESSIONS && s->of[ref.at].life == ref.life ? &s->of[ref.at] : NULL;
}

static const struct session *must(const struct sessions *s, struct session_ref ref)
{
    ASSERT(ref.life != 0 && ref.at < SESSIONS);
    ASSERT(s->of[ref.at].life == ref.life);
    return &s->of[ref.at];
}

void sessions_use(struct sessions *s, struct session_ref ref, uint64_t now_ns)
{
    if (sessions_alive(s, ref, now_ns))
        s->of[ref.at].used_ns = now_ns;
}

void sessions_end(struct sessions *s, struct session_ref ref)
{
    struct session *one = present(s, ref);

    if (one != NULL)
        wipe(one, sizeof(*one));
}

uint32_t sessions_end_others(struct sessions *s, struct session_ref ref)
{
    uint32_t ended = 0;

    for (uint32_t at = 0; at < SESSIONS; at++)
        if (s->of[at].life != 0 && s->of[at].life != ref.life) {
            wipe(&s->of[at], sizeof(s->of[at]));
            ended++;
        }
    return ended;
}

uint64_t sessions_turn(struct sessions *s, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;

    for (uint32_t at = 0; at < SESSIONS; at++) {
        struct session *one = &s->of[at];

        if (one->life == 0)
            continue;
        if (over(one, now_ns)) {
            wipe(one, sizeof(*one));
            s->expired++;
            continue;
        }
        const uint64_t idle_ns = one->used_ns + SESSION_IDLE_NS;
        const uint64_t absolute_ns = one->begun_ns + SESSION_ABSOLUTE_NS;
        const uint64_t due_ns = idle_ns < absolute_ns ? idle_ns : absolute_ns;
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    return next_ns;
}

/* A free place; that of the one unused for longest, if there is none. */
static uint32_t place(struct sessions *s)
{
    uint32_t oldest = 0;

    for (uint32_t at = 0; at < SESSIONS; at++) {
        if (s->of[at].life == 0)
            return at;
        if (s->of[at].used_ns < s->of[oldest].used_ns)
            oldest = at;
    }
    wipe(&s->of[oldest], sizeof(s->of[oldest]));
    s->replaced++;
    return oldest;
}

struct session_ref sessions_begin(struct sessions *s, struct session_ref before, uint64_t now_ns,
                                  const uint8_t random[SESSION_RANDOM_BYTES])
{
    sessions_end(s, before);
    (void)sessions_turn(s, now_ns);
    const uint32_t at = place(s);
    struct session *one = &s->of[at];

    s->lives = s->lives == UINT32_MAX ? 1u : s->lives + 1u; /* 0 is nobody; none lives for so many log-ins */
    *one = (struct session){.life = s->lives, .begun_ns = now_ns, .used_ns = now_ns};
    derive(label_cookie, sizeof(label_cookie) - 1u, random, one->cookie, SESSION_TEXT_BYTES);
    derive(label_csrf, sizeof(label_csrf), random, one->csrf, SESSION_TEXT_BYTES);
    derive(label_name, sizeof(label_name), random, one->name, SESSION_NAME_BYTES);
    return ref_of(s, at);
}

struct session_ref sessions_find(const struct sessions *s, const char *cookie, uint32_t bytes,
                                 uint64_t now_ns)
{
    struct session_ref found = {0, 0};

    if (bytes != SESSION_TEXT_BYTES)
        return found;
    for (uint32_t at = 0; at < SESSIONS; at++) { /* all of them: the time tells nothing of which */
        const bool same = same_time_equal(s->of[at].cookie, cookie, SESSION_TEXT_BYTES);

        if (same && sessions_alive(s, ref_of(s, at), now_ns))
            found = ref_of(s, at);
    }
    return found;
}

struct session_ref sessions_named(const struct sessions *s, const char *name, uint32_t bytes, uint64_t now_ns)
{
    struct session_ref found = {0, 0};

    if (bytes != SESSION_NAME_BYTES)
        return found;
    for (uint32_t at = 0; at < SESSIONS; at++)
        if (same_time_equal(s->of[at].name, name, SESSION_NAME_BYTES) &&
            sessions_alive(s, ref_of(s, at), now_ns))
            found = ref_of(s, at);
    return found;
}

struct session_ref sessions_at(const struct sessions *s, uint32_t at, uint64_t now_ns)
{
    ASSERT(at < SESSIONS);
    return sessions_alive(s, ref_of(s, at), now_ns) ? ref_of(s, at) : (struct session_ref){0, 0};
}

void sessions_view(const struct sessions *s, struct session_ref ref, uint64_t now_ns,
                   struct session_view *out)
{
    const struct session *one = must(s, ref);

    ASSERT(!over(one, now_ns));
    *out = (struct session_view){.age_ns = now_ns - one->begun_ns, .idle_ns = now_ns - one->used_ns};
    out->idle_left_ns = SESSION_IDLE_NS - out->idle_ns;
    out->absolute_left_ns = SESSION_ABSOLUTE_NS - out->age_ns;
    memcpy(out->name, one->name, SESSION_NAME_BYTES);
}

const char *sessions_csrf(const struct sessions *s, struct session_ref ref)
{
    return must(s, ref)->csrf;
}

bool sessions_csrf_is(const struct sessions *s, struct session_ref ref, const char *token, uint32_t bytes)
{
    return bytes == SESSION_TEXT_BYTES && same_time_equal(must(s, ref)->csrf, token, SESSION_TEXT_BYTES);
}

void sessions_cookie(const struct sessions *s, struct session_ref ref, bool secure,
                     char out[SESSION_COOKIE_BYTES])
{
    struct text t = text_over(out, SESSION_COOKIE_BYTES);

    text_string(&t, SESSION_COOKIE "=");
    if (ref.life != 0)
        text_bytes(&t, must(s, ref)->cookie, SESSION_TEXT_BYTES);
    text_string(&t, "; HttpOnly; SameSite=Strict; Path=/");
    if (secure)
        text_string(&t, "; Secure");
    if (ref.life == 0)
        text_string(&t, "; Max-Age=0");
    text_bytes(&t, "", 1); /* its end */
    ASSERT(!t.overflow);
}

bool session_cookie_in(const char *field, uint32_t bytes, uint32_t *at, uint32_t *value_bytes)
{
    static const char name[] = SESSION_COOKIE "=";
    uint32_t found = 0;

    for (uint32_t from = 0, to; from < bytes; from = to + 1u) {
        while (from < bytes && (field[from] == ' ' || field[from] == '\t'))
            from++;
        to = from;
        while (to < bytes && field[to] != ';')
            to++;
        if (to - from < sizeof(name) - 1u || memcmp(field + from, name, sizeof(name) - 1u) != 0)
            continue;
        found++;
        *at = from + (uint32_t)sizeof(name) - 1u;
        *value_bytes = to - *at;
    }
    return found == 1u;
}

void sessions_ticket(struct sessions *s, struct session_ref ref, enum ticket_purpose purpose, uint32_t object,
                     uint64_t now_ns, const uint8_t random[SESSION_RANDOM_BYTES],
                     char out[SESSION_TEXT_BYTES])
{
    struct session *one = present(s, ref);
    struct session_ticket *ticket = NULL;

    ASSERT(one != NULL);
    ASSERT(purpose != TICKET_NONE);
    for (uint32_t i = 0; i < TICKETS_OF_SESSION; i++) { /* a free one, or the oldest: all live as long */
        struct session_ticket *candidate = &one->tickets[i];

        if (ticket == NULL || candidate->until_ns < ticket->until_ns)
            ticket = candidate; /* a free one's time is 0 */
    }
    *ticket = (struct session_ticket){.purpose = purpose, .object = object, .until_ns = now_ns + TICKET_NS};
    derive(label_ticket, sizeof(label_ticket), random, ticket->text, SESSION_TEXT_BYTES);
    memcpy(out, ticket->text, SESSION_TEXT_BYTES);
}

bool sessions_ticket_take(struct sessions *s, struct session_ref ref, enum ticket_purpose purpose,
                          const char *text, uint32_t bytes, uint64_t now_ns, uint32_t *object)
{
    bool good = false;

    if (bytes != SESSION_TEXT_BYTES || purpose == TICKET_NONE)
        return false;
    for (uint32_t n = 0; n < SESSIONS * TICKETS_OF_SESSION; n++) {
        const uint32_t at = n / TICKETS_OF_SESSION;
        struct session_ticket *ticket = &s->of[at].tickets[n % TICKETS_OF_SESSION];
        const bool same = same_time_equal(ticket->text, text, SESSION_TEXT_BYTES);

        if (!same || ticket->purpose == TICKET_NONE)
            continue;
        if (at == ref.at && sessions_alive(s, ref, now_ns) && ticket->purpose == purpose &&
            now_ns < ticket->until_ns) {
            good = true;
            *object = ticket->object;
        }
        wipe(ticket, sizeof(*ticket));
    }
    return good;
}
