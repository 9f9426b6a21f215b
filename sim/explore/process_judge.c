/* SPDX-License-Identifier: BSD-2-Clause */
/* World `process`: completions against what the book expects, and the kernel's records against the book.
 * Reads both, believes neither. */
#include <string.h>

#include "sim/explore/process_world.h"

/* completions */

static struct object_ref resolve(struct pw_world *p, uint32_t process, cap_id cap)
{
    const struct cap_lookup found = captable_lookup_any(&p->core.owners[process].caps, &p->core.objects, cap);

    return found.exception == CAP_EX_NONE ? found.object : (struct object_ref){0, OBJECT_NONE};
}

static void learn(struct pw_world *p, uint32_t process, cap_id cap, uint8_t object)
{
    struct pw_process *q = &p->book.processes[process];

    if (cap.index == 0 || cap.index > PW_SLOTS || q->slot_object[cap.index] != PW_NO_OBJECT ||
        cap.generation <= q->slot_generation[cap.index])
        xp_violate(&p->world, XP_P11, "process %u gets handle %u.%u, which it had before", process, cap.index,
                   cap.generation);
    q->slot_object[cap.index] = object;
    q->slot_generation[cap.index] = cap.generation;
}

void pw_learn(struct pw_world *p, uint32_t process, cap_id cap, uint8_t object)
{
    const struct object_ref ref = resolve(p, process, cap), want = p->book.objects[object].ref;

    if (ref.index != want.index || ref.generation != want.generation)
        xp_violate(&p->world, XP_P4, "process %u gets handle %u.%u, which is not the object that was sent",
                   process, cap.index, cap.generation);
    learn(p, process, cap, object);
}

uint8_t pw_learn_new(struct pw_world *p, uint32_t process, cap_id cap, uint8_t first)
{
    const struct object_ref ref = resolve(p, process, cap);
    const struct object *entry = &p->core.objects.entries[ref.index];
    const bool record = first >= PW_ENDPOINTS;
    const uint8_t object = (uint8_t)(first + (record && ref.index != OBJECT_NONE ? entry->payload : 0u));

    if (ref.index == OBJECT_NONE || object >= PW_OBJECTS || p->book.objects[object].live ||
        pw_kind(object) != entry->interface || entry->owner != process)
        xp_violate(&p->world, XP_P12, "process %u gets handle %u.%u, which is no new object", process,
                   cap.index, cap.generation);
    p->book.objects[object] = (struct pw_object){
        .live = 1, .maker = (uint8_t)process, .server = PW_NOBODY, .process = PW_NOBODY, .ref = ref};
    learn(p, process, cap, object);
    return object;
}

/* A child finds in its start-up page what it was given: the endpoint, or the client. */
static void learn_child(struct pw_world *p, uint8_t child, uint8_t given)
{
    const struct startup_page *page = p->system.processes[child].startup;

    if (!process_live(&p->system, child) || page->grant_count != (given ? 1u : 0u))
        xp_violate(&p->world, XP_P16, "process %u is not started with what was named", child);
    p->book.processes[child].pages = (uint8_t)p->system.processes[child].own_pages;
    if (given)
        pw_learn(p, child, page->grants[0].cap, given);
}

static void take_call(struct pw_world *p, uint32_t process, const struct pw_entry *e,
                      const struct ring_completion *c)
{
    struct pw_entry *call = &p->book.processes[e->call / PW_ENTRIES].entries[e->call % PW_ENTRIES];
    struct ring_received in;

    if (c->inbox != e->place)
        xp_violate(&p->world, XP_P21, "a call lies in place %u, asked for was %u", c->inbox, e->place);
    memcpy(&in, &p->system.processes[process].ring->inbox[e->place], sizeof in);
    if (in.args[0] != call->user || in.badge != call->object || in.method != 1 || in.interface != CAP_IF_NIC)
        xp_violate(&p->world, XP_P21, "process %u receives another call than the oldest", process);
    if (in.token == p->book.dead_token)
        xp_violate(&p->world, XP_P21, "a token comes twice");
    call->token = in.token;
    if (cap_is_none(in.cap) != (e->gives == PW_NO_OBJECT))
        xp_violate(&p->world, XP_P4, "a capability %s with a call", e->gives ? "is lost" : "appears");
    if (e->gives)
        pw_learn(p, process, in.cap, e->gives);
}

