/* SPDX-License-Identifier: BSD-2-Clause */
/* Stops the reader of the audit log, takes and gives back capabilities until the log is full, sees that
 * grants are refused and nothing else is, and starts the reader again: grants go on. Then it kills the reader
 * wherever it is, again and again. What came out at the port is judged outside. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "evidence/text.h"
#include "user/rt/rt.h"

#define GRANTS_MAX  1024u /* more than the log has room for */
#define POLLS_MAX   1000u
#define POLL_NS     5000000u
#define KILLS       24u
#define STATE_OF(v) ((enum service_state)((v) >> 8 & 0xffu))

struct blocker {
    struct rt *rt;
    cap_id source, timer, system, power, supervisor;
    uint64_t reader; /* number of the service */
    struct rt_memory report;
};

static struct ring_completion call(struct blocker *b, cap_id cap, uint16_t method, const uint64_t *args)
{
    return ring_call(&b->rt->ring, cap, method, args, NULL);
}

static void say(struct blocker *b, const char *what, uint64_t number)
{
    char buffer[80];
    struct text t = text_over(buffer, sizeof buffer);

    text_string(&t, "blocker: ");
    text_string(&t, what);
    text_u64(&t, number);
    text_string(&t, "\n");
    (void)rt_write(b->rt, t.at, t.used);
}

static _Noreturn void over(struct blocker *b)
{
    (void)call(b, b->power, POWER_END, RING_ARGS(1));
    rt_exit(b->rt, 0);
}

/* A claim that does not hold ends the system with the number of its line. */
static void must(struct blocker *b, bool holds, uint32_t line)
{
    if (holds)
        return;
    say(b, "does not hold: line ", line);
    over(b);
}
#define MUST(b_, holds_) must((b_), (holds_), __LINE__)

static struct system_usage usage(struct blocker *b)
{
    const struct ring_extra range = ring_range(b->report.cap, 0, sizeof(struct system_usage));
    const struct ring_completion done = ring_call(&b->rt->ring, b->system, SYSTEM_USAGE, NULL, &range);
    struct system_usage out;

    MUST(b, ring_completed(&done));
    memcpy(&out, b->report.at, sizeof out);
    return out;
}

static void pause(struct blocker *b)
{
    const struct ring_completion done =
        call(b, b->timer, TIMER_WAIT, RING_ARGS(ring_now(&b->rt->ring) + POLL_NS));

    MUST(b, ring_completed(&done));
}

static enum service_state state(struct blocker *b)
{
    const struct ring_completion done = call(b, b->supervisor, SUPERVISOR_STATE, RING_ARGS(b->reader));

    MUST(b, ring_completed(&done));
    return STATE_OF(done.value);
}

static void stop(struct blocker *b)
{
    uint32_t polls = 0;

    (void)call(b, b->supervisor, SUPERVISOR_KILL, RING_ARGS(b->reader)); /* refused if it has ended already */
    for (; state(b) != SERVICE_ENDED; polls++, pause(b))
        MUST(b, polls < POLLS_MAX);
}

/* Started, as often as it takes (a test kills it as well), and it has carried everything. */
static void start(struct blocker *b)
{
    for (uint32_t polls = 0; state(b) != SERVICE_RUNS || usage(b).audit_waiting != 0; polls++) {
        MUST(b, polls < POLLS_MAX);
        if (state(b) == SERVICE_ENDED) {
            const struct ring_completion done =
                call(b, b->supervisor, SUPERVISOR_RESTART, RING_ARGS(b->reader));

            MUST(b, ring_completed(&done));
        }
        pause(b);
    }
}

static bool grant(struct blocker *b)
{
    const struct ring_completion done = call(b, b->source, ENDPOINT_CREATE, NULL);

    if (!ring_completed(&done)) {
        MUST(b, done.status == RING_OK && done.exception == CAP_EX_AUDIT_FULL && cap_is_none(done.cap));
        return false;
    }
    const struct ring_completion released = ring_release(&b->rt->ring, done.cap);
    MUST(b, ring_completed(&released));
    return true;
}

/* Everything but counters, and the log's length too. */
static bool unchanged(const struct system_usage *x, const struct system_usage *y)
{
    return x->processes == y->processes && x->objects == y->objects && x->caps == y->caps &&
           x->pages_used == y->pages_used && x->pages_free == y->pages_free &&
           x->audit_records == y->audit_records && x->audit_waiting == y->audit_waiting &&
           memcmp(x->audit_head, y->audit_head, sizeof x->audit_head) == 0;
}

/* The log is full: what grants is refused, whatever it grants, and changes nothing; the rest goes on. */
static void blocked(struct blocker *b, cap_id kept)
{
    const cap_id memory = rt_first(b->rt, CAP_IF_MEMORY_SOURCE);
    const struct system_usage before = usage(b);
    struct ring_completion done = call(b, memory, MEMORY_CREATE, RING_ARGS(1));

    MUST(b, done.status == RING_OK && done.exception == CAP_EX_AUDIT_FULL);
    MUST(b, !grant(b));
    const struct system_usage after = usage(b);
    MUST(b, unchanged(&before, &after));
    MUST(b, after.denials == before.denials + 2u);
    pause(b);
    done = ring_release(&b->rt->ring, kept); /* an end has its room */
    MUST(b, ring_completed(&done));
    MUST(b, usage(b).audit_records == after.audit_records + 1u);
    MUST(b, !grant(b)); /* and gives none back */
    MUST(b, state(b) == SERVICE_ENDED);
}

static void open(struct blocker *b, struct rt *rt)
{
    b->rt = rt;
    b->source = rt_first(rt, CAP_IF_ENDPOINT_SOURCE);
    b->timer = rt_first(rt, CAP_IF_TIMER);
    b->system = rt_first(rt, CAP_IF_SYSTEM);
    b->power = rt_first(rt, CAP_IF_POWER);
    b->supervisor = rt_first(rt, CAP_IF_SUPERVISOR);
    b->reader = rt_parameter_u64(rt, "auditd", 0);
    MUST(b, rt_memory_make(rt, RING_PAGE_BYTES, &b->report));
}

uint32_t program_main(struct rt *rt)
{
    static struct blocker b;
    uint32_t grants = 0;

    open(&b, rt);
    say(&b, "stops service ", b.reader);
    const struct ring_completion kept = call(&b, b.source, ENDPOINT_CREATE, NULL);
    MUST(&b, ring_completed(&kept));
    stop(&b);
    while (grant(&b))
        MUST(&b, ++grants < GRANTS_MAX);
    say(&b, "refused after grants: ", grants);
    blocked(&b, kept.cap);
    start(&b);
    MUST(&b, grant(&b));
    say(&b, "granted again, records so far: ", usage(&b).audit_records);
    for (uint32_t kill = 0; kill < KILLS; kill++) {
        for (uint32_t n = 0; n < 2u * kill; n++)
            MUST(&b, grant(&b));
        stop(&b);
        start(&b);
    }
    say(&b, "done, kills: ", KILLS);
    over(&b);
}
