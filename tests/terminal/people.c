/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/terminal/people.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define PORT     23u
#define UP_NS    (60u * SECOND) /* until the first lease is there, at most */
#define RETRY_NS (20u * MS)
#define WAIT_NS  (200u * MS) /* for a moment between two programs */

struct people people;

static void between(uint16_t space)
{
    struct system *s = &people.w.b.k->userland.system;

    if (people.victim == NULL || (people.turns != 0 && people.turns-- != 0))
        return;
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (i == space || !process_live(s, i) || strcmp(s->processes[i].name, people.victim) != 0)
            continue;
        process_end(s, i, PROCESS_KILLED, 0);
        people.kills++;
        people.victim = NULL;
        return;
    }
}

static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    between(space);
    people.w.b.inner.ops->run(ctx, space, result, out);
}

static struct person *person_of(void *ctx, uint32_t number)
{
    struct person *p = (struct person *)ctx + number % PEOPLE_AT_ONCE;

    return p->number == (int32_t)number ? p : NULL;
}

static void fill(void *ctx, uint32_t number, uint64_t offset, uint8_t *out, uint32_t bytes)
{
    const struct person *p = person_of(ctx, number);

    memset(out, 0, bytes);
    if (p != NULL && offset + bytes <= p->typed_bytes)
        memcpy(out, p->typed + offset, bytes);
}

static bool judge(void *ctx, uint32_t number, uint64_t offset, const uint8_t *data, uint32_t bytes)
{
    struct person *p = person_of(ctx, number);

    (void)offset;
    for (uint32_t i = 0; p != NULL && i < bytes; i++) {
        p->received++;
        if (p->seen_bytes + 1u < PEOPLE_SEEN_BYTES)
            p->seen[p->seen_bytes++] = (char)data[i];
    }
    return true;
}

static struct dm_backend *place(uint32_t i, uint64_t seed)
{
    struct dm_client_config c = wired_client();

    c.mac[5] = (uint8_t)(c.mac[5] + i);
    c.address[3] = (uint8_t)(c.address[3] + i);
    c.seed = seed + i;
    c.connections_max = DM_CLIENT_CONNECTIONS;
    c.ctx = people.persons[i];
    c.fill = fill;
    c.judge = judge;
    return people.clients[i] = dm_client_create(&c);
}

void people_open(uint64_t seed, bool card, const char *verifier,
                 void (*said)(enum platform_console port, const char *text, size_t bytes))
{
    const struct dm_peer_config peer = wired_peer();
    struct wired_config config = {.package = PEOPLE_PACKAGE,
                                  .seed = seed,
                                  .port_count = card ? 1u + PEOPLE_PLACES : 0,
                                  .run = run,
                                  .verifier = verifier,
                                  .said = said};

    memset(&people, 0, sizeof people);
    sim_prng_seed(&people.prng, seed);
    if (card)
        config.ports[0] = dm_peer_create(&peer);
    for (uint32_t i = 0; card && i < PEOPLE_PLACES; i++)
        config.ports[1u + i] = place(i, seed);
    wired_open(&people.w, &config);
    cr_assert(console_sees("secret: ", UP_NS), "%s", people.w.text);
}

void people_close(void)
{
    const bool bad = wired_said(&people.w, " faulted") || wired_said(&people.w, " ended with code ");

    cr_expect(!bad, "a program ended by itself:\n%s", people.w.text);
    const char *failed = wired_close(&people.w);
    cr_expect_null(failed, "%s", failed);
}

struct want {
    const struct person *person;
    const char *text;
};

static const char *console_from(void)
{
    const uint64_t dropped = people.w.dropped;

    return people.w.text + (people.mark > dropped ? people.mark - dropped : 0);
}

static bool console_shows(struct wired *w, void *ctx)
{
    (void)w;
    return strstr(console_from(), ctx) != NULL;
}

void console_types(const char *keys)
{
    wired_type(&people.w, keys);
}

bool console_sees(const char *text, uint64_t ns)
{
    char wanted[128];

    snprintf(wanted, sizeof wanted, "%s", text);
    if (!console_shows(&people.w, wanted) && !wired_until(&people.w, ns, console_shows, wanted))
        return false;
    people.mark = people.w.dropped + (uint64_t)(strstr(console_from(), text) - people.w.text) + strlen(text);
    return true;
}

const char *console_text(void)
{
    return console_from();
}

void console_seen(void)
{
    people.mark = people.w.dropped + people.w.used;
}

void console_logs_in(void)
{
    console_types(SECRET "\r");
    cr_assert(console_sees("help says what there is to do", 10 * SECOND) && console_sees("capos> ", SECOND),
              "%s", people.w.text);
}

struct person *person_calls(uint32_t at)
{
    const uint32_t number = people.calls[at]++;
    struct person *p = &people.persons[at][number % PEOPLE_AT_ONCE];

