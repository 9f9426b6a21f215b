/* SPDX-License-Identifier: BSD-2-Clause */
/* People at the terminals of the booted package of user/telnetd: one at the console, others behind
 * connections from three addresses, each typing when the test says so and seeing what comes back. Owns the
 * world under them (tests/support/wired.h); one at a time, in virtual time. A failure to set it up ends the
 * test. */
#ifndef CAPOS_TESTS_TERMINAL_PEOPLE_H
#define CAPOS_TESTS_TERMINAL_PEOPLE_H

#include "sim/kept.h"
#include "sim/prng.h"
#include "tests/support/wired.h"

#define MS     1000000ull
#define SECOND (1000u * MS)

#define PEOPLE_PLACES     3u /* 10.0.2.9, .10, .11 */
#define PEOPLE_AT_ONCE    8u /* connections of one place that are still looked at */
#define PEOPLE_SEEN_BYTES (64u << 10)

/* Upper case and signs that nothing else says: a byte of it that is shown is seen. */
#define SECRET   "QWXZ#JKVB%QWXZ&"
#define SECRET_8 "QWXZJKVB"
#define SECRET_128                                                                                           \
    "AHOVCJQXELSZGNUBIPWDKRYFMTBIPWDKRYFMTAHOVCJQXELSZGNUCJQXELSZGNUB"                                       \
    "IPWDKRYFMTAHOVDKRYFMTAHOVCJQXELSZGNUBIPWELSZGNUBIPWDKRYFMTAHOVCJ"
#define VERIFIER_OF(hash_) "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$" hash_
#define VERIFIER           VERIFIER_OF("pBrSA9lzXJpoJIab+6IzWNRTiXUI99l6Rb8Jg/3zIR4")
#define VERIFIER_8         VERIFIER_OF("yBpqJrGGmVNtA9wpNb17m6o0J3tCxveoInJTmzPmlc8")
#define VERIFIER_128       VERIFIER_OF("1inVMK/GVgvxxr/L6foGOtfH8KnW75DPuRAiioknUAI")

/* One connection. */
struct person {
    uint32_t place;
    int32_t number; /* of the place's client */
    struct dm_client_connection plan;
    uint8_t typed[2048];
    size_t typed_bytes;
    char seen[PEOPLE_SEEN_BYTES]; /* terminated; what is more is only counted */
    size_t seen_bytes, mark; /* mark: what people_sees() looks behind */
    uint64_t received;
};

struct people {
    struct wired w; /* first */
    struct dm_backend *clients[PEOPLE_PLACES];
    struct person persons[PEOPLE_PLACES][PEOPLE_AT_ONCE];
    uint32_t calls[PEOPLE_PLACES]; /* connections begun */
    struct sim_prng prng;
    uint64_t mark; /* of the console's text, counted from its beginning */
    const char *victim; /* a service; NULL: nobody is to be killed */
    uint32_t turns; /* of programs until then */
    uint32_t kills;
    bool ended; /* a program ended by itself */
};

extern struct people people;

/* `card`: with a network card, and people behind it. `said`: as wired_config's, or NULL. */
void people_open(uint64_t seed, bool card, const char *verifier,
                 void (*said)(enum platform_console port, const char *text, size_t bytes));
/* Ends the system; a claim that failed there fails the test. */
void people_close(void);

/* At the console. */
void console_types(const char *keys);
/* `text` comes behind what was seen so far, within `ns`; what was seen ends with it then. */
bool console_sees(const char *text, uint64_t ns);
/* What the console showed behind what was seen so far; terminated. */
const char *console_text(void);
void console_seen(void); /* all of it */
void console_logs_in(void);

/* A connection, from that place on; it may not be open yet. */
struct person *person_calls(uint32_t place);
void person_types(struct person *p, const char *keys);
void person_types_bytes(struct person *p, const void *keys, size_t bytes);
bool person_sees(struct person *p, const char *text, uint64_t ns);
struct dm_client_report person_report(const struct person *p);
/* Nothing of the connection goes on: closed by the other side, reset, refused, given up. */
bool person_is_cut(const struct person *p);
/* Within `ns`. */
bool person_gets_cut(struct person *p, uint64_t ns);
/* Takes `bytes` more and no others; 0: takes all again. */
void person_reads(struct person *p, uint64_t bytes);
void person_leaves(struct person *p, enum dm_client_manner manner);
/* Calls until one is asked for the secret; a call that ends before is made again. Fails the test after `ns`.
 */
struct person *person_comes(uint32_t place, uint64_t ns);
/* The same, and is in. */
struct person *person_logs_in(uint32_t place, uint64_t ns);

/* The service is killed between two programs, after so many runs of programs. */
void people_kill(const char *service, uint32_t turns);

/* The service that has the one connection: of the shells at connections that with more memory mapped. */
const char *people_shell(void);

/* What is held while nobody is at a connection. */
struct people_held {
    struct sim_kept kept;
    uint32_t calls;
};
struct people_held people_held(void);
/* It is so again, within `ns`. */
bool people_hold(const struct people_held *before, uint64_t ns);

#endif
