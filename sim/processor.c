/* SPDX-License-Identifier: BSD-2-Clause */
/* Spaces of the simulator's processor: which rooms are reserved, and what of them is mapped and how. A
 * program sees mapped pages through a second mapping of the host's, with addresses and protection of its own,
 * so a run changes no protection. Trusts the kernel that calls; nothing of a program but its stack pointer is
 * looked at, and that is compared. */
#include "sim/processor.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/assert.h"
#include "abi/startup.h"
#include "sim/processor_switch.h"
#include "sim/program_source.h"

#define VECTOR_STACK_FAULT 12u
#define READ_WRITE         (PROT_READ | PROT_WRITE)
#define NOTHING            (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/* Pages that lie together, and how they are mapped; of a room only where they lie. */
struct span {
    uint8_t *at; /* as the program sees them */
    uint8_t *memory; /* as the kernel does */
    uint32_t pages;
    enum processor_access access;
};

/* By address, none over another. */
struct spans {
    struct span *list;
    uint32_t count, room;
};

struct space {
    bool used;
    bool runnable;
    uint8_t *area; /* its addresses: area_bytes of the processor */
    uint8_t *stack; /* STARTUP_STACK_BYTES */
    void *linked; /* instance of a linked program, or NULL: its file runs */
    struct sim_context context;
    struct spans rooms, mapped;
};

struct sim_processor {
    struct sim_processor_config config;
    struct sim_switch change;
    uint8_t *areas; /* of all spaces */
    size_t area_bytes;
    struct space *shown; /* isolated: whose pages are there, or NULL */
    uint64_t runs, faults;
    struct space spaces[SIM_SPACES_MAX];
};

static size_t bytes_of(uint32_t pages)
{
    return (size_t)pages * PROCESSOR_PAGE;
}

static uint8_t *end_of(const struct span *s)
{
    return s->at + bytes_of(s->pages);
}

/* Index of the first span that ends behind `at`; count when there is none. */
static uint32_t first_behind(const struct spans *spans, const uint8_t *at)
{
    uint32_t i = 0;

    while (i < spans->count && end_of(&spans->list[i]) <= at)
        i++;
    return i;
}

static const struct span *span_at(const struct spans *spans, const uint8_t *at)
{
    const uint32_t i = first_behind(spans, at);

    return i < spans->count && spans->list[i].at <= at ? &spans->list[i] : NULL;
}

/* False: it lies over another, or there is no memory. */
static bool span_add(struct spans *spans, struct span new)
{
    const uint32_t i = first_behind(spans, new.at);

    if (i < spans->count && spans->list[i].at < end_of(&new))
        return false;
    if (spans->count == spans->room) {
        const uint32_t room = spans->room ? 2u * spans->room : 16u;
        struct span *list = realloc(spans->list, room * sizeof *list);
        if (!list)
            return false;
        spans->list = list;
        spans->room = room;
    }
    for (uint32_t k = spans->count; k > i; k--)
        spans->list[k] = spans->list[k - 1u];
    spans->list[i] = new;
    spans->count++;
    return true;
}

static void span_remove(struct spans *spans, uint32_t i)
{
    spans->count--;
    for (; i < spans->count; i++)
        spans->list[i] = spans->list[i + 1u];
}

static void protect(uint8_t *at, size_t bytes, int protection)
{
    if (mprotect(at, bytes, protection) == 0)
        return;
    perror("capos sim: mprotect");
    capos_assert_failed("the host refused to protect pages of a program", __FILE__, __LINE__);
}

static int protection_of(enum processor_access access)
{
    return access == PROCESSOR_READ_EXECUTE ? PROT_READ | PROT_EXEC
           : access == PROCESSOR_READ_WRITE ? READ_WRITE
                                            : PROT_READ;
}

/* Of each mapped span, neighbours of one kind with one call. */
static void protect_mapped(const struct spans *mapped)
{
    for (uint32_t i = 0; i < mapped->count;) {
        const struct span *first = &mapped->list[i];
        uint8_t *end = end_of(first);

        for (i++; i < mapped->count && mapped->list[i].at == end && mapped->list[i].access == first->access;
             i++)
            end = end_of(&mapped->list[i]);
        protect(first->at, (size_t)(end - first->at), protection_of(first->access));
    }
}

/* Isolated: of all that programs see, the pages of `s` alone are there. */
static void show(struct sim_processor *p, struct space *s)
{
    if (p->shown == s)
        return;
    if (p->shown)
        protect(p->shown->area, p->area_bytes, PROT_NONE);
    protect_mapped(&s->mapped);
    p->shown = s;
}

