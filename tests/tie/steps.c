/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tie/steps.h"

#include <inttypes.h>
#include <stdio.h>

#include "abi/assert.h"

static struct {
    uint8_t *base;
    size_t bytes;
    bool inside, paused, full;
    uint32_t count;
    struct steps_event events[STEPS_EVENTS_MAX];
} steps;

void steps_init(uint8_t *base, size_t bytes)
{
    steps.base = base;
    steps.bytes = bytes;
    recorder_init(base, bytes);
}

void steps_clear(void)
{
    ASSERT(!steps.inside);
    steps.count = 0;
    steps.full = false;
}

struct steps_event *steps_note(enum steps_kind kind, uint64_t at, uint32_t width, uint64_t value,
                               const char *what)
{
    if (!steps.inside || steps.paused)
        return NULL;
    if (steps.count == STEPS_EVENTS_MAX) {
        steps.full = true;
        return NULL;
    }
    struct steps_event *event = &steps.events[steps.count++];
    *event = (struct steps_event){.kind = kind, .width = width, .at = at, .value = value, .what = what};
    return event;
}

void steps_enter(const char *call)
{
    ASSERT(!steps.inside);
    steps.inside = true;
    (void)steps_note(STEPS_CALL, 0, 0, 0, call);
    recorder_set(true, false);
}

void steps_leave(void)
{
    recorder_set(false, true);
    ASSERT(steps.inside);
    ASSERT(!steps.paused);
    steps.inside = false;
}

enum steps_pause steps_pause(bool memory)
{
    if (!steps.inside || steps.paused)
        return STEPS_NOT_PAUSED;
    recorder_set(false, memory);
    steps.paused = true;
    return STEPS_PAUSED;
}

void steps_resume(enum steps_pause paused)
{
    if (paused == STEPS_NOT_PAUSED)
        return;
    steps.paused = false;
    recorder_set(true, false);
}

bool steps_in_memory(const void *at, size_t bytes)
{
    const uintptr_t from = (uintptr_t)at;
    const uintptr_t base = (uintptr_t)steps.base;
    return bytes != 0 && from < base + steps.bytes && from + bytes > base;
}

/* The queue whose ring the bytes touch, or DMA_QUEUES_MAX. */
static uint32_t ring_of(const struct author_tap *tap, const struct steps_event *event)
{
    const uint64_t bytes = event->width ? event->width : 1u;
    for (uint32_t i = 0; i < DMA_QUEUES_MAX; i++) {
        const uint64_t base = (uintptr_t)tap->rings[i].base;
        if (base != 0 && event->at < base + tap->rings[i].layout.bytes && event->at + bytes > base)
            return i;
    }
    return DMA_QUEUES_MAX;
}

static const char *name_of(const struct steps_event *event)
{
    switch (event->kind) {
    case STEPS_LOAD:
        return "load";
    case STEPS_STORE:
        return "store";
    default:
        return event->what;
    }
}

static bool print_access(const struct author_tap *tap, const struct steps_event *event)
{
    static const char *const names[DMA_QUEUES_MAX] = {"rx", "tx", "2", "3"};
    const uint32_t queue = ring_of(tap, event);
    if (queue == DMA_QUEUES_MAX)
        return true;
    if (event->width == 0) {
        fputs("capos-steps: a ring is touched by an instruction of unknown form:", stderr);
        for (uint32_t i = 0; i < STEPS_CODE_BYTES; i++)
            fprintf(stderr, " %02x", event->code[i]);
        fputc('\n', stderr);
        return false;
    }
    printf("%s %s%+" PRId64 " %u 0x%" PRIx64 "\n", name_of(event), names[queue],
           (int64_t)(event->at - (uintptr_t)tap->rings[queue].base), event->width, event->value);
    return true;
}

bool steps_print(const struct author_tap *tap)
{
    bool whole = !steps.full;
    if (steps.full)
        fputs("capos-steps: more events than the list holds\n", stderr);
    for (uint32_t i = 0; i < steps.count; i++) {
        const struct steps_event *event = &steps.events[i];
        switch (event->kind) {
        case STEPS_CALL:
            printf("call %s\n", event->what);
            break;
        case STEPS_FULL_BARRIER:
            puts("full barrier");
            break;
        case STEPS_WRITE_BARRIER:
            puts("~write barrier");
            break;
        case STEPS_READ_BARRIER:
            puts("~read barrier");
            break;
        case STEPS_REGISTER:
            printf("%s 0x%" PRIx64 " %u 0x%" PRIx64 "\n", event->what, event->at, event->width, event->value);
            break;
        case STEPS_LOAD:
        case STEPS_STORE:
        case STEPS_BULK:
            whole = print_access(tap, event) && whole;
            break;
        }
    }
    return whole;
}
