/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's shell on the main console. Reads a line, with backspace; runs a command; holds no network,
 * and nothing that it could claim a device by. What is typed is anything. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/shell/shell.h"

#define BACKSPACE 0x08
#define RUBOUT    0x7f
#define PROMPT    "capos> "

enum shell_exit { SHELL_EXIT_GRANT = 1, SHELL_EXIT_MEMORY, SHELL_EXIT_CONSOLE };

struct typed {
    char line[SHELL_LINE_BYTES];
    uint32_t bytes;
    bool complete;
    bool shorter; /* than what is shown */
};

static void show(struct shell *s, const struct typed *t)
{
    shell_say(s, PROMPT);
    (void)rt_write(s->rt, t->line, t->bytes);
}

/* The console takes nothing away that is shown: the shorter line is shown again below. */
static void show_again(struct shell *s, struct typed *t)
{
    if (!t->shorter)
        return;
    t->shorter = false;
    shell_say(s, "\n");
    show(s, t);
}

/* One byte, echoed as far as it counts. */
static void type(struct shell *s, struct typed *t, char byte)
{
    if (byte == BACKSPACE || byte == RUBOUT) {
        t->shorter = t->shorter || t->bytes > 0;
        t->bytes -= t->bytes > 0;
        return;
    }
    show_again(s, t);
    if (byte == '\r' || byte == '\n') {
        shell_say(s, "\n");
        t->complete = true;
    } else if (byte >= ' ' && byte <= '~' && t->bytes < SHELL_LINE_BYTES - 1u) {
        t->line[t->bytes++] = byte;
        (void)rt_write(s->rt, &byte, 1);
    }
}

static void split(struct shell *s, char *line)
{
    s->count = 0;
    while (*line != 0 && s->count < SHELL_WORDS) {
        while (*line == ' ')
            *line++ = 0;
        if (*line == 0)
            break;
        s->word[s->count++] = line;
        while (*line != 0 && *line != ' ')
            line++;
    }
    if (*line == ' ')
        *line = 0;
}

static void take(struct shell *s, struct typed *typed, char byte)
{
    type(s, typed, byte);
    if (!typed->complete)
        return;
    typed->line[typed->bytes] = 0;
    split(s, typed->line);
    if (s->count > 0)
        shell_run(s);
    *typed = (struct typed){.bytes = 0};
    show(s, typed);
}

/* The read that stands in the ring, so that the kernel knows whose line the unfinished one is. */
static bool ask_keys(struct shell *s)
{
    const struct ring_extra range = ring_range(s->keys.cap, 0, SHELL_LINE_BYTES);
    const struct ring_submission call = ring_make_call(s->console, SERIAL_READ, NULL, &range);

    return ring_submit(&s->rt->ring, SHELL_USER_READ, &call);
}

/* What was typed. False: the console is gone. */
static bool wait_keys(struct shell *s, char keys[SHELL_LINE_BYTES], uint32_t *count)
{
    struct ring_completion done;

    do { /* late answers of a driver are passed over */
        if (!ring_wait(&s->rt->ring, RING_FOREVER, &done))
            return false;
    } while (done.user != SHELL_USER_READ);
    if (!ring_completed(&done) || done.value > SHELL_LINE_BYTES)
        return false;
    *count = (uint32_t)done.value;
    memcpy(keys, s->keys.at, *count);
    return true;
}

uint32_t program_main(struct rt *rt)
{
    struct shell s = {.rt = rt,
                      .console = rt_first(rt, CAP_IF_SERIAL),
                      .system = rt_first(rt, CAP_IF_SYSTEM),
                      .supervisor = rt_first(rt, CAP_IF_SUPERVISOR),
                      .inventory = rt_first(rt, CAP_IF_INVENTORY),
                      .nic = rt_first(rt, CAP_IF_NIC_STATUS)};
    struct typed typed = {.bytes = 0};

    if (cap_is_none(s.console) || cap_is_none(s.system) || cap_is_none(s.supervisor))
        return SHELL_EXIT_GRANT;
    if (!rt_memory_make(rt, RING_PAGE_BYTES, &s.range) || !rt_memory_make(rt, RING_PAGE_BYTES, &s.keys) ||
        !ask_keys(&s))
        return SHELL_EXIT_MEMORY;
    shell_say(&s, "help says what there is to do\n");
    show(&s, &typed);
    for (;;) {
        char keys[SHELL_LINE_BYTES];
        uint32_t count = 0;

        if (!wait_keys(&s, keys, &count))
            return SHELL_EXIT_CONSOLE;
        for (uint32_t i = 0; i < count; i++)
            take(&s, &typed, keys[i]);
        show_again(&s, &typed);
        if (!ask_keys(&s))
            return SHELL_EXIT_CONSOLE;
    }
}
