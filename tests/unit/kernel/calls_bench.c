/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench: see calls_bench.h. */
#include "tests/unit/kernel/calls_bench.h"

#include "evidence/markers.h"

struct calls_bench cb;

static _Alignas(4096) uint8_t program_pages[16 * 4096];
static const struct reg_table empty_table = {.name = "empty memory window"};
static const struct reg_table *const tables[] = {&virtio_net_modern_table, &virtio_net_legacy_table,
                                                 &empty_table};

static bool space_create(void *ctx, uint16_t space)
{
    (void)ctx;
    (void)space;
    return true;
}

static void space_destroy(void *ctx, uint16_t space)
{
    (void)ctx;
    for (uint32_t i = 0; i < ROOMS_MAX; i++)
        cr_assert(!cb.rooms[i].taken || cb.rooms[i].space != space, "a room outlives its space");
}

/* Addresses of programs are nobody else's: no kernel address can pass for one. */
static uint64_t reserve(void *ctx, uint16_t space, uint8_t *memory, uint32_t pages)
{
    (void)ctx;
    for (uint32_t i = 0; i < ROOMS_MAX; i++) {
        if (cb.rooms[i].taken)
            continue;
        cb.rooms[i] = (struct room){.memory = memory,
                                    .at = 0x400000000000ull + i * 0x10000000ull,
                                    .pages = pages,
                                    .space = space,
                                    .taken = true};
        return cb.rooms[i].at;
    }
    return 0;
}

static struct room *taken_at(uint64_t at)
{
    for (uint32_t i = 0; i < ROOMS_MAX; i++) {
        if (cb.rooms[i].taken && cb.rooms[i].at == at)
            return &cb.rooms[i];
    }
    return NULL;
}

static bool map(void *ctx, uint16_t space, uint64_t at, uint8_t *memory, uint32_t pages,
                enum processor_access access)
{
    struct room *r = taken_at(at);

    (void)ctx;
    cr_assert(r != NULL && r->space == space && r->memory == memory && r->pages == pages);
    r->mapped = !cb.no_map;
    r->access = (uint8_t)access;
    return r->mapped;
}

static void unmap(void *ctx, uint16_t space, uint64_t at, uint32_t pages)
{
    struct room *r = taken_at(at);

    (void)ctx;
    cr_assert(r != NULL && r->space == space && r->pages == pages);
    cb.unmaps++;
    cb.unmapped_dirty += r->memory[0] != 0;
    r->taken = false;
    r->mapped = false;
}

static void entries(void *ctx, uint16_t space, uint64_t *cap_enter, uint64_t *exit)
{
    (void)ctx;
    (void)space;
    *cap_enter = *exit = 0;
}

static void start(void *ctx, uint16_t space, uint64_t entry, uint64_t stack, uint64_t argument)
{
    (void)ctx, (void)space, (void)entry, (void)stack, (void)argument;
}

static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    (void)ctx, (void)space, (void)result, (void)out;
    cr_assert_fail("nothing runs here");
}

static uint32_t pick(void *ctx, uint32_t n)
{
    (void)ctx, (void)n;
    return 0;
}

static uint32_t load_nothing(const uint8_t *file, uint64_t length, uint16_t space,
                             const struct processor *processor, struct page_source *pages,
                             struct program_image *out)
{
    (void)file, (void)length, (void)space, (void)processor, (void)pages;
    *out = (struct program_image){.entry = 1};
    return 0;
}

static const struct processor_ops ops = {.space_create = space_create,
                                         .space_destroy = space_destroy,
                                         .reserve = reserve,
                                         .map = map,
                                         .unmap = unmap,
                                         .entries = entries,
                                         .start = start,
                                         .run = run,
                                         .pick = pick};

/* A process without a program: an owner, a space, a start-up page. */
static void make_process(uint16_t expected)
{
    static struct startup_page startup[2];
    const struct budget_limits limits = budget_limits_generous();
    struct owner *owner = core_owner_create(&K->core, &limits, CAP_GENERATION_LIMIT_MAX);
    struct process *p;

    cr_assert_not_null(owner);
    cr_assert_eq(owner->index, expected);
    p = &S->processes[owner->index];
    *p = (struct process){.state = PROCESS_MADE,
                          .index = owner->index,
                          .number = owner->index + 1u,
                          .owner = owner,
                          .space = true};
    p->startup = &startup[expected];
    memset(p->startup, 0, sizeof *p->startup);
}

static void grant_roots(void)
{
    static const uint8_t roots[] = {CAP_IF_FUNCTIONS, CAP_IF_SERIAL,     CAP_IF_AUDIT,
                                    CAP_IF_EVIDENCE,  CAP_IF_SYSTEM,     CAP_IF_ENTROPY,
                                    CAP_IF_INVENTORY, CAP_IF_AUDIT_NOTE, CAP_IF_POWER};

    for (uint32_t i = 0; i < sizeof roots; i++) {
        const struct calls_root root = {.name = "root",
                                        .interface = roots[i],
                                        .port = CONSOLE_MAIN,
                                        .markers = (2u << EVIDENCE_PROVIDER_NIC_TEARDOWN) - 1u};
        const uint32_t before = S->processes[0].startup->grant_count;

        cr_assert_eq(calls_grant_root(&cb.calls, 0, &root), CAP_EX_NONE);
        memcpy(&cb.roots[roots[i]], &S->processes[0].startup->grants[before].cap, sizeof(cap_id));
    }
}

