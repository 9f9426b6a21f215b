/* SPDX-License-Identifier: BSD-2-Clause */
/* As much of a kernel as a test of the simulator's processor needs: pages in a row, one program a space, the
 * ring's calls for memory and text. */
#ifndef CAPOS_TESTS_SMALL_KERNEL_H
#define CAPOS_TESTS_SMALL_KERNEL_H

#include "abi/methods.h"
#include "abi/startup.h"
#include "sim/processor.h"

#define SMALL_PAGES   1024u
#define SMALL_CONSOLE ((cap_id){1, 1})
#define SMALL_MEMORY  ((cap_id){2, 1})
#define SMALL_OBJECT  ((cap_id){3, 1})

struct small_program {
    struct startup_page *start;
    struct ring_page *ring;
    uint8_t *image, *object, *stack;
    uint32_t image_pages;
    uint64_t at, ring_at, start_at, stack_at; /* image and the other three as the program sees them */
    uint32_t taken; /* submissions */
    uint32_t completed; /* completions */
};

struct small_kernel {
    struct sim_processor_config config;
    struct sim_processor *sim;
    struct processor processor;
    uint32_t used; /* pages */
    struct small_program programs[SIM_SPACES_MAX];
    char text[4096]; /* what was printed */
    uint32_t text_bytes;
};

/* `config` NULL: defaults. Its regions are replaced. */
void small_open(struct small_kernel *k, const struct sim_processor_config *config);
void small_close(struct small_kernel *k);
/* Pages behind all others and a gap. */
uint8_t *small_pages(struct small_kernel *k, uint32_t pages);
/* Loads build/<preset>/test-programs/test_NAME.elf into a new space and starts it. */
struct small_program *small_load(struct small_kernel *k, uint16_t space, const char *name, const char *text);
/* One run. */
struct processor_stop small_run(struct small_kernel *k, uint16_t space, uint32_t result);
/* Runs and serves its ring until it ends. */
struct processor_stop small_finish(struct small_kernel *k, uint16_t space);
/* Two instances of program counter in turns, in spaces 0 and 1, until both have ended: each finds its
 * registers, stack and data as it left them, or the test fails. */
void small_counters(struct small_kernel *k);
void small_destroy(struct small_kernel *k, uint16_t space);

#endif
