/* SPDX-License-Identifier: BSD-2-Clause */
/* See system_bench.h. The fake processor keeps every reserved room; a program's address is a number that
 * means nothing until behind() has looked it up. */
#include "tests/unit/kernel/system_bench.h"

#include <stdio.h>

struct system_bench sb;

static bool fails(void)
{
    if (sb.fail_after == NEVER)
        return false;
    if (sb.fail_after == 0)
        return true;
    sb.fail_after--;
    return false;
}

static bool space_create(void *ctx, uint16_t space)
{
    (void)ctx;
    cr_assert_not(sb.spaces[space], "a space made twice");
    if (fails())
        return false;
    sb.spaces[space] = true;
    return true;
}

static void space_destroy(void *ctx, uint16_t space)
{
    (void)ctx;
    cr_assert(sb.spaces[space], "no such space");
    sb.spaces[space] = false;
    for (uint32_t i = 0; i < BENCH_ROOMS; i++) {
        if (sb.rooms[i].used && sb.rooms[i].space == space)
            sb.rooms[i].used = false;
    }
}

static struct bench_room *room_at(uint16_t space, uint64_t at)
{
    for (uint32_t i = 0; i < BENCH_ROOMS; i++) {
        struct bench_room *r = &sb.rooms[i];

        if (r->used && r->space == space && at >= r->at && at < r->at + (uint64_t)r->pages * PROCESSOR_PAGE)
            return r;
    }
    return NULL;
}

static uint64_t reserve(void *ctx, uint16_t space, uint8_t *memory, uint32_t pages)
{
    (void)ctx;
    cr_assert(sb.spaces[space]);
    cr_assert(pages > 0);
    cr_assert_eq((uintptr_t)memory % PROCESSOR_PAGE, 0);
    if (fails())
        return 0;
    for (uint32_t i = 0; i < BENCH_ROOMS; i++) {
        struct bench_room *r = &sb.rooms[i];

        if (r->used)
            continue;
        *r = (struct bench_room){
            .used = true, .space = space, .at = sb.next_at, .memory = memory, .pages = pages};
        sb.next_at += (uint64_t)(pages + 2u) * PROCESSOR_PAGE;
        return r->at;
    }
    return 0;
}

static bool map(void *ctx, uint16_t space, uint64_t at, uint8_t *memory, uint32_t pages,
                enum processor_access access)
{
    struct bench_room *r = room_at(space, at);

    (void)ctx;
    cr_assert_not_null(r, "mapped outside of any room");
    cr_assert(at == r->at && pages == r->pages && memory == r->memory && r->mapped == 0);
    if (fails())
        return false;
    r->mapped = pages;
    r->access = access;
    return true;
}

static void unmap(void *ctx, uint16_t space, uint64_t at, uint32_t pages)
{
    struct bench_room *r = room_at(space, at);

    (void)ctx;
    cr_assert_not_null(r, "no room to unmap");
    cr_assert(at == r->at && pages == r->pages);
    r->used = false;
}

static void entries(void *ctx, uint16_t space, uint64_t *cap_enter, uint64_t *exit_)
{
    (void)ctx;
    *cap_enter = 0xe000u + space;
    *exit_ = 0xf000u + space;
}

static void start(void *ctx, uint16_t space, uint64_t entry, uint64_t stack, uint64_t argument)
{
    struct bench_room *text = room_at(space, entry), *top = room_at(space, stack - 1u);

    (void)ctx;
    cr_assert_not_null(text);
    cr_assert_eq(text->access, PROCESSOR_READ_EXECUTE);
    cr_assert_not_null(top);
    cr_assert_eq(top->access, PROCESSOR_READ_WRITE);
    cr_assert_eq(room_at(space, argument)->access, PROCESSOR_READ);
}

static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    (void)ctx;
    cr_assert(sb.spaces[space], "a process without a space runs");
    cr_assert_eq(ring_of(space)->header.now_ns, sb.now);
    sb.ran = space;
    sb.result[space] = result;
    if (sb.step[space] != NULL)
        sb.step[space](space, &sb.stop[space]);
    *out = sb.stop[space];
    memset(&sb.stop[space], 0, sizeof sb.stop[space]);
}

/* The wanted process when it is ready: in the order in which the system counts. */
static uint32_t pick(void *ctx, uint32_t n)
{
    uint32_t count = 0, found = 0;

    (void)ctx;
    for (uint32_t i = 1; i <= PROCESSES_MAX; i++) {
        const uint32_t at = (S->last_run + i) % PROCESSES_MAX;

        if (S->processes[at].state != PROCESS_READY)
            continue;
        if (at == sb.wanted)
            found = count;
        count++;
    }
    cr_assert_eq(count, n);
    return found;
}

