/* SPDX-License-Identifier: BSD-2-Clause */
/* The book of world `process`: what the words of abi/ring.h and abi/methods.h promise to each record, worked
 * out apart from the kernel. Owns no handle number: those are learned from completions. Each function is told
 * of an event just before the kernel meets it. */
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/process_world.h"

/* One more handle? */
static bool has_room(const struct pw_world *p, uint32_t process)
{
    const struct pw_process *q = &p->book.processes[process];
    const uint32_t slots = process == 0 ? PW_SLOTS : p->config.slots;
    uint32_t retired = 0;

    for (uint32_t i = 1; p->config.generations && i <= slots; i++)
        retired += q->slot_object[i] == PW_NO_OBJECT && q->slot_generation[i] == p->config.generations;
    return pw_handles(p, process) + retired < slots;
}

/* completions */

static struct pw_process *process_of(struct pw_world *p, const struct pw_entry *e)
{
    const size_t at = (size_t)((const uint8_t *)e - (const uint8_t *)p->book.processes);

    return &p->book.processes[at / sizeof p->book.processes[0]];
}

static void over(struct pw_world *p, struct pw_entry *e, enum ring_status status)
{
    struct pw_process *q = process_of(p, e);

    if (e->state == PW_RECEIVED)
        p->book.dead_token = e->token;
    e->state = PW_OVER;
    e->status = (uint8_t)status;
    e->call = PW_NOBODY;
    q->posted = 1;
    if (p->config.parts & PW_PART_ROOM && p->started)
        q->unread++;
}

static void refuse(struct pw_world *p, struct pw_entry *e)
{
    over(p, e, RING_OK);
    e->refused = 1;
}

static void fail(struct pw_world *p, struct pw_entry *e)
{
    over(p, e, RING_OK);
    e->failed = 1;
}

/* Calls of an endpoint, or by one client object (PW_NO_OBJECT: any). */
static void end_calls(struct pw_world *p, uint8_t endpoint, uint8_t client, bool queued_only,
                      enum ring_status status)
{
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        for (uint32_t n = 0; n < PW_ENTRIES; n++) {
            struct pw_entry *e = &p->book.processes[i].entries[n];

            if (e->state != PW_QUEUED && (queued_only || e->state != PW_RECEIVED))
                continue;
            if (client ? e->object == client : p->book.objects[e->object].parent == endpoint)
                over(p, e, status);
        }
    }
}

/* objects */

static void drop_handles(struct pw_world *p, uint8_t object)
{
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        for (uint32_t s = 1; s <= PW_SLOTS; s++) {
            if (p->book.processes[i].slot_object[s] == object)
                p->book.processes[i].slot_object[s] = PW_NO_OBJECT;
        }
    }
}

static void end_object(struct pw_world *p, uint8_t object)
{
    struct pw_object *o = &p->book.objects[object];

    if (pw_kind(object) == CAP_IF_ENDPOINT)
        end_calls(p, object, PW_NO_OBJECT, false, RING_E_DISCONNECTED);
    if (pw_kind(object) == CAP_IF_NIC)
        end_calls(p, PW_NO_OBJECT, object, false, RING_E_CANCELLED);
    if (pw_kind(object) == CAP_IF_PROCESS && o->process != PW_NOBODY)
        pw_book_end(p, o->process);
    for (uint8_t child = 1; child < PW_OBJECTS; child++) {
        if (p->book.objects[child].live && p->book.objects[child].parent == object)
            end_object(p, child);
    }
    drop_handles(p, object);
    *o = (struct pw_object){.live = 0};
}

static uint8_t holder(const struct pw_world *p, uint8_t object, uint32_t other_than)
{
    for (uint8_t i = 0; i < PW_PROCESSES; i++) {
        if (i != other_than && p->book.processes[i].alive && pw_held(p, i, object))
            return i;
    }
    return PW_NOBODY;
}

