/* SPDX-License-Identifier: BSD-2-Clause */
/* Linked programs under the address sanitizer. Owns their data: the pristine copy, and that of each instance
 * which is not in the program's section at the moment. Two instances of one program take turns in the
 * section. The sanitizer is told whose stack is in use, and which pages no longer hold frames. Redzones
 * between a program's variables stay poisoned throughout: they are copied with instructions that nobody
 * checks. */
#include "sim/linked/linked.h"

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>

#include "abi/assert.h"
#include "sim/processor_switch.h"
#include "sim/program_source.h"

struct sim_linked_instance {
    const struct sim_linked_program *program;
    uint8_t *data; /* when its section holds another's */
    const void *host_stack; /* while it runs, as the sanitizer gave it */
    size_t host_stack_bytes;
};

/* For the sanitizer's callbacks alone, which come without a context. */
static const struct sim_linked_program *running;

static size_t bytes_of(const struct sim_linked_section *s)
{
    return (size_t)(s->end - s->begin);
}

static void copy_unchecked(uint8_t *to, const uint8_t *from, size_t bytes)
{
    __asm__ __volatile__("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static uint8_t *room_for(const struct sim_linked_section *s)
{
    uint8_t *room = malloc(bytes_of(s) + 1u);

    ASSERT(room != NULL);
    return room;
}

/* A report begins. What faults from here on is the sanitizer's, and not the program's doing. */
static void say_of_whom(void)
{
    if (running == NULL)
        return;
    sim_switch_now->inside = 0;
    fprintf(stderr, "capos sim: the sanitizer ends program %s, linked into the host:\n", running->name);
}

/* The sanitizers' own hooks, each library's under its name. */
void __asan_on_error(void);
void __ubsan_on_report(void);

void __asan_on_error(void)
{
    say_of_whom();
}

void __ubsan_on_report(void)
{
    say_of_whom();
}

static const struct sim_linked_program *known(uint64_t identity)
{
    for (uint32_t i = 0; i < sim_linked_count; i++) {
        if (sim_linked_programs[i].identity == identity)
            return &sim_linked_programs[i];
    }
    fprintf(stderr, "capos sim: a program file (%016llx) that this executable was not linked for\n",
            (unsigned long long)identity);
    exit(1);
}

static void *linked_start(uint64_t identity, uint64_t *entry)
{
    const struct sim_linked_program *program = known(identity);
    struct sim_linked_section *section = program->section;
    struct sim_linked_instance *instance;

    if (program->begin == NULL)
        return NULL;
    if (section->pristine == NULL) {
        section->pristine = room_for(section);
        copy_unchecked(section->pristine, section->begin, bytes_of(section));
    }
    instance = malloc(sizeof *instance);
    ASSERT(instance != NULL);
    *instance = (struct sim_linked_instance){.program = program, .data = room_for(section)};
    copy_unchecked(instance->data, section->pristine, bytes_of(section));
    *entry = (uint64_t)(uintptr_t)program->begin;
    return instance;
}

static void linked_enter(void *at, const uint8_t *stack, size_t bytes)
{
    struct sim_linked_instance *instance = at;
    struct sim_linked_section *section = instance->program->section;

    if (section->now != instance) {
        if (section->now)
            copy_unchecked(section->now->data, section->begin, bytes_of(section));
        copy_unchecked(section->begin, instance->data, bytes_of(section));
        section->now = instance;
    }
    running = instance->program;
    __sanitizer_start_switch_fiber(NULL, stack, bytes);
    __sanitizer_finish_switch_fiber(NULL, &instance->host_stack, &instance->host_stack_bytes);
}

static void linked_leave(void *at)
{
    const struct sim_linked_instance *instance = at;

    __sanitizer_start_switch_fiber(NULL, instance->host_stack, instance->host_stack_bytes);
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
    running = NULL;
}

static void linked_end(void *at)
{
    struct sim_linked_instance *instance = at;

    if (instance->program->section->now == instance)
        instance->program->section->now = NULL;
    free(instance->data);
    free(instance);
}

static void linked_given_back(uint8_t *at, size_t bytes)
{
    ASAN_UNPOISON_MEMORY_REGION(at, bytes);
}

static const struct sim_program_source source = {
    .start = linked_start,
    .enter = linked_enter,
    .leave = linked_leave,
    .end = linked_end,
    .given_back = linked_given_back,
};

const struct sim_program_source *const sim_linked = &source;