static uint32_t loader(const uint8_t *file, uint64_t length, uint16_t space,
                       const struct processor *processor, struct page_source *pages,
                       struct program_image *out)
{
    if (sb.loader_error != 0)
        return sb.loader_error;
    out->pages = (uint32_t)((length + PROCESSOR_PAGE - 1u) / PROCESSOR_PAGE);
    out->memory = page_source_take(pages, out->pages);
    if (out->memory == NULL)
        return 1;
    memcpy(out->memory, file, (size_t)length);
    out->at = processor->ops->reserve(processor->ctx, space, out->memory, out->pages);
    if (out->at == 0 || !processor->ops->map(processor->ctx, space, out->at, out->memory, out->pages,
                                             PROCESSOR_READ_EXECUTE)) {
        page_source_give(pages, out->memory, out->pages);
        return 1;
    }
    out->entry = out->at + 16u;
    return 0;
}

static struct object_reply door_call(void *ctx, struct system *s, const struct object_call *call)
{
    struct object_reply reply = {.value = 0};

    (void)ctx;
    (void)s;
    sb.door_calls++;
    if (call->interface == CAP_IF_SERIAL && call->method == SERIAL_WRITE) {
        reply.value = call->range_bytes < sizeof sb.written ? call->range_bytes : sizeof sb.written;
        memcpy(sb.written, call->range, (size_t)reply.value);
    } else if (call->interface == CAP_IF_SERIAL && sb.input == 0) {
        reply.waits = true;
    } else if (call->interface == CAP_IF_SERIAL) {
        reply.value = sb.input < call->range_bytes ? sb.input : call->range_bytes;
        memset(call->range, 0x41, (size_t)reply.value);
        sb.input -= (uint32_t)reply.value;
    } else {
        reply.exception = CAP_EX_EXHAUSTED;
        reply.value = 5; /* goes nowhere */
    }
    return reply;
}

static void door_destroy(void *ctx, uint16_t object)
{
    (void)ctx;
    sb.destroyed++;
    core_revoke(&sb.core, object, AUDIT_REVOKE, AUDIT_BDF_NONE);
}

static struct object_reply door_release(void *ctx, struct system *s, uint16_t process, cap_id cap)
{
    struct owner *owner = s->processes[process].owner;
    const struct cap_lookup found = captable_lookup_any(&owner->caps, &sb.core.objects, cap);

    (void)ctx;
    if (object_at(&sb.core.objects, found.object)->owner == process)
        core_revoke(&sb.core, found.object.index, AUDIT_RELEASE, AUDIT_BDF_NONE);
    else
        core_drop_cap(&sb.core, owner, (uint16_t)cap.index, AUDIT_BDF_NONE);
    return (struct object_reply){.value = 0};
}

static void door_ended(void *ctx, struct system *s, uint16_t process)
{
    (void)ctx;
    sb.ended_count++;
    sb.last_ended = process;
    sb.ended_how = s->processes[process].end;
    sb.ended_code = s->processes[process].code;
}

static const struct processor_ops processor_ops = {
    .space_create = space_create,
    .space_destroy = space_destroy,
    .reserve = reserve,
    .map = map,
    .unmap = unmap,
    .entries = entries,
    .start = start,
    .run = run,
    .pick = pick,
};

static _Alignas(PROCESSOR_PAGE) uint8_t page_memory[BENCH_PAGES * PROCESSOR_PAGE];
static _Alignas(PROCESSOR_PAGE) uint8_t package_memory[BENCH_PACKAGE * PROCESSOR_PAGE];
static const uint8_t program_file[5000] = {1, 2, 3};

void system_bench_start(void)
{
    struct system_setup setup = {
        .core = &sb.core,
        .processor = {&processor_ops, NULL},
        .door = {.call = door_call, .destroy = door_destroy, .release = door_release, .ended = door_ended},
        .loader = loader,
        .page_count = BENCH_PAGES,
        .limits = budget_limits_generous(),
    };

    memset(&sb, 0x5a, sizeof sb);
    sb = (struct system_bench){.next_at = 0x100000u, .fail_after = NEVER, .now = 1000};
    sb.pages = page_memory;
    sb.package = package_memory;
    memset(sb.pages, 0xa5, BENCH_PAGES * PROCESSOR_PAGE);
    memset(sb.package, 0x77, BENCH_PACKAGE * PROCESSOR_PAGE);
    setup.pages = sb.pages;
    core_init(&sb.core);
    memset(&sb.system, 0x5a, sizeof sb.system);
    system_init(S, &setup);
    S->programs[0] = (struct system_program){"child", program_file, sizeof program_file};
    S->program_count = 1;
    S->package = sb.package;
    S->package_pages = BENCH_PACKAGE;
}

