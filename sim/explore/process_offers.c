/* SPDX-License-Identifier: BSD-2-Clause */
/* World `process`: what can be done now. The first process has made what the others use, and looks after
 * them; those two call, receive and answer. */
#include "abi/assert.h"
#include "sim/explore/process_world.h"

struct offers {
    struct pw_world *p;
    struct pw_action *out;
    uint32_t count;
    uint8_t process;
};

static void offer(struct offers *o, enum pw_op op, uint32_t a, uint32_t b)
{
    ASSERT(o->count < PW_ACTIONS_MAX);
    o->out[o->count++] = (struct pw_action){(uint8_t)op, o->process, (uint8_t)a, (uint8_t)b};
}

static bool has(const struct offers *o, uint16_t part)
{
    return (o->p->config.parts & part) != 0;
}

static uint8_t object_in(const struct offers *o, uint32_t slot)
{
    return o->p->book.processes[o->process].slot_object[slot];
}

/* One name of a kind is left. */
static bool name_left(const struct pw_world *p, uint8_t first, uint8_t end)
{
    for (uint8_t object = first; object < end; object++) {
        if (!p->book.objects[object].live)
            return true;
    }
    return false;
}

static uint32_t slot_of(const struct pw_world *p, uint32_t process, uint8_t first, uint8_t end)
{
    for (uint32_t s = 1; s <= PW_SLOTS; s++) {
        const uint8_t object = p->book.processes[process].slot_object[s];

        if (object >= first && object < end)
            return s;
    }
    return 0;
}

/* With each handle along. */
static void with_each(struct offers *o, enum pw_op plain, uint32_t a)
{
    offer(o, plain, a, 0);
    for (uint32_t s = 1; s <= PW_SLOTS; s++) {
        if (object_in(o, s) == PW_NO_OBJECT)
            continue;
        if (has(o, PW_PART_COPIES))
            offer(o, (enum pw_op)(plain + 1), a, s);
        if (has(o, PW_PART_MOVES))
            offer(o, (enum pw_op)(plain + 2), a, s);
    }
}

static void by_handle(struct offers *o, uint32_t slot)
{
    const uint8_t object = object_in(o, slot);

    switch (pw_kind(object)) {
    case CAP_IF_NIC:
        with_each(o, PW_CALL, slot);
        break;
    case CAP_IF_ENDPOINT:
        offer(o, PW_RECV, slot, 0);
        break;
    case CAP_IF_TIMER:
        if (has(o, PW_PART_TIMERS))
            offer(o, PW_WAIT_TIMER, slot, 0);
        break;
    case CAP_IF_MEMORY:
        if (!has(o, PW_PART_MEMORY))
            break;
        offer(o, PW_MAP, slot, 0);
        offer(o, PW_UNMAP, slot, 0);
        break;
    case CAP_IF_MEMORY_SOURCE:
        if (name_left(o->p, PW_MEMORIES, PW_HANDLES))
            offer(o, PW_MAKE_MEMORY, slot, 0);
        break;
    default:
        break;
    }
    if (has(o, PW_PART_RELEASES) && object != PW_NO_OBJECT)
        offer(o, PW_RELEASE, slot, 0);
}

static void worker(struct offers *o)
{
    for (uint32_t s = 1; s <= PW_SLOTS; s++)
        by_handle(o, s);
    for (uint32_t i = 0; i < PW_PROCESSES * PW_ENTRIES; i++) {
        const struct pw_entry *e = &o->p->book.processes[i / PW_ENTRIES].entries[i % PW_ENTRIES];

        if (e->state == PW_RECEIVED && e->server == o->process)
            with_each(o, PW_RETURN, i);
    }
    offer(o, PW_NOP, 0, 0);
    offer(o, PW_RETURN_DEAD, 0, 0);
    offer(o, PW_STALE, 1, 0);
}