static void take_new(struct pw_world *p, uint32_t process, const struct pw_entry *e,
                     const struct ring_completion *c)
{
    const uint8_t object = pw_learn_new(p, process, c->cap, e->made);

    p->book.objects[object].parent = e->object;
    if (e->op != PW_SPAWN)
        return;
    p->book.objects[object].process = e->call;
    learn_child(p, e->call, e->b ? p->book.processes[process].slot_object[e->b] : 0u);
}

static void take(struct pw_world *p, uint32_t process, const struct ring_completion *c)
{
    struct pw_process *q = &p->book.processes[process];
    struct pw_entry *e = NULL;
    bool as_told;

    for (uint32_t n = 0; n < PW_ENTRIES; n++) {
        if (q->entries[n].state != PW_FREE && q->entries[n].user == c->user)
            e = &q->entries[n];
    }
    if (!e)
        xp_violate(&p->world, XP_P21, "process %u: a completion that belongs to nothing: %llu", process,
                   (unsigned long long)c->user);
    if (e->state != PW_OVER)
        xp_violate(&p->world, XP_P21, "process %u: %s completes too early: status %u, exception %u", process,
                   pw_op_name(e->op), c->status, c->exception);
    as_told = c->status == e->status && (c->exception != 0) == e->refused && (c->result != 0) == e->failed;
    if (e->status == RING_STATUS_COUNT)
        as_told = c->status != RING_OK || c->exception != 0 || c->result != 0;
    if (!as_told)
        xp_violate(&p->world, e->refused ? XP_P14 : XP_P21,
                   "process %u: %s completes with status %u, exception %u, result %u; expected: %u, %s, %s",
                   process, pw_op_name(e->op), c->status, c->exception, c->result, e->status,
                   e->refused ? "refused" : "not refused", e->failed ? "failed" : "0");
    if (e->op <= PW_CALL_MOVE && c->value != e->until)
        xp_violate(&p->world, XP_P21, "process %u: the answer of another call", process);
    if (e->call != PW_NOBODY && e->op == PW_RECV)
        take_call(p, process, e, c);
    else if (e->made)
        take_new(p, process, e, c);
    else if (cap_is_none(c->cap) != (e->gives == PW_NO_OBJECT))
        xp_violate(&p->world, XP_P4, "a capability %s with an answer", e->gives ? "is lost" : "appears");
    else if (e->gives)
        pw_learn(p, process, c->cap, e->gives);
    e->state = PW_FREE;
}

void pw_take_completions(struct pw_world *p)
{
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        const struct process *k = &p->system.processes[i];

        if (!process_live(&p->system, (uint16_t)i) || k->number != p->numbers[i] ||
            !p->book.processes[i].alive)
            continue;
        for (uint32_t at = p->tails[i]; at != k->complete_tail; at++) {
            struct ring_completion c;

            memcpy(&c, &k->ring->completions[at % RING_COMPLETIONS], sizeof c);
            take(p, i, &c);
        }
        for (uint32_t n = 0; n < PW_ENTRIES; n++) {
            const struct pw_entry *e = &p->book.processes[i].entries[n];

            if (e->state == PW_OVER)
                xp_violate(&p->world, XP_P21, "process %u: %s is over and does not complete", i,
                           pw_op_name(e->op));
        }
    }
}

/* records */

