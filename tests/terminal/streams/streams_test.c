/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that makes streams and asks for the shells behind them, in the simulator: each of its claims, and
 * its own end, which is that of what it started. */
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
                                         "two run"};
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
