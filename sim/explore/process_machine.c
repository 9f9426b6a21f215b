/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor of world `process`: a program is the action that was chosen. An address is the page's own.
 * What stands in a ring page between turns is written again from the book before each, so that no page is
 * part of the state: the kernel trusts its own indices alone. */
#include <stddef.h>
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/process_world.h"

#define MARK 0x5au /* what programs leave in their pages */

static bool space_create(void *ctx, uint16_t space)
{
    (void)ctx;
    (void)space;
    return true;
}

static void space_destroy(void *ctx, uint16_t space)
{
    (void)ctx;
    (void)space;
}

static uint64_t reserve(void *ctx, uint16_t space, uint8_t *memory, uint32_t pages)
{
    (void)ctx;
    (void)space;
    (void)pages;
    return (uint64_t)(uintptr_t)memory;
}

static bool map(void *ctx, uint16_t space, uint64_t at, uint8_t *memory, uint32_t pages,
                enum processor_access access)
{
    struct pw_world *p = ctx;

    (void)pages;
    (void)access;
    if (space >= PW_PROCESSES || at != (uint64_t)(uintptr_t)memory)
        xp_violate(&p->world, XP_P12, "a page is mapped for process %u, at a room of another", space);
    return true;
}

static void unmap(void *ctx, uint16_t space, uint64_t at, uint32_t pages)
{
    (void)ctx;
    (void)space;
    (void)at;
    (void)pages;
}

static void entries(void *ctx, uint16_t space, uint64_t *cap_enter, uint64_t *exit)
{
    (void)ctx;
    *cap_enter = 0x1000u + space;
    *exit = 0x2000u + space;
}

static void begin(void *ctx, uint16_t space, uint64_t entry, uint64_t stack, uint64_t argument)
{
    (void)ctx;
    (void)space;
    (void)entry;
    (void)stack;
    (void)argument;
}

/* The program writes what the book has of it and enters. */
static void enter(struct pw_world *p, uint32_t process, struct processor_stop *out)
{
    const struct pw_process *q = &p->book.processes[process];
    const struct process *k = &p->system.processes[process];
    struct ring_page *ring = k->ring;
    uint32_t tail = k->submit_head;

    /* In the order of writing. */
    for (uint64_t user = 0; user != UINT64_MAX;) {
        uint64_t next = UINT64_MAX;

        for (uint32_t i = 0; i < PW_ENTRIES; i++) {
            const struct pw_entry *e = &q->entries[i];

            if (e->state != PW_WRITTEN || e->user < user)
                continue;
            if (e->user == user)
                ring->submissions[tail++ % RING_SUBMISSIONS] = e->record;
            else if (e->user < next)
                next = e->user;
        }
        user = next;
    }
    ring->header.submit_tail = tail;
    ring->header.complete_head = k->complete_tail;
    if (p->config.parts & PW_PART_ROOM)
        ring->header.complete_head =
            p->started ? k->complete_tail - PW_BACKLOG - q->unread : k->complete_head;
    out->min_complete = p->action.op == PW_WAIT ? 1u : 0u;
    out->timeout_ns = p->action.op == PW_WAIT ? RING_FOREVER : 0;
    if (p->action.op != PW_BAD_ENTER)
        return;
    if (p->action.a == 0)
        out->min_complete = RING_COMPLETIONS + 1u;
    else if (p->action.a == 1)
        ring->header.submit_tail = k->submit_head + RING_SUBMISSIONS + 1u;
    else
        ring->header.complete_head = k->complete_tail + 1u;
}

static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    struct pw_world *p = ctx;

    *out = (struct processor_stop){.event = PROCESSOR_PREEMPTED};
    p->result = result;
    if (space != p->wanted)
        return;
    if (p->action.op == PW_EXIT || p->action.op == PW_FAULT) {
        pw_book_end(p, space);
        out->event = p->action.op == PW_EXIT ? PROCESSOR_EXIT : PROCESSOR_FAULT;
        out->code = 13;
        return;
    }
    out->event = PROCESSOR_ENTER;
    if (p->action.op == PW_READ)
        p->book.processes[space].unread = 0;
    enter(p, space, out);
    if (p->action.op != PW_BAD_ENTER)
        pw_book_enter(p, space);
    p->book.processes[space].waiting = p->action.op == PW_WAIT;
}