    memset(p, 0, sizeof *p);
    p->place = at;
    p->plan = (struct dm_client_connection){
        .port = PORT, .limit_ns = 1ull << 61, .receive_bytes = UINT64_MAX, .start_ns = wired_now(&people.w)};
    p->number = (int32_t)number;
    cr_assert_eq(dm_client_start(people.clients[at], &p->plan), p->number);
    return p;
}

static void change(struct person *p)
{
    dm_client_change(people.clients[p->place], (uint32_t)p->number, &p->plan);
}

void person_types_bytes(struct person *p, const void *keys, size_t bytes)
{
    cr_assert_leq(p->typed_bytes + bytes, sizeof p->typed);
    memcpy(p->typed + p->typed_bytes, keys, bytes);
    p->typed_bytes += bytes;
    p->plan.send_bytes = p->typed_bytes;
    change(p);
}

void person_types(struct person *p, const char *keys)
{
    person_types_bytes(p, keys, strlen(keys));
}

static const char *found(const struct person *p, const char *text)
{
    return memmem(p->seen + p->mark, p->seen_bytes - p->mark, text, strlen(text));
}

static bool person_shows(struct wired *w, void *ctx)
{
    const struct want *want = ctx;

    (void)w;
    return found(want->person, want->text) != NULL || person_is_cut(want->person);
}

bool person_sees(struct person *p, const char *text, uint64_t ns)
{
    struct want want = {p, text};

    if (found(p, text) == NULL && !person_is_cut(p))
        (void)wired_until(&people.w, ns, person_shows, &want);
    const char *at = found(p, text);
    if (at == NULL)
        return false;
    p->mark = (size_t)(at - p->seen) + strlen(text);
    return true;
}

struct dm_client_report person_report(const struct person *p)
{
    return dm_client_report(people.clients[p->place], (uint32_t)p->number);
}

bool person_is_cut(const struct person *p)
{
    const struct dm_client_report r = person_report(p);

    return r.state > DM_CLIENT_CLOSING || r.guest_closed;
}

static bool is_cut(struct wired *w, void *ctx)
{
    (void)w;
    return person_is_cut(ctx);
}

bool person_gets_cut(struct person *p, uint64_t ns)
{
    return person_is_cut(p) || wired_until(&people.w, ns, is_cut, p);
}

void person_reads(struct person *p, uint64_t bytes)
{
    p->plan.reads_bytes = bytes == 0 ? 0 : person_report(p).received + bytes;
    change(p);
}

void person_leaves(struct person *p, enum dm_client_manner manner)
{
    p->plan.manner = manner;
    if (manner == DM_CLIENT_RESETS)
        p->plan.receive_bytes = 0;
    change(p);
}

struct person *person_comes(uint32_t at, uint64_t ns)
{
    const uint64_t until_ns = wired_now(&people.w) + ns;

    while (wired_now(&people.w) < until_ns) {
        struct person *p = person_calls(at);

        if (person_sees(p, "secret: ", until_ns - wired_now(&people.w)))
            return p;
        wired_pass(&people.w, RETRY_NS);
    }
    cr_assert(false, "nobody asks place %u for the secret:\n%s", at, people.w.text);
    return NULL;
}

struct person *person_logs_in(uint32_t at, uint64_t ns)
{
    struct person *p = person_comes(at, ns);

    person_types(p, SECRET "\r\n");
    cr_assert(person_sees(p, "help says", 10 * SECOND) && person_sees(p, "capos> ", SECOND), "%s", p->seen);
    return p;
}

static bool killed(struct wired *w, void *ctx)
{
    (void)w, (void)ctx;
    return people.victim == NULL;
}

void people_kill(const char *service, uint32_t turns)
{
    people.victim = service;
    people.turns = turns;
    if (wired_until(&people.w, WAIT_NS, killed, NULL))
        return;
    people.turns = 0; /* so few run: between two turns of the system is as good */
    between(PROCESS_NONE);
    cr_assert(killed(&people.w, NULL), "%s is not there to be killed", service);
}

static uint32_t mapped(const struct system *s, const char *service)
{
    uint32_t count = 0;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (!process_live(s, i) || strcmp(s->processes[i].name, service) != 0)
            continue;
        for (uint32_t m = 0; m < MEMORIES_MAX; m++)
            count += s->memories[m].used && s->memories[m].mapped_at[i] != 0;
    }
    return count;
}

const char *people_shell(void)
{
    const struct system *s = &people.w.b.k->userland.system;

    return mapped(s, "shell-remote") > mapped(s, "shell-remote-2") ? "shell-remote" : "shell-remote-2";
}

struct people_held people_held(void)
{
    const struct system *s = &people.w.b.k->userland.system;

    return (struct people_held){sim_kept_of(s, &people.w.b.k->kernel), system_held(s).calls};
}

static bool holds_it(struct wired *w, void *ctx)
{
    const struct people_held now = people_held();

    (void)w;
    return memcmp(ctx, &now, sizeof now) == 0;
}

bool people_hold(const struct people_held *before, uint64_t ns)
{
    struct people_held wanted = *before;

    return holds_it(&people.w, &wanted) || wired_until(&people.w, ns, holds_it, &wanted);
}
