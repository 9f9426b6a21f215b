/* SPDX-License-Identifier: BSD-2-Clause */
/* The book of what is whose, and the monitors that hold the kernel against it. Nothing here is taken from the
 * kernel but the number of the record behind a fresh handle. */
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/authority_world.h"

static const uint8_t first_name[CAP_IF_COUNT] = {
    [CAP_IF_DEVICE] = AUTH_DEVICES,   [CAP_IF_DEVICE_MMIO] = AUTH_REGISTERS,
    [CAP_IF_DMA_POOL] = AUTH_POOLS,   [CAP_IF_DMA_BUFFER] = AUTH_BUFFERS,
    [CAP_IF_DMA_QUEUE] = AUTH_QUEUES, [CAP_IF_INTERRUPT] = AUTH_INTERRUPTS,
};

static struct auth_object *object(struct auth_world *a, uint8_t name)
{
    ASSERT(name > AUTH_NO_OBJECT && name < AUTH_OBJECTS);
    return &a->ghost.objects[name];
}

uint8_t auth_object_of(struct auth_world *a, uint32_t owner, cap_id id)
{
    const struct auth_holder *o = &a->ghost.owners[owner];

    if (!o->alive || id.index == 0 || id.index > AUTH_SLOTS || o->slot_generation[id.index] != id.generation)
        return AUTH_NO_OBJECT;
    return o->slot_object[id.index];
}

/* A handle comes into a table: in an empty slot, with a generation that the slot never served (P11, T1). */
static void fill_slot(struct auth_world *a, uint32_t owner, cap_id id, uint8_t name)
{
    struct auth_holder *o = &a->ghost.owners[owner];

    if (id.index == 0 || id.index > a->config.slots)
        xp_violate(&a->world, XP_P11, "owner %u is given a handle in slot %u of %u", owner, id.index,
                   a->config.slots);
    if (o->slot_object[id.index])
        xp_violate(&a->world, XP_P11, "owner %u is given a handle in slot %u, which is in use", owner,
                   id.index);
    if (id.generation <= o->slot_generation[id.index] || id.generation > auth_last_generation(a))
        xp_violate(&a->world, XP_P11, "owner %u is given slot %u in generation %u, served were %u of %u",
                   owner, id.index, id.generation, o->slot_generation[id.index], auth_last_generation(a));
    o->slot_object[id.index] = name;
    o->slot_generation[id.index] = id.generation;
}

uint8_t auth_granted(struct auth_world *a, uint32_t owner, cap_id id, uint8_t kind, uint8_t parent)
{
    const struct core *core = &a->machine.kernel->core;
    const struct cap_lookup looked = captable_lookup_any(&core->owners[owner].caps, &core->objects, id);
    struct auth_object *made;
    uint8_t name;

    if (looked.exception != CAP_EX_NONE)
        xp_violate(&a->world, XP_P11, "a fresh handle of owner %u does not resolve", owner);
    name = (uint8_t)(first_name[kind] + core->objects.entries[looked.object.index].payload);
    made = object(a, name);
    if (made->kind)
        xp_violate(&a->world, XP_I3, "record %u of interface %u is given to owner %u while it is owner %u's",
                   name - first_name[kind], kind, owner, made->owner);
    *made = (struct auth_object){.kind = kind, .owner = (uint8_t)owner, .parent = parent};
    if (parent)
        made->function = object(a, parent)->function;
    fill_slot(a, owner, id, name);
    return name;
}

void auth_transferred(struct auth_world *a, uint32_t from, uint32_t slot, uint32_t to, cap_id id, bool move)
{
    fill_slot(a, to, id, a->ghost.owners[from].slot_object[slot]);
    if (move)
        auth_drop_slot(a, from, slot);
}

void auth_drop_slot(struct auth_world *a, uint32_t owner, uint32_t slot)
{
    a->ghost.owners[owner].slot_object[slot] = AUTH_NO_OBJECT;
}

static bool within(struct auth_world *a, uint8_t name, uint8_t source)
{
    while (name && name != source)
        name = object(a, name)->parent;
    return name == source;
}

static uint8_t claim_of(struct auth_world *a, uint8_t name)
{
    while (object(a, name)->parent)
        name = object(a, name)->parent;
    return name;
}

/* A queue's publications are nobody's any more. */
static void forget(struct auth_world *a, struct auth_object *q)
{
    for (uint32_t s = 0; s < AUTH_QUEUE_SIZE; s++) {
        if (q->slots[s])
            object(a, q->slots[s])->publications--;
        q->slots[s] = q->chained[s] = 0;
    }
}

