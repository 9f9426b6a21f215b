/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection that was moved to a terminal, when one of those who carry it ends: stack, driver, shell,
 * terminal process, who moved it, the peer; before the log-in, while the secret is checked, at the prompt, in
 * the middle of output, and with output that nobody reads. Each time both ends close, somebody else gets a
 * log-in within AGAIN_NS, and what is held is as before. Every pair of who and when, in an order of the
 * seed's; with CAPOS_DEEP=1 in WORLDS_DEEP orders. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/terminal/people.h"

#define WORLDS_DEEP 8u
#define SEED        20261127u
#define AGAIN_NS    (10u * SECOND)
#define CUT_NS      (10u * SECOND)
#define BACK_NS     (10u * SECOND)
#define SILENT_NS   (3u * 3600u * SECOND) /* docs/network.md: two hours and eleven minutes */
#define TURNS_APART 64u /* of programs, before a kill */
#define UNREAD_NS   (3u * SECOND) /* of output that nobody takes */

enum who { NETD, NICD, SHELL, TERMD, TELNETD, PEER_RESETS, PEER_LEAVES, PEER_VANISHES, WHO };
enum when { BEFORE_LOGIN, BEING_CHECKED, AT_THE_PROMPT, IN_TOP, IN_PING, UNREAD, WHEN };

static const char *const services[WHO] = {
    [NETD] = "netd", [NICD] = "nicd", [TERMD] = "termd", [TELNETD] = "telnetd"};
static const char *const whos[WHO] = {"netd",    "nicd",        "the shell",   "termd",
                                      "telnetd", "peer resets", "peer leaves", "peer vanishes"};
static const char *const whens[WHEN] = {"before log-in", "being checked", "at the prompt",
                                        "in top",        "in ping",       "unread"};

static uint32_t draw(uint32_t n)
{
    return (uint32_t)(sim_prng_next(&people.prng) % n);
}

static struct person *come_to(enum when when)
{
    struct person *p = when <= BEING_CHECKED ? person_comes(0, AGAIN_NS) : person_logs_in(0, AGAIN_NS);

    switch (when) {
    case BEFORE_LOGIN:
        person_types(p, "QWXZ");
        wired_pass(&people.w, 100u * MS);
        break;
    case BEING_CHECKED:
        person_types(p, SECRET "\r\n");
        break;
    case AT_THE_PROMPT:
        person_types(p, "usag");
        cr_assert(person_sees(p, "usag", SECOND));
        break;
    case IN_TOP:
        person_types(p, "top\r\n");
        cr_assert(person_sees(p, "any key ends", 5u * SECOND), "%s", p->seen);
        wired_pass(&people.w, draw(4000u) * MS);
        break;
    case IN_PING:
        person_types(p, "ping 10.0.2.2\r\n");
        cr_assert(person_sees(p, "10.0.2.2\r\n", 5u * SECOND), "%s", p->seen);
        wired_pass(&people.w, draw(2000u) * MS);
        break;
    case UNREAD:
    case WHEN:
        person_reads(p, 1u);
        for (uint32_t i = 0; i < 40u; i++)
            person_types(p, "help\r\n");
        wired_pass(&people.w, UNREAD_NS);
        break;
    }
    return p;
}

/* Both ends: the person sees it, who was there before hears nothing more of it. */
static void end(struct person *p, enum who who, enum when when)
{
    const uint32_t turns = draw(TURNS_APART);

    if (who < PEER_RESETS)
        people_kill(who == SHELL ? people_shell() : services[who], turns);
    else if (when == BEING_CHECKED)
        for (uint32_t i = 0; i < turns; i++)
            wired_pass(&people.w, 1u);
    switch (who) {
    case TELNETD: /* it had moved the connection: that goes on */
        wired_pass(&people.w, SECOND);
        cr_expect_not(person_is_cut(p), "%s", p->seen);
        person_leaves(p, DM_CLIENT_RESETS);
        return;
    case PEER_RESETS:
        person_leaves(p, DM_CLIENT_RESETS);
        return;
    case PEER_VANISHES:
        person_leaves(p, DM_CLIENT_FALLS_SILENT);
        return;
    case PEER_LEAVES:
        person_leaves(p, DM_CLIENT_HALF_CLOSE);
        break;
    default:
        break;
    }
    wired_pass(&people.w, 100u * MS);
    person_reads(p, 0);
    if (who != PEER_LEAVES)
        person_types(p, "x"); /* a stack's next life answers with a reset */
    cr_expect(person_gets_cut(p, CUT_NS), "%s, %s: the person's end stays: state %d, %lu bytes", whos[who],
              whens[when], (int)person_report(p).state, (unsigned long)p->received);
}

static void next_one(enum who who, enum when when, const struct people_held *before)
{
    struct person *p = person_logs_in(1, AGAIN_NS);

    person_types(p, "usage\r\n");
    cr_expect(person_sees(p, "devices claimed", SECOND), "%s", p->seen);
    person_types(p, "\x04"); /* the person leaves, the shell closes */
    cr_expect(person_gets_cut(p, CUT_NS), "%s, %s: ^D leaves nobody", whos[who], whens[when]);
    const bool back = people_hold(before, who == PEER_VANISHES ? SILENT_NS : BACK_NS);
    if (!back) {
        const struct people_held now = people_held();
        const uint32_t *was = (const uint32_t *)before, *is = (const uint32_t *)&now;

        for (size_t i = 0; i < sizeof now / sizeof *is; i++)
            if (was[i] != is[i])
                printf("held: number %zu was %u, is %u\n", i, was[i], is[i]);
    }
    cr_assert(back, "%s, %s: something else is held than before", whos[who], whens[when]);
}

/* The pairs, in an order of the world's. */
static void shuffle(uint32_t pairs[WHO * WHEN])
{
    for (uint32_t i = 0; i < WHO * WHEN; i++)
        pairs[i] = i;
    for (uint32_t i = WHO * WHEN - 1u; i > 0; i--) {
        const uint32_t other = draw(i + 1u), kept = pairs[i];

        pairs[i] = pairs[other];
        pairs[other] = kept;
    }
}

static void one_world(uint32_t world)
{
    uint32_t pairs[WHO * WHEN];

    people_open(SEED + world, true, VERIFIER, NULL);
    struct person *first = person_logs_in(2, 60u * SECOND); /* all have come up */
    person_leaves(first, DM_CLIENT_HALF_CLOSE);
    wired_pass(&people.w, 10u * SECOND);
    const struct people_held before = people_held();
    shuffle(pairs);
    for (uint32_t i = 0; i < WHO * WHEN; i++) {
        const enum who who = (enum who)(pairs[i] / WHEN);
        const enum when when = (enum when)(pairs[i] % WHEN);

        end(come_to(when), who, when);
        next_one(who, when, &before);
    }
    console_seen();
    console_logs_in();
    console_types("sockets\r");
    cr_expect(console_sees("  23  listens\n", SECOND), "%s", console_text());
    wired_pass(&people.w, SECOND);
    cr_expect_null(strstr(console_text(), "open"), "a connection is left:\n%s", console_text());
    printf("handoff, world %u: %u ends in %lu s of virtual time\n", world, (unsigned)(WHO * WHEN),
           (unsigned long)(wired_now(&people.w) / SECOND));
    people_close();
}

Test(handoff, both_ends_close_and_the_next_one_gets_a_log_in, .timeout = 3600)
{
    const char *deep = getenv("CAPOS_DEEP");
    const bool all = deep != NULL && strcmp(deep, "1") == 0;

    for (uint32_t world = 0; world < (all ? WORLDS_DEEP : 1u); world++)
        one_world(world);
}
