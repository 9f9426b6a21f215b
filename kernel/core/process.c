/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes: how they are made and the one way in which they end. Owns their records, pages and spaces. A
 * process ends after all that it started; then it stops, its calls go, its objects are torn down by the room
 * that owns them, its space goes, and its pages are scrubbed and given back (P12, P16). */
#include "kernel/core/elf.h"
#include "kernel/core/parts.h"

#define STACK_PAGES (STARTUP_STACK_BYTES / PROCESSOR_PAGE)

/* Runs of a process, by their place. */
enum { RUN_PROGRAM = 0, RUN_RING, RUN_STARTUP, RUN_STACK };
_Static_assert(RUN_STACK + 1 == PROCESS_RUNS_MAX, "a place each");

bool process_live(const struct system *s, uint16_t process)
{
    return process < PROCESSES_MAX && s->processes[process].state != PROCESS_FREE &&
           s->processes[process].state != PROCESS_ENDING;
}

/* Pages of its own, mapped whole. The program's address, or 0. */
static uint64_t give_pages(struct system *s, struct process *p, uint32_t run, uint32_t pages,
                           enum processor_access access)
{
    const struct processor_ops *ops = s->processor.ops;
    uint8_t *memory = page_source_take(&s->pages, pages);
    uint64_t at;

    if (memory == NULL)
        return 0;
    p->runs[run] = (struct page_run){memory, pages};
    at = ops->reserve(s->processor.ctx, p->index, memory, pages);
    if (at == 0 || !ops->map(s->processor.ctx, p->index, at, memory, pages, access))
        return 0;
    return at;
}

static enum system_error load(struct system *s, struct process *p, const struct process_request *request,
                              uint32_t *detail)
{
    struct program_image image;

    *detail = s->loader(request->file, request->length, p->index, &s->processor, &s->pages, &image);
    if (*detail != 0)
        return *detail == ELF_E_ROOM || *detail == ELF_E_MEMORY ? SYS_E_NO_MEMORY : SYS_E_PROGRAM;
    p->runs[RUN_PROGRAM] = (struct page_run){image.memory, image.pages};
    p->file = request->file;
    p->entry = image.entry;
    return SYS_OK;
}

/* An address of the program's, as the field of its start-up page that will hold it. */
static void put_address(void *field, uint64_t address)
{
    memcpy(field, &address, sizeof address);
}

static void fill_startup(struct system *s, struct process *p, const struct process_request *request,
                         uint64_t ring_at)
{
    struct startup_page *page = p->startup;
    uint64_t cap_enter, exit;
    uint32_t length = 0;

    s->processor.ops->entries(s->processor.ctx, p->index, &cap_enter, &exit);
    page->magic = STARTUP_MAGIC;
    page->version = STARTUP_VERSION;
    memcpy(page->name, p->name, sizeof page->name);
    put_address(&page->ring, ring_at);
    put_address(&page->cap_enter, cap_enter);
    put_address(&page->exit, exit);
    while (request->text != NULL && length < STARTUP_TEXT_BYTES - 1u && request->text[length] != '\0') {
        page->text[length] = request->text[length];
        length++;
    }
    page->text_bytes = length;
}

/* Everything but the owner; what is there when it fails goes with unmake. */
static enum system_error make(struct system *s, struct process *p, const struct process_request *request,
                              uint32_t *detail)
{
    enum system_error error;
    uint64_t ring_at, stack_at;

    if (!s->processor.ops->space_create(s->processor.ctx, p->index))
        return SYS_E_NO_MEMORY;
    p->space = true;
    error = load(s, p, request, detail);
    if (error != SYS_OK)
        return error;
    ring_at = give_pages(s, p, RUN_RING, 1, PROCESSOR_READ_WRITE);
    p->startup_at = give_pages(s, p, RUN_STARTUP, 1, PROCESSOR_READ);
    stack_at = give_pages(s, p, RUN_STACK, STACK_PAGES, PROCESSOR_READ_WRITE);
    if (ring_at == 0 || p->startup_at == 0 || stack_at == 0)
        return SYS_E_NO_MEMORY;
    p->stack_at = stack_at + STARTUP_STACK_BYTES;
    p->ring = (struct ring_page *)(void *)p->runs[RUN_RING].memory;
    p->startup = (struct startup_page *)(void *)p->runs[RUN_STARTUP].memory;
    for (uint32_t i = 0; i < PROCESS_RUNS_MAX; i++)
        p->own_pages += p->runs[i].pages;
    p->owner->budget.limits.limit[BUDGET_MEMORY_PAGES] =
        p->own_pages + (request->memory_pages < PAGE_SOURCE_MAX ? request->memory_pages : PAGE_SOURCE_MAX);
    (void)budget_reserve(&p->owner->budget, BUDGET_MEMORY_PAGES, p->own_pages);
    ring_reset(p);
    fill_startup(s, p, request, ring_at);
    return SYS_OK;
}

