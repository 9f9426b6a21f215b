/* SPDX-License-Identifier: BSD-2-Clause */
/* What can happen next: every call that an owner could make and that is not hopeless by the book, the hands
 * above the owners, the devices' moves. */
#include "abi/assert.h"
#include "sim/explore/authority_world.h"

#define ANY UINT32_MAX

struct list {
    struct auth_action *out;
    uint32_t count;
};

/* Live objects of a kind: on the function, or charged to the owner. */
static uint32_t count_of(const struct auth_world *a, uint8_t kind, uint32_t function, uint32_t owner)
{
    uint32_t count = 0;

    for (uint32_t i = 1; i < AUTH_OBJECTS; i++) {
        const struct auth_object *o = &a->ghost.objects[i];

        count += o->kind == kind && (o->function == function || function == ANY) &&
                 (o->owner == owner || owner == ANY);
    }
    return count;
}

bool auth_has_slot(const struct auth_world *a, uint32_t owner)
{
    const struct auth_holder *o = &a->ghost.owners[owner];

    for (uint32_t s = 1; s <= a->config.slots; s++) {
        if (!o->slot_object[s] && o->slot_generation[s] < auth_last_generation(a))
            return true;
    }
    return false;
}

static bool pool_has_page(const struct auth_world *a, uint8_t pool)
{
    uint32_t used = 0;

    for (uint32_t i = AUTH_BUFFERS; i < AUTH_INTERRUPTS; i++)
        used +=
            a->ghost.objects[i].parent == pool && a->ghost.objects[i].kind ? a->ghost.objects[i].pages : 0u;
    return used < a->ghost.objects[pool].pages;
}

/* The book knows that the answer can only be no. */
static bool is_hopeless(const struct auth_world *a, const struct auth_action *x)
{
    const uint8_t name = x->a <= AUTH_SLOTS ? a->ghost.owners[x->owner].slot_object[x->a] : 0;
    const struct auth_object *o = &a->ghost.objects[name];
    const struct auth_device *d = &a->devices[o->function];
    const struct auth_object *second =
        &a->ghost.objects[a->ghost.owners[x->owner].slot_object[x->b <= AUTH_SLOTS ? x->b : 0]];
    const bool full = a->machine_state.log_full > 0 || !auth_has_slot(a, x->owner);

    switch (x->op) {
    case AUTH_CLAIM:
        return full || a->ghost.functions[x->a].claim || a->ghost.functions[x->a].quarantined;
    case AUTH_OPEN:
        return full || count_of(a, CAP_IF_DEVICE_MMIO, o->function, ANY) > 0;
    case AUTH_POOL:
        return full || count_of(a, CAP_IF_DMA_POOL, ANY, x->owner) >= a->budget.limit[BUDGET_POOLS] ||
               d->resetting;
    case AUTH_BUFFER:
        return full || d->resetting || !pool_has_page(a, name) ||
               count_of(a, CAP_IF_DMA_BUFFER, ANY, x->owner) >= a->budget.limit[BUDGET_BUFFERS];
    case AUTH_QUEUE:
        return full || d->resetting || !pool_has_page(a, name) ||
               count_of(a, CAP_IF_DMA_QUEUE, o->function, ANY) > 0 ||
               count_of(a, CAP_IF_DMA_QUEUE, ANY, x->owner) > 0 || second->function != o->function;
    case AUTH_INTERRUPT:
        return full || count_of(a, CAP_IF_INTERRUPT, ANY, x->owner) > 0;
    case AUTH_COPY:
    case AUTH_MOVE:
        return a->machine_state.log_full > 0 || !auth_has_slot(a, x->b);
    case AUTH_DMA:
        return !a->ghost.functions[o->function].reset || d->resetting;
    case AUTH_RESET:
        return d->resetting && d->left == AUTH_NEVER;
    case AUTH_GO:
        return d->resetting || d->status != 0;
    case AUTH_PROGRAM:
        return d->resetting || second->programmed || second->over || second->function != o->function;
    case AUTH_REAP:
        return !o->programmed || o->broken || o->over;
    case AUTH_PUBLISH:
        return !o->programmed || o->broken || o->over || second->function != o->function || d->resetting;
    default:
        return false;
    }
}

static void offer(const struct auth_world *a, struct list *l, uint8_t op, uint32_t owner, uint32_t x,
                  uint32_t y)
{
    const struct auth_action action = {op, (uint8_t)owner, (uint8_t)x, (uint8_t)y};

    ASSERT(l->count < AUTH_ACTIONS_MAX);
    if (a->config.hopeless || !is_hopeless(a, &action))
        l->out[l->count++] = action;
}

/* With each handle of a second kind. */
static void offer_pairs(const struct auth_world *a, struct list *l, uint8_t op, uint32_t owner, uint32_t slot,
                        uint8_t second)
{
    for (uint32_t s = 1; s <= a->config.slots; s++) {
        if (auth_kind_at(a, owner, s) == second)
            offer(a, l, op, owner, slot, s);
    }
}

static bool has(const struct auth_world *a, uint32_t part)
{
    return (a->config.parts & part) != 0;
}

/* A message is overtaken by at most so many new routes: none takes so long that all others are handed out
 * before. */
#define OVERTAKES 2u