/* Isolated: the kernel's own mapping of the regions. */
static void protect_regions(const struct sim_processor *p, int protection)
{
    for (uint32_t i = 0; i < p->config.region_count; i++)
        protect(p->config.regions[i].base, p->config.regions[i].bytes, protection);
}

/* Nothing is there any more: pages without content or access, in place of any mapping. */
static void clear(uint8_t *at, size_t bytes)
{
    if (mmap(at, bytes, PROT_NONE, NOTHING | MAP_FIXED, -1, 0) == at)
        return;
    perror("capos sim: mmap");
    capos_assert_failed("the host refused to take pages of a program away", __FILE__, __LINE__);
}

static struct space *space_of(struct sim_processor *p, uint16_t space)
{
    ASSERT(space < SIM_SPACES_MAX);
    ASSERT(p->spaces[space].used);
    return &p->spaces[space];
}

/* No program sees it any more. */
static void given_back(const struct sim_processor *p, const struct span *span)
{
    if (p->config.source)
        p->config.source->given_back(span->at, bytes_of(span->pages));
}

static bool sim_space_create(void *ctx, uint16_t space)
{
    struct sim_processor *p = ctx;

    ASSERT(space < SIM_SPACES_MAX && !p->spaces[space].used);
    p->spaces[space] = (struct space){.used = true, .area = p->areas + space * p->area_bytes};
    return true;
}

static void sim_space_destroy(void *ctx, uint16_t space)
{
    struct sim_processor *p = ctx;
    struct space *s = space_of(p, space);

    if (s->linked)
        p->config.source->end(s->linked);
    clear(s->area, p->area_bytes);
    for (uint32_t i = 0; i < s->mapped.count; i++)
        given_back(p, &s->mapped.list[i]);
    if (p->shown == s)
        p->shown = NULL;
    free(s->mapped.list);
    free(s->rooms.list);
    *s = (struct space){0};
}

static bool in_region(const struct sim_processor *p, const uint8_t *at, size_t bytes)
{
    for (uint32_t i = 0; i < p->config.region_count; i++) {
        const struct sim_region *r = &p->config.regions[i];

        if (at >= r->base && at < r->base + r->bytes && bytes <= (size_t)(r->base + r->bytes - at))
            return true;
    }
    return false;
}

/* The first room of so many pages with a page on each side that is in no room; NULL: none. */
static uint8_t *room_for(const struct sim_processor *p, const struct space *s, uint32_t pages)
{
    const uint8_t *const end = s->area + p->area_bytes;
    uint8_t *at = s->area + PROCESSOR_PAGE;
    const size_t needed = bytes_of(pages) + PROCESSOR_PAGE;

    for (uint32_t i = 0; i < s->rooms.count; i++) {
        if (at <= s->rooms.list[i].at && needed <= (size_t)(s->rooms.list[i].at - at))
            return at;
        at = end_of(&s->rooms.list[i]) + PROCESSOR_PAGE;
    }
    return at <= end && needed <= (size_t)(end - at) ? at : NULL;
}

static uint64_t sim_reserve(void *ctx, uint16_t space, uint8_t *memory, uint32_t pages)
{
    struct sim_processor *p = ctx;
    struct space *s = space_of(p, space);

    ASSERT(pages > 0 && (uintptr_t)memory % PROCESSOR_PAGE == 0);
    ASSERT(in_region(p, memory, bytes_of(pages)));
    uint8_t *at = room_for(p, s, pages);
    if (!at || !span_add(&s->rooms, (struct span){at, memory, pages, PROCESSOR_READ}))
        return 0;
    return (uint64_t)(uintptr_t)at;
}

/* The file behind a mapping of this process, /proc/self/map_files; its pages at `memory` are *offset bytes
 * into it. -1: there is none, or it is not for this user. */
static int file_behind(const uint8_t *memory, off_t *offset)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long from = 0, to = 0, in_file = 0;
    char line[512], path[64];
    bool found = false;

    while (maps && !found && fgets(line, sizeof line, maps))
        found = sscanf(line, "%lx-%lx %*s %lx", &from, &to, &in_file) == 3 && (uintptr_t)memory >= from &&
                (uintptr_t)memory < to;
    if (maps)
        fclose(maps);
    if (!found)
        return -1;
    snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", from, to);
    *offset = (off_t)(in_file + ((uintptr_t)memory - from));
    return open(path, O_RDWR | O_CLOEXEC);
}

/* The same pages a second time. By mremap(2) with an old size of 0; where that is not known, which is under
 * Valgrind, through the file. */
