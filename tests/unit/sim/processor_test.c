/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's processor with programs that capos_program built: ends, faults by kind, data of their own,
 * protection of pages, the host-time limit, lane `isolate`. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/sim/small_kernel.h"
#include "user/rt/rt.h"

#define WRITES 2u /* of a page fault's error code: Intel SDM 3A, 4.7 */

static struct small_kernel k;
static const struct sim_processor_config isolated = {.isolate = true};

static struct processor_stop one(const struct sim_processor_config *config, const char *name,
                                 const char *text)
{
    small_open(&k, config);
    small_load(&k, 0, name, text);
    return small_finish(&k, 0);
}

Test(processor, a_program_prints_and_ends)
{
    const struct processor_stop stop = one(NULL, "hello", "verbose=1 code=42");

    cr_assert_eq(stop.event, PROCESSOR_EXIT);
    cr_assert_eq(stop.code, 42);
    cr_assert_str_eq(k.text, "hello from a program\n");
    cr_assert_eq(sim_processor_faults(k.sim), 0);
    small_close(&k);
}

Test(processor, the_same_program_runs_isolated)
{
    const struct processor_stop stop = one(&isolated, "hello", "code=42");

    cr_assert_eq(stop.event, PROCESSOR_EXIT);
    cr_assert_eq(stop.code, 42);
    cr_assert_str_eq(k.text, "hello from a program\n");
    small_close(&k);
}

static const struct fault {
    const char *kind;
    uint32_t vector;
    uint32_t error_bits; /* set among the error code's */
} faults[] = {
    {"divide", 0, 0},         {"breakpoint", 3, 0},     {"undefined", 6, 0},      {"no-stack", 12, 0},
    {"privileged", 13, 0},    {"port", 13, 0},          {"non-canonical", 13, 0}, {"null", 14, WRITES},
    {"constant", 14, WRITES}, {"code", 14, WRITES},     {"start-up", 14, WRITES}, {"stack", 14, WRITES},
    {"execute-data", 14, 16}, {"execute-null", 14, 16},
};

static void faults_end_so(const struct sim_processor_config *config)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "kind=%s", faults[i].kind);
        const struct processor_stop stop = one(config, "faults", text);

        cr_expect_eq(stop.event, PROCESSOR_FAULT, "%s", faults[i].kind);
        cr_expect_eq(stop.code, faults[i].vector, "%s: vector %u", faults[i].kind, stop.code);
        cr_expect_eq(stop.error & faults[i].error_bits, faults[i].error_bits, "%s: error code %#x",
                     faults[i].kind, stop.error);
        cr_expect_eq(sim_processor_faults(k.sim), 1);
        small_destroy(&k, 0);
        small_close(&k);
    }
}

Test(processor, every_fault_ends_the_program_with_its_vector)
{
    faults_end_so(NULL);
}

Test(processor, every_fault_ends_it_isolated_as_well)
{
    faults_end_so(&isolated);
}

Test(processor, a_fault_tells_address_and_registers)
{
    const struct processor_stop stop = one(NULL, "faults", "kind=start-up");
    const struct small_program *p = &k.programs[0];
    const uint64_t rip = stop.registers[16];
    const uint64_t rsp = stop.registers[7];

    cr_assert_eq(stop.address, p->start_at);
    cr_assert(rip >= p->at && rip < p->at + p->image_pages * PROCESSOR_PAGE);
    cr_assert(rsp > p->stack_at && rsp < p->stack_at + STARTUP_STACK_BYTES);
    small_close(&k);
}

Test(processor, the_stack_ends_at_a_page_that_is_not_there)
{
    const struct processor_stop stop = one(NULL, "faults", "kind=stack");
    const uint64_t stack = k.programs[0].stack_at;

    cr_assert(stop.address >= stack - PROCESSOR_PAGE && stop.address < stack, "%#lx below %#lx",
              (unsigned long)stop.address, (unsigned long)stack);
    small_close(&k);
}

/* Under the sanitizers programs are built so that what C leaves undefined is a trap. */
Test(processor, undefined_behaviour_of_a_program_is_found_where_it_is_looked_for)
{
    const struct processor_stop stop = one(NULL, "faults", "kind=overflow");

    cr_assert_eq(stop.event, PROGRAMS_TRAP ? PROCESSOR_FAULT : PROCESSOR_EXIT);
    cr_assert_eq(stop.code, PROGRAMS_TRAP ? 6 : 0);
    small_close(&k);
}

Test(processor, a_failed_assertion_says_so_and_ends_the_program)
{
    const struct processor_stop stop = one(NULL, "faults", "kind=assert");

    cr_assert_eq(stop.event, PROCESSOR_EXIT);
    cr_assert_eq(stop.code, RT_EXIT_ASSERT);
    cr_assert(strncmp(k.text, "tested: assertion failed: zero == 1, ", 37) == 0, "%s", k.text);
    small_close(&k);
}