/* Space, pages, owner: in this order nothing is mapped that is given back. */
static void unmake(struct system *s, struct process *p, enum audit_kind kind)
{
    struct owner *owner = p->owner;

    budget_refund(&owner->budget, BUDGET_MEMORY_PAGES, p->own_pages);
    core_owner_end(s->core, owner, kind, system_destroy, s);
    if (p->space)
        s->processor.ops->space_destroy(s->processor.ctx, p->index);
    for (uint32_t i = 0; i < PROCESS_RUNS_MAX; i++) {
        if (p->runs[i].memory != NULL)
            page_source_give(&s->pages, p->runs[i].memory, p->runs[i].pages);
    }
}

enum system_error process_create(struct system *s, const struct process_request *request, uint16_t *process,
                                 uint32_t *detail)
{
    struct owner *owner = core_owner_spawn(s->core, &s->limits, s->next_number, request->reads_log);
    enum system_error error;
    struct process *p;

    *detail = 0;
    if (owner == NULL)
        return SYS_E_BUSY;
    p = &s->processes[owner->index];
    ASSERT(p->state == PROCESS_FREE);
    memset(p, 0, sizeof *p);
    p->state = PROCESS_MADE;
    p->index = owner->index;
    p->number = s->next_number++;
    p->owner = owner;
    memcpy(p->name, request->name, sizeof p->name);
    p->name[sizeof p->name - 1u] = '\0';
    error = make(s, p, request, detail);
    if (error != SYS_OK) {
        p->state = PROCESS_ENDING;
        unmake(s, p, AUDIT_EXIT);
        p->state = PROCESS_FREE;
        return error;
    }
    *process = p->index;
    return SYS_OK;
}

bool process_name_grant(struct system *s, uint16_t process, const char *name, cap_id cap)
{
    struct process *p = process_at(s, process);
    struct startup_page *page = p->startup;
    struct startup_grant grant = {.cap = cap};

    ASSERT(p->state == PROCESS_MADE);
    ASSERT(ring_lookup(s, p, cap).exception == CAP_EX_NONE);
    if (page->grant_count == STARTUP_GRANTS_MAX)
        return false;
    for (uint32_t i = 0; i < STARTUP_NAME_BYTES - 1u && name[i] != '\0'; i++)
        grant.name[i] = name[i];
    grant.interface = p->owner->caps.slots[cap.index].interface;
    memcpy(&page->grants[page->grant_count++], &grant, sizeof grant);
    return true;
}

enum cap_exception process_grant_root(struct system *s, uint16_t process, const char *name, uint8_t interface,
                                      uint16_t payload, cap_id *out)
{
    struct process *p = process_at(s, process);
    enum cap_exception exception = core_grant_check(s->core, p->owner);
    struct object_ref object;

    /* Those have records of their own, which their sources make. */
    ASSERT(!interface_served(interface) && interface != CAP_IF_MEMORY && interface != CAP_IF_ENDPOINT &&
           interface != CAP_IF_PROCESS);
    if (p->startup->grant_count == STARTUP_GRANTS_MAX)
        exception = CAP_EX_NO_SLOT;
    if (exception != CAP_EX_NONE)
        return exception;
    *out = core_grant(s->core, p->owner, interface, payload, OBJECT_NONE, AUDIT_BDF_NONE, &object);
    (void)process_name_grant(s, process, name, *out);
    return CAP_EX_NONE;
}

void process_start(struct system *s, uint16_t process)
{
    struct process *p = process_at(s, process);

    ASSERT(p->state == PROCESS_MADE);
    p->state = PROCESS_READY;
    s->processor.ops->start(s->processor.ctx, p->index, p->entry, p->stack_at, p->startup_at);
}

static void fill_info(const struct process *p, struct process_info *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->name, p->name, sizeof out->name);
    out->number = p->number;
    out->state = p->end;
    out->pages = p->owner->budget.used[BUDGET_MEMORY_PAGES];
    out->caps = p->owner->caps.live_count;
    out->entries = p->entries;
    out->run_ns = p->run_ns;
    out->calls = p->calls;
    out->denials = p->denials;
}

