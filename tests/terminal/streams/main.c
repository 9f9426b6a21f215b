/* SPDX-License-Identifier: BSD-2-Clause */
/* A holder of a terminal maker and of two starters: what streams and the shells behind them do, a line on the
 * console for each claim that holds, `streamer: not ...` for one that does not. Trusts nothing. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/terminal.h"
#include "user/rt/rt.h"

#define SEEN_BYTES 8192u
#define WAIT_NS    10000000000ull
#define MOMENT_NS  50000000u
#define TRIES      400u
#define TYPED_USER 7u
#define IN         0u
#define OUT        STREAM_HALF_BYTES
#define SIZE_80    (80u | 24u << 16)
#define SIZE_100   (100u | 30u << 16)
#define PASTE_LINE 64u /* bytes, the CR among them */

struct stream {
    struct rt *rt;
    cap_id starter, cap;
    struct rt_memory memory;
    char seen[SEEN_BYTES + 1u]; /* what was shown last; terminated */
    uint32_t seen_bytes;
    uint64_t shown; /* in all */
};

static struct stream one, two;

static void claim(struct rt *rt, bool holds, const char *what)
{
    (void)rt_print_line(rt, holds ? "streamer: " : "streamer: not ", what);
}

static bool said(const struct ring_completion *done, uint32_t result)
{
    return done->status == RING_OK && done->exception == CAP_EX_NONE && done->result == result;
}

static bool find(const struct stream *s, const char *text)
{
    uint32_t bytes = 0;

    while (text[bytes] != 0)
        bytes++;
    for (uint32_t at = 0; at + bytes <= s->seen_bytes; at++) {
        if (memcmp(s->seen + at, text, bytes) == 0)
            return true;
    }
    return false;
}

static struct ring_completion call(struct stream *s, uint16_t method, uint64_t a, uint64_t b, uint64_t c)
{
    return ring_call(&s->rt->ring, s->cap, method, RING_ARGS(a, b, c), NULL);
}

static bool make(struct rt *rt, struct stream *s, const char *starter, uint64_t number)
{
    const cap_id maker = rt_grant(rt, "terminal-maker", CAP_IF_TERMINAL_MAKER);
    const struct ring_completion made =
        ring_call(&rt->ring, maker, TERMINAL_STREAM, RING_ARGS(SIZE_80, number), NULL);

    memset(s, 0, sizeof *s);
    s->rt = rt;
    s->starter = rt_grant(rt, starter, CAP_IF_STARTER);
    s->cap = made.cap;
    if (!ring_completed(&made))
        return false;
    const struct ring_completion lent = call(s, STREAM_BUFFER, 0, 0, 0);
    const struct ring_completion mapped = ring_call(&rt->ring, lent.cap, MEMORY_MAP, RING_ARGS(1), NULL);
    s->memory.cap = lent.cap;
    s->memory.at = (uint8_t *)(uintptr_t)mapped.value;
    return ring_completed(&mapped) && lent.value == STREAM_BUFFER_BYTES;
}

static void drop(struct stream *s)
{
    (void)ring_call(&s->rt->ring, s->memory.cap, MEMORY_UNMAP, NULL, NULL);
    (void)ring_release(&s->rt->ring, s->memory.cap);
    (void)ring_release(&s->rt->ring, s->cap);
}

static void keep(struct stream *s, const uint8_t *bytes, uint32_t count)
{
    const uint32_t most = SEEN_BYTES / 2u;

    if (s->seen_bytes + count > SEEN_BYTES) {
        memmove(s->seen, s->seen + s->seen_bytes - most, most);
        s->seen_bytes = most;
    }
    memcpy(s->seen + s->seen_bytes, bytes, count);
    s->seen_bytes += count;
    s->shown += count;
}

/* One read. False: nothing came within `ns`, or nothing will. */
static bool read(struct stream *s, uint64_t ns)
{
    const struct ring_completion done = call(s, STREAM_READ, OUT, STREAM_HALF_BYTES, ns);

    if (!ring_completed(&done) || done.value == 0 || done.value > STREAM_HALF_BYTES)
        return false;
    keep(s, s->memory.at + OUT, (uint32_t)done.value);
    return true;
}

