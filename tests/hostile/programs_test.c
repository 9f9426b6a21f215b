/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that attacks from within, as the first process of a system over two modelled cards: what each of
 * its attacks comes to is in program/attacks.def. While it runs, what the kernel writes for it is searched
 * for addresses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/rows.h"
#include "tests/support/booted.h"

/* So few pages that how many are free, beside how many devices are claimed, does not look like an address. */
#define MEMORY_BYTES (8u << 20)
#define TEXT_BYTES   (1u << 18)

static struct {
    struct booted b;
    uint64_t looks, leaks;
    size_t text_bytes;
    char text[TEXT_BYTES];
} t;

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    (void)ctx;
    if (port != CONSOLE_MAIN || t.text_bytes + bytes >= sizeof t.text)
        return;
    memcpy(t.text + t.text_bytes, text, bytes);
    t.text_bytes += bytes;
}

/* A device address of a page that the kernel grants (the first never is, and looks like a handle), or an
 * address in the kernel's own storage. */
static bool is_address(uint64_t word)
{
    const uint64_t bus = SIM_BUS_BASE + DMA_PAGE_BYTES, kernel = (uint64_t)(uintptr_t)t.b.k;

    return (word >= bus && word < SIM_BUS_BASE + dm_memory_bytes(t.b.world.memory)) ||
           (word >= kernel && word < kernel + sizeof *t.b.k);
}

static void search(const void *at, size_t bytes)
{
    for (size_t i = 0; i + sizeof(uint64_t) <= bytes; i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, (const uint8_t *)at + i, sizeof word);
        t.leaks += is_address(word);
    }
    t.looks++;
}

/* What the program finds when it goes on: completions, received calls, its start-up page, its MemoryObjects
 * with the usage and audit records in them. */
static void look(uint16_t space)
{
    const struct system *s = &t.b.k->userland.system;
    const struct process *p = &s->processes[space];

    search(&p->ring->header, sizeof p->ring->header);
    search(p->ring->completions, sizeof p->ring->completions);
    search(p->ring->inbox, sizeof p->ring->inbox);
    search(p->startup, offsetof(struct startup_page, ring));
    search(p->startup->grants, sizeof *p->startup - offsetof(struct startup_page, grants));
    for (uint32_t i = 0; i < MEMORIES_MAX; i++) {
        const struct memory_object *m = &s->memories[i];

        if (m->used && !m->foreign && m->mapped_at[space] != 0)
            search(m->memory, (size_t)m->pages * PROCESSOR_PAGE);
    }
}

static void run_watched(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    look(space);
    t.b.inner.ops->run(ctx, space, result, out);
}

/* The search can find something. */
static void plant(uint64_t word)
{
    search(&word, sizeof word);
    cr_assert_eq(t.leaks, 1);
    t.leaks = 0;
}

static const char *attacked(enum dm_transport transport, bool isolate)
{
    struct sim_world_config config = sim_world_defaults(transport);

    memset(&t, 0, sizeof t);
    config.nic_count = 2;
    config.nics[0].model.msix_vectors = 4; /* more than one process may have */
    config.nics[1] = config.nics[0];
    config.nics[1].model.bdf = 0;
    for (unsigned i = 0; i < 2; i++)
        config.nics[i].backend = SIM_BACKEND_LOOP;
    config.memory_bytes = MEMORY_BYTES;
    config.programs_bytes = BOOTED_PROGRAMS_BYTES;
    config.console = console;
    booted_open(&t.b, &config, HOSTILE_PACKAGE);
    plant(SIM_BUS_BASE + DMA_PAGE_BYTES);
    plant((uint64_t)(uintptr_t)&t.b.k->kernel.stats);
    return booted_run(&t.b, isolate, run_watched);
}

static void keep_table(const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/programs-%s.txt", HOSTILE_FOLDER, name);
    FILE *out = fopen(path, "w");
    cr_assert_not_null(out, "%s", path);
    fwrite(t.text, 1, t.text_bytes, out);
    fclose(out);
}

static void all_as_due(enum dm_transport transport, bool isolate, const char *name)
{
    const char *failed = attacked(transport, isolate);

    keep_table(name);
    cr_expect_null(failed, "%s", failed); /* every budget as before the first process */
    cr_expect_eq(hostile_judge(t.text, false, stderr), 0);
    cr_expect_not_null(strstr(t.text, "hostile: done\n"));
    cr_expect_gt(t.looks, 10000);
    cr_expect_eq(t.leaks, 0, "%lu words are addresses", (unsigned long)t.leaks);
    cr_expect_eq(sim_world_complaints(&t.b.world, 2), 0);
    booted_close(&t.b);
}

Test(programs, every_attack_on_a_modern_device_is_refused_once)
{
    all_as_due(DM_MODERN, false, "modern");
}

Test(programs, every_attack_on_a_legacy_device_is_refused_once)
{
    all_as_due(DM_LEGACY, false, "legacy");
}

Test(programs, every_attack_of_an_isolated_program_is_refused_once)
{
    all_as_due(DM_MODERN, true, "isolated");
}

/* The judge can fail: a row missing, twice, changed, and one too many. */
Test(programs, the_table_is_judged)
{
    static char text[TEXT_BYTES];
    size_t used = 0;

    for (size_t i = 0; i < hostile_rows(); i++) {
        hostile_row(i, false, text + used, sizeof text - used);
        strcat(text, "\n");
        used = strlen(text);
    }
    cr_assert_eq(hostile_judge(text, false, NULL), 0);
    cr_assert_gt(hostile_judge(strchr(text, '\n') + 1, false, NULL), 0);
    strcat(text, "attack unknown enter=0\n");
    cr_assert_eq(hostile_judge(text, false, NULL), 1);
    text[used] = 0;
    char *denials = strstr(text, "denials=1");
    denials[8] = '2';
    cr_assert_eq(hostile_judge(text, false, NULL), 1);
    denials[8] = '1';
    hostile_row(0, false, text + used, sizeof text - used);
    strcat(text, "\n");
    cr_assert_gt(hostile_judge(text, false, NULL), 0);
}
