/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left of the secret after a log-in: looked for in all program pages, in the memory that devices
 * reach, in the kernel's storage and in what each port says. Found while it is typed, and after it was given
 * as a command, which shows that the look finds it; else nowhere, but for the frames of a connection that is
 * not encrypted, which driver and stack have until others lie there. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/terminal/people.h"

#define SEED         20261129u
#define SAID_BYTES   (1u << 20)
#define WINDOW_BYTES 8u /* of the secret in a row: a part of it is as bad */

static struct {
    char text[SAID_BYTES];
    size_t bytes;
} ports[3];

static void said(enum platform_console port, const char *text, size_t bytes)
{
    cr_assert_lt(ports[port - 1].bytes + bytes, SAID_BYTES);
    memcpy(ports[port - 1].text + ports[port - 1].bytes, text, bytes);
    ports[port - 1].bytes += bytes;
}

/* Driver and stack are the only ones who have that page mapped, or that it is a part of. */
static bool only_of_frames(const uint8_t *at)
{
    const struct system *s = &people.w.b.k->userland.system;
    bool any = false;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        bool has = false;

        if (!process_live(s, i))
            continue;
        for (uint32_t r = 0; r < PROCESS_RUNS_MAX; r++) {
            const struct page_run *run = &s->processes[i].runs[r];

            has = has || (run->memory != NULL && at >= run->memory && at < run->memory + run->pages * 4096u);
        }
        for (uint32_t m = 0; m < MEMORIES_MAX; m++)
            has = has ||
                  (s->memories[m].used && s->memories[m].mapped_at[i] != 0 && at >= s->memories[m].memory &&
                   at < s->memories[m].memory + s->memories[m].pages * 4096u);
        if (has && strcmp(s->processes[i].name, "netd") != 0 && strcmp(s->processes[i].name, "nicd") != 0)
            return false;
        any = any || has;
    }
    return any;
}

/* In memory: everywhere, and of those what is not of driver and stack. */
struct hits {
    uint32_t all, others;
};

static void look_at(const uint8_t *at, size_t bytes, bool programs, struct hits *h)
{
    const uint8_t *end = at + bytes;

    for (uint32_t w = 0; w + WINDOW_BYTES < sizeof SECRET; w++) {
        for (const uint8_t *hit = at;
             (hit = memmem(hit, (size_t)(end - hit), SECRET + w, WINDOW_BYTES)) != NULL; hit++) {
            h->all++;
            h->others += programs && !only_of_frames(hit);
        }
    }
}

static struct hits look(void)
{
    struct platform *p = &people.w.b.world.platform;
    const struct platform_memory_region memory = platform_memory_region(p);
    const struct platform_dma_region dma = platform_dma_region(p);
    struct hits h = {0, 0};

    look_at(memory.cpu, memory.bytes, true, &h);
    look_at(dma.cpu, dma.bytes, false, &h);
    const uint32_t before = h.all;
    look_at((const uint8_t *)people.w.b.k, sizeof *people.w.b.k, false, &h);
    h.others += h.all - before; /* the kernel has no part in it */
    return h;
}

static void ports_are_clean(void)
{
    cr_expect(ports[0].bytes > 0 && ports[2].bytes > 0); /* the second says a marker of the console's alone */
    for (uint32_t i = 0; i < 3u; i++)
        for (uint32_t w = 0; w + WINDOW_BYTES < sizeof SECRET; w++)
            cr_expect_null(memmem(ports[i].text, ports[i].bytes, SECRET + w, WINDOW_BYTES), "port %u",
                           i + 1u);
}

Test(traces, of_a_secret_at_the_console_there_are_none, .timeout = 120)
{
    people_open(SEED, false, VERIFIER, said);
    wired_pass(&people.w, SECOND);
    console_types("WRONG-ONE-FIRST\r");
    cr_assert(console_sees("that is not", SECOND));
    console_types(SECRET);
    wired_pass(&people.w, SECOND);
    cr_expect_gt(look().others, 0, "the look finds nothing while it is typed");
    console_types("\x15"); /* erased */
    wired_pass(&people.w, SECOND);
    cr_expect_eq(look().all, 0, "erased");
    console_types(SECRET "\x03"); /* interrupted */
    wired_pass(&people.w, SECOND);
    cr_expect_eq(look().all, 0, "interrupted");
    console_types(SECRET "\r");
    cr_assert(console_sees("capos> ", SECOND), "%s", console_text());
    cr_expect_eq(look().all, 0, "logged in");
    console_types("usage\r");
    cr_assert(console_sees("devices claimed", SECOND) && console_sees("capos> ", SECOND));
    cr_expect_eq(look().all, 0, "at work");
    ports_are_clean();
    cr_expect_not_null(memmem(ports[1].text, ports[1].bytes, "access-path", 11));
    console_types(SECRET "\r");
    cr_assert(console_sees("no such command", SECOND));
    cr_expect_gt(look().others, 0, "the look finds nothing of a command");
    cr_expect_not_null(memmem(ports[0].text, ports[0].bytes, SECRET, sizeof SECRET - 1u), "nor at the port");
    people_close();
}

/* Of what was typed ahead, before anybody asked for it, and of an attempt that its session's end cut off. */
Test(traces, of_one_that_came_too_early_or_too_late_there_are_none, .timeout = 120)
{
    people_open(SEED + 1u, false, VERIFIER, said);
    wired_pass(&people.w, SECOND);
    console_types("WRONG-ONE\rWRONG-ONE\rWRONG-ONE\r");
    for (uint32_t i = 0; i < 3u; i++)
        cr_assert(console_sees("that is not", SECOND));
    console_types("WRONG-ONE\r" SECRET
                  "\r"); /* the first is held for a second, what follows is not asked for */
    wired_pass(&people.w, SECOND / 2u);
    cr_expect_gt(look().others, 0, "typed ahead");
    people_kill("shell", 0); /* its session ends, and what was typed in it */
    cr_assert(console_sees("log in as operator", 5u * SECOND));
    wired_pass(&people.w, 5u * SECOND);
    cr_expect_eq(look().all, 0, "a session's end leaves it");
    people_close();
}

Test(traces, of_a_secret_over_a_connection_there_are_frames_alone, .timeout = 120)
{
    people_open(SEED + 2u, true, VERIFIER, said);
    struct person *p = person_comes(0, 60u * SECOND);

    for (uint32_t i = 0; i < sizeof SECRET - 1u; i++) { /* as it is typed: a frame a key */
        const char key[2] = {SECRET[i], 0};

        person_types(p, key);
        wired_pass(&people.w, 50u * MS);
    }
    cr_expect_gt(look().others, 0, "the look finds nothing while it is typed");
    person_types(p, "\r\n");
    cr_assert(person_sees(p, "capos> ", SECOND), "%s", p->seen);
    wired_pass(&people.w, SECOND);
    cr_expect_eq(look().all, 0, "typed key by key");
    person_leaves(p, DM_CLIENT_HALF_CLOSE);
    p = person_logs_in(0, 10u * SECOND); /* in one frame */
    wired_pass(&people.w, SECOND);
    const struct hits h = look();
    printf("of a line in one frame: %u times in memory, %u of them not of driver and stack\n", h.all,
           h.others);
    cr_expect_gt(h.all, 0, "frames hold what they carried");
    cr_expect_eq(h.others, 0, "in one frame");
    ports_are_clean();
    people_close();
}
