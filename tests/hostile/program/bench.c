/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures a call by what the kernel says of itself before and after, and by its audit log. */
#include "tests/hostile/program/bench.h"

#include "evidence/text.h"

#define RECORDS_AT 2048u /* of the report page: usage before it, audit records from here */

void bench_must(struct bench *b, bool holds, uint32_t line)
{
    char buffer[64];
    struct text t = text_over(buffer, sizeof buffer);

    if (holds)
        return;
    text_string(&t, "hostile: line ");
    text_u64(&t, line);
    text_string(&t, " does not hold\n");
    (void)rt_write(b->rt, t.at, t.used);
    (void)call(b, b->power, POWER_END, RING_ARGS(1));
    rt_exit(b->rt, line);
}

struct ring_completion call(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args)
{
    return ring_call(&b->rt->ring, cap, method, args, NULL);
}

cap_id made(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args)
{
    const struct ring_completion done = call(b, cap, method, args);

    MUST(b, ring_completed(&done) && !cap_is_none(done.cap));
    return done.cap;
}

void released(struct bench *b, cap_id cap)
{
    const struct ring_completion done = ring_release(&b->rt->ring, cap);

    MUST(b, ring_completed(&done));
}

void usage(struct bench *b, struct system_usage *out)
{
    const struct ring_extra range = ring_range(b->report.cap, 0, sizeof *out);
    const struct ring_completion done = ring_call(&b->rt->ring, b->system, SYSTEM_USAGE, NULL, &range);

    MUST(b, ring_completed(&done));
    memcpy(out, b->report.at, sizeof *out);
}

bool same_held(const struct system_usage *x, const struct system_usage *y)
{
    return x->processes == y->processes && x->objects == y->objects && x->caps == y->caps &&
           x->pages_used == y->pages_used && x->pages_free == y->pages_free &&
           x->dma_pages_used == y->dma_pages_used && x->dma_pages_free == y->dma_pages_free &&
           x->devices_claimed == y->devices_claimed && x->devices_quarantined == y->devices_quarantined;
}

/* Kinds of records, as the kernel numbers them. */
#define KIND_ANY   0u
#define KIND_FAULT 14u

/* The log up to record `last`; those of the kind after `first` are counted. */
static void drain(struct bench *b, uint64_t first, uint64_t last, uint8_t kind)
{
    const struct ring_extra range = ring_range(b->report.cap, RECORDS_AT, b->report.bytes - RECORDS_AT);

    while (b->drained < last) {
        const struct ring_completion done =
            ring_call(&b->rt->ring, b->audit, AUDIT_DRAIN, RING_ARGS(b->drained), &range);

        MUST(b, ring_completed(&done));
        for (uint64_t i = 0; i < done.value; i++) {
            struct audit_line line;

            memcpy(&line, b->report.at + RECORDS_AT + i * sizeof line, sizeof line);
            MUST(b, line.seq == ++b->drained);
            if (line.seq <= first || line.seq > last || (kind != KIND_ANY && line.kind != kind))
                continue;
            b->seen.records++;
            b->seen.cause = line.result;
        }
    }
}

static void measured(struct bench *b, const struct system_usage *before, const struct ring_completion *done,
                     uint32_t enter, uint8_t kind)
{
    struct system_usage after;

    usage(b, &after);
    b->seen = (struct seen){.enter = enter,
                            .status = done->status,
                            .exception = done->exception,
                            .result = done->result,
                            .denials = after.denials - before->denials,
                            .same = same_held(before, &after),
                            .empty = done->value == 0 && cap_is_none(done->cap)};
    drain(b, before->audit_records, after.audit_records, kind);
}

struct ring_completion strike(struct bench *b, const struct ring_submission *submission)
{
    struct system_usage before;
    struct ring_completion done;

    usage(b, &before);
    done = ring_do(&b->rt->ring, submission);
    measured(b, &before, &done, 0, KIND_ANY);
    return done;
}