/* The lowest number that is free: a process gets that. */
static void start_again(struct offers *o)
{
    const struct pw_world *p = o->p;
    const uint32_t spawner = slot_of(p, 0, PW_SPAWNER, PW_ENDPOINTS);
    const uint32_t memory = slot_of(p, 0, PW_MEMORIES, PW_MEMORIES + 1u);

    if (!spawner || !memory || !name_left(p, PW_HANDLES, PW_OBJECTS))
        return;
    if (!p->book.processes[1].alive)
        offer(o, PW_SPAWN, spawner, slot_of(p, 0, PW_ENDPOINTS, PW_CLIENTS));
    else if (!p->book.processes[2].alive)
        offer(o, PW_SPAWN, spawner, slot_of(p, 0, PW_CLIENTS, PW_MEMORIES));
}

static void keeper(struct offers *o)
{
    struct pw_world *p = o->p;

    for (uint32_t s = 1; s <= PW_SLOTS; s++) {
        const uint8_t kind = pw_kind(object_in(o, s));

        if (has(o, PW_PART_RELEASES) &&
            (kind == CAP_IF_ENDPOINT || kind == CAP_IF_NIC || kind == CAP_IF_PROCESS ||
             (kind == CAP_IF_TIMER && has(o, PW_PART_TIMERS)) ||
             (kind == CAP_IF_MEMORY && has(o, PW_PART_MEMORY))))
            offer(o, PW_RELEASE, s, 0);
        if (kind == CAP_IF_PROCESS) {
            offer(o, PW_WATCH, s, 0);
            offer(o, PW_KILL, s, 0);
        }
        if (!has(o, PW_PART_MAKES))
            continue;
        if (kind == CAP_IF_ENDPOINT_SOURCE && name_left(p, PW_ENDPOINTS, PW_CLIENTS))
            offer(o, PW_MAKE_ENDPOINT, s, 0);
        if (kind == CAP_IF_ENDPOINT && name_left(p, PW_CLIENTS, PW_MEMORIES))
            offer(o, PW_MAKE_CLIENT, s, 0);
    }
    if (has(o, PW_PART_LIVES))
        start_again(o);
}

static void records(struct offers *o)
{
    const struct pw_process *q = &o->p->book.processes[o->process];
    uint32_t written = 0;

    for (uint32_t n = 0; n < PW_ENTRIES; n++)
        written += q->entries[n].state == PW_WRITTEN;
    if (has(o, PW_PART_ROOM) && q->unread)
        offer(o, PW_READ, 0, 0);
    if (has(o, PW_PART_WAITS))
        offer(o, PW_WAIT, 0, 0);
    if (has(o, PW_PART_HOSTILE)) {
        for (uint32_t i = 0; i < pw_hostile_count(); i++)
            offer(o, PW_HOSTILE, i, 0);
        for (uint32_t i = 0; i < 3u; i++)
            offer(o, PW_BAD_ENTER, i, 0);
    }
    if (written != 0)
        return;
    if (o->process == 0)
        keeper(o);
    else
        worker(o);
}

uint32_t pw_offers(struct pw_world *p, struct pw_action *out)
{
    struct offers o = {.p = p, .out = out};
    bool time = false, any = false;

    for (o.process = 0; o.process < PW_PROCESSES; o.process++) {
        const struct pw_process *q = &p->book.processes[o.process];

        if (!q->alive)
            continue;
        any = true;
        time = time || q->waiting || pw_waiting(p, o.process) > 0;
        if (has(&o, PW_PART_ENDS))
            offer(&o, PW_END, 0, 0);
        if (q->waiting)
            continue;
        if (has(&o, PW_PART_ENDS)) {
            offer(&o, PW_EXIT, 0, 0);
            offer(&o, PW_FAULT, 0, 0);
        }
        records(&o);
    }
    if (any && time) {
        o.process = 0;
        offer(&o, PW_TICK, 0, 0);
    }
    return o.count;
}