static cap_id grant(uint16_t p, const char *name, uint8_t interface)
{
    cap_id cap = CAP_NONE;

    cr_assert_eq(process_grant_root(S, p, name, interface, 3, &cap), CAP_EX_NONE);
    return cap;
}

struct root root(const char *name)
{
    struct process_request request = {
        .file = program_file, .length = sizeof program_file, .memory_pages = 64, .text = "a=1 b=2"};
    struct root r = {.p = PROCESS_NONE};
    uint32_t detail;

    snprintf(request.name, sizeof request.name, "%s", name);
    cr_assert_eq(process_create(S, &request, &r.p, &detail), SYS_OK);
    r.memory_source = grant(r.p, "memory", CAP_IF_MEMORY_SOURCE);
    r.endpoint_source = grant(r.p, "endpoints", CAP_IF_ENDPOINT_SOURCE);
    r.timer = grant(r.p, "timer", CAP_IF_TIMER);
    r.spawner = grant(r.p, "spawner", CAP_IF_SPAWNER);
    r.serial = grant(r.p, "serial", CAP_IF_SERIAL);
    r.dma_buffer = grant(r.p, "buffer", CAP_IF_DMA_BUFFER);
    process_start(S, r.p);
    return r;
}

bool turn(uint16_t p)
{
    sb.wanted = p;
    sb.ran = PROCESS_NONE;
    sb.now += 1000;
    sb.turns++;
    (void)system_turn(S, sb.now);
    checks();
    return sb.ran == p;
}

void turns(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        (void)turn(PROCESS_NONE);
}

static bool page_taken(const uint8_t *memory)
{
    const uint32_t page = (uint32_t)((memory - sb.pages) / (ptrdiff_t)PROCESSOR_PAGE);

    return (S->pages.taken[page / 64u] >> (page % 64u) & 1u) != 0;
}

/* What a process is charged is what it holds. */
static void check_process(const struct process *p)
{
    const uint32_t *used = p->owner->budget.used;
    uint32_t waiting = 0, pages = p->own_pages, endpoints = 0, children = 0;

    for (uint32_t i = 0; i < CALLS_MAX; i++)
        waiting += S->calls[i].state != CALL_UNUSED && S->calls[i].caller == p->index;
    for (uint32_t i = 0; i < RING_INBOX; i++)
        waiting += p->receives[i].used;
    for (uint32_t i = 0; i < WAITERS_MAX; i++)
        waiting += S->waiters[i].kind != WAITER_UNUSED && S->waiters[i].process == p->index;
    for (uint32_t i = 1; i < sb.core.objects.fresh; i++) {
        const struct object *o = &sb.core.objects.entries[i];

        if (!o->live || o->owner != p->index)
            continue;
        pages += o->interface == CAP_IF_MEMORY && !S->memories[o->payload].foreign
                     ? S->memories[o->payload].pages
                     : 0u;
        endpoints += o->interface == CAP_IF_ENDPOINT || o->interface >= CAP_IF_NIC;
        children += o->interface == CAP_IF_PROCESS;
    }
    cr_assert_eq(p->under_way, waiting);
    cr_assert_eq(used[BUDGET_CALLS], waiting);
    cr_assert_eq(used[BUDGET_MEMORY_PAGES], pages);
    cr_assert_eq(used[BUDGET_ENDPOINTS], endpoints);
    cr_assert_eq(used[BUDGET_PROCESSES], children);
    cr_assert_eq(used[BUDGET_CAP_SLOTS], p->owner->caps.live_count);
    cr_assert_leq(p->complete_tail - p->complete_head + p->under_way, RING_COMPLETIONS);
}

void checks(void)
{
    for (uint32_t i = 0; i < BENCH_ROOMS; i++) {
        const struct bench_room *r = &sb.rooms[i];

        for (uint32_t page = 0; r->used && page < r->mapped; page++) {
            const uint8_t *at = r->memory + (size_t)page * PROCESSOR_PAGE;

            cr_assert(at >= sb.package && at < sb.package + BENCH_PACKAGE * PROCESSOR_PAGE
                          ? r->access == PROCESSOR_READ
                          : page_taken(at),
                      "a page is mapped that was given back, or the package writable");
        }
    }
    for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
        cr_assert_eq(S->processes[i].state != PROCESS_FREE, sb.spaces[i]);
        if (S->processes[i].state != PROCESS_FREE)
            check_process(&S->processes[i]);
    }
}

struct ring_page *ring_of(uint16_t p)
{
    return S->processes[p].ring;
}

void submit(uint16_t p, const struct ring_submission *r)
{
    struct ring_header *h = &ring_of(p)->header;

    cr_assert_lt(h->submit_tail - h->submit_head, RING_SUBMISSIONS);
    ring_of(p)->submissions[h->submit_tail % RING_SUBMISSIONS] = *r;
    h->submit_tail++;
}