static void same(struct pw_world *p, enum xp_property property, const char *what, uint32_t process,
                 uint32_t is, uint32_t want)
{
    if (is != want)
        xp_violate(&p->world, property, "%s of process %u: %u, the book says %u", what, process, is, want);
}

static void judge_table(struct pw_world *p, uint32_t process)
{
    const struct pw_process *q = &p->book.processes[process];
    const struct captable *t = &p->core.owners[process].caps;

    for (uint32_t i = 1; i <= PW_SLOTS; i++) {
        const uint8_t object = q->slot_object[i];
        const bool live = i < t->fresh && t->slots[i].state == CAP_SLOT_LIVE;
        const struct object_ref ref = live ? t->slots[i].object : (struct object_ref){0, OBJECT_NONE};

        if (live != (object != PW_NO_OBJECT))
            xp_violate(&p->world, live ? XP_P12 : XP_P4, "slot %u of process %u is %s, the book says %s", i,
                       process, live ? "live" : "empty", object ? "live" : "empty");
        if (live && (ref.index != p->book.objects[object].ref.index ||
                     ref.generation != p->book.objects[object].ref.generation))
            xp_violate(&p->world, XP_P4, "slot %u of process %u holds another object", i, process);
        for (uint32_t g = live ? q->slot_generation[i] - 1u : q->slot_generation[i];
             g > 0 && g + 2u > q->slot_generation[i]; g--) {
            if (captable_lookup_any(t, &p->core.objects, (cap_id){i, g}).exception == CAP_EX_NONE)
                xp_violate(&p->world, XP_P11, "handle %u.%u of process %u is stale and resolves", i, g,
                           process);
        }
    }
    for (uint32_t i = PW_SLOTS + 1u; i < t->fresh && !p->config.generations; i++)
        same(p, XP_P4, "a slot beyond the budget", process, t->slots[i].state == CAP_SLOT_LIVE, 0);
    same(p, XP_I16, "handles", process, t->live_count, pw_handles(p, process));
}

static void judge_process(struct pw_world *p, uint32_t process)
{
    const struct process *k = &p->system.processes[process];
    const struct pw_process *q = &p->book.processes[process];
    const uint32_t *used = p->core.owners[process].budget.used;

    same(p, XP_P16, "life", process, k->state != PROCESS_FREE, q->alive);
    if (!q->alive)
        return;
    judge_table(p, process);
    same(p, XP_P3, "waiting", process, k->state == PROCESS_WAITING && k->timeout_ns == RING_FOREVER,
         q->waiting);
    same(p, XP_P21, "records under way", process, k->under_way, pw_waiting(p, process));
    same(p, XP_I16, "slot budget", process, used[BUDGET_CAP_SLOTS], pw_handles(p, process));
    same(p, XP_I16, "call budget", process, used[BUDGET_CALLS], pw_waiting(p, process));
    same(p, XP_I16, "page budget", process, used[BUDGET_MEMORY_PAGES],
         q->pages + pw_charged(p, process, PW_MEMORIES, PW_HANDLES));
    same(p, XP_I16, "endpoint budget", process, used[BUDGET_ENDPOINTS],
         pw_charged(p, process, PW_ENDPOINTS, PW_MEMORIES));
    same(p, XP_I16, "process budget", process, used[BUDGET_PROCESSES],
         pw_charged(p, process, PW_HANDLES, PW_OBJECTS));
}

/* Each record of the book has one of the kernel's. */
static uint32_t kernel_records(const struct pw_world *p, uint32_t process, const struct pw_entry *e)
{
    const struct system *s = &p->system;
    const struct ring_receive *r = &s->processes[process].receives[e->place];
    uint32_t count = 0;

    if (e->state == PW_RECEIVING)
        return r->used && r->user == e->user;
    for (uint32_t i = 0; i < CALLS_MAX && (e->state == PW_QUEUED || e->state == PW_RECEIVED); i++) {
        const struct call *c = &s->calls[i];

        count += c->caller == process && c->submission.user == e->user &&
                 c->state == (e->state == PW_QUEUED ? CALL_QUEUED : CALL_RECEIVED) &&
                 (e->state == PW_QUEUED || (c->server == e->server && c->order == e->token));
    }
    for (uint32_t i = 0; i < WAITERS_MAX && (e->state == PW_TIMED || e->state == PW_WATCHING); i++)
        count += s->waiters[i].kind != WAITER_UNUSED && s->waiters[i].process == process &&
                 s->waiters[i].submission.user == e->user;
    return count;
}

