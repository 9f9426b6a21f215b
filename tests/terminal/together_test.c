/* SPDX-License-Identifier: BSD-2-Clause */
/* Several people at once: each sees what it would see alone; who is wrong again and again at one place waits,
 * and nobody else does; what somebody types or does not read costs that terminal alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/terminal/people.h"

#define SEED      20261128u
#define COMMANDS  60u /* of each */
#define NO_ANSWER "no such command: help lists them\r\n"

/* Typed one after the other by three people, in an order of the seed's. */
struct script {
    char text[24]; /* the command under way, with its end */
    uint32_t at, done;
};

static void word(struct script *s, uint32_t who)
{
    snprintf(s->text, sizeof s->text, "x%c%u-%lx\r", 'a' + (char)who, s->done,
             (unsigned long)(sim_prng_next(&people.prng) & 0xffffu));
    s->at = 0;
}

static uint32_t draw(uint32_t n)
{
    return (uint32_t)(sim_prng_next(&people.prng) % n);
}

/* What was typed comes back in order and whole, then its answer. */
static void connection_shows(struct person *p, const char *typed)
{
    char wanted[96];

    snprintf(wanted, sizeof wanted, "%.*s\r\n" NO_ANSWER "\rcapos> \x1b[K", (int)strlen(typed) - 1, typed);
    cr_assert(person_sees(p, "\rcapos> \x1b[K", SECOND), "%s", p->seen + p->mark);
    const size_t bytes = strlen(wanted);
    cr_assert_geq(p->mark, bytes);
    cr_assert(memcmp(p->seen + p->mark - bytes, wanted, bytes) == 0, "typed %s, seen ...%s", typed,
              p->seen + p->mark - bytes);
}

Test(together, three_people_type_at_once_and_each_sees_its_own, .timeout = 120)
{
    struct script scripts[3];
    struct person *p[3] = {NULL};

    people_open(SEED, true, VERIFIER, NULL);
    console_logs_in();
    p[1] = person_logs_in(0, 60 * SECOND);
    p[2] = person_logs_in(1, 60 * SECOND);
    person_sees(p[1], "\x1b[K", SECOND);
    person_sees(p[2], "\x1b[K", SECOND);
    for (uint32_t i = 0; i < 3u; i++) {
        scripts[i] = (struct script){.done = 0};
        word(&scripts[i], i);
    }
    while (scripts[0].done < COMMANDS || scripts[1].done < COMMANDS || scripts[2].done < COMMANDS) {
        const uint32_t who = draw(3);
        struct script *s = &scripts[who];
        const char key[2] = {s->text[s->at++], 0};

        if (who == 0)
            console_types(key);
        else
            person_types(p[who], key);
        if (s->text[s->at] != 0)
            continue;
        if (who == 0)
            cr_assert(console_sees("no such command: help lists them\n", SECOND), "%s", console_text());
        else
            connection_shows(p[who], s->text);
        s->done++;
        word(s, who);
    }
    for (uint32_t i = 1; i < 3u; i++) {
        cr_expect_null(memmem(p[i]->seen, p[i]->seen_bytes, "xa", 2), "the console's words");
        cr_expect_null(memmem(p[i]->seen, p[i]->seen_bytes, i == 1 ? "xc" : "xb", 2), "the other's words");
    }
    cr_expect(!wired_said(&people.w, "xb0") && !wired_said(&people.w, "xc0"));
    people_close();
}

/* Wrong until it is told to wait for more than `s` seconds; its connection at the end. */
static struct person *wrong_until_it_waits(uint32_t place, uint32_t s)
{
    struct person *p = person_comes(place, 60 * SECOND);

    for (uint32_t tries = 0; tries < 64u; tries++) {
        unsigned told = 0;
        const size_t from = p->mark;

        person_types(p, "NOT-THE-SECRET\r");
        if (!person_sees(p, "secret: ", 20 * SECOND)) { /* two minutes were over */
            p = person_comes(place, 60 * SECOND);
            continue;
        }
        const char *wait = memmem(p->seen + from, p->seen_bytes - from, "looked at in ", 13);
        if (wait == NULL)
            continue;
        cr_assert_eq(sscanf(wait, "looked at in %u s", &told), 1);
        if (told > s)
            return p;
        wired_pass(&people.w, told * SECOND);
    }
    cr_assert(false, "it never waits for so long: %s", p->seen);
    return NULL;
}

static void works(struct person *p)
{
    person_types(p, "usage\r");
    cr_expect(person_sees(p, "devices claimed", SECOND) && person_sees(p, "capos> ", SECOND), "%s", p->seen);
}

static void console_works(void)
{
    console_types("usage\r");
    cr_expect(console_sees("devices claimed", SECOND) && console_sees("capos> ", SECOND), "%s",
              console_text());
}

