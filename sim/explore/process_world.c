/* SPDX-License-Identifier: BSD-2-Clause */
/* World `process`: first states, steps, how it all ends. */
#include "sim/explore/process_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

static void act(struct pw_world *p, const struct pw_action *action)
{
    static const uint32_t errors[] = {RING_ENTER_E_MIN, RING_ENTER_E_SUBMIT_TAIL, RING_ENTER_E_COMPLETE_HEAD};

    xp_note(&p->world, XP_LANE_AUTHORITY, "process %u: %s (%u, %u)", action->process, pw_op_name(action->op),
            action->a, action->b);
    if (action->op < PW_RECORDS)
        pw_book_write(p, action);
    pw_turn(p, action);
    if (action->op == PW_BAD_ENTER && p->system.processes[action->process].result != errors[action->a])
        xp_violate(&p->world, XP_P6, "cap_enter with wrong index %u returns %u", action->a,
                   p->system.processes[action->process].result);
    pw_take_completions(p);
    pw_judge(p);
}

/* first states */

static void grant_roots(struct pw_world *p)
{
    static const uint8_t roots[] = {PW_ENDPOINT_SOURCE, PW_MEMORY_SOURCE, PW_TIMER, PW_SPAWNER};

    for (uint32_t i = 0; i < sizeof roots; i++) {
        cap_id cap = CAP_NONE;

        (void)process_grant_root(&p->system, 0, "root", pw_kind(roots[i]), 0, &cap);
        (void)pw_learn_new(p, 0, cap, roots[i]);
    }
    process_start(&p->system, 0);
}

static uint32_t slot_of(const struct pw_world *p, uint32_t process, uint8_t object)
{
    uint32_t slot = 1;

    while (p->book.processes[process].slot_object[slot] != object)
        slot++;
    ASSERT(slot <= PW_SLOTS);
    return slot;
}

static void give(struct pw_world *p, uint16_t to, uint8_t object)
{
    cap_id out = CAP_NONE;

    if (process_transfer(&p->system, 0, pw_cap(p, 0, slot_of(p, 0, object)), to, false, &out) != CAP_EX_NONE)
        xp_violate(&p->world, XP_P16, "object %u cannot be given", object);
    pw_learn(p, to, out, object);
}

static void make(struct pw_world *p, enum pw_op op, uint8_t on, uint8_t given)
{
    const struct pw_action action = {(uint8_t)op, 0, (uint8_t)slot_of(p, 0, on),
                                     given ? (uint8_t)slot_of(p, 0, given) : (uint8_t)0};

    act(p, &action);
}

/* The server holds the endpoint, the client a capability to call it; a timer and a MemoryObject as asked. */
static void workers(struct pw_world *p)
{
    const uint16_t parts = p->config.parts;

    if (parts & PW_PART_LIVES) {
        make(p, PW_SPAWN, PW_SPAWNER, PW_ENDPOINTS);
        make(p, PW_SPAWN, PW_SPAWNER, PW_CLIENTS);
        return;
    }
    pw_create(p, "server");
    pw_create(p, "client");
    give(p, 1, PW_ENDPOINTS);
    give(p, 2, PW_CLIENTS);
    if (parts & PW_PART_TIMERS)
        give(p, 2, PW_TIMER);
    if (parts & PW_PART_MEMORY)
        give(p, 2, PW_MEMORIES);
    if (p->config.spare)
        give(p, 1, PW_MEMORY_SOURCE);
    process_start(&p->system, 1);
    process_start(&p->system, 2);
}