static void end_claim(struct auth_world *a, uint8_t name)
{
    const uint32_t f = object(a, name)->function;
    struct auth_place *place = &a->ghost.functions[f];

    place->claim = AUTH_NO_OBJECT;
    place->reset = 0;
    place->quarantined = a->machine.kernel->devices.functions[f].quarantined;
    place->kept = 0;
    if (!place->quarantined && auth_device_dangerous(a, f))
        xp_violate(&a->world, XP_I11,
                   "function %u knows addresses, has confirmed no reset, and is not quarantined", f);
    if (place->quarantined && !auth_device_dangerous(a, f) && !a->devices[f].resetting)
        xp_violate(&a->world, XP_P16, "function %u is in quarantine and has nothing running", f);
    for (uint8_t i = AUTH_POOLS; place->quarantined && i < AUTH_INTERRUPTS; i++) {
        const struct auth_object *held = object(a, i);

        if (held->kind != CAP_IF_DMA_BUFFER && held->kind != CAP_IF_DMA_QUEUE)
            continue;
        if (claim_of(a, i) != name)
            continue;
        /* What ended before the device was asked to stop went back: it was judged then whether it could. */
        for (uint32_t p = held->first; p < (uint32_t)held->first + held->pages; p++) {
            if (!a->machine_state.pages[p].mapped)
                continue;
            place->kept++;
            a->ghost.owners[object(a, held->parent)->owner].held[f]++;
        }
    }
}

void auth_end_object(struct auth_world *a, uint8_t name)
{
    if (object(a, name)->kind == CAP_IF_DEVICE)
        end_claim(a, name);
    for (uint8_t i = 1; i < AUTH_OBJECTS; i++) {
        if (object(a, i)->kind == CAP_IF_DMA_QUEUE && within(a, i, name))
            forget(a, object(a, i));
    }
    for (uint8_t i = AUTH_OBJECTS - 1u; i > 0; i--) { /* derived ones have higher names than their sources */
        if (!object(a, i)->kind || !within(a, i, name))
            continue;
        for (uint32_t o = 0; o < AUTH_OWNERS; o++)
            for (uint32_t s = 1; s <= AUTH_SLOTS; s++) {
                if (a->ghost.owners[o].slot_object[s] == i)
                    auth_drop_slot(a, o, s);
            }
        for (uint32_t n = 0; n < AUTH_MESSAGES; n++) {
            if (a->machine_state.messages[n].to == i)
                a->machine_state.messages[n].to = 0;
        }
        *object(a, i) = (struct auth_object){0};
    }
}

/* Everything that is charged to the owner ends, and what is derived from it; its handles go; its budget with
 * it. */
void auth_end_owner(struct auth_world *a, uint32_t owner)
{
    for (uint8_t i = 1; i < AUTH_OBJECTS; i++) {
        if (!object(a, i)->kind || object(a, i)->owner != owner)
            continue;
        const uint8_t claim = claim_of(a, i);
        const bool gone = !a->machine.kernel->devices.claims[claim - AUTH_DEVICES].used;

        /* Another's claim goes with it only if the device would not stop. */
        if (gone && object(a, claim)->owner != owner &&
            !a->machine.kernel->devices.functions[object(a, claim)->function].quarantined)
            xp_violate(&a->world, XP_P16, "owner %u ends and takes owner %u's claim along", owner,
                       object(a, claim)->owner);
        auth_end_object(a, gone ? claim : i);
    }
    a->ghost.owners[owner] = (struct auth_holder){0};
}

void auth_reset_over(struct auth_world *a, uint32_t function)
{
    a->ghost.functions[function].reset = a->ghost.functions[function].claim != AUTH_NO_OBJECT;
    for (uint8_t i = AUTH_QUEUES; i < AUTH_INTERRUPTS; i++) {
        struct auth_object *q = object(a, i);

        if (q->kind != CAP_IF_DMA_QUEUE || q->function != function)
            continue;
        forget(a, q);
        q->over = q->over || q->programmed;
        q->programmed = 0;
    }
}

/* the broker's account */

static uint16_t used_word(struct auth_world *a, const struct auth_object *q, uint32_t at, uint32_t *word)
{
    uint16_t half;

    memcpy(word, auth_at(&a->machine, q->first, at), 4);
    memcpy(&half, auth_at(&a->machine, q->first, at), 2);
    return half;
}