static bool show_again(uint8_t *memory, size_t bytes, uint8_t *seen)
{
    off_t offset = 0;

    if (mremap(memory, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, seen) == seen)
        return true;
    const int file = file_behind(memory, &offset);
    if (file < 0)
        return false;
    const bool shown = mmap(seen, bytes, READ_WRITE, MAP_SHARED | MAP_FIXED, file, offset) == seen;
    close(file);
    return shown;
}

static bool sim_map(void *ctx, uint16_t space, uint64_t at, uint8_t *memory, uint32_t pages,
                    enum processor_access access)
{
    struct sim_processor *p = ctx;
    struct space *s = space_of(p, space);
    uint8_t *seen = (uint8_t *)(uintptr_t)at;
    const struct span *room = span_at(&s->rooms, seen);
    const size_t bytes = bytes_of(pages);

    ASSERT(pages > 0 && room != NULL && bytes <= (size_t)(end_of(room) - seen));
    ASSERT(room->memory + (seen - room->at) == memory);
    if (!span_add(&s->mapped, (struct span){seen, memory, pages, access}))
        return false;
    if (!show_again(memory, bytes, seen)) {
        clear(seen, bytes); /* it may have been taken away for nothing */
        span_remove(&s->mapped, first_behind(&s->mapped, seen));
        return false;
    }
    protect(seen, bytes, p->config.isolate && p->shown != s ? PROT_NONE : protection_of(access));
    return true;
}

static void sim_unmap(void *ctx, uint16_t space, uint64_t at, uint32_t pages)
{
    struct sim_processor *p = ctx;
    struct space *s = space_of(p, space);
    uint8_t *seen = (uint8_t *)(uintptr_t)at;
    const uint32_t room = first_behind(&s->rooms, seen);

    ASSERT(room < s->rooms.count && s->rooms.list[room].at == seen && s->rooms.list[room].pages == pages);
    clear(seen, bytes_of(pages));
    for (uint32_t i = first_behind(&s->mapped, seen);
         i < s->mapped.count && s->mapped.list[i].at < seen + bytes_of(pages);) {
        given_back(p, &s->mapped.list[i]);
        span_remove(&s->mapped, i);
    }
    span_remove(&s->rooms, room);
}

static void sim_entries(void *ctx, uint16_t space, uint64_t *cap_enter, uint64_t *exit_entry)
{
    (void)ctx, (void)space;
    *cap_enter = (uint64_t)(uintptr_t)sim_cap_enter;
    *exit_entry = (uint64_t)(uintptr_t)sim_exit;
}

/* Of the file that was placed where `entry` lies: all that is mapped of its room. */
static uint64_t identity_at(const struct space *s, uint64_t entry)
{
    const struct span *room = span_at(&s->rooms, (const uint8_t *)(uintptr_t)entry);
    uint64_t identity = SIM_IDENTITY_FIRST;

    ASSERT(room != NULL);
    for (uint32_t i = first_behind(&s->mapped, room->at);
         i < s->mapped.count && s->mapped.list[i].at < end_of(room); i++)
        identity = sim_identity(identity, s->mapped.list[i].memory, bytes_of(s->mapped.list[i].pages));
    return identity;
}

static void sim_start(void *ctx, uint16_t space, uint64_t entry, uint64_t stack, uint64_t argument)
{
    struct sim_processor *p = ctx;
    struct space *s = space_of(p, space);

    s->stack = (uint8_t *)(uintptr_t)stack - STARTUP_STACK_BYTES;
    if (p->config.source)
        s->linked = p->config.source->start(identity_at(s, entry), &entry);
    s->context = (struct sim_context){.rip = entry, .rsp = stack, .argument = argument};
    s->runnable = true;
}

/* A stack pointer that lies in no writable page of the program is refused as a machine refuses a bad stack.
 */
static bool stack_is_its_own(const struct space *s, const struct sim_switch *w)
{
    const uint8_t *at = (const uint8_t *)(uintptr_t)w->context.rsp;
    const struct span *span = span_at(&s->mapped, at);

    return span && span->access == PROCESSOR_READ_WRITE && (size_t)(end_of(span) - at) >= sizeof(uint64_t);
}

static void overrun(struct sim_processor *p, uint16_t space)
{
    const char *name = p->config.name ? p->config.name(p->config.ctx, space) : NULL;

    if (p->config.overrun)
        p->config.overrun(p->config.ctx, space);
    fflush(NULL);
    fprintf(stderr, "capos sim: program %u%s%s did not come back within %u ms of processor time (at %#llx)\n",
            space, name ? ": " : "", name ? name : "", p->config.limit_ms,
            (unsigned long long)p->change.stop.registers[16]);
    exit(1);
}