/* What nobody can name ends. */
static void reap(struct pw_world *p)
{
    for (uint8_t o = PW_ENDPOINTS; o < PW_OBJECTS; o++) {
        const struct pw_object *entry = &p->book.objects[o];

        if (entry->live && holder(p, o, PW_NOBODY) == PW_NOBODY &&
            (pw_kind(o) != CAP_IF_PROCESS || entry->process == PW_NOBODY))
            end_object(p, o);
    }
}

static void memory_left(struct pw_world *p, uint8_t object, uint32_t process, uint8_t heir)
{
    struct pw_object *o = &p->book.objects[object];

    o->mapped &= (uint8_t) ~(1u << process);
    if (o->maker != process)
        return;
    if (heir == PW_NOBODY)
        heir = holder(p, object, process);
    if (heir != PW_NOBODY)
        o->maker = heir;
}

/* A handle went. `heir`: who got it, or PW_NOBODY. */
static void left(struct pw_world *p, uint32_t process, uint8_t object, uint8_t heir)
{
    struct pw_object *o = &p->book.objects[object];

    if (pw_held(p, process, object))
        return;
    if (pw_kind(object) == CAP_IF_MEMORY)
        memory_left(p, object, process, heir);
    if (pw_kind(object) != CAP_IF_ENDPOINT || o->server != process)
        return;
    o->server = PW_NOBODY;
    if (heir == PW_NOBODY)
        end_calls(p, object, PW_NO_OBJECT, true, RING_E_DISCONNECTED);
}

/* hand-over */

static bool may_go(const struct pw_world *p, uint32_t from, const struct pw_entry *e, bool move, uint32_t to)
{
    const uint8_t object = p->book.processes[from].slot_object[e->extra_cap.index];

    if (!pw_alive(p, from, e->extra_cap) || !has_room(p, to))
        return false;
    if (!move || pw_kind(object) != CAP_IF_MEMORY || from == to || p->book.objects[object].maker != from)
        return true;
    return pw_charged(p, to, PW_MEMORIES, PW_HANDLES) < 2u; /* it is charged from then on */
}

static void goes(struct pw_world *p, uint32_t from, const struct pw_entry *e, bool move, uint32_t to,
                 struct pw_entry *with)
{
    const uint8_t object = p->book.processes[from].slot_object[e->extra_cap.index];

    with->gives = object;
    if (!move)
        return;
    p->book.processes[from].slot_object[e->extra_cap.index] = PW_NO_OBJECT;
    left(p, from, object, (uint8_t)to);
}

static struct pw_entry *oldest(struct pw_world *p, enum pw_state state, uint8_t endpoint, uint8_t *process)
{
    struct pw_entry *found = NULL;

    for (uint8_t i = 0; i < PW_PROCESSES; i++) {
        for (uint32_t n = 0; n < PW_ENTRIES; n++) {
            struct pw_entry *e = &p->book.processes[i].entries[n];

            if (e->state != state || (found && found->order < e->order) || !pw_alive(p, i, e->cap))
                continue;
            if ((state == PW_QUEUED ? p->book.objects[e->object].parent : e->object) != endpoint)
                continue;
            found = e;
            *process = i;
        }
    }
    return found;
}

static void match(struct pw_world *p, uint8_t endpoint)
{
    while (true) {
        uint8_t caller = 0, server = 0;
        struct pw_entry *call = oldest(p, PW_QUEUED, endpoint, &caller);
        struct pw_entry *receive = oldest(p, PW_RECEIVING, endpoint, &server);
        const bool move = call && call->op == PW_CALL_MOVE;

        if (!call || !receive)
            return;
        if ((move || call->op == PW_CALL_COPY) && !may_go(p, caller, call, move, server)) {
            refuse(p, call);
            continue;
        }
        over(p, receive, RING_OK);
        if (move || call->op == PW_CALL_COPY)
            goes(p, caller, call, move, server, receive);
        receive->call = (uint8_t)(caller * PW_ENTRIES + (uint32_t)(call - p->book.processes[caller].entries));
        call->state = PW_RECEIVED;
        call->server = server;
    }
}

