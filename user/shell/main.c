/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's shell: one person at one terminal at a time, who has given the operator's secret; to this
 * program, or, at the terminal of a stream and where the manifest grants no log-in, to who made the stream.
 * It asks for a line, runs a command, and holds no stream, no network, and nothing that it could claim a
 * device by. What is typed is anything. Parameters: `once=1` ends it with its first session, `terminal=N`
 * asks for that of the stream that was made for N. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/shell/shell.h"

#define PROMPT   "capos> "
#define PAUSE_NS 200000000u /* before a terminal process that said no is asked again */
#define IDLE_NS                                                                                              \
    1800000000000ull /* a connection on which nothing is typed for so long has nobody behind it              \
                      */

enum shell_exit { SHELL_EXIT_GRANT = 1, SHELL_EXIT_MEMORY, SHELL_EXIT_TERMINAL };

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

/* The session's page, mapped. */
static bool map_page(struct shell *s)
{
    struct ring_client *ring = &s->rt->ring;
    const struct ring_completion lent = ring_call(ring, s->terminal, TERMINAL_BUFFER, NULL, NULL);

    if (!ring_completed(&lent))
        return false;
    s->page.cap = lent.cap;
    const struct ring_completion mapped = ring_call(ring, lent.cap, MEMORY_MAP, RING_ARGS(1), NULL);
    if (!ring_completed(&mapped) || lent.value != TERMINAL_BUFFER_BYTES)
        return false;
    s->page.at = (uint8_t *)(uintptr_t)mapped.value;
    s->page.bytes = TERMINAL_BUFFER_BYTES;
    return true;
}

static void leave(struct shell *s)
{
    struct ring_client *ring = &s->rt->ring;

    if (s->page.at != NULL)
        (void)ring_call(ring, s->page.cap, MEMORY_UNMAP, NULL, NULL);
    if (!cap_is_none(s->page.cap))
        (void)ring_release(ring, s->page.cap);
    if (!cap_is_none(s->terminal))
        (void)ring_release(ring, s->terminal);
    s->page = (struct rt_memory){.cap = CAP_NONE};
    s->terminal = CAP_NONE;
    s->out_bytes = 0;
}

/* Waits for the next person. False: none came, or the session ended before it began. */
static bool enter(struct shell *s)
{
    const uint64_t number = rt_parameter_u64(s->rt, "terminal", 0);
    const struct ring_completion opened =
        ring_call(&s->rt->ring, s->terminals, TERMINALS_OPEN, RING_ARGS(number), NULL);

    if (!ring_completed(&opened))
        return false;
    s->terminal = opened.cap;
    s->closed = false;
    s->kind = (enum terminal_kind)(opened.value & 0xffffffffu);
    s->source = shell_source(opened.value);
    /* Without a log-in: only where somebody else has seen to it. */
    const bool may = !cap_is_none(s->login) || s->kind == TERMINAL_STREAMED;
    if (may && shell_size(s) && map_page(s))
        return true;
    leave(s);
    return false;
}

/* One line, or what came instead. */
static struct ring_completion read_line(struct shell *s, char line[SHELL_LINE_BYTES])
{
    const uint64_t idle_ns = s->kind == TERMINAL_CONSOLE ? RING_FOREVER : IDLE_NS;

    memcpy(s->page.at, PROMPT, sizeof PROMPT - 1u);
    const struct ring_completion done =
        ring_call(&s->rt->ring, s->terminal, TERMINAL_READ, RING_ARGS(0, sizeof PROMPT - 1u, idle_ns), NULL);

    line[0] = 0;
    if (ring_completed(&done) && done.value < SHELL_LINE_BYTES) {
        memcpy(line, s->page.at, done.value); /* read once */
        line[done.value] = 0;
    }
    return done;
}

static void serve(struct shell *s)
{
    char line[SHELL_LINE_BYTES];

    shell_words(s);
    shell_say(s, "help says what there is to do\n");
    while (!s->closed) {
        shell_flush(s);
        const struct ring_completion done = read_line(s, line);

        if (done.status == RING_OK && done.exception == CAP_EX_NONE && done.result == TERMINAL_E_INTERRUPT)
            continue;
        if (!ring_completed(&done))
            return;
        (void)shell_size(s);
        split(s, line);
        if (s->count > 0)
            shell_run(s);
    }
}

uint32_t program_main(struct rt *rt)
{
    struct shell s = {.rt = rt,
                      .terminals = rt_first(rt, CAP_IF_TERMINALS),
                      .login = rt_first(rt, CAP_IF_LOGIN),
                      .evidence = rt_first(rt, CAP_IF_EVIDENCE),
                      .system = rt_first(rt, CAP_IF_SYSTEM),
                      .power = rt_first(rt, CAP_IF_POWER),
                      .supervisor = rt_first(rt, CAP_IF_SUPERVISOR),
                      .inventory = rt_first(rt, CAP_IF_INVENTORY),
                      .nic = rt_first(rt, CAP_IF_NIC_STATUS),
                      .network = rt_first(rt, CAP_IF_NETWORK_STATUS)};

    const bool once = rt_parameter_is(rt, "once", "1");

    if (cap_is_none(s.terminals) || cap_is_none(s.system) || cap_is_none(s.supervisor))
        return SHELL_EXIT_GRANT;
    if (!rt_memory_make(rt, RING_PAGE_BYTES, &s.range))
        return SHELL_EXIT_MEMORY;
    for (;;) {
        if (enter(&s)) {
            if (shell_login(&s)) {
                serve(&s);
                shell_logged_out(&s);
            }
            leave(&s);
            if (once)
                return 0;
        } else {
            ring_sleep(&rt->ring, PAUSE_NS);
        }
    }
}