#define USED_AT 44u

static void complete(struct auth_world *a, struct auth_object *q, uint32_t head)
{
    const uint32_t other = 1u - head;

    object(a, q->slots[head])->publications--;
    q->slots[head] = 0;
    if (q->slots[other] && q->chained[other]) {
        object(a, q->slots[other])->publications--;
        q->slots[other] = q->chained[other] = 0;
    }
}

/* One element as it must be judged (I5 to I8). False: the queue breaks. */
static bool element(struct auth_world *a, struct auth_object *q)
{
    const uint32_t at = USED_AT + 4u + 8u * (q->seen & 1u);
    uint32_t id;
    uint32_t length;
    uint32_t room = AUTH_UNIT;

    (void)used_word(a, q, at, &id);
    (void)used_word(a, q, at + 4u, &length);
    q->seen++;
    if (id >= AUTH_QUEUE_SIZE || !q->slots[id] || q->chained[id])
        return false;
    if (q->slots[1u - id] && q->chained[1u - id])
        room += AUTH_UNIT;
    if (length > room)
        return false;
    complete(a, q, id);
    return true;
}

static uint32_t outstanding(const struct auth_object *q)
{
    return (q->slots[0] && !q->chained[0] ? 1u : 0u) + (q->slots[1] && !q->chained[1] ? 1u : 0u);
}

static void follow(struct auth_world *a, struct auth_object *q, const struct dma_queue *record)
{
    uint32_t word;

    if (q->broken || q->over || (q->seen == record->used_seen && !record->broken))
        return;
    (void)used_word(a, q, USED_AT, &word);
    if ((uint16_t)((word >> 16) - q->seen) > outstanding(q)) {
        q->broken = 1;
        return;
    }
    while (q->seen != (uint16_t)(word >> 16) && !q->broken)
        q->broken = !element(a, q);
}

void auth_take_in(struct auth_world *a)
{
    for (uint8_t i = AUTH_QUEUES; i < AUTH_INTERRUPTS; i++) {
        if (object(a, i)->kind == CAP_IF_DMA_QUEUE)
            follow(a, object(a, i), &a->machine.kernel->devices.queues[i - AUTH_QUEUES]);
    }
}

/* monitors */

static void judge_handle(struct auth_world *a, uint32_t owner, cap_id id)
{
    const struct core *core = &a->machine.kernel->core;
    const uint8_t name = auth_object_of(a, owner, id);
    const struct cap_lookup looked = captable_lookup_any(&core->owners[owner].caps, &core->objects, id);
    const struct object *entry = &core->objects.entries[looked.object.index];

    if (looked.exception != CAP_EX_NONE && name)
        xp_violate(&a->world, XP_P14, "handle %u.%u of owner %u is lost", id.index, id.generation, owner);
    if (looked.exception == CAP_EX_NONE && !name)
        xp_violate(&a->world, XP_P11, "handle %u.%u of owner %u resolves, and is dead", id.index,
                   id.generation, owner);
    if (name && (entry->interface != a->ghost.objects[name].kind ||
                 first_name[entry->interface] + entry->payload != name))
        xp_violate(&a->world, XP_P13, "handle %u.%u of owner %u leads to another object", id.index,
                   id.generation, owner);
}

/* P11, I9: every handle there could be resolves if and only if the book has it. */
static void judge_handles(struct auth_world *a, uint32_t owner)
{
    const struct auth_holder *o = &a->ghost.owners[owner];

    if (o->alive != (a->machine.kernel->core.owners[owner].state == OWNER_LIVE))
        xp_violate(&a->world, XP_P12, "owner %u is %s", owner, o->alive ? "gone" : "still there");
    for (uint32_t index = 0; o->alive && index <= AUTH_SLOTS + 1u; index++) {
        const uint32_t now = index <= AUTH_SLOTS ? o->slot_generation[index] : 0;
        uint32_t from = now < AUTH_GENERATIONS ? 0 : now - AUTH_GENERATIONS;

        for (; from <= now + 1u; from++)
            judge_handle(a, owner, (cap_id){index, from});
    }
}

/* Pages by the book: of each run, and a guard on either side of it. */
struct tally {
    uint8_t held[AUTH_PAGES + 1u], guard[AUTH_PAGES + 1u];
    uint32_t in_pool[AUTH_OBJECTS];
    uint32_t budgets[AUTH_OWNERS][BUDGET_COUNT];
};