/* records */

static bool waits(struct pw_world *p, uint32_t process, struct pw_entry *e, enum pw_state state)
{
    if (pw_waiting(p, process) >= p->config.calls) {
        over(p, e, RING_E_LIMIT);
        return false;
    }
    e->state = (uint8_t)state;
    e->order = p->book.next_order++;
    return true;
}

static void answer(struct pw_world *p, uint32_t process, struct pw_entry *e)
{
    const uint32_t caller = e->a / PW_ENTRIES;
    struct pw_entry *call = &p->book.processes[caller].entries[e->a % PW_ENTRIES];
    const bool move = e->op == PW_RETURN_MOVE, with = move || e->op == PW_RETURN_COPY;

    if (call->state != PW_RECEIVED || call->server != process || call->token != e->record.args[0]) {
        over(p, e, RING_E_TOKEN);
        return;
    }
    if (with && !may_go(p, process, e, move, caller)) {
        refuse(p, e);
        return;
    }
    over(p, call, RING_OK);
    call->failed = 0;
    call->until = call->user; /* the value that comes back */
    if (with)
        goes(p, process, e, move, caller, call);
    over(p, e, RING_OK);
}

static void release(struct pw_world *p, uint32_t process, struct pw_entry *e)
{
    const uint8_t object = e->object;

    if (p->book.objects[object].maker == process && pw_kind(object) != CAP_IF_MEMORY) {
        end_object(p, object);
    } else {
        p->book.processes[process].slot_object[e->cap.index] = PW_NO_OBJECT;
        left(p, process, object, PW_NOBODY);
    }
    reap(p);
    over(p, e, RING_OK);
}

static uint32_t pages_used(const struct pw_world *p)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < PW_PROCESSES; i++)
        used += p->book.processes[i].alive ? p->book.processes[i].pages : 0u;
    for (uint8_t o = PW_MEMORIES; o < PW_HANDLES; o++)
        used += p->book.objects[o].live;
    return used;
}

static void make(struct pw_world *p, uint32_t process, struct pw_entry *e, uint8_t kind)
{
    if (!has_room(p, process) ||
        (kind == PW_MEMORIES && pw_charged(p, process, PW_MEMORIES, PW_HANDLES) == 2u)) {
        refuse(p, e);
        return;
    }
    if (kind == PW_MEMORIES && pages_used(p) == p->system.pages.count) {
        fail(p, e);
        return;
    }
    over(p, e, RING_OK);
    e->made = kind;
}

static void map(struct pw_world *p, uint32_t process, struct pw_entry *e, bool on)
{
    uint8_t *mapped = &p->book.objects[e->object].mapped;

    if (((uint32_t)*mapped >> process & 1u) == (on ? 1u : 0u)) {
        fail(p, e);
        return;
    }
    *mapped ^= (uint8_t)(1u << process);
    over(p, e, RING_OK);
}

static void watch(struct pw_world *p, uint32_t process, struct pw_entry *e)
{
    const uint8_t watched = p->book.objects[e->object].process;

    if (e->op == PW_KILL && watched == PW_NOBODY) {
        fail(p, e);
    } else if (e->op == PW_KILL) {
        pw_book_end(p, watched);
        over(p, e, RING_OK);
    } else if (watched == PW_NOBODY) {
        over(p, e, RING_OK);
    } else {
        (void)waits(p, process, e, PW_WATCHING);
    }
}

static void spawn(struct pw_world *p, uint32_t process, struct pw_entry *e)
{
    uint8_t child = 0;

    if (!has_room(p, process)) {
        refuse(p, e);
        return;
    }
    while (p->book.processes[child].alive)
        child++;
    p->book.processes[child].alive = 1;
    over(p, e, RING_OK);
    e->made = PW_HANDLES;
    e->call = child;
}