static bool sees(struct stream *s, const char *text)
{
    while (!find(s, text)) {
        if (!read(s, WAIT_NS))
            return false;
    }
    return true;
}

static uint32_t put_typed(struct stream *s, const char *keys)
{
    uint32_t bytes = 0;

    for (; keys[bytes] != 0; bytes++)
        s->memory.at[IN + bytes] = (uint8_t)keys[bytes];
    return bytes;
}

/* Typed, and taken; what was seen before is forgotten. */
static bool type(struct stream *s, const char *keys)
{
    const uint32_t bytes = put_typed(s, keys);

    s->seen_bytes = 0;
    const struct ring_completion done = call(s, STREAM_WRITE, IN, bytes, 0);
    return ring_completed(&done) && done.value == bytes && s->memory.at[IN] == 0;
}

static uint64_t starter(struct stream *s, uint16_t method)
{
    const struct ring_completion done = ring_call(&s->rt->ring, s->starter, method, NULL, NULL);

    return ring_completed(&done) ? done.value : UINT64_MAX;
}

static bool comes_to(struct stream *s, enum service_state state, enum process_end end, uint64_t life)
{
    for (uint32_t i = 0; i < TRIES; i++) {
        if (starter(s, STARTER_STATE) == ((uint64_t)state | (uint64_t)end << 8 | life << 32))
            return true;
        ring_sleep(&s->rt->ring, MOMENT_NS);
    }
    return false;
}

/* What is left to see is read, then it is closed. */
static bool is_over(struct stream *s)
{
    while (read(s, WAIT_NS))
        ;
    const struct ring_completion done = call(s, STREAM_READ, OUT, 1, WAIT_NS);
    const struct ring_completion typed = call(s, STREAM_WRITE, IN, 0, 0);
    return said(&done, TERMINAL_E_CLOSED) && said(&typed, TERMINAL_E_CLOSED);
}

static void refusals(struct rt *rt)
{
    const cap_id maker = rt_grant(rt, "terminal-maker", CAP_IF_TERMINAL_MAKER);
    static const uint64_t sizes[] = {
        0, 19u | 24u << 16, 80u | 3u << 16, 501u | 24u << 16, 80u | 301u << 16, SIZE_80 | 1ull << 32};
    static const uint64_t ranges[][2] = {
        {0, 1},          {OUT, 0},         {OUT, STREAM_HALF_BYTES + 1u}, {OUT + 1u, STREAM_HALF_BYTES},
        {UINT64_MAX, 1}, {OUT, UINT64_MAX}};
    bool held = true;

    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct ring_completion made =
            ring_call(&rt->ring, maker, TERMINAL_STREAM, RING_ARGS(sizes[i]), NULL);
        const struct ring_completion sized = call(&one, STREAM_SIZE, sizes[i], 0, 0);

        held = held && said(&made, TERMINAL_E_VALUE) && said(&sized, TERMINAL_E_VALUE);
    }
    for (uint32_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        const struct ring_completion done = call(&one, STREAM_READ, ranges[i][0], ranges[i][1], 0);

        held = held && said(&done, TERMINAL_E_VALUE);
    }
    const struct ring_completion written = call(&one, STREAM_WRITE, OUT, 1, 0);
    const struct ring_completion unknown = call(&one, STREAM_CLOSE + 1u, 0, 0, 0);
    const struct ring_completion late = call(&one, STREAM_READ, OUT, 1, MOMENT_NS);
    claim(rt,
          held && said(&written, TERMINAL_E_VALUE) && said(&unknown, TERMINAL_E_VALUE) &&
              said(&late, TERMINAL_E_TIMEOUT),
          "refuses");
}

