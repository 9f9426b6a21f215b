/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's shell on the main console. Reads a line, with backspace; runs a command; holds no network.
 * What is typed is anything. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/shell/shell.h"

#define BACKSPACE 0x08
#define RUBOUT    0x7f

enum shell_exit { SHELL_EXIT_GRANT = 1, SHELL_EXIT_MEMORY, SHELL_EXIT_CONSOLE };

struct typed {
    char line[SHELL_LINE_BYTES];
    uint32_t bytes;
    bool complete;
};

/* One byte, echoed as far as it counts. */
static void type(struct shell *s, struct typed *t, char byte)
{
    if (byte == '\r' || byte == '\n') {
        shell_say(s, "\n");
        t->complete = true;
    } else if (byte == BACKSPACE || byte == RUBOUT) {
        t->bytes -= t->bytes > 0;
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

static bool read(struct shell *s, char *bytes, uint32_t room, uint32_t *count)
{
    const struct ring_extra range = ring_range(s->range.cap, 0, room);
    const struct ring_completion done = ring_call(&s->rt->ring, s->console, SERIAL_READ, NULL, &range);

    if (!ring_completed(&done) || done.value > room)
        return false;
    *count = (uint32_t)done.value;
    memcpy(bytes, s->range.at, *count);
    return true;
}

uint32_t program_main(struct rt *rt)
{
    struct shell s = {.rt = rt,
                      .console = rt_first(rt, CAP_IF_SERIAL),
                      .system = rt_first(rt, CAP_IF_SYSTEM),
                      .supervisor = rt_first(rt, CAP_IF_SUPERVISOR),
                      .functions = rt_first(rt, CAP_IF_FUNCTIONS)};
    struct typed typed = {.bytes = 0};

    if (cap_is_none(s.console) || cap_is_none(s.system) || cap_is_none(s.supervisor))
        return SHELL_EXIT_GRANT;
    if (!rt_memory_make(rt, RING_PAGE_BYTES, &s.range))
        return SHELL_EXIT_MEMORY;
    shell_say(&s, "capos> ");
    for (;;) {
        char bytes[SHELL_LINE_BYTES];
        uint32_t count = 0;

        if (!read(&s, bytes, sizeof bytes, &count))
            return SHELL_EXIT_CONSOLE;
        for (uint32_t i = 0; i < count; i++) {
            type(&s, &typed, bytes[i]);
            if (!typed.complete)
                continue;
            typed.line[typed.bytes] = 0;
            split(&s, typed.line);
            if (s.count > 0)
                shell_run(&s);
            typed = (struct typed){.bytes = 0};
            shell_say(&s, "capos> ");
        }
    }
}