static void counters_run_in_turns(const struct sim_processor_config *config)
{
    small_open(&k, config);
    small_counters(&k);
    cr_assert_eq(sim_processor_runs(k.sim), 12);
    small_close(&k);
}

Test(processor, two_instances_have_their_own_data)
{
    counters_run_in_turns(NULL);
}

Test(processor, two_instances_have_their_own_data_isolated)
{
    counters_run_in_turns(&isolated);
}

/* A write to a page that belongs to nobody, at the kernel's address; to the ring page of another program, at
 * that one's address; and to one's own. */
Test(processor, lane_isolate_catches_a_stray_access)
{
    for (unsigned isolate = 0; isolate < 2; isolate++)
        for (unsigned whose = 0; whose < 3; whose++) {
            const struct sim_processor_config config = {.isolate = isolate};

            small_open(&k, &config);
            uint8_t *nobodys = small_pages(&k, 1);
            struct small_program *other = small_load(&k, 1, "counter", "entries=1 first=1");
            const uint8_t *page = whose == 0 ? nobodys : (uint8_t *)&other->ring->completions;
            uint64_t at = (uint64_t)(uintptr_t)nobodys;
            struct small_program *program = small_load(&k, 0, "faults", "");

            if (whose == 1)
                at = other->ring_at + offsetof(struct ring_page, completions);
            if (whose == 2) {
                at = program->ring_at + offsetof(struct ring_page, completions);
                page = (const uint8_t *)program->ring->completions;
            }
            program->start->text_bytes = (uint32_t)snprintf(program->start->text, STARTUP_TEXT_BYTES,
                                                            "kind=address at=%lu", (unsigned long)at);
            const struct processor_stop stop = small_finish(&k, 0);
            if (isolate && whose < 2) {
                cr_assert_eq(stop.event, PROCESSOR_FAULT);
                cr_assert_eq(stop.address, at);
                cr_assert_eq(page[0], 0);
            } else {
                cr_assert_eq(stop.event, PROCESSOR_EXIT, "isolate %u, page %u", isolate, whose);
                cr_assert_eq(page[0], 1);
            }
            /* The other goes on. */
            cr_assert_eq(small_run(&k, 1, 0).event, PROCESSOR_ENTER);
            small_close(&k);
        }
}

Test(processor, a_faulted_program_leaves_its_neighbour_alone)
{
    small_open(&k, NULL);
    small_load(&k, 0, "faults", "kind=undefined");
    small_load(&k, 1, "counter", "entries=1 first=3");
    cr_assert_eq(small_run(&k, 1, 0).event, PROCESSOR_ENTER);
    cr_assert_eq(small_run(&k, 0, 0).event, PROCESSOR_FAULT);
    small_destroy(&k, 0);
    cr_assert_eq(small_run(&k, 1, 3).code, 103 + 1 + 1);
    small_close(&k);
}

/* Pages of an ended program are the kernel's to scrub, and another's to get. */
Test(processor, a_space_is_gone_and_comes_again)
{
    small_open(&k, NULL);
    for (unsigned i = 0; i < 20; i++) {
        k.used = 0;
        k.text_bytes = 0;
        struct small_program *p = small_load(&k, 0, "hello", "code=1");
        cr_assert_eq(small_finish(&k, 0).code, 1);
        if (i % 2 == 0)
            k.processor.ops->unmap(k.processor.ctx, 0, p->at, p->image_pages);
        small_destroy(&k, 0);
        memset(k.config.regions[0].base, 0, k.config.regions[0].bytes);
    }
    small_close(&k);
}

static const char *name_of(void *ctx, uint16_t space)
{
    (void)ctx;
    return space == 3 ? "spinner" : "another";
}

Test(processor, a_program_that_does_not_come_back_fails_the_run_by_name)
{
    const struct sim_processor_config config = {.limit_ms = 50, .name = name_of};
    char said[256] = {0};
    int ends[2];
    int status;

    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        small_open(&k, &config);
        small_load(&k, 3, "forever", "");
        small_run(&k, 3, 0);
        _exit(0);
    }
    close(ends[1]);
    cr_assert_gt(read(ends[0], said, sizeof said - 1u), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    cr_assert(strstr(said, "program 3: spinner did not come back within 50 ms"), "%s", said);
}

static void overrun(void *ctx, uint16_t space)
{
    *(uint16_t *)ctx = space;
    exit(space == 3 ? 7 : 1);
}

Test(processor, the_end_of_a_run_without_return_is_the_callers_to_make, .exit_code = 7)
{
    static uint16_t which;
    const struct sim_processor_config config = {.limit_ms = 50, .ctx = &which, .overrun = overrun};

    small_open(&k, &config);
    small_load(&k, 3, "forever", "");
    small_run(&k, 3, 0);
}