/* As many as there are places, and no more; each of them is free again. */
static void places(struct rt *rt)
{
    const cap_id maker = rt_grant(rt, "terminal-maker", CAP_IF_TERMINAL_MAKER);
    cap_id made[8];
    uint32_t count = 0;
    struct ring_completion done;

    do {
        done = ring_call(&rt->ring, maker, TERMINAL_STREAM, RING_ARGS(SIZE_80, 9), NULL);
        if (ring_completed(&done))
            made[count++] = done.cap;
    } while (ring_completed(&done) && count < 8u);
    claim(rt, count == 4u && said(&done, TERMINAL_E_BUSY), "has four places");
    while (count > 0)
        (void)ring_release(&rt->ring, made[--count]);
}

/* Each shell gets the stream that was made for it, whichever came first. */
static void two_at_once(struct rt *rt)
{
    bool good = make(rt, &two, "shell-2", 2) && make(rt, &one, "shell-1", 1);

    good = good && starter(&one, STARTER_START) != UINT64_MAX && sees(&one, "capos> ");
    claim(rt, good && !read(&two, MOMENT_NS), "its own");
    good = starter(&two, STARTER_START) != UINT64_MAX && sees(&two, "capos> ");
    good =
        good && type(&two, "logout\r") && is_over(&two) && comes_to(&two, SERVICE_ENDED, PROCESS_EXITED, 1);
    drop(&two);
    claim(rt, good && type(&one, "\r") && sees(&one, "capos> "), "the other stays");
}

static void lines(struct rt *rt)
{
    bool good = type(&one, "help\r") && sees(&one, "help\r\n") && sees(&one, "ends this session") &&
                sees(&one, "capos> ");

    claim(rt, good && !find(&one, "secret"), "types and sees");
    good = type(&one, "ps\r") && sees(&one, "shell-of-streams") && sees(&one, "capos> ");
    claim(rt, good && !find(&one, "shell-of-streams-1"), "80 columns");
    const struct ring_completion sized = call(&one, STREAM_SIZE, SIZE_100, 0, 0);
    good = ring_completed(&sized) && type(&one, "ps\r") && sees(&one, "shell-of-streams-1") &&
           sees(&one, "capos> ");
    claim(rt, good, "100 columns");
    good = type(&one, "abc") && sees(&one, "abc");
    const struct ring_completion interrupted = call(&one, STREAM_INTERRUPT, 0, 0, 0);
    claim(rt, good && ring_completed(&interrupted) && sees(&one, "^C\r\n\rcapos> "), "interrupts");
}

/* The lines of the paste, each a word that is no command. */
static uint32_t fill(struct stream *s, uint32_t first, uint32_t last)
{
    uint32_t bytes = 0;

    for (; first < last && bytes + PASTE_LINE <= STREAM_HALF_BYTES; first++) {
        for (uint32_t i = 0; i < PASTE_LINE - 1u; i++)
            s->memory.at[IN + bytes + i] = (uint8_t)('a' + (first >> 5u * (i % 4u)) % 26u);
        s->memory.at[IN + bytes + PASTE_LINE - 1u] = '\r';
        bytes += PASTE_LINE;
    }
    return bytes;
}

static uint32_t answers(struct stream *s, uint32_t *at)
{
    static const char text[] = "no such command";
    uint32_t found = 0;

    for (; *at + sizeof text - 1u <= s->seen_bytes; (*at)++) {
        if (memcmp(s->seen + *at, text, sizeof text - 1u) == 0)
            found++;
    }
    return found;
}

/* Reads while what was typed goes in. Every line is answered once. */
static void paste(struct rt *rt, uint32_t count)
{
    uint32_t typed = 0, answered = 0, at = 0;
    bool waits = false, good = true;

    one.seen_bytes = 0;
    while (good && answered < count) {
        struct ring_completion done;

        if (!waits && typed < count) {
            const uint32_t bytes = fill(&one, typed, count);
            const struct ring_submission write =
                ring_make_call(one.cap, STREAM_WRITE, RING_ARGS(IN, bytes), NULL);

            good = ring_submit(&rt->ring, TYPED_USER, &write);
            typed += bytes / PASTE_LINE;
            waits = true;
        }
        /* The part that an answer may have begun in stays. */
        if (one.seen_bytes > SEEN_BYTES / 2u) {
            memmove(one.seen, one.seen + at, one.seen_bytes - at);
            one.seen_bytes -= at;
            at = 0;
        }
        good = good && read(&one, WAIT_NS);
        answered += answers(&one, &at);
        if (waits && ring_wait(&rt->ring, 0, &done)) {
            good = good && done.user == TYPED_USER && ring_completed(&done);
            waits = false;
        }
    }
    claim(rt, good && !waits && typed == count && answered == count && sees(&one, "capos> "), "pastes");
}

