/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs linked into the host: what the sanitizers find in them ends the process with the program's name,
 * each life has data of its own, and a file that nobody linked does not run unseen. */
#include <criterion/criterion.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/program_source.h"
#include "tests/unit/sim/small_kernel.h"

#define SAID_BYTES 65536u

static struct small_kernel k;
static char said[SAID_BYTES];

static uint32_t life(uint16_t space, const char *text)
{
    small_load(&k, space, "planted", text);
    const struct processor_stop stop = small_finish(&k, space);

    cr_assert_eq(stop.event, PROCESSOR_EXIT);
    small_destroy(&k, space);
    return stop.code;
}

static void open_linked(bool isolate)
{
    const struct sim_processor_config config = {.isolate = isolate, .source = sim_linked};

    cr_assert_not_null(sim_linked);
    small_open(&k, &config);
}

/* In a child: what it said, and that it ended by itself and not well. */
static void dies(const char *program, const char *text)
{
    size_t got = 0;
    ssize_t more;
    int ends[2], status;

    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        open_linked(false);
        small_load(&k, 0, program, text);
        small_finish(&k, 0);
        _exit(0);
    }
    close(ends[1]);
    while ((more = read(ends[0], said + got, SAID_BYTES - 1u - got)) > 0)
        got += (size_t)more;
    said[got] = 0;
    close(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %#x: %s", status, said);
}

static void reported(const char *text, const char *kind, const char *where)
{
    dies("planted", text);
    cr_expect_not_null(strstr(said, kind), "%s: %s", text, said);
    cr_expect_not_null(strstr(said, where), "%s: %s", text, said);
    cr_expect_not_null(
        strstr(said, "capos sim: the sanitizer ends program test_planted, linked into the host:\n"), "%s: %s",
        text, said);
}

Test(linked, a_write_out_of_bounds_is_reported_by_name)
{
    reported("global=13", "AddressSanitizer: global-buffer-overflow", "write_to");
    reported("local=13", "AddressSanitizer: stack-buffer-overflow", "write_local");
    reported("element=13", "index 13 out of bounds", "planted.c");
}

Test(linked, a_write_within_bounds_is_not)
{
    open_linked(false);
    cr_assert_eq(life(0, "global=12 local=12 element=12"), 1);
    small_close(&k);
}

Test(linked, what_another_left_in_the_data_is_gone_at_the_next_start)
{
    for (unsigned i = 0; i < 2; i++) { /* the data outlives the processor */
        open_linked(false);
        cr_assert_eq(life(0, ""), 1);
        cr_assert_eq(life(0, ""), 1);
        cr_assert_eq(life(1, ""), 1);
        small_close(&k);
    }
}

/* And each is found again as it was left, redzones between the variables included. */
Test(linked, two_instances_have_their_own_data)
{
    open_linked(false);
    small_counters(&k);
    small_close(&k);
    reported("global=13", "AddressSanitizer: global-buffer-overflow", "write_to");
}

/* Pages of others are a matter of the processor, linked or not; isolated, a touch ends the program alone. */
Test(linked, a_stray_access_ends_an_isolated_program_by_a_fault)
{
    open_linked(true);
    const uint8_t *nobodys = small_pages(&k, 1);
    char text[64];

    snprintf(text, sizeof text, "address=%lu", (unsigned long)(uintptr_t)nobodys);
    small_load(&k, 0, "planted", text);
    const struct processor_stop stop = small_finish(&k, 0);
    cr_assert_eq(stop.event, PROCESSOR_FAULT);
    cr_assert_eq(stop.address, (uint64_t)(uintptr_t)nobodys);
    small_destroy(&k, 0);
    cr_assert_eq(life(0, ""), 1);
    small_close(&k);
}

/* And the addresses where the program saw it are another's to get. */
Test(linked, a_stack_that_ends_in_frames_is_the_kernels_again)
{
    open_linked(false);
    small_load(&k, 0, "counter", "entries=1 first=3");
    cr_assert_eq(small_run(&k, 0, 0).event, PROCESSOR_ENTER);
    uint8_t *seen = (uint8_t *)(uintptr_t)k.programs[0].stack_at;
    cr_assert_not_null(__asan_region_is_poisoned(seen, STARTUP_STACK_BYTES));
    small_destroy(&k, 0); /* killed where it was */
    cr_assert_null(__asan_region_is_poisoned(seen, STARTUP_STACK_BYTES));
    memset(k.programs[0].stack, 0, STARTUP_STACK_BYTES);
    small_close(&k);
}

Test(linked, a_program_that_nobody_linked_ends_the_run)
{
    dies("forever", "");
    cr_assert_not_null(strstr(said, "that this executable was not linked for\n"), "%s", said);
}

Test(linked, a_program_that_is_to_run_as_its_file_does)
{
    open_linked(false);
    small_load(&k, 0, "hello", "verbose=1 code=42");
    const struct processor_stop stop = small_finish(&k, 0);

    cr_assert_eq(stop.event, PROCESSOR_EXIT);
    cr_assert_eq(stop.code, 42);
    small_close(&k);
}
