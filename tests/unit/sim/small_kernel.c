/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests' small kernel: trusts the programs that it runs as far as they are the tests' own. */
#include "tests/unit/sim/small_kernel.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "kernel/core/elf.h"

#define STACK_PAGES    (STARTUP_STACK_BYTES / PROCESSOR_PAGE)
#define FILE_BYTES_MAX (1u << 20)

void small_open(struct small_kernel *k, const struct sim_processor_config *config)
{
    memset(k, 0, sizeof *k);
    if (config)
        k->config = *config;
    k->config.regions[0] =
        (struct sim_region){sim_region_map(SMALL_PAGES * PROCESSOR_PAGE), SMALL_PAGES * PROCESSOR_PAGE};
    k->config.region_count = 1;
    cr_assert_not_null(k->config.regions[0].base);
    k->sim = sim_processor_open(&k->config);
    cr_assert_not_null(k->sim);
    k->processor = sim_processor_ops(k->sim);
}

void small_close(struct small_kernel *k)
{
    sim_processor_close(k->sim);
    sim_region_unmap(k->config.regions[0]);
}

uint8_t *small_pages(struct small_kernel *k, uint32_t pages)
{
    uint8_t *at = k->config.regions[0].base + (size_t)(k->used + 1u) * PROCESSOR_PAGE;

    k->used += pages + 1u;
    cr_assert_lt(k->used, SMALL_PAGES);
    return at;
}

static uint64_t mapped(struct small_kernel *k, uint16_t space, uint8_t *pages, uint32_t count,
                       enum processor_access access)
{
    const struct processor *p = &k->processor;
    const uint64_t at = p->ops->reserve(p->ctx, space, pages, count);

    cr_assert_neq(at, 0);
    cr_assert(p->ops->map(p->ctx, space, at, pages, count, access));
    return at;
}

static size_t read_program(const char *name, uint8_t *out)
{
    char path[512];

    snprintf(path, sizeof path, "%s/test_%s.elf", TEST_PROGRAMS, name);
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in, "%s", path);
    const size_t bytes = fread(out, 1, FILE_BYTES_MAX, in);
    fclose(in);
    return bytes;
}

static void grant(struct startup_page *page, const char *name, cap_id cap, uint16_t interface)
{
    struct startup_grant *g = &page->grants[page->grant_count++];

    strcpy(g->name, name);
    g->cap = cap;
    g->interface = interface;
}

static void fill_startup(struct small_kernel *k, uint16_t space, struct startup_page *page, uint64_t ring,
                         const char *text)
{
    uint64_t enter;
    uint64_t leave;

    k->processor.ops->entries(k->processor.ctx, space, &enter, &leave);
    page->magic = STARTUP_MAGIC;
    page->version = STARTUP_VERSION;
    strcpy(page->name, "tested");
    page->ring = (struct ring_page *)(uintptr_t)ring;
    page->cap_enter = (uint32_t(*)(uint32_t, uint64_t))(uintptr_t)enter;
    page->exit = (void (*)(uint32_t))(uintptr_t)leave;
    grant(page, "console", SMALL_CONSOLE, CAP_IF_SERIAL);
    grant(page, "memory", SMALL_MEMORY, CAP_IF_MEMORY_SOURCE);
    page->text_bytes = (uint32_t)strlen(text);
    strcpy(page->text, text);
}

struct small_program *small_load(struct small_kernel *k, uint16_t space, const char *name, const char *text)
{
    static uint8_t file[FILE_BYTES_MAX];
    struct small_program *program = &k->programs[space];
    struct elf_layout layout;
    uint64_t entry;
    const size_t bytes = read_program(name, file);