struct ring_completion strike_call(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args)
{
    const struct ring_submission submission = ring_make_call(cap, method, args, NULL);

    return strike(b, &submission);
}

struct ring_completion strike_range(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args,
                                    struct ring_extra range)
{
    const struct ring_submission submission = ring_make_call(cap, method, args, &range);

    return strike(b, &submission);
}

void strike_enter(struct bench *b, uint32_t *field, uint32_t by, uint32_t min_complete)
{
    const struct ring_completion none = {0};
    struct system_usage before;
    uint32_t kept, result;

    usage(b, &before);
    kept = __atomic_load_n(field, __ATOMIC_RELAXED);
    __atomic_store_n(field, kept + by, __ATOMIC_RELAXED);
    result = b->rt->start->cap_enter(min_complete, 0);
    __atomic_store_n(field, kept, __ATOMIC_RELAXED);
    measured(b, &before, &none, result, KIND_ANY);
}

void use_up(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args)
{
    for (;;) {
        const struct ring_completion done = call(b, cap, method, args);

        if (!ring_completed(&done))
            return;
        MUST(b, b->cap_count < BENCH_CAPS_MAX);
        b->caps[b->cap_count++] = done.cap;
    }
}

void give_back(struct bench *b)
{
    while (b->cap_count != 0)
        released(b, b->caps[--b->cap_count]);
}

void recovers(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args)
{
    MUST(b, b->cap_count != 0);
    released(b, b->caps[--b->cap_count]);
    b->caps[b->cap_count] = made(b, cap, method, args);
    b->cap_count++;
    give_back(b);
}

struct ring_submission spawn_submission(struct bench *b, uint32_t program, const char *text,
                                        const struct spawn_grant *grants, uint32_t count)
{
    struct spawn_request request = {.name = "attacked", .pages = 8};
    const uint32_t bytes = (uint32_t)(sizeof request + count * sizeof grants[0]);
    const struct ring_extra range = ring_range(b->share.cap, 0, bytes);

    while (text[request.text_bytes] != 0) {
        request.text[request.text_bytes] = text[request.text_bytes];
        request.text_bytes++;
    }
    MUST(b, bytes <= b->share.bytes);
    memcpy(b->share.at, &request, sizeof request);
    if (count != 0)
        memcpy(b->share.at + sizeof request, grants, count * sizeof grants[0]);
    return ring_make_call(b->spawner, SPAWNER_START, RING_ARGS(program, count), &range);
}

struct ring_completion spawn(struct bench *b, uint32_t program, const char *text,
                             const struct spawn_grant *grants, uint32_t count)
{
    const struct ring_submission submission = spawn_submission(b, program, text, grants, count);

    return ring_do(&b->rt->ring, &submission);
}

cap_id stay(struct bench *b, uint32_t count)
{
    struct spawn_grant grants[STARTUP_GRANTS_MAX];
    struct ring_completion done;

    MUST(b, count <= STARTUP_GRANTS_MAX);
    for (uint32_t i = 0; i < count; i++)
        grants[i] = (struct spawn_grant){.name = "timer", .cap = b->timer};
    done = spawn(b, BENCH_PROGRAM_SELF, "role=stay", grants, count);
    MUST(b, ring_completed(&done));
    return done.cap;
}

void fault(struct bench *b, const char *kind)
{
    char text[64] = "kind=";
    uint32_t at = 5;
    struct system_usage before;
    struct ring_completion started, ended;

    for (; *kind != 0; kind++)
        text[at++] = *kind == '_' ? '-' : *kind;
    text[at] = 0;
    usage(b, &before);
    started = spawn(b, BENCH_PROGRAM_FAULTS, text, NULL, 0);
    MUST(b, ring_completed(&started));
    ended = call(b, started.cap, PROCESS_WAIT, NULL);
    released(b, started.cap);
    const uint64_t how = ended.value;
    ended.value = 0;
    measured(b, &before, &ended, 0, KIND_FAULT);
    b->seen.result = how;
}