static bool message_is_old(const struct auth_world *a)
{
    const struct auth_message *m = &a->machine_state.messages[0];

    return m->under_way &&
           ((a->machine.kernel->devices.next_route - m->route) & (AUTH_ROUTES - 1u)) > OVERTAKES;
}

static void offer_device(const struct auth_world *a, struct list *l, uint32_t o, uint32_t s)
{
    const uint32_t f = a->ghost.objects[a->ghost.owners[o].slot_object[s]].function;

    if (has(a, AUTH_PART_QUEUES)) {
        offer(a, l, AUTH_OPEN, o, s, 0);
        if (!auth_master(&a->machine, f))
            offer(a, l, AUTH_DMA, o, s, 0);
    }
    if (has(a, AUTH_PART_MEMORY))
        offer(a, l, AUTH_POOL, o, s, 0);
    for (uint32_t v = 0; has(a, AUTH_PART_INTERRUPTS) && v < AUTH_VECTORS && !message_is_old(a); v++)
        offer(a, l, AUTH_INTERRUPT, o, s, v);
}

static void offer_interrupt(const struct auth_world *a, struct list *l, uint32_t o, uint32_t s)
{
    offer(a, l, AUTH_UNMASK, o, s, 0);
    offer(a, l, AUTH_MASK, o, s, 0);
    offer(a, l, AUTH_WAIT, o, s, 0);
    offer(a, l, AUTH_ACK, o, s, 0);
}

static void offer_slot(const struct auth_world *a, struct list *l, uint32_t o, uint32_t s)
{
    const struct auth_object *object = &a->ghost.objects[a->ghost.owners[o].slot_object[s]];

    switch (object->kind) {
    case CAP_IF_NONE:
        return;
    case CAP_IF_DEVICE:
        offer_device(a, l, o, s);
        break;
    case CAP_IF_DEVICE_MMIO:
        offer(a, l, AUTH_RESET, o, s, 0);
        if (a->devices[object->function].resetting)
            offer(a, l, AUTH_POLL, o, s, 0);
        offer(a, l, AUTH_GO, o, s, 0);
        offer_pairs(a, l, AUTH_PROGRAM, o, s, CAP_IF_DMA_QUEUE);
        break;
    case CAP_IF_DMA_POOL:
        offer(a, l, AUTH_BUFFER, o, s, 0);
        offer_pairs(a, l, AUTH_QUEUE, o, s, CAP_IF_DEVICE_MMIO);
        break;
    case CAP_IF_DMA_BUFFER:
        if (!object->mapped)
            offer(a, l, AUTH_MAP, o, s, 0);
        break;
    case CAP_IF_DMA_QUEUE:
        offer(a, l, AUTH_REAP, o, s, 0);
        offer_pairs(a, l, AUTH_PUBLISH, o, s, CAP_IF_DMA_BUFFER);
        break;
    default:
        offer_interrupt(a, l, o, s);
        break;
    }
    if (object->owner != o && (object->kind == CAP_IF_DMA_BUFFER || object->kind == CAP_IF_DMA_QUEUE))
        offer(a, l, AUTH_DESTROY, o, s, 0);
    if (has(a, AUTH_PART_RELEASES))
        offer(a, l, AUTH_RELEASE, o, s, 0);
    for (uint32_t to = 0; to < a->config.owners; to++) {
        if (!a->ghost.owners[to].alive)
            continue;
        if (has(a, AUTH_PART_COPIES))
            offer(a, l, AUTH_COPY, o, s, to);
        if (has(a, AUTH_PART_MOVES))
            offer(a, l, AUTH_MOVE, o, s, to);
    }
}

static void offer_privileged(const struct auth_world *a, struct list *l)
{
    for (uint32_t f = 0; f < a->config.functions; f++) {
        if (a->ghost.functions[f].quarantined)
            offer(a, l, AUTH_FREE_QUARANTINE, f, 0, 0);
    }
    if (has(a, AUTH_PART_LOG))
        offer(a, l, a->machine_state.log_full ? AUTH_LOG_DRAINED : AUTH_LOG_FULL, 0, 0, 0);
    if (a->config.forever && !a->small.run_out)
        offer(a, l, AUTH_RUN_OUT, 0, 0, 0);
}

uint32_t auth_actions(struct auth_world *a, struct auth_action *out)
{
    struct list l = {out, 0};

    for (uint32_t o = 0; o < a->config.owners; o++) {
        if (!a->ghost.owners[o].alive) {
            if (has(a, AUTH_PART_RESTARTS))
                offer(a, &l, AUTH_CREATE, o, 0, 0);
            continue;
        }
        if (has(a, AUTH_PART_RESTARTS))
            offer(a, &l, AUTH_KILL, o, 0, 0);
        if (has(a, AUTH_PART_EXITS))
            offer(a, &l, AUTH_EXIT, o, 0, 0);
        for (uint32_t f = 0; f < a->config.functions; f++)
            offer(a, &l, AUTH_CLAIM, o, f, 0);
        for (uint32_t s = 1; s <= a->config.slots; s++)
            offer_slot(a, &l, o, s);
    }
    offer_privileged(a, &l);
    l.count += auth_device_actions(a, out + l.count);
    ASSERT(l.count <= AUTH_ACTIONS_MAX);
    return l.count;
}