static void start(struct xp_world *w)
{
    struct pw_world *p = pw_of(w);
    const uint16_t parts = p->config.parts;

    p->started = false;
    memset(&p->book, 0, sizeof p->book);
    p->book.next_order = 1;
    p->book.next_user = 1;
    p->book.now = 1000;
    pw_machine_start(p);
    pw_create(p, "keeper");
    grant_roots(p);
    if (parts & (PW_PART_MEMORY | PW_PART_LIVES))
        make(p, PW_MAKE_MEMORY, PW_MEMORY_SOURCE, 0);
    make(p, PW_MAKE_ENDPOINT, PW_ENDPOINT_SOURCE, 0);
    make(p, PW_MAKE_CLIENT, PW_ENDPOINTS, 0);
    p->system.limits.limit[BUDGET_CAP_SLOTS] = p->config.slots;
    workers(p);
    for (uint8_t i = 0; parts & PW_PART_ROOM && i < PW_PROCESSES; i++) {
        while (p->system.processes[i].complete_tail < PW_BACKLOG)
            act(p, &(struct pw_action){.op = PW_NOP, .process = i});
    }
    p->started = true;
    pw_judge(p);
}

/* steps */

static enum xp_step step(struct xp_world *w)
{
    struct pw_world *p = pw_of(w);
    struct pw_action actions[PW_ACTIONS_MAX];
    const uint32_t count = pw_offers(p, actions);

    if (count == 0)
        return XP_STEP_NOTHING;
    act(p, &actions[xp_choose_actor(w, count)]);
    return XP_STEP_DONE;
}

/* Whoever is left ends; then nothing of anybody is left, as after an orderly close (P16): the book has no
 * object, and the kernel was judged to have none. */
static enum xp_heal heal(struct xp_world *w)
{
    struct pw_world *p = pw_of(w);
    struct system_held held;
    static const struct system_held nothing;

    for (uint8_t i = 0; i < PW_PROCESSES; i++) {
        if (p->book.processes[i].alive) {
            act(p, &(struct pw_action){.op = PW_END, .process = i});
            return XP_HEAL_ON;
        }
    }
    held = system_held(&p->system);
    if (memcmp(&held, &nothing, sizeof held) != 0 || p->core.objects.live_count != 0)
        xp_violate(w, XP_P16, "something is left of processes that all ended");
    return XP_HEAL_QUIET;
}

static void show(const struct xp_world *w, char *line, size_t bytes)
{
    static const char *const states[] = {"",          "written", "queued",   "received",
                                         "receiving", "timed",   "watching", "over"};
    const struct pw_world *p = (const struct pw_world *)(const void *)w;
    size_t used = 0;

    line[0] = 0;
    for (uint32_t i = 0; i < PW_PROCESSES && used + 60u < bytes; i++) {
        const struct pw_process *q = &p->book.processes[i];

        used += (size_t)snprintf(line + used, bytes - used, "process %u%s:", i,
                                 !q->alive    ? " gone"
                                 : q->waiting ? " waits"
                                              : "");
        for (uint32_t s = 1; s <= PW_SLOTS && used + 60u < bytes; s++) {
            if (q->slot_object[s])
                used += (size_t)snprintf(line + used, bytes - used, " %u.%u", s, q->slot_object[s]);
        }
        for (uint32_t n = 0; n < PW_ENTRIES && used + 60u < bytes; n++) {
            if (q->entries[n].state)
                used += (size_t)snprintf(line + used, bytes - used, " %s", states[q->entries[n].state]);
        }
        used += (size_t)snprintf(line + used, bytes - used, " | ");
    }
}

/* making it */

static const struct xp_world_ops ops = {.name = "process",
                                        .start = start,
                                        .step = step,
                                        .heal = heal,
                                        .fingerprint = pw_fingerprint,
                                        .show = show};

struct pw_world *pw_world_make(const struct pw_config *config)
{
    struct pw_world *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    ASSERT(config->slots <= PW_SLOTS);
    ASSERT(config->calls < PW_ENTRIES);
    p->config = *config;
    p->world.ops = &ops;
    p->pages = aligned_alloc(PROCESSOR_PAGE, PW_PAGES * PROCESSOR_PAGE);
    if (!p->pages) {
        free(p);
        return NULL;
    }
    pw_regions(p);
    return p;
}

void pw_world_free(struct pw_world *p)
{
    if (!p)
        return;
    free(p->pages);
    free(p);
}