/* Typed ahead of a program that takes none of it: it waits, until it is interrupted. */
static void back_pressure(struct rt *rt)
{
    struct ring_completion done;
    bool good = call(&one, STREAM_INTERRUPT, 0, 0, 0).status == RING_OK;
    const struct ring_submission write =
        ring_make_call(one.cap, STREAM_WRITE, RING_ARGS(IN, STREAM_HALF_BYTES), NULL);

    /* Its answers are not read, so that at last nothing more is taken. */
    (void)fill(&one, 0, STREAM_HALF_BYTES / PASTE_LINE);
    for (uint32_t i = 0; good && i < 3u; i++) {
        good = ring_submit(&rt->ring, TYPED_USER, &write);
        if (!ring_wait(&rt->ring, WAIT_NS, &done))
            break;
        (void)fill(&one, 0, STREAM_HALF_BYTES / PASTE_LINE);
    }
    const struct ring_completion again = call(&one, STREAM_WRITE, IN, 1, 0);
    const struct ring_completion interrupted = call(&one, STREAM_INTERRUPT, 0, 0, 0);
    good = good && said(&again, TERMINAL_E_BUSY) && ring_completed(&interrupted) &&
           ring_wait(&rt->ring, WAIT_NS, &done) && done.user == TYPED_USER && ring_completed(&done);
    claim(rt, good && sees(&one, "^C\r\n\rcapos> "), "waits and is interrupted");
}

static bool again(struct rt *rt)
{
    return make(rt, &one, "shell-1", 1) && starter(&one, STARTER_START) != UINT64_MAX &&
           sees(&one, "capos> ");
}

static void ends(struct rt *rt)
{
    bool good = type(&one, "logout\r") && is_over(&one) && comes_to(&one, SERVICE_ENDED, PROCESS_EXITED, 1);

    drop(&one);
    claim(rt, good, "logs out");
    good = again(rt) && ring_completed(&(struct ring_completion[]){call(&one, STREAM_CLOSE, 0, 0, 0)}[0]) &&
           is_over(&one);
    claim(rt, good && comes_to(&one, SERVICE_ENDED, PROCESS_EXITED, 2), "closes");
    drop(&one);
    good = again(rt) && (starter(&one, STARTER_END) & 0xffu) == SERVICE_ENDED && is_over(&one);
    claim(rt, good && comes_to(&one, SERVICE_ENDED, PROCESS_KILLED, 3), "is ended by the starter");
    drop(&one);
    good = again(rt);
    drop(&one);
    claim(rt, good && comes_to(&one, SERVICE_ENDED, PROCESS_EXITED, 4), "ends with its stream");
    /* One at a prompt, and one that has no terminal and waits for it. */
    const struct ring_completion other =
        ring_call(&rt->ring, rt_grant(rt, "shell-2", CAP_IF_STARTER), STARTER_START, NULL, NULL);
    claim(rt, again(rt) && ring_completed(&other), "two run");
}

uint32_t program_main(struct rt *rt)
{
    places(rt);
    two_at_once(rt);
    refusals(rt);
    lines(rt);
    paste(rt, (uint32_t)rt_parameter_u64(rt, "lines", 0));
    back_pressure(rt);
    ends(rt);
    /* Somebody may end it now, or what is under it. */
    const struct ring_completion done = call(&one, STREAM_READ, OUT, 1, WAIT_NS);
    claim(rt, said(&done, TERMINAL_E_TIMEOUT), "nothing came");
    claim(rt, done.status != RING_E_DISCONNECTED, "termd is there");
    return 0; /* with shells that run */
}