bool take(uint16_t p, struct ring_completion *out)
{
    struct ring_header *h = &ring_of(p)->header;

    if (h->complete_head == h->complete_tail)
        return false;
    *out = ring_of(p)->completions[h->complete_head % RING_COMPLETIONS];
    h->complete_head++;
    return true;
}

struct ring_completion one(uint16_t p, struct ring_submission r)
{
    static uint64_t user = 100;
    struct ring_completion c;

    nothing_completed(p);
    r.user = ++user;
    submit(p, &r);
    cr_assert(turn(p));
    cr_assert_eq(sb.result[p], RING_ENTERED);
    cr_assert(take(p, &c), "nothing completed");
    cr_assert_eq(c.user, user);
    nothing_completed(p);
    return c;
}

void nothing_completed(uint16_t p)
{
    cr_assert_eq(ring_of(p)->header.complete_head, ring_of(p)->header.complete_tail, "something completed");
}

void waits(uint16_t p, struct ring_submission r)
{
    nothing_completed(p);
    submit(p, &r);
    cr_assert(turn(p));
    cr_assert_eq(ring_of(p)->header.submit_head, ring_of(p)->header.submit_tail);
    nothing_completed(p);
}

struct ring_completion completed(uint16_t p)
{
    struct ring_completion c;

    if (!take(p, &c)) {
        turns(1);
        cr_assert(take(p, &c), "nothing completed");
    }
    return c;
}

struct ring_submission nop(void)
{
    return (struct ring_submission){.opcode = RING_NOP};
}

struct ring_submission call0(cap_id cap, uint16_t method)
{
    return (struct ring_submission){.opcode = RING_CALL, .cap = cap, .method = method};
}

struct ring_submission call1(cap_id cap, uint16_t method, uint64_t a)
{
    return (struct ring_submission){.opcode = RING_CALL, .cap = cap, .method = method, .args = {a, 0, 0}};
}

struct ring_submission call2(cap_id cap, uint16_t method, uint64_t a, uint64_t b)
{
    return (struct ring_submission){.opcode = RING_CALL, .cap = cap, .method = method, .args = {a, b, 0}};
}

struct ring_submission with(struct ring_submission r, uint8_t flags, cap_id extra)
{
    r.flags = flags;
    r.extra = extra;
    return r;
}

struct ring_submission ranged(struct ring_submission r, cap_id memory, uint32_t offset, uint32_t length)
{
    r = with(r, RING_EXTRA_RANGE, memory);
    r.offset = offset;
    r.length = length;
    return r;
}

struct ring_submission recv(cap_id endpoint, uint64_t place)
{
    return (struct ring_submission){.opcode = RING_RECV, .cap = endpoint, .args = {place, 0, 0}};
}

struct ring_submission answer(uint64_t token, uint16_t result, uint64_t value)
{
    return (struct ring_submission){.opcode = RING_RETURN, .result = result, .args = {token, value, 0}};
}

struct ring_submission release(cap_id cap)
{
    return (struct ring_submission){.opcode = RING_RELEASE, .cap = cap};
}

struct bench_held held(void)
{
    struct bench_held h;

    memset(&h, 0, sizeof h);
    h.system = system_held(S);
    h.objects = sb.core.objects.live_count;
    for (uint32_t i = 0; i < OWNERS_MAX; i++) {
        const struct owner *o = &sb.core.owners[i];

        h.spaces += sb.spaces[i];
        if (o->state == OWNER_FREE)
            continue;
        h.owners++;
        h.caps += o->caps.live_count;
        memcpy(h.budget[i], o->budget.used, sizeof h.budget[i]);
    }
    for (uint32_t i = 0; i < BENCH_ROOMS; i++)
        h.rooms += sb.rooms[i].used;
    return h;
}

void same_held(const struct bench_held *before)
{
    const struct bench_held now = held();
    const uint32_t *a = (const uint32_t *)(const void *)before, *b = (const uint32_t *)(const void *)&now;

    for (size_t i = 0; i < sizeof now / sizeof *a; i++)
        cr_assert_eq(a[i], b[i], "field %zu was %u, is %u", i, a[i], b[i]);
}

uint8_t *behind(uint16_t p, uint64_t at)
{
    const struct bench_room *r = room_at(p, at);

    cr_assert(r != NULL && r->mapped != 0, "not mapped");
    return r->memory + (at - r->at);
}

uint32_t audited(enum audit_kind kind)
{
    static struct audit_record records[AUDIT_RECORDS_MAX];
    const uint32_t n = audit_drain(&sb.core.audit, records, AUDIT_RECORDS_MAX);
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++)
        count += records[i].kind == kind;
    return count;
}