/* On a handle that is alive. */
static void submit_call(struct pw_world *p, uint32_t process, struct pw_entry *e)
{
    const bool with = e->op == PW_CALL_COPY || e->op == PW_CALL_MOVE;

    if (with && !pw_alive(p, process, e->extra_cap))
        refuse(p, e);
    else if (waits(p, process, e, PW_QUEUED))
        match(p, p->book.objects[e->object].parent);
}

static void submit(struct pw_world *p, uint32_t process, struct pw_entry *e)
{
    switch ((enum pw_op)e->op) {
    case PW_NOP:
        over(p, e, RING_OK);
        return;
    case PW_HOSTILE:
        over(p, e, RING_STATUS_COUNT); /* any refusal */
        return;
    case PW_RETURN_DEAD:
        over(p, e, RING_E_TOKEN);
        return;
    case PW_RETURN:
    case PW_RETURN_COPY:
    case PW_RETURN_MOVE:
        answer(p, process, e);
        return;
    default:
        break;
    }
    if (!pw_alive(p, process, e->cap)) {
        refuse(p, e);
        return;
    }
    switch ((enum pw_op)e->op) {
    case PW_RECV:
        if (!waits(p, process, e, PW_RECEIVING))
            return;
        p->book.objects[e->object].server = (uint8_t)process;
        match(p, e->object);
        return;
    case PW_RELEASE:
        release(p, process, e);
        return;
    case PW_WAIT_TIMER:
        if (p->book.now >= e->until)
            over(p, e, RING_OK);
        else
            (void)waits(p, process, e, PW_TIMED);
        return;
    case PW_MAKE_ENDPOINT:
        make(p, process, e, PW_ENDPOINTS);
        return;
    case PW_MAKE_CLIENT:
        make(p, process, e, PW_CLIENTS);
        return;
    case PW_MAKE_MEMORY:
        make(p, process, e, PW_MEMORIES);
        return;
    case PW_MAP:
    case PW_UNMAP:
        map(p, process, e, e->op == PW_MAP);
        return;
    case PW_SPAWN:
        spawn(p, process, e);
        return;
    case PW_KILL:
    case PW_WATCH:
        watch(p, process, e);
        return;
    default:
        submit_call(p, process, e);
        return;
    }
}

/* events */

void pw_book_write(struct pw_world *p, const struct pw_action *action)
{
    struct pw_process *q = &p->book.processes[action->process];
    struct pw_entry *e = q->entries;
    bool extra;

    while (e->state != PW_FREE)
        e++;
    ASSERT(e < q->entries + PW_ENTRIES);
    memset(e, 0, sizeof *e);
    e->op = action->op;
    e->a = action->a;
    e->b = action->b;
    e->user = p->book.next_user++;
    e->until = action->op == PW_WAIT_TIMER ? p->book.now + 1u : 0u;
    e->place = (uint8_t)(e - q->entries);
    extra =
        e->op == PW_CALL_COPY || e->op == PW_CALL_MOVE || e->op == PW_RETURN_COPY || e->op == PW_RETURN_MOVE;
    if (extra)
        e->extra_cap = pw_cap(p, action->process, action->b);
    if (action->op != PW_HOSTILE && action->op != PW_NOP && action->op != PW_RETURN_DEAD &&
        !(action->op >= PW_RETURN && action->op <= PW_RETURN_MOVE)) {
        e->cap = pw_cap(p, action->process, action->a);
        e->object = q->slot_object[action->a];
    }
    if (action->op == PW_STALE)
        e->cap.generation--;
    e->record = pw_record(p, action);
    e->record.user = e->user;
    if (e->op == PW_WAIT_TIMER)
        e->record.args[0] = e->until;
    if (e->op == PW_RECV)
        e->record.args[0] = e->place;
    if (e->op >= PW_CALL && e->op <= PW_CALL_MOVE)
        e->record.args[0] = e->user;
    e->state = PW_WRITTEN;
}