Test(together, who_is_wrong_waits_and_no_session_ends_and_no_known_address_waits, .timeout = 120)
{
    people_open(SEED + 1u, true, VERIFIER, NULL);
    console_logs_in();
    struct person *live = person_logs_in(1, 60 * SECOND);
    struct person *wrong = wrong_until_it_waits(0, 30u);
    works(live);
    console_works();
    /* An address that was never right waits with them: it is what the counts of all from afar are for. */
    person_leaves(live, DM_CLIENT_HALF_CLOSE);
    struct person *other = person_comes(2, 60 * SECOND);
    for (uint32_t i = 0; i < 12u && !person_is_cut(other); i++) {
        person_types(other, "NOT-THE-SECRET\r");
        (void)person_sees(other, "secret: ", 20 * SECOND);
    }
    person_leaves(other, DM_CLIENT_RESETS);
    const uint64_t from_ns = wired_now(&people.w);
    struct person *again = person_logs_in(1, 2 * SECOND); /* it was right before: at once */
    cr_expect_lt(wired_now(&people.w) - from_ns, SECOND, "a known address waited");
    works(again);
    console_works();
    console_types("\x04");
    cr_expect(console_sees("log in as operator", 2 * SECOND), "%s", console_text());
    console_logs_in(); /* and so does the console */
    person_types(wrong, SECRET "\r"); /* the right one, and too early */
    cr_expect(person_is_cut(wrong) || !person_sees(wrong, "capos> ", 5 * SECOND), "let in: %s", wrong->seen);
    works(again);
    people_close();
}

Test(together, who_only_guesses_holds_no_terminal_for_ever, .timeout = 120)
{
    people_open(SEED + 2u, true, VERIFIER, NULL);
    struct person *guess[2] = {person_comes(0, 60 * SECOND), person_comes(0, 60 * SECOND)};
    struct person *waits = person_calls(1);
    bool in = false;

    for (uint32_t s = 0; s < 150u && !in; s += 10u) { /* a key now and then, and anew when it is cut */
        for (uint32_t i = 0; i < 2u; i++) {
            if (person_is_cut(guess[i]))
                guess[i] = person_calls(0);
            else
                person_types(guess[i], "NOT-IT\r");
        }
        in = person_sees(waits, "secret: ", 10 * SECOND);
    }
    cr_expect(in, "nobody else is ever asked");
    people_close();
}

Test(together, who_waits_longest_is_asked_first, .timeout = 120)
{
    struct person *p[5] = {NULL};

    people_open(SEED + 4u, true, VERIFIER, NULL);
    for (uint32_t i = 0; i < 2u; i++)
        p[i] = person_logs_in(0, 60 * SECOND);
    for (uint32_t i = 2; i < 4u; i++) {
        p[i] = person_calls(1);
        wired_pass(&people.w, SECOND);
    }
    person_leaves(p[0], DM_CLIENT_RESETS);
    cr_expect(person_sees(p[2], "secret: ", 5 * SECOND));
    p[4] = person_calls(2); /* has the place of who left, and waits behind the fourth */
    wired_pass(&people.w, SECOND);
    person_leaves(p[1], DM_CLIENT_RESETS);
    cr_expect(person_sees(p[3], "secret: ", 5 * SECOND));
    cr_expect_not(person_sees(p[4], "secret: ", SECOND));
    people_close();
}

/* Each of these keys draws the whole line again: more than a connection's output holds, if all at once. They
 * come in one piece with a command, so before its answer. */
Test(together, much_that_is_typed_ahead_is_drawn_as_it_is_read, .timeout = 120)
{
    static const char command[] = "nothing\r";
    char keys[sizeof command + 200u];
    uint32_t drawn = 0;

    people_open(SEED + 3u, true, VERIFIER, NULL);
    struct person *p = person_logs_in(0, 60 * SECOND);
    memcpy(keys, command, sizeof command - 1u);
    memset(keys + sizeof command - 1u, 'y', 200);
    keys[sizeof command - 1u] = 'z';
    keys[sizeof command] = 0x01; /* each key moves all the others */
    person_reads(p, 1u);
    person_types_bytes(p, keys, sizeof command - 1u + 200u);
    wired_pass(&people.w, 20u * SECOND);
    person_reads(p, 0);
    cr_assert(person_sees(p, NO_ANSWER, 5 * SECOND), "%s", p->seen);
    wired_pass(&people.w, 5u * SECOND);
    for (const char *at = p->seen + p->mark; (at = strstr(at, "\rcapos> ")) != NULL; at++)
        drawn++;
    cr_expect_geq(drawn, 198u, "%u of 199", drawn);
    person_types(p, "\r");
    cr_expect(person_sees(p, NO_ANSWER, 5 * SECOND), "%s", p->seen);
    works(p);
    people_close();
}

Test(together, a_connection_on_which_nothing_is_typed_for_half_an_hour_ends_and_the_console_stays,
     .timeout = 120)
{
    people_open(SEED + 6u, true, VERIFIER, NULL);
    console_logs_in();
    struct person *gone = person_logs_in(0, 60 * SECOND);
    struct person *there = person_logs_in(1, 60 * SECOND);

    wired_pass(&people.w, 1700 * SECOND);
    works(there);
    cr_expect_not(person_is_cut(gone));
    cr_expect(person_gets_cut(gone, 130 * SECOND), "it holds its shell for ever");
    works(there);
    console_works();
    people_close();
}