bool process_info(const struct system *s, uint16_t process, struct process_info *out)
{
    if (!process_live(s, process))
        return false;
    fill_info(&s->processes[process], out);
    return true;
}

/* A process that this one started and that runs, or PROCESS_NONE. */
static uint16_t child_of(const struct system *s, uint16_t process)
{
    for (uint16_t i = 0; i < HANDLES_MAX; i++) {
        const struct process_handle *h = &s->handles[i];

        if (h->used && h->owner == process && h->process != PROCESS_NONE && process_live(s, h->process))
            return h->process;
    }
    return PROCESS_NONE;
}

/* The Process object keeps the last word. */
static void close_handle(struct system *s, const struct process *p)
{
    for (uint16_t i = 0; i < HANDLES_MAX; i++) {
        struct process_handle *h = &s->handles[i];

        if (!h->used || h->process != p->index)
            continue;
        fill_info(p, &h->info);
        h->info.pages = 0;
        h->info.caps = 0;
        h->code = p->code;
        h->process = PROCESS_NONE;
    }
}

static void end_one(struct system *s, struct process *p, enum process_end end, uint32_t code)
{
    static const uint8_t kinds[] = {
        [PROCESS_EXITED] = AUDIT_EXIT, [PROCESS_KILLED] = AUDIT_KILL, [PROCESS_FAULTED] = AUDIT_FAULT};

    p->state = PROCESS_ENDING; /* T3: no new use from here on */
    p->end = (uint8_t)end;
    p->code = code;
    close_handle(s, p);
    call_end_process(s, p);
    endpoint_end_process(s, p);
    waiter_end_process(s, p);
    memory_end_process(s, p);
    p->owner->end_result = end == PROCESS_FAULTED ? (uint8_t)code : 0u;
    unmake(s, p, (enum audit_kind)kinds[end]);
    if (s->door.ended != NULL)
        s->door.ended(s->door.ctx, s, p->index);
    p->state = PROCESS_FREE;
    object_reap(s);
}

void process_end(struct system *s, uint16_t process, enum process_end end, uint32_t code)
{
    ASSERT(process_live(s, process));
    ASSERT(end != PROCESS_RUNS);
    /* Down to one that started nothing that still runs, end it, begin again. */
    for (uint32_t step = 0; step < PROCESSES_MAX; step++) {
        uint16_t at = process;

        for (uint32_t depth = 0; depth < PROCESSES_MAX && child_of(s, at) != PROCESS_NONE; depth++)
            at = child_of(s, at);
        if (at == process) {
            end_one(s, process_at(s, process), end, code);
            return;
        }
        end_one(s, process_at(s, at), PROCESS_KILLED, 0);
    }
    ASSERT(false); /* each step ended one process */
}

void handle_destroy(struct system *s, uint16_t object, enum audit_kind kind)
{
    struct process_handle *h = &s->handles[s->core->objects.entries[object].payload];
    struct owner *owner = &s->core->owners[h->owner];
    const struct object_ref self = h->object;

    ASSERT(h->used);
    if (h->process != PROCESS_NONE)
        process_end(s, h->process, PROCESS_KILLED, 0);
    /* Its end has reaped the object if nobody held it. */
    if (!object_live(&s->core->objects, self))
        return;
    core_revoke(s->core, object, kind, AUDIT_BDF_NONE);
    budget_refund(&owner->budget, BUDGET_PROCESSES, 1);
    h->used = false;
}

uint64_t process_end_value(const struct process_handle *handle)
{
    return handle->info.state | (uint64_t)handle->code << 8;
}

struct object_reply process_call(struct system *s, const struct object_call *call)
{
    struct process_handle *h = &s->handles[call->payload];
    struct process_info info = h->info;

    ASSERT(h->used);
    if (call->method == PROCESS_WAIT)
        return h->process == PROCESS_NONE ? reply_ok(process_end_value(h), CAP_NONE) : reply_waits();
    if (call->method == PROCESS_KILL) {
        if (h->process == PROCESS_NONE)
            return reply_result(SYS_E_STATE);
        process_end(s, h->process, PROCESS_KILLED, 0);
        return reply_ok(0, CAP_NONE);
    }
    if (call->range_bytes < sizeof info)
        return reply_status(RING_E_RANGE);
    if (h->process != PROCESS_NONE)
        (void)process_info(s, h->process, &info);
    memcpy(call->range, &info, sizeof info);
    return reply_ok(sizeof info, CAP_NONE);
}