static void tally_budgets(struct auth_world *a, struct tally *t)
{
    static const uint8_t budgets[CAP_IF_COUNT] = {
        [CAP_IF_DEVICE] = BUDGET_DEVICES,   [CAP_IF_DEVICE_MMIO] = BUDGET_REGISTERS,
        [CAP_IF_DMA_POOL] = BUDGET_POOLS,   [CAP_IF_DMA_BUFFER] = BUDGET_BUFFERS,
        [CAP_IF_DMA_QUEUE] = BUDGET_QUEUES, [CAP_IF_INTERRUPT] = BUDGET_INTERRUPTS};

    for (uint8_t i = 1; i < AUTH_OBJECTS; i++) {
        const struct auth_object *o = object(a, i);

        if (!o->kind)
            continue;
        t->budgets[o->owner][budgets[o->kind]]++;
        if (o->kind == CAP_IF_DMA_POOL)
            t->budgets[o->owner][BUDGET_POOL_PAGES] += o->pages;
    }
    for (uint32_t o = 0; o < AUTH_OWNERS; o++) {
        for (uint32_t f = 0; f < AUTH_FUNCTIONS; f++)
            t->budgets[o][BUDGET_POOL_PAGES] += a->ghost.owners[o].held[f];
        for (uint32_t s = 1; s <= AUTH_SLOTS; s++)
            t->budgets[o][BUDGET_CAP_SLOTS] += a->ghost.owners[o].slot_object[s] != AUTH_NO_OBJECT;
    }
}

static void judge_budgets(struct auth_world *a, const struct tally *t, uint32_t owner)
{
    const struct owner *o = &a->machine.kernel->core.owners[owner];

    for (unsigned kind = 0; a->ghost.owners[owner].alive && kind < BUDGET_COUNT; kind++) {
        if (o->budget.used[kind] != t->budgets[owner][kind])
            xp_violate(&a->world, XP_I16, "owner %u is charged %u of budget %u and holds %u", owner,
                       o->budget.used[kind], kind, t->budgets[owner][kind]);
    }
}

static void tally_run(struct auth_world *a, struct tally *t, const struct auth_object *run)
{
    for (uint32_t p = run->first; p < (uint32_t)run->first + run->pages; p++) {
        if (t->held[p])
            xp_violate(&a->world, XP_I3, "page %u is in two runs", p);
        t->held[p] = 1;
        if (a->machine_state.pages[p].mapped != run->function + 1u)
            xp_violate(&a->world, XP_I4, "page %u of a live object is not mapped", p);
    }
    t->guard[run->first - 1u] = t->guard[run->first + run->pages] = 1;
    t->in_pool[run->parent] += run->pages;
}

static void judge_object(struct auth_world *a, uint8_t name, struct tally *t)
{
    const struct auth_object *o = object(a, name);
    const struct devices *d = &a->machine.kernel->devices;

    if (o->kind == CAP_IF_DMA_BUFFER || o->kind == CAP_IF_DMA_QUEUE)
        tally_run(a, t, o);
    if (o->kind == CAP_IF_DMA_BUFFER && d->buffers[name - AUTH_BUFFERS].publications != o->publications)
        xp_violate(&a->world, XP_I5, "buffer %u has %u segments out, the broker counts %u", name,
                   o->publications, d->buffers[name - AUTH_BUFFERS].publications);
    if (o->kind == CAP_IF_DMA_QUEUE) {
        const struct dma_queue *q = &d->queues[name - AUTH_QUEUES];

        if (q->outstanding != outstanding(o))
            xp_violate(&a->world, XP_I8, "queue %u has %u chains out, the broker counts %u", name,
                       outstanding(o), q->outstanding);
        if (q->broken != o->broken)
            xp_violate(&a->world, q->broken ? XP_P7 : XP_I6, "queue %u is %sbroken to the broker", name,
                       q->broken ? "" : "not ");
        if (q->over != o->over)
            xp_violate(&a->world, XP_I10, "queue %u is %sover to the broker", name, q->over ? "" : "not ");
    }
    if (o->kind == CAP_IF_INTERRUPT) {
        const struct interrupt *i = &d->interrupts[name - AUTH_INTERRUPTS];
        const uint32_t due = a->machine_state.counts[i->route] - i->acked;

        if (due != o->pending)
            xp_violate(&a->world, due > o->pending ? XP_I15 : XP_P17,
                       "interrupt %u has %u messages due, %u were its own", name, due, o->pending);
    }
}