Test(processor, a_fault_outside_of_a_program_is_a_crash, .signal = SIGSEGV)
{
    signal(SIGSEGV, SIG_DFL); /* not a sanitizer's report */
    small_open(&k, NULL);
    small_load(&k, 0, "counter", "entries=2 first=0");
    cr_assert_eq(small_run(&k, 0, 0).event, PROCESSOR_ENTER);
    *(volatile uint32_t *)(uintptr_t)(k.programs[0].at + PROCESSOR_PAGE) = 1; /* its code, by the kernel */
}

static uint32_t last(void *ctx, uint32_t n)
{
    (void)ctx;
    return n - 1u;
}

Test(processor, which_program_is_next_is_a_choice)
{
    const struct sim_processor_config chosen = {.pick = last};

    small_open(&k, &chosen);
    cr_assert_eq(k.processor.ops->pick(k.processor.ctx, 5), 4);
    small_close(&k);
    small_open(&k, NULL);
    cr_assert_eq(k.processor.ops->pick(k.processor.ctx, 5), 0);
    small_close(&k);
}

/* In every lane: what lies beside a room is never there, whatever the kernel has beside its pages. */
Test(processor, the_pages_around_a_room_are_not_there)
{
    for (unsigned lane = 0; lane < 4; lane++) {
        const struct sim_processor_config config = {.isolate = lane % 2u};

        small_open(&k, &config);
        struct small_program *program = small_load(&k, 0, "faults", "");
        const uint64_t at =
            lane < 2 ? program->ring_at - sizeof(uint64_t) : program->ring_at + PROCESSOR_PAGE;
        program->start->text_bytes = (uint32_t)snprintf(program->start->text, STARTUP_TEXT_BYTES,
                                                        "kind=address at=%lu", (unsigned long)at);
        const struct processor_stop stop = small_finish(&k, 0);
        cr_assert_eq(stop.event, PROCESSOR_FAULT);
        cr_assert_eq(stop.code, 14);
        cr_assert_eq(stop.address, at);
        small_close(&k);
    }
}

/* One page, read-only in one program and writable in another. */
Test(processor, each_program_has_its_own_access_to_a_page)
{
    for (unsigned lane = 0; lane < 2; lane++) {
        const struct sim_processor_config config = {.isolate = lane};

        small_open(&k, &config);
        uint8_t *page = small_pages(&k, 1);
        for (uint16_t space = 0; space < 3; space++) {
            struct small_program *program = small_load(&k, space, "faults", "");
            const struct processor *p = &k.processor;
            const uint64_t at = p->ops->reserve(p->ctx, space, page, 1);

            cr_assert(
                p->ops->map(p->ctx, space, at, page, 1, space == 1 ? PROCESSOR_READ_WRITE : PROCESSOR_READ));
            program->start->text_bytes = (uint32_t)snprintf(program->start->text, STARTUP_TEXT_BYTES,
                                                            "kind=address at=%lu", (unsigned long)at);
        }
        for (uint16_t space = 0; space < 3; space++) {
            page[0] = 0; /* the kernel may, whoever runs next */
            const struct processor_stop stop = small_finish(&k, space);
            cr_assert_eq(stop.event, space == 1 ? PROCESSOR_EXIT : PROCESSOR_FAULT, "space %u", space);
            cr_assert_eq(page[0], space == 1);
        }
        small_close(&k);
    }
}

Test(processor, rooms_lie_apart_and_come_free)
{
    small_open(&k, NULL);
    uint8_t *pages = small_pages(&k, 4);
    const struct processor *p = &k.processor;
    cr_assert(p->ops->space_create(p->ctx, 0));
    const uint64_t first = p->ops->reserve(p->ctx, 0, pages, 4);
    cr_assert_neq(first, 0);
    const uint64_t second = p->ops->reserve(p->ctx, 0, pages, 4);
    cr_assert_geq(second, first + 5u * PROCESSOR_PAGE);
    p->ops->unmap(p->ctx, 0, first, 4);
    cr_assert_geq(p->ops->reserve(p->ctx, 0, pages, 5), second + 5u * PROCESSOR_PAGE, "too small a room");
    cr_assert_eq(p->ops->reserve(p->ctx, 0, pages, 4), first);
    cr_assert(p->ops->space_create(p->ctx, 1));
    cr_assert_neq(p->ops->reserve(p->ctx, 1, k.config.regions[0].base, SMALL_PAGES), 0);
    cr_assert_eq(p->ops->reserve(p->ctx, 1, k.config.regions[0].base, SMALL_PAGES), 0, "no room is left");
    small_close(&k);
}