static void came_back(struct sim_processor *p, struct space *s, struct processor_stop *out)
{
    const struct sim_switch *w = &p->change;

    *out = (struct processor_stop){.event = PROCESSOR_FAULT};
    if (w->by == SIM_BY_FAULT) {
        *out = w->stop;
    } else if (!stack_is_its_own(s, w)) {
        out->code = VECTOR_STACK_FAULT;
        out->address = w->context.rsp;
        out->registers[7] = w->context.rsp;
    } else if (w->by == SIM_BY_EXIT) {
        out->event = PROCESSOR_EXIT;
        out->code = (uint32_t)w->args[0];
    } else {
        out->event = PROCESSOR_ENTER;
        out->min_complete = (uint32_t)w->args[0];
        out->timeout_ns = w->args[1];
    }
    s->context = w->context;
    s->runnable = out->event == PROCESSOR_ENTER;
    p->faults += out->event == PROCESSOR_FAULT;
}

static void sim_run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    struct sim_processor *p = ctx;
    struct space *s = space_of(p, space);

    ASSERT(s->runnable && sim_switch_now == NULL);
    p->change.context = s->context;
    p->change.result = result;
    p->runs++;
    if (p->config.isolate) {
        show(p, s);
        protect_regions(p, PROT_NONE);
    }
    sim_trap_run(p->config.limit_ms);
    sim_switch_now = &p->change;
    if (s->linked)
        p->config.source->enter(s->linked, s->stack, STARTUP_STACK_BYTES);
    sim_switch_in(&p->change);
    if (s->linked)
        p->config.source->leave(s->linked);
    sim_switch_now = NULL;
    if (p->config.isolate)
        protect_regions(p, READ_WRITE);
    if (p->change.by == SIM_BY_LIMIT)
        overrun(p, space);
    came_back(p, s, out);
    if (p->config.between)
        p->config.between(p->config.ctx, space, out);
}

static uint32_t sim_pick(void *ctx, uint32_t n)
{
    const struct sim_processor *p = ctx;

    return p->config.pick ? p->config.pick(p->config.ctx, n) : 0;
}

/* In each space room for every page of the regions and one beside it. */
static bool open_areas(struct sim_processor *p)
{
    for (uint32_t i = 0; i < p->config.region_count; i++)
        p->area_bytes += 2u * p->config.regions[i].bytes;
    p->areas = mmap(NULL, SIM_SPACES_MAX * p->area_bytes, PROT_NONE, NOTHING, -1, 0);
    return p->areas != MAP_FAILED;
}

struct sim_processor *sim_processor_open(const struct sim_processor_config *config)
{
    struct sim_processor *p = calloc(1, sizeof *p);

    ASSERT(config->region_count > 0 && config->region_count <= SIM_REGIONS_MAX);
    if (!p)
        return NULL;
    p->config = *config;
    if (p->config.limit_ms == 0)
        p->config.limit_ms = SIM_RUN_LIMIT_MS;
    if (!open_areas(p)) {
        free(p);
        return NULL;
    }
    if (!sim_trap_open()) {
        munmap(p->areas, SIM_SPACES_MAX * p->area_bytes);
        free(p);
        return NULL;
    }
    return p;
}

void sim_processor_close(struct sim_processor *p)
{
    for (uint16_t i = 0; i < SIM_SPACES_MAX; i++) {
        if (p->spaces[i].used)
            sim_space_destroy(p, i);
    }
    munmap(p->areas, SIM_SPACES_MAX * p->area_bytes);
    sim_trap_close();
    free(p);
}

struct processor sim_processor_ops(struct sim_processor *p)
{
    static const struct processor_ops ops = {
        .space_create = sim_space_create,
        .space_destroy = sim_space_destroy,
        .reserve = sim_reserve,
        .map = sim_map,
        .unmap = sim_unmap,
        .entries = sim_entries,
        .start = sim_start,
        .run = sim_run,
        .pick = sim_pick,
    };

    return (struct processor){&ops, p};
}

uint64_t sim_processor_runs(const struct sim_processor *p)
{
    return p->runs;
}

uint64_t sim_processor_faults(const struct sim_processor *p)
{
    return p->faults;
}

uint8_t *sim_region_map(size_t bytes)
{
    void *at = mmap(NULL, bytes, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

void sim_region_unmap(struct sim_region region)
{
    munmap(region.base, region.bytes);
}