static void judge_pages(struct auth_world *a, struct tally *t)
{
    const struct pages *p = &a->machine.kernel->devices.pages;
    uint32_t mapped = 0;
    uint32_t held = 0;
    uint32_t guards = 0;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < AUTH_PAGES; i++) {
        const struct page *record = &p->page[i];
        const bool quarantined = i < p->fresh && record->state == PAGE_QUARANTINED;

        held += t->held[i];
        mapped += a->machine_state.pages[i].mapped != 0;
        guards += i < p->fresh && record->guards > 0;
        if (t->guard[i] && (i >= p->fresh || record->guards == 0 || a->machine_state.pages[i].mapped))
            xp_violate(&a->world, XP_I4, "page %u beside a run is no guard", i);
        if (quarantined && !a->ghost.functions[a->machine_state.pages[i].mapped - 1u].quarantined)
            xp_violate(&a->world, XP_I11, "page %u is quarantined, its function is not", i);
    }
    for (uint32_t f = 0; f < AUTH_FUNCTIONS; f++)
        kept += a->ghost.functions[f].kept;
    if (mapped != held + kept)
        xp_violate(&a->world, XP_P4, "%u pages are mapped, %u are held and %u quarantined", mapped, held,
                   kept);
    if (guards != p->guards)
        xp_violate(&a->world, XP_P4, "%u guards, %u counted", guards, p->guards);
}

static void judge_usage(struct auth_world *a, const struct tally *t)
{
    const struct kernel_usage now = kernel_usage(a->machine.kernel);
    struct kernel_usage want = a->base;
    uint32_t *const by_kind[CAP_IF_COUNT] = {
        [CAP_IF_DEVICE] = &want.claimed_devices, [CAP_IF_DEVICE_MMIO] = &want.registers,
        [CAP_IF_DMA_POOL] = &want.pools,         [CAP_IF_DMA_BUFFER] = &want.buffers,
        [CAP_IF_DMA_QUEUE] = &want.queues,       [CAP_IF_INTERRUPT] = &want.interrupts};

    for (uint8_t i = 1; i < AUTH_OBJECTS; i++) {
        const struct auth_object *o = object(a, i);

        if (!o->kind)
            continue;
        want.live_objects++;
        ++*by_kind[o->kind];
        if (o->kind == CAP_IF_DMA_POOL)
            want.pages_promised += o->pages;
        if (o->kind == CAP_IF_DMA_POOL && t->in_pool[i] > o->pages)
            xp_violate(&a->world, XP_P13, "pool %u of %u pages holds %u", i, o->pages, t->in_pool[i]);
        if (o->kind == CAP_IF_DMA_QUEUE)
            want.outstanding_publications += outstanding(o);
    }
    for (uint32_t f = 0; f < AUTH_FUNCTIONS; f++) {
        want.quarantined_devices += a->ghost.functions[f].quarantined;
        want.pages_quarantined += a->ghost.functions[f].kept;
        want.bus_masters_on += auth_master(&a->machine, f);
    }
    for (uint32_t o = 0; o < AUTH_OWNERS; o++) {
        want.owners += a->ghost.owners[o].alive;
        want.live_caps += t->budgets[o][BUDGET_CAP_SLOTS];
        for (unsigned kind = 0; kind < BUDGET_COUNT; kind++)
            want.budget_used[kind] += t->budgets[o][kind];
    }
    want.pages_granted = now.pages_granted; /* judged with the pages */
    want.pages_active = now.pages_active;
    want.pages_guard = now.pages_guard;
    if (memcmp(&now, &want, sizeof now) != 0) {
        for (size_t i = 0; i < sizeof now / 4u; i++) {
            const uint32_t is = ((const uint32_t *)(const void *)&now)[i];
            const uint32_t was = ((const uint32_t *)(const void *)&want)[i];

            if (is != was)
                xp_violate(&a->world, XP_P4, "field %zu of usage is %u, should be %u", i, is, was);
        }
    }
}

void auth_judge(struct auth_world *a)
{
    struct tally t = {0};

    tally_budgets(a, &t);
    auth_machine_judge(&a->machine);
    for (uint32_t o = 0; o < a->config.owners; o++) {
        judge_handles(a, o);
        judge_budgets(a, &t, o);
    }
    for (uint8_t i = 1; i < AUTH_OBJECTS; i++) {
        if (object(a, i)->kind)
            judge_object(a, i, &t);
    }
    judge_pages(a, &t);
    judge_usage(a, &t);
}