void calls_start(void)
{
    static const uint8_t key[32], boot[8];

    fake_init(P);
    fake_standard(P);
    memset(&cb, 0, sizeof cb);
    memset(K, 0x5a, sizeof *K);
    kernel_init(K, P);
    kernel_scan(K);
    console_init(&cb.console, P);
    evidence_begin(&cb.evidence, &cb.console, key, boot);
    const struct calls_setup setup = {
        .kernel = K, .platform = P, .evidence = &cb.evidence, .console = &cb.console, .tables = {tables, 3}};
    calls_init(&cb.calls, &setup);
    const struct system_setup system = {.core = &K->core,
                                        .processor = {&ops, NULL},
                                        .door = calls_door(&cb.calls),
                                        .loader = load_nothing,
                                        .pages = program_pages,
                                        .page_count = 16,
                                        .limits = budget_limits_generous()};
    system_init(S, &system);
    calls_attach(&cb.calls, S);
    make_process(0);
    make_process(1);
    grant_roots();
    bench.before = kernel_usage(K);
}

static struct object_reply through(uint16_t process, cap_id cap, struct object_call call)
{
    const struct owner *owner = S->processes[process].owner;
    const struct cap_lookup found = captable_lookup_any(&owner->caps, &K->core.objects, cap);
    const struct object *object;

    if (found.exception != CAP_EX_NONE)
        return (struct object_reply){.exception = (uint8_t)found.exception};
    object = object_at(&K->core.objects, found.object);
    call.process = process;
    call.cap = cap;
    call.object = found.object.index;
    call.payload = object->payload;
    call.interface = object->interface;
    return S->door.call(S->door.ctx, S, &call);
}

struct object_reply ask(uint16_t process, cap_id cap, uint16_t method, uint64_t a0, uint64_t a1)
{
    return through(process, cap, (struct object_call){.method = method, .args = {a0, a1, 0}});
}

struct object_reply ask_with(uint16_t process, cap_id cap, uint16_t method, uint64_t a0, uint32_t bytes)
{
    return through(
        process, cap,
        (struct object_call){.method = method, .args = {a0, 0, 0}, .range = cb.range, .range_bytes = bytes});
}

struct object_reply give_back(uint16_t process, cap_id cap)
{
    return S->door.release(S->door.ctx, S, process, cap);
}

struct room *room_at(uint64_t at)
{
    struct room *r = taken_at(at);

    return r != NULL && r->mapped ? r : NULL;
}

uint32_t rooms_mapped(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < ROOMS_MAX; i++)
        count += cb.rooms[i].taken && cb.rooms[i].mapped;
    return count;
}

cap_id must(struct object_reply reply)
{
    good(reply);
    cr_assert(!cap_is_none(reply.cap));
    return reply.cap;
}

void claim(struct door_nic *n)
{
    n->function = must(ask(0, cb.roots[CAP_IF_FUNCTIONS], FUNCTIONS_TAKE, MODERN_INDEX, 0));
    n->device = must(ask(0, n->function, FUNCTION_CLAIM, 0, 0));
}

void write_register(const struct door_nic *n, uint16_t row, uint64_t value)
{
    good(ask(0, n->registers, REGISTERS_WRITE, row, value));
}

uint64_t packed(cap_id cap)
{
    return cap.index | (uint64_t)cap.generation << 32;
}

void up(struct door_nic *n)
{
    claim(n);
    memcpy(cb.range, modern_windows, sizeof modern_windows);
    n->registers = must(ask_with(0, n->device, DEVICE_OPEN_REGISTERS, TABLE_MODERN, sizeof modern_windows));
    write_register(n, MODERN_STATUS, 0);
    for (uint32_t poll = 0; poll < 100 && ask(0, n->registers, REGISTERS_READ, MODERN_STATUS, 0).value != 0;
         poll++)
        ;
    n->pool = must(ask(0, n->device, DEVICE_POOL_CREATE, 32, 0));
    n->rx = must(ask(0, n->pool, POOL_BUFFER_CREATE, 8 * 4096, DMA_FROM_DEVICE));
    struct object_reply mapped = ask(0, n->rx, BUFFER_MAP, 0, 0);
    good(mapped);
    n->rx_at = mapped.value;
    write_register(n, MODERN_STATUS, 11);
    for (uint64_t q = 0; q < 2; q++) {
        n->queue[q] = must(ask(0, n->pool, POOL_QUEUE_CREATE, packed(n->registers), q | 8u << 16 | q << 32));
        write_register(n, MODERN_QUEUE_SELECT, q);
        for (uint16_t row = MODERN_QUEUE_DESC_LOW; row <= MODERN_QUEUE_DEVICE_HIGH; row++)
            good(ask(0, n->registers, REGISTERS_WRITE_ADDRESS, row, packed(n->queue[q])));
        write_register(n, MODERN_QUEUE_ENABLE, 1);
    }
    good(ask(0, n->device, DEVICE_ENABLE_DMA, 0, 0));
    write_register(n, MODERN_STATUS, 15);
    struct object_reply view = ask(0, n->queue[0], QUEUE_VIEW, 0, 0);
    good(view);
    n->view_at = view.value;
}