static uint32_t pick(void *ctx, uint32_t n)
{
    struct pw_world *p = ctx;
    uint32_t count = 0;

    (void)n;
    if (p->wanted == PROCESS_NONE)
        return 0;
    for (uint32_t i = 1; i <= PROCESSES_MAX; i++) {
        const uint32_t at = (p->system.last_run + i) % PROCESSES_MAX;

        if (p->system.processes[at].state != PROCESS_READY)
            continue;
        if (at == p->wanted)
            return count;
        count++;
    }
    xp_violate(&p->world, XP_P3, "process %u can run and does not", p->wanted);
}

static uint32_t load(const uint8_t *file, uint64_t length, uint16_t space, const struct processor *processor,
                     struct page_source *pages, struct program_image *out)
{
    (void)file;
    (void)length;
    (void)space;
    (void)processor;
    out->memory = page_source_take(pages, 1);
    if (out->memory == NULL)
        return 1;
    out->pages = 1;
    out->at = out->entry = (uint64_t)(uintptr_t)out->memory;
    return 0;
}

/* Nothing lies behind the door. */
static struct object_reply door_call(void *ctx, struct system *s, const struct object_call *call)
{
    struct pw_world *p = ctx;

    (void)s;
    xp_violate(&p->world, XP_P13, "a call on interface %u reaches the door", call->interface);
}

static void door_destroy(void *ctx, uint16_t object)
{
    struct pw_world *p = ctx;

    xp_violate(&p->world, XP_P12, "object %u ends behind the door", object);
}

static struct object_reply door_release(void *ctx, struct system *s, uint16_t process, cap_id cap)
{
    struct pw_world *p = ctx;

    (void)s;
    (void)process;
    xp_violate(&p->world, XP_P12, "slot %u is released behind the door", cap.index);
}

void pw_machine_start(struct pw_world *p)
{
    static const struct processor_ops ops = {.space_create = space_create,
                                             .space_destroy = space_destroy,
                                             .reserve = reserve,
                                             .map = map,
                                             .unmap = unmap,
                                             .entries = entries,
                                             .start = begin,
                                             .run = run,
                                             .pick = pick};
    struct system_setup setup = {
        .core = &p->core,
        .processor = {&ops, p},
        .door = {.ctx = p, .call = door_call, .destroy = door_destroy, .release = door_release},
        .loader = load,
        .pages = p->pages,
        .page_count = p->config.spare ? p->config.spare + PW_PROCESSES * PW_OWN_PAGES : PW_PAGES,
        .limits = budget_limits_generous(),
    };

    memset(&p->core, 0, sizeof p->core);
    core_init(&p->core);
    setup.limits.limit[BUDGET_CALLS] = p->config.calls;
    setup.limits.limit[BUDGET_CAP_SLOTS] = PW_SLOTS;
    system_init(&p->system, &setup);
    p->system.programs[0] = (struct system_program){"child", p->pages, 1};
    p->system.program_count = 1;
}

/* No slot beyond those is ever used; each serves so often. */
void pw_limit_table(struct pw_world *p, uint32_t process)
{
    struct captable *t = &p->core.owners[process].caps;
    const uint32_t slots = process == 0 ? PW_SLOTS : p->config.slots;

    t->generation_limit = p->config.generations;
    for (uint16_t i = 1; i < CAP_SLOTS_MAX; i++)
        t->slots[i] = (struct cap_slot){.generation = i <= slots ? 1u : t->generation_limit,
                                        .next_free = i < slots ? (uint16_t)(i + 1u) : (uint16_t)0,
                                        .state = i <= slots ? CAP_SLOT_EMPTY : CAP_SLOT_RETIRED};
    t->fresh = CAP_SLOTS_MAX;
    t->free_head = 1;
    t->retired_count = (uint16_t)(CAP_SLOTS_MAX - 1u - slots);
}

void pw_create(struct pw_world *p, const char *name)
{
    struct process_request request = {.file = p->pages, .length = 1, .memory_pages = 2};
    uint16_t process;
    uint32_t detail;
    enum system_error error;

    strncpy(request.name, name, sizeof request.name - 1u);
    error = process_create(&p->system, &request, &process, &detail);
    if (error != SYS_OK)
        xp_violate(&p->world, XP_P16, "a process cannot be made: %u", error);
    if (p->config.generations)
        pw_limit_table(p, process);
    p->book.processes[process].alive = 1;
    p->book.processes[process].pages = (uint8_t)p->system.processes[process].own_pages;
}

