/* SPDX-License-Identifier: BSD-2-Clause */
/* Kills the network card's driver whenever frames have flowed again and a while of the generator's has
 * passed, and looks each time: frames within a second of the kernel's clock, and held what was held before
 * the first. It reads the audit log as well, which nobody else does here. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/nic.h"
#include "evidence/text.h"
#include "user/rt/rt.h"

#define KILLS_DEFAULT 500u
#define AGAIN_NS      1000000000ull
#define FRAMES_AGAIN  2u /* received by the new life: frames flow */
#define LATER_NS_MAX  2000000u
#define POLL_NS       200000u
#define DRAINED_BYTES (64u * sizeof(struct audit_line))
#define SEED          20261126u

struct killer {
    struct rt *rt;
    cap_id timer, audit, system, power, supervisor, status;
    uint64_t driver; /* number of the service */
    struct rt_memory report, records;
    uint32_t chance, kills;
    uint64_t slowest_ns;
};

static struct ring_completion call(struct killer *k, cap_id cap, uint16_t method, const uint64_t *args)
{
    return ring_call(&k->rt->ring, cap, method, args, NULL);
}

static void add(struct text *t, const char *what, uint64_t number)
{
    text_string(t, what);
    text_u64(t, number);
}

static _Noreturn void over(struct killer *k, const char *what, uint32_t line)
{
    char buffer[120];
    struct text t = text_over(buffer, sizeof buffer);

    text_string(&t, "killer: ");
    text_string(&t, what);
    if (line != 0)
        text_u64(&t, line);
    add(&t, ", kills: ", k->kills);
    add(&t, ", slowest us: ", k->slowest_ns / 1000u);
    text_string(&t, "\n");
    (void)rt_write(k->rt, t.at, t.used);
    (void)call(k, k->power, POWER_END, RING_ARGS(1));
    rt_exit(k->rt, line);
}

static void must(struct killer *k, bool holds, uint32_t line)
{
    if (!holds)
        over(k, "does not hold: line ", line);
}
#define MUST(k_, holds_) must((k_), (holds_), __LINE__)

static void pause(struct killer *k, uint64_t ns)
{
    const struct ring_completion done = call(k, k->timer, TIMER_WAIT, RING_ARGS(ring_now(&k->rt->ring) + ns));

    MUST(k, ring_completed(&done));
}

/* xorshift */
static uint32_t chance(struct killer *k)
{
    k->chance ^= k->chance << 13;
    k->chance ^= k->chance >> 17;
    k->chance ^= k->chance << 5;
    return k->chance;
}

static struct system_usage usage(struct killer *k)
{
    const struct ring_extra range = ring_range(k->report.cap, 0, sizeof(struct system_usage));
    const struct ring_completion done = ring_call(&k->rt->ring, k->system, SYSTEM_USAGE, NULL, &range);
    struct system_usage out;

    MUST(k, ring_completed(&done));
    memcpy(&out, k->report.at, sizeof out);
    return out;
}

/* All but counters. */
static bool same_held(const struct system_usage *x, const struct system_usage *y)
{
    return x->processes == y->processes && x->objects == y->objects && x->caps == y->caps &&
           x->pages_used == y->pages_used && x->pages_free == y->pages_free &&
           x->dma_pages_used == y->dma_pages_used && x->dma_pages_free == y->dma_pages_free &&
           x->devices_claimed == y->devices_claimed && x->devices_quarantined == y->devices_quarantined;
}

/* Waits until this life of the driver has received frames for its client. */
static void flow(struct killer *k, uint64_t since_ns)
{
    for (;;) {
        const struct ring_completion received =
            call(k, k->status, NIC_COUNTER, RING_ARGS(NIC_COUNTER_RECEIVED));
        const uint64_t took = ring_now(&k->rt->ring) - since_ns;

        MUST(k, took <= AGAIN_NS);
        if (ring_completed(&received) && received.value >= FRAMES_AGAIN) {
            k->slowest_ns = took > k->slowest_ns ? took : k->slowest_ns;
            return;
        }
        pause(k, POLL_NS);
    }
}

/* What the log held before leaves it; there are new records, those of the kill. */
static void drain(struct killer *k, uint64_t last)
{
    const struct ring_extra range = ring_range(k->records.cap, 0, DRAINED_BYTES);
    const struct ring_completion done =
        ring_call(&k->rt->ring, k->audit, AUDIT_DRAIN, RING_ARGS(last), &range);

    MUST(k, ring_completed(&done));
}

static void open(struct killer *k, struct rt *rt)
{
    k->rt = rt;
    k->timer = rt_first(rt, CAP_IF_TIMER);
    k->audit = rt_first(rt, CAP_IF_AUDIT);
    k->system = rt_first(rt, CAP_IF_SYSTEM);
    k->power = rt_first(rt, CAP_IF_POWER);
    k->supervisor = rt_first(rt, CAP_IF_SUPERVISOR);
    k->status = rt_first(rt, CAP_IF_NIC_STATUS);
    k->driver = rt_parameter_u64(rt, "driver", 0);
    k->chance = SEED;
    MUST(k, rt_memory_make(rt, RING_PAGE_BYTES, &k->report));
    MUST(k, rt_memory_make(rt, RING_PAGE_BYTES, &k->records));
}

uint32_t program_main(struct rt *rt)
{
    static struct killer k;
    const uint64_t kills = rt_parameter_u64(rt, "kills", KILLS_DEFAULT);

    open(&k, rt);
    flow(&k, ring_now(&rt->ring));
    const struct system_usage before = usage(&k);
    while (k.kills < kills) {
        pause(&k, chance(&k) % LATER_NS_MAX);
        const uint64_t last = usage(&k).audit_records;
        const uint64_t at = ring_now(&rt->ring);
        const struct ring_completion killed = call(&k, k.supervisor, SUPERVISOR_KILL, RING_ARGS(k.driver));

        MUST(&k, ring_completed(&killed));
        k.kills++;
        drain(&k, last);
        flow(&k, at);
        const struct system_usage now = usage(&k);
        MUST(&k, same_held(&before, &now));
    }
    over(&k, "done", 0);
}
