/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench of userland.c: a space with four pages for a program of a few instructions, and what came of its
 * turns. Pages come from the region of programs, at a place of each space's own. */
#ifndef CAPOS_TESTS_BOOT_USER_BENCH_H
#define CAPOS_TESTS_BOOT_USER_BENCH_H

#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/console.h"
#include "evidence/text.h"
#include "kernel/arch/x86_64/processor.h"
#include "platform/platform.h"

#define TURNS_MAX 100000u /* that a program of a few instructions may be preempted */

enum part { TEXT, STACK, DATA, CONSTANTS, STUBS, PARTS = STUBS, ABSOLUTE, NOWHERE };

/* Words of a data page. */
enum word { AT_ENTER, AT_EXIT, AT_CONSTANTS, AT_TEXT, AT_STACK, AT_STOP, AT_KEPT, AT_ADDRESS, AT_VALUE };

struct bed {
    struct platform *platform;
    struct console *console;
    const struct processor *processor;
    struct machine_processor *machine;
    uint8_t *memory; /* the region of programs */
    uint64_t taken; /* pages of it */
    uint32_t failed;
};

struct made {
    uint16_t space;
    uint64_t *page[PARTS]; /* as the kernel sees it */
    uint64_t at[PARTS + 1]; /* as the program does */
};

static const struct processor_ops *ops(const struct bed *b)
{
    return b->processor->ops;
}

static uint64_t *take_pages(struct bed *b, uint32_t pages)
{
    uint8_t *at = b->memory + b->taken * LAYOUT_PAGE;
    b->taken += pages;
    ASSERT(b->taken * LAYOUT_PAGE <= platform_memory_region(b->platform).bytes);
    memset(at, 0, (size_t)pages * LAYOUT_PAGE);
    return (uint64_t *)(void *)at;
}

static uint64_t give(struct bed *b, uint16_t space, uint64_t *memory, uint32_t pages,
                     enum processor_access access)
{
    void *ctx = b->processor->ctx;
    const uint64_t at = ops(b)->reserve(ctx, space, (uint8_t *)memory, pages);
    ASSERT(at != 0);
    ASSERT(ops(b)->map(ctx, space, at, (uint8_t *)memory, pages, access));
    return at;
}

/* A space with the four pages, started at its code with RDI at its data page. */
static struct made make(struct bed *b, uint16_t space, const uint8_t *code, const uint8_t *end)
{
    static const enum processor_access access[PARTS] = {[TEXT] = PROCESSOR_READ_EXECUTE,
                                                        [STACK] = PROCESSOR_READ_WRITE,
                                                        [DATA] = PROCESSOR_READ_WRITE,
                                                        [CONSTANTS] = PROCESSOR_READ};
    struct made m = {.space = space};
    uint64_t enter, exit;
    void *ctx = b->processor->ctx;
    b->taken = space * 8u;
    ASSERT(ops(b)->space_create(ctx, space));
    ops(b)->entries(ctx, space, &enter, &exit);
    for (uint32_t i = 0; i < PARTS; i++) {
        m.page[i] = take_pages(b, 1);
        m.at[i] = give(b, space, m.page[i], 1, access[i]);
    }
    m.at[STUBS] = enter & ~(LAYOUT_PAGE - 1ull);
    memcpy(m.page[TEXT], code, (size_t)(end - code));
    m.page[DATA][AT_ENTER] = enter;
    m.page[DATA][AT_EXIT] = exit;
    m.page[DATA][AT_CONSTANTS] = m.at[CONSTANTS];
    m.page[DATA][AT_TEXT] = m.at[TEXT];
    m.page[DATA][AT_STACK] = m.at[STACK];
    ops(b)->start(ctx, space, m.at[TEXT], m.at[STACK] + LAYOUT_PAGE, m.at[DATA]);
    return m;
}

#define MAKE(b, space, name) make(b, space, name, name##_end)

static void destroy(struct bed *b, const struct made *m)
{
    ops(b)->space_destroy(b->processor->ctx, m->space);
}

static struct processor_stop run_once(struct bed *b, const struct made *m, uint32_t result)
{
    struct processor_stop stop;
    memset(&stop, 0xa5, sizeof stop);
    ops(b)->run(b->processor->ctx, m->space, result, &stop);
    return stop;
}

/* Until it stops by itself: its slice may end before. */
static struct processor_stop run(struct bed *b, const struct made *m, uint32_t result)
{
    struct processor_stop stop = run_once(b, m, result);
    for (uint32_t i = 0; i < TURNS_MAX && stop.event == PROCESSOR_PREEMPTED; i++)
        stop = run_once(b, m, 0);
    return stop;
}

static void number(struct text *t, const char *name, uint64_t value)
{
    text_string(t, name);
    text_hex(t, value, 16);
}

static bool told(struct bed *b, const char *what, const struct processor_stop *s)
{
    char buffer[240];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, what);
    number(&t, ": event ", s->event);
    number(&t, " code ", s->code);
    number(&t, " error ", s->error);
    number(&t, " address ", s->address);
    number(&t, " rip ", s->registers[16]);
    console_line(b->console, t.at, t.used);
    return false;
}

static bool entered(struct bed *b, const struct made *m, uint32_t result)
{
    const struct processor_stop s = run(b, m, result);
    return s.event == PROCESSOR_ENTER || told(b, "no call", &s);
}

static bool exited(struct bed *b, const struct made *m, uint32_t result, uint32_t code)
{
    const struct processor_stop s = run(b, m, result);
    return (s.event == PROCESSOR_EXIT && s.code == code) || told(b, "no such exit", &s);
}

static bool faulted(struct bed *b, const struct made *m, uint32_t vector, uint32_t error, uint64_t address)
{
    const struct processor_stop s = run(b, m, 0);
    return (s.event == PROCESSOR_FAULT && s.code == vector && s.error == error && s.address == address) ||
           told(b, "no such fault", &s);
}

#endif
