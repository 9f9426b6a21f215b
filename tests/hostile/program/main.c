/* SPDX-License-Identifier: BSD-2-Clause */
/* The first process of a system of its own, gone bad: it tries each attack of attacks.def, says in one line
 * what it saw, and switches the machine off. */
#include "tests/hostile/program/bench.h"

#include "evidence/text.h"

enum phase { PLAIN, CLAIMED, RUNS, AFTER };

struct attack {
    enum phase phase;
    const char *name;
    void (*run)(struct bench *b);
};

static const struct attack attacks[] = {
#define ATTACK(phase_, name_, enter, status, exception, result, denials, cause)                              \
    {phase_, #name_, attack_##name_},
#include "tests/hostile/program/attacks.def"
#undef ATTACK
};

static const char *const faults[] = {
#define FAULT(kind, vector, machine) #kind,
#define ATTACK(phase, name, enter, status, exception, result, denials, cause)
#include "tests/hostile/program/attacks.def"
#undef ATTACK
};

static struct bench bench;

static void field(struct text *t, const char *name, uint64_t value)
{
    text_string(t, " ");
    text_string(t, name);
    text_string(t, "=");
    text_u64(t, value);
}

static void tell(struct bench *b, const char *kind, const char *name, bool whole)
{
    const struct seen *s = &b->seen;
    char buffer[200];
    struct text t = text_over(buffer, sizeof buffer);

    text_string(&t, kind);
    text_string(&t, " ");
    text_string(&t, name);
    field(&t, "enter", s->enter);
    field(&t, "status", s->status);
    field(&t, "exception", s->exception);
    field(&t, "result", s->result);
    field(&t, "denials", s->denials);
    field(&t, "records", s->records);
    field(&t, "cause", s->cause);
    field(&t, "same", s->same);
    field(&t, "empty", s->empty);
    field(&t, "whole", whole);
    text_string(&t, "\n");
    MUST(b, !t.overflow && rt_write(b->rt, t.at, t.used));
}

static bool as_before(struct bench *b, const struct system_usage *before)
{
    struct system_usage after;

    usage(b, &after);
    return same_held(before, &after);
}

static void run(struct bench *b, enum phase phase)
{
    for (uint32_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        if (attacks[i].phase != phase)
            continue;
        struct system_usage before;
        const struct ring_submission nop = {.opcode = RING_NOP};

        usage(b, &before);
        b->seen = (struct seen){0};
        attacks[i].run(b);
        const struct ring_completion done = ring_do(&b->rt->ring, &nop);
        tell(b, "attack", attacks[i].name, as_before(b, &before) && ring_completed(&done));
    }
}

static void run_faults(struct bench *b)
{
    for (uint32_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct system_usage before;

        usage(b, &before);
        fault(b, faults[i]);
        tell(b, "fault", faults[i], as_before(b, &before));
    }
}

static _Noreturn void stay_main(struct rt *rt)
{
    for (;;)
        (void)ring_call(&rt->ring, rt_first(rt, CAP_IF_TIMER), TIMER_WAIT, RING_ARGS(RING_FOREVER), NULL);
}

static bool is(const struct rt *rt, const char *role)
{
    size_t bytes = 0;
    const char *text = rt_parameter(rt, "role", &bytes);

    return text != NULL && bytes != 0 && text[0] == role[0];
}

static void open(struct bench *b, struct rt *rt)
{
    b->rt = rt;
    b->spawner = rt_first(rt, CAP_IF_SPAWNER);
    b->functions = rt_first(rt, CAP_IF_FUNCTIONS);
    b->source = rt_first(rt, CAP_IF_MEMORY_SOURCE);
    b->endpoints = rt_first(rt, CAP_IF_ENDPOINT_SOURCE);
    b->timer = rt_first(rt, CAP_IF_TIMER);
    b->audit = rt_first(rt, CAP_IF_AUDIT);
    b->system = rt_first(rt, CAP_IF_SYSTEM);
    b->power = rt_first(rt, CAP_IF_POWER);
    b->inventory = rt_first(rt, CAP_IF_INVENTORY);
    MUST(b, rt_print(rt, "hostile: begins\n"));
    MUST(b, rt_memory_make(rt, BENCH_SHARE_BYTES, &b->share));
    MUST(b, rt_memory_make(rt, BENCH_SHARE_BYTES, &b->report));
}

uint32_t program_main(struct rt *rt)
{
    struct bench *b = &bench;

    if (is(rt, "stay"))
        stay_main(rt);
    if (is(rt, "helper"))
        helper_main(rt);
    open(b, rt);
    run(b, PLAIN);
    run_faults(b);
    device_find(b);
    device_claim(b);
    run(b, CLAIMED);
    helper_start(b);
    device_run(b);
    run(b, RUNS);
    released(b, b->pool); /* under traffic: the device is stopped, then its memory goes */
    run(b, AFTER);
    helper_end(b);
    device_end(b);
    MUST(b, rt_print(rt, "hostile: done\n"));
    (void)call(b, b->power, POWER_END, RING_ARGS(1));
    return 0;
}