/* The beginning of a turn: what waits is looked after, who can go on does. */
void pw_book_turn(struct pw_world *p, uint64_t now)
{
    p->book.now = now;
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        struct pw_process *q = &p->book.processes[i];

        for (uint32_t n = 0; n < PW_ENTRIES; n++) {
            struct pw_entry *e = &q->entries[n];
            const bool here = pw_alive(p, i, e->cap);

            if (e->state == PW_FREE || e->state == PW_WRITTEN || e->state == PW_RECEIVED ||
                e->state == PW_OVER)
                continue;
            if (!here)
                over(p, e, RING_E_CANCELLED);
            else if (e->state == PW_TIMED && now >= e->until)
                over(p, e, RING_OK);
            else if (e->state == PW_WATCHING && p->book.objects[e->object].process == PW_NOBODY)
                over(p, e, RING_OK);
        }
        if (q->waiting && (q->posted || pw_waiting(p, i) == 0))
            q->waiting = 0;
    }
}

void pw_book_enter(struct pw_world *p, uint32_t process)
{
    struct pw_process *q = &p->book.processes[process];

    q->posted = 0; /* it has seen what was there */
    while (q->alive) {
        struct pw_entry *next = NULL;

        for (uint32_t n = 0; n < PW_ENTRIES; n++) {
            struct pw_entry *e = &q->entries[n];

            if (e->state == PW_WRITTEN && (!next || e->user < next->user))
                next = e;
        }
        if (!next)
            break;
        if (p->config.parts & PW_PART_ROOM && p->started && q->unread + pw_waiting(p, process) >= PW_ROOM)
            break;
        submit(p, process, next);
    }
}

void pw_book_end(struct pw_world *p, uint32_t process)
{
    struct pw_process *q = &p->book.processes[process];

    for (uint8_t o = PW_HANDLES; o < PW_OBJECTS; o++) {
        const struct pw_object *handle = &p->book.objects[o];

        if (handle->live && handle->maker == process && handle->process != PW_NOBODY)
            pw_book_end(p, handle->process);
    }
    for (uint8_t o = PW_HANDLES; o < PW_OBJECTS; o++) {
        if (p->book.objects[o].live && p->book.objects[o].process == process)
            p->book.objects[o].process = PW_NOBODY;
    }
    for (uint32_t n = 0; n < PW_ENTRIES; n++) {
        if (q->entries[n].state == PW_RECEIVED)
            p->book.dead_token = q->entries[n].token;
        q->entries[n].state = PW_FREE;
    }
    for (uint32_t i = 0; i < PW_PROCESSES * PW_ENTRIES; i++) {
        struct pw_entry *e = &p->book.processes[i / PW_ENTRIES].entries[i % PW_ENTRIES];

        if (e->state == PW_RECEIVED && e->server == process)
            over(p, e, RING_E_DISCONNECTED);
    }
    for (uint8_t o = PW_ENDPOINTS; o < PW_CLIENTS; o++) {
        struct pw_object *endpoint = &p->book.objects[o];

        if (!endpoint->live ||
            (endpoint->server != process && !(endpoint->server == PW_NOBODY && pw_held(p, process, o))))
            continue;
        endpoint->server = PW_NOBODY;
        end_calls(p, o, PW_NO_OBJECT, true, RING_E_DISCONNECTED);
    }
    q->alive = 0;
    for (uint8_t o = PW_MEMORIES; o < PW_HANDLES; o++) {
        if (p->book.objects[o].live)
            memory_left(p, o, process, PW_NOBODY);
    }
    memset(q->slot_object, 0, sizeof q->slot_object);
    for (uint8_t o = 1; o < PW_OBJECTS; o++) {
        if (p->book.objects[o].live && p->book.objects[o].maker == process)
            end_object(p, o);
    }
    memset(q, 0, sizeof *q);
    reap(p);
}
