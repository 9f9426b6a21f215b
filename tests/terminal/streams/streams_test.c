/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that makes streams and asks for the shells behind them, in the simulator: each of its claims, its
 * own end, which is that of what it started, and that of the terminal process under it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/wired.h"

#define SECOND 1000000000ull
#define LONG   (600u * SECOND)

static struct wired wired;

static bool shown(struct wired *w, void *text)
{
    return wired_said(w, text);
}

static bool comes(const char *text)
{
    return wired_until(&wired, LONG, shown, (void *)(uintptr_t)text);
}

static bool lives(const char *program)
{
    const struct system *s = &wired.b.k->userland.system;
    bool found = false;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        found = found || (process_live(s, i) && strcmp(s->processes[i].name, program) == 0);
    return found;
}

/* A service ends between two programs, when both shells run. */
static void kill_under_two(const char *service)
{
    const struct wired_config config = {.package = STREAMS_PACKAGE, .seed = 1};
    struct system *s;

    wired_open(&wired, &config);
    cr_assert(comes("streamer: two run\n"), "%s", wired.text);
    wired_pass(&wired, SECOND / 10u); /* it reads */
    cr_assert(lives("shell-of-streams-1") && lives("shell-of-streams-2"));
    s = &wired.b.k->userland.system;
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (process_live(s, i) && strcmp(s->processes[i].name, service) == 0)
            process_end(s, i, PROCESS_KILLED, 0);
    }
    wired_pass(&wired, SECOND);
    cr_expect(!lives("streamer"), "%s", wired.text);
    cr_expect(!lives("shell-of-streams-1") && !lives("shell-of-streams-2"), "%s", wired.text);
    cr_expect(lives("shell") && lives("termd"));
}

Test(streams, a_holder_that_is_killed_takes_its_shells_along)
{
    kill_under_two("streamer");
    cr_expect(wired_said(&wired, "init: streamer was killed\n"), "%s", wired.text);
    cr_expect_null(wired_close(&wired));
}

Test(streams, a_terminal_process_that_ends_disconnects_its_streams)
{
    kill_under_two("termd");
    cr_expect(wired_said(&wired, "streamer: not termd is there\n"), "%s", wired.text);
    cr_expect_null(wired_close(&wired));
}

Test(streams, a_shell_behind_a_stream)
{
    static const char *const claims[] = {"has four places",
                                         "its own",
                                         "the other stays",
                                         "refuses",
                                         "types and sees",
                                         "80 columns",
                                         "100 columns",
                                         "interrupts",
                                         "pastes",
                                         "waits and is interrupted",
                                         "logs out",
                                         "closes",
                                         "is ended by the starter",
                                         "ends with its stream",
                                         "two run",
                                         "nothing came",
                                         "termd is there"};
    const struct wired_config config = {.package = STREAMS_PACKAGE, .seed = 1};
    char line[64];

    wired_open(&wired, &config);
    cr_assert(comes("init: streamer ended with code 0\n"), "%s", wired.text);
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        snprintf(line, sizeof line, "streamer: %s\n", claims[i]);
        cr_expect(wired_said(&wired, line), "%s\n%s", line, wired.text);
    }
    /* What it left running is ended with it. */
    wired_pass(&wired, SECOND);
    const char *last = strstr(wired.text, "init: streamer ended");
    cr_expect(strstr(last, "init: shell-of-streams-2 was killed\n") != NULL, "%s", wired.text);
    cr_expect(strstr(last, "init: shell-of-streams-1 ") != NULL, "%s", wired.text);
    cr_expect_null(wired_close(&wired));
}
