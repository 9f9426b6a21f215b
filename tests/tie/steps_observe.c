/* SPDX-License-Identifier: BSD-2-Clause */
/* The observed build's recorder: ringmem.h of platform/explore tells of each access; platform/explore/plain.c
 * does it. */
#include "platform/explore/ringmem.h"
#include "tests/tie/steps.h"

void recorder_init(uint8_t *base, size_t bytes)
{
    (void)base;
    (void)bytes;
}

void recorder_set(bool on, bool memory)
{
    (void)on;
    (void)memory;
}

uint32_t __real_ring_observed_load(const void *at, uint8_t width);
uint32_t __wrap_ring_observed_load(const void *at, uint8_t width);
uint32_t __wrap_ring_observed_load(const void *at, uint8_t width)
{
    const uint32_t value = __real_ring_observed_load(at, width);
    (void)steps_note(STEPS_LOAD, (uintptr_t)at, width, value, NULL);
    return value;
}

void __real_ring_observed_store(void *at, uint8_t width, uint64_t value);
void __wrap_ring_observed_store(void *at, uint8_t width, uint64_t value);
void __wrap_ring_observed_store(void *at, uint8_t width, uint64_t value)
{
    (void)steps_note(STEPS_STORE, (uintptr_t)at, width, value, NULL);
    __real_ring_observed_store(at, width, value);
}

void __real_ring_observed_barrier(enum ring_barrier kind);
void __wrap_ring_observed_barrier(enum ring_barrier kind);
void __wrap_ring_observed_barrier(enum ring_barrier kind)
{
    static const enum steps_kind kinds[] = {[RING_BARRIER_WRITE] = STEPS_WRITE_BARRIER,
                                            [RING_BARRIER_READ] = STEPS_READ_BARRIER,
                                            [RING_BARRIER_FULL] = STEPS_FULL_BARRIER};
    (void)steps_note(kinds[kind], 0, 0, 0, NULL);
    __real_ring_observed_barrier(kind);
}
