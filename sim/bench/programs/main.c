/* SPDX-License-Identifier: BSD-2-Clause */
/* The measuring program: takes `name count batch` from its console, does that, and says when it began and
 * when it was done: who measures reads the clock when the lines arrive. It says nothing of time itself: in
 * the simulator time is virtual. */
#include "sim/bench/programs/bench.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "evidence/text.h"

#define LINE_BYTES 96u

static void say(struct bench *b, const char *name, uint64_t value)
{
    char line[LINE_BYTES];
    struct text t = text_over(line, sizeof line);

    text_string(&t, "bench: ");
    text_string(&t, name);
    text_string(&t, "=");
    text_u64(&t, value);
    text_string(&t, "\n");
    ASSERT(!t.overflow);
    (void)rt_write(b->rt, t.at, t.used);
}

void bench_begins(struct bench *b)
{
    say(b, "begins", 1);
}

static bool nothing(struct bench *b, uint32_t count, uint32_t batch)
{
    (void)b, (void)count, (void)batch;
    return true;
}

static bool entries(struct bench *b, uint32_t count, uint32_t batch)
{
    (void)batch;
    for (uint32_t i = 0; i < count; i++)
        ring_flush(&b->rt->ring);
    return true;
}

static bool calls(struct bench *b, uint32_t count, uint32_t batch)
{
    (void)batch;
    for (uint32_t i = 0; i < count; i++) {
        const struct ring_completion done = ring_call(&b->rt->ring, b->echo, NIC_INFO, RING_ARGS(i), NULL);

        if (!ring_completed(&done) || done.value != i)
            return false;
    }
    return true;
}

/* Start, end, and the capability given back. */
static bool spawns(struct bench *b, uint32_t count, uint32_t batch)
{
    static const struct spawn_request request = {.name = "nothing"};
    struct ring_client *ring = &b->rt->ring;
    const struct ring_extra range = ring_range(b->request.cap, 0, sizeof request);

    (void)batch;
    memcpy(b->request.at, &request, sizeof request);
    for (uint32_t i = 0; i < count; i++) {
        const struct ring_completion made =
            ring_call(ring, b->spawner, SPAWNER_START, RING_ARGS(b->child, 0), &range);

        if (!ring_completed(&made))
            return false;
        const struct ring_completion end = ring_call(ring, made.cap, PROCESS_WAIT, NULL, NULL);
        const struct ring_completion back = ring_release(ring, made.cap);
        if (!ring_completed(&end) || end.value != PROCESS_EXITED || !ring_completed(&back))
            return false;
    }
    return true;
}

/* From the kill of the driver to the answer of its next life, whose device runs by then. */
static bool restarts(struct bench *b, uint32_t count, uint32_t batch)
{
    (void)batch;
    for (uint32_t i = 0; i < count; i++) {
        const struct ring_completion killed =
            ring_call(&b->rt->ring, b->supervisor, SUPERVISOR_KILL, RING_ARGS(b->driver), NULL);

        if (!ring_completed(&killed) || !network_attach(b))
            return false;
    }
    return true;
}

static const struct job {
    const char *name;
    bool (*run)(struct bench *b, uint32_t count, uint32_t batch);
    bool begins_itself;
} jobs[] = {{"nothing", nothing, false},       {"enter", entries, false},
            {"call", calls, false},            {"spawn", spawns, false},
            {"restart", restarts, false},      {"trip", network_trips, false},
            {"send", network_send, false},     {"receive", network_receive, true}};

/* The number at `*at`, 0 if there is none; `*at` is left behind it and the space after it. */
static uint32_t number(const char **at)
{
    uint32_t value = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++)
        value = value * 10u + (uint32_t)(**at - '0');
    if (**at == ' ')
        (*at)++;
    return value;
}

static void obey(struct bench *b, const char *line)
{
    for (uint32_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        size_t bytes = 0;

        while (jobs[i].name[bytes] != '\0' && jobs[i].name[bytes] == line[bytes])
            bytes++;
        if (jobs[i].name[bytes] != '\0' || line[bytes] != ' ')
            continue;
        const char *at = line + bytes + 1;
        const uint32_t count = number(&at);
        const uint32_t batch = number(&at);
        if (!jobs[i].begins_itself)
            bench_begins(b);
        say(b, jobs[i].run(b, count, batch) ? "done" : "failed", count);
        return;
    }
    say(b, "unknown", 0);
}

/* One line of the console, terminated. False: no more will come. */
static bool read_line(struct bench *b, char *line)
{
    const struct ring_extra range = ring_range(b->input.cap, 0, LINE_BYTES);
    uint32_t used = 0;

    while (used < LINE_BYTES) {
        const struct ring_completion got =
            ring_call(&b->rt->ring, b->rt->console, SERIAL_READ, NULL, &range);

        if (!ring_completed(&got))
            return false;
        for (uint64_t i = 0; i < got.value && used < LINE_BYTES; i++) {
            const char byte = (char)b->input.at[i];

            line[used++] = byte == '\n' ? '\0' : byte;
            if (byte == '\n')
                return true;
        }
    }
    return false;
}

uint32_t program_main(struct rt *rt)
{
    static struct bench b;
    char line[LINE_BYTES];

    b = (struct bench){.rt = rt,
                       .nic = rt_grant(rt, "nic", CAP_IF_NIC),
                       .echo = rt_grant(rt, "echo", CAP_IF_NIC_STATUS),
                       .spawner = rt_first(rt, CAP_IF_SPAWNER),
                       .supervisor = rt_first(rt, CAP_IF_SUPERVISOR),
                       .child = rt_parameter_u64(rt, "child", UINT64_MAX),
                       .driver = rt_parameter_u64(rt, "driver", UINT64_MAX)};
    if (!rt_memory_make(rt, RING_PAGE_BYTES, &b.input) || !rt_memory_make(rt, RING_PAGE_BYTES, &b.request) ||
        !rt_memory_make(rt, NIC_SHARE_BYTES, &b.memory))
        return 1;
    b.share = (struct nic_share *)(void *)b.memory.at;
    if (!network_attach(&b))
        return 2;
    say(&b, "link", __atomic_load_n(&b.share->link, __ATOMIC_RELAXED) == NIC_LINK_UP);
    while (read_line(&b, line))
        obey(&b, line);
    return 0;
}
