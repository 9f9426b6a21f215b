/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns: waiters are served, who waited long enough goes on, one program runs, what it asked for is done. */
#include "kernel/core/parts.h"

void system_init(struct system *s, const struct system_setup *setup)
{
    ASSERT(s != NULL);
    ASSERT(setup->core != NULL);
    ASSERT(setup->processor.ops != NULL);
    ASSERT(setup->loader != NULL);
    ASSERT(setup->door.call != NULL && setup->door.destroy != NULL && setup->door.release != NULL);
    memset(s, 0, sizeof *s);
    s->core = setup->core;
    s->processor = setup->processor;
    s->door = setup->door;
    s->loader = setup->loader;
    s->limits = setup->limits;
    page_source_init(&s->pages, setup->pages, setup->page_count);
    s->next_order = 1;
    s->next_number = 1;
    s->last_counted = true;
}

static bool time_over(const struct system *s, const struct process *p)
{
    return p->timeout_ns != RING_FOREVER && s->now_ns >= p->deadline_ns;
}

static void wake(struct system *s)
{
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        struct process *p = &s->processes[i];

        if (p->state != PROCESS_WAITING)
            continue;
        if (p->entered_now) {
            const uint64_t end = s->now_ns + p->timeout_ns;

            p->deadline_ns = end < s->now_ns ? RING_FOREVER : end;
            p->entered_now = false;
        }
        if (!ring_satisfied(p) && !time_over(s, p))
            continue;
        p->state = PROCESS_READY;
        p->result = RING_ENTERED;
    }
}

/* The runnable process that the processor picks, counted from the one after the last; or NULL. */
static struct process *pick(struct system *s)
{
    uint16_t ready[PROCESSES_MAX];
    uint32_t count = 0, picked;

    for (uint32_t i = 1; i <= PROCESSES_MAX; i++) {
        const uint16_t at = (uint16_t)((s->last_run + i) % PROCESSES_MAX);

        if (s->processes[at].state == PROCESS_READY)
            ready[count++] = at;
    }
    if (count == 0)
        return NULL;
    picked = s->processor.ops->pick(s->processor.ctx, count);
    ASSERT(picked < count);
    return &s->processes[ready[picked]];
}

/* Time between two turns is the program's that ran in the first. */
static void count_time(struct system *s, uint64_t now_ns)
{
    struct process *p = &s->processes[s->last_run];

    if (!s->last_counted && p->state != PROCESS_FREE && p->number == s->last_number)
        p->run_ns += now_ns - s->now_ns;
    s->last_counted = true;
}

static void entered(struct system *s, struct process *p)
{
    const uint32_t number = p->number;
    enum ring_enter result;

    p->entries++;
    result = ring_enter(s, p, p->stop.min_complete);
    if (p->state == PROCESS_FREE || p->number != number)
        return;
    if (result != RING_ENTERED) {
        p->result = result;
        return;
    }
    p->state = PROCESS_WAITING;
    p->min_complete = p->stop.min_complete;
    p->timeout_ns = p->stop.timeout_ns;
    p->entered_now = true;
}

static void run(struct system *s, struct process *p)
{
    memcpy(&p->ring->header.now_ns, &s->now_ns, sizeof s->now_ns);
    s->last_run = p->index;
    s->last_number = p->number;
    s->last_counted = false;
    s->processor.ops->run(s->processor.ctx, p->index, p->result, &p->stop);
    switch (p->stop.event) {
    case PROCESSOR_ENTER:
        entered(s, p);
        return;
    case PROCESSOR_EXIT:
        process_end(s, p->index, PROCESS_EXITED, p->stop.code);
        return;
    case PROCESSOR_FAULT:
        process_end(s, p->index, PROCESS_FAULTED, p->stop.code);
        return;
    case PROCESSOR_PREEMPTED:
        return;
    }
    ASSERT(false); /* the processor knows four events */
}

/* What the caller of the turn may sleep on. */
static void summarize(const struct system *s, struct system_turn *turn)
{
    turn->deadline_ns = RING_FOREVER;
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        const struct process *p = &s->processes[i];

        turn->processes = (uint16_t)(turn->processes + (p->state != PROCESS_FREE));
        if (p->state == PROCESS_WAITING && p->timeout_ns != RING_FOREVER && !p->entered_now &&
            p->deadline_ns < turn->deadline_ns)
            turn->deadline_ns = p->deadline_ns;
    }
    for (uint16_t i = 0; i < s->waiters_end; i++) {
        const struct waiter *w = &s->waiters[i];

        turn->door_waits = turn->door_waits || w->kind == WAITER_DOOR;
        if (w->kind == WAITER_TIMER && w->submission.args[0] < turn->deadline_ns)
            turn->deadline_ns = w->submission.args[0];
    }
}

struct system_turn system_turn(struct system *s, uint64_t now_ns)
{
    struct system_turn turn = {.ran = false};
    struct process *p;

    ASSERT(now_ns >= s->now_ns);
    count_time(s, now_ns);
    s->now_ns = now_ns;
    const uint32_t ended = s->core->objects.ended;
    waiter_serve(s);
    call_sweep(s);
    s->looked = ended; /* what these two have ended is looked at in the next turn */
    wake(s);
    p = pick(s);
    turn.ran = p != NULL;
    if (p != NULL)
        run(s, p);
    summarize(s, &turn);
    return turn;
}

struct system_held system_held(const struct system *s)
{
    struct system_held held;

    memset(&held, 0, sizeof held);
    for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
        held.processes += s->processes[i].state != PROCESS_FREE;
        for (uint32_t place = 0; place < RING_INBOX; place++)
            held.receives += s->processes[i].state != PROCESS_FREE && s->processes[i].receives[place].used;
    }
    for (uint32_t i = 0; i < HANDLES_MAX; i++)
        held.handles += s->handles[i].used;
    for (uint32_t i = 0; i < MEMORIES_MAX; i++) {
        held.memories += s->memories[i].used;
        for (uint32_t at = 0; at < OWNERS_MAX; at++)
            held.mappings += s->memories[i].used && s->memories[i].mapped_at[at] != 0;
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++)
        held.endpoints += s->endpoints[i].used;
    for (uint32_t i = 0; i < CLIENTS_MAX; i++)
        held.clients += s->clients[i].used;
    for (uint32_t i = 0; i < CALLS_MAX; i++)
        held.calls += s->calls[i].state != CALL_UNUSED;
    for (uint32_t i = 0; i < WAITERS_MAX; i++)
        held.waiters += s->waiters[i].kind != WAITER_UNUSED;
    held.memory_pages = s->pages.used;
    return held;
}