/* Programs have written all over the pages that they hold. */
static void scribble(struct pw_world *p)
{
    for (uint32_t i = 0; i < PW_OBJECTS - PW_MEMORIES; i++) {
        const struct memory_object *m = &p->system.memories[i];

        if (i < PW_HANDLES - PW_MEMORIES && m->used)
            m->memory[8] = m->memory[PROCESSOR_PAGE - 1u] = MARK;
    }
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        const struct process *k = &p->system.processes[i];

        for (uint32_t r = 0; k->state != PROCESS_FREE && r < PROCESS_RUNS_MAX; r++)
            k->runs[r].memory[PROCESSOR_PAGE - 1u] = MARK;
    }
}

/* What went back in this turn is zero (P18). */
static void judge_pages(struct pw_world *p)
{
    for (uint32_t i = 0; i < PW_PAGES; i++) {
        const uint8_t *at = p->pages + (size_t)i * PROCESSOR_PAGE;
        const uint64_t bit = 1ull << (i % 64u);

        if (!(p->taken[i / 64u] & bit) || p->system.pages.taken[i / 64u] & bit)
            continue;
        for (uint32_t b = 0; b < PROCESSOR_PAGE / 8u; b++) {
            uint64_t word;

            memcpy(&word, at + b * 8u, sizeof word);
            if (word != 0)
                xp_violate(&p->world, XP_P18, "page %u is given back and not scrubbed", i);
        }
    }
}

/* Free pages are zero, for that is judged when they are given back: here they hold what another path left. */
static void clear_free_pages(struct pw_world *p)
{
    for (uint32_t i = 0; i < p->system.pages.fresh; i++) {
        if (!(p->system.pages.taken[i / 64u] >> (i % 64u) & 1u))
            memset(p->pages + (size_t)i * PROCESSOR_PAGE, 0, PROCESSOR_PAGE);
    }
}

void pw_turn(struct pw_world *p, const struct pw_action *action)
{
    const bool outside = action->op == PW_END;

    p->action = *action;
    p->wanted = action->op == PW_TICK ? PROCESS_NONE : action->process;
    if (action->op == PW_SPAWN)
        clear_free_pages(p);
    scribble(p);
    memcpy(p->taken, p->system.pages.taken, sizeof p->taken);
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        p->tails[i] = p->system.processes[i].complete_tail;
        p->numbers[i] = p->system.processes[i].number;
    }
    if (outside)
        pw_book_end(p, action->process);
    else
        pw_book_turn(p, p->book.now + (action->op == PW_TICK));
    if (outside)
        process_end(&p->system, action->process, PROCESS_KILLED, 0);
    else
        (void)system_turn(&p->system, p->book.now);
    p->core.audit.tail = p->core.audit.head; /* read at once */
    judge_pages(p);
}

static void add(struct pw_world *p, void *at, size_t bytes)
{
    ASSERT(p->world.region_count < XP_REGIONS_MAX);
    p->world.regions[p->world.region_count++] = (struct xp_region){at, bytes, 0};
}

void pw_regions(struct pw_world *p)
{
    struct system *s = &p->system;
    const uint32_t waiting = PW_PROCESSES * p->config.calls;

    add(p, &p->core.objects,
        offsetof(struct object_pool, entries) + (PW_OBJECTS + 4u) * sizeof(struct object));
    add(p, &p->core.audit.head, offsetof(struct audit, chain) - offsetof(struct audit, head));
    for (uint32_t i = 0; i < PW_PROCESSES; i++) {
        struct process *k = &s->processes[i];

        add(p, &p->core.owners[i],
            offsetof(struct owner, caps) + offsetof(struct captable, slots) +
                (PW_SLOTS + 1u) * sizeof(struct cap_slot));
        add(p, k, offsetof(struct process, receives) + PW_ENTRIES * sizeof k->receives[0]);
    }
    add(p, &s->pages.used,
        offsetof(struct page_source, taken) + sizeof p->taken - offsetof(struct page_source, used));
    add(p, s->handles, (PW_OBJECTS - PW_HANDLES) * sizeof s->handles[0]);
    for (uint32_t i = 0; i < PW_HANDLES - PW_MEMORIES; i++)
        add(p, &s->memories[i],
            offsetof(struct memory_object, mapped_at) + PW_PROCESSES * sizeof s->memories[0].mapped_at[0]);
    add(p, s->endpoints, (PW_CLIENTS - PW_ENDPOINTS) * sizeof s->endpoints[0]);
    add(p, s->clients, (PW_MEMORIES - PW_CLIENTS) * sizeof s->clients[0]);
    add(p, s->calls, waiting * sizeof s->calls[0]);
    add(p, s->waiters, waiting * sizeof s->waiters[0]);
    add(p, &s->now_ns, sizeof *s - offsetof(struct system, now_ns));
    add(p, &p->book, sizeof p->book);
}