static void judge_records(struct pw_world *p, const struct system_held *held)
{
    uint32_t states[PW_OVER + 1u] = {0};

    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        for (uint32_t n = 0; n < PW_ENTRIES; n++) {
            const struct pw_entry *e = &p->book.processes[i].entries[n];

            states[e->state]++;
            if (e->state > PW_WRITTEN && kernel_records(p, i, e) != 1u)
                xp_violate(&p->world, XP_P21, "process %u: %s waits, and the kernel has %u records of it", i,
                           pw_op_name(e->op), kernel_records(p, i, e));
        }
    }
    same(p, XP_P21, "calls", PW_NOBODY, held->calls, states[PW_QUEUED] + states[PW_RECEIVED]);
    same(p, XP_P21, "receives", PW_NOBODY, held->receives, states[PW_RECEIVING]);
    same(p, XP_P21, "waiters", PW_NOBODY, held->waiters, states[PW_TIMED] + states[PW_WATCHING]);
}

void pw_judge(struct pw_world *p)
{
    const struct system_held held = system_held(&p->system);
    uint32_t live[PW_OBJECTS + 1u] = {0}, pages = 0, owed = 0, mappings = 0;

    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        judge_process(p, i);
        pages += p->book.processes[i].alive ? p->book.processes[i].pages : 0u;
        owed += p->book.processes[i].alive ? 1u + pw_handles(p, i) : 0u;
    }
    for (uint8_t o = 1; o < PW_OBJECTS; o++) {
        const struct pw_object *book = &p->book.objects[o];

        live[PW_OBJECTS] += book->live;
        live[o] = live[o - 1u] + book->live;
        for (uint32_t i = 0; i < PW_PROCESSES; i++)
            mappings += book->live && (book->mapped >> i & 1u);
        if (book->live && !object_live(&p->core.objects, book->ref))
            xp_violate(&p->world, XP_P4, "object %u has ended, the book says it lives", o);
        if (book->live && pw_kind(o) == CAP_IF_ENDPOINT)
            same(p, XP_P16, "server", o, p->system.endpoints[o - PW_ENDPOINTS].server,
                 book->server == PW_NOBODY ? PROCESS_NONE : book->server);
    }
    judge_records(p, &held);
    same(p, XP_P12, "objects", PW_NOBODY, p->core.objects.live_count, live[PW_OBJECTS]);
    same(p, XP_P16, "endpoints", PW_NOBODY, held.endpoints, live[PW_CLIENTS - 1u] - live[PW_ENDPOINTS - 1u]);
    same(p, XP_P16, "clients", PW_NOBODY, held.clients, live[PW_MEMORIES - 1u] - live[PW_CLIENTS - 1u]);
    same(p, XP_P16, "memories", PW_NOBODY, held.memories, live[PW_HANDLES - 1u] - live[PW_MEMORIES - 1u]);
    same(p, XP_P16, "handles", PW_NOBODY, held.handles, live[PW_OBJECTS - 1u] - live[PW_HANDLES - 1u]);
    same(p, XP_P4, "pages", PW_NOBODY, held.memory_pages, pages + held.memories);
    same(p, XP_P12, "mappings", PW_NOBODY, held.mappings, mappings);
    same(p, XP_I16, "room kept in the log", PW_NOBODY, p->core.audit.reserved, owed);
}