    cr_assert(k->processor.ops->space_create(k->processor.ctx, space));
    cr_assert_eq(elf_measure(file, bytes, &layout), ELF_OK);
    *program = (struct small_program){.image = small_pages(k, layout.pages), .image_pages = layout.pages};
    cr_assert_eq(elf_place(file, &layout, program->image, &k->processor, space, &program->at, &entry),
                 ELF_OK);
    program->ring = (struct ring_page *)small_pages(k, 1);
    program->start = (struct startup_page *)small_pages(k, 1);
    program->stack = small_pages(k, STACK_PAGES);
    program->ring_at = mapped(k, space, (uint8_t *)program->ring, 1, PROCESSOR_READ_WRITE);
    program->start_at = mapped(k, space, (uint8_t *)program->start, 1, PROCESSOR_READ);
    program->stack_at = mapped(k, space, program->stack, STACK_PAGES, PROCESSOR_READ_WRITE);
    fill_startup(k, space, program->start, program->ring_at, text);
    k->processor.ops->start(k->processor.ctx, space, entry, program->stack_at + STARTUP_STACK_BYTES,
                            program->start_at);
    return program;
}

struct processor_stop small_run(struct small_kernel *k, uint16_t space, uint32_t result)
{
    struct processor_stop stop;

    memset(&stop, 0xa5, sizeof stop);
    k->processor.ops->run(k->processor.ctx, space, result, &stop);
    return stop;
}

static void serve(struct small_kernel *k, uint16_t space, const struct ring_submission *s,
                  struct ring_completion *c)
{
    struct small_program *program = &k->programs[space];

    cr_assert_eq(s->opcode, RING_CALL);
    if (cap_same(s->cap, SMALL_MEMORY)) {
        cr_assert_eq(s->method, MEMORY_CREATE);
        program->object = small_pages(k, (uint32_t)((s->args[0] + PROCESSOR_PAGE - 1u) / PROCESSOR_PAGE));
        c->cap = SMALL_OBJECT;
    } else if (cap_same(s->cap, SMALL_OBJECT)) {
        cr_assert_eq(s->method, MEMORY_MAP);
        cr_assert_eq(s->args[0], 1);
        c->value = mapped(k, space, program->object, 1, PROCESSOR_READ_WRITE);
    } else {
        cr_assert(cap_same(s->cap, SMALL_CONSOLE) && cap_same(s->extra, SMALL_OBJECT));
        cr_assert_eq(s->flags, RING_EXTRA_RANGE);
        cr_assert_lt(k->text_bytes + s->length, sizeof k->text);
        memcpy(k->text + k->text_bytes, program->object + s->offset, s->length);
        k->text_bytes += s->length;
        c->value = s->length;
    }
}

struct processor_stop small_finish(struct small_kernel *k, uint16_t space)
{
    struct small_program *program = &k->programs[space];
    struct processor_stop stop = small_run(k, space, RING_ENTERED);

    for (; stop.event == PROCESSOR_ENTER; stop = small_run(k, space, RING_ENTERED)) {
        for (; program->taken != program->ring->header.submit_tail; program->taken++) {
            const struct ring_submission s = program->ring->submissions[program->taken % RING_SUBMISSIONS];
            struct ring_completion c = {.user = s.user};
            serve(k, space, &s, &c);
            program->ring->completions[program->completed++ % RING_COMPLETIONS] = c;
        }
        program->ring->header.submit_head = program->taken;
        program->ring->header.complete_tail = program->completed;
    }
    return stop;
}

void small_counters(struct small_kernel *k)
{
    for (uint16_t space = 0; space < 2; space++) {
        char text[64];
        snprintf(text, sizeof text, "entries=5 first=%u", 10u * (space + 1u));
        small_load(k, space, "counter", text);
    }
    for (uint32_t i = 0; i < 6; i++)
        for (uint16_t space = 0; space < 2; space++) {
            const uint32_t first = 10u * (space + 1u);
            const struct processor_stop stop = small_run(k, space, first);

            if (i < 5) {
                cr_assert_eq(stop.event, PROCESSOR_ENTER);
                cr_assert_eq(stop.min_complete, i);
                cr_assert_eq(stop.timeout_ns, first + i);
            } else {
                cr_assert_eq(stop.event, PROCESSOR_EXIT);
                cr_assert_eq(stop.code, 100 + first + 5 + 5);
            }
        }
}

void small_destroy(struct small_kernel *k, uint16_t space)
{
    k->processor.ops->space_destroy(k->processor.ctx, space);
}
